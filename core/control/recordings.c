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
    const char *name = exchange->params.value[0];
    char path[4096];

    if (!recording_name_fits(name) ||
        (size_t)snprintf(path, sizeof path, "%s/%s",
                         server_settings(exchange->control->server)->recordings_dir, name) >= sizeof path)
        reply_problem(exchange, 404, NULL, "There is nothing of that name.");
    else
        reply_kept_file(exchange, type_of(name), path);
}

const struct route recording_routes[] = {
    {"GET", "/api/v1/recordings", ACCESS_ADMIN, BODY_NONE, recordings_get},
    {"GET", "/api/v1/recordings/{recording}", ACCESS_ADMIN, BODY_NONE, recording_get},
    {0},
};
