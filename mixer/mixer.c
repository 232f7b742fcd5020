/* The engine's start and end, its events and its figures. */
#include "mixer/engine.h"

#include "core/base/ids.h"
#include "core/base/log.h"
#include "mixer/srtp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORTS_MOST (1U << 20)
#define ROOMS_MOST (1U << 20)
#define WIDE_FROM 128

/* -- events
 * -----------------------------------------------------------------------------------------------------------
 */

void mixer_emit(struct mixer *m, const struct mixer_event *event)
{
    unsigned waiting = atomic_fetch_add_explicit(&m->events_waiting, 1, memory_order_relaxed);

    /* The last quarter is kept for what must not be missed. */
    if ((event->type == EVENT_TALK && waiting >= m->events_capacity / 4 * 3) ||
        queue_push(m->events, event)) {
        atomic_fetch_sub_explicit(&m->events_waiting, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&m->events_refused, 1, memory_order_relaxed);
    }
}

int mixer_event_fd(const struct mixer *m)
{
    return queue_fd(m->events);
}

static struct port_entry *entry_of(struct mixer *m, port_id port)
{
    struct port_entry *e = &m->port_entries[port % m->config.max_ports];

    return e->used && e->port->id == port ? e : NULL;
}

/* Frees a port's place when nothing more will be heard of it. */
static void entry_release(struct mixer *m, struct port_entry *e)
{
    if (!e->retired || !e->closed)
        return;
    e->used = false;
    atomic_fetch_sub_explicit(&m->ports_open, 1, memory_order_relaxed);
}

/* False: the event is kept back. A port's last event comes after those of its recordings. */
static bool event_pass(struct mixer *m, const struct mixer_event *event)
{
    struct port_entry *e = event->port ? entry_of(m, event->port) : NULL;

    if (!e)
        return true;
    if (event->type == EVENT_RECORDED && e->recordings > 0) {
        if (--e->recordings == 0) {
            e->recording = false;
            if (e->last.port)
                m->last_ready++;
        }
        return true;
    }
    if (event->type != EVENT_PORT_CLOSED)
        return true;
    if (e->recordings > 0) {
        e->last = *event;
        return false;
    }
    e->closed = true;
    entry_release(m, e);
    return true;
}

static bool event_kept(struct mixer *m, struct mixer_event *out)
{
    for (unsigned i = 0; i < m->config.max_ports && m->last_ready > 0; i++) {
        struct port_entry *e = &m->port_entries[i];
        if (!e->used || !e->last.port || e->recordings > 0)
            continue;
        *out = e->last;
        e->last.port = 0;
        e->closed = true;
        m->last_ready--;
        entry_release(m, e);
        return true;
    }
    return false;
}

bool mixer_next_event(struct mixer *m, struct mixer_event *out)
{
    mixer_collect(m);
    if (m->last_ready > 0 && event_kept(m, out))
        return true;
    for (;;) {
        if (!queue_pop(m->events, out)) {
            queue_acknowledge(m->events);
            if (!queue_pop(m->events, out))
                return false;
        }
        atomic_fetch_sub_explicit(&m->events_waiting, 1, memory_order_relaxed);
        if (event_pass(m, out))
            return true;
    }
}

/* -- what comes back
 * ---------------------------------------------------------------------------------------------------- */

void mixer_retire(struct mixer *m, enum retired_kind kind, void *object)
{
    struct retired r = {kind, object};

    if (object)
        (void)!queue_push_quiet(m->retired, &r);
}

static void port_dispose(struct mixer *m, struct port *p)
{
    struct port_entry *e = &m->port_entries[p->index];

    close(p->rtp_fd);
    close(p->rtcp_fd);
    kit_free(p->kit);
    secure_dispose(p);
    denoiser_free(p->denoiser);
    cng_detector_free(p->cng);
    p->cng = NULL;
    free(p->jitter);
    free(p->label);
    free(p->relations);
    p->relations = NULL;
    p->label = NULL;
    p->kit = NULL;
    p->denoiser = NULL;
    explicit_bzero(&e->format, sizeof(e->format)); /* its keys */
    p->jitter = NULL;
    e->retired = true;
    entry_release(m, e);
}

static void recording_dispose(struct recording *r)
{
    resampler_free(r->down); /* the recorder is the file thread's by now */
    free(r);
}

void mixer_collect(struct mixer *m)
{
    struct retired r;

    while (queue_pop(m->retired, &r)) {
        switch (r.kind) {
        case RETIRED_PORT:
            port_dispose(m, r.object);
            break;
        case RETIRED_KIT:
            kit_free(r.object);
            break;
        case RETIRED_RESAMPLER:
            resampler_free(r.object);
            break;
        case RETIRED_RECORDING:
            recording_dispose(r.object);
            break;
        case RETIRED_LIST:
            free(r.object);
            break;
        case RETIRED_ROOM:
            shard_dispose(m, r.object);
            break;
        case RETIRED_TAPING:
            taping_free(r.object);
            break;
        case RETIRED_LABEL:
            free(r.object);
            break;
        case RETIRED_ROOM_KIT:
            room_kit_free(r.object);
            break;
        case RETIRED_SRTP:
            srtp_free(r.object);
            break;
        case RETIRED_RELATIONS:
            free(r.object);
            break;
        case RETIRED_DENOISER:
            denoiser_free(r.object);
            break;
        case RETIRED_CNG:
            cng_detector_free(r.object);
            break;
        }
    }
}

/* -- start and stop
 * ----------------------------------------------------------------------------------------------------- */

static void worker_free(struct worker *w)
{
    io_free(w->io);
    queue_free(w->commands);
    queue_free(w->arrivals);
    free(w->here);
    free(w->ports);
}

static int worker_make(struct worker *w, struct mixer *m, unsigned index)
{
    w->mixer = m;
    w->index = index;
    w->dice = 1 + random_below(UINT32_MAX);
    w->here = calloc(m->config.max_ports, sizeof(*w->here));
    w->ports = calloc(m->config.max_ports + 1, sizeof(*w->ports));
    int error = w->here && w->ports ? io_new(&w->io, m->config.io, 2 * m->config.max_ports) : ENOMEM;
    if (!error) /* the first one decides for all, and is the only one to complain */
        m->config.io = io_name(w->io);
    if (!error)
        error = queue_new(&w->commands, sizeof(struct command), m->commands_capacity);
    if (!error)
        error = queue_new(&w->arrivals, sizeof(struct port *), m->config.max_ports);
    return error;
}

static int mixer_make(struct mixer *m)
{
    const struct mixer_config *c = &m->config;

    m->ports = calloc(c->max_ports, sizeof(*m->ports));
    m->port_entries = calloc(c->max_ports, sizeof(*m->port_entries));
    m->room_entries = calloc(c->max_rooms ? c->max_rooms : 1, sizeof(*m->room_entries));
    m->workers = calloc(m->worker_count, sizeof(*m->workers));
    if (!m->ports || !m->port_entries || !m->room_entries || !m->workers)
        return ENOMEM;
    for (unsigned i = 0; i < c->max_ports; i++)
        m->port_entries[i].port = &m->ports[i];
    int error = queue_new(&m->events, sizeof(struct mixer_event), m->events_capacity);
    /* No command retires more than four things: CLOSE of a port its recording, crossings and itself, FORMAT
     * the kit and three SRTP contexts at most. */
    if (!error)
        error = queue_new(&m->retired, sizeof(struct retired),
                          4 * (size_t)m->commands_capacity * m->worker_count);
    for (unsigned i = 0; i < m->worker_count && !error; i++)
        error = worker_make(&m->workers[i], m, i);
    if (!error)
        error = sounds_start(&m->sounds, m);
    if (!error)
        error = faxes_new(&m->faxes, m);
    for (unsigned i = 0; i < m->worker_count && !error; i++)
        error = worker_start(&m->workers[i]);
    return error;
}

int mixer_start(struct mixer **out, const struct mixer_config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (config->max_ports == 0 || config->max_ports > PORTS_MOST || config->max_rooms > ROOMS_MOST ||
        config->rtp_port_low > config->rtp_port_high || config->rtp_port_high > 65535)
        return EINVAL;
    struct mixer *m = calloc(1, sizeof(*m));
    if (!m)
        return ENOMEM;
    m->config = *config;
    if (m->config.wide_from == 0)
        m->config.wide_from = WIDE_FROM;
    m->worker_count = config->workers ? config->workers : cores > 2 ? (unsigned)cores - 1 : 1;
    m->commands_capacity = 4 * config->max_ports + 2 * config->max_rooms + 256;
    m->events_capacity = 8 * config->max_ports + 1024;
    int error = mixer_make(m);
    if (error) {
        mixer_stop(m);
        return error;
    }
    log_event(LEVEL_INFO, "mixer", NULL, "mixer-started workers=%u io=%s ports=%u rooms=%u",
              m->worker_count, m->config.io, config->max_ports, config->max_rooms);
    *out = m;
    return 0;
}

/* Workers have ended: what is still in their queues is done here, so that all that was handed over is found.
 */
static void mixer_drain(struct mixer *m)
{
    bool more = true;

    while (more) {
        more = false;
        for (unsigned i = 0; i < m->worker_count; i++) {
            worker_commands(&m->workers[i]);
            mixer_collect(m);
            more = more || atomic_load(&m->workers[i].waiting) > 0;
        }
    }
}

static void mixer_close_all(struct mixer *m)
{
    for (unsigned i = 0; i < m->config.max_ports; i++) {
        if (m->port_entries[i].open)
            port_close(m, m->ports[i].id);
        mixer_drain(m);
    }
    for (unsigned i = 0; i < m->config.max_rooms; i++) {
        struct room_entry *r = &m->room_entries[i];
        if (r->open)
            room_close(m, i + m->config.max_rooms * r->generation);
        mixer_drain(m);
    }
}

void mixer_stop(struct mixer *m)
{
    if (!m)
        return;
    atomic_store_explicit(&m->stopping, true, memory_order_release);
    for (unsigned i = 0; m->workers && i < m->worker_count; i++)
        worker_stop(&m->workers[i]);
    if (m->sounds) {
        mixer_drain(m);
        mixer_close_all(m);
        faxes_free(m->faxes);
        sounds_stop(m->sounds);
    }
    for (unsigned i = 0; m->workers && i < m->worker_count; i++)
        worker_free(&m->workers[i]);
    queue_free(m->events);
    queue_free(m->retired);
    free(m->workers);
    free(m->room_entries);
    free(m->port_entries);
    free(m->ports);
    free(m);
}

struct sounds *mixer_sounds(struct mixer *m)
{
    return m->sounds;
}

void mixer_read_stats(struct mixer *m, struct mixer_stats *out)
{
    mixer_collect(m); /* a room's end wakes nobody */
    struct mixer_stats s = {.ports = atomic_load(&m->ports_open),
                            .rooms = atomic_load(&m->rooms_open),
                            .sounds = sounds_count(m->sounds),
                            .encoded_bytes = sounds_encoded_bytes(m->sounds),
                            .commands_refused = atomic_load(&m->commands_refused),
                            .events_refused = atomic_load(&m->events_refused)};

    for (unsigned i = 0; i < m->worker_count; i++) {
        const struct worker *w = &m->workers[i];
        s.ticks += atomic_load_explicit(&w->ticks, memory_order_relaxed);
        s.overruns += atomic_load_explicit(&w->overruns, memory_order_relaxed);
        s.packets_received += atomic_load_explicit(&w->received, memory_order_relaxed);
        s.packets_sent += atomic_load_explicit(&w->sent, memory_order_relaxed);
        s.encodings += atomic_load_explicit(&w->encodings, memory_order_relaxed);
        s.levels_distrusted += atomic_load_explicit(&w->levels_distrusted, memory_order_relaxed);
        for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
            s.tick_us_histogram[b] += atomic_load_explicit(&w->histogram[b], memory_order_relaxed);
    }
    *out = s;
}
