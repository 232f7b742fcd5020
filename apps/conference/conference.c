/* Conferences: which room a call wants, and whether it may come in. */
#include "apps/conference/conference.h"
#include "apps/conference/menu.h"
#include "apps/conference/notice.h"

#include "apps/apps.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_PREFIX "conf=" /* RFC 4240 §5: sip:conf=NAME@… */

/* The room's number: what was dialled, the service's name, or what the number plan's row says. */
static const char *conference_wanted(const struct request *request)
{
    if (!*request->argument)
        return request->number;
    if (strcmp(request->argument, "service") != 0)
        return request->argument;
    if (strncmp(request->number, SERVICE_PREFIX, strlen(SERVICE_PREFIX)) != 0)
        return "";
    return request->number + strlen(SERVICE_PREFIX);
}

/*
 * Without a row the room is open. While the database is away only a room that is known to ask for no PIN,
 * because somebody is in it, may be entered: any other might have one.
 */
static void conference_found(struct ticket ticket, int error, const struct room_row *row)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct member *member = link_state(link);
    const struct room *room = conference_room(member->row.number);
    if (error == 0) {
        member->row = *row;
    } else if (error != ENOENT && !(room && room->open)) {
        link_log(link, LEVEL_ERROR, "room-unknown room=%s error=%d", member->row.number, error);
        link_reject(link, 503, NULL);
        return;
    }
    if (conference_admits(member) == EAGAIN) {
        link_log(link, LEVEL_WARNING, "rooms-exhausted room=%s", member->row.number);
        link_reject(link, 503, NULL);
        return;
    }
    link_answer(link);
}

static void conference_invited(struct link *link, const struct request *request)
{
    const char *number = conference_wanted(request);
    struct member *member;

    if (!*number || strlen(number) >= NUMBER_TEXT) {
        link_reject(link, 404, NULL);
        return;
    }
    member = calloc(1, sizeof *member);
    if (!member) {
        link_reject(link, 500, NULL);
        return;
    }
    member->link = link;
    room_row_init(&member->row, number);
    snprintf(member->caller, sizeof member->caller, "%s", request->anonymous ? "" : request->caller.user);
    snprintf(member->name, sizeof member->name, "%s", request->anonymous ? "" : request->caller.display);
    link_set_state(link, member);
    if (room_find(server_storage(link_server(link)), number, link_ticket(link), conference_found) != 0)
        link_reject(link, 503, NULL);
}

/* The room may have filled up since the request came. */
static void conference_answered(struct link *link)
{
    struct member *member = link_state(link);
    int error = conference_admits(member);

    if (error)
        member_refuse(member, error); /* before the PIN is asked for in vain */
    else if (member->row.has_pin || member->row.has_moderator_pin)
        entry_ask(member);
    else
        member_enter(member);
}

static void conference_held(struct link *link, bool held)
{
    struct member *member = link_state(link);

    member->held = held;
    member_voice(member);
    if (member->room)
        room_tell(member->room, member, MEMBER_CHANGED);
}

/* Who left the room in the same moment has no room any more. */
static void conference_talks(struct link *link, bool talks, bool muted)
{
    struct member *member = link_state(link);

    if (!member->room)
        return;
    link_log(link, LEVEL_DEBUG, "talk room=%s %s%s", member->room->number, talks ? "on" : "off",
             muted ? " muted" : "");
    if (talks && muted)
        member_talks_in_vain(member);
    talks = talks && !muted;
    if (member->talks == talks)
        return;
    if (talks)
        member->talks_us = clock_now_us();
    else
        member->talk_us += clock_now_us() - member->talks_us;
    member->talks = talks;
    room_tell(member->room, member, MEMBER_TALKS);
}

/* Also for a call that was refused, or that never came as far as a room. */
static void conference_ended(struct link *link)
{
    struct member *member = link_state(link);

    if (!member)
        return;
    conference_leave(member);
    move_forget(member);
    name_forget(member);
    free(member);
}

const struct app conference_app = {
    .name = "conference",
    .judge = menus_judge,
    .invited = conference_invited,
    .answered = conference_answered,
    .held = conference_held,
    .talks = conference_talks,
    .ended = conference_ended,
};
