/* What an owner sends from his box: a message of his own, an answer, or what was left to him to somebody
 * else. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <string.h>

/* -- a message of one's own
 * ----------------------------------------------------------------------------------------- */

static void compose_done(struct voicemail *vm)
{
    vm->then = NULL;
    inbox_menu(vm->link);
}

/* With the database away he may speak all the same: the spool keeps it, and commit tells him the truth. */
static void compose_found(struct ticket ticket, int error, const struct mailbox *box)
{
    struct link *link = link_of(ticket);
    struct list list = {0};

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == ENOENT) {
        voicemail_tell(vm, "vm-nobox", inbox_menu);
    } else if (error == 0 && mailbox_is_full(box)) {
        voicemail_tell(vm, "vm-mailboxfull", inbox_menu);
    } else {
        vm->then = compose_done;
        vm->status = 0;
        vm->limit_s = error ? 0 : mailbox_longest_s(box, link_settings(link));
        say_to(vm, &list, "vm-intro");
        link_play(link, &list, deposit_start);
    }
}

static void compose_number(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);

    if (!*digits)
        inbox_menu(link);
    else
        send_compose(vm, digits);
}

/* `number` NULL: he is asked for it. */
void send_compose(struct voicemail *vm, const char *number)
{
    struct list list = {0};

    if (!number) {
        say_to(vm, &list, "msg-enter-mailbox");
        link_ask(vm->link, &list, 16, MENU_WAIT_MS, compose_number);
        return;
    }
    snprintf(vm->dialled, sizeof vm->dialled, "%s", number);
    int error =
        mailbox_find(server_storage(link_server(vm->link)), number, link_ticket(vm->link), compose_found);
    if (error)
        voicemail_trouble(vm, "recipient", error);
}

/* -- an answer
 * ----------------------------------------------------------------------------------------------- */

void send_reply(struct voicemail *vm)
{
    if (*message_entry(vm)->caller)
        send_compose(vm, message_entry(vm)->caller);
    else
        voicemail_tell(vm, "vm-nonumber", message_menu);
}

/* -- to somebody else
 * ---------------------------------------------------------------------------------------- */

static void forward_done(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error && error != ENOENT)
        voicemail_trouble(vm, "forward", error);
    else
        voicemail_tell(vm, error ? "vm-nobox" : "vm-msgforwarded", message_menu);
}

/* Asked before the row is written, as a full mailbox is no place to forward to. The sound is not copied. */
static void forward_found(struct ticket ticket, int error, const struct mailbox *box)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == ENOENT) {
        voicemail_tell(vm, "vm-nobox", message_menu);
        return;
    }
    if (error == 0 && mailbox_is_full(box)) {
        voicemail_tell(vm, "vm-mailboxfull", message_menu);
        return;
    }
    if (error == 0)
        error = entry_forward(server_storage(link_server(link)), message_entry(vm)->id, box->number,
                              link_ticket(link), forward_done);
    if (error)
        voicemail_trouble(vm, "forward", error);
}

static void forward_number(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);

    if (!*digits) {
        message_menu(link);
        return;
    }
    int error = mailbox_find(server_storage(link_server(link)), digits, link_ticket(link), forward_found);
    if (error)
        voicemail_trouble(vm, "forward", error);
}

void send_forward(struct voicemail *vm)
{
    struct list list = {0};

    say_to(vm, &list, "msg-enter-mailbox");
    link_ask(vm->link, &list, 16, MENU_WAIT_MS, forward_number);
}
