/*
 * Who waits for a reply of storage: a reply carries a number, not a pointer, so that the asker may be gone
 * when it comes.
 *
 * Ownership: a waiter is part of what waits. Threads: signalling. Failure: none.
 */
#ifndef CONFAB_SIP_WAITER_H
#define CONFAB_SIP_WAITER_H

#include "core/base/ids.h"

/* To be the first member of the struct that waits. */
struct waiter {
    uint64_t id;
    struct waiter *next;
};

void waiter_add(struct waiter *w);
void waiter_remove(struct waiter *w);
/* NULL: gone. */
struct waiter *waiter_find(struct ticket ticket);
/* For the asking. */
struct ticket waiter_ticket(const struct waiter *w);

#endif
