/* Subscriptions and message waiting, by phones on UDP against a real agent and PostgreSQL. */
#include "tests/unit/phone.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define EVENT "Event: message-summary\r\n"
#define OWN "sip:1001@confab"

static struct phone phone;

static void begin(void)
{
    phones_begin();
    phone_open(&phone, "1001");
}

static void end(void)
{
    phone_close(&phone);
    phones_end();
}

static const char *contact(const struct phone *p)
{
    static char text[128];

    snprintf(text, sizeof text, "Contact: <sip:%s@127.0.0.1:%u>\r\n", p->user, p->port);
    return text;
}

static const char *subscribe_headers(const struct phone *p, const char *more)
{
    static char text[512];

    snprintf(text, sizeof text, EVENT "%s%s", contact(p), more);
    return text;
}

/* Somebody leaves a message: what the database sees of it. */
static void leave_message(const char *mailbox, bool urgent)
{
    char sql[1024];

    snprintf(sql, sizeof sql,
             "with b as (insert into blob (audio, sha256) values ('RIFF', sha256('RIFF')) returning id), "
             "m as (insert into message (id, blob, caller, cause, started, duration_ms) "
             "select gen_random_uuid(), id, '1002', 'busy', now(), 2000 from b returning id) "
             "insert into entry (mailbox, message, urgent) select '%s', id, %s from m",
             mailbox, urgent ? "true" : "false");
    free(pg_query(kit.conninfo, sql));
}

/* 200, and keeps the dialog's tag. */
static void subscribe(struct phone *p, const char *target, const char *more)
{
    char to[256];

    phone_request(p, "SUBSCRIBE", target, subscribe_headers(p, more), 200);
    ck_assert_ptr_nonnull(strstr(phone_header(p, "To", to, sizeof to), ";tag="));
    snprintf(p->to_tag, sizeof p->to_tag, "%s", strstr(to, ";tag=") + 5);
}

static unsigned subscriptions(void)
{
    struct agent_stats stats;

    agent_read_stats(phone_agent, &stats);
    return stats.subscriptions;
}

/* How many NOTIFYs of changes had their lag counted. */
static unsigned lags(void)
{
    struct agent_stats stats;
    uint64_t count = 0;

    agent_read_stats(phone_agent, &stats);
    for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
        count += stats.mwi_lag_us[b];
    ck_assert_int_eq(count > 0, stats.mwi_lag_sum_us > 0);
    return (unsigned)count;
}

/* Lets what is on its way arrive. */
static void settle(void)
{
    for (int i = 0; i < 20; i++)
        loop_step(kit.loop, 5);
}

/* Runs the loop while time flies: only when nothing is on its way, or it would be sent again. */
static void pass(unsigned seconds)
{
    settle();
    for (unsigned i = 0; i < seconds * 2; i++) {
        clock_advance(500000);
        loop_step(kit.loop, 1);
    }
}

/* RFC 6665 §4.2.1, RFC 3842 §5.2: NOTIFY at once, with every change, and a last one. */
START_TEST(watchers_hear_of_changes)
{
    subscribe(&phone, OWN, "Expires: 600\r\nAccept: application/simple-message-summary\r\n");
    ck_assert(phone_has(&phone, "\r\nExpires: 600\r\n") && phone_has(&phone, "\r\nContact: <sip:127."));
    phone_notified(
        &phone, 200, "\r\nEvent: message-summary\r\n",
        "\r\nSubscription-State: active;expires=", "\r\nContent-Type: application/simple-message-summary\r\n",
        "\r\n\r\nMessages-Waiting: no\r\nMessage-Account: sip:1001@confab\r\nVoice-Message: 0/0 (0/0)\r\n",
        NULL);
    ck_assert_uint_eq(subscriptions(), 1);
    ck_assert_uint_eq(lags(), 0); /* it asked: nothing had changed */
    leave_message("1001", false);
    phone_notified(&phone, 200, "Messages-Waiting: yes\r\n", "Voice-Message: 1/0 (0/0)\r\n", NULL);
    leave_message("1001", true);
    phone_notified(&phone, 200, "Messages-Waiting: yes\r\n", "Voice-Message: 2/0 (1/0)\r\n", NULL);
    kit_sql("update entry set heard = true");
    phone_notified(&phone, 200, "Messages-Waiting: no\r\n", "Voice-Message: 0/2 (0/1)\r\n", NULL);
    ck_assert_uint_eq(lags(), 3);
    leave_message("1002", false);
    phone_expect_nothing(&phone);
    /* RFC 6665 §4.1.2.3: the end is a refresh with Expires: 0. */
    phone_request(&phone, "SUBSCRIBE", OWN, subscribe_headers(&phone, "Expires: 0\r\n"), 200);
    phone_notified(&phone, 200, "Subscription-State: terminated;reason=timeout\r\n", "Voice-Message: 0/2",
                   NULL);
    settle();
    ck_assert_uint_eq(subscriptions(), 0);
}
END_TEST

/* RFC 3842 §3.10 and RFC 6665 §4.2.2: a burst is few NOTIFYs, of which the last one is right. */
START_TEST(bursts_are_told_once)
{
    unsigned notified = 0;

    subscribe(&phone, OWN, "");
    phone_notified(&phone, 200, NULL);
    for (int i = 0; i < 20; i++)
        leave_message("1001", false);
    do {
        phone_notified(&phone, 200, NULL);
        notified++;
    } while (!phone_has(&phone, "Voice-Message: 20/0 (0/0)\r\n"));
    ck_assert_uint_le(notified, 10);
    phone_expect_nothing(&phone);
}
END_TEST

/* One NOTIFY at a time: what changes while one is out goes into the next. */
START_TEST(one_notify_is_out_at_a_time)
{
    struct phone first;

    subscribe(&phone, OWN, "");
    phone_notified(&phone, 0, "Voice-Message: 0/0", NULL);
    first = phone;
    leave_message("1001", false);
    for (int i = 0; i < 40; i++)
        loop_step(kit.loop, 5);
    /* Repeats of the first may have come; the second has not. */
    phone_notified(&phone, 200, "Voice-Message: 0/0", NULL);
    do
        phone_notified(&phone, 200, NULL);
    while (phone_has(&phone, "Voice-Message: 0/0"));
    ck_assert(phone_has(&phone, "Voice-Message: 1/0"));
    ck_assert(strstr(first.last, "Voice-Message: 0/0"));
}
END_TEST

static const struct refusal_row {
    const char *why, *target, *headers;
    int status;
    const char *holds;
} refusal_rows[] = {
    {"RFC 6665 §4.2.1.1: intervals have a minimum", OWN, EVENT "Expires: 10\r\n", 423, "Min-Expires: 60\r\n"},
    {"RFC 6665 §4.4.3: what cannot be accepted", OWN, EVENT "Accept: application/pidf+xml\r\n", 406,
     "Accept: application/simple-message-summary"},
    {"another's mailbox", "sip:1002@confab", EVENT, 403, ""},
    {"a number that is nobody's", "sip:5555@confab", EVENT, 403, ""},
    {"RFC 3842 §4.1: by the number that reaches one's own mailbox", "sip:*97@confab", EVENT, 200, ""},
    {"RFC 6665 §8.2.1: with any of several types", OWN, EVENT "Accept: text/plain, application/*\r\n", 200,
     ""},
};

START_TEST(refusals_follow_the_table)
{
    const struct refusal_row *row = &refusal_rows[_i];
    char headers[512];

    snprintf(headers, sizeof headers, "%s%s", row->headers, contact(&phone));
    phone_send(&phone, "SUBSCRIBE", row->target, headers);
    phone_wait(&phone);
    if (!phone_has(&phone, "SIP/2.0 401")) {
        ck_assert_msg(atoi(phone.last + 8) == row->status, "%s: %s", row->why, phone.last);
    } else {
        char challenge[512];

        snprintf(phone.nonce, sizeof phone.nonce, "%.64s",
                 strstr(phone_header(&phone, "WWW-Authenticate", challenge, sizeof challenge), "nonce=\"") +
                     7);
        phone_send_signed(&phone, "SUBSCRIBE", row->target, headers, 0);
        phone_expect(&phone, row->status);
    }
    ck_assert_msg(phone_has(&phone, row->holds), "%s: %s", row->why, phone.last);
    ck_assert_uint_eq(subscriptions(), row->status == 200);
    if (row->status == 200)
        phone_notified(&phone, 200, "Message-Account: sip:1001@confab", NULL);
}
END_TEST

/* RFC 6665 §8.2.1: what there is to watch. */
START_TEST(other_events_are_refused)
{
    phone_send(&phone, "SUBSCRIBE", OWN, "Event: weather\r\nContact: <sip:x@127.0.0.1>\r\n");
    phone_expect(&phone, 489);
    ck_assert(phone_has(&phone, "\r\nAllow-Events: message-summary, dialog, conference\r\n"));
    phone_send(&phone, "SUBSCRIBE", OWN, "Contact: <sip:x@127.0.0.1>\r\n");
    phone_expect(&phone, 489);
}
END_TEST

/* Without a mailbox there is nothing to watch. */
START_TEST(users_without_mailbox_get_404)
{
    kit_sql("update subscriber set mailbox = null where number = '1001'");
    phone_request(&phone, "SUBSCRIBE", OWN, subscribe_headers(&phone, ""), 404);
}
END_TEST

/* RFC 6665 §4.1.2.2: a refresh keeps the dialog, may move the Contact, and gets the state. */
START_TEST(refreshes_prolong)
{
    subscribe(&phone, OWN, "Expires: 60\r\n");
    phone_notified(&phone, 200, NULL);
    pass(40);
    phone_send_signed(&phone, "SUBSCRIBE", OWN, subscribe_headers(&phone, "Expires: 60\r\n"), 0);
    phone_expect(&phone, 200);
    phone_notified(&phone, 200, "Subscription-State: active;expires=60\r\n", NULL);
    pass(40);
    ck_assert_uint_eq(subscriptions(), 1);
    /* Another event has no place in this dialog. */
    phone_send(&phone, "SUBSCRIBE", OWN, "Event: message-summary;id=7\r\nContact: <sip:x@127.0.0.1>\r\n");
    phone_expect(&phone, 481);
    phone_send(&phone, "BYE", OWN, "");
    phone_expect(&phone, 405);
    /* RFC 6665 §4.2.2: expired. */
    pass(25);
    phone_notified(&phone, 200, "Subscription-State: terminated;reason=timeout\r\n", NULL);
    pass(1);
    ck_assert_uint_eq(subscriptions(), 0);
    phone.ignores_requests = true;
    phone_send_signed(&phone, "SUBSCRIBE", OWN, subscribe_headers(&phone, "Expires: 60\r\n"), 0);
    phone_expect(&phone, 481);
}
END_TEST

/* RFC 6665 §4.2.2: a phone that knows of no subscription, or is gone, ends it. */
START_TEST(failed_notifies_end_it)
{
    subscribe(&phone, OWN, "");
    if (_i == 0) {
        phone_notified(&phone, 481, NULL);
    } else {
        phone_notified(&phone, 0, NULL);
        pass(40);
    }
    settle();
    ck_assert_uint_eq(subscriptions(), 0);
}
END_TEST

/* -- phones that did not subscribe
 * --------------------------------------------------------------------------------------- */

static void registered(struct phone *p)
{
    phone_register(p, "", "");
    phone_notified(p, 200, "NOTIFY sip:1001@127.0.0.1:", "\r\nEvent: message-summary\r\n",
                   "\r\nSubscription-State: terminated;reason=noresource\r\n", "Messages-Waiting: no\r\n",
                   NULL);
}

START_TEST(phones_are_told_unasked)
{
    registered(&phone);
    leave_message("1001", false);
    phone_notified(&phone, 200, "Messages-Waiting: yes\r\n", "Voice-Message: 1/0 (0/0)\r\n", NULL);
    ck_assert_uint_eq(lags(), 1);
    /* A refreshed registration is no news. */
    phone_send_signed(&phone, "REGISTER", "sip:confab", contact(&phone), 0);
    phone_expect(&phone, 200);
    phone_expect_nothing(&phone);
}
END_TEST

/* RFC 3327: with a Path the NOTIFY goes through it, with the contact as its target. */
START_TEST(path_leads_to_the_phone)
{
    char path[128];

    snprintf(path, sizeof path, "Supported: path\r\nPath: <sip:127.0.0.1:%u;lr>\r\n", phone.port);
    phone_register(&phone, "<sip:inside@10.1.1.1>", path);
    snprintf(path, sizeof path, "\r\nRoute: <sip:127.0.0.1:%u;lr>\r\n", phone.port);
    phone_notified(&phone, 200, "NOTIFY sip:inside@10.1.1.1 SIP/2.0\r\n", path, NULL);
}
END_TEST

/* One that has both hears it once. */
START_TEST(subscribers_are_told_once)
{
    struct phone other;

    registered(&phone);
    strcat(phone.call_id, "-s");
    subscribe(&phone, OWN, "");
    phone_notified(&phone, 200, "Subscription-State: active", NULL);
    phone_open(&other, "1001");
    phone_register(&other, "", "");
    phone_notified(&other, 200, "Subscription-State: terminated", NULL);
    pass(2);
    leave_message("1001", false);
    phone_notified(&phone, 200, "Subscription-State: active", "Voice-Message: 1/0", NULL);
    phone_notified(&other, 200, "Subscription-State: terminated", "Voice-Message: 1/0", NULL);
    phone_expect_nothing(&phone);
    phone_close(&other);
}
END_TEST

/* After a restart registered phones hear what has changed meanwhile. */
START_TEST(restarts_are_told)
{
    struct phone other;

    registered(&phone);
    phone_open(&other, "1002");
    other.ignores_requests = true;
    phone_register(&other, "", "");
    pass(1);
    agent_stop(phone_agent);
    phone_agent = NULL;
    /* What was sent before, repeats among it, is not what the restart tells. */
    while (recv(other.fd, other.last, sizeof other.last, MSG_DONTWAIT) > 0 ||
           recv(phone.fd, phone.last, sizeof phone.last, MSG_DONTWAIT) > 0)
        ;
    leave_message("1001", false);
    phones_restart();
    phone_notified(&phone, 200, "Voice-Message: 1/0 (0/0)\r\n", NULL);
    phone_notified(&other, 200, "Voice-Message: 0/0 (0/0)\r\n", NULL);
    phone_close(&other);
}
END_TEST

/* RFC 7616: no watching without a password. */
START_TEST(guesses_do_not_subscribe)
{
    free((char *)phone.password);
    phone.password = strdup("wrong");
    phone_send(&phone, "SUBSCRIBE", OWN, subscribe_headers(&phone, ""));
    phone_expect(&phone, 401);
    phone_send_signed(&phone, "SUBSCRIBE", OWN, subscribe_headers(&phone, ""), 0);
    phone_expect(&phone, 401);
    ck_assert_uint_eq(subscriptions(), 0);
}
END_TEST

/* Every transaction and dialog is given back. */
START_TEST(nothing_is_left_behind)
{
    struct agent_stats stats;

    registered(&phone);
    strcat(phone.call_id, "-s");
    subscribe(&phone, OWN, "Expires: 60\r\n");
    phone_notified(&phone, 200, NULL);
    pass(61);
    phone_notified(&phone, 200, "terminated", NULL);
    pass(60);
    agent_read_stats(phone_agent, &stats);
    ck_assert_uint_eq(stats.transactions_in, 0);
    ck_assert_uint_eq(stats.transactions_out, 0);
    ck_assert_uint_eq(stats.dialogs, 0);
    ck_assert_uint_eq(stats.subscriptions, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mwi");
    TCase *tcase = tcase_create("mwi");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, watchers_hear_of_changes);
    tcase_add_test(tcase, bursts_are_told_once);
    tcase_add_test(tcase, one_notify_is_out_at_a_time);
    tcase_add_loop_test(tcase, refusals_follow_the_table, 0, sizeof refusal_rows / sizeof *refusal_rows);
    tcase_add_test(tcase, other_events_are_refused);
    tcase_add_test(tcase, users_without_mailbox_get_404);
    tcase_add_test(tcase, refreshes_prolong);
    tcase_add_loop_test(tcase, failed_notifies_end_it, 0, 2);
    tcase_add_test(tcase, phones_are_told_unasked);
    tcase_add_test(tcase, path_leads_to_the_phone);
    tcase_add_test(tcase, subscribers_are_told_once);
    tcase_add_test(tcase, restarts_are_told);
    tcase_add_test(tcase, guesses_do_not_subscribe);
    tcase_add_test(tcase, nothing_is_left_behind);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
