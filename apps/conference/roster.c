/* Who is in a room, told to those who watch it (RFC 4575); and who may watch. */
#include "apps/conference/dial.h"
#include "apps/conference/watchers.h"
#include "core/base/clock.h"
#include "core/call/focus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- what is told ---------------------------------------------------------------------------------------- */

static void roster_describe(const struct room *room, bool active)
{
    const struct settings *settings = server_settings(room->server);
    struct conference_state state = {.active = active,
                                     .locked = room->locked,
                                     .count = room->count,
                                     .most = room->row.max_members ? room->row.max_members
                                                                   : settings->max_room_members};

    snprintf(state.name, sizeof state.name, "%s", room->row.name);
    focus_describe(room->server, room->number, &state);
}

static enum conference_status roster_status(const struct member *member)
{
    if (member->seat == SEAT_WAITING)
        return CONFERENCE_PENDING;
    if (member->held)
        return CONFERENCE_ON_HOLD;
    return member_heard(member) ? CONFERENCE_CONNECTED : CONFERENCE_MUTED;
}

static void roster_put(const struct member *member)
{
    const struct request *request = link_request(member->link);
    struct conference_member entry = {
        .id = member->number,
        .host = member->role == ROLE_HOST,
        .invited = *member->invited,
        .status = roster_status(member),
        .speaks = member_heard(member),
        .hears = member->seat == SEAT_IN && !member->deaf && !member->held,
        .since_s = (unsigned)((clock_now_us() - member->joined_us) / 1000000),
    };

    if (*member->caller) {
        entry.who = request->caller;
        snprintf(entry.who.display, sizeof entry.who.display, "%s", member->name);
    }
    focus_put(member->room->server, member->room->number, &entry);
}

/* Who is being called is there, too, under the number that his seat will have. */
static void roster_dials(const struct room *room)
{
    for (const struct dialled *d = room->dialled; d; d = d->next) {
        struct conference_member entry = {.id = d->seat, .status = CONFERENCE_DIALING_OUT, .invited = true};

        if (d->status != 0) {
            if (!room_member(room, d->seat))
                focus_drop(room->server, room->number, d->seat);
            continue;
        }
        snprintf(entry.who.user, sizeof entry.who.user, "%s", d->number);
        snprintf(entry.who.host, sizeof entry.who.host, "%s", server_settings(room->server)->realm);
        focus_put(room->server, room->number, &entry);
    }
}

/* -- who may watch --------------------------------------------------------------------------------------- */

static bool calls_as(const struct member *member, const char *user)
{
    const struct request *request = link_request(member->link);

    return user && request->user && strcmp(request->user, user) == 0;
}

static bool roster_is_for(const struct room_row *row, const struct member *member)
{
    return member->seat == SEAT_IN && (row->roster != ROSTER_HOSTS || member->role == ROLE_HOST);
}

/* `own`: his call into it, when he asks within that; NULL: he may have several. Who waits sees nobody yet. */
static bool roster_shows(const struct room_row *row, const struct room *room, const struct member *own,
                         const char *user)
{
    if (row->roster == ROSTER_ALL || (user && *user && strcmp(row->host, user) == 0))
        return true;
    if (own)
        return roster_is_for(row, own);
    for (const struct member *member = room ? room->members : NULL; member; member = member->next)
        if (calls_as(member, user) && roster_is_for(row, member))
            return true;
    return false;
}

/* One who asks for a room that does not stand: what storage says of it decides. */
struct inquiry {
    struct inquiry *next;
    struct server *server;
    struct ticket ticket;
    char room[NUMBER_TEXT], user[NUMBER_TEXT];
};

static struct inquiry *inquiries; /* signalling thread's */

static void roster_found(struct ticket ticket, int error, const struct room_row *row)
{
    struct inquiry **place = &inquiries, *inquiry;
    struct room_row open;

    while (*place && ((*place)->ticket.owner != ticket.owner || (*place)->ticket.epoch != ticket.epoch))
        place = &(*place)->next;
    inquiry = *place;
    if (!inquiry)
        return;
    *place = inquiry->next;
    room_row_init(&open, inquiry->room);
    if (error == ENOENT) {
        error = 0;
        row = &open;
    }
    if (!error && !roster_shows(row, conference_room(inquiry->room), NULL, inquiry->user))
        error = EACCES;
    focus_judged(inquiry->server, ticket, error, inquiry->room);
    free(inquiry);
}

static int roster_ask(struct server *server, const char *room, const char *user, struct ticket ticket)
{
    struct inquiry *inquiry = calloc(1, sizeof *inquiry);
    int error;

    if (!inquiry)
        return ENOMEM;
    *inquiry = (struct inquiry){.next = inquiries, .server = server, .ticket = ticket};
    snprintf(inquiry->room, sizeof inquiry->room, "%s", room);
    snprintf(inquiry->user, sizeof inquiry->user, "%s", user);
    inquiries = inquiry;
    error = room_find(server_storage(server), room, ticket, roster_found);
    if (error) {
        inquiries = inquiry->next;
        free(inquiry);
    }
    return error;
}

void roster_stop(struct server *server)
{
    (void)server;
    while (inquiries) {
        struct inquiry *inquiry = inquiries;

        inquiries = inquiry->next;
        free(inquiry);
    }
}

/* A trusted peer watches for its own users, and sees to it which of them may. */
static void roster_judge(struct server *server, const struct focus_watcher *who, struct ticket ticket)
{
    const struct member *own = who->link ? link_state(who->link) : NULL;
    const struct room *room = own ? own->room : NULL;
    const char *name = own ? own->row.number : conference_wanted(who->number, who->argument);
    int error = 0;

    if (who->link && !room)
        error = EACCES; /* still at the door */
    else if (!own && who->peer && !settings_trusts(server_settings(server), who->peer))
        error = EACCES;
    else if (!*name || strlen(name) >= NUMBER_TEXT)
        error = ENOENT;
    if (!error && !own)
        room = conference_room(name);
    if (!error && room && !(who->peer && !own))
        error = roster_shows(&room->row, room, own, who->user) ? 0 : EACCES;
    else if (!error && !room && !who->peer) {
        error = roster_ask(server, name, who->user ? who->user : "", ticket);
        if (!error)
            return;
    }
    focus_judged(server, ticket, error, room ? room->number : name);
}

static void roster_list(struct server *server, const char *number)
{
    const struct room *room = conference_room(number);

    (void)server;
    if (!room)
        return;
    roster_describe(room, true);
    for (const struct member *member = room->members; member; member = member->next)
        roster_put(member);
    roster_dials(room);
}

static bool roster_names(const char *number, const char *argument)
{
    return *conference_wanted(number, argument) != '\0';
}

const struct focus conference_focus = {.names = roster_names, .judge = roster_judge, .list = roster_list};

/* -- news ------------------------------------------------------------------------------------------------ */

/* Who has left, or is no host any more, watches no longer, unless he may in his own right or by another
 * phone. */
static void roster_blind(const struct room *room, const struct member *member)
{
    const char *user = link_request(member->link)->user;

    if (user && roster_shows(&room->row, room, NULL, user))
        user = NULL;
    focus_left(room->server, room->number, member->link, user);
}

/* A lock, a lecture and the like may have changed how all are heard; what is as it was is not told. */
static void roster_all(const struct room *room)
{
    for (const struct member *member = room->members; member; member = member->next)
        roster_put(member);
}

void roster_watch(struct room *room, struct member *member, enum room_news news)
{
    switch (news) {
    case ROOM_CHANGED:
        roster_all(room);
        break;
    case ROOM_ENDED:
        if (room->fleeting) {
            focus_gone(room->server, room->number);
            return;
        }
        roster_describe(room, false);
        return;
    case MEMBER_CHANGED:
        if (!roster_shows(&room->row, room, member, link_request(member->link)->user))
            roster_blind(room, member);
        roster_put(member);
        break;
    case MEMBER_CAME:
        roster_put(member);
        break;
    case MEMBER_LEFT:
        focus_drop(room->server, room->number, member->number);
        roster_blind(room, member);
        break;
    case ROOM_DIALS:
        roster_dials(room);
        break;
    case MEMBER_TALKS:
        return;
    case ROOM_BEGAN:
        break;
    }
    roster_describe(room, true);
}
