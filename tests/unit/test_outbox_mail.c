/* Mails of messages that change hands, or are gone on with, before the mail has left; in a real PostgreSQL,
 * with no mail server. */
#include <errno.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "storage/outbox.h"
#include "tests/unit/test_storage_kit.h"

/* -- the far server
 * ------------------------------------------------------------------------------------------------------------
 */

static struct {
    char to[64], text[512];
    void (*meanwhile)(void); /* happens before it says yes */
} far;

int courier_init(void)
{
    return 0;
}

int courier_mail(const struct mail_server *server, const struct mail *mail, const atomic_bool *stops,
                 char fault[COURIER_FAULT])
{
    (void)server;
    (void)stops;
    (void)fault;
    snprintf(far.to, sizeof far.to, "%s", mail->to);
    snprintf(far.text, sizeof far.text, "%s", mail->text);
    if (far.meanwhile != NULL) {
        far.meanwhile();
    }
    return 0;
}

int courier_post(const struct post *post, const atomic_bool *stops, char fault[COURIER_FAULT])
{
    (void)post;
    (void)stops;
    (void)fault;
    return EINVAL;
}

bool courier_sign(char *out, size_t size, const char *secret, const char *body)
{
    (void)out;
    (void)size;
    (void)secret;
    (void)body;
    return false;
}

/* -- the mail
 * ------------------------------------------------------------------------------------------------------------
 */

/* 1001 and 1002 are the help desk, a dispatch box; all three are mailed, and delete what was. */
static void set_up(void)
{
    kit_setup();
    memset(&far, 0, sizeof far);
    kit_sql("insert into mailbox (number, kind) values ('help', 'dispatch')");
    kit_sql("insert into mailbox_member (mailbox, member) values ('help', '1001'), ('help', '1002')");
    kit_sql("update mailbox set email = number || '@example.org', mail_attach = true, mail_delete = true");
    kit_sql("with b as (insert into blob (audio, sha256) values ('x', sha256('x')) returning id), "
            "m as (insert into message (id, blob, caller, cause, started, duration_ms) "
            "select gen_random_uuid(), id, '1005', 'direct', now(), 1000 from b returning id) "
            "insert into entry (mailbox, message) select 'help', id from m");
    kit_sql("insert into outbox (kind, lane, payload) select 'mail', id::text, jsonb_build_object("
            "'mailbox', mailbox, 'to', 'help@example.org', 'entry', id, 'message', message) from entry");
}

/* As the outbox's thread does it. */
static void mail_leaves(void)
{
    struct database db = {.conninfo = kit.conninfo};
    struct parcel parcel = {.id = "1"};
    const atomic_bool stops = false;
    PGresult *row = NULL;

    ck_assert_int_eq(database_begin(&db), 0);
    ck_assert_int_eq(database_query(&db, &row, "select payload from outbox order by id limit 1", NULL, 0), 0);
    parcel.payload = json_loads(PQgetvalue(row, 0, 0), 0, NULL);
    PQclear(row);
    ck_assert_int_eq(courier_of_mail.deliver(kit.settings, &db, &parcel, &stops), 0);
    ck_assert_int_eq(database_commit(&db), 0);
    json_decref(parcel.payload);
    database_close(&db);
}

static struct entry only(const char *mailbox)
{
    ck_assert_int_eq(ASK(entries_list(kit.st, mailbox, &(struct entry_query){.folder = FOLDER_INBOX}, TICKET,
                                      entries_answered)),
                     0);
    ck_assert_uint_eq(answer.entry_count, 1);
    return answer.entries[0];
}

static long deleted(void)
{
    return kit_sql("select count(*) from entry where deleted_at is not null");
}

START_TEST(what_was_mailed_is_deleted)
{
    mail_leaves();
    ck_assert_str_eq(far.to, "help@example.org");
    ck_assert_int_eq(deleted(), 1);
}
END_TEST

/* The team was mailed; who has taken it was not. */
START_TEST(taker_keeps_what_the_team_was_mailed)
{
    struct entry entry = only("1001");

    ck_assert_int_eq(ASK(entry_claim(kit.st, &entry, TICKET, entry_answered)), 0);
    mail_leaves();
    ck_assert_ptr_nonnull(strstr(far.text, "mailbox help\n"));
    ck_assert_int_eq(deleted(), 0);
    only("1001");
}
END_TEST

/* The team's mail waits, and is none of his: he is mailed what he asks for, once. */
START_TEST(taker_is_mailed_at_his_own_address)
{
    static const char his[] = "select count(*) from outbox where payload->>'to' = '1001@example.org'";
    struct entry entry = only("1001");

    ck_assert_int_eq(ASK(entry_claim(kit.st, &entry, TICKET, entry_answered)), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ASK(entry_mail(kit.st, "1001", entry.id, TICKET, done_answered)), 0);
        ck_assert_int_eq(kit_sql(his), 1);
    }
}
END_TEST

/* -- gone on with
 * ------------------------------------------------------------------------------------------------------------
 */

static PGconn *caller;
static atomic_bool delivered;
static pthread_t ending;

static void caller_does(const char *sql)
{
    PGresult *result = PQexec(caller, sql);

    ck_assert_int_ne(PQresultStatus(result), PGRES_FATAL_ERROR);
    PQclear(result);
}

/* The caller's transaction ends once the mail's waits for it, or has not waited at all. */
static void *caller_ends(void *arg)
{
    bool waits = false;

    (void)arg;
    while (!waits && !atomic_load(&delivered)) {
        PGresult *result =
            PQexec(caller, "select 1 from pg_locks where not granted and locktype = 'transactionid'");
        waits = PQntuples(result) > 0;
        PQclear(result);
        nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
    }
    caller_does("commit");
    return NULL;
}

static void caller_goes_on(void)
{
    caller = PQconnectdb(kit.conninfo);
    caller_does("begin");
    caller_does("with b as (insert into blob (audio, sha256) values ('xy', sha256('xy')) returning id) "
                "update message set blob = b.id from b");
    pthread_create(&ending, NULL, caller_ends, NULL);
}

START_TEST(what_is_being_gone_on_with_is_not_deleted)
{
    far.meanwhile = caller_goes_on;
    mail_leaves();
    atomic_store(&delivered, true);
    pthread_join(ending, NULL);
    PQfinish(caller);
    ck_assert_int_eq(deleted(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outbox-mail");
    TCase *tc = tcase_create("mail");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, kit_teardown);
    tcase_add_test(tc, what_was_mailed_is_deleted);
    tcase_add_test(tc, taker_keeps_what_the_team_was_mailed);
    tcase_add_test(tc, taker_is_mailed_at_his_own_address);
    tcase_add_test(tc, what_is_being_gone_on_with_is_not_deleted);
    suite_add_tcase(suite, tc);
    return kit_main(suite);
}
