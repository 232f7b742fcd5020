/* Before the room: who waits hears words and music, nothing of the room, and is not heard there. */
#include "apps/conference/conference.h"

struct member *room_first_waiting(const struct room *room, unsigned *count)
{
    struct member *first = NULL;

    *count = 0;
    /* Members are listed newest first. */
    for (struct member *member = room->members; member; member = member->next) {
        if (member->seat == SEAT_WAITING && member->away == AWAY_NOT) {
            first = member;
            ++*count;
        }
    }
    return first;
}

void room_let_all_in(struct room *room)
{
    for (struct member *member = room->members; member; member = member->next)
        if (member->seat == SEAT_WAITING && member->away == AWAY_NOT)
            room_let_in(member);
}

const char *waiting_words(const struct room *room)
{
    return room->row.waiting == WAITING_ADMIT ? "conf-wait-admit" : "conf-waitforleader";
}

/* That he is in now; what is recorded he hears before he can say a word. */
void waiting_over(struct member *member)
{
    struct phrase phrase = {0};
    struct list list = {0};

    say(link_prompts(member->link), &phrase, "conf-placeintoconf");
    if (room_is_recorded(member->room))
        say(link_prompts(member->link), &phrase, "conf-now-recording");
    list_phrase(&list, &phrase);
    member_hear(member, &list);
}
