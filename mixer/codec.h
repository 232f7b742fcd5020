/*
 * Encoders and decoders of one stream each: linear 16-bit mono on one side, RTP payload on the other.
 *
 * Ownership: made and freed on the signalling thread, used by one worker in between. Threads: see there;
 * encode, decode and conceal never allocate. Failure: ENOMEM at creation; a payload that cannot be decoded is
 * concealed.
 */
#ifndef CONFAB_MIXER_CODEC_H
#define CONFAB_MIXER_CODEC_H

#include "core/base/media.h"

#include <stddef.h>

struct decoder;
struct encoder;

#define FRAME_MS 10
#define FRAME_MAX 480     /* samples of 10 ms at 48 kHz */
#define PACKET_MS_MAX 120 /* longest packet taken (Opus) */
#define PAYLOAD_MAX 1500
#define LEVEL_SILENCE 127 /* -dBov, RFC 6464 §3 */

/* One of those that sound has here, in Hz. */
static inline bool rate_valid(unsigned rate)
{
    return rate == 8000 || rate == 16000 || rate == 48000;
}

/* Samples come out at codec_rate(codec), for Opus at `rate` (8000, 16000 or 48000). */
__attribute__((warn_unused_result)) int decoder_new(struct decoder **out, enum codec codec, unsigned rate);
void decoder_free(struct decoder *d);
/* Returns samples written, at most `max`; 0 when the payload is not valid. */
size_t decoder_decode(struct decoder *d, const uint8_t *payload, size_t length, int16_t *out, size_t max);
/* A packet is missing: makes `samples` of plausible sound, fading to silence within 60 ms (PLC). With Opus
 * and the packet after the gap at hand (`next`, may be NULL), its FEC is used; ask for a whole packet's
 * samples then. Opus makes whole multiples of 2.5 ms only. */
void decoder_conceal(struct decoder *d, const uint8_t *next, size_t next_length, int16_t *out,
                     size_t samples);
/* Milliseconds that a payload holds (by length; for Opus by its TOC byte, RFC 6716 §3.1); 0 when invalid. */
unsigned payload_ms(enum codec codec, const uint8_t *payload, size_t length);
/* A cheap loudness of an encoded payload, in -dBov as RFC 6464 writes it: 0 loudest, 127 silence; no decoding
 * of Opus. */
unsigned payload_level(enum codec codec, const uint8_t *payload, size_t length);

/* Takes samples at codec_rate(codec); for Opus at `rate`. `ptime_ms` is what each call to encode gets: EINVAL
 * for what is no Opus packet (10 and multiples of 20 are). */
__attribute__((warn_unused_result)) int encoder_new(struct encoder **out, enum codec codec, unsigned rate,
                                                    unsigned ptime_ms, bool fec, bool dtx);
void encoder_free(struct encoder *e);
/* Brings `to` to where `from` is, so that a listener who now gets what `to` makes hears no seam. Both were
 * made alike; else, or for codecs that remember nothing, nothing happens. Never allocates. */
void encoder_follow(struct encoder *to, const struct encoder *from);
bool encoder_remembers(const struct encoder *e); /* packets build upon those before */
/* Returns the payload's length, 0 when nothing is to be sent (DTX). */
size_t encoder_encode(struct encoder *e, const int16_t *in, size_t samples, uint8_t *out, size_t max);

/* -- resample.c: changes between 8, 16 and 48 kHz (speexdsp) */

struct resampler;
__attribute__((warn_unused_result)) int resampler_new(struct resampler **out, unsigned from, unsigned to);
void resampler_free(struct resampler *r);
/* One tick's frame: from/100 samples in, exactly to/100 out; `out` may not be `in`. */
void resampler_run(struct resampler *r, const int16_t *in, int16_t *out);
void resampler_reset(struct resampler *r);
/* As if `in` had been the last frame: two that have had the same one go on alike. */
void resampler_catch_up(struct resampler *r, const int16_t *in);

/* -- level.c */

/* Loudness of a frame in -dBov (0 … 127). */
unsigned frame_level(const int16_t *frame, size_t samples);
/* From one gain in Q12 to another in a straight line, which no ear takes for a step. */
void frame_ramp_gain(int16_t *frame, size_t samples, int32_t from, int32_t to);
/* The same in two steps, for who needs the sum of its squares too. */
uint64_t frame_energy(const int16_t *frame, size_t samples);
unsigned energy_level(uint64_t energy, size_t samples);
/* dB to a factor in Q12 and its use with one clip. */
int32_t gain_q12(int db);
void frame_apply_gain(int16_t *frame, size_t samples, int32_t q12);
/* Begins zeroed. Speech or not, against a noise floor that follows the line: for recordings' trailing silence
 * and talk events. */
struct voice_detector {
    float noise_db;
    unsigned hang; /* frames left in which speech is still assumed */
};
bool voice_detect(struct voice_detector *v, const int16_t *frame, size_t samples);
/* The same where the level (-dBov) is known already; it stands for `frames` (of 10 ms) since the last one. */
bool voice_detect_level(struct voice_detector *v, unsigned level, unsigned frames);
/* Begins with this noise instead of none, a line that hisses is never taken for speech. */
#define VOICE_NOISE_HIGH_DB (-45.0f)

#endif
