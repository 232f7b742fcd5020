/* The console's files, as they were at the start. */
#include "core/control/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (1 << 20)
#define DEEPEST 2 /* folders below the first */
#define TAG_TEXT 20

/* Scripts, styles and pictures are its own; a sound that a script has fetched is played from a blob. */
#define POLICY                                                                                               \
    "default-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "   \
    "frame-ancestors 'none'"

struct file {
    struct file *next;
    const char *type;
    char *path, *text; /* as requests name it: "/views/room.js" */
    char tag[TAG_TEXT];
};
struct files {
    struct file *first;
};

static const char *type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {{".html", "text/html; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".svg", "image/svg+xml"}};
    const char *ending = strrchr(name, '.');

    for (size_t i = 0; ending != NULL && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].ending, ending) == 0)
            return types[i].type;
    return NULL;
}

static void file_free(struct file *file)
{
    free(file->path);
    free(file->text);
    free(file);
}

/* What cannot be read is not there. */
static char *text_read(const char *place)
{
    FILE *from = fopen(place, "re");
    char *text = from != NULL ? calloc(1, FILE_MAX + 1) : NULL;
    size_t length = text != NULL ? fread(text, 1, FILE_MAX, from) : 0;
    char *fitting = text != NULL ? realloc(text, length + 1) : NULL;

    if (from != NULL)
        fclose(from);
    return fitting != NULL ? fitting : text;
}

static int file_add(struct files *files, const char *place, const char *path)
{
    struct file *file = calloc(1, sizeof *file);
    char digest[SHA256_TEXT];

    if (file == NULL)
        return ENOMEM;
    file->type = type_of(path);
    file->path = strdup(path);
    file->text = text_read(place);
    if (file->path == NULL || file->text == NULL) {
        file_free(file);
        return ENOMEM;
    }
    sha256_text(digest, file->text);
    snprintf(file->tag, sizeof file->tag, "\"%.16s\"", digest);
    file->next = files->first;
    files->first = file;
    return 0;
}

static int folder_read(struct files *files, const char *folder, const char *path, unsigned depth)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    int error = 0;

    while (dir != NULL && error == 0 && (entry = readdir(dir)) != NULL) {
        char place[1024], name[512];
        struct stat about;

        if (entry->d_name[0] == '.')
            continue;
        if ((size_t)snprintf(place, sizeof place, "%s/%s", folder, entry->d_name) >= sizeof place ||
            (size_t)snprintf(name, sizeof name, "%s/%s", path, entry->d_name) >= sizeof name ||
            stat(place, &about) != 0)
            continue;
        if (S_ISDIR(about.st_mode) && depth < DEEPEST)
            error = folder_read(files, place, name, depth + 1);
        else if (S_ISREG(about.st_mode) && type_of(name) != NULL)
            error = file_add(files, place, name);
    }
    if (dir != NULL)
        closedir(dir);
    return error;
}

int files_read(struct files **out, const char *folder)
{
    struct files *files = calloc(1, sizeof *files);
    int error = files != NULL ? folder_read(files, folder, "", 0) : ENOMEM;

    if (error) {
        files_free(files);
        return error;
    }
    if (files->first == NULL)
        log_event(LEVEL_WARNING, "http", NULL, "no-console folder=%s", folder);
    *out = files;
    return 0;
}

void files_free(struct files *files)
{
    struct file *file = files != NULL ? files->first : NULL;

    while (file != NULL) {
        struct file *next = file->next;

        file_free(file);
        file = next;
    }
    free(files);
}

bool files_answer(const struct files *files, const char *method, const char *path, const char *wanted,
                  struct answer *answer)
{
    const struct file *file = files->first;
    const char *name = strcmp(path, "/") == 0 ? "/index.html" : path;

    while (file != NULL && strcmp(file->path, name) != 0)
        file = file->next;
    if (file == NULL)
        return false;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        answer_problem(answer, 405, NULL, "This cannot be done with it.");
        answer_header(answer, "Allow", "GET, HEAD");
        return true;
    }
    answer->may_be_kept = true;
    answer_header(answer, "ETag", "%s", file->tag);
    answer_header(answer, "Content-Security-Policy", "%s", POLICY);
    answer_header(answer, "Referrer-Policy", "no-referrer");
    answer->type = file->type;
    answer->status = strstr(wanted, file->tag) != NULL ? 304 : 200; /* RFC 9110 §13.1.2 */
    if (answer->status == 200)
        answer->text = strdup(file->text);
    return true;
}
