/* The owner is in: how many messages, the main menu, and folders. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct storage *inbox_storage(const struct voicemail *vm)
{
    return server_storage(link_server(vm->link));
}

const char *folder_prompt(enum folder folder)
{
    static const char *const names[FOLDER_COUNT] = {"vm-INBOX", "vm-Old", "vm-Work", "vm-Family",
                                                    "vm-Friends"};

    return names[folder];
}

/* -- main menu
 * ------------------------------------------------------------------------------------------------------ */

/* The menu is its own help; whoever asks for it is there, and gets all its rounds again. */
static void inbox_help(struct link *link)
{
    struct voicemail *vm = link_state(link);

    vm->rounds = 0;
    inbox_menu(link);
}

static void inbox_advanced_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);

    if (keymap_act(MENU_ADVANCED, key) == ACT_COMPOSE)
        send_compose(vm, NULL);
    else
        inbox_menu(link);
}

/* "Advanced" of the main menu: what needs no message. */
void inbox_advanced(struct voicemail *vm)
{
    struct list list = {0};

    say_to(vm, &list, "vm-leavemsg");
    say_to(vm, &list, "vm-starmain");
    link_menu(vm->link, &list, "5*", MENU_WAIT_MS, inbox_advanced_key);
}

static void inbox_folder_chosen(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);

    if (key >= '0' && key < '0' + FOLDER_COUNT)
        inbox_open(vm, (enum folder)(key - '0'));
    else
        inbox_menu(link);
}

static void inbox_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);

    vm->rounds = key ? 0 : vm->rounds + 1;
    switch (keymap_act(MENU_MAIN, key)) {
    case ACT_LISTEN:
        inbox_open(vm, vm->folder);
        break;
    case ACT_FOLDER:
        inbox_ask_folder(vm, "vm-changeto", inbox_folder_chosen);
        break;
    case ACT_ADVANCED:
        inbox_advanced(vm);
        break;
    case ACT_OPTIONS:
        options_menu(link);
        break;
    case ACT_HELP:
        inbox_help(link);
        break;
    case ACT_EXIT:
        voicemail_goodbye(link);
        break;
    default:
        if (vm->rounds < MENU_ROUNDS)
            inbox_menu(link);
        else
            voicemail_goodbye(link);
    }
}

void inbox_menu(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    say_to(vm, &list, "vm-onefor");
    say_to(vm, &list, folder_prompt(vm->folder));
    say_to(vm, &list, "vm-messages");
    say_to(vm, &list, "vm-opts");
    say_to(vm, &list, "vm-helpexit");
    link_menu(link, &list, keymap_keys(MENU_MAIN, false), MENU_WAIT_MS, inbox_key);
}

/* -- folders
 * -------------------------------------------------------------------------------------------------------- */

void inbox_ask_folder(struct voicemail *vm, const char *question, link_key *fn)
{
    struct list list = {0};

    say_to(vm, &list, question);
    for (int folder = 0; folder < FOLDER_COUNT; folder++) {
        char digit[2] = {(char)('0' + folder), '\0'};
        say_to(vm, &list, "vm-press");
        say_digits_to(vm, &list, digit);
        say_to(vm, &list, "vm-for");
        say_to(vm, &list, folder_prompt((enum folder)folder));
        say_to(vm, &list, "vm-messages");
    }
    say_to(vm, &list, "vm-tocancel");
    link_menu(vm->link, &list, "01234#", MENU_WAIT_MS, fn);
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
    if (error) {
        voicemail_trouble(vm, "list", error);
        return;
    }
    inbox_close(vm);
    size_t size = sizeof *found + found->count * sizeof found->entries[0];
    if (found->count && (vm->list = malloc(size)) != NULL)
        memcpy(vm->list, found, size);
    if (vm->list) {
        vm->at = 0;
        message_present(vm);
        return;
    }
    struct list list = {0};
    say_to(vm, &list, "vm-youhave");
    say_to(vm, &list, "vm-no");
    say_to(vm, &list, folder_prompt(vm->folder));
    say_to(vm, &list, "vm-messages");
    link_play(link, &list, inbox_menu);
}

void inbox_open(struct voicemail *vm, enum folder folder)
{
    vm->folder = folder;
    int error = entries_list(inbox_storage(vm), vm->number, folder, link_ticket(vm->link), inbox_listed);
    if (error)
        voicemail_trouble(vm, "list", error);
}

void inbox_close(struct voicemail *vm)
{
    free(vm->list);
    vm->list = NULL;
}

/* -- welcome
 * -------------------------------------------------------------------------------------------------------- */

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
    vm->folder = counts->fresh || !counts->old ? FOLDER_INBOX : FOLDER_OLD;
    say_message_count(link_prompts(link), &phrase, counts->fresh, counts->old);
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
