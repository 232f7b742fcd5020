/* Calls led through the whole call layer, with written-down phones and mixer. */
#include "tests/unit/test_call_fakes.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OFFER fake_sdp(4000, "0 8 101", "sendrecv")
#define ANSWER fake_sdp(5000, "8 101", "sendrecv")

static struct session *a, *b; /* caller's leg and the first callee's */

static void setup(void)
{
    fake_server_start();
    a = b = NULL;
}

static void hang_up(struct session *s)
{
    s->handlers->ended(s->owner, 200, "SIP;cause=16;text=\"bye\"");
    fake_settle();
}

static void answer(struct session *s, const char *sdp)
{
    s->handlers->answered(s->owner, sdp);
    fake_settle();
}

static void refuse(struct session *s, int status, const char *redirect)
{
    s->handlers->failed(s->owner, status, "No", redirect);
    fake_settle();
}

static void bridged_call(void)
{
    a = fake_call("1001", "1004", OFFER);
    b = fake_invited(0);
    ck_assert_ptr_nonnull(b);
    answer(b, ANSWER);
    answer(a, NULL);
}

/* -- calls between phones -------------------------------------------------------------------------------- */

START_TEST(basic_call_rings_answers_and_ends)
{
    a = fake_call("1001", "1004", OFFER);
    b = fake_invited(0);
    ck_assert_str_eq(b->uri, "sip:1004@127.0.0.1:6000");
    ck_assert_str_eq(b->from.display, "Ada"); /* as his row says, not as his phone says */
    b->handlers->progress(b->owner, 180, "Ringing", NULL);
    b->handlers->progress(b->owner, 180, "Ringing", NULL);
    ck_assert_str_eq(a->log, " ring180");
    answer(b, ANSWER);
    /* RFC 3264 §6.1: B chose PCMA, which A offered second; A gets it first, so that packets pass as they are.
     */
    ck_assert_ptr_nonnull(strstr(a->sent, "RTP/AVP 8"));
    ck_assert(fake_media_did("format2=PCMA/sr"));
    ck_assert(fake_media_did("bridge2-1"));
    answer(a, NULL);
    hang_up(a);
    ck_assert(fake_did(b, "release200"));
    ck_assert(fake_did(b, "SIP;cause=16;text=\"bye\"")); /* RFC 3326: passed on */
    fake_server_end();
}
END_TEST

static const char *leg_text(size_t leg, const char *key)
{
    const json_t *object = json_array_get(json_object_get(fake_record, "legs"), leg);

    return json_string_value(json_object_get(object, key));
}

START_TEST(call_leaves_a_record_of_every_leg_it_had)
{
    const json_t *call, *trace;

    fake_subscribers[3].binding_count = 2;
    strcpy(fake_subscribers[3].bindings[1].contact, "sip:1004@127.0.0.1:6001");
    a = fake_call("1001", "1004", OFFER);
    answer(fake_invited(1), ANSWER);
    answer(a, NULL);
    hang_up(fake_invited(1));
    fake_later(100);
    call = json_object_get(fake_record, "call");
    trace = json_object_get(fake_record, "trace");
    ck_assert_str_eq(json_string_value(json_object_get(call, "caller")), "1001");
    ck_assert_str_eq(json_string_value(json_object_get(call, "number")), "1004");
    ck_assert_str_eq(json_string_value(json_object_get(call, "hung_up")), "callee");
    ck_assert_int_eq(json_integer_value(json_object_get(call, "status")), 200);
    ck_assert_uint_eq(json_array_size(json_object_get(fake_record, "legs")), 3);
    ck_assert_str_eq(leg_text(0, "role"), "caller");
    ck_assert_str_eq(leg_text(1, "role"), "branch"); /* answered by the other phone */
    ck_assert_str_eq(leg_text(1, "uri"), "sip:1004@127.0.0.1:6000");
    ck_assert_str_eq(leg_text(2, "role"), "callee");
    ck_assert_str_eq(leg_text(2, "hung_up"), "far");
    ck_assert_str_eq(leg_text(2, "codec"), "PCMA");
    ck_assert_ptr_null(leg_text(1, "answered"));
    ck_assert_uint_gt(json_array_size(trace), 8);
}
END_TEST

START_TEST(offer_to_callee_puts_callers_codecs_first)
{
    a = fake_call("1001", "1004", fake_sdp(4000, "8 0 101", "sendrecv"));
    ck_assert_ptr_nonnull(strstr(fake_invited(0)->sent, "RTP/AVP 8 0"));
    hang_up(a);
    fake_server_end();
}
END_TEST

START_TEST(cancel_reaches_the_callee)
{
    a = fake_call("1001", "1004", OFFER);
    a->handlers->ended(a->owner, 487, NULL);
    fake_settle();
    ck_assert(fake_did(fake_invited(0), "release487"));
    fake_server_end();
}
END_TEST

START_TEST(callee_hangs_up)
{
    bridged_call();
    hang_up(b);
    ck_assert(fake_did(a, "release200"));
    fake_server_end();
}
END_TEST

/* RFC 3261 §16.7: all phones of a user ring; the first answer wins, the others hear that it was elsewhere. */
START_TEST(fork_first_answer_wins)
{
    a = fake_call("1001", "1002", OFFER);
    ck_assert_ptr_nonnull(fake_invited(1));
    fake_invited(0)->handlers->progress(fake_invited(0)->owner, 180, NULL, NULL);
    fake_invited(1)->handlers->progress(fake_invited(1)->owner, 180, NULL, NULL);
    ck_assert_str_eq(a->log, " ring180");
    answer(fake_invited(1), ANSWER);
    ck_assert(fake_did(fake_invited(0), CAUSE_ELSEWHERE));
    ck_assert(!fake_invited(1)->let_go);
    answer(a, NULL);
    hang_up(a);
    fake_server_end();
}
END_TEST

START_TEST(fork_fails_with_the_best_failure_when_all_have_failed)
{
    a = fake_call("1001", "1002", OFFER);
    refuse(fake_invited(0), 500, NULL);
    ck_assert(!fake_did(a, "reject500"));
    refuse(fake_invited(1), 486, NULL);
    ck_assert(fake_did(a, "reject486"));
    ck_assert_int_eq(fake_voicemail.last_failure, 486);
    fake_server_end();
}
END_TEST

/* §16.7 step 5: a 6xx ends the fork at once. */
START_TEST(fork_global_failure_cancels_the_rest)
{
    a = fake_call("1001", "1002", OFFER);
    refuse(fake_invited(0), 603, NULL);
    ck_assert(fake_did(fake_invited(1), "release487"));
    ck_assert(fake_did(a, "reject603"));
    fake_server_end();
}
END_TEST

START_TEST(early_media_is_bridged_and_answered_once)
{
    char early[SDP_TEXT];

    a = fake_call("1001", "1004", OFFER);
    b = fake_invited(0);
    b->handlers->progress(b->owner, 183, "Session Progress", ANSWER);
    ck_assert(fake_did(a, "ring183+sdp"));
    ck_assert(fake_media_did("bridge2-1"));
    memcpy(early, a->sent, sizeof early);
    /* 180 after 183 is passed on. */
    b->handlers->progress(b->owner, 180, "Ringing", NULL);
    ck_assert(fake_did(a, "ring180"));
    answer(b, ANSWER);
    ck_assert_str_eq(a->sent, early); /* RFC 6337 §3.1.1 */
    hang_up(a);
    fake_server_end();
}
END_TEST

/* Two forks below us: the 200 comes from another phone than the 183 did, and its media goes there. */
START_TEST(answer_from_another_fork_below_replaces_early_media)
{
    struct leg *leg;

    a = fake_call("1001", "1004", OFFER);
    b = fake_invited(0);
    leg = b->owner;
    b->handlers->progress(b->owner, 183, NULL, ANSWER);
    answer(b, fake_sdp(7000, "0 101", "sendrecv"));
    ck_assert_uint_eq(((struct sockaddr_in *)&leg->format.rtp)->sin_port, htons(7000));
    ck_assert_int_eq(leg->format.codecs[0].codec, CODEC_PCMU);
    hang_up(a);
    fake_server_end();
}
END_TEST

START_TEST(delayed_offer_is_made_by_us_and_answered_in_the_ack)
{
    a = fake_call("1001", "1004", NULL);
    b = fake_invited(0);
    answer(b, ANSWER);
    ck_assert(fake_did(a, "answer"));
    ck_assert(!fake_media_did("bridge2-1"));
    answer(a, fake_sdp(4000, "8 101", "sendrecv"));
    ck_assert(fake_media_did("bridge2-1"));
    hang_up(a);
    fake_server_end();
}
END_TEST

START_TEST(ack_without_the_answer_ends_the_call)
{
    a = fake_call("1001", "1004", NULL);
    answer(fake_invited(0), ANSWER);
    answer(a, NULL);
    ck_assert(fake_did(a, "release488"));
    fake_server_end();
}
END_TEST

START_TEST(unusable_answer_fails_the_branch_alone)
{
    a = fake_call("1001", "1002", OFFER);
    answer(fake_invited(0), "no sdp at all");
    ck_assert(fake_did(fake_invited(0), "release488"));
    answer(fake_invited(1), ANSWER);
    ck_assert(fake_did(a, "answer"));
    hang_up(a);
    fake_server_end();
}
END_TEST

/* -- refusals -------------------------------------------------------------------------------------------- */

START_TEST(refusals_before_any_route)
{
    struct session *unknown = fake_call("1001", "4711", OFFER);
    struct session *deaf = fake_call("1001", "1004", fake_sdp(4000, "18", "sendrecv"));
    struct session *unbound = fake_call("1001", "1003", OFFER);
    struct session *broken = fake_call("1001", "6000", OFFER);

    ck_assert(fake_did(unknown, "reject404"));
    ck_assert(fake_did(deaf, "reject488")); /* RFC 3264 §6: no codec in common */
    ck_assert(fake_did(unbound, "reject480"));
    ck_assert(fake_did(broken, "reject500"));
    ck_assert_ptr_null(fake_invited(0));
    fake_server_end();
}
END_TEST

START_TEST(database_away_is_503)
{
    fake_storage_error = ENOTCONN;
    a = fake_call("1001", "1004", OFFER);
    ck_assert(fake_did(a, "reject503"));
    fake_server_end();
}
END_TEST

START_TEST(calls_above_the_limit_are_refused)
{
    struct session *calls[5];

    for (int i = 0; i < 5; i++)
        calls[i] = fake_call("1001", "1004", OFFER);
    ck_assert(fake_did(calls[4], "refused"));
    for (int i = 0; i < 4; i++)
        hang_up(calls[i]);
    fake_later(1000);
    a = fake_call("1001", "1004", OFFER);
    ck_assert(!fake_did(a, "refused"));
    hang_up(a);
    fake_server_end();
}
END_TEST

START_TEST(trunk_gets_the_number_at_its_own_host)
{
    a = fake_call("1001", "0123#", OFFER);
    ck_assert_str_eq(fake_invited(0)->uri, "sip:0123%23@127.0.0.2:5062");
    refuse(fake_invited(0), 503, NULL);
    ck_assert(fake_did(a, "reject500")); /* RFC 3261 §16.7 step 6: a 503 is not passed on */
    fake_server_end();
}
END_TEST

/* -- ring timer, voicemail, retargets -------------------------------------------------------------------- */

static bool take_failure(struct link *link, int status)
{
    if (status != 408 && status != 486 && status != 480)
        return false;
    link_answer(link);
    return true;
}

START_TEST(no_answer_goes_to_the_mailbox)
{
    fake_voicemail.failed = take_failure;
    a = fake_call("1001", "1002", OFFER);
    fake_later(21000);
    ck_assert(fake_did(fake_invited(0), "release487"));
    ck_assert(fake_did(fake_invited(1), "release487"));
    ck_assert_int_eq(fake_voicemail.last_failure, 408);
    ck_assert(fake_did(a, "answer"));
    answer(a, NULL);
    hang_up(a);
    fake_settle();
    ck_assert_uint_eq(fake_voicemail.ended, 1);
    fake_server_end();
}
END_TEST

START_TEST(busy_goes_to_the_mailbox_after_early_media)
{
    fake_voicemail.failed = take_failure;
    a = fake_call("1004", "1001", OFFER);
    b = fake_invited(0);
    b->handlers->progress(b->owner, 183, NULL, ANSWER);
    refuse(b, 486, NULL);
    ck_assert(fake_did(a, "answer"));
    ck_assert(fake_media_did("none2")); /* the caller's port leaves the bridge */
    answer(a, NULL);
    hang_up(a);
    fake_server_end();
}
END_TEST

static void retarget_to_1004(struct link *link, const struct request *request)
{
    ck_assert_str_eq(request->argument, "five");
    link_retarget(link, "1004", 302);
}

START_TEST(retarget_carries_the_diversion)
{
    fake_probe.invited = retarget_to_1004;
    a = fake_call("1001", "5000", OFFER);
    b = fake_invited(0);
    ck_assert_str_eq(b->uri, "sip:1004@127.0.0.1:6000");
    ck_assert_str_eq(b->diversions[0].user, "5000");
    ck_assert_int_eq(b->diversions[0].cause, 302);
    refuse(b, 486, NULL);
    ck_assert_int_eq(fake_probe.last_failure, 486); /* up through who retargeted */
    ck_assert(fake_did(a, "reject486"));
    fake_server_end();
}
END_TEST

static void retarget_to_self(struct link *link, const struct request *request)
{
    link_retarget(link, request->number, 302);
}

START_TEST(a_number_tried_twice_is_a_loop)
{
    fake_probe.invited = retarget_to_self;
    a = fake_call("1001", "5000", OFFER);
    ck_assert(fake_did(a, "reject482"));
    fake_server_end();
}
END_TEST

START_TEST(redirect_of_a_phone_is_followed)
{
    a = fake_call("1001", "1004", OFFER);
    refuse(fake_invited(0), 302, "sip:1001@elsewhere");
    b = fake_invited(1);
    ck_assert_ptr_nonnull(b);
    ck_assert_str_eq(b->uri, "sip:1001@127.0.0.1:6000");
    ck_assert_str_eq(b->diversions[0].user, "1004");
    hang_up(a);
    fake_server_end();
}
END_TEST

/* -- hold, resume, codec change -------------------------------------------------------------------------- */

START_TEST(hold_and_resume_pass_through)
{
    bridged_call();
    a->handlers->offered(a->owner, fake_sdp(4000, "8 101", "sendonly"));
    ck_assert(fake_did(b, "reoffer"));
    ck_assert_ptr_nonnull(strstr(b->sent, "a=sendonly"));
    ck_assert(!fake_did(a, "reanswer200"));
    b->handlers->reanswered(b->owner, 200, fake_sdp(5000, "8 101", "recvonly"));
    ck_assert(fake_did(a, "reanswer200"));
    ck_assert_ptr_nonnull(strstr(a->sent, "a=recvonly"));
    a->handlers->offered(a->owner, fake_sdp(4000, "8 101", "sendrecv"));
    b->handlers->reanswered(b->owner, 200, fake_sdp(5000, "8 101", "sendrecv"));
    ck_assert_ptr_nonnull(strstr(a->sent, "a=sendrecv"));
    ck_assert_ptr_nonnull(strstr(b->sent, "a=sendrecv"));
    hang_up(a);
    fake_server_end();
}
END_TEST

START_TEST(refresh_is_answered_here)
{
    bridged_call();
    a->handlers->offered(a->owner, fake_sdp(4002, "0 8 101", "sendrecv"));
    ck_assert(fake_did(a, "reanswer200"));
    ck_assert(!fake_did(b, "reoffer"));
    hang_up(b);
    fake_server_end();
}
END_TEST

/* RFC 3261 §14.2: a refused offer leaves the session as it was. */
START_TEST(refused_change_leaves_all_as_it_was)
{
    struct media_format before;

    bridged_call();
    before = ((struct leg *)a->owner)->format;
    a->handlers->offered(a->owner, fake_sdp(4000, "8 101", "sendonly"));
    b->handlers->reanswered(b->owner, 488, NULL);
    ck_assert(fake_did(a, "reanswer488"));
    ck_assert_mem_eq(&before, &((struct leg *)a->owner)->format, sizeof before);
    a->handlers->offered(a->owner, fake_sdp(4000, "18", "sendrecv"));
    ck_assert_ptr_eq(strstr(strstr(a->log, "reanswer488") + 1, "reanswer200"), NULL);
    hang_up(a);
    fake_server_end();
}
END_TEST

START_TEST(glare_is_491)
{
    bridged_call();
    a->handlers->offered(a->owner, fake_sdp(4000, "8 101", "sendonly"));
    b->handlers->offered(b->owner, fake_sdp(5000, "8 101", "sendonly"));
    ck_assert(fake_did(b, "reanswer491"));
    b->handlers->reanswered(b->owner, 491, NULL);
    ck_assert(fake_did(a, "reanswer491"));
    a->reoffer_error = EBUSY;
    b->handlers->offered(b->owner, fake_sdp(5000, "8 101", "inactive"));
    ck_assert_ptr_nonnull(strstr(strstr(b->log, "reanswer491") + 1, "reanswer491"));
    hang_up(a);
    fake_server_end();
}
END_TEST

START_TEST(offerless_reinvite_gets_our_offer)
{
    bridged_call();
    a->handlers->offered(a->owner, NULL);
    ck_assert(fake_did(a, "reanswer200"));
    ck_assert_ptr_nonnull(strstr(a->sent, "m=audio"));
    /* He holds with his answer: the other side is told. */
    a->handlers->reanswered(a->owner, 200, fake_sdp(4000, "8 101", "sendonly"));
    ck_assert(fake_did(b, "reoffer"));
    b->handlers->reanswered(b->owner, 200, fake_sdp(5000, "8 101", "recvonly"));
    hang_up(a);
    fake_server_end();
}
END_TEST

/* -- keys between phones --------------------------------------------------------------------------------- */

START_TEST(info_becomes_4733_and_doubles_are_one)
{
    bridged_call();
    a->handlers->digit(a->owner, '5', 160);
    ck_assert(fake_media_did("digit1=5"));
    fake_media[0] = '\0';
    /* The same press by RFC 4733: relayed by the mixer, nothing else is sent. */
    fake_event(&(struct mixer_event){.type = EVENT_DIGIT, .port = fake_port_of(a), .digit = '7', .ms = 100});
    fake_settle();
    a->handlers->digit(a->owner, '7', 160);
    ck_assert(!fake_media_did("digit1=7"));
    hang_up(a);
    fake_server_end();
}
END_TEST

START_TEST(silence_ends_a_call_unless_it_is_held)
{
    bridged_call();
    a->handlers->offered(a->owner, fake_sdp(4000, "8 101", "inactive"));
    b->handlers->reanswered(b->owner, 200, fake_sdp(5000, "8 101", "inactive"));
    fake_event(&(struct mixer_event){.type = EVENT_TIMEOUT, .port = fake_port_of(a)});
    fake_settle();
    ck_assert(!a->let_go);
    a->handlers->offered(a->owner, fake_sdp(4000, "8 101", "sendrecv"));
    b->handlers->reanswered(b->owner, 200, fake_sdp(5000, "8 101", "sendrecv"));
    fake_event(&(struct mixer_event){.type = EVENT_TIMEOUT, .port = fake_port_of(a)});
    fake_settle();
    ck_assert(fake_did(a, "release408"));
    ck_assert(fake_did(b, "release408"));
    fake_server_end();
}
END_TEST

static unsigned drains;

static void drained(void *arg)
{
    (void)arg;
    drains++;
}

START_TEST(drain_waits_then_hangs_up)
{
    struct server *server = ((struct leg *)fake_call("1001", "1004", OFFER)->owner)->call->server;

    drains = 0;
    server_drain(server, 5, drained, NULL);
    fake_later(4000);
    ck_assert_uint_eq(drains, 0);
    fake_later(1500);
    ck_assert_uint_eq(drains, 1);
    fake_server_end();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("call_flow");
    TCase *c = tcase_create("phones");

    tcase_add_checked_fixture(c, setup, NULL);
    tcase_add_test(c, basic_call_rings_answers_and_ends);
    tcase_add_test(c, call_leaves_a_record_of_every_leg_it_had);
    tcase_add_test(c, offer_to_callee_puts_callers_codecs_first);
    tcase_add_test(c, cancel_reaches_the_callee);
    tcase_add_test(c, callee_hangs_up);
    tcase_add_test(c, fork_first_answer_wins);
    tcase_add_test(c, fork_fails_with_the_best_failure_when_all_have_failed);
    tcase_add_test(c, fork_global_failure_cancels_the_rest);
    tcase_add_test(c, early_media_is_bridged_and_answered_once);
    tcase_add_test(c, answer_from_another_fork_below_replaces_early_media);
    tcase_add_test(c, delayed_offer_is_made_by_us_and_answered_in_the_ack);
    tcase_add_test(c, ack_without_the_answer_ends_the_call);
    tcase_add_test(c, unusable_answer_fails_the_branch_alone);
    tcase_add_test(c, refusals_before_any_route);
    tcase_add_test(c, database_away_is_503);
    tcase_add_test(c, calls_above_the_limit_are_refused);
    tcase_add_test(c, trunk_gets_the_number_at_its_own_host);
    tcase_add_test(c, no_answer_goes_to_the_mailbox);
    tcase_add_test(c, busy_goes_to_the_mailbox_after_early_media);
    tcase_add_test(c, retarget_carries_the_diversion);
    tcase_add_test(c, a_number_tried_twice_is_a_loop);
    tcase_add_test(c, redirect_of_a_phone_is_followed);
    tcase_add_test(c, hold_and_resume_pass_through);
    tcase_add_test(c, refresh_is_answered_here);
    tcase_add_test(c, refused_change_leaves_all_as_it_was);
    tcase_add_test(c, glare_is_491);
    tcase_add_test(c, offerless_reinvite_gets_our_offer);
    tcase_add_test(c, info_becomes_4733_and_doubles_are_one);
    tcase_add_test(c, silence_ends_a_call_unless_it_is_held);
    tcase_add_test(c, drain_waits_then_hangs_up);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    int failed;

    log_set_level(LEVEL_ERROR);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
