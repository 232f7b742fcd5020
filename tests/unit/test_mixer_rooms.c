/* Rooms, plays and recordings. */
#include "tests/unit/mixer_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

START_TEST(room_gives_each_the_others_and_not_himself)
{
    room_id room;

    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
    run(3, 1500);
    for (unsigned i = 0; i < 3; i++) {
        unsigned from = phones[i].heard_count - 6400;
        for (unsigned k = 0; k < 3; k++) {
            double level = tone_in(&phones[i], phones[k].hz, from);
            if (k == i)
                ck_assert_double_lt(level, 80);
            else
                ck_assert_double_gt(level, 7500);
        }
    }
}
END_TEST

START_TEST(room_of_two_rates_mixes_wide)
{
    struct media_format f = format_of(&phones[2], CODEC_G722);
    room_id room;

    ck_assert_int_eq(port_set_format(mixer, phones[2].port, &f), 0);
    phones[2].silent = true;
    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
    run(3, 1500);
    unsigned from = phones[0].heard_count - 6400;
    ck_assert_double_gt(tone_in(&phones[0], 700, from), 7000);
    ck_assert_double_lt(tone_in(&phones[0], 400, from), 80);
    ck_assert_uint_eq(phones[2].pt, 9);
    ck_assert_uint_ge(phones[2].packets, 50);
}
END_TEST

START_TEST(muted_member_is_not_heard)
{
    room_id room;

    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
    run(3, 600);
    ck_assert_int_eq(port_set_mute(mixer, phones[0].port, true), 0);
    run(3, 1200);
    unsigned from = phones[1].heard_count - 6400;
    ck_assert_double_lt(tone_in(&phones[1], 400, from), 80);
    ck_assert_double_gt(tone_in(&phones[1], 1000, from), 7500);
    ck_assert_double_gt(tone_in(&phones[0], 700, phones[0].heard_count - 6400), 7500);
}
END_TEST

START_TEST(gains_and_deaf_act_on_one_member)
{
    room_id room;

    ck_assert_int_eq(room_open(mixer, 8000, &room), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
    ck_assert_int_eq(port_set_gains(mixer, phones[0].port, -6, 0), 0);
    ck_assert_int_eq(port_set_gains(mixer, phones[1].port, 0, -12), 0);
    ck_assert_int_eq(port_set_deaf(mixer, phones[2].port, true), 0);
    ck_assert_int_eq(port_set_gains(mixer, phones[2].port, 0, 31), EINVAL);
    run(3, 1500);
    double level = tone_in(&phones[1], 400, phones[1].heard_count - 6400); /* -18 dB of 8000 */
    ck_assert_double_gt(level, 900);
    ck_assert_double_lt(level, 1100);
    ck_assert_double_lt(tone_in(&phones[2], 700, phones[2].heard_count - 6400), 20);
    ck_assert_uint_ge(phones[2].packets, 50); /* silence is sent all the same */
}
END_TEST

/* RFC 4733 §2.5.1.4: the end is sent three times and is one key press; the room hears nothing of it. */
START_TEST(digit_is_told_once)
{
    uint8_t payload[4] = {5, 10, 0, 0};
    room_id room;

    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    ck_assert_int_eq(port_connect_room(mixer, phones[0].port, room), 0);
    ck_assert_int_eq(port_connect_room(mixer, phones[1].port, room), 0);
    run(2, 200);
    for (unsigned i = 1; i <= 7; i++) {
        payload[1] = i >= 5 ? 0x8a : 10;
        payload[2] = (uint8_t)((i > 5 ? 5 : i) * 160 >> 8);
        payload[3] = (uint8_t)((i > 5 ? 5 : i) * 160);
        phone_send(&phones[0], DTMF_PT, i == 1, phones[0].timestamp, payload, 4);
        run(0, PACKET_MS);
    }
    wait_event(EVENT_DIGIT, phones[0].port);
    run(2, 300);
    ck_assert_uint_eq(count_events(EVENT_DIGIT, phones[0].port), 1);
    for (unsigned i = 0; i < event_count; i++) {
        if (events[i].type == EVENT_DIGIT) {
            ck_assert_int_eq(events[i].digit, '5');
            ck_assert_uint_eq(events[i].ms, 100);
        }
    }
}
END_TEST

START_TEST(room_play_is_heard_by_all)
{
    struct play_item item = {.hz1 = 2000, .level_dbov = -20, .ms = 3000};
    room_id room;

    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    ck_assert_int_eq(port_connect_room(mixer, phones[0].port, room), 0);
    ck_assert_int_eq(port_connect_room(mixer, phones[1].port, room), 0);
    ck_assert_int_eq(room_play(mixer, room, &item, 1), 0);
    run(2, 1200);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_double_gt(tone_in(&phones[i], 2000, phones[i].heard_count - 4800), 2500);
    room_close(mixer, room);
    ck_assert_int_eq(port_connect_room(mixer, phones[0].port, room), ENOENT);
    run(2, 100);
    unsigned packets = phones[0].packets;
    run(2, 200);
    ck_assert_uint_eq(phones[0].packets, packets);
}
END_TEST

/* The play goes to one side only; the other hears its peer again afterwards. */
START_TEST(play_replaces_the_bridge)
{
    struct play_item item = {.hz1 = 2000, .level_dbov = -12, .ms = 600};

    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    run(2, 100);
    ck_assert_int_eq(port_play(mixer, phones[1].port, 7, &item, 1, false), 0);
    run(2, 60);
    unsigned from = phones[1].heard_count;
    run(2, 400);
    ck_assert_double_gt(tone_in(&phones[1], 2000, from), 5000);
    ck_assert_double_lt(tone_in(&phones[1], 400, from), 200);
    wait_event(EVENT_PLAYED, phones[1].port);
    run(2, 100);
    from = phones[1].heard_count;
    run(2, 500);
    ck_assert_double_gt(tone_in(&phones[1], 400, from), 7000);
}
END_TEST

/* What the far side says is in the file although its packets only pass by. */
START_TEST(relayed_side_is_recorded)
{
    char path[] = "/tmp/confab-engine-XXXXXX";
    struct record_limits limits = {.max_ms = 500};
    int16_t samples[4000];

    close(mkstemp(path));
    unlink(path);
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    run(2, 200);
    ck_assert_int_eq(port_record(mixer, phones[0].port, 3, path, &limits), 0);
    run(2, 800);
    wait_event(EVENT_RECORDED, phones[0].port);
    for (unsigned i = 0; i < event_count; i++) {
        if (events[i].type == EVENT_RECORDED)
            ck_assert_int_eq(events[i].end, RECORD_TOO_LONG);
    }
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, -8000, SEEK_END), 0);
    phones[3].heard_count = (unsigned)fread(samples, 2, 4000, file);
    fclose(file);
    unlink(path);
    memcpy(phones[3].heard, samples, sizeof(samples));
    ck_assert_double_gt(tone_in(&phones[3], 400, 1000), 7500);
    ck_assert_uint_ge(phones[1].packets, 40);
}
END_TEST

/* What was recorded is on disk before the port's last event. */
START_TEST(recording_ends_before_the_port)
{
    char path[] = "/tmp/confab-engine-XXXXXX";
    struct record_limits limits = {.max_ms = 10000};

    close(mkstemp(path));
    unlink(path);
    ck_assert_int_eq(port_record(mixer, phones[0].port, 3, path, &limits), 0);
    run(1, 600);
    ck_assert_uint_gt(phones[0].packets, 10); /* silence keeps the way open */
    port_close(mixer, phones[0].port);
    ck_assert_int_eq(port_connect_echo(mixer, phones[0].port), ENOENT);
    wait_event(EVENT_PORT_CLOSED, phones[0].port);
    const struct mixer_event *last = &events[event_count - 1], *recorded = NULL;
    for (unsigned i = 0; i < event_count; i++) {
        if (events[i].type == EVENT_RECORDED)
            recorded = &events[i];
    }
    ck_assert_ptr_nonnull(recorded);
    ck_assert_int_eq(last->type, EVENT_PORT_CLOSED);
    ck_assert_uint_eq(recorded->serial, 3);
    ck_assert_int_eq(recorded->end, RECORD_CLOSED);
    ck_assert_uint_gt(recorded->ms, 400);
    ck_assert_uint_gt(last->stats.packets_received, 20);
    ck_assert_uint_eq(last->stats.packets_lost, 0);
    unlink(path);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, room_gives_each_the_others_and_not_himself);
    tcase_add_test(tcase, room_of_two_rates_mixes_wide);
    tcase_add_test(tcase, muted_member_is_not_heard);
    tcase_add_test(tcase, gains_and_deaf_act_on_one_member);
    tcase_add_test(tcase, digit_is_told_once);
    tcase_add_test(tcase, room_play_is_heard_by_all);
    tcase_add_test(tcase, play_replaces_the_bridge);
    tcase_add_test(tcase, relayed_side_is_recorded);
    tcase_add_test(tcase, recording_ends_before_the_port);
}

int main(void)
{
    return kit_main("mixer rooms", add_tests);
}
