/*
 * A session's frame: its making, its end, and what its owner hears. What it says on the wire is in the files
 * by verb: session_uas.c, session_uac.c, session_modify.c, session_timer.c, session_dialog.c.
 */
#include "core/sip/session_internal.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/su_tagarg.h>

#include "core/base/log.h"

#define ENDED_MAX 256 /* dialogs whose names are remembered */

struct session_list {
    struct agent *agent;
    struct session *first;
    bool closing;
    uint64_t ended[ENDED_MAX]; /* by their names' hashes */
    unsigned ended_next;
};

int sessions_new(struct session_list **out, struct agent *agent)
{
    struct session_list *list = calloc(1, sizeof *list);

    if (!list)
        return ENOMEM;
    list->agent = agent;
    *out = list;
    return 0;
}

void sessions_free(struct session_list *list)
{
    if (!list)
        return;
    while (list->first) {
        struct session *s = list->first;

        session_enter(s);
        s->released = true;
        /* BYE, CANCEL or 503 leave at once; nobody waits for what they bring. */
        if (s->state == SESSION_UP || s->state == SESSION_ANSWERED)
            session_bye(s, NULL);
        session_over(s);
        session_leave(s);
    }
    free(list);
}

/* The user part is for people who read traces; one that would need escapes is left out. */
static sip_contact_t *contact_new(su_home_t *home, const struct sockaddr_storage *local, enum wire wire,
                                  const char *user)
{
    char address[HOST_PORT_TEXT];
    size_t plain = 0;

    while (isalnum((unsigned char)user[plain]) || (user[plain] && strchr("*+-_.", user[plain])))
        plain++;
    if (user[plain] != '\0')
        user = "";
    address_text(local, true, address);
    return sip_contact_format(home, "<sip:%s%s%s%s>", user, *user ? "@" : "", address,
                              wire == WIRE_TCP ? ";transport=tcp" : "");
}

int session_new(struct session **out, struct session_list *list, struct transport *transport,
                const struct sockaddr_storage *remote, enum wire wire, const char *user)
{
    struct session *s = su_home_new(sizeof *s);

    if (!s)
        return ENOMEM;
    s->list = list;
    s->agent = list->agent;
    s->transport = transport;
    s->remote = *remote;
    transport_address(transport, remote, &s->local);
    s->contact = contact_new(s->home, &s->local, wire, user);
    if (!s->contact) {
        su_home_unref(s->home);
        return ENOMEM;
    }
    s->timer.min_se_s = s->agent->settings->session_min_se_s < 90 ? 90 : s->agent->settings->session_min_se_s;
    s->next = list->first;
    s->place = &list->first;
    if (s->next)
        s->next->place = &s->next;
    list->first = s;
    s->agent->stats.sessions++;
    *out = s;
    return 0;
}

void session_enter(struct session *s)
{
    s->busy++;
}

void session_leave(struct session *s)
{
    if (--s->busy > 0 || !s->released || s->state != SESSION_OVER)
        return;
    *s->place = s->next;
    if (s->next)
        s->next->place = s->place;
    s->agent->stats.sessions--;
    su_home_unref(s->home);
}

/* From whichever end the tags are seen. */
static uint64_t name_hash(const char *call_id, const char *one, const char *other)
{
    uint64_t hash = 14695981039346656037U, tags = 0;

    for (; *call_id; call_id++)
        hash = (hash ^ (unsigned char)*call_id) * 1099511628211U;
    for (const char *tag = one; tag; tag = tag == one ? other : NULL) {
        uint64_t own = hash;

        for (const char *p = tag; *p; p++)
            own = (own ^ (unsigned char)*p) * 1099511628211U;
        tags += own;
    }
    return tags;
}

/* RFC 3891 §3: who would take over what has just ended is told so. */
static void session_remember(struct session *s)
{
    struct session_list *list = s->list;
    const char *own, *theirs;

    session_tags(s, &own, &theirs);
    if (s->leg && s->call_id && *theirs)
        list->ended[list->ended_next++ % ENDED_MAX] = name_hash(s->call_id, own, theirs);
}

struct session *session_find(struct agent *agent, const struct dialog_name *name, bool *ended)
{
    uint64_t hash = name_hash(name->call_id, name->to_tag, name->from_tag);

    *ended = false;
    for (struct session *s = agent->sessions->first; s; s = s->next) {
        const char *own, *theirs;

        if (!s->leg || !s->call_id || s->state >= SESSION_ENDING || s->released ||
            strcmp(s->call_id, name->call_id) != 0)
            continue;
        session_tags(s, &own, &theirs);
        if ((strcmp(own, name->to_tag) == 0 && strcmp(theirs, name->from_tag) == 0) ||
            (strcmp(theirs, name->to_tag) == 0 && strcmp(own, name->from_tag) == 0))
            return s;
    }
    for (unsigned i = 0; i < ENDED_MAX; i++)
        *ended = *ended || agent->sessions->ended[i] == hash;
    return NULL;
}

void session_over(struct session *s)
{
    if (s->state != SESSION_OVER)
        session_remember(s);
    notifier_part(s);
    refer_part(s);
    s->state = SESSION_OVER;
    early_stop(s);
    earlies_free(s);
    errands_free(s);
    timer_stop(&s->timer.timer);
    session_modify_stop(s);
    /* Where no final response was sent yet, nta sends 500 for us; who means another one has sent it before.
     */
    nta_incoming_destroy(s->irq);
    s->irq = NULL;
    if (s->orq && nta_outgoing_status(s->orq) < 200)
        (void)nta_outgoing_cancel(s->orq);
    nta_outgoing_destroy(s->orq);
    s->orq = NULL;
    nta_outgoing_destroy(s->bye);
    s->bye = NULL;
    nta_leg_destroy(s->leg);
    s->leg = NULL;
}

static int session_bye_response(struct session *s, nta_outgoing_t *orq, const sip_t *sip)
{
    if (nta_outgoing_status(orq) < 200)
        return 0;
    session_enter(s);
    /* Any final response ends it: a dialog that the far side does not know is over as well (RFC 3261
     * §15.1.1). */
    if (!request_retry(s, &s->bye, sip, session_bye_response))
        session_over(s);
    session_leave(s);
    return 0;
}

void session_bye(struct session *s, const char *reason)
{
    timer_stop(&s->timer.timer);
    session_modify_stop(s);
    if (s->irq && nta_incoming_status(s->irq) < 200)
        /* RFC 3261 §15.1.2: what is open in the dialog ends with it. */
        nta_incoming_treply(s->irq, SIP_487_REQUEST_TERMINATED, SIPTAG_HEADER_STR(session_id_line(s, true)),
                            TAG_END());
    nta_incoming_destroy(s->irq);
    s->irq = NULL;
    s->state = SESSION_ENDING;
    s->bye =
        request_send(s, s->leg, session_bye_response, s->next_hop, SIP_METHOD_BYE, (url_string_t *)s->uri,
                     SIPTAG_USER_AGENT_STR("confab"), SIPTAG_HEADER_STR(session_id_line(s, true)),
                     TAG_IF(reason, SIPTAG_REASON_STR(reason)), TAG_END());
    if (!s->bye)
        session_over(s);
}

bool session_has_owner(const struct session *s)
{
    return s->handlers && !s->released;
}

void session_tell_ended(struct session *s, int status, const char *reason)
{
    const struct session_handlers *handlers = s->handlers;

    if (!session_has_owner(s))
        return;
    s->handlers = NULL;
    handlers->ended(s->owner, status, reason ? reason : "");
}

void session_tell_seen(struct session *s, bool sent, const char *message, int status, const char *detail)
{
    if (session_has_owner(s) && s->handlers->seen)
        s->handlers->seen(s->owner, sent, message, status, detail);
}

void session_note_request(struct session *s, bool sent, sip_method_t method, int status)
{
    bool first = s->state == SESSION_CALLING && sent && method == sip_method_invite;

    if (first || method == sip_method_ack || method == sip_method_bye || method == sip_method_cancel)
        return;
    session_tell_seen(s, sent, sip_method_name(method, "unknown"), status, NULL);
}

void session_note_response(struct session *s, bool sent, int status, sip_method_t method)
{
    session_tell_seen(s, sent, "response", status, sip_method_name(method, "unknown"));
}

void session_note_ack(struct session *s, bool sent)
{
    session_tell_seen(s, sent, "ACK", 0, NULL);
}

void session_reply(struct session *s, nta_incoming_t *irq, int status, const char *phrase, tag_type_t tag,
                   tag_value_t value, ...)
{
    ta_list tags;

    if (nta_incoming_method(irq) != sip_method_bye)
        session_note_response(s, true, status, nta_incoming_method(irq));
    ta_start(tags, tag, value);
    agent_reply(irq, status, phrase, ta_tags(tags));
    (void)ta_end(tags);
}

void session_abort(struct session *s, int status, const char *phrase, const char *reason)
{
    log_event(LEVEL_INFO, "sip", s->call_id, "session-aborted status=%d why=\"%s\"", status, phrase);
    session_bye(s, reason);
    session_tell_ended(s, status, reason ? reason : phrase);
}

void session_set_local_sdp(struct session *s, const char *sdp)
{
    char *copy = su_strdup(s->home, sdp);

    if (!copy)
        return; /* the older one stands for a refresh */
    su_free(s->home, s->local_sdp);
    s->local_sdp = copy;
}

char *session_sdp_of(struct session *s, const sip_t *sip)
{
    size_t length;
    const char *sdp = body_sdp(sip, &length);

    return sdp ? su_strndup(s->home, sdp, length) : NULL;
}

void session_note_peer(struct session *s, const sip_t *sip)
{
    if (sip->sip_allow)
        s->peer_updates = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);
    if (sip->sip_allow)
        s->refers_not = !sip_is_allowed(sip->sip_allow, SIP_METHOD_REFER);
}

const char *session_reason_of(const sip_t *sip, char *out, size_t size)
{
    size_t used = 0;

    /* RFC 3326 §2: one value a protocol. What does not fit is left out whole, for half a text is none. */
    for (const sip_reason_t *r = sip->sip_reason; r; r = r->re_next) {
        int n;

        if (!r->re_protocol || !r->re_cause)
            continue;
        n = snprintf(out + used, size - used, "%s%s;cause=%s%s%s", used ? ", " : "", r->re_protocol,
                     r->re_cause, r->re_text ? ";text=" : "", r->re_text ? r->re_text : "");
        if (n < 0 || (size_t)n >= size - used)
            break;
        used += (size_t)n;
    }
    out[used] = '\0';
    return used ? out : NULL;
}

const url_t *contact_url(const sip_t *sip)
{
    const sip_contact_t *m = sip->sip_contact;

    if (!m || (m->m_url->url_type != url_sip && m->m_url->url_type != url_sips) || !m->m_url->url_host ||
        !*m->m_url->url_host)
        return NULL;
    return m->m_url;
}

/* -- for the owner --------------------------------------------------------------------------------------- */

void session_tags(const struct session *s, const char **own, const char **theirs)
{
    const char *local = s->leg ? nta_leg_get_tag(s->leg) : NULL;
    const char *remote = s->leg ? nta_leg_get_rtag(s->leg) : NULL;

    *own = local ? local : "";
    *theirs = remote ? remote : "";
    /* The first that spoke. */
    for (const struct early *early = s->earlies; early && !remote; early = early->next)
        *theirs = early->tag;
}

unsigned session_fork(const struct session *s)
{
    return s->fork;
}

bool session_is_reliable(const struct session *s)
{
    return s->reliable.required || (s->reliable.supported && s->agent->settings->prack);
}

void session_own(struct session *s, const struct session_handlers *handlers, void *owner)
{
    s->handlers = handlers;
    s->owner = owner;
}

void *session_owner(const struct session *s)
{
    return s->released ? NULL : s->owner;
}

const char *session_call_id(const struct session *s)
{
    return s->call_id;
}

void session_set_focus(struct session *s, const char *user)
{
    char text[HOST_PORT_TEXT + 3 * sizeof((struct party *)0)->user + 40], address[HOST_PORT_TEXT],
        transport[8];
    sip_contact_t *contact;

    if (!s->plain)
        s->plain = s->contact;
    s->contact = s->plain;
    if (!user)
        return;
    address_text(&s->local, true, address);
    contact_write(text, sizeof text, user, address,
                  uri_param(s->plain->m_url, "transport", transport, sizeof transport) ? WIRE_TCP : WIRE_UDP,
                  true);
    contact = sip_contact_make(s->home, text);
    if (contact)
        s->contact = contact;
    if (contact && s->state == SESSION_UP)
        session_tell_contact(s);
}

const char *session_events(const struct session *s)
{
    return s->plain && s->contact != s->plain ? "conference, refer" : NULL;
}

void session_local_address(const struct session *s, struct sockaddr_storage *out)
{
    *out = s->local;
    if (out->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)out)->sin6_port = 0;
    else
        ((struct sockaddr_in *)out)->sin_port = 0;
}

void session_remote_address(const struct session *s, struct sockaddr_storage *out)
{
    *out = s->remote;
}

void session_release(struct session *s, int status, const char *reason)
{
    session_enter(s);
    s->released = true;
    switch (s->state) {
    case SESSION_INCOMING:
        session_reject(s, status >= 300 ? status : 480, NULL, NULL, 0);
        break;
    case SESSION_ANSWERED:
        /* RFC 3261 §15: no BYE from the callee before the ACK has come, or its time is up. */
        s->end_reason = reason ? su_strdup(s->home, reason) : NULL;
        break;
    case SESSION_CALLING:
        s->state = SESSION_CANCELLING;
        (void)nta_outgoing_tcancel(s->orq, NULL, NULL, SIPTAG_HEADER_STR(session_id_line(s, true)),
                                   TAG_IF(reason, SIPTAG_REASON_STR(reason)), TAG_END());
        break;
    case SESSION_UP:
        if (refer_delays_end(s)) {
            timer_stop(&s->timer.timer);
            s->state = SESSION_ENDING;
            s->end_reason = reason ? su_strdup(s->home, reason) : NULL;
        } else {
            session_bye(s, reason);
        }
        break;
    case SESSION_CANCELLING:
    case SESSION_ENDING:
    case SESSION_OVER:
        break;
    }
    session_leave(s);
}
