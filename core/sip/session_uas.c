/* Calls that come in: from the INVITE to its final response and the ACK. */
#include "core/sip/session_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/log.h"

#define ACK_WAIT_MS 40000 /* more than 64*T1 */

/* -- the INVITE ------------------------------------------------------------------------------------------ */

/*
 * A phone behind a NAT names an address in Contact that we cannot reach: then requests go back to where the
 * INVITE came from, and by TCP they use its connection. A Record-Route or a peer's own Contact is believed as
 * it stands.
 */
static url_string_t *next_hop_of(struct session *s, const sip_t *sip, const struct peer_settings *peer)
{
    struct sockaddr_storage named;
    enum wire wire = wire_of(sip);
    const url_t *contact = contact_url(sip);
    char source[HOST_PORT_TEXT];

    if (peer || sip->sip_record_route || !contact)
        return NULL;
    if (wire == WIRE_UDP && address_parse(&named, contact->url_host, contact->url_port) == 0 &&
        address_same_host(&named, &s->remote))
        return NULL;
    address_text(&s->remote, true, source);
    return (url_string_t *)su_sprintf(s->home, "sip:%s;transport=%s", source,
                                      wire == WIRE_TCP ? "tcp" : "udp");
}

static int dialog_make(struct session *s, nta_incoming_t *irq, const sip_t *sip)
{
    sip_to_t *local = sip_to_dup(s->home, sip->sip_to);
    const char *tag = nta_incoming_tag(irq, NULL);

    /* With our tag from its beginning on, the leg matches no request that lacks it. */
    if (!local || !tag || sip_to_tag(s->home, local, tag) < 0)
        return ENOMEM;
    s->leg = nta_leg_tcreate(s->transport->nta, session_dialog, s, SIPTAG_CALL_ID(sip->sip_call_id),
                             SIPTAG_FROM(local), SIPTAG_TO(sip->sip_from),
                             NTATAG_REMOTE_CSEQ(sip->sip_cseq->cs_seq), TAG_END());
    if (!s->leg || nta_leg_server_route(s->leg, sip->sip_record_route, sip->sip_contact) < 0)
        return ENOMEM;
    return 0;
}

static int incoming_make(struct session **out, struct session_list *list, struct transport *transport,
                         nta_incoming_t *irq, const sip_t *sip, const struct peer_settings *peer)
{
    struct sockaddr_storage remote;
    const char *called = sip->sip_request->rq_url->url_user;
    struct session *s;
    int error;

    agent_source(transport->nta, irq, &remote);
    error = session_new(&s, list, transport, &remote, wire_of(sip), called ? called : "");
    if (error)
        return error;
    s->incoming = true;
    s->state = SESSION_INCOMING;
    s->call_id = su_strdup(s->home, sip->sip_call_id->i_id);
    s->peer = peer ? su_strdup(s->home, peer->name) : NULL;
    s->next_hop = next_hop_of(s, sip, peer);
    session_note_peer(s, sip);
    early_note_request(s, sip);
    session_id_note(s, sip);
    error = s->call_id ? dialog_make(s, irq, sip) : ENOMEM;
    if (error) {
        session_enter(s);
        s->released = true;
        session_over(s);
        session_leave(s);
        return error;
    }
    *out = s;
    return 0;
}

static int refuse_status(int error)
{
    return error == ENOMEM ? 500 : error == ENOSPC ? 414 : error == E2BIG ? 413 : error == EACCES ? 403 : 400;
}

/* RFC 3891 §3, RFC 3911 §4: one or the other, and once. */
static int names_read(struct invitation *out, const sip_t *sip, struct dialog_name *replaces,
                      struct dialog_name *join)
{
    char text[REFER_TEXT];

    if (sip->sip_replaces) {
        snprintf(text, sizeof text, "%s;to-tag=%s;from-tag=%s%s", sip->sip_replaces->rp_call_id,
                 sip->sip_replaces->rp_to_tag ? sip->sip_replaces->rp_to_tag : "",
                 sip->sip_replaces->rp_from_tag ? sip->sip_replaces->rp_from_tag : "",
                 sip->sip_replaces->rp_early_only ? ";early-only" : "");
        if (!dialog_name_read(replaces, text))
            return EINVAL;
        out->replaces = replaces;
    }
    for (const sip_unknown_t *h = sip->sip_unknown; h; h = h->un_next) {
        if (strcasecmp(h->un_name, "Join") != 0)
            continue;
        if (out->replaces || out->join || !h->un_value || !dialog_name_read(join, h->un_value))
            return EINVAL;
        out->join = join;
    }
    return 0;
}

/* RFC 5373 §4.3: to be answered whatever the callee's phone is told is no wish that anybody may have. */
static int answer_mode_check(const sip_t *sip, const struct peer_settings *peer)
{
    for (const sip_unknown_t *h = sip->sip_unknown; h; h = h->un_next)
        if (strcasecmp(h->un_name, "Priv-Answer-Mode") == 0)
            return peer && peer->trusted ? 0 : EACCES;
    return 0;
}

void session_request(struct session_list *list, struct transport *transport, nta_incoming_t *irq,
                     const sip_t *sip, const char *user, const struct peer_settings *peer)
{
    struct agent *agent = transport->agent;
    struct dialog_name replaces, join;
    struct recipients recipients;
    struct invitation invitation;
    struct session *s;
    int error;

    /* Cancelled while it was being authenticated: nta has sent the 487. */
    if (nta_incoming_status(irq) >= 200) {
        nta_incoming_destroy(irq);
        return;
    }
    error = invitation_read(&invitation, sip, user, peer, agent->settings->realm);
    if (error == 0)
        error = names_read(&invitation, sip, &replaces, &join);
    if (error == 0)
        error = answer_mode_check(sip, peer);
    if (error == 0)
        error = recipients_read(&recipients, sip);
    if (error == 0)
        error = incoming_make(&s, list, transport, irq, sip, peer);
    if (error) {
        agent_reply(irq, refuse_status(error), NULL, TAG_END());
        return;
    }
    session_enter(s);
    if (!timer_read_request(s, irq, sip)) {
        s->released = true;
        session_over(s);
        session_leave(s);
        return;
    }
    s->irq = irq;
    nta_incoming_bind(irq, session_invite_event, s);
    /* RFC 3261 §8.2.6.1: at once, or the INVITE would be sent again while the database is asked. */
    nta_incoming_treply(irq, SIP_100_TRYING, SIPTAG_HEADER_STR(session_id_line(s, false)), TAG_END());
    invitation.call_id = s->call_id;
    invitation.recipients = recipients.count ? &recipients : NULL;
    memcpy(invitation.session_id, s->far_id, sizeof invitation.session_id);
    invitation.passed = passed_read(s->home, sip, peer && peer->trusted);
    /* A call that is nobody's comes back from an application server, which belongs to us (3GPP TS 24.229
     * §4.4). */
    diversions_read(&invitation, s->home, sip, peer ? peer->trusted : !user);
    invitation.offer = session_sdp_of(s, sip);
    s->irq_offered = invitation.offer != NULL;
    agent->handlers->invited(agent->arg, s, &invitation);
    if (!s->handlers && s->state != SESSION_OVER) {
        log_event(LEVEL_ERROR, "sip", s->call_id, "nobody-took-the-call");
        session_reject(s, 500, NULL, NULL, 0);
    }
    session_leave(s);
}

/* -- our responses --------------------------------------------------------------------------------------- */

int session_ring(struct session *s, int status, const char *sdp)
{
    if (s->state != SESSION_INCOMING || status <= 100 || status > 199)
        return EINVAL;
    /* RFC 6337 §3.1.1: what was said reliably is not said again. */
    if (s->reliable.sdp)
        sdp = NULL;
    if (s->reliable.required || (sdp && session_is_reliable(s)))
        return early_ring(s, status, sdp);
    if (nta_incoming_treply(s->irq, status, NULL, SIPTAG_HEADER_STR(session_id_line(s, true)),
                            SIPTAG_CONTACT(s->contact), SIPTAG_ALLOW_STR(SESSION_ALLOW),
                            TAG_IF(session_events(s), SIPTAG_ALLOW_EVENTS_STR(session_events(s))),
                            SIPTAG_USER_AGENT_STR("confab"), TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR(SDP_TYPE)),
                            TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END()) < 0)
        return EIO;
    if (sdp)
        session_set_local_sdp(s, sdp);
    return 0;
}

/* nta says so itself after 64*T1, unless it could not send the 200 at all (a TCP connection that is gone). */
static void ack_overdue(void *arg)
{
    struct session *s = arg;

    session_enter(s);
    if (s->state == SESSION_ANSWERED)
        session_abort(s, 408, "No ACK", NO_ACK_REASON);
    session_leave(s);
}

int session_answer(struct session *s, const char *sdp)
{
    char expires[64];
    bool require;

    if (s->state != SESSION_INCOMING || !sdp)
        return EINVAL;
    timer_accept_request(s, expires, &require);
    if (timer_start(s->agent->loop, &s->timer.timer, ACK_WAIT_MS, ack_overdue, s) != 0)
        return ENOMEM;
    s->state = SESSION_ANSWERED;
    if (s->reliable.sdp)
        sdp = NULL;
    else
        session_set_local_sdp(s, sdp);
    /* nta holds it back until the PRACK of a reliable response with SDP has come (RFC 3262 §3). */
    nta_incoming_treply(s->irq, SIP_200_OK, SIPTAG_HEADER_STR(session_id_line(s, true)),
                        SIPTAG_CONTACT(s->contact), SIPTAG_ALLOW_STR(SESSION_ALLOW),
                        TAG_IF(session_events(s), SIPTAG_ALLOW_EVENTS_STR(session_events(s))),
                        SIPTAG_SUPPORTED_STR(SESSION_SUPPORTED), SIPTAG_USER_AGENT_STR("confab"),
                        TAG_IF(*expires, SIPTAG_SESSION_EXPIRES_STR(expires)),
                        TAG_IF(require, SIPTAG_REQUIRE_STR(SESSION_TIMER)),
                        TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR(SDP_TYPE)), TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)),
                        TAG_END());
    return 0;
}

void session_set_reason(struct session *s, const char *value)
{
    su_free(s->home, s->end_reason);
    s->end_reason = *value ? su_strdup(s->home, value) : NULL;
}

void session_reject(struct session *s, int status, const char *reason, const char *redirect,
                    unsigned retry_after_s)
{
    char contact[600], seconds[16];

    if (s->state != SESSION_INCOMING)
        return;
    session_enter(s);
    if (!s->handlers)
        s->released = true;
    snprintf(contact, sizeof contact, "<%s>", redirect ? redirect : "");
    snprintf(seconds, sizeof seconds, "%u", retry_after_s);
    nta_incoming_treply(s->irq, status < 300 ? 500 : status, reason, SIPTAG_USER_AGENT_STR("confab"),
                        SIPTAG_HEADER_STR(session_id_line(s, true)),
                        TAG_IF(s->end_reason, SIPTAG_REASON_STR(s->end_reason)),
                        TAG_IF(redirect, SIPTAG_CONTACT_STR(contact)),
                        TAG_IF(retry_after_s, SIPTAG_RETRY_AFTER_STR(seconds)), TAG_END());
    session_over(s);
    session_leave(s);
}

/* -- what follows ---------------------------------------------------------------------------------------- */

static void invite_acknowledged(struct session *s, const sip_t *ack)
{
    char *sdp = session_sdp_of(s, ack);

    nta_incoming_destroy(s->irq);
    s->irq = NULL;
    early_stop(s);
    s->state = SESSION_UP;
    if (s->released) {
        session_bye(s, s->end_reason);
        return;
    }
    timer_arm(s);
    s->handlers->answered(s->owner, s->irq_offered ? NULL : sdp);
    su_free(s->home, sdp);
    if (s->state == SESSION_UP)
        session_modify_next(s);
}

static void invite_cancelled(struct session *s, const sip_t *cancel)
{
    char reason[256];
    const char *why = session_reason_of(cancel, reason, sizeof reason);

    /* nta answers the CANCEL, and the INVITE with 487. */
    session_over(s);
    session_tell_ended(s, 487, why);
}

/* nta's word on the INVITE: its ACK, its CANCEL, or (no message) that the ACK has not come within 64*T1. */
int session_invite_event(struct session *s, nta_incoming_t *irq, const sip_t *sip)
{
    (void)irq;
    session_enter(s);
    if (s->state == SESSION_ANSWERED) {
        if (sip && sip->sip_request->rq_method == sip_method_ack)
            invite_acknowledged(s, sip);
        else if (!sip)
            /* RFC 3261 §13.3.1.4 */
            session_abort(s, 408, "No ACK", NO_ACK_REASON);
    } else if (s->state == SESSION_INCOMING && sip && sip->sip_request->rq_method == sip_method_cancel) {
        invite_cancelled(s, sip);
    }
    session_leave(s);
    return 0;
}
