/*
 * What a call leaves behind: one record of the call, of each leg it ever had, and of its trace, for storage.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A monotonic moment as wall time; 0 stays "never". */
static void record_moment(struct record *record, const char *key, uint64_t us)
{
    record_time(record, key, us ? clock_wall_us() - (int64_t)(clock_now_us() - us) : 0);
}

static int64_t ms_between(uint64_t from, uint64_t to)
{
    return from && to > from ? (int64_t)(to - from) / 1000 : 0;
}

/* -- the call ------------------------------------------------------------------------------------------ */

/* Newest first in the call, oldest first in the record. As deep as there are links: RETARGETS_MAX and
 * EXCHANGES_MAX bound them. */
static void record_links(struct record *record, const struct link *link)
{
    if (!link)
        return;
    record_links(record, link->next);
    if (link->stage != STAGE_WAITING)
        record_text(record, NULL, link_name(link));
}

static void record_diversions(struct record *record, const struct request *request)
{
    record_begin(record, "diversions", RECORD_ARRAY);
    for (unsigned i = 0; request && i < request->diversion_count; i++) {
        record_begin(record, NULL, RECORD_OBJECT);
        record_text(record, "user", request->diversions[i].user);
        record_number(record, "cause", request->diversions[i].cause);
        record_end(record, RECORD_OBJECT);
    }
    record_end(record, RECORD_ARRAY);
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

static void record_call(struct record *record, const struct call *call)
{
    int64_t talk_ms = ms_between(call->answered_us, call->ended_us);

    record_begin(record, "call", RECORD_OBJECT);
    record_text(record, "id", call->id);
    record_text(record, "sip_call_id", call->sip_call_id ? call->sip_call_id : "");
    record_text_or_null(record, "session_id", call->session_id);
    record_text(record, "caller", call->from.user);
    record_text(record, "caller_name", call->from.display);
    record_truth(record, "anonymous", call->anonymous);
    record_text_or_null(record, "subscriber", call->has_user ? call->user : "");
    record_text_or_null(record, "peer", call->has_peer ? call->peer : "");
    record_text(record, "number", dialled(call));
    record_text(record, "reached", call->routes ? call->routes->number : "");
    record_begin(record, "path", RECORD_ARRAY);
    record_links(record, call->links);
    record_end(record, RECORD_ARRAY);
    record_diversions(record, call->routes ? &call->routes->request : NULL);
    record_tags(record, call);
    record_begin(record, "recordings", RECORD_ARRAY);
    if (call->recording)
        record_text(record, NULL, call->recording);
    record_end(record, RECORD_ARRAY);
    record_moment(record, "started", call->started_us);
    record_moment(record, "answered", call->answered_us);
    record_moment(record, "ended", call->ended_us);
    record_number(record, "status", call->answered_us ? 200 : call->end_status);
    record_text(record, "reason", call->end_reason);
    record_text(record, "hung_up", hung_up_names[call->hung_up]);
    record_number(record, "setup_ms",
                  ms_between(call->started_us, call->answered_us ? call->answered_us : call->ended_us));
    record_number(record, "talk_ms", talk_ms);
    record_end(record, RECORD_OBJECT);
}

/* -- its legs ------------------------------------------------------------------------------------------ */

static void record_media(struct record *record, const struct leg *leg)
{
    const struct port_stats *m = &leg->stats;
    uint64_t whole = m->packets_received - m->packets_repeated + m->packets_lost;

    if (leg->described) {
        record_text(record, "codec", codec_name(leg->format.codecs[0].codec));
        if (leg->format.srtp != SUITE_NONE)
            record_text(record, "srtp", suite_name(leg->format.srtp));
    }
    if (!leg->has_stats)
        return;
    record_number(record, "packets_received", (int64_t)m->packets_received);
    record_number(record, "packets_sent", (int64_t)m->packets_sent);
    record_number(record, "packets_lost", (int64_t)m->packets_lost);
    record_number(record, "packets_late", (int64_t)m->packets_late);
    record_number(record, "packets_forged", (int64_t)m->packets_forged);
    record_hundredths(record, "loss_percent", whole ? (10000 * m->packets_lost + whole / 2) / whole : 0);
    record_number(record, "jitter_us", m->jitter_us);
    record_number(record, "concealed_ms", m->concealed_ms);
    record_number(record, "delay_ms", m->delay_ms);
    if (m->packets_received) {
        record_number(record, "r", m->r);
        record_hundredths(record, "mos", (uint64_t)m->mos_cents);
    }
    if (m->round_trip_us >= 0)
        record_number(record, "rtt_us", m->round_trip_us);
    if (m->reported) {
        record_number(record, "remote_lost", m->remote_lost);
        record_number(record, "remote_jitter_us", m->remote_jitter_us);
    }
}

/* RFC 7989 §5: the far side's identifier, and that of him it was connected with. */
static void record_session(struct record *record, const struct leg *leg, const struct leg *other)
{
    char pair[2 * SESSION_ID_TEXT + 16];

    if (!*leg->session_id)
        return;
    snprintf(pair, sizeof pair, "%s;remote=%s", leg->session_id,
             other && *other->session_id ? other->session_id : "00000000000000000000000000000000");
    record_text(record, "session_id", pair);
}

static const char *leg_role(const struct call *call, const struct leg *leg)
{
    return leg == call->caller   ? "caller"
           : leg == call->callee ? "callee"
           : leg->talked_us      ? "left"
                                 : "branch";
}

static void record_leg(struct record *record, const struct call *call, const struct leg *leg)
{
    const char *role = leg_role(call, leg);
    bool caller = strcmp(role, "caller") == 0;
    const struct identity *moved = leg->moved;
    uint64_t ended_us = leg->ended_us ? leg->ended_us : call->ended_us;

    record_begin(record, NULL, RECORD_OBJECT);
    record_text(record, "call", call->id);
    record_number(record, "leg", (int64_t)leg->id);
    record_text_or_null(record, "began_in", strcmp(leg->began_in, call->id) ? leg->began_in : "");
    record_session(record, leg, caller ? call->callee : call->caller);
    record_text(record, "direction", leg->incoming ? "in" : "out");
    record_text(record, "role", role);
    record_text(record, "from_number", moved && leg->incoming ? moved->party.user : call->from.user);
    record_text(record, "to_number",
                leg->incoming || !call->routes ? dialled(call)
                : *leg->number                 ? leg->number
                                               : call->routes->number);
    record_text_or_null(record, "subscriber", moved ? moved->user : caller ? call->user : leg->number);
    record_text_or_null(record, "peer", moved ? moved->peer : caller ? call->peer : leg->peer);
    record_text(record, "uri", leg->uri ? leg->uri : "");
    record_moment(record, "started", leg->began_us);
    record_moment(record, "ringing", leg->rang_us);
    record_moment(record, "answered", leg->talked_us);
    record_moment(record, "ended", ended_us);
    if (leg->rang_us)
        record_number(record, "ring_ms",
                      ms_between(leg->rang_us, leg->talked_us ? leg->talked_us : ended_us));
    record_number(record, "talk_ms", ms_between(leg->talked_us, ended_us));
    record_number(record, "status", leg->talked_us ? 200 : leg->end_status);
    record_text(record, "reason", leg->end_reason);
    record_text(record, "hung_up", leg->ended_by_far ? "far" : "server");
    record_media(record, leg);
    record_end(record, RECORD_OBJECT);
}

/* The oldest first, as links. An empty seat that a caller left behind had never a session. */
static void record_legs(struct record *record, const struct call *call, const struct leg *leg)
{
    if (!leg)
        return;
    record_legs(record, call, leg->next);
    if (leg->used)
        record_leg(record, call, leg);
}

void call_save_record(struct call *call)
{
    struct record record = {0};

    record_begin(&record, NULL, RECORD_OBJECT);
    record_call(&record, call);
    record_begin(&record, "legs", RECORD_ARRAY);
    record_legs(&record, call, call->legs);
    record_end(&record, RECORD_ARRAY);
    record_trace(&record, call);
    record_end(&record, RECORD_OBJECT);
    if (record_save(call->server->storage, &record))
        log_event(LEVEL_ERROR, "call", call->id, "record-lost");
    record_free(&call->trace.lines);
    tags_free(call->tags);
    free(call->sip_call_id);
    free(call->recording);
}
