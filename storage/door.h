/*
 * The door of a room: what it takes to let one caller in, asked before he is answered; and his PIN. Contract:
 * storage/storage.h.
 */
#ifndef CONFAB_STORAGE_DOOR_H
#define CONFAB_STORAGE_DOOR_H

#include "storage/room.h"

#include <time.h>

#define RETURN_S 60 /* so long after he was cut off he has his role without a PIN */

/* Who wants in. */
struct door_caller {
    char number[NUMBER_TEXT];   /* of the room */
    char profile[64];           /* of a room without a row; "" */
    char user[NUMBER_TEXT];     /* subscriber, authenticated; "" */
    char caller[CALLER_TEXT];   /* by which he is thrown out, or locked out; "": unknown */
    bool known;                 /* … and may be known again: somebody vouches for it */
    char address[ADDRESS_TEXT]; /* whence the call came; "": not counted */
};

enum door_time { DOOR_ALWAYS, DOOR_OPEN, DOOR_EARLY, DOOR_OVER };

struct door {
    bool has_row;
    bool recognised;         /* by his phone, or as one who was in a moment ago: he needs no PIN */
    bool returns, was_muted; /* the latter */
    enum room_role role;     /* … and is this then */
    bool own;                /* by his phone */
    enum room_role own_role; /* … and is this by it alone */
    char name[128];          /* as the room knows him; "" */
    bool banned;
    bool locked_out; /* too many wrong PINs were typed, by him or into this room */
    bool resumes;    /* a conference was cut off; then these hold */
    bool locked, lecture, all_muted;
    enum door_time time;
    time_t opens, ends; /* DOOR_EARLY; DOOR_OPEN */
    char zone[64];      /* of these times */
};

/* Error 0 also for a room without a row: `door->has_row` tells. */
typedef void door_reply(struct ticket ticket, int error, const struct room_row *room,
                        const struct door *door);
STORAGE_CHECK int door_find(struct storage *st, const struct door_caller *caller, struct ticket ticket,
                            door_reply *reply);

/* Whose PIN it was. EACCES: nobody's; EPERM: too many wrong ones, it was not even looked at. */
struct door_person {
    enum room_role role;
    char name[128]; /* "" */
};
typedef void door_pin_reply(struct ticket ticket, int error, const struct door_person *person);
STORAGE_CHECK int door_check_pin(struct storage *st, const struct door_caller *caller, const char *pin,
                                 struct ticket ticket, door_pin_reply *reply);

#endif
