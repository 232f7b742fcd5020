/* Chooses the way packets go: io_uring is not only asked for but tried out, since kernels, containers and
 * system call filters each refuse it in their own manner. */
#include "mixer/io_way.h"

#include "core/base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define TRY_TAG 1

struct trial {
    int fd;
    struct sockaddr_storage own;
    unsigned good;
};

static void trial_packet(void *arg, const struct io_packet *packet)
{
    struct trial *t = arg;
    const struct sockaddr_in *from = (const void *)packet->from, *own = (const void *)&t->own;

    t->good += packet->tag == TRY_TAG && packet->length == 4 && !memcmp(packet->data, "ping", 4) &&
               from->sin_port == own->sin_port && packet->arrival_us > 0;
}

/* Two packets to oneself: the second proves that receiving goes on by itself. */
static int trial_run(struct io *io, struct trial *t)
{
    struct pollfd poll_fd = {.fd = t->fd, .events = POLLIN};
    int error = io_start(io);

    if (error)
        return error;
    error = io_add(io, t->fd, TRY_TAG);
    for (unsigned i = 0; i < 2 && !error; i++) {
        memcpy(io_claim(io), "ping", 4);
        io_commit(io, t->fd, &t->own, 4);
        io_flush(io);
        if (poll(&poll_fd, 1, 100) < 0)
            error = errno;
        io_receive(io, trial_packet, t);
    }
    if (!error)
        io_remove(io, t->fd, TRY_TAG);
    io_stop(io);
    return error ? error : t->good == 2 ? 0 : ENOTSUP;
}

static int way_try(const struct io_way *way)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct trial t = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    socklen_t length = sizeof(t.own);
    struct io *io = NULL;
    int error = 0;

    if (t.fd < 0)
        return errno;
    if (bind(t.fd, (struct sockaddr *)&local, sizeof(local)) ||
        getsockname(t.fd, (struct sockaddr *)&t.own, &length))
        error = errno;
    if (!error)
        error = way->make(&io, TRY_TAG + 1);
    if (!error)
        error = trial_run(io, &t);
    io_free(io);
    close(t.fd);
    return error;
}

int io_new(struct io **out, const char *name, unsigned tags)
{
    bool any = !name || !strcmp(name, "auto");
    int error;

    if (!any && !strcmp(name, io_plain.name))
        return io_plain.make(out, tags);
    if (!any && strcmp(name, io_uring_way.name))
        return EINVAL;
    error = way_try(&io_uring_way);
    if (!error)
        error = io_uring_way.make(out, tags);
    if (!error)
        return 0;
    log_event(any ? LEVEL_INFO : LEVEL_ERROR, "mixer", NULL, "io-uring-refused: %s", strerror(error));
    return any ? io_plain.make(out, tags) : error;
}

void io_free(struct io *io)
{
    if (io)
        io->way->free(io);
}

const char *io_name(const struct io *io)
{
    return io->way->name;
}

int io_start(struct io *io)
{
    return io->way->start(io);
}

void io_stop(struct io *io)
{
    io->way->stop(io);
}

int io_add(struct io *io, int fd, uint32_t tag)
{
    return io->way->add(io, fd, tag);
}

void io_remove(struct io *io, int fd, uint32_t tag)
{
    io->way->remove(io, fd, tag);
}

void io_receive(struct io *io, io_receiver *fn, void *arg)
{
    io->way->receive(io, fn, arg);
}

void io_set_hint(struct io *io, io_hint *hint)
{
    io->hint = hint;
}

uint8_t *io_claim(struct io *io)
{
    return io->way->claim(io);
}

void io_commit(struct io *io, int fd, const struct sockaddr_storage *to, size_t length)
{
    io->way->commit(io, fd, to, length);
}

void io_flush(struct io *io)
{
    io->way->flush(io);
}
