/*
 * Times that repeat: the part of RFC 5545's RRULE that meetings use, on the clocks of a zone.
 *
 *     FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;UNTIL=20271231
 *     FREQ=MONTHLY;BYDAY=-1FR;COUNT=12
 *
 * FREQ (DAILY, WEEKLY, MONTHLY), INTERVAL (to 99), BYDAY (with a place in the month where that is MONTHLY),
 * COUNT, UNTIL, WKST. A month that lacks the day of `begins` is passed over. The first time counts only where
 * the rule has it.
 *
 * Ownership: values. Threads: any; the first use of a zone reads its file. Failure: as said.
 */
#ifndef CONFAB_BASE_RECURRENCE_H
#define CONFAB_BASE_RECURRENCE_H

#include <time.h>

struct recurrence {
    struct tm begins; /* the first one, on the zone's clocks: year to second */
    unsigned minutes; /* how long each lasts */
    const char *zone; /* "Europe/Paris"; "" is UTC */
    const char *rule; /* "": once */
};

/* When the first one begins that ends after `after`. ENOENT: there is none any more; EINVAL: the rule cannot
 * be read. */
__attribute__((warn_unused_result)) int recurrence_next(const struct recurrence *recurrence, time_t after,
                                                        time_t *begins);

#endif
