/*
 * Rooms, music and echo for applications: what a caller's port is joined to.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"
#include "mixer/recording.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RECORD_RATE 16000 /* at least: a wide voice may come after the narrow one that began the room */

void link_check(const struct link *link, const char *what, int error)
{
    if (error)
        link_log(link, LEVEL_ERROR, "media-failed what=%s error=\"%s\"", what, strerror(error));
}

void link_music(struct link *link)
{
    struct server *server = link->call->server;
    struct play_item items[PLAY_ITEMS_MAX];
    size_t count;
    uint32_t serial;
    int error;

    if (!link_hosts(link, "music"))
        return;
    media_clear(link);
    count = voice_music(&server->voice, items);
    if (count == 0)
        return;
    serial = ++link->call->serial;
    error = port_play(server->mixer, link->call->caller->port, serial, items, count, true);
    if (!error)
        link->media.serial = serial;
    link_check(link, "music", error);
}

void link_echo(struct link *link)
{
    if (link_hosts(link, "echo"))
        link_check(link, "echo", port_connect_echo(link->call->server->mixer, link->call->caller->port));
}

/* Under this name he stands in a recording. Who withholds his number withholds it there, too. */
static void link_label(struct link *link)
{
    const struct request *request = link_request(link);

    link_check(link, "label",
               port_set_label(link->call->server->mixer, link->call->caller->port,
                              request->anonymous ? "anonymous" : request->caller.user, request->call));
}

void link_enter(struct link *link, uint32_t room)
{
    struct mixer *mixer = link->call->server->mixer;
    port_id port = link->call->caller->port;

    if (!link_hosts(link, "enter"))
        return;
    if (room)
        link_label(link);
    link->room = room;
    link_check(link, "enter", room ? port_connect_room(mixer, port, room) : port_connect_none(mixer, port));
}

void link_gains(struct link *link, int talk_db, int listen_db)
{
    if (link_hosts(link, "gains"))
        link_check(link, "gains",
                   port_set_gains(link->call->server->mixer, link->call->caller->port, talk_db, listen_db));
}

void link_mute(struct link *link, bool mute)
{
    if (link_hosts(link, "mute"))
        link_check(link, "mute", port_set_mute(link->call->server->mixer, link->call->caller->port, mute));
}

unsigned link_level(const struct link *link)
{
    const struct leg *caller = link->call->caller;

    return caller ? port_level(link->call->server->mixer, caller->port) : 127;
}

void link_deaf(struct link *link, bool deaf)
{
    if (link_hosts(link, "deaf"))
        link_check(link, "deaf", port_set_deaf(link->call->server->mixer, link->call->caller->port, deaf));
}

int link_soften(struct link *link, struct link *talker, int db)
{
    if (!link_hosts(link, "soften") || !link_hosts(talker, "soften"))
        return ENOENT;
    return port_set_softer(link->call->server->mixer, link->call->caller->port, talker->call->caller->port,
                           db);
}

int link_whisper(struct link *link, struct link *to)
{
    if (!link_hosts(link, "whisper") || (to && !link_hosts(to, "whisper")))
        return ENOENT;
    return port_set_whisper(link->call->server->mixer, link->call->caller->port,
                            to ? to->call->caller->port : 0);
}

void link_denoise(struct link *link, bool denoise)
{
    if (link_hosts(link, "denoise"))
        link_check(link, "denoise",
                   port_set_denoise(link->call->server->mixer, link->call->caller->port, denoise));
}

/* The room mixes at the rate that its members need. */
int mix_open(struct server *server, uint32_t *room)
{
    struct mixer_stats stats;
    int error;

    mixer_read_stats(server->mixer, &stats);
    if (server->settings->max_rooms > 0 && stats.rooms >= server->settings->max_rooms)
        return EAGAIN;
    error = room_open(server->mixer, 0, room);
    if (error)
        log_event(LEVEL_WARNING, "call", NULL, "room-failed error=\"%s\"", strerror(error));
    return error == ENOBUFS || error == ENFILE || error == EMFILE ? EAGAIN : error;
}

void mix_close(struct server *server, uint32_t room)
{
    room_close(server->mixer, room);
}

void mix_set_loudness(struct server *server, uint32_t room, bool loudness)
{
    int error = room_set_loudness(server->mixer, room, loudness);

    if (error)
        log_event(LEVEL_WARNING, "call", NULL, "room-loudness-failed error=\"%s\"", strerror(error));
}

void mix_play(struct server *server, uint32_t room, const struct list *list)
{
    struct play_item items[PLAY_ITEMS_MAX];
    size_t count = list_items(list, &server->voice, items);
    int error = count > 0 ? room_play(server->mixer, room, items, count) : 0;

    if (error)
        log_event(LEVEL_WARNING, "call", NULL, "room-play-failed error=\"%s\"", strerror(error));
}

/* "3000-20260131T173005Z-9f3c": the room, when, and what makes it another one within the same second. */
static void recording_name(char *to, size_t size, const char *room)
{
    time_t now = clock_wall();
    char when[32], dice[5];
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm);
    random_hex(dice, 2);
    int at = snprintf(to, size, "%s-%s-%s", room, when, dice);
    for (int i = 0; i < at && to[i]; i++) {
        if (!isalnum((unsigned char)to[i]) && !strchr("+-_", to[i]))
            to[i] = '_'; /* a room may be called anything; a file is to be found by any shell */
    }
}

int mix_pause_recording(struct server *server, uint32_t room, bool pause)
{
    return room_record_pause(server->mixer, room, pause);
}

void mix_stop_recording(struct server *server, uint32_t room)
{
    room_record_stop(server->mixer, room);
}

int mix_record(struct server *server, uint32_t room, const char *name, bool tracks, const char *format,
               char *file, size_t size)
{
    int chosen = record_format_from_name(format);

    recording_name(file, size, name);
    struct room_recording what = {.folder = server->settings->recordings_dir,
                                  .name = file,
                                  .title = name,
                                  .format = chosen < 0 ? RECORD_FLAC : (enum record_format)chosen,
                                  .rate = RECORD_RATE,
                                  .tracks = tracks};
    int error = room_record(server->mixer, room, 0, &what);
    if (error)
        log_event(LEVEL_ERROR, "call", NULL, "recording-refused room=%s error=\"%s\"", name, strerror(error));
    else
        log_event(LEVEL_INFO, "call", NULL, "recording-started room=%s file=%s/%s.%s", name, what.folder,
                  file, record_format_names[what.format]);
    return error;
}
