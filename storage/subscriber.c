/*
 * Subscribers with their contacts, alone or one after the other, and their digests. A subscriber's rows are
 * one join, one row a contact: whoever forks a call needs all of it at once.
 */
#include "storage/rows.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"

#define SUBSCRIBER_COLUMNS                                                                                   \
    "select s.number, s.name, s.zone, s.mailbox, s.ring_s, "                                                 \
    "(select jsonb_object_agg(v.name, v.parameters)::text from service v "                                   \
    "where v.subscriber = s.number and v.enabled), b.contact, b.path, b.call_id, b.instance, "               \
    "b.received, "                                                                                           \
    "b.user_agent, b.cseq, b.q_milli, extract(epoch from b.expires)::bigint, "                               \
    "coalesce(nullif(s.language, ''), (select m.language from mailbox m where m.number = s.mailbox), '') "   \
    "from subscriber s "
#define BOUND "binding b on b.subscriber = s.number and b.expires > to_timestamp($2::bigint) "
#define BY_Q "b.q_milli desc, b.expires desc, b.contact"

enum { SERVICES_COLUMN = 5, CONTACT_COLUMN = 6, LANGUAGE_COLUMN = 15 };

static void binding_from_row(struct binding *out, const PGresult *result, int row)
{
    row_text(result, row, CONTACT_COLUMN, out->contact, sizeof out->contact);
    row_text(result, row, CONTACT_COLUMN + 1, out->path, sizeof out->path);
    row_text(result, row, CONTACT_COLUMN + 2, out->call_id, sizeof out->call_id);
    row_text(result, row, CONTACT_COLUMN + 3, out->instance, sizeof out->instance);
    row_text(result, row, CONTACT_COLUMN + 4, out->received, sizeof out->received);
    row_text(result, row, CONTACT_COLUMN + 5, out->user_agent, sizeof out->user_agent);
    out->cseq = (uint32_t)row_number(result, row, CONTACT_COLUMN + 6);
    out->q_milli = (int)row_number(result, row, CONTACT_COLUMN + 7);
    out->expires = (time_t)row_number(result, row, CONTACT_COLUMN + 8);
}

/* Reads one subscriber from `row` on; returns how many rows that were. Bindings above BINDINGS_MAX are left
 * out. */
static int subscriber_from_rows(struct subscriber *out, const PGresult *result, int row)
{
    int rows = 0;

    memset(out, 0, sizeof *out);
    row_text(result, row, 0, out->number, sizeof out->number);
    row_text(result, row, 1, out->name, sizeof out->name);
    row_text(result, row, 2, out->zone, sizeof out->zone);
    row_text(result, row, 3, out->mailbox, sizeof out->mailbox);
    out->ring_s = (unsigned)row_number(result, row, 4);
    row_text(result, row, LANGUAGE_COLUMN, out->language, sizeof out->language);
    /* Half of it would be no JSON at all. */
    if (PQgetlength(result, row, SERVICES_COLUMN) < SERVICES_TEXT) {
        row_text(result, row, SERVICES_COLUMN, out->services, sizeof out->services);
    } else {
        log_event(LEVEL_ERROR, "storage", NULL, "services-too-many subscriber=%s", out->number);
    }
    while (row + rows < PQntuples(result) &&
           strcmp(PQgetvalue(result, row + rows, 0), PQgetvalue(result, row, 0)) == 0) {
        if (!PQgetisnull(result, row + rows, CONTACT_COLUMN) && out->binding_count < BINDINGS_MAX) {
            binding_from_row(&out->bindings[out->binding_count++], result, row + rows);
        }
        rows++;
    }
    return rows;
}

int subscriber_read(struct database *db, const char *number, struct subscriber *out, size_t *total)
{
    PGresult *result = NULL;
    int error = database_query(db, &result,
                               SUBSCRIBER_COLUMNS "left join " BOUND "where s.number = $1 order by " BY_Q,
                               VALUES(value_text(number), value_number(clock_wall())));

    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else {
        int rows = subscriber_from_rows(out, result, 0);

        if (total != NULL) {
            *total = out->binding_count == 0 ? 0 : (size_t)rows;
        }
    }
    PQclear(result);
    return error;
}

/* -- one
 * -------------------------------------------------------------------------------------------------------------
 */

/* Asks for one subscriber, or for each; and carries one of the replies to each. */
struct subscriber_job {
    struct job job;
    subscriber_reply *reply;
    char number[NUMBER_TEXT];
    struct subscriber subscriber;
};

static int find_run(struct storage *st, struct database *db, struct job *job)
{
    struct subscriber_job *j = (struct subscriber_job *)job;

    (void)st;
    return subscriber_read(db, j->number, &j->subscriber, NULL);
}

static void subscriber_replied(struct job *job)
{
    struct subscriber_job *j = (struct subscriber_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->subscriber : NULL);
}

static const struct job_kind find_kind = {
    .name = "subscriber-find", .run = find_run, .reply = subscriber_replied};

int subscriber_find(struct storage *st, const char *number, struct ticket ticket, subscriber_reply *reply)
{
    struct subscriber_job *j = job_new(st, sizeof *j, &find_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, number);
    return job_submit(&j->job);
}

/* -- each
 * ------------------------------------------------------------------------------------------------------------
 */

static const struct job_kind each_reply_kind = {.name = "subscriber-each", .reply = subscriber_replied};

/* One reply a subscriber, as jobs of their own, so that thousands of them need not be in memory at a time:
 * job_finish() waits for the loop. The job itself ends the row of replies with ENOENT. */
static int each_run(struct storage *st, struct database *db, struct job *job)
{
    struct subscriber_job *j = (struct subscriber_job *)job;
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        SUBSCRIBER_COLUMNS "join " BOUND "where $1::text is null or s.mailbox = $1 order by s.number, " BY_Q,
        VALUES(value_text(j->number[0] != '\0' ? j->number : NULL), value_number(clock_wall())));

    if (error != 0) {
        return error;
    }
    for (int row = 0; row < PQntuples(result);) {
        struct subscriber_job *one = job_new(st, sizeof *one, &each_reply_kind, job->ticket);

        if (one == NULL) {
            PQclear(result);
            return ENOMEM;
        }
        one->reply = j->reply;
        row += subscriber_from_rows(&one->subscriber, result, row);
        job_finish(&one->job);
    }
    PQclear(result);
    return ENOENT;
}

static const struct job_kind each_kind = {
    .name = "subscriber-each", .run = each_run, .reply = subscriber_replied};

int subscriber_each_bound(struct storage *st, struct ticket ticket, subscriber_reply *reply)
{
    struct subscriber_job *j = job_new(st, sizeof *j, &each_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    return job_submit(&j->job);
}

/* A mailbox's own kind: an empty name means none here, not all. */
static int each_of_mailbox_run(struct storage *st, struct database *db, struct job *job)
{
    return ((struct subscriber_job *)job)->number[0] == '\0' ? ENOENT : each_run(st, db, job);
}

static const struct job_kind each_of_mailbox_kind = {
    .name = "subscriber-each-of-mailbox", .run = each_of_mailbox_run, .reply = subscriber_replied};

int subscriber_each_of_mailbox(struct storage *st, const char *mailbox, struct ticket ticket,
                               subscriber_reply *reply)
{
    struct subscriber_job *j = job_new(st, sizeof *j, &each_of_mailbox_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, mailbox);
    return job_submit(&j->job);
}

/* -- services
 * ------------------------------------------------------------------------------------------------------ */

struct service_job {
    struct done_job done;
    char number[NUMBER_TEXT], service[32], parameters[2048];
    bool enabled, given;
};

static int service_run(struct storage *st, struct database *db, struct job *job)
{
    struct service_job *j = (struct service_job *)job;

    (void)st;
    /* ENOENT is the foreign key's word. */
    return database_query(
        db, NULL,
        "insert into service (subscriber, name, enabled, parameters) "
        "values ($1, $2, $3, coalesce($4::jsonb, '{}')) on conflict (subscriber, name) "
        "do update set enabled = excluded.enabled, changed = now(), "
        "parameters = case when $4 is null then service.parameters else excluded.parameters end",
        VALUES(value_text(j->number), value_text(j->service), value_truth(j->enabled),
               value_text(j->given ? j->parameters : NULL)));
}

static const struct job_kind service_kind = {
    .name = "service-set", .run = service_run, .reply = done_job_reply};

int service_set(struct storage *st, const char *number, const char *service, bool enabled,
                const char *parameters, struct ticket ticket, storage_done *reply)
{
    struct service_job *j = job_new(st, sizeof *j, &service_kind, ticket);
    json_t *object = parameters != NULL ? json_loads(parameters, 0, NULL) : NULL;
    bool fits = parameters == NULL || (json_is_object(object) && strlen(parameters) < sizeof j->parameters);

    json_decref(object);
    if (j == NULL) {
        return ENOMEM;
    }
    if (!fits || strlen(service) >= sizeof j->service) {
        job_free(&j->done.job);
        return EINVAL;
    }
    j->done.reply = reply;
    j->enabled = enabled;
    j->given = parameters != NULL;
    key_copy(j->number, sizeof j->number, number);
    strcpy(j->service, service);
    strcpy(j->parameters, parameters != NULL ? parameters : "");
    return job_submit(&j->done.job);
}

/* -- credentials
 * ------------------------------------------------------------------------------------------------------ */

struct credentials_job {
    struct job job;
    credentials_reply *reply;
    char number[NUMBER_TEXT], realm[256];
    struct credentials credentials;
};

/*
 * The digests go to the signalling thread and nowhere else: who has HA1 can log in (RFC 7616 §5.13), so a job
 * is wiped when it is freed, and no log line has any of this.
 */
static int credentials_run(struct storage *st, struct database *db, struct job *job)
{
    struct credentials_job *j = (struct credentials_job *)job;
    PGresult *result = NULL;
    int error = database_query(db, &result,
                               "select ha1_md5, ha1_sha256 from credential where number = $1 and realm = $2",
                               VALUES(value_text(j->number), value_text(j->realm)));

    (void)st;
    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else {
        row_text(result, 0, 0, j->credentials.ha1_md5, sizeof j->credentials.ha1_md5);
        row_text(result, 0, 1, j->credentials.ha1_sha256, sizeof j->credentials.ha1_sha256);
    }
    PQclear(result);
    return error;
}

static void credentials_replied(struct job *job)
{
    struct credentials_job *j = (struct credentials_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->credentials : NULL);
}

static const struct job_kind credentials_kind = {
    .name = "credentials-find", .run = credentials_run, .reply = credentials_replied};

int credentials_find(struct storage *st, const char *number, const char *realm, struct ticket ticket,
                     credentials_reply *reply)
{
    struct credentials_job *j = job_new(st, sizeof *j, &credentials_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, number);
    key_copy(j->realm, sizeof j->realm, realm);
    return job_submit(&j->job);
}
