/* Files of recorded rooms and calls, as they lie in the folder of the settings: by name, in pages. */
#include "storage/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int recording_fits(const struct dirent *file)
{
    return recording_name_fits(file->d_name);
}

bool recording_name_fits(const char *name)
{
    return name[0] != '.' && name[0] != '\0' && strchr(name, '/') == NULL;
}

/* Begins with the room's number and what parts it from the rest: 310 is not 3100. */
static bool recording_is_of(const char *name, const char *room)
{
    size_t length = strlen(room);

    return length == 0 || (strncmp(name, room, length) == 0 && name[length] == '-');
}

/* A file that has just gone is left out. */
static json_t *recording_show(int folder, const char *name)
{
    char changed[32];
    struct stat about;
    struct tm tm;

    if (fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode)) {
        return NULL;
    }
    gmtime_r(&about.st_mtime, &tm);
    strftime(changed, sizeof changed, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_pack("{s:s%, s:I, s:s}", "name", name, strlen(name), "bytes", (json_int_t)about.st_size,
                     "changed", changed);
}

static json_t *recordings_page(int folder, struct dirent **files, int count,
                               const struct listing_query *query)
{
    json_t *items = json_array();
    const char *next = NULL;

    for (int i = 0; i < count; i++) {
        const char *name = files[i]->d_name;

        if (strcmp(name, query->after) <= 0 || !recording_is_of(name, query->key)) {
            continue;
        }
        json_t *item = recording_show(folder, name);
        if (item == NULL) {
            continue;
        }
        json_array_append_new(items, item);
        if (json_array_size(items) == query->most) {
            next = name;
            break;
        }
    }
    return json_pack("{s:o, s:s?}", "items", items, "next", next);
}

static int name_compare(const void *a, const void *b)
{
    return strcmp((*(struct dirent *const *)a)->d_name, (*(struct dirent *const *)b)->d_name);
}

/* A folder that nothing was recorded to yet is an empty one. */
int recordings_read(const char *path, const struct listing_query *query, char **json)
{
    struct dirent **files = NULL;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = folder >= 0 ? scandirat(folder, ".", &files, recording_fits, NULL) : 0;
    json_t *page;

    if (count < 0) {
        count = 0;
    }
    if (count > 0) {
        qsort(files, (size_t)count, sizeof *files,
              name_compare); /* as strcmp() has it, whatever the locale */
    }
    page = recordings_page(folder, files, count, query);
    free(*json);
    *json = page != NULL ? json_dumps(page, JSON_COMPACT) : NULL;
    json_decref(page);
    for (int i = 0; i < count; i++) {
        free(files[i]);
    }
    free(files);
    if (folder >= 0) {
        close(folder);
    }
    return *json != NULL ? 0 : ENOMEM;
}

/* -- remove --------------------------------------------------------------------------------------------- */

struct remove_job {
    struct done_job done;
    char name[RECORDING_FILE];
};

static int remove_run(struct storage *st, struct database *db, struct job *job)
{
    const char *name = ((struct remove_job *)job)->name;
    int folder = open(st->settings->recordings_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat about;
    int error = 0;

    (void)db;
    if (folder < 0 || fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
        error = errno == ENOENT ? ENOENT : disk_error(errno);
    } else if (!S_ISREG(about.st_mode)) {
        error = ENOENT;
    } else if (unlinkat(folder, name, 0) != 0) {
        error = errno == ENOENT ? ENOENT : disk_error(errno);
    }
    if (folder >= 0) {
        close(folder);
    }
    return error;
}

static const struct job_kind remove_kind = {
    .name = "recording-remove", .run = remove_run, .reply = done_job_reply};

int recording_remove(struct storage *st, const char *name, struct ticket ticket, storage_done *reply)
{
    struct remove_job *j;

    if (!recording_name_fits(name) || strlen(name) >= sizeof j->name) {
        return ENOENT;
    }
    j = job_new(st, sizeof *j, &remove_kind, ticket);
    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    strcpy(j->name, name);
    return job_submit(&j->done.job);
}
