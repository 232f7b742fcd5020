/* Requests that come within a dialog, other than offers; and the checks that every request goes through. */
#include "core/sip/session_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGIT_MS_DEFAULT 160
#define DIGIT_MS_MAX 10000

static bool option_is_known(const char *tag)
{
    size_t length = strlen(tag);

    for (const char *p = SESSION_KNOWN; *p; p += strspn(p, ", ")) {
        size_t whole = strcspn(p, ", ");

        if (whole == length && strncasecmp(p, tag, length) == 0)
            return true;
        p += whole;
    }
    return false;
}

bool request_is_acceptable(nta_incoming_t *irq, const sip_t *sip, bool session)
{
    const sip_require_t *require = sip->sip_require;
    const sip_payload_t *body = sip->sip_payload;
    char unsupported[256] = "";
    size_t used = 0;

    /* RFC 3261 §8.2.2.3; what does not fit the list of an answer is not worth more words. */
    for (const msg_param_t *tag = require ? require->k_items : NULL; tag && *tag; tag++)
        if (!option_is_known(*tag) && used + strlen(*tag) + 3 < sizeof unsupported)
            used += (size_t)snprintf(unsupported + used, sizeof unsupported - used, "%s%s", used ? ", " : "",
                                     *tag);
    if (used > 0) {
        agent_reply(irq, SIP_420_BAD_EXTENSION, SIPTAG_UNSUPPORTED_STR(unsupported), TAG_END());
        return false;
    }
    if (!session || !body || body->pl_len == 0)
        return true;
    if (!body_sdp(sip, &used) && !body_recipients(sip, &used)) {
        agent_reply(irq, SIP_415_UNSUPPORTED_MEDIA,
                    SIPTAG_ACCEPT_STR(SDP_TYPE ", " RECIPIENTS_TYPE ", multipart/mixed"), TAG_END());
        return false;
    }
    if (sip->sip_content_encoding && sip->sip_content_encoding->k_items) {
        agent_reply(irq, SIP_415_UNSUPPORTED_MEDIA, SIPTAG_ACCEPT_ENCODING_STR("identity"), TAG_END());
        return false;
    }
    return true;
}

void request_refuse_method(nta_incoming_t *irq, const char *allow)
{
    agent_reply(irq, SIP_405_METHOD_NOT_ALLOWED, SIPTAG_ALLOW_STR(allow), TAG_END());
}

/* -- INFO: digits where no telephone-event was agreed (application/dtmf-relay, as Cisco defined it;
 * application/dtmf) -- */

static char digit_of(const char *text)
{
    char c = (char)toupper((unsigned char)*text);

    /* Some write the event's number of RFC 4733. */
    if (c == '1' && (text[1] == '0' || text[1] == '1'))
        return text[1] == '0' ? '*' : '#';
    return c != '\0' && strchr("0123456789*#ABCD", c) ? c : '\0';
}

static bool digit_read(const sip_t *sip, char *digit, unsigned *ms)
{
    const char *type = sip->sip_content_type ? sip->sip_content_type->c_type : NULL;
    char text[128], *line;
    size_t length = sip->sip_payload->pl_len;

    if (!type || length >= sizeof text)
        return false;
    memcpy(text, sip->sip_payload->pl_data, length);
    text[length] = '\0';
    *ms = DIGIT_MS_DEFAULT;
    if (strcasecmp(type, "application/dtmf") == 0) {
        *digit = digit_of(text + strspn(text, " \t"));
        return *digit != '\0';
    }
    if (strcasecmp(type, "application/dtmf-relay") != 0)
        return false;
    line = strcasestr(text, "Duration");
    if (line && (line = strchr(line, '=')) != NULL)
        *ms = (unsigned)strtoul(line + 1, NULL, 10);
    if (*ms == 0 || *ms > DIGIT_MS_MAX)
        *ms = DIGIT_MS_DEFAULT;
    line = strcasestr(text, "Signal");
    line = line ? strchr(line, '=') : NULL;
    *digit = line ? digit_of(line + 1 + strspn(line + 1, " \t")) : '\0';
    return *digit != '\0';
}

static void dialog_info(struct session *s, nta_incoming_t *irq, const sip_t *sip)
{
    char digit;
    unsigned ms;

    if (!sip->sip_payload || sip->sip_payload->pl_len == 0) {
        session_reply(s, irq, SIP_200_OK, TAG_END());
        return;
    }
    if (!digit_read(sip, &digit, &ms)) {
        session_reply(s, irq, SIP_415_UNSUPPORTED_MEDIA,
                      SIPTAG_ACCEPT_STR("application/dtmf-relay, application/dtmf"), TAG_END());
        return;
    }
    session_reply(s, irq, SIP_200_OK, TAG_END());
    if (session_has_owner(s))
        s->handlers->digit(s->owner, digit, ms);
}

int session_send_digit(struct session *s, char digit, unsigned ms)
{
    char body[64];

    if (s->state != SESSION_UP || digit_of((char[]){digit, '\0'}) == '\0')
        return EINVAL;
    snprintf(body, sizeof body, "Signal=%c\r\nDuration=%u\r\n", digit, ms);
    return request_post(
               s, s->leg, s->next_hop, SIP_METHOD_INFO, NULL, SIPTAG_HEADER_STR(session_id_line(s, true)),
               SIPTAG_CONTENT_TYPE_STR("application/dtmf-relay"), SIPTAG_PAYLOAD_STR(body), TAG_END())
               ? 0
               : ENOMEM;
}

/* -- the dialog ------------------------------------------------------------------------------------------ */

static void dialog_bye(struct session *s, nta_incoming_t *irq, const sip_t *sip)
{
    char reason[256];
    const char *why = session_reason_of(sip, reason, sizeof reason);
    bool calling = s->state == SESSION_CALLING || s->state == SESSION_CANCELLING;

    session_reply(s, irq, SIP_200_OK, TAG_END());
    /* From an early dialog of one fork; others may go on, and the INVITE itself still gets its response. */
    if (calling)
        return;
    /* RFC 3261 §15.1.2: BYE crossed BYE; ours will have its answer. */
    if (s->state == SESSION_ENDING)
        return;
    if (s->irq && nta_incoming_status(s->irq) < 200)
        nta_incoming_treply(s->irq, SIP_487_REQUEST_TERMINATED, SIPTAG_HEADER_STR(session_id_line(s, true)),
                            TAG_END());
    session_over(s);
    session_tell_ended(s, 200, why);
}

static void dialog_request(struct session *s, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    bool early = s->state == SESSION_INCOMING || s->state == SESSION_CALLING;
    bool ending = s->state == SESSION_ENDING;

    switch (sip->sip_request->rq_method) {
    case sip_method_ack:
        /* A repeated one, or one for a transaction that is gone. */
        nta_incoming_destroy(irq);
        break;
    case sip_method_bye:
        dialog_bye(s, irq, sip);
        break;
    case sip_method_notify:
        refer_out_notified(s, irq, sip);
        break;
    case sip_method_cancel:
        session_reply(s, irq, SIP_481_NO_TRANSACTION, TAG_END());
        break;
    case sip_method_options:
        options_reply(s->agent, irq, SESSION_ALLOW, SESSION_SUPPORTED, s->contact);
        break;
    case sip_method_invite:
    case sip_method_update:
        if (ending)
            session_reply(s, irq, SIP_481_NO_CALL, TAG_END());
        else if (!request_is_acceptable(irq, sip, true))
            ; /* answered */
        else if (early && sip->sip_request->rq_method == sip_method_update)
            early_update(s, leg, irq, sip);
        else
            session_modify_request(s, irq, sip);
        break;
    case sip_method_prack:
        /* RFC 3262 §3: one that acknowledges something has gone to its response. */
        session_reply(s, irq, SIP_481_NO_TRANSACTION, TAG_END());
        break;
    case sip_method_refer:
        if (request_is_acceptable(irq, sip, false))
            refer_in_session(s, irq, sip);
        break;
    case sip_method_subscribe:
        if (!notifier_in_session(s, irq, sip))
            refer_subscribe_in_session(s, irq, sip);
        break;
    case sip_method_info:
        dialog_info(s, irq, sip);
        break;
    default:
        request_refuse_method(irq, SESSION_ALLOW);
        break;
    }
}

int session_dialog(struct session *s, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    session_enter(s);
    session_id_note(s, sip);
    s->agent->stats.requests += sip->sip_request->rq_method != sip_method_ack;
    session_note_request(s, false, sip->sip_request->rq_method,
                         sip->sip_request->rq_method == sip_method_notify ? refer_out_status(sip) : 0);
    dialog_request(s, leg, irq, sip);
    session_leave(s);
    return 0;
}
