/*
 * What the files of this folder share: names of the English voice, and the zones in use.
 *
 * Ownership: tables are constant; a struct zones belongs to the catalogue. Threads: any. Failure: none.
 */
#ifndef CONFAB_PROMPTS_INTERNAL_H
#define CONFAB_PROMPTS_INTERNAL_H

#include "core/base/zone.h"
#include "prompts/prompts.h"

/* Names the server uses, each list ended by NULL; a name is the file's path below the voice, without its
 * ending. */
extern const char *const english_recorded[];
extern const char *const english_synthesised[]; /* no recording exists: prompts/en.synth holds the text */

/* What is said when the file of `name` is missing: another form of it. Ended by a NULL name. */
struct substitute {
    const char *name, *other;
};
extern const struct substitute english_substitutes[];

/* The zones of this catalogue. */
struct zones *prompts_zones(const struct prompts *p);

#endif
