/* What administrators change: subscribers and their services, mailboxes, tokens. */
#include "core/control/listing.h"
#include "storage/change.h"
#include "storage/subscriber.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_BYTES 32
#define SERVICE_TEXT 32 /* as sql/0004_service.sql allows */

/* Members of a body that are columns. */
struct field {
    const char *name;
    enum { TEXT, NUMBER, TRUTH, LIST } kind;
    long most; /* bytes, or the number itself */
    bool nullable;
};

static bool field_take(struct exchange *exchange, const struct field *field, json_t *out)
{
    json_t *value = json_object_get(exchange->body, field->name);
    const char *text;
    bool truth;
    long number;

    if (value == NULL)
        return true;
    if (field->kind == LIST && !json_is_array(value) && !(field->nullable && json_is_null(value))) {
        reply_problem(exchange, 400, field->name, "%s is to be a list.", field->name);
        return false;
    }
    if (field->kind != LIST && (!field->nullable || !json_is_null(value)) &&
        !(field->kind == TEXT     ? body_text(exchange, field->name, PERHAPS, (size_t)field->most, &text)
          : field->kind == NUMBER ? body_number(exchange, field->name, PERHAPS, 0, field->most, &number)
                                  : body_truth(exchange, field->name, PERHAPS, &truth)))
        return false;
    json_object_set(out, field->name, value);
    return true;
}

/* A change of `key` by the body; `secret` names the member that has it. False: a problem was the answer. */
static bool change_read(struct exchange *exchange, struct change *change, const char *key,
                        const char *secret_name, const struct field *fields)
{
    json_t *columns = json_object();
    const char *secret = "";
    bool good = body_text(exchange, secret_name, PERHAPS, sizeof change->secret - 1, &secret);

    snprintf(change->key, sizeof change->key, "%s", key);
    for (; good && fields->name != NULL; fields++)
        good = field_take(exchange, fields, columns);
    if (good && change_set_fields(change, columns)) {
        reply_problem(exchange, 400, NULL, "That is too much.");
        good = false;
    }
    json_decref(columns);
    if (good)
        snprintf(change->secret, sizeof change->secret, "%s", secret);
    return good;
}

/* After it the row is as it is now, or gone. */
static void change_reply(struct exchange *exchange, int error, enum listing listing)
{
    const char *key = exchange->params.value[0];

    switch (error) {
    case 0:
        break;
    case ESRCH:
        if (listing == LISTING_ROOMS)
            reply_problem(exchange, 400, "profile", "There is no such profile.");
        else
            reply_problem(exchange, 400, "mailbox", "There is no such mailbox.");
        return;
    case EPERM:
        reply_problem(exchange, 400, "pin", "That PIN is too easy to guess, or was used before.");
        return;
    default:
        reply_error(exchange, error);
        return;
    }
    log_event(LEVEL_INFO, "http", NULL, "change by=%s method=%s path=%s", exchange->who.name,
              exchange->method, exchange->route->template);
    if (strcmp(exchange->method, "DELETE") == 0)
        reply_none(exchange);
    else
        listing_reply_one(exchange, listing,
                          *key != '\0' ? key : json_string_value(json_object_get(exchange->body, "number")));
}

static void change_ask(struct exchange *exchange, struct change *change, storage_done *reply)
{
    int error = change_submit(exchange_storage(exchange), change, exchange_ticket(exchange), reply);

    explicit_bzero(change->secret, sizeof change->secret);
    reply_if(exchange, error);
}

/* -- subscribers -------------------------------------------------------------------------------------- */

static const struct field subscriber_fields[] = {
    {"name", TEXT, 127, false},      {"zone", TEXT, 63, false},
    {"language", TEXT, 15, false},   {"mailbox", TEXT, NUMBER_TEXT - 1, true},
    {"ring_s", NUMBER, 3600, false}, {0}};

static void subscriber_changed(struct ticket ticket, int error)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange != NULL)
        change_reply(exchange, error, LISTING_SUBSCRIBERS);
}

static void subscribers_post(struct exchange *exchange)
{
    struct change change = {.kind = SUBSCRIBER_ADD};
    const char *number = NULL;

    if (body_only(exchange, "number password name zone language mailbox ring_s") &&
        body_text(exchange, "number", WANTED, NUMBER_TEXT - 1, &number) &&
        change_read(exchange, &change, number, "password", subscriber_fields))
        change_ask(exchange, &change, subscriber_changed);
}

static void subscriber_patch(struct exchange *exchange)
{
    struct change change = {.kind = SUBSCRIBER_EDIT};

    if (body_only(exchange, "password name zone language mailbox ring_s") &&
        change_read(exchange, &change, exchange->params.value[0], "password", subscriber_fields))
        change_ask(exchange, &change, subscriber_changed);
}

static void subscriber_delete(struct exchange *exchange)
{
    struct change change = {.kind = SUBSCRIBER_REMOVE};

    snprintf(change.key, sizeof change.key, "%s", exchange->params.value[0]);
    change_ask(exchange, &change, subscriber_changed);
}

static bool service_name_fits(const char *name)
{
    return islower((unsigned char)*name) && strlen(name) < SERVICE_TEXT &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

/* {"enabled": true, "parameters": {"to": "1003"}}; without parameters it keeps those it had. */
static void service_put(struct exchange *exchange)
{
    const json_t *parameters = json_object_get(exchange->body, "parameters");
    char *text = NULL;
    bool enabled = true;
    int error;

    if (!body_only(exchange, "enabled parameters") || !body_truth(exchange, "enabled", PERHAPS, &enabled))
        return;
    if (!service_name_fits(exchange->params.value[1])) {
        reply_error(exchange, ENOENT);
        return;
    }
    if (parameters != NULL &&
        (!json_is_object(parameters) || (text = json_dumps(parameters, JSON_COMPACT)) == NULL)) {
        reply_problem(exchange, 400, "parameters", "parameters is to be an object.");
        return;
    }
    error = service_set(exchange_storage(exchange), exchange->params.value[0], exchange->params.value[1],
                        enabled, text, exchange_ticket(exchange), subscriber_changed);
    free(text);
    reply_if(exchange, error);
}

/* -- mailboxes ---------------------------------------------------------------------------------------- */

static const struct field mailbox_fields[] = {{"name", TEXT, 127, false},
                                              {"zone", TEXT, 63, false},
                                              {"language", TEXT, 15, false},
                                              {"email", TEXT, 254, true},
                                              {"kind", TEXT, 15, false},
                                              {"max_messages", NUMBER, 100000, false},
                                              {"max_message_s", NUMBER, 86400, false},
                                              {"keep_days", NUMBER, 36500, true},
                                              {"trash_days", NUMBER, 36500, true},
                                              {"pin_must_change", TRUTH, 0, false},
                                              {"trusted_phone", TRUTH, 0, false},
                                              {"tutorial", TRUTH, 0, false},
                                              {0}};
#define MAILBOX_MEMBERS                                                                                      \
    "pin name zone language email kind max_messages max_message_s keep_days trash_days pin_must_change "     \
    "trusted_phone tutorial"

static void mailbox_changed(struct ticket ticket, int error)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange != NULL)
        change_reply(exchange, error, LISTING_MAILBOXES);
}

static void mailboxes_post(struct exchange *exchange)
{
    struct change change = {.kind = MAILBOX_ADD};
    const char *number = NULL;

    if (body_only(exchange, "number " MAILBOX_MEMBERS) &&
        body_text(exchange, "number", WANTED, NUMBER_TEXT - 1, &number) &&
        change_read(exchange, &change, number, "pin", mailbox_fields))
        change_ask(exchange, &change, mailbox_changed);
}

static void mailbox_patch(struct exchange *exchange)
{
    struct change change = {.kind = MAILBOX_EDIT};

    if (body_only(exchange, MAILBOX_MEMBERS) &&
        change_read(exchange, &change, exchange->params.value[0], "pin", mailbox_fields))
        change_ask(exchange, &change, mailbox_changed);
}

/* -- tokens ------------------------------------------------------------------------------------------- */

static void tokens_get(struct exchange *exchange)
{
    listing_reply_many(exchange, LISTING_TOKENS, "");
}

/* What was made waits in `state`: the secret is shown here and never again. */
static void token_added(struct ticket ticket, int error)
{
    struct exchange *exchange = exchange_of(ticket);
    const char *text;
    json_t *made;

    if (exchange == NULL)
        return;
    text = exchange->state;
    made = error ? NULL : json_loads(text, 0, NULL);
    explicit_bzero(exchange->state, strlen(text));
    if (error) {
        reply_error(exchange, error);
        return;
    }
    log_event(LEVEL_INFO, "http", NULL, "token-added by=%s", exchange->who.name);
    reply_json(exchange, 201, made);
}

static int token_make(struct exchange *exchange, struct change *change, const char *role, const char *subject,
                      long days)
{
    char secret[2 * TOKEN_BYTES + 1], sha256[SHA256_TEXT], id[UUID_TEXT];
    json_t *fields, *made;
    int error;

    random_hex(secret, TOKEN_BYTES);
    sha256_text(sha256, secret);
    uuid_make(id);
    fields = json_pack("{s:s, s:s, s:s, s:s}", "id", id, "sha256", sha256, "role", role, "subject", subject);
    if (days > 0)
        json_object_set_new(fields, "expires_s", json_integer(days * 86400));
    made = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id, "name", change->key, "role", role, "subject",
                     subject, "secret", secret);
    explicit_bzero(secret, sizeof secret);
    exchange->state = made != NULL ? json_dumps(made, JSON_COMPACT) : NULL;
    error = exchange->state == NULL ? ENOMEM : change_set_fields(change, fields);
    json_decref(made);
    json_decref(fields);
    return error;
}

static void tokens_post(struct exchange *exchange)
{
    struct change change = {.kind = TOKEN_ADD};
    const char *name = NULL, *role = NULL, *subject = "";
    long days = 0;
    int error;

    if (!body_only(exchange, "name role subject days") ||
        !body_text(exchange, "name", WANTED, NUMBER_TEXT - 1, &name) ||
        !body_text(exchange, "role", WANTED, 15, &role) ||
        !body_text(exchange, "subject", PERHAPS, NUMBER_TEXT - 1, &subject) ||
        !body_number(exchange, "days", PERHAPS, 1, 20000, &days))
        return;
    snprintf(change.key, sizeof change.key, "%s", name);
    error = token_make(exchange, &change, role, subject, days);
    if (error)
        reply_error(exchange, error);
    else
        change_ask(exchange, &change, token_added);
}

static void token_removed(struct ticket ticket, int error)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange != NULL)
        change_reply(exchange, error, LISTING_TOKENS);
}

static void token_delete(struct exchange *exchange)
{
    struct change change = {.kind = TOKEN_REMOVE};

    snprintf(change.key, sizeof change.key, "%s", exchange->params.value[0]);
    change_ask(exchange, &change, token_removed);
}

/* -- rooms, as their rows have them ------------------------------------------------------------------- */

static const struct field room_fields[] = {{"name", TEXT, 127, false},
                                           {"language", TEXT, 15, false},
                                           {"max_members", NUMBER, 10000, false},
                                           {"loudness", TRUTH, 0, true},
                                           {"denoise", TRUTH, 0, true},
                                           {"record", TEXT, 7, true},
                                           {"record_format", TEXT, 7, true},
                                           {"profile", TEXT, 63, true},
                                           {"host", TEXT, NUMBER_TEXT - 1, true},
                                           {"max_minutes", NUMBER, 100000, true},
                                           {"waiting", TEXT, 15, true},
                                           {"end_with_host", TRUTH, 0, true},
                                           {"end_grace_s", NUMBER, 86400, true},
                                           {"lecture", TRUTH, 0, true},
                                           {"muted_entry", TRUTH, 0, true},
                                           {"announce", TEXT, 15, true},
                                           {"announce_count", TRUTH, 0, true},
                                           {"quiet_above", NUMBER, 10000, true},
                                           {"music", TRUTH, 0, true},
                                           {"roster", TEXT, 15, true},
                                           {"dial_out", LIST, 0, true},
                                           {"dial_out_max", NUMBER, 100, true},
                                           {"dial_out_confirm", TRUTH, 0, true},
                                           {"menu", TEXT, 31, true},
                                           {"host_menu", TEXT, 31, true},
                                           {"siprec", TEXT, 255, true},
                                           {"times", LIST, 0, false},
                                           {0}};
#define ROOM_MEMBERS                                                                                         \
    "name language max_members loudness denoise record record_format profile host max_minutes waiting "      \
    "end_with_host end_grace_s lecture muted_entry announce announce_count quiet_above music roster "        \
    "dial_out dial_out_max dial_out_confirm menu host_menu siprec times"

static void room_settings_list(struct exchange *exchange)
{
    listing_reply_many(exchange, LISTING_ROOMS, "");
}

static void room_settings_get(struct exchange *exchange)
{
    listing_reply_one(exchange, LISTING_ROOMS, exchange->params.value[0]);
}

static void room_changed(struct ticket ticket, int error)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange != NULL)
        change_reply(exchange, error, LISTING_ROOMS);
}

static void room_settings_put(struct exchange *exchange)
{
    struct change change = {.kind = ROOM_SET};

    if (body_only(exchange, ROOM_MEMBERS) &&
        change_read(exchange, &change, exchange->params.value[0], "", room_fields))
        change_ask(exchange, &change, room_changed);
}

static void room_settings_delete(struct exchange *exchange)
{
    struct change change = {.kind = ROOM_REMOVE};

    snprintf(change.key, sizeof change.key, "%s", exchange->params.value[0]);
    change_ask(exchange, &change, room_changed);
}

/* The second is "member" or "host". DELETE: without one from then on. */
static void room_pin_change(struct exchange *exchange)
{
    const char *role = exchange->params.value[1], *pin = "";
    struct change change = {.kind = strcmp(role, "host") == 0 ? ROOM_HOST_PIN : ROOM_PIN};

    if (strcmp(role, "host") != 0 && strcmp(role, "member") != 0) {
        reply_error(exchange, ENOENT);
        return;
    }
    if (strcmp(exchange->method, "PUT") == 0 &&
        (!body_only(exchange, "pin") || !body_text(exchange, "pin", WANTED, sizeof change.secret - 1, &pin)))
        return;
    if (strcmp(exchange->method, "PUT") == 0 && *pin == '\0') {
        reply_problem(exchange, 400, "pin", "pin is 4 to 16 digits.");
        return;
    }
    snprintf(change.key, sizeof change.key, "%s", exchange->params.value[0]);
    snprintf(change.secret, sizeof change.secret, "%s", pin);
    change_ask(exchange, &change, room_changed);
}

#define ROOM_SETTINGS "/api/v1/room-settings"
const struct route office_routes[] = {
    {"GET", ROOM_SETTINGS, ACCESS_READ, BODY_NONE, room_settings_list},
    {"GET", ROOM_SETTINGS "/{room}", ACCESS_SEE_ROOM, BODY_NONE, room_settings_get},
    {"PUT", ROOM_SETTINGS "/{room}", ACCESS_ADMIN, BODY_JSON, room_settings_put},
    {"DELETE", ROOM_SETTINGS "/{room}", ACCESS_ADMIN, BODY_NONE, room_settings_delete},
    {"PUT", ROOM_SETTINGS "/{room}/pins/{role}", ACCESS_ADMIN, BODY_JSON, room_pin_change},
    {"DELETE", ROOM_SETTINGS "/{room}/pins/{role}", ACCESS_ADMIN, BODY_NONE, room_pin_change},
    {"POST", "/api/v1/subscribers", ACCESS_ADMIN, BODY_JSON, subscribers_post},
    {"PATCH", "/api/v1/subscribers/{subscriber}", ACCESS_ADMIN, BODY_JSON, subscriber_patch},
    {"DELETE", "/api/v1/subscribers/{subscriber}", ACCESS_ADMIN, BODY_NONE, subscriber_delete},
    {"PUT", "/api/v1/subscribers/{subscriber}/services/{service}", ACCESS_ADMIN, BODY_JSON, service_put},
    {"POST", "/api/v1/mailboxes", ACCESS_ADMIN, BODY_JSON, mailboxes_post},
    {"PATCH", "/api/v1/mailboxes/{mailbox}", ACCESS_ADMIN, BODY_JSON, mailbox_patch},
    {"GET", "/api/v1/tokens", ACCESS_ADMIN, BODY_NONE, tokens_get},
    {"POST", "/api/v1/tokens", ACCESS_ADMIN, BODY_JSON, tokens_post},
    {"DELETE", "/api/v1/tokens/{token}", ACCESS_ADMIN, BODY_NONE, token_delete},
    {0},
};
