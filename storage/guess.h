/*
 * Wrong PINs by who or whence they came, over calls and restarts. Who checks a PIN locks its sources first,
 * and counts a wrong one, in one transaction that he commits for a wrong PIN too.
 *
 * Ownership: the caller's. Threads: storage's own. Failure: as storage/internal.h.
 */
#ifndef CONFAB_STORAGE_GUESS_H
#define CONFAB_STORAGE_GUESS_H

#include "storage/internal.h"

#include <time.h>

#define SOURCE_TEXT (CALLER_TEXT + 16)

const char *guess_source(char out[SOURCE_TEXT], const char *kind, const char *name);
/* *locked becomes true when this source must not guess now; else it stays. */
STORAGE_CHECK int guess_lock(struct database *db, const char *source, time_t now, bool *locked);
STORAGE_CHECK int guess_count(struct database *db, const char *source, time_t now, unsigned most,
                              unsigned minutes);

#endif
