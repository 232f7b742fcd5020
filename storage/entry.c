/*
 * Entries: one message in one mailbox. Each has a version that a trigger advances with every change, also
 * with one made by an administrator's SQL; who writes names the version he read, so that two phones in one
 * mailbox cannot undo each other's work unseen.
 */
#include "storage/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

/* FOLDER_INBOX and FOLDER_OLD are one folder in the table: which of the two an entry is in follows from
 * `heard`. */
const char *const folder_names[FOLDER_COUNT] = {
    [FOLDER_INBOX] = "inbox",   [FOLDER_OLD] = "inbox",       [FOLDER_WORK] = "work",
    [FOLDER_FAMILY] = "family", [FOLDER_FRIENDS] = "friends",
};

#define ENTRY_COLUMNS                                                                                        \
    "e.id, e.version, e.folder, e.heard, e.urgent, e.deleted_at is not null, m.caller, m.caller_name, "      \
    "extract(epoch from m.started)::bigint, m.duration_ms "

static void entry_from_row(struct entry *out, const PGresult *result, int row)
{
    memset(out, 0, sizeof *out);
    row_text(result, row, 0, out->id, sizeof out->id);
    out->version = row_number(result, row, 1);
    out->heard = row_truth(result, row, 3);
    out->folder = out->heard ? FOLDER_OLD : FOLDER_INBOX;
    for (int folder = FOLDER_WORK; folder < FOLDER_COUNT; folder++) {
        if (strcmp(PQgetvalue(result, row, 2), folder_names[folder]) == 0) {
            out->folder = (enum folder)folder;
        }
    }
    out->urgent = row_truth(result, row, 4);
    out->deleted = row_truth(result, row, 5);
    row_text(result, row, 6, out->caller, sizeof out->caller);
    row_text(result, row, 7, out->caller_name, sizeof out->caller_name);
    out->left = (time_t)row_number(result, row, 8);
    out->duration_ms = (uint32_t)row_number(result, row, 9);
}

/* -- list
 * ---------------------------------------------------------------------------------------------------------------
 */

struct list_job {
    struct job job;
    entries_reply *reply;
    char mailbox[NUMBER_TEXT];
    enum folder folder;
    struct entry_list *list;
};

/* The mailbox is joined from the left: one row of nulls is an empty folder, no row is no mailbox. */
static int list_run(struct storage *st, struct database *db, struct job *job)
{
    struct list_job *j = (struct list_job *)job;
    PGresult *result = NULL;
    bool filed = j->folder != FOLDER_INBOX && j->folder != FOLDER_OLD;
    int error = database_query(
        db, &result,
        "select " ENTRY_COLUMNS "from mailbox b left join (entry e join message m on m.id = e.message) "
        "on e.mailbox = b.number and e.deleted_at is null and e.folder = $2 and ($3 or e.heard = $4) "
        "where b.number = $1 order by m.started, e.id limit $5",
        VALUES(value_text(j->mailbox), value_text(folder_names[j->folder]), value_truth(filed),
               value_truth(j->folder == FOLDER_OLD), value_number(ENTRIES_MAX)));

    (void)st;
    if (error != 0) {
        return error;
    }
    int rows = PQntuples(result);
    if (rows == 0) {
        PQclear(result);
        return ENOENT;
    }
    if (PQgetisnull(result, 0, 0)) {
        rows = 0;
    }
    free(j->list);
    j->list = calloc(1, sizeof *j->list + (size_t)rows * sizeof j->list->entries[0]);
    if (j->list == NULL) {
        PQclear(result);
        return ENOMEM;
    }
    j->list->count = (size_t)rows;
    for (int row = 0; row < rows; row++) {
        entry_from_row(&j->list->entries[row], result, row);
    }
    PQclear(result);
    return 0;
}

static void list_drop(struct job *job)
{
    free(((struct list_job *)job)->list);
}

static void list_replied(struct job *job)
{
    struct list_job *j = (struct list_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? j->list : NULL);
    list_drop(job);
}

static const struct job_kind list_kind = {
    .name = "entries-list", .run = list_run, .reply = list_replied, .drop = list_drop};

int entries_list(struct storage *st, const char *mailbox, enum folder folder, struct ticket ticket,
                 entries_reply *reply)
{
    struct list_job *j = job_new(st, sizeof *j, &list_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    j->folder = folder;
    key_copy(j->mailbox, sizeof j->mailbox, mailbox);
    return job_submit(&j->job);
}

/* -- fetch
 * --------------------------------------------------------------------------------------------------------------
 */

static int fetch_run(struct storage *st, struct database *db, struct job *job)
{
    struct file_job *j = (struct file_job *)job;

    (void)st;
    if (!uuid_valid(j->number)) {
        return ENOENT;
    }
    return file_job_fetch(
        db, j,
        "select audio, sha256(audio) = sha256 from entry e join message m on m.id = e.message "
        "join blob b on b.id = m.blob where e.id = $1",
        VALUES(value_text(j->number)));
}

static const struct job_kind fetch_kind = {
    .name = "entry-fetch", .run = fetch_run, .reply = file_job_reply, .drop = file_job_drop};

int entry_fetch(struct storage *st, const char *id, struct ticket ticket, file_reply *reply)
{
    struct file_job *j = job_new(st, sizeof *j, &fetch_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, id);
    return job_submit(&j->job);
}

/* -- update
 * -------------------------------------------------------------------------------------------------------------
 */

struct update_job {
    struct job job;
    entry_reply *reply;
    struct entry entry;
};

/* Tells an entry that has moved on from one that is gone. */
static int entry_exists(struct database *db, const char *id, bool *out)
{
    PGresult *result = NULL;
    int error = database_query(db, &result, "select 1 from entry where id = $1", VALUES(value_text(id)));

    if (error == 0) {
        *out = PQntuples(result) > 0;
        PQclear(result);
    }
    return error;
}

/* A second deletion keeps the time of the first, from which its retention counts. */
static int update_run(struct storage *st, struct database *db, struct job *job)
{
    struct entry *entry = &((struct update_job *)job)->entry;
    PGresult *result = NULL;
    bool there = false;
    int error;

    (void)st;
    if (!uuid_valid(entry->id)) {
        return ENOENT;
    }
    error = database_begin(db);
    if (error == 0) {
        error = database_query(
            db, &result,
            "update entry e set folder = $3, heard = $4, "
            "deleted_at = case when $5 then coalesce(deleted_at, to_timestamp($6::bigint)) end "
            "from message m where e.id = $1 and e.version = $2 and m.id = e.message "
            "returning " ENTRY_COLUMNS,
            VALUES(value_text(entry->id), value_number(entry->version),
                   value_text(folder_names[entry->folder]), value_truth(entry->heard),
                   value_truth(entry->deleted), value_number(clock_wall())));
    }
    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        PQclear(result);
        error = entry_exists(db, entry->id, &there);
        return error != 0 ? error : there ? ESTALE : ENOENT;
    }
    struct entry changed;
    entry_from_row(&changed, result, 0);
    PQclear(result);
    error = database_commit(db);
    /* Only now: a run that is repeated must find what was asked. */
    if (error == 0) {
        *entry = changed;
    }
    return error;
}

static void update_replied(struct job *job)
{
    struct update_job *j = (struct update_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->entry : NULL);
}

static const struct job_kind update_kind = {
    .name = "entry-update", .run = update_run, .reply = update_replied};

int entry_update(struct storage *st, const struct entry *entry, struct ticket ticket, entry_reply *reply)
{
    struct update_job *j = job_new(st, sizeof *j, &update_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    j->entry = *entry;
    return job_submit(&j->job);
}

/* -- forward
 * ------------------------------------------------------------------------------------------------------------
 */

struct forward_job {
    struct done_job done;
    char id[UUID_TEXT], mailbox[NUMBER_TEXT];
};

/* A mailbox that does not exist violates the foreign key, which is ENOENT as well (result_error()). */
static int forward_run(struct storage *st, struct database *db, struct job *job)
{
    struct forward_job *j = (struct forward_job *)job;
    PGresult *result = NULL;
    char message[UUID_TEXT];
    int error;

    (void)st;
    if (!uuid_valid(j->id)) {
        return ENOENT;
    }
    error = database_begin(db);
    if (error == 0) {
        error = database_query(
            db, &result,
            "insert into entry (mailbox, message, urgent) select $2, message, urgent from entry "
            "where id = $1 on conflict (mailbox, message) do update "
            "set folder = 'inbox', heard = false, deleted_at = null returning message",
            VALUES(value_text(j->id), value_text(j->mailbox)));
    }
    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        PQclear(result);
        return ENOENT;
    }
    row_text(result, 0, 0, message, sizeof message);
    PQclear(result);
    error = message_mail(db, j->mailbox, message);
    return error == 0 ? database_commit(db) : error;
}

static const struct job_kind forward_kind = {
    .name = "entry-forward", .run = forward_run, .reply = done_job_reply};

int entry_forward(struct storage *st, const char *id, const char *mailbox, struct ticket ticket,
                  storage_done *reply)
{
    struct forward_job *j = job_new(st, sizeof *j, &forward_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    key_copy(j->id, sizeof j->id, id);
    key_copy(j->mailbox, sizeof j->mailbox, mailbox);
    return job_submit(&j->done.job);
}
