/* The cost of kernel I/O alone: what no server can go below. A child process does nothing but receive and
 * send. */
#define _GNU_SOURCE
#include "tests/load/bench.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

static void sleep_until(uint64_t us)
{
    struct timespec at = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        continue;
}

/* One recvfrom and one sendto a packet, a socket a leg; wakes every 10 ms as a media worker does. */
static void echo_plain(const int *fds, unsigned legs)
{
    char packet[2048];

    for (uint64_t tick = now_us();; tick += 10000) {
        sleep_until(tick);
        for (unsigned i = 0; i < legs; i++) {
            struct sockaddr_in from;
            socklen_t size = sizeof from;
            ssize_t n = recvfrom(fds[i], packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
            if (n > 0 && sendto(fds[i], packet, (size_t)n, 0, (struct sockaddr *)&from, size) < 0)
                continue;
        }
    }
}

/* As many packets a system call as there are: recvmmsg and sendmmsg on one socket. */
static void echo_batched(int fd)
{
    static char packets[BATCH][2048];
    struct sockaddr_in from[BATCH];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];

    for (uint64_t tick = now_us();; tick += 10000) {
        int n;
        sleep_until(tick);
        do {
            for (int i = 0; i < BATCH; i++) {
                parts[i] = (struct iovec){packets[i], sizeof packets[i]};
                messages[i] = (struct mmsghdr){{&from[i], sizeof from[i], &parts[i], 1, NULL, 0, 0}, 0};
            }
            n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
            for (int i = 0; i < n; i++)
                parts[i].iov_len = messages[i].msg_len;
            if (n > 0 && sendmmsg(fd, messages, (unsigned)n, 0) < 0)
                break;
        } while (n == BATCH);
    }
}

static pid_t echo_start(const int *fds, unsigned legs, bool batched)
{
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        if (batched)
            echo_batched(fds[0]);
        else
            echo_plain(fds, legs);
        _exit(0);
    }
    return pid;
}

double floor_rtp(const struct sockaddr_in *local, unsigned legs, unsigned seconds, bool batched)
{
    int *servers = calloc(legs, sizeof *servers), *clients = calloc(legs, sizeof *clients);
    struct sockaddr_in *to = calloc(legs, sizeof *to);
    char packet[RTP_BYTES] = {0};

    if (!servers || !clients || !to)
        die("calloc");
    for (unsigned i = 0; i < legs; i++) {
        servers[i] = batched && i ? servers[0] : udp_socket(local, 0, 1 << 20);
        clients[i] = udp_socket(local, 0, 1 << 16);
        to[i] = *local;
        to[i].sin_port = htons(socket_port(servers[i]));
    }
    pid_t pid = echo_start(servers, legs, batched);
    uint64_t start = now_us(), before = cpu_us(pid);
    for (unsigned tick = 0; tick < seconds * 100; tick++) {
        sleep_until(start + tick * 10000ull);
        for (unsigned i = tick % 2; i < legs; i += 2) { /* half of the legs each 10 ms */
            char in[2048];
            while (recv(clients[i], in, sizeof in, 0) > 0)
                continue;
            if (sendto(clients[i], packet, sizeof packet, 0, (struct sockaddr *)&to[i], sizeof to[i]) < 0)
                continue;
        }
    }
    double us = (double)(cpu_us(pid) - before) / legs / seconds;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    for (unsigned i = 0; i < legs; i++) {
        close(clients[i]);
        if (!batched || i == 0)
            close(servers[i]);
    }
    free(servers);
    free(clients);
    free(to);
    return us;
}

double floor_message(const struct sockaddr_in *local, size_t bytes, unsigned count)
{
    char message[2048] = {0};
    int server = udp_socket(local, 0, 1 << 20), client = udp_socket(local, 0, 1 << 20);
    struct sockaddr_in to = *local;

    to.sin_port = htons(socket_port(server));
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        int epoll = epoll_create1(0);
        struct epoll_event event = {.events = EPOLLIN};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event) < 0)
            _exit(1);
        for (;;) {
            struct sockaddr_in from;
            socklen_t size = sizeof from;
            epoll_wait(epoll, &event, 1, -1);
            ssize_t n = recvfrom(server, message, sizeof message, 0, (struct sockaddr *)&from, &size);
            if (n > 0 && sendto(server, message, (size_t)n, 0, (struct sockaddr *)&from, size) < 0)
                continue;
        }
    }
    uint64_t before = cpu_us(pid);
    for (unsigned i = 0; i < count; i++) {
        if (sendto(client, message, bytes, 0, (struct sockaddr *)&to, sizeof to) < 0)
            die("sendto");
        for (uint64_t until = now_us() + 100000;
             recv(client, message, sizeof message, 0) < 0 && now_us() < until;)
            usleep(50);
    }
    double us = (double)(cpu_us(pid) - before) / count;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(server);
    close(client);
    return us;
}
