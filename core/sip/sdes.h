/*
 * Keys for SRTP in SDP: the a=crypto lines of RFC 4568 with the suites of RFC 3711 and RFC 7714. Private to
 * core/sip.
 *
 * Ownership: values; they hold secrets, so whoever keeps one wipes it. Threads: signalling. Failure: EINVAL
 * for a line that is wrong or asks for something that is not done here; such a line is passed over for the
 * next one.
 */
#ifndef CONFAB_SIP_SDES_H
#define CONFAB_SIP_SDES_H

#include "core/base/media.h"

#include <stdbool.h>
#include <stddef.h>

#define SDES_LINES_MAX 8   /* crypto lines of one stream that are looked at */
#define SDES_LINE_TEXT 128 /* bytes of a line that is written, with its CRLF and NUL */

struct sdes_line {
    unsigned tag; /* 1 to 999999999, as its sender numbered it */
    enum srtp_suite suite;
    uint8_t key[SRTP_KEY_MAX]; /* master key, then salt */
};

/*
 * Reads what follows "a=crypto:". Not done here, and so EINVAL: a master key identifier, several keys in one
 * line, and every session parameter that would change what a packet looks like (§6.3).
 */
__attribute__((warn_unused_result)) int sdes_read(struct sdes_line *out, const char *text);

/* "a=crypto:… inline:…" and CRLF. */
void sdes_write(char out[SDES_LINE_TEXT], const struct sdes_line *line);

/* Our own keys of one session. Zeroed: none is made yet. */
struct sdes_keys {
    enum srtp_suite used; /* by what was agreed last */
    bool made[SUITE_COUNT];
    uint8_t key[SUITE_COUNT][SRTP_KEY_MAX];
};
/* The key for `suite`: the one there is, else a new one. */
const uint8_t *sdes_keys_get(struct sdes_keys *keys, enum srtp_suite suite);
/*
 * `suite` was agreed. A key that was used and is not any more is wiped: under it the numbers would begin anew
 * one day, and no packet may have the key stream of another (RFC 3711 §9.1).
 */
void sdes_keys_settle(struct sdes_keys *keys, enum srtp_suite suite);

#endif
