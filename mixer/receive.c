/* What comes from the network: which packets fit, where the far side is, what becomes of its packets. */
#include "mixer/engine.h"

#include "core/base/clock.h"

#include <netinet/in.h>
#include <string.h>

/* -dBov. ITU-T Q.24 asks for digits down to -29 dBm, some 35 below full scale; the level is only estimated.
 */
#define TONE_LEVEL 55
#define SOURCE_GONE_US 200000 /* a source that sends nothing for so long may be replaced by another */
#define ARRIVAL_US 1000000    /* nothing lies longer in a socket, nor is a tick later than this */
#define OPUS_DTX_BYTES 2 /* libopus' packet that says nothing (RFC 6716 §3.1: a TOC byte and no frame) */

static bool address_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b, bool with_port)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *x = (const void *)a, *y = (const void *)b;
        return x->sin_addr.s_addr == y->sin_addr.s_addr && (!with_port || x->sin_port == y->sin_port);
    }
    if (a->ss_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *x = (const void *)a, *y = (const void *)b;
    return !memcmp(&x->sin6_addr, &y->sin6_addr, sizeof(x->sin6_addr)) &&
           (!with_port || x->sin6_port == y->sin6_port);
}

static bool address_real(const struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET    ? ((const struct sockaddr_in *)(const void *)a)->sin_port != 0
           : a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)a)->sin6_port != 0
                                      : false;
}

/*
 * A far side that has been learnt for good is told to the kernel: it finds the way there once and not for
 * each packet, and keeps everybody else's packets away from us.
 */
static void port_wire(struct port *p)
{
    socklen_t length =
        p->remote.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

    p->wired = connect(p->rtp_fd, (const struct sockaddr *)&p->remote, length) == 0;
}

static void port_unwire(struct port *p)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    if (!p->wired)
        return;
    io_flush(p->worker->io); /* what is in line for it still goes where it was to go */
    (void)connect(p->rtp_fd, &nobody, sizeof(nobody));
    p->wired = false;
}

/*
 * A new description of the far side. While its address stays as described before, what was learnt goes on
 * being sent to; in any case the next packets that fit may teach another one.
 */
void port_set_remote(struct port *p, const struct media_format *format)
{
    const struct media_format *old = p->kit ? &p->kit->format : NULL;
    bool same = old && address_equal(&old->rtp, &format->rtp, true);

    port_unwire(p);
    p->locked = p->rtcp_learnt = false;
    p->candidate.ss_family = AF_UNSPEC;
    if (!same || !p->remote_known) {
        p->remote = format->rtp;
        p->remote_known = address_real(&format->rtp);
    }
    if (!same || !p->rtcp_known) {
        p->remote_rtcp = format->rtcp_mux ? format->rtp : format->rtcp;
        p->rtcp_known = address_real(&p->remote_rtcp);
    }
}

static void remote_lock(struct port *p, const struct sockaddr_storage *from)
{
    /* From another address another source is no surprise. */
    p->source_follow = !p->remote_known || !address_equal(&p->remote, from, true);
    p->remote = *from;
    p->remote_known = p->locked = true;
    if (p->kit->format.rtcp_mux) {
        p->remote_rtcp = *from;
        p->rtcp_known = true;
    }
    port_wire(p);
}

/* Symmetric RTP (RFC 4961): the described address at once, another one by two packets in a row. */
static bool remote_fits(struct port *p, const struct sockaddr_storage *from, const struct rtp_packet *rtp)
{
    if (p->locked)
        return address_equal(&p->remote, from, true);
    if (address_equal(&p->kit->format.rtp, from, true)) {
        remote_lock(p, from);
        return true;
    }
    if (address_equal(&p->candidate, from, true) && rtp->sequence == p->candidate_next) {
        remote_lock(p, from);
        return true;
    }
    p->candidate = *from;
    p->candidate_next = (uint16_t)(rtp->sequence + 1);
    /* Until somebody is believed, nobody's packets are lost. */
    return true;
}

void port_digit_heard(struct port *p, char digit, unsigned ms)
{
    struct mixer_event event = {.type = EVENT_DIGIT, .port = p->id, .digit = digit, .ms = ms};

    mixer_emit(p->mixer, &event);
    /* A bridge that decodes carries no events; the other side gets the key press in its own manner. */
    if (p->connected == CONNECTED_BRIDGE && !bridge_relays_events(p) && !p->keeps_digits)
        port_digit_queue(p->peer, digit, ms < 70 ? 70 : ms);
}

/*
 * Another SSRC at the same address. RFC 3550 §8.2 leaves it to us to follow it: at once when the one that we
 * hear has been silent or the far side has moved, else with the second of two packets in a row between which
 * the old one was silent for longer than its packets are apart. So a change costs one packet, and who mixes
 * packets of another source with those of a source that goes on is not heard.
 */
static bool source_change(struct port *p, const struct rtp_packet *rtp, int64_t arrival_us)
{
    int64_t silent_us = arrival_us - p->source_us;
    bool again = rtp->ssrc == p->rival && rtp->sequence == p->rival_next;

    p->rival = rtp->ssrc;
    p->rival_next = (uint16_t)(rtp->sequence + 1);
    return p->source_follow || silent_us > SOURCE_GONE_US || (again && silent_us > p->source_ms * 1500);
}

/* Sequence, loss and jitter. False: the packet is too far from all others to be believed, or came before. */
static bool source_note(struct port *p, const struct rtp_packet *rtp, uint32_t clock, unsigned ms)
{
    struct rtp_source *s = &p->source;
    int64_t arrival_us = p->worker->arrival_us;
    bool other = !s->known || s->ssrc != rtp->ssrc;

    if (s->known && other && !source_change(p, rtp, arrival_us))
        return false;
    int64_t lost = s->known ? rtp_source_lost(s) + s->repeated : 0;
    uint32_t repeated = s->repeated, highest = rtp_source_extended(s), jitter = s->jitter_q4;
    if (other) {
        rtp_source_start(s, rtp->ssrc, rtp->sequence);
        s->jitter_q4 = jitter;
        jitter_reset(p->jitter);
        p->noise.on = false;
        p->last_sr = 0;
    } else if (!rtp_source_update(s, rtp->sequence)) {
        return false;
    }
    bool began = s->received == 1; /* here, or because the source began anew */
    if (began) {
        p->lost_before += lost > 0 ? (uint64_t)lost : 0;
        p->repeated_before += repeated;
    }
    p->source_us = arrival_us;
    p->source_follow = false;
    if (ms)
        p->source_ms = ms;
    if (s->again)
        return false;
    loss_note(&p->losses, began ? 1 : (int16_t)(rtp->sequence - (uint16_t)highest));
    if (ms) {
        int64_t arrival = arrival_us / 1000000 * clock + arrival_us % 1000000 * clock / 1000000;
        rtp_source_jitter(s, (uint32_t)arrival, rtp->timestamp);
        p->jitter_us = (uint32_t)((uint64_t)(s->jitter_q4 >> 4) * 1000000 / clock);
    }
    return true;
}

/* A packet without sound still takes its sequence number, so that it does not look lost. No sound follows it
 * at once, or it is heard all the same. */
static void place_packet(struct port *p, const struct rtp_packet *rtp)
{
    struct jitter_packet packet = {.sequence = rtp->sequence, .timestamp = rtp->timestamp, .pause = true};

    if (p->jitter->clock)
        (void)jitter_put(p->jitter, &packet, p->jitter->clock, p->worker->arrival_us);
}

static void event_packet(struct port *p, const struct rtp_packet *rtp)
{
    uint32_t rate = p->kit->format.dtmf_rate ? p->kit->format.dtmf_rate : 8000;
    unsigned ms = 0;
    char digit = digit_packet(&p->digits, rtp->timestamp, rtp->payload, rtp->length, rate, &ms);

    if (digit)
        port_digit_heard(p, digit, ms);
    place_packet(p, rtp);
}

static void noise_packet(struct port *p, const struct rtp_packet *rtp)
{
    noise_start(&p->noise, rtp->sequence, rtp->payload, rtp->length);
    place_packet(p, rtp);
}

static void sound_packet(struct port *p, const struct rtp_packet *rtp, enum codec codec, unsigned ms,
                         const struct io_packet *in)
{
    struct jitter_packet packet = {.sequence = rtp->sequence,
                                   .timestamp = rtp->timestamp,
                                   .payload_type = (uint8_t)codec,
                                   .ms = ms,
                                   .payload = rtp->payload,
                                   .length = rtp->length,
                                   .start = rtp->marker,
                                   .pause = codec == CODEC_OPUS && rtp->length <= OPUS_DTX_BYTES};

    if (level_wanted(p)) {
        unsigned level = level_receive(p, in, codec, rtp);
        if (p->connected == CONNECTED_ROOM)
            room_note(p, level);
        if (p->connected == CONNECTED_ROOM && p->muted)
            muted_talk_note(p, level);
        if (p->kit->tones && level < TONE_LEVEL)
            p->tone_tick = p->worker->tick;
    }
    if (jitter_put(p->jitter, &packet, codec_clock(codec), p->worker->arrival_us) == JITTER_LATE)
        loss_late(&p->losses, (uint16_t)(p->source.highest - rtp->sequence));
}

/* The negotiated codec of a payload type, -1 when there is none. */
static int codec_of(const struct media_format *f, uint8_t payload_type)
{
    for (unsigned i = 0; i < f->codec_count; i++) {
        if (f->codecs[i].pt_receive == payload_type)
            return (int)f->codecs[i].codec;
    }
    return -1;
}

static void port_alive(struct port *p)
{
    p->alive_tick = p->worker->tick;
    p->timed_out = false;
}

static void receive_rtp(struct port *p, const struct io_packet *in)
{
    const struct media_format *f = &p->kit->format;
    struct rtp_packet rtp;

    if (!rtp_parse(&rtp, in->data, in->length)) {
        p->discarded++;
        return;
    }
    int codec = codec_of(f, rtp.payload_type);
    bool event = f->dtmf_pt_receive != MEDIA_NO_PT && rtp.payload_type == f->dtmf_pt_receive;
    bool noise = codec < 0 && !event && rtp.payload_type == RTP_COMFORT_NOISE;
    unsigned ms = codec >= 0 ? payload_ms((enum codec)codec, rtp.payload, rtp.length) : 0;
    if ((codec < 0 && !event && !noise) || (event && rtp.length < 4) ||
        (codec >= 0 && (!ms || ms > PACKET_MS_MAX)) || rtp.length > PAYLOAD_MAX ||
        !remote_fits(p, in->from, &rtp)) {
        p->discarded++;
        return;
    }
    port_alive(p);
    p->received++;
    if (!p->media_seen) {
        struct mixer_event e = {.type = EVENT_MEDIA, .port = p->id};
        p->media_seen = true;
        mixer_emit(p->mixer, &e);
    }
    uint32_t clock = codec_clock(codec >= 0 ? (enum codec)codec : f->codecs[0].codec);
    if (!source_note(p, &rtp, clock, ms) || !f->receive) {
        p->discarded++;
        return;
    }
    bool relayed = bridge_relay(p, &rtp, (enum codec)(codec >= 0 ? codec : 0), codec < 0, in);
    if (event)
        event_packet(p, &rtp);
    else if (noise)
        noise_packet(p, &rtp);
    else if (!relayed || port_keeps_sound(p))
        sound_packet(p, &rtp, (enum codec)codec, ms, in);
}

static void receive_rtcp(struct port *p, const struct io_packet *in)
{
    struct rtcp_seen seen;

    /* From the host that RTP comes from; its port is learnt as RTP's was. */
    if (p->remote_known && !address_equal(&p->remote, in->from, false) &&
        !(p->rtcp_known && address_equal(&p->remote_rtcp, in->from, false)))
        return;
    /* Where packets pass as they are, the far side speaks of the other side's stream. */
    if (!rtcp_parse(&seen, in->data, in->length, bridge_relays(p) ? p->peer->source.ssrc : p->ssrc))
        return;
    if (!p->rtcp_learnt) {
        p->remote_rtcp = *in->from;
        p->rtcp_known = p->rtcp_learnt = true;
    }
    port_alive(p);
    if (seen.sender && p->source.known && seen.ssrc == p->source.ssrc) {
        p->last_sr = seen.ntp_middle;
        p->last_sr_us = p->worker->arrival_us;
    }
    if (seen.about_us)
        port_reported(p, &seen.report);
    (void)bridge_relay_rtcp(p, in);
}

/* UDPTL's sequence numbers tell as RTP's do that two packets follow each other. */
static void receive_fax(struct port *p, const struct io_packet *in)
{
    if (in->tag & 1 || in->length < 4)
        return;
    struct rtp_packet packet = {.sequence = (uint16_t)(in->data[0] << 8 | in->data[1])};
    if (!remote_fits(p, in->from, &packet)) {
        p->discarded++;
        return;
    }
    port_alive(p);
    port_fax_receive(p, in);
}

/* The kernel's time of arrival on the clock of ticks; a step of the wall clock must not move it far. */
static void worker_arrival(struct worker *w, int64_t wall_us)
{
    int64_t us = wall_us - w->wall_ahead_us;

    w->arrival_us = us < w->now_us - ARRIVAL_US || us > w->now_us + ARRIVAL_US ? w->now_us : us;
}

static void fetch(const void *from, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += 64)
        __builtin_prefetch((const char *)from + at);
}

/* With many ports all of this has left the caches since their last packet. */
void port_expect(void *worker, uint32_t tag, unsigned stage)
{
    struct worker *w = worker;
    const struct port *p = &w->mixer->ports[tag >> 1];

    if (stage == 0) {
        fetch(p, offsetof(struct port, said_tick));
    } else if (p->kit && p->jitter) {
        if (stage == 1) {
            fetch(&p->kit->format, offsetof(struct media_format, key_send));
            fetch(p->jitter, offsetof(struct jitter, slots));
        } else {
            fetch(jitter_place(p->jitter), 192);
        }
    }
}

void port_receive(struct worker *w, const struct io_packet *packet)
{
    struct port *p = &w->mixer->ports[packet->tag >> 1];
    struct io_packet in = *packet;
    _Alignas(8) uint8_t clear[IO_PACKET_MAX];

    atomic_fetch_add_explicit(&w->received, 1, memory_order_relaxed);
    if (!p->kit)
        return;
    if (port_fax_has_packets(p)) {
        receive_fax(p, packet);
        return;
    }
    /* RFC 5761 §4: what tells them apart is not encrypted. */
    bool rtcp = in.tag & 1 || (p->kit->format.rtcp_mux && rtp_is_rtcp(in.data, in.length));
    if (!secure_open(p, &in, rtcp, clear))
        return;
    worker_arrival(w, in.arrival_us);
    if (rtcp)
        receive_rtcp(p, &in);
    else
        receive_rtp(p, &in);
}

/* Sends a compound packet about now. */
void port_report(struct port *p, bool bye)
{
    struct worker *w = p->worker;
    struct rtcp_sender sender = {
        .ntp = rtcp_ntp(clock_wall_us()),
        .timestamp =
            p->timestamp + (uint32_t)(w->tick * codec_clock(p->kit->format.codecs[0].codec) / TICKS_A_SECOND),
        .packets = (uint32_t)p->sent,
        .octets = (uint32_t)p->octets};
    struct rtcp_report report;
    bool sends = p->sent != p->sent_before;

    if (!p->rtcp_known || !p->remote_known)
        return;
    struct rtcp_voip voip;
    if (p->source.known) {
        int64_t since = p->last_sr ? clock_wall_us() - w->wall_ahead_us - p->last_sr_us : 0;
        rtcp_report_make(&report, &p->source, p->last_sr,
                         (uint32_t)(since > 0 ? since * 65536 / 1000000 : 0));
        port_voip(p, &voip);
    }
    uint8_t *data = io_claim(w->io);
    size_t length = rtcp_build(data, p->ssrc, sends ? &sender : NULL, p->source.known ? &report : NULL,
                               p->source.known ? &voip : NULL, p->cname, bye);
    (void)secure_commit(p, data, length, true);
    p->sent_before = p->sent;
}

static uint32_t roll(struct worker *w) /* xorshift: spreads reports, keeps no secret */
{
    w->dice ^= w->dice << 13;
    w->dice ^= w->dice >> 17;
    w->dice ^= w->dice << 5;
    return w->dice;
}

/* Every tenth tick: reports, the end of a key whose end was lost, silence for too long. */
void port_timers(struct port *p)
{
    struct worker *w = p->worker;
    unsigned timeout = p->mixer->config.rtp_timeout_s;

    if (!p->kit)
        return;
    secure_timer(p);
    if (w->tick >= p->report_tick) {
        /* 5 s, times 0.5 to 1.5 (RFC 3550 §6.3.1); the first one after half of that (§6.2). */
        uint64_t interval = 250 + roll(w) % 500;
        bool first = p->report_tick == 0;
        p->report_tick = w->tick + (first ? interval / 2 : interval);
        if (!first && !bridge_relays(p))
            port_report(p, false);
    }
    muted_talk_watch(p);
    /* Who was told to send nothing, or holds us, may be silent. */
    if (!p->kit->format.receive || !p->kit->format.send)
        p->alive_tick = w->tick;
    if (timeout && !p->timed_out && (int64_t)(w->tick - p->alive_tick) >= (int64_t)timeout * TICKS_A_SECOND) {
        struct mixer_event e = {.type = EVENT_TIMEOUT, .port = p->id};
        p->timed_out = true;
        mixer_emit(p->mixer, &e);
    }
}

void port_stats_fill(const struct port *p, struct port_stats *out)
{
    int64_t lost = p->source.known ? rtp_source_lost(&p->source) + p->source.repeated : 0;

    out->packets_received = p->received;
    out->packets_sent = p->sent;
    out->packets_lost = p->lost_before + (lost > 0 ? (uint64_t)lost : 0);
    out->packets_late = p->jitter->late;
    out->packets_repeated = p->repeated_before + p->source.repeated;
    out->packets_discarded = p->discarded;
    out->packets_forged = p->forged;
    out->jitter_us = p->jitter_us;
    port_quality_fill(p, out);
}
