/* Calls that go out: INVITE, what comes back from one or several forks, ACK and CANCEL. */
#include "core/sip/session_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/log.h"

#define INVITE_TRIES_MAX 4 /* with 422 and 488; challenges have a limit of their own */

static int invite_response(struct session *s, nta_outgoing_t *orq, const sip_t *sip);

/* -- where it goes --------------------------------------------------------------------------------------- */

struct hop {
    struct sockaddr_storage address; /* AF_UNSPEC: a name, nta will look it up */
    enum wire wire;
    bool seen; /* where the far side was last seen, whatever its URI says */
};

static enum wire wire_of_url(const url_t *url)
{
    char name[8];

    return uri_param(url, "transport", name, sizeof name) && strcasecmp(name, "tcp") == 0 ? WIRE_TCP
                                                                                          : WIRE_UDP;
}

/*
 * First hop: the topmost Route (a Path leads to its contact, RFC 3327 §5.1), else where the far side was last
 * seen (NAT), else the Request-URI (RFC 3261 §8.1.2).
 */
static int hop_find(struct hop *out, su_home_t *home, const struct session_target *target)
{
    url_t *url = uri_read(home, target->uri);
    bool routed = target->route && *target->route;
    sip_route_t *route = NULL;

    if (!url || (url->url_type != url_sip && url->url_type != url_sips) || !url->url_host || !*url->url_host)
        return EINVAL;
    if (!routed && target->received && *target->received) {
        out->seen = true;
        return received_parse(&out->address, &out->wire, target->received);
    }
    if (routed) {
        route = sip_route_make(home, target->route);
        if (!route || !route->r_url->url_host)
            return EINVAL;
        url = route->r_url;
    }
    out->wire = wire_of_url(url);
    if (address_parse(&out->address, url->url_host, url->url_port) != 0)
        out->address.ss_family = AF_UNSPEC;
    return 0;
}

static struct transport *hop_transport(struct agent *agent, const struct hop *hop)
{
    if (hop->address.ss_family == AF_UNSPEC)
        return agent->transport_count ? &agent->transports[0] : NULL;
    return agent_transport_to(agent, (const struct sockaddr *)&hop->address);
}

/* -- the INVITE ------------------------------------------------------------------------------------------ */

static int invite_dialog(struct session *s, const struct session_target *target)
{
    static const struct party nobody = {"anonymous", "anonymous.invalid",
                                        "Anonymous"}; /* RFC 3323 §4.1.1.3 */
    struct party from = target->anonymous ? nobody : target->from, to = target->to;
    sip_from_t *local;
    sip_to_t *remote;
    char *text;

    if (!*from.host)
        snprintf(from.host, sizeof from.host, "%s", s->agent->settings->realm);
    text = party_address(s->home, &from);
    local = text ? sip_from_make(s->home, text) : NULL;
    if (!*to.host)
        text = su_sprintf(s->home, "<%s>", s->uri);
    else
        text = party_address(s->home, &to);
    remote = text ? sip_to_make(s->home, text) : NULL;
    if (!local || !remote ||
        sip_from_tag(s->home, local, nta_agent_newtag(s->home, NULL, s->transport->nta)) < 0)
        return ENOMEM;
    s->leg = nta_leg_tcreate(s->transport->nta, session_dialog, s, SIPTAG_FROM(local), SIPTAG_TO(remote),
                             SIPTAG_CALL_ID_STR(s->call_id), TAG_END());
    return s->leg ? 0 : ENOMEM;
}

static int invite_send(struct session *s)
{
    char expires[64], min_se[32], hops[16];
    struct body body;

    if (body_make(&body, s, s->local_sdp))
        return ENOMEM;
    timer_write_request(s, true, expires, min_se);
    snprintf(hops, sizeof hops, "%u", s->max_forwards);
    s->orq = request_send(
        s, s->leg, invite_response, s->next_hop, SIP_METHOD_INVITE, (url_string_t *)s->uri,
        SIPTAG_HEADER_STR(session_id_line(s, true)), SIPTAG_CONTACT(s->contact),
        SIPTAG_MAX_FORWARDS_STR(hops), SIPTAG_ALLOW_STR(SESSION_ALLOW),
        SIPTAG_SUPPORTED_STR(s->agent->settings->prack ? SESSION_SUPPORTED : SESSION_SUPPORTED_PLAIN),
        SIPTAG_USER_AGENT_STR("confab"), TAG_IF(*expires, SIPTAG_SESSION_EXPIRES_STR(expires)),
        TAG_IF(*min_se, SIPTAG_MIN_SE_STR(min_se)), TAG_IF(*s->headers, SIPTAG_HEADER_STR(s->headers)),
        TAG_IF(s->metadata, SIPTAG_REQUIRE_STR(SESSION_SIPREC)), SIPTAG_CONTENT_TYPE_STR(body.type),
        SIPTAG_PAYLOAD_STR(body.text), TAG_END());
    body_free(&body, s);
    s->tries++;
    return s->orq ? 0 : EINVAL;
}

/* Request-URI as text without headers, which have no place there (RFC 3261 §19.1.1) and which Sofia misreads.
 */
static char *request_uri(su_home_t *home, const char *uri)
{
    url_t *url = uri_read(home, uri);

    if (!url)
        return NULL;
    url->url_headers = NULL;
    return url_as_string(home, url);
}

static int invite_prepare(struct session *s, const struct session_target *target, const struct hop *hop,
                          const char *sdp)
{
    char text[HEADERS_TEXT], address[HOST_PORT_TEXT];
    int error = identity_write(text, sizeof text, target, s->agent->settings);

    if (error)
        return error;
    passed_write(text, sizeof text, target->passed, settings_trusts(s->agent->settings, target->peer));
    if (target->token) {
        size_t used = strlen(text);

        address_text(&s->local, true, address);
        if ((size_t)snprintf(text + used, sizeof text - used, "Route: <sip:%s@%s%s;lr>\r\n", target->token,
                             address, hop->wire == WIRE_TCP ? ";transport=tcp" : "") >= sizeof text - used)
            return ENOSPC;
    }
    s->headers = su_strdup(s->home, text);
    s->uri = request_uri(s->home, target->uri);
    s->call_id = su_sprintf(s->home, "%s", sip_call_id_create(s->home, NULL)->i_id);
    if (hop->seen) {
        address_text(&hop->address, true, address);
        s->next_hop = (url_string_t *)su_sprintf(s->home, "sip:%s;transport=%s", address,
                                                 hop->wire == WIRE_TCP ? "tcp" : "udp");
    }
    s->peer = target->peer ? su_strdup(s->home, target->peer) : NULL;
    s->max_forwards = target->max_forwards;
    session_set_near_id(s, target->session_id ? target->session_id : "");
    if (target->metadata) {
        error = session_set_metadata(s, target->metadata);
        /* RFC 7866 §6.1.1: which end of a recording session we are. */
        if (error || msg_header_add_param(s->home, s->contact->m_common, "+sip.src") < 0)
            return ENOMEM;
    }
    session_set_local_sdp(s, sdp);
    if (!s->headers || !s->uri || !s->call_id || !s->local_sdp)
        return ENOMEM;
    return invite_dialog(s, target);
}

static int hop_choose(struct hop *hop, struct transport **transport, struct agent *agent,
                      const struct session_target *target)
{
    su_home_t *home = su_home_new(sizeof *home);
    int error = home ? hop_find(hop, home, target) : ENOMEM;

    su_home_unref(home);
    if (error)
        return error;
    *transport = hop_transport(agent, hop);
    return *transport ? 0 : EHOSTUNREACH;
}

int session_target_address(struct agent *agent, const struct session_target *target,
                           struct sockaddr_storage *out)
{
    struct transport *transport;
    struct hop hop = {0};
    int error = hop_choose(&hop, &transport, agent, target);

    if (!error)
        transport_address(transport, &hop.address, out);
    return error;
}

const char *session_target_peer(struct agent *agent, const struct session_target *target)
{
    const struct settings *settings = agent->settings;
    struct transport *transport;
    struct hop hop = {0};
    const struct peer_settings *peer = NULL;

    if (hop_choose(&hop, &transport, agent, target) == 0)
        peer = settings_peer(settings, (const struct sockaddr *)&hop.address);
    for (size_t i = 0; !peer && i < settings->peer_count; i++)
        if (settings->peers[i].uri && strcmp(settings->peers[i].uri, target->uri) == 0)
            peer = &settings->peers[i];
    return peer ? peer->name : NULL;
}

int session_invite(struct agent *agent, struct session **out, const struct session_target *target,
                   const char *sdp, const struct session_handlers *handlers, void *owner)
{
    struct session *s = NULL;
    struct transport *transport;
    struct hop hop = {0};
    int error;

    if (!sdp)
        return EINVAL;
    error = hop_choose(&hop, &transport, agent, target);
    if (error)
        return error;
    error = session_new(&s, agent->sessions, transport, &hop.address, hop.wire,
                        target->anonymous ? "" : target->from.user);
    if (error)
        return error;
    s->state = SESSION_CALLING;
    error = invite_prepare(s, target, &hop, sdp);
    if (error == 0)
        error = invite_send(s);
    if (error) {
        session_enter(s);
        s->released = true;
        session_over(s);
        session_leave(s);
        return error;
    }
    session_own(s, handlers, owner);
    *out = s;
    return 0;
}

/* -- what comes back ------------------------------------------------------------------------------------- */

int session_acknowledge(struct session *s, nta_outgoing_t *invite, const sip_t *sip)
{
    sip_cseq_t *cseq = sip_cseq_create(s->home, nta_outgoing_cseq(invite), SIP_METHOD_ACK);
    msg_t *sent = nta_outgoing_getrequest(invite);
    const sip_t *request = sip_object(sent);
    nta_outgoing_t *ack;

    if (contact_url(sip))
        nta_leg_client_reroute(s->leg, NULL, sip->sip_contact, 0);
    /* While the INVITE's transaction lives, else nta aborts; it then repeats this ACK for each repeated 2xx
     * by itself. */
    ack = nta_outgoing_tcreate(s->leg, NULL, NULL, s->next_hop, SIP_METHOD_ACK, (url_string_t *)s->uri,
                               SIPTAG_CSEQ(cseq), SIPTAG_HEADER_STR(session_id_line(s, true)),
                               /* RFC 3261 §13.2.2.4: the credentials of the INVITE */
                               TAG_IF(request, SIPTAG_AUTHORIZATION(request->sip_authorization)),
                               TAG_IF(request, SIPTAG_PROXY_AUTHORIZATION(request->sip_proxy_authorization)),
                               TAG_END());
    su_free(s->home, cseq);
    msg_destroy(sent);
    if (!ack)
        return EIO;
    nta_outgoing_destroy(ack);
    return 0;
}

/* The 2xx makes the dialog: remote tag, route set and target (RFC 3261 §12.1.2), whatever forks rang before
 * it. */
static void invite_answered(struct session *s, nta_outgoing_t *orq, const sip_t *sip)
{
    bool cancelled = s->state == SESSION_CANCELLING;
    const char *before = early_confirm(s, sip);
    char *sdp;

    nta_leg_client_reroute(s->leg, sip->sip_record_route, contact_url(sip) ? sip->sip_contact : NULL, 1);
    if (sip->sip_record_route)
        s->next_hop = NULL;
    s->state = SESSION_UP;
    (void)session_acknowledge(s, orq, sip);
    /* nta keeps it for 64*T1 and ends by itself what other forks answer. */
    s->orq = NULL;
    nta_outgoing_destroy(orq);
    session_note_peer(s, sip);
    if (cancelled || !contact_url(sip)) {
        /* RFC 3261 §9.1: it crossed our CANCEL. Without a Contact there is nobody to talk to. */
        session_bye(s, NULL);
        session_tell_ended(s, 500, "No Contact");
        return;
    }
    timer_read_response(s, sip, true);
    timer_arm(s);
    sdp = session_sdp_of(s, sip);
    /* A reliable response of this dialog may have said it already (RFC 3262 §5). */
    s->handlers->answered(s->owner, sdp ? sdp : before);
    su_free(s->home, sdp);
    earlies_free(s);
    session_modify_next(s);
}

int session_offer_anew(struct session *s, const char *sdp)
{
    if (!s->asking || s->another_offer || !sdp)
        return EINVAL;
    s->another_offer = su_strdup(s->home, sdp);
    return s->another_offer ? 0 : ENOMEM;
}

/* Whether the refused INVITE can be sent otherwise, and now is. */
static bool invite_improve(struct session *s, int status, const sip_t *sip)
{
    if (s->state != SESSION_CALLING || s->tries >= INVITE_TRIES_MAX)
        return false;
    if (status == 422)
        return timer_read_refusal(s, sip); /* RFC 4028 §7.3 */
    if (status != 488 || !session_has_owner(s) || !s->handlers->unacceptable)
        return false;
    s->asking = true;
    s->handlers->unacceptable(s->owner);
    s->asking = false;
    if (!s->another_offer || s->state != SESSION_CALLING)
        return false;
    session_set_local_sdp(s, s->another_offer);
    su_free(s->home, s->another_offer);
    s->another_offer = NULL;
    return true;
}

static void invite_failed(struct session *s, nta_outgoing_t *orq, int status, const sip_t *sip)
{
    const struct session_handlers *handlers = s->handlers;
    const char *phrase = sip && sip->sip_status ? sip->sip_status->st_phrase : NULL;
    const url_t *contact = sip && status < 400 ? contact_url(sip) : NULL;
    char redirect[512] = "", reason[128], cause[REASON_TEXT];

    if (invite_improve(s, status, sip)) {
        /* Again, with the same Call-ID and the next CSeq. */
        s->orq = NULL;
        nta_outgoing_destroy(orq);
        if (invite_send(s) == 0)
            return;
    }
    if (contact && url_e(redirect, sizeof redirect, contact) >= (issize_t)sizeof redirect)
        *redirect = '\0';
    snprintf(reason, sizeof reason, "%s", phrase ? phrase : "");
    if (sip && session_reason_of(sip, cause, sizeof cause))
        s->far_reason = su_strdup(s->home, cause);
    session_over(s);
    if (session_has_owner(s)) {
        s->handlers = NULL;
        handlers->failed(s->owner, status, reason, *redirect ? redirect : NULL);
    }
}

const char *session_failure_reason(const struct session *s)
{
    return s->far_reason ? s->far_reason : "";
}

static void invite_progress(struct session *s, int status, const sip_t *sip)
{
    struct early *early = early_of(s, sip);
    char *sdp;

    if (early && !early_takes(early, sip))
        return;
    session_tell_seen(s, false, "response", status, sip->sip_status->st_phrase);
    /* RFC 3262 §4: whatever has become of the call meanwhile. */
    if (early)
        early_acknowledge(s, early, sip);
    if (s->state != SESSION_CALLING || !session_has_owner(s))
        return;
    s->fork = early ? early->number : 0;
    sdp = session_sdp_of(s, sip);
    if (early && sdp)
        early_keep_sdp(s, early, sdp);
    s->handlers->progress(s->owner, status, sip->sip_status->st_phrase, sdp);
    su_free(s->home, sdp);
}

static int invite_response(struct session *s, nta_outgoing_t *orq, const sip_t *sip)
{
    int status = nta_outgoing_status(orq);

    session_enter(s);
    if (status > 100)
        session_id_note(s, sip);
    if (s->remote.ss_family == AF_UNSPEC)
        response_source(orq, &s->remote);
    if (s->state == SESSION_CALLING && request_retry(s, &s->orq, sip, invite_response))
        ; /* it goes on */
    else if (status < 200)
        invite_progress(s, status, sip);
    else if (status < 300)
        invite_answered(s, orq, sip);
    else
        invite_failed(s, orq, status, sip);
    session_leave(s);
    return 0;
}
