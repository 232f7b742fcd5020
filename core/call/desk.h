/*
 * What those see and do who sit at a desk and not at a phone: the HTTP API. Calls as JSON, rooms by what the
 * application that has them offers here, and news of both.
 *
 * Ownership: JSON is the receiver's. Threads: signalling. Failure: errno values; NULL is out of memory where
 * nothing else is said.
 */
#ifndef CONFAB_CALL_DESK_H
#define CONFAB_CALL_DESK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct server;

/* -- calls that stand ---------------------------------------------------------------------------------- */

json_t *desk_calls(const struct server *server);                /* an array, the newest first */
json_t *desk_call(const struct server *server, const char *id); /* one; NULL: there is none */
/* Its trace so far: an array of steps as view trace has them; NULL: there is no such call. */
json_t *desk_trace(const struct server *server, const char *id);
/* ENOENT. */
__attribute__((warn_unused_result)) int desk_hang_up(struct server *server, const char *id);
/* Connects one of the two who talk, the caller or the other, with `number`, with the rights of the one who is
 * left and who has his call back when that fails. ENOENT; EBUSY: no two talk, or they are being parted. */
__attribute__((warn_unused_result)) int desk_transfer(struct server *server, const char *id, bool caller,
                                                      const char *number);
/* Rings the phones of `user`, and calls `number` once he has answered. EINVAL: no number; EBUSY: no more
 * calls now. `id` becomes that of the call. */
#define CALL_ID_TEXT 17
__attribute__((warn_unused_result)) int desk_dial(struct server *server, const char *user, const char *number,
                                                  char id[CALL_ID_TEXT]);

/* -- rooms ---------------------------------------------------------------------------------------------- */

struct desk_order {
    const char *room, *act; /* the act as room menus name it: "mute", "lock", "invite" */
    unsigned member;        /* on whom; 0: on the room */
    unsigned other;         /* of acts between two; 0 */
    int value;
    const char *text;
    const char *by; /* who asks, as the record names him */
    bool trusted;   /* may bring a member past the PIN of another room */
};
/* Of an application that has rooms. */
struct desk_rooms {
    json_t *(*list)(struct server *server);                   /* an array */
    json_t *(*show)(struct server *server, const char *room); /* with members; NULL: it does not stand */
    /* ENOENT: no such room, member or act; the others as the application says. */
    int (*act)(struct server *server, const struct desk_order *order);
};
/* NULL: no application has any. */
const struct desk_rooms *desk_rooms(void);

/* -- news ----------------------------------------------------------------------------------------------- */

struct bulletin {
    const char *topic;   /* "call.began" */
    const char *room;    /* whose hosts hear of it; NULL: none do */
    const char *mailbox; /* whose owner does; NULL */
    json_t *data;        /* an object */
    bool brief;          /* soon followed by another: who has missed it has missed nothing */
};
typedef void bulletin_reader(void *arg, const struct bulletin *bulletin);
/* One reader; fn NULL: none any more. */
void server_on_news(struct server *server, bulletin_reader *fn, void *arg);
/* Whether somebody reads: who would make a text for nobody need not. */
bool server_is_read(const struct server *server);
/* Whether somebody looks at how loud those are who talk in rooms, which is told by server_publish_levels().
 */
void server_watch_levels(struct server *server, bool watched);
bool server_levels_watched(const struct server *server);
void server_publish_levels(struct server *server, const char *room, json_t *data); /* takes it */
/* Takes the data, also NULL. */
void server_publish(struct server *server, const char *topic, const char *room, const char *mailbox,
                    json_t *data);

#endif
