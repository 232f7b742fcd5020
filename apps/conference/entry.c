/* The door of a room with a PIN. */
#include "apps/conference/conference.h"

#define ENTRY_TRIES 3
#define PIN_WAIT_MS 5000
#define PIN_DIGITS_MAX 16

static void entry_again(struct link *link)
{
    struct member *member = link_state(link);

    if (member->tries < ENTRY_TRIES)
        entry_ask(member);
    else
        member_goodbye(link);
}

/* Who guesses gets three tries a call; each costs storage one slow hash, and the log one line. */
static void entry_judged(struct ticket ticket, int error, bool moderator)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct member *member = link_state(link);
    if (error == 0) {
        member->role = moderator ? ROLE_HOST : ROLE_MEMBER;
        member_enter(member);
    } else if (error == EACCES) {
        member->tries++;
        link_log(link, LEVEL_NOTICE, "pin-wrong room=%s tries=%u", member->row.number, member->tries);
        member_say(member, "conf-invalidpin", entry_again);
    } else {
        member_refuse(member, error);
    }
}

/* Digits are passed on and kept nowhere: neither state nor log holds a PIN. */
static void entry_typed(struct link *link, const char *digits)
{
    struct member *member = link_state(link);

    /* A room where only the moderator has a PIN: whoever types none is an ordinary member. */
    if (!*digits && !member->row.has_pin) {
        member_enter(member);
        return;
    }
    int error = room_check_pin(server_storage(link_server(link)), member->row.number, digits,
                               link_ticket(link), entry_judged);
    if (error)
        member_refuse(member, error);
}

void entry_ask(struct member *member)
{
    struct phrase phrase = {0};
    struct list list = {0};

    say(server_prompts(link_server(member->link)), &phrase, "conf-getpin");
    list_phrase(&list, &phrase);
    link_ask(member->link, &list, PIN_DIGITS_MAX, PIN_WAIT_MS, entry_typed);
}
