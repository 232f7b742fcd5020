#include "core/base/clock.h"

#include <stdatomic.h>

/* What tests have added to both clocks. */
static atomic_uint_fast64_t advanced_us;

static uint64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 +
           atomic_load_explicit(&advanced_us, memory_order_relaxed);
}

uint64_t clock_now_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return (int64_t)read_us(CLOCK_REALTIME);
}

time_t clock_wall(void)
{
    return (time_t)(clock_wall_us() / 1000000);
}

const char *clock_text(time_t second)
{
    static _Thread_local char text[CLOCK_TEXT];
    static _Thread_local time_t known;
    struct tm utc;

    if (text[0] == '\0' || second != known) {
        if (gmtime_r(&second, &utc) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
            text[0] = '\0'; /* a year of more digits than a year has */
        }
        known = second;
    }
    return text;
}

void clock_advance(uint64_t us)
{
    atomic_fetch_add_explicit(&advanced_us, us, memory_order_relaxed);
}
