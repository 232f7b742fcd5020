/* Voicemail: the link at the end of a subscriber's path, and the numbers that owners and callers dial on
 * purpose. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- saying things
 * -------------------------------------------------------------------------------------------------- */

void say_to(struct voicemail *vm, struct list *list, const char *name)
{
    struct phrase phrase = {0};

    say(link_prompts(vm->link), &phrase, name);
    list_phrase(list, &phrase);
}

void say_digits_to(struct voicemail *vm, struct list *list, const char *digits)
{
    struct phrase phrase = {0};

    say_digits(link_prompts(vm->link), &phrase, digits);
    list_phrase(list, &phrase);
}

void voicemail_tell(struct voicemail *vm, const char *name, link_step *then)
{
    struct list list = {0};

    say_to(vm, &list, name);
    link_play(vm->link, &list, then);
}

void voicemail_goodbye(struct link *link)
{
    voicemail_tell(link_state(link), "vm-goodbye", link_hangup);
}

void voicemail_trouble(struct voicemail *vm, const char *what, int error)
{
    link_log(vm->link, LEVEL_ERROR, "%s-failed mailbox=%s error=%d", what, vm->number, error);
    voicemail_tell(vm, "msg-trouble", voicemail_goodbye);
}

/* -- where the call comes from
 * -------------------------------------------------------------------------------------- */

struct voicemail *voicemail_new(struct link *link)
{
    struct voicemail *vm = calloc(1, sizeof *vm);

    if (!vm) {
        link_reject(link, 500, NULL);
        return NULL;
    }
    vm->link = link;
    link_set_state(link, vm);
    return vm;
}

void voicemail_know(struct voicemail *vm, const struct mailbox *box)
{
    snprintf(vm->number, sizeof vm->number, "%s", box->number);
    vm->box = *box;
    vm->limit_s = mailbox_longest_s(box, link_settings(vm->link));
    vm->known = true;
    link_offer_language(vm->link, box->language);
}

static void voicemail_box_found(struct ticket ticket, int error, const struct mailbox *box)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == ENOENT) {
        /* His phones' failure stands; a cause that a PBX told is no answer of ours. */
        link_reject(link, link_request(link)->callee ? vm->status : 404, NULL);
        return;
    }
    /* With the database away a message is taken all the same: the spool keeps it (storage/spool.h). */
    if (error == 0)
        voicemail_know(vm, box);
    link_answer(link);
}

/* A message for `number`, whose call failed with `status` (0: he who calls wants to leave a message). */
static void voicemail_deposit(struct link *link, const char *number, int status)
{
    struct voicemail *vm = link_state(link) ? link_state(link) : voicemail_new(link);

    if (!vm)
        return;
    vm->status = status;
    snprintf(vm->number, sizeof vm->number, "%s", number);
    int error =
        mailbox_find(server_storage(link_server(link)), number, link_ticket(link), voicemail_box_found);
    if (error)
        link_answer(link); /* as with the database away */
}

static void voicemail_owner_found(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == 0 && *subscriber->mailbox) {
        snprintf(vm->number, sizeof vm->number, "%s", subscriber->mailbox);
        vm->direct = true;
        link_set_language(link, subscriber->language);
    }
    link_answer(link); /* who has no box of his own is asked for one */
}

/* His own phone spares him the number, never the PIN: phones stand in open rooms. */
static void voicemail_own(struct link *link, const struct request *request)
{
    struct voicemail *vm = voicemail_new(link);

    if (!vm)
        return;
    if (!request->user || subscriber_find(server_storage(link_server(link)), request->user, link_ticket(link),
                                          voicemail_owner_found) != 0)
        link_answer(link);
}

/* Who was called for it: only the PIN is asked. */
static void voicemail_visit(struct link *link, const struct request *request)
{
    struct voicemail *vm = voicemail_new(link);

    if (!vm)
        return;
    snprintf(vm->number, sizeof vm->number, "%s", request->number);
    vm->direct = true;
    link_answer(link);
}

/* "*99." is dialled as *991002: the mailbox begins where the pattern leaves digits open. A pattern without
 * such a place is the mailbox's own number. */
static const char *voicemail_dialled(struct link *link, const char *number)
{
    const struct number_settings *row = settings_number(link_settings(link), number);
    size_t fixed = row ? strcspn(row->pattern, "X.") : 0;

    return fixed < strlen(number) ? number + fixed : number;
}

static void voicemail_invited(struct link *link, const struct request *request)
{
    const char *mode = request->argument;

    if (request->callee) {
        link_continue(link); /* the last link of a subscriber's path: waits for a failure */
    } else if (!strcmp(mode, "own")) {
        voicemail_own(link, request);
    } else if (!strcmp(mode, "visit")) { /* the owner of this mailbox has been called (apps/callout.c) */
        voicemail_visit(link, request);
    } else if (!strcmp(mode, "login")) {
        if (voicemail_new(link))
            link_answer(link);
    } else if (!strcmp(mode, "directory")) {
        if (voicemail_new(link))
            link_answer(link);
    } else if (!strncmp(mode, CALLED_ARGUMENT, strlen(CALLED_ARGUMENT))) {
        if (voicemail_new(link))
            calls_arrived(link_state(link), mode);
    } else if (!strcmp(mode, "pilot")) {
        pilot_invited(link);
    } else if (!strcmp(mode, "screen")) {
        if (voicemail_new(link))
            screen_invited(link_state(link), voicemail_dialled(link, request->number));
    } else if (!strcmp(mode, SCREEN_ARGUMENT)) {
        if (voicemail_new(link))
            screen_called(link_state(link), request->number);
    } else if (!strcmp(mode, "deposit")) {
        voicemail_deposit(link, voicemail_dialled(link, request->number), 0);
    } else if (!strcmp(mode, "mailbox")) { /* handed over by another application */
        voicemail_deposit(link, request->number, 0);
    } else {
        link_log(link, LEVEL_ERROR, "argument-unknown number=%s argument=%s", request->number, mode);
        link_reject(link, 500, NULL);
    }
}

/* Failures that say nobody is there to talk. The rest (404, 488, 5xx of a trunk …) the caller must hear as
 * they are. */
static bool voicemail_failed(struct link *link, int status)
{
    static const int taken[] = {408, 410, 480, 486, 487, 600, 603};
    const struct request *request = link_request(link);
    struct voicemail *vm = link_state(link);

    if (vm && operator_failed(vm))
        return true;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (taken[i] == status && request->callee && *request->callee->mailbox) {
            voicemail_deposit(link, request->callee->mailbox, status);
            return true;
        }
    }
    return false;
}

/* A caller without a status came to leave a message by its own number, or to visit a mailbox. */
static void voicemail_answered(struct link *link)
{
    struct voicemail *vm = link_state(link);
    const char *mode = link_request(link)->argument;

    if (vm->status || !strcmp(mode, "deposit") || !strcmp(mode, "mailbox")) {
        resume_offer(vm);
        screen_begin(vm);
        fax_await(vm);
    } else if (!strcmp(mode, "directory"))
        directory_visit(vm);
    else if (vm->calling.answered)
        calls_joined(vm);
    else if (vm->screening && vm->admitted)
        screen_join(vm);
    else
        login_start(vm);
}

/* The last that is called: what was said is committed here, if nobody has judged it yet (take_ended()). */
static void voicemail_ended(struct link *link)
{
    struct voicemail *vm = link_state(link);

    if (!vm)
        return;
    screen_ended(vm);
    deposit_ended(vm);
    calls_ended(vm);
    inbox_close(vm);
    explicit_bzero(vm->new_pin, sizeof vm->new_pin);
    free(vm);
}

const struct app voicemail_app = {
    .name = "voicemail",
    .judge = keymap_judge,
    .invited = voicemail_invited,
    .failed = voicemail_failed,
    .answered = voicemail_answered,
    .ended = voicemail_ended,
};
