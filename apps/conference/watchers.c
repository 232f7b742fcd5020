#include "apps/conference/watchers.h"

room_watcher *const room_watchers[] = {duration_watch, keep_watch, records_watch, NULL};
