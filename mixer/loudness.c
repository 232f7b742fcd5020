/*
 * A talker's level: see loudness.h. Decibels stand in the comments only; in a tick there are powers and
 * factors, and no logarithm.
 */
#include "mixer/loudness.h"

#include "mixer/codec.h"

#include <float.h>
#include <math.h>

#define FULL_SCALE (32768.0F * 32768.0F)
#define TARGET 2.512e-3F     /* -26 dBov */
#define GAIN_MOST 7.943F     /* 18 dB */
#define GAIN_LEAST 0.1259F   /* -18 dB */
#define SPEECH_LEAST 3.2e-6F /* -55 dBov: what is softer is no speech that 18 dB would help */
#define ABOVE_NOISE 7.94F    /* 9 dB: less is noise */
#define PAUSE 0.0257F        /* -15.9 dB (P.56 §6.2): what is further below the mean is a pause */
/* Of the distance, a frame: the noise is to be reached in the short gap before a plosive. */
#define RISES 0.25F
#define FALLS 0.45F
#define MEMORY 400          /* frames of speech: 4 s */
#define SHOUT 10.0F         /* 10 dB: what is further above the mean counts as no more than that */
#define USUAL_RISES 1.007F  /* 3 dB a second of speech */
#define USUAL_FALLS 1.0023F /* 1 */

/* What keeps its level for half a second is a tone, music, or noise: speech never does. */
#define STEADY 6.31F /* 8 dB from least to greatest */
#define STEADY_BLOCKS 2
#define STEADY_LEAST 3.2e-5F /* -45 dBov: below it is taken for noise, and nothing is learnt from it */
#define NOISE_MOST 2.0e-5F   /* -47 dBov, of the least found: the mean of a noise is 2 dB above that */
#define UNKNOWN_GAIN 1.995F  /* 6 dB are always allowed */
#define EXCESS 1.26F         /* 2 dB above what noise allows before a gain is taken back in a pause */

/* A gain sets out when it is 1.5 dB off, so that it rests most of the time. A frame's steps: */
#define NEAR 1.189F
#define FAST 1.0233F      /* 20 dB a second */
#define FAST_DOWN 1.0471F /* 40: too loud hurts */
#define UP 1.00288F       /* 2.5 */
#define DOWN 1.00577F     /* 5 */
#define SLOW_UP 1.00115F  /* 1 */
#define FIRST_FRAMES 20   /* of speech, before a gain rises: a word's first sounds may be soft */
#define FAST_FRAMES 120   /* of speech, within which it moves fast */
#define WEAK_FRAMES 300   /* and of far softer sound: somebody else speaks now */

#define BLOCK_FRAMES 20
#define Q28 268435456.0F /* GAIN_MOST fits into 31 bits */

void leveller_init(struct leveller *l)
{
    *l = (struct leveller){
        .gain = 1, .applied = 1, .smooth = -1, .lowest = FLT_MAX, .recent_low = FLT_MAX, .limiter.gain = 1};
    for (unsigned i = 0; i < LEVELLER_BLOCKS; i++)
        l->lows[i] = FLT_MAX;
}

/* -- what there is to hear
 * -------------------------------------------------------------------------------------- */

static void block_end(struct leveller *l)
{
    l->lowest = l->recent_low = FLT_MAX;
    l->recent_high = 0;
    for (unsigned i = 0; i < LEVELLER_BLOCKS; i++)
        l->lowest = fminf(l->lowest, l->lows[i]);
    for (unsigned i = 0; i < STEADY_BLOCKS; i++) {
        unsigned at = (l->block + LEVELLER_BLOCKS - i) % LEVELLER_BLOCKS;
        l->recent_low = fminf(l->recent_low, l->lows[at]);
        l->recent_high = fmaxf(l->recent_high, l->highs[at]);
    }
    l->block = (l->block + 1) % LEVELLER_BLOCKS;
    l->in_block = 0;
    l->lows[l->block] = FLT_MAX;
    l->highs[l->block] = 0;
}

static bool level_follow(struct leveller *l, float power)
{
    float *low = &l->lows[l->block], *high = &l->highs[l->block];

    l->smooth = l->smooth < 0 ? power : l->smooth + (power < l->smooth ? FALLS : RISES) * (power - l->smooth);
    *low = l->smooth < *low ? l->smooth : *low;
    *high = l->smooth > *high ? l->smooth : *high;
    float least = *low < l->recent_low ? *low : l->recent_low;
    float most = *high > l->recent_high ? *high : l->recent_high;
    if (++l->in_block == BLOCK_FRAMES)
        block_end(l);
    return most < least * STEADY;
}

/* The level that most of his speech stays below: what is far softer does not count, nor does one shout. */
static void usual_follow(struct leveller *l)
{
    if (l->heard == FAST_FRAMES && l->usual <= 0)
        l->usual = l->speech;
    else if (l->smooth > l->usual)
        l->usual *= USUAL_RISES;
    else if (l->smooth > l->usual * PAUSE)
        l->usual /= USUAL_FALLS;
}

/* Takes a frame of speech into the mean; false: it is a pause within speech. */
static bool speech_learn(struct leveller *l, bool steady)
{
    if (l->smooth < l->speech * PAUSE) {
        if (++l->weak < (l->heard < FAST_FRAMES ? FAST_FRAMES / 2 : WEAK_FRAMES))
            return false;
        l->heard = l->heard < FAST_FRAMES ? 0 : FAST_FRAMES;
        l->speech = l->smooth;
    }
    l->weak = 0;
    /* Who has not spoken yet, but let a tone be heard, still has his first second before him. */
    if (l->heard < MEMORY && (!steady || l->heard >= FAST_FRAMES))
        l->heard++;
    if (l->speech < l->usual * PAUSE && l->smooth * SHOUT > l->usual)
        l->speech = l->usual; /* here he is again */
    float power = l->smooth < l->speech * SHOUT || l->speech <= 0 ? l->smooth : l->speech * SHOUT;
    l->speech += (power - l->speech) / (float)(l->heard ? l->heard : 1);
    if (!steady)
        usual_follow(l);
    return true;
}

/* -- what is made of it
 * ----------------------------------------------------------------------------------------- */

static void gain_move(struct leveller *l, bool steady, float most)
{
    float wanted = sqrtf(TARGET / l->speech);
    bool first = l->heard < FAST_FRAMES && !steady;

    if (l->speech < l->usual * PAUSE && most > UNKNOWN_GAIN)
        most = UNKNOWN_GAIN;
    wanted = wanted < GAIN_LEAST ? GAIN_LEAST : wanted > most ? most : wanted;
    if (!l->moving && l->gain < wanted * NEAR && l->gain * NEAR > wanted)
        return;
    if (first && l->heard < FIRST_FRAMES && l->gain < wanted)
        return;
    l->moving = true;
    if (l->gain < wanted)
        l->gain = fminf(wanted, l->gain * (first ? FAST : steady ? SLOW_UP : UP));
    else
        l->gain = fmaxf(wanted, l->gain / (first ? FAST_DOWN : steady ? UP : DOWN));
    if (l->gain == wanted)
        l->moving = false;
}

static void level_learn(struct leveller *l, float power)
{
    bool steady = level_follow(l, power);
    float noise = steady ? l->smooth : fminf(l->lowest, l->lows[l->block]);
    float most = noise * GAIN_MOST * GAIN_MOST < NOISE_MOST ? GAIN_MOST : sqrtf(NOISE_MOST / noise);

    most = most < UNKNOWN_GAIN ? UNKNOWN_GAIN : most;
    bool sound =
        steady ? l->smooth > STEADY_LEAST : l->smooth > SPEECH_LEAST && l->smooth > noise * ABOVE_NOISE;
    if (sound && speech_learn(l, steady))
        gain_move(l, steady, most);
    else if (l->gain > most * EXCESS)
        l->gain /= DOWN;
}

/* A line of gain over the frame: no step is heard. */
static void gain_apply(struct leveller *l, float to, int16_t *frame, size_t samples)
{
    int32_t at = (int32_t)(l->applied * Q28), step = ((int32_t)(to * Q28) - at) / (int32_t)samples;
    int32_t wide[FRAME_MAX], curve[FRAME_MAX];

    /* A factor of 7.943 in Q12 times a sample is less than 2^30. */
    size_t i = 0;
    do {
        wide[i] = (frame[i] * (at >> 16) + 2048) >> 12;
        at += step;
    } while (++i < samples);
    l->applied = to;
    if (limiter_curve(&l->limiter, wide, samples, curve)) {
        limiter_share(wide, NULL, curve, frame, samples);
        return;
    }
    for (i = 0; i < samples; i++)
        frame[i] = (int16_t)wide[i];
}

void leveller_run(struct leveller *l, bool on, int16_t *frame, size_t samples, uint64_t energy)
{
    if (on)
        level_learn(l, (float)energy / ((float)samples * FULL_SCALE));
    float to = on ? l->gain : 1;
    if (l->applied != 1 || to != 1 || l->limiter.gain < 1)
        gain_apply(l, to, frame, samples);
}
