/*
 * How loud packets say they are (RFC 6464, RFC 6465): what of it is believed of those that come, and what
 * those that go tell of the mix in them.
 */
#include "mixer/engine.h"
#include "mixer/srtp.h"

#include <string.h>

#define LIE_DB 20    /* so far from the truth nobody errs */
#define LOUD_LIES 50 /* ticks of sound in a row that was claimed to be so much louder */
#define FALL_TICKS                                                                                           \
    6               /* a packet of 60 ms, the longest: what was heard falls no faster than what is claimed   \
                     */
#define SOFT_LIES 4 /* packets of voice that were claimed to be so much softer, of the few looked at */
#define SOFT_SAMPLED 8 /* one packet in so many */
#define VOICE_LEVEL 45 /* -dBov: what may be speech */
#define VAD_HOLD 25    /* ticks: V bits waver within words */
#define VAD_STALE 50   /* ticks without a V bit, set or not: he does not send it at all */
#define VAD_LIES 300   /* ticks of speech in which it was never set */

/* -- what comes
 * ---------------------------------------------------------------------------------------------------------
 */

/* From here on its packets are measured, for as long as the port lives: a new SSRC makes nobody honest. */
static void levels_distrust(struct port *p)
{
    p->levels.distrusted = true;
    atomic_fetch_add_explicit(&p->worker->levels_distrusted, 1, memory_order_relaxed);
}

static bool level_read(const struct port *p, const struct io_packet *in, struct rtp_element *out)
{
    uint8_t id = p->kit->format.level.receive;
    struct rtp_extension x;

    return id && !p->levels.distrusted && rtp_extension(&x, in->data, in->length) &&
           rtpext_find(&x, id, out) && out->length > 0;
}

/* Who claims silence while he speaks would never be heard: a packet now and then shows it. */
static void soft_check(struct port *p, unsigned claimed, enum codec codec, const struct rtp_packet *rtp)
{
    if (rtp->sequence % SOFT_SAMPLED)
        return;
    unsigned level = payload_level(codec, rtp->payload, rtp->length);
    if (level >= VOICE_LEVEL)
        return;
    if (claimed < level + LIE_DB)
        p->levels.soft_lies = 0;
    else if (++p->levels.soft_lies == SOFT_LIES)
        levels_distrust(p);
}

unsigned level_receive(struct port *p, const struct io_packet *in, enum codec codec,
                       const struct rtp_packet *rtp)
{
    struct rtp_element e;

    if (!level_read(p, in, &e))
        return payload_level(codec, rtp->payload, rtp->length);
    unsigned claimed = e.data[0] & 0x7F;
    if (p->kit->format.level_vad) {
        p->levels.vad_tick = p->worker->tick;
        if (e.data[0] & 0x80) {
            p->levels.voice_tick = p->worker->tick;
            p->levels.vad_lies = 0;
        }
    }
    if (claimed >= VOICE_LEVEL)
        soft_check(p, claimed, codec, rtp);
    return claimed;
}

bool level_wanted(const struct port *p)
{
    return p->kit->tones || p->connected == CONNECTED_ROOM;
}

void level_check(struct port *p, unsigned level)
{
    struct levels *l = &p->levels;

    if (!p->kit->format.level.receive || l->distrusted)
        return;
    /* As p->loud follows the packets, which are ahead of their sound by the delay of the jitter buffer. */
    if (level < l->heard)
        l->heard = level;
    else if (p->worker->tick % FALL_TICKS == 0)
        l->heard += (level - l->heard + 7) / 8;
    if (l->heard < p->loud + LIE_DB)
        l->loud_lies = 0;
    else if (++l->loud_lies == LOUD_LIES)
        levels_distrust(p);
}

/* Both must be of that opinion: our ear, which a steady noise may mislead, and his, which may be deaf. */
bool level_voice(struct port *p, bool heard)
{
    struct levels *l = &p->levels;
    uint64_t tick = p->worker->tick;

    if (!heard || l->distrusted || l->vad_lies >= VAD_LIES || !l->vad_tick || tick - l->vad_tick > VAD_STALE)
        return heard;
    if (l->voice_tick && tick - l->voice_tick < VAD_HOLD)
        return true;
    l->vad_lies += l->voice_tick == 0;
    return false;
}

_Static_assert(RTP_HEADER + RTP_SOURCES_SIZE + PAYLOAD_MAX + SRTP_GROWTH <= IO_PACKET_MAX,
               "the longest packet fits");

/* -- what goes
 * ----------------------------------------------------------------------------------------------------------
 */

/* Whoever was heard in one of the last `ticks`; who whispers, by whom he whispers to. */
static void mix_describe(const struct room *room, const struct port *listener, uint64_t tick, unsigned ticks,
                         const int16_t *sound, size_t samples, struct rtp_mix *out)
{
    out->count = 0;
    for (unsigned i = 0; i < ROOM_SLOTS && out->count < RTP_SOURCES_MAX; i++) {
        const struct speaker *s = &room->speakers[i];
        if (s->whispers && !(listener && s->port && s->port->whisper == listener->id))
            continue;
        if (s->heard_tick && tick - s->heard_tick < ticks)
            out->sources[out->count++] =
                (struct rtp_mix_source){.ssrc = s->ssrc, .level = (uint8_t)s->level, .voice = s->voice};
    }
    for (unsigned i = 0; i < room->remote_count && out->count < RTP_SOURCES_MAX; i++) {
        const struct remote_speaker *s = &room->remote[i];
        if (s->heard)
            out->sources[out->count++] =
                (struct rtp_mix_source){.ssrc = s->ssrc, .level = (uint8_t)s->level, .voice = s->voice};
    }
    out->level = (uint8_t)frame_level(sound, samples);
    out->voice = false;
}

/* What a class sends is described once a packet; whoever hears something of his own gets his own words. */
static const struct rtp_mix *mix_of(struct port *p, struct rtp_mix *own, const uint8_t *payload,
                                    size_t length)
{
    uint64_t tick = p->worker->tick;
    const struct kit *kit = p->kit;
    size_t samples = kit->rate / TICKS_A_SECOND * kit->ticks;

    if (p->connected == CONNECTED_ROOM && p->class && !p->apart) {
        struct class *c = p->class;
        if (c->mix_tick != tick)
            mix_describe(p->room, NULL, tick, c->ticks, c->said, c->rate / TICKS_A_SECOND * c->ticks,
                         &c->mix);
        c->mix_tick = tick;
        return &c->mix;
    }
    if (p->connected == CONNECTED_ROOM && !p->deaf) {
        mix_describe(p->room, p, tick, kit->ticks, kit->said, samples, own);
        return own;
    }
    own->count = 0;
    /* What he is played may have been encoded long ago. */
    own->level = (uint8_t)payload_level(kit->format.codecs[0].codec, payload, length);
    own->voice = own->level < VOICE_LEVEL;
    return own;
}

size_t levels_write(struct port *p, uint8_t *packet, const uint8_t *payload, size_t length)
{
    const struct media_format *f = &p->kit->format;
    struct rtp_mix_reader reader = {.level_id = f->level.send,
                                    .csrc_level_id = f->csrc_level.send,
                                    .vad = f->level_vad,
                                    .known = p->source.known,
                                    .ssrc = p->source.ssrc};
    struct rtp_mix own;

    if (!reader.level_id && !reader.csrc_level_id)
        return 0;
    return rtp_mix_write(packet, mix_of(p, &own, payload, length), &reader);
}

size_t levels_relay(const struct port *from, const struct port *to, uint8_t *out,
                    const struct io_packet *packet)
{
    const struct media_format *a = &from->kit->format, *b = &to->kit->format;
    uint8_t ids[RTPEXT_IDS] = {0};

    if (a->level.receive)
        ids[a->level.receive] = b->level.send;
    if (a->csrc_level.receive)
        ids[a->csrc_level.receive] = b->csrc_level.send;
    return rtpext_translate(out, packet->data, packet->length, ids);
}
