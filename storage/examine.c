/* How storage is: asked by who watches over the server. */
#include "storage/api.h"
#include "storage/deposits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"

#define PROBE_NAME "probe"

struct health_job {
    struct job job;
    health_reply *reply;
    struct storage_health health;
};

/* As a deposit would: a file is made, written, synced and gone again. */
static int spool_probe(int folder)
{
    static const char text[] = "probe\n";
    int fd = openat(folder, PROBE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int error = 0;

    if (fd < 0) {
        return disk_error(errno);
    }
    if (write(fd, text, sizeof text - 1) != (ssize_t)(sizeof text - 1) || fdatasync(fd) != 0) {
        error = disk_error(errno);
    }
    if (close(fd) != 0 && error == 0) {
        error = disk_error(errno);
    }
    (void)unlinkat(folder, PROBE_NAME, 0);
    return error;
}

/* The oldest file of those that wait for a row. */
static unsigned spool_age_s(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    time_t now = clock_wall(), oldest = now;

    if (dir == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return 0;
    }
    for (const struct dirent *file; (file = readdir(dir)) != NULL;) {
        struct stat about;

        if (file->d_name[0] != '.' && fstatat(folder, file->d_name, &about, 0) == 0 &&
            about.st_mtime < oldest) {
            oldest = about.st_mtime;
        }
    }
    closedir(dir);
    return (unsigned)(now - oldest);
}

static int health_run(struct storage *st, struct database *db, struct job *job)
{
    struct storage_health *health = &((struct health_job *)job)->health;
    PGresult *row = NULL;
    uint64_t began_us;

    *health = (struct storage_health){.spool_error = spool_probe(st->spool->open),
                                      .spool_age_s = spool_age_s(st->spool->ready)};
    began_us = clock_now_us();
    health->database_error = database_query(db, NULL, "select", NULL, 0);
    health->latency_us = clock_now_us() - began_us;
    if (health->database_error == 0) {
        health->database_error = database_query(
            db, &row,
            "select count(*), coalesce(extract(epoch from now() - min(created)), 0)::bigint, "
            "(select count(*) from binding where expires > now()) from outbox where done_at is null",
            NULL, 0);
    }
    if (health->database_error == 0) {
        health->outbox_waiting = (unsigned)row_number(row, 0, 0);
        health->outbox_age_s = (unsigned)row_number(row, 0, 1);
        health->bindings = (unsigned)row_number(row, 0, 2);
    }
    PQclear(row);
    return 0;
}

static void health_replied(struct job *job)
{
    struct health_job *j = (struct health_job *)job;

    j->reply(job->ticket, &j->health);
}

static const struct job_kind health_kind = {.name = "examine", .run = health_run, .reply = health_replied};

int storage_examine(struct storage *st, struct ticket ticket, health_reply *reply)
{
    struct health_job *j = job_new(st, sizeof *j, &health_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    return job_submit(&j->job);
}
