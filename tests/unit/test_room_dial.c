/* apps/conference/: whom a room calls, and what becomes of him; REFER. The core only writes down what it is
 * told. */
#include "apps/apps.h"
#include "apps/conference/dial.h"
#include "core/base/loop.h"
#include "storage/mailbox.h"
#include "storage/subscriber.h"
#include "tests/unit/room_double.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const struct room_row board = {.number = "3100",
                                      .host = "1001",
                                      .announce = ANNOUNCE_NONE,
                                      .dial_out = {"10XX", "0."},
                                      .dial_out_max = 2};

static char realm[] = "confab";

static void setup(void)
{
    room_double_begin();
    ck_assert_int_eq(loop_new(&server.loop), 0);
    settings.max_rooms = 4;
    settings.max_room_members = 4;
    settings.realm = realm;
}

static struct link *enter_as(const char *user, const struct room_row *row, const struct recipients *list)
{
    struct request request = {.call = "test",
                              .number = row->number,
                              .argument = "",
                              .params = "",
                              .user = user,
                              .recipients = list};

    snprintf(request.caller.user, sizeof request.caller.user, "%s", user);
    struct link *link = call_with(&conference_app, &request);
    const struct door door = {.recognised = strcmp(user, row->host) == 0, .role = ROLE_HOST};
    door_says(0, row, door.recognised ? &door : NULL);
    if (!strcmp(link->told, "answer"))
        link->app->answered(link);
    *link->told = '\0';
    *server.told = '\0';
    return link;
}

static int invite(const char *number)
{
    const struct actor host = {.host = true, .name = "test", .source = "server"};

    return room_act(conference_room("3100"), &host, &(struct act_order){.act = ACT_INVITE, .text = number});
}

/* The one who was called last has answered: his call comes to the conference. */
static struct link *arrive(const char *user)
{
    static char argument[NUMBER_TEXT];
    struct request request = {
        .call = "out", .number = "3100", .argument = argument, .params = "", .user = user};

    memcpy(argument, server.made.argument, sizeof argument);
    snprintf(request.caller.user, sizeof request.caller.user, "%s", user);
    return call_with(&conference_app, &request);
}

/* Only such as the room may call, so many at a time, each once, and not more than have room. */
START_TEST(whom_a_room_may_call)
{
    enter_as("1001", &board, NULL);
    ck_assert_int_eq(invite(NULL), EINVAL);
    ck_assert_int_eq(invite(""), EINVAL);
    ck_assert_int_eq(invite("9196"), EACCES);
    ck_assert_int_eq(invite("sip:9196@1002"), EACCES);
    ck_assert_int_eq(invite("1002"), 0);
    ck_told(&server, "call=1002");
    ck_assert_str_eq(server.made.user, "1001"); /* in the name of whose room it is */
    ck_assert_int_eq(invite("sip:1002@confab"), EALREADY);
    ck_assert_int_eq(invite("tel:0049301234"), 0);
    ck_told(&server, "call=0049301234");
    ck_assert_int_eq(invite("1003"), EBUSY);
    server.made.done(server.made.arg, 486);
    server.make_error = EBUSY;
    ck_assert_int_eq(invite("1003"), EMFILE);
    server.make_error = 0;
    settings.max_room_members = 2; /* one who is in, one who is called */
    ck_assert_int_eq(invite("1003"), ENOSPC);
}
END_TEST

START_TEST(without_patterns_none_may_be_called)
{
    struct room_row row = board;

    **row.dial_out = '\0';
    enter_as("1001", &row, NULL);
    ck_assert_int_eq(invite("1002"), EACCES);
}
END_TEST

/* He was asked for, so neither a lock nor a waiting room is before him. */
START_TEST(who_was_called_comes_in)
{
    struct room_row row = board;

    row.waiting = WAITING_ADMIT;
    enter_as("1001", &row, NULL);
    struct room *room = conference_room("3100");
    room->locked = true;
    ck_assert_int_eq(invite("1002"), 0);
    unsigned seat = room->dialled->seat;
    struct link *link = arrive("1002");
    ck_told(link, "answer");
    server.made.done(server.made.arg, 200);
    ck_assert_ptr_null(room->dialled);
    link->app->answered(link);
    ck_assert_ptr_nonnull(strstr(link->told, "conf-placeintoconf"));
    const struct member *member = room_member(room, seat);
    ck_assert_ptr_nonnull(member);
    ck_assert_int_eq(member->seat, SEAT_IN);
    ck_assert_int_eq(member->role, ROLE_MEMBER);
}
END_TEST

/* … but a host all wait for: he is not told that he is in. */
START_TEST(who_was_called_waits_for_the_host)
{
    struct room_row row = board;

    row.waiting = WAITING_HOST;
    enter_as("1003", &row, NULL);
    ck_assert_int_eq(invite("1002"), 0);
    struct link *link = arrive("1002");
    server.made.done(server.made.arg, 200);
    *link->told = '\0';
    link->app->answered(link);
    ck_told(link, "play=conf-waitforleader");
    enter_as("1001", &row, NULL);
    ck_assert_ptr_nonnull(strstr(link->told, "play=conf-placeintoconf"));
}
END_TEST

/* Nobody begins a conference of his own because he was called into one that is over. */
START_TEST(who_comes_too_late)
{
    struct link *host = enter_as("1001", &board, NULL);

    ck_assert_int_eq(invite("1002"), 0);
    struct link *early = arrive("1002");
    server.made.done(server.made.arg, 200);
    hang_up(host);
    *early->told = '\0';
    early->app->answered(early);
    ck_assert_ptr_nonnull(strstr(early->told, "conf-unavailable"));
    ck_assert_ptr_null(conference_room("3100"));

    host = enter_as("1001", &board, NULL);
    ck_assert_int_eq(invite("1002"), 0);
    *server.told = '\0';
    hang_up(host);
    ck_assert_ptr_nonnull(strstr(server.told, "cancel"));
    ck_told(arrive("1002"), "reject=480");
}
END_TEST

/* … nor because his name was asked for meanwhile. */
START_TEST(conference_ends_while_his_name_is_recorded)
{
    struct room_row row = board;

    row.announce = ANNOUNCE_NAMES;
    row.has_pin = true;
    struct link *host = enter_as("1001", &row, NULL);
    play_over(host);
    record(host, RECORDED_SILENCE, 1500, 0);
    ck_assert_int_eq(invite("1002"), 0);
    struct link *link = arrive("1002");
    server.made.done(server.made.arg, 200);
    link->app->answered(link);
    play_over(link);
    hang_up(host);
    *link->told = '\0';
    record(link, RECORDED_KEY, 2000, 900);
    ck_assert_ptr_nonnull(strstr(link->told, "play=conf-unavailable"));
    ck_assert_ptr_null(conference_room("3100"));
}
END_TEST

/* Nobody else dials into one; and nobody rings for it any more once the whole conference ends. */
START_TEST(side_room_calls_somebody)
{
    const struct actor program = {.host = true, .name = "test", .source = "api"};
    struct link *host = enter_as("1001", &board, NULL), *guest = enter_as("1003", &board, NULL);
    struct room *room = conference_room("3100"), *side;

    ck_assert_int_eq(room_act(room, &program, &(struct act_order){.act = ACT_BREAK_OUT, .value = 1}), 0);
    side = conference_room("3100-1");
    ck_assert_int_eq(room_act(side, &program, &(struct act_order){.act = ACT_INVITE, .text = "1002"}), 0);
    struct link *link = arrive("1002");
    server.made.done(server.made.arg, 200);
    link->app->answered(link);
    ck_assert_uint_eq(side->count, 2);
    ck_assert_int_eq(room_act(side, &program, &(struct act_order){.act = ACT_INVITE, .text = "1004"}), 0);
    *server.told = '\0';
    ck_assert_int_eq(room_act(room, &program, &(struct act_order){.act = ACT_END}), 0);
    ck_told(&server, "cancel");
    ck_assert_ptr_null(side->dialled);
    hang_up(guest);
    hang_up(host);
}
END_TEST

START_TEST(what_a_referral_is_told)
{
    struct link *host = enter_as("1001", &board, NULL), *member = enter_as("1003", &board, NULL);
    struct referral who = {.target = {.user = "1002"}, .params = ""};

    ck_assert_int_eq(conference_app.referred(member, &who), 403);
    ck_told(member, "");
    *host->told = '\0';
    ck_assert_int_eq(conference_app.referred(host, &who), 0);
    ck_told(host, "accept");
    server.made.done(server.made.arg, 480);
    ck_told(host, "referred=480");
    ck_assert_int_eq(conference_app.referred(host, &who), 0);
    struct act_order end = {.act = ACT_END};
    ck_assert_int_eq(
        room_act(conference_room("3100"), &(struct actor){.host = true, .name = "", .source = "api"}, &end),
        0);
    ck_assert_ptr_nonnull(strstr(host->told, "referred=487"));
}
END_TEST

START_TEST(who_is_sent_out_by_referral)
{
    struct link *host = enter_as("1001", &board, NULL), *one = enter_as("1003", &board, NULL),
                *two = enter_as("1003", &board, NULL);
    *host->told = '\0';
    struct referral out = {.target = {.user = "1003"}, .params = "", .bye = true};

    ck_assert_int_eq(conference_app.referred(one, &out), 403);
    out.named = true;
    snprintf(out.dialog.call_id, sizeof out.dialog.call_id, "2");
    ck_assert_int_eq(conference_app.referred(host, &out), 0);
    ck_told(host, "accept referred=200");
    ck_assert_ptr_nonnull(strstr(two->told, "conf-kicked"));
    ck_assert_ptr_null(strstr(one->told, "conf-kicked"));
    out.named = false;
    ck_assert_int_eq(conference_app.referred(host, &out), 0);
    ck_assert_ptr_nonnull(strstr(one->told, "conf-kicked"));
    snprintf(out.target.user, sizeof out.target.user, "1009");
    ck_assert_int_eq(conference_app.referred(host, &out), 404);

    /* Who has been thrown out acts no more while he is told so. */
    const struct member *member = link_state(host);
    const struct actor program = {.host = true, .name = "test", .source = "api"};
    ck_assert_int_eq(
        room_act(member->room, &program, &(struct act_order){.act = ACT_KICK, .member = link_state(host)}),
        0);
    ck_assert_int_eq(conference_app.referred(host, &out), 404);
    snprintf(out.target.user, sizeof out.target.user, "1003");
    ck_assert_int_eq(conference_app.referred(host, &out), 403);
}
END_TEST

START_TEST(guests_are_called_once_their_host_is_in)
{
    const struct recipients list = {.count = 3, .users = {"1002", "1001", "1002"}};
    const struct recipients many = {.count = 3, .users = {"1002", "1003", "1004"}};
    struct link *host;
    struct request request = {
        .call = "test", .number = "3100", .argument = "", .params = "", .user = "1001", .recipients = &many};

    host = call_with(&conference_app, &request);
    door_says(0, &board, NULL);
    ck_told(host, "reject=413");
    hang_up(host);
    request.recipients = &list;
    host = call_with(&conference_app, &request);
    door_says(0, &board, NULL);
    ck_told(host, "answer");
    ck_told(&server, "");
    host->app->answered(host);
    ck_assert_ptr_nonnull(strstr(server.told, "call=1002"));
    ck_assert_ptr_null(strstr(server.told, "call=1001"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("room_dial");
    TCase *tc = tcase_create("room_dial");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, double_end);
    tcase_add_test(tc, whom_a_room_may_call);
    tcase_add_test(tc, without_patterns_none_may_be_called);
    tcase_add_test(tc, who_was_called_comes_in);
    tcase_add_test(tc, who_was_called_waits_for_the_host);
    tcase_add_test(tc, who_comes_too_late);
    tcase_add_test(tc, conference_ends_while_his_name_is_recorded);
    tcase_add_test(tc, side_room_calls_somebody);
    tcase_add_test(tc, what_a_referral_is_told);
    tcase_add_test(tc, who_is_sent_out_by_referral);
    tcase_add_test(tc, guests_are_called_once_their_host_is_in);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
