/*
 * SDP text into plain values. Sofia has a parser too, but it stays away: on an m= line whose profile holds a
 * byte above 127 it allocates for ever, and offers come from anyone who may call.
 */
#include "core/sip/sdp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINES_MAX 512

/* Some lines of one SDP, each "x=value": those of the session, or those of one stream. */
struct span {
    char **at;
    size_t count;
};

/* What follows `prefix` ("a=ptime:") on the first line that begins so, or NULL. */
static const char *span_find(struct span span, const char *prefix)
{
    size_t length = strlen(prefix);

    for (size_t i = 0; i < span.count; i++)
        if (strncasecmp(span.at[i], prefix, length) == 0)
            return span.at[i] + length;
    return NULL;
}

/* Copies what goes back onto an m= line of ours: RFC 4566 §9 tokens and '/', so that nothing can be smuggled
 * in. */
static int token_copy(char *out, size_t size, const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-./^_`{|}~";
    size_t length = text ? strlen(text) : 0;

    if (length == 0 || length >= size || strspn(text, allowed) != length)
        return EINVAL;
    memcpy(out, text, length + 1);
    return 0;
}

static unsigned number_attribute(const char *text, unsigned limit)
{
    unsigned long value = text ? strtoul(text, NULL, 10) : 0;

    return value <= limit ? (unsigned)value : 0;
}

/*
 * An address from c= or a=rtcp. A host name stays AF_UNSPEC (a look-up would block, and symmetric RTP learns
 * the address anyway), and so does the unspecified address, with which RFC 2543 phones hold (RFC 3264 §8.4).
 */
static bool address_set(struct sockaddr_storage *out, const char *host, unsigned port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        if (v4->sin_addr.s_addr == htonl(INADDR_ANY))
            return false;
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        return true;
    }
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        if (IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
            return false;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        return true;
    }
    memset(out, 0, sizeof *out);
    return false;
}

/* "0.0.0.0" and "::" say: send me nothing (RFC 3264 §8.4). */
static bool address_is_void(const char *host)
{
    struct in6_addr any6;

    return strcmp(host, "0.0.0.0") == 0 ||
           (inet_pton(AF_INET6, host, &any6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&any6));
}

static bool address_is_multicast(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return IN_MULTICAST(ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr));
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_MULTICAST(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return false;
}

static void port_set(struct sockaddr_storage *address, unsigned port)
{
    if (address->ss_family == AF_INET)
        ((struct sockaddr_in *)address)->sin_port = htons((uint16_t)port);
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)port);
}

/* a=rtcp:PORT [IN IP4 ADDRESS] (RFC 3605); without it the port above RTP's, and RTP's own with rtcp-mux (RFC
 * 5761). */
static void rtcp_read(struct sdp_stream *stream, const char *value, unsigned rtp_port)
{
    unsigned port = number_attribute(value, 65535);
    const char *host = value ? strrchr(value, ' ') : NULL;

    stream->rtcp = stream->rtp;
    if (stream->rtcp_mux)
        return;
    if (port == 0) {
        if (rtp_port == 65535)
            stream->rtcp.ss_family = AF_UNSPEC;
        port_set(&stream->rtcp, rtp_port + 1);
        return;
    }
    if (host == NULL || !address_set(&stream->rtcp, host + 1, port) || address_is_multicast(&stream->rtcp)) {
        stream->rtcp = stream->rtp;
        port_set(&stream->rtcp, port);
    }
}

/* True when the parameter list ("useinbandfec=1; usedtx=0") has `name` with the value 1. */
static bool fmtp_is_on(const char *fmtp, const char *name)
{
    size_t length = strlen(name);

    for (const char *p = fmtp; p; p = strchr(p, ';')) {
        p += strspn(p, "; \t");
        if (strncasecmp(p, name, length) == 0 && p[length] == '=')
            return atoi(p + length + 1) == 1;
    }
    return false;
}

/* Which of our kinds an rtpmap names; -1 when none. G.722's clock is 8000 by an old error (RFC 3551 §4.5.2).
 */
static int kind_find(const char *name, unsigned long rate, const char *params)
{
    int codec;

    if (strcasecmp(name, "telephone-event") == 0)
        return rate == 8000 ? SDP_EVENT_8000 : rate == 48000 ? SDP_EVENT_48000 : -1;
    codec = codec_from_name(name);
    if (codec < 0 || codec_clock((enum codec)codec) != rate)
        return -1;
    /* RFC 7587 §7: opus is always /48000/2; the others are one channel here. */
    if (params && strcmp(params, codec == CODEC_OPUS ? "2" : "1") != 0)
        return -1;
    return codec;
}

static void format_add(struct sdp_stream *stream, int kind, unsigned pt, const char *fmtp)
{
    stream->taken[pt / 8] |= (uint8_t)(1 << pt % 8);
    if (kind < 0 || stream->format_count == SDP_FORMATS_MAX ||
        sdp_stream_pt(stream, (unsigned)kind) != MEDIA_NO_PT)
        return;
    stream->formats[stream->format_count++] = (struct sdp_format){(uint8_t)kind, (uint8_t)pt};
    if (kind == CODEC_OPUS) {
        stream->opus_fec = fmtp_is_on(fmtp, "useinbandfec");
        stream->opus_dtx = fmtp_is_on(fmtp, "usedtx");
    }
}

/* The value of "a=rtpmap:PT …" or "a=fmtp:PT …" behind the number, or NULL. */
static const char *mapped_value(struct span span, const char *name, unsigned long pt)
{
    char prefix[24];
    const char *value;

    snprintf(prefix, sizeof prefix, "a=%s:%lu ", name, pt);
    value = span_find(span, prefix);
    return value ? value + strspn(value, " ") : NULL;
}

/* The formats of an m= line, in their order; those that mean nothing here are only remembered as taken. */
static void formats_read(struct sdp_stream *stream, char *formats, struct span span)
{
    char *rest = NULL;

    for (char *f = strtok_r(formats, " ", &rest); f; f = strtok_r(NULL, " ", &rest)) {
        char *end, name[32] = "", params[8] = "";
        unsigned long pt = strtoul(f, &end, 10), rate = 0;
        const char *map;
        int kind = -1, fields;

        if (end == f || *end != '\0' || pt > 127)
            continue;
        map = mapped_value(span, "rtpmap", pt);
        fields = map ? sscanf(map, "%31[^/ ]/%9lu/%7s", name, &rate, params) : 0;
        if (fields >= 2)
            kind = kind_find(name, rate, fields == 3 ? params : NULL);
        /* RFC 3551 §6: the static types need no rtpmap. */
        for (int c = 0; map == NULL && c < CODEC_COUNT; c++)
            if (codec_static_pt((enum codec)c) == pt)
                kind = c;
        format_add(stream, kind, (unsigned)pt, mapped_value(span, "fmtp", pt));
    }
}

/* 3 for sendrecv, 2 sendonly, 1 recvonly, 0 inactive; -1 when no line says. */
static int direction_read(struct span span)
{
    static const char *const names[] = {"a=inactive", "a=recvonly", "a=sendonly", "a=sendrecv"};

    for (size_t i = 0; i < span.count; i++)
        for (int k = 0; k < 4; k++)
            if (strcasecmp(span.at[i], names[k]) == 0)
                return k;
    return -1;
}

/* "IN IP4 192.0.2.9/127": the address out of a c= line. */
static int connection_read(const char *value, char *host, size_t size)
{
    char type[8], address[128];

    if (value == NULL || sscanf(value, "IN %7s %127[^/ ]", type, address) != 2 || strlen(address) >= size)
        return EINVAL;
    if (strcasecmp(type, "IP4") != 0 && strcasecmp(type, "IP6") != 0)
        return EINVAL;
    strcpy(host, address);
    return 0;
}

/* An attribute of the stream, or else of the session. */
static const char *attribute_find(struct span session, struct span own, const char *prefix)
{
    const char *value = span_find(own, prefix);

    return value ? value : span_find(session, prefix);
}

/* The keys of a stream (RFC 4568); lines that cannot be used are passed over, as the offerer expects
 * (§7.1.2). */
static void keys_read(struct sdp_stream *stream, struct span own)
{
    static const char prefix[] = "a=crypto:";

    for (size_t i = 0; i < own.count && stream->key_count < SDES_LINES_MAX; i++) {
        if (strncasecmp(own.at[i], prefix, sizeof prefix - 1) != 0)
            continue;
        stream->keyed = true;
        if (sdes_read(&stream->keys[stream->key_count], own.at[i] + sizeof prefix - 1) == 0)
            stream->key_count++;
    }
}

/* RFC 8285 §6: those of the session hold for every stream, but a stream's own come first. */
static void extmaps_read(struct sdp_stream *stream, struct span session, struct span own)
{
    static const char prefix[] = "a=extmap:";
    const struct span spans[] = {own, session};

    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < spans[k].count; i++)
            if (strncasecmp(spans[k].at[i], prefix, sizeof prefix - 1) == 0)
                extmap_read(&stream->extmaps, spans[k].at[i] + sizeof prefix - 1);
}

/* What stands below an m= line that we could take. */
static int audio_read(struct sdp_stream *stream, struct span session, struct span own, unsigned port)
{
    char host[128];
    int direction = direction_read(own);

    if (direction < 0)
        direction = direction_read(session);
    if (direction < 0)
        direction = 3; /* RFC 4566 §6: sendrecv */
    /* RFC 4566 §5.7: a stream that is on has a c= of its own or the session's. */
    if (connection_read(attribute_find(session, own, "c="), host, sizeof host) != 0)
        return EINVAL;
    (void)address_set(&stream->rtp, host, port);
    keys_read(stream, own);
    /* To a group we would send what nobody there asked for. */
    stream->usable = !address_is_multicast(&stream->rtp) && (!stream->secure || stream->key_count > 0);
    stream->sends = direction & 2;
    stream->receives = (direction & 1) && !address_is_void(host);
    stream->ptime_ms = number_attribute(attribute_find(session, own, "a=ptime:"), 200);
    stream->maxptime_ms = number_attribute(attribute_find(session, own, "a=maxptime:"), 1000);
    stream->rtcp_mux = span_find(own, "a=rtcp-mux") != NULL;
    extmaps_read(stream, session, own);
    rtcp_read(stream, attribute_find(session, own, "a=rtcp:"), port);
    return 0;
}

/* "a=T38FaxFillBitRemoval", alone or ":1"; some say ":0" where they mean that it is off. */
static bool flag_read(struct span own, const char *name)
{
    const char *value = span_find(own, name);

    return value && strcmp(value, ":0") != 0;
}

static int image_read(struct sdp_stream *stream, struct span session, struct span own, unsigned port)
{
    const char *rate = span_find(own, "a=T38FaxRateManagement:");
    char host[128];

    if (connection_read(attribute_find(session, own, "c="), host, sizeof host) != 0)
        return EINVAL;
    stream->image = address_set(&stream->rtp, host, port) && !address_is_multicast(&stream->rtp);
    stream->t38 = (struct sdp_t38){
        .version = number_attribute(span_find(own, "a=T38FaxVersion:"), 4),
        .max_datagram = number_attribute(span_find(own, "a=T38FaxMaxDatagram:"), 65535),
        .fill_bit_removal = flag_read(own, "a=T38FaxFillBitRemoval"),
        .local_tcf = rate && strcasecmp(rate, "localTCF") == 0,
    };
    return 0;
}

/* own.at[0] is the m= line: "m=audio 49170[/2] RTP/AVP 0 8 101". */
static int stream_read(struct sdp_stream *stream, struct span session, struct span own)
{
    char *rest = NULL, *media = strtok_r(own.at[0] + 2, " ", &rest), *port_text = strtok_r(NULL, " ", &rest);
    char *protocol = strtok_r(NULL, " ", &rest), *formats = protocol ? rest + strspn(rest, " ") : NULL;
    char *end, format[sizeof stream->line.format];
    unsigned long port;
    bool plain;

    memset(stream, 0, sizeof *stream);
    if (formats == NULL || sscanf(formats, "%23s", format) != 1)
        return EINVAL;
    port = strtoul(port_text, &end, 10);
    if (end == port_text || (*end != '\0' && *end != '/') || port > 65535)
        return EINVAL;
    if (token_copy(stream->line.media, sizeof stream->line.media, media) != 0 ||
        token_copy(stream->line.protocol, sizeof stream->line.protocol, protocol) != 0 ||
        token_copy(stream->line.format, sizeof stream->line.format, format) != 0)
        return EINVAL;
    if (strcasecmp(media, "image") == 0 && strcasecmp(protocol, "udptl") == 0 && port != 0)
        return strcasecmp(format, "t38") == 0 ? image_read(stream, session, own, (unsigned)port) : 0;
    /* RFC 4585: the formats of RTP/AVPF mean the same, and its feedback is at will. */
    plain = strcasecmp(protocol, "RTP/AVP") == 0 || strcasecmp(protocol, "RTP/AVPF") == 0;
    stream->secure = strcasecmp(protocol, "RTP/SAVP") == 0 || strcasecmp(protocol, "RTP/SAVPF") == 0;
    if (strcasecmp(media, "audio") != 0 || (!plain && !stream->secure) || port == 0)
        return 0;
    formats_read(stream, formats, own);
    return audio_read(stream, session, own, (unsigned)port);
}

/* Cuts the text at its line ends: CRLF, or the bare LF and CR of careless senders. EINVAL: a line is not
 * "x=…". */
static int lines_cut(char *text, char **lines, size_t *count)
{
    char *rest = NULL;

    *count = 0;
    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        size_t length = strlen(line);

        if (*count == LINES_MAX || length < 2 || line[1] != '=')
            return EINVAL;
        while (line[length - 1] == ' ' || line[length - 1] == '\t')
            line[--length] = '\0';
        lines[(*count)++] = line;
    }
    return *count > 0 && strcmp(lines[0], "v=0") == 0 ? 0 : EINVAL;
}

int sdp_read(struct sdp_description *out, const char *text)
{
    size_t length = text ? strnlen(text, SDP_INPUT_MAX + 1) : 0, count = 0, first = 0;
    char *lines[LINES_MAX], *copy;
    struct span session;
    int error = EINVAL;

    out->stream_count = 0;
    if (length == 0 || length > SDP_INPUT_MAX)
        return EINVAL;
    copy = strdup(text);
    if (copy == NULL)
        return ENOMEM;
    if (lines_cut(copy, lines, &count) != 0)
        goto out;
    while (first < count && lines[first][0] != 'm')
        first++;
    session = (struct span){lines, first};
    for (size_t next; first < count; first = next) {
        for (next = first + 1; next < count && lines[next][0] != 'm';)
            next++;
        if (out->stream_count == SDP_STREAMS_MAX ||
            stream_read(&out->streams[out->stream_count], session,
                        (struct span){lines + first, next - first}) != 0)
            goto out;
        out->stream_count++;
    }
    error = 0;
out:
    free(copy);
    return error;
}

uint8_t sdp_stream_pt(const struct sdp_stream *stream, unsigned kind)
{
    for (size_t i = 0; i < stream->format_count; i++)
        if (stream->formats[i].kind == kind)
            return stream->formats[i].pt;
    return MEDIA_NO_PT;
}
