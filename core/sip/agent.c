/* The agent: listens, looks at what comes out of the blue, and hands it to whom it concerns. */
#include "core/sip/session_internal.h"

#include <errno.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/su_tagarg.h>
#include <sofia-sip/tport_tag.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/ids.h"
#include "core/base/log.h"

#define ALLOW SESSION_ALLOW ", REGISTER"
#define MESSAGE_MAX 65536
#define PROCEEDING_MAX 20000 /* a last resort: nta's own 503 has no Retry-After */
#define RECEIVE_BUFFER 4194304
#define CONNECTION_IDLE_MS 7200000 /* longer than registrations, whose connections must stay */
#define CONNECTION_STUCK_MS 60000
#define TIMER_C_MS 185000 /* RFC 3261 §16.6: above three minutes after each provisional response */
#define DRAIN_RETRY_S 10

void agent_reply(nta_incoming_t *irq, int status, const char *phrase, tag_type_t tag, tag_value_t value, ...)
{
    char session_id[SESSION_ID_LINE];
    ta_list tags;

    session_id_reply(irq, session_id);
    ta_start(tags, tag, value);
    nta_incoming_treply(irq, status, phrase, TAG_IF(*session_id, SIPTAG_HEADER_STR(session_id)),
                        ta_tags(tags));
    (void)ta_end(tags);
    nta_incoming_destroy(irq);
}

/* -- requests out of the blue ---------------------------------------------------------------------------- */

static void refuse_busy(struct agent *agent, nta_incoming_t *irq, unsigned seconds)
{
    char text[16];

    agent->stats.refused++;
    snprintf(text, sizeof text, "%u", seconds);
    agent_reply(irq, SIP_503_SERVICE_UNAVAILABLE, SIPTAG_RETRY_AFTER_STR(text), TAG_END());
}

/* RFC 3261 §22: whom the credentials name is whom From may name. */
static bool from_is_user(const sip_t *sip, const char *user)
{
    struct party from;

    return party_read(&from, sip->sip_from->a_url, NULL) == 0 &&
           (strcmp(from.user, user) == 0 || strcasecmp(from.user, "anonymous") == 0);
}

static void invite_admitted(void *arg, nta_incoming_t *irq, const char *user)
{
    struct transport *t = arg;
    msg_t *msg;
    const sip_t *sip;

    if (!user)
        return;
    msg = nta_incoming_getrequest(irq);
    sip = sip_object(msg);
    if (from_is_user(sip, user))
        session_request(t->agent->sessions, t, irq, sip, user, NULL);
    else
        agent_reply(irq, SIP_403_FORBIDDEN, TAG_END());
    msg_destroy(msg);
}

/* An application server sends a call back that it was given. */
static bool invite_returns(struct agent *agent, const sip_t *sip, const struct sockaddr_storage *source,
                           bool peer)
{
    char token[SESSION_TOKEN_TEXT], host[HOST_PORT_TEXT];

    if (!agent->handlers->admits || !token_read(sip, token))
        return false;
    address_text(source, false, host);
    return agent->handlers->admits(agent->arg, token, host, peer);
}

static void invite_request(struct transport *t, nta_incoming_t *irq, const sip_t *sip)
{
    struct agent *agent = t->agent;
    const struct peer_settings *peer;
    struct sockaddr_storage source;
    unsigned wait = agent->handlers->refuse_call(agent->arg);

    if (wait > 0) {
        refuse_busy(agent, irq, wait);
        return;
    }
    if (!contact_url(sip)) {
        agent_reply(irq, 400, "Missing Contact", TAG_END());
        return;
    }
    agent_source(t->nta, irq, &source);
    peer = settings_peer(agent->settings, (const struct sockaddr *)&source);
    if (peer || invite_returns(agent, sip, &source, false))
        session_request(agent->sessions, t, irq, sip, NULL, peer);
    else
        auth_check(agent->auth, AUTH_PROXY, irq, sip, invite_admitted, t);
}

/* What nta's own parser lets pass and what comes after it cannot use. True: answered. */
static bool request_is_odd(nta_incoming_t *irq, const sip_t *sip)
{
    const url_t *target = sip->sip_request->rq_url;
    sip_method_t method = sip->sip_request->rq_method;

    /* A tag that we gave out, of a dialog that is over (RFC 3261 §12.2.2). */
    if (sip->sip_to->a_tag)
        agent_reply(irq, SIP_481_NO_CALL, TAG_END());
    else if (target->url_type != url_sip && target->url_type != url_sips)
        agent_reply(irq, SIP_416_UNSUPPORTED_URI, TAG_END());
    else if (!target->url_host || !*target->url_host || target->url_headers)
        agent_reply(irq, 400, "Bad Request-URI", TAG_END());
    else if (!sip->sip_from->a_tag)
        agent_reply(irq, 400, "Missing From Tag", TAG_END());
    else if (!*sip->sip_call_id->i_id)
        agent_reply(irq, 400, "Bad Call-ID Header", TAG_END());
    else if (sip->sip_max_forwards && sip->sip_max_forwards->mf_count == 0 && method == sip_method_invite)
        agent_reply(irq, SIP_483_TOO_MANY_HOPS, TAG_END());
    else
        return false;
    return true;
}

void options_reply(struct agent *agent, nta_incoming_t *irq, const char *allow, const char *supported,
                   const sip_contact_t *contact)
{
    char events[EVENTS_TEXT];

    notifier_events(events);
    agent_reply(irq, SIP_200_OK, SIPTAG_CONTACT(contact), SIPTAG_ALLOW_STR(allow),
                SIPTAG_ACCEPT_STR(SDP_TYPE ", multipart/mixed"), SIPTAG_SUPPORTED_STR(supported),
                SIPTAG_ALLOW_EVENTS_STR(events), SIPTAG_ACCEPT_LANGUAGE_STR(agent->settings->language),
                TAG_END());
}

/* A conference's URI is known by its Contact, whoever asks (RFC 4579). */
static void options_request(struct transport *t, nta_incoming_t *irq, const sip_t *sip)
{
    const struct agent *agent = t->agent;
    char text[HOST_PORT_TEXT + 3 * sizeof((struct party *)0)->user + 40], address[HOST_PORT_TEXT];
    struct sockaddr_storage source, local;
    sip_contact_t *contact = NULL;
    struct party target;
    su_home_t *home = su_home_new(sizeof *home);

    if (home && agent->handlers->is_focus && party_read(&target, sip->sip_request->rq_url, NULL) == 0 &&
        *target.user && agent->handlers->is_focus(agent->arg, target.user)) {
        agent_source(t->nta, irq, &source);
        transport_address(t, &source, &local);
        address_text(&local, true, address);
        contact_write(text, sizeof text, target.user, address, wire_of(sip), true);
        contact = sip_contact_make(home, text);
    }
    options_reply(t->agent, irq, ALLOW, SESSION_KNOWN ", path", contact ? contact : t->contact);
    if (home)
        su_home_unref(home);
}

static void request_dispatch(struct transport *t, nta_incoming_t *irq, const sip_t *sip)
{
    struct agent *agent = t->agent;

    switch (sip->sip_request->rq_method) {
    case sip_method_invite:
        if (request_is_acceptable(irq, sip, true))
            invite_request(t, irq, sip);
        break;
    case sip_method_options:
        if (request_is_acceptable(irq, sip, false))
            options_request(t, irq, sip);
        break;
    case sip_method_register:
        registrar_request(agent->registrar, t, irq, sip);
        break;
    case sip_method_refer:
        if (request_is_acceptable(irq, sip, false))
            refer_request(t, irq, sip);
        break;
    case sip_method_subscribe:
        notifier_request(agent->notifier, t, irq, sip);
        break;
    default:
        request_refuse_method(irq, ALLOW);
        break;
    }
}

static int agent_request(struct session *magic, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    struct transport *t = (struct transport *)(void *)magic;
    struct agent *agent = t->agent;
    sip_method_t method = sip->sip_request->rq_method;

    (void)leg;
    if (method == sip_method_ack) {
        nta_incoming_destroy(irq);
        return 0;
    }
    agent->stats.requests++;
    if (method == sip_method_cancel || method == sip_method_bye)
        agent_reply(irq, SIP_481_NO_TRANSACTION, TAG_END());
    else if (request_is_odd(irq, sip))
        ; /* answered */
    else if (agent->draining)
        refuse_busy(agent, irq, 1 + random_below(DRAIN_RETRY_S));
    else
        request_dispatch(t, irq, sip);
    return 0;
}

/* -- Sofia's own words, which are for those who look for a fault ----------------------------------------- */

static void sofia_says(void *stream, char const *format, va_list arguments)
{
    char text[512];

    (void)stream;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_event(LEVEL_DEBUG, "sofia", NULL, "%s", text);
}

/* -- start and stop -------------------------------------------------------------------------------------- */

/* "127.0.0.1:5060", "[::1]:5060". */
static int listen_parse(struct sockaddr_storage *out, const char *text)
{
    char host[HOST_PORT_TEXT];
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;

    if (length == 0 || length >= sizeof host)
        return EINVAL;
    memcpy(host, text, length);
    host[length] = '\0';
    return address_parse(out, host, colon + 1);
}

static int transport_open(struct transport *t, const char *listen)
{
    char url[HOST_PORT_TEXT + 8];
    int error = listen_parse(&t->local, listen);

    if (error)
        goto out;
    snprintf(url, sizeof url, "sip:%s", listen);
    errno = 0;
    t->nta = nta_agent_create(loop_root(t->agent->loop), (url_string_t *)url, NULL, t, NTATAG_UA(1),
                              NTATAG_MERGE_482(1), NTATAG_EXTRA_100(1), NTATAG_UDP_MTU(65535),
                              NTATAG_MAXSIZE(MESSAGE_MAX), NTATAG_MAX_PROCEEDING(PROCEEDING_MAX),
                              NTATAG_TIMER_C(TIMER_C_MS), NTATAG_CLIENT_RPORT(1), NTATAG_SERVER_RPORT(1),
                              TPTAG_STUN_SERVER(0), TPTAG_SDWN_ERROR(1), TPTAG_IDLE(CONNECTION_IDLE_MS),
                              TPTAG_TIMEOUT(CONNECTION_STUCK_MS), TPTAG_UDP_RMEM(RECEIVE_BUFFER), TAG_END());
    if (!t->nta) {
        error = errno ? errno : EIO;
        goto out;
    }
    t->contact = nta_agent_contact(t->nta);
    /* nta owns the leg that takes what belongs to no dialog. */
    if (!nta_leg_tcreate(t->nta, agent_request, (struct session *)(void *)t, NTATAG_NO_DIALOG(1), TAG_END()))
        error = ENOMEM;
out:
    if (error)
        log_event(LEVEL_ERROR, "sip", NULL, "cannot-listen address=%s error=\"%s\"", listen, strerror(error));
    return error;
}

int agent_start(struct agent **out, struct loop *loop, const struct settings *settings,
                struct storage *storage, const struct agent_handlers *handlers, void *arg)
{
    struct agent *agent = calloc(1, sizeof *agent);
    int error = 0;

    if (!agent)
        return ENOMEM;
    su_log_redirect(NULL, sofia_says, NULL);
    agent->loop = loop;
    agent->settings = settings_hold(settings);
    agent->storage = storage;
    agent->handlers = handlers;
    agent->arg = arg;
    error = sessions_new(&agent->sessions, agent);
    if (error == 0)
        error = auth_new(&agent->auth, agent);
    if (error == 0)
        error = notifier_new(&agent->notifier, agent);
    if (error == 0)
        error = registrar_new(&agent->registrar, agent);
    for (size_t i = 0; error == 0 && i < settings->listen_count; i++) {
        struct transport *t = &agent->transports[agent->transport_count++];

        t->agent = agent;
        error = transport_open(t, settings->listen[i]);
    }
    if (error) {
        agent_stop(agent);
        return error;
    }
    *out = agent;
    return 0;
}

void agent_reload(struct agent *agent, const struct settings *settings)
{
    const struct settings *old = agent->settings;

    agent->settings = settings_hold(settings);
    settings_free(old);
    sources_forget();
}

void agent_drain(struct agent *agent)
{
    agent->draining = true;
}

void agent_stop(struct agent *agent)
{
    if (!agent)
        return;
    sessions_free(agent->sessions);
    refers_free(agent);
    notifier_free(agent->notifier);
    registrar_free(agent->registrar);
    auth_free(agent->auth);
    for (size_t i = 0; i < agent->transport_count; i++)
        nta_agent_destroy(agent->transports[i].nta);
    settings_free(agent->settings);
    free(agent);
}

void agent_read_stats(const struct agent *agent, struct agent_stats *out)
{
    *out = agent->stats;
    for (size_t i = 0; i < agent->transport_count; i++) {
        usize_t in = 0, outgoing = 0, dialogs = 0;

        nta_agent_get_stats(agent->transports[i].nta, NTATAG_S_IRQ_HASH_USED_REF(in),
                            NTATAG_S_ORQ_HASH_USED_REF(outgoing), NTATAG_S_LEG_HASH_USED_REF(dialogs),
                            TAG_END());
        out->transactions_in += (unsigned)in;
        out->transactions_out += (unsigned)outgoing;
        out->dialogs += (unsigned)dialogs;
    }
    out->subscriptions = agent->notifier ? notifier_count(agent->notifier) : 0;
}
