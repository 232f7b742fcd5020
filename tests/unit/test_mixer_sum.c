/* The room's arithmetic against a 64-bit reference, bit for bit. */
#include "mixer/mix.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 480
#define VOICES 100

static int16_t voices[VOICES][SAMPLES];

static uint32_t dice = 12345;

static uint32_t roll(void)
{
    dice = dice * 1664525 + 1013904223;
    return dice >> 8;
}

/* The three kinds of voices: noise, all at full scale, and full scale of both signs. */
static void fill(unsigned kind)
{
    for (unsigned v = 0; v < VOICES; v++) {
        for (unsigned i = 0; i < SAMPLES; i++)
            voices[v][i] = kind == 0   ? (int16_t)roll()
                           : kind == 1 ? (i < SAMPLES / 2 ? INT16_MAX : INT16_MIN)
                                       : (roll() & 1 ? INT16_MAX : INT16_MIN);
    }
}

/* All voices but `without`, summed wide and clipped once. */
static int16_t reference(unsigned count, unsigned without, unsigned i)
{
    int64_t sum = 0;

    for (unsigned v = 0; v < count; v++)
        sum += v == without ? 0 : voices[v][i];
    return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

START_TEST(each_hears_the_others_exactly)
{
    int32_t sum[SAMPLES];
    int16_t out[SAMPLES];

    fill((unsigned)_i);
    for (unsigned count = 2; count <= VOICES; count++) {
        memset(sum, 0, sizeof(sum));
        for (unsigned v = 0; v < count; v++)
            mix_add(sum, voices[v], SAMPLES);
        for (unsigned v = 0; v <= count; v++) {
            mix_share(sum, v < count ? voices[v] : NULL, out, SAMPLES);
            for (unsigned i = 0; i < SAMPLES; i++)
                ck_assert_int_eq(out[i], reference(count, v, i));
        }
    }
}
END_TEST

START_TEST(two_hear_each_other_unchanged)
{
    int32_t sum[SAMPLES] = {0};
    int16_t out[SAMPLES];

    fill(0);
    mix_add(sum, voices[0], SAMPLES);
    mix_add(sum, voices[1], SAMPLES);
    mix_share(sum, voices[0], out, SAMPLES);
    ck_assert_mem_eq(out, voices[1], sizeof(out));
}
END_TEST

START_TEST(fade_is_a_line_between_its_ends)
{
    int16_t frame[80];

    for (unsigned i = 0; i < 80; i++)
        frame[i] = INT16_MIN;
    mix_fade(frame, 80, 0, 32768);
    ck_assert_int_eq(frame[0], 0);
    for (unsigned i = 1; i < 80; i++) {
        ck_assert_int_lt(frame[i], frame[i - 1]);
        ck_assert_int_ge(frame[i], frame[i - 1] - 411);
    }
    for (unsigned i = 0; i < 80; i++)
        frame[i] = 1000;
    mix_fade(frame, 80, 32768, 0);
    ck_assert_int_eq(frame[0], 1000);
    ck_assert_int_lt(frame[79], 20);
    ck_assert_int_ge(frame[79], 0);
}
END_TEST

START_TEST(play_over_talk_is_clipped)
{
    int16_t frame[3] = {30000, -30000, 5}, over[3] = {30000, -30000, -7};

    mix_over(frame, over, 3);
    ck_assert_int_eq(frame[0], INT16_MAX);
    ck_assert_int_eq(frame[1], INT16_MIN);
    ck_assert_int_eq(frame[2], -2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mixer sum");
    TCase *tcase = tcase_create("sum");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, each_hears_the_others_exactly, 0, 3);
    tcase_add_test(tcase, two_hear_each_other_unchanged);
    tcase_add_test(tcase, fade_is_a_line_between_its_ends);
    tcase_add_test(tcase, play_over_talk_is_clipped);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
