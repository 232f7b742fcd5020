/*
 * Rings a target: one INVITE to each of a user's contacts, all at once, each with a port and an offer of its
 * own; or the targets of a fork, each at its time (fork.c). The first answer wins; when all have failed, the
 * best failure goes up the path.
 */
#include "core/call/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ring_free(struct ring *ring)
{
    timer_stop(&ring->timer);
    for (size_t i = 0; i < ring->count; i++) {
        timer_stop(&ring->branches[i]->timer);
        free(ring->branches[i]);
    }
    fork_free(ring->fork);
    ring->call->ring = NULL;
    free(ring);
}

/* A caller who was answered before hears no 180 any more, so we make the tone. */
static void ring_tone(struct ring *ring, bool on)
{
    const struct play_item cadence[] = {{.hz1 = 440, .hz2 = 480, .level_dbov = -24, .ms = 2000},
                                        {.ms = 4000}};
    struct call *call = ring->call;

    if (on == ring->ringback)
        return;
    ring->ringback = on;
    if (!on)
        port_play_stop(call->server->mixer, call->caller->port);
    else if (port_play(call->server->mixer, call->caller->port, ++call->serial, cadence, 2, true))
        ring->ringback = false;
}

void ring_caller_changed(struct call *call)
{
    bool heard = call->ringing || call->early;

    call->early = NULL;
    if (call->ring)
        ring_tone(call->ring, heard);
}

void ring_stop(struct call *call, const struct leg *winner, const char *reason)
{
    struct ring *ring = call->ring;

    if (!ring)
        return;
    ring_tone(ring, false);
    for (size_t i = 0; i < ring->count; i++) {
        struct leg *leg = ring->branches[i]->leg;

        if (!leg)
            continue;
        leg->branch = NULL;
        if (leg != winner && !ring->branches[i]->over)
            leg_close(leg, 487, reason);
    }
    if (call->early != winner)
        call->early = NULL;
    ring_free(ring);
}

/* -- going out ----------------------------------------------------------------------------------------- */

/* What the caller offered comes first, in his order, so that packets need no transcoding. */
static void ring_codecs(const struct call *call, struct codec_list *out)
{
    struct offer_summary offered = {0};

    if (call->caller->offer && negotiation_peek(call->caller->offer, call->caller->srtp, &offered))
        offered.codec_count = 0;
    codecs_order(out, call->settings, offered.codecs, offered.codec_count);
}

/* Every branch has a port and a negotiation of its own: each phone answers for itself. */
static int branch_invite(struct branch *branch, struct call *call, const struct session_target *target)
{
    struct sockaddr_storage local;
    struct codec_list codecs;
    char sdp[SDP_TEXT];
    int error = leg_new(&branch->leg, call, false);

    if (error)
        return error;
    branch->leg->branch = branch;
    branch->leg->used = true;
    branch->leg->uri = strdup(target->uri);
    snprintf(branch->leg->peer, sizeof branch->leg->peer, "%s", target->peer ? target->peer : "");
    branch->leg->srtp = settings_srtp(call->settings, target->peer);
    error = session_target_address(call->server->agent, target, &local);
    if (error)
        return error;
    error = leg_open(branch->leg, &local);
    if (error)
        return error;
    ring_codecs(call, &codecs);
    error = leg_offer(branch->leg, &codecs, true, true, sdp);
    if (error)
        return error;
    return session_invite(call->server->agent, &branch->leg->session, target, sdp, &leg_handlers,
                          branch->leg);
}

/* A contact that cannot even be called counts as one that failed; the others ring on. */
void ring_add(struct ring *ring, struct fork_place *place, const struct session_target *target)
{
    struct call *call = ring->call;
    struct branch *branch;
    int error;

    branch = ring->count < BRANCHES_MAX ? calloc(1, sizeof *branch) : NULL;
    if (!branch) {
        log_event(LEVEL_WARNING, "call", call->id, "branch-left-out uri=%s", target->uri);
        return;
    }
    ring->branches[ring->count++] = branch;
    branch->place = place;
    error = branch_invite(branch, call, target);
    if (branch->leg)
        leg_trace(branch->leg, true, "INVITE", 0, target->uri);
    if (!error) {
        log_event(LEVEL_INFO, "call", call->id, "invite uri=%s", target->uri);
        return;
    }
    log_event(LEVEL_WARNING, "call", call->id, "invite-failed uri=%s error=\"%s\"", target->uri,
              strerror(error));
    branch->over = true;
    branch->failure.status = ring->to_user ? 480 : 500;
    if (branch->leg)
        leg_close(branch->leg, 500, NULL);
}

/* A fork may stand above a newer route that has failed. */
const struct request *ring_request(const struct ring *ring)
{
    const struct call *call = ring->call;

    return ring->fork ? call->path[call->position - 1]->passed : chain_request(call);
}

void ring_describe(const struct ring *ring, struct session_target *out)
{
    const struct call *call = ring->call;
    const struct request *request = ring_request(ring);

    *out = (struct session_target){.route = "",
                                   .received = "",
                                   .from = request->caller,
                                   .anonymous = call->anonymous,
                                   .diversion_count = request->diversion_count,
                                   .max_forwards = call->max_forwards > 1 ? call->max_forwards - 1 : 1};
    /* Whoever was answered before is transferred: what he said then was for another. */
    out->passed = call->caller->answered ? NULL : call->passed;
    out->history = call->caller->answered ? NULL : call->history;
    out->privacy = call->caller->answered ? 0 : call->privacy;
    out->diverted = call->caller->answered ? NULL : call->diverted;
    out->session_id = call->session_id;
    if (call->caller->session && *session_far_id(call->caller->session))
        out->session_id = session_far_id(call->caller->session);
    out->referrer = request->referrer;
    out->replaces = request->replaces;
    memcpy(out->diversions, request->diversions, sizeof out->diversions);
    snprintf(out->to.user, sizeof out->to.user, "%s", ring->route->number);
    snprintf(out->to.host, sizeof out->to.host, "%s", call->settings->realm);
    snprintf(out->to.display, sizeof out->to.display, "%s", request->callee_name);
}

/* Behind NAT a Contact leads nowhere: the address that the REGISTER came from goes with it. */
void ring_add_user(struct ring *ring, struct fork_place *place, const struct subscriber *subscriber,
                   struct session_target *target)
{
    size_t before;

    for (size_t i = 0; i < subscriber->binding_count && i < BINDINGS_MAX; i++) {
        const struct binding *binding = &subscriber->bindings[i];

        target->uri = binding->contact;
        target->route = binding->path;
        target->received = binding->received;
        before = ring->count;
        ring_add(ring, place, target);
        if (ring->count > before && ring->branches[before]->leg)
            snprintf(ring->branches[before]->leg->number, NUMBER_TEXT, "%s", subscriber->number);
    }
}

void ring_add_trunk(struct ring *ring, struct fork_place *place, const struct peer_settings *trunk,
                    const char *number, struct session_target *target)
{
    char uri[URI_TEXT];

    if (peer_target_uri(uri, sizeof uri, trunk->uri, number)) {
        log_event(LEVEL_ERROR, "call", ring->call->id, "peer-uri-unusable peer=%s", trunk->name);
        return;
    }
    target->uri = uri;
    target->peer = trunk->name;
    ring_add(ring, place, target);
}

void ring_give_up(struct ring *ring, const struct fork_place *place)
{
    for (size_t i = 0; i < ring->count; i++) {
        struct branch *branch = ring->branches[i];

        if (branch->over || branch->asked || (place && branch->place != place))
            continue;
        branch->over = true;
        branch->failure.status = 408;
        if (ring->call->early == branch->leg)
            ring->call->early = NULL;
        leg_close(branch->leg, 487, NULL);
    }
}

static bool ring_asks(const struct ring *ring)
{
    for (size_t i = 0; i < ring->count; i++)
        if (ring->branches[i]->asked && !ring->branches[i]->over)
            return true;
    return false;
}

/* Whatever single phones have said: nobody has answered in time. Who is being asked has, and may finish. */
static void ring_expired(void *arg)
{
    struct ring *ring = arg;
    struct call *call = ring->call;

    ring->expired = true;
    log_event(LEVEL_INFO, "call", call->id, "no-answer");
    if (ring_asks(ring)) {
        ring_give_up(ring, NULL);
        return;
    }
    ring_stop(call, NULL, NULL);
    chain_fail(call, 408, NULL, NULL);
}

/* How long, and how it begins. */
static unsigned ring_begin(struct ring *ring)
{
    const struct route *route = ring->route;
    const struct call *call = ring->call;
    unsigned seconds = call->settings->ring_s;
    struct session_target target;

    if (route->callee && route->callee->ring_s)
        seconds = route->callee->ring_s;
    ring_describe(ring, &target);
    ring->starting = true;
    if (ring->server) {
        seconds = TRUNK_RING_S;
        isc_ring(ring, &target);
    } else if (ring->fork) {
        seconds = fork_ring_s(ring->fork, seconds);
        fork_start(ring);
    } else if (ring->to_user) {
        ring_add_user(ring, NULL, route->callee, &target);
    } else {
        seconds = TRUNK_RING_S;
        ring_add_trunk(ring, NULL, route->trunk, route->number, &target);
    }
    ring->starting = false;
    return seconds;
}

static void ring_run(struct call *call, struct route *route, struct link *server)
{
    unsigned seconds;
    struct ring *ring;

    if (!server && !call->fork && (route->status || route->plan == PLAN_APP)) {
        /* All links passed the request on, and there is nothing below them. */
        chain_fail(call, route->status ? route->status : 404, NULL, NULL);
        return;
    }
    ring = calloc(1, sizeof *ring);
    if (!ring) {
        chain_fail(call, 500, NULL, NULL);
        return;
    }
    ring->call = call;
    ring->server = server;
    if (!server) {
        ring->fork = call->fork;
        call->fork = NULL;
    }
    ring->route = ring->fork ? ring->fork->route : route;
    ring->to_user = !server && ring->route->plan == PLAN_USER;
    call->ring = ring;
    call->state = CALL_RINGING;
    call->ringing = false;
    seconds = ring_begin(ring);
    if (timer_start(call->server->loop, &ring->timer, seconds * 1000, ring_expired, ring))
        log_event(LEVEL_ERROR, "call", call->id, "no-memory for=ring-timer");
    watch_changed(call);
    ring_check(ring);
}

void ring_start(struct call *call, struct route *route)
{
    ring_run(call, route, NULL);
}

void ring_start_server(struct call *call, struct link *link)
{
    ring_run(call, link->route, link);
}

/* -- what comes back ----------------------------------------------------------------------------------- */

/*
 * SDP of a provisional response or of the 200. Behind one contact several may ring (a fork below the far
 * side), each in a dialog of its own; the latest with sound is heard, for where they are tried in turn the
 * earlier ones have fallen silent. Within one dialog the first description is the answer (RFC 3261 §13.2.1),
 * but there are gateways that change it; when the new one does not fit, the first stands.
 */
static int ring_accept(struct leg *leg, const char *sdp)
{
    unsigned fork = session_fork(leg->session);
    bool same = !leg->early || leg->fork == fork;
    struct codec_list codecs;
    int error = 0;

    if (!leg->early) {
        error = leg_accept(leg, sdp);
    } else if (sdp && strcmp(sdp, leg->early) != 0) {
        ring_codecs(leg->call, &codecs);
        error = leg_accept_anew(leg, &codecs, sdp);
        if (error && same) {
            log_event(LEVEL_NOTICE, "call", leg->call->id, "answer-kept-early error=\"%s\"", strerror(error));
            return 0;
        }
    } else if (!sdp && !same) {
        error = EPROTO;
    }
    if (error)
        return error;
    if (sdp) {
        free(leg->early);
        leg->early = strdup(sdp);
    }
    leg->fork = fork;
    return 0;
}

/* The caller hears what this callee sends before he answers. False: there is nothing to hear, or another is
 * heard: of contacts that ring together, unlike those in turn, the first with sound keeps him until it is
 * over. */
static bool ring_early_media(struct leg *leg, const char *sdp)
{
    struct call *call = leg->call;

    /* Who is to be asked first may be a mailbox that already speaks. */
    if (!sdp || !early_possible(call) || (call->early && call->early != leg) || confirm_wanted(leg->branch))
        return false;
    if (ring_accept(leg, sdp))
        return false;
    if (bridge_describe_caller(call, leg))
        return false;
    call->early = leg;
    ring_tone(call->ring, false);
    bridge_connect(call, leg);
    return true;
}

/*
 * Ringing is passed on once for all branches: a caller must not hear that three phones ring. After a 183 with
 * sound the next 180 goes on too, for it may be all that tells the caller's phone to make its own tone again.
 */
void ring_progress(struct leg *leg, int status, const char *reason, const char *sdp)
{
    struct call *call = leg->call;
    bool sound;
    int error;

    call->ring->heard = true;
    if (originate_rings(call))
        return; /* there is no caller yet who could hear it */
    if (status == 199)
        return; /* RFC 6228: one of the dialogs below has ended; the caller knows of none but ours */
    if (chain_news(call, &(struct news){.kind = NEWS_PROGRESS, .status = status}))
        return;
    leg_share_ids(call->caller, leg);
    sound = ring_early_media(leg, sdp);
    if (call->caller->answered) {
        transfer_progress(call, status == 183 ? 180 : status);
        ring_tone(call->ring, call->ring->ringback || (status == 180 && !sound && !call->early));
        return;
    }
    if (!sound && (status == 183 || (status == 180 && call->ringing)))
        return;
    log_event(LEVEL_DEBUG, "call", call->id, "progress status=%d reason=\"%s\" sdp=%d", status,
              reason ? reason : "", (int)sound);
    call->ringing = status == 180 || (call->ringing && status != 183);
    error = leg_send_progress(call->caller, status, sound ? call->caller->sdp : NULL);
    if (error)
        log_event(LEVEL_WARNING, "call", call->id, "progress-lost status=%d error=\"%s\"", status,
                  strerror(error));
}

/*
 * Keys within RTP/AVP are an attempt. There are phones and trunks that insist on RTP/SAVP and refuse it
 * instead: they get what they want, once.
 */
void ring_unacceptable(struct leg *leg)
{
    struct codec_list codecs;
    char sdp[SDP_TEXT];
    int error;

    if (leg->srtp != SRTP_OPTIONAL || leg->early)
        return;
    leg->srtp = SRTP_REQUIRED;
    ring_codecs(leg->call, &codecs);
    negotiation_revert(leg->negotiation);
    error = leg_offer(leg, &codecs, true, true, sdp);
    if (!error)
        error = session_offer_anew(leg->session, sdp);
    if (!error) {
        leg_trace(leg, false, "response", 488, NULL);
        leg_trace(leg, true, "INVITE", 0, "RTP/SAVP");
    }
    log_event(LEVEL_INFO, "call", leg->call->id, "offered-anew profile=RTP/SAVP error=%d", error);
}

void ring_take(struct leg *leg)
{
    struct call *call = leg->call;

    leg->answered = true;
    ring_stop(call, leg, CAUSE_ELSEWHERE);
    if (originate_rings(call))
        originate_answered(call, leg);
    else
        bridge_answered(call, leg);
}

void ring_answered(struct leg *leg, const char *sdp)
{
    struct call *call = leg->call;
    int error;

    if (leg->branch->asked)
        return;
    error = ring_accept(leg, sdp);
    if (error) {
        log_event(LEVEL_NOTICE, "call", call->id, "answer-unusable error=\"%s\"", strerror(error));
        ring_failed(leg, 488, NULL, NULL);
        return;
    }
    if (confirm_wanted(leg->branch))
        confirm_ask(leg->branch);
    else
        ring_take(leg);
}

/* The leg is over and its port closes; what it said is weighed when all have spoken. */
void ring_failed(struct leg *leg, int status, const char *reason, const char *redirect)
{
    struct branch *branch = leg->branch;
    struct call *call = leg->call;
    struct ring *ring = call->ring;

    log_event(LEVEL_INFO, "call", call->id, "branch-failed status=%d", status);
    if (!call->caller->answered)
        leg_share_ids(call->caller, leg);
    /* Where another's phone sends its calls is no affair of this callee's. */
    if (branch->place && !branch->place->what.own && status / 100 == 3)
        status = 480;
    timer_stop(&branch->timer);
    branch->over = true;
    branch->failure.status = status;
    snprintf(branch->failure.reason, sizeof branch->failure.reason, "%s", reason ? reason : "");
    snprintf(branch->failure.redirect, sizeof branch->failure.redirect, "%s", redirect ? redirect : "");
    if (leg->session)
        snprintf(branch->failure.cause, sizeof branch->failure.cause, "%s",
                 session_failure_reason(leg->session));
    if (call->early == leg)
        call->early = NULL;
    leg_close(leg, status, NULL);
    if (!ring->starting)
        ring_check(ring);
}

/* A phone that sends its calls elsewhere (3xx): its contact's number is dialled in its user's name. */
static bool ring_follow(struct call *call, struct route *route, const struct failure *failure)
{
    char number[NUMBER_TEXT];

    if (failure->status / 100 != 3 || !route->callee || (originate_rings(call) && route->phones_only) ||
        !uri_user(failure->redirect, number, sizeof number))
        return false;
    log_event(LEVEL_INFO, "call", call->id, "redirected to=%s", number);
    route_divert(call, route, number, 302);
    return true;
}

static bool ring_decided(struct ring *ring)
{
    bool over = true;

    for (size_t i = 0; i < ring->count; i++) {
        const struct branch *branch = ring->branches[i];

        /* RFC 3261 §16.7 step 5: a 6xx is said for all, the others are cancelled. */
        if (branch->failure.status >= 600)
            return true;
        over = over && branch->over;
    }
    return over && (!ring->fork || ring->expired || fork_is_over(ring));
}

void ring_check(struct ring *ring)
{
    const struct failure *failures[BRANCHES_MAX];
    struct failure best = {.status = ring->to_user ? 480 : 500};
    struct call *call = ring->call;
    struct route *route = ring->route;
    bool served;

    if (!ring_decided(ring))
        return;
    for (size_t i = 0; i < ring->count; i++)
        failures[i] = &ring->branches[i]->failure;
    if (ring->count > 0) {
        best = *best_failure(failures, ring->count);
        if (ring->server)
            isc_note(ring->server, best.status);
        if (failure_status(best.status, ring->to_user) != best.status)
            best.reason[0] = '\0';
        best.status = failure_status(best.status, ring->to_user);
    }
    served = ring->server != NULL;
    ring_stop(call, NULL, NULL);
    if (served || !ring_follow(call, route, &best))
        chain_fail_as(call, &best);
}
