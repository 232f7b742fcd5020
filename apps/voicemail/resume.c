/* Who was cut off while he left a message and calls back at once may go on with it: its owner has one
 * message. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>

static void resume_chosen(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);

    if (key == '1') {
        deposit_start(link);
    } else {
        vm->continues[0] = '\0';
        deposit_greet(vm);
    }
}

static void resume_found(struct ticket ticket, int error, const char *id)
{
    struct link *link = link_of(ticket);
    struct list list = {0};

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (deposit_is_left(vm))
        return;
    if (error) {
        deposit_greet(vm);
        return;
    }
    snprintf(vm->continues, sizeof vm->continues, "%s", id);
    list_silence(&list, 300);
    say_to(vm, &list, "msg-go-on");
    link_menu(link, &list, "12", MENU_WAIT_MS, resume_chosen);
}

/* Whatever speaks against it, the greeting is always right. */
void resume_offer(struct voicemail *vm)
{
    const struct request *request = link_request(vm->link);

    if (!vm->known || !deposit_is_possible(vm) || request->anonymous || !*request->caller.user ||
        deposit_find_cut(server_storage(link_server(vm->link)), vm->number, request->caller.user,
                         link_ticket(vm->link), resume_found) != 0)
        deposit_greet(vm);
}
