/*
 * What the files of core/sip share; the only header of the project, beside core/base/loop.c, that shows
 * Sofia.
 *
 * Ownership and threads: as agent.h; every nta object is destroyed exactly once, by the struct that holds it.
 */
#ifndef CONFAB_SIP_INTERNAL_H
#define CONFAB_SIP_INTERNAL_H

#define SU_ROOT_MAGIC_T struct agent
#define NTA_AGENT_MAGIC_T struct transport
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_wait.h>

#include "core/sip/agent.h"
#include "storage/storage.h"

/* One listening address: an nta agent of its own. */
struct transport {
    struct agent *agent;
    nta_agent_t *nta;
    sip_contact_t *contact;        /* ours at this address */
    struct sockaddr_storage local; /* with port */
};

struct agent {
    struct loop *loop;
    const struct settings *settings;
    struct storage *storage;
    const struct agent_handlers *handlers;
    void *arg;
    struct transport transports[SETTINGS_LISTEN_MAX];
    size_t transport_count;
    struct auth *auth;
    struct registrar *registrar;
    struct notifier *notifier;
    struct session_list *sessions;
    struct refer *refers;
    struct agent_stats stats;
    bool draining;
};

/* What is remembered of the ways to far sides: a reload may be because of other addresses. */
void sources_forget(void);
/* The transport that reaches `address` (its family, or the one it was seen on). NULL when none does. */
struct transport *agent_transport_to(struct agent *agent, const struct sockaddr *address);
/* Answers and destroys: for requests that end at once. `phrase` may be NULL for the standard one. */
void agent_reply(nta_incoming_t *irq, int status, const char *phrase, tag_type_t tag, tag_value_t value, ...);
/* Where a request really came from (the socket's peer, not its Via). */
void agent_source(nta_agent_t *nta, const nta_incoming_t *irq, struct sockaddr_storage *out);

/* -- auth.c: RFC 7616 and RFC 8760, server side
 * ------------------------------------------------------------------ */

enum auth_kind { AUTH_REGISTRAR = 401, AUTH_PROXY = 407 };

/*
 * Checks a request's credentials; HA1 comes from storage, so the verdict comes later, once, on this thread.
 * On success `user` is the subscriber. Otherwise the request was answered (challenge, 403, 503) and `irq`
 * destroyed: user is NULL. A user that does not exist is challenged and refused just as a wrong password is.
 * The verdict may come before auth_check() returns; with a user of NULL its `irq` is NULL too.
 */
typedef void auth_verdict(void *arg, nta_incoming_t *irq, const char *user);
int auth_new(struct auth **out, struct agent *agent);
void auth_free(struct auth *auth);
void auth_check(struct auth *auth, enum auth_kind kind, nta_incoming_t *irq, const sip_t *sip,
                auth_verdict *fn, void *arg);
/* The caller of auth_check() is gone: its verdict is not to be called any more. `irq` is the caller's to
 * destroy. */
void auth_forget(struct auth *auth, nta_incoming_t *irq);

/* -- registrar.c: RFC 3261 §10, RFC 3327, RFC 5626's instance
 * ------------------------------------------------------ */

int registrar_new(struct registrar **out, struct agent *agent);
void registrar_free(struct registrar *registrar);
/* Takes a REGISTER that has just come (not yet authenticated) and answers it, sooner or later. Owns irq. */
void registrar_request(struct registrar *registrar, struct transport *transport, nta_incoming_t *irq,
                       const sip_t *sip);

/* -- notifier.c: RFC 6665; mwi.c: RFC 3842
 * ---------------------------------------------------------------------------- */

int notifier_new(struct notifier **out, struct agent *agent);
void notifier_free(struct notifier *notifier);
/* A SUBSCRIBE outside any dialog, not yet authenticated. Owns irq. */
void notifier_request(struct notifier *notifier, struct transport *transport, nta_incoming_t *irq,
                      const sip_t *sip);
/* A SUBSCRIBE in a session's dialog. Owns irq unless it gives false: it is for none of the packages that live
 * there. */
bool notifier_in_session(struct session *session, nta_incoming_t *irq, const sip_t *sip);
/* The session's dialog ends: so do its subscriptions. */
void notifier_part(struct session *session);
/* What may be watched, as Allow-Events writes it. */
#define EVENTS_TEXT 128
void notifier_events(char out[EVENTS_TEXT]);
unsigned notifier_count(const struct notifier *notifier);
/* Called by registrar.c when a user has registered a contact (new or refreshed): for unsolicited MWI. */
void notifier_registered(struct notifier *notifier, const char *user, bool fresh);

/* -- session.c
 * ------------------------------------------------------------------------------------------------------ */

int sessions_new(struct session_list **out, struct agent *agent);
void sessions_free(struct session_list *list); /* ends all of them */
/* An INVITE outside any dialog that was admitted: `user` or `peer` says as whom. Owns irq. */
void session_request(struct session_list *list, struct transport *transport, nta_incoming_t *irq,
                     const sip_t *sip, const char *user, const struct peer_settings *peer);

#endif
