/*
 * Subscribers, their SIP credentials, and the registrar's bindings. Contract: storage/storage.h.
 */
#ifndef CONFAB_STORAGE_SUBSCRIBER_H
#define CONFAB_STORAGE_SUBSCRIBER_H

#include "storage/storage.h"

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#define BINDINGS_MAX 10     /* contacts a user may have at a time */
#define SERVICES_TEXT 8192 /* of a subscriber's services as JSON; one with more is treated as having none (logged) */

/* A contact that a user registered (RFC 3261 §10). */
struct binding {
    char contact[URI_TEXT]; /* its URI */
    char path[URI_TEXT]; /* RFC 3327: Path values, comma-separated, topmost first; "" when there was none */
    char call_id[256];
    char instance[128]; /* +sip.instance (RFC 5627), or "" */
    char received[64];  /* "udp:192.0.2.7:5060": where the REGISTER came from */
    char user_agent[128];
    uint32_t cseq;
    int q_milli;    /* q value × 1000 */
    time_t expires; /* wall time */
};

struct subscriber {
    char number[NUMBER_TEXT];
    char name[128];                        /* as displayed to those he calls */
    char zone[64];                         /* time zone, "Europe/Paris" */
    char mailbox[NUMBER_TEXT];             /* "" when he has none */
    char language[16];                     /* "fr", his own or else his mailbox's; "": the server's */
    unsigned ring_s;                       /* 0: the server's default */
    char services[SERVICES_TEXT];          /* those switched on, JSON: {"forward-busy": {"to": "1003"}}; "" none */
    struct binding bindings[BINDINGS_MAX]; /* unexpired, highest q first */
    size_t binding_count;
};

/* A subscriber and where he is now, in one query. ENOENT. */
typedef void subscriber_reply(struct ticket ticket, int error, const struct subscriber *subscriber);
STORAGE_CHECK int subscriber_find(struct storage *st, const char *number, struct ticket ticket,
                                  subscriber_reply *reply);

/*
 * Switches a service on with these parameters (a JSON object; NULL: those it had, or none) or off. New calls see it at
 * once. ENOENT no such subscriber; EINVAL no object, or too large.
 */
STORAGE_CHECK int service_set(struct storage *st, const char *number, const char *service, bool enabled,
                              const char *parameters, struct ticket ticket, storage_done *reply);

/*
 * Whether he has that service on. `out` (or NULL) gets its parameter `key` where that is a string that fits, else "".
 * No question to the database: the row is at hand.
 */
bool subscriber_service(const struct subscriber *subscriber, const char *service, const char *key, char *out,
                        size_t size);
/*
 * Whether the list `key` of a service's parameters names `number`: patterns of the number plan, and a last '*' stands
 * for anything, also nothing. No list, or an empty one: false.
 */
bool service_lists(const json_t *service, const char *key, const char *number);
/*
 * The service "outgoing", {"block": ["00."], "allow": ["0033."]}: what `allow` names may be dialled, what `block`
 * names may not; without `block` only what `allow` names may. NULL: he has it not.
 */
#define BARRING_SERVICE "outgoing"
bool service_bars(const json_t *service, const char *number);
/* The service "pickup-group", {"group": NAME}: whose members may see each other's lamps and take each other's calls. */
#define PICKUP_SERVICE "pickup-group"
#define GROUP_TEXT 64
bool subscribers_share_group(const struct subscriber *a, const struct subscriber *b);

/* HA1 of user:realm:password, hexadecimal; the password itself is nowhere (RFC 7616 §3.4.2). ENOENT. */
struct credentials {
    char ha1_md5[33];
    char ha1_sha256[65];
};
typedef void credentials_reply(struct ticket ticket, int error, const struct credentials *credentials);
STORAGE_CHECK int credentials_find(struct storage *st, const char *number, const char *realm,
                                   struct ticket ticket, credentials_reply *reply);

/* One REGISTER, applied in one transaction: all of its contacts or none (RFC 3261 §10.3 step 7). */
struct binding_change {
    char number[NUMBER_TEXT];
    bool remove_all; /* "Contact: *" with Expires: 0: count is 0, bindings[0] has Call-ID and CSeq */
    struct binding bindings[BINDINGS_MAX]; /* expires = 0: remove this one */
    size_t count;
};
/*
 * The reply holds what is bound afterwards. ESTALE: a contact's CSeq is not above the one stored for the same
 * Call-ID; ENOSPC: more than BINDINGS_MAX; ENOENT: no such subscriber. Nothing is changed then.
 */
STORAGE_CHECK int binding_update(struct storage *st, const struct binding_change *change,
                                 struct ticket ticket, subscriber_reply *reply);

/* Every subscriber with a binding, one reply each, then one with ENOENT: after a restart, to tell phones
 * their MWI. */
STORAGE_CHECK int subscriber_each_bound(struct storage *st, struct ticket ticket, subscriber_reply *reply);

/* Every subscriber whose mailbox this is and who has a binding, as above: who must hear of a change. */
STORAGE_CHECK int subscriber_each_of_mailbox(struct storage *st, const char *mailbox, struct ticket ticket,
                                             subscriber_reply *reply);

#endif
