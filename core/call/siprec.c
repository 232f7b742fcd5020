/*
 * The recording session with its streams. Changes are gathered for a moment, then told by one re-INVITE: a
 * crowd that comes in makes one offer, not one each.
 */
#include "core/call/siprec_internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATHER_MS 200
/* A server that is gone for a moment is missed for no more; one that is down is not called all the time. */
#define RETRY_MIN_MS 2000
#define RETRY_MAX_MS 32000
#define STEADY_US 60000000 /* a session that has lasted so long tells of a server that works */
#define HOPS 70            /* RFC 3261 §8.1.1.6: a request that begins here */

static const struct session_handlers siprec_handlers;

/* -- streams -------------------------------------------------------------------------------------------- */

static void stream_close(struct siprec *siprec, struct siprec_stream *stream)
{
    if (stream->port)
        port_close(siprec->server->mixer, stream->port);
    negotiation_free(stream->negotiation);
    *stream = (struct siprec_stream){.label = stream->label, .used = stream->used};
}

static int stream_open(struct siprec *siprec, struct siprec_stream *stream, struct siprec_person *person)
{
    struct mixer *mixer = siprec->server->mixer;
    uint16_t rtp_port = 0;
    int error = negotiation_new(&stream->negotiation);

    stream->address = siprec->local;
    if (!error)
        error = port_open(mixer, (const struct sockaddr *)&stream->address, &stream->port, &rtp_port);
    if (error) {
        stream_close(siprec, stream);
        return error;
    }
    if (stream->address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&stream->address)->sin6_port = htons(rtp_port);
    else
        ((struct sockaddr_in *)&stream->address)->sin_port = htons(rtp_port);
    stream->person = person;
    stream->used = true;
    person->stream = stream;
    random_hex(stream->id, 16);
    return 0;
}

/* A free place, or that of him who has been silent longest when `needed`. */
static struct siprec_stream *stream_place(struct siprec *siprec, bool needed)
{
    struct siprec_person *silent = NULL;

    for (unsigned i = 0; i < SIPREC_STREAMS; i++)
        if (!siprec->streams[i].person)
            return &siprec->streams[i];
    if (!needed)
        return NULL;
    for (unsigned i = 0; i < SIPREC_STREAMS; i++) {
        struct siprec_person *person = siprec->streams[i].person;

        if (!silent || person->talked_us < silent->talked_us)
            silent = person;
    }
    struct siprec_stream *stream = silent->stream;
    silent->stream = NULL;
    stream_close(siprec, stream);
    return stream;
}

static void stream_give(struct siprec *siprec, struct siprec_person *person, bool needed)
{
    struct siprec_stream *stream = stream_place(siprec, needed);
    int error = stream ? stream_open(siprec, stream, person) : 0;

    if (error)
        log_event(LEVEL_WARNING, "siprec", NULL, "stream-failed session=%s error=\"%s\"", siprec->id,
                  strerror(error));
}

/* -- offers --------------------------------------------------------------------------------------------- */

static void siprec_retry(struct siprec *siprec, const char *why);

static int siprec_offer(struct siprec *siprec, char *sdp, size_t size, char **metadata)
{
    int error = streams_offer(siprec, sdp, size);

    if (!error)
        error = metadata_write(metadata, siprec);
    return error;
}

static void siprec_call(struct siprec *siprec)
{
    struct session_target target = {.uri = siprec->uri, .route = "", .received = "", .max_forwards = HOPS};
    char sdp[SIPREC_SDP];
    char *metadata = NULL;
    int error;

    snprintf(target.from.user, sizeof target.from.user, "%s", siprec->name);
    snprintf(target.from.host, sizeof target.from.host, "%s", siprec->server->settings->realm);
    target.peer = session_target_peer(siprec->server->agent, &target);
    snprintf(siprec->peer, sizeof siprec->peer, "%s", target.peer ? target.peer : "");
    error = session_target_address(siprec->server->agent, &target, &siprec->local);
    if (!error) {
        for (struct siprec_person *person = siprec->persons; person; person = person->next)
            if (!person->gone && !person->stream)
                stream_give(siprec, person, false);
        error = siprec_offer(siprec, sdp, sizeof sdp, &metadata);
    }
    target.metadata = metadata;
    if (!error)
        error =
            session_invite(siprec->server->agent, &siprec->session, &target, sdp, &siprec_handlers, siprec);
    free(metadata);
    siprec->changed = false;
    if (error)
        siprec_retry(siprec, strerror(error));
}

static void siprec_change(struct siprec *siprec)
{
    char sdp[SIPREC_SDP];
    char *metadata = NULL;
    int error = siprec_offer(siprec, sdp, sizeof sdp, &metadata);

    if (!error)
        error = session_set_metadata(siprec->session, metadata);
    if (!error)
        error = session_reoffer(siprec->session, sdp);
    free(metadata);
    siprec->changed = false;
    siprec->waits = !error;
    if (error)
        log_event(LEVEL_ERROR, "siprec", NULL, "offer-failed session=%s error=\"%s\"", siprec->id,
                  strerror(error));
}

static void siprec_due(void *arg)
{
    struct siprec *siprec = arg;

    if (!siprec->session)
        siprec_call(siprec);
    else if (siprec->up && !siprec->waits && siprec->changed)
        siprec_change(siprec);
}

static void siprec_soon(struct siprec *siprec, uint32_t ms)
{
    if (timer_start(siprec->server->loop, &siprec->timer, ms, siprec_due, siprec))
        log_event(LEVEL_ERROR, "siprec", NULL, "no-memory session=%s", siprec->id);
}

static void siprec_changed(struct siprec *siprec)
{
    siprec->changed = true;
    /* While it is called, or waits to be called again, the next offer says all there is. */
    if (siprec->up && !siprec->waits)
        siprec_soon(siprec, GATHER_MS);
}

/* -- what the server says ------------------------------------------------------------------------------- */

static void siprec_retry(struct siprec *siprec, const char *why)
{
    bool steady = siprec->up && clock_now_us() - siprec->up_us >= STEADY_US;

    siprec->retry_ms = steady || !siprec->retry_ms        ? RETRY_MIN_MS
                       : siprec->retry_ms >= RETRY_MAX_MS ? RETRY_MAX_MS
                                                          : siprec->retry_ms * 2;
    log_event(LEVEL_ERROR, "siprec", NULL, "unrecorded session=%s uri=%s error=\"%s\" again_s=%u", siprec->id,
              siprec->uri, why, siprec->retry_ms / 1000);
    siprec->up = siprec->waits = false;
    for (unsigned i = 0; i < SIPREC_STREAMS; i++) {
        if (siprec->streams[i].person)
            siprec->streams[i].person->stream = NULL;
        stream_close(siprec, &siprec->streams[i]);
        siprec->streams[i].used = false;
    }
    persons_forget(siprec);
    siprec_soon(siprec, siprec->retry_ms);
}

static void siprec_answered(void *owner, const char *sdp)
{
    struct siprec *siprec = owner;

    if (!sdp) {
        session_release(siprec->session, 488, NULL);
        siprec->session = NULL;
        siprec_retry(siprec, "no answer in the 200");
        return;
    }
    siprec->up = true;
    siprec->up_us = clock_now_us();
    log_event(LEVEL_INFO, "siprec", NULL, "recorded session=%s uri=%s", siprec->id, siprec->uri);
    streams_take(siprec, sdp);
    persons_forget(siprec);
    if (siprec->changed)
        siprec_soon(siprec, GATHER_MS);
}

static void siprec_reanswered(void *owner, int status, const char *sdp)
{
    struct siprec *siprec = owner;

    siprec->waits = false;
    if (status < 300 && sdp) {
        streams_take(siprec, sdp);
        persons_forget(siprec);
    } else {
        log_event(LEVEL_WARNING, "siprec", NULL, "offer-refused session=%s status=%d", siprec->id, status);
    }
    if (siprec->changed)
        siprec_soon(siprec, GATHER_MS);
}

static void siprec_gone(struct siprec *siprec, int status, const char *reason)
{
    char why[128];

    snprintf(why, sizeof why, "%d %s", status, reason ? reason : "");
    session_release(siprec->session, status, NULL);
    siprec->session = NULL;
    siprec_retry(siprec, why);
}

static void siprec_failed(void *owner, int status, const char *reason, const char *redirect)
{
    (void)redirect;
    siprec_gone(owner, status, reason);
}

static void siprec_ended(void *owner, int status, const char *reason)
{
    siprec_gone(owner, status, reason);
}

static void siprec_progress(void *owner, int status, const char *reason, const char *sdp)
{
    (void)owner;
    (void)status;
    (void)reason;
    (void)sdp;
}

/*
 * The server pauses or resumes streams (RFC 7866 §7.2), or refreshes its session. Who is to be offered by us
 * is offered what there is, and told nothing else until he has answered; the metadata go with our next one.
 */
static void siprec_offered(void *owner, const char *offer)
{
    struct siprec *siprec = owner;
    char sdp[SIPREC_SDP];
    int error =
        offer ? streams_answer(siprec, offer, sdp, sizeof sdp) : streams_offer(siprec, sdp, sizeof sdp);

    if (session_reanswer(siprec->session, error ? 488 : 200, error ? NULL : sdp))
        log_event(LEVEL_WARNING, "siprec", NULL, "offer-unanswered session=%s", siprec->id);
    else if (!error && !offer)
        siprec->waits = true;
}

static void siprec_digit(void *owner, char digit, unsigned ms)
{
    (void)owner;
    (void)digit;
    (void)ms;
}

static const struct session_handlers siprec_handlers = {
    .progress = siprec_progress,
    .answered = siprec_answered,
    .failed = siprec_failed,
    .offered = siprec_offered,
    .reanswered = siprec_reanswered,
    .digit = siprec_digit,
    .ended = siprec_ended,
};

/* -- from outside --------------------------------------------------------------------------------------- */

int siprec_start(struct siprec **out, struct server *server, const char *uri, const char *name, uint32_t mix)
{
    struct siprec *siprec = calloc(1, sizeof *siprec);

    if (!siprec)
        return ENOMEM;
    siprec->server = server;
    siprec->mix = mix;
    siprec->began_us = (uint64_t)clock_wall_us();
    snprintf(siprec->uri, sizeof siprec->uri, "%s", uri);
    snprintf(siprec->name, sizeof siprec->name, "%s", name);
    random_hex(siprec->id, 16);
    random_hex(siprec->group, 16);
    for (unsigned i = 0; i < SIPREC_STREAMS; i++)
        siprec->streams[i].label = i + 1;
    siprec_soon(siprec, GATHER_MS);
    *out = siprec;
    return 0;
}

void siprec_stop(struct siprec *siprec)
{
    if (!siprec)
        return;
    timer_stop(&siprec->timer);
    if (siprec->session)
        session_release(siprec->session, 200, NULL);
    for (unsigned i = 0; i < SIPREC_STREAMS; i++)
        stream_close(siprec, &siprec->streams[i]);
    for (struct siprec_person *person = siprec->persons, *next; person; person = next) {
        next = person->next;
        free(person);
    }
    free(siprec);
}

static struct siprec_person *person_find(const struct siprec *siprec, unsigned number)
{
    struct siprec_person *person = siprec->persons;

    while (person && (person->number != number || person->gone))
        person = person->next;
    return person;
}

int siprec_join(struct siprec *siprec, unsigned number, struct link *link, const char *user, const char *name)
{
    struct siprec_person *person = calloc(1, sizeof *person);

    if (!person)
        return ENOMEM;
    person->number = number;
    person->port = link->call->caller->port;
    person->joined_us = clock_wall_us();
    snprintf(person->user, sizeof person->user, "%s", user);
    snprintf(person->name, sizeof person->name, "%s", name);
    random_hex(person->id, 16);
    person->next = siprec->persons;
    siprec->persons = person;
    if (siprec->session)
        stream_give(siprec, person, false);
    siprec_changed(siprec);
    return 0;
}

void siprec_leave(struct siprec *siprec, unsigned number)
{
    struct siprec_person *person = person_find(siprec, number);

    if (!person)
        return;
    person->gone = true;
    person->left_us = clock_wall_us();
    if (person->stream) {
        stream_close(siprec, person->stream);
        person->stream = NULL;
    }
    siprec_changed(siprec);
}

void siprec_talks(struct siprec *siprec, unsigned number)
{
    struct siprec_person *person = person_find(siprec, number);

    if (!person)
        return;
    person->talked_us = clock_now_us();
    if (person->stream || !siprec->session)
        return;
    stream_give(siprec, person, true);
    siprec_changed(siprec);
}

bool siprec_is_up(const struct siprec *siprec)
{
    return siprec->up;
}
