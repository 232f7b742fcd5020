/* The quality of a call: see quality.h. */
#include "mixer/quality.h"

#define R_BEST 93.2 /* ITU-T G.107: all its parameters at their defaults */
#define DELAY_KNEE_MS 177.3

/* -- bursts and gaps
 * ------------------------------------------------------------------------------------------------- */

/* A loss alone belongs to the gap; two or more that are close to each other, and all between them, are a
 * burst. */
static void cluster_close(struct loss_meter *m)
{
    if (m->cluster_lost > 1) {
        m->burst_packets += m->cluster_packets;
        m->burst_lost += m->cluster_lost;
        m->bursts++;
    }
    m->cluster_packets = m->cluster_lost = 0;
}

static void packet_settle(struct loss_meter *m, bool came)
{
    m->packets++;
    if (came) {
        m->since++;
        return;
    }
    m->lost++;
    if (m->cluster_lost > 0 && m->since < QUALITY_GMIN) {
        m->cluster_packets += m->since + 1;
    } else {
        cluster_close(m);
        m->cluster_packets = 1;
    }
    m->cluster_lost++;
    m->since = 0;
}

static void window_shift(struct loss_meter *m, bool came)
{
    if (m->valid == 64)
        packet_settle(m, m->window >> 63);
    else
        m->valid++;
    m->window = m->window << 1 | came;
}

/* Many at once, all of which leave the window. */
static void losses_settle(struct loss_meter *m, uint64_t count)
{
    packet_settle(m, false);
    m->packets += count - 1;
    m->lost += count - 1;
    m->cluster_packets += count - 1;
    m->cluster_lost += count - 1;
}

void loss_note(struct loss_meter *m, int64_t ahead)
{
    if (ahead <= 0) {
        if (ahead > -(int64_t)m->valid)
            m->window |= (uint64_t)1 << -ahead;
        return;
    }
    int64_t missing = ahead - 1, shifts = missing < 64 ? missing : 64;
    for (int64_t i = 0; i < shifts; i++)
        window_shift(m, false);
    if (missing > shifts)
        losses_settle(m, (uint64_t)(missing - shifts));
    window_shift(m, true);
}

void loss_late(struct loss_meter *m, int64_t back)
{
    if (back >= 0 && back < 64)
        m->window &= ~((uint64_t)1 << back);
}

static uint8_t density(uint64_t lost, uint64_t packets)
{
    return packets == 0 || lost == 0 ? 0 : lost >= packets ? 255 : (uint8_t)(lost * 256 / packets);
}

struct loss_pattern loss_pattern(const struct loss_meter *meter)
{
    struct loss_meter m = *meter;
    struct loss_pattern p = {0};

    for (unsigned i = m.valid; i > 0; i--)
        packet_settle(&m, m.window >> (i - 1) & 1);
    cluster_close(&m);
    p.packets = m.packets;
    p.lost = m.lost;
    p.burst_density = density(m.burst_lost, m.burst_packets);
    p.gap_density = density(m.lost - m.burst_lost, m.packets - m.burst_packets);
    p.burst_packets = m.bursts > 0 ? (double)m.burst_packets / (double)m.bursts : 0;
    p.gap_packets = (double)(m.packets - m.burst_packets) / (double)(m.bursts + 1);
    return p;
}

/* -- the E-model
 * ---------------------------------------------------------------------------------------------------------
 */

/*
 * Packet loss robustness, Bpl. 25.1 is that of G.711 with concealment (ITU-T G.113 appendix I); G.722 has the
 * same concealment here. For Opus the ITU-T gives none: taken to be a little less robust than G.711, for its
 * frames lean on each other, and more with the far side's forward error correction. Wide sound gets no more
 * than the narrow scale's best.
 */
static double robustness(enum codec codec, bool fec)
{
    return codec != CODEC_OPUS ? 25.1 : fec ? 35.0 : 20.0;
}

/* G.107 annex B. */
static double mos_of(double r)
{
    if (r <= 0)
        return 1;
    if (r >= 100)
        return 4.5;
    double mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
    return mos < 1 ? 1 : mos;
}

struct quality quality_estimate(enum codec codec, bool fec, double loss, double delay_ms)
{
    double percent = loss < 0 ? 0 : loss > 1 ? 100 : 100 * loss;
    double equipment = 95 * percent / (percent + robustness(codec, fec)); /* Ie,eff with Ie = 0, BurstR = 1 */
    /* Id as two straight lines, for lines without echo. */
    double delay = 0.024 * delay_ms + (delay_ms > DELAY_KNEE_MS ? 0.11 * (delay_ms - DELAY_KNEE_MS) : 0);
    struct quality q = {.mos_lq = mos_of(R_BEST - equipment), .r = R_BEST - equipment - delay};

    if (q.r < 0)
        q.r = 0;
    q.mos_cq = mos_of(q.r);
    return q;
}
