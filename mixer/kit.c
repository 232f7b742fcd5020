/* What signalling makes for workers: codecs and buffers of a format, resamplers of a room. */
#include "mixer/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEARD_MORE_MS 60

const unsigned mixer_rates[RATES] = {8000, 16000, 48000};

unsigned rate_index(unsigned rate)
{
    return rate == 8000 ? 0 : rate == 16000 ? 1 : 2;
}

int resampler_between(struct resampler **out, unsigned from, unsigned to)
{
    *out = NULL;
    return from == to ? 0 : resampler_new(out, from, to);
}

/* Opus decodes to any rate by itself. */
unsigned kit_decoder_rate(const struct kit *kit, enum codec codec)
{
    return codec == CODEC_OPUS ? kit->rate : codec_rate(codec);
}

static int kit_make_decoders(struct kit *kit)
{
    for (unsigned i = 0; i < kit->format.codec_count; i++) {
        enum codec codec = kit->format.codecs[i].codec;
        if (kit->decoders[codec])
            continue;
        int error = decoder_new(&kit->decoders[codec], codec, kit_decoder_rate(kit, codec));
        if (!error)
            error = resampler_between(&kit->widen[codec], kit_decoder_rate(kit, codec), kit->rate);
        if (error)
            return error;
    }
    return 0;
}

/* A packet of the longest kind at the widest rate that may arrive, what was decoded before it to have where
 * to leave time out, and what was heard already, to play it again (hear.c). */
static size_t kit_heard_size(const struct kit *kit)
{
    unsigned widest = 0;

    for (unsigned i = 0; i < kit->format.codec_count; i++) {
        unsigned rate = kit_decoder_rate(kit, kit->format.codecs[i].codec);
        widest = rate > widest ? rate : widest;
    }
    return (size_t)(PACKET_MS_MAX + HEARD_MORE_MS) * widest / 1000;
}

int kit_new(struct kit **out, const struct media_format *format)
{
    unsigned ptime = format->ptime_ms / TICK_MS * TICK_MS;

    if (format->codec_count == 0 || format->codec_count > MEDIA_CODECS_MAX)
        return EINVAL;
    for (unsigned i = 0; i < format->codec_count; i++) {
        if ((unsigned)format->codecs[i].codec >= CODEC_COUNT)
            return EINVAL;
    }
    struct kit *kit = calloc(1, sizeof(*kit));
    if (!kit)
        return ENOMEM;
    ptime = ptime < TICK_MS ? 20 : ptime > PTIME_MAX ? PTIME_MAX : ptime;
    kit->format = *format;
    kit->format.ptime_ms = (uint8_t)ptime;
    kit->ticks = ptime / TICK_MS;
    kit->rate = codec_rate(format->codecs[0].codec);
    kit->heard_size = kit_heard_size(kit);
    kit->heard = calloc(kit->heard_size, sizeof(int16_t));
    kit->said = calloc(PTIME_MAX * kit->rate / 1000, sizeof(int16_t));
    int error = kit->heard && kit->said ? kit_make_decoders(kit) : ENOMEM;
    if (!error)
        error = encoder_new(&kit->encoder, format->codecs[0].codec, kit->rate, ptime, format->opus_fec,
                            format->opus_dtx);
    /* Not in Opus: tones do not survive it well, and a packet that may hold some cannot be told without
     * decoding. */
    if (!error && format->dtmf_pt_receive == MEDIA_NO_PT && format->codecs[0].codec != CODEC_OPUS) {
        error = tone_detector_new(&kit->tones);
        if (!error)
            error = resampler_between(&kit->tones_down, kit->rate, 8000);
    }
    if (error)
        kit_free(kit);
    else
        *out = kit;
    return error;
}

void kit_free(struct kit *kit)
{
    if (!kit)
        return;
    for (unsigned i = 0; i < CODEC_COUNT; i++) {
        decoder_free(kit->decoders[i]);
        resampler_free(kit->widen[i]);
    }
    encoder_free(kit->encoder);
    tone_detector_free(kit->tones);
    resampler_free(kit->tones_down);
    free(kit->heard);
    free(kit->said);
    explicit_bzero(&kit->format, sizeof(kit->format)); /* its keys */
    free(kit);
}

#define SWAP(a, b)                                                                                           \
    do {                                                                                                     \
        __typeof__(a) swap = (a);                                                                            \
        (a) = (b);                                                                                           \
        (b) = swap;                                                                                          \
    } while (0)

void kit_inherit(struct kit *kit, struct kit *old)
{
    const struct media_format *a = &kit->format, *b = &old->format;

    if (kit->rate != old->rate)
        return;
    for (unsigned i = 0; i < CODEC_COUNT; i++) {
        if (!kit->decoders[i] || !old->decoders[i])
            continue;
        SWAP(kit->decoders[i], old->decoders[i]);
        SWAP(kit->widen[i], old->widen[i]);
    }
    if (a->codecs[0].codec == b->codecs[0].codec && a->ptime_ms == b->ptime_ms &&
        a->opus_fec == b->opus_fec && a->opus_dtx == b->opus_dtx) {
        SWAP(kit->encoder, old->encoder);
        SWAP(kit->said, old->said);
    }
    if (kit->decoders[old->heard_codec] && kit->heard_size == old->heard_size) {
        SWAP(kit->heard, old->heard);
        kit->heard_codec = old->heard_codec;
        kit->heard_at = old->heard_at;
        kit->heard_end = old->heard_end;
    }
    if (kit->tones && old->tones)
        SWAP(kit->tones, old->tones);
}

int room_kit_new(struct room_kit **out, unsigned rate, unsigned mask)
{
    struct room_kit *kit = calloc(1, sizeof(*kit));
    int error = kit ? 0 : ENOMEM;

    if (!kit)
        return error;
    kit->rate = rate;
    kit->mask = mask;
    for (unsigned r = 0; r < RATES; r++) {
        if (!(mask & 1U << r) || mixer_rates[r] == rate)
            continue;
        for (unsigned i = 0; i < ROOM_SLOTS && !error; i++) {
            error = resampler_new(&kit->in[i][r], mixer_rates[r], rate);
            if (!error)
                error = resampler_new(&kit->out[i][r], rate, mixer_rates[r]);
        }
        if (!error)
            error = resampler_new(&kit->shared[r], rate, mixer_rates[r]);
        if (!error)
            error = resampler_new(&kit->own[r], rate, mixer_rates[r]);
    }
    if (error)
        room_kit_free(kit);
    else
        *out = kit;
    return error;
}

void room_kit_free(struct room_kit *kit)
{
    if (!kit)
        return;
    for (unsigned r = 0; r < RATES; r++) {
        for (unsigned i = 0; i < ROOM_SLOTS; i++) {
            resampler_free(kit->in[i][r]);
            resampler_free(kit->out[i][r]);
        }
        resampler_free(kit->shared[r]);
        resampler_free(kit->own[r]);
    }
    free(kit);
}
