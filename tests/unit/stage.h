/*
 * A stage for tests of sound: the engine driven tick by tick in a time of its own, and members whose every
 * sample is known, both what they say and what they hear. Nothing depends on how busy the machine is, so
 * what is heard is the same in every run, to the bit.
 *
 * Ownership: stage_begin() starts the mixer and stage_end() ends it with all members. Threads: the test's
 * own does everything. Failure: the case fails.
 */
#ifndef CONFAB_TESTS_STAGE_H
#define CONFAB_TESTS_STAGE_H

#include "mixer/engine.h"

#include <check.h>
#include <netinet/in.h>

#define MEMBERS_MAX 110
#define FULL_SCALE 32767

/* Sound by the sample, from the stage's beginning; `at` counts them at the codec's rate (codec_rate()). */
struct line {
    int16_t *samples;
    size_t count, room;
};

struct member {
    bool open;
    int fd;
    port_id port;
    struct sockaddr_in to;
    struct media_format format;
    enum codec codec;
    unsigned rate, ticks;
    unsigned phase; /* in which tick of `ticks` it sends */
    struct encoder *encoder;
    struct decoder *decoder;
    /* What it says */
    int16_t (*voice)(struct member *m, uint64_t at);
    double hz, amplitude;
    bool mute; /* sends nothing */
    bool deaf; /* reads nothing */
    uint16_t sequence;
    uint32_t ssrc;
    struct line said;
    /* What it hears, at the time at which it was made to end (by its RTP timestamp); gaps are silence */
    struct line heard;
    unsigned packets, octets;
    uint64_t digest; /* of all payloads heard, with their timestamps since the beginning */
};

extern struct mixer *stage;
extern struct member cast[MEMBERS_MAX];
extern unsigned stage_ticks;                         /* that have passed */
extern unsigned stage_events[EVENT_PORT_CLOSED + 1]; /* how many of each kind came */
extern struct mixer_event stage_recorded;            /* the last end of a recording */

void stage_begin(const char *io, unsigned ports);
void stage_end(void);
/* Of this process' own, where no other test has taken the ports. */
struct sockaddr_in stage_address(void);
/* A room in which nothing but what a case is about changes the sound. */
room_id stage_room(unsigned rate);
void stage_run(unsigned ms);

/* Opens the next member: silent until it is given a voice. Sends 20 ms packets. */
struct member *member_open(enum codec codec);
struct member *member_join(enum codec codec, room_id room);
struct port *member_port(const struct member *m); /* the engine's own */
void member_close(struct member *m);
void member_send(struct member *m, const void *data, size_t length); /* a datagram of any kind */

int16_t voice_silent(struct member *m, uint64_t at);
int16_t voice_tone(struct member *m, uint64_t at);
int16_t voice_noise(struct member *m, uint64_t at);  /* white, another one for each member */
int16_t voice_square(struct member *m, uint64_t at); /* of both signs by chance */

/* -- what there is in a stretch of sound: `samples` from `from` on, which must have been heard */

const int16_t *line_part(const struct line *l, size_t from, size_t samples);
double sound_level(const int16_t *sound, size_t samples); /* root mean square, in dBFS */
double sound_tone(const int16_t *sound, size_t samples, unsigned rate, double hz); /* amplitude */
/* The loudest sample above 2 kHz, in dBFS: of low tones that go on smoothly nothing is left there but the
 * codec's noise, while a step has its share everywhere. */
double sound_click(const int16_t *sound, size_t samples, unsigned rate);
/* Signal to noise in dB: `sound` against `ideal`, whose level and delay are the same. */
double sound_snr(const int16_t *ideal, const int16_t *sound, size_t samples);

#endif
