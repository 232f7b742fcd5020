/* The rooms that stand and who is in them. A room is made on the first entry and ends with its last member.
 */
#include "apps/conference/conference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two notes, upwards for who comes and downwards for who goes; short, so that they cut into no sentence. */
#define TONE_LOW_HZ 1175
#define TONE_HIGH_HZ 1480
#define TONE_MS 90

static struct room *rooms; /* signalling thread's, as all of this */
static unsigned room_count;

static void room_tone(const struct room *room, unsigned first_hz, unsigned second_hz)
{
    struct list list = {0};

    list_tone(&list, first_hz, TONE_MS);
    list_tone(&list, second_hz, TONE_MS);
    mix_play(room->server, room->mix, &list);
}

struct room *conference_room(const char *number)
{
    struct room *room = rooms;

    while (room && strcmp(room->number, number) != 0)
        room = room->next;
    return room;
}

static bool room_chooses(enum room_choice choice, bool usual)
{
    return choice == ROOM_AS_SERVER ? usual : choice == ROOM_YES;
}

/* The first one in brings what storage knew of the room; later ones bring their own copy. */
static int room_make(struct room **out, const struct member *member)
{
    const struct settings *settings = link_settings(member->link);
    struct room *room = calloc(1, sizeof *room);

    if (!room)
        return ENOMEM;
    room->server = link_server(member->link);
    room->open = !member->row.has_pin;
    snprintf(room->number, sizeof room->number, "%s", member->row.number);
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
    *out = room;
    return 0;
}

/* The number is free again at once: who calls it next makes a new room. */
static void room_end(struct room *room)
{
    struct room **at = &rooms;

    while (*at != room)
        at = &(*at)->next;
    *at = room->next;
    room_count--;
    mix_close(room->server, room->mix);
    log_event(LEVEL_INFO, "conference", NULL, "room-ended room=%s", room->number);
    free(room);
}

int conference_admits(const struct member *member)
{
    const struct settings *settings = link_settings(member->link);
    const struct room *room = conference_room(member->row.number);
    unsigned most = member->row.max_members ? member->row.max_members : settings->max_room_members;

    if (!room)
        return room_count < settings->max_rooms ? 0 : EAGAIN;
    return room->count < most ? 0 : ENOSPC;
}

int conference_join(struct member *member)
{
    struct room *room = conference_room(member->row.number);
    int error = conference_admits(member);

    if (!error && !room)
        error = room_make(&room, member);
    if (error)
        return error;
    member->room = room;
    member->next = room->members;
    room->members = member;
    room->count++;
    link_enter(member->link, room->mix);
    if (room->denoise)
        link_denoise(member->link, true);
    if (room->count == 1)
        conference_record(room, member);
    link_log(member->link, LEVEL_INFO, "room-entered room=%s members=%u moderator=%d", room->number,
             room->count, member->moderator);
    /* After the entry, so that the newcomer hears it too and knows that he is in. */
    if (room->count > 1)
        room_tone(room, TONE_LOW_HZ, TONE_HIGH_HZ);
    if (room->count == 2)
        member_settle(member->next); /* he waited with music */
    return 0;
}

void conference_leave(struct member *member)
{
    struct room *room = member->room;

    if (!room)
        return;
    struct member **at = &room->members;
    while (*at != member)
        at = &(*at)->next;
    *at = member->next;
    member->room = NULL;
    room->count--;
    link_log(member->link, LEVEL_INFO, "room-left room=%s members=%u", room->number, room->count);
    if (room->count == 0) {
        room_end(room);
        return;
    }
    room_tone(room, TONE_HIGH_HZ, TONE_LOW_HZ);
    if (room->count == 1)
        member_settle(room->members); /* music again; he has been told once */
}
