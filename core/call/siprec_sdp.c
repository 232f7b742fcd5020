/*
 * The streams of a recording session in SDP. Each has an offer and answer of its own, as if there were no
 * other; here they are put together, and what comes back is taken apart.
 */
#include "core/call/siprec_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *data;
    size_t size, used; /* used >= size: it did not fit */
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *t, const char *format, ...)
{
    size_t left = t->used < t->size ? t->size - t->used : 0;
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(left ? t->data + t->used : NULL, left, format, arguments);
    va_end(arguments);
    t->used += n > 0 ? (size_t)n : 0;
}

static void capabilities(const struct siprec *siprec, const struct siprec_stream *stream,
                         struct media_capabilities *out)
{
    const struct settings *settings = siprec->server->settings;

    *out = (struct media_capabilities){
        .rtp = stream->address, .ptime_ms = 20, .srtp = settings_srtp(settings, siprec->peer)};
    memcpy(out->codecs, settings->codecs, sizeof out->codecs);
    out->codec_count = settings->codec_count;
}

static int head_write(struct text *t, struct siprec *siprec)
{
    const struct sockaddr_storage *local = &siprec->local;
    bool six = local->ss_family == AF_INET6;
    const void *address = six ? (const void *)&((const struct sockaddr_in6 *)local)->sin6_addr
                              : (const void *)&((const struct sockaddr_in *)local)->sin_addr;
    char host[INET6_ADDRSTRLEN];

    if (!inet_ntop(local->ss_family, address, host, sizeof host))
        return EINVAL;
    text_add(t, "v=0\r\no=- %llu %u IN IP%c %s\r\ns=-\r\nc=IN IP%c %s\r\nt=0 0\r\n",
             (unsigned long long)siprec->began_us, ++siprec->version, six ? '6' : '4', host, six ? '6' : '4',
             host);
    return 0;
}

/* Its own SDP has the same session part but for o=, which is the recording session's; its media part is taken
 * over with the label that the metadata name it by (RFC 4574). */
static void stream_write(struct text *t, const struct siprec_stream *stream, const char *own)
{
    const char *media = strstr(own, "\r\nm=");

    text_add(t, "%sa=label:%u\r\n", media ? media + 2 : "", stream->label);
}

/* -- our offer ------------------------------------------------------------------------------------------ */

/* Places once used stay (RFC 3264 §8). */
int streams_offer(struct siprec *siprec, char *out, size_t size)
{
    struct text t = {.data = out, .size = size};
    int error = head_write(&t, siprec);

    for (unsigned i = 0; !error && i < SIPREC_STREAMS && siprec->streams[i].used; i++) {
        struct siprec_stream *stream = &siprec->streams[i];
        struct media_capabilities can;
        char own[SDP_TEXT];

        stream->offered = false;
        if (stream->person) {
            capabilities(siprec, stream, &can);
            stream->offered = negotiation_offer(stream->negotiation, &can, true, false, own, sizeof own) == 0;
        }
        stream_write(&t, stream, stream->offered ? own : "\r\nm=audio 0 RTP/AVP 0\r\na=inactive\r\n");
    }
    return error ? error : t.used < t.size ? 0 : ENOSPC;
}

/* The session part and the n-th media part, as if that were all. False: there is none, or it is too long. */
static bool part_copy(const char *sdp, unsigned n, char *out, size_t size)
{
    const char *media = strstr(sdp, "\nm="), *end;
    size_t head = media ? (size_t)(media + 1 - sdp) : 0;

    for (unsigned i = 0; media && i < n; i++)
        media = strstr(media + 1, "\nm=");
    if (!media)
        return false;
    end = strstr(media + 1, "\nm=");
    size_t length = end ? (size_t)(end - media) : strlen(media + 1);
    return (size_t)snprintf(out, size, "%.*s%.*s", (int)head, sdp, (int)length, media + 1) < size;
}

static unsigned parts_count(const char *sdp)
{
    unsigned count = 0;

    for (const char *at = strstr(sdp, "\nm="); at; at = strstr(at + 1, "\nm="))
        count++;
    return count;
}

/* -- what is agreed ------------------------------------------------------------------------------------- */

/* Better silence than the voices of others under his name. */
static bool stream_begin(struct siprec *siprec, struct siprec_stream *stream)
{
    struct mixer *mixer = siprec->server->mixer;
    int error;

    if (stream->up)
        return true;
    error = port_connect_room(mixer, stream->port, siprec->mix);
    if (!error)
        error = port_set_source(mixer, stream->port, stream->person->port);
    stream->up = !error;
    if (!error)
        return true;
    log_event(LEVEL_WARNING, "siprec", NULL, "stream-silent session=%s label=%u error=\"%s\"", siprec->id,
              stream->label, strerror(error));
    if (port_connect_none(mixer, stream->port))
        port_close(mixer, stream->port);
    return false;
}

static bool stream_agree(struct siprec *siprec, struct siprec_stream *stream,
                         const struct media_format *format)
{
    if (port_set_format(siprec->server->mixer, stream->port, format) != 0)
        return false;
    stream->format = *format;
    return stream_begin(siprec, stream);
}

/* Refused, perhaps after it was taken: nothing goes where nobody listens any more (RFC 3264 §8.2). */
static void stream_silence(struct siprec *siprec, struct siprec_stream *stream)
{
    if (!stream->format.send)
        return;
    stream->format.send = false;
    if (port_set_format(siprec->server->mixer, stream->port, &stream->format) != 0)
        log_event(LEVEL_WARNING, "siprec", NULL, "stream-goes-on session=%s label=%u", siprec->id,
                  stream->label);
}

void streams_take(struct siprec *siprec, const char *answer)
{
    char part[SDP_TEXT];
    unsigned taken = 0;

    for (unsigned i = 0; i < SIPREC_STREAMS && siprec->streams[i].used; i++) {
        struct siprec_stream *stream = &siprec->streams[i];
        struct media_format format;

        /* Whoever has come to this place since the offer went out is told of by the next one. */
        if (!stream->person || !stream->offered)
            continue;
        if (part_copy(answer, i, part, sizeof part) &&
            negotiation_accept(stream->negotiation, part, &format) == 0)
            taken += stream_agree(siprec, stream, &format);
        else
            stream_silence(siprec, stream);
    }
    log_event(LEVEL_INFO, "siprec", NULL, "streams session=%s count=%u", siprec->id, taken);
}

/* -- his offer ------------------------------------------------------------------------------------------ */

/* RFC 3264 §6: with his own words but for the port. */
static void part_refuse(struct text *t, const char *part)
{
    char media[32], protocol[32], format[32];
    const char *line = strstr(part, "\nm=");

    if (line && sscanf(line, "\nm=%31s %*s %31s %31s", media, protocol, format) == 3)
        text_add(t, "m=%s 0 %s %s\r\n", media, protocol, format);
    else
        text_add(t, "m=audio 0 RTP/AVP 0\r\n");
}

/* He who has the place now may not be the one that the server knows: then not a word goes until it does. */
static bool stream_answer(struct siprec *siprec, struct siprec_stream *stream, const char *part,
                          char own[SDP_TEXT])
{
    struct media_capabilities can;
    struct media_format format;

    if (!stream->person)
        return false;
    capabilities(siprec, stream, &can);
    if (negotiation_answer(stream->negotiation, part, &can, stream->offered, false, own, SDP_TEXT, &format) !=
        0) {
        stream_silence(siprec, stream);
        return false;
    }
    (void)stream_agree(siprec, stream, &format);
    return true;
}

int streams_answer(struct siprec *siprec, const char *offer, char *out, size_t size)
{
    struct text t = {.data = out, .size = size};
    char part[SDP_TEXT], own[SDP_TEXT];
    int error = head_write(&t, siprec);
    unsigned n = 0;

    if (!error && parts_count(offer) == 0)
        error = EINVAL;
    for (; !error && t.used < t.size && part_copy(offer, n, part, sizeof part); n++) {
        if (n < SIPREC_STREAMS && stream_answer(siprec, &siprec->streams[n], part, own))
            stream_write(&t, &siprec->streams[n], own);
        else
            part_refuse(&t, part);
    }
    if (!error && n < parts_count(offer))
        error = ENOSPC;
    return error ? error : t.used < t.size ? 0 : ENOSPC;
}
