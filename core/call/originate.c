/*
 * Calls that the server makes for a user: his own phones ring first, showing whom he is to be connected with,
 * and whichever is answered becomes the caller of an ordinary call to that number (third-party call control,
 * RFC 3725; RFC 5359 §2.18 and §2.19).
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOPS 70 /* RFC 3261 §8.1.1.6: a request that begins here */

bool originate_rings(const struct call *call)
{
    return call->origin && call->origin->ringing;
}

void originate_tell(struct call *call, int status)
{
    struct origin *origin = call->origin;
    void (*done)(void *arg, int status) = origin ? origin->done : NULL;

    if (!done || origin->ringing)
        return;
    origin->done = NULL;
    done(origin->arg, status);
}

void originate_free(struct call *call)
{
    struct origin *origin = call->origin;
    void (*done)(void *arg, int status) = origin ? origin->done : NULL;

    /* A hang-up before anybody was reached is no success, whatever BYE's own status is. */
    if (done)
        done(origin->arg, call->end_status >= 300 ? call->end_status : 487);
    free(origin);
    call->origin = NULL;
}

/* The user as his own row names him, whoever was shown to him while he was rung. */
static void originate_become(struct call *call, const struct subscriber *user)
{
    call->has_user = true;
    snprintf(call->user, sizeof call->user, "%s", user->number);
    call->from = (struct party){0};
    snprintf(call->from.user, sizeof call->from.user, "%s", user->number);
    snprintf(call->from.host, sizeof call->from.host, "%s", call->settings->realm);
    snprintf(call->from.display, sizeof call->from.display, "%s", user->name);
    call->caller_music = hold_service(user);
}

/* `leg`, which we have invited, is the caller's from now on, answered; its answer stands for the offer he
 * never made. */
void originate_answered(struct call *call, struct leg *leg, const char *sdp)
{
    struct invitation onward = {.max_forwards = HOPS};
    int status;

    call->origin->ringing = false;
    call->caller = leg;
    leg->sdp = strdup(sdp ? sdp : "");
    leg_keep_offer(leg, sdp ? sdp : leg->early);
    call->early = NULL;
    call->acknowledged = true;
    call->answered_us = clock_now_us();
    call->state = CALL_ROUTING;
    originate_become(call, call->routes->callee);
    call->subscriber = call->routes->callee;
    call->routes->callee = NULL;
    /* The way to his own phone is no part of the call's. */
    route_free_all(call);
    snprintf(onward.target.user, sizeof onward.target.user, "%s", call->origin->number);
    status = leg->sdp ? route_first(call, &onward) : 500;
    if (status || port_connect_none(call->server->mixer, leg->port)) {
        call_end_soon(call, status ? status : 500, NULL);
        return;
    }
    call_trace(call, NULL, "originated", "user=%s number=%s", call->user, call->origin->number);
    route_resume(call);
}

static void originate_fail(struct call *call, int status)
{
    call_refuse(call, &(struct failure){.status = status});
}

static void originate_found(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct call *call = call_of(ticket);
    struct route *route = call ? call->routes : NULL;

    if (!call)
        return;
    if (error || !subscriber->binding_count) {
        originate_fail(call, !error ? 480 : error == ENOENT ? 404 : 503);
        return;
    }
    route->callee = malloc(sizeof *route->callee);
    if (!route->callee) {
        originate_fail(call, 500);
        return;
    }
    *route->callee = *subscriber;
    route->request.callee = route->callee;
    route->request.caller = call->from;
    snprintf(route->request.callee_name, sizeof route->request.callee_name, "%s", subscriber->name);
    route->plan = PLAN_USER;
    ring_start(call, route);
}

static int originate_begin(struct call *call, const struct invitation *invitation, const char *user)
{
    struct invitation inward = *invitation;

    snprintf(inward.target.user, sizeof inward.target.user, "%s", user);
    if (route_first(call, &inward))
        return ENOMEM;
    return subscriber_find(call->server->storage, user, call_ticket(call), originate_found);
}

int call_originate(struct server *server, const char *user, const char *number,
                   void (*done)(void *arg, int status), void *arg)
{
    struct invitation invitation = {.max_forwards = HOPS};
    struct call *call = NULL;
    int error;

    if (strlen(user) >= NUMBER_TEXT || strlen(number) >= NUMBER_TEXT || !*user || !*number)
        return EINVAL;
    if (server->draining || server_refuse_call(server))
        return EBUSY;
    snprintf(invitation.from.user, sizeof invitation.from.user, "%s", number);
    snprintf(invitation.from.host, sizeof invitation.from.host, "%s", server->settings->realm);
    error = call_new(&call, server, &invitation);
    if (error)
        return error;
    limits_take(&server->limits);
    log_event(LEVEL_INFO, "call", call->id, "originate user=%s number=%s", user, number);
    call->origin = calloc(1, sizeof *call->origin);
    error = call->origin ? originate_begin(call, &invitation, user) : ENOMEM;
    if (error) {
        call_end_soon(call, 500, NULL);
        return error;
    }
    *call->origin = (struct origin){.ringing = true, .done = done, .arg = arg};
    snprintf(call->origin->number, sizeof call->origin->number, "%s", number);
    return 0;
}

void call_forget_origin(struct server *server, const void *arg)
{
    for (struct call *call = server->calls; call; call = call->next)
        if (call->origin && call->origin->arg == arg)
            call->origin->done = NULL;
}
