/*
 * What the files of core/control share: a request (struct exchange) on its way from libmicrohttpd's thread to
 * the signalling thread and back, the tables of routes, who asks, and how to answer.
 *
 *   http.c      libmicrohttpd: reads requests, finds their route, sends answers
 *   control.c   start and stop; requests as they come to the signalling thread
 *   route.c     templates of paths
 *   reply.c     answers, and faults as problem details (RFC 9457)
 *   access.c    who asks, and what he may: tokens, sessions, limits
 *   events.c    server-sent events
 *   files.c     the console's files
 *   office.c    what administrators change: subscribers, mailboxes, tokens
 *   others      a resource each, with its own table of routes
 *
 * Ownership: an exchange belongs to libmicrohttpd's connection, which is suspended while the signalling
 * thread has it: from exchange_handle() to the first reply_…(), after which nobody there may touch it.
 * Threads: signalling, where nothing else is said. Failure: what cannot be answered gets a problem.
 */
#ifndef CONFAB_CONTROL_INTERNAL_H
#define CONFAB_CONTROL_INTERNAL_H

#include "core/base/ids.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/base/queue.h"
#include "core/base/settings.h"
#include "core/call/app.h"
#include "core/call/desk.h"
#include "core/call/server.h"
#include "core/control/control.h"
#include "storage/api.h"
#include "storage/mailbox.h"

#include <jansson.h>
#include <stdbool.h>

#define CONTROL_CHECK __attribute__((warn_unused_result))
#define PARAMS_MAX 3  /* {…} in a template */
#define HEADERS_MAX 6 /* of an answer, beside those that each has */
#define HEADER_TEXT 256
#define SECRET_TEXT 129     /* of a token; a longer one is none */
#define BODY_MAX 16384      /* bytes */
#define SOUND_MAX (6 << 20) /* of a body that is sound: three minutes at 16 kHz */
#define LIST_MOST 1000      /* rows of one answer */
#define LIST_USUAL 100
#define SESSION_COOKIE "confab-session"

struct exchange;

/* -- route.c ------------------------------------------------------------------------------------------- */

/* Who may; an administrator may all. */
enum access {
    ACCESS_OPEN, /* anybody, also without a token */
    ACCESS_ANY,  /* whoever has shown who he is */
    ACCESS_READ, /* who may look at everything */
    ACCESS_ADMIN,
    ACCESS_SEE_ROOM, /* who may look at everything, and the host of the room that the path names first */
    ACCESS_ROOM,     /* that host */
    ACCESS_MAILBOX,  /* the owner of the mailbox that the path names first */
};
enum body { BODY_NONE, BODY_JSON, BODY_SOUND };

struct route {
    const char *method, *template; /* "GET", "/api/v1/rooms/{room}"; a GET answers HEAD, too */
    enum access access;
    enum body body;
    void (*handle)(struct exchange *exchange); /* answers now or later, once */
};
/* Those of one file; the last one has no method. */
extern const struct route health_routes[], session_routes[], call_routes[], room_routes[], mailbox_routes[],
    directory_routes[], office_routes[], recording_routes[], event_routes[], greeting_routes[];
extern const struct route *const route_tables[]; /* ends with NULL */

struct params {
    char value[PARAMS_MAX][NUMBER_TEXT];
    char file[RECORDING_FILE]; /* of {file}, which may be longer than a number */
};
/*
 * The route of a path as it stands in the request. ENOENT; EPERM: there are others for that path, and
 * `allow` ("GET, HEAD") names them. Any thread.
 */
CONTROL_CHECK int route_find(const struct route **out, struct params *params, const char *method,
                             const char *path, char *allow, size_t size);
bool route_fits(const char *template, const char *path, struct params *params);

/* -- exchange ------------------------------------------------------------------------------------------ */

enum asker { ASKER_NOBODY, ASKER_READER, ASKER_OWNER, ASKER_HOST, ASKER_ADMIN };
struct identity {
    enum asker role;
    char name[CALLER_TEXT];    /* as logs and records have it */
    char subject[NUMBER_TEXT]; /* the host's room, the owner's mailbox */
    uint64_t session;          /* by a cookie: its number; 0: by a token */
    time_t expires;            /* with his token; 0: never */
};

struct stream;
struct answer {
    unsigned status; /* 0: none yet */
    const char *type;
    bool may_be_kept;      /* by who has the ETag looked at again; everything else is for once */
    json_t *json;          /* one of these three, or nothing */
    char *text, *path;     /* path: of a file that is unlinked … */
    bool kept;             /* … unless it is kept */
    struct stream *stream; /* … or events without end */
    struct {
        const char *name; /* NULL: no more */
        char value[HEADER_TEXT];
    } headers[HEADERS_MAX];
};

struct exchange {
    struct exchange *next; /* of those that the signalling thread has */
    struct http *http;
    struct control *control;
    struct MHD_Connection *connection;
    const struct route *route;
    struct params params;
    char method[8], *path;
    json_t *query; /* strings */
    json_t *body;  /* BODY_JSON: an object; NULL when there was none */
    char address[ADDRESS_TEXT];
    char secret[SECRET_TEXT], cookie[SECRET_TEXT]; /* what he shows; wiped when it was looked at */
    char last_event[48];
    char origin[HEADER_TEXT], host[HEADER_TEXT];
    char *sound; /* BODY_SOUND: a file below settings->cache_dir, gone with the exchange */
    char *raw;   /* body as it comes */
    size_t raw_length, excess;
    bool submitted;
    struct identity who;
    uint64_t number;        /* of its ticket */
    void *state;            /* of the handler; freed with the exchange */
    struct exchange *also;  /* who waits for the same look at storage, health.c */
    health_reply *examined; /* … and with what he goes on */
    struct answer answer;
};

/* For storage's replies. NULL: it is over. */
struct ticket exchange_ticket(const struct exchange *exchange);
struct exchange *exchange_of(struct ticket ticket);
/* A value of the query that is a string of at most `most` characters; `usual` when there is none. */
const char *query_text(const struct exchange *exchange, const char *name, const char *usual);
/* 0, or EINVAL when it is there and no number from low to high; a problem was the answer then. */
CONTROL_CHECK int query_number(struct exchange *exchange, const char *name, unsigned low, unsigned high,
                               unsigned *out);

/* Members of the body. False: it is none of that kind, and the answer was a problem that names it. What is
 * not there leaves *out as it is, unless it is `wanted`. */
enum presence { PERHAPS, WANTED };
CONTROL_CHECK bool body_text(struct exchange *exchange, const char *name, enum presence presence, size_t most,
                             const char **out);
CONTROL_CHECK bool body_truth(struct exchange *exchange, const char *name, enum presence presence, bool *out);
CONTROL_CHECK bool body_number(struct exchange *exchange, const char *name, enum presence presence, long low,
                               long high, long *out);
/* Nothing but these, blank between. */
CONTROL_CHECK bool body_only(struct exchange *exchange, const char *names);

/* -- reply.c: each ends the signalling thread's turn ---------------------------------------------------- */

void reply_json(struct exchange *exchange, unsigned status, json_t *json); /* takes it; NULL: no memory */
void reply_text(struct exchange *exchange, const char *type, char *text);  /* takes it; NULL: no memory */
void reply_none(struct exchange *exchange);                                /* 204 */
void reply_file(struct exchange *exchange, const char *type, const char *path);
/* One that stays; 404 when it is not there. */
void reply_kept_file(struct exchange *exchange, const char *type, const char *path);
void reply_stream(struct exchange *exchange, struct stream *stream);
/* RFC 9457; `member`: which of the request is at fault, or NULL. */
void reply_problem(struct exchange *exchange, unsigned status, const char *member, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* By an errno of storage, calls or rooms. */
void reply_error(struct exchange *exchange, int error);
/* 0: nothing; else reply_error(). For what storage answers at once. */
void reply_if(struct exchange *exchange, int error);
/* Before one of the above. Any thread. */
void answer_header(struct answer *answer, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same without an exchange on the signalling thread. Any thread. */
void answer_problem(struct answer *answer, unsigned status, const char *member, const char *detail);
void answer_free(struct answer *answer);

/* -- access.c ------------------------------------------------------------------------------------------ */

struct access_book; /* sessions and limits */
CONTROL_CHECK int access_new(struct access_book **out);
void access_free(struct access_book *book);
/* Finds out who asks and whether he may; then the route's handler, or a problem. */
void access_check(struct exchange *exchange);
uint64_t access_failures(const struct access_book *book);
/* So many in a minute of one `key`: 0, or after how many seconds again. */
unsigned limit_take(struct access_book *book, const char *key, unsigned per_minute);
/* Whose failures count as one: an address, or as much of it as one customer has (RFC 6177: a /64). */
void network_text(char out[ADDRESS_TEXT], const char *address);

/* -- control.c ----------------------------------------------------------------------------------------- */

struct events;
struct control {
    struct server *server;
    struct loop *loop;
    const struct settings *settings;
    struct http *http;
    struct access_book *access;
    struct events *events;
    bool draining, tls;
    uint64_t began_us, answered, problems;
    struct storage_health health; /* as it was found last, and when */
    uint64_t examined_us;
    bool examining;
    struct exchange *examined; /* those who wait for that, too */
};
static inline struct storage *exchange_storage(const struct exchange *exchange)
{
    return server_storage(exchange->control->server);
}
/* Takes the answer over to the HTTP thread. */
void exchange_finish(struct exchange *exchange);

/* -- http.c -------------------------------------------------------------------------------------------- */

/* `requests` takes struct exchange *. EADDRINUSE, EINVAL, ENOMEM. */
CONTROL_CHECK int http_start(struct http **out, struct control *control, struct queue *requests);
void http_set_origins(struct http *http, const struct settings *settings);
/* No more requests come; those that have come are in the queue. */
void http_close(struct http *http);
/* All exchanges must have their answers, and all streams be over. */
void http_stop(struct http *http);
void http_resume(struct exchange *exchange);
/* Of a header's text; `first` may lie beyond the end. False: no range that is known; the two stay as they
 * are. */
bool range_read(const char *text, uint64_t size, uint64_t *first, uint64_t *last);

/* -- events.c ------------------------------------------------------------------------------------------ */

CONTROL_CHECK int events_new(struct events **out, struct control *control);
/* Ends every stream; once the HTTP thread has, they may be freed. */
void events_end(struct events *events);
void events_free(struct events *events);
/* Those who listen by it. */
void events_end_session(struct events *events, uint64_t session);
unsigned events_listeners(const struct events *events);
/* HTTP thread: what comes next, at most `size` bytes; 0: nothing yet, and the connection is suspended; -1:
 * it is over. */
long stream_read(struct stream *stream, char *out, size_t size);
void stream_release(struct stream *stream); /* its connection is over */
void stream_attach(struct stream *stream, struct MHD_Connection *connection);

#endif
