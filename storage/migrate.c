/*
 * Numbered migrations: NNNN_name.sql, each applied once, in order, in a transaction of its own. What was
 * applied is recorded with its checksum; a file that was changed afterwards is refused, as nobody could say
 * then what the database holds.
 */
#include "storage/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"

#define LOCK_KEY                                                                                             \
    7266325662 /* "confab" on a telephone's keys, and 62; any constant that all confabds share               \
                */
#define CONNECT_S 30

static int is_migration(const struct dirent *file)
{
    size_t length = strlen(file->d_name);

    return strspn(file->d_name, "0123456789") == 4 && file->d_name[4] == '_' && length > 9 &&
           strcmp(file->d_name + length - 4, ".sql") == 0;
}

static int file_read(char **out, const char *folder, const char *name)
{
    char path[4096], *text = NULL;
    struct stat stat;
    int error = 0;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path) {
        return ENAMETOOLONG;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return errno;
    }
    if (fstat(fileno(file), &stat) != 0 || (text = calloc(1, (size_t)stat.st_size + 1)) == NULL) {
        error = errno;
    } else if (fread(text, 1, (size_t)stat.st_size, file) != (size_t)stat.st_size) {
        error = EIO;
    }
    fclose(file);
    if (error != 0) {
        free(text);
        return error;
    }
    *out = text;
    return 0;
}

/* *applied: it is there already. EINVAL when what is there was another text. */
static int migration_check(struct database *db, int number, const char *name, const char *text, bool *applied)
{
    PGresult *result = NULL;
    int error = database_query(db, &result,
                               "select checksum = encode(sha256(convert_to($2, 'UTF8')), 'hex') "
                               "from schema_migration where number = $1",
                               VALUES(value_number(number), value_text(text)));

    if (error != 0) {
        return error;
    }
    *applied = PQntuples(result) > 0;
    if (*applied && !row_truth(result, 0, 0)) {
        log_event(LEVEL_ERROR, "storage", NULL,
                  "migration-changed file=%s text=\"it was applied in another form; restore the file and put "
                  "the change "
                  "into a new migration\"",
                  name);
        error = EINVAL;
    }
    PQclear(result);
    return error;
}

/* DDL is transactional in PostgreSQL: a migration that fails half-way leaves nothing. */
static int migration_run(struct database *db, int number, const char *name, const char *text)
{
    int error = database_begin(db);

    if (error == 0) {
        error = database_script(db, text);
    }
    if (error == 0) {
        error = database_query(db, NULL,
                               "insert into schema_migration (number, name, checksum) "
                               "values ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))",
                               VALUES(value_number(number), value_text(name), value_text(text)));
    }
    if (error == 0) {
        error = database_commit(db);
    }
    database_rollback(db);
    if (error == 0) {
        log_event(LEVEL_NOTICE, "storage", NULL, "migration-applied file=%s", name);
    } else {
        log_event(LEVEL_ERROR, "storage", NULL, "migration-failed file=%s", name);
    }
    return error;
}

static int migration_apply(struct database *db, const char *folder, const char *name)
{
    char *text = NULL;
    bool applied = false;
    int number = atoi(name);
    int error = file_read(&text, folder, name);

    if (error != 0) {
        log_event(LEVEL_ERROR, "storage", NULL, "migration-unreadable file=%s error=\"%s\"", name,
                  strerrordesc_np(error));
        return error;
    }
    error = migration_check(db, number, name, text, &applied);
    if (error == 0 && !applied) {
        error = migration_run(db, number, name, text);
    }
    free(text);
    return error;
}

static int migrations_locked(struct database *db, struct dirent **files, int count, const char *folder)
{
    int error =
        database_script(db, "create table if not exists schema_migration ("
                            "number integer primary key, name text not null, checksum text not null, "
                            "applied timestamptz not null default now()); "
                            "comment on table schema_migration is 'Files of sql/ that were applied here'");

    for (int i = 0; i < count && error == 0; i++) {
        if (i > 0 && atoi(files[i]->d_name) == atoi(files[i - 1]->d_name)) {
            log_event(LEVEL_ERROR, "storage", NULL, "migration-ambiguous file=%s other=%s", files[i]->d_name,
                      files[i - 1]->d_name);
            return EINVAL;
        }
        error = migration_apply(db, folder, files[i]->d_name);
    }
    return error;
}

int migrations_apply(struct database *db, const char *folder)
{
    struct dirent **files = NULL;
    int count = scandir(folder, &files, is_migration, alphasort);
    int error;

    if (count <= 0) {
        log_event(LEVEL_ERROR, "storage", NULL, "no-migrations folder=%s", folder);
        return EINVAL;
    }
    error = database_connect_within(db, CONNECT_S);
    /* Another confabd may be migrating: wait for it, however long that takes. */
    if (error == 0) {
        error = database_script(db, "set statement_timeout = 0");
    }
    if (error == 0) {
        error = database_query(db, NULL, "select pg_advisory_lock($1)", VALUES(value_number(LOCK_KEY)));
    }
    if (error == 0) {
        error = migrations_locked(db, files, count, folder);
    }
    /* The lock belongs to the session and ends with it. */
    database_close(db);
    for (int i = 0; i < count; i++) {
        free(files[i]);
    }
    free(files);
    return error == 0 || error == ENOTCONN ? error : EINVAL;
}

/* Of a database that no server has touched yet nothing is applied. */
static int applied_read(struct database *db, PGresult **out)
{
    PGresult *table = NULL;
    int error = database_query(db, &table, "select to_regclass('schema_migration') is not null", NULL, 0);
    bool there = error == 0 && row_truth(table, 0, 0);

    PQclear(table);
    if (error != 0) {
        return error;
    }
    return database_query(db, out,
                          there ? "select name, checksum from schema_migration order by number"
                                : "select '', '' where false",
                          NULL, 0);
}

static int migration_tell(json_t *list, const char *name, const char *state)
{
    return json_array_append_new(list, json_pack("{s:s, s:s}", "file", name, "state", state)) ? ENOMEM : 0;
}

/* How the file stands to the rows; the one that is its own counts as `seen`. */
static int file_judge(const PGresult *applied, bool *seen, const char *folder, const char *name, json_t *list)
{
    const char *state = "pending";
    char sum[SHA256_TEXT], *text = NULL;
    int error = file_read(&text, folder, name);

    if (error == 0) {
        sha256_text(sum, text);
    }
    for (int row = 0; error == 0 && row < PQntuples(applied); row++) {
        if (strcmp(PQgetvalue(applied, row, 0), name) == 0) {
            seen[row] = true;
            state = strcmp(PQgetvalue(applied, row, 1), sum) == 0 ? "applied" : "changed";
        }
    }
    free(text);
    return error != 0 ? error : migration_tell(list, name, state);
}

int migrations_read(struct database *db, const char *folder, json_t *list)
{
    struct dirent **files = NULL;
    PGresult *applied = NULL;
    bool *seen = NULL;
    int count = scandir(folder, &files, is_migration, alphasort);
    int error = count <= 0 ? ENOENT : applied_read(db, &applied);

    if (error == 0 && (seen = calloc((size_t)PQntuples(applied) + 1, sizeof *seen)) == NULL) {
        error = ENOMEM;
    }
    for (int i = 0; i < count; i++) {
        if (error == 0) {
            error = file_judge(applied, seen, folder, files[i]->d_name, list);
        }
        free(files[i]);
    }
    free(files);
    /* A newer confab has been here. */
    for (int row = 0; error == 0 && row < PQntuples(applied); row++) {
        if (!seen[row]) {
            error = migration_tell(list, PQgetvalue(applied, row, 0), "unknown");
        }
    }
    free(seen);
    PQclear(applied);
    return error;
}

int storage_migrate(const struct settings *settings)
{
    struct database db = {.conninfo = settings->database};

    return migrations_apply(&db, settings->sql_dir);
}
