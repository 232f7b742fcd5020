/*
 * What administrators change: subscribers, mailboxes, tokens. By a job for the HTTP API; at once for
 * confabctl, which has no loop and may wait.
 *
 * Ownership: values; admin_open() makes, admin_close() ends. Threads: as storage/storage.h; a struct admin
 * has one. Failure: EEXIST it is there already; ENOENT it is not; ESRCH what the fields name (a subscriber's
 * mailbox) is not; EINVAL a value that the table refuses, or a PIN of a wrong length; EPERM a PIN that is too
 * easy or was used before; ENOTCONN, EIO.
 */
#ifndef CONFAB_STORAGE_CHANGE_H
#define CONFAB_STORAGE_CHANGE_H

#include "storage/api.h"

#include <jansson.h>

#define CHANGE_FIELDS 4096

enum change_kind {
    SUBSCRIBER_ADD,
    SUBSCRIBER_EDIT,
    SUBSCRIBER_REMOVE,
    MAILBOX_ADD,
    MAILBOX_EDIT,
    TOKEN_ADD,
    TOKEN_REMOVE,
    ROOM_SET, /* the whole row but its PINs, made where it is not there; "times": all of them */
    ROOM_REMOVE,
    ROOM_PIN, /* secret "": none */
    ROOM_HOST_PIN,
    CHANGE_COUNT
};
struct change {
    enum change_kind kind;
    char key[NUMBER_TEXT];      /* number; a token's name, or its id or name when it goes */
    char fields[CHANGE_FIELDS]; /* columns as a JSON object, null where one is to be empty; "": none.
                                   What is not named stays as it is */
    char secret[128];           /* "": as it is; else a subscriber's password, a mailbox's PIN, a token */
};
/* 0, or E2BIG when they do not fit. `fields` NULL: none. */
STORAGE_CHECK int change_set_fields(struct change *change, const json_t *fields);

STORAGE_CHECK int change_submit(struct storage *st, const struct change *change, struct ticket ticket,
                                storage_done *reply);

struct admin;
STORAGE_CHECK int admin_open(struct admin **out, const struct settings *settings);
void admin_close(struct admin *admin);
STORAGE_CHECK int admin_change(struct admin *admin, const struct change *change);
/* As listing_read(). */
STORAGE_CHECK int admin_list(struct admin *admin, enum listing listing, const struct listing_query *query,
                             json_t **out);
/* {"server": "15.8", "size": bytes, "migrations": [{"file": …, "state": "applied", "pending", "changed" or
 * "unknown"}, …]}; the last one is in the database, and no file of ours. */
STORAGE_CHECK int admin_examine(struct admin *admin, json_t **out);

#endif
