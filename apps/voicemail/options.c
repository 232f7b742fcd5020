/* The menu of what an owner may set by phone. */
#include "apps/voicemail/voicemail.h"

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
        greeting_temporary(vm);
        break;
    case ACT_PIN:
        pin_change(vm);
        break;
    case ACT_LISTS:
        send_lists(vm);
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
    say_to(link_state(link), &list, "msg-to-lists");
    link_menu(link, &list, keymap_keys(MENU_OPTIONS, false), MENU_WAIT_MS, options_key);
}
