/* The public functions on connections and rooms, and the books signalling keeps of them. */
#include "mixer/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -- rooms' rates and classes
 * --------------------------------------------------------------------------------------- */

struct room_entry *room_entry_find(struct mixer *m, room_id room)
{
    if (m->config.max_rooms == 0)
        return NULL;
    struct room_entry *r = &m->room_entries[room % m->config.max_rooms];
    return r->open && r->generation == room / m->config.max_rooms ? r : NULL;
}

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

/* New resamplers when members of a new rate have come, or the widest have gone. */
static int room_refit(struct room_entry *r)
{
    unsigned mask = room_mask(r), rate = room_rate(r);
    struct command c = {.type = COMMAND_ROOM_KIT, .room = r->room};

    if (rate == r->kit_rate && (mask & ~r->kit_mask) == 0)
        return 0;
    int error = room_kit_new(&c.made.room_kit, rate, mask);
    if (error)
        return error;
    error = worker_push(r->worker, &c);
    if (error) {
        room_kit_free(c.made.room_kit);
        return error;
    }
    r->kit_rate = rate;
    r->kit_mask = mask;
    return 0;
}

static bool class_is(const struct class *c, const struct media_format *f, unsigned ticks, unsigned phase)
{
    return c->codec == f->codecs[0].codec && c->ticks == ticks && c->phase == phase &&
           c->fec == f->opus_fec && c->dtx == f->opus_dtx;
}

/* The class that a member of this format belongs to; it is made for its first one, and stays as long as the
 * room. */
static int class_find(struct class **out, struct room_entry *r, const struct port_entry *e)
{
    const struct media_format *f = &e->format;
    unsigned ticks = f->ptime_ms / TICK_MS;
    /* Big rooms send in turns, 32 members each; small ones need but one encoding. */
    unsigned phase = (r->room->index + e->ordinal / 32) % ticks;

    for (struct class *c = r->room->made; c; c = c->made_next) {
        if (class_is(c, f, ticks, phase)) {
            *out = c;
            return 0;
        }
    }
    struct class *c = calloc(1, sizeof(*c));
    if (!c)
        return ENOMEM;
    c->codec = f->codecs[0].codec;
    c->rate = codec_rate(c->codec);
    c->ticks = ticks;
    c->phase = phase;
    c->fec = f->opus_fec;
    c->dtx = f->opus_dtx;
    int error = encoder_new(&c->encoder, c->codec, c->rate, f->ptime_ms, c->fec, c->dtx);
    if (error) {
        free(c);
        return error;
    }
    c->made_next = r->room->made;
    r->room->made = c;
    *out = c;
    return 0;
}

/* -- books
 * ----------------------------------------------------------------------------------------------------------
 */

/* Before a port gets another connection, or is closed. */
void connection_forget(struct mixer *m, struct port_entry *e)
{
    if (e->connected == CONNECTED_BRIDGE) {
        m->port_entries[e->other].connected = CONNECTED_NONE;
    } else if (e->connected == CONNECTED_ROOM) {
        struct room_entry *r = &m->room_entries[e->other];
        r->members--;
        if (e->formatted)
            r->by_rate[rate_index(e->rate)]--;
        /* Without memory for narrower resamplers the room goes on as it is. */
        if (r->open)
            (void)!room_refit(r);
    }
    e->connected = CONNECTED_NONE;
}

static int crossings_make(struct command *c, const struct port_entry *a, const struct port_entry *b)
{
    c->values[0] = (int)a->rate;
    c->values[1] = (int)b->rate;
    int error = resampler_between(&c->made.resamplers[0], a->rate, b->rate);
    if (error)
        return error;
    error = resampler_between(&c->made.resamplers[1], b->rate, a->rate);
    if (error)
        resampler_free(c->made.resamplers[0]);
    return error;
}

static int crossings_push(struct worker *w, struct command *c)
{
    int error = worker_push(w, c);

    if (error) {
        resampler_free(c->made.resamplers[0]);
        resampler_free(c->made.resamplers[1]);
    }
    return error;
}

int connection_refit(struct mixer *m, struct port_entry *e, unsigned old_rate, struct class **class)
{
    *class = NULL;
    if (e->connected == CONNECTED_BRIDGE && e->rate != old_rate) {
        struct port_entry *other = &m->port_entries[e->other];
        struct command c = {.type = COMMAND_CROSSINGS, .port = e->port, .other = other->port};
        int error = crossings_make(&c, e, other);
        return error ? error : crossings_push(e->worker, &c);
    }
    if (e->connected != CONNECTED_ROOM)
        return 0;
    struct room_entry *r = &m->room_entries[e->other];
    int error = class_find(class, r, e);
    if (error || e->rate == old_rate)
        return error;
    r->by_rate[rate_index(e->rate)]++;
    error = room_refit(r);
    if (error)
        r->by_rate[rate_index(e->rate)]--;
    else if (old_rate)
        r->by_rate[rate_index(old_rate)]--;
    return error;
}

/* Brings a port to a worker: the old one lets go of it at its next tick, the new one's commands wait for
 * that. */
static int port_move(struct port_entry *e, struct worker *to)
{
    struct command c = {.type = COMMAND_RELEASE, .port = e->port, .made.to = to};

    if (e->worker == to)
        return 0;
    int error = worker_push(e->worker, &c);
    if (!error)
        e->worker = to;
    return error;
}

/* -- connections
 * ---------------------------------------------------------------------------------------------------- */

static int connect_simple(struct mixer *m, port_id port, enum command_type type, enum connection connection)
{
    struct port_entry *e = port_find(m, port);
    struct command c = {.type = type};

    if (!e)
        return ENOENT;
    c.port = e->port;
    int error = worker_push(e->worker, &c);
    if (error)
        return error;
    connection_forget(m, e);
    e->connected = connection;
    return 0;
}

int port_connect_none(struct mixer *m, port_id port)
{
    return connect_simple(m, port, COMMAND_NONE, CONNECTED_NONE);
}

int port_connect_echo(struct mixer *m, port_id port)
{
    return connect_simple(m, port, COMMAND_ECHO, CONNECTED_ECHO);
}

int port_connect_bridge(struct mixer *m, port_id a, port_id b)
{
    struct port_entry *x = port_find(m, a), *y = port_find(m, b);
    struct command c = {.type = COMMAND_BRIDGE};

    if (!x || !y)
        return ENOENT;
    if (x == y)
        return EINVAL;
    int error = crossings_make(&c, x, y);
    if (error)
        return error;
    c.port = x->port;
    c.other = y->port;
    connection_forget(m, x);
    connection_forget(m, y);
    error = port_move(y, x->worker);
    if (error) {
        resampler_free(c.made.resamplers[0]);
        resampler_free(c.made.resamplers[1]);
        return error;
    }
    error = crossings_push(x->worker, &c);
    if (error)
        return error;
    x->connected = y->connected = CONNECTED_BRIDGE;
    x->other = (unsigned)(y - m->port_entries);
    y->other = (unsigned)(x - m->port_entries);
    return 0;
}

int port_connect_room(struct mixer *m, port_id port, room_id room)
{
    struct port_entry *e = port_find(m, port);
    struct room_entry *r = room_entry_find(m, room);
    struct command c = {.type = COMMAND_JOIN};

    if (!e || !r)
        return ENOENT;
    connection_forget(m, e);
    e->ordinal = r->joined;
    int error = port_move(e, r->worker);
    if (!error && e->formatted)
        error = class_find(&c.class, r, e);
    if (error)
        return error;
    if (e->formatted)
        r->by_rate[rate_index(e->rate)]++;
    error = room_refit(r);
    if (!error) {
        c.port = e->port;
        c.room = r->room;
        error = worker_push(r->worker, &c);
    }
    if (error) {
        if (e->formatted)
            r->by_rate[rate_index(e->rate)]--;
        return error;
    }
    r->members++;
    r->joined++;
    e->connected = CONNECTED_ROOM;
    e->other = (unsigned)(r - m->room_entries);
    return 0;
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
    struct command c = {.type = COMMAND_ROOM_OPEN};

    if (rate != 0 && rate != 8000 && rate != 16000 && rate != 48000)
        return EINVAL;
    mixer_collect(m);
    struct room_entry *r = entry_free(m);
    if (!r)
        return EMFILE;
    struct room *room = calloc(1, sizeof(*room));
    if (!room)
        return ENOMEM;
    uint32_t generation = r->generation + 1;
    if (generation >= UINT32_MAX / m->config.max_rooms)
        generation = 1;
    *r = (struct room_entry){.room = room, .generation = generation, .fixed_rate = rate};
    r->worker = worker_least_busy(m);
    r->kit_rate = room_rate(r);
    room->index = (unsigned)(r - m->room_entries);
    int error = room_kit_new(&room->kit, r->kit_rate, 0);
    c.room = room;
    if (!error)
        error = worker_push(r->worker, &c);
    if (error) {
        room_kit_free(room->kit);
        free(room);
        return error;
    }
    r->used = r->open = true;
    atomic_fetch_add_explicit(&m->rooms_open, 1, memory_order_relaxed);
    *out = generation * m->config.max_rooms + room->index;
    return 0;
}

int room_set_loudness(struct mixer *m, room_id room, bool loudness)
{
    struct room_entry *r = room_entry_find(m, room);
    struct command c = {.type = COMMAND_ROOM_LOUDNESS, .values = {loudness}};

    if (!r)
        return ENOENT;
    c.room = r->room;
    return worker_push(r->worker, &c);
}

void room_close(struct mixer *m, room_id room)
{
    struct room_entry *r = room_entry_find(m, room);
    struct command c = {.type = COMMAND_ROOM_CLOSE};

    if (!r)
        return;
    for (unsigned i = 0; i < m->config.max_ports && r->members > 0; i++) {
        struct port_entry *e = &m->port_entries[i];
        if (e->open && e->connected == CONNECTED_ROOM && e->other == r->room->index) {
            e->connected = CONNECTED_NONE;
            r->members--;
        }
    }
    c.room = r->room;
    (void)!worker_push(r->worker, &c);
    r->open = false;
}
