/*
 * Answers that the database has made: pages of rows, and one row alone.
 *
 * Ownership, threads, failure: as core/control/internal.h says.
 */
#ifndef CONFAB_CONTROL_LISTING_H
#define CONFAB_CONTROL_LISTING_H

#include "core/control/internal.h"

/* A page, by `limit`, `after` and `number` of the query. */
void listing_reply_many(struct exchange *exchange, enum listing listing, const char *key);
/* The row of that key; 404 without one. */
void listing_reply_one(struct exchange *exchange, enum listing listing, const char *key);
/* The same among those of that number. */
void listing_reply_of(struct exchange *exchange, enum listing listing, const char *key, const char *number);

#endif
