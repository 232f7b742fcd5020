/* Rooms that are exported to a recording server: who is in them, and who speaks. */
#include "apps/conference/watchers.h"

#include "core/call/siprec.h"

#include <string.h>

static void export_begin(struct room *room)
{
    int error = siprec_start(&room->siprec, room->server, room->row.siprec, room->number, room->mix);

    if (error)
        log_event(LEVEL_ERROR, "conference", NULL, "export-failed room=%s error=\"%s\"", room->number,
                  strerror(error));
}

/* Whoever waits before the room is not recorded. */
static void export_member(struct room *room, struct member *member)
{
    int error;

    if (member->exported || member->seat != SEAT_IN)
        return;
    error = siprec_join(room->siprec, member->number, member->link, member->caller, member->name);
    member->exported = !error;
    if (error)
        link_log(member->link, LEVEL_ERROR, "export-failed room=%s error=\"%s\"", room->number,
                 strerror(error));
}

void export_reseat(struct member *member)
{
    if (member->exported)
        siprec_leave(member->room->siprec, member->number);
    member->exported = false; /* until the room is told of him */
}

void export_watch(struct room *room, struct member *member, enum room_news news)
{
    if (news == ROOM_BEGAN && *room->row.siprec)
        export_begin(room);
    if (!room->siprec)
        return;
    switch (news) {
    case MEMBER_CAME:
    case MEMBER_CHANGED:
        export_member(room, member);
        break;
    case MEMBER_TALKS:
        if (member->talks)
            siprec_talks(room->siprec, member->number);
        break;
    case MEMBER_LEFT:
        siprec_leave(room->siprec, member->number);
        member->exported = false;
        break;
    case ROOM_ENDED:
        siprec_stop(room->siprec);
        room->siprec = NULL;
        break;
    default:
        break;
    }
}
