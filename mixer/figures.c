/* What is told of a port's quality: to the far side (RTCP XR), and to signalling for the call's record. */
#include "mixer/engine.h"

#define VOIP_UNKNOWN 127

static uint16_t ms16(double ms)
{
    return (uint16_t)(ms < 0 ? 0 : ms > 65535 ? 65535 : ms);
}

static uint8_t rate256(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : part >= whole ? 255 : (uint8_t)(part * 256 / whole);
}

void port_reported(struct port *p, const struct rtcp_report *report)
{
    p->reported = *report;
    p->reported_on = true;
    if (bridge_relays(p)) /* it counts from an SR that was not ours */
        return;
    int64_t trip = rtcp_round_trip_us(report, rtcp_ntp(p->worker->arrival_us + p->worker->wall_ahead_us));
    if (trip >= 0)
        p->round_trip_us = trip;
}

/* Half the round trip, the sender's packet, the jitter buffer. */
static struct quality port_quality(const struct port *p, const struct loss_pattern *losses)
{
    double trip_ms = p->round_trip_us > 0 ? (double)p->round_trip_us / 1000 : 0;
    double delay = trip_ms / 2 + p->source_ms + (double)jitter_target_us(p->jitter) / 1000;
    double loss = losses->packets ? (double)losses->lost / (double)losses->packets : 0;

    return quality_estimate(p->kit->format.codecs[0].codec, p->kit->format.opus_fec, loss, delay);
}

void port_voip(const struct port *p, struct rtcp_voip *out)
{
    struct loss_pattern losses = loss_pattern(&p->losses);
    struct quality q = port_quality(p, &losses);
    unsigned jitter_ms = (unsigned)(jitter_target_us(p->jitter) / 1000);
    uint64_t late = p->jitter->late < losses.lost ? p->jitter->late : losses.lost;

    *out = (struct rtcp_voip){
        .ssrc = p->source.ssrc,
        .loss_rate = rate256(losses.lost - late, losses.packets),
        .discard_rate = rate256(late, losses.packets),
        .burst_density = losses.burst_density,
        .gap_density = losses.gap_density,
        .burst_ms = ms16(losses.burst_packets * p->source_ms),
        .gap_ms = ms16(losses.gap_packets * p->source_ms),
        .round_trip_ms = ms16((double)p->round_trip_us / 1000),
        .end_system_ms = ms16(jitter_ms + TICK_MS + p->kit->format.ptime_ms),
        .gmin = QUALITY_GMIN,
        .r_factor = losses.packets ? (uint8_t)(q.r + 0.5) : VOIP_UNKNOWN,
        .mos_lq = losses.packets ? (uint8_t)(q.mos_lq * 10 + 0.5) : VOIP_UNKNOWN,
        .mos_cq = losses.packets ? (uint8_t)(q.mos_cq * 10 + 0.5) : VOIP_UNKNOWN,
        .jitter_nominal_ms = ms16(jitter_ms),
        .jitter_maximum_ms = ms16(jitter_ms + TICK_MS),
        .jitter_most_ms = JITTER_MOST_MS,
    };
}

void port_quality_fill(const struct port *p, struct port_stats *out)
{
    struct loss_pattern losses = loss_pattern(&p->losses);

    out->concealed_ms = (uint32_t)p->jitter->concealed_ms;
    out->longer_ms = (uint32_t)(p->longer_us / 1000);
    out->shorter_ms = (uint32_t)(p->shorter_us / 1000);
    out->round_trip_us = (int32_t)p->round_trip_us;
    out->reported = p->reported_on;
    if (!p->kit)
        return;
    out->delay_ms = (uint32_t)(jitter_target_us(p->jitter) / 1000);
    if (losses.packets > 0) {
        struct quality q = port_quality(p, &losses);
        out->r = (uint8_t)(q.r + 0.5);
        out->mos_cents = (uint16_t)(q.mos_cq * 100 + 0.5);
    }
    if (p->reported_on) {
        out->remote_lost = p->reported.lost > 0 ? (uint32_t)p->reported.lost : 0;
        out->remote_jitter_us =
            (uint32_t)((uint64_t)p->reported.jitter * 1000000 / codec_clock(p->kit->format.codecs[0].codec));
    }
}
