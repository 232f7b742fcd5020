/* The public functions on one port: opening, formats, plays, recordings. All on the signalling thread. */
#include "mixer/engine.h"

#include "core/base/ids.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- ids and commands
 * ----------------------------------------------------------------------------------------------- */

struct port_entry *port_find(struct mixer *m, port_id port)
{
    struct port_entry *e = &m->port_entries[port % m->config.max_ports];

    return e->open && e->port->id == port ? e : NULL;
}

/* Ends of ports and rooms always find a place: ordinary commands leave as many free as there can be of them.
 */
int worker_push(struct worker *w, const struct command *command)
{
    struct mixer *m = w->mixer;
    bool end = command->type == COMMAND_CLOSE || command->type == COMMAND_ROOM_CLOSE;
    unsigned keep = end ? 0 : m->config.max_ports + m->config.max_rooms;

    mixer_collect(m);
    if (atomic_load_explicit(&w->waiting, memory_order_relaxed) + keep >= m->commands_capacity) {
        atomic_fetch_add_explicit(&m->commands_refused, 1, memory_order_relaxed);
        return ENOBUFS;
    }
    atomic_fetch_add_explicit(&w->waiting, 1, memory_order_relaxed);
    int error = queue_push_quiet(w->commands, command);
    if (error) {
        atomic_fetch_sub_explicit(&w->waiting, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&m->commands_refused, 1, memory_order_relaxed);
    }
    return error;
}

/* A command with up to two numbers. */
static int port_order(struct mixer *m, port_id port, enum command_type type, int a, int b)
{
    struct port_entry *e = port_find(m, port);
    struct command c = {.type = type, .values = {a, b}};

    if (!e)
        return ENOENT;
    c.port = e->port;
    return worker_push(e->worker, &c);
}

struct worker *worker_least_busy(struct mixer *m)
{
    struct worker *best = &m->workers[0];

    for (unsigned i = 1; i < m->worker_count; i++) {
        if (m->workers[i].load < best->load)
            best = &m->workers[i];
    }
    return best;
}

/* -- opening
 * -------------------------------------------------------------------------------------------------------- */

static int socket_bind(int *out, const struct sockaddr *local, unsigned port)
{
    struct sockaddr_storage address = {0};
    socklen_t length =
        local->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int tos = IPTOS_DSCP_EF, error = 0; /* RFC 4594 §4.1: voice */

    memcpy(&address, local, length);
    if (local->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)&address)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)(void *)&address)->sin_port = htons((uint16_t)port);
    int fd = socket(local->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    if (local->sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
    else
        (void)setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
    if (bind(fd, (const struct sockaddr *)&address, length)) {
        error = errno;
        close(fd);
        return error;
    }
    *out = fd;
    return 0;
}

/* An even port and the odd one above it (RFC 3550 §11); others on this host may have taken some. */
static int sockets_bind(struct mixer *m, struct port *p, const struct sockaddr *local, uint16_t *rtp_port)
{
    unsigned low = (m->config.rtp_port_low + 1) & ~1U, pairs = (m->config.rtp_port_high + 1 - low) / 2;

    if (m->config.rtp_port_high <= low)
        return EADDRINUSE;
    for (unsigned i = 0; i < pairs; i++) {
        unsigned port = low + 2 * (m->next_rtp++ % pairs);
        int error = socket_bind(&p->rtp_fd, local, port);
        if (!error) {
            error = socket_bind(&p->rtcp_fd, local, port + 1);
            if (error)
                close(p->rtp_fd);
        }
        if (!error)
            *rtp_port = (uint16_t)port;
        if (error != EADDRINUSE)
            return error;
    }
    return EADDRINUSE;
}

static struct port_entry *entry_free(struct mixer *m)
{
    for (unsigned i = 0; i < m->config.max_ports; i++) {
        struct port_entry *e = &m->port_entries[m->next_port++ % m->config.max_ports];
        if (!e->used)
            return e;
    }
    return NULL;
}

static void port_prepare(struct mixer *m, struct port_entry *e)
{
    struct port *p = e->port;
    uint32_t generation = e->generation + 1;
    int rtp_fd = p->rtp_fd, rtcp_fd = p->rtcp_fd;

    if (generation >= UINT32_MAX / m->config.max_ports)
        generation = 1;
    memset(e, 0, sizeof(*e));
    memset(p, 0, sizeof(*p));
    e->port = p;
    e->generation = generation;
    e->rate = 8000;
    p->rtp_fd = rtp_fd;
    p->rtcp_fd = rtcp_fd;
    p->mixer = m;
    p->index = (unsigned)(e - m->port_entries);
    p->id = generation * m->config.max_ports + p->index;
    /* RFC 3550 §5.1: where these begin cannot be guessed; RFC 7022 §5: nor can a short-term CNAME. */
    p->ssrc = random_below(UINT32_MAX);
    p->timestamp = random_below(UINT32_MAX);
    /* RFC 3711 §3.3.1: below 2^15, so that a first packet lost does not hide that the numbers have wrapped.
     */
    p->sequence = (uint16_t)random_below(1 << 15);
    random_hex(p->cname, 12);
    p->loud = 127;
    atomic_init(&p->shown, 127);
    p->talk_gain = p->listen_gain = p->talk_now = p->listen_now = GAIN_UNITY;
    p->round_trip_us = -1;
    leveller_init(&p->leveller);
}

int port_open(struct mixer *m, const struct sockaddr *local, port_id *out, uint16_t *rtp_port)
{
    struct command c = {.type = COMMAND_OPEN};

    mixer_collect(m);
    if (local->sa_family != AF_INET && local->sa_family != AF_INET6)
        return EINVAL;
    struct port_entry *e = entry_free(m);
    if (!e)
        return EMFILE;
    struct worker *w = worker_least_busy(m);
    if (!m->next_rtp)
        m->next_rtp = (uint16_t)random_below(16384);
    int error = sockets_bind(m, e->port, local, rtp_port);
    if (error)
        return error;
    port_prepare(m, e);
    c.port = e->port;
    e->port->jitter = calloc(1, sizeof(*e->port->jitter));
    error = e->port->jitter ? worker_push(w, &c) : ENOMEM;
    if (error) {
        close(e->port->rtp_fd);
        close(e->port->rtcp_fd);
        free(e->port->jitter);
        return error;
    }
    e->used = e->open = true;
    e->worker = w;
    w->load++;
    atomic_fetch_add_explicit(&m->ports_open, 1, memory_order_relaxed);
    *out = e->port->id;
    return 0;
}

void port_close(struct mixer *m, port_id port)
{
    struct port_entry *e = port_find(m, port);
    struct command c = {.type = COMMAND_CLOSE};

    if (!e)
        return;
    connection_forget(m, e);
    c.port = e->port;
    (void)!worker_push(e->worker, &c);
    e->open = false;
    e->worker->load--;
}

/* -- format
 * ---------------------------------------------------------------------------------------------------------
 */

/* A recording under way goes on at its own rate. */
static int recording_refit(struct port_entry *e)
{
    struct command c = {.type = COMMAND_RECORD_DOWN, .port = e->port, .from = e->rate};

    if (!e->recording)
        return 0;
    int error = resampler_between(&c.made.resamplers[0], e->rate, e->record_rate);
    if (!error)
        error = worker_push(e->worker, &c);
    if (error)
        resampler_free(c.made.resamplers[0]);
    return error;
}

/* The noise suppression of a port's rate, or none: what the worker has is replaced. */
static int denoise_refit(struct port_entry *e)
{
    struct command c = {.type = COMMAND_DENOISE, .port = e->port};
    int error = e->denoise ? denoiser_new(&c.made.denoiser, e->rate) : 0;

    if (!error)
        error = worker_push(e->worker, &c);
    if (error)
        denoiser_free(c.made.denoiser);
    return error;
}

int port_set_format(struct mixer *m, port_id port, const struct media_format *format)
{
    struct port_entry *e = port_find(m, port);
    struct command c = {.type = COMMAND_FORMAT};

    if (!e)
        return ENOENT;
    int error = kit_new(&c.made.kit, format);
    if (error)
        return error;
    unsigned old_rate = e->rate, rate = c.made.kit->rate;
    struct media_format old = e->format;
    bool formatted = e->formatted;
    e->rate = rate;
    e->format = c.made.kit->format;
    e->formatted = true;
    c.port = e->port;
    error = secure_make(&c, &old, format);
    if (!error)
        error = connection_refit(m, e, formatted ? old_rate : 0, &c.class);
    if (!error) {
        error = worker_push(e->worker, &c);
        if (error)
            connection_unfit(m, e, formatted ? old_rate : 0);
    }
    if (error) {
        kit_free(c.made.kit);
        secure_drop(&c);
        e->rate = old_rate;
        e->format = old;
        e->formatted = formatted;
        return error;
    }
    if (rate == old_rate)
        return 0;
    error = recording_refit(e);
    return error || !e->denoise ? error : denoise_refit(e);
}

/* -- gains, digits, plays
 * ------------------------------------------------------------------------------------------- */

int port_set_gains(struct mixer *m, port_id port, int talk_db, int listen_db)
{
    if (talk_db < -30 || talk_db > 30 || listen_db < -30 || listen_db > 30)
        return EINVAL;
    return port_order(m, port, COMMAND_GAINS, talk_db, listen_db);
}

unsigned port_level(struct mixer *m, port_id port)
{
    const struct port_entry *e = port_find(m, port);

    return e ? atomic_load_explicit(&e->port->shown, memory_order_relaxed) : 127;
}

int port_set_mute(struct mixer *m, port_id port, bool mute)
{
    return port_order(m, port, COMMAND_MUTE, mute, 0);
}

int port_set_deaf(struct mixer *m, port_id port, bool deaf)
{
    return port_order(m, port, COMMAND_DEAF, deaf, 0);
}

int port_keep_digits(struct mixer *m, port_id port, bool keep)
{
    return port_order(m, port, COMMAND_KEEP_DIGITS, keep, 0);
}

int port_set_denoise(struct mixer *m, port_id port, bool denoise)
{
    struct port_entry *e = port_find(m, port);

    if (!e)
        return ENOENT;
    if (e->denoise == denoise)
        return 0;
    e->denoise = denoise;
    int error = denoise_refit(e);
    if (error)
        e->denoise = !denoise;
    return error;
}

int port_send_digit(struct mixer *m, port_id port, char digit, unsigned ms)
{
    if (!digit || !strchr("0123456789*#ABCD", digit) || ms == 0 || ms > 5000)
        return EINVAL;
    return port_order(m, port, COMMAND_DIGIT, digit, (int)ms);
}

/* A list for a worker, with a reference on each of its sounds. */
static int list_new(struct play_list **out, struct mixer *m, uint32_t serial, const struct play_item *items,
                    size_t count, bool repeat)
{
    if (count == 0 || count > PLAY_ITEMS_MAX)
        return EINVAL;
    struct play_list *list = calloc(1, sizeof(*list));
    if (!list)
        return ENOMEM;
    int error = player_hold(m->sounds, items, count);
    if (error) {
        free(list);
        return error;
    }
    list->serial = serial;
    list->repeat = repeat;
    list->count = (unsigned)count;
    memcpy(list->items, items, count * sizeof(*items));
    *out = list;
    return 0;
}

/* One that no worker took. */
static void list_drop(struct mixer *m, struct play_list *list)
{
    player_release(m->sounds, list->items, list->count);
    free(list);
}

int port_play(struct mixer *m, port_id port, uint32_t serial, const struct play_item *items, size_t count,
              bool repeat)
{
    struct port_entry *e = port_find(m, port);
    struct command c = {.type = COMMAND_PLAY};

    if (!e)
        return ENOENT;
    int error = list_new(&c.made.list, m, serial, items, count, repeat);
    if (error)
        return error;
    c.port = e->port;
    error = worker_push(e->worker, &c);
    if (error)
        list_drop(m, c.made.list);
    return error;
}

int room_play(struct mixer *m, room_id room, const struct play_item *items, size_t count)
{
    struct room_entry *r = room_entry_find(m, room);
    int error = r ? 0 : ENOENT;

    for (unsigned i = 0; i < m->worker_count && !error; i++) {
        struct command c = {.type = COMMAND_ROOM_PLAY, .room = r->shards[i].room};
        if (!c.room)
            continue;
        error = list_new(&c.made.list, m, 0, items, count, false);
        if (error)
            break;
        error = worker_push(&m->workers[i], &c);
        if (error)
            list_drop(m, c.made.list);
    }
    return error;
}

void port_play_stop(struct mixer *m, port_id port)
{
    (void)!port_order(m, port, COMMAND_PLAY_STOP, 0, 0);
}

void port_play_pause(struct mixer *m, port_id port, bool paused)
{
    (void)!port_order(m, port, COMMAND_PLAY_PAUSE, paused, 0);
}

void port_play_skip(struct mixer *m, port_id port, int ms)
{
    (void)!port_order(m, port, COMMAND_PLAY_SKIP, ms, 0);
}

int port_play_seek(struct mixer *m, port_id port, uint32_t ms)
{
    return ms > INT32_MAX ? EINVAL : port_order(m, port, COMMAND_PLAY_SEEK, (int)ms, 0);
}

int port_play_speed(struct mixer *m, port_id port, unsigned percent)
{
    if (percent < SPEED_MIN || percent > SPEED_MAX)
        return EINVAL;
    return port_order(m, port, COMMAND_PLAY_SPEED, (int)percent, 0);
}

int port_play_gain(struct mixer *m, port_id port, int db)
{
    if (db < -30 || db > 30)
        return EINVAL;
    return port_order(m, port, COMMAND_PLAY_GAIN, db, 0);
}

/* -- recording
 * ------------------------------------------------------------------------------------------------------ */

int port_record(struct mixer *m, uint32_t port, uint32_t serial, const char *path,
                const struct record_limits *limits)
{
    struct port_entry *e = port_find(m, port);
    struct command c = {.type = COMMAND_RECORD};

    if (!e)
        return ENOENT;
    struct recording *r = calloc(1, sizeof(*r));
    if (!r)
        return ENOMEM;
    r->from = e->rate;
    /* A file keeps its rate, whatever codec came since. */
    r->rate = limits->append && e->record_rate ? e->record_rate : e->rate > 16000 ? 16000 : e->rate;
    int error = resampler_between(&r->down, r->from, r->rate);
    if (!error)
        error = recorder_open(&r->recorder, m->sounds, port, serial, path, r->rate, limits);
    if (!error) {
        c.port = e->port;
        c.made.recording = r;
        e->recordings++; /* one way or the other its end will be told */
        error = worker_push(e->worker, &c);
        if (error)
            recorder_close(r->recorder, RECORD_FAILED);
    }
    if (error) {
        resampler_free(r->down);
        free(r);
        return error;
    }
    e->recording = true;
    e->record_rate = r->rate;
    return 0;
}

void port_record_stop(struct mixer *m, uint32_t port)
{
    (void)!port_order(m, port, COMMAND_RECORD_STOP, 0, 0);
}
