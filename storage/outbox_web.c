/* Rows of the outbox that leave by HTTP: events for webhooks, and sound for the server that transcribes it.
 */
#include "storage/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/settings.h"

#define DAY_S 86400

/* -- webhooks
 * ----------------------------------------------------------------------------------------------------- */

/* The event's id is in a header too: a receiver may tell from it, before it reads on, that he has it. */
static int webhook_deliver(const struct settings *settings, struct database *db, struct parcel *parcel,
                           const atomic_bool *stops)
{
    char signature[160], id[96];
    char *body = json_dumps(parcel->payload, JSON_COMPACT);
    struct post post = {.url = settings->webhook_url,
                        .type = "application/json",
                        .body = body,
                        .deadline_ms = settings->webhook_deadline_ms};
    int error = ENOMEM;

    (void)db;
    if (body == NULL) {
        return ENOMEM;
    }
    post.size = strlen(body);
    snprintf(id, sizeof id, "X-Confab-Event: %.64s", parcel_text(parcel, "id"));
    post.headers[0] = id;
    if (settings->webhook_secret[0] == '\0') {
        error = 0;
    } else if (courier_sign(signature, sizeof signature, settings->webhook_secret, body)) {
        post.headers[1] = signature;
        error = 0;
    }
    if (error == 0) {
        error = courier_post(&post, stops, parcel->fault);
    }
    free(body);
    return error;
}

const struct courier courier_of_webhook = {
    .kind = "webhook", .give_up_s = 2 * DAY_S, .deliver = webhook_deliver};

/* -- transcripts
 * -------------------------------------------------------------------------------------------------- */

/* Each owner who is mailed, and the webhooks, hear of it. A mail's lane is its entry: this one comes second.
 */
static int transcript_store(struct database *db, const char *message, const char *text)
{
    int error = database_query(db, NULL,
                               "insert into message_transcript (message, text) values ($1, $2) "
                               "on conflict (message) do update set text = excluded.text, error = null",
                               VALUES(value_text(message), value_text(text)));

    if (error == 0) {
        error = database_query(db, NULL,
                               "insert into outbox (kind, lane, payload) select 'mail', e.id::text, "
                               "jsonb_build_object('mailbox', b.number, 'to', b.email, 'entry', e.id, "
                               "'message', e.message, 'transcript', true) from entry e join mailbox b "
                               "on b.number = e.mailbox where e.message = $1 and b.email is not null",
                               VALUES(value_text(message)));
    }
    if (error == 0) {
        error = database_query(db, NULL,
                               "select event_tell('message-transcript', e.mailbox, jsonb_build_object("
                               "'entry', e.id, 'message', e.message, 'text', $2::text)) "
                               "from entry e where e.message = $1",
                               VALUES(value_text(message), value_text(text)));
    }
    return error;
}

/* {"text": "…"}: control characters, which a mail would trip over, become spaces. */
static int transcript_read(struct database *db, struct parcel *parcel, const char *reply)
{
    json_t *root = json_loads(reply, 0, NULL);
    const char *said = json_string_value(json_object_get(root, "text"));
    char *text = said != NULL ? strdup(said) : NULL;
    int error = EAGAIN;

    for (char *at = text; at != NULL && *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20) {
            *at = ' ';
        }
    }
    if (text != NULL) {
        error = transcript_store(db, parcel_text(parcel, "message"), text);
    } else {
        snprintf(parcel->fault, sizeof parcel->fault, "the answer is no JSON object with a text");
    }
    free(text);
    json_decref(root);
    return error;
}

static int transcript_deliver(const struct settings *settings, struct database *db, struct parcel *parcel,
                              const atomic_bool *stops)
{
    char id[96];
    PGresult *result = NULL;
    char *reply = malloc(COURIER_REPLY_MAX);
    int error = reply == NULL ? ENOMEM
                              : database_query_binary(db, &result,
                                                      "select b.audio from message m join blob b "
                                                      "on b.id = m.blob where m.id = $1",
                                                      VALUES(value_text(parcel_text(parcel, "message"))));

    if (error == 0 && PQntuples(result) == 0) {
        error = ENOENT;
    }
    if (error == 0) {
        snprintf(id, sizeof id, "X-Confab-Message: %.64s", parcel_text(parcel, "message"));
        struct post post = {.url = settings->transcription_url,
                            .type = "audio/wav",
                            .body = PQgetvalue(result, 0, 0),
                            .size = (size_t)PQgetlength(result, 0, 0),
                            .headers = {id},
                            .deadline_ms = settings->transcription_deadline_s * 1000,
                            .reply = reply};
        error = courier_post(&post, stops, parcel->fault);
    }
    if (error == 0) {
        error = transcript_read(db, parcel, reply);
    }
    PQclear(result);
    free(reply);
    return error;
}

static int transcript_fail(struct database *db, struct parcel *parcel)
{
    return database_query(db, NULL,
                          "insert into message_transcript (message, error) select id, $2 from message "
                          "where id = $1 on conflict (message) do nothing",
                          VALUES(value_text(parcel_text(parcel, "message")), value_text(parcel->fault)));
}

/* Who reads a transcript does so soon or never. */
const struct courier courier_of_transcript = {
    .kind = "transcript", .give_up_s = 3600, .deliver = transcript_deliver, .fail = transcript_fail};
