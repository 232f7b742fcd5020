/*
 * Rooms that have settings of their own. A number without a row is an open room. Contract: storage/storage.h.
 */
#ifndef CONFAB_STORAGE_ROOM_H
#define CONFAB_STORAGE_ROOM_H

#include "storage/storage.h"

#include <stdbool.h>

enum room_choice { ROOM_AS_SERVER, ROOM_YES, ROOM_NO };
enum room_waiting { WAITING_OFF, WAITING_HOST, WAITING_ADMIT };
enum room_announce { ANNOUNCE_TONES, ANNOUNCE_NONE, ANNOUNCE_NAMES };
enum room_roster { ROSTER_HOSTS, ROSTER_MEMBERS, ROSTER_ALL };
enum room_role { ROLE_MEMBER, ROLE_HOST };

#define ROOM_PATTERNS                                                                                        \
    8 /* of numbers that may be called into it; more are left out, with a line in the log                    \
       */

struct room_row {
    char number[NUMBER_TEXT];
    char name[128], language[16];
    bool has_pin, has_moderator_pin;
    unsigned max_members; /* 0: the server's */
    enum room_choice loudness, denoise;
    char record[8], record_format[8]; /* "off", "mix", "tracks"; "wav", "flac", "opus"; "": the server's */
    char host[NUMBER_TEXT];           /* subscriber whose room it is; "" */
    unsigned max_minutes;             /* 0: no limit */
    enum room_waiting waiting;
    bool end_with_host, lecture, muted_entry, announce_count, music;
    unsigned end_grace_s;
    enum room_announce announce;
    unsigned quiet_above; /* members; 0: no limit */
    enum room_roster roster;
    char dial_out[ROOM_PATTERNS][NUMBER_TEXT]; /* "": no more */
    unsigned dial_out_max;
    bool dial_out_confirm;        /* who is called into it is asked to press 1 first */
    char menu[32], host_menu[32]; /* of confab.conf; "": the usual one */
    char siprec[256];             /* URI of a recording server; "" */
};
/* As a room without a row is. */
void room_row_init(struct room_row *room, const char *number);
typedef void room_reply(struct ticket ticket, int error, const struct room_row *room);
STORAGE_CHECK int room_find(struct storage *st, const char *number, struct ticket ticket, room_reply *reply);

#endif
