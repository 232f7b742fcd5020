/*
 * storage/ beside the rows: migrations, changes heard from elsewhere, and a database that goes away.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "storage/internal.h"
#include "tests/unit/test_storage_kit.h"

/* -- migrations
 * --------------------------------------------------------------------------------------------------------------
 */

static const struct guesser nobody;

START_TEST(migrations_apply_once)
{
    ck_assert_int_eq(storage_migrate(kit.settings), 0);
    ck_assert_int_eq(kit_sql("select count(*) from schema_migration where number = 1"), 1);
    ck_assert_int_eq(storage_migrate(kit.settings), 0);
    ck_assert_int_eq(kit_sql("select (count(*) = max(number))::int from schema_migration"), 1);
}
END_TEST

static void *migrate_main(void *result)
{
    *(int *)result = storage_migrate(kit.settings);
    return NULL;
}

START_TEST(migrations_of_several_daemons_wait_for_each_other)
{
    pthread_t threads[4];
    int results[4] = {-1, -1, -1, -1};

    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, migrate_main, &results[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(results[i], 0);
    }
    ck_assert_int_eq(kit_sql("select count(*) from schema_migration where number = 1"), 1);
}
END_TEST

static void file_put(const char *name, const char *text)
{
    char path[256];

    kit_path(path, sizeof path, "sql/%s", name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static int apply(void)
{
    struct database db = {.conninfo = kit.conninfo};
    char folder[128];

    kit_path(folder, sizeof folder, "sql");
    return migrations_apply(&db, folder);
}

START_TEST(migration_that_changed_or_fails_is_refused)
{
    char folder[128];

    log_set_level(LEVEL_ERROR + 1);
    kit_path(folder, sizeof folder, "sql");
    ck_assert_int_eq(apply(), EINVAL); /* no such folder */
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    ck_assert_int_eq(apply(), EINVAL); /* empty */
    file_put("0001_first.sql", "create table a (x integer); insert into a values (1);");
    file_put("notes.sql", "this is no migration");
    ck_assert_int_eq(apply(), 0);
    file_put("0002_bad.sql", "insert into a values (2); insert into b values (1);");
    ck_assert_int_eq(apply(), EINVAL);
    ck_assert_int_eq(kit_sql("select count(*) from a"), 1); /* nothing of it was kept */
    file_put("0002_bad.sql", "insert into a values (2);");
    ck_assert_int_eq(apply(), 0);
    ck_assert_int_eq(kit_sql("select count(*) from a"), 2);
    file_put("0001_first.sql", "create table a (x bigint);");
    ck_assert_int_eq(apply(), EINVAL);
    file_put("0001_first.sql", "create table a (x integer); insert into a values (1);");
    file_put("0002_other.sql", "");
    ck_assert_int_eq(apply(), EINVAL); /* two of one number */
}
END_TEST

START_TEST(a_spool_serves_one_daemon)
{
    struct storage *second;

    kit_start();
    log_set_level(LEVEL_ERROR + 1);
    ck_assert_int_eq(storage_start(&second, kit.settings, kit.loop), EBUSY);
}
END_TEST

/* -- changes
 * ------------------------------------------------------------------------------------------------------------------
 */

static struct {
    int count;
    char last[NUMBER_TEXT];
    uint64_t last_us;
} heard;

static void change_heard(void *arg, const char *mailbox, uint64_t since_us)
{
    ck_assert_ptr_eq(arg, &heard);
    ck_assert_uint_ge(since_us, heard.last_us);
    ck_assert_uint_le(since_us, clock_now_us());
    heard.last_us = since_us;
    heard.count++;
    snprintf(heard.last, sizeof heard.last, "%s", mailbox);
}

static void message_make(void)
{
    kit_sql("with b as (insert into blob (audio, sha256) values ('RIFF', sha256('RIFF')) returning id) "
            "insert into message (id, blob, cause, started, duration_ms) "
            "select gen_random_uuid(), id, 'busy', now(), 4000 from b");
}

/* Runs the loop until `count` changes were heard and then for longer than a window, in which no other may
 * come. */
static void changes_expect(int count)
{
    for (int i = 0; i < 500 && heard.count < count; i++) {
        loop_step(kit.loop, 20);
    }
    for (uint64_t end = clock_now_us() + 200000; clock_now_us() < end;) {
        loop_step(kit.loop, 20);
    }
    ck_assert_int_eq(heard.count, count);
}

START_TEST(change_by_other_hands_is_heard)
{
    storage_on_mailbox_change(kit.st, change_heard, &heard);
    message_make();
    kit_sql("insert into entry (mailbox, message) select '1003', id from message");
    changes_expect(1);
    ck_assert_str_eq(heard.last, "1003");
    kit_sql("update entry set heard = true");
    changes_expect(2);
    kit_sql("update entry set mailbox = '1004'"); /* both sides hear of a move */
    changes_expect(4);
    kit_sql("delete from entry");
    changes_expect(5);
    ck_assert_str_eq(heard.last, "1004");
}
END_TEST

START_TEST(burst_is_one_change)
{
    storage_on_mailbox_change(kit.st, change_heard, &heard);
    message_make();
    kit_sql("insert into entry (mailbox, message) select number, message.id from mailbox, message "
            "where number in ('1001', '1002')");
    changes_expect(2);
    /* many transactions in less time than a window has: sent as one text, committed one by one */
    kit_sql(
        "do $$ begin for i in 1..20 loop update entry set heard = not heard where mailbox = '1002'; commit; "
        "end loop; end $$");
    changes_expect(3);
    ck_assert_str_eq(heard.last, "1002");
}
END_TEST

/* -- a database that goes away
 * ---------------------------------------------------------------------------------------------------- */

static int bind_one(const char *number, uint32_t cseq)
{
    struct binding_change change = {.count = 1};
    struct binding *b = &change.bindings[0];

    strcpy(change.number, number);
    strcpy(b->contact, "sip:x@192.0.2.1");
    strcpy(b->call_id, "c");
    b->cseq = cseq;
    b->expires = clock_wall() + 3600;
    return ASK(binding_update(kit.st, &change, TICKET, subscriber_answered));
}

START_TEST(connections_killed_between_jobs_go_unnoticed)
{
    struct storage_stats stats;

    for (int i = 0; i < 6; i++) { /* each thread has a connection */
        ck_assert_int_eq(ASK(subscriber_find(kit.st, "1001", TICKET, subscriber_answered)), 0);
    }
    kit_sql("select count(pg_terminate_backend(pid)) from pg_stat_activity "
            "where application_name = 'confab' and pid <> pg_backend_pid() and datname = current_database()");
    for (uint32_t i = 1; i < 6; i++) {
        ck_assert_int_eq(bind_one("1001", i), 0);
    }
    storage_read_stats(kit.st, &stats);
    ck_assert_uint_ge(stats.reconnects, 1);
    ck_assert_uint_eq(stats.jobs_failed, 0);
}
END_TEST

START_TEST(outage_is_told_and_survived)
{
    storage_on_mailbox_change(kit.st, change_heard, &heard);
    ck_assert_int_eq(bind_one("1005", 1), 0);
    ck_assert_int_eq(bind_one("1006", 1), 0);
    log_set_level(LEVEL_ERROR + 1);
    pg_halt(kit.pg);
    ck_assert_int_eq(ASK(subscriber_find(kit.st, "1001", TICKET, subscriber_answered)), ENOTCONN);
    ck_assert_int_eq(bind_one("1001", 1), ENOTCONN);
    ck_assert_int_eq(ASK(mailbox_check_pin(kit.st, "1001", "739146", &nobody, TICKET, mailbox_answered)),
                     ENOTCONN);
    heard.count = 0; /* before it is back: the announcement may come with any answer */
    pg_resume(kit.pg);
    clock_advance(UINT64_C(10000000)); /* past the back-off */
    ck_assert_int_eq(ASK(subscriber_find(kit.st, "1001", TICKET, subscriber_answered)), 0);
    ck_assert_int_eq(bind_one("1005", 2), 0);
    /* What was missed meanwhile is not known: every mailbox with a phone is announced, and no other. */
    changes_expect(2);
    ck_assert(strcmp(heard.last, "1006") == 0 || strcmp(heard.last, "1005") == 0);
    message_make();
    kit_sql("insert into entry (mailbox, message) select '1003', id from message"); /* and it listens again */
    changes_expect(3);
    ck_assert_str_eq(heard.last, "1003");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage-outage");
    TCase *bare = tcase_create("migrations"), *full = tcase_create("changes");

    tcase_set_timeout(bare, 60);
    tcase_add_checked_fixture(bare, kit_prepare, kit_teardown);
    tcase_add_test(bare, migrations_apply_once);
    tcase_add_test(bare, migrations_of_several_daemons_wait_for_each_other);
    tcase_add_test(bare, migration_that_changed_or_fails_is_refused);
    tcase_add_test(bare, a_spool_serves_one_daemon);
    suite_add_tcase(suite, bare);
    tcase_set_timeout(full, 60);
    tcase_add_checked_fixture(full, kit_setup, kit_teardown);
    tcase_add_test(full, change_by_other_hands_is_heard);
    tcase_add_test(full, burst_is_one_change);
    tcase_add_test(full, connections_killed_between_jobs_go_unnoticed);
    tcase_add_test(full, outage_is_told_and_survived);
    suite_add_tcase(suite, full);
    return kit_main(suite);
}
