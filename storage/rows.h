/*
 * Rows that several files of storage/ read and write: subscribers, mailboxes, PINs, sound.
 *
 * Ownership: as said. Threads: storage's own. Failure: as storage/internal.h.
 */
#ifndef CONFAB_STORAGE_ROWS_H
#define CONFAB_STORAGE_ROWS_H

#include <crypt.h>

#include "storage/internal.h"
#include "storage/mailbox.h"
#include "storage/send.h"
#include "storage/spool.h"
#include "storage/subscriber.h"

/* -- subscriber.c
 * ------------------------------------------------------------------------------------------------------ */

/* Reads a subscriber; *total (may be NULL) is how many bindings he has, also above BINDINGS_MAX. ENOENT. */
STORAGE_CHECK int subscriber_read(struct database *db, const char *number, struct subscriber *out,
                                  size_t *total);

/* -- mailbox.c
 * ---------------------------------------------------------------------------------------------------------
 */

extern const char *const greeting_names[]; /* greeting.c; by enum greeting_kind */
STORAGE_CHECK int mailbox_read(struct database *db, const char *number, struct mailbox *out); /* ENOENT */

/* -- lists.c
 * -----------------------------------------------------------------------------------------------------------
 */

/* The list that its number means for `sender` ("": for all), as recipient_find() tells it. ENOENT, EACCES. */
STORAGE_CHECK int list_read(struct database *db, const char *number, const char *sender, struct mailbox *out);
/* Adds one whom a message has not reached; `reason` as in the table undelivered. */
void sent_miss(struct sent *sent, const char *mailbox, const char *reason);
/* Once that is committed: a line for each, up to the first that are named. */
void sent_log(const struct sent *sent, const char *message);
/* Puts a message into every mailbox behind `target`; part of the asker's transaction. `introduction`: a
 * blob's id or NULL. */
STORAGE_CHECK int message_distribute(struct database *db, const char *target, const char *message,
                                     bool urgent, const char *introduction, const char *sender,
                                     struct sent *out);

/* -- pin.c
 * -------------------------------------------------------------------------------------------------------------
 */

/* Some 20 ms, whether there is a hash or none ("", or one that cannot be read, which nothing matches). */
bool pin_matches(const char *pin, const char *hash);
/* Of a PIN as it is, good or not. ENOMEM, EIO. Some 20 ms. */
STORAGE_CHECK int pin_hash(char out[CRYPT_OUTPUT_SIZE], const char *pin);
/* As mailbox_set_pin(). A slow hash for each earlier PIN, too. */
STORAGE_CHECK int pin_set(struct database *db, const struct settings *settings, const char *number,
                          const char *pin);
void pin_copy(char out[PIN_MAX + 1], const char *pin); /* one that is too long becomes "", which is no PIN */

/* -- audio.c
 * -----------------------------------------------------------------------------------------------------------
 */

/* A WAV file in memory, with its header made true, or the TIFF file of a fax. */
struct audio {
    uint8_t *bytes; /* free() */
    size_t size;
    uint32_t duration_ms;
    unsigned pages; /* of a fax; 0: it is sound */
};
/*
 * Reads folder/name (folder may be AT_FDCWD). A header that promises less or more than the file holds, as a
 * machine leaves it that stops while recording, is corrected in memory. ENOENT, EINVAL not a WAV file,
 * ENOMEM, EIO.
 */
STORAGE_CHECK int audio_load(struct audio *out, int folder, const char *name);
/* The same sound as Opus or FLAC. EINVAL: not mono, of a rate that Opus has not, or no WAV file; ENOMEM. */
STORAGE_CHECK int audio_convert(struct audio *out, enum sound_format format, const void *wav, size_t size);
/* The same for a fax, of which pages may be missing at its end. ENODATA: it has no whole page. */
STORAGE_CHECK int fax_load(struct audio *out, int folder, const char *name);
/* Makes a blob row; the caller's transaction must refer to it. */
STORAGE_CHECK int audio_insert(struct database *db, const struct audio *audio, char id[UUID_TEXT]);

/* A job that hands out sound as a file. */
struct file_job {
    struct job job;
    file_reply *reply;
    char number[NUMBER_TEXT]; /* the mailbox's; for an entry, as whose it is asked for */
    char which[UUID_TEXT];    /* the greeting's kind, or the entry's id */
    enum sound_format format;
    char path[512];
};
/* Runs the query (columns audio, and whether its checksum is right) and writes a fresh file. ENOENT; EIO
 * broken. */
STORAGE_CHECK int file_job_fetch(struct database *db, struct file_job *j, const char *sql,
                                 const struct value *values, size_t count);
/* Asks for one: whose, and which of his. */
STORAGE_CHECK int file_job_ask(struct storage *st, const struct job_kind *kind, const char *number,
                               const char *which, enum sound_format format, struct ticket ticket,
                               file_reply *reply);
void file_job_reply(struct job *job);
void file_job_drop(struct job *job);

/* -- message.c
 * ---------------------------------------------------------------------------------------------------------
 */

extern const char *const cause_names[];  /* by enum deposit_cause */
extern const char *const folder_names[]; /* entry.c; by enum folder */
/* Sound and message, in the caller's transaction; *inserted is false when the message is there already. */
STORAGE_CHECK int message_insert(struct database *db, const struct deposit *deposit,
                                 const struct audio *audio, bool *inserted);
/* The transaction that makes a deposit a message; nothing happens when it is one already. ENOENT no such
 * mailbox. */
STORAGE_CHECK int message_deliver(struct database *db, const struct deposit *deposit,
                                  const struct audio *audio);
/* Queues a mail about a message, where the mailbox has an address and none waits that will tell of it as it
 * is now; part of the transaction that makes or changes the entry. */
STORAGE_CHECK int message_mail(struct database *db, const char *mailbox, const char *message);
STORAGE_CHECK int message_exists(struct database *db, const char *id, bool *out);

/* continue.c, join.c: within the caller's transaction */
/* Adds the deposit to the message that it continues; *joined stays false where that cannot be any more. */
STORAGE_CHECK int message_continue(struct database *db, const struct deposit *deposit,
                                   const struct audio *audio, bool *joined);
/* Appends `second` at the higher of both rates. EINVAL: they are not of one kind; `first` is as it was. */
STORAGE_CHECK int audio_join(struct audio *first, const struct audio *second);

#endif
