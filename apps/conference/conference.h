/*
 * The conference's own header: rooms, their members, and a caller's way in.
 *
 *   conference.c  which room a call wants, and whether it may be answered    entry.c  the PIN
 *   recording.c   whether a room is recorded, and that members hear so
 *   room.c        the rooms that stand, who is in them, tones                member.c in the room: music,
 * hold, mute menu.c        the member's menu behind the `*` key
 *
 * Ownership: the link owns its member; a room lives from its first member's entry to its last one's leaving.
 * Threads: signalling. Failure: whoever cannot be let in hears why before the call ends.
 */
#ifndef CONFAB_CONFERENCE_H
#define CONFAB_CONFERENCE_H

#include "core/base/log.h"
#include "core/call/app.h"
#include "core/call/media.h"
#include "storage/room.h"

#include <errno.h>

/* A room in which there is somebody. */
struct room {
    struct room *next;
    struct server *server;
    char number[NUMBER_TEXT];
    bool open;              /* it asks for no PIN */
    bool recorded;          /* it was when it began */
    uint32_t mix;           /* the media engine's room */
    bool denoise;           /* of each member's voice */
    struct member *members; /* newest first */
    unsigned count;
};

/* One caller, from the request on. */
struct member {
    struct link *link;
    struct member *next; /* in the room */
    struct room *room;   /* NULL until he is let in */
    struct room_row row; /* of the room he wants; its number always, the rest as storage knows it */
    unsigned tries;      /* wrong PINs */
    bool moderator;
    bool muted, held, in_menu;
    int talk_db, listen_db;
};

/* room.c */
struct room *conference_room(const char *number); /* NULL: nobody is in it */
/* May one more come in? EAGAIN: no more rooms may be open; ENOSPC: the room is full. */
int conference_admits(const struct member *member);
/* As conference_admits(), but brings him in: he hears the room, and all hear the join tone. Also ENOMEM. */
__attribute__((warn_unused_result)) int conference_join(struct member *member);
/* His call is over (the media engine drops its port by itself): the leave tone for those who stay. */
void conference_leave(struct member *member);

/* member.c */
void member_say(struct member *member, const char *name, link_step *then);
void member_enter(struct member *member);
void member_refuse(struct member *member, int error); /* tells why, then hangs up */
void member_goodbye(struct link *link);
void member_settle(struct member *member); /* music when alone, else quiet; the menu is left in peace */
void member_mute(struct member *member);   /* as `muted` and `held` say */
void member_key(struct link *link, char key);

/* recording.c */
void conference_record(struct room *room, const struct member *first); /* as `first`, who is in, found it */
void member_greet(struct member *member, link_step *then); /* on entry; `then` comes only after words */

/* entry.c */
void entry_ask(struct member *member);

/* menu.c */
void menu_open(struct member *member);

#endif
