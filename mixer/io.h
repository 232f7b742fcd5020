/*
 * Packets in and out of one worker's sockets, batched by the tick.
 *
 * Ownership: the worker owns it; sockets stay the ports'. Threads: the worker's. Failure: errno from creation
 * and io_add(); a packet the kernel does not take is dropped, as any network may.
 */
#ifndef CONFAB_MIXER_IO_H
#define CONFAB_MIXER_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct io;

#define IO_PACKET_MAX 1600 /* bytes of a datagram; longer ones are no RTP of ours */

struct io_packet {
    uint32_t tag;
    const struct sockaddr_storage *from;
    int64_t arrival_us; /* by the kernel, wall clock: for differences only */
    const uint8_t *data;
    size_t length;
};
typedef void io_receiver(void *arg, const struct io_packet *packet);

__attribute__((warn_unused_result)) int io_new(struct io **out);
void io_free(struct io *io);

/* `tag` comes back with every packet of this socket. */
__attribute__((warn_unused_result)) int io_add(struct io *io, int fd, uint32_t tag);
void io_remove(struct io *io, int fd);

/* Hands over all that has come, at most IO_FAIR packets a socket; the rest waits for the next tick. */
#define IO_FAIR 16
void io_receive(struct io *io, io_receiver *fn, void *arg);

/* Room for one packet of IO_PACKET_MAX bytes; io_commit() puts it in line for io_flush(). */
uint8_t *io_claim(struct io *io);
void io_commit(struct io *io, int fd, const struct sockaddr_storage *to, size_t length);
void io_flush(struct io *io);

#endif
