/* The storage of room_double.h. */
#include "tests/unit/room_double.h"

#include "storage/records.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked asked;
struct kept kept;
char recorded[4096];
struct room_row usual_room = {.music = true, .dial_out_max = 4};

static void complained(const char *line, void *arg)
{
    (void)arg;
    ck_abort_msg("%s", line);
}

void room_double_begin(void)
{
    static const struct settings *usual;
    static char cache[] = "/cache";

    double_begin();
    ck_assert_int_eq(settings_load(&usual, "/dev/null", complained, NULL), 0);
    settings.menus = usual->menus;
    settings.menu_count = usual->menu_count;
    settings.cache_dir = cache;
}

/* -- storage --------------------------------------------------------------------------------------------- */

void room_row_init(struct room_row *room, const char *number)
{
    *room = usual_room;
    snprintf(room->number, sizeof room->number, "%s", number);
}

int room_find(struct storage *st, const char *number, struct ticket ticket, room_reply *reply)
{
    (void)st;
    snprintf(asked.key, sizeof asked.key, "%s", number);
    asked.ticket = ticket;
    asked.plain = reply;
    return asked.refuse;
}

int door_find(struct storage *st, const struct door_caller *caller, struct ticket ticket, door_reply *reply)
{
    (void)st;
    asked.caller = *caller;
    snprintf(asked.key, sizeof asked.key, "%s", caller->number);
    asked.ticket = ticket;
    asked.room = reply;
    return asked.refuse;
}

int door_check_pin(struct storage *st, const struct door_caller *caller, const char *pin,
                   struct ticket ticket, door_pin_reply *reply)
{
    (void)st;
    snprintf(asked.key, sizeof asked.key, "%s", caller->number);
    snprintf(asked.pin_typed, sizeof asked.pin_typed, "%s", pin);
    asked.ticket = ticket;
    asked.pin = reply;
    return asked.refuse;
}

void door_says(int error, const struct room_row *row, const struct door *door)
{
    struct door known = door ? *door : (struct door){0};
    struct room_row none;

    room_row_init(&none, asked.key);
    known.has_row = row != NULL;
    asked.room(asked.ticket, error, error ? NULL : row ? row : &none, error ? NULL : &known);
}

void pin_says(int error, enum room_role role, const char *name)
{
    struct door_person person = {.role = role};

    snprintf(person.name, sizeof person.name, "%s", name);
    asked.pin(asked.ticket, error, error ? NULL : &person);
}

static struct ticket keep_ticket;
static storage_done *keep_reply;

int conference_keep(struct storage *st, const struct room_kept *what, struct ticket ticket,
                    storage_done *reply)
{
    (void)st;
    kept.count++;
    kept.what = *what;
    snprintf(kept.lines, sizeof kept.lines, "%s", what->lines);
    keep_ticket = ticket;
    keep_reply = reply;
    return 0;
}

void keep_says(int error)
{
    ck_assert(keep_reply != NULL);
    keep_reply(keep_ticket, error);
}

/* -- records --------------------------------------------------------------------------------------------- */

/* Moments as "then", keys in order. */
static void record_note(json_t *row)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(row, next, key, value)
    {
        const char *text = json_string_value(value);
        if (json_is_object(value))
            record_note(value);
        else if (text && strlen(text) == 27 && text[10] == 'T' && text[26] == 'Z')
            json_object_set_new(row, key, json_string("then"));
    }
}

int record_save(struct storage *st, struct record *record)
{
    size_t length = strlen(recorded);
    json_t *row = json_loadb(record->text, record->length, 0, NULL);

    (void)st;
    ck_assert(row != NULL && !record->failed);
    record_note(row);
    char *text = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(recorded + length, sizeof recorded - length, "%s\n", text);
    free(text);
    json_decref(row);
    record_free(record);
    return 0;
}
