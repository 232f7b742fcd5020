/*
 * Links of the service path: those that every server has, and what confab.conf changes in them or adds.
 */
#include "core/base/settings.h"
#include "core/base/settings_internal.h"

#include <confuse.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/*
 * A link whose application is not there is left out by the path. Voicemail stands above those that refuse or
 * forward in the callee's name: it is asked about a failure only after them, and hears of a refusal of
 * theirs, too. Who is screened gets no mailbox.
 */
static const struct {
    const char *name, *service;
    enum region region;
    int order;
} built_in[] = {
    {"outgoing", "outgoing", REGION_ORIGINATING, 100},
    {"screening", "block allow reject-anonymous screen", REGION_TERMINATING, 100},
    {"callers", "", REGION_TERMINATING, 120},
    {"voicemail", SERVICE_MAILBOX, REGION_TERMINATING, 150},
    {"dnd", "dnd", REGION_TERMINATING, 200},
    {"forward", "forward-always forward-busy forward-no-answer forward-unreachable forward-schedule",
     REGION_TERMINATING, 300},
    {"findme", "simring find-me", REGION_TERMINATING, 400},
    {"announcement", "announcement", REGION_TERMINATING, 450},
    {"tap", "record", REGION_TERMINATING, 500},
};

static const char *const region_names[REGION_COUNT] = {"neutral", "originating", "terminating", "egress"};

const char *region_name(enum region region)
{
    return region_names[region];
}

/* -- grammar of single values ---------------------------------------------------------------------------- */

static int region_from_name(const char *name)
{
    for (int i = 0; i < REGION_COUNT; i++) {
        if (strcmp(region_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

const char *region_fault(const char *text)
{
    return region_from_name(text) >= 0 ? NULL : "is none of neutral, originating, terminating, egress";
}

/* The status of "reject CODE", or -1. */
static int reject_status(const char *text)
{
    char *end;
    long status = strncmp(text, "reject ", 7) == 0 ? strtol(text + 7, &end, 10) : -1;

    return status >= 400 && status <= 699 && *end == '\0' ? (int)status : -1;
}

const char *on_fail_fault(const char *text)
{
    bool fallback = strncmp(text, "fallback ", 9) == 0 && isalpha((unsigned char)text[9]);

    return strcmp(text, "continue") == 0 || reject_status(text) > 0 || fallback
               ? NULL
               : "is none of \"continue\", \"reject CODE\" (400 to 699), \"fallback APPLICATION\"";
}

const char *on_fail_late_fault(const char *text)
{
    return strcmp(text, "keep") == 0 || strcmp(text, "end") == 0 ? NULL : "is none of keep, end";
}

const char *test_hook_fault(const char *text)
{
    static const char *const hooks[] = {"invited", "failed", "heard", "answered", "held", "ended"};
    const char *slash = strchr(text, '/');

    for (size_t i = 0; slash != NULL && slash > text && i < COUNT(hooks); i++) {
        if (strcmp(slash + 1, hooks[i]) == 0) {
            return NULL;
        }
    }
    return "is not LINK/EVENT, with invited, failed, heard, answered, held or ended";
}

/* -- sections -------------------------------------------------------------------------------------------- */

static bool is_said(cfg_t *section, const char *key)
{
    return (cfg_getopt(section, key)->flags & CFGF_MODIFIED) != 0;
}

static char *unconst(const char *text)
{
    return (char *)(uintptr_t)text;
}

bool link_is_built_in(const char *name)
{
    for (size_t i = 0; i < COUNT(built_in); i++) {
        if (strcmp(built_in[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

int list_fill(char ***out, size_t *count, cfg_t *section, const char *key)
{
    unsigned size = cfg_size(section, key);

    *out = calloc(size + 1, sizeof **out);
    if (*out == NULL) {
        return ENOMEM;
    }
    for (unsigned i = 0; i < size; i++) {
        (*out)[(*count)++] = cfg_getnstr(section, key, i);
    }
    return 0;
}

/* "fallback announcement busy" is an application and its argument. */
static int on_fail_fill(struct link_settings *link, const char *text)
{
    char *space;

    link->on_fail = strcmp(text, "continue") == 0      ? FAIL_CONTINUE
                    : strncmp(text, "reject ", 7) == 0 ? FAIL_REJECT
                                                       : FAIL_FALLBACK;
    if (link->on_fail == FAIL_REJECT) {
        link->fail_status = reject_status(text);
    }
    if (link->on_fail != FAIL_FALLBACK) {
        return 0;
    }
    link->fallback = strdup(text + strlen("fallback "));
    if (link->fallback == NULL) {
        return ENOMEM;
    }
    space = strchr(link->fallback, ' ');
    if (space != NULL) {
        *space = '\0';
        link->fallback_argument = space + 1;
    }
    return 0;
}

static void link_default(struct link_settings *out, size_t index)
{
    *out = (struct link_settings){
        .name = unconst(built_in[index].name),
        .application = unconst(built_in[index].name),
        .argument = unconst(""),
        .service = unconst(built_in[index].service),
        .region = built_in[index].region,
        .order = built_in[index].order,
        .when = unconst(""),
        .deadline_ms = LINK_DEADLINE_MS,
        .on_fail = FAIL_CONTINUE,
        .fallback_argument = unconst(""),
        .breaker_failures = LINK_BREAKER_FAILURES,
        .breaker_s = LINK_BREAKER_S,
    };
}

/* Of a built-in link only what the section says; of another one everything. */
static int link_fill(struct link_settings *link, cfg_t *section, bool all)
{
    if (all || is_said(section, "application")) {
        link->application = cfg_getstr(section, "application");
    }
    if (all || is_said(section, "argument")) {
        link->argument = cfg_getstr(section, "argument");
    }
    if (all || is_said(section, "service")) {
        link->service = cfg_getstr(section, "service");
    }
    if (all || is_said(section, "region")) {
        link->region = (enum region)region_from_name(cfg_getstr(section, "region"));
    }
    if (all || is_said(section, "order")) {
        link->order = (int)cfg_getint(section, "order");
    }
    /* What no built-in link says otherwise: the key's own default is its default, too. */
    link->when = cfg_getstr(section, "when");
    link->deadline_ms = (unsigned)cfg_getint(section, "deadline");
    link->end_late = strcmp(cfg_getstr(section, "on_fail_late"), "end") == 0;
    link->mandatory = cfg_getbool(section, "mandatory");
    link->breaker_failures = (unsigned)cfg_getint(section, "breaker_failures");
    link->breaker_s = (unsigned)cfg_getint(section, "breaker_pause");
    int error = on_fail_fill(link, cfg_getstr(section, "on_fail"));
    if (error == 0) {
        error = list_fill(&link->callers, &link->caller_count, section, "callers");
    }
    return error == 0 ? list_fill(&link->numbers, &link->number_count, section, "numbers") : error;
}

/* Adds one where its region and order put it; equal ones keep the order in which they come. */
static struct link_settings *link_place(struct settings *s, const struct link_settings *link)
{
    size_t at = s->link_count++;

    while (at > 0 && (s->links[at - 1].region > link->region ||
                      (s->links[at - 1].region == link->region && s->links[at - 1].order > link->order))) {
        s->links[at] = s->links[at - 1];
        at--;
    }
    s->links[at] = *link;
    return &s->links[at];
}

static int link_add(struct settings *s, struct link_settings *link, cfg_t *section, bool all)
{
    if (section != NULL) {
        link->line = section_line(section->line, section->name, cfg_title(section));
        if (!cfg_getbool(section, "enabled")) {
            return 0;
        }
        int error = link_fill(link, section, all);
        if (error != 0) {
            link_release(link);
            return error;
        }
    }
    (void)link_place(s, link);
    return 0;
}

static cfg_t *section_named(cfg_t *cfg, const char *name)
{
    for (unsigned i = 0; i < cfg_size(cfg, "link"); i++) {
        cfg_t *section = cfg_getnsec(cfg, "link", i);
        if (strcmp(cfg_title(section), name) == 0) {
            return section;
        }
    }
    return NULL;
}

int links_fill(struct settings *s, cfg_t *cfg)
{
    unsigned count = cfg_size(cfg, "link");
    cfg_t *test = cfg_getsec(cfg, "test");
    int error = list_fill(&s->emergency, &s->emergency_count, cfg, "emergency");
    if (error == 0)
        error = list_fill(&s->languages, &s->language_count, cfg_getsec(cfg, "prompts"), "languages");

    s->links = calloc(count + COUNT(built_in) + 1, sizeof *s->links);
    if (error != 0 || s->links == NULL) {
        return ENOMEM;
    }
    for (size_t i = 0; error == 0 && i < COUNT(built_in); i++) {
        struct link_settings link;
        link_default(&link, i);
        error = link_add(s, &link, section_named(cfg, built_in[i].name), false);
    }
    for (unsigned i = 0; error == 0 && i < count; i++) {
        cfg_t *section = cfg_getnsec(cfg, "link", i);
        struct link_settings link = {.name = unconst(cfg_title(section)), .fallback_argument = unconst("")};
        if (!link_is_built_in(link.name)) {
            error = link_add(s, &link, section, true);
        }
    }
    if (error == 0) {
        error = list_fill(&s->test_fail, &s->test_fail_count, test, "fail");
    }
    return error == 0 ? list_fill(&s->test_hang, &s->test_hang_count, test, "hang") : error;
}

void link_release(struct link_settings *link)
{
    free(link->callers);
    free(link->numbers);
    free(link->fallback);
}

void links_free(struct settings *s)
{
    for (size_t i = 0; i < s->link_count; i++) {
        link_release(&s->links[i]);
    }
    free(s->links);
    free(s->emergency);
    free(s->languages);
    free(s->test_fail);
    free(s->test_hang);
}
