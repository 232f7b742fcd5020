/* RTP and RTCP packets and figures, by the clauses of RFC 3550. */
#include "mixer/rtcp.h"
#include "mixer/rtp.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN 0x80, 0x00, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef

struct row {
    const char *clause;
    uint8_t data[40];
    size_t length;
    bool good;
    size_t payload_at, payload_length;
};

static const struct row rows[] = {
    {"5.1 fixed header alone", {PLAIN}, 12, true, 12, 0},
    {"5.1 payload", {PLAIN, 1, 2, 3}, 15, true, 12, 3},
    {"5.1 shorter than a header", {PLAIN}, 11, false, 0, 0},
    {"5.1 version 1", {0x40, 0, 0, 1}, 12, false, 0, 0},
    {"5.1 version 0 (STUN, RFC 7983)", {0x00, 1, 0, 0}, 20, false, 0, 0},
    {"5.1 two CSRCs", {0x82, 0, 0, 1}, 22, true, 20, 2},
    {"5.1 more CSRCs than bytes", {0x8f, 0, 0, 1}, 40, false, 0, 0},
    {"5.3.1 extension of one word",
     {0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1},
     22,
     true,
     20,
     2},
    {"5.3.1 empty extension", {0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 0}, 18, true, 16, 2},
    {"5.3.1 extension beyond the end",
     {0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 9},
     22,
     false,
     0,
     0},
    {"5.3.1 extension without a header", {0x90}, 14, false, 0, 0},
    {"5.1 padding of two", {0xa0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7, 0, 2}, 16, true, 12, 2},
    {"5.1 padding is all", {0xa0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4}, 16, true, 12, 0},
    {"5.1 padding beyond the payload", {0xa0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5}, 16, false, 0, 0},
    {"5.1 padding of none", {0xa0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 16, false, 0, 0},
    {"5.1 padding without a payload", {0xa0}, 12, false, 0, 0},
};

START_TEST(rtp_is_validated)
{
    const struct row *r = &rows[_i];
    struct rtp_packet p;

    ck_assert_msg(rtp_parse(&p, r->data, r->length) == r->good, "%s", r->clause);
    if (!r->good)
        return;
    ck_assert_msg(p.payload == r->data + r->payload_at && p.length == r->payload_length, "%s", r->clause);
}
END_TEST

START_TEST(rtp_header_comes_back)
{
    struct rtp_packet in = {0xdeadbeef, 0xfffffff0, 65535, 101, true, NULL, 0}, out;
    uint8_t data[RTP_HEADER];

    rtp_build(data, &in);
    ck_assert(rtp_parse(&out, data, sizeof(data)));
    ck_assert_uint_eq(out.ssrc, in.ssrc);
    ck_assert_uint_eq(out.timestamp, in.timestamp);
    ck_assert_uint_eq(out.sequence, in.sequence);
    ck_assert_uint_eq(out.payload_type, in.payload_type);
    ck_assert(out.marker);
    ck_assert_uint_eq(data[0], 0x80);
}
END_TEST

/* A.1 and A.3: sequence numbers that wrap, come late, twice, or not at all. */
START_TEST(loss_is_counted_over_a_wrap)
{
    struct rtp_source s;

    rtp_source_start(&s, 1, 65533);
    ck_assert(rtp_source_update(&s, 65534));
    ck_assert(rtp_source_update(&s, 0)); /* 65535 is missing */
    ck_assert(rtp_source_update(&s, 2)); /* and 1 */
    ck_assert_int_eq(rtp_source_lost(&s), 2);
    ck_assert(rtp_source_update(&s, 65535)); /* late: the cycle does not count twice */
    ck_assert_int_eq(rtp_source_lost(&s), 1);
    ck_assert_uint_eq(rtp_source_extended(&s), 65536 + 2);
    ck_assert(rtp_source_update(&s, 2));
    ck_assert(rtp_source_update(&s, 2));
    ck_assert_int_eq(rtp_source_lost(&s), -1); /* A.3: duplicates may make it negative */
}
END_TEST

START_TEST(wild_jump_needs_two_packets)
{
    struct rtp_source s;

    rtp_source_start(&s, 1, 100);
    ck_assert(!rtp_source_update(&s, 30000));
    ck_assert(rtp_source_update(&s, 101)); /* a stray packet changed nothing */
    ck_assert(!rtp_source_update(&s, 40000));
    ck_assert(rtp_source_update(&s, 40001)); /* the sender began anew */
    ck_assert_int_eq(rtp_source_lost(&s), 0);
    ck_assert_uint_eq(rtp_source_extended(&s), 40001);
}
END_TEST

/* A.8 with integers, against §6.4.1's formula in floating point. */
START_TEST(jitter_follows_the_formula)
{
    static const int spread[] = {0, 40, 3, 17, 80, 1, 0, 29, 64, 11};
    struct rtp_source s;
    double j = 0;
    int before = 0;

    rtp_source_start(&s, 1, 0);
    for (int i = 0; i < 500; i++) {
        int late = spread[i % 10];
        rtp_source_jitter(&s, 0xfffff000U + (uint32_t)(160 * i + late), 0xffffff00U + (uint32_t)(160 * i));
        if (i > 0)
            j += (abs(late - before) - j) / 16;
        before = late;
    }
    ck_assert_double_gt((s.jitter_q4 / 16.0), j - 1);
    ck_assert_double_lt((s.jitter_q4 / 16.0), j + 1);
}
END_TEST

START_TEST(report_gives_the_fraction_since_the_last_one)
{
    struct rtp_source s;
    struct rtcp_report r;

    rtp_source_start(&s, 9, 0);
    for (uint16_t i = 1; i < 100; i++) {
        if (i % 4)
            ck_assert(rtp_source_update(&s, i));
    }
    rtcp_report_make(&r, &s, 0xabcd, 65536);
    ck_assert_uint_eq(r.fraction, 24 * 256 / 100); /* A.3 */
    ck_assert_int_eq(r.lost, 24);
    ck_assert_uint_eq(r.highest, 99);
    ck_assert_uint_eq(r.last_sr, 0xabcd);
    for (uint16_t i = 100; i < 200; i++)
        ck_assert(rtp_source_update(&s, i));
    rtcp_report_make(&r, &s, 0, 0);
    ck_assert_uint_eq(r.fraction, 0);
    ck_assert_int_eq(r.lost, 24);
    rtcp_report_make(&r, &s, 0, 0); /* nothing was expected */
    ck_assert_uint_eq(r.fraction, 0);
}
END_TEST

START_TEST(compound_comes_back)
{
    struct rtcp_sender sender = {rtcp_ntp(1000000), 160, 3, 480};
    struct rtcp_report report = {0x2222, 10, -3, 70000, 55, 7, 8};
    struct rtcp_seen seen;
    uint8_t data[RTCP_MAX];
    size_t length = rtcp_build(data, 0x1111, &sender, &report, NULL, "0123456789abcdef01234567", true);

    ck_assert_uint_eq(length % 4, 0);
    ck_assert_uint_eq(length, 52 + 36 + 8);
    ck_assert(rtcp_parse(&seen, data, length, 0x2222));
    ck_assert_uint_eq(seen.ssrc, 0x1111);
    ck_assert(seen.sender && seen.bye && seen.about_us);
    ck_assert_uint_eq(seen.ntp_middle, (uint32_t)(sender.ntp >> 16));
    ck_assert_int_eq(seen.report.lost, -3);
    ck_assert_uint_eq(seen.report.highest, 70000);
    ck_assert_uint_eq(sender.ntp >> 32, 2208988801U);
    length = rtcp_build(data, 0x1111, NULL, NULL, NULL, "abc", false);
    ck_assert(rtcp_parse(&seen, data, length, 0x2222));
    ck_assert(!seen.sender && !seen.bye && !seen.about_us);
    for (size_t cut = 1; cut < length; cut++) /* A.2: lengths must add up */
        ck_assert(cut % 4 == 0 || !rtcp_parse(&seen, data, cut, 0x2222));
}
END_TEST

/* A.3: what came twice hides a loss in the report, and is known to have come twice. */
START_TEST(duplicates_are_known)
{
    struct rtp_source s;
    struct rtcp_report r;

    rtp_source_start(&s, 9, 65530);
    for (unsigned i = 1; i < 50; i++) {
        if (i % 10 == 5)
            continue;
        ck_assert(rtp_source_update(&s, (uint16_t)(65530 + i)));
        ck_assert(!s.again);
        if (i % 10 == 7) {
            ck_assert(rtp_source_update(&s, (uint16_t)(65530 + i)));
            ck_assert(s.again);
        }
    }
    ck_assert(rtp_source_update(&s, (uint16_t)(65530 + 45))); /* comes after the others: no duplicate */
    ck_assert(!s.again);
    ck_assert(rtp_source_update(&s, (uint16_t)(65530 + 40)));
    ck_assert(s.again);
    ck_assert_uint_eq(s.repeated, 6);
    ck_assert_int_eq(rtp_source_lost(&s), 4 - 6);
    rtcp_report_make(&r, &s, 0, 0);
    ck_assert_int_eq(r.lost, -2);
    ck_assert_uint_eq(r.fraction, 0);
    ck_assert_uint_eq(r.highest, 65530 + 49);
}
END_TEST

/* §6.4.1's own example: A = 0xb710:8000, LSR = 0xb705:2000, DLSR = 5.250 s make 6.125 s. */
START_TEST(round_trip_is_that_of_the_example)
{
    struct rtcp_report r = {.last_sr = 0xb7052000, .since_sr = 0x00054000};

    ck_assert_int_eq(rtcp_round_trip_us(&r, (uint64_t)0xb7108000 << 16), 6125000);
    r.last_sr = 0;
    ck_assert_int_lt(rtcp_round_trip_us(&r, (uint64_t)0xb7108000 << 16), 0);
    r.last_sr = 0xb7112000; /* from the future */
    ck_assert_int_lt(rtcp_round_trip_us(&r, (uint64_t)0xb7108000 << 16), 0);
}
END_TEST

/* RFC 3611 §4.7, byte by byte; who does not know the type skips it by its length. */
START_TEST(voip_metrics_are_as_the_rfc_draws_them)
{
    static const uint8_t block[] = {0x80, 207, 0,  10,  0,  0,  0x11, 0x11, 7,    0,  0,  8,  0,   0,   0x22,
                                    0x22, 13,  2,  90,  1,  1,  0x2c, 0x17, 0x70, 0,  80, 0,  120, 127, 127,
                                    127,  16,  78, 127, 40, 39, 0xb0, 0,    0,    60, 0,  70, 0,   200};
    struct rtcp_voip voip = {.ssrc = 0x2222,
                             .loss_rate = 13,
                             .discard_rate = 2,
                             .burst_density = 90,
                             .gap_density = 1,
                             .burst_ms = 300,
                             .gap_ms = 6000,
                             .round_trip_ms = 80,
                             .end_system_ms = 120,
                             .gmin = 16,
                             .r_factor = 78,
                             .mos_lq = 40,
                             .mos_cq = 39,
                             .jitter_nominal_ms = 60,
                             .jitter_maximum_ms = 70,
                             .jitter_most_ms = 200};
    struct rtcp_sender sender = {rtcp_ntp(1000000), 160, 3, 480};
    struct rtcp_report report = {0x2222, 10, 3, 70000, 55, 7, 8};
    struct rtcp_seen seen;
    uint8_t data[RTCP_MAX];
    size_t length =
        rtcp_build(data, 0x1111, &sender, &report, &voip, "0123456789abcdef0123456789abcdef", true);

    ck_assert_uint_le(length, RTCP_MAX);
    ck_assert_mem_eq(data + length - 8 - sizeof(block), block, sizeof(block));
    ck_assert(rtcp_parse(&seen, data, length, 0x2222));
    ck_assert(seen.about_us && seen.bye);
    ck_assert_int_eq(seen.report.lost, 3);
}
END_TEST

START_TEST(broken_rtcp_is_refused)
{
    static const uint8_t version[8] = {0x40, 201, 0, 1}, type[8] = {0x80, 100, 0, 1},
                         count[8] = {0x81, 201, 0, 1}, beyond[8] = {0x80, 201, 0, 9};
    struct rtcp_seen seen;

    ck_assert(!rtcp_parse(&seen, version, 8, 0));
    ck_assert(!rtcp_parse(&seen, type, 8, 0));
    ck_assert(!rtcp_parse(&seen, count, 8, 0));
    ck_assert(!rtcp_parse(&seen, beyond, 8, 0));
    ck_assert(!rtcp_parse(&seen, beyond, 0, 0));
}
END_TEST

/* RFC 5761 §4: what is RTCP on a shared port; no negotiable payload type looks like it. */
START_TEST(rtcp_is_told_apart)
{
    for (unsigned second = 0; second < 256; second++) {
        uint8_t data[2] = {0x80, (uint8_t)second};
        ck_assert(rtp_is_rtcp(data, 2) == (second >= 192 && second <= 223));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mixer rtp");
    TCase *tcase = tcase_create("rtp");

    tcase_add_loop_test(tcase, rtp_is_validated, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, rtp_header_comes_back);
    tcase_add_test(tcase, loss_is_counted_over_a_wrap);
    tcase_add_test(tcase, wild_jump_needs_two_packets);
    tcase_add_test(tcase, jitter_follows_the_formula);
    tcase_add_test(tcase, report_gives_the_fraction_since_the_last_one);
    tcase_add_test(tcase, compound_comes_back);
    tcase_add_test(tcase, duplicates_are_known);
    tcase_add_test(tcase, round_trip_is_that_of_the_example);
    tcase_add_test(tcase, voip_metrics_are_as_the_rfc_draws_them);
    tcase_add_test(tcase, broken_rtcp_is_refused);
    tcase_add_test(tcase, rtcp_is_told_apart);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
