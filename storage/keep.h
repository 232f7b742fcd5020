/*
 * What of a conference outlives the server: what its hosts have set, whom they have thrown out, who sits in
 * it (tables room_state, room_ban, room_seat). door_find() gives it back. Contract: storage/storage.h.
 */
#ifndef CONFAB_STORAGE_KEEP_H
#define CONFAB_STORAGE_KEEP_H

#include "storage/storage.h"

#include <stdbool.h>

#define KEEP_BEAT_S 20 /* so often a conference says that it goes on */

struct room_kept {
    const char *number;
    bool begins; /* who sat in an earlier one and was cut off has his minute from then on */
    bool ends;   /* in order: nothing of it is kept but bans, and for a minute who sat in it */
    bool locked, lecture, muted;
    /*
     * What happened since, a line each, words parted by tabs, in order: "seat CALLER ROLE muted|heard", "left
     * CALLER ROLE muted|heard", "gone CALLER" (who is not to come back), "ban CALLER MINUTES".
     */
    const char *lines;
};
STORAGE_CHECK int conference_keep(struct storage *st, const struct room_kept *kept, struct ticket ticket,
                                  storage_done *reply);

#endif
