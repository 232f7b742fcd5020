/* RTP packets and sources: see rtp.h. */
#include "mixer/rtp.h"
#include "mixer/bytes.h"

#include <string.h>

#define SEQUENCES 65536U
#define NO_BAD (SEQUENCES + 1)

bool rtp_parse(struct rtp_packet *out, const uint8_t *data, size_t length)
{
    if (length < RTP_HEADER || data[0] >> 6 != 2)
        return false;
    size_t at = RTP_HEADER + 4 * (size_t)(data[0] & 15);
    if (data[0] & 0x10) { /* §5.3.1: 16 bits of profile, then the extension's length in words */
        if (length < at + 4)
            return false;
        at += 4 + 4 * ((size_t)data[at + 2] << 8 | data[at + 3]);
    }
    if (at > length)
        return false;
    size_t payload = length - at;
    if (data[0] & 0x20) { /* §5.1: the last byte counts the padding, itself included */
        size_t padding = data[length - 1];
        if (payload == 0 || padding == 0 || padding > payload)
            return false;
        payload -= padding;
    }
    out->marker = data[1] >> 7;
    out->payload_type = data[1] & 0x7f;
    out->sequence = (uint16_t)(data[2] << 8 | data[3]);
    out->timestamp = read32(data + 4);
    out->ssrc = read32(data + 8);
    out->payload = data + at;
    out->length = payload;
    return true;
}

void rtp_build(uint8_t *out, const struct rtp_packet *header)
{
    out[0] = 0x80;
    out[1] = (uint8_t)(header->marker << 7 | header->payload_type);
    out[2] = (uint8_t)(header->sequence >> 8);
    out[3] = (uint8_t)header->sequence;
    write32(out + 4, header->timestamp);
    write32(out + 8, header->ssrc);
}

bool rtp_is_rtcp(const uint8_t *data, size_t length)
{
    return length >= 2 && data[1] >= 192 && data[1] <= 223;
}

void rtp_source_start(struct rtp_source *s, uint32_t ssrc, uint16_t sequence)
{
    memset(s, 0, sizeof(*s));
    s->known = true;
    s->ssrc = ssrc;
    s->base = s->highest = sequence;
    s->bad = NO_BAD;
    s->received = 1;
    s->seen = 1;
}

/* Remembers a packet by its number's distance from the highest before it. */
static void source_see(struct rtp_source *s, uint16_t ahead)
{
    uint16_t back = (uint16_t)-ahead;

    s->again = false;
    if (ahead != 0 && ahead < RTP_DROPOUT_MAX) {
        s->seen = ahead < 64 ? s->seen << ahead | 1 : 1;
        return;
    }
    if (back >= 64)
        return;
    s->again = s->seen >> back & 1;
    s->repeated += s->again;
    s->seen |= (uint64_t)1 << back;
}

bool rtp_source_update(struct rtp_source *s, uint16_t sequence)
{
    uint16_t ahead = (uint16_t)(sequence - s->highest);

    if (ahead < RTP_DROPOUT_MAX) {
        if (sequence < s->highest)
            s->cycles += SEQUENCES;
        s->highest = sequence;
    } else if (ahead <= SEQUENCES - RTP_MISORDER_MAX) {
        if (sequence != s->bad) {
            s->bad = (uint16_t)(sequence + 1);
            return false;
        }
        /* Two in a row: the other side began anew without telling. */
        rtp_source_start(s, s->ssrc, sequence);
        return true;
    }
    source_see(s, ahead);
    s->received++;
    return true;
}

void rtp_source_jitter(struct rtp_source *s, uint32_t arrival, uint32_t timestamp)
{
    uint32_t transit = arrival - timestamp;

    if (s->transit_known) {
        int32_t d = (int32_t)(transit - s->transit);
        uint32_t size = d < 0 ? 0U - (uint32_t)d : (uint32_t)d;
        s->jitter_q4 += size - ((s->jitter_q4 + 8) >> 4);
    }
    s->transit = transit;
    s->transit_known = true;
}

uint32_t rtp_source_extended(const struct rtp_source *s)
{
    return s->cycles + s->highest;
}

int64_t rtp_source_lost(const struct rtp_source *s)
{
    return (int64_t)rtp_source_extended(s) - s->base + 1 - s->received;
}
