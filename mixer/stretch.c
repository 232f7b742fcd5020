/* Time scaling by overlap and add: see stretch.h. */
#include "mixer/stretch.h"

#include "mixer/codec.h"

#include <math.h>
#include <string.h>

#define SEARCH_RATE 8000 /* at which the lag is looked for, before it is refined */
#define MS (SEARCH_RATE / 1000)
#define LAG_LEAST (25 * MS / 10)
#define LAG_MOST (STRETCH_LAG_MS * MS)
#define SEAM (STRETCH_SEAM_MS * MS)
#define COARSE (LAG_MOST + SEAM)
#define SEAM_SAMPLES (STRETCH_SEAM_MS * 48)
#define QUIET 50 /* -dBov */
/* How alike both sides of a seam must be. What is added is there to spare a concealment, which sounds worse;
 * what is left out can wait for a better place. */
#define ALIKE_CUT 0.8F
#define ALIKE_REPEAT 0.5F

bool stretch_silent(const int16_t *samples, size_t count)
{
    return frame_level(samples, count) >= QUIET;
}

/* Every `step` samples become one, their mean: good enough a low pass to compare by. */
static void thin_out(const int16_t *in, size_t step, float *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int sum = 0;

        for (size_t k = 0; k < step; k++)
            sum += in[i * step + k];
        out[i] = (float)sum / (float)step;
    }
}

static float likeness_coarse(const float *a, const float *b)
{
    float ab = 0, aa = 1, bb = 1;

    for (size_t i = 0; i < SEAM; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return ab / sqrtf(aa * bb);
}

static float likeness(const int16_t *a, const int16_t *b, size_t count)
{
    int64_t ab = 0, aa = 1, bb = 1;

    for (size_t i = 0; i < count; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return (float)ab / sqrtf((float)aa * (float)bb);
}

/*
 * The lag between `low` and `high` (samples) at which what begins at x and at x + lag (x - lag, where `back`)
 * is most alike for the length of a seam; 0 when nowhere alike enough.
 */
static size_t lag_find(const int16_t *x, unsigned rate, size_t low, size_t high, bool back, float enough)
{
    size_t step = rate / SEARCH_RATE, coarse_low = (low + step - 1) / step, coarse_high = high / step;
    float thin[COARSE], best = 0;
    size_t found = 0;

    if (coarse_high > LAG_MOST)
        coarse_high = LAG_MOST;
    if (coarse_low < LAG_LEAST)
        coarse_low = LAG_LEAST;
    if (coarse_low > coarse_high)
        return 0;
    const float *base = back ? thin + coarse_high : thin;
    thin_out(back ? x - coarse_high * step : x, step, thin, coarse_high + SEAM);
    for (size_t lag = coarse_low; lag <= coarse_high; lag++) {
        float like = likeness_coarse(base, back ? base - lag : base + lag);
        if (like > best) {
            best = like;
            found = lag * step;
        }
    }
    if (best < enough || step == 1)
        return best < enough ? 0 : found;
    size_t from = found - step + 1, to = found + step - 1 < high ? found + step - 1 : high;
    best = -1;
    for (size_t lag = from; lag <= to; lag++) {
        float like = likeness(x, back ? x - lag : x + lag, SEAM * step);
        if (like > best) {
            best = like;
            found = lag;
        }
    }
    return best < enough ? 0 : found;
}

/* From `from` to `to`, which keeps the result; they may overlap. */
static void seam_make(const int16_t *from, int16_t *to, size_t count)
{
    int16_t leaving[SEAM_SAMPLES];

    memcpy(leaving, from, count * sizeof(*from));
    for (size_t i = 0; i < count; i++) {
        int32_t in = (int32_t)((2 * i + 1) * 16384 / count);

        to[i] = (int16_t)((leaving[i] * (32768 - in) + to[i] * in) / 32768);
    }
}

size_t stretch_cut(int16_t *at, size_t ahead, unsigned rate, size_t most)
{
    size_t seam = STRETCH_SEAM_MS * rate / 1000, lag = most;

    if (ahead < seam)
        return 0;
    if (lag > ahead - seam)
        lag = ahead - seam;
    if (lag > 0 && !stretch_silent(at, lag + seam))
        lag = lag_find(at, rate, 0, lag, false, ALIKE_CUT);
    if (lag > 0)
        seam_make(at, at + lag, seam);
    return lag;
}

size_t stretch_repeat(int16_t *at, size_t past, size_t ahead, unsigned rate, size_t silent)
{
    size_t seam = STRETCH_SEAM_MS * rate / 1000, lag = silent;

    if (ahead < seam)
        return 0;
    if (silent == 0 || silent > past || !stretch_silent(at - silent, silent + seam))
        lag = lag_find(at, rate, 0, past, true, ALIKE_REPEAT);
    if (lag > 0)
        seam_make(at, at - lag, seam);
    return lag;
}
