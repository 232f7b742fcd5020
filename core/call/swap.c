/* Legs that change places: a caller of one call becomes the callee of another. */
#include "core/call/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The call that is left gets an empty leg in his place, so that its end finds a caller. */
static void leg_move(struct leg *leg, struct call *to, struct leg *empty)
{
    struct call *from = leg->call;
    struct leg **place = &from->legs;

    hold_forget(leg);
    while (*place != leg)
        place = &(*place)->next;
    *place = leg->next;
    from->caller = empty;
    leg->call = to;
    leg->next = to->legs;
    to->legs = leg;
}

static int pick_answer(struct call *call, struct leg *leg)
{
    const struct leg *caller = call->caller;
    const enum codec *best = caller->described ? &caller->format.codecs[0].codec : NULL;
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
    if (!best && caller->offer && !negotiation_peek(caller->offer, caller->srtp, &offered))
        best = &offered.codecs[0];
    codecs_prefer(&codecs, call->settings, leg->offer, leg->srtp, best);
    error = leg_answer(leg, leg->offer, &codecs, true, true, sdp);
out:
    if (!error)
        error = session_answer(leg->session, sdp);
    leg->answered = !error;
    return error;
}

int call_pick(struct call *call, struct leg *leg)
{
    struct call *old = leg->call;
    struct leg *empty;
    int error;

    if (leg->answered || !leg->session || leg != old->caller)
        return EINVAL;
    error = leg_new(&empty, old, true);
    if (!error)
        error = pick_answer(call, leg);
    if (error)
        return error;
    leg_move(leg, call, empty);
    ring_stop(call, NULL, CAUSE_ELSEWHERE);
    call_end_soon(old, 200, NULL);
    bridge_answered(call, leg);
    return 0;
}
