/*
 * Rooms that have settings of their own. A number without a row is an open room. Contract: storage/storage.h.
 */
#ifndef CONFAB_STORAGE_ROOM_H
#define CONFAB_STORAGE_ROOM_H

#include "storage/storage.h"

#include <stdbool.h>

enum room_choice { ROOM_AS_SERVER, ROOM_YES, ROOM_NO };

struct room_row {
    char number[NUMBER_TEXT];
    char name[128], language[16];
    bool has_pin, has_moderator_pin;
    unsigned max_members; /* 0: the server's */
    enum room_choice loudness, denoise;
    char record[8], record_format[8]; /* "off", "mix", "tracks"; "wav", "flac", "opus"; "": the server's */
};
typedef void room_reply(struct ticket ticket, int error, const struct room_row *room);
STORAGE_CHECK int room_find(struct storage *st, const char *number, struct ticket ticket, room_reply *reply);

/* error 0: `moderator` tells which PIN it was. EACCES: neither. */
typedef void room_pin_reply(struct ticket ticket, int error, bool moderator);
STORAGE_CHECK int room_check_pin(struct storage *st, const char *number, const char *pin,
                                 struct ticket ticket, room_pin_reply *reply);

#endif
