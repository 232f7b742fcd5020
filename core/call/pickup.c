/*
 * Calls that one takes from where they are: pickup of what rings elsewhere (RFC 5359 §2.16), and of what an
 * application keeps for others, as a park slot does (§2.15).
 */
#include "core/call/internal.h"

#include <stdio.h>
#include <string.h>

bool pickup_allowed(const struct call *ringing, const struct subscriber *taker)
{
    const struct subscriber *callee = ringing->routes ? ringing->routes->callee : NULL;

    return callee && (strcmp(callee->number, taker->number) == 0 || subscribers_share_group(callee, taker));
}

/* A user's phone that is rung for a call of his own is no call for others. */
static bool pickup_rings(const struct call *call, const struct subscriber *taker)
{
    bool own = call->has_user && strcmp(call->user, taker->number) == 0;

    return call->state == CALL_RINGING && call->ring && !call->caller->answered && !originate_rings(call) &&
           !own && call->routes->plan == PLAN_USER && call->routes->callee;
}

/* The calls stand newest first, and who has waited longest is next. */
static struct call *pickup_find(const struct call *own, const struct subscriber *taker, const char *number,
                                bool any)
{
    struct call *found = NULL;

    for (struct call *call = own->server->calls; call; call = call->next) {
        if (call == own || !pickup_rings(call, taker))
            continue;
        if (number && strcmp(call->routes->callee->number, number) != 0)
            continue;
        if (pickup_allowed(call, taker) || (any && number))
            found = call;
    }
    return found;
}

/* Hands the link's caller over. His own call has nobody left and ends. */
static bool pickup_give(struct link *link, struct call *call, const char *what)
{
    struct leg *leg = link->call->caller;
    int error;

    link->stage = STAGE_PASSED;
    error = call_pick(call, leg);
    if (error) {
        link->stage = STAGE_DECIDING;
        link_log(link, LEVEL_WARNING, "%s-failed call=%s error=\"%s\"", what, call->id, strerror(error));
        return false;
    }
    link_decided(link, what);
    link_log(link, LEVEL_INFO, "%s call=%s", what, call->id);
    call_trace(call, NULL, what, "by=%s", leg->number);
    watch_changed(call);
    return true;
}

bool link_pick(struct link *link, const struct subscriber *taker, const char *number, bool any)
{
    struct call *call = link_decides(link, "pick") ? pickup_find(link->call, taker, number, any) : NULL;

    return call && pickup_give(link, call, "picked");
}

bool link_waits(const struct link *link)
{
    const struct call *call = link->call;

    return call_is_up(call) && ((call->host == link && call->state == CALL_HOSTED) || call->mover == link);
}

/* While the keeper is sending him on (a recall that rings), he is as good as ringing already. */
bool link_join(struct link *link, struct link *keeper)
{
    struct call *call = keeper->call;

    if (!link_decides(link, "join") || !link_waits(keeper) || !call->acknowledged)
        return false;
    if (call->host == keeper) {
        media_clear(keeper);
        keeper->stage = STAGE_PASSED;
        call->host = NULL;
        call->state = CALL_RINGING;
    }
    call->mover = NULL;
    call->epoch++; /* a look-up for the recall has nothing to say any more */
    return pickup_give(link, call, "joined");
}

void link_show_at(struct link *link, const char *number)
{
    watch_changed(link->call);
    snprintf(link->lamp, sizeof link->lamp, "%s", number);
    watch_changed(link->call);
}
