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

/* "*72" is a feature's code, so only a '*' behind something is a joker. */
static bool pattern_names(const char *pattern, const char *number)
{
    char *one = (char *)(uintptr_t)pattern;
    size_t length = strlen(pattern);

    if (length > 1 && pattern[length - 1] == '*')
        return strncmp(pattern, number, length - 1) == 0;
    return length > 0 && settings_any_pattern(&one, 1, number);
}

bool service_lists(const json_t *service, const char *key, const char *number)
{
    const json_t *list = json_object_get(service, key);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *pattern = json_string_value(json_array_get(list, i));

        if (pattern && pattern_names(pattern, number))
            return true;
    }
    return false;
}

bool service_has_list(const json_t *service, const char *key)
{
    return json_array_size(json_object_get(service, key)) > 0;
}

bool number_is_dialable(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length < NUMBER_TEXT && strspn(text, "0123456789*#+") == length;
}
