/* The catalogue: which name is which file. It is made once, at load; afterwards nothing changes and nobody
 * locks. */
#define _GNU_SOURCE /* asprintf */
#include "prompts/internal.h"

#include "core/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_FRAGMENT UINT16_MAX

struct name {
    const char *name;
    uint16_t fragment;
};

struct prompts {
    struct name *names; /* sorted by name */
    size_t name_count;
    char **paths; /* by fragment */
    size_t path_count;
    char **music;
    size_t music_count;
    struct zones *zones;
};

static size_t name_list_length(const char *const *list)
{
    size_t n = 0;

    while (list[n])
        n++;
    return n;
}

static bool name_list_has(const char *const *list, const char *name)
{
    while (*list && strcmp(*list, name) != 0)
        list++;
    return *list != NULL;
}

bool prompts_know(const char *name)
{
    return name_list_has(english_recorded, name) || name_list_has(english_synthesised, name);
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

static struct name *name_find(const struct prompts *p, const char *name)
{
    const struct name wanted = {name, NO_FRAGMENT};

    return bsearch(&wanted, p->names, p->name_count, sizeof wanted, name_compare);
}

/* The file of a name below `folder`: wideband first. NULL: there is none (or, which is the same to us, no
 * memory). */
static char *name_file(const char *folder, const char *name)
{
    static const char *const endings[] = {"g722", "wav"};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char *path;
        if (asprintf(&path, "%s/%s.%s", folder, name, endings[i]) < 0)
            return NULL;
        if (access(path, R_OK) == 0)
            return path;
        free(path);
    }
    return NULL;
}

/* -- loading
 * -------------------------------------------------------------------------------------------------------- */

/*
 * A language's voice is the folder that begins with the language ("en_US_f_Allison"). Where several are
 * installed the one that has most of the names wins, the first by alphabet among equals; Debian's "en_US" is
 * a link, and logs are to name what it leads to. *out is NULL when there is none.
 */
static void voice_find(char **out, const char *sounds_dir)
{
    struct dirent **entries;
    char *parent;
    size_t best = 0;

    *out = NULL;
    if (asprintf(&parent, "%s/sounds", sounds_dir) < 0)
        return;
    int n = scandir(parent, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char *folder = NULL, *path;
        size_t files = 0;
        if (!strncmp(entries[i]->d_name, "en_", 3) &&
            asprintf(&path, "%s/%s", parent, entries[i]->d_name) >= 0) {
            folder = realpath(path, NULL);
            free(path);
        }
        for (size_t k = 0; folder && english_recorded[k]; k++) {
            path = name_file(folder, english_recorded[k]);
            files += path != NULL;
            free(path);
        }
        if (files > best) {
            free(*out);
            *out = folder;
            best = files;
        } else {
            free(folder);
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    free(parent);
}

/* A name without a file stays in the catalogue: it is known, only silent. */
static void names_add(struct prompts *p, const char *const *list, const char *folder)
{
    for (size_t i = 0; list[i]; i++) {
        struct name *name = &p->names[p->name_count++];
        char *path = folder ? name_file(folder, list[i]) : NULL;
        *name = (struct name){list[i], NO_FRAGMENT};
        if (path) {
            name->fragment = p->path_count;
            p->paths[p->path_count++] = path;
        }
    }
}

/* One line for each name that has no file. Where the whole voice is missing that line has been written
 * already. */
static void names_replace(struct prompts *p, bool voice_there)
{
    for (const struct substitute *s = english_substitutes; s->name; s++) {
        struct name *name = name_find(p, s->name), *other = name_find(p, s->other);
        if (!name || !other || name->fragment != NO_FRAGMENT || other->fragment == NO_FRAGMENT)
            continue;
        name->fragment = other->fragment;
        log_event(LEVEL_WARNING, "prompts", NULL, "prompt-replaced name=%s by=%s", s->name, s->other);
    }
    for (size_t i = 0; i < p->name_count && voice_there; i++) {
        if (p->names[i].fragment == NO_FRAGMENT)
            log_event(LEVEL_WARNING, "prompts", NULL, "prompt-missing name=%s", p->names[i].name);
    }
}

static bool name_ends(const struct dirent *entry, const char *ending)
{
    size_t length = strlen(entry->d_name), n = strlen(ending);

    return length > n && !strcmp(entry->d_name + length - n, ending);
}

static int music_is_wav(const struct dirent *entry)
{
    return name_ends(entry, ".wav");
}

static int music_is_g722(const struct dirent *entry)
{
    return name_ends(entry, ".g722");
}

/* Adds the files that `wanted` picks. */
static void music_add(struct prompts *p, const char *folder, int (*wanted)(const struct dirent *))
{
    struct dirent **entries;
    int n = scandir(folder, &entries, wanted, alphasort);

    if (n < 0)
        return;
    if (n > 0)
        p->music = calloc(n, sizeof *p->music);
    for (int i = 0; i < n; i++) {
        if (p->music && asprintf(&p->music[p->music_count], "%s/%s", folder, entries[i]->d_name) >= 0)
            p->music_count++;
        free(entries[i]);
    }
    free(entries);
}

/* The wav files first: music was made at 8 kHz, its G.722 files are the same sound at twice the memory. */
static void music_find(struct prompts *p, const char *sounds_dir)
{
    char *folder;

    if (asprintf(&folder, "%s/moh", sounds_dir) < 0)
        return;
    music_add(p, folder, music_is_wav);
    if (!p->music)
        music_add(p, folder, music_is_g722);
    if (p->music_count == 0)
        log_event(LEVEL_WARNING, "prompts", NULL, "music-missing folder=%s", folder);
    free(folder);
}

/* Only memory can fail it: a server that cannot speak can still connect calls. */
int prompts_load(struct prompts **out, const struct prompts_config *config)
{
    size_t total = name_list_length(english_recorded) + name_list_length(english_synthesised);
    struct prompts *p = calloc(1, sizeof *p);
    char *voice = NULL, *made = NULL;
    int error = ENOMEM;

    if (!p)
        return ENOMEM;
    p->names = calloc(total, sizeof *p->names);
    p->paths = calloc(total, sizeof *p->paths);
    if (!p->names || !p->paths || asprintf(&made, "%s/en", config->voices_dir) < 0) {
        made = NULL;
        goto out;
    }
    error = zones_new(&p->zones);
    if (error)
        goto out;
    /* Grammar and names are English: better heard in the wrong language than not at all. */
    if (strncmp(config->language, "en", 2) != 0)
        log_event(LEVEL_WARNING, "prompts", NULL, "language-unknown language=%s used=en", config->language);
    voice_find(&voice, config->sounds_dir);
    if (!voice)
        log_event(LEVEL_ERROR, "prompts", NULL, "voice-missing folder=%s/sounds/en_*", config->sounds_dir);
    names_add(p, english_recorded, voice);
    names_add(p, english_synthesised, made);
    qsort(p->names, p->name_count, sizeof *p->names, name_compare);
    names_replace(p, voice != NULL);
    music_find(p, config->sounds_dir);
    *out = p;
    p = NULL;
out:
    free(voice);
    free(made);
    prompts_free(p);
    return error;
}

void prompts_free(struct prompts *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->path_count; i++)
        free(p->paths[i]);
    for (size_t i = 0; i < p->music_count; i++)
        free(p->music[i]);
    free(p->paths);
    free(p->music);
    free(p->names);
    zones_free(p->zones);
    free(p);
}

/* -- looking up
 * ----------------------------------------------------------------------------------------------------- */

size_t prompts_count(const struct prompts *p)
{
    return p->path_count;
}

const char *prompts_path(const struct prompts *p, uint16_t fragment)
{
    return fragment < p->path_count ? p->paths[fragment] : NULL;
}

const char *prompts_music(const struct prompts *p, size_t i)
{
    return i < p->music_count ? p->music[i] : NULL;
}

struct zones *prompts_zones(const struct prompts *p)
{
    return p->zones;
}

void say(const struct prompts *p, struct phrase *to, const char *name)
{
    const struct name *found = name_find(p, name);

    if (!found) {
        log_event(LEVEL_WARNING, "prompts", NULL, "prompt-unknown name=%s", name);
        return;
    }
    /* Missing: it was logged at load. Full: what does not fit is left out. */
    if (found->fragment != NO_FRAGMENT && to->count < FRAGMENTS_MAX)
        to->fragments[to->count++] = found->fragment;
}
