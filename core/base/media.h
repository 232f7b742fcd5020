/*
 * What signalling and media tell each other about one RTP session: plain values, made by offer/answer (core/sip),
 * used by a port (mixer).
 *
 * Ownership: values are copied. Threads: any. Failure: none.
 */
#ifndef CONFAB_BASE_MEDIA_H
#define CONFAB_BASE_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum codec { CODEC_PCMU, CODEC_PCMA, CODEC_G722, CODEC_OPUS, CODEC_COUNT };

#define MEDIA_CODECS_MAX 8
#define MEDIA_NO_PT 255 /* no payload type: what it stands for was not negotiated */

/* One codec as negotiated. The payload type we send may differ from the one we receive (RFC 3264 §5.1). */
struct media_codec {
    enum codec codec;
    uint8_t pt_send;
    uint8_t pt_receive;
};

/* How RTP is protected: the SDP names of RFC 4568 §6.2 and RFC 7714 §14.2. Both ways of a stream use the same. */
enum srtp_suite {
    SUITE_NONE, /* plain RTP */
    SUITE_AES_CM_128_HMAC_SHA1_80,
    SUITE_AES_CM_128_HMAC_SHA1_32,
    SUITE_AEAD_AES_128_GCM,
    SUITE_AEAD_AES_256_GCM,
    SUITE_COUNT
};
#define SRTP_KEY_MAX 44 /* bytes of the longest master key with its salt */

/* Whether a call may, may not or must be protected. */
enum srtp_policy { SRTP_OFF, SRTP_OPTIONAL, SRTP_REQUIRED };

/* An RTP header extension (RFC 8285): its identifier each way, 1 to 14; 0: not negotiated. */
struct media_extension {
    uint8_t send, receive;
};

/* The negotiated state of one audio stream. */
struct media_format {
    struct media_codec codecs[MEDIA_CODECS_MAX]; /* [0] is the one we send; all may arrive */
    uint8_t codec_count;
    uint8_t ptime_ms;         /* what we send: 10 to 60 */
    uint8_t dtmf_pt_send;     /* RFC 4733 telephone-event, or MEDIA_NO_PT */
    uint8_t dtmf_pt_receive;
    uint32_t dtmf_rate;       /* its clock: 8000, or 48000 beside Opus */
    bool send, receive;       /* our direction; held by the far side: send is false */
    bool opus_fec, opus_dtx;  /* what the far side can take or asks for (RFC 7587) */
    bool rtcp_mux;            /* RFC 5761 */
    bool level_vad;           /* the level's V bit has a meaning */
    struct media_extension level;      /* RFC 6464: how loud a packet is */
    struct media_extension csrc_level; /* RFC 6465: how loud each of its sources is; the CSRC list goes with it */
    enum srtp_suite srtp;
    /* Master key and salt, one after the other: ours, and the far side's. Secrets: for no log and no trace. */
    uint8_t key_send[SRTP_KEY_MAX], key_receive[SRTP_KEY_MAX];
    struct sockaddr_storage rtp, rtcp; /* far side; ss_family AF_UNSPEC when not known */
};

/* Names and clocks as SDP writes them ("PCMU", "G722", "opus"). G.722's RTP clock is 8000 (RFC 3551 §4.5.2). */
const char *codec_name(enum codec codec);
uint32_t codec_clock(enum codec codec);
/* Samples a second of the sound itself: 8000, 16000 for G.722, 48000 for Opus. */
uint32_t codec_rate(enum codec codec);
/* Finds a codec by SDP name without regard to case; -1 when unknown. */
int codec_from_name(const char *name);
/* The static payload type of RFC 3551, or MEDIA_NO_PT. */
uint8_t codec_static_pt(enum codec codec);

/* As SDP writes it ("AES_CM_128_HMAC_SHA1_80"); "-" for SUITE_NONE. */
const char *suite_name(enum srtp_suite suite);
/* Finds a suite by SDP name without regard to case; SUITE_NONE when unknown. */
enum srtp_suite suite_from_name(const char *name);
/* Bytes of the master key, and of the salt behind it. */
size_t suite_key_length(enum srtp_suite suite);
size_t suite_salt_length(enum srtp_suite suite);
/* "off", "optional" or "required"; -1 for anything else. */
int srtp_policy_from_name(const char *name);

#endif
