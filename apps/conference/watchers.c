#include "apps/conference/watchers.h"

/* Before a recording server is told anything, limits and what is kept. */
room_watcher *const room_watchers[] = {duration_watch, roster_watch,     keep_watch, records_watch,
                                       export_watch,   desk_rooms_watch, NULL};
