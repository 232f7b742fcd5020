/* The menus behind `*`, as confab.conf has them or as they are built in; only their member hears them. */
#include "apps/conference/conference.h"
#include "apps/conference/menu.h"

#include <stdio.h>
#include <string.h>

#define MENU_WAIT_MS 5000
#define MENU_DEPTH 4 /* of menus behind each other, for hints */

static void menu_key(struct link *link, char key);

/* The one that his room's row names for his role. */
static const struct menu_settings *menu_of(const struct member *member)
{
    const struct settings *settings = link_settings(member->link);
    const struct room_row *row = &member->room->row;
    bool host = member->role == ROLE_HOST;
    const char *name = host ? row->host_menu : row->menu;
    const struct menu_settings *menu = *name ? settings_menu(settings, name) : NULL;

    if (*name && !menu)
        link_log(member->link, LEVEL_WARNING, "menu-unknown room=%s menu=%s", row->number, name);
    return menu ? menu : settings_menu(settings, host ? MENU_HOST : MENU_MEMBER);
}

static const struct menu_key *menu_find(const struct menu_settings *menu, char key)
{
    for (size_t i = 0; i < menu->key_count; i++)
        if (menu->keys[i].key == key)
            return &menu->keys[i];
    return NULL;
}

/* What was going on in the room while he was away from it decides what he hears now. */
void menu_close(struct member *member)
{
    member->in_menu = false;
    member_settle(member);
}

static void menu_done(struct link *link)
{
    struct member *member = link_state(link);

    if (member->room)
        menu_close(member);
}

void menu_keys(const struct member *member, char keys[MENU_KEYS_MAX + 2])
{
    size_t count = 0;

    for (size_t i = 0; i < member->menu->key_count && i < MENU_KEYS_MAX; i++)
        keys[count++] = member->menu->keys[i].key;
    if (!menu_find(member->menu, '*'))
        keys[count++] = '*'; /* says it again */
    keys[count] = '\0';
}

/* After every key the menu stays open for a while, so that a gain can be turned by several steps. A key that
 * was pressed without a menu leaves none. */
void menu_wait(struct member *member, const struct list *list)
{
    char keys[MENU_KEYS_MAX + 2];

    if (member->direct) {
        link_play(member->link, list, menu_done);
        return;
    }
    menu_keys(member, keys);
    link_menu(member->link, list, keys, MENU_WAIT_MS, menu_key);
}

void menu_enter(struct member *member, const struct menu_settings *menu)
{
    struct list list = {0};

    member->in_menu = true;
    member->direct = false;
    member->busy = false; /* words that played are cut off */
    member->menu = menu;
    for (size_t i = 0; i < menu->prompt_count; i++) {
        if (*menu->prompts[i] == '/')
            list_file(member->link, &list, menu->prompts[i], false);
        else
            member_words(member, &list, menu->prompts[i]);
    }
    menu_wait(member, &list);
}

void menu_open(struct member *member)
{
    menu_enter(member, menu_of(member));
}

static void menu_press(struct member *member, const struct menu_key *key)
{
    struct list list = {0};

    if (key->menu)
        menu_enter(member, settings_menu(link_settings(member->link), key->menu));
    else if (menu_act(member, key, &list))
        menu_wait(member, &list);
}

/* 0: nothing was pressed for a while. */
static void menu_key(struct link *link, char pressed)
{
    struct member *member = link_state(link);
    const struct menu_key *key = pressed ? menu_find(member->menu, pressed) : NULL;

    if (key)
        menu_press(member, key);
    else if (pressed == '*')
        menu_enter(member, member->menu);
    else
        menu_close(member);
}

void menu_pressed(struct member *member, char key)
{
    menu_key(member->link, key);
}

void member_key(struct link *link, char pressed)
{
    struct member *member = link_state(link);
    const struct menu_settings *menu;
    const struct menu_key *key;

    if (!member->room || member->seat != SEAT_IN)
        return; /* who waits is to learn nothing about the room */
    if (pressed == '*') {
        menu_open(member);
        return;
    }
    menu = menu_of(member);
    key = menu_find(menu, pressed);
    if (!key || !key->direct)
        return;
    member->in_menu = member->direct = true;
    member->busy = false;
    member->menu = menu;
    menu_press(member, key);
}

/* -- hints ---------------------------------------------------------------------------------------------- */

static bool menu_key_does(const struct menu_key *key, const char *const *acts)
{
    while (key->act && *acts && strcmp(*acts, key->act) != 0)
        acts++;
    return key->act && *acts;
}

/* Keys from this menu on, the shortest way first. */
static bool menu_way(const struct settings *settings, const struct menu_settings *menu,
                     const char *const *acts, unsigned depth, char *keys)
{
    for (size_t i = 0; i < menu->key_count; i++) {
        if (menu_key_does(&menu->keys[i], acts)) {
            keys[0] = menu->keys[i].key;
            keys[1] = '\0';
            return true;
        }
    }
    for (size_t i = 0; i < menu->key_count && depth > 1; i++) {
        keys[0] = menu->keys[i].key;
        if (menu->keys[i].menu &&
            menu_way(settings, settings_menu(settings, menu->keys[i].menu), acts, depth - 1, keys + 1))
            return true;
    }
    return false;
}

bool menu_path(const struct member *member, const char *const *acts, char keys[MENU_PATH])
{
    const struct menu_settings *menu = menu_of(member);

    for (size_t i = 0; i < menu->key_count; i++) {
        if (menu->keys[i].direct && menu_key_does(&menu->keys[i], acts)) {
            snprintf(keys, MENU_PATH, "%c", menu->keys[i].key);
            return true;
        }
    }
    keys[0] = '*';
    return menu_way(link_settings(member->link), menu, acts, MENU_DEPTH, keys + 1);
}
