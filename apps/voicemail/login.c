/* Who is it? The mailbox's number (unless his own phone calls) and the PIN. Wrong, unknown and locked sound
 * alike. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <string.h>

static void login_ask_number(struct link *link);
static void login_ask_pin(struct link *link);

/* His own phone has said who he is; from any other the number may have been the mistake. */
static void login_again(struct link *link)
{
    struct voicemail *vm = link_state(link);

    if (vm->direct)
        login_ask_pin(link);
    else
        login_ask_number(link);
}

/*
 * Three tries a call, and none of them says what was wrong: a guesser must not learn which mailboxes there
 * are. That more calls do not give him more tries is storage's affair (mailbox_check_pin()). Digits are never
 * logged.
 */
static void login_refused(struct voicemail *vm)
{
    /* Of who types a number it may be a PIN that was typed too early. */
    link_log(vm->link, LEVEL_NOTICE, "login-refused mailbox=%s try=%u", vm->direct ? vm->number : "-",
             vm->tries + 1);
    if (++vm->tries < LOGIN_TRIES)
        voicemail_tell(vm, "msg-login-incorrect", login_again);
    else
        voicemail_tell(vm, "msg-login-incorrect", voicemail_goodbye);
}

/* -- who is in hears first what he should know ------------------------------------------------------------
 */

void login_go_on(struct voicemail *vm)
{
    if (vm->box.tutorial)
        tutorial_start(vm);
    else if (vm->box.pin_must_change)
        pin_first(vm);
    else if (vm->screening)
        screen_join(vm);
    else
        receipts_tell(vm);
}

static void login_entered(struct link *link)
{
    login_go_on(link_state(link));
}

/* "Failed attempts to log in since your last visit: 3. Your mailbox is almost full." */
static void login_welcome(struct voicemail *vm)
{
    struct phrase phrase = {0};
    struct list list = {0};
    unsigned refused = vm->box.pin_refused;

    if (refused) {
        say(link_prompts(vm->link), &phrase, "msg-attempts");
        say_number(link_prompts(vm->link), &phrase, (long)refused);
        list_phrase(&list, &phrase);
    }
    if (mailbox_is_full(&vm->box))
        say_to(vm, &list, "vm-mailboxfull");
    else if (mailbox_is_almost_full(&vm->box))
        say_to(vm, &list, "msg-almost-full");
    if (refused || mailbox_is_almost_full(&vm->box))
        link_play(vm->link, &list, login_entered);
    else
        login_entered(vm->link);
}

/* -- the PIN ----------------------------------------------------------------------------------------------
 */

/* Anything but EACCES is no verdict on the PIN: it is said to be our trouble, and costs him no try. */
static void login_checked(struct ticket ticket, int error, const struct mailbox *box)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == 0) {
        link_log(link, LEVEL_INFO, "login mailbox=%s", vm->number);
        vm->box = *box;
        vm->known = true;
        link_set_language(link, box->language);
        login_welcome(vm);
    } else if (error == EACCES) {
        login_refused(vm);
    } else {
        voicemail_trouble(vm, "login", error);
    }
}

static void login_pin(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);

    /* Who types nothing has guessed nothing: that must not lock the owner out. */
    if (!*digits) {
        login_refused(vm);
        return;
    }
    struct guesser from;
    link_guesser(link, &from);
    int error = mailbox_check_pin(server_storage(link_server(link)), vm->number, digits, &from,
                                  link_ticket(link), login_checked);
    if (error)
        voicemail_trouble(vm, "login", error);
}

/* The first words wait until the far side's media path is open, as a greeting does. */
static void login_ask_pin(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    list_silence(&list, 300);
    say_to(vm, &list, "vm-password");
    link_ask(link, &list, PIN_MAX, MENU_WAIT_MS, login_pin);
}

/* A number is taken as it is typed: whether there is such a mailbox shows with the PIN, and not before. */
static void login_number(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);

    if (!*digits && ++vm->tries >= LOGIN_TRIES) {
        voicemail_goodbye(link);
        return;
    }
    if (!*digits) {
        login_ask_number(link);
        return;
    }
    if (!strcmp(digits, "*")) { /* no owner, but somebody who looks for one */
        directory_visit(vm);
        return;
    }
    snprintf(vm->number, sizeof vm->number, "%s", digits);
    login_ask_pin(link);
}

static void login_ask_number(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    list_silence(&list, 300);
    say_to(vm, &list, "msg-enter-mailbox");
    link_ask(link, &list, 16, MENU_WAIT_MS, login_number);
}

/* Whatever else came of it, the PIN opens the box. */
static void login_trusted(struct ticket ticket, int error, const struct mailbox *box)
{
    if (error == 0)
        login_checked(ticket, 0, box);
    else if (link_of(ticket))
        login_again(link_of(ticket));
}

/* Only a phone that has shown its subscriber's password (`user`) is anybody's own: what a peer says of its
 * caller is not enough. Whether the box is his, storage knows. */
void login_start(struct voicemail *vm)
{
    struct guesser from;

    link_guesser(vm->link, &from);
    vm->tries = 0;
    if (!vm->direct || !link_request(vm->link)->user ||
        mailbox_trust(server_storage(link_server(vm->link)), vm->number, &from, link_ticket(vm->link),
                      login_trusted) != 0)
        login_again(vm->link);
}
