/* Between applications that are a focus and the event package that tells of their conferences. */
#include "core/call/focus.h"
#include "core/call/internal.h"

#include <errno.h>
#include <stdio.h>

static const struct app *focus_app(const struct server *server, const char *number, const char **argument)
{
    const struct app *app = NULL;

    if (plan_find(server->settings, number, argument, &app) != PLAN_APP || !app || !app->focus)
        return NULL;
    return app;
}

bool focus_is(void *arg, const char *number)
{
    const char *argument = "";
    const struct app *app = focus_app(arg, number, &argument);

    return app && app->focus->names(number, argument);
}

/* A dialog in which he asks is his call's: what he may follows from that. */
static const struct app *focus_of_call(struct focus_watcher *who, const struct session *session)
{
    const struct leg *leg = session_owner(session);
    const struct call *call = leg ? leg->call : NULL;

    if (!call || leg != call->caller || !call->host || call->state != CALL_HOSTED)
        return NULL;
    who->link = call->host;
    who->user = call->has_user ? call->user : NULL;
    return call->host->app;
}

void focus_judge(void *arg, const struct conference_watch *watch, struct ticket ticket)
{
    struct server *server = arg;
    struct focus_watcher who = {
        .number = watch->number, .argument = "", .user = watch->user, .peer = watch->peer};
    const struct app *app;

    app = watch->session ? focus_of_call(&who, watch->session)
                         : focus_app(server, watch->number, &who.argument);
    if (app && app->focus)
        app->focus->judge(server, &who, ticket);
    else
        focus_judged(server, ticket, watch->session ? EACCES : ENOENT, "");
}

/* Whoever does not know the room says nothing. */
void focus_list(void *arg, const char *room)
{
    for (const struct app *const *app = applications; *app; app++)
        if ((*app)->focus)
            (*app)->focus->list(arg, room);
}

void link_set_focus(struct link *link, const char *user)
{
    struct session *session = link->call->caller->session;

    snprintf(link->focus, sizeof link->focus, "%s", user);
    if (session)
        session_set_focus(session, user);
}

void focus_take(const struct call *call, struct leg *leg)
{
    if (call->state == CALL_HOSTED && call->host->app->focus)
        session_set_focus(leg->session, call->host->focus);
}

/* -- what is told: nothing once the agent stops ---------------------------------------------------------- */

void focus_judged(struct server *server, struct ticket ticket, int error, const char *room)
{
    if (server->agent)
        agent_conference_judged(server->agent, ticket, error, room);
}

void focus_describe(struct server *server, const char *room, const struct conference_state *state)
{
    if (server->agent)
        agent_conference_describe(server->agent, room, state);
}

void focus_put(struct server *server, const char *room, const struct conference_member *member)
{
    if (server->agent)
        agent_conference_put(server->agent, room, member);
}

void focus_drop(struct server *server, const char *room, unsigned id)
{
    if (server->agent)
        agent_conference_drop(server->agent, room, id);
}

void focus_left(struct server *server, const char *room, const struct link *link, const char *user)
{
    if (server->agent)
        agent_conference_left(server->agent, room, link->call->caller->session, user);
}

void focus_gone(struct server *server, const char *room)
{
    if (server->agent)
        agent_conference_gone(server->agent, room);
}
