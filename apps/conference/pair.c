/* One member for another: whispers that nobody else hears, and who is softer for whom. */
#include "apps/conference/act.h"
#include "apps/conference/notice.h"

#include <string.h>

#define SOFTEST_DB (-30)

/* The other one himself, or by his number, as keys of a menu name him. */
static struct member *other_of(const struct room *room, const struct act_order *order)
{
    struct member *other = order->other;

    if (!other && order->text && *order->text) {
        other = room->members;
        while (other && strcmp(other->caller, order->text) != 0)
            other = other->next;
    }
    return other && other->room == room && other != order->member && other->away == AWAY_NOT ? other : NULL;
}

int act_whisper(struct room *room, const struct act_order *order)
{
    struct member *member = order->member, *to = other_of(room, order);

    if (order->act == ACT_UNWHISPER && !member->whispers_to)
        return EALREADY;
    if (order->act == ACT_WHISPER && !to)
        return ENOENT;
    if (order->act == ACT_WHISPER && (member->seat != SEAT_IN || to->seat != SEAT_IN))
        return EBUSY;
    if (order->act == ACT_WHISPER && member->whispers_to == to->number)
        return EALREADY;
    int error = link_whisper(member->link, order->act == ACT_WHISPER ? to->link : NULL);
    if (error)
        return error;
    room->whispers += !member->whispers_to;
    member->whispers_to = order->act == ACT_WHISPER ? to->number : 0;
    room->whispers -= !member->whispers_to;
    return 0;
}

/* The member hears the other one softer: by a wish of his own, which he need not explain. */
int act_soften(struct room *room, const struct act_order *order)
{
    const struct member *talker = other_of(room, order);

    if (!talker)
        return ENOENT;
    if (order->value < SOFTEST_DB || order->value > 0)
        return EINVAL;
    return link_soften(order->member->link, talker->link, order->value);
}

/* He who has whispered would speak to all without knowing it, or to nobody: so he is muted, and hears so. */
static void whisper_over(struct room *room, struct member *member)
{
    member->whispers_to = 0;
    room->whispers--;
    member->muted = true;
    member_voice(member);
    (void)!link_whisper(member->link, NULL); /* it is over for the media engine, whatever becomes of this */
    room_tell(room, member, MEMBER_CHANGED);
    member_notice(member, NOTICE_MUTED);
}

void pair_part(struct room *room, struct member *member)
{
    room->whispers -= member->whispers_to > 0;
    member->whispers_to = 0;
    for (struct member *other = room->members; other && room->whispers > 0; other = other->next)
        if (other->whispers_to == member->number)
            whisper_over(room, other);
}

void pair_reseat(struct member *member)
{
    struct room *room = member->room;

    for (struct member *other = room->members; other && room->whispers > 0; other = other->next) {
        if (member->whispers_to == other->number && link_whisper(member->link, other->link))
            whisper_over(room, member);
        if (other->whispers_to == member->number && link_whisper(other->link, member->link))
            whisper_over(room, other);
    }
}
