/* The timers of room_double.h: they wait until a test says that time has passed. */
#include "tests/unit/room_double.h"

#include "core/base/clock.h"
#include "core/base/loop.h"

#include <check.h>

#define TIMERS 32

static struct timer {
    struct timer **place;
    uint32_t ms;
    void (*fn)(void *arg);
    void *arg;
} timers[TIMERS];

void timer_stop(struct timer **timer)
{
    if (*timer)
        (*timer)->place = NULL;
    *timer = NULL;
}

int timer_start(struct loop *loop, struct timer **timer, uint32_t ms, void (*fn)(void *arg), void *arg)
{
    int i = 0;

    (void)loop;
    timer_stop(timer);
    while (timers[i].place)
        ck_assert_int_lt(++i, TIMERS);
    timers[i] = (struct timer){timer, ms, fn, arg};
    *timer = &timers[i];
    return 0;
}

unsigned timers_waiting(void)
{
    unsigned count = 0;

    for (int i = 0; i < TIMERS; i++)
        count += timers[i].place != NULL;
    return count;
}

unsigned timer_due(void)
{
    struct timer *first = NULL;

    for (int i = 0; i < TIMERS; i++)
        if (timers[i].place && (!first || timers[i].ms < first->ms))
            first = &timers[i];
    ck_assert(first != NULL);
    struct timer due = *first;
    timer_stop(due.place);
    for (int i = 0; i < TIMERS; i++)
        if (timers[i].place)
            timers[i].ms -= due.ms;
    clock_advance((uint64_t)due.ms * 1000);
    due.fn(due.arg);
    return due.ms;
}
