/* What keys can do in voicemail, by the names that key maps use; and what opens and leaves each menu. */
#include "apps/voicemail/voicemail.h"

#include <string.h>

#define IN(menu) (1U << (menu))
#define ON_MESSAGE (IN(MENU_PLAYING) | IN(MENU_MESSAGE) | IN(MENU_ADVANCED))
#define ANYWHERE (IN(MENU_MAIN) | ON_MESSAGE)
#define BELOW (IN(MENU_ADVANCED) | IN(MENU_OPTIONS) | IN(MENU_PREFERENCES) | IN(MENU_GREETING))

/* -- menus
 * ----------------------------------------------------------------------------------------------------------
 */

static void advanced_menu(struct link *link)
{
    struct list list = {0};

    keymap_ask(link_state(link), MENU_ADVANCED, &list);
}

/* How each menu is said, and where it ends when nobody presses a key: in the one above, or with the call. */
static const struct {
    link_step *open, *above;
} menus[MENU_COUNT] = {
    [MENU_MAIN] = {inbox_menu, voicemail_goodbye},      [MENU_PLAYING] = {message_menu, message_menu},
    [MENU_MESSAGE] = {message_menu, voicemail_goodbye}, [MENU_ADVANCED] = {advanced_menu, message_menu},
    [MENU_OPTIONS] = {options_menu, inbox_menu},        [MENU_PREFERENCES] = {options_prefer, options_menu},
    [MENU_GREETING] = {greeting_menu, greeting_over},
};

void act_open(struct voicemail *vm, enum menu menu)
{
    menus[menu].open(vm->link);
}

void act_nobody(struct voicemail *vm)
{
    menus[vm->menu].above(vm->link);
}

/* -- acts of a line or two
 * ----------------------------------------------------------------------------------------- */

static void act_help(struct voicemail *vm)
{
    act_open(vm, vm->menu);
}

static void act_exit(struct voicemail *vm)
{
    voicemail_goodbye(vm->link);
}

static void act_listen_new(struct voicemail *vm)
{
    inbox_open(vm, FOLDER_INBOX);
}

static void act_listen_saved(struct voicemail *vm)
{
    inbox_open(vm, FOLDER_OLD);
}

static void act_compose(struct voicemail *vm)
{
    send_compose(vm, NULL);
}

static void act_greet_unavailable(struct voicemail *vm)
{
    greeting_record(vm, GREETING_UNAVAILABLE);
}

static void act_greet_busy(struct voicemail *vm)
{
    greeting_record(vm, GREETING_BUSY);
}

static void act_greet_name(struct voicemail *vm)
{
    greeting_record(vm, GREETING_NAME);
}

/* -- what is worth a word, and which
 * ------------------------------------------------------------------------------- */

static bool has_previous(const struct voicemail *vm)
{
    return vm->at > 0;
}

static bool has_caller(const struct voicemail *vm)
{
    return *message_entry(vm)->caller != '\0';
}

static bool is_heard(const struct voicemail *vm)
{
    return message_entry(vm)->heard;
}

static bool is_teams(const struct voicemail *vm)
{
    return team_has(message_entry(vm), vm);
}

static const char *delete_phrase(const struct voicemail *vm)
{
    return message_entry(vm)->deleted ? "undelete" : "delete";
}

static const char *order_phrase(const struct voicemail *vm)
{
    return vm->box.newest_first ? "oldest-first" : "newest-first";
}

static const char *autoplay_phrase(const struct voicemail *vm)
{
    return vm->box.autoplay ? "autoplay-off" : "autoplay";
}

static const char *envelope_phrase(const struct voicemail *vm)
{
    return vm->box.envelope ? "envelope-off" : "envelope-on";
}

static const char *record_phrase(const struct voicemail *vm)
{
    return vm->greeting == GREETING_TEMPORARY ? "record-temporary" : "record-greeting";
}

static const char *erase_phrase(const struct voicemail *vm)
{
    return vm->greeting == GREETING_TEMPORARY ? "erase-temporary" : "erase-greeting";
}

static bool may_end(const struct voicemail *vm)
{
    return vm->greeting == GREETING_TEMPORARY;
}

static void act_greeting_end(struct voicemail *vm)
{
    if (may_end(vm))
        greeting_ask_end(vm);
    else
        greeting_menu(vm->link);
}

/* -- the table
 * ------------------------------------------------------------------------------------------------------ */

static const struct act acts[] = {
    {"listen", inbox_listen, IN(MENU_MAIN)},
    {"listen-new", act_listen_new, IN(MENU_MAIN)},
    {"listen-saved", act_listen_saved, IN(MENU_MAIN)},
    {"folder", inbox_change_folder, ANYWHERE},
    {"find", inbox_find, ANYWHERE},
    {"compose", act_compose, ANYWHERE},
    {"place-call", send_place_call, ANYWHERE},
    {"directory", send_directory, ANYWHERE},
    {"help", act_help, IN(MENU_MAIN) | IN(MENU_MESSAGE) | BELOW},
    {"exit", act_exit, ANYWHERE | BELOW},
    {"back", act_nobody, BELOW},
    {"previous", message_go_previous, ON_MESSAGE, .message = true, .offered = has_previous},
    {"repeat", message_present, ON_MESSAGE, .message = true},
    {"next", message_go_next, ON_MESSAGE, .message = true, .offered = message_has_next},
    {"delete", message_toggle_delete, ON_MESSAGE, .message = true, .phrase = delete_phrase},
    {"forward", send_forward, ON_MESSAGE, .message = true},
    {"save", message_save, ON_MESSAGE, .message = true},
    {"new", message_make_new, ON_MESSAGE, .message = true, .offered = is_heard},
    {"mail", message_mail_it, ON_MESSAGE, .message = true},
    {"reply", send_reply, ON_MESSAGE, .message = true, .offered = has_caller},
    {"call-back", send_call_back, ON_MESSAGE, .message = true, .offered = has_caller},
    {"claim", send_claim, ON_MESSAGE, .message = true, .offered = is_teams},
    {"envelope", message_envelope, ON_MESSAGE, .message = true},
    {"skip-on", playing_skip_on, IN(MENU_PLAYING), .live = true, .message = true},
    {"skip-back", playing_skip_back, IN(MENU_PLAYING), .live = true, .message = true},
    {"pause", playing_pause, IN(MENU_PLAYING), .live = true, .message = true},
    {"restart", playing_restart, IN(MENU_PLAYING), .live = true, .message = true},
    {"faster", playing_faster, ON_MESSAGE, .live = true, .message = true},
    {"slower", playing_slower, ON_MESSAGE, .live = true, .message = true},
    {"louder", playing_louder, ON_MESSAGE, .live = true, .message = true},
    {"softer", playing_softer, ON_MESSAGE, .live = true, .message = true},
    {"greet-unavailable", act_greet_unavailable, IN(MENU_OPTIONS)},
    {"greet-busy", act_greet_busy, IN(MENU_OPTIONS)},
    {"greet-name", act_greet_name, IN(MENU_OPTIONS)},
    {"greet-temporary", greeting_temporary, IN(MENU_OPTIONS)},
    {"greetings", greeting_others, IN(MENU_OPTIONS)},
    {"lists", send_lists, IN(MENU_OPTIONS)},
    {"pin", pin_change, IN(MENU_OPTIONS)},
    {"order", options_order, IN(MENU_PREFERENCES), .phrase = order_phrase},
    {"autoplay", options_autoplay, IN(MENU_PREFERENCES), .phrase = autoplay_phrase},
    {"envelope-toggle", options_envelope, IN(MENU_PREFERENCES), .phrase = envelope_phrase},
    {"record-greeting", greeting_again, IN(MENU_GREETING), .phrase = record_phrase},
    {"erase-greeting", greeting_erase, IN(MENU_GREETING), .phrase = erase_phrase},
    {"hear-greeting", greeting_hear, IN(MENU_GREETING)},
    {"greeting-end", act_greeting_end, IN(MENU_GREETING), .offered = may_end},
};

const struct act *act_at(size_t i)
{
    return i < sizeof acts / sizeof acts[0] ? &acts[i] : NULL;
}

const struct act *act_named(const char *name)
{
    for (size_t i = 0; act_at(i); i++)
        if (!strcmp(acts[i].name, name))
            return &acts[i];
    return NULL;
}
