/* Whether a room is recorded, and that its members are told so. */
#include "apps/conference/act.h"
#include "apps/conference/menu.h"

#include <string.h>

#define PAGE_HZ 1000
#define PAGE_MS 250
static int room_record_begin(struct room *room, const struct settings *settings)
{
    const struct room_row *row = &room->row;
    const char *record = *row->record ? row->record : settings->room_record;
    const char *format = *row->record_format ? row->record_format : settings->room_record_format;

    char *file = room->recordings[room->recording_count % RECORDINGS_MAX];
    int error = mix_record(room->server, room->mix, room->number, strcmp(record, "tracks") == 0, format, file,
                           RECORDING_NAME);

    room->recording_count += error == 0;
    return error;
}

/* What the room's own row says goes before the server's settings. Once: a host may have stopped it since. */
void conference_record(struct room *room, const struct member *first)
{
    const struct settings *settings = link_settings(first->link);
    const char *record = *first->row.record ? first->row.record : settings->room_record;

    if (strcmp(record, "off") != 0 && room->recording_count == 0)
        room->recorded = room_record_begin(room, settings) == 0;
}

static int room_record_resume(struct room *room)
{
    int error = mix_pause_recording(room->server, room->mix, false);

    if (!error)
        room->paused = false;
    return error;
}

int room_record_act(struct room *room, const struct act_order *order)
{
    int error;

    if (order->act == ACT_RECORD && room->paused)
        return room_record_resume(room);
    if (order->act == ACT_RECORD ? room->recorded : !room->recorded)
        return EALREADY;
    if (order->act == ACT_RECORD) {
        error = room_record_begin(room, server_settings(room->server)); /* all may be in side rooms */
        room->recorded = error == 0;
        return error;
    }
    if (order->act == ACT_PAUSE_RECORDING) {
        error = room->paused ? EALREADY : mix_pause_recording(room->server, room->mix, true);
        room->paused = room->paused || !error;
        return error;
    }
    mix_stop_recording(room->server, room->mix);
    room->recorded = room->paused = false;
    return 0;
}

bool room_is_recorded(const struct room *room)
{
    return (room->recorded && !room->paused) || room->siprec;
}

/* Nobody is recorded unawares: whoever comes in hears it before anything else. */
void member_greet(struct member *member)
{
    const struct prompts *prompts = link_prompts(member->link);
    const struct room *room = member->room;
    struct phrase phrase = {0};
    struct list list = {0};

    if (member->pages)
        list_tone(&list, PAGE_HZ, PAGE_MS); /* speak now */
    if (member->seat == SEAT_IN && (member->moved || (*member->invited && !room->page)))
        say(prompts, &phrase, "conf-placeintoconf");
    if (member->seat == SEAT_WAITING)
        say(prompts, &phrase, waiting_words(room));
    else if (room_is_recorded(room))
        say(prompts, &phrase, "conf-now-recording");
    list_phrase(&list, &phrase);
    if (member->seat == SEAT_IN && !member->pages && (room->count == 1 || room->row.announce_count))
        count_list(member, &list);
    if (list.count > 0) {
        member_hear(member, &list);
        /* That he is alone is of no interest any more once somebody comes. */
        member->busy = room->count > 1 || phrase.count > 0;
    } else if (member->seat == SEAT_WAITING || member->notices) {
        member_settle(member);
    }
}
