/*
 * Caller and callee joined: the answer, and what either side changes afterwards. A new offer of one leg
 * becomes our own offer on the other, and the other's answer decides what the first is answered (RFC 3264 §8,
 * RFC 6337 §4).
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* NULL but between answer and end. */
static struct leg *leg_other(const struct leg *leg)
{
    struct call *call = leg->call;

    if (call->state != CALL_BRIDGED)
        return NULL;
    return leg == call->caller ? call->callee : leg == call->callee ? call->caller : NULL;
}

/* -- the answer ---------------------------------------------------------------------------------------- */

/*
 * Our own address on the caller's side is the one his INVITE came to. The codec is the callee's where the
 * caller offered it, so that the mixer need not decode; `callee` NULL: an application answers, and our own
 * order decides.
 */
int bridge_describe_caller(struct call *call, const struct leg *callee)
{
    struct leg *caller = call->caller;
    bool known = callee && callee->described; /* one who took the call may not have answered our offer yet */
    const enum codec *best = known ? &callee->format.codecs[0].codec : NULL;
    /* What an early answer says holds for the final one too, so it never narrows the direction. */
    bool narrow = known && callee->answered;
    bool send = !narrow || callee->format.receive, receive = !narrow || callee->format.send;
    struct sockaddr_storage local;
    struct codec_list codecs;
    char sdp[SDP_TEXT];
    int error;

    if (caller->sdp)
        return 0;
    session_local_address(caller->session, &local);
    error = leg_open(caller, &local);
    if (error)
        return error;
    codecs_prefer(&codecs, call->settings, caller->offer, caller->srtp, best);
    if (caller->offer)
        error = leg_answer(caller, caller->offer, &codecs, send, receive, sdp);
    else
        error = leg_offer(caller, &codecs, send, receive, sdp);
    if (error)
        return error;
    caller->offered_in_200 = !caller->offer;
    caller->sdp = strdup(sdp);
    return caller->sdp ? 0 : ENOMEM;
}

/* Where a link wants to hear keys it hears them first; what it does not take goes on from bridge_digit(). */
static int bridge_keep_digits(struct call *call, struct leg *callee)
{
    bool keep = chain_listens(call);
    int error = 0;

    if (keep != call->caller->keeps_digits)
        error = port_keep_digits(call->server->mixer, call->caller->port, keep);
    if (!error && keep != callee->keeps_digits)
        error = port_keep_digits(call->server->mixer, callee->port, keep);
    if (!error)
        call->caller->keeps_digits = callee->keeps_digits = keep;
    return error;
}

/* Either side may still wait for its description: a delayed offer is answered in the ACK only. */
void bridge_connect(struct call *call, struct leg *callee)
{
    int error = 0;

    if (!call->caller->described || !callee->described)
        return;
    if (call->state != CALL_BRIDGED || !call->tapped || tap_join(call, callee))
        error = port_connect_bridge(call->server->mixer, call->caller->port, callee->port);
    if (!error && call->state == CALL_BRIDGED)
        error = bridge_keep_digits(call, callee);
    if (error) {
        log_event(LEVEL_ERROR, "call", call->id, "bridge-failed error=\"%s\"", strerror(error));
        call_end_soon(call, 500, NULL);
    }
    hold_update(call);
}

/* The callee has answered and is described: now the caller is, and both are joined before his ACK comes. */
void bridge_answered(struct call *call, struct leg *callee)
{
    int error;

    call->callee = callee;
    leg_share_ids(call->caller, callee);
    error = bridge_describe_caller(call, callee);
    if (!error && !call->caller->answered)
        error = leg_send_answer(call->caller, call->caller->sdp);
    if (error) {
        log_event(LEVEL_WARNING, "call", call->id, "answer-failed error=\"%s\"", strerror(error));
        call_end(call, error == ENOPROTOOPT || error == EINVAL ? 488 : 500, NULL);
        return;
    }
    if (!call->caller->answered)
        call->answered_us = clock_now_us();
    call->caller->answered = true;
    call->mover = NULL;
    call->state = CALL_BRIDGED;
    log_event(LEVEL_INFO, "call", call->id, "answered codec=%s",
              callee->described ? codec_name(callee->format.codecs[0].codec) : "-");
    bridge_connect(call, callee);
    (void)chain_news(call, &(struct news){.kind = NEWS_ANSWERED, .status = 200});
    originate_tell(call, 200);
    transfer_answered(call);
}

/* -- changes ------------------------------------------------------------------------------------------- */

/* Offers the other leg what fits `leg`: where one sends, the other receives. */
static int bridge_pass_offer(struct leg *other, const enum codec *codecs, size_t count, bool send,
                             bool receive)
{
    struct codec_list list;
    char sdp[SDP_TEXT];
    int error;

    if (other->offered_in_200)
        return EBUSY;
    other->reachable = send;
    codecs_order(&list, other->call->settings, codecs, count);
    error = leg_offer(other, &list, send, receive, sdp);
    if (error)
        return error;
    error = session_reoffer(other->session, sdp);
    if (error)
        negotiation_revert(other->negotiation);
    return error;
}

/* After one leg's direction has changed without the other's say: tells the other. */
static void bridge_align(struct leg *leg)
{
    struct leg *other = leg_other(leg);
    bool send, receive;
    int error;

    if (!other || !other->described || leg->call->asker)
        return;
    send = leg->format.receive || hold_plays(other, leg);
    receive = leg->format.send;
    if (other->format.send == send && other->format.receive == receive)
        return;
    error = bridge_pass_offer(other, &leg->format.codecs[0].codec, 1, send, receive);
    if (error)
        log_event(LEVEL_NOTICE, "call", leg->call->id, "align-failed error=\"%s\"", strerror(error));
}

void bridge_open_up(struct leg *leg)
{
    int error;

    if (!leg->session || !leg->described || leg->declines || (leg->format.send && leg->format.receive))
        return;
    error = bridge_pass_offer(leg, &leg->format.codecs[0].codec, 1, true, true);
    if (error)
        log_event(LEVEL_NOTICE, "call", leg->call->id, "reopen-failed error=\"%s\"", strerror(error));
}

void bridge_rejoin(struct call *call)
{
    struct leg *sides[] = {call->caller, call->callee};

    leg_share_ids(call->caller, call->callee);
    bridge_connect(call, call->callee);
    for (size_t i = 0; i < 2 && call->state == CALL_BRIDGED; i++) {
        if (sides[i]->declines)
            bridge_align(sides[i]);
        else if (!sides[1 - i]->declines)
            bridge_open_up(sides[i]);
    }
}

/* EINVAL means that the far side has cancelled its re-INVITE meanwhile: there is nobody to be told. */
static void bridge_reply(struct leg *leg, int status, const char *sdp)
{
    int error = session_reanswer(leg->session, status, sdp);

    if (error)
        log_event(LEVEL_NOTICE, "call", leg->call->id, "reanswer-failed status=%d error=\"%s\"", status,
                  strerror(error));
}

/* Who has made this offer holds, or does so no more; what the other side says to it is no hold of its own. */
static void bridge_tell_hold(struct leg *leg)
{
    struct call *call = leg->call;
    bool holds = !leg->format.send;

    if (call->state != CALL_BRIDGED || leg->holds == holds)
        return;
    leg->holds = holds;
    (void)chain_news(
        call, &(struct news){.kind = holds ? NEWS_HELD : NEWS_RESUMED, .by_caller = leg == call->caller});
}

/* An application that answered hears of hold and resume. */
static void bridge_note_hold(const struct leg *leg)
{
    struct call *call = leg->call;
    struct link *host = call->host;

    if (call->state != CALL_HOSTED || leg != call->caller || host->held == !leg->format.send)
        return;
    host->held = !leg->format.send;
    (void)link_call(host, &(struct occasion){.hook = HOOK_HELD, .held = host->held});
}

/* The other leg's state decides what this one is told. */
static void bridge_answer_offer(struct leg *leg, const char *offer, const struct leg *other)
{
    const enum codec *best = other && other->described ? &other->format.codecs[0].codec : NULL;
    bool send = !best || other->format.receive || hold_plays(leg, other);
    bool receive = !best || other->format.send;
    struct call *call = leg->call;
    struct offer_summary wish;
    struct codec_list codecs;
    char sdp[SDP_TEXT];

    if (!best && leg->described)
        best = &leg->format.codecs[0].codec;
    codecs_prefer(&codecs, call->settings, offer, leg->srtp, best);
    if (leg_answer(leg, offer, &codecs, send, receive, sdp)) {
        /* RFC 3261 §14.2: the session stays as it was. */
        bridge_reply(leg, 488, NULL);
        return;
    }
    bridge_reply(leg, 200, sdp);
    if (!negotiation_peek(offer, leg->srtp, &wish))
        leg->declines = !wish.send;
    hold_update(call);
    watch_changed(call);
    bridge_note_hold(leg);
    bridge_tell_hold(leg);
}

/* RFC 3261 §14.1: a re-INVITE without an offer leaves it to us; what comes in the ACK is then shown to the
 * other leg. */
static void bridge_make_offer(struct leg *leg)
{
    struct codec_list codecs;
    char sdp[SDP_TEXT];

    codecs_order(&codecs, leg->call->settings, &leg->format.codecs[0].codec, leg->described ? 1 : 0);
    if (leg_offer(leg, &codecs, true, true, sdp)) {
        bridge_reply(leg, 491, NULL);
        return;
    }
    leg->offered_in_200 = true;
    bridge_reply(leg, 200, sdp);
}

/* Whether a new offer changes nothing for the other side: a refresh, a new address, another order of codecs.
 */
static bool bridge_offer_is_local(const struct leg *leg, const struct leg *other,
                                  const struct offer_summary *offer)
{
    bool relayed = false;

    for (size_t i = 0; i < offer->codec_count; i++)
        relayed = relayed || offer->codecs[i] == other->format.codecs[0].codec;
    return relayed && offer->send == leg->format.send && offer->receive == leg->format.receive;
}

/*
 * A new offer. What changes the other side's sound (direction, a codec it does not send) is shown to it
 * first, and the answer waits for its answer; all else is answered here at once. One exchange at a time: the
 * second is glare, 491.
 */
void bridge_offered(struct leg *leg, const char *sdp)
{
    struct call *call = leg->call;
    struct leg *other = leg_other(leg);
    struct offer_summary offer;
    bool send;
    int error;

    if (call->asker || leg->offered_in_200) {
        bridge_reply(leg, 491, NULL);
        return;
    }
    if (!sdp) {
        bridge_make_offer(leg);
        return;
    }
    if (fax_offered(leg, sdp))
        return;
    if (negotiation_peek(sdp, leg->srtp, &offer)) {
        bridge_reply(leg, 488, NULL);
        return;
    }
    if (!other || !other->described || bridge_offer_is_local(leg, other, &offer)) {
        bridge_answer_offer(leg, sdp, other);
        return;
    }
    leg_keep_offer(leg, sdp);
    /* The held side listens to our music, whatever the holder sends. */
    send = offer.receive || (!offer.send && hold_would_play(other, leg));
    error = leg->offer ? bridge_pass_offer(other, offer.codecs, offer.codec_count, send, offer.send) : ENOMEM;
    if (error) {
        /* The other side is changing things itself, or not yet through with its last change. */
        log_event(LEVEL_NOTICE, "call", call->id, "reoffer-refused error=\"%s\"", strerror(error));
        bridge_reply(leg, error == ENOMEM ? 500 : 491, NULL);
        return;
    }
    call->asker = leg;
}

/* The answer to an offer that a 200 of ours held came in the ACK (RFC 3264 §5, delayed offer). */
static int bridge_accept_ack(struct leg *leg, const char *sdp)
{
    int error = leg_accept(leg, sdp);

    leg->offered_in_200 = false;
    if (!error) {
        leg->declines = !leg->format.send;
        return 0;
    }
    negotiation_revert(leg->negotiation);
    log_event(LEVEL_NOTICE, "call", leg->call->id, "ack-unusable error=\"%s\"", strerror(error));
    return error;
}

/* What came of an offer of ours within the dialog. A refusal leaves both sessions as they were (RFC 3261
 * §14.1). */
void bridge_reanswered(struct leg *leg, int status, const char *sdp)
{
    struct call *call = leg->call;
    struct leg *asker = call->asker == leg ? NULL : call->asker;
    int error = 0;

    if (leg->offered_in_200) {
        /* His re-INVITE without an offer: this is the ACK to our 200; or the PRACK to our offer in a 183. */
        if (!bridge_accept_ack(leg, sdp)) {
            if (call->early && leg == call->caller)
                bridge_connect(call, call->early);
            bridge_note_hold(leg);
            bridge_tell_hold(leg);
            bridge_align(leg);
            hold_update(call);
        } else if (!leg->described) {
            /* A PRACK without the answer that it owes (RFC 3262 §5): there is no session to stay with. */
            call_end_soon(call, 488, NULL);
        }
        return;
    }
    /* Of several offers the session tells what came of the newest alone, and that was the asker's. */
    if (asker)
        call->asker = NULL;
    if (status / 100 == 2) {
        error = leg_accept(leg, sdp);
        /* Asked to listen he declined: he holds. Not asked, he has said nothing new. */
        if (!error && (leg->reachable || leg->format.send))
            leg->declines = !leg->format.send;
    } else {
        negotiation_revert(leg->negotiation);
        error = ECONNREFUSED;
    }
    log_event(LEVEL_INFO, "call", call->id, "changed leg=%s status=%d send=%d receive=%d",
              leg->incoming ? "caller" : "callee", status, (int)leg->format.send, (int)leg->format.receive);
    if (!asker) {
        hold_update(call);
        return;
    }
    if (error)
        bridge_reply(asker, status == 491 ? 491 : 488, NULL);
    else
        bridge_answer_offer(asker, asker->offer, leg);
}

/* The ACK to a 200 of ours: the caller's, or of one who has taken the call. An application that answered
 * speaks from now on. */
void bridge_acknowledged(struct leg *leg, const char *sdp)
{
    struct call *call = leg->call;
    bool caller = leg == call->caller;

    if (!leg->offered_in_200 && (!caller || call->acknowledged))
        return;
    if (leg->offered_in_200) {
        if (bridge_accept_ack(leg, sdp)) {
            call_end(call, 488, "SIP;cause=488;text=\"Not Acceptable Here\"");
            return;
        }
        if (call->state == CALL_BRIDGED)
            bridge_connect(call, call->callee);
        bridge_align(leg);
        hold_update(call);
    }
    if (!caller || call->acknowledged)
        return;
    call->acknowledged = true;
    if (call->state == CALL_HOSTED)
        (void)link_call(call->host, &(struct occasion){.hook = HOOK_ANSWERED});
}

/*
 * A key that came by INFO goes on as the other side takes it: RFC 4733, else tones. One that came by RFC 4733
 * or as tones has been passed on by the mixer, which hears it first, unless a link listens: then the mixer
 * keeps events, though never tones. A room, in which those who are recorded talk, passes neither.
 */
void bridge_digit(struct leg *leg, char digit, unsigned ms, bool by_info)
{
    struct leg *other = leg_other(leg);
    struct news news = {.kind = NEWS_DIGIT, .digit = digit, .by_caller = leg == leg->call->caller};
    int error = 0;

    if (other && chain_news(leg->call, &news))
        return;
    if (other &&
        (by_info || leg->call->tap_room || (leg->keeps_digits && leg->format.dtmf_pt_receive != MEDIA_NO_PT)))
        error = port_send_digit(leg->call->server->mixer, other->port, digit, ms);
    if (error)
        log_event(LEVEL_NOTICE, "call", leg->call->id, "digit-lost error=\"%s\"", strerror(error));
}
