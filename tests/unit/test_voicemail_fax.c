/* apps/voicemail: a fax machine calls while the greeting plays or a message is recorded, and how a fax is
 * heard of. */
#include "tests/unit/voicemail_double.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void setup(void)
{
    voicemail_begin();
    settings.fax = true;
    settings.fax_pages = 100;
    settings.fax_minutes = 60;
    settings.fax_mb = 20;
}

/* The machine's tone has come, and its deposit is open. */
static void begin_fax(struct link *link)
{
    ck_assert_int_eq(asked.deposit.kind, DEPOSIT_FAX);
    ck_assert_str_eq(asked.deposit.mailbox, "1002");
    ck_assert_str_eq(asked.deposit.caller, "1001");
    *link->told = *asked.told = '\0';
    asked.file(asked.ticket, 0, "/spool/open/a.tif");
    ck_told(link, "fax=/spool/open/a.tif/1002");
    ck_assert_uint_eq(link->most.pages, 100);
    ck_assert_uint_eq(link->timer_ms, 3600000);
}

START_TEST(fax_takes_the_place_of_the_greeting)
{
    struct link *link = call_deposit(486, &plain);

    ck_assert_ptr_nonnull(strstr(link->told, "onfax"));
    fax_calls(link);
    ck_told(&asked, "open=1002");
    begin_fax(link);
    fax_over(link, 0, 2, true);
    ck_told(&asked, "commit=normal");
    ck_assert_uint_eq(asked.marks, 0);
    ck_assert_str_eq(asked.sender, "+44 20");
    ck_told(link, "hangup");
    /* What storage says then is nobody's: he has gone. */
    asked.done(asked.ticket, 0);
    ck_told(link, "");
}
END_TEST

/* Pages are missing: it is kept, and says so; without any it leaves nothing. A disk that does not tell in
 * time is asked by the commit. */
static const struct {
    int error;
    unsigned pages;
    const char *told;
    unsigned marks;
} ends[] = {{0, 1, "commit=normal", DEPOSIT_CUT},
            {ENODATA, 0, "discard=deposit", 0},
            {EIO, 0, "commit=normal", DEPOSIT_CUT}};

START_TEST(fax_that_ends_early_is_kept_when_it_has_pages)
{
    struct link *link = call_deposit(486, &plain);

    fax_calls(link);
    ck_told(&asked, "open=1002");
    begin_fax(link);
    fax_over(link, ends[_i].error, ends[_i].pages, false);
    ck_told(&asked, ends[_i].told);
    ck_assert_uint_eq(asked.marks, ends[_i].marks);
    hang_up(link);
    ck_told(&asked, "");
}
END_TEST

/* The server stops, or the end is reported too late: what has come is kept. */
START_TEST(fax_whose_end_is_not_told_is_kept)
{
    struct link *link = call_deposit(486, &plain);

    fax_calls(link);
    ck_told(&asked, "open=1002");
    begin_fax(link);
    hang_up(link);
    ck_told(&asked, "commit=normal");
    ck_assert_uint_eq(asked.marks, DEPOSIT_CUT);
}
END_TEST

/* Words come first, and stay a message of their own; its tone alone is none. */
static const struct {
    unsigned speech_ms;
    const char *told;
} said[] = {
    {5000, "commit=normal open=1002"}, {600, "discard=deposit open=1002"}, {0, "discard=deposit open=1002"}};

START_TEST(fax_within_a_message_keeps_what_was_said)
{
    struct link *link = call_records();

    fax_calls(link);
    ck_told(link, "stop");
    ck_told(&asked, "");
    record(link, RECORDED_KEY, 6000, said[_i].speech_ms);
    ck_told(&asked, said[_i].told);
    begin_fax(link);
    fax_over(link, 0, 1, true);
    ck_told(&asked, "commit=normal");
}
END_TEST

/* Nobody is there to send anything. */
START_TEST(fax_machine_that_hangs_up_at_once_opens_nothing)
{
    struct link *link = call_records();

    fax_calls(link);
    record_hang_up(link, 600, 0);
    ck_told(&asked, "discard=deposit");
}
END_TEST

/* Whatever its late opening says, it is not the fax's. */
static const int late[] = {0, ECANCELED};

START_TEST(fax_before_the_beep_drops_the_empty_deposit)
{
    struct link *link = call_deposit(486, &plain);
    file_reply *voice;

    press(link, 0);
    ck_told(&asked, "open=1002");
    voice = asked.file;
    fax_calls(link);
    ck_told(&asked, "discard=deposit open=1002");
    *link->told = '\0';
    voice(asked.ticket, late[_i], "/spool/open/b.wav"); /* of the deposit that was given up */
    ck_told(link, "");
    begin_fax(link);
    fax_over(link, 0, 1, true);
    ck_told(&asked, "commit=normal");
}
END_TEST

/* He was asked whether he likes it: what he has said counts as accepted. */
START_TEST(fax_in_the_review_keeps_the_message)
{
    struct link *link = call_records();

    record(link, RECORDED_KEY, 6000, 5000);
    fax_calls(link);
    ck_told(&asked, "commit=normal open=1002");
    begin_fax(link);
}
END_TEST

START_TEST(fax_that_finds_no_place_is_told)
{
    struct link *link = call_deposit(486, &plain);

    fax_calls(link);
    *link->told = *asked.told = '\0';
    asked.file(asked.ticket, ENOSPC, NULL);
    ck_assert_ptr_nonnull(strstr(link->told, "play=msg-trouble"));
    hang_up(link);
    ck_told(&asked, "");
}
END_TEST

/* The mailbox's own word goes first; a full one takes none. */
static const struct {
    bool server;
    enum mailbox_fax own;
    unsigned used;
    bool waits;
} choices[] = {{true, FAX_AS_SERVER, 0, true},
               {false, FAX_AS_SERVER, 0, false},
               {true, FAX_REFUSED, 0, false},
               {false, FAX_TAKEN, 0, true},
               {true, FAX_TAKEN, 100, false}};

START_TEST(mailbox_says_whether_it_takes_faxes)
{
    struct mailbox box = plain;

    settings.fax = choices[_i].server;
    box.fax = choices[_i].own;
    box.message_count = choices[_i].used;
    struct link *link = call_deposit(486, &box);
    ck_assert(!link->on_fax != choices[_i].waits);
}
END_TEST

/* The owner's visit from the greeting is no place for one; nor is a quota's end. */
START_TEST(owner_who_logs_in_is_no_machine)
{
    struct mailbox box = plain;

    box.login_from_greeting = true;
    struct link *link = call_deposit(486, &box);
    press(link, '*');
    ck_assert(!link->on_fax);
}
END_TEST

START_TEST(quota_bounds_the_fax)
{
    struct mailbox box = plain;

    box.max_bytes = 1000000;
    box.bytes = 400000;
    struct link *link = call_deposit(486, &box);
    fax_calls(link);
    asked.file(asked.ticket, 0, "/spool/open/a.tif");
    ck_assert_uint_eq(link->most.bytes, 600000);
    link->timer(link); /* an hour is over */
    ck_assert_ptr_nonnull(strstr(link->told, "faxstop"));
}
END_TEST

/* -- heard by phone */

static const struct entry faxes[] = {
    {.id = "one", .version = 1, .caller = "1001", .left = 1700000000, .fax = true, .pages = 3},
    {.id = "two", .version = 1, .caller = "1001", .left = 1700000000, .fax = true, .pages = 1, .cut = true},
};

START_TEST(fax_is_told_in_words)
{
    const struct mailbox_counts counts = {.number = "1002", .fresh = 1, .fax_fresh = 2};
    struct mailbox box = plain;
    struct link *link = call_own();

    box.envelope = false;
    type(link, "739146");
    asked.mailbox(asked.ticket, 0, &box);
    *link->told = '\0';
    asked.counts(asked.ticket, 0, &counts);
    ck_assert_ptr_nonnull(strstr(link->told, "digits/3"));
    play_over(link);
    press(link, '1');
    *asked.told = *link->told = '\0';
    list_entries(2, faxes);
    ck_told(&asked, ""); /* there is no sound to be fetched */
    ck_assert_ptr_nonnull(strstr(link->told, "msg-fax+digits/3"));
    ck_assert_ptr_null(strstr(link->told, "msg-fax-cut"));
    *link->told = '\0';
    press(link, 0); /* heard to its end */
    ck_told(&asked, "update=one,heard/0");
    updated();
    press(link, '6');
    ck_assert_ptr_nonnull(strstr(link->told, "msg-fax+digits/1+msg-fax-cut"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("voicemail-fax");
    TCase *tc = tcase_create("fax");

    tcase_add_checked_fixture(tc, setup, double_end);
    tcase_add_test(tc, fax_takes_the_place_of_the_greeting);
    tcase_add_loop_test(tc, fax_that_ends_early_is_kept_when_it_has_pages, 0, sizeof ends / sizeof *ends);
    tcase_add_test(tc, fax_whose_end_is_not_told_is_kept);
    tcase_add_loop_test(tc, fax_within_a_message_keeps_what_was_said, 0, sizeof said / sizeof *said);
    tcase_add_test(tc, fax_machine_that_hangs_up_at_once_opens_nothing);
    tcase_add_loop_test(tc, fax_before_the_beep_drops_the_empty_deposit, 0, sizeof late / sizeof *late);
    tcase_add_test(tc, fax_in_the_review_keeps_the_message);
    tcase_add_test(tc, fax_that_finds_no_place_is_told);
    tcase_add_loop_test(tc, mailbox_says_whether_it_takes_faxes, 0, sizeof choices / sizeof *choices);
    tcase_add_test(tc, owner_who_logs_in_is_no_machine);
    tcase_add_test(tc, quota_bounds_the_fax);
    tcase_add_test(tc, fax_is_told_in_words);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
