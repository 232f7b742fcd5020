/*
 * The spool's inside: three folders, the deposits this process has in hand, and the steps from one state to
 * the next.
 *
 * The body is sound or, of a fax, pages: UUID.tif in place of UUID.wav.
 *
 *   open/UUID.json + open/UUID.wav      being recorded, or left so by a crash
 *   open/UUID.json + ready/UUID.wav     a commit that was cut between its two renames: go on
 *   ready/UUID.json + ready/UUID.wav    accepted: must become a row
 *   ready/UUID.json or .wav alone       delivered, and cut between its two unlinks
 *   broken/…                            what nobody can make sense of, for an administrator
 *
 * Ownership: struct storage owns the spool. Threads: storage's own. Failure: ENOENT, ENOSPC, EIO.
 */
#ifndef CONFAB_STORAGE_DEPOSITS_H
#define CONFAB_STORAGE_DEPOSITS_H

#include "storage/rows.h"

#define SPOOL_NAME (UUID_TEXT + 9)       /* UUID.json.tmp */
extern const char *const body_endings[]; /* spool.c; by enum deposit_kind */
#define BODY_KINDS (DEPOSIT_FAX + 1)

struct live;

struct spool {
    int lock, open, ready, broken; /* descriptors of the lock file and the folders */
    char path[400];
    int64_t started_us;
    pthread_mutex_t mutex; /* of live */
    struct live *live;
    pthread_mutex_t sweeping; /* one sweep at a time */
};

/* Makes the folders and takes the lock. EBUSY another process has it. */
STORAGE_CHECK int spool_open(struct spool **out, const char *path);
void spool_close(struct spool *spool);

/* Deposits of this process that the sweeper must leave alone. */
STORAGE_CHECK int live_add(struct spool *spool, const char *id); /* ENOMEM, EEXIST, ECANCELED discarded */
void live_remove(struct spool *spool, const char *id);
bool live_has(struct spool *spool, const char *id);
/* One that no job could be had for to remove it, also when its opening is still to come. Any thread. */
void live_discard(struct spool *spool, const char *id);
/* The same for one that is to be committed. */
void live_commit(struct spool *spool, const char *id, unsigned marks, const char *sender);
/* Does what no job could be had for, on disk. How many were accepted. */
unsigned spool_settle(struct spool *spool);

/* -- sidecar.c: the record beside the audio
 * ------------------------------------------------------------------------- */

/* Replaces folder/UUID.json as a whole, synced. */
STORAGE_CHECK int sidecar_write(int folder, const struct deposit *deposit);
STORAGE_CHECK int sidecar_read(struct deposit *out, int folder, const char *id); /* ENOENT, EINVAL, EIO */

/* -- spool.c: the steps
 * ------------------------------------------------------------------------------------------------ */

void spool_name(char out[SPOOL_NAME], const char *id, const char *ending); /* ".wav" */
bool spool_has(int folder, const char *id, const char *ending);
const char *spool_body(int folder, const char *id); /* the ending of the body that is there; NULL: none */
/* ENOENT, EINVAL cannot be read, ENODATA there is no page in it (of sound: no time), ENOMEM, EIO. */
STORAGE_CHECK int body_load(struct audio *out, int folder, const char *id, enum deposit_kind kind);
/* From open/ to ready/: afterwards the deposit survives whatever happens. */
/* Replaces what the record in open/ says by `marks` and, of a fax, `sender`. ENOENT, EIO; a full disk does
 * not cost anybody the message. */
STORAGE_CHECK int spool_mark(struct spool *spool, const char *id, unsigned marks, const char *sender);
STORAGE_CHECK int spool_accept(struct spool *spool, const char *id);
STORAGE_CHECK int spool_commit(struct spool *spool, const char *id, unsigned marks,
                               const char *sender); /* both */
/* From ready/ to a row. ENOENT no such mailbox, EINVAL cannot be read (moved to broken/) or holds no sound
 * (removed), or the database's error. */
STORAGE_CHECK int spool_deliver(struct spool *spool, struct database *db, const char *id);
void spool_remove(int folder, const char *id);
void spool_break(struct spool *spool, int folder, const char *id, const char *why);

/* sweep.c; also clears expired bindings. ENOTCONN when the database went away meanwhile. */
STORAGE_CHECK int sweep_run(struct storage *st, struct database *db);

#endif
