/*
 * A private PostgreSQL cluster for a test: a Unix socket in a folder below /tmp, no network, gone afterwards.
 *
 * Ownership: pg_new() makes what pg_free() ends. Threads: one. Failure: the test program ends with a message;
 * where PostgreSQL is not installed, with 77 (skipped).
 */
#ifndef CONFAB_TESTS_PG_H
#define CONFAB_TESTS_PG_H

#include <stddef.h>

struct pg;

/* Makes the cluster and starts it. As root it runs as user postgres. */
struct pg *pg_new(void);
void pg_free(struct pg *pg);

/* Its folder: what a case puts there goes with it, also when the case fails. */
const char *pg_folder(const struct pg *pg);

/* Stops it at once, connections or not; starts it again. */
void pg_halt(struct pg *pg);
void pg_resume(struct pg *pg);

/* Makes an empty database and writes a libpq connection string for it. */
void pg_database(struct pg *pg, const char *name, char *conninfo, size_t size);

/* Runs statements there as an administrator would; returns the first field of the last result, or "". free()
 * it. */
char *pg_query(const char *conninfo, const char *sql);
/* The same for a number. */
long pg_number(const char *conninfo, const char *sql);

#endif
