/* Reads what a subscriber has switched on; apart, since it needs no database. */
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

bool subscribers_share_group(const struct subscriber *a, const struct subscriber *b)
{
    char first[GROUP_TEXT], second[GROUP_TEXT];

    return subscriber_service(a, PICKUP_SERVICE, "group", first, sizeof first) &&
           subscriber_service(b, PICKUP_SERVICE, "group", second, sizeof second) && first[0] != '\0' &&
           strcmp(first, second) == 0;
}
