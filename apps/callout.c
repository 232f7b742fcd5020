/*
 * Calls owners who have new messages. Who answers presses 1, so that no answering machine is told anything,
 * and is then in voicemail, which asks for the PIN.
 */
#include "apps/apps.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "storage/callout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 1000
#define CALLS_MAX 20 /* that ring at a time; the others wait */

/* A call under way. */
struct called {
    struct called *next;
    char mailbox[NUMBER_TEXT];
};

static struct {
    struct server *server;
    struct timer *timer;
    struct called *calls;
    unsigned count;
} callout;

static void called_free(struct called *called)
{
    struct called **place = &callout.calls;

    while (*place != called)
        place = &(*place)->next;
    *place = called->next;
    callout.count--;
    free(called);
}

static void callout_forgotten(struct ticket ticket, int error)
{
    (void)ticket;
    if (error)
        log_event(LEVEL_WARNING, "callout", NULL, "not-forgotten error=%d", error);
}

static void callout_done(void *arg, int status)
{
    struct called *called = arg;

    log_event(LEVEL_INFO, "callout", NULL, "called mailbox=%s status=%d", called->mailbox, status);
    if (status == 200 && callout_over(server_storage(callout.server), called->mailbox, (struct ticket){0},
                                      callout_forgotten) != 0)
        log_event(LEVEL_WARNING, "callout", NULL, "not-forgotten mailbox=%s", called->mailbox);
    called_free(called);
}

static void callout_call(const char *mailbox, const char *number)
{
    struct called *called = calloc(1, sizeof *called);
    struct call_order order = {.number = number,
                               .confirm = true,
                               .onward = mailbox,
                               .app = "voicemail",
                               .argument = "visit",
                               .done = callout_done,
                               .arg = called};

    if (!called)
        return;
    snprintf(called->mailbox, sizeof called->mailbox, "%s", mailbox);
    snprintf(order.caller.user, sizeof order.caller.user, "%s", mailbox);
    called->next = callout.calls;
    callout.calls = called;
    callout.count++;
    int error = call_make(callout.server, &order);
    if (error) {
        log_event(LEVEL_WARNING, "callout", NULL, "not-called mailbox=%s error=%d", mailbox, error);
        called_free(called);
    }
}

static void callout_look(void *arg);

/* At once again after one that was found. */
static void callout_wait(uint32_t ms)
{
    if (timer_start(server_loop(callout.server), &callout.timer, ms, callout_look, NULL))
        log_event(LEVEL_ERROR, "callout", NULL, "ended");
}

static void callout_found(struct ticket ticket, int error, const char *mailbox, const char *number)
{
    (void)ticket;
    if (!callout.server)
        return;
    if (error == 0)
        callout_call(mailbox, number);
    callout_wait(error == 0 ? 1 : LOOK_MS);
}

static void callout_look(void *arg)
{
    (void)arg;
    if (callout.count >= CALLS_MAX ||
        callout_next(server_storage(callout.server), (struct ticket){0}, callout_found) != 0)
        callout_wait(LOOK_MS);
}

static int callout_start(struct server *server)
{
    callout.server = server;
    callout_wait(LOOK_MS);
    return 0;
}

static void callout_stop(struct server *server)
{
    timer_stop(&callout.timer);
    while (callout.calls) {
        call_forget_origin(server, callout.calls);
        called_free(callout.calls);
    }
    callout.server = NULL;
}

/* It takes no calls: it is an application since it lives as long as the server. */
static void callout_invited(struct link *link, const struct request *request)
{
    (void)request;
    link_reject(link, 404, NULL);
}

const struct app callout_app = {
    .name = "callout", .start = callout_start, .stop = callout_stop, .invited = callout_invited};
