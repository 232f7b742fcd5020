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

/* Who was sent away, until the database surely says so: he may be quicker than what is written. */
struct outcast {
    struct outcast *next;
    bool gone; /* his seat is no more his */
    bool banned;
    uint64_t write; /* the one that tells of it */
    char caller[];
};

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
    struct outcast *outcasts;
    uint64_t writes; /* ever begun, but for those that failed */
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
    for (struct outcast *outcast = keeper->outcasts, *next; outcast; outcast = next) {
        next = outcast->next;
        free(outcast);
    }
    free(keeper->lines);
    free(keeper->written);
    free(keeper);
}

/* -- who was sent away ------------------------------------------------------------------------------------
 */

static struct outcast *outcast_find(const struct keeper *keeper, const char *caller)
{
    struct outcast *outcast = keeper->outcasts;

    while (outcast && strcmp(outcast->caller, caller) != 0)
        outcast = outcast->next;
    return outcast;
}

/* NULL: no memory; then the database tells, a moment later. */
static struct outcast *outcast_make(struct keeper *keeper, const char *caller)
{
    struct outcast *outcast = outcast_find(keeper, caller);
    size_t length = strlen(caller);

    if (!outcast) {
        outcast = calloc(1, sizeof *outcast + length + 1);
        if (!outcast)
            return NULL;
        memcpy(outcast->caller, caller, length);
        outcast->next = keeper->outcasts;
        keeper->outcasts = outcast;
    }
    outcast->write = keeper->writes + 1;
    return outcast;
}

static void outcast_set(struct keeper *keeper, const char *caller, bool gone)
{
    struct outcast *outcast = gone ? outcast_make(keeper, caller) : outcast_find(keeper, caller);

    if (outcast)
        outcast->gone = gone;
}

/* Only when a later write is over, too: a door may have asked before the first one, and been told after it.
 */
static void outcasts_forget(struct keeper *keeper)
{
    struct outcast **at = &keeper->outcasts;

    while (*at) {
        struct outcast *outcast = *at;

        if (outcast->write >= keeper->writes) {
            at = &outcast->next;
            continue;
        }
        *at = outcast->next;
        free(outcast);
    }
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
        keeper->writes--;
        keeper_take_back(keeper);
        keeper_wait(keeper, AGAIN_MS);
        return;
    }
    if (error) /* again would be no better */
        log_event(LEVEL_WARNING, "conference", NULL, "not-kept room=%s error=%d", keeper->number, error);
    keeper->begun = true;
    outcasts_forget(keeper);
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
    keeper->writes++;
    keeper->written = keeper->lines;
    keeper->lines = NULL;
    keeper->length = keeper->room = 0;
}

static void keeper_wait(struct keeper *keeper, uint32_t ms)
{
    keeper->soon = ms < KEEP_BEAT_S * 1000;
    if (timer_start(server_loop(keeper->server), &keeper->timer, ms, keeper_due, keeper)) {
        keeper->soon = false; /* the next news tries again */
        log_event(LEVEL_ERROR, "conference", NULL, "no-memory for=keep room=%s", keeper->number);
    }
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

/* By another phone of his. */
static bool sits_twice(const struct room *room, const struct member *member)
{
    const struct member *other = room->members;

    while (other && (other == member || other->seat != SEAT_IN || other->away != AWAY_NOT ||
                     strcmp(other->asks.caller, member->asks.caller) != 0))
        other = other->next;
    return other != NULL;
}

/* Only who may be known again has a seat to come back to, and only who was in: who waits, waits anew. */
static void keep_seat(struct keeper *keeper, const struct room *room, struct member *member, bool left)
{
    int kept = member->muted ? KEPT_MUTED : KEPT_HEARD;

    if (!member->asks.known || member->seat != SEAT_IN)
        return;
    if (left && member->away != AWAY_NOT) {
        keeper_add(keeper, "gone\t%s\n", member->asks.caller);
        outcast_set(keeper, member->asks.caller, true);
        return;
    }
    if (!left && (int)member->kept == kept && member->kept_role == member->role)
        return;
    member->kept = left ? KEPT_NOT : kept; /* who is moved may come back, or sit elsewhere */
    member->kept_role = member->role;
    outcast_set(keeper, member->asks.caller, false);
    if (left && sits_twice(room, member))
        return;
    keeper_add(keeper, "%s\t%s\t%s\t%s\n", left ? "left" : "seat", member->asks.caller,
               member->role == ROLE_HOST ? "host" : "member", member->muted ? "muted" : "heard");
}

void keep_ban(struct room *room, const struct member *member, unsigned minutes)
{
    unsigned usual = link_settings(member->link)->kick_ban_minutes;
    struct keeper *keeper = room_root(room)->keeper;

    if (!minutes)
        minutes = usual;
    if (!keeper || !minutes || !*member->asks.caller)
        return;
    keeper_add(keeper, "ban\t%s\t%u\n", member->asks.caller, minutes);
    struct outcast *outcast = outcast_make(keeper, member->asks.caller);
    if (outcast)
        outcast->banned = true;
}

/* Who is still being told that he is sent away has lost his seat, too. */
static bool member_goes(const struct member *caller)
{
    for (const struct room *room = conference_first(); room; room = room->next) {
        if (strcmp(room_root(room)->number, caller->row.number) != 0)
            continue;
        for (const struct member *member = room->members; member; member = member->next)
            if (member->away != AWAY_NOT && strcmp(member->asks.caller, caller->asks.caller) == 0)
                return true;
    }
    return false;
}

void keep_correct(struct member *member)
{
    struct door *door = &member->door;
    bool gone = door->returns && member_goes(member);

    for (const struct keeper *keeper = keepers; keeper; keeper = keeper->next) {
        const struct outcast *outcast = strcmp(keeper->number, member->row.number) == 0
                                            ? outcast_find(keeper, member->asks.caller)
                                            : NULL;

        gone = gone || (outcast && outcast->gone);
        door->banned = door->banned || (outcast && outcast->banned);
    }
    if (!door->returns || !gone)
        return;
    door->returns = false;
    door->recognised = door->own;
    door->role = member->role = door->own_role;
}

/* Who sits in a side room has his seat in the main one: there he dials. A side room itself is not kept. */
void keep_watch(struct room *room, struct member *member, enum room_news news)
{
    struct keeper *keeper;

    if (room->main && !member)
        return;
    if (news == ROOM_BEGAN)
        keep_begin(room);
    keeper = room_root(room)->keeper;
    if (!keeper || news == MEMBER_TALKS)
        return;
    if (member)
        keep_seat(keeper, room, member, news == MEMBER_LEFT);
    room = room_root(room);
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
