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

/* The beginning of a line, of the call's own record in the making; NULL: the trace is full. */
static struct record *line_begin(struct call *call)
{
    struct trace *trace = &call->trace;

    if (trace->count == LINES_MAX) {
        trace->left_out++;
        return NULL;
    }
    trace->count++;
    trace->last_us = clock_now_us() - call->started_us;
    record_begin(&trace->lines, NULL, RECORD_OBJECT);
    record_number(&trace->lines, "at_us", (int64_t)trace->last_us);
    return &trace->lines;
}

static void line_end(struct record *line, const char *detail)
{
    record_text(line, "detail", detail);
    record_end(line, RECORD_OBJECT);
}

static bool trace_is_on(const struct call *call)
{
    return call->settings && call->settings->records_trace;
}

void call_trace(struct call *call, const struct link *link, const char *event, const char *format, ...)
{
    struct record *line;
    char text[256];
    va_list args;
    bool edit;

    if (!trace_is_on(call))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_event(LEVEL_DEBUG, "call", call->id, "trace link=%s event=%s %s", link ? link_name(link) : "-", event,
              text);
    line = line_begin(call);
    if (!line)
        return;
    if (link)
        record_text(line, "link", link_name(link));
    record_text(line, "event", event);
    edit = strcmp(event, "edit") == 0;
    if (edit)
        record_text(line, "edits", text);
    line_end(line, edit ? "" : text);
}

void call_trace_decision(struct call *call, const struct link *link, const char *event, const char *decision,
                         uint64_t took_us)
{
    struct record *line;

    if (!trace_is_on(call))
        return;
    log_event(LEVEL_DEBUG, "call", call->id, "trace link=%s event=%s decision=%s took_us=%llu",
              link_name(link), event, decision, (unsigned long long)took_us);
    line = line_begin(call);
    if (!line)
        return;
    record_text(line, "link", link_name(link));
    record_text(line, "event", event);
    record_text(line, "decision", decision);
    record_number(line, "took_us", (int64_t)took_us);
    line_end(line, "");
}

void leg_trace(struct leg *leg, bool sent, const char *message, int status, const char *phrase)
{
    struct record *line = trace_is_on(leg->call) ? line_begin(leg->call) : NULL;
    char text[160];

    if (!line)
        return;
    record_number(line, "leg", (int64_t)leg->id);
    record_truth(line, "sent", sent);
    record_text(line, "event", message);
    if (status)
        snprintf(text, sizeof text, "%d%s%s", status, phrase && *phrase ? " " : "", phrase ? phrase : "");
    else
        snprintf(text, sizeof text, "%s", phrase ? phrase : "");
    line_end(line, text);
}

void record_trace(struct record *record, const struct call *call)
{
    const struct trace *trace = &call->trace;
    char text[48];

    record_begin(record, "trace", RECORD_ARRAY);
    if (!trace->lines.failed)
        record_json(record, NULL, trace->lines.text, trace->lines.length);
    if (trace->left_out) {
        record_begin(record, NULL, RECORD_OBJECT);
        record_number(record, "at_us", (int64_t)trace->last_us);
        record_text(record, "event", "left-out");
        snprintf(text, sizeof text, "%u lines", trace->left_out);
        line_end(record, text);
    }
    record_end(record, RECORD_ARRAY);
}

void tags_free(struct tag *tags)
{
    for (struct tag *tag = tags, *next; tag; tag = next) {
        next = tag->next;
        free(tag);
    }
}

void record_tags(struct record *record, const struct call *call)
{
    record_begin(record, "tags", RECORD_OBJECT);
    for (const struct tag *tag = call->tags; tag; tag = tag->next)
        record_text(record, tag->key, tag->value);
    record_end(record, RECORD_OBJECT);
}

/* The same key again: the newer value stands. */
void link_tag(struct link *link, const char *key, const char *value)
{
    struct call *call = link->call;
    struct tag **at = &call->tags, *tag = *at;
    unsigned count = 0;

    for (; tag && strcmp(tag->key, key) != 0; at = &tag->next, tag = *at)
        count++;
    if (strlen(value) > TAG_VALUE_MAX)
        tag = NULL;
    else if (!tag && count < TAGS_MAX && *key && strlen(key) <= TAG_KEY_MAX)
        *at = tag = calloc(1, sizeof *tag);
    if (!tag) {
        link_log(link, LEVEL_WARNING, "tag-left-out key=%.40s", key);
        return;
    }
    snprintf(tag->key, sizeof tag->key, "%s", key);
    snprintf(tag->value, sizeof tag->value, "%s", value);
    call_trace(call, link, "tag", "%s=%s", key, value);
}
