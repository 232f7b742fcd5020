/* Time scaling: what is left out or played twice fits, is as long as it says, and makes no click. */
#include "mixer/stretch.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 4800 /* 100 ms at 48 kHz */

static const unsigned rates[] = {8000, 16000, 48000};
static int16_t sound[SAMPLES];

/* A vowel: a pitch and its harmonics. */
static void vowel(double pitch, unsigned rate)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        double sum = 0;

        for (unsigned h = 1; h <= 10; h++)
            sum += sin(2 * M_PI * pitch * h * i / rate + h * h) / h;
        sound[i] = (int16_t)lrint(4000 * sum);
    }
}

static int steepest(const int16_t *samples, size_t count)
{
    int most = 0;

    for (size_t i = 1; i < count; i++)
        most = abs(samples[i] - samples[i - 1]) > most ? abs(samples[i] - samples[i - 1]) : most;
    return most;
}

/* Power of what differs from the vowel as it would have gone on, against the vowel's own, in dB. */
static double error_db(const int16_t *samples, size_t count, double pitch, unsigned rate)
{
    double best = 1e9, power = 0;

    for (size_t i = 0; i < count; i++)
        power += (double)samples[i] * samples[i];
    for (double shift = 0; shift < rate / pitch; shift += rate / 48000.0) {
        double error = 0;
        for (size_t i = 0; i < count; i += 7) {
            double sum = 0;
            for (unsigned h = 1; h <= 10; h++)
                sum += sin(2 * M_PI * pitch * h * ((double)i + shift) / rate + h * h) / h;
            error += 7 * pow(samples[i] - 4000 * sum, 2);
        }
        best = fmin(best, error);
    }
    return 10 * log10(best / power);
}

/* Rates and pitches of men, women and children: 80 to 300 Hz. */
START_TEST(period_of_a_voice_is_left_out)
{
    unsigned rate = rates[_i % 3];
    double pitch = 80 + 44.0 * (_i / 3);

    vowel(pitch, rate);
    int before = steepest(sound, 40 * rate / 1000);
    size_t lag = stretch_cut(sound, 30 * rate / 1000, rate, 15 * rate / 1000);
    ck_assert_uint_ge(lag, rate / 1000 * 25 / 10);
    ck_assert_uint_le(lag, 15 * rate / 1000);
    double periods = (double)lag * pitch / rate;
    ck_assert_double_le(fabs(periods - round(periods)), 0.07);
    ck_assert_int_le(steepest(sound + lag, 25 * rate / 1000), 1.15 * before);
    ck_assert_double_le(error_db(sound + lag, 20 * rate / 1000, pitch, rate), -14);
}
END_TEST

START_TEST(period_of_a_voice_is_played_twice)
{
    unsigned rate = rates[_i % 3];
    double pitch = 80 + 44.0 * (_i / 3);
    size_t past = 20 * rate / 1000;

    vowel(pitch, rate);
    int before = steepest(sound, 40 * rate / 1000);
    size_t lag = stretch_repeat(sound + past, past, 10 * rate / 1000, rate, 10 * rate / 1000);
    ck_assert_uint_ge(lag, rate / 1000 * 25 / 10);
    ck_assert_uint_le(lag, 15 * rate / 1000);
    double periods = (double)lag * pitch / rate;
    ck_assert_double_le(fabs(periods - round(periods)), 0.07);
    /* From the last sample heard on. */
    int16_t joined = sound[past - 1], *next = sound + past - lag;
    ck_assert_int_le(abs(next[0] - joined), 1.15 * before);
    ck_assert_int_le(steepest(next, 20 * rate / 1000), 1.15 * before);
    ck_assert_double_le(error_db(next, 20 * rate / 1000, pitch, rate), -14);
}
END_TEST

START_TEST(silence_is_cut_to_measure)
{
    unsigned rate = rates[_i];
    size_t ms = rate / 1000;

    memset(sound, 0, sizeof(sound));
    ck_assert_uint_eq(stretch_cut(sound, 30 * ms, rate, 7 * ms + 3), 7 * ms + 3);
    ck_assert_uint_eq(stretch_cut(sound, 30 * ms, rate, 0), 0);
    ck_assert_uint_eq(stretch_repeat(sound + 20 * ms, 20 * ms, 10 * ms, rate, 9 * ms), 9 * ms);
}
END_TEST

/* Noise repeats nowhere: it may wait for a better place to be shortened. */
START_TEST(noise_is_left_alone)
{
    unsigned seed = 5;

    for (unsigned i = 0; i < SAMPLES; i++) {
        seed = seed * 1103515245 + 12345;
        sound[i] = (int16_t)((int)(seed >> 16 & 0x3fff) - 0x2000);
    }
    ck_assert_uint_eq(stretch_cut(sound, 240, 8000, 120), 0);
}
END_TEST

/* Never beyond what the caller has. */
START_TEST(little_sound_is_left_alone)
{
    vowel(100, 8000);
    ck_assert_uint_eq(stretch_cut(sound, 39, 8000, 20), 0);
    ck_assert_uint_le(stretch_cut(sound, 80, 8000, 200), 40);
    ck_assert_uint_eq(stretch_repeat(sound, 0, 80, 8000, 80), 0);
    ck_assert_uint_le(stretch_repeat(sound + 30, 30, 80, 8000, 80), 30);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mixer stretch");
    TCase *tcase = tcase_create("stretch");

    tcase_add_loop_test(tcase, period_of_a_voice_is_left_out, 0, 18);
    tcase_add_loop_test(tcase, period_of_a_voice_is_played_twice, 0, 18);
    tcase_add_loop_test(tcase, silence_is_cut_to_measure, 0, 3);
    tcase_add_test(tcase, noise_is_left_alone);
    tcase_add_test(tcase, little_sound_is_left_alone);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
