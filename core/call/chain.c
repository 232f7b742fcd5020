/*
 * Leads a request down its path of links, and failures up again. Between links there is neither SIP nor RTP:
 * a link decides, and the request stands at the next.
 */
#include "core/call/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Adds a link at the path's lower end. */
int chain_push(struct call *call, struct route *route, const struct app *app,
               const struct link_settings *contract, const struct subscriber *served)
{
    struct link *link;
    int error;

    if (call->depth >= LINKS_MAX)
        return ENOSPC;
    error = link_new(&link, call, route, app);
    if (error)
        return error;
    link->contract = contract;
    link->served = served;
    call->path[call->depth++] = link;
    return 0;
}

/* As it comes to a link of `route` at this place of the path: the route's own, or what the link above lets
 * pass. */
static const struct request *chain_request_at(const struct call *call, const struct route *route,
                                              unsigned position)
{
    const struct link *above = position > 0 ? call->path[position - 1] : NULL;

    return above && above->route == route ? above->passed : &route->request;
}

const struct request *chain_request(const struct call *call)
{
    return chain_request_at(call, call->routes, call->position);
}

/* To the next link; below the last one is the target of the newest route. */
void chain_down(struct call *call)
{
    struct link *link;

    if (call->position == call->depth) {
        ring_start(call, call->routes);
        return;
    }
    link = call->path[call->position++];
    link->stage = STAGE_DECIDING;
    if (link_see(link, chain_request_at(call, link->route, call->position - 1)))
        chain_refuse(call, 500, NULL, NULL);
    else
        (void)link_call(link, &(struct occasion){.hook = HOOK_INVITED});
}

/* Asks the link at which the failure stands. True: it has consumed it. */
static bool chain_ask(struct call *call, struct link *link)
{
    link->stage = STAGE_RESCUING;
    if (link_call(link, &(struct occasion){.hook = HOOK_FAILED, .status = call->failure.status}))
        return true;
    link->stage = STAGE_PASSED;
    return false;
}

/*
 * An application had answered the call and sent it on in vain: it has the caller again. When it neither takes
 * the failure nor waits for a timer of its own, nobody would ever speak to him.
 */
static void chain_return(struct call *call)
{
    struct link *link = call->mover;

    call->mover = NULL;
    free(call->screen);
    call->screen = NULL;
    call->host = link;
    call->state = CALL_HOSTED;
    call->depth = call->position;
    link->stage = STAGE_HOST;
    if (port_connect_none(call->server->mixer, call->caller->port))
        call_end_soon(call, 500, NULL);
    else if (!link_call(link, &(struct occasion){.hook = HOOK_FAILED, .status = call->failure.status}) &&
             !link->timer)
        call_end_soon(call, call->failure.status, NULL);
}

/* Links hear of a failure in reverse order; who consumes it decides anew, and links may so be asked more than
 * once. */
void chain_up(struct call *call)
{
    while (call->position > call->floor && call_is_up(call)) {
        struct link *link = call->path[call->position - 1];

        if (link == call->mover) {
            /* Links above one that has answered have had their say. */
            chain_return(call);
            return;
        }
        /* What was below has had its say. */
        call->depth = call->position;
        if (chain_ask(call, link)) {
            if (!link->broken)
                log_event(LEVEL_INFO, "call", call->id, "rescued app=%s status=%d", link->app->name,
                          call->failure.status);
            return;
        }
        call->position--;
    }
    if (call_is_up(call) && call->transfer)
        transfer_failed(call);
    else if (call_is_up(call))
        call_refuse(call, &call->failure);
}

void chain_fail_as(struct call *call, const struct failure *failure)
{
    call->state = CALL_ROUTING;
    call->failure = *failure;
    log_event(LEVEL_INFO, "call", call->id, "failed status=%d", failure->status);
    busy_note(call, failure->status);
    chain_up(call);
}

void chain_fail(struct call *call, int status, const char *reason, const char *redirect)
{
    struct failure failure = {.status = status};

    snprintf(failure.reason, sizeof failure.reason, "%s", reason ? reason : "");
    snprintf(failure.redirect, sizeof failure.redirect, "%s", redirect ? redirect : "");
    chain_fail_as(call, &failure);
}

void chain_refuse(struct call *call, int status, const char *reason, const char *redirect)
{
    call->path[call->position - 1]->stage = STAGE_PASSED;
    call->depth = --call->position;
    chain_fail(call, status, reason, redirect);
}

void chain_skip(struct call *call)
{
    struct link *link = call->path[call->position - 1];
    bool rescuing = link->stage == STAGE_RESCUING;

    link->stage = STAGE_PASSED;
    link->passed = link->above;
    if (rescuing) {
        call->position--;
        chain_up(call);
    } else {
        chain_down(call);
    }
}

int chain_replace(struct call *call)
{
    struct link *link = call->path[call->position - 1], *other;
    const struct app *app = app_named(link->contract->fallback);
    bool rescuing = link->stage == STAGE_RESCUING;
    int error = app ? link_new(&other, call, link->route, app) : ENOENT;

    if (error)
        return error;
    other->contract = link->contract;
    other->served = link->served;
    other->stands_in = true;
    error = link_see(other, link->above);
    if (error)
        return error;
    link->stage = STAGE_PASSED;
    call->path[call->position - 1] = other;
    log_event(LEVEL_NOTICE, "call", call->id, "fallback link=%s app=%s", link_name(link), app->name);
    if (!rescuing) {
        call->position--;
        chain_down(call);
    } else if (!chain_ask(call, other)) {
        call->position--;
        chain_up(call);
    }
    return 0;
}

bool chain_news(struct call *call, const struct news *news)
{
    for (unsigned i = call->position; i > 0 && call_is_up(call); i--) {
        struct link *link = call->path[i - 1];

        if (link->stage == STAGE_PASSED &&
            link_call(link, &(struct occasion){.hook = HOOK_HEARD, .news = news}))
            return true;
    }
    return false;
}

bool chain_listens(const struct call *call)
{
    for (unsigned i = 0; i < call->position; i++)
        if (call->path[i]->app->heard && !call->path[i]->broken)
            return true;
    return false;
}
