/*
 * A ring of several targets: together, one after the other, or as their delays say (find me, simultaneous
 * ringing). Each is a user's contacts or a number of a trunk; what a user's own services would do is not
 * asked, so that forks cannot lead back to each other.
 */
#include "core/call/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct table lookups; /* places by ticket, while storage says who their numbers are */

static void place_stop(struct fork_place *place)
{
    timer_stop(&place->timer);
    if (place->stage == PLACE_LOOKING)
        table_remove(&lookups, place->ticket);
    place->stage = PLACE_OVER;
}

void fork_free(struct fork *fork)
{
    if (!fork)
        return;
    for (size_t i = 0; i < fork->count; i++)
        place_stop(&fork->places[i]);
    free(fork);
}

/* -- a target's turn ----------------------------------------------------------------------------------- */

/* It has rung long enough. Who has answered and is being asked has his own time. */
static void place_expired(void *arg)
{
    struct fork_place *place = arg;
    struct ring *ring = place->ring;

    ring_give_up(ring, place);
    log_event(LEVEL_INFO, "call", ring->call->id, "target-no-answer number=%s",
              place->what.own ? ring->route->number : place->what.number);
    ring_check(ring);
}

/* As the call goes to somebody else in the callee's name, who that is belongs to what he is told. */
static void place_describe(const struct fork_place *place, const char *name, struct session_target *out)
{
    const struct ring *ring = place->ring;
    struct diversion hop = {.cause = ring->fork->cause};

    ring_describe(ring, out);
    if (place->what.own)
        return;
    snprintf(hop.user, sizeof hop.user, "%s", ring->route->number);
    snprintf(hop.host, sizeof hop.host, "%s", ring->call->settings->realm);
    route_add_hop(out->diversions, &out->diversion_count, &hop);
    snprintf(out->to.user, sizeof out->to.user, "%s", place->what.number);
    snprintf(out->to.display, sizeof out->to.display, "%s", name);
}

static void place_ring(struct fork_place *place, const struct subscriber *subscriber,
                       const struct peer_settings *trunk)
{
    struct ring *ring = place->ring;
    bool starting = ring->starting;
    struct session_target target;

    place->stage = PLACE_RINGING;
    place_describe(place, subscriber ? subscriber->name : "", &target);
    ring->starting = true; /* a branch that fails at once must not end the ring under our feet */
    if (subscriber)
        ring_add_user(ring, place, subscriber, &target);
    else
        ring_add_trunk(ring, place, trunk, place->what.number, &target);
    ring->starting = starting;
    if (place->what.ring_s &&
        timer_start(ring->call->server->loop, &place->timer, place->what.ring_s * 1000, place_expired, place))
        log_event(LEVEL_ERROR, "call", ring->call->id, "no-memory for=target-timer");
}

static void place_leave_out(struct fork_place *place, const char *why)
{
    place_stop(place);
    log_event(LEVEL_NOTICE, "call", place->ring->call->id, "target-left-out number=%s why=\"%s\"",
              place->what.own ? place->ring->route->number : place->what.number, why);
}

static void place_found(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct fork_place *place = table_get(&lookups, ticket.owner);
    struct ring *ring = place ? place->ring : NULL;

    if (!place)
        return;
    table_remove(&lookups, ticket.owner);
    place->stage = PLACE_RINGING;
    if (error)
        place_leave_out(place, "nobody has it");
    else
        place_ring(place, subscriber, NULL);
    ring_check(ring);
}

static void place_look_up(struct fork_place *place)
{
    struct call *call = place->ring->call;

    place->ticket = ticket_number();
    if (table_put(&lookups, place->ticket, place)) {
        place_leave_out(place, "no memory");
        return;
    }
    place->stage = PLACE_LOOKING;
    if (subscriber_find(call->server->storage, place->what.number,
                        (struct ticket){.owner = place->ticket, .epoch = 1}, place_found))
        place_leave_out(place, "the database is away");
}

static void place_begin(struct fork_place *place)
{
    const struct route *route = place->ring->route;
    const struct settings *settings = place->ring->call->settings;
    const struct peer_settings *trunk;
    const char *argument;
    const struct app *app;
    enum plan plan;

    timer_stop(&place->timer);
    if (place->what.own) {
        if (route->callee)
            place_ring(place, route->callee, NULL);
        else
            place_leave_out(place, "the call has no callee");
        return;
    }
    plan = plan_find(settings, place->what.number, &argument, &app);
    trunk = plan == PLAN_PEER ? settings_peer_named(settings, argument) : NULL;
    if (plan == PLAN_USER)
        place_look_up(place);
    else if (trunk && trunk->uri)
        place_ring(place, NULL, trunk);
    else
        place_leave_out(place, "neither a user nor a trunk's");
}

static void place_due(void *arg)
{
    struct fork_place *place = arg;
    struct ring *ring = place->ring;

    place_begin(place);
    ring_check(ring);
}

/* -- the order of them --------------------------------------------------------------------------------- */

unsigned fork_ring_s(const struct fork *fork, unsigned ring_s)
{
    unsigned longest = 0;

    for (size_t i = 0; i < fork->count; i++) {
        const struct fork_target *what = &fork->places[i].what;
        unsigned end = what->delay_s + (what->ring_s ? what->ring_s : ring_s);

        longest = end > longest ? end : longest;
    }
    return longest;
}

void fork_start(struct ring *ring)
{
    struct fork *fork = ring->fork;

    for (size_t i = 0; i < fork->count; i++) {
        struct fork_place *place = &fork->places[i];

        place->ring = ring;
        if (place->what.delay_s == 0)
            place_begin(place);
        else if (timer_start(ring->call->server->loop, &place->timer, place->what.delay_s * 1000, place_due,
                             place))
            place_leave_out(place, "no memory");
    }
}

/* Those who would be next; all that are due at the same time come together. False: nobody is left. */
static bool fork_next(struct fork *fork)
{
    const struct fork_place *next = NULL;
    unsigned due;

    for (size_t i = 0; i < fork->count; i++)
        if (fork->places[i].stage == PLACE_WAITING &&
            (!next || fork->places[i].what.delay_s < next->what.delay_s))
            next = &fork->places[i];
    if (!next)
        return false;
    due = next->what.delay_s;
    for (size_t i = 0; i < fork->count; i++)
        if (fork->places[i].stage == PLACE_WAITING && fork->places[i].what.delay_s == due)
            place_begin(&fork->places[i]);
    return true;
}

static bool fork_rings(const struct ring *ring)
{
    for (size_t i = 0; i < ring->count; i++)
        if (!ring->branches[i]->over)
            return true;
    for (size_t i = 0; i < ring->fork->count; i++)
        if (ring->fork->places[i].stage == PLACE_LOOKING)
            return true;
    return false;
}

bool fork_is_over(struct ring *ring)
{
    while (!fork_rings(ring))
        if (!fork_next(ring->fork))
            return true;
    return false;
}

/* -- the verb ------------------------------------------------------------------------------------------ */

static struct fork *fork_new(struct route *route, const struct fork_target *targets, size_t count, int cause)
{
    struct fork *fork = calloc(1, sizeof *fork);

    if (!fork)
        return NULL;
    fork->route = route;
    fork->cause = cause;
    for (size_t i = 0; i < count && i < FORK_MAX; i++) {
        struct fork_place *place = &fork->places[fork->count++];

        place->what = targets[i];
        /* The callee's own number is himself: through his contacts, and with no diversion. */
        place->what.own = targets[i].own || strcmp(targets[i].number, route->number) == 0;
    }
    return fork;
}

void link_fork(struct link *link, const struct fork_target *targets, size_t count, int cause)
{
    struct call *call = link->call;
    struct fork *fork;

    if (call->host == link && call->state == CALL_HOSTED)
        link_let_go(link);
    else if (!link_decides(link, "fork") || link_overruled(link, "fork"))
        return;
    fork = fork_new(link->route, targets, count, cause);
    if (!fork || count > FORK_MAX)
        link_log(link, LEVEL_WARNING, "fork-cut targets=%zu why=\"%s\"", count,
                 fork ? "too many" : "no memory");
    link_decided(link, "fork");
    link->stage = STAGE_PASSED;
    link_log(link, LEVEL_INFO, "fork targets=%zu cause=%d", count, cause);
    fork_free(call->fork);
    call->fork = fork;
    chain_down(call);
}
