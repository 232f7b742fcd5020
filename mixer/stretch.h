/*
 * Time scaling: takes a little time out of sound, or adds some, where that is not heard. Voices and tones
 * repeat; one repetition (a pitch period or a few) is left out or played twice, with a cross-fade at the
 * seam. In silence any cut will do.
 *
 * Ownership: works in the caller's buffer. Threads: any; no allocation. Failure: 0 where no seam is good
 * enough.
 */
#ifndef CONFAB_MIXER_STRETCH_H
#define CONFAB_MIXER_STRETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRETCH_LAG_MS 15 /* longest repetition; 67 Hz */
#define STRETCH_SEAM_MS 5 /* cross-fade */

/*
 * `at` is what plays next, with `ahead` samples of it, at 8000, 16000 or 48000 Hz. Returns how many samples
 * to leave out, at most `most`: go on at `at` plus that, where the seam has been made.
 */
size_t stretch_cut(int16_t *at, size_t ahead, unsigned rate, size_t most);
/*
 * The same the other way: before `at` there are `past` samples that were heard already. Returns how many of
 * them to play once more: go on at `at` less that. `silent` is what to add where nothing is heard.
 */
size_t stretch_repeat(int16_t *at, size_t past, size_t ahead, unsigned rate, size_t silent);

/* Nobody misses or notices it: softer than -50 dBov. */
bool stretch_silent(const int16_t *samples, size_t count);

#endif
