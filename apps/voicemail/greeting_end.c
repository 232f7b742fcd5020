/* When the temporary greeting ends by itself: its owner types the last day on which it holds. */
#include "apps/voicemail/voicemail.h"

#include "core/base/zone.h"

#include <stdlib.h>
#include <string.h>

#define DAY_DIGITS 4 /* month and day */

/*
 * Midnight after the next such day, on the clocks of the zone. 0: there is none within eight years (29
 * February may be as far as that), or the digits are no day.
 */
static time_t end_of_day(const char *digits, const char *zone, time_t now)
{
    struct tm today, day;

    if (strlen(digits) != DAY_DIGITS || strspn(digits, "0123456789") != DAY_DIGITS)
        return 0;
    zones_local(zones_shared(), zone, now, &today);
    for (int year = today.tm_year; year <= today.tm_year + 8; year++) {
        int month = atoi(digits) / 100 - 1, date = atoi(digits) % 100;

        day = (struct tm){.tm_year = year, .tm_mon = month, .tm_mday = date};
        time_t begins = timegm(&day);
        if (day.tm_mon != month || day.tm_mday != date)
            continue;
        time_t ends = zones_moment(zones_shared(), zone, begins + 24 * 60 * 60);
        if (ends > now)
            return ends;
    }
    return 0;
}

static void end_say(struct voicemail *vm, struct list *list)
{
    struct phrase phrase = {0};

    say(link_prompts(vm->link), &phrase, "msg-greeting-until");
    say_date(link_prompts(vm->link), &phrase, vm->box.temporary_ends - 1, vm->box.zone);
    list_phrase(list, &phrase);
}

static void end_stored(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);
    struct list list = {0};

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error) {
        voicemail_trouble(vm, "greeting-end", error);
        return;
    }
    end_say(vm, &list);
    link_play(link, &list, options_menu);
}

static void end_again(struct link *link)
{
    struct voicemail *vm = link_state(link);

    if (++vm->rounds < MENU_ROUNDS) {
        greeting_ask_end(vm);
        return;
    }
    vm->rounds = 0;
    options_menu(link);
}

static void end_typed(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);
    time_t ends = end_of_day(digits, vm->box.zone, (time_t)(clock_wall_us() / 1000000));

    if (!*digits) {
        options_menu(link);
        return;
    }
    if (!ends) {
        voicemail_tell(vm, "msg-no-such-day", end_again);
        return;
    }
    vm->rounds = 0;
    vm->box.temporary_ends = ends;
    int error = greeting_set_end(server_storage(link_server(link)), vm->number, GREETING_TEMPORARY, ends,
                                 link_ticket(link), end_stored);
    if (error)
        voicemail_trouble(vm, "greeting-end", error);
}

void greeting_ask_end(struct voicemail *vm)
{
    struct list list = {0};

    say_to(vm, &list, "msg-greeting-end");
    link_ask(vm->link, &list, DAY_DIGITS, MENU_WAIT_MS, end_typed);
}

/* Who has come back from a journey learns so that his callers still hear of it. */
void greeting_remind(struct voicemail *vm, struct list *list)
{
    if (!vm->box.greetings[GREETING_TEMPORARY])
        return;
    say_to(vm, list, "vm-tempgreetactive");
    if (vm->box.temporary_ends)
        end_say(vm, list);
}
