/*
 * Our requests in a session, and the digest challenges that a peer answers them with (RFC 3261 §22, RFC 7616,
 * RFC 8760). What a challenge said is kept, so that later requests of the session carry credentials at once.
 * The password stays in the settings.
 */
#include "core/sip/session_internal.h"

#include <string.h>
#include <strings.h>

#include <sofia-sip/su_tagarg.h>

#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/sip/digest.h"

#define CHALLENGES_MAX 4 /* servers on the way that ask, each for a realm of its own */

struct challenged {
    struct challenged *next;
    bool proxy; /* Proxy-Authenticate, else WWW-Authenticate */
    struct digest_challenge challenge;
    uint32_t count;    /* requests with its nonce */
    uint32_t answered; /* CSeq of the request that answered it first */
    bool stale;        /* … which was the second try already */
    bool fresh;        /* taken from the response in hand */
};

/* -- with credentials ------------------------------------------------------------------------------------ */

static const struct peer_settings *credentials_of(const struct session *s)
{
    const struct peer_settings *peer = s->peer ? settings_peer_named(s->agent->settings, s->peer) : NULL;

    return peer && peer->user && *peer->user ? peer : NULL;
}

static void credentials_add(struct session *s, const struct peer_settings *peer, msg_t *msg)
{
    sip_t *sip = sip_object(msg);
    char *uri = url_as_string(msg_home(msg), sip->sip_request->rq_url);
    char answer[DIGEST_ANSWER_TEXT], cnonce[33];

    for (struct challenged *c = s->challenged; c && uri; c = c->next) {
        const char *name = c->proxy ? "Proxy-Authorization" : "Authorization";
        int error;

        random_hex(cnonce, 16);
        error = digest_answer(&c->challenge, peer->user, peer->password, sip->sip_request->rq_method_name,
                              uri, cnonce, ++c->count, answer);
        if (error ||
            sip_add_tl(msg, sip, SIPTAG_HEADER_STR(su_sprintf(msg_home(msg), "%s: %s", name, answer)),
                       TAG_END()) < 0)
            log_event(LEVEL_WARNING, "sip", s->call_id, "credentials-left-out method=%s",
                      sip->sip_request->rq_method_name);
    }
}

/* Consumes the message. */
static nta_outgoing_t *message_send(struct session *s, msg_t *msg, nta_response_f *callback,
                                    url_string_t *next_hop)
{
    const struct peer_settings *peer = credentials_of(s);
    nta_outgoing_t *orq;

    if (peer)
        credentials_add(s, peer, msg);
    orq = nta_outgoing_mcreate(s->transport->nta, callback, s, next_hop, msg, TAG_END());
    if (orq)
        session_note_request(s, true, nta_outgoing_method(orq), 0);
    else
        msg_destroy(msg);
    return orq;
}

nta_outgoing_t *request_send(struct session *s, nta_leg_t *leg, nta_response_f *callback,
                             url_string_t *next_hop, sip_method_t method, const char *name, url_string_t *uri,
                             tag_type_t tag, tag_value_t value, ...)
{
    msg_t *msg = nta_msg_create(s->transport->nta, 0);
    bool good;
    ta_list tags;

    if (!msg)
        return NULL;
    ta_start(tags, tag, value);
    good = sip_add_tl(msg, sip_object(msg), ta_tags(tags)) >= 0;
    (void)ta_end(tags);
    if (good && nta_msg_request_complete(msg, leg, method, name, uri) >= 0)
        return message_send(s, msg, callback, next_hop);
    msg_destroy(msg);
    return NULL;
}

/* -- challenges ------------------------------------------------------------------------------------------ */

static struct challenged *challenged_find(const struct session *s, bool proxy, const char *realm)
{
    for (struct challenged *c = s->challenged; c; c = c->next)
        if (c->proxy == proxy && strcmp(c->challenge.realm, realm) == 0)
            return c;
    return NULL;
}

static struct challenged *challenged_add(struct session *s, bool proxy)
{
    unsigned count = 0;
    struct challenged *c;

    for (c = s->challenged; c; c = c->next)
        count++;
    c = count < CHALLENGES_MAX ? su_zalloc(s->home, sizeof *c) : NULL;
    if (!c)
        return NULL;
    c->proxy = proxy;
    c->next = s->challenged;
    s->challenged = c;
    return c;
}

/* The nonce that a request answered for this realm. False: it had no credentials for it. */
static bool nonce_sent(const sip_t *request, bool proxy, const char *realm, struct digest_challenge *out)
{
    const msg_auth_t *au = proxy ? request->sip_proxy_authorization : request->sip_authorization;

    for (; au; au = au->au_next)
        if (digest_challenge_parse(out, (const char *const *)au->au_params) == 0 &&
            strcmp(out->realm, realm) == 0)
            return true;
    return false;
}

/*
 * Whether a challenge is to be answered. One that comes to an answer says that the answer was wrong, unless
 * its nonce was too old by then (stale), which is believed once; one that comes to a request which had its
 * credentials from earlier is a new question.
 */
static bool challenge_take(struct session *s, const msg_auth_t *au, bool proxy, const sip_t *request)
{
    const struct peer_settings *peer = credentials_of(s);
    struct digest_challenge read, sent;
    uint32_t cseq = request->sip_cseq->cs_seq;
    struct challenged *c;
    bool second;

    if (!au->au_scheme || strcasecmp(au->au_scheme, "Digest") != 0 ||
        digest_challenge_parse(&read, (const char *const *)au->au_params) != 0 ||
        (peer->realm && strcmp(peer->realm, read.realm) != 0))
        return false;
    c = challenged_find(s, proxy, read.realm);
    if (c && c->fresh)
        return false; /* RFC 8760 §2.4: the topmost that we know */
    second = c && c->answered == cseq && nonce_sent(request, proxy, read.realm, &sent);
    if (second && (c->stale || !read.stale))
        return false;
    if (nonce_sent(request, proxy, read.realm, &sent) && strcmp(sent.nonce, read.nonce) == 0)
        return false;
    if (!c)
        c = challenged_add(s, proxy);
    if (!c)
        return false;
    c->challenge = read;
    c->count = 0;
    c->stale = second;
    c->fresh = true;
    return true;
}

static bool challenges_take(struct session *s, const sip_t *response, const sip_t *request)
{
    bool taken = false;

    for (struct challenged *c = s->challenged; c; c = c->next)
        c->fresh = false;
    for (const msg_auth_t *au = response->sip_www_authenticate; au; au = au->au_next)
        taken = challenge_take(s, au, false, request) || taken;
    for (const msg_auth_t *au = response->sip_proxy_authenticate; au; au = au->au_next)
        taken = challenge_take(s, au, true, request) || taken;
    return taken;
}

/* RFC 7616 §3.5: a 2xx may say what comes next. It does not name the realm. */
static void next_nonce_take(struct session *s, const msg_auth_info_t *info, bool proxy)
{
    struct challenged *only = NULL;

    for (struct challenged *c = s->challenged; c; c = c->next)
        if (c->proxy == proxy) {
            if (only)
                return;
            only = c;
        }
    if (only && digest_next_nonce(only->challenge.nonce, sizeof only->challenge.nonce,
                                  (const char *const *)info->ai_params) == 0) {
        only->count = 0;
        only->answered = 0;
    }
}

/* -- again ----------------------------------------------------------------------------------------------- */

/* In whose dialog a request was sent; NULL: it is gone. */
static nta_leg_t *leg_of_request(struct session *s, const sip_t *request)
{
    const char *tag = request->sip_to->a_tag, *own = s->leg ? nta_leg_get_rtag(s->leg) : NULL;

    if (!tag || (own && strcmp(own, tag) == 0))
        return s->leg;
    for (struct early *early = s->earlies; early; early = early->next)
        if (strcmp(early->tag, tag) == 0)
            return early->leg;
    return NULL;
}

/* The same request with the next CSeq (RFC 3261 §22.2). */
static nta_outgoing_t *send_again(struct session *s, const msg_t *sent, nta_leg_t *leg,
                                  nta_response_f *callback)
{
    msg_t *msg = msg_dup(sent);
    sip_t *sip = sip_object(msg);
    const sip_route_t *routes = NULL;
    const sip_contact_t *target = NULL;

    if (!msg)
        return NULL;
    (void)nta_leg_get_route(leg, &routes, &target);
    msg_header_remove_all(msg, (msg_pub_t *)sip, (msg_header_t *)sip->sip_via);
    msg_header_remove_all(msg, (msg_pub_t *)sip, (msg_header_t *)sip->sip_cseq);
    msg_header_remove_all(msg, (msg_pub_t *)sip, (msg_header_t *)sip->sip_authorization);
    msg_header_remove_all(msg, (msg_pub_t *)sip, (msg_header_t *)sip->sip_proxy_authorization);
    if (routes)
        msg_header_remove_all(msg, (msg_pub_t *)sip, (msg_header_t *)sip->sip_route);
    if (nta_msg_request_complete(msg, leg, sip->sip_request->rq_method, sip->sip_request->rq_method_name,
                                 (url_string_t *)sip->sip_request->rq_url) < 0) {
        msg_destroy(msg);
        return NULL;
    }
    for (struct challenged *c = s->challenged; c; c = c->next)
        if (c->fresh)
            c->answered = sip->sip_cseq->cs_seq;
    return message_send(s, msg, callback, s->next_hop && !routes ? s->next_hop : NULL);
}

bool request_retry(struct session *s, nta_outgoing_t **orq, const sip_t *sip, nta_response_f *callback)
{
    int status = nta_outgoing_status(*orq);
    nta_outgoing_t *again = NULL;
    nta_leg_t *leg;
    msg_t *sent;

    if (!sip || status < 200 || !credentials_of(s))
        return false;
    if (status < 300 && sip->sip_authentication_info)
        next_nonce_take(s, sip->sip_authentication_info, false);
    if (status < 300 && sip->sip_proxy_authentication_info)
        next_nonce_take(s, sip->sip_proxy_authentication_info, true);
    if (status != 401 && status != 407)
        return false;
    sent = nta_outgoing_getrequest(*orq);
    leg = sent ? leg_of_request(s, sip_object(sent)) : NULL;
    if (leg && challenges_take(s, sip, sip_object(sent)))
        again = send_again(s, sent, leg, callback);
    log_event(again ? LEVEL_INFO : LEVEL_NOTICE, "sip", s->call_id, "challenge-%s peer=%s method=%s",
              again ? "answered" : "unanswered", s->peer, nta_outgoing_method_name(*orq));
    if (sent)
        msg_destroy(sent);
    if (!again)
        return false;
    nta_outgoing_destroy(*orq);
    *orq = again;
    return true;
}

/* -- requests of whose fate nobody asks -------------------------------------------------------------------
 */

struct errand {
    struct errand *next;
    nta_outgoing_t *orq;
};

static int errand_response(struct session *s, nta_outgoing_t *orq, const sip_t *sip)
{
    struct errand **place = &s->errands, *errand;

    while (*place && (*place)->orq != orq)
        place = &(*place)->next;
    errand = *place;
    if (!errand || nta_outgoing_status(orq) < 200)
        return 0;
    session_note_response(s, false, nta_outgoing_status(orq), nta_outgoing_method(orq));
    if (request_retry(s, &errand->orq, sip, errand_response))
        return 0;
    *place = errand->next;
    nta_outgoing_destroy(errand->orq);
    su_free(s->home, errand);
    return 0;
}

bool request_post(struct session *s, nta_leg_t *leg, url_string_t *next_hop, sip_method_t method,
                  const char *name, url_string_t *uri, tag_type_t tag, tag_value_t value, ...)
{
    struct errand *errand = su_zalloc(s->home, sizeof *errand);
    ta_list tags;

    if (!errand)
        return false;
    ta_start(tags, tag, value);
    errand->orq = request_send(s, leg, errand_response, next_hop, method, name, uri, ta_tags(tags));
    (void)ta_end(tags);
    if (!errand->orq) {
        su_free(s->home, errand);
        return false;
    }
    errand->next = s->errands;
    s->errands = errand;
    return true;
}

void errands_free(struct session *s)
{
    struct errand *errand;

    /* nta repeats each until it is answered or its time is up, whoever listens. */
    while ((errand = s->errands) != NULL) {
        s->errands = errand->next;
        nta_outgoing_destroy(errand->orq);
        su_free(s->home, errand);
    }
}
