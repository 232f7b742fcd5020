/*
 * Keeps the peaks of a mix below full scale without a delay: the 10 ms of a tick are known whole, so the gain
 * comes down over the millisecond before a peak. After it the gain is held for 20 ms and then rises by 15 dB
 * in 100 ms.
 *
 * Ownership: a value. Threads: the worker that has it. Failure: none.
 */
#ifndef CONFAB_MIXER_LIMITER_H
#define CONFAB_MIXER_LIMITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMITER_PEAK 29204 /* what it lets through: 1 dB below full scale */

/* Begins zeroed. */
struct limiter {
    float gain;    /* at the end of the last frame; 0: 1 */
    unsigned hold; /* ms before it may rise */
};
/*
 * The gain for each sample of 10 ms of `sum` (80, 160 or 480 of them), in Q16. False: none is needed, `curve`
 * is not written, and the sum is to go out as it is. A peak in the first millisecond is met where it stands:
 * the samples above are cut at LIMITER_PEAK while the gain comes down.
 */
bool limiter_curve(struct limiter *l, const int32_t *sum, size_t samples, int32_t *curve);
/* As mix_share(), in a tick that is limited. */
void limiter_share(const int32_t *sum, const int16_t *own, const int32_t *curve, int16_t *out,
                   size_t samples);

#endif
