/*
 * PINs of rooms: the room's two, and those of its persons. Wrong ones are counted by room, by caller and by
 * address, over calls and restarts.
 */
#include "storage/door_internal.h"
#include "storage/guess.h"

#include <errno.h>
#include <string.h>

#include "core/base/clock.h"

#define PERSONS_MAX "64" /* each costs a slow hash, at every try */

struct pin_job {
    struct job job;
    door_pin_reply *reply;
    struct door_caller caller;
    char pin[PIN_MAX + 1];
    struct door_person person;
};

static const char room_wrong[] =
    "update room set pin_failed = (pin_failed + 1) % $3::int, pin_locked_until = case when pin_failed + 1 >= "
    "$3::int "
    "then to_timestamp($2::bigint) + make_interval(mins => $4::int) end where number = $1";
static const char room_right[] = "update room set pin_failed = 0, pin_locked_until = null where number = $1 "
                                 "and (pin_failed > 0 or pin_locked_until is not null)";

/* -- the check ------------------------------------------------------------------------------------------ */

/*
 * The room's row stays locked while we hash. All hashes are compared each time, so that the time does not
 * tell which one was near; a room without one of them costs as much. *found is the room's PIN, its host's, or
 * a person's, or none.
 */
static int pins_compare(struct database *db, struct pin_job *j, const PGresult *room, bool *found)
{
    PGresult *persons = NULL;
    int error = database_query(db, &persons,
                               "select pin_hash, role, name from room_person where room = $1 "
                               "and pin_hash is not null order by id limit " PERSONS_MAX,
                               VALUES(value_text(j->caller.number)));

    if (error != 0) {
        return error;
    }
    for (int i = 0; i < 2; i++) {
        if (pin_matches(j->pin, PQntuples(room) == 0 ? "" : PQgetvalue(room, 0, i))) {
            *found = true;
            j->person.role = i == 0 ? ROLE_MEMBER : ROLE_HOST;
        }
    }
    for (int i = 0; i < PQntuples(persons); i++) {
        if (pin_matches(j->pin, PQgetvalue(persons, i, 0))) {
            *found = true;
            j->person.role = strcmp(PQgetvalue(persons, i, 1), "host") == 0 ? ROLE_HOST : ROLE_MEMBER;
            row_text(persons, i, 2, j->person.name, sizeof j->person.name);
        }
    }
    PQclear(persons);
    return 0;
}

/* EPERM where it is not looked at, EACCES when it is wrong; both are to be committed. */
static int pin_judge_it(struct storage *st, struct database *db, struct pin_job *j)
{
    const struct settings *settings = st->settings;
    const char *number = j->caller.number;
    char caller[SOURCE_TEXT], address[SOURCE_TEXT];
    time_t now = clock_wall();
    bool locked = false, found = false;
    PGresult *room = NULL;
    int error = guess_lock(db, guess_source(caller, "caller", j->caller.caller), now, &locked);

    if (error == 0) {
        error = guess_lock(db, guess_source(address, "address", j->caller.address), now, &locked);
    }
    if (error == 0) {
        error =
            database_query(db, &room,
                           "select pin_hash, moderator_pin_hash, pin_locked_until > to_timestamp($2::bigint) "
                           "from room where number = $1 for no key update",
                           VALUES(value_text(number), value_number(now)));
    }
    if (error != 0) {
        return error;
    }
    locked = locked || (PQntuples(room) != 0 && row_truth(room, 0, 2));
    error = locked ? EPERM : pins_compare(db, j, room, &found);
    PQclear(room);
    if (error != 0) {
        return error;
    }
    if (found) {
        return database_query(db, NULL, room_right, VALUES(value_text(number)));
    }
    error =
        database_query(db, NULL, room_wrong,
                       VALUES(value_text(number), value_number(now), value_number(settings->pin_room_tries),
                              value_number(settings->pin_lock_minutes)));
    if (error == 0) {
        error = guess_count(db, caller, now, settings->pin_caller_tries, settings->pin_lock_minutes);
    }
    if (error == 0) {
        error = guess_count(db, address, now, settings->pin_address_tries, settings->pin_lock_minutes);
    }
    return error == 0 ? EACCES : error;
}

static int pin_run(struct storage *st, struct database *db, struct job *job)
{
    struct pin_job *j = (struct pin_job *)job;
    int verdict, error = database_begin(db);

    if (error != 0) {
        return error;
    }
    verdict = pin_judge_it(st, db, j);
    if (verdict == 0 || verdict == EACCES || verdict == EPERM) {
        error = database_commit(db);
    }
    return error != 0 ? error : verdict;
}

static void pin_replied(struct job *job)
{
    struct pin_job *j = (struct pin_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->person : NULL);
}

static const struct job_kind pin_kind = {.name = "room-pin", .run = pin_run, .reply = pin_replied};

int door_check_pin(struct storage *st, const struct door_caller *caller, const char *pin,
                   struct ticket ticket, door_pin_reply *reply)
{
    struct pin_job *j = job_new(st, sizeof *j, &pin_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    j->caller = *caller;
    key_copy(j->caller.number, sizeof j->caller.number, caller->number);
    key_copy(j->caller.caller, sizeof j->caller.caller, caller->caller);
    pin_copy(j->pin, pin);
    return job_submit(&j->job);
}
