/* Receipts: a sender is told once that his messages were heard, and by whom. */
#include "storage/rows.h"

#include <errno.h>

struct receipts_job {
    struct job job;
    receipts_reply *reply;
    char mailbox[NUMBER_TEXT], heard_by[RECEIPTS_TEXT];
};

/* Who has many hears of the last ones only; none comes again. */
static int receipts_run(struct storage *st, struct database *db, struct job *job)
{
    struct receipts_job *j = (struct receipts_job *)job;
    PGresult *result = NULL;
    int error =
        database_query(db, &result,
                       "with told as (delete from receipt where mailbox = $1 returning heard_by, heard) "
                       "select coalesce(string_agg(heard_by, ' '), '') from "
                       "(select heard_by, max(heard) as heard from told group by heard_by "
                       "order by heard desc limit 3) as latest",
                       VALUES(value_text(j->mailbox)));

    (void)st;
    if (error == 0) {
        row_text(result, 0, 0, j->heard_by, sizeof j->heard_by);
    }
    PQclear(result);
    return error;
}

static void receipts_replied(struct job *job)
{
    struct receipts_job *j = (struct receipts_job *)job;

    j->reply(job->ticket, job->error, j->heard_by);
}

static const struct job_kind receipts_kind = {
    .name = "receipts-take", .run = receipts_run, .reply = receipts_replied};

int receipts_take(struct storage *st, const char *mailbox, struct ticket ticket, receipts_reply *reply)
{
    struct receipts_job *j = job_new(st, sizeof *j, &receipts_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->mailbox, sizeof j->mailbox, mailbox);
    return job_submit(&j->job);
}
