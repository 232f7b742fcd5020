/*
 * Recordings, and files played back. A recording outlives the caller's hang-up until it is complete on disk:
 * the call stays CLOSING until then.
 */
#include "core/call/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A disk that failed outweighs all: the application must not say "saved". A hang-up is ours to know, the
 * mixer sees a stop. */
static int record_end_of(const struct media *media, const struct mixer_event *event)
{
    if (event->end == RECORD_FAILED || event->error)
        return RECORDED_FAILED;
    if (media->hung_up || event->end == RECORD_CLOSED)
        return RECORDED_HUNG_UP;
    if (event->end == RECORD_SILENCE)
        return RECORDED_SILENCE;
    return event->end == RECORD_TOO_LONG ? RECORDED_TOO_LONG : RECORDED_KEY;
}

/* `event` is NULL when the recording could not even begin. */
void record_ended(struct link *link, const struct mixer_event *event)
{
    struct media *media = &link->media;
    link_recorded *fn = media->on_recorded;
    struct call *call = link->call;
    struct recorded result = media->recorded;

    if (media->mode != MEDIA_RECORD || (event && event->serial != media->serial))
        return;
    if (event) {
        result = (struct recorded){.end = record_end_of(media, event),
                                   .key = media->key,
                                   .ms = event->ms,
                                   .speech_ms = event->speech_ms,
                                   .error = event->error};
    }
    media->serial = 0;
    media_clear(link);
    link_log(link, LEVEL_INFO, "recorded end=%d ms=%u speech_ms=%u error=%d", result.end, result.ms,
             result.speech_ms, result.error);
    if (fn)
        fn(link, &result);
    if (call->state == CALL_CLOSING)
        call_finish(call);
}

/* Before the port closes, so that the file gets its proper end and the event comes back for this link. */
bool record_hang_up(struct link *link)
{
    struct media *media = &link->media;

    if ((media->mode != MEDIA_RECORD && media->mode != MEDIA_FAX) || !media->serial)
        return false;
    media->hung_up = true;
    if (media->mode == MEDIA_FAX) {
        port_fax_stop(link->call->server->mixer, link->call->caller->port);
        return true;
    }
    if (!media->key)
        port_record_stop(link->call->server->mixer, link->call->caller->port);
    return true;
}

static void record_start(struct link *link, const char *path, const struct record_limits *limits,
                         const char *keys, link_recorded *fn)
{
    struct media *media = &link->media;
    struct call *call = link->call;
    uint32_t serial;
    int error;

    if (!link_hosts(link, "record"))
        return;
    media_clear(link);
    /* A key that was meant for the greeting must not end the message. */
    media->typed.count = 0;
    media->mode = MEDIA_RECORD;
    media->on_recorded = fn;
    media->key = 0;
    media->hung_up = false;
    snprintf(media->keys, sizeof media->keys, "%s", keys ? keys : "");
    serial = ++call->serial;
    error = port_record(call->server->mixer, call->caller->port, serial, path, limits);
    if (!error) {
        media->serial = serial;
        return;
    }
    link_log(link, LEVEL_ERROR, "record-failed error=\"%s\"", strerror(error));
    media->recorded = (struct recorded){.end = RECORDED_FAILED, .error = error};
    media_fail_soon(link);
}

static struct record_limits record_limits_of(const struct link *link, uint32_t max_ms, uint32_t silence_ms)
{
    return (struct record_limits){.max_ms = max_ms,
                                  .silence_ms = silence_ms,
                                  .gap_ms = silence_ms ? 1000 * link_settings(link)->message_gap_s : 0,
                                  .cut_silence = silence_ms > 0};
}

void link_record(struct link *link, const char *path, uint32_t max_ms, uint32_t silence_ms, const char *keys,
                 link_recorded *fn)
{
    const struct record_limits limits = record_limits_of(link, max_ms, silence_ms);

    record_start(link, path, &limits, keys, fn);
}

void link_record_more(struct link *link, const char *path, uint32_t max_ms, uint32_t silence_ms,
                      const char *keys, link_recorded *fn)
{
    struct record_limits limits = record_limits_of(link, max_ms, silence_ms);

    limits.append = true;
    record_start(link, path, &limits, keys, fn);
}

void link_record_stop(struct link *link)
{
    if (link_hosts(link, "stop") && link->media.mode == MEDIA_RECORD && link->media.serial &&
        !link->media.key)
        port_record_stop(link->call->server->mixer, link->call->caller->port);
}

/* Its end is nobody's: what waits is the recording. */
void link_remark(struct link *link, const struct list *list)
{
    struct server *server = link->call->server;
    struct play_item items[PLAY_ITEMS_MAX];
    size_t count = list_items(list, &server->voice, items);
    int error;

    if (!link_hosts(link, "remark") || count == 0)
        return;
    error = port_play(server->mixer, link->call->caller->port, ++link->call->serial, items, count, false);
    if (error)
        link_log(link, LEVEL_WARNING, "play-failed error=\"%s\"", strerror(error));
}

/* -- files --------------------------------------------------------------------------------------------- */

/* An owner may hear hundreds of messages in a call: the sounds of the oldest go when the window is full. */
static void link_keep_file(struct link *link, sound_id sound)
{
    struct media *media = &link->media;

    if (media->file_count == FILES_MAX) {
        sound_drop(link->call->server->mixer, media->files[0]);
        memmove(media->files, media->files + 1, --media->file_count * sizeof media->files[0]);
    }
    media->files[media->file_count++] = sound;
}

void list_file(struct link *link, struct list *list, const char *path, bool unlink_it)
{
    struct server *server = link->call->server;
    sound_id sound;
    int error;

    if (!call_is_up(link->call))
        return;
    error = sound_load(server->mixer, path, false, &sound);
    if (error) {
        link_log(link, LEVEL_WARNING, "file-unusable path=%s error=\"%s\"", path, strerror(error));
        return;
    }
    link_keep_file(link, sound);
    if (unlink_it && server_unlink_loaded(server, sound, path))
        link_log(link, LEVEL_WARNING, "file-left path=%s", path);
    if (list->count < LIST_MAX)
        list->items[list->count++] = (struct list_item){.kind = ITEM_SOUND, .what = sound};
}
