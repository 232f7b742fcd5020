/*
 * A play and the sounds for it, without a port: what the tests of players share.
 */
#ifndef CONFAB_TESTS_PLAYER_KIT_H
#define CONFAB_TESTS_PLAYER_KIT_H

#include "mixer/codec.h"
#include "mixer/files.h"
#include "mixer/sound_internal.h"
#include "tests/unit/mixer_double.h"

#include <math.h>
#include <sndfile.h>

static struct mixer mixer;

static inline void player_begin(void)
{
    folder_make();
    double_start(&mixer);
}

static inline void player_end(void)
{
    double_stop(&mixer);
    folder_remove();
}

static inline sound_id sound_of(const char *name, const int16_t *samples, size_t count, unsigned rate)
{
    SF_INFO info = {.samplerate = (int)rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(in_folder(name), SFM_WRITE, &info);
    sound_id id = 0;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(sf_writef_short(file, samples, (sf_count_t)count), (sf_count_t)count);
    sf_close(file);
    ck_assert_int_eq(double_load(&mixer, in_folder(name), false, &id), 0);
    return id;
}

static inline sound_id tone_of(double hz, unsigned seconds)
{
    static int16_t in[16000 * 20];

    ck_assert_uint_le(seconds, 20);
    for (size_t i = 0; i < 16000 * seconds; i++)
        in[i] = (int16_t)lrint(8000 * sin(2 * M_PI * hz * (double)i / 16000));
    return sound_of("tone.wav", in, 16000 * seconds, 16000);
}

/* Something like a voice: harmonics that swell and move; another one for another seed. */
static inline size_t voice_make(int16_t *out, unsigned seconds, unsigned seed)
{
    double phase = 0;

    for (size_t i = 0; i < 16000 * seconds; i++) {
        double t = (double)i / 16000, swell = fmax(0.1, sin(2 * M_PI * 2.3 * t + seed)), value = 0;

        phase += 2 * M_PI * (120 + 30 * sin(2 * M_PI * 0.7 * t + seed)) / 16000;
        for (int k = 1; k <= 20; k++)
            value += sin(k * phase) / k * (1 + sin(2 * M_PI * (0.3 + 0.1 * k) * t));
        out[i] = (int16_t)lrint(3000 * swell * value);
    }
    return 16000 * seconds;
}

static inline void start(struct player *p, const struct play_item *items, unsigned count, bool repeat)
{
    ck_assert_int_eq(player_hold(mixer.sounds, items, count), 0);
    player_start(p, mixer.sounds, 7, items, count, repeat);
}

static inline size_t render(struct player *p, unsigned rate, int16_t *out, unsigned frames)
{
    for (unsigned i = 0; i < frames; i++)
        ck_assert(player_render(p, rate, out + i * rate / 100));
    return frames * rate / 100;
}

#endif
