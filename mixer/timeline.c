/* The timeline beside a room's recording. */
#define _GNU_SOURCE /* asprintf */
#include "mixer/tape_internal.h"

#include "mixer/wavfile.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *pauses_json(const struct stretches *pauses)
{
    json_t *list = json_array();

    for (size_t i = 0; i < pauses->count; i++) {
        const struct stretch *p = &pauses->list[i];
        json_array_append_new(list, p->end_ms == LASTING ? json_pack("{si}", "at_ms", (int)p->begin_ms)
                                                         : json_pack("{si si}", "at_ms", (int)p->begin_ms,
                                                                     "lasted_ms", (int)p->end_ms));
    }
    return list;
}

/* Names are whatever a phone sent: what is no UTF-8 is left out. */
static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);

    return json ? json : json_string("");
}

static json_t *track_json(const struct track *t)
{
    json_t *talks = json_array();

    for (size_t i = 0; i < t->talks.count; i++)
        json_array_append_new(
            talks, json_pack("[ii]", (int)t->talks.list[i].begin_ms, (int)t->talks.list[i].end_ms));
    return json_pack("{ss? so so so}", "file", t->file, "label", text_json(t->label.name), "call",
                     text_json(t->label.call), "talk_ms", talks);
}

static json_t *timeline_json(const struct timeline *line)
{
    char began[40];
    time_t second = (time_t)(line->began_us / 1000000);
    struct tm tm;
    json_t *tracks = json_array();

    gmtime_r(&second, &tm);
    size_t at = strftime(began, sizeof began, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(began + at, sizeof began - at, ".%03dZ", (int)(line->began_us / 1000 % 1000));
    for (unsigned i = 1; i < line->track_count; i++)
        json_array_append_new(tracks, track_json(line->tracks[i]));
    json_t *json = json_pack("{so ss ss si ss si si si so si so}", "room", text_json(line->title), "began",
                             began, "format", record_format_names[line->format], "rate", (int)line->rate,
                             "state", line->state, "error", line->error, "ms", (int)line->ms, "lost_ms",
                             (int)line->lost_ms, "pauses", pauses_json(&line->pauses), "tracks_left_out",
                             (int)line->tracks_left_out, "tracks", tracks);
    if (json && line->track_count > 0)
        json_object_set_new(json, "mix", json_string(line->tracks[0]->file));
    return json;
}

static int text_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int error = fd < 0 ? errno : file_put(fd, text, strlen(text), 0);

    if (!error && fdatasync(fd))
        error = errno;
    if (fd >= 0)
        close(fd);
    return error;
}

int timeline_write(const struct timeline *line, const char *path)
{
    json_t *json = timeline_json(line);
    char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL, *beside = NULL;
    int error = ENOMEM;

    json_decref(json);
    if (text && asprintf(&beside, "%s.new", path) >= 0) {
        error = text_write(beside, text);
        if (!error && rename(beside, path))
            error = errno;
        if (error)
            unlink(beside);
        free(beside);
    }
    free(text);
    return error;
}
