/*
 * The jobs of storage/spool.h. Each runs on a storage thread, as a disk may take its time; a commit answers
 * only when it is known how safe the message is.
 */
#include "storage/deposits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"

/* -- open
 * -------------------------------------------------------------------------------------------------------------
 */

struct open_job {
    struct file_job file;
    struct deposit deposit;
};

/* In hand before the sidecar is on disk, so that no sweep comes between. */
static int open_run(struct storage *st, struct database *db, struct job *job)
{
    struct open_job *j = (struct open_job *)job;
    struct spool *spool = st->spool;
    int error;

    (void)db;
    if (!uuid_valid(j->deposit.id)) {
        return EINVAL;
    }
    error = live_add(spool, j->deposit.id);
    if (error != 0) {
        return error;
    }
    error = sidecar_write(spool->open, &j->deposit);
    if (error != 0) {
        spool_remove(spool->open, j->deposit.id);
        live_remove(spool, j->deposit.id);
        return error;
    }
    snprintf(j->file.path, sizeof j->file.path, "%s/open/%s%s", spool->path, j->deposit.id,
             body_endings[j->deposit.kind]);
    return 0;
}

static const struct job_kind open_kind = {.name = "deposit-open", .run = open_run, .reply = file_job_reply};

int deposit_open(struct storage *st, const struct deposit *deposit, struct ticket ticket, file_reply *reply)
{
    struct open_job *j = job_new(st, sizeof *j, &open_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->file.reply = reply;
    key_copy(j->deposit.id, sizeof j->deposit.id, deposit->id);
    key_copy(j->deposit.mailbox, sizeof j->deposit.mailbox, deposit->mailbox);
    text_copy(j->deposit.caller, sizeof j->deposit.caller, deposit->caller);
    text_copy(j->deposit.caller_name, sizeof j->deposit.caller_name, deposit->caller_name);
    text_copy(j->deposit.call, sizeof j->deposit.call, deposit->call);
    j->deposit.cause = deposit->cause;
    j->deposit.kind = deposit->kind;
    j->deposit.started_us = deposit->started_us;
    j->deposit.marks = deposit->marks;
    key_copy(j->deposit.continues, sizeof j->deposit.continues, deposit->continues);
    return job_submit(&j->file.job);
}

/* -- commit
 * -----------------------------------------------------------------------------------------------------------
 */

struct commit_job {
    struct done_job done;
    char id[UUID_TEXT], sender[FAX_SENDER_TEXT];
    unsigned marks;
    bool accepted; /* it is in ready/: from now on nothing is lost */
};

/*
 * May run twice, when the connection was lost: the steps on disk are done once. From `accepted` on, whatever
 * fails is the database's affair.
 */
static int commit_run(struct storage *st, struct database *db, struct job *job)
{
    struct commit_job *j = (struct commit_job *)job;
    int error;

    if (!uuid_valid(j->id)) {
        return EINVAL;
    }
    if (!j->accepted) {
        error = spool_commit(st->spool, j->id, j->marks, j->sender);
        if (error != 0) {
            return error;
        }
        j->accepted = true;
        atomic_fetch_add(&st->deposits, 1);
    }
    return spool_deliver(st->spool, db, j->id);
}

/* Accepted and not delivered: the sweeper's, from here on. Only what has no mailbox or cannot be read is not
 * "safe". */
static void commit_end(struct storage *st, struct job *job)
{
    struct commit_job *j = (struct commit_job *)job;

    if (j->accepted && job->error == EINVAL) {
        job->error = EIO;
    } else if (j->accepted && job->error != 0) {
        atomic_fetch_add(&st->spooled, 1);
        job->error = job->error == ENOENT ? ENOENT : EINPROGRESS;
    }
    live_remove(st->spool, j->id);
}

static const struct job_kind commit_kind = {
    .name = "deposit-commit", .run = commit_run, .end = commit_end, .reply = done_job_reply};

int deposit_commit(struct storage *st, const char *id, unsigned marks, struct ticket ticket,
                   storage_done *reply)
{
    return deposit_commit_fax(st, id, marks, "", ticket, reply);
}

int deposit_commit_fax(struct storage *st, const char *id, unsigned marks, const char *sender,
                       struct ticket ticket, storage_done *reply)
{
    struct commit_job *j = job_new(st, sizeof *j, &commit_kind, ticket);
    int error = ENOMEM;

    if (j != NULL) {
        j->done.reply = reply;
        key_copy(j->id, sizeof j->id, id);
        j->marks = marks;
        text_copy(j->sender, sizeof j->sender, sender);
        error = job_submit(&j->done.job);
    }
    if (error != 0) {
        live_commit(st->spool, id, marks, sender); /* the sweeper's */
    }
    return error;
}

/* -- discard
 * ----------------------------------------------------------------------------------------------------------
 */

struct discard_job {
    struct done_job done;
    char id[UUID_TEXT];
};

/* What is not there may be on its way, in another thread. */
static int discard_run(struct storage *st, struct database *db, struct job *job)
{
    struct discard_job *j = (struct discard_job *)job;

    (void)db;
    if (!uuid_valid(j->id)) {
        return EINVAL;
    }
    bool there = spool_has(st->spool->open, j->id, ".json");
    if (!there) {
        live_discard(st->spool, j->id);
        return ENOENT;
    }
    spool_remove(st->spool->open, j->id);
    live_remove(st->spool, j->id);
    return 0;
}

static const struct job_kind discard_kind = {
    .name = "deposit-discard", .run = discard_run, .reply = done_job_reply};

int deposit_discard(struct storage *st, const char *id, struct ticket ticket, storage_done *reply)
{
    struct discard_job *j = job_new(st, sizeof *j, &discard_kind, ticket);
    int error = ENOMEM;

    if (j != NULL) {
        j->done.reply = reply;
        key_copy(j->id, sizeof j->id, id);
        error = job_submit(&j->done.job);
    }
    if (error != 0 && uuid_valid(id)) {
        live_discard(st->spool, id);
    }
    return error;
}

/* -- sweep
 * ------------------------------------------------------------------------------------------------------------
 */

static int sweep_job_run(struct storage *st, struct database *db, struct job *job)
{
    (void)job;
    /* No waiting for the next attempt's time: who asks has seen the database come back, or asks once a
     * minute. */
    db->retry_us = 0;
    return sweep_run(st, db);
}

static const struct job_kind sweep_kind = {
    .name = "spool-sweep", .run = sweep_job_run, .reply = done_job_reply};

int spool_sweep(struct storage *st, struct ticket ticket, storage_done *reply)
{
    struct done_job *j = job_new(st, sizeof *j, &sweep_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    return job_submit(&j->job);
}
