/*
 * REFER (RFC 3515): what it asks, and the subscription that it implies, by which whoever asked hears what
 * comes of it. The subscription lives in the session's dialog, and outlives the call there (RFC 5057 §5.2),
 * or in a dialog of its own when the REFER came out of the blue.
 */
#include "core/sip/session_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/sip_extra.h>

#include "core/base/clock.h"
#include "core/base/log.h"

#define REFER_S 300 /* how long the subscription holds unless refreshed: longer than any ringing */
#define TOLD_MAX 8

/* A dialog that only subscriptions are left of. */
struct refer_dialog {
    struct agent *agent;
    nta_leg_t *leg;
    unsigned count;
};

struct refer {
    struct refer *next;
    struct agent *agent;
    struct session *session; /* whose dialog it lives in, or NULL */
    struct refer_dialog *dialog;
    char event[24], next_hop[HOST_PORT_TEXT + 24], contact[HOST_PORT_TEXT + 96];
    int waiting[TOLD_MAX], last; /* statuses to be sent, oldest first; the one sent last */
    unsigned count;
    bool owned; /* its owner has not said the last word yet */
    bool over;  /* nothing more is to be sent */
    bool gone;  /* unsubscribed, or the far side does not want to hear */
    uint64_t expires_us;
    nta_outgoing_t *notify;
    /* Out of the blue, until it is authenticated. */
    struct transport *transport;
    nta_incoming_t *irq;
};

static void refer_next(struct refer *r);
static int refer_dialog_request(struct session *magic, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip);

/* -- what is asked ------------------------------------------------------------------------------------- */

bool dialog_name_read(struct dialog_name *out, const char *text)
{
    char copy[REFER_TEXT], *save, *part;

    *out = (struct dialog_name){0};
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
        return false;
    part = strtok_r(copy, ";", &save);
    if (!part || strlen(part) >= sizeof out->call_id)
        return false;
    part += strspn(part, " \t");
    snprintf(out->call_id, sizeof out->call_id, "%.*s", (int)strcspn(part, " \t"), part);
    while ((part = strtok_r(NULL, ";", &save)) != NULL) {
        part += strspn(part, " \t");
        if (strncasecmp(part, "to-tag=", 7) == 0)
            snprintf(out->to_tag, sizeof out->to_tag, "%.*s", (int)strcspn(part + 7, " \t"), part + 7);
        else if (strncasecmp(part, "from-tag=", 9) == 0)
            snprintf(out->from_tag, sizeof out->from_tag, "%.*s", (int)strcspn(part + 9, " \t"), part + 9);
        else if (strncasecmp(part, "early-only", 10) == 0)
            out->early_only = true;
    }
    return *out->call_id && *out->to_tag && *out->from_tag;
}

/* `?Replaces=…&…`: Sofia's own reader of a URI's headers reads out of bounds. False: not there, or too long.
 */
static bool uri_header(char *out, size_t size, const char *headers, const char *name)
{
    size_t length = strlen(name);

    while (headers && *headers) {
        size_t whole = strcspn(headers, "&");

        if (whole > length && strncasecmp(headers, name, length) == 0 && headers[length] == '=') {
            if (whole - length - 1 >= size)
                return false;
            snprintf(out, size, "%.*s", (int)(whole - length - 1), headers + length + 1);
            if (strstr(out, "%00"))
                return false;
            url_unescape(out, out);
            return strpbrk(out, "\r\n") == NULL;
        }
        headers += whole;
        headers += *headers == '&';
    }
    return false;
}

/* Sofia keeps the first of several and leaves the others in the message. */
static bool refer_to_is_repeated(const sip_refer_to_t *to)
{
    for (const sip_header_t *h = (const sip_header_t *)to->r_common->h_succ; h;
         h = (const sip_header_t *)h->sh_succ)
        if (h->sh_class == sip_refer_to_class)
            return true;
    return false;
}

/* RFC 4538 §3: which tag is whose does not matter, for we find the dialog from either end. */
static bool target_dialog_read(struct referral *out, const sip_t *sip)
{
    for (const sip_unknown_t *h = sip->sip_unknown; h; h = h->un_next) {
        char text[REFER_TEXT];
        char *local, *remote;

        if (strcasecmp(h->un_name, "Target-Dialog") != 0 || !h->un_value)
            continue;
        if (out->named || snprintf(text, sizeof text, "%s", h->un_value) >= (int)sizeof text)
            return false;
        local = strcasestr(text, "local-tag=");
        remote = strcasestr(text, "remote-tag=");
        if (!local || !remote)
            return false;
        snprintf(out->dialog.to_tag, sizeof out->dialog.to_tag, "%.*s", (int)strcspn(local + 10, "; \t"),
                 local + 10);
        snprintf(out->dialog.from_tag, sizeof out->dialog.from_tag, "%.*s", (int)strcspn(remote + 11, "; \t"),
                 remote + 11);
        snprintf(out->dialog.call_id, sizeof out->dialog.call_id, "%.*s", (int)strcspn(text, "; \t"), text);
        out->named = true;
    }
    return true;
}

/* 0 or the status of a refusal. */
static int referral_read(struct referral *out, const sip_t *sip)
{
    const sip_refer_to_t *to = sip->sip_refer_to;
    const url_t *url = to ? to->r_url : NULL;
    char method[16] = "INVITE";

    *out = (struct referral){.params = ""};
    if (!to || to->r_next || refer_to_is_repeated(to))
        return 400; /* RFC 3515 §2.4.2: exactly one */
    if (url->url_type != url_sip && url->url_type != url_sips && url->url_type != url_tel)
        return 416;
    (void)uri_param(url, "method", method, sizeof method);
    out->bye = strcasecmp(method, "BYE") == 0;
    if (!out->bye && strcasecmp(method, "INVITE") != 0)
        return 403;
    if (!target_dialog_read(out, sip))
        return 400;
    if (party_read(&out->target, url, to->r_display))
        return 400;
    /* tel: has its number where others have the host. */
    if (url->url_type == url_tel && !*out->target.user) {
        /* Half a number is another one. */
        if (snprintf(out->target.user, sizeof out->target.user, "%s", out->target.host) >=
            (int)sizeof out->target.user)
            return 404;
        out->target.host[0] = '\0';
    }
    if (!*out->target.user)
        return 404;
    out->params = url->url_params ? url->url_params : "";
    if (uri_header(out->replaces_text, sizeof out->replaces_text, url->url_headers, "Replaces")) {
        if (!dialog_name_read(&out->replaces, out->replaces_text))
            return 400;
        out->attended = true;
    }
    if (sip->sip_referred_by && sip->sip_referred_by->b_url->url_user)
        if (party_read(&out->referrer, sip->sip_referred_by->b_url, sip->sip_referred_by->b_display))
            out->referrer = (struct party){0};
    return 0;
}

/* RFC 4488 §4: whoever wants no subscription says so. */
static bool wants_news(const sip_t *sip)
{
    const sip_refer_sub_t *wish = sip_refer_sub(sip);

    return !wish || !wish->rs_value || strcasecmp(wish->rs_value, "false") != 0;
}

/* -- the subscription's life --------------------------------------------------------------------------- */

static int refer_new(struct refer **out, struct agent *agent)
{
    struct refer *r = calloc(1, sizeof *r);

    if (!r)
        return ENOMEM;
    r->agent = agent;
    r->next = agent->refers;
    agent->refers = r;
    r->expires_us = clock_now_us() + UINT64_C(1000000) * REFER_S;
    *out = r;
    return 0;
}

static void refer_free(struct refer *r)
{
    struct refer **place = &r->agent->refers;

    while (*place != r)
        place = &(*place)->next;
    *place = r->next;
    nta_outgoing_destroy(r->notify);
    nta_incoming_destroy(r->irq);
    if (r->dialog && --r->dialog->count == 0) {
        nta_leg_destroy(r->dialog->leg);
        free(r->dialog);
    }
    free(r);
}

void refers_free(struct agent *agent)
{
    while (agent->refers)
        refer_free(agent->refers);
}

static bool refer_is_finished(const struct refer *r)
{
    return !r->owned && !r->notify && (r->gone || r->over || r->count == 0);
}

/* A session that is let go waits with its BYE for the last NOTIFY; the far side would not know it after. */
static void refer_settle(struct refer *r)
{
    struct session *s = r->session;

    if (!refer_is_finished(r))
        return;
    refer_free(r);
    if (s && s->state == SESSION_ENDING && !s->bye && !refer_delays_end(s))
        session_bye(s, s->end_reason);
}

bool refer_delays_end(const struct session *s)
{
    for (const struct refer *r = s->agent->refers; r; r = r->next)
        if (r->session == s && !r->gone && (r->notify || r->count > 0))
            return true;
    return false;
}

void refer_part(struct session *s)
{
    struct refer_dialog *dialog = NULL;

    refer_out_stop(s);
    for (struct refer *r = s->agent->refers, *next; r; r = next) {
        next = r->next;
        if (r->session != s)
            continue;
        r->session = NULL;
        r->gone = r->gone || !s->leg;
        if (!r->gone && !dialog) {
            dialog = calloc(1, sizeof *dialog);
            if (dialog)
                *dialog = (struct refer_dialog){.agent = s->agent, .leg = s->leg};
        }
        if (dialog) {
            dialog->count++;
            r->dialog = dialog;
        } else {
            r->gone = true;
        }
        if (refer_is_finished(r))
            refer_free(r);
    }
    if (dialog && s->agent->refers) {
        nta_leg_bind(s->leg, refer_dialog_request, (struct session *)(void *)dialog);
        s->leg = NULL;
    }
}

/* -- NOTIFY -------------------------------------------------------------------------------------------- */

static int refer_answered(struct session *magic, nta_outgoing_t *orq, const sip_t *sip)
{
    struct refer *r = (struct refer *)(void *)magic;
    struct session *s = r->session;
    int status = nta_outgoing_status(orq);

    (void)sip;
    if (status < 200)
        return 0;
    r->notify = NULL;
    nta_outgoing_destroy(orq);
    if (s)
        session_note_response(s, false, status, sip_method_notify);
    /* RFC 6665 §4.2.2. A challenge is none of its ends, but nobody could answer it. */
    if (status >= 300)
        r->gone = true;
    if (s)
        session_enter(s);
    refer_next(r);
    if (s)
        session_leave(s);
    return 0;
}

/* RFC 3515 §2.4.5: the status line of what came of it; one NOTIFY after the other keeps them in order. */
static void refer_notify(struct refer *r, int status, const char *end)
{
    nta_leg_t *leg = r->session ? r->session->leg : r->dialog ? r->dialog->leg : NULL;
    uint64_t now = clock_now_us();
    const char *phrase = sip_status_phrase(status);
    char body[96], state[64];

    snprintf(body, sizeof body, "SIP/2.0 %d %s\r\n", status, phrase ? phrase : "-");
    if (end)
        snprintf(state, sizeof state, "terminated;reason=%s", end);
    else
        snprintf(state, sizeof state, "active;expires=%u",
                 r->expires_us > now ? (unsigned)((r->expires_us - now) / 1000000) : 0);
    r->last = status;
    r->over = r->over || end;
    if (leg)
        r->notify = nta_outgoing_tcreate(
            leg, refer_answered, (struct session *)(void *)r,
            *r->next_hop ? (url_string_t *)r->next_hop : NULL, SIP_METHOD_NOTIFY, NULL,
            SIPTAG_EVENT_STR(r->event), SIPTAG_SUBSCRIPTION_STATE_STR(state), SIPTAG_CONTACT_STR(r->contact),
            SIPTAG_USER_AGENT_STR("confab"),
            TAG_IF(r->session, SIPTAG_HEADER_STR(r->session ? session_id_line(r->session, true) : "")),
            SIPTAG_CONTENT_TYPE_STR("message/sipfrag;version=2.0"), SIPTAG_PAYLOAD_STR(body), TAG_END());
    if (!r->notify)
        r->gone = true;
    else if (r->session)
        session_note_request(r->session, true, sip_method_notify, status);
}

static void refer_next(struct refer *r)
{
    if (!r->notify && !r->gone && !r->over && r->count > 0) {
        int status = r->waiting[0];

        memmove(r->waiting, r->waiting + 1, --r->count * sizeof r->waiting[0]);
        refer_notify(r, status, status >= 200 ? "noresource" : NULL);
    }
    refer_settle(r);
}

/* A full queue drops what is provisional; there is always room for the end. */
static void refer_queue(struct refer *r, int status)
{
    if (status < 200 && (r->last == status || r->count + 2 > TOLD_MAX))
        return;
    r->waiting[r->count++] = status;
}

void refer_tell(struct refer *r, int status)
{
    struct session *s = r->session;

    refer_queue(r, status);
    if (status >= 200)
        r->owned = false;
    if (r->irq)
        return; /* its own answer comes first */
    if (s)
        session_enter(s);
    refer_next(r);
    if (s)
        session_leave(s);
}

/* -- within a session ---------------------------------------------------------------------------------- */

static void places_write(struct refer *r, const url_string_t *next_hop, const sip_contact_t *contact)
{
    r->next_hop[0] = '\0';
    if (next_hop)
        snprintf(r->next_hop, sizeof r->next_hop, "%s", (const char *)next_hop);
    snprintf(r->contact, sizeof r->contact, "<");
    if (url_e(r->contact + 1, (int)sizeof r->contact - 2, contact->m_url) < (issize_t)sizeof r->contact - 2)
        snprintf(r->contact + strlen(r->contact), 2, ">");
    else
        r->contact[0] = '\0';
}

/* RFC 3515 §2.4.6: the first one of a dialog needs no id, every other has its CSeq. */
static void event_write(struct refer *r, const struct session *s, uint32_t cseq)
{
    if (s->referred)
        snprintf(r->event, sizeof r->event, "refer;id=%u", cseq);
    else
        snprintf(r->event, sizeof r->event, "refer");
}

int session_accept_referral(struct session *s, struct refer **out)
{
    nta_incoming_t *irq = s->refer_irq;
    msg_t *msg = irq ? nta_incoming_getrequest(irq) : NULL;
    const sip_t *sip = msg ? sip_object(msg) : NULL;
    struct refer *r = NULL;
    int error = sip ? 0 : EINVAL;

    *out = NULL;
    if (error)
        return error;
    s->refer_irq = NULL;
    if (!wants_news(sip)) {
        session_reply(s, irq, SIP_200_OK, SIPTAG_CONTACT(s->contact), SIPTAG_SUPPORTED_STR(SESSION_SUPPORTED),
                      SIPTAG_HEADER_STR("Refer-Sub: false"), TAG_END());
        goto out;
    }
    error = refer_new(&r, s->agent);
    if (error) {
        session_reply(s, irq, SIP_500_INTERNAL_SERVER_ERROR, TAG_END());
        goto out;
    }
    r->session = s;
    r->owned = true;
    event_write(r, s, sip->sip_cseq->cs_seq);
    s->referred = true;
    places_write(r, s->next_hop, s->contact);
    session_reply(s, irq, SIP_202_ACCEPTED, SIPTAG_CONTACT(s->contact),
                  SIPTAG_SUPPORTED_STR(SESSION_SUPPORTED), TAG_END());
    refer_queue(r, 100);
    refer_next(r);
    *out = r;
out:
    msg_destroy(msg);
    return error;
}

void session_refuse_referral(struct session *s, int status)
{
    nta_incoming_t *irq = s->refer_irq;

    s->refer_irq = NULL;
    if (irq)
        session_reply(s, irq, status, NULL, TAG_END());
}

void refer_in_session(struct session *s, nta_incoming_t *irq, const sip_t *sip)
{
    struct referral referral;
    int status = s->state == SESSION_UP && session_has_owner(s) && s->handlers->referred
                     ? referral_read(&referral, sip)
                     : 403;

    if (status) {
        session_reply(s, irq, status, NULL, TAG_END());
        return;
    }
    s->refer_irq = irq;
    s->handlers->referred(s->owner, &referral);
    session_refuse_referral(s, 500); /* nobody has said anything */
}

static struct refer *refer_find(struct agent *agent, const struct session *s,
                                const struct refer_dialog *dialog, const sip_t *sip)
{
    char event[24] = "";

    if (sip->sip_event && sip->sip_event->o_type && strcasecmp(sip->sip_event->o_type, "refer") == 0)
        snprintf(event, sizeof event, "refer%s%s", sip->sip_event->o_id ? ";id=" : "",
                 sip->sip_event->o_id ? sip->sip_event->o_id : "");
    for (struct refer *r = agent->refers; r; r = r->next)
        if ((s ? r->session == s : r->dialog == dialog) && !r->gone && !r->over &&
            strcmp(r->event, event) == 0)
            return r;
    return NULL;
}

/* RFC 6665 §4.1.2.2 and §4.1.2.3: a refresh or an end; both are answered by a NOTIFY with what is known. */
static void refer_subscribe(struct refer *r, nta_incoming_t *irq, const sip_t *sip)
{
    unsigned seconds = sip->sip_expires ? (unsigned)sip->sip_expires->ex_delta : REFER_S;
    char text[16];

    if (!r) {
        agent_reply(irq, SIP_481_NO_TRANSACTION, TAG_END());
        return;
    }
    seconds = seconds > REFER_S ? REFER_S : seconds;
    snprintf(text, sizeof text, "%u", seconds);
    agent_reply(irq, SIP_200_OK, SIPTAG_EXPIRES_STR(text), SIPTAG_CONTACT_STR(r->contact), TAG_END());
    r->expires_us = clock_now_us() + UINT64_C(1000000) * seconds;
    if (r->notify)
        return; /* one that is out tells as much */
    if (r->count == 0)
        refer_notify(r, r->last ? r->last : 100, seconds ? NULL : "timeout");
    refer_settle(r);
}

void refer_subscribe_in_session(struct session *s, nta_incoming_t *irq, const sip_t *sip)
{
    refer_subscribe(refer_find(s->agent, s, NULL, sip), irq, sip);
}

static int refer_dialog_request(struct session *magic, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    struct refer_dialog *dialog = (struct refer_dialog *)(void *)magic;

    (void)leg;
    if (sip->sip_request->rq_method == sip_method_ack)
        nta_incoming_destroy(irq);
    else if (sip->sip_request->rq_method == sip_method_subscribe)
        refer_subscribe(refer_find(dialog->agent, NULL, dialog, sip), irq, sip);
    else
        agent_reply(irq, SIP_481_NO_CALL, TAG_END());
    return 0;
}

/* -- out of the blue ----------------------------------------------------------------------------------- */

static int refer_dialog_make(struct refer *r, const sip_t *sip)
{
    su_home_t *home = su_home_new(sizeof *home);
    const char *tag = nta_incoming_tag(r->irq, NULL);
    sip_to_t *local = home ? sip_to_dup(home, sip->sip_to) : NULL;
    int error = ENOMEM;

    r->dialog = calloc(1, sizeof *r->dialog);
    if (!r->dialog)
        goto out;
    r->dialog->agent = r->agent;
    r->dialog->count = 1;
    if (!local || !tag || sip_to_tag(home, local, tag) < 0)
        goto out;
    r->dialog->leg =
        nta_leg_tcreate(r->transport->nta, refer_dialog_request, (struct session *)(void *)r->dialog,
                        SIPTAG_CALL_ID(sip->sip_call_id), SIPTAG_FROM(local), SIPTAG_TO(sip->sip_from),
                        NTATAG_REMOTE_CSEQ(sip->sip_cseq->cs_seq), TAG_END());
    if (r->dialog->leg && nta_leg_server_route(r->dialog->leg, sip->sip_record_route, sip->sip_contact) == 0)
        error = 0;
out:
    if (home)
        su_home_unref(home);
    return error;
}

/* A phone's Contact may be an address behind NAT: NOTIFYs go to where the REFER came from. */
static void refer_places(struct refer *r, const sip_t *sip, bool peer)
{
    struct sockaddr_storage source, local;
    char text[HOST_PORT_TEXT];
    bool tcp = wire_of(sip) == WIRE_TCP;

    agent_source(r->transport->nta, r->irq, &source);
    address_text(&source, true, text);
    if (!peer && !sip->sip_record_route)
        snprintf(r->next_hop, sizeof r->next_hop, "sip:%s;transport=%s", text, tcp ? "tcp" : "udp");
    transport_address(r->transport, &source, &local);
    address_text(&local, true, text);
    snprintf(r->contact, sizeof r->contact, "<sip:%s%s>", text, tcp ? ";transport=tcp" : "");
}

static void refer_ask(struct refer *r, const sip_t *sip, const char *user, const char *peer)
{
    struct agent *agent = r->agent;
    struct referral referral;
    bool news = wants_news(sip);
    struct party called;
    int status = referral_read(&referral, sip);
    nta_incoming_t *irq = r->irq;

    if (!status && party_read(&called, sip->sip_request->rq_url, NULL))
        status = 404;
    if (!status && news && refer_dialog_make(r, sip))
        status = 500;
    if (!status) {
        refer_places(r, sip, peer != NULL);
        snprintf(r->event, sizeof r->event, "refer");
        r->owned = news;
        refer_queue(r, 100);
        status = agent->handlers->referred(agent->arg, called.user, user, peer, &referral, news ? r : NULL);
    }
    r->irq = NULL;
    if (status) {
        r->owned = false;
        refer_free(r);
        agent_reply(irq, status, NULL, TAG_END());
        return;
    }
    if (!news) {
        refer_free(r);
        agent_reply(irq, SIP_200_OK, SIPTAG_HEADER_STR("Refer-Sub: false"), TAG_END());
        return;
    }
    agent_reply(irq, SIP_202_ACCEPTED, SIPTAG_CONTACT_STR(r->contact), TAG_END());
    refer_next(r);
}

static void refer_admitted(void *arg, nta_incoming_t *irq, const char *user)
{
    struct refer *r = arg;
    msg_t *msg = user ? nta_incoming_getrequest(irq) : NULL;

    r->irq = irq;
    if (!user) {
        refer_free(r);
        return;
    }
    refer_ask(r, sip_object(msg), user, NULL);
    msg_destroy(msg);
}

void refer_request(struct transport *t, nta_incoming_t *irq, const sip_t *sip)
{
    const struct peer_settings *peer;
    struct sockaddr_storage source;
    struct refer *r;

    if (!contact_url(sip) || !t->agent->handlers->referred) {
        agent_reply(irq, contact_url(sip) ? 403 : 400, NULL, TAG_END());
        return;
    }
    if (refer_new(&r, t->agent)) {
        agent_reply(irq, SIP_500_INTERNAL_SERVER_ERROR, TAG_END());
        return;
    }
    r->transport = t;
    agent_source(t->nta, irq, &source);
    peer = settings_peer(t->agent->settings, (const struct sockaddr *)&source);
    if (!peer) {
        auth_check(t->agent->auth, AUTH_PROXY, irq, sip, refer_admitted, r);
        return;
    }
    r->irq = irq;
    refer_ask(r, sip, NULL, peer->name);
}
