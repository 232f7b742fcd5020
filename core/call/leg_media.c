/*
 * A leg's media: its port, and its side of offer and answer.
 */
#include "core/call/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool codec_listed(const enum codec *codecs, size_t count, enum codec codec)
{
    for (size_t i = 0; i < count; i++)
        if (codecs[i] == codec)
            return true;
    return false;
}

void codecs_order(struct codec_list *out, const struct settings *settings, const enum codec *first,
                  size_t count)
{
    *out = (struct codec_list){0};
    for (size_t i = 0; i < count; i++)
        if (codec_listed(settings->codecs, settings->codec_count, first[i]) &&
            !codec_listed(out->codecs, out->count, first[i]))
            out->codecs[out->count++] = first[i];
    for (size_t i = 0; i < settings->codec_count; i++)
        if (!codec_listed(out->codecs, out->count, settings->codecs[i]))
            out->codecs[out->count++] = settings->codecs[i];
}

/*
 * The order for an answer: `best` where it was offered (so that packets can be relayed as they are), else the
 * first of ours that was. Without `best` theirs, for they know what suits them (RFC 3264 §6.1).
 */
void codecs_prefer(struct codec_list *out, const struct settings *settings, const char *offer,
                   enum srtp_policy srtp, const enum codec *best)
{
    struct offer_summary summary;
    enum codec first;

    codecs_order(out, settings, best, best ? 1 : 0);
    if (!offer || negotiation_peek(offer, srtp, &summary))
        return;
    if (!best) {
        codecs_order(out, settings, summary.codecs, summary.codec_count);
        return;
    }
    for (size_t i = 0; i < out->count; i++)
        if (codec_listed(summary.codecs, summary.codec_count, out->codecs[i])) {
            first = out->codecs[i];
            memmove(&out->codecs[1], &out->codecs[0], i * sizeof out->codecs[0]);
            out->codecs[0] = first;
            return;
        }
}

static void address_set_port(struct sockaddr_storage *address, uint16_t port)
{
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)address)->sin_port = htons(port);
}

/* `host` is numeric and of the address's own family: settings_load() has seen to it. */
static void address_set_host(struct sockaddr_storage *address, const char *host)
{
    if (address->ss_family == AF_INET6)
        (void)inet_pton(AF_INET6, host, &((struct sockaddr_in6 *)address)->sin6_addr);
    else
        (void)inet_pton(AF_INET, host, &((struct sockaddr_in *)address)->sin_addr);
}

/*
 * Once a leg. SDP names settings->media_address of the family where there is one, and the socket is bound to
 * it where that is possible; else both are the address that signalling uses.
 */
int leg_open(struct leg *leg, const struct sockaddr_storage *local)
{
    struct call *call = leg->call;
    const char *named =
        local->ss_family == AF_INET6 ? call->settings->media_address6 : call->settings->media_address4;
    uint16_t rtp_port = 0;
    int error;

    if (leg->port)
        return 0;
    leg->address = *local;
    if (named)
        address_set_host(&leg->address, named);
    error = port_open(call->server->mixer, (const struct sockaddr *)&leg->address, &leg->port, &rtp_port);
    /* Behind a NAT the address that SDP names is none of this machine's. */
    if (error == EADDRNOTAVAIL && named)
        error = port_open(call->server->mixer, (const struct sockaddr *)local, &leg->port, &rtp_port);
    if (error)
        return error;
    address_set_port(&leg->address, rtp_port);
    error = table_put(&call->server->ports, leg->port, leg);
    if (error) {
        port_close(call->server->mixer, leg->port);
        leg->port = 0;
    }
    return error;
}

static void leg_capabilities(const struct leg *leg, const struct codec_list *codecs,
                             struct media_capabilities *out)
{
    *out = (struct media_capabilities){
        .rtp = leg->address, .ptime_ms = 20, .dtmf = true, .srtp = leg->srtp, .levels = true};
    memcpy(out->codecs, codecs->codecs, sizeof out->codecs);
    out->codec_count = codecs->count;
}

/* The port runs from here on. */
static int leg_apply(struct leg *leg, const struct media_format *format)
{
    int error = port_set_format(leg->call->server->mixer, leg->port, format);

    if (error)
        return error;
    leg->format = *format;
    leg->described = true;
    return 0;
}

/* `out` has SDP_TEXT bytes. */
int leg_offer(struct leg *leg, const struct codec_list *codecs, bool send, bool receive, char *out)
{
    struct media_capabilities own;

    leg_capabilities(leg, codecs, &own);
    return negotiation_offer(leg->negotiation, &own, send, receive, out, SDP_TEXT);
}

/*
 * The same INVITE answered again, by another fork below the far side: a dialog of its own, so it begins from
 * the offer anew (RFC 3261 §13.2.2.4).
 */
int leg_accept_anew(struct leg *leg, const struct codec_list *codecs, const char *answer)
{
    struct negotiation *old = leg->negotiation;
    char sdp[SDP_TEXT];
    int error = negotiation_new(&leg->negotiation);

    if (error) {
        leg->negotiation = old;
        return error;
    }
    negotiation_share_keys(leg->negotiation, old);
    error = leg_offer(leg, codecs, true, true, sdp);
    if (!error)
        error = leg_accept(leg, answer);
    if (error) {
        negotiation_free(leg->negotiation);
        leg->negotiation = old;
        return error;
    }
    negotiation_free(old);
    return 0;
}

int leg_accept(struct leg *leg, const char *answer)
{
    struct media_format format;
    int error = answer ? negotiation_accept(leg->negotiation, answer, &format) : EPROTO;

    return error ? error : leg_apply(leg, &format);
}

int leg_answer(struct leg *leg, const char *offer, const struct codec_list *codecs, bool send, bool receive,
               char *out)
{
    struct media_capabilities own;
    struct media_format format;
    int error;

    leg_capabilities(leg, codecs, &own);
    error = negotiation_answer(leg->negotiation, offer, &own, send, receive, out, SDP_TEXT, &format);
    return error ? error : leg_apply(leg, &format);
}

/* T.38 in place of sound; `out` has SDP_TEXT bytes. */
int leg_answer_image(struct leg *leg, const char *offer, char *out)
{
    const struct media_capabilities own = {.rtp = leg->address};

    return negotiation_answer_image(leg->negotiation, offer, &own, out, SDP_TEXT);
}
