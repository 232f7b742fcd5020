/*
 * Sending members away: each hears why before his call ends. Many at once go in small groups, one a moment,
 * so that neither signalling nor media has to do a thousand in one go.
 */
#include "apps/conference/conference.h"

#include "core/base/loop.h"

#include <limits.h>

#define GROUP 24 /* in GROUP_MS: about 500 a second */
#define GROUP_MS 50

static const char *away_words(const struct member *member)
{
    if (member->away == AWAY_ENDED)
        return "confbridge-conf-end";
    return member->seat == SEAT_WAITING ? "conf-not-admitted" : "conf-kicked";
}

/* Out of the mix at once: he neither hears the room nor is heard while he is told so. */
static void member_send_away(struct member *member)
{
    if (member->dismissed)
        return;
    member->dismissed = true;
    member->in_menu = member->busy = false;
    link_on_key(member->link, NULL);
    if (member->seat == SEAT_IN)
        link_enter(member->link, 0);
    member_say(member, away_words(member), member_goodbye);
}

void member_dismiss(struct member *member)
{
    if (member->away == AWAY_NOT)
        member->away = AWAY_ALONE;
    member_send_away(member);
}

static void room_clear_group(void *arg);

static void room_clear_some(struct room *room, unsigned most)
{
    struct member *member = room->members;

    for (; member && most > 0; member = member->next) {
        if (member->away != AWAY_NOT && !member->dismissed) {
            member_send_away(member);
            most--;
        }
    }
    /* Whatever comes, nobody is to stay for lack of a timer. */
    if (member && timer_start(server_loop(room->server), &room->clearing, GROUP_MS, room_clear_group, room))
        room_clear_some(room, UINT_MAX);
}

static void room_clear_group(void *arg)
{
    room_clear_some(arg, GROUP);
}

int room_clear(struct room *room, enum away why)
{
    int error = ENOENT;

    for (struct member *member = room->members; member; member = member->next) {
        if (member->away == AWAY_NOT && (why == AWAY_ENDED || member->role != ROLE_HOST)) {
            member->away = why;
            error = 0;
        }
    }
    if (!error)
        room_clear_some(room, GROUP);
    return error;
}
