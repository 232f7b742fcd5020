/* The parameters of a service, as a subscriber's row has them. */
#include "apps/service/service.h"

#include <string.h>

const char *service_text(const json_t *service, const char *key)
{
    const char *text = json_string_value(json_object_get(service, key));

    return text ? text : "";
}

long service_number(const json_t *service, const char *key, long otherwise)
{
    const json_t *value = json_object_get(service, key);

    return json_is_integer(value) ? (long)json_integer_value(value) : otherwise;
}

bool service_truth(const json_t *service, const char *key)
{
    return json_is_true(json_object_get(service, key));
}

bool number_is_dialable(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length < NUMBER_TEXT && strspn(text, "0123456789*#+") == length;
}
