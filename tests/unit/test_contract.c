/* Links of the service path and their contracts: deadline, failure, fallback, breaker, emergency, edits,
 * news, retargets. */
#include "tests/unit/test_call_fakes.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFER fake_sdp(4000, "0 8 101", "sendrecv")
#define ANSWER fake_sdp(5000, "8 101", "sendrecv")
/* The callee of these has no mailbox, so that the application "voicemail" is free to be a fallback. */
#define LINK(KEYS) "link \"x\" { application = \"probe\" argument = \"ex\" " KEYS " }\n"

static struct session *a, *b;

static void begin(const char *links)
{
    fake_links = links;
    fake_server_start();
    fake_links = "";
}

static void end_call(void)
{
    a->handlers->ended(a->owner, 200, "SIP;cause=16");
    fake_settle();
    fake_server_end();
}

static void answer(struct session *s, const char *sdp)
{
    s->handlers->answered(s->owner, sdp);
    fake_settle();
}

static void refuse(struct session *s, int status)
{
    s->handlers->failed(s->owner, status, "No", NULL);
    fake_settle();
}

static void fall(struct link *link, const struct request *request)
{
    ck_assert_str_eq(request->argument, "ex");
    link_fail(link, "so it is");
}

static struct link *kept;

static void keep(struct link *link, const struct request *request)
{
    (void)request;
    kept = link;
}

static bool keep_failure(struct link *link, int status)
{
    (void)status;
    kept = link;
    return true;
}

static bool fail_rescuing(struct link *link, int status)
{
    (void)status;
    link_fail(link, "cannot rescue");
    return true;
}

/* -- failing ------------------------------------------------------------------------------------------- */

START_TEST(failed_link_is_passed_over)
{
    begin(LINK(""));
    fake_probe.invited = fall;
    a = fake_call("1001", "1004", OFFER);
    ck_assert_ptr_nonnull(fake_invited(0));
    refuse(fake_invited(0), 486);
    ck_assert(fake_did(a, "reject486"));
    ck_assert_int_eq(fake_probe.last_failure, 0); /* it is out, and asked nothing more */
    ck_assert_uint_eq(fake_probe.ended, 1);
    fake_server_end();
}
END_TEST

START_TEST(failed_link_refuses_when_so_agreed)
{
    begin(LINK("on_fail = \"reject 403\""));
    fake_probe.invited = fall;
    a = fake_call("1001", "1004", OFFER);
    ck_assert_ptr_null(fake_invited(0));
    ck_assert(fake_did(a, "reject403"));
    fake_server_end();
}
END_TEST

static void fall_back(struct link *link, const struct request *request)
{
    ck_assert_str_eq(request->argument, "in its place");
    link_continue(link);
}

START_TEST(fallback_takes_the_place)
{
    begin(LINK("on_fail = \"fallback voicemail in its place\""));
    fake_probe.invited = fall;
    fake_voicemail.invited = fall_back;
    a = fake_call("1001", "1004", OFFER);
    ck_assert_ptr_nonnull(fake_invited(0));
    refuse(fake_invited(0), 486);
    ck_assert_int_eq(fake_voicemail.last_failure, 486);
    ck_assert(fake_did(a, "reject486"));
    ck_assert_uint_eq(fake_voicemail.ended, 1);
    fake_server_end();
}
END_TEST

static void fall_too(struct link *link, const struct request *request)
{
    (void)request;
    link_fail(link, "so does this one");
}

START_TEST(fallback_is_there_once)
{
    begin(LINK("on_fail = \"fallback voicemail\""));
    fake_probe.invited = fall;
    fake_voicemail.invited = fall_too;
    a = fake_call("1001", "1004", OFFER);
    ck_assert(fake_did(a, "reject503"));
    fake_server_end();
}
END_TEST

static bool fail_and_decline(struct link *link, int status)
{
    (void)status;
    link_fail(link, "cannot rescue");
    return false;
}

/* What an application says after it has decided must not lead the failure past the links above. */
START_TEST(links_above_hear_of_a_failure_once)
{
    begin("link \"top\" { application = \"voicemail\" order = 1 }\n" LINK(""));
    fake_probe.failed = fail_and_decline;
    a = fake_call("1001", "1004", OFFER);
    refuse(fake_invited(0), 486);
    ck_assert_int_eq(fake_voicemail.last_failure, 486);
    ck_assert_uint_eq(fake_voicemail.failures, 1);
    ck_assert(fake_did(a, "reject486"));
    fake_server_end();
}
END_TEST

START_TEST(failing_over_a_failure_follows_the_contract_too)
{
    static const struct {
        const char *links, *word;
    } cases[] = {{LINK(""), "reject486"},
                 {LINK("on_fail = \"reject 403\""), "reject403"},
                 {LINK("on_fail = \"fallback voicemail\""), "reject486"}};

    for (size_t i = 0; i < 3; i++) {
        begin(cases[i].links);
        fake_probe.failed = fail_rescuing;
        a = fake_call("1001", "1004", OFFER);
        refuse(fake_invited(0), 486);
        ck_assert_msg(fake_did(a, cases[i].word), "%s:%s", cases[i].links, a->log);
        ck_assert_int_eq(fake_voicemail.last_failure, i == 2 ? 486 : 0);
        fake_server_end();
    }
}
END_TEST

static bool fail_hearing(struct link *link, const struct news *news)
{
    if (news->kind == NEWS_ANSWERED)
        link_fail(link, "heard it and fell");
    return false;
}

START_TEST(late_failure_keeps_the_call_or_ends_it)
{
    for (int ends = 0; ends < 2; ends++) {
        begin(ends ? LINK("on_fail_late = \"end\"") : LINK(""));
        fake_probe_hears(fail_hearing);
        a = fake_call("1001", "1004", OFFER);
        answer(fake_invited(0), ANSWER);
        ck_assert(fake_did(a, "answer"));
        ck_assert_int_eq(a->let_go, ends != 0);
        if (ends)
            fake_server_end();
        else
            end_call();
    }
}
END_TEST

/* -- the deadline -------------------------------------------------------------------------------------- */

START_TEST(deadline_is_a_failure_and_what_comes_later_is_ignored)
{
    begin(LINK("deadline = 500"));
    fake_probe.invited = keep;
    a = fake_call("1001", "1004", OFFER);
    ck_assert_ptr_null(fake_invited(0));
    fake_later(600);
    ck_assert_ptr_nonnull(fake_invited(0));
    link_reject(kept, 403, NULL);
    fake_settle();
    ck_assert(!fake_did(a, "reject403"));
    answer(fake_invited(0), ANSWER);
    answer(a, NULL);
    end_call();
}
END_TEST

START_TEST(decision_in_time_ends_the_deadline)
{
    begin(LINK("deadline = 500 on_fail = \"reject 503\""));
    fake_probe.invited = keep;
    a = fake_call("1001", "1004", OFFER);
    fake_later(300);
    link_continue(kept);
    fake_later(1000);
    ck_assert_ptr_nonnull(fake_invited(0));
    ck_assert(!fake_did(a, "reject503"));
    end_call();
}
END_TEST

START_TEST(deadline_holds_for_a_failure_that_was_taken)
{
    begin(LINK("deadline = 500"));
    fake_probe.failed = keep_failure;
    a = fake_call("1001", "1004", OFFER);
    refuse(fake_invited(0), 486);
    ck_assert(!fake_did(a, "reject486"));
    fake_later(600);
    ck_assert(fake_did(a, "reject486"));
    fake_server_end();
}
END_TEST

/* -- the breaker --------------------------------------------------------------------------------------- */

static unsigned asked;

static void fail_counted(struct link *link, const struct request *request)
{
    (void)request;
    asked++;
    link_fail(link, "again");
}

static void pass_counted(struct link *link, const struct request *request)
{
    (void)request;
    asked++;
    link_continue(link);
}

static unsigned asked_by_a_call(void)
{
    asked = 0;
    a = fake_call("1001", "1003", OFFER); /* who is registered nowhere: the call is over at once */
    ck_assert(fake_did(a, "reject480"));
    fake_later(1000);
    return asked;
}

START_TEST(breaker_leaves_a_failing_link_out_and_tries_it_again)
{
    begin(LINK("breaker_failures = 2 breaker_pause = 10"));
    fake_probe.invited = fail_counted;
    ck_assert_uint_eq(asked_by_a_call(), 1);
    ck_assert_uint_eq(asked_by_a_call(), 1);
    ck_assert_uint_eq(asked_by_a_call(), 0);
    fake_later(10000);
    ck_assert_uint_eq(asked_by_a_call(), 1); /* half open: one call tries it */
    ck_assert_uint_eq(asked_by_a_call(), 0);
    fake_later(10000);
    fake_probe.invited = pass_counted;
    ck_assert_uint_eq(asked_by_a_call(), 1);
    ck_assert_uint_eq(asked_by_a_call(), 1); /* closed again */
    fake_server_end();
}
END_TEST

START_TEST(mandatory_link_is_never_left_out)
{
    begin(LINK("breaker_failures = 1 mandatory = true"));
    fake_probe.invited = fail_counted;
    ck_assert_uint_eq(asked_by_a_call(), 1);
    ck_assert_uint_eq(asked_by_a_call(), 1);
    fake_server_end();
}
END_TEST

START_TEST(success_between_failures_keeps_it_closed)
{
    begin(LINK("breaker_failures = 2"));
    for (int i = 0; i < 6; i++) {
        fake_probe.invited = i % 2 ? pass_counted : fail_counted;
        ck_assert_uint_eq(asked_by_a_call(), 1);
    }
    fake_server_end();
}
END_TEST

/* -- emergency calls ----------------------------------------------------------------------------------- */

static void reject(struct link *link, const struct request *request)
{
    (void)request;
    link_reject(link, 403, NULL);
}

static void redirect(struct link *link, const struct request *request)
{
    (void)request;
    link_redirect(link, "sip:1@elsewhere");
}

static void retarget(struct link *link, const struct request *request)
{
    (void)request;
    link_retarget(link, "1004", 302);
}

static void take(struct link *link, const struct request *request)
{
    (void)request;
    link_answer(link);
}

START_TEST(nobody_keeps_an_emergency_call)
{
    void (*const all[])(struct link *, const struct request *) = {reject, redirect, retarget, take, fall};

    for (size_t i = 0; i < 5; i++) {
        begin("emergency = {\"0112\"}\n" LINK(
            "region = \"originating\" mandatory = true on_fail = \"reject 403\""));
        fake_probe.invited = all[i];
        a = fake_call("1001", "0112", OFFER);
        b = fake_invited(0);
        ck_assert_msg(b != NULL, "verb %zu:%s", i, a->log);
        ck_assert_str_eq(b->uri, "sip:0112@127.0.0.2:5062");
        end_call();
    }
}
END_TEST

START_TEST(optional_links_do_not_see_an_emergency_call)
{
    begin("emergency = {\"0112\"}\n" LINK("region = \"originating\" on_fail = \"reject 403\""));
    fake_probe.invited = pass_counted;
    asked = 0;
    a = fake_call("1001", "0112", OFFER);
    ck_assert_uint_eq(asked, 0);
    ck_assert_ptr_nonnull(fake_invited(0));
    end_call();
}
END_TEST

/* -- edits --------------------------------------------------------------------------------------------- */

static void edit(struct link *link, const struct request *request)
{
    struct party caller = request->caller;

    strcpy(caller.user, "4711");
    strcpy(caller.display, "Hotline");
    link_edit_caller(link, &caller);
    link_edit_callee_name(link, "Queue");
    ck_assert_str_eq(link_request(link)->caller.user, "1001"); /* its own view stays */
    link_continue(link);
}

static bool edit_again(struct link *link, int status)
{
    (void)status;
    ck_assert_str_eq(link_request(link)->caller.user, "1001");
    link_retarget(link, "1004", 486);
    return true;
}

START_TEST(edits_are_seen_below)
{
    begin(LINK(""));
    fake_probe.invited = edit;
    a = fake_call("1001", "1004", OFFER);
    b = fake_invited(0);
    ck_assert_str_eq(b->from.user, "4711");
    ck_assert_str_eq(b->from.display, "Hotline");
    ck_assert_str_eq(b->to.display, "Queue");
    end_call();
}
END_TEST

static void edit_and_fail(struct link *link, const struct request *request)
{
    link_edit_caller(link, &(struct party){.user = "4711"});
    (void)request;
    link_fail(link, "half-way");
}

START_TEST(edits_of_a_link_that_fails_are_undone)
{
    begin(LINK(""));
    fake_probe.invited = edit_and_fail;
    a = fake_call("1001", "1004", OFFER);
    ck_assert_str_eq(fake_invited(0)->from.user, "1001");
    end_call();
}
END_TEST

START_TEST(edits_outlive_a_retarget_below_and_the_list_of_diversions_grows)
{
    begin("number \"7\" { application = \"user\" }\n"
          "link \"x\" { application = \"probe\" argument = \"ex\" numbers = {\"1002\"} }\n");
    fake_probe.invited = edit;
    fake_probe.failed = edit_again;
    a = fake_call("1001", "1002", OFFER);
    refuse(fake_invited(0), 486);
    refuse(fake_invited(1), 486);
    b = fake_invited(2);
    ck_assert_ptr_nonnull(b);
    ck_assert_str_eq(b->uri, "sip:1004@127.0.0.1:6000");
    ck_assert_str_eq(b->from.user, "4711");
    ck_assert_uint_eq(b->diversion_count, 1);
    ck_assert_str_eq(b->diversions[0].user, "1002");
    ck_assert_int_eq(b->diversions[0].cause, 486);
    b->handlers->failed(b->owner, 302, "Moved", "sip:1001@elsewhere");
    fake_settle();
    b = fake_invited(3);
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->diversion_count, 2);
    ck_assert_str_eq(b->diversions[0].user, "1002"); /* the first hop first */
    ck_assert_str_eq(b->diversions[1].user, "1004");
    ck_assert_int_eq(b->diversions[1].cause, 302);
    end_call();
}
END_TEST

/* -- regions, retargets -------------------------------------------------------------------------------- */

static char seen[256];

static void note(struct link *link, const struct request *request)
{
    const struct subscriber *served = link_subscriber(link);

    strcat(strcat(strcat(strcat(seen, " "), link->contract->name), "="), served ? served->number : "-");
    if (strcmp(link->contract->name, "t") == 0 && strcmp(request->number, "1003") == 0)
        link_retarget(link, "04711", 302);
    else
        link_continue(link);
}

START_TEST(retarget_runs_the_diverting_users_originating_links)
{
    seen[0] = '\0';
    begin("link \"n\" { application = \"probe\" region = \"neutral\" }\n"
          "link \"o\" { application = \"probe\" region = \"originating\" }\n"
          "link \"t\" { application = \"probe\" }\n"
          "link \"e\" { application = \"probe\" region = \"egress\" }\n");
    fake_probe.invited = note;
    a = fake_call("1001", "1003", OFFER);
    ck_assert_str_eq(seen, " n=- o=1001 t=1003 o=1003 e=-");
    ck_assert_str_eq(fake_invited(0)->uri, "sip:04711@127.0.0.2:5062");
    end_call();
}
END_TEST

static unsigned hops;

static void send_on(struct link *link, const struct request *request)
{
    char number[8];

    (void)request;
    snprintf(number, sizeof number, "0%u", 100 + ++hops);
    link_retarget(link, number, 302);
}

/* Each of these numbers is a new one: the budget of hops ends it. */
START_TEST(retargets_without_end_end)
{
    hops = 0;
    begin(LINK("region = \"egress\""));
    fake_probe.invited = send_on;
    a = fake_call("1001", "0100", OFFER);
    ck_assert_uint_eq(hops, RETARGETS_MAX + 1);
    ck_assert(fake_did(a, "reject482"));
    ck_assert_ptr_null(fake_invited(0));
    fake_server_end();
}
END_TEST

/* Of a list that is full the first hop stays and the latest are kept. */
static void send_on_for_a_while(struct link *link, const struct request *request)
{
    if (hops < DIVERSIONS_MAX + 1)
        send_on(link, request);
    else
        link_continue(link);
}

START_TEST(list_of_diversions_is_bounded)
{
    hops = 0;
    begin(LINK("region = \"egress\""));
    fake_probe.invited = send_on_for_a_while;
    a = fake_call("1001", "0100", OFFER);
    b = fake_invited(0);
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->diversion_count, DIVERSIONS_MAX);
    ck_assert_str_eq(b->diversions[0].user, "0100");
    ck_assert_str_eq(b->diversions[1].user, "0102");
    ck_assert_str_eq(b->diversions[DIVERSIONS_MAX - 1].user, "0108");
    end_call();
}
END_TEST

START_TEST(links_see_the_call_also_when_there_is_nobody)
{
    begin(LINK("region = \"originating\""));
    fake_probe.invited = pass_counted;
    asked = 0;
    a = fake_call("1001", "1009", OFFER);
    ck_assert_uint_eq(asked, 1);
    ck_assert_int_eq(fake_probe.last_failure, 404);
    ck_assert(fake_did(a, "reject404"));
    fake_server_end();
}
END_TEST

/* -- news ---------------------------------------------------------------------------------------------- */

static char news_heard[128];
static enum news_kind consumed;

static bool hear(struct link *link, const struct news *news)
{
    static const char kinds[] = "PAHRDT";

    (void)link;
    strncat(news_heard, &kinds[news->kind], 1);
    if (news->kind == NEWS_DIGIT)
        strncat(news_heard, &news->digit, 1);
    strcat(news_heard, news->by_caller ? "c" : "");
    return news->kind == consumed;
}

START_TEST(news_go_up_the_path_and_may_be_consumed)
{
    begin(LINK(""));
    news_heard[0] = '\0';
    consumed = NEWS_PROGRESS;
    fake_probe_hears(hear);
    a = fake_call("1001", "1004", OFFER);
    b = fake_invited(0);
    b->handlers->progress(b->owner, 180, "Ringing", NULL);
    ck_assert(!fake_did(a, "ring180"));
    answer(b, ANSWER);
    answer(a, NULL);
    a->handlers->offered(a->owner, fake_sdp(4000, "8 101", "sendonly"));
    b->handlers->reanswered(b->owner, 200, fake_sdp(5000, "8 101", "recvonly"));
    a->handlers->offered(a->owner, fake_sdp(4000, "8 101", "sendrecv"));
    b->handlers->reanswered(b->owner, 200, fake_sdp(5000, "8 101", "sendrecv"));
    consumed = NEWS_DIGIT;
    b->handlers->digit(b->owner, '5', 100);
    ck_assert(!fake_media_did("digit2=5"));
    consumed = NEWS_PROGRESS;
    b->handlers->digit(b->owner, '6', 100);
    ck_assert(fake_media_did("digit2=6"));
    ck_assert(fake_media_did("keep1=1") && fake_media_did("keep2=1"));
    /* One within the RTP, which the mixer keeps for us then. */
    fake_event(&(struct mixer_event){.type = EVENT_DIGIT, .port = fake_port_of(b), .digit = '7', .ms = 90});
    fake_settle();
    ck_assert(fake_media_did("digit2=7"));
    ck_assert_str_eq(news_heard, "PAHcRcD5D6D7");
    end_call();
}
END_TEST

/* -- tests of tests ------------------------------------------------------------------------------------ */

START_TEST(settings_can_make_an_event_fail_or_hang)
{
    begin(LINK(
        "on_fail = \"reject 403\" deadline = 500") "test { fail = {\"x/failed\"} hang = {\"x/invited\"} }\n");
    fake_probe.invited = pass_counted;
    asked = 0;
    a = fake_call("1001", "1004", OFFER);
    ck_assert_uint_eq(asked, 0);
    fake_later(600);
    ck_assert(fake_did(a, "reject403"));
    fake_server_end();
    begin(LINK("on_fail = \"reject 403\"") "test { fail = {\"x/failed\"} }\n");
    a = fake_call("1001", "1004", OFFER);
    refuse(fake_invited(0), 486);
    ck_assert(fake_did(a, "reject403"));
    fake_server_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("contract");
    TCase *c = tcase_create("contract");
    SRunner *runner;
    int failed;

    tcase_add_test(c, failed_link_is_passed_over);
    tcase_add_test(c, failed_link_refuses_when_so_agreed);
    tcase_add_test(c, fallback_takes_the_place);
    tcase_add_test(c, fallback_is_there_once);
    tcase_add_test(c, links_above_hear_of_a_failure_once);
    tcase_add_test(c, failing_over_a_failure_follows_the_contract_too);
    tcase_add_test(c, late_failure_keeps_the_call_or_ends_it);
    tcase_add_test(c, deadline_is_a_failure_and_what_comes_later_is_ignored);
    tcase_add_test(c, decision_in_time_ends_the_deadline);
    tcase_add_test(c, deadline_holds_for_a_failure_that_was_taken);
    tcase_add_test(c, breaker_leaves_a_failing_link_out_and_tries_it_again);
    tcase_add_test(c, mandatory_link_is_never_left_out);
    tcase_add_test(c, success_between_failures_keeps_it_closed);
    tcase_add_test(c, nobody_keeps_an_emergency_call);
    tcase_add_test(c, optional_links_do_not_see_an_emergency_call);
    tcase_add_test(c, edits_are_seen_below);
    tcase_add_test(c, edits_of_a_link_that_fails_are_undone);
    tcase_add_test(c, edits_outlive_a_retarget_below_and_the_list_of_diversions_grows);
    tcase_add_test(c, retarget_runs_the_diverting_users_originating_links);
    tcase_add_test(c, retargets_without_end_end);
    tcase_add_test(c, list_of_diversions_is_bounded);
    tcase_add_test(c, links_see_the_call_also_when_there_is_nobody);
    tcase_add_test(c, news_go_up_the_path_and_may_be_consumed);
    tcase_add_test(c, settings_can_make_an_event_fail_or_hang);
    suite_add_tcase(suite, c);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
