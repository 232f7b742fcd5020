/*
 * What must leave for elsewhere: rows of table outbox, each delivered until the far side has said yes.
 *
 * Ownership: struct storage owns the outbox. Threads: its own, one for each kind that confab.conf has a
 * server for, each with a connection. A row is locked while it is delivered, so that several confabd share
 * one table and a row is free again when its process dies; a receiver may so see one twice, by the same id.
 * Failure: that of a delivery is in its row and in the log.
 */
#ifndef CONFAB_STORAGE_OUTBOX_H
#define CONFAB_STORAGE_OUTBOX_H

#include "core/base/courier.h"
#include "storage/rows.h"

#include <jansson.h>

/* A row in hand. */
struct parcel {
    char id[24], lane[NUMBER_TEXT];
    json_t *payload;
    char fault[COURIER_FAULT]; /* why it could not be delivered */
};
/* A member of the payload; "" when there is none. */
const char *parcel_text(const struct parcel *parcel, const char *name);

struct courier {
    const char *kind;
    unsigned give_up_s; /* age at which a row has failed */
    /*
     * Delivers, within the transaction that marks the row as done, and writes into it what follows from
     * that. EAGAIN, EINVAL, ECANCELED as in core/base/courier.h; ENOENT there is nothing to deliver any more;
     * or the database's error, which rolls back.
     */
    int (*deliver)(const struct settings *settings, struct database *db, struct parcel *parcel,
                   const atomic_bool *stops);
    /* Writes what follows from giving up, in the same way; or NULL. */
    int (*fail)(struct database *db, struct parcel *parcel);
};
extern const struct courier courier_of_mail;       /* outbox_mail.c */
extern const struct courier courier_of_webhook;    /* outbox_web.c */
extern const struct courier courier_of_transcript; /* outbox_web.c */

/* Writes into the tables what is to be told, and starts the threads. ENOTCONN, ENOMEM. */
STORAGE_CHECK int outbox_start(struct storage *st);
void outbox_stop(struct storage *st); /* breaks off what is being delivered; it comes again */
/* Rows that are over, after a week. */
STORAGE_CHECK int outbox_purge(struct database *db);

#endif
