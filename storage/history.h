/*
 * Calls that are over, read back: for confabctl, which has no loop and may wait.
 *
 * Ownership: history_open() makes, history_close() ends; results are the asker's to json_decref(). Threads:
 * one. Failure: ENOTCONN the database cannot be reached, ENOENT nothing such, EIO.
 */
#ifndef CONFAB_STORAGE_HISTORY_H
#define CONFAB_STORAGE_HISTORY_H

#include "storage/subscriber.h"

#include <jansson.h>

struct history;

STORAGE_CHECK int history_open(struct history **out, const struct settings *settings);
void history_close(struct history *history);

/* By its id, a Session-ID (one identifier or the pair) or a SIP Call-ID: {"call": …, "legs": […], "trace":
 * […]}. */
STORAGE_CHECK int history_record(struct history *history, const char *key, json_t **out);
/* The newest ones, as above in an array, the oldest of them first. */
STORAGE_CHECK int history_newest(struct history *history, unsigned count, json_t **out);
/* Rows of table call, of the last `seconds`, at most `count`, the newest ones; the oldest of them first. */
STORAGE_CHECK int history_calls(struct history *history, unsigned seconds, unsigned count, json_t **out);
STORAGE_CHECK int history_subscriber(struct history *history, const char *number, struct subscriber *out);

#endif
