/*
 * The file side of the engine: the table of sounds, the players that read them in a tick, the recorders that
 * a tick fills, and the one file thread that loads and writes.
 *
 * Ownership: struct sounds owns all. Threads: as said at each function. Failure: as mixer/sound.h.
 */
#ifndef CONFAB_MIXER_FILES_H
#define CONFAB_MIXER_FILES_H

#include "mixer/event.h"

struct sounds;
struct sound;

/* Any thread: puts an event into the mixer's queue (mixer.c). */
void mixer_emit(struct mixer *m, const struct mixer_event *event);
/* The mixer's sounds (mixer.c): what sound_load() and its like work on. */
struct sounds *mixer_sounds(struct mixer *m);

__attribute__((warn_unused_result)) int sounds_start(struct sounds **out, struct mixer *m);
void sounds_stop(struct sounds *sounds); /* finishes what is being written */
unsigned sounds_count(const struct sounds *sounds);

/* -- encoding.c: sounds encoded once for all who play them */

/* One version that ports can send as it is. Opus: packets of 20 ms, with in-band FEC or without. */
enum encoding_kind {
    ENCODING_NONE,
    ENCODING_PCMU,
    ENCODING_PCMA,
    ENCODING_G722,
    ENCODING_OPUS,
    ENCODING_OPUS_FEC,
    ENCODING_COUNT
};
#define ENCODING_OPUS_MS 20
#define ENCODING_PAYLOAD_MAX 512 /* 60 ms of G.711 or G.722; an Opus packet is made no longer */
/* Which one a port of this format sends; ENCODING_NONE: it encodes by itself. */
enum encoding_kind encoding_kind_of(const struct media_format *format);
/* Any thread: bytes that all encodings take now. */
uint64_t sounds_encoded_bytes(const struct sounds *sounds);

/* -- player.c: one a port and one a room; a value, so that a tick allocates nothing */

#define INTERPOLATE_HISTORY 15 /* samples at 16 kHz that the way to 48 kHz looks back */
#define SPEED_NORMAL 100       /* per cent */
#define SPEED_MIN 75
#define SPEED_MAX 200
#define PLAY_UNITY 4096 /* Q12 */

struct player {
    struct sounds *sounds;
    uint32_t serial;
    struct play_item items[PLAY_ITEMS_MAX];
    unsigned count, at; /* items, and which one plays */
    bool playing, paused, repeat, failed;
    uint32_t position;   /* samples of the item played so far, at 16 kHz whatever the rate */
    uint64_t played;     /* and of all items before it */
    uint32_t played_ms;  /* the same: a skip moves it, a repetition begins it anew, speed changes nothing */
    struct sound *sound; /* held while it plays */
    double phase1, phase2; /* of a tone */
    int16_t history[INTERPOLATE_HISTORY];
    int32_t gain, level; /* Q12: asked for, and reached so far */
    /* Speed (speed.c) */
    unsigned speed, rest; /* per cent; what steps of whole samples have left over, in hundredths */
    bool scaling, splice; /* `follow` holds; the next frame leaps */
    uint32_t follow;      /* where the sound that was heard last goes on */
    /* A leap: its first frame is blended with what would have come */
    struct sound *left;
    uint32_t left_at;
    /* What is encoded already (cut.c) */
    enum encoding_kind kind;
    bool within;    /* the packet at hand has begun: whole packets wait for the next one */
    bool fresh;     /* the far side's decoder has heard nothing yet */
    uint32_t steady; /* samples since the item's beginning or a leap in it */
    uint64_t asked; /* bit i: item i's encoding was asked for in this round */
};
/* Signalling: takes a reference on every sound named, so that none goes away before the worker has played it.
 * EINVAL: too many items, or an id that is none. */
__attribute__((warn_unused_result)) int player_hold(struct sounds *sounds, const struct play_item *items,
                                                    size_t count);
/* Any thread: undoes player_hold() for items that no player will ever start with (a command that found no
 * room). */
void player_release(struct sounds *sounds, const struct play_item *items, size_t count);
/* Worker. Starts with items that player_hold() held, at normal speed and gain; what was playing is let go. */
void player_start(struct player *p, struct sounds *sounds, uint32_t serial, const struct play_item *items,
                  unsigned count, bool repeat);
/* Worker: 10 ms at `rate` into `out`. False: nothing to play (or paused, or the first sound still loads):
 * `out` untouched. */
bool player_render(struct player *p, unsigned rate, int16_t *out);
/* Worker: the `samples` (whole frames) that were played last, for an encoder that takes over from what was
 * sent encoded; silence where the item at hand has not been playing for that long. */
void player_recent(struct player *p, unsigned rate, int16_t *out, size_t samples);
/* Worker, at a packet's begin: cuts its payload of `ms` out of what is encoded. 0: it must be rendered, and
 * nothing has moved. `out` holds ENCODING_PAYLOAD_MAX. */
size_t player_cut(struct player *p, enum encoding_kind kind, unsigned ms, uint8_t *out);
/* Worker: true once after the last sample; all sounds are let go then. One that failed to load was skipped,
 * with p->failed. */
bool player_ended(struct player *p);
/* Worker. Both end what plays when they lead past its last item, and stop where an item still loads. */
void player_skip(struct player *p, int ms); /* never past the beginning of a chapter (struct play_item) */
void player_seek(struct player *p, uint32_t ms);
void player_pause(struct player *p, bool paused); /* fades out and in within 10 ms */
void player_speed(struct player *p, unsigned percent);
void player_gain(struct player *p, int32_t q12);
void player_stop(struct player *p); /* lets all sounds go */

/* -- recorder.c */

struct recorder;
/* Signalling: the file is made by the file thread; trouble comes in EVENT_RECORDED. `rate` is 8000 or 16000
 * (EINVAL); a limit of 0 is none. ENFILE, ENOMEM. */
__attribute__((warn_unused_result)) int recorder_open(struct recorder **out, struct sounds *sounds,
                                                      uint32_t port, uint32_t serial, const char *path,
                                                      unsigned rate, const struct record_limits *limits);
/* Worker, every tick: 10 ms at the recorder's rate, NULL for silence. False: a limit is reached or the file
 * failed; call recorder_close(). When the disk stands still for more than 8 s, frames are lost and
 * EVENT_RECORDED has its normal end with error EIO: the file is good but has a gap. */
bool recorder_write(struct recorder *r, const int16_t *frame);
/* Worker or signalling (never both): no more comes; the file thread finishes, sends EVENT_RECORDED and frees
 * it. `end` is one of enum record_end; a limit reached overrides it. */
void recorder_close(struct recorder *r, int end);

/* -- dtmf.c */

/* RFC 4733 receiver: each key press reported once, whatever is repeated, reordered or lost. */
struct digit_receiver {
    bool active, reported;
    uint32_t timestamp, duration;
    uint32_t earlier; /* duration of the press's segments before this one */
    char digit;
    unsigned idle_ticks;
};
/* A telephone-event payload (≥ 4 bytes) of an RTP packet. Returns the digit when one is to be reported, else
 * 0; `ms` is its length in clock `rate`. Reported at the E bit, or by digit_tick() when no end came for 100
 * ms. */
char digit_packet(struct digit_receiver *r, uint32_t timestamp, const uint8_t *payload, size_t length,
                  uint32_t rate, unsigned *ms);
char digit_tick(struct digit_receiver *r, uint32_t rate, unsigned *ms);

/* RFC 4733 sender: fills a payload for the tick. */
struct digit_sender {
    char digit;
    uint32_t timestamp, duration, total; /* in clock units */
    unsigned ends_left;
};
void digit_send(struct digit_sender *s, char digit, unsigned ms, uint32_t rate, uint32_t timestamp);
/* Every packet time: 4 bytes into `payload`; false when the digit is over. `marker` is set on the first. */
bool digit_send_packet(struct digit_sender *s, unsigned ptime_ms, uint32_t rate, uint8_t payload[4],
                       bool *marker);

/* In-band detector and generator (SpanDSP), for a far side without telephone-event. */
struct tone_detector;
__attribute__((warn_unused_result)) int tone_detector_new(struct tone_detector **out);
void tone_detector_free(struct tone_detector *d);
char tone_detect(struct tone_detector *d, const int16_t *frame8k, size_t samples); /* 8 kHz; digit or 0 */
/* Writes the two tones of `digit` at `rate` to `out`, as they are `position` samples after its start. */
void digit_tone(char digit, unsigned rate, uint32_t position, int16_t *out, size_t samples);

#endif
