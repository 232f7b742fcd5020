#include "apps/conference/watchers.h"

room_watcher *const room_watchers[] = {export_watch, NULL};
