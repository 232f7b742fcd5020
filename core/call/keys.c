/*
 * Play and ask: what an application says, and the keys that its caller presses. One continuation waits at a
 * time, and a newer play, ask or recording replaces it.
 */
#include "core/call/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void typed_add(struct typed *typed, char key)
{
    if (typed->count < TYPED_MAX)
        typed->keys[typed->count++] = key;
}

char typed_take(struct typed *typed)
{
    char key = typed->count ? typed->keys[0] : 0;

    if (key)
        memmove(typed->keys, typed->keys + 1, --typed->count);
    return key;
}

/* What the timer means follows from the mode that runs. */
static void media_expired(void *arg);

/* One timer serves all modes, for one continuation waits at a time. */
static void media_wait(struct link *link, uint32_t ms)
{
    if (timer_start(link->call->server->loop, &link->media.timer, ms, media_expired, link))
        call_end_soon(link->call, 500, NULL);
}

void media_fail_soon(struct link *link)
{
    media_wait(link, 0);
}

/* Ends what plays or records and forgets the continuation. Keys typed ahead stay: they are for the next
 * question. */
void media_clear(struct link *link)
{
    struct media *media = &link->media;
    struct mixer *mixer = link->call->server->mixer;
    port_id port = link->call->caller->port;

    timer_stop(&media->timer);
    if (media->serial && port && media->mode == MEDIA_RECORD)
        port_record_stop(mixer, port);
    else if (media->serial && port && media->mode == MEDIA_FAX)
        port_fax_stop(mixer, port);
    else if (media->serial && port)
        port_play_stop(mixer, port);
    media->serial = 0;
    media->mode = MEDIA_IDLE;
    media->held_back = false;
    media->step = NULL;
    media->on_choice = NULL;
    media->on_digits = NULL;
    media->on_recorded = NULL;
    media->on_faxed = NULL;
}

/* ENOENT: there is nothing to play in it. */
int media_start(struct link *link, const struct list *list)
{
    struct server *server = link->call->server;
    struct play_item items[PLAY_ITEMS_MAX];
    size_t count = list ? list_items(list, &server->voice, items) : 0;
    uint32_t serial = ++link->call->serial;
    int error = ENOENT;

    if (count > 0) {
        error = port_play(server->mixer, link->call->caller->port, serial, items, count, false);
        if (error)
            link_log(link, LEVEL_WARNING, "play-failed error=\"%s\"", strerror(error));
    }
    if (!error)
        link->media.serial = serial;
    return error;
}

/* -- continuations ------------------------------------------------------------------------------------- */

/* Each takes its function out before it calls it: what is called starts the next play at once. */
static void media_chosen(struct link *link, char key)
{
    link_key *fn = link->media.on_choice;

    media_clear(link);
    if (fn)
        fn(link, key);
}

static void media_collected(struct link *link)
{
    link_digits *fn = link->media.on_digits;
    char digits[ASK_MAX + 1];

    memcpy(digits, link->media.digits, sizeof digits);
    media_clear(link);
    if (fn)
        fn(link, digits);
}

/* A play is over, or there was nothing to play: what comes next in this mode. */
static void media_after_play(struct link *link)
{
    struct media *media = &link->media;
    link_step *step = media->step;

    media->serial = 0;
    switch (media->mode) {
    case MEDIA_PLAY:
        media_clear(link);
        if (step)
            step(link);
        break;
    case MEDIA_MENU:
    case MEDIA_ASK:
        media_wait(link, media->wait_ms);
        break;
    case MEDIA_IDLE:
    case MEDIA_RECORD:
    case MEDIA_FAX:
        break;
    }
}

static bool ask_takes(struct link *link, char key);

/* Keys typed ahead answer a question before it is put; those that do not fit it are lost, as at a bank's
 * machine. */
static void media_use_typed(struct link *link)
{
    struct media *media = &link->media;
    char key;

    media->held_back = false;
    while ((key = typed_take(&media->typed)) != 0) {
        if (media->mode == MEDIA_MENU && strchr(media->keys, key)) {
            media_chosen(link, key);
            return;
        }
        if (media->mode == MEDIA_ASK && ask_takes(link, key))
            return;
    }
    /* Half an answer is there: the rest is awaited without the question. */
    if (media->mode == MEDIA_ASK && *media->digits)
        media_wait(link, media->wait_ms);
    else if (media_start(link, &media->list))
        media_after_play(link);
}

static void media_expired(void *arg)
{
    struct link *link = arg;
    struct media *media = &link->media;

    if (!call_is_up(link->call))
        return;
    if (media->held_back)
        media_use_typed(link);
    else if (media->mode == MEDIA_PLAY)
        media_after_play(link);
    else if (media->mode == MEDIA_MENU)
        media_chosen(link, 0);
    else if (media->mode == MEDIA_ASK)
        media_collected(link);
    else if (media->mode == MEDIA_RECORD)
        record_ended(link, NULL);
    else if (media->mode == MEDIA_FAX)
        fax_ended(link, NULL);
}

/* A play that was replaced or stopped has lost its continuation; its late event is known by its serial. */
void media_played(struct link *link, const struct mixer_event *event)
{
    if (event->serial != link->media.serial || link->media.mode == MEDIA_RECORD || !call_is_up(link->call))
        return;
    if (event->end == PLAY_DONE || event->end == PLAY_FAILED)
        media_after_play(link);
}

/* -- keys ---------------------------------------------------------------------------------------------- */

/* True: the question is answered, its function was called. */
static bool ask_takes(struct link *link, char key)
{
    struct media *media = &link->media;
    size_t length = strlen(media->digits);

    bool finished = strchr(media->keys, key) != NULL;

    if (!finished) {
        media->digits[length++] = key;
        media->digits[length] = '\0';
    }
    if (!finished && length < media->max)
        return false;
    media_collected(link);
    return true;
}

/* The first digit stops the question; each one starts the wait for the next anew. */
static void ask_key(struct link *link, char key)
{
    struct media *media = &link->media;

    if (media->serial && link->call->caller->port)
        port_play_stop(link->call->server->mixer, link->call->caller->port);
    media->serial = 0;
    if (!ask_takes(link, key))
        media_wait(link, media->wait_ms);
}

static void menu_key(struct link *link, char key)
{
    struct media *media = &link->media;

    if (strchr(media->keys, key)) {
        media_chosen(link, key);
    } else if (strchr(media->live, key)) {
        /* The wait after the play begins anew: he is still there. */
        if (!media->serial)
            media_wait(link, media->wait_ms);
        media->on_choice(link, key);
    } else if (media->on_key) {
        media->on_key(link, key);
    }
}

/* A key press of the caller, from RFC 4733, INFO or tones. */
void media_key(struct link *link, char key)
{
    struct media *media = &link->media;

    if (media->held_back) {
        typed_add(&media->typed, key);
        return;
    }
    switch (media->mode) {
    case MEDIA_MENU:
        menu_key(link, key);
        break;
    case MEDIA_ASK:
        ask_key(link, key);
        break;
    case MEDIA_RECORD:
        if (media->serial && !media->key && strchr(media->keys, key)) {
            media->key = key;
            port_record_stop(link->call->server->mixer, link->call->caller->port);
        } else if (media->on_key) {
            media->on_key(link, key);
        } else if (media->key) { /* the disk may take a while: this one is for what comes after */
            typed_add(&media->typed, key);
        }
        break;
    case MEDIA_FAX: /* a modem may sound like one */
        break;
    case MEDIA_IDLE:
    case MEDIA_PLAY:
        if (media->on_key)
            media->on_key(link, key);
        else
            typed_add(&media->typed, key);
        break;
    }
}

/* -- verbs --------------------------------------------------------------------------------------------- */

void link_play(struct link *link, const struct list *list, link_step *done)
{
    if (!link_hosts(link, "play"))
        return;
    media_clear(link);
    link->media.mode = MEDIA_PLAY;
    link->media.step = done;
    if (media_start(link, list))
        media_wait(link, 0);
}

/* Starts the play, or first looks at what was typed ahead, once the verb has returned. */
static void media_put_question(struct link *link, const struct list *list)
{
    struct media *media = &link->media;

    if (media->typed.count > 0) {
        media->held_back = true;
        if (list)
            media->list = *list;
        else
            media->list.count = 0;
        media_wait(link, 0);
    } else if (media_start(link, list)) {
        media_wait(link, media->wait_ms);
    }
}

void link_menu_live(struct link *link, const struct list *list, const char *keys, const char *live,
                    unsigned wait_ms, link_key *fn)
{
    struct media *media = &link->media;

    if (!link_hosts(link, "menu"))
        return;
    media_clear(link);
    media->mode = MEDIA_MENU;
    media->on_choice = fn;
    media->wait_ms = wait_ms;
    snprintf(media->keys, sizeof media->keys, "%s", keys);
    snprintf(media->live, sizeof media->live, "%s", live ? live : "");
    media_put_question(link, list);
}

void link_menu(struct link *link, const struct list *list, const char *keys, unsigned wait_ms, link_key *fn)
{
    link_menu_live(link, list, keys, NULL, wait_ms, fn);
}

void link_ask(struct link *link, const struct list *list, unsigned max, unsigned wait_ms, link_digits *fn)
{
    link_ask_until(link, list, max, wait_ms, "#", fn);
}

void link_ask_until(struct link *link, const struct list *list, unsigned max, unsigned wait_ms,
                    const char *keys, link_digits *fn)
{
    struct media *media = &link->media;

    if (!link_hosts(link, "ask"))
        return;
    media_clear(link);
    media->mode = MEDIA_ASK;
    media->on_digits = fn;
    media->wait_ms = wait_ms;
    media->max = max == 0 ? 1 : max > ASK_MAX ? ASK_MAX : max;
    snprintf(media->keys, sizeof media->keys, "%s", keys);
    memset(media->digits, 0, sizeof media->digits);
    media_put_question(link, list);
}

/* No continuation comes; a recording is stopped as well and goes unreported. */
void link_quiet(struct link *link)
{
    if (link_hosts(link, "quiet"))
        media_clear(link);
}

void link_pause(struct link *link, bool paused)
{
    if (link_hosts(link, "pause"))
        port_play_pause(link->call->server->mixer, link->call->caller->port, paused);
}

void link_skip(struct link *link, int ms)
{
    if (link_hosts(link, "skip"))
        port_play_skip(link->call->server->mixer, link->call->caller->port, ms);
}

/* What an application asks for by a wrong figure is its mistake: the log tells. */
static void play_check(const struct link *link, const char *what, int error)
{
    if (error)
        link_log(link, LEVEL_WARNING, "play-not-changed what=%s error=\"%s\"", what, strerror(error));
}

void link_play_seek(struct link *link, uint32_t ms)
{
    if (link_hosts(link, "seek"))
        play_check(link, "seek", port_play_seek(link->call->server->mixer, link->call->caller->port, ms));
}

void link_play_speed(struct link *link, unsigned percent)
{
    if (link_hosts(link, "speed"))
        play_check(link, "speed",
                   port_play_speed(link->call->server->mixer, link->call->caller->port, percent));
}

void link_play_gain(struct link *link, int db)
{
    if (link_hosts(link, "gain"))
        play_check(link, "gain", port_play_gain(link->call->server->mixer, link->call->caller->port, db));
}

void link_on_key(struct link *link, link_key *fn)
{
    link->media.on_key = fn;
}
