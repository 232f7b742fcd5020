/*
 * Menus of keys (confab.conf): what a member's keys do in the room. menu.c leads through them, menu_act.c
 * does what they ask for.
 *
 * Ownership: menus are the settings', frozen with the call. Threads: signalling. Failure: what cannot be done
 * is told the member; what a menu of the configuration cannot mean is found by menus_judge() before it is
 * taken.
 */
#ifndef CONFAB_CONFERENCE_MENU_H
#define CONFAB_CONFERENCE_MENU_H

#include "apps/conference/conference.h"

#define MENU_PATH 8
void menu_open(struct member *member);
void menu_enter(struct member *member, const struct menu_settings *menu);
void menu_close(struct member *member);
void member_key(struct link *link, char key); /* one that no menu takes */
void menu_pressed(struct member *member, char key);
void menu_wait(struct member *member, const struct list *list); /* says it, then waits for a key */
void menu_keys(const struct member *member, char keys[MENU_KEYS_MAX + 2]);
/* The keys to one of these acts, as he would press them outside any menu. */
bool menu_path(const struct member *member, const char *const *acts, char keys[MENU_PATH]);

/* menu_act.c */
/* False: the menu is over, or the act goes on by itself; true: menu_wait() with what is in the list. */
bool menu_act(struct member *member, const struct menu_key *key, struct list *list);
void menus_judge(const struct settings *settings, settings_fault *fault, void *arg);
void count_list(const struct member *member, struct list *list); /* how many others there are */

#endif
