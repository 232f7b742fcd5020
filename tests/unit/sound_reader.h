/*
 * Recorded files read as any other program would: by libsndfile.
 */
#ifndef CONFAB_TESTS_SOUND_READER_H
#define CONFAB_TESTS_SOUND_READER_H

#include <check.h>
#include <math.h>
#include <sndfile.h>
#include <stdint.h>
#include <stdlib.h>

struct sound_read {
    int16_t *samples;
    size_t count;
    sf_count_t told; /* the length that the head tells */
    unsigned rate;
    int format;
};

/* Fails the test when it is no mono sound file. */
static inline struct sound_read sound_read(const char *path)
{
    SF_INFO info = {0};
    struct sound_read s = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    size_t size = 0;
    sf_count_t n;

    ck_assert_msg(file != NULL, "%s: %s", path, sf_strerror(NULL));
    ck_assert_int_eq(info.channels, 1);
    s.rate = (unsigned)info.samplerate;
    s.told = info.frames;
    s.format = info.format;
    do {
        if (s.count + 48000 > size) {
            size = 2 * size + 48000;
            s.samples = realloc(s.samples, size * sizeof *s.samples);
            ck_assert_ptr_nonnull(s.samples);
        }
        n = sf_read_short(file, s.samples + s.count, 48000);
        s.count += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    sf_close(file);
    return s;
}

static inline double sound_ms(const struct sound_read *s)
{
    return 1000.0 * (double)s->count / s->rate;
}

/* Amplitude of one frequency from one millisecond to another (Goertzel). */
static inline double sound_tone(const struct sound_read *s, double hz, double from_ms, double to_ms)
{
    size_t from = (size_t)(from_ms * s->rate / 1000), to = (size_t)(to_ms * s->rate / 1000);
    double w = 2 * M_PI * hz / s->rate, a = 0, b = 0;

    ck_assert_uint_le(to, s->count);
    ck_assert_uint_lt(from, to);
    for (size_t i = from; i < to; i++) {
        double c = s->samples[i] + 2 * cos(w) * a - b;
        b = a;
        a = c;
    }
    return 2 * sqrt(a * a + b * b - 2 * cos(w) * a * b) / (double)(to - from);
}

/* The first sample from `from_ms` on that is louder than `level`, in milliseconds; -1: none. */
static inline double sound_first(const struct sound_read *s, int level, double from_ms)
{
    for (size_t i = (size_t)(from_ms * s->rate / 1000); i < s->count; i++) {
        if (abs(s->samples[i]) > level)
            return 1000.0 * (double)i / s->rate;
    }
    return -1;
}

#endif
