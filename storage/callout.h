/*
 * Owners who are to be called since they have new messages. Contract: storage/storage.h.
 */
#ifndef CONFAB_STORAGE_CALLOUT_H
#define CONFAB_STORAGE_CALLOUT_H

#include "storage/storage.h"

/* `mailbox` and the number that is to be called for it now; ENOENT: none. It is not given out again before
 * the number's next turn. */
typedef void callout_reply(struct ticket ticket, int error, const char *mailbox, const char *number);
STORAGE_CHECK int callout_next(struct storage *st, struct ticket ticket, callout_reply *reply);
/* The owner has answered: no more calls until the next message. */
STORAGE_CHECK int callout_over(struct storage *st, const char *mailbox, struct ticket ticket,
                               storage_done *reply);

#endif
