/*
 * What the files of a room's recording share: tape.c (the ring, the course of it), track.c (one sound file on
 * the common clock), timeline.c (the JSON beside them).
 *
 * Ownership: the tape owns its tracks. Threads: the file thread. Failure: errno, which ends the recording.
 */
#ifndef CONFAB_MIXER_TAPE_INTERNAL_H
#define CONFAB_MIXER_TAPE_INTERNAL_H

#include "mixer/codec.h"
#include "mixer/soundwriter.h"
#include "mixer/tape.h"

#include <time.h>

#define TALK_JOIN_MS                                                                                         \
    500 /* a shorter gap in the frames of who talks (a sender that rests in silence) is none */

#define LASTING UINT32_MAX /* of a pause: no end yet */

struct stretch {
    uint32_t begin_ms, end_ms;
};
struct stretches {
    struct stretch *list;
    size_t count, size;
};
__attribute__((warn_unused_result)) int stretch_add(struct stretches *s, uint32_t begin_ms, uint32_t end_ms);

/* One who talks, and his sound file; the mix is the first. */
struct track {
    uint32_t port, visit;
    struct port_label label;
    char *file; /* within the folder; NULL: he has none, and no writer */
    struct sound_writer *writer;
    unsigned rate;
    uint32_t frames, synced; /* in the file */
    bool voiced;             /* since the last sync */
    struct stretches talks;
    /* Frames that wait until the silence before them is written: slots of `slot_size` bytes, from `at` on. */
    uint8_t *waiting;
    size_t count, at, size, slot_size;
};
__attribute__((warn_unused_result)) int track_open(struct track **out, const char *folder, char *file,
                                                   enum record_format format, unsigned rate,
                                                   size_t slot_size);
/* When he talks, as EVENT_TALK tells it. */
__attribute__((warn_unused_result)) int track_talk(struct track *t, const struct tape_slot *slot);
__attribute__((warn_unused_result)) int track_add(struct track *t, const struct tape_slot *slot);
/* Writes what waits, and silence up to frame `to`; EAGAIN: there is more to do, but the time `until_us` has
 * come. */
__attribute__((warn_unused_result)) int track_write(struct track *t, uint32_t to, uint64_t until_us);
__attribute__((warn_unused_result)) int track_sync(struct track *t, bool all);
__attribute__((warn_unused_result)) int track_close(struct track *t, bool broken); /* completes the file */
void track_free(struct track *t);

struct timeline {
    const char *title;
    enum record_format format;
    unsigned rate;
    int64_t began_us;        /* of wall time */
    struct stretches pauses; /* end_ms: how long it was, or LASTING */
    uint32_t ms;             /* of the recording by now */
    const char *state;       /* "recording", "paused", "stopped", "closed", "failed" */
    int error;
    unsigned lost_ms, tracks_left_out;
    struct track *const *tracks; /* the mix first */
    unsigned track_count;
};
/* Writes it beside `path` and renames it there, so that whoever reads finds a whole one. */
__attribute__((warn_unused_result)) int timeline_write(const struct timeline *line, const char *path);

#endif
