/*
 * io_uring behind io.h, for kernels from 6.1 on: one ring a worker. Each socket has one receiving request
 * that the kernel answers again and again (multishot), each time with a buffer from one pool; all sends of a
 * tick are handed over by one system call. DEFER_TASKRUN keeps packets in their sockets until the worker
 * asks, so nothing interrupts it.
 *
 * A buffer to be sent is free again when the call that hands it over has returned: MSG_DONTWAIT sends are
 * tried there and then, and what does not fit into the socket fails. A request holds its socket open by
 * itself, and is cancelled by its own name, never by the number of a descriptor, which may be another's by
 * then.
 */
#define _GNU_SOURCE /* syscall */
#include "mixer/io_way.h"

#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEND_BATCH 512
#define SEND_BYTES (SEND_BATCH * 384) /* most packets are of 60 to 250 bytes */
#define BUFFERS_LEAST 256
#define BUFFERS_MOST 4096
#define BUFFER_GROUP 0
#define ROUNDS_MAX 256 /* of at least 20 packets each */
#define REARMS_MAX 4
#define NAME_SPACE 32
#define CONTROL_SPACE CMSG_SPACE(sizeof(struct timespec))
/* An odd number of cache lines, so that the heads of buffers do not all fall into the same sets. */
#define BUFFER_SIZE (27 * 64)
_Static_assert(sizeof(struct io_uring_recvmsg_out) + NAME_SPACE + CONTROL_SPACE + IO_PACKET_MAX <=
                   BUFFER_SIZE,
               "a buffer holds what comes with a packet");
#define ANSWER_NONE UINT64_MAX /* to a send or a cancellation: nobody wants to know */

struct slot {
    int fd; /* -1: free */
    uint32_t generation;
    bool armed, waits; /* waits: in the list of those to be armed */
    uint64_t round;    /* number of io_receive() in which `taken` counts */
    unsigned taken;
};

struct uring {
    struct io io;
    struct io_uring ring;
    bool made, started;
    struct slot *slots;
    unsigned tags;
    uint32_t *waiting; /* tags to be armed */
    unsigned waiting_count;
    struct io_uring_buf_ring *pool;
    unsigned buffer_count;
    uint8_t *buffers;
    struct msghdr shape; /* of what is received */
    struct sockaddr_storage from;
    uint64_t round;
    unsigned send_count;
    size_t send_used;
    struct sockaddr_in6 to[SEND_BATCH];
    uint8_t send[SEND_BYTES];
};
_Static_assert(sizeof(struct sockaddr_in) <= sizeof(struct sockaddr_in6), "either fits");

/* -- making and ending
 * ---------------------------------------------------------------------------------------------- */

static void uring_free(struct io *io)
{
    struct uring *u = (struct uring *)io;

    if (u->made)
        io_uring_queue_exit(&u->ring);
    free(u->pool);
    free(u->buffers);
    free(u->slots);
    free(u->waiting);
    free(u);
}

static void *pages_new(size_t size)
{
    void *memory = aligned_alloc(4096, (size + 4095) / 4096 * 4096);

    if (memory)
        memset(memory, 0, size);
    return memory;
}

static uint8_t *buffer_at(const struct uring *u, unsigned index)
{
    return u->buffers + (size_t)index * BUFFER_SIZE;
}

static int pool_make(struct uring *u)
{
    struct io_uring_buf_reg reg = {.ring_entries = u->buffer_count, .bgid = BUFFER_GROUP};

    u->pool = pages_new(u->buffer_count * sizeof(struct io_uring_buf));
    u->buffers = pages_new((size_t)u->buffer_count * BUFFER_SIZE);
    if (!u->pool || !u->buffers)
        return ENOMEM;
    reg.ring_addr = (uintptr_t)u->pool;
    int error = -io_uring_register_buf_ring(&u->ring, &reg, 0);
    if (error)
        return error;
    io_uring_buf_ring_init(u->pool);
    for (unsigned i = 0; i < u->buffer_count; i++)
        io_uring_buf_ring_add(u->pool, buffer_at(u, i), BUFFER_SIZE, (unsigned short)i,
                              io_uring_buf_ring_mask(u->buffer_count), (int)i);
    io_uring_buf_ring_advance(u->pool, (int)u->buffer_count);
    return 0;
}

static int uring_make(struct io **out, unsigned tags)
{
    struct uring *u = calloc(1, sizeof(*u));
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                              IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED |
                                              IORING_SETUP_CQSIZE};

    if (!u)
        return ENOMEM;
    u->io.way = &io_uring_way;
    u->tags = tags;
    /* Half of the ports get a packet in a tick; with fewer buffers than that, some wait for a second round.
     */
    for (u->buffer_count = BUFFERS_LEAST; u->buffer_count < BUFFERS_MOST && u->buffer_count < tags / 8;)
        u->buffer_count *= 2;
    params.cq_entries = 4 * u->buffer_count;
    u->shape.msg_namelen = NAME_SPACE;
    u->shape.msg_controllen = CONTROL_SPACE;
    u->slots = calloc(tags, sizeof(*u->slots));
    u->waiting = calloc(tags, sizeof(*u->waiting));
    int error = u->slots && u->waiting ? -io_uring_queue_init_params(SEND_BATCH, &u->ring, &params) : ENOMEM;
    u->made = !error;
    if (!error)
        error = pool_make(u);
    for (unsigned i = 0; i < tags && !error; i++)
        u->slots[i].fd = -1;
    if (error) {
        uring_free(&u->io);
        return error;
    }
    *out = &u->io;
    return 0;
}

/* The ring belongs to the thread that enables it. (Debian 12's liburing declares a function for this, but
 * does not export it.) */
static int uring_start(struct io *io)
{
    struct uring *u = (struct uring *)io;

    if (syscall(__NR_io_uring_register, u->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0)
        return errno;
    u->started = true;
    return 0;
}

/* -- submitting
 * ----------------------------------------------------------------------------------------------------- */

/* Nothing stays behind in the queue: it would name buffers and descriptors that are soon used otherwise. */
static void uring_submit(struct uring *u)
{
    struct io_uring_sq *sq = &u->ring.sq;

    for (unsigned tries = 0; tries < 3 && io_uring_sq_ready(&u->ring); tries++) {
        if (io_uring_submit(&u->ring) < 0)
            (void)!io_uring_get_events(&u->ring); /* makes room for answers */
    }
    if (io_uring_sq_ready(&u->ring)) { /* no memory in the kernel: a loss, as in a network */
        for (unsigned at = *sq->khead; at != sq->sqe_tail; at++) {
            struct io_uring_sqe *sqe = &sq->sqes[at & *sq->kring_mask];
            io_uring_prep_nop(sqe);
            io_uring_sqe_set_data64(sqe, ANSWER_NONE);
        }
    }
    u->send_count = 0;
    u->send_used = 0;
}

static struct io_uring_sqe *sqe_get(struct uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    if (!sqe) {
        uring_submit(u);
        sqe = io_uring_get_sqe(&u->ring);
    }
    return sqe;
}

static uint64_t request_name(uint32_t tag, const struct slot *s)
{
    return (uint64_t)s->generation << 32 | tag;
}

static void slot_arm(struct uring *u, uint32_t tag)
{
    struct slot *s = &u->slots[tag];
    struct io_uring_sqe *sqe = sqe_get(u);

    if (!sqe)
        return; /* the kernel takes nothing any more: silence, which EVENT_TIMEOUT tells of */
    io_uring_prep_recvmsg_multishot(sqe, s->fd, &u->shape, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    io_uring_sqe_set_data64(sqe, request_name(tag, s));
    s->armed = true;
}

static void slot_wait(struct uring *u, uint32_t tag)
{
    struct slot *s = &u->slots[tag];

    if (!s->waits)
        u->waiting[u->waiting_count++] = tag;
    s->waits = true;
}

/* Who has had his share in this round waits for the next: he would only take the buffers that others lack. */
static void slots_arm(struct uring *u)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < u->waiting_count; i++) {
        uint32_t tag = u->waiting[i];
        struct slot *s = &u->slots[tag];
        if (s->round == u->round && s->taken > IO_FAIR) {
            u->waiting[kept++] = tag;
            continue;
        }
        s->waits = false;
        if (s->fd >= 0 && !s->armed)
            slot_arm(u, tag);
    }
    u->waiting_count = kept;
}

static int uring_add(struct io *io, int fd, uint32_t tag)
{
    struct uring *u = (struct uring *)io;

    if (tag >= u->tags)
        return EINVAL;
    struct slot *s = &u->slots[tag];
    arrivals_on(fd);
    s->fd = fd;
    s->generation = (s->generation + 1) & 0x7fffffff;
    s->armed = false;
    if (u->started)
        slot_wait(u, tag);
    return 0;
}

static void uring_remove(struct io *io, int fd, uint32_t tag)
{
    struct uring *u = (struct uring *)io;
    struct slot *s = &u->slots[tag];

    (void)fd;
    if (s->armed && u->started) {
        struct io_uring_sqe *sqe = sqe_get(u);
        if (sqe) {
            io_uring_prep_cancel64(sqe, request_name(tag, s), 0);
            io_uring_sqe_set_data64(sqe, ANSWER_NONE);
            sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        }
    }
    s->fd = -1;
    s->armed = false;
    s->generation = (s->generation + 1) & 0x7fffffff; /* answers that are still to come are nobody's */
    if (!u->started)
        return;
    uring_submit(u);
    (void)!io_uring_get_events(&u->ring); /* and the request lets go of the socket */
}

static void uring_stop(struct io *io)
{
    struct uring *u = (struct uring *)io;
    struct io_uring_sqe *sqe = sqe_get(u);

    if (sqe) {
        io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
        io_uring_sqe_set_data64(sqe, ANSWER_NONE);
        uring_submit(u);
        (void)!io_uring_get_events(&u->ring);
    }
    u->started = false;
}

/* -- receiving
 * ------------------------------------------------------------------------------------------------------ */

static int64_t arrival_us(struct uring *u, struct io_uring_recvmsg_out *o)
{
    struct cmsghdr *c = io_uring_recvmsg_cmsg_firsthdr(o, &u->shape);
    struct timespec t = {0};

    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
        memcpy(&t, CMSG_DATA(c), sizeof(t));
    else
        clock_gettime(CLOCK_REALTIME, &t);
    return time_us(&t);
}

static void packet_take(struct uring *u, uint32_t tag, uint8_t *buffer, int length, io_receiver *fn,
                        void *arg)
{
    struct io_uring_recvmsg_out *o = io_uring_recvmsg_validate(buffer, length, &u->shape);
    struct slot *s = &u->slots[tag];

    if (s->round != u->round)
        s->taken = 0;
    s->round = u->round;
    if (!o || o->flags & MSG_TRUNC || ++s->taken > IO_FAIR ||
        io_uring_recvmsg_payload_length(o, length, &u->shape) > IO_PACKET_MAX)
        return;
    memcpy(&u->from, io_uring_recvmsg_name(o), NAME_SPACE);
    struct io_packet packet = {.tag = tag,
                               .from = &u->from,
                               .arrival_us = arrival_us(u, o),
                               .data = io_uring_recvmsg_payload(o, &u->shape),
                               .length = io_uring_recvmsg_payload_length(o, length, &u->shape)};
    fn(arg, &packet);
}

/* The answers that come 12, 8 and 4 after the one at `head`, as far as they are here. */
static void answers_expect(struct uring *u, unsigned head, unsigned left, void *arg)
{
    const struct io_uring_cq *cq = &u->ring.cq;

    for (unsigned stage = 0; stage < IO_STAGES; stage++) {
        unsigned ahead = 4 * (IO_STAGES - stage);
        if (ahead >= left)
            continue;
        const struct io_uring_cqe *cqe = &cq->cqes[(head + ahead) & *cq->kring_mask];
        uint32_t tag = (uint32_t)cqe->user_data;
        if (!(cqe->flags & IORING_CQE_F_BUFFER) || tag >= u->tags)
            continue;
        if (stage == 0)
            __builtin_prefetch(&u->slots[tag]);
        u->io.hint(arg, tag, stage);
    }
}

/* What is in the ring now. Returns how many answers; *starved: a socket found no buffer. */
static unsigned answers_take(struct uring *u, bool *starved, io_receiver *fn, void *arg)
{
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0, ready = io_uring_cq_ready(&u->ring);
    int freed = 0, mask = io_uring_buf_ring_mask(u->buffer_count);

    io_uring_for_each_cqe(&u->ring, head, cqe)
    {
        uint32_t tag = (uint32_t)cqe->user_data;
        bool ours = cqe->user_data != ANSWER_NONE && tag < u->tags && u->slots[tag].fd >= 0 &&
                    request_name(tag, &u->slots[tag]) == cqe->user_data;
        if (u->io.hint && seen < ready)
            answers_expect(u, head, ready - seen, arg);
        seen++;
        if (cqe->flags & IORING_CQE_F_BUFFER) {
            unsigned index = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
            if (ours)
                packet_take(u, tag, buffer_at(u, index), cqe->res, fn, arg);
            io_uring_buf_ring_add(u->pool, buffer_at(u, index), BUFFER_SIZE, (unsigned short)index, mask,
                                  freed++);
        }
        if (ours && !(cqe->flags & IORING_CQE_F_MORE)) {
            u->slots[tag].armed = false;
            slot_wait(u, tag);
            *starved = *starved || cqe->res == -ENOBUFS;
        }
    }
    io_uring_buf_ring_advance(u->pool, freed);
    io_uring_cq_advance(&u->ring, seen);
    return seen;
}

/* A call lets the kernel answer what has come, newer ones for 20 requests at a time; an empty round is the
 * last.
 */
static void uring_receive(struct io *io, io_receiver *fn, void *arg)
{
    struct uring *u = (struct uring *)io;
    unsigned rearms = 0;
    bool starved = false;

    u->round++;
    slots_arm(u);
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        (void)!io_uring_submit_and_get_events(&u->ring);
        unsigned seen = answers_take(u, &starved, fn, arg);
        if (starved && rearms++ < REARMS_MAX)
            slots_arm(u);
        else if (seen == 0)
            break;
        starved = false;
    }
}

/* -- sending
 * ----------------------------------------------------------------------------------------------------------
 */

static uint8_t *uring_claim(struct io *io)
{
    struct uring *u = (struct uring *)io;

    if (u->send_count == SEND_BATCH || SEND_BYTES - u->send_used < IO_PACKET_MAX)
        uring_submit(u);
    return u->send + u->send_used;
}

static void uring_commit(struct io *io, int fd, const struct sockaddr_storage *to, size_t length)
{
    struct uring *u = (struct uring *)io;
    const uint8_t *data = u->send + u->send_used;
    socklen_t to_length = address_length(to);

    if (!u->started) {
        (void)!sendto(fd, data, length, MSG_DONTWAIT, (const struct sockaddr *)to, to_length);
        return;
    }
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
    if (!sqe) { /* other requests fill it */
        (void)!sendto(fd, data, length, MSG_DONTWAIT, (const struct sockaddr *)to, to_length);
        return;
    }
    struct sockaddr_in6 *address = &u->to[u->send_count++];
    io_uring_prep_send(sqe, fd, data, length, MSG_DONTWAIT);
    if (to) {
        memcpy(address, to, to_length);
        io_uring_prep_send_set_addr(sqe, (const struct sockaddr *)address, (uint16_t)to_length);
    }
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, ANSWER_NONE);
    u->send_used += (length + 63) / 64 * 64;
}

static void uring_flush(struct io *io)
{
    struct uring *u = (struct uring *)io;

    if (u->started)
        uring_submit(u);
}

const struct io_way io_uring_way = {.name = "uring",
                                    .make = uring_make,
                                    .free = uring_free,
                                    .start = uring_start,
                                    .stop = uring_stop,
                                    .add = uring_add,
                                    .remove = uring_remove,
                                    .receive = uring_receive,
                                    .claim = uring_claim,
                                    .commit = uring_commit,
                                    .flush = uring_flush};
