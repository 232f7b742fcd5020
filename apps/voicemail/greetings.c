/* The owner records his greetings and his name, and says when they hold. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <string.h>

#define GREETING_MAX_MS 180000
#define NAME_MAX_MS 10000

/* -- greetings
 * ------------------------------------------------------------------------------------------------------ */

/* What he is asked next time (greeting_temporary()) must fit what is stored now. */
static void greeting_stored(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error) {
        voicemail_trouble(vm, "greeting-store", error);
        return;
    }
    vm->box.greetings[vm->greeting] = *vm->take.path != '\0';
    voicemail_tell(vm, *vm->take.path ? "vm-msgsaved" : "vm-tempremoved", options_menu);
}

/* `path` NULL: back to the default one. */
static void greeting_write(struct voicemail *vm, const char *path)
{
    int error = greeting_store(server_storage(link_server(vm->link)), vm->number, vm->greeting, path,
                               link_ticket(vm->link), greeting_stored);

    if (error)
        voicemail_trouble(vm, "greeting-store", error);
}

static void greeting_dropped(struct ticket ticket, int error)
{
    (void)ticket;
    (void)error; /* the sweeper removes what is left behind in the cache */
}

static void greeting_drop(struct voicemail *vm)
{
    if (cache_discard(server_storage(link_server(vm->link)), vm->take.path, link_ticket(vm->link),
                      greeting_dropped) != 0)
        link_log(vm->link, LEVEL_WARNING, "discard-refused file=%s", vm->take.path);
}

static void greeting_taken(struct voicemail *vm, enum take_result result)
{
    switch (result) {
    case TAKE_ACCEPTED:
        greeting_write(vm, vm->take.path);
        break;
    case TAKE_HUNG_UP: /* a greeting that its owner has not accepted is none */
        greeting_drop(vm);
        break;
    case TAKE_EMPTY:
        greeting_drop(vm);
        voicemail_tell(vm, "msg-nothing-recorded", options_menu);
        break;
    case TAKE_FAILED:
        greeting_drop(vm);
        voicemail_tell(vm, "msg-not-saved", options_menu);
        break;
    }
}

/* Recorded beside the cache's other files, under a name of its own: two phones may record the same greeting.
 */
static void greeting_begin(struct voicemail *vm)
{
    char name[UUID_TEXT];

    uuid_make(name);
    snprintf(vm->take.path, sizeof vm->take.path, "%s/%s.wav", link_settings(vm->link)->cache_dir, name);
    take_start(vm);
}

static void greeting_redo(struct voicemail *vm)
{
    greeting_drop(vm);
    greeting_begin(vm);
}

static void greeting_asked(struct link *link)
{
    greeting_begin(link_state(link));
}

void greeting_record(struct voicemail *vm, enum greeting_kind kind)
{
    static const char *const asks[GREETING_COUNT] = {"vm-rec-unv", "vm-rec-busy", "vm-rec-name",
                                                     "vm-rec-temp"};

    vm->greeting = kind;
    vm->take = (struct take){
        .max_ms = kind == GREETING_NAME ? NAME_MAX_MS : GREETING_MAX_MS,
        .silence_ms = 1000 * link_settings(vm->link)->message_silence_s,
        .min_ms = 500,
        .redo = greeting_redo,
        .done = greeting_taken,
    };
    voicemail_tell(vm, asks[kind], greeting_asked);
}

void greeting_erase_temporary(struct voicemail *vm)
{
    vm->greeting = GREETING_TEMPORARY;
    vm->take.path[0] = '\0';
    greeting_write(vm, NULL);
}

/* A temporary greeting goes before all others: whoever has one is told so before he records the next. */
void greeting_temporary(struct voicemail *vm)
{
    struct list list = {0};

    if (!vm->box.greetings[GREETING_TEMPORARY]) {
        greeting_record(vm, GREETING_TEMPORARY);
        return;
    }
    say_to(vm, &list, "vm-tempgreetactive");
    keymap_ask(vm, MENU_TEMPORARY, &list);
}
