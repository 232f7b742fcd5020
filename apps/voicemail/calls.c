/*
 * Calls out of the box: to whom a message came from, or to any number that the box may call. Both talk in a
 * room of their own, so that the owner is still in his box when the other hangs up, or when he presses star.
 *
 * The number called sees the box's; each attempt has a row (storage/send.h). Nothing is called that a
 * subscriber whose box it is may not dial himself.
 */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RINGING_HZ 425

static void calls_noted(struct ticket ticket, int error)
{
    (void)ticket;
    if (error)
        log_event(LEVEL_WARNING, "voicemail", NULL, "call-out-end-lost error=%d", error);
}

/* Out of the room, and its row has an end. Whoever is still in it is hung up on. */
static void calls_close(struct voicemail *vm)
{
    struct calling *calling = &vm->calling;
    struct server *server = link_server(vm->link);
    struct link *other = calling->answered ? link_of(calling->other) : NULL;
    int64_t id = calling->id;

    if (!id)
        return;
    calling->id = 0;
    calling->answered = false;
    call_cancel_origin(server, vm);
    if (other)
        link_hangup(other);
    if (calling->mix)
        mix_close(server, calling->mix);
    calling->mix = 0;
    if (call_out_end(server_storage(server), id, calling->status, link_ticket(vm->link), calls_noted) != 0)
        link_log(vm->link, LEVEL_WARNING, "call-out-end-refused id=%lld", (long long)id);
}

/* Back to where he was. */
static void calls_back(struct voicemail *vm, const char *prompt)
{
    link_on_key(vm->link, NULL);
    link_after(vm->link, 0, NULL);
    if (vm->calling.mix)
        link_enter(vm->link, 0);
    calls_close(vm);
    if (prompt)
        voicemail_tell(vm, prompt, message_menu);
    else
        message_menu(vm->link);
}

/* 200: he has answered and is the application's (calls_joined()); anything else: it has failed. */
static void calls_done(void *arg, int status)
{
    struct voicemail *vm = arg;

    vm->calling.status = status;
    if (status != 200)
        calls_back(vm, "msg-call-failed");
}

static void calls_ring(struct link *link, char key)
{
    struct list list = {0};

    if (key == '*') {
        calls_back(link_state(link), NULL);
        return;
    }
    list_tone(&list, RINGING_HZ, 1000);
    list_silence(&list, 4000);
    link_menu(link, &list, "*", 0, calls_ring);
}

/* They have talked as long as a call may last. */
static void calls_overdue(struct link *link)
{
    link_log(link, LEVEL_NOTICE, "call-out-overdue");
    calls_back(link_state(link), "msg-call-too-long");
}

static void calls_key(struct link *link, char key)
{
    if (key == '*')
        calls_back(link_state(link), NULL);
}

static int calls_make(struct voicemail *vm, const char *user)
{
    struct ticket me = link_ticket(vm->link);
    char argument[NUMBER_TEXT];
    struct call_order order = {
        .number = vm->calling.number,
        .user = *user ? user : NULL,
        .onward = vm->number,
        .app = "voicemail",
        .argument = argument,
        .done = calls_done,
        .arg = vm,
    };

    snprintf(argument, sizeof argument, CALLED_ARGUMENT "%llu.%llu", (unsigned long long)me.owner,
             (unsigned long long)me.epoch);
    snprintf(order.caller.user, sizeof order.caller.user, "%s", vm->number);
    snprintf(order.caller.display, sizeof order.caller.display, "%s", vm->box.name);
    return call_make(link_server(vm->link), &order);
}

static void calls_refused(struct voicemail *vm, int error)
{
    link_log(vm->link, LEVEL_NOTICE, "call-out-refused mailbox=%s number=%s error=%d", vm->number,
             vm->calling.number, error);
    if (error == EPERM || error == EBUSY || error == EDQUOT)
        voicemail_tell(vm, error == EPERM ? "msg-call-not-allowed" : "msg-call-too-many", message_menu);
    else
        voicemail_trouble(vm, "call-out", error);
}

static bool calls_allowed(struct ticket ticket, int error, const struct call_leave *leave)
{
    struct link *link = link_of(ticket);

    if (!link)
        return false;
    struct voicemail *vm = link_state(link);
    if (error) {
        calls_refused(vm, error);
        return true;
    }
    vm->calling.id = leave->id;
    vm->calling.status = 500;
    error = mix_open(link_server(link), &vm->calling.mix);
    if (!error)
        error = calls_make(vm, leave->user);
    if (error) {
        link_log(link, LEVEL_WARNING, "call-out-failed mailbox=%s error=%d", vm->number, error);
        calls_back(vm, "msg-call-failed");
        return true;
    }
    vm->calling.status = 487; /* what it is when he gives up */
    calls_ring(link, 0);
    return true;
}

static void calls_begin(struct voicemail *vm, const char *number)
{
    memset(&vm->calling, 0, sizeof vm->calling);
    snprintf(vm->calling.number, sizeof vm->calling.number, "%s", number);
    int error = call_out_begin(server_storage(link_server(vm->link)), vm->number, number,
                               link_settings(vm->link)->calls_a_day, link_ticket(vm->link), calls_allowed);
    if (error)
        voicemail_trouble(vm, "call-out", error);
}

void send_call_back(struct voicemail *vm)
{
    if (*message_entry(vm)->caller)
        calls_begin(vm, message_entry(vm)->caller);
    else
        voicemail_tell(vm, "vm-nonumber", message_menu);
}

static void calls_number(struct link *link, const char *digits)
{
    if (*digits)
        calls_begin(link_state(link), digits);
    else
        message_menu(link);
}

void send_place_call(struct voicemail *vm)
{
    struct list list = {0};

    say_to(vm, &list, "feature-ask-number");
    link_ask(vm->link, &list, 24, MENU_WAIT_MS, calls_number);
}

/* -- who was called ---------------------------------------------------------------------------------------
 */

/* The owner whose call it is; NULL: he has given it up. */
static struct voicemail *calls_owner(const struct voicemail *vm)
{
    struct link *link = link_of(vm->calling.other);
    struct voicemail *owner = link ? link_state(link) : NULL;

    return owner && owner->calling.id ? owner : NULL;
}

void calls_arrived(struct voicemail *vm, const char *argument)
{
    char *end;

    vm->calling.other.owner = strtoull(argument + strlen(CALLED_ARGUMENT), &end, 10);
    vm->calling.other.epoch = (uint32_t)strtoull(*end ? end + 1 : end, NULL, 10);
    vm->calling.answered = true;
    if (calls_owner(vm))
        link_answer(vm->link);
    else
        link_reject(vm->link, 480, NULL);
}

void calls_joined(struct voicemail *vm)
{
    struct voicemail *owner = calls_owner(vm);

    if (!owner) {
        link_hangup(vm->link);
        return;
    }
    owner->calling.other = link_ticket(vm->link);
    owner->calling.answered = true;
    owner->calling.status = 200;
    link_quiet(owner->link);
    link_on_key(owner->link, calls_key);
    link_after(owner->link, link_settings(owner->link)->call_minutes * 60000, calls_overdue);
    link_enter(vm->link, owner->calling.mix);
    link_enter(owner->link, owner->calling.mix);
}

/* Either end: the owner's, whose call is over with his visit, or that of him who was called. */
void calls_ended(struct voicemail *vm)
{
    struct voicemail *owner = vm->calling.answered && !vm->calling.id ? calls_owner(vm) : NULL;

    calls_close(vm);
    if (owner && owner->calling.answered) {
        owner->calling.answered = false; /* he is gone */
        calls_back(owner, NULL);
    }
}
