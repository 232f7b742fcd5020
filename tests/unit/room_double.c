/* The storage and the loop of room_double.h. */
#include "tests/unit/room_double.h"

#include "core/base/clock.h"
#include "core/base/loop.h"
#include "storage/records.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked asked;
struct kept kept;
char recorded[4096];

/* -- storage --------------------------------------------------------------------------------------------- */

void room_row_init(struct room_row *room, const char *number)
{
    *room = (struct room_row){.music = true};
    snprintf(room->number, sizeof room->number, "%s", number);
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

int record_save(struct storage *st, json_t *record)
{
    size_t length = strlen(recorded);
    char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);

    (void)st;
    snprintf(recorded + length, sizeof recorded - length, "%s\n", text);
    free(text);
    json_decref(record);
    return 0;
}

void record_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, json_string(text));
}

void record_time(json_t *object, const char *key, int64_t wall_us)
{
    (void)wall_us;
    json_object_set_new(object, key, json_string("then"));
}

/* -- timers ---------------------------------------------------------------------------------------------- */

#define TIMERS 32

static struct timer {
    struct timer **place;
    uint32_t ms;
    void (*fn)(void *arg);
    void *arg;
} timers[TIMERS];

void timer_stop(struct timer **timer)
{
    if (*timer)
        (*timer)->place = NULL;
    *timer = NULL;
}

int timer_start(struct loop *loop, struct timer **timer, uint32_t ms, void (*fn)(void *arg), void *arg)
{
    int i = 0;

    (void)loop;
    timer_stop(timer);
    while (timers[i].place)
        ck_assert_int_lt(++i, TIMERS);
    timers[i] = (struct timer){timer, ms, fn, arg};
    *timer = &timers[i];
    return 0;
}

unsigned timers_waiting(void)
{
    unsigned count = 0;

    for (int i = 0; i < TIMERS; i++)
        count += timers[i].place != NULL;
    return count;
}

unsigned timer_due(void)
{
    struct timer *first = NULL;

    for (int i = 0; i < TIMERS; i++)
        if (timers[i].place && (!first || timers[i].ms < first->ms))
            first = &timers[i];
    ck_assert(first != NULL);
    struct timer due = *first;
    timer_stop(due.place);
    for (int i = 0; i < TIMERS; i++)
        if (timers[i].place)
            timers[i].ms -= due.ms;
    clock_advance((uint64_t)due.ms * 1000);
    due.fn(due.arg);
    return due.ms;
}
