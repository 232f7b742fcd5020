/*
 * Leads a request down its path of links, and failures up again. Between links there is neither SIP nor RTP:
 * a link decides, and the request stands at the next.
 */
#include "core/call/internal.h"

#include <errno.h>
#include <stdio.h>

/* Adds a link at the path's lower end. */
int chain_push(struct call *call, struct route *route, const struct app *app)
{
    struct link *link;
    int error;

    if (call->depth >= LINKS_MAX)
        return ENOSPC;
    error = link_new(&link, call, route, app);
    if (error)
        return error;
    call->path[call->depth++] = link;
    return 0;
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
    link->app->invited(link, &link->route->request);
}

/*
 * An application had answered the call and sent it on in vain: it has the caller again. When it neither takes
 * the failure nor waits for a timer of its own, nobody would ever speak to him.
 */
static void chain_return(struct call *call)
{
    struct link *link = call->mover;

    call->mover = NULL;
    call->host = link;
    call->state = CALL_HOSTED;
    call->depth = call->position;
    link->stage = STAGE_HOST;
    if (port_connect_none(call->server->mixer, call->caller->port))
        call_end_soon(call, 500, NULL);
    else if ((!link->app->failed || !link->app->failed(link, call->failure.status)) && !link->timer)
        call_end_soon(call, call->failure.status, NULL);
}

/* Links hear of a failure in reverse order; who consumes it decides anew, and links may so be asked more than
 * once. */
void chain_up(struct call *call)
{
    while (call->position > 0 && call_is_up(call)) {
        struct link *link = call->path[call->position - 1];

        if (link == call->mover) {
            /* Links above one that has answered have had their say. */
            chain_return(call);
            return;
        }
        /* What was below has had its say. */
        call->depth = call->position;
        link->stage = STAGE_RESCUING;
        if (link->app->failed && link->app->failed(link, call->failure.status)) {
            log_event(LEVEL_INFO, "call", call->id, "rescued app=%s status=%d", link->app->name,
                      call->failure.status);
            return;
        }
        link->stage = STAGE_PASSED;
        call->position--;
    }
    if (call_is_up(call))
        call_refuse(call, &call->failure);
}

void chain_fail(struct call *call, int status, const char *reason, const char *redirect)
{
    call->state = CALL_ROUTING;
    call->failure = (struct failure){.status = status};
    snprintf(call->failure.reason, sizeof call->failure.reason, "%s", reason ? reason : "");
    snprintf(call->failure.redirect, sizeof call->failure.redirect, "%s", redirect ? redirect : "");
    log_event(LEVEL_INFO, "call", call->id, "failed status=%d", status);
    busy_note(call, status);
    chain_up(call);
}
