/*
 * Transfers (RFC 5589): a party of a call of two has the other one connected with somebody else. The call
 * stays one: whoever remains becomes its caller, answered, and is led to the new number with the transferor's
 * rights; the transferor's leg waits beside it, until the other has answered, or to have its call back.
 */
#include "core/call/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct transfer {
    struct refer *refer;      /* NULL: he wants no news, or has had the last */
    struct leg *transferor;   /* NULL: he has hung up */
    struct identity identity; /* the transferor's */
    bool turned;              /* he was the caller */
    bool recalling;           /* his phones ring again */
    int told;
    struct route_order order;
};

static void transfer_tell(struct transfer *transfer, int status)
{
    struct refer *refer = transfer->refer;

    if (!refer || (status < 200 && transfer->told == status))
        return;
    transfer->told = status;
    if (status >= 200)
        transfer->refer = NULL;
    refer_tell(refer, status);
}

void transfer_free(struct call *call)
{
    struct transfer *transfer = call->transfer;

    for (struct leg *leg = call->legs; leg; leg = leg->next)
        pass_told(leg, 487);
    if (!transfer)
        return;
    transfer_tell(transfer, 487);
    call->transfer = NULL;
    free(transfer);
}

/* -- blind --------------------------------------------------------------------------------------------- */

static void transfer_go(struct call *call, const struct subscriber *rights)
{
    struct transfer *transfer = call->transfer;
    struct route_order *order = &transfer->order;

    order->diverter = rights;
    call_trace(call, NULL, "transfer", "by=%s to=%s", transfer->identity.party.user, order->number);
    log_event(LEVEL_INFO, "call", call->id, "transfer by=%s party=%s to=%s", transfer->identity.party.user,
              call->from.user, order->number);
    route_begin(call, order);
}

/* A row that cannot be read leaves it unknown what he may dial: then nothing is dialled in his name. */
static void transfer_found(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct call *call = call_of(ticket);

    if (!call || !call->transfer)
        return;
    if (error)
        chain_fail(call, error == ENOENT ? 403 : 503, NULL, NULL);
    else
        transfer_go(call, subscriber);
}

/* Takes the two apart. On an error they are as they were. */
static int transfer_part(struct call *call, struct transfer *transfer, struct leg *leg)
{
    int error = 0;

    leg_identity(leg, &transfer->identity);
    transfer->transferor = leg;
    transfer->turned = leg == call->caller;
    if (transfer->turned)
        error = call_turn(call);
    if (error)
        return error;
    hold_forget(call->caller);
    call->callee = NULL;
    call->transfer = transfer;
    call->state = CALL_ROUTING;
    call->depth = call->position;
    call->floor = call->position;
    call->epoch++;
    bridge_open_up(call->caller);
    return port_connect_none(call->server->mixer, call->caller->port);
}

/* With its order's number. `referrer`: who a peer says has referred is believed, as who he says is calling.
 */
static void transfer_begin(struct leg *leg, struct transfer *transfer, const struct party *referrer)
{
    struct call *call = leg->call;
    const char *who;

    if (transfer_part(call, transfer, leg)) {
        if (!call->transfer) {
            transfer_tell(transfer, 500);
            free(transfer);
        }
        call_end_soon(call, 500, NULL);
        return;
    }
    transfer->order.referrer =
        *transfer->identity.peer && *referrer->user ? *referrer : transfer->identity.party;
    who = transfer->identity.user;
    if (!*who)
        transfer_go(call, NULL);
    else if (subscriber_find(call->server->storage, who, call_ticket(call), transfer_found))
        chain_fail(call, 503, NULL, NULL);
}

/* Only two who talk can be parted: 0, or a status of SIP. */
static int transfer_may(struct call *call, const struct leg *leg)
{
    if (call->state != CALL_BRIDGED || !call_goes_on(call) || (leg != call->caller && leg != call->callee))
        return 403;
    if (call->asker || call->transfer)
        return 491;
    return call->exchanges++ >= EXCHANGES_MAX ? 403 : 0;
}

int transfer_away(struct leg *leg, const char *number)
{
    struct transfer *transfer;

    if (transfer_may(leg->call, leg))
        return EBUSY;
    transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        return ENOMEM;
    snprintf(transfer->order.number, sizeof transfer->order.number, "%s", number);
    transfer_begin(leg, transfer, &(struct party){0});
    return 0;
}

static void transfer_blind(struct leg *leg, const struct referral *referral, const char *number,
                           const char *params, bool pass_replaces)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);

    if (!transfer || session_accept_referral(leg->session, &transfer->refer)) {
        session_refuse_referral(leg->session, 500);
        free(transfer);
        return;
    }
    snprintf(transfer->order.number, sizeof transfer->order.number, "%s", number);
    snprintf(transfer->order.params, sizeof transfer->order.params, "%s", params);
    if (pass_replaces)
        snprintf(transfer->order.replaces, sizeof transfer->order.replaces, "%s", referral->replaces_text);
    transfer_begin(leg, transfer, &referral->referrer);
}

/*
 * What rings for the transferor rings on, for whoever remains: no phone stops to begin anew. Both come over
 * into that call, so that the transferor can be told, and have his call back. He has dialled it himself, with
 * his own rights.
 */
static void transfer_ringing(struct leg *leg, struct call *ringing)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);
    struct call *call = leg->call;
    struct leg *rest = leg == call->caller ? call->callee : call->caller;

    if (!transfer || session_accept_referral(leg->session, &transfer->refer)) {
        session_refuse_referral(leg->session, 500);
        free(transfer);
        return;
    }
    leg_identity(leg, &transfer->identity);
    transfer->transferor = leg;
    transfer->turned = leg == call->caller;
    call_trace(call, NULL, "transfer", "by=%s with=%s", transfer->identity.party.user, ringing->id);
    if (call_adopt(ringing, rest, leg)) {
        transfer_tell(transfer, 500);
        free(transfer);
        return;
    }
    ringing->transfer = transfer;
    if (ringing->ringing)
        transfer_tell(transfer, 180);
    watch_changed(ringing);
}

/* -- what becomes of it -------------------------------------------------------------------------------- */

void transfer_progress(struct call *call, int status)
{
    if (call->transfer)
        transfer_tell(call->transfer, status);
}

/* Somebody has the remaining party now: a phone, or an application. */
void transfer_answered(struct call *call)
{
    struct transfer *transfer = call->transfer;

    if (!transfer)
        return;
    call->transfer = NULL;
    transfer_tell(transfer, 200);
    log_event(LEVEL_INFO, "call", call->id, "transferred by=%s recalled=%d", transfer->identity.party.user,
              (int)transfer->recalling);
    if (transfer->transferor)
        leg_close(transfer->transferor, 200, NULL);
    free(transfer);
    if (call->state == CALL_BRIDGED)
        bridge_rejoin(call);
    (void)chain_news(call, &(struct news){.kind = NEWS_TRANSFERRED});
    watch_changed(call);
}

/* As it was before, for him who is still there. */
static void transfer_undo(struct call *call)
{
    struct transfer *transfer = call->transfer;

    call->transfer = NULL;
    call->depth = call->position;
    call->callee = transfer->transferor;
    call->state = CALL_BRIDGED;
    if (transfer->turned && call_turn(call))
        call_end_soon(call, 500, NULL);
    free(transfer);
    bridge_rejoin(call);
    watch_changed(call);
}

/* His phones ring again, for there must be somebody to talk to. */
static void transfer_recall(struct call *call)
{
    struct transfer *transfer = call->transfer;
    struct route_order order = {.phones_only = true};

    transfer->recalling = true;
    snprintf(order.number, sizeof order.number, "%s", transfer->identity.user);
    call->depth = call->position;
    log_event(LEVEL_INFO, "call", call->id, "recall number=%s", order.number);
    route_begin(call, &order);
}

void transfer_failed(struct call *call)
{
    struct transfer *transfer = call->transfer;
    int status = call->failure.status;

    log_event(LEVEL_INFO, "call", call->id, "transfer-failed status=%d gone=%d", status,
              (int)!transfer->transferor);
    call_trace(call, NULL, "transfer-failed", "status=%d", status);
    transfer_tell(transfer, status);
    if (transfer->transferor)
        transfer_undo(call);
    else if (!transfer->recalling && call->settings->recall && *transfer->identity.user)
        transfer_recall(call);
    else
        call_end_soon(call, status, NULL);
}

bool transfer_left(struct leg *leg)
{
    struct call *call = leg->call;
    struct transfer *transfer = call->transfer;

    if (!transfer || leg != transfer->transferor)
        return false;
    transfer->transferor = NULL;
    leg_close(leg, 200, NULL);
    return true;
}

/* -- attended ------------------------------------------------------------------------------------------ */

/* Whose dialog he names must be his own, or such as he may take. */
static bool transfer_may_name(const struct leg *leg, const struct leg *named)
{
    struct identity own, other;

    leg_identity(leg, &own);
    leg_identity(named, &other);
    if (*own.peer)
        return true;
    return *own.user && strcmp(own.user, other.user) == 0;
}

/* Both calls are ours: the two who remain are joined. */
static void transfer_attended(struct leg *leg, struct leg *named)
{
    struct call *call = leg->call;
    struct leg *rest = leg == call->caller ? call->callee : call->caller;
    struct refer *refer;
    int error = session_accept_referral(leg->session, &refer);

    if (error) {
        session_refuse_referral(leg->session, 500);
        return;
    }
    log_event(LEVEL_INFO, "call", call->id, "transfer-attended with=%s", named->call->id);
    error = call_replace(named, rest);
    if (error)
        log_event(LEVEL_WARNING, "call", call->id, "transfer-failed error=\"%s\"", strerror(error));
    if (refer)
        refer_tell(refer, error ? 503 : 200);
}

static struct leg *leg_named(const struct server *server, const struct dialog_name *name, bool *ended)
{
    struct session *session = session_find(server->agent, name, ended);
    struct leg *leg = session ? session_owner(session) : NULL;

    return leg && call_goes_on(leg->call) ? leg : NULL;
}

int link_bring(struct link *link, const struct dialog_name *name, const char *argument, const char *number)
{
    struct route_order order = {.phones_only = true, .handed = link->app};
    bool ended;
    struct leg *named = leg_named(link->call->server, name, &ended);
    struct call *call = named ? named->call : NULL, *brought;
    int error;

    if (!call || named->branch)
        return ENOENT;
    if (!transfer_may_name(link->call->caller, named))
        return EACCES;
    if (call->state != CALL_BRIDGED || (named != call->caller && named != call->callee))
        return EBUSY;
    snprintf(order.number, sizeof order.number, "%s", number);
    snprintf(order.argument, sizeof order.argument, "%s", argument);
    error = call_split(&brought, named == call->caller ? call->callee : call->caller);
    if (error)
        return error == EINVAL ? EBUSY : error;
    log_event(LEVEL_INFO, "call", brought->id, "brought by=%s", link->call->from.user);
    call_end_soon(call, 200, NULL);
    route_begin(brought, &order);
    return 0;
}

struct link *link_named(struct server *server, const struct dialog_name *name)
{
    bool ended;
    struct leg *leg = leg_named(server, name, &ended);
    const struct call *call = leg ? leg->call : NULL;

    return call && call->state == CALL_HOSTED && leg == call->caller ? call->host : NULL;
}

int link_accept_referral(struct link *link, struct refer **out)
{
    return link_hosts(link, "accept-referral") ? session_accept_referral(link->call->caller->session, out)
                                               : EINVAL;
}

/* What the far side of an application asks is the application's to do. */
static void transfer_host(struct leg *leg, struct link *host, const struct referral *referral)
{
    int status = host->app->referred ? host->app->referred(host, referral) : 403;

    call_trace(host->call, host, "refer", "status=%d", status);
    if (status && leg->session)
        session_refuse_referral(leg->session, status);
}

void transfer_referred(void *owner, const struct referral *referral)
{
    struct leg *leg = owner, *named;
    struct call *call = leg->call;
    bool ended;
    int status;

    if (call->state == CALL_HOSTED && call_goes_on(call) && leg == call->caller) {
        transfer_host(leg, call->host, referral);
        return;
    }
    status = referral->bye ? 403 : transfer_may(call, leg);
    if (status) {
        session_refuse_referral(leg->session, status);
        return;
    }
    named = referral->attended ? leg_named(call->server, &referral->replaces, &ended) : NULL;
    if (named && !transfer_may_name(leg, named)) {
        session_refuse_referral(leg->session, 403);
    } else if (pass_referral(leg, referral, named)) {
        ; /* the other side does it */
    } else if (named && named->call != call && call_can_replace(named)) {
        transfer_attended(leg, named);
    } else if (named && !named->answered && named->call->caller == named &&
               named->call->state == CALL_RINGING && !named->call->host) {
        transfer_ringing(leg, named->call);
    } else if (named && !named->answered && named->call->caller == named && named->call->routes) {
        /* Nobody is rung yet, or an application speaks: in this call the way there begins anew. */
        char number[NUMBER_TEXT];

        snprintf(number, sizeof number, "%s", named->call->routes->number);
        call_end_soon(named->call, 487, NULL);
        transfer_blind(leg, referral, number, "", false);
    } else if (named) {
        session_refuse_referral(leg->session, 403);
    } else {
        transfer_blind(leg, referral, referral->target.user, referral->params, referral->attended);
    }
}

/* -- INVITE with Replaces or Join ---------------------------------------------------------------------- */

bool call_may_take(const struct leg *leg, const struct leg *taker)
{
    const struct call *call = leg->call;
    struct identity who, named, other;
    const struct leg *rest = leg == call->caller ? call->callee : call->caller;

    leg_identity(taker, &who);
    leg_identity(leg, &named);
    if (*who.peer)
        return true;
    if (!*who.user)
        return false;
    if (strcmp(who.user, named.user) == 0)
        return true;
    if (rest) {
        leg_identity(rest, &other);
        if (strcmp(who.user, other.user) == 0)
            return true;
    }
    return taker->call->subscriber && pickup_allowed(call, taker->call->subscriber);
}

/* RFC 3891 §3. */
static int transfer_replace(struct call *call, struct leg *named, const struct dialog_name *name)
{
    if (named->branch && originate_rings(named->call))
        return 481;
    if (named->branch) /* an early dialog that we have begun: its phone rings */
        return call_pick(named->call, call->caller) ? 500 : 0;
    if (!named->answered)
        return 481;
    if (name->early_only)
        return 486;
    if (!call_can_replace(named))
        return 491;
    return call_replace(named, call->caller) ? 488 : 0;
}

#define MAKER "=maker" /* argument by which an application knows who makes a room of a call of two */

/* RFC 3911: all three meet in a room that is made for them, and have its makers' rights. */
static int transfer_join(struct call *call, struct leg *named)
{
    struct call *first = named->call, *second;
    const struct app *app;
    const char *argument;
    struct route_order order = {.argument = MAKER};
    char room[NUMBER_TEXT], dice[9];

    random_hex(dice, (sizeof dice - 1) / 2);
    snprintf(room, sizeof room, "conf=join-%s", dice);
    if (!named->answered || named->branch)
        return 481;
    if (first->state == CALL_HOSTED && named == first->caller && first->host->room) {
        /* He is in a room already: as if it had been dialled, with the PIN that it may have. */
        snprintf(call->routes->number, sizeof call->routes->number, "%s", first->host->route->number);
        route_resume(call);
        return 0;
    }
    if (plan_find(call->settings, room, &argument, &app) != PLAN_APP)
        return 488;
    if (first->state != CALL_BRIDGED || first->transfer || first->asker)
        return 491;
    if (call_split(&second, first->callee))
        return 500;
    log_event(LEVEL_INFO, "call", first->id, "joined room=%s by=%s", room, call->from.user);
    snprintf(call->routes->number, sizeof call->routes->number, "%s", room);
    call->routes->handed = order.handed = app;
    snprintf(call->routes->handed_argument, sizeof call->routes->handed_argument, MAKER);
    snprintf(order.number, sizeof order.number, "%s", room);
    route_begin(first, &order);
    route_begin(second, &order);
    route_resume(call);
    return 0;
}

bool transfer_invited(struct call *call)
{
    struct transfer_name *wish = call->wish;
    struct leg *named;
    bool ended;
    int status;

    if (!wish)
        return false;
    named = leg_named(call->server, &wish->name, &ended);
    if (!named)
        status = ended && !wish->join ? 603 : 481;
    else if (!call_may_take(named, call->caller))
        status = 403;
    else
        status = wish->join ? transfer_join(call, named) : transfer_replace(call, named, &wish->name);
    call_trace(call, NULL, wish->join ? "join" : "replaces", "status=%d", status);
    if (status)
        call_refuse(call, &(struct failure){.status = status});
    return true;
}

/* -- click to dial ------------------------------------------------------------------------------------- */

static void click_done(void *arg, int status)
{
    refer_tell(arg, status);
}

static void click_unheard(void *arg, int status)
{
    (void)arg;
    (void)status;
}

int transfer_click(void *arg, const char *called, const char *user, const char *peer,
                   const struct referral *referral, struct refer *refer)
{
    struct server *server = arg;
    const struct app *app;
    const char *argument;
    int error;

    if (plan_find(server->settings, called, &argument, &app) == PLAN_APP && app->asked)
        return app->asked(server, &(struct asking){called, argument, user, peer, referral, refer});
    /* Somebody else's phones may be rung by a trusted peer alone. */
    if (!settings_trusts(server->settings, peer) && (!user || strcmp(user, called) != 0))
        return 403;
    if (referral->attended || referral->bye)
        return 403;
    error = call_originate(server, called, referral->target.user, refer ? click_done : click_unheard, refer);
    return error == 0 ? 0 : error == EBUSY ? 503 : error == EINVAL ? 404 : 500;
}
