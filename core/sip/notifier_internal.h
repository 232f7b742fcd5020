/*
 * What notifier.c (subscriptions, RFC 6665) and the event packages share. Private to core/sip.
 *
 * Ownership: the notifier owns subscriptions. Threads: signalling. Failure: a subscription that fails ends by
 * itself.
 */
#ifndef CONFAB_SIP_NOTIFIER_INTERNAL_H
#define CONFAB_SIP_NOTIFIER_INTERNAL_H

#include "core/sip/conference_roster.h"
#include "core/sip/session_internal.h"
#include "core/sip/waiter.h"
#include "storage/subscriber.h"

#define BODY_TEXT 512

struct subscription;

/* One kind of state that may be watched. */
struct event_package {
    const char *name; /* as in Event */
    const char *type; /* of the NOTIFY's body */
    /*
     * Whether the subscription's user or peer may watch its resource, and what the state is: ends, later and
     * once, in subscription_admit() or subscription_refuse(). Asked at the first SUBSCRIBE and at each
     * refresh.
     */
    void (*judge)(struct subscription *s);
    /* The body of a NOTIFY that is about to go out, malloc'd; NULL: the package gives it beforehand, by
     * subscription_admit() and subscription_update(). */
    char *(*body)(struct subscription *s);
    /* A NOTIFY did not arrive, and the next is wanted no sooner than after so long. May be NULL. */
    void (*lost)(struct subscription *s, unsigned seconds);
    /* It ends. May be NULL. */
    void (*leave)(struct subscription *s);
    bool focus; /* its resources are conferences, as our Contact says (RFC 4579 §4) */
};

struct subscription {
    struct waiter waiter; /* while judged */
    struct subscription *next;
    struct notifier *notifier;
    const struct event_package *package;
    struct transport *transport;
    nta_incoming_t *irq;     /* a SUBSCRIBE that is not answered */
    bool in_auth;            /* auth.c has irq */
    nta_leg_t *leg;          /* NULL until admitted */
    struct session *session; /* whose dialog and nta leg it shares (RFC 6665 §4.5.2); NULL: it has its own */
    nta_outgoing_t *notify;  /* the one that is out */
    bool again;              /* the state has changed since */
    bool over, final_sent;   /* ends with one last NOTIFY */
    struct timer *timer;     /* expiry */
    uint64_t expires_us;
    unsigned interval_s;    /* of the SUBSCRIBE in hand */
    char user[NUMBER_TEXT]; /* "" for a peer, and in a session */
    char peer[NUMBER_TEXT];
    char resource[NUMBER_TEXT];
    char key[NUMBER_TEXT]; /* what the package watches for it: a mailbox */
    char event[96];        /* the Event header, with its id */
    char received[64];     /* where it came from, as a binding's */
    char target[URI_TEXT]; /* its Contact */
    char next_hop[HOST_PORT_TEXT + 24];
    char place[HOST_PORT_TEXT]; /* our own address there */
    char contact[HOST_PORT_TEXT + 3 * NUMBER_TEXT + 40];
    char body[BODY_TEXT];
    uint64_t since_us;               /* when what the next NOTIFY tells was changed; 0: not measured */
    char reason[16];                 /* why it is over; "": its time is */
    struct subscription *watch_next; /* … who watches the same */
    /* The dialog package's. */
    struct watched *watched;
    char group[GROUP_TEXT]; /* of the user it is to watch, while judged */
    unsigned version;       /* of the next document */
    /* The conference package's. */
    struct conference *conference;
    struct roster_reader reader;
    struct timer *pace; /* before which nothing more is said */
};

struct mwi;
struct dialogs;
struct conferences;

struct notifier {
    struct agent *agent;
    struct subscription *subscriptions;
    unsigned count;
    struct mwi *mwi;
    struct dialogs *dialogs;
    struct conferences *conferences;
};

void subscription_admit(struct subscription *s, const char *body);
void subscription_refuse(struct subscription *s, int status, const char *phrase);
/* New state since `since_us` (0: whenever); sent only where it differs from what was sent. */
void subscription_update(struct subscription *s, const char *body, uint64_t since_us);
/* The same where the package writes its bodies itself: there is something new to be told. */
void subscription_changed(struct subscription *s);
/* Ends it, with one last NOTIFY that says why (RFC 6665 §4.1.3). */
void subscription_end(struct subscription *s, const char *reason);
/* Whether somebody at this place watches `key` by a subscription. */
bool notifier_watches(const struct notifier *notifier, const char *key, const struct binding *binding);

/* "sip:192.0.2.7:5060;transport=udp" of "udp:192.0.2.7:5060", and the transport that goes there. EINVAL,
 * EHOSTUNREACH. */
SIP_CHECK int next_hop_write(char *out, size_t size, struct transport **transport, struct agent *agent,
                             const char *received);

/* -- mwi.c
 * --------------------------------------------------------------------------------------------------------------
 */

extern const struct event_package mwi_package;

int mwi_new(struct mwi **out, struct notifier *notifier);
void mwi_free(struct mwi *mwi);
/* A user's contact is new: tell it how things are. */
void mwi_registered(struct mwi *mwi, const char *user);
/* A NOTIFY of a change at *since_us is with nta: counts how long that took, and clears it. 0: nothing. */
void mwi_told(struct agent *agent, uint64_t *since_us);

/* -- mwi_notice.c: NOTIFY to phones that registered and did not subscribe
 * -------------------------------------------------- */

struct notices;

int notices_new(struct notices **out, struct notifier *notifier);
void notices_free(struct notices *notices);
/*
 * Sends the state of `mailbox` since `since_us` (0: whenever) to one contact. One at a time: while the last
 * one is out, `again(arg, mailbox, since_us)` is called when it has been answered.
 */
void notice_send(struct notices *notices, const struct subscriber *subscriber, const struct binding *binding,
                 const char *body, uint64_t since_us);
void notices_on_again(struct notices *notices, mailbox_change *again, void *arg);

/* -- dialog_info.c: RFC 4235 ------------------------------------------------------------------------------
 */

extern const struct event_package dialog_package;
SIP_CHECK int dialogs_new(struct dialogs **out, struct notifier *notifier);
void dialogs_free(struct dialogs *dialogs);

/* -- conference_event.c: RFC 4575 -------------------------------------------------------------------------
 */

extern const struct event_package conference_package;
SIP_CHECK int conferences_new(struct conferences **out, struct notifier *notifier);
void conferences_free(struct conferences *conferences);

#endif
