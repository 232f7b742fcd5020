#include "core/base/media.h"

#include <string.h>
#include <strings.h>

/* RFC 3551 §6 for the static types; RFC 7587 §4.1 for Opus. */
static const struct codec_facts {
    const char *name;
    uint32_t clock, rate;
    uint8_t static_pt;
} facts[CODEC_COUNT] = {
    [CODEC_PCMU] = {"PCMU", 8000, 8000, 0},
    [CODEC_PCMA] = {"PCMA", 8000, 8000, 8},
    [CODEC_G722] = {"G722", 8000, 16000, 9},
    [CODEC_OPUS] = {"opus", 48000, 48000, MEDIA_NO_PT},
};

const char *codec_name(enum codec codec)
{
    return facts[codec].name;
}

uint32_t codec_clock(enum codec codec)
{
    return facts[codec].clock;
}

uint32_t codec_rate(enum codec codec)
{
    return facts[codec].rate;
}

int codec_from_name(const char *name)
{
    for (int i = 0; i < CODEC_COUNT; i++) {
        if (strcasecmp(name, facts[i].name) == 0) {
            return i;
        }
    }
    return -1;
}

uint8_t codec_static_pt(enum codec codec)
{
    return facts[codec].static_pt;
}

/* RFC 4568 §6.2, RFC 7714 §14.2. */
static const struct suite_facts {
    const char *name;
    uint8_t key, salt;
} suites[SUITE_COUNT] = {
    [SUITE_NONE] = {"-", 0, 0},
    [SUITE_AES_CM_128_HMAC_SHA1_80] = {"AES_CM_128_HMAC_SHA1_80", 16, 14},
    [SUITE_AES_CM_128_HMAC_SHA1_32] = {"AES_CM_128_HMAC_SHA1_32", 16, 14},
    [SUITE_AEAD_AES_128_GCM] = {"AEAD_AES_128_GCM", 16, 12},
    [SUITE_AEAD_AES_256_GCM] = {"AEAD_AES_256_GCM", 32, 12},
};

const char *suite_name(enum srtp_suite suite)
{
    return suites[suite].name;
}

enum srtp_suite suite_from_name(const char *name)
{
    for (unsigned i = SUITE_NONE + 1; i < SUITE_COUNT; i++) {
        if (strcasecmp(name, suites[i].name) == 0) {
            return (enum srtp_suite)i;
        }
    }
    return SUITE_NONE;
}

size_t suite_key_length(enum srtp_suite suite)
{
    return suites[suite].key;
}

size_t suite_salt_length(enum srtp_suite suite)
{
    return suites[suite].salt;
}

int srtp_policy_from_name(const char *name)
{
    static const char *const names[] = {
        [SRTP_OFF] = "off", [SRTP_OPTIONAL] = "optional", [SRTP_REQUIRED] = "required"};

    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        if (strcmp(name, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}
