/* SRTP and SRTCP against libsrtp2, which is not ours, as the far side: RFC 3711, RFC 4568 §6.2, RFC 7714. */
#include "mixer/srtp.h"
#include "tests/unit/srtp_far.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SSRC 0xcafebabe
#define ROOM 1600

static const uint8_t key[SRTP_KEY_MAX] = {0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3,
                                          0x2c, 0x06, 0xde, 0x41, 0x39, 0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a,
                                          0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6, 0xc1, 0x73, 0xc3,
                                          0x17, 0xf2, 0xda, 0xbe, 0x35, 0x77, 0x93, 0xb6, 0x96, 0x0b, 0x3a};
static const enum srtp_suite suites[] = {SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_AES_CM_128_HMAC_SHA1_32,
                                         SUITE_AEAD_AES_128_GCM, SUITE_AEAD_AES_256_GCM};
#define SUITES (int)(sizeof suites / sizeof *suites)

static struct srtp *ours;
static srtp_t theirs;

static void begin(enum srtp_suite suite, srtp_ssrc_type_t type)
{
    ck_assert_int_eq(srtp_init(), srtp_err_status_ok);
    ck_assert_int_eq(srtp_new(&ours, suite, key), 0);
    theirs = far_new(suite, key, type);
}

static void end(void)
{
    srtp_free(ours);
    ck_assert_int_eq(srtp_dealloc(theirs), srtp_err_status_ok);
    ck_assert_int_eq(srtp_shutdown(), srtp_err_status_ok);
}

/* A packet whose bytes follow from its number. `kind` 1: with CSRCs, 2: with an extension too. */
static size_t rtp_make(uint8_t *out, uint32_t ssrc, uint16_t sequence, size_t payload, int kind)
{
    size_t at = 12;

    memset(out, 0, ROOM);
    out[0] = (uint8_t)(0x80 | (kind > 0 ? 2 : 0) | (kind > 1 ? 0x10 : 0));
    out[1] = 0x80 | 8;
    out[2] = (uint8_t)(sequence >> 8);
    out[3] = (uint8_t)sequence;
    for (int i = 0; i < 4; i++)
        out[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    if (kind > 0)
        at += 8;
    if (kind > 1) {
        out[at] = 0xbe;
        out[at + 1] = 0xde;
        out[at + 3] = 1;
        at += 8;
    }
    for (size_t i = 0; i < payload; i++)
        out[at + i] = (uint8_t)(i * 31 + sequence);
    return at + payload;
}

static size_t rtcp_make(uint8_t *out, uint32_t ssrc, unsigned words)
{
    memset(out, 0, ROOM);
    out[0] = 0x81;
    out[1] = 201;
    out[3] = (uint8_t)(words + 1);
    for (int i = 0; i < 4; i++)
        out[4 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    for (unsigned i = 0; i < 4 * words; i++)
        out[8 + i] = (uint8_t)(i * 7 + 1);
    return 8 + 4 * (size_t)words;
}

/* -- with the far side
 * ---------------------------------------------------------------------------------------------- */

START_TEST(far_side_opens_what_we_seal)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 80, 160, 1200};
    uint8_t plain[ROOM], packet[ROOM];
    uint16_t sequence = 4000;

    begin(suites[_i], ssrc_any_inbound);
    for (int kind = 0; kind < 3; kind++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            size_t length = rtp_make(plain, SSRC, ++sequence, sizes[k], kind);
            int sealed;

            memcpy(packet, plain, ROOM);
            sealed = (int)srtp_seal(ours, packet, length);
            ck_assert_int_gt(sealed, (int)length);
            ck_assert_int_le(sealed, (int)length + SRTP_GROWTH);
            if (sizes[k] > 1)
                ck_assert_mem_ne(packet + length - sizes[k], plain + length - sizes[k], sizes[k]);
            ck_assert_int_eq(srtp_unprotect(theirs, packet, &sealed), srtp_err_status_ok);
            ck_assert_int_eq(sealed, (int)length);
            ck_assert_mem_eq(packet, plain, length);
        }
    }
    end();
}
END_TEST

START_TEST(we_open_what_the_far_side_seals)
{
    uint8_t plain[ROOM], packet[ROOM], out[ROOM];
    uint16_t sequence = 9;

    begin(suites[_i], ssrc_any_outbound);
    for (int kind = 0; kind < 3; kind++) {
        for (size_t size = 0; size < 200; size += 13) {
            size_t length = rtp_make(plain, SSRC, ++sequence, size, kind);
            int sealed = (int)length;

            memcpy(packet, plain, ROOM);
            ck_assert_int_eq(srtp_protect(theirs, packet, &sealed), srtp_err_status_ok);
            ck_assert_uint_eq(srtp_open(ours, packet, (size_t)sealed, out), length);
            ck_assert_mem_eq(out, plain, length);
            ck_assert_uint_eq(srtp_open(ours, packet, (size_t)sealed, out), 0); /* §3.3.2: a replay */
        }
    }
    end();
}
END_TEST

/* §3.4; RFC 4568 §6.2.2: the short tag is not SRTCP's. */
START_TEST(reports_pass_both_ways)
{
    uint8_t plain[ROOM], packet[ROOM], out[ROOM];
    size_t tag = suites[_i] >= SUITE_AEAD_AES_128_GCM ? 16 : 10;

    begin(suites[_i], ssrc_any_inbound);
    for (unsigned words = 0; words < 30; words += 3) {
        size_t length = rtcp_make(plain, SSRC, words);
        int sealed;

        memcpy(packet, plain, ROOM);
        sealed = (int)srtp_seal_rtcp(ours, packet, length);
        ck_assert_int_eq(sealed, (int)(length + 4 + tag));
        ck_assert_int_eq(srtp_unprotect_rtcp(theirs, packet, &sealed), srtp_err_status_ok);
        ck_assert_int_eq(sealed, (int)length);
        ck_assert_mem_eq(packet, plain, length);
    }
    end();
    begin(suites[_i], ssrc_any_outbound);
    for (unsigned words = 0; words < 30; words += 3) {
        size_t length = rtcp_make(plain, SSRC, words);
        int sealed = (int)length;

        memcpy(packet, plain, ROOM);
        ck_assert_int_eq(srtp_protect_rtcp(theirs, packet, &sealed), srtp_err_status_ok);
        ck_assert_uint_eq(srtp_open_rtcp(ours, packet, (size_t)sealed, out), length);
        ck_assert_mem_eq(out, plain, length);
        ck_assert_uint_eq(srtp_open_rtcp(ours, packet, (size_t)sealed, out), 0);
    }
    end();
}
END_TEST

/* §3.3.1: three times around, and whatever is lost, be it where the numbers wrap. */
START_TEST(counters_roll_over_and_bear_loss)
{
    uint8_t packet[ROOM], out[ROOM];
    uint32_t at = 65000;

    begin(suites[_i], ssrc_any_outbound);
    for (unsigned taken = 0; at < 4 * 65536; taken++) {
        size_t length = rtp_make(packet, SSRC, (uint16_t)at, 20, 0);
        int sealed = (int)length;

        ck_assert_int_eq(srtp_protect(theirs, packet, &sealed), srtp_err_status_ok);
        ck_assert_uint_eq(srtp_open(ours, packet, (size_t)sealed, out), length);
        at += at % 65536 > 65400 ? 300
              : taken % 977 == 0 ? 2000
                                 : 1; /* the last packets before a wrap are lost */
    }
    end();
    begin(suites[_i], ssrc_any_inbound);
    for (at = 65530; at<3 * 65536; at += at % 65536> 65500 ? 100 : 1) {
        size_t length = rtp_make(packet, SSRC, (uint16_t)at, 20, 0);
        int sealed = (int)srtp_seal(ours, packet, length);

        ck_assert_int_gt(sealed, 0);
        ck_assert_int_eq(srtp_unprotect(theirs, packet, &sealed), srtp_err_status_ok);
    }
    end();
}
END_TEST

/* Out of order around a wrap: each one once, in whatever order, within the window. */
START_TEST(late_packets_are_taken_once)
{
    static const uint32_t order[] = {65500, 65537, 65535, 65536, 65534, 65600, 65533, 65540};
    uint8_t packets[sizeof order / sizeof *order][ROOM], out[ROOM];
    size_t lengths[sizeof order / sizeof *order], count = sizeof order / sizeof *order;
    struct srtp *sender;

    ck_assert_int_eq(srtp_new(&sender, suites[_i], key), 0);
    ck_assert_int_eq(srtp_new(&ours, suites[_i], key), 0);
    for (uint32_t at = 65500; at <= 65700; at++) { /* sealed in order, all of them */
        uint8_t packet[ROOM];
        size_t length = srtp_seal(sender, packet, rtp_make(packet, SSRC, (uint16_t)at, 30, 0));

        for (size_t i = 0; i < count; i++) {
            if (order[i] == at) {
                memcpy(packets[i], packet, ROOM);
                lengths[i] = length;
            }
        }
        if (at == 65700) {
            for (size_t i = 0; i < count; i++)
                ck_assert_uint_gt(srtp_open(ours, packets[i], lengths[i], out), 0);
            for (size_t i = 0; i < count; i++)
                ck_assert_uint_eq(srtp_open(ours, packets[i], lengths[i], out), 0);
            ck_assert_uint_gt(srtp_open(ours, packet, length, out), 0);
            ck_assert_uint_eq(srtp_open(ours, packets[0], lengths[0], out), 0); /* older than the window */
        }
    }
    srtp_free(sender);
    srtp_free(ours);
}
END_TEST

/* -- what is not the far side's
 * ------------------------------------------------------------------------------------- */

/* Any bit changed, anything cut off: refused, and what was right is taken afterwards all the same. */
START_TEST(forgeries_are_refused_and_teach_nothing)
{
    uint8_t packet[ROOM], forged[ROOM], out[ROOM];
    struct srtp *sender;
    size_t length, report;

    ck_assert_int_eq(srtp_new(&sender, suites[_i], key), 0);
    ck_assert_int_eq(srtp_new(&ours, suites[_i], key), 0);
    length = srtp_seal(sender, packet, rtp_make(packet, SSRC, 700, 40, 2));
    for (size_t bit = 0; bit < 8 * length; bit++) {
        memcpy(forged, packet, length);
        forged[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_uint_eq(srtp_open(ours, forged, length, out), 0);
    }
    for (size_t cut = 0; cut < length; cut++)
        ck_assert_uint_eq(srtp_open(ours, packet, cut, out), 0);
    for (unsigned other = 0; other < 10 * SRTP_SOURCES_MAX; other++) { /* sources that nobody vouches for */
        memcpy(forged, packet, length);
        forged[10] = (uint8_t)(other >> 8);
        forged[11] = (uint8_t)other;
        ck_assert_uint_eq(srtp_open(ours, forged, length, out), 0);
    }
    ck_assert_uint_gt(srtp_open(ours, packet, length, out), 0);
    report = srtp_seal_rtcp(sender, packet, rtcp_make(packet, SSRC, 6));
    for (size_t bit = 0; bit < 8 * report; bit++) {
        memcpy(forged, packet, report);
        forged[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_uint_eq(srtp_open_rtcp(ours, forged, report, out), 0);
    }
    for (size_t cut = 0; cut < report; cut++)
        ck_assert_uint_eq(srtp_open_rtcp(ours, packet, cut, out), 0);
    ck_assert_uint_gt(srtp_open_rtcp(ours, packet, report, out), 0);
    srtp_free(sender);
    srtp_free(ours);
}
END_TEST

START_TEST(another_key_opens_nothing)
{
    uint8_t other[SRTP_KEY_MAX], packet[ROOM], out[ROOM];
    struct srtp *sender;

    memcpy(other, key, sizeof other);
    other[suite_key_length(suites[_i])] ^= 1; /* in the salt alone */
    ck_assert_int_eq(srtp_new(&sender, suites[_i], other), 0);
    ck_assert_int_eq(srtp_new(&ours, suites[_i], key), 0);
    size_t length = srtp_seal(sender, packet, rtp_make(packet, SSRC, 700, 40, 0));
    ck_assert_uint_gt(length, 0);
    ck_assert_uint_eq(srtp_open(ours, packet, length, out), 0);
    srtp_free(sender);
    srtp_free(ours);
}
END_TEST

/* §9.1: the same key stream twice would give both packets away. */
START_TEST(no_number_is_sealed_twice)
{
    uint8_t packet[ROOM];

    ck_assert_int_eq(srtp_new(&ours, suites[_i], key), 0);
    for (uint16_t sequence = 100; sequence < 400; sequence++)
        ck_assert_uint_gt(srtp_seal(ours, packet, rtp_make(packet, SSRC, sequence, 20, 0)), 0);
    ck_assert_uint_eq(srtp_seal(ours, packet, rtp_make(packet, SSRC, 399, 20, 0)), 0);
    ck_assert_uint_eq(srtp_seal(ours, packet, rtp_make(packet, SSRC, 300, 20, 0)), 0);
    ck_assert_uint_eq(srtp_seal(ours, packet, rtp_make(packet, SSRC, 100, 20, 0)), 0);
    ck_assert_uint_eq(srtp_seal(ours, packet, rtp_make(packet, SSRC, 65000, 20, 0)),
                      0); /* before the first */
    ck_assert_uint_gt(srtp_seal(ours, packet, rtp_make(packet, SSRC, 400, 20, 0)), 0);
    ck_assert_uint_eq(srtp_seal(ours, packet, 11), 0);
    packet[0] = 0x40;
    ck_assert_uint_eq(srtp_seal(ours, packet, 40), 0);
    srtp_free(ours);
}
END_TEST

/* Memory is bounded: more sources than there are places for are refused, the known ones stay. */
START_TEST(sources_are_counted)
{
    uint8_t packet[ROOM], out[ROOM];
    struct srtp *senders[2];

    ck_assert_int_eq(srtp_new(&ours, suites[_i], key), 0);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(srtp_new(&senders[i], suites[_i], key), 0);
    for (uint32_t ssrc = 0; ssrc < 2 * SRTP_SOURCES_MAX; ssrc++) {
        size_t length = srtp_seal(senders[ssrc / SRTP_SOURCES_MAX], packet, rtp_make(packet, ssrc, 1, 20, 0));

        ck_assert_uint_gt(length, 0);
        ck_assert_int_eq(srtp_open(ours, packet, length, out) > 0, ssrc < SRTP_SOURCES_MAX);
    }
    size_t length = srtp_seal(senders[0], packet, rtp_make(packet, 3, 2, 20, 0));
    ck_assert_uint_eq(srtp_open(ours, packet, length, out), 32);
    for (unsigned i = 0; i < 2; i++)
        srtp_free(senders[i]);
    srtp_free(ours);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("srtp");
    TCase *far = tcase_create("far side"), *alone = tcase_create("alone");

    tcase_set_timeout(far, 120);
    tcase_add_loop_test(far, far_side_opens_what_we_seal, 0, SUITES);
    tcase_add_loop_test(far, we_open_what_the_far_side_seals, 0, SUITES);
    tcase_add_loop_test(far, reports_pass_both_ways, 0, SUITES);
    tcase_add_loop_test(far, counters_roll_over_and_bear_loss, 0, SUITES);
    tcase_add_loop_test(alone, late_packets_are_taken_once, 0, SUITES);
    tcase_add_loop_test(alone, forgeries_are_refused_and_teach_nothing, 0, SUITES);
    tcase_add_loop_test(alone, another_key_opens_nothing, 0, SUITES);
    tcase_add_loop_test(alone, no_number_is_sealed_twice, 0, SUITES);
    tcase_add_loop_test(alone, sources_are_counted, 0, SUITES);
    tcase_set_timeout(alone, 60);
    suite_add_tcase(suite, far);
    suite_add_tcase(suite, alone);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
