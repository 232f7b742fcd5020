/*
 * What an application that is a focus (RFC 4353, RFC 4579) says of itself, is asked, and tells those who
 * watch its conferences (RFC 4575). A conference is named by its room, whatever numbers lead there.
 *
 * Ownership: plain values, copied. Threads: signalling. Failure: none is told; what nobody watches costs one
 * look-up.
 */
#ifndef CONFAB_CALL_FOCUS_H
#define CONFAB_CALL_FOCUS_H

#include "core/call/app.h"
#include "core/sip/conference_info.h"

/* Who asks to watch a conference. */
struct focus_watcher {
    const char *number, *argument; /* as of a request to the application */
    const char *user, *peer;       /* subscriber or trusted peer; or NULL */
    struct link *link;             /* he asks within his call, which this link has answered; or NULL */
};

struct focus {
    /* Whether a number, by what its row of the number plan says, is one conference's; a factory's is none. */
    bool (*names)(const char *number, const char *argument);
    /* Whether he may: focus_judged() with this ticket, once, now or later. */
    void (*judge)(struct server *server, const struct focus_watcher *who, struct ticket ticket);
    /* Tells all of a conference, if there is one, by focus_describe() and focus_put(). */
    void (*list)(struct server *server, const char *room);
};

/* The call's Contact is the URI of a conference from here on: sip:user@…, until the call leaves the link. */
void link_set_focus(struct link *link, const char *user);

/* 0: he may watch `room`. EACCES; ENOENT: there is no such conference, nor could there be; else: not now. */
void focus_judged(struct server *server, struct ticket ticket, int error, const char *room);
void focus_describe(struct server *server, const char *room, const struct conference_state *state);
void focus_put(struct server *server, const char *room, const struct conference_member *member);
void focus_drop(struct server *server, const char *room, unsigned id);
/* The call of `link` is in the room no more; `user`: nor may he watch it any more as such, or NULL. */
void focus_left(struct server *server, const char *room, const struct link *link, const char *user);
/* The room is gone for good: nobody can call it any more. */
void focus_gone(struct server *server, const char *room);

#endif
