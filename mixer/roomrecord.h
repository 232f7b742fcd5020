/*
 * A room's recording on its worker (roomrecord.c).
 *
 * Ownership: the room owns its taping; it comes back through the retired things. Threads: the room's worker.
 * Failure: files that failed end the recording at the next tick.
 */
#ifndef CONFAB_MIXER_ROOMRECORD_H
#define CONFAB_MIXER_ROOMRECORD_H

#include "mixer/tape.h"

struct room;
struct taping;
struct worker;

void room_record_begin(struct worker *w, struct room *room, struct taping *taping);
void room_record_hold(struct worker *w, struct room *room, bool pause);
void room_record_end(struct worker *w, struct room *room, int end); /* enum record_end */
void room_record_tick(struct worker *w, struct room *room);         /* once the sum is whole */
void taping_free(struct taping *taping);                            /* signalling */

#endif
