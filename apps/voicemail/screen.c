/*
 * Live screening: the owner listens while a message is left, and takes the call by pressing 1. Caller and
 * owner are in a mixing room of their own; until the call is taken the owner is mute in it. What is played to
 * the caller or recorded from him goes on meanwhile: neither is the room's affair.
 */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <string.h>

#define TAKE_KEY '1'
#define OWNERS_MAX 4 /* who have the mailbox and are called at a time */
/* RFC 5373 §4; phones that know an older way look for the parameter of Call-Info. */
#define RING_HEADERS "Answer-Mode: Auto\r\nCall-Info: <sip:%s>;answer-after=0\r\n"

static struct voicemail *deposits; /* calls that leave a message now, the newest first */

static struct voicemail *screen_find(const struct server *server, const char *mailbox)
{
    for (struct voicemail *vm = deposits; vm; vm = vm->next_deposit)
        if (link_server(vm->link) == server && !vm->screener && !vm->away && strcmp(vm->number, mailbox) == 0)
            return vm;
    return NULL;
}

/* -- the caller's side
 * ----------------------------------------------------------------------------------------------------- */

static void screen_rung(void *arg, int status)
{
    struct voicemail *vm = arg;

    (void)status;
    vm->phones_ring--;
}

/* Somebody listens, or there is nothing to listen to any more. */
static void screen_stop_ringing(struct voicemail *vm)
{
    if (vm->phones_ring)
        call_cancel_origin(link_server(vm->link), vm);
    vm->phones_ring = 0;
}

/* His phones answer by themselves, if they do that for us; else they ring until somebody listens. */
static void screen_call(struct voicemail *vm, const char *owner)
{
    const struct request *request = link_request(vm->link);
    char headers[sizeof RING_HEADERS + 128];
    struct call_order order = {
        .number = owner,
        .phones_only = true,
        .caller = request->caller,
        .headers = headers,
        .app = "voicemail",
        .argument = SCREEN_ARGUMENT,
        .onward = vm->number,
        .done = screen_rung,
        .arg = vm,
    };

    snprintf(headers, sizeof headers, RING_HEADERS, link_settings(vm->link)->realm);
    if (request->anonymous)
        order.caller = (struct party){.user = "anonymous"};
    int error = call_make(link_server(vm->link), &order);
    if (error)
        link_log(vm->link, LEVEL_NOTICE, "screen-not-called mailbox=%s owner=%s error=%d", vm->number, owner,
                 error);
    else
        vm->phones_ring++;
}

/* One of those who have the mailbox and a phone; the last answer is ENOENT. Who leaves the message may be one
 * of them: his phone is busy with it. */
static void screen_owner(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct link *link = link_of(ticket);

    if (!link || error)
        return;
    struct voicemail *vm = link_state(link);
    const char *caller = link_request(link)->user;
    if (!vm->listed || vm->screener || vm->away || vm->phones_ring >= OWNERS_MAX ||
        (caller && strcmp(caller, subscriber->number) == 0))
        return;
    screen_call(vm, subscriber->number);
}

void screen_begin(struct voicemail *vm)
{
    if (vm->listed || !deposit_is_possible(vm))
        return;
    vm->listed = true;
    vm->next_deposit = deposits;
    deposits = vm;
}

void screen_ring(struct voicemail *vm)
{
    if (!vm->listed || vm->rung || vm->screener || !vm->known || !vm->box.screen)
        return;
    vm->rung = true;
    int error = subscriber_each_of_mailbox(server_storage(link_server(vm->link)), vm->number,
                                           link_ticket(vm->link), screen_owner);
    if (error)
        link_log(vm->link, LEVEL_NOTICE, "screen-not-called mailbox=%s error=%d", vm->number, error);
}

/* He leaves no message any more: who has only listened has nothing to listen to, who has taken the call
 * nobody to talk to. */
static void screen_end(struct voicemail *vm)
{
    struct voicemail **at = &deposits, *screener = vm->screener;

    screen_stop_ringing(vm);
    if (vm->listed) {
        while (*at != vm)
            at = &(*at)->next_deposit;
        *at = vm->next_deposit;
    }
    vm->listed = false;
    if (screener) {
        vm->screener = NULL;
        screener->screened = NULL;
        link_hangup(screener->link);
    }
}

/* -- the owner's side
 * ------------------------------------------------------------------------------------------------------ */

/* Who has taken the call ends it; who has listened leaves the caller to his message. */
static void screener_end(struct voicemail *vm)
{
    struct voicemail *caller = vm->screened;

    if (caller) {
        caller->screener = NULL;
        vm->screened = NULL;
        if (caller->taken)
            link_hangup(caller->link);
        else
            link_enter(caller->link, 0);
    }
    if (vm->room)
        mix_close(link_server(vm->link), vm->room);
    vm->room = 0;
}

void screen_ended(struct voicemail *vm)
{
    screen_end(vm);
    screener_end(vm);
}

static void screen_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link), *caller = vm->screened;

    if (key != TAKE_KEY || !caller || caller->taken)
        return;
    link_log(link, LEVEL_INFO, "deposit-taken mailbox=%s", vm->number);
    caller->taken = true;
    link_mute(link, false);
    fax_forget(caller);
    deposit_leave(caller);
}

void screen_join(struct voicemail *vm)
{
    struct voicemail *caller = screen_find(link_server(vm->link), vm->number);

    if (!caller) {
        voicemail_tell(vm, "conf-nobody", voicemail_goodbye);
        return;
    }
    if (mix_open(link_server(vm->link), &vm->room) != 0) {
        voicemail_tell(vm, "msg-trouble", voicemail_goodbye);
        return;
    }
    vm->screened = caller;
    caller->screener = vm;
    screen_stop_ringing(caller);
    link_log(vm->link, LEVEL_INFO, "deposit-screened mailbox=%s", vm->number);
    link_mute(vm->link, true);
    link_enter(vm->link, vm->room);
    link_enter(caller->link, vm->room);
    link_on_key(vm->link, screen_key);
}

static void screen_owner_found(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == 0 && !*vm->number)
        snprintf(vm->number, sizeof vm->number, "%s", subscriber->mailbox);
    vm->admitted = error == 0 && *vm->number && strcmp(subscriber->mailbox, vm->number) == 0;
    vm->direct = *vm->number != '\0';
    if (vm->admitted && !screen_find(link_server(link), vm->number))
        link_reject(link, 480, "Nobody Leaves a Message");
    else
        link_answer(link);
}

/* His own phone is known by its digest; from any other he is asked for the PIN, and hears no sooner whether
 * somebody is there. */
void screen_invited(struct voicemail *vm, const char *mailbox)
{
    const char *user = link_request(vm->link)->user;

    vm->screening = true;
    snprintf(vm->number, sizeof vm->number, "%s", mailbox);
    vm->direct = *vm->number != '\0';
    if (!user || subscriber_find(server_storage(link_server(vm->link)), user, link_ticket(vm->link),
                                 screen_owner_found) != 0)
        link_answer(vm->link);
}

/* A phone that we have called for it. */
void screen_called(struct voicemail *vm, const char *mailbox)
{
    vm->screening = vm->admitted = true;
    snprintf(vm->number, sizeof vm->number, "%s", mailbox);
    link_answer(vm->link);
}
