/*
 * Tones that an exchange sends when the far side has gone: dial, busy, reorder, ringback. A recording that
 * ends in them shall end before them.
 *
 * Ownership: a value, begins zeroed. Threads: one at a time; no memory is asked for. Failure: none.
 */
#ifndef CONFAB_MIXER_PROGRESS_H
#define CONFAB_MIXER_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_TONES 6

struct progress_detector {
    unsigned rate;
    float first[PROGRESS_TONES], second[PROGRESS_TONES], energy; /* of the block at hand (Goertzel) */
    unsigned fill;                                               /* frames in it */
    uint32_t frames;                                             /* heard in all */
    uint32_t begin;                                              /* frame in which the tones began */
    unsigned tone_blocks, beats, other_blocks; /* since then; beats: times that it came on */
    bool sounding;                             /* the last block that was clear was tone */
};

/* 10 ms at `rate` Hz; NULL: silence. True: what was heard since frame `begin` is tones and pauses alone, and
 * their cadence is an exchange's. */
bool progress_hear(struct progress_detector *d, const int16_t *frame, unsigned rate);

#endif
