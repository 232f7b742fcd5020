/*
 * What the importers share: a move, which counts and reports; voicemail.conf; and tables that SQLite wrote.
 *
 * Ownership: as said. Threads: one. Failure: move_…() report what is wrong with one thing and go on; trouble
 * with the database is kept in move->error, and nothing more is done.
 */
#ifndef CONFAB_IMPORT_INTERNAL_H
#define CONFAB_IMPORT_INTERNAL_H

#include "core/import.h"

#include <jansson.h>
#include <stddef.h>

#include "storage/import.h"

struct tally {
    unsigned taken, there, left;
};

struct move {
    const struct import_order *order;
    struct importer *importer;
    json_t *boxes; /* number → the context that has it; number@context: refused */
    struct tally mailboxes, greetings, messages;
    int error;
};

__attribute__((warn_unused_result)) int move_begin(struct move *move, const struct settings *settings,
                                                   const struct import_order *order);
/* Prints the sums and frees what move_begin() made; the outcome of the whole import. */
__attribute__((warn_unused_result)) int move_end(struct move *move);

bool move_wants(const struct move *move, const char *context);
/* A line of the report about something at `place`. */
void move_note(const char *place, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* True when its messages may come: it was made, or is there. */
bool move_mailbox(struct move *move, const struct import_mailbox *box, const char *context);
bool move_has_mailbox(const struct move *move, const char *number, const char *context);
void move_greeting(struct move *move, const char *mailbox, enum greeting_kind kind, const char *path);
void move_message(struct move *move, const struct import_message *message);

/* Cuts what does not fit. */
void text_put(char *out, size_t size, const char *text);
void pin_put(struct import_mailbox *box, const char *pin); /* what is none becomes "" */

/* -- import_conf.c: Asterisk's voicemail.conf
 * ----------------------------------------------------------------------- */

struct conf_box {
    char context[80];
    struct import_mailbox box;
};
struct conf {
    struct import_mailbox defaults;
    struct conf_box *boxes; /* free() */
    size_t count;
};
/* Lines "key = value" of any of Asterisk's files: comments are gone, section is "" before the first. */
typedef void conf_line(void *arg, const char *section, char *key, char *value);
__attribute__((warn_unused_result)) int conf_lines(const char *path, conf_line *fn, void *arg);
/* ENOENT, EACCES, EINVAL, ENOMEM. */
__attribute__((warn_unused_result)) int conf_read(struct conf *out, const char *path);

/* -- import_table.c
 * -------------------------------------------------------------------------------------------------- */

/* An array of objects out of folder/name.json (`sqlite3 -json`) or folder/name.csv (with a header). ENOENT,
 * EINVAL. */
__attribute__((warn_unused_result)) int table_read(json_t **out, const char *folder, const char *name);
const char *table_text(const json_t *row, const char *column); /* "" for null or none */
long long table_number(const json_t *row, const char *column); /* 0 */

#endif
