/*
 * A histogram of durations with eight buckets an octave: any value is known to within an eighth of itself,
 * from one microsecond to four seconds, in 160 counters. Whoever counts keeps the counters; this says which
 * one, and what they mean.
 *
 * Ownership: the caller's. Threads: any. Failure: none.
 */
#ifndef CONFAB_BASE_HISTOGRAM_H
#define CONFAB_BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 160

/* The bucket of a duration; the last one takes all that is longer. */
static inline unsigned histogram_bucket(uint64_t us)
{
    if (us < 8)
        return (unsigned)us;
    unsigned octave = 61 - (unsigned)__builtin_clzll(us); /* 1: from 8 µs to 15 */
    unsigned bucket = 8 * octave + (us >> (octave - 1) & 7);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The longest duration that falls into a bucket, in microseconds. */
uint64_t histogram_limit(unsigned bucket);
/* What `parts` of a thousand of all that was counted do not exceed, in µs, rounded up to a bucket's limit; 0:
 * nothing was counted. */
uint64_t histogram_quantile(const uint64_t counts[HISTOGRAM_BUCKETS], unsigned parts);

#endif
