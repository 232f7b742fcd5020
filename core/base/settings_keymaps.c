/*
 * The keys of voicemail: the two maps that every server has, and those that confab.conf adds. What the acts
 * do, and which of them makes sense where, voicemail knows and judges.
 */
#include "core/base/settings.h"
#include "core/base/settings_internal.h"

#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define MENU(menu_name, ...)                                                                                 \
    {                                                                                                        \
        .name = menu_name, .keys = (struct menu_key[]){__VA_ARGS__},                                         \
        .key_count = COUNT(((struct menu_key[]){__VA_ARGS__}))                                               \
    }

/* The keys that the recordings "vm-opts", "vm-prev", "vm-delete", "vm-options" and their like speak. */
static struct menu_settings asterisk[] = {
    MENU("main", {'1', "listen"}, {'2', "folder"}, {'3', .menu = "advanced"}, {'0', .menu = "options"},
         {'*', "help"}, {'#', "exit"}),
    MENU("playing", {'1', "faster"}, {'3', .menu = "advanced"}, {'4', "previous"}, {'5', "repeat"},
         {'6', "next"}, {'7', "delete"}, {'8', "forward"}, {'9', "save"}, {'0', "pause"}, {'2', "restart"},
         {'*', "skip-back"}, {'#', "skip-on"}),
    MENU("message", {'3', .menu = "advanced"}, {'4', "previous"}, {'5', "repeat"}, {'6', "next"},
         {'7', "delete"}, {'8', "forward"}, {'9', "save"}, {'*', "help"}, {'#', "exit"}),
    MENU("advanced", {'1', "reply"}, {'2', "call-back"}, {'3', "envelope"}, {'4', "place-call"},
         {'5', "compose"}, {'6', "new"}, {'7', "find"}, {'8', "claim"}, {'9', "louder"}, {'0', "slower"},
         {'*', .menu = "main"}, {'#', "back"}),
    MENU("options", {'1', "greet-unavailable"}, {'2', "greet-busy"}, {'3', "greet-name"},
         {'4', "greet-temporary"}, {'5', "pin"}, {'6', .menu = "preferences"}, {'7', "greetings"},
         {'8', "lists"}, {'*', .menu = "main"}),
    MENU("preferences", {'1', "order"}, {'2', "autoplay"}, {'3', "envelope-toggle"}, {'*', "back"}),
    MENU("greeting", {'1', "record-greeting"}, {'2', "erase-greeting"}, {'3', "hear-greeting"},
         {'4', "greeting-end"}, {'*', "back"}),
};

/* What those who come from there know by heart; what no map there has stands on keys that are free. */
static struct menu_settings freeswitch[] = {
    MENU("main", {'1', "listen-new"}, {'2', "listen-saved"}, {'3', "folder"}, {'4', .menu = "advanced"},
         {'5', .menu = "options"}, {'0', "help"}, {'#', "exit"}),
    MENU("playing", {'0', "restart"}, {'1', "previous"}, {'2', "save"}, {'3', "next"}, {'4', "skip-back"},
         {'5', "call-back"}, {'6', "skip-on"}, {'7', "delete"}, {'8', "forward"}, {'9', "faster"},
         {'*', "pause"}, {'#', .menu = "message"}),
    MENU("message", {'0', "repeat"}, {'1', "previous"}, {'2', "save"}, {'3', "next"}, {'4', "mail"},
         {'5', "call-back"}, {'6', .menu = "advanced"}, {'7', "delete"}, {'8', "forward"}, {'9', "new"},
         {'*', .menu = "main"}, {'#', "exit"}),
    MENU("advanced", {'1', "reply"}, {'2', "compose"}, {'3', "envelope"}, {'4', "place-call"},
         {'5', "call-back"}, {'6', "find"}, {'7', "claim"}, {'8', "louder"}, {'9', "slower"},
         {'0', .menu = "main"}, {'#', "back"}),
    MENU("options", {'1', "greet-unavailable"}, {'2', "greet-busy"}, {'3', "greet-name"},
         {'4', "greet-temporary"}, {'5', .menu = "preferences"}, {'6', "pin"}, {'7', "greetings"},
         {'8', "lists"}, {'0', .menu = "main"}),
    MENU("preferences", {'1', "order"}, {'2', "autoplay"}, {'3', "envelope-toggle"}, {'0', "back"}),
    MENU("greeting", {'1', "record-greeting"}, {'2', "erase-greeting"}, {'3', "hear-greeting"},
         {'4', "greeting-end"}, {'0', "back"}),
};

static struct keymap_settings built_in[] = {
    {KEYMAP_DEFAULT, asterisk, COUNT(asterisk), 0},
    {"freeswitch", freeswitch, COUNT(freeswitch), 0},
};

static const struct keymap_settings *keymap_among(const struct keymap_settings *maps, size_t count,
                                                  const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(maps[i].name, name) == 0) {
            return &maps[i];
        }
    }
    return NULL;
}

const struct keymap_settings *settings_keymap(const struct settings *s, const char *name)
{
    const struct keymap_settings *map = keymap_among(s->keymaps, s->keymap_count, name);

    return map != NULL ? map : keymap_among(built_in, COUNT(built_in), name);
}

const struct menu_settings *keymap_menu(const struct keymap_settings *map, const char *name)
{
    for (size_t i = 0; i < map->menu_count; i++) {
        if (strcmp(map->menus[i].name, name) == 0) {
            return &map->menus[i];
        }
    }
    return map == &built_in[0] ? NULL : keymap_menu(&built_in[0], name);
}

static int keymap_fill(struct keymap_settings *map, cfg_t *section)
{
    unsigned count = cfg_size(section, "menu");
    int error = 0;

    map->name = cfg_title(section);
    map->line = section_line(section->line, section->name, map->name);
    map->menus = calloc(count + 1, sizeof *map->menus);
    if (map->menus == NULL) {
        return ENOMEM;
    }
    if (count == 0) {
        settings_complain(map->line, "keymap \"%s\": has no menu", map->name);
    }
    for (unsigned i = 0; error == 0 && i < count; i++) {
        error = menu_fill(&map->menus[map->menu_count++], cfg_getnsec(section, "menu", i));
    }
    return error;
}

int keymaps_fill(struct settings *s, cfg_t *cfg)
{
    unsigned count = cfg_size(cfg, "keymap");
    cfg_t *section = cfg_getsec(cfg, "voicemail");
    int error = 0;

    s->keymaps = calloc(count + 1, sizeof *s->keymaps);
    if (s->keymaps == NULL) {
        return ENOMEM;
    }
    for (unsigned i = 0; error == 0 && i < count; i++) {
        error = keymap_fill(&s->keymaps[s->keymap_count++], cfg_getnsec(cfg, "keymap", i));
    }
    if (error == 0 && settings_keymap(s, s->keymap) == NULL) {
        settings_complain(section_line(section->line, "keymap", s->keymap), "keymap: there is no \"%s\"",
                          s->keymap);
    }
    return error;
}

void keymaps_free(struct settings *s)
{
    for (size_t i = 0; i < s->keymap_count; i++) {
        for (size_t m = 0; m < s->keymaps[i].menu_count; m++) {
            menu_free(&s->keymaps[i].menus[m]);
        }
        free(s->keymaps[i].menus);
    }
    free(s->keymaps);
}
