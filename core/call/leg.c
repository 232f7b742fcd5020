/*
 * A leg's life: its session's callbacks, its events from the mixer, and its end.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOUBLE_US 700000 /* the same key by INFO and by RFC 4733 within this is one press */

/* Owned by the call from here on, which frees it at its own end. */
int leg_new(struct leg **out, struct call *call, bool incoming)
{
    struct leg *leg = calloc(1, sizeof *leg);
    int error;

    if (!leg)
        return ENOMEM;
    error = negotiation_new(&leg->negotiation);
    if (error) {
        free(leg);
        return error;
    }
    leg->call = call;
    leg->id = ticket_number();
    leg->incoming = incoming;
    leg->began_us = clock_now_us();
    snprintf(leg->began_in, sizeof leg->began_in, "%s", call->id);
    leg->next = call->legs;
    call->legs = leg;
    *out = leg;
    return 0;
}

void leg_keep_offer(struct leg *leg, const char *sdp)
{
    free(leg->offer);
    leg->offer = sdp ? strdup(sdp) : NULL;
}

/* A leg that has not been let go keeps what it was told last while the other has said nothing. */
static void leg_show_id(const struct leg *leg, const struct leg *other)
{
    const char *id = leg->session && other->session ? session_far_id(other->session) : "";

    if (*id)
        session_set_near_id(leg->session, id);
}

void leg_share_ids(const struct leg *leg, const struct leg *other)
{
    leg_show_id(leg, other);
    leg_show_id(other, leg);
}

/* -- notes for the record ------------------------------------------------------------------------------ */

void leg_note_end(struct leg *leg, int status, const char *reason, bool by_far)
{
    if (leg->ended_us)
        return;
    leg->ended_us = clock_now_us();
    leg->end_status = status;
    leg->ended_by_far = by_far;
    snprintf(leg->end_reason, sizeof leg->end_reason, "%s", reason ? reason : "");
}

/* What is known of the session goes with it; so does what its end makes us send. */
static void leg_note_release(struct leg *leg, int status, const char *reason)
{
    snprintf(leg->session_id, sizeof leg->session_id, "%s", session_far_id(leg->session));
    if (leg->ended_us)
        return;
    if (leg->talked_us)
        leg_trace(leg, true, "BYE", 0, reason);
    else if (!leg->incoming)
        leg_trace(leg, true, "CANCEL", 0, reason);
    else
        leg_trace(leg, true, "response", status, reason);
    leg_note_end(leg, status, reason, false);
}

int leg_send_progress(struct leg *leg, int status, const char *sdp)
{
    int error = session_ring(leg->session, status, sdp);

    if (error)
        return error;
    leg_trace(leg, true, "response", status, sdp ? "with SDP" : NULL);
    if (!leg->rang_us)
        leg->rang_us = clock_now_us();
    return 0;
}

int leg_send_answer(struct leg *leg, const char *sdp)
{
    int error = session_answer(leg->session, sdp);

    if (error)
        return error;
    leg_trace(leg, true, "response", 200, NULL);
    leg->talked_us = clock_now_us();
    return 0;
}

/* No handler is called after this, so a session is let go before anything it could still report matters. */
void leg_release(struct leg *leg, int status, const char *reason)
{
    struct session *session = leg->session;

    if (session)
        leg_note_release(leg, status, reason);
    leg->session = NULL;
    pass_told(leg, 487);
    if (session)
        session_release(session, status, reason);
}

void leg_close(struct leg *leg, int status, const char *reason)
{
    leg_release(leg, status, reason);
    leg->branch = NULL;
    /* The id stays until EVENT_PORT_CLOSED: figures still come, and the call is not freed before. */
    if (leg->port && !leg->closing) {
        leg->closing = true;
        port_close(leg->call->server->mixer, leg->port);
    }
}

void leg_free(struct leg *leg)
{
    negotiation_free(leg->negotiation);
    free(leg->offer);
    free(leg->sdp);
    free(leg->early);
    free(leg->moved);
    free(leg->uri);
    free(leg);
}

/* -- the session's callbacks --------------------------------------------------------------------------- */

static void leg_on_progress(void *owner, int status, const char *reason, const char *sdp)
{
    struct leg *leg = owner;

    if (!leg->rang_us)
        leg->rang_us = clock_now_us();
    if (leg->branch)
        ring_progress(leg, status, reason, sdp);
    watch_changed(leg->call);
}

/* 2xx to our INVITE while the branch rings; else the ACK to our own 200. */
static void leg_on_answered(void *owner, const char *sdp)
{
    struct leg *leg = owner;

    leg_trace(leg, false, leg->incoming ? "ACK" : "response", leg->incoming ? 0 : 200, NULL);
    if (!leg->incoming && !leg->talked_us) {
        leg->talked_us = clock_now_us();
        leg_trace(leg, true, "ACK", 0, NULL);
    }
    if (leg->branch)
        ring_answered(leg, sdp);
    else if (call_is_up(leg->call))
        bridge_acknowledged(leg, sdp);
    watch_changed(leg->call);
}

static void leg_on_unacceptable(void *owner)
{
    struct leg *leg = owner;

    if (leg->branch)
        ring_unacceptable(leg);
}

/* A branch that was cancelled or lost the race has no say any more. */
static void leg_on_failed(void *owner, int status, const char *reason, const char *redirect)
{
    struct leg *leg = owner;

    leg_trace(leg, false, "response", status, reason);
    leg_note_end(leg, status, reason, true);
    if (leg->branch)
        ring_failed(leg, status, reason, redirect);
    else
        leg_close(leg, 0, NULL);
    watch_changed(leg->call);
}

/* A far side behind another server may be another one by now. */
static void leg_share_bridged(const struct call *call)
{
    if (call->state == CALL_BRIDGED)
        leg_share_ids(call->caller, call->callee);
}

static void leg_on_offered(void *owner, const char *sdp)
{
    struct leg *leg = owner;

    /* One of several below a phone's number: only the one that is heard has media to change. */
    if (leg->branch && (!leg->early || leg->fork != session_fork(leg->session)))
        return;
    leg_share_bridged(leg->call);
    if (call_is_up(leg->call))
        bridge_offered(leg, sdp);
}

static void leg_on_reanswered(void *owner, int status, const char *sdp)
{
    struct leg *leg = owner;

    leg_share_bridged(leg->call);
    if (call_is_up(leg->call))
        bridge_reanswered(leg, status, sdp);
}

/* Phones that send a key both ways mean one press. */
static bool leg_digit_is_double(struct leg *leg, char digit, bool by_info)
{
    uint64_t now = clock_now_us();
    bool twice = leg->digit == digit && leg->digit_by_info != by_info && now - leg->digit_us < DOUBLE_US;

    leg->digit = twice ? 0 : digit;
    leg->digit_by_info = by_info;
    leg->digit_us = now;
    return twice;
}

static void leg_digit(struct leg *leg, char digit, unsigned ms, bool by_info)
{
    struct call *call = leg->call;

    if (leg_digit_is_double(leg, digit, by_info))
        return;
    if (leg->branch && leg->branch->asked)
        confirm_key(leg->branch, digit);
    else if (call->host && leg == call->caller && link_speaks(call->host))
        media_key(call->host, digit);
    else if (call->state == CALL_BRIDGED)
        bridge_digit(leg, digit, ms, by_info);
}

static void leg_on_digit(void *owner, char digit, unsigned ms)
{
    leg_digit(owner, digit, ms, true);
}

static void leg_on_seen(void *owner, bool sent, const char *message, int status, const char *detail)
{
    leg_trace(owner, sent, message, status, detail);
}

/* BYE, CANCEL, a lost ACK, or a dialog that is no more. */
static void leg_on_ended(void *owner, int status, const char *reason)
{
    struct leg *leg = owner;
    struct call *call = leg->call;

    if (status == 200 || (status == 487 && leg->incoming && !leg->talked_us))
        leg_trace(leg, false, status == 200 ? "BYE" : "CANCEL", 0, reason);
    else
        leg_trace(leg, false, "lost", status, reason);
    leg_note_end(leg, status, reason, true);
    if (leg->branch) {
        ring_failed(leg, status >= 300 ? status : 480, reason, NULL);
        watch_changed(call);
        return;
    }
    if (transfer_left(leg)) {
        watch_changed(call);
        return;
    }
    leg_release(leg, status, reason);
    if ((leg == call->caller || leg == call->callee) && call_is_up(call)) {
        call->hung_up = leg == call->caller ? HUNG_UP_CALLER : HUNG_UP_CALLEE;
        call_end(call, status, reason);
    } else
        leg_close(leg, status, reason);
}

const struct session_handlers leg_handlers = {
    .unacceptable = leg_on_unacceptable,
    .progress = leg_on_progress,
    .answered = leg_on_answered,
    .failed = leg_on_failed,
    .offered = leg_on_offered,
    .reanswered = leg_on_reanswered,
    .digit = leg_on_digit,
    .referred = transfer_referred,
    .told = pass_told,
    .seen = leg_on_seen,
    .ended = leg_on_ended,
};

/* -- the mixer's events -------------------------------------------------------------------------------- */

/* Silence means a lost far side only where sound is due: a held call is silent by agreement. */
static void leg_timeout(struct leg *leg)
{
    struct call *call = leg->call;
    bool due = leg->format.send && leg->format.receive;

    if (!due || (call->state != CALL_HOSTED && call->state != CALL_BRIDGED))
        return;
    log_event(LEVEL_NOTICE, "call", call->id, "media-timeout leg=%s", leg->incoming ? "caller" : "callee");
    call_end(call, 408, CAUSE_TIMEOUT);
}

/* The port's last event, with its life's figures. */
static void leg_port_closed(struct leg *leg, const struct port_stats *stats)
{
    table_remove(&leg->call->server->ports, leg->port);
    leg->port = 0;
    leg->stats = *stats;
    leg->has_stats = true;
    leg->call->server->packets_lost += leg->stats.packets_lost;
    leg->call->server->packets_late += leg->stats.packets_late;
    leg->call->server->concealed_ms += leg->stats.concealed_ms;
    call_reap(leg->call);
}

void leg_event(struct leg *leg, const struct mixer_event *event)
{
    struct link *host = leg == leg->call->caller ? leg->call->host : NULL;

    switch (event->type) {
    case EVENT_DIGIT:
        leg_digit(leg, event->digit, event->ms, false);
        break;
    case EVENT_PLAYED:
        if (leg->branch && leg->branch->asked)
            confirm_played(leg->branch, event);
        else if (host)
            media_played(host, event);
        break;
    case EVENT_RECORDED:
        if (host)
            event->is_fax ? fax_ended(host, event) : record_ended(host, event);
        break;
    case EVENT_TIMEOUT:
        leg_timeout(leg);
        break;
    case EVENT_PORT_CLOSED:
        leg_port_closed(leg, &event->stats);
        break;
    case EVENT_TALK:
        if (host && host->app->talks)
            host->app->talks(host, event->talking, event->muted);
        break;
    case EVENT_FAX_TONE:
        if (host)
            fax_called(host);
        break;
    case EVENT_SOUND_LOADED:
    case EVENT_MEDIA:
        break;
    }
}
