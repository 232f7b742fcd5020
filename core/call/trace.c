/*
 * A call's trace: what each link and each leg had to say, in order; and the words that applications leave in
 * its record. Bounded: a call that goes round and round must not take the memory of others.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 200
#define TAGS_MAX 16
#define TAG_KEY_MAX 40
#define TAG_VALUE_MAX 200

/* NULL: the trace is full, or off. */
static struct trace_line *trace_add(struct call *call)
{
    struct trace *trace = &call->trace;

    if (trace->count == LINES_MAX) {
        trace->left_out++;
        return NULL;
    }
    if (trace->count == trace->room) {
        unsigned room = trace->room ? trace->room * 2 : 16;
        struct trace_line *lines = realloc(trace->lines, room * sizeof *lines);

        if (!lines) {
            trace->left_out++;
            return NULL;
        }
        trace->lines = lines;
        trace->room = room;
    }
    trace->lines[trace->count] = (struct trace_line){.at_us = clock_now_us() - call->started_us};
    return &trace->lines[trace->count++];
}

static bool trace_is_on(const struct call *call)
{
    return call->settings && call->settings->records_trace;
}

void call_trace(struct call *call, const struct link *link, const char *event, const char *format, ...)
{
    struct trace_line *line;
    char text[256];
    va_list args;

    if (!trace_is_on(call))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_event(LEVEL_DEBUG, "call", call->id, "trace link=%s event=%s %s", link ? link_name(link) : "-", event,
              text);
    line = trace_add(call);
    if (!line)
        return;
    line->link = link ? link_name(link) : NULL;
    line->event = event;
    line->text = strdup(text);
}

void call_trace_decision(struct call *call, const struct link *link, const char *event, const char *decision,
                         uint64_t took_us)
{
    struct trace_line *line;

    if (!trace_is_on(call))
        return;
    log_event(LEVEL_DEBUG, "call", call->id, "trace link=%s event=%s decision=%s took_us=%llu",
              link_name(link), event, decision, (unsigned long long)took_us);
    line = trace_add(call);
    if (!line)
        return;
    line->link = link_name(link);
    line->event = event;
    line->decision = decision;
    line->took_us = took_us;
}

void leg_trace(struct leg *leg, bool sent, const char *message, int status, const char *phrase)
{
    struct trace_line *line = trace_is_on(leg->call) ? trace_add(leg->call) : NULL;
    char text[160];

    if (!line)
        return;
    line->leg = leg->id;
    line->sent = sent;
    line->event = message;
    if (status)
        snprintf(text, sizeof text, "%d%s%s", status, phrase && *phrase ? " " : "", phrase ? phrase : "");
    else
        snprintf(text, sizeof text, "%s", phrase ? phrase : "");
    line->text = strdup(text);
}

void trace_free(struct trace *trace)
{
    for (unsigned i = 0; i < trace->count; i++)
        free(trace->lines[i].text);
    free(trace->lines);
    *trace = (struct trace){0};
}

/* The same key again: the newer value stands. */
void link_tag(struct link *link, const char *key, const char *value)
{
    struct call *call = link->call;

    if (!call->tags)
        call->tags = json_object();
    if (!*key || strlen(key) > TAG_KEY_MAX || strlen(value) > TAG_VALUE_MAX ||
        (json_object_size(call->tags) >= TAGS_MAX && !json_object_get(call->tags, key))) {
        link_log(link, LEVEL_WARNING, "tag-left-out key=%.40s", key);
        return;
    }
    /* Keys are the application's own, values may be anything. */
    record_text(call->tags, key, value);
    call_trace(call, link, "tag", "%s=%s", key, value);
}
