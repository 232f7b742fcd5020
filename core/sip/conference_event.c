/*
 * The event package "conference" (RFC 4575). A conference is known here while somebody watches it; what it is
 * by then is asked of the layer above, which tells what changes from there on.
 */
#include "core/sip/conference_roster.h"
#include "core/sip/notifier_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"

#define BUCKETS 256
#define BURST_MS 50  /* who comes changes several things at once */
#define PACE_MS 1000 /* between two NOTIFYs to one watcher */
#define LATER_S 300  /* for which a watcher may put the next one off */
/* Bounds of a document. Of a datagram's fragments each may get lost, so there it is less at a time. */
#define TCP_TEXT 49152
#define UDP_TEXT ROSTER_TEXT_MIN
#define LEFT_SOME 64 /* who has left is kept for those who have not heard of it, up to these */
#define LEFT_MANY 1024

struct conference {
    struct conference *next;
    struct conferences *owner;
    struct subscription *first; /* who watches it, by watch_next */
    struct roster *roster;
    char room[NUMBER_TEXT];
};

struct conferences {
    struct notifier *notifier;
    struct conference *buckets[BUCKETS];
};

int conferences_new(struct conferences **out, struct notifier *notifier)
{
    struct conferences *conferences = calloc(1, sizeof *conferences);

    if (!conferences)
        return ENOMEM;
    conferences->notifier = notifier;
    *out = conferences;
    return 0;
}

/* After the subscriptions, whose last one takes its conference away. */
void conferences_free(struct conferences *conferences)
{
    free(conferences);
}

/* -- conferences that are watched ------------------------------------------------------------------------ */

static struct conference **bucket_of(struct conferences *conferences, const char *room)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (const char *c = room; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    return &conferences->buckets[hash % BUCKETS];
}

static struct conference *conference_find(const struct agent *agent, const char *room)
{
    struct conference *conference = agent->notifier ? *bucket_of(agent->notifier->conferences, room) : NULL;

    while (conference && strcmp(conference->room, room) != 0)
        conference = conference->next;
    return conference;
}

static struct conference *conference_new(struct agent *agent, const char *room)
{
    struct conferences *owner = agent->notifier->conferences;
    struct conference *conference = calloc(1, sizeof *conference);
    struct conference **bucket = bucket_of(owner, room);

    if (!conference || roster_new(&conference->roster, agent->settings->realm) != 0) {
        free(conference);
        return NULL;
    }
    conference->owner = owner;
    snprintf(conference->room, sizeof conference->room, "%s", room);
    conference->next = *bucket;
    *bucket = conference;
    if (agent->handlers->conference_list)
        agent->handlers->conference_list(agent->arg, room);
    return conference;
}

static void conference_leave(struct subscription *s)
{
    struct conference *conference = s->conference;
    struct subscription **place;
    struct conference **at;

    timer_stop(&s->pace);
    s->conference = NULL;
    if (!conference)
        return;
    for (place = &conference->first; *place != s;)
        place = &(*place)->watch_next;
    *place = s->watch_next;
    if (conference->first)
        return;
    for (at = bucket_of(conference->owner, conference->room); *at != conference;)
        at = &(*at)->next;
    *at = conference->next;
    roster_free(conference->roster);
    free(conference);
}

static bool conference_enter(struct subscription *s, const char *room)
{
    struct agent *agent = s->notifier->agent;
    struct conference *conference;

    /* A refresh, in a dialog that has come into another room, perhaps. */
    if (s->conference && strcmp(s->conference->room, room) == 0)
        return true;
    conference_leave(s);
    conference = conference_find(agent, room);
    if (!conference)
        conference = conference_new(agent, room);
    if (!conference)
        return false;
    s->conference = conference;
    s->watch_next = conference->first;
    conference->first = s;
    return true;
}

/* -- NOTIFYs --------------------------------------------------------------------------------------------- */

static void watcher_due(void *arg)
{
    struct subscription *s = arg;

    if (s->conference && roster_has_news(s->conference->roster, &s->reader))
        subscription_changed(s);
}

static void watcher_pace(struct subscription *s, uint32_t ms)
{
    if (timer_start(s->notifier->agent->loop, &s->pace, ms, watcher_due, s) != 0)
        log_event(LEVEL_WARNING, "sip", NULL, "no-memory for=conference-info");
}

static void conference_changed(struct conference *conference)
{
    for (struct subscription *s = conference->first; s; s = s->watch_next)
        if (!s->pace)
            watcher_pace(s, BURST_MS);
}

/* What all have heard of is forgotten; who lags far behind is told all anew. */
static void conference_tidy(struct conference *conference)
{
    uint64_t told = UINT64_MAX;

    if (roster_left_count(conference->roster) < LEFT_SOME)
        return;
    for (const struct subscription *s = conference->first; s; s = s->watch_next)
        if (!s->over && !s->reader.full && s->reader.told < told)
            told = s->reader.told;
    roster_forget(conference->roster, told);
    if (roster_left_count(conference->roster) < LEFT_MANY)
        return;
    for (struct subscription *s = conference->first; s; s = s->watch_next)
        s->reader.full = s->reader.full || roster_has_news(conference->roster, &s->reader);
    roster_forget(conference->roster, UINT64_MAX);
}

/* Whoever may not watch any more is told no more than that. */
static char *conference_body(struct subscription *s)
{
    bool tcp = strncmp(s->received, "tcp:", 4) == 0;
    char *text;

    if (!s->conference || *s->reason)
        return NULL;
    text =
        roster_document(s->conference->roster, &s->reader, s->resource, s->place, tcp ? TCP_TEXT : UDP_TEXT);
    conference_tidy(s->conference);
    if (!s->over)
        watcher_pace(s, PACE_MS);
    return text;
}

/* What follows would stand on it. */
static void conference_lost(struct subscription *s, unsigned seconds)
{
    s->reader.full = true;
    if (!s->over)
        watcher_pace(s, seconds < 1 ? PACE_MS : seconds > LATER_S ? LATER_S * 1000 : seconds * 1000);
}

/* -- who may watch --------------------------------------------------------------------------------------- */

static void conference_judge(struct subscription *s)
{
    struct agent *agent = s->notifier->agent;
    struct conference_watch watch = {.number = s->resource,
                                     .user = *s->user ? s->user : NULL,
                                     .peer = *s->peer ? s->peer : NULL,
                                     .session = s->session};

    if (agent->handlers->conference_judge)
        agent->handlers->conference_judge(agent->arg, &watch, waiter_ticket(&s->waiter));
    else
        subscription_refuse(s, SIP_404_NOT_FOUND);
}

void agent_conference_judged(struct agent *agent, struct ticket ticket, int error, const char *room)
{
    struct subscription *s = agent->notifier ? (struct subscription *)(void *)waiter_find(ticket) : NULL;

    if (!s || !s->irq)
        return;
    if (!error && !s->over && !conference_enter(s, room))
        error = ENOMEM;
    if (s->over) {
        subscription_refuse(s, SIP_481_NO_CALL); /* it has ended meanwhile */
    } else if (error == EACCES) {
        subscription_refuse(s, SIP_403_FORBIDDEN);
    } else if (error == ENOENT) {
        subscription_refuse(s, SIP_404_NOT_FOUND);
    } else if (error) {
        subscription_refuse(s, SIP_503_SERVICE_UNAVAILABLE);
    } else {
        s->reader.full = true;
        subscription_admit(s, "");
    }
}

/* -- what the layer above tells -------------------------------------------------------------------------- */

void agent_conference_put(struct agent *agent, const char *room, const struct conference_member *member)
{
    struct conference *conference = conference_find(agent, room);

    if (conference && roster_put(conference->roster, member))
        conference_changed(conference);
}

void agent_conference_drop(struct agent *agent, const char *room, unsigned id)
{
    struct conference *conference = conference_find(agent, room);

    if (conference && roster_drop(conference->roster, id))
        conference_changed(conference);
}

void agent_conference_describe(struct agent *agent, const char *room, const struct conference_state *state)
{
    struct conference *conference = conference_find(agent, room);

    if (conference && roster_describe(conference->roster, state))
        conference_changed(conference);
}

/* A subscription whose NOTIFY cannot be sent is gone at once, and the conference with its last one. */
void agent_conference_left(struct agent *agent, const char *room, const struct session *session,
                           const char *user)
{
    struct conference *conference = conference_find(agent, room);
    struct subscription *next;

    for (struct subscription *s = conference ? conference->first : NULL; s; s = next) {
        next = s->watch_next;
        if (session && s->session == session)
            subscription_end(s, "deactivated");
        else if (user && strcmp(s->user, user) == 0)
            subscription_end(s, "rejected");
    }
}

void agent_conference_gone(struct agent *agent, const char *room)
{
    struct conference *conference = conference_find(agent, room);
    struct subscription *next;

    for (struct subscription *s = conference ? conference->first : NULL; s; s = next) {
        next = s->watch_next;
        subscription_end(s, "noresource");
    }
}

const struct event_package conference_package = {.name = "conference",
                                                 .type = "application/conference-info+xml",
                                                 .focus = true,
                                                 .judge = conference_judge,
                                                 .body = conference_body,
                                                 .lost = conference_lost,
                                                 .leave = conference_leave};
