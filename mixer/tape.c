/*
 * The course of a room's recording: see tape.h and recording.h. The file thread empties the ring every 100
 * ms, brings the files to one length and to the disk every two seconds, and completes them at the end.
 */
#define _GNU_SOURCE /* asprintf */
#include "mixer/tape_internal.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/queue.h"
#include "mixer/sound_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS_MIX 512     /* 5 s */
#define SLOTS_TRACKS 2048 /* the same with three who talk; 2 s with as many as are ever heard */
#define SLOTS_FOR_MARKS 16
#define SYNC_US 2000000
#define ROUND_US 50000 /* for silence that must be encoded; then others have their turn */
#define TRACKS_MAX 256 /* a recording; who speaks after that is in the mix only */
#define OPEN (-1)

struct tape {
    struct sounds *sounds;
    uint32_t room, serial;
    unsigned rate;
    enum record_format format;
    char *folder, *name, *title;
    uint32_t last_lost; /* worker: the frame that found no place */
    /* between worker and file thread */
    unsigned slots;
    size_t slot_size;
    uint8_t *ring;
    atomic_uint head, tail, clock; /* slots ever given and taken, which wrap; frames */
    atomic_uint lost;
    atomic_int closed, error;
    /* file thread */
    struct tape *next;
    int64_t began_us;
    struct track *tracks[1 + TRACKS_MAX]; /* the mix first */
    unsigned track_count, left_out;
    struct stretches pauses;
    uint64_t synced_us;
    char *timeline;
};

/* -- signalling
 * ----------------------------------------------------------------------------------------------------- */

static bool name_valid(const char *name)
{
    return *name && *name != '.' && !strchr(name, '/');
}

int tape_open(struct tape **out, struct sounds *sounds, uint32_t room, uint32_t serial,
              const struct room_recording *what, unsigned rate)
{
    struct file_job job = {.type = FILE_TAPE};
    int error = ENOMEM;

    if (!name_valid(what->name) || (unsigned)what->format >= RECORD_FORMATS)
        return EINVAL;
    struct tape *t = calloc(1, sizeof *t);
    if (!t)
        return ENOMEM;
    t->slots = what->tracks ? SLOTS_TRACKS : SLOTS_MIX;
    t->slot_size = (sizeof(struct tape_slot) + rate / 100 * sizeof(int16_t) + 7) & ~(size_t)7;
    t->ring = calloc(t->slots, t->slot_size);
    t->folder = strdup(what->folder);
    t->name = strdup(what->name);
    t->title = strdup(what->title);
    if (!t->ring || !t->folder || !t->name || !t->title)
        goto out;
    t->sounds = sounds;
    t->room = room;
    t->serial = serial;
    t->rate = rate;
    t->format = what->format;
    atomic_init(&t->closed, OPEN);
    error = ENFILE;
    if (atomic_fetch_add(&sounds->recorders, 1) < RECORDERS_MAX) {
        job.tape = t;
        error = queue_push(sounds->jobs, &job) ? ENFILE : 0;
    }
    if (error) {
        atomic_fetch_sub(&sounds->recorders, 1);
        goto out;
    }
    *out = t;
    return 0;
out:
    tape_free(t);
    return error;
}

void tape_free(struct tape *t)
{
    for (unsigned i = 0; i < t->track_count; i++)
        track_free(t->tracks[i]);
    free(t->pauses.list);
    free(t->ring);
    free(t->folder);
    free(t->name);
    free(t->title);
    free(t->timeline);
    free(t);
}

struct tape **tape_next(struct tape *t)
{
    return &t->next;
}

/* -- worker
 * -----------------------------------------------------------------------------------------------------------
 */

static struct tape_slot *slot_at(const struct tape *t, unsigned at)
{
    return (struct tape_slot *)(void *)(t->ring + (at % t->slots) * t->slot_size);
}

/* One producer, one consumer, no lock. Marks find a place also when there is none left for frames. */
struct tape_slot *tape_take(struct tape *t, enum tape_kind kind, uint32_t frame)
{
    unsigned head = atomic_load_explicit(&t->head, memory_order_relaxed);
    unsigned used = head - atomic_load_explicit(&t->tail, memory_order_acquire);
    bool sound = kind == TAPE_MIX || kind == TAPE_TRACK;

    if (used + (sound ? SLOTS_FOR_MARKS : 0) >= t->slots) {
        if (sound && (t->last_lost != frame || atomic_load_explicit(&t->lost, memory_order_relaxed) == 0))
            atomic_fetch_add_explicit(&t->lost, 1, memory_order_relaxed);
        t->last_lost = frame;
        return NULL;
    }
    struct tape_slot *slot = slot_at(t, head);
    slot->kind = kind;
    slot->frame = frame;
    return slot;
}

void tape_give(struct tape *t)
{
    atomic_fetch_add_explicit(&t->head, 1, memory_order_release);
}

bool tape_advance(struct tape *t, uint32_t frames)
{
    atomic_store_explicit(&t->clock, frames, memory_order_release);
    return atomic_load_explicit(&t->error, memory_order_relaxed) == 0;
}

void tape_close(struct tape *t, int end)
{
    struct file_job wake = {.type = FILE_WAKE};
    struct sounds *sounds = t->sounds;

    /* From this store on the file thread may free `t` at any moment. */
    atomic_store_explicit(&t->closed, end, memory_order_release);
    (void)!queue_push(sounds->jobs, &wake); /* a full queue keeps the file thread awake anyway */
}

/* -- file thread
 * ------------------------------------------------------------------------------------------------------ */

/* The worker sees `error` at its next tick and closes; until then what comes is thrown away. */
static void tape_fail(struct tape *t, int error)
{
    atomic_store(&t->error, error);
}

static void timeline_fill(const struct tape *t, struct timeline *line)
{
    bool paused = t->pauses.count > 0 && t->pauses.list[t->pauses.count - 1].end_ms == LASTING;

    *line = (struct timeline){.title = t->title,
                              .format = t->format,
                              .rate = t->rate,
                              .began_us = t->began_us,
                              .pauses = t->pauses,
                              .ms = t->track_count > 0 ? t->tracks[0]->frames * FRAME_MS : 0,
                              .state = paused ? "paused" : "recording",
                              .lost_ms = atomic_load(&t->lost) * FRAME_MS,
                              .tracks_left_out = t->left_out,
                              .tracks = t->tracks,
                              .track_count = t->track_count};
}

void tape_begin(struct tape *t)
{
    struct timeline line;
    char *file = NULL;
    int error = ENOMEM;

    t->began_us = clock_wall_us();
    t->synced_us = clock_now_us();
    if (mkdir(t->folder, 0700) && errno != EEXIST) {
        tape_fail(t, errno);
        return;
    }
    if (asprintf(&t->timeline, "%s/%s.json", t->folder, t->name) < 0)
        t->timeline = NULL;
    if (t->timeline && asprintf(&file, "%s.%s", t->name, record_format_names[t->format]) >= 0)
        error = track_open(&t->tracks[0], t->folder, file, t->format, t->rate, t->slot_size);
    if (!error) {
        t->track_count = 1;
        timeline_fill(t, &line);
        error = timeline_write(&line, t->timeline);
    }
    if (!error)
        error = track_sync(t->tracks[0], true);
    if (!error)
        error = folder_sync(t->timeline);
    if (error)
        tape_fail(t, error);
}

/* Only what every file system and shell bears. */
static void name_clean(char *to, size_t size, const char *from)
{
    size_t at = 0;

    for (; *from && at + 1 < size; from++)
        to[at++] = isalnum((unsigned char)*from) || strchr("+-_", *from) ? *from : '_';
    to[at] = '\0';
}

static int voice_open(struct track **out, struct tape *t, const struct tape_slot *slot)
{
    char label[LABEL_TEXT], *file = NULL;

    name_clean(label, sizeof label, slot->label.name);
    if (asprintf(&file, "%s-%u%s%s.%s", t->name, t->track_count, *label ? "-" : "", label,
                 record_format_names[t->format]) < 0)
        return ENOMEM;
    return track_open(out, t->folder, file, t->format, t->rate, t->slot_size);
}

/* Where only the mix is recorded, one without a file: of when he talks. */
static int track_make(struct track **out, struct tape *t, const struct tape_slot *slot)
{
    int error = 0;

    if (slot->kind == TAPE_TRACK)
        error = voice_open(out, t, slot);
    else if (!(*out = calloc(1, sizeof **out)))
        error = ENOMEM;
    if (error)
        return error;
    (*out)->port = slot->port;
    (*out)->visit = slot->visit;
    (*out)->label = slot->label;
    t->tracks[t->track_count++] = *out;
    return 0;
}

/* *out NULL: one too many. */
static int track_find(struct track **out, struct tape *t, const struct tape_slot *slot)
{
    *out = NULL;
    for (unsigned i = 1; i < t->track_count; i++) {
        if (t->tracks[i]->port == slot->port && t->tracks[i]->visit == slot->visit) {
            *out = t->tracks[i];
            return 0;
        }
    }
    if (t->track_count <= TRACKS_MAX)
        return track_make(out, t, slot);
    if (t->left_out++ == 0)
        log_event(LEVEL_WARNING, "mixer", NULL, "recording-tracks room=%s file=%s/%s most=%d", t->title,
                  t->folder, t->name, TRACKS_MAX);
    return 0;
}

static int slot_use(struct tape *t, const struct tape_slot *slot)
{
    struct track *track = t->tracks[0];
    struct stretch *last = t->pauses.count > 0 ? &t->pauses.list[t->pauses.count - 1] : NULL;
    int error = 0;

    switch (slot->kind) {
    case TAPE_PAUSE:
        return stretch_add(&t->pauses, slot->frame * FRAME_MS, LASTING);
    case TAPE_RESUME:
        if (last && last->end_ms == LASTING)
            last->end_ms = slot->ms;
        return 0;
    case TAPE_TRACK:
        error = track_find(&track, t, slot);
        break;
    case TAPE_TALK:
        error = track_find(&track, t, slot);
        return error || !track ? error : track_talk(track, slot);
    case TAPE_MIX:
        break;
    }
    return error || !track ? error : track_add(track, slot);
}

static int ring_drain(struct tape *t)
{
    unsigned tail = atomic_load_explicit(&t->tail, memory_order_relaxed);
    unsigned head = atomic_load_explicit(&t->head, memory_order_acquire);
    int error = atomic_load(&t->error);

    for (; tail != head && !error; tail++) {
        error = slot_use(t, slot_at(t, tail));
        atomic_store_explicit(&t->tail, tail + 1, memory_order_release);
    }
    atomic_store_explicit(&t->tail, head, memory_order_release);
    return error;
}

/* EAGAIN: some track still has silence before it. `to`: up to which frame all are filled. */
static int tracks_write(struct tape *t, uint32_t to, uint64_t until_us)
{
    bool more = false;

    for (unsigned i = 0; i < t->track_count; i++) {
        int error = track_write(t->tracks[i], to, until_us);

        if (error && error != EAGAIN)
            return error;
        more |= error == EAGAIN;
    }
    return more ? EAGAIN : 0;
}

static int tape_sync(struct tape *t)
{
    struct timeline line;
    int error = 0;

    for (unsigned i = 0; i < t->track_count && !error; i++)
        error = track_sync(t->tracks[i], false);
    if (!error) {
        timeline_fill(t, &line);
        error = timeline_write(&line, t->timeline);
    }
    t->synced_us = clock_now_us();
    return error;
}

static int files_close(struct tape *t, bool broken)
{
    int error = 0;

    for (unsigned i = 0; i < t->track_count; i++) {
        int failed = track_close(t->tracks[i], broken || error);
        error = error ? error : failed;
    }
    return error;
}

/* After a failure as far as the disk lets us. */
static void tape_finish(struct tape *t, int end)
{
    static const char *const states[] = {
        [RECORD_STOPPED] = "stopped", [RECORD_CLOSED] = "closed", [RECORD_FAILED] = "failed"};
    struct mixer_event event = {.type = EVENT_RECORDED, .room = t->room, .serial = t->serial};
    int error = atomic_load(&t->error), failed = files_close(t, error != 0);
    struct timeline line;

    error = error ? error : failed;
    timeline_fill(t, &line);
    event.end = error ? RECORD_FAILED : end;
    event.error = line.error = error ? error : line.lost_ms > 0 ? EIO : 0;
    event.ms = line.ms;
    line.state = states[event.end];
    failed = t->timeline && t->track_count > 0 ? timeline_write(&line, t->timeline) : 0;
    if (!error && failed) {
        event.end = RECORD_FAILED;
        event.error = failed;
    }
    log_event(event.error ? LEVEL_ERROR : LEVEL_INFO, "mixer", NULL,
              "recording-ended room=%s file=%s/%s.%s ms=%u lost_ms=%u error=%d%s%s%s", t->title, t->folder,
              t->name, record_format_names[t->format], event.ms, line.lost_ms, event.error,
              event.error ? " text=\"" : "", event.error ? strerrordesc_np(event.error) : "",
              event.error ? "\"" : "");
    mixer_emit(t->sounds->mixer, &event);
}

bool tape_service(struct tape *t, bool stopping)
{
    /* Read before the ring is emptied: what came before the close is then seen whole. */
    int closed = atomic_load_explicit(&t->closed, memory_order_acquire), error;
    uint32_t to = atomic_load_explicit(&t->clock, memory_order_acquire);
    uint64_t now = clock_now_us(), until = stopping ? UINT64_MAX : now + ROUND_US;
    bool due = closed != OPEN || now - t->synced_us >= SYNC_US;

    if (closed == OPEN && stopping)
        closed = RECORD_CLOSED;
    error = ring_drain(t);
    if (!error)
        error = tracks_write(t, due ? to : 0, until);
    if (error == EAGAIN && closed != OPEN)
        return false;
    if (error == EAGAIN)
        error = 0;
    if (!error && closed == OPEN && due)
        error = tape_sync(t);
    if (error && atomic_load(&t->error) == 0)
        tape_fail(t, error);
    if (closed == OPEN)
        return false;
    tape_finish(t, closed);
    return true;
}
