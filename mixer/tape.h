/*
 * A room's recording between its worker and the file thread: one ring of marked frames, from which the file
 * thread makes the mix, the tracks and the timeline.
 *
 * Ownership: signalling makes it, the worker closes it, the file thread frees it from then on. Threads: as
 * said at each function. Failure: see mixer/recording.h.
 */
#ifndef CONFAB_MIXER_TAPE_H
#define CONFAB_MIXER_TAPE_H

#include "mixer/recording.h"

#include <stdatomic.h>

struct sounds;
struct tape;

struct port_label {
    char name[LABEL_TEXT], call[LABEL_CALL];
};

enum tape_kind { TAPE_MIX, TAPE_TRACK, TAPE_TALK, TAPE_PAUSE, TAPE_RESUME };

/* A frame of 10 ms, or a mark. Each says whose it is, so that one that is lost to a full ring harms no other.
 */
struct tape_slot {
    enum tape_kind kind;
    uint32_t frame;       /* how many of them lie before it in the files */
    uint32_t port, visit; /* TAPE_TRACK, TAPE_TALK: whose, and his how manieth stay in a room */
    bool talking;
    uint32_t ms; /* TAPE_RESUME: how long the pause was */
    struct port_label label;
    int16_t samples[]; /* at the tape's rate */
};

/* Signalling. EINVAL, ENFILE, ENOMEM. */
__attribute__((warn_unused_result)) int tape_open(struct tape **out, struct sounds *sounds, uint32_t room,
                                                  uint32_t serial, const struct room_recording *what,
                                                  unsigned rate);
/* Signalling: one that no worker took; EVENT_RECORDED comes all the same. Worker: no more comes. */
void tape_close(struct tape *t, int end);
/* Worker: a place for the next frame or mark, NULL when the ring is full (counted); then hands it over. */
struct tape_slot *tape_take(struct tape *t, enum tape_kind kind, uint32_t frame);
void tape_give(struct tape *t);
/* Worker, every tick: how long the recording is by now. False: the files failed, tape_close() it. */
bool tape_advance(struct tape *t, uint32_t frames);

/* File thread. */
void tape_begin(struct tape *t);
/* Writes what has come; true when the recording is over, its event sent, and `t` is to be freed. */
bool tape_service(struct tape *t, bool stopping);
void tape_free(struct tape *t);
struct tape **tape_next(struct tape *t); /* the list that the file thread keeps */

#endif
