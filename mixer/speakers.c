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

static void candidate_add(struct port *p)
{
    if (p->active)
        return;
    p->active = true;
    p->active_next = p->room->active;
    p->room->active = p;
}

void room_note(struct port *p, unsigned level)
{
    /* Who sent nothing for a while (DTX) was silent as well. */
    if (p->worker->tick - p->noted_tick > ONSET_TICKS)
        p->quiet_tick = p->worker->tick;
    p->noted_tick = p->worker->tick;
    if (level < p->loud)
        p->loud = level;
    else
        p->loud += (level - p->loud + 7) / 8;
    atomic_store_explicit(&p->shown, p->loud, memory_order_relaxed);
    if (level >= SILENCE_LEVEL) {
        p->quiet_tick = p->worker->tick;
        return;
    }
    p->active_tick = p->worker->tick;
    if (!p->muted)
        candidate_add(p);
}

/* Who is unmuted amid his words is heard at once, not from his next packet on. */
void room_mute(struct port *p, bool muted)
{
    p->muted = muted;
    if (!muted && p->room && p->worker->tick - p->active_tick <= ONSET_TICKS)
        candidate_add(p);
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
        if (s->port || s->fading)
            continue;
        s->port = p;
        p->talk_now = p->talk_gain;
        /* Who begins after silence is heard from his very first sample; who comes in amid a sound fades in.
         */
        s->entering = p->worker->tick - p->quiet_tick > ONSET_TICKS;
        s->leaving = s->resting = s->heard = s->whispers = false;
        s->ticks = 0;
        p->speaker = s;
        for (unsigned r = 0; r < RATES; r++) {
            if (room->kit->in[i][r])
                resampler_reset(room->kit->in[i][r]);
            if (room->kit->out[i][r])
                resampler_catch_up(room->kit->out[i][r], room->before);
        }
        room_update(p);
        relations_wake(room, p);
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

/* Who holds the places of a room; in a wide one, of all its shards. */
struct places {
    unsigned speaking, used; /* used: slots here */
    struct speaker *mine;    /* the softest of all, if he is here */
    unsigned loud, ticks;    /* his */
    port_id port;
};

/* True when this one is softer than the softest so far. Equals are told apart by their number, alike on every
 * shard. */
static bool place_take(struct places *all, port_id port, unsigned loud, unsigned ticks)
{
    bool softer = all->speaking == 0 || loud > all->loud || (loud == all->loud && port > all->port);

    all->speaking++;
    if (!softer)
        return false;
    all->mine = NULL;
    all->loud = loud;
    all->ticks = ticks;
    all->port = port;
    return true;
}

static struct places places_count(struct room *room)
{
    struct places all = {0};

    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        struct speaker *s = &room->speakers[i];
        all.used += s->port || s->fading;
        if (s->port && !s->leaving && !s->resting && place_take(&all, s->port->id, s->port->loud, s->ticks))
            all.mine = s;
    }
    for (unsigned i = 0; room->wide && i < room->remote_count; i++)
        (void)place_take(&all, room->remote[i].port, room->remote[i].loud, room->remote[i].ticks);
    return all;
}

void speakers_choose(struct worker *w, struct room *room)
{
    for (;;) {
        struct port *best = candidates_scan(w, room);
        struct places all = places_count(room);

        if (all.speaking > ROOM_SPEAKERS) { /* another shard let one in at the same time */
            if (!all.mine)
                return;
            all.mine->leaving = true;
            continue;
        }
        if (!best || all.used == ROOM_SLOTS)
            return;
        if (all.speaking == ROOM_SPEAKERS) {
            if (best->loud + LOUDER_DB > all.loud || all.ticks < KEEP_TICKS)
                return;
            if (all.mine) /* else his own shard lets him go */
                all.mine->leaving = true;
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

    bool got = port_hear(p) && !p->noise.sounding;
    unsigned r = rate_index(p->kit->rate), samples = p->kit->rate / TICKS_A_SECOND;
    uint64_t energy = got ? frame_energy(p->kit->frame, samples) : 0;
    unsigned level = energy_level(energy, samples);
    s->voice = got && level_voice(p, voice_detect_level(&p->voice, level, 1) && p->loud < TALK_LEVEL);
    talk_note(p, s->voice && !p->whisper); /* whom he whispers to hears it; the room is not told */
    if (!got)
        return false;
    level_check(p, level);
    if (p->kit->rate != room->kit->rate && !room->kit->in[slot][r])
        return false; /* the room's new resamplers are on their way */
    memcpy(frame, p->kit->frame, samples * sizeof(*frame));
    if (p->denoiser && denoiser_run(p->denoiser, frame, samples, p->worker->tick))
        energy = frame_energy(frame, samples);
    leveller_run(&p->leveller, room->loudness, frame, samples, energy);
    if (p->talk_now != p->talk_gain)
        frame_ramp_gain(frame, samples, p->talk_now, p->talk_gain);
    else if (p->talk_gain != GAIN_UNITY)
        frame_apply_gain(frame, samples, p->talk_gain);
    if (room->loudness || p->talk_gain != GAIN_UNITY)
        level = frame_level(frame, samples);
    p->talk_now = p->talk_gain;
    s->ssrc = p->source.ssrc;
    s->level = level;
    s->heard_tick = p->worker->tick;
    if (room->kit->in[slot][r])
        resampler_run(room->kit->in[slot][r], frame, s->own);
    else
        memcpy(s->own, frame, samples * sizeof(*frame));
    return true;
}

void speaker_part(struct port *p)
{
    struct speaker *s = p->speaker;
    struct room *room = p->room;

    if (!s)
        return;
    bool sounds = s->heard && p->kit && speaker_hear(room, (unsigned)(s - room->speakers));
    speaker_drop(p);
    if (sounds && !p->whisper) {
        mix_fade(s->own, room->kit->rate / TICKS_A_SECOND, room->fades_in ? 0 : FULL, 0);
        s->fading = true;
        s->gone = p->id;
        s->gone_visit = p->visit;
    }
}

/* Where `own` begins and ends in this tick. */
static void speaker_fade(const struct room *room, struct speaker *s, unsigned samples)
{
    int32_t from = s->entering || room->fades_in ? 0 : FULL, to = s->leaving || room->next_kit ? 0 : FULL;

    if (from != FULL || to != FULL)
        mix_fade(s->own, samples, from, to);
}

void speakers_hear(struct worker *w, struct room *room)
{
    unsigned samples = room->kit->rate / TICKS_A_SECOND;

    (void)w;
    memset(room->sum, 0, samples * sizeof(room->sum[0]));
    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        struct speaker *s = &room->speakers[i];
        if (s->fading)
            mix_add(room->sum, s->own, samples);
        s->faded = s->fading;
        s->fading = false;
        if (!s->port)
            continue;
        s->ticks++;
        s->heard = s->port->kit && !s->resting && speaker_hear(room, i);
        if (!s->heard)
            continue;
        speaker_fade(room, s, samples);
        whisper_split(s, samples);
        mix_add(room->sum, s->own, samples);
        s->entering = false;
    }
}
