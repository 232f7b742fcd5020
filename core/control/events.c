/*
 * Server-sent events (the HTML standard, §9.2). The last ones are kept, so that who was cut off and comes
 * back with Last-Event-ID misses nothing; who was away for longer is told to read everything anew.
 *
 * Each stream has a queue of its own between the two threads, with a lock that nobody holds for longer than
 * it takes to move a pointer. Who reads too slowly loses his connection, not his events: he comes back.
 */
#include "core/control/http.h"

#include "core/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING 1024
#define QUEUE (RING + 8) /* all that is kept, at once */
#define STREAMS_MAX 128
#define STREAMS_EACH 8                           /* of one token or owner */
#define BEAT_MS 15000                            /* a comment, so that the dead are noticed */
#define STREAM_US (UINT64_C(3600) * 1000 * 1000) /* then he comes anew, and shows who he is */
#define GREETING "retry: 2000\n: confab\n\n"

struct event {
    atomic_uint references;
    uint64_t number; /* 0: none that is kept */
    bool brief;      /* levels: only for who looks at that room alone */
    char room[NUMBER_TEXT], mailbox[NUMBER_TEXT];
    size_t length;
    char text[];
};

struct stream {
    struct stream *next; /* signalling's, as the next three */
    struct identity who;
    char room[NUMBER_TEXT]; /* that he wants to hear of alone; "": all that he may */
    uint64_t until_us;
    struct MHD_Connection *connection;
    pthread_mutex_t mutex; /* of what follows */
    struct event *queue[QUEUE];
    unsigned head, count;
    size_t sent; /* of the first */
    bool asleep; /* its connection is suspended */
    bool ended;  /* by us, once the queue is empty */
    bool gone;   /* its connection is over */
};

struct events {
    struct control *control;
    struct event *ring[RING];
    uint64_t number; /* of the newest */
    char epoch[9];   /* of this process: numbers of another one are not ours */
    struct stream *streams;
    unsigned count;
    struct timer *beat;
};

static struct event *event_new(const char *format, ...) __attribute__((format(printf, 1, 2)));
static struct event *event_new(const char *format, ...)
{
    struct event *event;
    va_list args, again;
    int length;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    event = calloc(1, sizeof *event + (size_t)length + 1);
    if (event != NULL) {
        atomic_init(&event->references, 1);
        event->length = (size_t)length;
        vsnprintf(event->text, event->length + 1, format, again);
    }
    va_end(again);
    va_end(args);
    return event;
}

static void event_release(struct event *event)
{
    if (event != NULL && atomic_fetch_sub(&event->references, 1) == 1)
        free(event);
}

/* -- streams ------------------------------------------------------------------------------------------ */

static void stream_free(struct stream *stream)
{
    while (stream->count > 0) {
        event_release(stream->queue[stream->head]);
        stream->head = (stream->head + 1) % QUEUE;
        stream->count--;
    }
    pthread_mutex_destroy(&stream->mutex);
    free(stream);
}

static void stream_wake(struct stream *stream)
{
    if (stream->asleep)
        MHD_resume_connection(stream->connection);
    stream->asleep = false;
}

/* A full queue ends it: he reads too slowly. */
static void stream_put(struct stream *stream, struct event *event)
{
    pthread_mutex_lock(&stream->mutex);
    if (stream->count == QUEUE) {
        stream->ended = true;
    } else if (!stream->gone && !stream->ended) {
        atomic_fetch_add(&event->references, 1);
        stream->queue[(stream->head + stream->count++) % QUEUE] = event;
    }
    stream_wake(stream);
    pthread_mutex_unlock(&stream->mutex);
}

static void stream_finish(struct stream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    stream->ended = true;
    stream_wake(stream);
    pthread_mutex_unlock(&stream->mutex);
}

void stream_attach(struct stream *stream, struct MHD_Connection *connection)
{
    pthread_mutex_lock(&stream->mutex);
    stream->connection = connection;
    pthread_mutex_unlock(&stream->mutex);
}

long stream_read(struct stream *stream, char *out, size_t size)
{
    size_t given = 0;
    long result;

    pthread_mutex_lock(&stream->mutex);
    while (stream->count > 0 && given < size) {
        struct event *event = stream->queue[stream->head];
        size_t part =
            event->length - stream->sent < size - given ? event->length - stream->sent : size - given;

        memcpy(out + given, event->text + stream->sent, part);
        given += part;
        stream->sent += part;
        if (stream->sent == event->length) {
            event_release(event);
            stream->head = (stream->head + 1) % QUEUE;
            stream->count--;
            stream->sent = 0;
        }
    }
    result = given > 0 ? (long)given : stream->ended ? -1 : 0;
    if (result == 0) {
        stream->asleep = true;
        MHD_suspend_connection(stream->connection);
    }
    pthread_mutex_unlock(&stream->mutex);
    return result;
}

/* The signalling thread frees it, when it comes by. */
void stream_release(struct stream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    stream->gone = true;
    stream->asleep = false;
    pthread_mutex_unlock(&stream->mutex);
}

/* Five times a second: not for who looks at all rooms. */
static bool stream_shows_levels(const struct stream *stream)
{
    return *stream->room != '\0';
}

static void streams_sweep(struct events *events)
{
    struct stream **at = &events->streams;
    bool levels = false;

    while (*at != NULL) {
        struct stream *stream = *at;
        bool gone;

        pthread_mutex_lock(&stream->mutex);
        gone = stream->gone;
        pthread_mutex_unlock(&stream->mutex);
        if (!gone) {
            levels = levels || stream_shows_levels(stream);
            at = &stream->next;
            continue;
        }
        *at = stream->next;
        events->count--;
        stream_free(stream);
    }
    server_watch_levels(events->control->server, levels);
}

static bool stream_hears(const struct stream *stream, const struct event *event)
{
    const struct identity *who = &stream->who;

    if (*stream->room != '\0' && strcmp(stream->room, event->room) != 0)
        return false;
    if (event->brief && !stream_shows_levels(stream))
        return false;
    switch (who->role) {
    case ASKER_ADMIN:
    case ASKER_READER:
        return true;
    case ASKER_HOST:
        return strcmp(who->subject, event->room) == 0;
    case ASKER_OWNER:
        return strcmp(who->subject, event->mailbox) == 0;
    case ASKER_NOBODY:
        break;
    }
    return false;
}

/* -- news --------------------------------------------------------------------------------------------- */

/* Takes it: into the ring, where who comes back finds it. */
static void event_keep(struct events *events, struct event *event)
{
    if (event->brief) {
        event_release(event);
        return;
    }
    event->number = ++events->number;
    event_release(events->ring[event->number % RING]);
    events->ring[event->number % RING] = event;
}

static void news_came(void *arg, const struct bulletin *bulletin)
{
    struct events *events = arg;
    char *data = json_dumps(bulletin->data, JSON_COMPACT); /* one line: JSON escapes all others */
    struct event *event = NULL;

    if (data != NULL && bulletin->brief)
        event = event_new("event: %s\ndata: %s\n\n", bulletin->topic, data);
    else if (data != NULL)
        event = event_new("id: %s-%llu\nevent: %s\ndata: %s\n\n", events->epoch,
                          (unsigned long long)events->number + 1, bulletin->topic, data);
    free(data);
    if (event == NULL) {
        log_event(LEVEL_WARNING, "http", NULL, "event-lost topic=%s", bulletin->topic);
        return;
    }
    event->brief = bulletin->brief;
    snprintf(event->room, sizeof event->room, "%s", bulletin->room != NULL ? bulletin->room : "");
    snprintf(event->mailbox, sizeof event->mailbox, "%s", bulletin->mailbox != NULL ? bulletin->mailbox : "");
    for (struct stream *stream = events->streams; stream != NULL; stream = stream->next)
        if (stream_hears(stream, event))
            stream_put(stream, event);
    event_keep(events, event);
}

static void beat(void *arg)
{
    struct events *events = arg;
    struct event *event = event_new(": still here\n\n");

    streams_sweep(events);
    for (struct stream *stream = events->streams; stream != NULL && event != NULL; stream = stream->next) {
        stream_put(stream, event);
        if (clock_now_us() >= stream->until_us)
            stream_finish(stream);
    }
    event_release(event);
    if (timer_start(events->control->loop, &events->beat, BEAT_MS, beat, events))
        log_event(LEVEL_ERROR, "http", NULL, "no-memory for=beat");
}

int events_new(struct events **out, struct control *control)
{
    struct events *events = calloc(1, sizeof *events);

    if (events == NULL)
        return ENOMEM;
    events->control = control;
    random_hex(events->epoch, 4);
    server_on_news(control->server, news_came, events);
    *out = events;
    return timer_start(control->loop, &events->beat, BEAT_MS, beat, events);
}

void events_end(struct events *events)
{
    if (events == NULL)
        return;
    server_on_news(events->control->server, NULL, NULL);
    timer_stop(&events->beat);
    for (struct stream *stream = events->streams; stream != NULL; stream = stream->next)
        stream_finish(stream);
}

/* Connections are over by now: what is left belongs to nobody else. */
void events_free(struct events *events)
{
    if (events == NULL)
        return;
    while (events->streams != NULL) {
        struct stream *stream = events->streams;

        events->streams = stream->next;
        stream_free(stream);
    }
    for (unsigned i = 0; i < RING; i++)
        event_release(events->ring[i]);
    free(events);
}

void events_end_session(struct events *events, uint64_t session)
{
    for (struct stream *stream = events->streams; stream != NULL; stream = stream->next)
        if (stream->who.session == session)
            stream_finish(stream);
}

static unsigned streams_of(const struct events *events, const char *name)
{
    unsigned count = 0;

    for (const struct stream *stream = events->streams; stream != NULL; stream = stream->next)
        count += strcmp(stream->who.name, name) == 0;
    return count;
}

unsigned events_listeners(const struct events *events)
{
    return events->count;
}

/* -- the resource ------------------------------------------------------------------------------------- */

/* Where he was; false: that is none of ours, or no longer kept. */
static bool place_read(const struct events *events, const char *text, uint64_t *number)
{
    size_t length = strlen(events->epoch);
    char *end;

    if (strncmp(text, events->epoch, length) != 0 || text[length] != '-')
        return false;
    *number = strtoull(text + length + 1, &end, 10);
    return end != text + length + 1 && *end == '\0' && *number <= events->number &&
           *number + RING >= events->number;
}

static void stream_say(struct stream *stream, struct event *event)
{
    if (event != NULL)
        stream_put(stream, event);
    event_release(event);
}

/* Browsers name the last one by a header when they come back by themselves; other programs may by the query.
 */
static void stream_begin(struct events *events, struct stream *stream, const char *last)
{
    uint64_t number = events->number;

    stream_say(stream, event_new(GREETING));
    if (*last != '\0' && !place_read(events, last, &number)) {
        number = events->number;
        stream_say(stream, event_new("id: %s-%llu\nevent: reset\ndata: {}\n\n", events->epoch,
                                     (unsigned long long)number));
    }
    while (number++ < events->number) {
        struct event *event = events->ring[number % RING];

        if (event != NULL && event->number == number && stream_hears(stream, event))
            stream_put(stream, event);
    }
}

/* No longer than his token. */
static uint64_t stream_time_us(const struct identity *who)
{
    time_t now = clock_wall();
    uint64_t left_us;

    if (who->expires == 0)
        return STREAM_US;
    left_us = who->expires > now ? (uint64_t)(who->expires - now) * 1000000 : 0;
    return left_us < STREAM_US ? left_us : STREAM_US;
}

static void events_get(struct exchange *exchange)
{
    struct events *events = exchange->control->events;
    const char *last =
        *exchange->last_event ? exchange->last_event : query_text(exchange, "last_event_id", "");
    struct stream *stream;

    streams_sweep(events);
    if (events->count >= STREAMS_MAX) {
        answer_header(&exchange->answer, "Retry-After", "%d", 5);
        reply_problem(exchange, 503, NULL, "Too many listen.");
        return;
    }
    if (streams_of(events, exchange->who.name) >= STREAMS_EACH) {
        answer_header(&exchange->answer, "Retry-After", "%d", 5);
        reply_problem(exchange, 429, NULL, "Who asks listens too often already.");
        return;
    }
    stream = strcmp(exchange->method, "HEAD") == 0 ? NULL : calloc(1, sizeof *stream);
    if (stream == NULL) {
        exchange->answer.status = 200; /* HEAD has no body that could go on */
        exchange->answer.type = "text/event-stream";
        exchange_finish(exchange);
        return;
    }
    pthread_mutex_init(&stream->mutex, NULL);
    stream->who = exchange->who;
    stream->until_us = clock_now_us() + stream_time_us(&exchange->who);
    snprintf(stream->room, sizeof stream->room, "%s", query_text(exchange, "room", ""));
    stream_begin(events, stream, last);
    stream->next = events->streams;
    events->streams = stream;
    events->count++;
    streams_sweep(events);
    reply_stream(exchange, stream);
}

const struct route event_routes[] = {
    {"GET", "/api/v1/events", ACCESS_ANY, BODY_NONE, events_get},
    {0},
};
