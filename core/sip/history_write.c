/*
 * Who sent a call on, written into an INVITE: History-Info (RFC 7044) and Diversion (RFC 5806). What others
 * wrote stays as they wrote it, and our own hops go behind it or, in Diversion, before it; but who asked not
 * to be named is named inside the trust domain only (RFC 7044 §10.1.2, RFC 5806 §4).
 */
#include "core/sip/session_internal.h"

#include <stdio.h>
#include <string.h>

#define NOBODY "sip:anonymous@anonymous.invalid"

/* Whether a hop stands already in the header that came as `kept`. */
static bool hop_stands(const struct diversion *hop, const char *kept)
{
    return kept && hop->heard;
}

/* Whom the far side may know. */
enum view {
    VIEW_ALL,
    VIEW_OPEN, /* whoever does not ask for privacy */
    VIEW_NONE  /* the caller asks for it, of all that went before */
};

static bool hides(enum view view, bool secret)
{
    return view == VIEW_NONE || (view == VIEW_OPEN && secret);
}

/* -- History-Info ---------------------------------------------------------------------------------------- */

/* What is written behind what: index of the entry, and whom it names. */
struct trail {
    char index[INDEX_TEXT + 2 * (DIVERSIONS_MAX + 2)];
    char user[64];
};

/* The user whom an entry names; "": he cannot be told. */
static void trail_name(struct trail *trail, const struct address *address)
{
    su_home_t *home = su_home_new(sizeof *home);
    url_t *url = home ? address_url(home, address) : NULL;
    struct party party;

    *trail->user = '\0';
    if (url && party_read(&party, url, NULL) == 0)
        memcpy(trail->user, party.user, sizeof trail->user);
    su_home_unref(home);
}

static void kept_write(struct lines *l, const char *kept, enum view view, struct trail *trail)
{
    struct address address, last = {0};
    char index[INDEX_TEXT];
    bool first = true;

    for (; address_next(&kept, &address) == 0; first = false, last = address) {
        line_add(l, "%s", first ? "" : ", ");
        if (hides(view, entry_is_secret(&address)))
            line_add(l, "<" NOBODY ">%.*s", (int)address.params_length, address.params);
        else
            line_add(l, "%.*s", (int)address.whole_length, address.whole);
    }
    if (first)
        return;
    (void)entry_index(&last, index);
    snprintf(trail->index, sizeof trail->index, "%s", index);
    trail_name(trail, &last);
}

/* Whom the call went to: a hop that has left him, or, last of all, the target. */
struct stop {
    const char *user, *host;
    int cause; /* of his sending it on */
    bool secret;
};

/* `how`: the parameter of RFC 7044 §10.4, or NULL for the first of all; `cause`: why he of the last entry
 * sent it on. */
static void stop_write(struct lines *l, struct trail *trail, const struct stop *stop, const char *how,
                       int cause, enum view view)
{
    bool answered = stop->cause && stop->cause != 302; /* no response has sent an unconditional one on */
    bool hidden = hides(view, stop->secret);
    size_t length = strlen(trail->index);

    line_add(l, "%s<", how ? ", " : "");
    if (hidden)
        line_add(l, NOBODY);
    else
        line_add_uri(l, stop->user, stop->host);
    if (cause)
        line_add(l, ";cause=%d", cause);
    if (answered)
        line_add(l, "?Reason=SIP%%3Bcause%%3D%d", stop->cause);
    if (stop->secret && !hidden)
        line_add(l, "%cPrivacy=history", answered ? '&' : '?');
    line_add(l, ">;index=%s%s", trail->index, how ? ".1" : "1");
    if (how)
        line_add(l, ";%s=%s", how, trail->index);
    snprintf(trail->index + length, sizeof trail->index - length, "%s", how ? ".1" : "1");
    snprintf(trail->user, sizeof trail->user, "%s", stop->user);
}

static void history_write(struct lines *l, const struct session_target *target, enum view view)
{
    struct trail trail = {0};
    struct stop stops[DIVERSIONS_MAX + 1];
    unsigned count = 0, first = 0;

    for (unsigned i = 0; i < target->diversion_count; i++) {
        const struct diversion *d = &target->diversions[i];

        if (!hop_stands(d, target->history))
            stops[count++] = (struct stop){d->user, d->host, d->cause, d->secret};
    }
    if (!target->history && !count)
        return;
    stops[count] = (struct stop){target->to.user, target->to.host, 0, false};
    line_add(l, "History-Info: ");
    if (target->history)
        kept_write(l, target->history, view, &trail);
    /* He may be the one whom the last entry names. What else leads there from it is a matter of numbers, not
     * a hop. */
    if (!target->history)
        stop_write(l, &trail, &stops[first], NULL, 0, view);
    else if (strcmp(trail.user, stops[0].user) != 0)
        stop_write(l, &trail, &stops[first], "rc", 0, view);
    else if (!count)
        stop_write(l, &trail, &stops[first], "np", 0, view);
    while (++first <= count)
        stop_write(l, &trail, &stops[first], "mp", stops[first - 1].cause, view);
    line_add(l, "\r\n");
}

/* -- Diversion ------------------------------------------------------------------------------------------- */

/* The limit that the newest of the others' entries sets holds on (RFC 5806 §5). */
static void limit_write(struct lines *l, const char *kept)
{
    struct address address;
    char limit[8];

    if (kept && address_next(&kept, &address) == 0 && address_param(&address, "limit", limit, sizeof limit) &&
        *limit && limit[strspn(limit, "0123456789")] == '\0')
        line_add(l, ";limit=%s", limit);
}

static void diverted_write(struct lines *l, const struct session_target *target, enum view view)
{
    const char *kept = target->diverted, *next = "Diversion: ", *limit = kept;
    struct address address;

    for (unsigned i = target->diversion_count; i-- > 0;) {
        const struct diversion *d = &target->diversions[i];

        if (hop_stands(d, kept) || hides(view, d->secret))
            continue;
        line_add(l, "%s<", next);
        line_add_uri(l, d->user, d->host);
        line_add(l, ">;reason=%s;counter=1%s", word_of_cause(d->cause), d->secret ? ";privacy=full" : "");
        limit_write(l, limit);
        limit = NULL;
        next = ", ";
    }
    while (kept && address_next(&kept, &address) == 0) {
        if (hides(view, diverted_is_secret(&address)))
            continue;
        line_add(l, "%s%.*s", next, (int)address.whole_length, address.whole);
        next = ", ";
    }
    if (*next == ',')
        line_add(l, "\r\n");
}

void diversions_write(struct lines *l, const struct session_target *target, bool trusted)
{
    enum view view = trusted                                                ? VIEW_ALL
                     : target->privacy & (PRIVACY_HISTORY | PRIVACY_HEADER) ? VIEW_NONE
                                                                            : VIEW_OPEN;

    diverted_write(l, target, view);
    history_write(l, target, view);
}
