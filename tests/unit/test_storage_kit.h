/*
 * What the tests of storage/ share: a cluster for the program, a fresh database, spool and loop for each
 * case, and one place where replies arrive.
 *
 * Ownership: kit_begin() makes, kit_end() removes. Threads: the test's own, which is the loop's. Failure: the
 * case fails.
 */
#ifndef CONFAB_TESTS_STORAGE_KIT_H
#define CONFAB_TESTS_STORAGE_KIT_H

#include <check.h>

#include "core/base/loop.h"
#include "core/base/settings.h"
#include "storage/mailbox.h"
#include "storage/door.h"
#include "storage/spool.h"
#include "storage/subscriber.h"
#include "tests/unit/pg.h"

extern struct kit {
    struct pg *pg; /* the program's */
    char folder[64], conninfo[256];
    const struct settings *settings;
    struct loop *loop;
    struct storage *st;
} kit;

/* The last reply, whatever its kind. */
extern struct answer {
    int count, error; /* how many since ask() */
    struct ticket ticket;
    struct subscriber subscriber;
    char numbers[8][NUMBER_TEXT]; /* of every subscriber replied */
    struct credentials credentials;
    struct mailbox mailbox;
    size_t which;
    struct mailbox_counts counts;
    struct entry entry, entries[32], last;
    size_t entry_count;
    struct room_row room;
    struct door door;
    struct door_person person;
    char path[512];
} answer;

void subscriber_answered(struct ticket ticket, int error, const struct subscriber *subscriber);
void credentials_answered(struct ticket ticket, int error, const struct credentials *credentials);
void mailbox_answered(struct ticket ticket, int error, const struct mailbox *mailbox);
void first_answered(struct ticket ticket, int error, size_t which, const struct mailbox *mailbox);
void counts_answered(struct ticket ticket, int error, const struct mailbox_counts *counts);
void entries_answered(struct ticket ticket, int error, const struct entry_list *list);
void entry_answered(struct ticket ticket, int error, const struct entry *entry);
void file_answered(struct ticket ticket, int error, const char *path);
void room_answered(struct ticket ticket, int error, const struct room_row *room);
void door_answered(struct ticket ticket, int error, const struct room_row *room, const struct door *door);
void person_answered(struct ticket ticket, int error, const struct door_person *person);
void done_answered(struct ticket ticket, int error);

#define TICKET ((struct ticket){.owner = 7, .epoch = 3})
/* Calls an asking function and runs the loop until `n` replies are there; yields the last one's error. */
#define ASK_FOR(n, call) (answer.count = 0, kit_result(call, n))
#define ASK(call) ASK_FOR(1, call)
void kit_clear(void);
int kit_wait(int replies);
int kit_result(int asked, int replies);

void kit_setup(void); /* case fixture: an empty database with the demo's rows, storage started */
void kit_teardown(void);
void kit_prepare(void); /* the same without starting storage or loading rows */
void kit_restart(void); /* storage stopped and started again, as by a restart of the daemon */
void kit_stop(void);
void kit_start(void);
long kit_sql(const char *sql);

/* A WAV file of 8 kHz, 16 bits: `ms` of sound, of which the header tells `header_ms`. */
void wav_write(const char *path, unsigned ms, unsigned header_ms);
void kit_path(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool kit_has(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs the suite in a cluster of its own; for main(). */
int kit_main(Suite *suite);

#endif
