/*
 * core/sip against SIP written by hand: what a peer sends within a dialog, and when it falls silent.
 * kit_stop() of each case proves that no session, dialog or transaction is left.
 */
#include "tests/unit/sip_kit.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void start(void)
{
    kit_start("peer \"loop\" { address = {\"127.0.11.0/24\"} }", "");
    raw_open();
}

static void start_trunk(void)
{
    kit_start("peer \"trunk\" { address = {\"127.0.11.9\"} user = \"u\" password = \"p\" }", "");
    raw_open();
}

/* -- dialogs as callee ----------------------------------------------------------------------------------- */

static char tag[128]; /* B's, of the dialog with the raw peer */

static void raw_call(const char *extra)
{
    const char *message;

    raw_request(&b, "INVITE", URI, 1, "call", "", extra, OFFER_A);
    hear(&b, "invited");
    ck_assert_int_eq(session_answer(b.session, ANSWER_B), 0);
    message = raw_receive("SIP/2.0 200");
    snprintf(tag, sizeof tag, "%s", to_tag_of(message));
}

static void raw_acknowledge(unsigned cseq, const char *body)
{
    raw_request(&b, "ACK", URI, cseq, "ack", tag, "", body);
}

static void raw_call_up(const char *extra)
{
    raw_call(extra);
    raw_acknowledge(1, "");
    hear(&b, "answered\n");
    forget(&b);
}

static void raw_bye(unsigned cseq)
{
    const char *message;

    raw_request(&b, "BYE", URI, cseq, "bye", tag, "", "");
    do
        message = raw_receive("SIP/2.0 200"); /* of the INVITE, too, if it was repeated */
    while (*message && !strstr(raw_header(message, "CSeq"), "BYE"));
    ck_assert_str_ne(message, "");
}

/* RFC 3261 §13.3.1.4: the 200 is repeated until the ACK; without any, BYE. */
START_TEST(lost_ack_ends_the_call)
{
    const char *message;

    raw_call("");
    message = raw_receive("SIP/2.0 200");
    ck_assert_msg(*message, "200 was not repeated");
    pass_time(33);
    hear(&b, "ended 408\n");
    message = raw_receive("BYE");
    ck_assert_str_ne(message, "");
    raw_respond(&b, message, "200 OK", NULL, "", "");
}
END_TEST

/* RFC 3261 §13.2.2.4: a late ACK counts; a repeated one does no harm. */
START_TEST(late_and_repeated_ack)
{
    raw_call("");
    pass_time(10);
    raw_acknowledge(1, "");
    hear(&b, "answered\n");
    forget(&b);
    raw_acknowledge(1, "");
    pump(50);
    ck_assert_str_eq(b.heard, "");
    raw_bye(2);
    hear(&b, "ended 200\n");
}
END_TEST

/* RFC 3261 §12.2.2: CSeq may not go back. */
START_TEST(old_cseq_gets_500)
{
    raw_call_up("");
    raw_request(&b, "INFO", URI, 10, "i1", tag, "", "");
    expect_status("200", "CSeq", "INFO");
    raw_request(&b, "INFO", URI, 9, "i2", tag, "", "");
    expect_status("500", NULL, NULL);
    raw_bye(11);
    hear(&b, "ended 200\n");
}
END_TEST

/* RFC 3261 §12.1.1: requests of the callee follow the Record-Route and the Contact, also after a target
 * refresh. */
START_TEST(record_route_and_target_refresh)
{
    char route[128];
    const char *message;

    snprintf(route, sizeof route, "Record-Route: <sip:127.0.11.9:%u;lr>\r\n", port);
    raw_call_up(route);
    raw_send(&b,
             "UPDATE " URI " SIP/2.0\r\n%sContact: <sip:moved@192.0.2.5:5099>\r\nContent-Length: 0\r\n\r\n",
             raw_headers("UPDATE", 2, "u", tag));
    expect_status("200", "CSeq", "UPDATE");
    hang_up(&b, "SIP;cause=200");
    message = raw_receive("BYE");
    ck_assert_msg(strncmp(message, "BYE sip:moved@192.0.2.5:5099 ", 29) == 0, "%s", message);
    ck_assert_msg(strstr(raw_header(message, "Route"), "127.0.11.9") != NULL, "%s", message);
    ck_assert_str_eq(raw_header(message, "Reason"), "SIP;cause=200");
    raw_respond(&b, message, "200 OK", NULL, "", "");
}
END_TEST

/* RFC 3261 §13.2.1: an INVITE without offer gets ours in the 200, and its answer comes in the ACK. */
START_TEST(delayed_offer)
{
    const char *message;

    raw_request(&b, "INVITE", URI, 1, "call", "", "", "");
    hear(&b, "invited");
    ck_assert_str_eq(b.offer, "");
    ck_assert_int_eq(session_answer(b.session, OFFER_A), 0);
    message = raw_receive("SIP/2.0 200");
    snprintf(tag, sizeof tag, "%s", to_tag_of(message));
    raw_acknowledge(1, ANSWER_B);
    hear(&b, "answered sdp\n");
    ck_assert_str_eq(b.sdp, ANSWER_B);
    forget(&b);
    raw_request(&b, "INVITE", URI, 2, "re", tag, "", "");
    hear(&b, "offered\n");
    ck_assert_int_eq(session_reanswer(b.session, 200, OFFER_A), 0);
    expect_status("200", "CSeq", "2 INVITE");
    raw_acknowledge(2, ANSWER_B);
    hear(&b, "reanswered 200 sdp\n");
    forget(&b);
    raw_request(&b, "INVITE", URI, 3, "re2", tag, "", "");
    hear(&b, "offered\n");
    ck_assert_int_eq(session_reanswer(b.session, 200, OFFER_A), 0);
    expect_status("200", "CSeq", "3 INVITE");
    raw_acknowledge(3, "");
    hear(&b, "reanswered 488\n");
    raw_bye(4);
    hear(&b, "ended 200\n");
}
END_TEST

/* RFC 3261 §14.2 and RFC 3311 §5.2: an offer before the one before it is done. */
START_TEST(second_offer_of_the_far_side_gets_500)
{
    raw_call_up("");
    raw_request(&b, "INVITE", URI, 2, "o1", tag, "", OFFER_HOLD);
    hear(&b, "offered sdp\n");
    raw_request(&b, "UPDATE", URI, 3, "o2", tag, "", OFFER_A);
    expect_status("500", "Retry-After", "");
    ck_assert_int_eq(session_reanswer(b.session, 200, ANSWER_B), 0);
    expect_status("200", "CSeq", "2 INVITE");
    raw_acknowledge(2, "");
    pump(50);
    forget(&b);
    raw_request(&b, "UPDATE", URI, 4, "o3", tag, "", OFFER_A);
    hear(&b, "offered sdp\n");
    ck_assert_int_eq(session_reanswer(b.session, 200, ANSWER_B), 0);
    expect_status("200", "CSeq", "4 UPDATE");
    raw_bye(5);
    hear(&b, "ended 200\n");
}
END_TEST

/* RFC 3261 §9.2: a re-INVITE may be cancelled; the call goes on. */
START_TEST(cancelled_reinvite_keeps_the_call)
{
    raw_call_up("");
    raw_request(&b, "INVITE", URI, 2, "re", tag, "", OFFER_HOLD);
    hear(&b, "offered sdp\n");
    raw_request(&b, "CANCEL", URI, 2, "re", tag, "", "");
    expect_status("487", NULL, NULL);
    ck_assert_int_eq(session_reanswer(b.session, 200, ANSWER_B), EINVAL);
    raw_request(&b, "INVITE", URI, 3, "re2", tag, "", OFFER_A);
    pump(50);
    ck_assert_int_eq(session_reanswer(b.session, 488, NULL), 0);
    expect_status("488", NULL, NULL);
    raw_bye(4);
    hear(&b, "ended 200\n");
}
END_TEST

START_TEST(requests_in_a_dialog)
{
    raw_call_up("");
    raw_request(&b, "OPTIONS", URI, 2, "d1", tag, "", "");
    expect_status("200", "Allow", "UPDATE");
    raw_request(&b, "PUBLISH", URI, 3, "d2", tag, "Event: presence\r\n", "");
    expect_status("405", "Allow", "BYE");
    raw_request(&b, "NOTIFY", URI, 4, "d3", tag, "Event: x\r\nSubscription-State: active\r\n", "");
    expect_status("481", NULL, NULL);
    raw_send(&b,
             "INFO " URI " SIP/2.0\r\n%sContent-Type: application/dtmf-relay\r\nContent-Length: 24\r\n\r\n"
             "Signal=*\r\nDuration=80\r\n\r\n",
             raw_headers("INFO", 5, "d4", tag));
    expect_status("200", "CSeq", "5 INFO");
    hear(&b, "digit * 80\n");
    raw_send(&b, "INFO " URI " SIP/2.0\r\n%sContent-Type: application/dtmf\r\nContent-Length: 2\r\n\r\n11",
             raw_headers("INFO", 6, "d5", tag));
    expect_status("200", "CSeq", "6 INFO");
    hear(&b, "digit # 160\n");
    raw_send(&b, "INFO " URI " SIP/2.0\r\n%sContent-Type: text/x\r\nContent-Length: 1\r\n\r\nx",
             raw_headers("INFO", 7, "d6", tag));
    expect_status("415", NULL, NULL);
    raw_bye(8);
    hear(&b, "ended 200\n");
}
END_TEST

/* RFC 4028 §9: too short an interval. */
START_TEST(short_session_timer_gets_422)
{
    raw_request(&b, "INVITE", URI, 1, "1", "", "Supported: timer\r\nSession-Expires: 60\r\n", OFFER_A);
    expect_status("422", "Min-SE", "90");
    ck_assert_str_eq(b.heard, "");
}
END_TEST

/* RFC 4028 §10: a refresher who falls silent loses the call. */
START_TEST(unrefreshed_session_ends)
{
    const char *message;

    raw_call_up("Supported: timer\r\nSession-Expires: 120;refresher=uac\r\n");
    pass_time(91);
    hear(&b, "ended 408\n");
    message = raw_receive("BYE");
    ck_assert_msg(strstr(raw_header(message, "Reason"), "cause=408") != NULL, "%s", message);
    raw_respond(&b, message, "200 OK", NULL, "", "");
}
END_TEST

/* RFC 4028 §7.2: refreshed by UPDATE where Allow has it, by re-INVITE with the same SDP where not; 481 ends
 * it. */
START_TEST(refresh_by_update_and_by_reinvite)
{
    char answer[1024];
    const char *message;

    raw_call_up(
        "Allow: INVITE, ACK, BYE, UPDATE\r\nSupported: timer\r\nSession-Expires: 100;refresher=uas\r\n");
    pass_time(51);
    message = raw_receive("UPDATE");
    ck_assert_str_eq(raw_header(message, "Session-Expires"), "100;refresher=uac");
    raw_respond(&b, message, "405 No", NULL, "Allow: INVITE, ACK, BYE\r\n", "");
    message = raw_receive("INVITE");
    ck_assert_msg(strstr(message, ANSWER_B) != NULL, "%s", message);
    snprintf(answer, sizeof answer, "Contact: <sip:raw@127.0.11.9:%u>\r\n", port);
    raw_respond(&b, message, "200 OK", NULL, answer, OFFER_A);
    ck_assert_str_ne(raw_receive("ACK"), "");
    ck_assert_str_eq(b.heard, "");
    pass_time(50);
    message = raw_receive("INVITE");
    ck_assert_str_ne(message, "");
    raw_respond(&b, message, "481 Gone", NULL, "", "");
    hear(&b, "ended 481\n");
    message = raw_receive("BYE");
    raw_respond(&b, message, "481 Gone", NULL, "", "");
}
END_TEST

/* RFC 3261 §22.2: a refresh that is challenged goes again with credentials, and the next one has them at
 * once. */
START_TEST(challenged_refresh_is_sent_again)
{
    const char *message;

    raw_call_up(
        "Allow: INVITE, ACK, BYE, UPDATE\r\nSupported: timer\r\nSession-Expires: 100;refresher=uas\r\n");
    pass_time(51);
    message = raw_receive("UPDATE");
    ck_assert_ptr_null(strstr(message, "Authorization"));
    raw_respond(&b, message, "407 Who", NULL,
                "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"\r\n", "");
    message = raw_receive("UPDATE");
    while (*message && !strstr(message, "nonce=\"n1\""))
        message = raw_receive("UPDATE"); /* the first may have been repeated */
    ck_assert_str_eq(raw_header(message, "Session-Expires"), "100;refresher=uac");
    raw_respond(&b, message, "200 OK", NULL, "Supported: timer\r\nSession-Expires: 100;refresher=uac\r\n",
                "");
    pass_time(51);
    message = raw_receive("UPDATE");
    while (*message && !strstr(message, "nc=00000002"))
        message = raw_receive("UPDATE");
    ck_assert_str_ne(message, "");
    raw_respond(&b, message, "200 OK", NULL, "Supported: timer\r\nSession-Expires: 100;refresher=uac\r\n",
                "");
    ck_assert_str_eq(b.heard, "");
    raw_bye(2);
    hear(&b, "ended 200\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session dialogs");
    TCase *dialogs = tcase_create("dialogs"), *trunk = tcase_create("trunk");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(dialogs, start, kit_stop);
    tcase_add_checked_fixture(trunk, start_trunk, kit_stop);
    tcase_set_timeout(dialogs, 120);
    tcase_set_timeout(trunk, 120);
    tcase_add_test(dialogs, lost_ack_ends_the_call);
    tcase_add_test(dialogs, late_and_repeated_ack);
    tcase_add_test(dialogs, old_cseq_gets_500);
    tcase_add_test(dialogs, record_route_and_target_refresh);
    tcase_add_test(dialogs, delayed_offer);
    tcase_add_test(dialogs, second_offer_of_the_far_side_gets_500);
    tcase_add_test(dialogs, cancelled_reinvite_keeps_the_call);
    tcase_add_test(dialogs, requests_in_a_dialog);
    tcase_add_test(dialogs, short_session_timer_gets_422);
    tcase_add_test(dialogs, unrefreshed_session_ends);
    tcase_add_test(dialogs, refresh_by_update_and_by_reinvite);
    tcase_add_test(trunk, challenged_refresh_is_sent_again);
    suite_add_tcase(suite, dialogs);
    suite_add_tcase(suite, trunk);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
