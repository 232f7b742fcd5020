/* One message: "first message, received … from …", the message itself, and what may be done with it. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLER_SPELT_MAX                                                                                     \
    24 /* a longer name would leave no room for the message in what is played in one go */

#define MESSAGE_ITEMS 12 /* a pause, an introduction, and a file or what is said of a fax */

struct entry *message_entry(const struct voicemail *vm)
{
    return &vm->list->entries[vm->at];
}

/* -- changes of the row
 * --------------------------------------------------------------------------------------------- */

static void message_reopen(struct link *link)
{
    inbox_again(link_state(link));
}

/* Another phone or a page was faster: nothing is done over what it did, he hears the folder as it is now. */
void message_changed_elsewhere(struct voicemail *vm)
{
    link_log(vm->link, LEVEL_NOTICE, "entry-changed-elsewhere mailbox=%s", vm->number);
    voicemail_tell(vm, "msg-changed-elsewhere", message_reopen);
}

void message_updated(struct ticket ticket, int error, const struct entry *entry)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == ESTALE || error == ENOENT) {
        message_changed_elsewhere(vm);
    } else if (error) {
        voicemail_trouble(vm, "update", error);
    } else {
        *message_entry(vm) = *entry;
        vm->updated(link);
    }
}

/* Writes the entry as wanted; goes on with `then` once the row has it, so that nothing is said that is not
 * so. */
static void message_write(struct voicemail *vm, const struct entry *wanted, link_step *then)
{
    vm->updated = then;
    int error =
        entry_update(server_storage(link_server(vm->link)), wanted, link_ticket(vm->link), message_updated);
    if (error)
        voicemail_trouble(vm, "update", error);
}

/* He has heard it once its end was reached, or once he has decided something about it. */
static void message_heard(struct voicemail *vm, link_step *then)
{
    struct entry entry = *message_entry(vm);

    if (entry.heard || vm->left_alone) {
        then(vm->link);
        return;
    }
    entry.heard = true;
    message_write(vm, &entry, then);
}

/* -- what it says
 * --------------------------------------------------------------------------------------------------- */

bool message_has_next(const struct voicemail *vm)
{
    return vm->at + 1 < vm->list->count || vm->more;
}

/* "First message", "message two", "last message": where he is in the folder, not a number that storage would
 * keep. */
static void message_say_number(struct voicemail *vm, struct list *list)
{
    struct phrase number = {0};

    if (vm->at == 0)
        say_to(vm, list, "vm-first");
    else if (!message_has_next(vm))
        say_to(vm, list, "vm-last");
    if (message_entry(vm)->urgent)
        say_to(vm, list, "vm-Urgent");
    say_to(vm, list, "vm-message");
    if (vm->at && message_has_next(vm)) {
        say_number(link_prompts(vm->link), &number, (long)vm->at + 1);
        list_phrase(list, &number);
    }
}

/* When, in the owner's own time zone, and from whom; a caller who withheld his number is "an unknown caller".
 */
static void message_say_envelope(struct voicemail *vm, struct list *list)
{
    const struct entry *entry = message_entry(vm);
    struct phrase when = {0};

    say_to(vm, list, "vm-received");
    say_when(link_prompts(vm->link), &when, entry->left, clock_wall(), vm->box.zone);
    list_phrase(list, &when);
    if (!*entry->caller) {
        say_to(vm, list, "vm-unknown-caller");
    } else if (strlen(entry->caller) <= CALLER_SPELT_MAX) {
        say_to(vm, list, "vm-from-phonenumber");
        say_digits_to(vm, list, entry->caller);
    }
}

/* Pages cannot be heard: that it is a fax is, and how long. */
static void message_say_fax(struct voicemail *vm, struct list *list)
{
    const struct entry *entry = message_entry(vm);
    struct phrase pages = {0};

    say_to(vm, list, "msg-fax");
    say_number(link_prompts(vm->link), &pages, entry->pages);
    list_phrase(list, &pages);
    if (entry->cut)
        say_to(vm, list, "msg-fax-cut");
}

/* -- playing
 * -------------------------------------------------------------------------------------------------------- */

/*
 * Words and message are one play, so that a key cuts either short; he who knows who called need not wait. The
 * file is ours: it goes once it is loaded (file_reply in storage/mailbox.h).
 */
static void message_play(struct voicemail *vm, const char *path)
{
    const struct entry *entry = message_entry(vm);
    struct list list = {0};

    message_say_number(vm, &list);
    team_say_to(vm, &list);
    if (vm->box.envelope)
        message_say_envelope(vm, &list);
    if (list.count > LIST_MAX - MESSAGE_ITEMS) /* long numbers must not leave the message out */
        list.count = LIST_MAX - MESSAGE_ITEMS;
    list_silence(&list, 300);
    if (*vm->introduction)
        list_file(vm->link, &list, vm->introduction, true);
    if (entry->fax)
        message_say_fax(vm, &list);
    else
        list_file(vm->link, &list, path, true);
    keymap_play(vm, &list);
    playing_settle(vm);
}

static void message_go_on(struct link *link);

static void message_broken(struct link *link)
{
    struct voicemail *vm = link_state(link);

    vm->left_alone = true;
    message_go_on(link);
}

static void message_fetched(struct ticket ticket, int error, const char *path)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == ENOTCONN) {
        voicemail_trouble(vm, "fetch", error);
        return;
    }
    if (error == ENOENT) { /* it is gone, and so is its place among the others */
        message_changed_elsewhere(vm);
        return;
    }
    if (error) {
        /* One broken message must not keep him from the others: it is named, and stays as it is. */
        link_log(link, LEVEL_ERROR, "message-broken entry=%s error=%d", message_entry(vm)->id, error);
        voicemail_tell(vm, "msg-cannot-play", message_broken);
        return;
    }
    message_play(vm, path);
}

static void message_fetch(struct voicemail *vm)
{
    if (message_entry(vm)->fax) {
        message_play(vm, NULL);
        return;
    }
    int error = entry_fetch(server_storage(link_server(vm->link)), vm->number, message_entry(vm)->id,
                            link_ticket(vm->link), message_fetched);
    if (error)
        voicemail_trouble(vm, "fetch", error);
}

/* The message is worth hearing without what was said before it, too. */
static void message_introduced(struct ticket ticket, int error, const char *path)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (!error)
        snprintf(vm->introduction, sizeof vm->introduction, "%s", path);
    message_fetch(vm);
}

/* The sound is fetched anew each time: hours may lie between, and the cache is no place to keep messages. */
void message_present(struct voicemail *vm)
{
    const struct entry *entry = message_entry(vm);

    vm->paused = false;
    vm->left_alone = false;
    vm->rounds = 0;
    *vm->introduction = '\0';
    if (!entry->introduced || introduction_fetch(server_storage(link_server(vm->link)), vm->number, entry->id,
                                                 link_ticket(vm->link), message_introduced) != 0)
        message_fetch(vm);
}

/* -- from one to the next
 * ------------------------------------------------------------------------------------------------- */

/* At either end of the folder he stays where he is: a wrap would let him miss that he has heard them all. */
static void message_next(struct link *link)
{
    struct voicemail *vm = link_state(link);

    if (vm->at + 1 < vm->list->count) {
        vm->at++;
        message_present(vm);
    } else if (vm->more) {
        inbox_more(vm);
    } else {
        voicemail_tell(vm, "vm-nomore", message_menu);
    }
}

void message_go_next(struct voicemail *vm)
{
    message_heard(vm, message_next);
}

static void message_previous(struct link *link)
{
    struct voicemail *vm = link_state(link);

    if (vm->at > 0) {
        vm->at--;
        message_present(vm);
    } else {
        voicemail_tell(vm, "vm-nomore", message_menu);
    }
}

void message_go_previous(struct voicemail *vm)
{
    message_heard(vm, message_previous);
}

static void message_go_on(struct link *link)
{
    struct voicemail *vm = link_state(link);

    if (vm->box.autoplay && message_has_next(vm))
        message_next(link);
    else
        message_menu(link);
}

void message_played(struct voicemail *vm)
{
    message_heard(vm, message_go_on);
}

/* -- acts
 * -----------------------------------------------------------------------------------------------------------
 */

static void message_say_deleted(struct link *link)
{
    struct voicemail *vm = link_state(link);

    voicemail_tell(vm, message_entry(vm)->deleted ? "vm-deleted" : "vm-undeleted", message_menu);
}

/* Deleted ones stay in the list and in the table, so that the same key brings them back while he is here. */
void message_toggle_delete(struct voicemail *vm)
{
    struct entry entry = *message_entry(vm);

    entry.heard = true;
    entry.deleted = !entry.deleted;
    message_write(vm, &entry, message_say_deleted);
}

static void message_say_filed(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    message_say_number(vm, &list);
    say_to(vm, &list, "vm-savedto");
    say_to(vm, &list, folder_prompt(message_entry(vm)->folder));
    say_to(vm, &list, "vm-messages");
    link_play(link, &list, message_menu);
}

static void message_file(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);
    struct entry entry = *message_entry(vm);

    if (key < '0' || key >= '0' + FOLDER_COUNT) {
        message_menu(link);
        return;
    }
    entry.folder = (enum folder)(key - '0');
    entry.heard = entry.folder != FOLDER_INBOX; /* filed under "new" it is new again, lamp and all */
    entry.deleted = false;
    vm->left_alone = !entry.heard;
    message_write(vm, &entry, message_say_filed);
}

void message_save(struct voicemail *vm)
{
    inbox_ask_folder(vm, "vm-savefolder", FOLDER_COUNT, message_file);
}

static void message_say_new(struct link *link)
{
    voicemail_tell(link_state(link), "msg-marked-new", message_menu);
}

/* Where it is filed it stays; the lamp is lit again for what lies among the new ones. */
void message_make_new(struct voicemail *vm)
{
    struct entry entry = *message_entry(vm);

    if (entry.folder == FOLDER_OLD)
        entry.folder = FOLDER_INBOX;
    entry.heard = entry.deleted = false;
    vm->left_alone = true;
    message_write(vm, &entry, message_say_new);
}

void message_envelope(struct voicemail *vm)
{
    struct list list = {0};

    message_say_envelope(vm, &list);
    link_play(vm->link, &list, message_menu);
}

static void message_mailed(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == ESTALE)
        message_changed_elsewhere(vm);
    else if (error && error != ENOENT)
        voicemail_trouble(vm, "mail", error);
    else
        voicemail_tell(vm, error ? "msg-no-address" : "msg-mailed", message_menu);
}

void message_mail_it(struct voicemail *vm)
{
    int error = entry_mail(server_storage(link_server(vm->link)), vm->number, message_entry(vm)->id,
                           link_ticket(vm->link), message_mailed);

    if (error)
        voicemail_trouble(vm, "mail", error);
}

/* Also the way back from what can be done without a message: then it is the main menu. */
void message_menu(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    if (vm->list)
        keymap_ask(vm, MENU_MESSAGE, &list);
    else
        inbox_menu(link);
}
