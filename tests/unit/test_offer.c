/* Offer and answer: tables of SDP and what must come of it; each row names the clause it proves. */
#include "core/sip/offer.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "v=0\r\no=far 77 1 IN IP4 192.0.2.9\r\ns=-\r\n"
#define C4 "c=IN IP4 192.0.2.9\r\n"
#define T "t=0 0\r\n"
#define PCMU "m=audio 4000 RTP/AVP 0\r\n"

static struct media_capabilities own_make(const char *order)
{
    struct media_capabilities own = {.ptime_ms = 20, .dtmf = true};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&own.rtp;

    v4->sin_family = AF_INET;
    v4->sin_port = htons(30000);
    inet_pton(AF_INET, "198.51.100.1", &v4->sin_addr);
    for (; *order; order++) {
        own.codecs[own.codec_count++] = *order == 'o'   ? CODEC_OPUS
                                        : *order == '9' ? CODEC_G722
                                        : *order == 'a' ? CODEC_PCMA
                                                        : CODEC_PCMU;
    }
    return own;
}

static void address_write(const struct sockaddr_storage *a, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (a->ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, host, sizeof host);
    else if (a->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, host, sizeof host);
    snprintf(out, size, "%s:%u", host, ntohs(((const struct sockaddr_in *)a)->sin_port));
}

/* The format in one line: "opus 111/111 dtmf 100/100@48000 20ms sendrecv rtp rtcp". */
static const char *format_text(const struct media_format *f)
{
    static char out[400];
    char rtp[80], rtcp[80];
    int n = 0;

    for (size_t i = 0; i < f->codec_count; i++)
        n += snprintf(out + n, sizeof out - n, "%s %u/%u ", codec_name(f->codecs[i].codec),
                      f->codecs[i].pt_send, f->codecs[i].pt_receive);
    if (f->dtmf_pt_send != MEDIA_NO_PT)
        n += snprintf(out + n, sizeof out - n, "dtmf %u/%u@%u ", f->dtmf_pt_send, f->dtmf_pt_receive,
                      f->dtmf_rate);
    address_write(&f->rtp, rtp, sizeof rtp);
    address_write(&f->rtcp, rtcp, sizeof rtcp);
    snprintf(out + n, sizeof out - n, "%ums %s %s %s%s%s%s", f->ptime_ms,
             f->send      ? f->receive ? "sendrecv" : "sendonly"
             : f->receive ? "recvonly"
                          : "inactive",
             rtp, rtcp, f->rtcp_mux ? " mux" : "", f->opus_fec ? " fec" : "", f->opus_dtx ? " dtx" : "");
    return out;
}

/* -- answers
 * ----------------------------------------------------------------------------------------------------------
 */

static const struct answer_row {
    const char *clause, *codecs, *offer;
    int error;
    const char *format;   /* format_text() */
    const char *holds[5]; /* what the answer must contain, ended by NULL */
} answer_rows[] = {
    {"RFC 3264 §6: one stream, static payload type",
     "ua",
     HEAD C4 T PCMU,
     0,
     "PCMU 0/0 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001",
     {"\r\nm=audio 30000 RTP/AVP 0\r\n", "\r\na=sendrecv\r\n", "\r\nc=IN IP4 198.51.100.1\r\n"}},
    {"RFC 3264 §6.1: our first codec wins when he offers it",
     "aou",
     HEAD C4 T "m=audio 4000 RTP/AVP 0 8\r\n",
     0,
     "PCMA 8/8 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001",
     {"\r\nm=audio 30000 RTP/AVP 8\r\n"}},
    {"RFC 3264 §6.1: else his order",
     "o9au",
     HEAD C4 T "m=audio 4000 RTP/AVP 18 8 9 0\r\n",
     0,
     "PCMA 8/8 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001",
     {"RTP/AVP 8\r\n"}},
    {"RFC 3264 §6.1: his dynamic numbers are used; RFC 7587 §7; RFC 4733 §2.1 clocks",
     "ou",
     HEAD C4 T
     "m=audio 4000 RTP/AVP 96 0 97 98\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1; usedtx=1\r\n"
     "a=rtpmap:97 telephone-event/8000\r\na=rtpmap:98 telephone-event/48000\r\na=fmtp:98 0-15\r\n",
     0,
     "opus 96/96 dtmf 98/98@48000 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001 fec dtx",
     {"m=audio 30000 RTP/AVP 96 98\r\n", "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n",
      "a=rtpmap:98 telephone-event/48000\r\na=fmtp:98 0-15\r\n"}},
    {"Opus with telephone-event/8000 alone, as many phones offer it",
     "o",
     HEAD C4 T
     "m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 OPUS/48000/2\r\na=rtpmap:97 telephone-event/8000\r\n",
     0,
     "opus 96/96 dtmf 97/97@8000 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001",
     {"RTP/AVP 96 97\r\n"}},
    {"RFC 4733 §2.1: PCMU does not take the 48 kHz event",
     "u",
     HEAD C4 T "m=audio 4000 RTP/AVP 0 98\r\na=rtpmap:98 telephone-event/48000\r\n",
     0,
     "PCMU 0/0 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001",
     {"RTP/AVP 0\r\n"}},
    {"RFC 3551 §4.5.2: G722 has clock 8000",
     "9u",
     HEAD C4 T "m=audio 4000 RTP/AVP 9 0\r\na=rtpmap:9 G722/8000\r\n",
     0,
     "G722 9/9 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001",
     {"a=rtpmap:9 G722/8000\r\n"}},
    {"RFC 7587 §7: opus/48000/1 is none",
     "o",
     HEAD C4 T "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/1\r\n",
     ENOPROTOOPT,
     NULL,
     {NULL}},
    {"RFC 3264 §6: no codec in common",
     "o",
     HEAD C4 T "m=audio 4000 RTP/AVP 0 8\r\n",
     ENOPROTOOPT,
     NULL,
     {NULL}},
    {"RFC 3264 §5: no stream at all", "u", HEAD C4 T, ENOPROTOOPT, NULL, {NULL}},
    {"RFC 3264 §5.1: audio offered with port 0",
     "u",
     HEAD C4 T "m=audio 0 RTP/AVP 0\r\n",
     ENOPROTOOPT,
     NULL,
     {NULL}},
    {"RFC 3264 §6: others are refused in their places",
     "u",
     HEAD C4 T "m=video 5000 RTP/AVP 99 34\r\na=rtpmap:99 H264/90000\r\n" PCMU
               "m=application 6000 UDP/BFCP *\r\n"
               "m=image 0 udptl t38\r\n",
     0,
     "PCMU 0/0 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001",
     {"t=0 0\r\nm=video 0 RTP/AVP 99\r\nm=audio 30000 RTP/AVP 0\r\n",
      "m=application 0 UDP/BFCP *\r\nm=image 0 udptl t38\r\n"}},
    {"RFC 3264 §6: the first audio stream that fits, no second one",
     "u",
     HEAD C4 T "m=audio 4000 RTP/SAVP 0\r\nm=audio 4002 RTP/AVP 0\r\nm=audio 4004 RTP/AVP 0\r\n",
     0,
     "PCMU 0/0 20ms sendrecv 192.0.2.9:4002 192.0.2.9:4003",
     {"m=audio 0 RTP/SAVP 0\r\nm=audio 30000 RTP/AVP 0\r\n", "m=audio 0 RTP/AVP 0\r\n"}},
    {"RFC 3711: SRTP alone is not taken",
     "u",
     HEAD C4 T "m=audio 4000 RTP/SAVP 0\r\n",
     ENOPROTOOPT,
     NULL,
     {NULL}},
    {"RFC 4585 §4: the profile is answered as offered",
     "ou",
     HEAD C4 T "m=audio 4000 RTP/AVPF 96 0 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
               "a=rtpmap:101 telephone-event/48000\r\na=sendonly\r\n",
     0,
     "opus 96/96 dtmf 101/101@48000 20ms recvonly 192.0.2.9:4000 192.0.2.9:4001 fec",
     {"m=audio 30000 RTP/AVPF 96 101\r\n"}},
    {"RFC 4566 §5.7: c= of the stream before that of the session",
     "u",
     HEAD C4 T PCMU "c=IN IP4 203.0.113.4\r\n",
     0,
     "PCMU 0/0 20ms sendrecv 203.0.113.4:4000 203.0.113.4:4001",
     {NULL}},
    {"RFC 4566 §5.7: no c= anywhere", "u", HEAD T PCMU, EINVAL, NULL, {NULL}},
    {"A host name is not looked up",
     "u",
     HEAD "c=IN IP4 phone.example\r\n" T PCMU,
     0,
     "PCMU 0/0 20ms sendrecv :0 :0",
     {NULL}},
    {"An IPv6 address is none for an IPv4 port",
     "u",
     HEAD "c=IN IP6 2001:db8::9\r\n" T PCMU,
     0,
     "PCMU 0/0 20ms sendrecv :0 :0",
     {NULL}},
    {"No sound to groups", "u", HEAD "c=IN IP4 224.2.1.1/127\r\n" T PCMU, ENOPROTOOPT, NULL, {NULL}},
    {"RFC 3264 §8.4: 0.0.0.0 holds",
     "u",
     HEAD "c=IN IP4 0.0.0.0\r\n" T PCMU,
     0,
     "PCMU 0/0 20ms recvonly :0 :0",
     {"a=recvonly\r\n"}},
    {"RFC 3264 §5.1: direction of the session",
     "u",
     HEAD C4 T "a=sendonly\r\n" PCMU,
     0,
     "PCMU 0/0 20ms recvonly 192.0.2.9:4000 192.0.2.9:4001",
     {"a=recvonly\r\n"}},
    {"RFC 4566 §6: direction of the stream before that of the session",
     "u",
     HEAD C4 T "a=sendonly\r\n" PCMU "a=inactive\r\n",
     0,
     "PCMU 0/0 20ms inactive 192.0.2.9:4000 192.0.2.9:4001",
     {"a=inactive\r\n"}},
    {"RFC 3605: a=rtcp",
     "u",
     HEAD C4 T PCMU "a=rtcp:4555\r\n",
     0,
     "PCMU 0/0 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4555",
     {NULL}},
    {"RFC 3605: a=rtcp with an address",
     "u",
     HEAD C4 T PCMU "a=rtcp:4555 IN IP4 203.0.113.4\r\n",
     0,
     "PCMU 0/0 20ms sendrecv 192.0.2.9:4000 203.0.113.4:4555",
     {NULL}},
    {"RFC 5761 §5.1.1: rtcp-mux is answered when offered",
     "u",
     HEAD C4 T PCMU "a=rtcp-mux\r\n",
     0,
     "PCMU 0/0 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4000 mux",
     {"a=rtcp-mux\r\n"}},
    {"RFC 4566 §6: ptime",
     "u",
     HEAD C4 T PCMU "a=ptime:30\r\n",
     0,
     "PCMU 0/0 30ms sendrecv 192.0.2.9:4000 192.0.2.9:4001",
     {"a=ptime:20\r\n"}},
    {"RFC 4566 §6: maxptime bounds it",
     "u",
     HEAD C4 T "a=maxptime:10\r\n" PCMU,
     0,
     "PCMU 0/0 10ms sendrecv 192.0.2.9:4000 192.0.2.9:4001",
     {NULL}},
    {"RFC 6716 §2: Opus has no 30 ms frame",
     "o",
     HEAD C4 T "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=ptime:30\r\n",
     0,
     "opus 96/96 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001",
     {NULL}},
    {"RFC 4566 §5.8: bandwidth, unknown lines and bare LF are no hindrance",
     "u",
     "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=x\ni=talk\nc=IN IP4 192.0.2.9\nb=AS:64\nt=0 0\na=group:BUNDLE 0\n"
     "m=audio 4000 RTP/AVP 0\nb=TIAS:64000\na=mid:0\na=silenceSupp:off - - - -\n",
     0,
     "PCMU 0/0 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001",
     {NULL}},
    {"no SDP", "u", "hello, world", EINVAL, NULL, {NULL}},
    {"empty", "u", "", EINVAL, NULL, {NULL}},
    {"RFC 3551 §6: payload types end at 127",
     "u",
     HEAD C4 T "m=audio 4000 RTP/AVP 300\r\n",
     ENOPROTOOPT,
     NULL,
     {NULL}},
    {"a byte in the profile that Sofia's parser does not survive",
     "u",
     HEAD C4 T "m=audio 400o 4000 RT\xab/AVP 0\r\n",
     EINVAL,
     NULL,
     {NULL}},
    {"a port that is none", "u", HEAD C4 T "m=audio 70000 RTP/AVP 0\r\n", EINVAL, NULL, {NULL}},
};

START_TEST(answers_follow_the_table)
{
    const struct answer_row *row = &answer_rows[_i];
    struct media_capabilities own = own_make(row->codecs);
    struct media_format format;
    struct negotiation *n;
    char out[SDP_TEXT], again[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_msg(negotiation_answer(n, row->offer, &own, true, true, out, sizeof out, &format) == row->error,
                  "%s", row->clause);
    if (row->error == 0) {
        ck_assert_msg(strcmp(format_text(&format), row->format) == 0, "%s: %s", row->clause,
                      format_text(&format));
        for (size_t i = 0; row->holds[i]; i++)
            ck_assert_msg(strstr(out, row->holds[i]), "%s: no %s in %s", row->clause, row->holds[i], out);
        /* RFC 6337 §3.1.1: the same offer, the same text. */
        ck_assert_int_eq(negotiation_answer(n, row->offer, &own, true, true, again, sizeof again, &format),
                         0);
        ck_assert_str_eq(out, again);
    }
    negotiation_free(n);
}
END_TEST

/* RFC 3264 §6.1, both what he offers and what we want, four by four. */
START_TEST(directions_follow_the_matrix)
{
    static const char *names[] = {"inactive", "recvonly", "sendonly",
                                  "sendrecv"}; /* bit 0 receives, bit 1 sends */
    int his = _i / 4, mine = _i % 4;
    int expected = (((his & 1) && (mine & 2)) ? 2 : 0) | (((his & 2) && (mine & 1)) ? 1 : 0);
    struct media_capabilities own = own_make("u");
    struct media_format format;
    struct negotiation *n;
    char offer[SDP_TEXT], out[SDP_TEXT], line[40];

    snprintf(offer, sizeof offer, HEAD C4 T PCMU "a=%s\r\n", names[his]);
    snprintf(line, sizeof line, "\r\na=%s\r\n", names[expected]);
    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_answer(n, offer, &own, mine & 2, mine & 1, out, sizeof out, &format), 0);
    ck_assert_ptr_nonnull(strstr(out, line));
    ck_assert_int_eq((format.send ? 2 : 0) | (format.receive ? 1 : 0), expected);

    /* And from the other end: our offer with `mine`, his answer `his`. */
    ck_assert_int_eq(negotiation_offer(n, &own, mine & 2, mine & 1, out, sizeof out), 0);
    snprintf(line, sizeof line, "\r\na=%s\r\n", names[mine]);
    ck_assert_ptr_nonnull(strstr(out, line));
    ck_assert_int_eq(negotiation_accept(n, offer, &format), 0);
    ck_assert_int_eq((format.send ? 2 : 0) | (format.receive ? 1 : 0), expected);
    negotiation_free(n);
}
END_TEST

/* -- offers
 * -----------------------------------------------------------------------------------------------------------
 */

START_TEST(offer_lists_every_codec)
{
    struct media_capabilities own = own_make("o9au");
    struct negotiation *n;
    char out[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out,
                                 "t=0 0\r\nm=audio 30000 RTP/AVP 111 9 8 0 101 100\r\n"
                                 "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n"
                                 "a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
                                 "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
                                 "a=rtpmap:100 telephone-event/48000\r\na=fmtp:100 0-15\r\n"
                                 "a=ptime:20\r\na=sendrecv\r\na=rtcp-mux\r\n"));
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, 100), ENOSPC);
    own.rtp.ss_family = AF_UNSPEC;
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), EINVAL);
    negotiation_free(n);
}
END_TEST

START_TEST(offer_names_ipv6)
{
    struct media_capabilities own = own_make("u");
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&own.rtp;
    struct media_format f;
    struct negotiation *n;
    char out[SDP_TEXT];

    memset(&own.rtp, 0, sizeof own.rtp);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(30000);
    inet_pton(AF_INET6, "2001:db8::1", &v6->sin6_addr);
    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "c=IN IP6 2001:db8::1\r\n"));
    ck_assert_int_eq(negotiation_accept(n, HEAD "c=IN IP6 2001:db8::9\r\n" T PCMU, &f), 0);
    ck_assert_str_eq(format_text(&f), "PCMU 0/0 20ms sendrecv 2001:db8::9:4000 2001:db8::9:4001");
    /* RFC 3264 §8.4's hold, as an IPv6 phone writes it. */
    ck_assert_int_eq(negotiation_accept(n, HEAD "c=IN IP6 ::\r\n" T PCMU, &f), 0);
    ck_assert(!f.send && f.receive);
    negotiation_free(n);
}
END_TEST

static const struct accept_row {
    const char *clause, *answer;
    int error;
    const char *format;
} accept_rows[] = {
    {"RFC 3264 §7: the answer's first codec is sent", HEAD C4 T "m=audio 4000 RTP/AVP 8 0\r\n", 0,
     "PCMA 8/8 PCMU 0/0 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001"},
    {"RFC 3264 §5.1, §6.1: each side its own numbers",
     HEAD C4 T
     "m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/48000\r\n",
     0, "opus 96/111 dtmf 97/100@48000 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4001"},
    {"RFC 5761 §5.1.1: rtcp-mux answered", HEAD C4 T PCMU "a=rtcp-mux\r\n", 0,
     "PCMU 0/0 20ms sendrecv 192.0.2.9:4000 192.0.2.9:4000 mux"},
    {"RFC 3264 §6: a refused stream", HEAD C4 T "m=audio 0 RTP/AVP 0\r\n", ENOPROTOOPT, NULL},
    {"RFC 3264 §6: nothing of what was offered", HEAD C4 T "m=audio 4000 RTP/AVP 18\r\n", ENOPROTOOPT, NULL},
    {"RFC 3264 §6: more m= lines than the offer", HEAD C4 T PCMU "m=video 0 RTP/AVP 34\r\n", EPROTO, NULL},
    {"RFC 3264 §6: fewer", HEAD C4 T, EPROTO, NULL},
    {"RFC 3264 §6: another medium in its place", HEAD C4 T "m=video 4000 RTP/AVP 34\r\n", EPROTO, NULL},
    {"no SDP", "v=0\r\nm=\r\n", EINVAL, NULL},
};

START_TEST(accepted_answers_follow_the_table)
{
    const struct accept_row *row = &accept_rows[_i];
    struct media_capabilities own = own_make("o9au");
    struct media_format f;
    struct negotiation *n;
    char out[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_accept(n, row->answer, &f), EPROTO); /* nothing was offered yet */
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_msg(negotiation_accept(n, row->answer, &f) == row->error, "%s", row->clause);
    if (row->error == 0)
        ck_assert_msg(strcmp(format_text(&f), row->format) == 0, "%s: %s", row->clause, format_text(&f));
    /* RFC 3261 §13.2.2.4: the 200 of another fork may answer the same offer, whatever the first one said. */
    ck_assert_int_eq(negotiation_accept(n, HEAD C4 T PCMU, &f), 0);
    negotiation_free(n);
}
END_TEST

/* -- sessions over time
 * ----------------------------------------------------------------------------------------------- */

static unsigned long long version_of(const char *sdp, unsigned long long *id)
{
    unsigned long long version;

    ck_assert_int_eq(sscanf(sdp, "v=0\r\no=- %llu %llu IN", id, &version), 2);
    return version;
}

/* RFC 3264 §8: the session id stays, the version counts changes one by one and nothing else. */
START_TEST(version_counts_changes)
{
    struct media_capabilities own = own_make("au");
    struct media_format f;
    struct negotiation *n;
    unsigned long long id, first, same;
    char out[SDP_TEXT], before[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    first = version_of(out, &id);
    ck_assert_int_eq(negotiation_accept(n, HEAD C4 T PCMU, &f), 0);
    strcpy(before, out);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_str_eq(out, before); /* a session refresh */
    ck_assert_int_eq(negotiation_accept(n, HEAD C4 T PCMU, &f), 0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, false, out, sizeof out), 0);
    ck_assert_uint_eq(version_of(out, &same), first + 1);
    ck_assert_uint_eq(same, id);
    negotiation_revert(n);
    ck_assert_int_eq(negotiation_accept(n, HEAD C4 T PCMU, &f), EPROTO);
    ck_assert_int_eq(negotiation_answer(n, HEAD C4 T PCMU, &own, true, true, out, sizeof out, &f), 0);
    ck_assert_uint_eq(version_of(out, &same), first + 2);
    ck_assert_uint_eq(same, id);
    negotiation_free(n);
}
END_TEST

#define IMAGE "m=image 4500 udptl t38\r\n"

/* T.38 Annex D: the image stream is taken in its place, all others are refused, and sound may come back. */
START_TEST(t38_takes_the_place_of_sound)
{
    struct media_capabilities own = own_make("au");
    struct image_offer image;
    struct media_format f;
    struct negotiation *n;
    unsigned long long id, first, same;
    char out[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_answer(n, HEAD C4 T PCMU, &own, true, true, out, sizeof out, &f), 0);
    first = version_of(out, &id);
    ck_assert_int_eq(negotiation_peek_image(HEAD C4 T PCMU, &image), ENOPROTOOPT);
    ck_assert_int_eq(negotiation_peek_image(HEAD C4 T "m=image 0 udptl t38\r\n", &image), ENOPROTOOPT);
    ck_assert_int_eq(negotiation_peek_image(HEAD C4 T "m=image 4500 tcp t38\r\n", &image), ENOPROTOOPT);
    ck_assert_int_eq(negotiation_peek_image(HEAD T IMAGE, &image), EINVAL); /* to whom? */
    ck_assert_int_eq(negotiation_peek_image(HEAD C4 T
                                            "m=audio 0 RTP/AVP 0\r\n" IMAGE
                                            "a=T38FaxVersion:1\r\na=T38FaxMaxDatagram:400\r\n"
                                            "a=T38FaxFillBitRemoval:0\r\na=T38FaxRateManagement:localTCF\r\n",
                                            &image),
                     0);
    ck_assert_uint_eq(image.version, 1);
    ck_assert_uint_eq(image.max_datagram, 400);
    ck_assert(image.local_tcf && !image.fill_bit_removal);
    ck_assert_uint_eq(ntohs(((struct sockaddr_in *)&image.remote)->sin_port), 4500);
    ck_assert_int_eq(
        negotiation_answer_image(n, HEAD C4 T "m=audio 4000 RTP/AVP 0\r\n" IMAGE "a=T38FaxVersion:0\r\n",
                                 &own, out, sizeof out),
        0);
    ck_assert_uint_eq(version_of(out, &same), first + 1);
    ck_assert_uint_eq(same, id);
    ck_assert_ptr_nonnull(strstr(out, "m=audio 0 RTP/AVP 0\r\nm=image "));
    ck_assert_ptr_nonnull(strstr(out, " udptl t38\r\na=T38FaxVersion:0\r\n"));
    ck_assert_ptr_nonnull(strstr(out, "a=T38FaxRateManagement:transferredTCF\r\n"));
    ck_assert_int_eq(negotiation_peek_image(out, &image), 0);
    ck_assert_int_eq(negotiation_answer(n, HEAD C4 T "m=audio 4000 RTP/AVP 0\r\nm=image 0 udptl t38\r\n",
                                        &own, true, true, out, sizeof out, &f),
                     0);
    ck_assert_ptr_nonnull(strstr(out, "m=image 0 udptl t38\r\n"));
    negotiation_free(n);
}
END_TEST

/* RFC 3264 §8: m= lines keep number and order in later offers, also those that we refused. */
START_TEST(later_offers_keep_the_lines)
{
    struct media_capabilities own = own_make("u");
    struct media_format f;
    struct negotiation *n;
    char out[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(
        negotiation_answer(n, HEAD C4 T "m=video 5000 RTP/AVP 34\r\n" PCMU "m=text 7000 RTP/AVP 98\r\n", &own,
                           true, true, out, sizeof out, &f),
        0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "t=0 0\r\nm=video 0 RTP/AVP 34\r\nm=audio 30000 RTP/AVP 0 101\r\n"));
    ck_assert_ptr_nonnull(strstr(out, "\r\nm=text 0 RTP/AVP 98\r\n"));
    ck_assert_int_eq(negotiation_accept(n, HEAD C4 T PCMU, &f), EPROTO);
    ck_assert_int_eq(
        negotiation_accept(n, HEAD C4 T "m=video 0 RTP/AVP 34\r\n" PCMU "m=text 0 RTP/AVP 98\r\n", &f), 0);
    negotiation_free(n);
}
END_TEST

/* RFC 3264 §8.3.2: a number that meant something in this session never gets another meaning from us. */
START_TEST(payload_types_keep_their_meaning)
{
    struct media_capabilities own = own_make("ou");
    struct media_format f;
    struct negotiation *n;
    char out[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    /* He has 111 for something we do not know, and 101 for Opus. */
    ck_assert_int_eq(negotiation_answer(n,
                                        HEAD C4 T
                                        "m=audio 4000 RTP/AVP 111 101 0\r\na=rtpmap:111 speex/8000\r\n"
                                        "a=rtpmap:101 opus/48000/2\r\n",
                                        &own, true, true, out, sizeof out, &f),
                     0);
    ck_assert_int_eq(f.codecs[0].pt_send, 101);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "RTP/AVP 101 0 96 100\r\na=rtpmap:101 opus/48000/2\r\n"));
    ck_assert_ptr_nonnull(strstr(out, "a=rtpmap:96 telephone-event/8000\r\n"));
    ck_assert_int_eq(negotiation_offer(n, &own, true, false, out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "RTP/AVP 101 0 96 100\r\n"));
    /* He breaks the rule and gives 96 to Opus: his numbers hold in the answer, and ours move out of the way.
     */
    ck_assert_int_eq(negotiation_answer(n,
                                        HEAD C4 T "m=audio 4000 RTP/AVP 96 0\r\na=rtpmap:96 opus/48000/2\r\n",
                                        &own, true, true, out, sizeof out, &f),
                     0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "RTP/AVP 96 0 97 100\r\n"));
    negotiation_free(n);
}
END_TEST

/* RFC 3264 §8: an offer that fails leaves the session as it was. */
START_TEST(refused_offers_change_nothing)
{
    struct media_capabilities own = own_make("u");
    struct media_format f, kept;
    struct negotiation *n;
    char out[SDP_TEXT], again[SDP_TEXT];

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_answer(n, HEAD C4 T PCMU, &own, true, true, out, sizeof out, &f), 0);
    kept = f;
    ck_assert_int_eq(negotiation_answer(n, HEAD C4 T "m=audio 4000 RTP/AVP 18\r\n", &own, true, true, again,
                                        sizeof again, &f),
                     ENOPROTOOPT);
    ck_assert_mem_eq(&f, &kept, sizeof f);
    ck_assert_int_eq(negotiation_answer(n, HEAD C4 T PCMU, &own, true, true, again, sizeof again, &f), 0);
    ck_assert_str_eq(out, again);
    negotiation_free(n);
}
END_TEST

START_TEST(peek_reads_what_he_has)
{
    struct offer_summary s;

    ck_assert_int_eq(negotiation_peek(HEAD C4 T
                                      "m=audio 0 RTP/AVP 8\r\nm=audio 4000 RTP/AVP 18 8 0 9\r\na=sendonly\r\n"
                                      "a=ptime:40\r\n",
                                      SRTP_OFF, &s),
                     0);
    ck_assert_uint_eq(s.codec_count, 3);
    ck_assert(s.codecs[0] == CODEC_PCMA && s.codecs[1] == CODEC_PCMU && s.codecs[2] == CODEC_G722);
    ck_assert(!s.send && s.receive);
    ck_assert_uint_eq(s.ptime_ms, 40);
    ck_assert_int_eq(negotiation_peek(HEAD C4 T "m=audio 4000 RTP/AVP 18\r\n", SRTP_OFF, &s), ENOPROTOOPT);
    ck_assert_int_eq(negotiation_peek("", SRTP_OFF, &s), EINVAL);
}
END_TEST

/* -- input without sense
 * ----------------------------------------------------------------------------------------------- */

START_TEST(limits_hold)
{
    struct media_capabilities own = own_make("u");
    struct media_format f;
    struct negotiation *n;
    char out[SDP_TEXT], *big = malloc(20000);
    size_t used;

    ck_assert_int_eq(negotiation_new(&n), 0);
    used = (size_t)sprintf(big, HEAD C4 T);
    for (int i = 0; i < 16; i++)
        used += (size_t)sprintf(big + used, PCMU);
    ck_assert_int_eq(negotiation_answer(n, big, &own, true, true, out, sizeof out, &f), 0);
    sprintf(big + used, PCMU);
    ck_assert_int_eq(negotiation_answer(n, big, &own, true, true, out, sizeof out, &f), EINVAL);
    used = (size_t)sprintf(big, HEAD C4 T PCMU);
    while (used < 19000)
        used += (size_t)sprintf(big + used, "a=x:y\r\n");
    ck_assert_int_eq(negotiation_answer(n, big, &own, true, true, out, sizeof out, &f), EINVAL);
    used = (size_t)sprintf(big, HEAD C4 T "m=audio 4000 RTP/AVP");
    for (int i = 0; i < 500; i++)
        used += (size_t)sprintf(big + used, " %d", i % 128);
    sprintf(big + used, "\r\n");
    ck_assert_int_eq(negotiation_answer(n, big, &own, true, true, out, sizeof out, &f), 0);
    /* A media name that would write a line of its own. */
    ck_assert_int_ne(negotiation_answer(n, HEAD C4 T "m=aud\x01io 4000 RTP/AVP 0\r\n", &own, true, true, out,
                                        sizeof out, &f),
                     0);
    free(big);
    negotiation_free(n);
}
END_TEST

/* Valid SDPs with bytes changed, lines dropped, doubled and cut: nothing may crash, and what is accepted is
 * sound. */
START_TEST(mutations_do_no_harm)
{
    struct media_capabilities own = own_make("o9au");
    char text[SDP_TEXT], out[SDP_TEXT];
    struct media_format f;
    struct offer_summary s;
    struct negotiation *n;
    unsigned accepted = 0;

    srand(4711 + (unsigned)_i);
    ck_assert_int_eq(negotiation_new(&n), 0);
    for (int round = 0; round < 4000; round++) {
        const struct answer_row *row = &answer_rows[rand() % (int)(sizeof answer_rows / sizeof *answer_rows)];
        size_t length = strlen(row->offer);

        strcpy(text, row->offer);
        for (int k = rand() % 4; k >= 0 && length > 8; k--) {
            size_t at = (size_t)rand() % length, run = (size_t)rand() % 8;

            if (rand() % 3 == 0) {
                text[at] = (char)(1 + rand() % 255);
            } else if (rand() % 2 && at + run < length) {
                memmove(text + at, text + at + run, length - at - run + 1);
            } else if (at + run < length && length + run < sizeof text) {
                memmove(text + at + run, text + at, length - at + 1);
            }
            length = strlen(text);
        }
        (void)!negotiation_peek(text, SRTP_OFF, &s);
        if (negotiation_answer(n, text, &own, true, true, out, sizeof out, &f) == 0) {
            accepted++;
            ck_assert_uint_eq(f.codec_count, 1);
            ck_assert(f.codecs[0].pt_send < 128 && f.ptime_ms >= 10 && f.ptime_ms <= 60);
            ck_assert_int_eq(negotiation_peek(out, own.srtp, &s), 0);
        }
        struct image_offer image;
        (void)!negotiation_peek_image(text, &image);
        if (negotiation_offer(n, &own, true, true, out, sizeof out) == 0)
            (void)!negotiation_accept(n, text, &f);
    }
    ck_assert_uint_gt(accepted, 200);
    negotiation_free(n);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("offer");
    TCase *tables = tcase_create("tables"), *session = tcase_create("session"),
          *abuse = tcase_create("abuse");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tables, answers_follow_the_table, 0, sizeof answer_rows / sizeof *answer_rows);
    tcase_add_loop_test(tables, accepted_answers_follow_the_table, 0,
                        sizeof accept_rows / sizeof *accept_rows);
    tcase_add_loop_test(tables, directions_follow_the_matrix, 0, 16);
    tcase_add_test(tables, peek_reads_what_he_has);
    tcase_add_test(session, offer_lists_every_codec);
    tcase_add_test(session, offer_names_ipv6);
    tcase_add_test(session, version_counts_changes);
    tcase_add_test(session, t38_takes_the_place_of_sound);
    tcase_add_test(session, later_offers_keep_the_lines);
    tcase_add_test(session, payload_types_keep_their_meaning);
    tcase_add_test(session, refused_offers_change_nothing);
    tcase_add_test(abuse, limits_hold);
    tcase_add_loop_test(abuse, mutations_do_no_harm, 0, 5);
    tcase_set_timeout(abuse, 120);
    suite_add_tcase(suite, tables);
    suite_add_tcase(suite, session);
    suite_add_tcase(suite, abuse);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
