/* Who is softer for whom, and who whispers to whom: what each is sent, held to the bit against a sum of 64
 * bits. */
#include "tests/unit/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SETTLED_MS 1500 /* jitter buffers have learnt their network by then */
#define PART_MS 400
#define CROWD 40

static room_id room;
static int16_t companded[65536];                /* by the sample's bits: what is left of it after µ-law */
static int32_t gains[MEMBERS_MAX][MEMBERS_MAX]; /* Q12: listener, talker */

static void begin(void)
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
    stage_begin("plain", MEMBERS_MAX);
    room = stage_room(8000);
    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        for (unsigned k = 0; k < MEMBERS_MAX; k++)
            gains[i][k] = i == k ? 0 : GAIN_UNITY;
    }
}

static int16_t clip(int64_t v)
{
    return (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
}

/* Each voice at the gain it has for this listener, cut to 16 bits; the sum of them cut once. */
static int16_t ideal(unsigned count, unsigned listener, size_t at)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < count; i++) {
        int64_t voice = companded[(uint16_t)cast[i].said.samples[at]];
        if (cast[i].voice != voice_silent)
            sum += gains[listener][i] == GAIN_UNITY ? voice : clip((voice * gains[listener][i] + 2048) >> 12);
    }
    return companded[(uint16_t)clip(sum)];
}

static size_t delay_find(unsigned count, unsigned listener, size_t from)
{
    for (size_t delay = 0; delay < 8 * 200; delay++) {
        size_t i = 0;
        while (i < 400 && cast[listener].heard.samples[from + delay + i] == ideal(count, listener, from + i))
            i++;
        if (i == 400)
            return delay;
    }
    ck_abort_msg("member %u of %u never hears what he should", listener, count);
    return 0;
}

/* After what was changed has come to rest, for a while. */
static void hold(unsigned count, const char *what)
{
    stage_run(100);
    size_t from = stage_ticks * 80;
    stage_run(PART_MS + 300);
    size_t delay = delay_find(count, count - 1, from);

    for (unsigned i = 0; i < count; i++) {
        const int16_t *heard = line_part(&cast[i].heard, from + delay, PART_MS * 8);
        for (size_t k = 0; k < PART_MS * 8; k++) {
            if (heard[k] != ideal(count, i, from + k))
                ck_abort_msg("%s: member %u of %u hears %d at %zu, not %d", what, i, count, heard[k], k,
                             ideal(count, i, from + k));
        }
    }
}

static void gather(unsigned count, unsigned talkers, double amplitude)
{
    for (unsigned i = 0; i < count; i++)
        (void)member_join(CODEC_PCMU, room);
    for (unsigned i = 0; i < talkers; i++) {
        cast[i].voice = voice_noise; /* nothing repeats in it, so that no delay is cut out of it */
        cast[i].amplitude = amplitude;
    }
    stage_run(SETTLED_MS);
}

static void soften(unsigned listener, unsigned talker, int db)
{
    ck_assert_int_eq(port_set_softer(stage, cast[listener].port, cast[talker].port, db), 0);
    gains[listener][talker] = gain_q12(db);
}

/* `to` as its own listener: to all again. */
static void whisper(unsigned count, unsigned talker, unsigned to)
{
    ck_assert_int_eq(port_set_whisper(stage, cast[talker].port, talker == to ? 0 : cast[to].port), 0);
    for (unsigned i = 0; i < count; i++)
        gains[i][talker] = i == talker ? 0 : talker == to || i == to ? GAIN_UNITY : 0;
}

/* Speakers and listeners, softer and louder, at a level that clips too. */
START_TEST(softer_is_for_one_listener_alone)
{
    gather(12, ROOM_SPEAKERS, _i ? FULL_SCALE : 2000);
    soften(1, 0, -12); /* both talk */
    soften(7, 0, -6);
    soften(7, 3, -30);
    soften(8, 2, 9);
    soften(9, 11, -20); /* who does not talk */
    hold(12, "softer");
    soften(7, 3, -3);
    soften(1, 0, 0);
    soften(8, 2, 0);
    hold(12, "changed");
    soften(7, 0, 0);
    soften(7, 3, 0);
    soften(9, 11, 0);
    hold(12, "as for all");
    ck_assert_uint_eq(member_port(&cast[7])->relations->count, 0);
}
END_TEST

START_TEST(whisper_is_heard_by_one_alone)
{
    gather(10, 4, _i ? FULL_SCALE : 2000);
    whisper(10, 0, 6);
    whisper(10, 1, 2); /* who talks himself */
    hold(10, "whispers");
    whisper(10, 0, 7);
    whisper(10, 2, 1); /* and whispers back */
    hold(10, "to another");
    whisper(10, 0, 0);
    whisper(10, 1, 1);
    hold(10, "to all again");
}
END_TEST

START_TEST(whisper_may_be_softened)
{
    gather(6, 3, 4000);
    soften(4, 0, -12);
    whisper(6, 0, 4);
    gains[4][0] = gain_q12(-12);
    hold(6, "soft whisper");
    whisper(6, 0, 0);
    gains[4][0] = gain_q12(-12);
    hold(6, "still softer");
}
END_TEST

/* The rest of a crowd shares its encoding: one more for each who hears something of his own, while it sounds.
 */
START_TEST(others_share_their_encoding)
{
    struct mixer_stats before, after;

    gather(CROWD, 1, 4000);
    soften(20, 0, -6);
    soften(21, 0, -9);
    soften(22, 30, -9); /* silent */
    hold(CROWD, "crowd");
    mixer_read_stats(stage, &before);
    stage_run(1000);
    mixer_read_stats(stage, &after);
    /* 50 packets of: the talker, two who hear him otherwise, and the two classes that 40 members make. */
    ck_assert_uint_le(after.encodings - before.encodings, 50 * 5);
    ck_assert_uint_ge(after.encodings - before.encodings, 50 * 4);
    cast[0].voice = voice_silent;
    stage_run(3000);
    ck_assert(!member_port(&cast[20])->apart);
}
END_TEST

/* Who whispered has gone; who was whispered to has gone: neither is heard by those who were not to hear it.
 */
START_TEST(leaving_ends_what_was)
{
    gather(6, 2, 4000);
    whisper(6, 0, 4);
    soften(3, 1, -9);
    hold(6, "before");
    ck_assert_int_eq(port_connect_none(stage, cast[4].port), 0);
    stage_run(200);
    ck_assert_int_eq(port_connect_room(stage, cast[4].port, room), 0); /* he is as good as another */
    hold(6, "came back");
    ck_assert_int_eq(port_connect_none(stage, cast[0].port), 0);
    ck_assert_int_eq(port_connect_none(stage, cast[1].port), 0);
    stage_run(200);
    ck_assert_int_eq(port_connect_room(stage, cast[0].port, room), 0);
    ck_assert_int_eq(port_connect_room(stage, cast[1].port, room), 0);
    for (unsigned i = 0; i < 6; i++)
        gains[i][0] = i == 0 ? 0 : GAIN_UNITY;
    gains[3][1] = GAIN_UNITY;
    hold(6, "all came back");
    ck_assert_ptr_null(member_port(&cast[0])->room->related);
}
END_TEST

/* A stream for a recording server: that one voice to the bit, whoever else talks, and the room again
 * afterwards. */
START_TEST(source_is_all_one_hears)
{
    gather(9, 4, _i ? FULL_SCALE : 2000);
    for (unsigned listener = 6; listener < 9; listener++) { /* the last one's source is silent */
        unsigned source = listener - 4;
        ck_assert_int_eq(port_set_source(stage, cast[listener].port, cast[source].port), 0);
        for (unsigned i = 0; i < 9; i++)
            gains[listener][i] = i == source ? GAIN_UNITY : 0;
    }
    stage_run(200);
    size_t from = stage_ticks * 80;
    stage_run(PART_MS + 100); /* what is heard lags behind */
    for (size_t k = 0; k < PART_MS * 8; k++)
        ck_assert_int_eq(line_part(&cast[8].heard, from, PART_MS * 8)[k], companded[0]);
    for (unsigned i = 0; i < 9; i++)
        gains[8][i] = i == 8 ? 0 : GAIN_UNITY;
    ck_assert_int_eq(port_set_source(stage, cast[8].port, 0), 0);
    hold(9, "sources");
}
END_TEST

/* Narrow phones in a wide room: their own mix goes through a filter that begins anew in each tick. */
START_TEST(wide_room_has_narrow_listeners)
{
    room_id wide = stage_room(16000);

    for (unsigned i = 0; i < 5; i++) {
        struct member *m = member_join(i == 2 ? CODEC_G722 : CODEC_PCMU, wide);
        m->voice = i < 3 ? voice_tone : voice_silent;
        m->hz = 300 + 200 * i;
        m->amplitude = 1000; /* the codec's own noise is below a click then */
    }
    stage_run(1000);
    ck_assert_int_eq(port_set_softer(stage, cast[3].port, cast[0].port, -12), 0);
    ck_assert_int_eq(port_set_softer(stage, cast[1].port, cast[2].port, -12), 0);
    ck_assert_int_eq(port_set_whisper(stage, cast[1].port, cast[4].port), 0);
    size_t from = stage_ticks * 80;
    stage_run(1500);
    const int16_t *one = line_part(&cast[1].heard, from + 4000, 4000);
    const int16_t *three = line_part(&cast[3].heard, from + 4000, 4000);
    const int16_t *four = line_part(&cast[4].heard, from + 4000, 4000);
    ck_assert_double_eq_tol(sound_tone(three, 4000, 8000, 300), 250, 25);
    ck_assert_double_lt(sound_tone(three, 4000, 8000, 500), 15);
    ck_assert_double_eq_tol(sound_tone(three, 4000, 8000, 700), 1000, 75);
    ck_assert_double_eq_tol(sound_tone(four, 4000, 8000, 500), 1000, 75);
    ck_assert_double_eq_tol(sound_tone(one, 4000, 8000, 700), 250, 25);
    ck_assert_double_eq_tol(sound_tone(one, 4000, 8000, 300), 1000, 75);
    /* Neither the changes nor the seams between the ticks are heard as clicks. */
    for (unsigned i = 1; i < 5; i++) {
        if (i != 2)
            ck_assert_double_lt(sound_click(line_part(&cast[i].heard, from - 1600, 9600), 9600, 8000), -50);
    }
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    room_id other = stage_room(8000);

    gather(12, 0, 0);
    struct member *away = member_join(CODEC_PCMU, other);
    port_id own = cast[0].port;
    ck_assert_int_eq(port_set_softer(stage, own, cast[1].port, 31), EINVAL);
    ck_assert_int_eq(port_set_softer(stage, own, own, -3), ENOENT);
    ck_assert_int_eq(port_set_softer(stage, own, away->port, -3), ENOENT);
    ck_assert_int_eq(port_set_whisper(stage, own, away->port), ENOENT);
    ck_assert_int_eq(port_set_whisper(stage, own, own), ENOENT);
    for (unsigned i = 1; i <= RELATIONS_MAX; i++)
        ck_assert_int_eq(port_set_softer(stage, own, cast[i].port, -3), 0);
    ck_assert_int_eq(port_set_softer(stage, own, cast[9].port, -3), EMFILE);
    ck_assert_int_eq(port_set_softer(stage, own, cast[4].port, -6), 0); /* he has it already */
    ck_assert_int_eq(port_set_softer(stage, own, cast[4].port, 0), 0);
    ck_assert_int_eq(port_set_softer(stage, own, cast[9].port, -3), 0);
    member_close(&cast[5]);
    ck_assert_int_eq(port_set_softer(stage, own, cast[10].port, -3), 0);
    stage_run(50);
    ck_assert_uint_eq(member_port(&cast[0])->relations->count, RELATIONS_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mixer relations");
    TCase *tcase = tcase_create("relations");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, begin, stage_end);
    tcase_add_loop_test(tcase, softer_is_for_one_listener_alone, 0, 2);
    tcase_add_loop_test(tcase, whisper_is_heard_by_one_alone, 0, 2);
    tcase_add_test(tcase, whisper_may_be_softened);
    tcase_add_test(tcase, others_share_their_encoding);
    tcase_add_test(tcase, leaving_ends_what_was);
    tcase_add_loop_test(tcase, source_is_all_one_hears, 0, 2);
    tcase_add_test(tcase, wide_room_has_narrow_listeners);
    tcase_add_test(tcase, what_cannot_be_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
