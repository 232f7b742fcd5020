/*
 * Calls that the conference makes (RFC 4579 §5.5): at a host's wish, for a caller who brings a list of guests
 * (RFC 5366), or for one who pages. Who answers is in the room without a PIN.
 *
 * Ownership: a room owns those that it calls, a member the guests that he has not brought in yet. Threads:
 * signalling. Failure: as room_dial() says; what becomes of each call goes to the log, to whoever asked, and
 * to the watchers as ROOM_DIALS.
 */
#ifndef CONFAB_CONFERENCE_DIAL_H
#define CONFAB_CONFERENCE_DIAL_H

#include "apps/conference/act.h"

#define DIAL_ARGUMENT                                                                                        \
    "=invited " /* of the number plan's kind; a token follows: whom the conference has called */
#define PAGE_ARGUMENT "=page"
#define GUESTS_MAX RECIPIENTS_MAX

/* Somebody who is being called into a room. */
struct dialled {
    struct dialled *next;
    struct room *room;
    char token[17]; /* by which his call is known when it comes */
    unsigned seat;  /* the number of the member that he is to be */
    char number[NUMBER_TEXT];
    int status;   /* how the call went; 0: nobody has answered yet */
    bool brought; /* nobody is called: he comes out of another call of ours */
    void (*told)(void *arg, int status);
    void *arg;
};

/* What may be said about an ACT_INVITE beyond its number. */
struct dial_wish {
    const struct party *referrer;     /* who has asked for it by SIP (RFC 3892); or NULL */
    const char *replaces;             /* his dialog that ours is to take over, elsewhere; or NULL */
    const struct dialog_name *dialog; /* the same; where it is one of ours, its other party is brought in */
    bool granted;                     /* the number plan itself names the number */
    bool page;                        /* the phone is asked to answer by itself (RFC 5373) */
    const char *user;                 /* in whose name; NULL: the host's whose room it is */
    /* Later and once, if room_act() has returned 0: 200 once he is in, else why he is not. */
    void (*told)(void *arg, int status);
    void *arg;
};

/* Numbers that a member wants called as soon as he is in. */
struct guests {
    unsigned count;
    char numbers[GUESTS_MAX][NUMBER_TEXT];
};

/*
 * ACT_INVITE. EINVAL: no number; EACCES: not one that this room may call; EALREADY: he is being called;
 * EBUSY: as many as may be called at a time are; ENOSPC: the room is full; EMFILE: the server takes no more
 * calls.
 */
int room_dial(struct room *room, const struct act_order *order);
/* Whether the room may call it. */
bool room_may_dial(const struct room_row *row, const char *number);
/* Nobody else comes in: what still rings is given up. */
void room_dial_no_more(struct room *room);

/* The call of one who has answered comes to the conference: his seat is taken, or there is none any more. */
void dial_arrived(struct link *link, const struct request *request);
/* He who was brought in is in, or is not to be. */
void dial_settle(const struct member *member, int status);

/* Guests whom the INVITE's list names, each once, but not the caller himself. 0, or the status of a refusal:
 * 413 more than the room may call, 403 not such as it may call, or not by him. */
int guests_read(struct member *member, const struct request *request);
/* He is in: they are called. */
void guests_call(struct member *member);

/* The number plan's row has led here, and names whom to page. */
void page_begin(struct link *link, const struct request *request);
/* Who pages has gone: so do all. */
void page_end(struct room *room);

/* Whether he has a host's rights in the room: by his role, or since the room is his. */
bool member_is_host(const struct member *member);

#endif
