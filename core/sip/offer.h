/*
 * Offer and answer (RFC 3264, RFC 6337): SDP text on one side, struct media_format on the other. One audio
 * stream is ours; other streams are refused with port 0. The o= line's session id is stable, its version
 * grows by one with each change.
 *
 * SRTP (RFC 4568): "optional" offers keys within RTP/AVP, which whoever does not know them passes over, and
 * takes whatever is offered, protected if it can be; "required" offers and takes RTP/SAVP, or RTP/AVP with
 * keys; "off" neither offers nor takes any. Our own key is made once and stays as long as it is used.
 *
 * Ownership: the leg owns its negotiation. Threads: signalling. Failure: EINVAL text that is no SDP (400 or
 * 488), ENOPROTOOPT no codec in common, no audio, or none protected as it must be (488), EPROTO an answer
 * that does not fit its offer.
 */
#ifndef CONFAB_SIP_OFFER_H
#define CONFAB_SIP_OFFER_H

#include "core/base/media.h"

#include <stddef.h>

#define SDP_TEXT 4096 /* longest SDP that is written */

struct negotiation;

/* What one leg may use: its own address and codecs in its order of preference. */
struct media_capabilities {
    struct sockaddr_storage rtp; /* with port */
    enum codec codecs[CODEC_COUNT];
    size_t codec_count;
    unsigned ptime_ms; /* 20 */
    bool dtmf;         /* offer telephone-event */
    enum srtp_policy srtp;
    bool levels; /* offer and answer audio levels (RFC 6464, RFC 6465) */
};

__attribute__((warn_unused_result)) int negotiation_new(struct negotiation **out);
void negotiation_free(struct negotiation *n);
/* Takes over the keys of `from`, which made the same offer: another answer to it means them too. */
void negotiation_share_keys(struct negotiation *n, const struct negotiation *from);

/*
 * Writes an offer: the first one, or one in an established session (payload types then stay as they were).
 * `send` and `receive` are the direction wanted: hold offers send without receive (sendonly) or inactive.
 * ENOSPC: does not fit.
 */
__attribute__((warn_unused_result)) int negotiation_offer(struct negotiation *n,
                                                          const struct media_capabilities *own, bool send,
                                                          bool receive, char *out, size_t size);
/*
 * The far side's answer to that offer. On an error the session stays as it was. A later answer to the same
 * offer is taken too: of a 200 after a 183, or of another fork (RFC 6337 §3.1.1). EPROTO: there is no offer
 * of ours either.
 */
__attribute__((warn_unused_result)) int negotiation_accept(struct negotiation *n, const char *answer,
                                                           struct media_format *out);
/* The offer failed (488, 491, …): the session stays as it was. */
void negotiation_revert(struct negotiation *n);

/*
 * The far side's offer: reads it (what codecs has he, in his order; does he hold us?) without answering yet.
 * `codecs` gets those that we know too.
 */
struct offer_summary {
    enum codec codecs[CODEC_COUNT];
    size_t codec_count;
    bool send, receive; /* from our side: he holds when send is false */
    unsigned ptime_ms;
};
__attribute__((warn_unused_result)) int negotiation_peek(const char *offer, enum srtp_policy srtp,
                                                         struct offer_summary *out);
/*
 * Answers it: `own->codecs[0]` is preferred when it is offered, then the offer's order. The direction
 * answered is what both allow. Early and final answer to one INVITE are the same text (RFC 6337 §3.1.1):
 * calling it again with the same offer gives the same SDP.
 */
__attribute__((warn_unused_result)) int negotiation_answer(struct negotiation *n, const char *offer,
                                                           const struct media_capabilities *own, bool send,
                                                           bool receive, char *out, size_t size,
                                                           struct media_format *format);

/*
 * A fax that goes on with T.38 in place of sound (T.38 Annex D). ENOPROTOOPT: the offer has none over UDPTL. The answer takes the
 * first image stream and refuses all others; later offers of sound are answered as ever.
 */
struct image_offer {
    struct sockaddr_storage remote;
    unsigned version, max_datagram; /* bytes; 0: not said */
    bool fill_bit_removal, local_tcf;
};
__attribute__((warn_unused_result)) int negotiation_peek_image(const char *offer, struct image_offer *out);
__attribute__((warn_unused_result)) int negotiation_answer_image(struct negotiation *n, const char *offer,
                                                                 const struct media_capabilities *own, char *out,
                                                                 size_t size);

#endif
