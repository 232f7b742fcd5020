/*
 * Who talks while he is muted. Nobody hears it, but signalling may tell him. His packets are never decoded:
 * their levels show it.
 */
#include "mixer/engine.h"

#define LEVEL 45     /* -dBov */
#define ON_TICKS 10  /* of talk, before it is told */
#define OFF_TICKS 50 /* of silence: at most two changes a second */
#define GAP_TICKS 25 /* between words; a single loud packet is none */

static void talk_tell(struct port *p, bool talks)
{
    struct mixer_event event = {.type = EVENT_TALK, .port = p->id, .talking = talks, .muted = true};

    p->muted_talk.talking = talks;
    mixer_emit(p->mixer, &event);
}

void muted_talk_note(struct port *p, unsigned level)
{
    struct muted_talk *t = &p->muted_talk;
    uint64_t tick = p->worker->tick, passed = tick - t->tick;
    bool voice = voice_detect_level(&p->voice, level, passed < OFF_TICKS ? (unsigned)passed : 1);

    t->tick = tick;
    if (!level_voice(p, voice && level < LEVEL))
        return;
    if (tick - t->last > GAP_TICKS)
        t->since = tick;
    t->last = tick;
    if (!t->talking && tick - t->since >= ON_TICKS)
        talk_tell(p, true);
}

void muted_talk_watch(struct port *p)
{
    struct muted_talk *t = &p->muted_talk;

    if (t->talking && (!p->muted || p->worker->tick - t->last >= OFF_TICKS))
        talk_tell(p, false);
}
