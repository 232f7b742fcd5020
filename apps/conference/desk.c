/* Rooms as who sits at a desk sees them, the acts from there, and the news. */
#include "apps/conference/act.h"
#include "apps/conference/watchers.h"
#include "core/base/json.h"
#include "core/base/loop.h"
#include "core/call/desk.h"

#include <stdio.h>

#define LEVELS_MS 200

static struct timer *beat; /* while somebody talks in any room */

/* -- what is shown -------------------------------------------------------------------------------------- */

static json_t *member_show(const struct member *member)
{
    return json_pack("{s:i, s:o, s:o, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:i, s:i, s:o, s:s}",
                     "member", (int)member->number, "caller", json_words(member->caller), "name",
                     json_words(member->name), "role", member->role == ROLE_HOST ? "host" : "member", "seat",
                     member->seat == SEAT_WAITING ? "waiting" : "in", "muted", member->muted, "deaf",
                     member->deaf, "held", member->held, "heard", member_heard(member), "talks",
                     member->talks, "hand", member->raised > 0, "floor", member->floor, "talk_gain",
                     member->talk_db, "listen_gain", member->listen_db, "joined",
                     json_moment(member->joined_us), "call", link_request(member->link)->call);
}

static json_t *room_show(const struct room *room)
{
    return json_pack("{s:o, s:o, s:s, s:i, s:i, s:i, s:b, s:b, s:b, s:b, s:b, s:o, s:o, s:o}", "room",
                     json_words(room->number), "name", json_words(room->row.name), "conference", room->id,
                     "members", (int)room->count, "waiting", (int)room->waiting, "hosts", (int)room->hosts,
                     "locked", room->locked, "lecture", room->lecture, "all_muted", room->all_muted,
                     "recorded", room->recorded, "paused", room->paused, "main",
                     room->main ? json_words(room->main->number) : json_null(), "began",
                     json_moment(room->began_us), "ends", json_moment(room->ends_us));
}

/* The first who came first. */
static json_t *members_show(const struct room *room)
{
    json_t *list = json_array();

    for (const struct member *member = room->members; member; member = member->next)
        json_array_insert_new(list, 0, member_show(member));
    return list;
}

static json_t *desk_list(struct server *server)
{
    json_t *list = json_array();

    (void)server;
    for (const struct room *room = conference_first(); room; room = room->next)
        json_array_append_new(list, room_show(room));
    return list;
}

static json_t *desk_show(struct server *server, const char *number)
{
    const struct room *room = conference_room(number);
    json_t *shown = room ? room_show(room) : NULL;

    (void)server;
    if (shown)
        json_object_set_new(shown, "list", members_show(room));
    return shown;
}

/* -- what is done --------------------------------------------------------------------------------------- */

static int desk_act(struct server *server, const struct desk_order *order)
{
    const struct actor actor = {.host = true, .trusted = order->trusted, .name = order->by, .source = "api"};
    struct room *room = conference_room(order->room);
    struct act_order what = {.act = act_from_name(order->act), .value = order->value, .text = order->text};

    (void)server;
    if (!room || what.act == ACT_NONE)
        return ENOENT;
    if (order->member > 0)
        what.member = room_member(room, order->member);
    if (order->other > 0)
        what.other = room_member(room, order->other);
    if ((order->member > 0 && !what.member) || (order->other > 0 && !what.other))
        return ENOENT;
    return room_act(room, &actor, &what);
}

const struct desk_rooms conference_rooms = {.list = desk_list, .show = desk_show, .act = desk_act};

/* -- levels: how loud those are who talk ------------------------------------------------------------------
 */

/* [[member, dBFS], …]; NULL: nobody talks. */
static json_t *levels_show(const struct room *room)
{
    json_t *levels = NULL;

    for (const struct member *member = room->members; member; member = member->next) {
        if (!member->talks)
            continue;
        levels = levels ? levels : json_array();
        json_array_append_new(levels,
                              json_pack("[i, i]", (int)member->number, -(int)link_level(member->link)));
    }
    return levels;
}

static void levels_tell(void *arg)
{
    struct server *server = arg;
    bool talk = false;

    for (const struct room *room = conference_first(); room; room = room->next) {
        json_t *levels = levels_show(room);

        talk = talk || levels;
        if (levels && server_levels_watched(server))
            server_publish_levels(
                server, room->number,
                json_pack("{s:o, s:O}", "room", json_words(room->number), "levels", levels));
        json_decref(levels);
    }
    if (talk && timer_start(server_loop(server), &beat, LEVELS_MS, levels_tell, server))
        log_event(LEVEL_WARNING, "conference", NULL, "levels-lost");
}

void desk_rooms_stop(struct server *server)
{
    (void)server;
    timer_stop(&beat);
}

/* -- news ----------------------------------------------------------------------------------------------- */

/* With the room's counts: who shows a list of rooms need not ask again. */
void desk_rooms_watch(struct room *room, struct member *member, enum room_news news)
{
    static const char *const topics[] = {
        [ROOM_BEGAN] = "room.began",     [ROOM_CHANGED] = "room.changed",     [ROOM_ENDED] = "room.ended",
        [MEMBER_CAME] = "member.joined", [MEMBER_CHANGED] = "member.changed", [MEMBER_TALKS] = "member.talks",
        [MEMBER_LEFT] = "member.left",   [ROOM_DIALS] = "room.changed",
    };
    json_t *data;

    if (!server_is_read(room->server))
        return;
    data = json_pack("{s:o}", "room", room_show(room));
    if (data && member)
        json_object_set_new(data, "member", member_show(member));
    server_publish(room->server, topics[news], room->number, NULL, data);
    if (news == MEMBER_TALKS && !beat)
        levels_tell(room->server);
}
