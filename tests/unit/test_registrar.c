/* The registrar and its digest, by phones on UDP against a real agent and PostgreSQL. */
#include "tests/unit/phone.h"

#include "core/base/clock.h"
#include "core/sip/nonce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DOMAIN "sip:confab"

static struct phone phone;

static void begin(void)
{
    phones_begin();
    phone_open(&phone, "1001");
    phone.ignores_requests = true;
}

static void end(void)
{
    phone_close(&phone);
    phones_end();
}

static long bound(const char *user)
{
    char sql[128];

    snprintf(sql, sizeof sql, "select count(*) from binding where subscriber = '%s'", user);
    return kit_sql(sql);
}

static bool db_has(const char *where)
{
    char sql[512];

    snprintf(sql, sizeof sql, "select count(*) from binding where %s", where);
    return kit_sql(sql) == 1;
}

/* For how long the first Contact of the last response is bound; what a busy machine has let go by of it is
 * added again. */
static unsigned lasts(void)
{
    const char *expires = strstr(phone.last, ">;expires=");
    unsigned seconds = expires ? (unsigned)strtoul(expires + strlen(">;expires="), NULL, 10) : 0;

    return (seconds + 29) / 30 * 30;
}

/* RFC 8760 §2.4: two challenges, MD5 first for agents that read no further; each is good. */
START_TEST(both_algorithms_register)
{
    char where[128], *sha, *md5;

    phone.algorithm = _i ? DIGEST_MD5 : DIGEST_SHA256;
    phone_send(&phone, "REGISTER", DOMAIN, "");
    phone_expect(&phone, 401);
    sha = strstr(phone.last, "WWW-Authenticate: Digest realm=\"confab\", nonce=\"");
    ck_assert_ptr_nonnull(sha);
    sha = strstr(phone.last, "algorithm=SHA-256, qop=\"auth\"");
    md5 = strstr(phone.last, "algorithm=MD5, qop=\"auth\"");
    ck_assert(sha && md5 && md5 < sha);
    ck_assert(!phone_has(&phone, "stale"));
    phone_register(&phone, "", "");
    ck_assert_uint_eq(lasts(), 3600);
    ck_assert(phone_has(&phone, "\r\nDate: "));
    ck_assert(phone_has(&phone, " GMT\r\n"));
    snprintf(where, sizeof where, "contact = 'sip:1001@127.0.0.1:%u' and received = 'udp:127.0.0.1:%u'",
             phone.port, phone.port);
    ck_assert(db_has(where));
}
END_TEST

/* Debian 12's baresip gives up when it sees an algorithm other than MD5; all others are offered both. */
START_TEST(old_baresip_is_offered_md5)
{
    phone_send(&phone, "REGISTER", DOMAIN, "User-Agent: baresip v1.0.0 (x86_64/linux)\r\n");
    phone_expect(&phone, 401);
    ck_assert(phone_has(&phone, "algorithm=MD5") && !phone_has(&phone, "SHA-256"));
    phone_send(&phone, "REGISTER", DOMAIN, "User-Agent: baresip v3.0.0 (x86_64/linux)\r\n");
    phone_expect(&phone, 401);
    ck_assert(phone_has(&phone, "algorithm=MD5") && phone_has(&phone, "SHA-256"));
}
END_TEST

/* Blanks what must differ: nonces, and the tag that To gets. */
static void blank(char *text, const char *before, char last)
{
    for (char *p = text; (p = strstr(p, before));) {
        p += strlen(before);
        while (*p && *p != last && *p != '\r')
            *p++ = '*';
    }
}

/* A wrong password and a user that does not exist get the same bytes, before and after they answer the
 * challenge. */
START_TEST(unknown_users_look_like_wrong_passwords)
{
    static const char *const users[] = {"1001", "4711"};
    char texts[2][2][MESSAGE_TEXT];
    struct agent_stats stats;

    for (int i = 0; i < 2; i++) {
        struct phone p = phone;

        p.user = users[i];
        p.password = "wrong";
        p.cseq = 0;
        snprintf(p.call_id, sizeof p.call_id, "look-alike-%d", i);
        for (int k = 0; k < 2; k++) {
            if (k == 0)
                phone_send(&p, "REGISTER", DOMAIN, "");
            else
                phone_send_signed(&p, "REGISTER", DOMAIN, "", 0);
            phone_expect(&p, 401);
            strcpy(texts[i][k], p.last);
            blank(texts[i][k], "nonce=\"", '"');
            blank(texts[i][k], "tag=", ';');
            blank(texts[i][k], "branch=", ';');
            blank(texts[i][k], "look-alike-", ';');
            blank(texts[i][k], "<sip:", '@');
        }
    }
    ck_assert_str_eq(texts[0][0], texts[1][0]);
    ck_assert_str_eq(texts[0][1], texts[1][1]);
    ck_assert_ptr_null(strstr(texts[0][1], "stale"));
    agent_read_stats(phone_agent, &stats);
    ck_assert_uint_eq(stats.failed_logins, 2);
    ck_assert_uint_eq(stats.challenged, 4);
}
END_TEST

/* RFC 7616 §3.4.5: a count is good once; a right answer to a used one gets a new nonce at once. */
START_TEST(replay_is_refused)
{
    phone_register(&phone, "", "");
    phone_send_signed(&phone, "REGISTER", DOMAIN, "", 3);
    phone_expect(&phone, 200);
    phone_send_signed(&phone, "REGISTER", DOMAIN, "", 2);
    phone_expect(&phone, 200);
    phone_send_signed(&phone, "REGISTER", DOMAIN, "", 2);
    phone_expect(&phone, 401);
    ck_assert(phone_has(&phone, "stale=true"));
    phone_send_signed(&phone, "REGISTER", DOMAIN, "", 0);
    phone_expect(&phone, 200);
}
END_TEST

/* RFC 7616 §3.3: stale=true only for one who knows the password. */
START_TEST(old_nonces_are_stale)
{
    phone_send(&phone, "REGISTER", DOMAIN, "");
    phone_expect(&phone, 401);
    clock_advance((uint64_t)(NONCE_LIFE_S + 1) * 1000000);
    phone_send_signed(&phone, "REGISTER", DOMAIN, "", 0);
    phone_expect(&phone, 401);
    ck_assert(phone_has(&phone, "stale=true"));
    phone_send_signed(&phone, "REGISTER", DOMAIN, "", 0);
    phone_expect(&phone, 200);
    clock_advance((uint64_t)(NONCE_LIFE_S + 1) * 1000000);
    free((char *)phone.password);
    phone.password = strdup("guess");
    phone_send_signed(&phone, "REGISTER", DOMAIN, "", 0);
    phone_expect(&phone, 401);
    ck_assert(!phone_has(&phone, "stale"));
}
END_TEST

/* RFC 3261 §10.3 step 4: nobody registers for another. */
START_TEST(others_are_forbidden)
{
    struct phone p;

    phone_send(&phone, "REGISTER", DOMAIN, "");
    phone_expect(&phone, 401);
    p = phone;
    /* The digest of 1001, To of 1002. */
    p.user = "1002";
    {
        char headers[1024];
        struct digest_credentials c = {
            .algorithm = DIGEST_MD5, .cnonce = "x", .uri = DOMAIN, .nc_text = "00000001"};
        char ha1[DIGEST_TEXT];

        strcpy(c.nonce, phone.nonce);
        ck_assert_int_eq(digest_ha1(DIGEST_MD5, "1001", "confab", "confab-1001", ha1), 0);
        ck_assert_int_eq(digest_response(&c, ha1, "REGISTER", c.response), 0);
        snprintf(headers, sizeof headers,
                 "Authorization: Digest username=\"1001\", realm=\"confab\", nonce=\"%s\", uri=\"" DOMAIN
                 "\", "
                 "response=\"%s\", algorithm=MD5, cnonce=\"x\", qop=auth, nc=00000001\r\n",
                 c.nonce, c.response);
        phone_send(&p, "REGISTER", DOMAIN, headers);
    }
    phone_expect(&p, 403);
}
END_TEST

static const struct expires_row {
    const char *why, *contact, *headers;
    int status;
    const char *holds;
    unsigned lasts; /* 0: not looked at */
} expires_rows[] = {
    {"RFC 3261 §10.3 step 7: none given", "<sip:a@127.0.0.1>", "", 200, "SIP/2.0 200", 3600},
    {"RFC 3261 §10.2.1.1: the header", "<sip:a@127.0.0.1>", "Expires: 120\r\n", 200, "SIP/2.0 200", 120},
    {"RFC 3261 §10.2.1.1: the parameter before the header", "<sip:a@127.0.0.1>;expires=90",
     "Expires: 120\r\n", 200, "SIP/2.0 200", 90},
    {"RFC 3261 §10.3 step 7: cut to the maximum", "<sip:a@127.0.0.1>;expires=99999", "", 200, "SIP/2.0 200",
     7200},
    {"RFC 3261 §20.10: no number counts as 3600", "<sip:a@127.0.0.1>;expires=soon", "", 200, "SIP/2.0 200",
     3600},
    {"RFC 3261 §21.4.17: too brief", "<sip:a@127.0.0.1>;expires=30", "", 423, "Min-Expires: 60\r\n", 0},
    {"RFC 3261 §10.2.2: 0 removes", "<sip:a@127.0.0.1>;expires=0", "", 200, "SIP/2.0 200", 0},
    {"RFC 3261 §20.10: q is kept", "<sip:a@127.0.0.1>;q=0.5", "", 200, ";q=0.500", 0},
    {"RFC 3261 §10.3 step 6: * without Expires: 0", "*", "Expires: 60\r\n", 400, "", 0},
    {"RFC 3261 §10.3 step 6: * without Expires", "*", "", 400, "", 0},
    {"RFC 3261 §10.3 step 6: * beside another", "*, <sip:a@127.0.0.1>", "Expires: 0\r\n", 400, "", 0},
    {"RFC 3261 §19.1.1: headers have no place in a Contact of a REGISTER", "<sip:a@127.0.0.1?X=y>", "", 400,
     "", 0},
    {"what is no SIP URI cannot be called", "<tel:+33123456>", "", 400, "", 0},
    {"RFC 3261 §8.2.2.3: what we do not have", "<sip:a@127.0.0.1>", "Require: gruu\r\n", 420,
     "Unsupported: gruu\r\n", 0},
};

START_TEST(contacts_follow_the_table)
{
    const struct expires_row *row = &expires_rows[_i];
    char headers[512];

    snprintf(headers, sizeof headers, "Contact: %s\r\n%s", row->contact, row->headers);
    phone_request(&phone, "REGISTER", DOMAIN, headers, row->status);
    ck_assert_msg(phone_has(&phone, row->holds), "%s: %s", row->why, phone.last);
    ck_assert_msg(row->lasts == 0 || lasts() == row->lasts, "%s: %s", row->why, phone.last);
    if (row->status != 200)
        ck_assert_int_eq(bound("1001"), 0);
}
END_TEST

START_TEST(long_contacts_are_refused)
{
    char headers[1024], name[701];

    memset(name, 'x', 700);
    name[700] = '\0';
    snprintf(headers, sizeof headers, "Contact: <sip:%s@127.0.0.1>\r\n", name);
    phone_request(&phone, "REGISTER", DOMAIN, headers, 400);
    ck_assert_int_eq(bound("1001"), 0);
}
END_TEST

/* RFC 3261 §10.2.3, §10.3 step 8: a REGISTER without Contact asks, and every 200 lists all. */
START_TEST(all_contacts_are_listed)
{
    struct phone other;

    phone_register(&phone, "<sip:a@127.0.0.1>;q=0.2, <sip:b@127.0.0.1>;q=0.9", "");
    phone_open(&other, "1001");
    other.ignores_requests = true;
    phone_register(&other, "", "");
    ck_assert(phone_has(&other, "<sip:a@127.0.0.1>") && phone_has(&other, "<sip:b@127.0.0.1>"));
    phone_request(&phone, "REGISTER", DOMAIN, "", 200);
    ck_assert(phone_has(&phone, "<sip:a@127.0.0.1>;expires=") &&
              phone_has(&phone, "<sip:b@127.0.0.1>;expires="));
    ck_assert_int_eq(bound("1001"), 3);
    /* Expires: 0 for one of them. */
    phone_register(&phone, "<sip:a@127.0.0.1>;expires=0", "");
    ck_assert(!phone_has(&phone, "sip:a@"));
    ck_assert_int_eq(bound("1001"), 2);
    /* And for all: RFC 3261 §10.2.2. */
    phone_request(&phone, "REGISTER", DOMAIN, "Contact: *\r\nExpires: 0\r\n", 200);
    ck_assert(!phone_has(&phone, "Contact:"));
    ck_assert_int_eq(bound("1001"), 0);
    phone_close(&other);
}
END_TEST

START_TEST(contacts_are_counted)
{
    char headers[2048] = "";
    size_t used = 0;

    for (int i = 0; i < BINDINGS_MAX; i++)
        used +=
            (size_t)snprintf(headers + used, sizeof headers - used, "Contact: <sip:u%d@127.0.0.1>\r\n", i);
    phone_request(&phone, "REGISTER", DOMAIN, headers, 200);
    ck_assert_int_eq(bound("1001"), BINDINGS_MAX);
    phone_request(&phone, "REGISTER", DOMAIN, "Contact: <sip:more@127.0.0.1>\r\n", 403);
    snprintf(headers + used, sizeof headers - used, "Contact: <sip:more@127.0.0.1>\r\n");
    phone_request(&phone, "REGISTER", DOMAIN, headers, 403);
    ck_assert_int_eq(bound("1001"), BINDINGS_MAX);
}
END_TEST

/* RFC 3261 §10.3 step 7: an older REGISTER of the same Call-ID changes nothing. */
START_TEST(late_requests_change_nothing)
{
    phone.cseq = 10;
    phone_register(&phone, "<sip:a@127.0.0.1>", "");
    phone.cseq = 5;
    phone_send_signed(&phone, "REGISTER", DOMAIN, "Contact: <sip:a@127.0.0.1>;expires=0\r\n", 0);
    phone_expect(&phone, 500);
    ck_assert_int_eq(bound("1001"), 1);
    strcat(phone.call_id, "-new");
    phone_send_signed(&phone, "REGISTER", DOMAIN, "Contact: <sip:a@127.0.0.1>;expires=0\r\n", 0);
    phone_expect(&phone, 200);
    ck_assert_int_eq(bound("1001"), 0);
}
END_TEST

/* RFC 5626 §4.1: a device that started anew has another contact and the same instance. */
START_TEST(instances_replace_their_contact)
{
    phone_register(
        &phone, "<sip:old@127.0.0.1>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"", "");
    ck_assert(phone_has(&phone, ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\""));
    phone_register(&phone,
                   "<sip:other@127.0.0.1>;+sip.instance=\"<urn:uuid:11111111-0000-1000-8000-000A95A0E128>\"",
                   "");
    strcat(phone.call_id, "-boot");
    phone_register(
        &phone, "<sip:new@127.0.0.1>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"", "");
    ck_assert(phone_has(&phone, "sip:new@") && phone_has(&phone, "sip:other@") &&
              !phone_has(&phone, "sip:old@"));
    ck_assert_int_eq(bound("1001"), 2);
}
END_TEST

/* RFC 3327 §5.3. */
START_TEST(path_is_kept)
{
    static const char path[] = "Path: <sip:edge.example;lr;ob>, <sip:core.example;lr>\r\n";
    char headers[256];

    snprintf(headers, sizeof headers, "Supported: path\r\n%s", path);
    phone_register(&phone, "<sip:a@127.0.0.1>", headers);
    ck_assert(phone_has(&phone, "\r\nPath: <sip:edge.example;lr;ob>") &&
              phone_has(&phone, "<sip:core.example;lr>"));
    ck_assert(db_has("path = '<sip:edge.example;lr;ob>,<sip:core.example;lr>'"));
    phone_register(&phone, "<sip:a@127.0.0.1>", path);
    ck_assert(!phone_has(&phone, "\r\nPath:"));
    ck_assert(db_has("path <> ''"));
    snprintf(headers, sizeof headers, "Require: path\r\n%s", path);
    phone_register(&phone, "<sip:a@127.0.0.1>", headers);
}
END_TEST

/* Bindings outlive the server. */
START_TEST(bindings_outlive_a_restart)
{
    phone_register(&phone, "<sip:a@127.0.0.1>", "");
    phones_restart();
    /* A nonce of the process before is stale, nothing worse. */
    phone_send_signed(&phone, "REGISTER", DOMAIN, "", 0);
    phone_expect(&phone, 401);
    ck_assert(phone_has(&phone, "stale=true"));
    phone_send_signed(&phone, "REGISTER", DOMAIN, "", 0);
    phone_expect(&phone, 200);
    ck_assert(phone_has(&phone, "sip:a@127.0.0.1"));
}
END_TEST

/* RFC 3261 §21.5.4: with the database away phones are told when to come again. */
START_TEST(outages_say_when_to_come_again)
{
    phone_send(&phone, "REGISTER", DOMAIN, "");
    phone_expect(&phone, 401);
    pg_halt(kit.pg);
    phone_send_signed(&phone, "REGISTER", DOMAIN, "Contact: <sip:a@127.0.0.1>\r\n", 0);
    phone_expect(&phone, 503);
    ck_assert(phone_has(&phone, "\r\nRetry-After: "));
    pg_resume(kit.pg);
}
END_TEST

/*
 * Headers with bytes changed, lost and doubled, under good credentials: whatever the answer, the server
 * stands, and the next proper request is served.
 */
START_TEST(odd_headers_do_no_harm)
{
    static const char pattern[] =
        "Contact: \"A\" "
        "<sip:a@127.0.0.1:5060;transport=udp;ob>;q=0.5;expires=90;+sip.instance=\"<urn:uuid:1>\", "
        "<sip:b@[::1]>\r\nExpires: 120\r\nPath: <sip:edge.example;lr>\r\nSupported: path, outbound\r\n"
        "Event: message-summary;id=1\r\nAccept: application/simple-message-summary\r\nUser-Agent: x/1 "
        "(y)\r\n";
    static const char *const methods[] = {"REGISTER", "SUBSCRIBE"};
    char headers[1024], bytes[2 * MESSAGE_TEXT];
    struct phone other;

    srand(99 + (unsigned)_i);
    phone_register(&phone, "", "");
    for (int round = 0; round < 400; round++) {
        size_t length = strlen(strcpy(headers, pattern));

        for (int k = rand() % 3; k >= 0 && length > 20; k--) {
            size_t at = (size_t)rand() % length, run = (size_t)rand() % 9;

            if (rand() % 2)
                headers[at] = (char)(1 + rand() % 255);
            else if (rand() % 2 && at + run < length)
                memmove(headers + at, headers + at + run, length - at - run + 1);
            else if (length + run < sizeof headers)
                memmove(headers + at + run, headers + at, length - at + 1);
            length = strlen(headers);
        }
        phone_send_signed(&phone, methods[rand() % 2], DOMAIN, headers, 0);
        loop_step(kit.loop, 1);
        while (recv(phone.fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            ;
    }
    phone_open(&other, "1001");
    other.ignores_requests = true;
    phone_request(&other, "REGISTER", DOMAIN, "Contact: *\r\nExpires: 0\r\n", 200);
    phone_close(&other);
}
END_TEST

/* Every transaction and dialog is given back. */
START_TEST(nothing_is_left_behind)
{
    struct agent_stats stats;

    for (int i = 0; i < 5; i++)
        phone_register(&phone, "<sip:a@127.0.0.1>", "");
    phone_request(&phone, "REGISTER", DOMAIN, "Contact: <sip:a@127.0.0.1>;expires=5\r\n", 423);
    for (int i = 0; i < 100; i++) {
        clock_advance(1000000);
        loop_step(kit.loop, 1);
    }
    agent_read_stats(phone_agent, &stats);
    ck_assert_uint_eq(stats.transactions_in, 0);
    ck_assert_uint_eq(stats.transactions_out, 0);
    ck_assert_uint_eq(stats.dialogs, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registrar");
    TCase *tcase = tcase_create("registrar");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, both_algorithms_register, 0, 2);
    tcase_add_test(tcase, old_baresip_is_offered_md5);
    tcase_add_test(tcase, unknown_users_look_like_wrong_passwords);
    tcase_add_test(tcase, replay_is_refused);
    tcase_add_test(tcase, old_nonces_are_stale);
    tcase_add_test(tcase, others_are_forbidden);
    tcase_add_loop_test(tcase, contacts_follow_the_table, 0, sizeof expires_rows / sizeof *expires_rows);
    tcase_add_test(tcase, long_contacts_are_refused);
    tcase_add_test(tcase, all_contacts_are_listed);
    tcase_add_test(tcase, contacts_are_counted);
    tcase_add_test(tcase, late_requests_change_nothing);
    tcase_add_test(tcase, instances_replace_their_contact);
    tcase_add_test(tcase, path_is_kept);
    tcase_add_test(tcase, bindings_outlive_a_restart);
    tcase_add_test(tcase, outages_say_when_to_come_again);
    tcase_add_loop_test(tcase, odd_headers_do_no_harm, 0, 3);
    tcase_add_test(tcase, nothing_is_left_behind);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
