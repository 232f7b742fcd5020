/* The rooms that stand and who is in them. A room is made on the first arrival and ends with its last member.
 */
#include "apps/conference/conference.h"
#include "apps/conference/notice.h"

#include "apps/conference/dial.h"
#include "apps/conference/watchers.h"
#include "core/base/clock.h"
#include "core/base/loop.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct room *rooms; /* signalling thread's, as all of this */
static unsigned room_count;

struct room *conference_first(void)
{
    return rooms;
}

struct room *conference_room(const char *number)
{
    struct room *room = rooms;

    while (room && strcmp(room->number, number) != 0)
        room = room->next;
    return room;
}

struct room *room_root(const struct room *room)
{
    return room->main ? room->main : (struct room *)(uintptr_t)room;
}

struct member *room_member(const struct room *room, unsigned number)
{
    struct member *member = room->members;

    while (member && member->number != number)
        member = member->next;
    return member;
}

void room_tell(struct room *room, struct member *member, enum room_news news)
{
    for (room_watcher *const *watcher = room_watchers; *watcher; watcher++)
        (*watcher)(room, member, news);
}

static bool room_chooses(enum room_choice choice, bool usual)
{
    return choice == ROOM_AS_SERVER ? usual : choice == ROOM_YES;
}

void room_hold(struct room *room)
{
    room->kept++;
}

void member_resumes_nothing(struct member *member)
{
    member->door.resumes = member->door.locked = member->door.lecture = member->door.all_muted = false;
}

/* The first one brings what storage knew of the room; later ones bring their own copy. `root`: a side room of
 * it. */
static int room_make(struct room **out, const struct member *member, struct room *root)
{
    const struct settings *settings = link_settings(member->link);
    struct room *room = calloc(1, sizeof *room);

    if (!room)
        return ENOMEM;
    room->server = link_server(member->link);
    room->row = member->row;
    room->open = !member->row.has_pin;
    room->fleeting = member->maker;
    room->locked = member->door.locked;
    room->lecture = member->door.resumes ? member->door.lecture : member->row.lecture;
    room->all_muted = member->door.all_muted;
    room->page = member->pages;
    room->began_us = clock_now_us();
    snprintf(room->number, sizeof room->number, "%s", member->row.number);
    random_hex(room->id, (CONFERENCE_ID - 1) / 2);
    int error = mix_open(room->server, &room->mix);
    if (error) {
        free(room);
        return error;
    }
    if (room_chooses(member->row.loudness, settings->room_loudness))
        mix_set_loudness(room->server, room->mix, true);
    room->denoise = room_chooses(member->row.denoise, settings->room_denoise);
    room->next = rooms;
    rooms = room;
    room_count++;
    room->main = root;
    if (root)
        room_hold(root);
    room_tell(room, NULL, ROOM_BEGAN);
    *out = room;
    return 0;
}

/* The number is free again at once: who calls it next makes a new room. */
static void room_end(struct room *room)
{
    struct room **at = &rooms, *main = room->main;

    while (*at != room)
        at = &(*at)->next;
    *at = room->next;
    room_count--;
    room_dial_no_more(room);
    room_tell(room, NULL, ROOM_ENDED);
    timer_stop(&room->clearing);
    mix_close(room->server, room->mix);
    log_event(LEVEL_INFO, "conference", NULL, "room-ended room=%s", room->number);
    free(room);
    if (main)
        room_release(main);
}

void room_release(struct room *room)
{
    if (--room->kept == 0 && !room->members)
        room_end(room);
}

int conference_admits(const struct member *member)
{
    const struct settings *settings = link_settings(member->link);
    const struct room *room = conference_room(member->row.number);
    unsigned most = member->row.max_members ? member->row.max_members : settings->max_room_members;

    if (!room && room_count >= settings->max_rooms)
        return EAGAIN;
    /* Who was called does not begin a conference of his own when that one has ended meanwhile. */
    if (*member->invited && (!room || strcmp(room->id, member->invited) != 0))
        return EAGAIN;
    if (room && room->main && !*member->invited)
        return EBUSY; /* nobody dials into a side room */
    /* Who was in a moment ago was cut off; a lock is not meant for him. */
    if ((room ? room->locked : member->door.locked) && member->role != ROLE_HOST && !member->door.returns &&
        !*member->invited)
        return EBUSY;
    if (room && room->ending)
        return EBUSY;
    return !room || room->count + room->waiting < most ? 0 : ENOSPC;
}

/* Into the mix; the tone after it, so that the newcomer hears it too and knows that he is in. */
static void room_bring_in(struct room *room, struct member *member)
{
    member->seat = SEAT_IN;
    room->count++;
    if (member->role == ROLE_HOST)
        room->hosts++;
    link_enter(member->link, room->mix);
    if (member->denoised != room->denoise)
        link_denoise(member->link, room->denoise);
    member->denoised = room->denoise;
    member_voice(member);
    if (room->count == 1 && !room->recorded)
        conference_record(room, member);
    link_log(member->link, LEVEL_INFO, "room-entered room=%s members=%u role=%s", room->number, room->count,
             member->role == ROLE_HOST ? "host" : "member");
    room_announce(room, member, true);
    if (room->count == 2)
        for (struct member *other = room->members; other; other = other->next)
            if (other != member && other->seat == SEAT_IN)
                member_settle(other); /* he waited with music */
}

static bool room_makes_wait(const struct room *room, const struct member *member)
{
    if (member->role == ROLE_HOST)
        return false;
    return (room->row.waiting == WAITING_ADMIT && !member->door.returns && !*member->invited) ||
           (room->row.waiting == WAITING_HOST && room_hosts(room) == 0);
}

static void room_seat(struct room *room, struct member *member, bool waits)
{
    member->room = room;
    member->prev = NULL;
    member->next = room->members;
    if (room->members)
        room->members->prev = member;
    room->members = member;
    if (member->number == 0)
        member->number = ++room->seats; /* who was called has had it since */
    member->joined_us = clock_now_us();
    if (waits) {
        member->seat = SEAT_WAITING;
        room->waiting++;
        link_log(member->link, LEVEL_INFO, "room-waits room=%s waiting=%u", room->number, room->waiting);
        room_notice_hosts(room, NOTICE_WAITS);
    } else {
        room_bring_in(room, member);
    }
    room_tell(room, member, MEMBER_CAME);
    /* A host has come: they need wait no longer. */
    if (member->role == ROLE_HOST && room->row.waiting == WAITING_HOST)
        room_let_all_in(room);
    else if (member->role == ROLE_HOST && room->waiting > 0)
        member->notices |= 1u << NOTICE_WAITS; /* after the words on entry */
}

int conference_join(struct member *member)
{
    struct room *room = conference_room(member->row.number);
    int error = conference_admits(member);

    if (!error && !room)
        error = room_make(&room, member, NULL);
    if (error)
        return error;
    member_resumes_nothing(member); /* it goes on now: what its host does from here on is his affair */
    if (member->door.returns)
        member->muted = member->door.was_muted;
    else
        member->muted = member->muted || (room->row.muted_entry && member->role != ROLE_HOST);
    room_seat(room, member, room_makes_wait(room, member));
    return 0;
}

/* What is his in one conference only: his hand, the floor, how long he talked. */
static void member_unpack(struct member *member)
{
    if (member->talks)
        member->talk_us += clock_now_us() - member->talks_us;
    member->talks = false;
    member->moves = true;
    conference_leave(member);
    member->moves = false;
    member->number = 0;
    member->talk_us = 0;
    member->floor = false;
    member->raised = 0;
}

int conference_move(struct member *member, const struct room_row *row, enum room_role role, struct room *root)
{
    const struct member before = *member;
    struct room *room = conference_room(row->number);
    int error = 0;

    member_take_row(member, row);
    member->role = role;
    member->door = (struct door){0}; /* what the door of one room said opens no other */
    if (!root)
        *member->invited = '\0'; /* nor does a call into it */
    /* Side rooms have no door. */
    if (!root)
        error = conference_admits(member);
    else if (root->ending || (room && room->ending))
        error = EBUSY;
    else if (!room && room_count >= link_settings(member->link)->max_rooms)
        error = EAGAIN;
    if (!error && !room)
        error = room_make(&room, member, root);
    if (error) {
        *member = before;
        member_take_row(member, &before.row); /* its language was the other's */
        return error;
    }
    member->role = before.role; /* he leaves as what he was */
    room_hold(room);
    member_unpack(member);
    member->moved = true;
    member->role = role;
    bool waits = !root && room_makes_wait(room, member);
    member->muted = member->muted || (!root && room->row.muted_entry && role != ROLE_HOST);
    if (waits)
        link_enter(member->link, 0);
    room_seat(room, member, waits);
    room_release(room);
    member_arrive(member);
    return 0;
}

void room_let_in(struct member *member)
{
    struct room *room = member->room;

    room->waiting--;
    room_bring_in(room, member);
    room_tell(room, member, MEMBER_CHANGED);
    waiting_over(member);
}

void conference_leave(struct member *member)
{
    struct room *room = member->room;

    if (!room)
        return;
    *(member->prev ? &member->prev->next : &room->members) = member->next;
    if (member->next)
        member->next->prev = member->prev;
    if (member->seat == SEAT_IN) {
        room->count--;
        if (member->role == ROLE_HOST)
            room->hosts--;
    } else {
        room->waiting--;
    }
    link_log(member->link, LEVEL_INFO, "room-left room=%s members=%u", room->number, room->count);
    pair_part(room, member);
    room_tell(room, member, MEMBER_LEFT);
    member->room = NULL;
    if (!room->members) {
        if (room->kept == 0)
            room_end(room);
        return;
    }
    if (member->seat != SEAT_IN)
        return;
    room_announce(room, member, false);
    if (room->count == 1)
        for (struct member *other = room->members; other; other = other->next)
            if (other->seat == SEAT_IN)
                member_settle(other); /* music again; he has been told once */
}
