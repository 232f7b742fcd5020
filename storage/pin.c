/*
 * PINs: which ones will do, and how they are checked without telling a guesser anything.
 */
#include "storage/rows.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"

#define EXTENSION_MIN 3 /* shorter numbers are contained in half of all PINs */

/* A hash of nothing: compared where there is none, so that this takes as long. */
#define NO_HASH "$y$j9T$fVtXPdKzEhvqY1ycr4ZA3/$Y6k1NWwuxLESERIZrY2NdwcrxDnumyTOp8dW/aVWoq8"

/* True when each digit follows from the one before by `step`, with 9 and 0 as neighbours: 567890, 987654. */
static bool is_run(const char *pin, size_t length, int step)
{
    for (size_t i = 1; i < length; i++) {
        if ((pin[i - 1] - '0' + step + 10) % 10 != pin[i] - '0') {
            return false;
        }
    }
    return true;
}

/* True when a group of digits repeats, the last time perhaps in part: 777777, 121212, 1231231. */
static bool is_repetition(const char *pin, size_t length)
{
    for (size_t period = 1; period <= length / 2; period++) {
        if (strncmp(pin, pin + period, length - period) == 0) {
            return true;
        }
    }
    return false;
}

int pin_judge(const char *pin, const char *number)
{
    size_t length = strlen(pin);

    if (length < PIN_MIN || length > PIN_MAX || strspn(pin, "0123456789") != length) {
        return EINVAL;
    }
    if (is_run(pin, length, 1) || is_run(pin, length, -1) || is_repetition(pin, length)) {
        return EPERM;
    }
    if (strlen(number) >= EXTENSION_MIN && strstr(pin, number) != NULL) {
        return EPERM;
    }
    return 0;
}

void pin_copy(char out[PIN_MAX + 1], const char *pin)
{
    if (strlen(pin) <= PIN_MAX) {
        strcpy(out, pin);
    } else {
        out[0] = '\0';
    }
}

/* Takes some 20 ms and 16 MB: on storage threads alone. `salt` is a hash to compare with, or a salt. */
static int pin_crypt(char out[CRYPT_OUTPUT_SIZE], const char *pin, const char *salt)
{
    struct crypt_data *data = calloc(1, sizeof *data);

    if (data == NULL) {
        return ENOMEM;
    }
    const char *hash = crypt_rn(pin, salt, data, (int)sizeof *data);
    if (hash != NULL) {
        strcpy(out, hash);
    }
    explicit_bzero(data, sizeof *data);
    free(data);
    return hash != NULL ? 0 : EINVAL;
}

int pin_hash(char out[CRYPT_OUTPUT_SIZE], const char *pin)
{
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];

    if (crypt_gensalt_rn("$y$", 0, NULL, 0, salt, sizeof salt) == NULL) {
        return EIO;
    }
    return pin_crypt(out, pin, salt);
}

/* `hash` "" or unreadable: a comparison that fails, after the same work. */
bool pin_matches(const char *pin, const char *hash)
{
    char got[CRYPT_OUTPUT_SIZE];
    bool there = hash[0] == '$';
    const char *expected = there ? hash : NO_HASH;
    unsigned char difference = 0;
    size_t length = strlen(expected);

    if (pin_crypt(got, pin, expected) != 0 || strlen(got) != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        difference |= (unsigned char)(got[i] ^ expected[i]);
    }
    return difference == 0 && there;
}

/* -- a mailbox's PIN
 * -------------------------------------------------------------------------------------------------- */

static const char pin_select[] =
    "select pin_hash, pin_locked_until > to_timestamp($2::bigint) from mailbox where number = $1 "
    "for no key update";
static const char pin_right[] =
    "update mailbox set pin_failed = 0, pin_locked_until = null where number = $1 "
    "and (pin_failed > 0 or pin_locked_until is not null)";
/* 10 wrong ones in a row lock for 15 minutes. The counter starts anew then, so that the next lock needs 10
 * more. */
static const char pin_wrong[] =
    "update mailbox set pin_failed = (pin_failed + 1) % 10, pin_locked_until = case when pin_failed >= 9 "
    "then to_timestamp($2::bigint) + interval '15 minutes' end where number = $1 "
    "and (pin_locked_until is null or pin_locked_until <= to_timestamp($2::bigint))";

/*
 * The row stays locked while we hash, so that guesses from several calls are counted one by one and none gets
 * a free try. Unknown, locked, without a PIN: each takes the same hashing and the same statements. The caller
 * commits for EACCES too, as that is what counts the wrong PIN.
 */
static int pin_check(struct database *db, const char *number, const char *pin)
{
    PGresult *row = NULL;
    int64_t now = clock_wall();
    int error = database_query(db, &row, pin_select, VALUES(value_text(number), value_number(now)));

    if (error != 0) {
        return error;
    }
    bool right = pin_matches(pin, PQntuples(row) == 0 ? "" : PQgetvalue(row, 0, 0));
    bool locked = PQntuples(row) != 0 && row_truth(row, 0, 1);
    PQclear(row);
    if (right && !locked) {
        return database_query(db, NULL, pin_right, VALUES(value_text(number)));
    }
    error = database_query(db, NULL, pin_wrong, VALUES(value_text(number), value_number(now)));
    return error == 0 ? EACCES : error;
}

struct pin_job {
    struct job job;
    mailbox_reply *checked;
    storage_done *set;
    char number[NUMBER_TEXT], pin[PIN_MAX + 1];
    struct mailbox mailbox;
};

static int check_run(struct storage *st, struct database *db, struct job *job)
{
    struct pin_job *j = (struct pin_job *)job;
    int verdict, error = database_begin(db);

    (void)st;
    if (error != 0) {
        return error;
    }
    verdict = pin_check(db, j->number, j->pin);
    if (verdict == 0) {
        verdict = mailbox_read(db, j->number, &j->mailbox);
    }
    if (verdict == 0 || verdict == EACCES) {
        error = database_commit(db);
    }
    return error != 0 ? error : verdict;
}

static void check_replied(struct job *job)
{
    struct pin_job *j = (struct pin_job *)job;

    j->checked(job->ticket, job->error, job->error == 0 ? &j->mailbox : NULL);
}

static const struct job_kind check_kind = {.name = "pin-check", .run = check_run, .reply = check_replied};

int mailbox_check_pin(struct storage *st, const char *number, const char *pin, struct ticket ticket,
                      mailbox_reply *reply)
{
    struct pin_job *j = job_new(st, sizeof *j, &check_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->checked = reply;
    key_copy(j->number, sizeof j->number, number);
    pin_copy(j->pin, pin);
    return job_submit(&j->job);
}

/* A new PIN also ends a lock: who sets it has come in by another way, or is an administrator. */
static int set_run(struct storage *st, struct database *db, struct job *job)
{
    struct pin_job *j = (struct pin_job *)job;
    char hash[CRYPT_OUTPUT_SIZE];
    PGresult *result = NULL;
    int error = pin_judge(j->pin, j->number);

    (void)st;
    if (error == 0) {
        error = pin_hash(hash, j->pin);
    }
    if (error == 0) {
        error = database_query(db, &result,
                               "update mailbox set pin_hash = $2, pin_must_change = false, pin_failed = 0, "
                               "pin_locked_until = null where number = $1",
                               VALUES(value_text(j->number), value_text(hash)));
    }
    if (error == 0 && strcmp(PQcmdTuples(result), "0") == 0) {
        error = ENOENT;
    }
    PQclear(result);
    return error;
}

static void set_replied(struct job *job)
{
    ((struct pin_job *)job)->set(job->ticket, job->error);
}

static const struct job_kind set_kind = {.name = "pin-set", .run = set_run, .reply = set_replied};

int mailbox_set_pin(struct storage *st, const char *number, const char *pin, struct ticket ticket,
                    storage_done *reply)
{
    struct pin_job *j = job_new(st, sizeof *j, &set_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->set = reply;
    key_copy(j->number, sizeof j->number, number);
    pin_copy(j->pin, pin);
    return job_submit(&j->job);
}
