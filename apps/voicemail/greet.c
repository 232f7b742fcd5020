/*
 * What a caller hears before the beep. Of all greetings that fit, the first in this order: the one for this
 * very caller; out of office, until its end; closed; the cause's (busy, no answer); the standard one; the
 * owner's name within the server's words; those words with his number. One that is broken makes room for the
 * next.
 */
#include "apps/voicemail/voicemail.h"

static const enum greeting_kind greet_order[] = {GREETING_CALLER, GREETING_TEMPORARY, GREETING_CLOSED,
                                                 GREETING_BUSY,   GREETING_NO_ANSWER, GREETING_UNAVAILABLE,
                                                 GREETING_NAME};

/* It only says something: no message is taken. */
static bool greet_is_all(const struct voicemail *vm)
{
    return vm->known && vm->box.kind == MAILBOX_GREETING;
}

/* Who dialled the mailbox on purpose (no status) is only asked to speak. */
static bool greet_says_who(const struct voicemail *vm)
{
    return vm->status || greet_is_all(vm);
}

static bool greet_fits(const struct voicemail *vm, enum greeting_kind kind)
{
    const struct request *request = link_request(vm->link);

    if (!vm->known || !greet_says_who(vm) || !vm->box.greetings[kind])
        return false;
    switch (kind) {
    case GREETING_CALLER: /* who withholds his number is nobody that the owner knows */
        return !request->anonymous && *request->caller.user;
    case GREETING_CLOSED:
        return vm->box.closed;
    case GREETING_BUSY:
        return deposit_is_busy(vm);
    case GREETING_NO_ANSWER:
        return vm->status == 408 || vm->status == 487;
    default:
        return true;
    }
}

/* -- afterwards
 * ------------------------------------------------------------------------------------------------------- */

/* The PIN of the box that speaks is asked, as on the owner's own phone. */
static void greet_login(struct voicemail *vm)
{
    screen_ended(vm); /* nobody leaves a message any more */
    fax_forget(vm);
    vm->status = 0;
    vm->direct = true;
    login_start(vm);
}

static void greet_end(struct voicemail *vm)
{
    if (*vm->box.operator_number)
        operator_call(vm);
    else
        voicemail_goodbye(vm->link);
}

/* '#' has cut the greeting short. */
static void greet_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);

    if (key == '*')
        greet_login(vm);
    else if (key == '0')
        operator_call(vm);
    else if (greet_is_all(vm))
        greet_end(vm);
    else
        deposit_start(link);
}

/* -- the greeting
 * ----------------------------------------------------------------------------------------------------- */

/* A subscriber has proved who he is (digest); whether others may try PINs here is the box's own choice. */
static const char *greet_keys(const struct voicemail *vm)
{
    bool login = vm->known && (link_request(vm->link)->user || vm->box.login_from_greeting);

    if (*operator_number(vm))
        return login ? "#*0" : "#0";
    return login ? "#*" : "#";
}

/* An own greeting says all there is to say; a name alone is put into the standard words, and without either
 * his number is. */
static void greet_play(struct voicemail *vm, const char *file, enum greeting_kind kind)
{
    bool whole = file && kind != GREETING_NAME;
    struct list list = {0};

    list_silence(
        &list, 300); /* the far side's media path opens with the first packets: nothing said is lost to it */
    if (file)
        list_file(vm->link, &list, file, true);
    if (!whole && greet_says_who(vm)) {
        if (!file) {
            say_to(vm, &list, "vm-theperson");
            say_digits_to(vm, &list, vm->number);
        }
        say_to(vm, &list, deposit_is_busy(vm) ? "vm-isonphone" : "vm-isunavail");
    }
    if (!whole && !greet_is_all(vm))
        say_to(vm, &list, "vm-intro");
    link_menu(vm->link, &list, greet_keys(vm), 0, greet_key);
}

static void greet_from(struct voicemail *vm, size_t at);

static void greet_fetched(struct ticket ticket, int error, const char *path)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    enum greeting_kind kind = greet_order[vm->greet_at];
    if (deposit_is_left(vm))
        return;
    if (error == 0) {
        greet_play(vm, path, kind);
        return;
    }
    if (error != ENOENT || kind != GREETING_CALLER) /* that one may be for others */
        link_log(link, LEVEL_WARNING, "greeting-lost mailbox=%s kind=%d error=%d", vm->number, kind, error);
    greet_from(vm, vm->greet_at + 1);
}

static int greet_fetch(struct voicemail *vm, enum greeting_kind kind)
{
    struct storage *st = server_storage(link_server(vm->link));

    if (kind == GREETING_CALLER)
        return greeting_fetch_for(st, vm->number, link_request(vm->link)->caller.user, false,
                                  link_ticket(vm->link), greet_fetched);
    return greeting_fetch(st, vm->number, kind, link_ticket(vm->link), greet_fetched);
}

/* The first that fits, of those from this place in the order on. */
static void greet_from(struct voicemail *vm, size_t at)
{
    size_t count = sizeof greet_order / sizeof greet_order[0];

    while (at < count && !greet_fits(vm, greet_order[at]))
        at++;
    vm->greet_at = at;
    if (at == count || greet_fetch(vm, greet_order[at]) != 0)
        greet_play(vm, NULL, GREETING_COUNT);
}

bool deposit_is_possible(const struct voicemail *vm)
{
    return !vm->known || (!greet_is_all(vm) && !mailbox_is_full(&vm->box));
}

/* A full mailbox is told before the caller has spoken, not after. */
void deposit_greet(struct voicemail *vm)
{
    if (!greet_is_all(vm) && !deposit_is_possible(vm)) {
        link_log(vm->link, LEVEL_NOTICE, "mailbox-full mailbox=%s", vm->number);
        voicemail_tell(vm, "vm-mailboxfull", voicemail_goodbye);
        return;
    }
    greet_from(vm, 0);
}
