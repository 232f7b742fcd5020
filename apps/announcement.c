/*
 * Announcements, RFC 4240 §3: sip:annc@…;play=NAME;repeat=3;delay=1000;duration=20000. What may be played are
 * the names of the catalogue, never a file or address that the caller chooses. A row of the number plan may
 * name what its number plays; a link of a path plays before the answer, and lets the call go on.
 */
#include "apps/apps.h"
#include "core/base/log.h"
#include "core/call/media.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_TEXT 128
#define REPEAT_FOREVER UINT32_MAX
/* §3 recommends that a server bounds "forever": a client that forgets to hang up would hold a port for good.
 */
#define DURATION_MAX_MS (30 * 60 * 1000u)

struct announcement {
    struct phrase phrase;
    uint32_t plays_left, delay_ms, duration_ms;
};

/* The value of a URI parameter (RFC 3261 §19.1.1: names without regard to case); false when it is not there.
 */
static bool param_find(const char *params, const char *name, const char **value, size_t *length)
{
    size_t name_length = strlen(name);

    for (const char *at = params; *at;) {
        size_t whole = strcspn(at, ";");
        if (whole > name_length && !strncasecmp(at, name, name_length) && at[name_length] == '=') {
            *value = at + name_length + 1;
            *length = whole - name_length - 1;
            return true;
        }
        at += whole;
        at += *at == ';';
    }
    return false;
}

/* A decimal number without sign; EINVAL for anything else. Absent: *out stays as it is. */
static int param_number(const char *params, const char *name, uint32_t *out)
{
    const char *value;
    size_t length;
    uint32_t number = 0;

    if (!param_find(params, name, &value, &length))
        return 0;
    if (length == 0 || length > 9)
        return EINVAL;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)value[i]))
            return EINVAL;
        number = number * 10 + (uint32_t)(value[i] - '0');
    }
    *out = number;
    return 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes "%2F" (RFC 3986 §2.1). EINVAL: a broken escape, an escaped NUL, or too long for a name. */
static int unescape(char *out, size_t size, const char *value, size_t length)
{
    size_t n = 0;

    for (size_t i = 0; i < length; i++) {
        char c = value[i];
        if (c == '%') {
            int high = i + 2 < length ? hex_value(value[i + 1]) : -1;
            int low = high >= 0 ? hex_value(value[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0))
                return EINVAL;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (n + 1 >= size)
            return EINVAL;
        out[n++] = c;
    }
    out[n] = '\0';
    return 0;
}

/* "file:///digits/1.wav", "digits/1.wav" and "digits/1" all name the prompt "digits/1". */
static const char *prompt_name(char *text)
{
    static const char *const endings[] = {".wav", ".g722"};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t length = strlen(text), ending = strlen(endings[i]);
        if (length > ending && !strcasecmp(text + length - ending, endings[i]))
            text[length - ending] = '\0';
    }
    if (!strncasecmp(text, "file://", 7))
        text += 7;
    return text + strspn(text, "/");
}

/* 0 or the SIP status of the rejection. */
static int announcement_read(struct announcement *out, const struct prompts *prompts, const char *params)
{
    char text[NAME_MAX_TEXT];
    const char *value;
    size_t length;

    out->plays_left = 1;
    out->duration_ms = DURATION_MAX_MS;
    if (out->phrase.count == 0) {
        if (!param_find(params, "play", &value, &length) || unescape(text, sizeof text, value, length) != 0)
            return 400; /* "play" is the one parameter that must be there */
        say(prompts, &out->phrase, prompt_name(text));
    }
    if (out->phrase.count == 0)
        return 404;
    if (param_find(params, "repeat", &value, &length) && length == 7 && !strncasecmp(value, "forever", 7))
        out->plays_left = REPEAT_FOREVER;
    else if (param_number(params, "repeat", &out->plays_left) != 0)
        return 400;
    if (out->plays_left == 0)
        out->plays_left = 1;
    if (param_number(params, "delay", &out->delay_ms) != 0 ||
        param_number(params, "duration", &out->duration_ms) != 0)
        return 400;
    if (out->duration_ms == 0 || out->duration_ms > DURATION_MAX_MS)
        out->duration_ms = DURATION_MAX_MS;
    return 0;
}

/* One play is over: the next, after the pause that was asked for, or the end of the call. */
static void announcement_played(struct link *link)
{
    struct announcement *announcement = link_state(link);
    struct list list = {0};

    if (announcement->plays_left == 0) {
        link_hangup(link);
        return;
    }
    if (announcement->plays_left != REPEAT_FOREVER)
        announcement->plays_left--;
    /* Never none: should the sound have no length, "forever" would turn as fast as the machine can. */
    list_silence(&list, announcement->delay_ms ? announcement->delay_ms : 20);
    list_phrase(&list, &announcement->phrase);
    link_play(link, &list, announcement_played);
}

static void announcement_answered(struct link *link)
{
    struct announcement *announcement = link_state(link);
    struct list list = {0};

    if (!link_ends(link)) {
        list_silence(&list, 200);
        list_phrase(&list, &announcement->phrase);
        link_play(link, &list, link_continue);
        return;
    }

    if (announcement->plays_left != REPEAT_FOREVER)
        announcement->plays_left--;
    link_after(link, announcement->duration_ms, link_hangup); /* counts pauses, too */
    list_phrase(&list, &announcement->phrase);
    link_play(link, &list, announcement_played);
}

/* "im-sorry vm-nobodyavail": names of the catalogue, one behind the other. */
static void announcement_say(struct announcement *announcement, const struct prompts *prompts,
                             const char *names)
{
    char name[NAME_MAX_TEXT];

    while (*(names += strspn(names, " "))) {
        size_t length = strcspn(names, " ");

        if (length < sizeof name) {
            memcpy(name, names, length);
            name[length] = '\0';
            say(prompts, &announcement->phrase, prompt_name(name));
        }
        names += length;
    }
}

/* On the way to somebody: who makes no offer cannot hear it, and is led on at once. */
static void announcement_pass(struct link *link, const struct announcement *announcement)
{
    if (announcement->phrase.count == 0)
        link_fail(link, "nothing to play");
    else if (!link_early(link))
        link_continue(link);
}

static void announcement_invited(struct link *link, const struct request *request)
{
    struct announcement *announcement = calloc(1, sizeof *announcement);

    if (!announcement) {
        link_reject(link, 500, NULL);
        return;
    }
    link_set_state(link, announcement);
    const struct prompts *prompts = link_prompts(link);
    const char *own = json_string_value(json_object_get(link_service(link, "announcement"), "prompt"));
    announcement_say(announcement, prompts, own ? own : request->argument);
    if (!link_ends(link)) {
        announcement_pass(link, announcement);
        return;
    }
    int status = announcement_read(announcement, prompts, request->params);
    if (status)
        link_reject(link, status, NULL);
    else
        link_answer(link);
}

static void announcement_ended(struct link *link)
{
    free(link_state(link));
}

const struct app announcement_app = {
    .name = "announcement",
    .invited = announcement_invited,
    .answered = announcement_answered,
    .ended = announcement_ended,
};
