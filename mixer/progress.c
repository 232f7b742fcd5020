/* Call progress tones by frequency and cadence: see progress.h. */
#include "mixer/progress.h"

#include <math.h>
#include <string.h>

#define BLOCK_FRAMES 4    /* 40 ms: 400 and 425 Hz are told from each other */
#define SILENT_POWER 1e-5 /* of full scale */
#define SHARE 0.75        /* of a block's power; words hold many frequencies at once */
#define PART 0.1          /* that each of two tones has at least */
#define OTHER_BLOCKS                                                                                         \
    3 /* an edge of a tone is neither tone nor pause; what is longer is somebody who speaks */
#define STEADY_BLOCKS 25 /* a second: dial tone */
#define BEATS 2
#define BEAT_BLOCKS 8

static const float frequencies[PROGRESS_TONES] = {350, 400, 425, 440, 480, 620};

/* North America's pairs (dial, ringback, busy and reorder), and what most others send alone (ITU-T E.180). */
static const struct {
    uint8_t one, other;
} signals[] = {{0, 3}, {3, 4}, {4, 5}, {1, 1}, {2, 2}};

static bool block_is_tone(const struct progress_detector *d, double power)
{
    double length = BLOCK_FRAMES * d->rate / 100.0, share[PROGRESS_TONES];

    for (unsigned i = 0; i < PROGRESS_TONES; i++) {
        double a = d->first[i], b = d->second[i];
        double turn = 2 * cos(2 * M_PI * frequencies[i] / d->rate);

        share[i] = 2 * (a * a + b * b - turn * a * b) / (length * length) / power;
    }
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        double one = share[signals[i].one], other = share[signals[i].other];

        if (signals[i].one == signals[i].other ? one > SHARE
                                               : one > PART && other > PART && one + other > SHARE)
            return true;
    }
    return false;
}

static void block_end(struct progress_detector *d)
{
    double power = d->energy / (BLOCK_FRAMES * d->rate / 100.0);

    if (power < SILENT_POWER) {
        d->sounding = false;
        d->other_blocks = 0;
    } else if (block_is_tone(d, power)) {
        if (d->tone_blocks == 0) /* its edge lies in the block before */
            d->begin = d->frames > 2 * BLOCK_FRAMES ? d->frames - 2 * BLOCK_FRAMES : 0;
        d->tone_blocks++;
        d->beats += !d->sounding;
        d->sounding = true;
        d->other_blocks = 0;
    } else if (++d->other_blocks >= OTHER_BLOCKS) {
        d->tone_blocks = d->beats = 0;
        d->sounding = false;
    }
    memset(d->first, 0, sizeof d->first);
    memset(d->second, 0, sizeof d->second);
    d->energy = 0;
    d->fill = 0;
}

bool progress_hear(struct progress_detector *d, const int16_t *frame, unsigned rate)
{
    d->rate = rate;
    for (unsigned t = 0; frame && t < PROGRESS_TONES; t++) {
        float turn = 2 * cosf(2 * (float)M_PI * frequencies[t] / (float)rate);
        float first = d->first[t], second = d->second[t];

        for (unsigned i = 0; i < rate / 100; i++) {
            float next = (float)frame[i] / 32768 + turn * first - second;

            second = first;
            first = next;
        }
        d->first[t] = first;
        d->second[t] = second;
    }
    for (unsigned i = 0; frame && i < rate / 100; i++)
        d->energy += (float)frame[i] * (float)frame[i] / (32768.0F * 32768.0F);
    d->frames++;
    if (++d->fill == BLOCK_FRAMES)
        block_end(d);
    return d->tone_blocks >= STEADY_BLOCKS || (d->beats >= BEATS && d->tone_blocks >= BEAT_BLOCKS);
}
