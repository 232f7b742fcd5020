/* Two ports joined: packets relayed as they are where the formats agree, else decoded on one side and encoded
 * on the other. */
#include "mixer/engine.h"

#include <string.h>

#define DOUBTS_MAX 3 /* packets in a row of another length, before the manner changes */

static uint8_t relay_type(const struct port *from, const struct port *to, enum codec codec, bool event)
{
    const struct media_format *a = &from->kit->format, *b = &to->kit->format;

    if (!event)
        return b->codecs[0].codec == codec ? b->codecs[0].pt_send : MEDIA_NO_PT;
    return a->dtmf_rate == b->dtmf_rate ? b->dtmf_pt_send : MEDIA_NO_PT;
}

/* Codec and packet time decide; a single short packet, as at the end of a talkspurt, changes nothing. */
static bool relay_decide(struct port *p, const struct rtp_packet *rtp, enum codec codec)
{
    const struct kit *kit = p->peer->kit;
    unsigned ms = payload_ms(codec, rtp->payload, rtp->length);
    bool codec_fits = kit->format.codecs[0].codec == codec;
    bool fits = codec_fits && ms == kit->format.ptime_ms;

    if (fits == p->relay && p->relay_known) {
        p->relay_doubts = 0;
    } else if (!p->relay_known || !codec_fits || ++p->relay_doubts >= DOUBTS_MAX) {
        p->relay = fits;
        p->relay_known = true;
        p->relay_doubts = 0;
    }
    return p->relay;
}

bool bridge_relay(struct port *p, const struct rtp_packet *rtp, enum codec codec, bool event,
                  const struct io_packet *packet)
{
    struct port *to = p->peer;

    if (p->connected != CONNECTED_BRIDGE || !to->kit)
        return false;
    if (event ? !p->relay : !relay_decide(p, rtp, codec))
        return false;
    /* From here on it is the relay's packet, even if it is not sent. Comfort noise keeps its static type. */
    uint8_t type =
        rtp->payload_type == RTP_COMFORT_NOISE && event ? RTP_COMFORT_NOISE : relay_type(p, to, codec, event);
    if (event && p->keeps_digits && rtp->payload_type != RTP_COMFORT_NOISE)
        return true;
    if (type == MEDIA_NO_PT || !to->kit->format.send || !to->remote_known || port_has_own(to))
        return true;
    uint8_t *data = io_claim(to->worker->io);
    size_t length = levels_relay(p, to, data, packet);
    data[1] = (uint8_t)((data[1] & 0x80) | type);
    if (secure_bridge(p))
        secure_splice(to, rtp, port_timestamp(to, to->worker->tick), data);
    if (!secure_commit(to, data, length, false))
        return true;
    to->sent++;
    to->octets += rtp->length;
    atomic_fetch_add_explicit(&to->worker->sent, 1, memory_order_relaxed);
    return true;
}

/* Reports fit when the streams they speak of pass unchanged. A side that sends nothing has none to be
 * changed. */
bool bridge_relays(const struct port *p)
{
    return p->connected == CONNECTED_BRIDGE && p->peer->kit && !secure_bridge(p) &&
           (p->relay || !p->relay_known) && (p->peer->relay || !p->peer->relay_known) &&
           (p->relay || p->peer->relay);
}

bool bridge_relays_events(const struct port *p)
{
    return p->relay && p->peer->kit && relay_type(p, p->peer, CODEC_PCMU, true) != MEDIA_NO_PT;
}

bool bridge_relay_rtcp(struct port *p, const struct io_packet *packet)
{
    if (!bridge_relays(p))
        return false;
    struct port *to = p->peer;
    if (!to->rtcp_known || packet->length > IO_PACKET_MAX)
        return true;
    memcpy(io_claim(to->worker->io), packet->data, packet->length);
    io_commit(to->worker->io, to->kit->format.rtcp_mux ? to->rtp_fd : to->rtcp_fd, &to->remote_rtcp,
              packet->length);
    return true;
}

const int16_t *bridge_sound(struct port *p, int16_t *buffer)
{
    struct port *from = p->peer;
    const struct crossing *c = &from->crossing;

    if (!port_hear(from))
        return NULL;
    if (from->kit->rate == p->kit->rate)
        return from->kit->frame;
    if (!c->resampler || c->from != from->kit->rate || c->to != p->kit->rate)
        return NULL; /* a new format's resampler is on its way */
    resampler_run(c->resampler, from->kit->frame, buffer);
    return buffer;
}
