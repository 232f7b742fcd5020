/*
 * UDPTL (ITU-T T.38 clause 9.1, ASN.1 of Annex A): T.38's datagrams, with earlier packets repeated against
 * loss.
 *
 * Ownership: values. Threads: one at a time. Failure: what is malformed is counted and dropped; parity FEC is
 * taken for its primary packet alone.
 */
#ifndef CONFAB_MIXER_UDPTL_H
#define CONFAB_MIXER_UDPTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UDPTL_MOST 1400  /* bytes of a datagram */
#define UDPTL_REPEATED 3 /* packets before the present one that a datagram repeats */
#define UDPTL_PACKET 512 /* bytes of one IFP packet that is kept to be repeated */

/* What a datagram is made of; the least number of earlier packets is dropped that makes it fit into `most`
 * bytes. */
struct udptl_sender {
    uint16_t next;
    unsigned kept; /* of `earlier`, the newest at [0] */
    struct {
        size_t length;
        uint8_t bytes[UDPTL_PACKET];
    } earlier[UDPTL_REPEATED];
};
/* The datagram's length, 0: it does not fit. `out` holds `most` bytes. */
size_t udptl_write(struct udptl_sender *s, const uint8_t *packet, size_t length, uint8_t *out, size_t most);

struct udptl_receiver {
    bool begun;
    uint16_t expected;
    uint64_t malformed;
};
/* Calls `fn` for each packet that is new, in order. What comes again or out of order is left out. */
void udptl_read(struct udptl_receiver *r, const uint8_t *datagram, size_t length,
                void (*fn)(void *arg, const uint8_t *packet, size_t length, uint16_t sequence), void *arg);

#endif
