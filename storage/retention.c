/*
 * How long messages stay: what was heard long ago goes to the trash, what has lain in the trash goes for
 * good, with its sound unless another mailbox has it too. Then what was only written down about mailboxes.
 * Runs with each sweep; twice does no more than once.
 */
#include "storage/internal.h"

#include "core/base/clock.h"

#define RETAIN_MOST 1000 /* a minute: a job must not keep a thread from calls */

int retention_run(struct storage *st, struct database *db)
{
    int error =
        database_query(db, NULL, "select mailbox_retain(to_timestamp($1::bigint), $2::int, $3::int, $4::int)",
                       VALUES(value_number(clock_wall()), value_number(st->settings->keep_days),
                              value_number(st->settings->trash_days), value_number(RETAIN_MOST)));

    if (error != 0) {
        return error;
    }
    return database_query(db, NULL, "select traces_retain(to_timestamp($1::bigint), $2::int, $3::int)",
                          VALUES(value_number(clock_wall()), value_number(st->settings->audit_days),
                                 value_number(RETAIN_MOST)));
}
