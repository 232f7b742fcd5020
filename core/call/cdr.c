/*
 * What a call leaves behind: one record of the call, of each leg it ever had, and of its trace, for storage.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(json_t *object, const char *key, uint64_t number)
{
    json_object_set_new(object, key, json_integer((json_int_t)number));
}

/* A monotonic moment as wall time; 0 stays "never". */
static void put_moment(json_t *object, const char *key, uint64_t us)
{
    record_time(object, key, us ? clock_wall_us() - (int64_t)(clock_now_us() - us) : 0);
}

static uint64_t ms_between(uint64_t from, uint64_t to)
{
    return from && to > from ? (to - from) / 1000 : 0;
}

/* -- the call ------------------------------------------------------------------------------------------ */

/* Newest first in the call, oldest first in the record. */
static json_t *record_path(const struct call *call)
{
    json_t *path = json_array();

    for (const struct link *link = call->links; link; link = link->next)
        if (link->stage != STAGE_WAITING)
            json_array_insert_new(path, 0, json_string(link_name(link)));
    return path;
}

static json_t *record_diversions(const struct call *call)
{
    const struct request *request = call->routes ? &call->routes->request : NULL;
    json_t *list = json_array();

    for (unsigned i = 0; request && i < request->diversion_count; i++) {
        json_t *hop = json_object();

        record_text(hop, "user", request->diversions[i].user);
        json_object_set_new(hop, "cause", json_integer(request->diversions[i].cause));
        json_array_append_new(list, hop);
    }
    return list;
}

static const char *hung_up_names[] = {
    [HUNG_UP_SERVER] = "server", [HUNG_UP_CALLER] = "caller", [HUNG_UP_CALLEE] = "callee"};

static const char *dialled(const struct call *call)
{
    const struct route *route = call->routes;

    while (route && route->next)
        route = route->next;
    return route ? route->number : "";
}

static json_t *record_call(const struct call *call)
{
    json_t *object = json_object();
    uint64_t talk_ms = ms_between(call->answered_us, call->ended_us);

    record_text(object, "id", call->id);
    record_text(object, "sip_call_id", call->sip_call_id ? call->sip_call_id : "");
    record_text_or_null(object, "session_id", call->session_id);
    record_text(object, "caller", call->from.user);
    record_text(object, "caller_name", call->from.display);
    json_object_set_new(object, "anonymous", json_boolean(call->anonymous));
    record_text_or_null(object, "subscriber", call->has_user ? call->user : "");
    record_text_or_null(object, "peer", call->has_peer ? call->peer : "");
    record_text(object, "number", dialled(call));
    record_text(object, "reached", call->routes ? call->routes->number : "");
    json_object_set_new(object, "path", record_path(call));
    json_object_set_new(object, "diversions", record_diversions(call));
    json_object_set_new(object, "tags", call->tags ? json_incref(call->tags) : json_object());
    json_object_set_new(object, "recordings", json_array());
    if (call->recording)
        json_array_append_new(json_object_get(object, "recordings"), json_string(call->recording));
    put_moment(object, "started", call->started_us);
    put_moment(object, "answered", call->answered_us);
    put_moment(object, "ended", call->ended_us);
    put(object, "status", call->answered_us ? 200 : (uint64_t)call->end_status);
    record_text(object, "reason", call->end_reason);
    record_text(object, "hung_up", hung_up_names[call->hung_up]);
    put(object, "setup_ms",
        ms_between(call->started_us, call->answered_us ? call->answered_us : call->ended_us));
    put(object, "talk_ms", talk_ms);
    return object;
}

/* -- its legs ------------------------------------------------------------------------------------------ */

static void record_media(json_t *object, const struct leg *leg)
{
    const struct port_stats *m = &leg->stats;
    uint64_t whole = m->packets_received - m->packets_repeated + m->packets_lost;

    if (leg->described) {
        record_text(object, "codec", codec_name(leg->format.codecs[0].codec));
        if (leg->format.srtp != SUITE_NONE)
            record_text(object, "srtp", suite_name(leg->format.srtp));
    }
    if (!leg->has_stats)
        return;
    put(object, "packets_received", m->packets_received);
    put(object, "packets_sent", m->packets_sent);
    put(object, "packets_lost", m->packets_lost);
    put(object, "packets_late", m->packets_late);
    put(object, "packets_forged", m->packets_forged);
    json_object_set_new(object, "loss_percent",
                        json_real(whole ? 100.0 * (double)m->packets_lost / (double)whole : 0.0));
    put(object, "jitter_us", m->jitter_us);
    put(object, "concealed_ms", m->concealed_ms);
    put(object, "delay_ms", m->delay_ms);
    if (m->packets_received) {
        put(object, "r", m->r);
        json_object_set_new(object, "mos", json_real(m->mos_cents / 100.0));
    }
    if (m->round_trip_us >= 0)
        put(object, "rtt_us", (uint64_t)m->round_trip_us);
    if (m->reported) {
        put(object, "remote_lost", m->remote_lost);
        put(object, "remote_jitter_us", m->remote_jitter_us);
    }
}

/* RFC 7989 §5: the far side's identifier, and that of him it was connected with. */
static void record_session(json_t *object, const struct leg *leg, const struct leg *other)
{
    char pair[2 * SESSION_ID_TEXT + 16];

    if (!*leg->session_id)
        return;
    snprintf(pair, sizeof pair, "%s;remote=%s", leg->session_id,
             other && *other->session_id ? other->session_id : "00000000000000000000000000000000");
    record_text(object, "session_id", pair);
}

static const char *leg_role(const struct call *call, const struct leg *leg)
{
    return leg == call->caller   ? "caller"
           : leg == call->callee ? "callee"
           : leg->talked_us      ? "left"
                                 : "branch";
}

static json_t *record_leg(const struct call *call, const struct leg *leg)
{
    const char *role = leg_role(call, leg);
    bool caller = strcmp(role, "caller") == 0;
    const struct identity *moved = leg->moved;
    uint64_t ended_us = leg->ended_us ? leg->ended_us : call->ended_us;
    json_t *object = json_object();

    record_text(object, "call", call->id);
    put(object, "leg", leg->id);
    record_text_or_null(object, "began_in", strcmp(leg->began_in, call->id) ? leg->began_in : "");
    record_session(object, leg, caller ? call->callee : call->caller);
    record_text(object, "direction", leg->incoming ? "in" : "out");
    record_text(object, "role", role);
    record_text(object, "from_number", moved && leg->incoming ? moved->party.user : call->from.user);
    record_text(object, "to_number",
                leg->incoming || !call->routes ? dialled(call)
                : *leg->number                 ? leg->number
                                               : call->routes->number);
    record_text_or_null(object, "subscriber", moved ? moved->user : caller ? call->user : leg->number);
    record_text_or_null(object, "peer", moved ? moved->peer : caller ? call->peer : leg->peer);
    record_text(object, "uri", leg->uri ? leg->uri : "");
    put_moment(object, "started", leg->began_us);
    put_moment(object, "ringing", leg->rang_us);
    put_moment(object, "answered", leg->talked_us);
    put_moment(object, "ended", ended_us);
    if (leg->rang_us)
        put(object, "ring_ms", ms_between(leg->rang_us, leg->talked_us ? leg->talked_us : ended_us));
    put(object, "talk_ms", ms_between(leg->talked_us, ended_us));
    put(object, "status", leg->talked_us ? 200 : (uint64_t)leg->end_status);
    record_text(object, "reason", leg->end_reason);
    record_text(object, "hung_up", leg->ended_by_far ? "far" : "server");
    record_media(object, leg);
    return object;
}

/* An empty seat that a caller left behind had never a session. */
static json_t *record_legs(const struct call *call)
{
    json_t *list = json_array();

    for (const struct leg *leg = call->legs; leg; leg = leg->next)
        if (leg->used)
            json_array_insert_new(list, 0, record_leg(call, leg));
    return list;
}

/* -- its trace ----------------------------------------------------------------------------------------- */

static json_t *record_trace_line(const struct trace_line *line, unsigned seq)
{
    bool edit = strcmp(line->event, "edit") == 0;
    json_t *object = json_object();

    put(object, "seq", seq);
    put(object, "at_us", line->at_us);
    if (line->link)
        record_text(object, "link", line->link);
    if (line->leg) {
        put(object, "leg", line->leg);
        json_object_set_new(object, "sent", json_boolean(line->sent));
    }
    record_text(object, "event", line->event);
    if (line->decision) {
        record_text(object, "decision", line->decision);
        put(object, "took_us", line->took_us);
    }
    if (edit && line->text)
        record_text(object, "edits", line->text);
    record_text(object, "detail", line->text && !edit ? line->text : "");
    return object;
}

static json_t *record_trace(const struct call *call)
{
    const struct trace *trace = &call->trace;
    json_t *list = json_array();
    char text[48];

    for (unsigned i = 0; i < trace->count; i++)
        json_array_append_new(list, record_trace_line(&trace->lines[i], i + 1));
    if (trace->left_out) {
        struct trace_line last = {.at_us = trace->count ? trace->lines[trace->count - 1].at_us : 0,
                                  .event = "left-out",
                                  .text = text};

        snprintf(text, sizeof text, "%u lines", trace->left_out);
        json_array_append_new(list, record_trace_line(&last, trace->count + 1));
    }
    return list;
}

void call_save_record(struct call *call)
{
    json_t *record = json_object();

    json_object_set_new(record, "call", record_call(call));
    json_object_set_new(record, "legs", record_legs(call));
    json_object_set_new(record, "trace", record_trace(call));
    if (record_save(call->server->storage, record))
        log_event(LEVEL_ERROR, "call", call->id, "record-lost");
    trace_free(&call->trace);
    json_decref(call->tags);
    free(call->sip_call_id);
    free(call->recording);
}
