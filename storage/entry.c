/*
 * Entries: one message in one mailbox. Each has a version that a trigger advances with every change, also
 * with one made by an administrator's SQL; who writes names the version he read, so that two phones in one
 * mailbox cannot undo each other's work unseen.
 */
#include "storage/rows.h"

#include <errno.h>
#include <stdio.h>
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
    "extract(epoch from m.started)::bigint, m.duration_ms, e.mailbox, e.reader, e.claimed_by, "              \
    "e.introduction is not null, m.kind = 'fax', m.pages, m.cut "

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
    row_text(result, row, 10, out->mailbox, sizeof out->mailbox);
    row_text(result, row, 11, out->reader, sizeof out->reader);
    row_text(result, row, 12, out->claimed_by, sizeof out->claimed_by);
    out->introduced = row_truth(result, row, 13);
    out->fax = row_truth(result, row, 14);
    out->pages = (unsigned)row_number(result, row, 15);
    out->cut = row_truth(result, row, 16);
}

/* -- list
 * ---------------------------------------------------------------------------------------------------------------
 */

struct list_job {
    struct job job;
    entries_reply *reply;
    char mailbox[NUMBER_TEXT];
    struct entry_query query;
    struct entry_list *list;
};

/* Which entries $2 to $6 of the query mean; a search looks into all folders but the trash. */
#define ENTRY_LISTED                                                                                         \
    "case when $2 <> '' then e.deleted_at is null and right(m.caller, length($2)) = $2 "                     \
    "when $3 then e.deleted_at > now() - make_interval(days => coalesce(b.trash_days, $4)) "                 \
    "else e.deleted_at is null and e.folder = $5 and ($6::boolean is null or e.heard = $6) end "
/* One comparison for both orders, so that a listing can go on where another ended. */
#define ENTRY_ORDER(m, e)                                                                                    \
    "not " e ".broadcast, not (" e ".urgent and not " e ".heard), $7 * extract(epoch from " m                \
    ".started), " e ".id"

/* The mailbox is joined from the left: one row of nulls is an empty folder, no row is no mailbox. */
static int list_run(struct storage *st, struct database *db, struct job *job)
{
    struct list_job *j = (struct list_job *)job;
    const struct entry_query *query = &j->query;
    bool trash = query->folder == FOLDER_TRASH;
    bool filed = query->folder != FOLDER_INBOX && query->folder != FOLDER_OLD;
    PGresult *result = NULL;
    int error;

    if (*query->after && !uuid_valid(query->after)) {
        return ENOENT;
    }
    error = database_query(
        db, &result,
        "select " ENTRY_COLUMNS "from mailbox b left join (entries_of($1) e join message m on m.id = "
        "e.message) on not (e.broadcast and e.heard) and " ENTRY_LISTED "and ($8 = '' or (" ENTRY_ORDER(
            "m", "e") ") > "
                      "(select " ENTRY_ORDER(
                          "n", "f") " from entries_of($1) f join message n on n.id = f.message "
                                    "where f.id = nullif($8, '')::uuid)) "
                                    "where b.number = $1 order by " ENTRY_ORDER("m", "e") " limit $9",
        VALUES(value_text(j->mailbox), value_text(query->caller), value_truth(trash),
               value_number(st->settings->trash_days), value_text(trash ? "" : folder_names[query->folder]),
               filed ? value_text(NULL) : value_truth(query->folder == FOLDER_OLD),
               value_number(query->newest_first ? -1 : 1), value_text(query->after),
               value_number(ENTRIES_MAX)));

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

int entries_list(struct storage *st, const char *mailbox, const struct entry_query *query,
                 struct ticket ticket, entries_reply *reply)
{
    struct list_job *j = job_new(st, sizeof *j, &list_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    j->query = *query;
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
    if (!uuid_valid(j->which)) {
        return ENOENT;
    }
    return file_job_fetch(
        db, j,
        "select audio, sha256(audio) = sha256 from entries_of($1) e join message m on m.id = e.message "
        "join blob b on b.id = m.blob where e.id = $2",
        VALUES(value_text(j->number), value_text(j->which)));
}

static const struct job_kind fetch_kind = {
    .name = "entry-fetch", .run = fetch_run, .reply = file_job_reply, .drop = file_job_drop};

int entry_fetch(struct storage *st, const char *reader, const char *id, struct ticket ticket,
                file_reply *reply)
{
    return entry_fetch_as(st, reader, id, SOUND_WAV, ticket, reply);
}

int entry_fetch_as(struct storage *st, const char *reader, const char *id, enum sound_format format,
                   struct ticket ticket, file_reply *reply)
{
    return file_job_ask(st, &fetch_kind, reader, id, format, ticket, reply);
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
static int entry_stale(struct database *db, const char *id)
{
    PGresult *result = NULL;
    int error = database_query(db, &result, "select 1 from entry where id = $1", VALUES(value_text(id)));

    if (error == 0) {
        error = PQntuples(result) > 0 ? ESTALE : ENOENT;
        PQclear(result);
    }
    return error;
}

/* Locks it, if it is still as it was read and where its reader may reach it. */
static int entry_lock(struct database *db, const struct entry *entry)
{
    PGresult *result = NULL;
    int error = database_query(db, &result,
                               "select 1 from entry e where e.id = $1 and e.version = $2 and e.mailbox = $3 "
                               "and exists (select from entries_of($4) r where r.id = e.id) for update",
                               VALUES(value_text(entry->id), value_number(entry->version),
                                      value_text(entry->mailbox), value_text(entry->reader)));

    if (error == 0 && PQntuples(result) == 0) {
        error = entry_stale(db, entry->id);
    }
    PQclear(result);
    return error;
}

/* In a team's box "heard" is not the entry's to have (update_team()). A second deletion keeps the time of the
 * first, from which its retention counts. */
static int entry_file(struct database *db, const struct entry *entry, bool own)
{
    return database_query(
        db, NULL,
        "update entry set folder = $2, urgent = $7, heard = case when $3 then $4 else heard end, "
        "deleted_at = case when $5 then coalesce(deleted_at, to_timestamp($6::bigint)) end "
        "where id = $1",
        VALUES(value_text(entry->id), value_text(folder_names[entry->folder]), value_truth(own),
               value_truth(entry->heard), value_truth(entry->deleted), value_number(clock_wall()),
               value_truth(entry->urgent)));
}

static int update_own(struct database *db, struct entry *entry)
{
    return entry_file(db, entry, true);
}

/* -- out of a team's box
 * ---------------------------------------------------------------------------------------------------------
 */

/* The reader has this message in his own box already, from elsewhere, as `own`: there is one of it. What was
 * said to it last is what he hears first, and one that somebody has sent him is not all the world's. */
static int entry_merge(struct database *db, struct entry *entry, const char *own)
{
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "update entry o set urgent = o.urgent or e.urgent, deleted_at = null, "
        "broadcast = o.broadcast and e.broadcast, introduction = coalesce(e.introduction, o.introduction), "
        "heard = o.heard or exists (select from entry_read where entry = e.id and member = $3) "
        "from entry e where o.id = $2 and e.id = $1 returning o.urgent",
        VALUES(value_text(entry->id), value_text(own), value_text(entry->reader)));

    if (error == 0 && PQntuples(result) == 0) {
        error = ESTALE; /* his own has gone meanwhile */
    }
    if (error == 0) {
        entry->urgent = row_truth(result, 0, 0);
        error = database_query(db, NULL, "delete from entry where id = $1", VALUES(value_text(entry->id)));
    }
    PQclear(result);
    if (error == 0) {
        snprintf(entry->id, sizeof entry->id, "%s", own);
    }
    return error;
}

/* Out of a dispatch box into the reader's own, *taken, heard if he has heard it, and as urgent as what it
 * meets there. What is under legal hold stays where it is. */
static int entry_take(struct database *db, struct entry *entry, bool *taken)
{
    PGresult *result = NULL;
    char own[UUID_TEXT];
    int error =
        database_query(db, &result,
                       "select b.kind = 'dispatch' and not b.legal_hold, coalesce(o.id::text, '') "
                       "from entry e join mailbox b on b.number = e.mailbox "
                       "left join entry o on o.mailbox = $2 and o.message = e.message where e.id = $1",
                       VALUES(value_text(entry->id), value_text(entry->reader)));

    if (error != 0) {
        return error;
    }
    *taken = PQntuples(result) > 0 && row_truth(result, 0, 0);
    if (*taken) {
        row_text(result, 0, 1, own, sizeof own);
    }
    PQclear(result);
    if (!*taken) {
        return 0;
    }
    return own[0] != '\0'
               ? entry_merge(db, entry, own)
               : database_query(db, NULL,
                                "update entry set mailbox = $2, claimed_by = '', heard = exists "
                                "(select from entry_read where entry = $1 and member = $2) where id = $1",
                                VALUES(value_text(entry->id), value_text(entry->reader)));
}

/* *moves: it is to be in another folder, in the trash or out of it. *marks: urgent, or not any more. */
static int entry_compare(struct database *db, const struct entry *entry, bool *moves, bool *marks)
{
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "select folder <> $2 or (deleted_at is not null) <> $3, urgent <> $4 from entry where id = $1",
        VALUES(value_text(entry->id), value_text(folder_names[entry->folder]), value_truth(entry->deleted),
               value_truth(entry->urgent)));

    if (error == 0) {
        *moves = PQntuples(result) > 0 && row_truth(result, 0, 0);
        *marks = PQntuples(result) > 0 && row_truth(result, 0, 1);
        PQclear(result);
    }
    return error;
}

/*
 * In a team's box each has his own "heard", which is no new version: who hears it beside him must not find
 * it changed. How urgent it is is everybody's, as is where it is filed and whether it is deleted; in a
 * dispatch box, these two are the taker's.
 */
static int update_team(struct database *db, struct entry *entry)
{
    bool urgent = entry->urgent, moves = false, marks = false, taken = false;
    int error = database_query(db, NULL,
                               entry->heard ? "insert into entry_read (entry, member) values ($1, $2) "
                                              "on conflict (entry, member) do nothing"
                                            : "delete from entry_read where entry = $1 and member = $2",
                               VALUES(value_text(entry->id), value_text(entry->reader)));

    if (error == 0) {
        error = entry_compare(db, entry, &moves, &marks);
    }
    if (error == 0 && moves) {
        error = entry_take(db, entry, &taken);
    }
    if (marks) {
        entry->urgent = urgent;
    }
    return error == 0 && (moves || marks) ? entry_file(db, entry, taken) : error;
}

static int claim_team(struct database *db, struct entry *entry)
{
    bool taken = false;
    int error = entry_take(db, entry, &taken);

    return error != 0 || taken ? error
                               : database_query(db, NULL,
                                                "update entry set claimed_by = case when claimed_by = $2 "
                                                "then '' else $2 end where id = $1",
                                                VALUES(value_text(entry->id), value_text(entry->reader)));
}

/* What was asked, and how the entry is then. Out of a dispatch box it is in the reader's own. */
static int entry_do(struct database *db, struct entry *entry,
                    int (*change)(struct database *db, struct entry *entry))
{
    PGresult *result = NULL;
    /* A run that is repeated must find what was asked. */
    struct entry changed = *entry;
    int error;

    if (!uuid_valid(entry->id)) {
        return ENOENT;
    }
    error = database_begin(db);
    if (error == 0 && entry->source[0] != '\0') {
        error = database_query(db, NULL, "select set_config('confab.source', $1, true)",
                               VALUES(value_text(entry->source)));
    }
    if (error == 0) {
        error = entry_lock(db, &changed);
    }
    if (error == 0) {
        error = change(db, &changed);
    }
    if (error == 0) {
        error = database_query(db, &result,
                               "select " ENTRY_COLUMNS
                               "from entries_of($2) e join message m on m.id = e.message where e.id = $1",
                               VALUES(value_text(changed.id), value_text(entry->reader)));
    }
    if (error == 0 && PQntuples(result) == 0) {
        error = ENOENT;
    }
    if (error == 0) {
        entry_from_row(&changed, result, 0);
        error = database_commit(db);
    }
    PQclear(result);
    if (error == 0) {
        *entry = changed;
    }
    return error;
}

static int update_run(struct storage *st, struct database *db, struct job *job)
{
    struct entry *entry = &((struct update_job *)job)->entry;

    (void)st;
    return entry_do(db, entry, strcmp(entry->mailbox, entry->reader) == 0 ? update_own : update_team);
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

/* -- find
 * --------------------------------------------------------------------------------------------------------------
 */

static int find_run(struct storage *st, struct database *db, struct job *job)
{
    struct entry *entry = &((struct update_job *)job)->entry;
    PGresult *row = NULL;
    int error;

    (void)st;
    if (!uuid_valid(entry->id)) {
        return ENOENT;
    }
    error = database_query(db, &row,
                           "select " ENTRY_COLUMNS
                           "from entries_of($2) e join message m on m.id = e.message where e.id = $1",
                           VALUES(value_text(entry->id), value_text(entry->reader)));
    if (error == 0 && PQntuples(row) == 0) {
        error = ENOENT;
    }
    if (error == 0) {
        entry_from_row(entry, row, 0);
    }
    PQclear(row);
    return error;
}

static const struct job_kind find_kind = {.name = "entry-find", .run = find_run, .reply = update_replied};

int entry_find(struct storage *st, const char *mailbox, const char *id, struct ticket ticket,
               entry_reply *reply)
{
    struct update_job *j = job_new(st, sizeof *j, &find_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->entry.reader, sizeof j->entry.reader, mailbox);
    key_copy(j->entry.id, sizeof j->entry.id, id);
    return job_submit(&j->job);
}

/* -- claim
 * --------------------------------------------------------------------------------------------------------------
 */

static int claim_run(struct storage *st, struct database *db, struct job *job)
{
    (void)st;
    return entry_do(db, &((struct update_job *)job)->entry, claim_team);
}

static const struct job_kind claim_kind = {.name = "entry-claim", .run = claim_run, .reply = update_replied};

int entry_claim(struct storage *st, const struct entry *entry, struct ticket ticket, entry_reply *reply)
{
    struct update_job *j = job_new(st, sizeof *j, &claim_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    j->entry = *entry;
    return job_submit(&j->job);
}
