/*
 * Packets cut out of sounds that are encoded already. A packet is cut whole or not at all: then it is
 * rendered and encoded, and so are tones.
 */
#include "mixer/sound_internal.h"

#include <string.h>

/*
 * G.722's decoder adapts for long: at a change between two encoders that have heard the same it is 17 dB
 * above its error for 60 ms, 30 dB after 150, and as ever (40 dB) after 250; where they have heard different
 * things, as at a sound's beginning, it is below 10 dB for 100 ms, which spoils a first syllable. So only
 * long sounds are cut, from a while after their beginning on, unless the far side's decoder is as new as the
 * encoder was. Opus is itself again after one packet, when both have heard the same for a packet or two.
 */
#define G722_STEADY (300 * WIDE_PER_MS)
#define G722_LEAST (5000 * WIDE_PER_MS)
#define OPUS_STEADY (40 * WIDE_PER_MS)

struct place {
    unsigned at;
    uint32_t position, played_ms, steady;
    uint64_t played;
    bool failed, repeat;
};

static struct place place_of(const struct player *p)
{
    return (struct place){p->at, p->position, p->played_ms, p->steady, p->played, p->failed, p->repeat};
}

static size_t place_return(struct player *p, const struct place *place)
{
    p->at = place->at;
    p->position = place->position;
    p->played = place->played;
    p->played_ms = place->played_ms;
    p->steady = place->steady;
    p->failed = place->failed;
    p->repeat = place->repeat;
    p->sound = NULL; /* found again with the item */
    return 0;
}

static const struct encoding *encoding_at_hand(struct player *p, enum encoding_kind kind)
{
    uint64_t bit = UINT64_C(1) << p->at;
    const struct encoding *e = encoding_get(p->sounds, p->sound, kind, !(p->asked & bit));

    p->asked |= bit;
    return e;
}

static bool g722_may(struct player *p)
{
    if (p->fresh && p->position == 0)
        p->steady = G722_STEADY;
    return p->steady >= G722_STEADY && p->sound->samples.length >= G722_LEAST;
}

static uint8_t silence_of(enum encoding_kind kind)
{
    return kind == ENCODING_PCMU ? 0xff : 0xd5; /* ITU-T G.711, of a sample of 0 */
}

/*
 * G.711 has no memory, so what is cut is what would be encoded, bit for bit, over any number of sounds and
 * silences. G.722 is cut within one sound, and where that ends the list the packet is filled up with what the
 * encoder made of the silence after it.
 */
static size_t cut_bytes(struct player *p, enum encoding_kind kind, uint32_t wanted, uint8_t *out)
{
    struct place before = place_of(p);
    const struct encoding *e = NULL;
    uint32_t done = 0, length = 0, silent = 0;
    enum item_state state = ITEM_NONE;

    while (done < wanted && (state = player_find(p, &length)) == ITEM_PLAYS) {
        const struct play_item *item = &p->items[p->at];
        uint32_t n = length - p->position < wanted - done ? length - p->position : wanted - done;

        if (item->sound == 0 && (item->hz1 || item->hz2 || kind == ENCODING_G722))
            return place_return(p, &before);
        if (kind == ENCODING_G722 && !g722_may(p))
            return place_return(p, &before);
        if (item->sound == 0) {
            memset(out + done / 2, silence_of(kind), n / 2);
        } else {
            e = encoding_at_hand(p, kind);
            if (!e)
                return place_return(p, &before);
            memcpy(out + done / 2, e->data + p->position / 2, n / 2);
            silent = p->sound->samples.length;
        }
        player_advance(p, n);
        done += n;
    }
    if (state == ITEM_WAITS || done == 0)
        return place_return(p, &before);
    if (done < wanted && kind == ENCODING_G722)
        memcpy(out + done / 2, e->data + silent / 2, (wanted - done) / 2);
    else if (done < wanted)
        memset(out + done / 2, silence_of(kind), (wanted - done) / 2);
    return wanted / 2;
}

/* Opus packets are used as they were made: from the sound's beginning, 20 ms each, the last filled up with
 * silence. So what follows such a sound begins up to 20 ms later, at a packet. */
static size_t cut_packet(struct player *p, enum encoding_kind kind, uint8_t *out)
{
    const uint32_t span = ENCODING_OPUS_MS * WIDE_PER_MS;
    struct place before = place_of(p);
    uint32_t length, packet, size, left;
    const struct encoding *e;

    if (player_find(p, &length) != ITEM_PLAYS || p->items[p->at].sound == 0)
        return place_return(p, &before);
    e = encoding_at_hand(p, kind);
    packet = p->position / span;
    left = length - p->position;
    if (!e || p->position % span != 0 || packet >= e->packets)
        return place_return(p, &before);
    if (p->steady < OPUS_STEADY && p->steady < p->position) /* a leap just before */
        return place_return(p, &before);
    if (left < span && length < p->sound->samples.length) /* it was to be cut short here */
        return place_return(p, &before);
    size = e->starts[packet + 1] - e->starts[packet];
    if (size == 0)
        return place_return(p, &before);
    memcpy(out, e->data + e->starts[packet], size);
    player_advance(p, left < span ? left : span);
    return size;
}

size_t player_cut(struct player *p, enum encoding_kind kind, unsigned ms, uint8_t *out)
{
    if (kind == ENCODING_NONE || !p->playing || p->paused || p->left || p->speed != SPEED_NORMAL ||
        p->gain != PLAY_UNITY || p->level != PLAY_UNITY || ms * WIDE_PER_MS / 2 > ENCODING_PAYLOAD_MAX)
        return 0;
    if (kind == ENCODING_OPUS || kind == ENCODING_OPUS_FEC)
        return ms == ENCODING_OPUS_MS ? cut_packet(p, kind, out) : 0;
    return cut_bytes(p, kind, ms * WIDE_PER_MS, out);
}
