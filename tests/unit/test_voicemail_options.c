/* apps/voicemail: what an owner sets: greetings, PIN, first visit, preferences. */
#include "tests/unit/voicemail_double.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- options
 * ------------------------------------------------------------------------------------------------------ */

/* Up to a greeting's recording. */
static struct link *greets(char key)
{
    struct link *link = visit();

    press(link, '0');
    ck_told(link, OPTIONS);
    press(link, key);
    play_over(link);
    play_over(link);
    ck_assert_int_eq(strncmp(link->path, "/cache/", 7), 0);
    return link;
}

START_TEST(greetings_are_recorded)
{
    static const struct {
        char key;
        const char *ask, *store;
        uint32_t max_ms;
    } cases[] = {
        {'1', "play=vm-rec-unv " BEEP " record=#", "store=unavailable", 180000},
        {'2', "play=vm-rec-busy " BEEP " record=#", "store=busy", 180000},
        {'3', "play=vm-rec-name " BEEP " record=#", "store=name", 10000},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct link *link = greets(cases[i].key);
        ck_told(link, cases[i].ask);
        ck_assert_uint_eq(link->max_ms, cases[i].max_ms);
        record(link, RECORDED_KEY, 2000, 1500);
        ck_told(link, "menu=vm-review"); /* a greeting is never urgent */
        ck_assert_str_eq(link->keys, "123");
        press(link, '1');
        ck_told(&asked, cases[i].store);
        ck_told(link, "");
        asked.done(asked.ticket, 0);
        play_over(link);
        ck_told(link, "play=vm-msgsaved " OPTIONS);
    }
}
END_TEST

START_TEST(greeting_is_kept_only_when_accepted)
{
    struct link *link = greets('1');

    record_hang_up(link, 2000, 1500);
    ck_told(&asked, "discard=file");
    link = greets('1');
    record(link, RECORDED_KEY, 2000, 1500);
    hang_up(link);
    ck_told(&asked, "discard=file");
    link = greets('1');
    hang_up(link); /* its end was never reported */
    ck_told(&asked, "discard=file");
    link = greets('1');
    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '3');
    ck_told(&asked, "discard=file");
    play_over(link);
    *link->told = '\0';
    record(link, RECORDED_FAILED, 0, 0);
    ck_told(&asked, "discard=file");
    play_over(link);
    ck_told(link, "play=msg-not-saved " OPTIONS);
}
END_TEST

START_TEST(greeting_not_stored_is_told)
{
    struct link *link = greets('2');

    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '1');
    *link->told = '\0';
    asked.done(asked.ticket, ENOTCONN);
    ck_told(link, "play=msg-trouble");
}
END_TEST

#define HEAR "+vm-press+digits/3+key-hear-greeting"
#define END "+vm-press+digits/4+key-greeting-end"
#define STAR "+vm-press+digits/star+key-back"
#define AGAIN "vm-press+digits/1+key-record-greeting+vm-press+digits/2+key-erase-greeting"

/* The owner of such a greeting, in its menu. */
static struct link *has_greeting(enum greeting_kind kind, char key, const char *menu)
{
    struct mailbox box = plain;

    box.greetings[kind] = true;
    struct link *link = visit_as(&box, 1, 0);
    press(link, '0');
    *link->told = '\0';
    press(link, key);
    ck_told(link, menu);
    return link;
}

START_TEST(temporary_greeting_is_erased)
{
    struct link *link =
        has_greeting(GREETING_TEMPORARY, '4', "menu=vm-tempgreetactive+vm-tempgreeting2" HEAR END STAR);

    press(link, '2');
    ck_told(&asked, "reset=temporary");
    asked.done(asked.ticket, 0);
    play_over(link);
    ck_told(link, "play=vm-tempremoved " OPTIONS);
    press(link, '4'); /* there is none any more: a new one is recorded */
    ck_told(link, "play=vm-rec-temp");
}
END_TEST

START_TEST(greeting_is_heard_kept_and_erased)
{
    struct link *link = has_greeting(GREETING_BUSY, '2', "menu=" AGAIN HEAR STAR);

    press(link, '3');
    ck_told(&asked, "greeting=busy");
    asked.file(asked.ticket, 0, "/cache/g.wav");
    play_over(link);
    ck_told(link, "file=/cache/g.wav! play=file menu=" AGAIN HEAR STAR);
    press(link, '*');
    ck_told(link, OPTIONS);
    press(link, '2');
    *link->told = '\0';
    press(link, '2');
    ck_told(&asked, "reset=busy");
    asked.done(asked.ticket, 0);
    play_over(link);
    ck_told(link, "play=msg-greeting-erased " OPTIONS);
}
END_TEST

/* The last day is typed, and the next such day is meant. */
START_TEST(temporary_greeting_gets_an_end)
{
    struct link *link = greets('4');
    long long ends;

    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '1');
    ck_told(&asked, "store=temporary");
    *link->told = '\0';
    asked.done(asked.ticket, 0);
    play_over(link);
    ck_told(link, "play=vm-msgsaved ask=msg-greeting-end");
    type(link, "0231");
    play_over(link);
    ck_told(link, "play=msg-no-such-day ask=msg-greeting-end");
    type(link, "1224");
    ck_assert_int_eq(sscanf(asked.told, "end=temporary/%lld", &ends), 1);
    time_t end = (time_t)ends;
    struct tm day;
    gmtime_r(&end, &day); /* London's winter time */
    ck_assert_int_eq(day.tm_mon, 11);
    ck_assert_int_eq(day.tm_mday, 25);
    ck_assert_int_eq(day.tm_hour * 3600 + day.tm_min * 60 + day.tm_sec, 0);
    ck_assert(end > time(NULL) && end < time(NULL) + 367L * 86400);
    *asked.told = '\0';
    asked.done(asked.ticket, 0);
    ck_assert_ptr_nonnull(strstr(link->told, "play=msg-greeting-until+"));
    ck_assert_ptr_nonnull(strstr(link->told, "digits/mon-11"));
    play_over(link);
    *link->told = '\0';
    press(link, '4');
    ck_assert_ptr_nonnull(strstr(link->told, "menu=vm-tempgreetactive+msg-greeting-until+"));
    press(link, '4');
    *link->told = '\0';
    type(link, ""); /* as it is */
    ck_told(link, OPTIONS);
    ck_told(&asked, "");
}
END_TEST

START_TEST(owner_is_told_that_he_is_away)
{
    struct mailbox box = plain;

    box.greetings[GREETING_TEMPORARY] = true;
    struct link *link = call_own();
    type(link, "739146");
    asked.mailbox(asked.ticket, 0, &box);
    const struct mailbox_counts counts = {.number = "1002"};
    *link->told = '\0';
    asked.counts(asked.ticket, 0, &counts);
    ck_assert_int_eq(strncmp(link->told, "play=vm-tempgreetactive+", 24), 0);
}
END_TEST

START_TEST(greetings_that_few_want)
{
    struct link *link = visit();

    press(link, '0');
    *link->told = '\0';
    press(link, '7');
    ck_told(link, "menu=msg-greetings-menu");
    press(link, '1');
    ck_told(link, "play=msg-rec-no-answer");
    link = visit();
    press(link, '0');
    press(link, '7');
    *link->told = '\0';
    press(link, '2');
    ck_told(link, "play=msg-rec-closed");
    link = visit();
    press(link, '0');
    press(link, '7');
    *link->told = '\0';
    press(link, '3');
    ck_told(link, "ask=msg-greeting-caller");
    type(link, "0207946");
    ck_told(link, "play=msg-rec-caller");
    play_over(link);
    play_over(link);
    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '1');
    ck_told(&asked, "store=caller/0207946");
    asked.done(asked.ticket, 0);
    play_over(link);
    press(link, '7');
    press(link, '3');
    *link->told = *asked.told = '\0';
    type(link, "1003"); /* who has none yet */
    ck_told(&asked, "greeting-alone=1003");
    asked.file(asked.ticket, ENOENT, NULL);
    ck_told(link, "play=msg-rec-caller");
}
END_TEST

/* PIN, name, greeting; then the box is his. */
START_TEST(first_visit)
{
    struct mailbox box = plain;

    box.tutorial = true;
    struct link *link = call_own();
    type(link, "739146");
    *link->told = *asked.told = '\0';
    asked.mailbox(asked.ticket, 0, &box);
    play_over(link);
    ck_told(link, "play=msg-tutorial ask=vm-newpassword");
    type(link, "284095");
    type(link, "284095");
    ck_told(&asked, "set=1002/284095");
    *link->told = '\0';
    asked.done(asked.ticket, 0);
    play_over(link);
    for (int i = 0; i < 2; i++) {
        play_over(link);
        play_over(link);
        record(link, RECORDED_KEY, 2000, 1500);
        press(link, '1');
        ck_told(&asked, i ? "store=unavailable" : "store=name");
        asked.done(asked.ticket, 0);
        play_over(link);
    }
    ck_told(&asked, "shown=1002");
    asked.done(asked.ticket, 0);
    ck_told(&asked, "count=1002");
}
END_TEST

START_TEST(pin_is_changed)
{
    struct link *link = visit();

    press(link, '0');
    press(link, '5');
    *link->told = '\0';
    type(link, "12345");
    play_over(link);
    ck_told(link, "play=msg-pin-rules " OPTIONS);
    press(link, '5');
    type(link, "284095");
    *link->told = '\0';
    type(link, "284096");
    play_over(link);
    ck_told(link, "play=vm-mismatch " OPTIONS);
    ck_told(&asked, "");
    press(link, '5');
    ck_told(link, "ask=vm-newpassword");
    type(link, "284095");
    ck_told(link, "ask=vm-reenterpassword");
    type(link, "284095");
    ck_told(&asked, "set=1002/284095");
    ck_told(link, "");
    asked.done(asked.ticket, 0);
    play_over(link);
    ck_told(link, "play=vm-passchanged " OPTIONS);
    ck_assert_ptr_null(strstr(logged, "28409"));
    press(link, '5');
    *link->told = '\0';
    type(link, "");
    ck_told(link, OPTIONS);
}
END_TEST

/* An administrator's PIN opens the box once: then the owner chooses his own. */
START_TEST(first_pin_comes_before_the_messages)
{
    struct mailbox box = plain;
    struct link *link = call_own();

    box.pin_must_change = true;
    type(link, "739146");
    *asked.told = '\0';
    asked.mailbox(asked.ticket, 0, &box);
    ck_told(link, "ask=vm-newpassword");
    type(link, "12345");
    play_over(link);
    ck_told(link, "play=msg-pin-rules ask=vm-newpassword");
    type(link, "284095");
    type(link, "284095");
    ck_told(&asked, "set=1002/284095");
    asked.done(asked.ticket, 0);
    play_over(link);
    ck_told(&asked, "count=1002");

    link = call_own();
    type(link, "739146");
    *asked.told = '\0';
    asked.mailbox(asked.ticket, 0, &box);
    type(link, "");
    type(link, "");
    *link->told = '\0';
    type(link, "");
    ck_told(link, "play=vm-goodbye");
    ck_told(&asked, "");
}
END_TEST

/* Whoever must first do something for his box then gets what he came for: what was heard of what he sent … */
START_TEST(first_pin_is_followed_by_receipts)
{
    struct mailbox box = plain;
    struct link *link = call_own();

    asked.receipts_due = true;
    box.pin_must_change = true;
    type(link, "739146");
    asked.mailbox(asked.ticket, 0, &box);
    type(link, "284095");
    type(link, "284095");
    *asked.told = '\0';
    asked.done(asked.ticket, 0);
    play_over(link);
    ck_told(&asked, "receipts=1002");
    *link->told = '\0';
    asked.receipts(asked.ticket, 0, "1003");
    ck_told(link, "play=msg-your-message-to+digits/1+digits/0+digits/0+digits/3+msg-was-heard");
    play_over(link);
    ck_told(&asked, "count=1002");
}
END_TEST

/* … or the message that is being left for him. */
START_TEST(first_visit_is_followed_by_screening)
{
    struct mailbox box = plain;
    struct link *caller = call_records();
    const struct request request = {.call = "test", .number = "1002", .argument = "screen", .params = ""};
    struct link *owner = call_with(&voicemail_app, &request);

    box.pin_must_change = true;
    answer(owner);
    type(owner, "739146");
    asked.mailbox(asked.ticket, 0, &box);
    ck_assert_ptr_nonnull(strstr(owner->told, "ask=vm-newpassword"));
    type(owner, "284095");
    type(owner, "284095");
    *asked.told = *owner->told = '\0';
    asked.done(asked.ticket, 0);
    play_over(owner);
    ck_told(&asked, "");
    ck_assert_ptr_nonnull(strstr(owner->told, "enter="));
    ck_assert_ptr_nonnull(strstr(caller->told, "enter="));
}
END_TEST

START_TEST(options_give_up_on_who_presses_nothing)
{
    struct link *link = visit();

    press(link, '0');
    press(link, 0);
    press(link, 0);
    *link->told = '\0';
    press(link, 0);
    ck_told(link, MAIN_MENU("vm-INBOX"));
    press(link, '0');
    *link->told = '\0';
    press(link, '*');
    ck_told(link, MAIN_MENU("vm-INBOX"));
}
END_TEST

/* His keys for it are those of the map: options, preferences, and what he wants. */
START_TEST(preferences_are_set_by_phone)
{
    static const struct {
        char key;
        const char *stored;
    } cases[] = {{'1', "prefer=1002,newest,envelope"},
                 {'2', "prefer=1002,newest,autoplay,envelope"},
                 {'3', "prefer=1002,newest,autoplay"}};
    struct link *link = visit();

    press(link, '0');
    *link->told = '\0';
    press(link, '6');
    ck_told(link, "menu=vm-press+digits/1+key-newest-first+vm-press+digits/2+key-autoplay+vm-press+digits/3+"
                  "key-envelope-off+vm-press+digits/star+key-back");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        press(link, cases[i].key);
        ck_told(&asked, cases[i].stored);
        asked.done(asked.ticket, 0);
        play_over(link);
    }
    *link->told = '\0';
    press(link, '*');
    ck_told(link, OPTIONS);
    press(link, '*');
    press(link, '1');
    ck_told(&asked, "list=1002/0,newest");
    list_entries(3, entries);
    asked.file(asked.ticket, 0, "/cache/one.wav");
    ck_assert_str_eq(strstr(link->told, "menu=vm-first"), "menu=vm-first+vm-message+300ms+file");
    press(link, 0); /* to its end: the next begins */
    updated();
    ck_told(&asked, "fetch=two");
    link = visit();
    press(link, '0');
    press(link, '6');
    press(link, '1');
    *link->told = '\0';
    asked.done(asked.ticket, ENOTCONN);
    ck_told(link, "play=msg-trouble");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("voicemail_options");
    TCase *tc = tcase_create("voicemail_options");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, voicemail_begin, double_end);
    tcase_add_test(tc, greetings_are_recorded);
    tcase_add_test(tc, greeting_is_kept_only_when_accepted);
    tcase_add_test(tc, greeting_not_stored_is_told);
    tcase_add_test(tc, temporary_greeting_is_erased);
    tcase_add_test(tc, greeting_is_heard_kept_and_erased);
    tcase_add_test(tc, temporary_greeting_gets_an_end);
    tcase_add_test(tc, owner_is_told_that_he_is_away);
    tcase_add_test(tc, greetings_that_few_want);
    tcase_add_test(tc, first_visit);
    tcase_add_test(tc, pin_is_changed);
    tcase_add_test(tc, first_pin_comes_before_the_messages);
    tcase_add_test(tc, first_pin_is_followed_by_receipts);
    tcase_add_test(tc, first_visit_is_followed_by_screening);
    tcase_add_test(tc, options_give_up_on_who_presses_nothing);
    tcase_add_test(tc, preferences_are_set_by_phone);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
