/* The jitter buffer, driven tick by tick with packets of which each byte tells where it belongs. */
#include "mixer/jitter.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK 8000

static struct jitter buffer;
static int64_t now;
static unsigned played, concealed, silent, disorder;
static int64_t expected; /* packet that must be played next */
static unsigned pending_ms;

static void setup(void)
{
    memset(&buffer, 0, sizeof(buffer));
    now = 1000;
    played = concealed = silent = disorder = pending_ms = 0;
    expected = 0;
}

/* Packet number n of a stream that began at sequence 65530, so that it soon wraps; its timestamp wraps as
 * well. */
static enum jitter_verdict put(unsigned n, unsigned ms)
{
    uint8_t payload[480];
    struct jitter_packet p = {.sequence = (uint16_t)(65530 + n),
                              .timestamp = 4294966000U + n * ms * 8,
                              .ms = ms,
                              .payload = payload,
                              .length = ms * 8};

    memset(payload, (int)(n & 0xff), sizeof(payload));
    return jitter_put(&buffer, &p, CLOCK, now * 1000);
}

/* Ten milliseconds of hearing, as a port does it. */
static void tick(void)
{
    struct jitter_packet p;

    if (pending_ms < 10) {
        enum jitter_sound sound = jitter_get(&buffer, now * 1000, &p);
        if (sound == JITTER_PLAY) {
            if (p.length > 1 && memcmp(p.payload, p.payload + 1, p.length - 1) != 0)
                ck_abort_msg("a payload was written over");
            disorder += p.payload[0] < (uint8_t)expected && (uint8_t)expected - p.payload[0] < 128;
            expected = p.payload[0] + 1;
            played++;
            pending_ms += p.ms;
        } else if (sound == JITTER_CONCEAL) {
            concealed += p.ms / 10;
            pending_ms += p.ms;
        } else {
            silent++;
        }
    }
    pending_ms -= pending_ms >= 10 ? 10 : pending_ms;
    now += 10;
}

START_TEST(clean_stream_plays_without_a_gap)
{
    for (unsigned n = 0; n < 200; n++) {
        ck_assert_int_eq(put(n, 20), JITTER_KEPT);
        tick();
        tick();
    }
    ck_assert_uint_eq(concealed, 0);
    ck_assert_uint_eq(silent, 2); /* 20 ms at the beginning */
    ck_assert_uint_ge(played, 197);
    ck_assert_uint_eq(buffer.late + buffer.duplicate, 0);
}
END_TEST

START_TEST(lost_packet_is_concealed_for_its_length)
{
    for (unsigned n = 0; n < 100; n++) {
        if (n != 50)
            ck_assert_int_eq(put(n, 20), JITTER_KEPT);
        tick();
        tick();
    }
    ck_assert_uint_eq(concealed, 2);
    ck_assert_uint_ge(played, 96);
}
END_TEST

/* The packet after the gap goes along, for the codec's forward error correction. */
START_TEST(packet_after_a_gap_is_at_hand)
{
    struct jitter_packet p;

    for (unsigned n = 0; n < 4; n++) {
        if (n != 1)
            ck_assert_int_eq(put(n, 20), JITTER_KEPT);
    }
    now += 40;
    ck_assert_int_eq(jitter_get(&buffer, now * 1000, &p), JITTER_PLAY);
    now += 20;
    ck_assert_int_eq(jitter_get(&buffer, now * 1000, &p), JITTER_CONCEAL);
    ck_assert_uint_eq(p.ms, 20);
    ck_assert_ptr_nonnull(p.payload);
    ck_assert_uint_eq(p.payload[0], 2);
    now += 20;
    ck_assert_int_eq(jitter_get(&buffer, now * 1000, &p), JITTER_PLAY);
    ck_assert_uint_eq(p.payload[0], 2);
}
END_TEST

/* A sender that stalls for a tenth of a second, again and again: with so much delay held, nothing is missing.
 */
START_TEST(held_delay_bears_stalls)
{
    jitter_hold(&buffer, 120);
    for (unsigned n = 0; n < 200; n += 5) {
        for (unsigned i = 0; i < 10; i++)
            tick();
        for (unsigned i = 0; i < 5; i++)
            ck_assert_int_eq(put(n + i, 20), JITTER_KEPT);
    }
    ck_assert_uint_eq(concealed, 0);
    ck_assert_uint_ge(played, 190);
    ck_assert_uint_eq(buffer.late, 0);
    jitter_hold(&buffer, 0);
    ck_assert_int_lt(jitter_target_us(&buffer), 120000);
}
END_TEST

START_TEST(order_is_restored)
{
    for (unsigned n = 0; n < 100; n += 2) {
        put(n + 1, 20);
        put(n, 20);
        for (unsigned i = 0; i < 4; i++)
            tick();
    }
    ck_assert_uint_eq(disorder, 0);
    ck_assert_uint_ge(played, 95);
    ck_assert_uint_le(concealed, 4); /* until the delay fits this network */
}
END_TEST

START_TEST(duplicates_are_dropped)
{
    for (unsigned n = 0; n < 50; n++) {
        ck_assert_int_eq(put(n, 20), JITTER_KEPT);
        ck_assert_int_eq(put(n, 20), JITTER_DUPLICATE);
        tick();
        tick();
    }
    ck_assert_uint_eq(buffer.duplicate, 50);
    ck_assert_uint_eq(concealed, 0);
}
END_TEST

START_TEST(packet_that_comes_after_its_time_is_late)
{
    for (unsigned n = 0; n < 100; n++) {
        if (n != 50)
            put(n, 20);
        if (n == 56)
            ck_assert_int_eq(put(50, 20), JITTER_LATE);
        tick();
        tick();
    }
    ck_assert_uint_eq(buffer.late, 1);
    ck_assert_uint_eq(disorder, 0);
}
END_TEST

/* A network whose packets come up to 60 ms late: the delay grows until nothing is concealed any more. */
START_TEST(delay_follows_the_network)
{
    static const unsigned late[] = {0, 6, 2, 0, 4, 1, 5, 0}; /* ticks */
    unsigned before = 0;

    for (unsigned t = 0; t < 3000; t++) {
        for (unsigned k = 0; k < 8; k++) {
            unsigned n = t / 2 >= 8 ? t / 2 - k : k;
            if (t >= 16 && n * 2 + late[n % 8] == t)
                put(n, 20);
        }
        tick();
        if (t == 500)
            before = concealed;
    }
    ck_assert_uint_lt(before, 30);
    ck_assert_uint_eq(concealed, before);
    ck_assert_uint_eq(disorder, 0);
    ck_assert_int_le(jitter_spare_us(&buffer, now * 1000), 60000);
}
END_TEST

/* RFC 3551 §4.1: a pause of the sender shows in the timestamps, not in the sequence numbers; it is no loss.
 */
START_TEST(pause_of_the_sender_is_silence)
{
    for (unsigned n = 0; n < 20; n++) {
        put(n, 20);
        tick();
        tick();
    }
    unsigned before = concealed;
    for (unsigned i = 0; i < 60; i++)
        tick();
    ck_assert_uint_ge(concealed, before); /* nothing says yet whether more will come */
    struct jitter_packet p = {.sequence = (uint16_t)(65530 + 20),
                              .timestamp = 4294966000U + (20 + 30) * 160,
                              .ms = 20,
                              .payload = (const uint8_t *)"\x14",
                              .length = 1};
    unsigned had = played;
    ck_assert_int_eq(jitter_put(&buffer, &p, CLOCK, now * 1000), JITTER_KEPT);
    for (unsigned i = 0; i < 8; i++)
        tick();
    ck_assert_uint_eq(played, had + 1);
    ck_assert_uint_eq(buffer.late, 0);
}
END_TEST

/* A sender that stops its clock, or begins anew: nothing is held back for the difference. */
START_TEST(jump_of_time_begins_anew)
{
    for (unsigned n = 0; n < 20; n++) {
        put(n, 20);
        tick();
        tick();
    }
    now += 5000;
    ck_assert_int_eq(put(20, 20), JITTER_RESTARTED);
    unsigned had = played;
    for (unsigned n = 21; n < 60; n++) {
        ck_assert_int_eq(put(n, 20), JITTER_KEPT);
        tick();
        tick();
    }
    ck_assert_uint_ge(played - had, 36);
}
END_TEST

START_TEST(events_take_their_place_and_make_no_sound)
{
    for (unsigned n = 0; n < 60; n++) {
        if (n >= 20 && n < 25) {
            struct jitter_packet p = {.sequence = (uint16_t)(65530 + n), .timestamp = 4294966000U + 20 * 160};
            ck_assert_int_eq(jitter_put(&buffer, &p, CLOCK, now * 1000), JITTER_KEPT);
        } else {
            put(n, 20);
        }
        tick();
        tick();
    }
    ck_assert_uint_eq(buffer.late, 0);
    ck_assert_uint_ge(played, 53);
}
END_TEST

/* Nobody takes anything out: it stays within its memory, and goes on at the right place afterwards. */
START_TEST(unheard_stream_is_resumed_at_the_present)
{
    for (unsigned n = 0; n < 1000; n++) {
        ck_assert_int_eq(put(n, 20), JITTER_KEPT);
        now += 20;
    }
    jitter_resume(&buffer, now * 1000);
    struct jitter_packet p;
    unsigned wait = 0;
    while (jitter_get(&buffer, now * 1000, &p) != JITTER_PLAY && wait++ < 4)
        now += 10;
    ck_assert_uint_ge(p.payload[0], (uint8_t)(999 - 2));
    ck_assert_uint_eq(buffer.late, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mixer jitter");
    TCase *tcase = tcase_create("jitter");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, clean_stream_plays_without_a_gap);
    tcase_add_test(tcase, lost_packet_is_concealed_for_its_length);
    tcase_add_test(tcase, packet_after_a_gap_is_at_hand);
    tcase_add_test(tcase, held_delay_bears_stalls);
    tcase_add_test(tcase, order_is_restored);
    tcase_add_test(tcase, duplicates_are_dropped);
    tcase_add_test(tcase, packet_that_comes_after_its_time_is_late);
    tcase_add_test(tcase, delay_follows_the_network);
    tcase_add_test(tcase, pause_of_the_sender_is_silence);
    tcase_add_test(tcase, jump_of_time_begins_anew);
    tcase_add_test(tcase, events_take_their_place_and_make_no_sound);
    tcase_add_test(tcase, unheard_stream_is_resumed_at_the_present);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
