/*
 * One stream's encoder and decoder for each codec: SpanDSP does G.722, G.711 by tables (g711.h), and their
 * concealment, libopus its own. Everything is allocated at creation, so that a tick never is.
 */
#include "mixer/codec.h"
#include "mixer/g711.h"

#include <errno.h>
#include <opus.h>
#include <spandsp.h>
#include <spandsp/private/g722.h> /* to copy an encoder's state */
#include <stdlib.h>
#include <string.h>

#define CONCEAL_FULL_MS 20 /* of a gap that sound at full level */
#define CONCEAL_END_MS 60  /* of a gap after which all is silent */
#define OPUS_COMPLEXITY 5
#define OPUS_EXPECTED_LOSS 10 /* per cent; in-band FEC is only written when some loss is expected */

struct decoder {
    enum codec codec;
    unsigned rate;
    unsigned missing; /* samples concealed since the last good packet */
    g722_decode_state_t *g722;
    plc_state_t *plc;               /* all but Opus */
    int16_t heard[PLC_HISTORY_LEN]; /* the last samples at 8 kHz, from which a gap is filled */
    OpusDecoder *opus;
};

struct encoder {
    enum codec codec;
    bool dtx;
    g722_encode_state_t *g722;
    OpusEncoder *opus;
};

/* Creation fails for want of memory only; rates were checked before. */
static int errno_of_opus(int error)
{
    return error == OPUS_ALLOC_FAIL ? ENOMEM : EINVAL;
}

int decoder_new(struct decoder **out, enum codec codec, unsigned rate)
{
    struct decoder *d = NULL;
    int error = EINVAL;

    if ((unsigned)codec >= CODEC_COUNT || (codec == CODEC_OPUS && !rate_valid(rate)))
        goto out;
    error = ENOMEM;
    d = calloc(1, sizeof *d);
    if (!d)
        goto out;
    d->codec = codec;
    d->rate = codec == CODEC_OPUS ? rate : codec_rate(codec);
    if (codec == CODEC_OPUS) {
        int opus_error = OPUS_OK;

        d->opus = opus_decoder_create((opus_int32)rate, 1, &opus_error);
        if (!d->opus) {
            error = errno_of_opus(opus_error);
            goto out;
        }
    } else {
        d->plc = plc_init(NULL);
        if (!d->plc)
            goto out;
    }
    if (codec == CODEC_G722) {
        d->g722 = g722_decode_init(NULL, 64000, 0);
        if (!d->g722)
            goto out;
    }
    *out = d;
    d = NULL;
    error = 0;
out:
    decoder_free(d);
    return error;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    if (d->g722)
        g722_decode_free(d->g722);
    if (d->plc)
        plc_free(d->plc);
    if (d->opus)
        opus_decoder_destroy(d->opus);
    free(d);
}

/* -- concealment of G.711 and G.722, at 8 kHz
 * ---------------------------------------------------------------------- */

static void heard_add(struct decoder *d, const int16_t *samples, size_t count)
{
    if (count > PLC_HISTORY_LEN) {
        samples += count - PLC_HISTORY_LEN;
        count = PLC_HISTORY_LEN;
    }
    memmove(d->heard, d->heard + count, (PLC_HISTORY_LEN - count) * sizeof *samples);
    memcpy(d->heard + PLC_HISTORY_LEN - count, samples, count * sizeof *samples);
}

/* SpanDSP's own history is a ring that it straightens by copying it onto itself, which memcpy() does not
 * allow. Shown one whole history at a gap's begin, it has nothing to straighten. */
static void plc_gap_begins(struct decoder *d)
{
    int16_t heard[PLC_HISTORY_LEN];

    memcpy(heard, d->heard, sizeof heard);
    plc_init(d->plc);
    plc_rx(d->plc, heard, PLC_HISTORY_LEN);
}

static void plc_hear(struct decoder *d, int16_t *samples, size_t count)
{
    if (d->missing > 0)
        plc_rx(d->plc, samples, (int)count); /* blends the first of them with what was made up */
    heard_add(d, samples, count);
}

static void plc_fill(struct decoder *d, int16_t *out, size_t count)
{
    plc_fillin(d->plc, out, (int)count);
    heard_add(d, out, count);
}

/*
 * SpanDSP knows the pitch of voices at 8 kHz only. For 16 kHz it is shown the sound at half the rate; what it
 * then changes in the first good samples after a gap (the blending) is carried over as a difference.
 */
static void plc_hear_wide(struct decoder *d, int16_t *samples, size_t count)
{
    int16_t half[FRAME_MAX], before[FRAME_MAX];

    for (size_t at = 0; at + 1 < count;) {
        size_t n = (count - at) / 2;

        if (n > FRAME_MAX)
            n = FRAME_MAX;
        for (size_t i = 0; i < n; i++)
            half[i] = (int16_t)((samples[at + 2 * i] + samples[at + 2 * i + 1]) / 2);
        memcpy(before, half, n * sizeof *half);
        plc_hear(d, half, n);
        for (size_t i = 0; d->missing > 0 && i < 2 * n; i++) {
            int sum = samples[at + i] + half[i / 2] - before[i / 2];

            samples[at + i] = (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
        }
        at += 2 * n;
    }
}

static void plc_fill_wide(struct decoder *d, int16_t *out, size_t count)
{
    int16_t half[FRAME_MAX];

    for (size_t at = 0; at < count;) {
        size_t n = (count - at + 1) / 2;

        if (n > FRAME_MAX)
            n = FRAME_MAX;
        plc_fill(d, half, n);
        for (size_t i = 0; i < n && at < count; i++) {
            int next = i + 1 < n ? half[i + 1] : half[i];

            out[at++] = half[i];
            if (at < count)
                out[at++] = (int16_t)((half[i] + next) / 2);
        }
    }
}

size_t decoder_decode(struct decoder *d, const uint8_t *payload, size_t length, int16_t *out, size_t max)
{
    const struct g711 *law;
    size_t count = 0;

    if (length == 0)
        return 0;
    switch (d->codec) {
    case CODEC_PCMU:
    case CODEC_PCMA:
        law = &g711_tables[d->codec == CODEC_PCMA];
        count = length < max ? length : max;
        for (size_t i = 0; i < count; i++)
            out[i] = law->linear[payload[i]];
        break;
    case CODEC_G722:
        count = length < max / 2 ? length : max / 2;
        count = (size_t)g722_decode(d->g722, out, payload, (int)count);
        plc_hear_wide(d, out, count);
        break;
    default: {
        int n = opus_decode(d->opus, payload, (opus_int32)length, out, (int)max, 0);

        count = n > 0 ? (size_t)n : 0;
    }
    }
    if (d->codec == CODEC_PCMU || d->codec == CODEC_PCMA)
        plc_hear(d, out, count);
    if (count > 0)
        d->missing = 0;
    return count;
}

/* libopus lets a lost tone ring for long; one law for all codecs is easier on the ear of a room. */
static void fade_out(int16_t *out, size_t samples, unsigned missing, unsigned rate)
{
    long full = (long)rate * CONCEAL_FULL_MS / 1000, end = (long)rate * CONCEAL_END_MS / 1000;

    for (size_t i = 0; i < samples; i++) {
        long at = (long)missing + (long)i;

        if (at >= end)
            out[i] = 0;
        else if (at > full)
            out[i] = (int16_t)(out[i] * (end - at) / (end - full));
    }
}

static void opus_conceal(struct decoder *d, const uint8_t *next, size_t next_length, int16_t *out,
                         size_t samples)
{
    size_t step = d->rate * PACKET_MS_MAX / 1000, done = 0;

    while (done < samples) {
        size_t n = samples - done < step ? samples - done : step;
        bool last = done + n == samples;
        int made;

        /* What FEC holds is the sound just before `next` (RFC 6716 §2.1.7), so it belongs to the last part.
         */
        if (last && next && next_length > 0)
            made = opus_decode(d->opus, next, (opus_int32)next_length, out + done, (int)n, 1);
        else
            made = opus_decode(d->opus, NULL, 0, out + done, (int)n, 0);
        if (made <= 0) {
            memset(out + done, 0, (samples - done) * sizeof *out);
            break;
        }
        done += (size_t)made;
    }
}

/* What FEC gives is the real sound and is not faded. */
void decoder_conceal(struct decoder *d, const uint8_t *next, size_t next_length, int16_t *out, size_t samples)
{
    bool fec = d->codec == CODEC_OPUS && next && next_length > 0;

    if (d->missing == 0 && d->plc)
        plc_gap_begins(d);
    if (d->codec == CODEC_OPUS)
        opus_conceal(d, next, next_length, out, samples);
    else if (d->codec == CODEC_G722)
        plc_fill_wide(d, out, samples);
    else
        plc_fill(d, out, samples);
    if (!fec)
        fade_out(out, samples, d->missing, d->rate);
    if (d->missing < d->rate)
        d->missing += (unsigned)samples;
}

/* Complexity 5 is where the ear stops to gain for speech and the processor goes on to pay. */
static int opus_set_up(OpusEncoder *opus, unsigned rate, bool fec, bool dtx)
{
    /* Bits a second at which Opus is clear for one voice in each bandwidth (RFC 7587 §3.1.1). */
    int bitrate = rate == 8000 ? 16000 : rate == 16000 ? 24000 : 32000;

    if (opus_encoder_ctl(opus, OPUS_SET_BITRATE(bitrate)) != OPUS_OK ||
        opus_encoder_ctl(opus, OPUS_SET_COMPLEXITY(OPUS_COMPLEXITY)) != OPUS_OK ||
        opus_encoder_ctl(opus, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE)) != OPUS_OK ||
        opus_encoder_ctl(opus, OPUS_SET_INBAND_FEC(fec ? 1 : 0)) != OPUS_OK ||
        opus_encoder_ctl(opus, OPUS_SET_PACKET_LOSS_PERC(fec ? OPUS_EXPECTED_LOSS : 0)) != OPUS_OK ||
        opus_encoder_ctl(opus, OPUS_SET_DTX(dtx ? 1 : 0)) != OPUS_OK)
        return EINVAL;
    return 0;
}

int encoder_new(struct encoder **out, enum codec codec, unsigned rate, unsigned ptime_ms, bool fec, bool dtx)
{
    struct encoder *e = NULL;
    int error = EINVAL;

    if ((unsigned)codec >= CODEC_COUNT || ptime_ms < FRAME_MS || ptime_ms > PACKET_MS_MAX)
        goto out;
    /* Opus packets hold 10 ms or whole frames of 20 ms (RFC 6716 §3.2.5): 30 and 50 cannot be one call. */
    if (codec == CODEC_OPUS && (!rate_valid(rate) || (ptime_ms != FRAME_MS && ptime_ms % 20 != 0)))
        goto out;
    error = ENOMEM;
    e = calloc(1, sizeof *e);
    if (!e)
        goto out;
    e->codec = codec;
    e->dtx = dtx;
    if (codec == CODEC_G722) {
        e->g722 = g722_encode_init(NULL, 64000, 0);
        if (!e->g722)
            goto out;
    } else if (codec == CODEC_OPUS) {
        int opus_error = OPUS_OK;

        e->opus = opus_encoder_create((opus_int32)rate, 1, OPUS_APPLICATION_VOIP, &opus_error);
        if (!e->opus) {
            error = errno_of_opus(opus_error);
            goto out;
        }
        error = opus_set_up(e->opus, rate, fec, dtx);
        if (error)
            goto out;
    }
    *out = e;
    e = NULL;
    error = 0;
out:
    encoder_free(e);
    return error;
}

void encoder_free(struct encoder *e)
{
    if (!e)
        return;
    if (e->g722)
        g722_encode_free(e->g722);
    if (e->opus)
        opus_encoder_destroy(e->opus);
    free(e);
}

void encoder_follow(struct encoder *to, const struct encoder *from)
{
    if (to == from || to->codec != from->codec)
        return;
    if (to->codec == CODEC_G722)
        *to->g722 = *from->g722;
    else if (to->codec == CODEC_OPUS) /* one block without pointers into itself, says opus.h */
        memcpy(to->opus, from->opus, (size_t)opus_encoder_get_size(1));
}

bool encoder_remembers(const struct encoder *e)
{
    return e->codec == CODEC_G722 || e->codec == CODEC_OPUS;
}

size_t encoder_encode(struct encoder *e, const int16_t *in, size_t samples, uint8_t *out, size_t max)
{
    const struct g711 *law;
    opus_int32 length;

    switch (e->codec) {
    case CODEC_PCMU:
    case CODEC_PCMA:
        law = &g711_tables[e->codec == CODEC_PCMA];
        if (samples > max)
            samples = max;
        for (size_t i = 0; i < samples; i++)
            out[i] = g711_code(law, in[i]);
        return samples;
    case CODEC_G722:
        if (samples > 2 * max)
            samples = 2 * max;
        return (size_t)g722_encode(e->g722, out, in, (int)samples);
    default:
        length = opus_encode(e->opus, in, (int)samples, out, (opus_int32)max);
        /* Two bytes or less say nothing: libopus' sign that DTX would leave the packet out (RFC 7587 §3.1.3).
         */
        if (length < 0 || (e->dtx && length <= 2))
            return 0;
        return (size_t)length;
    }
}
