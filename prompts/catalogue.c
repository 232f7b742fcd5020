/*
 * The catalogue: which name is which file, for each language that is spoken. It is made once, at load;
 * afterwards nothing changes and nobody locks.
 */
#define _GNU_SOURCE /* asprintf */
#include "prompts/internal.h"

#include "core/base/log.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define NO_FRAGMENT UINT16_MAX
#define LANGUAGE_TEXT 16
#define LANGUAGES_MAX 32

struct name {
    char *name;
    uint16_t fragment;
    bool foreign; /* said in English */
};

/* What all languages share: a fragment has one number, whoever says it. */
struct files {
    char **paths; /* by fragment */
    size_t count, room;
    char **music;
    size_t music_count;
    struct zones *zones;
};

/* One language, and the others behind it: the first is that of the server. */
struct prompts {
    char language[LANGUAGE_TEXT];
    struct name *names; /* sorted by name */
    size_t name_count;
    struct grammar *grammar;
    struct files *files;
    struct prompts *next;
};

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
    const struct name wanted = {.name = (char *)(uintptr_t)name};

    return p->name_count ? bsearch(&wanted, p->names, p->name_count, sizeof wanted, name_compare) : NULL;
}

/* The file of a name below `folder`: wideband first; one that is empty is none. NULL: there is none (or,
 * which is the same to us, no memory). */
static char *name_file(const char *folder, const char *name)
{
    static const char *const endings[] = {"g722", "wav"};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        struct stat status;
        char *path;
        if (asprintf(&path, "%s/%s.%s", folder, name, endings[i]) < 0)
            return NULL;
        if (stat(path, &status) == 0 && status.st_size > 0)
            return path;
        free(path);
    }
    return NULL;
}

/* -- the names of a language --------------------------------------------------------------------------- */

/*
 * A language's voice is the folder that begins with the language ("en_US_f_Allison"). Where several are
 * installed the one that has most of the names wins, the first by alphabet among equals; Debian's "en_US" is
 * a link, and logs are to name what it leads to. *out is NULL when there is none.
 */
static void voice_find(char **out, const char *sounds_dir, const char *language)
{
    struct dirent **entries;
    char *parent;
    size_t best = 0, length = strlen(language);

    *out = NULL;
    if (asprintf(&parent, "%s/sounds", sounds_dir) < 0)
        return;
    int n = scandir(parent, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char *folder = NULL, *path;
        size_t files = 0;
        if (!strncmp(entries[i]->d_name, language, length) && entries[i]->d_name[length] == '_' &&
            asprintf(&path, "%s/%s", parent, entries[i]->d_name) >= 0) {
            folder = realpath(path, NULL);
            free(path);
        }
        if (folder && *out && !strcmp(folder, *out)) { /* by its other name */
            free(folder);
            folder = NULL;
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

static int name_add(void *arg, const char *text)
{
    struct prompts *p = arg;
    struct name *names = reallocarray(p->names, p->name_count + 1, sizeof *names);

    if (!names)
        return ENOMEM;
    p->names = names;
    names[p->name_count] = (struct name){.name = strdup(text), .fragment = NO_FRAGMENT};
    if (!names[p->name_count].name)
        return ENOMEM;
    p->name_count++;
    return 0;
}

/* What the server says and what the grammar can say: whatever is heard is known before it is said. */
static int names_collect(struct prompts *p)
{
    int error = p->grammar ? grammar_names(p->grammar, name_add, p) : 0;
    size_t kept = 0;

    for (size_t i = 0; english_recorded[i] && !error; i++)
        error = name_add(p, english_recorded[i]);
    for (size_t i = 0; english_synthesised[i] && !error; i++)
        error = name_add(p, english_synthesised[i]);
    if (error)
        return error;
    qsort(p->names, p->name_count, sizeof *p->names, name_compare);
    for (size_t i = 0; i < p->name_count; i++) {
        if (kept > 0 && !strcmp(p->names[kept - 1].name, p->names[i].name))
            free(p->names[i].name);
        else
            p->names[kept++] = p->names[i];
    }
    p->name_count = kept;
    return 0;
}

/* The path becomes the catalogue's. */
static int file_add(struct files *files, char *path, uint16_t *fragment)
{
    if (files->count == files->room) {
        size_t room = files->room ? 2 * files->room : 512;
        char **paths = room < NO_FRAGMENT ? reallocarray(files->paths, room, sizeof *paths) : NULL;
        if (!paths) {
            free(path);
            return ENOMEM;
        }
        files->paths = paths;
        files->room = room;
    }
    *fragment = (uint16_t)files->count;
    files->paths[files->count++] = path;
    return 0;
}

/* What was made at build before a recording: it is made where a recording is missing, or says something else.
 * A name without a file stays in the catalogue: it is known, only silent. */
static int names_find_files(struct prompts *p, const char *voice, const char *made)
{
    int error = 0;

    for (size_t i = 0; i < p->name_count && !error; i++) {
        struct name *name = &p->names[i];
        char *path = name_file(made, name->name);
        if (!path && voice)
            path = name_file(voice, name->name);
        if (path)
            error = file_add(p->files, path, &name->fragment);
    }
    return error;
}

static void name_replace(const struct prompts *p, struct name *name, const struct name *other, bool foreign)
{
    if (name->fragment != NO_FRAGMENT || !other || other->fragment == NO_FRAGMENT || other->foreign)
        return;
    name->fragment = other->fragment;
    name->foreign = foreign;
    log_event(LEVEL_WARNING, "prompts", NULL, "prompt-replaced language=%s name=%s by=%s%s", p->language,
              name->name, foreign ? "en:" : "", other->name);
}

/* Another form of it, else what the English voice says. One line for each name that has no file; where the
 * whole voice is missing that line has been written already. */
static void names_replace(struct prompts *p, const struct prompts *english, bool voice_there)
{
    for (const struct substitute *s = english_substitutes; s->name; s++) {
        struct name *name = name_find(p, s->name);
        if (name)
            name_replace(p, name, name_find(p, s->other), false);
    }
    for (size_t i = 0; i < p->name_count; i++) {
        if (english && english != p)
            name_replace(p, &p->names[i], name_find(english, p->names[i].name), true);
        if (p->names[i].fragment == NO_FRAGMENT && voice_there)
            log_event(LEVEL_WARNING, "prompts", NULL, "prompt-missing language=%s name=%s", p->language,
                      p->names[i].name);
    }
}

/* -- loading ------------------------------------------------------------------------------------------- */

static void language_free(struct prompts *p)
{
    for (size_t i = 0; i < p->name_count; i++)
        free(p->names[i].name);
    free(p->names);
    grammar_free(p->grammar);
    free(p);
}

/*
 * ENOENT: it has no voice here. English alone is spoken all the same, with what there is of it: what else
 * could be said?
 */
static int language_load(struct prompts **out, const struct prompts_config *config, const char *language,
                         struct files *files, const struct prompts *english)
{
    struct prompts *p = calloc(1, sizeof *p);
    char *voice = NULL, *made = NULL, *rules = NULL;
    int error = ENOMEM;

    if (!p)
        return ENOMEM;
    snprintf(p->language, sizeof p->language, "%s", language);
    p->files = files;
    if (asprintf(&made, "%s/%s", config->voices_dir, language) < 0) {
        made = NULL;
        goto out;
    }
    if (asprintf(&rules, "%s.grammar", made) < 0) {
        rules = NULL;
        goto out;
    }
    voice_find(&voice, config->sounds_dir, language);
    error = ENOENT;
    if (!voice && english)
        goto out;
    error = grammar_load(&p->grammar, rules);
    if (error && (error == ENOMEM || english))
        goto out;
    if (error)
        log_event(LEVEL_ERROR, "prompts", NULL, "grammar-missing path=%s", rules);
    if (!voice)
        log_event(LEVEL_ERROR, "prompts", NULL, "voice-missing folder=%s/sounds/%s_*", config->sounds_dir,
                  language);
    error = names_collect(p);
    if (!error)
        error = names_find_files(p, voice, made);
    if (error)
        goto out;
    names_replace(p, english, voice != NULL);
    *out = p;
    p = NULL;
out:
    free(voice);
    free(made);
    free(rules);
    if (p)
        language_free(p);
    return error;
}

static struct prompts *language_find(struct prompts *p, const char *language)
{
    while (p && strcmp(p->language, language) != 0)
        p = p->next;
    return p;
}

/* At the end of the list. Only memory can fail it. */
static int language_add(struct prompts *english, const struct prompts_config *config, const char *language,
                        bool wanted)
{
    struct prompts *p = NULL, *last = english;
    int error;

    if (language_find(english, language))
        return 0;
    error = language_load(&p, config, language, english->files, english);
    if (error == ENOMEM)
        return error;
    if (error) {
        if (wanted)
            log_event(LEVEL_WARNING, "prompts", NULL, "language-unknown language=%s used=en", language);
        return 0;
    }
    while (last->next)
        last = last->next;
    last->next = p;
    return 0;
}

static int is_grammar(const struct dirent *entry)
{
    const char *dot = strchr(entry->d_name, '.');

    return dot && dot - entry->d_name < LANGUAGE_TEXT && !strcmp(dot, ".grammar");
}

/* Every language that has a grammar and a voice. */
static int languages_add_installed(struct prompts *english, const struct prompts_config *config)
{
    struct dirent **entries;
    int error = 0, n = scandir(config->voices_dir, &entries, is_grammar, alphasort);

    for (int i = 0; i < n; i++) {
        *strchr(entries[i]->d_name, '.') = '\0';
        if (!error)
            error = language_add(english, config, entries[i]->d_name, false);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return error;
}

/* English is loaded in any case, for what others lack; the server's own language goes before it. */
static int languages_load(struct prompts **out, const struct prompts_config *config, struct files *files)
{
    struct prompts *english, *own;
    int error = language_load(&english, config, "en", files, NULL);

    if (error)
        return error;
    error = language_add(english, config, config->language, true);
    for (size_t i = 0; i < config->language_count && !error; i++)
        error = language_add(english, config, config->languages[i], true);
    if (config->language_count == 0 && !error)
        error = languages_add_installed(english, config);
    *out = english;
    own = language_find(english, config->language);
    if (own && own != english) { /* it was added first, so it stands behind English */
        english->next = own->next;
        own->next = english;
        *out = own;
    }
    return error;
}

static void files_free(struct files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->paths[i]);
    for (size_t i = 0; i < files->music_count; i++)
        free(files->music[i]);
    free(files->paths);
    free(files->music);
    zones_free(files->zones);
    free(files);
}

/* Only memory can fail it: a server that cannot speak can still connect calls. */
int prompts_load(struct prompts **out, const struct prompts_config *config)
{
    struct files *files = calloc(1, sizeof *files);
    struct prompts *p = NULL;
    int error = files ? zones_new(&files->zones) : ENOMEM;

    if (error)
        goto out;
    error = languages_load(&p, config, files);
    if (error)
        goto out;
    files->music = music_find(config->sounds_dir, &files->music_count);
    *out = p;
    return 0;
out:
    if (p)
        prompts_free(p);
    else if (files)
        files_free(files);
    return error;
}

void prompts_free(struct prompts *p)
{
    if (!p)
        return;
    files_free(p->files);
    while (p) {
        struct prompts *next = p->next;
        language_free(p);
        p = next;
    }
}

/* -- looking up ---------------------------------------------------------------------------------------- */

/* "fr-CH": Swiss French, else French. */
static const struct prompts *language_of_tag(const struct prompts *p, const char *tag, size_t length)
{
    while (length > 0) {
        for (const struct prompts *at = p; at; at = at->next)
            if (strlen(at->language) == length && !strncasecmp(at->language, tag, length))
                return at;
        while (length > 0 && tag[--length] != '-')
            ;
    }
    return NULL;
}

const struct prompts *prompts_in(const struct prompts *p, const char *wanted)
{
    const struct prompts *best = NULL;
    double most = 0;

    while (wanted && *wanted) {
        size_t range = strcspn(wanted, ",");
        const char *tag = wanted + strspn(wanted, " \t");
        size_t length = strcspn(tag, " \t;,");
        const char *q = strstr(tag, "q=");
        double quality = q && q < wanted + range ? strtod(q + 2, NULL) : 1;
        const struct prompts *found = language_of_tag(p, tag, length);
        if (found && quality > most) {
            best = found;
            most = quality;
        }
        wanted += range + (wanted[range] == ',');
    }
    return best;
}

const char *prompts_language(const struct prompts *p)
{
    return p->language;
}

size_t prompts_count(const struct prompts *p)
{
    return p->files->count;
}

const char *prompts_path(const struct prompts *p, uint16_t fragment)
{
    return fragment < p->files->count ? p->files->paths[fragment] : NULL;
}

const char *prompts_music(const struct prompts *p, size_t i)
{
    return i < p->files->music_count ? p->files->music[i] : NULL;
}

struct zones *prompts_zones(const struct prompts *p)
{
    return p->files->zones;
}

const struct grammar *prompts_grammar(const struct prompts *p)
{
    return p->grammar;
}

bool prompts_say(const struct prompts *p, struct phrase *to, const char *name)
{
    const struct name *found = name_find(p, name);

    if (!found) {
        log_event(LEVEL_WARNING, "prompts", NULL, "prompt-unknown name=%s", name);
        return false;
    }
    /* Missing: it was logged at load. Full: what does not fit is left out. */
    if (found->fragment == NO_FRAGMENT)
        return false;
    if (to->count < FRAGMENTS_MAX)
        to->fragments[to->count++] = found->fragment;
    return !found->foreign;
}

void say(const struct prompts *p, struct phrase *to, const char *name)
{
    (void)prompts_say(p, to, name);
}
