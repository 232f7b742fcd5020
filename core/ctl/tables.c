/*
 * What lies in tables: by the database, so that it works without a server, and also while it is being set up.
 */
#include "core/ctl/ctl.h"
#include "core/base/hash.h"
#include "core/base/ids.h"
#include "storage/change.h"

#include <errno.h>
#include <string.h>

#define TOKEN_BYTES 32
#define PAGE 1000

/* NULL after a complaint. */
static struct admin *admin_begin(const struct command *c)
{
    struct admin *admin = NULL;
    int error = admin_open(&admin, c->settings);

    if (error != 0) {
        complain("the database cannot be reached: %s", strerror(error));
    }
    return admin;
}

/* All pages. `key` NULL: all rows. */
static int rows_read(struct admin *admin, enum listing listing, const char *key, json_t *rows)
{
    struct listing_query query = {.most = PAGE};
    const char *next;
    json_t *page;
    int error;

    snprintf(query.key, sizeof query.key, "%s", key != NULL ? key : "");
    do {
        page = NULL;
        error = admin_list(admin, listing, &query, &page);
        json_array_extend(rows, json_object_get(page, "items"));
        next = json_string_value(json_object_get(page, "next"));
        snprintf(query.after, sizeof query.after, "%s", next != NULL ? next : "");
        json_decref(page);
    } while (error == 0 && query.after[0] != '\0');
    return error;
}

static enum exit_code rows_show(const struct command *c, enum listing listing, const char *key,
                                const struct column *columns)
{
    struct admin *admin = admin_begin(c);
    json_t *rows = json_array();
    enum exit_code code = TROUBLE;

    if (admin != NULL) {
        code = outcome(rows_read(admin, listing, key, rows), "");
    }
    if (code == DONE && c->json) {
        json_print(rows);
    } else if (code == DONE) {
        table_print(stdout, rows, columns, 0);
    }
    json_decref(rows);
    admin_close(admin);
    return code;
}

/* Takes the fields, also NULL, and wipes the secret. */
static enum exit_code change_do(const struct command *c, struct change *change, json_t *fields,
                                const char *missing)
{
    struct admin *admin;
    enum exit_code code = TROUBLE;

    if (strlen(c->words[c->count > 2 ? 2 : 1]) >= sizeof change->key ||
        change_set_fields(change, fields) != 0) {
        complain("that is too long");
        code = USAGE;
    } else if ((admin = admin_begin(c)) != NULL) {
        code = outcome(admin_change(admin, change), missing);
        admin_close(admin);
    }
    json_decref(fields);
    explicit_bzero(change->secret, sizeof change->secret);
    if (code == DONE && c->json) {
        json_t *done = json_object();

        json_print(done);
        json_decref(done);
    }
    return code;
}

static bool word_is(const struct command *c, int at, const char *word)
{
    return c->count > at && strcmp(c->words[at], word) == 0;
}

/* -- subscribers ---------------------------------------------------------------------------------------- */

static enum exit_code subscriber_change(const struct command *c)
{
    struct change change = {.kind = word_is(c, 1, "add")      ? SUBSCRIBER_ADD
                                    : word_is(c, 1, "passwd") ? SUBSCRIBER_EDIT
                                                              : SUBSCRIBER_REMOVE};
    json_t *fields = json_object();

    snprintf(change.key, sizeof change.key, "%s", c->words[2]);
    if (c->name != NULL) {
        json_object_set_new(fields, "name", json_string(c->name));
    }
    if (c->mailbox != NULL) {
        json_object_set_new(fields, "mailbox", json_string(c->mailbox));
    }
    if (change.kind != SUBSCRIBER_REMOVE &&
        !secret_read(change.secret, sizeof change.secret, "SIP password")) {
        json_decref(fields);
        return USAGE;
    }
    return change_do(c, &change, fields, "there is no such subscriber");
}

static enum exit_code subscribers(const struct command *c)
{
    static const struct column columns[] = {{"number", "number", NULL},   {"name", "name", NULL},
                                            {"mailbox", "mailbox", NULL}, {"zone", "zone", NULL},
                                            {"phones", "contacts", NULL}, {0}};

    return c->count == 3 ? subscriber_change(c) : rows_show(c, LISTING_SUBSCRIBERS, NULL, columns);
}

static bool subscribers_check(struct command *c)
{
    if (c->count == 1 || (c->count == 2 && word_is(c, 1, "list"))) {
        return true;
    }
    return c->count == 3 && (word_is(c, 1, "add") || word_is(c, 1, "passwd") || word_is(c, 1, "remove"));
}

/* -- mailboxes ------------------------------------------------------------------------------------------ */

static enum exit_code mailboxes(const struct command *c)
{
    static const struct column columns[] = {{"mailbox", "number", NULL},
                                            {"name", "name", NULL},
                                            {"kind", "kind", NULL},
                                            {"new", "new", NULL},
                                            {"old", "old", NULL},
                                            {"locked", "locked", NULL},
                                            {0}};

    return rows_show(c, LISTING_MAILBOXES, NULL, columns);
}

static bool mailboxes_check(struct command *c)
{
    return c->count == 1;
}

static enum exit_code messages(const struct command *c)
{
    static const struct column columns[] = {{"message", "id", NULL},       {"folder", "folder", NULL},
                                            {"from", "caller", NULL},      {"name", "caller_name", NULL},
                                            {"left", "left", moment_text}, {"s", "duration_ms", seconds_text},
                                            {"urgent", "urgent", NULL},    {0}};
    struct admin *admin = admin_begin(c);
    json_t *box = json_array();
    enum exit_code code = TROUBLE;

    /* An empty mailbox and none are not the same. */
    if (admin != NULL) {
        int error = rows_read(admin, LISTING_MAILBOXES, c->words[1], box);

        code = outcome(error == 0 && json_array_size(box) == 0 ? ENOENT : error, "there is no such mailbox");
    }
    json_decref(box);
    admin_close(admin);
    return code == DONE ? rows_show(c, LISTING_MESSAGES, c->words[1], columns) : code;
}

static bool one_check(struct command *c)
{
    return c->count == 2;
}

static enum exit_code pin(const struct command *c)
{
    struct change change = {.kind = MAILBOX_EDIT};

    snprintf(change.key, sizeof change.key, "%s", c->words[1]);
    if (!secret_read(change.secret, sizeof change.secret, "PIN")) {
        return USAGE;
    }
    return change_do(c, &change, NULL, "there is no such mailbox");
}

/* -- tokens --------------------------------------------------------------------------------------------- */

/* The secret is shown once; the table has its digest. */
static enum exit_code token_add(const struct command *c)
{
    struct change change = {.kind = TOKEN_ADD};
    char secret[2 * TOKEN_BYTES + 1], sha256[SHA256_TEXT], id[UUID_TEXT];
    json_t *fields;
    struct command quiet = *c;
    enum exit_code code;

    random_hex(secret, TOKEN_BYTES);
    sha256_text(sha256, secret);
    uuid_make(id);
    snprintf(change.key, sizeof change.key, "%s", c->words[2]);
    fields =
        json_pack("{s:s, s:s, s:s, s:s}", "id", id, "sha256", sha256, "role",
                  c->role != NULL ? c->role : "read-only", "subject", c->subject != NULL ? c->subject : "");
    if (c->expires_s > 0) {
        json_object_set_new(fields, "expires_s", json_integer(c->expires_s));
    }
    quiet.json = false;
    code = change_do(&quiet, &change, fields, "");
    if (code == DONE && c->json) {
        json_t *made = json_pack("{s:s, s:s, s:s}", "id", id, "name", c->words[2], "secret", secret);

        json_print(made);
        json_decref(made);
    } else if (code == DONE) {
        puts(secret);
    }
    explicit_bzero(secret, sizeof secret);
    return code;
}

static enum exit_code tokens(const struct command *c)
{
    static const struct column columns[] = {{"id", "id", NULL},
                                            {"name", "name", NULL},
                                            {"role", "role", NULL},
                                            {"of", "subject", NULL},
                                            {"created", "created", moment_text},
                                            {"last used", "last_used", moment_text},
                                            {"expires", "expires", moment_text},
                                            {0}};
    struct change change = {.kind = TOKEN_REMOVE};

    if (c->count < 3) {
        return rows_show(c, LISTING_TOKENS, NULL, columns);
    }
    if (word_is(c, 1, "add")) {
        return token_add(c);
    }
    snprintf(change.key, sizeof change.key, "%s", c->words[2]);
    return change_do(c, &change, NULL, "there is no such token");
}

static bool tokens_check(struct command *c)
{
    if (c->count == 1 || (c->count == 2 && word_is(c, 1, "list"))) {
        return true;
    }
    return c->count == 3 && (word_is(c, 1, "add") || word_is(c, 1, "remove"));
}

/* -- db ------------------------------------------------------------------------------------------------- */

/* Anything but "applied" is somebody's task: NOTHING. */
static enum exit_code db_judge(const json_t *report)
{
    const json_t *file;
    enum exit_code code = DONE;
    size_t i;

    json_array_foreach(json_object_get(report, "migrations"), i, file)
    {
        const char *state = json_word(file, "state");

        if (strcmp(state, "applied") == 0) {
            continue;
        }
        code = NOTHING;
        complain("%s: %s", json_word(file, "file"),
                 strcmp(state, "pending") == 0   ? "is not applied yet: confabctl db migrate"
                 : strcmp(state, "changed") == 0 ? "was applied in another form: restore the file"
                                                 : "was applied by a newer confab: this one is too old");
    }
    return code;
}

static enum exit_code db_check(const struct command *c)
{
    struct admin *admin = admin_begin(c);
    json_t *report = NULL;
    int error;

    if (admin == NULL) {
        return TROUBLE;
    }
    error = admin_examine(admin, &report);
    admin_close(admin);
    if (error == ENOENT) {
        complain("%s: there are no migrations", c->settings->sql_dir);
        return TROUBLE;
    }
    enum exit_code code = outcome(error, "");
    if (code == DONE && c->json) {
        json_print(report);
    } else if (code == DONE) {
        printf("PostgreSQL %s, %.1f MB, %zu migrations\n", json_word(report, "server"),
               (double)json_integer_value(json_object_get(report, "size")) / 1e6,
               json_array_size(json_object_get(report, "migrations")));
    }
    if (code == DONE) {
        code = db_judge(report);
    }
    json_decref(report);
    return code;
}

static enum exit_code db(const struct command *c)
{
    int error;

    if (word_is(c, 1, "migrate")) {
        error = storage_migrate(c->settings);
        if (error != 0) {
            complain("the database's schema cannot be brought up to date: %s",
                     error == ENOTCONN ? "it cannot be reached" : "see above");
            return TROUBLE;
        }
    }
    return db_check(c);
}

static bool db_words(struct command *c)
{
    return c->count == 2 && (word_is(c, 1, "migrate") || word_is(c, 1, "check"));
}

const struct verb table_verbs[] = {
    {"mailboxes", mailboxes_check, mailboxes},
    {"messages", one_check, messages},
    {"pin", one_check, pin},
    {"subscribers", subscribers_check, subscribers},
    {"tokens", tokens_check, tokens},
    {"db", db_words, db},
    {0},
};
