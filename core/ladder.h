/*
 * A call's record as text for people: who said what to whom, and what each link decided, in 100 columns.
 *
 * Ownership: nothing is kept. Threads: any. Failure: what is missing in the record is left out.
 */
#ifndef CONFAB_LADDER_H
#define CONFAB_LADDER_H

#include <jansson.h>
#include <stdio.h>

/* `record` as history_record() gives it. */
void ladder_print(FILE *to, const json_t *record);

#endif
