/*
 * What an application is, and what it may do with a call. An application has a place (struct link) in the path of each call that
 * is led through it: the request comes down the path, failures and answers come back up.
 *
 * Ownership: the call owns its links; an application owns what it hangs on a link with link_set_state() until `ended`.
 * Threads: signalling only, and nothing here may block. Failure: a verb used in a state where it makes no sense is
 * logged and ignored; a call that cannot go on is ended with 500, and `ended` tells the application.
 */
#ifndef CONFAB_CALL_APP_H
#define CONFAB_CALL_APP_H

#include "core/base/ids.h"
#include "core/base/settings.h"
#include "core/sip/session.h" /* struct party, struct diversion */

struct link;
struct server;
struct storage;
struct prompts;
struct subscriber;

/* The request as it stands at this link. Pointers live as long as the call. */
struct request {
    const char *call;               /* id of the call, for logs */
    struct party caller;
    bool anonymous;
    const char *user;               /* subscriber who calls, authenticated; or NULL */
    const char *peer;               /* trusted peer that calls; or NULL */
    const char *number;             /* what was dialled, after retargets */
    const char *params;             /* URI parameters of the target, "" */
    const char *argument;           /* of the number plan's row, "" */
    const struct subscriber *callee; /* when the target is a subscriber; or NULL */
    struct diversion diversion;     /* who sent the call on, and why; user "" when nobody did */
};

struct app {
    const char *name;               /* as confab.conf writes it */
    /* Once, at the server's start and end: for what is no call's own. Either may be NULL. */
    int (*start)(struct server *server);
    void (*stop)(struct server *server);
    /*
     * The request has come to this link. Now or later, exactly one of link_continue, _reject, _redirect, _retarget or
     * _answer follows.
     */
    void (*invited)(struct link *link, const struct request *request);
    /* What lies below has failed. True: consumed, and one of the verbs follows; false (or NULL): the failure goes on up. */
    bool (*failed)(struct link *link, int status);
    /* After link_answer(): the caller's media is up (200 sent, codec known). */
    void (*answered)(struct link *link);
    /* The far side holds (true) or resumes a call that this application answered. May be NULL. */
    void (*held)(struct link *link, bool held);
    /*
     * The caller, a member of a mixing room, has begun to talk or stopped, at most twice a second. `muted`: nobody
     * hears it. May be NULL.
     */
    void (*talks)(struct link *link, bool talks, bool muted);
    /* The call is over, for whatever reason: free the state. Last to be called; link and its storage go after it. */
    void (*ended)(struct link *link);
};

/* The whole list, defined in apps/apps.c; ends with NULL. */
extern const struct app *const applications[];

/* On down the path; by a link that has consumed a failure: the failure goes on up after all. */
void link_continue(struct link *link);
void link_reject(struct link *link, int status, const char *reason); /* reason NULL: the standard phrase */
void link_redirect(struct link *link, const char *uri);              /* 302 */
/*
 * A new target: `number` goes through the number plan again; `cause` is written into Diversion and History-Info. An
 * application that has answered may send the call on so, too: its caller hears ringing, and when the new target fails,
 * `failed` gives him back, answered; where that does not take it and no link_after() runs, the call ends.
 */
void link_retarget(struct link *link, const char *number, int cause);
void link_answer(struct link *link);
/* Ends an answered call: BYE. `ended` comes before this returns; do not touch the state afterwards. */
void link_hangup(struct link *link);

const struct request *link_request(const struct link *link);
void link_set_state(struct link *link, void *state);
void *link_state(const struct link *link);
/* For storage's jobs: link_of() gives NULL once the call is over. */
struct ticket link_ticket(const struct link *link);
struct link *link_of(struct ticket ticket);
/* Calls fn(link) once after `ms`; one timer a link: a new one replaces it, 0 stops it. Not called once it is over. */
void link_after(struct link *link, uint32_t ms, void (*fn)(struct link *link));

struct server *link_server(const struct link *link);
const struct settings *link_settings(const struct link *link);  /* frozen when the call came */
struct storage *server_storage(const struct server *server);
const struct prompts *server_prompts(const struct server *server);
struct loop *server_loop(const struct server *server);
void link_log(const struct link *link, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
