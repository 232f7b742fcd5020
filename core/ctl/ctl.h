/*
 * What the files of core/ctl share: one command of confabctl, with its words and options.
 *
 *   records.c     trace, calls: what is over; explain: what would be
 *   live.c        status, rooms, members, hangup, dial: by the HTTP API of a server that runs
 *   top.c         the same as a screen that moves
 *   tables.c      mailboxes, messages, subscribers, pin, tokens, db: by the database
 *   client.c      asks the HTTP API
 *   show.c        tables and JSON on stdout, secrets from the terminal
 *
 * Ownership: a command owns nothing. Threads: one. Failure: an exit code, after its reason is on stderr.
 */
#ifndef CONFAB_CTL_H
#define CONFAB_CTL_H

#include "core/base/settings.h"
#include "core/import.h"

#include <jansson.h>
#include <stdio.h>

enum exit_code { DONE, NOTHING, USAGE, TROUBLE };

struct command {
    const char *file; /* confab.conf */
    const struct settings *settings;
    const char *words[5]; /* the first is the verb's name; NULL: no more */
    int count;
    const char *from, *to, *at, *peer;
    const char *token_file, *role, *subject, *name, *mailbox;
    unsigned last;      /* --last; 0: not given */
    unsigned since_s;   /* --since; 0: it makes no sense */
    unsigned expires_s; /* --expires; 0: never */
    bool json, newest, live, once;
    struct import_order import;
    int (*importer)(const struct settings *settings, const struct import_order *order);
};

struct verb {
    const char *name;
    bool (*check)(struct command *c); /* its words make sense together */
    enum exit_code (*run)(const struct command *c);
};
/* Those of one file; the last one has no name. */
extern const struct verb record_verbs[], live_verbs[], top_verbs[], table_verbs[];

enum exit_code calls_live(const struct command *c); /* live.c */

/* -- show.c ---------------------------------------------------------------------------------------------- */

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What a question to the database came to; `missing` says what ENOENT is. */
enum exit_code outcome(int error, const char *missing);
void json_print(const json_t *json);
const char *json_word(const json_t *object, const char *key); /* "" */

struct column {
    const char *title, *key;
    int (*text)(char *out, size_t size, const json_t *value); /* as snprintf(); NULL: as it is */
};
/* As wide as what is in them; the last one has no title. Control characters, which may come from a phone, are
 * shown as '?'. `most` rows; 0: all. */
void table_print(FILE *to, const json_t *rows, const struct column *columns, size_t most);
int seconds_text(char *out, size_t size, const json_t *value); /* of milliseconds */
int moment_text(char *out, size_t size, const json_t *value);  /* of RFC 3339, in this machine's zone */

/* From the terminal, twice and unseen, or else a line of stdin: never from the command line, which others
 * see. False: there is none. */
bool secret_read(char *out, size_t size, const char *what);

/* -- client.c -------------------------------------------------------------------------------------------- */

struct client;
/* NULL after a complaint. */
struct client *client_new(const struct command *c);
void client_free(struct client *client);
/* `body` is taken; NULL: none. *out (may be NULL): the answer, NULL where it has none. NOTHING: 404. */
enum exit_code client_ask(struct client *client, json_t **out, const char *method, const char *path,
                          json_t *body);
/* What is no JSON; free(). */
enum exit_code client_read(struct client *client, char **out, const char *path);
/* "/api/v1/rooms/conf%3Dx": `name` is escaped. */
void client_path(struct client *client, char *out, size_t size, const char *before, const char *name,
                 const char *after);

#endif
