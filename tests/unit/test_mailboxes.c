/* storage/: mailboxes, their entries and greetings, against a real PostgreSQL. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "storage/caller.h"
#include "storage/internal.h"
#include "storage/send.h"
#include "tests/unit/test_storage_kit.h"

/* -- how long messages stay
 * ------------------------------------------------------------------------------------------------------ */

static void heard_message(const char *mailbox)
{
    char sql[600];

    snprintf(sql, sizeof sql,
             "with b as (insert into blob (audio, sha256) values ('x', sha256('x')) returning id), "
             "m as (insert into message (id, blob, cause, started, duration_ms) "
             "select gen_random_uuid(), id, 'direct', now(), 1000 from b returning id) "
             "insert into entry (mailbox, message) select '%s', id from m",
             mailbox);
    kit_sql(sql);
    snprintf(sql, sizeof sql, "update entry set heard = true where mailbox = '%s'", mailbox);
    kit_sql(sql);
}

static long left(const char *what, const char *where)
{
    char sql[128];

    ck_assert_int_eq(ASK(spool_sweep(kit.st, TICKET, done_answered)), 0);
    snprintf(sql, sizeof sql, "select count(*) from %s where %s", what, where);
    return kit_sql(sql);
}

#define DAY (UINT64_C(86400) * 1000000)

START_TEST(heard_messages_go_to_the_trash_and_then_for_good)
{
    heard_message("1001");
    heard_message("1002");
    heard_message("1003");
    kit_sql("update mailbox set keep_days = 7, trash_days = 3 where number in ('1001', '1002')");
    kit_sql("update mailbox set legal_hold = true where number = '1002'");
    clock_advance(6 * DAY);
    ck_assert_int_eq(left("entry", "deleted_at is not null"), 0);
    clock_advance(2 * DAY);
    ck_assert_int_eq(left("entry", "deleted_at is not null"), 2);
    clock_advance(2 * DAY);
    ck_assert_int_eq(left("blob", "true"), 3);
    clock_advance(2 * DAY);
    ck_assert_int_eq(left("entry", "mailbox = '1001'"), 0);
    ck_assert_int_eq(left("entry", "mailbox = '1002' and deleted_at is not null"), 1);
    ck_assert_int_eq(left("entry", "mailbox = '1003' and deleted_at is null"), 1);
    ck_assert_int_eq(left("blob", "true"), 2);
    ck_assert_int_eq(left("audit", "act = 'removed' and source = 'retention'"), 1);
}
END_TEST

/* -- rooms and mailboxes
 * ------------------------------------------------------------------------------------------------------ */

/* A message as a deposit would make it, by SQL. */
static void message_make(const char *mailbox, const char *caller, const char *started)
{
    char sql[1024];

    snprintf(sql, sizeof sql,
             "with b as (insert into blob (audio, sha256) values ('RIFF', sha256('RIFF')) returning id), "
             "m as (insert into message (id, blob, caller, cause, started, duration_ms) "
             "select gen_random_uuid(), id, '%s', 'busy', '%s', 4000 from b returning id) select 1",
             caller, started);
    kit_sql(sql);
    snprintf(sql, sizeof sql,
             "insert into entry (mailbox, message) select '%s', id from message where caller = '%s'", mailbox,
             caller);
    kit_sql(sql);
}

static int list(const char *mailbox, enum folder folder)
{
    return ASK(
        entries_list(kit.st, mailbox, &(struct entry_query){.folder = folder}, TICKET, entries_answered));
}

START_TEST(mailbox_found_with_counts)
{
    message_make("1001", "201", "2026-01-02 03:04:05Z");
    message_make("1001", "202", "2026-01-02 03:04:06Z");
    message_make("1001", "203", "2026-01-02 03:04:07Z");
    message_make("1001", "204", "2026-01-02 03:04:08Z");
    kit_sql("update entry set urgent = true, heard = true from message m where m.id = message and caller = "
            "'202'");
    kit_sql("update entry set folder = 'work' from message m where m.id = message and caller = '203'");
    kit_sql("update entry set deleted_at = now() from message m where m.id = message and caller = '204'");
    ck_assert_int_eq(ASK(mailbox_find(kit.st, "1001", TICKET, mailbox_answered)), 0);
    ck_assert_str_eq(answer.mailbox.name, "Alice Archer");
    ck_assert_str_eq(answer.mailbox.zone, "Europe/London");
    ck_assert_uint_eq(answer.mailbox.max_messages, 100);
    ck_assert_uint_eq(answer.mailbox.message_count, 3);
    ck_assert_int_eq(ASK(mailbox_count(kit.st, "1001", TICKET, counts_answered)), 0);
    ck_assert_uint_eq(answer.counts.fresh, 1);
    ck_assert_uint_eq(answer.counts.old, 1);
    ck_assert_uint_eq(answer.counts.fresh_urgent, 0);
    ck_assert_uint_eq(answer.counts.old_urgent, 1);
    ck_assert_int_eq(ASK(mailbox_count(kit.st, "1002", TICKET, counts_answered)), 0);
    ck_assert_uint_eq(answer.counts.fresh, 0);
    ck_assert_int_eq(ASK(mailbox_count(kit.st, "2001", TICKET, counts_answered)), ENOENT);
    ck_assert_int_eq(ASK(mailbox_find(kit.st, "2001", TICKET, mailbox_answered)), ENOENT);
}
END_TEST

START_TEST(entries_listed_by_folder_oldest_first)
{
    message_make("1001", "201", "2026-01-02 03:04:07Z");
    message_make("1001", "202", "2026-01-02 03:04:05Z");
    ck_assert_int_eq(list("1001", FOLDER_INBOX), 0);
    ck_assert_uint_eq(answer.entry_count, 2);
    ck_assert_str_eq(answer.entries[0].caller, "202");
    ck_assert_int_eq(answer.entries[0].left, 1767323045);
    ck_assert_uint_eq(answer.entries[0].duration_ms, 4000);
    ck_assert_int_eq(list("1001", FOLDER_OLD), 0);
    ck_assert_uint_eq(answer.entry_count, 0);
    ck_assert_int_eq(list("2001", FOLDER_OLD), ENOENT);
}
END_TEST

static int query(const struct entry_query *query)
{
    return ASK(entries_list(kit.st, "1001", query, TICKET, entries_answered));
}

START_TEST(entries_listed_in_the_order_wanted)
{
    message_make("1001", "201", "2026-01-02 03:04:05Z");
    message_make("1001", "202", "2026-01-02 03:04:06Z");
    message_make("1001", "203", "2026-01-02 03:04:07Z");
    kit_sql("update entry set urgent = true from message m where m.id = message and caller = '202'");
    ck_assert_int_eq(list("1001", FOLDER_INBOX), 0);
    ck_assert_str_eq(answer.entries[0].caller, "202");
    ck_assert_str_eq(answer.entries[1].caller, "201");
    ck_assert_str_eq(answer.entries[2].caller, "203");
    ck_assert_int_eq(query(&(struct entry_query){.newest_first = true}), 0);
    ck_assert_str_eq(answer.entries[0].caller, "202");
    ck_assert_str_eq(answer.entries[1].caller, "203");
    ck_assert_str_eq(answer.entries[2].caller, "201");
}
END_TEST

/* What goes on behind an entry has all that come after it, none twice, in either order. */
START_TEST(long_listing_goes_on_where_it_ended)
{
    kit_sql(
        "with b as (insert into blob (audio, sha256) values ('RIFF', sha256('RIFF')) returning id), "
        "m as (insert into message (id, blob, caller, cause, started, duration_ms) "
        "select gen_random_uuid(), b.id, n::text, 'busy', timestamptz '2026-01-02' + n / 3 * interval '1 s', "
        "1000 from b, generate_series(1, 1005) n returning id) select count(*) from m");
    kit_sql("insert into entry (mailbox, message, urgent) select '1001', id, caller = '700' from message");
    for (int newest = 0; newest < 2; newest++) {
        struct entry_query next = {.newest_first = newest};
        ck_assert_int_eq(query(&next), 0);
        ck_assert_uint_eq(answer.entry_count, ENTRIES_MAX);
        ck_assert_str_eq(answer.entries[0].caller, "700");
        strcpy(next.after, answer.last.id);
        ck_assert_int_eq(query(&next), 0);
        ck_assert_uint_eq(answer.entry_count, 5);
        for (size_t i = 0; i < answer.entry_count; i++) {
            int caller = atoi(answer.entries[i].caller);
            ck_assert(newest ? caller <= 8 : caller >= 998);
        }
        strcpy(next.after, answer.last.id);
        ck_assert_int_eq(query(&next), 0);
        ck_assert_uint_eq(answer.entry_count, 0);
    }
    ck_assert_int_eq(query(&(struct entry_query){.after = "x"}), ENOENT);
}
END_TEST

START_TEST(entries_found_by_the_end_of_a_number)
{
    message_make("1001", "+49301234", "2026-01-02 03:04:05Z");
    message_make("1001", "01234", "2026-01-02 03:04:06Z");
    message_make("1001", "234", "2026-01-02 03:04:07Z");
    message_make("1001", "5", "2026-01-02 03:04:08Z");
    kit_sql("update entry set folder = 'work' from message m where m.id = message and caller = '01234'");
    ck_assert_int_eq(query(&(struct entry_query){.caller = "1234"}), 0);
    ck_assert_uint_eq(answer.entry_count, 2);
    ck_assert_str_eq(answer.entries[0].caller, "+49301234");
    kit_sql("update entry set deleted_at = now()");
    ck_assert_int_eq(query(&(struct entry_query){.caller = "1234"}), 0);
    ck_assert_uint_eq(answer.entry_count, 0);
}
END_TEST

/* What cannot be brought back any more is not offered, also while nothing may be removed. */
START_TEST(trash_is_listed_as_long_as_it_is_kept)
{
    message_make("1001", "201", "2026-01-02 03:04:05Z");
    message_make("1001", "202", "2026-01-02 03:04:06Z");
    message_make("1001", "203", "2026-01-02 03:04:07Z");
    kit_sql("update entry set deleted_at = now() - interval '1 day' from message m "
            "where m.id = message and caller = '201'");
    kit_sql("update entry set deleted_at = now() - interval '40 days' from message m "
            "where m.id = message and caller = '202'");
    ck_assert_int_eq(list("1001", FOLDER_TRASH), 0);
    ck_assert_uint_eq(answer.entry_count, 1);
    ck_assert_str_eq(answer.entries[0].caller, "201");
    ck_assert(answer.entries[0].deleted);
    kit_sql("update mailbox set trash_days = 50 where number = '1001'");
    ck_assert_int_eq(list("1001", FOLDER_TRASH), 0);
    ck_assert_uint_eq(answer.entry_count, 2);
    kit_sql("update mailbox set trash_days = null where number = '1001'");
}
END_TEST

START_TEST(preferences_are_stored)
{
    struct mailbox box;

    ck_assert_int_eq(ASK(mailbox_find(kit.st, "1001", TICKET, mailbox_answered)), 0);
    box = answer.mailbox;
    ck_assert(box.envelope && !box.autoplay && !box.newest_first);
    box.envelope = false;
    box.autoplay = box.newest_first = true;
    ck_assert_int_eq(ASK(mailbox_prefer(kit.st, &box, TICKET, done_answered)), 0);
    ck_assert_int_eq(ASK(mailbox_find(kit.st, "1001", TICKET, mailbox_answered)), 0);
    ck_assert(!answer.mailbox.envelope && answer.mailbox.autoplay && answer.mailbox.newest_first);
    strcpy(box.number, "2001");
    ck_assert_int_eq(ASK(mailbox_prefer(kit.st, &box, TICKET, done_answered)), ENOENT);
}
END_TEST

START_TEST(entry_is_mailed_where_there_is_an_address)
{
    message_make("1001", "201", "2026-01-02 03:04:05Z");
    ck_assert_int_eq(list("1001", FOLDER_INBOX), 0);
    kit_sql("update mailbox set email = null where number = '1001'");
    ck_assert_int_eq(ASK(entry_mail(kit.st, "1001", answer.entries[0].id, TICKET, done_answered)), ENOENT);
    kit_sql("update mailbox set email = 'a@example.org' where number = '1001'");
    ck_assert_int_eq(ASK(entry_mail(kit.st, "1001", answer.entries[0].id, TICKET, done_answered)), 0);
    ck_assert_int_eq(ASK(entry_mail(kit.st, "1001", "x", TICKET, done_answered)), ESTALE);
}
END_TEST

static int update(const struct entry *entry)
{
    return ASK(entry_update(kit.st, entry, TICKET, entry_answered));
}

START_TEST(entry_changes_only_in_the_version_read)
{
    message_make("1001", "201", "2026-01-02 03:04:07Z");
    ck_assert_int_eq(list("1001", FOLDER_INBOX), 0);
    struct entry first = answer.entries[0];
    struct entry mine = first;

    mine.heard = true;
    ck_assert_int_eq(update(&mine), 0);
    ck_assert_int_eq(answer.entry.folder, FOLDER_OLD);
    ck_assert_str_eq(answer.entry.caller, "201");
    ck_assert_int_gt(answer.entry.version, first.version);
    struct entry second = answer.entry;
    ck_assert_int_eq(update(&first), ESTALE);
    kit_sql("update entry set urgent = true"); /* an administrator's change counts too */
    ck_assert_int_eq(update(&second), ESTALE);
    ck_assert_int_eq(list("1001", FOLDER_OLD), 0);
    second = answer.entries[0];
    second.folder = FOLDER_FAMILY;
    ck_assert_int_eq(update(&second), 0);
    ck_assert_int_eq(list("1001", FOLDER_FAMILY), 0);
    ck_assert_uint_eq(answer.entry_count, 1);
    ck_assert_int_eq(list("1001", FOLDER_OLD), 0);
    ck_assert_uint_eq(answer.entry_count, 0);
    uuid_make(second.id);
    ck_assert_int_eq(update(&second), ENOENT);
    strcpy(second.id, "x");
    ck_assert_int_eq(update(&second), ENOENT);
}
END_TEST

START_TEST(entry_deleted_and_back)
{
    message_make("1001", "201", "2026-01-02 03:04:07Z");
    ck_assert_int_eq(list("1001", FOLDER_INBOX), 0);
    struct entry entry = answer.entries[0];

    entry.deleted = true;
    ck_assert_int_eq(update(&entry), 0);
    entry = answer.entry;
    ck_assert(entry.deleted);
    ck_assert_int_eq(list("1001", FOLDER_INBOX), 0);
    ck_assert_uint_eq(answer.entry_count, 0);
    entry.deleted = false;
    ck_assert_int_eq(update(&entry), 0);
    ck_assert_int_eq(list("1001", FOLDER_INBOX), 0);
    ck_assert_uint_eq(answer.entry_count, 1);
}
END_TEST

static void sent_answered(struct ticket ticket, int error, const struct sent *sent)
{
    (void)sent;
    done_answered(ticket, error);
}

START_TEST(forwarded_entry_shares_the_sound)
{
    message_make("1001", "201", "2026-01-02 03:04:07Z");
    kit_sql("update mailbox set email = 'ben@example.com' where number = '1002'");
    ck_assert_int_eq(list("1001", FOLDER_INBOX), 0);
    char id[UUID_TEXT];

    strcpy(id, answer.entries[0].id);
    ck_assert_int_eq(ASK(entry_send(kit.st, id, "1002", "1001", NULL, TICKET, sent_answered)), 0);
    ck_assert_int_eq(list("1002", FOLDER_INBOX), 0);
    ck_assert_uint_eq(answer.entry_count, 1);
    ck_assert_str_eq(answer.entries[0].caller, "201");
    ck_assert_int_eq(kit_sql("select count(*) from outbox where payload->>'to' = 'ben@example.com'"), 1);
    struct entry theirs = answer.entries[0];
    theirs.heard = theirs.deleted = true;
    ck_assert_int_eq(update(&theirs), 0);
    ck_assert_int_eq(ASK(entry_send(kit.st, id, "1002", "1001", NULL, TICKET, sent_answered)), 0);
    ck_assert_int_eq(list("1002", FOLDER_INBOX), 0);
    ck_assert_uint_eq(answer.entry_count, 1);
    ck_assert_int_eq(kit_sql("select count(*) from message"), 1);
    ck_assert_int_eq(kit_sql("select refs from message"), 2);
    uuid_make(id);
    ck_assert_int_eq(ASK(entry_send(kit.st, id, "1002", "1001", NULL, TICKET, sent_answered)), ENOENT);
}
END_TEST

START_TEST(audio_goes_with_its_last_entry)
{
    message_make("1001", "201", "2026-01-02 03:04:07Z");
    kit_sql("insert into entry (mailbox, message) select number, message.id from mailbox, message "
            "where number <> '1001'");
    ck_assert_int_eq(kit_sql("select refs from message"), 10);
    ck_assert_int_eq(kit_sql("select refs from blob"), 1);
    kit_sql("delete from entry where mailbox <> '1001'");
    ck_assert_int_eq(kit_sql("select refs from message"), 1);
    kit_sql("delete from entry");
    ck_assert_int_eq(kit_sql("select (select count(*) from message) + (select count(*) from blob)"), 0);
}
END_TEST

/* Whose mailbox it is, of all whom a call was sent on by: numbers, and subscribers with a box of another. */
START_TEST(first_mailbox_of_many)
{
    static const char *const numbers[] = {"4711", "x' or true", "301", "1002", "1001"};

    kit_sql("insert into subscriber (number, mailbox) values ('301', '1003')");
    ck_assert_int_eq(ASK(mailbox_find_first(kit.st, numbers, 5, TICKET, first_answered)), 0);
    ck_assert_uint_eq(answer.which, 2);
    ck_assert_str_eq(answer.mailbox.number, "1003");
    ck_assert_int_eq(ASK(mailbox_find_first(kit.st, numbers, 2, TICKET, first_answered)), ENOENT);
    ck_assert_int_eq(ASK(mailbox_find_first(kit.st, numbers + 3, 2, TICKET, first_answered)), 0);
    ck_assert_uint_eq(answer.which, 0);
}
END_TEST

static long file_size(const char *path)
{
    struct stat stat_;

    return stat(path, &stat_) == 0 ? (long)stat_.st_size : -1;
}

START_TEST(greeting_stored_fetched_and_dropped)
{
    char path[512];

    for (int i = 0; i < 2; i++) { /* the second replaces the first */
        kit_path(path, sizeof path, "cache/own%d.wav", i);
        wav_write(path, 500, 500);
        ck_assert_int_eq(
            ASK(greeting_store(kit.st, "1001", GREETING_BUSY, "", path, "", TICKET, done_answered)), 0);
        ck_assert_int_eq(access(path, F_OK), -1);
    }
    ck_assert_int_eq(kit_sql("select count(*) from blob"), 1);
    ck_assert_int_eq(ASK(mailbox_find(kit.st, "1001", TICKET, mailbox_answered)), 0);
    ck_assert(answer.mailbox.greetings[GREETING_BUSY] && !answer.mailbox.greetings[GREETING_NAME]);
    ck_assert_int_eq(ASK(greeting_fetch(kit.st, "1001", GREETING_BUSY, TICKET, file_answered)), 0);
    ck_assert_int_eq(file_size(answer.path), 44 + 8000);
    unlink(answer.path);
    ck_assert_int_eq(ASK(greeting_fetch(kit.st, "1001", GREETING_NAME, TICKET, file_answered)), ENOENT);

    kit_path(path, sizeof path, "cache/own.wav");
    wav_write(path, 500, 500);
    ck_assert_int_eq(ASK(greeting_store(kit.st, "2001", GREETING_BUSY, "", path, "", TICKET, done_answered)),
                     ENOENT);
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_int_eq(ASK(greeting_store(kit.st, "1001", GREETING_BUSY, "", path, "", TICKET, done_answered)),
                     ENOENT);
    ck_assert_int_eq(ASK(greeting_store(kit.st, "1001", GREETING_BUSY, "", NULL, "", TICKET, done_answered)),
                     0);
    ck_assert_int_eq(kit_sql("select count(*) from blob"), 0);
}
END_TEST

static void greeting_make(enum greeting_kind kind, const char *callers, uint32_t ms)
{
    char path[512];

    kit_path(path, sizeof path, "cache/own.wav");
    wav_write(path, ms, ms);
    ck_assert_int_eq(ASK(greeting_store(kit.st, "1001", kind, callers, path, "", TICKET, done_answered)), 0);
}

/* Which greeting a caller hears is told by its length; 0: none is for him. */
static long greeting_length_for(const char *caller)
{
    int error = ASK(greeting_fetch_for(kit.st, "1001", caller, false, TICKET, file_answered));
    long size;

    ck_assert(error == 0 || error == ENOENT);
    if (error)
        return 0;
    size = file_size(answer.path);
    unlink(answer.path);
    return (size - 44) / 16;
}

START_TEST(greetings_for_callers)
{
    greeting_make(GREETING_CALLER, "100X 0207.", 100);
    greeting_make(GREETING_CALLER, "1004", 200);
    greeting_make(GREETING_CALLER, "300-399", 300);
    ck_assert_int_eq(greeting_length_for("1003"), 100);
    ck_assert_int_eq(greeting_length_for("02079460000"), 100);
    ck_assert_int_eq(greeting_length_for("1004"), 200); /* his very number goes before patterns */
    ck_assert_int_eq(greeting_length_for("345"), 300);
    ck_assert_int_eq(greeting_length_for("400"), 0);
    ck_assert_int_eq(greeting_length_for("0207"), 0);
    ck_assert_int_eq(ASK(greeting_fetch_for(kit.st, "1001", "1003", true, TICKET, file_answered)), ENOENT);
    ck_assert_int_eq(ASK(greeting_fetch_for(kit.st, "1001", "1004", true, TICKET, file_answered)), 0);
    unlink(answer.path);
    ck_assert_int_eq(
        ASK(greeting_store(kit.st, "1001", GREETING_CALLER, "1004", NULL, "", TICKET, done_answered)), 0);
    ck_assert_int_eq(greeting_length_for("1004"), 100);
}
END_TEST

static struct mailbox mailbox_now(const char *number)
{
    ck_assert_int_eq(ASK(mailbox_find(kit.st, number, TICKET, mailbox_answered)), 0);
    return answer.mailbox;
}

/* A greeting that has ended is as if it were not there, until another is recorded. */
START_TEST(temporary_greeting_ends)
{
    time_t end = time(NULL) + 1000;

    ck_assert_int_eq(ASK(greeting_set_end(kit.st, "1001", GREETING_TEMPORARY, end, TICKET, done_answered)),
                     ENOENT);
    greeting_make(GREETING_TEMPORARY, "", 100);
    ck_assert(mailbox_now("1001").greetings[GREETING_TEMPORARY]);
    ck_assert_int_eq(mailbox_now("1001").temporary_ends, 0);
    ck_assert_int_eq(ASK(greeting_set_end(kit.st, "1001", GREETING_TEMPORARY, end, TICKET, done_answered)),
                     0);
    ck_assert(mailbox_now("1001").greetings[GREETING_TEMPORARY]);
    ck_assert_int_eq(mailbox_now("1001").temporary_ends, end);
    kit_sql("update greeting set ends = now()");
    ck_assert(!mailbox_now("1001").greetings[GREETING_TEMPORARY]);
    greeting_make(GREETING_TEMPORARY, "", 100);
    ck_assert(mailbox_now("1001").greetings[GREETING_TEMPORARY]);
}
END_TEST

/* Hours and holidays, on the calendar of the box. What cannot be read closes nothing. */
START_TEST(mailbox_is_closed_out_of_hours)
{
    ck_assert(!mailbox_now("1001").closed);
    kit_sql("update mailbox set open_hours = '2001-01-01' where number = '1001'");
    ck_assert(mailbox_now("1001").closed);
    kit_sql("update mailbox set open_hours = 'mon-sun' where number = '1001'");
    ck_assert(!mailbox_now("1001").closed);
    kit_sql("update mailbox set open_hours = 'now and then' where number = '1001'");
    ck_assert(!mailbox_now("1001").closed);
    kit_sql("insert into holiday (mailbox, first_day, last_day) values ('1001', '2001-01-01', '2001-01-02'), "
            "('1001', current_date - 1, current_date + 1), ('1002', '2001-01-01', '2001-01-02')");
    ck_assert(mailbox_now("1001").closed);
    ck_assert(!mailbox_now("1002").closed);
    kit_sql("insert into holiday (first_day, last_day) values (current_date - 1, current_date + 1)");
    ck_assert(mailbox_now("1002").closed);
}
END_TEST

START_TEST(tutorial_is_over_once)
{
    kit_sql("update mailbox set tutorial = true where number = '1001'");
    ck_assert(mailbox_now("1001").tutorial);
    ck_assert_int_eq(ASK(mailbox_end_tutorial(kit.st, "1001", TICKET, done_answered)), 0);
    ck_assert(!mailbox_now("1001").tutorial);
    ck_assert_int_eq(ASK(mailbox_end_tutorial(kit.st, "2001", TICKET, done_answered)), ENOENT);
}
END_TEST

START_TEST(entry_fetched_or_found_broken)
{
    message_make("1001", "201", "2026-01-02 03:04:07Z");
    ck_assert_int_eq(list("1001", FOLDER_INBOX), 0);
    char id[UUID_TEXT];

    strcpy(id, answer.entries[0].id);
    kit_sql(
        "with wav as (select decode('524946463400000057415645666d74201000000001000100401f0000803e000002001000"
        "6461746110000000' || repeat('00', 16), 'hex') as audio) "
        "update blob set audio = wav.audio, sha256 = sha256(wav.audio) from wav");
    ck_assert_int_eq(ASK(entry_fetch(kit.st, "1001", id, TICKET, file_answered)), 0);
    ck_assert_int_eq(file_size(answer.path), 60);
    ck_assert_ptr_nonnull(strstr(answer.path, "/cache/"));
    unlink(answer.path);
    ck_assert_int_eq(ASK(entry_fetch_as(kit.st, "1001", id, SOUND_FLAC, TICKET, file_answered)), 0);
    ck_assert_int_ne(file_size(answer.path), 60);
    unlink(answer.path);
    kit_sql("update blob set audio = 'RIFX'");
    ck_assert_int_eq(ASK(entry_fetch(kit.st, "1001", id, TICKET, file_answered)), EIO);
    kit_sql("update blob set sha256 = sha256(audio)"); /* as it was stored, and yet no sound */
    ck_assert_int_eq(ASK(entry_fetch(kit.st, "1001", id, TICKET, file_answered)), EIO);
    uuid_make(id);
    ck_assert_int_eq(ASK(entry_fetch(kit.st, "1001", id, TICKET, file_answered)), ENOENT);
    ck_assert_int_eq(ASK(entry_fetch(kit.st, "1001", "../x", TICKET, file_answered)), ENOENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mailboxes");
    TCase *tc = tcase_create("mailboxes");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, kit_setup, kit_teardown);
    tcase_add_test(tc, heard_messages_go_to_the_trash_and_then_for_good);
    tcase_add_test(tc, mailbox_found_with_counts);
    tcase_add_test(tc, entries_listed_by_folder_oldest_first);
    tcase_add_test(tc, entries_listed_in_the_order_wanted);
    tcase_add_test(tc, long_listing_goes_on_where_it_ended);
    tcase_add_test(tc, entries_found_by_the_end_of_a_number);
    tcase_add_test(tc, trash_is_listed_as_long_as_it_is_kept);
    tcase_add_test(tc, preferences_are_stored);
    tcase_add_test(tc, entry_is_mailed_where_there_is_an_address);
    tcase_add_test(tc, entry_changes_only_in_the_version_read);
    tcase_add_test(tc, entry_deleted_and_back);
    tcase_add_test(tc, forwarded_entry_shares_the_sound);
    tcase_add_test(tc, audio_goes_with_its_last_entry);
    tcase_add_test(tc, first_mailbox_of_many);
    tcase_add_test(tc, greeting_stored_fetched_and_dropped);
    tcase_add_test(tc, greetings_for_callers);
    tcase_add_test(tc, temporary_greeting_ends);
    tcase_add_test(tc, mailbox_is_closed_out_of_hours);
    tcase_add_test(tc, tutorial_is_over_once);
    tcase_add_test(tc, entry_fetched_or_found_broken);
    suite_add_tcase(suite, tc);
    return kit_main(suite);
}
