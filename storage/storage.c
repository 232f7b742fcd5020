/*
 * Start and stop: queues, spool, schema, listener, workers, in this order, and back. Whatever fails on the
 * way up is taken down again by storage_stop(), which knows how far it got.
 */
#include "storage/storage.h"
#include "storage/deposits.h"
#include "storage/outbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/log.h"

#define JOBS 4096
#define REPLIES 1024
#define SWEEP_MS 60000

static void sweep_done(struct ticket ticket, int error)
{
    (void)ticket;
    if (error != 0) {
        log_event(LEVEL_WARNING, "storage", NULL, "sweep-incomplete error=\"%s\"", strerrordesc_np(error));
    }
}

/* Should this one find no place in the queue, the next one comes in a minute. */
void sweep_begin(struct storage *st)
{
    if (spool_sweep(st, (struct ticket){0}, sweep_done) != 0) {
        log_event(LEVEL_ERROR, "storage", NULL, "sweep-not-started");
    }
}

static void sweep_due(void *arg)
{
    struct storage *st = arg;

    sweep_begin(st);
    if (timer_start(st->loop, &st->sweep_timer, SWEEP_MS, sweep_due, st) != 0) {
        log_event(LEVEL_ERROR, "storage", NULL, "sweeps-ended");
    }
}

static int workers_start(struct storage *st)
{
    unsigned count = st->settings->database_connections > 0 ? st->settings->database_connections : 1;

    st->workers = calloc(count, sizeof *st->workers);
    if (st->workers == NULL) {
        return ENOMEM;
    }
    st->worker_count = count;
    for (unsigned i = 0; i < count; i++) {
        struct worker *w = &st->workers[i];

        w->st = st;
        w->db = (struct database){.conninfo = st->settings->database, .reconnects = &st->reconnects};
        int error = pthread_create(&w->thread, NULL, worker_main, w);
        if (error != 0) {
            return error;
        }
        w->started = true;
    }
    return 0;
}

int storage_start(struct storage **out, const struct settings *settings, struct loop *loop)
{
    struct storage *st = calloc(1, sizeof *st);
    int error;

    if (st == NULL) {
        return ENOMEM;
    }
    st->settings = settings_hold(settings);
    st->loop = loop;
    error = queue_new(&st->jobs, sizeof(struct job *), JOBS);
    if (error == 0) {
        error = queue_new(&st->replies, sizeof(struct job *), REPLIES);
    }
    if (error == 0) {
        error = spool_open(&st->spool, settings->spool_dir);
    }
    if (error == 0 && mkdir(settings->cache_dir, 0700) != 0 && errno != EEXIST) {
        error = disk_error(errno);
        log_event(LEVEL_ERROR, "storage", NULL, "cache-unusable folder=%s", settings->cache_dir);
    }
    if (error == 0) {
        error = storage_migrate(settings);
    }
    if (error == 0) {
        error = loop_watch(loop, queue_fd(st->replies), replies_deliver, st);
    }
    if (error == 0) {
        error = listener_start(&st->listener, st);
    }
    if (error == 0) {
        error = workers_start(st);
    }
    if (error == 0) {
        error = records_start(st);
    }
    if (error == 0) {
        error = outbox_start(st);
    }
    if (error == 0) {
        error = timer_start(loop, &st->sweep_timer, SWEEP_MS, sweep_due, st);
    }
    if (error == 0) {
        error = spool_sweep(st, (struct ticket){0}, sweep_done);
    }
    if (error != 0) {
        storage_stop(st);
        return error;
    }
    *out = st;
    return 0;
}

/*
 * Workers empty the queue before they end: a commit that was asked for is done. Without a database each of
 * those jobs fails at once while the back-off lasts, so this takes seconds, not minutes.
 */
void storage_stop(struct storage *st)
{
    if (st == NULL) {
        return;
    }
    timer_stop(&st->sweep_timer);
    outbox_stop(st);
    records_finish(st);
    /* From here on no thread waits for the loop to take a reply. */
    atomic_store(&st->stopping, true);
    listener_stop(st->listener); /* it asks for sweeps: before the last of those who would run them */
    if (st->jobs != NULL) {
        queue_close(st->jobs);
    }
    for (unsigned i = 0; i < st->worker_count; i++) {
        if (st->workers[i].started) {
            pthread_join(st->workers[i].thread, NULL);
        }
    }
    if (st->replies != NULL) {
        loop_unwatch(st->loop, queue_fd(st->replies));
        replies_drop(st);
    }
    queue_free(st->jobs);
    queue_free(st->replies);
    records_free(st);
    spool_close(st->spool);
    settings_free(st->settings);
    free(st->workers);
    free(st);
}

void storage_on_mailbox_change(struct storage *st, mailbox_change *fn, void *arg)
{
    st->on_change = fn;
    st->on_change_arg = arg;
}

void storage_read_stats(const struct storage *st, struct storage_stats *out)
{
    *out = (struct storage_stats){
        .jobs = atomic_load(&st->jobs_done),
        .jobs_refused = atomic_load(&st->jobs_refused),
        .jobs_failed = atomic_load(&st->jobs_failed),
        .reconnects = atomic_load(&st->reconnects),
        .audio_broken = atomic_load(&st->audio_broken),
        .deposits = atomic_load(&st->deposits),
        .waiting = atomic_load(&st->waiting),
        .spooled = atomic_load(&st->spooled),
    };
    records_read_stats(st, out);
}

void storage_log_stats(const struct storage *st)
{
    struct storage_stats now;

    storage_read_stats(st, &now);
    log_event(LEVEL_NOTICE, "storage", NULL,
              "storage-stats jobs=%" PRIu64 " jobs_refused=%" PRIu64 " jobs_failed=%" PRIu64
              " reconnects=%" PRIu64 " waiting=%u spooled=%u audio_broken=%" PRIu64
              " records_waiting=%" PRIu64 " records_lost=%" PRIu64,
              now.jobs, now.jobs_refused, now.jobs_failed, now.reconnects, now.waiting, now.spooled,
              now.audio_broken, now.records_waiting, now.records_lost);
}
