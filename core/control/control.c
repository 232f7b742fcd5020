/* Start and stop; requests as they come to the signalling thread, and as they leave it. */
#include "core/control/internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS 1024

struct control_private {
    struct control control;
    struct queue *requests;
};

static struct exchange *waiting; /* those that the signalling thread has; it has one control at most */
static uint64_t exchange_numbers;

struct ticket exchange_ticket(const struct exchange *exchange)
{
    return (struct ticket){.owner = exchange->number};
}

struct exchange *exchange_of(struct ticket ticket)
{
    struct exchange *exchange = waiting;

    while (exchange != NULL && exchange->number != ticket.owner)
        exchange = exchange->next;
    return exchange;
}

/* No secrets: paths have none, and whoever put one into a query finds it nowhere here. */
static void exchange_log(const struct exchange *exchange)
{
    bool looks = strcmp(exchange->method, "GET") == 0 || strcmp(exchange->method, "HEAD") == 0;

    log_event(looks ? LEVEL_DEBUG : LEVEL_INFO, "http", NULL,
              "request method=%s path=%s status=%u by=%s address=%s", exchange->method, exchange->path,
              exchange->answer.status, *exchange->who.name ? exchange->who.name : "-", exchange->address);
}

void exchange_finish(struct exchange *exchange)
{
    struct exchange **at = &waiting;

    while (*at != exchange)
        at = &(*at)->next;
    *at = exchange->next;
    exchange->control->answered++;
    explicit_bzero(exchange->secret, sizeof exchange->secret);
    explicit_bzero(exchange->cookie, sizeof exchange->cookie);
    exchange_log(exchange);
    http_resume(exchange);
}

static void requests_take(void *arg)
{
    struct control_private *private = arg;
    struct exchange *exchange;

    queue_acknowledge(private->requests);
    while (queue_pop(private->requests, &exchange)) {
        exchange->number = ++exchange_numbers;
        exchange->next = waiting;
        waiting = exchange;
        access_check(exchange);
    }
}

static int control_begin(struct control_private *private, const char **part)
{
    struct control *control = &private->control;
    int error;

    *part = "queue";
    error = queue_new(&private->requests, sizeof(struct exchange *), REQUESTS);
    if (!error)
        error = loop_watch(control->loop, queue_fd(private->requests), requests_take, private);
    if (!error)
        error = access_new(&control->access);
    if (!error)
        error = events_new(&control->events, control);
    if (error)
        return error;
    *part = "http";
    return http_start(&control->http, control, private->requests);
}

static bool address_is_own(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

int control_start(struct control **out, struct server *server, struct loop *loop,
                  const struct settings *settings)
{
    struct control_private *private;
    const char *part = "";
    int error;

    *out = NULL;
    if (settings->http_port == 0)
        return 0;
    private = calloc(1, sizeof *private);
    if (private == NULL)
        return ENOMEM;
    private->control = (struct control){.server = server,
                                        .loop = loop,
                                        .settings = settings_hold(settings),
                                        .tls = settings->http_certificate != NULL,
                                        .began_us = clock_now_us()};
    error = control_begin(private, &part);
    if (error) {
        log_event(LEVEL_ERROR, "http", NULL, "start-failed part=%s address=%s port=%u error=\"%s\"", part,
                  settings->http_address, settings->http_port, strerror(error));
        control_stop(&private->control);
        return error;
    }
    log_event(LEVEL_NOTICE, "http", NULL, "listening address=%s port=%u tls=%d", settings->http_address,
              settings->http_port, private->control.tls);
    if (!private->control.tls && !address_is_own(settings->http_address))
        log_event(LEVEL_WARNING, "http", NULL,
                  "unprotected text=\"tokens and PINs go over the wire as they are\"");
    *out = &private->control;
    return 0;
}

void control_reload(struct control *control, const struct settings *settings)
{
    const struct settings *old;

    if (control == NULL)
        return;
    old = control->settings;
    control->settings = settings_hold(settings);
    http_set_origins(control->http, settings);
    settings_free(old);
}

void control_drain(struct control *control)
{
    if (control != NULL)
        control->draining = true;
}

void control_stop(struct control *control)
{
    struct control_private *private = (struct control_private *)(void *)control;

    if (control == NULL)
        return;
    if (control->http != NULL)
        http_close(control->http);
    if (private->requests != NULL) {
        requests_take(private); /* what came before that */
        loop_unwatch(control->loop, queue_fd(private->requests));
    }
    while (waiting != NULL)
        reply_problem(waiting, 503, NULL, "The server is being stopped.");
    events_end(control->events);
    if (control->http != NULL)
        http_stop(control->http);
    events_free(control->events);
    access_free(control->access);
    queue_free(private->requests);
    settings_free(control->settings);
    free(private);
}
