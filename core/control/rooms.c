/*
 * Rooms that stand, by the very functions that phones and REFER use. What is there already is no fault of a
 * PATCH: who asks for a state gets it.
 */
#include "core/control/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *room_of(const struct exchange *exchange)
{
    return exchange->params.value[0];
}

/* 0 and the answer is yet to come, or a problem was the answer. */
static int room_do(struct exchange *exchange, const struct desk_order *order)
{
    const struct desk_rooms *rooms = desk_rooms();
    struct desk_order whole = *order;
    int error;

    whole.room = room_of(exchange);
    whole.by = exchange->who.name;
    whole.trusted = exchange->who.role == ASKER_ADMIN;
    error = rooms != NULL ? rooms->act(exchange->control->server, &whole) : ENOENT;
    if (error == EALREADY)
        return 0;
    reply_if(exchange, error);
    return error;
}

static json_t *room_read(const struct exchange *exchange)
{
    const struct desk_rooms *rooms = desk_rooms();

    return rooms != NULL ? rooms->show(exchange->control->server, room_of(exchange)) : NULL;
}

/* -- the room ----------------------------------------------------------------------------------------- */

static void rooms_get(struct exchange *exchange)
{
    const struct desk_rooms *rooms = desk_rooms();

    reply_json(
        exchange, 200,
        json_pack("{s:o}", "items", rooms != NULL ? rooms->list(exchange->control->server) : json_array()));
}

static void room_get(struct exchange *exchange)
{
    json_t *room = room_read(exchange);

    if (room == NULL)
        reply_error(exchange, ENOENT);
    else
        reply_json(exchange, 200, room);
}

struct toggle {
    const char *member, *on, *off; /* acts */
};

/* Nothing is done before all that is asked for was looked at. */
static bool toggles_judge(struct exchange *exchange, const struct toggle *toggles, size_t count)
{
    bool ignored;

    for (size_t i = 0; i < count; i++)
        if (!body_truth(exchange, toggles[i].member, PERHAPS, &ignored))
            return false;
    return true;
}

static int toggles_do(struct exchange *exchange, const struct toggle *toggles, size_t count, unsigned member)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(exchange->body, toggles[i].member);
        const char *act = json_is_true(value) ? toggles[i].on : toggles[i].off;

        if (value == NULL)
            continue;
        int error = room_do(exchange, &(struct desk_order){.act = act, .member = member});
        if (error)
            return error;
    }
    return 0;
}

static void room_patch(struct exchange *exchange)
{
    static const struct toggle toggles[] = {{"locked", "lock", "unlock"},
                                            {"lecture", "lecture", "discuss"},
                                            {"all_muted", "mute-all", "unmute-all"}};
    static const struct {
        const char *state, *act;
    } recordings[] = {{"on", "record"}, {"paused", "pause-recording"}, {"off", "stop-recording"}};
    const char *recording = NULL, *act = NULL;

    if (!body_only(exchange, "locked lecture all_muted recording") || !toggles_judge(exchange, toggles, 3) ||
        !body_text(exchange, "recording", PERHAPS, 16, &recording))
        return;
    for (size_t i = 0; recording != NULL && i < 3; i++)
        act = strcmp(recordings[i].state, recording) == 0 ? recordings[i].act : act;
    if (recording != NULL && act == NULL) {
        reply_problem(exchange, 400, "recording", "recording is \"on\", \"paused\" or \"off\".");
        return;
    }
    if (toggles_do(exchange, toggles, 3, 0) ||
        (act != NULL && room_do(exchange, &(struct desk_order){.act = act})))
        return;
    room_get(exchange);
}

static void room_delete(struct exchange *exchange)
{
    if (room_do(exchange, &(struct desk_order){.act = "end"}) == 0)
        reply_none(exchange);
}

/* Whatever keys can do: "break-out", "whisper", "move", … */
static void acts_post(struct exchange *exchange)
{
    struct desk_order order = {.text = NULL};
    long member = 0, other = 0, value = 0;

    if (!body_only(exchange, "act member other value text") ||
        !body_text(exchange, "act", WANTED, 32, &order.act) ||
        !body_number(exchange, "member", PERHAPS, 1, UINT16_MAX * 1000L, &member) ||
        !body_number(exchange, "other", PERHAPS, 1, UINT16_MAX * 1000L, &other) ||
        !body_number(exchange, "value", PERHAPS, -100000, 100000, &value) ||
        !body_text(exchange, "text", PERHAPS, NUMBER_TEXT - 1, &order.text))
        return;
    order.member = (unsigned)member;
    order.other = (unsigned)other;
    order.value = (int)value;
    if (order.text == NULL)
        order.text = "";
    if (room_do(exchange, &order) == 0)
        reply_none(exchange);
}

/* -- members ------------------------------------------------------------------------------------------ */

/* The number in the path; 0: it is none, and 404 was the answer. */
static unsigned member_of(struct exchange *exchange)
{
    const char *text = exchange->params.value[1];
    size_t length = strlen(text);

    if (length > 9 || strspn(text, "0123456789") != length || strtoul(text, NULL, 10) == 0) {
        reply_error(exchange, ENOENT);
        return 0;
    }
    return (unsigned)strtoul(text, NULL, 10);
}

static void members_get(struct exchange *exchange)
{
    json_t *room = room_read(exchange), *list = json_incref(json_object_get(room, "list"));

    json_decref(room);
    if (list == NULL)
        reply_error(exchange, ENOENT);
    else
        reply_json(exchange, 200, json_pack("{s:o}", "items", list));
}

static void member_reply(struct exchange *exchange, unsigned member)
{
    json_t *room = room_read(exchange), *found = NULL, *one;
    size_t i;

    json_array_foreach(json_object_get(room, "list"), i, one)
    {
        if (json_integer_value(json_object_get(one, "member")) == member)
            found = json_incref(one);
    }
    json_decref(room);
    if (found == NULL)
        reply_error(exchange, ENOENT);
    else
        reply_json(exchange, 200, found);
}

static void member_get(struct exchange *exchange)
{
    unsigned member = member_of(exchange);

    if (member > 0)
        member_reply(exchange, member);
}

static int gain_do(struct exchange *exchange, const char *name, const char *act, unsigned member)
{
    const json_t *value = json_object_get(exchange->body, name);

    if (value == NULL)
        return 0;
    return room_do(exchange, &(struct desk_order){
                                 .act = act, .member = member, .value = (int)json_integer_value(value)});
}

static void member_patch(struct exchange *exchange)
{
    static const struct toggle toggles[] = {{"muted", "mute", "unmute"},
                                            {"deaf", "deaf", "undeaf"},
                                            {"hand", "raise", "lower"},
                                            {"floor", "give-floor", "take-floor"}};
    unsigned member = member_of(exchange);
    const char *role = NULL;
    long gain;

    if (member == 0 || !body_only(exchange, "muted deaf hand floor role talk_gain listen_gain") ||
        !toggles_judge(exchange, toggles, 4) ||
        !body_number(exchange, "talk_gain", PERHAPS, -12, 12, &gain) ||
        !body_number(exchange, "listen_gain", PERHAPS, -12, 12, &gain) ||
        !body_text(exchange, "role", PERHAPS, 16, &role))
        return;
    if (role != NULL && strcmp(role, "host") != 0 && strcmp(role, "member") != 0) {
        reply_problem(exchange, 400, "role", "role is \"host\" or \"member\".");
        return;
    }
    if (toggles_do(exchange, toggles, 4, member) || gain_do(exchange, "talk_gain", "talk-gain", member) ||
        gain_do(exchange, "listen_gain", "listen-gain", member))
        return;
    if (role != NULL &&
        room_do(exchange, &(struct desk_order){.act = strcmp(role, "host") == 0 ? "make-host" : "make-member",
                                               .member = member}))
        return;
    member_reply(exchange, member);
}

static void member_delete(struct exchange *exchange)
{
    unsigned member = member_of(exchange), minutes = 0;

    if (member == 0 || query_number(exchange, "ban_minutes", 0, 10080, &minutes))
        return;
    if (room_do(exchange, &(struct desk_order){.act = "kick", .member = member, .value = (int)minutes}) == 0)
        reply_none(exchange);
}

static void admit_post(struct exchange *exchange)
{
    unsigned member = member_of(exchange);

    if (member > 0 && room_do(exchange, &(struct desk_order){.act = "admit", .member = member}) == 0)
        member_reply(exchange, member);
}

/* Who is called in; he is a member once he has answered. */
static void members_post(struct exchange *exchange)
{
    const char *number = NULL;

    if (!body_only(exchange, "number") || !body_text(exchange, "number", WANTED, NUMBER_TEXT - 1, &number))
        return;
    if (room_do(exchange, &(struct desk_order){.act = "invite", .text = number}) == 0)
        reply_json(exchange, 202, json_pack("{s:s}", "number", number));
}

const struct route room_routes[] = {
    {"GET", "/api/v1/rooms", ACCESS_READ, BODY_NONE, rooms_get},
    {"GET", "/api/v1/rooms/{room}", ACCESS_SEE_ROOM, BODY_NONE, room_get},
    {"PATCH", "/api/v1/rooms/{room}", ACCESS_ROOM, BODY_JSON, room_patch},
    {"DELETE", "/api/v1/rooms/{room}", ACCESS_ROOM, BODY_NONE, room_delete},
    {"POST", "/api/v1/rooms/{room}/acts", ACCESS_ROOM, BODY_JSON, acts_post},
    {"GET", "/api/v1/rooms/{room}/members", ACCESS_SEE_ROOM, BODY_NONE, members_get},
    {"POST", "/api/v1/rooms/{room}/members", ACCESS_ROOM, BODY_JSON, members_post},
    {"GET", "/api/v1/rooms/{room}/members/{member}", ACCESS_SEE_ROOM, BODY_NONE, member_get},
    {"PATCH", "/api/v1/rooms/{room}/members/{member}", ACCESS_ROOM, BODY_JSON, member_patch},
    {"DELETE", "/api/v1/rooms/{room}/members/{member}", ACCESS_ROOM, BODY_NONE, member_delete},
    {"POST", "/api/v1/rooms/{room}/members/{member}/admit", ACCESS_ROOM, BODY_NONE, admit_post},
    {0},
};
