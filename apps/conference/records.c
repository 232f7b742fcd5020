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

static void put(json_t *object, const char *key, uint64_t number)
{
    json_object_set_new(object, key, json_integer((json_int_t)number));
}

/* A monotonic moment as wall time. */
static void put_moment(json_t *object, const char *key, uint64_t us)
{
    record_time(object, key, clock_wall_us() - (int64_t)(clock_now_us() - us));
}

static void row_save(struct server *server, const char *table, json_t *row)
{
    json_t *record = json_object();

    json_object_set_new(record, table, row);
    if (record_save(server_storage(server), record))
        log_event(LEVEL_ERROR, "conference", NULL, "record-lost table=%s", table);
}

static const char *role_name(const struct member *member)
{
    return member->role == ROLE_HOST ? "host" : "member";
}

static void save_member(struct room *room, const struct member *member)
{
    uint64_t now = clock_now_us(), talk_us = member->talk_us + (member->talks ? now - member->talks_us : 0);
    json_t *row = json_object();

    record_text(row, "conference", room->id);
    put(row, "seat", member->number);
    record_text(row, "call", link_request(member->link)->call);
    record_text(row, "caller", member->caller);
    record_text(row, "name", member->name);
    record_text(row, "role", role_name(member));
    record_text(row, "how", member->how ? member->how : "dialled");
    put_moment(row, "joined", member->joined_us);
    put_moment(row, "left_at", now);
    put(row, "talk_ms", talk_us / 1000);
    record_text(row, "reason", room->ending ? "ended" : member->dismissed ? "removed" : "left");
    row_save(room->server, "conference_member", row);
}

static void save_conference(struct room *room)
{
    json_t *row = json_object(), *recordings = json_array();

    for (unsigned i = 0; i < room->recording_count && i < RECORDINGS_MAX; i++)
        json_array_append_new(recordings, json_string(room->recordings[i]));
    record_text(row, "id", room->id);
    record_text(row, "room", room->number);
    record_text(row, "name", room->row.name);
    put_moment(row, "started", room->began_us);
    put_moment(row, "ended", clock_now_us());
    put(row, "peak", room->peak);
    put(row, "joins", room->seats);
    record_text(row, "reason", room->why ? room->why : room->ending ? "ended" : "all-left");
    json_object_set_new(row, "recordings", recordings);
    row_save(room->server, "conference", row);
}

/* Whom: his number; or his seat, where he withholds that. */
static void put_target(json_t *row, const struct member *target)
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
    json_t *row = json_object();

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
