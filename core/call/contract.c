/*
 * What an application is asked about a call, and the contract that it is held to: a deadline for its
 * decision, and what follows when it fails.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <string.h>

static const char *const hook_names[] = {"invited", "failed", "heard", "answered", "held", "ended"};

const char *link_name(const struct link *link)
{
    return link->contract && !link->stands_in ? link->contract->name : link->app->name;
}

/* -- the breaker --------------------------------------------------------------------------------------- */

/* The number plan's own application is no link of the path's, and one that stands in proves nothing about the
 * other. */
static void link_note(struct link *link, bool failed, bool later)
{
    if (link->contract && !link->stands_in)
        breaker_note(&link->call->server->breakers, link->contract, failed, later, clock_now_us());
}

/* -- deadline ------------------------------------------------------------------------------------------ */

static bool link_is_undecided(const struct link *link)
{
    const struct call *call = link->call;

    return (link->stage == STAGE_DECIDING || link->stage == STAGE_RESCUING) && call->state == CALL_ROUTING &&
           call->position > 0 && call->path[call->position - 1] == link;
}

bool link_acts(const struct link *link)
{
    return !link->broken && call_is_up(link->call) && (link_is_undecided(link) || link_speaks(link));
}

static void link_overdue(void *arg)
{
    struct link *link = arg;

    if (link_is_undecided(link))
        link_fail(link, "no decision before the deadline");
}

/* Only who has not decided yet needs a timer, and that is rare. */
static void link_watch(struct link *link, unsigned asked_count)
{
    unsigned ms = link->contract ? link->contract->deadline_ms : 0;

    /* Who speaks to the caller has begun to act: how long that takes is the application's affair. */
    if (ms == 0 || link->early || link->asked_count != asked_count || !link_is_undecided(link))
        return;
    if (timer_start(link->call->server->loop, &link->deadline, ms, link_overdue, link))
        link_fail(link, "no memory for the deadline");
}

/* -- asking -------------------------------------------------------------------------------------------- */

static bool test_names(char *const *list, size_t count, const struct link *link, enum hook hook)
{
    char text[96];

    if (count == 0)
        return false;
    snprintf(text, sizeof text, "%s/%s", link_name(link), hook_names[hook]);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static bool link_has_hook(const struct link *link, enum hook hook)
{
    const struct app *app = link->app;

    switch (hook) {
    case HOOK_INVITED:
        return true;
    case HOOK_FAILED:
        return app->failed != NULL;
    case HOOK_HEARD:
        return app->heard != NULL;
    case HOOK_ANSWERED:
        return app->answered != NULL;
    case HOOK_HELD:
        return app->held != NULL;
    case HOOK_ENDED:
        return app->ended != NULL;
    }
    return false;
}

static bool hook_run(struct link *link, const struct occasion *occasion)
{
    switch (occasion->hook) {
    case HOOK_INVITED:
        link->app->invited(link, link->request);
        break;
    case HOOK_FAILED:
        return link->app->failed(link, occasion->status);
    case HOOK_HEARD:
        return link->app->heard(link, occasion->news);
    case HOOK_ANSWERED:
        link->app->answered(link);
        break;
    case HOOK_HELD:
        link->app->held(link, occasion->held);
        break;
    case HOOK_ENDED:
        link->app->ended(link);
        break;
    }
    return false;
}

/* For tests: this event of this link fails, or never comes to a decision. The state is freed in any case. */
static bool link_is_tested(struct link *link, const struct occasion *occasion, bool *consumed)
{
    const struct settings *settings = link->call->settings;
    enum hook hook = occasion->hook;

    if (hook == HOOK_ENDED)
        return false;
    if (test_names(settings->test_hang, settings->test_hang_count, link, hook)) {
        *consumed = hook == HOOK_FAILED;
        return true;
    }
    if (!test_names(settings->test_fail, settings->test_fail_count, link, hook))
        return false;
    *consumed = hook == HOOK_FAILED; /* link_fail() leads the failure on */
    link_fail(link, "the settings' test says so");
    return true;
}

bool link_call(struct link *link, const struct occasion *occasion)
{
    enum hook hook = occasion->hook;
    bool decides = hook == HOOK_INVITED || hook == HOOK_FAILED, consumed = false;
    bool rescuing = link->stage == STAGE_RESCUING;
    unsigned asked_count;
    uint64_t began_us;

    if (link->broken && hook != HOOK_ENDED)
        return false;
    began_us = clock_now_us();
    asked_count = ++link->asked_count;
    if (decides) {
        link->asked = hook;
        link->asked_us = began_us;
    }
    if (!link_is_tested(link, occasion, &consumed)) {
        if (!link_has_hook(link, hook))
            return false;
        consumed = hook_run(link, occasion);
    }
    /* Whoever has decided has taken the failure, whatever he says. */
    consumed = consumed || (rescuing && link->stage != STAGE_RESCUING);
    if (hook == HOOK_HEARD)
        call_trace(link->call, link, "heard", "news=%d consumed=%d took_us=%llu", (int)occasion->news->kind,
                   (int)consumed, (unsigned long long)(clock_now_us() - began_us));
    if (decides && (hook == HOOK_INVITED || consumed))
        link_watch(link, asked_count);
    return consumed;
}

/* -- deciding ------------------------------------------------------------------------------------------ */

/* A request stands at one link at a time, and only there may it be decided about. */
bool link_decides(const struct link *link, const char *verb)
{
    const struct call *call = link->call;
    bool right = link_is_undecided(link) && (call->caller->session || originate_rings(call));

    if (!right)
        link_log(link, LEVEL_WARNING, "ignored verb=%s stage=%d state=%d", verb, (int)link->stage,
                 (int)call->state);
    return right;
}

void link_decided(struct link *link, const char *verb)
{
    timer_stop(&link->deadline);
    early_end(link);
    link_note(link, false, link->asked != HOOK_INVITED);
    call_trace_decision(link->call, link, hook_names[link->asked], verb, clock_now_us() - link->asked_us);
}

bool link_overruled(struct link *link, const char *verb)
{
    if (!link->contract || !link->request->emergency)
        return false;
    link_log(link, LEVEL_WARNING, "ignored verb=%s why=\"an emergency call\"", verb);
    call_trace(link->call, link, hook_names[link->asked], "overruled verb=%s", verb);
    link_continue(link);
    return true;
}

/* -- failing ------------------------------------------------------------------------------------------- */

/* Nobody refuses an emergency call, also not by failing. The number plan's own application has no contract:
 * without it there is nothing to go on to. */
static void link_fail_deciding(struct link *link)
{
    const struct link_settings *contract = link->contract;

    timer_stop(&link->deadline);
    early_end(link);
    if (!contract)
        chain_refuse(link->call, 500, NULL, NULL);
    else if (contract->on_fail == FAIL_CONTINUE || link->request->emergency)
        chain_skip(link->call);
    else if (contract->on_fail == FAIL_REJECT)
        chain_refuse(link->call, contract->fail_status, NULL, NULL);
    else if (link->stands_in || chain_replace(link->call))
        chain_refuse(link->call, 503, NULL, NULL);
}

/* After it has acted: whom it has answered has nobody else to talk to. */
static void link_fail_late(struct link *link)
{
    struct call *call = link->call;

    if (call->host == link || !link->contract || link->contract->end_late)
        call_end_soon(call, 500, NULL);
}

void link_fail(struct link *link, const char *why)
{
    if (!call_is_up(link->call) || link->stage == STAGE_WAITING || link->broken)
        return;
    link_log(link, LEVEL_WARNING, "failed link=%s why=\"%s\"", link_name(link), why);
    call_trace(link->call, link, "failure", "why=\"%s\"", why);
    link_note(link, true, !link_is_undecided(link) || link->stage == STAGE_RESCUING);
    link->broken = true;
    if (link_is_undecided(link))
        link_fail_deciding(link);
    else
        link_fail_late(link);
}
