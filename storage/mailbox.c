/*
 * A mailbox as applications see it, and its counts. Both are one query, as a call waits for the answer.
 */
#include "storage/rows.h"

#include <errno.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/schedule.h"

/* -- a mailbox
 * -------------------------------------------------------------------------------------------------------- */

static const char *const kind_names[MAILBOX_KIND_COUNT] = {"person", "shared", "dispatch", "greeting",
                                                           "list"};

/* Hours that cannot be read close nothing: callers must not hear that nobody is there when somebody is. */
static bool hours_are_over(const struct mailbox *box, const char *hours, const char *holidays, time_t now)
{
    const char *fault = schedule_fault(hours);

    if (fault != NULL) {
        log_event(LEVEL_WARNING, "storage", NULL, "open-hours-unreadable mailbox=%s fault=\"%s\"",
                  box->number, fault);
        hours = "";
    }
    return !schedule_matches(hours, box->zone, now) ||
           (*holidays != '\0' && schedule_matches(holidays, box->zone, now));
}

/*
 * Row, quotas and greetings in one round trip. The kinds of greetings come as one text, "busy name": no
 * kind's name is part of another's.
 */
int mailbox_read(struct database *db, const char *number, struct mailbox *out)
{
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "select number, name, zone, language, pin_must_change, max_messages, max_message_s, used.count, "
        "used.seconds, "
        "used.bytes, max_seconds, max_bytes, "
        "(select coalesce(string_agg(kind, ' '), '') from greeting where mailbox = m.number "
        "and (ends is null or ends > now())), "
        "kind, keymap, newest_first, autoplay, envelope, tutorial, operator, login_from_greeting, "
        "open_hours, (select coalesce(string_agg(first_day || '..' || last_day, ','), '') from holiday h "
        "where h.mailbox = m.number or h.mailbox is null), (select extract(epoch from ends)::bigint "
        "from greeting where mailbox = m.number and kind = 'temporary'), screen, fax, "
        "(extract(epoch from pin_set_at) * 1000000)::bigint "
        "from mailbox m, lateral (select count(*), coalesce(sum(duration_ms) / 1000, 0)::bigint as seconds, "
        "coalesce(sum(octet_length(audio)), 0)::bigint as bytes from entry e join message g on g.id = "
        "e.message "
        "join blob b on b.id = g.blob where e.mailbox = m.number and e.deleted_at is null and not "
        "e.broadcast) as used where "
        "number = $1",
        VALUES(value_text(number)));

    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        PQclear(result);
        return ENOENT;
    }
    memset(out, 0, sizeof *out);
    row_text(result, 0, 0, out->number, sizeof out->number);
    row_text(result, 0, 1, out->name, sizeof out->name);
    row_text(result, 0, 2, out->zone, sizeof out->zone);
    row_text(result, 0, 3, out->language, sizeof out->language);
    out->pin_must_change = row_truth(result, 0, 4);
    out->max_messages = (unsigned)row_number(result, 0, 5);
    out->max_message_s = (unsigned)row_number(result, 0, 6);
    out->message_count = (unsigned)row_number(result, 0, 7);
    out->seconds = (unsigned)row_number(result, 0, 8);
    out->bytes = (uint64_t)row_number(result, 0, 9);
    out->max_seconds = (unsigned)row_number(result, 0, 10);
    out->max_bytes = (uint64_t)row_number(result, 0, 11);
    for (int kind = 0; kind < GREETING_COUNT; kind++) {
        out->greetings[kind] = strstr(PQgetvalue(result, 0, 12), greeting_names[kind]) != NULL;
    }
    for (int kind = 0; kind < MAILBOX_KIND_COUNT; kind++) {
        if (strcmp(PQgetvalue(result, 0, 13), kind_names[kind]) == 0) {
            out->kind = (enum mailbox_kind)kind;
        }
    }
    row_text(result, 0, 14, out->keymap, sizeof out->keymap);
    out->newest_first = row_truth(result, 0, 15);
    out->autoplay = row_truth(result, 0, 16);
    out->envelope = row_truth(result, 0, 17);
    out->tutorial = row_truth(result, 0, 18);
    row_text(result, 0, 19, out->operator_number, sizeof out->operator_number);
    out->login_from_greeting = row_truth(result, 0, 20);
    out->closed = hours_are_over(out, PQgetvalue(result, 0, 21), PQgetvalue(result, 0, 22), time(NULL));
    out->temporary_ends = (time_t)row_number(result, 0, 23);
    out->screen = row_truth(result, 0, 24);
    if (!PQgetisnull(result, 0, 25)) {
        out->fax = row_truth(result, 0, 25) ? FAX_TAKEN : FAX_REFUSED;
    }
    out->pin_set_us = row_number(result, 0, 26);
    PQclear(result);
    return 0;
}

struct find_job {
    struct job job;
    mailbox_reply *reply;
    char number[NUMBER_TEXT];
    struct mailbox mailbox;
};

static int find_run(struct storage *st, struct database *db, struct job *job)
{
    struct find_job *j = (struct find_job *)job;

    (void)st;
    int error = mailbox_read(db, j->number, &j->mailbox);
    return error == ENOENT ? list_read(db, j->number, "", &j->mailbox) : error;
}

static void find_replied(struct job *job)
{
    struct find_job *j = (struct find_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->mailbox : NULL);
}

static const struct job_kind find_kind = {.name = "mailbox-find", .run = find_run, .reply = find_replied};

int mailbox_find(struct storage *st, const char *number, struct ticket ticket, mailbox_reply *reply)
{
    struct find_job *j = job_new(st, sizeof *j, &find_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, number);
    return job_submit(&j->job);
}

/* -- the first that there is
 * ------------------------------------------------------------------------------------------- */

struct first_job {
    struct job job;
    mailbox_first_reply *reply;
    char numbers[NUMBERS_MAX][NUMBER_TEXT];
    size_t count, which;
    struct mailbox mailbox;
};

/* A subscriber's mailbox may have another number than he, and is meant before one that has his. */
static int first_name(struct database *db, const char *number, char out[NUMBER_TEXT])
{
    PGresult *result = NULL;
    int error =
        database_query(db, &result, "select coalesce((select mailbox from subscriber where number = $1), $1)",
                       VALUES(value_text(number)));

    if (error == 0) {
        row_text(result, 0, 0, out, NUMBER_TEXT);
    }
    PQclear(result);
    return error;
}

static int first_run(struct storage *st, struct database *db, struct job *job)
{
    struct first_job *j = (struct first_job *)job;
    int error = ENOENT;

    (void)st;
    for (j->which = 0; j->which < j->count; j->which++) {
        char name[NUMBER_TEXT];

        error = first_name(db, j->numbers[j->which], name);
        if (error == 0) {
            error = mailbox_read(db, name, &j->mailbox);
        }
        if (error != ENOENT) {
            break;
        }
    }
    return error;
}

static void first_replied(struct job *job)
{
    struct first_job *j = (struct first_job *)job;

    j->reply(job->ticket, job->error, j->which, job->error == 0 ? &j->mailbox : NULL);
}

static const struct job_kind first_kind = {
    .name = "mailbox-find-first", .run = first_run, .reply = first_replied};

int mailbox_find_first(struct storage *st, const char *const *numbers, size_t count, struct ticket ticket,
                       mailbox_first_reply *reply)
{
    struct first_job *j = job_new(st, sizeof *j, &first_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    for (j->count = 0; j->count < count && j->count < NUMBERS_MAX; j->count++) {
        key_copy(j->numbers[j->count], NUMBER_TEXT, numbers[j->count]);
    }
    return job_submit(&j->job);
}

/* -- its counts
 * -------------------------------------------------------------------------------------------------------- */

struct count_job {
    struct job job;
    counts_reply *reply;
    char number[NUMBER_TEXT];
    struct mailbox_counts counts;
};

/*
 * RFC 3842 §5.2. The urgent ones are among the others, as the RFC writes "2/8 (1/0)". A row a
 * kind, also without entries, by the join from the left; no row at all is no mailbox. Counted is what
 * FOLDER_INBOX and FOLDER_OLD list: a filed message lights no lamp.
 */
static int count_run(struct storage *st, struct database *db, struct job *job)
{
    struct count_job *j = (struct count_job *)job;
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "select k.kind, count(e.id) filter (where not heard), count(e.id) filter (where heard), "
        "count(e.id) filter (where not heard and urgent), count(e.id) filter (where heard and urgent), "
        "b.number from mailbox b cross join (values (0, 'voice'), (1, 'fax')) as k (place, kind) "
        "left join (entries_of($1) e join message m on m.id = e.message) on m.kind = k.kind "
        "and e.deleted_at is null and e.folder = 'inbox' and not (e.broadcast and e.heard) "
        "where b.number = $1 group by b.number, k.place, k.kind order by k.place",
        VALUES(value_text(j->number)));

    (void)st;
    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else {
        row_text(result, 0, 5, j->counts.number, sizeof j->counts.number);
        j->counts.fresh = (unsigned)row_number(result, 0, 1);
        j->counts.old = (unsigned)row_number(result, 0, 2);
        j->counts.fresh_urgent = (unsigned)row_number(result, 0, 3);
        j->counts.old_urgent = (unsigned)row_number(result, 0, 4);
        j->counts.fax_fresh = (unsigned)row_number(result, 1, 1);
        j->counts.fax_old = (unsigned)row_number(result, 1, 2);
        j->counts.fax_fresh_urgent = (unsigned)row_number(result, 1, 3);
        j->counts.fax_old_urgent = (unsigned)row_number(result, 1, 4);
    }
    PQclear(result);
    return error;
}

static void count_replied(struct job *job)
{
    struct count_job *j = (struct count_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->counts : NULL);
}

static const struct job_kind count_kind = {.name = "mailbox-count", .run = count_run, .reply = count_replied};

int mailbox_count(struct storage *st, const char *number, struct ticket ticket, counts_reply *reply)
{
    struct count_job *j = job_new(st, sizeof *j, &count_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, number);
    return job_submit(&j->job);
}

/* -- its owner has been shown around
 * ------------------------------------------------------------------------------------ */

struct tutorial_job {
    struct done_job done;
    char number[NUMBER_TEXT];
};

static int tutorial_run(struct storage *st, struct database *db, struct job *job)
{
    struct tutorial_job *j = (struct tutorial_job *)job;
    PGresult *result = NULL;
    int error =
        database_query(db, &result, "update mailbox set tutorial = false where number = $1 returning 1",
                       VALUES(value_text(j->number)));

    (void)st;
    if (error == 0 && PQntuples(result) == 0) {
        error = ENOENT;
    }
    PQclear(result);
    return error;
}

static const struct job_kind tutorial_kind = {
    .name = "mailbox-end-tutorial", .run = tutorial_run, .reply = done_job_reply};

int mailbox_end_tutorial(struct storage *st, const char *number, struct ticket ticket, storage_done *reply)
{
    struct tutorial_job *j = job_new(st, sizeof *j, &tutorial_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    key_copy(j->number, sizeof j->number, number);
    return job_submit(&j->done.job);
}
