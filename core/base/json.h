/*
 * Values of JSON that several rooms show to programs.
 *
 * Ownership: the receiver's. Threads: any. Failure: NULL, out of memory; jansson takes that for a failure of
 * whatever it is put into.
 */
#ifndef CONFAB_BASE_JSON_H
#define CONFAB_BASE_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <time.h>

/* A string; what is not UTF-8 becomes '?': what phones call themselves may be anything. */
json_t *json_words(const char *text);
/* RFC 3339 in UTC, to the second; null for 0. */
json_t *json_time(time_t at);
/* The same for a moment of clock_now_us(). */
json_t *json_moment(uint64_t us);

#endif
