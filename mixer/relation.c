/*
 * Who hears whom otherwise than all do: one member softer or louder for one other, and whispers, which are
 * out of the sum and in one member's mix. Whoever hears something of that kind gets a mix of his own as long
 * as it sounds; all others go on sharing theirs. Relations are within one shard: of other shards' speakers
 * only the sum is known.
 */
#include "mixer/engine.h"

#include "mixer/mix.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SOFTENERS_MAX 64 /* members of a room who have relations: each may cost an encoding */

/* -- worker: what is heard
 * -------------------------------------------------------------------------------------------- */

/* The gain of one voice over a tick, in Q12. */
struct share {
    int32_t from, to;
};

static struct relation *relation_find(const struct port *listener, port_id talker, bool gone)
{
    struct relations *all = listener->relations;

    for (unsigned i = 0; all && i < all->count; i++) {
        if (all->list[i].talker == talker && all->list[i].gone == gone)
            return &all->list[i];
    }
    return NULL;
}

static struct relation *relation_of(const struct port *listener, const struct speaker *s)
{
    return s->port ? relation_find(listener, s->port->id, false) : relation_find(listener, s->gone, true);
}

static struct share share_of_all(const struct speaker *s)
{
    const struct port *t = s->port;

    return (struct share){t && t->whisper_now ? 0 : GAIN_UNITY, t && t->whisper ? 0 : GAIN_UNITY};
}

static struct share share_of(const struct port *listener, const struct speaker *s)
{
    struct share share = share_of_all(s);
    const struct port *t = s->port;
    const struct relation *r = relation_of(listener, s);

    if (t && t->whisper_now == listener->id)
        share.from = GAIN_UNITY;
    if (t && t->whisper == listener->id)
        share.to = GAIN_UNITY;
    if (!r)
        return share;
    bool goes_on = r->tick + 1 == listener->worker->tick;
    return (struct share){share.from ? (goes_on ? r->now : r->gain) : 0, share.to ? r->gain : 0};
}

static bool share_is(struct share a, struct share b)
{
    return a.from == b.from && a.to == b.to;
}

bool relations_sound(const struct port *p)
{
    if (p->relations && p->relations->source)
        return true;
    for (unsigned i = 0; p->relations && i < ROOM_SLOTS; i++) {
        const struct speaker *s = &p->room->speakers[i];
        if ((s->port || s->fading || s->faded) && s->port != p && !share_is(share_of(p, s), share_of_all(s)))
            return true;
    }
    return false;
}

static void share_take(struct share share, const int16_t *voice, int16_t *out, size_t samples)
{
    memcpy(out, voice, samples * sizeof(*out));
    if (share.from != share.to)
        frame_ramp_gain(out, samples, share.from, share.to);
    else
        frame_apply_gain(out, samples, share.to);
}

/* One voice in the listener's own sum: what all hear of it out, what he hears in. Each is a 16-bit number. */
static void relation_add(struct port *listener, const struct speaker *s, int32_t *sum, size_t samples)
{
    struct share share = share_of(listener, s), all = share_of_all(s);
    struct relation *r = relation_of(listener, s);
    int16_t part[FRAME_MAX];

    if (!share_is(share, all)) {
        share_take(share, s->whispers ? s->whole : s->own, part, samples);
        for (size_t i = 0; i < samples; i++)
            sum[i] += part[i] - s->own[i];
    }
    if (r) {
        r->now = r->gain;
        r->tick = listener->worker->tick;
    }
}

/* True: to be kept. */
static bool relation_lasts(const struct relation *r)
{
    return !r->gone && (r->gain != GAIN_UNITY || r->now != GAIN_UNITY);
}

static void relations_review(struct room *room, struct port *p)
{
    struct relations *all = p->relations;

    for (unsigned i = 0; i < all->count;) {
        if (relation_lasts(&all->list[i]))
            i++;
        else
            all->list[i] = all->list[--all->count];
    }
    if (all->count > 0 || !p->related)
        return;
    struct port **at = &room->related;
    while (*at != p)
        at = &(*at)->related_next;
    *at = p->related_next;
    p->related = false;
}

/*
 * At another rate than the room's it takes a filter, which remembers less than a tick: one for all members of
 * that rate, given each one's last tick first.
 */
static bool relations_narrow(struct room *room, struct port *p, const int16_t *wide, int16_t *out)
{
    struct relations *all = p->relations;
    struct resampler *down = room->kit->own[rate_index(p->kit->rate)];
    uint64_t tick = p->worker->tick;
    bool goes_on = all->tick + 1 == tick && all->rate == room->kit->rate;

    if (!down)
        return false;
    resampler_catch_up(down, goes_on ? all->before : room->before);
    resampler_run(down, wide, out);
    memcpy(all->before, wide, room->kit->rate / TICKS_A_SECOND * sizeof(*wide));
    all->tick = tick;
    all->rate = room->kit->rate;
    return true;
}

/* What the source alone has in the room's sum; a whisper is none of it. */
static void source_sum(const struct room *room, port_id source, int32_t *sum, size_t samples)
{
    memset(sum, 0, samples * sizeof(*sum));
    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        const struct speaker *s = &room->speakers[i];
        if ((s->heard || s->faded) && (s->port ? s->port->id : s->gone) == source)
            mix_add(sum, s->own, samples);
    }
}

bool relations_mix(struct room *room, struct port *p, int16_t *out)
{
    size_t samples = room->kit->rate / TICKS_A_SECOND;
    int32_t sum[FRAME_MAX];
    int16_t wide[FRAME_MAX];
    const int16_t *own = NULL;

    if (p->relations->source)
        source_sum(room, p->relations->source, sum, samples);
    else
        memcpy(sum, room->sum, samples * sizeof(*sum));
    for (unsigned i = 0; !p->relations->source && i < ROOM_SLOTS; i++) {
        const struct speaker *s = &room->speakers[i];
        if (s->port == p)
            own = s->heard ? s->own : NULL;
        else if (s->heard || s->faded)
            relation_add(p, s, sum, samples);
    }
    relations_review(room, p);
    if (p->kit->rate == room->kit->rate) {
        room_cut(room, sum, own, out);
        return true;
    }
    room_cut(room, sum, own, wide);
    return relations_narrow(room, p, wide, out);
}

/* -- worker: who whispers, who is softer for whom
 * ------------------------------------------------------------------ */

void whisper_split(struct speaker *s, size_t samples)
{
    s->whispers = s->port->whisper || s->port->whisper_now;
    if (!s->whispers)
        return;
    memcpy(s->whole, s->own, samples * sizeof(*s->own));
    share_take(share_of_all(s), s->whole, s->own, samples);
}

/* A port of this room by its id; it may have gone long since. */
static struct port *whisper_listener(const struct port *talker)
{
    struct port *p = &talker->mixer->ports[talker->whisper % talker->mixer->config.max_ports];

    return talker->worker->here[p->index] && p->id == talker->whisper && p->room == talker->room ? p : NULL;
}

void relations_wake(struct room *room, struct port *talker)
{
    talker->whisper_now = talker->whisper;
    if (talker->whisper) {
        struct port *listener = whisper_listener(talker);
        if (listener)
            room_update(listener);
    }
    for (struct port *p = room->related; p; p = p->related_next) {
        if (relation_find(p, talker->id, false))
            room_update(p);
    }
}

void relations_settle(struct room *room)
{
    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        if (room->speakers[i].port)
            room->speakers[i].port->whisper_now = room->speakers[i].port->whisper;
    }
}

static void relations_adopt(struct port *p, struct relations *made)
{
    if (p->relations)
        mixer_retire(p->mixer, RETIRED_RELATIONS, made);
    else
        p->relations = made;
}

void whisper_set(struct port *talker, struct port *listener, struct relations *made)
{
    if (made)
        relations_adopt(listener, made);
    talker->whisper = listener ? listener->id : 0;
    if (!talker->speaker)
        talker->whisper_now = talker->whisper;
    if (listener && talker->room && listener->room == talker->room)
        room_update(listener);
}

void source_set(struct port *listener, const struct port *source, struct relations *made)
{
    if (made)
        relations_adopt(listener, made);
    if (!listener->relations || (source && (!listener->room || source->room != listener->room)))
        return;
    listener->relations->source = source ? source->id : 0;
    if (listener->room)
        room_update(listener);
}

/* Signalling keeps count of those that stand; there may be more only by those that are ending. */
static struct relation *relation_new(struct relations *all)
{
    for (unsigned i = 0; all->count == RELATIONS_MAX && i < all->count; i++) {
        if (all->list[i].gone || all->list[i].gain == GAIN_UNITY)
            return &all->list[i];
    }
    return all->count < RELATIONS_MAX ? &all->list[all->count++] : NULL;
}

void relation_set(struct port *listener, const struct port *talker, int32_t gain, struct relations *made)
{
    struct room *room = listener->room;

    if (made)
        relations_adopt(listener, made);
    if (!room || talker->room != room || !listener->relations)
        return;
    struct relation *r = relation_find(listener, talker->id, false);
    if (!r && gain != GAIN_UNITY) {
        r = relation_new(listener->relations);
        if (!r)
            return;
        *r = (struct relation){.talker = talker->id, .now = GAIN_UNITY, .tick = listener->worker->tick - 1};
    }
    if (!r)
        return;
    r->gain = gain;
    if (!talker->speaker)
        r->now = gain;
    if (!listener->related) {
        listener->related = true;
        listener->related_next = room->related;
        room->related = listener;
    }
    room_update(listener);
}

static bool speaker_fades(const struct room *room, port_id gone)
{
    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        if (room->speakers[i].fading && room->speakers[i].gone == gone)
            return true;
    }
    return false;
}

void relations_part(struct port *p)
{
    struct room *room = p->room;
    bool fades = speaker_fades(room, p->id);

    p->whisper = p->whisper_now = 0;
    if (p->relations)
        p->relations->source = 0;
    for (struct port *l = room->related, *next; l; l = next) {
        next = l->related_next;
        if (l == p)
            l->relations->count = 0;
        for (unsigned i = 0; i < l->relations->count; i++) {
            struct relation *r = &l->relations->list[i];
            if (r->talker != p->id)
                continue;
            if (!fades)
                r->gain = r->now = GAIN_UNITY;
            r->gone = fades; /* until his last frame has been heard */
        }
        if (!fades || l == p)
            relations_review(room, l);
    }
}

/* -- signalling
 * ------------------------------------------------------------------------------------------------------- */

static bool same_room(const struct port_entry *a, const struct port_entry *b)
{
    return a && b && a != b && a->connected == CONNECTED_ROOM && b->connected == CONNECTED_ROOM &&
           a->other == b->other;
}

static unsigned softened_count(const struct port_entry *e)
{
    unsigned count = 0;

    for (unsigned i = 0; i < RELATIONS_MAX; i++)
        count += e->softened[i] != 0;
    return count;
}

static port_id *softened_find(struct port_entry *e, port_id talker)
{
    for (unsigned i = 0; i < RELATIONS_MAX; i++) {
        if (e->softened[i] == talker)
            return &e->softened[i];
    }
    return NULL;
}

/* With what the listener needs for a mix of his own, if this is his first relation. */
static int relation_push(struct command *c, struct port_entry *listener)
{
    if (listener && !listener->related) {
        c->made.relations = calloc(1, sizeof(*c->made.relations));
        if (!c->made.relations)
            return ENOMEM;
    }
    int error = worker_push((listener ? listener : &c->port->mixer->port_entries[c->port->index])->worker, c);
    if (error)
        free(c->made.relations);
    else if (listener)
        listener->related = true;
    return error;
}

int port_set_softer(struct mixer *m, port_id listener, port_id talker, int db)
{
    struct port_entry *l = port_find(m, listener), *t = port_find(m, talker);
    struct command c = {.type = COMMAND_RELATION, .values = {db}};

    if (db < -30 || db > 30)
        return EINVAL;
    if (!same_room(l, t))
        return ENOENT;
    if (l->worker != t->worker)
        return ENOTSUP;
    struct room_entry *r = &m->room_entries[l->other];
    port_id *place = softened_find(l, talker);
    bool known = place != NULL, first = softened_count(l) == 0;
    if (!known && db == 0)
        return 0;
    if (!known)
        place = softened_find(l, 0);
    if (!place || (first && r->softeners == SOFTENERS_MAX))
        return EMFILE;
    c.port = l->port;
    c.other = t->port;
    int error = relation_push(&c, l);
    if (error)
        return error;
    *place = db ? talker : 0;
    t->softened_by += !known;
    t->softened_by -= known && !db;
    r->softeners += first;
    r->softeners -= softened_count(l) == 0;
    return 0;
}

int port_set_whisper(struct mixer *m, port_id talker, port_id to)
{
    struct port_entry *t = port_find(m, talker), *l = to ? port_find(m, to) : NULL;
    struct command c = {.type = COMMAND_WHISPER};

    if (!t || (to && !same_room(l, t)))
        return ENOENT;
    if (l && l->worker != t->worker)
        return ENOTSUP;
    c.port = t->port;
    c.other = l ? l->port : NULL;
    return relation_push(&c, l);
}

int port_set_source(struct mixer *m, port_id port, port_id source)
{
    struct port_entry *l = port_find(m, port), *s = source ? port_find(m, source) : NULL;
    struct command c = {.type = COMMAND_SOURCE};

    if (!l || (source && !same_room(l, s)))
        return ENOENT;
    if (s && l->worker != s->worker)
        return ENOTSUP;
    c.port = l->port;
    c.other = s ? s->port : NULL;
    return relation_push(&c, l);
}

void relations_forget(struct mixer *m, struct port_entry *e)
{
    struct room_entry *r = &m->room_entries[e->other];

    for (unsigned i = 0; i < RELATIONS_MAX; i++) {
        struct port_entry *t = e->softened[i] ? port_find(m, e->softened[i]) : NULL;
        if (t)
            t->softened_by--;
    }
    r->softeners -= softened_count(e) > 0;
    memset(e->softened, 0, sizeof(e->softened));
    for (unsigned i = 0; i < m->config.max_ports && e->softened_by > 0; i++) {
        struct port_entry *l = &m->port_entries[i];
        port_id *place = l->open ? softened_find(l, e->port->id) : NULL;
        if (!place)
            continue;
        *place = 0;
        e->softened_by--;
        r->softeners -= softened_count(l) == 0;
    }
}
