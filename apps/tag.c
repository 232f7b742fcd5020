/* Tag: writes a word into the call's record and lets the request go on. Its argument is "KEY=VALUE". */
#include "apps/apps.h"
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define KEY_TEXT 64

static void tag_invited(struct link *link, const struct request *request)
{
    const char *value = strchr(request->argument, '=');
    char key[KEY_TEXT];

    if (value) {
        snprintf(key, sizeof key, "%.*s", (int)(value - request->argument), request->argument);
        link_tag(link, key, value + 1);
        link_log(link, LEVEL_INFO, "tagged %s=%s", key, value + 1);
    } else {
        link_log(link, LEVEL_WARNING, "argument-unknown argument=%s", request->argument);
    }
    link_continue(link);
}

const struct app tag_app = {
    .name = "tag",
    .invited = tag_invited,
};
