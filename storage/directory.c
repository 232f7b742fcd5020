/* The directory: mailboxes by the letters of a name, as a phone's keys have them. */
#include "storage/rows.h"

#include <errno.h>

struct directory_job {
    struct job job;
    found_reply *reply;
    char keys[NUMBER_TEXT];
    struct found_list list;
};

static int directory_run(struct storage *st, struct database *db, struct job *job)
{
    struct directory_job *j = (struct directory_job *)job;
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "select m.number, letters_of(m.name), exists (select from greeting g where g.mailbox = m.number and "
        "g.kind = 'name') "
        "from mailbox m where m.kind = 'person' and $1 ~ '^[2-9]+$' and name_begins(m.name, $1) "
        "order by m.name, m.number limit $2",
        VALUES(value_text(j->keys), value_number(FOUND_MAX)));

    (void)st;
    if (error != 0) {
        return error;
    }
    j->list.count = (size_t)PQntuples(result);
    for (int row = 0; row < PQntuples(result); row++) {
        struct found *found = &j->list.found[row];

        row_text(result, row, 0, found->number, sizeof found->number);
        row_text(result, row, 1, found->name, sizeof found->name);
        found->spoken = row_truth(result, row, 2);
    }
    PQclear(result);
    return 0;
}

static void directory_replied(struct job *job)
{
    struct directory_job *j = (struct directory_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->list : NULL);
}

static const struct job_kind directory_kind = {
    .name = "directory-find", .run = directory_run, .reply = directory_replied};

int directory_find(struct storage *st, const char *keys, struct ticket ticket, found_reply *reply)
{
    struct directory_job *j = job_new(st, sizeof *j, &directory_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->keys, sizeof j->keys, keys);
    return job_submit(&j->job);
}
