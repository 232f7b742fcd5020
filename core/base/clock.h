/*
 * The one clock of the house: every timer and time stamp comes from here, so that a test can move it.
 *
 * Threads: any. Failure: none.
 */
#ifndef CONFAB_BASE_CLOCK_H
#define CONFAB_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds of the monotonic clock, plus what clock_advance() added. */
uint64_t clock_now_us(void);

/* Wall time in seconds since 1970, plus what clock_advance() added. */
time_t clock_wall(void);

/* Wall time as microseconds since 1970. */
int64_t clock_wall_us(void);

/* A moment, in seconds since 1970, as UTC without a zone: "2026-01-02T03:04:05". The text is the thread's,
 * until it asks again; that of the same second is not made anew. */
#define CLOCK_TEXT 32
const char *clock_text(time_t second);

/* Tests only: moves both clocks forward by `us`. */
void clock_advance(uint64_t us);

#endif
