/* apps/voicemail: a message from its beep to where it is kept. */
#include "tests/unit/voicemail_double.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- the message
 * --------------------------------------------------------------------------------------------------- */

START_TEST(message_is_opened_before_the_beep)
{
    struct mailbox box = plain;

    box.max_message_s = 40;
    struct link *link = call_deposit(486, &box);
    ck_assert_str_eq(link->keys, "#");
    *link->told = '\0';
    press(link, '#');
    ck_told(link, ""); /* no beep yet */
    ck_told(&asked, "open=1002");
    ck_assert_str_eq(asked.deposit.caller, "1001");
    ck_assert_str_eq(asked.deposit.caller_name, "Alice");
    ck_assert_str_eq(asked.deposit.call, "test");
    ck_assert_int_eq(asked.deposit.cause, DEPOSIT_BUSY);
    ck_assert(asked.deposit.started_us > 0);
    ck_assert_uint_eq(asked.deposit.marks, 0);
    open_deposit();
    ck_told(link, BEEP);
    play_over(link);
    ck_told(link, "record=#");
    ck_assert_uint_eq(link->max_ms, 40000);
    ck_assert_uint_eq(link->silence_ms, 10000);
}
END_TEST

START_TEST(withheld_caller_is_not_stored)
{
    struct link *link = call_deposit(408, &plain);

    link->request.anonymous = true;
    press(link, 0);
    ck_assert_str_eq(asked.deposit.caller, "");
    ck_assert_str_eq(asked.deposit.caller_name, "");
    ck_assert_int_eq(asked.deposit.cause, DEPOSIT_UNAVAILABLE);
    open_deposit();
    play_over(link);
    ck_assert_uint_eq(link->max_ms, 300000); /* the server's */
}
END_TEST

#define REVIEW "menu=vm-review+vm-review-urgent+msg-review-add+msg-review-private"

/* "Saved" is said once it is, and never before. */
START_TEST(message_is_said_to_be_saved_when_it_is)
{
    struct link *link = call_records();

    record(link, RECORDED_KEY, 2000, 1500);
    ck_told(link, REVIEW);
    ck_assert_str_eq(link->keys, "123456");
    press(link, '1');
    ck_told(&asked, "commit=normal");
    ck_told(link, "");
    asked.done(asked.ticket, 0);
    play_over(link);
    play_over(link);
    ck_told(link, "play=vm-msgsaved play=vm-goodbye hangup");
    hang_up(link);
    ck_told(&asked, "");
}
END_TEST

START_TEST(failed_commit_is_told)
{
    struct link *link = call_records();

    record(link, RECORDED_SILENCE, 2000, 1500);
    press(link, '1');
    *link->told = '\0';
    asked.done(asked.ticket, ENOSPC);
    ck_told(link, "play=msg-not-saved");
}
END_TEST

/* A full queue loses nothing: the sweeper delivers what lies in the spool. */
START_TEST(refused_commit_is_deferred)
{
    struct link *link = call_records();

    record(link, RECORDED_TOO_LONG, 2000, 1500);
    *link->told = '\0';
    asked.refuse = ENOBUFS;
    press(link, '1');
    ck_told(link, "play=msg-will-be-delivered");
    asked.refuse = 0;
    *asked.told = '\0';
    hang_up(link);
    ck_told(&asked, ""); /* above all it is not discarded */
}
END_TEST

START_TEST(review_listens_and_marks_urgent)
{
    struct link *link = call_records();

    record(link, RECORDED_KEY, 2000, 1500);
    *link->told = '\0';
    press(link, '2');
    play_over(link);
    ck_told(link, "file=/spool/open/a.wav play=file " REVIEW);
    press(link, '4');
    play_over(link);
    ck_told(link,
            "play=vm-marked-urgent menu=vm-review+vm-review-nonurgent+msg-review-add+msg-review-private");
    press(link, '1');
    ck_told(&asked, "commit=urgent");
}
END_TEST

START_TEST(re_record_is_a_fresh_deposit)
{
    struct link *link = call_records();
    char first[UUID_TEXT];

    snprintf(first, sizeof first, "%s", asked.deposit.id);
    record(link, RECORDED_KEY, 2000, 1500);
    *link->told = '\0';
    press(link, '3');
    ck_told(&asked, "discard=deposit open=1002");
    ck_assert_str_ne(asked.deposit.id, first);
    asked.file(asked.ticket, 0, "/spool/open/b.wav");
    play_over(link);
    ck_told(link, BEEP " record=#");
    ck_assert_str_eq(link->path, "/spool/open/b.wav");
    record_hang_up(link, 2000, 1500);
    ck_told(&asked, "commit=normal");
}
END_TEST

START_TEST(nobody_objects_is_consent)
{
    struct link *link = call_records();

    record(link, RECORDED_SILENCE, 2000, 1500);
    press(link, 0);
    press(link, 0);
    ck_told(&asked, "");
    press(link, 0);
    ck_told(&asked, "commit=normal");
}
END_TEST

START_TEST(hang_up_while_recording_keeps_the_message)
{
    struct link *link = call_records();

    record_hang_up(link, 2000, 1500);
    ck_told(&asked, "commit=normal");
    asked.done(asked.ticket, 0); /* nobody hears it */
}
END_TEST

START_TEST(hang_up_while_reviewing_keeps_the_message)
{
    struct link *link = call_records();

    record(link, RECORDED_KEY, 2000, 1500);
    hang_up(link);
    ck_told(&asked, "commit=normal");

    link = call_records();
    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '2'); /* while he listens to himself */
    hang_up(link);
    ck_told(&asked, "commit=normal");
}
END_TEST

/* A recording whose end no disk has reported in time goes as far as it got. */
START_TEST(unreported_recording_is_kept)
{
    struct link *link = call_records();

    hang_up(link);
    ck_told(&asked, "commit=normal");
}
END_TEST

START_TEST(hang_up_before_the_recording_leaves_nothing)
{
    struct link *link = call_deposit(408, &plain);

    hang_up(link);
    ck_told(&asked, "");

    link = call_deposit(408, &plain);
    press(link, 0);
    *asked.told = '\0';
    hang_up(link); /* while the spool opens it */
    ck_told(&asked, "discard=deposit");
    open_deposit();
    ck_told(&asked, "");

    link = call_deposit(408, &plain);
    press(link, 0);
    open_deposit();
    *asked.told = '\0';
    hang_up(link); /* in the beep */
    ck_told(&asked, "discard=deposit");
}
END_TEST

START_TEST(too_short_is_asked_for_again)
{
    struct link *link = call_records();

    for (int i = 0; i < 2; i++) {
        record(link, RECORDED_KEY, i ? 999 : 5000, i ? 999 : 0); /* too short; nothing but silence */
        ck_told(link, "play=vm-tooshort");
        play_over(link);
        ck_told(&asked, "discard=deposit open=1002");
        open_deposit();
        play_over(link);
        ck_told(link, BEEP " record=#");
    }
    record(link, RECORDED_KEY, 10, 10);
    ck_told(&asked, "discard=deposit");
    play_over(link);
    play_over(link);
    ck_told(link, "play=msg-nothing-recorded play=vm-goodbye hangup");
}
END_TEST

START_TEST(hang_up_too_soon_leaves_nothing)
{
    struct link *link = call_records();

    record_hang_up(link, 999, 800);
    ck_told(&asked, "discard=deposit");
}
END_TEST

/* A disk that fails in the middle: what is there is delivered, and nobody is told that all is well. */
START_TEST(failed_recording_is_told_and_its_part_kept)
{
    struct link *link = call_records();

    record(link, RECORDED_FAILED, 2000, 1500);
    ck_told(&asked, "commit=normal");
    ck_told(link, "play=msg-not-saved");
    asked.done(asked.ticket, 0);
    ck_told(link, "");
    hang_up(link);
    ck_told(&asked, "");
}
END_TEST

START_TEST(full_disk_is_told_before_he_speaks)
{
    struct link *link = call_deposit(408, &plain);

    *link->told = '\0';
    press(link, 0);
    asked.file(asked.ticket, ENOSPC, NULL);
    ck_told(link, "play=msg-trouble");
    *asked.told = '\0';
    hang_up(link);
    ck_told(&asked, "");

    link = call_deposit(408, &plain);
    *link->told = '\0';
    asked.refuse = ENOBUFS;
    press(link, 0);
    ck_told(link, "play=msg-trouble");
}
END_TEST

/* What was good before more was added to it is good still, and both parts share the longest length. */
START_TEST(more_is_added)
{
    struct link *link = call_records();

    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '5');
    play_over(link);
    ck_assert_ptr_nonnull(strstr(link->told, BEEP " record=# more"));
    ck_assert_uint_eq(link->max_ms, 298000);
    *link->told = '\0';
    record(link, RECORDED_KEY, 2000, 0);
    ck_told(link, REVIEW);
    press(link, '5');
    play_over(link);
    record_hang_up(link, 4000, 1500);
    ck_told(&asked, "commit=normal");

    link = call_records();
    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '5');
    hang_up(link); /* in the beep */
    ck_told(&asked, "commit=normal");
}
END_TEST

START_TEST(marks_are_taken_back)
{
    struct link *link = call_records();

    link->request.user = "1001";
    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '6');
    play_over(link);
    press(link, '6');
    play_over(link);
    press(link, '4');
    play_over(link);
    press(link, '4');
    play_over(link);
    press(link, '1');
    ck_assert_uint_eq(asked.marks, 0);
    *asked.told = '\0';

    link = call_records();
    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '6');
    play_over(link);
    press(link, '1');
    ck_assert_uint_eq(asked.marks, DEPOSIT_PRIVATE);
}
END_TEST

START_TEST(warning_before_the_longest_length)
{
    struct link *link = call_records();

    ck_assert_uint_eq(link->timer_ms, 285000);
    *link->told = '\0';
    link->timer(link);
    ck_told(link, "remark=msg-fifteen-seconds");
}
END_TEST

/* What he has said is kept before somebody helps him. */
START_TEST(operator_is_called)
{
    struct mailbox box = plain;

    strcpy(box.operator_number, "1009");
    struct link *link = call_deposit(408, &box);
    ck_assert_str_eq(link->keys, "#0");
    *link->told = '\0';
    press(link, '0');
    ck_told(link, "retarget=1009");
    ck_assert(link->app->failed(link, 486));
    ck_told(link, "play=vm-nobodyavail");

    link = call_deposit(408, &box);
    press(link, '#');
    open_deposit();
    play_over(link);
    ck_assert_ptr_nonnull(strstr(link->told, "record=#0"));
    *link->told = *asked.told = '\0';
    link->recorded(link, &(struct recorded){.end = RECORDED_KEY, .key = '0', .ms = 2000, .speech_ms = 1500});
    ck_told(&asked, "commit=normal");
    asked.done(asked.ticket, 0);
    play_over(link);
    ck_told(link, "play=vm-msgsaved retarget=1009");
}
END_TEST

START_TEST(who_was_cut_off_goes_on)
{
    asked.may_resume = true;
    struct link *link = call_fails(408, 0, &plain);
    answer(link);
    ck_assert_ptr_nonnull(strstr(asked.told, "cut=1002"));
    asked.cut(asked.ticket, 0, "5f0c8e6e-0000-4000-8000-000000000001");
    ck_assert_ptr_nonnull(strstr(link->told, "menu=300ms+msg-go-on"));
    press(link, '1');
    ck_assert_str_eq(asked.deposit.continues, "5f0c8e6e-0000-4000-8000-000000000001");
    hang_up(link);
    *asked.told = '\0';

    link = call_fails(408, 0, &plain);
    answer(link);
    asked.cut(asked.ticket, 0, "5f0c8e6e-0000-4000-8000-000000000001");
    *link->told = '\0';
    press(link, '2');
    ck_told(link, DEFAULT_WORDS "vm-isunavail+vm-intro");
    press(link, '#');
    ck_assert_str_eq(asked.deposit.continues, "");
}
END_TEST

/* No room for the rest of it: that is told first. */
START_TEST(a_full_box_does_not_go_on)
{
    struct mailbox full = plain;

    full.message_count = full.max_messages = 2;
    asked.may_resume = true;
    struct link *link = call_fails(408, 0, &full);
    *asked.told = '\0';
    answer(link);
    ck_told(&asked, "");
    ck_assert_ptr_nonnull(strstr(link->told, "play=vm-mailboxfull"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("voicemail_deposit");
    TCase *tc = tcase_create("voicemail_deposit");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, voicemail_begin, double_end);
    tcase_add_test(tc, message_is_opened_before_the_beep);
    tcase_add_test(tc, withheld_caller_is_not_stored);
    tcase_add_test(tc, message_is_said_to_be_saved_when_it_is);
    tcase_add_test(tc, failed_commit_is_told);
    tcase_add_test(tc, refused_commit_is_deferred);
    tcase_add_test(tc, review_listens_and_marks_urgent);
    tcase_add_test(tc, re_record_is_a_fresh_deposit);
    tcase_add_test(tc, nobody_objects_is_consent);
    tcase_add_test(tc, hang_up_while_recording_keeps_the_message);
    tcase_add_test(tc, hang_up_while_reviewing_keeps_the_message);
    tcase_add_test(tc, unreported_recording_is_kept);
    tcase_add_test(tc, hang_up_before_the_recording_leaves_nothing);
    tcase_add_test(tc, too_short_is_asked_for_again);
    tcase_add_test(tc, hang_up_too_soon_leaves_nothing);
    tcase_add_test(tc, failed_recording_is_told_and_its_part_kept);
    tcase_add_test(tc, full_disk_is_told_before_he_speaks);
    tcase_add_test(tc, more_is_added);
    tcase_add_test(tc, marks_are_taken_back);
    tcase_add_test(tc, warning_before_the_longest_length);
    tcase_add_test(tc, operator_is_called);
    tcase_add_test(tc, who_was_cut_off_goes_on);
    tcase_add_test(tc, a_full_box_does_not_go_on);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
