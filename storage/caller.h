/*
 * Who called a subscriber last. Contract: storage/storage.h.
 */
#ifndef CONFAB_STORAGE_CALLER_H
#define CONFAB_STORAGE_CALLER_H

#include "storage/storage.h"

/* ENOENT: no such subscriber. */
STORAGE_CHECK int caller_note(struct storage *st, const char *subscriber, const char *number,
                              struct ticket ticket, storage_done *reply);

/* ENOENT: nobody has called who may be called back. */
typedef void caller_reply(struct ticket ticket, int error, const char *number);
STORAGE_CHECK int caller_last(struct storage *st, const char *subscriber, struct ticket ticket,
                              caller_reply *reply);

#endif
