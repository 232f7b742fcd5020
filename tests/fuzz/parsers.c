/*
 * The parsers that read what others wrote, alone, for libFuzzer: one program for each function that TARGET
 * names (make fuzzers). They get what their callers give them: text ends in a NUL, packets are no longer than
 * io.h allows.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "apps/http/verbs.h"
#include "core/base/settings.h"
#include "core/sip/digest.h"
#include "core/sip/offer.h"
#include "core/sip/sdp.h"
#include "core/sip/session_internal.h"
#include "mixer/codec.h"
#include "mixer/files.h"
#include "mixer/io.h"
#include "mixer/rtcp.h"
#include "mixer/rtpext.h"
#include "core/base/zone.c" /* what reads a zone's file is private to it */

#include <arpa/inet.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int fuzz_offer(const uint8_t *data, size_t size), fuzz_digest(const uint8_t *data, size_t size),
    fuzz_rtp(const uint8_t *data, size_t size), fuzz_zone(const uint8_t *data, size_t size),
    fuzz_settings(const uint8_t *data, size_t size), fuzz_verbs(const uint8_t *data, size_t size),
    fuzz_body(const uint8_t *data, size_t size);

static char *text_of(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* An offer of theirs, then an answer of theirs to an offer of ours: what is agreed must be fit for a port. */
static void format_check(const struct media_format *f)
{
    if (f->codec_count == 0 || f->codec_count > MEDIA_CODECS_MAX || f->ptime_ms < 10 || f->ptime_ms > 60)
        abort();
    for (size_t i = 0; i < f->codec_count; i++)
        if (f->codecs[i].pt_send > 127 || f->codecs[i].pt_receive > 127)
            abort();
}

int fuzz_offer(const uint8_t *data, size_t size)
{
    struct media_capabilities own = {.codecs = {CODEC_OPUS, CODEC_G722, CODEC_PCMU, CODEC_PCMA},
                                     .codec_count = 4,
                                     .ptime_ms = 20,
                                     .dtmf = true,
                                     .srtp = SRTP_OPTIONAL};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(4000)};
    char *text = text_of(data, size), out[SDP_TEXT], again[SDP_TEXT];
    struct negotiation *n, *other;
    struct offer_summary summary;
    struct media_format format;

    memcpy(&own.rtp, &address, sizeof address);
    if (negotiation_new(&n) != 0 || negotiation_new(&other) != 0)
        abort();
    if (negotiation_peek(text, own.srtp, &summary) == 0 && summary.codec_count > CODEC_COUNT)
        abort();
    if (negotiation_answer(n, text, &own, true, true, out, sizeof out, &format) == 0) {
        format_check(&format);
        /* RFC 6337 §3.1.1: the same words to the same offer. */
        if (negotiation_answer(n, text, &own, true, true, again, sizeof again, &format) != 0 ||
            strcmp(out, again) != 0)
            abort();
        if (negotiation_offer(n, &own, true, false, out, sizeof out) == 0 &&
            negotiation_accept(n, text, &format) == 0)
            format_check(&format);
    }
    if (negotiation_offer(other, &own, true, true, out, sizeof out) == 0 &&
        negotiation_accept(other, text, &format) == 0)
        format_check(&format);
    negotiation_free(n);
    negotiation_free(other);
    free(text);
    return 0;
}

/* Each line is a parameter. */
int fuzz_digest(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size), *rest = text, response[DIGEST_TEXT];
    const char *params[65];
    struct digest_credentials credentials;
    size_t count = 0;

    for (char *line; count < 64 && (line = strsep(&rest, "\n")) != NULL;)
        params[count++] = line;
    params[count] = NULL;
    if (digest_parse(&credentials, params) == 0 &&
        digest_response(&credentials, "ha1", "INVITE", response) == 0)
        (void)digest_equal(credentials.response, response);
    free(text);
    return 0;
}

int fuzz_rtp(const uint8_t *data, size_t size)
{
    struct rtp_packet packet;
    struct rtcp_seen seen;
    struct digit_receiver digits = {0};
    static const uint8_t ids[RTPEXT_IDS] = {0, 2, 1, 3};
    uint8_t out[IO_PACKET_MAX];
    unsigned ms;

    if (size > IO_PACKET_MAX)
        return 0;
    if (rtp_parse(&packet, data, size)) {
        if (packet.payload < data || packet.payload + packet.length > data + size)
            abort();
        for (int codec = 0; codec < CODEC_COUNT; codec++) {
            (void)payload_ms((enum codec)codec, packet.payload, packet.length);
            if (payload_level((enum codec)codec, packet.payload, packet.length) > 127)
                abort();
        }
        if (rtpext_translate(out, data, size, ids) > size)
            abort();
        if (packet.length >= 4)
            (void)digit_packet(&digits, packet.timestamp, packet.payload, packet.length, 8000, &ms);
    }
    (void)rtcp_parse(&seen, data, size, 1);
    return 0;
}

int fuzz_zone(const uint8_t *data, size_t size)
{
    static const time_t moments[] = {0, -4000000000, 1709164800, 4102444799, INT32_MAX, 32503680000};
    struct zone *zone = calloc(1, sizeof *zone);
    char *text = text_of(data, size); /* zone_read() puts a NUL behind the file, too */

    if (!zone)
        abort();
    if (size < ZONE_FILE_MAX && zone_parse(zone, (unsigned char *)text, size) == 0)
        for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
            (void)zone_offset(zone, moments[i]);
    zone_free(zone);
    free(text);
    return 0;
}

static void complain_to_nobody(const char *line, void *arg)
{
    (void)line;
    (void)arg;
}

int fuzz_settings(const uint8_t *data, size_t size)
{
    const struct settings *settings;
    struct sockaddr_in address = {.sin_family = AF_INET};
    char path[64], *text = text_of(data, size);
    int file = memfd_create("settings", 0);
    bool includes = strstr(text, "include") != NULL; /* any file of this machine: slow, and not ours */

    free(text);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (!includes && settings_load(&settings, path, complain_to_nobody, NULL) == 0) {
        (void)settings_number(settings, "3001");
        (void)settings_peer(settings, (struct sockaddr *)&address);
        settings_free(settings);
    }
    close(file);
    return 0;
}

/* What an HTTP application answers. */
int fuzz_verbs(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    struct verbs *verbs;

    if (!verbs_read(&verbs, text, size)) {
        for (size_t i = 0; i < verbs->count; i++)
            if (verbs->list[i].number_count > NUMBERS_MAX || verbs->list[i].prompt_count > PROMPTS_MAX)
                abort();
        verbs_free(verbs);
    }
    free(text);
    return 0;
}

static void part_check(const sip_payload_t *body, const char *part, size_t length)
{
    if (part && (length == 0 || part < body->pl_data || part + length > body->pl_data + body->pl_len))
        abort();
}

/* The first line is the Content-Type of what follows: SDP or a list of recipients, alone or among other
 * parts. */
int fuzz_body(const uint8_t *data, size_t size)
{
    char *type = text_of(data, size), *rest = type;
    size_t before = strsep(&rest, "\n") && rest ? (size_t)(rest - type) : size, length = size - before;
    char *exact = malloc(length ? length : 1); /* no NUL behind it */
    su_home_t *home = su_home_new(sizeof *home);
    sip_payload_t body = {.pl_data = exact, .pl_len = (usize_t)length};
    sip_t sip = {.sip_payload = &body};
    struct recipients recipients;

    if (!exact || !home)
        abort();
    memcpy(exact, data + before, length);
    sip.sip_content_type = sip_content_type_make(home, type);
    if (sip.sip_content_type) {
        const char *part = body_sdp(&sip, &length);

        part_check(&body, part, length);
        part = body_recipients(&sip, &length);
        part_check(&body, part, length);
        if (recipients_read(&recipients, &sip) == 0)
            for (size_t i = 0; i < recipients.count; i++)
                if (!*recipients.users[i] || !memchr(recipients.users[i], '\0', sizeof *recipients.users))
                    abort();
    }
    su_home_unref(home);
    free(exact);
    free(type);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return TARGET(data, size);
}
