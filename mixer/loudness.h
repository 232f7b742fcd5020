/*
 * Loudness: brings one talker towards -26 dBov active speech level (the mean power of what is speech, in the
 * manner of ITU-T P.56), by at most 18 dB up or down.
 *
 * It learns only while there is speech, at 2.5 dB a second up and 5 down (in a talker's first second faster),
 * and keeps what it has learnt over pauses. What is steady may be noise, or music; what is far softer than
 * the talker was may be a television behind him. Either is raised slowly, by 6 dB at most, and noise by more
 * only where it stays below about -45 dBov.
 *
 * Ownership: a value in the port. Threads: the worker that has the port. Failure: none.
 */
#ifndef CONFAB_MIXER_LOUDNESS_H
#define CONFAB_MIXER_LOUDNESS_H

#include "mixer/limiter.h"

/* Of 200 ms: nobody talks for longer without a breath, in which the noise is bare. */
#define LEVELLER_BLOCKS 24

/* All powers are parts of full scale's. */
struct leveller {
    float gain;     /* what has been learnt, as a factor */
    float applied;  /* at the end of the last frame: `gain`, or 1 where none is wanted */
    bool moving;    /* the gain is on its way: it sets out late and stops at the goal */
    float speech;   /* mean power of speech */
    unsigned heard; /* frames of speech in that mean, up to its memory */
    unsigned weak;  /* frames of sound in a row that are far below it */
    float usual;    /* where his speech usually is; 0: not known yet */
    float smooth;   /* power of the last 40 ms or so */
    /* Least and greatest of `smooth`: in each of the last blocks; and, made at a block's end, least of all
     * blocks, and least and greatest of the newest few. */
    float lows[LEVELLER_BLOCKS], highs[LEVELLER_BLOCKS];
    float lowest, recent_low, recent_high;
    unsigned block, in_block;
    struct limiter limiter; /* for who shouts into a gain that was made for a whisper */
};
void leveller_init(struct leveller *l);
/*
 * Takes 10 ms of a talker (80, 160 or 480 samples) and gives it its loudness; `energy` is frame_energy() of
 * it. With `on` false it goes back to its own loudness within the frame, and is then left alone bit for bit.
 */
void leveller_run(struct leveller *l, bool on, int16_t *frame, size_t samples, uint64_t energy);

#endif
