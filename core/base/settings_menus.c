/*
 * Menus of keys: those that every server has, and what confab.conf puts in their place or adds. What an act
 * is called, and which recordings there are, the applications know; here the menus must only hang together.
 */
#include "core/base/settings.h"
#include "core/base/settings_internal.h"

#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define PROMPTS_MAX 3 /* of a built-in menu */

/*
 * The recordings "conf-usermenu", "conf-adminmenu" and "conf-adminmenu-menu8" speak the keys that stand
 * here; what they do not know is told by a phrase made for it.
 */
static const struct {
    const char *name, *prompts[PROMPTS_MAX];
    struct menu_key keys[MENU_KEYS_MAX];
} built_in[] = {
    {MENU_MEMBER,
     {"conf-usermenu", "conf-usermenu-more"},
     {{'1', "mute-toggle"},
      {'4', "listen-down"},
      {'6', "listen-up"},
      {'7', "talk-down"},
      {'9', "talk-up"},
      {'5', "raise-toggle"},
      {'0', "count"},
      {'8', "exit"}}},
    {MENU_HOST,
     {"conf-adminmenu", "conf-adminmenu-more"},
     {{'1', "mute-toggle"},
      {'2', "lock-toggle"},
      {'3', "kick-last"},
      {'4', "listen-down"},
      {'6', "listen-up"},
      {'7', "talk-down"},
      {'9', "talk-up"},
      {'5', .menu = "people"},
      {'0', .menu = "room"},
      {'8', "exit"}}},
    {"room",
     {"conf-adminmenu-menu8", "conf-roommenu-more"},
     {{'1', "roll-call"},
      {'2', "kick-all"},
      {'3', "mute-all-toggle"},
      {'4', "record-toggle"},
      {'5', "pause-recording-toggle"},
      {'6', "lecture-toggle"},
      {'9', "end"},
      {'0', "count"},
      {'8', "exit"}}},
    {"people",
     {"conf-peoplemenu"},
     {{'1', "admit-next"},
      {'2', "admit-all"},
      {'3', "refuse-next"},
      {'4', "floor-next"},
      {'5', "floor-back"},
      {'6', "dial"},
      {'7', "drop"},
      {'8', "exit"}}},
};

static const char *menu_key_fault(const char *text)
{
    return *text != '\0' && text[1] == '\0' && strchr("0123456789*#", *text) != NULL
               ? NULL
               : "is no key: 0 to 9, * and # are";
}

static const struct menu_settings *menu_named(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->menu_count; i++) {
        if (strcmp(s->menus[i].name, name) == 0) {
            return &s->menus[i];
        }
    }
    return NULL;
}

const struct menu_settings *settings_menu(const struct settings *s, const char *name)
{
    return menu_named(s, name);
}

/* -- reading --------------------------------------------------------------------------------------------- */

static void key_fill(struct menu_key *key, cfg_t *section)
{
    const char *title = cfg_title(section);

    *key = (struct menu_key){
        .key = *title,
        .act = cfg_getstr(section, "act"),
        .menu = cfg_getstr(section, "menu"),
        .text = cfg_getstr(section, "text"),
        .value = (int)cfg_getint(section, "value"),
        .direct = cfg_getbool(section, "direct"),
        .line = section_line(section->line, section->name, title),
    };
    if (menu_key_fault(title) != NULL) {
        settings_complain(key->line, "key \"%s\" %s", title, menu_key_fault(title));
    }
    if ((key->act == NULL) == (key->menu == NULL)) {
        settings_complain(key->line, "key \"%s\": needs an act or a menu, and not both", title);
    }
    /* Without a menu open it opens the menu. */
    if (key->direct && (key->key == '*' || key->act == NULL)) {
        settings_complain(key->line, "key \"%s\": cannot be direct", title);
    }
}

int menu_fill(struct menu_settings *menu, cfg_t *section)
{
    unsigned count = cfg_size(section, "key"), prompts = cfg_size(section, "prompt");

    menu->name = cfg_title(section);
    menu->line = section_line(section->line, section->name, menu->name);
    menu->prompts = calloc(prompts + 1, sizeof *menu->prompts);
    menu->keys = calloc(count + 1, sizeof *menu->keys);
    if (menu->prompts == NULL || menu->keys == NULL) {
        return ENOMEM;
    }
    for (unsigned i = 0; i < prompts; i++) {
        menu->prompts[menu->prompt_count++] = cfg_getnstr(section, "prompt", i);
    }
    for (unsigned i = 0; i < count; i++) {
        key_fill(&menu->keys[menu->key_count++], cfg_getnsec(section, "key", i));
    }
    if (count == 0) {
        settings_complain(menu->line, "menu \"%s\": has no key", menu->name);
    }
    return 0;
}

static int menu_default(struct settings *s, size_t index)
{
    struct menu_settings *menu = &s->menus[s->menu_count++];

    menu->name = built_in[index].name;
    menu->prompts = calloc(PROMPTS_MAX, sizeof *menu->prompts);
    menu->keys = calloc(MENU_KEYS_MAX, sizeof *menu->keys);
    if (menu->prompts == NULL || menu->keys == NULL) {
        return ENOMEM;
    }
    while (menu->prompt_count < PROMPTS_MAX && built_in[index].prompts[menu->prompt_count] != NULL) {
        menu->prompts[menu->prompt_count] = built_in[index].prompts[menu->prompt_count];
        menu->prompt_count++;
    }
    while (menu->key_count < MENU_KEYS_MAX && built_in[index].keys[menu->key_count].key != '\0') {
        menu->keys[menu->key_count] = built_in[index].keys[menu->key_count];
        menu->key_count++;
    }
    return 0;
}

/* -- judging --------------------------------------------------------------------------------------------- */

/* Marks what keys lead to from here on. Each menu is marked once, so that circles end. */
static void menu_reach(const struct settings *s, struct menu_settings *menu)
{
    if (menu->reached) {
        return;
    }
    menu->reached = true;
    for (size_t i = 0; i < menu->key_count; i++) {
        const struct menu_settings *next = menu->keys[i].menu ? menu_named(s, menu->keys[i].menu) : NULL;
        if (next != NULL) {
            menu_reach(s, &s->menus[next - s->menus]);
        }
    }
}

static bool menu_is_led_to(const struct settings *s, const struct menu_settings *menu)
{
    for (size_t i = 0; i < s->menu_count; i++) {
        for (size_t k = 0; k < s->menus[i].key_count; k++) {
            const char *next = s->menus[i].keys[k].menu;
            if (next != NULL && &s->menus[i] != menu && strcmp(next, menu->name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/*
 * A room's row may choose any menu, so what no key leads to is a beginning. Menus that lead only to each
 * other have none.
 */
static void menus_judge(struct settings *s)
{
    for (size_t i = 0; i < s->menu_count; i++) {
        struct menu_settings *menu = &s->menus[i];
        for (size_t k = 0; k < menu->key_count; k++) {
            if (menu->keys[k].menu != NULL && menu_named(s, menu->keys[k].menu) == NULL) {
                settings_complain(menu->keys[k].line, "key \"%c\": there is no menu \"%s\"",
                                  menu->keys[k].key, menu->keys[k].menu);
            }
        }
        if (strcmp(menu->name, MENU_MEMBER) == 0 || strcmp(menu->name, MENU_HOST) == 0 ||
            !menu_is_led_to(s, menu)) {
            menu_reach(s, menu);
        }
    }
    for (size_t i = 0; i < s->menu_count; i++) {
        /* A built-in one to which nothing leads any more does no harm. */
        if (!s->menus[i].reached && s->menus[i].line > 0) {
            settings_complain(s->menus[i].line,
                              "menu \"%s\": no key leads to it from a menu that stands alone",
                              s->menus[i].name);
            menu_reach(s, &s->menus[i]); /* one word for all that lead to each other */
        }
    }
}

int menus_fill(struct settings *s, cfg_t *cfg)
{
    unsigned count = cfg_size(cfg, "menu");
    int error = 0;

    s->menus = calloc(count + COUNT(built_in), sizeof *s->menus);
    if (s->menus == NULL) {
        return ENOMEM;
    }
    for (unsigned i = 0; error == 0 && i < count; i++) {
        struct menu_settings *menu = &s->menus[s->menu_count++];
        error = menu_fill(menu, cfg_getnsec(cfg, "menu", i));
        if (error == 0 && menu->prompt_count == 0) {
            settings_complain(menu->line, "menu \"%s\": has no prompt", menu->name);
        }
    }
    for (size_t i = 0; error == 0 && i < COUNT(built_in); i++) {
        if (menu_named(s, built_in[i].name) == NULL) {
            error = menu_default(s, i);
        }
    }
    if (error == 0) {
        menus_judge(s);
    }
    return error;
}

void menu_free(struct menu_settings *menu)
{
    free(menu->prompts);
    free(menu->keys);
}

void menus_free(struct settings *s)
{
    for (size_t i = 0; i < s->menu_count; i++) {
        menu_free(&s->menus[i]);
    }
    free(s->menus);
}
