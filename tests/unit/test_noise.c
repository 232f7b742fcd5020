/* Comfort noise: its level at every rate, and when it is there. */
#include "mixer/codec.h"
#include "mixer/noise.h"

#include <check.h>
#include <stdlib.h>

static void start(struct noise *n, uint16_t sequence, uint8_t level)
{
    noise_start(n, sequence, &level, 1);
}

/* RFC 3389 §3.1: the level is -dBov. Straight lines between samples take some of it at the wider rates. */
START_TEST(level_is_as_told)
{
    static const unsigned rates[] = {8000, 16000, 48000};
    unsigned rate = rates[_i];

    for (uint8_t level = 40; level <= 70; level = (uint8_t)(level + 10)) {
        struct noise n = {0};
        int16_t sound[48000];
        start(&n, 1, level);
        for (unsigned t = 0; t < 100; t++)
            ck_assert(noise_frame(&n, sound + t * rate / 100, rate));
        unsigned got = frame_level(sound, rate);
        ck_assert_uint_ge(got + 1, level);
        ck_assert_uint_le(got, level + 3U);
    }
}
END_TEST

START_TEST(loud_noise_is_not_believed)
{
    struct noise n = {0};
    int16_t sound[80];

    start(&n, 1, 0);
    ck_assert(noise_frame(&n, sound, 8000));
    ck_assert_uint_ge(frame_level(sound, 80), 38);
    start(&n, 2, 127);
    ck_assert(!noise_frame(&n, sound, 8000)); /* silence need not be made */
    noise_start(&n, 3, NULL, 0);
    ck_assert(!noise_frame(&n, sound, 8000));
}
END_TEST

/* Sound from before the pause is still in the jitter buffer when the noise comes; sound from behind ends it.
 */
START_TEST(sound_behind_it_ends_it)
{
    struct noise n = {0};
    int16_t sound[80];

    ck_assert(!noise_frame(&n, sound, 8000));
    start(&n, 65535, 50);
    noise_stop(&n, 65534);
    ck_assert(noise_frame(&n, sound, 8000));
    start(&n, 65533, 0); /* overtaken */
    noise_stop(&n, 65534);
    ck_assert(noise_frame(&n, sound, 8000));
    noise_stop(&n, 0);
    ck_assert(!noise_frame(&n, sound, 8000));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("noise");
    TCase *tcase = tcase_create("noise");

    tcase_add_loop_test(tcase, level_is_as_told, 0, 3);
    tcase_add_test(tcase, loud_noise_is_not_believed);
    tcase_add_test(tcase, sound_behind_it_ends_it);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
