/*
 * Segments of lines: appended by one thread, read and removed by another. Only the segment that is written to
 * is shared, and only its descriptor and length are guarded; closed ones belong to the reader.
 */
#include "storage/journal.h"
#include "storage/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

struct journal {
    int folder;
    uint64_t limit;
    atomic_uint_fast64_t waiting; /* bytes: whoever asks must not wait for a disk */
    pthread_mutex_t mutex;        /* of what follows */
    int fd;                       /* of the segment that is written to; -1 */
    char name[JOURNAL_NAME];
    int64_t last_us; /* names never repeat, also when the clock is set back */
    uint64_t length;
    unsigned unsynced;
    bool fresh; /* its name is not synced yet */
};

static int is_segment(const char *name)
{
    size_t length = strlen(name);

    return strspn(name, "0123456789") == 17 && length == 23 && strcmp(name + 17, ".jsonl") == 0;
}

/* Calls fn for each segment that is there; in no order. */
static int segments_each(struct journal *journal,
                         void (*fn)(struct journal *journal, const char *name, void *arg), void *arg)
{
    int fd = openat(journal->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (dir == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return EIO;
    }
    for (struct dirent *file; (file = readdir(dir)) != NULL;) {
        if (is_segment(file->d_name)) {
            fn(journal, file->d_name, arg);
        }
    }
    closedir(dir);
    return 0;
}

static void segment_count(struct journal *journal, const char *name, void *arg)
{
    int64_t made = strtoll(name, NULL, 10);
    struct stat stat;

    (void)arg;
    if (fstatat(journal->folder, name, &stat, AT_SYMLINK_NOFOLLOW) == 0) {
        atomic_fetch_add(&journal->waiting, (uint64_t)stat.st_size);
    }
    if (made > journal->last_us) {
        journal->last_us = made;
    }
}

int journal_open(struct journal **out, const char *spool, uint64_t limit)
{
    struct journal *journal = calloc(1, sizeof *journal);
    char path[512];
    int error = 0;

    if (journal == NULL) {
        return ENOMEM;
    }
    journal->fd = journal->folder = -1;
    journal->limit = limit;
    pthread_mutex_init(&journal->mutex, NULL);
    if ((size_t)snprintf(path, sizeof path, "%s/journal", spool) >= sizeof path) {
        error = ENAMETOOLONG;
    } else if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        error = disk_error(errno);
    } else {
        journal->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        error = journal->folder < 0 ? EIO : segments_each(journal, segment_count, NULL);
    }
    if (error != 0) {
        log_event(LEVEL_ERROR, "storage", NULL, "journal-unusable folder=%s error=\"%s\"", path,
                  strerrordesc_np(error));
        journal_close(journal);
        return error;
    }
    *out = journal;
    return 0;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    journal_rotate(journal);
    if (journal->folder >= 0) {
        close(journal->folder);
    }
    pthread_mutex_destroy(&journal->mutex);
    free(journal);
}

/* -- writing
 * -------------------------------------------------------------------------------------------------------------
 */

static int segment_begin(struct journal *journal)
{
    int64_t now = clock_wall_us();

    journal->last_us = now > journal->last_us ? now : journal->last_us + 1;
    snprintf(journal->name, sizeof journal->name, "%017" PRId64 ".jsonl", journal->last_us);
    journal->fd = openat(journal->folder, journal->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (journal->fd < 0) {
        return disk_error(errno);
    }
    journal->length = 0;
    journal->unsynced = 0;
    journal->fresh = true;
    return 0;
}

/* With its mutex. */
static void segment_end(struct journal *journal)
{
    if (journal->fd >= 0) {
        close(journal->fd);
    }
    journal->fd = -1;
}

/* One write. What a full disk has taken of the lines is taken back, or the next line would be spoilt as well;
 * where even that fails, the segment is left as it is and another one begun. */
static int lines_write(struct journal *journal, const char *lines, size_t length)
{
    ssize_t put = pwrite(journal->fd, lines, length, (off_t)journal->length);
    int error = 0;

    if (put != (ssize_t)length) {
        error = put < 0 ? disk_error(errno) : ENOSPC;
        if (ftruncate(journal->fd, (off_t)journal->length) != 0) {
            segment_end(journal);
        }
    }
    return error;
}

static unsigned lines_count(const char *lines, size_t length)
{
    const char *end = lines + length, *feed;
    unsigned count = 0;

    for (; (feed = memchr(lines, '\n', (size_t)(end - lines))) != NULL; lines = feed + 1) {
        count++;
    }
    return count;
}

int journal_append(struct journal *journal, const char *lines, size_t length)
{
    bool sync = false;
    int error = 0;

    pthread_mutex_lock(&journal->mutex);
    if (atomic_load(&journal->waiting) + length > journal->limit) {
        error = EDQUOT;
    }
    if (error == 0 && journal->fd >= 0 && journal->length >= JOURNAL_SEGMENT) {
        (void)fdatasync(journal->fd);
        segment_end(journal);
    }
    if (error == 0 && journal->fd < 0) {
        error = segment_begin(journal);
    }
    if (error == 0) {
        error = lines_write(journal, lines, length);
    }
    if (error == 0) {
        journal->length += length;
        atomic_fetch_add(&journal->waiting, length);
        journal->unsynced += lines_count(lines, length);
        sync = journal->unsynced >= JOURNAL_UNSYNCED;
    }
    pthread_mutex_unlock(&journal->mutex);
    /* The lines are in the journal whatever becomes of this: a kill -9 cannot take them any more. */
    if (sync && journal_sync(journal) != 0) {
        log_event(LEVEL_ERROR, "storage", NULL, "journal-unsynced");
    }
    return error;
}

/* Beside the mutex: a slow disk holds up nobody but who asks. */
int journal_sync(struct journal *journal)
{
    bool fresh;
    int fd, error = 0;

    pthread_mutex_lock(&journal->mutex);
    fd = journal->fd >= 0 && journal->unsynced > 0 ? fcntl(journal->fd, F_DUPFD_CLOEXEC, 0) : -1;
    fresh = journal->fresh;
    journal->unsynced = 0;
    journal->fresh = false;
    pthread_mutex_unlock(&journal->mutex);
    if (fd < 0) {
        return 0;
    }
    if (fdatasync(fd) != 0 || (fresh && fsync(journal->folder) != 0)) {
        error = disk_error(errno);
    }
    close(fd);
    return error;
}

uint64_t journal_waiting(struct journal *journal)
{
    return atomic_load(&journal->waiting);
}

/* -- reading
 * -------------------------------------------------------------------------------------------------------------
 */

void journal_rotate(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    segment_end(journal);
    pthread_mutex_unlock(&journal->mutex);
}

struct search {
    const char *busy; /* being written to */
    char *oldest;
};

static void segment_compare(struct journal *journal, const char *name, void *arg)
{
    struct search *search = arg;

    (void)journal;
    if (strcmp(name, search->busy) != 0 && (*search->oldest == '\0' || strcmp(name, search->oldest) < 0)) {
        strcpy(search->oldest, name);
    }
}

static int segment_read(struct journal *journal, const char *name, char **out)
{
    int fd = openat(journal->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), error = EIO;
    char *text = NULL;
    struct stat stat;

    if (fd < 0) {
        return errno == ENOENT ? ENOENT : EIO;
    }
    if (fstat(fd, &stat) == 0) {
        text = malloc((size_t)stat.st_size + 1);
        error = text == NULL ? ENOMEM : 0;
    }
    for (off_t have = 0; error == 0 && have < stat.st_size;) {
        ssize_t got = read(fd, text + have, (size_t)(stat.st_size - have));

        if (got <= 0) {
            error = EIO;
        }
        have += got;
    }
    close(fd);
    if (error != 0) {
        free(text);
        return error;
    }
    text[stat.st_size] = '\0';
    *out = text;
    return 0;
}

int journal_oldest(struct journal *journal, char name[JOURNAL_NAME], char **text)
{
    char busy[JOURNAL_NAME] = "";
    struct search search = {.busy = busy, .oldest = name};
    int error;

    pthread_mutex_lock(&journal->mutex);
    if (journal->fd >= 0) {
        strcpy(busy, journal->name);
    }
    name[0] = '\0';
    error = segments_each(journal, segment_compare, &search);
    pthread_mutex_unlock(&journal->mutex); /* no segment was begun meanwhile */
    if (error != 0) {
        return error;
    }
    return *name == '\0' ? ENOENT : segment_read(journal, name, text);
}

void journal_remove(struct journal *journal, const char *name)
{
    struct stat stat;
    uint64_t waiting;

    if (fstatat(journal->folder, name, &stat, AT_SYMLINK_NOFOLLOW) != 0 ||
        unlinkat(journal->folder, name, 0) != 0) {
        return;
    }
    pthread_mutex_lock(&journal->mutex);
    waiting = atomic_load(&journal->waiting);
    atomic_store(&journal->waiting, (uint64_t)stat.st_size < waiting ? waiting - (uint64_t)stat.st_size : 0);
    pthread_mutex_unlock(&journal->mutex);
}

int journal_break(struct journal *journal, const char *line, size_t length)
{
    int fd = openat(journal->folder, "broken", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), error = 0;

    if (fd < 0) {
        return disk_error(errno);
    }
    if (write(fd, line, length) != (ssize_t)length || write(fd, "\n", 1) != 1 || fsync(fd) != 0) {
        error = ENOSPC;
    }
    close(fd);
    return error;
}
