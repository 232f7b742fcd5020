/* What a port's far side says: from the jitter buffer through its decoder, ten milliseconds a tick. */
#include "mixer/engine.h"

#include "mixer/stretch.h"

#include <string.h>

#define TONE_TICKS 50 /* covers the delay of the jitter buffer, and the silence that ends a digit */
#define TICK_US (TICK_MS * 1000)
#define DEEP_MS 30 /* decoded at once, where time is to be left out */
#define PAST_MS STRETCH_LAG_MS
/* A packet that is taken out a tick earlier must still be this much before the need. */
#define SURE_US 2000
#define STRETCH_SHARE 6 /* while somebody talks, time passes at most by a sixth faster or slower */

bool port_keeps_sound(const struct port *p)
{
    return p->recording || p->cng || (p->kit && p->kit->tones);
}

bool port_must_hear(const struct port *p)
{
    return p->recording || p->cng ||
           (p->tone_tick && p->kit && p->kit->tones && p->worker->tick - p->tone_tick < TONE_TICKS);
}

/* Room for one more packet behind what is left; what was heard last stays before it, for stretch_repeat(). */
static void heard_make_room(struct kit *kit, size_t rate)
{
    size_t past = PAST_MS * rate / 1000;

    if (past > kit->heard_at)
        past = kit->heard_at;
    size_t from = kit->heard_at - past;
    memmove(kit->heard, kit->heard + from, (kit->heard_end - from) * sizeof(int16_t));
    kit->heard_end -= from;
    kit->heard_at = past;
}

/* What is left of the sound before a pause is less than a tick; silence fills it. False: nothing is left. */
static bool heard_end_in_silence(struct kit *kit, size_t need)
{
    size_t left = kit->heard_end - kit->heard_at;

    if (left == 0)
        return false;
    memset(kit->heard + kit->heard_end, 0, (need - left) * sizeof(int16_t));
    kit->heard_end = kit->heard_at + need;
    return true;
}

static void heard_decode(struct kit *kit, const struct jitter_packet *packet)
{
    enum codec codec = (enum codec)packet->payload_type;

    if (!kit->decoders[codec])
        return;
    if (codec != kit->heard_codec) { /* what is left is of another rate, and less than a tick */
        kit->heard_codec = codec;
        kit->heard_at = kit->heard_end = 0;
    }
    size_t rate = kit_decoder_rate(kit, codec), skip = packet->skip_ms * rate / 1000;
    size_t got = decoder_decode(kit->decoders[codec], packet->payload, packet->length,
                                kit->heard + kit->heard_end, PACKET_MS_MAX * rate / 1000);
    if (got == 0) { /* it is of no use, but it took its time */
        got = packet->ms * rate / 1000;
        decoder_conceal(kit->decoders[codec], NULL, 0, kit->heard + kit->heard_end, got);
    }
    if (skip < got && kit->heard_at == kit->heard_end)
        kit->heard_at += skip;
    kit->heard_end += got;
}

/* Fills kit->heard with at least `need` samples, or fails. */
static bool heard_fill(struct port *p, size_t need)
{
    struct kit *kit = p->kit;
    struct jitter_packet packet;

    while (kit->heard_end - kit->heard_at < need) {
        size_t rate = kit_decoder_rate(kit, kit->heard_codec);
        heard_make_room(kit, rate);
        enum jitter_sound sound = jitter_get(p->jitter, p->worker->now_us, &packet);
        /* With comfort noise told, what is missing is a pause and no loss. */
        if (sound == JITTER_SILENCE || (sound == JITTER_CONCEAL && p->noise.on))
            return heard_end_in_silence(kit, need);
        if (sound == JITTER_PLAY) {
            noise_stop(&p->noise, packet.sequence);
            heard_decode(kit, &packet);
            continue;
        }
        if (!kit->decoders[kit->heard_codec])
            return false;
        size_t samples = packet.ms * rate / 1000;
        decoder_conceal(kit->decoders[kit->heard_codec], packet.payload, packet.payload ? packet.length : 0,
                        kit->heard + kit->heard_end, samples);
        kit->heard_end += samples;
    }
    return true;
}

/* -- the delay made what it should be
 * ------------------------------------------------------------------------------------- */

/* Shorter: only so far that the packet which is then taken out a tick earlier is sure to be there. */
static size_t heard_cut(struct port *p, size_t frame, int64_t spare_us)
{
    struct kit *kit = p->kit;
    size_t ahead = kit->heard_end - kit->heard_at, ticks = ahead / frame, keep = ticks;

    while (keep > 1 && spare_us - (int64_t)(ticks - keep + 1) * TICK_US >= SURE_US)
        keep--;
    return stretch_cut(kit->heard + kit->heard_at, ahead, (unsigned)(frame * TICKS_A_SECOND),
                       ahead - keep * frame);
}

/* How much before the need the next packet will be taken out, when what is decoded has been heard. */
static int64_t heard_spare_us(const struct port *p, size_t frame)
{
    size_t ticks = (p->kit->heard_end - p->kit->heard_at) / frame;

    return jitter_spare_us(p->jitter, p->worker->now_us) + (int64_t)ticks * TICK_US;
}

/*
 * Whole ticks count: a packet is taken out in the tick that has less than a tick's sound left. So what is
 * decoded and is no whole tick long is delay for nothing, and goes with the rest of what can be spared; and
 * where packets come too late for their tick, it takes a whole tick more, before one is missed.
 */
static void heard_stretch(struct port *p, size_t frame)
{
    struct kit *kit = p->kit;
    int64_t spare = heard_spare_us(p, frame);

    if (p->stretch_rest > 0 && spare < JITTER_MOST_MS * 1000) {
        p->stretch_rest--;
        return;
    }
    while (spare >= TICK_US + SURE_US && kit->heard_end - kit->heard_at < DEEP_MS / TICK_MS * frame &&
           jitter_ready(p->jitter, (uint8_t)kit->heard_codec)) {
        if (!heard_fill(p, kit->heard_end - kit->heard_at + 1))
            break;
    }
    spare = heard_spare_us(p, frame);
    size_t ahead = kit->heard_end - kit->heard_at, rate = frame * TICKS_A_SECOND, done;
    if (spare < 0) {
        done = stretch_repeat(kit->heard + kit->heard_at, kit->heard_at, ahead, (unsigned)rate,
                              frame - ahead % frame);
        kit->heard_at -= done;
        p->longer_us += done * 1000000 / rate;
    } else {
        done = heard_cut(p, frame, spare);
        kit->heard_at += done;
        p->shorter_us += done * 1000000 / rate;
    }
    if (done > 0 && !stretch_silent(kit->heard + kit->heard_at, frame))
        p->stretch_rest = (unsigned)(STRETCH_SHARE * done / frame);
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
        p->stretch_rest = 0;
        jitter_resume(p->jitter, p->worker->now_us);
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
    if (!p->fax) /* a modem bears a gap better than time that is not even */
        heard_stretch(p, frame);
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

/* Over any other codec than G.711 no fax comes through. */
static void cng_frame(struct port *p)
{
    struct mixer_event event = {.type = EVENT_FAX_TONE, .port = p->id};

    if (p->kit->rate == 8000 && cng_detect(p->cng, p->kit->frame, 8000 / TICKS_A_SECOND))
        mixer_emit(p->mixer, &event);
}

void port_heard_use(struct port *p)
{
    bool got = port_hear(p);

    if (p->recording)
        record_frame(p, got ? p->kit->frame : NULL);
    if (p->kit && p->kit->tones && got)
        tones_frame(p, p->kit->frame);
    if (p->cng && got)
        cng_frame(p);
}
