/* Calls as who sits at a desk sees them, and the news of them. */
#include "core/call/desk.h"
#include "core/call/internal.h"

#include "core/base/json.h"
#include "storage/mailbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *call_state_name(enum call_state state)
{
    static const char *const names[] = {
        [CALL_ROUTING] = "routing", [CALL_RINGING] = "ringing", [CALL_HOSTED] = "hosted",
        [CALL_BRIDGED] = "bridged", [CALL_CLOSING] = "closing", [CALL_OVER] = "over",
    };

    return names[state];
}

/* -- calls ---------------------------------------------------------------------------------------------- */

static json_t *leg_show(const struct leg *leg)
{
    const struct call *call = leg->call;

    return json_pack("{s:I, s:s, s:o, s:o, s:s, s:b, s:b, s:o}", "leg", (json_int_t)leg->id, "role",
                     leg == call->caller   ? "caller"
                     : leg == call->callee ? "callee"
                                           : "branch",
                     "subscriber", json_words(call->anonymous && leg == call->caller ? "" : leg->number),
                     "peer", json_words(leg == call->caller ? call->peer : leg->peer), "codec",
                     leg->described ? codec_name(leg->format.codecs[0].codec) : "", "answered", leg->answered,
                     "holds", leg->answered && leg->declines, "began", json_moment(leg->began_us));
}

/* Who withholds his number withholds it here, too. */
static json_t *call_show(const struct call *call)
{
    json_t *legs = json_array();
    const struct link *host = call->host ? call->host : call->mover;

    for (const struct leg *leg = call->legs; leg; leg = leg->next)
        if (leg->session)
            json_array_append_new(legs, leg_show(leg));
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "id", call->id, "state",
        call_state_name(call->state), "caller", json_words(call->anonymous ? "" : call->from.user),
        "caller_name", json_words(call->anonymous ? "" : call->from.display), "subscriber",
        json_words(call->anonymous ? "" : call->user), "peer", json_words(call->peer), "session_id",
        json_words(call->session_id), "number", json_words(call->routes ? call->routes->number : ""),
        "application", host ? link_name(host) : "", "started", json_moment(call->started_us), "answered",
        json_moment(call->answered_us), "legs", legs);
}

json_t *desk_calls(const struct server *server)
{
    json_t *list = json_array();

    for (const struct call *call = server->calls; call; call = call->next)
        if (call->state != CALL_OVER)
            json_array_append_new(list, call_show(call));
    return list;
}

static struct call *call_named(const struct server *server, const char *id)
{
    struct call *call = server->calls;

    while (call && (call->state == CALL_OVER || strcmp(call->id, id) != 0))
        call = call->next;
    return call;
}

json_t *desk_call(const struct server *server, const char *id)
{
    const struct call *call = call_named(server, id);

    return call ? call_show(call) : NULL;
}

/* What a step leaves out is null, as in the database. */
static void step_complete(json_t *step, size_t number)
{
    static const char *const names[] = {"at_us",    "link",    "leg",   "sent",  "event",
                                        "decision", "took_us", "edits", "detail"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!json_object_get(step, names[i]))
            json_object_set_new(step, names[i], json_null());
    json_object_set_new(step, "seq", json_integer((json_int_t)number));
}

json_t *desk_trace(const struct server *server, const char *id)
{
    const struct call *call = call_named(server, id);
    struct record record = {.text = NULL};
    json_t *whole, *steps, *step;
    size_t i;

    if (!call)
        return NULL;
    record_begin(&record, NULL, RECORD_OBJECT);
    record_trace(&record, call);
    record_end(&record, RECORD_OBJECT);
    whole = record.failed ? NULL : json_loadb(record.text, record.length, 0, NULL);
    record_free(&record);
    steps = whole ? json_incref(json_object_get(whole, "trace")) : json_array();
    json_decref(whole);
    json_array_foreach(steps, i, step)
    {
        step_complete(step, i + 1);
    }
    return steps;
}

int desk_hang_up(struct server *server, const char *id)
{
    struct call *call = call_named(server, id);

    if (!call)
        return ENOENT;
    /* One that rings is refused as by nobody's fault: 480. */
    call_end_soon(call, call->caller && call->caller->answered ? 200 : 480, NULL);
    return 0;
}

int desk_transfer(struct server *server, const char *id, bool caller, const char *number)
{
    struct call *call = call_named(server, id);
    struct leg *left = !call ? NULL : caller ? call->callee : call->caller;

    if (!call)
        return ENOENT;
    return left && left->answered ? transfer_away(left, number) : EBUSY;
}

int desk_dial(struct server *server, const char *user, const char *number, char id[CALL_ID_TEXT])
{
    int error = call_originate(server, user, number, NULL, NULL);

    /* The newest stands first, and is freed by a timer at the soonest. */
    if (!error)
        snprintf(id, CALL_ID_TEXT, "%s", server->calls->id);
    return error;
}

const struct desk_rooms *desk_rooms(void)
{
    for (const struct app *const *app = applications; *app; app++)
        if ((*app)->rooms)
            return (*app)->rooms;
    return NULL;
}

/* -- news ----------------------------------------------------------------------------------------------- */

void server_on_news(struct server *server, bulletin_reader *fn, void *arg)
{
    server->reader = fn;
    server->reader_arg = arg;
}

bool server_is_read(const struct server *server)
{
    return server->reader != NULL;
}

void server_publish(struct server *server, const char *topic, const char *room, const char *mailbox,
                    json_t *data)
{
    if (server->reader && data)
        server->reader(server->reader_arg, &(struct bulletin){topic, room, mailbox, data, false});
    json_decref(data);
}

void server_watch_levels(struct server *server, bool watched)
{
    server->levels_watched = watched;
}

bool server_levels_watched(const struct server *server)
{
    return server->reader && server->levels_watched;
}

void server_publish_levels(struct server *server, const char *room, json_t *data)
{
    if (server->reader && data)
        server->reader(server->reader_arg, &(struct bulletin){"room.levels", room, NULL, data, true});
    json_decref(data);
}

/* Each state once: what changes within one is lamps' matter. */
void desk_watch(struct call *call)
{
    const char *topic = !call->published           ? "call.began"
                        : call->state == CALL_OVER ? "call.ended"
                                                   : "call.changed";

    if (!server_is_read(call->server) || (call->published && call->published_state == call->state))
        return;
    if (!call->published && call->state == CALL_OVER)
        return; /* nobody has heard of it */
    call->published = true;
    call->published_state = call->state;
    json_t *data = call_show(call);
    if (data && call->state == CALL_OVER)
        json_object_set_new(data, "status", json_integer(call->end_status));
    server_publish(call->server, topic, NULL, NULL, data);
}

void desk_registered(void *arg, const char *user, size_t contacts)
{
    struct server *server = arg;

    if (server_is_read(server))
        server_publish(
            server, "registration.changed", NULL, NULL,
            json_pack("{s:o, s:I}", "subscriber", json_words(user), "contacts", (json_int_t)contacts));
}

/* Counts are read when somebody asks: a burst of changes is one piece of news. */
void desk_mailbox(void *arg, const struct mailbox_counts *counts)
{
    struct server *server = arg;

    if (server_is_read(server))
        server_publish(server, "mailbox.changed", NULL, counts->number,
                       json_pack("{s:o, s:i, s:i, s:i, s:i}", "mailbox", json_words(counts->number), "new",
                                 (int)counts->fresh, "old", (int)counts->old, "new_urgent",
                                 (int)counts->fresh_urgent, "old_urgent", (int)counts->old_urgent));
}
