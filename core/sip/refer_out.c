/*
 * A REFER that goes out in a session's dialog (RFC 3515), and the NOTIFYs by which its receiver tells what
 * comes of it.
 */
#include "core/sip/session_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/sip_extra.h>

static void refer_out_tell(struct session *s, int status)
{
    if (status >= 200)
        s->refer_open = false;
    if (session_has_owner(s) && s->handlers->told)
        s->handlers->told(s->owner, status);
}

static int refer_out_response(struct session *s, nta_outgoing_t *orq, const sip_t *sip)
{
    int status = nta_outgoing_status(orq);
    const sip_refer_sub_t *news = sip ? sip_refer_sub(sip) : NULL;

    if (status < 200)
        return 0;
    session_enter(s);
    session_note_response(s, false, status, sip_method_refer);
    if (request_retry(s, &s->refer_orq, sip, refer_out_response)) {
        session_leave(s);
        return 0;
    }
    s->refer_orq = NULL;
    nta_outgoing_destroy(orq);
    if (status >= 300)
        refer_out_tell(s, status);
    else if (news && news->rs_value && strcasecmp(news->rs_value, "false") == 0)
        refer_out_tell(s, 200); /* RFC 4488 §4: nothing more will be heard of it */
    session_leave(s);
    return 0;
}

/* What a header in a URI may hold as it is (RFC 3261 §25.1, hnv-unreserved and unreserved); the rest is
 * escaped. */
static int uri_header_escape(char *out, size_t size, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()";
    size_t length = 0;

    for (; *text; text++) {
        if (length + 4 > size)
            return ENOSPC;
        length += (size_t)snprintf(out + length, size - length, strchr(plain, *text) ? "%c" : "%%%02X",
                                   (unsigned char)*text);
    }
    out[length] = '\0';
    return 0;
}

bool session_refers(const struct session *s)
{
    return s->state == SESSION_UP && !s->refers_not && !s->refer_open && !s->refer_orq;
}

void session_own_uri(const struct session *s, char *out, size_t size)
{
    char address[HOST_PORT_TEXT], transport[8] = "";
    bool tcp = uri_param(s->contact->m_url, "transport", transport, sizeof transport);

    address_text(&s->local, true, address);
    snprintf(out, size, "sip:%s%s%s", address, tcp ? ";transport=" : "", transport);
}

int session_refer(struct session *s, const char *uri, const char *replaces, const struct party *referrer)
{
    char to[REFER_TEXT * 4], escaped[REFER_TEXT * 3] = "", *by;
    int error = replaces ? uri_header_escape(escaped, sizeof escaped, replaces) : 0;

    if (!session_refers(s))
        return EINVAL;
    if (!error &&
        snprintf(to, sizeof to, "<%s%s%s>", uri, replaces ? "?Replaces=" : "", escaped) >= (int)sizeof to)
        error = ENOSPC;
    if (error)
        return error;
    by = referrer && *referrer->user ? party_address(s->home, referrer) : NULL;
    s->refer_orq =
        request_send(s, s->leg, refer_out_response, s->next_hop, SIP_METHOD_REFER, NULL,
                     SIPTAG_HEADER_STR(session_id_line(s, true)), SIPTAG_CONTACT(s->contact),
                     SIPTAG_REFER_TO_STR(to), TAG_IF(by, SIPTAG_REFERRED_BY_STR(by)),
                     SIPTAG_SUPPORTED_STR(SESSION_SUPPORTED), SIPTAG_USER_AGENT_STR("confab"), TAG_END());
    su_free(s->home, by);
    s->refer_open = s->refer_orq != NULL;
    return s->refer_orq ? 0 : EIO;
}

int refer_out_status(const sip_t *sip)
{
    const sip_payload_t *body = sip->sip_payload;
    char line[16];
    int status;

    if (!body || !sip->sip_content_type || !sip->sip_content_type->c_type ||
        strcasecmp(sip->sip_content_type->c_type, "message/sipfrag") != 0)
        return 0;
    snprintf(line, sizeof line, "%.*s", body->pl_len > 11 ? 11 : (int)body->pl_len, body->pl_data);
    return sscanf(line, "SIP/2.0 %3d", &status) == 1 && status >= 100 && status < 700 ? status : 0;
}

void refer_out_notified(struct session *s, nta_incoming_t *irq, const sip_t *sip)
{
    const sip_subscription_state_t *state = sip->sip_subscription_state;
    bool over = state && state->ss_substate && strcasecmp(state->ss_substate, "terminated") == 0;
    bool refer = sip->sip_event && sip->sip_event->o_type && strcasecmp(sip->sip_event->o_type, "refer") == 0;
    int status;

    if (!s->refer_open || !refer) {
        session_reply(s, irq, SIP_481_NO_TRANSACTION, TAG_END());
        return;
    }
    status = refer_out_status(sip);
    session_reply(s, irq, SIP_200_OK, TAG_END());
    if (status >= 200 || over)
        refer_out_tell(s, status >= 200 ? status : 408); /* an end without a word: nobody knows */
    else if (status > 100)
        refer_out_tell(s, status);
}

void refer_out_stop(struct session *s)
{
    s->refer_open = false;
    nta_outgoing_destroy(s->refer_orq);
    s->refer_orq = NULL;
}
