/* Reads what a subscriber has switched on; apart, since it needs no database. */
#include "core/base/settings.h"
#include "storage/subscriber.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

bool subscriber_service(const struct subscriber *subscriber, const char *service, const char *key, char *out,
                        size_t size)
{
    const json_t *parameters;
    const char *text;
    json_t *all;
    bool on;

    if (out != NULL) {
        out[0] = '\0';
    }
    if (strstr(subscriber->services, service) == NULL) {
        return false; /* nearly always, and without a parser */
    }
    all = json_loads(subscriber->services, 0, NULL);
    parameters = json_object_get(all, service);
    text = key != NULL ? json_string_value(json_object_get(parameters, key)) : NULL;
    if (out != NULL && text != NULL && strlen(text) < size) {
        snprintf(out, size, "%s", text);
    }
    on = parameters != NULL;
    json_decref(all);
    return on;
}

/* "*72" is a feature's code, so only a '*' behind something is a joker. */
static bool pattern_names(const char *pattern, const char *number)
{
    char *one = (char *)(uintptr_t)pattern;
    size_t length = strlen(pattern);

    if (length > 1 && pattern[length - 1] == '*') {
        return strncmp(pattern, number, length - 1) == 0;
    }
    return length > 0 && settings_any_pattern(&one, 1, number);
}

bool service_lists(const json_t *service, const char *key, const char *number)
{
    const json_t *list = json_object_get(service, key);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *pattern = json_string_value(json_array_get(list, i));

        if (pattern != NULL && pattern_names(pattern, number)) {
            return true;
        }
    }
    return false;
}

bool service_bars(const json_t *service, const char *number)
{
    bool allows = json_array_size(json_object_get(service, "allow")) > 0;
    bool blocks = json_array_size(json_object_get(service, "block")) > 0;

    return (blocks ? service_lists(service, "block", number) : allows) &&
           !service_lists(service, "allow", number);
}

bool subscribers_share_group(const struct subscriber *a, const struct subscriber *b)
{
    char first[GROUP_TEXT], second[GROUP_TEXT];

    return subscriber_service(a, PICKUP_SERVICE, "group", first, sizeof first) &&
           subscriber_service(b, PICKUP_SERVICE, "group", second, sizeof second) && first[0] != '\0' &&
           strcmp(first, second) == 0;
}
