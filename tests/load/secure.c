/* SRTP as a phone does it that names its key in SDP (RFC 4568): AES_CM_128_HMAC_SHA1_80. */
#define _GNU_SOURCE
#include "tests/load/bench.h"

#include <openssl/evp.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define KEY_BYTES 30 /* RFC 4568 §6.2: key and salt */

struct secure {
    srtp_t out, in;
};

static srtp_t session_new(const uint8_t *key, uint32_t ssrc)
{
    srtp_policy_t policy = {.ssrc = {ssrc ? ssrc_specific : ssrc_any_inbound, ssrc},
                            .key = (uint8_t *)(uintptr_t)key};
    srtp_t session = NULL;

    srtp_crypto_policy_set_rtp_default(&policy.rtp);
    srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
    return srtp_create(&session, &policy) == srtp_err_status_ok ? session : NULL;
}

struct secure *secure_new(char key[KEY_TEXT], uint32_t ssrc)
{
    static bool ready;
    struct secure *secure = calloc(1, sizeof *secure);
    uint8_t bytes[KEY_BYTES];

    if (!ready && srtp_init() != srtp_err_status_ok)
        die("srtp_init");
    ready = true;
    if (!secure || getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        die("secure_new");
    EVP_EncodeBlock((unsigned char *)key, bytes, KEY_BYTES);
    secure->out = session_new(bytes, ssrc);
    if (!secure->out)
        die("srtp_create");
    return secure;
}

void secure_set_remote(struct secure *secure, const char *key)
{
    uint8_t bytes[KEY_TEXT];

    if (EVP_DecodeBlock(bytes, (const unsigned char *)key, (int)strlen(key)) >= KEY_BYTES)
        secure->in = session_new(bytes, 0);
}

void secure_free(struct secure *secure)
{
    if (!secure)
        return;
    srtp_dealloc(secure->out);
    if (secure->in)
        srtp_dealloc(secure->in);
    free(secure);
}

bool secure_protect(struct secure *secure, uint8_t *packet, size_t *length)
{
    int n = (int)*length;
    bool done = srtp_protect(secure->out, packet, &n) == srtp_err_status_ok;

    *length = (size_t)n;
    return done;
}

bool secure_unprotect(struct secure *secure, uint8_t *packet, size_t *length)
{
    int n = (int)*length;
    bool done = secure->in && srtp_unprotect(secure->in, packet, &n) == srtp_err_status_ok;

    *length = (size_t)n;
    return done;
}
