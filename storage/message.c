/*
 * The transaction at the end of a deposit: sound, message, entry and mail appear together or not at all. The
 * message's id is the deposit's, made before the first sound, so that a second delivery finds the first one's
 * row.
 */
#include "storage/rows.h"

#include <errno.h>
#include <string.h>

#include "core/base/log.h"

const char *const cause_names[] = {
    [DEPOSIT_UNAVAILABLE] = "unavailable",
    [DEPOSIT_BUSY] = "busy",
    [DEPOSIT_DIRECT] = "direct",
};

int message_exists(struct database *db, const char *id, bool *out)
{
    PGresult *result = NULL;
    int error = database_query(
        db, &result, "select 1 from message where id = $1 union all select 1 from message_part where id = $1",
        VALUES(value_text(id)));

    if (error == 0) {
        *out = PQntuples(result) > 0;
        PQclear(result);
    }
    return error;
}

/*
 * *inserted is false when another delivery of the same deposit was faster: ON CONFLICT waits for that one's
 * commit. The blob is made first, as the message refers to it; it goes with the rollback.
 */
int message_insert(struct database *db, const struct deposit *d, const struct audio *audio, bool *inserted)
{
    char blob[UUID_TEXT];
    PGresult *result = NULL;
    int error = audio_insert(db, audio, blob);

    if (error == 0) {
        error = database_query(
            db, &result,
            "insert into message (id, blob, caller, caller_name, call, cause, started, duration_ms, private, "
            "receipt, cut, kind, pages, sender) "
            "values ($1, $2, $3, $4, $5, $6, 'epoch'::timestamptz + $7 * interval '1 microsecond', $8, $9, "
            "$10, $11, case when $12 > 0 then 'fax' else 'voice' end, $12, $13) "
            "on conflict (id) do nothing",
            VALUES(value_text(d->id), value_text(blob), value_text(d->caller), value_text(d->caller_name),
                   value_text(d->call), value_text(cause_names[d->cause]), value_number(d->started_us),
                   value_number(audio->duration_ms), value_truth(d->marks & DEPOSIT_PRIVATE),
                   value_truth(d->marks & DEPOSIT_RECEIPT), value_truth(d->marks & DEPOSIT_CUT),
                   value_number(audio->pages), value_text(d->sender)));
    }
    if (error == 0) {
        *inserted = strcmp(PQcmdTuples(result), "1") == 0;
    }
    PQclear(result);
    return error;
}

/* A mail is written when it leaves, and its row is locked from then on: one that waits, for the
 * same address, tells of the whole. */
int message_mail(struct database *db, const char *mailbox, const char *message)
{
    return database_query(
        db, NULL,
        "insert into outbox (kind, lane, payload) select 'mail', e.id::text, "
        "jsonb_build_object('mailbox', m.number, "
        "'to', m.email, 'entry', e.id, 'message', e.message) "
        "from mailbox m join entry e on e.mailbox = m.number "
        "where m.number = $1 and e.message = $2 and m.email is not null "
        "and not exists (select from outbox w where w.kind = 'mail' and w.lane = e.id::text "
        "and w.done_at is null and w.failed_at is null and not w.payload ? 'transcript' "
        "and w.payload->>'to' = m.email "
        "for update skip locked)",
        VALUES(value_text(mailbox), value_text(message)));
}

static int entry_insert(struct database *db, const struct deposit *d)
{
    int error = database_query(
        db, NULL,
        "insert into entry (mailbox, message, urgent) values ($1, $2, $3) "
        "on conflict (mailbox, message) do nothing",
        VALUES(value_text(d->mailbox), value_text(d->id), value_truth(d->marks & DEPOSIT_URGENT)));

    return error == 0 ? message_mail(db, d->mailbox, d->id) : error;
}

/* To all of a list; ENOENT: nobody has got it. A list that was made for this message alone has done its work.
 */
static int entries_insert(struct database *db, const struct deposit *d, struct sent *sent)
{
    int error = message_distribute(db, d->mailbox, d->id, d->marks & DEPOSIT_URGENT, NULL, NULL, sent);

    if (error == 0 && sent->placed == 0) {
        error = ENOENT;
    }
    return error != 0 ? error
                      : database_query(db, NULL, "delete from distribution where id::text = $1 and once",
                                       VALUES(value_text(d->mailbox)));
}

/* What the deposit's number means: a mailbox, which nobody shall remove meanwhile, or a list. ENOENT. */
static int deposit_target(struct database *db, const struct deposit *d, bool *list)
{
    PGresult *result = NULL;
    int error = database_query(db, &result, "select 1 from mailbox where number = $1 for key share",
                               VALUES(value_text(d->mailbox)));

    if (error != 0) {
        return error;
    }
    *list = PQntuples(result) == 0;
    PQclear(result);
    if (!*list) {
        return 0;
    }
    error = database_query(db, &result, "select distribution_of($1, '') is not null",
                           VALUES(value_text(d->mailbox)));
    if (error == 0 && !row_truth(result, 0, 0)) {
        error = ENOENT;
    }
    PQclear(result);
    return error;
}

/*
 * The look before the transaction spares a replay of what is there already the sending of its sound. The
 * mailbox is locked against removal only (key share), so that deposits into one mailbox do not wait for each
 * other, nor for a PIN.
 */
int message_deliver(struct database *db, const struct deposit *deposit, const struct audio *audio)
{
    bool there = false, inserted = false, joined = false, list = false;
    struct sent sent = {0};
    int error = message_exists(db, deposit->id, &there);

    if (error != 0 || there) {
        return error;
    }
    error = database_begin(db);
    if (error == 0) {
        error = deposit_target(db, deposit, &list);
    }
    if (error == 0 && !list && *deposit->continues != '\0') {
        error = message_continue(db, deposit, audio, &joined);
    }
    if (error == 0 && !joined) {
        error = message_insert(db, deposit, audio, &inserted);
    }
    if (error == 0 && inserted) {
        error = list ? entries_insert(db, deposit, &sent) : entry_insert(db, deposit);
    }
    if (error == 0 && (inserted || joined)) {
        error = database_commit(db);
    }
    /* Not inserted: another delivery of the same deposit won the race; or this one failed. Its blob goes with
     * it. */
    database_rollback(db);
    if (error == 0) {
        log_event(LEVEL_INFO, "storage", deposit->call,
                  "message-delivered id=%s mailbox=%s ms=%u pages=%u continues=%s", deposit->id,
                  deposit->mailbox, audio->duration_ms, audio->pages, joined ? deposit->continues : "-");
        sent_log(&sent, deposit->id);
    }
    return error;
}
