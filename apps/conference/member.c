/* A member in the room: what he alone hears, whether he is heard, and what his keys do. */
#include "apps/conference/dial.h"
#include "apps/conference/menu.h"
#include "apps/conference/notice.h"

void member_words(const struct member *member, struct list *list, const char *name)
{
    struct phrase phrase = {0};

    say(link_prompts(member->link), &phrase, name);
    list_phrase(list, &phrase);
}

/* What is said to a room is said to all in it: they hear one language, whatever each would like. */
void member_take_row(struct member *member, const struct room_row *row)
{
    member->row = *row;
    link_set_language(member->link, link_settings(member->link)->language);
    link_set_language(member->link, row->language);
}

void member_say(struct member *member, const char *name, link_step *then)
{
    struct list list = {0};

    member_words(member, &list, name);
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
               error == ENOSPC   ? "conf-full"
               : error == EBUSY  ? "conf-locked"
               : error == EPERM  ? "conf-removed"
               : error == EACCES ? "msg-locked"
                                 : "conf-unavailable",
               member_goodbye);
}

void member_settle(struct member *member)
{
    const struct room *room = member->room;

    if (member->in_menu || member->busy || member->away != AWAY_NOT)
        return; /* menu_close() and member_told() come here again */
    if (member_hears_notice(member))
        return;
    if (room->row.music && (member->seat == SEAT_WAITING || room->count == 1))
        link_music(member->link);
    else
        link_quiet(member->link);
}

/* Words are over; meanwhile somebody may have come. */
static void member_told(struct link *link)
{
    struct member *member = link_state(link);

    member->busy = false;
    if (member->room)
        member_settle(member);
}

void member_hear(struct member *member, const struct list *list)
{
    if (member->away != AWAY_NOT)
        return; /* his call ends after the words that say so: nothing may cut them off */
    member->busy = true;
    link_play(member->link, list, member_told);
}

/* Keys mean the menu from here on; at the door they were digits of a PIN. */
void member_enter(struct member *member)
{
    int error;

    if (member->room)
        return; /* two ways may have led here when another phone took his seat at the door */
    error = conference_admits(member);
    if (!error && name_is_wanted(member)) {
        name_ask(member);
        return;
    }
    if (!error)
        error = conference_join(member);
    if (error) {
        member_refuse(member, error);
        return;
    }
    link_on_key(member->link, member_key);
    member_greet(member);
    if (member->guests)
        guests_call(member);
}

void member_arrive(struct member *member)
{
    member->in_menu = member->busy = false;
    member_greet(member);
}

void member_tell(struct member *member, const char *name)
{
    struct list list = {0};

    member->in_menu = false;
    member_words(member, &list, name);
    member_hear(member, &list);
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

void member_reseat(struct member *member)
{
    const struct room *room = member->room;

    if (member->dismissed) {
        member->dismissed = false; /* this one has not been told yet */
        member_dismiss(member);
        return;
    }
    member->in_menu = member->busy = false;
    member->held = false;
    member->silent = false;
    if (member->talk_db || member->listen_db)
        link_gains(member->link, member->talk_db, member->listen_db);
    if (member->deaf)
        link_deaf(member->link, true);
    if (room->denoise)
        link_denoise(member->link, true);
    member_voice(member);
    pair_reseat(member);
    export_reseat(member);
    member_settle(member);
    link_log(member->link, LEVEL_INFO, "seat-taken room=%s member=%u by=%s", room->number, member->number,
             link_request(member->link)->caller.user);
    room_tell(member->room, member, MEMBER_CHANGED);
}
