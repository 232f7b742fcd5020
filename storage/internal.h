/*
 * What the files of storage/ share: jobs, a thread's connection, and small helpers.
 *
 * Ownership: a job is owned by whoever holds it: the asker until job_submit(), then the queue, a storage
 * thread, the queue of replies, and at last the loop, which frees it. Threads: as said at each function.
 * Failure: positive errno.
 */
#ifndef CONFAB_STORAGE_INTERNAL_H
#define CONFAB_STORAGE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <jansson.h>
#include <libpq-fe.h>

#include "core/base/loop.h"
#include "core/base/queue.h"
#include "core/base/settings.h"
#include "storage/api.h"
#include "storage/storage.h"

/* -- database.c: one connection, used by one thread
 * ----------------------------------------------------------------- */

struct database {
    const char *conninfo;
    atomic_uint_fast64_t *reconnects; /* counted here; may be NULL */
    PGconn *conn;
    bool was_up;
    bool refused; /* the last statement failed by what it was given (SQLSTATE class 22 or 23): again is no use
                   */
    bool unsure;  /* COMMIT was sent and its answer never came: do not repeat what is not idempotent */
    unsigned backoff_ms;
    uint64_t retry_us; /* no new attempt before this moment */
};

/* A parameter of a query: made by the functions below, never by joining strings. */
struct value {
    const char *bytes; /* NULL: the number in `digits`, or SQL's null when that is empty */
    int length, binary;
    char digits[24];
};
struct value value_text(const char *text); /* not copied; NULL is SQL's null */
struct value value_number(int64_t number);
struct value value_truth(bool truth);
struct value value_bytes(const void *bytes, size_t length); /* bytea; not copied */

/* VALUES(a, b) stands for the last two arguments of database_query(). */
#define VALUES(...)                                                                                          \
    ((const struct value[]){__VA_ARGS__}),                                                                   \
        (sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value))
#define QUERY_VALUES_MAX 16

/* Connects unless connected. ENOTCONN, at once while a failed attempt is younger than the back-off. */
STORAGE_CHECK int database_connect(struct database *db);
/* Tries for up to `seconds`. */
STORAGE_CHECK int database_connect_within(struct database *db, unsigned seconds);
void database_close(struct database *db);
/* Before a job: notices a connection that the server has closed meanwhile, and rolls back what was left open.
 */
void database_settle(struct database *db);
/* One statement; *out (may be NULL) is the caller's to PQclear(). ENOTCONN; ENOENT a row referred to does not
 * exist; EIO. */
STORAGE_CHECK int database_query(struct database *db, PGresult **out, const char *sql,
                                 const struct value *values, size_t count);
/* The same with results in binary. */
STORAGE_CHECK int database_query_binary(struct database *db, PGresult **out, const char *sql,
                                        const struct value *values, size_t count);
/* Several statements without parameters: migrations. EINVAL when one fails (logged). */
STORAGE_CHECK int database_script(struct database *db, const char *sql);
/* A transaction that is not committed is rolled back by database_settle(): an error path needs no clean-up.
 */
STORAGE_CHECK int database_begin(struct database *db);
STORAGE_CHECK int database_commit(struct database *db);
void database_rollback(struct database *db); /* at once; nothing when no transaction is open */

void row_text(const PGresult *result, int row, int column, char *out, size_t size);
int64_t row_number(const PGresult *result, int row, int column); /* 0 for null */
bool row_truth(const PGresult *result, int row, int column);     /* false for null */

/* -- text.c: what comes from the network must be UTF-8 before PostgreSQL or JSON sees it
 * ----------------------------- */

/* Length of the character that `text` begins with; 0: it is no UTF-8, a control character or the end. */
size_t text_character(const char *text);
/* Copies, with bytes that are not UTF-8 and control characters as '?', cut at a character's end. */
void text_copy(char *out, size_t size, const char *text);
/* The same for a name to look up: what does not fit becomes "", which names nothing. */
void key_copy(char *out, size_t size, const char *text);
/* True for the exact form that uuid_make() writes: safe as a file's name. */
bool uuid_valid(const char *text);
/* ENOSPC for a full disk, EIO for any other errno. */
int disk_error(int error);

/* -- jobs.c
 * -----------------------------------------------------------------------------------------------------------
 */

struct job;
struct job_kind {
    const char *name;
    int (*run)(struct storage *st, struct database *db,
               struct job *job);                      /* storage thread; may be called twice */
    void (*end)(struct storage *st, struct job *job); /* storage thread, once after the last run; or NULL */
    void (*reply)(struct job *job);                   /* loop; or NULL */
    void (*drop)(struct job *job);                    /* instead of reply, when storage stops; or NULL */
};
/* First member of each job. */
struct job {
    const struct job_kind *kind;
    struct storage *st;
    size_t size;
    struct ticket ticket;
    int error;
};

/* A job that returns no more than its success. */
struct done_job {
    struct job job;
    storage_done *reply;
};
void done_job_reply(struct job *job);

struct worker {
    struct storage *st;
    struct database db;
    pthread_t thread;
    bool started;
};

void *job_new(struct storage *st, size_t size, const struct job_kind *kind,
              struct ticket ticket); /* zeroed; NULL */
/* Takes the job, also when it fails. ENOBUFS, ENOMEM (`job` is NULL). Signalling. */
STORAGE_CHECK int job_submit(struct job *job);
/* Storage threads: hands the job to the loop; waits while the queue of replies is full, so that none is lost.
 */
void job_finish(struct job *job);
void job_free(struct job *job); /* wiped: jobs carry PINs */
void *worker_main(void *worker);
void replies_deliver(void *storage); /* loop: calls replies */
void replies_drop(struct storage *st);

/* -- the rest
 * -----------------------------------------------------------------------------------------------------------
 */

struct listener;
struct spool;
struct record;
struct records;
struct outbox;

struct storage {
    const struct settings *settings;
    struct loop *loop;
    struct queue *jobs, *replies; /* of struct job * */
    struct worker *workers;
    unsigned worker_count;
    struct listener *listener;
    struct spool *spool;
    struct records *records;
    struct outbox *outbox;
    struct timer *sweep_timer;
    mailbox_change *on_change; /* signalling only, like the next */
    void *on_change_arg;
    atomic_bool stopping;
    atomic_uint_fast64_t jobs_done, jobs_refused, jobs_failed, reconnects, audio_broken, deposits;
    atomic_uint waiting, spooled;
};

/* migrate.c: applies what is pending. ENOTCONN, EINVAL. */
STORAGE_CHECK int migrations_apply(struct database *db, const char *folder);
/* What is applied and what is not, into `list`: storage/change.h. ENOENT no files there, ENOTCONN. */
STORAGE_CHECK int migrations_read(struct database *db, const char *folder, json_t *list);

/* recordings.c: the page of LISTING_RECORDINGS. ENOMEM. */
STORAGE_CHECK int recordings_read(const char *path, const struct listing_query *query, char **json);

/* listing.c: one row with one field, the page. */
STORAGE_CHECK int listing_query_run(struct database *db, PGresult **out, enum listing listing,
                                    const struct listing_query *query);

/* storage.c: asks for a sweep now. Any thread. */
void sweep_begin(struct storage *st);

/* record_text.c: as it is. */
void record_add(struct record *record, const char *bytes, size_t length);

/* records.c: the journal's thread. records_finish(): all that was saved is in the journal, and on its way to
 * the database where that is there. */
STORAGE_CHECK int records_start(struct storage *st);
void records_finish(struct storage *st);
void records_free(struct storage *st);
void records_read_stats(const struct storage *st, struct storage_stats *out);
STORAGE_CHECK int records_purge(struct storage *st, struct database *db);

/* retention.c */
STORAGE_CHECK int retention_run(struct storage *st, struct database *db);

/* listener.c. ENOTCONN, ENOMEM. */
STORAGE_CHECK int listener_start(struct listener **out, struct storage *st);
void listener_stop(struct listener *l);

#endif
