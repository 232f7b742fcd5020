/*
 * SRTP and SRTCP (RFC 3711, RFC 7714): one direction of one session under one master key, on libcrypto.
 *
 * libsrtp2 would do the same, but as Debian builds it (on NSS) it takes memory at each packet, eight times
 * and more for AES-CM, which no worker may do in its tick, and three to eight times as long. It is what the
 * tests hold this against.
 *
 * Ownership: whoever makes one; signalling makes and frees, one worker uses. Threads: one at a time. Failure:
 * ENOMEM and EIO (libcrypto) when it is made; a packet that is damaged, forged, repeated or too old is 0
 * bytes long. Memory is taken when it is made only.
 */
#ifndef CONFAB_MIXER_SRTP_H
#define CONFAB_MIXER_SRTP_H

#include "core/base/media.h"

#include <stddef.h>
#include <stdint.h>

#define SRTP_GROWTH 20 /* bytes that sealing adds at most: the tag and SRTCP's index */
/* SSRCs under one key; what comes from more is refused, for old ones must stay known. */
#define SRTP_SOURCES_MAX 128

struct srtp;

/* `key`: the suite's master key and, behind it, the salt. The rollover counters begin at 0. */
__attribute__((warn_unused_result)) int srtp_new(struct srtp **out, enum srtp_suite suite,
                                                 const uint8_t *key);
void srtp_free(struct srtp *s); /* wipes the keys; NULL is allowed */

/*
 * In place, with room for SRTP_GROWTH bytes behind the packet; returns the new length. A sequence number is
 * sealed once: a second time would give both packets away (RFC 3711 §9.1), so it is refused.
 */
size_t srtp_seal(struct srtp *s, uint8_t *packet, size_t length);
size_t srtp_seal_rtcp(struct srtp *s, uint8_t *packet, size_t length);
/* To `out`, which has `length` bytes. Nothing is learnt from a packet before it has proved to be the far
 * side's. */
size_t srtp_open(struct srtp *s, const uint8_t *packet, size_t length, uint8_t *out);
size_t srtp_open_rtcp(struct srtp *s, const uint8_t *packet, size_t length, uint8_t *out);

#endif
