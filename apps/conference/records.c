/*
 * What remains of a conference: a row for each member as he leaves, one for itself when it ends, and one for
 * each act of a host. They take the way of calls' records, by the journal.
 */
#include "apps/conference/act.h"
#include "apps/conference/watchers.h"

#include "core/base/clock.h"
#include "storage/records.h"

#include <stdio.h>

#define ACT_ID_BYTES 12

/* A monotonic moment as wall time. */
static void put_moment(struct record *row, const char *key, uint64_t us)
{
    record_time(row, key, clock_wall_us() - (int64_t)(clock_now_us() - us));
}

/* {"TABLE": {COLUMN: …}} */
static void row_begin(struct record *row, const char *table)
{
    *row = (struct record){0};
    record_begin(row, NULL, RECORD_OBJECT);
    record_begin(row, table, RECORD_OBJECT);
}

static void row_save(struct server *server, const char *table, struct record *row)
{
    record_end(row, RECORD_OBJECT);
    record_end(row, RECORD_OBJECT);
    if (record_save(server_storage(server), row))
        log_event(LEVEL_ERROR, "conference", NULL, "record-lost table=%s", table);
}

static const char *role_name(const struct member *member)
{
    return member->role == ROLE_HOST ? "host" : "member";
}

static void save_member(struct room *room, const struct member *member)
{
    uint64_t now = clock_now_us(), talk_us = member->talk_us + (member->talks ? now - member->talks_us : 0);
    struct record record, *row = &record;

    row_begin(row, "conference_member");
    record_text(row, "conference", room->id);
    record_number(row, "seat", member->number);
    record_text(row, "call", link_request(member->link)->call);
    record_text(row, "caller", member->caller);
    record_text(row, "name", member->name);
    record_text(row, "role", role_name(member));
    record_text(row, "how", member->moved ? "moved" : member->how ? member->how : "dialled");
    put_moment(row, "joined", member->joined_us);
    put_moment(row, "left_at", now);
    record_number(row, "talk_ms", (int64_t)(talk_us / 1000));
    record_text(row, "reason",
                member->moves              ? "moved"
                : room->ending             ? "ended"
                : member->away != AWAY_NOT ? "removed"
                                           : "left");
    row_save(room->server, "conference_member", row);
}

static void save_conference(struct room *room)
{
    struct record record, *row = &record;

    row_begin(row, "conference");
    record_text(row, "id", room->id);
    record_text(row, "room", room->number);
    record_text(row, "name", room->row.name);
    put_moment(row, "started", room->began_us);
    put_moment(row, "ended", clock_now_us());
    record_number(row, "peak", room->peak);
    record_number(row, "joins", room->seats);
    record_text(row, "reason", room->why ? room->why : room->ending ? "ended" : "all-left");
    record_begin(row, "recordings", RECORD_ARRAY);
    for (unsigned i = 0; i < room->recording_count && i < RECORDINGS_MAX; i++)
        record_text(row, NULL, room->recordings[i]);
    record_end(row, RECORD_ARRAY);
    row_save(room->server, "conference", row);
}

/* Whom: his number; or his seat, where he withholds that. */
static void put_target(struct record *row, const struct member *target)
{
    char seat[24];

    if (!target)
        return;
    snprintf(seat, sizeof seat, "seat %u", target->number);
    record_text(row, "target", *target->caller ? target->caller : seat);
}

void record_act(const struct room *room, const struct actor *actor, const struct act_order *order)
{
    char id[2 * ACT_ID_BYTES + 1], value[16];
    struct record record, *row = &record;

    row_begin(row, "room_act");
    random_hex(id, ACT_ID_BYTES);
    record_text(row, "id", id);
    record_time(row, "at", clock_wall_us());
    record_text(row, "room", room->number);
    record_text(row, "conference", room->id);
    record_text(row, "actor", actor->name);
    record_text(row, "source", actor->source);
    record_text(row, "act", act_name(order->act));
    put_target(row, order->member);
    if (order->value)
        snprintf(value, sizeof value, "%d", order->value);
    if (order->text || order->value)
        record_text(row, "value", order->text ? order->text : value);
    row_save(room->server, "room_act", row);
}

void records_watch(struct room *room, struct member *member, enum room_news news)
{
    if (room->count > room->peak)
        room->peak = room->count;
    if (news == MEMBER_LEFT)
        save_member(room, member);
    else if (news == ROOM_ENDED)
        save_conference(room);
}
