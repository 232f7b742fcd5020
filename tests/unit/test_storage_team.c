/* What follows from hearing a team's message, who reaches it, and who is told when a message goes on; in a
 * real PostgreSQL. */
#include <check.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/callout.h"
#include "storage/send.h"
#include "tests/unit/test_storage_kit.h"

/* -- a team
 * ----------------------------------------------------------------------------------------------------------
 */

static void team(const char *number, const char *kind)
{
    char sql[512];

    snprintf(
        sql, sizeof sql,
        "with b as (insert into mailbox (number, kind) values ('%s', '%s') returning number) "
        "insert into mailbox_member (mailbox, member) select number, unnest('{1001,1002}'::text[]) from b",
        number, kind);
    kit_sql(sql);
}

static size_t list(const char *mailbox, enum folder folder)
{
    ck_assert_int_eq(
        ASK(entries_list(kit.st, mailbox, &(struct entry_query){.folder = folder}, TICKET, entries_answered)),
        0);
    return answer.entry_count;
}

/* The only one of a folder. */
static struct entry only(const char *mailbox, enum folder folder)
{
    ck_assert_uint_eq(list(mailbox, folder), 1);
    return answer.entries[0];
}

static unsigned fresh(const char *mailbox)
{
    ck_assert_int_eq(ASK(mailbox_count(kit.st, mailbox, TICKET, counts_answered)), 0);
    return answer.counts.fresh;
}

/* From 1005, who wants a receipt. */
static void message_in(const char *mailbox)
{
    char sql[1024];

    snprintf(sql, sizeof sql,
             "with b as (insert into blob (audio, sha256) values ('x', sha256('x')) returning id), "
             "m as (insert into message (id, blob, caller, cause, started, duration_ms, receipt, cut) "
             "select gen_random_uuid(), id, '1005', 'direct', now(), 1000, true, true from b returning id) "
             "insert into entry (mailbox, message) select '%s', id from m",
             mailbox);
    kit_sql(sql);
}

static int hear(struct entry entry)
{
    entry.heard = true;
    return ASK(entry_update(kit.st, &entry, TICKET, entry_answered));
}

static int claim(const struct entry *entry)
{
    return ASK(entry_claim(kit.st, entry, TICKET, entry_answered));
}

static void sent_answered(struct ticket ticket, int error, const struct sent *sent)
{
    (void)sent;
    done_answered(ticket, error);
}

static int send_on(const char *id, const char *target, const char *sender)
{
    return ASK(entry_send(kit.st, id, target, sender, NULL, TICKET, sent_answered));
}

/* -- heard
 * ----------------------------------------------------------------------------------------------------------
 */

static long counted(const char *format, const char *mailbox)
{
    char sql[256];

    snprintf(sql, sizeof sql, format, mailbox);
    return kit_sql(sql);
}

static void callout_answered(struct ticket ticket, int error, const char *mailbox, const char *number)
{
    (void)mailbox;
    (void)number;
    done_answered(ticket, error);
}

static int call_out(void)
{
    return ASK(callout_next(kit.st, TICKET, callout_answered));
}

static void one_hears(const char *kind, unsigned before)
{
    static const char reads[] =
        "select count(*) from outbox where payload->>'event' = 'message-read' and lane = '%s'";

    team(kind, kind);
    counted("insert into callout (mailbox, place, number, tries) values ('%s', 1, '0170', 20)", kind);
    message_in(kind);
    ck_assert_int_eq(call_out(), 0);
    kit_sql("update callout_due set next_at = now()");
    ck_assert_int_eq(hear(only("1001", FOLDER_INBOX)), 0);
    ck_assert(answer.entry.heard);
    ck_assert_int_eq(counted("select count(*) from receipt where mailbox = '1005' and heard_by = '%s'", kind),
                     1);
    ck_assert_int_eq(counted("select count(*) from message m join entry e on e.message = m.id "
                             "where m.first_heard is not null and e.mailbox = '%s'",
                             kind),
                     1);
    ck_assert_int_eq(counted("select count(*) from audit where mailbox = '%s' and act = 'heard'", kind), 1);
    ck_assert_int_eq(counted(reads, kind), 1);
    ck_assert_int_eq(call_out(), ENOENT);
    ck_assert_int_eq(kit_sql("select count(*) from callout_due"), 0);
    ck_assert_uint_eq(fresh("1001"), 0);
    ck_assert_uint_eq(fresh("1002"), 1);
    ck_assert_uint_eq(list("1001", FOLDER_OLD), 1);

    ck_assert_int_eq(hear(only("1002", FOLDER_INBOX)), 0);
    ck_assert_uint_eq(fresh("1002"), 0);
    ck_assert_int_eq(counted(reads, kind), 1);
    kit_sql("update entry set heard_at = now() - interval '40 days'");
    kit_sql("select count(*) from (select mailbox_retain(now(), 30, 30, 100)) as retained");
    ck_assert_uint_eq(list("1002", FOLDER_TRASH), before + 1);
}

/* One has heard it: the sender, the audit, webhooks, retention and who is called learn so, once; to the other
 * it is new. */
START_TEST(one_of_a_team_hears_for_what_follows)
{
    kit_sql("insert into outbox_event values ('message-read')");
    one_hears("shared", 0);
    one_hears("dispatch", 1);
}
END_TEST

/* Until nobody has heard it any more; and then it stays. */
START_TEST(marked_as_new_by_all_it_is_new)
{
    team("sales", "shared");
    message_in("sales");
    struct entry entry = only("1001", FOLDER_INBOX);
    ck_assert_int_eq(hear(entry), 0);
    ck_assert_int_eq(hear(only("1002", FOLDER_INBOX)), 0);
    ck_assert_int_eq(ASK(entry_update(kit.st, &entry, TICKET, entry_answered)), 0);
    ck_assert_uint_eq(fresh("1001"), 1);
    ck_assert_uint_eq(fresh("1002"), 0);
    ck_assert_int_eq(kit_sql("select count(*) from entry where heard"), 1);
    strcpy(entry.reader, "1002");
    ck_assert_int_eq(ASK(entry_update(kit.st, &entry, TICKET, entry_answered)), 0);
    ck_assert_uint_eq(fresh("1002"), 1);
    ck_assert_int_eq(kit_sql("select count(*) from entry where heard or heard_at is not null"), 0);
}
END_TEST

/* What one files as new is no news to who has heard it. */
START_TEST(filing_leaves_each_his_own)
{
    team("sales", "shared");
    message_in("sales");
    ck_assert_int_eq(hear(only("1001", FOLDER_INBOX)), 0);
    struct entry entry = only("1002", FOLDER_INBOX);
    entry.folder = FOLDER_WORK;
    ck_assert_int_eq(ASK(entry_update(kit.st, &entry, TICKET, entry_answered)), 0);
    ck_assert(!answer.entry.heard);
    ck_assert(only("1001", FOLDER_WORK).heard);
    ck_assert_int_eq(kit_sql("select count(*) from entry where heard"), 1);
}
END_TEST

START_TEST(sent_again_it_is_new_to_all)
{
    team("sales", "shared");
    message_in("1001");
    struct entry own = only("1001", FOLDER_INBOX);
    ck_assert_int_eq(hear(own), 0);
    ck_assert_int_eq(send_on(own.id, "sales", "1001"), 0);
    ck_assert_int_eq(hear(only("1001", FOLDER_INBOX)), 0);
    ck_assert_int_eq(hear(only("1002", FOLDER_INBOX)), 0);
    ck_assert_uint_eq(fresh("1001"), 0);
    ck_assert_uint_eq(fresh("1002"), 0);
    ck_assert_int_eq(send_on(own.id, "sales", "1001"), 0);
    ck_assert_uint_eq(fresh("1001"), 1);
    ck_assert_uint_eq(fresh("1002"), 1);
}
END_TEST

/* -- taken
 * ----------------------------------------------------------------------------------------------------------
 */

/* Heard it is in his own box, if he has heard it; what others have heard does not count there. */
START_TEST(taken_as_he_has_heard_it)
{
    team("help", "dispatch");
    for (unsigned others = 0; others < 2; others++) {
        message_in("help");
        struct entry mine = only("1001", FOLDER_INBOX);
        strcpy(mine.reader, others ? "1002" : "1001");
        ck_assert_int_eq(hear(mine), 0);
        strcpy(mine.reader, "1001");
        ck_assert_int_eq(claim(&mine), 0);
        ck_assert_str_eq(answer.entry.mailbox, "1001");
        ck_assert_int_eq(answer.entry.heard, !others);
        ck_assert_uint_eq(fresh("1001"), others);
        ck_assert_uint_eq(list("1002", FOLDER_INBOX) + list("1002", FOLDER_OLD), 0);
    }
}
END_TEST

static void take_again(bool by_filing)
{
    message_in("1001");
    struct entry own = only("1001", FOLDER_INBOX);
    ck_assert_int_eq(send_on(own.id, "help", "1003"), ENOENT); /* 1003 does not have it */
    ck_assert_int_eq(send_on(own.id, "help", "1001"), 0);
    kit_sql("with b as (insert into blob (audio, sha256) select s, sha256(s) from "
            "unnest('{old,new}'::bytea[]) as s returning id, audio) "
            "update entry set introduction = b.id, broadcast = mailbox = '1001', "
            "deleted_at = case when mailbox = '1001' then now() end, urgent = mailbox = 'help' "
            "from b where audio = case when mailbox = '1001' then 'old'::bytea else 'new' end");
    struct entry theirs = only("1001", FOLDER_INBOX);
    ck_assert_str_eq(theirs.mailbox, "help");
    if (by_filing) {
        theirs.folder = FOLDER_FAMILY;
        ck_assert_int_eq(hear(theirs), 0);
    } else {
        ck_assert_int_eq(claim(&theirs), 0);
    }
    ck_assert_str_eq(answer.entry.id, own.id);
    ck_assert_str_eq(answer.entry.mailbox, "1001");
    ck_assert(answer.entry.urgent && !answer.entry.deleted);
    ck_assert_int_eq(answer.entry.heard, by_filing);
    ck_assert_str_eq(only("1001", by_filing ? FOLDER_FAMILY : FOLDER_INBOX).id, own.id);
    ck_assert_uint_eq(list("1002", FOLDER_INBOX), 0);
    ck_assert_int_eq(kit_sql("select refs from message"), 1);
    ck_assert_int_eq(kit_sql("select count(*) from entry where broadcast"), 0);
    ck_assert_int_eq(kit_sql("select count(*) from entry e join blob b on b.id = e.introduction "
                             "where b.audio = 'new'"),
                     1);
    kit_sql("delete from entry");
}

/* Marked urgent it is everybody's still, and new to him who has not heard it. */
START_TEST(marked_urgent_it_is_not_taken)
{
    team("help", "dispatch");
    message_in("help");
    struct entry entry = only("1001", FOLDER_INBOX);
    entry.urgent = true;
    ck_assert_int_eq(ASK(entry_update(kit.st, &entry, TICKET, entry_answered)), 0);
    ck_assert_str_eq(answer.entry.mailbox, "help");
    ck_assert(answer.entry.urgent);
    entry = only("1002", FOLDER_INBOX);
    ck_assert(entry.urgent);
    ck_assert_str_eq(entry.mailbox, "help");
}
END_TEST

/* He has it already, as urgent; filing it says nothing of that, unless he asks so. */
START_TEST(taken_by_filing_it_stays_as_urgent)
{
    team("help", "dispatch");
    for (unsigned asks = 0; asks < 2; asks++) {
        message_in("1001");
        struct entry own = only("1001", FOLDER_INBOX);
        ck_assert_int_eq(send_on(own.id, "help", "1001"), 0);
        kit_sql("update entry set deleted_at = now(), urgent = true where mailbox = '1001'");
        if (asks) {
            kit_sql("update entry set urgent = true");
        }
        struct entry theirs = only("1001", FOLDER_INBOX);
        theirs.folder = FOLDER_FAMILY;
        theirs.urgent = false;
        ck_assert_int_eq(ASK(entry_update(kit.st, &theirs, TICKET, entry_answered)), 0);
        ck_assert_int_eq(only("1001", FOLDER_FAMILY).urgent, !asks);
        kit_sql("delete from entry");
    }
}
END_TEST

/* There is one of a message: what he has already is what he gets. */
START_TEST(taken_though_he_has_it_already)
{
    team("help", "dispatch");
    take_again(false);
    take_again(true);
}
END_TEST

/* Neither who never was of the team, nor who is no longer. */
START_TEST(only_members_take)
{
    team("help", "dispatch");
    message_in("help");
    struct entry entry = only("1001", FOLDER_INBOX);
    strcpy(entry.reader, "1003");
    ck_assert_int_eq(claim(&entry), ESTALE);
    entry.deleted = true;
    ck_assert_int_eq(ASK(entry_update(kit.st, &entry, TICKET, entry_answered)), ESTALE);
    ck_assert_int_eq(kit_sql("select count(*) from entry where mailbox = 'help' and deleted_at is null"), 1);
    ck_assert_int_eq(kit_sql("select count(*) from entry_read"), 0);
}
END_TEST

/* By its id as little as in a listing. */
START_TEST(taken_it_is_out_of_the_others_reach)
{
    team("help", "dispatch");
    message_in("help");
    kit_sql(
        "with wav as (select decode('524946463400000057415645666d74201000000001000100401f0000803e000002001"
        "0006461746110000000' || repeat('00', 16), 'hex') as audio), b as (update blob set audio = "
        "wav.audio, sha256 = sha256(wav.audio) from wav) "
        "update mailbox set email = 'a@example.org' where number = '1001'");
    struct entry theirs = only("1002", FOLDER_INBOX), mine = only("1001", FOLDER_INBOX);
    ck_assert_int_eq(ASK(entry_fetch(kit.st, "1002", theirs.id, TICKET, file_answered)), 0);
    unlink(answer.path);
    ck_assert_int_eq(claim(&mine), 0);
    ck_assert_int_eq(ASK(entry_fetch(kit.st, "1002", theirs.id, TICKET, file_answered)), ENOENT);
    ck_assert_int_eq(ASK(introduction_fetch(kit.st, "1002", theirs.id, TICKET, file_answered)), ENOENT);
    ck_assert_int_eq(ASK(entry_mail(kit.st, "1002", theirs.id, TICKET, done_answered)), ESTALE);
    ck_assert_int_eq(send_on(theirs.id, "1003", "1002"), ENOENT);
    ck_assert_int_eq(ASK(entry_fetch(kit.st, "1001", theirs.id, TICKET, file_answered)), 0);
    unlink(answer.path);
    ck_assert_int_eq(ASK(entry_mail(kit.st, "1001", theirs.id, TICKET, done_answered)), 0);
}
END_TEST

/* -- from an older release
 * ----------------------------------------------------------------------------------------------------------
 */

/* What was heard before teams were told of it is told nobody now. */
START_TEST(heard_of_old_is_no_news)
{
    struct settings older = *kit.settings;
    char folder[256], command[768];

    kit_path(folder, sizeof folder, "older");
    snprintf(command, sizeof command, "mkdir %s && cp %s/000* %s/001[0-7]* %s", folder, kit.settings->sql_dir,
             kit.settings->sql_dir, folder);
    ck_assert_int_eq(system(command), 0);
    older.sql_dir = folder;
    ck_assert_int_eq(storage_migrate(&older), 0);
    kit_sql("insert into mailbox (number) values ('1001'), ('1002'), ('1005')");
    kit_sql("insert into subscriber (number, mailbox) values ('1005', '1005')");
    kit_sql("insert into outbox_event values ('message-read')");
    team("sales", "shared");
    message_in("sales");
    kit_sql("insert into entry_read (entry, member) select id, '1001' from entry");
    kit_sql("delete from outbox");
    ck_assert_int_eq(storage_migrate(kit.settings), 0);
    ck_assert_int_eq(kit_sql("select count(*) from entry where heard and heard_at is not null"), 1);
    ck_assert_int_eq(kit_sql("select count(*) from outbox"), 0);
    ck_assert_int_eq(kit_sql("select count(*) from receipt"), 0);
    ck_assert_int_eq(kit_sql("select count(*) from audit where act = 'heard'"), 0);
    message_in("sales");
    kit_sql("update entry set heard = true where not heard");
    ck_assert_int_eq(kit_sql("select count(*) from outbox"), 1);
}
END_TEST

/* -- a message that goes on
 * ----------------------------------------------------------------------------------------------------------
 */

/* Left in `mailbox` by who was cut off; `continues`: his message before that, or NULL. */
static void deposit_marked(char id[UUID_TEXT], const char *mailbox, const char *continues, unsigned marks)
{
    struct deposit d = {.cause = DEPOSIT_BUSY, .started_us = INT64_C(1767323045123456)};

    uuid_make(d.id);
    strcpy(id, d.id);
    strcpy(d.mailbox, mailbox);
    strcpy(d.caller, "1005");
    strcpy(d.continues, continues != NULL ? continues : "");
    ck_assert_int_eq(ASK(deposit_open(kit.st, &d, TICKET, file_answered)), 0);
    wav_write(answer.path, 1000, 1000);
    ck_assert_int_eq(ASK(deposit_commit(kit.st, id, DEPOSIT_CUT | marks, TICKET, done_answered)), 0);
}

static void deposit(char id[UUID_TEXT], const char *mailbox, const char *continues)
{
    deposit_marked(id, mailbox, continues, 0);
}

static void cut_answered(struct ticket ticket, int error, const char *found)
{
    (void)found;
    done_answered(ticket, error);
}

START_TEST(cut_message_of_a_team_is_gone_on_with_until_one_has_heard_it)
{
    char first[UUID_TEXT], more[UUID_TEXT];

    team("sales", "shared");
    deposit(first, "sales", NULL);
    ck_assert_int_eq(ASK(deposit_find_cut(kit.st, "sales", "1005", TICKET, cut_answered)), 0);
    struct entry stale = only("1002", FOLDER_INBOX);
    deposit(more, "sales", first);
    ck_assert_int_eq(kit_sql("select duration_ms from message"), 2000);
    ck_assert_int_eq(hear(stale), ESTALE); /* he has heard the first part alone */
    ck_assert_int_eq(hear(only("1002", FOLDER_INBOX)), 0);
    ck_assert_int_eq(ASK(deposit_find_cut(kit.st, "sales", "1005", TICKET, cut_answered)), ENOENT);
    deposit(more, "sales", first);
    ck_assert_int_eq(kit_sql("select count(*) from message"), 2);
    ck_assert_int_eq(kit_sql("select max(duration_ms) from message"), 2000);
    ck_assert_uint_eq(fresh("1002"), 1);
}
END_TEST

static long waiting(const char *kind)
{
    char sql[256];

    snprintf(sql, sizeof sql, "select count(*) from outbox where kind = '%s' and done_at is null", kind);
    return kit_sql(sql);
}

static long told(const char *condition)
{
    char sql[256];

    snprintf(sql, sizeof sql, "select count(*) from outbox where kind = 'webhook' and %s", condition);
    return kit_sql(sql);
}

static void go_on(bool left)
{
    char first[UUID_TEXT], more[UUID_TEXT];

    deposit(first, "1001", NULL);
    ck_assert_int_eq(kit_sql("select count(*) from outbox"), 3);
    ck_assert_int_eq(told("payload->>'duration_ms' = '1000'"), 1);
    if (left) { /* what waits is of another message, or a transcript's mail */
        kit_sql("update outbox set done_at = now()");
        deposit(more, "1001", NULL);
        kit_sql("insert into outbox (kind, lane, payload) select 'mail', id::text, '{\"transcript\": true}' "
                "from entry");
    }
    long mails = waiting("mail"), events = waiting("webhook"), transcripts = waiting("transcript");
    deposit_marked(more, "1001", first, DEPOSIT_URGENT);
    ck_assert_int_eq(waiting("mail"), mails + left);
    ck_assert_int_eq(waiting("webhook"), events + left);
    ck_assert_int_eq(waiting("transcript"), transcripts + left);
    ck_assert_int_eq(
        told("payload->>'duration_ms' = '2000' and payload->>'urgent' = 'true' and done_at is null"), 1);
    ck_assert_int_eq(told("payload ? 'continued'"), left);
    ck_assert_int_eq(told("payload->>'event' <> 'message-new'"), 0);
    ck_assert_int_eq(
        kit_sql("select count(*) - count(distinct payload->>'id') from outbox where kind = 'webhook'"), 0);
    kit_sql("delete from outbox; delete from entry");
}

static void told_setup(void)
{
    kit_sql("update mailbox set email = 'ann@example.org' where number = '1001'");
    kit_sql("insert into outbox_event values ('message-new'), ('transcript')");
}

/* What has not left yet leaves as the whole; what has is followed by the whole. */
START_TEST(owner_is_told_of_the_whole)
{
    told_setup();
    go_on(false);
    go_on(true);
}
END_TEST

/* What is on its way tells of the first part; it is locked until the far side has said yes. */
START_TEST(what_is_on_its_way_is_followed_by_the_whole)
{
    char first[UUID_TEXT], more[UUID_TEXT];

    told_setup();
    deposit(first, "1001", NULL);
    PGconn *courier = PQconnectdb(kit.conninfo);
    PQclear(PQexec(courier, "begin"));
    PGresult *claimed = PQexec(courier, "select id from outbox for update");
    ck_assert_int_eq(PQntuples(claimed), 3);
    PQclear(claimed);
    deposit(more, "1001", first);
    PQfinish(courier);
    ck_assert_int_eq(waiting("mail"), 2);
    ck_assert_int_eq(waiting("webhook"), 2);
    ck_assert_int_eq(waiting("transcript"), 2);
    ck_assert_int_eq(told("payload->>'duration_ms' = '1000'"), 1);
    ck_assert_int_eq(told("payload->>'duration_ms' = '2000' and payload ? 'continued'"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage-team");
    TCase *tc = tcase_create("team");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, kit_setup, kit_teardown);
    tcase_add_test(tc, one_of_a_team_hears_for_what_follows);
    tcase_add_test(tc, marked_as_new_by_all_it_is_new);
    tcase_add_test(tc, filing_leaves_each_his_own);
    tcase_add_test(tc, sent_again_it_is_new_to_all);
    tcase_add_test(tc, taken_as_he_has_heard_it);
    tcase_add_test(tc, taken_though_he_has_it_already);
    tcase_add_test(tc, marked_urgent_it_is_not_taken);
    tcase_add_test(tc, taken_by_filing_it_stays_as_urgent);
    tcase_add_test(tc, only_members_take);
    tcase_add_test(tc, taken_it_is_out_of_the_others_reach);
    tcase_add_test(tc, cut_message_of_a_team_is_gone_on_with_until_one_has_heard_it);
    tcase_add_test(tc, owner_is_told_of_the_whole);
    tcase_add_test(tc, what_is_on_its_way_is_followed_by_the_whole);
    suite_add_tcase(suite, tc);
    tc = tcase_create("older");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, kit_prepare, kit_teardown);
    tcase_add_test(tc, heard_of_old_is_no_news);
    suite_add_tcase(suite, tc);
    return kit_main(suite);
}
