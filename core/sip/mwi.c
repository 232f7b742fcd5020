/*
 * Message waiting (RFC 3842): what a mailbox holds, told to those who watch it and to the phones of those
 * whose it is.
 */
#include "core/sip/notifier_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "storage/mailbox.h"

#define PACE_MS                                                                                              \
    500 /* the first change of a burst is told at once, the later ones this often (RFC 3842 §3.10: 1/s) */
#define AWAY_MS 2000  /* between attempts while the database is away */
#define RESTART_MS 20 /* between mailboxes after a restart: 50 a second */

/* A mailbox that something happened to lately. */
struct box {
    struct waiter waiter;
    struct box *next;
    struct mwi *mwi;
    char name[NUMBER_TEXT];
    char body[BODY_TEXT];
    bool counting, listing; /* asked storage for its counts; for its subscribers */
    bool dirty;             /* has changed since it was counted */
    struct timer *timer;    /* until which nothing more is said */
    uint64_t since_us;      /* its first change that is not counted; 0: not measured */
    uint64_t told_us;       /* that of what is being told */
};

/* A mailbox whose phones are to hear of it after a restart. */
struct restart {
    struct restart *next;
    char name[NUMBER_TEXT];
};

/* A user whose mailbox we want to know: he has just registered. */
struct arrival {
    struct waiter waiter;
    struct arrival *next;
    struct mwi *mwi;
};

struct mwi {
    struct waiter waiter; /* for the list after a restart */
    struct notifier *notifier;
    struct notices *notices;
    struct box *boxes;
    struct arrival *arrivals;
    struct restart *restarts, **restart_tail;
    struct timer *restart_timer;
};

static void body_write(char *out, size_t size, const struct notifier *notifier,
                       const struct mailbox_counts *counts)
{
    int used = snprintf(
        out, size, "Messages-Waiting: %s\r\nMessage-Account: sip:%s@%s\r\nVoice-Message: %u/%u (%u/%u)\r\n",
        counts->fresh + counts->fax_fresh ? "yes" : "no", counts->number, notifier->agent->settings->realm,
        counts->fresh, counts->old, counts->fresh_urgent, counts->old_urgent);

    /* Most phones know no faxes, and most mailboxes hold none. */
    if ((counts->fax_fresh || counts->fax_old) && used > 0 && (size_t)used < size)
        snprintf(out + used, size - (size_t)used, "Fax-Message: %u/%u (%u/%u)\r\n", counts->fax_fresh,
                 counts->fax_old, counts->fax_fresh_urgent, counts->fax_old_urgent);
}

void mwi_told(struct agent *agent, uint64_t *since_us)
{
    uint64_t now = clock_now_us();

    if (*since_us > 0 && now >= *since_us) {
        agent->stats.mwi_lag_us[histogram_bucket(now - *since_us)]++;
        agent->stats.mwi_lag_sum_us += now - *since_us;
    }
    *since_us = 0;
}

/* -- changes
 * ------------------------------------------------------------------------------------------------------------
 */

static void box_count(struct box *box);

static void box_free(struct box *box)
{
    struct box **place = &box->mwi->boxes;

    while (*place != box)
        place = &(*place)->next;
    *place = box->next;
    waiter_remove(&box->waiter);
    timer_stop(&box->timer);
    free(box);
}

/* Nothing is under way: count again if it has changed meanwhile, else forget it. */
static void box_settle(struct box *box)
{
    if (box->counting || box->listing || box->timer)
        return;
    if (box->dirty)
        box_count(box);
    else
        box_free(box);
}

static void box_paced(void *arg)
{
    box_settle(arg);
}

static void box_pause(struct box *box, uint32_t ms)
{
    if (timer_start(box->mwi->notifier->agent->loop, &box->timer, ms, box_paced, box) != 0)
        box->dirty = false;
}

/* One of the mailbox's users, with his phones; ENOENT after the last. */
static void box_listed(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct box *box = (struct box *)waiter_find(ticket);

    if (box == NULL)
        return;
    if (error) {
        box->listing = false;
        box_settle(box);
        return;
    }
    for (size_t i = 0; i < subscriber->binding_count; i++)
        if (!notifier_watches(box->mwi->notifier, box->name, &subscriber->bindings[i]))
            notice_send(box->mwi->notices, subscriber, &subscriber->bindings[i], box->body, box->told_us);
}

static void box_counted(struct ticket ticket, int error, const struct mailbox_counts *counts)
{
    struct box *box = (struct box *)waiter_find(ticket);
    struct notifier *notifier;
    struct subscription *next;

    if (box == NULL)
        return;
    box->counting = false;
    if (error) {
        /* The mailbox is gone, or the database is away: then again, since lamps must be right when it is
         * back. */
        box->dirty = error != ENOENT;
        box->since_us = box->told_us;
        if (box->dirty)
            box_pause(box, AWAY_MS);
        box_settle(box);
        return;
    }
    notifier = box->mwi->notifier;
    if (notifier->agent->handlers->counted)
        notifier->agent->handlers->counted(notifier->agent->arg, counts);
    body_write(box->body, sizeof box->body, notifier, counts);
    for (struct subscription *s = notifier->subscriptions; s; s = next) {
        next = s->next; /* a subscription may end when its NOTIFY cannot be sent */
        if (s->package == &mwi_package && strcmp(s->key, box->name) == 0)
            subscription_update(s, box->body, box->told_us);
    }
    box_pause(box, PACE_MS);
    box->listing = subscriber_each_of_mailbox(notifier->agent->storage, box->name, ticket, box_listed) == 0;
    box_settle(box);
}

static void box_count(struct box *box)
{
    box->dirty = false;
    box->told_us = box->since_us;
    box->since_us = 0;
    box->counting = mailbox_count(box->mwi->notifier->agent->storage, box->name, waiter_ticket(&box->waiter),
                                  box_counted) == 0;
    if (!box->counting) {
        /* The queue is full. */
        box->dirty = true;
        box->since_us = box->told_us;
        box_pause(box, PACE_MS);
    }
}

static void box_changed(void *arg, const char *mailbox, uint64_t since_us)
{
    struct mwi *mwi = arg;
    struct box *box = mwi->boxes;

    while (box && strcmp(box->name, mailbox) != 0)
        box = box->next;
    if (box) {
        box->dirty = true;
        if (box->since_us == 0)
            box->since_us = since_us;
        return;
    }
    box = calloc(1, sizeof *box);
    if (box == NULL)
        return;
    box->mwi = mwi;
    box->since_us = since_us;
    snprintf(box->name, sizeof box->name, "%s", mailbox);
    box->next = mwi->boxes;
    mwi->boxes = box;
    waiter_add(&box->waiter);
    box_count(box);
}

/* -- who has just registered, and everybody after a restart
 * ---------------------------------------------------------------- */

static void arrival_free(struct arrival *arrival)
{
    struct arrival **place = &arrival->mwi->arrivals;

    while (*place != arrival)
        place = &(*place)->next;
    *place = arrival->next;
    waiter_remove(&arrival->waiter);
    free(arrival);
}

static void arrival_found(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct arrival *arrival = (struct arrival *)waiter_find(ticket);
    struct mwi *mwi;

    if (arrival == NULL)
        return;
    mwi = arrival->mwi;
    arrival_free(arrival);
    if (error == 0 && subscriber->mailbox[0])
        box_changed(mwi, subscriber->mailbox, 0);
}

void mwi_registered(struct mwi *mwi, const char *user)
{
    struct arrival *arrival = calloc(1, sizeof *arrival);

    if (arrival == NULL)
        return;
    arrival->mwi = mwi;
    arrival->next = mwi->arrivals;
    mwi->arrivals = arrival;
    waiter_add(&arrival->waiter);
    if (subscriber_find(mwi->notifier->agent->storage, user, waiter_ticket(&arrival->waiter),
                        arrival_found) != 0)
        arrival_free(arrival);
}

static void restart_next(void *arg)
{
    struct mwi *mwi = arg;
    struct restart *restart = mwi->restarts;

    if (restart == NULL)
        return;
    mwi->restarts = restart->next;
    if (mwi->restarts == NULL)
        mwi->restart_tail = &mwi->restarts;
    box_changed(mwi, restart->name, 0);
    free(restart);
    if (mwi->restarts &&
        timer_start(mwi->notifier->agent->loop, &mwi->restart_timer, RESTART_MS, restart_next, mwi) != 0)
        log_event(LEVEL_WARNING, "sip", NULL, "mwi-restart-stopped");
}

/* Phones keep their lamps while we are away; what changed meanwhile they hear now, a few at a time. */
static void restart_listed(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct mwi *mwi = (struct mwi *)waiter_find(ticket);
    struct restart *restart;

    if (mwi == NULL || error || !subscriber->mailbox[0])
        return;
    restart = calloc(1, sizeof *restart);
    if (restart == NULL)
        return;
    snprintf(restart->name, sizeof restart->name, "%s", subscriber->mailbox);
    *mwi->restart_tail = restart;
    mwi->restart_tail = &restart->next;
    if (mwi->restart_timer == NULL &&
        timer_start(mwi->notifier->agent->loop, &mwi->restart_timer, RESTART_MS, restart_next, mwi) != 0)
        log_event(LEVEL_WARNING, "sip", NULL, "mwi-restart-stopped");
}

int mwi_new(struct mwi **out, struct notifier *notifier)
{
    struct storage *storage = notifier->agent->storage;
    struct mwi *mwi = calloc(1, sizeof *mwi);
    int error;

    if (mwi == NULL)
        return ENOMEM;
    mwi->notifier = notifier;
    mwi->restart_tail = &mwi->restarts;
    error = notices_new(&mwi->notices, notifier);
    if (error) {
        free(mwi);
        return error;
    }
    notices_on_again(mwi->notices, box_changed, mwi);
    waiter_add(&mwi->waiter);
    *out = mwi;
    if (storage == NULL)
        return 0;
    storage_on_mailbox_change(storage, box_changed, mwi);
    if (subscriber_each_bound(storage, waiter_ticket(&mwi->waiter), restart_listed) != 0)
        log_event(LEVEL_WARNING, "sip", NULL, "mwi-restart-skipped");
    return 0;
}

void mwi_free(struct mwi *mwi)
{
    if (mwi == NULL)
        return;
    if (mwi->notifier->agent->storage)
        storage_on_mailbox_change(mwi->notifier->agent->storage, NULL, NULL);
    waiter_remove(&mwi->waiter);
    timer_stop(&mwi->restart_timer);
    while (mwi->boxes)
        box_free(mwi->boxes);
    while (mwi->arrivals)
        arrival_free(mwi->arrivals);
    while (mwi->restarts) {
        struct restart *restart = mwi->restarts;

        mwi->restarts = restart->next;
        free(restart);
    }
    notices_free(mwi->notices);
    free(mwi);
}

/* -- the package
 * ---------------------------------------------------------------------------------------------------------
 */

static void judge_fail(struct subscription *s, int error)
{
    if (error == ENOENT)
        subscription_refuse(s, SIP_404_NOT_FOUND);
    else
        subscription_refuse(s, SIP_503_SERVICE_UNAVAILABLE);
}

static void judge_counted(struct ticket ticket, int error, const struct mailbox_counts *counts)
{
    struct subscription *s = (struct subscription *)waiter_find(ticket);
    char body[BODY_TEXT];

    if (s == NULL || s->irq == NULL)
        return;
    if (error) {
        judge_fail(s, error);
        return;
    }
    body_write(body, sizeof body, s->notifier, counts);
    subscription_admit(s, body);
}

static void judge_count(struct subscription *s)
{
    int error = mailbox_count(s->notifier->agent->storage, s->key, waiter_ticket(&s->waiter), judge_counted);

    if (error)
        judge_fail(s, error);
}

/* His own mailbox, and no other: by his number, the mailbox's, or the number that reaches one's own. */
static bool resource_is_own(const struct subscription *s, const struct subscriber *subscriber)
{
    const struct number_settings *row = settings_number(s->notifier->agent->settings, s->resource);

    if (strcmp(s->resource, subscriber->number) == 0 || strcmp(s->resource, subscriber->mailbox) == 0)
        return true;
    return row && strcmp(row->application, "voicemail") == 0 && strcmp(row->argument, "own") == 0;
}

static void judge_found(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    struct subscription *s = (struct subscription *)waiter_find(ticket);

    if (s == NULL || s->irq == NULL)
        return;
    if (error) {
        judge_fail(s, error);
    } else if (!resource_is_own(s, subscriber)) {
        subscription_refuse(s, SIP_403_FORBIDDEN);
    } else if (!subscriber->mailbox[0]) {
        judge_fail(s, ENOENT);
    } else {
        snprintf(s->key, sizeof s->key, "%s", subscriber->mailbox);
        judge_count(s);
    }
}

static void mwi_judge(struct subscription *s)
{
    int error;

    /* A trusted PBX may watch every mailbox, for its own phones. */
    if (!s->user[0]) {
        snprintf(s->key, sizeof s->key, "%s", s->resource);
        judge_count(s);
        return;
    }
    error = subscriber_find(s->notifier->agent->storage, s->user, waiter_ticket(&s->waiter), judge_found);
    if (error)
        judge_fail(s, error);
}

const struct event_package mwi_package = {
    .name = "message-summary", .type = "application/simple-message-summary", .judge = mwi_judge};
