/*
 * Nonces of our challenges: none is stored when it is made, and each is good once for every nonce count (RFC
 * 7616 §3.3, §5.4). A nonce is time, salt and an HMAC over both with a key of this process.
 *
 * Ownership: the holder frees it. Threads: one. Failure: ENOMEM at the start.
 */
#ifndef CONFAB_SIP_NONCE_H
#define CONFAB_SIP_NONCE_H

#include <stdint.h>

#define NONCE_TEXT 65    /* with its NUL */
#define NONCE_LIFE_S 300 /* after that it is stale */

struct nonces;

/* Keeps the counts of the `capacity` nonces that were used last. */
__attribute__((warn_unused_result)) int nonces_new(struct nonces **out, uint32_t capacity);
void nonces_free(struct nonces *n);

void nonce_make(struct nonces *n, char out[NONCE_TEXT]);

enum nonce_verdict {
    NONCE_GOOD,  /* ours, young, and this count was not used before: now it is */
    NONCE_STALE, /* ours but too old, or of a process before: a right answer to it deserves a new one */
    NONCE_REPLAYED
};
/* To be asked after the response was found right: otherwise anyone could use up counts. */
enum nonce_verdict nonce_use(struct nonces *n, const char *nonce, uint32_t nc);

#endif
