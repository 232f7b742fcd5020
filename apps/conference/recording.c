/* Whether a room is recorded, and that its members are told so. */
#include "apps/conference/conference.h"

#include <string.h>

/* What the room's own row says goes before the server's settings. */
void conference_record(struct room *room, const struct member *first)
{
    const struct settings *settings = link_settings(first->link);
    const char *record = *first->row.record ? first->row.record : settings->room_record;
    const char *format = *first->row.record_format ? first->row.record_format : settings->room_record_format;

    if (strcmp(record, "off") != 0)
        room->recorded =
            mix_record(room->server, room->mix, room->number, strcmp(record, "tracks") == 0, format) == 0;
}

/* Nobody is recorded unawares: whoever comes in hears it before anything else. */
void member_greet(struct member *member, link_step *then)
{
    const struct prompts *prompts = server_prompts(link_server(member->link));
    struct phrase phrase = {0};
    struct list list = {0};

    if (member->moved)
        say(prompts, &phrase, "conf-placeintoconf");
    if (member->room->recorded)
        say(prompts, &phrase, "conf-now-recording");
    if (member->seat == SEAT_WAITING)
        say(prompts, &phrase, "conf-waitforleader");
    else if (member->room->count == 1)
        say(prompts, &phrase, "conf-onlyperson");
    list_phrase(&list, &phrase);
    if (list.count > 0)
        link_play(member->link, &list, then);
    else if (member->seat == SEAT_WAITING)
        member_settle(member);
}
