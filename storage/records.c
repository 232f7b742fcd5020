/*
 * Records of calls, from the loop to the journal by a thread of their own, and from there to the database by
 * jobs: a database that hangs holds up no record on its way to disk.
 */
#include "storage/records.h"
#include "storage/internal.h"
#include "storage/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

#define RECORDS 4096
#define WRITE_BYTES (256 * 1024)
#define LINGER_US 5000
#define FLUSH_MS 1000
#define BATCH_BYTES (512 * 1024)
#define BATCH_LINES 256
#define PACE_BYTES (16 * 1024 * 1024)
#define PACE_US (100 * 1000)
#define COMPLAIN_US (UINT64_C(60) * 1000 * 1000)

struct records {
    struct journal *journal;
    struct queue *queue; /* of struct record */
    pthread_t thread;
    bool started;
    struct timer *timer; /* signalling */
    atomic_bool flushing;
    atomic_uint_fast64_t lost;
    uint64_t complained_us; /* the journal's thread */
};

/* -- to the journal
 * ------------------------------------------------------------------------------------------------------ */

/* Calls go on; whoever reads the log hears of it once a minute. */
static void record_lost(struct records *records, int error)
{
    uint64_t now = clock_now_us();
    unsigned long long lost = atomic_fetch_add(&records->lost, 1) + 1;

    if (records->complained_us == 0 || now - records->complained_us >= COMPLAIN_US) {
        records->complained_us = now;
        log_event(LEVEL_ERROR, "storage", NULL, "records-lost total=%llu error=\"%s\"", lost,
                  error == EDQUOT ? "journal_mb is reached" : strerrordesc_np(error));
    }
}

/* Where they do not go together, each goes by itself: a disk that is nearly full takes some of them yet. */
static void lines_append(struct records *records, const char *lines, size_t length)
{
    const char *end = lines + length, *next;
    int error = journal_append(records->journal, lines, length);

    for (const char *at = lines; error != 0 && at < end; at = next) {
        next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
        int own = next - at == (ptrdiff_t)length ? error
                                                 : journal_append(records->journal, at, (size_t)(next - at));
        if (own != 0) {
            record_lost(records, own);
        }
    }
}

/*
 * All that has come meanwhile is one write. Then the thread sleeps a little: records of a busy server come by
 * the dozen, and to be woken for each of them would cost more than to write it.
 */
static void *journal_main(void *arg)
{
    struct records *records = arg;
    struct record batch = {0}, one;

    while (queue_wait(records->queue, &one)) {
        do {
            record_add(&batch, one.text, one.length);
            record_free(&one);
            if (batch.failed) {
                batch.failed = false;
                record_lost(records, ENOMEM);
            }
        } while (batch.length < WRITE_BYTES && queue_pop(records->queue, &one));
        lines_append(records, batch.text, batch.length);
        batch.length = 0;
        usleep(LINGER_US);
    }
    record_free(&batch);
    return NULL;
}

int record_save(struct storage *st, struct record *record)
{
    int error;

    record_add(record, "\n", 1);
    error = record->failed ? ENOMEM : queue_push(st->records->queue, record);
    if (error != 0) {
        atomic_fetch_add(&st->records->lost, 1);
        record_free(record);
    }
    return error;
}

/* -- to the database
 * ----------------------------------------------------------------------------------------------------- */

static int lines_insert(struct database *db, const char *lines, size_t length)
{
    char *array = malloc(length + 3);
    int error;

    if (array == NULL) {
        return ENOMEM;
    }
    /* Between the lines only: each holds one object, and a line feed within one is written as \n. */
    array[0] = '[';
    for (size_t i = 0; i < length; i++) {
        array[i + 1] = lines[i] == '\n' ? ',' : lines[i];
    }
    array[length] = ']'; /* over the last line feed */
    array[length + 1] = '\0';
    error = database_query(db, NULL, "select record_insert($1)", VALUES(value_text(array)));
    free(array);
    return error;
}

/* One that the database will never take goes aside, so that those after it get in. */
static int lines_insert_each(struct journal *journal, struct database *db, const char *lines, size_t length)
{
    int error = 0;

    for (const char *at = lines, *end = lines + length, *next; error == 0 && at < end; at = next) {
        next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
        error = lines_insert(db, at, (size_t)(next - at));
        if (error == EIO && db->refused) {
            log_event(LEVEL_ERROR, "storage", NULL, "record-refused text=\"%.100s\"", at);
            error = journal_break(journal, at, (size_t)(next - at) - 1);
        }
    }
    return error;
}

/* PostgreSQL may stand on the same machine: while little waits, calls get as much of the time as the batch
 * took. A backlog is worked off without a pause. */
static void batch_pause(struct storage *st, uint64_t took_us)
{
    if (!atomic_load(&st->stopping) && journal_waiting(st->records->journal) < PACE_BYTES) {
        usleep((useconds_t)(took_us < PACE_US ? took_us : PACE_US));
    }
}

/* Batch by batch, each in one transaction. Again from the start after a failure: what is in is passed over.
 */
static int segment_insert(struct storage *st, struct database *db, const char *name, const char *text)
{
    struct journal *journal = st->records->journal;
    int error = 0;

    while (error == 0 && *text != '\0') {
        const char *end = text, *feed;
        uint64_t begun = clock_now_us();

        for (int lines = 0; lines < BATCH_LINES && end - text < BATCH_BYTES; lines++) {
            feed = strchr(end, '\n');
            if (feed == NULL) {
                break;
            }
            end = feed + 1;
        }
        if (end == text) {
            log_event(LEVEL_WARNING, "storage", NULL, "journal-cut segment=%s bytes=%zu", name, strlen(text));
            break;
        }
        error = lines_insert(db, text, (size_t)(end - text));
        if (error == EIO && db->refused) {
            error = lines_insert_each(journal, db, text, (size_t)(end - text));
        }
        text = end;
        if (error == 0 && *text != '\0') {
            batch_pause(st, clock_now_us() - begun);
        }
    }
    return error;
}

static int flush_run(struct storage *st, struct database *db, struct job *job)
{
    struct journal *journal = st->records->journal;
    char name[JOURNAL_NAME], *text;
    int error = journal_sync(journal);

    (void)job;
    if (error != 0) {
        log_event(LEVEL_ERROR, "storage", NULL, "journal-unsynced error=\"%s\"", strerrordesc_np(error));
    }
    /* Away: the log has it, and the next attempt is a second off. */
    if (database_connect(db) != 0) {
        return 0;
    }
    journal_rotate(journal);
    while ((error = journal_oldest(journal, name, &text)) == 0) {
        error = segment_insert(st, db, name, text);
        free(text);
        if (error != 0) {
            break;
        }
        journal_remove(journal, name);
    }
    return error == ENOENT ? 0 : error;
}

static void flush_end(struct storage *st, struct job *job)
{
    (void)job;
    atomic_store(&st->records->flushing, false);
}

static const struct job_kind flush_kind = {.name = "records-flush", .run = flush_run, .end = flush_end};

static void flush_begin(struct storage *st)
{
    struct records *records = st->records;

    if (journal_waiting(records->journal) == 0 || atomic_exchange(&records->flushing, true)) {
        return;
    }
    if (job_submit(job_new(st, sizeof(struct job), &flush_kind, (struct ticket){0})) != 0) {
        atomic_store(&records->flushing, false);
    }
}

static void flush_due(void *arg)
{
    struct storage *st = arg;

    flush_begin(st);
    if (timer_start(st->loop, &st->records->timer, FLUSH_MS, flush_due, st) != 0) {
        log_event(LEVEL_ERROR, "storage", NULL, "flushes-ended");
    }
}

int records_purge(struct storage *st, struct database *db)
{
    unsigned days = st->settings->records_keep_days, trace_days = st->settings->records_trace_keep_days;

    if (days == 0 && trace_days == 0) {
        return 0;
    }
    return database_query(db, NULL,
                          "select confab_purge(make_interval(days => nullif($1::int, 0)), "
                          "make_interval(days => nullif($2::int, 0)))",
                          VALUES(value_number(days), value_number(trace_days)));
}

/* -- start and end
 * ------------------------------------------------------------------------------------------------------- */

int records_start(struct storage *st)
{
    struct records *records = calloc(1, sizeof *records);
    uint64_t limit = (uint64_t)st->settings->records_journal_mb * 1024 * 1024;
    int error;

    if (records == NULL) {
        return ENOMEM;
    }
    st->records = records;
    error = journal_open(&records->journal, st->settings->spool_dir, limit);
    if (error == 0) {
        error = queue_new(&records->queue, sizeof(struct record), RECORDS);
    }
    if (error == 0) {
        error = pthread_create(&records->thread, NULL, journal_main, records);
        records->started = error == 0;
    }
    if (error == 0) {
        flush_begin(st);
        error = timer_start(st->loop, &records->timer, FLUSH_MS, flush_due, st);
    }
    return error;
}

void records_finish(struct storage *st)
{
    struct records *records = st->records;

    if (records == NULL) {
        return;
    }
    timer_stop(&records->timer);
    if (records->started) {
        queue_close(records->queue);
        pthread_join(records->thread, NULL);
        records->started = false;
        flush_begin(st);
    }
}

void records_free(struct storage *st)
{
    if (st->records != NULL) {
        queue_free(st->records->queue);
        journal_close(st->records->journal);
        free(st->records);
        st->records = NULL;
    }
}

void records_read_stats(const struct storage *st, struct storage_stats *out)
{
    out->records_waiting = journal_waiting(st->records->journal);
    out->records_lost = atomic_load(&st->records->lost);
}
