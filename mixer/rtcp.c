/* RTCP packets: see rtcp.h. */
#include "mixer/rtcp.h"
#include "mixer/bytes.h"

#include <string.h>

#define TYPE_SR 200
#define TYPE_RR 201
#define TYPE_SDES 202
#define TYPE_BYE 203
#define TYPE_XR 207
#define XR_VOIP 7
#define XR_VOIP_WORDS 8
#define XR_UNKNOWN 127
#define XR_CONFIG 0xb0 /* enhanced concealment, adaptive jitter buffer */
#define ROUND_TRIP_MOST (10 * 65536)
#define CNAME_MAX 32
#define NTP_1970 2208988800ULL /* seconds from 1900 to 1970 */

/* The common header; `end` is one past the packet's last byte. */
static void write_header(uint8_t *start, const uint8_t *end, unsigned count, uint8_t type)
{
    size_t words = (size_t)(end - start) / 4 - 1;

    start[0] = (uint8_t)(0x80 | count);
    start[1] = type;
    start[2] = (uint8_t)(words >> 8);
    start[3] = (uint8_t)words;
}

uint64_t rtcp_ntp(int64_t wall_us)
{
    uint64_t seconds = (uint64_t)(wall_us / 1000000), us = (uint64_t)(wall_us % 1000000);

    return (seconds + NTP_1970) << 32 | (us << 32) / 1000000;
}

void rtcp_report_make(struct rtcp_report *out, struct rtp_source *source, uint32_t last_sr, uint32_t since_sr)
{
    uint32_t expected = rtp_source_extended(source) - source->base + 1;
    uint32_t expected_now = expected - source->expected_before;
    int64_t lost_now = (int64_t)expected_now - (source->received - source->received_before);
    int64_t lost = rtp_source_lost(source);

    source->expected_before = expected;
    source->received_before = source->received;
    out->ssrc = source->ssrc;
    out->fraction = expected_now == 0 || lost_now <= 0 ? 0 : (uint8_t)((lost_now << 8) / expected_now);
    if (expected_now && lost_now >= expected_now)
        out->fraction = 255;
    out->lost = (int32_t)(lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost);
    out->highest = rtp_source_extended(source);
    out->jitter = source->jitter_q4 >> 4;
    out->last_sr = last_sr;
    out->since_sr = since_sr;
}

int64_t rtcp_round_trip_us(const struct rtcp_report *report, uint64_t arrival_ntp)
{
    uint32_t trip = (uint32_t)(arrival_ntp >> 16) - report->last_sr - report->since_sr;

    if (report->last_sr == 0 || trip > ROUND_TRIP_MOST)
        return -1;
    return (int64_t)trip * 1000000 / 65536;
}

static uint8_t *write_report(uint8_t *at, const struct rtcp_report *r)
{
    at = write32(at, r->ssrc);
    at = write32(at, (uint32_t)r->fraction << 24 | ((uint32_t)r->lost & 0xffffff));
    at = write32(at, r->highest);
    at = write32(at, r->jitter);
    at = write32(at, r->last_sr);
    return write32(at, r->since_sr);
}

static uint8_t *write_cname(uint8_t *at, uint32_t ssrc, const char *cname)
{
    uint8_t *start = at;
    size_t length = strnlen(cname, CNAME_MAX);

    at = write32(at + 4, ssrc);
    *at++ = 1; /* CNAME, §6.5.1 */
    *at++ = (uint8_t)length;
    memcpy(at, cname, length);
    at += length;
    /* The list of items ends with at least one zero byte and fills its word (§6.5). */
    size_t padding = 4 - (size_t)(at - start) % 4;
    memset(at, 0, padding);
    at += padding;
    write_header(start, at, 1, TYPE_SDES);
    return at;
}

static uint8_t *write16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    return p + 2;
}

static uint8_t *write_voip(uint8_t *at, uint32_t ssrc, const struct rtcp_voip *v)
{
    const uint8_t bytes[] = {v->loss_rate, v->discard_rate, v->burst_density, v->gap_density};
    const uint8_t rest[] = {XR_UNKNOWN,  XR_UNKNOWN, XR_UNKNOWN, v->gmin, /* levels and echo */
                            v->r_factor, XR_UNKNOWN, v->mos_lq,  v->mos_cq, XR_CONFIG, 0};
    uint8_t *start = at;

    at = write32(at + 4, ssrc);
    at = write32(at, (uint32_t)XR_VOIP << 24 | XR_VOIP_WORDS);
    at = write32(at, v->ssrc);
    memcpy(at, bytes, sizeof(bytes));
    at = write16(at + sizeof(bytes), v->burst_ms);
    at = write16(at, v->gap_ms);
    at = write16(at, v->round_trip_ms);
    at = write16(at, v->end_system_ms);
    memcpy(at, rest, sizeof(rest));
    at = write16(at + sizeof(rest), v->jitter_nominal_ms);
    at = write16(at, v->jitter_maximum_ms);
    at = write16(at, v->jitter_most_ms);
    write_header(start, at, 0, TYPE_XR);
    return at;
}

size_t rtcp_build(uint8_t out[RTCP_MAX], uint32_t ssrc, const struct rtcp_sender *sender,
                  const struct rtcp_report *report, const struct rtcp_voip *voip, const char *cname, bool bye)
{
    uint8_t *at = write32(out + 4, ssrc);

    if (sender) {
        at = write32(at, (uint32_t)(sender->ntp >> 32));
        at = write32(at, (uint32_t)sender->ntp);
        at = write32(at, sender->timestamp);
        at = write32(at, sender->packets);
        at = write32(at, sender->octets);
    }
    if (report)
        at = write_report(at, report);
    write_header(out, at, report ? 1 : 0, sender ? TYPE_SR : TYPE_RR);
    at = write_cname(at, ssrc, cname);
    if (voip)
        at = write_voip(at, ssrc, voip);
    if (bye) {
        uint8_t *start = at;
        at = write32(at + 4, ssrc);
        write_header(start, at, 1, TYPE_BYE);
    }
    return (size_t)(at - out);
}

static void parse_blocks(struct rtcp_seen *out, const uint8_t *at, unsigned count, uint32_t our_ssrc)
{
    for (unsigned i = 0; i < count; i++, at += 24) {
        if (read32(at) != our_ssrc)
            continue;
        out->about_us = true;
        out->report.ssrc = our_ssrc;
        out->report.fraction = at[4];
        int32_t lost = (int32_t)(read32(at + 4) & 0xffffff);
        out->report.lost = lost & 0x800000 ? lost - 0x1000000 : lost;
        out->report.highest = read32(at + 8);
        out->report.jitter = read32(at + 12);
        out->report.last_sr = read32(at + 16);
        out->report.since_sr = read32(at + 20);
    }
}

/* One packet of the compound; `length` is its own. False when its count says more than it holds. */
static bool parse_one(struct rtcp_seen *out, const uint8_t *at, size_t length, uint32_t our_ssrc)
{
    unsigned count = at[0] & 31, type = at[1];
    size_t fixed = type == TYPE_SR ? 28 : 8;

    if (type == TYPE_BYE)
        out->bye = true;
    if (type != TYPE_SR && type != TYPE_RR)
        return true;
    if (length < fixed + 24 * (size_t)count)
        return false;
    out->ssrc = read32(at + 4);
    if (type == TYPE_SR) {
        out->sender = true;
        out->ntp_middle = read32(at + 8) << 16 | read32(at + 12) >> 16;
    }
    parse_blocks(out, at + fixed, count, our_ssrc);
    return true;
}

bool rtcp_parse(struct rtcp_seen *out, const uint8_t *data, size_t length, uint32_t our_ssrc)
{
    struct rtcp_seen seen = {0};
    size_t at = 0;

    /* A.2: version 2, no padding in the first, which is a report; the lengths add up. Reduced size packets
     * (RFC 5506) begin with any type and are taken as well: their sender is alive. */
    if (length < 8)
        return false;
    while (at < length) {
        if (length - at < 4 || data[at] >> 6 != 2 || !rtp_is_rtcp(data + at, length - at))
            return false;
        size_t size = 4 * (((size_t)data[at + 2] << 8 | data[at + 3]) + 1);
        if (size > length - at || (at == 0 && data[0] & 0x20 && size < length))
            return false;
        if (!parse_one(&seen, data + at, size, our_ssrc))
            return false;
        at += size;
    }
    *out = seen;
    return true;
}
