/*
 * A session: one INVITE dialog usage, seen from our end of it (RFC 3261 §§12-15, RFC 3311, RFC 4028). It
 * knows requests, responses and timers; what the SDP in them says is its owner's affair (core/sip/offer.h).
 *
 * Ownership: core/sip owns sessions; an owner lets go with session_release(), after which no handler is
 * called and the session ends by itself what is still open (CANCEL, BYE, an ACK and BYE for a 200 that
 * crossed). An owned session is there until then, also after failed, ended and session_reject(); it may be
 * released within any handler. Threads: signalling. Failure: int functions return EINVAL in a state where the
 * act makes no sense.
 */
#ifndef CONFAB_SIP_SESSION_H
#define CONFAB_SIP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct agent;
struct session;

/* A party as SIP names him. All empty strings: unknown. */
struct party {
    char user[64], host[128], display[128];
};

/* One hop of a diversion (RFC 5806, RFC 7044, RFC 4458): to whom the call first was, and why it left him. */
struct diversion {
    char user[64], host[128];
    int cause;   /* RFC 4458 codes: 486 busy, 408 no answer, 302 unconditional, 503/480 unreachable; 0 unknown
                  */
    bool heard;  /* it was told by the INVITE's own headers, which go on as they came */
    bool secret; /* he asks not to be named outside the trust domain */
    bool owner;  /* the Request-URI itself says that the mailbox is his (RFC 4458) */
};

#define DIVERSIONS_MAX 8

/* What RFC 3323 §4.2 and RFC 7044 §10.1 let a caller ask of those who carry his call. */
enum privacy {
    PRIVACY_NONE = 1, /* that nothing is hidden */
    PRIVACY_ID = 2,   /* RFC 3325 §9.3 */
    PRIVACY_USER = 4,
    PRIVACY_HEADER = 8,
    PRIVACY_SESSION = 16,
    PRIVACY_HISTORY = 32,
    PRIVACY_CRITICAL = 64,
};

/* An identifier of RFC 7989: 32 hexadecimal digits, or "" when it is not known. */
#define SESSION_ID_TEXT 33
/* What leads a call back that has gone to an application server: 128 random bits in hexadecimal digits. */
#define SESSION_TOKEN_TEXT 33

#define LANGUAGE_RANGE 64 /* longest Accept-Language that is looked at */

/* An INVITE as it came. Pointers and values live until the handler returns. */
struct invitation {
    const char *call_id;
    char session_id[SESSION_ID_TEXT]; /* the caller's; made when he brings none */
    struct party
        from; /* whom we believe it is from: P-Asserted-Identity of a peer, else the digest user, else From */
    bool anonymous;                              /* RFC 3323 Privacy: id, or an anonymous From */
    unsigned privacy;                            /* enum privacy */
    struct party target;                         /* Request-URI */
    const char *target_params;                   /* its URI parameters, "" when none: "play=…;repeat=3" */
    const char *user;                            /* authenticated subscriber, or NULL */
    const char *peer;                            /* trusted peer's name, or NULL */
    const char *offer;                           /* SDP, or NULL: the offer is left to us */
    struct diversion diversions[DIVERSIONS_MAX]; /* the first diverting party first */
    unsigned diversion_count;
    char called[64]; /* whom else it seems to have been for, when a trusted side has changed the Request-URI;
                        "" */
    const char *history, *diverted; /* History-Info and Diversion as they came; NULL: none that can go on */
    unsigned max_forwards;          /* as received */
    char language[LANGUAGE_RANGE];  /* Accept-Language, what fits of it; "" */
    const char *passed;             /* header lines that are for the callee, each with its CR LF; "" */
    char token[SESSION_TOKEN_TEXT]; /* of the topmost Route, when it is one; "" */
    const struct dialog_name *replaces, *join; /* or NULL */
    const struct recipients *recipients;       /* NULL: he brings no list */
};

#define RECIPIENTS_MAX 64

/* Whom the caller wants invited, too (RFC 5366): the user parts of their URIs. */
struct recipients {
    unsigned count;
    char users[RECIPIENTS_MAX][64];
};

/* A dialog as Replaces (RFC 3891) and Join (RFC 3911) name it. */
struct dialog_name {
    char call_id[256], to_tag[128], from_tag[128];
    bool early_only;
};

#define REFER_TEXT 640

/* What a REFER asks for (RFC 3515): the one who sent it wants his far side connected with `target`. */
struct referral {
    struct party target;
    const char *params; /* its URI parameters, "" */
    bool bye;           /* method=BYE: wants `target` to leave a conference (RFC 4579 §5.10) */
    bool named;         /* it is about this dialog of whoever takes it (Target-Dialog, RFC 4538) */
    struct dialog_name dialog;
    bool attended; /* Refer-To names a dialog that is to be taken over */
    struct dialog_name replaces;
    char replaces_text[REFER_TEXT];
    struct party referrer; /* Referred-By (RFC 3892); user "": none */
};

/* The subscription by which who sent a REFER hears what comes of it. It belongs to whoever accepted it, until
 * a final status has been told. */
struct refer;
/* A status of the request that the REFER has caused. A final one is the last: the pointer is not to be used
 * after it. */
void refer_tell(struct refer *refer, int status);

struct session_handlers {
    /* 488 to our INVITE: session_offer_anew() before this returns, else failed() follows. May be NULL. */
    void (*unacceptable)(void *owner);
    /* Which early dialog speaks, session_fork() says in progress, answered and offered. */
    void (*progress)(void *owner, int status, const char *reason,
                     const char *sdp); /* 101-199; sdp may be NULL */
    void (*answered)(void *owner,
                     const char *sdp); /* 2xx to our INVITE, or ACK (sdp NULL or answer) to our 2xx */
    void (*failed)(void *owner, int status, const char *reason,
                   const char *redirect); /* 3xx-6xx; redirect: first Contact or NULL */
    void (*offered)(void *owner,
                    const char *sdp); /* re-INVITE or UPDATE; NULL: we are to offer. Answer by
                                         session_reanswer(); before the first answer (RFC 3311 §5.2, or an
                                         offer in PRACK) before this returns, else it is refused */
    void (*reanswered)(
        void *owner, int status,
        const char *sdp); /* what came of session_reoffer(), or of the offer in session_ring() */
    void (*digit)(void *owner, char digit, unsigned ms); /* INFO application/dtmf-relay or dtmf */
    /* REFER: session_accept_referral() or session_refuse_referral() before this returns. May be NULL. */
    void (*referred)(void *owner, const struct referral *referral);
    /* What comes of session_refer(): once a final status, or the end of the session. May be NULL. */
    void (*told)(void *owner, int status);
    /* A provisional response to our INVITE, and what comes and goes within the dialog, but for a BYE:
     * "UPDATE", "response"; a literal. `status`: of a response, or what a NOTIFY says; 0: none. For a trace
     * alone. May be NULL. */
    void (*seen)(void *owner, bool sent, const char *message, int status, const char *detail);
    void (*ended)(void *owner, int status,
                  const char *reason); /* CANCEL (487), BYE (200), lost ACK, timer or 408/481 */
};

/* Where an outgoing call goes, and as whom. */
struct session_target {
    const char *uri;   /* Request-URI */
    const char *route; /* Route set, topmost first (RFC 3327's Path), or "" */
    const char *peer;  /* trusted peer it goes to: identity headers are passed; or NULL */
    const char
        *received; /* "udp:192.0.2.7:5060" where the far side was last seen, or "": sent there behind NAT */
    struct party from;
    bool anonymous;
    unsigned privacy; /* what the caller asked for: enum privacy */
    struct party to;
    struct diversion
        diversions[DIVERSIONS_MAX]; /* written as Diversion and History-Info; the first hop first */
    unsigned diversion_count;
    const char *history,
        *diverted; /* as the caller's INVITE had them: hops that were heard stand there; NULL: none */
    unsigned max_forwards;
    const char *passed;     /* header lines of the caller's INVITE; NULL: none */
    const char *token;      /* a last Route that leads back here with it; NULL: none */
    const char *session_id; /* whom it is for: the caller's; NULL: made */
    struct party referrer;  /* Referred-By (RFC 3892); user "": none */
    const char *replaces;   /* value of Replaces, of a dialog that is none of ours; NULL: none */
    const char *metadata;   /* of a recording session (RFC 7866), beside its offer; NULL: it is none */
};

#define SIP_CHECK_RESULT __attribute__((warn_unused_result))

/* Sends INVITE with our offer. Retries by itself: a digest challenge of a peer we have credentials for, 422,
 * 491. */
SIP_CHECK_RESULT int session_invite(struct agent *agent, struct session **out,
                                    const struct session_target *target, const char *sdp,
                                    const struct session_handlers *handlers, void *owner);

/* Within unacceptable() alone: sends the INVITE again with another offer. */
SIP_CHECK_RESULT int session_offer_anew(struct session *s, const char *sdp);

/* Our own address as such a target will see it, before there is a session: what SDP's c= is to name. EINVAL a
 * URI that is none, EHOSTUNREACH nothing listens in its family. */
SIP_CHECK_RESULT int session_target_address(struct agent *agent, const struct session_target *target,
                                            struct sockaddr_storage *out);

/* The peer that such a target is, by its first hop's address or by its own URI: whose credentials answer its
 * challenges. NULL: none. */
const char *session_target_peer(struct agent *agent, const struct session_target *target);

void session_own(struct session *s, const struct session_handlers *handlers, void *owner);
const char *session_call_id(const struct session *s);
/* Session-ID: the far side's identifier, "" before it has spoken, and that of whoever it is connected with,
 * which goes out with every message from here on; "": our own. */
const char *session_far_id(const struct session *s);
void session_set_near_id(struct session *s, const char *id);
/* The dialog's tags as they are known by now, ours and the far side's (of the first fork that rings); "" when
 * they are not. */
void session_tags(const struct session *s, const char **own, const char **theirs);
/* The early dialog (RFC 3261 §12.1.2) whose response or request is being told, or told last: 1 the first that
 * spoke, 0 none. The one that answers is the dialog from then on. */
unsigned session_fork(const struct session *s);
/* Whether SDP can be sent and answered before the answer (RFC 3262): an offer of ours in session_ring(), too.
 */
bool session_is_reliable(const struct session *s);
/* The session whose dialog is so named, from whichever end; NULL: there is none. `ended`: there was, a while
 * ago. */
struct session *session_find(struct agent *agent, const struct dialog_name *name, bool *ended);
void *session_owner(const struct session *s); /* NULL: it has been let go */
/* 202, or 200 where no news are wanted: then *out is NULL. 100 Trying is told at once. */
SIP_CHECK_RESULT int session_accept_referral(struct session *s, struct refer **out);
void session_refuse_referral(struct session *s, int status);
/* Whether the far side may be sent a REFER now: it has not said that it does not know it, and none is open.
 */
bool session_refers(const struct session *s);
/* Asks the far side to call `uri`, there to take the dialog `replaces` over (value of Replaces, or NULL). */
SIP_CHECK_RESULT int session_refer(struct session *s, const char *uri, const char *replaces,
                                   const struct party *referrer);
/* From here on our Contact is a focus's (RFC 4579 §4): the URI of the conference `user`, "" for one that
 * has none yet; NULL: as it was. In a dialog that stands the far side is told at once that it is one; that it
 * is none any more it hears with the next offer or answer. */
void session_set_focus(struct session *s, const char *user);
/* "sip:HOST:PORT", where the far side reaches us. */
void session_own_uri(const struct session *s, char *out, size_t size);
/* Our own address as the far side reaches us: what SDP's c= names unless configured. Port is 0. */
void session_local_address(const struct session *s, struct sockaddr_storage *out);
/* Where its signalling comes from or goes to: first guess for media behind NAT. */
void session_remote_address(const struct session *s, struct sockaddr_storage *out);

/* Incoming, before the final response. 100 has been sent already. SDP goes reliably where the caller can:
 * then once, session_answer() waits for its PRACK, and when that does not come the call ends with 504. */
SIP_CHECK_RESULT int session_ring(struct session *s, int status, const char *sdp);
SIP_CHECK_RESULT int session_answer(struct session *s, const char *sdp);
/* Final failure; `redirect` (3xx) or NULL; `retry_after_s` or 0. */
void session_reject(struct session *s, int status, const char *reason, const char *redirect,
                    unsigned retry_after_s);

/* Reason (RFC 3326, RFC 6432) of the final response that failed; "": it had none. */
const char *session_failure_reason(const struct session *s);
/* … and of session_reject() to come; "": none. */
void session_set_reason(struct session *s, const char *value);

/* In the dialog. An offer waits while another is open, theirs or ours, and of those that wait the newest is
 * sent: what comes of that one is told, once. 491 is retried after RFC 3261 §14.1's interval. */
SIP_CHECK_RESULT int session_reoffer(struct session *s, const char *sdp);
/* What goes out beside each later offer of a recording session. */
SIP_CHECK_RESULT int session_set_metadata(struct session *s, const char *metadata);
SIP_CHECK_RESULT int session_reanswer(struct session *s, int status, const char *sdp);
SIP_CHECK_RESULT int session_send_digit(struct session *s, char digit,
                                        unsigned ms); /* INFO, where no 4733 is */

/* Ends it in whatever state it is and lets go: CANCEL, BYE or final response; `reason` (RFC 3326 value) or
 * NULL. */
void session_release(struct session *s, int status, const char *reason);

#endif
