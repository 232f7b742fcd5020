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
    link_log(vm->link, LEVEL_NOTICE, "login-refused mailbox=%s try=%u", vm->number, vm->tries + 1);
    if (++vm->tries < LOGIN_TRIES)
        voicemail_tell(vm, "msg-login-incorrect", login_again);
    else
        voicemail_tell(vm, "msg-login-incorrect", voicemail_goodbye);
}

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
        if (box->pin_must_change)
            pin_first(vm);
        else
            inbox_welcome(vm);
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
    int error = mailbox_check_pin(server_storage(link_server(link)), vm->number, digits, link_ticket(link),
                                  login_checked);
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

void login_start(struct voicemail *vm)
{
    vm->tries = 0;
    login_again(vm->link);
}
