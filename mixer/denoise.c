/* Noise suppression: see denoise.h. */
#include "mixer/denoise.h"

#include "mixer/codec.h"

#include <errno.h>
#include <speex/speex_preprocess.h>
#include <stdlib.h>

struct denoiser {
    SpeexPreprocessState *speex;
    size_t samples; /* of 10 ms */
    uint64_t tick;  /* of the last run */
};

int denoiser_new(struct denoiser **out, unsigned rate)
{
    int on = 1, off = 0;

    if (!rate_valid(rate))
        return EINVAL;
    struct denoiser *d = calloc(1, sizeof(*d));
    if (!d)
        return ENOMEM;
    d->samples = rate * FRAME_MS / 1000;
    d->speex = speex_preprocess_state_init((int)d->samples, (int)rate);
    if (!d->speex) {
        free(d);
        return ENOMEM;
    }
    speex_preprocess_ctl(d->speex, SPEEX_PREPROCESS_SET_DENOISE, &on);
    speex_preprocess_ctl(d->speex, SPEEX_PREPROCESS_SET_AGC, &off); /* the leveller's work */
    *out = d;
    return 0;
}

void denoiser_free(struct denoiser *d)
{
    if (!d)
        return;
    speex_preprocess_state_destroy(d->speex);
    free(d);
}

bool denoiser_run(struct denoiser *d, int16_t *frame, size_t samples, uint64_t tick)
{
    int16_t nothing[FRAME_MAX] = {0};

    if (samples != d->samples)
        return false;
    if (d->tick + 1 != tick) /* what it still holds is of an earlier word */
        speex_preprocess_run(d->speex, nothing);
    d->tick = tick;
    speex_preprocess_run(d->speex, frame);
    return true;
}
