/* Header extensions: what is read of good and of damaged ones, what is written, and what another reader gets.
 */
#include "mixer/rtp.h"
#include "mixer/rtpext.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- reading
 * ---------------------------------------------------------------------------------------------------- */

static const struct read_row {
    const char *clause;
    uint16_t profile;
    uint8_t bytes[24];
    size_t length;        /* of the extension's data; the length field says the same in words */
    const char *elements; /* "id:bytes…" each */
} read_rows[] = {
    {"RFC 8285 §4.2: the length field is one less",
     0xBEDE,
     {0x10, 0xAA, 0x31, 1, 2, 0, 0, 0},
     8,
     "1:aa 3:0102 "},
    {"§4.2: sixteen bytes are the most",
     0xBEDE,
     {0x2F, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 0},
     20,
     "2:000102030405060708090a0b0c0d0e0f "},
    {"§4.1: padding between elements", 0xBEDE, {0, 0, 0x10, 0xAA, 0, 0, 0x20, 0xBB}, 8, "1:aa 2:bb "},
    {"§4.2: nothing behind identifier 15", 0xBEDE, {0x10, 0xAA, 0xF0, 0xBB, 0x20, 0xCC, 0, 0}, 8, "1:aa "},
    {"an element that ends behind the extension", 0xBEDE, {0x10, 0xAA, 0x23, 0xBB}, 4, "1:aa "},
    {"the last byte is an element's head", 0xBEDE, {0x10, 0xAA, 0x00, 0x20}, 4, "1:aa "},
    {"identifier 0 with a length is passed over",
     0xBEDE,
     {0x01, 0xAA, 0xBB, 0, 0x10, 0xCC, 0, 0},
     8,
     "0:aabb 1:cc "},
    {"nothing at all", 0xBEDE, {0}, 0, ""},
    {"padding alone", 0xBEDE, {0, 0, 0, 0}, 4, ""},
    {"§4.3: two-byte heads", 0x1000, {1, 1, 0xAA, 200, 2, 1, 2, 0}, 8, "1:aa 200:0102 "},
    {"§4.3: an element without data", 0x1005, {7, 0, 0, 1, 1, 0xAA, 0, 0}, 8, "7: 1:aa "},
    {"§4.3: identifier 15 is one like others", 0x1000, {15, 1, 0xAA, 0}, 4, "15:aa "},
    {"§4.3: an element that ends behind the extension", 0x1000, {1, 1, 0xAA, 2, 5, 1, 2, 3}, 8, "1:aa "},
    {"§4.3: the last byte is half a head", 0x1000, {1, 1, 0xAA, 2}, 4, "1:aa "},
    {"RFC 3550 §5.3.1: another profile's extension", 0x1234, {0x10, 0xAA, 0, 0}, 4, ""},
};

static size_t packet_make(uint8_t *out, unsigned csrcs, uint16_t profile, const uint8_t *data, size_t length,
                          size_t words)
{
    struct rtp_packet h = {.ssrc = 0x11223344, .sequence = 7, .timestamp = 160};
    uint8_t *at = out + RTP_HEADER + 4 * csrcs;

    rtp_build(out, &h);
    memset(out + RTP_HEADER, 0xC5, 4 * csrcs);
    out[0] = (uint8_t)(0x90 | csrcs);
    *at++ = (uint8_t)(profile >> 8);
    *at++ = (uint8_t)profile;
    *at++ = (uint8_t)(words >> 8);
    *at++ = (uint8_t)words;
    if (length)
        memcpy(at, data, length);
    at += length;
    memcpy(at, "sound", 5);
    return (size_t)(at + 5 - out);
}

START_TEST(elements_follow_the_table)
{
    const struct read_row *row = &read_rows[_i];
    uint8_t packet[100];
    struct rtp_extension x;
    struct rtp_element e;
    struct rtp_packet rtp;
    char got[200] = "";
    size_t at = 0;

    for (unsigned csrcs = 0; csrcs < 3; csrcs++) {
        size_t length = packet_make(packet, csrcs, row->profile, row->bytes, row->length, row->length / 4);
        ck_assert(rtp_parse(&rtp, packet, length));
        ck_assert_uint_eq(rtp.length, 5);
        ck_assert_msg(rtp_extension(&x, packet, length), "%s", row->clause);
        ck_assert_uint_eq(x.length, row->length);
    }
    while (rtpext_next(&x, &at, &e)) {
        sprintf(got + strlen(got), "%u:", e.id);
        for (size_t i = 0; i < e.length; i++)
            sprintf(got + strlen(got), "%02x", e.data[i]);
        strcat(got, " ");
    }
    ck_assert_msg(strcmp(got, row->elements) == 0, "%s: %s", row->clause, got);
}
END_TEST

START_TEST(packets_without_are_told)
{
    static const uint8_t one[4] = {0x10, 0xAA, 0, 0};
    uint8_t packet[100];
    struct rtp_extension x;
    size_t length = packet_make(packet, 2, 0xBEDE, one, 4, 1);

    ck_assert(rtp_extension(&x, packet, length));
    for (size_t cut = 0; cut < length - 5; cut++)
        ck_assert(!rtp_extension(&x, packet, cut));
    packet[0] &= (uint8_t)~0x10;
    ck_assert(!rtp_extension(&x, packet, length));
    length = packet_make(packet, 0, 0xBEDE, one, 4, 40); /* longer than the packet */
    ck_assert(!rtp_extension(&x, packet, length));
}
END_TEST

/* Whatever comes, nothing outside of it is read (the sanitizer sees that) and nothing is longer than it was.
 */
START_TEST(damage_does_no_harm)
{
    static const uint8_t ids[RTPEXT_IDS] = {0, 9, 0, 3, 14, 5};

    srand((unsigned)_i + 1);
    for (unsigned round = 0; round < 20000; round++) {
        size_t length = RTP_HEADER + (size_t)rand() % 60;
        uint8_t *packet = malloc(length), *out = malloc(length);
        struct rtp_packet before, after;
        for (size_t i = 0; i < length; i++)
            packet[i] = (uint8_t)(rand() % 3 ? rand() : rand() % 8);
        packet[0] = (uint8_t)(0x80 | (rand() & 0x33));
        if (packet[0] & 0x10 && rand() % 4) {
            size_t at = RTP_HEADER + 4 * (size_t)(packet[0] & 15);
            const uint8_t head[4] = {rand() % 2 ? 0xBE : 0x10, 0xDE, 0, (uint8_t)(rand() % 10)};
            for (size_t i = 0; i < 4 && at + i < length; i++)
                packet[at + i] = i == 1 && head[0] == 0x10 ? 0 : head[i];
        }
        if (rtp_parse(&before, packet, length)) {
            size_t size = rtpext_translate(out, packet, length, ids);
            ck_assert_uint_le(size, length);
            ck_assert(rtp_parse(&after, out, size));
            ck_assert_uint_eq(after.length, before.length);
            if (after.length)
                ck_assert_mem_eq(after.payload, before.payload, after.length);
        }
        free(packet);
        free(out);
    }
}
END_TEST

/* -- writing
 * ---------------------------------------------------------------------------------------------------- */

static const struct rtp_mix mix_two = {
    .count = 2, .sources = {{0x01020304, 20, true}, {0x0A0B0C0D, 60, false}}, .level = 18};

static const struct write_row {
    const char *clause;
    struct rtp_mix_reader reader;
    uint8_t first; /* of the packet */
    uint8_t bytes[24];
    size_t length;
} write_rows[] = {
    {"RFC 3550 §5.1: nothing was negotiated, nothing is written", {.known = true, .ssrc = 5}, 0x80, {0}, 0},
    {"RFC 6464 §3: level and V bit",
     {.level_id = 4, .vad = true},
     0x90,
     {0xBE, 0xDE, 0, 1, 0x40, 0x80 | 18, 0, 0},
     8},
    {"RFC 6464 §4: vad=off", {.level_id = 4}, 0x90, {0xBE, 0xDE, 0, 1, 0x40, 18, 0, 0}, 8},
    {"RFC 6465 §3: levels in the order of the CSRC list",
     {.csrc_level_id = 2},
     0x92,
     {1, 2, 3, 4, 0xA, 0xB, 0xC, 0xD, 0xBE, 0xDE, 0, 1, 0x21, 20, 60, 0},
     16},
    {"both",
     {.level_id = 1, .csrc_level_id = 2, .vad = true},
     0x92,
     {1, 2, 3, 4, 0xA, 0xB, 0xC, 0xD, 0xBE, 0xDE, 0, 2, 0x10, 0x80 | 18, 0x21, 20, 60, 0, 0, 0},
     20},
    {"RFC 3550 §8.2: never himself, and his is not the voice",
     {.level_id = 1, .csrc_level_id = 2, .vad = true, .known = true, .ssrc = 0x01020304},
     0x91,
     {0xA, 0xB, 0xC, 0xD, 0xBE, 0xDE, 0, 1, 0x10, 18, 0x20, 60},
     12},
};

START_TEST(mixes_follow_the_table)
{
    const struct write_row *row = &write_rows[_i];
    struct rtp_packet h = {.ssrc = 9, .marker = true}, back;
    uint8_t packet[RTP_HEADER + RTP_SOURCES_SIZE];

    rtp_build(packet, &h);
    size_t length = rtp_mix_write(packet, &mix_two, &row->reader);
    ck_assert_msg(length == row->length, "%s: %zu", row->clause, length);
    ck_assert_msg(packet[0] == row->first, "%s: %02x", row->clause, packet[0]);
    if (length)
        ck_assert_mem_eq(packet + RTP_HEADER, row->bytes, length);
    ck_assert(rtp_parse(&back, packet, RTP_HEADER + length));
    ck_assert_uint_eq(back.length, 0);
    ck_assert(back.marker);
}
END_TEST

/* CC has four bits, and the element's length too: fifteen is the most, and it fits. */
START_TEST(fifteen_sources_fit)
{
    struct rtp_mix mix = {.count = RTP_SOURCES_MAX, .level = 127};
    struct rtp_mix_reader reader = {.level_id = 13, .csrc_level_id = 14};
    struct rtp_packet h = {.ssrc = 9}, back;
    uint8_t packet[RTP_HEADER + RTP_SOURCES_SIZE + 1];
    struct rtp_extension x;
    struct rtp_element e;

    for (unsigned i = 0; i < RTP_SOURCES_MAX; i++)
        mix.sources[i] = (struct rtp_mix_source){.ssrc = 100 + i, .level = (uint8_t)(10 + i)};
    packet[sizeof packet - 1] = 0x77;
    rtp_build(packet, &h);
    size_t length = rtp_mix_write(packet, &mix, &reader);
    ck_assert_uint_le(length, RTP_SOURCES_SIZE);
    ck_assert_uint_eq(packet[sizeof packet - 1], 0x77);
    ck_assert(rtp_parse(&back, packet, RTP_HEADER + length));
    ck_assert(rtp_extension(&x, packet, RTP_HEADER + length));
    ck_assert(rtpext_find(&x, 14, &e));
    ck_assert_uint_eq(e.length, RTP_SOURCES_MAX);
    for (unsigned i = 0; i < RTP_SOURCES_MAX; i++) {
        ck_assert_uint_eq(e.data[i], 10 + i);
        ck_assert_uint_eq(packet[RTP_HEADER + 4 * i + 3], 100 + i);
    }
}
END_TEST

/* -- for another reader
 * ------------------------------------------------------------------------------------------ */

static const struct translate_row {
    const char *clause;
    uint16_t profile;
    uint8_t bytes[16];
    size_t length;
    uint8_t ids[RTPEXT_IDS];
    uint8_t left[16]; /* with the head; nothing: no extension is left */
    size_t left_length;
} translate_rows[] = {
    {"the same numbers pass byte for byte",
     0xBEDE,
     {0, 0x10, 0x90, 0},
     4,
     {[1] = 1, [2] = 2},
     {0xBE, 0xDE, 0, 1, 0, 0x10, 0x90, 0},
     8},
    {"another number", 0xBEDE, {0x10, 0x90, 0, 0}, 4, {[1] = 5}, {0xBE, 0xDE, 0, 1, 0x50, 0x90, 0, 0}, 8},
    {"numbers that change places",
     0xBEDE,
     {0x10, 0x90, 0x20, 0x33},
     4,
     {[1] = 2, [2] = 1},
     {0xBE, 0xDE, 0, 1, 0x20, 0x90, 0x10, 0x33},
     8},
    {"he knows none of them", 0xBEDE, {0x10, 0x90, 0, 0}, 4, {0}, {0}, 0},
    {"one of them is none of ours",
     0xBEDE,
     {0x31, 0x66, 0x66, 0x10, 0x90, 0, 0, 0},
     8,
     {[1] = 1},
     {0xBE, 0xDE, 0, 1, 0x10, 0x90, 0, 0},
     8},
    {"what stands behind identifier 15 goes nowhere",
     0xBEDE,
     {0x10, 0x90, 0xF0, 0x66, 0x20, 0x66, 0, 0},
     8,
     {[1] = 1, [2] = 2},
     {0xBE, 0xDE, 0, 1, 0x10, 0x90, 0, 0},
     8},
    {"two-byte heads become one-byte heads",
     0x1000,
     {1, 1, 0x90, 77, 2, 0x66, 0x66, 2, 2, 0x11, 0x12, 0},
     12,
     {[1] = 1, [2] = 2},
     {0xBE, 0xDE, 0, 2, 0x10, 0x90, 0x21, 0x11, 0x12, 0, 0, 0},
     12},
    {"another profile's extension is nobody's", 0x1234, {0x10, 0x90, 0, 0}, 4, {[1] = 1}, {0}, 0},
};

START_TEST(translations_follow_the_table)
{
    const struct translate_row *row = &translate_rows[_i];
    uint8_t packet[100], out[100];

    for (unsigned csrcs = 0; csrcs < 3; csrcs++) {
        size_t length = packet_make(packet, csrcs, row->profile, row->bytes, row->length, row->length / 4);
        size_t size = rtpext_translate(out, packet, length, row->ids), head = RTP_HEADER + 4 * csrcs;
        ck_assert_msg(size == head + row->left_length + 5, "%s: %zu", row->clause, size);
        ck_assert_uint_eq(out[0], 0x80 | csrcs | (row->left_length ? 0x10 : 0));
        ck_assert_mem_eq(out + 1, packet + 1, head - 1); /* the CSRC list passes */
        if (row->left_length)
            ck_assert_msg(!memcmp(out + head, row->left, row->left_length), "%s", row->clause);
        ck_assert_mem_eq(out + head + row->left_length, "sound", 5);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rtpext");
    TCase *tcase = tcase_create("tables");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, elements_follow_the_table, 0, sizeof read_rows / sizeof *read_rows);
    tcase_add_test(tcase, packets_without_are_told);
    tcase_add_loop_test(tcase, damage_does_no_harm, 0, 5);
    tcase_add_loop_test(tcase, mixes_follow_the_table, 0, sizeof write_rows / sizeof *write_rows);
    tcase_add_test(tcase, fifteen_sources_fit);
    tcase_add_loop_test(tcase, translations_follow_the_table, 0,
                        sizeof translate_rows / sizeof *translate_rows);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
