/*
 * Packets in and out of one worker's sockets, batched by the tick: io_uring where the kernel permits it, else
 * plain sockets.
 *
 * Ownership: the worker owns it; sockets stay the ports'. Threads: io_new() and io_free() belong to signalling,
 * before io_start() and after io_stop(); all else to the worker. Failure: errno from creation, io_start() and
 * io_add(); a packet the kernel does not take is dropped, as any network may.
 */
#ifndef CONFAB_MIXER_IO_H
#define CONFAB_MIXER_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct io;

#define IO_PACKET_MAX 1632 /* bytes of a datagram; longer ones are no RTP of ours */

struct io_packet {
    uint32_t tag;
    const struct sockaddr_storage *from;
    int64_t arrival_us; /* by the kernel, wall clock: for differences only */
    const uint8_t *data;
    size_t length;
};
typedef void io_receiver(void *arg, const struct io_packet *packet);

/*
 * `name`: "uring", "plain", or "auto" (also NULL) for io_uring if it works here, which is tried out, and else
 * plain sockets, which is logged. For `tags` sockets, numbered from 0.
 */
__attribute__((warn_unused_result)) int io_new(struct io **out, const char *name, unsigned tags);
void io_free(struct io *io);
const char *io_name(const struct io *io); /* "uring" or "plain" */

/* On the thread that will use it, before all else; and the end of receiving. What is sent after that still goes. */
__attribute__((warn_unused_result)) int io_start(struct io *io);
void io_stop(struct io *io);

/* `tag` comes back with every packet of this socket, and stands for one socket at a time. */
__attribute__((warn_unused_result)) int io_add(struct io *io, int fd, uint32_t tag);
/* What was committed for it has been sent, and the descriptor may be closed, when this returns. */
void io_remove(struct io *io, int fd, uint32_t tag);

/* Hands over all that has come, at most IO_FAIR packets a socket; more waits for the next tick or is dropped. */
#define IO_FAIR 16
void io_receive(struct io *io, io_receiver *fn, void *arg);
/*
 * What io_receive() calls some packets ahead, where it can see so far, for the memory that a packet of this socket
 * will need to be fetched meanwhile: with stage 0 first, then 1, then IO_STAGES - 1, each a few packets nearer.
 */
#define IO_STAGES 3
typedef void io_hint(void *arg, uint32_t tag, unsigned stage);
void io_set_hint(struct io *io, io_hint *hint);

/* Room for one packet of IO_PACKET_MAX bytes; io_commit() puts it in line for io_flush(). `to` is NULL for a
 * connected socket, which spares the kernel the search for the way. */
uint8_t *io_claim(struct io *io);
void io_commit(struct io *io, int fd, const struct sockaddr_storage *to, size_t length);
void io_flush(struct io *io);

#endif
