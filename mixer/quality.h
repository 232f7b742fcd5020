/*
 * How good a call sounds, from what the network did to it: bursts and gaps of loss (RFC 3611 §4.7.2), and the
 * E-model's rating (ITU-T G.107) as an estimate.
 *
 * Ownership: values. Threads: any. Failure: none.
 */
#ifndef CONFAB_MIXER_QUALITY_H
#define CONFAB_MIXER_QUALITY_H

#include "core/base/media.h"

#include <stdbool.h>
#include <stdint.h>

#define QUALITY_GMIN 16 /* packets in time between two losses that make them no burst */

/* Begins zeroed. A packet that came too late to be heard is a loss here. */
struct loss_meter {
    uint64_t window;        /* bit i: the packet i before the newest came in time */
    unsigned valid;         /* bits of it that mean something */
    uint64_t packets, lost; /* that have left the window */
    uint64_t burst_packets, burst_lost, bursts;
    uint64_t cluster_packets, cluster_lost; /* losses close to each other, so far */
    uint64_t since;                         /* packets since the last loss */
};
/* A packet came, `ahead` sequence numbers behind the newest so far; 0 or less: that many before it. */
void loss_note(struct loss_meter *m, int64_t ahead);
/* The packet `back` before the newest came too late after all. */
void loss_late(struct loss_meter *m, int64_t back);

/* Densities in 1/256; durations, the mean ones, in packets. Without bursts all is one gap. */
struct loss_pattern {
    uint8_t burst_density, gap_density;
    double burst_packets, gap_packets;
    uint64_t packets, lost; /* in all */
};
struct loss_pattern loss_pattern(const struct loss_meter *m);

struct quality {
    double r;      /* 0 to 93.2, with delay */
    double mos_lq; /* 1 to 4.5: what is heard */
    double mos_cq; /* what it is to talk so: with delay */
};
/* `loss`: share of packets not heard, 0 to 1. `delay_ms`: from mouth to ear. */
struct quality quality_estimate(enum codec codec, bool fec, double loss, double delay_ms);

#endif
