/*
 * A port's SRTP: signalling makes a context for each new key, the worker seals all that the port sends and
 * opens all that comes for it, before anything in it is believed.
 *
 * As long as a key stays, its context stays, whatever else changes in the format: its rollover counters and
 * replay windows are known nowhere else.
 */
#include "mixer/engine.h"
#include "mixer/bytes.h"
#include "mixer/srtp.h"

#include <errno.h>
#include <string.h>

/* After a re-key packets under the old key are still on their way: so long after the first under the new one,
 * or, until that has come, after the new key itself. */
#define OLD_KEY_TICKS (1 * TICKS_A_SECOND)
#define OLD_KEY_TICKS_MOST (32 * TICKS_A_SECOND)

/* -- signalling
 * ----------------------------------------------------------------------------------------------------- */

static int context_make(struct srtp **out, enum srtp_suite suite, const uint8_t *key)
{
    *out = NULL;
    return suite == SUITE_NONE ? 0 : srtp_new(out, suite, key);
}

static bool key_equal(const struct media_format *a, const struct media_format *b, const uint8_t *x,
                      const uint8_t *y)
{
    size_t size = suite_key_length(a->srtp) + suite_salt_length(a->srtp);

    return a->srtp == b->srtp && !memcmp(x, y, size);
}

int secure_make(struct command *c, const struct media_format *old, const struct media_format *format)
{
    struct secure_change *change = &c->secure;
    int error = 0;

    if ((unsigned)format->srtp >= SUITE_COUNT)
        return EINVAL;
    memset(change, 0, sizeof(*change));
    change->sends = !key_equal(old, format, old->key_send, format->key_send);
    change->receives = !key_equal(old, format, old->key_receive, format->key_receive);
    if (change->sends)
        error = context_make(&change->send, format->srtp, format->key_send);
    if (!error && change->receives)
        error = context_make(&change->receive, format->srtp, format->key_receive);
    if (error)
        secure_drop(c);
    return error;
}

void secure_drop(struct command *c)
{
    srtp_free(c->secure.send);
    srtp_free(c->secure.receive);
    memset(&c->secure, 0, sizeof(c->secure));
}

void secure_dispose(struct port *p)
{
    srtp_free(p->secure.send);
    srtp_free(p->secure.receive);
    srtp_free(p->secure.previous);
    memset(&p->secure, 0, sizeof(p->secure));
}

/* -- the worker: keys
 * ----------------------------------------------------------------------------------------------- */

void secure_change(struct port *p, const struct secure_change *change)
{
    struct secure *s = &p->secure;

    if (change->sends) {
        mixer_retire(p->mixer, RETIRED_SRTP, s->send);
        s->send = change->send;
    }
    if (change->receives) {
        mixer_retire(p->mixer, RETIRED_SRTP, s->previous);
        s->previous = s->receive;
        s->receive = change->receive;
        s->previous_until = p->worker->tick + OLD_KEY_TICKS_MOST;
        s->renewed = false;
    }
}

void secure_timer(struct port *p)
{
    struct secure *s = &p->secure;

    if (!s->previous || p->worker->tick < s->previous_until)
        return;
    mixer_retire(p->mixer, RETIRED_SRTP, s->previous);
    s->previous = NULL;
}

/* -- the worker: packets
 * -------------------------------------------------------------------------------------------- */

static size_t context_open(struct srtp *s, const struct io_packet *packet, bool rtcp, uint8_t *clear)
{
    if (!s)
        return 0;
    return rtcp ? srtp_open_rtcp(s, packet->data, packet->length, clear)
                : srtp_open(s, packet->data, packet->length, clear);
}

bool secure_open(struct port *p, struct io_packet *packet, bool rtcp, uint8_t clear[IO_PACKET_MAX])
{
    struct secure *s = &p->secure;

    if (!s->receive && !s->previous)
        return true;
    size_t length = context_open(s->receive, packet, rtcp, clear);
    if (length && s->previous && !s->renewed) {
        s->renewed = true;
        s->previous_until = p->worker->tick + OLD_KEY_TICKS;
    }
    if (!length)
        length = context_open(s->previous, packet, rtcp, clear);
    if (!length) {
        p->forged += s->receive != NULL;
        return !s->receive; /* plain RTP once more */
    }
    packet->data = clear;
    packet->length = length;
    return true;
}

bool secure_commit(struct port *p, uint8_t *data, size_t length, bool rtcp)
{
    struct srtp *s = p->secure.send;
    bool apart = rtcp && !p->kit->format.rtcp_mux;

    if (s) {
        if (length + SRTP_GROWTH > IO_PACKET_MAX)
            return false;
        length = rtcp ? srtp_seal_rtcp(s, data, length) : srtp_seal(s, data, length);
        if (!length)
            return false;
    }
    io_commit(p->worker->io, apart ? p->rtcp_fd : p->rtp_fd, rtcp ? &p->remote_rtcp : port_destination(p),
              length);
    return true;
}

/* -- a bridge with SRTP on either side
 * ------------------------------------------------------------------------------ */

bool secure_bridge(const struct port *p)
{
    return p->kit->format.srtp != SUITE_NONE || p->peer->kit->format.srtp != SUITE_NONE;
}

void secure_splice(struct port *to, const struct rtp_packet *rtp, uint32_t now, uint8_t *data)
{
    struct splice *s = &to->splice;
    uint16_t ahead = (uint16_t)(rtp->sequence + s->sequence - to->sequence);

    if (!s->running || s->ssrc != rtp->ssrc ||
        (ahead >= RTP_DROPOUT_MAX && ahead <= UINT16_MAX - RTP_MISORDER_MAX)) {
        *s = (struct splice){.running = true,
                             .ssrc = rtp->ssrc,
                             .sequence = (uint16_t)(to->sequence - rtp->sequence),
                             .timestamp = now - rtp->timestamp};
        ahead = 0;
        data[1] |= 0x80;
    }
    uint16_t sequence = (uint16_t)(rtp->sequence + s->sequence);
    if (ahead < RTP_DROPOUT_MAX)
        to->sequence = (uint16_t)(sequence + 1);
    data[2] = (uint8_t)(sequence >> 8);
    data[3] = (uint8_t)sequence;
    write32(data + 4, rtp->timestamp + s->timestamp);
    write32(data + 8, to->ssrc);
}
