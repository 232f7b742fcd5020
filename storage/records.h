/*
 * Records of calls that are over: CDRs and traces (tables call, cdr, call_trace; sql/0005_records.sql says
 * what a record holds). They reach the database by a journal on disk, once each, however long it is away.
 *
 * Ownership: a record is its maker's until record_save() takes its text. Threads: signalling; the functions
 * that write a record any, one at a time. Failure: ENOBUFS too many wait to be written to the journal;
 * ENOMEM. The record is gone then, and counted.
 */
#ifndef CONFAB_STORAGE_RECORDS_H
#define CONFAB_STORAGE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/storage.h"

/* JSON text in the making, or a part of it; all zero is empty. What finds no memory spoils the whole of it.
 */
struct record {
    char *text; /* no NUL at its end */
    size_t length, room;
    bool failed;
};

/* {"call": {…}, "legs": [{…}, …], "trace": [{…}, …]}, each with the columns of its table, or of view trace.
 */
STORAGE_CHECK int record_save(struct storage *st, struct record *record);
void record_free(struct record *record);

/* Each of these adds a value: `key` is its name in an object, or NULL in an array. */
enum record_kind { RECORD_OBJECT, RECORD_ARRAY };
void record_begin(struct record *record, const char *key, enum record_kind kind);
void record_end(struct record *record, enum record_kind kind);
/* A text that may come from the network: what is not UTF-8 or a control character becomes '?'. */
void record_text(struct record *record, const char *key, const char *text);
/* The same, with null for NULL and "". */
void record_text_or_null(struct record *record, const char *key, const char *text);
void record_number(struct record *record, const char *key, int64_t number);
/* 150 is 1.50. */
void record_hundredths(struct record *record, const char *key, uint64_t hundredths);
void record_truth(struct record *record, const char *key, bool truth);
/* Microseconds since 1970 as timestamptz; 0 is null. */
void record_time(struct record *record, const char *key, int64_t wall_us);
/* What is JSON already, or a list of values to stand in an array. */
void record_json(struct record *record, const char *key, const char *json, size_t length);

#endif
