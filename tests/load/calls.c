/* What calls cost without media: set-up and end, bare and through a path of applications; how long the server
 * keeps a set-up at half of what it can do; and what is left of it at twice as much. */
#define _GNU_SOURCE
#include "tests/load/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define CYCLES 1000
#define WINDOW 20
#define LOAD_S 5
#define HELD 1000

/* Returns calls a second; *row gets the cost of one. */
static double cycle_measure(struct bench *b, const char *number, struct row *row)
{
    peer_cycle(b->peer, number, 50, WINDOW); /* caches warm */
    struct peer_totals before = peer_totals(b->peer);
    machine_watch();
    uint64_t cpu = daemon_cpu(), start = now_us();
    peer_cycle(b->peer, number, CYCLES, WINDOW);
    double seconds = (double)(now_us() - start) / 1e6;
    struct peer_totals after = peer_totals(b->peer);

    row->cpu_us = (double)(daemon_cpu() - cpu) / CYCLES;
    row->others = machine_others();
    row->floor = b->nta;
    row->messages = (double)(after.sip_messages - before.sip_messages) / CYCLES;
    if (after.calls - before.calls != CYCLES)
        fprintf(stderr, "bench: %u of %u calls were set up\n", after.calls - before.calls, CYCLES);
    return CYCLES / seconds;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static double quantile_ms(uint32_t *us, unsigned count, unsigned per_mille)
{
    if (count == 0)
        return 0;
    qsort(us, count, sizeof *us, compare);
    return us[(uint64_t)(count - 1) * per_mille / 1000] / 1e3;
}

/* The configuration with another limit of calls a second, in a file beside it. */
static void limit_write(const char *from, const char *to, unsigned calls_a_second)
{
    char line[1024];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");

    if (!in || !out)
        die(to);
    while (fgets(line, sizeof line, in)) {
        char *at = strstr(line, "calls_a_second = ");
        if (at)
            fprintf(out, "%.*scalls_a_second = %u%s", (int)(at - line), line, calls_a_second,
                    at + 17 + strspn(at + 17, "0123456789"));
        else
            fputs(line, out);
    }
    fclose(in);
    if (fclose(out) != 0)
        die(to);
}

static void load_half(struct bench *b, double capacity)
{
    struct load load = {.rate = (unsigned)(capacity / 2), .seconds = LOAD_S};

    daemon_start(&b->files);
    peer_cycle(b->peer, "88", 50, WINDOW);
    machine_watch();
    peer_load(b->peer, "88", &load);
    double others = machine_others();
    double median = quantile_ms(load.setup_us, load.answered, 500),
           p99 = quantile_ms(load.setup_us, load.answered, 990);
    table_line("halfload", "at half load, set-up takes", median, p99,
               "ms (median, p99), of %u calls %u answered", load.offered, load.answered);
    if (others > 10)
        printf("    other processes took %.0f %% of a core meanwhile\n", others);
    free(load.setup_us);
    daemon_stop();
}

static void load_double(struct bench *b, double capacity)
{
    char path[512];
    unsigned limit = (unsigned)(capacity * 0.8);
    struct daemon_files files = b->files;
    struct load load = {.rate = (unsigned)(capacity * 2), .seconds = LOAD_S};

    snprintf(path, sizeof path, "%s.limited", b->files.configuration);
    limit_write(b->files.configuration, path, limit);
    files.configuration = path;
    daemon_start(&files);
    peer_cycle(b->peer, "88", 50, WINDOW);
    peer_run(b->peer, 1500); /* the bucket is full again */
    peer_load(b->peer, "88", &load);
    double goodput = 100.0 * load.answered / ((double)limit * load.seconds);
    table_line("overload", "at twice the capacity, goodput", goodput,
               100.0 * load.refused_politely / (load.refused ? load.refused : 1),
               "%% of the limit, %% of refusals 503 with Retry-After; %u offered, %u answered", load.offered,
               load.answered);
    free(load.setup_us);
    daemon_stop();
}

/* What a call that stands takes, its two ports included; no packet has come yet, so that no codec has any
 * state. */
static void held_measure(struct bench *b)
{
    daemon_start(&b->files);
    peer_cycle(b->peer, "88", 50, WINDOW);
    unsigned long before = daemon_memory();
    unsigned legs = peer_hold(b->peer, "88", HELD);
    unsigned long after = daemon_memory();
    if (legs == 2 * HELD)
        table_line("rss", "memory of a bridged call", ((double)after - (double)before) / HELD,
                   (double)before / 1024, "KiB; MiB without calls; of %u calls", HELD);
    else
        table_absent("rss", "memory of a bridged call", "not every call was answered");
    peer_hang_up(b->peer);
    daemon_stop();
}

void calls_run(struct bench *b, const struct calls_wanted *wanted)
{
    struct row bare = {
        .name = "setup", .what = "call set-up and end, two legs", .unit = "us/call", .legs = 2};
    struct row five = {
        .name = "path", .what = "the same through 5 applications", .unit = "us/call", .legs = 2};
    double capacity;

    if (wanted->rss)
        held_measure(b);
    if (!wanted->setup && !wanted->path && !wanted->half && !wanted->twice)
        return;
    b->nta = floor_nta(b->media, &b->local, b->port);
    table_floor_call("bare nta, the same calls, one leg", b->nta);
    daemon_start(&b->files);
    capacity = cycle_measure(b, "88", &bare);
    if (wanted->setup)
        table_row(&bare);
    if (wanted->path) {
        (void)cycle_measure(b, "89", &five);
        table_row(&five);
    }
    daemon_stop();
    if (wanted->half)
        load_half(b, capacity);
    if (wanted->twice)
        load_double(b, capacity);
}
