/*
 * The delay the server adds: from the moment at which the first packet of a burst of sound is sent to it, to
 * the moment at which the first packet arrives at a listener that holds some of it. Both packets cover 20 ms
 * of sound that end when they are sent, so what remains is what waiting, mixing and packet boundaries add.
 */
#include "tests/load/bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MOST 400000

struct sample {
    unsigned listener;
    uint32_t us;
};

struct delay {
    unsigned groups, count, expected;
    pthread_mutex_t lock; /* media writes, main reads */
    struct {
        unsigned serial;
        int64_t us;
    } * bursts; /* the latest of each group */
    struct sample samples[SAMPLES_MOST];
};

struct delay *delay_new(unsigned groups)
{
    struct delay *delay = calloc(1, sizeof *delay);

    if (!delay || !(delay->bursts = calloc(groups, sizeof *delay->bursts)))
        die("calloc");
    delay->groups = groups;
    pthread_mutex_init(&delay->lock, NULL);
    return delay;
}

void delay_free(struct delay *delay)
{
    pthread_mutex_destroy(&delay->lock);
    free(delay->bursts);
    free(delay);
}

void delay_sent(struct delay *delay, unsigned group, unsigned listeners, int64_t us)
{
    pthread_mutex_lock(&delay->lock);
    delay->bursts[group].serial++;
    delay->bursts[group].us = us;
    delay->expected += listeners;
    pthread_mutex_unlock(&delay->lock);
}

void delay_heard(struct delay *delay, unsigned group, unsigned listener, unsigned *serial, int64_t us)
{
    pthread_mutex_lock(&delay->lock);
    if (*serial != delay->bursts[group].serial && us >= delay->bursts[group].us) {
        *serial = delay->bursts[group].serial;
        if (delay->count < SAMPLES_MOST)
            delay->samples[delay->count++] =
                (struct sample){listener, (uint32_t)(us - delay->bursts[group].us)};
    }
    pthread_mutex_unlock(&delay->lock);
}

static int by_delay(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;

    return (x->us > y->us) - (x->us < y->us);
}

static int by_listener(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;

    return x->listener != y->listener ? (x->listener > y->listener) - (x->listener < y->listener)
                                      : by_delay(a, b);
}

static double quantile_ms(const struct sample *sorted, unsigned count, double q)
{
    unsigned at = (unsigned)(q * count);

    return count ? sorted[at < count ? at : count - 1].us / 1000.0 : 0;
}

struct delay_figures delay_read(struct delay *delay)
{
    struct delay_figures f = {0};

    pthread_mutex_lock(&delay->lock);
    f.samples = delay->count;
    f.missed = delay->expected > delay->count ? delay->expected - delay->count : 0;
    qsort(delay->samples, delay->count, sizeof *delay->samples, by_delay);
    f.median = quantile_ms(delay->samples, delay->count, 0.5);
    f.p95 = quantile_ms(delay->samples, delay->count, 0.95);
    f.p99 = quantile_ms(delay->samples, delay->count, 0.99);
    qsort(delay->samples, delay->count, sizeof *delay->samples, by_listener);
    for (unsigned from = 0, to; from < delay->count; from = to) {
        for (to = from; to < delay->count && delay->samples[to].listener == delay->samples[from].listener;)
            to++;
        double median = quantile_ms(delay->samples + from, to - from, 0.5);
        f.worst_listener = median > f.worst_listener ? median : f.worst_listener;
        f.listeners++;
    }
    pthread_mutex_unlock(&delay->lock);
    return f;
}
