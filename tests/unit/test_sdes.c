/* Keys in SDP: a=crypto lines, and what offer and answer make of them (RFC 4568). */
#include "core/sip/offer.h"
#include "core/sip/sdes.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "v=0\r\no=far 77 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
#define AVP "m=audio 4000 RTP/AVP 0\r\n"
#define SAVP "m=audio 4000 RTP/SAVP 0\r\n"
/* The key of RFC 4568 §9.2's example, thirty characters of an old C program. */
#define KEY30 "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
#define TEXT30 "YS___semctl () {\t220;}\n}\nunles"
#define KEY28 "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubA=="
#define KEY44 "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVzWVNfX19zZW1jdGwgKCk="
#define CM80 "AES_CM_128_HMAC_SHA1_80 inline:" KEY30
#define C80 "a=crypto:1 " CM80 "\r\n"

/* -- lines
 * ------------------------------------------------------------------------------------------------------------
 */

static const struct line_row {
    const char *clause, *text;
    unsigned tag; /* 0: refused */
    enum srtp_suite suite;
} line_rows[] = {
    {"§9.2: the mandatory suite", "1 " CM80, 1, SUITE_AES_CM_128_HMAC_SHA1_80},
    {"§6.2.2", "2 AES_CM_128_HMAC_SHA1_32 inline:" KEY30, 2, SUITE_AES_CM_128_HMAC_SHA1_32},
    {"RFC 7714 §14.2: 16 and 12 bytes", "3 AEAD_AES_128_GCM inline:" KEY28, 3, SUITE_AEAD_AES_128_GCM},
    {"RFC 7714 §14.2: 32 and 12 bytes", "4 AEAD_AES_256_GCM inline:" KEY44, 4, SUITE_AEAD_AES_256_GCM},
    {"§6.1: padding is discarded, or not written",
     "4 AEAD_AES_256_GCM inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVzWVNfX19zZW1jdGwgKCk", 4,
     SUITE_AEAD_AES_256_GCM},
    {"§9.1: a tag has up to nine digits", "999999999 " CM80, 999999999, SUITE_AES_CM_128_HMAC_SHA1_80},
    {"more spaces than one", "1  AES_CM_128_HMAC_SHA1_80   inline:" KEY30 " ", 1,
     SUITE_AES_CM_128_HMAC_SHA1_80},
    {"names without regard to case", "1 aes_cm_128_hmac_sha1_80 INLINE:" KEY30, 1,
     SUITE_AES_CM_128_HMAC_SHA1_80},
    {"§6.1: lifetime as a power", "1 " CM80 "|2^20", 1, SUITE_AES_CM_128_HMAC_SHA1_80},
    {"RFC 3711 §9.2: the longest one", "1 " CM80 "|2^48", 1, SUITE_AES_CM_128_HMAC_SHA1_80},
    {"§6.1: lifetime as a number", "1 " CM80 "|1048576", 1, SUITE_AES_CM_128_HMAC_SHA1_80},
    {"§6.3.6: a window is a hint", "1 " CM80 " WSH=128", 1, SUITE_AES_CM_128_HMAC_SHA1_80},
    {"§6.3.7: what may be passed over", "1 " CM80 "|2^31 -MORE=1 WSH=64", 1, SUITE_AES_CM_128_HMAC_SHA1_80},
    {"§9.2's example: it has an MKI", "1 " CM80 "|2^20|1:4 FEC_ORDER=FEC_SRTP", 0, SUITE_NONE},
    {"§6.1's example: an MKI alone", "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|1066:4", 0, SUITE_NONE},
    {"§6.1: two keys", "1 " CM80 ";inline:" KEY30, 0, SUITE_NONE},
    {"RFC 3711 §9.2: no key lasts longer", "1 " CM80 "|2^49", 0, SUITE_NONE},
    {"§6.1: no key lasts for nothing", "1 " CM80 "|0", 0, SUITE_NONE},
    {"lifetime without a number", "1 " CM80 "|", 0, SUITE_NONE},
    {"lifetime without a power", "1 " CM80 "|2^", 0, SUITE_NONE},
    {"lifetime with a word", "1 " CM80 "|2^2O", 0, SUITE_NONE},
    {"lifetime beyond counting", "1 " CM80 "|99999999999999999999", 0, SUITE_NONE},
    {"a byte too few", "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGU=", 0,
     SUITE_NONE},
    {"a byte too many", "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "AA==", 0, SUITE_NONE},
    {"a key of another suite", "1 AEAD_AES_256_GCM inline:" KEY30, 0, SUITE_NONE},
    {"no base64", "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVu*GVz", 0, SUITE_NONE},
    {"a byte above 127", "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVu\xc3GVz", 0,
     SUITE_NONE},
    {"padding within", "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVub=Vz", 0,
     SUITE_NONE},
    {"something else for padding", "1 AEAD_AES_128_GCM inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubA=x", 0,
     SUITE_NONE},
    {"§6.1: another key method", "1 AES_CM_128_HMAC_SHA1_80 uri:" KEY30, 0, SUITE_NONE},
    {"§6.3.1: a key derivation rate", "1 " CM80 " KDR=1", 0, SUITE_NONE},
    {"§6.3.2", "1 " CM80 " UNENCRYPTED_SRTP", 0, SUITE_NONE},
    {"§6.3.2", "1 " CM80 " UNENCRYPTED_SRTCP", 0, SUITE_NONE},
    {"§6.3.3", "1 " CM80 " UNAUTHENTICATED_SRTP", 0, SUITE_NONE},
    {"§6.3.6: below the least window", "1 " CM80 " WSH=32", 0, SUITE_NONE},
    {"§6.3.7: an unknown parameter", "1 " CM80 " MORE=1", 0, SUITE_NONE},
    {"an unknown suite", "1 F8_128_HMAC_SHA1_80 inline:" KEY30, 0, SUITE_NONE},
    {"a suite too long to be one", "1 AES_CM_128_HMAC_SHA1_80_AND_MUCH_MORE inline:" KEY30, 0, SUITE_NONE},
    {"tag 0", "0 " CM80, 0, SUITE_NONE},
    {"ten digits", "1000000000 " CM80, 0, SUITE_NONE},
    {"no tag", CM80, 0, SUITE_NONE},
    {"no key", "1 AES_CM_128_HMAC_SHA1_80", 0, SUITE_NONE},
    {"an empty key", "1 AES_CM_128_HMAC_SHA1_80 inline:", 0, SUITE_NONE},
    {"a tag alone", "1", 0, SUITE_NONE},
    {"nothing", "", 0, SUITE_NONE},
};

START_TEST(lines_follow_the_table)
{
    const struct line_row *row = &line_rows[_i];
    struct sdes_line line = {0};

    ck_assert_msg(sdes_read(&line, row->text) == (row->tag ? 0 : EINVAL), "%s", row->clause);
    ck_assert_msg(line.tag == row->tag && line.suite == row->suite, "%s", row->clause);
    if (row->tag)
        ck_assert_mem_eq(line.key, TEXT30, 28);
    if (row->suite == SUITE_AEAD_AES_256_GCM)
        ck_assert_mem_eq(line.key + 30, TEXT30, 14);
}
END_TEST

START_TEST(what_is_written_is_read)
{
    struct sdes_line line = {.tag = 7}, again;
    char text[SDES_LINE_TEXT];

    for (unsigned suite = SUITE_NONE + 1; suite < SUITE_COUNT; suite++) {
        line.suite = (enum srtp_suite)suite;
        for (unsigned i = 0; i < SRTP_KEY_MAX; i++)
            line.key[i] = (uint8_t)(251 * i + suite);
        sdes_write(text, &line);
        ck_assert_mem_eq(text, "a=crypto:", 9);
        ck_assert_str_eq(text + strlen(text) - 2, "\r\n");
        text[strlen(text) - 2] = '\0';
        ck_assert_int_eq(sdes_read(&again, text + 9), 0);
        ck_assert_uint_eq(again.tag, 7);
        ck_assert_uint_eq(again.suite, suite);
        ck_assert_mem_eq(again.key, line.key, suite_key_length(line.suite) + suite_salt_length(line.suite));
    }
}
END_TEST

/* -- offer and answer
 * ------------------------------------------------------------------------------------------------- */

static struct media_capabilities own_make(enum srtp_policy srtp)
{
    struct media_capabilities own = {.codecs = {CODEC_PCMU}, .codec_count = 1, .ptime_ms = 20, .srtp = srtp};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&own.rtp;

    v4->sin_family = AF_INET;
    v4->sin_port = htons(30000);
    inet_pton(AF_INET, "198.51.100.1", &v4->sin_addr);
    return own;
}

static const struct answer_row {
    const char *clause;
    enum srtp_policy policy;
    const char *offer;
    int error;
    enum srtp_suite suite;
    const char *holds[3]; /* ended by NULL */
    unsigned lines;       /* with keys, in the answer */
} answer_rows[] = {
    {"plain to plain", SRTP_OFF, HEAD AVP, 0, SUITE_NONE, {"m=audio 30000 RTP/AVP 0\r\n"}, 0},
    {"plain where it may be", SRTP_OPTIONAL, HEAD AVP, 0, SUITE_NONE, {"m=audio 30000 RTP/AVP 0\r\n"}, 0},
    {"plain where it must not be", SRTP_REQUIRED, HEAD AVP, ENOPROTOOPT, SUITE_NONE, {NULL}, 0},
    {"keys within RTP/AVP where nobody wants them",
     SRTP_OFF,
     HEAD AVP C80,
     0,
     SUITE_NONE,
     {"m=audio 30000 RTP/AVP 0\r\n"},
     0},
    {"keys within RTP/AVP",
     SRTP_OPTIONAL,
     HEAD AVP C80,
     0,
     SUITE_AES_CM_128_HMAC_SHA1_80,
     {"m=audio 30000 RTP/AVP 0\r\n", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"},
     1},
    {"keys within RTP/AVP are protection enough",
     SRTP_REQUIRED,
     HEAD AVP C80,
     0,
     SUITE_AES_CM_128_HMAC_SHA1_80,
     {"m=audio 30000 RTP/AVP 0\r\n"},
     1},
    {"RTP/SAVP where nobody wants it", SRTP_OFF, HEAD SAVP C80, ENOPROTOOPT, SUITE_NONE, {NULL}, 0},
    {"RTP/SAVP",
     SRTP_OPTIONAL,
     HEAD SAVP C80,
     0,
     SUITE_AES_CM_128_HMAC_SHA1_80,
     {"m=audio 30000 RTP/SAVP 0\r\n"},
     1},
    {"RFC 5124: RTP/SAVPF is answered by itself",
     SRTP_OPTIONAL,
     HEAD "m=audio 4000 RTP/SAVPF 0\r\n" C80,
     0,
     SUITE_AES_CM_128_HMAC_SHA1_80,
     {"m=audio 30000 RTP/SAVPF 0\r\n"},
     1},
    {"RTP/SAVP without a key", SRTP_OPTIONAL, HEAD SAVP, ENOPROTOOPT, SUITE_NONE, {NULL}, 0},
    {"RTP/SAVP with keys of no use",
     SRTP_OPTIONAL,
     HEAD SAVP "a=crypto:1 " CM80 "|2^20|1:4\r\n",
     ENOPROTOOPT,
     SUITE_NONE,
     {NULL},
     0},
    {"§7.1.2: the first that can be used, by its tag",
     SRTP_OPTIONAL,
     HEAD SAVP "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" KEY30 "\r\na=crypto:5 " CM80 "|2^20|1:4\r\n"
               "a=crypto:20 AEAD_AES_128_GCM inline:" KEY28 "\r\na=crypto:21 " CM80 "\r\n",
     0,
     SUITE_AEAD_AES_128_GCM,
     {"a=crypto:20 AEAD_AES_128_GCM inline:"},
     1},
    {"one line with and one without: the first is wanted",
     SRTP_OPTIONAL,
     HEAD "m=audio 4000 RTP/SAVP 0\r\n" C80 "m=audio 4002 RTP/AVP 0\r\n",
     0,
     SUITE_AES_CM_128_HMAC_SHA1_80,
     {"m=audio 30000 RTP/SAVP 0\r\n", "m=audio 0 RTP/AVP 0\r\n"},
     1},
    {"and in the other order",
     SRTP_REQUIRED,
     HEAD "m=audio 4002 RTP/AVP 0\r\nm=audio 4000 RTP/SAVP 0\r\n" C80,
     0,
     SUITE_AES_CM_128_HMAC_SHA1_80,
     {"m=audio 0 RTP/AVP 0\r\nm=audio 30000 RTP/SAVP 0\r\n"},
     1},
    {"one line with and one without: the other",
     SRTP_OFF,
     HEAD "m=audio 4000 RTP/SAVP 0\r\n" C80 "m=audio 4002 RTP/AVP 0\r\n",
     0,
     SUITE_NONE,
     {"m=audio 0 RTP/SAVP 0\r\nm=audio 30000 RTP/AVP 0\r\n"},
     0},
    {"keys of the session are none", SRTP_OPTIONAL, HEAD C80 SAVP, ENOPROTOOPT, SUITE_NONE, {NULL}, 0},
};

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

/* The key that an SDP of ours names is the one that the port sends with. */
static void key_is_written(const char *sdp, const struct media_format *f)
{
    const char *at = strstr(sdp, "a=crypto:");
    char text[SDES_LINE_TEXT];
    struct sdes_line line;

    for (; at; at = strstr(at + 1, "a=crypto:")) {
        snprintf(text, sizeof text, "%.*s", (int)strcspn(at + 9, "\r"), at + 9);
        ck_assert_int_eq(sdes_read(&line, text), 0);
        if (line.suite == f->srtp) {
            ck_assert_mem_eq(line.key, f->key_send,
                             suite_key_length(line.suite) + suite_salt_length(line.suite));
            return;
        }
    }
    ck_abort_msg("no key in %s", sdp);
}

START_TEST(answers_follow_the_table)
{
    const struct answer_row *row = &answer_rows[_i];
    struct media_capabilities own = own_make(row->policy);
    struct media_format f;
    struct negotiation *n;
    struct offer_summary summary;
    char out[SDP_TEXT], again[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_msg(negotiation_peek(row->offer, row->policy, &summary) == row->error, "%s", row->clause);
    ck_assert_msg(negotiation_answer(n, row->offer, &own, true, true, out, sizeof out, &f) == row->error,
                  "%s", row->clause);
    if (!row->error) {
        ck_assert_msg(f.srtp == row->suite, "%s", row->clause);
        for (size_t i = 0; i < 3 && row->holds[i]; i++)
            ck_assert_msg(strstr(out, row->holds[i]), "%s: no %s in %s", row->clause, row->holds[i], out);
        ck_assert_uint_eq(count(out, "a=crypto:"), row->lines);
        if (f.srtp) {
            key_is_written(out, &f);
            ck_assert_mem_eq(f.key_receive, TEXT30, 28);
            ck_assert_mem_ne(f.key_send, TEXT30, 28);
        }
        /* RFC 6337 §3.1.1: the same offer, the same text, and so the same key. */
        ck_assert_int_eq(negotiation_answer(n, row->offer, &own, true, true, again, sizeof again, &f), 0);
        ck_assert_str_eq(out, again);
    }
    negotiation_free(n);
}
END_TEST

static const struct accept_row {
    const char *clause;
    enum srtp_policy policy;
    const char *answer;
    int error;
    enum srtp_suite suite;
} accept_rows[] = {
    {"who does not know keys answers without", SRTP_OPTIONAL, HEAD AVP, 0, SUITE_NONE},
    {"who does takes one", SRTP_OPTIONAL, HEAD AVP C80, 0, SUITE_AES_CM_128_HMAC_SHA1_80},
    {"and may change the profile", SRTP_OPTIONAL, HEAD SAVP C80, 0, SUITE_AES_CM_128_HMAC_SHA1_80},
    {"a suite that was not offered", SRTP_OPTIONAL,
     HEAD AVP "a=crypto:3 AEAD_AES_128_GCM inline:" KEY28 "\r\n", ENOPROTOOPT, SUITE_NONE},
    {"§7.1.3: another tag", SRTP_OPTIONAL, HEAD AVP "a=crypto:2 " CM80 "\r\n", ENOPROTOOPT, SUITE_NONE},
    {"a key that cannot be used is no consent to clear speech", SRTP_OPTIONAL,
     HEAD AVP "a=crypto:1 " CM80 "|2^20|1:4\r\n", ENOPROTOOPT, SUITE_NONE},
    {"RTP/SAVP without a key", SRTP_OPTIONAL, HEAD SAVP, ENOPROTOOPT, SUITE_NONE},
    {"plain where it must not be", SRTP_REQUIRED, HEAD AVP, ENOPROTOOPT, SUITE_NONE},
    {"the first", SRTP_REQUIRED, HEAD SAVP C80, 0, SUITE_AES_CM_128_HMAC_SHA1_80},
    {"the second", SRTP_REQUIRED, HEAD SAVP "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" KEY30 "\r\n", 0,
     SUITE_AES_CM_128_HMAC_SHA1_32},
    {"RFC 7714", SRTP_REQUIRED, HEAD SAVP "a=crypto:3 AEAD_AES_128_GCM inline:" KEY28 "\r\n", 0,
     SUITE_AEAD_AES_128_GCM},
    {"RFC 7714", SRTP_REQUIRED, HEAD SAVP "a=crypto:4 AEAD_AES_256_GCM inline:" KEY44 "\r\n", 0,
     SUITE_AEAD_AES_256_GCM},
    {"nobody asked for keys", SRTP_OFF, HEAD AVP C80, 0, SUITE_NONE},
    {"nor for RTP/SAVP", SRTP_OFF, HEAD SAVP C80, ENOPROTOOPT, SUITE_NONE},
};

START_TEST(accepted_answers_follow_the_table)
{
    static const char *const offered[] = {[SRTP_OFF] = "m=audio 30000 RTP/AVP 0\r\n",
                                          [SRTP_OPTIONAL] = "m=audio 30000 RTP/AVP 0\r\n",
                                          [SRTP_REQUIRED] = "m=audio 30000 RTP/SAVP 0\r\n"};
    static const unsigned lines[] = {0, 1, 4};
    const struct accept_row *row = &accept_rows[_i];
    struct media_capabilities own = own_make(row->policy);
    struct media_format f;
    struct negotiation *n;
    char out[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, offered[row->policy]));
    ck_assert_uint_eq(count(out, "a=crypto:"), lines[row->policy]);
    ck_assert_msg(negotiation_accept(n, row->answer, &f) == row->error, "%s", row->clause);
    if (!row->error) {
        ck_assert_msg(f.srtp == row->suite, "%s", row->clause);
        if (f.srtp) {
            key_is_written(out, &f);
            ck_assert_mem_eq(f.key_receive, TEXT30, 28);
        }
    }
    negotiation_free(n);
}
END_TEST

/* -- sessions over time
 * ----------------------------------------------------------------------------------------------- */

#define OTHER30 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* Our key stays whatever he changes; his new one is taken; the profile stays in our own offers. */
START_TEST(our_key_stays_and_his_is_taken)
{
    struct media_capabilities own = own_make(SRTP_OPTIONAL);
    struct media_format first, f;
    struct negotiation *n;
    char out[SDP_TEXT], before[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_answer(n, HEAD SAVP C80, &own, true, true, before, sizeof before, &first),
                     0);
    /* He holds, with a new key. */
    ck_assert_int_eq(negotiation_answer(
                         n,
                         HEAD SAVP "a=sendonly\r\na=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:" OTHER30 "\r\n",
                         &own, true, true, out, sizeof out, &f),
                     0);
    ck_assert_mem_eq(f.key_send, first.key_send, 30);
    ck_assert_mem_ne(f.key_receive, first.key_receive, 30);
    ck_assert_ptr_nonnull(strstr(out, "a=crypto:9 "));
    /* We offer: still RTP/SAVP, and our key; refreshing it changes nothing (RFC 3264 §8). */
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "m=audio 30000 RTP/SAVP 0\r\n"));
    key_is_written(out, &f);
    strcpy(before, out);
    ck_assert_int_eq(negotiation_accept(n, HEAD SAVP C80, &f), 0);
    ck_assert_mem_eq(f.key_send, first.key_send, 30);
    ck_assert_mem_eq(f.key_receive, first.key_receive, 30);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_str_eq(out, before);
    /* He drops it: within RTP/SAVP that is no answer, and the session stays. */
    ck_assert_int_eq(negotiation_accept(n, HEAD AVP, &f), ENOPROTOOPT);
    negotiation_free(n);
}
END_TEST

/* The suite in use is offered first, whatever the order at the beginning. */
START_TEST(the_suite_in_use_comes_first)
{
    struct media_capabilities own = own_make(SRTP_OPTIONAL);
    struct media_format f;
    struct negotiation *n;
    char out[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_answer(n, HEAD AVP "a=crypto:7 AEAD_AES_256_GCM inline:" KEY44 "\r\n", &own,
                                        true, true, out, sizeof out, &f),
                     0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "RTP/AVP 0\r\n"));
    ck_assert_ptr_nonnull(strstr(strstr(out, "a=crypto:4 AEAD_AES_256_GCM inline:"), "a=crypto:1 AES_CM"));
    key_is_written(out, &f);
    negotiation_free(n);
}
END_TEST

/* RFC 3711 §9.1: a key that was given up is not used again, for its numbers would begin anew. */
START_TEST(a_key_given_up_does_not_come_back)
{
    struct media_capabilities own = own_make(SRTP_OPTIONAL);
    struct media_format first, f;
    struct negotiation *n;
    char out[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_answer(n, HEAD AVP C80, &own, true, true, out, sizeof out, &first), 0);
    ck_assert_int_eq(negotiation_answer(n, HEAD AVP, &own, true, true, out, sizeof out, &f), 0);
    ck_assert_int_eq(f.srtp, SUITE_NONE);
    ck_assert_int_eq(negotiation_answer(n, HEAD AVP C80, &own, true, true, out, sizeof out, &f), 0);
    ck_assert_mem_ne(f.key_send, first.key_send, 30);
    negotiation_free(n);
}
END_TEST

/* RFC 3261 §13.2.2.4: another fork answers the same offer, so the same keys of ours hold. */
START_TEST(forks_share_the_offers_keys)
{
    struct media_capabilities own = own_make(SRTP_REQUIRED);
    struct media_format one, two;
    struct negotiation *n, *fork;
    char out[SDP_TEXT], again[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_new(&fork), 0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_int_eq(negotiation_accept(n, HEAD SAVP C80, &one), 0);
    negotiation_share_keys(fork, n);
    ck_assert_int_eq(negotiation_offer(fork, &own, true, true, again, sizeof again), 0);
    ck_assert_int_eq(negotiation_accept(fork, HEAD SAVP C80, &two), 0);
    ck_assert_mem_eq(one.key_send, two.key_send, 30);
    key_is_written(out, &two);
    negotiation_free(n);
    negotiation_free(fork);
}
END_TEST

START_TEST(every_session_has_keys_of_its_own)
{
    struct media_capabilities own = own_make(SRTP_REQUIRED);
    struct negotiation *one, *two;
    char first[SDP_TEXT], second[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&one), 0);
    ck_assert_int_eq(negotiation_new(&two), 0);
    ck_assert_int_eq(negotiation_offer(one, &own, true, true, first, sizeof first), 0);
    ck_assert_int_eq(negotiation_offer(two, &own, true, true, second, sizeof second), 0);
    ck_assert_str_ne(strstr(first, "inline:"), strstr(second, "inline:"));
    negotiation_free(one);
    negotiation_free(two);
}
END_TEST

#define ROWS(table) (int)(sizeof table / sizeof *table)

int main(void)
{
    Suite *suite = suite_create("sdes");
    TCase *lines = tcase_create("lines"), *tables = tcase_create("tables"),
          *session = tcase_create("session");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(lines, lines_follow_the_table, 0, ROWS(line_rows));
    tcase_add_test(lines, what_is_written_is_read);
    tcase_add_loop_test(tables, answers_follow_the_table, 0, ROWS(answer_rows));
    tcase_add_loop_test(tables, accepted_answers_follow_the_table, 0, ROWS(accept_rows));
    tcase_add_test(session, our_key_stays_and_his_is_taken);
    tcase_add_test(session, the_suite_in_use_comes_first);
    tcase_add_test(session, a_key_given_up_does_not_come_back);
    tcase_add_test(session, forks_share_the_offers_keys);
    tcase_add_test(session, every_session_has_keys_of_its_own);
    suite_add_tcase(suite, lines);
    suite_add_tcase(suite, tables);
    suite_add_tcase(suite, session);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
