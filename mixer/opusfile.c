/*
 * An Ogg Opus file (RFC 7845): packets of 20 ms, a page every second or at a sync.
 *
 * Silence costs no encoding: once the encoder has come to rest, its packet of silence is written again and
 * again. Before the sound goes on, the encoder begins anew and is given a little silence, so that the decoder
 * follows without a click.
 */
#include "mixer/soundwriter.h"

#include "core/base/ids.h"

#include <errno.h>
#include <ogg/ogg.h>
#include <opus.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_MS 20
#define PACKETS_A_SECOND (1000 / PACKET_MS)
#define GRANULE_RATE 48000 /* RFC 7845 §4: whatever the sound's rate */
#define PACKET_GRANULE (GRANULE_RATE / PACKETS_A_SECOND)
#define SAMPLES_MAX (PACKET_MS * 48)
#define PACKET_MAX 1275 /* RFC 6716 §3.2.1 */
#define REST_PACKETS 10 /* of silence until the encoder is at rest, and before the sound goes on */
#define VENDOR "confab"

struct opus_file {
    struct writer_file *file;
    OpusEncoder *encoder;
    ogg_stream_state ogg;
    bool ogg_made;
    unsigned rate, packet, filled; /* samples a packet, and in `samples` */
    unsigned skip;                 /* RFC 7845 §4.2, at 48 kHz */
    uint64_t put, packets;         /* samples; packets made */
    uint8_t rest[PACKET_MAX];      /* the packet of silence */
    size_t rest_length;
    int16_t samples[SAMPLES_MAX];
};

static int pages_write(struct opus_file *f, bool all)
{
    ogg_page page;
    int error = 0;

    while (!error && (all ? ogg_stream_flush(&f->ogg, &page) : ogg_stream_pageout(&f->ogg, &page))) {
        uint8_t data[65536];
        size_t length = (size_t)page.header_len + (size_t)page.body_len;

        /* In one piece, so that a page is in the file whole or not at all. */
        memcpy(data, page.header, (size_t)page.header_len);
        memcpy(data + page.header_len, page.body, (size_t)page.body_len);
        error = writer_file_add(f->file, data, length);
    }
    return error;
}

static int packet_add(struct opus_file *f, uint8_t *data, size_t length, int64_t granule, bool last)
{
    ogg_packet packet = {.packet = data,
                         .bytes = (long)length,
                         .b_o_s = f->ogg.packetno == 0,
                         .e_o_s = last,
                         .granulepos = granule,
                         .packetno = f->ogg.packetno};

    if (ogg_stream_packetin(&f->ogg, &packet))
        return ENOMEM;
    return 0;
}

/* RFC 7845 §5: who made it and how it is to be played, each on a page of its own. */
static int heads_write(struct opus_file *f)
{
    uint8_t head[19] = "OpusHead\1\1", tags[8 + 4 + sizeof(VENDOR) - 1 + 4] = "OpusTags";

    head[10] = (uint8_t)f->skip;
    head[11] = (uint8_t)(f->skip >> 8);
    for (unsigned i = 0; i < 4; i++)
        head[12 + i] = (uint8_t)(f->rate >> 8 * i);
    int error = packet_add(f, head, sizeof head, 0, false);
    if (!error)
        error = pages_write(f, true);
    tags[8] = sizeof(VENDOR) - 1;
    memcpy(tags + 12, VENDOR, sizeof(VENDOR) - 1);
    if (!error)
        error = packet_add(f, tags, sizeof tags, 0, false);
    return error ? error : pages_write(f, true);
}

static void opus_file_free(struct opus_file *f)
{
    if (f->encoder)
        opus_encoder_destroy(f->encoder);
    if (f->ogg_made)
        ogg_stream_clear(&f->ogg);
    free(f);
}

int opus_file_open(struct opus_file **out, struct writer_file *file, unsigned rate)
{
    struct opus_file *f = calloc(1, sizeof *f);
    opus_int32 ahead = 0;
    int error = 0;

    if (!f)
        return ENOMEM;
    f->file = file;
    f->rate = rate;
    f->packet = rate / PACKETS_A_SECOND;
    f->encoder = opus_encoder_create((opus_int32)rate, 1, OPUS_APPLICATION_AUDIO, &error);
    f->ogg_made = !ogg_stream_init(&f->ogg, (int)random_below(INT32_MAX));
    if (!f->encoder || !f->ogg_made) {
        opus_file_free(f);
        return ENOMEM;
    }
    opus_encoder_ctl(f->encoder, OPUS_SET_BITRATE(rate == 8000 ? 24000 : rate == 16000 ? 32000 : 64000));
    opus_encoder_ctl(f->encoder,
                     OPUS_SET_COMPLEXITY(5)); /* half the work of 10, which few could tell apart */
    opus_encoder_ctl(f->encoder, OPUS_GET_LOOKAHEAD(&ahead));
    f->skip = (unsigned)ahead * (GRANULE_RATE / rate);
    error = heads_write(f);
    if (error) {
        opus_file_free(f);
        return error;
    }
    *out = f;
    return 0;
}

/* The granule position counts what the decoder has given by the packet's end; the last one also cuts the rest
 * off. */
static int packet_make(struct opus_file *f, uint8_t *data, size_t length, bool last)
{
    int64_t all = (int64_t)f->skip + (int64_t)(f->put * (GRANULE_RATE / f->rate));
    int64_t granule = (int64_t)++f->packets * PACKET_GRANULE;
    int error = packet_add(f, data, length, last && all < granule ? all : granule, last);

    if (!error)
        error = pages_write(f, last || f->packets % PACKETS_A_SECOND == 0);
    return error;
}

static int packet_encode(struct opus_file *f, bool last)
{
    uint8_t data[PACKET_MAX];
    opus_int32 length = opus_encode(f->encoder, f->samples, (int)f->packet, data, sizeof data);

    f->filled = 0;
    if (length < 0)
        return EIO;
    memcpy(f->rest, data, (size_t)length);
    f->rest_length = (size_t)length;
    return packet_make(f, data, (size_t)length, last);
}

int opus_file_put(struct opus_file *f, const int16_t *samples, size_t count)
{
    int error = f->file->error;

    while (count > 0 && !error) {
        size_t step = f->packet - f->filled < count ? f->packet - f->filled : count;

        memcpy(f->samples + f->filled, samples, step * sizeof *samples);
        f->filled += (unsigned)step;
        f->put += step;
        samples += step;
        count -= step;
        if (f->filled == f->packet)
            error = packet_encode(f, false);
    }
    return error;
}

int opus_file_silence(struct opus_file *f, uint64_t count)
{
    static const int16_t silence[SAMPLES_MAX];
    uint64_t rests = REST_PACKETS * f->packet, first = f->packet - f->filled + rests, step;
    int error = f->file->error;
    bool rested = false;

    while (count > 0 && !error) {
        /* The first packets are encoded, the last ones too. */
        if (first > 0 || count < rests + f->packet) {
            step = f->packet - f->filled < count ? f->packet - f->filled : count;
            error = opus_file_put(f, silence, step);
            first -= step < first ? step : first;
            count -= step;
            continue;
        }
        if (!rested)
            opus_encoder_ctl(f->encoder, OPUS_RESET_STATE);
        rested = true;
        f->put += f->packet;
        count -= f->packet;
        error = packet_make(f, f->rest, f->rest_length, false);
    }
    return error;
}

int opus_file_flush(struct opus_file *f)
{
    return f->file->error ? f->file->error : pages_write(f, true);
}

/* Silence until all that was put has come out of the decoder as well. */
int opus_file_close(struct opus_file *f)
{
    uint64_t all = f->skip + f->put * (GRANULE_RATE / f->rate);
    int error = f->file->error;
    bool last = false;

    while (!error && !last) {
        memset(f->samples + f->filled, 0, (f->packet - f->filled) * sizeof *f->samples);
        last = (f->packets + 1) * PACKET_GRANULE >= all;
        error = packet_encode(f, last);
    }
    opus_file_free(f);
    return error;
}
