/* Templates of paths. No I/O, no state: it runs on libmicrohttpd's thread. */
#include "core/control/internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct route *const route_tables[] = {health_routes,  session_routes,   call_routes,   room_routes,
                                            mailbox_routes, directory_routes, office_routes, recording_routes,
                                            event_routes,   greeting_routes,  NULL};

static int hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = strchr(digits, tolower((unsigned char)digit));

    return digit != '\0' && at != NULL ? (int)(at - digits) : -1;
}

/* One segment, percent-decoded (RFC 3986 §2.1). False: it is too long, or holds a NUL or half an escape. */
static bool segment_read(char *out, size_t size, const char *from, size_t length)
{
    size_t at = 0;

    for (size_t i = 0; i < length; i++) {
        char c = from[i];

        if (c == '%') {
            int high = i + 2 < length ? hex_value(from[i + 1]) : -1;
            int low = i + 2 < length ? hex_value(from[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0' || at + 1 >= size)
            return false;
        out[at++] = c;
    }
    out[at] = '\0';
    return at > 0;
}

bool route_fits(const char *template, const char *path, struct params *params)
{
    unsigned count = 0;

    memset(params, 0, sizeof *params);
    while (*template == '/' && *path == '/') {
        size_t length, wanted;

        template ++;
        path++;
        wanted = strcspn(template, "/");
        length = strcspn(path, "/");
        if (wanted == strlen("{file}") && strncmp(template, "{file}", wanted) == 0) {
            if (!segment_read(params->file, sizeof params->file, path, length))
                return false;
        } else if (*template == '{') {
            if (count == PARAMS_MAX || !segment_read(params->value[count++], NUMBER_TEXT, path, length))
                return false;
        } else if (wanted != length || strncmp(template, path, length) != 0) {
            return false;
        }
        template += wanted;
        path += length;
    }
    return *template == '\0' && *path == '\0';
}

/* Each once, a GET as two. */
static void allow_add(char *allow, size_t size, const char *method)
{
    size_t at = strlen(allow);

    if (strstr(allow, method) == NULL)
        snprintf(allow + at, size - at, "%s%s%s", at > 0 ? ", " : "", method,
                 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

int route_find(const struct route **out, struct params *params, const char *method, const char *path,
               char *allow, size_t size)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    struct params found;

    allow[0] = '\0';
    for (const struct route *const *table = route_tables; *table != NULL; table++)
        for (const struct route *route = *table; route->method != NULL; route++) {
            if (!route_fits(route->template, path, &found))
                continue;
            if (strcmp(route->method, wanted) == 0) {
                *out = route;
                *params = found;
                return 0;
            }
            allow_add(allow, size, route->method);
        }
    return allow[0] != '\0' ? EPERM : ENOENT;
}
