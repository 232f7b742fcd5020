/* Who comes and who goes, told to the whole room. */
#include "apps/conference/conference.h"

#include "core/base/clock.h"

/* Two notes, upwards for who comes and downwards for who goes; short, so that they cut into no sentence. */
#define TONE_LOW_HZ 1175
#define TONE_HIGH_HZ 1480
#define TONE_MS 90
/* A few who come at once are told each; of a storm nobody wants to hear more than a tone a second. */
#define TONES_AT_ONCE 8
#define TONE_EACH_US 1000000

static void room_tone(const struct room *room, unsigned first_hz, unsigned second_hz)
{
    struct list list = {0};

    list_tone(&list, first_hz, TONE_MS);
    list_tone(&list, second_hz, TONE_MS);
    mix_play(room->server, room->mix, &list);
}

static bool tone_due(struct room *room)
{
    uint64_t now = clock_now_us(), earned = (now - room->tones_us) / TONE_EACH_US;

    if (earned >= TONES_AT_ONCE) {
        room->tones = TONES_AT_ONCE;
        room->tones_us = now;
    } else if (earned > 0) {
        room->tones =
            room->tones + (unsigned)earned < TONES_AT_ONCE ? room->tones + (unsigned)earned : TONES_AT_ONCE;
        room->tones_us += earned * TONE_EACH_US;
    }
    if (room->tones == 0)
        return false;
    room->tones--;
    return true;
}

static void room_words(const struct room *room, struct list *list, const char *name)
{
    const struct prompts *all = server_prompts(room->server), *own = prompts_in(all, room->row.language);
    struct phrase phrase = {0};

    say(own ? own : all, &phrase, name);
    list_phrase(list, &phrase);
}

static void room_name(const struct room *room, const struct member *member, const char *what)
{
    struct list list = {0};

    name_list(member, &list);
    room_words(room, &list, what);
    mix_play(room->server, room->mix, &list);
}

void room_announce(struct room *room, const struct member *member, bool comes)
{
    if (room->ending || member->away == AWAY_CLEARED || room->row.announce == ANNOUNCE_NONE)
        return;
    /* In a crowd somebody always comes or goes. */
    if (room->row.quiet_above && room->count > room->row.quiet_above)
        return;
    if (room->count < 1 || (comes && room->count == 1) || !tone_due(room))
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
    struct list list = {0};

    room_words(room, &list, name);
    mix_play(room->server, room->mix, &list);
}
