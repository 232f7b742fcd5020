/*
 * Sounds: files decoded once, kept as linear samples and shared by all who play them; and recordings.
 *
 * Ownership: the mixer owns sounds and recordings; callers hold ids. A sound dropped while it plays lives until
 * the play has ended. Threads: signalling; the mixer's file thread does the reading and writing.
 * Failure: ENFILE when the table is full; a file's trouble comes back in EVENT_SOUND_LOADED or EVENT_RECORDED.
 */
#ifndef CONFAB_MIXER_SOUND_H
#define CONFAB_MIXER_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mixer;
typedef uint32_t sound_id; /* 0 is never a sound */

#define PLAY_ITEMS_MAX 48

/* One thing to play: a sound, or a tone of one or two frequencies, or silence (no sound, no frequency). */
struct play_item {
    sound_id sound;
    uint16_t hz1, hz2;
    int8_t level_dbov;   /* of a tone: each frequency's power, -63 to -3 */
    uint32_t ms;         /* of a tone or silence; of a sound: 0 for all of it */
    bool chapter;        /* a skip stops at its beginning, from whichever side it comes */
};

/*
 * Starts loading `path`: anything libsndfile reads (WAV, RF64, AIFF, AU, FLAC, Ogg Vorbis and Opus, MP3), 4 to 192 kHz and any
 * number of channels, or raw 16 kHz G.722 by the ending .g722; at most an hour of it (EFBIG). With `level`, as for
 * prompts, it is trimmed to 30 ms of silence at both ends and brought to -20 dBov active speech level. The id may be
 * played at once: the play waits for the load. EVENT_SOUND_LOADED tells the length or what failed.
 */
__attribute__((warn_unused_result)) int sound_load(struct mixer *m, const char *path, bool level, sound_id *out);
void sound_drop(struct mixer *m, sound_id sound);

struct record_limits {
    uint32_t max_ms;         /* the recording ends with RECORD_TOO_LONG */
    uint32_t silence_ms;     /* trailing silence that ends it with RECORD_SILENCE; 0: none does */
    uint32_t gap_ms;         /* nothing came for so long: RECORD_SILENCE; until then it is no such silence. 0: it is */
    bool cut_silence;        /* leave the trailing silence out of the file, and an exchange's tones that it ends in */
    bool append;             /* on at the end of a file that was recorded at this port before; limits are of the part */
};

/*
 * Records what the port's far side says to `path`, mono 16-bit WAV at the codec's own rate (16 kHz at most), synced every
 * two seconds and at the end: whatever moment the machine stops, the file plays up to then. The file must not
 * exist, unless `append` is set.
 * Missing packets become silence. EVENT_RECORDED ends it. DTMF is not recorded.
 */
__attribute__((warn_unused_result)) int port_record(struct mixer *m, uint32_t port, uint32_t serial,
                                                    const char *path, const struct record_limits *limits);
void port_record_stop(struct mixer *m, uint32_t port);

#endif
