/* What was recorded in rooms and calls: files in the folder of the settings. */
#include "core/control/listing.h"

#include <stdio.h>
#include <string.h>

static void recordings_get(struct exchange *exchange)
{
    listing_reply_many(exchange, LISTING_RECORDINGS, query_text(exchange, "room", ""));
}

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {{".wav", "audio/wav"},
                                           {".flac", "audio/flac"},
                                           {".opus", "audio/ogg"},
                                           {".json", "application/json"}};
    const char *end = strrchr(name, '.');

    for (size_t i = 0; end != NULL && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(end, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

/* Whether it is there shows when the HTTP thread opens it. */
static void recording_get(struct exchange *exchange)
{
    const char *name = exchange->params.file;
    char path[4096];

    if (!recording_name_fits(name) ||
        (size_t)snprintf(path, sizeof path, "%s/%s",
                         server_settings(exchange->control->server)->recordings_dir, name) >= sizeof path)
        reply_problem(exchange, 404, NULL, "There is nothing of that name.");
    else
        reply_kept_file(exchange, type_of(name), path);
}

static void recording_removed(struct ticket ticket, int error)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange == NULL)
        return;
    if (error) {
        reply_error(exchange, error);
        return;
    }
    log_event(LEVEL_NOTICE, "http", NULL, "recording-removed file=%s by=%s", exchange->params.file,
              exchange->who.name);
    reply_none(exchange);
}

static void recording_delete(struct exchange *exchange)
{
    reply_if(exchange, recording_remove(exchange_storage(exchange), exchange->params.file,
                                        exchange_ticket(exchange), recording_removed));
}

const struct route recording_routes[] = {
    {"GET", "/api/v1/recordings", ACCESS_ADMIN, BODY_NONE, recordings_get},
    {"GET", "/api/v1/recordings/{file}", ACCESS_ADMIN, BODY_NONE, recording_get},
    {"DELETE", "/api/v1/recordings/{file}", ACCESS_ADMIN, BODY_NONE, recording_delete},
    {0},
};
