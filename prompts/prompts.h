/*
 * What is said: a catalogue of phrases, and the grammar of numbers, dates and times, in several languages, as
 * lists of fragments (one sound file each). Nothing is played here: callers map fragments to sounds.
 *
 * Ownership: the catalogue owns its fragments; a phrase is a plain value. Threads: any after prompts_load().
 * Failure: a file that is missing is logged once at load and replaced: made at build, other form, digits,
 * English, nothing.
 */
#ifndef CONFAB_PROMPTS_H
#define CONFAB_PROMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct prompts;

#define FRAGMENTS_MAX 48 /* longest phrase: an envelope with date, time and a spelt caller */

/* What is said in one go, in order. It never overflows: what does not fit is left out. */
struct phrase {
    uint16_t fragments[FRAGMENTS_MAX];
    uint16_t count;
};

struct prompts_config {
    const char *sounds_dir; /* Debian's recordings: …/sounds/<voice>/ and …/moh/ */
    const char *voices_dir; /* grammars, and phrases synthesised at build */
    const char *language;   /* "en": that of the server */
    char *const *languages; /* further ones, */
    size_t language_count;  /* 0: all that are installed */
};

__attribute__((warn_unused_result)) int prompts_load(struct prompts **out,
                                                     const struct prompts_config *config);
void prompts_free(struct prompts *p); /* of the server's language, and so all of them */

/*
 * The same catalogue in another language. `wanted` is a tag, "fr" or "fr-CH", or what a header
 * Accept-Language holds (RFC 3261 §20.3: "de, fr;q=0.8"); may be NULL. NULL: none of these is spoken.
 */
const struct prompts *prompts_in(const struct prompts *p, const char *wanted);
const char *prompts_language(const struct prompts *p);

/* Whether the catalogue has such a name, loaded or not. */
bool prompts_know(const char *name);

/* Fragments, of all languages together, are numbered 0 … count - 1; the path is that of a .g722 or .wav file
 * that was there at load. */
size_t prompts_count(const struct prompts *p);
const char *prompts_path(const struct prompts *p, uint16_t fragment);
/* Files of music on hold, as many as there are; NULL past the last. */
const char *prompts_music(const struct prompts *p, size_t i);

/*
 * Builders: each adds to the end of the phrase. say() takes a catalogue name such as "vm-password"; an
 * unknown name is logged and adds nothing.
 */
void say(const struct prompts *p, struct phrase *to, const char *name);
void say_number(const struct prompts *p, struct phrase *to, long number); /* "twenty-one"; ±999 999 999 */
void say_digits(const struct prompts *p, struct phrase *to,
                const char *text);                                        /* digits, '*', '#', '+', letters */
void say_ordinal(const struct prompts *p, struct phrase *to, int number); /* "first" … "thirty-first" */
/* "today at 3 45 p m", "yesterday …", "Tuesday, the third of …": as a person would in that zone
 * ("Europe/Paris"). */
void say_when(const struct prompts *p, struct phrase *to, time_t when, time_t now, const char *zone);
void say_time(const struct prompts *p, struct phrase *to, time_t when, const char *zone);
void say_date(const struct prompts *p, struct phrase *to, time_t when, const char *zone);
void say_duration(const struct prompts *p, struct phrase *to, uint32_t seconds); /* "2 minutes 5 seconds" */
/* "you have 2 new and 1 old messages", "you have no messages". */
void say_message_count(const struct prompts *p, struct phrase *to, unsigned fresh, unsigned old);

#endif
