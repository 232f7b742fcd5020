/*
 * The server: starts and stops its parts in the order in which they need each other, and takes the mixer's
 * events.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"
#include "storage/mailbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_GRACE_MS 20000 /* for what was hung up at the end of a drain to finish its recordings */
#define SPARE_PORTS 16

/* -- files that go once they are loaded ---------------------------------------------------------------- */

struct loading {
    struct loading *next;
    sound_id sound;
    char *path;
};

int server_unlink_loaded(struct server *server, sound_id sound, const char *path)
{
    struct loading *loading = calloc(1, sizeof *loading);

    if (!loading)
        return ENOMEM;
    loading->path = strdup(path);
    if (!loading->path) {
        free(loading);
        return ENOMEM;
    }
    loading->sound = sound;
    loading->next = server->loading;
    server->loading = loading;
    return 0;
}

static void server_discarded(struct ticket ticket, int error)
{
    (void)ticket;
    if (error)
        log_event(LEVEL_WARNING, "call", NULL, "cache-file-left error=\"%s\"", strerror(error));
}

/* Also of files whose call is over: what was to be removed is removed. */
static void server_loaded(struct server *server, const struct mixer_event *event)
{
    struct loading **place = &server->loading;
    struct loading *loading;

    if (event->error)
        log_event(LEVEL_WARNING, "call", NULL, "file-unplayable error=\"%s\"", strerror(event->error));
    while (*place && (*place)->sound != event->sound)
        place = &(*place)->next;
    loading = *place;
    if (!loading)
        return;
    *place = loading->next;
    /* The disk is not this thread's affair. */
    server_discarded((struct ticket){0},
                     cache_discard(server->storage, loading->path, (struct ticket){0}, server_discarded));
    free(loading->path);
    free(loading);
}

/* -- the mixer's events -------------------------------------------------------------------------------- */

/* All that the media workers have to say, in order. An event of a port that is closed already finds no leg.
 */
static void server_pump(void *arg)
{
    struct server *server = arg;
    struct mixer_event event;
    struct leg *leg;

    while (mixer_next_event(server->mixer, &event)) {
        if (event.type == EVENT_SOUND_LOADED) {
            server_loaded(server, &event);
            continue;
        }
        if (event.room) /* a recording is over; the file thread has logged how */
            continue;
        leg = table_get(&server->ports, event.port);
        if (leg)
            leg_event(leg, &event);
    }
}

/* -- start --------------------------------------------------------------------------------------------- */

unsigned server_refuse_call(void *arg)
{
    struct server *server = arg;
    unsigned seconds = limits_refuse(&server->limits, server->settings, server->call_count, clock_now_us());

    server->calls_refused += seconds > 0;
    return seconds;
}

static const struct agent_handlers agent_handlers = {
    .invited = call_invited,
    .refuse_call = server_refuse_call,
    .admits = isc_admits,
    .referred = transfer_click,
    .dialogs = watch_list,
    .is_focus = focus_is,
    .conference_judge = focus_judge,
    .conference_list = focus_list,
    .registered = desk_registered,
    .counted = desk_mailbox,
};

static int server_start_mixer(struct server *server)
{
    const struct settings *settings = server->settings;
    struct mixer_config config = {
        .workers = settings->media_workers,
        .rtp_port_low = settings->rtp_port_low,
        .rtp_port_high = settings->rtp_port_high,
        /* Two legs a call, and the losing branches of forks for a while. */
        .max_ports = settings->max_calls * 3 + SPARE_PORTS,
        .max_rooms = settings->max_rooms,
        .rtp_timeout_s = settings->rtp_timeout_s,
        .io = settings->media_io,
        .wide_from = settings->wide_room,
    };

    return mixer_start(&server->mixer, &config);
}

static int server_start_prompts(struct server *server)
{
    struct prompts_config config = {
        .sounds_dir = server->settings->sounds_dir,
        .voices_dir = server->settings->voices_dir,
        .language = server->settings->language,
        .languages = server->settings->languages,
        .language_count = server->settings->language_count,
    };

    return prompts_load(&server->prompts, &config);
}

/* In the order of the list; those that were started are stopped again when a later one fails. */
static int server_start_apps(struct server *server)
{
    int error = 0;

    while (!error && applications[server->apps_started]) {
        const struct app *app = applications[server->apps_started];

        error = app->start ? app->start(server) : 0;
        if (error)
            log_event(LEVEL_ERROR, "call", NULL, "start-failed app=%s error=\"%s\"", app->name,
                      strerror(error));
        else
            server->apps_started++;
    }
    return error;
}

/* Calls come as soon as the agent listens: it is the last. */
static int server_start_parts(struct server *server, const char **part)
{
    int error;

    *part = "storage";
    error = storage_start(&server->storage, server->settings, server->loop);
    if (error)
        return error;
    *part = "prompts";
    error = server_start_prompts(server);
    if (error)
        return error;
    *part = "mixer";
    error = server_start_mixer(server);
    if (error)
        return error;
    *part = "voice";
    error = voice_open(&server->voice, server->mixer, server->prompts);
    if (error)
        return error;
    *part = "events";
    error = loop_watch(server->loop, mixer_event_fd(server->mixer), server_pump, server);
    if (error)
        return error;
    server->watching = true;
    *part = "applications";
    error = server_start_apps(server);
    if (error)
        return error;
    *part = "sip";
    return agent_start(&server->agent, server->loop, server->settings, server->storage, &agent_handlers,
                       server);
}

int server_start(struct server **out, struct loop *loop, const struct settings *settings)
{
    struct server *server = calloc(1, sizeof *server);
    const char *part = "";
    int error;

    if (!server)
        return ENOMEM;
    server->loop = loop;
    server->settings = settings_hold(settings);
    error = server_start_parts(server, &part);
    if (error) {
        log_event(LEVEL_ERROR, "call", NULL, "start-failed part=%s error=\"%s\"", part, strerror(error));
        server_stop(server);
        return error;
    }
    *out = server;
    return 0;
}

void server_reload(struct server *server, const struct settings *settings)
{
    const struct settings *old = server->settings;

    server->settings = settings_hold(settings);
    agent_reload(server->agent, settings);
    settings_free(old);
}

/* -- end ----------------------------------------------------------------------------------------------- */

static void server_drained(void *arg)
{
    struct server *server = arg;

    log_event(server->call_count ? LEVEL_WARNING : LEVEL_NOTICE, "call", NULL, "drained calls_left=%u",
              server->call_count);
    server->drained(server->drained_arg);
}

/* Time is up: hang up, and give recordings a moment to reach the disk. */
static void server_drain_over(void *arg)
{
    struct server *server = arg;

    for (struct call *call = server->calls; call; call = call->next)
        call_end(call, 503, NULL);
    if (timer_start(server->loop, &server->drain_timer, DRAIN_GRACE_MS, server_drained, server))
        server_drained(server);
}

void server_call_gone(struct server *server)
{
    if (!server->draining || server->call_count > 0)
        return;
    if (timer_start(server->loop, &server->drain_timer, 0, server_drained, server))
        server_drained(server);
}

void server_drain(struct server *server, unsigned seconds, void (*done)(void *arg), void *arg)
{
    server->draining = server->ending = true;
    server->drained = done;
    server->drained_arg = arg;
    agent_drain(server->agent);
    log_event(LEVEL_NOTICE, "call", NULL, "draining calls=%u seconds=%u", server->call_count, seconds);
    if (timer_start(server->loop, &server->drain_timer, server->call_count ? seconds * 1000 : 0,
                    server->call_count ? server_drain_over : server_drained, server))
        server_drained(server);
}

/* What still runs is cut short: a recording is finished by the mixer's end, and the spool's sweeper finds it.
 */
static void server_end_calls(struct server *server)
{
    for (struct call *call = server->calls; call; call = call->next) {
        call_end(call, 503, NULL);
        call_finish(call);
    }
    while (server->calls)
        call_free(server->calls);
}

/* Undoes server_start(), also one that failed half-way. */
void server_stop(struct server *server)
{
    if (!server)
        return;
    server->draining = false;
    server->ending = true;
    server_end_calls(server);
    timer_stop(&server->drain_timer);
    if (server->agent)
        agent_stop(server->agent);
    server->agent = NULL;
    while (server->apps_started > 0) {
        const struct app *app = applications[--server->apps_started];

        if (app->stop)
            app->stop(server);
    }
    if (server->watching)
        loop_unwatch(server->loop, mixer_event_fd(server->mixer));
    if (server->mixer) {
        voice_close(&server->voice);
        mixer_stop(server->mixer);
    }
    prompts_free(server->prompts);
    if (server->storage)
        storage_stop(server->storage);
    while (server->loading) {
        struct loading *loading = server->loading;

        server->loading = loading->next;
        free(loading->path);
        free(loading);
    }
    busy_free(server);
    table_clear(&server->ports);
    breaker_free(server->breakers);
    settings_free(server->settings);
    free(server);
}

bool server_is_ending(const struct server *server)
{
    return server->ending;
}

/* -- questions ----------------------------------------------------------------------------------------- */

void server_read_stats(const struct server *server, struct server_stats *out)
{
    struct mixer_stats media;
    struct agent_stats agent;

    mixer_read_stats(server->mixer, &media);
    agent_read_stats(server->agent, &agent);
    *out = (struct server_stats){.calls = server->call_count,
                                 .ports = media.ports,
                                 .rooms = media.rooms,
                                 .requests = agent.requests,
                                 .challenged = agent.challenged,
                                 .refused = agent.refused,
                                 .failed_logins = agent.failed_logins,
                                 .calls_total = server->calls_total,
                                 .calls_refused = server->calls_refused,
                                 .sessions = agent.sessions,
                                 .dialogs = agent.dialogs,
                                 .subscriptions = agent.subscriptions,
                                 .transactions_in = agent.transactions_in,
                                 .transactions_out = agent.transactions_out,
                                 .mwi_lag_sum_us = agent.mwi_lag_sum_us};
    memcpy(out->mwi_lag_us, agent.mwi_lag_us, sizeof out->mwi_lag_us);
    memcpy(out->ended, server->ended, sizeof out->ended);
    for (const struct call *call = server->calls; call; call = call->next) {
        out->in_state[call->state]++;
        for (const struct leg *leg = call->legs; leg; leg = leg->next)
            out->legs += leg->session != NULL;
    }
}

_Static_assert(CALL_STATE_COUNT == CALL_STATES, "core/call/server.h counts the states");

const char *call_state_text(unsigned state)
{
    return call_state_name((enum call_state)state);
}

void server_read_media(const struct server *server, struct media_stats *out)
{
    struct mixer_stats now;

    mixer_read_stats(server->mixer, &now);
    *out = (struct media_stats){.ticks = now.ticks,
                                .overruns = now.overruns,
                                .commands_refused = now.commands_refused,
                                .events_refused = now.events_refused,
                                .packets_lost = server->packets_lost,
                                .packets_late = server->packets_late,
                                .concealed_ms = server->concealed_ms,
                                .packets_received = now.packets_received,
                                .packets_sent = now.packets_sent};
    memcpy(out->tick_us, now.tick_us_histogram, sizeof out->tick_us);
}

void server_log_media(struct server *server)
{
    struct mixer_stats now, *last = &server->logged;
    uint64_t took[HISTOGRAM_BUCKETS];

    mixer_read_stats(server->mixer, &now);
    for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
        took[b] = now.tick_us_histogram[b] - last->tick_us_histogram[b];
    log_event(LEVEL_NOTICE, "call", NULL,
              "media-stats ports=%u rooms=%u ticks=%" PRIu64 " overruns=%" PRIu64 " p50_us=%" PRIu64
              " p99_us=%" PRIu64 " p999_us=%" PRIu64 " most_us=%" PRIu64 " received=%" PRIu64 " sent=%" PRIu64
              " commands_refused=%" PRIu64 " events_refused=%" PRIu64,
              now.ports, now.rooms, now.ticks - last->ticks, now.overruns - last->overruns,
              histogram_quantile(took, 500), histogram_quantile(took, 990), histogram_quantile(took, 999),
              histogram_quantile(took, 1000), now.packets_received - last->packets_received,
              now.packets_sent - last->packets_sent, now.commands_refused - last->commands_refused,
              now.events_refused - last->events_refused);
    *last = now;
}

void server_log_stats(const struct server *server)
{
    struct server_stats now;

    server_read_stats(server, &now);
    log_event(LEVEL_NOTICE, "call", NULL,
              "server-stats calls=%u legs=%u sessions=%u dialogs=%u subscriptions=%u transactions_in=%u"
              " transactions_out=%u ports=%u rooms=%u calls_total=%" PRIu64 " calls_refused=%" PRIu64,
              now.calls, now.legs, now.sessions, now.dialogs, now.subscriptions, now.transactions_in,
              now.transactions_out, now.ports, now.rooms, now.calls_total, now.calls_refused);
}

struct storage *server_storage(const struct server *server)
{
    return server->storage;
}

const struct prompts *server_prompts(const struct server *server)
{
    return server->prompts;
}

const struct prompts *link_prompts(const struct link *link)
{
    const struct prompts *all = link->call->server->prompts;
    const struct prompts *wanted = link->prompts ? link->prompts : prompts_in(all, link->call->language);

    return wanted ? wanted : all;
}

void link_set_language(struct link *link, const char *language)
{
    const struct prompts *wanted = prompts_in(link->call->server->prompts, language);

    if (wanted)
        link->prompts = wanted;
}

void link_offer_language(struct link *link, const char *language)
{
    if (!prompts_in(link->call->server->prompts, link->call->language))
        link_set_language(link, language);
}

const struct settings *server_settings(const struct server *server)
{
    return server->settings;
}

struct loop *server_loop(const struct server *server)
{
    return server->loop;
}
