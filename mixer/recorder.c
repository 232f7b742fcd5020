/*
 * Recording: a worker fills a ring, the file thread empties it into a WAV file whose header is true at every
 * sync.
 *
 * A ring that runs full (the disk stood still for seconds) loses the frames that find no room: the rest is
 * kept, and EVENT_RECORDED says EIO beside its normal end, so that a message with a gap is neither lost nor
 * taken for whole. A file that cannot be made or written ends the recording with RECORD_FAILED and the errno;
 * nothing is tried again.
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/queue.h"
#include "mixer/codec.h"
#include "mixer/progress.h"
#include "mixer/sound_internal.h"
#include "mixer/wavfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RING_SAMPLES (1u << 17) /* 8 s at 16 kHz */
#define SYNC_US 2000000
#define CUT_KEEP_MS 100 /* of a trailing silence that is cut; the detector's hang adds to it */
#define LATELY 16       /* frames: more than lie between a tone's begin and its being known */
#define OPEN (-1)       /* not closed yet; no limit reached */

struct recorder {
    struct sounds *sounds;
    uint32_t port, serial;
    unsigned rate;
    struct record_limits limits;
    char *path;
    /* worker; the file thread may read them once `closed` is set */
    struct voice_detector voice;
    uint32_t frames, silent_frames, speech_frames;
    uint32_t quiet_frames, gap_frames; /* silence that was heard; what did not come at all */
    struct progress_detector progress;
    bool tones;                          /* it ends in an exchange's tones, */
    uint32_t tones_silent, tones_speech; /* before which these counts stood so */
    uint32_t silent_lately[LATELY];      /* frame by frame, as tones are known late */
    uint32_t tones_inside;               /* times that tones were followed by words: they stay */
    int limit_reached;
    /* between them: counts of samples ever written and read, which wrap */
    atomic_uint head, tail;
    atomic_uint lost_frames;
    atomic_int closed, error;
    int16_t *ring;
    /* file thread */
    struct recorder *next;
    struct wav_file wav;
    uint64_t synced_bytes;
    uint64_t synced_us;
};

int recorder_open(struct recorder **out, struct sounds *sounds, uint32_t port, uint32_t serial,
                  const char *path, unsigned rate, const struct record_limits *limits)
{
    struct file_job job = {.type = FILE_RECORD};
    struct recorder *r = NULL;
    int error = EINVAL;

    if (rate != NARROW_RATE && rate != WIDE_RATE)
        return EINVAL;
    if (atomic_fetch_add(&sounds->recorders, 1) >= RECORDERS_MAX) {
        error = ENFILE;
        goto out;
    }
    error = ENOMEM;
    r = calloc(1, sizeof *r);
    if (!r)
        goto out;
    r->wav = (struct wav_file){.fd = -1, .rate = rate, .riff_max = UINT32_MAX};
    r->path = strdup(path);
    r->ring = calloc(RING_SAMPLES, sizeof *r->ring);
    if (!r->path || !r->ring)
        goto out;
    r->sounds = sounds;
    r->port = port;
    r->serial = serial;
    r->rate = rate;
    r->limits = *limits;
    r->limit_reached = OPEN;
    atomic_init(&r->closed, OPEN);
    job.recorder = r;
    error = queue_push(sounds->jobs, &job);
    if (error) {
        error = ENFILE;
        goto out;
    }
    *out = r;
    return 0;
out:
    recorder_free(r);
    atomic_fetch_sub(&sounds->recorders, 1);
    return error;
}

void recorder_free(struct recorder *r)
{
    if (!r)
        return;
    if (r->wav.fd >= 0)
        close(r->wav.fd);
    free(r->ring);
    free(r->path);
    free(r);
}

struct recorder **recorder_next(struct recorder *r)
{
    return &r->next;
}

/* -- worker
 * -----------------------------------------------------------------------------------------------------------
 */

/* One producer, one consumer, no lock: head is this side's alone, tail the other's. */
static void ring_put(struct recorder *r, const int16_t *frame, unsigned count)
{
    unsigned head = atomic_load_explicit(&r->head, memory_order_relaxed);
    unsigned tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    unsigned at = head % RING_SAMPLES;

    if (RING_SAMPLES - (head - tail) < count) {
        atomic_fetch_add(&r->lost_frames, 1);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        r->ring[at] = frame ? frame[i] : 0;
        at = (at + 1) % RING_SAMPLES;
    }
    atomic_store_explicit(&r->head, head + count, memory_order_release);
}

/* What the counts were where the tones began is asked when they are first known. */
static void tones_note(struct recorder *r, const int16_t *frame)
{
    bool began = r->progress.tone_blocks > 0, tones = progress_hear(&r->progress, frame, r->rate);

    r->silent_lately[r->frames % LATELY] = r->silent_frames;

    if (!began && r->progress.tone_blocks > 0) {
        uint32_t since = r->frames - r->progress.begin;

        r->tones_speech = r->speech_frames - (r->speech_frames < since ? r->speech_frames : since);
        r->tones_silent = r->silent_lately[r->progress.begin % LATELY];
    }
    r->tones_inside += r->tones && !tones;
    r->tones = tones;
}

/* An exchange's tones say as little as silence does. */
static uint32_t recorder_quiet(const struct recorder *r)
{
    return r->tones ? r->frames - r->progress.begin : r->quiet_frames;
}

bool recorder_write(struct recorder *r, const int16_t *frame)
{
    static const int16_t silence[WIDE_RATE / 100];
    unsigned count = r->rate / 100;

    if (r->limit_reached != OPEN || atomic_load_explicit(&r->error, memory_order_relaxed) != 0)
        return false;
    ring_put(r, frame, count);
    /* Limits count time, so frames lost to a full ring count too. */
    r->frames++;
    r->gap_frames = frame ? 0 : r->gap_frames + 1;
    if (voice_detect(&r->voice, frame ? frame : silence, count)) {
        r->speech_frames++;
        r->silent_frames = r->quiet_frames = 0;
    } else {
        r->silent_frames++;
        r->quiet_frames += frame || r->limits.gap_ms == 0;
    }
    if (r->limits.cut_silence)
        tones_note(r, frame);
    if (r->limits.max_ms > 0 && (uint64_t)r->frames * FRAME_MS >= r->limits.max_ms)
        r->limit_reached = RECORD_TOO_LONG;
    else if (r->limits.silence_ms > 0 && (uint64_t)recorder_quiet(r) * FRAME_MS >= r->limits.silence_ms)
        r->limit_reached = RECORD_SILENCE;
    else if (r->limits.gap_ms > 0 && (uint64_t)r->gap_frames * FRAME_MS >= r->limits.gap_ms)
        r->limit_reached = RECORD_SILENCE;
    return r->limit_reached == OPEN;
}

void recorder_close(struct recorder *r, int end)
{
    struct file_job wake = {.type = FILE_WAKE};
    struct sounds *sounds = r->sounds;
    int error;

    /* From this store on the file thread may free `r` at any moment. */
    atomic_store_explicit(&r->closed, r->limit_reached != OPEN ? r->limit_reached : end,
                          memory_order_release);
    error = queue_push(sounds->jobs, &wake);
    (void)error; /* a full queue keeps the file thread awake anyway */
}

/* -- file thread
 * ------------------------------------------------------------------------------------------------------ */

/* The header is written just before the sync that also carries the data, so sizes never promise more than was
 * handed over. */
static int file_sync(struct recorder *r)
{
    int error = wav_head(&r->wav);

    if (!error && fdatasync(r->wav.fd) != 0)
        error = errno;
    r->synced_bytes = r->wav.bytes;
    r->synced_us = clock_now_us();
    return error;
}

/* The name must outlive a power cut as well as the data does. */
int folder_sync(const char *path)
{
    char *copy = strdup(path);
    int error = 0, fd;

    if (!copy)
        return ENOMEM;
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        error = errno;
    if (fd >= 0)
        close(fd);
    free(copy);
    return error;
}

/* The worker sees `error` at its next frame and closes; until then what comes is thrown away. */
static void recorder_fail(struct recorder *r, int error)
{
    log_event(LEVEL_ERROR, "mixer", NULL, "recording_failed path=%s error=%s", r->path, strerror(error));
    atomic_store(&r->error, error);
}

void recorder_begin(struct recorder *r)
{
    int error;

    r->wav.fd = open(r->path, O_RDWR | O_CLOEXEC | (r->limits.append ? 0 : O_CREAT | O_EXCL), 0600);
    error = r->wav.fd < 0 ? errno : r->limits.append ? wav_resume(&r->wav) : 0;
    if (error && r->wav.fd >= 0) { /* what we do not understand is left as it is */
        close(r->wav.fd);
        r->wav.fd = -1;
    }
    if (!error)
        error = file_sync(r);
    if (!error)
        error = folder_sync(r->path);
    if (error)
        recorder_fail(r, error);
}

/* What the ring holds goes to the end of the file; after a failure it goes nowhere. */
static int ring_drain(struct recorder *r)
{
    unsigned tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    unsigned head = atomic_load_explicit(&r->head, memory_order_acquire);
    int error = 0;

    while (tail != head && !error && atomic_load(&r->error) == 0) {
        unsigned at = tail % RING_SAMPLES, count = head - tail;

        if (count > RING_SAMPLES - at)
            count = RING_SAMPLES - at;
        error = wav_add(&r->wav, r->ring + at, count);
        tail += count;
        atomic_store_explicit(&r->tail, tail, memory_order_release);
    }
    atomic_store_explicit(&r->tail, head, memory_order_release);
    return error;
}

/* Whatever ended it: the silence before a hang-up is no more worth keeping than the one that timed out. */
static int silence_cut(struct recorder *r)
{
    uint64_t silent_ms = (uint64_t)r->silent_frames * FRAME_MS;
    uint64_t cut;

    if (r->tones) {
        silent_ms = ((uint64_t)r->frames - r->progress.begin + r->tones_silent) * FRAME_MS;
        r->speech_frames = r->tones_speech;
    }
    if (!r->limits.cut_silence || silent_ms <= CUT_KEEP_MS)
        return 0;
    /* Nothing was said at all: nothing is kept. */
    if (r->speech_frames > 0)
        silent_ms -= CUT_KEEP_MS;
    cut = silent_ms * r->rate / 1000 * 2;
    r->wav.bytes -= cut < r->wav.bytes ? cut : r->wav.bytes;
    return ftruncate(r->wav.fd, (off_t)(wav_head_size(&r->wav) + r->wav.bytes)) != 0 ? errno : 0;
}

static void recorder_finish(struct recorder *r, int end)
{
    struct mixer_event event = {.type = EVENT_RECORDED, .port = r->port, .serial = r->serial, .end = end};
    unsigned lost = atomic_load(&r->lost_frames);
    int error = atomic_load(&r->error);

    if (!error) {
        error = silence_cut(r);
        if (!error)
            error = file_sync(r);
        if (error)
            recorder_fail(r, error);
    } else if (r->wav.fd >= 0 && wav_head(&r->wav) == 0) {
        /* What was written before the failure can still be heard, if the disk lets us say so. */
        fdatasync(r->wav.fd);
    }
    if (error)
        event.end = RECORD_FAILED;
    else if (lost > 0)
        error = EIO;
    if (lost > 0)
        log_event(LEVEL_ERROR, "mixer", NULL, "recording_overflow path=%s lost_ms=%u", r->path,
                  lost * FRAME_MS);
    if (r->tones_inside > 0)
        log_event(LEVEL_NOTICE, "mixer", NULL, "recording_has_tones path=%s times=%u", r->path,
                  r->tones_inside);
    event.error = error;
    event.ms = (uint32_t)(r->wav.bytes * 1000 / (2 * r->rate));
    event.speech_ms = r->speech_frames * FRAME_MS;
    mixer_emit(r->sounds->mixer, &event);
}

bool recorder_service(struct recorder *r, bool stopping)
{
    /* Read before the ring is emptied: what came before the close is then seen whole. */
    int closed = atomic_load_explicit(&r->closed, memory_order_acquire), error;

    if (closed == OPEN && stopping)
        closed = RECORD_CLOSED;
    error = ring_drain(r);
    if (!error && closed == OPEN && r->wav.bytes != r->synced_bytes &&
        clock_now_us() - r->synced_us >= SYNC_US && atomic_load(&r->error) == 0)
        error = file_sync(r);
    if (error)
        recorder_fail(r, error);
    if (closed == OPEN)
        return false;
    recorder_finish(r, closed);
    return true;
}
