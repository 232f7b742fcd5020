/* What the legs say: a second of silence and of three tones in each codec, encoded once. */
#include "tests/load/bench.h"

#include <math.h>
#include <opus/opus.h>
#include <spandsp.h>
#include <stdlib.h>
#include <string.h>

#define AMPLITUDE 6000
#define LOUD_RMS 200 /* a packet of which a millisecond is tone has 900, comfort noise some 30 */

const struct voice_facts voice_facts[VOICE_CODECS] = {
    [VOICE_PCMU] = {"PCMU/8000", 0, 8000},
    [VOICE_G722] = {"G722/8000", 9, 8000}, /* RFC 3551 §4.5.2: an error that has to be kept */
    [VOICE_OPUS] = {"opus/48000/2", 111, 48000},
};

static int16_t tone(unsigned which, unsigned rate, unsigned at)
{
    static const unsigned hz[VOICES] = {0, 440, 630, 870}; /* whole periods in a second */

    return which ? (int16_t)(AMPLITUDE * sin(2 * M_PI * hz[which] * at / rate)) : 0;
}

static void pcmu_make(struct voice *v, unsigned which)
{
    for (unsigned i = 0; i < PACKETS_A_SECOND; i++) {
        v->length[i] = 160;
        for (unsigned k = 0; k < 160; k++)
            v->data[i][k] = linear_to_ulaw(tone(which, 8000, 160 * i + k));
    }
}

/* Both encoders run through the second twice, so that its end meets its beginning. */
static void g722_make(struct voice *v, unsigned which)
{
    g722_encode_state_t *encoder = g722_encode_init(NULL, 64000, 0);
    int16_t sound[320];

    if (!encoder)
        die("g722_encode_init");
    for (unsigned i = 0; i < 2 * PACKETS_A_SECOND; i++) {
        for (unsigned k = 0; k < 320; k++)
            sound[k] = tone(which, 16000, 320 * i + k);
        v->length[i % PACKETS_A_SECOND] =
            (uint16_t)g722_encode(encoder, v->data[i % PACKETS_A_SECOND], sound, 320);
    }
    g722_encode_free(encoder);
}

static void opus_make(struct voice *v, unsigned which)
{
    int error = 0;
    OpusEncoder *encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &error);
    int16_t sound[960];

    if (!encoder)
        die("opus_encoder_create");
    for (unsigned i = 0; i < 2 * PACKETS_A_SECOND; i++) {
        for (unsigned k = 0; k < 960; k++)
            sound[k] = tone(which, 48000, 960 * i + k);
        int n = opus_encode(encoder, sound, 960, v->data[i % PACKETS_A_SECOND], PAYLOAD_MAX);
        if (n < 0)
            die("opus_encode");
        v->length[i % PACKETS_A_SECOND] = (uint16_t)n;
    }
    opus_encoder_destroy(encoder);
}

const struct voice *voice_get(enum voice_codec codec, unsigned which)
{
    static struct voice *voices[VOICE_CODECS][VOICES];
    static void (*const make[VOICE_CODECS])(struct voice * v, unsigned which) = {pcmu_make, g722_make,
                                                                                 opus_make};

    if (!voices[codec][which]) {
        voices[codec][which] = calloc(1, sizeof(struct voice));
        if (!voices[codec][which])
            die("calloc");
        make[codec](voices[codec][which], which);
    }
    return voices[codec][which];
}

bool voice_is_loud(const uint8_t *pcmu, size_t length)
{
    int64_t sum = 0;

    for (size_t i = 0; i < length; i++) {
        int64_t sample = ulaw_to_linear(pcmu[i]);
        sum += sample * sample;
    }
    return sum > (int64_t)length * LOUD_RMS * LOUD_RMS;
}
