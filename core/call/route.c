/*
 * Routes: what a dialled number stands for, and the path of links that its calls are led through. A path is
 * frozen in the call; a retarget adds a new route below the link that asked for it.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"
#include "core/call/path.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HOPS 70 /* RFC 3261 §8.1.1.6: a request that begins here */

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
    for (const struct route *route = call->routes; route && route != call->settled; route = route->next)
        if (strcmp(route->number, number) == 0)
            return true;
    return false;
}

static void route_fill_request(struct call *call, struct route *route)
{
    struct request *request = &route->request;

    request->call = call->id;
    request->session = call->session_id;
    if (route->first) {
        request->caller = call->from;
        request->recipients = call->recipients;
    }
    request->anonymous = call->anonymous;
    request->user = call->has_user ? call->user : NULL;
    request->peer = call->has_peer ? call->peer : NULL;
    request->number = route->number;
    request->params = route->params;
    request->callee = route->callee;
    request->emergency = settings_is_emergency(call->settings, route->number);
}

/* 0 or a SIP status. The newest route is the one that the request takes. */
static int route_new(struct call *call, const char *number, const char *params)
{
    struct route *route;

    if (strlen(number) >= sizeof route->number || strlen(params) >= sizeof route->params)
        return 414;
    route = calloc(1, sizeof *route);
    if (!route)
        return 500;
    snprintf(route->number, sizeof route->number, "%s", number);
    snprintf(route->params, sizeof route->params, "%s", params);
    route->request.argument = "";
    route->first = !call->routes;
    route->next = call->routes;
    call->routes = route;
    call->epoch++;
    fork_free(call->fork); /* of another target */
    call->fork = NULL;
    return 0;
}

int route_first(struct call *call, const struct invitation *invitation)
{
    int status =
        route_new(call, invitation->target.user, invitation->target_params ? invitation->target_params : "");

    if (status)
        return status;
    memcpy(call->routes->request.diversions, invitation->diversions, sizeof invitation->diversions);
    call->routes->request.diversion_count = invitation->diversion_count;
    memcpy(call->routes->request.called, invitation->called, sizeof invitation->called);
    /* Back at the number plan's own server with nothing changed it would go there for ever. */
    if (call->returns && !call->after && !call->moved)
        return 482;
    return 0;
}

void route_free_all(struct call *call)
{
    while (call->routes) {
        struct route *route = call->routes;

        call->routes = route->next;
        free(route->callee);
        free(route->own_diverter);
        free(route);
    }
}

/* -- a route's path ------------------------------------------------------------------------------------ */

static bool route_app_exists(const char *application)
{
    return app_named(application) != NULL;
}

static bool route_breaker_is_open(const struct link_settings *link, void *arg)
{
    const struct server *server = arg;

    return breaker_is_open(server->breakers, link, clock_now_us());
}

/*
 * What an application server sends back is led on as it would have been when it went out, whatever services,
 * the time or breakers say by now: the links that were above have been asked with those below in view.
 */
static bool route_link_counts(const struct call *call, struct path_link *link)
{
    if (isc_passed_already(call, link->settings))
        return false;
    if (!isc_is_frozen(call))
        return true;
    if (link->reason != PATH_NOBODY)
        link->reason = PATH_IN;
    return isc_stood_below(call, link->settings);
}

/* Puts the links that are in on the path; the trace says why the others are out. */
static int route_push_links(struct call *call, struct route *route)
{
    const struct path_question question = {
        .settings = call->settings,
        .caller = route->first || route->by_caller ? call->subscriber : route->diverter,
        .callee = route->callee,
        .caller_number = route->request.caller.user,
        .number = route->number,
        .first = route->first,
        .leaves = route->plan == PLAN_PEER,
        .when = time(NULL),
        .exists = route_app_exists,
        .is_open = isc_is_frozen(call) ? NULL : route_breaker_is_open, /* asking counts as a trial */
        .arg = call->server,
    };
    char why[160], names[256] = "";
    struct path path;
    int error = path_find(&path, &question);

    for (size_t i = 0; !error && i < path.count; i++) {
        struct path_link *link = &path.links[i];
        size_t used = strlen(names);

        if (!route_link_counts(call, link))
            continue;
        /* What nobody has switched on is most of what there is: `explain` tells, the record need not. */
        if (link->reason == PATH_NOBODY || link->reason == PATH_NO_SERVICE)
            continue;
        path_reason_text(why, sizeof why, link, &question);
        call_trace(call, NULL, "path", "link=%s in=%d why=\"%s\"", link->settings->name,
                   (int)(link->reason == PATH_IN), why);
        if (link->reason != PATH_IN)
            continue;
        error = chain_push(call, route, app_named(path_application(link->settings->application)),
                           link->settings, link->served);
        snprintf(names + used, sizeof names - used, "%s%s", used ? "," : "", link->settings->name);
    }
    if (!error && *names)
        log_event(LEVEL_INFO, "call", call->id, "path links=%s", names);
    return error;
}

/* A row is large, and most callers have no links of their own. */
static void route_forget_caller(struct call *call)
{
    for (const struct link *link = call->links; link; link = link->next)
        if (link->served == call->subscriber)
            return;
    free(call->subscriber);
    call->subscriber = NULL;
}

/* Also where there is nobody at the end (route->status): a link may yet send the call elsewhere, or refuse it
 * for a better reason. */
static void route_lead(struct call *call, struct route *route, const struct app *app)
{
    int error;

    /* What the caller may not dial cannot be known while his row cannot be read: nothing leaves the house
     * then. */
    if (route->plan == PLAN_PEER && (route->first || route->by_caller) && call->subscriber_unread &&
        !route->request.emergency)
        route->status = 503;
    error = route->phones_only ? 0 : route_push_links(call, route);
    route_forget_caller(call);
    if (!error && app)
        error = chain_push(call, route, app, NULL, NULL);
    if (error)
        chain_fail(call, 500, NULL, NULL);
    else
        chain_down(call);
}

/* With the database away nobody knows whether he exists: 503 says "later", 404 would be a lie. */
static void route_found_user(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct call *call = call_of(ticket);
    struct route *route = call ? call->routes : NULL;

    if (!call)
        return;
    if (error) {
        route->status = error == ENOENT ? 404 : 503;
        route_lead(call, route, NULL);
        return;
    }
    route->callee = malloc(sizeof *route->callee);
    if (!route->callee) {
        chain_fail(call, 500, NULL, NULL);
        return;
    }
    *route->callee = *subscriber;
    route->request.callee = route->callee;
    snprintf(route->request.callee_name, sizeof route->request.callee_name, "%s", subscriber->name);
    route_lead(call, route, NULL);
}

void route_resume(struct call *call)
{
    struct route *route = call->routes;
    const struct app *app;

    route_fill_request(call, route);
    if (route->handed) {
        route->plan = PLAN_APP;
        route->request.argument = route->handed_argument;
        app = route->handed;
    } else {
        route->plan = plan_find(call->settings, route->number, &route->request.argument, &app);
    }
    log_event(LEVEL_INFO, "call", call->id, "route number=%s to=%s", route->number,
              app                        ? app->name
              : route->plan == PLAN_PEER ? route->request.argument
              : route->plan == PLAN_USER ? "user"
                                         : "nowhere");
    if (route->plan == PLAN_USER) {
        if (subscriber_find(call->server->storage, route->number, call_ticket(call), route_found_user) == 0)
            return;
        route->status = 503;
    }
    if (route->plan == PLAN_PEER)
        route->trunk = settings_peer_named(call->settings, route->request.argument);
    if ((route->plan == PLAN_PEER && (!route->trunk || !route->trunk->uri)) || route->plan == PLAN_NOWHERE) {
        log_event(LEVEL_ERROR, "call", call->id, "route-broken number=%s argument=%s", route->number,
                  route->request.argument);
        route->status = 500;
    }
    route_lead(call, route, app);
}

/* -- sent on ------------------------------------------------------------------------------------------- */

/* As the links above have left it, whichever route they belong to. */
static void route_inherit(struct call *call, const struct route *from, struct request *out)
{
    const struct link *above = call->position > 0 ? call->path[call->position - 1] : NULL;

    out->caller = above ? above->passed->caller : call->from;
    if (!from)
        return;
    memcpy(out->diversions, from->request.diversions, sizeof out->diversions);
    out->diversion_count = from->request.diversion_count;
}

/* The first hop and the latest are what others look for (RFC 5806 §5): a full list loses its second. */
void route_add_hop(struct diversion *hops, unsigned *count, const struct diversion *hop)
{
    if (*count == DIVERSIONS_MAX) {
        memmove(&hops[1], &hops[2], (DIVERSIONS_MAX - 2) * sizeof hops[0]);
        --*count;
    }
    hops[(*count)++] = *hop;
}

/* A number that was already tried in this call, or one retarget too many, is a loop (RFC 3261 §16.3 step 4);
 * each hop inside counts as one outside would (step 3). A recall goes back on purpose. */
static bool route_prepare(struct call *call, const struct route *from, const char *number, const char *params,
                          const struct diversion *hop, bool recall)
{
    struct request inherited = {0};
    int status = 0;

    call->state = CALL_ROUTING;
    route_inherit(call, from, &inherited);
    if (++call->retargets > RETARGETS_MAX || (!recall && route_visited(call, number)))
        status = 482;
    else if (call->max_forwards <= 1)
        status = 483;
    else
        call->max_forwards--;
    if (!status)
        status = route_new(call, number, params);
    if (status) {
        log_event(LEVEL_NOTICE, "call", call->id, "retarget-refused number=%s status=%d", number, status);
        chain_fail(call, status, NULL, NULL);
        return false;
    }
    inherited.argument = "";
    call->routes->request = inherited;
    call->routes->phones_only = recall;
    if (hop)
        route_add_hop(call->routes->request.diversions, &call->routes->request.diversion_count, hop);
    if (from && hop)
        call->routes->diverter = from->callee;
    call->routes->by_caller = hop == NULL && !recall;
    return true;
}

static void route_go(struct call *call, const struct route *from, const char *number, const char *params,
                     const struct diversion *hop, bool recall)
{
    if (route_prepare(call, from, number, params, hop, recall))
        route_resume(call);
}

/* It may well be the mailbox of a user who was rung before. */
void route_hand(struct call *call, const struct route *from, const char *app, const char *argument,
                const char *number)
{
    struct route *route;

    if (!route_prepare(call, from, number, "", NULL, true))
        return;
    route = call->routes;
    route->handed = app_named(app);
    snprintf(route->handed_argument, sizeof route->handed_argument, "%s", argument);
    if (route->handed)
        route_resume(call);
    else
        chain_fail(call, 500, NULL, NULL);
}

static int route_apply(struct route *route, const struct route_order *order)
{
    route->phones_only = order->phones_only;
    route->handed = order->handed;
    memcpy(route->handed_argument, order->argument, sizeof route->handed_argument);
    route->request.referrer = order->referrer;
    if (*order->replaces) {
        memcpy(route->replaces, order->replaces, sizeof route->replaces);
        route->request.replaces = route->replaces;
    }
    if (!order->diverter)
        return 0;
    route->own_diverter = malloc(sizeof *route->own_diverter);
    if (!route->own_diverter)
        return 500;
    *route->own_diverter = *order->diverter;
    route->diverter = route->own_diverter;
    return 0;
}

void route_begin(struct call *call, const struct route_order *order)
{
    int status;

    call->state = CALL_ROUTING;
    call->retargets = 0;
    call->max_forwards = HOPS;
    call->depth = call->position;
    status = route_new(call, order->number, order->params);
    call->settled = call->routes ? call->routes->next : NULL;
    if (!status)
        status = route_apply(call->routes, order);
    if (status) {
        chain_fail(call, status, NULL, NULL);
        return;
    }
    call->routes->first = false;
    call->routes->request.caller = call->from;
    route_resume(call);
}

void route_start(struct call *call, const char *number, const char *params, const struct diversion *diversion)
{
    route_go(call, call->routes, number, params, diversion, false);
}

void route_recall(struct call *call, const char *number)
{
    route_go(call, call->routes, number, "", NULL, true);
}

void route_divert(struct call *call, const struct route *from, const char *number, int cause)
{
    struct diversion hop = {.cause = cause};

    if (cause == 0) {
        route_go(call, from, number, "", NULL, false);
        return;
    }
    snprintf(hop.user, sizeof hop.user, "%s", from->number);
    snprintf(hop.host, sizeof hop.host, "%s", call->settings->realm);
    route_go(call, from, number, "", &hop, false);
}
