/* T.38 datagrams: the packet at hand, and those before it once more. */
#include "mixer/udptl.h"

#include <string.h>

/* An open type of PER: its length in one byte below 128, else in two; longer ones would come in pieces, which
 * T.38 has none of. */
static size_t put_packet(uint8_t *out, const uint8_t *packet, size_t length)
{
    size_t at = 0;

    if (length >= 128)
        out[at++] = (uint8_t)(0x80 | length >> 8);
    out[at++] = (uint8_t)length;
    memcpy(out + at, packet, length);
    return at + length;
}

static size_t put_size(size_t length)
{
    return length + (length >= 128 ? 2 : 1);
}

/* False: the datagram ends before. */
static bool get_length(const uint8_t **at, const uint8_t *end, size_t *out)
{
    if (*at == end)
        return false;
    *out = *(*at)++;
    if (*out < 0x80)
        return true;
    if (*out >= 0xC0 || *at == end)
        return false;
    *out = (*out & 0x3F) << 8 | *(*at)++;
    return true;
}

static bool get_packet(const uint8_t **at, const uint8_t *end, const uint8_t **packet, size_t *length)
{
    if (!get_length(at, end, length) || (size_t)(end - *at) < *length)
        return false;
    *packet = *at;
    *at += *length;
    return true;
}

size_t udptl_write(struct udptl_sender *s, const uint8_t *packet, size_t length, uint8_t *out, size_t most)
{
    size_t at = 2, size = 2 + put_size(length) + 2;
    unsigned repeated = 0;

    if (length == 0 || length > UDPTL_PACKET || size > most)
        return 0;
    out[0] = (uint8_t)(s->next >> 8);
    out[1] = (uint8_t)s->next;
    s->next++;
    at += put_packet(out + at, packet, length);
    while (repeated < s->kept && size + put_size(s->earlier[repeated].length) <= most)
        size += put_size(s->earlier[repeated++].length);
    out[at++] = 0; /* secondary packets, not FEC */
    out[at++] = (uint8_t)repeated;
    for (unsigned i = 0; i < repeated; i++)
        at += put_packet(out + at, s->earlier[i].bytes, s->earlier[i].length);
    memmove(&s->earlier[1], &s->earlier[0], (UDPTL_REPEATED - 1) * sizeof s->earlier[0]);
    memcpy(s->earlier[0].bytes, packet, length);
    s->earlier[0].length = length;
    if (s->kept < UDPTL_REPEATED)
        s->kept++;
    return at;
}

#define REPEATED_MOST 32  /* others repeat more than we do */
#define MISSING_MOST 1000 /* half a minute: no fax outlives that */

/*
 * Sound that was on its way when the change came looks like a datagram whose number is above 32767, and what
 * it holds would be taken for a modem's. Numbers begin at 0 (T.38 section 9.1), and come there by and by.
 */
static bool is_rtp(const struct udptl_receiver *r, const uint8_t *datagram, uint16_t sequence)
{
    return datagram[0] >> 6 == 2 && (!r->begun || (uint16_t)(sequence - r->expected) > MISSING_MOST);
}

void udptl_read(struct udptl_receiver *r, const uint8_t *datagram, size_t length,
                void (*fn)(void *arg, const uint8_t *packet, size_t length, uint16_t sequence), void *arg)
{
    const uint8_t *at = datagram + 2, *end = datagram + length, *packets[REPEATED_MOST + 1];
    size_t lengths[REPEATED_MOST + 1], count = 0;

    uint16_t sequence = length < 4 ? 0 : (uint16_t)(datagram[0] << 8 | datagram[1]);
    if (length < 4 || is_rtp(r, datagram, sequence) || !get_packet(&at, end, &packets[0], &lengths[0])) {
        r->malformed++;
        return;
    }
    if (at < end && (*at++ & 0x80) == 0 && get_length(&at, end, &count)) {
        if (count > REPEATED_MOST)
            count = REPEATED_MOST;
        for (size_t i = 1; i <= count; i++)
            if (!get_packet(&at, end, &packets[i], &lengths[i]))
                count = i - 1;
    } else {
        count = 0;
    }
    if (!r->begun) {
        r->begun = true;
        r->expected = sequence;
    }
    /* How many are missing before this one; negative: it is old. */
    int16_t missing = (int16_t)(sequence - r->expected);
    if (missing < 0)
        return;
    for (size_t i = (size_t)missing < count ? (size_t)missing : count; i > 0; i--)
        if (lengths[i] > 0)
            fn(arg, packets[i], lengths[i], (uint16_t)(sequence - i));
    if (lengths[0] > 0)
        fn(arg, packets[0], lengths[0], sequence);
    r->expected = (uint16_t)(sequence + 1);
}
