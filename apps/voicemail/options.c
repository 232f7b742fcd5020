/* What an owner sets by phone: the menu that leads there, and how his messages come. */
#include "apps/voicemail/voicemail.h"

void options_menu(struct link *link)
{
    struct list list = {0};

    keymap_ask(link_state(link), MENU_OPTIONS, &list);
}

/* -- preferences
 * ---------------------------------------------------------------------------------------------------- */

void options_prefer(struct link *link)
{
    struct list list = {0};

    keymap_ask(link_state(link), MENU_PREFERENCES, &list);
}

static void options_preferred(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    if (error)
        voicemail_trouble(link_state(link), "prefer", error);
    else
        voicemail_tell(link_state(link), "vm-saved", options_prefer);
}

static void options_store(struct voicemail *vm)
{
    int error = mailbox_prefer(server_storage(link_server(vm->link)), &vm->box, link_ticket(vm->link),
                               options_preferred);

    if (error)
        voicemail_trouble(vm, "prefer", error);
}

void options_order(struct voicemail *vm)
{
    vm->box.newest_first = !vm->box.newest_first;
    options_store(vm);
}

void options_autoplay(struct voicemail *vm)
{
    vm->box.autoplay = !vm->box.autoplay;
    options_store(vm);
}

void options_envelope(struct voicemail *vm)
{
    vm->box.envelope = !vm->box.envelope;
    options_store(vm);
}
