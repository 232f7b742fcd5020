/*
 * How loud a frame is, gains, and whether somebody speaks.
 */
#include "mixer/codec.h"

#include <math.h>

/* A voice must stand this far above the noise of its line. */
#define VOICE_ABOVE_NOISE_DB 10.0f
/*
 * The noise floor's bounds put the threshold between -48 and -35 dBov: hiss below -50 is never taken for
 * speech, and a steady sound at a talker's level (a tone, a held vowel, music) never sinks into the floor
 * however long it lasts.
 */
#define NOISE_LOW_DB (-58.0f)
#define NOISE_HIGH_DB VOICE_NOISE_HIGH_DB
#define NOISE_RISE_DB 0.03f /* a frame: 3 dB a second */
#define NOISE_FALL 0.2f     /* of the distance, a frame: the first pause shows the true floor */
#define VOICE_HANG 20       /* frames: the gaps between words */

uint64_t frame_energy(const int16_t *frame, size_t samples)
{
    uint64_t energy = 0;

    for (size_t i = 0; i < samples; i++)
        energy += (uint64_t)((int32_t)frame[i] * frame[i]);
    return energy;
}

unsigned energy_level(uint64_t energy, size_t samples)
{
    double db;

    if (energy == 0)
        return LEVEL_SILENCE;
    db = -10.0 * log10((double)energy / (double)samples / (32768.0 * 32768.0));
    return db <= 0 ? 0 : db >= LEVEL_SILENCE ? LEVEL_SILENCE : (unsigned)lrint(db);
}

unsigned frame_level(const int16_t *frame, size_t samples)
{
    return energy_level(frame_energy(frame, samples), samples);
}

int32_t gain_q12(int db)
{
    return (int32_t)lrint(4096.0 * pow(10.0, db / 20.0));
}

void frame_apply_gain(int16_t *frame, size_t samples, int32_t q12)
{
    if (q12 == 4096)
        return;
    for (size_t i = 0; i < samples; i++) {
        int64_t value = ((int64_t)frame[i] * q12 + 2048) >> 12;

        frame[i] = (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
    }
}

void frame_ramp_gain(int16_t *frame, size_t samples, int32_t from, int32_t to)
{
    for (size_t i = 0; i < samples; i++) {
        int64_t gain = from + ((int64_t)to - from) * (int64_t)(i + 1) / (int64_t)samples;
        int64_t value = (frame[i] * gain + 2048) >> 12;

        frame[i] = (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
    }
}

bool voice_detect(struct voice_detector *v, const int16_t *frame, size_t samples)
{
    return voice_detect_level(v, frame_level(frame, samples), 1);
}

bool voice_detect_level(struct voice_detector *v, unsigned minus_dbov, unsigned frames)
{
    float level = -(float)minus_dbov;

    if (v->noise_db >= 0)
        v->noise_db = NOISE_LOW_DB;
    if (level < v->noise_db)
        v->noise_db += NOISE_FALL * (level - v->noise_db);
    else
        v->noise_db += NOISE_RISE_DB * (float)frames;
    if (v->noise_db < NOISE_LOW_DB)
        v->noise_db = NOISE_LOW_DB;
    if (v->noise_db > NOISE_HIGH_DB)
        v->noise_db = NOISE_HIGH_DB;
    if (level >= v->noise_db + VOICE_ABOVE_NOISE_DB)
        v->hang = VOICE_HANG + frames;
    v->hang -= v->hang < frames ? v->hang : frames;
    return v->hang > 0;
}
