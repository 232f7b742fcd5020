/* A member in the room: what he alone hears, whether he is heard, and what his keys do. */
#include "apps/conference/conference.h"

void member_say(struct member *member, const char *name, link_step *then)
{
    struct phrase phrase = {0};
    struct list list = {0};

    say(server_prompts(link_server(member->link)), &phrase, name);
    list_phrase(&list, &phrase);
    link_play(member->link, &list, then);
}

/* Whoever is sent away is told so: a call that ends in silence looks like a fault. */
void member_goodbye(struct link *link)
{
    member_say(link_state(link), "vm-goodbye", link_hangup);
}

void member_refuse(struct member *member, int error)
{
    link_log(member->link, LEVEL_NOTICE, "room-refused room=%s error=%d", member->row.number, error);
    member_say(member,
               error == ENOSPC  ? "conf-full"
               : error == EBUSY ? "conf-locked"
                                : "conf-unavailable",
               member_goodbye);
}

void member_dismiss(struct member *member)
{
    member->in_menu = false;
    link_on_key(member->link, NULL);
    /* Where all go, the talk is over; and out of the mix a thousand hear what was encoded once. */
    if (member->room && member->room->ending && member->seat == SEAT_IN)
        link_enter(member->link, 0);
    member_say(member, "conf-kicked", member_goodbye);
}

void member_settle(struct member *member)
{
    const struct room *room = member->room;

    if (member->in_menu || room->ending)
        return; /* menu_close() comes here again */
    if (room->row.music && (member->seat == SEAT_WAITING || room->count == 1))
        link_music(member->link);
    else
        link_quiet(member->link);
}

/* The words for who is alone are over; meanwhile somebody may have come. */
static void member_told(struct link *link)
{
    const struct member *member = link_state(link);

    if (member->room)
        member_settle(link_state(link));
}

/* Keys mean the menu from here on; at the door they were digits of a PIN. */
void member_enter(struct member *member)
{
    int error = conference_join(member);

    if (error) {
        member_refuse(member, error);
        return;
    }
    link_on_key(member->link, member_key);
    member_greet(member, member_told);
}

void member_arrive(struct member *member)
{
    member->in_menu = false;
    member_greet(member, member_told);
}

void member_tell(struct member *member, const char *name)
{
    member->in_menu = false;
    member_say(member, name, member_told);
}

bool member_heard(const struct member *member)
{
    const struct room *room = member->room;

    if (!room || member->seat != SEAT_IN || member->muted || member->held)
        return false;
    return member->role == ROLE_HOST || member->floor || (!room->lecture && !room->all_muted);
}

/* A phone that holds may play music of its own at us; the room is not to hear it. What is sent to it follows
 * from its offer (RFC 3264 §8.4), so that nobody has to be made deaf here. */
void member_voice(struct member *member)
{
    bool silent = !member_heard(member);

    if (member->silent != silent)
        link_mute(member->link, silent);
    member->silent = silent;
}

void member_key(struct link *link, char key)
{
    if (key == '*')
        menu_open(link_state(link));
}
