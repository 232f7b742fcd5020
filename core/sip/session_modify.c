/*
 * Offers within the dialog: re-INVITE (RFC 3261 §14) and UPDATE (RFC 3311), theirs and ours. One of either
 * side is open at a time; what would cross waits or is refused.
 */
#include "core/sip/session_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/ids.h"
#include "core/base/log.h"

static bool modify_is_open(const struct session *s)
{
    return s->state != SESSION_UP || s->irq || s->offer.orq || s->offer.retry;
}

/* -- theirs ---------------------------------------------------------------------------------------------- */

/* RFC 3261 §14.2 and RFC 3311 §5.2: what answer an offer gets that comes at the wrong time; 0: it is the
 * right one. */
static int modify_refusal(const struct session *s)
{
    switch (s->state) {
    case SESSION_UP:
        return s->irq ? 500 : s->offer.orq ? 491 : 0;
    case SESSION_INCOMING:
        return 500;
    default:
        return 491;
    }
}

void modify_refuse(struct session *s, nta_incoming_t *irq, int status)
{
    char seconds[16];

    snprintf(seconds, sizeof seconds, "%u", random_below(11));
    session_reply(s, irq, status, NULL, TAG_IF(status == 500, SIPTAG_RETRY_AFTER_STR(seconds)), TAG_END());
}

/* RFC 3261 §12.2.2: a target refresh counts once it is accepted. */
static void modify_take_target(struct session *s, nta_incoming_t *irq)
{
    msg_t *msg = nta_incoming_getrequest(irq);
    const sip_t *sip = sip_object(msg);

    if (sip && contact_url(sip))
        nta_leg_server_route(s->leg, NULL, sip->sip_contact);
    if (msg)
        msg_destroy(msg);
}

static void modify_accept(struct session *s, nta_incoming_t *irq, const char *sdp)
{
    char expires[64];
    bool require;

    timer_accept_request(s, expires, &require);
    modify_take_target(s, irq);
    session_note_response(s, true, 200, nta_incoming_method(irq));
    nta_incoming_treply(
        irq, SIP_200_OK, SIPTAG_HEADER_STR(session_id_line(s, true)), SIPTAG_CONTACT(s->contact),
        SIPTAG_ALLOW_STR(SESSION_ALLOW),
        TAG_IF(session_events(s), SIPTAG_ALLOW_EVENTS_STR(session_events(s))),
        SIPTAG_SUPPORTED_STR(SESSION_SUPPORTED), TAG_IF(*expires, SIPTAG_SESSION_EXPIRES_STR(expires)),
        TAG_IF(require, SIPTAG_REQUIRE_STR(SESSION_TIMER)), TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR(SDP_TYPE)),
        TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
    if (s->state == SESSION_UP)
        timer_arm(s);
}

void session_modify_request(struct session *s, nta_incoming_t *irq, const sip_t *sip)
{
    bool invite = sip->sip_request->rq_method == sip_method_invite;
    char *sdp = session_sdp_of(s, sip);
    int refusal = invite || sdp ? modify_refusal(s) : 0;

    session_note_peer(s, sip);
    if (refusal) {
        modify_refuse(s, irq, refusal);
    } else if (!timer_read_request(s, irq, sip)) {
        ; /* answered */
    } else if (!invite && !sdp) {
        modify_accept(s, irq, NULL);
        nta_incoming_destroy(irq);
    } else {
        s->irq = irq;
        s->irq_offered = sdp != NULL;
        s->irq_answered = false;
        nta_incoming_bind(irq, session_modify_event, s);
        s->handlers->offered(s->owner, sdp);
    }
    su_free(s->home, sdp);
}

static void modify_finish_request(struct session *s)
{
    nta_incoming_destroy(s->irq);
    s->irq = NULL;
}

int session_reanswer(struct session *s, int status, const char *sdp)
{
    if (s->early_irq)
        return early_reanswer(s, status, sdp);
    if (s->state != SESSION_UP || !s->irq || s->irq_answered || nta_incoming_status(s->irq) >= 200 ||
        status < 200 || (status < 300 && !sdp))
        return EINVAL;
    if (status >= 300) {
        session_note_response(s, true, status, nta_incoming_method(s->irq));
        nta_incoming_treply(s->irq, status, NULL, SIPTAG_HEADER_STR(session_id_line(s, true)), TAG_END());
        modify_finish_request(s);
        session_modify_next(s);
        return 0;
    }
    modify_accept(s, s->irq, sdp);
    session_set_local_sdp(s, sdp);
    s->irq_answered = true;
    if (nta_incoming_method(s->irq) != sip_method_invite) {
        modify_finish_request(s);
        session_modify_next(s);
    }
    return 0;
}

static void modify_acknowledged(struct session *s, const sip_t *ack)
{
    char *sdp = session_sdp_of(s, ack);
    bool ours = !s->irq_offered;

    session_note_ack(s, false);
    modify_finish_request(s);
    if (ours)
        /* Without the answer that the ACK owes (RFC 3261 §13.2.1) the session stays as it was. */
        s->handlers->reanswered(s->owner, sdp ? 200 : 488, sdp);
    su_free(s->home, sdp);
    session_modify_next(s);
}

/* As session_invite_event(), for a re-INVITE. */
int session_modify_event(struct session *s, nta_incoming_t *irq, const sip_t *sip)
{
    (void)irq;
    session_enter(s);
    if (sip && sip->sip_request->rq_method == sip_method_ack) {
        if (s->irq_answered)
            modify_acknowledged(s, sip);
    } else if (sip) {
        /* CANCEL: nta sends the 487; the owner's answer will find nothing to answer any more. */
        modify_finish_request(s);
        session_modify_next(s);
    } else if (s->irq_answered) {
        session_abort(s, 408, "No ACK", NO_ACK_REASON);
    }
    session_leave(s);
    return 0;
}

/* -- ours ------------------------------------------------------------------------------------------------ */

static int modify_response(struct session *s, nta_outgoing_t *orq, const sip_t *sip);

/* Sends s->offer.sdp, or an UPDATE without SDP when there is none. */
static int modify_send(struct session *s)
{
    const char *sdp = s->offer.sdp;
    char expires[64], min_se[32];
    struct body body;

    if (body_make(&body, s, sdp))
        return ENOMEM;
    timer_write_request(s, false, expires, min_se);
    s->offer.orq = request_send(
        s, s->leg, modify_response, s->next_hop, sdp ? sip_method_invite : sip_method_update,
        sdp ? "INVITE" : "UPDATE", NULL, SIPTAG_HEADER_STR(session_id_line(s, true)),
        SIPTAG_CONTACT(s->contact), SIPTAG_ALLOW_STR(SESSION_ALLOW),
        TAG_IF(session_events(s), SIPTAG_ALLOW_EVENTS_STR(session_events(s))),
        SIPTAG_SUPPORTED_STR(SESSION_SUPPORTED), SIPTAG_USER_AGENT_STR("confab"),
        TAG_IF(*expires, SIPTAG_SESSION_EXPIRES_STR(expires)), TAG_IF(*min_se, SIPTAG_MIN_SE_STR(min_se)),
        TAG_IF(sdp && s->metadata, SIPTAG_REQUIRE_STR(SESSION_SIPREC)),
        TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR(body.type)), TAG_IF(sdp, SIPTAG_PAYLOAD_STR(body.text)),
        TAG_END());
    body_free(&body, s);
    return s->offer.orq ? 0 : EIO;
}

static void offer_forget(struct session *s)
{
    su_free(s->home, s->offer.sdp);
    s->offer.sdp = NULL;
    s->offer.refresh = false;
}

static int offer_start(struct session *s, const char *sdp, bool refresh)
{
    int error;

    s->offer.sdp = sdp ? su_strdup(s->home, sdp) : NULL;
    s->offer.refresh = refresh;
    if (sdp && !s->offer.sdp)
        return ENOMEM;
    error = modify_send(s);
    if (error)
        offer_forget(s);
    return error;
}

int session_reoffer(struct session *s, const char *sdp)
{
    char *queued;

    if ((s->state != SESSION_UP && s->state != SESSION_ANSWERED) || !sdp)
        return EINVAL;
    if (!modify_is_open(s))
        return offer_start(s, sdp, false);
    queued = su_strdup(s->home, sdp);
    if (!queued)
        return ENOMEM;
    /* Of those that have not been sent the newest says all. */
    su_free(s->home, s->offer.queued);
    s->offer.queued = queued;
    return 0;
}

int session_set_metadata(struct session *s, const char *metadata)
{
    char *copy = su_strdup(s->home, metadata);

    if (!copy)
        return ENOMEM;
    su_free(s->home, s->metadata);
    s->metadata = copy;
    return 0;
}

void session_modify_next(struct session *s)
{
    char *sdp = s->offer.queued;

    if (modify_is_open(s) || !sdp)
        return;
    s->offer.queued = NULL;
    if (offer_start(s, sdp, false) != 0)
        s->handlers->reanswered(s->owner, 500, NULL);
    su_free(s->home, sdp);
}

void session_refresh(struct session *s)
{
    /* Something is being said already: should it not refresh, another try follows. */
    if (modify_is_open(s) || offer_start(s, s->peer_updates ? NULL : s->local_sdp, true) != 0)
        timer_retry(s);
}

void session_tell_contact(struct session *s)
{
    if (!modify_is_open(s) && offer_start(s, s->peer_updates ? NULL : s->local_sdp, true) != 0)
        log_event(LEVEL_WARNING, "sip", s->call_id, "contact-untold");
}

static void modify_again(void *arg)
{
    struct session *s = arg;

    session_enter(s);
    if (s->irq) {
        /* Their offer came first after all. */
        if (timer_start(s->agent->loop, &s->offer.retry, 500, modify_again, s) != 0)
            log_event(LEVEL_ERROR, "sip", s->call_id, "no-memory for=offer");
    } else if (modify_send(s) != 0) {
        session_abort(s, 500, "Cannot send", NULL);
    }
    session_leave(s);
}

/* RFC 3261 §14.1: whoever owns the Call-ID waits longer, in units of 10 ms. */
static void modify_retry_later(struct session *s)
{
    uint32_t ms = s->incoming ? 10 * random_below(201) : 2100 + 10 * random_below(191);

    if (timer_start(s->agent->loop, &s->offer.retry, ms, modify_again, s) != 0)
        log_event(LEVEL_ERROR, "sip", s->call_id, "no-memory for=offer");
}

/* What its owner made a newer offer over meanwhile is no answer to what he waits for: that one's will be. */
static bool offer_is_told(const struct session *s)
{
    return !s->offer.refresh && !s->offer.queued;
}

static void modify_accepted(struct session *s, const sip_t *sip)
{
    bool refresh = s->offer.refresh, told = offer_is_told(s);
    char *sdp = session_sdp_of(s, sip);

    session_note_peer(s, sip);
    timer_read_response(s, sip, false);
    timer_arm(s);
    if (!refresh && s->offer.sdp)
        session_set_local_sdp(s, s->offer.sdp);
    offer_forget(s);
    if (told)
        s->handlers->reanswered(s->owner, 200, sdp);
    su_free(s->home, sdp);
}

static void modify_failed(struct session *s, int status, const sip_t *sip)
{
    bool refresh = s->offer.refresh, told = offer_is_told(s);

    if (status == 422 && timer_read_refusal(s, sip) && modify_send(s) == 0)
        return;
    if (status == 491) {
        if (s->offer.queued) {
            offer_forget(s);
            s->offer.sdp = s->offer.queued;
            s->offer.queued = NULL;
        }
        modify_retry_later(s);
        return;
    }
    if (refresh && !s->offer.sdp && (status == 405 || status == 501)) {
        s->peer_updates = false;
        offer_forget(s);
        session_refresh(s);
        return;
    }
    offer_forget(s);
    if (status == 408 || status == 481) {
        /* RFC 3261 §14.1, RFC 5057 §5.1: the dialog is gone, and says so only by this. */
        session_abort(s, status, "Dialog lost", NULL);
        return;
    }
    if (refresh)
        timer_retry(s);
    else if (told)
        s->handlers->reanswered(s->owner, status, NULL);
}

static int modify_response(struct session *s, nta_outgoing_t *orq, const sip_t *sip)
{
    int status = nta_outgoing_status(orq);

    if (status < 200)
        return 0;
    session_enter(s);
    session_id_note(s, sip);
    session_note_response(s, false, status, nta_outgoing_method(orq));
    if (request_retry(s, &s->offer.orq, sip, modify_response)) {
        session_leave(s);
        return 0;
    }
    if (status < 300) {
        if (nta_outgoing_method(orq) == sip_method_invite) {
            session_note_ack(s, true);
            (void)session_acknowledge(s, orq, sip);
        } else if (contact_url(sip))
            nta_leg_client_reroute(s->leg, NULL, sip->sip_contact, 0);
    }
    s->offer.orq = NULL;
    nta_outgoing_destroy(orq);
    if (status < 300)
        modify_accepted(s, sip);
    else
        modify_failed(s, status, sip);
    session_modify_next(s);
    session_leave(s);
    return 0;
}

void session_modify_stop(struct session *s)
{
    nta_outgoing_t *orq = s->offer.orq;

    timer_stop(&s->offer.retry);
    su_free(s->home, s->offer.queued);
    s->offer.queued = NULL;
    offer_forget(s);
    s->offer.orq = NULL;
    /* A CANCEL keeps nta's transaction alive, so that the final response gets its ACK. */
    if (orq && nta_outgoing_method(orq) == sip_method_invite && nta_outgoing_status(orq) < 200)
        (void)nta_outgoing_cancel(orq);
    nta_outgoing_destroy(orq);
}
