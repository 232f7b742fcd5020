/* What the database knows: subscribers, registrations, mailboxes; and how pages of rows are answered. */
#include "core/control/listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- pages -------------------------------------------------------------------------------------------- */

static void page_came(struct ticket ticket, int error, char **json)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange == NULL)
        return;
    if (error) {
        reply_error(exchange, error);
        return;
    }
    reply_text(exchange, NULL, *json);
    *json = NULL;
}

/* {"items": [ROW], …}: the row alone. */
static void row_came(struct ticket ticket, int error, char **json)
{
    struct exchange *exchange = exchange_of(ticket);
    json_t *page, *row;

    if (exchange == NULL)
        return;
    page = error ? NULL : json_loads(*json, 0, NULL);
    row = json_incref(json_array_get(json_object_get(page, "items"), 0));
    json_decref(page);
    if (error || row == NULL)
        reply_error(exchange, error ? error : ENOENT);
    else
        reply_json(exchange, strcmp(exchange->method, "POST") == 0 ? 201 : 200, row);
}

static void listing_ask(struct exchange *exchange, enum listing listing, struct listing_query *query,
                        const char *key, listing_reply *reply)
{
    int error;

    if (strlen(key) >= sizeof query->key) {
        reply_error(exchange, ENOENT);
        return;
    }
    snprintf(query->key, sizeof query->key, "%s", key);
    error = listing_read(exchange_storage(exchange), listing, query, exchange_ticket(exchange), reply);
    if (error == EINVAL)
        reply_problem(exchange, 400, "after", "No answer has named that place.");
    else
        reply_if(exchange, error);
}

void listing_reply_many(struct exchange *exchange, enum listing listing, const char *key)
{
    struct listing_query query = {.most = LIST_USUAL};
    const char *after = query_text(exchange, "after", ""), *number = query_text(exchange, "number", "");

    if (query_number(exchange, "limit", 1, LIST_MOST, &query.most))
        return;
    if (strlen(after) >= sizeof query.after || strlen(number) >= sizeof query.number) {
        reply_problem(exchange, 400, strlen(after) >= sizeof query.after ? "after" : "number",
                      "That is too long.");
        return;
    }
    snprintf(query.after, sizeof query.after, "%s", after);
    snprintf(query.number, sizeof query.number, "%s", number);
    listing_ask(exchange, listing, &query, key, page_came);
}

void listing_reply_one(struct exchange *exchange, enum listing listing, const char *key)
{
    listing_reply_of(exchange, listing, key, "");
}

void listing_reply_of(struct exchange *exchange, enum listing listing, const char *key, const char *number)
{
    struct listing_query query = {.most = 1};

    snprintf(query.number, sizeof query.number, "%s", number);
    listing_ask(exchange, listing, &query, key, row_came);
}

/* -- the resources ------------------------------------------------------------------------------------ */

static void subscribers_get(struct exchange *exchange)
{
    listing_reply_many(exchange, LISTING_SUBSCRIBERS, "");
}

static void subscriber_get(struct exchange *exchange)
{
    listing_reply_one(exchange, LISTING_SUBSCRIBERS, exchange->params.value[0]);
}

static void registrations_get(struct exchange *exchange)
{
    listing_reply_many(exchange, LISTING_REGISTRATIONS, query_text(exchange, "subscriber", ""));
}

static void mailboxes_get(struct exchange *exchange)
{
    listing_reply_many(exchange, LISTING_MAILBOXES, "");
}

static void mailbox_get(struct exchange *exchange)
{
    listing_reply_one(exchange, LISTING_MAILBOXES, exchange->params.value[0]);
}

const struct route directory_routes[] = {
    {"GET", "/api/v1/subscribers", ACCESS_READ, BODY_NONE, subscribers_get},
    {"GET", "/api/v1/subscribers/{subscriber}", ACCESS_READ, BODY_NONE, subscriber_get},
    {"GET", "/api/v1/registrations", ACCESS_READ, BODY_NONE, registrations_get},
    {"GET", "/api/v1/mailboxes", ACCESS_READ, BODY_NONE, mailboxes_get},
    {"GET", "/api/v1/mailboxes/{mailbox}", ACCESS_MAILBOX, BODY_NONE, mailbox_get},
    {0},
};
