/*
 * Who shall have a message: "1002#", "1002*1003#", a list's number, or somebody by his name ("*#"). Several
 * become a list for this message, so that one deposit or one forwarding reaches them all.
 */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <string.h>

#define TYPED_MAX 32 /* keys of one question */
#define MISSES_SAID 4

static void recipients_next(struct link *link);
static void recipients_more(struct link *link);

static void recipients_stored(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error)
        voicemail_trouble(vm, "recipients", error);
    else
        vm->to.then(link);
}

/* All have been looked up. */
static void recipients_settle(struct voicemail *vm)
{
    struct receivers *to = &vm->to;
    int error;

    if (to->more) {
        to->more = false;
        recipients_more(vm->link);
    } else if (to->count == 0) {
        to->nobody(vm->link);
    } else if (to->count == 1) {
        snprintf(to->target, sizeof to->target, "%s", to->numbers[0]);
        to->then(vm->link);
    } else {
        to->limit_s = 0;
        to->list = true;
        uuid_make(to->target);
        error = recipients_store(server_storage(link_server(vm->link)), to->target, vm->number, to->numbers,
                                 to->count, link_ticket(vm->link), recipients_stored);
        if (error)
            voicemail_trouble(vm, "recipients", error);
    }
}

static void recipients_add(struct receivers *to, const char *number, unsigned limit_s)
{
    snprintf(to->numbers[to->count++], sizeof to->numbers[0], "%s", number);
    to->limit_s = limit_s;
}

/* The first of what was typed, up to its star, is taken off. */
static void recipients_shift(struct receivers *to)
{
    size_t length = strcspn(to->typed, "*");

    length += strspn(to->typed + length, "*");
    memmove(to->typed, to->typed + length, strlen(to->typed + length) + 1);
}

/* He is told, and it is written down; what is nobody's number may be a PIN that was typed too early. */
static void recipients_miss(struct voicemail *vm, const char *number, const char *reason, const char *words)
{
    link_log(vm->link, LEVEL_NOTICE, "recipient-missed mailbox=%s number=%s reason=%s", vm->number, number,
             reason);
    voicemail_tell(vm, words, recipients_next);
}

static void recipients_judge(struct voicemail *vm, int error, const struct mailbox *box)
{
    struct receivers *to = &vm->to;
    char number[NUMBER_TEXT];

    snprintf(number, sizeof number, "%.*s", (int)strcspn(to->typed, "*"), to->typed);
    recipients_shift(to);
    if (error == ENOENT || (error == 0 && box->kind == MAILBOX_GREETING)) {
        recipients_miss(vm, "-", "unknown", "vm-nobox");
    } else if (error == EACCES) {
        recipients_miss(vm, number, "not-permitted", "msg-not-permitted");
    } else if (error == 0 && mailbox_is_full(box)) {
        recipients_miss(vm, number, "full", "vm-mailboxfull");
    } else if (to->count == SEND_MAX) {
        *to->typed = '\0';
        recipients_miss(vm, number, "too-many", "msg-too-many-recipients");
    } else if (error == 0) {
        to->list = box->kind == MAILBOX_LIST;
        recipients_add(to, box->number, mailbox_longest_s(box, link_settings(vm->link)));
        recipients_next(vm->link);
    } else {
        recipients_add(to, number, 0);
        recipients_next(vm->link);
    }
}

/* With the database away he may speak all the same: the spool keeps it, and commit tells him the truth. That
 * is so for one receiver alone, as several are a list that only the database can keep. */
static void recipients_found(struct ticket ticket, int error, const struct mailbox *box)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    bool known = error == 0 || error == ENOENT || error == EACCES;
    if (!known && (vm->to.count > 0 || strchr(vm->to.typed, '*')))
        voicemail_trouble(vm, "recipient", error);
    else
        recipients_judge(vm, error, box);
}

static void recipients_next(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct receivers *to = &vm->to;
    char number[NUMBER_TEXT];

    if (!*to->typed) {
        recipients_settle(vm);
        return;
    }
    snprintf(number, sizeof number, "%.*s", (int)strcspn(to->typed, "*"), to->typed);
    int error = recipient_find(server_storage(link_server(link)), number, vm->number, link_ticket(link),
                               recipients_found);
    if (error)
        voicemail_trouble(vm, "recipient", error);
}

static void recipients_chosen(struct voicemail *vm, const char *number)
{
    vm->to.more = true;
    snprintf(vm->to.typed, sizeof vm->to.typed, "%s", number);
    recipients_next(vm->link);
}

static void recipients_typed(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);

    char *typed = vm->to.typed;
    size_t length = strlen(typed);
    struct list silence = {0};

    if (!*typed && !strcmp(digits, "*")) {
        directory_ask(vm, recipients_chosen, recipients_more);
        return;
    }
    snprintf(typed + length, sizeof vm->to.typed - length, "%s", digits);
    if (strlen(digits) == TYPED_MAX && length + 2 * TYPED_MAX < sizeof vm->to.typed) {
        link_ask(link, &silence, TYPED_MAX, MENU_WAIT_MS, recipients_typed); /* he is still typing */
        return;
    }
    memmove(typed, typed + strspn(typed, "*"), strlen(typed + strspn(typed, "*")) + 1);
    recipients_next(link);
}

static void recipients_more(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    say_to(vm, &list, vm->to.count ? "msg-more-recipients" : "msg-enter-recipients");
    link_ask(link, &list, TYPED_MAX, MENU_WAIT_MS, recipients_typed);
}

void recipients_ask(struct voicemail *vm, link_step *then, link_step *nobody)
{
    vm->to = (struct receivers){.then = then, .nobody = nobody};
    recipients_more(vm->link);
}

void recipients_take(struct voicemail *vm, const char *number, link_step *then, link_step *nobody)
{
    vm->to = (struct receivers){.then = then, .nobody = nobody};
    snprintf(vm->to.typed, sizeof vm->to.typed, "%s", number);
    recipients_next(vm->link);
}

void recipients_say_missed(struct voicemail *vm, struct list *list, const struct sent *sent)
{
    struct phrase phrase = {0};

    if (!sent->missed)
        return;
    say_to(vm, list, "msg-not-reached");
    say_number(link_prompts(vm->link), &phrase, sent->missed);
    list_phrase(list, &phrase);
    for (unsigned i = 0; i < sent->missed && i < MISSES_SAID; i++) {
        say_to(vm, list, "vm-extension");
        say_digits_to(vm, list, sent->misses[i].mailbox);
        say_to(vm, list, sent->misses[i].full ? "vm-mailboxfull" : "vm-nobox");
    }
}
