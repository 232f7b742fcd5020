/*
 * Sofia's su_root_t with timers of our own beside it. Sofia's follow the wall clock; ours, and by a hook
 * Sofia's too, follow core/base/clock.h, so that a step of the wall clock moves no timer, and a test can move
 * all of them.
 */
#include "core/base/loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sofia-sip/su.h>
#include <sofia-sip/su_time.h>
#include <sofia-sip/su_wait.h>

#include "core/base/clock.h"

#define IDLE_MS 1000             /* longest sleep when no timer is due sooner */
#define NTP_EPOCH_S 2208988800ul /* su_time_t counts from 1900 */

struct timer {
    struct loop *loop;
    struct timer **handle; /* the owner's pointer to it, cleared before fn is called */
    void (*fn)(void *arg);
    void *arg;
    uint64_t due_us, serial; /* timers due at the same moment run in the order of their starts */
    size_t place;            /* index in the heap */
};

struct watch {
    struct watch *next;
    int fd, index; /* index: Sofia's */
    void (*fn)(void *arg);
    void *arg;
};

struct loop {
    su_root_t *root;
    struct watch *watches;
    struct timer **heap; /* binary heap: the earliest at [0] */
    size_t timer_count, timer_room;
    uint64_t serial;
    int stop_fd;
    atomic_bool stopping;
};

/* -- Sofia's clock
 * ------------------------------------------------------------------------------------------------- */

/* Exported by the library for this use, but declared in none of its public headers. */
extern void (*_su_time)(su_time_t *tv);

static int64_t wall_offset_us; /* wall clock less monotonic clock, when the first loop was made */

static void sofia_now(su_time_t *tv)
{
    uint64_t now = clock_now_us() + (uint64_t)wall_offset_us;
    tv->tv_sec = (unsigned long)(now / 1000000 + NTP_EPOCH_S);
    tv->tv_usec = (unsigned long)(now % 1000000);
}

static void sofia_clock_set(void)
{
    static bool done;
    if (!done) {
        done = true;
        wall_offset_us = clock_wall_us() - (int64_t)clock_now_us();
        _su_time = sofia_now;
    }
}

/* -- The heap of timers
 * -------------------------------------------------------------------------------------------- */

static bool timer_before(const struct timer *a, const struct timer *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->serial < b->serial;
}

static void heap_put(struct loop *loop, size_t place, struct timer *t)
{
    loop->heap[place] = t;
    t->place = place;
}

/* Moves the timer at `place` up or down until the heap's order holds again. */
static void heap_settle(struct loop *loop, size_t place)
{
    struct timer *t = loop->heap[place];
    while (place > 0 && timer_before(t, loop->heap[(place - 1) / 2])) {
        heap_put(loop, place, loop->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < loop->timer_count && timer_before(loop->heap[child + 1], loop->heap[child])) {
            child++;
        }
        if (child >= loop->timer_count || !timer_before(loop->heap[child], t)) {
            break;
        }
        heap_put(loop, place, loop->heap[child]);
        place = child;
    }
    heap_put(loop, place, t);
}

static void heap_remove(struct timer *t)
{
    struct loop *loop = t->loop;
    size_t place = t->place;
    struct timer *last = loop->heap[--loop->timer_count];
    if (last != t) {
        heap_put(loop, place, last);
        heap_settle(loop, place);
    }
}

int timer_start(struct loop *loop, struct timer **timer, uint32_t ms, void (*fn)(void *arg), void *arg)
{
    timer_stop(timer);
    if (loop->timer_count == loop->timer_room) {
        size_t room = loop->timer_room ? 2 * loop->timer_room : 64;
        struct timer **heap = realloc(loop->heap, room * sizeof *heap);
        if (heap == NULL) {
            return ENOMEM;
        }
        loop->heap = heap;
        loop->timer_room = room;
    }
    struct timer *t = malloc(sizeof *t);
    if (t == NULL) {
        return ENOMEM;
    }
    *t = (struct timer){.loop = loop,
                        .handle = timer,
                        .fn = fn,
                        .arg = arg,
                        .due_us = clock_now_us() + (uint64_t)ms * 1000,
                        .serial = loop->serial++};
    heap_put(loop, loop->timer_count++, t);
    heap_settle(loop, t->place);
    *timer = t;
    return 0;
}

void timer_stop(struct timer **timer)
{
    if (*timer != NULL) {
        heap_remove(*timer);
        free(*timer);
        *timer = NULL;
    }
}

/* Runs what was due when it was called; a timer that starts itself again at once does not keep the others
 * waiting. */
static void run_due_timers(struct loop *loop)
{
    uint64_t now = clock_now_us(), last = loop->serial;
    while (loop->timer_count > 0 && loop->heap[0]->due_us <= now && loop->heap[0]->serial < last) {
        struct timer t = *loop->heap[0];
        timer_stop(t.handle);
        t.fn(t.arg);
    }
}

/* Milliseconds until the next timer, rounded up, `longest` at most. */
static unsigned next_timer_ms(const struct loop *loop, unsigned longest)
{
    if (loop->timer_count == 0) {
        return longest;
    }
    uint64_t now = clock_now_us(), due = loop->heap[0]->due_us;
    uint64_t ms = due > now ? (due - now + 999) / 1000 : 0;
    return ms < longest ? (unsigned)ms : longest;
}

/* -- Descriptors
 * --------------------------------------------------------------------------------------------------- */

/* The type of su_wakeup_f; `magic` is the root's. */
static int watch_ready(su_root_magic_t *magic, su_wait_t *wait, su_wakeup_arg_t *arg)
{
    (void)magic;
    (void)wait;
    struct watch *w = (struct watch *)arg;
    w->fn(w->arg); /* may unwatch: nothing of w is touched after this */
    return 0;
}

int loop_watch(struct loop *loop, int fd, void (*fn)(void *arg), void *arg)
{
    struct watch *w = malloc(sizeof *w);
    if (w == NULL) {
        return ENOMEM;
    }
    *w = (struct watch){.next = loop->watches, .fd = fd, .fn = fn, .arg = arg};
    su_wait_t wait = SU_WAIT_INIT;
    if (su_wait_create(&wait, fd, SU_WAIT_IN) < 0) {
        free(w);
        return EINVAL;
    }
    w->index = su_root_register(loop->root, &wait, watch_ready, (su_wakeup_arg_t *)w, 0);
    if (w->index <= 0) {
        su_wait_destroy(&wait);
        free(w);
        return ENOMEM;
    }
    loop->watches = w;
    return 0;
}

void loop_unwatch(struct loop *loop, int fd)
{
    for (struct watch **at = &loop->watches; *at != NULL; at = &(*at)->next) {
        struct watch *w = *at;
        if (w->fd == fd) {
            *at = w->next;
            su_root_deregister(loop->root, w->index);
            free(w);
            return;
        }
    }
}

/* -- The loop
 * ------------------------------------------------------------------------------------------------------ */

static void stop_asked(void *arg)
{
    struct loop *loop = arg;
    uint64_t count;
    ssize_t got = read(loop->stop_fd, &count, sizeof count);
    (void)got; /* the flag says it; the descriptor only wakes the loop */
}

int loop_new(struct loop **out)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return ENOMEM;
    }
    sofia_clock_set();
    su_init();
    int error = 0;
    loop->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->stop_fd < 0) {
        error = errno;
        goto out;
    }
    loop->root = su_root_create(NULL);
    if (loop->root == NULL) {
        error = ENOMEM;
        goto out;
    }
    error = loop_watch(loop, loop->stop_fd, stop_asked, loop);
out:
    if (error != 0) {
        loop_free(loop);
        return error;
    }
    *out = loop;
    return 0;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    while (loop->watches != NULL) {
        loop_unwatch(loop, loop->watches->fd);
    }
    while (loop->timer_count > 0) {
        timer_stop(loop->heap[0]->handle);
    }
    free(loop->heap);
    if (loop->root != NULL) {
        su_root_destroy(loop->root);
    }
    if (loop->stop_fd >= 0) {
        close(loop->stop_fd);
    }
    free(loop);
    su_deinit();
}

void loop_step(struct loop *loop, unsigned ms)
{
    run_due_timers(loop);
    su_root_step(loop->root, (su_duration_t)next_timer_ms(loop, ms));
    run_due_timers(loop);
}

void loop_run(struct loop *loop)
{
    while (!atomic_load(&loop->stopping)) {
        loop_step(loop, IDLE_MS);
    }
    atomic_store(&loop->stopping, false);
}

void loop_stop(struct loop *loop)
{
    int saved = errno; /* a signal handler may not change it */
    uint64_t one = 1;
    atomic_store(&loop->stopping, true);
    ssize_t written = write(loop->stop_fd, &one, sizeof one);
    (void)written;
    errno = saved;
}

void *loop_root(struct loop *loop)
{
    return loop->root;
}
