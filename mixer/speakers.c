/* Who is heard in a room: the loudest few, chosen from the loudness of packets before any is decoded. */
#include "mixer/engine.h"

#include "mixer/mix.h"

#include <string.h>

#define ACTIVE_TICKS 100 /* how long one stays a candidate after his last packet that was not silence */
#define SILENCE_LEVEL 65 /* -dBov; softer packets make nobody a candidate */
#define LOUDER_DB 6      /* by how much a newcomer must be louder to take a place */
#define KEEP_TICKS 20    /* and how long each keeps his place at least */
#define ONSET_TICKS 6    /* a packet of silence this recent was the one before: 60 ms is the longest */
#define TALK_LEVEL 45    /* -dBov of what is shown as talking */
#define TALK_ON_TICKS 10
#define TALK_OFF_TICKS 50 /* at most two changes of EVENT_TALK a second */
#define FULL 32768

void room_note(struct port *p, unsigned level)
{
    if (level < p->loud)
        p->loud = level;
    else
        p->loud += (level - p->loud + 7) / 8;
    if (level >= SILENCE_LEVEL) {
        p->quiet_tick = p->worker->tick;
        return;
    }
    p->active_tick = p->worker->tick;
    if (!p->active) {
        p->active = true;
        p->active_next = p->room->active;
        p->room->active = p;
    }
}

static void talk_note(struct port *p, bool talks)
{
    if (talks == p->talking) {
        p->talk_ticks = 0;
        return;
    }
    if (++p->talk_ticks < (talks ? TALK_ON_TICKS : TALK_OFF_TICKS))
        return;
    struct mixer_event event = {.type = EVENT_TALK, .port = p->id, .talking = talks};
    p->talking = talks;
    p->talk_ticks = 0;
    mixer_emit(p->mixer, &event);
}

static void speaker_enter(struct room *room, struct port *p)
{
    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        struct speaker *s = &room->speakers[i];
        if (s->port)
            continue;
        s->port = p;
        /* Who begins after silence is heard from his very first sample; who comes in amid a sound fades in.
         */
        s->entering = p->worker->tick - p->quiet_tick > ONSET_TICKS;
        s->leaving = s->heard = false;
        s->ticks = 0;
        p->speaker = s;
        for (unsigned r = 0; r < RATES; r++) {
            if (room->kit->in[i][r])
                resampler_reset(room->kit->in[i][r]);
            if (room->kit->out[i][r])
                resampler_reset(room->kit->out[i][r]);
        }
        room_update(p);
        return;
    }
}

void speaker_drop(struct port *p)
{
    if (!p->speaker)
        return;
    p->speaker->port = NULL;
    p->speaker->heard = false;
    p->speaker = NULL;
}

/* Drops candidates that have fallen silent; finds the loudest that is not heard yet. */
static struct port *candidates_scan(struct worker *w, struct room *room)
{
    struct port *best = NULL;

    for (struct port **at = &room->active; *at;) {
        struct port *p = *at;
        if (p->muted || w->tick - p->active_tick > ACTIVE_TICKS) {
            *at = p->active_next;
            p->active = false;
            p->loud = 127;
            if (p->speaker)
                p->speaker->leaving = true;
            continue;
        }
        if (!p->speaker && (!best || p->loud < best->loud))
            best = p;
        at = &p->active_next;
    }
    return best;
}

void speakers_choose(struct worker *w, struct room *room)
{
    for (;;) {
        struct port *best = candidates_scan(w, room);
        struct speaker *softest = NULL;
        unsigned speaking = 0, used = 0;

        if (!best)
            return;
        for (unsigned i = 0; i < ROOM_SLOTS; i++) {
            struct speaker *s = &room->speakers[i];
            used += s->port != NULL;
            if (!s->port || s->leaving)
                continue;
            speaking++;
            if (!softest || s->port->loud > softest->port->loud)
                softest = s;
        }
        if (used == ROOM_SLOTS)
            return;
        if (speaking == ROOM_SPEAKERS) {
            if (best->loud + LOUDER_DB > softest->port->loud || softest->ticks < KEEP_TICKS)
                return;
            softest->leaving = true;
        }
        speaker_enter(room, best);
    }
}

/* One speaker's part of the sum, at the room's rate. False: he is silent in this tick. */
static bool speaker_hear(struct room *room, unsigned slot)
{
    struct speaker *s = &room->speakers[slot];
    struct port *p = s->port;
    int16_t frame[FRAME_MAX];

    bool got = port_hear(p);
    unsigned r = rate_index(p->kit->rate), samples = p->kit->rate / TICKS_A_SECOND;
    uint64_t energy = got ? frame_energy(p->kit->frame, samples) : 0;
    talk_note(p, got && voice_follow(&p->voice, energy_level(energy, samples)) && p->loud < TALK_LEVEL);
    if (!got)
        return false;
    if (p->kit->rate != room->kit->rate && !room->kit->in[slot][r])
        return false; /* the room's new resamplers are on their way */
    memcpy(frame, p->kit->frame, samples * sizeof(*frame));
    if (p->denoiser && denoiser_run(p->denoiser, frame, samples, p->worker->tick))
        energy = frame_energy(frame, samples);
    leveller_run(&p->leveller, room->loudness, frame, samples, energy);
    if (p->talk_gain != GAIN_UNITY)
        frame_apply_gain(frame, samples, p->talk_gain);
    if (room->kit->in[slot][r])
        resampler_run(room->kit->in[slot][r], frame, s->own);
    else
        memcpy(s->own, frame, samples * sizeof(*frame));
    return true;
}

void speakers_hear(struct worker *w, struct room *room)
{
    unsigned samples = room->kit->rate / TICKS_A_SECOND;

    (void)w;
    memset(room->sum, 0, samples * sizeof(room->sum[0]));
    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        struct speaker *s = &room->speakers[i];
        if (!s->port)
            continue;
        s->ticks++;
        s->heard = s->port->kit && speaker_hear(room, i);
        if (s->heard) {
            if (s->entering || s->leaving)
                mix_fade(s->own, samples, s->entering ? 0 : FULL, s->leaving ? 0 : FULL);
            mix_add(room->sum, s->own, samples);
        }
        s->entering = false;
    }
}
