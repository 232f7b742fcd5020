/*
 * The door of a room: which one, whether it is its time, and the PIN. Digits that are typed here are passed
 * on and kept nowhere: neither state nor log holds a PIN.
 */
#include "apps/conference/conference.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <string.h>

#define DIGITS_WAIT_MS 5000
#define PIN_DIGITS_MAX 16
#define NUMBER_DIGITS_MAX 16
#define FIRST_WORDS_MS 300 /* until the far side's media path is open */

static void entry_ask(struct member *member);

static bool entry_may_try(struct member *member)
{
    return ++member->tries < link_settings(member->link)->pin_tries;
}

static void question_put(struct member *member, const char *name, unsigned digits, link_digits *then)
{
    struct list list = {0};

    member_words(member, &list, name);
    link_ask(member->link, &list, digits, DIGITS_WAIT_MS, then);
}

/* -- the PIN -------------------------------------------------------------------------------------------- */

static void entry_again(struct link *link)
{
    entry_ask(link_state(link));
}

static void entry_wrong(struct member *member)
{
    bool again = entry_may_try(member);

    link_log(member->link, LEVEL_NOTICE, "pin-wrong room=%s tries=%u", member->row.number, member->tries);
    member_say(member, "conf-invalidpin", again ? entry_again : member_goodbye);
}

/* Each try costs storage slow hashes, and the log one line; how many there may be over all calls is its
 * affair. */
static void entry_judged(struct ticket ticket, int error, const struct door_person *person)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct member *member = link_state(link);
    member->asking = false;
    if (error == 0) {
        member->role = person->role;
        if (*person->name)
            snprintf(member->name, sizeof member->name, "%s", person->name);
        member_enter(member);
    } else if (error == EACCES) {
        entry_wrong(member);
    } else {
        member_refuse(member, error == EPERM ? EACCES : error);
    }
}

static void entry_typed(struct link *link, const char *digits)
{
    struct member *member = link_state(link);

    /* A room where only hosts have a PIN: whoever types none is an ordinary member. */
    if (!*digits && !member->row.has_pin) {
        member_enter(member);
        return;
    }
    /* Who types nothing has guessed nothing: that must not lock anybody out. */
    if (!*digits) {
        entry_wrong(member);
        return;
    }
    int error = door_check_pin(server_storage(link_server(link)), &member->asks, digits, link_ticket(link),
                               entry_judged);
    member->asking = !error;
    if (error)
        member_refuse(member, error);
}

static void entry_ask(struct member *member)
{
    question_put(member, "conf-getpin", PIN_DIGITS_MAX, entry_typed);
}

/* -- whether he may come in ------------------------------------------------------------------------------ */

/* "This conference has not begun yet. You may enter today at 9 50 a m." */
static void entry_come_later(struct member *member)
{
    const struct prompts *prompts = link_prompts(member->link);
    bool early = member->door.time == DOOR_EARLY;
    struct phrase phrase = {0};
    struct list list = {0};

    link_log(member->link, LEVEL_NOTICE, "room-shut room=%s opens=%lld", member->row.number,
             (long long)member->door.opens);
    say(prompts, &phrase, early ? "conf-begins-later" : "conf-over");
    if (early) {
        say(prompts, &phrase, "conf-open-from");
        say_when(prompts, &phrase, member->door.opens, clock_wall(), member->door.zone);
    }
    list_silence(&list, FIRST_WORDS_MS);
    list_phrase(&list, &phrase);
    link_play(member->link, &list, member_goodbye);
}

/*
 * A PIN is asked for last, and not in vain. A room that is locked out for guessers lets in whom it knows
 * without one; to one that a host has locked, a PIN may show that he is a host.
 */
void entry_start(struct member *member)
{
    const struct door *door = &member->door;
    bool asks = member->row.has_pin || member->row.has_moderator_pin;

    keep_correct(member);
    int error = conference_admits(member);
    if (door->banned)
        member_refuse(member, EPERM);
    else if (door->time == DOOR_EARLY || door->time == DOOR_OVER)
        entry_come_later(member);
    else if (error && !(error == EBUSY && member->row.has_moderator_pin && !door->recognised))
        member_refuse(member, error);
    else if (!asks || door->recognised)
        member_enter(member);
    else if (door->locked_out)
        member_refuse(member, EACCES);
    else
        entry_ask(member);
}

/* -- which room ------------------------------------------------------------------------------------------ */

static void choice_again(struct link *link)
{
    entry_choose(link_state(link));
}

/* The log does not say what was typed: it may have been a PIN. */
static void choice_wrong(struct member *member)
{
    bool again = entry_may_try(member);

    link_log(member->link, LEVEL_NOTICE, "choice-wrong tries=%u", member->tries);
    member_say(member, "conf-invalid", again ? choice_again : member_goodbye);
}

/* A room of the number plan, made on the fly, or one that has a row. */
static void choice_found(struct ticket ticket, int error, const struct room_row *row, const struct door *door)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct member *member = link_state(link);
    member->asking = false;
    if (error) {
        member_refuse(member, error);
        return;
    }
    if (!door->has_row && !member->planned) {
        choice_wrong(member);
        return;
    }
    member->tries = 0;
    member->found = true;
    conference_known(member, row, door);
    entry_start(member);
}

static void choice_typed(struct link *link, const char *digits)
{
    struct member *member = link_state(link);

    if (!*digits) {
        choice_wrong(member);
        return;
    }
    conference_choose(member, digits);
    int error = door_find(server_storage(link_server(link)), &member->asks, link_ticket(link), choice_found);
    member->asking = !error;
    if (error)
        member_refuse(member, error);
}

void entry_choose(struct member *member)
{
    question_put(member, "conf-getconfno", NUMBER_DIGITS_MAX, choice_typed);
}
