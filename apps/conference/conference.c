/* Conferences: which room a call wants, and whether it may come in. */
#include "apps/conference/conference.h"
#include "apps/conference/menu.h"
#include "apps/conference/notice.h"

#include "apps/apps.h"
#include "apps/conference/dial.h"
#include "apps/conference/watchers.h"
#include "core/base/clock.h"
#include "core/call/focus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_PREFIX "profile="
#define ASK "ask"
#define SERVICE "service"
#define SERVICE_PREFIX "conf=" /* RFC 4240 §5: sip:conf=NAME@… */
#define FACTORY "factory"
#define MAKER_ARGUMENT "=maker" /* the core makes a room of a call, for those who were in it */
#define FACTORY_BYTES 16

/*
 * Which room a row of the number plan means, for what was dialled: that number itself, of a profile or not;
 * another one that it names; or the service's name.
 */
const char *conference_wanted(const char *number, const char *argument)
{
    if (!*argument || strncmp(argument, PROFILE_PREFIX, strlen(PROFILE_PREFIX)) == 0)
        return number;
    if (strcmp(argument, FACTORY) == 0 || strcmp(argument, ASK) == 0)
        return "";
    if (strcmp(argument, SERVICE) != 0 && strcmp(argument, MAKER_ARGUMENT) != 0)
        return argument;
    return strncmp(number, SERVICE_PREFIX, strlen(SERVICE_PREFIX)) == 0 ? number + strlen(SERVICE_PREFIX)
                                                                        : "";
}

/* The same for who calls it. `number` stays "" where he is to be asked. False: none. */
static bool room_wanted(struct door_caller *asks, const char *number, const char *argument)
{
    const char *wanted = conference_wanted(number, argument);

    if (strncmp(argument, PROFILE_PREFIX, strlen(PROFILE_PREFIX)) == 0)
        snprintf(asks->profile, sizeof asks->profile, "%s", argument + strlen(PROFILE_PREFIX));
    if (strcmp(argument, ASK) == 0)
        return true;
    if (!*wanted || strlen(wanted) >= sizeof asks->number)
        return false;
    snprintf(asks->number, sizeof asks->number, "%s", wanted);
    return true;
}

/*
 * RFC 4579 §3.2: a room that nobody can know of but by whom its maker tells. It is one of RFC 4240's, so that
 * the number plan's row for those leads others there.
 */
static const char *conference_made(struct link *link, char name[NUMBER_TEXT])
{
    const struct number_settings *row;

    snprintf(name, NUMBER_TEXT, SERVICE_PREFIX);
    random_hex(name + strlen(SERVICE_PREFIX), FACTORY_BYTES);
    row = settings_number(link_settings(link), name);
    if (row && strcmp(row->application, "conference") == 0 && strcmp(row->argument, SERVICE) == 0)
        return name + strlen(SERVICE_PREFIX);
    link_log(link, LEVEL_ERROR,
             "factory-unreachable needs=\"number conf=. for conference, argument service\"");
    return "";
}

void conference_choose(struct member *member, const char *digits)
{
    const struct number_settings *row = settings_number(link_settings(member->link), digits);
    struct door_caller *asks = &member->asks;

    *asks->number = *asks->profile = '\0';
    member->found = false;
    member->planned = row && strcmp(row->application, "conference") == 0 &&
                      room_wanted(asks, digits, row->argument) && *asks->number;
    if (!member->planned) {
        *asks->profile = '\0';
        snprintf(asks->number, sizeof asks->number, "%s", digits);
    }
    room_row_init(&member->row, asks->number);
    link_set_focus(member->link, digits);
}

/* By what he is known again, thrown out and locked out. */
static void caller_name(struct door_caller *asks, const struct link *link, const struct request *request)
{
    struct guesser from;

    link_guesser(link, &from);
    if (request->user)
        snprintf(asks->user, sizeof asks->user, "%s", request->user);
    snprintf(asks->caller, sizeof asks->caller, "%s", from.caller);
    snprintf(asks->address, sizeof asks->address, "%s", from.address);
    asks->known = *asks->caller && (request->user || settings_trusts(link_settings(link), request->peer));
}

void conference_known(struct member *member, const struct room_row *row, const struct door *door)
{
    member_take_row(member, row);
    member->door = *door;
    if (conference_room(row->number) || keep_is_ending(row->number))
        member_resumes_nothing(member);
    if (door->recognised)
        member->role = door->role;
    if (*door->name)
        snprintf(member->name, sizeof member->name, "%s", door->name);
}

/*
 * Without a row the room is open. While the database is away only a room that is known to ask for no PIN,
 * because somebody is in it, may be entered: any other might have one.
 */
static void conference_found(struct ticket ticket, int error, const struct room_row *row,
                             const struct door *door)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct member *member = link_state(link);
    const struct room *room = conference_room(member->row.number);
    member->found = true;
    if (error == 0) {
        conference_known(member, row, door);
    } else if (!(room && room->open)) {
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
    struct door_caller asks = {0};
    char made[NUMBER_TEXT];
    bool maker = strcmp(request->argument, FACTORY) == 0;
    struct member *member;

    if (strncmp(request->argument, DIAL_ARGUMENT, strlen(DIAL_ARGUMENT)) == 0) {
        dial_arrived(link, request);
        return;
    }
    if (strcmp(request->argument, PAGE_ARGUMENT) == 0) {
        page_begin(link, request);
        return;
    }
    if (maker)
        snprintf(asks.number, sizeof asks.number, "%s", conference_made(link, made));
    if (maker ? !*asks.number : !room_wanted(&asks, request->number, request->argument)) {
        link_reject(link, maker ? 503 : 404, NULL);
        return;
    }
    member = calloc(1, sizeof *member);
    if (!member) {
        link_reject(link, 500, NULL);
        return;
    }
    member->link = link;
    member->how = "dialled";
    member->maker = maker;
    member->role = maker || strcmp(request->argument, MAKER_ARGUMENT) == 0 ? ROLE_HOST : ROLE_MEMBER;
    caller_name(&asks, link, request);
    member->asks = asks;
    room_row_init(&member->row, asks.number);
    snprintf(member->caller, sizeof member->caller, "%s", request->anonymous ? "" : request->caller.user);
    snprintf(member->name, sizeof member->name, "%s", request->anonymous ? "" : request->caller.display);
    link_set_state(link, member);
    if (*asks.number)
        link_set_focus(link, maker ? made : request->number);
    if (!*asks.number)
        link_answer(link);
    else if (door_find(server_storage(link_server(link)), &asks, link_ticket(link), conference_found) != 0)
        link_reject(link, 503, NULL);
}

/* The room may have filled up since he was called. */
static void conference_called(struct member *member)
{
    int error = conference_admits(member);

    if (*member->invited)
        dial_settle(member, error ? 480 : 200);
    if (error)
        member_refuse(member, error);
    else
        member_enter(member);
}

static void conference_answered(struct link *link)
{
    struct member *member = link_state(link);

    if (*member->invited || member->pages)
        conference_called(member);
    else if (member->found)
        entry_start(member);
    else
        entry_choose(member);
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
    } else if (!member->asking) {
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
    move_forget(member);
    name_forget(member);
    free(member);
}

static void conference_stop(struct server *server)
{
    roster_stop(server);
    desk_rooms_stop(server);
    keep_stop(server);
}

const struct app conference_app = {
    .name = "conference",
    .lists = true,
    .focus = &conference_focus,
    .rooms = &conference_rooms,
    .referred = conference_referred,
    .asked = conference_asked,
    .judge = menus_judge,
    .stop = conference_stop,
    .invited = conference_invited,
    .answered = conference_answered,
    .heard = conference_heard,
    .held = conference_held,
    .talks = conference_talks,
    .ended = conference_ended,
};
