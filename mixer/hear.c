/* What a port's far side says: from the jitter buffer through its decoder, ten milliseconds a tick. */
#include "mixer/engine.h"

#include <string.h>

#define CONCEAL_MAX 10     /* ticks; PLC has faded out long before */
#define TONE_TICKS 50      /* covers the delay of the jitter buffer, and the silence that ends a digit */
#define QUIET 50           /* -dBov: a frame that nobody misses */
#define SURPLUS_MS 20      /* more delay than this is given up where it is quiet */
#define SURPLUS_MUCH_MS 80 /* and this anywhere, a frame in eight */

bool port_keeps_sound(const struct port *p)
{
    return p->recording || (p->kit && p->kit->tones);
}

bool port_must_hear(const struct port *p)
{
    return p->recording ||
           (p->tone_tick && p->kit && p->kit->tones && p->worker->tick - p->tone_tick < TONE_TICKS);
}

/* Fills kit->heard with at least `need` samples, or fails. */
static bool heard_fill(struct port *p, size_t need)
{
    struct kit *kit = p->kit;
    struct jitter_packet packet;
    int64_t now = worker_now_ms(p->worker);

    while (kit->heard_end - kit->heard_at < need) {
        size_t left = kit->heard_end - kit->heard_at, rate = kit_decoder_rate(kit, kit->heard_codec);
        memmove(kit->heard, kit->heard + kit->heard_at, left * sizeof(int16_t));
        kit->heard_at = 0;
        kit->heard_end = left;
        enum jitter_sound sound = jitter_get(p->jitter, now, &packet);
        if (sound == JITTER_SILENCE || (sound == JITTER_CONCEAL && p->noise.on))
            return false; /* with comfort noise told, what is missing is a pause and no loss */
        if (sound == JITTER_CONCEAL) {
            if (++p->concealed > CONCEAL_MAX || !kit->decoders[kit->heard_codec])
                return false;
            size_t samples = packet.ms * rate / 1000;
            decoder_conceal(kit->decoders[kit->heard_codec], packet.payload,
                            packet.payload ? packet.length : 0, kit->heard + left, samples);
            kit->heard_end += samples;
            continue;
        }
        enum codec codec = (enum codec)packet.payload_type;
        if (!kit->decoders[codec])
            continue;
        if (codec != kit->heard_codec) { /* what is left is of another rate, and less than a tick */
            kit->heard_codec = codec;
            kit->heard_end = left = 0;
        }
        p->concealed = 0;
        noise_stop(&p->noise, packet.sequence);
        kit->heard_end +=
            decoder_decode(kit->decoders[codec], packet.payload, packet.length, kit->heard + left,
                           PACKET_MS_MAX * kit_decoder_rate(kit, codec) / 1000);
    }
    return true;
}

/* Gives up delay that is no longer needed, where that is not heard. */
static void heard_shrink(struct port *p, size_t frame)
{
    struct kit *kit = p->kit;
    int64_t surplus = jitter_surplus_ms(p->jitter, worker_now_ms(p->worker)) +
                      (int64_t)((kit->heard_end - kit->heard_at) / frame) * TICK_MS;

    if (surplus < SURPLUS_MS || kit->heard_end - kit->heard_at < 2 * frame)
        return;
    if (frame_level(kit->heard + kit->heard_at, frame) >= QUIET ||
        (surplus >= SURPLUS_MUCH_MS && p->worker->tick % 8 == 0))
        kit->heard_at += frame;
}

bool port_hear(struct port *p)
{
    struct kit *kit = p->kit;
    uint64_t tick = p->worker->tick;

    if (!kit)
        return false;
    if (p->hear_tick == tick)
        return p->hear_got;
    if (p->hear_tick + 1 != tick) { /* nobody listened for a while */
        kit->heard_at = kit->heard_end = 0;
        jitter_resume(p->jitter, worker_now_ms(p->worker));
    }
    p->hear_tick = tick;
    size_t frame = kit_decoder_rate(kit, kit->heard_codec) / TICKS_A_SECOND;
    p->hear_got = heard_fill(p, frame);
    p->noise.sounding = !p->hear_got && noise_frame(&p->noise, kit->frame, kit->rate);
    if (p->noise.sounding)
        p->hear_got = true;
    if (!p->hear_got || p->noise.sounding)
        return p->hear_got;
    frame = kit_decoder_rate(kit, kit->heard_codec) / TICKS_A_SECOND;
    if (kit->heard_end - kit->heard_at < frame) { /* another codec's packet, shorter than a tick */
        p->hear_got = false;
        return false;
    }
    heard_shrink(p, frame);
    if (kit->widen[kit->heard_codec])
        resampler_run(kit->widen[kit->heard_codec], kit->heard + kit->heard_at, kit->frame);
    else
        memcpy(kit->frame, kit->heard + kit->heard_at, frame * sizeof(int16_t));
    kit->heard_at += frame;
    return true;
}

void port_record_end(struct port *p, int end)
{
    if (!p->recording)
        return;
    recorder_close(p->recording->recorder, end);
    mixer_retire(p->mixer, RETIRED_RECORDING, p->recording);
    p->recording = NULL;
}

static void record_frame(struct port *p, const int16_t *frame)
{
    struct recording *r = p->recording;
    int16_t narrow[FRAME_MAX];

    /* While the resampler for a new format is on its way, a tick or two of silence. */
    if (frame && r->from != p->kit->rate)
        frame = NULL;
    if (frame && r->down) {
        resampler_run(r->down, frame, narrow);
        frame = narrow;
    }
    if (!recorder_write(r->recorder, frame))
        port_record_end(p, RECORD_TOO_LONG);
}

static void tones_frame(struct port *p, const int16_t *frame)
{
    struct kit *kit = p->kit;
    int16_t narrow[FRAME_MAX];

    if (kit->tones_down) {
        resampler_run(kit->tones_down, frame, narrow);
        frame = narrow;
    }
    char digit = tone_detect(kit->tones, frame, 8000 / TICKS_A_SECOND);
    if (digit)
        port_digit_heard(p, digit, 100);
}

void port_heard_use(struct port *p)
{
    bool got = port_hear(p);

    if (p->recording)
        record_frame(p, got ? p->kit->frame : NULL);
    if (p->kit && p->kit->tones && got)
        tones_frame(p, p->kit->frame);
}
