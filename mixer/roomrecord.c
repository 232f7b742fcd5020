/*
 * A room's recording: what signalling asks for, and what the room's worker puts on the tape in each tick. The
 * mix is what all hear who are no speakers; a track is a speaker's exact part of it.
 */
#include "mixer/roomrecord.h"

#include "mixer/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL_FRAMES 10

/* The room's part; the tape itself is the file thread's as well. */
struct taping {
    struct tape *tape;
    unsigned rate;
    bool tracks, paused;
    uint64_t began; /* the tick that is frame 0, moved on by the pauses */
    uint64_t paused_at;
    uint32_t port[ROOM_SLOTS],
        frame[ROOM_SLOTS]; /* what the resamplers of the slot had last, or was told last */
    struct resampler *mix[RATES], *track[ROOM_SLOTS][RATES]; /* from the room's rate of the moment */
};

/* -- signalling
 * ----------------------------------------------------------------------------------------------------- */

void taping_free(struct taping *taping)
{
    if (!taping)
        return;
    for (unsigned r = 0; r < RATES; r++) {
        resampler_free(taping->mix[r]);
        for (unsigned i = 0; i < ROOM_SLOTS; i++)
            resampler_free(taping->track[i][r]);
    }
    free(taping);
}

/* For every rate that the room may come to have, so that no change of it needs a word with signalling. */
static int taping_new(struct taping **out, unsigned rate, bool tracks)
{
    struct taping *taping = calloc(1, sizeof *taping);
    int error = taping ? 0 : ENOMEM;

    for (unsigned r = 0; r < RATES && !error; r++) {
        error = resampler_between(&taping->mix[r], mixer_rates[r], rate);
        for (unsigned i = 0; i < ROOM_SLOTS && tracks && !error; i++)
            error = resampler_between(&taping->track[i][r], mixer_rates[r], rate);
    }
    if (error) {
        taping_free(taping);
        return error;
    }
    taping->rate = rate;
    taping->tracks = tracks;
    *out = taping;
    return 0;
}

int room_record(struct mixer *m, uint32_t room, uint32_t serial, const struct room_recording *what)
{
    struct room_entry *r = room_entry_find(m, room);
    struct command c = {.type = COMMAND_ROOM_RECORD};

    if (!r)
        return ENOENT;
    if (what->rate != 0 && !rate_valid(what->rate))
        return EINVAL;
    unsigned rate = what->rate > r->kit_rate ? what->rate : r->kit_rate;
    int error = taping_new(&c.made.taping, rate, what->tracks);
    if (!error)
        error = tape_open(&c.made.taping->tape, m->sounds, room, serial, what, rate);
    if (!error) {
        c.room = shard_of(r, r->worker);
        error = worker_push(r->worker, &c);
        if (error)
            tape_close(c.made.taping->tape, RECORD_FAILED);
    }
    if (error)
        taping_free(c.made.taping);
    else
        r->tracks = what->tracks;
    return error;
}

static int room_order(struct mixer *m, uint32_t room, enum command_type type, int value)
{
    struct room_entry *r = room_entry_find(m, room);
    struct command c = {.type = type, .values = {value}};

    if (!r)
        return ENOENT;
    c.room = shard_of(r, r->worker);
    return worker_push(r->worker, &c);
}

int room_record_pause(struct mixer *m, uint32_t room, bool pause)
{
    return room_order(m, room, COMMAND_ROOM_RECORD_PAUSE, pause);
}

void room_record_stop(struct mixer *m, uint32_t room)
{
    struct room_entry *r = room_entry_find(m, room);

    if (r)
        r->tracks = false;
    (void)!room_order(m, room, COMMAND_ROOM_RECORD_STOP, 0);
}

int port_set_label(struct mixer *m, uint32_t port, const char *name, const char *call)
{
    struct port_entry *e = port_find(m, port);
    struct command c = {.type = COMMAND_LABEL};

    if (!e)
        return ENOENT;
    c.port = e->port;
    c.made.label = calloc(1, sizeof *c.made.label);
    if (!c.made.label)
        return ENOMEM;
    snprintf(c.made.label->name, sizeof c.made.label->name, "%s", name);
    snprintf(c.made.label->call, sizeof c.made.label->call, "%s", call);
    int error = worker_push(e->worker, &c);
    if (error)
        free(c.made.label);
    return error;
}

/* -- worker
 * -----------------------------------------------------------------------------------------------------------
 */

static uint32_t taping_frame(const struct taping *taping, uint64_t tick)
{
    return (uint32_t)((taping->paused ? taping->paused_at : tick) - taping->began);
}

void room_record_begin(struct worker *w, struct room *room, struct taping *taping)
{
    room_record_end(w, room, RECORD_STOPPED);
    taping->began = w->tick;
    room->taping = taping;
}

void room_record_hold(struct worker *w, struct room *room, bool pause)
{
    struct taping *taping = room->taping;

    if (!taping || taping->paused == pause)
        return;
    struct tape_slot *slot =
        tape_take(taping->tape, pause ? TAPE_PAUSE : TAPE_RESUME, taping_frame(taping, w->tick));
    if (pause) {
        taping->paused_at = w->tick;
    } else {
        if (slot)
            slot->ms = (uint32_t)(w->tick - taping->paused_at) * TICK_MS;
        taping->began += w->tick - taping->paused_at;
    }
    taping->paused = pause;
    if (slot)
        tape_give(taping->tape);
}

void room_record_end(struct worker *w, struct room *room, int end)
{
    struct taping *taping = room->taping;

    if (!taping)
        return;
    room_record_hold(w, room, false);
    (void)tape_advance(taping->tape, taping_frame(taping, w->tick));
    tape_close(taping->tape, end);
    mixer_retire(w->mixer, RETIRED_TAPING, taping);
    room->taping = NULL;
}

static void frame_copy(struct taping *taping, struct resampler *resampler, unsigned from,
                       const int16_t *frame, int16_t *out)
{
    if (from == taping->rate)
        memcpy(out, frame, taping->rate / TICKS_A_SECOND * sizeof *out);
    else
        resampler_run(resampler, frame, out);
}

/* Also one who has just gone and is faded out: his track exists already, and needs no name. */
static void speaker_record(struct taping *taping, struct room *room, unsigned slot, uint32_t frame)
{
    const struct speaker *s = &room->speakers[slot];
    const struct port *p = s->port;
    port_id port = p ? p->id : s->gone;
    struct resampler *resampler = taping->track[slot][rate_index(room->kit->rate)];
    struct tape_slot *to = tape_take(taping->tape, TAPE_TRACK, frame);

    if (!to)
        return;
    if (resampler && (taping->port[slot] != port || taping->frame[slot] + 1 != frame))
        resampler_reset(resampler);
    taping->port[slot] = port;
    taping->frame[slot] = frame;
    to->port = port;
    to->visit = p ? p->visit : s->gone_visit;
    to->talking = p && p->talking;
    to->label = p && p->label ? *p->label : (struct port_label){0};
    frame_copy(taping, resampler, room->kit->rate, s->own, to->samples);
    tape_give(taping->tape);
}

/* Where the mix alone is recorded: who talks, told ten times a second. */
static void speaker_tell(struct taping *taping, const struct port *p, unsigned slot, uint32_t frame)
{
    if (taping->port[slot] == p->id && frame - taping->frame[slot] < TELL_FRAMES)
        return;
    struct tape_slot *to = tape_take(taping->tape, TAPE_TALK, frame);
    if (!to)
        return;
    taping->port[slot] = p->id;
    taping->frame[slot] = frame;
    to->port = p->id;
    to->visit = p->visit;
    to->talking = true;
    to->label = p->label ? *p->label : (struct port_label){0};
    tape_give(taping->tape);
}

void room_record_tick(struct worker *w, struct room *room)
{
    struct taping *taping = room->taping;

    if (!taping || taping->paused)
        return;
    uint32_t frame = taping_frame(taping, w->tick);
    struct tape_slot *to = tape_take(taping->tape, TAPE_MIX, frame);
    if (to) {
        frame_copy(taping, taping->mix[rate_index(room->kit->rate)], room->kit->rate,
                   room_shared(room, room->kit->rate, w->tick), to->samples);
        tape_give(taping->tape);
    }
    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        const struct speaker *s = &room->speakers[i];
        if (taping->tracks && (s->port ? s->heard : s->faded))
            speaker_record(taping, room, i, frame);
        else if (!taping->tracks && s->port && s->heard && s->port->talking)
            speaker_tell(taping, s->port, i, frame);
    }
    if (!tape_advance(taping->tape, frame + 1))
        room_record_end(w, room, RECORD_FAILED);
}
