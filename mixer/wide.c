/*
 * A room over several workers. Each shard hears its own speakers, tells the others their sum and how loud
 * each is, and adds what the others told: a voice from another shard is one or two ticks later, one's own
 * part of the sum is exact everywhere. All shards choose by the same rule from the same figures, so they need
 * no one to decide for them; where two let one in at the same moment, the softest leaves a tick later.
 *
 * Every value is an atomic of its own. A frame's tick is taken back before it is written and set after, so
 * that a reader who is overtaken sees it and takes the frame for silence.
 */
#include "mixer/engine.h"

#include <string.h>

static uint64_t frame_tick(const struct wide_frame *f)
{
    return atomic_load_explicit(&f->tick, memory_order_acquire);
}

static void frame_write_speaker(struct wide_frame *f, unsigned i, const struct speaker *s)
{
    atomic_store_explicit(&f->speaker[i].port, s->port->id, memory_order_release);
    atomic_store_explicit(&f->speaker[i].loud, s->port->loud, memory_order_release);
    atomic_store_explicit(&f->speaker[i].ticks, s->ticks, memory_order_release);
    atomic_store_explicit(&f->speaker[i].ssrc, s->ssrc, memory_order_release);
    atomic_store_explicit(&f->speaker[i].level, s->level, memory_order_release);
    atomic_store_explicit(&f->speaker[i].heard,
                          (s->heard && !s->whispers) + (s->heard && !s->whispers && s->voice),
                          memory_order_release);
}

static void frame_write(struct wide_frame *f, const struct room *room, uint64_t tick)
{
    unsigned samples = room->kit->rate / TICKS_A_SECOND, count = 0;

    atomic_store_explicit(&f->tick, 0, memory_order_relaxed);
    for (unsigned i = 0; i < samples; i++) /* release: not before the tick was taken back */
        atomic_store_explicit(&f->sum[i], room->sum[i], memory_order_release);
    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        const struct speaker *s = &room->speakers[i];
        if (!s->port || s->leaving || s->resting)
            continue;
        frame_write_speaker(f, count++, s);
    }
    atomic_store_explicit(&f->rate, room->kit->rate, memory_order_release);
    atomic_store_explicit(&f->speakers, count, memory_order_release);
    atomic_store_explicit(&f->tick, tick, memory_order_release);
}

/* False: it has been written over meanwhile, and what was read of it must be thrown away. */
static bool frame_read(const struct wide_frame *f, struct room *room, uint64_t tick, int32_t *sum)
{
    unsigned count = atomic_load_explicit(&f->speakers, memory_order_acquire), samples = 0;
    unsigned before = room->remote_count;

    for (unsigned i = 0; i < count && i < ROOM_SLOTS && room->remote_count < ROOM_REMOTE; i++) {
        struct remote_speaker *s = &room->remote[room->remote_count++];
        s->port = atomic_load_explicit(&f->speaker[i].port, memory_order_acquire);
        s->loud = atomic_load_explicit(&f->speaker[i].loud, memory_order_acquire);
        s->ticks = atomic_load_explicit(&f->speaker[i].ticks, memory_order_acquire);
        s->ssrc = atomic_load_explicit(&f->speaker[i].ssrc, memory_order_acquire);
        s->level = atomic_load_explicit(&f->speaker[i].level, memory_order_acquire);
        unsigned heard = atomic_load_explicit(&f->speaker[i].heard, memory_order_acquire);
        s->heard = heard > 0;
        s->voice = heard > 1;
    }
    /* After a change of the room's rate the shards agree again within a tick or two. */
    if (atomic_load_explicit(&f->rate, memory_order_acquire) == room->kit->rate)
        samples = room->kit->rate / TICKS_A_SECOND;
    for (unsigned i = 0; i < samples; i++)
        sum[i] = atomic_load_explicit(&f->sum[i], memory_order_acquire);
    if (frame_tick(f) != tick) {
        room->remote_count = before;
        return false;
    }
    return samples > 0;
}

/* A change of the room's rate takes the shards a tick or two, in which they do not hear each other. */
static void remote_fade(struct room *room, unsigned samples, bool in, bool out)
{
    if (!in && !out)
        return;
    for (unsigned k = 0; k < samples; k++) {
        int64_t gain = in && out ? 0 : in ? k : samples - 1 - k;
        room->remote_sum[k] = (int32_t)(room->remote_sum[k] * gain / (int64_t)samples);
    }
}

void wide_listen(struct worker *w, struct room *room)
{
    unsigned samples = room->kit->rate / TICKS_A_SECOND;
    int32_t sum[FRAME_MAX];
    bool was_on = room->remote_on;

    room->remote_on = false;
    room->remote_count = 0;
    memset(room->remote_sum, 0, samples * sizeof(*sum));
    for (unsigned i = 0; i < room->wide->shards; i++) {
        /* Workers tick one after another: of those behind us the last tick may not be over yet. */
        uint64_t tick = w->tick - (i < room->shard ? 1 : 2);
        const struct wide_frame *f = &room->wide->frames[i][tick % WIDE_FRAMES];
        if (i == room->shard || frame_tick(f) != tick || !frame_read(f, room, tick, sum))
            continue;
        room->remote_on = true;
        for (unsigned k = 0; k < samples; k++)
            room->remote_sum[k] += sum[k];
    }
    remote_fade(room, samples, room->remote_on && !was_on, room->next_kit != NULL);
}

void wide_tell(struct worker *w, struct room *room)
{
    unsigned samples = room->kit->rate / TICKS_A_SECOND;

    frame_write(&room->wide->frames[room->shard][w->tick % WIDE_FRAMES], room, w->tick);
    for (unsigned k = 0; k < samples; k++)
        room->sum[k] += room->remote_sum[k];
}
