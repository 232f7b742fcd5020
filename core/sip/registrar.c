/* The registrar: RFC 3261 §10.3, Path (RFC 3327), one binding a device by its instance (RFC 5626 §4.1). */
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

#define CONTACTS_TEXT (BINDINGS_MAX * (URI_TEXT + 192))

/* A REGISTER on its way: credentials, what is bound, what is to be bound. */
struct registration {
    struct waiter waiter;
    struct registration *next;
    struct registrar *registrar;
    nta_incoming_t *irq; /* NULL while auth.c has it */
    struct binding_change change;
    bool fresh; /* a contact that was not there before */
};

struct registrar {
    struct agent *agent;
    struct registration *registrations;
};

int registrar_new(struct registrar **out, struct agent *agent)
{
    struct registrar *registrar = calloc(1, sizeof *registrar);

    if (registrar == NULL)
        return ENOMEM;
    registrar->agent = agent;
    *out = registrar;
    return 0;
}

static void registration_free(struct registration *r)
{
    struct registration **place = &r->registrar->registrations;

    while (*place != r)
        place = &(*place)->next;
    *place = r->next;
    waiter_remove(&r->waiter);
    if (r->irq)
        nta_incoming_destroy(r->irq);
    free(r);
}

void registrar_free(struct registrar *registrar)
{
    if (registrar == NULL)
        return;
    while (registrar->registrations)
        registration_free(registrar->registrations);
    free(registrar);
}

/* -- answering
 * ---------------------------------------------------------------------------------------------------------
 */

static void registration_refuse(struct registration *r, int status, const char *phrase, const char *header)
{
    nta_incoming_t *irq = r->irq;

    r->irq = NULL;
    registration_free(r);
    agent_reply(irq, status, phrase, TAG_IF(header, SIPTAG_HEADER_STR(header)), TAG_END());
}

/* What storage says, as SIP says it. */
static void registration_fail(struct registration *r, int error)
{
    char header[40];

    switch (error) {
    case ESTALE: /* RFC 3261 §10.3 step 7: an older request came late; 500 as for §12.2.2's CSeq */
        registration_refuse(r, 500, "Request Out Of Order", NULL);
        break;
    case ENOSPC:
        registration_refuse(r, 403, "Too Many Contacts", NULL);
        break;
    case ENOENT:
        registration_refuse(r, SIP_403_FORBIDDEN, NULL);
        break;
    default:
        snprintf(header, sizeof header, "Retry-After: %u", 5 + (unsigned)random_below(10));
        registration_refuse(r, SIP_503_SERVICE_UNAVAILABLE, header);
    }
}

static int contacts_write(char *out, size_t size, const struct subscriber *subscriber)
{
    size_t used = 0;
    time_t now = clock_wall();

    out[0] = '\0';
    for (size_t i = 0; i < subscriber->binding_count && used < size; i++) {
        const struct binding *b = &subscriber->bindings[i];

        used += (size_t)snprintf(out + used, size - used, "%s<%s>;expires=%ld",
                                 i ? ", " : "Contact: ", b->contact,
                                 b->expires > now ? (long)(b->expires - now) : 0L);
        if (b->q_milli != 1000 && used < size)
            used +=
                (size_t)snprintf(out + used, size - used, ";q=%d.%03d", b->q_milli / 1000, b->q_milli % 1000);
        if (b->instance[0] && used < size)
            used += (size_t)snprintf(out + used, size - used, ";+sip.instance=\"%s\"", b->instance);
    }
    return used < size ? 0 : ENOSPC;
}

static const sip_t *request_of(const nta_incoming_t *irq, msg_t **msg)
{
    *msg = nta_incoming_getrequest((nta_incoming_t *)irq);
    return *msg ? sip_object(*msg) : NULL;
}

/* RFC 3261 §10.3 step 8: the 200 lists every binding, and the time for those that have no clock (§20.17). */
static void registration_accept(struct registration *r, const struct subscriber *subscriber)
{
    char contacts[CONTACTS_TEXT], date[64];
    time_t now = clock_wall();
    struct tm tm;
    nta_incoming_t *irq = r->irq;
    msg_t *msg;
    const sip_t *sip = request_of(irq, &msg);
    const sip_path_t *path = NULL;

    /* RFC 3327 §5.3: back to those that asked to see it. */
    if (sip && sip->sip_supported && sip_has_feature(sip->sip_supported, "path"))
        path = sip->sip_path;
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT", &tm);
    if (contacts_write(contacts, sizeof contacts, subscriber) != 0) {
        registration_fail(r, EIO);
    } else {
        r->irq = NULL;
        agent_reply(irq, SIP_200_OK, SIPTAG_HEADER_STR(date), TAG_IF(path, SIPTAG_PATH(path)),
                    TAG_IF(contacts[0], SIPTAG_HEADER_STR(contacts)), TAG_END());
        registration_free(r);
    }
    if (msg)
        msg_destroy(msg);
}

/* -- reading
 * -----------------------------------------------------------------------------------------------------------
 */

/* What a REGISTER asks for, or why not. */
struct wish {
    int status; /* 0: good */
    const char *phrase;
    char header[40];
};

static bool wish_refuse(struct wish *w, int status, const char *phrase)
{
    w->status = status;
    w->phrase = phrase;
    return false;
}

/* "0.7" in thousandths; RFC 3261 §25.1's qvalue has no more digits. */
static int q_read(const char *text)
{
    double q = text ? strtod(text, NULL) : 1;

    return q >= 0 && q <= 1 ? (int)(q * 1000 + 0.5) : 1000;
}

static void instance_read(char *out, size_t size, const sip_contact_t *m)
{
    const char *value = msg_params_find(m->m_params, "+sip.instance=");
    size_t length = value ? strlen(value) : 0;

    out[0] = '\0';
    if (length >= 2 && value[0] == '"' && value[length - 1] == '"' && length - 2 < size &&
        strcspn(value + 1, "\"\\") == length - 2) {
        memcpy(out, value + 1, length - 2);
        out[length - 2] = '\0';
    }
}

/* The URI in one spelling: what is bound is found again by its text. */
static bool contact_text(char *out, size_t size, const url_t *url)
{
    char *host;

    if (url->url_type != url_sip && url->url_type != url_sips)
        return false;
    if (url->url_host == NULL || !*url->url_host || url->url_headers || url->url_fragment)
        return false;
    if (url_e(out, (isize_t)size, url) >= (isize_t)size)
        return false;
    /* It goes back between < and >, and into storage: printable ASCII, as RFC 3261 §25.1 has it. */
    for (const unsigned char *p = (const unsigned char *)out; *p; p++)
        if (*p <= ' ' || *p > '~' || strchr("<>\"", *p))
            return false;
    host = strchr(out, '@');
    for (char *p = host ? host : strchr(out, ':'); *p && *p != ';'; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    return true;
}

/* RFC 3261 §10.2.1.1 and §10.3 step 7: the contact's own time, else the request's, else ours; 0 removes. */
static bool expires_read(struct wish *w, const struct settings *settings, const sip_t *sip,
                         const sip_contact_t *m, time_t *out)
{
    unsigned long seconds = settings->registration_default_s;
    char *end;

    if (sip->sip_expires)
        seconds = sip->sip_expires->ex_delta;
    if (m->m_expires) {
        unsigned long own = strtoul(m->m_expires, &end, 10);

        /* §20.10: what makes no sense counts as 3600. */
        seconds = end != m->m_expires && *end == '\0' ? own : 3600;
    }
    if (seconds > settings->registration_max_s)
        seconds = settings->registration_max_s;
    if (seconds > 0 && seconds < settings->registration_min_s) {
        snprintf(w->header, sizeof w->header, "Min-Expires: %u", settings->registration_min_s);
        return wish_refuse(w, 423, "Interval Too Brief");
    }
    *out = seconds ? clock_wall() + (time_t)seconds : 0;
    return true;
}

static bool path_read(struct wish *w, char *out, size_t size, const sip_t *sip)
{
    size_t used = 0;

    out[0] = '\0';
    for (const sip_path_t *path = sip->sip_path; path; path = path->r_next) {
        char uri[URI_TEXT];

        if (url_e(uri, sizeof uri, path->r_url) >= (isize_t)sizeof uri)
            return wish_refuse(w, 400, "Path Too Long");
        used += (size_t)snprintf(out + used, size - used, "%s<%s>", used ? "," : "", uri);
        if (used >= size)
            return wish_refuse(w, 400, "Path Too Long");
    }
    return true;
}

/* Where it came from; always kept, since what a phone says of itself may be wrong behind NAT. */
static void received_write(char *out, size_t size, const nta_incoming_t *irq, const sip_t *sip)
{
    struct sockaddr_storage source;
    char address[HOST_PORT_TEXT];

    agent_source(NULL, irq, &source);
    address_text(&source, true, address);
    snprintf(out, size, "%s:%.59s", wire_of(sip) == WIRE_TCP ? "tcp" : "udp", address);
}

/* RFC 3261 §10.3 step 6: "*" stands alone and with Expires: 0. */
static bool star_read(struct wish *w, struct binding_change *change, const sip_t *sip)
{
    if (sip->sip_contact->m_next || sip->sip_expires == NULL || sip->sip_expires->ex_delta != 0)
        return wish_refuse(w, SIP_400_BAD_REQUEST);
    change->remove_all = true;
    snprintf(change->bindings[0].call_id, sizeof change->bindings[0].call_id, "%s", sip->sip_call_id->i_id);
    change->bindings[0].cseq = sip->sip_cseq->cs_seq;
    return true;
}

static struct binding *change_find(struct binding_change *change, const char *contact)
{
    for (size_t i = 0; i < change->count; i++)
        if (strcmp(change->bindings[i].contact, contact) == 0)
            return &change->bindings[i];
    return NULL;
}

static bool contacts_read(struct wish *w, const struct settings *settings, struct binding_change *change,
                          const nta_incoming_t *irq, const sip_t *sip)
{
    struct binding common = {.cseq = sip->sip_cseq->cs_seq};

    if (strlen(sip->sip_call_id->i_id) >= sizeof common.call_id)
        return wish_refuse(w, SIP_400_BAD_REQUEST);
    if (!path_read(w, common.path, sizeof common.path, sip))
        return false;
    strcpy(common.call_id, sip->sip_call_id->i_id);
    received_write(common.received, sizeof common.received, irq, sip);
    if (sip->sip_user_agent && sip->sip_user_agent->g_string)
        snprintf(common.user_agent, sizeof common.user_agent, "%s", sip->sip_user_agent->g_string);
    for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next) {
        struct binding b = common, *same;

        if (m->m_url->url_type == url_any)
            return wish_refuse(w, SIP_400_BAD_REQUEST);
        if (!contact_text(b.contact, sizeof b.contact, m->m_url))
            return wish_refuse(w, 400, "Bad Contact");
        if (!expires_read(w, settings, sip, m, &b.expires))
            return false;
        b.q_milli = q_read(m->m_q);
        instance_read(b.instance, sizeof b.instance, m);
        same = change_find(change, b.contact);
        if (same == NULL && change->count == BINDINGS_MAX)
            return wish_refuse(w, 403, "Too Many Contacts");
        *(same ? same : &change->bindings[change->count++]) = b;
    }
    return true;
}

/* RFC 3261 §8.2.2.3: what the client insists on and we do not have. */
static const char *requirement_unmet(const sip_t *sip)
{
    for (size_t i = 0; sip->sip_require && sip->sip_require->k_items && sip->sip_require->k_items[i]; i++)
        if (strcasecmp(sip->sip_require->k_items[i], "path") != 0)
            return sip->sip_require->k_items[i];
    return NULL;
}

/* The user part of To, unescaped, is he who was authenticated: nobody registers for another (RFC 3261 §10.3
 * step 4). */
static bool to_is_user(const sip_t *sip, const char *user)
{
    struct party to;

    return party_read(&to, sip->sip_to->a_url, NULL) == 0 && strcmp(to.user, user) == 0;
}

/* -- the way of a REGISTER
 * --------------------------------------------------------------------------------------------- */

static void registration_updated(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct registration *r = (struct registration *)waiter_find(ticket);
    struct notifier *notifier;
    struct agent *agent;
    char user[NUMBER_TEXT];
    bool fresh;

    if (r == NULL)
        return;
    if (error) {
        registration_fail(r, error);
        return;
    }
    agent = r->registrar->agent;
    notifier = agent->notifier;
    fresh = r->fresh;
    snprintf(user, sizeof user, "%s", r->change.number);
    log_event(LEVEL_DEBUG, "sip", NULL, "registered user=%s contacts=%zu", user, subscriber->binding_count);
    registration_accept(r, subscriber);
    if (agent->handlers->registered)
        agent->handlers->registered(agent->arg, user, subscriber->binding_count);
    if (notifier && subscriber->binding_count)
        notifier_registered(notifier, user, fresh);
}

/*
 * A device that started anew comes with another contact under the same instance: its old one would ring
 * nobody until it expires, so it goes in the same transaction.
 */
static void instances_replace(struct binding_change *change, const struct subscriber *subscriber)
{
    size_t asked = change->count;

    for (size_t i = 0; i < subscriber->binding_count; i++) {
        const struct binding *old = &subscriber->bindings[i];

        if (!old->instance[0] || change_find(change, old->contact))
            continue;
        for (size_t k = 0; k < asked && change->count < BINDINGS_MAX; k++) {
            if (change->bindings[k].expires && strcmp(change->bindings[k].instance, old->instance) == 0) {
                struct binding *gone = &change->bindings[change->count++];

                *gone = change->bindings[k];
                snprintf(gone->contact, sizeof gone->contact, "%s", old->contact);
                gone->expires = 0;
                break;
            }
        }
    }
}

static bool contact_is_fresh(const struct binding_change *change, const struct subscriber *subscriber)
{
    for (size_t k = 0; k < change->count; k++) {
        bool known = change->bindings[k].expires == 0;

        for (size_t i = 0; i < subscriber->binding_count && !known; i++)
            known = strcmp(change->bindings[k].contact, subscriber->bindings[i].contact) == 0;
        if (!known)
            return true;
    }
    return false;
}

/* What is bound now: the answer to a query, or what a change starts from. */
static void registration_found(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct registration *r = (struct registration *)waiter_find(ticket);

    if (r == NULL)
        return;
    if (error == 0 && r->change.count == 0 && !r->change.remove_all) {
        registration_accept(r, subscriber);
        return;
    }
    if (error == 0) {
        r->fresh = contact_is_fresh(&r->change, subscriber);
        instances_replace(&r->change, subscriber);
        error = binding_update(r->registrar->agent->storage, &r->change, ticket, registration_updated);
    }
    if (error)
        registration_fail(r, error);
}

static void registration_authorized(void *arg, nta_incoming_t *irq, const char *user)
{
    struct registration *r = arg;
    struct agent *agent = r->registrar->agent;
    struct wish wish = {0};
    msg_t *msg = NULL;
    const sip_t *sip;
    const char *unmet;
    bool good;
    int error;

    r->irq = irq;
    if (user == NULL) {
        registration_free(r);
        return;
    }
    sip = request_of(irq, &msg);
    snprintf(r->change.number, sizeof r->change.number, "%s", user);
    if (sip == NULL)
        good = wish_refuse(&wish, SIP_500_INTERNAL_SERVER_ERROR);
    else if (!to_is_user(sip, user))
        good = wish_refuse(&wish, SIP_403_FORBIDDEN);
    else if ((unmet = requirement_unmet(sip))) {
        snprintf(wish.header, sizeof wish.header, "Unsupported: %.25s", unmet);
        good = wish_refuse(&wish, SIP_420_BAD_EXTENSION);
    } else if (sip->sip_contact == NULL)
        good = true;
    else if (sip->sip_contact->m_url->url_type == url_any)
        good = star_read(&wish, &r->change, sip);
    else
        good = contacts_read(&wish, agent->settings, &r->change, irq, sip);
    if (msg)
        msg_destroy(msg);
    if (!good) {
        registration_refuse(r, wish.status, wish.phrase, wish.header[0] ? wish.header : NULL);
        return;
    }
    error = subscriber_find(agent->storage, r->change.number, waiter_ticket(&r->waiter), registration_found);
    if (error)
        registration_fail(r, error);
}

void registrar_request(struct registrar *registrar, struct transport *transport, nta_incoming_t *irq,
                       const sip_t *sip)
{
    struct registration *r = calloc(1, sizeof *r);

    (void)transport;
    if (r == NULL) {
        agent_reply(irq, SIP_503_SERVICE_UNAVAILABLE, TAG_END());
        return;
    }
    r->registrar = registrar;
    r->next = registrar->registrations;
    registrar->registrations = r;
    waiter_add(&r->waiter);
    auth_check(registrar->agent->auth, AUTH_REGISTRAR, irq, sip, registration_authorized, r);
}
