/*
 * The SIP server: listens, admits or refuses requests, and hands calls up. Sofia's nta is underneath, and no
 * header of core/sip that others include shows it.
 *
 * Ownership: main owns the agent. Threads: signalling only. Failure: errno values at the start; after that,
 * requests get SIP responses.
 */
#ifndef CONFAB_SIP_AGENT_H
#define CONFAB_SIP_AGENT_H

#include "core/base/histogram.h"
#include "core/base/loop.h"
#include "core/base/settings.h"
#include "core/sip/conference_info.h"
#include "core/sip/dialog_info.h"
#include "core/sip/session.h"

struct agent;
struct storage;
struct mailbox_counts;

#define SIP_CHECK __attribute__((warn_unused_result))

/* What the layer above (core/call) must answer. */
struct agent_handlers {
    /*
     * A new INVITE that was admitted: authenticated, or from a trusted peer. The callee sets owner and
     * handlers with session_own() or ends it with session_reject() before it returns.
     */
    void (*invited)(void *arg, struct session *session, const struct invitation *invitation);
    /* Whether a new call may be taken now: 0, or the seconds for Retry-After of a 503. Asked before all else.
     */
    unsigned (*refuse_call)(void *arg);
    /*
     * A REFER out of any dialog (click to dial): who sent it wants `called` to call the referral's target. 0:
     * done, and `refer` (NULL: no news wanted) is told what comes of it, later; else the status of a refusal.
     */
    int (*referred)(void *arg, const char *called, const char *user, const char *peer,
                    const struct referral *referral, struct refer *refer);
    /*
     * Whether an INVITE with this token in its Route comes from the application server that was given it:
     * then it needs no credentials. `host`: where it comes from; `peer`: that is a trusted peer. May be NULL.
     */
    bool (*admits)(void *arg, const char *token, const char *host, bool peer);
    /* What goes on at a number, for those who watch it; *out is empty. May be NULL. */
    void (*dialogs)(void *arg, const char *number, struct dialog_list *out);
    /* Whether a number is a conference's (RFC 4579); who asks may be anybody. May be NULL. */
    bool (*is_focus)(void *arg, const char *number);
    /* May a conference be watched? agent_conference_judged() follows, once, now or later. May be NULL. */
    void (*conference_judge)(void *arg, const struct conference_watch *watch, struct ticket ticket);
    /* A conference is watched from here on: all of it is to be told before this returns. May be NULL. */
    void (*conference_list)(void *arg, const char *room);
    /* A user has so many contacts from now on; a mailbox holds so much. Either may be NULL. */
    void (*registered)(void *arg, const char *user, size_t contacts);
    void (*counted)(void *arg, const struct mailbox_counts *counts);
};

/* Binds every address of settings->listen on UDP and TCP. EADDRINUSE, EADDRNOTAVAIL (logged with the
 * address). */
SIP_CHECK int agent_start(struct agent **out, struct loop *loop, const struct settings *settings,
                          struct storage *storage, const struct agent_handlers *handlers, void *arg);
/* New settings for new requests; listen addresses do not change. */
void agent_reload(struct agent *agent, const struct settings *settings);
/* Requests out of the blue get 503 from now on; sessions go on. */
void agent_drain(struct agent *agent);
/* Ends what is left and frees everything. */
void agent_stop(struct agent *agent);

struct agent_stats {
    unsigned sessions;                          /* alive */
    unsigned transactions_in, transactions_out; /* nta's own count */
    unsigned dialogs, subscriptions;
    uint64_t requests, challenged, refused, failed_logins;
    /* From the database's word of a changed mailbox to each NOTIFY of it. */
    uint64_t mwi_lag_us[HISTOGRAM_BUCKETS], mwi_lag_sum_us;
};
void agent_read_stats(const struct agent *agent, struct agent_stats *out);

#endif
