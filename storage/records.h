/*
 * Records of calls that are over: CDRs and traces (tables call, cdr, trace; sql/0005_records.sql says what a
 * record holds). They reach the database by a journal on disk, once each, however long it is away.
 *
 * Ownership: record_save() takes the record. Threads: signalling. Failure: ENOBUFS too many wait to be
 * written to the journal; ENOMEM. The record is gone then, and counted.
 */
#ifndef CONFAB_STORAGE_RECORDS_H
#define CONFAB_STORAGE_RECORDS_H

#include "storage/storage.h"

#include <jansson.h>

/* {"call": {…}, "legs": [{…}, …], "trace": [{…}, …]}, each with the columns of its table. */
STORAGE_CHECK int record_save(struct storage *st, json_t *record);

/* Sets a text that may come from the network: what is not UTF-8 or a control character becomes '?'. */
void record_text(json_t *object, const char *key, const char *text);
/* The same, with null for NULL and "". */
void record_text_or_null(json_t *object, const char *key, const char *text);
/* Microseconds since 1970 as timestamptz; 0 is null. */
void record_time(json_t *object, const char *key, int64_t wall_us);

#endif
