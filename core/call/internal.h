/*
 * What the files of core/call share: calls, their legs, the path of links, the ring, and the media of an
 * application.
 *
 * Ownership: the server owns calls; a call owns its legs, routes, links and ring, and frees them together
 * when it is over and every port is closed, so that no callback finds its object gone. Threads: signalling
 * only. Failure: errno values; whoever meets one ends the call with the SIP status that fits.
 */
#ifndef CONFAB_CALL_INTERNAL_H
#define CONFAB_CALL_INTERNAL_H

#include "core/base/log.h"
#include "core/call/desk.h"
#include "core/call/media.h"
#include "core/call/server.h"
#include "core/sip/agent.h"
#include "core/sip/offer.h"
#include "mixer/event.h"
#include "storage/records.h"
#include "storage/subscriber.h"

#define CALL_CHECK __attribute__((warn_unused_result))
#define LINKS_MAX 64     /* links that a request may stand on at a time, over all retargets */
#define RETARGETS_MAX 10 /* RFC 3261 §16.3 bounds hops between servers; this bounds those inside */
#define EXCHANGES_MAX                                                                                        \
    100                  /* transfers and exchanged parties of one call: each leaves a leg or a route in it */
#define FILES_MAX 16     /* files a link keeps loaded */
#define TYPED_MAX 16     /* keys typed ahead */
#define ASK_MAX 32       /* digits of one question */
#define TRUNK_RING_S 185 /* RFC 3261 §16.6 step 11: timer C is above three minutes */

#define CAUSE_ELSEWHERE "SIP;cause=200;text=\"Call completed elsewhere\"" /* RFC 3326 §3.1 */
#define CAUSE_TIMEOUT "SIP;cause=408;text=\"RTP timeout\""

/* -- table.c: objects by number ------------------------------------------------------------------------ */

#define TABLE_BUCKETS 1024
struct table {
    struct table_entry *buckets[TABLE_BUCKETS];
    unsigned count;
};
CALL_CHECK int table_put(struct table *table, uint64_t key, void *value);
void *table_get(const struct table *table, uint64_t key);
void table_remove(struct table *table, uint64_t key);
void table_clear(struct table *table);

/* -- limits.c: how many calls, and how fast they may come ---------------------------------------------- */

struct limits {
    uint64_t filled_us, milli; /* a bucket of one second's calls, in thousandths of a call */
};
/* 0, or the seconds after which the caller may try again: random, so that not all come back at once. */
unsigned limits_refuse(struct limits *limits, const struct settings *settings, unsigned calls,
                       uint64_t now_us);
void limits_take(struct limits *limits);

/* -- voice.c: what the catalogue's fragments and the music are in the mixer ---------------------------- */

struct voice {
    struct mixer *mixer;
    const struct prompts *prompts;
    sound_id *fragments, *music; /* 0: not loaded yet */
    size_t fragment_count, music_count;
};
CALL_CHECK int voice_open(struct voice *voice, struct mixer *mixer, const struct prompts *prompts);
void voice_close(struct voice *voice);
/* Loads it where that has not been done. 0: it cannot be said. */
sound_id voice_fragment(struct voice *voice, uint32_t fragment);
/* All the music, each time from another piece on; how many items. 0: there is none. */
size_t voice_music(struct voice *voice, struct play_item out[PLAY_ITEMS_MAX]);

/* list.c: a list as the mixer wants it; what has no sound is left out. */
size_t list_items(const struct list *list, struct voice *voice, struct play_item out[PLAY_ITEMS_MAX]);

/* -- server.c ------------------------------------------------------------------------------------------ */

struct server {
    struct loop *loop;
    const struct settings *settings;
    struct storage *storage;
    struct prompts *prompts;
    struct mixer *mixer;
    struct agent *agent;
    struct voice voice;
    struct limits limits;
    struct table ports; /* port_id → struct leg, until EVENT_PORT_CLOSED */
    struct call *calls;
    unsigned call_count;
    struct busy *busy;       /* whom each user last found busy */
    struct loading *loading; /* files to be removed once they are loaded */
    unsigned apps_started;
    struct breaker *breakers; /* by the links' names: they outlive a reload */
    bool watching, draining, ending;
    struct timer *drain_timer;
    void (*drained)(void *arg);
    void *drained_arg;
    uint64_t calls_total, calls_refused;
    void (*reader)(void *arg, const struct bulletin *bulletin); /* server_on_news() */
    void *reader_arg;
    bool levels_watched;                               /* by it */
    uint64_t ended[ENDINGS];                           /* calls, by how */
    uint64_t packets_lost, packets_late, concealed_ms; /* of legs whose ports have closed */
    struct mixer_stats logged;                         /* at the last server_log_media() */
};
/* 0, or after how many seconds a call may be tried again. */
unsigned server_refuse_call(void *server);
void server_call_gone(struct server *server);
/* Storage is to remove `path` when EVENT_SOUND_LOADED for `sound` comes. */
CALL_CHECK int server_unlink_loaded(struct server *server, sound_id sound, const char *path);
const struct app *app_named(const char *name);

/* -- leg.c, leg_media.c: one session, its negotiation and its port ------------------------------------- */

/* Who sits at a leg's far side, for him who is connected with it next. */
struct identity {
    struct party party;
    bool anonymous, music;
    char user[NUMBER_TEXT], peer[NUMBER_TEXT]; /* subscriber, trusted peer; "" */
};

struct leg {
    struct call *call;
    struct leg *next;
    uint64_t id; /* no other leg or call has it */
    bool incoming;
    char number[NUMBER_TEXT]; /* the user whose phone it is, or "" */
    struct session *session;  /* NULL before the INVITE and once let go */
    struct negotiation *negotiation;
    port_id port;                    /* 0 before it is opened and once it is closed */
    struct sockaddr_storage address; /* what SDP names, with port */
    enum srtp_policy srtp;
    struct media_format format;
    bool described;         /* format holds, the port runs */
    bool offered_in_200;    /* the answer to our offer comes in the ACK */
    bool closing;           /* port_close() was called */
    bool declines;          /* its far side takes no sound by its own wish: it holds */
    bool reachable;         /* the offer of ours that is open says that we would send */
    bool music;             /* hears our music, for the other side holds */
    bool answered;          /* 2xx sent or received */
    bool holds;             /* its far side has said so, and the links know */
    struct refer *passing;  /* who has asked what its far side was asked: told what it tells; or NULL */
    bool keeps_digits;      /* the mixer passes its keys to us alone */
    struct identity *moved; /* who it is, where the call's caller and routes do not say so; or NULL */
    char *offer;            /* far side's offer that waits for an answer */
    char *sdp;              /* caller: what was (or will be) said in 183 and 200 */
    char *early;            /* callee: SDP of its provisional response */
    unsigned fork;          /* … and which of the dialogs below it has sent that */
    struct branch *branch;  /* while it rings */
    char digit;             /* the last key, and how and when it came: RFC 4733 or INFO */
    bool digit_by_info;
    uint64_t digit_us;
    bool has_stats;
    struct port_stats stats;
    /* For its record: when it began, rang, was answered and ended (0: never), and how. */
    uint64_t began_us, rang_us, talked_us, ended_us;
    int end_status;
    char end_reason[96];
    bool used;         /* it has had a session, or was to */
    bool ended_by_far; /* by its far side, else by us */
    char began_in[17]; /* id of the call whose leg it was first */
    char peer[NUMBER_TEXT], session_id[SESSION_ID_TEXT];
    char *uri; /* that the INVITE went to; NULL */
};

struct codec_list {
    enum codec codecs[CODEC_COUNT];
    size_t count;
};
/* Those of `first` that are allowed, in that order, then the others of the settings. */
void codecs_order(struct codec_list *out, const struct settings *settings, const enum codec *first,
                  size_t count);
void codecs_prefer(struct codec_list *out, const struct settings *settings, const char *offer,
                   enum srtp_policy srtp, const enum codec *best);

/* Each of these sides is told who the other one is by his Session-ID; `other` may not have spoken yet. */
void leg_share_ids(const struct leg *leg, const struct leg *other);
CALL_CHECK int leg_new(struct leg **out, struct call *call, bool incoming);
CALL_CHECK int leg_open(struct leg *leg, const struct sockaddr_storage *local);
CALL_CHECK int leg_offer(struct leg *leg, const struct codec_list *codecs, bool send, bool receive,
                         char *out);
CALL_CHECK int leg_accept(struct leg *leg, const char *answer);
CALL_CHECK int leg_accept_anew(struct leg *leg, const struct codec_list *codecs, const char *answer);
CALL_CHECK int leg_answer(struct leg *leg, const char *offer, const struct codec_list *codecs, bool send,
                          bool receive, char *out);
void leg_keep_offer(struct leg *leg, const char *sdp);
/* Lets the session go (BYE, CANCEL or final response, as its state needs) and closes the port. */
void leg_close(struct leg *leg, int status, const char *reason);
void leg_release(struct leg *leg, int status, const char *reason); /* the session alone */
void leg_free(struct leg *leg);                                    /* once its port is closed */
void leg_event(struct leg *leg, const struct mixer_event *event);
extern const struct session_handlers leg_handlers;
/* What goes out to an incoming leg, with a note of it; errors as session_ring() and session_answer(). */
CALL_CHECK int leg_send_progress(struct leg *leg, int status, const char *sdp);
CALL_CHECK int leg_send_answer(struct leg *leg, const char *sdp);
/* The first to say so is right. */
void leg_note_end(struct leg *leg, int status, const char *reason, bool by_far);
/* trace.c: a SIP message of this leg: "INVITE", "response", "ACK", "BYE", "CANCEL". */
void leg_trace(struct leg *leg, bool sent, const char *message, int status, const char *phrase);

/* -- call.c -------------------------------------------------------------------------------------------- */

enum call_state {
    CALL_ROUTING, /* the request is on its way down or a failure on its way up */
    CALL_RINGING, /* the target was reached */
    CALL_HOSTED,  /* an application has answered */
    CALL_BRIDGED, /* caller and callee talk */
    CALL_CLOSING, /* hung up; a recording is being finished */
    CALL_OVER,    /* waits for its ports to close */
    CALL_STATES,
};

/* trace.c: lines as the record has them, written as things happen. */
struct trace {
    struct record lines;
    unsigned count, left_out;
    uint64_t last_us; /* of the newest, since the call's start */
};
/* The names of its values in the record are "trace" and "tags". */
void record_trace(struct record *record, const struct call *call);

#define TAG_KEY_MAX 40
#define TAG_VALUE_MAX 200
struct tag {
    struct tag *next;
    char key[TAG_KEY_MAX + 1], value[TAG_VALUE_MAX + 1];
};
void record_tags(struct record *record, const struct call *call);
void tags_free(struct tag *tags);

enum hung_up { HUNG_UP_SERVER, HUNG_UP_CALLER, HUNG_UP_CALLEE };

struct failure {
    int status;
    char reason[96], redirect[URI_TEXT];
    char cause[256]; /* Reason of the response (RFC 3326), "" */
};

struct call {
    struct server *server;
    struct call *next;
    const struct settings *settings;
    uint64_t number; /* of tickets */
    uint32_t epoch;  /* grows with each route: a reply to an older one is dropped */
    char id[17];
    char *passed;                     /* headers of the caller's that go on to whom he called; or NULL */
    char *history, *diverted;         /* his History-Info and Diversion, which go on, too; or NULL */
    char session_id[SESSION_ID_TEXT]; /* of its first caller (RFC 7989) */
    enum call_state state;
    struct leg *caller, *callee, *legs;
    struct route *routes;        /* newest first */
    const struct route *settled; /* those from here on are of a call that was answered */
    unsigned retargets;
    unsigned exchanges;           /* how often a party was transferred, or replaced */
    struct link *links;           /* all there ever were, newest first */
    struct link *path[LINKS_MAX]; /* those the request stands on, top first */
    unsigned depth, position;     /* how many, and how many of them were entered */
    unsigned floor;               /* failures go no further up: those above had their say before a transfer */
    struct ring *ring;
    struct fork *fork;   /* that the next ring begins with */
    struct list *screen; /* who answers is asked, and hears this: who calls; NULL: he is not asked */
    struct leg *early;   /* callee whose early media the caller hears */
    bool ringing;        /* 180 was passed on since the last 183 */
    bool returns;        /* an application server has sent it back, of another call of ours */
    bool moved;          /* with another number */
    const struct link_settings *after; /* the link at which it was there; NULL: the number plan's */
    struct frozen *frozen;             /* how its path goes on below that; NULL: it is found anew */
    struct link *host;                 /* who answered and has the caller's media */
    struct link *mover;     /* host that sent the answered call on: it gets it back if that fails */
    bool tapped;            /* both sides are recorded once they talk */
    uint32_t tap_room;      /* in this room of two; 0: it is not open */
    struct leg *asker;      /* whose re-INVITE waits for the other leg's answer */
    struct failure failure; /* what goes up */
    struct party from;
    bool anonymous, has_user, has_peer;
    unsigned privacy;              /* what its first caller asked for: enum privacy */
    char language[LANGUAGE_RANGE]; /* that the caller wants, as in Accept-Language; "" */
    bool caller_music;             /* the caller has the service "hold-music" */
    char user[NUMBER_TEXT], peer[NUMBER_TEXT];
    struct subscriber *subscriber; /* who calls, as his row was then; NULL once no link serves him */
    bool subscriber_unread;        /* it could not be read */
    unsigned max_forwards;
    uint32_t serial; /* of plays and recordings */
    uint64_t started_us, answered_us, ended_us;
    int end_status;
    char end_reason[256];
    enum hung_up hung_up;
    struct trace trace;
    struct tag *tags;              /* link_tag(), the oldest first */
    char *sip_call_id;             /* of its INVITE; NULL */
    char *recording;               /* file; NULL */
    bool acknowledged;             /* the ACK to the caller's 200 has come */
    struct transfer *transfer;     /* a party is being connected with somebody else; or NULL */
    struct transfer_name *wish;    /* the INVITE's Replaces or Join; or NULL */
    struct recipients *recipients; /* its list of guests (RFC 5366); or NULL */
    struct origin *origin;         /* the server itself makes this call; or NULL */
    bool published;                /* desk.c: as it was told last */
    enum call_state published_state;
    struct timer *reap, *soon, *guard, *arrival;
};
void call_invited(void *arg, struct session *session, const struct invitation *invitation);
/* With its caller's leg, which has no session yet; counted from here on, and findable by ticket. */
CALL_CHECK int call_new(struct call **out, struct server *server, const struct invitation *invitation);
/* Ends it in whatever state it is, first finishing a recording. `reason`: text of a response or value of
 * Reason. */
void call_end(struct call *call, int status, const char *reason);
/* The same once the callback that runs now has returned: an application is never ended inside one of its
 * verbs. */
void call_end_soon(struct call *call, int status, const char *reason);
void call_finish(struct call *call);
void call_refuse(struct call *call, const struct failure *failure); /* final response to the caller */
void call_reap(struct call *call);
void call_free(struct call *call);
/*
 * trace.c: one line of the call's trace: which link (NULL: the call itself), which event, and what came of
 * it.
 */
void call_trace(struct call *call, const struct link *link, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void call_trace_decision(struct call *call, const struct link *link, const char *event, const char *decision,
                         uint64_t took_us);
/* cdr.c: the record goes to storage; what only it needed is freed. Once, at the call's end. */
void call_save_record(struct call *call);
bool call_is_up(const struct call *call); /* not closing, not over */
/* … nor about to be: call_end_soon() leaves a moment in which more may come, and who has moved on left an
 * empty seat. */
bool call_goes_on(const struct call *call);
/* The call that asked storage, or NULL when it is over or has moved on. */
struct call *call_of(struct ticket ticket);
struct ticket call_ticket(struct call *call);

/* -- route.c ------------------------------------------------------------------------------------------- */

enum plan { PLAN_USER, PLAN_PEER, PLAN_APP, PLAN_NOWHERE };
/* What the number plan says about a number. Without a row it may be a subscriber. */
enum plan plan_find(const struct settings *settings, const char *number, const char **argument,
                    const struct app **app);
/* "sip:NUMBER@host…" from the peer's own URI. ENOSPC, EINVAL. */
CALL_CHECK int peer_target_uri(char *out, size_t size, const char *peer_uri, const char *number);

struct route {
    struct route *next;
    struct request request; /* as it begins; links may edit what goes on below them */
    char number[NUMBER_TEXT], params[URI_TEXT];
    struct subscriber *callee;
    const struct subscriber *diverter; /* who sent the call on to it, of an older route; or NULL */
    bool first;                        /* as dialled, or as good as: no retarget */
    bool by_caller;                    /* a retarget that is as if its caller had dialled it, too */
    int status;                        /* why there is nobody below the path; 0: there is somebody */
    const struct peer_settings *trunk; /* or NULL */
    bool phones_only;                  /* a recall: the user's own services are not asked */
    const struct app *handed;          /* stands at its end whatever the number plan says; or NULL */
    char handed_argument[NUMBER_TEXT];
    struct subscriber *own_diverter; /* a transferor's row; or NULL */
    char replaces[REFER_TEXT];
    enum plan plan;
};
/* The first route, as dialled: 0 or a SIP status. route_resume() then leads the request along the newest
 * route. */
CALL_CHECK int route_first(struct call *call, const struct invitation *invitation);
void route_resume(struct call *call);
void route_free_all(struct call *call);
/* Leads the request to `number` from the place where it stands; `diversion` may be NULL. */
void route_start(struct call *call, const char *number, const char *params,
                 const struct diversion *diversion);
/* Adds a hop to a request's list of diversions. */
void route_add_hop(struct diversion *hops, unsigned *count, const struct diversion *hop);
/* The same in the name of him whom the call had reached on route `from`: his originating links see it, and
 * the list of diversions grows by him. */
void route_divert(struct call *call, const struct route *from, const char *number, int cause);
/* A new beginning for a caller who was answered before: a transfer, a three-way room. */
struct route_order {
    char number[NUMBER_TEXT], params[URI_TEXT], replaces[REFER_TEXT];
    struct party referrer;             /* user "": nobody */
    const struct subscriber *diverter; /* in whose name; or NULL. Copied. */
    bool phones_only;
    const struct app *handed; /* to this one, with that argument, whatever the number plan says; or NULL */
    char argument[NUMBER_TEXT];
};
void route_begin(struct call *call, const struct route_order *order);
/* Back to somebody who had the call: his phones alone ring. */
void route_recall(struct call *call, const char *number);
/* To the application of that name, whatever the number plan says. */
void route_hand(struct call *call, const struct route *from, const char *app, const char *argument,
                const char *number);

/* -- chain.c ------------------------------------------------------------------------------------------- */

/* DECIDING: invited. RESCUING: a failure from below is before it. */
enum link_stage { STAGE_WAITING, STAGE_DECIDING, STAGE_RESCUING, STAGE_PASSED, STAGE_HOST };
/* Adds a link at the path's lower end; `contract` and `served` may be NULL. */
CALL_CHECK int chain_push(struct call *call, struct route *route, const struct app *app,
                          const struct link_settings *contract, const struct subscriber *served);
void chain_down(struct call *call);
/* The request as it stands below the links that it has passed: what goes out. */
const struct request *chain_request(const struct call *call);
/* The link at which the request stands is left as if it were not there: down, or up with the failure before
 * it. */
void chain_skip(struct call *call);
/* The request leaves that link for good: the failure goes to those above it. */
void chain_refuse(struct call *call, int status, const char *reason, const char *redirect);
/* Another application takes that link's place, once; it is asked what that one was asked. ENOMEM, ENOENT. */
CALL_CHECK int chain_replace(struct call *call);
/* Whether one of them hears news at all. */
bool chain_listens(const struct call *call);
/* News for the links that let the request pass, the lowest first. True: one has consumed it, and it goes no
 * further. */
bool chain_news(struct call *call, const struct news *news);
/* A failure from below the request's place: up the path until a link consumes it, at last to the caller. */
void chain_fail(struct call *call, int status, const char *reason, const char *redirect);
void chain_fail_as(struct call *call, const struct failure *failure); /* … of a far side */
void chain_up(struct call *call);                                     /* goes on up with call->failure */

/* -- contract.c: what an application is asked, and what follows when it fails ------------------------------
 */

enum hook { HOOK_INVITED, HOOK_FAILED, HOOK_HEARD, HOOK_ANSWERED, HOOK_HELD, HOOK_ENDED };
struct occasion {
    enum hook hook;
    int status;              /* HOOK_FAILED */
    const struct news *news; /* HOOK_HEARD */
    bool held;               /* HOOK_HELD */
};
/*
 * The one place in which an application is called about a call: traced, measured and held to its contract.
 * True: it has consumed a failure or a piece of news.
 */
bool link_call(struct link *link, const struct occasion *occasion);
/* Whether the request stands at this link, so that it may decide; what it may not is logged. */
bool link_decides(const struct link *link, const char *verb);
/* Whether the decision is not the link's, for an emergency call goes on; it has been led on then. */
bool link_overruled(struct link *link, const char *verb);
/* To be told of each decision that a verb carries out: ends the deadline and goes to the trace. */
void link_decided(struct link *link, const char *verb);

/* -- breaker.c: links that keep failing are left out for a while -------------------------------------------
 */

struct breaker;
/* True: it is to be left out. After the pause one call may try it, then one after each further pause. */
bool breaker_is_open(struct breaker *list, const struct link_settings *link, uint64_t now_us);
/* `later`: not about the request, but about a failure or news. ENOMEM is no failure: it is not counted then.
 */
void breaker_note(struct breaker **list, const struct link_settings *link, bool failed, bool later,
                  uint64_t now_us);
void breaker_free(struct breaker *list);

/* -- ring.c, best.c ------------------------------------------------------------------------------------ */

#define BRANCHES_MAX 32 /* contacts that one ring may reach, those of all its targets together */

struct branch {
    struct leg *leg;
    struct fork_place *place; /* whose target it is; NULL: the ring has but one */
    bool over;
    bool asked;          /* it has answered, and is being asked whether it takes the call (confirm.c) */
    uint32_t serial;     /* of the question's play */
    struct timer *timer; /* bounds that */
    struct failure failure;
};
struct ring {
    struct call *call;
    struct route *route;
    struct fork *fork;                     /* NULL: the route's own target */
    struct branch *branches[BRANCHES_MAX]; /* most rings have one */
    size_t count;
    struct link *server; /* whose application server is what rings; or NULL */
    bool starting, to_user;
    bool heard;    /* a provisional response, whichever */
    bool expired;  /* its time is over; whoever is being asked may still take the call */
    bool ringback; /* the caller, answered before, hears a ringing tone of ours */
    struct timer *timer;
};
/* The request that is going out. */
const struct request *ring_request(const struct ring *ring);
/* What is the same for all branches of a ring. */
void ring_describe(const struct ring *ring, struct session_target *out);
/* A branch more; one too many is left out. `place` as in struct branch. */
void ring_add(struct ring *ring, struct fork_place *place, const struct session_target *target);
/* One for each contact of `subscriber`; `target` holds what is not the contact's. */
void ring_add_user(struct ring *ring, struct fork_place *place, const struct subscriber *subscriber,
                   struct session_target *target);
void ring_add_trunk(struct ring *ring, struct fork_place *place, const struct peer_settings *trunk,
                    const char *number, struct session_target *target);
/* Those who have not answered (of `place`; NULL: all) are let ring no longer. */
void ring_give_up(struct ring *ring, const struct fork_place *place);
/* Whether it has come to an end, and if so: the best failure goes up. May end the ring. */
void ring_check(struct ring *ring);
void ring_take(struct leg *leg); /* it has answered, and has the call */
void ring_start(struct call *call, struct route *route);
void ring_start_server(struct call *call, struct link *link);
void ring_stop(struct call *call, const struct leg *winner,
               const char *reason);          /* cancels all but `winner` */
void ring_caller_changed(struct call *call); /* to one who was answered before */
void ring_progress(struct leg *leg, int status, const char *reason, const char *sdp);
void ring_answered(struct leg *leg, const char *sdp);
/* Its offer was refused (488): another one is made where there may be one. */
void ring_unacceptable(struct leg *leg);
void ring_failed(struct leg *leg, int status, const char *reason, const char *redirect);
/* -- fork.c: a ring of several targets ----------------------------------------------------------------- */

enum place_stage { PLACE_WAITING, PLACE_LOOKING, PLACE_RINGING, PLACE_OVER };
/* A target's place in the order of a fork. */
struct fork_place {
    struct ring *ring;
    struct fork_target what;
    enum place_stage stage;
    uint64_t ticket;     /* of the question who the number is */
    struct timer *timer; /* until it is due, then until it has rung long enough */
};
struct fork {
    struct route *route;
    int cause; /* for the Diversion of those who are not the callee's own */
    size_t count;
    struct fork_place places[FORK_MAX];
};
void fork_free(struct fork *fork);
void fork_start(struct ring *ring);
unsigned fork_ring_s(const struct fork *fork, unsigned ring_s); /* until all have rung */
/* After a branch of it is over: whether nobody is to come. Brings the next ones forward when nobody rings. */
bool fork_is_over(struct ring *ring);

/* -- isc.c: SIP application servers ---------------------------------------------------------------------- */

void isc_ring(struct ring *ring, struct session_target *target);
void isc_note(struct link *link,
              int status); /* what its server has said, before it is made fit for a caller */
bool isc_admits(void *server, const char *token, const char *host, bool peer);
/* A call that an application server has sent back is led on for whom it first was. False: it is none. */
bool isc_adopt(struct call *call, const struct invitation *invitation);
/* Which links stood below an application server when a call went out to it. */
struct frozen {
    const struct link_settings *links[LINKS_MAX];
    unsigned count;
};
/* Whether such a call has been at that link. */
bool isc_passed_already(const struct call *call, const struct link_settings *link);
/* Whether its path is settled, and that link in it. */
bool isc_is_frozen(const struct call *call);
bool isc_stood_below(const struct call *call, const struct link_settings *link);

/* -- confirm.c: who answers is asked before he has the call --------------------------------------------- */

bool confirm_wanted(const struct branch *branch);
void confirm_ask(struct branch *branch);
void confirm_key(struct branch *branch, char key);
void confirm_played(struct branch *branch, const struct mixer_event *event);

/* Which of the branches' failures is the answer: RFC 3261 §16.7 step 6. */
const struct failure *best_failure(const struct failure *const *failures, size_t count);
/* What a caller is told for it. */
int failure_status(int status, bool to_user);

/* -- swap.c: legs that change places ------------------------------------------------------------------- */

/* The ringing `call` is answered by `leg`, the caller's of another call, which ends without touching it:
 * pickup, Replaces of an early dialog (RFC 3891 §3). */
CALL_CHECK int call_pick(struct call *call, struct leg *leg);
/* `leg`, of another call, takes the place of `old`, which gets a BYE: attended transfer, Replaces, a parked
 * call's return. What is left of leg's call ends. */
CALL_CHECK int call_replace(struct leg *old, struct leg *leg);
/* A leg of a call of two becomes the caller of a call of its own, answered, which route_start() leads on. */
CALL_CHECK int call_split(struct call **out, struct leg *leg);
/* The two of another call come into the ringing `call`: one as its caller, answered, the other to wait beside
 * it. Who was its caller is refused, and their old call ends. */
CALL_CHECK int call_adopt(struct call *call, struct leg *caller, struct leg *other);
/* Whether call_replace() can put another in its place now. */
bool call_can_replace(const struct leg *old);
/* The callee becomes the caller, answered, and the other way round. */
CALL_CHECK int call_turn(struct call *call);
void leg_identity(const struct leg *leg, struct identity *out);
/* From here on whatever becomes of its call. */
CALL_CHECK int leg_keep_identity(struct leg *leg);
void call_assume(struct call *call, const struct identity *identity); /* its caller is another one */

/* -- transfer.c: REFER, Replaces, Join ------------------------------------------------------------------ */

struct transfer_name {
    struct dialog_name name;
    bool join;
};
void transfer_referred(void *owner, const struct referral *referral);
/* The other party of its call of two is connected with that number, as if a REFER of this one had said so. EBUSY:
 * they cannot be parted now. ENOMEM. */
CALL_CHECK int transfer_away(struct leg *leg, const char *number);
void transfer_progress(struct call *call, int status);
void transfer_answered(struct call *call);
void transfer_failed(struct call *call); /* with call->failure */
bool transfer_left(struct leg *leg);     /* true: it was the transferor's, and the call goes on */
void transfer_free(struct call *call);
/* An INVITE with Replaces or Join: true, and it is dealt with. */
bool transfer_invited(struct call *call);
/* Whether `taker`, a caller, may take the place of `leg` or join it: the same user, the other party, a
 * trusted peer, or one of its pickup group. */
bool call_may_take(const struct leg *leg, const struct leg *taker);
int transfer_click(void *arg, const char *called, const char *user, const char *peer,
                   const struct referral *referral, struct refer *refer);

/* pass.c: passes it on to the other leg, if the settings say so and that can be. `named`: the leg of ours
 * whose dialog it names, or NULL. False: it is to be carried out here. */
bool pass_referral(struct leg *leg, const struct referral *referral, const struct leg *named);
void pass_told(void *owner, int status);

/* -- originate.c: calls that the server makes ----------------------------------------------------------- */

struct origin {
    char number[NUMBER_TEXT];   /* where who answers is led */
    const struct app *app;      /* … by this one, or as the number plan says */
    char argument[NUMBER_TEXT]; /* of that one */
    bool confirm;               /* who answers is asked first */
    bool ringing;               /* nobody has answered; then the call is as if he who has had dialled */
    void (*done)(void *arg, int status);
    void *arg;
};
bool originate_rings(const struct call *call);
void originate_answered(struct call *call, struct leg *leg);
void originate_tell(struct call *call, int status); /* the callee has answered */
void originate_free(struct call *call);             /* with the call; tells what has not been told */

/* -- busy.c: whom each user last found busy -------------------------------------------------------------- */

void busy_note(const struct call *call, int status); /* a failure of what he has called */
void busy_free(struct server *server);

/* -- pickup.c -------------------------------------------------------------------------------------------- */

/* Whether he may take what rings for another: his own calls, and those of his pickup group. */
bool pickup_allowed(const struct call *ringing, const struct subscriber *taker);

/* -- desk.c: who looks on without a phone ---------------------------------------------------------------- */

/* Something about this call is other than it was. */
void desk_watch(struct call *call);
/* agent_handlers, arg is the server. */
void desk_registered(void *arg, const char *user, size_t contacts);
void desk_mailbox(void *arg, const struct mailbox_counts *counts);
const char *call_state_name(enum call_state state);

/* -- watch.c: lamps ------------------------------------------------------------------------------------ */

/* Something about this call is other than it was: told to whom watches one of its numbers. */
void watch_changed(struct call *call);
/* What goes on at a number. `arg` is the server. */
void watch_list(void *arg, const char *number, struct dialog_list *out);

/* -- focus.c: conferences that may be watched; agent_handlers, arg is the server ------------------------ */

bool focus_is(void *arg, const char *number);
void focus_judge(void *arg, const struct conference_watch *watch, struct ticket ticket);
void focus_list(void *arg, const char *room);
/* The leg takes the place of the call's caller: its far side is to know with what it talks. */
void focus_take(const struct call *call, struct leg *leg);

/* -- hold.c: what the held side hears ------------------------------------------------------------------ */

/* Whether `leg` is to hear our music since `other` holds, or would if it held. */
bool hold_plays(const struct leg *leg, const struct leg *other);
bool hold_would_play(const struct leg *leg, const struct leg *other);
/* Starts and stops the music as both sides' directions say now; also after legs have changed places. */
void hold_update(struct call *call);
/* A leg leaves its peer: no music any more; forgotten, it holds nobody either. */
void hold_silence(struct leg *leg);
void hold_forget(struct leg *leg);
bool hold_service(const struct subscriber *subscriber);

/* -- early.c, tap.c ------------------------------------------------------------------------------------ */

/* Whether the caller can have SDP before the answer: he has made an offer, or his PRACK answers ours. */
bool early_possible(const struct call *call);
/* The link has decided: it speaks no more. */
void early_end(struct link *link);
/* Joins both in a room of two that is recorded. An error: they are to be bridged as others are. */
CALL_CHECK int tap_join(struct call *call, struct leg *callee);
void tap_close(struct call *call);

/* -- bridge.c ------------------------------------------------------------------------------------------ */

/* Makes the caller's SDP, once: the answer, or our offer when he made none. */
CALL_CHECK int bridge_describe_caller(struct call *call, const struct leg *callee);
void bridge_connect(struct call *call, struct leg *callee);
void bridge_answered(struct call *call, struct leg *callee);
/* Two who have come together: joins them, and has both send and listen unless one holds. */
void bridge_rejoin(struct call *call);
/* A leg that was held is to send and listen again, unless its far side holds itself. */
void bridge_open_up(struct leg *leg);
void bridge_acknowledged(struct leg *leg, const char *sdp);
void bridge_offered(struct leg *leg, const char *sdp);
void bridge_reanswered(struct leg *leg, int status, const char *sdp);
void bridge_digit(struct leg *leg, char digit, unsigned ms, bool by_info);

/* -- app.c, keys.c, record.c: an application's place in the call --------------------------------------- */

enum media_mode { MEDIA_IDLE, MEDIA_PLAY, MEDIA_MENU, MEDIA_ASK, MEDIA_RECORD, MEDIA_FAX };

struct typed {
    char keys[TYPED_MAX];
    unsigned count;
};
void typed_add(struct typed *typed, char key);
/* The oldest key; 0 when there is none. */
char typed_take(struct typed *typed);

struct media {
    enum media_mode mode;
    uint32_t serial;  /* of what plays or records; 0: nothing does */
    bool held_back;   /* the play waits until the keys typed ahead were looked at */
    struct list list; /* what is held back */
    struct timer *timer;
    struct typed typed;
    char keys[24], live[24];
    unsigned wait_ms, max;
    char digits[ASK_MAX + 1];
    char key; /* which ended a recording */
    bool hung_up;
    link_step *step;
    link_key *on_choice, *on_key;
    link_digits *on_digits;
    link_recorded *on_recorded;
    link_step *on_fax;
    link_faxed *on_faxed;
    bool fax_told;  /* on_fax was called, and the application has not begun */
    bool t38_asked; /* an offer of T.38 waits for link_receive_fax() */
    bool t38;       /* the fax has gone on by it */
    struct recorded recorded;
    sound_id files[FILES_MAX];
    unsigned file_count;
};

struct link {
    struct link *next;
    struct call *call;
    const struct app *app;
    struct route *route;
    uint64_t number; /* of its ticket */
    enum link_stage stage;
    void *state;
    bool held;
    struct timer *timer;
    void (*after)(struct link *link);
    struct media media;
    const struct link_settings *contract; /* NULL: the number plan's own application */
    const struct subscriber *served;      /* NULL: nobody's */
    json_t *services;                     /* his, parsed at the first question */
    struct timer *deadline;
    char focus[NUMBER_TEXT]; /* URI of its conference (link_set_focus()) */
    char lamp[NUMBER_TEXT];  /* number at which the call that it hosts is shown; "": where it was answered */
    const struct prompts *prompts; /* language that the application has chosen; NULL: the caller's */
    const struct request *above, *request,
        *passed;                          /* as it came, as the link sees it, and as it goes on below */
    struct request *own_request, *edited; /* what of these is its own */
    enum hook asked;                      /* what it was asked last, and when */
    uint64_t asked_us;
    unsigned asked_count;
    bool broken;    /* it has failed: it is asked nothing more */
    bool early;     /* it speaks to the caller before it decides */
    bool stands_in; /* for one that has failed */
    uint32_t room;  /* in which the caller of a host is; 0: none */
};
/* What the leg may be told in SDP (leg_media.c). */
CALL_CHECK int leg_answer_image(struct leg *leg, const char *offer, char *out);
CALL_CHECK int link_new(struct link **out, struct call *call, struct route *route, const struct app *app);
/* The request comes to the link: what it sees, and what goes on below it. */
CALL_CHECK int link_see(struct link *link, const struct request *request);
void link_close(struct link *link); /* tells the application, stops its timers, lets its sounds go */
uint64_t ticket_number(void);

bool link_hosts(const struct link *link, const char *verb);
/* What the mixer refused is worth a line in the log (rooms.c). */
void link_check(const struct link *link, const char *what, int error);
/* Whether it has the caller's media: it has answered, or speaks early. */
bool link_speaks(const struct link *link);
/* A host lets go of the caller's media until a failure gives him back. */
void link_let_go(struct link *link);
/* Its application may speak from now on; a continuation, so not inside the verb that made it so. */
CALL_CHECK int link_arrive_soon(struct link *link);
void media_clear(struct link *link);
CALL_CHECK int media_start(struct link *link, const struct list *list);
void media_fail_soon(struct link *link); /* a recording that could not begin */
void media_key(struct link *link, char key);
void media_played(struct link *link, const struct mixer_event *event);
void record_ended(struct link *link, const struct mixer_event *event);
void fax_called(struct link *link);
/* True: the offer is one of T.38, and is seen to. */
bool fax_offered(struct leg *leg, const char *sdp);
/* `event` NULL: the machine could not begin. */
void fax_ended(struct link *link, const struct mixer_event *event);
/* The caller has hung up. True: a recording is being finished, record_ended() will follow. */
bool record_hang_up(struct link *link);

#endif
