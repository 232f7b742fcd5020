/*
 * The conference's own header: rooms, their members, and a caller's way in.
 *
 *   conference.c  which room a call wants, and whether it may be answered
 *   entry.c       the door: number, times, PIN
 *   room.c        the rooms that stand, who is in them
 *   member.c      what one member hears
 *   act.c         what hosts, members and those outside may do with a room
 *   menu.c        the same by keys: menus
 *   menu_act.c    … and what keys do
 *   notice.c      what one member is told of others' doings
 *   names.c       names as members say them
 *   announce.c    who comes and who goes, told to the room
 *   waiting.c     before the room
 *   farewell.c    out of the room
 *   recording.c   that it is recorded
 *   export.c      … by a server of another's (RFC 7866)
 *   move.c        from one room to another, side rooms
 *   pair.c        acts between two
 *   desk.c        who is there, and the acts, for who sits at a desk
 *   roster.c      who is there, for those who watch it
 *   dial.c        whom the conference calls itself
 *   guests.c      … of a list that a caller brings, or to page
 *   refer.c       the acts by REFER
 *   duration.c    how long it may go on
 *   keep.c        what outlives the server
 *   records.c     what remains of it: who was there, and what hosts did
 *
 * Ownership: the link owns its member; a room lives from its first member's arrival to its last one's
 * leaving. Threads: signalling. Failure: whoever cannot be let in hears why before the call ends.
 */
#ifndef CONFAB_CONFERENCE_H
#define CONFAB_CONFERENCE_H

#include "core/base/log.h"
#include "core/call/app.h"
#include "core/call/media.h"
#include "storage/door.h"

#include <errno.h>

#define CONFERENCE_ID 17
#define RECORDINGS_MAX 8 /* of one conference, in its record */

struct timer;
struct act_order; /* act.h */

/* A room in which there is somebody: a conference (RFC 4353). */
struct room {
    struct room *next;
    struct server *server;
    char number[NUMBER_TEXT];
    char id[CONFERENCE_ID]; /* of this conference, in its records */
    struct room_row row;    /* as it was when the conference began */
    bool open;              /* it asks for no PIN */
    bool fleeting;          /* a factory has made it: with its end its name is gone */
    bool recorded, paused;  /* its recording */
    uint32_t mix;           /* the media engine's room */
    bool denoise;           /* of each member's voice */
    bool locked, lecture, all_muted;
    bool ending;                    /* all are being sent away */
    bool page;                      /* its first member alone talks, and it ends with him */
    struct member *members;         /* newest first; also those who wait */
    unsigned count, waiting, hosts; /* in it, before it, hosts in it */
    unsigned seats;                 /* ever taken: each member's number */
    unsigned raises;                /* hands ever raised: their order */
    uint64_t began_us;
    struct timer *clearing;                          /* sends the next away */
    struct siprec *siprec;                           /* export.c: its recording session; or NULL */
    char recordings[RECORDINGS_MAX][RECORDING_NAME]; /* the latest */
    unsigned recording_count;
    unsigned peak;           /* members at once */
    const char *why;         /* it ends, where that is not its members' doing; or NULL */
    struct timer *limit;     /* duration.c, as the next four: warnings, and the end */
    struct timer *grace;     /* since its last host left */
    uint64_t ends_us;        /* 0: it has no end */
    unsigned to_warn_s;      /* before its end */
    bool hosted;             /* a host is in it, as far as the timers know */
    struct keeper *keeper;   /* keep.c */
    struct dialled *dialled; /* who is being called into it (dial.h), newest first */
    struct room *main;       /* whose side room this is; NULL: it is none */
    unsigned kept;           /* it stands without members: its side rooms, and acts under way */
    unsigned whispers;       /* members who whisper */
    unsigned tones;          /* left in its budget (announce.c), as of tones_us */
    uint64_t tones_us;
};

/* Where one who was moved goes back to, and as what. */
struct home {
    struct room_row row;
    char id[CONFERENCE_ID]; /* of the conference that he has left */
    bool invited;           /* that had called him */
    enum room_role role;
};

/* Why he is sent away: by himself, with all others but hosts, at the end. */
enum away { AWAY_NOT, AWAY_ALONE, AWAY_CLEARED, AWAY_ENDED };

enum seat { SEAT_DOOR, SEAT_WAITING, SEAT_IN };

/* One caller, from the request on. */
struct member {
    struct link *link;
    struct member *next, *prev; /* in the room */
    struct room *room;          /* NULL until he waits or is in */
    struct room_row row;        /* of the room he wants; its number always, the rest as storage knows it */
    struct door_caller asks;    /* who he is at the door of a room */
    struct door door;           /* … and what that said */
    bool maker;                 /* has called the factory: the room is made for him */
    bool planned;               /* who was asked for a number: it is a room of the number plan */
    bool found;                 /* storage has said what `row` and `door` hold: he may be let in by them */
    bool asking;                /* storage's reply leads on at the door, whoever has his seat by then */
    const char *how;            /* "dialled"; "invited", "moved" */
    enum { KEPT_NOT, KEPT_HEARD, KEPT_MUTED } kept; /* keep.c: as his seat is written down; … */
    enum room_role kept_role;
    unsigned tries; /* wrong PINs */
    enum room_role role;
    enum seat seat;
    unsigned number;                     /* of his seat: unique in the conference, never used again */
    char caller[NUMBER_TEXT], name[128]; /* "" for who withholds them */
    bool muted, held, deaf, floor, in_menu, talks;
    bool exported; /* export.c: the recording server knows of him */
    bool denoised;
    bool silent;     /* the media engine leaves his voice out */
    unsigned raised; /* the order of his hand; 0: not raised */
    int talk_db, listen_db;
    uint64_t joined_us, talks_us, talk_us; /* talks_us: since when; talk_us: in all, before */
    bool moved, moves;                /* he has come from another room; as he leaves this one: to another */
    unsigned whispers_to;             /* the number of whom alone he speaks to; 0: to all */
    struct home *home;                /* NULL: he is where he dialled */
    struct moving *moving;            /* a move that waits for storage; or NULL */
    const struct menu_settings *menu; /* that is open, or was */
    bool direct;                      /* the key was pressed without it */
    unsigned roll;                    /* seat that was called last */
    bool busy;                        /* words play that are not to be cut off */
    unsigned notices;                 /* bits of enum notice that wait */
    uint64_t muted_told_us;
    bool lecture_told;
    enum away away;
    bool dismissed;              /* sent away by a host, and told so */
    bool name_asked, name_file;  /* name_file: one lies in the cache */
    char dialled[NUMBER_TEXT];   /* whom he has called into the room last, by his keys */
    struct list_item said;       /* his name; `what` 0: none */
    char invited[CONFERENCE_ID]; /* the conference that has called him; "": he has called */
    struct guests *guests;       /* whom he brings along (dial.h), until he is in; or NULL */
    bool pages;                  /* all others only listen to him, and go with him */
};

/* conference.c */
/* The room that somebody means who types this number: the number plan's, or else one that must have a row. */
void conference_choose(struct member *member, const char *digits);
void conference_known(struct member *member, const struct room_row *row, const struct door *door);
/* The room that a number leads to, by what the number plan's row says of it; "": none. A row for the factory
 * leads to none that stands. */
const char *conference_wanted(const char *number, const char *argument);

/* refer.c */
int conference_referred(struct link *link, const struct referral *referral);
int conference_asked(struct server *server, const struct asking *asking);

/* room.c */
struct room *conference_room(const char *number);                     /* NULL: nobody is in it */
struct room *conference_first(void);                                  /* then ->next */
struct room *room_root(const struct room *room);                      /* itself, if it is no side room */
struct member *room_member(const struct room *room, unsigned number); /* NULL: he has gone */
/* If he makes a room, then a new one: what the door said of its state is of a conference that was not cut
 * off. */
void member_resumes_nothing(struct member *member);
/* May one more come in? EAGAIN: no more rooms may be open, or his is over; ENOSPC: the room is full; EBUSY:
 * it is locked. */
int conference_admits(const struct member *member);
/* As conference_admits(), but seats him: in the room, or before it (member->seat says which). Also ENOMEM. */
__attribute__((warn_unused_result)) int conference_join(struct member *member);
/*
 * Brings one who is in a room into another, as if he left and came, within the call. `root` is the conference
 * that both belong to (its number, or its side rooms): no lock and no number of members is in his way there,
 * and a room that has to be made is its side room; NULL: another conference, where he may have to wait.
 * Errors as of conference_join(), and then he is where he was. The room he leaves may be gone afterwards.
 */
__attribute__((warn_unused_result)) int conference_move(struct member *member, const struct room_row *row,
                                                        enum room_role role, struct room *root);
/* It is not to end between the two, whoever leaves. */
void room_hold(struct room *room);
void room_release(struct room *room);
void room_let_in(struct member *member); /* who waits before the room */
/* His call is over (the media engine drops its port by itself). */
void conference_leave(struct member *member);

/* What has changed, for who watches: the roster's subscribers, records, the console. */
enum room_news {
    ROOM_BEGAN,
    ROOM_CHANGED, /* lock, lecture, recording */
    ROOM_ENDED,   /* still whole, with nobody in it */
    MEMBER_CAME,  /* member->seat says whether he waits */
    MEMBER_CHANGED,
    MEMBER_TALKS,
    MEMBER_LEFT, /* no more in the list, still whole */
    ROOM_DIALS,  /* somebody is being called into it, or no more: room->dialled */
};
/* Tells all watchers; `member` NULL for the room's own news. */
void room_tell(struct room *room, struct member *member, enum room_news news);

/* member.c */
void member_words(const struct member *member, struct list *list,
                  const char *name); /* one of the catalogue */
void member_take_row(struct member *member,
                     const struct room_row *row); /* of the room he is led to, and its language */
void member_say(struct member *member, const char *name, link_step *then);
void member_enter(struct member *member);
void member_reseat(struct member *member); /* at another phone */
void member_arrive(struct member *member); /* moved from another room: hears so */
/* Something that he has to know; a menu that is open closes. */
void member_tell(struct member *member, const char *name);
void member_refuse(struct member *member, int error); /* tells why, then hangs up */
void member_goodbye(struct link *link);
void member_hear(struct member *member, const struct list *list); /* words that are not to be cut off */
void member_settle(
    struct member *member); /* music when alone or waiting, else quiet; the menu is left in peace */
/* Whether he is heard follows from `muted`, `held`, lecture and floor: to be called when one of them changes.
 */
void member_voice(struct member *member);
bool member_heard(const struct member *member);

/* announce.c */
void room_announce(struct room *room, const struct member *member, bool comes);
/* To all in the room; recordings of the catalogue, or tones. */
void room_say(struct room *room, const char *name);

/* waiting.c */
struct member *room_first_waiting(const struct room *room, unsigned *count); /* NULL: nobody */
void room_let_all_in(struct room *room);
const char *waiting_words(const struct room *room);
void waiting_over(struct member *member);

/* farewell.c */
void member_dismiss(struct member *member); /* thrown out: tells him so, then hangs up */
/* All, or all but hosts, in groups; ENOENT: nobody. */
__attribute__((warn_unused_result)) int room_clear(struct room *room, enum away why);

/* names.c */
bool name_is_wanted(const struct member *member);
void name_ask(struct member *member); /* then member_enter() */
bool name_is_known(const struct member *member);
void name_list(const struct member *member, struct list *list); /* his name, or his number */
void name_forget(struct member *member);                        /* its file */

/* recording.c */
/* ACT_RECORD, which also ends a pause, ACT_PAUSE_RECORDING, ACT_STOP_RECORDING. */
__attribute__((warn_unused_result)) int room_record_act(struct room *room, const struct act_order *order);
bool room_is_recorded(const struct room *room); /* by us or by a recording server, and it has not paused */
void conference_record(struct room *room, const struct member *first); /* as `first`, who is in, found it */
void member_greet(struct member *member);                              /* on entry */

/* roster.c */
extern const struct focus conference_focus;

/* desk.c */
extern const struct desk_rooms conference_rooms;

/* entry.c */
void entry_start(struct member *member);  /* his call is answered, and his door was asked */
void entry_choose(struct member *member); /* … and he is yet to say which room */

/* keep.c */
void keep_ban(struct room *room, const struct member *member, unsigned minutes);
/* At the door, which may not know yet whom a host has just sent away. */
void keep_correct(struct member *member);
void keep_stop(struct server *server);
bool keep_is_ending(const char *number); /* a conference is over, and storage may not know so yet */

/* export.c */
void export_reseat(struct member *member); /* his voice comes by another port from now on */

/* records.c */
struct actor;
void record_act(const struct room *room, const struct actor *actor, const struct act_order *order);

/* move.c */
void move_forget(struct member *member); /* his call is over */
void sides_end(struct room *root);
unsigned room_hosts(const struct room *room); /* in it and in its side rooms */

/* pair.c */
void pair_part(struct room *room, struct member *member); /* he is no more in the room's list */
void pair_reseat(struct member *member);                  /* what his port was told of is said again */

#endif
