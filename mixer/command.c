/* What signalling asked for, carried out by a worker at the beginning of its tick. */
#include "mixer/engine.h"

#include <string.h>

#define COMMANDS_A_TICK 512 /* the rest waits for the next one */
#define END_COMMANDS 8      /* for so many others counts one that ends the kernel's work on a port */

/* -- coming, moving, going
 * ------------------------------------------------------------------------------------------ */

static void port_adopt(struct worker *w, struct port *p)
{
    p->worker = w;
    p->place = w->port_count;
    w->ports[w->port_count++] = p;
    w->here[p->index] = true;
    /* Without its descriptors in the set a port hears nothing, and its silence is told by EVENT_TIMEOUT. */
    (void)!io_add(w->io, p->rtp_fd, p->index << 1);
    (void)!io_add(w->io, p->rtcp_fd, p->index << 1 | 1);
}

static void port_release(struct worker *w, struct port *p)
{
    io_remove(w->io, p->rtp_fd, p->index << 1);
    io_remove(w->io, p->rtcp_fd, p->index << 1 | 1);
    w->here[p->index] = false;
    w->ports[p->place] = w->ports[--w->port_count];
    w->ports[p->place]->place = p->place;
}

static void crossing_drop(struct port *p)
{
    mixer_retire(p->mixer, RETIRED_RESAMPLER, p->crossing.resampler);
    memset(&p->crossing, 0, sizeof(p->crossing));
    p->relay = p->relay_known = false;
    p->relay_doubts = 0;
}

void port_disconnect(struct port *p)
{
    if (p->connected == CONNECTED_ROOM) {
        room_leave(p);
    } else if (p->connected == CONNECTED_BRIDGE) {
        struct port *peer = p->peer;
        crossing_drop(p);
        crossing_drop(peer);
        peer->connected = CONNECTED_NONE;
        peer->peer = NULL;
    }
    p->connected = CONNECTED_NONE;
    p->peer = NULL;
}

static void do_open(struct worker *w, struct command *c)
{
    port_adopt(w, c->port);
}

static void do_release(struct worker *w, struct command *c)
{
    port_disconnect(c->port);
    port_release(w, c->port);
    /* The queue holds all ports there are. */
    (void)!queue_push_quiet(c->made.to->arrivals, &c->port);
}

static void do_close(struct worker *w, struct command *c)
{
    struct port *p = c->port;
    struct mixer_event event = {.type = EVENT_PORT_CLOSED, .port = p->id};

    if (p->kit && !bridge_relays(p) && p->sent > 0)
        port_report(p, true);
    port_disconnect(p);
    port_record_end(p, RECORD_CLOSED);
    port_fax_end(p);
    if (p->player.playing) {
        port_play_end(p, PLAY_STOPPED);
        player_stop(&p->player);
    }
    port_release(w, p);
    port_stats_fill(p, &event.stats);
    mixer_retire(w->mixer, RETIRED_PORT, p);
    mixer_emit(w->mixer, &event);
}

/* -- format and connections
 * ----------------------------------------------------------------------------------------- */

static void do_format(struct worker *w, struct command *c)
{
    struct port *p = c->port;
    struct kit *old = p->kit;

    port_set_remote(p, &c->made.kit->format);
    secure_change(p, &c->secure);
    if (old)
        kit_inherit(c->made.kit, old);
    else
        p->phase = p->index;
    p->kit = c->made.kit;
    p->alive_tick = w->tick;
    p->timed_out = false;
    p->relay_known = false;
    if (p->connected == CONNECTED_BRIDGE)
        p->peer->relay_known = false;
    if (p->connected == CONNECTED_ROOM) {
        room_class(p, c->class);
        room_update(p);
    }
    mixer_retire(w->mixer, RETIRED_KIT, old);
}

static void do_none(struct worker *w, struct command *c)
{
    (void)w;
    port_disconnect(c->port);
}

static void do_echo(struct worker *w, struct command *c)
{
    (void)w;
    port_disconnect(c->port);
    c->port->connected = CONNECTED_ECHO;
}

static void do_crossings(struct worker *w, struct command *c)
{
    (void)w;
    crossing_drop(c->port);
    crossing_drop(c->other);
    c->port->crossing =
        (struct crossing){(unsigned)c->values[0], (unsigned)c->values[1], c->made.resamplers[0]};
    c->other->crossing =
        (struct crossing){(unsigned)c->values[1], (unsigned)c->values[0], c->made.resamplers[1]};
}

static void do_bridge(struct worker *w, struct command *c)
{
    port_disconnect(c->port);
    port_disconnect(c->other);
    c->port->connected = c->other->connected = CONNECTED_BRIDGE;
    c->port->peer = c->other;
    c->other->peer = c->port;
    do_crossings(w, c);
}

static void do_join(struct worker *w, struct command *c)
{
    (void)w;
    port_disconnect(c->port);
    room_join(c->port, c->room, c->class);
}

static void do_gains(struct worker *w, struct command *c)
{
    (void)w;
    c->port->talk_gain = gain_q12(c->values[0]);
    c->port->listen_gain = gain_q12(c->values[1]);
    room_update(c->port);
}

static void do_mute(struct worker *w, struct command *c)
{
    (void)w;
    room_mute(c->port, c->values[0]);
    muted_talk_watch(c->port);
}

static void do_denoise(struct worker *w, struct command *c)
{
    mixer_retire(w->mixer, RETIRED_DENOISER, c->port->denoiser);
    c->port->denoiser = c->made.denoiser;
}

static void do_deaf(struct worker *w, struct command *c)
{
    (void)w;
    c->port->deaf = c->values[0];
    room_update(c->port);
}

static void do_relation(struct worker *w, struct command *c)
{
    (void)w;
    relation_set(c->port, c->other, gain_q12(c->values[0]), c->made.relations);
}

static void do_whisper(struct worker *w, struct command *c)
{
    (void)w;
    whisper_set(c->port, c->other, c->made.relations);
}

static void do_source(struct worker *w, struct command *c)
{
    (void)w;
    source_set(c->port, c->other, c->made.relations);
}

static void do_keep_digits(struct worker *w, struct command *c)
{
    (void)w;
    c->port->keeps_digits = c->values[0];
}

static void do_digit(struct worker *w, struct command *c)
{
    (void)w;
    port_digit_queue(c->port, (char)c->values[0], (unsigned)c->values[1]);
    room_update(c->port);
}

/* -- plays and recordings
 * -------------------------------------------------------------------------------------------- */

static void do_play(struct worker *w, struct command *c)
{
    struct port *p = c->port;
    struct play_list *list = c->made.list;

    if (p->player.playing)
        port_play_end(p, PLAY_REPLACED);
    player_start(&p->player, w->mixer->sounds, list->serial, list->items, list->count, list->repeat);
    mixer_retire(w->mixer, RETIRED_LIST, list);
    room_update(p);
}

static void do_play_stop(struct worker *w, struct command *c)
{
    (void)w;
    if (!c->port->player.playing)
        return;
    port_play_end(c->port, PLAY_STOPPED);
    player_stop(&c->port->player);
}

static void do_play_pause(struct worker *w, struct command *c)
{
    (void)w;
    player_pause(&c->port->player, c->values[0]);
}

static void do_play_skip(struct worker *w, struct command *c)
{
    (void)w;
    if (c->port->player.playing)
        player_skip(&c->port->player, c->values[0]);
}

static void do_play_seek(struct worker *w, struct command *c)
{
    (void)w;
    player_seek(&c->port->player, (uint32_t)c->values[0]);
}

static void do_play_speed(struct worker *w, struct command *c)
{
    (void)w;
    player_speed(&c->port->player, (unsigned)c->values[0]);
}

static void do_play_gain(struct worker *w, struct command *c)
{
    (void)w;
    player_gain(&c->port->player, gain_q12(c->values[0]));
}

static void do_record(struct worker *w, struct command *c)
{
    (void)w;
    port_record_end(c->port, RECORD_STOPPED);
    c->port->recording = c->made.recording;
}

static void do_record_down(struct worker *w, struct command *c)
{
    struct recording *r = c->port->recording;
    struct resampler *old = c->made.resamplers[0];

    if (r) { /* else it has ended meanwhile */
        old = r->down;
        r->down = c->made.resamplers[0];
        r->from = c->from;
    }
    mixer_retire(w->mixer, RETIRED_RESAMPLER, old);
}

static void do_record_stop(struct worker *w, struct command *c)
{
    (void)w;
    port_record_end(c->port, RECORD_STOPPED);
}

static void do_fax(struct worker *w, struct command *c)
{
    (void)w;
    port_fax_end(c->port);
    c->port->fax = c->made.fax;
    if (c->port->fax)
        jitter_hold(c->port->jitter, FAX_DELAY_MS);
}

static void do_fax_packets(struct worker *w, struct command *c)
{
    (void)w;
    port_fax_change(c->port, &c->t38, &c->remote);
}

static void do_listen_fax(struct worker *w, struct command *c)
{
    mixer_retire(w->mixer, RETIRED_CNG, c->port->cng);
    c->port->cng = c->made.cng;
}

/* -- rooms
 * -----------------------------------------------------------------------------------------------------------
 */

static void do_room_open(struct worker *w, struct command *c)
{
    struct room *room = c->room;

    room->prev = NULL;
    room->next = w->rooms;
    if (w->rooms)
        w->rooms->prev = room;
    w->rooms = room;
}

static void do_room_close(struct worker *w, struct command *c)
{
    struct room *room = c->room;

    while (room->members)
        room_leave(room->members);
    player_stop(&room->player);
    mixer_retire(w->mixer, RETIRED_ROOM_KIT, room->next_kit);
    room_record_end(w, room, RECORD_CLOSED);
    if (room->prev)
        room->prev->next = room->next;
    else
        w->rooms = room->next;
    if (room->next)
        room->next->prev = room->prev;
    mixer_retire(w->mixer, RETIRED_ROOM, room);
}

static void do_room_kit(struct worker *w, struct command *c)
{
    mixer_retire(w->mixer, RETIRED_ROOM_KIT, c->room->next_kit);
    c->room->next_kit = c->made.room_kit;
    if (!c->room->members)
        room_kit_change(c->room, w->mixer);
}

static void do_room_wide(struct worker *w, struct command *c)
{
    (void)w;
    c->room->wide = c->made.wide;
}

static void do_room_play(struct worker *w, struct command *c)
{
    struct play_list *list = c->made.list;

    player_start(&c->room->player, w->mixer->sounds, 0, list->items, list->count, false);
    mixer_retire(w->mixer, RETIRED_LIST, list);
}

static void do_room_loudness(struct worker *w, struct command *c)
{
    (void)w;
    c->room->loudness = c->values[0];
}

static void do_room_record(struct worker *w, struct command *c)
{
    room_record_begin(w, c->room, c->made.taping);
}

static void do_room_record_pause(struct worker *w, struct command *c)
{
    room_record_hold(w, c->room, c->values[0]);
}

static void do_room_record_stop(struct worker *w, struct command *c)
{
    room_record_end(w, c->room, RECORD_STOPPED);
}

static void do_label(struct worker *w, struct command *c)
{
    mixer_retire(w->mixer, RETIRED_LABEL, c->port->label);
    c->port->label = c->made.label;
}

static void (*const actions[COMMAND_COUNT])(struct worker *, struct command *) = {
    [COMMAND_OPEN] = do_open,
    [COMMAND_CLOSE] = do_close,
    [COMMAND_RELEASE] = do_release,
    [COMMAND_FORMAT] = do_format,
    [COMMAND_NONE] = do_none,
    [COMMAND_ECHO] = do_echo,
    [COMMAND_BRIDGE] = do_bridge,
    [COMMAND_CROSSINGS] = do_crossings,
    [COMMAND_JOIN] = do_join,
    [COMMAND_GAINS] = do_gains,
    [COMMAND_MUTE] = do_mute,
    [COMMAND_DENOISE] = do_denoise,
    [COMMAND_DEAF] = do_deaf,
    [COMMAND_RELATION] = do_relation,
    [COMMAND_WHISPER] = do_whisper,
    [COMMAND_SOURCE] = do_source,
    [COMMAND_KEEP_DIGITS] = do_keep_digits,
    [COMMAND_DIGIT] = do_digit,
    [COMMAND_PLAY] = do_play,
    [COMMAND_PLAY_STOP] = do_play_stop,
    [COMMAND_PLAY_PAUSE] = do_play_pause,
    [COMMAND_PLAY_SKIP] = do_play_skip,
    [COMMAND_PLAY_SEEK] = do_play_seek,
    [COMMAND_PLAY_SPEED] = do_play_speed,
    [COMMAND_PLAY_GAIN] = do_play_gain,
    [COMMAND_RECORD] = do_record,
    [COMMAND_RECORD_DOWN] = do_record_down,
    [COMMAND_RECORD_STOP] = do_record_stop,
    [COMMAND_FAX] = do_fax,
    [COMMAND_FAX_PACKETS] = do_fax_packets,
    [COMMAND_LISTEN_FAX] = do_listen_fax,
    [COMMAND_ROOM_OPEN] = do_room_open,
    [COMMAND_ROOM_CLOSE] = do_room_close,
    [COMMAND_ROOM_KIT] = do_room_kit,
    [COMMAND_ROOM_WIDE] = do_room_wide,
    [COMMAND_ROOM_PLAY] = do_room_play,
    [COMMAND_ROOM_LOUDNESS] = do_room_loudness,
    [COMMAND_ROOM_RECORD] = do_room_record,
    [COMMAND_ROOM_RECORD_PAUSE] = do_room_record_pause,
    [COMMAND_ROOM_RECORD_STOP] = do_room_record_stop,
    [COMMAND_LABEL] = do_label,
};

static unsigned command_cost(enum command_type type)
{
    return type == COMMAND_CLOSE || type == COMMAND_RELEASE ? END_COMMANDS : 1;
}

static bool command_ready(const struct worker *w, const struct command *c)
{
    return c->type == COMMAND_OPEN ||
           ((!c->port || w->here[c->port->index]) && (!c->other || w->here[c->other->index]));
}

/*
 * In the order in which they were given. A command whose port another worker has not yet let go waits, and
 * all behind it; it cannot wait in a circle, because signalling gave the order to let go before it gave this
 * one.
 */
void worker_commands(struct worker *w)
{
    for (unsigned done = 0; done < COMMANDS_A_TICK; done += command_cost(w->held.type)) {
        struct port *p;
        while (queue_pop(w->arrivals, &p))
            port_adopt(w, p);
        if (!w->holding && !queue_pop(w->commands, &w->held))
            return;
        w->holding = !command_ready(w, &w->held);
        if (w->holding)
            return;
        atomic_fetch_sub_explicit(&w->waiting, 1, memory_order_relaxed);
        actions[w->held.type](w, &w->held);
    }
}
