/* Messages of a mailbox, as its owner hears them by phone. */
#include "core/control/listing.h"
#include "storage/send.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const folders[FOLDER_COUNT + 1] = {
    [FOLDER_INBOX] = "inbox",   [FOLDER_OLD] = "old",         [FOLDER_WORK] = "work",
    [FOLDER_FAMILY] = "family", [FOLDER_FRIENDS] = "friends", [FOLDER_TRASH] = "trash",
};

static int folder_from_name(const char *name)
{
    for (int folder = 0; folder <= FOLDER_COUNT; folder++)
        if (strcmp(folders[folder], name) == 0)
            return folder;
    return -1;
}

static json_t *message_json(const struct entry *entry)
{
    return json_pack("{s:s, s:I, s:o, s:s, s:s, s:i, s:b, s:b, s:b, s:o, s:o, s:o, s:I, s:o}", "id",
                     entry->id, "version", (json_int_t)entry->version, "mailbox", json_words(entry->mailbox),
                     "folder", entry->deleted ? "trash" : folders[entry->folder], "kind",
                     entry->fax ? "fax" : "voice", "pages", (int)entry->pages, "heard", entry->heard,
                     "urgent", entry->urgent, "deleted", entry->deleted, "caller", json_words(entry->caller),
                     "caller_name", json_words(entry->caller_name), "left", json_time(entry->left),
                     "duration_ms", (json_int_t)entry->duration_ms, "claimed_by",
                     json_words(entry->claimed_by));
}

/* -- listing ------------------------------------------------------------------------------------------ */

static void messages_listed(struct ticket ticket, int error, const struct entry_list *list)
{
    struct exchange *exchange = exchange_of(ticket);
    unsigned most;
    json_t *items;

    if (exchange == NULL)
        return;
    if (error) {
        reply_error(exchange, error);
        return;
    }
    most = *(unsigned *)exchange->state;
    items = json_array();
    for (size_t i = 0; i < list->count && i < most; i++)
        json_array_append_new(items, message_json(&list->entries[i]));
    reply_json(exchange, 200,
               json_pack("{s:o, s:o}", "items", items, "next",
                         list->count > most ? json_string(list->entries[most - 1].id) : json_null()));
}

static void messages_get(struct exchange *exchange)
{
    struct entry_query query = {.newest_first = true};
    int folder = folder_from_name(query_text(exchange, "folder", "inbox"));
    unsigned *most = malloc(sizeof *most);

    exchange->state = most;
    if (most == NULL) {
        reply_error(exchange, ENOMEM);
        return;
    }
    *most = LIST_USUAL;
    if (folder < 0) {
        reply_problem(exchange, 400, "folder", "folder is inbox, old, work, family, friends or trash.");
        return;
    }
    /* One less than a listing has: whether there are more shows in the one after the last. */
    if (query_number(exchange, "limit", 1, ENTRIES_MAX - 1, most))
        return;
    query.folder = (enum folder)folder;
    snprintf(query.after, sizeof query.after, "%s", query_text(exchange, "after", ""));
    reply_if(exchange, entries_list(exchange_storage(exchange), exchange->params.value[0], &query,
                                    exchange_ticket(exchange), messages_listed));
}

/* -- one ---------------------------------------------------------------------------------------------- */

static void message_ask(struct exchange *exchange, entry_reply *reply)
{
    reply_if(exchange, entry_find(exchange_storage(exchange), exchange->params.value[0],
                                  exchange->params.value[1], exchange_ticket(exchange), reply));
}

static void message_found(struct ticket ticket, int error, const struct entry *entry)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange == NULL)
        return;
    if (error)
        reply_error(exchange, error);
    else
        reply_json(exchange, 200, message_json(entry));
}

static void message_get(struct exchange *exchange)
{
    message_ask(exchange, message_found);
}

/* What the body asks for, checked before this. */
static void message_edit(const struct exchange *exchange, struct entry *entry)
{
    const json_t *heard = json_object_get(exchange->body, "heard"),
                 *urgent = json_object_get(exchange->body, "urgent"),
                 *deleted = json_object_get(exchange->body, "deleted");
    const char *folder = json_string_value(json_object_get(exchange->body, "folder"));

    if (folder != NULL)
        entry->folder = (enum folder)folder_from_name(folder);
    if (heard != NULL)
        entry->heard = json_is_true(heard);
    if (urgent != NULL)
        entry->urgent = json_is_true(urgent);
    if (deleted != NULL)
        entry->deleted = json_is_true(deleted);
    if (strcmp(exchange->method, "DELETE") == 0)
        entry->deleted = true;
}

static void message_changed(struct ticket ticket, int error, const struct entry *entry)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange != NULL && !error && strcmp(exchange->method, "DELETE") == 0)
        reply_none(exchange);
    else
        message_found(ticket, error, entry);
}

static void message_change(struct ticket ticket, int error, const struct entry *found)
{
    struct exchange *exchange = exchange_of(ticket);
    const json_t *version;
    struct entry entry;

    if (exchange == NULL)
        return;
    if (error) {
        reply_error(exchange, error);
        return;
    }
    entry = *found;
    version = json_object_get(exchange->body, "version");
    if (version != NULL && json_integer_value(version) != entry.version) {
        reply_error(exchange, ESTALE);
        return;
    }
    message_edit(exchange, &entry);
    snprintf(entry.source, sizeof entry.source, "api");
    reply_if(exchange, entry_update(exchange_storage(exchange), &entry, ticket, message_changed));
}

static void message_patch(struct exchange *exchange)
{
    const char *folder = NULL;
    bool truth;
    long version;

    if (!body_only(exchange, "folder heard urgent deleted version") ||
        !body_truth(exchange, "heard", PERHAPS, &truth) || !body_truth(exchange, "urgent", PERHAPS, &truth) ||
        !body_truth(exchange, "deleted", PERHAPS, &truth) ||
        !body_number(exchange, "version", PERHAPS, 1, LONG_MAX, &version) ||
        !body_text(exchange, "folder", PERHAPS, 16, &folder))
        return;
    /* Which of "inbox" and "old" it is in follows from `heard`; the trash is no folder. */
    if (folder != NULL && (folder_from_name(folder) < 0 || folder_from_name(folder) == FOLDER_TRASH)) {
        reply_problem(exchange, 400, "folder", "folder is inbox, old, work, family or friends.");
        return;
    }
    message_ask(exchange, message_change);
}

/* Into the trash, from which a PATCH with deleted = false brings it back. */
static void message_delete(struct exchange *exchange)
{
    message_ask(exchange, message_change);
}

/* -- its sound or pages
 * ---------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *type;
} formats[] = {[SOUND_WAV] = {"wav", "audio/wav"},
               [SOUND_OPUS] = {"opus", "audio/ogg"},
               [SOUND_FLAC] = {"flac", "audio/flac"}};
#define FORMATS (sizeof formats / sizeof formats[0])

/* Of the query; FORMATS: there is no such one. */
static size_t format_of(const struct exchange *exchange)
{
    const char *name = query_text(exchange, "format", "wav");
    size_t format = 0;

    while (format < FORMATS && strcmp(formats[format].name, name) != 0)
        format++;
    return format;
}

static void not_in_format(struct exchange *exchange)
{
    reply_problem(exchange, 400, "format", "This message cannot be had so.");
}

static void audio_came(struct ticket ticket, int error, const char *path)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange == NULL) {
        return; /* the server stops: what is left in the cache goes at its next start */
    }
    if (error == ENOTSUP)
        not_in_format(exchange);
    else if (error)
        reply_error(exchange, error);
    else
        reply_file(exchange, exchange->answer.type, path);
}

static void audio_find(struct ticket ticket, int error, const struct entry *entry)
{
    struct exchange *exchange = exchange_of(ticket);
    size_t format;

    if (exchange == NULL)
        return;
    format = format_of(exchange);
    if (!error)
        exchange->answer.type = entry->fax ? "application/pdf" : formats[format].type;
    if (!error && entry->fax && format != SOUND_WAV)
        error = ENOTSUP;
    if (!error)
        error = entry_fetch_as(exchange_storage(exchange), entry->reader, entry->id,
                               (enum sound_format)format, ticket, audio_came);
    if (error == ENOTSUP)
        not_in_format(exchange);
    else
        reply_if(exchange, error);
}

static void audio_get(struct exchange *exchange)
{
    if (format_of(exchange) == FORMATS)
        reply_problem(exchange, 400, "format", "format is wav, opus or flac.");
    else
        message_ask(exchange, audio_find);
}

/* -- what it says ------------------------------------------------------------------------------------- */

static void transcript_get(struct exchange *exchange)
{
    listing_reply_of(exchange, LISTING_TRANSCRIPT, exchange->params.value[1], exchange->params.value[0]);
}

/* -- sent on ------------------------------------------------------------------------------------------ */

static void message_sent(struct ticket ticket, int error, const struct sent *sent)
{
    struct exchange *exchange = exchange_of(ticket);
    json_t *misses;

    if (exchange == NULL)
        return;
    if (error) {
        reply_error(exchange, error);
        return;
    }
    misses = json_array();
    for (unsigned i = 0; i < sent->missed && i < sizeof sent->misses / sizeof sent->misses[0]; i++)
        json_array_append_new(misses, json_pack("{s:o, s:s}", "mailbox", json_words(sent->misses[i].mailbox),
                                                "reason", sent->misses[i].full ? "full" : "none"));
    reply_json(exchange, 200,
               json_pack("{s:i, s:i, s:o}", "placed", (int)sent->placed, "missed", (int)sent->missed,
                         "misses", misses));
}

static void recipient_found(struct ticket ticket, int error, const struct mailbox *mailbox)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange == NULL)
        return;
    if (error == ENOENT) {
        reply_problem(exchange, 400, "to", "to has no mailbox, and is no list.");
        return;
    }
    if (!error)
        error = entry_send(exchange_storage(exchange), exchange->params.value[1], mailbox->number,
                           exchange->params.value[0], NULL, ticket, message_sent);
    reply_if(exchange, error);
}

/* That the message is in this mailbox is known: now who is to have it. */
static void forward_find(struct ticket ticket, int error, const struct entry *entry)
{
    struct exchange *exchange = exchange_of(ticket);
    const char *to;

    (void)entry;
    if (exchange == NULL)
        return;
    to = json_string_value(json_object_get(exchange->body, "to"));
    if (!error)
        error = recipient_find(exchange_storage(exchange), to, exchange->params.value[0], ticket,
                               recipient_found);
    reply_if(exchange, error);
}

static void forward_post(struct exchange *exchange)
{
    const char *to = NULL;

    if (body_only(exchange, "to") && body_text(exchange, "to", WANTED, NUMBER_TEXT - 1, &to))
        message_ask(exchange, forward_find);
}

const struct route mailbox_routes[] = {
    {"GET", "/api/v1/mailboxes/{mailbox}/messages", ACCESS_MAILBOX, BODY_NONE, messages_get},
    {"GET", "/api/v1/mailboxes/{mailbox}/messages/{message}", ACCESS_MAILBOX, BODY_NONE, message_get},
    {"PATCH", "/api/v1/mailboxes/{mailbox}/messages/{message}", ACCESS_MAILBOX, BODY_JSON, message_patch},
    {"DELETE", "/api/v1/mailboxes/{mailbox}/messages/{message}", ACCESS_MAILBOX, BODY_NONE, message_delete},
    {"POST", "/api/v1/mailboxes/{mailbox}/messages/{message}/forward", ACCESS_MAILBOX, BODY_JSON,
     forward_post},
    {"GET", "/api/v1/mailboxes/{mailbox}/messages/{message}/audio", ACCESS_MAILBOX, BODY_NONE, audio_get},
    {"GET", "/api/v1/mailboxes/{mailbox}/messages/{message}/transcript", ACCESS_MAILBOX, BODY_NONE,
     transcript_get},
    {0},
};
