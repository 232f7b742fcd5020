/* apps/voicemail: where calls come from, greetings, and the message that is left. */
#include "tests/unit/voicemail_double.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- where calls come from
 * ---------------------------------------------------------------------------------------- */

START_TEST(failures_that_mean_nobody_is_there)
{
    static const struct subscriber boxless = {.number = "1003"};
    static const int left[] = {302, 400, 404, 415, 488, 500, 502, 503};
    struct request request = {
        .call = "test", .number = "1002", .argument = "", .params = "", .callee = &callee};
    struct link *link = call_with(&voicemail_app, &request);

    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        ck_assert(!link->app->failed(link, left[i]));
    ck_assert_str_eq(asked.told, "");
    request.callee = &boxless;
    link = call_with(&voicemail_app, &request);
    ck_assert(!link->app->failed(link, 486));
    ck_assert_str_eq(asked.told, "");
}
END_TEST

START_TEST(failure_stands_without_a_mailbox)
{
    ck_told(call_fails(486, ENOENT, NULL), "reject=486");
}
END_TEST

/* The row's argument belongs to rows that name this application, not to "user" rows. */
START_TEST(subscribers_path_ignores_arguments)
{
    const struct request request = {.call = "test", .number = "1002", .argument = "own", .callee = &callee};

    ck_told(call_with(&voicemail_app, &request), "continue");
}
END_TEST

START_TEST(unknown_argument_is_refused)
{
    ck_told(call(&voicemail_app, "7001", "nonsense", ""), "reject=500");
}
END_TEST

START_TEST(direct_deposit_takes_what_the_pattern_leaves_open)
{
    static struct number_settings rows[] = {{.pattern = (char *)"*99."},
                                            {.pattern = (char *)"88XXXX"},
                                            {.pattern = (char *)"1005"},
                                            {.pattern = (char *)"2000-2999"}};
    static const struct {
        const char *dialled, *mailbox;
    } cases[] = {
        {"*991002", "find=1002"}, {"881003", "find=1003"}, {"1005", "find=1005"}, {"2001", "find=2001"}};

    settings.numbers = rows;
    settings.number_count = sizeof rows / sizeof rows[0];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        call(&voicemail_app, cases[i].dialled, "deposit", "");
        ck_told(&asked, cases[i].mailbox);
    }
    asked.mailbox(asked.ticket, ENOENT, NULL);
    ck_told(&calls[call_count - 1], "reject=404");
}
END_TEST

/* "1002/486 1003": hops, the first first; the first is the mailbox's owner by the Request-URI where it has a
 * '!'. */
static struct link *call_pilot(const char *hops, const char *called)
{
    struct request request = {
        .call = "test", .number = "7000", .argument = "pilot", .params = "", .peer = "pbx"};
    char text[256], *rest = text, *word;

    snprintf(text, sizeof text, "%s", hops);
    while ((word = strsep(&rest, " ")) != NULL && *word) {
        struct diversion *hop = &request.diversions[request.diversion_count++];

        hop->owner = strchr(word, '!') != NULL;
        snprintf(hop->user, sizeof hop->user, "%.*s", (int)strcspn(word, "!/"), word);
        hop->cause = strchr(word, '/') ? atoi(strchr(word, '/') + 1) : 0;
    }
    snprintf(request.called, sizeof request.called, "%s", called);
    return call_with(&voicemail_app, &request);
}

/* RFC 4458 §4: the cause says which greeting fits. */
START_TEST(pilot_greets_by_cause)
{
    static const struct {
        const char *hop, *greeting;
    } cases[] = {{"1002/486", "vm-isonphone"},
                 {"1002/600", "vm-isonphone"},
                 {"1002/408", "vm-isunavail"},
                 {"1002/404", "vm-isunavail"},
                 {"1002", "vm-isunavail"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct link *link = call_pilot(cases[i].hop, "");
        ck_told(&asked, "first=1002");
        asked.first(asked.ticket, 0, 0, &plain);
        answer(link);
        ck_assert_ptr_nonnull(strstr(link->told, cases[i].greeting));
    }
}
END_TEST

static const struct {
    const char *which, *hops, *called, *asked;
} searches[] = {
    {"first", "1002/486 1003/408", "", "first=1002,1003"},
    {"last", "1002/486 1003/408", "", "first=1003,1002"},
    {"last", "1002/486! 1003/408 1004", "", "first=1002,1004,1003"}, /* RFC 4458: it is said whose it is */
    {"first", "1002/486", "1005", "first=1002,1005"},
    {"first", "", "1005", "first=1005"},
};

START_TEST(pilot_asks_for_the_likeliest_first)
{
    settings.diverted_to = (char *)searches[_i].which;
    call_pilot(searches[_i].hops, searches[_i].called);
    ck_told(&asked, searches[_i].asked);
}
END_TEST

/* The cause is that of the hop whose mailbox it is. */
START_TEST(pilot_takes_the_cause_of_whom_it_found)
{
    struct link *link = call_pilot("4711/408 1002/486", "1005");

    asked.first(asked.ticket, 0, 1, &plain);
    answer(link);
    ck_assert_ptr_nonnull(strstr(link->told, "vm-isonphone"));
    link = call_pilot("4711/486", "1002");
    asked.first(asked.ticket, 0, 1, &plain);
    answer(link);
    ck_assert_ptr_nonnull(strstr(link->told, "vm-isunavail"));
}
END_TEST

/* A cause that a PBX told is no answer of ours: 302 without a Contact would be nonsense. */
START_TEST(pilot_without_mailbox_is_404)
{
    struct link *link = call_pilot("4711/302", "");

    asked.first(asked.ticket, ENOENT, 1, NULL);
    ck_told(link, "reject=404");
}
END_TEST

/* The spool keeps what is left for whom a hop names; an address alone may be nobody's. */
START_TEST(pilot_without_database)
{
    struct link *link = call_pilot("1002/486 1003", "");

    asked.first(asked.ticket, ENOTCONN, 0, NULL);
    answer(link);
    ck_assert_ptr_nonnull(strstr(link->told, "digits/2+vm-isonphone"));
    link = call_pilot("", "1002");
    asked.first(asked.ticket, ENOTCONN, 0, NULL);
    answer(link);
    ck_told(link, "ask=300ms+msg-enter-mailbox");
}
END_TEST

/* Another network's number of the pilot itself is no mailbox: it is an owner who calls. */
START_TEST(pilot_without_diversion_asks_who_it_is)
{
    struct link *link = call_pilot("", "");

    answer(link);
    ck_told(link, "ask=300ms+msg-enter-mailbox");
    ck_told(&asked, "");
    link = call_pilot("", "02079460000");
    asked.first(asked.ticket, ENOENT, 1, NULL);
    answer(link);
    ck_told(link, "ask=300ms+msg-enter-mailbox");
}
END_TEST

/* -- greetings
 * ---------------------------------------------------------------------------------------------------- */

START_TEST(default_greetings)
{
    ck_told(call_deposit(486, &plain), DEFAULT_WORDS "vm-isonphone+vm-intro");
    ck_told(call_deposit(600, &plain), DEFAULT_WORDS "vm-isonphone+vm-intro");
    ck_told(call_deposit(408, &plain), DEFAULT_WORDS "vm-isunavail+vm-intro");
    ck_told(call_deposit(480, &plain), DEFAULT_WORDS "vm-isunavail+vm-intro");
    ck_told(call_deposit(603, &plain), DEFAULT_WORDS "vm-isunavail+vm-intro");
    ck_told(&asked, "");
}
END_TEST

START_TEST(own_greetings)
{
    static const struct {
        bool kinds[GREETING_COUNT];
        int status;
        const char *fetched, *said;
    } cases[] = {
        {{[GREETING_UNAVAILABLE] = true}, 408, "greeting=unavailable", "menu=300ms+file"},
        {{[GREETING_UNAVAILABLE] = true}, 486, "greeting=unavailable", "menu=300ms+file"},
        {{[GREETING_UNAVAILABLE] = true, [GREETING_BUSY] = true}, 486, "greeting=busy", "menu=300ms+file"},
        {{[GREETING_UNAVAILABLE] = true, [GREETING_BUSY] = true},
         480,
         "greeting=unavailable",
         "menu=300ms+file"},
        {{[GREETING_BUSY] = true, [GREETING_TEMPORARY] = true}, 486, "greeting=temporary", "menu=300ms+file"},
        {{[GREETING_NAME] = true}, 486, "greeting=name", "menu=300ms+file+vm-isonphone+vm-intro"},
        {{[GREETING_NAME] = true}, 408, "greeting=name", "menu=300ms+file+vm-isunavail+vm-intro"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mailbox box = plain;
        memcpy(box.greetings, cases[i].kinds, sizeof box.greetings);
        struct link *link = call_deposit(cases[i].status, &box);
        ck_told(&asked, cases[i].fetched);
        asked.file(asked.ticket, 0, "/cache/g.wav");
        ck_assert_ptr_nonnull(strstr(link->told, "file=/cache/g.wav! "));
        ck_assert_ptr_nonnull(strstr(link->told, cases[i].said));
        ck_assert_str_eq(strstr(link->told, "menu="), cases[i].said);
    }
}
END_TEST

#define ALL                                                                                                  \
    {                                                                                                        \
        true, true, true, true, true, true, true                                                             \
    }

/* The order of precedence, one taken away after another. */
static const struct {
    int status;
    bool kinds[GREETING_COUNT];
    bool closed, anonymous;
    const char *asked; /* every greeting that is asked for, each but the last of which is none after all */
} precedence[] = {
    {486, ALL, true, false, "greeting-for=1001 greeting=temporary"},
    {486, ALL, true, true, "greeting=temporary"}, /* who withholds his number is nobody's family */
    {486, {true, true, true, false, true, true, false}, true, false, "greeting=closed"},
    {486, {true, true, true, false, true, true, false}, false, false, "greeting=busy"},
    {600, {true, true, true, false, true, true, false}, false, false, "greeting=busy"},
    {408, {true, true, true, false, true, true, false}, false, false, "greeting=no-answer"},
    {487, {true, true, true, false, true, true, false}, false, false, "greeting=no-answer"},
    {480, {true, true, true, false, true, true, false}, false, false, "greeting=unavailable"},
    {603, {true, true, true, false, true, true, false}, false, false, "greeting=unavailable"},
    {408, {true, true, true, false, false, true, false}, false, false, "greeting=unavailable"},
    {486, {true, false, true, false, true, true, false}, false, false, "greeting=unavailable"},
    {408, {false, true, true, false, false, true, false}, false, false, "greeting=name"},
    {408, {false, false, true, false, false, false, false}, true, false, "greeting=name"},
    {408, {false, true, false, false, false, true, false}, false, false, ""},
};

START_TEST(precedence_of_greetings)
{
    struct mailbox box = plain;
    int asks = precedence[_i].asked[0] != '\0';

    memcpy(box.greetings, precedence[_i].kinds, sizeof box.greetings);
    box.closed = precedence[_i].closed;
    struct link *link = call_fails(precedence[_i].status, 0, &box);
    link->request.anonymous = precedence[_i].anonymous;
    answer(link);
    for (const char *p = precedence[_i].asked; *p; p++)
        asks += *p == ' ';
    for (; asks > 1; asks--)
        asked.file(asked.ticket, ENOENT, NULL);
    ck_told(&asked, precedence[_i].asked);
}
END_TEST

START_TEST(greeting_without_a_message)
{
    struct mailbox box = plain;

    box.kind = MAILBOX_GREETING;
    box.message_count = box.max_messages; /* which matters to none who may leave none */
    struct link *link = call_deposit(486, &box);
    ck_told(link, "menu=300ms+vm-theperson+digits/1+digits/0+digits/0+digits/2+vm-isonphone");
    press(link, 0);
    play_over(link);
    ck_told(link, "play=vm-goodbye hangup");
    ck_told(&asked, "");

    box.greetings[GREETING_UNAVAILABLE] = true;
    snprintf(box.operator_number, sizeof box.operator_number, "1009");
    link = call(&voicemail_app, "1002", "deposit", ""); /* also to who dials it */
    asked.mailbox(asked.ticket, 0, &box);
    answer(link);
    asked.file(asked.ticket, 0, "/cache/g.wav");
    *link->told = '\0';
    press(link, '#');
    ck_told(link, "retarget=1009");
}
END_TEST

/* From a subscriber's phone always, from outside where the box allows it. */
START_TEST(star_lets_the_owner_in)
{
    struct mailbox box = plain;
    struct link *link = call_deposit(486, &box);

    ck_assert_str_eq(link->keys, "#");
    box.login_from_greeting = true;
    link = call_deposit(486, &box);
    ck_assert_str_eq(link->keys, "#*");
    box.login_from_greeting = false;
    link = call_fails(486, 0, &box);
    link->request.user = "1005";
    answer(link);
    ck_assert_str_eq(link->keys, "#*");
    *link->told = *asked.told = '\0';
    press(link, '*');
    ck_told(&asked, "trust=1002");
    asked.mailbox(asked.ticket, EACCES, NULL);
    ck_told(link, "ask=300ms+vm-password");
    type(link, "739146");
    ck_told(&asked, "check=1002/739146");
}
END_TEST

START_TEST(lost_greeting_is_replaced)
{
    struct mailbox box = plain;

    box.greetings[GREETING_BUSY] = true;
    struct link *link = call_deposit(486, &box);
    asked.file(asked.ticket, EIO, NULL);
    ck_told(link, DEFAULT_WORDS "vm-isonphone+vm-intro");
    *asked.told = '\0';
    link = call_fails(486, 0, &box);
    asked.refuse = ENOBUFS;
    answer(link);
    ck_told(link, DEFAULT_WORDS "vm-isonphone+vm-intro");
}
END_TEST

/* Who dials the mailbox on purpose needs not be told that nobody is there. */
START_TEST(direct_greeting_is_short)
{
    struct mailbox box = plain;
    struct link *link = call(&voicemail_app, "1002", "deposit", "");

    box.greetings[GREETING_UNAVAILABLE] = true;
    asked.mailbox(asked.ticket, 0, &box);
    answer(link);
    ck_told(link, "menu=300ms+vm-intro");
    press(link, '#');
    ck_assert_int_eq(asked.deposit.cause, DEPOSIT_DIRECT);
}
END_TEST

START_TEST(full_mailbox_is_told)
{
    struct mailbox box = plain;

    box.message_count = box.max_messages = 2;
    struct link *link = call_deposit(486, &box);
    play_over(link);
    play_over(link);
    ck_told(link, "play=vm-mailboxfull play=vm-goodbye hangup");
    ck_told(&asked, "");
    box.max_messages = 0; /* no quota */
    ck_told(call_deposit(486, &box), DEFAULT_WORDS "vm-isonphone+vm-intro");
}
END_TEST

/* With the database away a message is taken all the same: the spool keeps it. */
START_TEST(deposit_without_database)
{
    struct link *link = call_fails(408, ENOTCONN, NULL);

    answer(link);
    ck_told(link, DEFAULT_WORDS "vm-isunavail+vm-intro");
    press(link, 0);
    open_deposit();
    play_over(link);
    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '1');
    *link->told = '\0';
    asked.done(asked.ticket, EINPROGRESS);
    play_over(link);
    play_over(link);
    ck_told(link, "play=msg-will-be-delivered play=vm-goodbye hangup");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("voicemail");
    TCase *tc = tcase_create("voicemail");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, voicemail_begin, double_end);
    tcase_add_test(tc, failures_that_mean_nobody_is_there);
    tcase_add_test(tc, failure_stands_without_a_mailbox);
    tcase_add_test(tc, subscribers_path_ignores_arguments);
    tcase_add_test(tc, unknown_argument_is_refused);
    tcase_add_test(tc, direct_deposit_takes_what_the_pattern_leaves_open);
    tcase_add_test(tc, pilot_greets_by_cause);
    tcase_add_loop_test(tc, pilot_asks_for_the_likeliest_first, 0, sizeof searches / sizeof searches[0]);
    tcase_add_test(tc, pilot_takes_the_cause_of_whom_it_found);
    tcase_add_test(tc, pilot_without_mailbox_is_404);
    tcase_add_test(tc, pilot_without_database);
    tcase_add_test(tc, pilot_without_diversion_asks_who_it_is);
    tcase_add_test(tc, default_greetings);
    tcase_add_test(tc, own_greetings);
    tcase_add_loop_test(tc, precedence_of_greetings, 0, sizeof precedence / sizeof precedence[0]);
    tcase_add_test(tc, greeting_without_a_message);
    tcase_add_test(tc, star_lets_the_owner_in);
    tcase_add_test(tc, lost_greeting_is_replaced);
    tcase_add_test(tc, direct_greeting_is_short);
    tcase_add_test(tc, full_mailbox_is_told);
    tcase_add_test(tc, deposit_without_database);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
