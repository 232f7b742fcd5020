/* apps/voicemail: the owner's visit: login, folders, messages, options. */
#include "tests/unit/voicemail_double.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- login
 * -------------------------------------------------------------------------------------------------------- */

/* Wrong, unknown, locked: storage says EACCES to each, and so they sound. */
START_TEST(three_wrong_pins_end_the_call)
{
    struct link *link = call_own();

    for (int i = 0; i < 3; i++) {
        type(link, "864213");
        ck_told(&asked, "check=1002/864213");
        asked.mailbox(asked.ticket, EACCES, NULL);
        ck_told(link, "play=msg-login-incorrect");
        play_over(link);
        ck_told(link, i < 2 ? "ask=300ms+vm-password" : "play=vm-goodbye");
    }
    play_over(link);
    ck_told(link, "hangup");
    ck_assert_ptr_null(strstr(logged, "864213"));
    ck_assert_ptr_nonnull(strstr(logged, "login-refused mailbox=1002 try=3"));
}
END_TEST

/* Silence is no guess: it must not lock the owner out. */
/* For the locks: a subscriber by his number, others by theirs and who vouches for it, one word each. */
START_TEST(wrong_pins_count_for_who_typed_them)
{
    struct request request = {
        .call = "test", .number = "*98", .argument = "login", .params = "", .peer = "pbx"};
    struct link *link = call_own();

    type(link, "864213");
    ck_assert_str_eq(asked.from.caller, "1002");
    ck_assert_str_eq(asked.from.address, "192.0.2.1");
    strcpy(request.caller.user, "44 11");
    link = call_with(&voicemail_app, &request);
    answer(link);
    type(link, "1002");
    type(link, "864213");
    ck_assert_str_eq(asked.from.caller, "44?11@pbx");
}
END_TEST

START_TEST(no_pin_is_a_try_without_a_guess)
{
    struct link *link = call_own();

    type(link, "");
    ck_told(&asked, "");
    ck_told(link, "play=msg-login-incorrect");
}
END_TEST

START_TEST(login_asks_for_the_number_each_time)
{
    struct link *link = call(&voicemail_app, "*98", "login", "");

    answer(link);
    for (int i = 0; i < 3; i++) {
        ck_told(link, "ask=300ms+msg-enter-mailbox");
        type(link, "4711");
        ck_told(link, "ask=300ms+vm-password");
        type(link, "739146");
        ck_told(&asked, "check=4711/739146");
        asked.mailbox(asked.ticket, EACCES, NULL);
        play_over(link);
        ck_assert_int_eq(strncmp(link->told, "play=msg-login-incorrect ", 25), 0);
        memmove(link->told, link->told + 25, strlen(link->told + 25) + 1);
    }
    ck_told(link, "play=vm-goodbye");
}
END_TEST

START_TEST(nobody_types_a_number)
{
    struct link *link = call(&voicemail_app, "*98", "login", "");

    answer(link);
    type(link, "");
    type(link, "");
    *link->told = '\0';
    type(link, "");
    ck_told(link, "play=vm-goodbye");
    ck_told(&asked, "");
}
END_TEST

START_TEST(own_phone_without_mailbox_is_asked)
{
    static const struct subscriber boxless = {.number = "1001"};
    const struct request request = {.call = "test", .number = "*97", .argument = "own", .user = "1001"};
    struct link *link = call_with(&voicemail_app, &request);

    asked.subscriber(asked.ticket, 0, &boxless);
    answer(link);
    ck_told(link, "ask=300ms+msg-enter-mailbox");
    link = call(&voicemail_app, "*97", "own", ""); /* from a peer */
    answer(link);
    ck_told(link, "ask=300ms+msg-enter-mailbox");
}
END_TEST

START_TEST(login_without_database_is_told)
{
    struct link *link = call_own();

    type(link, "739146");
    asked.mailbox(asked.ticket, ENOTCONN, NULL);
    play_over(link);
    play_over(link);
    ck_told(link, "play=msg-trouble play=vm-goodbye hangup");
    *asked.told = '\0';
    link = call_own();
    asked.refuse = ENOBUFS;
    *asked.told = '\0';
    type(link, "739146");
    ck_told(link, "play=msg-trouble");
}
END_TEST

START_TEST(late_replies_are_dropped)
{
    struct link *link = call_own();

    type(link, "739146");
    hang_up(link);
    asked.mailbox(asked.ticket, 0, &plain);
    ck_told(link, "");
    link = call(&voicemail_app, "1002", "deposit", "");
    hang_up(link);
    asked.mailbox(asked.ticket, 0, &plain);
    ck_told(link, "");
}
END_TEST

/* -- main menu and folders
 * ---------------------------------------------------------------------------------------- */

START_TEST(main_menu_offers_what_there_is)
{
    struct link *link = visit_as(&plain, 0, 2);

    press(link, '*');
    ck_told(link, MAIN_MENU("vm-Old"));
    press(link, '1');
    ck_told(&asked, "list=1002/1");
    link = visit_as(&plain, 1, 2);
    press(link, '*');
    ck_told(link, MAIN_MENU("vm-INBOX"));
    ck_assert_str_eq(link->keys, "0123456789*#");
    press(link, '#');
    play_over(link);
    ck_told(link, "play=vm-goodbye hangup");
}
END_TEST

START_TEST(menu_gives_up_on_who_presses_nothing)
{
    struct link *link = visit();

    press(link, 0);
    press(link, 0);
    *link->told = '\0';
    press(link, 0);
    ck_told(link, "play=vm-goodbye");
}
END_TEST

START_TEST(folders)
{
    struct link *link = visit();

    press(link, '2');
    ck_assert_ptr_nonnull(
        strstr(link->told, "menu=vm-changeto+vm-press+digits/0+vm-for+vm-INBOX+vm-messages+vm-press"));
    ck_assert_ptr_nonnull(strstr(link->told, "+vm-for+folder-trash+vm-messages+vm-tocancel"));
    *link->told = '\0';
    press(link, '3');
    ck_told(&asked, "list=1002/3");
    list_entries(0, entries);
    play_over(link);
    ck_told(link, "play=vm-youhave+vm-no+vm-Family+vm-messages " MAIN_MENU("vm-Family"));
    for (const char *key = "#9*"; *key; key++) {
        press(link, '2');
        *link->told = '\0';
        press(link, *key);
        ck_told(link, MAIN_MENU("vm-Family"));
    }
    press(link, '1');
    asked.entries(asked.ticket, ENOTCONN, NULL);
    ck_told(link, "play=msg-trouble");
}
END_TEST

/* -- a message
 * ---------------------------------------------------------------------------------------------------- */

START_TEST(message_is_named_before_it_plays)
{
    struct link *link = listens();

    ck_assert_int_eq(
        strncmp(link->told, "file=/cache/one.wav! menu=vm-first+vm-message+vm-received+digits/", 64), 0);
    ck_assert_ptr_nonnull(
        strstr(link->told, "+vm-from-phonenumber+digits/1+digits/0+digits/0+digits/1+300ms+file"));
    *link->told = '\0';
    press(link, '6');
    updated();
    asked.file(asked.ticket, 0, "/cache/two.wav");
    ck_assert_ptr_nonnull(strstr(link->told, "menu=vm-message+digits/2+vm-received+"));
    ck_assert_ptr_nonnull(strstr(link->told, "+vm-unknown-caller+300ms+file"));
    *link->told = '\0';
    press(link, '6');
    updated();
    asked.file(asked.ticket, 0, "/cache/three.wav");
    ck_assert_ptr_nonnull(strstr(link->told, "menu=vm-last+vm-message+vm-received+"));
}
END_TEST

/* What is played in one go has an end: a caller's long name must not push the message out. */
START_TEST(long_caller_leaves_room_for_the_message)
{
    struct entry entry = entries[0];
    struct link *link = visit();

    memset(entry.caller, 'x', sizeof entry.caller - 1);
    press(link, '1');
    list_entries(1, &entry);
    asked.file(asked.ticket, 0, "/cache/one.wav");
    ck_assert_str_eq(strstr(link->told, "+300ms"), "+300ms+file");
    *asked.told = '\0';
    memset(entry.caller, 'x', 24);
    entry.caller[24] = '\0';
    link = visit();
    press(link, '1');
    list_entries(1, &entry);
    asked.file(asked.ticket, 0, "/cache/one.wav");
    ck_assert_ptr_nonnull(strstr(link->told, "+letters/x+300ms+file"));
}
END_TEST

START_TEST(message_is_heard_at_its_end)
{
    struct link *link = listens();

    *link->told = '\0';
    press(link, 0);
    ck_told(&asked, "update=one,heard/0");
    ck_told(link, ""); /* the menu waits for the row */
    updated();
    ck_told(link, MESSAGE_MENU("vm-delete"));
    press(link, '6');
    ck_told(&asked, "fetch=two"); /* it is heard already */
    ck_assert_int_eq(asked.wanted.version, 1);
}
END_TEST

START_TEST(message_keys_move)
{
    struct link *link = listens();

    ck_assert_str_eq(link->keys, "3456789");
    ck_assert_str_eq(link->live, "102*#");
    press(link, '6');
    ck_told(&asked, "update=one,heard/0");
    updated();
    ck_told(&asked, "fetch=two");
    asked.file(asked.ticket, 0, "/cache/two.wav");
    press(link, '4');
    ck_told(&asked, "update=two,heard/0");
    ck_assert_int_eq(asked.wanted.version, 7);
    updated();
    ck_told(&asked, "fetch=one");
    asked.file(asked.ticket, 0, "/cache/one.wav");
    press(link, '5');
    ck_told(&asked, "fetch=one");
    asked.file(asked.ticket, 0, "/cache/one.wav");
    *link->told = '\0';
    press(link, '4');
    play_over(link);
    ck_told(link, "play=vm-nomore " MESSAGE_MENU("vm-delete"));
}
END_TEST

START_TEST(play_control)
{
    struct link *link = listens();

    *link->told = '\0';
    press(link, '#');
    press(link, '*');
    press(link, '0');
    press(link, '0');
    press(link, '2');
    ck_told(link, "skip=3000 skip=-3000 pause=1 pause=0 skip=-2147483648");
    ck_assert(link->menu != NULL);
    press(link, '0');
    press(link, '6'); /* what plays next is not paused */
    updated();
    asked.file(asked.ticket, 0, "/cache/two.wav");
    *link->told = '\0';
    press(link, '0');
    ck_told(link, "pause=1");
}
END_TEST

/* "Deleted" is said when the row says so. */
START_TEST(delete_and_undelete_wait_for_the_row)
{
    struct link *link = listens();

    *link->told = '\0';
    press(link, '7');
    ck_told(&asked, "update=one,heard,deleted/0");
    ck_told(link, "");
    updated();
    play_over(link);
    ck_told(link, "play=vm-deleted " MESSAGE_MENU("vm-undelete"));
    press(link, '7');
    ck_told(&asked, "update=one,heard/0");
    ck_assert_int_eq(asked.wanted.version, 2);
    updated();
    play_over(link);
    ck_told(link, "play=vm-undeleted " MESSAGE_MENU("vm-delete"));
}
END_TEST

START_TEST(message_is_filed)
{
    struct link *link = listens();

    *link->told = '\0';
    press(link, '9');
    ck_assert_int_eq(strncmp(link->told, "menu=vm-savefolder+vm-press", 27), 0);
    *link->told = '\0';
    press(link, '4');
    ck_told(&asked, "update=one,heard/4");
    updated();
    play_over(link);
    ck_told(link, "play=vm-first+vm-message+vm-savedto+vm-Friends+vm-messages " MESSAGE_MENU("vm-delete"));
    press(link, '9');
    *link->told = '\0';
    press(link, '#');
    ck_told(link, MESSAGE_MENU("vm-delete"));
}
END_TEST

/* Filed under "new" it is new again, and going on to the next does not undo that. */
START_TEST(message_is_made_new_again)
{
    struct link *link = listens();

    press(link, '9');
    press(link, '0');
    ck_told(&asked, "update=one,fresh/0");
    updated();
    play_over(link);
    press(link, '6');
    ck_told(&asked, "fetch=two");
}
END_TEST

/* Two phones in one mailbox: he who comes second is told, and hears the folder as it is now. */
START_TEST(change_elsewhere_is_told)
{
    struct link *link = listens();

    *link->told = '\0';
    press(link, '7');
    *asked.told = '\0';
    asked.entry(asked.ticket, ESTALE, NULL);
    play_over(link);
    ck_told(link, "play=msg-changed-elsewhere");
    ck_told(&asked, "list=1002/0");
    list_entries(1, &entries[1]);
    ck_told(&asked, "fetch=two");
}
END_TEST

START_TEST(removed_elsewhere_is_told)
{
    struct link *link = visit();

    press(link, '1');
    list_entries(2, entries);
    *link->told = *asked.told = '\0';
    asked.file(asked.ticket, ENOENT, NULL);
    play_over(link);
    ck_told(link, "play=msg-changed-elsewhere");
    ck_told(&asked, "list=1002/0");
}
END_TEST

/* Another of the team has it by the time that he would send it on. */
START_TEST(taken_elsewhere_is_told)
{
    struct link *link = listens();

    press(link, '8');
    type(link, "1002");
    asked.mailbox(asked.ticket, 0, &plain);
    press(link, '2');
    *link->told = *asked.told = '\0';
    asked.sent(asked.ticket, ENOENT, NULL);
    play_over(link);
    ck_told(link, "play=msg-changed-elsewhere");
    ck_told(&asked, "list=1002/0");
}
END_TEST

START_TEST(broken_message_is_no_trap)
{
    struct link *link = visit();

    press(link, '1');
    list_entries(3, entries);
    *link->told = *asked.told = '\0';
    asked.file(asked.ticket, EIO, NULL);
    play_over(link);
    ck_told(link, "play=msg-cannot-play " MESSAGE_MENU("vm-delete"));
    press(link, '6');
    ck_told(&asked, "fetch=two"); /* and it stays as new as it was */
    link = visit();
    press(link, '1');
    list_entries(3, entries);
    *asked.told = '\0';
    asked.file(asked.ticket, EIO, NULL);
    play_over(link);
    press(link, '7');
    ck_told(&asked, "update=one,heard,deleted/0");
}
END_TEST

/* Whose messages come one after another hears that one is broken, and then the next. */
START_TEST(broken_message_is_passed_by)
{
    struct mailbox box = plain;
    struct link *link;

    box.autoplay = true;
    link = visit_as(&box, 3, 0);
    press(link, '1');
    list_entries(2, entries);
    *link->told = *asked.told = '\0';
    asked.file(asked.ticket, EIO, NULL);
    ck_told(link, "play=msg-cannot-play");
    play_over(link);
    ck_told(&asked, "fetch=two");
    asked.file(asked.ticket, EIO, NULL);
    *link->told = '\0';
    play_over(link); /* the last: no further */
    ck_assert_int_eq(strncmp(link->told, "menu=", 5), 0);
}
END_TEST

START_TEST(database_lost_in_the_middle_is_told)
{
    struct link *link = listens();

    press(link, '6');
    *link->told = '\0';
    asked.entry(asked.ticket, ENOTCONN, NULL);
    ck_told(link, "play=msg-trouble");
    *asked.told = '\0';
    link = visit();
    press(link, '1');
    list_entries(3, entries);
    *link->told = '\0';
    asked.file(asked.ticket, ENOTCONN, NULL);
    ck_told(link, "play=msg-trouble");
}
END_TEST

START_TEST(advanced_of_a_message)
{
    struct link *link = listens();

    press(link, '6');
    updated();
    asked.file(asked.ticket, 0, "/cache/two.wav");
    press(link, '3');
    *link->told = '\0';
    press(link, '1'); /* a reply to nobody */
    ck_assert_int_eq(strncmp(link->told, "play=vm-nonumber", 16), 0);
    play_over(link);
    press(link, '3');
    *link->told = '\0';
    press(link, '3');
    ck_assert_int_eq(strncmp(link->told, "play=vm-received+", 17), 0);
    play_over(link);
    press(link, '3');
    press(link, '5');
    *link->told = *asked.told = '\0';
    type(link, "1003");
    ck_told(&asked, "recipient=1003");
    asked.mailbox(asked.ticket, ENOENT, NULL);
    play_over(link);
    ck_told(link, "play=vm-nobox " MAIN_MENU("vm-INBOX"));
}
END_TEST

/* -- how his messages come
 * ---------------------------------------------------------------------------------------- */

START_TEST(urgent_ones_are_counted_first)
{
    const struct mailbox_counts counts = {.number = "1002", .fresh = 3, .fresh_urgent = 2};
    struct link *link = call_own();

    type(link, "739146");
    asked.mailbox(asked.ticket, 0, &plain);
    asked.counts(asked.ticket, 0, &counts);
    ck_assert_int_eq(strncmp(link->told, "play=vm-youhave+digits/2+vm-Urgent+vm-messages+vm-youhave+", 58),
                     0);
}
END_TEST

/* A full listing is not the end: going on behind its last asks for more, and numbers go on. */
START_TEST(messages_go_on_behind_a_full_listing)
{
    struct entry *many = calloc(ENTRIES_MAX, sizeof *many);
    struct link *link = visit();

    for (int i = 0; i < ENTRIES_MAX; i++) {
        many[i] = entries[i ? 1 : 0];
        snprintf(many[i].id, sizeof many[i].id, "e%d", i);
        many[i].heard = true;
    }
    press(link, '1');
    *asked.told = '\0';
    list_entries(ENTRIES_MAX, many);
    for (int i = 1; i < ENTRIES_MAX; i++) {
        asked.file(asked.ticket, 0, "/cache/one.wav");
        *asked.told = *link->told = '\0';
        press(link, '6');
    }
    asked.file(asked.ticket, 0, "/cache/one.wav");
    ck_assert_ptr_null(strstr(link->told, "vm-last"));
    *asked.told = '\0';
    press(link, '6');
    ck_told(&asked, "list=1002/0,after=e999");
    list_entries(2, entries);
    ck_told(&asked, "fetch=one");
    *link->told = '\0';
    asked.file(asked.ticket, 0, "/cache/one.wav");
    ck_assert_ptr_nonnull(strstr(link->told, "menu=vm-message+digits/1+digits/thousand+digits/1+"));
    press(link, '4');
    updated();
    ck_assert_ptr_nonnull(strstr(asked.told, "fetch=e999"));
    free(many);
}
END_TEST

START_TEST(messages_of_a_caller)
{
    struct link *link = visit();

    press(link, '3');
    ck_told(link, "menu=vm-tomakecall+vm-leavemsg+vm-press+digits/7+key-find+"
                  "vm-starmain+vm-press+digits/pound+key-back");
    press(link, '1'); /* a reply to no message */
    play_over(link);
    press(link, '7');
    *link->told = '\0';
    type(link, "1001");
    ck_told(&asked, "list=1002/0,caller=1001");
    list_entries(0, entries);
    play_over(link);
    ck_told(link, "play=msg-none-found " MAIN_MENU("vm-INBOX"));
    press(link, '1'); /* the folder is as it was */
    ck_told(&asked, "list=1002/0");
}
END_TEST

START_TEST(trash_gives_back)
{
    struct entry gone = entries[0];
    struct link *link = visit();

    gone.deleted = gone.heard = true;
    press(link, '2');
    press(link, '5');
    ck_told(&asked, "list=1002/5");
    list_entries(1, &gone);
    *asked.told = '\0';
    asked.file(asked.ticket, 0, "/cache/one.wav");
    press(link, '7');
    ck_told(&asked, "update=one,heard/0");
    *link->told = '\0';
    updated();
    ck_told(link, "play=vm-undeleted");
}
END_TEST

/* Speed and loudness stay for the visit; each has all its steps on one key. */
START_TEST(speed_and_loudness)
{
    struct link *link = listens();

    *link->told = '\0';
    for (int i = 0; i < 6; i++)
        press(link, '1');
    ck_told(link, "speed=125 speed=150 speed=175 speed=200 speed=75 speed=100");
    press(link, '1');
    press(link, '3');
    *link->told = *asked.told = '\0';
    press(link, '9'); /* begins again, louder */
    ck_told(&asked, "fetch=one");
    asked.file(asked.ticket, 0, "/cache/one.wav");
    ck_assert_ptr_nonnull(strstr(link->told, "+file speed=125 gain=6"));
}
END_TEST

START_TEST(message_is_marked_as_new)
{
    struct link *link = listens();

    press(link, 0);
    updated();
    press(link, '3');
    *link->told = '\0';
    press(link, '6');
    ck_told(&asked, "update=one,fresh/0");
    updated();
    play_over(link);
    ck_assert_int_eq(strncmp(link->told, "play=msg-marked-new ", 20), 0);
    press(link, '6');
    ck_told(&asked, "fetch=two"); /* going on does not undo it */
}
END_TEST

/* -- what he hears first, and whom his box may call --------------------------------------------------------
 */

START_TEST(failed_attempts_and_a_full_box_are_told)
{
    struct mailbox box = plain;
    struct link *link = call_own();

    box.pin_refused = 3;
    box.max_seconds = 100;
    box.seconds = 95;
    type(link, "739146");
    asked.mailbox(asked.ticket, 0, &box);
    ck_assert_ptr_nonnull(strstr(link->told, "msg-attempts"));
    ck_assert_ptr_nonnull(strstr(link->told, "msg-almost-full"));
    *asked.told = '\0';
    play_over(link);
    ck_told(&asked, "count=1002");
}
END_TEST

START_TEST(pin_used_before_is_refused)
{
    struct mailbox box = plain;
    struct link *link = call_own();

    box.pin_must_change = true;
    type(link, "739146");
    asked.mailbox(asked.ticket, 0, &box);
    type(link, "284095");
    type(link, "284095");
    *link->told = '\0';
    asked.done(asked.ticket, EPERM);
    play_over(link);
    ck_told(link, "play=msg-pin-used ask=vm-newpassword");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("voicemail_owner");
    TCase *tc = tcase_create("voicemail_owner");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, voicemail_begin, double_end);
    tcase_add_test(tc, three_wrong_pins_end_the_call);
    tcase_add_test(tc, no_pin_is_a_try_without_a_guess);
    tcase_add_test(tc, wrong_pins_count_for_who_typed_them);
    tcase_add_test(tc, failed_attempts_and_a_full_box_are_told);
    tcase_add_test(tc, pin_used_before_is_refused);
    tcase_add_test(tc, login_asks_for_the_number_each_time);
    tcase_add_test(tc, nobody_types_a_number);
    tcase_add_test(tc, own_phone_without_mailbox_is_asked);
    tcase_add_test(tc, login_without_database_is_told);
    tcase_add_test(tc, late_replies_are_dropped);
    tcase_add_test(tc, main_menu_offers_what_there_is);
    tcase_add_test(tc, menu_gives_up_on_who_presses_nothing);
    tcase_add_test(tc, folders);
    tcase_add_test(tc, message_is_named_before_it_plays);
    tcase_add_test(tc, long_caller_leaves_room_for_the_message);
    tcase_add_test(tc, message_is_heard_at_its_end);
    tcase_add_test(tc, message_keys_move);
    tcase_add_test(tc, play_control);
    tcase_add_test(tc, delete_and_undelete_wait_for_the_row);
    tcase_add_test(tc, message_is_filed);
    tcase_add_test(tc, message_is_made_new_again);
    tcase_add_test(tc, change_elsewhere_is_told);
    tcase_add_test(tc, removed_elsewhere_is_told);
    tcase_add_test(tc, taken_elsewhere_is_told);
    tcase_add_test(tc, broken_message_is_no_trap);
    tcase_add_test(tc, broken_message_is_passed_by);
    tcase_add_test(tc, database_lost_in_the_middle_is_told);
    tcase_add_test(tc, advanced_of_a_message);
    tcase_add_test(tc, urgent_ones_are_counted_first);
    tcase_add_test(tc, messages_go_on_behind_a_full_listing);
    tcase_add_test(tc, messages_of_a_caller);
    tcase_add_test(tc, trash_gives_back);
    tcase_add_test(tc, speed_and_loudness);
    tcase_add_test(tc, message_is_marked_as_new);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
