/* SRTP's transforms: see srtp.h. Indices, keys and the order of bytes are those of RFC 3711 §3 and §4, RFC
 * 7714 §8 and §9. */
/* SHA-1 by its own functions: OpenSSL 3 calls them deprecated, but its EVP digests take memory at each
 * beginning. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "mixer/srtp.h"
#include "mixer/bytes.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RTP_FIXED 12
#define RTCP_CLEAR 8 /* bytes of SRTCP that are not encrypted: the first header and the SSRC */
#define SHA1_BLOCK 64
#define SHA1_SIZE SHA_DIGEST_LENGTH
#define AUTH_KEY 20
#define GCM_TAG 16
#define IV_SIZE 16
#define WINDOW 128            /* packets, of replays (§3.3.2: at least 64) */
#define ENCRYPTED 0x80000000U /* SRTCP's E flag, before its index of 31 bits */

/* The session keys of RTP or of RTCP. */
struct keys {
    EVP_CIPHER_CTX *cipher;
    uint8_t salt[14];
    SHA_CTX inner, outer; /* HMAC's, after its padded keys (RFC 2104 §4) */
    size_t tag;           /* bytes */
};

/* Which indices were there: bit i stands for `highest` - i. */
struct window {
    bool begun;
    uint64_t highest;
    uint64_t bits[WINDOW / 64];
};

struct source {
    uint32_t ssrc;
    struct window rtp, rtcp;
};

struct srtp {
    bool gcm;
    struct keys rtp, rtcp;
    struct source sources[SRTP_SOURCES_MAX];
    unsigned count;
    struct source spare; /* of an SSRC that is not believed yet */
};

/* -- keys
 * -----------------------------------------------------------------------------------------------------------
 */

/* §4.3.1 with a key derivation rate of 0: the key stream of AES in counter mode that begins at salt and
 * label. */
static int key_derive(uint8_t *out, size_t size, EVP_CIPHER_CTX *master, const uint8_t salt[14],
                      uint8_t label)
{
    uint8_t iv[IV_SIZE] = {0};
    static const uint8_t zero[SRTP_KEY_MAX];
    int got = 0;

    memcpy(iv, salt, 14);
    iv[7] ^= label;
    if (EVP_EncryptInit_ex(master, NULL, NULL, NULL, iv) != 1 ||
        EVP_EncryptUpdate(master, out, &got, zero, (int)size) != 1 || got != (int)size)
        return EIO;
    return 0;
}

static const EVP_CIPHER *session_cipher(const struct srtp *s, size_t key_length)
{
    if (!s->gcm)
        return EVP_aes_128_ctr();
    return key_length == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

/* `label` is that of the encryption key; those of the authentication key and of the salt follow it. */
static int keys_make(struct srtp *s, struct keys *keys, EVP_CIPHER_CTX *master, const uint8_t salt[14],
                     size_t key_length, size_t salt_length, uint8_t label)
{
    uint8_t key[32], auth[AUTH_KEY], inner[SHA1_BLOCK], outer[SHA1_BLOCK];
    int error = key_derive(key, key_length, master, salt, label);

    if (!error)
        error = key_derive(auth, sizeof auth, master, salt, label + 1);
    if (!error)
        error = key_derive(keys->salt, salt_length, master, salt, label + 2);
    if (error)
        goto out;
    memset(inner, 0x36, sizeof inner);
    memset(outer, 0x5c, sizeof outer);
    for (size_t i = 0; i < sizeof auth; i++) {
        inner[i] ^= auth[i];
        outer[i] ^= auth[i];
    }
    if (SHA1_Init(&keys->inner) != 1 || SHA1_Update(&keys->inner, inner, sizeof inner) != 1 ||
        SHA1_Init(&keys->outer) != 1 || SHA1_Update(&keys->outer, outer, sizeof outer) != 1) {
        error = EIO;
        goto out;
    }
    keys->cipher = EVP_CIPHER_CTX_new();
    if (!keys->cipher)
        error = ENOMEM;
    else if (EVP_CipherInit_ex(keys->cipher, session_cipher(s, key_length), NULL, key, NULL, 1) != 1)
        error = EIO;
out:
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(auth, sizeof auth);
    OPENSSL_cleanse(inner, sizeof inner);
    OPENSSL_cleanse(outer, sizeof outer);
    return error;
}

int srtp_new(struct srtp **out, enum srtp_suite suite, const uint8_t *key)
{
    size_t key_length = suite_key_length(suite), salt_length = suite_salt_length(suite);
    EVP_CIPHER_CTX *master = EVP_CIPHER_CTX_new();
    struct srtp *s = calloc(1, sizeof *s);
    uint8_t salt[14] = {0}; /* GCM's 12 bytes are filled up with zeros (RFC 7714 §11) */
    int error = ENOMEM;

    if (!s || !master)
        goto out;
    s->gcm = suite == SUITE_AEAD_AES_128_GCM || suite == SUITE_AEAD_AES_256_GCM;
    error = EIO;
    if (EVP_EncryptInit_ex(master, key_length == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr(), NULL, key,
                           NULL) != 1)
        goto out;
    memcpy(salt, key + key_length, salt_length);
    error = keys_make(s, &s->rtp, master, salt, key_length, salt_length, 0);
    if (!error)
        error = keys_make(s, &s->rtcp, master, salt, key_length, salt_length, 3);
    /* RFC 4568 §6.2.2: the short tag is RTP's alone. */
    s->rtp.tag = s->gcm ? GCM_TAG : suite == SUITE_AES_CM_128_HMAC_SHA1_32 ? 4 : 10;
    s->rtcp.tag = s->gcm ? GCM_TAG : 10;
out:
    EVP_CIPHER_CTX_free(master);
    OPENSSL_cleanse(salt, sizeof salt);
    if (error)
        srtp_free(s);
    else
        *out = s;
    return error;
}

void srtp_free(struct srtp *s)
{
    if (!s)
        return;
    EVP_CIPHER_CTX_free(s->rtp.cipher);
    EVP_CIPHER_CTX_free(s->rtcp.cipher);
    OPENSSL_cleanse(s, sizeof *s);
    free(s);
}

/* -- indices
 * -------------------------------------------------------------------------------------------------------- */

/* The state of an SSRC, or a fresh one that source_keep() enters; NULL: there are too many. */
static struct source *source_find(struct srtp *s, uint32_t ssrc)
{
    for (unsigned i = s->count; i-- > 0;) /* the newest is the likely one */
        if (s->sources[i].ssrc == ssrc)
            return &s->sources[i];
    if (s->count == SRTP_SOURCES_MAX)
        return NULL;
    s->spare = (struct source){.ssrc = ssrc};
    return &s->spare;
}

static void source_keep(struct srtp *s, const struct source *source)
{
    if (source == &s->spare)
        s->sources[s->count++] = *source;
}

/* 48 bits of rollover counter and sequence number, nearest to the highest so far (§3.3.1, appendix A). False:
 * it lies before the first packet of all. */
static bool index_guess(uint64_t *out, const struct window *w, uint16_t sequence)
{
    uint64_t rollovers = w->highest >> 16;
    uint16_t last = (uint16_t)w->highest;

    *out = sequence;
    if (!w->begun)
        return true;
    if (last < 32768 && sequence > last + 32768) {
        if (rollovers == 0)
            return false;
        rollovers--;
    } else if (last >= 32768 && sequence < last - 32768) {
        rollovers++;
    }
    *out = rollovers << 16 | sequence;
    return rollovers >> 32 == 0;
}

static bool window_has(const struct window *w, uint64_t index)
{
    uint64_t behind = w->highest - index;

    if (!w->begun || index > w->highest)
        return false;
    return behind >= WINDOW || w->bits[behind / 64] >> behind % 64 & 1;
}

static void window_note(struct window *w, uint64_t index)
{
    uint64_t ahead = index - w->highest, behind = w->highest - index;

    if (w->begun && index <= w->highest) {
        w->bits[behind / 64] |= UINT64_C(1) << behind % 64;
        return;
    }
    if (!w->begun || ahead >= WINDOW) {
        w->bits[0] = w->bits[1] = 0;
    } else if (ahead >= 64) {
        w->bits[1] = w->bits[0] << (ahead - 64);
        w->bits[0] = 0;
    } else {
        w->bits[1] = w->bits[1] << ahead | w->bits[0] >> (64 - ahead);
        w->bits[0] <<= ahead;
    }
    w->bits[0] |= 1;
    w->begun = true;
    w->highest = index;
}

/* -- transforms
 * ----------------------------------------------------------------------------------------------------- */

/* §4.1.1 and RFC 7714 §8.1, §9.1: what makes each packet's key stream its own. */
static void iv_make(const struct srtp *s, const struct keys *keys, uint8_t iv[IV_SIZE], uint32_t ssrc,
                    uint64_t index)
{
    size_t size = s->gcm ? 12 : 14;
    uint8_t *at = iv + (s->gcm ? 2 : 4);

    memset(iv, 0, IV_SIZE);
    write32(at, ssrc);
    at[4] = (uint8_t)(index >> 40);
    at[5] = (uint8_t)(index >> 32);
    write32(at + 6, (uint32_t)index);
    for (size_t i = 0; i < size; i++)
        iv[i] ^= keys->salt[i];
}

/* `size` bytes from `in` to `out`, which may be the same. */
static bool stream_run(const struct keys *keys, const uint8_t iv[IV_SIZE], const uint8_t *in, size_t size,
                       uint8_t *out)
{
    int got = 0;

    return EVP_EncryptInit_ex(keys->cipher, NULL, NULL, NULL, iv) == 1 &&
           (size == 0 || EVP_EncryptUpdate(keys->cipher, out, &got, in, (int)size) == 1);
}

/* HMAC-SHA1 over the packet and four bytes more, unless `more` is NULL (§4.2). */
static bool tag_make(const struct keys *keys, const uint8_t *data, size_t length, const uint8_t *more,
                     uint8_t tag[SHA1_SIZE])
{
    SHA_CTX inner = keys->inner, outer = keys->outer;

    return SHA1_Update(&inner, data, length) == 1 && (!more || SHA1_Update(&inner, more, 4) == 1) &&
           SHA1_Final(tag, &inner) == 1 && SHA1_Update(&outer, tag, SHA1_SIZE) == 1 &&
           SHA1_Final(tag, &outer) == 1;
}

/* What GCM needs of one packet: the part that stays readable, four bytes more (or NULL), the part that does
 * not. */
struct sealed {
    const uint8_t *clear, *more;
    size_t clear_length;
    const uint8_t *in;
    uint8_t *out;
    size_t size;
};

/* The tag stands (or goes) behind what is encrypted. */
static bool gcm_run(const struct keys *keys, const uint8_t iv[IV_SIZE], const struct sealed *p, bool seal)
{
    EVP_CIPHER_CTX *c = keys->cipher;
    uint8_t nothing[GCM_TAG], tag[GCM_TAG];
    int got = 0;

    if (!seal)
        memcpy(tag, p->in + p->size, GCM_TAG);
    if (EVP_CipherInit_ex(c, NULL, NULL, NULL, iv, seal) != 1 ||
        (!seal && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag) != 1) ||
        EVP_CipherUpdate(c, NULL, &got, p->clear, (int)p->clear_length) != 1 ||
        (p->more && EVP_CipherUpdate(c, NULL, &got, p->more, 4) != 1) ||
        (p->size && EVP_CipherUpdate(c, p->out, &got, p->in, (int)p->size) != 1) ||
        EVP_CipherFinal_ex(c, nothing, &got) != 1)
        return false;
    return !seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, p->out + p->size) == 1;
}

/* -- RTP
 * ------------------------------------------------------------------------------------------------------------
 */

/* Bytes before the payload: they are authenticated and stay readable. 0: no RTP. */
static size_t header_length(const uint8_t *packet, size_t length)
{
    size_t at = RTP_FIXED + 4 * (size_t)(packet[0] & 15);

    if (packet[0] >> 6 != 2)
        return 0;
    if (packet[0] & 0x10) {
        if (length < at + 4)
            return 0;
        at += 4 + 4 * ((size_t)packet[at + 2] << 8 | packet[at + 3]);
    }
    return at <= length ? at : 0;
}

size_t srtp_seal(struct srtp *s, uint8_t *packet, size_t length)
{
    uint8_t iv[IV_SIZE], rollovers[4], tag[SHA1_SIZE];
    size_t header = length >= RTP_FIXED ? header_length(packet, length) : 0;
    struct source *source = header ? source_find(s, read32(packet + 8)) : NULL;
    uint64_t index;

    if (!source || !index_guess(&index, &source->rtp, (uint16_t)(packet[2] << 8 | packet[3])) ||
        window_has(&source->rtp, index))
        return 0;
    /* Whatever happens to it, this index is used up. */
    window_note(&source->rtp, index);
    iv_make(s, &s->rtp, iv, source->ssrc, index);
    source_keep(s, source);
    if (s->gcm) {
        struct sealed p = {packet, NULL, header, packet + header, packet + header, length - header};

        return gcm_run(&s->rtp, iv, &p, true) ? length + GCM_TAG : 0;
    }
    write32(rollovers, (uint32_t)(index >> 16));
    if (!stream_run(&s->rtp, iv, packet + header, length - header, packet + header) ||
        !tag_make(&s->rtp, packet, length, rollovers, tag))
        return 0;
    memcpy(packet + length, tag, s->rtp.tag);
    return length + s->rtp.tag;
}

size_t srtp_open(struct srtp *s, const uint8_t *packet, size_t length, uint8_t *out)
{
    uint8_t iv[IV_SIZE], rollovers[4], tag[SHA1_SIZE];
    size_t end = length >= RTP_FIXED + s->rtp.tag ? length - s->rtp.tag : 0;
    size_t header = end ? header_length(packet, end) : 0;
    struct source *source = header ? source_find(s, read32(packet + 8)) : NULL;
    uint64_t index;

    if (!source || !index_guess(&index, &source->rtp, (uint16_t)(packet[2] << 8 | packet[3])) ||
        window_has(&source->rtp, index))
        return 0;
    iv_make(s, &s->rtp, iv, source->ssrc, index);
    if (s->gcm) {
        struct sealed p = {packet, NULL, header, packet + header, out + header, end - header};

        if (!gcm_run(&s->rtp, iv, &p, false))
            return 0;
    } else {
        write32(rollovers, (uint32_t)(index >> 16));
        if (!tag_make(&s->rtp, packet, end, rollovers, tag) ||
            CRYPTO_memcmp(tag, packet + end, s->rtp.tag) != 0 ||
            !stream_run(&s->rtp, iv, packet + header, end - header, out + header))
            return 0;
    }
    memcpy(out, packet, header);
    window_note(&source->rtp, index);
    source_keep(s, source);
    return end;
}

/* -- RTCP: the first packet's header and SSRC stay readable; E flag and index follow, before the tag or
 * behind GCM's (§3.4, RFC 7714 §9.2)
 * -------------------------------------------------------------------------------------------- */

size_t srtp_seal_rtcp(struct srtp *s, uint8_t *packet, size_t length)
{
    struct source *source = length >= RTCP_CLEAR ? source_find(s, read32(packet + 4)) : NULL;
    uint8_t iv[IV_SIZE], trailer[4], tag[SHA1_SIZE];
    size_t size = length - RTCP_CLEAR;
    uint64_t index;

    if (!source)
        return 0;
    index = source->rtcp.begun ? source->rtcp.highest + 1 : 0;
    if (index >= ENCRYPTED)
        return 0;
    window_note(&source->rtcp, index);
    iv_make(s, &s->rtcp, iv, source->ssrc, index);
    source_keep(s, source);
    write32(trailer, ENCRYPTED | (uint32_t)index);
    if (s->gcm) {
        struct sealed p = {packet, trailer, RTCP_CLEAR, packet + RTCP_CLEAR, packet + RTCP_CLEAR, size};

        if (!gcm_run(&s->rtcp, iv, &p, true))
            return 0;
        memcpy(packet + length + GCM_TAG, trailer, sizeof trailer);
        return length + GCM_TAG + sizeof trailer;
    }
    if (!stream_run(&s->rtcp, iv, packet + RTCP_CLEAR, size, packet + RTCP_CLEAR))
        return 0;
    memcpy(packet + length, trailer, sizeof trailer);
    if (!tag_make(&s->rtcp, packet, length + sizeof trailer, NULL, tag))
        return 0;
    memcpy(packet + length + sizeof trailer, tag, s->rtcp.tag);
    return length + sizeof trailer + s->rtcp.tag;
}

size_t srtp_open_rtcp(struct srtp *s, const uint8_t *packet, size_t length, uint8_t *out)
{
    size_t added = 4 + s->rtcp.tag, end = length >= RTCP_CLEAR + added ? length - added : 0;
    const uint8_t *trailer = packet + (s->gcm ? length - 4 : end);
    struct source *source = end ? source_find(s, read32(packet + 4)) : NULL;
    uint8_t iv[IV_SIZE], tag[SHA1_SIZE];
    uint32_t index;

    /* The suites encrypt, so what says that it is not is forged. */
    if (!source || !(read32(trailer) & ENCRYPTED))
        return 0;
    index = read32(trailer) & ~ENCRYPTED;
    if (window_has(&source->rtcp, index))
        return 0;
    iv_make(s, &s->rtcp, iv, source->ssrc, index);
    if (s->gcm) {
        struct sealed p = {packet,           trailer,         RTCP_CLEAR, packet + RTCP_CLEAR,
                           out + RTCP_CLEAR, end - RTCP_CLEAR};

        if (!gcm_run(&s->rtcp, iv, &p, false))
            return 0;
    } else if (!tag_make(&s->rtcp, packet, end + 4, NULL, tag) ||
               CRYPTO_memcmp(tag, packet + end + 4, s->rtcp.tag) != 0 ||
               !stream_run(&s->rtcp, iv, packet + RTCP_CLEAR, end - RTCP_CLEAR, out + RTCP_CLEAR)) {
        return 0;
    }
    memcpy(out, packet, RTCP_CLEAR);
    window_note(&source->rtcp, index);
    source_keep(s, source);
    return end;
}
