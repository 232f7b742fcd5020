/*
 * The registrar's writes: one REGISTER is one transaction (RFC 3261 §10.3 step 7), under the lock of the
 * subscriber's row, so that two REGISTERs of one user on two nodes follow each other.
 */
#include "storage/rows.h"

#include <errno.h>
#include <string.h>

#include "core/base/clock.h"

struct update_job {
    struct job job;
    subscriber_reply *reply;
    struct binding_change change;
    struct subscriber subscriber;
};

/* RFC 3261 §10.3 step 7: the same Call-ID and no higher CSeq is an older request that came late. */
static bool is_late(const struct binding *wanted, const PGresult *stored, int row)
{
    return strcmp(wanted->call_id, PQgetvalue(stored, row, 1)) == 0 &&
           wanted->cseq <= row_number(stored, row, 2);
}

/* Only what was bound before this request counts: a request may name one contact twice, with one CSeq. */
static int order_check(struct database *db, const struct binding_change *change)
{
    PGresult *stored = NULL;
    int error =
        database_query(db, &stored, "select contact, call_id, cseq from binding where subscriber = $1",
                       VALUES(value_text(change->number)));

    if (error != 0) {
        return error;
    }
    for (int row = 0; row < PQntuples(stored) && error == 0; row++) {
        /* Step 6: "*" meets every binding; it is told by the Call-ID and CSeq of the first. */
        if (change->remove_all && is_late(&change->bindings[0], stored, row)) {
            error = ESTALE;
        }
        for (size_t i = 0; i < change->count; i++) {
            const struct binding *wanted = &change->bindings[i];

            if (strcmp(wanted->contact, PQgetvalue(stored, row, 0)) == 0 && is_late(wanted, stored, row)) {
                error = ESTALE;
            }
        }
    }
    PQclear(stored);
    return error;
}

static int binding_write(struct database *db, const char *number, const struct binding *b)
{
    if (b->expires == 0) {
        return database_query(db, NULL, "delete from binding where subscriber = $1 and contact = $2",
                              VALUES(value_text(number), value_text(b->contact)));
    }
    return database_query(
        db, NULL,
        "insert into binding (subscriber, contact, path, call_id, cseq, instance, received, user_agent, "
        "q_milli, expires) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, to_timestamp($10::bigint)) "
        "on conflict (subscriber, contact) do update set path = excluded.path, call_id = excluded.call_id, "
        "cseq = excluded.cseq, instance = excluded.instance, received = excluded.received, "
        "user_agent = excluded.user_agent, q_milli = excluded.q_milli, expires = excluded.expires",
        VALUES(value_text(number), value_text(b->contact), value_text(b->path), value_text(b->call_id),
               value_number(b->cseq), value_text(b->instance), value_text(b->received),
               value_text(b->user_agent), value_number(b->q_milli), value_number(b->expires)));
}

/* Takes the row's lock and clears the way: what has expired, and everything for "*". */
static int bindings_open(struct database *db, const struct binding_change *change)
{
    PGresult *locked = NULL;
    int error = database_begin(db);

    if (error == 0) {
        error = database_query(db, &locked, "select 1 from subscriber where number = $1 for no key update",
                               VALUES(value_text(change->number)));
    }
    if (error == 0 && PQntuples(locked) == 0) {
        error = ENOENT;
    }
    PQclear(locked);
    if (error == 0) {
        error = database_query(
            db, NULL, "delete from binding where subscriber = $1 and expires <= to_timestamp($2::bigint)",
            VALUES(value_text(change->number), value_number(clock_wall())));
    }
    if (error == 0) {
        error = order_check(db, change);
    }
    if (error == 0 && change->remove_all) {
        error = database_query(db, NULL, "delete from binding where subscriber = $1",
                               VALUES(value_text(change->number)));
    }
    return error;
}

static int update_run(struct storage *st, struct database *db, struct job *job)
{
    struct update_job *j = (struct update_job *)job;
    size_t total = 0;
    int error = bindings_open(db, &j->change);

    (void)st;
    for (size_t i = 0; i < j->change.count && error == 0; i++) {
        error = binding_write(db, j->change.number, &j->change.bindings[i]);
    }
    if (error == 0) {
        error = subscriber_read(db, j->change.number, &j->subscriber, &total);
    }
    if (error == 0 && total > BINDINGS_MAX) {
        error = ENOSPC;
    }
    return error == 0 ? database_commit(db) : error;
}

static void update_replied(struct job *job)
{
    struct update_job *j = (struct update_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->subscriber : NULL);
}

static const struct job_kind update_kind = {
    .name = "binding-update", .run = update_run, .reply = update_replied};

static void binding_copy(struct binding *out, const struct binding *from)
{
    text_copy(out->contact, sizeof out->contact, from->contact);
    text_copy(out->path, sizeof out->path, from->path);
    text_copy(out->call_id, sizeof out->call_id, from->call_id);
    text_copy(out->instance, sizeof out->instance, from->instance);
    text_copy(out->received, sizeof out->received, from->received);
    text_copy(out->user_agent, sizeof out->user_agent, from->user_agent);
    out->cseq = from->cseq;
    out->q_milli = from->q_milli;
    out->expires = from->expires;
}

int binding_update(struct storage *st, const struct binding_change *change, struct ticket ticket,
                   subscriber_reply *reply)
{
    if (change->count > BINDINGS_MAX) {
        return EINVAL;
    }
    struct update_job *j = job_new(st, sizeof *j, &update_kind, ticket);
    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->change.number, sizeof j->change.number, change->number);
    j->change.remove_all = change->remove_all;
    j->change.count = change->count;
    for (size_t i = 0; i < change->count || (i == 0 && change->remove_all); i++) {
        binding_copy(&j->change.bindings[i], &change->bindings[i]);
    }
    return job_submit(&j->job);
}
