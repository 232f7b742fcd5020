/*
 * Prompts from many recording sessions made to fit together: one loudness, little silence at the joints, no
 * clipping.
 */
#include "mixer/sound_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_DBOV (-20.0)
#define SILENCE_DBOV (-60.0)  /* a file whose loudest parts are below is silence made on purpose: left alone \
                               */
#define GAIN_MAX_DB 20.0      /* what is very faint is not a voice, or holds more noise than voice */
#define ACTIVE_MARGIN_DB 15.9 /* ITU-T P.56 §6.2: what is further below the active level is a pause */
#define SILENCE_BELOW_DB 35.0 /* of the active level: soft consonants at a word's edge are about 30 below */
#define KEEP_MS 30
#define PEAK 0.95f /* what the limiter lets through */
#define LOOK 3     /* blocks of 1 ms that the limiter looks ahead and back */
#define SMOOTH 2   /* blocks over which it averages; less than LOOK, so that no peak slips through */
#define LEVEL_ROUNDS 20

static double frame_power(const float *samples, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)samples[i] * samples[i];
    return count > 0 ? sum / (double)count : 0;
}

static double decibel(double power)
{
    return power > 2e-13 ? 10 * log10(power) : -127;
}

/* The level is the mean over frames less than the margin below it: begun at the mean of all, it settles in a
 * few rounds. */
double speech_level(const float *samples, size_t count, unsigned rate)
{
    size_t step = rate / 100;
    double level = decibel(frame_power(samples, count));

    for (int round = 0; round < LEVEL_ROUNDS; round++) {
        double threshold = pow(10, (level - ACTIVE_MARGIN_DB) / 10), sum = 0, next;
        size_t active = 0;

        for (size_t at = 0; at + step <= count; at += step) {
            double power = frame_power(samples + at, step);

            if (power > threshold) {
                sum += power;
                active++;
            }
        }
        next = active > 0 ? decibel(sum / (double)active) : level;
        if (fabs(next - level) < 0.01)
            break;
        level = next;
    }
    return level;
}

/* First and last frame of sound, with the silence that is kept around them. */
static void find_edges(const float *samples, size_t count, unsigned rate, double level, size_t *from,
                       size_t *to)
{
    size_t step = rate / 100, keep = rate * KEEP_MS / 1000, first = count, last = 0;

    for (size_t at = 0; at < count; at += step) {
        size_t n = count - at < step ? count - at : step;

        if (decibel(frame_power(samples + at, n)) > level - SILENCE_BELOW_DB) {
            if (first == count)
                first = at;
            last = at + n;
        }
    }
    *from = first > keep ? first - keep : 0;
    *to = last + keep < count ? last + keep : count;
}

/* Every block's gain is at most what its own and its neighbours' peaks allow, and moves slowly enough not to
 * be heard. */
static void limit_peaks(float *samples, size_t count, unsigned rate)
{
    size_t block = rate / 1000, blocks = (count + block - 1) / block;
    float *need = malloc(3 * blocks * sizeof *need), *low = need + blocks, *gain = low + blocks;
    float least = 1;

    if (!need) {
        for (size_t i = 0; i < count; i++)
            samples[i] = fminf(PEAK, fmaxf(-PEAK, samples[i]));
        return;
    }
    for (size_t b = 0; b < blocks; b++) {
        float peak = 0;

        for (size_t i = b * block; i < (b + 1) * block && i < count; i++)
            peak = fmaxf(peak, fabsf(samples[i]));
        need[b] = peak > PEAK ? PEAK / peak : 1;
        least = fminf(least, need[b]);
    }
    for (size_t b = 0; b < blocks; b++) {
        low[b] = 1;
        for (size_t i = b > LOOK ? b - LOOK : 0; i <= b + LOOK && i < blocks; i++)
            low[b] = fminf(low[b], need[i]);
    }
    for (size_t b = 0; b < blocks; b++) {
        float sum = 0;
        int n = 0;

        for (size_t i = b > SMOOTH ? b - SMOOTH : 0; i <= b + SMOOTH && i < blocks; i++, n++)
            sum += low[i];
        gain[b] = sum / (float)n;
    }
    for (size_t i = 0; least < 1 && i < count; i++) {
        size_t b = i / block, next = b + 1 < blocks ? b + 1 : b;
        float part = (float)(i % block) / (float)block;

        samples[i] *= gain[b] + part * (gain[next] - gain[b]);
    }
    free(need);
}

size_t speech_normalise(float *samples, size_t count, unsigned rate)
{
    double level = speech_level(samples, count, rate), db = TARGET_DBOV - level;
    size_t from, to;
    float gain;

    if (level <= SILENCE_DBOV)
        return count;
    find_edges(samples, count, rate, level, &from, &to);
    gain = (float)pow(10, (db > GAIN_MAX_DB ? GAIN_MAX_DB : db) / 20);
    memmove(samples, samples + from, (to - from) * sizeof *samples);
    count = to - from;
    for (size_t i = 0; i < count; i++)
        samples[i] *= gain;
    limit_peaks(samples, count, rate);
    return count;
}
