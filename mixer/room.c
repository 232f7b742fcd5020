/* A room's tick: one sum of its speakers, one encoding for each class of listeners, and own mixes for those
 * who need one. */
#include "mixer/engine.h"

#include "mixer/mix.h"

#include <string.h>

/* -- who is in it
 * --------------------------------------------------------------------------------------------------- */

void room_class(struct port *p, struct class *class)
{
    if (p->class) {
        if (p->class_prev)
            p->class_prev->class_next = p->class_next;
        else
            p->class->listeners = p->class_next;
        if (p->class_next)
            p->class_next->class_prev = p->class_prev;
        p->class->sharing -= !p->apart;
    }
    p->class = class;
    p->class_next = p->class_prev = NULL;
    if (!class)
        return;
    if (!class->listed) {
        class->listed = true;
        class->next = p->room->classes;
        p->room->classes = class;
    }
    p->class_next = class->listeners;
    if (class->listeners)
        class->listeners->class_prev = p;
    class->listeners = p;
    class->sharing += !p->apart;
    p->phase = class->phase;
}

void room_join(struct port *p, struct room *room, struct class *class)
{
    p->connected = CONNECTED_ROOM;
    p->room = room;
    p->loud = 127;
    p->member_prev = NULL;
    p->member_next = room->members;
    if (room->members)
        room->members->member_prev = p;
    room->members = p;
    room_class(p, class);
    room_update(p);
}

static void list_remove(struct port **list, struct port *p, size_t link)
{
    for (struct port **at = list; *at; at = (struct port **)(void *)((char *)*at + link)) {
        if (*at == p) {
            *at = *(struct port **)(void *)((char *)p + link);
            return;
        }
    }
}

void room_leave(struct port *p)
{
    struct room *room = p->room;

    room_class(p, NULL);
    if (p->member_prev)
        p->member_prev->member_next = p->member_next;
    else
        room->members = p->member_next;
    if (p->member_next)
        p->member_next->member_prev = p->member_prev;
    p->member_next = p->member_prev = NULL;
    if (p->active)
        list_remove(&room->active, p, offsetof(struct port, active_next));
    if (p->apart)
        list_remove(&room->apart, p, offsetof(struct port, apart_next));
    speaker_drop(p);
    p->active = p->apart = p->talking = false;
    p->talk_ticks = 0;
    p->room = NULL;
    p->connected = CONNECTED_NONE;
}

/* -- apart: those who hear something that no other does
 * -------------------------------------------------------------- */

static bool wants_apart(const struct port *p)
{
    return p->speaker || p->deaf || p->listen_gain != GAIN_UNITY || port_has_own(p) || p->sending_digit ||
           !p->class;
}

void room_update(struct port *p)
{
    struct room *room = p->room;

    if (!room || p->apart || !p->kit || !wants_apart(p))
        return;
    p->apart = true;
    p->apart_next = room->apart;
    room->apart = p;
    if (!p->class)
        return;
    p->class->sharing--;
    /* In the midst of a packet: what the class has of it already is his too. */
    unsigned at = port_phase(p);
    if (at > 0 && p->class->tick + 1 == p->worker->tick && p->class->rate == p->kit->rate &&
        p->class->ticks == p->kit->ticks) {
        memcpy(p->kit->said, p->class->said, at * (p->kit->rate / TICKS_A_SECOND) * sizeof(int16_t));
        p->said_tick = p->worker->tick - 1;
    }
}

/* Back to the class, where a packet begins. */
static void apart_review(struct room *room)
{
    for (struct port **at = &room->apart; *at;) {
        struct port *p = *at;
        if (p->kit && (wants_apart(p) || port_phase(p) != 0)) {
            at = &p->apart_next;
            continue;
        }
        *at = p->apart_next;
        p->apart = false;
        if (p->class)
            p->class->sharing++;
    }
}

/* -- what they hear
 * --------------------------------------------------------------------------------------------------- */

/* The whole mix at one rate, made when it is first asked for in a tick; NULL when its resampler is still to
 * come. */
static const int16_t *room_shared(struct room *room, unsigned rate, uint64_t tick)
{
    unsigned r = rate_index(rate), own = rate_index(room->kit->rate);

    if (room->shared_tick[r] == tick)
        return room->shared[r];
    if (room->shared_tick[own] != tick) {
        mix_share(room->sum, NULL, room->shared[own], room->kit->rate / TICKS_A_SECOND);
        room->shared_tick[own] = tick;
    }
    if (r != own) {
        if (!room->kit->shared[r])
            return NULL;
        resampler_run(room->kit->shared[r], room->shared[own], room->shared[r]);
        room->shared_tick[r] = tick;
    }
    return room->shared[r];
}

/* All but himself. */
static bool room_share(struct room *room, struct port *p, int16_t *out)
{
    unsigned rate = p->kit->rate;
    const struct speaker *s = p->speaker;

    if (!s || !s->heard) {
        const int16_t *shared = room_shared(room, rate, p->worker->tick);
        if (shared)
            memcpy(out, shared, rate / TICKS_A_SECOND * sizeof(*out));
        return shared != NULL;
    }
    struct resampler *down = room->kit->out[s - room->speakers][rate_index(rate)];
    int16_t wide[FRAME_MAX];
    if (rate == room->kit->rate) {
        mix_share(room->sum, s->own, out, rate / TICKS_A_SECOND);
    } else if (down) {
        mix_share(room->sum, s->own, wide, room->kit->rate / TICKS_A_SECOND);
        resampler_run(down, wide, out);
    }
    return rate == room->kit->rate || down;
}

static void apart_speak(struct room *room, struct port *p)
{
    int16_t frame[FRAME_MAX];
    size_t samples = p->kit->rate / TICKS_A_SECOND;

    if (p->deaf || !room_share(room, p, frame))
        memset(frame, 0, samples * sizeof(*frame));
    else if (p->listen_gain != GAIN_UNITY)
        frame_apply_gain(frame, samples, p->listen_gain);
    if (p->player.playing)
        (void)port_play_over(p, frame, true);
    port_say(p, frame);
}

static void class_speak(struct worker *w, struct room *room, struct class *class)
{
    unsigned at = (unsigned)((w->tick + class->ticks - class->phase % class->ticks) % class->ticks);
    size_t samples = class->rate / TICKS_A_SECOND;
    uint8_t payload[PAYLOAD_MAX];

    if (class->sharing == 0)
        return;
    const int16_t *frame = room_shared(room, class->rate, w->tick);
    if (class->tick + 1 != w->tick)
        memset(class->said, 0, sizeof(class->said));
    class->tick = w->tick;
    if (frame)
        memcpy(class->said + at * samples, frame, samples * sizeof(*frame));
    else
        memset(class->said + at * samples, 0, samples * sizeof(*frame));
    if (at + 1 != class->ticks)
        return;
    size_t length =
        encoder_encode(class->encoder, class->said, samples * class->ticks, payload, sizeof(payload));
    atomic_fetch_add_explicit(&w->encodings, 1, memory_order_relaxed);
    for (struct port *p = class->listeners; p && length; p = p->class_next) {
        if (!p->apart)
            port_send(p, payload, length, class->ticks);
    }
}

void room_tick(struct worker *w, struct room *room)
{
    int16_t played[FRAME_MAX];

    if (!room->members)
        return;
    speakers_choose(w, room);
    speakers_hear(w, room);
    if (player_render(&room->player, room->kit->rate, played))
        mix_add(room->sum, played, room->kit->rate / TICKS_A_SECOND);
    (void)player_ended(&room->player);
    apart_review(room);
    for (struct port *p = room->apart, *next; p; p = next) {
        next = p->apart_next;
        if (p->kit)
            apart_speak(room, p);
    }
    for (struct class *c = room->classes; c; c = c->next)
        class_speak(w, room, c);
    /* Those who faded out in this tick. */
    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        struct speaker *s = &room->speakers[i];
        if (s->port && s->leaving) {
            if (s->port->talking) {
                struct mixer_event event = {.type = EVENT_TALK, .port = s->port->id};
                mixer_emit(w->mixer, &event);
                s->port->talking = false;
            }
            speaker_drop(s->port);
        }
    }
}
