/*
 * RTP packets and what a receiver knows of their source (RFC 3550 §5.1, appendices A.1, A.3, A.8).
 *
 * Ownership: values; a parsed packet points into the caller's buffer. Threads: any. Failure: false for what
 * is no RTP.
 */
#ifndef CONFAB_MIXER_RTP_H
#define CONFAB_MIXER_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER 12
#define RTP_COMFORT_NOISE 13 /* RFC 3389 */
/* RFC 3550 appendix A.1's limits of what is still the same stream: so many numbers ahead, and behind. */
#define RTP_DROPOUT_MAX 3000
#define RTP_MISORDER_MAX 100

struct rtp_packet {
    uint32_t ssrc, timestamp;
    uint16_t sequence;
    uint8_t payload_type;
    bool marker;
    const uint8_t *payload; /* without extension and padding */
    size_t length;
};

/* Checks version, CSRC list, extension and padding against the length (A.1). */
bool rtp_parse(struct rtp_packet *out, const uint8_t *data, size_t length);
/* Writes the fixed header of RTP_HEADER bytes. */
void rtp_build(uint8_t *out, const struct rtp_packet *header);
/* With RTP and RTCP on one port: RTCP's packet types are 192 to 223 in the second byte (RFC 5761 §4). */
bool rtp_is_rtcp(const uint8_t *data, size_t length);

struct rtp_source {
    bool known;
    uint32_t ssrc;
    uint16_t highest; /* sequence number */
    uint32_t cycles;  /* times it wrapped, shifted by 16 */
    uint32_t base, bad;
    uint32_t received, received_before, expected_before;
    uint64_t seen;               /* bit i: the packet i before the highest came */
    uint32_t repeated;           /* packets that came before; counted as received, too (A.3) */
    bool again;                  /* the last one was such a packet */
    uint32_t transit, jitter_q4; /* clock units; jitter in sixteenths */
    bool transit_known;
};
void rtp_source_start(struct rtp_source *s, uint32_t ssrc, uint16_t sequence);
/* False: a jump too wide to believe; two packets in a row after it make it a restart (A.1). */
bool rtp_source_update(struct rtp_source *s, uint16_t sequence);
/* `arrival`: in the units of the packet's own clock (A.8). */
void rtp_source_jitter(struct rtp_source *s, uint32_t arrival, uint32_t timestamp);
uint32_t rtp_source_extended(const struct rtp_source *s); /* highest sequence number with its cycles */
int64_t rtp_source_lost(const struct rtp_source *s);      /* duplicates may make it negative */

#endif
