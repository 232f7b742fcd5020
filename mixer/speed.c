/*
 * Speed without a change of pitch: the sound is played as it is for a frame, then leaps to where its time has
 * come, at the place nearby that sounds most like what would have followed, with a blend over 10 ms (WSOLA).
 *
 * Not SpanDSP's time_scale(): that takes a stream and holds up to 33 ms of it back, so every change of speed
 * would lose them or play them twice, and the place in the message would not be known. A sound lies in memory
 * whole, so here all that needs to be kept are two places in it.
 */
#include "mixer/sound_internal.h"

#include <math.h>
#include <string.h>

#define REACH 64 /* samples at 8 kHz to either side: 16 ms hold a period of the deepest voice */
#define ALIKE (NARROW_RATE / 100) /* samples compared */

/* Likeness of two stretches; louder ones do not win by their loudness. */
static float likeness(const int16_t *a, const int16_t *b)
{
    float both = 0, power = 1;

    for (int i = 0; i < ALIKE; i++) {
        both += (float)a[i] * (float)b[i];
        power += (float)b[i] * (float)b[i];
    }
    return both / sqrtf(power);
}

uint32_t speed_leap(const struct samples *s, uint32_t follow, uint32_t target)
{
    uint32_t all = s->length / 2, from = follow / 2, to = target / 2;
    uint32_t low = to > REACH ? to - REACH : 0, high = to + REACH, best = to;
    float best_likeness = -INFINITY;

    if (from + ALIKE > all)
        return target;
    for (uint32_t at = low; at <= high && at + ALIKE <= all; at++) {
        float value = likeness(s->narrow + from, s->narrow + at);

        if (value > best_likeness) {
            best_likeness = value;
            best = at;
        }
    }
    return 2 * best;
}

void frame_blend(int16_t *out, const int16_t *from, size_t samples)
{
    for (size_t i = 0; i < samples; i++)
        out[i] = (int16_t)(((int32_t)out[i] * (int32_t)(i + 1) + from[i] * (int32_t)(samples - i - 1)) /
                           (int32_t)samples);
}

void samples_take(const struct samples *s, bool narrow, uint32_t at, int16_t *out)
{
    unsigned shift = narrow ? 1 : 0;
    uint32_t n = at >= s->length ? 0 : s->length - at < WIDE_FRAME ? s->length - at : WIDE_FRAME;

    if (n > 0)
        memcpy(out, (narrow ? s->narrow : s->wide) + (at >> shift), (n >> shift) * sizeof *out);
    memset(out + (n >> shift), 0, ((WIDE_FRAME - n) >> shift) * sizeof *out);
}
