/*
 * Jitter buffer of one RTP stream: holds packets as they came, and says at every tick what is to be heard
 * next.
 *
 * It plays on a time line of the sender's own timestamps, `delay` behind the fastest packets seen lately. The
 * delay it aims at is the lateness that packets have had in the last seconds, the very worst left out when it
 * stands alone: one hiccup in some seconds is concealed rather than paid for by everybody for long. Times are
 * microseconds of one clock, arrivals as the kernel saw them, so that a packet just behind a tick is not
 * taken for a late one. Its owner brings the delay to what is needed by time scaling (jitter_spare_us). Clock
 * drift shows up as lateness, or as spare time, and is followed the same way.
 *
 * What the server adds to a clean 20 ms stream, from the arrival of a sound's first packet to the sending of
 * the first one with it: the wait for the next tick, 0 to 10 ms (jitter and margin of JITTER_MARGIN_US count
 * only where that wait is shorter than they are; then it is a tick more), and as the listener's packet ends
 * with this tick or with the next, 0 or 10 ms. So 10 ms in the median, and hardly ever more than 21.
 *
 * Ownership: a value of fixed size. Threads: one at a time. Failure: none; what cannot be kept counts as
 * lost.
 */
#ifndef CONFAB_MIXER_JITTER_H
#define CONFAB_MIXER_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JITTER_SLOTS 32
#define JITTER_BYTES 8192 /* 1 s of G.711, 256 ms of Opus at 256 kbit/s; more would only be cold memory */
#define JITTER_START_MS 20 /* delay before anything is known of the network */
#define JITTER_MOST_MS 200
#define JITTER_MARGIN_US 1000
#define JITTER_WINDOWS 64     /* of the network's memory */
#define JITTER_WINDOW_MS 100  /* each; packets held up together come together, and count once */
#define JITTER_CONCEAL_MS 100 /* of a gap, after which it is silence; concealment has faded out before */

struct jitter_slot {
    int64_t sequence; /* extended */
    int64_t timestamp;
    uint64_t start; /* byte in the store, counted from the beginning of time */
    uint16_t length, ms;
    uint8_t payload_type;
    bool full, pause;
};

struct jitter {
    uint32_t clock; /* timestamp units a second; 0: nothing came yet */
    bool playing;
    bool paused;             /* the last packet taken said that nothing follows for a while */
    int64_t next, highest;   /* sequence numbers: to be played, and latest that came */
    int64_t newest, play_at; /* timestamps: of `highest`, and of what plays next */
    int64_t end_at;          /* timestamp: where the last packet played ended */
    unsigned last_ms;        /* length of the last packet played */
    unsigned skip_ms;   /* of the packet that plays next: over already when its owner came back to hear */
    unsigned gap_ms;    /* concealed since the last packet played */
    unsigned unsure_ms; /* concealed while nothing told a loss from a pause */
    unsigned late_run;  /* packets in a row that came too late to be heard */
    int64_t late_since; /* µs */
    int64_t origin;     /* µs from timestamp to arrival of the first packet; the windows count from it */
    bool known;         /* the network, from the stream before: */
    int32_t spread;     /* µs; its target then */
    int32_t floor;      /* µs; the delay is no less */
    int64_t window_end; /* µs */
    unsigned window;    /* the present one */
    unsigned windows;   /* that hold something */
    int32_t fastest[JITTER_WINDOWS], slowest[JITTER_WINDOWS]; /* µs from timestamp to arrival */
    int32_t least, worst; /* of all windows: the fastest, and the slowest but one */
    uint64_t late, duplicate, concealed_ms;
    uint64_t written;
    struct jitter_slot slots[JITTER_SLOTS];
    uint8_t store[JITTER_BYTES];
};

enum jitter_verdict { JITTER_KEPT, JITTER_LATE, JITTER_DUPLICATE, JITTER_RESTARTED };

/* What a packet is made of; in `jitter_get` also what is to be concealed. */
struct jitter_packet {
    uint16_t sequence;
    uint32_t timestamp;
    uint8_t payload_type;
    unsigned ms; /* of sound; 0: no sound, it only fills its place (an event, comfort noise) */
    const uint8_t *payload;
    size_t length;
    bool start;       /* the sender says that he begins after a pause (RFC 3551 §4.1) */
    bool pause;       /* he is silent from here on, and may send nothing (RFC 3389, Opus DTX) */
    unsigned skip_ms; /* jitter_get: leave out this much at its beginning */
};

/* From now on no less delay than this, whatever the network needs (0 to JITTER_MOST_MS): for a listener to
 * whom a gap is worse than time. The stream begins anew. */
void jitter_hold(struct jitter *j, unsigned ms);
/* Forgets the stream, not what was counted. */
void jitter_reset(struct jitter *j);
/* `clock` is the payload type's; a change of it begins a new stream. RESTARTED: kept, but time jumped. */
enum jitter_verdict jitter_put(struct jitter *j, const struct jitter_packet *packet, uint32_t clock,
                               int64_t arrival_us);

enum jitter_sound {
    JITTER_SILENCE, /* nothing plays for 10 ms: not begun, or a pause of the sender */
    JITTER_PLAY,    /* decode `out` */
    JITTER_CONCEAL, /* invent out->ms; out->payload is the packet after the gap, or NULL */
};
enum jitter_sound jitter_get(struct jitter *j, int64_t now_us, struct jitter_packet *out);

/* The packet that plays next is there, and of this type. */
bool jitter_ready(const struct jitter *j, uint8_t payload_type);
/* How much earlier than the network needs it the next packet would be taken out now; negative: too early. */
int64_t jitter_spare_us(const struct jitter *j, int64_t now_us);
/* The delay that the network needs at present. */
int64_t jitter_target_us(const struct jitter *j);
/* After a time without jitter_get(): goes on at the place that is right now. */
void jitter_resume(struct jitter *j, int64_t now_us);

/* Where the next packet's bytes will go. */
static inline const uint8_t *jitter_place(const struct jitter *j)
{
    return j->store + j->written % JITTER_BYTES;
}

#endif
