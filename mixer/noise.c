/* Comfort noise: see noise.h. */
#include "mixer/noise.h"

#include <math.h>

#define NOISE_RATE 8000
#define LOUDEST 40 /* -dBov: what is louder is no background, whatever its sender says */
#define SOFTEST 80 /* and this nobody hears */

void noise_start(struct noise *n, uint16_t sequence, const uint8_t *payload, size_t length)
{
    unsigned level = length > 0 ? payload[0] & 0x7F : SOFTEST; /* RFC 3389 §3.1 */

    /* Where packets overtook each other the newest counts. */
    if (n->on && (int16_t)(sequence - n->sequence) < 0)
        return;
    n->on = true;
    n->sequence = sequence;
    level = level < LOUDEST ? LOUDEST : level;
    /* Evenly spread samples have the power of a third of their peak's. */
    n->peak = level < SOFTEST ? (int32_t)lrint(32768.0 * sqrt(3.0) * pow(10, level / -20.0)) : 0;
}

void noise_stop(struct noise *n, uint16_t sequence)
{
    if ((int16_t)(sequence - n->sequence) > 0)
        n->on = false;
}

bool noise_frame(struct noise *n, int16_t *out, unsigned rate)
{
    unsigned step = rate / NOISE_RATE;

    if (!n->on || n->peak == 0)
        return false;
    for (unsigned i = 0; i < NOISE_RATE / 100; i++) {
        n->dice = n->dice * 1664525U + 1013904223U;
        int32_t next = (int32_t)((int64_t)(n->dice >> 8) * (2 * n->peak + 1) >> 24) - n->peak;
        /* A straight line between samples: the noise of a telephone line stays below 4 kHz at any rate. */
        for (unsigned k = 0; k < step; k++)
            *out++ = (int16_t)(n->last + (next - n->last) * (int32_t)(k + 1) / (int32_t)step);
        n->last = next;
    }
    return true;
}
