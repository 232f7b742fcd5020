/* The files of music on hold. */
#define _GNU_SOURCE /* asprintf */
#include "prompts/internal.h"

#include "core/base/log.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The files that `wanted` picks. */
static char **music_pick(size_t *count, const char *folder, int (*wanted)(const struct dirent *))
{
    struct dirent **entries;
    int n = scandir(folder, &entries, wanted, alphasort);
    char **music = NULL;

    if (n < 0)
        return NULL;
    if (n > 0)
        music = calloc(n, sizeof *music);
    for (int i = 0; i < n; i++) {
        if (music && asprintf(&music[*count], "%s/%s", folder, entries[i]->d_name) >= 0)
            ++*count;
        free(entries[i]);
    }
    free(entries);
    return music;
}

/* The wav files first: music was made at 8 kHz, its G.722 files are the same sound at twice the memory. */
char **music_find(const char *sounds_dir, size_t *count)
{
    char *folder, **music;

    *count = 0;
    if (asprintf(&folder, "%s/moh", sounds_dir) < 0)
        return NULL;
    music = music_pick(count, folder, music_is_wav);
    if (!music)
        music = music_pick(count, folder, music_is_g722);
    if (*count == 0)
        log_event(LEVEL_WARNING, "prompts", NULL, "music-missing folder=%s", folder);
    free(folder);
    return music;
}
