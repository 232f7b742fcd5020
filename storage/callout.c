/*
 * Whom to call next. The row is moved on to its next turn before the call is made: a crash in between costs a
 * call, and never makes two at once.
 */
#include "storage/callout.h"
#include "storage/rows.h"

#include <errno.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/schedule.h"

struct next_job {
    struct job job;
    callout_reply *reply;
    char mailbox[NUMBER_TEXT], number[NUMBER_TEXT];
};

/* To the same number again, or to the one after it; behind the last one it is over. */
static int turn_move(struct database *db, const char *mailbox, bool again)
{
    int error = database_query(
        db, NULL,
        again ? "update callout_due d set tried = tried + 1, next_at = now() + c.retry_s * interval '1 s' "
                "from callout c where c.mailbox = d.mailbox and c.place = d.place and d.mailbox = $1"
              : "update callout_due d set tried = 0, place = n.place, "
                "next_at = now() + (n.wait_s + c.retry_s) * interval '1 s' from callout c, callout n "
                "where d.mailbox = $1 and c.mailbox = d.mailbox and c.place = d.place and n.mailbox = "
                "d.mailbox and n.place = (select min(place) from callout l where l.mailbox = d.mailbox and "
                "l.place > d.place)",
        VALUES(value_text(mailbox)));

    if (error == 0 && !again) {
        error = database_query(db, NULL, "delete from callout_due d where mailbox = $1 and next_at <= now()",
                               VALUES(value_text(mailbox)));
    }
    return error;
}

/* As many calls as are allowed a day have been made: the next look is an hour later. */
static int turn_put_off(struct database *db, const struct next_job *j)
{
    log_event(LEVEL_NOTICE, "storage", NULL, "callout-put-off mailbox=%s", j->mailbox);
    return database_query(db, NULL,
                          "update callout_due set next_at = now() + interval '1 hour' where mailbox = $1",
                          VALUES(value_text(j->mailbox)));
}

/* Counts the call, and moves on. What is not to be called now has no number. */
static int turn_count(struct database *db, struct next_job *j, unsigned most, bool again)
{
    PGresult *result = NULL;
    int error = database_query(db, &result, "select callout_count($1, $2::int)",
                               VALUES(value_text(j->mailbox), value_number(most)));

    if (error != 0) {
        return error;
    }
    bool allowed = row_truth(result, 0, 0);
    PQclear(result);
    if (allowed) {
        return turn_move(db, j->mailbox, again);
    }
    j->number[0] = '\0';
    return turn_put_off(db, j);
}

/* Also drops who has nothing new any more, wherever he heard it, and whose numbers were taken away. */
static int turn_take(struct database *db, struct next_job *j, unsigned most)
{
    PGresult *result = NULL;
    char schedule[256], zone[64];
    int error = database_query(db, NULL,
                               "delete from callout_due d where next_at <= now() and (not exists (select 1 "
                               "from entry e where e.mailbox = d.mailbox and not e.heard and e.deleted_at is "
                               "null) or not exists (select 1 from callout c where c.mailbox = d.mailbox and "
                               "c.place = d.place))",
                               NULL, 0);

    if (error == 0) {
        error = database_query(db, &result,
                               "select d.mailbox, c.number, c.schedule, b.zone, d.tried + 1 < c.tries "
                               "from callout_due d join callout c on c.mailbox = d.mailbox and c.place = "
                               "d.place join mailbox b on b.number = d.mailbox where next_at <= now() "
                               "order by next_at limit 1 for update of d skip locked",
                               NULL, 0);
    }
    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        PQclear(result);
        return 0;
    }
    row_text(result, 0, 0, j->mailbox, sizeof j->mailbox);
    row_text(result, 0, 1, j->number, sizeof j->number);
    row_text(result, 0, 2, schedule, sizeof schedule);
    row_text(result, 0, 3, zone, sizeof zone);
    bool again = row_truth(result, 0, 4);
    PQclear(result);
    if (schedule[0] != '\0' && !schedule_matches(schedule, zone, clock_wall())) {
        j->number[0] = '\0';
        return turn_move(db, j->mailbox, false);
    }
    return turn_count(db, j, most, again);
}

/* Asked for every second: that the database is away others say in the log. */
static int next_run(struct storage *st, struct database *db, struct job *job)
{
    struct next_job *j = (struct next_job *)job;
    int error;

    if (database_connect(db) != 0) {
        return ENOENT;
    }
    j->number[0] = '\0';
    error = database_begin(db);
    if (error == 0) {
        error = turn_take(db, j, st->settings->callouts_a_day);
    }
    if (error == 0) {
        error = database_commit(db);
    }
    return error != 0 ? error : j->number[0] != '\0' ? 0 : ENOENT;
}

static void next_replied(struct job *job)
{
    struct next_job *j = (struct next_job *)job;

    j->reply(job->ticket, job->error, j->mailbox, j->number);
}

static const struct job_kind next_kind = {.name = "callout-next", .run = next_run, .reply = next_replied};

int callout_next(struct storage *st, struct ticket ticket, callout_reply *reply)
{
    struct next_job *j = job_new(st, sizeof *j, &next_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    return job_submit(&j->job);
}

struct over_job {
    struct done_job done;
    char mailbox[NUMBER_TEXT];
};

static int over_run(struct storage *st, struct database *db, struct job *job)
{
    (void)st;
    return database_query(db, NULL, "delete from callout_due where mailbox = $1",
                          VALUES(value_text(((struct over_job *)job)->mailbox)));
}

static const struct job_kind over_kind = {.name = "callout-over", .run = over_run, .reply = done_job_reply};

int callout_over(struct storage *st, const char *mailbox, struct ticket ticket, storage_done *reply)
{
    struct over_job *j = job_new(st, sizeof *j, &over_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    key_copy(j->mailbox, sizeof j->mailbox, mailbox);
    return job_submit(&j->done.job);
}
