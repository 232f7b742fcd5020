/* What of a conference outlives the server: one call of a function in the database, whatever has happened. */
#include "storage/keep.h"
#include "storage/internal.h"

#include <errno.h>
#include <string.h>

#include "core/base/clock.h"

struct keep_job {
    struct done_job done;
    struct room_kept kept;
    char number[NUMBER_TEXT];
    char lines[];
};

static int keep_run(struct storage *st, struct database *db, struct job *job)
{
    const struct keep_job *j = (const struct keep_job *)job;
    const struct room_kept *kept = &j->kept;

    (void)st;
    return database_query(db, NULL,
                          "select conference_keep($1, to_timestamp($2::bigint), $3, $4, $5, $6, $7, $8)",
                          VALUES(value_text(j->number), value_number(clock_wall()), value_truth(kept->begins),
                                 value_truth(kept->ends), value_truth(kept->locked),
                                 value_truth(kept->lecture), value_truth(kept->muted), value_text(j->lines)));
}

static const struct job_kind keep_kind = {
    .name = "conference-keep", .run = keep_run, .reply = done_job_reply};

int conference_keep(struct storage *st, const struct room_kept *kept, struct ticket ticket,
                    storage_done *reply)
{
    size_t length = strlen(kept->lines);
    struct keep_job *j = job_new(st, sizeof *j + length + 1, &keep_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    j->kept = *kept;
    key_copy(j->number, sizeof j->number, kept->number);
    memcpy(j->lines, kept->lines, length + 1);
    return job_submit(&j->done.job);
}
