/*
 * The keys of voicemail follow a map (core/base/settings_keymaps.c), and so do the words about them: where a
 * recording speaks the keys as they are, it is said; what no recording fits is put together, "press seven to
 * delete this message".
 */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <string.h>

static const char *const menu_names[MENU_COUNT] = {
    [MENU_MAIN] = "main",         [MENU_PLAYING] = "playing", [MENU_MESSAGE] = "message",
    [MENU_ADVANCED] = "advanced", [MENU_OPTIONS] = "options", [MENU_PREFERENCES] = "preferences",
    [MENU_GREETING] = "greeting",
};

enum menu menu_named(const char *name)
{
    int menu = 0;

    while (menu < MENU_COUNT && strcmp(menu_names[menu], name) != 0)
        menu++;
    return (enum menu)menu;
}

const char *menu_name(enum menu menu)
{
    return menu_names[menu];
}

/* Recordings, and the keys that they speak: each with an act's phrase or a menu's name. Long ones first. */
static const struct {
    const char *prompt;
    struct {
        char key;
        const char *what;
    } keys[6];
} recordings[] = {
    {"vm-options",
     {{'1', "greet-unavailable"},
      {'2', "greet-busy"},
      {'3', "greet-name"},
      {'4', "greet-temporary"},
      {'5', "pin"},
      {'*', "main"}}},
    {"vm-opts", {{'2', "folder"}, {'3', "advanced"}, {'0', "options"}}},
    {"vm-helpexit", {{'*', "help"}, {'#', "exit"}}},
    {"vm-tempgreeting2", {{'1', "record-temporary"}, {'2', "erase-temporary"}}},
    {"vm-advopts", {{'3', "advanced"}}},
    {"vm-prev", {{'4', "previous"}}},
    {"vm-repeat", {{'5', "repeat"}}},
    {"vm-next", {{'6', "next"}}},
    {"vm-delete", {{'7', "delete"}}},
    {"vm-undelete", {{'7', "undelete"}}},
    {"vm-toforward", {{'8', "forward"}}},
    {"vm-savemessage", {{'9', "save"}}},
    {"vm-toreply", {{'1', "reply"}}},
    {"vm-tocallback", {{'2', "call-back"}}},
    {"vm-tohearenv", {{'3', "envelope"}}},
    {"vm-tomakecall", {{'4', "place-call"}}},
    {"vm-leavemsg", {{'5', "compose"}}},
    {"vm-starmain", {{'*', "main"}}},
};
#define RECORDINGS (sizeof recordings / sizeof recordings[0])
#define RECORDED_KEYS (sizeof recordings[0].keys / sizeof recordings[0].keys[0])

/* -- which key does what
 * ------------------------------------------------------------------------------------------- */

/* A mailbox's row may name a map that confab.conf no longer has: then he gets the server's. */
static const struct menu_settings *menu_of(const struct voicemail *vm, enum menu menu)
{
    const struct settings *settings = link_settings(vm->link);
    const struct keymap_settings *map = *vm->box.keymap ? settings_keymap(settings, vm->box.keymap) : NULL;

    if (*vm->box.keymap && !map)
        link_log(vm->link, LEVEL_WARNING, "keymap-unknown mailbox=%s keymap=%s", vm->number, vm->box.keymap);
    if (!map)
        map = settings_keymap(settings, settings->keymap ? settings->keymap : KEYMAP_DEFAULT);
    return keymap_menu(map, menu_names[menu]);
}

/* "Reply" and its like are nothing to whom no message has been read. */
static bool key_fits(const struct voicemail *vm, const struct menu_key *key)
{
    return key->menu ? vm->list || menu_named(key->menu) != MENU_MESSAGE
                     : vm->list || !act_named(key->act)->message;
}

/* NULL: it does nothing here. */
static const struct menu_key *key_find(const struct voicemail *vm, const struct menu_settings *menu, char key)
{
    for (size_t i = 0; i < menu->key_count; i++)
        if (menu->keys[i].key == key)
            return key_fits(vm, &menu->keys[i]) ? &menu->keys[i] : NULL;
    return NULL;
}

/* What words call it; NULL: it is not worth any now. */
static const char *key_phrase(const struct voicemail *vm, const struct menu_key *key)
{
    const struct act *act;

    if (!key_fits(vm, key))
        return NULL;
    if (key->menu)
        return key->menu;
    act = act_named(key->act);
    if (act->offered && !act->offered(vm))
        return NULL;
    return act->phrase ? act->phrase(vm) : act->name;
}

/* -- words
 * ----------------------------------------------------------------------------------------------------------
 */

/* Takes the keys of a recording out of `left`, and is true, when all of them are still there and mean what it
 * says. */
static bool recording_fits(const struct voicemail *vm, const struct menu_settings *menu, size_t recording,
                           char *left)
{
    for (size_t i = 0; i < RECORDED_KEYS && recordings[recording].keys[i].key; i++) {
        const struct menu_key *key = key_find(vm, menu, recordings[recording].keys[i].key);
        const char *phrase = key && strchr(left, key->key) ? key_phrase(vm, key) : NULL;

        if (!phrase || strcmp(phrase, recordings[recording].keys[i].what) != 0)
            return false;
    }
    for (size_t i = 0; i < RECORDED_KEYS && recordings[recording].keys[i].key; i++) {
        char *at = strchr(left, recordings[recording].keys[i].key);
        memmove(at, at + 1, strlen(at));
    }
    return true;
}

static bool recording_speaks(size_t recording, char key)
{
    for (size_t i = 0; i < RECORDED_KEYS; i++)
        if (recordings[recording].keys[i].key == key)
            return true;
    return false;
}

static void key_compose(struct voicemail *vm, struct list *list, char key, const char *phrase)
{
    const char digit[] = {key, '\0'};
    bool listen = !strcmp(phrase, "listen");
    char name[64];

    if (listen && key == '1') {
        say_to(vm, list, "vm-onefor");
    } else {
        say_to(vm, list, "vm-press");
        say_digits_to(vm, list, digit);
        snprintf(name, sizeof name, "key-%s", phrase);
        say_to(vm, list, listen ? "vm-for" : name);
    }
    if (listen) {
        say_to(vm, list, folder_prompt(vm->folder));
        say_to(vm, list, "vm-messages");
    }
}

/* One key after another, as the map has them; a recording that speaks several at the first of them. */
static void menu_say(struct voicemail *vm, const struct menu_settings *menu, struct list *list)
{
    char left[MENU_KEYS_MAX + 1] = "";

    for (size_t i = 0; i < menu->prompt_count; i++) {
        if (*menu->prompts[i] == '/')
            list_file(vm->link, list, menu->prompts[i], false);
        else
            say_to(vm, list, menu->prompts[i]);
    }
    for (size_t i = 0; i < menu->key_count && i < MENU_KEYS_MAX && !menu->prompt_count; i++)
        left[i] = menu->keys[i].key;
    while (*left) {
        const struct menu_key *key = key_find(vm, menu, *left);
        const char *phrase = key ? key_phrase(vm, key) : NULL;
        size_t r = 0;

        while (phrase && r < RECORDINGS && !(recording_speaks(r, *left) && recording_fits(vm, menu, r, left)))
            r++;
        if (phrase && r < RECORDINGS) {
            say_to(vm, list, recordings[r].prompt);
        } else {
            if (phrase)
                key_compose(vm, list, *left, phrase);
            memmove(left, left + 1, strlen(left));
        }
    }
}

/* -- keys
 * -----------------------------------------------------------------------------------------------------------
 */

static void keymap_again(struct link *link)
{
    struct voicemail *vm = link_state(link);

    act_open(vm, vm->menu);
}

static void keymap_nothing(struct voicemail *vm)
{
    if (vm->menu == MENU_PLAYING) {
        message_played(vm);
    } else if (++vm->rounds < MENU_ROUNDS) {
        act_open(vm, vm->menu);
    } else {
        vm->rounds = 0;
        act_nobody(vm);
    }
}

/* A key that does nothing here is told so: silence would leave him in doubt whether it was heard. */
static void keymap_pressed(struct link *link, char pressed)
{
    struct voicemail *vm = link_state(link);
    const struct menu_key *key;

    if (!pressed) {
        keymap_nothing(vm);
        return;
    }
    vm->rounds = 0;
    key = key_find(vm, menu_of(vm, vm->menu), pressed);
    if (!key)
        voicemail_tell(vm, "pm-invalid-option", keymap_again);
    else if (key->menu)
        act_open(vm, menu_named(key->menu));
    else
        act_named(key->act)->run(vm);
}

void keymap_ask(struct voicemail *vm, enum menu menu, struct list *list)
{
    vm->menu = menu;
    menu_say(vm, menu_of(vm, menu), list);
    link_menu(vm->link, list, ALL_KEYS, MENU_WAIT_MS, keymap_pressed);
}

/* Keys that do nothing are not asked for, so that they do not stop the message. */
void keymap_play(struct voicemail *vm, const struct list *list)
{
    const struct menu_settings *menu = menu_of(vm, MENU_PLAYING);
    char keys[MENU_KEYS_MAX + 1] = "", live[MENU_KEYS_MAX + 1] = "";

    vm->menu = MENU_PLAYING;
    for (size_t i = 0; i < menu->key_count && i < MENU_KEYS_MAX; i++) {
        const struct menu_key *key = &menu->keys[i];
        char *to = key->act && act_named(key->act)->live ? live : keys;

        to[strlen(to)] = key->key;
    }
    link_menu_live(vm->link, list, keys, live, 0, keymap_pressed);
}
