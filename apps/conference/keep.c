/*
 * What of a conference outlives the server: its lock and the like, who was thrown out, who sits in it. What
 * changes is gathered for a moment and written by one job of storage at a time; one that fails is tried again
 * with what came since.
 */
#include "apps/conference/watchers.h"

#include "core/base/loop.h"
#include "storage/keep.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATHER_MS 100
#define AGAIN_MS 2000
#define LINES_MAX 65536 /* while the database is away; what comes then is not kept */

/* One a conference, and a little longer: until its last word is written. */
struct keeper {
    struct keeper *next;
    uint64_t id;
    struct server *server;
    char number[NUMBER_TEXT];
    bool begun, ended, writing;
    bool soon;                   /* the timer is there to write what is new, and not only that it goes on */
    bool locked, lecture, muted; /* as they are to be written */
    char *lines, *written;       /* to be written; on their way to the database */
    size_t length, room;
    struct timer *timer;
};

static struct keeper *keepers;
static uint64_t keeper_count; /* ever */

static void keeper_wait(struct keeper *keeper, uint32_t ms);

static void keeper_free(struct keeper *keeper)
{
    struct keeper **at = &keepers;

    while (*at != keeper)
        at = &(*at)->next;
    *at = keeper->next;
    timer_stop(&keeper->timer);
    free(keeper->lines);
    free(keeper->written);
    free(keeper);
}

/* -- what happened --------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void keeper_add(struct keeper *keeper, const char *format, ...)
{
    char line[CALLER_TEXT + 32];
    va_list args;

    va_start(args, format);
    size_t length = (size_t)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length >= sizeof line || keeper->length + length >= LINES_MAX) {
        log_event(LEVEL_WARNING, "conference", NULL, "not-kept room=%s", keeper->number);
        return;
    }
    if (keeper->length + length + 1 > keeper->room) {
        size_t room = keeper->room + 1024;
        char *lines = realloc(keeper->lines, room);

        if (!lines)
            return;
        keeper->lines = lines;
        keeper->room = room;
    }
    memcpy(keeper->lines + keeper->length, line, length + 1);
    keeper->length += length;
}

/* -- to the database ------------------------------------------------------------------------------------- */

/* Before what came since: the order counts. */
static void keeper_take_back(struct keeper *keeper)
{
    char *older = keeper->written, *newer = keeper->lines;

    keeper->lines = older;
    keeper->written = NULL;
    keeper->length = older ? strlen(older) : 0;
    keeper->room = older ? keeper->length + 1 : 0;
    for (char *line = newer, *end; line && *line; line = end) {
        end = strchr(line, '\n') + 1;
        keeper_add(keeper, "%.*s", (int)(end - line), line);
    }
    free(newer);
}

static void keeper_written(struct ticket ticket, int error)
{
    struct keeper *keeper = keepers;

    while (keeper && keeper->id != ticket.owner)
        keeper = keeper->next;
    if (!keeper)
        return;
    keeper->writing = false;
    if (error == ENOTCONN) {
        keeper_take_back(keeper);
        keeper_wait(keeper, AGAIN_MS);
        return;
    }
    if (error) /* again would be no better */
        log_event(LEVEL_WARNING, "conference", NULL, "not-kept room=%s error=%d", keeper->number, error);
    keeper->begun = true;
    free(keeper->written);
    keeper->written = NULL;
    if (keeper->ended && ticket.epoch == 2)
        keeper_free(keeper);
    else
        keeper_wait(keeper, keeper->length || keeper->ended ? 0 : KEEP_BEAT_S * 1000);
}

/* The ticket's epoch tells whether that was the last word. */
static int keeper_write(struct keeper *keeper)
{
    const struct room_kept kept = {.number = keeper->number,
                                   .begins = !keeper->begun,
                                   .ends = keeper->ended && !server_is_ending(keeper->server),
                                   .locked = keeper->locked,
                                   .lecture = keeper->lecture,
                                   .muted = keeper->muted,
                                   .lines = keeper->length ? keeper->lines : ""};
    const struct ticket ticket = {.owner = keeper->id, .epoch = keeper->ended ? 2 : 1};

    return conference_keep(server_storage(keeper->server), &kept, ticket, keeper_written);
}

static void keeper_due(void *arg)
{
    struct keeper *keeper = arg;

    keeper->soon = false;
    if (keeper_write(keeper)) {
        keeper_wait(keeper, AGAIN_MS);
        return;
    }
    keeper->writing = true;
    keeper->written = keeper->lines;
    keeper->lines = NULL;
    keeper->length = keeper->room = 0;
}

static void keeper_wait(struct keeper *keeper, uint32_t ms)
{
    keeper->soon = ms < KEEP_BEAT_S * 1000;
    if (timer_start(server_loop(keeper->server), &keeper->timer, ms, keeper_due, keeper))
        log_event(LEVEL_ERROR, "conference", NULL, "no-memory for=keep room=%s", keeper->number);
}

bool keep_is_ending(const char *number)
{
    const struct keeper *keeper = keepers;

    while (keeper && !(keeper->ended && strcmp(keeper->number, number) == 0))
        keeper = keeper->next;
    return keeper != NULL;
}

/* The last calls have ended just now; nobody will hear of the replies. */
void keep_stop(struct server *server)
{
    (void)server;
    while (keepers) {
        if ((keepers->length || !keepers->begun) && keeper_write(keepers))
            log_event(LEVEL_WARNING, "conference", NULL, "not-kept room=%s", keepers->number);
        keeper_free(keepers);
    }
}

/* -- news ------------------------------------------------------------------------------------------------ */

static void keep_begin(struct room *room)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);

    if (!keeper)
        return;
    keeper->id = ++keeper_count;
    keeper->server = room->server;
    snprintf(keeper->number, sizeof keeper->number, "%s", room->number);
    keeper->next = keepers;
    keepers = keeper;
    room->keeper = keeper;
}

/* Side rooms are kept with their main room: there is the seat of whoever is in them, and the ban. */
static struct room *keep_of(struct room *room)
{
    return room->main ? room->main : room;
}

/* Only who may be known again has a seat to come back to, and only who was in: who waits, waits anew. */
static void keep_seat(struct keeper *keeper, struct member *member, bool left)
{
    int kept = member->muted ? KEPT_MUTED : KEPT_HEARD;

    if (!member->asks.known || member->seat != SEAT_IN)
        return;
    if (left && member->away != AWAY_NOT) {
        keeper_add(keeper, "gone\t%s\n", member->asks.caller);
        return;
    }
    if (!left && (int)member->kept == kept && member->kept_role == member->role)
        return;
    member->kept = left ? KEPT_NOT : kept;
    member->kept_role = member->role;
    keeper_add(keeper, "%s\t%s\t%s\t%s\n", left ? "left" : "seat", member->asks.caller,
               member->role == ROLE_HOST ? "host" : "member", member->muted ? "muted" : "heard");
}

void keep_ban(struct room *room, const struct member *member, unsigned minutes)
{
    struct keeper *keeper = keep_of(room)->keeper;
    unsigned usual = link_settings(member->link)->kick_ban_minutes;

    if (!minutes)
        minutes = usual;
    if (keeper && minutes && *member->asks.caller)
        keeper_add(keeper, "ban\t%s\t%u\n", member->asks.caller, minutes);
}

void keep_watch(struct room *room, struct member *member, enum room_news news)
{
    struct keeper *keeper;

    if (room->main && (news == ROOM_BEGAN || news == ROOM_ENDED))
        return;
    if (news == ROOM_BEGAN)
        keep_begin(room);
    room = keep_of(room);
    keeper = room->keeper;
    if (!keeper || news == MEMBER_TALKS)
        return;
    if (member)
        keep_seat(keeper, member, news == MEMBER_LEFT);
    bool news_of_room = keeper->locked != room->locked || keeper->lecture != room->lecture ||
                        keeper->muted != room->all_muted || news == ROOM_BEGAN || news == ROOM_ENDED;
    keeper->locked = room->locked;
    keeper->lecture = room->lecture;
    keeper->muted = room->all_muted;
    if (news == ROOM_ENDED) {
        keeper->ended = true;
        room->keeper = NULL;
    }
    if ((keeper->length || news_of_room) && !keeper->writing && !keeper->soon)
        keeper_wait(keeper, GATHER_MS);
}
