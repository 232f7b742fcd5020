/*
 * Jitter buffer of one RTP stream: holds packets as they came, and says at every tick what is to be heard
 * next.
 *
 * It plays on a time line of the sender's own timestamps, `delay` behind the fastest packets seen lately. The
 * delay it aims at is the worst lateness of the last seconds; it grows where a packet did not come in time
 * anyway, and its owner shrinks it by leaving out frames of silence (jitter_surplus_ms). Clock drift shows up
 * as lateness and is followed the same way.
 *
 * Ownership: a value of fixed size. Threads: one at a time. Failure: none; what cannot be kept counts as
 * lost.
 */
#ifndef CONFAB_MIXER_JITTER_H
#define CONFAB_MIXER_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JITTER_SLOTS 64
#define JITTER_BYTES 12288 /* 1.5 s of G.711 */
#define JITTER_START_MS 40 /* delay before anything is known of the network */
#define JITTER_LEAST_MS 10 /* a packet may come just after the tick that would have played it */
#define JITTER_MOST_MS 200

struct jitter_slot {
    int64_t sequence; /* extended */
    int64_t timestamp;
    uint64_t start; /* byte in the store, counted from the beginning of time */
    uint16_t length, ms;
    uint8_t payload_type;
    bool full;
};

struct jitter {
    uint32_t clock; /* timestamp units a second; 0: nothing came yet */
    bool playing;
    int64_t next, highest;   /* sequence numbers: to be played, and latest that came */
    int64_t newest, play_at; /* timestamps: of `highest`, and of what plays next */
    unsigned last_ms;        /* length of the last packet played */
    int64_t window_start;    /* ms */
    int64_t fastest[2];      /* ms from timestamp to arrival: least of the last window and of this one */
    int64_t slowest[2];      /* and the most */
    int64_t began;           /* ms; when the first packet came */
    uint64_t late, duplicate;
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
};

void jitter_reset(struct jitter *j);
/* `clock` is the payload type's; a change of it begins a new stream. RESTARTED: kept, but time jumped. */
enum jitter_verdict jitter_put(struct jitter *j, const struct jitter_packet *packet, uint32_t clock,
                               int64_t now_ms);

enum jitter_sound {
    JITTER_SILENCE, /* nothing plays: not begun, or a pause of the sender */
    JITTER_PLAY,    /* decode `out` */
    JITTER_CONCEAL, /* invent out->ms; out->payload is the packet after the gap, or NULL */
};
enum jitter_sound jitter_get(struct jitter *j, int64_t now_ms, struct jitter_packet *out);

/* By how much the delay exceeds what is needed; negative when it is too short. */
int64_t jitter_surplus_ms(const struct jitter *j, int64_t now_ms);
/* After a time without jitter_get(): goes on at the place that is right now. */
void jitter_resume(struct jitter *j, int64_t now_ms);

#endif
