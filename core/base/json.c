/* Values of JSON as programs get them. */
#include "core/base/json.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

json_t *json_time(time_t at)
{
    return at == 0 ? json_null() : json_sprintf("%sZ", clock_text(at));
}

json_t *json_moment(uint64_t us)
{
    int64_t ago_us = (int64_t)(clock_now_us() - us);

    return us == 0 ? json_null() : json_time((time_t)((clock_wall_us() - ago_us) / 1000000));
}

json_t *json_words(const char *text)
{
    json_t *words = json_string(text);
    char *ascii = words == NULL ? strdup(text) : NULL;

    if (ascii == NULL)
        return words;
    for (char *at = ascii; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    words = json_string(ascii);
    free(ascii);
    return words;
}
