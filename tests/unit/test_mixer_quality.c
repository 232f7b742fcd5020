/* Bursts and gaps as RFC 3611 §4.7.2 defines them, and the E-model against figures that are published. */
#include "mixer/quality.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* '.' came, 'x' is lost; the last packet comes. */
static struct loss_pattern pattern_of(const char *packets)
{
    struct loss_meter m = {0};
    int64_t ahead = 0;

    for (const char *p = packets; *p; p++) {
        ahead++;
        if (*p == '.') {
            loss_note(&m, ahead);
            ahead = 0;
        }
    }
    return loss_pattern(&m);
}

#define DOTS16 "................"
#define DOTS64 DOTS16 DOTS16 DOTS16 DOTS16

START_TEST(lone_losses_are_a_gap)
{
    struct loss_pattern p = pattern_of("....x" DOTS16 "x" DOTS64 "x" DOTS16);

    ck_assert_uint_eq(p.packets, 4 + 3 + 16 + 64 + 16);
    ck_assert_uint_eq(p.lost, 3);
    ck_assert_uint_eq(p.burst_density, 0);
    ck_assert_double_eq(p.burst_packets, 0);
    ck_assert_uint_eq(p.gap_density, 3 * 256 / p.packets);
    ck_assert_double_eq(p.gap_packets, (double)p.packets);
}
END_TEST

/* Fewer than 16 packets between two losses make a burst of them and all that is between. */
START_TEST(close_losses_are_a_burst)
{
    struct loss_pattern p = pattern_of(DOTS64 "xx...x...............x" DOTS64 "x" DOTS64);

    ck_assert_uint_eq(p.lost, 5);
    ck_assert_double_eq(p.burst_packets, 22);
    ck_assert_uint_eq(p.burst_density, 4 * 256 / 22);
    ck_assert_uint_eq(p.packets, 64 + 22 + 64 + 1 + 64);
    ck_assert_double_eq(p.gap_packets, (64 + 64 + 1 + 64) / 2.0);
    ck_assert_uint_eq(p.gap_density, 256 / (64 + 64 + 1 + 64));
}
END_TEST

START_TEST(late_and_reordered_packets_are_told_apart)
{
    struct loss_meter m = {0};

    for (unsigned i = 0; i < 100; i++)
        loss_note(&m, 1);
    loss_note(&m, 3);  /* two are missing */
    loss_note(&m, -1); /* one comes after all */
    loss_note(&m, 1);
    loss_late(&m, 3); /* the other was there, but too late */
    struct loss_pattern p = loss_pattern(&m);
    ck_assert_uint_eq(p.packets, 104);
    ck_assert_uint_eq(p.lost, 1);
    loss_late(&m, 1);
    ck_assert_uint_eq(loss_pattern(&m).lost, 2);
}
END_TEST

/* ITU-T G.107: R = 93.2 without impairments, MOS 4.41; G.113's Bpl of 25.1 gives Ie,eff = 9.9 + … at 3 %. */
START_TEST(model_gives_the_published_figures)
{
    struct quality q = quality_estimate(CODEC_PCMU, false, 0, 0);

    ck_assert_double_eq_tol(q.r, 93.2, 0.01);
    ck_assert_double_eq_tol(q.mos_lq, 4.41, 0.005);
    ck_assert_double_eq_tol(q.mos_cq, 4.41, 0.005);
    q = quality_estimate(CODEC_PCMA, false, 0.03, 0);
    ck_assert_double_eq_tol(q.r, 93.2 - 95 * 3 / (3 + 25.1), 0.01);
    q = quality_estimate(CODEC_PCMU, false, 0, 150); /* G.114: 150 ms is hardly noticed */
    ck_assert_double_eq_tol(q.r, 89.6, 0.1);
    ck_assert_double_eq_tol(q.mos_lq, 4.41, 0.005);
    q = quality_estimate(CODEC_PCMU, false, 0, 400);
    ck_assert_double_ge(q.r, 55);
    ck_assert_double_le(q.r, 62);
    q = quality_estimate(CODEC_PCMU, false, 1, 2000);
    ck_assert_double_eq(q.r, 0);
    ck_assert_double_eq(q.mos_cq, 1);
}
END_TEST

START_TEST(forward_error_correction_helps)
{
    ck_assert_double_gt(quality_estimate(CODEC_OPUS, true, 0.05, 50).r,
                        quality_estimate(CODEC_OPUS, false, 0.05, 50).r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mixer quality");
    TCase *tcase = tcase_create("quality");

    tcase_add_test(tcase, lone_losses_are_a_gap);
    tcase_add_test(tcase, close_losses_are_a_burst);
    tcase_add_test(tcase, late_and_reordered_packets_are_told_apart);
    tcase_add_test(tcase, model_gives_the_published_figures);
    tcase_add_test(tcase, forward_error_correction_helps);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
