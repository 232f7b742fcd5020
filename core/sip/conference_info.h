/*
 * Who is in a conference, for those who watch it (RFC 4575): the layer above says what there is and what
 * changes, and each watcher is told in full first and then of the changes.
 *
 * Ownership: plain values, copied. Threads: signalling. Failure: none; a conference that nobody watches costs
 * one look-up. Without memory a watcher is told less, with a line in the log.
 */
#ifndef CONFAB_SIP_CONFERENCE_INFO_H
#define CONFAB_SIP_CONFERENCE_INFO_H

#include "core/base/ids.h"
#include "core/sip/session.h"

struct agent;

/* RFC 4575 §5.7.3, as far as a focus can tell them apart. */
enum conference_status {
    CONFERENCE_PENDING,     /* waits to be let in */
    CONFERENCE_DIALING_OUT, /* is being called */
    CONFERENCE_ON_HOLD,
    CONFERENCE_CONNECTED,
    CONFERENCE_MUTED, /* by whomever: hears, and is not mixed in */
};

/* One call into a conference: an endpoint. Calls of one party are one user. */
struct conference_member {
    unsigned id;      /* no other call into this conference has it, also later */
    struct party who; /* user "": he does not want to be named */
    bool host;
    enum conference_status status;
    bool invited;       /* the focus has called him */
    bool speaks, hears; /* as his place in the room lets him */
    unsigned since_s;   /* how long ago he came */
};

struct conference_state {
    char name[128];       /* "" : none */
    unsigned count, most; /* users in it, and how many there may be; most 0: unknown */
    bool active, locked;
};

/* Who asks to watch. */
struct conference_watch {
    const char *number;      /* of the URI that he asks for */
    const char *user, *peer; /* authenticated subscriber or trusted peer; or NULL */
    struct session *session; /* whose dialog he asks in (RFC 4579): then both may be NULL; or NULL */
};

/*
 * The answer to agent_handlers.conference_judge: 0, and `room` is what is told of by the functions below;
 * EACCES; ENOENT: no number of a conference; else an error that may pass.
 */
void agent_conference_judged(struct agent *agent, struct ticket ticket, int error, const char *room);
/* He is new, or something about him may be; he has gone. */
void agent_conference_put(struct agent *agent, const char *room, const struct conference_member *member);
void agent_conference_drop(struct agent *agent, const char *room, unsigned id);
void agent_conference_describe(struct agent *agent, const char *room, const struct conference_state *state);
/*
 * Who has left may watch no longer: neither in the dialog of `session` (or NULL), where he may ask anew, nor
 * as `user` (or NULL).
 */
void agent_conference_left(struct agent *agent, const char *room, const struct session *session,
                           const char *user);
/* There is no such room any more, nor will there be. */
void agent_conference_gone(struct agent *agent, const char *room);

#endif
