/*
 * What the files of this folder share: names of the English voice, and local time in a zone.
 *
 * Ownership: tables are constant; a struct zones belongs to the catalogue. Threads: any; the zones lock
 * themselves. Failure: a zone that cannot be read is logged once and taken as UTC.
 */
#ifndef CONFAB_PROMPTS_INTERNAL_H
#define CONFAB_PROMPTS_INTERNAL_H

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

struct zones;
__attribute__((warn_unused_result)) int zones_new(struct zones **out);
void zones_free(struct zones *zones);

/*
 * Breaks `when` down in the zone ("Europe/Paris"; "" is UTC). localtime(3) knows one zone a process and takes
 * it from the environment, which no thread may change while another reads it; so the zone's file is read here
 * (RFC 8536). The first use of a zone reads a few kilobytes from /usr/share/zoneinfo, later ones nothing.
 */
void zones_local(struct zones *zones, const char *zone, time_t when, struct tm *out);

/* The zones of this catalogue. */
struct zones *prompts_zones(const struct prompts *p);

#endif
