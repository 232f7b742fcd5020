/*
 * PINs: which ones will do, and how they are checked without telling a guesser anything.
 */
#include "storage/guess.h"
#include "storage/rows.h"

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
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
    "select pin_hash, pin_locked_until > to_timestamp($2::bigint), pin_refused, "
    "$3::int > 0 and pin_set_at < to_timestamp($2::bigint) - make_interval(days => $3::int) "
    "from mailbox where number = $1 for no key update";
static const char pin_right[] =
    "update mailbox set pin_failed = 0, pin_locks = 0, pin_refused = 0, pin_locked_until = null "
    "where number = $1 and (pin_failed > 0 or pin_locks > 0 or pin_refused > 0)";
/* 10 wrong ones in a row lock for 15 minutes, then for 30, up to 32 hours. The counter starts anew then, so
 * that the next lock needs 10 more. */
static const char pin_wrong[] =
    "update mailbox set pin_failed = (pin_failed + 1) % 10, pin_refused = pin_refused + 1, "
    "pin_locks = pin_locks + (pin_failed >= 9)::int, pin_locked_until = case when pin_failed >= 9 "
    "then to_timestamp($2::bigint) + interval '15 minutes' * power(2, least(pin_locks, 7)) end "
    "where number = $1 and (pin_locked_until is null or pin_locked_until <= to_timestamp($2::bigint))";

struct pin_job {
    struct job job;
    mailbox_reply *checked;
    storage_done *set;
    char number[NUMBER_TEXT], pin[PIN_MAX + 1];
    struct guesser from;
    struct mailbox mailbox;
};

/* What is no mailbox is not written down: it may be a PIN that was typed too early. */
static int login_audit(struct database *db, const struct pin_job *j, const char *act)
{
    return database_query(
        db, NULL,
        "insert into audit (mailbox, act, source, caller, address) "
        "select number, $2, coalesce(nullif($5, ''), 'phone'), $3, $4 from mailbox where number = $1",
        VALUES(value_text(j->number), value_text(act), value_text(j->from.caller),
               value_text(j->from.address), value_text(j->from.source)));
}

static int pin_refuse(struct database *db, const struct settings *settings, const struct pin_job *j,
                      const char *caller, const char *address)
{
    int64_t now = clock_wall();
    int error = database_query(db, NULL, pin_wrong, VALUES(value_text(j->number), value_number(now)));

    if (error == 0) {
        error = guess_count(db, caller, now, settings->pin_caller_tries, settings->pin_lock_minutes);
    }
    if (error == 0) {
        error = guess_count(db, address, now, settings->pin_address_tries, settings->pin_lock_minutes);
    }
    return error;
}

/*
 * The row stays locked while we hash, so that guesses from several calls are counted one by one and none gets
 * a free try. Unknown, locked, without a PIN: each takes the same hashing and the same statements. The caller
 * commits for EACCES too, as that is what counts the wrong PIN. Who is locked out himself counts for nothing:
 * he could lock others out.
 */
static int pin_check(struct database *db, const struct settings *settings, struct pin_job *j)
{
    char caller[SOURCE_TEXT], address[SOURCE_TEXT];
    PGresult *row = NULL;
    int64_t now = clock_wall();
    bool barred = false;
    int error = guess_lock(db, guess_source(caller, "caller", j->from.caller), now, &barred);

    if (error == 0) {
        error = guess_lock(db, guess_source(address, "address", j->from.address), now, &barred);
    }
    if (error == 0) {
        error = database_query(
            db, &row, pin_select,
            VALUES(value_text(j->number), value_number(now), value_number(settings->pin_days)));
    }
    if (error != 0) {
        return error;
    }
    bool there = PQntuples(row) != 0;
    bool right = pin_matches(j->pin, there ? PQgetvalue(row, 0, 0) : "");
    bool locked = there && row_truth(row, 0, 1);
    bool old = there && row_truth(row, 0, 3);
    unsigned refused = there ? (unsigned)row_number(row, 0, 2) : 0;
    PQclear(row);
    if (right && !locked && !barred) {
        error = database_query(db, NULL, pin_right, VALUES(value_text(j->number)));
        if (error == 0) {
            error = login_audit(db, j, "login");
        }
        if (error == 0) {
            error = mailbox_read(db, j->number, &j->mailbox);
        }
        j->mailbox.pin_refused = refused;
        j->mailbox.pin_must_change = j->mailbox.pin_must_change || old;
        return error;
    }
    error = barred ? 0 : pin_refuse(db, settings, j, caller, address);
    if (error == 0) {
        error = login_audit(db, j, "login-refused");
    }
    return error == 0 ? EACCES : error;
}

static int check_run(struct storage *st, struct database *db, struct job *job)
{
    int verdict, error = database_begin(db);

    if (error != 0) {
        return error;
    }
    verdict = pin_check(db, st->settings, (struct pin_job *)job);
    if (verdict == 0 || verdict == EACCES) {
        error = database_commit(db);
    }
    return error != 0 ? error : verdict;
}

static int trust_run(struct storage *st, struct database *db, struct job *job)
{
    struct pin_job *j = (struct pin_job *)job;
    PGresult *result = NULL;
    int error = database_query(db, &result,
                               "select 1 from mailbox m join subscriber s on s.mailbox = m.number "
                               "where m.number = $1 and m.trusted_phone and s.number = $2",
                               VALUES(value_text(j->number), value_text(j->from.caller)));

    (void)st;
    if (error == 0 && PQntuples(result) == 0) {
        error = EACCES;
    }
    PQclear(result);
    if (error == 0) {
        error = mailbox_read(db, j->number, &j->mailbox);
    }
    return error == 0 ? login_audit(db, j, "login") : error;
}

static void check_replied(struct job *job)
{
    struct pin_job *j = (struct pin_job *)job;

    j->checked(job->ticket, job->error, job->error == 0 ? &j->mailbox : NULL);
}

static const struct job_kind check_kind = {.name = "pin-check", .run = check_run, .reply = check_replied};

static const struct job_kind trust_kind = {.name = "mailbox-trust", .run = trust_run, .reply = check_replied};

static int check_submit(struct storage *st, const struct job_kind *kind, const char *number, const char *pin,
                        const struct guesser *from, struct ticket ticket, mailbox_reply *reply)
{
    struct pin_job *j = job_new(st, sizeof *j, kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->checked = reply;
    key_copy(j->number, sizeof j->number, number);
    key_copy(j->from.caller, sizeof j->from.caller, from->caller);
    key_copy(j->from.address, sizeof j->from.address, from->address);
    snprintf(j->from.source, sizeof j->from.source, "%s", from->source);
    pin_copy(j->pin, pin);
    return job_submit(&j->job);
}

int mailbox_check_pin(struct storage *st, const char *number, const char *pin, const struct guesser *from,
                      struct ticket ticket, mailbox_reply *reply)
{
    return check_submit(st, &check_kind, number, pin, from, ticket, reply);
}

int mailbox_trust(struct storage *st, const char *number, const struct guesser *from, struct ticket ticket,
                  mailbox_reply *reply)
{
    return check_submit(st, &trust_kind, number, "", from, ticket, reply);
}

/* EPERM: it is the one of now, or one of those before. Each costs a slow hash. */
static int pin_is_fresh(struct database *db, const char *number, const char *pin, unsigned history)
{
    PGresult *rows = NULL;
    int error = database_query(
        db, &rows,
        "select pin_hash from (select pin_hash, 9223372036854775807 as id from mailbox where number = $1 "
        "union all select pin_hash, id from pin_past where mailbox = $1) p where pin_hash is not null "
        "order by id desc limit $2",
        VALUES(value_text(number), value_number(history)));

    for (int row = 0; error == 0 && row < PQntuples(rows); row++) {
        if (pin_matches(pin, PQgetvalue(rows, row, 0))) {
            error = EPERM;
        }
    }
    PQclear(rows);
    return error;
}

/* A new PIN also ends a lock: who sets it has come in by another way, or is an administrator. */
int pin_set(struct database *db, const struct settings *settings, const char *number, const char *pin)
{
    char hash[CRYPT_OUTPUT_SIZE];
    PGresult *result = NULL;
    int error = pin_judge(pin, number);

    if (error == 0) {
        error = pin_is_fresh(db, number, pin, settings->pin_history);
    }
    if (error == 0) {
        error = pin_hash(hash, pin);
    }
    if (error == 0) {
        error = database_query(
            db, &result,
            "update mailbox set pin_hash = $2, pin_must_change = false, pin_failed = 0, pin_locks = 0, "
            "pin_locked_until = null where number = $1",
            VALUES(value_text(number), value_text(hash)));
    }
    if (error == 0 && strcmp(PQcmdTuples(result), "0") == 0) {
        error = ENOENT;
    }
    PQclear(result);
    return error;
}

static int set_run(struct storage *st, struct database *db, struct job *job)
{
    const struct pin_job *j = (const struct pin_job *)job;

    return pin_set(db, st->settings, j->number, j->pin);
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
