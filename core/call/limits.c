/*
 * How many calls at a time, and how many a second. What comes above is refused at once and cheaply, so that
 * the calls that are taken keep their quality under overload.
 */
#include "core/call/internal.h"

#define RETRY_MIN_S 2
#define RETRY_SPREAD_S 9

/* Time is counted in whole milliseconds, and what was not counted stays for the next time. */
static void limits_fill(struct limits *limits, const struct settings *settings, uint64_t now_us)
{
    uint64_t full = (uint64_t)settings->max_calls_a_second * 1000;
    uint64_t passed_ms = (now_us - limits->filled_us) / 1000;

    if (limits->filled_us == 0 || passed_ms >= 1000) {
        limits->milli = full;
        limits->filled_us = now_us;
        return;
    }
    /* Thousandths of a call in a millisecond are just the calls a second. */
    limits->milli += passed_ms * settings->max_calls_a_second;
    limits->filled_us += passed_ms * 1000;
    if (limits->milli > full)
        limits->milli = full;
}

unsigned limits_refuse(struct limits *limits, const struct settings *settings, unsigned calls,
                       uint64_t now_us)
{
    bool refuse = settings->max_calls > 0 && calls >= settings->max_calls;

    if (!refuse && settings->max_calls_a_second > 0) {
        limits_fill(limits, settings, now_us);
        refuse = limits->milli < 1000;
    }
    return refuse ? RETRY_MIN_S + random_below(RETRY_SPREAD_S) : 0;
}

/* Taken when a call was admitted, not when it was asked about: a challenged INVITE asks twice. */
void limits_take(struct limits *limits)
{
    limits->milli -= limits->milli < 1000 ? limits->milli : 1000;
}
