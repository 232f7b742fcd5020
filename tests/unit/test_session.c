/*
 * core/sip sessions: two agents call each other over real sockets. Each case names what it proves; kit_stop()
 * of each proves that no session, dialog or transaction is left.
 */
#include "tests/unit/sip_kit.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS "peer \"loop\" { address = {\"127.0.11.0/24\"} }"

static void start(void)
{
    kit_start(PEERS, "");
}

/* RFC 3261 §13: INVITE, 180, 183 with SDP, 200, ACK; BYE from the caller. */
START_TEST(call_rings_is_answered_and_ended_by_caller)
{
    call_begin("udp");
    ck_assert_str_eq(b.offer, OFFER_A);
    ck_assert_str_eq(b.invitation.from.user, "1001");
    ck_assert_str_eq(b.invitation.from.display, "Anna \"A\" \\ Beta");
    ck_assert_str_eq(b.invitation.target.user, "1002");
    ck_assert_str_eq(b.peer, "loop");
    ck_assert_uint_eq(b.invitation.max_forwards, 69);
    ck_assert_int_eq(session_ring(b.session, 180, NULL), 0);
    hear(&a, "progress 180\n");
    ck_assert_int_eq(session_ring(b.session, 183, ANSWER_B), 0);
    hear(&a, "progress 183 sdp\n");
    ck_assert_str_eq(a.sdp, ANSWER_B);
    ck_assert_int_eq(session_answer(b.session, ANSWER_B), 0);
    hear(&a, "answered sdp\n");
    hear(&b, "answered\n");
    ck_assert_int_eq(session_ring(b.session, 180, NULL), EINVAL);
    hang_up(&a, "Q.850;cause=16;text=\"Normal\"");
    hear(&b, "ended 200\n");
    ck_assert_str_eq(b.reason, "Q.850;cause=16;text=\"Normal\"");
}
END_TEST

START_TEST(call_is_ended_by_callee)
{
    call_establish("udp");
    hang_up_and_check(&b);
}
END_TEST

/* RFC 3261 §18: the same over TCP; Contact says so, and requests of the callee use it. */
START_TEST(call_over_tcp)
{
    call_establish("tcp");
    ck_assert_int_eq(session_reoffer(b.session, OFFER_HOLD), 0);
    hear(&a, "offered sdp\n");
    ck_assert_int_eq(session_reanswer(a.session, 200, ANSWER_B), 0);
    hear(&b, "reanswered 200 sdp\n");
    hang_up_and_check(&b);
}
END_TEST

/* RFC 3261 §19.1: literals in brackets everywhere. */
START_TEST(call_over_ipv6)
{
    struct sockaddr_storage address;

    kit_start_six();
    call_establish("udp");
    session_local_address(b.session, &address);
    ck_assert_int_eq(address.ss_family, AF_INET6);
    ck_assert_uint_eq(((struct sockaddr_in6 *)&address)->sin6_port, 0);
    hang_up_and_check(&b);
    forget(&a);
    forget(&b);
    call_establish("tcp");
    hang_up_and_check(&a);
    kit_stop();
}
END_TEST

START_TEST(addresses_are_those_of_the_sockets)
{
    struct sockaddr_storage address;

    call_establish("udp");
    session_local_address(b.session, &address);
    ck_assert_uint_eq(((struct sockaddr_in *)&address)->sin_addr.s_addr, htonl(0x7f000b02));
    session_remote_address(b.session, &address);
    ck_assert_uint_eq(((struct sockaddr_in *)&address)->sin_addr.s_addr, htonl(0x7f000b01));
    session_remote_address(a.session, &address);
    ck_assert_uint_eq(((struct sockaddr_in *)&address)->sin_addr.s_addr, htonl(0x7f000b02));
    ck_assert_str_eq(session_call_id(a.session), b.call_id);
    hang_up_and_check(&a);
}
END_TEST

/* RFC 3261 §13.3.1.3: a final failure, with its own phrase. */
START_TEST(reject_reaches_the_caller)
{
    call_begin("udp");
    session_reject(b.session, 486, "Busy Here, Really", NULL, 0);
    hear(&a, "failed 486\n");
    ck_assert_str_eq(a.reason, "Busy Here, Really");
    hang_up(&b, NULL);
    pump(50);
    ck_assert_uint_eq(stats_of(&a).sessions + stats_of(&b).sessions, 0);
}
END_TEST

/* RFC 3261 §13.3.1.2 */
START_TEST(redirect_carries_contact)
{
    call_begin("tcp");
    session_reject(b.session, 302, NULL, "sip:1003@confab;x=y", 0);
    hear(&a, "failed 302\n");
    ck_assert_str_eq(a.redirect, "sip:1003@confab;x=y");
    hang_up(&b, NULL);
}
END_TEST

/* RFC 3261 §9: CANCEL after 18x, Reason passed on (RFC 3326), 487. */
START_TEST(cancel_while_ringing)
{
    call_begin("udp");
    ck_assert_int_eq(session_ring(b.session, 180, NULL), 0);
    hear(&a, "progress 180\n");
    hang_up(&a, "SIP;cause=200;text=\"Call completed elsewhere\"");
    hear(&b, "ended 487\n");
    ck_assert_str_eq(b.reason, "SIP;cause=200;text=\"Call completed elsewhere\"");
    pump(50);
    ck_assert_uint_eq(stats_of(&a).sessions, 0);
}
END_TEST

/* RFC 3261 §9.1: no CANCEL before a provisional response; 100 is one. */
START_TEST(cancel_at_once_is_held_until_100)
{
    a.target = (struct session_target){.uri = "", .route = "", .received = ""};
    call_begin("udp");
    hang_up(&a, NULL);
    hear(&b, "ended 487\n");
    pump(50);
    ck_assert_uint_eq(stats_of(&a).sessions, 0);
}
END_TEST

/* RFC 3261 §15, RFC 5407 §3.1: the 200 crosses the CANCEL; it gets its ACK and then a BYE. */
START_TEST(cancel_crossing_200_ends_with_bye)
{
    call_begin("udp");
    ck_assert_int_eq(session_ring(b.session, 180, NULL), 0);
    hear(&a, "progress 180\n");
    ck_assert_int_eq(session_answer(b.session, ANSWER_B), 0);
    hang_up(&a, NULL);
    hear(&b, "answered\n");
    hear(&b, "ended 200\n");
    ck_assert_ptr_null(strstr(a.heard, "answered"));
    pump(50);
    ck_assert_uint_eq(stats_of(&a).sessions, 0);
}
END_TEST

/* RFC 3261 §15: a callee that hangs up before the ACK waits for it, then says BYE. */
START_TEST(callee_releases_before_ack)
{
    call_begin("udp");
    ck_assert_int_eq(session_answer(b.session, ANSWER_B), 0);
    hang_up(&b, NULL);
    hear(&a, "answered sdp\n");
    hear(&a, "ended 200\n");
    ck_assert_ptr_null(strstr(b.heard, "answered"));
}
END_TEST

START_TEST(callee_releases_without_answer)
{
    struct session *s;

    call_begin("udp");
    s = b.session;
    b.session = NULL;
    session_release(s, 603, NULL);
    hear(&a, "failed 603\n");
}
END_TEST

/* RFC 3264 §8.4, RFC 3261 §14: hold and resume from either side. */
START_TEST(reinvite_is_answered)
{
    call_establish("udp");
    ck_assert_int_eq(session_reoffer(a.session, OFFER_HOLD), 0);
    hear(&b, "offered sdp\n");
    ck_assert_str_eq(b.sdp, OFFER_HOLD);
    ck_assert_int_eq(session_reanswer(b.session, 200, ANSWER_B), 0);
    ck_assert_int_eq(session_reanswer(b.session, 200, ANSWER_B), EINVAL);
    hear(&a, "reanswered 200 sdp\n");
    pump(50);
    forget(&a);
    ck_assert_int_eq(session_reoffer(b.session, OFFER_A), 0);
    hear(&a, "offered sdp\n");
    ck_assert_int_eq(session_reanswer(a.session, 200, ANSWER_B), 0);
    hear(&b, "reanswered 200 sdp\n");
    hang_up_and_check(&a);
}
END_TEST

/* RFC 3261 §14.1: a refused offer leaves the session as it was. */
START_TEST(reinvite_refused_keeps_the_call)
{
    call_establish("udp");
    ck_assert_int_eq(session_reoffer(a.session, OFFER_HOLD), 0);
    hear(&b, "offered sdp\n");
    ck_assert_int_eq(session_reanswer(b.session, 488, NULL), 0);
    hear(&a, "reanswered 488\n");
    hang_up_and_check(&b);
}
END_TEST

/* RFC 3261 §14.1: both offer at once, both get 491, and both try again later, at different times. */
START_TEST(glare_is_solved_by_waiting)
{
    call_establish("udp");
    ck_assert_int_eq(session_reoffer(a.session, OFFER_HOLD), 0);
    ck_assert_int_eq(session_reoffer(b.session, OFFER_A), 0);
    for (int i = 0; i < 30 && !(strstr(a.heard, "reanswered") && strstr(b.heard, "reanswered")); i++) {
        pass_time(1);
        if (strstr(a.heard, "offered") && !strstr(b.heard, "reanswered"))
            ck_assert_int_eq(session_reanswer(a.session, 200, ANSWER_B), 0);
        if (strstr(b.heard, "offered") && !strstr(a.heard, "reanswered"))
            ck_assert_int_eq(session_reanswer(b.session, 200, ANSWER_B), 0);
        pump(50);
    }
    hear(&a, "reanswered 200 sdp\n");
    hear(&b, "reanswered 200 sdp\n");
    hang_up_and_check(&a);
}
END_TEST

/* Offers of ours while one is open wait their turn: the newest is sent, and its answer told. */
START_TEST(second_offer_waits_for_the_first)
{
    call_establish("udp");
    ck_assert_int_eq(session_reoffer(a.session, OFFER_HOLD), 0);
    ck_assert_int_eq(session_reoffer(a.session, OFFER_HOLD), 0);
    ck_assert_int_eq(session_reoffer(a.session, OFFER_A), 0);
    hear(&b, "offered sdp\n");
    forget(&b);
    ck_assert_int_eq(session_reanswer(b.session, 200, ANSWER_B), 0);
    hear(&b, "offered sdp\n");
    ck_assert_str_eq(b.sdp, OFFER_A);
    ck_assert_str_eq(a.heard, "");
    ck_assert_int_eq(session_reanswer(b.session, 200, ANSWER_B), 0);
    hear(&a, "reanswered 200 sdp\n");
    hang_up_and_check(&a);
}
END_TEST

/* RFC 3261 §15.1.2: BYE while a re-INVITE is open. */
START_TEST(bye_while_an_offer_is_open)
{
    call_establish("udp");
    ck_assert_int_eq(session_reoffer(a.session, OFFER_HOLD), 0);
    hear(&b, "offered sdp\n");
    hang_up_and_check(&b);
}
END_TEST

START_TEST(offerer_hangs_up_while_its_offer_is_open)
{
    call_establish("udp");
    ck_assert_int_eq(session_reoffer(a.session, OFFER_HOLD), 0);
    hear(&b, "offered sdp\n");
    hang_up_and_check(&a);
}
END_TEST

/* RFC 3261 §15.1.1: BYE crossing BYE; both get 200 and nobody is told of an end that he asked for. */
START_TEST(bye_crossing_bye)
{
    call_establish("udp");
    hang_up(&a, NULL);
    hang_up(&b, NULL);
    pump(100);
    ck_assert_str_eq(a.heard, "");
    ck_assert_str_eq(b.heard, "");
    ck_assert_uint_eq(stats_of(&a).sessions + stats_of(&b).sessions, 0);
}
END_TEST

/* RFC 4028: the refresher sends UPDATE at the half of the interval; the call outlives it many times. */
START_TEST(session_timer_is_refreshed)
{
    uint64_t before;

    call_establish("udp");
    before = stats_of(&a).requests + stats_of(&b).requests;
    pass_time(1000);
    ck_assert_uint_gt(stats_of(&a).requests + stats_of(&b).requests, before + 10);
    ck_assert_str_eq(a.heard, "");
    ck_assert_str_eq(b.heard, "");
    hang_up_and_check(&a);
}
END_TEST

static void start_short_timers(void)
{
    kit_start(PEERS, "session_expires = 120");
}

/* A refused re-INVITE changes no one's turn to refresh (RFC 4028 §7.4 speaks of 2xx only). */
START_TEST(refused_offers_leave_the_timer_alone)
{
    call_establish("udp");
    for (int i = 0; i < 40; i++) {
        struct side *from = i % 2 ? &a : &b, *to = i % 2 ? &b : &a;

        forget(from);
        forget(to);
        ck_assert_int_eq(session_reoffer(from->session, OFFER_HOLD), 0);
        hear(to, "offered sdp\n");
        ck_assert_int_eq(session_reanswer(to->session, 488, NULL), 0);
        hear(from, "reanswered 488\n");
        pass_time(20);
        ck_assert_ptr_null(strstr(from->heard, "ended"));
        ck_assert_ptr_null(strstr(to->heard, "ended"));
    }
    hang_up_and_check(&a);
}
END_TEST

START_TEST(digits_by_info)
{
    call_establish("udp");
    ck_assert_int_eq(session_send_digit(a.session, '#', 250), 0);
    hear(&b, "digit # 250\n");
    ck_assert_int_eq(session_send_digit(b.session, '5', 100), 0);
    hear(&a, "digit 5 100\n");
    ck_assert_int_eq(session_send_digit(a.session, 'x', 100), EINVAL);
    hang_up_and_check(&a);
}
END_TEST

/* RFC 3323, RFC 3325: towards a trusted peer the identity goes in P-Asserted-Identity; From hides it. */
START_TEST(identity_of_an_anonymous_caller)
{
    call_begin("udp");
    hang_up(&a, NULL);
    hear(&b, "ended 487\n");
    forget(&b);
    a.target.anonymous = true;
    a.target.peer = "loop";
    ck_assert_int_eq(session_invite(a.agent, &a.session, &a.target, OFFER_A, kit_handlers(), &a), 0);
    hear(&b, "invited");
    ck_assert(b.invitation.anonymous);
    ck_assert_str_eq(b.invitation.from.user, "1001");
    hang_up(&a, NULL);
    hear(&b, "ended 487\n");
    forget(&b);
    a.target.peer = NULL;
    ck_assert_int_eq(session_invite(a.agent, &a.session, &a.target, OFFER_A, kit_handlers(), &a), 0);
    hear(&b, "invited");
    ck_assert(b.invitation.anonymous);
    ck_assert_str_eq(b.invitation.from.user, "anonymous");
    hang_up(&a, NULL);
}
END_TEST

/* RFC 7044, RFC 5806: who sent the call on, and why, survives the way from one agent to the other. */
START_TEST(diversion_is_written_and_read)
{
    static const int causes[] = {486, 408, 302, 503, 480};

    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        call_begin("udp");
        hang_up(&a, NULL);
        hear(&b, "ended 487\n");
        a.target.diversion_count = 1;
        a.target.diversions[0] = (struct diversion){"10#05", "confab", causes[i]};
        ck_assert_int_eq(session_invite(a.agent, &a.session, &a.target, OFFER_A, kit_handlers(), &a), 0);
        forget(&b);
        hear(&b, "invited");
        ck_assert_str_eq(b.invitation.diversions[0].user, "10#05");
        ck_assert_str_eq(b.invitation.diversions[0].host, "confab");
        ck_assert_int_eq(b.invitation.diversions[0].cause, causes[i]);
        hang_up(&a, NULL);
        hear(&b, "ended 487\n");
        forget(&b);
    }
}
END_TEST

/* Nobody there: nta's timer B (RFC 3261 §17.1.1.2), or an ICMP error, fails the call. */
START_TEST(call_to_nowhere_fails)
{
    a.target = (struct session_target){
        .uri = "sip:x@127.0.11.77:9", .route = "", .received = "", .max_forwards = 70};
    ck_assert_int_eq(session_invite(a.agent, &a.session, &a.target, OFFER_A, kit_handlers(), &a), 0);
    pass_time(40);
    hear(&a, "failed ");
    a.target.uri = "sip:x@127.0.11.77:9;transport=tcp";
    forget(&a);
    ck_assert_int_eq(session_invite(a.agent, &a.session, &a.target, OFFER_A, kit_handlers(), &a), 0);
    hear(&a, "failed 503\n");
}
END_TEST

/* A name that no server knows fails the one call. */
START_TEST(unknown_host_fails)
{
    a.target = (struct session_target){
        .uri = "sip:x@no-such-host.invalid", .route = "", .received = "", .max_forwards = 70};
    ck_assert_int_eq(session_invite(a.agent, &a.session, &a.target, OFFER_A, kit_handlers(), &a), 0);
    for (int i = 0; i < 60 && !strstr(a.heard, "failed"); i++)
        pass_time(1);
    hear(&a, "failed ");
}
END_TEST

START_TEST(nonsense_targets_are_refused)
{
    static const char *const uris[] = {"", "tel:+4912345", "sip:", "sip:@", "http://x/", "*", "sip:1@[::1"};
    struct session *s = NULL;

    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        a.target = (struct session_target){.uri = uris[i], .route = "", .received = ""};
        ck_assert_msg(session_invite(a.agent, &s, &a.target, OFFER_A, kit_handlers(), &a) != 0, "%s",
                      uris[i]);
    }
    a.target =
        (struct session_target){.uri = "sip:1@127.0.11.2", .route = "<sip:x\r\nEvil: 1>", .received = ""};
    ck_assert_int_ne(session_invite(a.agent, &s, &a.target, OFFER_A, kit_handlers(), &a), 0);
    a.target = (struct session_target){.uri = "sip:1@127.0.11.2", .route = "", .received = "udp:nowhere"};
    ck_assert_int_ne(session_invite(a.agent, &s, &a.target, OFFER_A, kit_handlers(), &a), 0);
    ck_assert_ptr_null(s);
}
END_TEST

/* RFC 3261 §8.1.2: `received` is where it goes, the Request-URI stays; requests in the dialog go there too.
 */
START_TEST(received_address_overrides_the_uri)
{
    char received[64];

    snprintf(received, sizeof received, "udp:127.0.11.2:%u", port);
    a.target = (struct session_target){.uri = "sip:1002@192.0.2.99:5062",
                                       .route = "",
                                       .received = received,
                                       .from = {"1001", "confab", ""},
                                       .max_forwards = 70};
    ck_assert_int_eq(session_invite(a.agent, &a.session, &a.target, OFFER_A, kit_handlers(), &a), 0);
    hear(&b, "invited");
    ck_assert_str_eq(b.invitation.target.host, "192.0.2.99");
    ck_assert_int_eq(session_answer(b.session, ANSWER_B), 0);
    hear(&b, "answered");
    hang_up_and_check(&a);
}
END_TEST

/* A wildcard socket: Contact and SDP need the address that the far side can reach. */
START_TEST(wildcard_finds_its_address)
{
    struct sockaddr_storage address;

    kit_start_wildcard();
    call_establish("udp");
    session_local_address(b.session, &address);
    ck_assert_uint_eq(((struct sockaddr_in *)&address)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    hang_up_and_check(&a);
    forget(&a);
    forget(&b);
    call_establish("tcp");
    hang_up_and_check(&b);
    kit_stop();
}
END_TEST

/* What still stands when the server goes is told so: BYE, CANCEL, 500. */
START_TEST(stop_ends_what_is_left)
{
    start();
    call_establish("udp");
    kit_stop_side(&a);
    hear(&b, "ended 200\n");
    kit_stop_side(&b);
    loop_free(loop);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session");
    TCase *calls = tcase_create("calls"), *timers = tcase_create("timers"), *own = tcase_create("own");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(calls, start, kit_stop);
    tcase_set_timeout(calls, 60);
    tcase_add_test(calls, call_rings_is_answered_and_ended_by_caller);
    tcase_add_test(calls, call_is_ended_by_callee);
    tcase_add_test(calls, call_over_tcp);
    tcase_add_test(calls, addresses_are_those_of_the_sockets);
    tcase_add_test(calls, reject_reaches_the_caller);
    tcase_add_test(calls, redirect_carries_contact);
    tcase_add_test(calls, cancel_while_ringing);
    tcase_add_test(calls, cancel_at_once_is_held_until_100);
    tcase_add_test(calls, cancel_crossing_200_ends_with_bye);
    tcase_add_test(calls, callee_releases_before_ack);
    tcase_add_test(calls, callee_releases_without_answer);
    tcase_add_test(calls, reinvite_is_answered);
    tcase_add_test(calls, reinvite_refused_keeps_the_call);
    tcase_add_test(calls, glare_is_solved_by_waiting);
    tcase_add_test(calls, second_offer_waits_for_the_first);
    tcase_add_test(calls, bye_while_an_offer_is_open);
    tcase_add_test(calls, offerer_hangs_up_while_its_offer_is_open);
    tcase_add_test(calls, bye_crossing_bye);
    tcase_add_test(calls, digits_by_info);
    tcase_add_test(calls, identity_of_an_anonymous_caller);
    tcase_add_test(calls, diversion_is_written_and_read);
    tcase_add_test(calls, call_to_nowhere_fails);
    tcase_add_test(calls, unknown_host_fails);
    tcase_add_test(calls, nonsense_targets_are_refused);
    tcase_add_test(calls, received_address_overrides_the_uri);
    suite_add_tcase(suite, calls);
    tcase_add_checked_fixture(timers, start_short_timers, kit_stop);
    tcase_set_timeout(timers, 120);
    tcase_add_test(timers, session_timer_is_refreshed);
    tcase_add_test(timers, refused_offers_leave_the_timer_alone);
    suite_add_tcase(suite, timers);
    tcase_set_timeout(own, 60);
    tcase_add_test(own, call_over_ipv6);
    tcase_add_test(own, wildcard_finds_its_address);
    tcase_add_test(own, stop_ends_what_is_left);
    suite_add_tcase(suite, own);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
