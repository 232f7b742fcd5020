/*
 * HTTP digest as SIP uses it (RFC 3261 §22, RFC 7616, RFC 8760): parsing and arithmetic, without state.
 *
 * Ownership: values. Threads: any. Failure: EINVAL for credentials that make no sense; EIO when OpenSSL
 * refuses a hash.
 */
#ifndef CONFAB_SIP_DIGEST_H
#define CONFAB_SIP_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_TEXT 65 /* hexadecimal hash with its NUL, of the longest algorithm */

enum digest_algorithm { DIGEST_MD5, DIGEST_SHA256 };

/* An Authorization or Proxy-Authorization header, quotes taken off. */
struct digest_credentials {
    enum digest_algorithm algorithm; /* MD5 when the header does not say (RFC 7616 §3.4) */
    char username[128], realm[256], nonce[128], uri[512], response[DIGEST_TEXT], cnonce[128];
    uint32_t nc;
    char nc_text[9];
};

/*
 * Reads the parameters of a Digest header: "name=value" or "name=\"value\"", ended by NULL, as Sofia keeps
 * them. qop must be auth: without it there is no nonce count to tell a replay by.
 */
__attribute__((warn_unused_result)) int digest_parse(struct digest_credentials *out,
                                                     const char *const *params);

/* H(username:realm:password): what storage keeps. */
__attribute__((warn_unused_result)) int digest_ha1(enum digest_algorithm algorithm, const char *username,
                                                   const char *realm, const char *password,
                                                   char out[DIGEST_TEXT]);
/* The response (RFC 7616 §3.4.1) that `c` ought to hold for `method` and this HA1. */
__attribute__((warn_unused_result)) int digest_response(const struct digest_credentials *c, const char *ha1,
                                                        const char *method, char out[DIGEST_TEXT]);

/* A WWW-Authenticate or Proxy-Authenticate header, quotes taken off and escapes left as they are. */
struct digest_challenge {
    enum digest_algorithm algorithm; /* MD5 when the header does not say */
    char realm[256], nonce[512], opaque[512];
    bool qop;   /* auth; else as RFC 2069 has it */
    bool stale; /* the credentials were right, the nonce is too old */
};

/* EINVAL: no challenge, or one that takes what we cannot do: another algorithm, auth-int alone. */
__attribute__((warn_unused_result)) int digest_challenge_parse(struct digest_challenge *out,
                                                               const char *const *params);
/* nextnonce of Authentication-Info or Proxy-Authentication-Info. ENOENT: it has none that fits. */
__attribute__((warn_unused_result)) int digest_next_nonce(char *out, size_t size, const char *const *params);

#define DIGEST_ANSWER_TEXT 2560
/* The value of the header that answers: "Digest username=…". `user` needs no escapes. ENOSPC, EIO. */
__attribute__((warn_unused_result)) int digest_answer(const struct digest_challenge *c, const char *user,
                                                      const char *password, const char *method,
                                                      const char *uri, const char *cnonce, uint32_t nc,
                                                      char out[DIGEST_ANSWER_TEXT]);
/* Whether two hashes in hexadecimal are the same, in a time that does not tell where they differ. */
bool digest_equal(const char *a, const char *b);

#endif
