/* The owner gives his box a PIN of his own: typed twice, judged, stored. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <string.h>

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

    bool due = vm->pin_due;

    vm->pin_due = vm->box.pin_must_change = false;
    if (!due)
        options_menu(link);
    else if (vm->box.tutorial)
        tutorial_go_on(vm);
    else
        login_go_on(vm);
}

static void pin_stored(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    if (error == EPERM) /* he has had it before */
        voicemail_tell(link_state(link), "msg-pin-used", pin_failed);
    else if (error)
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
        error = mailbox_set_pin(server_storage(link_server(vm->link)), vm->number, vm->new_pin,
                                link_ticket(link), pin_stored);
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

void pin_change(struct voicemail *vm)
{
    struct list list = {0};

    say_to(vm, &list, "vm-newpassword");
    link_ask(vm->link, &list, PIN_MAX, MENU_WAIT_MS, pin_entered);
}

void pin_first(struct voicemail *vm)
{
    vm->pin_due = true;
    vm->rounds = 0;
    pin_change(vm);
}
