/* Conferences: which room a call wants, and whether it may come in. */
#include "apps/conference/conference.h"

#include "apps/apps.h"
#include "apps/conference/dial.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_PREFIX "conf="  /* RFC 4240 §5: sip:conf=NAME@… */
#define MAKER_ARGUMENT "=maker" /* the core makes a room of a call, for those who were in it */

/* The room's number: what was dialled, the service's name, or what the number plan's row says. */
const char *conference_wanted(const char *number, const char *argument)
{
    if (!*argument)
        return number;
    if (strcmp(argument, "service") != 0 && strcmp(argument, MAKER_ARGUMENT) != 0)
        return argument;
    if (strncmp(number, SERVICE_PREFIX, strlen(SERVICE_PREFIX)) != 0)
        return "";
    return number + strlen(SERVICE_PREFIX);
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
    const struct request *request = link_request(link);
    int status = request->recipients ? guests_read(member, request) : 0;
    if (status)
        link_reject(link, status, NULL);
    else
        link_answer(link);
}

static void conference_invited(struct link *link, const struct request *request)
{
    const char *number = conference_wanted(request->number, request->argument);
    struct member *member;

    if (strncmp(request->argument, DIAL_ARGUMENT, strlen(DIAL_ARGUMENT)) == 0) {
        dial_arrived(link, request);
        return;
    }
    if (strcmp(request->argument, PAGE_ARGUMENT) == 0) {
        page_begin(link, request);
        return;
    }
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
    if (strcmp(request->argument, MAKER_ARGUMENT) == 0)
        member->role = ROLE_HOST;
    link_set_state(link, member);
    if (room_find(server_storage(link_server(link)), number, link_ticket(link), conference_found) != 0)
        link_reject(link, 503, NULL);
}

/* Who was called does not begin a conference of his own when that one has ended meanwhile. */
static bool conference_is_gone(const struct member *member)
{
    const struct room *room = conference_room(member->row.number);

    return *member->invited && (!room || strcmp(room->id, member->invited) != 0);
}

/* The room may have filled up since the request came. */
static void conference_answered(struct link *link)
{
    struct member *member = link_state(link);
    int error = conference_is_gone(member) ? EAGAIN : conference_admits(member);

    if (*member->invited)
        dial_settle(member, error ? 480 : 200);
    if (error)
        member_refuse(member, error); /* before the PIN is asked for in vain */
    else if (*member->invited || member->pages)
        member_enter(member);
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

/* Another phone has taken his seat (RFC 3891): who he is in the room stays, and what its port was told is
 * told to the new one. */
static bool conference_heard(struct link *link, const struct news *news)
{
    struct member *member = link_state(link);

    if (news->kind != NEWS_TRANSFERRED || !news->by_caller || !member)
        return false;
    if (member->room) {
        conference_talks(link, false, false);
        member_reseat(member);
    } else {
        conference_answered(link); /* at the door: asked anew */
    }
    return false;
}

/* Also for a call that was refused, or that never came as far as a room. */
static void conference_ended(struct link *link)
{
    struct member *member = link_state(link);

    if (!member)
        return;
    struct room *page = member->pages && member->room && member->room->members->next ? member->room : NULL;
    conference_leave(member);
    if (page)
        page_end(page);
    if (*member->invited)
        dial_settle(member, 487);
    free(member->guests);
    free(member);
}

const struct app conference_app = {
    .name = "conference",
    .lists = true,
    .referred = conference_referred,
    .asked = conference_asked,
    .invited = conference_invited,
    .answered = conference_answered,
    .heard = conference_heard,
    .held = conference_held,
    .talks = conference_talks,
    .ended = conference_ended,
};
