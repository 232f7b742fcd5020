/* Reads the tables of sql/0005_records.sql; PostgreSQL makes the JSON. */
#include "storage/history.h"
#include "storage/rows.h"

#include <errno.h>
#include <stdlib.h>

#define CONNECT_S 5

#define RECORD                                                                                               \
    "jsonb_build_object('call', to_jsonb(c), "                                                               \
    "'legs', (select coalesce(jsonb_agg(to_jsonb(l) order by l.started, l.leg), '[]') from cdr l "           \
    "where l.call = c.id), "                                                                                 \
    "'trace', (select coalesce(jsonb_agg(to_jsonb(t) - 'call' - 'started' order by t.seq), '[]') "           \
    "from trace t where t.call = c.id))"

struct history {
    struct database db;
    const struct settings *settings;
};

int history_open(struct history **out, const struct settings *settings)
{
    struct history *history = calloc(1, sizeof *history);

    if (history == NULL) {
        return ENOMEM;
    }
    history->settings = settings_hold(settings);
    history->db.conninfo = settings->database;
    int error = database_connect_within(&history->db, CONNECT_S);
    if (error != 0) {
        history_close(history);
        return error;
    }
    *out = history;
    return 0;
}

void history_close(struct history *history)
{
    if (history != NULL) {
        database_close(&history->db);
        settings_free(history->settings);
        free(history);
    }
}

/* One row with one field of JSON. */
static int json_query(struct history *history, json_t **out, const char *sql, const struct value *values,
                      size_t count)
{
    PGresult *result = NULL;
    int error = database_query(&history->db, &result, sql, values, count);

    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else {
        *out = json_loads(PQgetvalue(result, 0, 0), 0, NULL);
        error = *out == NULL ? EIO : 0;
    }
    PQclear(result);
    return error;
}

/* The newest of those that fit: a Session-ID stays the same through a transfer. */
int history_record(struct history *history, const char *key, json_t **out)
{
    return json_query(history, out,
                      "select " RECORD
                      " from call c where c.id = $1 or c.session_id = split_part($1, ';', 1) "
                      "or c.sip_call_id = $1 or c.id in (select call from cdr where session_id = $1) "
                      "order by c.id = $1 desc, c.started desc limit 1",
                      VALUES(value_text(key)));
}

int history_newest(struct history *history, unsigned count, json_t **out)
{
    return json_query(history, out,
                      "select coalesce(jsonb_agg(" RECORD " order by c.started), '[]') "
                      "from (select * from call order by started desc limit $1) c",
                      VALUES(value_number(count)));
}

int history_calls(struct history *history, unsigned seconds, unsigned count, json_t **out)
{
    return json_query(history, out,
                      "select coalesce(jsonb_agg(to_jsonb(c) order by c.started), '[]') "
                      "from (select * from call where started > now() - make_interval(secs => $1::int) "
                      "order by started desc limit $2) c",
                      VALUES(value_number(seconds), value_number(count)));
}

int history_subscriber(struct history *history, const char *number, struct subscriber *out)
{
    return subscriber_read(&history->db, number, out, NULL);
}
