/* Who calls and who is called: read from an INVITE, written into one. */
#include "core/sip/session_internal.h"

#include <ctype.h>
#include <errno.h>
#include <sofia-sip/msg_header.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* -- reading --------------------------------------------------------------------------------------------- */

/* A display name as the parser leaves it: quoted-string or tokens. What does not fit is cut; it is for eyes
 * only. */
static void display_read(char *out, size_t size, const char *display)
{
    size_t used = 0;
    bool quoted = display && *display == '"';

    for (const char *p = display ? display + quoted : ""; *p && used + 1 < size; p++) {
        if (quoted && *p == '"')
            break;
        if (quoted && *p == '\\' && p[1])
            p++;
        if ((unsigned char)*p >= 0x20 && *p != 0x7f)
            out[used++] = *p;
    }
    out[used] = '\0';
}

/* A percent-escaped part of a URI. Control characters, escaped or not, name nobody: EINVAL. */
static int part_read(char *out, size_t size, const char *part)
{
    char text[3 * sizeof((struct party *)0)->host];

    part = part ? part : "";
    if (strlen(part) >= sizeof text)
        return ENOSPC;
    /* RFC 4475 §3.1.1.4: an escaped NUL would end the text early, and another name would stand there. */
    if (strstr(part, "%00"))
        return EINVAL;
    url_unescape(text, part);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return EINVAL;
    return (size_t)snprintf(out, size, "%s", text) < size ? 0 : ENOSPC;
}

int party_read(struct party *out, const url_t *url, const char *display)
{
    int error;

    memset(out, 0, sizeof *out);
    error = part_read(out->user, sizeof out->user, url->url_user);
    if (error == 0)
        error = part_read(out->host, sizeof out->host, url->url_host);
    display_read(out->display, sizeof out->display, display);
    return error;
}

char *header_values(su_home_t *home, const sip_t *sip, const char *name)
{
    char *all = NULL;

    for (const sip_unknown_t *h = sip->sip_unknown; h; h = h->un_next) {
        if (strcasecmp(h->un_name, name) != 0 || !h->un_value || !*h->un_value)
            continue;
        all = all ? su_sprintf(home, "%s, %s", all, h->un_value) : su_strdup(home, h->un_value);
        if (!all)
            return NULL;
    }
    return all;
}

/* Parsed as addresses with parameters. NULL: none, or nonsense. */
static sip_contact_t *addresses_read(su_home_t *home, const sip_t *sip, const char *name)
{
    char *all = header_values(home, sip, name);

    return all ? sip_contact_make(home, all) : NULL;
}

url_t *uri_read(su_home_t *home, const char *text)
{
    /* Sofia takes an empty text for a url_t, and so would read whatever stands behind it as pointers. */
    return *text ? url_make(home, text) : NULL;
}

bool uri_param(const url_t *url, const char *name, char *out, size_t size)
{
    isize_t length = url->url_params ? url_param(url->url_params, name, out, (isize_t)size) : 0;

    /* Sofia gives the length of what does not fit, too, and then has written nothing at all. */
    return length > 0 && length <= (isize_t)size;
}

static const struct {
    const char *word;
    enum privacy value;
} privacies[] = {
    {"none", PRIVACY_NONE},         {"id", PRIVACY_ID},           {"user", PRIVACY_USER},
    {"header", PRIVACY_HEADER},     {"session", PRIVACY_SESSION}, {"history", PRIVACY_HISTORY},
    {"critical", PRIVACY_CRITICAL},
};

static unsigned privacy_read(const sip_t *sip)
{
    unsigned privacy = 0;

    if (sip->sip_privacy)
        for (const msg_param_t *v = sip->sip_privacy->priv_values; v && *v; v++)
            for (size_t i = 0; i < sizeof privacies / sizeof *privacies; i++)
                if (strcasecmp(*v, privacies[i].word) == 0)
                    privacy |= privacies[i].value;
    return privacy;
}

static bool is_anonymous(const url_t *url)
{
    return (url->url_host && strcasecmp(url->url_host, "anonymous.invalid") == 0) ||
           (url->url_user && strcasecmp(url->url_user, "anonymous") == 0);
}

/* Of the two that there may be, a SIP URI and a telephone number (RFC 3325 §9.1), the one that can be called
 * back. */
static const sip_contact_t *asserted_choose(const sip_contact_t *asserted)
{
    for (const sip_contact_t *a = asserted; a; a = a->m_next)
        if (a->m_url->url_type == url_sip || a->m_url->url_type == url_sips)
            return a;
    return asserted;
}

/* Who logged in is who he says; as whom he would like to be shown, he may say where From hides him, of his
 * own number (RFC 3325 §9.2). */
static void user_read(struct party *from, su_home_t *home, const sip_t *sip, const char *user,
                      const char *realm)
{
    const sip_contact_t *wish = addresses_read(home, sip, "P-Preferred-Identity");
    struct party party;

    if (is_anonymous(sip->sip_from->a_url))
        *from->display = '\0';
    snprintf(from->user, sizeof from->user, "%s", user);
    snprintf(from->host, sizeof from->host, "%s", realm);
    for (; wish; wish = wish->m_next)
        if (party_read(&party, wish->m_url, wish->m_display) == 0 && strcmp(party.user, user) == 0 &&
            *party.display)
            memcpy(from->display, party.display, sizeof from->display);
}

/* "fr;q=0.9, en": as many as fit, for a language cut in half would be another. */
static void languages_read(char out[LANGUAGE_RANGE], const sip_t *sip)
{
    size_t used = 0;

    out[0] = '\0';
    for (const sip_accept_language_t *a = sip->sip_accept_language; a && a->aa_value; a = a->aa_next) {
        int length = snprintf(out + used, LANGUAGE_RANGE - used, "%s%s%s%s", used ? "," : "", a->aa_value,
                              a->aa_q ? ";q=" : "", a->aa_q ? a->aa_q : "");
        if (length < 0 || (size_t)length >= LANGUAGE_RANGE - used) {
            out[used] = '\0';
            return;
        }
        used += (size_t)length;
    }
}

int invitation_read(struct invitation *out, const sip_t *sip, const char *user,
                    const struct peer_settings *peer, const char *realm)
{
    const url_t *target = sip->sip_request->rq_url;
    const sip_contact_t *asserted;
    su_home_t *home = su_home_new(sizeof *home);
    int error = 0;

    if (!home)
        return ENOMEM;
    memset(out, 0, sizeof *out);
    asserted =
        peer && peer->trusted ? asserted_choose(addresses_read(home, sip, "P-Asserted-Identity")) : NULL;
    if (asserted)
        error = party_read(&out->from, asserted->m_url, asserted->m_display);
    if (!asserted || error)
        error = party_read(&out->from, sip->sip_from->a_url, sip->sip_from->a_display);
    if (user) {
        user_read(&out->from, home, sip, user, realm);
        error = 0;
    }
    if (error == 0)
        error = party_read(&out->target, target, sip->sip_to->a_display);
    if (error)
        goto out;
    out->privacy = privacy_read(sip);
    out->anonymous =
        (out->privacy & (PRIVACY_ID | PRIVACY_USER | PRIVACY_HEADER)) || is_anonymous(sip->sip_from->a_url);
    out->target_params = target->url_params ? target->url_params : "";
    out->user = user;
    out->peer = peer ? peer->name : NULL;
    out->max_forwards = sip->sip_max_forwards ? (unsigned)sip->sip_max_forwards->mf_count : 70;
    (void)token_read(sip, out->token);
    languages_read(out->language, sip);
out:
    su_home_unref(home);
    return error;
}

bool token_read(const sip_t *sip, char out[SESSION_TOKEN_TEXT])
{
    const char *user = sip->sip_route ? sip->sip_route->r_url->url_user : NULL;

    *out = '\0';
    if (!user || strlen(user) != SESSION_TOKEN_TEXT - 1 || user[strspn(user, "0123456789abcdef")])
        return false;
    memcpy(out, user, SESSION_TOKEN_TEXT);
    return true;
}

/* -- writing --------------------------------------------------------------------------------------------- */

/* A user part: what RFC 3261 §25.1 allows there stands, all else is escaped. */
static void user_escape(char *out, size_t size, const char *user)
{
    size_t used = 0;

    for (const char *p = user; *p && used + 4 < size; p++) {
        if (isalnum((unsigned char)*p) || strchr("-_.!~*'()&=+$,/", *p))
            out[used++] = *p;
        else
            used += (size_t)snprintf(out + used, size - used, "%%%02X", (unsigned char)*p);
    }
    out[used] = '\0';
}

static const char *host_checked(const char *host)
{
    return *host && host[strspn(
                        host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_[]:")] == '\0'
               ? host
               : "invalid";
}

char *party_address(su_home_t *home, const struct party *party)
{
    char user[3 * sizeof party->user + 1], display[2 * sizeof party->display + 1];
    size_t used = 0;

    user_escape(user, sizeof user, party->user);
    for (const char *p = party->display; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            continue;
        if (*p == '"' || *p == '\\')
            display[used++] = '\\';
        display[used++] = *p;
    }
    display[used] = '\0';
    return su_sprintf(home, "%s%s%s<sip:%s%s%s>", used ? "\"" : "", display, used ? "\" " : "", user,
                      *user ? "@" : "", host_checked(party->host));
}

void line_add(struct lines *l, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(l->used < l->size ? l->out + l->used : NULL, l->used < l->size ? l->size - l->used : 0,
                  format, arguments);
    va_end(arguments);
    l->used += n > 0 ? (size_t)n : 0;
}

void line_add_uri(struct lines *l, const char *user, const char *host)
{
    char escaped[3 * sizeof((struct party *)0)->user + 1];

    user_escape(escaped, sizeof escaped, user);
    line_add(l, "sip:%s%s%s", escaped, *escaped ? "@" : "", host_checked(host));
}

void contact_write(char *out, size_t size, const char *user, const char *place, enum wire wire, bool focus)
{
    struct lines l = {.out = out, .size = size};

    line_add(&l, "<");
    line_add_uri(&l, user, place);
    line_add(&l, "%s>%s", wire == WIRE_TCP ? ";transport=tcp" : "", focus ? ";isfocus" : "");
}

/* What those inside the trust domain are asked to do when the call leaves it; outside of it, it has been
 * done. */
static void privacy_write(struct lines *l, const struct session_target *target)
{
    unsigned privacy = target->privacy;
    const char *next = "Privacy: ";

    if (!target->anonymous)
        privacy &= ~(unsigned)(PRIVACY_ID | PRIVACY_USER | PRIVACY_HEADER);
    else if (!(privacy & (PRIVACY_ID | PRIVACY_USER | PRIVACY_HEADER)))
        privacy = (privacy & ~(unsigned)PRIVACY_NONE) | PRIVACY_ID;
    if (privacy == PRIVACY_CRITICAL)
        return;
    for (size_t i = 0; i < sizeof privacies / sizeof *privacies; i++)
        if (privacy & privacies[i].value) {
            line_add(l, "%s%s", next, privacies[i].word);
            next = ";";
        }
    if (*next == ';')
        line_add(l, "\r\n");
}

int identity_write(char *out, size_t size, const struct session_target *target,
                   const struct settings *settings)
{
    /* An application server of ours belongs to the trust domain (3GPP TS 24.229 §4.4). */
    bool trusted = target->token || settings_trusts(settings, target->peer);
    struct lines l = {out, size, 0};
    struct party from = target->from;
    su_home_t *home;
    char *address;

    if (size == 0)
        return ENOSPC;
    if (target->route && strpbrk(target->route, "\r\n"))
        return EINVAL;
    *out = '\0';
    /* RFC 3325 §7: identity is asserted inside the trust domain only. */
    if (trusted && *from.user) {
        home = su_home_new(sizeof *home);
        if (!home)
            return ENOMEM;
        if (!*from.host)
            snprintf(from.host, sizeof from.host, "%s", settings->realm);
        address = party_address(home, &from);
        if (address)
            line_add(&l, "P-Asserted-Identity: %s\r\n", address);
        su_home_unref(home);
    }
    if (trusted)
        privacy_write(&l, target);
    diversions_write(&l, target, trusted);
    if (*target->referrer.user) {
        home = su_home_new(sizeof *home);
        address = home ? party_address(home, &target->referrer) : NULL;
        if (address)
            line_add(&l, "Referred-By: %s\r\n", address);
        su_home_unref(home);
    }
    if (target->replaces && !strpbrk(target->replaces, "\r\n"))
        line_add(&l, "Replaces: %s\r\nRequire: replaces\r\n", target->replaces);
    if (target->route && *target->route)
        line_add(&l, "Route: %s\r\n", target->route);
    return l.used < size ? 0 : ENOSPC;
}
