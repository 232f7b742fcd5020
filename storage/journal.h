/*
 * A journal of lines on disk: what must not be lost while the database is away.
 *
 *   SPOOL/journal/TIME.jsonl    segments, one record a line; the one that is written to is known in memory
 * only SPOOL/journal/broken        lines that the database refuses, for an administrator
 *
 * A line without its line feed was cut by a crash and counts as never written. A kill -9 loses nothing that
 * journal_append() has returned from; a power cut what came after the last journal_sync(), or at most
 * JOURNAL_UNSYNCED lines and those of one journal_append() more.
 *
 * Ownership: journal_open() makes, journal_close() ends. Threads: any; journal_rotate() to journal_remove()
 * one at a time. Failure: ENOSPC disk full, EDQUOT the journal's own limit (the oldest lines are kept), EIO.
 */
#ifndef CONFAB_STORAGE_JOURNAL_H
#define CONFAB_STORAGE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_CHECK __attribute__((warn_unused_result))
#define JOURNAL_NAME 32
#define JOURNAL_SEGMENT (4 * 1024 * 1024) /* bytes after which another segment is begun */
#define JOURNAL_UNSYNCED 256

struct journal;

JOURNAL_CHECK int journal_open(struct journal **out, const char *spool, uint64_t limit);
void journal_close(struct journal *journal);

/* Whole lines, each with its line feed: all of them, or none. */
JOURNAL_CHECK int journal_append(struct journal *journal, const char *lines, size_t length);
JOURNAL_CHECK int journal_sync(struct journal *journal);

/* Bytes that wait. */
uint64_t journal_waiting(struct journal *journal);
/* From here on all lines that are there can be read; what is appended goes to another segment. */
void journal_rotate(struct journal *journal);
/* The oldest segment that can be read, with a NUL at its end: free(). ENOENT: none waits. */
JOURNAL_CHECK int journal_oldest(struct journal *journal, char name[JOURNAL_NAME], char **text);
void journal_remove(struct journal *journal, const char *name);
JOURNAL_CHECK int journal_break(struct journal *journal, const char *line, size_t length);

#endif
