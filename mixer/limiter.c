/* The limiter of a mix: see limiter.h. */
#include "mixer/limiter.h"

#include <string.h>

#define BLOCKS 10    /* of 1 ms */
#define HOLD_MS 20   /* longer than from one peak to the next of the lowest voice */
#define RISE 1.0174F /* 0.15 dB a ms */
#define UNITY 65536

/* Eight at a time, which `samples` is a multiple of: so the compiler can do them side by side. */
static int32_t peak_of(const int32_t *sum, size_t samples)
{
    int32_t peaks[8] = {0}, peak = 0;

    for (size_t i = 0; i < samples; i += 8) {
        for (size_t k = 0; k < 8; k++) {
            int32_t v = sum[i + k] < 0 ? -sum[i + k] : sum[i + k];
            peaks[k] = v > peaks[k] ? v : peaks[k];
        }
    }
    for (size_t k = 0; k < 8; k++)
        peak = peaks[k] > peak ? peaks[k] : peak;
    return peak;
}

/* The gains where blocks meet, knots[0] being the end of the frame before. Each is low enough for the blocks
 * on both its sides, so that every line between two of them is too. */
static void knots_place(struct limiter *l, const float *need, float *knots)
{
    knots[0] = l->gain;
    for (unsigned k = 1; k <= BLOCKS; k++) {
        float most = k < BLOCKS && need[k] < need[k - 1] ? need[k] : need[k - 1], gain = knots[k - 1];
        if (l->hold > 0)
            l->hold--;
        else
            gain = gain * RISE < 1 ? gain * RISE : 1;
        if (most < 1 && most <= gain) {
            gain = most;
            l->hold = HOLD_MS;
        }
        knots[k] = gain;
    }
    l->gain = knots[BLOCKS];
}

bool limiter_curve(struct limiter *l, const int32_t *sum, size_t samples, int32_t *curve)
{
    size_t step = samples / BLOCKS;
    float need[BLOCKS], knots[BLOCKS + 1];

    if (l->gain <= 0)
        l->gain = 1;
    if (l->gain >= 1 && peak_of(sum, samples) <= LIMITER_PEAK)
        return false;
    for (unsigned b = 0; b < BLOCKS; b++) {
        int32_t peak = peak_of(sum + b * step, step);
        need[b] = peak > LIMITER_PEAK ? (float)LIMITER_PEAK / (float)peak : 1;
    }
    knots_place(l, need, knots);
    for (unsigned b = 0; b < BLOCKS; b++) {
        int32_t gain = (int32_t)(knots[b] * UNITY), end = (int32_t)(knots[b + 1] * UNITY);
        int32_t slope = (end - gain) * 64 / (int32_t)step; /* Q22: the steps of a ms are small */
        for (size_t i = 0; i < step; i++)
            curve[b * step + i] = gain + slope * (int32_t)i / 64;
    }
    /* Nothing has come down ahead of the first block: its peaks are cut. */
    for (size_t i = 0; knots[0] > need[0] && i < step; i++) {
        int64_t v = sum[i] < 0 ? -(int64_t)sum[i] : sum[i];
        if (v * curve[i] > (int64_t)LIMITER_PEAK * UNITY)
            curve[i] = (int32_t)((int64_t)LIMITER_PEAK * UNITY / v);
    }
    return true;
}

void limiter_share(const int32_t *sum, const int16_t *own, const int32_t *curve, int16_t *out, size_t samples)
{
    for (size_t i = 0; i < samples; i++) {
        int64_t v = (int64_t)(sum[i] - (own ? own[i] : 0)) * curve[i];
        v = (v + UNITY / 2) >> 16;
        /* Less his own part a sum can be greater than with it. */
        out[i] = (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
    }
}
