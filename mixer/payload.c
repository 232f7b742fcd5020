/*
 * What can be told from a packet without decoding it: how long it lasts and about how loud it is. Every
 * packet of every member of a room passes here, so that only those who may be heard are decoded.
 */
#include "mixer/codec.h"
#include "mixer/g711.h"

#include <math.h>
#include <opus.h>

/*
 * The lower band's code says by how much the quantiser's step grows (ITU-T G.722 §3.2, WL); the step's
 * logarithm is the sum of what came before, leaking by 1/128 a sample, so 128 times the mean is where it
 * stands. Recorded voices and tones give the line that leads from there to -dBov: 310 units a decibel, right
 * within 6 dB for voices above -50.
 */
static const int16_t step_growth[16] = {-60,  3042, 1198, 538, 334, 172, 58,  -30,
                                        3042, 1198, 538,  334, 172, 58,  -30, -60};
#define G722_LEAK 128
#define G722_UNITS_A_DB 310
#define G722_ZERO_LEVEL 59
#define G722_STEP_OF_SILENCE 1200

/* Bytes of 20 ms of Opus. SILK: digital silence takes 8 or less, a hum, a hiss or a voice 25 to 60. A hybrid
 * packet's upper band takes 30 more even of silence. */
#define OPUS_SILENT_BYTES 12
#define OPUS_FAINT_BYTES 20
#define OPUS_HYBRID_BYTES 28
#define OPUS_LEVEL_VOICE 25
#define OPUS_LEVEL_SOUND 45 /* no voice, says the sender: noise, or a tone that he took for noise */
#define OPUS_LEVEL_FAINT 60

unsigned payload_ms(enum codec codec, const uint8_t *payload, size_t length)
{
    size_t ms = length / 8; /* 64 kbit/s: PCMU, PCMA, G.722 */

    if (codec == CODEC_OPUS) {
        int samples = length > 0 ? opus_packet_get_nb_samples(payload, (opus_int32)length, 48000) : 0;

        ms = samples > 0 ? (size_t)samples / 48 : 0;
    }
    return ms <= PACKET_MS_MAX ? (unsigned)ms : 0;
}

static unsigned level_of_power(double power)
{
    double db = power > 0 ? -10 * log10(power / (32768.0 * 32768.0)) : LEVEL_SILENCE;

    return db <= 0 ? 0 : db >= LEVEL_SILENCE ? LEVEL_SILENCE : (unsigned)lrint(db);
}

/* Two of five samples are enough, by steps of three and two in turn, lest a tone be met at its zeros only. */
static unsigned g711_level(enum codec codec, const uint8_t *payload, size_t length)
{
    const uint32_t *squares = g711_tables[codec == CODEC_PCMA].square;
    uint64_t energy = 0;
    size_t i = 0, count = 0;

    for (; i + 3 < length; i += 5, count += 2)
        energy += (uint64_t)squares[payload[i]] + squares[payload[i + 3]];
    for (; i < length; i += 3, count++)
        energy += squares[payload[i]];
    return level_of_power((double)energy / (double)count);
}

static unsigned g722_level(const uint8_t *payload, size_t length)
{
    int sum = 0, step, level;

    for (size_t i = 0; i < length; i++)
        sum += step_growth[(payload[i] & 0x3F) >> 2];
    step = sum * G722_LEAK / (int)length;
    if (step < G722_STEP_OF_SILENCE)
        return LEVEL_SILENCE;
    level = G722_ZERO_LEVEL - step / G722_UNITS_A_DB;
    return level > 0 ? (unsigned)level : 0;
}

/* The first bit of a SILK or hybrid frame is the sender's own voice detector (RFC 6716 §4.2.3). CELT has
 * none. */
static bool opus_voice(const uint8_t *payload, size_t length)
{
    const unsigned char *frames[48];
    opus_int16 sizes[48];
    int count;

    if (payload[0] & 0x80)
        return true;
    count = opus_packet_parse(payload, (opus_int32)length, NULL, frames, sizes, NULL);
    return count > 0 && sizes[0] > 0 && (frames[0][0] & 0x80);
}

static unsigned opus_level(const uint8_t *payload, size_t length)
{
    unsigned ms = payload_ms(CODEC_OPUS, payload, length);
    size_t bytes = ms > 0 ? length * 20 / ms : 0;

    if ((payload[0] & 0xE0) == 0x60) /* configurations 12 to 15, RFC 6716 §3.1 */
        bytes = bytes > OPUS_HYBRID_BYTES ? bytes - OPUS_HYBRID_BYTES : 0;
    if (bytes <= OPUS_SILENT_BYTES)
        return LEVEL_SILENCE;
    if (opus_voice(payload, length))
        return OPUS_LEVEL_VOICE;
    return bytes > OPUS_FAINT_BYTES ? OPUS_LEVEL_SOUND : OPUS_LEVEL_FAINT;
}

unsigned payload_level(enum codec codec, const uint8_t *payload, size_t length)
{
    if (length == 0)
        return LEVEL_SILENCE;
    switch (codec) {
    case CODEC_PCMU:
    case CODEC_PCMA:
        return g711_level(codec, payload, length);
    case CODEC_G722:
        return g722_level(payload, length);
    default:
        return opus_level(payload, length);
    }
}
