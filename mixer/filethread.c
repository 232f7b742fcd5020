/*
 * The file thread: the only one that waits for a disk. It loads sounds in the order asked for, looks after
 * every recording in between, encodes what is played often, and frees what nobody plays any more.
 */
#define _GNU_SOURCE /* gettid */
#include "core/base/log.h"
#include "core/base/queue.h"
#include "mixer/sound_internal.h"
#include "mixer/tape.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define RECORD_EVERY_MS 100 /* a ring holds seconds; small steps keep the work of one round short */
#define FILE_NICE 10
#define IDLE_EVERY_MS 500 /* for sounds let go by a worker, which wakes nobody */

static void recordings_service(struct sounds *sounds, bool stopping);

static void serve_meanwhile(void *arg)
{
    recordings_service(arg, false);
}

static void sound_run_load(struct sounds *sounds, sound_id id)
{
    struct sound *s = sound_slot(sounds, id);
    struct mixer_event event = {.type = EVENT_SOUND_LOADED, .sound = id};

    /* Dropped again, and nobody holds it to play it: not worth the reading. */
    if (atomic_load(&s->references) == 1) {
        sound_release(sounds, s);
        return;
    }
    event.error = samples_load(&s->samples, s->path, s->level, serve_meanwhile, sounds);
    if (event.error)
        log_event(LEVEL_WARNING, "mixer", NULL, "sound_unreadable path=%s error=%s", s->path,
                  strerror(event.error));
    event.ms = s->samples.length / WIDE_PER_MS;
    atomic_store_explicit(&s->state, event.error ? SOUND_FAILED : SOUND_READY, memory_order_release);
    sound_release(sounds, s);
    mixer_emit(sounds->mixer, &event);
}

static void collect_garbage(struct sounds *sounds)
{
    if (!atomic_exchange(&sounds->garbage, false))
        return;
    for (unsigned i = 0; i < SOUNDS_MAX; i++) {
        struct sound *s = &sounds->slots[i];

        if (atomic_load_explicit(&s->state, memory_order_acquire) == SOUND_FREE ||
            atomic_load_explicit(&s->references, memory_order_acquire) != 0)
            continue;
        encodings_abandon(sounds, s);
        encodings_free(sounds, s);
        samples_free(&s->samples);
        free(s->path);
        s->path = NULL;
        atomic_fetch_sub(&sounds->count, 1);
        atomic_store_explicit(&s->state, SOUND_FREE, memory_order_release);
    }
}

static void service_recorders(struct sounds *sounds, bool stopping)
{
    struct recorder **at = &sounds->recording;

    while (*at) {
        struct recorder *r = *at;

        if (recorder_service(r, stopping)) {
            *at = *recorder_next(r);
            recorder_free(r);
            atomic_fetch_sub(&sounds->recorders, 1);
        } else {
            at = recorder_next(r);
        }
    }
}

static void service_tapes(struct sounds *sounds, bool stopping)
{
    struct tape **at = &sounds->taping;

    while (*at) {
        struct tape *t = *at;

        if (tape_service(t, stopping)) {
            *at = *tape_next(t);
            tape_free(t);
            atomic_fetch_sub(&sounds->recorders, 1);
        } else {
            at = tape_next(t);
        }
    }
}

/* What is recorded cannot wait for a file that takes long to load: the rings hold seconds. */
static void recordings_service(struct sounds *sounds, bool stopping)
{
    service_recorders(sounds, stopping);
    service_tapes(sounds, stopping);
}

static void run_jobs(struct sounds *sounds)
{
    struct file_job job;

    queue_acknowledge(sounds->jobs);
    while (queue_pop(sounds->jobs, &job)) {
        switch (job.type) {
        case FILE_LOAD:
            sound_run_load(sounds, job.sound);
            recordings_service(sounds, false);
            break;
        case FILE_RECORD:
            *recorder_next(job.recorder) = sounds->recording;
            sounds->recording = job.recorder;
            recorder_begin(job.recorder);
            break;
        case FILE_TAPE:
            *tape_next(job.tape) = sounds->taping;
            sounds->taping = job.tape;
            tape_begin(job.tape);
            break;
        case FILE_WAKE:
            break;
        }
    }
}

static void *file_thread(void *argument)
{
    struct sounds *sounds = argument;
    bool more = false;

    /* What loads must not take the processor from those that speak. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), FILE_NICE);
    while (!atomic_load(&sounds->stopping)) {
        struct pollfd ready = {.fd = queue_fd(sounds->jobs), .events = POLLIN};

        poll(&ready, 1, more ? 0 : sounds->recording || sounds->taping ? RECORD_EVERY_MS : IDLE_EVERY_MS);
        run_jobs(sounds);
        recordings_service(sounds, false);
        collect_garbage(sounds);
        more = encodings_make(sounds);
    }
    run_jobs(sounds);
    recordings_service(sounds, true);
    return NULL;
}

int file_thread_start(struct sounds *sounds)
{
    sigset_t all, before;
    int error;

    /* Signals are for the signalling thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&sounds->thread, NULL, file_thread, sounds);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

void file_thread_stop(struct sounds *sounds)
{
    struct file_job wake = {.type = FILE_WAKE};
    int error;

    atomic_store(&sounds->stopping, true);
    error = queue_push(sounds->jobs, &wake);
    (void)error; /* a full queue keeps the thread awake anyway */
    pthread_join(sounds->thread, NULL);
}
