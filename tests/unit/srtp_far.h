/*
 * The far side of SRTP for tests: libsrtp2, which is not ours.
 *
 * Ownership: srtp_dealloc() ends it. Threads: the test's own. Failure: the case fails.
 */
#ifndef CONFAB_TESTS_SRTP_FAR_H
#define CONFAB_TESTS_SRTP_FAR_H

#include "core/base/media.h"

#include <check.h>
#include <srtp2/srtp.h>
#include <string.h>

/* `type`: ssrc_any_inbound opens what comes, ssrc_any_outbound seals. srtp_init() was called. */
static inline srtp_t far_new(enum srtp_suite suite, const uint8_t *key, srtp_ssrc_type_t type)
{
    uint8_t copy[SRTP_KEY_MAX];
    srtp_policy_t policy = {.ssrc = {type, 0}, .key = copy, .window_size = 128};
    srtp_t s;

    memcpy(copy, key, sizeof copy);
    if (suite == SUITE_AEAD_AES_128_GCM) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    } else if (suite == SUITE_AEAD_AES_256_GCM) {
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
    } else {
        srtp_crypto_policy_set_rtp_default(&policy.rtp);
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
        if (suite == SUITE_AES_CM_128_HMAC_SHA1_32)
            srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp);
    }
    ck_assert_int_eq(srtp_create(&s, &policy), srtp_err_status_ok);
    return s;
}

#endif
