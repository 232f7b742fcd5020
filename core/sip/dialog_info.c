/*
 * The event package "dialog" (RFC 4235): lamps of other extensions, of park slots and of any number that is
 * called. What goes on is asked of the layer above when it is told, so nothing is kept here that could be out
 * of date.
 */
#include "core/sip/dialog_info.h"

#include "core/sip/notifier_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"

#define BUCKETS 1024
#define BURST_MS 20 /* an INVITE and its 180 are one change */
#define PACE_MS 250 /* between two NOTIFYs of a number that changes all the time */

/* A number that somebody watches. */
struct watched {
    struct watched *next;
    struct dialogs *dialogs;
    struct subscription *first; /* who watches it, by watch_next */
    char number[NUMBER_TEXT];
    struct dialog_entry *shown; /* what they were told last */
    size_t shown_count;
    bool dirty;
    struct timer *timer; /* until which nothing more is said */
};

struct dialogs {
    struct notifier *notifier;
    struct watched *buckets[BUCKETS];
};

int dialogs_new(struct dialogs **out, struct notifier *notifier)
{
    struct dialogs *dialogs = calloc(1, sizeof *dialogs);

    if (dialogs == NULL)
        return ENOMEM;
    dialogs->notifier = notifier;
    *out = dialogs;
    return 0;
}

/* After the subscriptions, whose last one takes its number away. */
void dialogs_free(struct dialogs *dialogs)
{
    free(dialogs);
}

/* -- the numbers ----------------------------------------------------------------------------------------- */

static struct watched **bucket_of(struct dialogs *dialogs, const char *number)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (const char *c = number; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    return &dialogs->buckets[hash % BUCKETS];
}

static struct watched *watched_find(struct dialogs *dialogs, const char *number)
{
    struct watched *watched = *bucket_of(dialogs, number);

    while (watched && strcmp(watched->number, number) != 0)
        watched = watched->next;
    return watched;
}

static struct watched *watched_get(struct dialogs *dialogs, const char *number)
{
    struct watched *watched = watched_find(dialogs, number);
    struct watched **bucket = bucket_of(dialogs, number);

    if (watched)
        return watched;
    watched = calloc(1, sizeof *watched);
    if (watched == NULL)
        return NULL;
    watched->dialogs = dialogs;
    snprintf(watched->number, sizeof watched->number, "%s", number);
    watched->next = *bucket;
    *bucket = watched;
    return watched;
}

static void watched_free(struct watched *watched)
{
    struct watched **place = bucket_of(watched->dialogs, watched->number);

    while (*place != watched)
        place = &(*place)->next;
    *place = watched->next;
    timer_stop(&watched->timer);
    free(watched->shown);
    free(watched);
}

static bool entry_is_in(const struct dialog_entry *entry, const struct dialog_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->entries[i].id == entry->id)
            return true;
    return false;
}

/*
 * What goes on now, and once what has ended: full state without it would do (RFC 4235 §4.3), but there are
 * phones that wait for the word "terminated". True: it is other than what was shown.
 */
static bool watched_read(struct watched *watched)
{
    struct agent *agent = watched->dialogs->notifier->agent;
    struct dialog_list now;
    struct dialog_entry *copy;
    bool same;

    watched->dirty = false;
    memset(&now, 0, sizeof now); /* compared as a whole */
    if (agent->handlers->dialogs)
        agent->handlers->dialogs(agent->arg, watched->number, &now);
    for (size_t i = 0; i < watched->shown_count && now.count < DIALOGS_MAX; i++) {
        const struct dialog_entry *old = &watched->shown[i];

        if (old->state == DIALOG_TERMINATED || entry_is_in(old, &now))
            continue;
        now.entries[now.count] = *old;
        now.entries[now.count++].state = DIALOG_TERMINATED;
    }
    same = now.count == watched->shown_count &&
           (now.count == 0 || memcmp(now.entries, watched->shown, now.count * sizeof *watched->shown) == 0);
    if (same)
        return false;
    copy = malloc((now.count + 1) * sizeof *copy);
    if (copy == NULL)
        return false;
    memcpy(copy, now.entries, now.count * sizeof *copy);
    free(watched->shown);
    watched->shown = copy;
    watched->shown_count = now.count;
    return true;
}

static void watched_tell(struct watched *watched, const struct subscription *but)
{
    struct subscription *next;

    for (struct subscription *s = watched->first; s; s = next) {
        next = s->watch_next; /* a subscription may end when its NOTIFY cannot be sent, and its number with
                                 the last */
        if (s != but)
            subscription_changed(s);
    }
}

static void watched_due(void *arg)
{
    struct watched *watched = arg;

    if (!watched->dirty)
        return;
    if (timer_start(watched->dialogs->notifier->agent->loop, &watched->timer, PACE_MS, watched_due,
                    watched) != 0)
        log_event(LEVEL_WARNING, "sip", NULL, "no-memory for=dialog-info");
    if (watched_read(watched))
        watched_tell(watched, NULL);
}

void agent_dialog_changed(struct agent *agent, const char *number)
{
    struct watched *watched = agent->notifier ? watched_find(agent->notifier->dialogs, number) : NULL;

    if (watched == NULL)
        return;
    watched->dirty = true;
    if (watched->timer == NULL &&
        timer_start(agent->loop, &watched->timer, BURST_MS, watched_due, watched) != 0)
        log_event(LEVEL_WARNING, "sip", NULL, "no-memory for=dialog-info");
}

/* -- the package -------------------------------------------------------------------------------------------
 */

static char *dialog_body(struct subscription *s)
{
    const char *realm = s->notifier->agent->settings->realm;

    /* Its last NOTIFY may go out when it watches nothing any more. */
    if (s->watched == NULL)
        return dialog_info_write(s->resource, realm, s->version++, NULL, 0);
    return dialog_info_write(s->watched->number, realm, s->version++, s->watched->shown,
                             s->watched->shown_count);
}

static void dialog_leave(struct subscription *s)
{
    struct watched *watched = s->watched;
    struct subscription **place;

    if (watched == NULL)
        return;
    place = &watched->first;
    while (*place != s)
        place = &(*place)->watch_next;
    *place = s->watch_next;
    s->watched = NULL;
    if (watched->first == NULL)
        watched_free(watched);
}

static void judge_admit(struct subscription *s)
{
    struct watched *watched = s->watched;

    if (watched == NULL) {
        watched = watched_get(s->notifier->dialogs, s->resource);
        if (watched == NULL) {
            subscription_refuse(s, SIP_503_SERVICE_UNAVAILABLE);
            return;
        }
        s->watched = watched;
        s->watch_next = watched->first;
        watched->first = s;
    }
    if (watched_read(watched))
        watched_tell(watched, s);
    subscription_admit(s, "");
}

static void judge_fail(struct subscription *s, int error)
{
    if (error == ENOENT)
        subscription_refuse(s, SIP_404_NOT_FOUND);
    else
        subscription_refuse(s, SIP_503_SERVICE_UNAVAILABLE);
}

/* Who asks: he must be in the group that the watched user is in. */
static void judge_watcher(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct subscription *s = (struct subscription *)waiter_find(ticket);
    char group[GROUP_TEXT];

    if (s == NULL || s->irq == NULL)
        return;
    if (error)
        judge_fail(s, error);
    else if (subscriber_service(subscriber, PICKUP_SERVICE, "group", group, sizeof group) && *group &&
             strcmp(group, s->group) == 0)
        judge_admit(s);
    else
        subscription_refuse(s, SIP_403_FORBIDDEN);
}

/* Who is watched: himself and a trusted peer may; others as the settings say. */
static void judge_resource(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct subscription *s = (struct subscription *)waiter_find(ticket);
    const struct settings *settings;

    if (s == NULL || s->irq == NULL)
        return;
    settings = s->notifier->agent->settings;
    if (error) {
        judge_fail(s, error);
        return;
    }
    if (!s->user[0] || strcmp(s->user, subscriber->number) == 0 ||
        strcmp(settings->dialog_info, "all") == 0) {
        judge_admit(s);
        return;
    }
    subscriber_service(subscriber, PICKUP_SERVICE, "group", s->group, sizeof s->group);
    if (!s->group[0]) {
        subscription_refuse(s, SIP_403_FORBIDDEN);
        return;
    }
    error = subscriber_find(s->notifier->agent->storage, s->user, waiter_ticket(&s->waiter), judge_watcher);
    if (error)
        judge_fail(s, error);
}

/* A number that is no user's (a room, a park slot) is everybody's. */
static void dialog_judge(struct subscription *s)
{
    const struct settings *settings = s->notifier->agent->settings;
    const struct number_settings *row = settings_number(settings, s->resource);
    int error = 0;

    if (strcmp(settings->dialog_info, "off") == 0)
        subscription_refuse(s, SIP_403_FORBIDDEN);
    else if (row && strcmp(row->application, "peer") == 0)
        subscription_refuse(s, SIP_404_NOT_FOUND);
    else if (row && strcmp(row->application, "user") != 0)
        judge_admit(s);
    else
        error = subscriber_find(s->notifier->agent->storage, s->resource, waiter_ticket(&s->waiter),
                                judge_resource);
    if (error)
        judge_fail(s, error);
}

const struct event_package dialog_package = {.name = "dialog",
                                             .type = "application/dialog-info+xml",
                                             .judge = dialog_judge,
                                             .body = dialog_body,
                                             .leave = dialog_leave};
