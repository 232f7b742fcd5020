/*
 * What the media engine tells signalling: small values through one bounded queue.
 *
 * Ownership: values. Threads: signalling reads. Failure: a full queue drops EVENT_TALK first and counts all.
 */
#ifndef CONFAB_MIXER_EVENT_H
#define CONFAB_MIXER_EVENT_H

#include "core/base/histogram.h"
#include "mixer/fax.h"
#include "mixer/mixer.h"

enum mixer_event_type {
    EVENT_DIGIT,        /* digit, ms: once a key press, at its end or after 4733's repeats; never twice */
    EVENT_PLAYED,       /* serial, end: a play is over */
    EVENT_RECORDED,     /* serial, end, error, ms, speech_ms: file complete and synced; of a room: its `room`; of a fax: `fax` */
    EVENT_FAX_TONE,     /* a fax machine calls */
    EVENT_SOUND_LOADED, /* sound, error, ms */
    EVENT_MEDIA,        /* the first RTP packet of a port came */
    EVENT_TIMEOUT,      /* nothing came for rtp_timeout_s */
    EVENT_TALK,         /* talking: a member began or stopped to talk; muted: nobody hears it */
    EVENT_PORT_CLOSED,  /* stats */
};

enum play_end { PLAY_DONE, PLAY_STOPPED, PLAY_REPLACED, PLAY_FAILED };
enum record_end { RECORD_STOPPED, RECORD_SILENCE, RECORD_TOO_LONG, RECORD_CLOSED, RECORD_FAILED };

/* A port's whole life, for the call's record. */
struct port_stats {
    uint64_t packets_received, packets_sent, packets_lost, packets_late, packets_discarded;
    uint64_t packets_forged; /* on an SRTP port: not the far side's, or repeated; they count nowhere else */
    uint32_t jitter_us; /* RFC 3550 §6.4.1, last estimate */
    uint64_t packets_repeated;
    uint32_t concealed_ms;          /* sound made up for packets that were missing */
    uint32_t longer_ms, shorter_ms; /* time added and left out to follow the network's delay */
    uint32_t delay_ms;              /* of the jitter buffer, as the network needs it at the end */
    uint8_t r;                      /* E-model, 0 to 93; 0 also when nothing came */
    uint16_t mos_cents;             /* MOS-CQ, 100 to 450 */
    bool reported;                  /* the far side said how it hears us: */
    uint32_t remote_lost, remote_jitter_us;
    int32_t round_trip_us;          /* RFC 3550 §6.4.1; -1: not known */
};

struct mixer_event {
    enum mixer_event_type type;
    port_id port;
    room_id room;    /* of a room's recording; else 0 */
    uint32_t serial; /* of the play or recording */
    int end;         /* enum play_end or enum record_end */
    int error;       /* 0 or errno */
    sound_id sound;
    uint32_t ms;        /* length of a digit, sound or recording; position at which a play ended */
    uint32_t speech_ms; /* of a recording: how much of it was speech */
    char digit;
    bool talking, muted, is_fax;
    struct fax_result fax; /* error ENODATA: no page */
    struct port_stats stats;
};

/* Readable while events wait (loop_watch). */
int mixer_event_fd(const struct mixer *m);
/* Takes the next event; false when there is none left (and the descriptor is clear again). */
bool mixer_next_event(struct mixer *m, struct mixer_event *out);

/* Figures for the bench and for metrics; read without stopping anybody. */
struct mixer_stats {
    unsigned ports, rooms, sounds;
    uint64_t ticks, overruns;      /* a tick that began more than 10 ms late */
    uint64_t commands_refused, events_refused;
    uint64_t packets_received, packets_sent;
    uint64_t encodings;            /* packets that a tick encoded: fewer than sent where one is shared by many */
    uint64_t encoded_bytes;        /* memory that sounds encoded once for all take */
    uint64_t levels_distrusted; /* ports whose audio levels (RFC 6464) proved wrong and are measured instead */
    uint64_t tick_us_histogram[HISTOGRAM_BUCKETS]; /* how long ticks took, all workers together */
};
void mixer_read_stats(struct mixer *m, struct mixer_stats *out);

#endif
