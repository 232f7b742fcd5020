/*
 * What members are told of others' doings: words for one alone wait until he is free to hear them.
 *
 * Ownership: none. Threads: signalling. Failure: none; what is not true any more when its turn comes is not
 * said.
 */
#ifndef CONFAB_CONFERENCE_NOTICE_H
#define CONFAB_CONFERENCE_NOTICE_H

#include "apps/conference/act.h"

/* What one member is told as soon as he is free to hear it, the first one first. */
enum notice {
    NOTICE_MUTED, /* or not any more, by a host */
    NOTICE_FLOOR, /* he has it, or no more */
    NOTICE_HOST,
    NOTICE_LECTURE, /* only hosts are heard, and how to ask for the floor */
    NOTICE_TALKS,   /* he talks and is muted */
    NOTICE_HAND,    /* somebody asks for the floor; hosts */
    NOTICE_WAITS,   /* somebody waits; hosts */
    NOTICE_COUNT
};

void member_notice(struct member *member, enum notice notice);
void room_notice_hosts(struct room *room, enum notice notice);
bool member_hears_notice(struct member *member); /* one that waits begins to play */
void member_talks_in_vain(struct member *member);
/* After an act: what the room, or the one on whom it was done, hears of it. */
void room_tell_act(struct room *room, const struct actor *actor, const struct act_order *order);

#endif
