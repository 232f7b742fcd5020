/* Nonces: made without a trace, and a bounded book of the counts that were used. */
#include "core/sip/nonce.h"

#include "core/base/clock.h"
#include "core/base/ids.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define STAMP_DIGITS 16 /* seconds of the monotonic clock: the wall clock may step */
#define SALT_DIGITS 16
#define MAC_DIGITS 32
#define WINDOW 64
#define NOBODY UINT32_MAX

struct use {
    uint64_t salt, stamp;
    uint64_t seen;    /* bit i: count highest - i was used */
    uint32_t highest; /* 0: the entry is empty */
    uint32_t next;    /* in its chain */
};

struct nonces {
    char key[65];
    uint64_t floor; /* nonces up to this second that are not in the book may have been forgotten: stale */
    uint32_t capacity, oldest;
    uint32_t *chains;
    struct use *uses;
};

int nonces_new(struct nonces **out, uint32_t capacity)
{
    struct nonces *n = calloc(1, sizeof *n);

    if (n == NULL)
        return ENOMEM;
    n->capacity = capacity;
    n->chains = malloc(capacity * sizeof *n->chains);
    n->uses = calloc(capacity, sizeof *n->uses);
    if (n->chains == NULL || n->uses == NULL) {
        nonces_free(n);
        return ENOMEM;
    }
    memset(n->chains, 0xff, capacity * sizeof *n->chains);
    random_hex(n->key, 32);
    *out = n;
    return 0;
}

void nonces_free(struct nonces *n)
{
    if (n == NULL)
        return;
    free(n->chains);
    free(n->uses);
    free(n);
}

static void mac_make(const struct nonces *n, const char *text, size_t length, char out[MAC_DIGITS + 1])
{
    unsigned char mac[EVP_MAX_MD_SIZE] = {0};
    unsigned size = 0;

    HMAC(EVP_sha256(), n->key, (int)strlen(n->key), (const unsigned char *)text, length, mac, &size);
    for (int i = 0; i < MAC_DIGITS / 2; i++)
        sprintf(out + 2 * i, "%02x", mac[i]);
}

void nonce_make(struct nonces *n, char out[NONCE_TEXT])
{
    snprintf(out, NONCE_TEXT, "%016" PRIx64, clock_now_us() / 1000000);
    random_hex(out + STAMP_DIGITS, SALT_DIGITS / 2);
    mac_make(n, out, STAMP_DIGITS + SALT_DIGITS, out + STAMP_DIGITS + SALT_DIGITS);
}

static bool nonce_is_ours(const struct nonces *n, const char *nonce)
{
    char mac[MAC_DIGITS + 1];

    if (strlen(nonce) != STAMP_DIGITS + SALT_DIGITS + MAC_DIGITS)
        return false;
    mac_make(n, nonce, STAMP_DIGITS + SALT_DIGITS, mac);
    return CRYPTO_memcmp(mac, nonce + STAMP_DIGITS + SALT_DIGITS, MAC_DIGITS) == 0;
}

static uint64_t hex_read(const char *text, size_t digits)
{
    char part[17];

    memcpy(part, text, digits);
    part[digits] = '\0';
    return strtoull(part, NULL, 16);
}

/* Takes the place of the oldest entry out of its chain, for a new nonce. */
static struct use *use_add(struct nonces *n, uint64_t salt, uint64_t stamp)
{
    uint32_t index = n->oldest, *link;
    struct use *use = &n->uses[index];

    n->oldest = (n->oldest + 1) % n->capacity;
    if (use->highest) {
        for (link = &n->chains[use->salt % n->capacity]; *link != index;)
            link = &n->uses[*link].next;
        *link = use->next;
        if (use->stamp > n->floor)
            n->floor = use->stamp;
    }
    link = &n->chains[salt % n->capacity];
    *use = (struct use){.salt = salt, .stamp = stamp, .next = *link};
    *link = index;
    return use;
}

/* A sliding window, since UDP may bring two requests of one phone in the wrong order. */
static bool count_take(struct use *use, uint32_t nc)
{
    if (nc > use->highest) {
        uint32_t ahead = nc - use->highest;

        use->seen = ahead >= WINDOW ? 1 : use->seen << ahead | 1;
        use->highest = nc;
        return true;
    }
    if (use->highest - nc >= WINDOW || (use->seen >> (use->highest - nc) & 1))
        return false;
    use->seen |= UINT64_C(1) << (use->highest - nc);
    return true;
}

enum nonce_verdict nonce_use(struct nonces *n, const char *nonce, uint32_t nc)
{
    uint64_t stamp, salt, now = clock_now_us() / 1000000;
    struct use *use = NULL;

    if (!nonce_is_ours(n, nonce))
        return NONCE_STALE;
    stamp = hex_read(nonce, STAMP_DIGITS);
    salt = hex_read(nonce + STAMP_DIGITS, SALT_DIGITS);
    if (now - stamp > NONCE_LIFE_S)
        return NONCE_STALE;
    if (nc == 0)
        return NONCE_REPLAYED;
    for (uint32_t i = n->chains[salt % n->capacity]; i != NOBODY && use == NULL; i = n->uses[i].next)
        if (n->uses[i].salt == salt)
            use = &n->uses[i];
    if (use == NULL) {
        if (n->floor && stamp <= n->floor)
            return NONCE_STALE;
        use = use_add(n, salt, stamp);
    }
    return count_take(use, nc) ? NONCE_GOOD : NONCE_REPLAYED;
}
