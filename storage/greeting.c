/*
 * Greetings that an owner recorded himself. They share the table of sound with messages, and its counting of
 * references.
 */
#include "storage/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const greeting_names[] = {
    [GREETING_UNAVAILABLE] = "unavailable",
    [GREETING_BUSY] = "busy",
    [GREETING_NAME] = "name",
    [GREETING_TEMPORARY] = "temporary",
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
                          VALUES(value_text(j->number), value_text(j->kind)));
}

static const struct job_kind greeting_kind_fetch = {
    .name = "greeting-fetch", .run = greeting_run, .reply = file_job_reply, .drop = file_job_drop};

int greeting_fetch(struct storage *st, const char *number, enum greeting_kind kind, struct ticket ticket,
                   file_reply *reply)
{
    struct file_job *j = job_new(st, sizeof *j, &greeting_kind_fetch, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, number);
    strcpy(j->kind, greeting_names[kind]);
    return job_submit(&j->job);
}

struct store_job {
    struct done_job done;
    char number[NUMBER_TEXT];
    enum greeting_kind kind;
    bool own; /* false: back to the default */
    char path[512];
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
    if (error == 0) {
        error = database_query(db, &mailbox, "select 1 from mailbox where number = $1 for no key update",
                               VALUES(value_text(j->number)));
    }
    if (error == 0 && PQntuples(mailbox) == 0) {
        error = ENOENT;
    }
    PQclear(mailbox);
    if (error == 0) {
        error = database_query(db, NULL, "delete from greeting where mailbox = $1 and kind = $2",
                               VALUES(value_text(j->number), value_text(greeting_names[j->kind])));
    }
    if (error == 0 && j->own) {
        error = audio_insert(db, &audio, blob);
    }
    if (error == 0 && j->own) {
        error = database_query(
            db, NULL, "insert into greeting (mailbox, kind, blob) values ($1, $2, $3)",
            VALUES(value_text(j->number), value_text(greeting_names[j->kind]), value_text(blob)));
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

int greeting_store(struct storage *st, const char *number, enum greeting_kind kind, const char *path,
                   struct ticket ticket, storage_done *reply)
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
    j->kind = kind;
    j->own = path != NULL;
    if (path != NULL) {
        strcpy(j->path, path);
    }
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
    if (strncmp(j->path, folder, length) != 0 || j->path[length] != '/' || strchr(j->path + length + 1, '/')) {
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
