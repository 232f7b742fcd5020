/*
 * The door of a room: its row, who it is that wants in, whether he may at this time, and what was so before
 * the server was cut off. One query, and another one only for rooms with times.
 */
#include "storage/door_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/recurrence.h"

struct find_job {
    struct job job;
    door_reply *reply;
    struct door_caller caller;
    struct room_row room;
    struct door door;
};

/*
 * $1 room, $2 profile, $3 subscriber, $4 who may be known again, $5 who may be thrown out, $6 address, $7
 * now. A seat that nobody has left was cut off when its conference was last heard of.
 */
static const char find_text[] =
    "select n.number, " ROOM_COLUMNS ", r.number is not null, "
    "exists (select from room_time t where t.room = n.number), "
    "case when r.host = $3 then 'host' else o.role end, coalesce(o.name, ''), "
    "exists (select from room_ban b where b.room = n.number and b.caller = $5 and b.until > n.now), "
    "coalesce(r.pin_locked_until > n.now, false) or exists (select from pin_guess g "
    "where g.source in ('caller ' || $5, 'address ' || $6) and g.locked_until > n.now), "
    "t.role, t.muted, s.locked, s.lecture, s.muted "
    "from (select $1::text as number, to_timestamp($7::bigint) as now) n "
    "left join room r on r.number = n.number "
    "left join room_profile p on p.name = case when r.number is null then $2 else r.profile end "
    "left join room_person o on o.room = n.number and o.number = nullif($3, '') "
    "left join room_state s on s.room = n.number and s.changed > n.now - interval '30 minutes' "
    "left join room_seat t on t.room = n.number and t.caller = nullif($4, '') "
    "and coalesce(t.left_at, s.changed + interval '20 seconds') > n.now - $8::bigint * interval '1 second'";

enum {
    HAS_ROW = ROOM_COLUMN_COUNT,
    HAS_TIMES,
    OWN_ROLE,
    OWN_NAME,
    BANNED,
    LOCKED_OUT,
    SEAT_ROLE,
    SEAT_MUTED,
    LOCKED,
    LECTURE,
    MUTED
};

static enum room_role role_read(const PGresult *row, int column)
{
    return strcmp(PQgetvalue(row, 0, column), "host") == 0 ? ROLE_HOST : ROLE_MEMBER;
}

/* His phone may make him more than he was, and he may have been made more than his phone makes him. */
static void door_read(struct door *door, const PGresult *row)
{
    bool own = !PQgetisnull(row, 0, OWN_ROLE);

    door->has_row = row_truth(row, 0, HAS_ROW);
    door->banned = row_truth(row, 0, BANNED);
    door->locked_out = row_truth(row, 0, LOCKED_OUT);
    door->returns = !PQgetisnull(row, 0, SEAT_ROLE);
    door->was_muted = row_truth(row, 0, SEAT_MUTED);
    door->recognised = own || door->returns;
    door->own = own;
    door->own_role = own ? role_read(row, OWN_ROLE) : ROLE_MEMBER;
    door->role = door->own_role == ROLE_HOST || (door->returns && role_read(row, SEAT_ROLE) == ROLE_HOST)
                     ? ROLE_HOST
                     : ROLE_MEMBER;
    row_text(row, 0, OWN_NAME, door->name, sizeof door->name);
    door->resumes = !PQgetisnull(row, 0, LOCKED);
    door->locked = row_truth(row, 0, LOCKED);
    door->lecture = row_truth(row, 0, LECTURE);
    door->all_muted = row_truth(row, 0, MUTED);
}

/* -- times ---------------------------------------------------------------------------------------------- */

static const char times_text[] =
    "select extract(year from begins)::int, extract(month from begins)::int, extract(day from begins)::int, "
    "extract(hour from begins)::int, extract(minute from begins)::int, "
    "floor(extract(second from begins))::int, minutes, zone, coalesce(repeat, ''), early_minutes "
    "from room_time where room = $1 order by id limit 100";

/* A rule that the table's check let through and we cannot read stands for its first time alone. */
static int time_next(const PGresult *rows, int i, const char *room, time_t now, time_t *begins)
{
    struct recurrence recurrence = {.begins = {.tm_year = (int)row_number(rows, i, 0) - 1900,
                                               .tm_mon = (int)row_number(rows, i, 1) - 1,
                                               .tm_mday = (int)row_number(rows, i, 2),
                                               .tm_hour = (int)row_number(rows, i, 3),
                                               .tm_min = (int)row_number(rows, i, 4),
                                               .tm_sec = (int)row_number(rows, i, 5)},
                                    .minutes = (unsigned)row_number(rows, i, 6),
                                    .zone = PQgetvalue(rows, i, 7),
                                    .rule = PQgetvalue(rows, i, 8)};
    int error = recurrence_next(&recurrence, now, begins);

    if (error == EINVAL) {
        log_event(LEVEL_WARNING, "storage", NULL, "room-time-unread room=%s repeat=\"%s\"", room,
                  recurrence.rule);
        recurrence.rule = "";
        error = recurrence_next(&recurrence, now, begins);
    }
    return error;
}

/* The door is open from a little before until the end of any of the times; else it opens for the next. */
static void times_judge(struct door *door, const PGresult *rows, const char *room, time_t now)
{
    door->time = DOOR_OVER;
    for (int i = 0; i < PQntuples(rows); i++) {
        time_t begins;

        if (time_next(rows, i, room, now, &begins) != 0) {
            continue;
        }
        time_t opens = begins - (time_t)row_number(rows, i, 9) * 60;
        time_t ends = begins + (time_t)row_number(rows, i, 6) * 60;

        if (opens <= now) {
            door->ends = door->time == DOOR_OPEN && door->ends > ends ? door->ends : ends;
            door->time = DOOR_OPEN;
        } else if (door->time == DOOR_OVER || (door->time == DOOR_EARLY && opens < door->opens)) {
            door->time = DOOR_EARLY;
            door->opens = opens;
            row_text(rows, i, 7, door->zone, sizeof door->zone);
        }
    }
}

/* -- the job -------------------------------------------------------------------------------------------- */

static int find_run(struct storage *st, struct database *db, struct job *job)
{
    struct find_job *j = (struct find_job *)job;
    const struct door_caller *who = &j->caller;
    time_t now = clock_wall();
    PGresult *result = NULL;
    int error =
        database_query(db, &result, find_text,
                       VALUES(value_text(who->number), value_text(who->profile), value_text(who->user),
                              value_text(who->known ? who->caller : ""), value_text(who->caller),
                              value_text(who->address), value_number(now), value_number(RETURN_S)));
    bool has_times = false;

    (void)st;
    if (error != 0) {
        return error;
    }
    j->door = (struct door){0};
    room_row_init(&j->room, who->number);
    if (PQntuples(result) != 0) {
        room_read(&j->room, result);
        door_read(&j->door, result);
        has_times = row_truth(result, 0, HAS_TIMES);
    }
    PQclear(result);
    if (has_times) {
        error = database_query(db, &result, times_text, VALUES(value_text(who->number)));
        if (error == 0) {
            times_judge(&j->door, result, who->number, now);
            PQclear(result);
        }
    }
    return error;
}

static void find_replied(struct job *job)
{
    struct find_job *j = (struct find_job *)job;
    bool good = job->error == 0;

    j->reply(job->ticket, job->error, good ? &j->room : NULL, good ? &j->door : NULL);
}

static const struct job_kind find_kind = {.name = "door-find", .run = find_run, .reply = find_replied};

int door_find(struct storage *st, const struct door_caller *caller, struct ticket ticket, door_reply *reply)
{
    struct find_job *j = job_new(st, sizeof *j, &find_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    j->caller = *caller;
    key_copy(j->caller.number, sizeof j->caller.number, caller->number);
    key_copy(j->caller.user, sizeof j->caller.user, caller->user);
    key_copy(j->caller.caller, sizeof j->caller.caller, caller->caller);
    return job_submit(&j->job);
}
