/*
 * Ports that only play: they send what is encoded already instead of rendering and encoding it.
 *
 * A packet is cut at its first tick and goes out at its last; what happens to the play in between shows in
 * the next packet. Everything that must touch the sound itself (a room, a digit, gain, speed, a fade) goes
 * the long way.
 */
#include "mixer/engine.h"

#define WARM_MS 60 /* one packet of any length at least */

static bool coded_can(const struct port *p)
{
    const struct kit *kit = p->kit;

    return p->player.playing && p->waiting_count == 0 && !p->sending_digit && p->pause_left == 0 &&
           kit->format.send && p->remote_known;
}

static void coded_cut(struct port *p)
{
    struct coded *c = &p->coded;

    c->length = 0;
    if (p->player.kind == ENCODING_NONE)
        return;
    c->length = player_cut(&p->player, p->player.kind, p->kit->format.ptime_ms, c->payload);
    c->kind = p->player.kind;
    c->ticks = p->kit->ticks;
    c->tick = p->worker->tick;
}

bool port_play_coded(struct port *p)
{
    struct coded *c = &p->coded;
    unsigned at = port_phase(p);

    p->player.kind = coded_can(p) ? encoding_kind_of(&p->kit->format) : ENCODING_NONE;
    p->player.within = at > 0;
    p->player.fresh = p->sent == 0;
    if (at == 0)
        coded_cut(p);
    /* A packet under way is dropped with what it was cut for: another format, a room in between. */
    if (c->length == 0 || c->tick + at != p->worker->tick || c->ticks != p->kit->ticks ||
        c->kind != encoding_kind_of(&p->kit->format))
        return false;
    if (at + 1 < c->ticks)
        return true;
    port_send(p, c->payload, c->length, c->ticks);
    c->length = 0;
    c->stale = c->kind != ENCODING_PCMU && c->kind != ENCODING_PCMA;
    port_play_over_check(p);
    return true;
}

/*
 * An encoder that was left out knows nothing of what the far side's decoder has heard. It is shown the last
 * packets again before its first one (see cut.c).
 */
void port_encoder_warm(struct port *p)
{
    int16_t before[WARM_MS * 48] = {0};
    struct kit *kit = p->kit;
    size_t packet = (size_t)kit->ticks * (kit->rate / TICKS_A_SECOND);
    bool opus = kit->format.codecs[0].codec == CODEC_OPUS;
    size_t count = opus ? 1 : WARM_MS / TICK_MS / kit->ticks;
    uint8_t payload[PAYLOAD_MAX];

    p->coded.stale = false;
    if (p->player.playing)
        player_recent(&p->player, kit->rate, before, count * packet);
    for (size_t i = 0; i < count; i++)
        (void)encoder_encode(kit->encoder, before + i * packet, packet, payload, sizeof(payload));
    atomic_fetch_add_explicit(&p->worker->encodings, count, memory_order_relaxed);
}
