/* Values of a record's columns; apart, since they need no database. */
#include "storage/internal.h"
#include "storage/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void record_text(json_t *object, const char *key, const char *text)
{
    size_t size = strlen(text) + 1;
    char *fit = malloc(size);

    if (fit != NULL) {
        text_copy(fit, size, text);
        json_object_set_new(object, key, json_string(fit));
    }
    free(fit);
}

void record_text_or_null(json_t *object, const char *key, const char *text)
{
    if (text == NULL || *text == '\0') {
        json_object_set_new(object, key, json_null());
    } else {
        record_text(object, key, text);
    }
}

void record_time(json_t *object, const char *key, int64_t wall_us)
{
    time_t second = (time_t)(wall_us / 1000000);
    char text[64], whole[32];
    struct tm tm;

    if (wall_us == 0 || gmtime_r(&second, &tm) == NULL) {
        json_object_set_new(object, key, json_null());
        return;
    }
    strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, sizeof text, "%s.%06dZ", whole, (int)(wall_us % 1000000));
    json_object_set_new(object, key, json_string(text));
}
