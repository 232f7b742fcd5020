/*
 * The folders of the spool, and the steps that a deposit takes through them. The jobs that ask for the steps
 * are in deposit.c, what makes up for a crash in sweep.c.
 */
#include "storage/deposits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

struct live {
    struct live *next;
    char id[UUID_TEXT];
    bool opened; /* there are files of it, or there will be */
    /* By live_discard(), or live_commit() with what the caller said of it. */
    bool unwanted, wanted;
    unsigned marks;
    char sender[FAX_SENDER_TEXT];
};

/* -- the folders
 * -------------------------------------------------------------------------------------------------------- */

static int folder_open(int *out, int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST) {
        return disk_error(errno);
    }
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return EIO;
    }
    *out = fd;
    return 0;
}

/* The lock dies with the process, however it dies. Two confabds in one spool would deliver what the other
 * records. */
static int spool_lock(struct spool *spool, int top)
{
    spool->lock = openat(top, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (spool->lock < 0) {
        return disk_error(errno);
    }
    if (flock(spool->lock, LOCK_EX | LOCK_NB) != 0) {
        log_event(LEVEL_ERROR, "storage", NULL,
                  "spool-in-use folder=%s text=\"another confabd works in this spool\"", spool->path);
        return EBUSY;
    }
    return 0;
}

int spool_open(struct spool **out, const char *path)
{
    struct spool *spool = calloc(1, sizeof *spool);
    int top = -1, error;

    if (spool == NULL) {
        return ENOMEM;
    }
    spool->lock = spool->open = spool->ready = spool->broken = -1;
    pthread_mutex_init(&spool->mutex, NULL);
    pthread_mutex_init(&spool->sweeping, NULL);
    spool->started_us = clock_wall_us();
    if (strlen(path) >= sizeof spool->path) {
        error = ENAMETOOLONG;
        goto out;
    }
    strcpy(spool->path, path);
    error = folder_open(&top, AT_FDCWD, path);
    if (error == 0) {
        error = spool_lock(spool, top);
    }
    if (error == 0) {
        error = folder_open(&spool->open, top, "open");
    }
    if (error == 0) {
        error = folder_open(&spool->ready, top, "ready");
    }
    if (error == 0) {
        error = folder_open(&spool->broken, top, "broken");
    }
    if (error == 0 && fsync(top) != 0) {
        error = EIO;
    }
out:
    if (top >= 0) {
        close(top);
    }
    if (error != 0) {
        if (error != EBUSY) {
            log_event(LEVEL_ERROR, "storage", NULL, "spool-unusable folder=%s error=\"%s\"", path,
                      strerrordesc_np(error));
        }
        spool_close(spool);
        return error;
    }
    *out = spool;
    return 0;
}

void spool_close(struct spool *spool)
{
    if (spool == NULL) {
        return;
    }
    (void)spool_settle(spool);
    const int descriptors[] = {spool->open, spool->ready, spool->broken, spool->lock};
    for (size_t i = 0; i < sizeof descriptors / sizeof descriptors[0]; i++) {
        if (descriptors[i] >= 0) {
            close(descriptors[i]);
        }
    }
    while (spool->live != NULL) {
        struct live *gone = spool->live;

        spool->live = gone->next;
        free(gone);
    }
    pthread_mutex_destroy(&spool->mutex);
    pthread_mutex_destroy(&spool->sweeping);
    free(spool);
}

/* -- deposits in hand
 * ---------------------------------------------------------------------------------------------------- */

static struct live *live_find(const struct spool *spool, const char *id)
{
    struct live *live = spool->live;

    while (live != NULL && strcmp(live->id, id) != 0) {
        live = live->next;
    }
    return live;
}

bool live_has(struct spool *spool, const char *id)
{
    pthread_mutex_lock(&spool->mutex);
    bool there = live_find(spool, id) != NULL;
    pthread_mutex_unlock(&spool->mutex);
    return there;
}

static void live_unlink(struct spool *spool, struct live *gone)
{
    struct live **at = &spool->live;

    while (*at != gone) {
        at = &(*at)->next;
    }
    *at = gone->next;
    free(gone);
}

/* With the mutex held. */
static struct live *live_put(struct spool *spool, const char *id)
{
    struct live *live = calloc(1, sizeof *live);

    if (live != NULL) {
        strcpy(live->id, id);
        live->next = spool->live;
        spool->live = live;
    }
    return live;
}

int live_add(struct spool *spool, const char *id)
{
    int error = 0;

    pthread_mutex_lock(&spool->mutex);
    struct live *live = live_find(spool, id);
    if (live != NULL && !live->opened) { /* thrown away before it was there */
        live_unlink(spool, live);
        error = ECANCELED;
    } else if (live != NULL) {
        error = EEXIST;
    } else {
        live = live_put(spool, id);
        error = live == NULL ? ENOMEM : 0;
    }
    if (error == 0) {
        live->opened = true;
    }
    pthread_mutex_unlock(&spool->mutex);
    return error;
}

void live_remove(struct spool *spool, const char *id)
{
    pthread_mutex_lock(&spool->mutex);
    struct live *live = live_find(spool, id);
    if (live != NULL) {
        live_unlink(spool, live);
    }
    pthread_mutex_unlock(&spool->mutex);
}

void live_discard(struct spool *spool, const char *id)
{
    pthread_mutex_lock(&spool->mutex);
    struct live *live = live_find(spool, id);
    if (live == NULL) {
        live = live_put(spool, id);
    }
    if (live != NULL) {
        live->unwanted = true;
    }
    pthread_mutex_unlock(&spool->mutex);
}

void live_commit(struct spool *spool, const char *id, unsigned marks, const char *sender)
{
    pthread_mutex_lock(&spool->mutex);
    struct live *live = live_find(spool, id);
    if (live != NULL) {
        live->wanted = true;
        live->marks = marks;
        text_copy(live->sender, sizeof live->sender, sender);
    }
    pthread_mutex_unlock(&spool->mutex);
}

/* One that a job could not be had for; it is in hand no more. */
static bool live_take(struct spool *spool, struct live *out)
{
    pthread_mutex_lock(&spool->mutex);
    struct live *live = spool->live;
    while (live != NULL && !(live->opened && (live->unwanted || live->wanted))) {
        live = live->next;
    }
    if (live != NULL) {
        *out = *live;
        live_unlink(spool, live);
    }
    pthread_mutex_unlock(&spool->mutex);
    return live != NULL;
}

unsigned spool_settle(struct spool *spool)
{
    struct live live;
    unsigned accepted = 0;

    while (live_take(spool, &live)) {
        if (live.unwanted) {
            spool_remove(spool->open, live.id);
        } else if (spool_commit(spool, live.id, live.marks, live.sender) == 0) {
            accepted++;
        }
    }
    return accepted;
}

/* -- the steps
 * ------------------------------------------------------------------------------------------------------------
 */

const char *const body_endings[] = {[DEPOSIT_VOICE] = ".wav", [DEPOSIT_FAX] = ".tif"};

void spool_name(char out[SPOOL_NAME], const char *id, const char *ending)
{
    snprintf(out, SPOOL_NAME, "%s%s", id, ending);
}

bool spool_has(int folder, const char *id, const char *ending)
{
    char name[SPOOL_NAME];

    spool_name(name, id, ending);
    return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

const char *spool_body(int folder, const char *id)
{
    for (int kind = 0; kind < BODY_KINDS; kind++) {
        if (spool_has(folder, id, body_endings[kind])) {
            return body_endings[kind];
        }
    }
    return NULL;
}

int spool_mark(struct spool *spool, const char *id, unsigned marks, const char *sender)
{
    struct deposit deposit;
    int error = sidecar_read(&deposit, spool->open, id);

    if (error != 0) {
        return error == ENOENT ? ENOENT : EIO;
    }
    if (deposit.marks != marks || strcmp(deposit.sender, sender) != 0) {
        deposit.marks = marks;
        text_copy(deposit.sender, sizeof deposit.sender, sender);
        error = sidecar_write(spool->open, &deposit);
    }
    if (error != 0) {
        log_event(LEVEL_WARNING, "storage", deposit.call, "marks-lost id=%s error=\"%s\"", id,
                  strerrordesc_np(error));
    }
    return 0;
}

static int spool_move(const struct spool *spool, const char *id, const char *ending)
{
    char name[SPOOL_NAME];

    spool_name(name, id, ending);
    return renameat(spool->open, name, spool->ready, name) == 0 ? 0 : disk_error(errno);
}

/*
 * The body goes first and the sidecar after it, as the sidecar in ready/ is what says "accepted": whoever
 * finds it there finds the body too. Cut between the two, the sidecar in open/ without a body beside it, but
 * with one in ready/, tells the sweeper to go on. Neither rename needs room on a full disk.
 */
int spool_accept(struct spool *spool, const char *id)
{
    const char *body = spool_body(spool->open, id);
    int error = 0;

    if (body != NULL) {
        char name[SPOOL_NAME];

        spool_name(name, id, body);
        int fd = openat(spool->open, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
            return EIO;
        }
        if (fsync(fd) != 0) {
            error = disk_error(errno);
        }
        close(fd);
        if (error == 0) {
            error = spool_move(spool, id, body);
        }
    } else if (spool_body(spool->ready, id) == NULL) {
        error = ENOENT;
    }
    if (error == 0) {
        error = spool_move(spool, id, ".json");
    }
    /* The new names before the loss of the old ones. */
    if (error == 0 && (fsync(spool->ready) != 0 || fsync(spool->open) != 0)) {
        error = disk_error(errno);
    }
    return error;
}

int spool_commit(struct spool *spool, const char *id, unsigned marks, const char *sender)
{
    int error = spool_mark(spool, id, marks, sender); /* the caller's last word on it */

    if (error == 0) {
        error = spool_accept(spool, id);
    }
    if (error != 0) {
        log_event(LEVEL_ERROR, "storage", NULL, "deposit-lost id=%s error=\"%s\"", id,
                  strerrordesc_np(error));
    }
    return error;
}

/* The body first: a sidecar alone is easily told from a loss, as its row exists. Not synced: a name that
 * comes back after a power cut meets that row again. */
void spool_remove(int folder, const char *id)
{
    static const char *const endings[] = {".wav", ".tif", ".json", ".json.tmp"};
    char name[SPOOL_NAME];

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        spool_name(name, id, endings[i]);
        unlinkat(folder, name, 0);
    }
}

void spool_break(struct spool *spool, int folder, const char *id, const char *why)
{
    static const char *const endings[] = {".wav", ".tif", ".json"};
    char name[SPOOL_NAME];

    log_event(LEVEL_ERROR, "storage", NULL, "deposit-broken id=%s kept=%s/broken reason=\"%s\"", id,
              spool->path, why);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        spool_name(name, id, endings[i]);
        if (renameat(folder, name, spool->broken, name) != 0 && errno != ENOENT) {
            log_event(LEVEL_ERROR, "storage", NULL, "deposit-stuck file=%s error=\"%s\"", name,
                      strerrordesc_np(errno));
        }
    }
}

int body_load(struct audio *out, int folder, const char *id, enum deposit_kind kind)
{
    char name[SPOOL_NAME];

    spool_name(name, id, body_endings[kind]);
    if (kind == DEPOSIT_FAX) {
        return fax_load(out, folder, name);
    }
    int error = audio_load(out, folder, name);
    if (error == 0 && out->duration_ms == 0) {
        free(out->bytes);
        error = ENODATA;
    }
    return error;
}

int spool_deliver(struct spool *spool, struct database *db, const char *id)
{
    struct deposit deposit;
    struct audio audio = {0};
    int error = sidecar_read(&deposit, spool->ready, id);

    if (error == EINVAL) {
        spool_break(spool, spool->ready, id, "its record cannot be read");
    }
    if (error != 0) {
        return error == ENOENT ? EIO : error;
    }
    error = body_load(&audio, spool->ready, id, deposit.kind);
    if (error == ENODATA) {
        /* The disk failed before the first sound or page reached it: nobody gains by a message without any.
         */
        log_event(LEVEL_NOTICE, "storage", deposit.call, "deposit-empty id=%s", id);
        spool_remove(spool->ready, id);
        return EINVAL;
    }
    if (error == EINVAL) {
        spool_break(spool, spool->ready, id,
                    deposit.kind == DEPOSIT_FAX ? "its pages cannot be read" : "its sound cannot be read");
    }
    if (error != 0) {
        return error == ENOENT ? EIO : error;
    }
    error = message_deliver(db, &deposit, &audio);
    free(audio.bytes);
    if (error == 0) {
        spool_remove(spool->ready, id);
    } else if (error == ENOENT) {
        log_event(LEVEL_WARNING, "storage", deposit.call,
                  "deposit-undeliverable id=%s mailbox=%s text=\"no such mailbox; kept in %s/ready\"", id,
                  deposit.mailbox, spool->path);
    }
    return error;
}
