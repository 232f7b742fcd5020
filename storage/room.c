/*
 * Rooms with a row of their own, and the two PINs of each: a member's and a moderator's.
 */
#include "storage/room.h"
#include "storage/rows.h"

#include <errno.h>
#include <string.h>

struct find_job {
    struct job job;
    room_reply *reply;
    char number[NUMBER_TEXT];
    struct room_row room;
};

static enum room_choice row_choice(const PGresult *result, int column)
{
    if (PQgetisnull(result, 0, column)) {
        return ROOM_AS_SERVER;
    }
    return row_truth(result, 0, column) ? ROOM_YES : ROOM_NO;
}

static int find_run(struct storage *st, struct database *db, struct job *job)
{
    struct find_job *j = (struct find_job *)job;
    struct room_row *room = &j->room;
    PGresult *result = NULL;
    int error =
        database_query(db, &result,
                       "select number, name, language, pin_hash is not null, moderator_pin_hash is not null, "
                       "max_members, loudness, denoise, record, record_format from room where number = $1",
                       VALUES(value_text(j->number)));

    (void)st;
    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else {
        row_text(result, 0, 0, room->number, sizeof room->number);
        row_text(result, 0, 1, room->name, sizeof room->name);
        row_text(result, 0, 2, room->language, sizeof room->language);
        room->has_pin = row_truth(result, 0, 3);
        room->has_moderator_pin = row_truth(result, 0, 4);
        room->max_members = (unsigned)row_number(result, 0, 5);
        room->loudness = row_choice(result, 6);
        room->denoise = row_choice(result, 7);
        row_text(result, 0, 8, room->record, sizeof room->record);
        row_text(result, 0, 9, room->record_format, sizeof room->record_format);
    }
    PQclear(result);
    return error;
}

static void find_replied(struct job *job)
{
    struct find_job *j = (struct find_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->room : NULL);
}

static const struct job_kind find_kind = {.name = "room-find", .run = find_run, .reply = find_replied};

int room_find(struct storage *st, const char *number, struct ticket ticket, room_reply *reply)
{
    struct find_job *j = job_new(st, sizeof *j, &find_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, number);
    return job_submit(&j->job);
}

/* As for mailboxes (pin.c): both PINs are compared each time, so that the time does not tell which one was
 * near. */
static const struct pin_table room_pins = {
    .select = "select pin_hash, moderator_pin_hash, pin_locked_until > to_timestamp($2::bigint) from room "
              "where number = $1 for no key update",
    .right = "update room set pin_failed = 0, pin_locked_until = null where number = $1 "
             "and (pin_failed > 0 or pin_locked_until is not null)",
    .wrong =
        "update room set pin_failed = (pin_failed + 1) % 10, pin_locked_until = case when pin_failed >= 9 "
        "then to_timestamp($2::bigint) + interval '15 minutes' end where number = $1 "
        "and (pin_locked_until is null or pin_locked_until <= to_timestamp($2::bigint))",
    .hashes = 2,
};

struct pin_job {
    struct job job;
    room_pin_reply *reply;
    char number[NUMBER_TEXT], pin[PIN_MAX + 1];
    int which;
};

static int pin_run(struct storage *st, struct database *db, struct job *job)
{
    struct pin_job *j = (struct pin_job *)job;
    int verdict, error = database_begin(db);

    (void)st;
    if (error != 0) {
        return error;
    }
    verdict = pin_check(db, &room_pins, j->number, j->pin, &j->which);
    if (verdict == 0 || verdict == EACCES) {
        error = database_commit(db);
    }
    return error != 0 ? error : verdict;
}

/* hashes[1] of the table is the moderator's. A room may have one and not the other; a missing one matches
 * nothing. */
static void pin_replied(struct job *job)
{
    struct pin_job *j = (struct pin_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 && j->which == 1);
}

static const struct job_kind pin_kind = {.name = "room-pin", .run = pin_run, .reply = pin_replied};

int room_check_pin(struct storage *st, const char *number, const char *pin, struct ticket ticket,
                   room_pin_reply *reply)
{
    struct pin_job *j = job_new(st, sizeof *j, &pin_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, number);
    pin_copy(j->pin, pin);
    return job_submit(&j->job);
}
