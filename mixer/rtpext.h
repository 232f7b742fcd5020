/*
 * RTP header extensions in their general form (RFC 8285), and what a mixer's packet says of its sources: the
 * CSRC list (RFC 3550 §5.1), their levels (RFC 6465) and its own level (RFC 6464).
 *
 * Ownership: values; an extension and its elements point into the packet. Threads: any. Failure: false where
 * there is none; what does not fit its bounds ends the list of elements.
 */
#ifndef CONFAB_MIXER_RTPEXT_H
#define CONFAB_MIXER_RTPEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTPEXT_IDS 15      /* identifiers of the one-byte form: 1 to 14 */
#define RTP_SOURCES_MAX 15 /* of a packet: what its CC field can count */
/* The CSRC list, the extension's own header, and both elements: the most that is written behind the header.
 */
#define RTP_SOURCES_SIZE (4 * RTP_SOURCES_MAX + 4 + 20)
#define RTP_LEVEL_SILENCE 127 /* -dBov, RFC 6464 §3 */

struct rtp_extension {
    uint16_t profile; /* 0xBEDE: one-byte headers; 0x1000 to 0x100F: two-byte headers */
    const uint8_t *data;
    size_t length;
};
struct rtp_element {
    unsigned id;
    const uint8_t *data;
    size_t length;
};

/* Of a packet that rtp_parse() has taken. */
bool rtp_extension(struct rtp_extension *out, const uint8_t *packet, size_t length);
/* The element at `*at`, which begins with 0 and moves on; padding is passed over. False: no more. */
bool rtpext_next(const struct rtp_extension *x, size_t *at, struct rtp_element *out);
bool rtpext_find(const struct rtp_extension *x, unsigned id, struct rtp_element *out);

/* What is in a packet that was mixed. */
struct rtp_mix {
    unsigned count;
    struct rtp_mix_source {
        uint32_t ssrc;
        uint8_t level; /* -dBov */
        bool voice;
    } sources[RTP_SOURCES_MAX];
    uint8_t level; /* of the whole */
    bool voice;    /* in it beside that of the sources */
};
/* Who gets it: his identifiers for both extensions, 0 where there is none, and the source that he is himself.
 */
struct rtp_mix_reader {
    uint8_t level_id, csrc_level_id;
    bool vad; /* he reads the level's V bit */
    bool known;
    uint32_t ssrc;
};
/*
 * Writes what he is to know behind the fixed header that rtp_build() has written to `packet`; the CSRC list
 * goes with the levels of its sources only. Returns the bytes written, at most RTP_SOURCES_SIZE, a multiple
 * of 4.
 */
size_t rtp_mix_write(uint8_t *packet, const struct rtp_mix *mix, const struct rtp_mix_reader *reader);

/*
 * Copies a packet to `out` (which has room for `length`) for a reader with other identifiers: an element of
 * identifier i gets ids[i], or is left out where that is 0, as are all above 14. Returns its length.
 */
size_t rtpext_translate(uint8_t *out, const uint8_t *packet, size_t length, const uint8_t ids[RTPEXT_IDS]);

#endif
