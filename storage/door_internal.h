/*
 * A room's row as its own query and the door's read it.
 *
 * Ownership: none. Threads: storage's own. Failure: none.
 */
#ifndef CONFAB_STORAGE_DOOR_INTERNAL_H
#define CONFAB_STORAGE_DOOR_INTERNAL_H

#include "storage/door.h"
#include "storage/rows.h"

/*
 * What a room leaves open its profile says, and what that leaves open the server's settings. A person's own
 * PIN makes a room one that asks, as the room's PIN of his role would. Columns from 1 on: the number stands
 * before them.
 */
#define ROOM_COLUMNS                                                                                         \
    "r.name, coalesce(nullif(r.language, ''), p.language, ''), "                                             \
    "r.pin_hash is not null or exists (select from room_person o where o.room = r.number "                   \
    "and o.pin_hash is not null and o.role = 'member'), "                                                    \
    "r.moderator_pin_hash is not null or exists (select from room_person o where o.room = r.number "         \
    "and o.pin_hash is not null and o.role = 'host'), "                                                      \
    "coalesce(nullif(r.max_members, 0), p.max_members, 0), "                                                 \
    "coalesce(r.loudness, p.loudness), coalesce(r.denoise, p.denoise), coalesce(r.record, p.record), "       \
    "coalesce(r.record_format, p.record_format), coalesce(r.host, ''), "                                     \
    "coalesce(r.max_minutes, p.max_minutes, 0), coalesce(r.waiting, p.waiting, 'off'), "                     \
    "coalesce(r.end_with_host, p.end_with_host, false), coalesce(r.end_grace_s, p.end_grace_s, 60), "        \
    "coalesce(r.lecture, p.lecture, false), coalesce(r.muted_entry, p.muted_entry, false), "                 \
    "coalesce(r.announce, p.announce, 'tones'), coalesce(r.announce_count, p.announce_count, false), "       \
    "coalesce(r.quiet_above, p.quiet_above, 0), coalesce(r.music, p.music, true), "                          \
    "coalesce(r.roster, p.roster, 'members'), coalesce(r.dial_out_max, p.dial_out_max, 4), "                 \
    "coalesce(r.menu, p.menu, ''), coalesce(r.host_menu, p.host_menu, ''), "                                 \
    "coalesce(r.siprec, p.siprec, ''), array_to_string(coalesce(r.dial_out, p.dial_out, '{}'), ' '), "       \
    "coalesce(r.dial_out_confirm, p.dial_out_confirm, false)"
#define ROOM_COLUMN_COUNT 28 /* with the number */

void room_read(struct room_row *room, const PGresult *result);

#endif
