/*
 * Comfort noise (RFC 3389): what a sender's pause sounds like, from the level that its last packet told. The
 * spectrum that may follow the level is passed over.
 *
 * Ownership: a value, begins zeroed. Threads: one at a time. Failure: false where there is none to be made.
 */
#ifndef CONFAB_MIXER_NOISE_H
#define CONFAB_MIXER_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct noise {
    bool on;           /* a packet of comfort noise came, and no sound behind it has been played yet */
    bool sounding;     /* the frame made last is noise */
    uint16_t sequence; /* of that packet */
    int32_t peak;      /* of the samples; 0: as good as silence */
    uint32_t dice;
    int32_t last; /* sample at 8 kHz */
};

/* A packet of comfort noise came. */
void noise_start(struct noise *n, uint16_t sequence, const uint8_t *payload, size_t length);
/* The sound of this packet is played: the pause is over if it came behind the noise. */
void noise_stop(struct noise *n, uint16_t sequence);
/* 10 ms at `rate` (a multiple of 8000). False: no pause, or one that is silent. */
bool noise_frame(struct noise *n, int16_t *out, unsigned rate);

#endif
