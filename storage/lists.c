/*
 * Lists of mailboxes: whom a number means, and a message to all of them. The work is done by functions of
 * sql/0012_sending.sql, in one statement: 500 recipients are 500 rows and one round trip.
 */
#include "storage/rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"

/* -- whom a number means ----------------------------------------------------------------------------------
 */

int list_read(struct database *db, const char *number, const char *sender, struct mailbox *out)
{
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "select d.id, d.name, d.everybody, "
        "exists (select from mailbox m where m.number = $2 and m.may_broadcast) from distribution d "
        "where d.id = distribution_of($1, $2) and d.number = $1",
        VALUES(value_text(number), value_text(sender)));

    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else if (row_truth(result, 0, 2) && !row_truth(result, 0, 3)) {
        error = *sender != '\0' ? EACCES : ENOENT;
    } else {
        memset(out, 0, sizeof *out);
        out->kind = MAILBOX_LIST;
        row_text(result, 0, 0, out->number, sizeof out->number);
        row_text(result, 0, 1, out->name, sizeof out->name);
    }
    PQclear(result);
    return error;
}

/* His mailbox whose number it is, where that is another one. */
static int subscriber_mailbox_read(struct database *db, const char *number, struct mailbox *out)
{
    char mailbox[NUMBER_TEXT];
    PGresult *result = NULL;
    int error = database_query(db, &result,
                               "select mailbox from subscriber where number = $1 and mailbox is not null",
                               VALUES(value_text(number)));

    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else {
        row_text(result, 0, 0, mailbox, sizeof mailbox);
        error = mailbox_read(db, mailbox, out);
    }
    PQclear(result);
    return error;
}

struct recipient_job {
    struct job job;
    mailbox_reply *reply;
    char number[NUMBER_TEXT], sender[NUMBER_TEXT];
    struct mailbox mailbox;
};

static int recipient_run(struct storage *st, struct database *db, struct job *job)
{
    struct recipient_job *j = (struct recipient_job *)job;
    int error = mailbox_read(db, j->number, &j->mailbox);

    (void)st;
    if (error == ENOENT) {
        error = subscriber_mailbox_read(db, j->number, &j->mailbox);
    }
    return error == ENOENT ? list_read(db, j->number, j->sender, &j->mailbox) : error;
}

static void recipient_replied(struct job *job)
{
    struct recipient_job *j = (struct recipient_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->mailbox : NULL);
}

static const struct job_kind recipient_kind = {
    .name = "recipient-find", .run = recipient_run, .reply = recipient_replied};

int recipient_find(struct storage *st, const char *number, const char *sender, struct ticket ticket,
                   mailbox_reply *reply)
{
    struct recipient_job *j = job_new(st, sizeof *j, &recipient_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, number);
    key_copy(j->sender, sizeof j->sender, sender);
    return job_submit(&j->job);
}

/* -- to all of them ---------------------------------------------------------------------------------------
 */

void sent_miss(struct sent *sent, const char *mailbox, const char *reason)
{
    if (sent->missed < sizeof sent->misses / sizeof sent->misses[0]) {
        key_copy(sent->misses[sent->missed].mailbox, NUMBER_TEXT, mailbox);
        sent->misses[sent->missed].full = strcmp(reason, "full") == 0;
    }
    sent->missed++;
}

void sent_log(const struct sent *sent, const char *message)
{
    unsigned named = sizeof sent->misses / sizeof sent->misses[0];

    for (unsigned i = 0; i < sent->missed && i < named; i++) {
        log_event(LEVEL_NOTICE, "storage", NULL, "message-missed id=%s mailbox=%s reason=%s", message,
                  sent->misses[i].mailbox, sent->misses[i].full ? "full" : "unknown");
    }
    if (sent->missed > named) {
        log_event(LEVEL_NOTICE, "storage", NULL, "message-missed id=%s more=%u", message,
                  sent->missed - named);
    }
}

int message_distribute(struct database *db, const char *target, const char *message, bool urgent,
                       const char *introduction, const char *sender, struct sent *out)
{
    PGresult *result = NULL;
    int error =
        database_query(db, &result, "select mailbox, outcome from message_distribute($1, $2, $3, $4, $5)",
                       VALUES(value_text(target), value_text(message), value_truth(urgent),
                              value_text(introduction), value_text(sender)));

    memset(out, 0, sizeof *out);
    for (int row = 0; error == 0 && row < PQntuples(result); row++) {
        char mailbox[NUMBER_TEXT];
        const char *outcome = PQgetvalue(result, row, 1);

        row_text(result, row, 0, mailbox, sizeof mailbox);
        if (strcmp(outcome, "placed") == 0) {
            out->placed++;
            error = message_mail(db, mailbox, message);
            continue;
        }
        sent_miss(out, mailbox, outcome);
    }
    PQclear(result);
    return error;
}

/* -- a list for one message -------------------------------------------------------------------------------
 */

struct recipients_job {
    struct done_job done;
    char id[UUID_TEXT], sender[NUMBER_TEXT];
    char numbers[SEND_MAX][NUMBER_TEXT];
    size_t count;
};

static int recipients_run(struct storage *st, struct database *db, struct job *job)
{
    struct recipients_job *j = (struct recipients_job *)job;
    int error = database_begin(db);

    (void)st;
    if (error == 0) {
        error = database_query(db, NULL,
                               "insert into distribution (id, number, owner, once) "
                               "values ($1::uuid, $1::text, $2, true) on conflict do nothing",
                               VALUES(value_text(j->id), value_text(j->sender)));
    }
    for (size_t i = 0; error == 0 && i < j->count; i++) {
        error = database_query(
            db, NULL, "insert into distribution_member (list, number) values ($1, $2) on conflict do nothing",
            VALUES(value_text(j->id), value_text(j->numbers[i])));
    }
    return error == 0 ? database_commit(db) : error;
}

static const struct job_kind recipients_kind = {
    .name = "recipients-store", .run = recipients_run, .reply = done_job_reply};

int recipients_store(struct storage *st, const char *id, const char *sender,
                     const char numbers[][NUMBER_TEXT], size_t count, struct ticket ticket,
                     storage_done *reply)
{
    struct recipients_job *j = job_new(st, sizeof *j, &recipients_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    key_copy(j->id, sizeof j->id, id);
    key_copy(j->sender, sizeof j->sender, sender);
    j->count = count < SEND_MAX ? count : SEND_MAX;
    for (size_t i = 0; i < j->count; i++) {
        key_copy(j->numbers[i], sizeof j->numbers[i], numbers[i]);
    }
    return job_submit(&j->done.job);
}

/* -- personal lists ---------------------------------------------------------------------------------------
 */

struct list_job {
    struct done_job done;
    char owner[NUMBER_TEXT], list[NUMBER_TEXT], member[NUMBER_TEXT];
    bool add;
};

/* A member must be somebody now; who is gone later is told as unknown when something is sent. */
static int list_add(struct database *db, const struct list_job *j)
{
    PGresult *result = NULL;
    int error = database_query(
        db, NULL, "insert into distribution (number, owner) values ($2, $1) on conflict do nothing",
        VALUES(value_text(j->owner), value_text(j->list)));

    if (error == 0) {
        error = database_query(
            db, &result,
            "insert into distribution_member (list, number) select id, $3 from distribution d "
            "where d.owner = $1 and d.number = $2 and $3 <> $2 and "
            "(exists (select from mailbox m where m.number = $3) or distribution_of($3, $1) is not null) "
            "on conflict (list, number) do update set number = excluded.number returning list",
            VALUES(value_text(j->owner), value_text(j->list), value_text(j->member)));
    }
    if (error == 0 && PQntuples(result) == 0) {
        error = ENOENT;
    }
    PQclear(result);
    return error;
}

static int list_remove(struct database *db, const struct list_job *j)
{
    PGresult *result = NULL;
    int error = database_query(db, &result,
                               "delete from distribution_member m using distribution d where m.list = d.id "
                               "and d.owner = $1 and d.number = $2 and m.number = $3 returning m.list",
                               VALUES(value_text(j->owner), value_text(j->list), value_text(j->member)));

    if (error == 0 && PQntuples(result) == 0) {
        error = ENOENT;
    }
    PQclear(result);
    if (error == 0) {
        error = database_query(db, NULL,
                               "delete from distribution d where d.owner = $1 and d.number = $2 "
                               "and not exists (select from distribution_member m where m.list = d.id)",
                               VALUES(value_text(j->owner), value_text(j->list)));
    }
    return error;
}

static int list_run(struct storage *st, struct database *db, struct job *job)
{
    const struct list_job *j = (const struct list_job *)job;
    int error = database_begin(db);

    (void)st;
    if (error == 0) {
        error = j->add ? list_add(db, j) : list_remove(db, j);
    }
    return error == 0 ? database_commit(db) : error;
}

static const struct job_kind list_kind = {.name = "list-change", .run = list_run, .reply = done_job_reply};

int list_change(struct storage *st, const char *owner, const char *list, const char *member, bool add,
                struct ticket ticket, storage_done *reply)
{
    struct list_job *j = job_new(st, sizeof *j, &list_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    j->add = add;
    key_copy(j->owner, sizeof j->owner, owner);
    key_copy(j->list, sizeof j->list, list);
    key_copy(j->member, sizeof j->member, member);
    return job_submit(&j->done.job);
}
