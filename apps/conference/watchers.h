/*
 * Who is told what goes on in rooms: one list, of the parts that keep records or tell others.
 *
 * Ownership: none. Threads: signalling; a watcher neither ends a call nor acts on a room before it has
 * returned. Failure: each watcher's own matter.
 */
#ifndef CONFAB_CONFERENCE_WATCHERS_H
#define CONFAB_CONFERENCE_WATCHERS_H

#include "apps/conference/conference.h"

typedef void room_watcher(struct room *room, struct member *member, enum room_news news);
/* In the order in which they are told. */
room_watcher duration_watch, roster_watch, keep_watch, records_watch, export_watch, desk_rooms_watch;
extern room_watcher *const room_watchers[]; /* ends with NULL */

void roster_stop(struct server *server);
void desk_rooms_stop(struct server *server);

#endif
