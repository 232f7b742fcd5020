/*
 * What an application is, and what it may do with a call. An application has a place (struct link) in the
 * path of each call that is led through it: the request comes down the path, failures and answers come back
 * up.
 *
 * Ownership: the call owns its links; an application owns what it hangs on a link with link_set_state() until
 * `ended`. Threads: signalling only, and nothing here may block. Failure: a verb used in a state where it
 * makes no sense is logged and ignored; a call that cannot go on is ended with 500, and `ended` tells the
 * application.
 */
#ifndef CONFAB_CALL_APP_H
#define CONFAB_CALL_APP_H

#include "core/base/ids.h"
#include "core/base/settings.h"
#include "core/sip/session.h" /* struct party, struct diversion */
#include "storage/storage.h"  /* NUMBER_TEXT */

#include <jansson.h>
#include <stdbool.h>

struct desk_rooms;
struct focus;
struct link;
struct server;
struct storage;
struct prompts;
struct subscriber;

/* The request as it stands at this link. Pointers live as long as the call. */
struct request {
    const char *call;    /* id of the call, for logs */
    const char *session; /* its caller's identifier (RFC 7989) */
    struct party caller;
    bool anonymous;
    const char *user;     /* subscriber who calls, authenticated; or NULL */
    const char *peer;     /* trusted peer that calls; or NULL */
    const char *number;   /* what was dialled, after retargets */
    const char *params;   /* URI parameters of the target, "" */
    const char *argument; /* of the link, or of the number plan's row; a URL for a link that is one; "" */
    const struct subscriber *callee; /* when the target is a subscriber; or NULL */
    char callee_name[128];           /* as the callee's phone shows it; "" when unknown */
    bool emergency;                  /* an emergency number: nobody may refuse, redirect or keep it */
    struct diversion diversions[DIVERSIONS_MAX]; /* who sent the call on, and why: the first one first */
    unsigned diversion_count;
    char called[64];       /* whom else the call seems to have been for (struct invitation); "" */
    struct party referrer; /* who has transferred the caller here (RFC 3892); user "": nobody */
    const char *replaces;  /* value of Replaces that goes out with it, of a dialog elsewhere; or NULL */
    const struct recipients *recipients; /* whom the caller wants invited, too (RFC 5366); or NULL */
};

/* What happens below a link while a request or a call goes through it; told up the path, the lowest link
 * first. */
enum news_kind {
    NEWS_PROGRESS, /* a provisional response: `status` */
    NEWS_ANSWERED, /* what lies below has answered: caller and callee talk */
    NEWS_HELD,     /* one of both holds: `by_caller` says who; NEWS_RESUMED likewise */
    NEWS_RESUMED,
    NEWS_DIGIT,       /* a key pressed while both talk: `digit`, `by_caller` */
    NEWS_TRANSFERRED, /* one of both has been replaced by another party */
};
struct news {
    enum news_kind kind;
    int status;
    char digit;
    bool by_caller;
};

/* A REFER out of any dialog, to a number whose application it is. */
struct asking {
    const char *number, *argument; /* its URI's user, and of the number plan's row */
    const char *user, *peer;       /* who has sent it: a subscriber, authenticated, or a trusted peer */
    const struct referral *referral;
    struct refer *refer; /* to be told what comes of it (refer_tell()); NULL: nobody wants to hear */
};

typedef void settings_fault(int line, const char *what, void *arg);

struct app {
    const char *name; /* as confab.conf writes it */
    bool lists;       /* it takes an INVITE with a list of recipients; others refuse it */
    /* It is a focus (core/call/focus.h), or NULL. */
    const struct focus *focus;
    /* It has rooms that may be seen and acted on from a desk (core/call/desk.h), or NULL. */
    const struct desk_rooms *rooms;
    /* Once, at the server's start and end: for what is no call's own. Either may be NULL. */
    int (*start)(struct server *server);
    void (*stop)(struct server *server);
    /* Tells each fault of settings that it alone can judge, before they are taken. May be NULL. */
    void (*judge)(const struct settings *settings, settings_fault *fault, void *arg);
    /*
     * The request has come to this link. Now or later, exactly one of link_continue, _reject, _redirect,
     * _retarget, _answer or _fail follows, before the link's deadline. An emergency call (request->emergency)
     * goes on whatever is said.
     */
    void (*invited)(struct link *link, const struct request *request);
    /* What lies below has failed. True: consumed, and one of the verbs follows; false (or NULL): the failure
     * goes on up. */
    bool (*failed)(struct link *link, int status);
    /*
     * News from below, for links that let the request pass. True: consumed, so that neither the links above
     * nor the far side hear of it (a digit that is a command, a ringing that is to stay hidden; an answer
     * cannot be consumed). Where a link has this handler, digits pass it before they go to the far side, and
     * so come there a little later; tones within the sound pass in any case. May be NULL.
     */
    bool (*heard)(struct link *link, const struct news *news);
    /* After link_answer(): the caller's media is up (200 sent, codec known). */
    void (*answered)(struct link *link);
    /* The far side holds (true) or resumes a call that this application answered. May be NULL. */
    void (*held)(struct link *link, bool held);
    /*
     * The caller, a member of a mixing room, has begun to talk or stopped, at most twice a second. `muted`:
     * nobody hears it. May be NULL.
     */
    void (*talks)(struct link *link, bool talks, bool muted);
    /*
     * REFER (RFC 3515), in the dialog of a call that it has answered, or out of any. 0: it is done or will
     * be, and what comes of it is told, later; in a dialog the application has called
     * link_accept_referral(). Else the status of a refusal. May be NULL: 403.
     */
    int (*referred)(struct link *link, const struct referral *referral);
    int (*asked)(struct server *server, const struct asking *asking);
    /* The call is over, for whatever reason: free the state. Last to be called; link and its storage go after
     * it. */
    void (*ended)(struct link *link);
};

/* The whole list, defined in apps/apps.c; ends with NULL. */
extern const struct app *const applications[];
/* That of links whose `application` is a SIP URI; its argument in the number plan is one, too. */
extern const struct app isc_app;

/* "dnd": the link's name in confab.conf, or the application's. */
const char *link_name(const struct link *link);

/* On down the path; by a link that has consumed a failure: the failure goes on up after all. */
void link_continue(struct link *link);
void link_reject(struct link *link, int status, const char *reason); /* reason NULL: the standard phrase */
void link_redirect(struct link *link, const char *uri);              /* 302 */
/*
 * The application cannot do its work here (storage or a server is away, an answer that makes no sense). The
 * link's failure contract says what follows: the request goes on, is refused, or another application takes
 * this link's place; later on: the call goes on without it or ends. `why` is for trace and log.
 */
void link_fail(struct link *link, const char *why);
/*
 * Rings several targets, one after another or together; the first who answers has the call. `own` stands for
 * the callee's registered contacts; else `number` goes through the number plan, but not through its user's
 * own chain (what a user's services would do is not asked). When all have failed, the best failure comes to
 * `failed`. An application that has answered may do so, too, as with link_retarget().
 */
#define FORK_MAX 12
struct fork_target {
    bool own;
    char number[NUMBER_TEXT];
    unsigned delay_s; /* after the fork's beginning */
    unsigned ring_s;  /* how long it rings; 0: as long as the others may */
    bool confirm;     /* who answers is asked to press 1 first, so that no foreign voicemail takes the call */
};
void link_fork(struct link *link, const struct fork_target *targets, size_t count, int cause);
/*
 * By an application that has answered: the call goes on down the path, its caller hears ringing, and whoever
 * answers hears first who calls (the caller's name, as recorded, with list_file(); empty: his number) and
 * takes the call by pressing 1. When nobody does, `failed` gives the caller back, as after link_retarget();
 * 603: somebody has refused him.
 */
struct list; /* core/call/media.h */
void link_screen(struct link *link, const struct list *name);
/* Edits of the request on its way down; links below see them. NULL: as it was. */
void link_edit_caller(struct link *link, const struct party *caller);
void link_edit_callee_name(struct link *link, const char *display);
/*
 * Records both sides once they talk, and while one holds, to the settings' folder of recordings: the mix, and
 * each of them. The files' names begin with the call's id.
 */
void link_tap(struct link *link);
/* A word of the application's own in the call's record (CDR): "campaign" = "spring". Bounded; what is too
 * much is left out. */
void link_tag(struct link *link, const char *key, const char *value);
/*
 * Media before the answer: 183 with SDP, and the application has the caller's media as after link_answer(),
 * until it decides. False: the caller cannot hear it (no offer). `answered` is called as soon as it can play.
 */
bool link_early(struct link *link);
/*
 * A new target: `number` goes through the number plan again; `cause` is written into Diversion and
 * History-Info. An application that has answered may send the call on so, too: its caller hears ringing, and
 * when the new target fails, `failed` gives him back, answered; where that does not take it and no
 * link_after() runs, the call ends. Cause 0: nobody has diverted the call, it is as if its caller had dialled
 * `number` himself, and his own links see it.
 */
void link_retarget(struct link *link, const char *number, int cause);
/*
 * Sends the answered call back to a user who had it (RFC 5359 §2.15): as link_retarget(), but his phones
 * alone ring and none of his services is asked.
 */
void link_recall(struct link *link, const char *number);
/*
 * To an application of this server, whatever the number plan says: it sees `argument`, and `number` as what
 * was dialled. As link_retarget(), also for an answered call; nobody has diverted it, and no user's services
 * are asked.
 */
void link_handover(struct link *link, const char *app, const char *argument, const char *number);
void link_answer(struct link *link);
/* Ends an answered call: BYE. `ended` comes before this returns; do not touch the state afterwards. */
void link_hangup(struct link *link);

/*
 * Gives the caller a call that rings at a user's phones: at those of `number`, or with NULL what has rung
 * longest in his own pickup group. `taker` is his row; without `any` he may take calls of his group and his
 * own only. False: nothing rings there for him, and the link decides anew; true: this call is over for its
 * applications.
 */
bool link_pick(struct link *link, const struct subscriber *taker, const char *number, bool any);
/* Connects the caller with the one whom `keeper`, of another call, has answered or is sending on; as
 * link_pick(). */
bool link_join(struct link *link, struct link *keeper);
/* Within `referred`, once: 202. *out is NULL where nobody wants to hear what comes of it. */
__attribute__((warn_unused_result)) int link_accept_referral(struct link *link, struct refer **out);
/*
 * Whom the link's caller talks to in another call of ours, in which his dialog is so named, is led to this
 * application, with `argument` and as if he had dialled `number`; that call is over. ENOENT: no such dialog
 * here; EACCES: it is not his; EBUSY: they do not talk now; ENOMEM.
 */
__attribute__((warn_unused_result)) int link_bring(struct link *link, const struct dialog_name *name,
                                                   const char *argument, const char *number);
/* Who has answered the call whose dialog is so named, from whichever end; NULL: none has. */
struct link *link_named(struct server *server, const struct dialog_name *name);
/* The call that this link answered is still its own: not joined, nor taken by whom it was sent on to. */
bool link_waits(const struct link *link);
/* The request stands at this link, or its caller hears it: what it says now is listened to. */
bool link_acts(const struct link *link);
/* The number at which lamps show the call once this link has answered it, when it is another than was
 * dialled. */
void link_show_at(struct link *link, const char *number);

const struct request *link_request(const struct link *link);
/* Whether the number plan has led the call here, so that nobody is below; else it is a link on the way to
 * somebody. */
bool link_ends(const struct link *link);
/* Whom the link serves: the caller in the originating region, the callee in the terminating one; NULL in
 * others. */
const struct subscriber *link_subscriber(const struct link *link);
/* The parameters of that subscriber's service, as frozen when the call came; NULL: he has it not, or it is
 * off. */
const json_t *link_service(const struct link *link, const char *name);
/* The address that the call came from, as text; "" when the server itself began it. */
void link_source(const struct link *link, char *out, size_t size);
void link_set_state(struct link *link, void *state);
void *link_state(const struct link *link);
/* For storage's jobs: link_of() gives NULL once the call is over. */
struct ticket link_ticket(const struct link *link);
struct link *link_of(struct ticket ticket);
/* Calls fn(link) once after `ms`; one timer a link: a new one replaces it, 0 stops it. Not called once it is
 * over. */
void link_after(struct link *link, uint32_t ms, void (*fn)(struct link *link));

struct server *link_server(const struct link *link);
/*
 * In the language of this call: that which the application has set, else the caller's (Accept-Language of his
 * INVITE, RFC 3261 §20.3, or that of his row), else the server's. One that is not spoken here sets nothing.
 */
const struct prompts *link_prompts(const struct link *link);
void link_set_language(struct link *link, const char *language);
void link_offer_language(struct link *link, const char *language); /* unless the caller has one of his own */
const struct settings *link_settings(const struct link *link);     /* frozen when the call came */
struct storage *server_storage(const struct server *server);
const struct prompts *server_prompts(const struct server *server);
struct loop *server_loop(const struct server *server);
const struct settings *server_settings(const struct server *server); /* as they are now; a call has its own */
/* It is being stopped: calls end that nobody has ended. */
bool server_is_ending(const struct server *server);
void link_log(const struct link *link, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* -- outside any call
 * ------------------------------------------------------------------------------------------------ */

/*
 * A call that the server makes itself: `number` is rung, and who answers is led on to `onward` as if he had
 * dialled it, or handed to the application `app` with `argument`, which sees `onward` as what was dialled. An
 * application never answers such a call (a mailbox is nobody): then it has failed. All are copied.
 */
struct call_order {
    const char *number;    /* goes through the number plan */
    bool phones_only;      /* a subscriber's phones alone ring, and none of his services is asked */
    const char *user;      /* subscriber in whose name: what he may not dial is not dialled; NULL: nobody's */
    struct party caller;   /* whom it is shown to be from; host "": this server's */
    struct party referrer; /* who has asked for it (RFC 3892); user "": nobody */
    const char *headers;   /* lines that its INVITE has beside the usual ones, each with its CR LF; or NULL */
    const char *replaces;  /* value of Replaces that goes out with it, of a dialog elsewhere; or NULL */
    bool confirm;          /* who answers is asked to press 1 first */
    const char *onward, *app, *argument;
    /* Later and once, may be NULL: 200 once who has answered talks, or is the application's; else with what
     * it ended before. */
    void (*done)(void *arg, int status);
    void *arg;
};
/* EBUSY: no more calls may be made now; EINVAL, ENOMEM: `done` is not called. */
__attribute__((warn_unused_result)) int call_make(struct server *server, const struct call_order *order);
/* Rings the contacts of `user`, who sees `number` as the caller; whichever he answers is led on to `number`
 * as a call of his. As call_make(). */
__attribute__((warn_unused_result)) int call_originate(struct server *server, const char *user,
                                                       const char *number,
                                                       void (*done)(void *arg, int status), void *arg);
/* What of it has not been answered rings no longer; `done` is not called. */
void call_cancel_origin(struct server *server, const void *arg);
/* The user part of a SIP or tel URI; false when there is none or it does not fit. */
bool uri_user(const char *uri, char *out, size_t size);
/* Who gave `arg` is gone: his `done` is not to be called any more. The calls go on. */
void call_forget_origin(struct server *server, const void *arg);
/* Whom the user last dialled and found busy since the server's start; NULL: nobody. */
const char *server_last_busy(const struct server *server, const char *user);
/* Whether no call stands, rings or is being made at the number, as far as this server sees. */
bool server_number_is_idle(struct server *server, const char *number);

#endif
