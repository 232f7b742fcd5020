/* A room's tick: one sum of its speakers, one encoding for each class of listeners, and own mixes for those
 * who need one. */
#include "mixer/engine.h"

#include "mixer/mix.h"

#include <string.h>

#define APART_TICKS 20 /* of the same sound, after which two encoders' states agree */
#define APART_MANY 64  /* with more than these, a seam is cheaper than encodings of their own */
#define FULL 32768

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

static void apart_enter(struct port *p)
{
    struct room *room = p->room;

    p->apart = true;
    p->apart_next = room->apart;
    room->apart = p;
    room->apart_count++;
    if (p->class)
        p->class->sharing--;
}

void room_join(struct port *p, struct room *room, struct class *class)
{
    p->connected = CONNECTED_ROOM;
    p->room = room;
    p->loud = 127;
    p->noted_tick = p->worker->tick; /* he may be amid a word */
    p->quiet_tick = 0;
    p->listen_now = port_listen_gain(p);
    p->voice = (struct voice_detector){.noise_db = VOICE_NOISE_HIGH_DB};
    p->visit++;
    p->member_prev = NULL;
    p->member_next = room->members;
    if (room->members)
        room->members->member_prev = p;
    room->members = p;
    room_class(p, class);
    /* What he was sent until now did not come from the class' encoder. */
    if (class && p->kit && p->sent > 0 && encoder_remembers(class->encoder) &&
        room->apart_count < APART_MANY) {
        p->apart_until = p->worker->tick + APART_TICKS;
        apart_enter(p);
    }
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
    if (p->apart) {
        list_remove(&room->apart, p, offsetof(struct port, apart_next));
        room->apart_count--;
    }
    speaker_part(p);
    relations_part(p);
    p->active = p->apart = p->talking = false;
    p->talk_ticks = 0;
    p->muted_talk.talking = false;
    p->room = NULL;
    p->connected = CONNECTED_NONE;
    /* Nobody is left to hear how he fades out. */
    for (unsigned i = 0; i < ROOM_SLOTS && !room->members && !room->wide; i++)
        room->speakers[i].fading = false;
}

/* -- apart: those who hear something that no other does
 * -------------------------------------------------------------- */

int32_t port_listen_gain(const struct port *p)
{
    return p->deaf ? 0 : p->listen_gain;
}

static bool wants_apart(const struct port *p)
{
    return p->speaker || port_listen_gain(p) != GAIN_UNITY || p->listen_now != GAIN_UNITY ||
           port_has_own(p) || p->sending_digit || !p->class || relations_sound(p);
}

/* His own encoder and the class' can take over from each other. */
static bool class_like_own(const struct port *p)
{
    return p->class && p->class->rate == p->kit->rate && p->class->ticks == p->kit->ticks;
}

void room_update(struct port *p)
{
    struct room *room = p->room;

    if (!room || p->apart || !p->kit || !wants_apart(p))
        return;
    apart_enter(p);
    if (!class_like_own(p) || p->class->tick + 1 < p->worker->tick)
        return;
    encoder_follow(p->kit->encoder, p->class->encoder);
    p->coded.stale = false;
    /* In the midst of a packet: what the class has of it already is his too. */
    unsigned at = port_phase(p);
    if (at > 0 && p->class->tick + 1 == p->worker->tick) {
        memcpy(p->kit->said, p->class->said, at * (p->kit->rate / TICKS_A_SECOND) * sizeof(int16_t));
        p->said_tick = p->worker->tick - 1;
    }
}

/* For how long he stays apart after the last reason for it. */
static void apart_linger(struct port *p)
{
    bool seam = p->class && encoder_remembers(p->class->encoder) && p->room->apart_count < APART_MANY;

    p->apart_until = p->worker->tick + (seam ? APART_TICKS : 0);
}

/* Back to the class, where a packet begins. */
static void apart_review(struct room *room)
{
    for (struct port **at = &room->apart; *at;) {
        struct port *p = *at;
        if (p->kit && wants_apart(p))
            apart_linger(p);
        if (p->kit && (wants_apart(p) || p->worker->tick < p->apart_until || port_phase(p) != 0)) {
            at = &p->apart_next;
            continue;
        }
        *at = p->apart_next;
        p->apart = false;
        room->apart_count--;
        if (!p->class)
            continue;
        if (p->class->sharing == 0 && p->kit && class_like_own(p)) /* it has rested meanwhile */
            encoder_follow(p->class->encoder, p->kit->encoder);
        p->class->sharing++;
    }
}

/* -- what they hear
 * --------------------------------------------------------------------------------------------------- */

/* With loudness on, the gain that keeps this tick's sum from clipping; it holds for every share of it. Each
 * voice is a 16-bit number whatever its gains (both clip), so that 65536 of them fit into the sum; a room has
 * ROOM_SLOTS and a play. */
static void room_limit(struct room *room)
{
    room->limited = room->loudness &&
                    limiter_curve(&room->limiter, room->sum, room->kit->rate / TICKS_A_SECOND, room->curve);
}

void room_cut(const struct room *room, const int32_t *sum, const int16_t *own, int16_t *out)
{
    size_t samples = room->kit->rate / TICKS_A_SECOND;

    if (room->limited)
        limiter_share(sum, own, room->curve, out, samples);
    else
        mix_share(sum, own, out, samples);
}

/* The whole mix at one rate, made when it is first asked for in a tick; NULL when its resampler is still to
 * come. */
const int16_t *room_shared(struct room *room, unsigned rate, uint64_t tick)
{
    unsigned r = rate_index(rate), own = rate_index(room->kit->rate);

    if (room->shared_tick[r] == tick)
        return room->shared[r];
    if (room->shared_tick[own] != tick) {
        room_cut(room, room->sum, NULL, room->shared[own]);
        room->shared_tick[own] = tick;
    }
    if (r != own) {
        if (!room->kit->shared[r])
            return NULL;
        if (room->shared_tick[r] + 1 != tick) /* nobody has asked for it lately */
            resampler_catch_up(room->kit->shared[r], room->before);
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

    if (p->relations)
        return relations_mix(room, p, out);
    /* One with a resampler of his own keeps to it as long as he has his place, so that it hears all. */
    if (!s || (!s->heard && rate == room->kit->rate)) {
        const int16_t *shared = room_shared(room, rate, p->worker->tick);
        if (shared)
            memcpy(out, shared, rate / TICKS_A_SECOND * sizeof(*out));
        return shared != NULL;
    }
    struct resampler *down = room->kit->out[s - room->speakers][rate_index(rate)];
    int16_t wide[FRAME_MAX];
    const int16_t *own = s->heard ? s->own : NULL;
    if (rate == room->kit->rate) {
        room_cut(room, room->sum, own, out);
    } else if (down) {
        room_cut(room, room->sum, own, wide);
        resampler_run(down, wide, out);
    }
    return rate == room->kit->rate || down;
}

static void apart_speak(struct room *room, struct port *p)
{
    int16_t frame[FRAME_MAX];
    size_t samples = p->kit->rate / TICKS_A_SECOND;
    int32_t gain = port_listen_gain(p);

    if ((gain == 0 && p->listen_now == 0) || !room_share(room, p, frame))
        memset(frame, 0, samples * sizeof(*frame));
    else if (gain != p->listen_now)
        frame_ramp_gain(frame, samples, p->listen_now, gain);
    else if (gain != GAIN_UNITY)
        frame_apply_gain(frame, samples, gain);
    p->listen_now = gain;
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

/* At the end of a tick that faded all sound out; the next one lets it come again. A seam between two sets of
 * filters would be heard, and 20 ms of a dip are not. */
void room_kit_change(struct room *room, struct mixer *m)
{
    mixer_retire(m, RETIRED_ROOM_KIT, room->kit);
    room->kit = room->next_kit;
    room->next_kit = NULL;
    memset(room->shared_tick, 0, sizeof(room->shared_tick));
    memset(room->sum, 0, sizeof(room->sum));
    memset(room->before, 0, sizeof(room->before));
    room->fades_in = true;
}

/* Those who faded out in this tick. */
static void speakers_leave(struct room *room)
{
    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        struct speaker *s = &room->speakers[i];
        struct port *p = s->port;
        if (!p || (!s->leaving && !s->resting))
            continue;
        if (p->talking) {
            struct mixer_event event = {.type = EVENT_TALK, .port = p->id};
            mixer_emit(p->mixer, &event);
            p->talking = false;
        }
        /* The filter behind his own mix has to forget him first. */
        if (s->resting || !p->kit || p->kit->rate == room->kit->rate)
            speaker_drop(p);
        else
            s->resting = true;
        s->leaving = false;
    }
}

void room_tick(struct worker *w, struct room *room)
{
    int16_t played[FRAME_MAX];
    unsigned samples = room->kit->rate / TICKS_A_SECOND;

    if (!room->members && !room->wide)
        return;
    if (room->kit->mask & ~(1U << rate_index(room->kit->rate)))
        room_cut(room, room->sum, NULL, room->before);
    if (room->wide)
        wide_listen(w, room);
    speakers_choose(w, room);
    speakers_hear(w, room);
    if (room->wide)
        wide_tell(w, room);
    if (player_render(&room->player, room->kit->rate, played)) {
        if (room->fades_in || room->next_kit)
            mix_fade(played, samples, room->fades_in ? 0 : FULL, room->next_kit ? 0 : FULL);
        mix_add(room->sum, played, samples);
    }
    (void)player_ended(&room->player);
    room_limit(room);
    room_record_tick(w, room);
    apart_review(room);
    for (struct port *p = room->apart, *next; p; p = next) {
        next = p->apart_next;
        if (p->kit)
            apart_speak(room, p);
    }
    for (struct class *c = room->classes; c; c = c->next)
        class_speak(w, room, c);
    relations_settle(room);
    speakers_leave(room);
    room->fades_in = false;
    if (room->next_kit)
        room_kit_change(room, w->mixer);
}
