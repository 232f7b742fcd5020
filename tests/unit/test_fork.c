/* Rings of several targets, the question before the answer, media before the answer, and recorded calls. */
#include "tests/unit/test_call_fakes.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFER fake_sdp(4000, "0 8 101", "sendrecv")
#define ANSWER fake_sdp(5000, "8 101", "sendrecv")
#define CAUSE_FIRST "SIP;cause=200;text=\"Call" /* completed elsewhere */
#define LINK "link \"x\" { application = \"probe\" region = \"terminating\" }\n"

static struct session *a; /* the caller */
static struct fork_target targets[FORK_MAX + 2];
static size_t target_count;
static struct link *kept;

static void begin(void)
{
    fake_links = LINK;
    fake_server_start();
    fake_links = "";
    target_count = 0;
    kept = NULL;
}

static void end_call(void)
{
    a->handlers->ended(a->owner, 200, "SIP;cause=16");
    fake_settle();
    fake_server_end();
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

static void press(struct session *s, char key)
{
    fake_event(&(struct mixer_event){.type = EVENT_DIGIT, .port = fake_port_of(s), .digit = key, .ms = 100});
    fake_settle();
}

static void target(const char *number, unsigned delay_s, unsigned ring_s, bool confirm)
{
    struct fork_target *t = &targets[target_count++];

    *t = (struct fork_target){.own = !number, .delay_s = delay_s, .ring_s = ring_s, .confirm = confirm};
    snprintf(t->number, sizeof t->number, "%s", number ? number : "");
}

static void fork_them(struct link *link, const struct request *request)
{
    (void)request;
    link_fork(link, targets, target_count, 302);
}

static void call_forked(void)
{
    fake_probe.invited = fork_them;
    a = fake_call("1001", "1004", OFFER);
}

/* -- forks --------------------------------------------------------------------------------------------- */

START_TEST(all_ring_together_and_only_others_see_a_diversion)
{
    begin();
    target(NULL, 0, 0, false);
    target("1002", 0, 0, false);
    target("0170", 0, 0, false);
    call_forked();
    /* His own phone and the trunk at once; user 1002 has two, once storage has said so. */
    ck_assert_str_eq(fake_invited(0)->uri, "sip:1004@127.0.0.1:6000");
    ck_assert_str_eq(fake_invited(1)->uri, "sip:0170@127.0.0.2:5062");
    ck_assert_str_eq(fake_invited(3)->uri, "sip:1002@127.0.0.1:6001");
    ck_assert_uint_eq(fake_invited(0)->diversion_count, 0);
    ck_assert_str_eq(fake_invited(0)->to.user, "1004");
    ck_assert_uint_eq(fake_invited(2)->diversion_count, 1);
    ck_assert_str_eq(fake_invited(2)->diversions[0].user, "1004");
    ck_assert_int_eq(fake_invited(2)->diversions[0].cause, 302);
    ck_assert_str_eq(fake_invited(2)->to.display, "Bo");
    answer(fake_invited(2));
    ck_assert(fake_did(a, "answer"));
    ck_assert(fake_did(fake_invited(0), CAUSE_FIRST)); /* RFC 3326 */
    ck_assert(fake_did(fake_invited(1), "release487"));
    end_call();
}
END_TEST

START_TEST(targets_come_at_their_times_and_ring_for_theirs)
{
    begin();
    target(NULL, 0, 5, false);
    target("1002", 10, 5, false);
    call_forked();
    ck_assert_ptr_null(fake_invited(1));
    fake_later(4900);
    ck_assert(!fake_invited(0)->let_go);
    /* Nothing rings any more: the next need not wait for its time. */
    fake_later(200);
    ck_assert(fake_invited(0)->let_go);
    ck_assert_ptr_nonnull(fake_invited(2));
    fake_later(5100);
    ck_assert(fake_did(a, "reject408"));
    fake_server_end();
}
END_TEST

START_TEST(later_target_waits_while_another_rings)
{
    begin();
    target(NULL, 0, 60, false);
    target("0170", 10, 0, false);
    call_forked();
    fake_later(9900);
    ck_assert_ptr_null(fake_invited(1));
    fake_later(200);
    ck_assert_ptr_nonnull(fake_invited(1));
    refuse(fake_invited(1), 486);
    ck_assert(!fake_did(a, "reject"));
    refuse(fake_invited(0), 480);
    ck_assert(fake_did(a, "reject486")); /* the best of them */
    fake_server_end();
}
END_TEST

START_TEST(numbers_of_applications_and_of_nobody_are_left_out)
{
    begin();
    target("5000", 0, 0, false);
    target("6000", 0, 0, false);
    target("1009", 0, 0, false);
    target("1003", 0, 0, false); /* has no phone */
    call_forked();
    ck_assert_ptr_null(fake_invited(0));
    ck_assert(fake_did(a, "reject480"));
    fake_server_end();
}
END_TEST

START_TEST(unknown_first_target_brings_the_next_forward)
{
    begin();
    target("1009", 0, 0, false);
    target("0170", 30, 0, false);
    call_forked();
    ck_assert_ptr_nonnull(fake_invited(0));
    end_call();
}
END_TEST

START_TEST(callees_own_number_is_himself)
{
    begin();
    target("1004", 0, 0, false);
    call_forked();
    ck_assert_uint_eq(fake_invited(0)->diversion_count, 0);
    end_call();
}
END_TEST

START_TEST(caller_gone_while_storage_looks)
{
    begin();
    target("1002", 0, 0, false);
    fake_probe.invited = fork_them;
    a = fake_call("1001", "1004", OFFER);
    a->handlers->ended(a->owner, 487, NULL);
    fake_settle();
    fake_server_end();
}
END_TEST

START_TEST(too_many_targets_are_cut)
{
    begin();
    for (int i = 0; i < FORK_MAX + 2; i++)
        target("1002", 0, 0, false);
    call_forked();
    ck_assert_ptr_nonnull(fake_invited(0));
    end_call();
}
END_TEST

START_TEST(fork_of_nothing_is_not_available)
{
    begin();
    call_forked();
    ck_assert(fake_did(a, "reject480"));
    fake_server_end();
}
END_TEST

static bool fork_again(struct link *link, int status)
{
    (void)status;
    if (fake_probe.failures > 1)
        return false;
    target_count = 0;
    target("0170", 0, 0, false);
    link_fork(link, targets, target_count, 408);
    return true;
}

START_TEST(who_takes_a_failure_may_fork_anew)
{
    begin();
    target(NULL, 0, 0, false);
    fake_probe.failed = fork_again;
    call_forked();
    refuse(fake_invited(0), 486);
    ck_assert_ptr_nonnull(fake_invited(1));
    refuse(fake_invited(1), 480);
    ck_assert(fake_did(a, "reject480"));
    fake_server_end();
}
END_TEST

/* -- who answers is asked ------------------------------------------------------------------------------ */

static void call_asked(void)
{
    begin();
    target(NULL, 0, 0, false);
    target("0170", 0, 0, true);
    call_forked();
    answer(fake_invited(1));
    ck_assert(!fake_did(a, "answer"));
    ck_assert(fake_did(a, "ring180"));
    ck_assert(fake_media_did("digits=1001"));
}

START_TEST(one_takes_the_call)
{
    call_asked();
    press(fake_invited(1), '5');
    ck_assert(!fake_did(a, "answer"));
    press(fake_invited(1), '1');
    ck_assert(fake_did(a, "answer"));
    ck_assert(fake_did(fake_invited(0), CAUSE_FIRST));
    end_call();
}
END_TEST

START_TEST(two_refuses_this_branch_alone)
{
    call_asked();
    press(fake_invited(1), '2');
    ck_assert(fake_invited(1)->let_go);
    ck_assert(!fake_did(a, "reject"));
    answer(fake_invited(0));
    ck_assert(fake_did(a, "answer"));
    end_call();
}
END_TEST

START_TEST(silence_after_the_question_refuses)
{
    call_asked();
    fake_event(&(struct mixer_event){.type = EVENT_PLAYED,
                                     .port = fake_port_of(fake_invited(1)),
                                     .serial = fake_serial,
                                     .end = PLAY_DONE});
    fake_later(9900);
    ck_assert(!fake_invited(1)->let_go);
    fake_later(200);
    ck_assert(fake_invited(1)->let_go);
    ck_assert(!fake_did(a, "reject"));
    end_call();
}
END_TEST

START_TEST(early_media_of_who_is_to_be_asked_is_not_heard)
{
    begin();
    target("0170", 0, 0, true);
    call_forked();
    fake_invited(0)->handlers->progress(fake_invited(0)->owner, 183, NULL, ANSWER);
    ck_assert(!fake_did(a, "ring183"));
    end_call();
}
END_TEST

/* -- before the answer --------------------------------------------------------------------------------- */

static void speak(struct link *link, const struct request *request)
{
    (void)request;
    kept = link_early(link) ? link : NULL;
    if (!kept)
        link_continue(link);
}

static unsigned spoken;

static void spoken_to(struct link *link)
{
    const struct list list = {.count = 1, .items = {{.kind = ITEM_TONE, .what = 440, .ms = 100}}};

    spoken++;
    link_play(link, &list, link_continue);
}

START_TEST(link_speaks_before_the_answer_and_lets_the_call_go_on)
{
    begin();
    spoken = 0;
    fake_probe.invited = speak;
    fake_probe.answered = spoken_to;
    a = fake_call("1001", "1004", OFFER);
    ck_assert(fake_did(a, "ring183+sdp"));
    ck_assert_uint_eq(spoken, 1);
    ck_assert_ptr_null(fake_invited(0));
    fake_later(60000); /* no deadline of the link's contract ends it */
    ck_assert_ptr_null(fake_invited(0));
    fake_event(&(struct mixer_event){
        .type = EVENT_PLAYED, .port = fake_port_of(a), .serial = fake_serial, .end = PLAY_DONE});
    fake_settle();
    ck_assert_ptr_nonnull(fake_invited(0));
    answer(fake_invited(0));
    ck_assert(fake_did(a, "answer"));
    end_call();
}
END_TEST

START_TEST(link_speaks_and_refuses)
{
    begin();
    fake_probe.invited = speak;
    a = fake_call("1001", "1004", OFFER);
    link_hangup(kept); /* makes no sense here */
    ck_assert(!fake_did(a, "release"));
    link_reject(kept, 603, NULL);
    fake_settle();
    ck_assert(fake_did(a, "reject603"));
    fake_server_end();
}
END_TEST

START_TEST(link_speaks_and_answers)
{
    begin();
    spoken = 0;
    fake_probe.invited = speak;
    a = fake_call("1001", "1004", OFFER);
    link_answer(kept);
    ck_assert(fake_did(a, "answer"));
    fake_probe.answered = spoken_to;
    a->handlers->answered(a->owner, NULL);
    fake_settle();
    ck_assert_uint_eq(spoken, 1);
    end_call();
}
END_TEST

START_TEST(who_makes_no_offer_hears_nothing_early)
{
    begin();
    fake_probe.invited = speak;
    a = fake_call("1001", "1004", NULL);
    ck_assert_ptr_null(kept);
    ck_assert_ptr_nonnull(fake_invited(0));
    end_call();
}
END_TEST

/* -- a name before the call ---------------------------------------------------------------------------- */

static void answer_it(struct link *link, const struct request *request)
{
    (void)request;
    link_answer(link);
}

static void screen_it(struct link *link)
{
    const struct list name = {.count = 1, .items = {{.kind = ITEM_TONE, .what = 440, .ms = 100}}};

    kept = link;
    link_screen(link, &name);
}

static bool say_no_more(struct link *link, int status)
{
    (void)status;
    link_hangup(link);
    return true;
}

static void call_screened(void)
{
    begin();
    fake_probe.invited = answer_it;
    fake_probe.answered = screen_it;
    fake_probe.failed = say_no_more;
    a = fake_call("1001", "1004", OFFER);
    a->handlers->answered(a->owner, NULL);
    fake_settle();
    ck_assert_ptr_nonnull(fake_invited(0));
    answer(fake_invited(0));
    ck_assert(!fake_media_did("digits=1001")); /* the name instead */
}

START_TEST(callee_of_a_screened_call_takes_it)
{
    call_screened();
    press(fake_invited(0), '1');
    ck_assert(fake_media_did("bridge1-2"));
    end_call();
}
END_TEST

START_TEST(callee_of_a_screened_call_refuses_it)
{
    call_screened();
    press(fake_invited(0), '2');
    ck_assert_int_eq(fake_probe.last_failure, 603);
    ck_assert(fake_did(a, "release200"));
    fake_server_end();
}
END_TEST

/* -- recorded ------------------------------------------------------------------------------------------ */

static void tap_it(struct link *link, const struct request *request)
{
    (void)request;
    link_tap(link);
    link_continue(link);
}

START_TEST(recorded_call_meets_in_a_room_that_ends_with_it)
{
    begin();
    fake_probe.invited = tap_it;
    a = fake_call("1001", "1004", OFFER);
    ck_assert(!fake_media_did("room"));
    answer(fake_invited(0));
    ck_assert_ptr_nonnull(strstr(fake_media, " room2-"));
    ck_assert_ptr_nonnull(strstr(fake_media, " room1-"));
    ck_assert_ptr_null(strstr(fake_media, " bridge2-"));
    press(a, '7');
    ck_assert_ptr_nonnull(strstr(fake_media, "digit")); /* a room passes none */
    end_call();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fork");
    TCase *c = tcase_create("fork");
    SRunner *runner;
    int failed;

    tcase_add_test(c, all_ring_together_and_only_others_see_a_diversion);
    tcase_add_test(c, targets_come_at_their_times_and_ring_for_theirs);
    tcase_add_test(c, later_target_waits_while_another_rings);
    tcase_add_test(c, numbers_of_applications_and_of_nobody_are_left_out);
    tcase_add_test(c, unknown_first_target_brings_the_next_forward);
    tcase_add_test(c, callees_own_number_is_himself);
    tcase_add_test(c, caller_gone_while_storage_looks);
    tcase_add_test(c, too_many_targets_are_cut);
    tcase_add_test(c, fork_of_nothing_is_not_available);
    tcase_add_test(c, who_takes_a_failure_may_fork_anew);
    tcase_add_test(c, one_takes_the_call);
    tcase_add_test(c, two_refuses_this_branch_alone);
    tcase_add_test(c, silence_after_the_question_refuses);
    tcase_add_test(c, early_media_of_who_is_to_be_asked_is_not_heard);
    tcase_add_test(c, link_speaks_before_the_answer_and_lets_the_call_go_on);
    tcase_add_test(c, link_speaks_and_refuses);
    tcase_add_test(c, link_speaks_and_answers);
    tcase_add_test(c, who_makes_no_offer_hears_nothing_early);
    tcase_add_test(c, callee_of_a_screened_call_takes_it);
    tcase_add_test(c, callee_of_a_screened_call_refuses_it);
    tcase_add_test(c, recorded_call_meets_in_a_room_that_ends_with_it);
    suite_add_tcase(suite, c);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
