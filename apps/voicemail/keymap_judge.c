/* What is wrong with a key map of confab.conf: told at the start, before anybody stands in a menu without a
 * way out. */
#include "apps/voicemail/voicemail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct judge {
    settings_fault *fault;
    void *arg;
    const struct keymap_settings *map;
};

static void judge_fault(const struct judge *judge, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void judge_fault(const struct judge *judge, int line, const char *format, ...)
{
    char text[256];
    va_list args;
    int length = snprintf(text, sizeof text, "keymap \"%s\": ", judge->map->name);

    va_start(args, format);
    vsnprintf(text + length, sizeof text - (size_t)length, format, args);
    va_end(args);
    judge->fault(line, text, judge->arg);
}

/* NULL: it can stand there. */
static const char *key_fault(enum menu menu, const struct menu_key *key)
{
    const struct act *act = key->act ? act_named(key->act) : NULL;
    enum menu opened = key->menu ? menu_named(key->menu) : MENU_COUNT;

    if (key->direct || key->text || key->value)
        return "takes an act or a menu and nothing else";
    if (key->act && !act)
        return "does what is unknown";
    if (act && !(act->menus & 1U << menu))
        return "does what cannot be done there";
    if (key->menu && (opened == MENU_COUNT || opened == MENU_PLAYING || opened == MENU_GREETING))
        return "opens no menu that there is";
    return NULL;
}

/* Whether a key of the menu leads out of it: upwards, to another menu, or to the call's end. */
static bool menu_has_exit(const struct menu_settings *menu)
{
    for (size_t i = 0; i < menu->key_count; i++) {
        const struct menu_key *key = &menu->keys[i];

        if (key->menu ? !strcmp(key->menu, "main") && strcmp(menu->name, "main") != 0
                      : !strcmp(key->act, "exit") || !strcmp(key->act, "back"))
            return true;
    }
    return false;
}

static bool map_leads_to(const struct keymap_settings *map, const char *name)
{
    for (int menu = 0; menu < MENU_COUNT; menu++) {
        const struct menu_settings *from = keymap_menu(map, menu_name((enum menu)menu));

        for (size_t i = 0; strcmp(from->name, name) != 0 && i < from->key_count; i++)
            if (from->keys[i].menu && !strcmp(from->keys[i].menu, name))
                return true;
    }
    return false;
}

static void judge_prompts(const struct judge *judge, const struct menu_settings *menu)
{
    for (size_t i = 0; i < menu->prompt_count; i++) {
        const char *prompt = menu->prompts[i];

        if (*prompt == '/' ? access(prompt, R_OK) != 0 : !prompts_know(prompt))
            judge_fault(judge, menu->line,
                        "menu \"%s\": prompt \"%s\" is neither a phrase nor a file that can be read",
                        menu->name, prompt);
    }
}

static void judge_menu(const struct judge *judge, const struct menu_settings *written)
{
    enum menu menu = menu_named(written->name);

    if (menu == MENU_COUNT) {
        judge_fault(judge, written->line, "there is no menu \"%s\"", written->name);
        return;
    }
    judge_prompts(judge, written);
    for (size_t i = 0; i < written->key_count; i++) {
        const struct menu_key *key = &written->keys[i];
        const char *wrong = key_fault(menu, key);

        if (wrong)
            judge_fault(judge, key->line, "menu \"%s\": key \"%c\" (%s) %s", written->name, key->key,
                        key->act ? key->act : key->menu, wrong);
    }
    /* A message ends by itself, and then its menu comes. */
    if (menu != MENU_PLAYING && !menu_has_exit(written))
        judge_fault(judge, written->line, "menu \"%s\": no key leads out of it", written->name);
    if ((menu == MENU_ADVANCED || menu == MENU_OPTIONS || menu == MENU_PREFERENCES) &&
        !map_leads_to(judge->map, written->name))
        judge_fault(judge, written->line, "menu \"%s\": no key leads to it", written->name);
}

void keymap_judge(const struct settings *settings, settings_fault *fault, void *arg)
{
    for (size_t i = 0; i < settings->keymap_count; i++) {
        const struct judge judge = {fault, arg, &settings->keymaps[i]};

        for (size_t m = 0; m < judge.map->menu_count; m++)
            judge_menu(&judge, &judge.map->menus[m]);
    }
}
