#include "apps/conference/watchers.h"

room_watcher *const room_watchers[] = {roster_watch, NULL};
