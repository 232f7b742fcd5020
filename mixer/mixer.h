/*
 * The media engine as signalling sees it: ports (one RTP endpoint each), bridges of two, rooms of many.
 *
 * Ownership: the mixer owns ports, rooms and sounds; callers hold ids, and a stale id is an error, never a fault.
 * Threads: all functions belong to the signalling thread. They queue commands, which a media worker carries out at
 * its next tick (10 ms), in order. Failure: EINVAL and ENOENT for ids and formats, ENOBUFS when a worker's queue is
 * full (counted), EMFILE/EADDRINUSE for sockets. What happens later comes back as events (mixer/event.h).
 */
#ifndef CONFAB_MIXER_H
#define CONFAB_MIXER_H

#include "core/base/media.h"
#include "mixer/sound.h"

#include <stddef.h>
#include <stdint.h>

struct fax_limits;
struct fax_t38;
struct mixer;
typedef uint32_t port_id; /* 0 is never a port */
typedef uint32_t room_id; /* 0 is never a room */

struct mixer_config {
    unsigned workers;                   /* 0: cores - 1, at least 1 */
    unsigned rtp_port_low, rtp_port_high; /* even RTP ports from here; RTCP is one above (RFC 3550 §11) */
    unsigned max_ports, max_rooms;      /* all memory a tick touches is made for these at the start */
    unsigned rtp_timeout_s;             /* 0: never */
    const char *io;                     /* "uring", "plain"; "auto", NULL: io_uring where it works (mixer/io.h) */
    unsigned wide_from;                 /* members of a room on one worker before others take some; 0: 128 */
    bool manual;                        /* tests: no worker threads, time passes by mixer_tick() (mixer/engine.h) */
};

#define MIXER_CHECK __attribute__((warn_unused_result))

MIXER_CHECK int mixer_start(struct mixer **out, const struct mixer_config *config);
/* Stops the workers and the file thread: recordings in progress are finished and synced first. */
void mixer_stop(struct mixer *m);

/* Binds an RTP and an RTCP socket to `local` (its port is ignored) and opens a port on the least busy worker. */
MIXER_CHECK int port_open(struct mixer *m, const struct sockaddr *local, port_id *out, uint16_t *rtp_port);
/* The port's last event is EVENT_PORT_CLOSED; a recording on it is finished first. */
void port_close(struct mixer *m, port_id port);

/* What it sends and takes from now on; the first call starts it, a later one changes it without a gap. */
MIXER_CHECK int port_set_format(struct mixer *m, port_id port, const struct media_format *format);

/* What the port's sound goes to and comes from. Each call ends the connection that was there before. */
MIXER_CHECK int port_connect_none(struct mixer *m, port_id port); /* plays what it is told, else is silent */
MIXER_CHECK int port_connect_echo(struct mixer *m, port_id port);
/* Both ports are joined: packets pass as they are where codec and packet time agree, else are transcoded. */
MIXER_CHECK int port_connect_bridge(struct mixer *m, port_id a, port_id b);
MIXER_CHECK int port_connect_room(struct mixer *m, port_id port, room_id room);

/* A member's gains in dB, -30 to +30: what he says to the room, and what he hears. Mute: his voice is left out. */
MIXER_CHECK int port_set_gains(struct mixer *m, port_id port, int talk_db, int listen_db);
MIXER_CHECK int port_set_mute(struct mixer *m, port_id port, bool mute);
MIXER_CHECK int port_set_deaf(struct mixer *m, port_id port, bool deaf);
/* How loud a member's last packets were, -dBov as RFC 6464 has it: 0 loudest, 127 silence, or no such port. */
unsigned port_level(struct mixer *m, port_id port);

/*
 * Two members of one room. Softer (or, above 0, louder) by `db`, -30 to +30, is the talker for this listener only; 0:
 * as for all. EMFILE: he has 8 such already, or 64 members of the room have some. A whisper is heard by one listener
 * only, whatever is louder (a place among those who are heard it takes all the same); `to` 0: by all again. Whoever
 * leaves the room takes his relations with him; a whisper whose listener has left is heard by nobody. ENOENT: they are
 * not in one room; ENOTSUP: in a wide room they are on two workers.
 */
MIXER_CHECK int port_set_softer(struct mixer *m, port_id listener, port_id talker, int db);
MIXER_CHECK int port_set_whisper(struct mixer *m, port_id talker, port_id to);
/* A member who hears nobody but `source`, another member, and what that one says while he is among the room's speakers:
 * a stream of its own for a recording server. 0: the room again. ENOENT, ENOTSUP as above. */
MIXER_CHECK int port_set_source(struct mixer *m, port_id port, port_id source);

/* Takes steady noise out of what a member says to a room, while he is heard; his voice comes 10 ms later for it. */
MIXER_CHECK int port_set_denoise(struct mixer *m, port_id port, bool denoise);

/* A bridge passes no telephone-events of this port's far side on: EVENT_DIGIT alone tells of them. */
MIXER_CHECK int port_keep_digits(struct mixer *m, port_id port, bool keep);

/* Sends an RFC 4733 event ("0123456789*#ABCD") of `ms` milliseconds if negotiated, else in-band tones. */
MIXER_CHECK int port_send_digit(struct mixer *m, port_id port, char digit, unsigned ms);

/* A room mixes at `rate` (8000, 16000, 48000) or, with 0, at what its members need. */
MIXER_CHECK int room_open(struct mixer *m, unsigned rate, room_id *out);
void room_close(struct mixer *m, room_id room); /* members become unconnected */
/* Brings each talker to -26 dBov active speech level (his talk gain comes on top), and limits the mix; off as opened. */
MIXER_CHECK int room_set_loudness(struct mixer *m, room_id room, bool loudness);
/* Plays to all members, over the talk; no EVENT_PLAYED is sent. */
MIXER_CHECK int room_play(struct mixer *m, room_id room, const struct play_item *items, size_t count);

/*
 * Plays items one after another to the port's far side; over the talk in a room, instead of it otherwise. What was
 * playing ends first, with PLAY_REPLACED. `serial` comes back in EVENT_PLAYED. At most PLAY_ITEMS_MAX items.
 */
MIXER_CHECK int port_play(struct mixer *m, port_id port, uint32_t serial, const struct play_item *items,
                          size_t count, bool repeat);
void port_play_stop(struct mixer *m, port_id port);               /* EVENT_PLAYED with PLAY_STOPPED */
void port_play_pause(struct mixer *m, port_id port, bool paused);
/* Forward or (negative) back from item to item, but never past the beginning of a chapter (struct play_item): INT32_MIN
 * leads there or, without one, to the list's. */
void port_play_skip(struct mixer *m, port_id port, int ms);
/*
 * To `ms` from the list's beginning; past its end the play is over. Speed: 75 to 200 per cent at the same pitch; positions
 * and EVENT_PLAYED's ms count in the sound's own time. Gain: -30 to +30 dB. Both act at once on what plays and end with it.
 */
MIXER_CHECK int port_play_seek(struct mixer *m, port_id port, uint32_t ms);
MIXER_CHECK int port_play_speed(struct mixer *m, port_id port, unsigned percent);
MIXER_CHECK int port_play_gain(struct mixer *m, port_id port, int db);

/*
 * A fax machine takes the port: it answers as `ident` (20 characters at most) and writes what comes to the TIFF file `path`. Its
 * EVENT_RECORDED has `fax`: RECORD_STOPPED once T.30 has ended, RECORD_CLOSED when it was stopped or the port closed before; the
 * pages are synced. Sound that is not G.711 brings nothing, but T.38 may follow it. port_fax_packets() goes on with T.38 (UDPTL) in place of RTP, to and from `remote`.
 */
MIXER_CHECK int port_fax(struct mixer *m, port_id port, uint32_t serial, const char *path, const char *ident,
                         const struct fax_limits *limits);
MIXER_CHECK int port_fax_packets(struct mixer *m, port_id port, const struct sockaddr *remote,
                                 const struct fax_t38 *format);
void port_fax_stop(struct mixer *m, port_id port);
/* Whether EVENT_FAX_TONE is wanted, should a fax machine call. */
MIXER_CHECK int port_listen_fax(struct mixer *m, port_id port, bool listen);

#endif
