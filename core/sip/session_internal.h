/*
 * What the files of a session share, and what the agent lends them: transport.c, identity.c, session*.c.
 * Private to core/sip.
 *
 * Ownership: a session owns its nta leg and transactions, and destroys each exactly once. Threads:
 * signalling. Failure: errno values.
 */
#ifndef CONFAB_SIP_SESSION_INTERNAL_H
#define CONFAB_SIP_SESSION_INTERNAL_H

/* The types of nta's callback arguments; they must be known before nta.h is read. */
#define NTA_LEG_MAGIC_T struct session
#define NTA_INCOMING_MAGIC_T struct session
#define NTA_OUTGOING_MAGIC_T struct session
#define NTA_RELIABLE_MAGIC_T struct session
#include "core/sip/internal.h"

#define SESSION_ALLOW "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, REFER, SUBSCRIBE, NOTIFY, PRACK"
#define SESSION_SUPPORTED SESSION_SUPPORTED_PLAIN ", 100rel"
#define SESSION_SUPPORTED_PLAIN "timer, replaces, join, norefersub"
#define SESSION_TIMER "timer"
#define SESSION_SIPREC "siprec" /* RFC 7866 */
#define SDP_TYPE "application/sdp"
#define RECIPIENTS_TYPE "application/resource-lists+xml"
/* … and what requests may require beyond that. */
#define SESSION_KNOWN SESSION_SUPPORTED ", recipient-list-invite, tdialog"
#define HEADERS_TEXT 24576
#define REASON_TEXT 256
#define NO_ACK_REASON "SIP;cause=408;text=\"No ACK\""

/* -- transport.c: addresses of the sockets and of the far sides ------------------------------------------ */

#define HOST_PORT_TEXT 64

enum wire { WIRE_UDP, WIRE_TCP };

/* "192.0.2.7:5060" or "[2001:db8::7]:5060"; without ":port" when `port` is false. */
void address_text(const struct sockaddr_storage *address, bool port, char out[HOST_PORT_TEXT]);
/* A literal host ("192.0.2.7", "[::1]", "::1") and a port, "" or NULL for 5060. EINVAL: a name, or nonsense.
 */
SIP_CHECK int address_parse(struct sockaddr_storage *out, const char *host, const char *port);
bool address_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b);
/* Our own address as `remote` sees it: the socket's, or for a wildcard the one that the route to `remote`
 * has. */
void transport_address(const struct transport *t, const struct sockaddr_storage *remote,
                       struct sockaddr_storage *out);
/* "udp:192.0.2.7:5060", as a registration keeps it. EINVAL. */
SIP_CHECK int received_parse(struct sockaddr_storage *out, enum wire *wire, const char *text);
enum wire wire_of(const sip_t *sip);
/* Where the last response came from; AF_UNSPEC: it is nta's own. */
void response_source(nta_outgoing_t *orq, struct sockaddr_storage *out);

/* -- identity.c: who calls, who is called ---------------------------------------------------------------- */

/* All values of a header that Sofia keeps as text, as one list. NULL: there are none. */
char *header_values(su_home_t *home, const sip_t *sip, const char *name);
/* Allocated from home. NULL: empty, no URI, or no memory. */
url_t *uri_read(su_home_t *home, const char *text);
/* The value of a URI's parameter, "" when it has none. False: not there, or longer than `out`. */
bool uri_param(const url_t *url, const char *name, char *out, size_t size);
/* Unescaped user, host and unquoted display name. ENOSPC: longer than a party holds. */
SIP_CHECK int party_read(struct party *out, const url_t *url, const char *display);
/* Fills all of *out but call_id, offer and who sent the call on. Strings point into `sip`. EINVAL: a URI that
 * names nobody we could call. */
SIP_CHECK int invitation_read(struct invitation *out, const sip_t *sip, const char *user,
                              const struct peer_settings *peer, const char *realm);
/* `"Display" <sip:user@host>`, escaped; allocated from home. NULL: no memory. */
char *party_address(su_home_t *home, const struct party *party);
/* "<sip:user@place>", of a focus with ";isfocus" (RFC 3840). `place` is host:port. */
void contact_write(char *out, size_t size, const char *user, const char *place, enum wire wire, bool focus);
/* The user part of the topmost Route, when it is a token. */
bool token_read(const sip_t *sip, char out[SESSION_TOKEN_TEXT]);
/* Header lines of an outgoing INVITE: who calls, who diverted it, by which route. ENOSPC; EINVAL. */
SIP_CHECK int identity_write(char *out, size_t size, const struct session_target *target,
                             const struct settings *settings);

/* Header lines as they are written; `used` of `size` or more: they did not fit. */
struct lines {
    char *out;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) void line_add(struct lines *l, const char *format, ...);
/* "sip:user@host", escaped. */
void line_add_uri(struct lines *l, const char *user, const char *host);

/* -- history.c, history_write.c: who sent the call on ---------------------------------------------------- */

#define INDEX_TEXT 64     /* of an entry of History-Info that can be gone on with */
#define HISTORY_TEXT 3072 /* longer ones do not go on: of them the hops that we know of do */
#define DIVERTED_TEXT 2048

/* One value of a header of addresses, as it came: points into the header's text. */
struct address {
    const char *whole, *uri, *params;
    size_t whole_length, uri_length, params_length;
};

/* The next one of a text without control characters. ENOENT: there is none; EINVAL: a quote or bracket
 * without end. */
SIP_CHECK int address_next(const char **at, struct address *out);
/* A parameter's value, "" when it has none, cut when it is long. False: it is not there. */
bool address_param(const struct address *address, const char *name, char *out, size_t size);
url_t *address_url(su_home_t *home, const struct address *address);
/* Of History-Info: its index; "" and false when it has none that could be gone on with. */
bool entry_index(const struct address *address, char out[INDEX_TEXT]);
/* Whether who is named asks for privacy: an entry of History-Info, of Diversion. */
bool entry_is_secret(const struct address *address);
bool diverted_is_secret(const struct address *address);
/* RFC 5806's word for a cause. */
const char *word_of_cause(int cause);
/* The hops that a header's value tells of, the first first. EINVAL: nonsense, or more entries than a call can
 * have. */
SIP_CHECK int history_read(const char *text, struct diversion hops[DIVERSIONS_MAX], unsigned *hop_count);
SIP_CHECK int diverted_read(const char *text, struct diversion hops[DIVERSIONS_MAX], unsigned *count);
/* Fills in who sent the call on; `trusted`: his headers are believed. Texts are allocated from home. */
void diversions_read(struct invitation *out, su_home_t *home, const sip_t *sip, bool trusted);
/* `trusted`: it goes to somebody who may know whom others want to hide. */
void diversions_write(struct lines *l, const struct session_target *target, bool trusted);

/* -- passed.c: headers that go through ------------------------------------------------------------------- */

/* Those of an INVITE, of a trusted `peer` or not, as lines; NULL: no memory. */
char *passed_read(su_home_t *home, const sip_t *sip, bool peer);
/* Adds them to header lines; what does not fit is left out. */
void passed_write(char *out, size_t size, const char *lines, bool peer);

/* -- session_id.c: RFC 7989 --------------------------------------------------------------------------------
 */

#define SESSION_ID_LINE 128

/* The sender's; "" when there is none. */
void session_id_read(const sip_t *sip, char out[SESSION_ID_TEXT]);
void session_id_make(char out[SESSION_ID_TEXT]);
/* The header line of an answer that is nobody's but ours: what the request has said, turned round. "": it
 * said nothing.
 */
void session_id_reply(nta_incoming_t *irq, char out[SESSION_ID_LINE]);
/* What any message of the far side says of itself; one that says nothing is given an identifier. */
void session_id_note(struct session *s, const sip_t *sip);
/* The header line of what goes out, until the next call; with `known` the near end has an identifier from
 * here on. */
const char *session_id_line(struct session *s, bool known);

/* -- the session ----------------------------------------------------------------------------------------- */

enum session_state {
    SESSION_INCOMING,   /* INVITE came; no final response yet */
    SESSION_ANSWERED,   /* 200 sent, its ACK has not come */
    SESSION_CALLING,    /* INVITE sent; no final response yet */
    SESSION_CANCELLING, /* CANCEL sent, or held until a provisional response (RFC 3261 §9.1) */
    SESSION_UP,
    SESSION_ENDING, /* BYE sent */
    SESSION_OVER    /* nothing of nta is left; waits to be released */
};

/* RFC 4028: what two sides agreed on, or would with the next 2xx. */
struct timer_terms {
    unsigned interval_s; /* 0: off */
    bool refresher;      /* we are */
    bool theirs;         /* the far side supports it: it may end the session itself */
};

struct session_timer {
    struct timer_terms terms, asked; /* asked: of a request that has no 2xx yet, or never gets one */
    unsigned min_se_s;
    uint64_t deadline_us;
    struct timer *timer; /* before the ACK to our first 200 it waits for that */
};

/* An offer of ours within the dialog. */
struct session_offer {
    nta_outgoing_t *orq;
    char *sdp;           /* sent or waiting; NULL: none */
    bool refresh;        /* session timer's: the owner does not hear of it */
    char *queued;        /* the owner's next one */
    struct timer *retry; /* after 491 */
};

/* One of the dialogs that an INVITE of ours may have made below the next hop (RFC 3261 §12.1.2). */
struct early {
    struct early *next;
    unsigned number; /* 1: the first to speak */
    char *tag;       /* theirs */
    nta_leg_t *leg;
    uint32_t rseq; /* of the last reliable response; 0: there was none */
    char *sdp;     /* the first that it sent: the answer to our offer */
};

/* Our reliable provisional responses (RFC 3262), as the caller's server. */
struct reliable {
    bool supported, required; /* he says so in the INVITE */
    unsigned open;            /* sent, and no PRACK yet */
    bool sdp;                 /* one had SDP: the answer, or our offer when he made none */
    bool settled;             /* … and its PRACK has come: offer and answer are complete */
    struct timer *timer;
};

struct session {
    su_home_t home[1]; /* of its strings */
    struct session *next, **place;
    struct session_list *list;
    struct agent *agent;
    struct transport *transport;
    const struct session_handlers *handlers;
    void *owner;
    enum session_state state;
    bool incoming; /* they sent the first INVITE */
    bool released; /* the owner let go: tell nobody */
    unsigned busy; /* calls of ours on the stack that use it */
    char *
        end_reason; /* Reason of the BYE that a released session still owes, or of the failure that we send */
    char *far_reason; /* … of the failure that came */

    char *call_id;
    char *peer;                    /* the trusted peer that it is with, or NULL */
    struct challenged *challenged; /* credentials.c: what its challenges have said */
    struct errand *errands;        /* requests under way of which nobody asks what became */
    struct sockaddr_storage local, remote;
    url_string_t *next_hop; /* where requests go whatever the target says, or NULL */
    sip_contact_t *contact; /* ours */
    sip_contact_t *plain;   /* … when it is no focus's; NULL: it never was one's */
    nta_leg_t *leg;
    nta_incoming_t *irq; /* INVITE (or re-INVITE, UPDATE) that we have not finished */
    bool irq_offered;    /* it brought an offer; else ours is in the 200 */
    bool irq_answered;   /* 200 sent, its ACK awaited */
    nta_outgoing_t *orq; /* first INVITE */
    nta_outgoing_t *bye;
    char *local_sdp; /* what we described last */
    char *metadata;  /* that goes with our offers (RFC 7866); NULL: it is no recording session */
    struct session_offer offer;
    struct session_timer timer;
    bool peer_updates; /* the far side allows UPDATE */

    nta_incoming_t *refer_irq; /* REFER that its owner is being asked about */
    nta_outgoing_t *refer_orq; /* our own */
    bool refer_open;           /* it is under way, or NOTIFYs of it are due */
    bool refers_not;           /* the far side does not know the method */
    bool referred;             /* there has been one: later ones are told apart by their CSeq */

    struct early *earlies; /* newest first */
    unsigned early_count, fork;
    struct reliable reliable;
    nta_incoming_t *early_irq; /* UPDATE or PRACK with an offer, while its owner is being asked */
    nta_leg_t *early_leg;      /* whose it is */
    char near_id[SESSION_ID_TEXT], far_id[SESSION_ID_TEXT], id_line[SESSION_ID_LINE]; /* session_id.c */

    char *uri, *headers; /* of an outgoing INVITE: for a second try after 422, or a 2xx without Contact */
    unsigned max_forwards, tries;
    bool asking;         /* its owner, for another offer */
    char *another_offer; /* … who has made it */
};

/* session.c */
int session_new(struct session **out, struct session_list *list, struct transport *transport,
                const struct sockaddr_storage *remote, enum wire wire, const char *user);
/* Around all that may end the session: the last leave frees what is over and released. */
void session_enter(struct session *s);
void session_leave(struct session *s);
/* Nothing more is to be sent: drops leg, transactions and timers. */
void session_over(struct session *s);
void session_bye(struct session *s, const char *reason);
/* Tell the owner, if there is one. session_tell_ended() is the last word but session_release(). */
void session_tell_ended(struct session *s, int status, const char *reason);
/* For the owner's trace. `message` is a literal. */
void session_tell_seen(struct session *s, bool sent, const char *message, int status, const char *detail);
/* A request within the dialog, with what a NOTIFY says or 0, and a response to one.
 * BYE, CANCEL and the first INVITE with its ACK are told by other ways. */
void session_note_request(struct session *s, bool sent, sip_method_t method, int status);
void session_note_response(struct session *s, bool sent, int status, sip_method_t method);
void session_note_ack(struct session *s, bool sent);
/* agent_reply(), with a note of it. */
void session_reply(struct session *s, nta_incoming_t *irq, int status, const char *phrase, tag_type_t tag,
                   tag_value_t value, ...);
/* As BYE, and tells the owner. */
void session_abort(struct session *s, int status, const char *phrase, const char *reason);
bool session_has_owner(const struct session *s);
void session_set_local_sdp(struct session *s, const char *sdp);
/* What may be watched in its dialog, for Allow-Events (RFC 6665 §4.4.4); NULL: there is nothing to say. */
const char *session_events(const struct session *s);
/* The SDP of a message, copied to the session's home; NULL when it has none. The caller frees it with
 * su_free(). */
char *session_sdp_of(struct session *s, const sip_t *sip);
/* What the far side says of itself in any message of the dialog: Allow. */
void session_note_peer(struct session *s, const sip_t *sip);
const char *session_reason_of(const sip_t *sip, char *out, size_t size);
const url_t *contact_url(const sip_t *sip); /* NULL: none that a request could go to */

/* body.c: what goes out with an offer: SDP, with the session's metadata beside it; `sdp` NULL: nothing.
 * ENOMEM. */
struct body {
    const char *type, *text;
};
SIP_CHECK int body_make(struct body *out, struct session *s, const char *sdp);
void body_free(struct body *body, struct session *s);

/* session_dialog.c: requests within the dialog. */
int session_dialog(struct session *s, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip);
/* Whether requirements and body can be met; if not, answers 420 or 415 and destroys irq. */
bool request_is_acceptable(nta_incoming_t *irq, const sip_t *sip, bool session);
void request_refuse_method(nta_incoming_t *irq, const char *allow);
/* agent.c: the 200 to an OPTIONS. */
void options_reply(struct agent *agent, nta_incoming_t *irq, const char *allow, const char *supported,
                   const sip_contact_t *contact);

/* credentials.c: requests of ours, with credentials where the peer has asked for them before */
nta_outgoing_t *request_send(struct session *s, nta_leg_t *leg, nta_response_f *callback,
                             url_string_t *next_hop, sip_method_t method, const char *name, url_string_t *uri,
                             tag_type_t tag, tag_value_t value, ...);
/* As that, for one whose response is of no consequence. */
bool request_post(struct session *s, nta_leg_t *leg, url_string_t *next_hop, sip_method_t method,
                  const char *name, url_string_t *uri, tag_type_t tag, tag_value_t value, ...);
/*
 * To be asked about each final response: a challenge that we have credentials for is answered by the same
 * request again, which takes the place of *orq. False: the response counts.
 */
bool request_retry(struct session *s, nta_outgoing_t **orq, const sip_t *sip, nta_response_f *callback);
void errands_free(struct session *s);

/* refer.c */
/* "CALL-ID;to-tag=…;from-tag=…". False: it is none. */
bool dialog_name_read(struct dialog_name *out, const char *text);
void refer_in_session(struct session *s, nta_incoming_t *irq, const sip_t *sip);
void refer_subscribe_in_session(struct session *s, nta_incoming_t *irq, const sip_t *sip);
/* Whether a NOTIFY is still due that would come to nobody after a BYE. */
bool refer_delays_end(const struct session *s);
/* The session's dialog ends: subscriptions in it take its nta leg over. */
void refer_part(struct session *s);
void refer_request(struct transport *t, nta_incoming_t *irq, const sip_t *sip); /* out of the blue */
void refers_free(struct agent *agent);

/* refer_out.c */
void refer_out_notified(struct session *s, nta_incoming_t *irq, const sip_t *sip);
/* RFC 3515 §2.4.5: the status line that a NOTIFY brings is enough. 0: there is none. */
int refer_out_status(const sip_t *sip);
void refer_out_stop(struct session *s);
/* body.c */
/* SDP in a message's body, which may be multipart; not terminated. NULL: there is none. */
const char *body_sdp(const sip_t *sip, size_t *length);
/* Likewise a list of recipients (RFC 5363). */
const char *body_recipients(const sip_t *sip, size_t *length);

/* recipients.c: none is a count of 0. EBADMSG: no such list; E2BIG: too many; ENOMEM. */
int recipients_read(struct recipients *out, const sip_t *sip);

/* session_early.c */
/* The early dialog of a provisional response. NULL: it makes none. */
struct early *early_of(struct session *s, const sip_t *sip);
/* False: a reliable response is a repeat or out of order, and not to be looked at. */
bool early_takes(struct early *early, const sip_t *sip);
/* A reliable response that was taken gets its PRACK. */
void early_acknowledge(struct session *s, struct early *early, const sip_t *sip);
void early_keep_sdp(struct session *s, struct early *early, const char *sdp);
/* The dialog that a 2xx confirms becomes the session's. What the answer to our offer was, had it come before;
 * or NULL. */
const char *early_confirm(struct session *s, const sip_t *sip);
void earlies_free(struct session *s);
/* UPDATE before the first answer. */
void early_update(struct session *s, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip);
SIP_CHECK int early_reanswer(struct session *s, int status, const char *sdp);
void early_note_request(struct session *s, const sip_t *sip);
SIP_CHECK int early_ring(struct session *s, int status, const char *sdp);
void early_stop(struct session *s);

/* session_uas.c */
int session_invite_event(struct session *s, nta_incoming_t *irq, const sip_t *sip);

/* session_modify.c */
void modify_refuse(struct session *s, nta_incoming_t *irq, int status);
void session_modify_request(struct session *s, nta_incoming_t *irq, const sip_t *sip);
int session_modify_event(struct session *s, nta_incoming_t *irq, const sip_t *sip);
/* Sends what waits, when nothing else is open. */
void session_modify_next(struct session *s);
/* RFC 4028: UPDATE if the far side has it, else a re-INVITE with the SDP that stands. */
void session_refresh(struct session *s);
/* The same, for its Contact's sake alone: what is being said already says as much. */
void session_tell_contact(struct session *s);
void session_modify_stop(struct session *s);

/* session_uac.c */
int session_acknowledge(struct session *s, nta_outgoing_t *invite, const sip_t *sip);

/* session_timer.c */
/* A request that may set the timer. False: answered with 422 and destroyed. */
bool timer_read_request(struct session *s, nta_incoming_t *irq, const sip_t *sip);
/* The 2xx to it: makes its terms hold. Session-Expires, "" when off, and whether Require: timer goes with it.
 */
void timer_accept_request(struct session *s, char out[64], bool *require);
/* Session-Expires and Min-SE of a request of ours; "" for both when the timer is off. */
void timer_write_request(const struct session *s, bool first, char expires[64], char min_se[32]);
/* A 2xx to a request of ours. */
void timer_read_response(struct session *s, const sip_t *sip, bool first);
/* 422: takes its Min-SE. False: there is nothing to learn from it. */
bool timer_read_refusal(struct session *s, const sip_t *sip);
void timer_arm(struct session *s);
/* A refresh failed and yet the dialog stands: tries again before the deadline. */
void timer_retry(struct session *s);

#endif
