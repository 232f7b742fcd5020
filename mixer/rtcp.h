/*
 * RTCP: compound packets of SR or RR, SDES CNAME and BYE (RFC 3550 §6), with a block of VoIP metrics
 * (RFC 3611 §4.7) for who can use it; others skip a type they do not know (RFC 3550 §6.1).
 *
 * Ownership: values. Threads: any. Failure: false for a packet that breaks the rules of appendix A.2.
 */
#ifndef CONFAB_MIXER_RTCP_H
#define CONFAB_MIXER_RTCP_H

#include "mixer/rtp.h"

#define RTCP_MAX 192 /* bytes of what rtcp_build() makes with a CNAME of at most 32 characters */

struct rtcp_report {
    uint32_t ssrc;     /* whom it is about */
    uint8_t fraction;  /* of packets lost since the last report, in 1/256 */
    int32_t lost;      /* in all, 24 bits signed */
    uint32_t highest;  /* sequence number, extended */
    uint32_t jitter;   /* clock units */
    uint32_t last_sr;  /* middle 32 bits of its NTP time; 0: none came */
    uint32_t since_sr; /* 1/65536 s */
};
struct rtcp_sender {
    uint64_t ntp; /* 32.32 s since 1900 */
    uint32_t timestamp, packets, octets;
};
/* The report about `source` as of now; what it counts from starts anew (A.3). */
void rtcp_report_make(struct rtcp_report *out, struct rtp_source *source, uint32_t last_sr,
                      uint32_t since_sr);

/* RFC 3611 §4.7. Rates and densities in 1/256, times in ms; levels and echo are not measured. */
struct rtcp_voip {
    uint32_t ssrc; /* whom it is about */
    uint8_t loss_rate, discard_rate, burst_density, gap_density;
    uint16_t burst_ms, gap_ms, round_trip_ms, end_system_ms;
    uint8_t gmin, r_factor, mos_lq, mos_cq; /* MOS in tenths; 127: not known */
    uint16_t jitter_nominal_ms, jitter_maximum_ms, jitter_most_ms;
};

/* Without `sender` an RR, without `report` one that has no block; `voip` may be NULL. Returns its length. */
size_t rtcp_build(uint8_t out[RTCP_MAX], uint32_t ssrc, const struct rtcp_sender *sender,
                  const struct rtcp_report *report, const struct rtcp_voip *voip, const char *cname,
                  bool bye);

struct rtcp_seen {
    uint32_t ssrc;
    bool sender, bye;
    uint32_t ntp_middle; /* of its SR */
    bool about_us;       /* report holds what it says of our stream */
    struct rtcp_report report;
};
bool rtcp_parse(struct rtcp_seen *out, const uint8_t *data, size_t length, uint32_t our_ssrc);

/* Microseconds since 1970 as NTP time. */
uint64_t rtcp_ntp(int64_t wall_us);
/*
 * §6.4.1: time from our SR to the report about it, less what it lay at the far side, in µs; negative: the
 * report speaks of no SR of ours, or its clock and ours do not agree. `arrival_ntp` is the report's.
 */
int64_t rtcp_round_trip_us(const struct rtcp_report *report, uint64_t arrival_ntp);

#endif
