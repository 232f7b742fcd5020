/*
 * Links, and what an application may do with the request that stands at one.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct table links; /* by ticket, until the call is over */

int link_new(struct link **out, struct call *call, struct route *route, const struct app *app)
{
    struct link *link = calloc(1, sizeof *link);

    if (!link)
        return ENOMEM;
    link->call = call;
    link->route = route;
    link->app = app;
    link->number = ticket_number();
    if (table_put(&links, link->number, link)) {
        free(link);
        return ENOMEM;
    }
    link->next = call->links;
    call->links = link;
    *out = link;
    return 0;
}

/*
 * The last of a link. An application that was never invited has no state and is not told; a state is freed in
 * `ended`, so nothing may call into the application after it.
 */
void link_close(struct link *link)
{
    struct mixer *mixer = link->call->server->mixer;

    table_remove(&links, link->number);
    timer_stop(&link->timer);
    timer_stop(&link->media.timer);
    link->media.mode = MEDIA_IDLE;
    if (link->stage != STAGE_WAITING && link->app->ended)
        link->app->ended(link);
    link->state = NULL;
    json_decref(link->services);
    link->services = NULL;
    for (unsigned i = 0; i < link->media.file_count; i++)
        sound_drop(mixer, link->media.files[i]);
    link->media.file_count = 0;
}

/* -- decisions ----------------------------------------------------------------------------------------- */

/* A request stands at one link at a time, and only there may it be decided about. */
bool link_decides(const struct link *link, const char *verb)
{
    const struct call *call = link->call;
    bool right = (link->stage == STAGE_DECIDING || link->stage == STAGE_RESCUING) &&
                 call->state == CALL_ROUTING && call->position > 0 &&
                 call->path[call->position - 1] == link && call->caller->session;

    if (!right)
        link_log(link, LEVEL_WARNING, "ignored verb=%s stage=%d state=%d", verb, (int)link->stage,
                 (int)call->state);
    return right;
}

/* Before a failure that was consumed, "go on" means that it goes on up. */
void link_continue(struct link *link)
{
    bool rescuing = link->stage == STAGE_RESCUING;

    if (!link_decides(link, "continue"))
        return;
    link->stage = STAGE_PASSED;
    if (rescuing) {
        link->call->position--;
        chain_up(link->call);
    } else {
        chain_down(link->call);
    }
}

/* The request leaves this link for good: the failure goes to those above it. */
static void link_refuse(struct link *link, int status, const char *reason, const char *redirect)
{
    link->stage = STAGE_PASSED;
    link->call->position--;
    link->call->depth = link->call->position;
    chain_fail(link->call, status, reason, redirect);
}

void link_reject(struct link *link, int status, const char *reason)
{
    if (link_decides(link, "reject"))
        link_refuse(link, status, reason, NULL);
}

/* The caller's own phone is to call elsewhere; applications above may prefer to follow it for him. */
void link_redirect(struct link *link, const char *uri)
{
    if (link_decides(link, "redirect"))
        link_refuse(link, 302, NULL, uri);
}

/* The number plan's own application has no contract: without it there is nothing to go on to. */
void link_fail(struct link *link, const char *why)
{
    const struct link_settings *contract = link->contract;
    bool late = link->stage == STAGE_PASSED || link->stage == STAGE_HOST;

    link_log(link, LEVEL_WARNING, "failed why=\"%s\"", why);
    call_trace(link->call, link, "failure", "why=\"%s\"", why);
    if (late) {
        if (!contract || contract->end_late)
            call_end_soon(link->call, 500, NULL);
    } else if (contract && contract->on_fail == FAIL_CONTINUE) {
        link_continue(link);
    } else if (link_decides(link, "fail")) {
        link_refuse(link, contract ? contract->fail_status : 500, NULL, NULL);
    }
}

/* A host that retargets lets go of the caller's media until a failure gives him back. */
static void link_move(struct link *link)
{
    struct call *call = link->call;

    media_clear(link);
    watch_changed(call);
    call->host = NULL;
    call->mover = link;
    call->state = CALL_ROUTING;
    if (port_connect_none(call->server->mixer, call->caller->port))
        call_end_soon(call, 500, NULL);
}

void link_retarget(struct link *link, const char *number, int cause)
{
    struct call *call = link->call;
    struct diversion diversion = {.cause = cause};

    if (call->host == link && call->state == CALL_HOSTED)
        link_move(link);
    else if (!link_decides(link, "retarget"))
        return;
    link->stage = STAGE_PASSED;
    call->depth = call->position;
    snprintf(diversion.user, sizeof diversion.user, "%s", link->route->number);
    snprintf(diversion.host, sizeof diversion.host, "%s", call->settings->realm);
    link_log(link, LEVEL_INFO, "retarget number=%s cause=%d", number, cause);
    route_start(call, number, "", &diversion);
}

void link_recall(struct link *link, const char *number)
{
    struct call *call = link->call;

    if (!link_hosts(link, "recall"))
        return;
    link_move(link);
    link->stage = STAGE_PASSED;
    call->depth = call->position;
    link_log(link, LEVEL_INFO, "recall number=%s", number);
    route_recall(call, number);
}

/* A continuation, so not inside link_answer(). */
static void link_arrived(void *arg)
{
    struct call *call = arg;

    if (call->state == CALL_HOSTED && call->host->app->answered)
        call->host->app->answered(call->host);
}

static int link_answer_caller(struct call *call)
{
    int error = bridge_describe_caller(call, NULL);

    if (!error)
        error = port_connect_none(call->server->mixer, call->caller->port);
    if (error)
        return error;
    if (!call->caller->answered)
        return session_answer(call->caller->session, call->caller->sdp);
    /* Another application had answered and sent the call here: no ACK will come that begins it. */
    call->mover = NULL;
    if (!call->acknowledged)
        return 0;
    return timer_start(call->server->loop, &call->arrival, 0, link_arrived, call);
}

/* The greeting begins at the ACK: before it a phone may not play yet, and the first words would be cut. */
void link_answer(struct link *link)
{
    struct call *call = link->call;
    int error;

    if (!link_decides(link, "answer"))
        return;
    link->stage = STAGE_HOST;
    call->host = link;
    call->state = CALL_HOSTED;
    error = link_answer_caller(call);
    if (error) {
        link_log(link, LEVEL_WARNING, "answer-failed error=\"%s\"", strerror(error));
        call_end_soon(call, error == ENOPROTOOPT || error == EINVAL ? 488 : 500, NULL);
        return;
    }
    if (!call->caller->answered)
        call->answered_us = clock_now_us();
    call->caller->answered = true;
    link_log(link, LEVEL_INFO, "answered");
    watch_changed(call);
    originate_tell(call, 200);
}

bool link_hosts(const struct link *link, const char *verb)
{
    bool right = link->call->host == link && link->call->state == CALL_HOSTED;

    if (!right)
        link_log(link, LEVEL_INFO, "ignored verb=%s state=%d", verb, (int)link->call->state);
    return right;
}

void link_hangup(struct link *link)
{
    if (!link_hosts(link, "hangup"))
        return;
    /* The application wants no more of it: its recording ends with the port, unreported. */
    media_clear(link);
    call_end(link->call, 200, NULL);
}

/* -- questions ----------------------------------------------------------------------------------------- */

const struct request *link_request(const struct link *link)
{
    return &link->route->request;
}

const struct subscriber *link_subscriber(const struct link *link)
{
    return link->served;
}

const json_t *link_service(const struct link *link, const char *name)
{
    struct link *cache = (struct link *)(uintptr_t)link;

    if (!link->served || !*link->served->services)
        return NULL;
    if (!link->services)
        cache->services = json_loads(link->served->services, 0, NULL);
    return json_object_get(link->services, name);
}

void link_set_state(struct link *link, void *state)
{
    link->state = state;
}

void *link_state(const struct link *link)
{
    return link->state;
}

struct ticket link_ticket(const struct link *link)
{
    return (struct ticket){.owner = link->number, .epoch = 1};
}

/* Also NULL while a recording is being finished: an answer from storage can change nothing any more. */
struct link *link_of(struct ticket ticket)
{
    struct link *link = table_get(&links, ticket.owner);

    return link && call_is_up(link->call) ? link : NULL;
}

static void link_expired(void *arg)
{
    struct link *link = arg;

    if (call_is_up(link->call))
        link->after(link);
}

/* Without the timer an application would wait for ever and its caller in silence: the call ends instead. */
void link_after(struct link *link, uint32_t ms, void (*fn)(struct link *link))
{
    timer_stop(&link->timer);
    if (ms == 0 || !call_is_up(link->call))
        return;
    link->after = fn;
    if (timer_start(link->call->server->loop, &link->timer, ms, link_expired, link))
        call_end_soon(link->call, 500, NULL);
}

struct server *link_server(const struct link *link)
{
    return link->call->server;
}

const struct settings *link_settings(const struct link *link)
{
    return link->call->settings;
}

void link_log(const struct link *link, int level, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_event((enum log_level)level, link->app->name, link->call->id, "%s", text);
}
