/*
 * Automatic redial (RFC 5359 §2.18): who found a number busy dials a code, and as soon as both are free his
 * phone rings; when he answers, the number is called. The plan's argument is for how many seconds it is
 * tried, or "cancel".
 */
#include "apps/apps.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/call/media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIED_S 1800
#define LOOK_MS 1000

struct redial {
    struct redial *next;
    struct server *server;
    char user[NUMBER_TEXT], number[NUMBER_TEXT];
    uint64_t until_us;
    bool calling;   /* his phone rings, or the number */
    bool seen_idle; /* it was free and yet refused: only a call that ends there is a new reason */
    struct timer *timer;
};

static struct redial *redials;

static struct redial *redial_find(const struct server *server, const char *user)
{
    struct redial *redial = redials;

    while (redial && (redial->server != server || strcmp(redial->user, user) != 0))
        redial = redial->next;
    return redial;
}

static void redial_free(struct redial *redial)
{
    struct redial **place = &redials;

    while (*place != redial)
        place = &(*place)->next;
    *place = redial->next;
    if (redial->calling)
        call_forget_origin(redial->server, redial);
    timer_stop(&redial->timer);
    free(redial);
}

static void redial_look(void *arg);

static void redial_wait(struct redial *redial)
{
    if (timer_start(server_loop(redial->server), &redial->timer, LOOK_MS, redial_look, redial)) {
        log_event(LEVEL_WARNING, "redial", NULL, "no-memory for=timer");
        redial_free(redial);
    }
}

/* Busy again: on with it. Anything else (also that the user did not take up his phone) is the end. */
static void redial_done(void *arg, int status)
{
    struct redial *redial = arg;

    redial->calling = false;
    log_event(LEVEL_INFO, "redial", NULL, "called user=%s status=%d", redial->user, status);
    if (status == 486 || status == 600) {
        redial->seen_idle = true;
        redial_wait(redial);
    } else {
        redial_free(redial);
    }
}

static void redial_look(void *arg)
{
    struct redial *redial = arg;
    bool idle = server_number_is_idle(redial->server, redial->number);

    if (clock_now_us() >= redial->until_us) {
        log_event(LEVEL_INFO, "redial", NULL, "given-up user=%s", redial->user);
        redial_free(redial);
        return;
    }
    redial->seen_idle = redial->seen_idle && idle;
    if (!idle || redial->seen_idle || !server_number_is_idle(redial->server, redial->user)) {
        redial_wait(redial);
        return;
    }
    redial->calling = true;
    if (call_originate(redial->server, redial->user, redial->number, redial_done, redial)) {
        redial->calling = false;
        redial_wait(redial);
    }
}

/* -- the code that is dialled --------------------------------------------------------------------------- */

static void redial_begin(struct link *link, const struct request *request, const char *number)
{
    unsigned long seconds = strtoul(request->argument, NULL, 10);
    struct redial *redial = calloc(1, sizeof *redial);

    if (!redial) {
        link_reject(link, 500, NULL);
        return;
    }
    redial->server = link_server(link);
    snprintf(redial->user, sizeof redial->user, "%s", request->user);
    snprintf(redial->number, sizeof redial->number, "%s", number);
    redial->until_us = clock_now_us() + UINT64_C(1000000) * (seconds ? seconds : TRIED_S);
    redial->next = redials;
    redials = redial;
    link_log(link, LEVEL_INFO, "waits number=%s", number);
    redial_wait(redial);
    link_answer(link);
}

static void redial_invited(struct link *link, const struct request *request)
{
    const char *number = request->user ? server_last_busy(link_server(link), request->user) : NULL;
    struct redial *old = request->user ? redial_find(link_server(link), request->user) : NULL;

    if (!request->user) {
        link_reject(link, 403, NULL);
        return;
    }
    if (old)
        redial_free(old);
    if (strcmp(request->argument, "cancel") == 0)
        link_answer(link);
    else if (number)
        redial_begin(link, request, number);
    else
        link_reject(link, 404, "Nobody Was Busy");
}

static void redial_said(struct link *link)
{
    link_hangup(link);
}

/* Two short tones for "it is done", as other codes' users know them. */
static void redial_answered(struct link *link)
{
    struct list list = {.count = 0};

    list_silence(&list, 200);
    list_beep(&list);
    list_silence(&list, 150);
    list_beep(&list);
    link_play(link, &list, redial_said);
}

static void redial_ended(struct link *link)
{
    (void)link; /* what waits is no call's */
}

static void redial_stop(struct server *server)
{
    struct redial *next;

    for (struct redial *redial = redials; redial; redial = next) {
        next = redial->next;
        if (redial->server == server)
            redial_free(redial);
    }
}

const struct app redial_app = {
    .name = "redial",
    .stop = redial_stop,
    .invited = redial_invited,
    .answered = redial_answered,
    .ended = redial_ended,
};
