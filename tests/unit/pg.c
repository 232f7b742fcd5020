#include "tests/unit/pg.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIN "/usr/lib/postgresql/15/bin"
#define SKIPPED 77

struct pg {
    char folder[64];
};

static void fail(const char *what)
{
    fprintf(stderr, "pg: %s\n", what);
    exit(1);
}

/* A command of PostgreSQL's, quietly; what it said is shown when it fails. PostgreSQL refuses to run as root.
 */
__attribute__((format(printf, 2, 3))) static void run(const struct pg *pg, const char *format, ...)
{
    char *command, *line;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&command, format, arguments) < 0) {
        fail("memory");
    }
    va_end(arguments);
    if (asprintf(&line, "cd / && %s %s >%s/said 2>&1 || { cat %s/said >&2; exit 1; }",
                 geteuid() == 0 ? "runuser -u postgres --" : "env", command, pg->folder, pg->folder) < 0) {
        fail("memory");
    }
    if (system(line) != 0) {
        fail(command);
    }
    free(line);
    free(command);
}

struct pg *pg_new(void)
{
    struct pg *pg = calloc(1, sizeof *pg);

    if (access(BIN "/initdb", X_OK) != 0) {
        fprintf(stderr, "pg: no " BIN "/initdb: skipped\n");
        exit(SKIPPED);
    }
    strcpy(pg->folder, "/tmp/confab-pg-XXXXXX");
    if (mkdtemp(pg->folder) == NULL) {
        fail("mkdtemp");
    }
    if (geteuid() == 0) {
        const struct passwd *user = getpwnam("postgres");

        if (user == NULL || chown(pg->folder, user->pw_uid, user->pw_gid) != 0) {
            fail("user postgres");
        }
    }
    run(pg, BIN "/initdb -D %s/data -U confab -A trust -N -E UTF8 --locale=C", pg->folder);
    pg_resume(pg);
    return pg;
}

const char *pg_folder(const struct pg *pg)
{
    return pg->folder;
}

void pg_resume(struct pg *pg)
{
    run(pg,
        BIN "/pg_ctl start -w -D %s/data -l %s/log -o \"-k %s -c listen_addresses= -c fsync=off "
            "-c shared_buffers=16MB -c max_connections=40\"",
        pg->folder, pg->folder, pg->folder);
}

void pg_halt(struct pg *pg)
{
    run(pg, BIN "/pg_ctl stop -w -m immediate -D %s/data", pg->folder);
}

void pg_free(struct pg *pg)
{
    char command[128], running[128];

    /* A case that failed in an outage has left it stopped. */
    snprintf(running, sizeof running, "%s/data/postmaster.pid", pg->folder);
    if (access(running, F_OK) == 0) {
        pg_halt(pg);
    }
    snprintf(command, sizeof command, "rm -rf %s", pg->folder);
    if (system(command) != 0) {
        fail(command);
    }
    free(pg);
}

void pg_database(struct pg *pg, const char *name, char *conninfo, size_t size)
{
    char admin[128], sql[256];

    snprintf(admin, sizeof admin, "host=%s user=confab dbname=postgres", pg->folder);
    snprintf(sql, sizeof sql, "create database \"%s\"", name);
    free(pg_query(admin, sql));
    snprintf(conninfo, size, "host=%s user=confab dbname=%s", pg->folder, name);
}

char *pg_query(const char *conninfo, const char *sql)
{
    PGconn *conn = PQconnectdb(conninfo);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fprintf(stderr, "pg: %s: %s\n", sql, PQerrorMessage(conn));
        exit(1);
    }
    char *value = strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(conn);
    return value;
}

long pg_number(const char *conninfo, const char *sql)
{
    char *value = pg_query(conninfo, sql);
    long number = strtol(value, NULL, 10);

    free(value);
    return number;
}
