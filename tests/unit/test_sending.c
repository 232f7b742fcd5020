/* Lists, teams' boxes, forwarding, calls out of a mailbox and the directory, in a real PostgreSQL. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "storage/callout.h"
#include "storage/send.h"
#include "tests/unit/test_storage_kit.h"

static struct {
    struct sent sent;
    struct found_list found;
    struct mailbox box;
    struct call_leave leave;
    bool gone; /* he who asked for leave */
    struct mailbox_counts counts;
    struct entry entry;
    struct entry entries[8];
    size_t count;
} got;

static void sent_answered(struct ticket ticket, int error, const struct sent *sent)
{
    if (sent != NULL) {
        got.sent = *sent;
    }
    done_answered(ticket, error);
}

static void found_answered(struct ticket ticket, int error, const struct found_list *list)
{
    if (list != NULL) {
        got.found = *list;
    }
    done_answered(ticket, error);
}

static void box_answered(struct ticket ticket, int error, const struct mailbox *box)
{
    if (box != NULL) {
        got.box = *box;
    }
    done_answered(ticket, error);
}

static bool leave_answered(struct ticket ticket, int error, const struct call_leave *leave)
{
    if (leave != NULL) {
        got.leave = *leave;
    }
    done_answered(ticket, error);
    return !got.gone;
}

static void callout_answered(struct ticket ticket, int error, const char *mailbox, const char *number)
{
    (void)mailbox;
    (void)number;
    done_answered(ticket, error);
}

static void count_answered(struct ticket ticket, int error, const struct mailbox_counts *counts)
{
    if (counts != NULL) {
        got.counts = *counts;
    }
    done_answered(ticket, error);
}

static void changed(struct ticket ticket, int error, const struct entry *entry)
{
    if (entry != NULL) {
        got.entry = *entry;
    }
    done_answered(ticket, error);
}

static void listed(struct ticket ticket, int error, const struct entry_list *list)
{
    got.count = 0;
    for (size_t i = 0; list != NULL && i < list->count && i < 8; i++) {
        got.entries[got.count++] = list->entries[i];
    }
    done_answered(ticket, error);
}

static size_t list(const char *mailbox, enum folder folder)
{
    ck_assert_int_eq(
        ASK(entries_list(kit.st, mailbox, &(struct entry_query){.folder = folder}, TICKET, listed)), 0);
    return got.count;
}

static unsigned fresh(const char *mailbox)
{
    ck_assert_int_eq(ASK(mailbox_count(kit.st, mailbox, TICKET, count_answered)), 0);
    return got.counts.fresh;
}

/* A message from 201 in the box, and its entry. */
static struct entry message_in(const char *mailbox)
{
    char sql[1024], id[UUID_TEXT];

    uuid_make(id);
    snprintf(sql, sizeof sql,
             "with b as (insert into blob (audio, sha256) values ('x', sha256('x')) returning id), "
             "m as (insert into message (id, blob, caller, cause, started, duration_ms) "
             "select '%s', id, '201', 'direct', now(), 1000 from b returning id) "
             "insert into entry (mailbox, message, urgent) select '%s', id, true from m",
             id, mailbox);
    kit_sql(sql);
    ck_assert_uint_eq(list(mailbox, FOLDER_INBOX), 1);
    return got.entries[0];
}

static int send_to(const struct entry *entry, const char *target)
{
    return ASK(entry_send(kit.st, entry->id, target, "1001", NULL, TICKET, sent_answered));
}

static int recipient(const char *number, const char *sender)
{
    return ASK(recipient_find(kit.st, number, sender, TICKET, box_answered));
}

static int change(const char *name, const char *member, bool add)
{
    return ASK(list_change(kit.st, "1001", name, member, add, TICKET, done_answered));
}

static void system_list(const char *number, const char *members)
{
    char sql[512];

    snprintf(sql, sizeof sql,
             "with d as (insert into distribution (number) values ('%s') returning id) "
             "insert into distribution_member (list, number) select id, unnest('{%s}'::text[]) from d",
             number, members);
    kit_sql(sql);
}

/* One message and one sound for all; who is full or unknown stops nobody and is told. */
START_TEST(list_reaches_all_it_can)
{
    struct entry entry = message_in("1001");

    kit_sql("update mailbox set max_messages = 1 where number = '1003'");
    message_in("1003");
    system_list("800", "1002,1003,801,4711");
    system_list("801", "1004,1002,800"); /* a circle */
    ck_assert_int_eq(send_to(&entry, "800"), 0);
    ck_assert_uint_eq(got.sent.placed, 2);
    ck_assert_uint_eq(got.sent.missed, 2);
    ck_assert_str_eq(got.sent.misses[0].mailbox, "1003");
    ck_assert(got.sent.misses[0].full);
    ck_assert_str_eq(got.sent.misses[1].mailbox, "4711");
    ck_assert(!got.sent.misses[1].full);
    ck_assert_uint_eq(list("1004", FOLDER_INBOX), 1);
    ck_assert(got.entries[0].urgent);
    ck_assert_uint_eq(list("1002", FOLDER_INBOX), 1);
    ck_assert_uint_eq(list("1003", FOLDER_INBOX), 1);
    ck_assert_int_eq(kit_sql("select count(*) from blob"), 2);
    ck_assert_int_eq(kit_sql("select count(*) from undelivered"), 2);
    got.sent = (struct sent){0}; /* what is written down is told to who asks */
    char *message = pg_query(kit.conninfo, "select distinct message from undelivered");
    ck_assert_int_eq(ASK(undelivered_find(kit.st, message, TICKET, sent_answered)), 0);
    free(message);
    ck_assert_uint_eq(got.sent.missed, 2);
    ck_assert_str_eq(got.sent.misses[0].mailbox, "1003");
    ck_assert(got.sent.misses[0].full && !got.sent.misses[1].full);
    ck_assert_int_eq(ASK(undelivered_find(kit.st, entry.id, TICKET, sent_answered)), 0);
    ck_assert_uint_eq(got.sent.missed, 0);
}
END_TEST

/* Others may be named beside everybody; who is meant twice has it once, and a broadcast fills no box. */
START_TEST(everybody_is_reached_beside_others)
{
    struct entry entry = message_in("1001");
    char numbers[3][NUMBER_TEXT] = {"", "1003", "4711"}, id[UUID_TEXT];

    kit_sql("insert into distribution (number, everybody) values ('899', true)");
    kit_sql("update mailbox set may_broadcast = true where number = '1001'");
    kit_sql("update mailbox set max_messages = 1 where number = '1003'");
    message_in("1003");
    ck_assert_int_eq(recipient("899", "1001"), 0);
    snprintf(numbers[0], sizeof numbers[0], "%s", got.box.number);
    uuid_make(id);
    ck_assert_int_eq(ASK(recipients_store(kit.st, id, "1001", (const char(*)[NUMBER_TEXT])numbers, 3, TICKET,
                                          done_answered)),
                     0);
    ck_assert_int_eq(send_to(&entry, id), 0);
    ck_assert_uint_eq(got.sent.placed, 10);
    ck_assert_uint_eq(got.sent.missed, 1);
    ck_assert_str_eq(got.sent.misses[0].mailbox, "4711");
    ck_assert_uint_eq(list("1003", FOLDER_INBOX), 2);
    ck_assert_uint_eq(list("1010", FOLDER_INBOX), 1);
    system_list("800", "1002,899"); /* its number within somebody's list is no leave */
    ck_assert_int_eq(send_to(&entry, "800"), 0);
    ck_assert_uint_eq(got.sent.placed, 1);
    ck_assert_str_eq(got.sent.misses[0].mailbox, "899");
}
END_TEST

START_TEST(five_hundred_rows_and_one_sound)
{
    struct entry entry = message_in("1001");

    kit_sql("insert into mailbox (number) select 'n' || i from generate_series(1, 500) i");
    kit_sql("with d as (insert into distribution (number) values ('800') returning id) "
            "insert into distribution_member (list, number) select id, 'n' || i from d, generate_series(1, "
            "500) i");
    ck_assert_int_eq(send_to(&entry, "800"), 0);
    ck_assert_uint_eq(got.sent.placed, 500);
    ck_assert_int_eq(kit_sql("select count(*) from entry"), 501);
    ck_assert_int_eq(kit_sql("select count(*) from message"), 1);
    ck_assert_int_eq(kit_sql("select count(*) from blob"), 1);
    ck_assert_int_eq(kit_sql("select refs from message"), 501);
}
END_TEST

START_TEST(personal_lists_are_their_owners)
{
    struct entry entry = message_in("1001");

    ck_assert_int_eq(change("1", "4711", true), ENOENT);
    ck_assert_int_eq(recipient("1", "1001"), ENOENT); /* nothing was made */
    ck_assert_int_eq(change("1", "1002", true), 0);
    ck_assert_int_eq(change("1", "1002", true), 0); /* again is no fault */
    ck_assert_int_eq(change("1", "1003", true), 0);
    ck_assert_int_eq(recipient("1", "1002"), ENOENT);
    ck_assert_int_eq(recipient("1", "1001"), 0);
    ck_assert_int_eq(got.box.kind, MAILBOX_LIST);
    ck_assert_int_eq(change("1", "1003", false), 0);
    ck_assert_int_eq(change("1", "1003", false), ENOENT);
    ck_assert_int_eq(send_to(&entry, got.box.number), 0);
    ck_assert_uint_eq(got.sent.placed, 1);
    ck_assert_int_eq(change("1", "1002", false), 0);
    ck_assert_int_eq(recipient("1", "1001"), ENOENT); /* an empty list is gone */
}
END_TEST

/* A number that is not the box's own, as that of a caller whose box has another. */
START_TEST(subscriber_stands_for_his_mailbox)
{
    kit_sql("insert into subscriber (number, mailbox) values ('0207', '1002')");
    ck_assert_int_eq(recipient("0207", "1001"), 0);
    ck_assert_str_eq(got.box.number, "1002");
}
END_TEST

START_TEST(several_recipients_are_a_list_for_once)
{
    static const char numbers[][NUMBER_TEXT] = {"1002", "1003"};
    struct entry entry = message_in("1001");
    char id[UUID_TEXT];

    uuid_make(id);
    ck_assert_int_eq(ASK(recipients_store(kit.st, id, "1001", numbers, 2, TICKET, done_answered)), 0);
    ck_assert_int_eq(send_to(&entry, id), 0);
    ck_assert_uint_eq(got.sent.placed, 2);
    ck_assert_int_eq(kit_sql("select count(*) from distribution"), 0);
}
END_TEST

START_TEST(broadcast_needs_leave_and_is_heard_once)
{
    struct entry entry = message_in("1001");

    kit_sql("insert into distribution (number, everybody) values ('899', true)");
    ck_assert_int_eq(recipient("899", "1001"), EACCES);
    ck_assert_int_eq(ASK(mailbox_find(kit.st, "899", TICKET, box_answered)), ENOENT);
    ck_assert_int_eq(send_to(&entry, "899"), 0); /* its number alone reaches nobody */
    ck_assert_uint_eq(got.sent.placed, 0);
    kit_sql("update mailbox set may_broadcast = true where number = '1001'");
    kit_sql("update mailbox set max_messages = 1 where number = '1003'");
    message_in("1003");
    ck_assert_int_eq(recipient("899", "1001"), 0);
    ck_assert_int_eq(send_to(&entry, got.box.number), 0);
    ck_assert_uint_eq(got.sent.placed, 10);
    ck_assert_uint_eq(list("1003", FOLDER_INBOX), 2);
    struct entry first = got.entries[0];
    ck_assert_int_eq(recipient("1003", "1001"), 0);
    ck_assert_uint_eq(got.box.message_count, 1);
    first.heard = true;
    ck_assert_int_eq(ASK(entry_update(kit.st, &first, TICKET, changed)), 0);
    ck_assert_uint_eq(list("1003", FOLDER_OLD), 0);
    ck_assert_uint_eq(list("1003", FOLDER_INBOX), 1);
}
END_TEST

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

/* Each has his own "heard" and his own lamp; who takes care of it is everybody's to know. */
START_TEST(shared_box_is_read_by_each)
{
    team("sales", "shared");
    message_in("sales");
    ck_assert_uint_eq(fresh("1001"), 1);
    ck_assert_uint_eq(fresh("1002"), 1);
    ck_assert_uint_eq(fresh("1003"), 0);
    ck_assert_uint_eq(list("1001", FOLDER_INBOX), 1);
    struct entry mine = got.entries[0], theirs;
    ck_assert_uint_eq(list("1002", FOLDER_INBOX), 1);
    theirs = got.entries[0];
    ck_assert_str_eq(theirs.mailbox, "sales");
    mine.heard = true;
    ck_assert_int_eq(ASK(entry_update(kit.st, &mine, TICKET, changed)), 0);
    ck_assert(got.entry.heard);
    ck_assert_uint_eq(fresh("1001"), 0);
    ck_assert_uint_eq(fresh("1002"), 1);
    ck_assert_uint_eq(list("1001", FOLDER_OLD), 1);
    ck_assert_int_eq(ASK(entry_claim(kit.st, &theirs, TICKET, changed)), 0); /* hearing was no change */
    ck_assert_str_eq(got.entry.claimed_by, "1002");
    ck_assert_int_eq(ASK(entry_claim(kit.st, &mine, TICKET, changed)), ESTALE);
    ck_assert_uint_eq(list("1001", FOLDER_OLD), 1);
    ck_assert_str_eq(got.entries[0].claimed_by, "1002");
    theirs = got.entry;
    mine = got.entries[0];
    mine.deleted = true;
    ck_assert_int_eq(ASK(entry_update(kit.st, &mine, TICKET, changed)), 0);
    ck_assert_uint_eq(list("1002", FOLDER_INBOX), 0);
}
END_TEST

/* The first who takes it has it. */
START_TEST(dispatch_box_gives_to_one)
{
    team("help", "dispatch");
    message_in("help");
    ck_assert_uint_eq(list("1001", FOLDER_INBOX), 1);
    struct entry mine = got.entries[0];
    ck_assert_uint_eq(list("1002", FOLDER_INBOX), 1);
    struct entry theirs = got.entries[0];
    ck_assert_int_eq(ASK(entry_claim(kit.st, &theirs, TICKET, changed)), 0);
    ck_assert_str_eq(got.entry.mailbox, "1002");
    ck_assert_int_eq(ASK(entry_claim(kit.st, &mine, TICKET, changed)), ESTALE);
    ck_assert_uint_eq(fresh("1001"), 0);
    ck_assert_uint_eq(fresh("1002"), 1);
    ck_assert_uint_eq(list("1002", FOLDER_INBOX), 1);
    message_in("help");
    ck_assert_uint_eq(list("1001", FOLDER_INBOX), 1); /* who deletes one has taken it */
    mine = got.entries[0];
    mine.deleted = mine.heard = true;
    ck_assert_int_eq(ASK(entry_update(kit.st, &mine, TICKET, changed)), 0);
    ck_assert_str_eq(got.entry.mailbox, "1001");
    ck_assert(got.entry.deleted && got.entry.heard);
}
END_TEST

/* Under legal hold nothing leaves the box, from which alone it is kept: it is claimed there, as in a shared
 * one. */
START_TEST(held_dispatch_box_keeps_what_it_has)
{
    team("help", "dispatch");
    kit_sql("update mailbox set legal_hold = true where number = 'help'");
    message_in("help");
    ck_assert_uint_eq(list("1001", FOLDER_INBOX), 1);
    struct entry mine = got.entries[0];
    ck_assert_int_eq(ASK(entry_claim(kit.st, &mine, TICKET, changed)), 0);
    ck_assert_str_eq(got.entry.mailbox, "help");
    ck_assert_str_eq(got.entry.claimed_by, "1001");
    mine = got.entry;
    mine.deleted = mine.heard = true;
    ck_assert_int_eq(ASK(entry_update(kit.st, &mine, TICKET, changed)), 0);
    ck_assert_str_eq(got.entry.mailbox, "help");
    ck_assert(got.entry.deleted);
}
END_TEST

/* Without a pattern nobody is called; one at a time, so many a day, and a row for each that was tried. */
START_TEST(calls_out_need_leave)
{
    ck_assert_int_eq(ASK(call_out_begin(kit.st, "1001", "0170", 2, TICKET, leave_answered)), EPERM);
    kit_sql("update mailbox set dial_out = '{0.}' where number = '1001'");
    ck_assert_int_eq(ASK(call_out_begin(kit.st, "1001", "1170", 2, TICKET, leave_answered)), EPERM);
    ck_assert_int_eq(ASK(call_out_begin(kit.st, "1001", "0170", 2, TICKET, leave_answered)), 0);
    ck_assert_str_eq(got.leave.user, "1001");
    ck_assert_int_eq(kit_sql("select count(*) from voicemail_call where ended is null"), 1);
    int64_t first = got.leave.id;
    ck_assert_int_eq(ASK(call_out_begin(kit.st, "1001", "0171", 3, TICKET, leave_answered)), EBUSY);
    ck_assert_int_eq(ASK(call_out_end(kit.st, first, 486, TICKET, done_answered)), 0);
    ck_assert_int_eq(ASK(call_out_begin(kit.st, "1001", "0170", 1, TICKET, leave_answered)), EDQUOT);
    ck_assert_int_eq(ASK(call_out_begin(kit.st, "1001", "0170", 2, TICKET, leave_answered)), 0);
    ck_assert_int_eq(kit_sql("select count(*) from voicemail_call"), 6);
    ck_assert_int_eq(kit_sql("select count(*) from voicemail_call where status = 486"), 1);
}
END_TEST

static int leave(const char *mailbox, const char *number)
{
    return ASK(call_out_begin(kit.st, mailbox, number, 20, TICKET, leave_answered));
}

/* What one of a box's subscribers may not dial, it may not; a box without one calls nobody. */
START_TEST(calls_out_are_barred_as_their_subscribers)
{
    kit_sql("update mailbox set dial_out = '{0.}'");
    kit_sql("insert into subscriber (number, mailbox) values ('0207', '1002')");
    kit_sql("insert into service (subscriber, name, parameters) values "
            "('1002', 'outgoing', '{\"block\": [\"00*\"]}'), "
            "('0207', 'outgoing', '{\"block\": [\"09.\"], \"allow\": [\"0900123\"]}'), "
            "('1003', 'outgoing', '{\"allow\": [\"0170\"]}')");
    ck_assert_int_eq(leave("1002", "0044"), EPERM);
    ck_assert_int_eq(leave("1002", "0900"), EPERM);
    ck_assert_int_eq(leave("1003", "0171"), EPERM);
    ck_assert_int_eq(leave("1003", "0170"), 0);
    ck_assert_int_eq(leave("1002", "0900123"), 0);
    ck_assert_str_eq(got.leave.user, "1002"); /* whose own it is, though another comes first */
    kit_sql("insert into mailbox (number, dial_out) values ('77', '{0.}')");
    ck_assert_int_eq(leave("77", "0170"), EPERM);
}
END_TEST

/* Who hangs up before he may call, or whose server stops while he calls, is not kept from his next one. */
START_TEST(calls_out_that_nobody_ends_have_an_end)
{
    kit_sql("update mailbox set dial_out = '{0.}' where number = '1001'");
    got.gone = true;
    ck_assert_int_eq(leave("1001", "0170"), 0);
    got.gone = false;
    while (kit_sql("select count(*) from voicemail_call where status = 487 and ended is not null") == 0) {
        ck_assert_int_eq(recipient("1001", "1001"), 0);
    }
    ck_assert_int_eq(leave("1001", "0170"), 0);
    kit_sql("update voicemail_call set started = now() - interval '125 minutes' where ended is null");
    ck_assert_int_eq(leave("1001", "0170"), EBUSY);
    kit_sql("update voicemail_call set started = now() - interval '131 minutes' where ended is null");
    ck_assert_int_eq(leave("1001", "0170"), 0);
}
END_TEST

static int callout(void)
{
    kit_sql("update callout_due set next_at = now()");
    return ASK(callout_next(kit.st, TICKET, callout_answered));
}

/* A day begins with its first call. */
START_TEST(owners_are_called_so_often_a_day)
{
    kit_sql("insert into callout (mailbox, place, number, tries) values ('1001', 0, '0170', 20), "
            "('1001', 1, '0171', 20)");
    message_in("1001");
    ck_assert_int_eq(callout(), 0);
    ck_assert_int_eq(kit_sql("select calls from callout_made where mailbox = '1001'"), 1);
    kit_sql("update callout_made set calls = 19");
    ck_assert_int_eq(callout(), 0);
    ck_assert_int_eq(callout(), ENOENT);
    ck_assert_int_eq(
        kit_sql("select count(*) from callout_due where next_at > now() + interval '50 minutes'"), 1);
    kit_sql("update callout_made set since = now() - interval '1 day'");
    ck_assert_int_eq(callout(), 0);
    ck_assert_int_eq(kit_sql("select calls from callout_made where mailbox = '1001'"), 1);
}
END_TEST

#define DAY (UINT64_C(86400) * 1000000)

static long left(const char *what)
{
    char sql[128];

    ck_assert_int_eq(ASK(spool_sweep(kit.st, TICKET, done_answered)), 0);
    snprintf(sql, sizeof sql, "select count(*) from %s", what);
    return kit_sql(sql);
}

/* By retention alone, and not of a mailbox under legal hold. */
START_TEST(traces_go_when_they_are_old)
{
    static const char numbers[][NUMBER_TEXT] = {"1002", "1003"};
    char id[UUID_TEXT];

    uuid_make(id);
    ck_assert_int_eq(ASK(recipients_store(kit.st, id, "1001", numbers, 2, TICKET, done_answered)), 0);
    system_list("800", "1002");
    kit_sql("insert into voicemail_call (mailbox, number) values ('1001', '1'), ('1002', '1')");
    kit_sql("update mailbox set legal_hold = true where number = '1002'");
    kit_sql("insert into audit (mailbox, act, source) values ('1001', 'login', 'phone'), "
            "('gone', 'login', 'phone')");
    free(pg_query(kit.conninfo, "do $$ begin delete from audit; exception when others then null; end $$"));
    ck_assert_int_eq(kit_sql("select count(*) from audit"), 3);
    clock_advance(8 * DAY);
    ck_assert_int_eq(left("voicemail_call"), 2);
    clock_advance(23 * DAY);
    ck_assert_int_eq(left("voicemail_call"), 1);
    clock_advance(58 * DAY);
    ck_assert_int_eq(left("distribution"), 2); /* its message may wait elsewhere for the database */
    clock_advance(2 * DAY);
    ck_assert_int_eq(left("distribution"), 1);
    clock_advance(273 * DAY);
    ck_assert_int_eq(left("audit"), 3);
    clock_advance(2 * DAY);
    ck_assert_int_eq(left("audit"), 1);
    ck_assert_int_eq(kit_sql("select count(*) from audit where mailbox = '1002'"), 1);
    ck_assert_int_eq(left("voicemail_call"), 1);
}
END_TEST

static size_t find(const char *keys)
{
    ck_assert_int_eq(ASK(directory_find(kit.st, keys, TICKET, found_answered)), 0);
    return got.found.count;
}

START_TEST(directory_folds_accents)
{
    kit_sql("insert into mailbox (number, name) values ('1', 'Jürgen Müller'), ('2', 'Zoë Łukasz-Ångström'), "
            "('3', 'Straß')");
    ck_assert_uint_eq(find("685"), 1); /* mul */
    ck_assert_str_eq(got.found.found[0].name, "jurgen muller");
    ck_assert_uint_eq(find("6835"), 1);   /* muel */
    ck_assert_uint_eq(find("5874"), 1);   /* jurg */
    ck_assert_uint_eq(find("963"), 1);    /* zoe */
    ck_assert_uint_eq(find("264787"), 1); /* angstr */
    ck_assert_uint_eq(find("585"), 1);    /* luk */
    ck_assert_uint_eq(find("78727"), 1);  /* stras */
    ck_assert_uint_eq(find("2724"), 1);   /* arch */
    ck_assert_str_eq(got.found.found[0].number, "1001");
    ck_assert_uint_eq(find("9999"), 0);
    ck_assert_uint_eq(find(""), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sending");
    TCase *tc = tcase_create("sending");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, kit_setup, kit_teardown);
    tcase_add_test(tc, list_reaches_all_it_can);
    tcase_add_test(tc, everybody_is_reached_beside_others);
    tcase_add_test(tc, five_hundred_rows_and_one_sound);
    tcase_add_test(tc, personal_lists_are_their_owners);
    tcase_add_test(tc, subscriber_stands_for_his_mailbox);
    tcase_add_test(tc, several_recipients_are_a_list_for_once);
    tcase_add_test(tc, broadcast_needs_leave_and_is_heard_once);
    tcase_add_test(tc, shared_box_is_read_by_each);
    tcase_add_test(tc, dispatch_box_gives_to_one);
    tcase_add_test(tc, held_dispatch_box_keeps_what_it_has);
    tcase_add_test(tc, calls_out_need_leave);
    tcase_add_test(tc, calls_out_are_barred_as_their_subscribers);
    tcase_add_test(tc, calls_out_that_nobody_ends_have_an_end);
    tcase_add_test(tc, owners_are_called_so_often_a_day);
    tcase_add_test(tc, traces_go_when_they_are_old);
    tcase_add_test(tc, directory_folds_accents);
    suite_add_tcase(suite, tc);
    return kit_main(suite);
}
