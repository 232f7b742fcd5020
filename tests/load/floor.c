/* The cost of kernel I/O alone: what no server can go below. A child process does nothing but receive and
 * send. */
#define _GNU_SOURCE
#include "tests/load/bench.h"

#include <liburing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 64
#define RING_BUFFERS 2048
#define RING_BYTES 320
#define NOT_AVAILABLE 3

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

/* -- io_uring: what the server's media workers do
 * ---------------------------------------------------------------------------------------------- */

struct echo {
    struct io_uring ring;
    struct io_uring_buf_ring *pool;
    uint8_t *buffers;
    struct msghdr shape;
};

static bool echo_make(struct echo *e)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                              IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
                                     .cq_entries = 4 * RING_BUFFERS};
    struct io_uring_buf_reg reg = {.ring_entries = RING_BUFFERS};

    if (io_uring_queue_init_params(RING_BUFFERS, &e->ring, &params))
        return false;
    e->pool = aligned_alloc(4096, RING_BUFFERS * sizeof(struct io_uring_buf));
    e->buffers = malloc((size_t)RING_BUFFERS * RING_BYTES);
    e->shape.msg_namelen = sizeof(struct sockaddr_in);
    reg.ring_addr = (uintptr_t)e->pool;
    if (!e->pool || !e->buffers || io_uring_register_buf_ring(&e->ring, &reg, 0))
        return false;
    io_uring_buf_ring_init(e->pool);
    for (int i = 0; i < RING_BUFFERS; i++)
        io_uring_buf_ring_add(e->pool, e->buffers + i * RING_BYTES, RING_BYTES, (unsigned short)i,
                              io_uring_buf_ring_mask(RING_BUFFERS), i);
    io_uring_buf_ring_advance(e->pool, RING_BUFFERS);
    return true;
}

static struct io_uring_sqe *echo_request(struct echo *e)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&e->ring);

    if (!sqe) {
        io_uring_submit(&e->ring);
        sqe = io_uring_get_sqe(&e->ring);
    }
    return sqe;
}

static void echo_arm(struct echo *e, const int *fds, unsigned leg)
{
    struct io_uring_sqe *sqe = echo_request(e);

    io_uring_prep_recvmsg_multishot(sqe, fds[leg], &e->shape, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    io_uring_sqe_set_data64(sqe, leg);
}

static void echo_send(struct echo *e, int fd, uint8_t *buffer, int length)
{
    struct io_uring_recvmsg_out *o = io_uring_recvmsg_validate(buffer, length, &e->shape);
    struct io_uring_sqe *sqe = o ? echo_request(e) : NULL;

    if (!sqe)
        return;
    io_uring_prep_send(sqe, fd, io_uring_recvmsg_payload(o, &e->shape),
                       io_uring_recvmsg_payload_length(o, length, &e->shape), MSG_DONTWAIT);
    io_uring_prep_send_set_addr(sqe, io_uring_recvmsg_name(o), sizeof(struct sockaddr_in));
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, UINT64_MAX);
}

/* What the kernel has answered by now. Returns how many answers; *count: of the buffers that wait to be sent.
 */
static unsigned echo_take(struct echo *e, const int *fds, unsigned short *used, int *count)
{
    struct io_uring_cqe *cqe;
    unsigned seen = 0, head;

    io_uring_for_each_cqe(&e->ring, head, cqe)
    {
        seen++;
        if (cqe->user_data == UINT64_MAX)
            continue;
        if (cqe->flags & IORING_CQE_F_BUFFER) {
            unsigned short index = (unsigned short)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
            echo_send(e, fds[cqe->user_data], e->buffers + index * RING_BYTES, cqe->res);
            used[(*count)++] = index;
        }
        if (!(cqe->flags & IORING_CQE_F_MORE))
            echo_arm(e, fds, (unsigned)cqe->user_data);
    }
    io_uring_cq_advance(&e->ring, seen);
    return seen;
}

/* One multishot recvmsg a socket into one ring of buffers; all sends of a tick are handed over by one call,
 * and the buffers they were in are free when it returns. */
static void echo_uring(const int *fds, unsigned legs)
{
    struct echo e = {0};
    static unsigned short used[RING_BUFFERS];

    if (!echo_make(&e))
        _exit(NOT_AVAILABLE);
    for (unsigned i = 0; i < legs; i++)
        echo_arm(&e, fds, i);
    if (io_uring_submit(&e.ring) < 0)
        _exit(NOT_AVAILABLE);
    for (uint64_t tick = now_us();; tick += 10000) {
        int count = 0;
        sleep_until(tick);
        do {
            if (io_uring_get_events(&e.ring) < 0)
                _exit(NOT_AVAILABLE);
        } while (echo_take(&e, fds, used, &count));
        if (io_uring_submit(&e.ring) < 0)
            _exit(NOT_AVAILABLE);
        for (int i = 0; i < count; i++)
            io_uring_buf_ring_add(e.pool, e.buffers + used[i] * RING_BYTES, RING_BYTES, used[i],
                                  io_uring_buf_ring_mask(RING_BUFFERS), i);
        io_uring_buf_ring_advance(e.pool, count);
    }
}

/* -- measuring
 * ------------------------------------------------------------------------------------------------------ */

static pid_t echo_start(const int *fds, unsigned legs, enum floor_way way)
{
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (way == FLOOR_MMSG)
            echo_batched(fds[0]);
        else if (way == FLOOR_URING)
            echo_uring(fds, legs);
        else
            echo_plain(fds, legs);
        _exit(0);
    }
    return pid;
}

double floor_rtp(struct media *media, const struct sockaddr_in *local, unsigned legs, unsigned seconds,
                 enum floor_way way)
{
    int *fds = calloc(legs, sizeof *fds);
    struct media_leg **streams = calloc(legs, sizeof(struct media_leg *));
    double us = 0;

    if (!fds || !streams)
        die("calloc");
    for (unsigned i = 0; i < legs; i++)
        fds[i] = way == FLOOR_MMSG && i ? fds[0] : udp_socket(local, 0, 1 << 20);
    pid_t pid = echo_start(fds, legs, way);
    for (unsigned i = 0; i < legs; i++) {
        struct sockaddr_in to = *local;
        to.sin_port = htons(socket_port(fds[i]));
        streams[i] = media_open(media, VOICE_PCMU, false);
        media_start(streams[i], &to, "");
    }
    usleep(500000);
    if (waitpid(pid, NULL, WNOHANG) == 0) {
        uint64_t start = now_us(), before = process_cpu(pid);
        media_count_begin(media);
        sleep_until(start + seconds * 1000000ull);
        struct media_counts counts = media_count_end(media);
        us = (double)(process_cpu(pid) - before) / legs / ((double)(now_us() - start) / 1e6);
        if (counts.received < counts.sent * 99 / 100)
            fprintf(stderr, "bench: the floor lost packets: %llu of %llu came back\n",
                    (unsigned long long)counts.received, (unsigned long long)counts.sent);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    for (unsigned i = 0; i < legs; i++) {
        media_close(streams[i]);
        if (way != FLOOR_MMSG || i == 0)
            close(fds[i]);
    }
    free(fds);
    free(streams);
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
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
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
    uint64_t before = process_cpu(pid);
    for (unsigned i = 0; i < count; i++) {
        if (sendto(client, message, bytes, 0, (struct sockaddr *)&to, sizeof to) < 0)
            die("sendto");
        for (uint64_t until = now_us() + 100000;
             recv(client, message, sizeof message, 0) < 0 && now_us() < until;)
            usleep(50);
    }
    double us = (double)(process_cpu(pid) - before) / count;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(server);
    close(client);
    return us;
}
