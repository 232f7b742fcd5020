/*
 * Preloaded into a confabd (LD_PRELOAD): counts the calls that each deposit makes on its files in the spool,
 * and on the connection that its row goes out by, and ends the process just before one of them, or has it
 * fail.
 *
 *   FAULT_FOLDER  the spool
 *   FAULT_LOG     gets a line for each call: "UUID CALL FILE N", N counting that call on that file from 1
 *   FAULT_PLAN    "CALL FILE N WHAT;…": the first of them is for the first deposit, and so on; WHAT is kill
 *                 or an errno's number (a call on db loses the connection). An empty one has nothing befall
 * its deposit. FAULT_FULL    while a file of this name exists, the spool's disk is full
 *
 * FILE is .wav, .json or .json.tmp, the name of a folder that is synced, or db. Nobody traces the process, as
 * that is forbidden in many containers.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define UUID 36
#define DEPOSITS 128
#define CALLS 64
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

struct counter {
    char call[12], file[12];
    unsigned count;
};

static struct deposit {
    char id[UUID + 1];
    struct counter calls[CALLS];
} deposits[DEPOSITS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* A folder's sync and what is sent to the database belong to the deposit that this thread had in hand last.
 */
static _Thread_local char in_hand[UUID + 1];
static _Thread_local bool delivering;

static int log_fd(void)
{
    static int fd = -1;

    if (fd < 0 && getenv("FAULT_LOG"))
        fd = REAL(open)(getenv("FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return fd;
}

static unsigned call_count(const char *id, const char *call, const char *file, unsigned *deposit)
{
    unsigned d = 0, c = 0;

    while (d < DEPOSITS - 1 && deposits[d].id[0] && strcmp(deposits[d].id, id) != 0)
        d++;
    strcpy(deposits[d].id, id);
    struct counter *calls = deposits[d].calls;
    while (c < CALLS - 1 && calls[c].count && (strcmp(calls[c].call, call) || strcmp(calls[c].file, file)))
        c++;
    snprintf(calls[c].call, sizeof calls[c].call, "%s", call);
    snprintf(calls[c].file, sizeof calls[c].file, "%s", file);
    *deposit = d;
    return ++calls[c].count;
}

/* What the plan has for this call of this deposit: "" for nothing. */
static const char *plan_find(unsigned deposit, const char *call)
{
    const char *plan = getenv("FAULT_PLAN");

    for (unsigned i = 0; plan && i < deposit; i++) {
        plan = strchr(plan, ';');
        plan = plan ? plan + 1 : NULL;
    }
    return plan && strncmp(plan, call, strlen(call)) == 0 ? plan + strlen(call) : "";
}

/* 0, or the errno that the call is to fail with. */
static int fault_due(const char *call, const char *file)
{
    char line[128], words[64];
    unsigned deposit;
    int error = 0, saved = errno;

    if (!in_hand[0])
        return 0;
    pthread_mutex_lock(&mutex);
    unsigned n = call_count(in_hand, call, file, &deposit);
    snprintf(line, sizeof line, "%s %s %s %u\n", in_hand, call, file, n);
    (void)!REAL(write)(log_fd(), line, strlen(line));
    snprintf(words, sizeof words, "%s %s %u ", call, file, n);
    const char *what = plan_find(deposit, words);
    if (strncmp(what, "kill", 4) == 0)
        kill(getpid(), SIGKILL);
    error = atoi(what);
    pthread_mutex_unlock(&mutex);
    errno = saved;
    return error;
}

/* -- whose call it is */

/* Takes the deposit in hand. False for what is not in the spool, or in no deposit's name there. */
static bool path_take(int folder, const char *path, char file[12])
{
    const char *spool = getenv("FAULT_FOLDER");
    char link[64], whole[1024];
    ssize_t length = 0;

    if (!spool)
        return false;
    if (path[0] != '/' && folder != AT_FDCWD) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = readlink(link, whole, sizeof whole - 1);
        if (length < 0)
            return false;
    }
    snprintf(whole + length, sizeof whole - (size_t)length, "%s%s", length && *path ? "/" : "", path);
    if (strncmp(whole, spool, strlen(spool)) != 0)
        return false;
    const char *name = strrchr(whole, '/') + 1;
    const char *ending = strchr(name, '.');
    if (ending && ending - name == UUID) {
        memcpy(in_hand, name, UUID);
        name = ending;
    }
    snprintf(file, 12, "%s", name);
    return true;
}

static int fault_at(const char *call, int folder, const char *path)
{
    char file[12];

    return path_take(folder, path, file) ? fault_due(call, file) : 0;
}

static int fault_on(const char *call, int fd)
{
    return fault_at(call, fd, "");
}

/* A full disk takes neither a new file nor more of an old one. */
static bool disk_full(int folder, const char *path)
{
    const char *full = getenv("FAULT_FULL");
    char file[12];
    int saved = errno;
    bool is = full && access(full, F_OK) == 0 && path_take(folder, path, file);

    errno = saved;
    return is;
}

#define FAIL_IF(error)                                                                                       \
    do {                                                                                                     \
        int error_ = (error);                                                                                \
        if (error_) {                                                                                        \
            errno = error_;                                                                                  \
            return -1;                                                                                       \
        }                                                                                                    \
    } while (0)

/* -- the calls */

static mode_t mode_of(int flags, va_list args)
{
    return flags & O_CREAT ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    if (flags & O_CREAT) {
        FAIL_IF(fault_at("open", AT_FDCWD, path));
        FAIL_IF(disk_full(AT_FDCWD, path) ? ENOSPC : 0);
    }
    int fd = REAL(open)(path, flags, mode);
    char file[12];
    (void)(fd >= 0 && path_take(AT_FDCWD, path, file)); /* a folder that is opened keeps who is in hand */
    return fd;
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    if (flags & O_CREAT) {
        FAIL_IF(fault_at("open", folder, path));
        FAIL_IF(disk_full(folder, path) ? ENOSPC : 0);
    }
    return REAL(openat)(folder, path, flags, mode);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    FAIL_IF(fault_on("write", fd));
    FAIL_IF(disk_full(fd, "") ? ENOSPC : 0);
    return REAL(write)(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    FAIL_IF(fault_on("write", fd));
    FAIL_IF(at > 0 && disk_full(fd, "") ? ENOSPC : 0);
    return REAL(pwrite)(fd, bytes, length, at);
}

int ftruncate(int fd, off_t length)
{
    FAIL_IF(fault_on("truncate", fd));
    return REAL(ftruncate)(fd, length);
}

int fsync(int fd)
{
    FAIL_IF(fault_on("fsync", fd));
    return REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    FAIL_IF(fault_on("fdatasync", fd));
    return REAL(fdatasync)(fd);
}

int renameat(int from, const char *old, int to, const char *new)
{
    FAIL_IF(fault_at("rename", from, old));
    int result = REAL(renameat)(from, old, to, new);
    if (result == 0 && from != to && strstr(old, ".json"))
        delivering = true; /* accepted: what this thread sends from now on is the deposit's row */
    return result;
}

int unlinkat(int folder, const char *path, int flags)
{
    delivering = false;
    FAIL_IF(fault_at("unlink", folder, path));
    return REAL(unlinkat)(folder, path, flags);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
    struct sockaddr_un peer;
    socklen_t size = sizeof peer;

    if (delivering && getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sun_family == AF_UNIX &&
        fault_due("send", "db")) {
        shutdown(fd, SHUT_RDWR); /* or libpq would wait for a server that has been told nothing */
        FAIL_IF(ECONNRESET);
    }
    return REAL(send)(fd, bytes, length, flags);
}
