/* A media worker: every ten milliseconds commands, receiving, hearing, mixing, speaking, sending. */
#define _GNU_SOURCE /* pthread_setname_np */
#include "mixer/engine.h"

#include "core/base/log.h"

#include <stdio.h>
#include <time.h>

#define TICK_NS (TICK_MS * 1000000LL)
#define LATE_MOST_NS (5 * TICK_NS) /* a longer stall is not caught up with, but left out */
#define TIMER_TICKS 10
#define MANUAL_START 100000 /* the first tick of a mixer that is driven by hand: the same in every run */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static void sleep_until(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        continue;
}

static void receive(void *arg, const struct io_packet *packet)
{
    port_receive(arg, packet);
}

static void digits_watch(struct port *p)
{
    uint32_t rate = p->kit && p->kit->format.dtmf_rate ? p->kit->format.dtmf_rate : 8000;
    unsigned ms = 0;
    char digit = digit_tick(&p->digits, rate, &ms);

    if (digit && p->kit)
        port_digit_heard(p, digit, ms);
}

static void worker_tick(struct worker *w)
{
    /* First what came for ports that a command may move to another worker or close. */
    io_receive(w->io, receive, w);
    worker_commands(w);
    for (unsigned i = 0; i < w->port_count; i++) {
        struct port *p = w->ports[i];
        if (p->digits.active)
            digits_watch(p);
        if (port_must_hear(p))
            port_heard_use(p);
        if ((w->tick + p->index) % TIMER_TICKS == 0)
            port_timers(p);
    }
    for (struct room *room = w->rooms; room; room = room->next)
        room_tick(w, room);
    for (unsigned i = 0; i < w->port_count; i++) {
        if (w->ports[i]->fax)
            port_fax_tick(w->ports[i]);
        else if (w->ports[i]->connected != CONNECTED_ROOM)
            port_speak(w->ports[i]);
    }
    io_flush(w->io);
}

static void tick_count(struct worker *w, int64_t ns)
{
    uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;

    atomic_fetch_add_explicit(&w->histogram[histogram_bucket(us)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&w->ticks, 1, memory_order_relaxed);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    /* Workers begin their ticks one after another, so that their bursts do not meet. */
    int64_t offset = TICK_NS * w->index / w->mixer->worker_count;
    int64_t next = now_ns() / TICK_NS * TICK_NS + offset;

    io_set_hint(w->io, port_expect);
    if (io_start(w->io)) /* it worked when it was tried; without it nothing is received, which calls notice */
        log_event(LEVEL_ERROR, "mixer", NULL, "worker=%u cannot receive", w->index);
    while (!atomic_load_explicit(&w->mixer->stopping, memory_order_acquire)) {
        next += TICK_NS;
        sleep_until(next);
        int64_t began = now_ns(), late = began - next;
        if (late > TICK_NS)
            atomic_fetch_add_explicit(&w->overruns, 1, memory_order_relaxed);
        if (late > LATE_MOST_NS)
            next += late / TICK_NS * TICK_NS;
        w->tick = (uint64_t)(next / TICK_NS);
        w->now_us = next / 1000;
        w->wall_ahead_us = (clock_ns(CLOCK_REALTIME) - now_ns()) / 1000;
        worker_tick(w);
        tick_count(w, now_ns() - began);
    }
    io_stop(w->io);
    return NULL;
}

int worker_start(struct worker *w)
{
    char name[16];
    int error;

    if (w->mixer->config.manual) {
        w->tick = MANUAL_START;
        error = io_start(w->io);
        w->running = !error;
        return error;
    }
    w->tick = (uint64_t)(now_ns() / TICK_NS);
    error = pthread_create(&w->thread, NULL, worker_main, w);
    if (error)
        return error;
    w->running = true;
    snprintf(name, sizeof(name), "confab-media%u", w->index % 100);
    (void)pthread_setname_np(w->thread, name);
    return 0;
}

void worker_stop(struct worker *w)
{
    if (!w->running)
        return;
    if (w->mixer->config.manual)
        io_stop(w->io);
    else
        pthread_join(w->thread, NULL);
}

void mixer_tick(struct mixer *m)
{
    for (unsigned i = 0; i < m->worker_count; i++) {
        struct worker *w = &m->workers[i];
        w->tick++;
        w->now_us =
            (int64_t)w->tick * TICK_MS * 1000; /* and packets come just then: the wall clock is far off */
        worker_tick(w);
    }
    faxes_service(m->faxes);
}
