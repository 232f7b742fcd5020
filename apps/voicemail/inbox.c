/* The owner is in: how many messages, the main menu, and folders. */
#include "apps/voicemail/voicemail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct storage *inbox_storage(const struct voicemail *vm)
{
    return server_storage(link_server(vm->link));
}

const char *folder_prompt(enum folder folder)
{
    static const char *const names[FOLDER_COUNT + 1] = {"vm-INBOX",  "vm-Old",     "vm-Work",
                                                        "vm-Family", "vm-Friends", "folder-trash"};

    return names[folder];
}

/* -- main menu
 * ------------------------------------------------------------------------------------------------------ */

/* Whoever is here is at no message any more. */
void inbox_menu(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    inbox_close(vm);
    keymap_ask(vm, MENU_MAIN, &list);
}

void inbox_listen(struct voicemail *vm)
{
    inbox_open(vm, vm->folder);
}

/* -- folders
 * -------------------------------------------------------------------------------------------------------- */

void inbox_ask_folder(struct voicemail *vm, const char *question, int count, link_key *fn)
{
    struct list list = {0};

    say_to(vm, &list, question);
    for (int folder = 0; folder < count; folder++) {
        char digit[2] = {(char)('0' + folder), '\0'};
        say_to(vm, &list, "vm-press");
        say_digits_to(vm, &list, digit);
        say_to(vm, &list, "vm-for");
        say_to(vm, &list, folder_prompt((enum folder)folder));
        say_to(vm, &list, "vm-messages");
    }
    say_to(vm, &list, "vm-tocancel");
    link_menu(vm->link, &list, ALL_KEYS, MENU_WAIT_MS, fn);
}

static void inbox_folder_chosen(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);

    if (key >= '0' && key <= '0' + FOLDER_TRASH)
        inbox_open(vm, (enum folder)(key - '0'));
    else
        inbox_menu(link);
}

void inbox_change_folder(struct voicemail *vm)
{
    inbox_ask_folder(vm, "vm-changeto", FOLDER_TRASH + 1, inbox_folder_chosen);
}

/* "You have no new messages", "nothing was found". */
static void inbox_say_empty(struct voicemail *vm)
{
    struct list list = {0};

    if (*vm->query.caller) {
        say_to(vm, &list, "msg-none-found");
    } else {
        say_to(vm, &list, "vm-youhave");
        say_to(vm, &list, "vm-no");
        say_to(vm, &list, folder_prompt(vm->folder));
        say_to(vm, &list, "vm-messages");
    }
    link_play(vm->link, &list, inbox_menu);
}

/* Adds what was found to the end of the list. */
static int inbox_append(struct voicemail *vm, const struct entry_list *found)
{
    size_t before = vm->list ? vm->list->count : 0;
    struct entry_list *list =
        realloc(vm->list, sizeof *list + (before + found->count) * sizeof list->entries[0]);

    if (!list)
        return ENOMEM;
    memcpy(&list->entries[before], found->entries, found->count * sizeof list->entries[0]);
    list->count = before + found->count;
    vm->list = list;
    vm->more = found->count == ENTRIES_MAX;
    return 0;
}

/*
 * The list is a copy and a snapshot: what comes or goes meanwhile does not shift the message he stands at.
 * Each entry carries its version, so that a change over somebody else's is refused by storage
 * (message_updated()).
 */
static void inbox_listed(struct ticket ticket, int error, const struct entry_list *found)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    size_t at = vm->list ? vm->list->count : 0;
    if (!error && found->count)
        error = inbox_append(vm, found);
    if (error) {
        voicemail_trouble(vm, "list", error);
    } else if (found->count) {
        vm->at = at;
        message_present(vm);
    } else if (vm->list) { /* a full listing was all there is */
        vm->more = false;
        voicemail_tell(vm, "vm-nomore", message_menu);
    } else {
        inbox_say_empty(vm);
    }
}

static void inbox_list(struct voicemail *vm)
{
    int error = entries_list(inbox_storage(vm), vm->number, &vm->query, link_ticket(vm->link), inbox_listed);

    if (error)
        voicemail_trouble(vm, "list", error);
}

void inbox_again(struct voicemail *vm)
{
    inbox_close(vm);
    vm->query.newest_first = vm->box.newest_first;
    *vm->query.after = '\0';
    inbox_list(vm);
}

void inbox_open(struct voicemail *vm, enum folder folder)
{
    vm->folder = vm->query.folder = folder;
    *vm->query.caller = '\0';
    inbox_again(vm);
}

void inbox_more(struct voicemail *vm)
{
    snprintf(vm->query.after, sizeof vm->query.after, "%s", vm->list->entries[vm->list->count - 1].id);
    inbox_list(vm);
}

/* -- search
 * ---------------------------------------------------------------------------------------------------------
 */

static void inbox_caller_typed(struct link *link, const char *digits)
{
    struct voicemail *vm = link_state(link);

    if (!*digits) {
        message_menu(link);
        return;
    }
    snprintf(vm->query.caller, sizeof vm->query.caller, "%s", digits);
    inbox_again(vm);
}

/* He need not know how the network writes a number: its last digits do. */
void inbox_find(struct voicemail *vm)
{
    struct list list = {0};

    say_to(vm, &list, "msg-find-caller");
    link_ask(vm->link, &list, 16, MENU_WAIT_MS, inbox_caller_typed);
}

void inbox_close(struct voicemail *vm)
{
    free(vm->list);
    vm->list = NULL;
    vm->more = false;
}

/* -- welcome
 * -------------------------------------------------------------------------------------------------------- */

/* Urgent ones come first, in words as in the folder. */
static void inbox_say_urgent(struct voicemail *vm, struct list *list, unsigned count)
{
    struct phrase number = {0};

    say_to(vm, list, "vm-youhave");
    say_number(link_prompts(vm->link), &number, count);
    list_phrase(list, &number);
    say_to(vm, list, "vm-Urgent");
    say_to(vm, list, count == 1 ? "vm-message" : "vm-messages");
}

/* The menu offers the folder that has something in it: new messages first, old ones when there are only
 * those. */
static void inbox_counted(struct ticket ticket, int error, const struct mailbox_counts *counts)
{
    struct link *link = link_of(ticket);
    struct phrase phrase = {0};
    struct list list = {0};

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error) {
        voicemail_trouble(vm, "count", error);
        return;
    }
    unsigned fresh = counts->fresh + counts->fax_fresh, old = counts->old + counts->fax_old;
    unsigned urgent = counts->fresh_urgent + counts->fax_fresh_urgent;
    vm->folder = fresh || !old ? FOLDER_INBOX : FOLDER_OLD;
    greeting_remind(vm, &list);
    if (urgent)
        inbox_say_urgent(vm, &list, urgent);
    say_message_count(link_prompts(link), &phrase, fresh, old);
    list_phrase(&list, &phrase);
    /* Keys pressed while it speaks are kept for the menu: whoever knows the way need not wait. */
    link_play(link, &list, inbox_menu);
}

void inbox_welcome(struct voicemail *vm)
{
    vm->rounds = 0;
    int error = mailbox_count(inbox_storage(vm), vm->number, link_ticket(vm->link), inbox_counted);
    if (error)
        voicemail_trouble(vm, "count", error);
}
