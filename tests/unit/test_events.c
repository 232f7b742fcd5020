/*
 * storage/: what webhooks and the table audit are told by the database itself, whoever changes a row.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "storage/send.h"
#include "tests/unit/test_storage_kit.h"

static const struct guesser nobody;

static void set_up(void)
{
    kit_setup();
    kit_sql("insert into outbox_event values ('mailbox-full'), ('login-failed')");
}

/* So many events of that name, with a payload of which this holds. */
static long events(const char *event, const char *where)
{
    char sql[512];

    snprintf(sql, sizeof sql,
             "select count(*) from outbox where kind = 'webhook' and payload->>'event' = '%s' and (%s)",
             event, where);
    return kit_sql(sql);
}

/* A second of sound, of so many bytes. */
static void message_put(const char *mailbox, unsigned bytes)
{
    char sql[768];

    snprintf(sql, sizeof sql,
             "with b as (insert into blob (audio, sha256) select s, sha256(s) from "
             "(select convert_to(repeat('x', %u), 'UTF8') as s) as sound returning id), "
             "m as (insert into message (id, blob, cause, started, duration_ms) "
             "select gen_random_uuid(), id, 'direct', now(), 1000 from b returning id) "
             "insert into entry (mailbox, message) select '%s', id from m",
             bytes, mailbox);
    kit_sql(sql);
}

/* Each quota fills a box, as it refuses a message; the event comes with the message that filled it. */
static const char *const quotas[] = {"max_messages = 2", "max_seconds = 2", "max_bytes = 150"};

START_TEST(any_quota_fills_a_mailbox)
{
    char sql[128];

    snprintf(sql, sizeof sql, "update mailbox set %s where number = '1001'", quotas[_i]);
    kit_sql(sql);
    message_put("1001", 100);
    message_put("1002", 100);
    ck_assert_int_eq(events("mailbox-full", "true"), 0);
    message_put("1001", 100);
    ck_assert_int_eq(events("mailbox-full", "payload->>'mailbox' = '1001'"), 1);
    message_put("1001", 100); /* one that was being left meanwhile */
    ck_assert_int_eq(events("mailbox-full", "true"), 1);
    ck_assert_int_eq(ASK(mailbox_find(kit.st, "1001", TICKET, mailbox_answered)), 0);
    ck_assert_uint_eq(answer.mailbox.message_count, 3);
}
END_TEST

/* The tenth one, which locks, is told as the others are. */
START_TEST(each_wrong_pin_is_told)
{
    for (int i = 1; i <= 11; i++) {
        char failed[96];

        ck_assert_int_eq(ASK(mailbox_check_pin(kit.st, "1001", "111111", &nobody, TICKET, mailbox_answered)),
                         EACCES);
        ck_assert_int_eq(events("login-failed", "true"), i < 10 ? i : 10); /* a locked box counts none */
        snprintf(failed, sizeof failed, "payload->>'failed' = '%d' and payload->>'locked' = '%s'",
                 i < 10 ? i : 10, i < 10 ? "false" : "true");
        ck_assert_int_eq(events("login-failed", failed), 1);
    }
    clock_advance(UINT64_C(901) * 1000000);
    ck_assert_int_eq(ASK(mailbox_check_pin(kit.st, "1001", "739146", &nobody, TICKET, mailbox_answered)), 0);
    ck_assert_int_eq(events("login-failed", "true"), 10);
}
END_TEST

static void sent_answered(struct ticket ticket, int error, const struct sent *sent)
{
    (void)sent;
    done_answered(ticket, error);
}

/* A message to a list is its receivers' own; one that somebody has sent on was forwarded. */
START_TEST(audit_tells_forwarding_from_a_list)
{
    kit_sql("insert into distribution (number, name) values ('8001', 'all of us')");
    kit_sql("insert into distribution_member (list, number) "
            "select id, n from distribution, (values ('1001'), ('1002')) as v (n) where number = '8001'");
    kit_sql("with b as (insert into blob (audio, sha256) values ('x', sha256('x')) returning id) "
            "insert into message (id, blob, cause, started, duration_ms) "
            "select '00000000-0000-4000-8000-000000000001', id, 'direct', now(), 1000 from b");
    kit_sql("select count(*) from "
            "message_distribute('8001', '00000000-0000-4000-8000-000000000001', false, null, null)");
    ck_assert_int_eq(kit_sql("select count(*) from entry"), 2);
    ck_assert_int_eq(kit_sql("select count(*) from audit where act = 'forwarded'"), 0);

    char id[UUID_TEXT];
    ck_assert_int_eq(ASK(entries_list(kit.st, "1001", &(struct entry_query){.folder = FOLDER_INBOX}, TICKET,
                                      entries_answered)),
                     0);
    strcpy(id, answer.entries[0].id);
    ck_assert_int_eq(ASK(entry_send(kit.st, id, "1003", "1001", NULL, TICKET, sent_answered)), 0);
    ck_assert_int_eq(kit_sql("select count(*) from audit where act = 'forwarded' and mailbox = '1003'"), 1);
    ck_assert_int_eq(kit_sql("select count(*) from audit where act = 'forwarded'"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("events");
    TCase *tc = tcase_create("events");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, kit_teardown);
    tcase_add_loop_test(tc, any_quota_fills_a_mailbox, 0, sizeof quotas / sizeof quotas[0]);
    tcase_add_test(tc, each_wrong_pin_is_told);
    tcase_add_test(tc, audit_tells_forwarding_from_a_list);
    suite_add_tcase(suite, tc);
    return kit_main(suite);
}
