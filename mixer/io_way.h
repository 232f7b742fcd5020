/* The two ways behind io.h; what each function does is said there. */
#ifndef CONFAB_MIXER_IO_WAY_H
#define CONFAB_MIXER_IO_WAY_H

#include "mixer/io.h"

#include <netinet/in.h>
#include <time.h>

struct io_way {
    const char *name;
    int (*make)(struct io **out, unsigned tags);
    void (*free)(struct io *io);
    int (*start)(struct io *io);
    void (*stop)(struct io *io);
    int (*add)(struct io *io, int fd, uint32_t tag);
    void (*remove)(struct io *io, int fd, uint32_t tag);
    void (*receive)(struct io *io, io_receiver *fn, void *arg);
    uint8_t *(*claim)(struct io *io);
    void (*commit)(struct io *io, int fd, const struct sockaddr_storage *to, size_t length);
    void (*flush)(struct io *io);
};
extern const struct io_way io_plain, io_uring_way;

struct io { /* the first member of each way's own */
    const struct io_way *way;
    io_hint *hint; /* may be NULL */
};

static inline socklen_t address_length(const struct sockaddr_storage *to)
{
    return !to ? 0 : to->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static inline int64_t time_us(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000 + t->tv_nsec / 1000;
}

/* Jitter is measured by the kernel's arrival times; those of ticks are 10 ms apart. */
static inline void arrivals_on(int fd)
{
    int on = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
}

#endif
