/*
 * Who sent a call on, read from an INVITE: History-Info (RFC 7044; RFC 4244 had neither rc, mp nor np),
 * Diversion (RFC 5806) and the target of RFC 4458.
 *
 * Both headers are read as the text that they came as, for as such they go on.
 */
#include "core/sip/session_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENTRIES_MAX 256 /* more is no call's history: every hop costs one of Max-Forwards' 70 */

/* -- one value of many ----------------------------------------------------------------------------------- */

/* The end of a quoted string that begins at `p`; NULL: it has none. */
static const char *quoted_end(const char *p)
{
    for (p++; *p && *p != '"'; p++)
        if (*p == '\\' && !*++p)
            return NULL;
    return *p ? p : NULL;
}

/* "<uri>;params" or "uri;params": what stands before '<' is a display name, and for eyes only. */
static void address_split(struct address *out)
{
    const char *end = out->whole + out->whole_length, *p = out->whole;

    while (p < end && *p != '<' && *p != ';')
        p = *p == '"' ? quoted_end(p) + 1 : p + 1;
    if (p < end && *p == '<') {
        out->uri = p + 1;
        out->params = memchr(p, '>', (size_t)(end - p));
        out->uri_length = (size_t)(out->params++ - out->uri);
    } else {
        out->uri = out->whole;
        out->uri_length = strcspn(out->whole, "; \t");
        if (out->uri_length > out->whole_length)
            out->uri_length = out->whole_length;
        out->params = out->uri + out->uri_length;
    }
    out->params_length = (size_t)(end - out->params);
}

int address_next(const char **at, struct address *out)
{
    const char *p = *at + strspn(*at, ", \t");

    if (!*p)
        return ENOENT;
    *out = (struct address){.whole = p};
    for (; *p && *p != ','; p++) {
        p = *p == '"' ? quoted_end(p) : *p == '<' ? strchr(p, '>') : p;
        if (!p)
            return EINVAL;
    }
    *at = p;
    out->whole_length = (size_t)(p - out->whole);
    while (strchr(" \t", out->whole[out->whole_length - 1]))
        out->whole_length--;
    address_split(out);
    return 0;
}

bool address_param(const struct address *address, const char *name, char *out, size_t size)
{
    const char *p = address->params, *end = p + address->params_length;
    size_t length = strlen(name), used = 0;

    for (; p < end; p++) {
        bool hit;

        /* Without <> these begin at the first ';', which may stand within quotes. */
        p = *p == '"' ? quoted_end(p) : *p == '<' ? strchr(p, '>') : p;
        if (!p)
            return false;
        if (*p != ';')
            continue;
        p += 1 + strspn(p + 1, " \t");
        hit = strncasecmp(p, name, length) == 0 && p + length <= end && !isalnum((unsigned char)p[length]) &&
              p[length] != '-';
        if (!hit) {
            p--;
            continue;
        }
        p += length + strspn(p + length, " \t");
        if (p < end && *p == '=')
            p += 1 + strspn(p + 1, " \t\"");
        for (; p < end && !strchr("; \t\"", *p) && used + 1 < size; p++)
            out[used++] = *p;
        out[used] = '\0';
        return true;
    }
    return false;
}

url_t *address_url(su_home_t *home, const struct address *address)
{
    char *text = su_strndup(home, address->uri, (isize_t)address->uri_length);

    return text ? uri_read(home, text) : NULL;
}

/* -- causes ---------------------------------------------------------------------------------------------- */

/* RFC 5806's words in RFC 4458's numbers. */
static const struct {
    const char *reason;
    int cause;
} causes[] = {
    {"unknown", 404},        {"user-busy", 486},   {"no-answer", 408},      {"unconditional", 302},
    {"unavailable", 503},    {"away", 480},        {"do-not-disturb", 486}, {"deflection", 480},
    {"out-of-service", 503}, {"time-of-day", 404}, {"follow-me", 404},
};

static int cause_of_word(const char *reason)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (strcasecmp(reason, causes[i].reason) == 0)
            return causes[i].cause;
    return 0;
}

const char *word_of_cause(int cause)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (causes[i].cause == cause)
            return causes[i].reason;
    return "unknown";
}

static int cause_of_text(const char *text)
{
    long cause = strtol(text, NULL, 10);

    return cause >= 100 && cause <= 699 ? (int)cause : 0;
}

static int cause_of_uri(const url_t *url)
{
    char cause[8];

    return uri_param(url, "cause", cause, sizeof cause) ? cause_of_text(cause) : 0;
}

/* RFC 7044 §5.1: a Reason escaped into the entry that was left. */
static int cause_of_escaped_reason(const url_t *url)
{
    const char *at = url->url_headers ? strcasestr(url->url_headers, "cause%3D") : NULL;

    return at ? cause_of_text(at + strlen("cause%3D")) : 0;
}

/* -- hops ------------------------------------------------------------------------------------------------ */

static bool diversion_set(struct diversion *out, const url_t *url, int cause)
{
    struct party party;

    if (party_read(&party, url, NULL) != 0 || !*party.user)
        return false;
    memcpy(out->user, party.user, sizeof out->user);
    memcpy(out->host, party.host, sizeof out->host);
    out->cause = cause;
    return true;
}

/* Hops in the order in which they are found, the latest first. A full list keeps the latest and the very
 * first. */
static void hops_add(struct diversion *hops, unsigned *count, const struct diversion *hop)
{
    if (*count == DIVERSIONS_MAX)
        --*count;
    hops[(*count)++] = *hop;
}

static void hops_turn(struct diversion *hops, unsigned count)
{
    for (unsigned i = 0; i < count / 2; i++) {
        struct diversion hop = hops[i];

        hops[i] = hops[count - 1 - i];
        hops[count - 1 - i] = hop;
    }
}

/* -- History-Info ---------------------------------------------------------------------------------------- */

struct entry {
    url_t *url;
    char index[INDEX_TEXT],
        from[INDEX_TEXT]; /* from: the entry that it was made of; "" when it does not say */
    enum { ENTRY_PLAIN, ENTRY_MAPPED, ENTRY_SAME } kind;
    bool secret;
};

bool entry_is_secret(const struct address *address)
{
    static const char name[] = "Privacy=";
    const char *end = address->uri + address->uri_length;
    const char *p = memchr(address->uri, '?', address->uri_length);

    /* "none" says that he has nothing to hide (RFC 3323 §4.2). */
    for (; p && p < end; p++)
        if (strncasecmp(p, name, sizeof name - 1) == 0)
            return strncasecmp(p + sizeof name - 1, "none", 4) != 0;
    return false;
}

bool entry_index(const struct address *address, char out[INDEX_TEXT])
{
    char text[INDEX_TEXT + 1];

    *out = '\0';
    if (!address_param(address, "index", text, sizeof text) || strlen(text) >= INDEX_TEXT || !*text ||
        text[strspn(text, "0123456789.")])
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static int entry_read(struct entry *out, su_home_t *home, const struct address *address)
{
    out->url = address_url(home, address);
    if (!out->url)
        return EINVAL;
    (void)entry_index(address, out->index);
    out->secret = entry_is_secret(address);
    if (address_param(address, "mp", out->from, sizeof out->from))
        out->kind = ENTRY_MAPPED;
    else if (address_param(address, "rc", out->from, sizeof out->from) ||
             address_param(address, "np", out->from, sizeof out->from))
        out->kind = ENTRY_SAME;
    return 0;
}

/* The entry, of those before entries[i], that it was made of: as it says, else its parent in the tree, else
 * the one before. */
static size_t entry_origin(const struct entry *entries, size_t i)
{
    const char *name = entries[i].from;
    char parent[INDEX_TEXT];
    char *dot;

    if (!*name) {
        snprintf(parent, sizeof parent, "%s", entries[i].index);
        dot = strrchr(parent, '.');
        if (dot)
            *dot = '\0';
        name = dot ? parent : "";
    }
    for (size_t k = i; *name && k-- > 0;)
        if (strcmp(entries[k].index, name) == 0)
            return k;
    return i - 1;
}

/* Why the call left entries[from] for entries[to]: the new URI says (RFC 4458), or a response that came
 * between. */
static int entry_cause(const struct entry *entries, size_t from, size_t to)
{
    int cause = cause_of_uri(entries[to].url);

    for (size_t k = to; !cause && k-- > from;)
        cause = cause_of_escaped_reason(entries[k].url);
    return cause;
}

static bool entries_differ(const struct entry *a, const struct entry *b)
{
    const char *x = a->url->url_user, *y = b->url->url_user;

    return !x || !y || strcmp(x, y) != 0;
}

/* From the last entry, which is where the call is now, up the tree: what stands beside that way has failed.
 */
static void entries_walk(const struct entry *entries, size_t count, struct diversion *hops,
                         unsigned *hop_count)
{
    bool typed = false;

    for (size_t i = 0; i < count; i++)
        typed = typed || entries[i].kind != ENTRY_PLAIN;
    for (size_t i = count - 1, from; i > 0; i = from) {
        struct diversion hop = {.heard = true};
        int cause;

        from = entry_origin(entries, i);
        if (entries[i].kind == ENTRY_SAME)
            continue;
        cause = entry_cause(entries, from, i);
        if (entries[i].kind == ENTRY_PLAIN && !cause_of_uri(entries[i].url) &&
            (typed || !entries_differ(&entries[from], &entries[i])))
            continue;
        /* Of a contact that was left its owner is the one who diverted the call. */
        while (from > 0 && entries[from].kind == ENTRY_SAME)
            from = entry_origin(entries, from);
        hop.secret = entries[from].secret;
        if (diversion_set(&hop, entries[from].url, cause))
            hops_add(hops, hop_count, &hop);
    }
    hops_turn(hops, *hop_count);
}

/* How many values there are; 0 as well for too many, or nonsense. */
static size_t addresses_count(const char *text)
{
    struct address address;
    size_t count = 0;
    int error;

    while ((error = address_next(&text, &address)) == 0 && count <= ENTRIES_MAX)
        count++;
    return error == ENOENT ? count : 0;
}

int history_read(const char *text, struct diversion hops[DIVERSIONS_MAX], unsigned *hop_count)
{
    size_t count = addresses_count(text), read = 0;
    su_home_t *home = count ? su_home_new(sizeof *home) : NULL;
    struct entry *entries = home ? su_zalloc(home, (isize_t)(count * sizeof *entries)) : NULL;
    struct address address;
    int error = entries ? 0 : count ? ENOMEM : EINVAL;

    *hop_count = 0;
    while (!error && read < count && address_next(&text, &address) == 0)
        error = entry_read(&entries[read++], home, &address);
    if (!error)
        entries_walk(entries, count, hops, hop_count);
    su_home_unref(home);
    return error;
}

/* -- Diversion ------------------------------------------------------------------------------------------- */

bool diverted_is_secret(const struct address *address)
{
    char privacy[16];

    return address_param(address, "privacy", privacy, sizeof privacy) &&
           (strcasecmp(privacy, "full") == 0 || strcasecmp(privacy, "uri") == 0);
}

/* Each proxy puts its own on top (RFC 5806 §4): the last is the first that diverted. */
int diverted_read(const char *text, struct diversion hops[DIVERSIONS_MAX], unsigned *count)
{
    su_home_t *home = addresses_count(text) ? su_home_new(sizeof *home) : NULL;
    struct address address;

    *count = 0;
    if (!home)
        return EINVAL;
    while (address_next(&text, &address) == 0) {
        struct diversion hop = {.heard = true, .secret = diverted_is_secret(&address)};
        url_t *url = address_url(home, &address);
        char reason[32] = "";

        (void)address_param(&address, "reason", reason, sizeof reason);
        if (url && diversion_set(&hop, url, cause_of_word(reason)))
            hops_add(hops, count, &hop);
    }
    su_home_unref(home);
    hops_turn(hops, *count);
    return 0;
}

/* -- all of an INVITE ------------------------------------------------------------------------------------ */

/* All values of a header as one text without line breaks. NULL: there are none. */
static char *values_join(su_home_t *home, const sip_t *sip, const char *name)
{
    char *all = header_values(home, sip, name);

    for (char *p = all; p && *p; p++) {
        if (strchr("\r\n\t", *p))
            *p = ' ';
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return NULL;
    }
    return all;
}

/* It can be gone on with behind its last entry. */
static bool history_is_open(const char *text)
{
    char index[INDEX_TEXT] = "";
    struct address address;

    while (address_next(&text, &address) == 0)
        if (!entry_index(&address, index))
            return false;
    return *index;
}

/* RFC 4458 §2: the Request-URI itself may name the mailbox's owner and the cause. */
static bool diversion_of_target(struct diversion *out, su_home_t *home, const url_t *target)
{
    char text[256];
    url_t *url;

    if (!uri_param(target, "target", text, sizeof text))
        return false;
    url_unescape(text, text);
    url = uri_read(home, text);
    return url && url->url_user && diversion_set(out, url, cause_of_uri(target));
}

/* Whom the Request-URI names is the first, whatever else is told. */
static void diversion_lead(struct invitation *out, const struct diversion *owner)
{
    struct diversion first = *owner;
    unsigned at = 0;

    while (at < out->diversion_count && strcmp(out->diversions[at].user, owner->user) != 0)
        at++;
    if (at < out->diversion_count) {
        first = out->diversions[at];
        first.cause = owner->cause ? owner->cause : first.cause;
    } else if (at == DIVERSIONS_MAX) {
        at = 0;
    } else {
        out->diversion_count++;
    }
    memmove(&out->diversions[1], &out->diversions[0], at * sizeof out->diversions[0]);
    out->diversions[0] = first;
    out->diversions[0].owner = true;
}

/* RFC 3455 §4.2: a proxy that gave the Request-URI to a contact says for whom it was. */
static const url_t *url_of_called_party(su_home_t *home, const sip_t *sip)
{
    const char *text = values_join(home, sip, "P-Called-Party-ID");
    struct address address;

    return text && address_next(&text, &address) == 0 ? address_url(home, &address) : NULL;
}

/* The entry that RFC 7044 §9.1 would have the Request-URI put behind: a server that changed it and wrote none
 * of its own leaves the one before as the last. */
static const url_t *url_of_last_entry(su_home_t *home, const char *text)
{
    struct address address, last = {0};

    while (text && address_next(&text, &address) == 0)
        last = address;
    return last.whole ? address_url(home, &last) : NULL;
}

/* Where no hop is told, the address may still be that of whom the caller wanted. */
static void called_read(struct invitation *out, su_home_t *home, const sip_t *sip, const char *history)
{
    const url_t *places[] = {url_of_called_party(home, sip), url_of_last_entry(home, history),
                             sip->sip_to ? sip->sip_to->a_url : NULL};
    const char *target = sip->sip_request->rq_url->url_user;
    struct party party;

    for (size_t i = 0; i < sizeof places / sizeof places[0] && !*out->called; i++)
        if (places[i] && party_read(&party, places[i], NULL) == 0 &&
            (!target || strcmp(party.user, target) != 0))
            memcpy(out->called, party.user, sizeof out->called);
}

void diversions_read(struct invitation *out, su_home_t *home, const sip_t *sip, bool trusted)
{
    struct diversion owner = {0};
    char *history = trusted ? values_join(home, sip, "History-Info") : NULL;
    char *diverted = trusted ? values_join(home, sip, "Diversion") : NULL;
    struct diversion hops[DIVERSIONS_MAX];
    unsigned count;

    if (diverted && diverted_read(diverted, hops, &count) == 0) {
        memcpy(out->diversions, hops, count * sizeof *hops);
        out->diversion_count = count;
        out->diverted = strlen(diverted) < DIVERTED_TEXT ? diverted : NULL;
    }
    /* It tells more, and whoever writes both writes the same into them (RFC 7544 §3). */
    if (history && history_read(history, hops, &count) == 0) {
        if (count)
            memcpy(out->diversions, hops, count * sizeof *hops);
        out->diversion_count = count ? count : out->diversion_count;
        out->history = strlen(history) < HISTORY_TEXT && history_is_open(history) ? history : NULL;
    }
    if (trusted)
        called_read(out, home, sip, history);
    if (diversion_of_target(&owner, home, sip->sip_request->rq_url))
        diversion_lead(out, &owner);
}
