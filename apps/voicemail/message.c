/* One message: "first message, received … from …", the message itself, and what may be done with it. */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIP_MS 3000
#define CALLER_SPELT_MAX                                                                                     \
    24 /* a longer name would leave no room for the message in what is played in one go */

static void message_do(struct voicemail *vm, enum act act);

struct entry *message_entry(const struct voicemail *vm)
{
    return &vm->list->entries[vm->at];
}

/* -- changes of the row
 * --------------------------------------------------------------------------------------------- */

static void message_reopen(struct link *link)
{
    struct voicemail *vm = link_state(link);

    inbox_open(vm, vm->folder);
}

void message_updated(struct ticket ticket, int error, const struct entry *entry)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == ESTALE || error == ENOENT) {
        /* Another phone or a page was faster: nothing is done over what it did, he hears the folder as it is
         * now. */
        link_log(link, LEVEL_NOTICE, "entry-changed-elsewhere mailbox=%s", vm->number);
        voicemail_tell(vm, "msg-changed-elsewhere", message_reopen);
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

/* "First message", "message two", "last message": where he is in the folder, not a number that storage would
 * keep. */
static void message_say_number(struct voicemail *vm, struct list *list)
{
    struct phrase number = {0};

    if (vm->at == 0)
        say_to(vm, list, "vm-first");
    else if (vm->at + 1 == vm->list->count)
        say_to(vm, list, "vm-last");
    say_to(vm, list, "vm-message");
    if (vm->at && vm->at + 1 != vm->list->count) {
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

/* -- playing
 * -------------------------------------------------------------------------------------------------------- */

static void message_playing_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);

    switch (keymap_act(MENU_PLAYING, key)) {
    case ACT_SKIP_ON:
        link_skip(link, SKIP_MS);
        break;
    case ACT_SKIP_BACK:
        link_skip(link, -SKIP_MS);
        break;
    case ACT_RESTART:
        link_skip(link, INT32_MIN);
        break;
    case ACT_PAUSE:
        vm->paused = !vm->paused;
        link_pause(link, vm->paused);
        break;
    case ACT_NONE: /* played to its end */
        vm->rounds = 0;
        message_heard(vm, message_menu);
        break;
    default:
        message_do(vm, keymap_act(MENU_PLAYING, key));
    }
}

/*
 * Words and message are one play, so that a key cuts either short; he who knows who called need not wait. The
 * file is ours: it goes once it is loaded (file_reply in storage/mailbox.h).
 */
static void message_play(struct voicemail *vm, const char *path)
{
    struct list list = {0};

    message_say_number(vm, &list);
    team_say_to(vm, &list);
    message_say_envelope(vm, &list);
    list_silence(&list, 300);
    if (*vm->introduction)
        list_file(vm->link, &list, vm->introduction, true);
    list_file(vm->link, &list, path, true);
    link_menu_live(vm->link, &list, keymap_keys(MENU_PLAYING, false), keymap_keys(MENU_PLAYING, true), 0,
                   message_playing_key);
}

static void message_broken(struct link *link)
{
    struct voicemail *vm = link_state(link);

    vm->left_alone = true;
    message_menu(link);
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
    int error = entry_fetch(server_storage(link_server(vm->link)), message_entry(vm)->id,
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
    if (!entry->introduced || introduction_fetch(server_storage(link_server(vm->link)), entry->id,
                                                 link_ticket(vm->link), message_introduced) != 0)
        message_fetch(vm);
}

/* -- acts
 * -----------------------------------------------------------------------------------------------------------
 */

/* At either end of the folder he stays where he is: a wrap would let him miss that he has heard them all. */
static void message_next(struct link *link)
{
    struct voicemail *vm = link_state(link);

    if (vm->at + 1 < vm->list->count) {
        vm->at++;
        message_present(vm);
    } else {
        voicemail_tell(vm, "vm-nomore", message_menu);
    }
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

static void message_say_deleted(struct link *link)
{
    struct voicemail *vm = link_state(link);

    voicemail_tell(vm, message_entry(vm)->deleted ? "vm-deleted" : "vm-undeleted", message_menu);
}

/* Deleted ones stay in the list and in the table, so that the same key brings them back while he is here. */
static void message_toggle_delete(struct voicemail *vm)
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

static void message_advanced_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    switch (keymap_act(MENU_ADVANCED, key)) {
    case ACT_ENVELOPE:
        message_say_envelope(vm, &list);
        link_play(link, &list, message_menu);
        break;
    case ACT_REPLY:
        send_reply(vm);
        break;
    case ACT_COMPOSE:
        send_compose(vm, NULL);
        break;
    case ACT_CALL_BACK:
        send_call_back(vm);
        break;
    case ACT_PLACE_CALL:
        send_place_call(vm);
        break;
    case ACT_CLAIM:
        send_claim(vm);
        break;
    default:
        message_menu(link);
    }
}

static void message_advanced(struct voicemail *vm)
{
    struct list list = {0};

    say_to(vm, &list, "vm-toreply");
    say_to(vm, &list, "vm-tocallback");
    say_to(vm, &list, "vm-tohearenv");
    say_to(vm, &list, "vm-tomakecall");
    say_to(vm, &list, "vm-leavemsg");
    say_to(vm, &list, "vm-starmain");
    link_menu(vm->link, &list, keymap_keys(MENU_ADVANCED, false), MENU_WAIT_MS, message_advanced_key);
}

/* What both menus, the one over a playing message and the one after it, have in common. */
static void message_do(struct voicemail *vm, enum act act)
{
    switch (act) {
    case ACT_ADVANCED:
        message_advanced(vm);
        break;
    case ACT_PREVIOUS:
        message_heard(vm, message_previous);
        break;
    case ACT_REPEAT:
        message_present(vm);
        break;
    case ACT_NEXT:
        message_heard(vm, message_next);
        break;
    case ACT_DELETE:
        message_toggle_delete(vm);
        break;
    case ACT_FORWARD:
        send_forward(vm);
        break;
    case ACT_SAVE:
        inbox_ask_folder(vm, "vm-savefolder", message_file);
        break;
    default:
        inbox_menu(vm->link);
    }
}

/* After a message he gets the menu three times; then nobody is there, and the line is given back. */
static void message_key(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);
    enum act act = keymap_act(MENU_MESSAGE, key);

    vm->rounds = key ? 0 : vm->rounds + 1;
    if (act == ACT_HELP || (act == ACT_NONE && vm->rounds < MENU_ROUNDS))
        message_menu(link);
    else if (act == ACT_NONE || act == ACT_EXIT)
        voicemail_goodbye(link);
    else
        message_do(vm, act);
}

/* Says only the keys that lead somewhere; the others work all the same. */
void message_menu(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    if (!vm->list) {
        inbox_menu(link);
        return;
    }
    say_to(vm, &list, "vm-advopts");
    if (vm->at > 0)
        say_to(vm, &list, "vm-prev");
    say_to(vm, &list, "vm-repeat");
    if (vm->at + 1 < vm->list->count)
        say_to(vm, &list, "vm-next");
    say_to(vm, &list, message_entry(vm)->deleted ? "vm-undelete" : "vm-delete");
    say_to(vm, &list, "vm-toforward");
    say_to(vm, &list, "vm-savemessage");
    say_to(vm, &list, "vm-helpexit");
    link_menu(link, &list, keymap_keys(MENU_MESSAGE, false), MENU_WAIT_MS, message_key);
}
