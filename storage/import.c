/* The statements of storage/import.h: each mailbox, greeting and message is a transaction of its own. */
#include "storage/import_internal.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_S 5
#define STARTED_MAX_S (INT64_C(1) << 33) /* the year 2242: what is later is a mistake */

struct importer {
    struct database db;
    const struct settings *settings;
    bool dry;
};

int importer_open(struct importer **out, const struct settings *settings, bool dry)
{
    struct importer *importer = calloc(1, sizeof *importer);

    if (importer == NULL) {
        return ENOMEM;
    }
    importer->settings = settings_hold(settings);
    importer->db.conninfo = settings->database;
    importer->dry = dry;
    int error = database_connect_within(&importer->db, CONNECT_S);
    if (error != 0) {
        importer_close(importer);
        return error;
    }
    *out = importer;
    return 0;
}

void importer_close(struct importer *importer)
{
    if (importer != NULL) {
        database_close(&importer->db);
        settings_free(importer->settings);
        free(importer);
    }
}

/* EEXIST when the query finds a row. */
static int absent(struct importer *importer, const char *sql, const struct value *values, size_t count)
{
    PGresult *result = NULL;
    int error = database_query(&importer->db, &result, sql, values, count);

    if (error == 0 && PQntuples(result) > 0) {
        error = EEXIST;
    }
    PQclear(result);
    return error;
}

/* -- a mailbox
 * -------------------------------------------------------------------------------------------------------- */

int import_mailbox(struct importer *importer, const struct import_mailbox *box)
{
    char hash[CRYPT_OUTPUT_SIZE];
    struct import_mailbox clean = *box;
    bool pin = box->pin[0] != '\0';
    int error = absent(importer, "select 1 from mailbox where number = $1", VALUES(value_text(box->number)));

    if (error != 0 || importer->dry) {
        return error;
    }
    text_copy(clean.name, sizeof clean.name, box->name);
    text_copy(clean.email, sizeof clean.email, box->email);
    text_copy(clean.zone, sizeof clean.zone, box->zone);
    text_copy(clean.language, sizeof clean.language, box->language);
    if (pin) {
        error = pin_hash(hash, box->pin);
    }
    if (error == 0) {
        error = database_query(&importer->db, NULL,
                               "insert into mailbox (number, name, email, zone, language, pin_hash, "
                               "pin_must_change, max_messages, "
                               "max_message_s, envelope) values ($1, $2, nullif($3, ''), coalesce(nullif($4, "
                               "''), 'UTC'), $5, $6, "
                               "$7, coalesce(nullif($8::integer, 0), 100), $9, $10) on conflict do nothing",
                               VALUES(value_text(box->number), value_text(clean.name),
                                      value_text(clean.email), value_text(clean.zone),
                                      value_text(clean.language), value_text(pin ? hash : NULL),
                                      value_truth(pin), value_number(box->max_messages),
                                      value_number(box->max_message_s), value_truth(!box->no_envelope)));
    }
    return error;
}

/* -- a message
 * -------------------------------------------------------------------------------------------------------- */

/* A UUID of version 8 (RFC 9562 section 5.8) made of the source's name. */
static int source_id(struct database *db, const char *source, char id[UUID_TEXT])
{
    PGresult *result = NULL;
    char name[1024];

    text_copy(name, sizeof name, source);
    int error =
        database_query(db, &result,
                       "select overlay(overlay(left(encode(sha256(convert_to($1, 'UTF8')), 'hex'), 32) "
                       "placing '8' from 13) placing '8' from 17)::uuid",
                       VALUES(value_text(name)));

    if (error == 0) {
        row_text(result, 0, 0, id, UUID_TEXT);
    }
    PQclear(result);
    return error;
}

static int message_write(struct database *db, const struct import_message *message,
                         const struct deposit *deposit, const struct audio *audio)
{
    bool inserted = false;
    int error = database_begin(db);

    if (error == 0) {
        error = message_insert(db, deposit, audio, &inserted);
    }
    if (error == 0) {
        error = inserted ? database_query(db, NULL,
                                          "insert into entry (mailbox, message, folder, heard, urgent) "
                                          "values ($1, $2, $3, $4, $5)",
                                          VALUES(value_text(deposit->mailbox), value_text(deposit->id),
                                                 value_text(folder_names[message->folder]),
                                                 value_truth(message->heard), value_truth(message->urgent)))
                         : EEXIST;
    }
    if (error == 0) {
        error = database_commit(db);
    }
    database_rollback(db);
    return error;
}

int import_message(struct importer *importer, const struct import_message *message)
{
    struct deposit deposit = {.cause = DEPOSIT_UNAVAILABLE, .started_us = message->started_s * 1000000};
    struct audio audio = {0};

    if (message->started_s < 0 || message->started_s > STARTED_MAX_S) {
        return ERANGE;
    }
    int error = source_id(&importer->db, message->source, deposit.id);

    if (error == 0) {
        error = absent(importer, "select 1 from message where id = $1", VALUES(value_text(deposit.id)));
    }
    if (error == 0) {
        error = import_sound(&audio, message->path);
    }
    if (error == 0 && !importer->dry) {
        key_copy(deposit.mailbox, sizeof deposit.mailbox, message->mailbox);
        text_copy(deposit.caller, sizeof deposit.caller, message->caller);
        text_copy(deposit.caller_name, sizeof deposit.caller_name, message->caller_name);
        strcpy(deposit.call, "import");
        error = message_write(&importer->db, message, &deposit, &audio);
    }
    free(audio.bytes);
    return error;
}

/* -- a greeting
 * ------------------------------------------------------------------------------------------------------- */

int import_greeting(struct importer *importer, const char *mailbox, enum greeting_kind kind, const char *path)
{
    struct database *db = &importer->db;
    struct value number = value_text(mailbox), name = value_text(greeting_names[kind]);
    struct audio audio = {0};
    char blob[UUID_TEXT];
    int error =
        absent(importer, "select 1 from greeting where mailbox = $1 and kind = $2", VALUES(number, name));

    if (error == 0) {
        error = import_sound(&audio, path);
    }
    if (error != 0 || importer->dry) {
        goto out;
    }
    error = database_begin(db);
    if (error == 0) {
        error = audio_insert(db, &audio, blob);
    }
    if (error == 0) {
        error = database_query(db, NULL, "insert into greeting (mailbox, kind, blob) values ($1, $2, $3)",
                               VALUES(number, name, value_text(blob)));
    }
    if (error == 0) {
        error = database_commit(db);
    }
    database_rollback(db);
out:
    free(audio.bytes);
    return error;
}
