/*
 * A language's grammar: sets of rules, read from a text file. docs/languages.md says how such a file is
 * written; here it is read, asked which names it can say, and spoken.
 */
#include "prompts/internal.h"

#include "core/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETS_MAX 96
#define PARTS_MAX 12
#define NAME_MAX_TEXT 64
#define FILE_MAX 65536
#define DEPTH_MAX 16 /* a set that calls itself without end says nothing more */

/* In the order of enum field. */
static const char *const field_names[FIELD_COUNT] = {
    "hour", "minute", "weekday", "month", "day",     "year",
    "near", "fresh",  "old",     "hours", "minutes", "seconds",
};

struct part {
    enum { PART_NAME, PART_SAME, PART_FACTOR, PART_REST, PART_REST_OR_ZERO, PART_FIELD } kind;
    const char *name; /* of a fragment; '%' stands for the number without its rest */
    uint8_t set, field;
};

/* For numbers from `from` on, up to the next rule's: they are a multiple of `base`, and a rest. */
struct rule {
    long from, base;
    unsigned count;
    struct part parts[PARTS_MAX];
};

struct set {
    const char *name;
    unsigned count;
    struct rule *rules;
    bool is_number; /* where a word of it is missing, the digits are said */
};

struct grammar {
    char *text; /* of the file; names point into it */
    unsigned count;
    struct set sets[SETS_MAX];
};

/* -- reading ------------------------------------------------------------------------------------------- */

/* SETS_MAX: there are too many. */
static unsigned set_named(struct grammar *g, const char *name)
{
    unsigned i = 0;

    while (i < g->count && strcmp(g->sets[i].name, name) != 0)
        i++;
    if (i == g->count && g->count < SETS_MAX)
        g->sets[g->count++] = (struct set){.name = name, .is_number = !strncmp(name, "number", 6)};
    return i;
}

static const char *part_read(struct grammar *g, struct part *part, char *word)
{
    static const char marks[] = "=<>~";
    const char *mark = strchr(marks, *word);
    char *colon = strchr(word, ':');
    unsigned set;

    *part = (struct part){.kind = PART_NAME, .name = word};
    if (!mark && !colon)
        return strlen(word) < NAME_MAX_TEXT / 2 ? NULL : "a name that is too long";
    if (mark) {
        part->kind = PART_SAME + (int)(mark - marks);
        word++;
    } else {
        *colon = '\0';
        while (part->field < FIELD_COUNT && strcmp(field_names[part->field], word) != 0)
            part->field++;
        if (part->field == FIELD_COUNT)
            return "a field that there is not";
        part->kind = PART_FIELD;
        word = colon + 1;
    }
    set = set_named(g, word);
    part->set = (uint8_t)set;
    return set < SETS_MAX ? NULL : "too many sets";
}

/* "20/10 digits/% >number" */
static const char *rule_read(struct grammar *g, struct set *set, char *line)
{
    struct rule rule = {.base = 1};
    char *save, *word = strtok_r(line, " \t", &save), *end;
    struct rule *rules = realloc(set->rules, (set->count + 1) * sizeof *rules);

    if (!rules)
        return "no memory";
    set->rules = rules;
    rule.from = strtol(word, &end, 10);
    if (*end == '/')
        rule.base = strtol(end + 1, &end, 10);
    if (*end != '\0' || rule.from < 0 || rule.base < 1)
        return "no number";
    if (set->count > 0 && rule.from <= rules[set->count - 1].from)
        return "a number that is not above the last";
    while ((word = strtok_r(NULL, " \t", &save)) && *word != '#') {
        if (rule.count == PARTS_MAX)
            return "too many parts";
        const char *fault = part_read(g, &rule.parts[rule.count++], word);
        if (fault)
            return fault;
    }
    rules[set->count++] = rule;
    return NULL;
}

static bool rule_is_open(const struct rule *rule)
{
    for (unsigned i = 0; i < rule->count; i++)
        if (rule->parts[i].kind == PART_NAME && strchr(rule->parts[i].name, '%'))
            return true;
    return false;
}

/* What only the whole shows. */
static const char *grammar_fault(const struct grammar *g)
{
    for (unsigned i = 0; i < g->count; i++) {
        const struct set *set = &g->sets[i];
        if (set->count == 0)
            return set->name;
        if (rule_is_open(&set->rules[set->count - 1]))
            return set->name;
    }
    return NULL;
}

static const char *grammar_parse(struct grammar *g, unsigned *line_number)
{
    struct set *set = NULL;
    char *rest = g->text, *line;

    while ((line = strsep(&rest, "\n"))) {
        size_t blanks = strspn(line, " \t");
        const char *fault = NULL;
        ++*line_number;
        if (line[blanks] == '\0' || line[blanks] == '#')
            continue;
        if (blanks == 0) {
            line[strcspn(line, " \t")] = '\0';
            unsigned i = set_named(g, line);
            set = i < SETS_MAX ? &g->sets[i] : NULL;
            fault = !set ? "too many sets" : set->count ? "a set that there is already" : NULL;
        } else {
            fault = set ? rule_read(g, set, line + blanks) : "a rule before the first set";
        }
        if (fault)
            return fault;
    }
    *line_number = 0;
    return grammar_fault(g);
}

static int text_read(char **out, const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = file ? calloc(1, FILE_MAX + 1) : NULL;
    int error = !file ? errno : !text ? ENOMEM : 0;

    if (!error && fread(text, 1, FILE_MAX, file) == FILE_MAX)
        error = EFBIG;
    if (!error && ferror(file))
        error = EIO;
    if (file)
        fclose(file);
    if (error)
        free(text);
    else
        *out = text;
    return error;
}

int grammar_load(struct grammar **out, const char *path)
{
    struct grammar *g = calloc(1, sizeof *g);
    unsigned line = 0;
    const char *fault;
    int error = g ? text_read(&g->text, path) : ENOMEM;

    if (error)
        goto out;
    fault = grammar_parse(g, &line);
    if (fault) {
        log_event(LEVEL_ERROR, "prompts", NULL, "grammar-wrong path=%s line=%u fault=\"%s\"", path, line,
                  fault);
        error = EINVAL;
        goto out;
    }
    *out = g;
    g = NULL;
out:
    grammar_free(g);
    return error;
}

void grammar_free(struct grammar *g)
{
    if (!g)
        return;
    for (unsigned i = 0; i < g->count; i++)
        free(g->sets[i].rules);
    free(g->text);
    free(g);
}

/* -- what it can say ----------------------------------------------------------------------------------- */

static void name_expand(char out[NAME_MAX_TEXT], const char *name, long number)
{
    const char *percent = strchr(name, '%');

    if (percent)
        snprintf(out, NAME_MAX_TEXT, "%.*s%ld%s", (int)(percent - name), name, number, percent + 1);
    else
        snprintf(out, NAME_MAX_TEXT, "%s", name);
}

/* The names of a rule for all its numbers, which are below `end`. */
static int rule_names(const struct rule *rule, long end, int (*each)(void *arg, const char *name), void *arg)
{
    char name[NAME_MAX_TEXT];
    int error = 0;

    for (unsigned i = 0; i < rule->count && !error; i++) {
        const struct part *part = &rule->parts[i];
        if (part->kind != PART_NAME)
            continue;
        long last = strchr(part->name, '%') ? end : rule->from + 1;
        for (long n = rule->from; n < last && !error; n += rule->base) {
            name_expand(name, part->name, n - n % rule->base);
            error = each(arg, name);
        }
    }
    return error;
}

int grammar_names(const struct grammar *g, int (*each)(void *arg, const char *name), void *arg)
{
    int error = 0;

    for (unsigned i = 0; i < g->count; i++) {
        const struct set *set = &g->sets[i];
        for (unsigned k = 0; k < set->count && !error; k++)
            error = rule_names(&set->rules[k], k + 1 < set->count ? set->rules[k + 1].from : 0, each, arg);
    }
    return error;
}

/* -- speaking ------------------------------------------------------------------------------------------ */

struct speaker {
    const struct prompts *prompts;
    struct phrase *to;
    const long *fields;
    unsigned depth;
    bool in_number, missed; /* a word of the number has no file in this language */
};

static void set_say(struct speaker *s, const struct grammar *g, unsigned i, long n);

static void rule_say(struct speaker *s, const struct grammar *g, const struct rule *rule, long n)
{
    long rest = n % rule->base;

    for (unsigned i = 0; i < rule->count; i++) {
        const struct part *part = &rule->parts[i];
        char name[NAME_MAX_TEXT];
        switch (part->kind) {
        case PART_NAME:
            name_expand(name, part->name, n - rest);
            s->missed = !prompts_say(s->prompts, s->to, name) || s->missed;
            break;
        case PART_SAME:
            set_say(s, g, part->set, n);
            break;
        case PART_FACTOR:
            set_say(s, g, part->set, n / rule->base);
            break;
        case PART_REST:
            if (rest > 0)
                set_say(s, g, part->set, rest);
            break;
        case PART_REST_OR_ZERO:
            set_say(s, g, part->set, rest);
            break;
        case PART_FIELD:
            set_say(s, g, part->set, s->fields ? s->fields[part->field] : 0);
            break;
        }
    }
}

static void set_say(struct speaker *s, const struct grammar *g, unsigned i, long n)
{
    const struct set *set = &g->sets[i];
    bool outermost = set->is_number && !s->in_number;
    uint16_t begin = s->to->count;
    unsigned k = set->count;

    while (k > 0 && set->rules[k - 1].from > n)
        k--;
    if (k == 0 || s->depth == DEPTH_MAX)
        return;
    s->depth++;
    if (outermost) {
        s->in_number = true;
        s->missed = false;
    }
    rule_say(s, g, &set->rules[k - 1], n);
    if (outermost) {
        s->in_number = false;
        if (s->missed) {
            char digits[32];
            s->to->count = begin;
            snprintf(digits, sizeof digits, "%ld", n);
            say_digits(s->prompts, s->to, digits);
        }
    }
    s->depth--;
}

bool grammar_say(const struct grammar *g, const struct prompts *p, struct phrase *to, const char *name,
                 long n, const long *fields)
{
    struct speaker speaker = {.prompts = p, .to = to, .fields = fields};

    for (unsigned i = 0; g && i < g->count; i++) {
        if (!strcmp(g->sets[i].name, name)) {
            set_say(&speaker, g, i, n);
            return true;
        }
    }
    return false;
}
