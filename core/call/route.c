/*
 * Routes: what a dialled number stands for, and the path of links that its calls are led through. A path is
 * frozen in the call; a retarget adds a new route below the link that asked for it.
 */
#include "core/call/internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The application that a subscriber's terminating chain ends with, when he has a mailbox. */
#define MAILBOX_APP "voicemail"

const struct app *app_named(const char *name)
{
    for (size_t i = 0; applications[i]; i++)
        if (strcmp(applications[i]->name, name) == 0)
            return applications[i];
    return NULL;
}

enum plan plan_find(const struct settings *settings, const char *number, const char **argument,
                    const struct app **app)
{
    const struct number_settings *row = settings_number(settings, number);

    *argument = row ? row->argument : "";
    *app = NULL;
    if (!row || strcmp(row->application, "user") == 0)
        return PLAN_USER;
    if (strcmp(row->application, "peer") == 0)
        return PLAN_PEER;
    *app = app_named(row->application);
    return *app ? PLAN_APP : PLAN_NOWHERE;
}

/* RFC 3261 §25.1: what may stand in a user part as it is; '#' may not. */
static bool user_char_is_plain(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-_.!~*'()&=+$,;?/", c));
}

int peer_target_uri(char *out, size_t size, const char *peer_uri, const char *number)
{
    const char *colon = strchr(peer_uri, ':');
    const char *at, *host;
    size_t length;
    int n;

    if (!colon || (strncasecmp(peer_uri, "sip:", 4) != 0 && strncasecmp(peer_uri, "sips:", 5) != 0))
        return EINVAL;
    at = strchr(colon, '@');
    host = at ? at + 1 : colon + 1;
    length = (size_t)(colon - peer_uri) + 1;
    if (length + strlen(number) * 3 + strlen(host) + 2 > size)
        return ENOSPC;
    memcpy(out, peer_uri, length);
    for (; *number; number++) {
        n = snprintf(out + length, size - length, user_char_is_plain(*number) ? "%c" : "%%%02X",
                     (unsigned char)*number);
        length += (size_t)n;
    }
    snprintf(out + length, size - length, "@%s", host);
    return 0;
}

bool uri_user(const char *uri, char *out, size_t size)
{
    bool tel = strncasecmp(uri, "tel:", 4) == 0;
    const char *begin = strchr(uri, ':');
    size_t length;

    if (!begin || (!tel && strncasecmp(uri, "sip:", 4) != 0 && strncasecmp(uri, "sips:", 5) != 0))
        return false;
    begin++;
    if (!tel && !strchr(begin, '@'))
        return false;
    length = strcspn(begin, tel ? ";?" : ";@:");
    if (length == 0 || length >= size)
        return false;
    memcpy(out, begin, length);
    out[length] = '\0';
    return true;
}

/* -- a route's making ---------------------------------------------------------------------------------- */

/* A↔B forwarding ends at the second visit, long before Max-Forwards would end it. */
static bool route_visited(const struct call *call, const char *number)
{
    for (const struct route *route = call->routes; route; route = route->next)
        if (strcmp(route->number, number) == 0)
            return true;
    return false;
}

static void route_fill_request(struct call *call, struct route *route)
{
    struct request *request = &route->request;

    request->call = call->id;
    request->caller = call->from;
    request->anonymous = call->anonymous;
    request->user = call->has_user ? call->user : NULL;
    request->peer = call->has_peer ? call->peer : NULL;
    request->number = route->number;
    request->params = route->params;
    request->callee = route->callee;
}

/* 0 or a SIP status. The newest route is the one that the request takes. */
static int route_new(struct call *call, const char *number, const char *params,
                     const struct diversion *diversion)
{
    struct route *route;

    if (strlen(number) >= sizeof route->number || strlen(params) >= sizeof route->params)
        return 414;
    route = calloc(1, sizeof *route);
    if (!route)
        return 500;
    snprintf(route->number, sizeof route->number, "%s", number);
    snprintf(route->params, sizeof route->params, "%s", params);
    if (diversion)
        route->request.diversion = *diversion;
    route->request.argument = "";
    route->next = call->routes;
    call->routes = route;
    call->epoch++;
    return 0;
}

int route_first(struct call *call, const struct invitation *invitation)
{
    return route_new(call, invitation->target.user,
                     invitation->target_params ? invitation->target_params : "", &invitation->diversion);
}

void route_free_all(struct call *call)
{
    while (call->routes) {
        struct route *route = call->routes;

        call->routes = route->next;
        free(route->callee);
        free(route);
    }
}

/* His mailbox, when he has one, stands just above his phones and sees each failure of theirs first. */
static void route_found_user(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct call *call = call_of(ticket);
    struct route *route = call ? call->routes : NULL;
    const struct app *mailbox = app_named(MAILBOX_APP);

    if (!call)
        return;
    if (error) {
        /* With the database away nobody knows whether he exists: 503 says "later", 404 would be a lie. */
        chain_fail(call, error == ENOENT ? 404 : 503, NULL, NULL);
        return;
    }
    route->callee = malloc(sizeof *route->callee);
    if (!route->callee) {
        chain_fail(call, 500, NULL, NULL);
        return;
    }
    *route->callee = *subscriber;
    route->request.callee = route->callee;
    if (!route->phones_only && *subscriber->mailbox && mailbox && chain_push(call, route, mailbox)) {
        chain_fail(call, 500, NULL, NULL);
        return;
    }
    if (call->depth > 0)
        call->path[call->depth - 1]->served = route->callee;
    chain_down(call);
}

void route_resume(struct call *call)
{
    struct route *route = call->routes;
    const struct app *app;

    route_fill_request(call, route);
    route->plan = plan_find(call->settings, route->number, &route->request.argument, &app);
    log_event(LEVEL_INFO, "call", call->id, "route number=%s to=%s", route->number,
              app                        ? app->name
              : route->plan == PLAN_PEER ? route->request.argument
              : route->plan == PLAN_USER ? "user"
                                         : "nowhere");
    if (route->plan == PLAN_USER) {
        if (subscriber_find(call->server->storage, route->number, call_ticket(call), route_found_user))
            chain_fail(call, 503, NULL, NULL);
        return;
    }
    if (route->plan == PLAN_PEER)
        route->trunk = settings_peer_named(call->settings, route->request.argument);
    if ((route->plan == PLAN_PEER && (!route->trunk || !route->trunk->uri)) || route->plan == PLAN_NOWHERE) {
        log_event(LEVEL_ERROR, "call", call->id, "route-broken number=%s argument=%s", route->number,
                  route->request.argument);
        chain_fail(call, 500, NULL, NULL);
        return;
    }
    if (app && chain_push(call, route, app))
        chain_fail(call, 500, NULL, NULL);
    else
        chain_down(call);
}

/* A number that was already tried in this call, or one retarget too many, is a loop (RFC 3261 §16.3 step 4).
 * A recall goes back on purpose. */
static void route_begin(struct call *call, const char *number, const char *params,
                        const struct diversion *diversion, bool recall)
{
    int status = 0;

    call->state = CALL_ROUTING;
    if (++call->retargets > RETARGETS_MAX || (!recall && route_visited(call, number)) ||
        call->max_forwards <= 1)
        status = 482;
    else
        call->max_forwards--;
    if (!status)
        status = route_new(call, number, params, diversion);
    if (status) {
        chain_fail(call, status, NULL, NULL);
        return;
    }
    call->routes->phones_only = recall;
    route_resume(call);
}

void route_start(struct call *call, const char *number, const char *params, const struct diversion *diversion)
{
    route_begin(call, number, params, diversion, false);
}

void route_recall(struct call *call, const char *number)
{
    route_begin(call, number, "", NULL, true);
}
