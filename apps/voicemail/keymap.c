/* The keys of voicemail as data: what each does in each menu, and whether a message plays on meanwhile. */
#include "apps/voicemail/voicemail.h"

#include <string.h>

struct key {
    char key;
    enum act act;
    bool live; /* pressed while a message plays, it leaves the play running */
};

#define KEYS_MAX 12

/* The map that the recordings speak: vm-opts, vm-prev, vm-repeat, vm-next, vm-delete, vm-savemessage,
 * vm-options. */
static const struct key keymap[][KEYS_MAX + 1] = {
    [MENU_MAIN] = {{'1', ACT_LISTEN},
                   {'2', ACT_FOLDER},
                   {'3', ACT_ADVANCED},
                   {'0', ACT_OPTIONS},
                   {'*', ACT_HELP},
                   {'#', ACT_EXIT}},
    [MENU_PLAYING] = {{'#', ACT_SKIP_ON, true},
                      {'*', ACT_SKIP_BACK, true},
                      {'0', ACT_PAUSE, true},
                      {'2', ACT_RESTART, true},
                      {'3', ACT_ADVANCED},
                      {'4', ACT_PREVIOUS},
                      {'5', ACT_REPEAT},
                      {'6', ACT_NEXT},
                      {'7', ACT_DELETE},
                      {'8', ACT_FORWARD},
                      {'9', ACT_SAVE}},
    [MENU_MESSAGE] = {{'3', ACT_ADVANCED},
                      {'4', ACT_PREVIOUS},
                      {'5', ACT_REPEAT},
                      {'6', ACT_NEXT},
                      {'7', ACT_DELETE},
                      {'8', ACT_FORWARD},
                      {'9', ACT_SAVE},
                      {'*', ACT_HELP},
                      {'#', ACT_EXIT}},
    [MENU_ADVANCED] = {{'1', ACT_REPLY},
                       {'2', ACT_CALL_BACK},
                       {'3', ACT_ENVELOPE},
                       {'4', ACT_PLACE_CALL},
                       {'5', ACT_COMPOSE},
                       {'6', ACT_CLAIM},
                       {'*', ACT_BACK}},
    [MENU_OPTIONS] = {{'1', ACT_GREET_UNAVAILABLE},
                      {'2', ACT_GREET_BUSY},
                      {'3', ACT_NAME},
                      {'4', ACT_GREET_TEMPORARY},
                      {'5', ACT_PIN},
                      {'6', ACT_LISTS},
                      {'*', ACT_BACK}},
    [MENU_TEMPORARY] = {{'1', ACT_GREET_TEMPORARY}, {'2', ACT_ERASE}, {'*', ACT_BACK}},
};

#define MENUS (sizeof keymap / sizeof keymap[0])

/* Made from the table when first asked for; the signalling thread alone asks. */
const char *keymap_keys(enum menu menu, bool live)
{
    static char keys[MENUS][2][KEYS_MAX + 1];
    char *out = keys[menu][live];

    if (!*out)
        for (const struct key *k = keymap[menu]; k->key; k++)
            if (k->live == live)
                *out++ = k->key;
    return keys[menu][live];
}

/* A menu that ran out of time gives key 0, which is in no table: ACT_NONE. */
enum act keymap_act(enum menu menu, char key)
{
    for (const struct key *k = keymap[menu]; k->key; k++)
        if (k->key == key)
            return k->act;
    return ACT_NONE;
}
