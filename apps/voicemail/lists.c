/* The owner's own lists: made by adding the first, gone with the last. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>

static void lists_menu(struct link *link);

static void lists_changed(struct voicemail *vm, int error, const char *done)
{
    if (error == ENOENT)
        voicemail_tell(vm, "vm-nobox", lists_menu);
    else if (error)
        voicemail_trouble(vm, "list-change", error);
    else
        voicemail_tell(vm, done, lists_menu);
}

static void lists_added(struct ticket ticket, int error)
{
    if (link_of(ticket))
        lists_changed(link_state(link_of(ticket)), error, "msg-list-added");
}

static void lists_removed(struct ticket ticket, int error)
{
    if (link_of(ticket))
        lists_changed(link_state(link_of(ticket)), error, "msg-list-removed");
}

static void lists_change(struct voicemail *vm, const char *member, bool add)
{
    int error;

    if (!*member) {
        lists_menu(vm->link);
        return;
    }
    error = list_change(server_storage(link_server(vm->link)), vm->number, vm->list_number, member, add,
                        link_ticket(vm->link), add ? lists_added : lists_removed);
    if (error)
        voicemail_trouble(vm, "list-change", error);
}

static void lists_add(struct link *link, const char *digits)
{
    lists_change(link_state(link), digits, true);
}

static void lists_remove(struct link *link, const char *digits)
{
    lists_change(link_state(link), digits, false);
}

static void lists_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    vm->rounds = key ? 0 : vm->rounds + 1;
    if (key == '1' || key == '2') {
        say_to(vm, &list, "msg-enter-mailbox");
        link_ask(link, &list, 16, MENU_WAIT_MS, key == '1' ? lists_add : lists_remove);
    } else if (key == 0 && vm->rounds < MENU_ROUNDS) {
        lists_menu(link);
    } else {
        vm->rounds = 0;
        options_menu(link);
    }
}

static void lists_menu(struct link *link)
{
    struct list list = {0};

    say_to(link_state(link), &list, "msg-list-menu");
    link_menu(link, &list, "12*", MENU_WAIT_MS, lists_key);
}

static void lists_number(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);

    if (!*digits) {
        options_menu(link);
        return;
    }
    snprintf(vm->list_number, sizeof vm->list_number, "%s", digits);
    lists_menu(link);
}

void send_lists(struct voicemail *vm)
{
    struct list list = {0};

    say_to(vm, &list, "msg-list-number");
    link_ask(vm->link, &list, 8, MENU_WAIT_MS, lists_number);
}
