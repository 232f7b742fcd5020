/*
 * Before the first answer: the dialogs that forks below the next hop make (RFC 3261 §12.1.2), reliable
 * provisional responses both ways (RFC 3262), and offers in UPDATE and PRACK (RFC 3311). RSeq and RAck are a
 * leg's own and never cross to the other one.
 */
#include "core/sip/session_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"

#define EARLIES_MAX 16
#define PRACK_WAIT_MS 31900 /* 64*T1, and before nta says something of its own */

/* -- the dialogs of forks -------------------------------------------------------------------------------- */

static struct early *early_find(const struct session *s, const char *tag)
{
    for (struct early *early = s->earlies; early; early = early->next)
        if (strcmp(early->tag, tag) == 0)
            return early;
    return NULL;
}

struct early *early_of(struct session *s, const sip_t *sip)
{
    const char *tag = sip->sip_to ? sip->sip_to->a_tag : NULL, *own = nta_leg_get_tag(s->leg);
    struct early *early = tag ? early_find(s, tag) : NULL;

    if (!tag || early)
        return early;
    /* One that does not even name us as we did makes no dialog with us. */
    if (s->early_count == EARLIES_MAX || !own || !sip->sip_from->a_tag ||
        strcmp(own, sip->sip_from->a_tag) != 0)
        return NULL;
    early = su_zalloc(s->home, sizeof *early);
    if (!early)
        return NULL;
    early->tag = su_strdup(s->home, tag);
    early->leg = nta_leg_tcreate(s->transport->nta, session_dialog, s, SIPTAG_CALL_ID(sip->sip_call_id),
                                 SIPTAG_FROM(sip->sip_from), SIPTAG_TO(sip->sip_to),
                                 SIPTAG_CSEQ(sip->sip_cseq), TAG_END());
    if (!early->tag || !early->leg) {
        nta_leg_destroy(early->leg);
        su_free(s->home, early->tag);
        su_free(s->home, early);
        return NULL;
    }
    nta_leg_client_reroute(early->leg, sip->sip_record_route, contact_url(sip) ? sip->sip_contact : NULL, 1);
    early->number = ++s->early_count;
    early->next = s->earlies;
    s->earlies = early;
    return early;
}

void early_keep_sdp(struct session *s, struct early *early, const char *sdp)
{
    if (!early->sdp)
        early->sdp = su_strdup(s->home, sdp);
}

static bool is_reliable(const sip_t *sip)
{
    return sip->sip_rseq && sip_has_feature(sip->sip_require, "100rel");
}

bool early_takes(struct early *early, const sip_t *sip)
{
    uint32_t rseq = is_reliable(sip) ? (uint32_t)sip->sip_rseq->rs_response : 0;

    if (!is_reliable(sip))
        return true;
    /* RFC 3262 §4: a gap is not acknowledged; what is missing will be sent again. */
    if (rseq == 0 || (early->rseq != 0 && rseq != early->rseq + 1))
        return false;
    early->rseq = rseq;
    return true;
}

/* nta_outgoing_prack() counts RSeq once for all forks: so the request is made here, and counted for each. */
void early_acknowledge(struct session *s, struct early *early, const sip_t *sip)
{
    char rack[64];

    if (!is_reliable(sip))
        return;
    snprintf(rack, sizeof rack, "%u %u INVITE", early->rseq, (unsigned)sip->sip_cseq->cs_seq);
    /* What it gets is of no consequence, unless that is a challenge; nta repeats it until it is answered. */
    if (!request_post(s, early->leg, sip->sip_record_route ? NULL : s->next_hop, SIP_METHOD_PRACK,
                      (url_string_t *)s->uri, SIPTAG_HEADER_STR(session_id_line(s, true)),
                      SIPTAG_RACK_STR(rack), TAG_END()))
        log_event(LEVEL_WARNING, "sip", s->call_id, "prack-failed rseq=%u", early->rseq);
}

const char *early_confirm(struct session *s, const sip_t *sip)
{
    struct early *early = sip->sip_to->a_tag ? early_find(s, sip->sip_to->a_tag) : NULL;

    if (early) {
        /* Its CSeq has gone on. */
        nta_leg_destroy(s->leg);
        s->leg = early->leg;
        early->leg = NULL;
        s->fork = early->number;
    } else {
        nta_leg_rtag(s->leg, sip->sip_to->a_tag);
        s->fork = ++s->early_count;
    }
    return early ? early->sdp : NULL;
}

void earlies_free(struct session *s)
{
    struct early *early;

    while ((early = s->earlies) != NULL) {
        s->earlies = early->next;
        nta_leg_destroy(early->leg);
        su_free(s->home, early->tag);
        su_free(s->home, early->sdp);
        su_free(s->home, early);
    }
}

/* -- offers within ----------------------------------------------------------------------------------------
 */

static void early_offer(struct session *s, nta_leg_t *leg, nta_incoming_t *irq, const char *sdp)
{
    s->early_irq = irq;
    s->early_leg = leg;
    s->handlers->offered(s->owner, sdp);
    if (s->early_irq) {
        s->early_irq = NULL;
        modify_refuse(s, irq, 500);
    }
}

/* RFC 3311 §5.2: what an UPDATE gets that comes before offer and answer are complete; 0: they are. */
static int early_refusal(struct session *s, nta_leg_t *leg)
{
    if (!session_has_owner(s) || s->early_irq)
        return 500;
    if (s->state == SESSION_INCOMING)
        return s->reliable.settled ? 0 : s->irq_offered || !s->reliable.sdp ? 500 : 491;
    for (const struct early *early = s->earlies; early; early = early->next)
        if (early->leg == leg && early->sdp) {
            s->fork = early->number;
            return 0;
        }
    return 491; /* our own offer waits for its answer */
}

static void early_reply(struct session *s, nta_incoming_t *irq, const char *sdp)
{
    session_reply(s, irq, SIP_200_OK, SIPTAG_CONTACT(s->contact), SIPTAG_ALLOW_STR(SESSION_ALLOW),
                  TAG_IF(session_events(s), SIPTAG_ALLOW_EVENTS_STR(session_events(s))),
                  SIPTAG_SUPPORTED_STR(SESSION_SUPPORTED), TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR(SDP_TYPE)),
                  TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
}

void early_update(struct session *s, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    char *sdp = session_sdp_of(s, sip);
    int refusal = sdp ? early_refusal(s, leg) : 0;

    session_note_peer(s, sip);
    if (refusal) {
        modify_refuse(s, irq, refusal);
    } else {
        if (contact_url(sip))
            nta_leg_server_route(leg, NULL, sip->sip_contact);
        if (sdp)
            early_offer(s, leg, irq, sdp);
        else
            early_reply(s, irq, NULL);
    }
    su_free(s->home, sdp);
}

int early_reanswer(struct session *s, int status, const char *sdp)
{
    nta_incoming_t *irq = s->early_irq;

    if (status < 200 || (status < 300 && !sdp))
        return EINVAL;
    s->early_irq = NULL;
    if (status >= 300) {
        session_reply(s, irq, status, NULL, TAG_END());
        return 0;
    }
    session_set_local_sdp(s, sdp);
    early_reply(s, irq, sdp);
    return 0;
}

/* -- our own reliable responses ---------------------------------------------------------------------------
 */

void early_note_request(struct session *s, const sip_t *sip)
{
    s->reliable.required = sip_has_feature(sip->sip_require, "100rel");
    s->reliable.supported = s->reliable.required || sip_has_feature(sip->sip_supported, "100rel");
}

/* RFC 3262 §3: the caller does not answer us, so the call cannot go on. */
static void prack_overdue(void *arg)
{
    struct session *s = arg;

    if (s->state != SESSION_INCOMING && s->state != SESSION_ANSWERED)
        return;
    session_enter(s);
    log_event(LEVEL_INFO, "sip", s->call_id, "no-prack");
    nta_incoming_treply(s->irq, SIP_504_GATEWAY_TIME_OUT, SIPTAG_HEADER_STR(session_id_line(s, true)),
                        SIPTAG_USER_AGENT_STR("confab"), TAG_END());
    session_over(s);
    session_tell_ended(s, 504, "SIP;cause=504;text=\"No PRACK\"");
    session_leave(s);
}

static void prack_take(struct session *s, nta_incoming_t *irq, const sip_t *sip)
{
    bool first = s->reliable.sdp && !s->reliable.settled;
    char *sdp = session_sdp_of(s, sip);

    if (--s->reliable.open == 0)
        timer_stop(&s->reliable.timer);
    s->reliable.settled = s->reliable.settled || s->reliable.sdp;
    if (first && !s->irq_offered) {
        /* The answer to our offer, without which there is no session. */
        session_reply(s, irq, SIP_200_OK, TAG_END());
        if (session_has_owner(s))
            s->handlers->reanswered(s->owner, sdp ? 200 : 488, sdp);
    } else if (!sdp) {
        session_reply(s, irq, SIP_200_OK, TAG_END());
    } else if (!s->reliable.settled || s->state != SESSION_INCOMING || !session_has_owner(s)) {
        session_reply(s, irq, SIP_488_NOT_ACCEPTABLE, TAG_END());
    } else {
        early_offer(s, s->leg, irq, sdp);
    }
    su_free(s->home, sdp);
}

/* Without a PRACK: a final response has made the reliable one needless. The session may be gone by then. */
static int prack_came(struct session *s, nta_reliable_t *rel, nta_incoming_t *irq, const sip_t *sip)
{
    nta_reliable_destroy(rel);
    if (!irq || !sip)
        return 0;
    session_enter(s);
    s->agent->stats.requests++;
    session_note_request(s, false, sip_method_prack, 0);
    if (!request_is_acceptable(irq, sip, true))
        ; /* answered */
    else if (s->state == SESSION_INCOMING || s->state == SESSION_ANSWERED)
        prack_take(s, irq, sip);
    else
        session_reply(s, irq, SIP_481_NO_TRANSACTION, TAG_END());
    session_leave(s);
    return 0;
}

int early_ring(struct session *s, int status, const char *sdp)
{
    nta_reliable_t *rel =
        nta_reliable_treply(s->irq, prack_came, s, status, NULL, SIPTAG_HEADER_STR(session_id_line(s, true)),
                            SIPTAG_CONTACT(s->contact), SIPTAG_ALLOW_STR(SESSION_ALLOW),
                            TAG_IF(session_events(s), SIPTAG_ALLOW_EVENTS_STR(session_events(s))),
                            SIPTAG_USER_AGENT_STR("confab"), TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR(SDP_TYPE)),
                            TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());

    if (!rel)
        return EIO;
    if (s->reliable.open++ == 0 &&
        timer_start(s->agent->loop, &s->reliable.timer, PRACK_WAIT_MS, prack_overdue, s) != 0)
        log_event(LEVEL_ERROR, "sip", s->call_id, "no-memory for=prack");
    if (sdp) {
        s->reliable.sdp = true;
        session_set_local_sdp(s, sdp);
    }
    return 0;
}

void early_stop(struct session *s)
{
    timer_stop(&s->reliable.timer);
}
