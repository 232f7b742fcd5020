/*
 * Legs that change places: one takes another's seat in a call, or the two of a call part. A leg keeps its
 * session, its port and what was agreed on; an offer follows only where its direction is no longer right.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOPS 70 /* RFC 3261 §8.1.1.6: a request that begins here */

/* -- who sits where ------------------------------------------------------------------------------------ */

/* Whoever came from another call is known from there; else it is the caller, or whom the newest route names.
 */
void leg_identity(const struct leg *leg, struct identity *out)
{
    const struct call *call = leg->call;
    const struct route *route = call->routes;

    *out = (struct identity){0};
    if (leg->moved) {
        *out = *leg->moved;
        return;
    }
    if (leg == call->caller) {
        out->party = call->from;
        out->anonymous = call->anonymous;
        snprintf(out->user, sizeof out->user, "%s", call->has_user ? call->user : "");
        snprintf(out->peer, sizeof out->peer, "%s", call->has_peer ? call->peer : "");
        out->music = call->caller_music;
        return;
    }
    snprintf(out->user, sizeof out->user, "%s", leg->number);
    snprintf(out->party.user, sizeof out->party.user, "%s",
             *leg->number ? leg->number
             : route      ? route->number
                          : "");
    snprintf(out->party.host, sizeof out->party.host, "%s", call->settings->realm);
    if (route && route->trunk && !*leg->number)
        snprintf(out->peer, sizeof out->peer, "%s", route->trunk->name);
    if (route && route->callee && strcmp(route->callee->number, out->party.user) == 0) {
        snprintf(out->party.display, sizeof out->party.display, "%s", route->callee->name);
        out->music = hold_service(route->callee);
    }
}

void call_assume(struct call *call, const struct identity *identity)
{
    call->from = identity->party;
    call->anonymous = identity->anonymous;
    call->has_user = *identity->user;
    call->has_peer = *identity->peer;
    snprintf(call->user, sizeof call->user, "%s", identity->user);
    snprintf(call->peer, sizeof call->peer, "%s", identity->peer);
    call->caller_music = identity->music;
}

static void request_assume(struct request *request, const struct call *call, const struct party *old)
{
    if (strcmp(request->caller.user, old->user) == 0)
        request->caller = call->from;
    request->anonymous = call->anonymous;
    request->user = call->has_user ? call->user : NULL;
    request->peer = call->has_peer ? call->peer : NULL;
}

/* As call_assume(), and whoever looks at the request sees him too: a recall shows who is there now. */
static void call_assume_known(struct call *call, const struct identity *identity)
{
    struct party old = call->from;

    call_assume(call, identity);
    for (struct route *route = call->routes; route; route = route->next)
        request_assume(&route->request, call, &old);
    for (struct link *link = call->links; link; link = link->next) {
        if (link->own_request)
            request_assume(link->own_request, call, &old);
        if (link->edited)
            request_assume(link->edited, call, &old);
    }
}

/* The leg is an answered caller's from here on, whichever side has begun. */
static int leg_seat(struct leg *leg)
{
    if (!leg->sdp)
        leg->sdp = strdup("");
    leg->answered = true;
    leg->call->acknowledged = true;
    return leg->sdp ? 0 : ENOMEM;
}

int call_turn(struct call *call)
{
    struct leg *caller = call->callee;
    struct identity identity;
    int error;

    leg_identity(caller, &identity);
    error = leg_keep_identity(call->caller);
    if (!error)
        error = leg_seat(caller);
    if (error)
        return error;
    call->callee = call->caller;
    call->caller = caller;
    call_assume(call, &identity);
    return 0;
}

/* -- moving -------------------------------------------------------------------------------------------- */

int leg_keep_identity(struct leg *leg)
{
    struct identity identity;

    if (leg->moved)
        return 0;
    leg_identity(leg, &identity);
    leg->moved = malloc(sizeof *leg->moved);
    if (!leg->moved)
        return ENOMEM;
    *leg->moved = identity;
    return 0;
}

/* A caller leaves an empty leg in his place, so that the end of his call finds one. */
static void leg_move(struct leg *leg, struct call *to, struct leg *empty)
{
    struct call *from = leg->call;
    struct leg **place = &from->legs;

    hold_silence(leg);
    leg->holds = false;
    while (*place != leg)
        place = &(*place)->next;
    *place = leg->next;
    if (from->caller == leg)
        from->caller = empty;
    if (from->callee == leg)
        from->callee = NULL;
    if (from->asker == leg)
        from->asker = NULL;
    if (from->state == CALL_BRIDGED)
        from->state = CALL_ROUTING; /* one side alone is no call of two, however soon it ends */
    leg->call = to;
    leg->next = to->legs;
    to->legs = leg;
}

/* Answers a caller's INVITE as it suits him whom he is to talk to, `other`, who may be NULL. */
static int leg_answer_for(struct leg *leg, const struct call *call, const struct leg *other)
{
    const enum codec *best = other && other->described ? &other->format.codecs[0].codec : NULL;
    struct offer_summary offered;
    struct sockaddr_storage local;
    struct codec_list codecs;
    char sdp[SDP_TEXT];
    int error;

    session_local_address(leg->session, &local);
    error = leg_open(leg, &local);
    if (error)
        return error;
    if (!leg->offer) {
        /* RFC 3261 §13.2.1: his answer comes in the ACK. */
        codecs_order(&codecs, call->settings, best, best ? 1 : 0);
        error = leg_offer(leg, &codecs, true, true, sdp);
        leg->offered_in_200 = !error;
        goto out;
    }
    if (!best && other && other->offer && !negotiation_peek(other->offer, other->srtp, &offered))
        best = &offered.codecs[0];
    codecs_prefer(&codecs, call->settings, leg->offer, leg->srtp, best);
    error = leg_answer(leg, leg->offer, &codecs, true, true, sdp);
out:
    if (!error)
        error = leg_send_answer(leg, sdp);
    leg->answered = !error;
    return error;
}

/* One who was answered before comes from an application: transferred, or sent on, to what rings. */
int call_pick(struct call *call, struct leg *leg)
{
    struct call *old = leg->call;
    struct leg *empty;
    int error;

    /* Whoever is rung for a call of his own has nobody at the other end yet. */
    if (!leg->session || leg != old->caller || originate_rings(call))
        return EINVAL;
    error = leg_new(&empty, old, true);
    if (!error)
        error = leg_keep_identity(leg);
    if (!error && !leg->answered)
        error = leg_answer_for(leg, call, call->caller);
    if (error)
        return error;
    originate_tell(old, 200);
    transfer_answered(old);
    leg_move(leg, call, empty);
    ring_stop(call, NULL, CAUSE_ELSEWHERE);
    call_end_soon(old, 200, NULL);
    bridge_answered(call, leg);
    return 0;
}

/* An application goes on with another caller only where it can: in a room, or where it hears of the change.
 */
static bool host_adopts(const struct link *host)
{
    return host->room || host->app->heard;
}

static int host_adopt(struct call *call)
{
    struct link *host = call->host;
    int error = host->room ? port_connect_room(call->server->mixer, call->caller->port, host->room)
                           : port_connect_none(call->server->mixer, call->caller->port);
    struct news news = {.kind = NEWS_TRANSFERRED, .by_caller = true};

    host->held = false; /* that was the other phone; this one says so itself */
    bridge_open_up(call->caller);
    (void)link_call(host, &(struct occasion){.hook = HOOK_HEARD, .news = &news});
    return error;
}

static void call_rejoin(struct call *call, bool by_caller)
{
    int error = 0;

    if (call->state == CALL_HOSTED)
        error = host_adopt(call);
    else
        bridge_rejoin(call);
    if (error)
        call_end_soon(call, 500, NULL);
    (void)chain_news(call, &(struct news){.kind = NEWS_TRANSFERRED, .by_caller = by_caller});
    watch_changed(call);
}

bool call_can_replace(const struct leg *old)
{
    const struct call *call = old->call;

    if (!old->answered || call->transfer || call->asker || call->exchanges >= EXCHANGES_MAX)
        return false;
    if (call->state == CALL_HOSTED)
        return old == call->caller && host_adopts(call->host);
    return call->state == CALL_BRIDGED && (old == call->caller || old == call->callee);
}

int call_replace(struct leg *old, struct leg *leg)
{
    struct call *call = old->call, *from = leg->call;
    bool by_caller = old == call->caller;
    struct leg *empty = NULL;
    int error = call == from || !leg->session || !call_can_replace(old) ? EINVAL : 0;

    if (!error && leg == from->caller)
        error = leg_new(&empty, from, true);
    if (!error)
        error = leg_keep_identity(leg);
    if (!error)
        focus_take(call, leg);
    if (!error && !leg->answered)
        error = leg_answer_for(leg, call, by_caller ? call->callee : call->caller);
    if (error)
        return error;
    call->exchanges++;
    leg_move(leg, call, empty);
    if (by_caller) {
        call->caller = leg;
        call_assume_known(call, leg->moved);
        error = leg_seat(leg);
    } else {
        call->callee = leg;
    }
    call_trace(call, NULL, "replaced", "side=%s from=%s", by_caller ? "caller" : "callee", from->id);
    log_event(LEVEL_INFO, "call", call->id, "replaced side=%s by=%s from=%s", by_caller ? "caller" : "callee",
              leg->moved->party.user, from->id);
    leg_close(old, 200, NULL);
    call_end_soon(from, 200, NULL);
    if (error)
        call_end_soon(call, 500, NULL);
    else
        call_rejoin(call, by_caller);
    return 0;
}

int call_adopt(struct call *call, struct leg *caller, struct leg *other)
{
    struct call *from = caller->call;
    struct leg *empty, *old = call->caller;
    int error = leg_new(&empty, from, true);

    if (!error)
        error = leg_keep_identity(caller);
    if (!error)
        error = leg_keep_identity(other);
    if (error)
        return error;
    leg_move(caller, call, empty);
    leg_move(other, call, empty);
    call->caller = caller;
    call_assume_known(call, caller->moved);
    call->answered_us = from->answered_us;
    error = leg_seat(caller);
    leg_close(old, 487, NULL);
    bridge_open_up(caller);
    if (!error)
        error = port_connect_none(call->server->mixer, caller->port);
    if (error)
        call_end_soon(call, 500, NULL);
    else
        ring_caller_changed(call);
    log_event(LEVEL_INFO, "call", call->id, "adopted party=%s from=%s", call->from.user, from->id);
    call_end_soon(from, 200, NULL);
    return 0;
}

/* -- parting ------------------------------------------------------------------------------------------- */

/* A call whose caller is alone: a number is to be found for him. */
static int call_stand_alone(struct call *call)
{
    call->callee = NULL;
    call->state = CALL_ROUTING;
    call->floor = call->position;
    call->depth = call->position;
    bridge_open_up(call->caller);
    return port_connect_none(call->server->mixer, call->caller->port);
}

int call_split(struct call **out, struct leg *leg)
{
    struct call *from = leg->call, *call;
    struct invitation invitation = {.max_forwards = HOPS};
    int error = from->state == CALL_BRIDGED && !from->transfer && !from->asker ? 0 : EINVAL;

    if (!error)
        error = leg_keep_identity(leg);
    if (!error && leg == from->caller)
        error = call_turn(from);
    if (!error)
        error = call_new(&call, from->server, &invitation);
    if (error)
        return error;
    hold_forget(from->caller);
    tap_close(from); /* of the two; should one of them talk to another, that is a recording of its own */
    leg_move(leg, call, NULL);
    call->caller = leg;
    call->answered_us = clock_now_us();
    call_assume(call, leg->moved);
    error = leg_seat(leg);
    log_event(LEVEL_INFO, "call", call->id, "split from=%s party=%s", from->id, call->from.user);
    if (!error)
        error = call_stand_alone(call);
    if (!error)
        error = call_stand_alone(from);
    if (error)
        call_end_soon(call, 500, NULL);
    *out = call;
    return error;
}
