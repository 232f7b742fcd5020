/*
 * What may be done with a room and its members: one door for keys, REFER and the interface for programs, so
 * that rights, the record of who did what (table room_act), and what others hear of it are the same whoever
 * asks.
 *
 * Ownership: none is taken. Threads: signalling. Failure: as room_act() says.
 */
#ifndef CONFAB_CONFERENCE_ACT_H
#define CONFAB_CONFERENCE_ACT_H

#include "apps/conference/conference.h"

enum act {
    ACT_NONE,
    /* on a member: who does it to himself needs no right */
    ACT_MUTE,
    ACT_UNMUTE,
    ACT_DEAF,
    ACT_UNDEAF,
    ACT_TALK_GAIN,   /* value: dB, absolute */
    ACT_LISTEN_GAIN, /* … */
    ACT_RAISE,       /* the hand; in a lecture that asks for the floor */
    ACT_LOWER,
    /* on another member: hosts */
    ACT_GIVE_FLOOR,
    ACT_TAKE_FLOOR,
    ACT_ADMIT, /* who waits */
    ACT_KICK,  /* value: minutes for which he is not let in again */
    ACT_MAKE_HOST,
    ACT_MAKE_MEMBER,
    ACT_MOVE,    /* text: another room, or a side room's number; "": back to where he came from */
    ACT_WHISPER, /* to `other` alone; may be done to himself, as the next three */
    ACT_UNWHISPER,
    ACT_SOFTEN, /* `other`, for him; value: dB, -30 to 0 */
    ACT_RETURN, /* from a side room, or from where he was moved to */
    /* on the room: hosts */
    ACT_LOCK,
    ACT_UNLOCK,
    ACT_LECTURE,
    ACT_DISCUSS,  /* no lecture */
    ACT_MUTE_ALL, /* but hosts */
    ACT_UNMUTE_ALL,
    ACT_ADMIT_ALL,
    ACT_KICK_LAST,
    ACT_RECORD,
    ACT_PAUSE_RECORDING,
    ACT_STOP_RECORDING,
    ACT_INVITE,    /* text: number or SIP URI to be called into it */
    ACT_BREAK_OUT, /* members into side rooms: value: so many; or text: one of that name */
    ACT_CALL_BACK, /* all from the side rooms */
    ACT_VISIT,     /* text: as of ACT_MOVE; he goes there himself */
    ACT_END,       /* for all */
    ACT_KICK_ALL,  /* but hosts */
    ACT_COUNT
};

struct act_order {
    enum act act;
    struct member *member; /* on whom; NULL where the act is on the room */
    int value;
    const char *text;
    struct member *other;         /* of acts between two; NULL: by his number, in `text` */
    const struct dial_wish *dial; /* of ACT_INVITE, dial.h; NULL: nothing beyond the usual */
    const struct actor *actor;    /* filled in by room_act() */
};

/* Who asks. */
struct actor {
    struct member *member; /* by his keys; NULL: from outside the room */
    bool host;             /* has a host's rights */
    bool trusted;          /* may bring a member past the PIN of another room: an administrator */
    const char *name;      /* as the record names him */
    const char *source;    /* "phone", "refer", "api", "server" */
};

/* A member who acts himself. */
struct actor member_actor(struct member *member, bool host, const char *source);

/* "mute", as menus, records and programs write it; ACT_NONE for a word that is none. */
const char *act_name(enum act act);
enum act act_from_name(const char *name);
bool act_needs_host(enum act act);
bool act_is_on_member(enum act act);

/*
 * EACCES: he has not the right; ENOENT: no such member, or nobody it could be done to; EINVAL: value or text
 * makes no sense; EALREADY: it is so already; EBUSY, EMFILE: not now; ENOTSUP: this room cannot. The room may
 * be gone afterwards when it was ACT_END, or the last one was thrown out: later than the call's return, never
 * before.
 */
__attribute__((warn_unused_result)) int room_act(struct room *room, const struct actor *actor,
                                                 const struct act_order *order);

/* The acts that have files of their own: move.c, pair.c. */
int act_move(struct room *room, const struct act_order *order);
int act_visit(struct room *room, const struct act_order *order);
int act_return(struct room *room, const struct act_order *order);
int act_break_out(struct room *room, const struct act_order *order);
int act_call_back(struct room *room, const struct act_order *order);
int act_whisper(struct room *room, const struct act_order *order);
int act_soften(struct room *room, const struct act_order *order);

#endif
