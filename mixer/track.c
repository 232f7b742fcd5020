/* One sound file of a room's recording: its frames at their places on the common clock, silence between them.
 */
#define _GNU_SOURCE /* asprintf */
#include "mixer/tape_internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAD_FRAMES 500 /* of silence between two looks at the clock */

int stretch_add(struct stretches *s, uint32_t begin_ms, uint32_t end_ms)
{
    if (s->count == s->size) {
        size_t size = s->size ? 2 * s->size : 16;
        struct stretch *list = realloc(s->list, size * sizeof *list);

        if (!list)
            return ENOMEM;
        s->list = list;
        s->size = size;
    }
    s->list[s->count++] = (struct stretch){begin_ms, end_ms};
    return 0;
}

/* `file` is the track's from here on, also when this fails. */
int track_open(struct track **out, const char *folder, char *file, enum record_format format, unsigned rate,
               size_t slot_size)
{
    struct track *t = calloc(1, sizeof *t);
    char *path = NULL;
    int error = ENOMEM;

    if (!t || !file || asprintf(&path, "%s/%s", folder, file) < 0)
        goto out;
    error = sound_writer_open(&t->writer, path, format, rate);
    free(path);
    if (error)
        goto out;
    t->file = file;
    t->rate = rate;
    t->slot_size = slot_size;
    *out = t;
    return 0;
out:
    free(file);
    free(t);
    return error;
}

int track_talk(struct track *t, const struct tape_slot *slot)
{
    uint32_t begin = slot->frame * FRAME_MS, end = begin + FRAME_MS;
    struct stretch *last = t->talks.count > 0 ? &t->talks.list[t->talks.count - 1] : NULL;

    if (!slot->talking)
        return 0;
    if (!last || begin > last->end_ms + TALK_JOIN_MS)
        return stretch_add(&t->talks, begin, end);
    last->end_ms = end;
    return 0;
}

int track_add(struct track *t, const struct tape_slot *slot)
{
    if ((t->count + 1) * t->slot_size > t->size) {
        size_t size = t->size ? 2 * t->size : 32 * t->slot_size;
        uint8_t *waiting = realloc(t->waiting, size);

        if (!waiting)
            return ENOMEM;
        t->waiting = waiting;
        t->size = size;
    }
    memcpy(t->waiting + t->count++ * t->slot_size, slot, t->slot_size);
    return track_talk(t, slot);
}

static int track_pad(struct track *t, uint32_t to, uint64_t until_us)
{
    while (t->frames < to) {
        uint32_t step = to - t->frames < PAD_FRAMES ? to - t->frames : PAD_FRAMES;
        int error = sound_writer_silence(t->writer, (uint64_t)step * (t->rate / 100));

        if (error)
            return error;
        t->frames += step;
        if (t->frames < to && clock_now_us() >= until_us)
            return EAGAIN;
    }
    return 0;
}

int track_write(struct track *t, uint32_t to, uint64_t until_us)
{
    if (!t->writer)
        return 0;
    for (; t->at < t->count; t->at++) {
        const struct tape_slot *slot = (const void *)(t->waiting + t->at * t->slot_size);
        int error = track_pad(t, slot->frame, until_us);

        if (!error)
            error = sound_writer_put(t->writer, slot->samples, t->rate / 100);
        if (error)
            return error;
        t->frames++;
        t->voiced = true;
    }
    t->count = t->at = 0;
    return track_pad(t, to, until_us);
}

int track_sync(struct track *t, bool all)
{
    if (!t->writer || (!all && t->frames == t->synced))
        return 0;
    int error = sound_writer_sync(t->writer, t->voiced || all);
    t->synced = t->frames;
    t->voiced = false;
    return error;
}

int track_close(struct track *t, bool broken)
{
    int error = t->writer ? sound_writer_close(t->writer, broken) : 0;

    t->writer = NULL;
    return error;
}

void track_free(struct track *t)
{
    if (t->writer)
        (void)!sound_writer_close(t->writer, true);
    free(t->talks.list);
    free(t->waiting);
    free(t->file);
    free(t);
}
