/* What an owner says himself: a message of his own, or an answer. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>

/* -- a message of one's own
 * ----------------------------------------------------------------------------------------- */

static void compose_told(struct ticket ticket, int error, const struct sent *sent)
{
    struct link *link = link_of(ticket);
    struct list list = {0};

    if (!link)
        return;
    if (error)
        link_log(link, LEVEL_WARNING, "missed-unknown error=%d", error);
    if (error || !sent->missed) {
        inbox_menu(link);
        return;
    }
    recipients_say_missed(link_state(link), &list, sent);
    link_play(link, &list, inbox_menu);
}

/* Of several some may not have been reached. */
static void compose_done(struct voicemail *vm)
{
    vm->then = NULL;
    if (!vm->to.list || undelivered_find(server_storage(link_server(vm->link)), vm->deposit.id,
                                         link_ticket(vm->link), compose_told) != 0)
        inbox_menu(vm->link);
}

static void compose_asked(struct link *link, char key)
{
    (void)key; /* who knows the words cuts them short by '#' */
    deposit_start(link);
}

static void compose_begin(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    snprintf(vm->dialled, sizeof vm->dialled, "%s", vm->to.target);
    vm->then = compose_done;
    vm->status = 0;
    vm->limit_s = vm->to.limit_s;
    say_to(vm, &list, "vm-intro");
    link_menu(link, &list, "#", 0, compose_asked);
}

void send_compose(struct voicemail *vm, const char *number)
{
    if (number)
        recipients_take(vm, number, compose_begin, inbox_menu);
    else
        recipients_ask(vm, compose_begin, inbox_menu);
}

static void send_to_found(struct voicemail *vm, const char *number)
{
    send_compose(vm, number);
}

void send_directory(struct voicemail *vm)
{
    directory_ask(vm, send_to_found, message_menu);
}

/* -- an answer
 * ----------------------------------------------------------------------------------------------- */

/* Who has no box here, as he was just told, is called; whether that may be is asked there. */
static void reply_by_call(struct link *link)
{
    send_call_back(link_state(link));
}

void send_reply(struct voicemail *vm)
{
    if (*message_entry(vm)->caller)
        recipients_take(vm, message_entry(vm)->caller, compose_begin, reply_by_call);
    else
        voicemail_tell(vm, "vm-nonumber", message_menu);
}
