/*
 * What lamps show (RFC 4235): each leg that is a user's phone is a dialog at his number, and a call that an
 * application has answered is one at the number it was answered at. Read from the calls as they stand
 * whenever somebody asks.
 */
#include "core/call/internal.h"

#include <stdio.h>
#include <string.h>

static const char *host_number(const struct call *call)
{
    /* One who is being sent on stays where he is until he is taken. */
    const struct link *host = call->host ? call->host : call->mover;

    if (!host)
        return "";
    return *host->lamp ? host->lamp : host->route->number;
}

void watch_changed(struct call *call)
{
    struct agent *agent = call->server->agent;

    desk_watch(call);
    if (!agent)
        return; /* the server stops */
    for (const struct leg *leg = call->legs; leg; leg = leg->next)
        if (*leg->number)
            agent_dialog_changed(agent, leg->number);
    for (const struct link *link = call->links; link; link = link->next)
        if (*link->lamp || link == call->host)
            agent_dialog_changed(agent, *link->lamp ? link->lamp : link->route->number);
}

/* -- who is on the other side ------------------------------------------------------------------------------
 */

static void party_of_route(struct party *out, const struct call *call, const struct route *route)
{
    snprintf(out->user, sizeof out->user, "%s", route->number);
    snprintf(out->host, sizeof out->host, "%s", call->settings->realm);
    if (route->callee)
        snprintf(out->display, sizeof out->display, "%s", route->callee->name);
}

/* Who withholds his number withholds it from those who look on, too. */
static void party_of_caller(struct party *out, const struct call *call)
{
    if (call->anonymous)
        return;
    snprintf(out->user, sizeof out->user, "%s", call->from.user);
    snprintf(out->host, sizeof out->host, "%s", call->from.host);
    snprintf(out->display, sizeof out->display, "%s", call->from.display);
}

/* -- the list ----------------------------------------------------------------------------------------------
 */

static enum dialog_state leg_state(const struct leg *leg, const char *tag)
{
    const struct call *call = leg->call;

    if (leg->answered)
        return DIALOG_CONFIRMED;
    if (leg == call->caller)
        return call->ringing ? DIALOG_EARLY : DIALOG_TRYING;
    return *tag ? DIALOG_EARLY : DIALOG_TRYING;
}

/* In place: what the notifier compares must have no leftovers between its fields. */
static void leg_describe(const struct leg *leg, struct dialog_entry *out)
{
    const struct call *call = leg->call;
    const char *own, *theirs;

    session_tags(leg->session, &own, &theirs);
    out->id = leg->id;
    out->state = leg_state(leg, theirs);
    out->initiator = leg->incoming;
    out->holds = leg->answered && leg->declines;
    snprintf(out->call_id, sizeof out->call_id, "%s", session_call_id(leg->session));
    /* His phone's own tag is what we call the far side's. */
    snprintf(out->local_tag, sizeof out->local_tag, "%s", theirs);
    snprintf(out->remote_tag, sizeof out->remote_tag, "%s", own);
    if (leg == call->caller && call->routes)
        party_of_route(&out->remote, call, call->routes);
    else if (leg != call->caller)
        party_of_caller(&out->remote, call);
}

/* Of a user's phones that ring for one call one is enough. */
static const struct leg *leg_of_number(const struct call *call, const char *number)
{
    const struct leg *found = NULL;

    for (const struct leg *leg = call->legs; leg; leg = leg->next) {
        if (!leg->session || leg->closing || strcmp(leg->number, number) != 0)
            continue;
        if (!found || (leg->answered && !found->answered))
            found = leg;
    }
    return found;
}

void watch_list(void *arg, const char *number, struct dialog_list *out)
{
    const struct server *server = arg;

    for (const struct call *call = server->calls; call && out->count < DIALOGS_MAX; call = call->next) {
        const struct leg *leg = call_is_up(call) ? leg_of_number(call, number) : NULL;
        struct dialog_entry *entry;

        if (leg)
            leg_describe(leg, &out->entries[out->count++]);
        if (out->count == DIALOGS_MAX || !call_is_up(call) || strcmp(host_number(call), number) != 0)
            continue;
        entry = &out->entries[out->count++];
        entry->id = call->number;
        entry->state = DIALOG_CONFIRMED;
        party_of_caller(&entry->remote, call);
    }
}
