/*
 * Calls that owners make out of their mailboxes: who may, how often, and a row for each that was tried.
 */
#include "storage/rows.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"

#define RINGING_MINUTES 10 /* more than any number plan's */

struct begin_job {
    struct job job;
    leave_reply *reply;
    char mailbox[NUMBER_TEXT], number[NUMBER_TEXT];
    unsigned most;
    struct call_leave leave;
};

/*
 * Off unless the mailbox has patterns: who guesses a PIN must not get a telephone with it. Digits alone, as
 * the number comes from a caller's From or from keys, and is to be no URI. Emergency numbers are called from
 * phones, which are somewhere, and not from mailboxes.
 */
static bool number_is_plain(const struct settings *settings, const char *number)
{
    size_t digits = strspn(number + (*number == '+'), "0123456789");

    return digits > 0 && !number[(*number == '+') + digits] && !settings_is_emergency(settings, number);
}

/* One pattern a row. EPERM. The mailbox is locked, so that two phones in it cannot both be the first. */
static int begin_allow(const struct settings *settings, struct database *db, const struct begin_job *j)
{
    PGresult *result = NULL;
    bool allowed = false;
    int error = database_query(db, NULL, "select 1 from mailbox where number = $1 for no key update",
                               VALUES(value_text(j->mailbox)));

    if (error == 0) {
        error = database_query(db, &result, "select unnest(dial_out) from mailbox where number = $1",
                               VALUES(value_text(j->mailbox)));
    }
    for (int row = 0; error == 0 && row < PQntuples(result); row++) {
        char pattern[NUMBER_TEXT], *patterns[] = {pattern};

        row_text(result, row, 0, pattern, sizeof pattern);
        allowed = allowed || settings_any_pattern(patterns, 1, j->number);
    }
    PQclear(result);
    return error != 0 ? error : allowed && number_is_plain(settings, j->number) ? 0 : EPERM;
}

/* What one whose box it is may not dial is called for none of them: who has its PIN may be any. EPERM: such a
 * number, or it is nobody's. */
static int begin_bar(struct database *db, const struct begin_job *j)
{
    PGresult *result = NULL;
    int error = database_query(db, &result,
                               "select v.parameters from subscriber s left join service v on "
                               "v.subscriber = s.number and v.enabled and v.name = '" BARRING_SERVICE
                               "' where s.mailbox = $1",
                               VALUES(value_text(j->mailbox)));

    if (error == 0 && PQntuples(result) == 0) {
        error = EPERM;
    }
    for (int row = 0; error == 0 && row < PQntuples(result); row++) {
        json_t *service = json_loads(PQgetvalue(result, row, 0), 0, NULL);

        if (service_bars(service, j->number)) {
            error = EPERM;
        }
        json_decref(service);
    }
    PQclear(result);
    return error;
}

static int begin_judge(const struct settings *settings, struct database *db, const struct begin_job *j)
{
    int error = begin_allow(settings, db, j);

    return error != 0 ? error : begin_bar(db, j);
}

/* What has no end after the longest time for ringing and talk was cut by a crash. */
static int begin_count(const struct settings *settings, struct database *db, const struct begin_job *j)
{
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "select count(*) filter (where ended is null and started > now() - make_interval(mins => $2::int)), "
        "count(*) filter (where status is distinct from 403 and started > now() - interval '1 day') "
        "from voicemail_call "
        "where mailbox = $1 and started > now() - interval '2 days'",
        VALUES(value_text(j->mailbox), value_number(settings->call_minutes + RINGING_MINUTES)));

    if (error != 0) {
        return error;
    }
    if (row_number(result, 0, 0) > 0) {
        error = EBUSY;
    } else if (row_number(result, 0, 1) >= (int64_t)j->most) {
        error = EDQUOT;
    }
    PQclear(result);
    return error;
}

/* What was refused is written down all the same, as 403 and over. */
static int begin_write(struct database *db, struct begin_job *j, bool allowed)
{
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "insert into voicemail_call (mailbox, number, status, ended) "
        "values ($1, $2, case when $3 then null else 403 end, case when $3 then null else now() end) "
        "returning id, (select number from subscriber where mailbox = $1 order by number <> $1, number limit "
        "1)",
        VALUES(value_text(j->mailbox), value_text(j->number), value_truth(allowed)));

    if (error == 0) {
        j->leave.id = row_number(result, 0, 0);
        row_text(result, 0, 1, j->leave.user, sizeof j->leave.user);
    }
    PQclear(result);
    return error;
}

static int begin_run(struct storage *st, struct database *db, struct job *job)
{
    struct begin_job *j = (struct begin_job *)job;
    int verdict, error = database_begin(db);

    if (error != 0) {
        return error;
    }
    verdict = begin_judge(st->settings, db, j);
    if (verdict == 0) {
        verdict = begin_count(st->settings, db, j);
    }
    if (verdict != 0 && verdict != EPERM && verdict != EBUSY && verdict != EDQUOT) {
        return verdict;
    }
    error = begin_write(db, j, verdict == 0);
    if (error == 0) {
        error = database_commit(db);
    }
    return error != 0 ? error : verdict;
}

static void begin_forgotten(struct ticket ticket, int error)
{
    (void)ticket;
    if (error != 0) {
        log_event(LEVEL_WARNING, "storage", NULL, "call-out-end-lost error=%d", error);
    }
}

/* He has hung up while it was asked for: nobody else would end it. */
static void begin_replied(struct job *job)
{
    struct begin_job *j = (struct begin_job *)job;

    if (j->reply(job->ticket, job->error, job->error == 0 ? &j->leave : NULL) || job->error != 0) {
        return;
    }
    if (call_out_end(job->st, j->leave.id, 487, (struct ticket){0}, begin_forgotten) != 0) {
        log_event(LEVEL_WARNING, "storage", NULL, "call-out-end-refused id=%lld", (long long)j->leave.id);
    }
}

static const struct job_kind begin_kind = {
    .name = "call-out-begin", .run = begin_run, .reply = begin_replied};

int call_out_begin(struct storage *st, const char *mailbox, const char *number, unsigned most,
                   struct ticket ticket, leave_reply *reply)
{
    struct begin_job *j = job_new(st, sizeof *j, &begin_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    j->most = most;
    key_copy(j->mailbox, sizeof j->mailbox, mailbox);
    key_copy(j->number, sizeof j->number, number);
    return job_submit(&j->job);
}

/* -- its end ----------------------------------------------------------------------------------------------
 */

struct end_job {
    struct done_job done;
    int64_t id;
    int status;
};

static int end_run(struct storage *st, struct database *db, struct job *job)
{
    const struct end_job *j = (const struct end_job *)job;

    (void)st;
    return database_query(db, NULL, "update voicemail_call set status = $2, ended = now() where id = $1",
                          VALUES(value_number(j->id), value_number(j->status)));
}

static const struct job_kind end_kind = {.name = "call-out-end", .run = end_run, .reply = done_job_reply};

int call_out_end(struct storage *st, int64_t id, int status, struct ticket ticket, storage_done *reply)
{
    struct end_job *j = job_new(st, sizeof *j, &end_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    j->id = id;
    j->status = status;
    return job_submit(&j->done.job);
}
