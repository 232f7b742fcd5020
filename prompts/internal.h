/*
 * What the files of this folder share: the names the server says, a language's grammar, and the zones in use.
 *
 * Ownership: tables are constant; a struct zones and the grammars belong to the catalogue. Threads: any.
 * Failure: grammar_load() as said there.
 */
#ifndef CONFAB_PROMPTS_INTERNAL_H
#define CONFAB_PROMPTS_INTERNAL_H

#include "core/base/zone.h"
#include "prompts/prompts.h"

/* Names the server uses, in every language; each list ended by NULL. A name is the file's path below the
 * voice, without its ending. */
extern const char *const english_recorded[];
extern const char *const english_synthesised[]; /* no recording exists: prompts/en.synth holds the text */

/* What is said when the file of `name` is missing: another form of it. Ended by a NULL name. */
struct substitute {
    const char *name, *other;
};
extern const struct substitute english_substitutes[];

/* The zones of this catalogue. */
struct zones *prompts_zones(const struct prompts *p);
/* NULL: this language has none. */
const struct grammar *prompts_grammar(const struct prompts *p);
/* As say(); whether it was said in this language, and not in English or not at all. */
bool prompts_say(const struct prompts *p, struct phrase *to, const char *name);

/* music.c: the files of music on hold below the folder of sounds; *count of them, NULL when there are none.
 */
char **music_find(const char *sounds_dir, size_t *count);

/* -- grammar.c ----------------------------------------------------------------------------------------- */

struct grammar;

/* What the rules of dates, durations and counts speak of. */
enum field {
    FIELD_HOUR,
    FIELD_MINUTE,
    FIELD_WEEKDAY, /* 0: Sunday */
    FIELD_MONTH,   /* 0: January */
    FIELD_DAY,
    FIELD_YEAR,
    FIELD_NEAR, /* enum nearness */
    FIELD_FRESH,
    FIELD_OLD,
    FIELD_HOURS,
    FIELD_MINUTES,
    FIELD_SECONDS,
    FIELD_COUNT
};
enum nearness { NEAR_TODAY, NEAR_YESTERDAY, NEAR_TOMORROW, NEAR_WEEK, NEAR_YEAR, NEAR_FAR };

/* ENOENT and the like, ENOMEM; EINVAL: a fault in the file, which is logged with its line. */
__attribute__((warn_unused_result)) int grammar_load(struct grammar **out, const char *path);
void grammar_free(struct grammar *g);
/* Every name that it can say, some more than once, until one returns an error. */
__attribute__((warn_unused_result)) int grammar_names(const struct grammar *g,
                                                      int (*each)(void *arg, const char *name), void *arg);
/* Says `n` by the rules of the set. False: there is no such set (or no grammar). */
bool grammar_say(const struct grammar *g, const struct prompts *p, struct phrase *to, const char *set, long n,
                 const long *fields);

#endif
