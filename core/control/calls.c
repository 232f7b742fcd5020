/* Calls: those that stand, and the records of those that are over. */
#include "core/control/listing.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static void calls_get(struct exchange *exchange)
{
    reply_json(exchange, 200, json_pack("{s:o}", "items", desk_calls(exchange->control->server)));
}

static void call_get(struct exchange *exchange)
{
    json_t *call = desk_call(exchange->control->server, exchange->params.value[0]);

    if (call == NULL)
        reply_error(exchange, ENOENT);
    else
        reply_json(exchange, 200, call);
}

/* A user's own phones ring first; whoever answers there is led to the number. */
static void calls_post(struct exchange *exchange)
{
    struct control *control = exchange->control;
    const char *user = NULL, *number = NULL;
    char id[CALL_ID_TEXT];
    int error;

    if (!body_only(exchange, "user number") || !body_text(exchange, "user", WANTED, NUMBER_TEXT - 1, &user) ||
        !body_text(exchange, "number", WANTED, NUMBER_TEXT - 1, &number))
        return;
    error = desk_dial(control->server, user, number, id);
    if (error) {
        reply_error(exchange, error == EBUSY ? EMFILE : error);
        return;
    }
    log_event(LEVEL_INFO, "http", id, "dial by=%s user=%s", exchange->who.name, user);
    answer_header(&exchange->answer, "Location", "/api/v1/calls/%s", id);
    reply_json(exchange, 202, json_pack("{s:s}", "id", id));
}

static void call_delete(struct exchange *exchange)
{
    int error = desk_hang_up(exchange->control->server, exchange->params.value[0]);

    if (error) {
        reply_error(exchange, error);
        return;
    }
    log_event(LEVEL_INFO, "http", exchange->params.value[0], "hang-up by=%s", exchange->who.name);
    reply_none(exchange);
}

/* `party`: who is connected with `to`; the other one is out of it once that answers. */
static void transfer_post(struct exchange *exchange)
{
    const char *id = exchange->params.value[0], *to = NULL, *party = "caller";
    int error;

    if (!body_only(exchange, "to party") || !body_text(exchange, "to", WANTED, NUMBER_TEXT - 1, &to) ||
        !body_text(exchange, "party", PERHAPS, 16, &party))
        return;
    if (*to == '\0' || (strcmp(party, "caller") != 0 && strcmp(party, "callee") != 0)) {
        reply_problem(exchange, 400, *to == '\0' ? "to" : "party",
                      *to == '\0' ? "to is a number." : "party is \"caller\" or \"callee\".");
        return;
    }
    error = desk_transfer(exchange->control->server, id, strcmp(party, "caller") == 0, to);
    if (error) {
        reply_error(exchange, error);
        return;
    }
    log_event(LEVEL_INFO, "http", id, "transfer by=%s", exchange->who.name);
    reply_json(exchange, 202, json_pack("{s:s, s:s}", "id", id, "to", to));
}

static void cdrs_get(struct exchange *exchange)
{
    listing_reply_many(exchange, LISTING_CALLS, "");
}

static void cdr_get(struct exchange *exchange)
{
    listing_reply_one(exchange, LISTING_CALLS, exchange->params.value[0]);
}

/* A page of it, as of one in the database. */
static json_t *trace_page(json_t *steps, unsigned after, unsigned most)
{
    size_t count = json_array_size(steps), end = (size_t)after + most < count ? (size_t)after + most : count;
    json_t *items = json_array();
    char next[16];

    for (size_t i = after; i < end; i++)
        json_array_append(items, json_array_get(steps, i));
    json_decref(steps);
    snprintf(next, sizeof next, "%zu", end);
    return json_pack("{s:o, s:o}", "items", items, "next", end < count ? json_string(next) : json_null());
}

/* Of a call that stands it is not in the database yet. */
static void trace_get(struct exchange *exchange)
{
    json_t *steps = desk_trace(exchange->control->server, exchange->params.value[0]);
    unsigned after = 0, most = LIST_USUAL;

    if (steps == NULL)
        listing_reply_many(exchange, LISTING_TRACE, exchange->params.value[0]);
    else if (query_number(exchange, "limit", 1, LIST_MOST, &most) ||
             query_number(exchange, "after", 0, INT_MAX, &after))
        json_decref(steps);
    else
        reply_json(exchange, 200, trace_page(steps, after, most));
}

const struct route call_routes[] = {
    {"GET", "/api/v1/calls", ACCESS_READ, BODY_NONE, calls_get},
    {"POST", "/api/v1/calls", ACCESS_ADMIN, BODY_JSON, calls_post},
    {"GET", "/api/v1/calls/{call}", ACCESS_READ, BODY_NONE, call_get},
    {"DELETE", "/api/v1/calls/{call}", ACCESS_ADMIN, BODY_NONE, call_delete},
    {"POST", "/api/v1/calls/{call}/transfer", ACCESS_ADMIN, BODY_JSON, transfer_post},
    {"GET", "/api/v1/calls/{call}/trace", ACCESS_READ, BODY_NONE, trace_get},
    {"GET", "/api/v1/cdrs", ACCESS_READ, BODY_NONE, cdrs_get},
    {"GET", "/api/v1/cdrs/{call}", ACCESS_READ, BODY_NONE, cdr_get},
    {0},
};
