/*
 * How long a conference may go on: its row's minutes, or else the end of its scheduled time; and, where the
 * row says so, a while without a host. Its members are told before it ends.
 */
#include "apps/conference/act.h"
#include "apps/conference/watchers.h"

#include "core/base/clock.h"
#include "core/base/loop.h"

#include <inttypes.h>

#define SECOND_US UINT64_C(1000000)

static const struct warning {
    unsigned before_s;
    const char *name;
} warnings[] = {{300, "conf-five-minutes"}, {60, "conf-one-minute"}, {0, NULL}};

static void room_finish(struct room *room, const char *why)
{
    const struct actor server = {.host = true, .name = "server", .source = "server"};

    log_event(LEVEL_INFO, "conference", NULL, "room-ends room=%s why=%s", room->number, why);
    room->why = why;
    if (room_act(room, &server, &(struct act_order){.act = ACT_END}))
        log_event(LEVEL_INFO, "conference", NULL, "room-ends-already room=%s", room->number);
}

static void limit_set(struct room *room);

static void limit_reached(void *arg)
{
    struct room *room = arg;

    for (const struct warning *warning = warnings; warning->name; warning++) {
        if (warning->before_s == room->to_warn_s && !room->ending) {
            room_say(room, warning->name);
            limit_set(room);
            return;
        }
    }
    room_finish(room, "time");
}

/* The next of the warnings that is yet to come, or the end. One that is due already was said, or came too
 * late. */
static void limit_set(struct room *room)
{
    uint64_t now = clock_now_us(), left_ms = room->ends_us > now ? (room->ends_us - now) / 1000 : 0;
    const struct warning *warning = warnings;

    while (warning->name && left_ms <= (uint64_t)warning->before_s * 1000)
        warning++;
    room->to_warn_s = warning->before_s;
    left_ms -= (uint64_t)warning->before_s * 1000;
    if (timer_start(server_loop(room->server), &room->limit,
                    left_ms < UINT32_MAX ? (uint32_t)left_ms : UINT32_MAX, limit_reached, room))
        log_event(LEVEL_ERROR, "conference", NULL, "no-memory for=limit room=%s", room->number);
}

/* Who comes in for the next of two times that follow each other brings the later end. */
static void limit_extend(struct room *room, const struct member *member)
{
    const struct door *door = member_door(member);
    time_t now = clock_wall();
    uint64_t ends_us = 0;

    if (room->row.max_minutes)
        ends_us = room->began_us + room->row.max_minutes * 60 * SECOND_US;
    else if (door->time == DOOR_OPEN && door->ends > now)
        ends_us = clock_now_us() + (uint64_t)(door->ends - now) * SECOND_US;
    if (ends_us <= room->ends_us)
        return;
    room->ends_us = ends_us;
    limit_set(room);
}

/* -- without a host -------------------------------------------------------------------------------------- */

static void grace_over(void *arg)
{
    room_finish(arg, "host-left");
}

/* Only a host who was there can have left. */
static void grace_follow(struct room *room)
{
    bool hosted = room_hosts(room) > 0;

    if (!room->row.end_with_host || hosted == room->hosted || room->ending)
        return;
    room->hosted = hosted;
    if (hosted) {
        timer_stop(&room->grace);
        return;
    }
    if (!room->members)
        return;
    room_say(room, "conf-leaderhasleft");
    if (timer_start(server_loop(room->server), &room->grace, room->row.end_grace_s * 1000, grace_over, room))
        log_event(LEVEL_ERROR, "conference", NULL, "no-memory for=grace room=%s", room->number);
}

void duration_watch(struct room *room, struct member *member, enum room_news news)
{
    if (news == MEMBER_CAME && !room->main)
        limit_extend(room, member);
    /* Who is on his way to a side room, or back, is told of again when he is there. */
    if (news == MEMBER_CAME || news == MEMBER_CHANGED || (news == MEMBER_LEFT && !member->moves))
        grace_follow(room->main ? room->main : room);
    if (news == ROOM_ENDED) {
        timer_stop(&room->limit);
        timer_stop(&room->grace);
    }
}
