/* The owner records his greetings and his name, hears what he has, and erases it. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>

#define GREETING_MAX_MS 180000
#define NAME_MAX_MS 10000

/* -- greetings
 * ------------------------------------------------------------------------------------------------------ */

void greeting_over(struct link *link)
{
    struct voicemail *vm = link_state(link);

    vm->greeted(link);
}

static void greeting_has_no_end(struct link *link)
{
    greeting_ask_end(link_state(link));
}

/* What he is asked next time (greeting_record()) must fit what is stored now. */
static void greeting_stored(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    bool own = *vm->take.path, temporary = vm->greeting == GREETING_TEMPORARY;
    if (error) {
        voicemail_trouble(vm, "greeting-store", error);
        return;
    }
    vm->box.greetings[vm->greeting] = own || *vm->callers; /* there may be others for other callers */
    if (temporary)
        vm->box.temporary_ends = 0;
    if (own)
        voicemail_tell(vm, "vm-msgsaved", temporary ? greeting_has_no_end : greeting_over);
    else
        voicemail_tell(vm, temporary ? "vm-tempremoved" : "msg-greeting-erased", greeting_over);
}

/* `path` NULL: back to the default one. */
static void greeting_write(struct voicemail *vm, const char *path)
{
    int error = greeting_store(server_storage(link_server(vm->link)), vm->number, vm->greeting, vm->callers,
                               path, "", link_ticket(vm->link), greeting_stored);

    if (error)
        voicemail_trouble(vm, "greeting-store", error);
}

static void greeting_taken(struct voicemail *vm, enum take_result result)
{
    switch (result) {
    case TAKE_ACCEPTED:
        greeting_write(vm, vm->take.path);
        break;
    case TAKE_HUNG_UP: /* a greeting that its owner has not accepted is none */
        take_drop(vm);
        break;
    case TAKE_EMPTY:
        take_drop(vm);
        voicemail_tell(vm, "msg-nothing-recorded", greeting_over);
        break;
    case TAKE_FAILED:
        take_drop(vm);
        voicemail_tell(vm, "msg-not-saved", greeting_over);
        break;
    }
}

static void greeting_start(struct voicemail *vm)
{
    static const char *const asks[GREETING_COUNT] = {"vm-rec-unv",    "vm-rec-busy",       "vm-rec-name",
                                                     "vm-rec-temp",   "msg-rec-no-answer", "msg-rec-closed",
                                                     "msg-rec-caller"};

    vm->take = (struct take){
        .max_ms = vm->greeting == GREETING_NAME ? NAME_MAX_MS : GREETING_MAX_MS,
        .silence_ms = 1000 * link_settings(vm->link)->message_silence_s,
        .min_ms = 500,
        .redo = take_again_in_cache,
        .done = greeting_taken,
    };
    voicemail_tell(vm, asks[vm->greeting], take_in_cache);
}

void greeting_take(struct voicemail *vm, enum greeting_kind kind, link_step *then)
{
    vm->greeting = kind;
    vm->greeted = then;
    vm->callers[0] = '\0';
    greeting_start(vm);
}

/* -- the one that he has
 * ------------------------------------------------------------------------------------------------------ */

/* What is lost or was never there can still be recorded. */
static void greeting_fetched(struct ticket ticket, int error, const char *path)
{
    struct link *link = link_of(ticket);
    struct list list = {0};

    if (!link)
        return;
    if (error) {
        greeting_start(link_state(link));
        return;
    }
    list_file(link, &list, path, true);
    link_play(link, &list, greeting_menu);
}

void greeting_hear(struct voicemail *vm)
{
    struct storage *st = server_storage(link_server(vm->link));
    struct ticket ticket = link_ticket(vm->link);
    int error = *vm->callers ? greeting_fetch_for(st, vm->number, vm->callers, true, ticket, greeting_fetched)
                             : greeting_fetch(st, vm->number, vm->greeting, ticket, greeting_fetched);

    if (error)
        voicemail_trouble(vm, "greeting-fetch", error);
}

void greeting_again(struct voicemail *vm)
{
    greeting_start(vm);
}

void greeting_erase(struct voicemail *vm)
{
    vm->take.path[0] = '\0';
    greeting_write(vm, NULL);
}

/* A temporary greeting goes before most others: whoever has one is told so before he records the next. */
void greeting_menu(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    if (vm->greeting == GREETING_TEMPORARY)
        greeting_remind(vm, &list);
    keymap_ask(vm, MENU_GREETING, &list);
}

void greeting_record(struct voicemail *vm, enum greeting_kind kind)
{
    vm->greeting = kind;
    vm->greeted = options_menu;
    vm->callers[0] = '\0';
    if (vm->box.greetings[kind])
        greeting_menu(vm->link);
    else
        greeting_start(vm);
}

void greeting_temporary(struct voicemail *vm)
{
    greeting_record(vm, GREETING_TEMPORARY);
}

/* -- those that few want
 * ------------------------------------------------------------------------------------------------------- */

/* For a number that has one already that one is heard first. */
static void greeting_caller_typed(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);

    if (!*digits) {
        options_menu(link);
        return;
    }
    vm->greeting = GREETING_CALLER;
    vm->greeted = options_menu;
    snprintf(vm->callers, sizeof vm->callers, "%s", digits);
    if (vm->box.greetings[GREETING_CALLER])
        greeting_hear(vm);
    else
        greeting_start(vm);
}

static void greeting_others_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    switch (key) {
    case '1':
        greeting_record(vm, GREETING_NO_ANSWER);
        break;
    case '2':
        greeting_record(vm, GREETING_CLOSED);
        break;
    case '3':
        say_to(vm, &list, "msg-greeting-caller");
        link_ask(link, &list, NUMBER_TEXT - 1, MENU_WAIT_MS, greeting_caller_typed);
        break;
    default:
        options_menu(link);
    }
}

void greeting_others(struct voicemail *vm)
{
    struct list list = {0};

    say_to(vm, &list, "msg-greetings-menu");
    link_menu(vm->link, &list, "123*", MENU_WAIT_MS, greeting_others_key);
}
