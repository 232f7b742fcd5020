/* The acts: who may, on whom, and what is done. */
#include "apps/conference/act.h"
#include "apps/conference/notice.h"

#include "apps/conference/dial.h"

#include <string.h>

#define GAIN_MAX_DB 12

/* -- on one member -------------------------------------------------------------------------------------- */

static int flag_set(bool *flag, bool value)
{
    if (*flag == value)
        return EALREADY;
    *flag = value;
    return 0;
}

static int act_mute(struct room *room, const struct act_order *order)
{
    int error = flag_set(&order->member->muted, order->act == ACT_MUTE);

    (void)room;
    if (!error)
        member_voice(order->member);
    return error;
}

static int act_deaf(struct room *room, const struct act_order *order)
{
    int error = flag_set(&order->member->deaf, order->act == ACT_DEAF);

    (void)room;
    if (!error)
        link_deaf(order->member->link, order->member->deaf);
    return error;
}

static int act_gain(struct room *room, const struct act_order *order)
{
    struct member *member = order->member;
    int *gain = order->act == ACT_TALK_GAIN ? &member->talk_db : &member->listen_db;

    (void)room;
    if (order->value < -GAIN_MAX_DB || order->value > GAIN_MAX_DB)
        return EINVAL;
    *gain = order->value;
    link_gains(member->link, member->talk_db, member->listen_db);
    return 0;
}

static int act_hand(struct room *room, const struct act_order *order)
{
    struct member *member = order->member;

    if (order->act == ACT_RAISE ? member->raised > 0 : member->raised == 0)
        return EALREADY;
    member->raised = order->act == ACT_RAISE ? ++room->raises : 0;
    return 0;
}

static int act_floor(struct room *room, const struct act_order *order)
{
    struct member *member = order->member;
    int error = flag_set(&member->floor, order->act == ACT_GIVE_FLOOR);

    (void)room;
    if (error)
        return error;
    member->raised = 0;
    member_voice(member);
    return 0;
}

static int act_admit(struct room *room, const struct act_order *order)
{
    (void)room;
    if (order->member->seat != SEAT_WAITING)
        return EALREADY;
    room_let_in(order->member);
    return 0;
}

static int act_kick(struct room *room, const struct act_order *order)
{
    keep_ban(room, order->member, (unsigned)(order->value > 0 ? order->value : 0));
    member_dismiss(order->member);
    return 0;
}

static int act_role(struct room *room, const struct act_order *order)
{
    struct member *member = order->member;
    enum room_role role = order->act == ACT_MAKE_HOST ? ROLE_HOST : ROLE_MEMBER;

    if (member->role == role)
        return EALREADY;
    member->role = role;
    if (member->seat == SEAT_IN)
        room->hosts += role == ROLE_HOST ? 1u : -1u;
    else if (member->seat == SEAT_WAITING && role == ROLE_HOST)
        room_let_in(member);
    member_voice(member);
    struct room *root = room_root(room);
    if (root->row.waiting == WAITING_HOST && room_hosts(root) > 0)
        room_let_all_in(root);
    return 0;
}

/* -- on the room ---------------------------------------------------------------------------------------- */

static int act_lock(struct room *room, const struct act_order *order)
{
    return flag_set(&room->locked, order->act == ACT_LOCK);
}

static void voices_anew(struct room *room)
{
    for (struct member *member = room->members; member; member = member->next)
        member_voice(member);
}

static int act_lecture(struct room *room, const struct act_order *order)
{
    int error = flag_set(&room->lecture, order->act == ACT_LECTURE);

    if (!error)
        voices_anew(room);
    return error;
}

static int act_mute_all(struct room *room, const struct act_order *order)
{
    int error = flag_set(&room->all_muted, order->act == ACT_MUTE_ALL);

    if (!error)
        voices_anew(room);
    return error;
}

static int act_admit_all(struct room *room, const struct act_order *order)
{
    int error = ENOENT;

    (void)order;
    for (struct member *member = room->members; member; member = member->next) {
        if (member->seat == SEAT_WAITING && member->away == AWAY_NOT) {
            room_let_in(member);
            error = 0;
        }
    }
    return error;
}

/* Members are listed newest first. */
static int act_kick_last(struct room *room, const struct act_order *order)
{
    (void)order;
    for (struct member *member = room->members; member; member = member->next) {
        if (member->seat == SEAT_IN && member->role != ROLE_HOST && member->away == AWAY_NOT) {
            keep_ban(room, member, 0);
            member_dismiss(member);
            return 0;
        }
    }
    return ENOENT;
}

static int act_end(struct room *room, const struct act_order *order)
{
    int error = flag_set(&room->ending, true);

    (void)order;
    room_dial_no_more(room);
    if (!error && room_clear(room, AWAY_ENDED) == ENOENT)
        error = 0; /* all are on their way already */
    if (!error)
        sides_end(room);
    return error;
}

static int act_kick_all(struct room *room, const struct act_order *order)
{
    (void)order;
    return room_clear(room, AWAY_CLEARED);
}

/* -- the table ------------------------------------------------------------------------------------------ */

enum subject { ON_ROOM, ON_MEMBER };

static const struct {
    const char *name;
    enum subject subject;
    bool own; /* on himself everybody may */
    int (*run)(struct room *room, const struct act_order *order);
} acts[ACT_COUNT] = {
    [ACT_NONE] = {.name = ""},
    [ACT_MUTE] = {"mute", ON_MEMBER, true, act_mute},
    [ACT_UNMUTE] = {"unmute", ON_MEMBER, true, act_mute},
    [ACT_DEAF] = {"deaf", ON_MEMBER, true, act_deaf},
    [ACT_UNDEAF] = {"undeaf", ON_MEMBER, true, act_deaf},
    [ACT_TALK_GAIN] = {"talk-gain", ON_MEMBER, true, act_gain},
    [ACT_LISTEN_GAIN] = {"listen-gain", ON_MEMBER, true, act_gain},
    [ACT_RAISE] = {"raise", ON_MEMBER, true, act_hand},
    [ACT_LOWER] = {"lower", ON_MEMBER, true, act_hand},
    [ACT_GIVE_FLOOR] = {"give-floor", ON_MEMBER, false, act_floor},
    [ACT_TAKE_FLOOR] = {"take-floor", ON_MEMBER, false, act_floor},
    [ACT_ADMIT] = {"admit", ON_MEMBER, false, act_admit},
    [ACT_KICK] = {"kick", ON_MEMBER, false, act_kick},
    [ACT_MAKE_HOST] = {"make-host", ON_MEMBER, false, act_role},
    [ACT_MAKE_MEMBER] = {"make-member", ON_MEMBER, false, act_role},
    [ACT_MOVE] = {"move", ON_MEMBER, false, act_move},
    [ACT_WHISPER] = {"whisper", ON_MEMBER, true, act_whisper},
    [ACT_UNWHISPER] = {"unwhisper", ON_MEMBER, true, act_whisper},
    [ACT_SOFTEN] = {"soften", ON_MEMBER, true, act_soften},
    [ACT_RETURN] = {"return", ON_MEMBER, true, act_return},
    [ACT_LOCK] = {"lock", ON_ROOM, false, act_lock},
    [ACT_UNLOCK] = {"unlock", ON_ROOM, false, act_lock},
    [ACT_LECTURE] = {"lecture", ON_ROOM, false, act_lecture},
    [ACT_DISCUSS] = {"discuss", ON_ROOM, false, act_lecture},
    [ACT_MUTE_ALL] = {"mute-all", ON_ROOM, false, act_mute_all},
    [ACT_UNMUTE_ALL] = {"unmute-all", ON_ROOM, false, act_mute_all},
    [ACT_ADMIT_ALL] = {"admit-all", ON_ROOM, false, act_admit_all},
    [ACT_KICK_LAST] = {"kick-last", ON_ROOM, false, act_kick_last},
    [ACT_RECORD] = {"record", ON_ROOM, false, room_record_act},
    [ACT_PAUSE_RECORDING] = {"pause-recording", ON_ROOM, false, room_record_act},
    [ACT_STOP_RECORDING] = {"stop-recording", ON_ROOM, false, room_record_act},
    [ACT_INVITE] = {"invite", ON_ROOM, false, room_dial},
    [ACT_BREAK_OUT] = {"break-out", ON_ROOM, false, act_break_out},
    [ACT_CALL_BACK] = {"call-back", ON_ROOM, false, act_call_back},
    [ACT_VISIT] = {"visit", ON_ROOM, false, act_visit},
    [ACT_END] = {"end", ON_ROOM, false, act_end},
    [ACT_KICK_ALL] = {"kick-all", ON_ROOM, false, act_kick_all},
};

const char *act_name(enum act act)
{
    return acts[act].name;
}

enum act act_from_name(const char *name)
{
    for (enum act act = ACT_NONE + 1; act < ACT_COUNT; act++)
        if (strcmp(acts[act].name, name) == 0)
            return act;
    return ACT_NONE;
}

bool act_needs_host(enum act act)
{
    return !acts[act].own;
}

bool act_is_on_member(enum act act)
{
    return acts[act].subject == ON_MEMBER;
}

/* By his number, also where others are not told it: the record is for who answers for the server. */
struct actor member_actor(struct member *member, bool host, const char *source)
{
    const char *name = *member->caller ? member->caller : link_request(member->link)->caller.user;

    return (struct actor){.member = member, .host = host, .name = name, .source = source};
}

int room_act(struct room *room, const struct actor *actor, const struct act_order *order)
{
    struct act_order whole = *order;
    const struct member *on = order->member;
    int error;

    whole.actor = actor;
    if (order->act <= ACT_NONE || order->act >= ACT_COUNT)
        return EINVAL;
    if (acts[order->act].subject == ON_MEMBER && (!on || on->room != room))
        return ENOENT;
    /* One who is on his way out is nobody any more: else he could be let in again while his call ends. */
    if (acts[order->act].subject == ON_MEMBER && on->away != AWAY_NOT && order->act != ACT_KICK)
        return ENOENT;
    if (actor->member && actor->member->away != AWAY_NOT)
        return EACCES;
    if (!actor->host && !(acts[order->act].own && on && on == actor->member))
        return EACCES;
    room_hold(room);
    error = acts[order->act].run ? acts[order->act].run(room, &whole) : ENOTSUP;
    log_event(LEVEL_INFO, "conference", actor->member ? link_request(actor->member->link)->call : NULL,
              "act room=%s by=%s source=%s act=%s member=%u error=%d", room->number, actor->name,
              actor->source, act_name(order->act), on ? on->number : 0, error);
    if (!error && !(acts[order->act].own && on == actor->member))
        record_act(room, actor, order);
    if (!error) {
        room_tell_act(room, actor, order);
        if (!on)
            room_tell(room, NULL, ROOM_CHANGED);
        else if (on->room == room) /* else it has been told where he went */
            room_tell(room, order->member, MEMBER_CHANGED);
    }
    room_release(room);
    return error;
}
