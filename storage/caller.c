/*
 * The newest caller of each subscriber: one row, written over at each call.
 */
#include "storage/caller.h"
#include "storage/rows.h"

#include <errno.h>
#include <string.h>

struct caller_job {
    struct done_job done;
    caller_reply *reply;
    char subscriber[NUMBER_TEXT], number[NUMBER_TEXT];
};

static int note_run(struct storage *st, struct database *db, struct job *job)
{
    struct caller_job *j = (struct caller_job *)job;

    (void)st;
    /* ENOENT is the foreign key's word. */
    return database_query(db, NULL,
                          "insert into last_caller (subscriber, number) values ($1, $2) "
                          "on conflict (subscriber) do update set number = excluded.number, called = now()",
                          VALUES(value_text(j->subscriber), value_text(j->number)));
}

static const struct job_kind note_kind = {.name = "caller-note", .run = note_run, .reply = done_job_reply};

int caller_note(struct storage *st, const char *subscriber, const char *number, struct ticket ticket,
                storage_done *reply)
{
    struct caller_job *j = job_new(st, sizeof *j, &note_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    key_copy(j->subscriber, sizeof j->subscriber, subscriber);
    key_copy(j->number, sizeof j->number, number);
    return job_submit(&j->done.job);
}

static int last_run(struct storage *st, struct database *db, struct job *job)
{
    struct caller_job *j = (struct caller_job *)job;
    PGresult *result = NULL;
    int error = database_query(db, &result, "select number from last_caller where subscriber = $1",
                               VALUES(value_text(j->subscriber)));

    (void)st;
    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else {
        row_text(result, 0, 0, j->number, sizeof j->number);
    }
    PQclear(result);
    return error;
}

static void last_replied(struct job *job)
{
    struct caller_job *j = (struct caller_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? j->number : NULL);
}

static const struct job_kind last_kind = {.name = "caller-last", .run = last_run, .reply = last_replied};

int caller_last(struct storage *st, const char *subscriber, struct ticket ticket, caller_reply *reply)
{
    struct caller_job *j = job_new(st, sizeof *j, &last_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->subscriber, sizeof j->subscriber, subscriber);
    return job_submit(&j->done.job);
}
