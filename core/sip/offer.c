/* Offer and answer: which stream, which codec, which direction; and the SDP that says so. */
#include "core/sip/offer.h"

#include "core/base/ids.h"
#include "core/sip/extmap.h"
#include "core/sip/sdp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct negotiation {
    uint64_t id, version; /* of the o= line */
    char *sent;           /* what followed the o= line in our last SDP; NULL before the first */
    struct sdp_line
        lines[SDP_STREAMS_MAX]; /* the session's m= lines, which only grow in number (RFC 3264 §8) */
    size_t line_count, audio;
    uint8_t pts[SDP_KIND_COUNT]; /* payload types as we receive them */
    uint8_t taken[16];           /* bit map: numbers that had a meaning at any time (RFC 3264 §8.3.2) */
    struct sdes_keys keys;
    struct extmap_session extmaps;
    struct {
        bool open; /* an answer may come */
        bool send, receive;
        struct media_capabilities own;
        unsigned suites; /* bit map */
        bool secure;     /* by its profile */
    } offer;
};

/* What one SDP of ours says of the audio stream. */
struct wanted {
    const struct media_capabilities *own;
    struct sdp_format formats[SDP_KIND_COUNT];
    size_t format_count;
    bool send, receive, rtcp_mux;
    struct sdes_line keys[SUITE_COUNT];
    size_t key_count;
    struct extmap_list extmaps;
    const struct sdp_t38 *image; /* it is T.38; NULL: sound */
};

struct text {
    char *data;
    size_t size, used; /* used >= size: it did not fit */
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *t, const char *format, ...)
{
    va_list arguments;
    size_t left = t->used < t->size ? t->size - t->used : 0;
    int n;

    va_start(arguments, format);
    n = vsnprintf(left ? t->data + t->used : NULL, left, format, arguments);
    va_end(arguments);
    t->used += n > 0 ? (size_t)n : 0;
}

int negotiation_new(struct negotiation **out)
{
    struct negotiation *n = calloc(1, sizeof *n);

    if (n == NULL)
        return ENOMEM;
    n->id = ((uint64_t)random_below(UINT32_C(1) << 30) << 20) | random_below(1 << 20);
    n->version = 1;
    memset(n->pts, MEDIA_NO_PT, sizeof n->pts);
    *out = n;
    return 0;
}

void negotiation_free(struct negotiation *n)
{
    if (n == NULL)
        return;
    free(n->sent);
    explicit_bzero(&n->keys, sizeof n->keys);
    free(n);
}

void negotiation_share_keys(struct negotiation *n, const struct negotiation *from)
{
    n->keys = from->keys;
}

/* -- payload types
 * ------------------------------------------------------------------------------------------------- */

static bool pt_is_taken(const struct negotiation *n, unsigned pt)
{
    return n->taken[pt / 8] & (1 << pt % 8);
}

static void pt_take(struct negotiation *n, unsigned kind, uint8_t pt)
{
    n->pts[kind] = pt;
    n->taken[pt / 8] |= (uint8_t)(1 << pt % 8);
}

/* The number for `kind` in an offer: what it was before, the static one, the customary one, or any that is
 * unused. */
static uint8_t pt_choose(struct negotiation *n, unsigned kind)
{
    static const uint8_t customary[SDP_KIND_COUNT] = {
        [CODEC_OPUS] = 111, [SDP_EVENT_8000] = 101, [SDP_EVENT_48000] = 100};
    uint8_t pt = kind < CODEC_COUNT ? codec_static_pt((enum codec)kind) : MEDIA_NO_PT;

    if (n->pts[kind] != MEDIA_NO_PT)
        return n->pts[kind];
    if (pt == MEDIA_NO_PT) {
        pt = customary[kind];
        for (uint8_t other = 96; pt_is_taken(n, pt) && other < 128; other++)
            if (!pt_is_taken(n, other))
                pt = other;
    }
    pt_take(n, kind, pt);
    return pt;
}

/* Payload types of the far side's SDP: none of them gets another meaning from us later on. */
static void pts_remember(struct negotiation *n, const struct sdp_stream *theirs)
{
    for (size_t i = 0; i < sizeof n->taken; i++)
        n->taken[i] |= theirs->taken[i];
}

/* His offer names the numbers for both ways (RFC 3264 §6.1: the answer should use the same ones). */
static void pts_adopt(struct negotiation *n, const struct sdp_stream *theirs)
{
    pts_remember(n, theirs);
    for (unsigned kind = 0; kind < SDP_KIND_COUNT; kind++)
        if (n->pts[kind] != MEDIA_NO_PT && (theirs->taken[n->pts[kind] / 8] & (1 << n->pts[kind] % 8)))
            n->pts[kind] = MEDIA_NO_PT;
    for (size_t i = 0; i < theirs->format_count; i++)
        pt_take(n, theirs->formats[i].kind, theirs->formats[i].pt);
}

/* -- writing
 * -------------------------------------------------------------------------------------------------------- */

static const char *direction_name(bool send, bool receive)
{
    return send ? (receive ? "sendrecv" : "sendonly") : (receive ? "recvonly" : "inactive");
}

static int address_text(const struct sockaddr_storage *address, char *out, size_t size, unsigned *port)
{
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

    if (address->ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        *port = ntohs(v4->sin_port);
    } else if (address->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        *port = ntohs(v6->sin6_port);
    } else {
        return EINVAL;
    }
    snprintf(out, size, "IN %s %s", address->ss_family == AF_INET ? "IP4" : "IP6", host);
    return *port == 0 ? EINVAL : 0;
}

static void format_write(struct text *t, struct sdp_format format)
{
    if (format.kind == SDP_EVENT_8000 || format.kind == SDP_EVENT_48000) {
        /* RFC 4733 §2.4.1: which events, here the sixteen DTMF keys. */
        text_add(t, "a=rtpmap:%u telephone-event/%d\r\na=fmtp:%u 0-15\r\n", format.pt,
                 format.kind == SDP_EVENT_8000 ? 8000 : 48000, format.pt);
        return;
    }
    text_add(t, "a=rtpmap:%u %s/%" PRIu32 "%s\r\n", format.pt, codec_name((enum codec)format.kind),
             codec_clock((enum codec)format.kind), format.kind == CODEC_OPUS ? "/2" : "");
    if (format.kind == CODEC_OPUS)
        text_add(t, "a=fmtp:%u useinbandfec=1\r\n", format.pt);
}

static void audio_write(struct text *t, const struct sdp_line *line, const struct wanted *w, unsigned port)
{
    char key[SDES_LINE_TEXT];

    text_add(t, "m=audio %u %s", port, line->protocol);
    for (size_t i = 0; i < w->format_count; i++)
        text_add(t, " %u", w->formats[i].pt);
    text_add(t, "\r\n");
    for (size_t i = 0; i < w->format_count; i++)
        format_write(t, w->formats[i]);
    for (size_t i = 0; i < w->key_count; i++) {
        sdes_write(key, &w->keys[i]);
        text_add(t, "%s", key);
    }
    text_add(t, "a=ptime:%u\r\na=%s\r\n%s", w->own->ptime_ms, direction_name(w->send, w->receive),
             w->rtcp_mux ? "a=rtcp-mux\r\n" : "");
    for (unsigned kind = 0; kind < EXTMAP_KINDS; kind++) {
        char extmap[EXTMAP_TEXT];
        extmap_write(extmap, &w->extmaps, kind);
        text_add(t, "%s", extmap);
    }
}

/* T.38 Annex D: what we can; the version and the manner of training are the offer's. */
static void image_write(struct text *t, const struct sdp_t38 *t38, unsigned port)
{
    text_add(t,
             "m=image %u udptl t38\r\na=T38FaxVersion:%u\r\na=T38MaxBitRate:14400\r\n"
             "a=T38FaxRateManagement:%s\r\na=T38FaxMaxBuffer:2000\r\na=T38FaxMaxDatagram:1400\r\n"
             "a=T38FaxUdpEC:t38UDPRedundancy\r\n",
             port, t38->version, t38->local_tcf ? "localTCF" : "transferredTCF");
}

/*
 * Writes the whole SDP: `lines` in their order, the one at `audio` open, all others refused with port 0 (RFC
 * 3264 §6). The version in o= grows by one where anything differs from what we sent last (RFC 3264 §8), and
 * only then.
 */
static int sdp_write(struct negotiation *n, const struct sdp_line *lines, size_t line_count, size_t audio,
                     const struct wanted *w, char *out, size_t size)
{
    char address[64], body[SDP_TEXT];
    struct text t = {body, sizeof body, 0}, whole = {out, size, 0};
    unsigned port;
    uint64_t version;
    char *copy;

    if (address_text(&w->own->rtp, address, sizeof address, &port) != 0)
        return EINVAL;
    text_add(&t, "s=-\r\nc=%s\r\nt=0 0\r\n", address);
    for (size_t i = 0; i < line_count; i++) {
        if (i == audio && w->image)
            image_write(&t, w->image, port);
        else if (i == audio)
            audio_write(&t, &lines[i], w, port);
        else
            text_add(&t, "m=%s 0 %s %s\r\n", lines[i].media, lines[i].protocol, lines[i].format);
    }
    if (t.used >= t.size)
        return ENOSPC;
    version = n->version + (n->sent && strcmp(n->sent, body) != 0);
    text_add(&whole, "v=0\r\no=- %" PRIu64 " %" PRIu64 " %s\r\n%s", n->id, version, address, body);
    if (whole.used >= whole.size)
        return ENOSPC;
    copy = strdup(body);
    if (copy == NULL)
        return ENOMEM;
    free(n->sent);
    n->sent = copy;
    n->version = version;
    return 0;
}

/* -- offering
 * -------------------------------------------------------------------------------------------------------- */

static bool capabilities_have(const struct media_capabilities *own, unsigned kind)
{
    for (size_t i = 0; i < own->codec_count; i++)
        if (own->codecs[i] == kind)
            return true;
    return false;
}

static void wanted_add(struct wanted *w, unsigned kind, uint8_t pt)
{
    w->formats[w->format_count++] = (struct sdp_format){(uint8_t)kind, pt};
}

static struct sdp_line first_line(const struct media_capabilities *own)
{
    struct sdp_line line = {"audio", "RTP/AVP", "0"};

    if (own->srtp == SRTP_REQUIRED)
        strcpy(line.protocol, "RTP/SAVP");
    return line;
}

static bool line_is_secure(const struct sdp_line *line)
{
    return strncasecmp(line->protocol, "RTP/SAVP", 8) == 0;
}

/* A suite's number is its tag, so that it has the same one in all our offers. */
static void wanted_add_key(struct wanted *w, struct negotiation *n, enum srtp_suite suite, unsigned tag)
{
    struct sdes_line *line = &w->keys[w->key_count++];

    line->tag = tag;
    line->suite = suite;
    memcpy(line->key, sdes_keys_get(&n->keys, suite), sizeof line->key);
}

/*
 * The suites to offer, the one in use first, so that nothing changes without need. AES_CM_128_HMAC_SHA1_80
 * comes before the faster AES-GCM because every phone has it (RFC 4568 §6.2.1) and some look at the first
 * line alone; where keys are only an attempt it is the only one, for an INVITE above 1300 bytes may not come
 * through (RFC 3261 §18.1.1).
 */
static void keys_offer(struct wanted *w, struct negotiation *n, bool must)
{
    static const enum srtp_suite order[] = {SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_AEAD_AES_256_GCM,
                                            SUITE_AEAD_AES_128_GCM, SUITE_AES_CM_128_HMAC_SHA1_32};
    enum srtp_suite used = n->keys.used;

    if (used != SUITE_NONE)
        wanted_add_key(w, n, used, used);
    for (size_t i = 0; i < (must ? sizeof order / sizeof *order : 1); i++)
        if (order[i] != used)
            wanted_add_key(w, n, order[i], order[i]);
}

int negotiation_offer(struct negotiation *n, const struct media_capabilities *own, bool send, bool receive,
                      char *out, size_t size)
{
    const struct sdp_line first = first_line(own), *line = n->line_count ? &n->lines[n->audio] : &first;
    struct wanted w = {.own = own, .send = send, .receive = receive, .rtcp_mux = true};
    bool narrow = false, wide = false, secure = line_is_secure(line);
    int error;

    if (own->codec_count == 0 || own->codec_count > CODEC_COUNT)
        return EINVAL;
    for (size_t i = 0; i < own->codec_count; i++) {
        wanted_add(&w, own->codecs[i], pt_choose(n, own->codecs[i]));
        if (codec_clock(own->codecs[i]) == 48000)
            wide = true;
        else
            narrow = true;
    }
    /* RFC 4733 §2.1: events run on the clock of the audio that they stand in for, so one for each clock. */
    if (own->dtmf && narrow)
        wanted_add(&w, SDP_EVENT_8000, pt_choose(n, SDP_EVENT_8000));
    if (own->dtmf && wide)
        wanted_add(&w, SDP_EVENT_48000, pt_choose(n, SDP_EVENT_48000));
    if (secure || own->srtp != SRTP_OFF)
        keys_offer(&w, n, secure || own->srtp == SRTP_REQUIRED);
    if (own->levels)
        extmap_offer(&n->extmaps, &w.extmaps);
    error = n->line_count ? sdp_write(n, n->lines, n->line_count, n->audio, &w, out, size)
                          : sdp_write(n, &first, 1, 0, &w, out, size);
    if (error)
        goto out;
    n->offer.secure = secure;
    n->offer.suites = 0;
    for (size_t i = 0; i < w.key_count; i++)
        n->offer.suites |= 1U << w.keys[i].suite;
    n->offer.open = true;
    n->offer.send = send;
    n->offer.receive = receive;
    n->offer.own = *own;
out:
    explicit_bzero(w.keys, sizeof w.keys);
    return error;
}

void negotiation_revert(struct negotiation *n)
{
    n->offer.open = false;
}

/* -- what came of it
 * ------------------------------------------------------------------------------------------------- */

/* Whole tens of milliseconds that he asks for and the engine can send; Opus has no frames of 30 or 50 ms (RFC
 * 6716 §2). */
static uint8_t ptime_choose(const struct sdp_stream *theirs, unsigned own_ms, enum codec codec)
{
    unsigned ms = theirs->ptime_ms >= 10 && theirs->ptime_ms <= 60 ? theirs->ptime_ms / 10 * 10 : own_ms;

    if (theirs->maxptime_ms >= 10 && ms > theirs->maxptime_ms)
        ms = theirs->maxptime_ms / 10 * 10;
    if (codec == CODEC_OPUS && (ms == 30 || ms == 50))
        ms -= 10;
    return (uint8_t)ms;
}

static void format_fill(struct media_format *f, const struct sdp_stream *theirs,
                        const struct media_capabilities *own)
{
    f->ptime_ms = ptime_choose(theirs, own->ptime_ms, f->codecs[0].codec);
    f->opus_fec = theirs->opus_fec;
    f->opus_dtx = theirs->opus_dtx;
    f->rtcp_mux = theirs->rtcp_mux;
    /* An address of the other family is none that our socket could send to. */
    if (theirs->rtp.ss_family == own->rtp.ss_family)
        f->rtp = theirs->rtp;
    if (theirs->rtcp.ss_family == own->rtp.ss_family)
        f->rtcp = theirs->rtcp;
}

/*
 * The event type that goes with `codec`: the one on its clock, or else the other one: many phones offer Opus
 * and telephone-event/8000 alone, and send it.
 */
static int event_choose(const struct sdp_stream *theirs, enum codec codec)
{
    unsigned best = codec_clock(codec) == 48000 ? SDP_EVENT_48000 : SDP_EVENT_8000;

    if (sdp_stream_pt(theirs, best) != MEDIA_NO_PT)
        return (int)best;
    if (best == SDP_EVENT_48000 && sdp_stream_pt(theirs, SDP_EVENT_8000) != MEDIA_NO_PT)
        return SDP_EVENT_8000;
    return -1;
}

static void format_set_event(struct media_format *f, int event, uint8_t pt_send, uint8_t pt_receive)
{
    f->dtmf_pt_send = event < 0 ? MEDIA_NO_PT : pt_send;
    f->dtmf_pt_receive = event < 0 ? MEDIA_NO_PT : pt_receive;
    f->dtmf_rate = event < 0 ? 0 : event == SDP_EVENT_48000 ? 48000 : 8000;
}

static void format_set_keys(struct media_format *f, struct negotiation *n, const struct sdes_line *theirs)
{
    f->srtp = theirs->suite;
    memcpy(f->key_send, sdes_keys_get(&n->keys, theirs->suite), sizeof f->key_send);
    memcpy(f->key_receive, theirs->key, sizeof f->key_receive);
}

/*
 * RFC 4568 §7.1.3: the answer repeats one of our tags with its suite, or has no key at all and so declines
 * what was only an attempt. A key that does not fit is no consent to clear speech: he means to protect his.
 */
static int keys_accept(struct negotiation *n, const struct sdp_stream *theirs, struct media_format *f)
{
    for (size_t i = 0; i < theirs->key_count; i++) {
        const struct sdes_line *key = &theirs->keys[i];

        if (key->tag == key->suite && n->offer.suites >> key->suite & 1 && n->keys.made[key->suite]) {
            format_set_keys(f, n, key);
            return 0;
        }
    }
    if (n->offer.suites == 0 && !theirs->secure)
        return 0;
    return theirs->keyed || theirs->secure || n->offer.secure || n->offer.own.srtp == SRTP_REQUIRED
               ? ENOPROTOOPT
               : 0;
}

int negotiation_accept(struct negotiation *n, const char *answer, struct media_format *out)
{
    struct sdp_description *d;
    struct media_format f = {0};
    const struct sdp_stream *theirs;
    int event, error;

    if (!n->offer.open)
        return EPROTO;
    d = malloc(sizeof *d);
    if (d == NULL)
        return ENOMEM;
    error = sdp_read(d, answer);
    if (error)
        goto out;
    error = EPROTO;
    /* RFC 3264 §6: as many m= lines as the offer had, each in its place. */
    if (d->stream_count != (n->line_count ? n->line_count : 1) ||
        strcasecmp(d->streams[n->audio].line.media, "audio") != 0)
        goto out;
    theirs = &d->streams[n->audio];
    error = ENOPROTOOPT;
    if (!theirs->usable)
        goto out;
    for (size_t i = 0; i < theirs->format_count; i++) {
        struct sdp_format format = theirs->formats[i];

        if (format.kind < CODEC_COUNT && capabilities_have(&n->offer.own, format.kind))
            f.codecs[f.codec_count++] =
                (struct media_codec){(enum codec)format.kind, format.pt, n->pts[format.kind]};
    }
    if (f.codec_count == 0 || keys_accept(n, theirs, &f) != 0)
        goto out;
    event = n->offer.own.dtmf ? event_choose(theirs, f.codecs[0].codec) : -1;
    if (event >= 0 && n->pts[event] == MEDIA_NO_PT)
        event = -1; /* he answers what was not offered */
    format_set_event(&f, event, event < 0 ? 0 : sdp_stream_pt(theirs, (unsigned)event),
                     event < 0 ? 0 : n->pts[event]);
    f.send = n->offer.send && theirs->receives;
    f.receive = n->offer.receive && theirs->sends;
    format_fill(&f, theirs, &n->offer.own);
    if (n->offer.own.levels)
        extmap_accept(&n->extmaps, &theirs->extmaps, &f);
    if (n->line_count == 0) {
        n->lines[0] = first_line(&n->offer.own);
        n->line_count = 1;
    }
    sdes_keys_settle(&n->keys, f.srtp);
    pts_remember(n, theirs);
    *out = f;
    error = 0;
out:
    free(d);
    return error;
}

/* -- answering
 * ------------------------------------------------------------------------------------------------------- */

/*
 * Which streams may be taken, in two rounds, since a caller who offers one line with keys and one without (or
 * one with both) wants them protected where that can be.
 */
enum round { ROUND_PROTECTED, ROUND_CLEAR, ROUNDS };
static bool stream_fits(const struct sdp_stream *theirs, enum srtp_policy srtp, enum round round)
{
    if (!theirs->usable)
        return false;
    return round == ROUND_PROTECTED ? theirs->key_count > 0 && srtp != SRTP_OFF
                                    : !theirs->secure && srtp != SRTP_REQUIRED;
}

static void stream_summarize(struct offer_summary *out, const struct sdp_stream *theirs)
{
    *out = (struct offer_summary){
        .send = theirs->receives, .receive = theirs->sends, .ptime_ms = theirs->ptime_ms};
    for (size_t k = 0; k < theirs->format_count; k++)
        if (theirs->formats[k].kind < CODEC_COUNT)
            out->codecs[out->codec_count++] = (enum codec)theirs->formats[k].kind;
}

int negotiation_peek(const char *offer, enum srtp_policy srtp, struct offer_summary *out)
{
    struct sdp_description *d = malloc(sizeof *d);
    struct offer_summary summary = {.codec_count = 0};
    int error = d ? sdp_read(d, offer) : ENOMEM;

    if (error)
        goto out;
    for (enum round round = 0; summary.codec_count == 0 && round < ROUNDS; round++)
        for (size_t i = 0; summary.codec_count == 0 && i < d->stream_count; i++)
            if (stream_fits(&d->streams[i], srtp, round))
                stream_summarize(&summary, &d->streams[i]);
    error = summary.codec_count ? 0 : ENOPROTOOPT;
    if (!error)
        *out = summary;
out:
    free(d);
    return error;
}

/* Our favourite when he has it, else the first of his that we have; -1 when nothing is in common. */
static int codec_choose(const struct sdp_stream *theirs, const struct media_capabilities *own)
{
    if (own->codec_count == 0)
        return -1;
    if (sdp_stream_pt(theirs, own->codecs[0]) != MEDIA_NO_PT)
        return (int)own->codecs[0];
    for (size_t i = 0; i < theirs->format_count; i++)
        if (theirs->formats[i].kind < CODEC_COUNT && capabilities_have(own, theirs->formats[i].kind))
            return theirs->formats[i].kind;
    return -1;
}

/* The stream to take, with its codec; -1 when none fits. */
static int stream_choose(const struct sdp_description *d, const struct media_capabilities *own, size_t *audio)
{
    for (enum round round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < d->stream_count; i++) {
            int codec =
                stream_fits(&d->streams[i], own->srtp, round) ? codec_choose(&d->streams[i], own) : -1;

            if (codec >= 0) {
                *audio = i;
                return codec;
            }
        }
    }
    return -1;
}

/* RFC 4568 §7.1.2: the first of his lines that can be used, answered by its tag and a key of our own. */
static void keys_answer(struct wanted *w, struct negotiation *n, const struct sdp_stream *theirs,
                        struct media_format *f)
{
    if (w->own->srtp == SRTP_OFF || theirs->key_count == 0)
        return;
    format_set_keys(f, n, &theirs->keys[0]);
    wanted_add_key(w, n, theirs->keys[0].suite, theirs->keys[0].tag);
}

int negotiation_answer(struct negotiation *n, const char *offer, const struct media_capabilities *own,
                       bool send, bool receive, char *out, size_t size, struct media_format *format)
{
    struct sdp_description *d = malloc(sizeof *d);
    struct sdp_line lines[SDP_STREAMS_MAX];
    struct media_format f = {0};
    struct wanted w = {.own = own};
    const struct sdp_stream *theirs;
    size_t audio = 0;
    int codec, event, error = d ? sdp_read(d, offer) : ENOMEM;
    uint8_t pt;

    if (error)
        goto out;
    for (size_t i = 0; i < d->stream_count; i++)
        lines[i] = d->streams[i].line;
    codec = stream_choose(d, own, &audio);
    error = ENOPROTOOPT;
    if (codec < 0)
        goto out;
    theirs = &d->streams[audio];
    pt = sdp_stream_pt(theirs, (unsigned)codec);
    f.codecs[f.codec_count++] = (struct media_codec){(enum codec)codec, pt, pt};
    wanted_add(&w, (unsigned)codec, pt);
    event = own->dtmf ? event_choose(theirs, (enum codec)codec) : -1;
    pt = event < 0 ? MEDIA_NO_PT : sdp_stream_pt(theirs, (unsigned)event);
    format_set_event(&f, event, pt, pt);
    if (event >= 0)
        wanted_add(&w, (unsigned)event, pt);
    /* RFC 3264 §6.1: the mirror of his direction, less what we do not want. */
    w.send = f.send = send && theirs->receives;
    w.receive = f.receive = receive && theirs->sends;
    w.rtcp_mux = theirs->rtcp_mux;
    format_fill(&f, theirs, own);
    keys_answer(&w, n, theirs, &f);
    if (own->levels)
        extmap_answer(&theirs->extmaps, &w.extmaps, &f);
    error = sdp_write(n, lines, d->stream_count, audio, &w, out, size);
    if (error)
        goto out;
    memcpy(n->lines, lines, d->stream_count * sizeof *lines);
    n->line_count = d->stream_count;
    n->audio = audio;
    n->offer.open = false;
    pts_adopt(n, theirs);
    sdes_keys_settle(&n->keys, f.srtp);
    extmap_adopt(&n->extmaps, &theirs->extmaps, &w.extmaps);
    *format = f;
out:
    explicit_bzero(w.keys, sizeof w.keys);
    free(d);
    return error;
}

/* -- T.38
 * ------------------------------------------------------------------------------------------------------------
 */

static const struct sdp_stream *image_find(const struct sdp_description *d, size_t *at)
{
    for (size_t i = 0; i < d->stream_count; i++) {
        if (d->streams[i].image) {
            *at = i;
            return &d->streams[i];
        }
    }
    return NULL;
}

int negotiation_peek_image(const char *offer, struct image_offer *out)
{
    struct sdp_description *d = malloc(sizeof *d);
    int error = d ? sdp_read(d, offer) : ENOMEM;
    const struct sdp_stream *image;
    size_t at;

    if (error)
        goto out;
    image = image_find(d, &at);
    error = image ? 0 : ENOPROTOOPT;
    if (image)
        *out = (struct image_offer){.remote = image->rtp,
                                    .version = image->t38.version,
                                    .max_datagram = image->t38.max_datagram,
                                    .fill_bit_removal = image->t38.fill_bit_removal,
                                    .local_tcf = image->t38.local_tcf};
out:
    free(d);
    return error;
}

int negotiation_answer_image(struct negotiation *n, const char *offer, const struct media_capabilities *own,
                             char *out, size_t size)
{
    struct sdp_description *d = malloc(sizeof *d);
    struct sdp_line lines[SDP_STREAMS_MAX];
    struct wanted w = {.own = own};
    int error = d ? sdp_read(d, offer) : ENOMEM;
    const struct sdp_stream *image;
    size_t at;

    if (error)
        goto out;
    image = image_find(d, &at);
    error = ENOPROTOOPT;
    if (!image)
        goto out;
    w.image = &image->t38;
    for (size_t i = 0; i < d->stream_count; i++)
        lines[i] = d->streams[i].line;
    error = sdp_write(n, lines, d->stream_count, at, &w, out, size);
    if (error)
        goto out;
    memcpy(n->lines, lines, d->stream_count * sizeof *lines);
    n->line_count = d->stream_count;
    n->audio = at;
    n->offer.open = false;
out:
    free(d);
    return error;
}
