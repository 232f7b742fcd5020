/* The menu behind `*`, with the keys that the recording "conf-usermenu" speaks; only its member hears it. */
#include "apps/conference/conference.h"

#define MENU_KEYS "146789*"
#define MENU_WAIT_MS 5000
#define GAIN_STEP_DB 3
#define GAIN_MAX_DB 12
#define STEP_HZ 800 /* "done"; at the end of the range it is an octave lower */
#define STEP_MS 70

static void menu_key(struct link *link, char key);

/* After every key the menu stays open for a while, so that a gain can be turned by several steps. */
static void menu_wait(struct member *member, const struct list *list)
{
    link_menu(member->link, list, MENU_KEYS, MENU_WAIT_MS, menu_key);
}

static void menu_say(struct member *member, const char *name)
{
    struct phrase phrase = {0};
    struct list list = {0};

    say(server_prompts(link_server(member->link)), &phrase, name);
    list_phrase(&list, &phrase);
    menu_wait(member, &list);
}

void menu_open(struct member *member)
{
    member->in_menu = true;
    menu_say(member, "conf-usermenu");
}

/* What was going on in the room while he was away from it decides what he hears now. */
static void menu_close(struct member *member)
{
    member->in_menu = false;
    member_settle(member);
}

/* One step of a gain. The tone tells that it was taken, or that there is no further to go. */
static void menu_step(struct member *member, int *gain_db, int step_db)
{
    struct list list = {0};
    int wanted = *gain_db + step_db;
    bool taken = wanted >= -GAIN_MAX_DB && wanted <= GAIN_MAX_DB;

    if (taken) {
        *gain_db = wanted;
        link_gains(member->link, member->talk_db, member->listen_db);
    }
    list_tone(&list, taken ? STEP_HZ : STEP_HZ / 2, STEP_MS);
    menu_wait(member, &list);
}

static void menu_key(struct link *link, char key)
{
    struct member *member = link_state(link);

    switch (key) {
    case '1':
        member->muted = !member->muted;
        member_voice(member);
        if (member->room)
            room_tell(member->room, member, MEMBER_CHANGED);
        menu_say(member, member->muted ? "conf-muted" : "conf-unmuted");
        break;
    case '4':
        menu_step(member, &member->listen_db, -GAIN_STEP_DB);
        break;
    case '6':
        menu_step(member, &member->listen_db, GAIN_STEP_DB);
        break;
    case '7':
        menu_step(member, &member->talk_db, -GAIN_STEP_DB);
        break;
    case '9':
        menu_step(member, &member->talk_db, GAIN_STEP_DB);
        break;
    case '*':
        menu_open(member); /* says it again */
        break;
    default: /* 8, or nothing was pressed for a while */
        menu_close(member);
    }
}
