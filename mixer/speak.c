/* What a port's far side is told: plays, digits, echo, the other side of a bridge; encoding and sending. */
#include "mixer/engine.h"

#include "mixer/mix.h"

#include <string.h>

#define DIGIT_PAUSE_MS 60

unsigned port_phase(const struct port *p)
{
    unsigned n = p->kit->ticks;

    return (unsigned)((p->worker->tick + n - p->phase % n) % n);
}

/* A packet that ends with this tick and is `ticks` long. */
static void send_packet(struct port *p, uint8_t payload_type, uint32_t timestamp, bool marker,
                        const uint8_t *payload, size_t length)
{
    struct worker *w = p->worker;
    struct rtp_packet header = {.ssrc = p->ssrc,
                                .timestamp = timestamp,
                                .sequence = p->sequence++,
                                .payload_type = payload_type,
                                .marker = marker};
    uint8_t *data = io_claim(w->io);

    rtp_build(data, &header);
    size_t head = RTP_HEADER;
    if (payload_type == p->kit->format.codecs[0].pt_send) /* of a digit there is nothing to be said */
        head += levels_write(p, data, payload, length);
    memcpy(data + head, payload, length);
    p->splice.running = false;
    if (!secure_commit(p, data, head + length, false))
        return;
    p->sent++;
    p->octets += length;
    atomic_fetch_add_explicit(&w->sent, 1, memory_order_relaxed);
}

uint32_t port_timestamp(const struct port *p, uint64_t tick)
{
    uint32_t clock = codec_clock(p->kit->format.codecs[0].codec);

    return p->timestamp + (uint32_t)(tick * (clock / TICKS_A_SECOND));
}

void port_send(struct port *p, const uint8_t *payload, size_t length, unsigned ticks)
{
    uint64_t start = p->worker->tick + 1 - ticks;

    if (!p->kit || !p->kit->format.send || !p->remote_known || length == 0 || length > PAYLOAD_MAX ||
        start < p->sent_until)
        return;
    /* RFC 3551 §4.1: the marker begins a talkspurt, here whatever follows a pause. */
    bool marker = start != p->sent_until;
    p->sent_until = p->worker->tick + 1;
    send_packet(p, p->kit->format.codecs[0].pt_send, port_timestamp(p, start), marker, payload, length);
}

/* -- digits
 * ---------------------------------------------------------------------------------------------------------
 */

void port_digit_queue(struct port *p, char digit, unsigned ms)
{
    if (p->waiting_count == DIGITS_WAITING || !p->kit)
        return;
    p->waiting[p->waiting_count].digit = digit;
    p->waiting[p->waiting_count++].ms = (uint16_t)(ms > 5000 ? 5000 : ms);
}

static void digit_begin(struct port *p)
{
    const struct media_format *f = &p->kit->format;
    char digit = p->waiting[0].digit;
    unsigned ms = p->waiting[0].ms;

    p->sending_digit = true;
    if (f->dtmf_pt_send == MEDIA_NO_PT) {
        p->sender.digit = digit;
        p->tone_left = ms * p->kit->rate / 1000;
        p->tone_at = 0;
        return;
    }
    /* The event's timestamp is the sound's at its beginning (RFC 4733 §2.1); on a clock of its own it has its
     * own line. */
    uint32_t clock = codec_clock(f->codecs[0].codec),
             at = port_timestamp(p, p->worker->tick + 1 - p->kit->ticks);
    if (f->dtmf_rate && f->dtmf_rate != clock)
        at = p->timestamp + (uint32_t)(p->worker->tick * (f->dtmf_rate / TICKS_A_SECOND));
    digit_send(&p->sender, digit, ms, f->dtmf_rate ? f->dtmf_rate : 8000, at);
}

static void digit_end(struct port *p)
{
    p->sending_digit = false;
    p->tone_left = 0;
    p->pause_left = DIGIT_PAUSE_MS;
    p->waiting_count--;
    memmove(&p->waiting[0], &p->waiting[1], p->waiting_count * sizeof(p->waiting[0]));
}

/* At a packet's last tick. True: an event went out instead of sound. */
static bool digit_packet_send(struct port *p)
{
    const struct media_format *f = &p->kit->format;
    uint8_t payload[4];
    bool marker = false;

    if (p->waiting_count == 0 || f->dtmf_pt_send == MEDIA_NO_PT || p->tone_left)
        return false;
    if (!p->sending_digit) {
        if (p->pause_left > 0)
            return false;
        digit_begin(p);
    }
    if (!digit_send_packet(&p->sender, f->ptime_ms, f->dtmf_rate ? f->dtmf_rate : 8000, payload, &marker)) {
        digit_end(p);
        return false;
    }
    p->sent_until = p->worker->tick + 1;
    send_packet(p, f->dtmf_pt_send, p->sender.timestamp, marker, payload, sizeof(payload));
    return true;
}

/* In-band tones over `frame`, where no telephone-event was negotiated. */
static void digit_tone_over(struct port *p, int16_t *frame)
{
    unsigned samples = p->kit->rate / TICKS_A_SECOND;

    if (p->waiting_count == 0 || p->kit->format.dtmf_pt_send != MEDIA_NO_PT || p->pause_left > 0)
        return;
    if (!p->sending_digit)
        digit_begin(p);
    memset(frame, 0, samples * sizeof(*frame));
    digit_tone(p->sender.digit, p->kit->rate, p->tone_at, frame, samples);
    p->tone_at += samples;
    if (p->tone_left > samples)
        p->tone_left -= samples;
    else
        digit_end(p);
}

/* -- plays
 * ----------------------------------------------------------------------------------------------------------
 */

bool port_has_own(const struct port *p)
{
    return p->player.playing || p->waiting_count > 0;
}

void port_play_end(struct port *p, int end)
{
    struct mixer_event event = {.type = EVENT_PLAYED,
                                .port = p->id,
                                .serial = p->player.serial,
                                .end = end,
                                .ms = p->player.played_ms};

    mixer_emit(p->mixer, &event);
}

void port_play_over_check(struct port *p)
{
    if (player_ended(&p->player)) {
        port_play_end(p, p->player.failed ? PLAY_FAILED : PLAY_DONE);
        if (p->connected == CONNECTED_ROOM)
            room_update(p);
    }
}

bool port_play_over(struct port *p, int16_t *frame, bool over)
{
    int16_t played[FRAME_MAX];
    unsigned samples = p->kit->rate / TICKS_A_SECOND;

    if (over)
        p->player.kind = ENCODING_NONE;
    if (p->coded.stale)
        port_encoder_warm(p);
    bool got = player_render(&p->player, p->kit->rate, over ? played : frame);
    if (got && over)
        mix_over(frame, played, samples);
    port_play_over_check(p);
    return got;
}

/* -- speaking
 * ------------------------------------------------------------------------------------------------------- */

void port_say(struct port *p, const int16_t *frame)
{
    struct kit *kit = p->kit;
    size_t samples = kit->rate / TICKS_A_SECOND;
    unsigned at = port_phase(p);
    int16_t *place = kit->said + at * samples;
    uint8_t payload[PAYLOAD_MAX];

    if (p->coded.stale)
        port_encoder_warm(p);
    if (p->said_tick + 1 != p->worker->tick)
        memset(kit->said, 0, at * samples * sizeof(*place));
    p->said_tick = p->worker->tick;
    if (frame)
        memcpy(place, frame, samples * sizeof(*place));
    else
        memset(place, 0, samples * sizeof(*place));
    digit_tone_over(p, place);
    if (p->pause_left)
        p->pause_left -= TICK_MS;
    if (at + 1 != kit->ticks || !kit->format.send || !p->remote_known || digit_packet_send(p))
        return;
    size_t length = encoder_encode(kit->encoder, kit->said, samples * kit->ticks, payload, sizeof(payload));
    atomic_fetch_add_explicit(&p->worker->encodings, 1, memory_order_relaxed);
    port_send(p, payload, length, kit->ticks);
}

/* A port that is in no room. */
void port_speak(struct port *p)
{
    int16_t buffer[FRAME_MAX];
    const int16_t *frame = NULL;
    bool says = port_has_own(p) || p->recording || p->pause_left > 0;

    if (!p->kit || port_play_coded(p))
        return;
    if (p->player.playing) {
        if (port_play_over(p, buffer, false))
            frame = buffer;
        else if (p->player.fresh && p->player.within)
            says = false; /* its first packet is the sound's first */
    } else if (p->connected == CONNECTED_ECHO) {
        frame = port_hear(p) ? p->kit->frame : NULL;
        says = says || p->media_seen;
    } else if (p->connected == CONNECTED_BRIDGE && !p->peer->relay) {
        frame = bridge_sound(p, buffer);
        says = says || p->peer->media_seen;
    } else if (p->connected == CONNECTED_BRIDGE && p->waiting_count == 0) {
        says = false; /* the peer's packets go by themselves */
    }
    if (says)
        port_say(p, frame);
}
