/* The public functions on connections, and the books signalling keeps of them. */
#include "mixer/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -- classes
 * -----------------------------------------------------------------------------------------------------------
 */

static bool class_is(const struct class *c, const struct media_format *f, unsigned ticks, unsigned phase)
{
    return c->codec == f->codecs[0].codec && c->ticks == ticks && c->phase == phase &&
           c->fec == f->opus_fec && c->dtx == f->opus_dtx;
}

/* The class that a member of this format belongs to; it is made for its first one, and stays as long as the
 * room. */
static int class_find(struct class **out, struct room_entry *r, const struct port_entry *e)
{
    struct room *room = shard_of(r, e->worker);
    const struct media_format *f = &e->format;
    unsigned ticks = f->ptime_ms / TICK_MS;
    /* Big rooms send in turns, 32 members each; small ones need but one encoding. */
    unsigned phase = (room->index + e->ordinal / 32) % ticks;

    for (struct class *c = room->made; c; c = c->made_next) {
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
    c->made_next = room->made;
    room->made = c;
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
        relations_forget(m, e);
        r->members--;
        r->shards[e->worker->index].members--;
        if (e->formatted)
            r->by_rate[rate_index(e->rate)]--;
        /* Without memory for narrower resamplers the room goes on as it is. */
        if (r->open)
            (void)!shards_refit(m, r);
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
    error = shards_refit(m, r);
    if (error)
        r->by_rate[rate_index(e->rate)]--;
    else if (old_rate)
        r->by_rate[rate_index(old_rate)]--;
    return error;
}

void connection_unfit(struct mixer *m, const struct port_entry *e, unsigned old_rate)
{
    if (e->connected != CONNECTED_ROOM || e->rate == old_rate)
        return;
    struct room_entry *r = &m->room_entries[e->other];
    r->by_rate[rate_index(e->rate)]--;
    if (old_rate)
        r->by_rate[rate_index(old_rate)]++;
}

/* Brings a port to a worker: the old one lets go of it at its next tick, the new one's commands wait for
 * that. */
static int port_move(struct port_entry *e, struct worker *to)
{
    struct command c = {.type = COMMAND_RELEASE, .port = e->port, .made.to = to};

    if (e->worker == to)
        return 0;
    int error = worker_push(e->worker, &c);
    if (error)
        return error;
    e->worker->load--;
    to->load++;
    e->worker = to;
    return 0;
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

/* The books say that it is connected to nothing: so shall it be. */
static int connect_failed(struct port_entry *e, int error)
{
    struct command c = {.type = COMMAND_NONE, .port = e->port};

    (void)!worker_push(e->worker, &c);
    return error;
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
    } else {
        error = crossings_push(x->worker, &c);
    }
    if (error)
        return connect_failed(x, connect_failed(y, error));
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
    struct worker *worker;

    if (!e || !r)
        return ENOENT;
    int error = shard_choose(m, r, e, &worker);
    if (error)
        return error;
    connection_forget(m, e);
    e->ordinal = r->joined;
    error = port_move(e, worker);
    if (!error && e->formatted)
        error = class_find(&c.class, r, e);
    if (error)
        return connect_failed(e, error);
    if (e->formatted)
        r->by_rate[rate_index(e->rate)]++;
    error = shards_refit(m, r);
    if (!error) {
        c.port = e->port;
        c.room = shard_of(r, worker);
        error = worker_push(worker, &c);
    }
    if (error) {
        if (e->formatted)
            r->by_rate[rate_index(e->rate)]--;
        return connect_failed(e, error);
    }
    r->members++;
    r->shards[worker->index].members++;
    r->joined++;
    e->connected = CONNECTED_ROOM;
    e->other = (unsigned)(r - m->room_entries);
    return 0;
}
