/* Who comes and who goes, told to the whole room. */
#include "apps/conference/conference.h"

/* Two notes, upwards for who comes and downwards for who goes; short, so that they cut into no sentence. */
#define TONE_LOW_HZ 1175
#define TONE_HIGH_HZ 1480
#define TONE_MS 90

static void room_tone(const struct room *room, unsigned first_hz, unsigned second_hz)
{
    struct list list = {0};

    list_tone(&list, first_hz, TONE_MS);
    list_tone(&list, second_hz, TONE_MS);
    mix_play(room->server, room->mix, &list);
}

static void room_name(const struct room *room, const struct member *member, const char *what)
{
    struct phrase phrase = {0};
    struct list list = {0};

    name_list(member, &list);
    say(server_prompts(room->server), &phrase, what);
    list_phrase(&list, &phrase);
    mix_play(room->server, room->mix, &list);
}

void room_announce(struct room *room, const struct member *member, bool comes)
{
    if (room->ending || member->away == AWAY_CLEARED || room->row.announce == ANNOUNCE_NONE)
        return;
    /* In a crowd somebody always comes or goes. */
    if (room->row.quiet_above && room->count > room->row.quiet_above)
        return;
    if (comes && room->count < 2)
        return;
    if (room->row.announce == ANNOUNCE_NAMES && name_is_known(member))
        room_name(room, member, comes ? "conf-hasjoin" : "conf-hasleft");
    else if (!comes)
        room_tone(room, TONE_HIGH_HZ, TONE_LOW_HZ);
    else
        room_tone(room, TONE_LOW_HZ, TONE_HIGH_HZ);
}

void room_say(struct room *room, const char *name)
{
    struct phrase phrase = {0};
    struct list list = {0};

    say(server_prompts(room->server), &phrase, name);
    list_phrase(&list, &phrase);
    mix_play(room->server, room->mix, &list);
}
