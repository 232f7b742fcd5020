/*
 * A call's trace: what each link and each leg had to say, in order.
 */
#include "core/call/internal.h"

#include <stdarg.h>
#include <stdio.h>

void call_trace(struct call *call, const struct link *link, const char *event, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_event(LEVEL_DEBUG, "call", call->id, "trace link=%s event=%s %s", link ? link->app->name : "-", event,
              text);
}

void link_tag(struct link *link, const char *key, const char *value)
{
    call_trace(link->call, link, "tag", "%s=%s", key, value);
}
