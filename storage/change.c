/* Changes by administrators: each is one transaction, which checks the secret as well. */
#include "storage/change.h"
#include "storage/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"

#define CONNECT_S 5
#define ROOM_PIN_MIN 4 /* wrong ones are counted by room, caller and address */

/* $1 is the key, $2 the fields (never empty here); a row that comes first is made of its key alone, and then
 * edited. */
static const struct {
    const char *make, *edit;
} statements[CHANGE_COUNT] = {
#define SUBSCRIBER_COLUMNS                                                                                   \
    "update subscriber set name = case when f ? 'name' then coalesce(f->>'name', '') else name end, "        \
    "zone = case when f->>'zone' is null or now() at time zone (f->>'zone') is null "                        \
    "then zone else f->>'zone' end, "                                                                        \
    "mailbox = case when f ? 'mailbox' then f->>'mailbox' else mailbox end, "                                \
    "language = case when f ? 'language' then coalesce(f->>'language', '') else language end, "              \
    "ring_s = case when f ? 'ring_s' then coalesce((f->>'ring_s')::int, 0) else ring_s end "                 \
    "from (select $2::jsonb as f) fields where number = $1"
    [SUBSCRIBER_ADD] = {"insert into subscriber (number) values ($1) on conflict do nothing",
                        SUBSCRIBER_COLUMNS},
    [SUBSCRIBER_EDIT] = {NULL, SUBSCRIBER_COLUMNS},
    [SUBSCRIBER_REMOVE] = {NULL, "delete from subscriber where number = $1 and $2 <> ''"},
#define MAILBOX_COLUMNS                                                                                      \
    "update mailbox set name = case when f ? 'name' then coalesce(f->>'name', '') else name end, "           \
    "zone = case when f->>'zone' is null or now() at time zone (f->>'zone') is null "                        \
    "then zone else f->>'zone' end, "                                                                        \
    "language = case when f ? 'language' then coalesce(f->>'language', '') else language end, "              \
    "email = case when f ? 'email' then nullif(f->>'email', '') else email end, "                            \
    "kind = coalesce(f->>'kind', kind), "                                                                    \
    "max_messages = coalesce((f->>'max_messages')::int, max_messages), "                                     \
    "max_message_s = coalesce((f->>'max_message_s')::int, max_message_s), "                                  \
    "keep_days = case when f ? 'keep_days' then (f->>'keep_days')::int else keep_days end, "                 \
    "trash_days = case when f ? 'trash_days' then (f->>'trash_days')::int else trash_days end, "             \
    "pin_must_change = coalesce((f->>'pin_must_change')::boolean, pin_must_change), "                        \
    "trusted_phone = coalesce((f->>'trusted_phone')::boolean, trusted_phone), "                              \
    "tutorial = coalesce((f->>'tutorial')::boolean, tutorial) "                                              \
    "from (select $2::jsonb as f) fields where number = $1"
    [MAILBOX_ADD] = {"insert into mailbox (number) values ($1) on conflict do nothing", MAILBOX_COLUMNS},
    [MAILBOX_EDIT] = {NULL, MAILBOX_COLUMNS},
    [TOKEN_ADD] = {NULL, "insert into token (id, name, sha256, role, subject, expires) select "
                         "coalesce((f->>'id')::uuid, gen_random_uuid()), $1, decode(f->>'sha256', 'hex'), "
                         "f->>'role', coalesce(f->>'subject', ''), now() + make_interval(secs => "
                         "(f->>'expires_s')::int) from (select $2::jsonb as f) fields"},
    [TOKEN_REMOVE] = {NULL, "delete from token where (id::text = $1 or name = $1) and $2 <> ''"},
    [ROOM_SET] =
        {NULL,
         "with gone as (delete from room_time where room = $1), new as (insert into room_time (room, begins, "
         "minutes, zone, repeat, early_minutes, title) select $1, t.begins, t.minutes, coalesce(t.zone, "
         "'UTC'), "
         "t.repeat, coalesce(t.early_minutes, 10), coalesce(t.title, '') from "
         "jsonb_populate_recordset(null::room_time, coalesce($2::jsonb->'times', '[]')) t "
         "where now() at time zone coalesce(t.zone, 'UTC') is not null) "
         "insert into room (number, "
         "name, language, max_members, loudness, denoise, record, record_format, profile, "
         "host, max_minutes, waiting, end_with_host, end_grace_s, lecture, muted_entry, "
         "announce, announce_count, quiet_above, music, roster, dial_out, dial_out_max, "
         "dial_out_confirm, menu, host_menu, siprec "
         ") select $1, coalesce(r.name, ''), coalesce(r.language, ''), coalesce(r.max_members, 0), "
         "r.loudness, r.denoise, r.record, r.record_format, r.profile, r.host, r.max_minutes, "
         "r.waiting, r.end_with_host, r.end_grace_s, r.lecture, r.muted_entry, r.announce, "
         "r.announce_count, r.quiet_above, r.music, r.roster, r.dial_out, r.dial_out_max, "
         "r.dial_out_confirm, r.menu, r.host_menu, r.siprec "
         "from jsonb_populate_record(null::room, $2::jsonb) r on conflict (number) do update set "
         "name = excluded.name, language = excluded.language, "
         "max_members = excluded.max_members, loudness = excluded.loudness, "
         "denoise = excluded.denoise, record = excluded.record, "
         "record_format = excluded.record_format, profile = excluded.profile, "
         "host = excluded.host, max_minutes = excluded.max_minutes, "
         "waiting = excluded.waiting, end_with_host = excluded.end_with_host, "
         "end_grace_s = excluded.end_grace_s, lecture = excluded.lecture, "
         "muted_entry = excluded.muted_entry, announce = excluded.announce, "
         "announce_count = excluded.announce_count, quiet_above = excluded.quiet_above, "
         "music = excluded.music, roster = excluded.roster, dial_out = excluded.dial_out, "
         "dial_out_max = excluded.dial_out_max, dial_out_confirm = excluded.dial_out_confirm, "
         "menu = excluded.menu, host_menu = excluded.host_menu, siprec = excluded.siprec"},
    [ROOM_REMOVE] = {NULL, "delete from room where number = $1 and $2 <> ''"},
};

/* The password itself is nowhere: neither in a statement nor in a row (RFC 7616 section 3.4.2). */
static int password_set(struct database *db, const struct settings *settings, const struct change *change)
{
    char text[NUMBER_TEXT + 512 + sizeof change->secret], md5[MD5_TEXT], sha256[SHA256_TEXT];
    int length = snprintf(text, sizeof text, "%s:%s:%s", change->key, settings->realm, change->secret);
    int error = length < 0 || (size_t)length >= sizeof text ? EINVAL : md5_text(md5, text);

    sha256_text(sha256, text);
    explicit_bzero(text, sizeof text);
    if (error == 0) {
        error = database_query(db, NULL,
                               "insert into credential (number, realm, ha1_md5, ha1_sha256) values ($1, $2, "
                               "$3, $4) on conflict (number, realm) do update set "
                               "ha1_md5 = excluded.ha1_md5, ha1_sha256 = excluded.ha1_sha256",
                               VALUES(value_text(change->key), value_text(settings->realm), value_text(md5),
                                      value_text(sha256)));
    }
    return error;
}

/* `none`: what it means when there is no such row. */
static int step_run(struct database *db, const char *sql, const struct value *values, size_t count, int none)
{
    PGresult *result = NULL;
    int error = sql != NULL ? database_query(db, &result, sql, values, count) : 0;

    if (error == ENOENT) {
        error = ESRCH; /* the foreign key's word */
    } else if (error == EIO && db->refused) {
        error = EINVAL;
    } else if (error == 0 && result != NULL && strcmp(PQcmdTuples(result), "0") == 0) {
        error = none;
    }
    PQclear(result);
    return error;
}

/* A wrong one that was counted was not this one. */
static int room_pin_set(struct database *db, const struct change *change)
{
    char hash[CRYPT_OUTPUT_SIZE] = "";
    size_t length = strlen(change->secret);
    int error = 0;

    if (length > 0 &&
        (length < ROOM_PIN_MIN || length > PIN_MAX || strspn(change->secret, "0123456789") != length)) {
        return EINVAL;
    }
    if (length > 0) {
        error = pin_hash(hash, change->secret);
    }
    if (error == 0) {
        error = step_run(db,
                         change->kind == ROOM_PIN
                             ? "update room set pin_hash = nullif($2, ''), pin_failed = 0, "
                               "pin_locked_until = null where number = $1"
                             : "update room set moderator_pin_hash = nullif($2, ''), pin_failed = 0, "
                               "pin_locked_until = null where number = $1",
                         VALUES(value_text(change->key), value_text(hash)), ENOENT);
    }
    return error;
}

static int secret_set(struct database *db, const struct settings *settings, const struct change *change)
{
    switch (change->kind) {
    case SUBSCRIBER_ADD:
    case SUBSCRIBER_EDIT:
        return change->secret[0] != '\0' ? password_set(db, settings, change) : 0;
    case MAILBOX_ADD:
    case MAILBOX_EDIT:
        return change->secret[0] != '\0' ? pin_set(db, settings, change->key, change->secret) : 0;
    case ROOM_PIN:
    case ROOM_HOST_PIN:
        return room_pin_set(db, change);
    default:
        return 0;
    }
}

static int change_run(struct database *db, const struct settings *settings, const struct change *change)
{
    const char *fields = change->fields[0] != '\0' ? change->fields : "{}";
    int error = database_begin(db);

    if (error == 0) {
        error = step_run(db, statements[change->kind].make, VALUES(value_text(change->key)), EEXIST);
    }
    if (error == 0) {
        error = secret_set(db, settings, change);
    }
    if (error == 0) {
        error = step_run(db, statements[change->kind].edit,
                         VALUES(value_text(change->key), value_text(fields)), ENOENT);
    }
    if (error == 0) {
        error = database_commit(db);
    }
    database_rollback(db);
    return error;
}

int change_set_fields(struct change *change, const json_t *fields)
{
    size_t length =
        fields != NULL ? json_dumpb(fields, change->fields, sizeof change->fields, JSON_COMPACT) : 0;

    if (length >= sizeof change->fields) {
        return E2BIG;
    }
    change->fields[length] = '\0';
    return 0;
}

/* -- as a job ------------------------------------------------------------------------------------------- */

struct change_job {
    struct done_job done;
    struct change change;
};

static int change_job_run(struct storage *st, struct database *db, struct job *job)
{
    return change_run(db, st->settings, &((struct change_job *)job)->change);
}

static const struct job_kind change_kind = {.name = "change", .run = change_job_run, .reply = done_job_reply};

int change_submit(struct storage *st, const struct change *change, struct ticket ticket, storage_done *reply)
{
    struct change_job *j = job_new(st, sizeof *j, &change_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->done.reply = reply;
    j->change = *change;
    key_copy(j->change.key, sizeof j->change.key, change->key);
    return job_submit(&j->done.job);
}

/* -- at once -------------------------------------------------------------------------------------------- */

struct admin {
    struct database db;
    const struct settings *settings;
};

int admin_open(struct admin **out, const struct settings *settings)
{
    struct admin *admin = calloc(1, sizeof *admin);

    if (admin == NULL) {
        return ENOMEM;
    }
    admin->settings = settings_hold(settings);
    admin->db.conninfo = settings->database;
    int error = database_connect_within(&admin->db, CONNECT_S);
    if (error != 0) {
        admin_close(admin);
        return error;
    }
    *out = admin;
    return 0;
}

void admin_close(struct admin *admin)
{
    if (admin != NULL) {
        database_close(&admin->db);
        settings_free(admin->settings);
        free(admin);
    }
}

int admin_change(struct admin *admin, const struct change *change)
{
    return change_run(&admin->db, admin->settings, change);
}

/* One field of JSON. */
static int json_read(PGresult *result, json_t **out)
{
    *out = json_loads(PQgetvalue(result, 0, 0), 0, NULL);
    PQclear(result);
    return *out != NULL ? 0 : EIO;
}

int admin_list(struct admin *admin, enum listing listing, const struct listing_query *query, json_t **out)
{
    PGresult *result = NULL;
    int error = listing_query_run(&admin->db, &result, listing, query);

    return error != 0 ? error : json_read(result, out);
}

int admin_examine(struct admin *admin, json_t **out)
{
    json_t *report = NULL, *migrations = json_array();
    PGresult *result = NULL;
    int error = database_query(&admin->db, &result,
                               "select json_build_object('server', current_setting('server_version'), "
                               "'size', pg_database_size(current_database()))",
                               NULL, 0);

    if (error == 0) {
        error = json_read(result, &report);
    }
    if (error == 0) {
        error = migrations_read(&admin->db, admin->settings->sql_dir, migrations);
    }
    if (error != 0) {
        json_decref(report);
        json_decref(migrations);
        return error;
    }
    json_object_set_new(report, "migrations", migrations);
    *out = report;
    return 0;
}
