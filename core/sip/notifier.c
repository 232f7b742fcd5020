/* Subscriptions and their NOTIFYs (RFC 6665), whatever they watch. */
#include "core/sip/notifier_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/log.h"

#define DEFAULT_S 3600 /* RFC 3842 §3.4 */
#define REFRESH_GRACE_MS 5000
#define SUBSCRIPTIONS_A_USER                                                                                 \
    128 /* a row of lamps and some to spare; a user with more than that has a fault or bad intent */

#define SUBSCRIPTIONS_A_SESSION 4

static const struct event_package *const packages[] = {&mwi_package, &dialog_package, &conference_package};
#define PACKAGES (sizeof packages / sizeof *packages)

int notifier_new(struct notifier **out, struct agent *agent)
{
    struct notifier *notifier = calloc(1, sizeof *notifier);
    int error;

    if (notifier == NULL)
        return ENOMEM;
    notifier->agent = agent;
    error = mwi_new(&notifier->mwi, notifier);
    if (!error)
        error = dialogs_new(&notifier->dialogs, notifier);
    if (!error)
        error = conferences_new(&notifier->conferences, notifier);
    if (error) {
        dialogs_free(notifier->dialogs);
        mwi_free(notifier->mwi);
        free(notifier);
        return error;
    }
    *out = notifier;
    return 0;
}

static void subscription_free(struct subscription *s)
{
    struct subscription **place = &s->notifier->subscriptions;

    while (*place != s)
        place = &(*place)->next;
    *place = s->next;
    s->notifier->count--;
    if (s->package->leave)
        s->package->leave(s);
    waiter_remove(&s->waiter);
    timer_stop(&s->timer);
    if (s->in_auth)
        auth_forget(s->notifier->agent->auth, s->irq);
    if (s->irq)
        nta_incoming_destroy(s->irq);
    nta_outgoing_destroy(s->notify);
    if (s->leg && s->session == NULL)
        nta_leg_destroy(s->leg);
    free(s);
}

void notifier_free(struct notifier *notifier)
{
    if (notifier == NULL)
        return;
    mwi_free(notifier->mwi);
    while (notifier->subscriptions)
        subscription_free(notifier->subscriptions);
    dialogs_free(notifier->dialogs);
    conferences_free(notifier->conferences);
    free(notifier);
}

unsigned notifier_count(const struct notifier *notifier)
{
    unsigned count = 0;

    for (const struct subscription *s = notifier->subscriptions; s; s = s->next)
        count += s->leg != NULL;
    return count;
}

void notifier_registered(struct notifier *notifier, const char *user, bool fresh)
{
    if (fresh)
        mwi_registered(notifier->mwi, user);
}

/* host:port of a contact, to find the same socket under two URIs. */
static bool same_place(const char *a, const char *b)
{
    const char *x = strchr(a, '@'), *y = strchr(b, '@');
    size_t length;

    x = x ? x + 1 : a;
    y = y ? y + 1 : b;
    length = strcspn(x, ";>");
    return length == strcspn(y, ";>") && strncasecmp(x, y, length) == 0;
}

bool notifier_watches(const struct notifier *notifier, const char *key, const struct binding *binding)
{
    for (const struct subscription *s = notifier->subscriptions; s; s = s->next)
        if (s->leg && !s->over && strcmp(s->key, key) == 0 &&
            (strcmp(s->received, binding->received) == 0 || same_place(s->target, binding->contact)))
            return true;
    return false;
}

int next_hop_write(char *out, size_t size, struct transport **transport, struct agent *agent,
                   const char *received)
{
    struct sockaddr_storage address;
    char text[HOST_PORT_TEXT];
    enum wire wire;
    int error = received_parse(&address, &wire, received);

    if (error)
        return error;
    *transport = agent_transport_to(agent, (const struct sockaddr *)&address);
    if (*transport == NULL)
        return EHOSTUNREACH;
    address_text(&address, true, text);
    snprintf(out, size, "sip:%s;transport=%s", text, wire == WIRE_TCP ? "tcp" : "udp");
    return 0;
}

/* -- NOTIFY
 * -------------------------------------------------------------------------------------------------------------
 */

static void notify_send(struct subscription *s);

/*
 * RFC 6665 §4.2.2: a NOTIFY that fails ends the subscription, unless the answer says when to try again; then
 * the next change or refresh is soon enough.
 */
static int notify_answered(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
    struct subscription *s = (struct subscription *)(void *)magic;
    int status = sip && sip->sip_status ? sip->sip_status->st_status : nta_outgoing_status(orq);
    bool later = sip && sip->sip_retry_after;

    if (status < 200)
        return 0;
    nta_outgoing_destroy(orq);
    s->notify = NULL;
    if (s->final_sent || (status >= 300 && !later)) {
        if (status >= 300)
            log_event(LEVEL_INFO, "sip", NULL, "subscription-ends user=%s event=%s status=%d", s->user,
                      s->package->name, status);
        subscription_free(s);
        return 0;
    }
    if (status >= 300 && s->package->lost && !s->over)
        s->package->lost(s, (unsigned)sip->sip_retry_after->af_delta);
    else if (s->again)
        notify_send(s);
    return 0;
}

/* One NOTIFY at a time: what changes while one is out goes into the next. */
static void notify_send(struct subscription *s)
{
    char state[64], *own = NULL;
    const char *body;
    uint64_t now = clock_now_us();

    s->again = s->notify != NULL;
    if (s->again)
        return;
    if (s->over)
        snprintf(state, sizeof state, "terminated;reason=%s", *s->reason ? s->reason : "timeout");
    else
        snprintf(state, sizeof state, "active;expires=%u",
                 s->expires_us > now ? (unsigned)((s->expires_us - now + 999999) / 1000000) : 0);
    s->final_sent = s->over;
    if (s->package->body)
        own = s->package->body(s);
    body = own ? own : s->body;
    s->notify = nta_outgoing_tcreate(s->leg, notify_answered, (nta_outgoing_magic_t *)(void *)s,
                                     s->next_hop[0] ? (url_string_t *)s->next_hop : NULL, SIP_METHOD_NOTIFY,
                                     NULL, SIPTAG_EVENT_STR(s->event), SIPTAG_SUBSCRIPTION_STATE_STR(state),
                                     SIPTAG_CONTACT_STR(s->contact), SIPTAG_USER_AGENT_STR("confab"),
                                     TAG_IF(*body, SIPTAG_CONTENT_TYPE_STR(s->package->type)),
                                     TAG_IF(*body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
    free(own);
    if (s->notify == NULL)
        subscription_free(s);
    else
        mwi_told(s->notifier->agent, &s->since_us);
}

void subscription_update(struct subscription *s, const char *body, uint64_t since_us)
{
    if (s->leg == NULL || s->over || strcmp(s->body, body) == 0)
        return;
    snprintf(s->body, sizeof s->body, "%s", body);
    if (s->since_us == 0)
        s->since_us = since_us;
    notify_send(s);
}

void subscription_changed(struct subscription *s)
{
    if (s->leg && !s->over)
        notify_send(s);
}

void subscription_end(struct subscription *s, const char *reason)
{
    if (s->over)
        return;
    s->over = true;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
    timer_stop(&s->timer);
    if (s->leg)
        notify_send(s);
}

static void subscription_expired(void *arg)
{
    struct subscription *s = arg;

    /* A refresh came in time and is being looked up: it decides, or this does a little later. */
    if (s->irq &&
        timer_start(s->notifier->agent->loop, &s->timer, REFRESH_GRACE_MS, subscription_expired, s) == 0)
        return;
    s->over = true;
    notify_send(s);
}

/* -- answering SUBSCRIBE
 * ------------------------------------------------------------------------------------------------ */

/* Answers the SUBSCRIBE in hand; a subscription that was never admitted goes with it. */
void subscription_refuse(struct subscription *s, int status, const char *phrase)
{
    nta_incoming_t *irq = s->irq;
    char header[40] = "";

    s->irq = NULL;
    if (s->leg == NULL)
        subscription_free(s);
    if (status == 503)
        snprintf(header, sizeof header, "Retry-After: %u", 5 + (unsigned)random_below(10));
    agent_reply(irq, status, phrase, TAG_IF(header[0], SIPTAG_HEADER_STR(header)), TAG_END());
}

/* The dialog, as its server side (RFC 3261 §12.1.1). */
static int in_dialog(nta_leg_magic_t *magic, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip);

static int dialog_make(struct subscription *s, const sip_t *sip)
{
    su_home_t *home = su_home_new(sizeof *home);
    const char *tag = nta_incoming_tag(s->irq, NULL);
    sip_to_t *local = home ? sip_to_dup(home, sip->sip_to) : NULL;
    int error = ENOMEM;

    if (local == NULL || tag == NULL || sip_to_tag(home, local, tag) < 0)
        goto out;
    s->leg = nta_leg_tcreate(s->transport->nta, in_dialog, (nta_leg_magic_t *)(void *)s,
                             SIPTAG_CALL_ID(sip->sip_call_id), SIPTAG_FROM(local), SIPTAG_TO(sip->sip_from),
                             NTATAG_REMOTE_CSEQ(sip->sip_cseq->cs_seq), TAG_END());
    if (s->leg && nta_leg_server_route(s->leg, sip->sip_record_route, sip->sip_contact) == 0)
        error = 0;
out:
    if (home)
        su_home_unref(home);
    return error;
}

/* Where its NOTIFYs go, and what we are called there. */
static void places_read(struct subscription *s, const nta_incoming_t *irq, const sip_t *sip, bool peer)
{
    struct sockaddr_storage source, local;
    struct transport *same;
    char address[HOST_PORT_TEXT];
    bool tcp = wire_of(sip) == WIRE_TCP;

    agent_source(s->transport->nta, irq, &source);
    address_text(&source, true, address);
    snprintf(s->received, sizeof s->received, "%s:%.58s", tcp ? "tcp" : "udp", address);
    s->next_hop[0] = '\0';
    /* A phone's Contact may be an address behind NAT; a peer's and a proxy's Record-Route mean what they say.
     */
    if (!peer && sip->sip_record_route == NULL &&
        next_hop_write(s->next_hop, sizeof s->next_hop, &same, s->notifier->agent, s->received) != 0)
        s->next_hop[0] = '\0';
    transport_address(s->transport, &source, &local);
    address_text(&local, true, s->place);
    if (s->package->focus)
        contact_write(s->contact, sizeof s->contact, s->resource, s->place, tcp ? WIRE_TCP : WIRE_UDP, true);
    else
        snprintf(s->contact, sizeof s->contact, "<sip:%s%s>", s->place, tcp ? ";transport=tcp" : "");
    if (url_e(s->target, sizeof s->target, sip->sip_contact->m_url) >= (isize_t)sizeof s->target)
        s->target[0] = '\0';
}

/* RFC 6665 §4.2.1: 200 with the time granted, then a NOTIFY at once, whatever is known. */
void subscription_admit(struct subscription *s, const char *body)
{
    nta_incoming_t *irq = s->irq;
    msg_t *msg = nta_incoming_getrequest(irq);
    const sip_t *sip = msg ? sip_object(msg) : NULL;
    char expires[16];

    snprintf(s->body, sizeof s->body, "%s", body);
    if (s->session)
        s->leg = s->session->leg;
    if (sip == NULL || (s->leg == NULL && dialog_make(s, sip) != 0)) {
        if (s->leg && s->session == NULL)
            nta_leg_destroy(s->leg);
        s->leg = NULL;
        subscription_refuse(s, SIP_500_INTERNAL_SERVER_ERROR);
        goto out;
    }
    /* A refresh may bring a new target (RFC 3261 §12.2.2). */
    nta_leg_server_route(s->leg, NULL, sip->sip_contact);
    places_read(s, irq, sip, s->user[0] == '\0');
    if (s->session && s->session->next_hop)
        snprintf(s->next_hop, sizeof s->next_hop, "%s", (const char *)s->session->next_hop);
    s->irq = NULL;
    snprintf(expires, sizeof expires, "%u", s->interval_s);
    agent_reply(irq, SIP_200_OK, SIPTAG_CONTACT_STR(s->contact), SIPTAG_EXPIRES_STR(expires), TAG_END());
    s->expires_us = clock_now_us() + UINT64_C(1000000) * s->interval_s;
    timer_stop(&s->timer);
    s->over = s->interval_s == 0 || timer_start(s->notifier->agent->loop, &s->timer, s->interval_s * 1000,
                                                subscription_expired, s) != 0;
    notify_send(s);
out:
    if (msg)
        msg_destroy(msg);
}

/* -- reading SUBSCRIBE
 * -------------------------------------------------------------------------------------------------- */

static const struct event_package *package_find(const sip_t *sip)
{
    for (size_t i = 0; sip->sip_event && sip->sip_event->o_type && i < PACKAGES; i++)
        if (strcasecmp(packages[i]->name, sip->sip_event->o_type) == 0)
            return packages[i];
    return NULL;
}

void notifier_events(char out[EVENTS_TEXT])
{
    size_t used = 0;

    for (size_t i = 0; i < PACKAGES && used < EVENTS_TEXT; i++)
        used += (size_t)snprintf(out + used, EVENTS_TEXT - used, "%s%s", i ? ", " : "", packages[i]->name);
}

/* RFC 6665 §8.2.1: with the list of what there is. */
static void refuse_event(nta_incoming_t *irq)
{
    char names[EVENTS_TEXT];

    notifier_events(names);
    agent_reply(irq, SIP_489_BAD_EVENT, SIPTAG_ALLOW_EVENTS_STR(names), TAG_END());
}

static bool accepts(const sip_t *sip, const char *type)
{
    size_t major = strcspn(type, "/") + 1;

    if (sip->sip_accept == NULL)
        return true; /* the package's default (RFC 3842 §3.5) */
    for (const sip_accept_t *a = sip->sip_accept; a; a = a->ac_next) {
        const char *wanted = a->ac_type;

        if (wanted && (strcasecmp(wanted, type) == 0 || strcmp(wanted, "*/*") == 0 ||
                       (strncasecmp(wanted, type, major) == 0 && strcmp(wanted + major, "*") == 0)))
            return true;
    }
    return false;
}

/* RFC 6665 §4.2.1.1: what both a first SUBSCRIBE and a refresh must be. False: answered. */
static bool subscribe_read(struct subscription *s, nta_incoming_t *irq, const sip_t *sip)
{
    const struct settings *settings = s->notifier->agent->settings;
    unsigned long seconds = sip->sip_expires ? sip->sip_expires->ex_delta : DEFAULT_S;
    char least[16];

    if (contact_url(sip) == NULL) {
        agent_reply(irq, 400, "Missing Contact", TAG_END());
        return false;
    }
    if (!accepts(sip, s->package->type)) {
        agent_reply(irq, SIP_406_NOT_ACCEPTABLE, SIPTAG_ACCEPT_STR(s->package->type), TAG_END());
        return false;
    }
    if (seconds > settings->registration_max_s)
        seconds = settings->registration_max_s;
    if (seconds > 0 && seconds < settings->registration_min_s) {
        snprintf(least, sizeof least, "%u", settings->registration_min_s);
        agent_reply(irq, 423, "Interval Too Brief", SIPTAG_MIN_EXPIRES_STR(least), TAG_END());
        return false;
    }
    s->interval_s = (unsigned)seconds;
    return true;
}

static void event_read(char *out, size_t size, const sip_t *sip, const char *name)
{
    const char *id = sip->sip_event->o_id;

    if (id && *id)
        snprintf(out, size, "%s;id=%s", name, id);
    else
        snprintf(out, size, "%s", name);
}

static unsigned subscriptions_in(const struct session *session)
{
    unsigned count = 0;

    for (const struct subscription *s = session->agent->notifier->subscriptions; s; s = s->next)
        count += s->session == session;
    return count;
}

static unsigned subscriptions_of(const struct notifier *notifier, const char *user)
{
    unsigned count = 0;

    for (const struct subscription *s = notifier->subscriptions; s; s = s->next)
        count += s->user[0] && strcmp(s->user, user) == 0;
    return count;
}

/* -- the first one
 * ------------------------------------------------------------------------------------------------------ */

static void subscribe_authorized(void *arg, nta_incoming_t *irq, const char *user)
{
    struct subscription *s = arg;

    s->irq = irq;
    s->in_auth = false;
    if (user == NULL) {
        subscription_free(s);
        return;
    }
    if (subscriptions_of(s->notifier, user) >= SUBSCRIPTIONS_A_USER) {
        subscription_refuse(s, 403, "Too Many Subscriptions");
        return;
    }
    snprintf(s->user, sizeof s->user, "%s", user);
    s->package->judge(s);
}

/* Of a SUBSCRIBE that begins one. NULL: it was answered. */
static struct subscription *subscription_new(struct notifier *notifier, struct transport *transport,
                                             nta_incoming_t *irq, const sip_t *sip)
{
    const struct event_package *package = package_find(sip);
    struct subscription *s;
    struct party target;

    if (package == NULL) {
        refuse_event(irq);
        return NULL;
    }
    if (!request_is_acceptable(irq, sip, false))
        return NULL;
    if (party_read(&target, sip->sip_request->rq_url, NULL) != 0 || !target.user[0]) {
        agent_reply(irq, SIP_404_NOT_FOUND, TAG_END());
        return NULL;
    }
    s = calloc(1, sizeof *s);
    if (s == NULL) {
        agent_reply(irq, SIP_503_SERVICE_UNAVAILABLE, TAG_END());
        return NULL;
    }
    s->notifier = notifier;
    s->package = package;
    s->transport = transport;
    s->next = notifier->subscriptions;
    notifier->subscriptions = s;
    notifier->count++;
    waiter_add(&s->waiter);
    snprintf(s->resource, sizeof s->resource, "%s", target.user);
    event_read(s->event, sizeof s->event, sip, package->name);
    if (!subscribe_read(s, irq, sip)) {
        subscription_free(s);
        return NULL;
    }
    s->irq = irq;
    return s;
}

void notifier_request(struct notifier *notifier, struct transport *transport, nta_incoming_t *irq,
                      const sip_t *sip)
{
    struct subscription *s = subscription_new(notifier, transport, irq, sip);
    const struct peer_settings *peer;
    struct sockaddr_storage source;

    if (s == NULL)
        return;
    agent_source(transport->nta, irq, &source);
    peer = settings_peer(notifier->agent->settings, (const struct sockaddr *)&source);
    if (peer) {
        snprintf(s->peer, sizeof s->peer, "%s", peer->name);
        s->package->judge(s);
    } else {
        s->in_auth = true;
        auth_check(notifier->agent->auth, AUTH_REGISTRAR, irq, sip, subscribe_authorized, s);
    }
}

/* -- later ones
 * ---------------------------------------------------------------------------------------------------------
 */

static void refresh_authorized(void *arg, nta_incoming_t *irq, const char *user)
{
    struct subscription *s = arg;

    s->in_auth = false;
    s->irq = irq;
    if (user == NULL)
        return;
    if (strcmp(user, s->user) == 0)
        s->package->judge(s);
    else
        subscription_refuse(s, SIP_403_FORBIDDEN);
}

static void subscription_refresh(struct subscription *s, nta_incoming_t *irq, const sip_t *sip)
{
    if (s->irq) {
        /* The one before is still being looked up. */
        agent_reply(irq, SIP_500_INTERNAL_SERVER_ERROR, SIPTAG_RETRY_AFTER_STR("1"), TAG_END());
        return;
    }
    if (!subscribe_read(s, irq, sip))
        return;
    s->irq = irq;
    if (s->user[0]) {
        s->in_auth = true;
        auth_check(s->notifier->agent->auth, AUTH_REGISTRAR, irq, sip, refresh_authorized, s);
    } else {
        s->package->judge(s);
    }
}

static int in_dialog(nta_leg_magic_t *magic, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    struct subscription *s = (struct subscription *)(void *)magic;
    char event[sizeof s->event];

    (void)leg;
    if (sip->sip_request->rq_method == sip_method_ack) {
        nta_incoming_destroy(irq);
        return 0;
    }
    if (sip->sip_request->rq_method != sip_method_subscribe) {
        request_refuse_method(irq, "SUBSCRIBE");
        return 0;
    }
    if (package_find(sip) != s->package) {
        refuse_event(irq);
        return 0;
    }
    event_read(event, sizeof event, sip, s->package->name);
    if (s->over || strcmp(event, s->event) != 0)
        /* RFC 6665 §4.2.1: nothing of that name goes on in this dialog (any more). */
        agent_reply(irq, SIP_481_NO_CALL, TAG_END());
    else
        subscription_refresh(s, irq, sip);
    return 0;
}

/* -- in the dialog of a call (RFC 4579) ---------------------------------------------------------------
 */

/* Who has the dialog is who he was when it began; no credentials are asked for within it. */
bool notifier_in_session(struct session *session, nta_incoming_t *irq, const sip_t *sip)
{
    struct notifier *notifier = session->agent->notifier;
    const struct event_package *package = package_find(sip);
    struct subscription *s = notifier->subscriptions;
    char event[sizeof s->event];

    if (package == NULL || !package->focus)
        return false;
    event_read(event, sizeof event, sip, package->name);
    while (s && (s->session != session || s->over || strcmp(s->event, event) != 0))
        s = s->next;
    if (s) {
        subscription_refresh(s, irq, sip);
        return true;
    }
    if (subscriptions_in(session) >= SUBSCRIPTIONS_A_SESSION) {
        agent_reply(irq, 403, "Too Many Subscriptions", TAG_END());
        return true;
    }
    s = subscription_new(notifier, session->transport, irq, sip);
    if (s) {
        s->session = session;
        snprintf(s->peer, sizeof s->peer, "%s", session->peer ? session->peer : "");
        s->package->judge(s);
    }
    return true;
}

/* RFC 5057: the subscription is a usage of its own, and has its own last word; nobody waits for the
 * answer. */
static void subscription_part(struct subscription *s)
{
    nta_outgoing_destroy(s->notify);
    s->notify = NULL;
    if (s->leg && !s->final_sent) {
        s->over = true;
        snprintf(s->reason, sizeof s->reason, "deactivated");
        notify_send(s);
    } else {
        subscription_free(s);
    }
}

void notifier_part(struct session *session)
{
    struct subscription *next;

    for (struct subscription *s = session->agent->notifier->subscriptions; s; s = next) {
        next = s->next;
        if (s->session != session)
            continue;
        subscription_part(s);
    }
}
