/* Whether the server lives, is ready, and how it is: for those who watch over it. */
#include "config.h"

#include "core/control/internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXAMINE_US UINT64_C(1000000)

/* -- alive, ready ------------------------------------------------------------------------------------- */

static void health_get(struct exchange *exchange)
{
    reply_json(exchange, 200, json_pack("{s:s}", "status", "alive"));
}

/*
 * Anybody may ask whether the server is ready, and each time a file is written and synced: so not more often
 * than once a second, whoever asks, and once at a time however long it takes.
 */
static void examine(struct exchange *exchange, health_reply *reply)
{
    struct control *control = exchange->control;

    if (control->examined_us > 0 && clock_now_us() - control->examined_us < EXAMINE_US) {
        reply(exchange_ticket(exchange), &control->health);
    } else if (control->examining) {
        exchange->examined = reply;
        exchange->also = control->examined;
        control->examined = exchange;
    } else {
        int error = storage_examine(server_storage(control->server), exchange_ticket(exchange), reply);

        control->examining = error == 0;
        reply_if(exchange, error);
    }
}

static void health_keep(struct control *control, const struct storage_health *health)
{
    if (health == &control->health)
        return;
    control->health = *health;
    control->examined_us = clock_now_us();
    control->examining = false;
    while (control->examined != NULL) {
        struct exchange *exchange = control->examined;

        control->examined = exchange->also;
        exchange->examined(exchange_ticket(exchange), &control->health);
    }
}

static void reason_add(json_t *reasons, const char *text)
{
    json_array_append_new(reasons, json_string(text));
}

/* By the time that anybody can ask, SIP is bound: the server has not started else. */
static void ready_examined(struct ticket ticket, const struct storage_health *health)
{
    struct exchange *exchange = exchange_of(ticket);
    json_t *reasons;

    if (exchange == NULL)
        return;
    health_keep(exchange->control, health);
    reasons = json_array();
    if (exchange->control->draining)
        reason_add(reasons, "The server takes no new calls: it is being stopped.");
    if (health->database_error)
        reason_add(reasons, "The database cannot be reached.");
    if (health->spool_error)
        reason_add(reasons, "The spool cannot be written to.");
    if (json_array_size(reasons) == 0) {
        json_decref(reasons);
        reply_json(exchange, 200, json_pack("{s:s}", "status", "ready"));
        return;
    }
    answer_problem(&exchange->answer, 503, NULL, "The server is not ready.");
    json_object_set_new(exchange->answer.json, "reasons", reasons);
    answer_header(&exchange->answer, "Retry-After", "%d", 5);
    exchange_finish(exchange);
}

static void ready_get(struct exchange *exchange)
{
    examine(exchange, ready_examined);
}

/* -- status ------------------------------------------------------------------------------------------- */

static json_t *media_json(const struct server *server)
{
    struct media_stats media;

    server_read_media(server, &media);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ticks", (json_int_t)media.ticks, "overruns",
                     (json_int_t)media.overruns, "tick_p50_us",
                     (json_int_t)histogram_quantile(media.tick_us, 500), "tick_p99_us",
                     (json_int_t)histogram_quantile(media.tick_us, 990), "tick_most_us",
                     (json_int_t)histogram_quantile(media.tick_us, 1000), "packets_received",
                     (json_int_t)media.packets_received, "packets_sent", (json_int_t)media.packets_sent);
}

static json_t *storage_json(struct storage *storage)
{
    struct storage_stats stats;

    storage_read_stats(storage, &stats);
    return json_pack("{s:I, s:I, s:I, s:i, s:i, s:I}", "jobs", (json_int_t)stats.jobs, "jobs_failed",
                     (json_int_t)stats.jobs_failed, "reconnects", (json_int_t)stats.reconnects, "waiting",
                     (int)stats.waiting, "spooled", (int)stats.spooled, "records_lost",
                     (json_int_t)stats.records_lost);
}

/* What can be dialled, in the order in which it is looked up. */
static json_t *numbers_json(const struct settings *settings)
{
    json_t *list = json_array();

    for (size_t i = 0; i < settings->number_count; i++) {
        const struct number_settings *number = &settings->numbers[i];

        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "pattern", json_words(number->pattern),
                                              "application", json_words(number->application), "argument",
                                              json_words(number->argument)));
    }
    return list;
}

static void status_get(struct exchange *exchange)
{
    struct control *control = exchange->control;
    struct server_stats stats;

    server_read_stats(control->server, &stats);
    reply_json(exchange, 200,
               json_pack("{s:s, s:o, s:b, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:i, s:o, s:o, s:o}", "version",
                         PACKAGE_VERSION, "started", json_moment(control->began_us), "draining",
                         control->draining, "calls", (int)stats.calls, "legs", (int)stats.legs, "rooms",
                         (int)stats.rooms, "ports", (int)stats.ports, "subscriptions",
                         (int)stats.subscriptions, "calls_total", (json_int_t)stats.calls_total,
                         "calls_refused", (json_int_t)stats.calls_refused, "listeners",
                         (int)events_listeners(control->events), "media", media_json(control->server),
                         "storage", storage_json(server_storage(control->server)), "numbers",
                         numbers_json(control->settings)));
}

/* -- metrics: the text format of Prometheus ----------------------------------------------------------- */

static void family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP confab_%s %s\n# TYPE confab_%s %s\n", name, help, name, type);
}

static void figure(FILE *out, const char *name, const char *type, const char *help, double value)
{
    family(out, name, type, help);
    fprintf(out, "confab_%s %.17g\n", name, value);
}

/* One bucket an octave: eight would be more than anybody draws. The sum is the caller's, where it is known.
 */
static void write_histogram(FILE *out, const char *name, const char *help,
                            const uint64_t counts[HISTOGRAM_BUCKETS])
{
    uint64_t count = 0;

    family(out, name, "histogram", help);
    for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
        count += counts[b];
        if (b % 8 == 7 && b + 1 < HISTOGRAM_BUCKETS)
            fprintf(out, "confab_%s_bucket{le=\"%.9g\"} %" PRIu64 "\n", name,
                    (double)histogram_limit(b) / 1e6, count);
    }
    fprintf(out, "confab_%s_bucket{le=\"+Inf\"} %" PRIu64 "\nconfab_%s_count %" PRIu64 "\n", name, count,
            name, count);
}

static void write_calls(FILE *out, const struct server_stats *stats)
{
    static const char *const endings[ENDINGS] = {[ENDED_ANSWERED] = "answered",
                                                 [ENDED_REDIRECTED] = "redirected",
                                                 [ENDED_CLIENT] = "client_error",
                                                 [ENDED_SERVER] = "server_error",
                                                 [ENDED_GLOBAL] = "global_failure"};

    family(out, "calls", "gauge", "Calls that stand, by their state.");
    for (unsigned state = 0; state < CALL_STATE_COUNT; state++)
        fprintf(out, "confab_calls{state=\"%s\"} %u\n", call_state_text(state), stats->in_state[state]);
    family(out, "calls_ended_total", "counter", "Calls that are over, by how they ended.");
    for (unsigned ending = 0; ending < ENDINGS; ending++)
        fprintf(out, "confab_calls_ended_total{ending=\"%s\"} %" PRIu64 "\n", endings[ending],
                stats->ended[ending]);
    figure(out, "calls_begun_total", "counter", "Calls that have come or were made.",
           (double)stats->calls_total);
    figure(out, "calls_refused_total", "counter", "Calls refused because there were too many.",
           (double)stats->calls_refused);
    figure(out, "legs", "gauge", "Legs of calls.", stats->legs);
    figure(out, "ports", "gauge", "Ports of the media engine.", stats->ports);
    figure(out, "rooms", "gauge", "Rooms that are mixed.", stats->rooms);
    figure(out, "sip_sessions", "gauge", "SIP sessions.", stats->sessions);
    figure(out, "sip_dialogs", "gauge", "SIP dialogs.", stats->dialogs);
    figure(out, "sip_subscriptions", "gauge", "Subscriptions to events.", stats->subscriptions);
    family(out, "sip_transactions", "gauge", "SIP transactions; finished ones stay for some 32 seconds.");
    fprintf(out,
            "confab_sip_transactions{direction=\"in\"} %u\nconfab_sip_transactions{direction=\"out\"} %u\n",
            stats->transactions_in, stats->transactions_out);
    figure(out, "sip_requests_total", "counter", "SIP requests that came.", (double)stats->requests);
    figure(out, "sip_challenged_total", "counter", "Requests answered by a challenge.",
           (double)stats->challenged);
    write_histogram(out, "mwi_lag_seconds",
                    "From the database's word of a changed mailbox to each NOTIFY of it.", stats->mwi_lag_us);
    fprintf(out, "confab_mwi_lag_seconds_sum %.17g\n", (double)stats->mwi_lag_sum_us / 1e6);
}

static void write_logins(FILE *out, const struct control *control, const struct server_stats *stats)
{
    family(out, "logins_failed_total", "counter",
           "Wrong passwords, tokens and PINs, by where they were shown.");
    fprintf(out, "confab_logins_failed_total{by=\"sip\"} %" PRIu64 "\n", stats->failed_logins);
    fprintf(out, "confab_logins_failed_total{by=\"http\"} %" PRIu64 "\n", access_failures(control->access));
    figure(out, "http_requests_total", "counter", "Requests of the HTTP API that were answered.",
           (double)control->answered);
    figure(out, "http_problems_total", "counter", "Those answered by a problem.", (double)control->problems);
    figure(out, "http_listeners", "gauge", "Streams of events.", events_listeners(control->events));
}

static void write_ticks(FILE *out, const struct media_stats *media)
{
    write_histogram(out, "tick_seconds", "How long the ticks of the media workers took.", media->tick_us);
    figure(out, "ticks_late_total", "counter", "Ticks that began more than 10 ms late.",
           (double)media->overruns);
    family(out, "rtp_packets_total", "counter", "RTP packets.");
    fprintf(out, "confab_rtp_packets_total{direction=\"received\"} %" PRIu64 "\n", media->packets_received);
    fprintf(out, "confab_rtp_packets_total{direction=\"sent\"} %" PRIu64 "\n", media->packets_sent);
    figure(out, "rtp_packets_lost_total", "counter", "Packets that never came, of legs that are over.",
           (double)media->packets_lost);
    figure(out, "rtp_packets_late_total", "counter", "Packets that came too late, of legs that are over.",
           (double)media->packets_late);
    figure(out, "concealed_seconds_total", "counter",
           "Sound made up for missing packets, of legs that are over.", (double)media->concealed_ms / 1e3);
    figure(out, "media_commands_refused_total", "counter", "Commands for which a worker's queue had no room.",
           (double)media->commands_refused);
    figure(out, "media_events_refused_total", "counter", "Events for which the queue had no room.",
           (double)media->events_refused);
}

static void write_storage(FILE *out, struct storage *storage, const struct storage_health *health)
{
    struct storage_stats stats;

    storage_read_stats(storage, &stats);
    figure(out, "database_up", "gauge", "1: the database has answered.", health->database_error == 0);
    figure(out, "database_latency_seconds", "gauge", "How long the smallest question to it took.",
           (double)health->latency_us / 1e6);
    figure(out, "database_reconnects_total", "counter", "Connections made anew.", (double)stats.reconnects);
    figure(out, "storage_jobs_total", "counter", "Jobs done.", (double)stats.jobs);
    figure(out, "storage_jobs_failed_total", "counter", "Jobs that failed.", (double)stats.jobs_failed);
    figure(out, "storage_jobs_refused_total", "counter", "Jobs for which the queue had no room.",
           (double)stats.jobs_refused);
    figure(out, "storage_jobs_waiting", "gauge", "Jobs that wait.", stats.waiting);
    figure(out, "spool_writable", "gauge", "1: a file could be written to the spool.",
           health->spool_error == 0);
    figure(out, "deposits_total", "counter", "Messages left and safe on disk.", (double)stats.deposits);
    figure(out, "spool_deposits", "gauge", "Messages on disk that are not in the database yet.",
           stats.spooled);
    figure(out, "spool_age_seconds", "gauge", "Age of the oldest of them.", health->spool_age_s);
    figure(out, "audio_broken_total", "counter", "Messages and greetings that could not be played.",
           (double)stats.audio_broken);
    figure(out, "records_waiting_bytes", "gauge", "Records of calls that wait for the database.",
           (double)stats.records_waiting);
    figure(out, "records_lost_total", "counter", "Records of calls that could not be kept.",
           (double)stats.records_lost);
    if (health->database_error)
        return; /* nobody knows */
    figure(out, "outbox_waiting", "gauge", "Mails and webhooks that have not left yet.",
           health->outbox_waiting);
    figure(out, "outbox_age_seconds", "gauge", "Age of the oldest of them.", health->outbox_age_s);
    figure(out, "registrations", "gauge", "Contacts that are registered.", health->bindings);
}

static void metrics_examined(struct ticket ticket, const struct storage_health *health)
{
    struct exchange *exchange = exchange_of(ticket);
    const struct control *control;
    struct server_stats stats;
    struct media_stats media;
    char *text = NULL;
    size_t length;
    FILE *out;

    if (exchange == NULL)
        return;
    control = exchange->control;
    health_keep(exchange->control, health);
    out = open_memstream(&text, &length);
    if (out == NULL) {
        reply_error(exchange, ENOMEM);
        return;
    }
    server_read_stats(control->server, &stats);
    server_read_media(control->server, &media);
    family(out, "info", "gauge", "The version.");
    fprintf(out, "confab_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
    figure(out, "uptime_seconds", "gauge", "Since the start.",
           (double)(clock_now_us() - control->began_us) / 1e6);
    write_calls(out, &stats);
    write_logins(out, control, &stats);
    write_ticks(out, &media);
    write_storage(out, server_storage(control->server), health);
    if (fclose(out) != 0) {
        free(text);
        text = NULL;
    }
    reply_text(exchange, "text/plain; version=0.0.4; charset=utf-8", text);
}

static void metrics_get(struct exchange *exchange)
{
    examine(exchange, metrics_examined);
}

/* -- the description of all of it --------------------------------------------------------------------- */

extern const char openapi_text[]; /* openapi.json, as it is */
__asm__(".section .rodata\n"
        ".hidden openapi_text\n"
        ".global openapi_text\n"
        "openapi_text:\n"
        ".incbin \"" OPENAPI_FILE "\"\n"
        ".byte 0\n"
        ".previous\n");

static void openapi_get(struct exchange *exchange)
{
    reply_text(exchange, NULL, strdup(openapi_text));
}

const struct route health_routes[] = {
    {"GET", "/health", ACCESS_OPEN, BODY_NONE, health_get},
    {"GET", "/ready", ACCESS_OPEN, BODY_NONE, ready_get},
    {"GET", "/metrics", ACCESS_READ, BODY_NONE, metrics_get},
    {"GET", "/api/v1/status", ACCESS_READ, BODY_NONE, status_get},
    {"GET", "/api/v1/openapi.json", ACCESS_OPEN, BODY_NONE, openapi_get},
    {0},
};
