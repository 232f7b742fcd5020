/* What the counters of a histogram say. */
#include "core/base/histogram.h"

uint64_t histogram_limit(unsigned bucket)
{
    if (bucket < 8)
        return bucket;
    return ((uint64_t)(bucket % 8 + 9) << (bucket / 8 - 1)) - 1;
}

uint64_t histogram_quantile(const uint64_t counts[HISTOGRAM_BUCKETS], unsigned parts)
{
    uint64_t all = 0, seen = 0;

    for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
        all += counts[b];
    uint64_t wanted = (all * parts + 999) / 1000;
    for (unsigned b = 0; b < HISTOGRAM_BUCKETS && all; b++) {
        seen += counts[b];
        if (seen >= wanted && seen)
            return histogram_limit(b);
    }
    return 0;
}
