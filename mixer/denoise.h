/*
 * Noise suppression of one talker (speexdsp's preprocessor): what is steady behind a voice is brought down by
 * up to 15 dB, and the voice comes 10 ms later.
 *
 * Ownership: made and freed on the signalling thread, used by one worker in between. Threads: see there; a
 * run never allocates. Failure: EINVAL for a rate that is none of ours, ENOMEM.
 */
#ifndef CONFAB_MIXER_DENOISE_H
#define CONFAB_MIXER_DENOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct denoiser;
__attribute__((warn_unused_result)) int denoiser_new(struct denoiser **out, unsigned rate);
void denoiser_free(struct denoiser *d); /* NULL is allowed */
/* 10 ms in place, in tick `tick`. False: it was made for another rate than that of `samples`, and did
 * nothing. */
bool denoiser_run(struct denoiser *d, int16_t *frame, size_t samples, uint64_t tick);

#endif
