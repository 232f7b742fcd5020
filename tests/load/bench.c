/*
 * What a call costs: CPU of a running confabd, beside what the bare kernel I/O of the same packets costs in
 * the same run. All figures are microseconds of CPU; what can be compared from one machine to another is the
 * ratio in the last column.
 *
 *   bench PID SERVER-ADDRESS SERVER-PORT LOCAL-ADDRESS LOCAL-PORT [JSON-FILE]
 *
 * confabd must trust LOCAL-ADDRESS as a peer, host rooms at 30xx and send calls to 88 back to
 * LOCAL-ADDRESS:LOCAL-PORT.
 */
#define _GNU_SOURCE
#include "tests/load/bench.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROOMS 10
#define ROOM_LEGS 10
#define TALKERS 3
#define SECONDS 10
#define BRIDGES 50
#define CYCLES 500
#define WINDOW 20

uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void die(const char *what)
{
    perror(what);
    exit(1);
}

uint64_t cpu_us(int pid)
{
    char path[64], file[512];
    uint64_t total = 0;

    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        die(path);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        unsigned long long ns = 0;
        snprintf(file, sizeof file, "/proc/%d/task/%s/schedstat", pid, task->d_name);
        FILE *f = task->d_name[0] == '.' ? NULL : fopen(file, "r");
        if (f && fscanf(f, "%llu", &ns) == 1)
            total += ns / 1000;
        if (f)
            fclose(f);
    }
    closedir(tasks);
    return total;
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

static FILE *json;

static void report(const char *what, const char *unit, double us, double floor, double lost)
{
    printf("%-34s %10.1f %-14s %8.2f x the floor   %6.3f %% lost\n", what, us, unit,
           floor > 0 ? us / floor : 0, lost);
    fflush(stdout);
    if (json)
        fprintf(json,
                ",\n  {\"what\": \"%s\", \"cpu_us\": %.2f, \"unit\": \"%s\", \"ratio\": %.3f, "
                "\"lost_percent\": %.4f}",
                what, us, unit, floor > 0 ? us / floor : 0, lost);
}

/* The tail of every media measurement: settle, run, and the cost a leg-second. */
static void measure(struct peer *peer, int pid, unsigned legs, const char *what, double floor)
{
    if (!peer_settle(peer, 20000)) {
        fprintf(stderr, "bench: %s: not every call was answered\n", what);
        exit(1);
    }
    peer_run(peer, 2000);
    struct peer_totals before = peer_totals(peer);
    uint64_t cpu = cpu_us(pid), start = now_us();
    peer_run(peer, SECONDS * 1000);
    struct peer_totals after = peer_totals(peer);
    double seconds = (double)(now_us() - start) / 1e6;
    double us = (double)(cpu_us(pid) - cpu) / legs / seconds;
    double expected = (double)(after.rtp_sent - before.rtp_sent);
    double lost = 100 * (expected - (double)(after.rtp_received - before.rtp_received)) / expected;
    report(what, "us/leg-second", us, floor, lost);
    peer_hang_up(peer);
}

static void bench_rooms(struct peer *peer, int pid, double floor)
{
    char number[8];

    for (unsigned i = 0; i < ROOMS * ROOM_LEGS; i++) {
        snprintf(number, sizeof number, "30%02u", i / ROOM_LEGS);
        peer_call(peer, number, i % ROOM_LEGS < TALKERS);
        if (i % ROOM_LEGS == 0)
            peer_settle(peer, 2000);
    }
    peer_settle(peer, 5000);
    peer_run(peer, 8000); /* what is said on entry is over */
    measure(peer, pid, ROOMS * ROOM_LEGS, "room of 10, 3 talkers, PCMU", floor);
}

static void bench_bridges(struct peer *peer, int pid, double floor)
{
    for (unsigned i = 0; i < BRIDGES; i++) {
        peer_call(peer, "88", true);
        if (i % 10 == 9)
            peer_settle(peer, 2000);
    }
    measure(peer, pid, 2 * BRIDGES, "bridged call, PCMU", floor);
}

static void bench_setup(struct peer *peer, int pid, const struct sockaddr_in *local)
{
    peer_cycle(peer, "88", 50, WINDOW); /* caches warm */
    struct peer_totals before = peer_totals(peer);
    uint64_t cpu = cpu_us(pid);
    peer_cycle(peer, "88", CYCLES, WINDOW);
    struct peer_totals after = peer_totals(peer);
    double us = (double)(cpu_us(pid) - cpu) / CYCLES;
    double messages = (double)(after.sip_messages - before.sip_messages) / CYCLES;
    double floor = floor_message(local, 600, 5000) * messages / 2;
    printf("%-34s %10.1f %-14s (%.1f messages)\n", "kernel I/O of a call's messages", floor, "us/call",
           messages);
    if (after.calls - before.calls != CYCLES)
        fprintf(stderr, "bench: %u of %u calls were set up\n", after.calls - before.calls, CYCLES);
    report("call set-up and end, two legs", "us/call", us, floor,
           100.0 * (CYCLES - (after.calls - before.calls)) / CYCLES);
}

int main(int argc, char **argv)
{
    struct sockaddr_in server = {.sin_family = AF_INET}, local = {.sin_family = AF_INET};

    if (argc < 6 || inet_pton(AF_INET, argv[2], &server.sin_addr) != 1 ||
        inet_pton(AF_INET, argv[4], &local.sin_addr) != 1) {
        fprintf(stderr, "usage: bench PID SERVER-ADDRESS SERVER-PORT LOCAL-ADDRESS LOCAL-PORT [JSON-FILE]\n");
        return 2;
    }
    setlinebuf(stdout);
    int pid = atoi(argv[1]);
    server.sin_port = htons((uint16_t)atoi(argv[3]));
    struct peer *peer = peer_new(&local, (uint16_t)atoi(argv[5]), &server);
    double plain = floor_rtp(&local, ROOMS * ROOM_LEGS, 5, false);
    double batched = floor_rtp(&local, ROOMS * ROOM_LEGS, 5, true);
    printf("%-34s %10.1f us/leg-second\n%-34s %10.1f us/leg-second: the floor\n",
           "kernel I/O, a call a packet", plain, "kernel I/O, batched", batched);
    if (argc > 6 && (json = fopen(argv[6], "w")) == NULL)
        die(argv[6]);
    if (json)
        fprintf(
            json,
            "[{\"what\": \"kernel I/O, a call a packet\", \"cpu_us\": %.2f, \"unit\": \"us/leg-second\"},\n"
            "  {\"what\": \"kernel I/O, batched\", \"cpu_us\": %.2f, \"unit\": \"us/leg-second\"}",
            plain, batched);
    bench_rooms(peer, pid, batched);
    bench_bridges(peer, pid, batched);
    bench_setup(peer, pid, &local);
    if (json) {
        fprintf(json, "]\n");
        fclose(json);
    }
    return 0;
}
