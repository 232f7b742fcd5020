/*
 * PostgreSQL and the spool, asked by jobs: what must never make the signalling thread wait.
 *
 * Ownership: a result passed to a reply is storage's and lives until the reply returns. Threads: signalling
 * asks and gets its replies there, in the order in which jobs end; storage's own threads do the work, each
 * with a connection. Failure: ENOBUFS at once when the job queue is full; else the reply's error: ENOENT no
 * such row, EACCES wrong PIN or locked, ESTALE the row has changed since it was read, ENOTCONN the database
 * is away, EIO anything else.
 */
#ifndef CONFAB_STORAGE_H
#define CONFAB_STORAGE_H

#include "core/base/ids.h"

#include <stddef.h>
#include <stdint.h>

struct loop;
struct settings;
struct storage;

#define STORAGE_CHECK __attribute__((warn_unused_result))
#define NUMBER_TEXT 64 /* a subscriber's, mailbox's or room's number with its NUL */
#define URI_TEXT 512
#define CALLER_TEXT 160 /* a subscriber, or a number with the peer that it came from */
#define ADDRESS_TEXT 46

/* Who types a PIN; "": unknown, or one that stands for many, and not counted. */
struct guesser {
    char caller[CALLER_TEXT], address[ADDRESS_TEXT];
    char source[8]; /* by which way, as the table audit has it; "": by phone */
};

/*
 * Applies pending migrations of settings->sql_dir under an advisory lock, starts the threads, replays the
 * spool. ENOTCONN when the database cannot be reached within 30 s, EINVAL when a migration fails (logged),
 * EBUSY when another confabd uses settings->spool_dir, EIO or ENOSPC when it cannot be used.
 */
STORAGE_CHECK int storage_start(struct storage **out, const struct settings *settings, struct loop *loop);
/* Applies pending migrations and returns: confabd --migrate. Errors as above. */
STORAGE_CHECK int storage_migrate(const struct settings *settings);
/* Finishes the jobs that wait (spool commits too), then ends the threads. No reply is called any more. */
void storage_stop(struct storage *st);

/* A reply to a job that returns no more than its success. */
typedef void storage_done(struct ticket ticket, int error);

/*
 * A mailbox has changed, here or on another node or by an administrator's SQL. Called on the signalling
 * thread, some milliseconds after the commit, once for each mailbox and burst, which began at `since_us`
 * (clock_now_us()).
 */
typedef void mailbox_change(void *arg, const char *mailbox, uint64_t since_us);
void storage_on_mailbox_change(struct storage *st, mailbox_change *fn, void *arg);

struct storage_stats {
    uint64_t jobs, jobs_refused, jobs_failed, reconnects;
    uint64_t records_waiting, records_lost; /* bytes in the journal; calls whose record could not be kept */
    uint64_t audio_broken;                  /* messages and greetings asked for that cannot be played */
    uint64_t deposits;                      /* messages that callers were told are saved */
    unsigned waiting, spooled;              /* jobs in the queue; deposits on disk without a row */
};
void storage_read_stats(const struct storage *st, struct storage_stats *out);
/* One line of them. */
void storage_log_stats(const struct storage *st);

#endif
