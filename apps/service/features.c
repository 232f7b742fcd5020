/*
 * Feature codes: a user changes his own services by dialling, hears what he has set, and calls back who
 * called last. The number plan's argument says which: forward-always-on and -off, forward-busy-on and -off,
 * forward-no-answer-on and -off, dnd-on and -off, last-caller. What follows the code is the number; where
 * nothing does, he is asked for it.
 */
#include "apps/service/service.h"
#include "core/call/media.h"
#include "storage/caller.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_WAIT_MS 5000
#define PRESS_WAIT_MS 5000

struct feature {
    const char *argument, *service, *phrase; /* phrase: what the service is called */
    bool on, number;
};
static const struct feature features[] = {
    {"forward-always-on", "forward-always", "call-fwd-unconditional", true, true},
    {"forward-always-off", "forward-always", "call-fwd-unconditional", false, false},
    {"forward-busy-on", "forward-busy", "call-fwd-on-busy", true, true},
    {"forward-busy-off", "forward-busy", "call-fwd-on-busy", false, false},
    {"forward-no-answer-on", "forward-no-answer", "call-fwd-no-ans", true, true},
    {"forward-no-answer-off", "forward-no-answer", "call-fwd-no-ans", false, false},
    {"dnd-on", "dnd", "do-not-disturb", true, false},
    {"dnd-off", "dnd", "do-not-disturb", false, false},
    {"last-caller", NULL, NULL, false, false},
};

struct change {
    const struct feature *feature;
    char number[NUMBER_TEXT];
};

static void say_to(struct link *link, struct phrase *phrase, const char *name)
{
    say(link_prompts(link), phrase, name);
}

static void feature_say(struct link *link, const struct phrase *phrase, link_step *next)
{
    struct list list = {0};

    list_silence(&list, 200);
    list_phrase(&list, phrase);
    link_play(link, &list, next);
}

static void feature_trouble(struct link *link, const char *name)
{
    struct phrase phrase = {0};

    say_to(link, &phrase, name);
    feature_say(link, &phrase, link_hangup);
}

/* -- services ------------------------------------------------------------------------------------------ */

static void feature_set(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);
    struct change *change = link ? link_state(link) : NULL;
    struct phrase phrase = {0};

    if (!link)
        return;
    if (error) {
        link_log(link, LEVEL_ERROR, "service-not-set service=%s error=%d", change->feature->service, error);
        feature_trouble(link, "msg-trouble");
        return;
    }
    link_log(link, LEVEL_INFO, "service-set service=%s on=%d", change->feature->service,
             (int)change->feature->on);
    say_to(link, &phrase, change->feature->phrase);
    if (*change->number) {
        say_to(link, &phrase, "is-set-to");
        say_digits(link_prompts(link), &phrase, change->number);
    } else {
        say_to(link, &phrase, change->feature->on ? "activated" : "de-activated");
    }
    feature_say(link, &phrase, link_hangup);
}

/* The row keeps its other parameters where nothing new is said (a list of who may disturb). */
static void feature_change(struct link *link)
{
    struct change *change = link_state(link);
    char parameters[NUMBER_TEXT + 16];

    snprintf(parameters, sizeof parameters, "{\"to\": \"%s\"}", change->number);
    if (service_set(server_storage(link_server(link)), link_request(link)->user, change->feature->service,
                    change->feature->on, *change->number ? parameters : NULL, link_ticket(link), feature_set))
        feature_trouble(link, "msg-trouble");
}

/* A call may lead round in a circle, but not to where it came from. */
static void feature_take_number(struct link *link, const char *number)
{
    struct change *change = link_state(link);

    if (!number_is_dialable(number) || strcmp(number, link_request(link)->user) == 0) {
        feature_trouble(link, "invalid");
        return;
    }
    snprintf(change->number, sizeof change->number, "%s", number);
    feature_change(link);
}

static void feature_ask(struct link *link)
{
    struct phrase phrase = {0};
    struct list list = {0};

    say_to(link, &phrase, "feature-ask-number");
    list_phrase(&list, &phrase);
    link_ask(link, &list, 20, ASK_WAIT_MS, feature_take_number);
}

/* -- the last caller ----------------------------------------------------------------------------------- */

static void last_chosen(struct link *link, char key)
{
    struct change *change = link_state(link);

    if (key == '1')
        link_retarget(link, change->number, 0);
    else
        link_hangup(link);
}

static void last_found(struct ticket ticket, int error, const char *number)
{
    struct link *link = link_of(ticket);
    struct change *change = link ? link_state(link) : NULL;
    struct phrase phrase = {0};
    struct list list = {0};

    if (!link)
        return;
    if (error) {
        feature_trouble(link, error == ENOENT ? "feature-no-caller" : "msg-trouble");
        return;
    }
    snprintf(change->number, sizeof change->number, "%s", number);
    say_to(link, &phrase, "info-about-last-call");
    say_digits(link_prompts(link), &phrase, number);
    say_to(link, &phrase, "feature-press-one");
    list_silence(&list, 200);
    list_phrase(&list, &phrase);
    link_menu(link, &list, "1", PRESS_WAIT_MS, last_chosen);
}

/* He whom he calls back is not there: the call ends with what became of it, for he was answered before. */
static bool features_failed(struct link *link, int status)
{
    (void)status;
    feature_trouble(link, "number-not-answering");
    return true;
}

/* -- a call -------------------------------------------------------------------------------------------- */

static void features_answered(struct link *link)
{
    struct change *change = link_state(link);

    if (!change->feature->service) {
        if (caller_last(server_storage(link_server(link)), link_request(link)->user, link_ticket(link),
                        last_found))
            feature_trouble(link, "msg-trouble");
    } else if (!change->feature->number) {
        feature_change(link);
    } else if (*change->number) {
        char number[NUMBER_TEXT];

        snprintf(number, sizeof number, "%s", change->number);
        *change->number = '\0';
        feature_take_number(link, number);
    } else {
        feature_ask(link);
    }
}

/* What was dialled behind the code: where the plan's pattern has its first 'X' or '.'. */
static void features_read_number(struct link *link, const struct request *request, struct change *change)
{
    const struct number_settings *row = settings_number(link_settings(link), request->number);
    size_t fixed = row ? strcspn(row->pattern, "X.") : 0;

    if (change->feature->number && fixed > 0 && fixed < strlen(request->number))
        snprintf(change->number, sizeof change->number, "%s", request->number + fixed);
}

static void features_invited(struct link *link, const struct request *request)
{
    struct change *change;

    if (!request->user) {
        link_reject(link, 403, NULL); /* whose services would they be? */
        return;
    }
    change = calloc(1, sizeof *change);
    if (!change) {
        link_reject(link, 500, NULL);
        return;
    }
    link_set_state(link, change);
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        if (strcmp(features[i].argument, request->argument) == 0)
            change->feature = &features[i];
    if (!change->feature) {
        link_log(link, LEVEL_ERROR, "argument-unknown number=%s argument=%s", request->number,
                 request->argument);
        link_reject(link, 500, NULL);
        return;
    }
    features_read_number(link, request, change);
    link_answer(link);
}

static void features_ended(struct link *link)
{
    free(link_state(link));
}

const struct app features_app = {
    .name = "features",
    .invited = features_invited,
    .failed = features_failed,
    .answered = features_answered,
    .ended = features_ended,
};
