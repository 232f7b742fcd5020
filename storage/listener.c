/*
 * LISTEN confab_mailbox on a connection and a thread of its own. The first notification opens a window of 50
 * ms; when it closes, each mailbox that was named in it is announced once.
 */
#include "storage/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

#define WINDOW_US 50000

struct listener {
    struct storage *st;
    struct database db;
    pthread_t thread;
    bool started;
    int stop;
    size_t count, room;
    char (*names)[NUMBER_TEXT]; /* of this window */
    uint64_t window_ends_us;
};

struct change_job {
    struct job job;
    char mailbox[NUMBER_TEXT];
    uint64_t since_us;
};

static void change_announce(struct job *job)
{
    const struct storage *st = job->st;
    const struct change_job *change = (struct change_job *)job;

    if (st->on_change != NULL) {
        st->on_change(st->on_change_arg, change->mailbox, change->since_us);
    }
}

static const struct job_kind change_kind = {.name = "mailbox-change", .reply = change_announce};

static int name_add(struct listener *l, const char *name)
{
    if (l->count == l->room) {
        size_t room = l->room == 0 ? 64 : l->room * 2;
        void *more = realloc(l->names, room * sizeof l->names[0]);

        if (more == NULL) {
            return ENOMEM;
        }
        l->names = more;
        l->room = room;
    }
    if (l->count == 0) {
        l->window_ends_us = clock_now_us() + WINDOW_US;
    }
    key_copy(l->names[l->count++], NUMBER_TEXT, name);
    return 0;
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Sorted, so that equal names stand together: a bulk change may name thousands. */
static void window_close(struct listener *l)
{
    if (l->count > 0) {
        qsort(l->names, l->count, sizeof l->names[0], name_compare);
    }
    for (size_t i = 0; i < l->count; i++) {
        if (i > 0 && strcmp(l->names[i], l->names[i - 1]) == 0) {
            continue;
        }
        struct change_job *change = job_new(l->st, sizeof *change, &change_kind, (struct ticket){0});
        if (change == NULL) {
            log_event(LEVEL_ERROR, "storage", NULL, "change-lost mailbox=%s", l->names[i]);
            continue;
        }
        strcpy(change->mailbox, l->names[i]);
        change->since_us = l->window_ends_us - WINDOW_US;
        job_finish(&change->job);
    }
    l->count = 0;
}

static int listener_connect(struct listener *l)
{
    int error = database_connect(&l->db);

    return error != 0 ? error : database_query(&l->db, NULL, "listen confab_mailbox", NULL, 0);
}

/* What happened while nobody listened is not known: each mailbox that a phone may show a lamp for is
 * announced. */
static int missed_announce(struct listener *l)
{
    PGresult *result = NULL;
    int error = database_query(
        &l->db, &result,
        "select distinct s.mailbox from subscriber s join binding b on b.subscriber = s.number "
        "where b.expires > to_timestamp($1::bigint) and s.mailbox is not null",
        VALUES(value_number(clock_wall())));

    for (int row = 0; error == 0 && row < PQntuples(result); row++) {
        error = name_add(l, PQgetvalue(result, row, 0));
    }
    PQclear(result);
    return error;
}

/* The database is here again: lamps are put right, and messages that waited in the spool are delivered. */
static void missed_make_up(struct listener *l)
{
    if (missed_announce(l) != 0) {
        database_close(&l->db);
        return;
    }
    sweep_begin(l->st);
}

static void notifications_read(struct listener *l)
{
    PGnotify *notification;

    if (PQconsumeInput(l->db.conn) == 0 || PQstatus(l->db.conn) != CONNECTION_OK) {
        log_event(LEVEL_WARNING, "storage", NULL, "listener-lost text=\"%s\"", PQerrorMessage(l->db.conn));
        database_close(&l->db);
        return;
    }
    while ((notification = PQnotifies(l->db.conn)) != NULL) {
        if (name_add(l, notification->extra) != 0) {
            log_event(LEVEL_ERROR, "storage", NULL, "change-lost mailbox=%s", notification->extra);
        }
        PQfreemem(notification);
    }
}

/* Milliseconds until the window closes or, without a connection, until the next attempt; -1: nothing to wait
 * for. */
static int wait_ms(const struct listener *l)
{
    uint64_t now = clock_now_us(), due = UINT64_MAX;

    if (l->count > 0) {
        due = l->window_ends_us;
    }
    if (l->db.conn == NULL && l->db.retry_us < due) {
        due = l->db.retry_us;
    }
    if (due == UINT64_MAX) {
        return -1;
    }
    return due <= now ? 0 : (int)((due - now) / 1000) + 1;
}

static void *listener_main(void *arg)
{
    struct listener *l = arg;

    for (;;) {
        struct pollfd fds[] = {{.fd = l->stop, .events = POLLIN},
                               {.fd = l->db.conn != NULL ? PQsocket(l->db.conn) : -1, .events = POLLIN}};

        poll(fds, 2, wait_ms(l));
        if (fds[0].revents != 0) {
            break;
        }
        if (fds[1].revents != 0) {
            notifications_read(l);
        }
        if (l->db.conn == NULL && listener_connect(l) == 0) {
            missed_make_up(l);
        }
        if (l->count > 0 && clock_now_us() >= l->window_ends_us) {
            window_close(l);
        }
    }
    database_close(&l->db);
    return NULL;
}

int listener_start(struct listener **out, struct storage *st)
{
    struct listener *l = calloc(1, sizeof *l);
    int error;

    if (l == NULL) {
        return ENOMEM;
    }
    l->st = st;
    l->db = (struct database){.conninfo = st->settings->database, .reconnects = &st->reconnects};
    l->stop = eventfd(0, EFD_CLOEXEC);
    error = l->stop < 0 ? errno : 0;
    /* Here, before the thread: who has started storage may rely on hearing of every change from now on. */
    if (error == 0) {
        error = listener_connect(l);
    }
    if (error == 0) {
        error = pthread_create(&l->thread, NULL, listener_main, l);
        l->started = error == 0;
    }
    if (error != 0) {
        listener_stop(l);
        return error;
    }
    *out = l;
    return 0;
}

void listener_stop(struct listener *l)
{
    if (l == NULL) {
        return;
    }
    if (l->started) {
        eventfd_write(l->stop, 1);
        pthread_join(l->thread, NULL);
    }
    database_close(&l->db);
    if (l->stop >= 0) {
        close(l->stop);
    }
    free(l->names);
    free(l);
}
