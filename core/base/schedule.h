/*
 * Times of the week and dates, as an administrator or a subscriber writes them:
 *
 *     mon-fri 08:00-18:00, sat 09:00-12:00; 2026-12-24..2026-12-26
 *
 * Items are parted by ',' or ';' and any one of them is enough. An item holds days ("mon", "fri-mon"), dates
 * ("2026-12-24", "2026-12-24..2027-01-06", both included) and a time of day ("22:00-06:00" ends on the day after), each at
 * most once and in any order; all that it names must fit. An empty text always fits.
 *
 * Ownership: values. Threads: any. Failure: schedule_fault() has the words for it; what cannot be read never fits.
 */
#ifndef CONFAB_BASE_SCHEDULE_H
#define CONFAB_BASE_SCHEDULE_H

#include <stdbool.h>
#include <time.h>

/* NULL, or what is wrong with it. */
const char *schedule_fault(const char *text);

/* Whether `when` lies in it, on the clocks and calendar of `zone` ("Europe/Paris"; "" is UTC). */
bool schedule_matches(const char *text, const char *zone, time_t when);

#endif
