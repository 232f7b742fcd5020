/* apps/conference: the door, how long a conference goes on, what of it is kept and what is recorded. */
#include "apps/apps.h"
#include "apps/conference/act.h"
#include "core/base/clock.h"
#include "tests/unit/room_double.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct number_settings numbers[] = {
    {.pattern = (char[]){"3000-3899"},
     .application = (char[]){"conference"},
     .argument = (char[]){"profile=open"}},
    {.pattern = (char[]){"8000"}, .application = (char[]){"conference"}, .argument = (char[]){"3001"}},
    {.pattern = (char[]){"3999"}, .application = (char[]){"conference"}, .argument = (char[]){"ask"}},
    {.pattern = (char[]){"9196"}, .application = (char[]){"echo"}, .argument = (char[]){""}},
};
static struct peer_settings peers[] = {{.name = (char[]){"pbx"}, .trusted = true}, {.name = (char[]){"isp"}}};

static void setup(void)
{
    double_begin();
    settings.max_rooms = 4;
    settings.max_room_members = 10;
    settings.pin_tries = 3;
    settings.numbers = numbers;
    settings.number_count = sizeof numbers / sizeof numbers[0];
    settings.peers = peers;
    settings.peer_count = sizeof peers / sizeof peers[0];
}

static void teardown(void)
{
    double_end();
    conference_app.stop(&server);
}

/* A subscriber's call to the number, up to its answer. */
static struct link *dial(const char *user, const char *number, const char *argument)
{
    const struct request request = {
        .call = "c1", .number = number, .argument = argument, .params = "", .user = user};
    struct request with = request;

    snprintf(with.caller.user, sizeof with.caller.user, "%s", user);
    return call_with(&conference_app, &with);
}

static struct link *enter(const char *user, const struct room_row *row, const struct door *door)
{
    struct link *link = dial(user, row->number, "");

    door_says(0, row, door);
    answer(link);
    return link;
}

static struct link *enter_as(const char *user, const struct room_row *row, enum room_role role)
{
    const struct door door = {.recognised = true, .role = role};
    struct link *link = enter(user, row, &door);

    *link->told = '\0';
    *server.told = '\0';
    return link;
}

static int act_with(struct link *by, struct act_order order)
{
    struct member *member = link_state(by);
    const struct actor actor = {.member = member, .host = true, .name = "1001", .source = "phone"};

    return room_act(member->room, &actor, &order);
}

static int act(struct link *by, struct link *on, enum act what, int value)
{
    return act_with(by,
                    (struct act_order){.act = what, .member = on ? link_state(on) : NULL, .value = value});
}

static int act_text(struct link *by, struct link *on, enum act what, const char *text)
{
    return act_with(by, (struct act_order){.act = what, .member = link_state(on), .text = text});
}

/* -- the door ---------------------------------------------------------------------------------------------
 */

START_TEST(who_is_at_the_door)
{
    struct request request = {
        .call = "c", .number = "3000", .argument = "profile=open", .params = "", .peer = "pbx"};

    dial("1001", "3000", "profile=open");
    ck_assert_str_eq(asked.caller.number, "3000");
    ck_assert_str_eq(asked.caller.profile, "open");
    ck_assert_str_eq(asked.caller.user, "1001");
    ck_assert_str_eq(asked.caller.caller, "1001");
    ck_assert_str_eq(asked.caller.address, "192.0.2.1");
    ck_assert(asked.caller.known);
    strcpy(request.caller.user, "44\t11\xff");
    call_with(&conference_app, &request);
    ck_assert_str_eq(asked.caller.user, "");
    ck_assert_str_eq(asked.caller.caller, "44?11?@pbx");
    ck_assert_str_eq(asked.caller.address, ""); /* many call from there */
    ck_assert(asked.caller.known);
    request.peer = "isp"; /* nobody vouches for that number */
    call_with(&conference_app, &request);
    ck_assert_str_eq(asked.caller.caller, "44?11?@isp");
    ck_assert_str_eq(asked.caller.address, "192.0.2.1");
    ck_assert(!asked.caller.known);
    request.peer = NULL;
    call_with(&conference_app, &request);
    ck_assert(!*asked.caller.caller && !asked.caller.known);
}
END_TEST

START_TEST(access_number)
{
    const struct room_row row = {.number = "880001", .music = true};
    struct link *link = dial("1001", "3999", "ask");

    answer(link);
    ck_told(link, "ask=conf-getconfno");
    type(link, "8000"); /* a number of the plan that means another room */
    ck_assert_str_eq(asked.caller.number, "3001");
    door_says(0, NULL, NULL);
    ck_told(link, "enter=1 play=conf-onlyperson");
    hang_up(link);
    link = dial("1001", "3999", "ask");
    answer(link);
    *link->told = '\0';
    type(link, "9196"); /* one that means no room */
    ck_assert_str_eq(asked.caller.number, "9196");
    door_says(0, NULL, NULL);
    ck_told(link, "play=conf-invalid");
    play_over(link);
    ck_told(link, "ask=conf-getconfno");
    type(link, "3999"); /* itself */
    door_says(0, NULL, NULL);
    *link->told = '\0';
    play_over(link);
    type(link, "880001");
    door_says(0, &row, NULL);
    ck_told(link, "ask=conf-getconfno enter=2 play=conf-onlyperson");
    link = dial("1001", "3999", "ask");
    answer(link);
    for (int i = 0; i < 3; i++) {
        type(link, "");
        play_over(link);
    }
    ck_told(link,
            "ask=conf-getconfno play=conf-invalid ask=conf-getconfno play=conf-invalid ask=conf-getconfno "
            "play=conf-invalid play=vm-goodbye");
}
END_TEST

/* Another phone takes the seat at the door (RFC 3891): what is not known yet lets nobody in. */
static void replaced(struct link *link)
{
    const struct news news = {.kind = NEWS_TRANSFERRED, .by_caller = true};

    link->app->heard(link, &news);
}

START_TEST(seat_is_taken_at_the_door)
{
    const struct room_row row = {.number = "880001", .music = true, .has_pin = true};
    struct link *link = dial("1001", "3999", "ask");

    answer(link);
    type(link, "880001");
    *link->told = '\0';
    replaced(link); /* storage has not replied yet */
    ck_told(link, "");
    door_says(0, &row, NULL);
    ck_told(link, "ask=conf-getpin");
    type(link, "1");
    replaced(link);
    ck_told(link, "");
    pin_says(0, ROLE_MEMBER, "");
    ck_told(link, "enter=1 play=conf-onlyperson");

    link = dial("1001", "3999", "ask");
    answer(link);
    type(link, "9196"); /* no room */
    door_says(0, NULL, NULL);
    *link->told = '\0';
    replaced(link);
    ck_told(link, "ask=conf-getconfno");
}
END_TEST

static const struct doors {
    struct door door;
    bool locks_host_pin; /* the room is locked and has a host's PIN */
    const char *told;
} doors[] = {
    {{.banned = true, .recognised = true}, false, "play=conf-removed"},
    {{.time = DOOR_OVER, .recognised = true}, false, "play=300ms+conf-over"},
    {{.locked_out = true}, false, "play=msg-locked"},
    {{.locked_out = true, .recognised = true}, false, "enter=1 play=conf-onlyperson"},
    {{.time = DOOR_OPEN}, false, "ask=conf-getpin"},
    {{.resumes = true, .locked = true}, false, "play=conf-locked"},
    {{.resumes = true, .locked = true}, true, "ask=conf-getpin"},
    {{.resumes = true, .locked = true, .recognised = true}, true, "play=conf-locked"},
    {{.resumes = true, .locked = true, .recognised = true, .role = ROLE_HOST},
     false,
     "enter=1 play=conf-onlyperson"},
    {{.resumes = true, .locked = true, .recognised = true, .returns = true, .was_muted = true},
     false,
     "enter=1 mute=1 play=conf-onlyperson"},
    {{.resumes = true, .lecture = true, .recognised = true}, false, "enter=1 mute=1 play=conf-onlyperson"},
};

START_TEST(door_says_what_follows)
{
    const struct doors *at = &doors[_i];
    const struct room_row row = {
        .number = "3900", .music = true, .has_pin = true, .has_moderator_pin = at->locks_host_pin};

    ck_told(enter("1001", &row, &at->door), at->told);
}
END_TEST

START_TEST(who_comes_early_hears_when_it_opens)
{
    const struct room_row row = {.number = "3900", .music = true};
    const struct door door = {.time = DOOR_EARLY, .opens = clock_wall() + 90000, .zone = "Europe/Berlin"};
    struct link *link = enter("1001", &row, &door);

    ck_assert_ptr_nonnull(strstr(link->told, "play=300ms+conf-begins-later+conf-open-from+digits/"));
    play_over(link);
    play_over(link);
    ck_assert_ptr_nonnull(strstr(link->told, "play=vm-goodbye hangup"));
}
END_TEST

/* -- how long ---------------------------------------------------------------------------------------------
 */

/* Lets the first writing down pass, which comes at once and is never answered: no other timer is keep.c's. */
static void keep_once(void)
{
    ck_assert_uint_eq(timer_due(), 100);
}

static void ck_due(unsigned ms)
{
    unsigned due = timer_due();

    ck_assert_msg(due + 1000 > ms && due < ms + 1000, "%u, not %u", due, ms);
}

START_TEST(conference_of_ten_minutes)
{
    const struct room_row row = {.number = "3900", .max_minutes = 10};
    const struct door door = {.time = DOOR_OPEN, .ends = clock_wall() + 7200};
    struct link *link = enter("1001", &row, &door);

    keep_once();
    *server.told = '\0';
    ck_due(300000);
    ck_told(&server, "conf-five-minutes");
    *link->told = '\0';
    ck_due(240000);
    ck_told(&server, "conf-one-minute");
    ck_assert_str_eq(link->told, "");
    ck_due(60000);
    ck_assert_ptr_nonnull(strstr(link->told, "play="));
    play_over(link);
    play_over(link);
    ck_assert_ptr_nonnull(strstr(link->told, "hangup"));
    hang_up(link);
    ck_assert_ptr_nonnull(strstr(recorded, "\"act\":\"end\",\"actor\":\"server\""));
    ck_assert_ptr_nonnull(strstr(recorded, "\"reason\":\"time\""));
}
END_TEST

/* Who comes for the next one brings its end; the warning of the first is not given then. */
START_TEST(times_that_follow_each_other)
{
    const struct room_row row = {.number = "3900"};
    struct door door = {.time = DOOR_OPEN, .ends = clock_wall() + 400};

    enter("1001", &row, &door);
    door.ends += 3600;
    struct link *second = enter("1002", &row, &door);
    keep_once();
    *server.told = '\0';
    ck_due(3700000);
    ck_told(&server, "conf-five-minutes");
    hang_up(second);
}
END_TEST

START_TEST(conference_ends_after_its_last_host)
{
    const struct room_row row = {.number = "3900", .end_with_host = true, .end_grace_s = 30};
    struct link *member = enter_as("1002", &row, ROLE_MEMBER), *host = enter_as("1001", &row, ROLE_HOST),
                *second = enter_as("1003", &row, ROLE_HOST);

    keep_once();
    hang_up(host);
    ck_assert_uint_eq(timers_waiting(), 0);
    *server.told = '\0';
    hang_up(second);
    ck_assert_ptr_nonnull(strstr(server.told, "conf-leaderhasleft"));
    ck_assert_uint_eq(timers_waiting(), 1);
    host = enter_as("1001", &row, ROLE_HOST);
    ck_assert_uint_eq(timers_waiting(), 0);
    hang_up(host);
    *member->told = '\0';
    ck_due(30000);
    ck_assert_ptr_nonnull(strstr(member->told, "play="));
    hang_up(member);
    ck_assert_ptr_nonnull(strstr(recorded, "\"reason\":\"host-left\""));
}
END_TEST

/* All are in side rooms: the conference goes on as long as its host is in one of them. */
START_TEST(host_may_leave_from_a_side_room)
{
    const struct room_row row = {.number = "3900", .end_with_host = true, .end_grace_s = 30};
    struct link *host = enter_as("1001", &row, ROLE_HOST), *member = enter_as("1002", &row, ROLE_MEMBER);

    keep_once();
    ck_assert_int_eq(act(host, NULL, ACT_BREAK_OUT, 1), 0);
    ck_assert_int_eq(act_text(host, host, ACT_MOVE, "3900-1"), 0);
    ck_assert_uint_eq(timers_waiting(), 0);
    *server.told = *member->told = '\0';
    hang_up(host);
    ck_assert_ptr_nonnull(strstr(server.told, "conf-leaderhasleft conf-leaderhasleft")); /* there, too */
    ck_assert_uint_eq(timers_waiting(), 1);
    ck_due(30000);
    ck_assert_ptr_nonnull(strstr(member->told, "play=confbridge-conf-end"));
}
END_TEST

START_TEST(host_who_is_moved_away_has_left)
{
    const struct room_row row = {.number = "3900", .end_with_host = true, .end_grace_s = 30};
    const struct room_row other = {.number = "3901"};
    struct link *host = enter_as("1001", &row, ROLE_HOST), *member = enter_as("1002", &row, ROLE_MEMBER);

    enter_as("1003", &other, ROLE_MEMBER);
    keep_once();
    ck_assert_uint_eq(timer_due(), 0); /* the other one's */
    ck_assert_uint_eq(timers_waiting(), 0);
    ck_assert_int_eq(act_text(host, host, ACT_MOVE, "3901"), 0);
    *member->told = '\0';
    ck_due(30000);
    ck_assert_ptr_nonnull(strstr(member->told, "play=confbridge-conf-end"));
}
END_TEST

/* -- what is kept -----------------------------------------------------------------------------------------
 */

START_TEST(conference_is_written_down_as_it_changes)
{
    const struct room_row row = {.number = "3900"};
    struct link *host = enter_as("1001", &row, ROLE_HOST), *member = enter_as("1002", &row, ROLE_MEMBER);

    ck_assert_uint_eq(timers_waiting(), 1); /* one for all that comes in a moment */
    ck_assert_uint_eq(timer_due(), 100);
    ck_assert(kept.count == 1 && kept.what.begins && !kept.what.ends && !kept.what.locked);
    ck_assert_str_eq(kept.lines, "seat\t1001\thost\theard\nseat\t1002\tmember\theard\n");
    ck_assert_int_eq(act(host, NULL, ACT_LOCK, 0), 0);
    ck_assert_int_eq(act(host, member, ACT_MUTE, 0), 0);
    ck_assert_uint_eq(timers_waiting(), 0); /* one job at a time */
    keep_says(0);
    ck_assert_uint_eq(timer_due(), 0);
    ck_assert(kept.count == 2 && !kept.what.begins && kept.what.locked);
    ck_assert_str_eq(kept.lines, "seat\t1002\tmember\tmuted\n");
    keep_says(0);
    ck_assert_uint_eq(timer_due(), KEEP_BEAT_S * 1000); /* nothing new, but it goes on */
    ck_assert_str_eq(kept.lines, "");
    keep_says(0);
    ck_assert_int_eq(act(host, member, ACT_KICK, 5), 0);
    hang_up(member);
    ck_assert_uint_eq(timer_due(), 100);
    ck_assert_str_eq(kept.lines, "ban\t1002\t5\ngone\t1002\n");
    hang_up(host);
    keep_says(ENOTCONN); /* again, and before what came since */
    ck_assert_uint_eq(timer_due(), 2000);
    ck_assert_str_eq(kept.lines, "ban\t1002\t5\ngone\t1002\nleft\t1001\thost\theard\n");
    ck_assert(kept.what.ends);
    keep_says(0);
    ck_assert_uint_eq(timers_waiting(), 0);
}
END_TEST

/* Whoever is in a side room when the server is cut off comes back to the main one, and so does who has been
 * there; nobody comes back who was thrown out there. */
START_TEST(seats_are_kept_through_side_rooms)
{
    const struct room_row row = {.number = "3900"};
    struct link *host = enter_as("1001", &row, ROLE_HOST), *member = enter_as("1002", &row, ROLE_MEMBER);

    ck_assert_uint_eq(timer_due(), 100);
    keep_says(0);
    ck_assert_int_eq(act(host, NULL, ACT_BREAK_OUT, 1), 0);
    ck_assert_uint_eq(timer_due(), 100);
    ck_assert_str_eq(kept.lines, "left\t1002\tmember\theard\nseat\t1002\tmember\theard\n");
    keep_says(0);
    ck_assert_int_eq(act(host, NULL, ACT_CALL_BACK, 0), 0);
    ck_assert_uint_eq(timer_due(), 100);
    ck_assert_str_eq(kept.lines, "left\t1002\tmember\theard\nseat\t1002\tmember\theard\n");
    keep_says(0);
    ck_assert_int_eq(act(host, NULL, ACT_BREAK_OUT, 1), 0);
    ck_assert_uint_eq(timer_due(), 100);
    keep_says(0);
    ck_assert_int_eq(act(member, member, ACT_KICK, 5), 0);
    hang_up(member);
    ck_assert_uint_eq(timer_due(), 100);
    ck_assert_str_eq(kept.lines, "ban\t1002\t5\ngone\t1002\n");
    ck_assert(kept.count == 5 && !kept.what.begins && !kept.what.ends);
}
END_TEST

START_TEST(seat_is_left_with_the_last_phone)
{
    const struct room_row row = {.number = "3900"};
    struct link *host = enter_as("1001", &row, ROLE_HOST), *again = enter_as("1001", &row, ROLE_HOST);

    enter_as("1002", &row, ROLE_MEMBER);
    ck_assert_uint_eq(timer_due(), 100);
    keep_says(0);
    hang_up(again);
    ck_assert_uint_eq(timer_due(), KEEP_BEAT_S * 1000);
    ck_assert_str_eq(kept.lines, "");
    keep_says(0);
    hang_up(host);
    ck_assert_uint_eq(timer_due(), 100);
    ck_assert_str_eq(kept.lines, "left\t1001\thost\theard\n");
}
END_TEST

START_TEST(conference_that_the_server_ends_is_kept)
{
    const struct room_row row = {.number = "3900"};
    struct link *host = enter_as("1001", &row, ROLE_HOST);

    timer_due();
    keep_says(0);
    server.ending = true;
    hang_up(host);
    conference_app.stop(&server);
    ck_assert(kept.count == 2 && !kept.what.ends);
    ck_assert_str_eq(kept.lines, "left\t1001\thost\theard\n");
    ck_assert_uint_eq(timers_waiting(), 0);
    server.ending = false;
}
END_TEST

/* What is written of it takes a moment: he may be quicker. */
START_TEST(who_was_sent_away_does_not_come_back_before_it_is_written)
{
    const struct room_row row = {.number = "3900", .has_pin = true};
    const struct door seat = {.recognised = true, .returns = true},
                      host_seat = {.recognised = true, .returns = true, .role = ROLE_HOST, .own = true};
    struct link *host = enter_as("1001", &row, ROLE_HOST), *member = enter_as("1002", &row, ROLE_MEMBER);

    ck_assert_int_eq(act(host, member, ACT_KICK, 0), 0);
    ck_told(enter("1002", &row, &seat), "ask=conf-getpin"); /* while he is told so */
    hang_up(member);
    member = enter("1002", &row, &seat);
    ck_told(member, "ask=conf-getpin");
    type(member, "1");
    pin_says(0, ROLE_MEMBER, "");
    ck_told(member, "enter=1");
    hang_up(member); /* of his own: this seat is his */
    ck_told(enter("1002", &row, &seat), "enter=1");
    member = enter_as("1003", &row, ROLE_HOST);
    ck_assert_int_eq(act(host, member, ACT_KICK, 0), 0);
    hang_up(member);
    member = enter("1003", &row, &host_seat); /* a member by his phone, whatever he was made here */
    ck_told(member, "enter=1");
    ck_assert_int_eq(((struct member *)link_state(member))->role, ROLE_MEMBER);
    ck_assert_int_eq(act(host, member, ACT_KICK, 5), 0);
    hang_up(member);
    ck_told(enter("1003", &row, &host_seat), "play=conf-removed");
    for (int write = 0; write < 2; write++) { /* by then it is the database that tells */
        timer_due();
        keep_says(0);
    }
    ck_told(enter("1003", &row, &host_seat), "enter=1");
}
END_TEST

START_TEST(side_rooms_are_written_down_as_their_conference)
{
    const struct room_row row = {.number = "3900"};
    struct link *host = enter_as("1001", &row, ROLE_HOST), *member = enter_as("1002", &row, ROLE_MEMBER);

    timer_due();
    keep_says(0);
    ck_assert_int_eq(act(host, NULL, ACT_BREAK_OUT, 1), 0);
    timer_due();
    ck_assert_str_eq(kept.lines, "left\t1002\tmember\theard\nseat\t1002\tmember\theard\n");
    keep_says(0);
    const struct actor actor = {.host = true, .name = "1001", .source = "refer"};
    struct member *aside = link_state(member);
    ck_assert_str_eq(aside->room->number, "3900-1");
    ck_assert_int_eq(
        room_act(aside->room, &actor, &(struct act_order){.act = ACT_KICK, .member = aside, .value = 5}), 0);
    hang_up(member);
    timer_due();
    ck_assert_str_eq(kept.lines, "ban\t1002\t5\ngone\t1002\n");
    ck_assert(!kept.what.ends);
    keep_says(0);
    hang_up(host);
    timer_due();
    ck_assert(kept.what.ends);
    keep_says(0);
    ck_assert_uint_eq(timers_waiting(), 0);
}
END_TEST

/* -- records ----------------------------------------------------------------------------------------------
 */

START_TEST(members_conference_and_acts_are_recorded)
{
    const struct room_row row = {.number = "3900", .name = "Board", .record = "mix"};
    struct link *host = enter_as("1001", &row, ROLE_HOST), *member = enter_as("1002", &row, ROLE_MEMBER);
    const char *before = recorded;

    ck_assert_int_eq(act(host, host, ACT_MUTE, 0), 0); /* his own affair */
    ck_assert_str_eq(recorded, "");
    member->app->talks(member, true, false);
    clock_advance(3000000);
    ck_assert_int_eq(act(host, member, ACT_KICK, 5), 0);
    ck_assert_int_eq(act(host, member, ACT_LOWER, 0), ENOENT); /* nothing was done */
    ck_assert_ptr_nonnull(
        strstr(before, "{\"room_act\":{\"act\":\"kick\",\"actor\":\"1001\",\"at\":\"then\","));
    ck_assert_ptr_nonnull(
        strstr(before, "\"room\":\"3900\",\"source\":\"phone\",\"target\":\"1002\",\"value\":\"5\"}}"));
    *recorded = '\0';
    hang_up(member);
    ck_assert_ptr_nonnull(strstr(recorded, "{\"conference_member\":{\"call\":\"c1\",\"caller\":\"1002\","));
    ck_assert_ptr_nonnull(
        strstr(recorded, "\"reason\":\"removed\",\"role\":\"member\",\"seat\":2,\"talk_ms\":300"));
    *recorded = '\0';
    hang_up(host);
    ck_assert_ptr_nonnull(strstr(recorded,
                                 "\"joins\":2,\"name\":\"Board\",\"peak\":2,\"reason\":\"all-left\","
                                 "\"recordings\":[\"3900-file\"],"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conference");
    TCase *tc = tcase_create("conference");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, who_is_at_the_door);
    tcase_add_test(tc, access_number);
    tcase_add_test(tc, seat_is_taken_at_the_door);
    tcase_add_loop_test(tc, door_says_what_follows, 0, sizeof doors / sizeof doors[0]);
    tcase_add_test(tc, who_comes_early_hears_when_it_opens);
    tcase_add_test(tc, conference_of_ten_minutes);
    tcase_add_test(tc, times_that_follow_each_other);
    tcase_add_test(tc, conference_ends_after_its_last_host);
    tcase_add_test(tc, host_may_leave_from_a_side_room);
    tcase_add_test(tc, host_who_is_moved_away_has_left);
    tcase_add_test(tc, conference_is_written_down_as_it_changes);
    tcase_add_test(tc, seats_are_kept_through_side_rooms);
    tcase_add_test(tc, seat_is_left_with_the_last_phone);
    tcase_add_test(tc, conference_that_the_server_ends_is_kept);
    tcase_add_test(tc, who_was_sent_away_does_not_come_back_before_it_is_written);
    tcase_add_test(tc, side_rooms_are_written_down_as_their_conference);
    tcase_add_test(tc, members_conference_and_acts_are_recorded);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
