/* Members who are moved, side rooms, whispers: the conference led by a core that only writes down what it is
 * told. */
#include "apps/apps.h"
#include "apps/conference/act.h"
#include "core/base/loop.h"
#include "storage/mailbox.h"
#include "storage/subscriber.h"
#include "tests/unit/room_double.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRIVES "play=conf-placeintoconf"

int subscriber_find(struct storage *st, const char *number, struct ticket ticket, subscriber_reply *reply)
{
    (void)st;
    (void)number;
    (void)ticket;
    (void)reply;
    return ENOTSUP;
}

int cache_discard(struct storage *st, const char *path, struct ticket ticket, storage_done *reply)
{
    (void)st;
    (void)ticket;
    (void)reply;
    (void)path;
    return 0;
}

static void setup(void)
{
    memset(&asked, 0, sizeof asked);
    double_begin();
    usual_room = (struct room_row){.announce = ANNOUNCE_NONE};
    settings.max_rooms = 6;
    settings.max_room_members = 8;
    ck_assert_int_eq(loop_new(&server.loop), 0);
}

/* Who calls a room that has no row; what he hears at his coming is forgotten. */
static struct member *enter(const char *number)
{
    struct link *link = call(&conference_app, number, "", "");

    door_says(0, NULL, NULL);
    link->app->answered(link);
    *link->told = '\0';
    *server.told = '\0';
    return link_state(link);
}

/* A room whose first member is made its host from outside. */
static struct member *enter_host(const char *number)
{
    const struct actor program = {.host = true, .name = "test", .source = "api"};
    struct member *host = enter(number);
    const struct act_order order = {.act = ACT_MAKE_HOST, .member = host};

    ck_assert_int_eq(room_act(host->room, &program, &order), 0);
    play_over(host->link); /* that he is host now */
    *host->link->told = '\0';
    return host;
}

static int act(struct member *by, struct act_order order)
{
    const struct actor actor = {.member = by, .host = by->role == ROLE_HOST, .name = "x", .source = "phone"};

    return room_act(by->room, &actor, &order);
}

static void ck_room(const struct member *member, const char *number)
{
    ck_assert_ptr_nonnull(member->room);
    ck_assert_str_eq(member->room->number, number);
    ck_assert_int_eq(member->seat, SEAT_IN);
}

START_TEST(host_moves_a_member_and_back)
{
    struct member *host = enter_host("3000"), *guest = enter("3000"), *other = enter("3001");

    ck_assert_int_eq(act(guest, (struct act_order){.act = ACT_MOVE, .member = host, .text = "3001"}), EACCES);
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = guest, .text = "3001"}), 0);
    ck_room(guest, "3001");
    ck_told(guest->link, "enter=2 " ARRIVES);
    ck_assert_uint_eq(host->room->count, 1);
    ck_assert_uint_eq(other->room->count, 2);
    ck_assert(guest->moved);
    ck_assert_int_eq(act(guest, (struct act_order){.act = ACT_RETURN, .member = guest}), 0);
    ck_room(guest, "3000");
    ck_told(guest->link, "enter=1 " ARRIVES);
    ck_assert_uint_eq(other->room->count, 1);
    ck_assert_int_eq(act(guest, (struct act_order){.act = ACT_RETURN, .member = guest}), ENOENT);
}
END_TEST

/* Nobody is in that one: it is asked for, and made. */
START_TEST(move_makes_a_room)
{
    struct member *host = enter_host("3000"), *guest = enter("3000");
    const struct act_order order = {.act = ACT_MOVE, .member = guest, .text = "3005"};

    ck_assert_int_eq(act(host, order), 0);
    ck_assert_str_eq(asked.key, "3005");
    ck_room(guest, "3000");
    ck_assert_int_eq(act(host, order), EBUSY);
    asked.plain(asked.ticket, ENOENT, NULL);
    ck_room(guest, "3005");
    ck_told(&server, "open");
    hang_up(guest->link);
    ck_told(&server, "close");

    guest = enter("3000"); /* who hangs up meanwhile */
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = guest, .text = "3005"}), 0);
    hang_up(guest->link);
    asked.plain(asked.ticket, ENOENT, NULL);
    ck_assert_ptr_null(conference_room("3005"));
}
END_TEST

/* He is still spoken to as his room is. */
START_TEST(failed_move_keeps_the_language)
{
    struct member *host, *away;

    settings.language = (char *)"en";
    snprintf(usual_room.language, sizeof usual_room.language, "fr");
    host = enter_host("3000");
    snprintf(usual_room.language, sizeof usual_room.language, "it");
    away = enter_host("3001");
    ck_assert_str_eq(host->link->language, "fr");
    away->room->locked = true;
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = host, .text = "3001"}), EBUSY);
    ck_assert_str_eq(host->link->language, "fr");
    away->room->locked = false;
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = host, .text = "3001"}), 0);
    ck_assert_str_eq(host->link->language, "it");
}
END_TEST

/* A host of one room is nobody in another: its PIN, its lock and its limits are in his way, alone or by
 * others. */
START_TEST(move_opens_no_door)
{
    const struct room_row row = {.number = "3900", .has_pin = true};
    const struct actor token = {.host = true, .name = "test", .source = "api"},
                       admin = {.host = true, .trusted = true, .name = "test", .source = "api"};
    struct member *host = enter_host("3000"), *away = enter_host("3001");
    const struct act_order order = {.act = ACT_MOVE, .member = host, .text = "3900"};

    ck_assert_int_eq(act(host, order), 0);
    asked.plain(asked.ticket, 0, &row);
    ck_room(host, "3000");
    ck_told(host->link, "play=conf-unavailable");
    away->room->locked = true;
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = host, .text = "3001"}), EBUSY);
    ck_room(host, "3000");
    ck_assert_int_eq(host->role, ROLE_HOST);
    ck_assert_uint_eq(host->room->hosts, 1);
    ck_assert_ptr_null(host->home);
    ck_assert_int_eq(room_act(host->room, &token, &order), 0); /* the token of a host does neither … */
    asked.plain(asked.ticket, 0, &row);
    ck_room(host, "3000");
    ck_assert_int_eq(room_act(host->room, &admin, &order), 0); /* … an administrator's word does */
    asked.plain(asked.ticket, 0, &row);
    ck_room(host, "3900");
    ck_assert_int_eq(host->role, ROLE_MEMBER);
    ck_assert_uint_eq(host->room->hosts, 0);
}
END_TEST

START_TEST(members_break_out_and_are_called_back)
{
    struct member *host = enter_host("3000"), *guest[4];

    for (int i = 0; i < 4; i++)
        guest[i] = enter("3000");
    /* One has been called into it. */
    snprintf(guest[0]->invited, sizeof guest[0]->invited, "%s", host->room->id);
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_BREAK_OUT, .value = 0}), EINVAL);
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_BREAK_OUT, .text = "a/b"}), EINVAL);
    ck_assert_int_eq(act(guest[0], (struct act_order){.act = ACT_BREAK_OUT, .value = 2}), EACCES);
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_BREAK_OUT, .value = 2}), 0);
    for (int i = 0; i < 4; i++)
        ck_room(guest[i], i % 2 ? "3000-2" : "3000-1");
    ck_room(host, "3000");
    ck_assert_int_eq(act(guest[0], (struct act_order){.act = ACT_MUTE, .member = guest[0]}), 0);

    /* The host goes about; the room is locked; one comes back by himself. */
    host->room->locked = true;
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = host, .text = "3000-1"}), 0);
    ck_room(host, "3000-1");
    ck_assert_uint_eq(conference_room("3000")->count, 0); /* it stands all the same */
    ck_assert_uint_eq(room_hosts(conference_room("3000")), 1);
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = host, .text = "3000-2"}), 0);
    ck_assert_int_eq(act(guest[1], (struct act_order){.act = ACT_RETURN, .member = guest[1]}), 0);
    ck_room(guest[1], "3000");
    ck_assert(conference_room("3000")->locked);

    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_CALL_BACK}), 0);
    for (int i = 0; i < 4; i++)
        ck_room(guest[i], "3000");
    ck_room(host, "3000");
    ck_assert_int_eq(host->role, ROLE_HOST);
    ck_assert(guest[0]->muted);
    ck_assert_ptr_null(conference_room("3000-1"));
    ck_assert_ptr_null(conference_room("3000-2"));
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_CALL_BACK}), ENOENT);
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_BREAK_OUT, .text = "tea"}), 0);
    ck_room(guest[3], "3000-tea");
}
END_TEST

START_TEST(side_room_is_entered_from_its_main_room_only)
{
    struct member *host = enter_host("3000"), *guest = enter("3000"), *away = enter_host("3001");

    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_BREAK_OUT, .value = 1}), 0);
    struct link *link = call(&conference_app, "3000-1", "", "");
    door_says(0, NULL, NULL);
    link->app->answered(link);
    ck_told(link, "answer play=conf-locked");
    ck_assert_uint_eq(guest->room->count, 1);
    ck_assert_int_eq(act(away, (struct act_order){.act = ACT_MOVE, .member = away, .text = "3000-1"}),
                     EACCES);

    /* A room of that number which somebody has dialled before is none of them. */
    struct member *early = enter("3001-1");
    (void)enter("3001");
    ck_assert_int_eq(act(away, (struct act_order){.act = ACT_BREAK_OUT, .value = 1}), EBUSY);
    ck_assert_uint_eq(early->room->count, 1);
}
END_TEST

START_TEST(main_room_ends_with_its_side_rooms)
{
    struct member *host = enter_host("3000"), *guest[3];

    for (int i = 0; i < 3; i++)
        guest[i] = enter("3000");
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_BREAK_OUT, .value = 3}), 0);
    for (int i = 0; i < 3; i++)
        *guest[i]->link->told = '\0';
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_END}), 0);
    for (int i = 0; i < 3; i++)
        ck_told(guest[i]->link, "enter=0 play=confbridge-conf-end");
    ck_assert_int_eq(act(guest[0], (struct act_order){.act = ACT_RETURN, .member = guest[0]}), ENOENT);
    for (int i = 0; i < 3; i++)
        hang_up(guest[i]->link);
    ck_assert_ptr_nonnull(conference_room("3000"));
    hang_up(host->link);
    ck_assert_ptr_null(conference_first());

    /* All are in side rooms, and hang up there. */
    host = enter_host("3000");
    guest[0] = enter("3000");
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_BREAK_OUT, .value = 1}), 0);
    hang_up(host->link);
    ck_assert_ptr_nonnull(conference_room("3000"));
    hang_up(guest[0]->link);
    ck_assert_ptr_null(conference_first());
}
END_TEST

START_TEST(whisper_and_soften_reach_the_media)
{
    struct member *host = enter_host("3000"), *guest = enter("3000"), *other = enter("3001");
    struct act_order order = {.act = ACT_WHISPER, .member = guest, .other = host};

    *guest->link->told = *host->link->told = '\0';
    ck_assert_int_eq(act(guest, order), 0);
    ck_told(guest->link, "whisper=0");
    ck_assert_int_eq(act(guest, order), EALREADY);
    order.other = other;
    ck_assert_int_eq(act(guest, order), ENOENT);
    ck_assert_int_eq(act(guest, (struct act_order){.act = ACT_UNWHISPER, .member = guest}), 0);
    ck_told(guest->link, "unwhisper");
    ck_assert_int_eq(act(guest, (struct act_order){.act = ACT_UNWHISPER, .member = guest}), EALREADY);

    order = (struct act_order){.act = ACT_SOFTEN, .member = guest, .other = host, .value = -9};
    ck_assert_int_eq(act(guest, order), 0);
    ck_told(guest->link, "soften=0/-9");
    order.value = 1;
    ck_assert_int_eq(act(guest, order), EINVAL);
    snprintf(host->caller, sizeof host->caller, "1001");
    order = (struct act_order){.act = ACT_SOFTEN, .member = guest, .text = "1001", .value = -3};
    ck_assert_int_eq(act(guest, order), 0);
    ck_told(guest->link, "soften=0/-3");
    order.text = "1002";
    ck_assert_int_eq(act(guest, order), ENOENT);
    order = (struct act_order){.act = ACT_SOFTEN, .member = host, .other = guest, .value = -9};
    ck_assert_int_eq(act(guest, order), EACCES); /* nobody wishes for another */
}
END_TEST

/* What he said to one alone must not be said to all because that one has gone. */
START_TEST(whisperer_is_muted_when_his_listener_goes)
{
    struct member *host = enter_host("3000"), *guest = enter("3000");

    (void)enter("3000");
    *host->link->told = *guest->link->told = '\0';
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_WHISPER, .member = host, .other = guest}), 0);
    hang_up(guest->link);
    ck_told(host->link, "whisper=1 mute=1 unwhisper play=conf-muted");
    ck_assert(host->muted);
    ck_assert_uint_eq(host->whispers_to, 0);
    ck_assert_uint_eq(host->room->whispers, 0);
}
END_TEST

/* What was so before the server was cut off, or whom one conference has called, is nothing to another one. */
START_TEST(move_takes_no_rights_along)
{
    const struct door door = {.recognised = true,
                              .returns = true,
                              .role = ROLE_HOST,
                              .resumes = true,
                              .locked = true,
                              .all_muted = true,
                              .lecture = true};
    struct link *link = call(&conference_app, "3000", "", "");
    const struct room_row board = {.number = "3000", .announce = ANNOUNCE_NONE};

    door_says(0, &board, &door);
    link->app->answered(link);
    struct member *host = link_state(link), *guest = enter_host("3001"), *away;
    ck_assert_int_eq(host->role, ROLE_HOST);
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = host, .text = "3000-tea"}), 0);
    ck_room(host, "3000-tea");
    ck_assert(!host->room->locked && !host->room->lecture && !host->room->all_muted);
    guest->room->locked = true;
    snprintf(host->invited, sizeof host->invited, "%s", host->room->main->id);
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = host, .text = "3001"}), EBUSY);
    ck_room(host, "3000-tea");
    ck_assert_str_eq(host->invited, host->room->main->id);

    /* He was called into a conference that is over: there is none to go back to. */
    guest->room->locked = false;
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = host, .text = "3001"}), 0);
    ck_assert_ptr_null(conference_room("3000"));
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_RETURN, .member = host}), ENOENT);
    ck_room(host, "3001");

    /* Others have begun another one since, and locked it. */
    away = enter("3002");
    ck_assert_int_eq(act(guest, (struct act_order){.act = ACT_MOVE, .member = guest, .text = "3002"}), 0);
    hang_up(host->link);
    ck_assert_ptr_null(conference_room("3001"));
    enter_host("3001")->room->locked = true;
    guest->home->role = ROLE_MEMBER;
    ck_assert_int_eq(act(guest, (struct act_order){.act = ACT_RETURN, .member = guest}), EBUSY);
    ck_assert_ptr_eq(guest->room, away->room);
}
END_TEST

/* Home is where he dialled, by whatever way he goes back there, and he is there what he was. */
START_TEST(home_is_reached_by_its_number_and_from_side_rooms)
{
    struct member *host = enter_host("3000"), *other = enter_host("3001");
    struct act_order order = {.act = ACT_MOVE, .member = host, .text = "3001"};

    (void)enter("3000");
    ck_assert_int_eq(act(host, order), 0);
    ck_assert_int_eq(host->role, ROLE_MEMBER);
    order.text = "3001-1";
    ck_assert_int_eq(act(other, order), 0);
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_RETURN, .member = host}), 0);
    ck_room(host, "3001");
    order.text = "3000";
    ck_assert_int_eq(act(other, order), 0);
    ck_room(host, "3000");
    ck_assert_int_eq(host->role, ROLE_HOST);
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_RETURN, .member = host}), ENOENT);
}
END_TEST

START_TEST(who_becomes_host_in_a_side_room_lets_all_in)
{
    const struct room_row row = {.number = "3000", .announce = ANNOUNCE_NONE, .waiting = WAITING_HOST};
    const struct actor program = {.host = true, .name = "test", .source = "api"};
    struct member *host = enter_host("3000"), *guest = enter("3000"), *late;
    struct act_order order = {.act = ACT_MAKE_HOST, .member = guest};

    host->room->row.waiting = WAITING_HOST;
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_BREAK_OUT, .value = 1}), 0);
    hang_up(host->link);
    struct link *link = call(&conference_app, "3000", "", "");
    door_says(0, &row, NULL);
    link->app->answered(link);
    late = link_state(link);
    ck_assert_int_eq(late->seat, SEAT_WAITING);
    ck_assert_int_eq(room_act(guest->room, &program, &order), 0);
    ck_room(late, "3000");
}
END_TEST

/* All are in side rooms, and a program acts on the main one. */
START_TEST(main_room_without_members_is_a_room)
{
    const struct actor program = {.host = true, .name = "test", .source = "api"};
    static char format[] = "flac", off[] = "off";
    struct member *host = enter_host("3000");

    settings.room_record_format = format;
    settings.room_record = off;
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = host, .text = "3000-1"}), 0);
    *server.told = '\0';
    ck_assert_int_eq(room_act(host->room->main, &program, &(struct act_order){.act = ACT_RECORD}), 0);
    ck_told(&server, "record=1/3000/mix/flac conf-now-recording");
    ck_assert_int_eq(room_act(host->room->main, &program, &(struct act_order){.act = ACT_KICK_ALL}), ENOENT);
}
END_TEST

/* Who pages is the only one who talks in his room, and it ends with him: he takes that nowhere. */
START_TEST(nobody_leaves_a_page)
{
    struct member *host = enter_host("3000");

    (void)enter("3000");
    host->room->page = true;
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_MOVE, .member = host, .text = "3001"}), ENOTSUP);
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_BREAK_OUT, .value = 1}), ENOTSUP);
}
END_TEST

/* The words on his arrival, of which one may be that he is recorded, are not cut off by his menu. */
START_TEST(menu_closes_as_its_member_is_moved)
{
    static struct menu_key keys[] = {{.key = '5', .act = "return"}};
    static struct menu_settings menus[] = {{.name = MENU_HOST, .keys = keys, .key_count = 1},
                                           {.name = MENU_MEMBER, .keys = keys, .key_count = 1}};
    struct member *host = enter_host("3000"), *guest = enter("3000");

    settings.menus = menus;
    settings.menu_count = 2;
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_BREAK_OUT, .value = 1}), 0);
    play_over(guest->link);
    press(guest->link, '*');
    *guest->link->told = '\0';
    press(guest->link, '5');
    ck_room(guest, "3000");
    ck_told(guest->link, "enter=1 " ARRIVES);
    ck_assert(!guest->in_menu);
}
END_TEST

/* Another phone takes a seat: it whispers as the old one did, is whispered to, and is recorded. */
START_TEST(seat_keeps_its_whispers_and_its_export)
{
    const struct news news = {.kind = NEWS_TRANSFERRED, .by_caller = true};
    struct member *host, *guest;

    snprintf(usual_room.siprec, sizeof usual_room.siprec, "sip:recorder");
    host = enter_host("3000");
    guest = enter("3000");
    ck_assert_int_eq(act(host, (struct act_order){.act = ACT_WHISPER, .member = host, .other = guest}), 0);
    *host->link->told = *guest->link->told = '\0';
    host->link->app->heard(host->link, &news);
    ck_told(host->link, "whisper=1 quiet recorded=1/");
    guest->link->app->heard(guest->link, &news);
    ck_told(host->link, "whisper=1");
    ck_told(guest->link, "quiet recorded=2/");
    ck_assert(!host->muted);
}
END_TEST

/* In a storm all are brought in, and hardly one in a hundred is told. */
START_TEST(storm_of_joins_is_not_a_storm_of_tones)
{
    struct member *first = enter("3000");
    unsigned tones = 0;

    first->room->row.announce = ANNOUNCE_TONES;
    for (int round = 0; round < 14; round++) {
        struct member *guest = enter("3000");
        hang_up(guest->link);
        tones += *server.told != '\0';
        *server.told = '\0';
    }
    ck_assert_uint_gt(tones, 0);
    ck_assert_uint_lt(tones, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("room sides");
    TCase *tcase = tcase_create("sides");

    log_set_level(LEVEL_ERROR);
    tcase_add_checked_fixture(tcase, setup, double_end);
    tcase_add_test(tcase, host_moves_a_member_and_back);
    tcase_add_test(tcase, move_makes_a_room);
    tcase_add_test(tcase, failed_move_keeps_the_language);
    tcase_add_test(tcase, move_opens_no_door);
    tcase_add_test(tcase, members_break_out_and_are_called_back);
    tcase_add_test(tcase, side_room_is_entered_from_its_main_room_only);
    tcase_add_test(tcase, main_room_ends_with_its_side_rooms);
    tcase_add_test(tcase, whisper_and_soften_reach_the_media);
    tcase_add_test(tcase, whisperer_is_muted_when_his_listener_goes);
    tcase_add_test(tcase, move_takes_no_rights_along);
    tcase_add_test(tcase, home_is_reached_by_its_number_and_from_side_rooms);
    tcase_add_test(tcase, who_becomes_host_in_a_side_room_lets_all_in);
    tcase_add_test(tcase, main_room_without_members_is_a_room);
    tcase_add_test(tcase, nobody_leaves_a_page);
    tcase_add_test(tcase, menu_closes_as_its_member_is_moved);
    tcase_add_test(tcase, seat_keeps_its_whispers_and_its_export);
    tcase_add_test(tcase, storm_of_joins_is_not_a_storm_of_tones);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
