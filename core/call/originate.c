/*
 * Calls that the server makes: somebody is rung, and who answers becomes the caller of a call of his own, to
 * another number (third-party call control, RFC 3725; click to dial and redial, RFC 5359 §2.18 and §2.19) or
 * to an application (a conference that calls people, RFC 4579 §5.5).
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
    snprintf(call->language, sizeof call->language, "%s", user->language);
}

/*
 * He has answered a call that was not his, and keeps what it went through: links above may have served
 * whoever had it made. From here on it goes to the application, in his own name.
 */
static void originate_hand(struct call *call, const struct identity *who)
{
    struct route_order order = {.phones_only = true, .handed = call->origin->app};

    call_assume(call, who);
    snprintf(order.number, sizeof order.number, "%s", call->origin->number);
    snprintf(order.argument, sizeof order.argument, "%s", call->origin->argument);
    call->floor = call->position;
    (void)chain_news(call, &(struct news){.kind = NEWS_ANSWERED, .status = 200});
    route_begin(call, &order);
}

/* A user who is rung to call somebody himself. The way to his own phone is no part of the call's. */
static void originate_dial(struct call *call)
{
    struct invitation onward = {.max_forwards = HOPS};
    int status;

    originate_become(call, call->routes->callee);
    call->subscriber = call->routes->callee;
    call->routes->callee = NULL;
    route_free_all(call);
    snprintf(onward.target.user, sizeof onward.target.user, "%s", call->origin->number);
    status = route_first(call, &onward);
    if (status)
        call_end_soon(call, status, NULL);
    else
        route_resume(call);
}

/* `leg`, which we have invited, is the caller's from now on, answered; its answer stands for the offer he
 * never made. */
void originate_answered(struct call *call, struct leg *leg)
{
    struct identity who;

    leg_identity(leg, &who); /* as the callee that he was */
    call->origin->ringing = false;
    call->caller = leg;
    leg->sdp = strdup(leg->early ? leg->early : "");
    leg_keep_offer(leg, leg->early);
    call->early = NULL;
    call->acknowledged = true;
    call->answered_us = clock_now_us();
    call->state = CALL_ROUTING;
    if (!leg->sdp || port_connect_none(call->server->mixer, leg->port)) {
        call_end_soon(call, 500, NULL);
        return;
    }
    call_trace(call, NULL, "originated", "user=%s number=%s", call->routes->number, call->origin->number);
    if (call->origin->app)
        originate_hand(call, &who);
    else
        originate_dial(call);
}

/* -- beginning ----------------------------------------------------------------------------------------- */

/* A row that cannot be read leaves it unknown what he may dial: then nothing leaves the house in his name. */
static void originate_rights(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct call *call = call_of(ticket);

    if (!call)
        return;
    call->subscriber = error ? NULL : malloc(sizeof *call->subscriber);
    call->subscriber_unread = error ? error != ENOENT : !call->subscriber;
    if (call->subscriber)
        *call->subscriber = *subscriber;
    route_resume(call);
}

static int originate_begin(struct call *call, const struct invitation *invitation,
                           const struct call_order *order)
{
    struct route *route;
    const struct app *app;
    const char *argument;

    call->passed = order->headers ? strdup(order->headers) : NULL;
    if (route_first(call, invitation))
        return ENOMEM;
    route = call->routes;
    route->phones_only = order->phones_only;
    /* His own phones are those of a user, wherever else calls to that number go. */
    if (route->phones_only && plan_find(call->settings, route->number, &argument, &app) != PLAN_USER) {
        call_refuse(call, &(struct failure){.status = 404});
        return 0;
    }
    route->request.referrer = order->referrer;
    if (order->replaces && snprintf(route->replaces, sizeof route->replaces, "%s", order->replaces) <
                               (int)sizeof route->replaces)
        route->request.replaces = route->replaces;
    if (invitation->user)
        return subscriber_find(call->server->storage, invitation->user, call_ticket(call), originate_rights);
    route_resume(call);
    return 0;
}

static int origin_new(struct origin **out, const struct call_order *order)
{
    struct origin *origin = calloc(1, sizeof *origin);

    if (!origin)
        return ENOMEM;
    *origin =
        (struct origin){.ringing = true, .confirm = order->confirm, .done = order->done, .arg = order->arg};
    origin->app = order->app ? app_named(order->app) : NULL;
    snprintf(origin->number, sizeof origin->number, "%s", order->onward);
    snprintf(origin->argument, sizeof origin->argument, "%s", order->argument ? order->argument : "");
    *out = origin;
    return 0;
}

/* What makes no sense whoever asks. */
static bool order_is_wrong(const struct call_order *order)
{
    if (strlen(order->number) >= NUMBER_TEXT || strlen(order->onward) >= NUMBER_TEXT || !*order->number ||
        !*order->onward || (order->argument && strlen(order->argument) >= NUMBER_TEXT))
        return true;
    return order->app && !app_named(order->app);
}

int call_make(struct server *server, const struct call_order *order)
{
    struct invitation invitation = {.max_forwards = HOPS, .from = order->caller};
    struct call *call = NULL;
    int error;

    if (order_is_wrong(order))
        return EINVAL;
    if (server->draining || server_refuse_call(server))
        return EBUSY;
    invitation.user = order->user && *order->user ? order->user : NULL;
    snprintf(invitation.target.user, sizeof invitation.target.user, "%s", order->number);
    if (!*invitation.from.host)
        snprintf(invitation.from.host, sizeof invitation.from.host, "%s", server->settings->realm);
    error = call_new(&call, server, &invitation);
    if (error)
        return error;
    limits_take(&server->limits);
    log_event(LEVEL_INFO, "call", call->id, "originate user=%s number=%s", order->number, order->onward);
    error = origin_new(&call->origin, order);
    if (!error)
        error = originate_begin(call, &invitation, order);
    if (error) {
        if (call->origin)
            call->origin->done = NULL;
        call_end_soon(call, 500, NULL);
    }
    return error;
}

int call_originate(struct server *server, const char *user, const char *number,
                   void (*done)(void *arg, int status), void *arg)
{
    struct call_order order = {
        .number = user, .phones_only = true, .onward = number, .done = done, .arg = arg};

    if (strlen(number) >= sizeof order.caller.user)
        return EINVAL;
    snprintf(order.caller.user, sizeof order.caller.user, "%s", number);
    return call_make(server, &order);
}

void call_cancel_origin(struct server *server, const void *arg)
{
    for (struct call *call = server->calls; call; call = call->next)
        if (call->origin && call->origin->arg == arg) {
            call->origin->done = NULL;
            if (originate_rings(call) && call_goes_on(call))
                call_end_soon(call, 487, NULL);
        }
}

void call_forget_origin(struct server *server, const void *arg)
{
    for (struct call *call = server->calls; call; call = call->next)
        if (call->origin && call->origin->arg == arg)
            call->origin->done = NULL;
}
