/* What each member of a room is sent, held to the bit against what the others said; and that no member can
 * change it for the others by sending what he should not. */
#include "tests/unit/stage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SETTLED_MS 1500 /* jitter buffers have learnt their network by then */
#define PART_MS 500

static room_id room;

static int16_t companded[65536]; /* by the sample's bits: what is left of it after µ-law */

static void companded_make(void)
{
    struct encoder *e;
    struct decoder *d;
    uint8_t byte;

    ck_assert_int_eq(encoder_new(&e, CODEC_PCMU, 8000, 20, false, false), 0);
    ck_assert_int_eq(decoder_new(&d, CODEC_PCMU, 8000), 0);
    for (int v = INT16_MIN; v <= INT16_MAX; v++) {
        int16_t linear = (int16_t)v;
        (void)encoder_encode(e, &linear, 1, &byte, 1);
        (void)decoder_decode(d, &byte, 1, &companded[(uint16_t)v], 1);
    }
    encoder_free(e);
    decoder_free(d);
}

static void begin_small(void)
{
    companded_make();
    stage_begin("plain", MEMBERS_MAX);
    room = stage_room(8000);
}

/* What `listener` must be sent at sample `at` of what was said: all others, as their packets say it, summed
 * wide, clipped once, companded once. */
static int16_t ideal(unsigned count, unsigned listener, size_t at)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < count; i++) {
        if (i != listener && cast[i].voice != voice_silent)
            sum += companded[(uint16_t)cast[i].said.samples[at]];
    }
    sum = sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum;
    return companded[(uint16_t)sum];
}

/* The delay in samples, found where the first talker's listener hears exactly what he should. */
static size_t delay_find(unsigned count, unsigned listener, size_t from, size_t samples)
{
    for (size_t delay = 0; delay < 8 * 200; delay++) {
        size_t i = 0;
        while (i < samples &&
               cast[listener].heard.samples[from + delay + i] == ideal(count, listener, from + i))
            i++;
        if (i == samples)
            return delay;
    }
    ck_abort_msg("member %u of %u never hears exactly the others", listener, count);
    return 0;
}

/* As many talk as are heard at once, at full scale, in a room of N; each of the N hears exactly the others.
 * (The sum itself is held for every N in test_mixer_sum; here the engine is, for N = 2 ... 16, 23 ... 100.)
 */
START_TEST(each_of_many_hears_exactly_the_others)
{
    unsigned count = _i < 15 ? 2 + (unsigned)_i : 16 + 7 * ((unsigned)_i - 14);
    unsigned talkers = count < ROOM_SPEAKERS ? count : ROOM_SPEAKERS;

    for (unsigned i = 0; i < count; i++)
        (void)member_join(CODEC_PCMU, room);
    for (unsigned i = 0; i < talkers; i++) {
        cast[i].voice = voice_noise; /* nothing repeats in it, so that no delay is cut out of it */
        cast[i].amplitude = FULL_SCALE;
    }
    stage_run(SETTLED_MS + PART_MS + 300);
    size_t from = SETTLED_MS * 8, delay = delay_find(count, count - 1, from, 400);
    for (unsigned i = 0; i < count; i++) {
        const int16_t *heard = line_part(&cast[i].heard, from + delay, PART_MS * 8);
        for (size_t k = 0; k < PART_MS * 8; k++) {
            if (heard[k] != ideal(count, i, from + k))
                ck_abort_msg("member %u of %u hears %d at %zu", i, count, heard[k], k);
        }
    }
}
END_TEST

/* -- who misbehaves
 * -------------------------------------------------------------------------------------------------- */

/* What the last member does in each tick, beside or instead of his packets of silence. */
static void flood_garbage(struct member *m)
{
    uint8_t data[200];

    for (unsigned i = 0; i < 500; i++) {
        for (size_t k = 0; k < sizeof(data); k++)
            data[k] = (uint8_t)(i * 31 + k * 7);
        member_send(m, data, i % sizeof(data));
    }
}

static void flood_rtp(struct member *m, uint8_t payload_type, size_t length)
{
    static uint8_t data[65000];
    struct rtp_packet h = {.ssrc = m->ssrc, .payload_type = payload_type};

    memset(data, 0x33, sizeof(data)); /* loud, if it were sound */
    for (unsigned i = 0; i < 200; i++) {
        h.sequence = (uint16_t)(m->sequence + i);
        h.timestamp = stage_ticks * 80;
        rtp_build(data, &h);
        member_send(m, data, RTP_HEADER + length);
    }
}

static void flood_wrong_types(struct member *m)
{
    flood_rtp(m, 77, 160);
}

static void flood_huge(struct member *m)
{
    flood_rtp(m, 0, 60000);
}

static void flood_rtcp(struct member *m)
{
    uint8_t data[RTCP_MAX];
    size_t length = rtcp_build(data, m->ssrc, NULL, NULL, NULL, "flood", false);

    for (unsigned i = 0; i < 300; i++)
        member_send(m, data, length);
}

/* Silence whose time and order make no sense, from ever new sources. */
static void flood_absurd(struct member *m)
{
    uint8_t data[RTP_HEADER + 160];
    struct rtp_packet h = {.ssrc = m->ssrc + stage_ticks / 7,
                           .sequence = (uint16_t)(stage_ticks * 12345),
                           .timestamp = stage_ticks * 2654435761U};

    memset(data, 0xff, sizeof(data));
    for (unsigned i = 0; i < 50; i++, h.sequence += 1000, h.timestamp -= 0x20000000) {
        rtp_build(data, &h);
        member_send(m, data, sizeof(data));
    }
}

static void stall(struct member *m)
{
    m->mute = m->deaf = true;
}

static void (*const misdeeds[])(struct member *) = {flood_garbage, flood_wrong_types, flood_huge,
                                                    flood_rtcp,    flood_absurd,      stall};

/* All codecs, all talking; the last member joins with them and is silent. */
static void party_run(void (*misdeed)(struct member *), uint64_t digests[4], unsigned packets[4])
{
    static const enum codec codecs[] = {CODEC_PCMU, CODEC_PCMA, CODEC_G722, CODEC_OPUS};

    stage_begin("plain", 8);
    room = stage_room(0);
    for (unsigned i = 0; i < 4; i++) {
        struct member *m = member_join(codecs[i], room);
        m->voice = voice_tone;
        m->amplitude = 3000;
        m->hz = 300 + 170 * i;
    }
    struct member *last = member_join(CODEC_PCMU, room);
    for (unsigned t = 0; t < 3000; t += TICK_MS) {
        if (misdeed && t > 500)
            misdeed(last);
        stage_run(TICK_MS);
    }
    for (unsigned i = 0; i < 4; i++) {
        digests[i] = cast[i].digest;
        packets[i] = cast[i].packets;
    }
    stage_end();
}

/* The others' packets are the same, to the bit, with and without him. */
START_TEST(nobody_else_hears_of_a_member_who)
{
    uint64_t good[4], bad[4];
    unsigned good_packets[4], bad_packets[4];

    party_run(NULL, good, good_packets);
    party_run(misdeeds[_i], bad, bad_packets);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_gt(good_packets[i], 140);
        ck_assert_uint_eq(good_packets[i], bad_packets[i]);
        ck_assert_msg(good[i] == bad[i], "member %u hears something else", i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quality: sums");
    TCase *exact = tcase_create("exact"), *harm = tcase_create("harm");

    tcase_set_timeout(exact, 300);
    tcase_add_checked_fixture(exact, begin_small, stage_end);
    tcase_add_loop_test(exact, each_of_many_hears_exactly_the_others, 0, 27);
    suite_add_tcase(suite, exact);
    tcase_set_timeout(harm, 300);
    tcase_add_loop_test(harm, nobody_else_hears_of_a_member_who, 0, sizeof(misdeeds) / sizeof(*misdeeds));
    suite_add_tcase(suite, harm);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
