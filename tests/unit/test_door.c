/* storage/door, storage/keep: who may come into a room, how guesses of PINs are counted, and what outlives
 * the server. */
#include "storage/keep.h"
#include "tests/unit/test_storage_kit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"

#define HASH_246810 "$y$j9T$ucIeEPKcgyCTqxo4bk91T1$GbWhg6K8nHmkq6jTlj5pQjzW2pbyq1tHF.Ux4zymE0B"
#define HASH_135791 "$y$j9T$KnVYicW0QQEfH7Trd8JKc0$sleBjxkomot8gECB0yF5x7Kqlcy.cyv7HiiwTh1fxu6"
#define HASH_739146 "$y$j9T$Hc/eSLtA5MZ79ClBsM.3L1$i013ZnmVf1u3xYcIIiV.wpR3RPAtyM6bqGqkZRvNm54"

static struct door_caller caller_at(const char *room, const char *user)
{
    struct door_caller caller = {.known = true, .address = "192.0.2.7"};

    snprintf(caller.number, sizeof caller.number, "%s", room);
    snprintf(caller.user, sizeof caller.user, "%s", user);
    snprintf(caller.caller, sizeof caller.caller, "%s", user);
    return caller;
}

/* What the door says to this subscriber. */
static const struct door *find(const char *room, const char *user)
{
    const struct door_caller caller = caller_at(room, user);

    ck_assert_int_eq(ASK(door_find(kit.st, &caller, TICKET, door_answered)), 0);
    return &answer.door;
}

static int try_pin(const char *room, const char *user, const char *pin)
{
    const struct door_caller caller = caller_at(room, user);

    return ASK(door_check_pin(kit.st, &caller, pin, TICKET, person_answered));
}

static void pass(unsigned seconds)
{
    clock_advance((uint64_t)seconds * 1000000);
}

/* -- who he is ------------------------------------------------------------------------------------------- */

START_TEST(number_without_a_row)
{
    const struct door *door = find("3000", "1001");

    ck_assert(!door->has_row && !door->recognised && !door->banned && door->time == DOOR_ALWAYS);
    ck_assert_str_eq(answer.room.number, "3000");
    ck_assert(answer.room.music && answer.room.waiting == WAITING_OFF && answer.room.end_grace_s == 60);
    ck_assert(!answer.room.has_pin);
}
END_TEST

START_TEST(number_without_a_row_of_a_profile)
{
    struct door_caller caller = caller_at("3000", "1001");

    kit_sql(
        "insert into room_profile (name, waiting, max_minutes, lecture) values ('open', 'host', 30, true)");
    snprintf(caller.profile, sizeof caller.profile, "open");
    ck_assert_int_eq(ASK(door_find(kit.st, &caller, TICKET, door_answered)), 0);
    ck_assert(!answer.door.has_row);
    ck_assert(answer.room.waiting == WAITING_HOST && answer.room.lecture);
    ck_assert_uint_eq(answer.room.max_minutes, 30);
    /* A room's own row has its own profile, or none. */
    snprintf(caller.number, sizeof caller.number, "3900");
    ck_assert_int_eq(ASK(door_find(kit.st, &caller, TICKET, door_answered)), 0);
    ck_assert(answer.door.has_row && answer.room.waiting == WAITING_OFF);
}
END_TEST

START_TEST(host_and_persons_by_their_phones)
{
    kit_sql("update room set host = '1001' where number = '3900'");
    kit_sql("insert into room_person (room, number, name, role) values ('3900', '1002', 'Ben', 'host'), "
            "('3900', '1003', 'Clara', 'member'), ('3900', null, 'Nobody', 'host')");
    ck_assert(find("3900", "1001")->recognised && answer.door.role == ROLE_HOST);
    ck_assert(find("3900", "1002")->recognised && answer.door.role == ROLE_HOST);
    ck_assert_str_eq(answer.door.name, "Ben");
    ck_assert(answer.door.own && answer.door.own_role == ROLE_HOST);
    ck_assert(find("3900", "1003")->recognised && answer.door.role == ROLE_MEMBER);
    ck_assert(!find("3900", "1004")->recognised);
    ck_assert(!find("3900", "")->recognised);
}
END_TEST

START_TEST(persons_by_their_own_pins)
{
    kit_sql("insert into room (number, name) values ('3950', 'Board')");
    ck_assert(!find("3950", "1001")->recognised && !answer.room.has_pin && !answer.room.has_moderator_pin);
    kit_sql("insert into room_person (room, name, role, pin_hash) values "
            "('3950', 'Ben', 'host', '" HASH_246810 "'), ('3950', 'Clara', 'member', '" HASH_739146 "')");
    find("3950", "1001");
    ck_assert(answer.room.has_pin && answer.room.has_moderator_pin);
    ck_assert_int_eq(try_pin("3950", "1001", "246810"), 0);
    ck_assert(answer.person.role == ROLE_HOST);
    ck_assert_str_eq(answer.person.name, "Ben");
    ck_assert_int_eq(try_pin("3950", "1001", "739146"), 0);
    ck_assert(answer.person.role == ROLE_MEMBER);
    ck_assert_str_eq(answer.person.name, "Clara");
    ck_assert_int_eq(try_pin("3950", "1001", "135791"), EACCES);
    ck_assert_int_eq(try_pin("3900", "1001", "739146"), EACCES); /* another room's */
}
END_TEST

/* -- when -------------------------------------------------------------------------------------------------
 */

START_TEST(times_open_and_shut_the_door)
{
    char sql[400];

    kit_sql("insert into room (number, name) values ('3950', 'Board')");
    snprintf(sql, sizeof sql,
             "insert into room_time (room, begins, minutes, zone, early_minutes) select '3950', "
             "to_timestamp(%lld) at time zone 'Europe/Berlin' + interval '1 hour', 30, 'Europe/Berlin', 10",
             (long long)clock_wall());
    kit_sql(sql);
    ck_assert(find("3950", "1001")->time == DOOR_EARLY);
    ck_assert_int_le(answer.door.opens - clock_wall(), 3000);
    ck_assert_int_ge(answer.door.opens - clock_wall(), 2990);
    ck_assert_str_eq(answer.door.zone, "Europe/Berlin");
    pass(3001);
    ck_assert(find("3950", "1001")->time == DOOR_OPEN);
    ck_assert_int_ge(answer.door.ends - clock_wall(), 2380);
    pass(2400);
    ck_assert(find("3950", "1001")->time == DOOR_OVER);
    kit_sql("update room_time set repeat = 'FREQ=DAILY' where room = '3950'");
    ck_assert(find("3950", "1001")->time == DOOR_EARLY);
    ck_assert(find("3900", "1001")->time == DOOR_ALWAYS);
}
END_TEST

/* -- guesses ----------------------------------------------------------------------------------------------
 */

START_TEST(guesses_of_a_caller_lock_him_out_of_all_rooms)
{
    kit_sql("insert into room (number, name, pin_hash) values ('3950', 'Board', '" HASH_739146 "')");
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(try_pin(i % 2 ? "3900" : "3950", "1001", "111111"), EACCES);
    ck_assert_int_eq(try_pin("3900", "1001", "246810"), EPERM);
    ck_assert(find("3950", "1001")->locked_out);
    ck_assert(!find("3950", "1002")->locked_out);
    kit_restart();
    ck_assert(find("3900", "1001")->locked_out);
    ck_assert_int_eq(try_pin("3900", "1002", "246810"), 0);
    pass(901);
    ck_assert(!find("3900", "1001")->locked_out);
    ck_assert_int_eq(try_pin("3900", "1001", "246810"), 0);
}
END_TEST

/* A right one in between buys no more guesses. */
START_TEST(right_pin_does_not_clear_a_caller)
{
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(try_pin("3900", "1001", "111111"), EACCES);
    ck_assert_int_eq(try_pin("3900", "1001", "246810"), 0);
    ck_assert_int_eq(try_pin("3900", "1001", "111111"), EACCES);
    ck_assert_int_eq(try_pin("3900", "1001", "246810"), EPERM);
}
END_TEST

START_TEST(old_guesses_are_forgotten)
{
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(try_pin("3900", "1001", "111111"), EACCES);
    pass(901);
    ck_assert_int_eq(try_pin("3900", "1001", "111111"), EACCES);
    ck_assert_int_eq(try_pin("3900", "1001", "246810"), 0);
}
END_TEST

START_TEST(guesses_from_an_address_and_into_a_room)
{
    char user[16];

    kit_sql("insert into room (number, name, pin_hash) values ('3950', 'Board', '" HASH_739146 "')");
    for (int i = 0; i < 20; i++) {
        snprintf(user, sizeof user, "2%03d", i);
        ck_assert_int_eq(try_pin("3900", user, "111111"), EACCES);
    }
    ck_assert_int_eq(try_pin("3950", "1001", "739146"), EPERM); /* from the same address */
    struct door_caller caller = caller_at("3950", "1001");
    snprintf(caller.address, sizeof caller.address, "192.0.2.8");
    ck_assert_int_eq(ASK(door_check_pin(kit.st, &caller, "739146", TICKET, person_answered)), 0);
    snprintf(caller.number, sizeof caller.number, "3900"); /* the room that was guessed at */
    ck_assert_int_eq(ASK(door_check_pin(kit.st, &caller, "246810", TICKET, person_answered)), EPERM);
    kit_sql("update room set host = '1001' where number = '3900'");
    ck_assert(find("3900", "1001")->recognised);
    pass(901);
    ck_assert_int_eq(ASK(door_check_pin(kit.st, &caller, "246810", TICKET, person_answered)), 0);
}
END_TEST

START_TEST(guesses_side_by_side_are_all_counted)
{
    const struct door_caller caller = caller_at("3900", "1001");

    kit_clear();
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(door_check_pin(kit.st, &caller, "111111", TICKET, person_answered), 0);
    kit_wait(6);
    ck_assert_int_eq(try_pin("3900", "1001", "246810"), EPERM);
}
END_TEST

/* -- what outlives the server ------------------------------------------------------------------------------
 */

static void keep(bool begins, bool ends, bool locked, const char *lines)
{
    const struct room_kept kept = {
        .number = "3900", .begins = begins, .ends = ends, .locked = locked, .lines = lines};

    ck_assert_int_eq(ASK(conference_keep(kit.st, &kept, TICKET, done_answered)), 0);
}

START_TEST(conference_that_was_cut_off)
{
    keep(true, false, false, "seat\t1001\thost\theard\nseat\t1002\tmember\tmuted\nseat\t1001\thost\tmuted\n");
    keep(false, false, true, "");
    pass(50);
    ck_assert(find("3900", "1001")->returns && answer.door.role == ROLE_HOST && answer.door.was_muted);
    ck_assert(answer.door.resumes && answer.door.locked && !answer.door.lecture);
    ck_assert(find("3900", "1002")->returns && answer.door.role == ROLE_MEMBER && answer.door.was_muted);
    ck_assert(!find("3900", "1003")->returns && answer.door.locked);
    /* Nobody vouches for who says that he is 1001. */
    struct door_caller caller = caller_at("3900", "1001");
    caller.known = false;
    ck_assert_int_eq(ASK(door_find(kit.st, &caller, TICKET, door_answered)), 0);
    ck_assert(!answer.door.returns);
    pass(40);
    ck_assert(!find("3900", "1001")->returns && answer.door.locked);
    pass(1800);
    ck_assert(!find("3900", "1001")->resumes && !answer.door.locked);
    ck_assert_int_eq(kit_sql("select count(*) from room_seat"), 2);
    kit_sql("update room_state set changed = now() - interval '2 days'");
    kit_sql("select confab_purge(interval '90 days')");
    ck_assert_int_eq(kit_sql("select count(*) from room_seat"), 0);
    ck_assert_int_eq(kit_sql("select count(*) from room_state"), 0);
}
END_TEST

/* When the room is open again, that gives nobody more time who sat in it before. */
START_TEST(seats_of_the_conference_before)
{
    keep(true, false, false, "seat\t1001\thost\theard\nseat\t1002\tmember\theard\n");
    pass(30);
    keep(true, false, false, "seat\t1001\thost\theard\n");
    ck_assert(find("3900", "1002")->returns);
    pass(31);
    keep(false, false, false, "");
    ck_assert(!find("3900", "1002")->returns);
    ck_assert(find("3900", "1001")->returns);
}
END_TEST

START_TEST(who_left_may_come_back_for_a_minute)
{
    keep(true, false, false,
         "seat\t1001\thost\theard\nseat\t1002\tmember\theard\nseat\t1003\tmember\theard\n");
    keep(false, false, false, "left\t1001\thost\theard\ngone\t1002\nban\t1002\t5\n");
    ck_assert(find("3900", "1001")->returns);
    ck_assert(!find("3900", "1002")->returns && answer.door.banned);
    keep(false, true, true, "left\t1003\tmember\theard\n");
    ck_assert(!find("3900", "1003")->resumes && answer.door.returns && !answer.door.locked);
    pass(61);
    ck_assert(!find("3900", "1001")->returns);
    ck_assert(find("3900", "1002")->banned);
    pass(300);
    ck_assert(!find("3900", "1002")->banned);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("door");
    TCase *tc = tcase_create("door");

    tcase_add_checked_fixture(tc, kit_setup, kit_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, number_without_a_row);
    tcase_add_test(tc, number_without_a_row_of_a_profile);
    tcase_add_test(tc, host_and_persons_by_their_phones);
    tcase_add_test(tc, persons_by_their_own_pins);
    tcase_add_test(tc, times_open_and_shut_the_door);
    tcase_add_test(tc, guesses_of_a_caller_lock_him_out_of_all_rooms);
    tcase_add_test(tc, right_pin_does_not_clear_a_caller);
    tcase_add_test(tc, old_guesses_are_forgotten);
    tcase_add_test(tc, guesses_from_an_address_and_into_a_room);
    tcase_add_test(tc, guesses_side_by_side_are_all_counted);
    tcase_add_test(tc, conference_that_was_cut_off);
    tcase_add_test(tc, seats_of_the_conference_before);
    tcase_add_test(tc, who_left_may_come_back_for_a_minute);
    suite_add_tcase(suite, tc);
    return kit_main(suite);
}
