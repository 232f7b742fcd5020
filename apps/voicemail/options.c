/* What an owner may set by phone: his greetings, his name, his PIN. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <string.h>

#define GREETING_MAX_MS 180000
#define NAME_MAX_MS 10000

static struct storage *options_storage(const struct voicemail *vm)
{
    return server_storage(link_server(vm->link));
}

/* -- greetings
 * ------------------------------------------------------------------------------------------------------ */

/* What he is asked next time (temporary_menu()) must fit what is stored now. */
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
    int error = greeting_store(options_storage(vm), vm->number, vm->greeting, path, link_ticket(vm->link),
                               greeting_stored);

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
    if (cache_discard(options_storage(vm), vm->take.path, link_ticket(vm->link), greeting_dropped) != 0)
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

static void greeting_record(struct voicemail *vm, enum greeting_kind kind)
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

static void temporary_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);

    switch (keymap_act(MENU_TEMPORARY, key)) {
    case ACT_GREET_TEMPORARY:
        greeting_record(vm, GREETING_TEMPORARY);
        break;
    case ACT_ERASE:
        vm->greeting = GREETING_TEMPORARY;
        vm->take.path[0] = '\0';
        greeting_write(vm, NULL);
        break;
    default:
        options_menu(link);
    }
}

/* A temporary greeting goes before all others: whoever has one is told so before he records the next. */
static void temporary_menu(struct voicemail *vm)
{
    struct list list = {0};

    if (!vm->box.greetings[GREETING_TEMPORARY]) {
        greeting_record(vm, GREETING_TEMPORARY);
        return;
    }
    say_to(vm, &list, "vm-tempgreetactive");
    say_to(vm, &list, "vm-tempgreeting2");
    link_menu(vm->link, &list, keymap_keys(MENU_TEMPORARY, false), MENU_WAIT_MS, temporary_key);
}

/* -- PIN
 * ------------------------------------------------------------------------------------------------------------
 */

static void pin_change(struct voicemail *vm);

/* Whose PIN is not his own yet is asked again; then it is good-bye. */
static void pin_failed(struct link *link)
{
    struct voicemail *vm = link_state(link);

    if (!vm->pin_due)
        options_menu(link);
    else if (++vm->rounds < MENU_ROUNDS)
        pin_change(vm);
    else
        voicemail_goodbye(link);
}

static void pin_changed(struct link *link)
{
    struct voicemail *vm = link_state(link);

    if (vm->pin_due)
        inbox_welcome(vm);
    else
        options_menu(link);
    vm->pin_due = false;
}

static void pin_stored(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    if (error)
        voicemail_trouble(link_state(link), "pin", error);
    else
        voicemail_tell(link_state(link), "vm-passchanged", pin_changed);
}

/* Typed twice alike, as nobody sees what he types. The first one is wiped whatever comes of it. */
static void pin_again(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);
    bool same = !strcmp(digits, vm->new_pin);
    int error = 0;

    if (same)
        error = mailbox_set_pin(options_storage(vm), vm->number, vm->new_pin, link_ticket(link), pin_stored);
    explicit_bzero(vm->new_pin, sizeof vm->new_pin);
    if (error)
        voicemail_trouble(vm, "pin", error);
    else if (!same)
        voicemail_tell(vm, "vm-mismatch", pin_failed);
}

/* Judged before he types it again; storage judges once more when it stores it. */
static void pin_entered(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    if (!*digits) {
        pin_failed(link);
    } else if (pin_judge(digits, vm->number) != 0) {
        voicemail_tell(vm, "msg-pin-rules", pin_failed);
    } else {
        snprintf(vm->new_pin, sizeof vm->new_pin, "%s", digits);
        say_to(vm, &list, "vm-reenterpassword");
        link_ask(link, &list, PIN_MAX, MENU_WAIT_MS, pin_again);
    }
}

static void pin_change(struct voicemail *vm)
{
    struct list list = {0};

    say_to(vm, &list, "vm-newpassword");
    link_ask(vm->link, &list, PIN_MAX, MENU_WAIT_MS, pin_entered);
}

void options_first_pin(struct voicemail *vm)
{
    vm->pin_due = true;
    vm->rounds = 0;
    pin_change(vm);
}

/* -- menu
 * -----------------------------------------------------------------------------------------------------------
 */

static void options_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);

    vm->rounds = key ? 0 : vm->rounds + 1;
    switch (keymap_act(MENU_OPTIONS, key)) {
    case ACT_GREET_UNAVAILABLE:
        greeting_record(vm, GREETING_UNAVAILABLE);
        break;
    case ACT_GREET_BUSY:
        greeting_record(vm, GREETING_BUSY);
        break;
    case ACT_NAME:
        greeting_record(vm, GREETING_NAME);
        break;
    case ACT_GREET_TEMPORARY:
        temporary_menu(vm);
        break;
    case ACT_PIN:
        pin_change(vm);
        break;
    case ACT_NONE:
        if (vm->rounds < MENU_ROUNDS) {
            options_menu(link);
            break;
        }
        __attribute__((fallthrough)); /* nobody there */
    default:
        vm->rounds = 0;
        inbox_menu(link);
    }
}

void options_menu(struct link *link)
{
    struct list list = {0};

    say_to(link_state(link), &list, "vm-options");
    link_menu(link, &list, keymap_keys(MENU_OPTIONS, false), MENU_WAIT_MS, options_key);
}
