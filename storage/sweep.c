/*
 * What a crash, a power cut or a database outage left in the spool: each state that storage/deposits.h lists,
 * and what becomes of it. Runs at the start and every minute; twice does no more than once.
 */
#include "storage/deposits.h"
#include "storage/outbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

#define ORPHAN_US                                                                                            \
    (INT64_C(120) * 1000 * 1000) /* a recorder syncs every 2 s; 2 minutes without: it is gone                \
                                  */
#define CACHED_US (INT64_C(86400) * 1000 * 1000) /* files of the cache that nobody unlinked */

struct id_list {
    size_t count, room;
    char (*ids)[UUID_TEXT];
};

static int id_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int id_add(struct id_list *list, const char *name)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 64 : list->room * 2;
        void *more = realloc(list->ids, room * sizeof list->ids[0]);

        if (more == NULL) {
            return ENOMEM;
        }
        list->ids = more;
        list->room = room;
    }
    memcpy(list->ids[list->count], name, UUID_TEXT - 1);
    list->ids[list->count++][UUID_TEXT - 1] = '\0';
    return 0;
}

static DIR *folder_read(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (dir == NULL && fd >= 0) {
        close(fd);
    }
    return dir;
}

/* The deposits of a folder, each once. Other names are none of ours. */
static int ids_list(struct id_list *list, int folder)
{
    DIR *dir = folder_read(folder);
    int error = dir == NULL ? EIO : 0;

    for (struct dirent *file; error == 0 && (file = readdir(dir)) != NULL;) {
        char id[UUID_TEXT];

        snprintf(id, sizeof id, "%.36s", file->d_name);
        if (uuid_valid(id) && file->d_name[UUID_TEXT - 1] == '.') {
            error = id_add(list, id);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    if (list->count > 0) {
        qsort(list->ids, list->count, sizeof list->ids[0], id_compare);
    }
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (i == 0 || strcmp(list->ids[i], list->ids[kept - 1]) != 0) {
            memmove(list->ids[kept++], list->ids[i], UUID_TEXT);
        }
    }
    list->count = kept;
    return error;
}

static int64_t changed_us(int folder, const char *name)
{
    struct stat stat;

    if (fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
        return 0;
    }
    return (int64_t)stat.st_mtim.tv_sec * 1000000 + stat.st_mtim.tv_nsec / 1000;
}

/* True for what an earlier process left, or this one long ago: nobody writes to it any more. */
static bool is_orphan(const struct spool *spool, const char *id)
{
    char name[SPOOL_NAME];
    const char *body = spool_body(spool->open, id);

    spool_name(name, id, body != NULL ? body : ".json");
    int64_t changed = changed_us(spool->open, name);
    return changed <= spool->started_us || clock_wall_us() - changed > ORPHAN_US;
}

/* Shorter than any header: the machine stopped before the first sound or page. */
static bool body_has_begun(int folder, const char *id, enum deposit_kind kind)
{
    char name[SPOOL_NAME];
    struct stat stat;

    spool_name(name, id, body_endings[kind]);
    return fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) != 0 ||
           stat.st_size >= (kind == DEPOSIT_FAX ? 8 : 44);
}

/* A recording or a fax that was cut off: a message when there is enough of it, else as if it had never been.
 */
static int recording_sweep(struct storage *st, const char *id)
{
    struct spool *spool = st->spool;
    struct deposit deposit;
    struct audio audio = {0};
    int error = sidecar_read(&deposit, spool->open, id);

    if (error == EINVAL) {
        spool_break(spool, spool->open, id, "its record cannot be read");
    }
    if (error != 0) {
        return error;
    }
    error = body_load(&audio, spool->open, id, deposit.kind);
    if (error == 0) {
        free(audio.bytes);
    }
    if (error == EINVAL && body_has_begun(spool->open, id, deposit.kind)) {
        spool_break(spool, spool->open, id,
                    deposit.kind == DEPOSIT_FAX ? "its pages cannot be read" : "its sound cannot be read");
        return 0;
    }
    if (error != 0 && error != EINVAL && error != ENODATA) {
        return error;
    }
    if (error != 0 || (deposit.kind == DEPOSIT_VOICE && audio.duration_ms < st->settings->message_min_ms)) {
        log_event(LEVEL_INFO, "storage", deposit.call, "deposit-too-short id=%s ms=%u", id,
                  audio.duration_ms);
        spool_remove(spool->open, id);
        return 0;
    }
    log_event(LEVEL_NOTICE, "storage", deposit.call, "deposit-rescued id=%s ms=%u pages=%u", id,
              audio.duration_ms, audio.pages);
    /* More pages may have been on their way. */
    error =
        deposit.kind == DEPOSIT_FAX ? spool_mark(spool, id, deposit.marks | DEPOSIT_CUT, deposit.sender) : 0;
    return error != 0 ? error : spool_accept(spool, id);
}

static int open_sweep(struct storage *st, const char *id)
{
    struct spool *spool = st->spool;
    bool body = spool_body(spool->open, id) != NULL;
    char name[SPOOL_NAME];

    spool_name(name, id, ".json.tmp");
    unlinkat(spool->open, name, 0); /* cut while it was written: the one before it, if any, holds */
    if (body && spool_has(spool->open, id, ".json")) {
        return recording_sweep(st, id);
    }
    if (body) {
        spool_break(spool, spool->open, id, "it has no record");
        return 0;
    }
    if (spool_has(spool->open, id, ".json") && spool_body(spool->ready, id) != NULL) {
        return spool_accept(spool, id); /* cut between its two renames */
    }
    spool_remove(spool->open, id); /* nothing was ever recorded */
    return 0;
}

/* *left: it is still there and waits for a row. Only a lost database ends the whole sweep. */
static int ready_sweep(struct storage *st, struct database *db, const char *id, bool *left)
{
    struct spool *spool = st->spool;
    bool delivered = false;
    int error;

    *left = true;
    if (spool_has(spool->ready, id, ".json") && spool_body(spool->ready, id) != NULL) {
        error = spool_deliver(spool, db, id);
        *left = error != 0 && error != EINVAL;
        return error == ENOTCONN ? ENOTCONN : 0;
    }
    if (spool_has(spool->open, id, ".json")) {
        return 0; /* its other half waits to be old enough */
    }
    error = message_exists(db, id, &delivered);
    if (error != 0) {
        return error;
    }
    *left = false;
    if (delivered) {
        spool_remove(spool->ready, id);
    } else if (spool_has(spool->ready, id, ".json") || spool_body(spool->ready, id) != NULL) {
        spool_break(spool, spool->ready, id, "half of it is missing");
    }
    return 0;
}

static int folders_sweep(struct storage *st, struct database *db)
{
    struct spool *spool = st->spool;
    struct id_list open = {0}, ready = {0};
    unsigned left = 0;

    atomic_fetch_add(&st->deposits, spool_settle(spool));
    int error = ids_list(&open, spool->open);

    for (size_t i = 0; i < open.count && error == 0; i++) {
        if (live_has(spool, open.ids[i]) || !is_orphan(spool, open.ids[i])) {
            continue;
        }
        int failed = open_sweep(st, open.ids[i]);
        if (failed != 0) {
            log_event(LEVEL_ERROR, "storage", NULL, "sweep-failed id=%s error=\"%s\"", open.ids[i],
                      strerrordesc_np(failed));
        }
    }
    if (error == 0) {
        error = ids_list(&ready, spool->ready);
    }
    for (size_t i = 0; i < ready.count; i++) {
        bool waits = true;

        if (live_has(spool, ready.ids[i])) {
            continue;
        }
        if (error == 0) {
            error = ready_sweep(st, db, ready.ids[i], &waits);
        }
        left += waits;
    }
    atomic_store(&st->spooled, left);
    free(open.ids);
    free(ready.ids);
    return error;
}

/* Files that were handed out to be played, or recorded to become a greeting, by a process that did not live
 * to unlink them. Other names are none of ours. */
static void cache_sweep(const char *folder)
{
    DIR *dir = opendir(folder);

    if (dir == NULL) {
        return;
    }
    for (struct dirent *file; (file = readdir(dir)) != NULL;) {
        const char *ending = strrchr(file->d_name, '.');

        if (ending != NULL && strcmp(ending, ".wav") == 0 &&
            clock_wall_us() - changed_us(dirfd(dir), file->d_name) > CACHED_US) {
            unlinkat(dirfd(dir), file->d_name, 0);
        }
    }
    closedir(dir);
}

int sweep_run(struct storage *st, struct database *db)
{
    int error;

    pthread_mutex_lock(&st->spool->sweeping);
    error = folders_sweep(st, db);
    pthread_mutex_unlock(&st->spool->sweeping);
    cache_sweep(st->settings->cache_dir);
    if (error == 0) {
        error = database_query(db, NULL, "delete from binding where expires <= to_timestamp($1::bigint)",
                               VALUES(value_number(clock_wall())));
    }
    if (error == 0) {
        error = records_purge(st, db);
    }
    if (error == 0) {
        error = retention_run(st, db);
    }
    if (error == 0) {
        error = outbox_purge(db);
    }
    return error;
}
