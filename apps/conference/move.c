/*
 * From one room to another within the call, and side rooms: NUMBER-1, NUMBER-2 … beside the room NUMBER, made
 * for some of its members and gone with the last of them. Nobody dials into a side room; its members belong
 * to the main one, and come back past its lock. The main room stands as long as one of its side rooms does.
 */
#include "apps/conference/dial.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDES_MAX 50 /* made by one act */
#define SIDE_NAME_MAX 16

/* A move that waits for what storage knows of the room. */
struct moving {
    char number[NUMBER_TEXT];
    bool trusted; /* as of struct actor */
    bool asked;
    struct ticket asker; /* the host who wanted it */
};

/* "3000-2" of 3000: what follows the dash; NULL: it is none. */
static const char *side_name(const struct room *root, const char *number)
{
    size_t length = strlen(root->number);

    if (strncmp(number, root->number, length) != 0 || number[length] != '-')
        return NULL;
    const char *name = number + length + 1;
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c))
            return NULL;
    }
    return *name && strlen(name) <= SIDE_NAME_MAX ? name : NULL;
}

/* As the main room is, but that nobody waits before it, and nothing but its members' leaving ends it. */
static int side_row(struct room_row *row, const struct room *root, const char *name)
{
    *row = root->row;
    int length = snprintf(row->number, sizeof row->number, "%s-%s", root->number, name);
    if (length >= (int)sizeof row->number)
        return EINVAL;
    row->has_pin = row->has_moderator_pin = row->end_with_host = row->lecture = row->muted_entry = false;
    row->waiting = WAITING_OFF;
    row->max_minutes = 0;
    return 0;
}

/* Where he came from first is where he goes back to; from a side room that is its main one, without this. */
static int home_keep(struct member *member)
{
    if (member->home)
        return 0;
    member->home = malloc(sizeof *member->home);
    if (!member->home)
        return ENOMEM;
    const struct room *root = room_root(member->room);
    member->home->row = root->row;
    member->home->role = member->role;
    member->home->invited = *member->invited != '\0';
    memcpy(member->home->id, root->id, sizeof member->home->id);
    return 0;
}

static void home_forget(struct member *member)
{
    free(member->home);
    member->home = NULL;
}

/* Within the rooms of one conference he keeps his role, and no lock is in his way. */
static int move_within(struct member *member, struct room *root, const struct room_row *row)
{
    return conference_move(member, row, member->role, root);
}

static int move_to_side(struct member *member, struct room *root, const char *name)
{
    struct room_row row;
    int error = side_row(&row, root, name);
    const struct room *room = error ? NULL : conference_room(row.number);

    if (room && room->main != root)
        return EBUSY; /* somebody has dialled that number before */
    return error ? error : move_within(member, root, &row);
}

/* When that conference is over he may begin another one in its room, as he did by dialling; one that others
 * have begun has its lock and its waiting room for him, too. */
static int move_home(struct member *member)
{
    struct room *room = member->room;
    const struct home *home = member->home;

    if (room->main)
        return move_within(member, room->main, &room->main->row);
    if (!home)
        return ENOENT;
    struct room *root = conference_room(home->row.number);
    struct room_row row = root ? root->row : home->row;
    if (root && strcmp(root->id, home->id) != 0)
        root = NULL;
    if (!root && home->invited)
        return ENOENT;
    int error = conference_move(member, &row, home->role, root);
    if (!error)
        home_forget(member);
    return error;
}

/* A host's word opens no door of somebody else's, by whatever means he says it: only an administrator's does.
 */
static int move_away(struct member *member, const struct room_row *row, bool trusted)
{
    if (!trusted && (row->has_pin || row->has_moderator_pin))
        return EACCES;
    bool was = member->home != NULL;
    int error = home_keep(member);
    if (!error)
        error = conference_move(member, row, ROLE_MEMBER, NULL);
    if (error && !was)
        home_forget(member);
    return error;
}

/* -- another room, of which storage knows
 * --------------------------------------------------------------------- */

static void moving_found(struct ticket ticket, int error, const struct room_row *row)
{
    struct link *link = link_of(ticket);
    struct member *member = link ? link_state(link) : NULL;
    struct moving *moving = member ? member->moving : NULL;
    struct room_row none;

    if (!moving)
        return;
    member->moving = NULL;
    if (error == ENOENT) {
        room_row_init(&none, moving->number);
        row = &none;
        error = 0;
    }
    if (!error && (!member->room || member->seat != SEAT_IN || member->away != AWAY_NOT))
        error = ENOENT;
    if (!error)
        error = move_away(member, row, moving->trusted);
    if (error) {
        struct link *asker = moving->asked ? link_of(moving->asker) : NULL;
        link_log(link, LEVEL_NOTICE, "move-refused room=%s error=%d", moving->number, error);
        if (asker)
            member_tell(link_state(asker), "conf-unavailable");
    }
    free(moving);
}

static int moving_ask(struct member *member, const struct actor *actor, const char *number)
{
    if (member->moving)
        return EBUSY;
    struct moving *moving = calloc(1, sizeof *moving);
    if (!moving)
        return ENOMEM;
    snprintf(moving->number, sizeof moving->number, "%s", number);
    moving->trusted = actor->trusted;
    moving->asked = actor->member != NULL;
    if (actor->member)
        moving->asker = link_ticket(actor->member->link);
    member->moving = moving;
    int error =
        room_find(server_storage(member->room->server), number, link_ticket(member->link), moving_found);
    if (error) {
        member->moving = NULL;
        free(moving);
    }
    return error;
}

void move_forget(struct member *member)
{
    free(member->moving);
    member->moving = NULL;
    home_forget(member);
}

/* -- the acts
 * ------------------------------------------------------------------------------------------------- */

int act_move(struct room *room, const struct act_order *order)
{
    struct member *member = order->member;
    struct room *root = room_root(room);
    const char *number = order->text ? order->text : "";

    if (member->seat != SEAT_IN || root->ending)
        return EBUSY;
    if (room->page)
        return ENOTSUP; /* it is his who talks, and ends with him */
    if (!*number || (member->home && !room->main && strcmp(number, member->home->row.number) == 0))
        return move_home(member);
    if (strlen(number) >= NUMBER_TEXT)
        return EINVAL;
    if (strcmp(number, room->number) == 0)
        return EALREADY;
    if (strcmp(number, root->number) == 0)
        return move_within(member, root, &root->row);
    const char *side = side_name(root, number);
    if (side)
        return move_to_side(member, root, side);
    struct room *other = conference_room(number);
    if (other && other->main)
        return EACCES; /* of another conference */
    return other ? move_away(member, &other->row, order->actor->trusted)
                 : moving_ask(member, order->actor, number);
}

int act_visit(struct room *room, const struct act_order *order)
{
    struct act_order own = *order;

    own.member = order->actor->member;
    return own.member && own.member->room == room ? act_move(room, &own) : ENOENT;
}

int act_return(struct room *room, const struct act_order *order)
{
    return room_root(room)->ending ? EBUSY : move_home(order->member);
}

/* Members are moved while the list is gone through: so it is copied first. */
static int members_of(struct room *room, struct member ***out, unsigned *count)
{
    struct member **all = calloc(room->count ? room->count : 1, sizeof(struct member *));

    if (!all)
        return ENOMEM;
    *count = 0;
    for (struct member *member = room->members; member; member = member->next) {
        if (member->seat == SEAT_IN && member->away == AWAY_NOT)
            all[(*count)++] = member;
    }
    *out = all;
    return 0;
}

/* Some may find no place, if only for want of memory: that is told only when nobody has found one. */
int act_break_out(struct room *room, const struct act_order *order)
{
    const char *named = order->text && *order->text ? order->text : NULL;
    struct member **all;
    unsigned count, moved = 0, turn = 0;
    char name[16];

    if (room->main || room->page)
        return ENOTSUP; /* a side room has none */
    if (room->ending)
        return EBUSY;
    if (named ? strlen(named) > SIDE_NAME_MAX : order->value < 1 || order->value > SIDES_MAX)
        return EINVAL;
    for (const char *c = named; c && *c; c++) {
        if (!isalnum((unsigned char)*c))
            return EINVAL;
    }
    int error = members_of(room, &all, &count);
    if (error)
        return error;
    error = ENOENT;
    while (count-- > 0) { /* in the order of entry */
        if (all[count]->role == ROLE_HOST)
            continue;
        snprintf(name, sizeof name, "%u", turn++ % (named ? 1 : (unsigned)order->value) + 1);
        int failed = move_to_side(all[count], room, named ? named : name);
        moved += !failed;
        error = failed;
    }
    free(all);
    return moved > 0 ? 0 : error;
}

static int side_call_back(struct room *side)
{
    struct member **all;
    unsigned count;
    int error = members_of(side, &all, &count);

    if (error)
        return error;
    while (count-- > 0 && !error)
        error = move_within(all[count], side->main, &side->main->row);
    free(all);
    return error;
}

int act_call_back(struct room *room, const struct act_order *order)
{
    struct room *root = room_root(room);
    bool any = false;
    int error = 0;

    (void)order;
    if (root->ending)
        return EBUSY;
    for (struct room *side = conference_first(), *next; side && !error; side = next) {
        next = side->next; /* a side room ends when it is empty */
        if (side->main != root)
            continue;
        any = true;
        error = side_call_back(side);
    }
    return any ? error : ENOENT;
}

void sides_end(struct room *root)
{
    for (struct room *side = conference_first(); side; side = side->next) {
        if (side->main != root || side->ending)
            continue;
        side->ending = true;
        room_dial_no_more(side);
        (void)!room_clear(side, AWAY_ENDED); /* there is always somebody in it */
    }
}

unsigned room_hosts(const struct room *room)
{
    unsigned hosts = room->hosts;

    for (const struct room *side = conference_first(); side && room->kept > 0; side = side->next)
        hosts += side->main == room ? side->hosts : 0;
    return hosts;
}
