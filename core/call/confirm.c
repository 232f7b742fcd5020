/*
 * Who answers is asked before he has the call: a foreign mailbox, which presses no key, never takes it. The
 * caller hears ringing meanwhile, and the other branches ring on.
 */
#include "core/call/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTION_MS 30000 /* the longest name that a caller may have said, and the phrases around it */
#define PATIENCE_MS 10000 /* after the question's end */

bool confirm_wanted(const struct branch *branch)
{
    const struct call *call = branch->leg->call;

    return call->screen || (branch->place && branch->place->what.confirm) ||
           (originate_rings(call) && call->origin->confirm);
}

/* He has heard who calls: on a screened call his "no" is one for all his phones. */
static void confirm_refuse(struct branch *branch, const char *why, int status)
{
    struct leg *leg = branch->leg;

    log_event(LEVEL_INFO, "call", leg->call->id, "confirm-refused why=%s", why);
    ring_failed(leg, status, NULL, NULL);
}

static void confirm_expired(void *arg)
{
    confirm_refuse(arg, "silence", 480);
}

static void confirm_wait(struct branch *branch, unsigned ms)
{
    if (timer_start(branch->leg->call->server->loop, &branch->timer, ms, confirm_expired, branch))
        log_event(LEVEL_ERROR, "call", branch->leg->call->id, "no-memory for=confirm-timer");
}

static void confirm_say_caller(const struct call *call, const struct prompts *prompts, struct list *list)
{
    const struct party *caller = &ring_request(call->ring)->caller;
    struct phrase phrase = {0};

    if (call->screen && call->screen->count > 0) {
        for (unsigned i = 0; i < call->screen->count && list->count < LIST_MAX; i++)
            list->items[list->count++] = call->screen->items[i];
        return;
    }
    if (call->anonymous || !*caller->user)
        say(prompts, &phrase, "msg-anonymous");
    else
        say_digits(prompts, &phrase, caller->user);
    list_phrase(list, &phrase);
}

static void confirm_play(struct branch *branch)
{
    struct leg *leg = branch->leg;
    struct server *server = leg->call->server;
    struct play_item items[PLAY_ITEMS_MAX];
    struct phrase before = {0}, after = {0};
    struct list list = {0};
    size_t count;

    say(server->prompts, &before, "confirm-call-from");
    say(server->prompts, &after, "confirm-keys");
    list_silence(&list, 300);
    list_phrase(&list, &before);
    confirm_say_caller(leg->call, server->prompts, &list);
    list_silence(&list, 200);
    list_phrase(&list, &after);
    count = list_items(&list, &server->voice, items);
    branch->serial = ++leg->call->serial;
    if (count == 0 || port_play(server->mixer, leg->port, branch->serial, items, count, false))
        log_event(LEVEL_WARNING, "call", leg->call->id, "confirm-silent");
}

/* It was answered before it rang, perhaps: the caller is to hear that his call has come somewhere. */
void confirm_ask(struct branch *branch)
{
    struct leg *leg = branch->leg;
    struct call *call = leg->call;

    branch->asked = true;
    log_event(LEVEL_INFO, "call", call->id, "confirm-asked");
    call_trace(call, NULL, "confirm", "asked=1");
    if (port_connect_none(call->server->mixer, leg->port)) {
        confirm_refuse(branch, "no-media", 500);
        return;
    }
    confirm_wait(branch, QUESTION_MS);
    confirm_play(branch);
    if (!call->ringing)
        ring_progress(leg, 180, NULL, NULL);
}

void confirm_key(struct branch *branch, char key)
{
    struct leg *leg = branch->leg;

    if (key == '1') {
        timer_stop(&branch->timer);
        port_play_stop(leg->call->server->mixer, leg->port);
        call_trace(leg->call, NULL, "confirm", "accepted=1");
        ring_take(leg);
    } else if (key == '2') {
        confirm_refuse(branch, "key", leg->call->screen ? 603 : 480);
    }
}

void confirm_played(struct branch *branch, const struct mixer_event *event)
{
    if (event->serial == branch->serial && event->end == PLAY_DONE)
        confirm_wait(branch, PATIENCE_MS);
}
