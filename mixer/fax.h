/*
 * Receiving a fax (ITU-T T.30) as an answering machine does: from the sound of a G.711 call or, once the far
 * side asks for it, from T.38 packets. SpanDSP is the modem; the pages go to a TIFF file (T.6).
 *
 * Ownership: whoever made it frees it. Threads: one at a time, and none that may not wait for a disk: pages
 * are written as they come. Failure: as said at each function; what was received before a failure is in the
 * file.
 */
#ifndef CONFAB_MIXER_FAX_H
#define CONFAB_MIXER_FAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fax_machine;

/* What is taken of one sender; 0: as much as he has. */
struct fax_limits {
    unsigned pages;
    uint64_t bytes; /* of the file */
};

/* `path` is made with the first page. `ident`: our number as the sender's display shows it (CSI), 20
 * characters at most. A fax that has more than `limits` allow ends with the page that reaches them. */
__attribute__((warn_unused_result)) int fax_machine_new(struct fax_machine **out, const char *path,
                                                        const char *ident, const struct fax_limits *limits);
void fax_machine_free(struct fax_machine *f);

/* Sound at 8 kHz: what came, and what is to be said in the same time. */
void fax_machine_sound(struct fax_machine *f, const int16_t *in, int16_t *out, size_t samples);

/* What the far side's offer says (RFC 3362 and T.38 Annex D). */
struct fax_t38 {
    unsigned version, max_datagram; /* bytes; 0: not said */
    bool fill_bit_removal, local_tcf;
};
typedef void fax_send(void *arg, const uint8_t *datagram, size_t length);
/* From now on packets instead of sound; T.30 begins anew, as both sides have just changed. Where packets
 * come already, an offer once more goes on with the page in hand. ENOMEM. */
__attribute__((warn_unused_result)) int
fax_machine_change(struct fax_machine *f, const struct fax_t38 *format, fax_send *send, void *arg);
void fax_machine_packet(struct fax_machine *f, const uint8_t *datagram, size_t length);
void fax_machine_pass(struct fax_machine *f, unsigned ms); /* time passes; packets that are due are sent */

struct fax_result {
    unsigned pages;
    bool complete;   /* the sender said that these were all, and was told that they have come */
    char sender[21]; /* his number as he gave it (TSI), printable ASCII; may be "" */
    int code;        /* SpanDSP's, for the log */
};
/* True once T.30 has ended. */
bool fax_machine_ended(const struct fax_machine *f);
/* The call has gone: what has come so far. */
void fax_machine_read(struct fax_machine *f, struct fax_result *out);

/* CNG: the tone with which a calling fax machine says that it is one (1100 Hz, half a second in every 3.5).
 */
struct cng_detector;
__attribute__((warn_unused_result)) int cng_detector_new(struct cng_detector **out);
void cng_detector_free(struct cng_detector *d);
/* 8 kHz. True once, when it has been heard. */
bool cng_detect(struct cng_detector *d, const int16_t *frame, size_t samples);

#endif
