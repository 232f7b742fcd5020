/*
 * What the conference asks of storage, for tests of apps/conference: the last question is
 * kept, and its reply is the test's to give.
 */
#ifndef CONFAB_TESTS_ROOM_DOUBLE_H
#define CONFAB_TESTS_ROOM_DOUBLE_H

#include "storage/door.h"
#include "storage/keep.h"
#include "tests/unit/app_double.h"

extern struct asked {
    struct ticket ticket;
    door_reply *room;
    room_reply *plain;
    door_pin_reply *pin;
    char key[NUMBER_TEXT], pin_typed[32];
    struct door_caller caller; /* of the last door */
    int refuse;                /* what the next job is refused with */
} asked;

/* What the last conference_keep() was told, and how often it was called. */
extern struct kept {
    unsigned count;
    struct room_kept what;
    char lines[1024];
} kept;

extern struct room_row usual_room; /* what room_row_init() gives */
extern char recorded[4096];        /* every record, as JSON with sorted keys, a line each */

/* double_begin(), with the built-in menus. */
void room_double_begin(void);

/* Replies: a row, or none; and as what the door knows the caller. */
void door_says(int error, const struct room_row *row, const struct door *door);
void pin_says(int error, enum room_role role, const char *name);
void keep_says(int error);

/* timer_double.c: moves the clock to the timer that is due first, which must be there, and runs it; how many
 * milliseconds that were. */
unsigned timer_due(void);
unsigned timers_waiting(void);

#endif
