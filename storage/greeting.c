/*
 * Greetings that an owner recorded himself. They share the table of sound with messages, and its counting of
 * references.
 */
#include "storage/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const greeting_names[] = {
    [GREETING_UNAVAILABLE] = "unavailable", [GREETING_BUSY] = "busy",           [GREETING_NAME] = "name",
    [GREETING_TEMPORARY] = "temporary",     [GREETING_NO_ANSWER] = "no-answer", [GREETING_CLOSED] = "closed",
    [GREETING_CALLER] = "caller",
};

/* -- its greetings
 * ------------------------------------------------------------------------------------------------------ */

static int greeting_run(struct storage *st, struct database *db, struct job *job)
{
    struct file_job *j = (struct file_job *)job;

    (void)st;
    return file_job_fetch(db, j,
                          "select audio, sha256(audio) = sha256 from greeting g join blob b on b.id = g.blob "
                          "where g.mailbox = $1 and g.kind = $2",
                          VALUES(value_text(j->number), value_text(j->which)));
}

static const struct job_kind greeting_kind_fetch = {
    .name = "greeting-fetch", .run = greeting_run, .reply = file_job_reply, .drop = file_job_drop};

int greeting_fetch(struct storage *st, const char *number, enum greeting_kind kind, struct ticket ticket,
                   file_reply *reply)
{
    return file_job_ask(st, &greeting_kind_fetch, number, greeting_names[kind], SOUND_WAV, ticket, reply);
}

/* -- the one for a caller
 * ---------------------------------------------------------------------------------------------- */

struct caller_job {
    struct file_job file;
    char caller[NUMBER_TEXT];
    bool alone;
};

static bool caller_hears(const struct caller_job *j, const char *callers)
{
    char text[256], *rest = text, *pattern;

    if (j->alone) {
        return strcmp(callers, j->caller) == 0;
    }
    snprintf(text, sizeof text, "%s", callers);
    while ((pattern = strsep(&rest, " ")) != NULL) {
        if (*pattern != '\0' && settings_any_pattern(&pattern, 1, j->caller)) {
            return true;
        }
    }
    return false;
}

static int caller_run(struct storage *st, struct database *db, struct job *job)
{
    struct caller_job *j = (struct caller_job *)job;
    PGresult *result = NULL;
    int row = 0, error = database_query(db, &result,
                                        "select callers from greeting where mailbox = $1 and kind = 'caller' "
                                        "order by callers <> $2, created, callers",
                                        VALUES(value_text(j->file.number), value_text(j->caller)));

    (void)st;
    while (error == 0 && row < PQntuples(result) && !caller_hears(j, PQgetvalue(result, row, 0))) {
        row++;
    }
    if (error == 0 && row == PQntuples(result)) {
        error = ENOENT;
    }
    if (error == 0) {
        error = file_job_fetch(db, &j->file,
                               "select audio, sha256(audio) = sha256 from greeting g join blob b on "
                               "b.id = g.blob where g.mailbox = $1 and g.kind = 'caller' and g.callers = $2",
                               VALUES(value_text(j->file.number), value_text(PQgetvalue(result, row, 0))));
    }
    PQclear(result);
    return error;
}

static const struct job_kind caller_kind = {
    .name = "greeting-fetch-for", .run = caller_run, .reply = file_job_reply, .drop = file_job_drop};

int greeting_fetch_for(struct storage *st, const char *number, const char *caller, bool alone,
                       struct ticket ticket, file_reply *reply)
{
    struct caller_job *j = job_new(st, sizeof *j, &caller_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->file.reply = reply;
    key_copy(j->file.number, sizeof j->file.number, number);
    strcpy(j->file.which, greeting_names[GREETING_CALLER]);
    key_copy(j->caller, sizeof j->caller, caller);
    j->alone = alone;
    return job_submit(&j->file.job);
}

/* -- its writing
 * ------------------------------------------------------------------------------------------------------- */

struct store_job {
    struct done_job done;
    char number[NUMBER_TEXT], callers[NUMBER_TEXT];
    enum greeting_kind kind;
    bool own; /* false: back to the default */
    char source[8], path[512];
};

/* Deletes before it inserts: the trigger on the deleted row lets the old sound go. */
static int store_run(struct storage *st, struct database *db, struct job *job)
{
    struct store_job *j = (struct store_job *)job;
    struct audio audio = {0};
    char blob[UUID_TEXT];
    PGresult *mailbox = NULL;
    int error = j->own ? audio_load(&audio, AT_FDCWD, j->path) : 0;

    (void)st;
    if (error == 0) {
        error = database_begin(db);
    }
    if (error == 0 && j->source[0] != '\0') {
        error = database_query(db, NULL, "select set_config('confab.source', $1, true)",
                               VALUES(value_text(j->source)));
    }
    if (error == 0) {
        error = database_query(db, &mailbox, "select 1 from mailbox where number = $1 for no key update",
                               VALUES(value_text(j->number)));
    }
    if (error == 0 && PQntuples(mailbox) == 0) {
        error = ENOENT;
    }
    PQclear(mailbox);
    if (error == 0) {
        error = database_query(
            db, NULL, "delete from greeting where mailbox = $1 and kind = $2 and callers = $3",
            VALUES(value_text(j->number), value_text(greeting_names[j->kind]), value_text(j->callers)));
    }
    if (error == 0 && j->own) {
        error = audio_insert(db, &audio, blob);
    }
    if (error == 0 && j->own) {
        error = database_query(db, NULL,
                               "insert into greeting (mailbox, kind, callers, blob) values ($1, $2, $3, $4)",
                               VALUES(value_text(j->number), value_text(greeting_names[j->kind]),
                                      value_text(j->callers), value_text(blob)));
    }
    if (error == 0) {
        error = database_commit(db);
    }
    free(audio.bytes);
    return error;
}

static void store_end(struct storage *st, struct job *job)
{
    struct store_job *j = (struct store_job *)job;

    (void)st;
    if (j->own) {
        unlink(j->path);
    }
}

static const struct job_kind store_kind = {
    .name = "greeting-store", .run = store_run, .end = store_end, .reply = done_job_reply};

int greeting_store(struct storage *st, const char *number, enum greeting_kind kind, const char *callers,
                   const char *path, const char *source, struct ticket ticket, storage_done *reply)
{
    struct store_job *j = job_new(st, sizeof *j, &store_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    if (path != NULL && strlen(path) >= sizeof j->path) {
        job_free(&j->done.job);
        return ENAMETOOLONG;
    }
    j->done.reply = reply;
    key_copy(j->number, sizeof j->number, number);
    key_copy(j->callers, sizeof j->callers, callers);
    snprintf(j->source, sizeof j->source, "%s", source);
    j->kind = kind;
    j->own = path != NULL;
    if (path != NULL) {
        strcpy(j->path, path);
    }
    return job_submit(&j->done.job);
}

struct end_job {
    struct done_job done;
    char number[NUMBER_TEXT];
    enum greeting_kind kind;
    time_t ends;
};

static int end_run(struct storage *st, struct database *db, struct job *job)
{
    struct end_job *j = (struct end_job *)job;
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "update greeting set ends = to_timestamp(nullif($3::bigint, 0)) where mailbox = $1 and kind = $2 "
        "returning 1",
        VALUES(value_text(j->number), value_text(greeting_names[j->kind]), value_number(j->ends)));

    (void)st;
    if (error == 0 && PQntuples(result) == 0) {
        error = ENOENT;
    }
    PQclear(result);
    return error;
}

static const struct job_kind end_kind = {.name = "greeting-set-end", .run = end_run, .reply = done_job_reply};

int greeting_set_end(struct storage *st, const char *number, enum greeting_kind kind, time_t ends,
                     struct ticket ticket, storage_done *reply)
{
    struct end_job *j = job_new(st, sizeof *j, &end_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    key_copy(j->number, sizeof j->number, number);
    j->kind = kind;
    j->ends = ends;
    return job_submit(&j->done.job);
}

/* -- a file that is not wanted after all
 * -------------------------------------------------------------------------------------------- */

struct discard_job {
    struct done_job done;
    char path[512];
};

/* Only what lies in the cache's own folder: no path that reached us by mistake may remove anything else. */
static int discard_cached(struct storage *st, struct database *db, struct job *job)
{
    const struct discard_job *j = (struct discard_job *)job;
    const char *folder = st->settings->cache_dir;
    size_t length = strlen(folder);

    (void)db;
    if (strncmp(j->path, folder, length) != 0 || j->path[length] != '/' ||
        strchr(j->path + length + 1, '/')) {
        return EINVAL;
    }
    return unlink(j->path) == 0 || errno == ENOENT ? 0 : errno;
}

static const struct job_kind discard_kind = {
    .name = "cache-discard", .run = discard_cached, .reply = done_job_reply};

int cache_discard(struct storage *st, const char *path, struct ticket ticket, storage_done *reply)
{
    struct discard_job *j = job_new(st, sizeof *j, &discard_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    if (strlen(path) >= sizeof j->path) {
        job_free(&j->done.job);
        return ENAMETOOLONG;
    }
    j->done.reply = reply;
    strcpy(j->path, path);
    return job_submit(&j->done.job);
}
