/*
 * Forwarding: to whom, with words of one's own before it or without, and what came of it. The message stays
 * as it is; each receiver has a row of his own.
 */
#include "apps/voicemail/voicemail.h"

#include <errno.h>

#define INTRODUCTION_MAX_MS 120000

static void forward_menu(struct link *link);

static void forward_sent(struct ticket ticket, int error, const struct sent *sent)
{
    struct link *link = link_of(ticket);
    struct list list = {0};

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == EPERM) {
        voicemail_tell(vm, "msg-is-private", message_menu);
        return;
    }
    if (error == ENOENT) {
        message_changed_elsewhere(vm);
        return;
    }
    if (error) {
        voicemail_trouble(vm, "forward", error);
        return;
    }
    if (sent->placed)
        say_to(vm, &list, "vm-msgforwarded");
    recipients_say_missed(vm, &list, sent);
    link_log(link, LEVEL_INFO, "forwarded entry=%s placed=%u missed=%u", message_entry(vm)->id, sent->placed,
             sent->missed);
    link_play(link, &list, message_menu);
}

/* `introduction` NULL: none. */
static void forward_send(struct voicemail *vm, const char *introduction)
{
    int error = entry_send(server_storage(link_server(vm->link)), message_entry(vm)->id, vm->to.target,
                           vm->number, introduction, link_ticket(vm->link), forward_sent);

    if (error)
        voicemail_trouble(vm, "forward", error);
}

/* -- an introduction --------------------------------------------------------------------------------------
 */

/* Who hangs up has not accepted it, nor has he said that it shall go without. */
static void forward_taken(struct voicemail *vm, enum take_result result)
{
    if (result == TAKE_ACCEPTED) {
        forward_send(vm, vm->take.path);
        return;
    }
    take_drop(vm);
    if (result != TAKE_HUNG_UP)
        voicemail_tell(vm, result == TAKE_EMPTY ? "msg-nothing-recorded" : "msg-not-saved", forward_menu);
}

static void forward_introduce(struct voicemail *vm)
{
    vm->take = (struct take){
        .max_ms = INTRODUCTION_MAX_MS,
        .silence_ms = 1000 * link_settings(vm->link)->message_silence_s,
        .min_ms = 500,
        .redo = take_again_in_cache,
        .done = forward_taken,
    };
    voicemail_tell(vm, "vm-record-prepend", take_in_cache);
}

static void forward_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);

    if (key == '1')
        forward_introduce(vm);
    else if (key == '*')
        message_menu(link);
    else
        forward_send(vm, NULL);
}

/* "To say something before it press 1, to send it as it is press 2." */
static void forward_menu(struct link *link)
{
    struct list list = {0};

    say_to(link_state(link), &list, "vm-forwardoptions");
    link_menu(link, &list, "12*", MENU_WAIT_MS, forward_key);
}

void send_forward(struct voicemail *vm)
{
    recipients_ask(vm, forward_menu, message_menu);
}
