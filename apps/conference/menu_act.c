/* What a key of a menu does: the acts of act.h, and those that take a talk with its member. */
#include "apps/conference/act.h"
#include "apps/conference/menu.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GAIN_STEP_DB 3
#define STEP_HZ 800 /* "done"; where that cannot be it is an octave lower */
#define STEP_MS 70
#define NUMBER_WAIT_MS 5000
#define NUMBER_DIGITS_MAX 32

#define TAKEN_OVER (-1) /* what is said and asked now is the act's own affair */

static int act_order(struct member *member, const struct act_order *order)
{
    const struct actor actor = member_actor(member, member->role == ROLE_HOST, "phone");

    return room_act(member->room, &actor, order);
}

/* -- there and back ------------------------------------------------------------------------------------- */

static bool is_muted(const struct member *member)
{
    return member->muted;
}

static bool is_deaf(const struct member *member)
{
    return member->deaf;
}

static bool is_raised(const struct member *member)
{
    return member->raised > 0;
}

static bool is_locked(const struct member *member)
{
    return member->room->locked;
}

static bool is_lecture(const struct member *member)
{
    return member->room->lecture;
}

static bool is_all_muted(const struct member *member)
{
    return member->room->all_muted;
}

static bool is_recorded(const struct member *member)
{
    return member->room->recorded;
}

static bool is_paused(const struct member *member)
{
    return member->room->paused;
}

static const struct {
    const char *name;
    bool (*is_on)(const struct member *member);
    enum act on, off;
} toggles[] = {
    {"mute-toggle", is_muted, ACT_MUTE, ACT_UNMUTE},
    {"deaf-toggle", is_deaf, ACT_DEAF, ACT_UNDEAF},
    {"raise-toggle", is_raised, ACT_RAISE, ACT_LOWER},
    {"lock-toggle", is_locked, ACT_LOCK, ACT_UNLOCK},
    {"lecture-toggle", is_lecture, ACT_LECTURE, ACT_DISCUSS},
    {"mute-all-toggle", is_all_muted, ACT_MUTE_ALL, ACT_UNMUTE_ALL},
    {"record-toggle", is_recorded, ACT_RECORD, ACT_STOP_RECORDING},
    {"pause-recording-toggle", is_paused, ACT_PAUSE_RECORDING, ACT_RECORD},
};
#define TOGGLES (sizeof toggles / sizeof toggles[0])

/* What he hears who did it; where nothing stands here the tone is enough, or the whole room is told. */
static void act_confirm(const struct member *member, enum act act, struct list *list)
{
    static const char *const words[ACT_COUNT] = {
        [ACT_MUTE] = "conf-muted",        [ACT_UNMUTE] = "conf-unmuted",
        [ACT_LOCK] = "conf-lockednow",    [ACT_UNLOCK] = "conf-unlockednow",
        [ACT_RAISE] = "conf-hand-raised", [ACT_LOWER] = "conf-hand-lowered",
    };
    const char *name = words[act];

    if (act == ACT_UNMUTE && !member_heard(member)) /* the others' doing stands */
        name = member->room->lecture ? "conf-lecture" : "conf-now-muted";
    if (name)
        member_words(member, list, name);
}

static int act_do(struct member *member, enum act act, const struct menu_key *key, struct list *list)
{
    const struct act_order order = {
        .act = act, .member = act_is_on_member(act) ? member : NULL, .value = key->value, .text = key->text};
    int error = act_order(member, &order);

    if (!error)
        act_confirm(member, act, list);
    return error;
}

/* -- one step ------------------------------------------------------------------------------------------- */

static int gain_step(struct member *member, enum act act, int db)
{
    const struct act_order order = {.act = act,
                                    .member = member,
                                    .value =
                                        db + (act == ACT_TALK_GAIN ? member->talk_db : member->listen_db)};

    return act_order(member, &order);
}

static int talk_down(struct member *member, struct list *list)
{
    (void)list;
    return gain_step(member, ACT_TALK_GAIN, -GAIN_STEP_DB);
}

static int talk_up(struct member *member, struct list *list)
{
    (void)list;
    return gain_step(member, ACT_TALK_GAIN, GAIN_STEP_DB);
}

static int talk_reset(struct member *member, struct list *list)
{
    (void)list;
    return gain_step(member, ACT_TALK_GAIN, -member->talk_db);
}

static int listen_down(struct member *member, struct list *list)
{
    (void)list;
    return gain_step(member, ACT_LISTEN_GAIN, -GAIN_STEP_DB);
}

static int listen_up(struct member *member, struct list *list)
{
    (void)list;
    return gain_step(member, ACT_LISTEN_GAIN, GAIN_STEP_DB);
}

static int listen_reset(struct member *member, struct list *list)
{
    (void)list;
    return gain_step(member, ACT_LISTEN_GAIN, -member->listen_db);
}

/* -- who waits, who wants to speak ------------------------------------------------------------------------
 */

static int next_act(struct member *member, enum act act, struct list *list)
{
    unsigned count;
    struct member *first = room_first_waiting(member->room, &count);
    int error;

    if (member->role != ROLE_HOST)
        return EACCES;
    if (!first)
        return ENOENT;
    name_list(first, list);
    error = act_order(member, &(struct act_order){.act = act, .member = first});
    return error;
}

static int admit_next(struct member *member, struct list *list)
{
    return next_act(member, ACT_ADMIT, list);
}

static int refuse_next(struct member *member, struct list *list)
{
    return next_act(member, ACT_KICK, list);
}

/* ENOENT: nobody had it. */
static int floor_take(struct member *member)
{
    int error = ENOENT;

    for (struct member *other = member->room->members; other; other = other->next) {
        if (!other->floor || other->away != AWAY_NOT)
            continue;
        error = act_order(member, &(struct act_order){.act = ACT_TAKE_FLOOR, .member = other});
        if (error)
            break;
    }
    return error;
}

static int floor_back(struct member *member, struct list *list)
{
    (void)list;
    return member->role == ROLE_HOST ? floor_take(member) : EACCES;
}

/* The floor goes from who had it to who has waited longest. */
static int floor_next(struct member *member, struct list *list)
{
    struct member *next = NULL;
    int error;

    if (member->role != ROLE_HOST)
        return EACCES;
    for (struct member *other = member->room->members; other; other = other->next)
        if (other->raised > 0 && other->away == AWAY_NOT && (!next || other->raised < next->raised))
            next = other;
    if (!next)
        return ENOENT;
    error = floor_take(member);
    if (error && error != ENOENT)
        return error;
    name_list(next, list);
    return act_order(member, &(struct act_order){.act = ACT_GIVE_FLOOR, .member = next});
}

/* -- questions ------------------------------------------------------------------------------------------ */

void count_list(const struct member *member, struct list *list)
{
    const struct prompts *prompts = link_prompts(member->link);
    unsigned others = member->room->count - 1;
    struct phrase phrase = {0};

    if (others == 0) {
        say(prompts, &phrase, "conf-onlyperson");
    } else if (others == 1) {
        say(prompts, &phrase, "conf-onlyone");
    } else {
        say(prompts, &phrase, "conf-thereare");
        say_number(prompts, &phrase, others);
        say(prompts, &phrase, "conf-otherinparty");
    }
    list_phrase(list, &phrase);
}

static int count_say(struct member *member, struct list *list)
{
    count_list(member, list);
    return 0;
}

static int menu_exit(struct member *member, struct list *list)
{
    (void)list;
    menu_close(member);
    return TAKEN_OVER;
}

static int menu_back(struct member *member, struct list *list)
{
    (void)list;
    menu_open(member);
    return TAKEN_OVER;
}

static int menu_leave(struct member *member, struct list *list)
{
    (void)list;
    member->in_menu = false;
    link_on_key(member->link, NULL);
    member_goodbye(member->link);
    return TAKEN_OVER;
}

/* -- roll call: one name after another, as long as no key is pressed --------------------------------------
 */

static void roll_next(struct member *member);

static void roll_key(struct link *link, char key)
{
    struct member *member = link_state(link);

    if (key)
        menu_pressed(member, key);
    else
        roll_next(member);
}

static void roll_step(struct link *link)
{
    roll_next(link_state(link));
}

/* Members are listed newest first, and come and go meanwhile: the seat's number says how far it is. */
static void roll_next(struct member *member)
{
    const struct member *next = NULL;
    char keys[MENU_KEYS_MAX + 2];
    struct list list = {0};

    if (!member->room)
        return;
    for (const struct member *other = member->room->members; other; other = other->next)
        if (other->seat == SEAT_IN && other->number > member->roll && (!next || other->number < next->number))
            next = other;
    if (!next) {
        member_words(member, &list, "conf-roll-callcomplete");
        menu_wait(member, &list);
        return;
    }
    member->roll = next->number;
    name_list(next, &list);
    menu_keys(member, keys);
    if (member->direct)
        link_play(member->link, &list, roll_step);
    else
        link_menu(member->link, &list, keys, 0, roll_key);
}

static int roll_call(struct member *member, struct list *list)
{
    (void)list;
    member->roll = 0;
    roll_next(member);
    return TAKEN_OVER;
}

/* -- calling somebody ---------------------------------------------------------------------------------------
 */

static void act_outcome(struct member *member, int error, struct list *list)
{
    if (error == EACCES || error == ENOENT || error == EALREADY || error == EINVAL)
        list->count = 0;
    if (error == EACCES)
        member_words(member, list, "conf-not-allowed");
    else if (error == ENOENT)
        member_words(member, list, "conf-nobody");
    else if (error == EALREADY || error == EINVAL) /* the end of the range */
        list_tone(list, STEP_HZ / 2, STEP_MS);
    else if (error)
        member_words(member, list, "conf-not-possible");
    else if (list->count == 0)
        list_tone(list, STEP_HZ, STEP_MS);
}

static void number_typed(struct link *link, const char *digits)
{
    struct member *member = link_state(link);
    struct list list = {0};
    int error;

    if (!member->room)
        return;
    if (!*digits) {
        menu_close(member);
        return;
    }
    error = act_order(member, &(struct act_order){.act = ACT_INVITE, .text = digits});
    if (!error)
        snprintf(member->dialled, sizeof member->dialled, "%s", digits);
    act_outcome(member, error, &list);
    menu_wait(member, &list);
}

/* Whom he has called last, if that number is in the room. */
static int drop_dialled(struct member *member, struct list *list)
{
    if (member->role != ROLE_HOST)
        return EACCES;
    for (struct member *other = member->room->members; other && *member->dialled; other = other->next) {
        if (other->away != AWAY_NOT || strcmp(other->caller, member->dialled) != 0)
            continue;
        name_list(other, list);
        return act_order(member, &(struct act_order){.act = ACT_KICK, .member = other});
    }
    return ENOENT;
}

static int dial(struct member *member, struct list *list)
{
    if (member->role != ROLE_HOST)
        return EACCES;
    member_words(member, list, "feature-ask-number");
    link_ask(member->link, list, NUMBER_DIGITS_MAX, NUMBER_WAIT_MS, number_typed);
    return TAKEN_OVER;
}

/* -- the table ------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    int (*run)(struct member *member, struct list *list);
} talks[] = {
    {"talk-down", talk_down},
    {"talk-up", talk_up},
    {"talk-reset", talk_reset},
    {"listen-down", listen_down},
    {"listen-up", listen_up},
    {"listen-reset", listen_reset},
    {"admit-next", admit_next},
    {"refuse-next", refuse_next},
    {"floor-next", floor_next},
    {"floor-back", floor_back},
    {"count", count_say},
    {"roll-call", roll_call},
    {"dial", dial},
    {"drop", drop_dialled},
    {"exit", menu_exit},
    {"back", menu_back},
    {"leave", menu_leave},
};
#define TALKS (sizeof talks / sizeof talks[0])

static int key_run(struct member *member, const struct menu_key *key, struct list *list)
{
    for (size_t i = 0; i < TOGGLES; i++)
        if (strcmp(toggles[i].name, key->act) == 0)
            return act_do(member, toggles[i].is_on(member) ? toggles[i].off : toggles[i].on, key, list);
    for (size_t i = 0; i < TALKS; i++)
        if (strcmp(talks[i].name, key->act) == 0)
            return talks[i].run(member, list);
    return act_do(member, act_from_name(key->act), key, list);
}

bool menu_act(struct member *member, const struct menu_key *key, struct list *list)
{
    int error = key_run(member, key, list);

    /* Who has been moved hears about the room where he is now; no menu is open there. */
    if (error == TAKEN_OVER || member->away != AWAY_NOT || !member->in_menu)
        return false;
    act_outcome(member, error, list);
    return true;
}

/* -- the configuration ---------------------------------------------------------------------------------- */

/* NULL: it is one that a key can do. */
static const char *key_fault(const struct menu_key *key)
{
    enum act act;

    for (size_t i = 0; i < TOGGLES; i++)
        if (strcmp(toggles[i].name, key->act) == 0)
            return NULL;
    for (size_t i = 0; i < TALKS; i++)
        if (strcmp(talks[i].name, key->act) == 0)
            return NULL;
    act = act_from_name(key->act);
    if (act == ACT_NONE)
        return "is none";
    if (act_is_on_member(act) && act_needs_host(act))
        return "needs a member on whom it is done";
    return act == ACT_INVITE && !key->text ? "needs a text: the number" : NULL;
}

void menus_judge(const struct settings *settings, settings_fault *fault, void *arg)
{
    char text[256];

    for (size_t i = 0; i < settings->menu_count; i++) {
        const struct menu_settings *menu = &settings->menus[i];

        for (size_t k = 0; k < menu->prompt_count; k++) {
            const char *prompt = menu->prompts[k];

            if (*prompt == '/' ? access(prompt, R_OK) == 0 : prompts_know(prompt))
                continue;
            snprintf(text, sizeof text,
                     "menu \"%s\": prompt \"%s\" is neither a phrase nor a file that can be read", menu->name,
                     prompt);
            fault(menu->line, text, arg);
        }
        for (size_t k = 0; k < menu->key_count; k++) {
            const struct menu_key *key = &menu->keys[k];
            const char *wrong = key->act ? key_fault(key) : NULL;

            if (!wrong)
                continue;
            snprintf(text, sizeof text, "key \"%c\": act \"%s\" %s", key->key, key->act, wrong);
            fault(key->line, text, arg);
        }
    }
}
