/* Sums and clips: see mix.h. */
#include "mixer/mix.h"

static int16_t clip(int32_t v)
{
    return (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
}

void mix_add(int32_t *sum, const int16_t *frame, size_t samples)
{
    for (size_t i = 0; i < samples; i++)
        sum[i] += frame[i];
}

void mix_share(const int32_t *sum, const int16_t *own, int16_t *out, size_t samples)
{
    if (!own) {
        for (size_t i = 0; i < samples; i++)
            out[i] = clip(sum[i]);
        return;
    }
    for (size_t i = 0; i < samples; i++)
        out[i] = clip(sum[i] - own[i]);
}

void mix_over(int16_t *frame, const int16_t *over, size_t samples)
{
    for (size_t i = 0; i < samples; i++)
        frame[i] = clip((int32_t)frame[i] + over[i]);
}

void mix_fade(int16_t *frame, size_t samples, int32_t from, int32_t to)
{
    int64_t step = ((int64_t)to - from) * 65536 / (int64_t)samples, gain = (int64_t)from * 65536;

    for (size_t i = 0; i < samples; i++, gain += step)
        frame[i] = (int16_t)((frame[i] * (gain / 65536)) / 32768);
}
