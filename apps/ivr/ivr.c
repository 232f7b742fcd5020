/* A small menu to try a phone with: echo, date and time, a conference. */
#include "apps/apps.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/call/media.h"
#include "storage/subscriber.h"

#include <stdlib.h>
#include <string.h>

#define MENU_KEYS "123*"
#define MENU_WAIT_MS 5000
#define MENU_ROUNDS 3            /* how often the menu is said to somebody who presses nothing */
#define CONFERENCE_NUMBER "3000" /* goes through the number plan */

struct ivr {
    unsigned rounds;
};

static void ivr_menu(struct link *link);

static void ivr_add(struct link *link, struct list *list, const char *name)
{
    struct phrase phrase = {0};

    say(link_prompts(link), &phrase, name);
    list_phrase(list, &phrase);
}

static void ivr_say(struct link *link, const char *name, link_step *then)
{
    struct list list = {0};

    ivr_add(link, &list, name);
    link_play(link, &list, then);
}

/* -- echo
 * -----------------------------------------------------------------------------------------------------------
 */

static void ivr_echo_key(struct link *link, char key)
{
    if (key != '#') /* the key that the recording speaks of */
        return;
    link_on_key(link, NULL);
    link_enter(link, 0);
    ivr_say(link, "demo-echodone", ivr_menu);
}

static void ivr_echo(struct link *link)
{
    link_on_key(link, ivr_echo_key);
    link_echo(link);
}

/* -- date and time
 * -------------------------------------------------------------------------------------------------- */

static void ivr_say_now(struct link *link, const char *zone)
{
    const struct prompts *prompts = link_prompts(link);
    struct phrase phrase = {0};
    struct list list = {0};

    say_date(prompts, &phrase, clock_wall(), zone);
    say(prompts, &phrase, "digits/at");
    say_time(prompts, &phrase, clock_wall(), zone);
    list_phrase(&list, &phrase);
    list_silence(&list, 500);
    link_play(link, &list, ivr_menu);
}

static void ivr_caller_found(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct link *link = link_of(ticket);

    if (link)
        ivr_say_now(link, error == 0 ? subscriber->zone : "");
}

/* In the caller's own zone when he is one of ours, else in UTC. */
static void ivr_time(struct link *link)
{
    const char *user = link_request(link)->user;

    if (!user ||
        subscriber_find(server_storage(link_server(link)), user, link_ticket(link), ivr_caller_found) != 0)
        ivr_say_now(link, "");
}

/* -- the menu
 * ------------------------------------------------------------------------------------------------------- */

static void ivr_choice(struct link *link, char key)
{
    struct ivr *ivr = link_state(link);

    if (key)
        ivr->rounds = 0;
    switch (key) {
    case '1':
        ivr_say(link, "demo-echotest", ivr_echo);
        break;
    case '2':
        ivr_time(link);
        break;
    case '3':
        link_retarget(link, CONFERENCE_NUMBER, 302);
        break;
    case '*':
        ivr_say(link, "vm-goodbye", link_hangup);
        break;
    default:
        if (++ivr->rounds < MENU_ROUNDS)
            ivr_menu(link);
        else
            ivr_say(link, "vm-goodbye", link_hangup);
    }
}

static void ivr_menu(struct link *link)
{
    struct list list = {0};

    ivr_add(link, &list, "ivr-menu");
    link_menu(link, &list, MENU_KEYS, MENU_WAIT_MS, ivr_choice);
}

static void ivr_invited(struct link *link, const struct request *request)
{
    struct ivr *ivr;

    /* RFC 4240 §4: the service runs VoiceXML, which this server does not speak. */
    if (!strcmp(request->argument, "dialog")) {
        link_reject(link, 501, "VoiceXML Not Supported");
        return;
    }
    ivr = calloc(1, sizeof *ivr);
    if (!ivr) {
        link_reject(link, 500, NULL);
        return;
    }
    link_set_state(link, ivr);
    link_answer(link);
}

/* The conference did not take the call: it is here again. */
static bool ivr_failed(struct link *link, int status)
{
    link_log(link, LEVEL_NOTICE, "conference-failed status=%d", status);
    ivr_say(link, "conf-unavailable", ivr_menu);
    return true;
}

static void ivr_answered(struct link *link)
{
    ivr_say(link, "ivr-welcome", ivr_menu);
}

static void ivr_ended(struct link *link)
{
    free(link_state(link));
}

const struct app ivr_app = {
    .name = "ivr",
    .invited = ivr_invited,
    .failed = ivr_failed,
    .answered = ivr_answered,
    .ended = ivr_ended,
};
