/*
 * A call's life: from the INVITE to the line in the log that says how it was.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_MS 15000 /* a recording's end and a port's last event come long before */

/* Replies carry a ticket alone, so those who wait for one are found without a server at hand. */
static struct table waiting;

uint64_t ticket_number(void)
{
    static uint64_t last;

    return ++last;
}

struct ticket call_ticket(struct call *call)
{
    return (struct ticket){.owner = call->number, .epoch = call->epoch};
}

struct call *call_of(struct ticket ticket)
{
    struct call *call = table_get(&waiting, ticket.owner);

    return call && call->epoch == ticket.epoch && call_goes_on(call) ? call : NULL;
}

bool call_is_up(const struct call *call)
{
    return call->state < CALL_CLOSING;
}

bool call_goes_on(const struct call *call)
{
    return call_is_up(call) && !call->soon;
}

/* -- beginning ----------------------------------------------------------------------------------------- */

/* The invitation lives until its handler returns; the call keeps copies. */
static void call_fill(struct call *call, const struct invitation *invitation)
{
    random_hex(call->id, (sizeof call->id - 1) / 2);
    memcpy(call->session_id, invitation->session_id, sizeof call->session_id);
    memcpy(call->language, invitation->language, sizeof call->language);
    call->from = invitation->from;
    call->anonymous = invitation->anonymous;
    call->privacy = invitation->privacy;
    call->has_user = invitation->user != NULL;
    call->has_peer = invitation->peer != NULL;
    snprintf(call->user, sizeof call->user, "%s", invitation->user ? invitation->user : "");
    snprintf(call->peer, sizeof call->peer, "%s", invitation->peer ? invitation->peer : "");
    call->max_forwards = invitation->max_forwards;
    call->started_us = clock_now_us();
}

int call_new(struct call **out, struct server *server, const struct invitation *invitation)
{
    struct call *call = calloc(1, sizeof *call);
    int error;

    if (!call)
        return ENOMEM;
    call->server = server;
    call->number = ticket_number();
    call_fill(call, invitation);
    error = leg_new(&call->caller, call, true);
    if (error)
        goto out;
    error = table_put(&waiting, call->number, call);
    if (error)
        goto out;
    call->settings = settings_hold(server->settings);
    call->caller->srtp = settings_srtp(call->settings, call->peer);
    call->next = server->calls;
    server->calls = call;
    server->call_count++;
    server->calls_total++;
    *out = call;
out:
    if (error) {
        if (call->caller)
            leg_free(call->caller);
        free(call);
    }
    return error;
}

/* What the first look at the INVITE finds wrong; 0 when it may be led on. */
static int call_judge(const struct call *call, const struct invitation *invitation)
{
    struct offer_summary summary;
    const struct app *app;
    const char *argument;

    if (invitation->max_forwards == 0)
        return 483;
    if (*invitation->target.user == '\0')
        return 404;
    /* RFC 3264 §6: no stream in common, or none protected as it must be, is 488. Nothing on the path could
     * bridge or answer such a call. */
    if (invitation->offer && negotiation_peek(invitation->offer, call->caller->srtp, &summary))
        return 488;
    /* RFC 5366: nobody else would know what to do with a list of guests. */
    if (invitation->recipients &&
        (plan_find(call->settings, invitation->target.user, &argument, &app) != PLAN_APP || !app->lists))
        return 403;
    return 0;
}

/* The caller as his own row names him: a display name in From is what any phone likes it to be. */
static void call_lead(struct call *call)
{
    if (!transfer_invited(call))
        route_resume(call);
}

static void call_caller_found(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct call *call = call_of(ticket);

    if (!call)
        return;
    call->subscriber = error ? NULL : malloc(sizeof *call->subscriber);
    call->subscriber_unread = error ? error != ENOENT : !call->subscriber;
    if (call->subscriber)
        *call->subscriber = *subscriber;
    if (!error) {
        snprintf(call->from.user, sizeof call->from.user, "%s", subscriber->number);
        snprintf(call->from.host, sizeof call->from.host, "%s", call->settings->realm);
        snprintf(call->from.display, sizeof call->from.display, "%s", subscriber->name);
        call->caller_music = hold_service(subscriber);
        if (!*call->language)
            snprintf(call->language, sizeof call->language, "%s", subscriber->language);
    }
    call_lead(call);
}

static int call_wish(struct call *call, const struct invitation *invitation)
{
    const struct dialog_name *name = invitation->replaces ? invitation->replaces : invitation->join;

    if (invitation->recipients) {
        call->recipients = malloc(sizeof *call->recipients);
        if (!call->recipients)
            return ENOMEM;
        *call->recipients = *invitation->recipients;
    }
    if (!name)
        return 0;
    call->wish = malloc(sizeof *call->wish);
    if (!call->wish)
        return ENOMEM;
    *call->wish = (struct transfer_name){.name = *name, .join = !invitation->replaces};
    return 0;
}

void call_invited(void *arg, struct session *session, const struct invitation *invitation)
{
    struct server *server = arg;
    struct call *call = NULL;
    /* Asked again: while this INVITE was authenticated others came. */
    unsigned busy_s = server_refuse_call(server);
    int status;

    if (busy_s) {
        session_reject(session, 503, NULL, NULL, busy_s);
        return;
    }
    if (call_new(&call, server, invitation)) {
        session_reject(session, 500, NULL, NULL, 0);
        return;
    }
    limits_take(&server->limits);
    call->caller->session = session;
    call->caller->used = true;
    call->sip_call_id = strdup(invitation->call_id);
    leg_trace(call->caller, false, "INVITE", 0, invitation->target.user);
    session_own(session, &leg_handlers, call->caller);
    if (!isc_adopt(call, invitation))
        snprintf(call->caller->number, sizeof call->caller->number, "%s", call->user);
    log_event(LEVEL_INFO, "call", call->id, "start from=%s to=%s user=%s peer=%s sip=%s session=%s",
              call->from.user, invitation->target.user, call->user, call->peer, invitation->call_id,
              call->session_id);
    call->passed = invitation->passed && *invitation->passed ? strdup(invitation->passed) : NULL;
    call->history = invitation->history ? strdup(invitation->history) : NULL;
    call->diverted = invitation->diverted ? strdup(invitation->diverted) : NULL;
    leg_keep_offer(call->caller, invitation->offer);
    status = call_judge(call, invitation);
    if (status == 488)
        log_event(LEVEL_NOTICE, "call", call->id,
                  "offer-refused why=\"no codec, profile, protection or stream in common\"");
    if (!status)
        status = route_first(call, invitation);
    if (status) {
        call_refuse(call, &(struct failure){.status = status});
        return;
    }
    if (call_wish(call, invitation)) {
        call_refuse(call, &(struct failure){.status = 500});
        return;
    }
    if (call->has_user &&
        subscriber_find(server->storage, call->user, call_ticket(call), call_caller_found) == 0) {
        watch_changed(call);
        return;
    }
    call->subscriber_unread = call->has_user;
    call_lead(call);
}

/* -- end ----------------------------------------------------------------------------------------------- */

/* Reason's value goes on as it is; a mere phrase does not (RFC 3326 §2). */
static const char *reason_value(const char *reason)
{
    return reason && strstr(reason, ";cause=") ? reason : NULL;
}

/* The first to say why is right: what follows (CANCELs, BYEs) only carries it out. */
static void call_note_end(struct call *call, int status, const char *reason)
{
    call->end_status = status;
    snprintf(call->end_reason, sizeof call->end_reason, "%s", reason ? reason : "");
    call->ended_us = clock_now_us();
}

/* An event that was lost to a full queue must not keep a call for ever. */
static void call_overdue(void *arg)
{
    struct call *call = arg;

    log_event(LEVEL_ERROR, "call", call->id, "overdue state=%d", (int)call->state);
    if (call->state == CALL_CLOSING) {
        call_finish(call);
        return;
    }
    for (struct leg *leg = call->legs; leg; leg = leg->next) {
        if (leg->port)
            table_remove(&call->server->ports, leg->port);
        leg->port = 0;
    }
    call_reap(call);
}

static void call_watch(struct call *call)
{
    if (timer_start(call->server->loop, &call->guard, GUARD_MS, call_overdue, call))
        log_event(LEVEL_ERROR, "call", call->id, "no-memory for=guard");
}

/*
 * A recording is finished before the application hears of the end (storage counts on a complete file); the
 * SIP side is over at once all the same.
 */
void call_end(struct call *call, int status, const char *reason)
{
    if (!call_is_up(call))
        return;
    call_note_end(call, status, reason);
    ring_stop(call, NULL, reason_value(reason));
    if (call->host && record_hang_up(call->host)) {
        call->state = CALL_CLOSING;
        leg_release(call->caller, status, reason_value(reason));
        call_watch(call);
        return;
    }
    call_finish(call);
}

/* Lets go of both sides, closes the ports, and tells every application on the path, the lowest first. */
void call_finish(struct call *call)
{
    if (call->state == CALL_OVER)
        return;
    call->state = CALL_OVER;
    tap_close(call);
    ring_stop(call, NULL, NULL);
    transfer_free(call);
    for (struct leg *leg = call->legs; leg; leg = leg->next)
        leg_close(leg, call->end_status, reason_value(call->end_reason));
    for (struct link *link = call->links; link; link = link->next)
        link_close(link);
    originate_free(call);
    watch_changed(call);
    call_watch(call);
    call_reap(call);
}

static void call_end_now(void *arg)
{
    struct call *call = arg;

    if (call_is_up(call)) {
        int status = call->end_status;
        char reason[sizeof call->end_reason];

        memcpy(reason, call->end_reason, sizeof reason);
        call_end(call, status, reason);
    }
}

void call_end_soon(struct call *call, int status, const char *reason)
{
    if (!call_is_up(call) || call->soon)
        return;
    call_note_end(call, status, reason);
    if (timer_start(call->server->loop, &call->soon, 0, call_end_now, call))
        call_end(call, status, reason);
}

/* A 503 carries a random Retry-After, so that those refused together do not come back together (RFC 3261
 * §21.5.4). */
void call_refuse(struct call *call, const struct failure *failure)
{
    const char *reason = *failure->reason ? failure->reason : NULL;
    const char *redirect = *failure->redirect ? failure->redirect : NULL;

    if (call->caller->session && !call->caller->answered) {
        leg_trace(call->caller, true, "response", failure->status, reason);
        leg_note_end(call->caller, failure->status, reason, false);
        session_set_reason(call->caller->session, failure->cause);
        session_reject(call->caller->session, failure->status, reason, redirect,
                       failure->status == 503 ? 2 + random_below(9) : 0);
    }
    leg_release(call->caller, failure->status, NULL);
    call_end_soon(call, failure->status, reason);
}

/* -- the last of it ------------------------------------------------------------------------------------ */

static void call_log_leg(const struct call *call, const struct leg *leg, const char *which)
{
    const struct port_stats *m = leg ? &leg->stats : NULL;
    unsigned long long whole;
    char remote[80] = "";

    if (!leg || !leg->has_stats)
        return;
    if (m->reported)
        snprintf(remote, sizeof(remote), " remote_lost=%u remote_jitter_us=%u", m->remote_lost,
                 m->remote_jitter_us);
    if (m->round_trip_us >= 0)
        snprintf(remote + strlen(remote), sizeof(remote) - strlen(remote), " rtt_ms=%d.%d",
                 m->round_trip_us / 1000, m->round_trip_us % 1000 / 100);
    whole = m->packets_received - m->packets_repeated + m->packets_lost;
    log_event(LEVEL_INFO, "call", call->id,
              "media leg=%s codec=%s in=%llu out=%llu lost=%llu late=%llu jitter_us=%u loss_pct=%.1f "
              "duplicate=%llu "
              "concealed_ms=%u longer_ms=%u shorter_ms=%u delay_ms=%u r=%u mos=%u.%02u srtp=%s forged=%llu%s",
              which, leg->described ? codec_name(leg->format.codecs[0].codec) : "-",
              (unsigned long long)m->packets_received, (unsigned long long)m->packets_sent,
              (unsigned long long)m->packets_lost, (unsigned long long)m->packets_late, m->jitter_us,
              whole ? 100.0 * (double)m->packets_lost / (double)whole : 0.0,
              (unsigned long long)m->packets_repeated, m->concealed_ms, m->longer_ms, m->shorter_ms,
              m->delay_ms, m->r, m->mos_cents / 100, m->mos_cents % 100,
              suite_name(leg->described ? leg->format.srtp : SUITE_NONE),
              (unsigned long long)m->packets_forged, remote);
}

static void call_log_end(const struct call *call)
{
    uint64_t talked = call->answered_us ? call->ended_us - call->answered_us : 0;
    /* Two who were talking before may have been led into it. */
    uint64_t setup =
        call->ended_us - talked > call->started_us ? call->ended_us - talked - call->started_us : 0;

    call_log_leg(call, call->caller, "caller");
    call_log_leg(call, call->callee, "callee");
    log_event(LEVEL_INFO, "call", call->id, "end status=%d reason=\"%s\" setup_ms=%llu talk_ms=%llu",
              call->end_status, call->end_reason, (unsigned long long)setup / 1000,
              (unsigned long long)talked / 1000);
}

static enum ending call_ending(const struct call *call)
{
    int class = call->end_status / 100;

    if (call->answered_us || class <= 2)
        return ENDED_ANSWERED;
    return class == 3   ? ENDED_REDIRECTED
           : class == 4 ? ENDED_CLIENT
           : class == 5 ? ENDED_SERVER
                        : ENDED_GLOBAL;
}

/* Nothing refers to it any more: its sessions are let go, its ports closed, its links out of the table. */
void call_free(struct call *call)
{
    struct server *server = call->server;
    struct call **place = &server->calls;

    call_log_end(call);
    server->ended[call_ending(call)]++;
    call_save_record(call);
    timer_stop(&call->reap);
    timer_stop(&call->soon);
    timer_stop(&call->arrival);
    timer_stop(&call->guard);
    table_remove(&waiting, call->number);
    free(call->frozen);
    while (*place != call)
        place = &(*place)->next;
    *place = call->next;
    while (call->legs) {
        struct leg *leg = call->legs;

        call->legs = leg->next;
        if (leg->port)
            table_remove(&server->ports, leg->port);
        leg_free(leg);
    }
    while (call->links) {
        struct link *link = call->links;

        call->links = link->next;
        free(link->own_request);
        free(link->edited);
        free(link);
    }
    route_free_all(call);
    fork_free(call->fork);
    free(call->screen);
    free(call->subscriber);
    free(call->wish);
    free(call->recipients);
    free(call->passed);
    free(call->history);
    free(call->diverted);
    settings_free(call->settings);
    free(call);
    server->call_count--;
    server_call_gone(server);
}

static void call_reap_now(void *arg)
{
    call_free(arg);
}

/* Later, for the caller of this may stand in a function of the call itself. */
void call_reap(struct call *call)
{
    if (call->state != CALL_OVER)
        return;
    for (const struct leg *leg = call->legs; leg; leg = leg->next)
        if (leg->port)
            return;
    if (timer_start(call->server->loop, &call->reap, 0, call_reap_now, call))
        log_event(LEVEL_ERROR, "call", call->id, "no-memory for=reap");
}
