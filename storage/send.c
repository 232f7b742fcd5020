/*
 * Forwarding: the entry's message gets rows in other mailboxes. Its sound is not touched; what he who
 * forwards it says before it is sound of its own.
 */
#include "storage/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct send_job {
    struct job job;
    sent_reply *reply;
    char id[UUID_TEXT], target[NUMBER_TEXT], sender[NUMBER_TEXT];
    char path[512]; /* of the introduction, or "" */
    struct sent sent;
};

/* Which message it is. EPERM: its sender has called it private. */
static int send_read(struct database *db, const struct send_job *j, char message[UUID_TEXT], bool *urgent)
{
    PGresult *result = NULL;
    int error = database_query(db, &result,
                               "select m.id, e.urgent, m.private "
                               "from entries_of($2) e join message m on m.id = e.message where e.id = $1 "
                               "for key share of m",
                               VALUES(value_text(j->id), value_text(j->sender)));

    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else if (row_truth(result, 0, 2)) {
        error = EPERM;
    } else {
        row_text(result, 0, 0, message, UUID_TEXT);
        *urgent = row_truth(result, 0, 1);
    }
    PQclear(result);
    return error;
}

static int send_run(struct storage *st, struct database *db, struct job *job)
{
    struct send_job *j = (struct send_job *)job;
    struct audio audio = {0};
    char message[UUID_TEXT], blob[UUID_TEXT];
    bool urgent = false;
    int error = *j->path != '\0' ? audio_load(&audio, AT_FDCWD, j->path) : 0;

    (void)st;
    if (error == 0) {
        error = uuid_valid(j->id) ? database_begin(db) : ENOENT;
    }
    if (error == 0) {
        error = send_read(db, j, message, &urgent);
    }
    if (error == 0 && *j->path != '\0') {
        error = audio_insert(db, &audio, blob);
    }
    if (error == 0) {
        error = message_distribute(db, j->target, message, urgent, *j->path != '\0' ? blob : NULL, j->sender,
                                   &j->sent);
    }
    if (error == 0) {
        error = database_query(db, NULL, "delete from distribution where id::text = $1 and once",
                               VALUES(value_text(j->target)));
    }
    /* Nobody has it: then its introduction is nobody's either. */
    if (error == 0 && j->sent.placed == 0 && *j->path != '\0') {
        error = database_query(db, NULL, "delete from blob where id = $1", VALUES(value_text(blob)));
    }
    if (error == 0) {
        error = database_commit(db);
    }
    if (error == 0) {
        sent_log(&j->sent, message);
    }
    free(audio.bytes);
    return error;
}

static void send_end(struct storage *st, struct job *job)
{
    const struct send_job *j = (const struct send_job *)job;

    (void)st;
    if (*j->path != '\0') {
        unlink(j->path);
    }
}

static void send_replied(struct job *job)
{
    struct send_job *j = (struct send_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->sent : NULL);
}

static const struct job_kind send_kind = {
    .name = "entry-send", .run = send_run, .end = send_end, .reply = send_replied};

int entry_send(struct storage *st, const char *id, const char *target, const char *sender,
               const char *introduction, struct ticket ticket, sent_reply *reply)
{
    struct send_job *j = job_new(st, sizeof *j, &send_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    if (introduction != NULL && strlen(introduction) >= sizeof j->path) {
        job_free(&j->job);
        return ENAMETOOLONG;
    }
    j->reply = reply;
    key_copy(j->id, sizeof j->id, id);
    key_copy(j->target, sizeof j->target, target);
    key_copy(j->sender, sizeof j->sender, sender);
    if (introduction != NULL) {
        strcpy(j->path, introduction);
    }
    return job_submit(&j->job);
}

/* -- whom it has not reached -------------------------------------------------------------------------------
 */

static int undelivered_run(struct storage *st, struct database *db, struct job *job)
{
    struct send_job *j = (struct send_job *)job;
    PGresult *result = NULL;
    int error = uuid_valid(j->id)
                    ? database_query(db, &result,
                                     "select mailbox, reason from undelivered where message = $1 "
                                     "order by mailbox",
                                     VALUES(value_text(j->id)))
                    : ENOENT;

    (void)st;
    memset(&j->sent, 0, sizeof j->sent);
    for (int row = 0; error == 0 && row < PQntuples(result); row++) {
        sent_miss(&j->sent, PQgetvalue(result, row, 0), PQgetvalue(result, row, 1));
    }
    PQclear(result);
    return error;
}

static const struct job_kind undelivered_kind = {
    .name = "undelivered-find", .run = undelivered_run, .reply = send_replied};

int undelivered_find(struct storage *st, const char *message, struct ticket ticket, sent_reply *reply)
{
    struct send_job *j = job_new(st, sizeof *j, &undelivered_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->id, sizeof j->id, message);
    return job_submit(&j->job);
}

/* -- what is said before it -------------------------------------------------------------------------------
 */

static int introduction_run(struct storage *st, struct database *db, struct job *job)
{
    struct file_job *j = (struct file_job *)job;

    (void)st;
    if (!uuid_valid(j->which)) {
        return ENOENT;
    }
    return file_job_fetch(
        db, j,
        "select audio, sha256(audio) = sha256 from entries_of($1) e join blob b on b.id = e.introduction "
        "where e.id = $2",
        VALUES(value_text(j->number), value_text(j->which)));
}

static const struct job_kind introduction_kind = {
    .name = "introduction-fetch", .run = introduction_run, .reply = file_job_reply, .drop = file_job_drop};

int introduction_fetch(struct storage *st, const char *reader, const char *id, struct ticket ticket,
                       file_reply *reply)
{
    return file_job_ask(st, &introduction_kind, reader, id, SOUND_WAV, ticket, reply);
}
