/*
 * A message that goes on: who was cut off and calls back adds to what he has left, so that its owner has one
 * message and hears it whole.
 */
#include "storage/deposits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CUT_S "120"

/* -- which message
 * ---------------------------------------------------------------------------------------------------- */

struct cut_job {
    struct job job;
    cut_reply *reply;
    char mailbox[NUMBER_TEXT], caller[NUMBER_TEXT], id[UUID_TEXT];
};

static int cut_run(struct storage *st, struct database *db, struct job *job)
{
    struct cut_job *j = (struct cut_job *)job;
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "select m.id from entry e join message m on m.id = e.message where e.mailbox = $1 and m.caller = $2 "
        "and m.cut and m.kind = 'voice' "
        "and not e.heard and e.deleted_at is null and m.created > now() - interval '" CUT_S " seconds' "
        "order by m.started desc limit 1",
        VALUES(value_text(j->mailbox), value_text(j->caller)));

    (void)st;
    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else {
        row_text(result, 0, 0, j->id, sizeof j->id);
    }
    PQclear(result);
    return error;
}

static void cut_replied(struct job *job)
{
    struct cut_job *j = (struct cut_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? j->id : NULL);
}

static const struct job_kind cut_kind = {.name = "deposit-find-cut", .run = cut_run, .reply = cut_replied};

int deposit_find_cut(struct storage *st, const char *mailbox, const char *caller, struct ticket ticket,
                     cut_reply *reply)
{
    struct cut_job *j = job_new(st, sizeof *j, &cut_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->mailbox, sizeof j->mailbox, mailbox);
    key_copy(j->caller, sizeof j->caller, caller);
    return job_submit(&j->job);
}

/* -- its sound
 * -------------------------------------------------------------------------------------------------------- */

/* The message's sound as it stands; ENOENT: it cannot be gone on with any more. Its row is locked from here
 * on. */
static int message_open(struct database *db, const struct deposit *d, struct audio *out)
{
    PGresult *result = NULL;
    int error = database_query_binary(
        db, &result,
        "select b.audio from message m join entry e on e.message = m.id join blob b on b.id = m.blob "
        "where m.id = $1 and e.mailbox = $2 and m.refs = 1 and not e.heard and e.deleted_at is null for "
        "update of m, e",
        VALUES(value_text(d->continues), value_text(d->mailbox)));

    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else {
        out->size = (size_t)PQgetlength(result, 0, 0);
        out->bytes = malloc(out->size + 1);
        if (out->bytes == NULL) {
            error = ENOMEM;
        } else {
            memcpy(out->bytes, PQgetvalue(result, 0, 0), out->size);
        }
    }
    PQclear(result);
    return error;
}

static int message_replace(struct database *db, const struct deposit *d, const struct audio *whole)
{
    char blob[UUID_TEXT];
    /* Also when nothing changes: its version advances, so that nobody who hears the first part marks the
     * whole heard. Before the sound, with which it is told how urgent it is. */
    int error = database_query(
        db, NULL, "update entry set urgent = urgent or $3 where message = $1 and mailbox = $2",
        VALUES(value_text(d->continues), value_text(d->mailbox), value_truth(d->marks & DEPOSIT_URGENT)));

    if (error == 0) {
        error = audio_insert(db, whole, blob);
    }
    if (error == 0) {
        error = database_query(
            db, NULL,
            "update message set blob = $2, duration_ms = $3, cut = $4, private = private or $5, "
            "receipt = receipt or $6 where id = $1",
            VALUES(value_text(d->continues), value_text(blob), value_number(whole->duration_ms),
                   value_truth(d->marks & DEPOSIT_CUT), value_truth(d->marks & DEPOSIT_PRIVATE),
                   value_truth(d->marks & DEPOSIT_RECEIPT)));
    }
    return error;
}

int message_continue(struct database *db, const struct deposit *d, const struct audio *audio, bool *joined)
{
    struct audio whole = {0};
    int error;

    if (!uuid_valid(d->continues)) {
        return 0;
    }
    error = message_open(db, d, &whole);
    if (error == 0) {
        error = audio_join(&whole, audio);
    }
    /* Heard, gone, or no sound that this one fits to: it is a message of its own. */
    if (error == ENOENT || error == EINVAL) {
        free(whole.bytes);
        return 0;
    }
    if (error == 0) {
        error = database_query(db, NULL, "insert into message_part (id, message) values ($1, $2)",
                               VALUES(value_text(d->id), value_text(d->continues)));
    }
    if (error == 0) {
        error = message_replace(db, d, &whole);
    }
    /* Whoever else is told, the triggers tell. */
    if (error == 0) {
        error = message_mail(db, d->mailbox, d->continues);
    }
    *joined = error == 0;
    free(whole.bytes);
    return error;
}
