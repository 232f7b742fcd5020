/*
 * Digest, server side (RFC 3261 §22, RFC 8760): every request without good credentials is challenged in the
 * same words, whether its user exists or not, and after the same steps.
 */
#include "core/sip/digest.h"
#include "core/sip/nonce.h"
#include "core/sip/session_internal.h"
#include "core/sip/waiter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "storage/subscriber.h"

#define NONCES 16384
#define SOURCES 256         /* whose failures are counted at a time */
#define SOURCE_SPAN_S 600   /* failures further apart than this are no series */
#define SOURCE_LOG_AFTER 10 /* failures of one source, then one line in the log */

/* Where wrong passwords come from. */
struct source {
    char host[HOST_PORT_TEXT];
    unsigned failures;
    uint64_t last_us;
};

struct check {
    struct waiter waiter;
    struct check *next;
    struct auth *auth;
    enum auth_kind kind;
    nta_incoming_t *irq;
    struct digest_credentials given;
    auth_verdict *fn;
    void *arg;
};

struct auth {
    struct agent *agent;
    struct nonces *nonces;
    struct check *checks;
    char nobody_md5[33], nobody_sha256[65]; /* HA1 that no password has */
    struct source sources[SOURCES];
};

int auth_new(struct auth **out, struct agent *agent)
{
    struct auth *auth = calloc(1, sizeof *auth);
    int error;

    if (auth == NULL)
        return ENOMEM;
    auth->agent = agent;
    random_hex(auth->nobody_md5, 16);
    random_hex(auth->nobody_sha256, 32);
    error = nonces_new(&auth->nonces, NONCES);
    if (error) {
        free(auth);
        return error;
    }
    *out = auth;
    return 0;
}

static void check_free(struct check *check)
{
    struct check **place = &check->auth->checks;

    while (*place != check)
        place = &(*place)->next;
    *place = check->next;
    waiter_remove(&check->waiter);
    free(check);
}

void auth_free(struct auth *auth)
{
    if (auth == NULL)
        return;
    while (auth->checks) {
        nta_incoming_destroy(auth->checks->irq);
        check_free(auth->checks);
    }
    nonces_free(auth->nonces);
    free(auth);
}

/* -- refusing
 * ----------------------------------------------------------------------------------------------------------
 */

/*
 * RFC 7616 §3.7: a client passes over a challenge that it does not know. That of baresip before version 3
 * (libre 1.1, as Debian 12 has it) instead gives up when any of them is not MD5, whatever their order, and
 * would never register.
 */
static bool knows_md5_alone(const nta_incoming_t *irq)
{
    msg_t *msg = nta_incoming_getrequest((nta_incoming_t *)irq);
    const sip_t *sip = msg ? sip_object(msg) : NULL;
    const char *agent = sip && sip->sip_user_agent ? sip->sip_user_agent->g_string : NULL;
    bool alone = agent && strncmp(agent, "baresip v", 9) == 0 && strchr("012", agent[9]) && agent[9] &&
                 agent[10] == '.';

    if (msg)
        msg_destroy(msg);
    return alone;
}

/*
 * RFC 8760 §2.4: a header for each algorithm. MD5 stands first, for agents that look at the first challenge
 * alone (SIPp before 3.7, many a desk phone) would otherwise never get in; who knows SHA-256 finds it in the
 * second.
 */
static void challenge(struct auth *auth, enum auth_kind kind, nta_incoming_t *irq, bool stale)
{
    static const char format[] = "Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s";
    const char *realm = auth->agent->settings->realm, *suffix = stale ? ", stale=true" : "";
    char nonce[NONCE_TEXT], md5[512], sha256[512];
    bool both = !knows_md5_alone(irq);

    nonce_make(auth->nonces, nonce);
    snprintf(md5, sizeof md5, format, realm, nonce, "MD5", suffix);
    snprintf(sha256, sizeof sha256, format, realm, nonce, "SHA-256", suffix);
    auth->agent->stats.challenged++;
    if (kind == AUTH_REGISTRAR)
        agent_reply(irq, SIP_401_UNAUTHORIZED, SIPTAG_WWW_AUTHENTICATE_STR(md5),
                    TAG_IF(both, SIPTAG_WWW_AUTHENTICATE_STR(sha256)), TAG_END());
    else
        agent_reply(irq, SIP_407_PROXY_AUTH_REQUIRED, SIPTAG_PROXY_AUTHENTICATE_STR(md5),
                    TAG_IF(both, SIPTAG_PROXY_AUTHENTICATE_STR(sha256)), TAG_END());
}

static unsigned text_hash(const char *text)
{
    unsigned hash = 5381;

    for (; *text; text++)
        hash = hash * 33 + (unsigned char)*text;
    return hash;
}

/* One line for a series of failures of one source, so that guessing is seen and does not fill the log. */
static void failure_count(struct auth *auth, const nta_incoming_t *irq)
{
    struct sockaddr_storage address;
    struct source *source;
    char host[HOST_PORT_TEXT];
    uint64_t now = clock_now_us();

    auth->agent->stats.failed_logins++;
    agent_source(NULL, irq, &address);
    address_text(&address, false, host);
    source = &auth->sources[text_hash(host) % SOURCES];
    if (strcmp(source->host, host) != 0 || now - source->last_us > UINT64_C(1000000) * SOURCE_SPAN_S) {
        memset(source, 0, sizeof *source);
        snprintf(source->host, sizeof source->host, "%s", host);
    }
    source->last_us = now;
    if (++source->failures == SOURCE_LOG_AFTER)
        log_event(LEVEL_WARNING, "sip", NULL, "logins-fail source=%s failures=%u", host, source->failures);
}

static void refuse_for_now(struct check *check)
{
    struct check done = *check;
    char wait[16];

    check_free(check);
    /* Random, so that phones do not all come back at the same moment. */
    snprintf(wait, sizeof wait, "%u", 5 + (unsigned)random_below(10));
    agent_reply(done.irq, SIP_503_SERVICE_UNAVAILABLE, SIPTAG_RETRY_AFTER_STR(wait), TAG_END());
    done.fn(done.arg, NULL, NULL);
}

/* -- checking
 * ----------------------------------------------------------------------------------------------------------
 */

/*
 * RFC 7616 §3.4.6: the digest's uri should be that of the request. Proxies on the way may have changed the
 * latter, so a difference is worth no more than a line for those who look for it.
 */
static void uri_compare(const nta_incoming_t *irq, const char *uri)
{
    su_home_t *home = su_home_new(sizeof *home);
    const url_t *asked = nta_incoming_url(irq), *hashed = home ? url_make(home, uri) : NULL;

    if (asked && hashed && asked->url_host && hashed->url_host &&
        (strcasecmp(asked->url_host, hashed->url_host) != 0 ||
         strcmp(asked->url_user ? asked->url_user : "", hashed->url_user ? hashed->url_user : "") != 0))
        log_event(LEVEL_DEBUG, "sip", NULL, "digest-uri-differs host=%s", hashed->url_host);
    if (home)
        su_home_unref(home);
}

static void credentials_replied(struct ticket ticket, int error, const struct credentials *credentials)
{
    struct check *check = (struct check *)waiter_find(ticket);
    struct digest_credentials *given;
    struct auth *auth;
    struct check done;
    char expected[DIGEST_TEXT] = "";
    const char *ha1;
    bool right;

    if (check == NULL)
        return;
    if (error && error != ENOENT) {
        refuse_for_now(check);
        return;
    }
    auth = check->auth;
    given = &check->given;
    if (given->algorithm == DIGEST_SHA256)
        ha1 = error ? auth->nobody_sha256 : credentials->ha1_sha256;
    else
        ha1 = error ? auth->nobody_md5 : credentials->ha1_md5;
    if (digest_response(given, ha1, nta_incoming_method_name(check->irq), expected) != 0) {
        refuse_for_now(check);
        return;
    }
    right = digest_equal(expected, given->response) && error == 0;
    done = *check;
    check_free(check);
    if (!right) {
        failure_count(auth, done.irq);
        challenge(auth, done.kind, done.irq, false);
        done.fn(done.arg, NULL, NULL);
    } else if (nonce_use(auth->nonces, done.given.nonce, done.given.nc) != NONCE_GOOD) {
        /* He knows the password: a new nonce will do, and nobody need be asked for it (RFC 7616 §3.3). */
        challenge(auth, done.kind, done.irq, true);
        done.fn(done.arg, NULL, NULL);
    } else {
        uri_compare(done.irq, done.given.uri);
        done.fn(done.arg, done.irq, done.given.username);
    }
}

/* The credentials meant for us: several proxies may each have theirs in one request (RFC 3261 §22.3). */
static bool credentials_find_ours(struct digest_credentials *out, const msg_auth_t *header, const char *realm)
{
    for (; header; header = header->au_next) {
        if (header->au_scheme == NULL || strcasecmp(header->au_scheme, "Digest") != 0)
            continue;
        if (digest_parse(out, header->au_params) == 0 && strcmp(out->realm, realm) == 0)
            return true;
    }
    return false;
}

void auth_check(struct auth *auth, enum auth_kind kind, nta_incoming_t *irq, const sip_t *sip,
                auth_verdict *fn, void *arg)
{
    const msg_auth_t *header = kind == AUTH_REGISTRAR ? sip->sip_authorization : sip->sip_proxy_authorization;
    const char *realm = auth->agent->settings->realm;
    struct digest_credentials given;
    struct check *check;

    if (!credentials_find_ours(&given, header, realm)) {
        challenge(auth, kind, irq, false);
        fn(arg, NULL, NULL);
        return;
    }
    check = calloc(1, sizeof *check);
    if (check == NULL) {
        agent_reply(irq, SIP_503_SERVICE_UNAVAILABLE, TAG_END());
        fn(arg, NULL, NULL);
        return;
    }
    *check = (struct check){.auth = auth, .kind = kind, .irq = irq, .given = given, .fn = fn, .arg = arg};
    check->next = auth->checks;
    auth->checks = check;
    waiter_add(&check->waiter);
    if (credentials_find(auth->agent->storage, given.username, realm, waiter_ticket(&check->waiter),
                         credentials_replied) != 0) {
        refuse_for_now(check);
    }
}

void auth_forget(struct auth *auth, nta_incoming_t *irq)
{
    for (struct check *check = auth->checks; check; check = check->next) {
        if (check->irq == irq) {
            check_free(check);
            return;
        }
    }
}
