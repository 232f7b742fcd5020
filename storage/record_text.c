/*
 * Records as JSON text, written from its beginning to its end. A comma is needed wherever the last byte ends
 * a value, so that no more than the text itself is remembered. Apart, since it needs no database.
 */
#include "storage/internal.h"
#include "storage/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

#define ROOM_FIRST 1024

/* Room for `bytes` more, or NULL: the record is spoilt then, and takes nothing more. */
static char *room_make(struct record *record, size_t bytes)
{
    size_t room = record->room > 0 ? record->room : ROOM_FIRST;
    char *text;

    if (record->failed) {
        return NULL;
    }
    while (room - record->length < bytes) {
        room *= 2;
    }
    if (room > record->room) {
        text = realloc(record->text, room);
        if (text == NULL) {
            record->failed = true;
            return NULL;
        }
        record->text = text;
        record->room = room;
    }
    return record->text + record->length;
}

void record_add(struct record *record, const char *text, size_t length)
{
    char *at = room_make(record, length);

    if (at != NULL && length > 0) { /* nothing may come from nowhere */
        memcpy(at, text, length);
        record->length += length;
    }
}

static void string_add(struct record *record, const char *text)
{
    char *at = room_make(record, 2 * strlen(text) + 2); /* each byte as two at most */

    if (at == NULL) {
        return;
    }
    *at++ = '"';
    while (*text != '\0') {
        bool plain = *text >= 0x20 && *text < 0x7F;
        size_t length = plain ? 1 : text_character(text);

        if (*text == '"' || *text == '\\') {
            *at++ = '\\';
        }
        if (length == 0) {
            *at++ = '?';
            text++;
        }
        for (; length > 0; length--) {
            *at++ = *text++;
        }
    }
    *at++ = '"';
    record->length = (size_t)(at - record->text);
}

/* The comma before a value, and its name. */
static void value_begin(struct record *record, const char *key)
{
    char last = record->length > 0 ? record->text[record->length - 1] : '[';

    if (last != '[' && last != '{') {
        record_add(record, ",", 1);
    }
    if (key != NULL) {
        string_add(record, key);
        record_add(record, ":", 1);
    }
}

void record_begin(struct record *record, const char *key, enum record_kind kind)
{
    value_begin(record, key);
    record_add(record, kind == RECORD_OBJECT ? "{" : "[", 1);
}

void record_end(struct record *record, enum record_kind kind)
{
    record_add(record, kind == RECORD_OBJECT ? "}" : "]", 1);
}

void record_text(struct record *record, const char *key, const char *text)
{
    value_begin(record, key);
    string_add(record, text);
}

void record_text_or_null(struct record *record, const char *key, const char *text)
{
    if (text == NULL || *text == '\0') {
        record_json(record, key, "null", 4);
    } else {
        record_text(record, key, text);
    }
}

void record_number(struct record *record, const char *key, int64_t number)
{
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char digits[24], *at = digits + sizeof digits;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        *--at = '-';
    }
    record_json(record, key, at, (size_t)(digits + sizeof digits - at));
}

void record_hundredths(struct record *record, const char *key, uint64_t hundredths)
{
    char digits[32];
    int length =
        snprintf(digits, sizeof digits, "%" PRIu64 ".%02u", hundredths / 100, (unsigned)(hundredths % 100));

    record_json(record, key, digits, (size_t)length);
}

void record_truth(struct record *record, const char *key, bool truth)
{
    record_json(record, key, truth ? "true" : "false", truth ? 4 : 5);
}

void record_time(struct record *record, const char *key, int64_t wall_us)
{
    char text[CLOCK_TEXT + 16];
    int length;

    if (wall_us == 0) {
        record_json(record, key, "null", 4);
        return;
    }
    length = snprintf(text, sizeof text, "\"%s.%06dZ\"", clock_text((time_t)(wall_us / 1000000)),
                      (int)(wall_us % 1000000));
    record_json(record, key, text, (size_t)length);
}

void record_json(struct record *record, const char *key, const char *json, size_t length)
{
    value_begin(record, key);
    record_add(record, json, length);
}

void record_free(struct record *record)
{
    free(record->text);
    *record = (struct record){0};
}
