/* Header extensions: see rtpext.h. */
#include "mixer/rtpext.h"

#include "mixer/rtp.h"

#include <string.h>

#define ONE_BYTE 0xBEDE
#define TWO_BYTE 0x1000
#define TWO_BYTE_MASK 0xFFF0 /* the last four bits are the application's own (RFC 8285 §4.3) */
#define ONE_BYTE_STOP 15     /* §4.2: with this identifier, nothing behind it is to be read */
#define ONE_BYTE_MOST 16     /* bytes of an element */

static bool profile_known(uint16_t profile)
{
    return profile == ONE_BYTE || (profile & TWO_BYTE_MASK) == TWO_BYTE;
}

static size_t extension_at(const uint8_t *packet)
{
    return RTP_HEADER + 4 * (size_t)(packet[0] & 15);
}

bool rtp_extension(struct rtp_extension *out, const uint8_t *packet, size_t length)
{
    if (length < RTP_HEADER || !(packet[0] & 0x10))
        return false;
    size_t at = extension_at(packet);
    if (length < at + 4)
        return false;
    out->profile = (uint16_t)(packet[at] << 8 | packet[at + 1]);
    out->length = 4 * ((size_t)packet[at + 2] << 8 | packet[at + 3]);
    out->data = packet + at + 4;
    return out->length <= length - at - 4;
}

bool rtpext_next(const struct rtp_extension *x, size_t *at, struct rtp_element *out)
{
    bool narrow = x->profile == ONE_BYTE;

    if (!profile_known(x->profile))
        return false;
    while (*at < x->length && x->data[*at] == 0)
        (*at)++;
    if (x->length - *at < (narrow ? 1U : 2U))
        return false;
    const uint8_t *head = x->data + *at;
    size_t size = narrow ? 1 : 2;
    out->id = narrow ? head[0] >> 4 : head[0];
    out->length = narrow ? (size_t)(head[0] & 15) + 1 : head[1];
    if ((narrow && out->id == ONE_BYTE_STOP) || out->length > x->length - *at - size)
        return false;
    out->data = head + size;
    *at += size + out->length;
    return true;
}

bool rtpext_find(const struct rtp_extension *x, unsigned id, struct rtp_element *out)
{
    size_t at = 0;

    while (rtpext_next(x, &at, out)) {
        if (out->id == id)
            return true;
    }
    return false;
}

/* -- what a mix says
 * ------------------------------------------------------------------------------------------------ */

/* Closes the extension whose four bytes of header stand before `begin`. Returns its whole size; 0: it is
 * empty. */
static size_t extension_close(uint8_t *begin, uint8_t *end)
{
    if (end == begin)
        return 0;
    while ((end - begin) % 4)
        *end++ = 0;
    size_t words = (size_t)(end - begin) / 4;
    begin[-4] = ONE_BYTE >> 8;
    begin[-3] = ONE_BYTE & 0xFF;
    begin[-2] = (uint8_t)(words >> 8);
    begin[-1] = (uint8_t)words;
    return 4 + 4 * words;
}

size_t rtp_mix_write(uint8_t *packet, const struct rtp_mix *mix, const struct rtp_mix_reader *reader)
{
    uint8_t levels[RTP_SOURCES_MAX], *csrc = packet + RTP_HEADER, *at;
    bool voice = mix->voice;
    unsigned count = 0;

    /* Never himself: a phone that reads its own SSRC there must think of a loop (RFC 3550 §8.2). */
    for (unsigned i = 0; i < mix->count; i++) {
        const struct rtp_mix_source *s = &mix->sources[i];
        if (reader->known && s->ssrc == reader->ssrc)
            continue;
        voice = voice || s->voice;
        if (!reader->csrc_level_id)
            continue;
        levels[count++] = s->level & 0x7F;
        for (int shift = 24; shift >= 0; shift -= 8)
            *csrc++ = (uint8_t)(s->ssrc >> shift);
    }
    at = csrc + 4;
    if (reader->level_id) {
        *at++ = (uint8_t)(reader->level_id << 4);
        *at++ = (uint8_t)((reader->vad && voice ? 0x80 : 0) | (mix->level & 0x7F));
    }
    if (count) {
        *at++ = (uint8_t)(reader->csrc_level_id << 4 | (count - 1));
        memcpy(at, levels, count);
        at += count;
    }
    size_t extension = extension_close(csrc + 4, at);
    packet[0] = (uint8_t)((packet[0] & 0xE0) | (extension ? 0x10 : 0) | count);
    return 4 * (size_t)count + extension;
}

/* -- for other readers
 * ---------------------------------------------------------------------------------------------- */

/* Nothing in it would say anything else to the new reader. */
static bool extension_fits(const struct rtp_extension *x, const uint8_t ids[RTPEXT_IDS])
{
    struct rtp_element e;
    size_t at = 0;

    if (x->profile != ONE_BYTE)
        return false;
    while (rtpext_next(x, &at, &e)) {
        if (e.id == 0 || e.id >= RTPEXT_IDS || ids[e.id] != e.id)
            return false;
    }
    return at == x->length; /* else it ended early: who knows what stands behind */
}

size_t rtpext_translate(uint8_t *out, const uint8_t *packet, size_t length, const uint8_t ids[RTPEXT_IDS])
{
    struct rtp_extension x;
    struct rtp_element e;

    if (!rtp_extension(&x, packet, length) || extension_fits(&x, ids)) {
        memcpy(out, packet, length);
        return length;
    }
    size_t head = extension_at(packet), at = 0;
    const uint8_t *rest = x.data + x.length;
    uint8_t *begin = out + head + 4, *end = begin;
    memcpy(out, packet, head);
    while (rtpext_next(&x, &at, &e)) {
        if (e.id >= RTPEXT_IDS || !ids[e.id] || e.length == 0 || e.length > ONE_BYTE_MOST)
            continue;
        *end++ = (uint8_t)(ids[e.id] << 4 | (e.length - 1));
        memcpy(end, e.data, e.length);
        end += e.length;
    }
    size_t extension = extension_close(begin, end), left = length - (size_t)(rest - packet);
    out[0] = (uint8_t)((packet[0] & ~0x10) | (extension ? 0x10 : 0));
    memcpy(out + head + extension, rest, left);
    return head + extension + left;
}
