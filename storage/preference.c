/* What an owner chooses for his mailbox by phone, and messages that he has mailed to himself. */
#include "storage/rows.h"

#include <errno.h>

/* -- preferences
 * -------------------------------------------------------------------------------------------------------- */

struct prefer_job {
    struct done_job done;
    struct mailbox box;
};

static int prefer_run(struct storage *st, struct database *db, struct job *job)
{
    const struct mailbox *box = &((struct prefer_job *)job)->box;
    PGresult *result = NULL;
    int error;

    (void)st;
    error = database_query(db, &result,
                           "update mailbox set newest_first = $2, autoplay = $3, envelope = $4 "
                           "where number = $1 returning 1",
                           VALUES(value_text(box->number), value_truth(box->newest_first),
                                  value_truth(box->autoplay), value_truth(box->envelope)));
    if (error == 0) {
        error = PQntuples(result) == 0 ? ENOENT : 0;
        PQclear(result);
    }
    return error;
}

static const struct job_kind prefer_kind = {
    .name = "mailbox-prefer", .run = prefer_run, .reply = done_job_reply};

int mailbox_prefer(struct storage *st, const struct mailbox *box, struct ticket ticket, storage_done *reply)
{
    struct prefer_job *j = job_new(st, sizeof *j, &prefer_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    j->box = *box;
    return job_submit(&j->done.job);
}

/* -- mail
 * -------------------------------------------------------------------------------------------------------- */

struct mail_job {
    struct done_job done;
    char reader[NUMBER_TEXT], id[UUID_TEXT];
};

static int mail_run(struct storage *st, struct database *db, struct job *job)
{
    struct mail_job *j = (struct mail_job *)job;
    PGresult *result = NULL;
    char mailbox[NUMBER_TEXT], message[UUID_TEXT];
    int error;

    (void)st;
    if (!uuid_valid(j->id)) {
        return ESTALE;
    }
    error = database_query(db, &result,
                           "select e.mailbox, e.message, m.email is not null from entries_of($1) e "
                           "join mailbox m on m.number = e.mailbox where e.id = $2",
                           VALUES(value_text(j->reader), value_text(j->id)));
    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ESTALE;
    } else {
        row_text(result, 0, 0, mailbox, sizeof mailbox);
        row_text(result, 0, 1, message, sizeof message);
        error = row_truth(result, 0, 2) ? 0 : ENOENT;
    }
    PQclear(result);
    return error == 0 ? message_mail(db, mailbox, message) : error;
}

static const struct job_kind mail_kind = {.name = "entry-mail", .run = mail_run, .reply = done_job_reply};

int entry_mail(struct storage *st, const char *reader, const char *id, struct ticket ticket,
               storage_done *reply)
{
    struct mail_job *j = job_new(st, sizeof *j, &mail_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    key_copy(j->reader, sizeof j->reader, reader);
    key_copy(j->id, sizeof j->id, id);
    return job_submit(&j->done.job);
}
