/*
 * Rooms as signalling sees them. A room begins on one worker; when that one has many of its members, those
 * who come later stay on the workers they are at, each of which then has a shard of the room (wide.c).
 */
#include "mixer/engine.h"

#include <errno.h>
#include <stdlib.h>

struct room_entry *room_entry_find(struct mixer *m, room_id room)
{
    if (m->config.max_rooms == 0)
        return NULL;
    struct room_entry *r = &m->room_entries[room % m->config.max_rooms];
    return r->open && r->generation == room / m->config.max_rooms ? r : NULL;
}

static unsigned entry_index(const struct mixer *m, const struct room_entry *r)
{
    return (unsigned)(r - m->room_entries);
}

/* -- rates
 * ------------------------------------------------------------------------------------------------------------
 */

static unsigned room_mask(const struct room_entry *r)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < RATES; i++)
        mask |= r->by_rate[i] ? 1U << i : 0;
    return mask;
}

static unsigned room_rate(const struct room_entry *r)
{
    unsigned rate = r->fixed_rate ? r->fixed_rate : mixer_rates[0];

    for (unsigned i = 0; i < RATES && !r->fixed_rate; i++)
        rate = r->by_rate[i] ? mixer_rates[i] : rate;
    return rate;
}

static int shard_refit(struct worker *w, struct room *room, unsigned rate, unsigned mask)
{
    struct command c = {.type = COMMAND_ROOM_KIT, .room = room};
    int error = room_kit_new(&c.made.room_kit, rate, mask);

    if (error)
        return error;
    error = worker_push(w, &c);
    if (error)
        room_kit_free(c.made.room_kit);
    return error;
}

/* What did not reach every shard is told to all of them anew with the next change. */
int shards_refit(struct mixer *m, struct room_entry *r)
{
    unsigned mask = room_mask(r), rate = room_rate(r);
    int error = 0;

    if (rate == r->kit_rate && (mask & ~r->kit_mask) == 0)
        return 0;
    for (unsigned i = 0; i < m->worker_count && !error; i++) {
        if (r->shards[i].room)
            error = shard_refit(&m->workers[i], r->shards[i].room, rate, mask);
    }
    r->kit_rate = error ? 0 : rate;
    r->kit_mask = error ? 0 : mask;
    return error;
}

/* -- shards
 * -----------------------------------------------------------------------------------------------------------
 */

static int shard_make(struct mixer *m, struct room_entry *r, struct worker *w)
{
    struct command c = {.type = COMMAND_ROOM_OPEN};
    struct room *room = calloc(1, sizeof(*room));

    if (!room)
        return ENOMEM;
    room->index = entry_index(m, r);
    room->shard = w->index;
    room->wide = r->wide;
    room->loudness = r->loudness;
    int error = room_kit_new(&room->kit, room_rate(r), r->kit_mask);
    c.room = room;
    if (!error)
        error = worker_push(w, &c);
    if (error) {
        room_kit_free(room->kit);
        free(room);
        return error;
    }
    r->shards[w->index].room = room;
    r->standing++;
    return 0;
}

/* The first shard learns where it meets the others. */
static int shards_widen(struct mixer *m, struct room_entry *r)
{
    struct command c = {.type = COMMAND_ROOM_WIDE, .room = shard_of(r, r->worker)};

    if (r->wide)
        return 0;
    c.made.wide = calloc(1, sizeof(struct wide) + m->worker_count * sizeof(c.made.wide->frames[0]));
    if (!c.made.wide)
        return ENOMEM;
    c.made.wide->shards = m->worker_count;
    int error = worker_push(r->worker, &c);
    if (error)
        free(c.made.wide);
    else
        r->wide = c.made.wide;
    return error;
}

int shard_choose(struct mixer *m, struct room_entry *r, const struct port_entry *e, struct worker **out)
{
    bool first = r->tracks || r->shards[r->worker->index].members < m->config.wide_from;
    struct worker *w = first ? r->worker : e->worker;
    int error = 0;

    if (!shard_of(r, w)) {
        error = shards_widen(m, r);
        if (!error)
            error = shard_make(m, r, w);
    }
    if (!error)
        *out = w;
    return error;
}

void shard_dispose(struct mixer *m, struct room *room)
{
    struct room_entry *r = &m->room_entries[room->index];

    for (struct class *c = room->made, *next; c; c = next) {
        next = c->made_next;
        encoder_free(c->encoder);
        free(c);
    }
    room_kit_free(room->kit);
    free(room);
    if (--r->standing > 0)
        return;
    free(r->shards);
    free(r->wide);
    r->used = false;
    atomic_fetch_sub_explicit(&m->rooms_open, 1, memory_order_relaxed);
}

/* -- rooms
 * ----------------------------------------------------------------------------------------------------------
 */

static struct room_entry *entry_free(struct mixer *m)
{
    for (unsigned i = 0; i < m->config.max_rooms; i++) {
        struct room_entry *r = &m->room_entries[m->next_room++ % m->config.max_rooms];
        if (!r->used)
            return r;
    }
    return NULL;
}

int room_open(struct mixer *m, unsigned rate, room_id *out)
{
    if (rate != 0 && !rate_valid(rate))
        return EINVAL;
    mixer_collect(m);
    struct room_entry *r = entry_free(m);
    if (!r)
        return EMFILE;
    uint32_t generation = r->generation + 1;
    if (generation >= UINT32_MAX / m->config.max_rooms)
        generation = 1;
    *r = (struct room_entry){.generation = generation, .fixed_rate = rate};
    r->worker = worker_least_busy(m);
    r->kit_rate = room_rate(r);
    r->shards = calloc(m->worker_count, sizeof(*r->shards));
    int error = r->shards ? shard_make(m, r, r->worker) : ENOMEM;
    if (error) {
        free(r->shards);
        return error;
    }
    r->used = r->open = true;
    r->worker->load++;
    atomic_fetch_add_explicit(&m->rooms_open, 1, memory_order_relaxed);
    *out = generation * m->config.max_rooms + entry_index(m, r);
    return 0;
}

int room_set_loudness(struct mixer *m, room_id room, bool loudness)
{
    struct room_entry *r = room_entry_find(m, room);
    int error = r ? 0 : ENOENT;

    for (unsigned i = 0; i < m->worker_count && !error; i++) {
        struct command c = {.type = COMMAND_ROOM_LOUDNESS, .room = r->shards[i].room, .values = {loudness}};
        if (c.room)
            error = worker_push(&m->workers[i], &c);
    }
    if (!error)
        r->loudness = loudness;
    return error;
}

void room_close(struct mixer *m, room_id room)
{
    struct room_entry *r = room_entry_find(m, room);

    if (!r)
        return;
    for (unsigned i = 0; i < m->config.max_ports && r->members > 0; i++) {
        struct port_entry *e = &m->port_entries[i];
        if (e->open && e->connected == CONNECTED_ROOM && e->other == entry_index(m, r)) {
            relations_forget(m, e);
            e->connected = CONNECTED_NONE;
            r->members--;
        }
    }
    r->open = false;
    r->worker->load--;
    /* From the first of these on the entry may be free again before the loop is over: worker_push() collects.
     */
    unsigned left = r->standing;
    for (unsigned i = 0; left > 0; i++) {
        struct command c = {.type = COMMAND_ROOM_CLOSE, .room = r->shards[i].room};
        if (!c.room)
            continue;
        left--;
        (void)!worker_push(&m->workers[i], &c);
    }
}
