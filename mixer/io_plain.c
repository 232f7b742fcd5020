/* Plain sockets behind io.h: epoll says which have something, recvmmsg takes it; sends go out at the tick's
 * end. */
#define _GNU_SOURCE /* recvmmsg */
#include "mixer/io_way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
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

struct plain {
    struct io io;
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

static int plain_make(struct io **out, unsigned tags)
{
    struct plain *plain = calloc(1, sizeof(*plain));

    (void)tags;
    if (!plain)
        return ENOMEM;
    plain->io.way = &io_plain;
    plain->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (plain->epoll < 0) {
        int error = errno;
        free(plain);
        return error;
    }
    *out = &plain->io;
    return 0;
}

static void plain_free(struct io *io)
{
    struct plain *plain = (struct plain *)io;

    close(plain->epoll);
    free(plain);
}

static int plain_start(struct io *io)
{
    (void)io;
    return 0;
}

static void plain_stop(struct io *io)
{
    (void)io;
}

static int plain_add(struct io *io, int fd, uint32_t tag)
{
    struct plain *plain = (struct plain *)io;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)tag << 32 | (uint32_t)fd};

    arrivals_on(fd);
    return epoll_ctl(plain->epoll, EPOLL_CTL_ADD, fd, &event) ? errno : 0;
}

static void plain_flush(struct io *io);

static void plain_remove(struct io *io, int fd, uint32_t tag)
{
    (void)tag;
    plain_flush(io);
    (void)epoll_ctl(((struct plain *)io)->epoll, EPOLL_CTL_DEL, fd, NULL);
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
    return time_us(&t);
}

/* One batch from one socket. Returns how many the kernel gave. */
static unsigned receive_batch(struct plain *plain, int fd, uint32_t tag, io_receiver *fn, void *arg)
{
    for (unsigned i = 0; i < RECEIVE_BATCH; i++) {
        plain->pieces[i] = (struct iovec){.iov_base = plain->data[i], .iov_len = IO_PACKET_MAX};
        plain->messages[i].msg_hdr = (struct msghdr){.msg_name = &plain->from[i],
                                                     .msg_namelen = sizeof(plain->from[i]),
                                                     .msg_iov = &plain->pieces[i],
                                                     .msg_iovlen = 1,
                                                     .msg_control = plain->control[i].space,
                                                     .msg_controllen = sizeof(plain->control[i].space)};
    }
    int got = recvmmsg(fd, plain->messages, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < got; i++) {
        struct msghdr *message = &plain->messages[i].msg_hdr;
        struct io_packet packet = {.tag = tag,
                                   .from = &plain->from[i],
                                   .arrival_us = arrival_us(message),
                                   .data = plain->data[i],
                                   .length = plain->messages[i].msg_len};
        if (!(message->msg_flags & MSG_TRUNC))
            fn(arg, &packet);
    }
    return got > 0 ? (unsigned)got : 0;
}

static void plain_receive(struct io *io, io_receiver *fn, void *arg)
{
    struct plain *plain = (struct plain *)io;
    int ready = epoll_wait(plain->epoll, plain->ready, READY_MAX, 0);
    unsigned rounds = 0;

    while (ready > 0) {
        for (int i = 0; i < ready; i++) {
            uint64_t key = plain->ready[i].data.u64;
            unsigned taken = 0, got;
            do {
                got = receive_batch(plain, (int)(uint32_t)key, (uint32_t)(key >> 32), fn, arg);
                taken += got;
            } while (got == RECEIVE_BATCH && taken < IO_FAIR);
        }
        /* A full list may have hidden other sockets; epoll puts those served last, so asking again is fair.
         */
        if (ready < READY_MAX || ++rounds == 16)
            break;
        ready = epoll_wait(plain->epoll, plain->ready, READY_MAX, 0);
    }
}

static uint8_t *plain_claim(struct io *io)
{
    struct plain *plain = (struct plain *)io;

    if (plain->count == SEND_BATCH)
        plain_flush(io);
    return plain->waiting[plain->count].data;
}

static void plain_commit(struct io *io, int fd, const struct sockaddr_storage *to, size_t length)
{
    struct plain *plain = (struct plain *)io;
    struct waiting *w = &plain->waiting[plain->count++];

    w->fd = fd;
    w->to_length = address_length(to);
    if (to)
        memcpy(&w->to, to, w->to_length);
    w->length = length;
}

static void plain_flush(struct io *io)
{
    struct plain *plain = (struct plain *)io;

    for (unsigned i = 0; i < plain->count; i++) {
        const struct waiting *w = &plain->waiting[i];
        const struct sockaddr *to = w->to_length ? (const struct sockaddr *)&w->to : NULL;
        (void)!sendto(w->fd, w->data, w->length, MSG_DONTWAIT, to, w->to_length);
    }
    plain->count = 0;
}

const struct io_way io_plain = {.name = "plain",
                                .make = plain_make,
                                .free = plain_free,
                                .start = plain_start,
                                .stop = plain_stop,
                                .add = plain_add,
                                .remove = plain_remove,
                                .receive = plain_receive,
                                .claim = plain_claim,
                                .commit = plain_commit,
                                .flush = plain_flush};
