/* Tokens of the HTTP API, by the digest of their secret: the secret itself never comes here. */
#include "storage/api.h"
#include "storage/internal.h"

#include <errno.h>
#include <string.h>

struct token_job {
    struct job job;
    token_reply *reply;
    char sha256[SHA256_TEXT];
    struct token token;
};

/* One that asks every second is written down once a minute. */
static int token_run(struct storage *st, struct database *db, struct job *job)
{
    struct token_job *j = (struct token_job *)job;
    PGresult *row = NULL;
    int error =
        database_query(db, &row,
                       "with found as (select * from token where sha256 = decode($1, 'hex') and "
                       "(expires is null or expires > now())), "
                       "used as (update token t set last_used = now() from found f where t.id = f.id and "
                       "(f.last_used is null or f.last_used < now() - interval '1 minute')) "
                       "select id, name, role, subject, extract(epoch from expires)::bigint from found",
                       VALUES(value_text(j->sha256)));

    (void)st;
    if (error == 0 && PQntuples(row) == 0) {
        error = ENOENT;
    } else if (error == 0) {
        row_text(row, 0, 0, j->token.id, sizeof j->token.id);
        row_text(row, 0, 1, j->token.name, sizeof j->token.name);
        row_text(row, 0, 2, j->token.role, sizeof j->token.role);
        row_text(row, 0, 3, j->token.subject, sizeof j->token.subject);
        j->token.expires = (time_t)row_number(row, 0, 4);
    }
    PQclear(row);
    return error;
}

static void token_replied(struct job *job)
{
    struct token_job *j = (struct token_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->token : NULL);
}

static const struct job_kind token_kind = {.name = "token-find", .run = token_run, .reply = token_replied};

int token_find(struct storage *st, const char *sha256, struct ticket ticket, token_reply *reply)
{
    struct token_job *j = job_new(st, sizeof *j, &token_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    if (strlen(sha256) != sizeof j->sha256 - 1 ||
        strspn(sha256, "0123456789abcdef") != sizeof j->sha256 - 1) {
        job_free(&j->job);
        return EINVAL;
    }
    strcpy(j->sha256, sha256);
    return job_submit(&j->job);
}
