/*
 * Links, and what an application may do with the request that stands at one.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <netdb.h>
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

/* What is its own to be told comes from its contract; a link without one is the number plan's. */
int link_see(struct link *link, const struct request *request)
{
    const struct link_settings *contract = link->contract;
    const char *argument;

    link->above = link->request = link->passed = request;
    if (!contract)
        return 0;
    if (link->stands_in)
        argument = contract->fallback_argument;
    else
        argument = strchr(contract->application, ':') ? contract->application : contract->argument;
    if (strcmp(argument, request->argument) == 0)
        return 0;
    if (!link->own_request)
        link->own_request = malloc(sizeof *link->own_request);
    if (!link->own_request)
        return ENOMEM;
    *link->own_request = *request;
    link->own_request->argument = argument;
    link->request = link->own_request;
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
    timer_stop(&link->deadline);
    if (link->stage != STAGE_WAITING)
        (void)link_call(link, &(struct occasion){.hook = HOOK_ENDED});
    link->state = NULL;
    json_decref(link->services);
    link->services = NULL;
    for (unsigned i = 0; i < link->media.file_count; i++)
        sound_drop(mixer, link->media.files[i]);
    link->media.file_count = 0;
}

/* -- decisions ----------------------------------------------------------------------------------------- */

/* Before a failure that was consumed, "go on" means that it goes on up. */
void link_continue(struct link *link)
{
    bool rescuing = link->stage == STAGE_RESCUING;

    if (!link_decides(link, "continue"))
        return;
    link_decided(link, "continue");
    link->stage = STAGE_PASSED;
    if (rescuing) {
        link->call->position--;
        chain_up(link->call);
    } else {
        chain_down(link->call);
    }
}

void link_reject(struct link *link, int status, const char *reason)
{
    if (!link_decides(link, "reject") || link_overruled(link, "reject"))
        return;
    link_decided(link, "reject");
    chain_refuse(link->call, status, reason, NULL);
}

/* The caller's own phone is to call elsewhere; applications above may prefer to follow it for him. */
void link_redirect(struct link *link, const char *uri)
{
    if (!link_decides(link, "redirect") || link_overruled(link, "redirect"))
        return;
    link_decided(link, "redirect");
    chain_refuse(link->call, 302, NULL, uri);
}

/* NULL with ENOMEM, which the application need not know: the request goes on as it was. */
static struct request *link_edit(struct link *link, const char *verb)
{
    if (!link_decides(link, verb))
        return NULL;
    if (!link->edited) {
        link->edited = malloc(sizeof *link->edited);
        if (!link->edited) {
            link_log(link, LEVEL_ERROR, "no-memory for=%s", verb);
            return NULL;
        }
        *link->edited = *link->above;
    }
    link->passed = link->edited;
    return link->edited;
}

void link_edit_caller(struct link *link, const struct party *caller)
{
    struct request *edited = link_edit(link, "edit-caller");

    if (!edited)
        return;
    edited->caller = caller ? *caller : link->above->caller;
    call_trace(link->call, link, "edit", "caller=%s", edited->caller.user);
}

void link_edit_callee_name(struct link *link, const char *display)
{
    struct request *edited = link_edit(link, "edit-callee-name");

    if (!edited)
        return;
    snprintf(edited->callee_name, sizeof edited->callee_name, "%s",
             display ? display : link->above->callee_name);
    call_trace(link->call, link, "edit", "callee_name=\"%s\"", edited->callee_name);
}

void link_let_go(struct link *link)
{
    struct call *call = link->call;

    media_clear(link);
    watch_changed(call);
    if (link->app->focus && call->caller->session)
        session_set_focus(call->caller->session, NULL);
    call->host = NULL;
    call->mover = link;
    call->state = CALL_ROUTING;
    if (port_connect_none(call->server->mixer, call->caller->port))
        call_end_soon(call, 500, NULL);
}

void link_retarget(struct link *link, const char *number, int cause)
{
    struct call *call = link->call;

    if (call->host == link && call->state == CALL_HOSTED)
        link_let_go(link);
    else if (!link_decides(link, "retarget") || link_overruled(link, "retarget"))
        return;
    link_decided(link, "retarget");
    link->stage = STAGE_PASSED;
    call->depth = call->position;
    link_log(link, LEVEL_INFO, "retarget number=%s cause=%d", number, cause);
    route_divert(call, link->route, number, cause);
}

void link_handover(struct link *link, const char *app, const char *argument, const char *number)
{
    struct call *call = link->call;

    if (call->host == link && call->state == CALL_HOSTED)
        link_let_go(link);
    else if (!link_decides(link, "handover") || link_overruled(link, "handover"))
        return;
    link_decided(link, "handover");
    link->stage = STAGE_PASSED;
    call->depth = call->position;
    link_log(link, LEVEL_INFO, "handover app=%s number=%s", app, number);
    route_hand(call, link->route, app, argument, number);
}

void link_recall(struct link *link, const char *number)
{
    struct call *call = link->call;

    if (!link_hosts(link, "recall"))
        return;
    link_let_go(link);
    link_decided(link, "recall");
    link->stage = STAGE_PASSED;
    call->depth = call->position;
    link_log(link, LEVEL_INFO, "recall number=%s", number);
    route_recall(call, number);
}

static void link_arrived(void *arg)
{
    struct call *call = arg;

    if (call->host && link_speaks(call->host))
        (void)link_call(call->host, &(struct occasion){.hook = HOOK_ANSWERED});
}

int link_arrive_soon(struct link *link)
{
    struct call *call = link->call;

    return timer_start(call->server->loop, &call->arrival, 0, link_arrived, call);
}

static int link_answer_caller(struct call *call)
{
    int error = bridge_describe_caller(call, NULL);

    if (!error)
        error = port_connect_none(call->server->mixer, call->caller->port);
    if (error)
        return error;
    if (call->caller->session)
        session_set_near_id(call->caller->session, "");
    if (!call->caller->answered)
        return leg_send_answer(call->caller, call->caller->sdp);
    /* Another application had answered and sent the call here: no ACK will come that begins it. */
    call->mover = NULL;
    if (!call->acknowledged)
        return 0;
    return link_arrive_soon(call->host);
}

/* The greeting begins at the ACK: before it a phone may not play yet, and the first words would be cut. */
void link_answer(struct link *link)
{
    struct call *call = link->call;
    int error;

    if (!link_decides(link, "answer") || link_overruled(link, "answer"))
        return;
    link_decided(link, "answer");
    /* There is no caller yet: the server rings for somebody, and an application is nobody. */
    if (originate_rings(call)) {
        chain_refuse(call, link->stage == STAGE_RESCUING ? call->failure.status : 480, NULL, NULL);
        return;
    }
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
    transfer_answered(call);
}

bool link_speaks(const struct link *link)
{
    const struct call *call = link->call;

    return call->host == link && (call->state == CALL_HOSTED || (call->state == CALL_ROUTING && link->early));
}

bool link_hosts(const struct link *link, const char *verb)
{
    bool right = link_speaks(link);

    if (!right)
        link_log(link, LEVEL_INFO, "ignored verb=%s state=%d", verb, (int)link->call->state);
    return right;
}

void link_hangup(struct link *link)
{
    if (!link_hosts(link, "hangup") || link->early)
        return;
    /* The application wants no more of it: its recording ends with the port, unreported. */
    media_clear(link);
    call_end(link->call, 200, NULL);
}

/* -- questions ----------------------------------------------------------------------------------------- */

bool link_ends(const struct link *link)
{
    return link->contract == NULL;
}

const struct request *link_request(const struct link *link)
{
    return link->request;
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

void link_source(const struct link *link, char *out, size_t size)
{
    const struct session *session = link->call->caller->session;
    struct sockaddr_storage from;

    *out = '\0';
    if (!session)
        return;
    session_remote_address(session, &from);
    if (getnameinfo((const struct sockaddr *)&from, sizeof from, out, (socklen_t)size, NULL, 0,
                    NI_NUMERICHOST))
        *out = '\0';
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

    return link && call_goes_on(link->call) ? link : NULL;
}

static void link_expired(void *arg)
{
    struct link *link = arg;

    if (call_goes_on(link->call))
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
