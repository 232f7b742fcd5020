/*
 * storage/ on records of calls: each comes to the database once, whatever crashes or is away, and what cannot
 * come holds up nobody else.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "storage/journal.h"
#include "storage/records.h"
#include "tests/unit/test_storage_kit.h"

#define NAMES "abcdefghijklmnopqrstuvwxyz"

static void leg(struct record *out, const char *call, int number, const char *direction)
{
    record_begin(out, NULL, RECORD_OBJECT);
    record_text(out, "call", call);
    record_number(out, "leg", number);
    record_text(out, "direction", direction);
    record_text(out, "role", "caller");
    record_text(out, "from_number", "1001");
    record_text(out, "to_number", "1002");
    record_text(out, "uri", "");
    record_time(out, "started", INT64_C(1767323045678901));
    record_time(out, "ended", INT64_C(1767323046000000));
    record_number(out, "talk_ms", 0);
    record_number(out, "status", 486);
    record_text(out, "reason", "");
    record_end(out, RECORD_OBJECT);
}

static void list(struct record *out, const char *key, const char *item)
{
    record_begin(out, key, RECORD_ARRAY);
    if (item != NULL) {
        record_text(out, NULL, item);
    }
    record_end(out, RECORD_ARRAY);
}

static void call(struct record *out, const char *id)
{
    record_begin(out, "call", RECORD_OBJECT);
    record_text(out, "id", id);
    record_text(out, "sip_call_id", "");
    record_text(out, "caller", "1001");
    record_text(out, "caller_name", "");
    record_truth(out, "anonymous", false);
    record_text(out, "number", "1002");
    record_text(out, "reached", "1002");
    list(out, "path", "callers");
    list(out, "diversions", NULL);
    record_begin(out, "tags", RECORD_OBJECT);
    record_text(out, "campaign", "spring");
    record_end(out, RECORD_OBJECT);
    list(out, "recordings", NULL);
    /* Now: what is old would be swept away. */
    record_time(out, "started", clock_wall_us());
    record_time(out, "ended", clock_wall_us());
    record_number(out, "status", 486);
    record_text(out, "reason", "");
    record_number(out, "setup_ms", 5);
    record_number(out, "talk_ms", 0);
    record_end(out, RECORD_OBJECT);
}

/* As core/call makes them: a call of two legs that was busy. */
static struct record record(const char *id)
{
    struct record out = {0};

    record_begin(&out, NULL, RECORD_OBJECT);
    call(&out, id);
    record_begin(&out, "legs", RECORD_ARRAY);
    leg(&out, id, 1, "in");
    leg(&out, id, 2, "out");
    record_end(&out, RECORD_ARRAY);
    record_begin(&out, "trace", RECORD_ARRAY);
    for (int i = 0; i < 2; i++) {
        record_begin(&out, NULL, RECORD_OBJECT);
        record_number(&out, "at_us", 17 + i);
        record_text(&out, "event", i ? "response" : "INVITE");
        record_text(&out, "detail", "");
        record_end(&out, RECORD_OBJECT);
    }
    record_end(&out, RECORD_ARRAY);
    record_end(&out, RECORD_OBJECT);
    ck_assert(!out.failed);
    return out;
}

/* Writes a segment as a crash has left it: records of `ids`, then `rest`. */
static void segment(int number, const char *ids, const char *rest)
{
    char path[256];

    kit_path(path, sizeof path, "spool");
    mkdir(path, 0700);
    kit_path(path, sizeof path, "spool/journal");
    mkdir(path, 0700);
    kit_path(path, sizeof path, "spool/journal/%017d.jsonl", number);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (; *ids != '\0'; ids++) {
        struct record one = record((char[]){*ids, '\0'});

        fprintf(file, "%.*s\n", (int)one.length, one.text);
        record_free(&one);
    }
    fputs(rest, file);
    fclose(file);
}

static void calls_expect(long count)
{
    for (int i = 0; i < 200 && kit_sql("select count(*) from call") != count; i++) {
        loop_step(kit.loop, 50);
    }
    ck_assert_int_eq(kit_sql("select count(*) from call"), count);
}

static bool journal_empties(void)
{
    struct storage_stats stats;

    for (int i = 0; i < 200; i++) {
        storage_read_stats(kit.st, &stats);
        if (stats.records_waiting == 0) {
            return true;
        }
        loop_step(kit.loop, 50);
    }
    return false;
}

static void save(const char *id)
{
    struct record one = record(id);

    ck_assert_int_eq(record_save(kit.st, &one), 0);
}

START_TEST(record_becomes_rows)
{
    save("a");
    calls_expect(1);
    ck_assert_int_eq(kit_sql("select count(*) from cdr where call = 'a' and status = 486 "
                             "and started = '2026-01-02 03:04:05.678901+00'"),
                     2);
    ck_assert_int_eq(
        kit_sql("select count(*) from trace join call on call.id = trace.call "
                "and trace.started = call.started where seq = 1 and event = 'INVITE' and at_us = 17 "
                "and link is null"),
        1);
    ck_assert_int_eq(kit_sql("select count(*) from trace where seq = 2 and event = 'response'"), 1);
    ck_assert_int_eq(
        kit_sql("select count(*) from call where path = '{callers}' and tags->>'campaign' = 'spring'"), 1);
    ck_assert(journal_empties());
}
END_TEST

START_TEST(database_away_records_wait_and_come_once)
{
    struct storage_stats stats;

    log_set_level(LEVEL_ERROR + 1);
    pg_halt(kit.pg);
    for (int i = 0; i < 10; i++) {
        save((char[]){NAMES[i], '\0'});
        loop_step(kit.loop, 30);
    }
    storage_read_stats(kit.st, &stats);
    ck_assert_uint_gt(stats.records_waiting, 0);
    pg_resume(kit.pg);
    clock_advance(UINT64_C(10000000)); /* past the back-off */
    calls_expect(10);
    ck_assert_int_eq(kit_sql("select count(*) from cdr"), 20);
    ck_assert(journal_empties());
    storage_read_stats(kit.st, &stats);
    ck_assert_uint_eq(stats.records_lost, 0);
}
END_TEST

START_TEST(stop_brings_in_what_was_saved)
{
    save("a");
    save("b");
    kit_restart();
    ck_assert_int_eq(kit_sql("select count(*) from call"), 2);
}
END_TEST

/* The crash between the commit and the unlink: the same segment again. */
START_TEST(replay_of_what_is_in_changes_nothing)
{
    segment(1, "abc", "");
    kit_start();
    calls_expect(3);
    ck_assert(journal_empties());
    kit_stop();
    segment(2, "abc", "");
    segment(3, "bd", "");
    kit_start();
    ck_assert(journal_empties());
    calls_expect(4);
    ck_assert_int_eq(kit_sql("select count(*) from cdr"), 8);
    ck_assert_int_eq(kit_sql("select count(*) from trace"), 8);
}
END_TEST

START_TEST(line_cut_by_a_crash_is_left_out)
{
    log_set_level(LEVEL_ERROR);
    segment(1, "ab", "{\"call\": {\"id\": \"c\", \"sip_ca");
    segment(2, "d", "");
    segment(3, "", "");
    kit_start();
    ck_assert(journal_empties());
    calls_expect(3);
    ck_assert(!kit_has("spool/journal/%017d.jsonl", 1));
    ck_assert(!kit_has("spool/journal/%017d.jsonl", 3));
}
END_TEST

START_TEST(record_that_is_refused_goes_aside)
{
    log_set_level(LEVEL_ERROR + 1);
    segment(1, "a", "{\"call\": {\"id\": \"bad\"}}\nno JSON\n{\"call\": \"\\u0000\"}\n");
    segment(2, NAMES, "");
    kit_start();
    ck_assert(journal_empties());
    calls_expect(26);
    ck_assert(kit_has("spool/journal/broken"));
}
END_TEST

START_TEST(more_records_than_a_batch_holds)
{
    char text[32];

    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "call-%d", i);
        save(text);
    }
    calls_expect(300);
    ck_assert_int_eq(kit_sql("select count(*) from cdr"), 600);
}
END_TEST

START_TEST(old_calls_and_traces_are_removed)
{
    save("old");
    calls_expect(1);
    kit_sql("update call set started = now() - interval '91 days' where id = 'old'");
    save("new");
    calls_expect(2);
    kit_sql("update call set started = now() - interval '8 days' where id = 'new'");
    kit_sql("update call_trace set started = now() - interval '8 days' where call = 'new'");
    ck_assert_int_eq(ASK(spool_sweep(kit.st, TICKET, done_answered)), 0);
    ck_assert_int_eq(kit_sql("select count(*) from call where id = 'new'"), 1);
    ck_assert_int_eq(kit_sql("select count(*) from call"), 1);
    ck_assert_int_eq(kit_sql("select count(*) from cdr"), 2);
    ck_assert_int_eq(kit_sql("select count(*) from trace"), 0);
}
END_TEST

/* -- the journal alone
 * ---------------------------------------------------------------------------------------------------- */

static struct journal *journal;

static void journal_begin(uint64_t limit)
{
    char path[256];

    kit_path(path, sizeof path, "spool");
    mkdir(path, 0700);
    ck_assert_int_eq(journal_open(&journal, path, limit), 0);
}

START_TEST(limit_keeps_the_oldest)
{
    char name[JOURNAL_NAME], *text = NULL;

    journal_begin(10);
    ck_assert_int_eq(journal_append(journal, "first\n", 6), 0);
    ck_assert_int_eq(journal_append(journal, "second\n", 7), EDQUOT);
    ck_assert_int_eq(journal_append(journal, "2nd\n", 4), 0);
    ck_assert_int_eq(journal_oldest(journal, name, &text), ENOENT); /* still written to */
    journal_rotate(journal);
    ck_assert_int_eq(journal_oldest(journal, name, &text), 0);
    ck_assert_str_eq(text, "first\n2nd\n");
    free(text);
    journal_remove(journal, name);
    ck_assert_uint_eq(journal_waiting(journal), 0);
    ck_assert_int_eq(journal_append(journal, "third\n", 6), 0);
    journal_close(journal);
}
END_TEST

/* RLIMIT_FSIZE cuts a write as a full disk does. */
START_TEST(full_disk_leaves_no_half_line)
{
    struct rlimit whole, tight = {.rlim_cur = 12, .rlim_max = RLIM_INFINITY};
    char name[JOURNAL_NAME], *text = NULL;

    journal_begin(1000);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &whole), 0);
    tight.rlim_max = whole.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    ck_assert_int_eq(journal_append(journal, "first\n", 6), 0);
    ck_assert_int_ne(journal_append(journal, "second-and-long\n", 16), 0);
    ck_assert_int_eq(journal_append(journal, "2nd\n", 4), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &whole), 0);
    ck_assert_int_eq(journal_append(journal, "third\n", 6), 0);
    journal_rotate(journal);
    ck_assert_int_eq(journal_oldest(journal, name, &text), 0);
    ck_assert_str_eq(text, "first\n2nd\nthird\n");
    free(text);
    journal_close(journal);
}
END_TEST

START_TEST(lines_of_an_earlier_process_come_first)
{
    char name[JOURNAL_NAME], *text = NULL;

    journal_begin(1000);
    ck_assert_int_eq(journal_append(journal, "first\n", 6), 0);
    journal_close(journal);
    journal_begin(1000);
    ck_assert_uint_eq(journal_waiting(journal), 6);
    ck_assert_int_eq(journal_append(journal, "second\n", 7), 0);
    ck_assert_int_eq(journal_sync(journal), 0);
    journal_rotate(journal);
    ck_assert_int_eq(journal_oldest(journal, name, &text), 0);
    ck_assert_str_eq(text, "first\n");
    free(text);
    journal_remove(journal, name);
    ck_assert_int_eq(journal_oldest(journal, name, &text), 0);
    ck_assert_str_eq(text, "second\n");
    free(text);
    journal_close(journal);
}
END_TEST

/* What is written is JSON, whatever it was made of. */
START_TEST(texts_from_the_network_are_made_fit)
{
    struct record out = {0};
    json_t *object;

    record_begin(&out, NULL, RECORD_OBJECT);
    record_text(&out, "bad", "a\xff\x01z\n\xe2\x82");
    record_text(&out, "good", "\"J\xc3\xbcrgen\" \\ \xe2\x82\xac \xf0\x9f\x98\x80");
    record_text(&out, "a \"key\"\x02", "");
    record_text_or_null(&out, "none", "");
    record_time(&out, "time", INT64_C(1767323045678901));
    record_time(&out, "never", 0);
    record_number(&out, "least", INT64_MIN);
    record_number(&out, "most", INT64_MAX);
    record_hundredths(&out, "mos", 405);
    record_truth(&out, "yes", true);
    record_begin(&out, "list", RECORD_ARRAY);
    record_json(&out, NULL, NULL, 0);
    record_begin(&out, NULL, RECORD_OBJECT);
    record_end(&out, RECORD_OBJECT);
    record_json(&out, NULL, "1,2", 3);
    record_end(&out, RECORD_ARRAY);
    record_end(&out, RECORD_OBJECT);
    ck_assert(!out.failed);
    object = json_loadb(out.text, out.length, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(object);
    ck_assert_str_eq(json_string_value(json_object_get(object, "bad")), "a??z???");
    ck_assert_str_eq(json_string_value(json_object_get(object, "good")),
                     "\"J\xc3\xbcrgen\" \\ \xe2\x82\xac \xf0\x9f\x98\x80");
    ck_assert_str_eq(json_string_value(json_object_get(object, "a \"key\"?")), "");
    ck_assert(json_is_null(json_object_get(object, "none")));
    ck_assert_str_eq(json_string_value(json_object_get(object, "time")), "2026-01-02T03:04:05.678901Z");
    ck_assert(json_is_null(json_object_get(object, "never")));
    ck_assert(json_integer_value(json_object_get(object, "least")) == INT64_MIN);
    ck_assert(json_integer_value(json_object_get(object, "most")) == INT64_MAX);
    ck_assert(json_real_value(json_object_get(object, "mos")) == 4.05);
    ck_assert(json_is_true(json_object_get(object, "yes")));
    ck_assert_uint_eq(json_array_size(json_object_get(object, "list")), 3);
    json_decref(object);
    record_free(&out);
}
END_TEST

/* Many lines in one write: what does not fit takes those before it along, and leaves nothing of itself. */
START_TEST(lines_go_together_or_not_at_all)
{
    char name[JOURNAL_NAME], *text = NULL;

    journal_begin(10);
    ck_assert_int_eq(journal_append(journal, "a\nb\n", 4), 0);
    ck_assert_int_eq(journal_append(journal, "c\nlong-one\n", 11), EDQUOT);
    ck_assert_int_eq(journal_append(journal, "c\n", 2), 0);
    journal_rotate(journal);
    ck_assert_int_eq(journal_oldest(journal, name, &text), 0);
    ck_assert_str_eq(text, "a\nb\nc\n");
    free(text);
    journal_close(journal);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    TCase *bare = tcase_create("files"), *full = tcase_create("rows");

    tcase_set_timeout(bare, 60);
    tcase_add_checked_fixture(bare, kit_prepare, kit_teardown);
    tcase_add_test(bare, limit_keeps_the_oldest);
    tcase_add_test(bare, full_disk_leaves_no_half_line);
    tcase_add_test(bare, lines_of_an_earlier_process_come_first);
    tcase_add_test(bare, lines_go_together_or_not_at_all);
    tcase_add_test(bare, texts_from_the_network_are_made_fit);
    tcase_add_test(bare, replay_of_what_is_in_changes_nothing);
    tcase_add_test(bare, line_cut_by_a_crash_is_left_out);
    tcase_add_test(bare, record_that_is_refused_goes_aside);
    suite_add_tcase(suite, bare);
    tcase_set_timeout(full, 60);
    tcase_add_checked_fixture(full, kit_setup, kit_teardown);
    tcase_add_test(full, record_becomes_rows);
    tcase_add_test(full, database_away_records_wait_and_come_once);
    tcase_add_test(full, stop_brings_in_what_was_saved);
    tcase_add_test(full, more_records_than_a_batch_holds);
    tcase_add_test(full, old_calls_and_traces_are_removed);
    suite_add_tcase(suite, full);
    return kit_main(suite);
}
