/*
 * Deposits: from the beep to the row, so that a message that was said to be saved is saved. What is said here
 * of sound (UUID.wav) holds for a fax's pages (UUID.tif) as well.
 *
 *   deposit_open    spool/open/UUID.json written and fsynced; the recorder then makes spool/open/UUID.wav
 *   deposit_commit  audio and sidecar fsynced, renamed into spool/ready/, folder fsynced, then one
 * transaction (blob, message, entries, outbox), then the spool files are unlinked deposit_discard the caller
 * wants it gone (re-record, too short) The sweeper does the same for what a crash or a database outage left:
 * ready/ always; open/ when no deposit of this process owns it and it holds at least message_min_ms of audio,
 * or a whole page. All of it is idempotent by uuid.
 *
 * Contract: storage/storage.h. deposit_commit's reply: 0 the row exists; EINPROGRESS it is safe in the spool
 * and will be delivered when the database is back; anything else: it is not saved, and the caller must be
 * told.
 */
#ifndef CONFAB_STORAGE_SPOOL_H
#define CONFAB_STORAGE_SPOOL_H

#include "storage/mailbox.h"

enum deposit_cause { DEPOSIT_UNAVAILABLE, DEPOSIT_BUSY, DEPOSIT_DIRECT };

/* Voice first: what an older version has left in the spool says nothing of it. */
enum deposit_kind { DEPOSIT_VOICE, DEPOSIT_FAX };

/* What a caller says about his message. Cut: he hung up without a word about it, and may call back to go on;
 * of a fax: there are pages that have not come. */
enum deposit_mark { DEPOSIT_URGENT = 1, DEPOSIT_PRIVATE = 2, DEPOSIT_RECEIPT = 4, DEPOSIT_CUT = 8 };

struct deposit {
    char id[UUID_TEXT]; /* uuid_make() */
    char mailbox[NUMBER_TEXT];
    char caller[NUMBER_TEXT], caller_name[128];
    char call[80]; /* id of the call, for the log */
    enum deposit_cause cause;
    enum deposit_kind kind;
    char sender[FAX_SENDER_TEXT]; /* the number that a fax's machine told */
    int64_t started_us;        /* wall time */
    unsigned marks;            /* enum deposit_mark */
    char continues[UUID_TEXT]; /* the message that it goes on with; "": none */
};

/* `path` is where the recorder shall write. ENOSPC and EIO when the spool's disk fails. */
STORAGE_CHECK int deposit_open(struct storage *st, const struct deposit *deposit, struct ticket ticket,
                               file_reply *reply);
/* ENOBUFS, ENOMEM: the next sweep delivers it. */
STORAGE_CHECK int deposit_commit(struct storage *st, const char *id, unsigned marks, struct ticket ticket,
                                 storage_done *reply);
/* A fax, and whose it says it is. How many pages it has its file tells. */
STORAGE_CHECK int deposit_commit_fax(struct storage *st, const char *id, unsigned marks, const char *sender,
                                     struct ticket ticket, storage_done *reply);
/* ENOBUFS, ENOMEM: the next sweep removes it. */
STORAGE_CHECK int deposit_discard(struct storage *st, const char *id, struct ticket ticket,
                                  storage_done *reply);

/*
 * The message, cut off within the last two minutes and not heard since, that this caller may go on with.
 * ENOENT: none. A deposit that `continues` it becomes its second part in the transaction of its commit; where
 * that is not possible any more (it was heard, or is gone), a message of its own.
 */
typedef void cut_reply(struct ticket ticket, int error, const char *id);
STORAGE_CHECK int deposit_find_cut(struct storage *st, const char *mailbox, const char *caller,
                                   struct ticket ticket, cut_reply *reply);

/* Tests and administrators: runs one sweep now. */
STORAGE_CHECK int spool_sweep(struct storage *st, struct ticket ticket, storage_done *reply);

#endif
