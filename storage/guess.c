/*
 * Who has guessed PINs too often, of rooms and mailboxes together (table pin_guess).
 */
#include "storage/guess.h"

#include <stdio.h>

/* "caller 1001", "address 192.0.2.1"; "" for what is unknown, and not counted. */
const char *guess_source(char out[SOURCE_TEXT], const char *kind, const char *name)
{
    out[0] = '\0';
    if (name[0] != '\0') {
        snprintf(out, SOURCE_TEXT, "%s %s", kind, name);
    }
    return out;
}

/* Guesses of one source go one after another until the transaction ends, so that none is a free try. */
int guess_lock(struct database *db, const char *source, time_t now, bool *locked)
{
    PGresult *row = NULL;
    int error;

    if (source[0] == '\0') {
        return 0;
    }
    error = database_query(db, NULL, "select pg_advisory_xact_lock(hashtextextended('pin ' || $1, 0))",
                           VALUES(value_text(source)));
    if (error == 0) {
        error = database_query(
            db, &row, "select from pin_guess where source = $1 and locked_until > to_timestamp($2::bigint)",
            VALUES(value_text(source), value_number(now)));
    }
    if (error == 0) {
        *locked = *locked || PQntuples(row) != 0;
        PQclear(row);
    }
    return error;
}

/* So many within the time of one lock lock for that time; a right PIN changes nothing, for who has one could
 * try for another's in between. */
int guess_count(struct database *db, const char *source, time_t now, unsigned most, unsigned minutes)
{
    if (source[0] == '\0') {
        return 0;
    }
    return database_query(
        db, NULL,
        "insert into pin_guess as g (source, failed, since, locked_until) values ($1, 1, "
        "to_timestamp($2::bigint), "
        "case when $3::int <= 1 then to_timestamp($2::bigint) + make_interval(mins => $4::int) end) "
        "on conflict (source) do update set (failed, since, locked_until) = (select n.failed, n.since, "
        "case when n.failed >= $3::int then to_timestamp($2::bigint) + make_interval(mins => $4::int) end "
        "from (select case when old then 1 else g.failed + 1 end as failed, "
        "case when old then to_timestamp($2::bigint) else g.since end as since "
        "from (select g.since < to_timestamp($2::bigint) - make_interval(mins => $4::int) as old) o) n)",
        VALUES(value_text(source), value_number(now), value_number(most), value_number(minutes)));
}
