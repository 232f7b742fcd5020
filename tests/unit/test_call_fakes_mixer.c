/* See test_call_fakes.h: the mixer. */
#include "tests/unit/test_call_fakes_internal.h"

#include "mixer/recording.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

char fake_media[4096];
uint32_t fake_serial;

static int event_fd;
static port_id last_port;
static unsigned open_ports;
static struct mixer_event events[64];
static unsigned event_count;

void fake_mixer_begin(void)
{
    event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    event_count = open_ports = 0;
    last_port = 0;
    fake_media[0] = '\0';
}

void fake_mixer_end(void)
{
    close(event_fd);
}

int mixer_start(struct mixer **out, const struct mixer_config *config)
{
    ck_assert_uint_gt(config->max_ports, 0);
    *out = (struct mixer *)&last_port;
    return 0;
}

void mixer_stop(struct mixer *m)
{
    (void)m;
}

int mixer_event_fd(const struct mixer *m)
{
    (void)m;
    return event_fd;
}

bool mixer_next_event(struct mixer *m, struct mixer_event *out)
{
    uint64_t dummy;

    (void)m;
    if (event_count == 0) {
        if (read(event_fd, &dummy, sizeof dummy) < 0)
            return false;
        return false;
    }
    *out = events[0];
    memmove(events, events + 1, --event_count * sizeof events[0]);
    return true;
}

void fake_event(const struct mixer_event *event)
{
    uint64_t one = 1;

    ck_assert_uint_lt(event_count, 64);
    events[event_count++] = *event;
    ck_assert_int_eq(write(event_fd, &one, sizeof one), sizeof one);
}

void mixer_read_stats(struct mixer *m, struct mixer_stats *out)
{
    (void)m;
    *out = (struct mixer_stats){.ports = open_ports};
}

int port_open(struct mixer *m, const struct sockaddr *local, port_id *out, uint16_t *rtp_port)
{
    (void)m;
    (void)local;
    *out = ++last_port;
    *rtp_port = (uint16_t)(20000 + 2 * last_port);
    open_ports++;
    NOTE(fake_media, "open%u", *out);
    return 0;
}

void port_close(struct mixer *m, port_id port)
{
    (void)m;
    NOTE(fake_media, "close%u", port);
    open_ports--;
    fake_event(&(struct mixer_event){.type = EVENT_PORT_CLOSED, .port = port});
}

int port_set_format(struct mixer *m, port_id port, const struct media_format *format)
{
    (void)m;
    NOTE(fake_media, "format%u=%s/%s%s", port, codec_name(format->codecs[0].codec), format->send ? "s" : "",
         format->receive ? "r" : "");
    return 0;
}

int port_connect_none(struct mixer *m, port_id port)
{
    (void)m;
    NOTE(fake_media, "none%u", port);
    return 0;
}

int port_connect_echo(struct mixer *m, port_id port)
{
    (void)m;
    NOTE(fake_media, "echo%u", port);
    return 0;
}

int port_connect_bridge(struct mixer *m, port_id a, port_id b)
{
    (void)m;
    NOTE(fake_media, "bridge%u-%u", a, b);
    return 0;
}

int port_connect_room(struct mixer *m, port_id port, room_id room)
{
    (void)m;
    NOTE(fake_media, "room%u-%u", port, room);
    return 0;
}

int port_set_gains(struct mixer *m, port_id port, int talk_db, int listen_db)
{
    (void)m;
    NOTE(fake_media, "gains%u=%d,%d", port, talk_db, listen_db);
    return 0;
}

int port_set_mute(struct mixer *m, port_id port, bool mute)
{
    (void)m;
    NOTE(fake_media, "mute%u=%d", port, (int)mute);
    return 0;
}

unsigned port_level(struct mixer *m, port_id port)
{
    (void)m;
    (void)port;
    return 127;
}

int port_set_deaf(struct mixer *m, port_id port, bool deaf)
{
    (void)m;
    NOTE(fake_media, "deaf%u=%d", port, (int)deaf);
    return 0;
}

int port_set_softer(struct mixer *m, port_id listener, port_id talker, int db)
{
    (void)m;
    NOTE(fake_media, "softer%u,%u=%d", listener, talker, db);
    return 0;
}

int port_set_whisper(struct mixer *m, port_id talker, port_id to)
{
    (void)m;
    NOTE(fake_media, "whisper%u=%u", talker, to);
    return 0;
}

int port_set_source(struct mixer *m, port_id port, port_id source)
{
    (void)m;
    NOTE(fake_media, "source%u=%u", port, source);
    return 0;
}

int port_keep_digits(struct mixer *m, port_id port, bool keep)
{
    (void)m;
    NOTE(fake_media, "keep%u=%d", port, (int)keep);
    return 0;
}

int port_set_denoise(struct mixer *m, port_id port, bool denoise)
{
    (void)m;
    NOTE(fake_media, "denoise%u=%d", port, (int)denoise);
    return 0;
}

int room_set_loudness(struct mixer *m, room_id room, bool loudness)
{
    (void)m;
    NOTE(fake_media, "loudness%u=%d", room, (int)loudness);
    return 0;
}

int port_send_digit(struct mixer *m, port_id port, char digit, unsigned ms)
{
    (void)m;
    (void)ms;
    NOTE(fake_media, "digit%u=%c", port, digit);
    return 0;
}

int room_open(struct mixer *m, unsigned rate, room_id *out)
{
    (void)m;
    (void)rate;
    *out = 77;
    return 0;
}

void room_close(struct mixer *m, room_id room)
{
    (void)m;
    (void)room;
}

int port_set_label(struct mixer *m, port_id port, const char *name, const char *call)
{
    (void)m;
    (void)call;
    NOTE(fake_media, "label%u=%s", port, name);
    return 0;
}

const char *const record_format_names[RECORD_FORMATS] = {"wav", "flac", "opus"};

int record_format_from_name(const char *name)
{
    return strcmp(name, "opus") == 0 ? RECORD_OPUS : -1;
}

/* The name within the folder follows the clock and a die: only the room's part of it is noted. */
int room_record(struct mixer *m, room_id room, uint32_t serial, const struct room_recording *what)
{
    (void)m;
    (void)serial;
    NOTE(fake_media, "record%u=%s/%.5s/%d/%d", room, what->title, what->name, what->format, what->tracks);
    return 0;
}

int room_record_pause(struct mixer *m, uint32_t room, bool pause)
{
    (void)m;
    NOTE(fake_media, "record-pause%u=%d", room, (int)pause);
    return 0;
}

void room_record_stop(struct mixer *m, uint32_t room)
{
    (void)m;
    NOTE(fake_media, "record-stop%u", room);
}

int room_play(struct mixer *m, room_id room, const struct play_item *items, size_t count)
{
    (void)m;
    (void)room;
    (void)items;
    (void)count;
    return 0;
}

int port_play(struct mixer *m, port_id port, uint32_t serial, const struct play_item *items, size_t count,
              bool repeat)
{
    (void)m;
    (void)items;
    fake_serial = serial;
    NOTE(fake_media, "%s%u=%zu", repeat ? "loop" : "play", port, count);
    return 0;
}

void port_play_stop(struct mixer *m, port_id port)
{
    (void)m;
    NOTE(fake_media, "stop%u", port);
}

void port_play_pause(struct mixer *m, port_id port, bool paused)
{
    (void)m;
    NOTE(fake_media, "pause%u=%d", port, (int)paused);
}

void port_play_skip(struct mixer *m, port_id port, int ms)
{
    (void)m;
    NOTE(fake_media, "skip%u=%d", port, ms);
}

int port_play_seek(struct mixer *m, port_id port, uint32_t ms)
{
    (void)m;
    NOTE(fake_media, "seek%u=%u", port, ms);
    return 0;
}

int port_play_speed(struct mixer *m, port_id port, unsigned percent)
{
    (void)m;
    NOTE(fake_media, "speed%u=%u", port, percent);
    return 0;
}

int port_play_gain(struct mixer *m, port_id port, int db)
{
    (void)m;
    NOTE(fake_media, "volume%u=%d", port, db);
    return 0;
}

int sound_load(struct mixer *m, const char *path, bool level, sound_id *out)
{
    (void)m;
    *out = strcmp(path, "/fake.wav") == 0 ? 800 : 900;
    ck_assert(level || *out == 900); /* phrases are joined to sentences */
    return 0;
}

void sound_drop(struct mixer *m, sound_id sound)
{
    (void)m;
    NOTE(fake_media, "drop%u", sound);
}

int port_record(struct mixer *m, uint32_t port, uint32_t serial, const char *path,
                const struct record_limits *limits)
{
    (void)m;
    (void)limits;
    fake_serial = serial;
    NOTE(fake_media, "record%u=%s", port, path);
    return strcmp(path, "/full") == 0 ? ENOSPC : 0;
}

void port_record_stop(struct mixer *m, uint32_t port)
{
    (void)m;
    NOTE(fake_media, "recordstop%u", port);
}

int port_fax(struct mixer *m, uint32_t port, uint32_t serial, const char *path, const char *ident,
             const struct fax_limits *limits)
{
    (void)m;
    fake_serial = serial;
    NOTE(fake_media, "fax%u=%s as %s pages=%u", port, path, ident, limits->pages);
    return 0;
}

void port_fax_stop(struct mixer *m, uint32_t port)
{
    (void)m;
    NOTE(fake_media, "faxstop%u", port);
}

int port_fax_packets(struct mixer *m, uint32_t port, const struct sockaddr *remote,
                     const struct fax_t38 *format)
{
    (void)m;
    (void)remote;
    NOTE(fake_media, "packets%u max=%u", port, format->max_datagram);
    return 0;
}

int port_listen_fax(struct mixer *m, uint32_t port, bool listen)
{
    (void)m;
    NOTE(fake_media, "%s%u", listen ? "listenfax" : "nofax", port);
    return 0;
}
