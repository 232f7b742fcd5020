/* An owner's first visit: a PIN of his own, his name, his greeting. Who hangs up before the end is led
 * through it again. */
#include "apps/voicemail/voicemail.h"

static void tutorial_ended(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error) {
        voicemail_trouble(vm, "tutorial", error);
        return;
    }
    vm->box.tutorial = false;
    login_go_on(vm);
}

static void tutorial_end(struct link *link)
{
    struct voicemail *vm = link_state(link);
    int error = mailbox_end_tutorial(server_storage(link_server(link)), vm->number, link_ticket(link),
                                     tutorial_ended);

    if (error)
        voicemail_trouble(vm, "tutorial", error);
}

static void tutorial_greeting(struct link *link)
{
    greeting_take(link_state(link), GREETING_UNAVAILABLE, tutorial_end);
}

void tutorial_go_on(struct voicemail *vm)
{
    greeting_take(vm, GREETING_NAME, tutorial_greeting);
}

static void tutorial_pin(struct link *link)
{
    pin_first(link_state(link));
}

void tutorial_start(struct voicemail *vm)
{
    voicemail_tell(vm, "msg-tutorial", tutorial_pin);
}
