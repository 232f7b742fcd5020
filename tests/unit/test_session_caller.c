/*
 * core/sip as the caller of a hand-made peer, and by TCP as its callee: forks, races, lost messages and lost
 * connections. kit_stop() of each case proves that no session, dialog or transaction is left.
 */
#include "tests/unit/sip_kit.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEERS "peer \"loop\" { address = {\"127.0.11.0/24\"} }"

static void start(void)
{
    kit_start(PEERS, "");
    raw_open();
}

static char contact[128];

static const char *call_raw(void)
{
    static char uri[64], invite[16384];

    snprintf(uri, sizeof uri, "sip:raw@127.0.11.9:%u", port);
    snprintf(contact, sizeof contact, "Contact: <%s>\r\n", uri);
    a.target = (struct session_target){.uri = uri,
                                       .route = "",
                                       .received = "",
                                       .from = {"1001", "confab", ""},
                                       .to = {"raw", "confab", ""},
                                       .max_forwards = 5};
    ck_assert_int_eq(session_invite(a.agent, &a.session, &a.target, OFFER_A, kit_handlers(), &a), 0);
    snprintf(invite, sizeof invite, "%s", raw_receive("INVITE"));
    ck_assert_str_eq(raw_header(invite, "Max-Forwards"), "5");
    return invite;
}

/* RFC 3261 §§12.1.2, 13.2.2.4: two forks ring, the second answers, the first answers late: ACK and BYE for
 * that one. */
START_TEST(forks)
{
    const char *invite = call_raw();
    const char *message;

    raw_respond(&a, invite, "180 Ringing", "one", contact, "");
    hear(&a, "progress 180\n");
    raw_respond(&a, invite, "183 Progress", "two", contact, ANSWER_B);
    hear(&a, "progress 183 sdp\n");
    raw_respond(&a, invite, "200 OK", "two", contact, ANSWER_B);
    hear(&a, "answered sdp\n");
    message = raw_receive("ACK");
    ck_assert_msg(strstr(raw_header(message, "To"), "tag=two") != NULL, "%s", message);
    raw_respond(&a, invite, "200 OK", "two", contact, ANSWER_B);
    message = raw_receive("ACK");
    ck_assert_msg(strstr(raw_header(message, "To"), "tag=two") != NULL, "repeated 200: %s", message);
    raw_respond(&a, invite, "200 OK", "one", contact, ANSWER_B);
    message = raw_receive("ACK");
    ck_assert_msg(strstr(raw_header(message, "To"), "tag=one") != NULL, "%s", message);
    message = raw_receive("BYE");
    ck_assert_msg(strstr(raw_header(message, "To"), "tag=one") != NULL, "%s", message);
    raw_respond(&a, message, "200 OK", NULL, "", "");
    ck_assert_ptr_null(strstr(a.heard, "ended"));
    hang_up(&a, NULL);
    message = raw_receive("BYE");
    ck_assert_msg(strstr(raw_header(message, "To"), "tag=two") != NULL, "%s", message);
    raw_respond(&a, message, "200 OK", NULL, "", "");
}
END_TEST

/* RFC 3261 §9.1: no CANCEL before the first provisional response; then at once. */
START_TEST(cancel_waits_for_a_provisional_response)
{
    const char *invite = call_raw();
    const char *cancel;

    hang_up(&a, "SIP;cause=200;text=\"x\"");
    cancel = raw_receive("CANCEL");
    ck_assert_str_eq(cancel, "");
    raw_respond(&a, invite, "100 Trying", NULL, "", "");
    cancel = raw_receive("CANCEL");
    ck_assert_str_eq(raw_header(cancel, "Reason"), "SIP;cause=200;text=\"x\"");
    raw_respond(&a, cancel, "200 OK", "t", "", "");
    raw_respond(&a, invite, "487 Terminated", "t", "", "");
    ck_assert_str_ne(raw_receive("ACK"), "");
    pump(50);
    ck_assert_uint_eq(stats_of(&a).sessions, 0);
}
END_TEST

/* RFC 3261 §9.1: the 200 is later than the CANCEL: ACK, then BYE that is repeated until it is answered. */
START_TEST(cancel_crossed_by_200)
{
    const char *invite = call_raw();
    const char *message;

    raw_respond(&a, invite, "180 Ringing", "t", contact, "");
    hear(&a, "progress 180\n");
    hang_up(&a, NULL);
    message = raw_receive("CANCEL");
    raw_respond(&a, message, "200 OK", "t", "", "");
    raw_respond(&a, invite, "200 OK", "t", contact, ANSWER_B);
    ck_assert_str_ne(raw_receive("ACK"), "");
    ck_assert_str_ne(raw_receive("BYE"), "");
    message = raw_receive("BYE");
    ck_assert_str_ne(message, "");
    raw_respond(&a, message, "200 OK", NULL, "", "");
    pump(50);
    ck_assert_uint_eq(stats_of(&a).sessions, 0);
}
END_TEST

/* A far side that rings and then answers neither INVITE nor CANCEL. */
START_TEST(cancel_is_never_answered)
{
    const char *invite = call_raw();

    raw_respond(&a, invite, "180 Ringing", "t", contact, "");
    hear(&a, "progress 180\n");
    hang_up(&a, NULL);
    pass_time(40);
    ck_assert_uint_eq(stats_of(&a).sessions, 0);
}
END_TEST

/* RFC 3261 §16.6, timer C: who rings for more than three minutes without a word is given up. */
START_TEST(endless_ringing_is_given_up)
{
    const char *invite = call_raw();

    raw_respond(&a, invite, "180 Ringing", "t", contact, "");
    hear(&a, "progress 180\n");
    pass_time(190);
    ck_assert_str_ne(raw_receive("CANCEL"), "");
    pass_time(40);
    hear(&a, "failed 408\n");
}
END_TEST

/* RFC 4028 §7.3 */
START_TEST(invite_is_repeated_after_422)
{
    const char *invite = call_raw();
    unsigned long first = strtoul(raw_header(invite, "CSeq"), NULL, 10);
    char call_id[256];

    snprintf(call_id, sizeof call_id, "%s", raw_header(invite, "Call-ID"));
    raw_respond(&a, invite, "422 Too Small", "t", "Min-SE: 3600\r\n", "");
    invite = raw_receive("INVITE");
    ck_assert_str_eq(raw_header(invite, "Session-Expires"), "3600");
    ck_assert_str_eq(raw_header(invite, "Min-SE"), "3600");
    ck_assert_str_eq(raw_header(invite, "Call-ID"), call_id);
    ck_assert_uint_eq(strtoul(raw_header(invite, "CSeq"), NULL, 10), first + 1);
    raw_respond(&a, invite, "422 Too Small", "t", "Min-SE: 10\r\n", "");
    hear(&a, "failed 422\n");
}
END_TEST

/* Every byte of a response turned into something else: no call is ended or answered by it, and nothing
 * breaks. */
START_TEST(mutilated_responses)
{
    static const char junk[] = {'\0', '\r', '"', '<', ';', ',', '%', ':', (char)0xff};
    const char *invite = call_raw();
    char good[4096], bad[4096];
    size_t length;

    length = (size_t)snprintf(
        good, sizeof good,
        "SIP/2.0 183 Progress\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=x\r\nCall-ID: %s\r\nCSeq: %s\r\n"
        "%sRecord-Route: <sip:127.0.11.9;lr>\r\nRequire: x\r\nRSeq: 1\r\nAllow: UPDATE\r\n"
        "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n",
        raw_header(invite, "Via"), raw_header(invite, "From"), raw_header(invite, "To"),
        raw_header(invite, "Call-ID"), raw_header(invite, "CSeq"), contact);
    for (size_t i = strlen("SIP/2.0 183"); i < length; i++) {
        memcpy(bad, good, length);
        bad[i] = junk[i % sizeof junk];
        raw_send_bytes(&a, bad, length);
        raw_send_bytes(&a, good, i);
        loop_step(loop, 1);
        forget(&a);
    }
    raw_respond(&a, invite, "486 Busy Here", "t", "", "");
    hear(&a, "failed 486\n");
}
END_TEST

START_TEST(failures_are_told)
{
    static const char *const statuses[] = {"401 Unauthorized", "404 Not Found", "486 Busy Here", "503 No",
                                           "603 Decline"};
    char heard[32];

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        const char *invite = call_raw();

        raw_respond(&a, invite, statuses[i], "t", "", "");
        snprintf(heard, sizeof heard, "failed %.3s\n", statuses[i]);
        hear(&a, heard);
        ck_assert_str_eq(a.reason, statuses[i] + 4);
        ck_assert_str_ne(raw_receive("ACK"), "");
    }
}
END_TEST

/* A 200 to nobody: without Contact the dialog has no far end. */
START_TEST(answer_without_contact_ends)
{
    const char *invite = call_raw();
    const char *message;

    raw_respond(&a, invite, "200 OK", "t", "", ANSWER_B);
    hear(&a, "ended 500\n");
    ck_assert_str_ne(raw_receive("ACK"), "");
    message = raw_receive("BYE");
    raw_respond(&a, message, "200 OK", NULL, "", "");
}
END_TEST

/* RFC 3261 §12.2.1.2, RFC 5057: 481 to a re-INVITE, or none at all, ends the dialog. */
START_TEST(lost_dialog_ends)
{
    const char *message = call_raw();

    raw_respond(&a, message, "200 OK", "t", contact, ANSWER_B);
    hear(&a, "answered sdp\n");
    ck_assert_str_ne(raw_receive("ACK"), "");
    ck_assert_int_eq(session_reoffer(a.session, OFFER_HOLD), 0);
    message = raw_receive("INVITE");
    raw_respond(&a, message, "481 No Call", NULL, "", "");
    hear(&a, "ended 481\n");
    forget(&a);
    message = call_raw();
    raw_respond(&a, message, "200 OK", "t", contact, ANSWER_B);
    hear(&a, "answered sdp\n");
    ck_assert_int_eq(session_reoffer(a.session, OFFER_HOLD), 0);
    pass_time(34);
    hear(&a, "ended 408\n");
}
END_TEST

/* -- TCP ------------------------------------------------------------------------------------------------- */

static int stream_open(struct side *to)
{
    struct sockaddr_in local = {.sin_family = AF_INET},
                       remote = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, "127.0.11.9", &local.sin_addr);
    inet_pton(AF_INET, to == &a ? "127.0.11.1" : "127.0.11.2", &remote.sin_addr);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, sizeof local), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&remote, sizeof remote), 0);
    return fd;
}

static void stream_invite(int fd)
{
    char text[2048];
    int n = snprintf(
        text, sizeof text,
        "INVITE " URI " SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.11.9:9;branch=z9hG4bKtcp\r\n"
        "From: <sip:raw@127.0.11.9>;tag=raw\r\nTo: <sip:1002@confab>\r\nCall-ID: tcp-%u\r\nCSeq: 1 INVITE\r\n"
        "Contact: <sip:raw@127.0.11.9:9;transport=tcp>\r\nContent-Type: application/sdp\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        port, strlen(OFFER_A), OFFER_A);

    ck_assert_int_eq(write(fd, text, (size_t)n), n);
    hear(&b, "invited");
}

/* The connection goes before the 200: nobody can be reached any more, and the call ends by itself. */
START_TEST(connection_lost_before_the_answer)
{
    int fd = stream_open(&b);

    stream_invite(fd);
    close(fd);
    pump(50);
    ck_assert_int_eq(session_answer(b.session, ANSWER_B), 0);
    pass_time(45);
    hear(&b, "ended 408\n");
}
END_TEST

START_TEST(connection_lost_while_ringing_and_rejected)
{
    int fd = stream_open(&b);

    stream_invite(fd);
    ck_assert_int_eq(session_ring(b.session, 180, NULL), 0);
    close(fd);
    pump(50);
    session_reject(b.session, 486, NULL, NULL, 0);
    hang_up(&b, NULL);
}
END_TEST

static void stream_expect(int fd, const char *text)
{
    char got[16384];
    ssize_t n = -1;

    for (int i = 0; i < 200 && n < 0; i++) {
        pump(5);
        n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
    }
    ck_assert_int_gt(n, 0);
    got[n] = '\0';
    ck_assert_msg(strstr(got, text) != NULL, "%s", got);
}

/* A phone that registered by TCP is called by the connection that it opened: nothing listens on its side. */
START_TEST(registered_connection_is_used)
{
    static const char options[] =
        "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 192.168.7.7;branch=z9hG4bKo\r\n"
        "From: <sip:raw@x>;tag=raw\r\nTo: <sip:x>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n";
    struct sockaddr_in local;
    char received[64];
    int fd = stream_open(&a);

    ck_assert_int_gt(send(fd, options, strlen(options), MSG_NOSIGNAL), 0);
    stream_expect(fd, "SIP/2.0 200");
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&local, &(socklen_t){sizeof local}), 0);
    snprintf(received, sizeof received, "tcp:127.0.11.9:%u", ntohs(local.sin_port));
    a.target = (struct session_target){.uri = "sip:1001@192.168.7.7:5060;transport=tcp",
                                       .route = "",
                                       .received = received,
                                       .from = {"1002", "confab", ""},
                                       .max_forwards = 70};
    ck_assert_int_eq(session_invite(a.agent, &a.session, &a.target, OFFER_A, kit_handlers(), &a), 0);
    stream_expect(fd, "INVITE sip:1001@192.168.7.7:5060;transport=tcp SIP/2.0");
    close(fd);
    hear(&a, "failed 503\n");
}
END_TEST

/* What is no SIP, and messages without end, close the connection, not the server. */
START_TEST(streams_of_junk)
{
    static const char endless[] = "INVITE sip:x SIP/2.0\r\nContent-Length: 999999999\r\n\r\n";
    static char junk[100000];
    int fd = stream_open(&b);

    memset(junk, 'x', sizeof junk);
    ck_assert_int_gt(send(fd, junk, sizeof junk, MSG_DONTWAIT | MSG_NOSIGNAL), 0);
    pump(50);
    close(fd);
    fd = stream_open(&b);
    ck_assert_int_gt(send(fd, endless, strlen(endless), MSG_NOSIGNAL), 0);
    pump(50);
    close(fd);
    pump(50);
    call_establish("tcp");
    hang_up_and_check(&a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session as caller");
    TCase *cases = tcase_create("calls");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(cases, start, kit_stop);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, forks);
    tcase_add_test(cases, cancel_waits_for_a_provisional_response);
    tcase_add_test(cases, cancel_crossed_by_200);
    tcase_add_test(cases, cancel_is_never_answered);
    tcase_add_test(cases, endless_ringing_is_given_up);
    tcase_add_test(cases, invite_is_repeated_after_422);
    tcase_add_test(cases, failures_are_told);
    tcase_add_test(cases, mutilated_responses);
    tcase_add_test(cases, answer_without_contact_ends);
    tcase_add_test(cases, lost_dialog_ends);
    tcase_add_test(cases, connection_lost_before_the_answer);
    tcase_add_test(cases, connection_lost_while_ringing_and_rejected);
    tcase_add_test(cases, registered_connection_is_used);
    tcase_add_test(cases, streams_of_junk);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
