/*
 * The way of a row of the outbox: claimed when it is due, delivered, and marked as done, as one transaction;
 * or put off, or given up. Contract: storage/outbox.h.
 */
#include "storage/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/log.h"
#include "core/base/settings.h"

#define COURIERS 3
#define LOOK_MS 500 /* between looks at an empty outbox */
#define NAP_MS 50

struct outbox_worker {
    struct storage *st;
    const struct courier *courier;
    struct database db;
    pthread_t thread;
    bool started;
};

struct outbox {
    atomic_bool stops;
    struct outbox_worker workers[COURIERS];
};

const char *parcel_text(const struct parcel *parcel, const char *name)
{
    const char *text = json_string_value(json_object_get(parcel->payload, name));

    return text != NULL ? text : "";
}

/* The oldest row that is due and that no other of its lane must leave before. ENOENT: none. */
static int parcel_claim(struct database *db, const char *kind, struct parcel *out)
{
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "select id, lane, payload from outbox o where kind = $1 and done_at is null and failed_at is null "
        "and next_at <= now() and (lane = '' or not exists (select 1 from outbox p where p.kind = o.kind "
        "and p.lane = o.lane and p.id < o.id and p.done_at is null and p.failed_at is null)) "
        "order by next_at, id limit 1 for update skip locked",
        VALUES(value_text(kind)));

    if (error != 0) {
        return error;
    }
    error = PQntuples(result) == 0 ? ENOENT : 0;
    if (error == 0) {
        *out = (struct parcel){.payload = json_loads(PQgetvalue(result, 0, 2), 0, NULL)};
        row_text(result, 0, 0, out->id, sizeof out->id);
        row_text(result, 0, 1, out->lane, sizeof out->lane);
        error = out->payload == NULL ? ENOMEM : 0;
    }
    PQclear(result);
    return error;
}

static int parcel_done(struct database *db, const struct parcel *parcel)
{
    return database_query(
        db, NULL,
        "update outbox set attempts = attempts + 1, done_at = clock_timestamp(), last_error = null "
        "where id = $1",
        VALUES(value_text(parcel->id)));
}

/*
 * Again after 1 s, 2 s, 4 s … and then every quarter of an hour; or not any more. *gave_up says which.
 */
static int parcel_put_off(struct database *db, const struct parcel *parcel, bool refused, unsigned give_up_s,
                          bool *gave_up)
{
    PGresult *result = NULL;
    int error =
        database_query(db, &result,
                       "update outbox set attempts = attempts + 1, last_error = $2, "
                       "next_at = clock_timestamp() + least(2 ^ least(attempts, 20), 900) * interval '1 s', "
                       "failed_at = case when $3 or created < now() - $4 * interval '1 s' "
                       "then clock_timestamp() end where id = $1 returning failed_at is not null",
                       VALUES(value_text(parcel->id), value_text(parcel->fault), value_truth(refused),
                              value_number(give_up_s)));

    if (error == 0) {
        *gave_up = PQntuples(result) > 0 && row_truth(result, 0, 0);
        PQclear(result);
    }
    return error;
}

/* The database's own errors leave the transaction unusable: the row is put off in one of its own. */
static int parcel_settle(const struct courier *courier, struct database *db, struct parcel *parcel, int error)
{
    bool gave_up = false;

    if (error == 0 || error == ENOENT) {
        log_event(LEVEL_INFO, "storage", NULL, "outbox-done kind=%s id=%s%s", courier->kind, parcel->id,
                  error == ENOENT ? " text=\"there is nothing to tell any more\"" : "");
        return parcel_done(db, parcel);
    }
    if (error != EAGAIN && error != EINVAL) {
        database_rollback(db);
        snprintf(parcel->fault, sizeof parcel->fault, "%s", strerrordesc_np(error));
        int begun = database_begin(db);
        if (begun != 0) {
            return begun;
        }
    }
    int written = parcel_put_off(db, parcel, error == EINVAL, courier->give_up_s, &gave_up);
    if (written == 0 && gave_up && courier->fail != NULL) {
        written = courier->fail(db, parcel);
    }
    log_event(gave_up ? LEVEL_ERROR : LEVEL_WARNING, "storage", NULL,
              "outbox-%s kind=%s id=%s lane=%s error=\"%s\"", gave_up ? "failed" : "put-off", courier->kind,
              parcel->id, parcel->lane, parcel->fault);
    return written;
}

/* True: there may be more. */
static bool outbox_step(struct outbox_worker *w, const atomic_bool *stops)
{
    struct database *db = &w->db;
    struct parcel parcel = {.payload = NULL};
    int error;

    database_settle(db);
    error = database_begin(db);
    if (error == 0) {
        error = parcel_claim(db, w->courier->kind, &parcel);
    }
    if (error == 0) {
        int delivered = w->courier->deliver(w->st->settings, db, &parcel, stops);
        error = delivered == ECANCELED ? delivered : parcel_settle(w->courier, db, &parcel, delivered);
    }
    if (error == 0) {
        error = database_commit(db);
    }
    json_decref(parcel.payload);
    database_settle(db);
    return error == 0;
}

static void *outbox_main(void *arg)
{
    struct outbox_worker *w = arg;
    const atomic_bool *stops = &w->st->outbox->stops;

    while (!atomic_load(stops)) {
        if (outbox_step(w, stops)) {
            continue;
        }
        for (int ms = 0; ms < LOOK_MS && !atomic_load(stops); ms += NAP_MS) {
            nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000 * 1000}, NULL);
        }
    }
    database_close(&w->db);
    return NULL;
}

/* The triggers ask this table what anybody wants to hear of. */
static int events_write(struct storage *st)
{
    const struct settings *s = st->settings;
    struct database db = {.conninfo = s->database};
    int error = database_connect_within(&db, 30);

    if (error == 0) {
        error = database_begin(&db);
    }
    if (error == 0) {
        error = database_query(&db, NULL, "delete from outbox_event", NULL, 0);
    }
    if (error == 0) {
        error = database_query(&db, NULL,
                               "insert into outbox_event select distinct event from "
                               "regexp_split_to_table($1, '\\s+') as event where event <> ''",
                               VALUES(value_text(s->webhook_url != NULL ? s->webhook_events : "")));
    }
    if (error == 0 && s->transcription_url != NULL) {
        error = database_query(&db, NULL, "insert into outbox_event values ('transcript')", NULL, 0);
    }
    if (error == 0) {
        error = database_commit(&db);
    }
    database_close(&db);
    return error;
}

int outbox_start(struct storage *st)
{
    const struct settings *s = st->settings;
    const struct courier *wanted[COURIERS] = {
        s->mail_server != NULL ? &courier_of_mail : NULL,
        s->webhook_url != NULL ? &courier_of_webhook : NULL,
        s->transcription_url != NULL ? &courier_of_transcript : NULL,
    };
    int error = courier_init();

    st->outbox = calloc(1, sizeof *st->outbox);
    if (st->outbox == NULL) {
        return ENOMEM;
    }
    if (error == 0) {
        error = events_write(st);
    }
    for (size_t i = 0; error == 0 && i < COURIERS; i++) {
        struct outbox_worker *w = &st->outbox->workers[i];

        if (wanted[i] != NULL) {
            *w = (struct outbox_worker){.st = st, .courier = wanted[i], .db = {.conninfo = s->database}};
            error = pthread_create(&w->thread, NULL, outbox_main, w);
            w->started = error == 0;
        }
    }
    return error;
}

void outbox_stop(struct storage *st)
{
    if (st->outbox == NULL) {
        return;
    }
    atomic_store(&st->outbox->stops, true);
    for (size_t i = 0; i < COURIERS; i++) {
        if (st->outbox->workers[i].started) {
            pthread_join(st->outbox->workers[i].thread, NULL);
        }
    }
    free(st->outbox);
    st->outbox = NULL;
}

int outbox_purge(struct database *db)
{
    /* A kind that has no server waits for one, but not for so long that its owner would wonder. */
    return database_query(db, NULL,
                          "delete from outbox where coalesce(done_at, failed_at, created + interval '2 "
                          "days') < now() - interval '7 days'",
                          NULL, 0);
}
