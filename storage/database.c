/*
 * A thread's connection to PostgreSQL: connects when needed, never waits long, and knows after a loss whether
 * a transaction may be repeated.
 */
#include "storage/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/log.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 5000

struct value value_text(const char *text)
{
    return (struct value){.bytes = text};
}

struct value value_number(int64_t number)
{
    struct value v = {.bytes = NULL};

    snprintf(v.digits, sizeof v.digits, "%" PRId64, number);
    return v;
}

struct value value_truth(bool truth)
{
    return value_text(truth ? "t" : "f");
}

struct value value_bytes(const void *bytes, size_t length)
{
    return (struct value){.bytes = bytes, .length = (int)length, .binary = 1};
}

static void notice_log(void *arg, const char *message)
{
    (void)arg;
    log_event(LEVEL_DEBUG, "storage", NULL, "notice text=\"%s\"", message);
}

void database_close(struct database *db)
{
    PQfinish(db->conn);
    db->conn = NULL;
}

/* A failed attempt: the next one waits, twice as long each time, and a little at random so that the threads
 * do not all knock at once. */
static void back_off(struct database *db)
{
    db->backoff_ms = db->backoff_ms == 0 ? BACKOFF_FIRST_MS : db->backoff_ms * 2;
    if (db->backoff_ms > BACKOFF_LAST_MS) {
        db->backoff_ms = BACKOFF_LAST_MS;
    }
    db->retry_us = clock_now_us() + UINT64_C(1000) * (db->backoff_ms + random_below(db->backoff_ms / 2));
}

int database_connect(struct database *db)
{
    /* What comes before "dbname" is a default that the connection string may override. A dead network is
     * noticed after 10 s: signalling's callers would not wait longer. */
    static const char *const keys[] = {"connect_timeout",
                                       "keepalives_idle",
                                       "tcp_user_timeout",
                                       "application_name",
                                       "dbname",
                                       "client_encoding",
                                       NULL};
    const char *const texts[] = {"3", "10", "10000", "confab", db->conninfo, "UTF8", NULL};

    if (db->conn != NULL) {
        return 0;
    }
    if (clock_now_us() < db->retry_us) {
        return ENOTCONN;
    }
    db->conn = PQconnectdbParams(keys, texts, 1);
    if (PQstatus(db->conn) != CONNECTION_OK) {
        log_event(LEVEL_WARNING, "storage", NULL, "database-away text=\"%s\"", PQerrorMessage(db->conn));
        database_close(db);
        back_off(db);
        return ENOTCONN;
    }
    PQsetNoticeProcessor(db->conn, notice_log, NULL);
    PQclear(PQexec(db->conn, "set statement_timeout = '30s'"));
    if (db->was_up) {
        log_event(LEVEL_NOTICE, "storage", NULL, "database-back");
        if (db->reconnects != NULL) {
            atomic_fetch_add(db->reconnects, 1);
        }
    }
    db->was_up = true;
    db->backoff_ms = 0;
    db->retry_us = 0;
    return 0;
}

int database_connect_within(struct database *db, unsigned seconds)
{
    /* Real time, not core/base/clock.h: nothing but waiting helps here. */
    for (unsigned tries = 0; tries < seconds * 4; tries++) {
        db->retry_us = 0;
        if (database_connect(db) == 0) {
            return 0;
        }
        nanosleep(&(struct timespec){.tv_nsec = 250 * 1000 * 1000}, NULL);
    }
    return ENOTCONN;
}

void database_settle(struct database *db)
{
    db->unsure = false;
    /* Between jobs nothing should arrive but the server's farewell: twice, as the first call may only read
     * that and the second meets the end of the stream. */
    if (db->conn != NULL && (PQconsumeInput(db->conn) == 0 || PQconsumeInput(db->conn) == 0)) {
        database_close(db);
    }
    database_rollback(db);
}

void database_rollback(struct database *db)
{
    if (db->conn != NULL && PQtransactionStatus(db->conn) != PQTRANS_IDLE) {
        PGresult *result = PQexec(db->conn, "rollback");
        bool done = PQresultStatus(result) == PGRES_COMMAND_OK;

        PQclear(result);
        if (!done) {
            database_close(db);
        }
    }
}

/* Maps a failed result to an errno (PostgreSQL's manual, appendix A), and drops a connection that is of no
 * more use. */
static int result_error(struct database *db, const PGresult *result, const char *sql)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (state == NULL) {
        state = "";
    }
    db->refused = strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0;
    /* 57P01 to 57P03: the server shuts down or starts; 25006: it has become a standby. */
    if (PQstatus(db->conn) != CONNECTION_OK || strncmp(state, "08", 2) == 0 ||
        strncmp(state, "57P", 3) == 0 || strcmp(state, "25006") == 0) {
        log_event(LEVEL_WARNING, "storage", NULL, "database-lost state=%s text=\"%s\"", state,
                  text != NULL ? text : PQerrorMessage(db->conn));
        database_close(db);
        return ENOTCONN;
    }
    if (strcmp(state, "23503") == 0) { /* foreign key violation */
        return ENOENT;
    }
    log_event(LEVEL_ERROR, "storage", NULL, "query-failed state=%s text=\"%s\" sql=\"%.60s\"", state,
              text != NULL ? text : PQerrorMessage(db->conn), sql);
    return EIO;
}

static int query_run(struct database *db, PGresult **out, const char *sql, const struct value *values,
                     size_t count, int format)
{
    const char *texts[QUERY_VALUES_MAX];
    int lengths[QUERY_VALUES_MAX], formats[QUERY_VALUES_MAX];
    int error = database_connect(db);

    if (error != 0) {
        return error;
    }
    if (count > QUERY_VALUES_MAX) {
        return EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        bool digits = values[i].bytes == NULL && values[i].digits[0] != '\0';

        texts[i] = digits ? values[i].digits : values[i].bytes;
        lengths[i] = values[i].length;
        formats[i] = values[i].binary;
    }
    PGresult *result = PQexecParams(db->conn, sql, (int)count, NULL, texts, lengths, formats, format);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        error = result_error(db, result, sql);
        PQclear(result);
        return error;
    }
    if (out != NULL) {
        *out = result;
    } else {
        PQclear(result);
    }
    return 0;
}

int database_query(struct database *db, PGresult **out, const char *sql, const struct value *values,
                   size_t count)
{
    return query_run(db, out, sql, values, count, 0);
}

int database_query_binary(struct database *db, PGresult **out, const char *sql, const struct value *values,
                          size_t count)
{
    return query_run(db, out, sql, values, count, 1);
}

int database_script(struct database *db, const char *sql)
{
    int error = database_connect(db);

    if (error != 0) {
        return error;
    }
    PGresult *result = PQexec(db->conn, sql);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
        log_event(LEVEL_ERROR, "storage", NULL, "script-failed text=\"%s\"", PQresultErrorMessage(result));
        error = PQstatus(db->conn) == CONNECTION_OK ? EINVAL : ENOTCONN;
    }
    PQclear(result);
    return error;
}

int database_begin(struct database *db)
{
    return database_query(db, NULL, "begin", NULL, 0);
}

int database_commit(struct database *db)
{
    PGresult *result = NULL;
    int error = database_query(db, &result, "commit", NULL, 0);

    db->unsure = error == ENOTCONN;
    /* COMMIT of a failed transaction is a rollback and no error. */
    if (error == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        error = EIO;
    }
    PQclear(result);
    return error;
}

void row_text(const PGresult *result, int row, int column, char *out, size_t size)
{
    text_copy(out, size, PQgetvalue(result, row, column));
}

int64_t row_number(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

bool row_truth(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column)[0] == 't';
}
