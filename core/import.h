/*
 * `confabctl import`: what another voicemail system has kept, moved into confab's tables, with a report of
 * what could not be read.
 *
 * Ownership: nothing is kept. Threads: one. Failure: ENODATA something was left out (told on stdout), ENOENT
 * there is nothing at that place, ENOTCONN and EIO the database.
 */
#ifndef CONFAB_IMPORT_H
#define CONFAB_IMPORT_H

#include <stdbool.h>

struct settings;

struct import_order {
    const char *folder;  /* Asterisk's spool "…/voicemail", or FreeSWITCH's exported tables and files */
    const char *conf;    /* voicemail.conf */
    const char *context; /* Asterisk's context or FreeSWITCH's domain; NULL: all */
    bool dry;            /* nothing is written */
};

__attribute__((warn_unused_result)) int import_asterisk(const struct settings *settings,
                                                        const struct import_order *order);
__attribute__((warn_unused_result)) int import_freeswitch(const struct settings *settings,
                                                          const struct import_order *order);

#endif
