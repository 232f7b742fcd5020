/*
 * Frames of 10 ms from one rate to another. All ratios are whole numbers, so speexdsp, which begins with
 * silence in its filter instead of holding samples back, gives exactly one frame for each from the first one
 * on.
 */
#include "mixer/codec.h"

#include <errno.h>
#include <speex/speex_resampler.h>
#include <stdlib.h>
#include <string.h>

struct resampler {
    unsigned in, out;           /* samples of a frame */
    SpeexResamplerState *speex; /* NULL: the rates are the same */
};

int resampler_new(struct resampler **out, unsigned from, unsigned to)
{
    struct resampler *r;
    int error = 0;

    if (!rate_valid(from) || !rate_valid(to))
        return EINVAL;
    r = calloc(1, sizeof *r);
    if (!r)
        return ENOMEM;
    r->in = from / 100;
    r->out = to / 100;
    if (from != to) {
        r->speex = speex_resampler_init(1, from, to, SPEEX_RESAMPLER_QUALITY_VOIP, &error);
        if (!r->speex) {
            free(r);
            return ENOMEM;
        }
    }
    *out = r;
    return 0;
}

void resampler_free(struct resampler *r)
{
    if (!r)
        return;
    if (r->speex)
        speex_resampler_destroy(r->speex);
    free(r);
}

void resampler_run(struct resampler *r, const int16_t *in, int16_t *out)
{
    spx_uint32_t taken = r->in, given = r->out;

    if (!r->speex) {
        memcpy(out, in, r->out * sizeof *out);
        return;
    }
    speex_resampler_process_int(r->speex, 0, in, &taken, out, &given);
    if (given < r->out)
        memset(out + given, 0, (r->out - given) * sizeof *out);
}

void resampler_reset(struct resampler *r)
{
    if (r->speex)
        speex_resampler_reset_mem(r->speex);
}

/* The filters are shorter than a frame. */
void resampler_catch_up(struct resampler *r, const int16_t *in)
{
    int16_t out[FRAME_MAX];

    resampler_reset(r);
    resampler_run(r, in, out);
}
