/*
 * core/sip against SIP written by hand: what a well-meaning or an ill-meaning peer may send, forks, lost
 * messages. kit_stop() of each case proves that no session, dialog or transaction is left.
 */
#include "tests/unit/sip_kit.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PEERS "peer \"loop\" { address = {\"127.0.11.0/24\"} }"
#define STRANGERS "peer \"other\" { address = {\"127.0.12.1\"} }"

static void start(void)
{
    kit_start(PEERS, "");
    raw_open();
}

static void start_strangers(void)
{
    kit_start(STRANGERS, "");
    raw_open();
}

/* -- requests out of the blue ---------------------------------------------------------------------------- */

static void raw_acknowledge_failure(const char *branch, const char *response)
{
    raw_send(&b, "ACK " URI " SIP/2.0\r\n%sContent-Length: 0\r\n\r\n",
             raw_headers("ACK", 1, branch, to_tag_of(response)));
}

/* RFC 3261 §11 */
START_TEST(options_tell_what_we_can)
{
    raw_request(&b, "OPTIONS", "sip:127.0.11.2", 1, "1", "", "Accept: application/sdp\r\n", "");
    expect_status("200", "Allow", "INVITE");
}
END_TEST

/* RFC 3261 §8.2.1 */
START_TEST(unknown_methods_get_405)
{
    static const char *const methods[] = {"PUBLISH", "MESSAGE", "NOTIFY", "FNORD", "INVITE2"};

    for (unsigned i = 0; i < sizeof methods / sizeof *methods; i++) {
        raw_request(&b, methods[i], URI, i + 1, methods[i], "", "", "");
        expect_status("405", "Allow", "BYE");
    }
}
END_TEST

/* RFC 3261 §8.2.2.3 */
START_TEST(unknown_requirements_get_420)
{
    raw_request(&b, "INVITE", URI, 1, "1", "", "Require: timer, fnord, 100rel\r\n", OFFER_A);
    expect_status("420", "Unsupported", "fnord");
    ck_assert_str_eq(b.heard, "");
}
END_TEST

/* RFC 3261 §8.2.3 */
START_TEST(unknown_bodies_get_415)
{
    raw_send(&b,
             "INVITE " URI
             " SIP/2.0\r\n%sContact: <sip:raw@127.0.11.9>\r\nContent-Type: multipart/mixed;boundary=x\r\n"
             "Content-Length: 0004\r\n\r\n--x\n",
             raw_headers("INVITE", 1, "1", ""));
    expect_status("415", "Accept", "application/sdp");
}
END_TEST

/* RFC 3261 §§16.3, 8.2.2.1, 12.2.2, 9.2: each wrong request gets its own answer, and none reaches an owner.
 */
START_TEST(wrong_requests_are_answered)
{
    char headers[1024];

    raw_request(&b, "INVITE", "tel:+4930123", 1, "a", "", "", OFFER_A);
    expect_status("416", NULL, NULL);
    raw_request(&b, "INVITE", "sip:1@127.0.11.2?Subject=x", 2, "b", "", "", OFFER_A);
    expect_status("400", NULL, NULL);
    raw_request(&b, "INVITE", URI, 3, "c", "unknown-tag", "", OFFER_A);
    expect_status("481", NULL, NULL);
    raw_request(&b, "BYE", URI, 4, "d", "unknown-tag", "", "");
    expect_status("481", NULL, NULL);
    raw_request(&b, "CANCEL", URI, 5, "e", "", "", "");
    expect_status("481", NULL, NULL);
    snprintf(headers, sizeof headers, "%s", raw_headers("INVITE", 6, "f", ""));
    memcpy(strstr(headers, "Max-Forwards: 70"), "Max-Forwards: 00", 16);
    raw_send(&b, "INVITE " URI " SIP/2.0\r\n%sContact: <sip:raw@127.0.11.9>\r\nContent-Length: 0\r\n\r\n",
             headers);
    expect_status("483", NULL, NULL);
    raw_send(&b, "INVITE " URI " SIP/2.0\r\n%sContent-Length: 0\r\n\r\n", raw_headers("INVITE", 7, "g", ""));
    expect_status("400", NULL, NULL);
    raw_request(&b, "INVITE",
                "sip:123456789012345678901234567890123456789012345678901234567890123456789@127.0.11.2", 8,
                "h", "", "", OFFER_A);
    expect_status("414", NULL, NULL);
    ck_assert_str_eq(b.heard, "");
}
END_TEST

/* RFC 3261 §8.2.2.2: the same request by two ways. */
START_TEST(merged_requests_get_482)
{
    raw_request(&b, "INVITE", URI, 1, "one", "", "", OFFER_A);
    hear(&b, "invited");
    raw_request(&b, "INVITE", URI, 1, "two", "", "", OFFER_A);
    expect_status("482", NULL, NULL);
    session_reject(b.session, 404, NULL, NULL, 0);
    expect_status("404", NULL, NULL);
    hang_up(&b, NULL);
}
END_TEST

START_TEST(register_and_subscribe_go_their_way)
{
    raw_request(&b, "REGISTER", "sip:confab", 1, "1", "", "", "");
    expect_status("299", NULL, NULL);
    raw_request(&b, "SUBSCRIBE", URI, 2, "2", "", "Event: message-summary\r\n", "");
    expect_status("298", NULL, NULL);
}
END_TEST

/* RFC 3261 §21.5.4: overload and draining say when to come back. */
START_TEST(refused_calls_get_503_with_retry_after)
{
    b.wait_s = 7;
    raw_request(&b, "INVITE", URI, 1, "1", "", "", OFFER_A);
    expect_status("503", "Retry-After", "7");
    b.wait_s = 0;
    agent_drain(b.agent);
    raw_request(&b, "OPTIONS", URI, 2, "2", "", "", "");
    expect_status("503", "Retry-After", "");
    ck_assert_uint_eq(stats_of(&b).refused, 2);
}
END_TEST

static const char *const ugly[] = {
    "",
    "\r\n\r\n",
    "\r\n",
    "\xff\xfe\x00\x01",
    "INVITE",
    "INVITE sip:x SIP/2.0",
    "INVITE sip:x SIP/2.0\r\n\r\n",
    "INVITE sip:x SIP/7.0\r\nVia: SIP/2.0/UDP 127.0.11.9\r\n\r\n",
    "INVITE <sip:x> SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK1\r\nFrom: x\r\nTo: "
    "y\r\nCall-ID: 1\r\n"
    "CSeq: 1 INVITE\r\n\r\n",
    "INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK2\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:c@d>\r\nCall-ID: 2\r\nCSeq: 99999999999999 INVITE\r\n\r\n",
    "INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK3\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:c@d>\r\nCall-ID: 3\r\nCSeq: 1 BYE\r\n\r\n",
    "INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK4\r\nFrom: <sip:a@b\r\nTo: "
    "sip:c@d>\r\n"
    "Call-ID: 4\r\nCSeq: 1 INVITE\r\n\r\n",
    "INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK5\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:c@d>\r\nCall-ID: 5\r\nCSeq: 1 INVITE\r\nContact: *\r\n\r\n",
    "INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK6\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:c@d>\r\nCall-ID: 6\r\nCSeq: 1 INVITE\r\nContact: <sip:@:99999>\r\nContent-Length: "
    "99999\r\n\r\nx",
    "INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK7\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:c@d>\r\nCall-ID: 7\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\nContent-Length: -5\r\n\r\nx",
    "INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.11.9;branch=z9hG4bK8\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:c@d>\r\nCall-ID: 8\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\n\r\n",
    "INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP ;;,;,,\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
    "<sip:c@d>\r\nCall-ID: 9\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:a@b>\r\n\r\n",
    "INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP [::g]:0;branch=z9hG4bK10;rport=abc;received=\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 10\r\nCSeq: 1 INVITE\r\nContact: "
    "<sip:a@b>\r\n\r\n",
    "INVITE sip:%00%0d%0a@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK11\r\n"
    "From: \"\\\" <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 11\r\nCSeq: 1 INVITE\r\nContact: "
    "<sip:a@b>\r\n\r\n",
    "INVITE sip:%41%0A@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK12\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 12\r\nCSeq: 1 INVITE\r\nContact: "
    "<sip:a@b>\r\n\r\n",
    "BYE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK13\r\nFrom: <sip:a@b>\r\nTo: "
    "<sip:c@d>\r\n"
    "Call-ID: 13\r\nCSeq: 1 BYE\r\n\r\n",
    "ACK sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK14\r\nFrom: <sip:a@b>\r\nTo: "
    "<sip:c@d>\r\n"
    "Call-ID: 14\r\nCSeq: 1 ACK\r\n\r\n",
    "PRACK sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK15\r\nFrom: <sip:a@b>\r\nTo: "
    "<sip:c@d>\r\n"
    "Call-ID: 15\r\nCSeq: 1 PRACK\r\nRAck: 1 1 INVITE\r\n\r\n",
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.11.2;branch=z9hG4bK16\r\nFrom: <sip:a@b>\r\nTo: "
    "<sip:c@d>\r\n"
    "Call-ID: 16\r\nCSeq: 1 INVITE\r\n\r\n",
    "SIP/2.0 4294967301 better than OK\r\nVia: SIP/2.0/UDP 127.0.11.2\r\nCSeq: 1 INVITE\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    /* RFC 4475 §3.1.1.1: ugly, but right. */
    "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\nTO :\r\n "
    "sip:vivekg@chair-dnrc.example.com ;"
    "   tag    =\r\nfrom   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = "
    "98asjd8\r\n"
    "MaX-fOrWaRdS: 0068\r\nCall-ID: wsinv.ndaksdj@192.0.2.1\r\nContent-Length   : 0\r\ncseq: 0009\r\n  "
    "INVITE\r\n"
    "Via  : SIP  /   2.0\r\n /UDP\r\n    127.0.11.9;branch=390skdjuw\r\ns :\r\n"
    "NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
    "m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ;\r\n  "
    "secondparam ; q = 0.33\r\n\r\n",
    /* RFC 4475 §3.1.1.2, in part: every unreserved character. */
    "INVITE "
    "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    "@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK-.!%66*_+`'~\r\n"
    "To: \"BEL:\\\x07 NUL:\\\x01 DEL:\\\x7F\" <sip:1_unusual.URI~@example.com>\r\n"
    "From: token1~` token2'+_ token3*%!.- "
    "<sip:mundane@example.com>;fromParam''~+*_!.-%=\"x\";tag=_token~1'+`*%!-.\r\n"
    "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\r\nCSeq: 139122385 INVITE\r\n"
    "Contact: <sip:a@b>\r\nContent-Length: 0\r\n\r\n",
    "INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK17\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:c@d>\r\nCall-ID: 17\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\nSession-Expires: "
    "-1;refresher=x\r\n"
    "Min-SE: zzz\r\nP-Asserted-Identity: ,,,<<>>\"\r\nDiversion: <sip:>;reason\r\n"
    "History-Info: <?>,,;index=\r\nPrivacy: ;;;\r\nReason: ;\r\n\r\n",
    "INVITE sip:1@x;target=sip%3a;cause=x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK18\r\n"
    "From: <tel:123>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 18\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\n"
    "Record-Route: <sip:>\r\nRoute: <sip:,>\r\nDiversion: \r\nHistory-Info: %\r\n\r\n",
    "INVITE sip:1@x;target=%;cause=x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9;branch=z9hG4bK19\r\n"
    "From: <sip:123>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 19\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\n"
    "Content-Type: \r\nContent-Encoding: \r\nContent-Length: 1\r\n\r\nx",
};

/* RFC 4475 and worse: nothing of it may end the process, and the next call works. */
START_TEST(torture)
{
    unsigned answered = 0;

    for (size_t i = 0; i < sizeof ugly / sizeof *ugly; i++) {
        raw_send_bytes(&b, ugly[i], i == 3 ? 4 : strlen(ugly[i]));
        pump(20);
        if (b.session) {
            session_reject(b.session, 404, NULL, NULL, 0);
            hang_up(&b, NULL);
            answered++;
        }
    }
    pump(100);
    ck_assert_uint_gt(answered, 0); /* some are odd and yet calls */
    forget(&b);
    call_establish("udp");
    hang_up_and_check(&a);
}
END_TEST

/* Every prefix of a good INVITE, and every byte of it turned into something else. */
START_TEST(mutilated_invites)
{
    static const char junk[] = {'\0', '\r', '"', '<', ';', ',', '%', ':', (char)0xff};
    char good[2048], bad[2048];
    size_t length;

    snprintf(good, sizeof good,
             "INVITE " URI " SIP/2.0\r\n%sContact: <sip:raw@127.0.11.9>\r\n"
             "Session-Expires: 1800;refresher=uac\r\nSupported: timer\r\n"
             "P-Asserted-Identity: \"A\" <sip:1@x>, <tel:+1>\r\nDiversion: <sip:2@x>;reason=no-answer\r\n"
             "History-Info: <sip:3@x?Reason=SIP%%3Bcause%%3D486>;index=1,<sip:4@x;cause=486>;index=1.1\r\n"
             "Record-Route: <sip:127.0.11.9;lr>\r\n\r\n",
             raw_headers("INVITE", 1, "m", ""));
    length = strlen(good);
    for (size_t i = 0; i < length; i++) {
        raw_send_bytes(&b, good, i);
        memcpy(bad, good, length);
        bad[i] = junk[i % sizeof junk];
        raw_send_bytes(&b, bad, length);
        loop_step(loop, 1);
        loop_step(loop, 0);
        if (b.session) {
            session_reject(b.session, 404, NULL, NULL, 0);
            hang_up(&b, NULL);
        }
    }
    for (int i = 0; i < 20; i++) {
        pump(20);
        if (b.session) {
            session_reject(b.session, 404, NULL, NULL, 0);
            hang_up(&b, NULL);
        }
    }
}
END_TEST

/* -- who may call ---------------------------------------------------------------------------------------- */

/* Neither a peer nor with credentials: challenged, whatever Via and From say. */
START_TEST(strangers_are_challenged)
{
    raw_request(&b, "INVITE", URI, 1, "1", "", "", OFFER_A);
    expect_status("407", "Proxy-Authenticate", "Digest");
    ck_assert_uint_eq(stats_of(&b).challenged, 1);
    ck_assert_str_eq(b.heard, "");
}
END_TEST

#define CREDENTIALS "Proxy-Authorization: Digest username=\"1001\"\r\n"

/* RFC 3261 §22: From must name whom the credentials name. */
START_TEST(from_must_be_the_digest_user)
{
    raw_request(&b, "INVITE", URI, 1, "1", "", CREDENTIALS, OFFER_A);
    expect_status("403", NULL, NULL);
    ck_assert_str_eq(b.heard, "");
}
END_TEST

static void user_invite(const char *contact, const char *extra)
{
    raw_send(&b,
             "INVITE " URI " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9:%u;branch=z9hG4bKu;rport\r\n"
             "From: \"Anna\" <sip:1001@elsewhere>;tag=raw\r\nTo: <sip:1002@confab>\r\nCall-ID: "
             "raw-%u@127.0.11.9\r\n"
             "CSeq: 1 INVITE\r\nContact: %s\r\n" CREDENTIALS "%sContent-Type: application/sdp\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             port, port, contact, extra, strlen(OFFER_A), OFFER_A);
}

/* The user is who his credentials say; the realm is ours; headers of a trust domain (RFC 3325) are not his to
 * write. */
START_TEST(user_is_believed_as_far_as_his_credentials_go)
{
    user_invite("<sip:1001@127.0.11.9>",
                "P-Asserted-Identity: <sip:boss@confab>\r\nDiversion: <sip:9@x>\r\n");
    hear(&b, "invited");
    ck_assert_str_eq(b.user, "1001");
    ck_assert_str_eq(b.peer, "");
    ck_assert_str_eq(b.invitation.from.user, "1001");
    ck_assert_str_eq(b.invitation.from.host, "confab");
    ck_assert_str_eq(b.invitation.from.display, "Anna");
    ck_assert_str_eq(b.invitation.diversions[0].user, "");
    session_reject(b.session, 404, NULL, NULL, 0);
    hang_up(&b, NULL);
}
END_TEST

/* RFC 3325 §9.2: as whom he would like to be shown counts when it is himself. */
START_TEST(preferred_identity_is_of_the_users_own_number)
{
    user_invite(
        "<sip:1001@127.0.11.9>",
        "P-Preferred-Identity: \"Ada\" <sip:1001@x>, \"Boss\" <sip:1002@confab>, <sip:1001@y>, \"\r\n");
    hear(&b, "invited");
    ck_assert_str_eq(b.invitation.from.user, "1001");
    ck_assert_str_eq(b.invitation.from.display, "Anna"); /* what cannot be read is nobody's wish */
    session_reject(b.session, 404, NULL, NULL, 0);
    hang_up(&b, NULL);
}
END_TEST

START_TEST(preferred_identity_names_the_user)
{
    user_invite("<sip:1001@127.0.11.9>",
                "P-Preferred-Identity: \"Ada\" <sip:1001@x>, \"Boss\" <sip:1002@confab>\r\n");
    hear(&b, "invited");
    ck_assert_str_eq(b.invitation.from.user, "1001");
    ck_assert_str_eq(b.invitation.from.host, "confab");
    ck_assert_str_eq(b.invitation.from.display, "Ada");
    session_reject(b.session, 404, NULL, NULL, 0);
    hang_up(&b, NULL);
}
END_TEST

/* A phone behind NAT: its Contact cannot be reached, the BYE goes where the INVITE came from. */
START_TEST(requests_to_a_phone_behind_nat_go_to_its_source)
{
    const char *message;

    user_invite("<sip:1001@192.168.77.77:5062>", "");
    hear(&b, "invited");
    ck_assert_int_eq(session_answer(b.session, ANSWER_B), 0);
    message = raw_receive("SIP/2.0 200");
    raw_send(
        &b,
        "ACK " URI
        " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9:%u;branch=z9hG4bKv\r\nFrom: <sip:1001@elsewhere>;tag=raw\r\n"
        "To: %s\r\nCall-ID: raw-%u@127.0.11.9\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
        port, raw_header(message, "To"), port);
    hear(&b, "answered\n");
    hang_up(&b, NULL);
    message = raw_receive("BYE");
    ck_assert_msg(strncmp(message, "BYE sip:1001@192.168.77.77:5062 ", 32) == 0, "%s", message);
    raw_respond(&b, message, "200 OK", NULL, "", "");
    pump(50);
}
END_TEST

/* CANCEL while the database is asked: 487, and nobody above hears of the call. */
START_TEST(cancel_while_authenticating)
{
    user_invite("<sip:1001@127.0.11.9>", "");
    raw_send(&b,
             "CANCEL " URI " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.11.9:%u;branch=z9hG4bKu;rport\r\n"
             "From: \"Anna\" <sip:1001@elsewhere>;tag=raw\r\nTo: <sip:1002@confab>\r\nCall-ID: "
             "raw-%u@127.0.11.9\r\n"
             "CSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n",
             port, port);
    expect_status("487", NULL, NULL);
    pump(200);
    ck_assert_str_eq(b.heard, "");
}
END_TEST

/* -- identity of a peer's call --------------------------------------------------------------------------- */

START_TEST(peer_identity_and_diversion_are_read)
{
    raw_request(
        &b, "INVITE", "sip:7000@127.0.11.2;play=x;repeat=3", 1, "1", "",
        "P-Asserted-Identity: \"Bo\\\"b, Jr\" <sip:%31234@pbx>, <tel:+491234>\r\nPrivacy: id;critical\r\n"
        "Diversion: <sip:1003@pbx>;reason=user-busy\r\nDiversion: <sip:1004@pbx>;reason=no-answer\r\n",
        OFFER_A);
    hear(&b, "invited");
    ck_assert_str_eq(b.invitation.from.user, "1234");
    ck_assert_str_eq(b.invitation.from.display, "Bo\"b, Jr");
    ck_assert(b.invitation.anonymous);
    ck_assert_str_eq(b.params, "play=x;repeat=3");
    ck_assert_uint_eq(b.invitation.privacy, PRIVACY_ID | PRIVACY_CRITICAL);
    ck_assert_uint_eq(b.invitation.diversion_count, 2);
    ck_assert_str_eq(b.invitation.diversions[0].user, "1004");
    ck_assert_int_eq(b.invitation.diversions[0].cause, 408);
    ck_assert_str_eq(b.invitation.diversions[1].user, "1003");
    ck_assert_int_eq(b.invitation.diversions[1].cause, 486);
    session_reject(b.session, 404, NULL, NULL, 0);
    raw_acknowledge_failure("1", raw_receive("SIP/2.0 404"));
    hang_up(&b, NULL);
}
END_TEST

/* RFC 4458 §4: the voicemail's target in the Request-URI. */
START_TEST(target_parameter_names_the_mailbox)
{
    raw_request(&b, "INVITE", "sip:7000@127.0.11.2;target=sip:1005%40confab;cause=486", 1, "1", "", "",
                OFFER_A);
    hear(&b, "invited");
    ck_assert_str_eq(b.invitation.diversions[0].user, "1005");
    ck_assert_str_eq(b.invitation.diversions[0].host, "confab");
    ck_assert_int_eq(b.invitation.diversions[0].cause, 486);
    session_reject(b.session, 404, NULL, NULL, 0);
    hang_up(&b, NULL);
}
END_TEST

/* RFC 4458: whom the Request-URI names comes first, and once. */
START_TEST(target_parameter_leads_the_history)
{
    raw_request(&b, "INVITE", "sip:7000@127.0.11.2;target=sip:1005%40confab;cause=486", 1, "1", "",
                "History-Info: <sip:1004@x>;index=1, <sip:1005@x;cause=302>;index=1.1;mp=1,\r\n"
                " <sip:7000@x;cause=408>;index=1.1.1;mp=1.1\r\n",
                OFFER_A);
    hear(&b, "invited");
    ck_assert_uint_eq(b.invitation.diversion_count, 2);
    ck_assert_str_eq(b.invitation.diversions[0].user, "1005");
    ck_assert_int_eq(b.invitation.diversions[0].cause, 486);
    ck_assert_str_eq(b.invitation.diversions[1].user, "1004");
    ck_assert_int_eq(b.invitation.diversions[1].cause, 302);
    session_reject(b.session, 404, NULL, NULL, 0);
    hang_up(&b, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session on the wire");
    TCase *blue = tcase_create("out of the blue"), *strangers = tcase_create("strangers");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(blue, start, kit_stop);
    tcase_add_checked_fixture(strangers, start_strangers, kit_stop);
    tcase_set_timeout(blue, 120);
    tcase_set_timeout(strangers, 120);
    tcase_add_test(blue, options_tell_what_we_can);
    tcase_add_test(blue, unknown_methods_get_405);
    tcase_add_test(blue, unknown_requirements_get_420);
    tcase_add_test(blue, unknown_bodies_get_415);
    tcase_add_test(blue, wrong_requests_are_answered);
    tcase_add_test(blue, merged_requests_get_482);
    tcase_add_test(blue, register_and_subscribe_go_their_way);
    tcase_add_test(blue, refused_calls_get_503_with_retry_after);
    tcase_add_test(blue, torture);
    tcase_add_test(blue, mutilated_invites);
    tcase_add_test(blue, peer_identity_and_diversion_are_read);
    tcase_add_test(blue, target_parameter_names_the_mailbox);
    tcase_add_test(blue, target_parameter_leads_the_history);
    tcase_add_test(strangers, strangers_are_challenged);
    tcase_add_test(strangers, from_must_be_the_digest_user);
    tcase_add_test(strangers, user_is_believed_as_far_as_his_credentials_go);
    tcase_add_test(strangers, preferred_identity_is_of_the_users_own_number);
    tcase_add_test(strangers, preferred_identity_names_the_user);
    tcase_add_test(strangers, requests_to_a_phone_behind_nat_go_to_its_source);
    tcase_add_test(strangers, cancel_while_authenticating);
    suite_add_tcase(suite, blue);
    suite_add_tcase(suite, strangers);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
