/* Calls that the server makes for a user, with written-down phones and mixer. */
#include "tests/unit/test_call_fakes.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER fake_sdp(5000, "8 101", "sendrecv")

static struct server *server;
static int told, told_status;

static void setup(void)
{
    server = fake_server_start();
    told = told_status = 0;
}

static void done(void *arg, int status)
{
    ck_assert_ptr_eq(arg, &told);
    told++;
    told_status = status;
}

static void originate(const char *user, const char *number)
{
    ck_assert_int_eq(call_originate(server, user, number, done, &told), 0);
    fake_settle();
}

static void answer(struct session *s)
{
    s->handlers->answered(s->owner, ANSWER);
    fake_settle();
}

static void refuse(struct session *s, int status)
{
    s->handlers->failed(s->owner, status, "No", NULL);
    fake_settle();
}

static void hang_up(struct session *s)
{
    s->handlers->ended(s->owner, 200, NULL);
    fake_settle();
}

/* RFC 5359 §2.19: his phones ring with the callee's number, and the one he takes up calls the callee in his
 * name. */
START_TEST(user_is_rung_then_the_callee)
{
    originate("1002", "1004");
    ck_assert_str_eq(fake_invited(0)->from.user, "1004");
    ck_assert_ptr_nonnull(fake_invited(1));
    answer(fake_invited(1));
    ck_assert(fake_did(fake_invited(0), CAUSE_ELSEWHERE));
    ck_assert_str_eq(fake_invited(2)->uri, "sip:1004@127.0.0.1:6000");
    ck_assert_str_eq(fake_invited(2)->from.user, "1002");
    ck_assert_int_eq(told, 0);
    /* He was answered long ago, so the ringing he hears is ours. */
    fake_invited(2)->handlers->progress(fake_invited(2)->owner, 180, "Ringing", NULL);
    ck_assert(fake_media_did("loop2=2"));
    answer(fake_invited(2));
    ck_assert(fake_media_did("bridge2-3"));
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(told_status, 200);
    hang_up(fake_invited(2));
    ck_assert(fake_did(fake_invited(1), "release200"));
    ck_assert_int_eq(told, 1);
    fake_server_end();
}
END_TEST

START_TEST(user_who_does_not_answer)
{
    originate("1004", "1002");
    refuse(fake_invited(0), 486);
    ck_assert_ptr_null(fake_invited(1));
    ck_assert_int_eq(told_status, 486);
    fake_server_end();
}
END_TEST

START_TEST(callee_who_refuses)
{
    originate("1001", "1004");
    answer(fake_invited(0));
    refuse(fake_invited(1), 486);
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(told_status, 486);
    ck_assert(fake_did(fake_invited(0), "release486"));
    fake_server_end();
}
END_TEST

START_TEST(user_who_hangs_up_meanwhile)
{
    originate("1001", "1004");
    answer(fake_invited(0));
    hang_up(fake_invited(0));
    ck_assert(fake_did(fake_invited(1), "release200") || fake_did(fake_invited(1), "release487"));
    ck_assert_int_eq(told_status, 487);
    fake_server_end();
}
END_TEST

START_TEST(nobody_of_that_number_and_nobody_to_tell)
{
    originate("1999", "1004");
    ck_assert_int_eq(told_status, 404);
    originate("04711", "1004"); /* a trunk's number is nobody's phone */
    ck_assert_ptr_null(fake_invited(0));
    ck_assert_int_eq(told, 2);
    ck_assert_int_eq(told_status, 404);
    ck_assert_int_eq(call_originate(server, "", "1004", done, &told), EINVAL);
    ck_assert_int_eq(call_originate(server, "1001", "1004", done, &told), 0);
    call_forget_origin(server, &told);
    fake_settle();
    refuse(fake_invited(0), 480);
    ck_assert_int_eq(told, 2);
    fake_server_end();
}
END_TEST

static struct link *handed;
static char handed_argument[NUMBER_TEXT];

static void probe_invited(struct link *link, const struct request *request)
{
    handed = link;
    snprintf(handed_argument, sizeof handed_argument, "%s", request->argument);
}

static bool mailbox_failed(struct link *link, int status)
{
    (void)status;
    link_answer(link);
    return true;
}

/* -- to an application ----------------------------------------------------------------------------------- */

static int make(const char *user, const char *number, bool confirm)
{
    const struct call_order order = {.number = number,
                                     .user = user,
                                     .caller = {.user = "3100", .display = "Board"},
                                     .referrer = {.user = "1001", .host = "h"},
                                     .confirm = confirm,
                                     .headers = "Answer-Mode: Auto\r\n",
                                     .onward = "3100",
                                     .app = "probe",
                                     .argument = "seat 7",
                                     .done = done,
                                     .arg = &told};
    int error;

    handed = NULL;
    fake_probe.invited = probe_invited;
    error = call_make(server, &order);
    fake_settle();
    return error;
}

START_TEST(who_answers_is_handed_to_the_application)
{
    ck_assert_int_eq(make("1002", "1004", false), 0);
    ck_assert_str_eq(fake_invited(0)->from.user, "3100");
    ck_assert_int_eq(told, 0);
    answer(fake_invited(0));
    ck_assert_str_eq(handed_argument, "seat 7");
    link_answer(handed);
    fake_settle();
    ck_assert_int_eq(told_status, 200);
    ck_assert_str_eq(link_request(handed)->number, "3100");
    ck_assert_str_eq(link_request(handed)->caller.user, "1004");
    ck_assert_str_eq(link_request(handed)->user, "1004"); /* himself, not who had him called */
    hang_up(fake_invited(0));
    ck_assert_int_eq(told, 1);
    fake_server_end();
}
END_TEST

START_TEST(application_that_does_not_want_him)
{
    ck_assert_int_eq(make(NULL, "1004", false), 0);
    answer(fake_invited(0));
    link_reject(handed, 480, NULL);
    fake_settle();
    ck_assert(fake_did(fake_invited(0), "release480"));
    ck_assert_int_eq(told_status, 480);
    fake_server_end();
}
END_TEST

/* Nobody is at the other end: a mailbox would talk to itself. */
START_TEST(applications_do_not_answer)
{
    fake_voicemail.failed = mailbox_failed;
    ck_assert_int_eq(make(NULL, "1001", false), 0);
    refuse(fake_invited(0), 486);
    ck_assert_int_eq(told_status, 486);
    ck_assert_uint_eq(fake_voicemail.failures, 1);
    ck_assert_int_eq(make(NULL, "5000", false), 0); /* an application's own number */
    ck_assert_ptr_nonnull(handed);
    link_answer(handed);
    fake_settle();
    ck_assert_int_eq(told_status, 480);
    fake_server_end();
}
END_TEST

START_TEST(who_presses_no_key_is_not_handed_on)
{
    ck_assert_int_eq(make(NULL, "1004", true), 0);
    answer(fake_invited(0));
    ck_assert_ptr_null(handed);
    fake_invited(0)->handlers->digit(fake_invited(0)->owner, '1', 100);
    fake_settle();
    ck_assert_ptr_nonnull(handed);
    link_reject(handed, 480, NULL);
    fake_settle();
    ck_assert_int_eq(make(NULL, "1004", true), 0);
    answer(fake_invited(1));
    fake_invited(1)->handlers->digit(fake_invited(1)->owner, '2', 100);
    fake_settle();
    ck_assert(fake_did(fake_invited(1), "release480"));
    ck_assert_int_eq(told, 2);
    fake_server_end();
}
END_TEST

START_TEST(nobody_is_wanted_any_more)
{
    ck_assert_int_eq(make(NULL, "1004", false), 0);
    call_cancel_origin(server, &told);
    fake_settle();
    ck_assert(fake_did(fake_invited(0), "release487"));
    ck_assert_int_eq(told, 0);
    fake_server_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("originate");
    TCase *tcase = tcase_create("originate");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, user_is_rung_then_the_callee);
    tcase_add_test(tcase, user_who_does_not_answer);
    tcase_add_test(tcase, callee_who_refuses);
    tcase_add_test(tcase, user_who_hangs_up_meanwhile);
    tcase_add_test(tcase, nobody_of_that_number_and_nobody_to_tell);
    tcase_add_test(tcase, who_answers_is_handed_to_the_application);
    tcase_add_test(tcase, application_that_does_not_want_him);
    tcase_add_test(tcase, applications_do_not_answer);
    tcase_add_test(tcase, who_presses_no_key_is_not_handed_on);
    tcase_add_test(tcase, nobody_is_wanted_any_more);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
