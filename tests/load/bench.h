/*
 * What the parts of the bench share: a bare SIP and RTP peer (peer.c) and the cost of kernel I/O alone
 * (floor.c).
 *
 * Ownership: the caller's. Threads: one. Failure: the bench prints what went wrong and exits with 1.
 */
#ifndef CONFAB_BENCH_H
#define CONFAB_BENCH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_BYTES 172 /* 20 ms of PCMU and the RTP header */

uint64_t now_us(void);
void die(const char *what);
/* CPU time of all threads of a process so far, in microseconds. */
uint64_t cpu_us(int pid);
/* A UDP socket bound to address:port (0: any), non-blocking, its buffer `bytes`. */
int udp_socket(const struct sockaddr_in *local, uint16_t port, int bytes);
uint16_t socket_port(int fd);

/* CPU µs a leg-second of receiving and sending 50 packets a second a leg and doing nothing else. */
double floor_rtp(const struct sockaddr_in *local, unsigned legs, unsigned seconds, bool batched);
/* CPU µs of receiving one datagram of `bytes` and sending one. */
double floor_message(const struct sockaddr_in *local, size_t bytes, unsigned count);

/* -- peer.c: calls with their media
 * ------------------------------------------------------------------------------------ */

struct peer;
struct peer_totals {
    unsigned calls, failed;          /* calls that were answered; that were not */
    uint64_t rtp_sent, rtp_received; /* packets */
    uint64_t sip_messages;           /* sent and received */
};

/* A peer at `local` (SIP on `port`) of the server at `server`. */
struct peer *peer_new(const struct sockaddr_in *local, uint16_t port, const struct sockaddr_in *server);
/* Calls `number`; talkers send a tone, others silence. The call stands when peer_settle() says so. */
void peer_call(struct peer *peer, const char *number, bool talks);
/* Runs until every call is answered and acknowledged, or for `ms`. True when all stand. */
bool peer_settle(struct peer *peer, unsigned ms);
/* Sends and receives media for `ms`. */
void peer_run(struct peer *peer, unsigned ms);
/* Hangs up all calls and waits for the answers; the totals stay. */
void peer_hang_up(struct peer *peer);
/* Sets up and ends `count` calls, at most `window` at a time, without media. */
void peer_cycle(struct peer *peer, const char *number, unsigned count, unsigned window);
struct peer_totals peer_totals(const struct peer *peer);

#endif
