/* Fax machines on ports: see faxline.h. */
#define _GNU_SOURCE /* pthread_setname_np */
#include "mixer/faxline.h"

#include "core/base/log.h"
#include "mixer/engine.h"
#include "mixer/sound_internal.h"
#include "mixer/udptl.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME (8000 / TICKS_A_SECOND)
#define SLOTS 256 /* 2.5 s, in which a disk may stand still */
#define AHEAD 5   /* frames by which the modem is ahead of the line, so that it may be late once */
#define LINES_MOST 64
#define LOOK_MS 10

enum slot_kind { SLOT_SOUND, SLOT_TIME, SLOT_PACKET, SLOT_CHANGE };

struct fax_slot {
    enum slot_kind kind;
    uint16_t length;
    union {
        int16_t sound[FRAME];
        uint8_t packet[UDPTL_MOST];
        struct fax_t38 format;
    } is;
};

struct fax_line {
    uint32_t port, serial;
    char path[512];
    struct queue *in, *out; /* struct fax_slot; to the fax thread, and back */
    atomic_bool closed;
    /* worker */
    bool packets;
    unsigned ahead;
    /* fax thread */
    struct fax_machine *machine;
    bool told;
    struct fax_line *next;
};

struct faxes {
    struct mixer *mixer;
    struct queue *jobs; /* struct fax_line *: new ones; NULL wakes */
    struct fax_line *lines;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
};

/* -- fax thread
 * -------------------------------------------------------------------------------------------------------- */

static void fax_line_free(struct fax_line *line)
{
    if (!line)
        return;
    fax_machine_free(line->machine);
    queue_free(line->in);
    queue_free(line->out);
    free(line);
}

static void line_send(void *arg, const uint8_t *datagram, size_t length)
{
    struct fax_line *line = arg;
    struct fax_slot slot = {.kind = SLOT_PACKET, .length = (uint16_t)length};

    memcpy(slot.is.packet, datagram, length);
    (void)!queue_push_quiet(line->out, &slot); /* a full queue is loss, as on the way */
}

/* The pages must be on disk before anybody is told of them. */
static int pages_sync(const char *path)
{
    int error = 0, fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno;
    if (fsync(fd) != 0)
        error = errno;
    close(fd);
    return error ? error : folder_sync(path);
}

static void line_tell(struct faxes *faxes, struct fax_line *line, int end)
{
    struct mixer_event event = {
        .type = EVENT_RECORDED, .port = line->port, .serial = line->serial, .end = end};

    line->told = true;
    fax_machine_read(line->machine, &event.fax);
    event.is_fax = true;
    event.error = event.fax.pages > 0 ? pages_sync(line->path) : ENODATA;
    if (event.error && event.error != ENODATA)
        event.end = RECORD_FAILED;
    log_event(LEVEL_INFO, "mixer", NULL, "fax pages=%u complete=%d code=%d error=%d", event.fax.pages,
              event.fax.complete, event.fax.code, event.error);
    mixer_emit(faxes->mixer, &event);
}

static void line_take(struct fax_line *line, const struct fax_slot *slot)
{
    struct fax_slot reply = {.kind = SLOT_SOUND};

    switch (slot->kind) {
    case SLOT_SOUND:
        fax_machine_sound(line->machine, slot->is.sound, reply.is.sound, FRAME);
        (void)!queue_push_quiet(line->out, &reply);
        break;
    case SLOT_TIME:
        fax_machine_pass(line->machine, TICK_MS);
        break;
    case SLOT_PACKET:
        fax_machine_packet(line->machine, slot->is.packet, slot->length);
        break;
    case SLOT_CHANGE:
        if (fax_machine_change(line->machine, &slot->is.format, line_send, line) != 0)
            log_event(LEVEL_ERROR, "mixer", NULL, "fax-change-failed port=%u", line->port);
        break;
    }
}

/* True: it is over, and nobody else has it. */
static bool line_service(struct faxes *faxes, struct fax_line *line)
{
    bool closed = atomic_load_explicit(&line->closed, memory_order_acquire);
    struct fax_slot slot;

    while (queue_pop(line->in, &slot))
        line_take(line, &slot);
    if (!line->told && (closed || fax_machine_ended(line->machine)))
        line_tell(faxes, line, closed ? RECORD_CLOSED : RECORD_STOPPED);
    return closed;
}

void faxes_service(struct faxes *faxes)
{
    struct fax_line *line, **at = &faxes->lines;

    queue_acknowledge(faxes->jobs);
    while (queue_pop(faxes->jobs, &line)) {
        if (!line)
            continue;
        line->next = faxes->lines;
        faxes->lines = line;
    }
    while ((line = *at) != NULL) {
        if (line_service(faxes, line)) {
            *at = line->next;
            fax_line_free(line);
        } else {
            at = &line->next;
        }
    }
}

static void *faxes_main(void *arg)
{
    struct faxes *faxes = arg;

    while (!atomic_load(&faxes->stopping)) {
        struct pollfd ready = {.fd = queue_fd(faxes->jobs), .events = POLLIN};
        poll(&ready, 1, faxes->lines ? LOOK_MS : -1);
        faxes_service(faxes);
    }
    faxes_service(faxes);
    return NULL;
}

/* -- signalling
 * -------------------------------------------------------------------------------------------------------- */

int faxes_new(struct faxes **out, struct mixer *m)
{
    struct faxes *faxes = calloc(1, sizeof *faxes);

    if (!faxes)
        return ENOMEM;
    faxes->mixer = m;
    int error = queue_new(&faxes->jobs, sizeof(struct fax_line *), LINES_MOST);
    if (error) {
        free(faxes);
        return error;
    }
    *out = faxes;
    return 0;
}

static int faxes_start(struct faxes *faxes)
{
    sigset_t all, before;

    if (faxes->running || faxes->mixer->config.manual)
        return 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&faxes->thread, NULL, faxes_main, faxes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    faxes->running = !error;
    if (!error)
        (void)pthread_setname_np(faxes->thread, "confab-fax");
    return error;
}

void faxes_free(struct faxes *faxes)
{
    struct fax_line *none = NULL;

    if (!faxes)
        return;
    atomic_store(&faxes->stopping, true);
    (void)!queue_push(faxes->jobs, &none); /* a full queue keeps it awake anyway */
    if (faxes->running)
        pthread_join(faxes->thread, NULL);
    else
        faxes_service(faxes);
    queue_free(faxes->jobs);
    free(faxes);
}

int fax_line_new(struct fax_line **out, struct faxes *faxes, uint32_t port, uint32_t serial, const char *path,
                 const char *ident, const struct fax_limits *limits)
{
    int error = faxes_start(faxes);
    struct fax_line *line = error ? NULL : calloc(1, sizeof *line);

    if (!line)
        return error ? error : ENOMEM;
    line->port = port;
    line->serial = serial;
    error = fax_machine_new(&line->machine, path, ident, limits);
    if (!error) {
        strcpy(line->path, path); /* fax_machine_new() has judged its length */
        error = queue_new(&line->in, sizeof(struct fax_slot), SLOTS);
    }
    if (!error)
        error = queue_new(&line->out, sizeof(struct fax_slot), SLOTS);
    if (!error)
        error = queue_push(faxes->jobs, &line);
    if (error) {
        fax_line_free(line);
        return error;
    }
    *out = line;
    return 0;
}

void fax_line_drop(struct fax_line *line)
{
    atomic_store_explicit(&line->closed, true, memory_order_release);
}

int port_fax(struct mixer *m, port_id port, uint32_t serial, const char *path, const char *ident,
             const struct fax_limits *limits)
{
    struct port_entry *e = port_find(m, port);
    struct command c = {.type = COMMAND_FAX};

    if (!e)
        return ENOENT;
    if (!e->formatted)
        return EINVAL;
    int error = fax_line_new(&c.made.fax, m->faxes, port, serial, path, ident, limits);
    if (error)
        return error;
    e->recordings++; /* its end will be told as theirs is */
    c.port = e->port;
    error = worker_push(e->worker, &c);
    if (error)
        fax_line_drop(c.made.fax);
    return error;
}

void port_fax_stop(struct mixer *m, port_id port)
{
    struct port_entry *e = port_find(m, port);
    struct command c = {.type = COMMAND_FAX};

    if (!e)
        return;
    c.port = e->port;
    (void)!worker_push(e->worker, &c);
}

int port_fax_packets(struct mixer *m, port_id port, const struct sockaddr *remote,
                     const struct fax_t38 *format)
{
    struct port_entry *e = port_find(m, port);
    struct command c = {.type = COMMAND_FAX_PACKETS, .t38 = *format};

    if (!e)
        return ENOENT;
    if (remote->sa_family != AF_INET && remote->sa_family != AF_INET6)
        return EINVAL;
    c.port = e->port;
    memcpy(&c.remote, remote,
           remote->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    return worker_push(e->worker, &c);
}

int port_listen_fax(struct mixer *m, port_id port, bool listen)
{
    struct port_entry *e = port_find(m, port);
    struct command c = {.type = COMMAND_LISTEN_FAX};

    if (!e)
        return ENOENT;
    int error = listen ? cng_detector_new(&c.made.cng) : 0;
    if (error)
        return error;
    c.port = e->port;
    error = worker_push(e->worker, &c);
    if (error)
        cng_detector_free(c.made.cng);
    return error;
}

/* -- worker
 * ------------------------------------------------------------------------------------------------------------
 */

static void line_say(struct port *p)
{
    struct fax_line *line = p->fax;
    struct fax_slot slot;

    if (line->ahead < AHEAD) {
        line->ahead++;
        port_say(p, NULL);
        return;
    }
    bool got = queue_pop(line->out, &slot) && slot.kind == SLOT_SOUND;
    port_say(p, got && p->kit->rate == 8000 ? slot.is.sound : NULL);
}

static void line_transmit(struct port *p)
{
    struct fax_slot slot;

    while (queue_pop(p->fax->out, &slot)) {
        if (slot.kind != SLOT_PACKET || !p->remote_known)
            continue;
        memcpy(io_claim(p->worker->io), slot.is.packet, slot.length);
        io_commit(p->worker->io, p->rtp_fd, p->wired ? NULL : &p->remote, slot.length);
        p->sent++;
        atomic_fetch_add_explicit(&p->worker->sent, 1, memory_order_relaxed);
    }
}

void port_fax_tick(struct port *p)
{
    struct fax_line *line = p->fax;
    struct fax_slot slot = {.kind = line->packets ? SLOT_TIME : SLOT_SOUND};

    if (!line->packets && port_hear(p) && p->kit->rate == 8000)
        memcpy(slot.is.sound, p->kit->frame, sizeof slot.is.sound);
    (void)!queue_push_quiet(line->in, &slot);
    if (line->packets)
        line_transmit(p);
    else
        line_say(p);
}

void port_fax_change(struct port *p, const struct fax_t38 *format, const struct sockaddr_storage *remote)
{
    struct fax_slot slot = {.kind = SLOT_CHANGE, .is.format = *format};

    if (!p->fax)
        return;
    (void)!queue_push_quiet(p->fax->in, &slot);
    p->fax->packets = true;
    p->kit->format.rtp = *remote;
    port_set_remote(p, &p->kit->format);
    p->remote = *remote;
    p->remote_known = true;
}

void port_fax_receive(struct port *p, const struct io_packet *in)
{
    struct fax_slot slot = {.kind = SLOT_PACKET, .length = (uint16_t)in->length};

    if (in->length > sizeof slot.is.packet) {
        p->discarded++;
        return;
    }
    memcpy(slot.is.packet, in->data, in->length);
    p->received++;
    (void)!queue_push_quiet(p->fax->in, &slot);
}

bool port_fax_has_packets(const struct port *p)
{
    return p->fax && p->fax->packets;
}

void port_fax_end(struct port *p)
{
    if (!p->fax)
        return;
    fax_line_drop(p->fax);
    p->fax = NULL;
    jitter_hold(p->jitter, 0);
}
