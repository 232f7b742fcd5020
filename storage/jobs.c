/*
 * The way of a job: asked for on the loop, run on a storage thread, answered on the loop. Between them lie
 * two bounded queues of pointers, each job owned by one side at a time. A full first queue is the asker's to
 * know; a full second one makes the storage thread wait, so that no reply is lost.
 */
#include "storage/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/log.h"

void *job_new(struct storage *st, size_t size, const struct job_kind *kind, struct ticket ticket)
{
    struct job *job = calloc(1, size);

    if (job != NULL) {
        *job = (struct job){.kind = kind, .st = st, .size = size, .ticket = ticket};
    }
    return job;
}

void job_free(struct job *job)
{
    if (job != NULL) {
        explicit_bzero(job, job->size);
        free(job);
    }
}

int job_submit(struct job *job)
{
    if (job == NULL) {
        return ENOMEM;
    }
    struct storage *st = job->st;

    /* Counted before a worker can count it off. */
    atomic_fetch_add(&st->waiting, 1);
    int error = queue_push(st->jobs, &job);
    if (error != 0) {
        atomic_fetch_sub(&st->waiting, 1);
        atomic_fetch_add(&st->jobs_refused, 1);
        job_free(job);
    }
    return error;
}

/* Nobody will be told: what the job made for its reply, a file perhaps, goes with it. */
static void job_drop(struct job *job)
{
    if (job->kind->drop != NULL) {
        job->kind->drop(job);
    }
    job_free(job);
}

void job_finish(struct job *job)
{
    struct storage *st = job->st;

    if (job->kind->reply == NULL) {
        job_drop(job);
        return;
    }
    for (;;) {
        if (atomic_load(&st->stopping)) {
            job_drop(job);
            return;
        }
        if (queue_push(st->replies, &job) == 0) {
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = 2 * 1000 * 1000}, NULL);
    }
}

/* A job that met a lost connection is run once more, unless its COMMIT may have got through. */
static void job_run(struct worker *w, struct job *job)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        database_settle(&w->db);
        job->error = job->kind->run(w->st, &w->db, job);
        if (job->error != ENOTCONN || w->db.unsure) {
            break;
        }
    }
    /* Locks of a job that failed in mid-transaction must not wait for the next job. */
    database_settle(&w->db);
    if (job->kind->end != NULL) {
        job->kind->end(w->st, job);
    }
    atomic_fetch_add(&w->st->jobs_done, 1);
    if (job->error == ENOTCONN || job->error == EIO) {
        atomic_fetch_add(&w->st->jobs_failed, 1);
        log_event(LEVEL_WARNING, "storage", NULL, "job-failed job=%s error=\"%s\"", job->kind->name,
                  strerrordesc_np(job->error));
    }
}

void done_job_reply(struct job *job)
{
    ((struct done_job *)job)->reply(job->ticket, job->error);
}

void *worker_main(void *worker)
{
    struct worker *w = worker;
    struct job *job;

    while (queue_wait(w->st->jobs, &job)) {
        atomic_fetch_sub(&w->st->waiting, 1);
        job_run(w, job);
        job_finish(job);
    }
    database_close(&w->db);
    return NULL;
}

void replies_deliver(void *storage)
{
    struct storage *st = storage;
    struct job *job;

    queue_acknowledge(st->replies);
    while (queue_pop(st->replies, &job)) {
        job->kind->reply(job);
        job_free(job);
    }
}

void replies_drop(struct storage *st)
{
    struct job *job;

    while (st->replies != NULL && queue_pop(st->replies, &job)) {
        job_drop(job);
    }
}
