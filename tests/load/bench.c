/*
 * What calls cost: CPU and memory of a confabd, what it loses and how long it delays, beside what the bare
 * kernel I/O of the same packets costs in the same run. What can be compared from one machine to another is
 * the ratio to that floor.
 *
 *   bench CONFABD CONFIGURATION LOG SERVER-ADDRESS SERVER-PORT LOCAL-ADDRESS LOCAL-PORT [JSON-FILE]
 *
 * The configuration must trust LOCAL-ADDRESS as a peer, host rooms at 3000 to 3099 and conf=…, which 3998
 * makes, echo at 9196, and send calls to 88, and through a path of five applications to 89, back to
 * LOCAL-ADDRESS:LOCAL-PORT. BENCH names the parts to run, by the beginnings of their names; BENCH_SECONDS
 * says how long each is measured.
 */
#define _GNU_SOURCE
#include "tests/load/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FLOOR_LEGS 100
#define ENTRY_MS 9000 /* what is said on entry is over */
#define SETTLE_MS 2000
#define BURST_EVERY_MS 1000 /* and up to half of it more, so that bursts meet ticks in all ways */

struct part {
    const char *name, *what, *number; /* %u in the number: the group */
    unsigned groups, size, talkers;   /* legs that talk, of each group */
    enum voice_codec codec;
    bool secure, bridged;
};

static const struct part parts[] = {
    {"rooms1", "rooms of 10, 1 talker", "30%02u", 10, 10, 1},
    {"rooms3", "rooms of 10, 3 talkers", "30%02u", 10, 10, 3},
    {"rooms500", "50 rooms of 10, 3 talkers", "30%02u", 50, 10, 3},
    {"wide", "a room of 1000, 3 talkers", "30%02u", 1, 1000, 3},
    {"bridges", "bridged calls", "88", 50, 2, 2, .bridged = true},
    {"echo", "echo", "9196", 100, 1, 1},
    {"srtp", "rooms of 10, 3 talkers, SRTP", "30%02u", 10, 10, 3, VOICE_PCMU, true},
    {"g722", "rooms of 10, 3 talkers, G.722", "30%02u", 10, 10, 3, VOICE_G722},
    {"opus", "rooms of 10, 3 talkers, Opus", "30%02u", 10, 10, 3, VOICE_OPUS},
    {"opuswide", "a room of 1000, 3 talk., Opus", "30%02u", 1, 1000, 3, VOICE_OPUS},
};

uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int64_t wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void sleep_until(uint64_t us)
{
    struct timespec at = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        continue;
}

void die(const char *what)
{
    perror(what);
    exit(1);
}

int udp_socket(const struct sockaddr_in *local, uint16_t port, int bytes)
{
    struct sockaddr_in address = *local;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    address.sin_port = htons(port);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("bind");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    return fd;
}

uint16_t socket_port(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        die("getsockname");
    return ntohs(address.sin_port);
}

/* -- calls with media
 * ----------------------------------------------------------------------------------------------- */

static bool part_call(struct bench *b, const struct part *part)
{
    char number[16];

    for (unsigned i = 0; i < part->groups * (part->bridged ? 1 : part->size); i++) {
        unsigned group = i % part->groups;
        snprintf(number, sizeof number, part->number, group);
        peer_call(b->peer, number, group, part->codec, part->secure);
    }
    return peer_settle(b->peer, 30000);
}

/* The first legs of each group talk, or all are silent. */
static void part_talk(struct bench *b, const struct part *part, bool talk)
{
    unsigned *said = calloc(part->groups, sizeof *said), group;
    struct media_leg *leg;

    if (!said)
        die("calloc");
    for (unsigned i = 0; (leg = peer_leg(b->peer, i, &group)) != NULL; i++) {
        unsigned n = said[group % part->groups]++;
        media_say(leg, talk && n < part->talkers ? 1 + n % (VOICES - 1) : 0);
    }
    free(said);
}

/* In each group one of those who can talk begins a burst now and then; the others, or the one himself at an
 * echo, listen for it. */
static struct delay_figures part_delay(struct bench *b, const struct part *part)
{
    struct delay *delay = delay_new(part->groups);
    struct media_leg **talkers = calloc((size_t)part->groups * part->talkers, sizeof(struct media_leg *)),
                     *leg;
    unsigned *found = calloc(part->groups, sizeof *found), *turns = calloc(part->groups, sizeof *turns),
             group;
    uint64_t *next = calloc(part->groups, sizeof *next), start = now_us();

    if (!talkers || !found || !turns || !next)
        die("calloc");
    for (unsigned i = 0; (leg = peer_leg(b->peer, i, &group)) != NULL; i++) {
        group %= part->groups;
        media_join(leg, delay, group);
        if (found[group] < part->talkers)
            talkers[group * part->talkers + found[group]++] = leg;
    }
    for (unsigned g = 0; g < part->groups; g++)
        next[g] = start + (uint64_t)random() % (BURST_EVERY_MS * 1000);
    while (now_us() < start + b->seconds * 1000000ull) {
        for (unsigned g = 0; g < part->groups; g++) {
            if (now_us() < next[g])
                continue;
            media_burst(talkers[g * part->talkers + turns[g]++ % part->talkers],
                        part->size > 1 ? part->size - 1 : 1);
            next[g] = now_us() + BURST_EVERY_MS * 1000 + (uint64_t)random() % (BURST_EVERY_MS * 500);
        }
        peer_run(b->peer, 1);
    }
    peer_run(b->peer, 600);
    for (unsigned i = 0; (leg = peer_leg(b->peer, i, &group)) != NULL; i++)
        media_join(leg, NULL, 0);
    struct delay_figures figures = delay_read(delay);
    delay_free(delay);
    free(talkers);
    free(found);
    free(turns);
    free(next);
    return figures;
}

static void part_measure(struct bench *b, const struct part *part, struct row *row)
{
    part_talk(b, part, true);
    peer_run(b->peer, SETTLE_MS);
    (void)daemon_ticks();
    machine_watch();
    media_count_begin(b->media);
    uint64_t cpu = daemon_cpu(), start = now_us();
    peer_run(b->peer, b->seconds * 1000);
    row->cpu_us = (double)(daemon_cpu() - cpu) / row->legs / ((double)(now_us() - start) / 1e6);
    row->counts = media_count_end(b->media);
    row->others = machine_others();
    row->ticks = daemon_ticks();
    part_talk(b, part, false);
    if (part->codec != VOICE_PCMU)
        return;
    peer_run(b->peer, SETTLE_MS);
    row->delay = part_delay(b, part);
    row->has_delay = true;
}

static void part_run(struct bench *b, const struct part *part)
{
    struct row row = {.name = part->name,
                      .what = part->what,
                      .unit = "us/leg-second",
                      .legs = part->groups * part->size,
                      .floor = b->floor,
                      .has_media = true};

    daemon_start(&b->files);
    peer_call(b->peer, "9196", 0, part->codec, false); /* whatever the first call alone brings in */
    peer_settle(b->peer, 5000);
    peer_hang_up(b->peer);
    unsigned long memory = daemon_memory();
    if (part_call(b, part)) {
        peer_run(b->peer, part->size > 2 ? ENTRY_MS : SETTLE_MS);
        row.memory_kib = ((double)daemon_memory() - (double)memory) / row.legs;
        part_measure(b, part, &row);
        table_row(&row);
    } else {
        char why[64] = "not every call was answered";
        if (peer_totals(b->peer).last_failure)
            snprintf(why, sizeof why, "the server answers %u", peer_totals(b->peer).last_failure);
        table_absent(part->name, part->what, why);
    }
    peer_hang_up(b->peer);
    daemon_stop();
}

/* -- all of it
 * ------------------------------------------------------------------------------------------------------- */

/* BENCH lists beginnings of names; without it everything runs. */
static bool wanted(const char *name)
{
    const char *list = getenv("BENCH");

    if (!list || !list[strspn(list, " ,")])
        return true;
    for (const char *at = list + strspn(list, " ,"); *at; at += strspn(at, " ,")) {
        size_t length = strcspn(at, " ,");
        if (!strncmp(name, at, length))
            return true;
        at += length;
    }
    return false;
}

/* Always measured: a figure means something beside it only. */
static void floor_run(struct bench *b)
{
    unsigned seconds = b->seconds < 5 ? b->seconds : 5;
    double plain = floor_rtp(b->media, &b->local, FLOOR_LEGS, seconds, FLOOR_PLAIN);
    double mmsg = floor_rtp(b->media, &b->local, FLOOR_LEGS, seconds, FLOOR_MMSG);
    double uring = floor_rtp(b->media, &b->local, FLOOR_LEGS, seconds, FLOOR_URING);
    bool by_uring = uring > 0 && uring < mmsg;

    b->floor = by_uring ? uring : mmsg;
    table_floor("kernel I/O, a call a packet", plain, "");
    table_floor("kernel I/O, mmsg on one socket", mmsg, by_uring ? "" : ": the floor");
    table_floor("kernel I/O, io_uring, a socket a leg", uring, by_uring ? ": the floor" : "");
}

int main(int argc, char **argv)
{
    struct bench b = {.server = {.sin_family = AF_INET}, .local = {.sin_family = AF_INET}, .seconds = 10};

    if (argc < 8 || inet_pton(AF_INET, argv[4], &b.server.sin_addr) != 1 ||
        inet_pton(AF_INET, argv[6], &b.local.sin_addr) != 1) {
        fprintf(stderr, "usage: bench CONFABD CONFIGURATION LOG SERVER-ADDRESS SERVER-PORT LOCAL-ADDRESS "
                        "LOCAL-PORT [JSON-FILE]\n");
        return 2;
    }
    if (getenv("BENCH_SECONDS") && atoi(getenv("BENCH_SECONDS")) > 0)
        b.seconds = (unsigned)atoi(getenv("BENCH_SECONDS"));
    setlinebuf(stdout);
    b.files = (struct daemon_files){argv[1], argv[2], argv[3]};
    b.server.sin_port = htons((uint16_t)atoi(argv[5]));
    b.media = media_new(&b.local);
    b.port = (uint16_t)atoi(argv[7]);
    b.peer = peer_new(b.media, &b.local, b.port, &b.server);
    table_begin(argc > 8 ? argv[8] : NULL);
    floor_run(&b);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (wanted(parts[i].name))
            part_run(&b, &parts[i]);
    if (wanted("storm"))
        storm_run(&b);
    if (wanted("voicemail"))
        voicemail_run(&b);
    /* "load" is both. */
    struct calls_wanted calls = {.setup = wanted("setup"),
                                 .path = wanted("path"),
                                 .half = wanted("load") || wanted("halfload"),
                                 .twice = wanted("load") || wanted("overload"),
                                 .rss = wanted("rss")};
    calls_run(&b, &calls);
    table_end();
    return 0;
}
