/*
 * A SIP application server as a link of the path (3GPP TS 24.229 §5.4.3: ISC): the call goes out to it with
 * a Route that leads back here, and what it sends back is a call of its own that goes on below that link.
 * What it answers, refuses or redirects itself goes up the path as from any callee; a server that is not
 * there is a link that has failed.
 */
#include "core/call/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEADLINE_MS 4000 /* where no contract says another */

struct isc {
    char token[SESSION_TOKEN_TEXT];
    unsigned depth; /* of the path, whose lower end is the server's affair now */
    struct frozen below;
    int status;    /* what it has said at last, as it said it; 0: nothing */
    bool returned; /* it has sent the call back */
};

static bool isc_is_waiting(const struct link *link)
{
    const struct ring *ring = link->call->ring;
    const struct isc *isc = link->state;

    return ring && ring->server == link && !isc->returned && !ring->heard;
}

static void isc_overdue(struct link *link)
{
    struct call *call = link->call;

    if (!isc_is_waiting(link))
        return;
    ring_stop(call, NULL, NULL);
    chain_fail(call, 408, NULL, NULL);
}

static void isc_invited(struct link *link, const struct request *request)
{
    struct isc *isc = calloc(1, sizeof *isc);
    struct call *call = link->call;
    unsigned deadline_ms = link->contract ? link->contract->deadline_ms : DEADLINE_MS;

    link_set_state(link, isc);
    if (!isc || strncasecmp(request->argument, "sip", 3) != 0) {
        link_fail(link, isc ? "no SIP URI" : "no memory");
        return;
    }
    random_hex(isc->token, (sizeof isc->token - 1) / 2);
    isc->depth = call->depth;
    for (unsigned i = call->position; i < call->depth; i++)
        if (call->path[i]->contract)
            isc->below.links[isc->below.count++] = call->path[i]->contract;
    call_trace(call, link, "isc", "server=%s", request->argument);
    link->stage = STAGE_PASSED;
    call->depth = call->position;
    if (deadline_ms)
        link_after(link, deadline_ms, isc_overdue);
    ring_start_server(call, link);
}

/* It counts as not there when it has neither sent the call back nor rung, nor refused it in words of its own.
 */
static bool isc_failed(struct link *link, int status)
{
    struct isc *isc = link->state;
    int said = isc && isc->status ? isc->status : status;

    if (!isc || isc->returned || (said != 408 && said != 503 && said != 500))
        return false;
    *isc->token = '\0'; /* should the call come back now, it comes too late */
    link->call->depth = isc->depth;
    link->stage = STAGE_DECIDING; /* its contract says what becomes of the request */
    link->asked = HOOK_INVITED;
    link_fail(link,
              said == 408 ? "the application server does not answer" : "the application server is away");
    return true;
}

static void isc_ended(struct link *link)
{
    free(link_state(link));
}

const struct app isc_app = {
    .name = "isc",
    .invited = isc_invited,
    .failed = isc_failed,
    .ended = isc_ended,
};

void isc_note(struct link *link, int status)
{
    struct isc *isc = link->state;

    isc->status = status;
}

/* Request-URI of the callee, Routes to the server and back (RFC 3261 §16.12). */
void isc_ring(struct ring *ring, struct session_target *target)
{
    const struct link *link = ring->server;
    const struct isc *isc = link->state;
    char uri[URI_TEXT], home[160], route[URI_TEXT];

    snprintf(home, sizeof home, "sip:%s", ring->call->settings->realm);
    if (peer_target_uri(uri, sizeof uri, home, ring->route->number))
        return;
    snprintf(route, sizeof route, "<%s;lr>", link->request->argument);
    target->uri = uri;
    target->route = route;
    target->token = isc->token;
    ring_add(ring, NULL, target);
}

/* -- the way back -----------------------------------------------------------------------------------------
 */

static struct link *isc_find(struct server *server, const char *token)
{
    if (!*token)
        return NULL;
    for (struct call *call = server->calls; call; call = call->next) {
        if (!call_is_up(call))
            continue;
        for (struct link *link = call->links; link; link = link->next) {
            const struct isc *isc = link->app == &isc_app ? link->state : NULL;

            if (isc && strcmp(isc->token, token) == 0)
                return link;
        }
    }
    return NULL;
}

/* "sip:192.0.2.7:5080;transport=tcp" names that host. */
static bool uri_names(const char *uri, const char *host)
{
    const char *begin = strchr(uri, ':');
    size_t length = strlen(host);

    if (!begin)
        return false;
    begin = strchr(begin, '@') ? strchr(begin, '@') + 1 : begin + 1;
    begin += *begin == '[';
    return strncasecmp(begin, host, length) == 0 && !isalnum((unsigned char)begin[length]) &&
           begin[length] != '.';
}

bool isc_admits(void *arg, const char *token, const char *host, bool peer)
{
    const struct link *link = isc_find(arg, token);

    return link && (peer || uri_names(link->request->argument, host));
}

/* Without memory for it the path is found anew, mostly the same. */
static struct frozen *frozen_copy(const struct frozen *frozen)
{
    struct frozen *copy = malloc(sizeof *copy);

    if (copy)
        *copy = *frozen;
    return copy;
}

/* Whose call it is was settled when it first came; the server may have changed the number, and how the caller
 * is shown. */
bool isc_adopt(struct call *call, const struct invitation *invitation)
{
    struct link *link = *invitation->token ? isc_find(call->server, invitation->token) : NULL;
    struct call *first = link ? link->call : NULL;
    struct isc *isc = link ? link->state : NULL;

    if (!link)
        return false;
    isc->returned = true;
    link_after(link, 0, NULL);
    settings_free(call->settings);
    call->settings = settings_hold(first->settings);
    call->has_user = first->has_user;
    call->has_peer = first->has_peer;
    memcpy(call->user, first->user, sizeof call->user);
    memcpy(call->peer, first->peer, sizeof call->peer);
    if (first->anonymous || !*invitation->from.user)
        call->from = link->passed->caller;
    call->anonymous = call->anonymous || first->anonymous;
    call->privacy |= first->privacy;
    call->after = link->contract;
    call->returns = true;
    call->moved = strcmp(invitation->target.user, link->route->number) != 0;
    /* Another number has a path of its own. */
    if (call->after && !call->moved)
        call->frozen = frozen_copy(&isc->below);
    log_event(LEVEL_INFO, "call", call->id, "returned call=%s link=%s number=%s", first->id, link_name(link),
              invitation->target.user);
    call_trace(first, link, "returned", "call=%s number=%s", call->id, invitation->target.user);
    return true;
}

bool isc_passed_already(const struct call *call, const struct link_settings *link)
{
    const struct link_settings *after = call->after;

    if (!call->returns || !call->routes || call->routes->next)
        return false;
    if (!after || (call->moved && after->region >= REGION_TERMINATING))
        return link->region < REGION_TERMINATING; /* another callee has links of his own */
    return link <= after;                         /* settings keep them in the path's order */
}

bool isc_is_frozen(const struct call *call)
{
    return call->frozen && call->routes && !call->routes->next;
}

bool isc_stood_below(const struct call *call, const struct link_settings *link)
{
    for (unsigned i = 0; i < call->frozen->count; i++)
        if (call->frozen->links[i] == link)
            return true;
    return false;
}
