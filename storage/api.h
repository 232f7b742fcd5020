/*
 * What the HTTP API asks of storage beyond what phones do: tokens, listings as JSON, and how storage itself
 * is. Contract: storage/storage.h.
 */
#ifndef CONFAB_STORAGE_API_H
#define CONFAB_STORAGE_API_H

#include "core/base/hash.h"
#include "storage/storage.h"

#include <stdbool.h>
#include <time.h>

/* Who shows a token may do what its role allows. */
struct token {
    char id[UUID_TEXT], name[64];
    char role[16];             /* "admin", "read-only", "host", "owner" */
    char subject[NUMBER_TEXT]; /* the host's room, the owner's mailbox; "" */
    time_t expires;            /* 0: never */
};
/* The one whose secret has this SHA-256, in hexadecimal. ENOENT: none, or it has expired. */
typedef void token_reply(struct ticket ticket, int error, const struct token *token);
STORAGE_CHECK int token_find(struct storage *st, const char *sha256, struct ticket ticket,
                             token_reply *reply);

/* Rows as JSON. `key`, `after` and the like are what each one says; empty where it needs none. */
enum listing {
    LISTING_SUBSCRIBERS,   /* by number; key: one alone */
    LISTING_REGISTRATIONS, /* by subscriber and contact; key: of one subscriber */
    LISTING_MAILBOXES,     /* by number; key: one alone */
    LISTING_CALLS,         /* those that are over, newest first; key: one alone; number: who took part */
    LISTING_TRACE,         /* key: of this call */
    LISTING_TRANSCRIPT,    /* key: an entry of the mailbox `number`: what its message says */
    LISTING_MESSAGES,      /* key: in this mailbox; newest first */
    LISTING_TOKENS,        /* by id; key: one alone */
    LISTING_RECORDINGS,    /* files, by name; key: of this room or number */
    LISTING_ROOMS,         /* by number, as their rows have it, with their times; key: one alone */
    LISTING_COUNT
};
struct listing_query {
    char key[NUMBER_TEXT], number[NUMBER_TEXT];
    char after[URI_TEXT + NUMBER_TEXT + 1]; /* goes on after the row that an earlier answer's `next` names */
    unsigned most;                          /* rows */
};
/*
 * EINVAL at once: `after` is none that it has named.
 * {"items": [{…}, …], "next": "…" or null}. The receiver may keep the text: it sets *json to NULL then, and
 * frees it.
 */
typedef void listing_reply(struct ticket ticket, int error, char **json);
STORAGE_CHECK int listing_read(struct storage *st, enum listing listing, const struct listing_query *query,
                               struct ticket ticket, listing_reply *reply);

/* Whether a file there may have that name; any thread. */
bool recording_name_fits(const char *name);
#define RECORDING_FILE 256
/* ENOENT. One that is being written goes on without a name, and is gone at its end. */
STORAGE_CHECK int recording_remove(struct storage *st, const char *name, struct ticket ticket,
                                   storage_done *reply);

/* How storage is. The job itself never fails. */
struct storage_health {
    int database_error;                    /* 0: it has answered */
    int spool_error;                       /* 0: a file could be written there */
    uint64_t latency_us;                   /* of the smallest question to the database */
    unsigned spool_age_s;                  /* of the oldest deposit that waits on disk; 0: none */
    unsigned outbox_waiting, outbox_age_s; /* mails and webhooks; the oldest of them */
    unsigned bindings;
};
typedef void health_reply(struct ticket ticket, const struct storage_health *health);
STORAGE_CHECK int storage_examine(struct storage *st, struct ticket ticket, health_reply *reply);

#endif
