/* What callers hear before they speak: the greetings that an owner has made himself. */
#include "core/control/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Those for single callers are made by phone: there may be many of one kind. */
static const char *const kinds[GREETING_CALLER] = {
    [GREETING_UNAVAILABLE] = "unavailable", [GREETING_BUSY] = "busy",           [GREETING_NAME] = "name",
    [GREETING_TEMPORARY] = "temporary",     [GREETING_NO_ANSWER] = "no-answer", [GREETING_CLOSED] = "closed",
};

/* GREETING_CALLER: the path names none, and 404 was the answer. */
static enum greeting_kind kind_of(struct exchange *exchange)
{
    for (unsigned kind = 0; kind < GREETING_CALLER; kind++)
        if (strcmp(kinds[kind], exchange->params.value[1]) == 0)
            return (enum greeting_kind)kind;
    reply_error(exchange, ENOENT);
    return GREETING_CALLER;
}

static void greetings_found(struct ticket ticket, int error, const struct mailbox *mailbox)
{
    struct exchange *exchange = exchange_of(ticket);
    json_t *items;

    if (exchange == NULL)
        return;
    if (error) {
        reply_error(exchange, error);
        return;
    }
    items = json_array();
    for (unsigned kind = 0; kind < GREETING_CALLER; kind++)
        json_array_append_new(
            items, json_pack("{s:s, s:b}", "kind", kinds[kind], "recorded", mailbox->greetings[kind]));
    reply_json(exchange, 200, json_pack("{s:o}", "items", items));
}

static void greetings_get(struct exchange *exchange)
{
    reply_if(exchange, mailbox_find(exchange_storage(exchange), exchange->params.value[0],
                                    exchange_ticket(exchange), greetings_found));
}

static void greeting_came(struct ticket ticket, int error, const char *path)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange == NULL)
        return;
    if (error)
        reply_error(exchange, error);
    else
        reply_file(exchange, "audio/wav", path);
}

static void greeting_get(struct exchange *exchange)
{
    enum greeting_kind kind = kind_of(exchange);

    if (kind != GREETING_CALLER)
        reply_if(exchange, greeting_fetch(exchange_storage(exchange), exchange->params.value[0], kind,
                                          exchange_ticket(exchange), greeting_came));
}

static void greeting_stored(struct ticket ticket, int error)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange == NULL)
        return;
    if (error)
        reply_error(exchange, error);
    else
        reply_none(exchange);
}

static void greeting_change(struct exchange *exchange, const char *path)
{
    enum greeting_kind kind = kind_of(exchange);

    if (kind != GREETING_CALLER)
        reply_if(exchange, greeting_store(exchange_storage(exchange), exchange->params.value[0], kind, "",
                                          path, "api", exchange_ticket(exchange), greeting_stored));
}

/* Storage unlinks the file, too: whoever comes second finds none. */
static void greeting_put(struct exchange *exchange)
{
    greeting_change(exchange, exchange->sound);
}

static void greeting_delete(struct exchange *exchange)
{
    greeting_change(exchange, NULL);
}

#define GREETING "/api/v1/mailboxes/{mailbox}/greetings/{kind}"
const struct route greeting_routes[] = {
    {"GET", "/api/v1/mailboxes/{mailbox}/greetings", ACCESS_MAILBOX, BODY_NONE, greetings_get},
    {"PUT", GREETING, ACCESS_MAILBOX, BODY_SOUND, greeting_put},
    {"DELETE", GREETING, ACCESS_MAILBOX, BODY_NONE, greeting_delete},
    {"GET", GREETING "/audio", ACCESS_MAILBOX, BODY_NONE, greeting_get},
    {0},
};
