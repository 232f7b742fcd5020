/*
 * Media before the answer: an application speaks to the caller while his call is still on its way, and lets
 * him go down the path to somebody else, once or in vain.
 */
#include "core/call/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool early_possible(const struct call *call)
{
    const struct leg *caller = call->caller;

    return caller->answered || caller->offer || (caller->session && session_is_reliable(caller->session));
}

/* 183 with the answer to his offer (RFC 3960 §3.1); who was answered before hears us anyhow. */
static int early_open(struct call *call)
{
    int error = 0;

    if (!call->caller->answered) {
        if (!early_possible(call))
            return ENOTSUP;
        error = bridge_describe_caller(call, NULL);
        if (!error)
            error = leg_send_progress(call->caller, 183, call->caller->sdp);
    }
    if (!error)
        error = port_connect_none(call->server->mixer, call->caller->port);
    return error;
}

bool link_early(struct link *link)
{
    struct call *call = link->call;
    int error;

    if (!link_decides(link, "early"))
        return false;
    if (link->early)
        return true;
    error = early_open(call);
    if (!error)
        error = link_arrive_soon(link);
    if (error) {
        link_log(link, LEVEL_INFO, "early-impossible error=\"%s\"", strerror(error));
        return false;
    }
    timer_stop(&link->deadline);
    link->early = true;
    call->host = link;
    call->ringing = false;
    call_trace(call, link, "early", "status=183");
    return true;
}

void early_end(struct link *link)
{
    struct call *call = link->call;

    if (!link->early)
        return;
    link->early = false;
    media_clear(link);
    timer_stop(&call->arrival);
    call->host = NULL;
}

/* -- on down the path, after an answer ------------------------------------------------------------------ */

void link_screen(struct link *link, const struct list *name)
{
    struct call *call = link->call;

    if (!link_hosts(link, "screen") || link->early)
        return;
    if (!call->screen)
        call->screen = calloc(1, sizeof *call->screen);
    if (!call->screen) {
        call_end_soon(call, 500, NULL);
        return;
    }
    *call->screen = *name;
    call_trace(call, link, "screen", "items=%u", name->count);
    link_let_go(link);
    link->stage = STAGE_PASSED;
    chain_down(call);
}
