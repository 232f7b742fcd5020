/*
 * Words for one member alone that come from what others do: kept until he is free to hear them, so that they
 * cut into neither a menu nor words that play already. What is not true any more by then is not said.
 */
#include "apps/conference/act.h"
#include "apps/conference/menu.h"
#include "apps/conference/notice.h"

#include "core/base/clock.h"

#define MUTED_EVERY_US (30 * 1000000ull)
/* Discreet: low, short, and only hosts hear it. */
#define HAND_HZ 660
#define HAND_MS 80

/* "To let them in, press star, five, one": where one of these acts lies in his menu, if it does. */
static void notice_keys(const struct member *member, struct list *list, const char *name,
                        const char *const *acts)
{
    struct phrase phrase = {0};
    char keys[MENU_PATH];

    if (!menu_path(member, acts, keys))
        return;
    member_words(member, list, name);
    say_digits(link_prompts(member->link), &phrase, keys);
    list_phrase(list, &phrase);
}

static void notice_waiting(const struct member *member, struct list *list)
{
    static const char *const acts[] = {"admit-next", "admit-all", NULL};
    unsigned count;
    const struct member *first = room_first_waiting(member->room, &count);
    struct phrase phrase = {0};

    if (!first)
        return;
    if (count > 1) {
        say_number(link_prompts(member->link), &phrase, count);
        list_phrase(list, &phrase);
        member_words(member, list, "conf-people-wait");
    } else if (name_is_known(first)) {
        name_list(first, list);
        member_words(member, list, "conf-is-waiting");
    } else {
        member_words(member, list, "conf-somebody-waits");
    }
    notice_keys(member, list, "conf-to-admit", acts);
}

static void notice_lecture(const struct member *member, struct list *list)
{
    static const char *const acts[] = {"raise-toggle", "raise", NULL};

    if (member_heard(member))
        return;
    member_words(member, list, "conf-lecture");
    if (member->raised == 0)
        notice_keys(member, list, "conf-ask-floor", acts);
}

static bool room_has_hand(const struct room *room)
{
    const struct member *member = room->members;

    while (member && member->raised == 0)
        member = member->next;
    return member != NULL;
}

static void notice_words(const struct member *member, enum notice notice, struct list *list)
{
    switch (notice) {
    case NOTICE_MUTED:
        member_words(member, list, member->muted ? "conf-muted" : "conf-unmuted");
        break;
    case NOTICE_FLOOR:
        member_words(member, list, member->floor ? "conf-floor-yours" : "conf-floor-back");
        break;
    case NOTICE_HOST:
        if (member->role == ROLE_HOST)
            member_words(member, list, "conf-host-now");
        break;
    case NOTICE_LECTURE:
        notice_lecture(member, list);
        break;
    case NOTICE_TALKS:
        if (!member_heard(member))
            member_words(member, list, "conf-you-are-muted");
        break;
    case NOTICE_HAND:
        if (!room_has_hand(member->room))
            break;
        list_tone(list, HAND_HZ, HAND_MS);
        list_silence(list, HAND_MS);
        list_tone(list, HAND_HZ, HAND_MS);
        break;
    case NOTICE_WAITS:
        notice_waiting(member, list);
        break;
    case NOTICE_COUNT:
        break;
    }
}

bool member_hears_notice(struct member *member)
{
    for (unsigned i = 0; i < NOTICE_COUNT && member->seat == SEAT_IN; i++) {
        struct list list = {0};

        if (!(member->notices & 1u << i))
            continue;
        member->notices &= ~(1u << i);
        notice_words(member, (enum notice)i, &list);
        if (list.count == 0)
            continue;
        member_hear(member, &list);
        return true;
    }
    return false;
}

void member_notice(struct member *member, enum notice notice)
{
    member->notices |= 1u << notice;
    if (member->seat == SEAT_IN && !member->busy && !member->in_menu && member->away == AWAY_NOT)
        (void)member_hears_notice(member);
}

void room_notice_hosts(struct room *room, enum notice notice)
{
    for (struct member *member = room->members; member; member = member->next)
        if (member->role == ROLE_HOST && member->seat == SEAT_IN)
            member_notice(member, notice);
}

/* He talks and nobody hears it. A phone on hold plays its music and hears nothing, one that is paged is to
 * hear who pages; in a lecture the rule is told once, and how to ask for the floor. */
void member_talks_in_vain(struct member *member)
{
    uint64_t now = clock_now_us();

    if (member->seat != SEAT_IN || member->held || member->room->page)
        return;
    if (member->room->lecture && member->role != ROLE_HOST && !member->floor) {
        if (!member->lecture_told)
            member_notice(member, NOTICE_LECTURE);
        member->lecture_told = true;
    } else if (member->muted_told_us == 0 || now - member->muted_told_us >= MUTED_EVERY_US) {
        member->muted_told_us = now;
        member_notice(member, NOTICE_TALKS);
    }
}

/* -- what an act tells to others than who did it ----------------------------------------------------------
 */

static const char *act_words(enum act act)
{
    switch (act) {
    case ACT_MUTE_ALL:
        return "conf-now-muted";
    case ACT_UNMUTE_ALL:
        return "conf-now-unmuted";
    case ACT_LECTURE:
        return "conf-lecture";
    case ACT_DISCUSS:
        return "conf-discussion";
    case ACT_RECORD:
        return "conf-now-recording";
    case ACT_PAUSE_RECORDING:
        return "conf-recording-paused";
    case ACT_STOP_RECORDING:
        return "conf-recording-stopped";
    default:
        return NULL;
    }
}

void room_tell_act(struct room *room, const struct actor *actor, const struct act_order *order)
{
    const char *words = act_words(order->act);
    bool by_another = order->member && order->member != actor->member;

    if (words)
        room_say(room, words);
    switch (order->act) {
    case ACT_MUTE:
    case ACT_UNMUTE:
        if (by_another)
            member_notice(order->member, NOTICE_MUTED);
        break;
    case ACT_GIVE_FLOOR:
    case ACT_TAKE_FLOOR:
        if (by_another)
            member_notice(order->member, NOTICE_FLOOR);
        break;
    case ACT_MAKE_HOST:
        if (by_another)
            member_notice(order->member, NOTICE_HOST);
        break;
    case ACT_RAISE:
        room_notice_hosts(room, NOTICE_HAND);
        break;
    case ACT_LECTURE:
        for (struct member *member = room->members; member; member = member->next)
            member->lecture_told = false;
        break;
    default:
        break;
    }
}
