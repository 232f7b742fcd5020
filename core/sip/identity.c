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

/* All values of a header that Sofia keeps as text, parsed as addresses with parameters. NULL: none, or
 * nonsense. */
static sip_contact_t *addresses_read(su_home_t *home, const sip_t *sip, const char *name)
{
    char *all = NULL;

    for (const sip_unknown_t *h = sip->sip_unknown; h; h = h->un_next) {
        if (strcasecmp(h->un_name, name) != 0 || !h->un_value || !*h->un_value)
            continue;
        all = all ? su_sprintf(home, "%s, %s", all, h->un_value) : su_strdup(home, h->un_value);
        if (!all)
            return NULL;
    }
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

static bool wants_anonymity(const sip_t *sip)
{
    const url_t *from = sip->sip_from->a_url;

    if (sip->sip_privacy)
        for (const msg_param_t *v = sip->sip_privacy->priv_values; v && *v; v++)
            if (strcasecmp(*v, "id") == 0 || strcasecmp(*v, "user") == 0 || strcasecmp(*v, "header") == 0)
                return true;
    return (from->url_host && strcasecmp(from->url_host, "anonymous.invalid") == 0) ||
           (from->url_user && strcasecmp(from->url_user, "anonymous") == 0);
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
    asserted = peer ? addresses_read(home, sip, "P-Asserted-Identity") : NULL;
    if (asserted)
        error = party_read(&out->from, asserted->m_url, asserted->m_display);
    if (!asserted || error)
        error = party_read(&out->from, sip->sip_from->a_url, sip->sip_from->a_display);
    if (user) {
        snprintf(out->from.user, sizeof out->from.user, "%s", user);
        snprintf(out->from.host, sizeof out->from.host, "%s", realm);
        error = 0;
    }
    if (error == 0)
        error = party_read(&out->target, target, sip->sip_to->a_display);
    if (error)
        goto out;
    out->anonymous = wants_anonymity(sip);
    out->target_params = target->url_params ? target->url_params : "";
    out->user = user;
    out->peer = peer ? peer->name : NULL;
    out->max_forwards = sip->sip_max_forwards ? (unsigned)sip->sip_max_forwards->mf_count : 70;
    (void)token_read(sip, out->token);
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

int identity_write(char *out, size_t size, const struct session_target *target, const char *realm)
{
    struct lines l = {out, size, 0};
    struct party from = target->from;
    su_home_t *home;
    char *address;

    if (size == 0)
        return ENOSPC;
    if (target->route && strpbrk(target->route, "\r\n"))
        return EINVAL;
    *out = '\0';
    /* RFC 3325 §7: identity is asserted inside the trust domain only; Privacy asks the next ones to take it
     * off. */
    if (target->peer && *from.user) {
        home = su_home_new(sizeof *home);
        if (!home)
            return ENOMEM;
        if (!*from.host)
            snprintf(from.host, sizeof from.host, "%s", realm);
        address = party_address(home, &from);
        if (address)
            line_add(&l, "P-Asserted-Identity: %s\r\n", address);
        su_home_unref(home);
        if (target->anonymous)
            line_add(&l, "Privacy: id\r\n");
    }
    diversions_write(&l, target, target->peer || target->token);
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
