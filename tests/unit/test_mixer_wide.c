/* Rooms that spread over the workers: a member notices nothing of it. */
#include "tests/unit/mixer_kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static room_id open_wide(void)
{
    room_id room;

    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    for (unsigned i = 0; i < PHONES; i++)
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
    const struct room_entry *r = room_entry_find(mixer, room);
    ck_assert_ptr_nonnull(r);
    ck_assert_uint_gt(r->shards[0].members, 0); /* else these cases prove nothing */
    ck_assert_uint_gt(r->shards[1].members, 0);
    return room;
}

/* What `listener` heard in the last 800 ms: all of those in the bit map `talkers`, and nobody else. */
static void expect_heard(unsigned listener, unsigned talkers)
{
    const struct phone *p = &phones[listener];

    for (unsigned k = 0; k < PHONES; k++) {
        double level = tone_in(p, phones[k].hz, p->heard_count - 6400);
        if (talkers & 1U << k)
            ck_assert_double_gt(level, 4500);
        else
            ck_assert_double_lt(level, 80);
    }
}

static void soften(void) /* the sum of all stays below the clip */
{
    for (unsigned i = 0; i < PHONES; i++)
        phones[i].amplitude = 6000;
}

START_TEST(each_hears_the_others_and_not_himself)
{
    soften();
    (void)open_wide();
    run(PHONES, 1500);
    for (unsigned i = 0; i < PHONES; i++)
        expect_heard(i, 15U & ~(1U << i));
}
END_TEST

/* Of another shard's speakers only the sum is known; who is on the same one is heard as wished. */
START_TEST(relations_are_within_a_shard)
{
    unsigned whisperer = PHONES, listener = PHONES;

    soften();
    (void)open_wide();
    for (unsigned i = 0; i < PHONES; i++) {
        for (unsigned k = 0; k < PHONES; k++) {
            if (i == k)
                continue;
            const struct worker *own = port_find(mixer, phones[i].port)->worker;
            bool here = own == port_find(mixer, phones[k].port)->worker;
            ck_assert_int_eq(port_set_softer(mixer, phones[i].port, phones[k].port, 0), here ? 0 : ENOTSUP);
            if (here && whisperer == PHONES) {
                whisperer = i;
                listener = k;
            } else if (!here) {
                ck_assert_int_eq(port_set_whisper(mixer, phones[i].port, phones[k].port), ENOTSUP);
            }
        }
    }
    ck_assert_uint_lt(whisperer, PHONES);
    ck_assert_int_eq(port_set_whisper(mixer, phones[whisperer].port, phones[listener].port), 0);
    run(PHONES, 1500);
    for (unsigned i = 0; i < PHONES; i++)
        expect_heard(i, 15U & ~(1U << i) & (i == listener ? 15U : ~(1U << whisperer)));
}
END_TEST

START_TEST(who_leaves_is_gone_from_every_shard)
{
    soften();
    (void)open_wide();
    run(PHONES, 1000);
    ck_assert_int_eq(port_connect_none(mixer, phones[0].port), 0);
    port_close(mixer, phones[3].port);
    run(PHONES, 1500);
    expect_heard(1, 1U << 2);
    expect_heard(2, 1U << 1);
}
END_TEST

START_TEST(a_wideband_member_makes_all_shards_wide)
{
    struct media_format f = format_of(&phones[2], CODEC_G722);

    soften();
    (void)open_wide();
    run(PHONES, 600);
    ck_assert_int_eq(port_set_format(mixer, phones[2].port, &f), 0);
    phones[2].silent = true;
    run(PHONES, 1500);
    expect_heard(0, 1U << 1 | 1U << 3);
    expect_heard(1, 1U << 0 | 1U << 3);
    expect_heard(3, 1U << 0 | 1U << 1);
    ck_assert_uint_eq(phones[2].pt, 9);
}
END_TEST

START_TEST(a_play_to_the_room_reaches_every_shard)
{
    struct play_item tone = {.hz1 = 2000, .level_dbov = -12, .ms = 3000};
    room_id room = open_wide();

    for (unsigned i = 0; i < PHONES; i++)
        phones[i].silent = true;
    ck_assert_int_eq(room_play(mixer, room, &tone, 1), 0);
    run(PHONES, 1500);
    for (unsigned i = 0; i < PHONES; i++)
        ck_assert_double_gt(tone_in(&phones[i], 2000, phones[i].heard_count - 6400), 5000);
}
END_TEST

/* All that was made for it comes back, and its members can be connected elsewhere at once. */
START_TEST(a_wide_room_closes_as_a_whole)
{
    struct mixer_stats stats;

    soften();
    for (unsigned round = 0; round < 5; round++) { /* more rooms than fit side by side */
        room_id room = open_wide();
        run(PHONES, 100);
        room_close(mixer, room);
        ck_assert_int_eq(port_connect_room(mixer, phones[0].port, room), ENOENT);
        run(PHONES, 100);
    }
    unsigned waited = 0;
    do {
        run(PHONES, 20);
        mixer_read_stats(mixer, &stats);
    } while (stats.rooms > 0 && ++waited < 250);
    ck_assert_uint_eq(stats.rooms, 0);
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    run(2, 1000);
    ck_assert_double_gt(tone_in(&phones[0], phones[1].hz, phones[0].heard_count - 4000), 4500);
}
END_TEST

/* -- the choice alone, without a clock
 * ------------------------------------------------------------------------------------------ */

#define SHARDS 2
#define CROWD 10

struct crowd {
    struct worker workers[SHARDS];
    struct room rooms[SHARDS];
    struct port ports[CROWD]; /* even ones on shard 0, odd ones on shard 1 */
};

static void crowd_make(struct crowd *c, struct wide *wide)
{
    wide->shards = SHARDS;
    for (unsigned s = 0; s < SHARDS; s++) {
        c->workers[s].tick = 1000;
        c->rooms[s].wide = wide;
        c->rooms[s].shard = s;
        ck_assert_int_eq(room_kit_new(&c->rooms[s].kit, 8000, 1), 0);
    }
    for (unsigned i = 0; i < CROWD; i++) {
        c->ports[i].id = i + 1;
        c->ports[i].worker = &c->workers[i % SHARDS];
        c->ports[i].room = &c->rooms[i % SHARDS];
        c->ports[i].loud = 127;
    }
}

static void crowd_tick(struct crowd *c, unsigned first, unsigned last, const unsigned *levels)
{
    for (unsigned s = 0; s < SHARDS; s++) {
        struct room *room = &c->rooms[s];
        c->workers[s].tick++;
        for (unsigned i = first; i <= last; i++) {
            if (i % SHARDS == s)
                room_note(&c->ports[i], levels[i]);
        }
        wide_listen(&c->workers[s], room);
        speakers_choose(&c->workers[s], room);
        for (unsigned k = 0; k < ROOM_SLOTS; k++) {
            room->speakers[k].ticks++;
            if (room->speakers[k].port && room->speakers[k].leaving)
                speaker_drop(room->speakers[k].port);
        }
        wide_tell(&c->workers[s], room);
    }
}

static unsigned crowd_speakers(const struct crowd *c)
{
    unsigned map = 0;

    for (unsigned i = 0; i < CROWD; i++)
        map |= c->ports[i].speaker ? 1U << i : 0;
    return map;
}

/* Ten talk, five on each shard: after a few ticks just six are heard, and with time the loudest six. */
START_TEST(all_shards_choose_the_same_few)
{
    static const unsigned levels[CROWD] = {20, 22, 24, 26, 28, 30, 40, 42, 44, 46};
    struct crowd *c = calloc(1, sizeof(*c));
    struct wide *wide = calloc(1, sizeof(*wide) + SHARDS * sizeof(wide->frames[0]));

    crowd_make(c, wide);
    for (unsigned t = 0; t < 50; t++)
        crowd_tick(c, 4, 9, levels); /* the softer six are first */
    ck_assert_uint_eq(crowd_speakers(c), 0x3f0);
    for (unsigned t = 0; t < 8; t++)
        crowd_tick(c, 0, 9, levels);
    ck_assert_int_eq(__builtin_popcount(crowd_speakers(c)), 6);
    for (unsigned t = 0; t < 200; t++)
        crowd_tick(c, 0, 9, levels);
    ck_assert_uint_eq(crowd_speakers(c), 0x03f);
    for (unsigned s = 0; s < SHARDS; s++)
        room_kit_free(c->rooms[s].kit);
    free(wide);
    free(c);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, each_hears_the_others_and_not_himself);
    tcase_add_test(tcase, relations_are_within_a_shard);
    tcase_add_test(tcase, who_leaves_is_gone_from_every_shard);
    tcase_add_test(tcase, a_wideband_member_makes_all_shards_wide);
    tcase_add_test(tcase, a_play_to_the_room_reaches_every_shard);
    tcase_add_test(tcase, a_wide_room_closes_as_a_whole);
    tcase_add_test(tcase, all_shards_choose_the_same_few);
}

int main(void)
{
    kit_wide_from = 1;
    return kit_main("wide rooms", add);
}
