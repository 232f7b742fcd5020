/* Somebody by the letters of his name: for callers who do not know his number, and for owners who write to
 * him. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>

#define LETTERS_MAX 16
#define SPELT_MAX 20 /* what is longer is cut: the number follows */

static void directory_present(struct link *link);

static void directory_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);
    struct directory *directory = &vm->directory;

    if (key == '1') {
        directory->chosen(vm, directory->list.found[directory->at].number);
    } else if (key == '*') {
        directory->at++;
        directory_present(link);
    } else {
        directory->cancelled(link);
    }
}

/* `file`: he says his name himself; NULL: it is spelt. */
static void directory_say(struct voicemail *vm, const char *file)
{
    const struct found *found = &vm->directory.list.found[vm->directory.at];
    struct list list = {0};
    char letter[] = "letters/?";

    if (file)
        list_file(vm->link, &list, file, true);
    for (size_t i = 0; !file && found->name[i] && i < SPELT_MAX; i++) {
        letter[sizeof letter - 2] = found->name[i];
        if (found->name[i] == ' ')
            list_silence(&list, 300);
        else
            say_to(vm, &list, letter);
    }
    say_to(vm, &list, "vm-extension");
    say_digits_to(vm, &list, found->number);
    say_to(vm, &list, "dir-instr");
    link_menu(vm->link, &list, "1*#", MENU_WAIT_MS, directory_key);
}

static void directory_name_fetched(struct ticket ticket, int error, const char *path)
{
    struct link *link = link_of(ticket);

    if (link)
        directory_say(link_state(link), error ? NULL : path);
}

static void directory_present(struct link *link)
{
    struct voicemail *vm = link_state(link);
    const struct directory *directory = &vm->directory;

    if (directory->at == directory->list.count) {
        voicemail_tell(vm, directory->at ? "dir-nomore" : "dir-nomatch", directory->cancelled);
        return;
    }
    const struct found *found = &directory->list.found[directory->at];
    if (!found->spoken || greeting_fetch(server_storage(link_server(link)), found->number, GREETING_NAME,
                                         link_ticket(link), directory_name_fetched) != 0)
        directory_say(vm, NULL);
}

static void directory_found(struct ticket ticket, int error, const struct found_list *list)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error) {
        voicemail_trouble(vm, "directory", error);
        return;
    }
    vm->directory.list = *list;
    vm->directory.at = 0;
    directory_present(link);
}

static void directory_typed(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);

    if (!*digits) {
        vm->directory.cancelled(link);
        return;
    }
    int error = directory_find(server_storage(link_server(link)), digits, link_ticket(link), directory_found);
    if (error)
        voicemail_trouble(vm, "directory", error);
}

void directory_ask(struct voicemail *vm, void (*chosen)(struct voicemail *vm, const char *number),
                   link_step *cancelled)
{
    struct list list = {0};

    vm->directory.chosen = chosen;
    vm->directory.cancelled = cancelled;
    list_silence(&list, 300);
    say_to(vm, &list, "msg-enter-name");
    link_ask(vm->link, &list, LETTERS_MAX, MENU_WAIT_MS, directory_typed);
}

/* -- a caller ---------------------------------------------------------------------------------------------
 */

/* As if he had dialled the number: where nobody answers, voicemail is at that path's end, too. */
static void directory_call(struct voicemail *vm, const char *number)
{
    link_retarget(vm->link, number, 0);
}

static void directory_again(struct link *link)
{
    struct voicemail *vm = link_state(link);

    if (++vm->rounds < MENU_ROUNDS)
        directory_ask(vm, directory_call, directory_again);
    else
        voicemail_goodbye(link);
}

void directory_visit(struct voicemail *vm)
{
    vm->rounds = 0;
    directory_ask(vm, directory_call, directory_again);
}
