/*
 * What the table of sounds, the players, the recorders and the file thread share.
 *
 * Ownership: struct sounds owns slots and recorders. Threads: as said at each field. Failure: see
 * mixer/files.h.
 */
#ifndef CONFAB_MIXER_SOUND_INTERNAL_H
#define CONFAB_MIXER_SOUND_INTERNAL_H

#include "mixer/files.h"

#include <pthread.h>
#include <stdatomic.h>

#define SOUNDS_INDEX_BITS 13
#define SOUNDS_MAX (1u << SOUNDS_INDEX_BITS)
#define RECORDERS_MAX 1024
#define WIDE_RATE 16000
#define NARROW_RATE 8000
#define WIDE_PER_MS (WIDE_RATE / 1000)
#define WIDE_FRAME (WIDE_RATE / 100)

/* One decoded file: at both rates, so that a tick only copies. */
struct samples {
    int16_t *wide;   /* 16 kHz */
    int16_t *narrow; /* 8 kHz: length / 2 of them */
    uint32_t length; /* of wide; always even */
};

/*
 * A sound as RTP payload, made by the file thread when a second play asks for it: what is heard once, as most
 * messages are, is not worth it. G.711 and G.722 are bytes, one for two samples at 16 kHz; Opus is packets.
 */
struct encoding {
    uint32_t packets; /* Opus only, and so is `starts`: packets + 1 of them */
    uint32_t *starts;
    uint8_t *data;
    size_t size; /* of all in memory */
};
#define ENCODING_TAIL (60 * WIDE_PER_MS / 2) /* bytes of silence after a sound, for a packet in which it ends */
enum asked { ASKED_NEVER, ASKED_ONCE, ASKED_AGAIN, ASKED_MADE, ASKED_IN_VAIN };

enum sound_state { SOUND_FREE, SOUND_LOADING, SOUND_READY, SOUND_FAILED };

/*
 * A slot is taken by signalling, filled by the file thread, read by workers and emptied by the file thread
 * again once nobody holds it. `state` publishes the samples; `references` counts the owner (until
 * sound_drop), a load under way and every item of a player. Nobody takes a reference but signalling, and only
 * through an id whose owner is still there, so a count that has come to zero stays there.
 */
struct sound {
    atomic_int state;
    atomic_uint references;
    struct samples samples;
    _Atomic(struct encoding *) encodings[ENCODING_COUNT]; /* NULL until the file thread has made it */
    atomic_uchar asked[ENCODING_COUNT];                   /* enum asked */
    char *path; /* of a load under way */
    bool level;
    sound_id id;         /* signalling: 0 once dropped */
    uint32_t generation; /* signalling */
};

enum file_job_type { FILE_LOAD, FILE_RECORD, FILE_TAPE, FILE_WAKE };

struct file_job {
    enum file_job_type type;
    sound_id sound;
    struct recorder *recorder;
    struct tape *tape;
};

struct queue;

struct sounds {
    struct mixer *mixer;
    struct queue *jobs;
    pthread_t thread;
    atomic_bool stopping;
    atomic_bool garbage; /* some count came to zero */
    atomic_uint count, recorders;
    atomic_bool encoding_wanted;
    atomic_uint_fast64_t encoded_bytes;
    struct making *making;      /* file thread: the encoding at work */
    uint32_t next_free;         /* signalling: where to look for a slot */
    struct recorder *recording; /* file thread: all that are open */
    struct tape *taping;        /* the same of rooms */
    struct sound slots[SOUNDS_MAX];
};

/* The slot of an id that is held. */
static inline struct sound *sound_slot(struct sounds *sounds, sound_id id)
{
    return &sounds->slots[id & (SOUNDS_MAX - 1)];
}

/* Any thread: gives a reference back; the file thread frees what nobody holds any more. */
void sound_release(struct sounds *sounds, struct sound *sound);

/* soundfile.c -- any thread; blocks on the disk. ENOENT and its like from open(2), EINVAL, EFBIG (longer than
 * an hour), ENOMEM. `meanwhile` (may be NULL) is called at least once for every minute of sound read. */
__attribute__((warn_unused_result)) int samples_load(struct samples *out, const char *path, bool level,
                                                     void (*meanwhile)(void *arg), void *arg);
void samples_free(struct samples *s);
/* 10 ms from `at` (of 16 kHz, even for 8 kHz) on; silence beyond the end. */
void samples_take(const struct samples *s, bool narrow, uint32_t at, int16_t *out);

/* speech.c -- prompts: trims silence to 30 ms at both ends and brings the voice to -20 dBov without clipping.
 * Works in place; returns the new length. */
size_t speech_normalise(float *samples, size_t count, unsigned rate);
/* The mean power of what is speech in it, in dBov, in the manner of ITU-T P.56; -127 when there is none. */
double speech_level(const float *samples, size_t count, unsigned rate);

/* filethread.c */
__attribute__((warn_unused_result)) int file_thread_start(struct sounds *sounds);
void file_thread_stop(struct sounds *sounds);

/* recorder.c, for the file thread */
void recorder_begin(struct recorder *r);
/* Writes what has come; true when the recording is over, its event sent, and `r` is to be freed. */
bool recorder_service(struct recorder *r, bool stopping);
void recorder_free(struct recorder *r);
struct recorder **recorder_next(struct recorder *r); /* the list that the file thread keeps */
/* File thread: the folder of `path` on the disk, with the names in it. */
__attribute__((warn_unused_result)) int folder_sync(const char *path);

/* interpolate.c: 10 ms of 16 kHz to 48; the history joins one frame to the next. */
void interpolate_prepare(void); /* the filter, made once */
void interpolate(int16_t history[INTERPOLATE_HISTORY], const int16_t *in, int16_t *out);

/* encoding.c */
/* Worker: the sound's encoding, or NULL; `asks` says that a play would use it, once an item. */
const struct encoding *encoding_get(struct sounds *sounds, struct sound *sound, enum encoding_kind kind,
                                    bool asks);
/* File thread: goes on with what was asked for, some seconds of sound at a time. True: there is more to do. */
bool encodings_make(struct sounds *sounds);
void encodings_abandon(struct sounds *sounds, const struct sound *sound); /* NULL: whatever is at work */
void encodings_free(struct sounds *sounds, struct sound *sound);

/* speed.c */
/* Where to leap to near `target`, so that what comes after `follow` seems to go on. */
uint32_t speed_leap(const struct samples *s, uint32_t follow, uint32_t target);
/* `out` becomes a blend from `from` to itself. */
void frame_blend(int16_t *out, const int16_t *from, size_t samples);

/* player.c, for cut.c */
enum item_state { ITEM_PLAYS, ITEM_WAITS, ITEM_NONE };
/* Goes on until an item has something left to play; `length` is the item's, in 16 kHz samples. */
enum item_state player_find(struct player *p, uint32_t *length);
void player_advance(struct player *p, uint32_t samples);

#endif
