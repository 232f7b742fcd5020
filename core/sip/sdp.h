/*
 * SDP text (RFC 4566) read into plain values: only what offer.c needs to know of it. Private to core/sip.
 *
 * Ownership: values. Threads: signalling. Failure: EINVAL for text that is no SDP or that is out of bounds.
 */
#ifndef CONFAB_SIP_SDP_H
#define CONFAB_SIP_SDP_H

#include "core/base/media.h"
#include "core/sip/extmap.h"
#include "core/sip/sdes.h"

#include <stddef.h>

#define SDP_INPUT_MAX 16384 /* longest SDP that is read, in bytes */
#define SDP_STREAMS_MAX 16  /* m= lines of one session */
#define SDP_FORMATS_MAX 32  /* formats of one m= line that are looked at */

/* What a payload type can stand for: a codec (enum codec), or telephone-event at one of two clock rates (RFC
 * 4733). */
enum sdp_kind { SDP_EVENT_8000 = CODEC_COUNT, SDP_EVENT_48000, SDP_KIND_COUNT };

struct sdp_format {
    uint8_t kind; /* enum codec or enum sdp_kind */
    uint8_t pt;
};

/* An m= line as far as a refusal or a later offer must repeat it (RFC 3264 §6 and §8). */
struct sdp_line {
    char media[16], protocol[24], format[24];
};

/* T.38 (its Annex D, RFC 3362). */
struct sdp_t38 {
    unsigned version, max_datagram; /* bytes; 0: not said */
    bool fill_bit_removal, local_tcf;
};

struct sdp_stream {
    struct sdp_line line;
    bool image; /* T.38 over UDPTL, enabled: `t38` and `rtp` are its */
    struct sdp_t38 t38;
    bool usable; /* audio in RTP or SRTP, enabled, to one receiver: one that we could take */
    bool secure; /* its profile is RTP/SAVP or RTP/SAVPF; then it is usable with a key only */
    struct sdes_line keys[SDES_LINES_MAX]; /* those that mean something here, in the sender's order */
    size_t key_count;
    bool keyed;                                 /* it has a=crypto, whether or not it means something here */
    struct sdp_format formats[SDP_FORMATS_MAX]; /* those that we know, in the sender's order */
    size_t format_count;
    uint8_t taken[16];              /* bit map of all its payload types, unknown ones too */
    bool sends, receives;           /* from its author's side */
    unsigned ptime_ms, maxptime_ms; /* 0: not said */
    bool opus_fec, opus_dtx, rtcp_mux;
    struct extmap_list extmaps;
    struct sockaddr_storage rtp, rtcp; /* AF_UNSPEC: a name, or the 0.0.0.0 of old hold */
};

struct sdp_description {
    struct sdp_stream streams[SDP_STREAMS_MAX];
    size_t stream_count;
};

/* Reads an offer or an answer. EINVAL; ENOMEM. */
__attribute__((warn_unused_result)) int sdp_read(struct sdp_description *out, const char *text);

/* The payload type that `kind` has in this stream, or MEDIA_NO_PT. */
uint8_t sdp_stream_pt(const struct sdp_stream *stream, unsigned kind);

#endif
