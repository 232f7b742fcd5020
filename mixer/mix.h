/*
 * The arithmetic of a room: exact sums in 32 bits, each listener's share of them, and one clip at the end.
 *
 * Ownership: none. Threads: any. Failure: none; 65536 full-scale voices fit into a sum.
 */
#ifndef CONFAB_MIXER_MIX_H
#define CONFAB_MIXER_MIX_H

#include <stddef.h>
#include <stdint.h>

void mix_add(int32_t *sum, const int16_t *frame, size_t samples);
/* The sum less one's `own` exact contribution (NULL: none), clipped once. */
void mix_share(const int32_t *sum, const int16_t *own, int16_t *out, size_t samples);
/* Adds `over` to `frame`, clipped. */
void mix_over(int16_t *frame, const int16_t *over, size_t samples);
/* A straight line of gain over the frame, in 1/32768: a voice that comes or goes without a click. */
void mix_fade(int16_t *frame, size_t samples, int32_t from, int32_t to);

#endif
