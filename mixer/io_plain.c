/* Plain sockets behind io.h: epoll says which have something, recvmmsg takes it; sends go out at the tick's
 * end. */
#define _GNU_SOURCE /* recvmmsg */
#include "mixer/io.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define READY_MAX 512
#define RECEIVE_BATCH 4
#define SEND_BATCH 128

struct waiting {
    int fd;
    socklen_t to_length;
    struct sockaddr_storage to;
    size_t length;
    uint8_t data[IO_PACKET_MAX];
};

struct io {
    int epoll;
    struct epoll_event ready[READY_MAX];
    struct mmsghdr messages[RECEIVE_BATCH];
    struct iovec pieces[RECEIVE_BATCH];
    struct sockaddr_storage from[RECEIVE_BATCH];
    union {
        char space[CMSG_SPACE(sizeof(struct timespec))];
        struct cmsghdr align;
    } control[RECEIVE_BATCH];
    uint8_t data[RECEIVE_BATCH][IO_PACKET_MAX];
    unsigned count;
    struct waiting waiting[SEND_BATCH];
};

int io_new(struct io **out)
{
    struct io *io = calloc(1, sizeof(*io));
    if (!io)
        return ENOMEM;
    io->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (io->epoll < 0) {
        int error = errno;
        free(io);
        return error;
    }
    *out = io;
    return 0;
}

void io_free(struct io *io)
{
    if (!io)
        return;
    close(io->epoll);
    free(io);
}

int io_add(struct io *io, int fd, uint32_t tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)tag << 32 | (uint32_t)fd};
    int on = 1;

    /* Jitter is measured by the kernel's arrival times; those of ticks are 10 ms apart. */
    (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
    return epoll_ctl(io->epoll, EPOLL_CTL_ADD, fd, &event) ? errno : 0;
}

void io_remove(struct io *io, int fd)
{
    (void)epoll_ctl(io->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static int64_t arrival_us(struct msghdr *message)
{
    struct timespec t = {0};

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
            memcpy(&t, CMSG_DATA(c), sizeof(t));
    }
    if (t.tv_sec == 0)
        clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* One batch from one socket. Returns how many the kernel gave. */
static unsigned receive_batch(struct io *io, int fd, uint32_t tag, io_receiver *fn, void *arg)
{
    for (unsigned i = 0; i < RECEIVE_BATCH; i++) {
        io->pieces[i] = (struct iovec){.iov_base = io->data[i], .iov_len = IO_PACKET_MAX};
        io->messages[i].msg_hdr = (struct msghdr){.msg_name = &io->from[i],
                                                  .msg_namelen = sizeof(io->from[i]),
                                                  .msg_iov = &io->pieces[i],
                                                  .msg_iovlen = 1,
                                                  .msg_control = io->control[i].space,
                                                  .msg_controllen = sizeof(io->control[i].space)};
    }
    int got = recvmmsg(fd, io->messages, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < got; i++) {
        struct msghdr *message = &io->messages[i].msg_hdr;
        struct io_packet packet = {.tag = tag,
                                   .from = &io->from[i],
                                   .arrival_us = arrival_us(message),
                                   .data = io->data[i],
                                   .length = io->messages[i].msg_len};
        if (!(message->msg_flags & MSG_TRUNC))
            fn(arg, &packet);
    }
    return got > 0 ? (unsigned)got : 0;
}

void io_receive(struct io *io, io_receiver *fn, void *arg)
{
    int ready = epoll_wait(io->epoll, io->ready, READY_MAX, 0);
    unsigned rounds = 0;

    while (ready > 0) {
        for (int i = 0; i < ready; i++) {
            uint64_t key = io->ready[i].data.u64;
            unsigned taken = 0, got;
            do {
                got = receive_batch(io, (int)(uint32_t)key, (uint32_t)(key >> 32), fn, arg);
                taken += got;
            } while (got == RECEIVE_BATCH && taken < IO_FAIR);
        }
        /* A full list may have hidden other sockets; epoll puts those served last, so asking again is fair.
         */
        if (ready < READY_MAX || ++rounds == 16)
            break;
        ready = epoll_wait(io->epoll, io->ready, READY_MAX, 0);
    }
}

uint8_t *io_claim(struct io *io)
{
    if (io->count == SEND_BATCH)
        io_flush(io);
    return io->waiting[io->count].data;
}

void io_commit(struct io *io, int fd, const struct sockaddr_storage *to, size_t length)
{
    struct waiting *w = &io->waiting[io->count++];

    w->fd = fd;
    w->to_length = to->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    memcpy(&w->to, to, w->to_length);
    w->length = length;
}

void io_flush(struct io *io)
{
    for (unsigned i = 0; i < io->count; i++) {
        const struct waiting *w = &io->waiting[i];
        (void)!sendto(w->fd, w->data, w->length, MSG_DONTWAIT, (const struct sockaddr *)&w->to, w->to_length);
    }
    io->count = 0;
}
