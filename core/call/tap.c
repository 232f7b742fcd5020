/*
 * Recording a call of two: both sides meet in a mixing room instead of a bridge, for a room records the mix
 * and each who speaks on one clock, and goes on while one of them holds.
 */
#include "core/call/internal.h"

#include "mixer/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_open(struct call *call)
{
    char file[RECORDING_NAME];
    int error = mix_open(call->server, &call->tap_room);

    if (!error)
        error = mix_record(call->server, call->tap_room, call->id, true, call->settings->room_record_format,
                           file, sizeof file);
    if (!error) {
        log_event(LEVEL_INFO, "call", call->id, "recording file=%s/%s", call->settings->recordings_dir, file);
        free(call->recording);
        call->recording = strdup(file);
        call_trace(call, NULL, "recording", "file=%s/%s", call->settings->recordings_dir, file);
        return 0;
    }
    log_event(LEVEL_ERROR, "call", call->id, "recording-failed error=\"%s\"", strerror(error));
    call_trace(call, NULL, "recording", "error=\"%s\"", strerror(error));
    tap_close(call);
    return error;
}

/* What stands in the file's name is who he is to the other side; who withholds his number withholds it here,
 * too. */
static int tap_enter(struct call *call, struct leg *leg, const char *name)
{
    int error = port_set_label(call->server->mixer, leg->port, name, call->id);

    return error ? error : port_connect_room(call->server->mixer, leg->port, call->tap_room);
}

int tap_join(struct call *call, struct leg *callee)
{
    int error = call->tap_room ? 0 : tap_open(call);

    /* It is tried once: what could not be opened would not be complete later on. */
    if (error) {
        call->tapped = false;
        return error;
    }
    error = tap_enter(call, call->caller, call->anonymous ? "anonymous" : call->from.user);
    if (!error)
        error = tap_enter(call, callee, call->routes ? call->routes->number : "callee");
    if (error)
        log_event(LEVEL_ERROR, "call", call->id, "recording-failed error=\"%s\"", strerror(error));
    return error;
}

void tap_close(struct call *call)
{
    if (call->tap_room)
        mix_close(call->server, call->tap_room);
    call->tap_room = 0;
}

void link_tap(struct link *link)
{
    if (!link_decides(link, "tap"))
        return;
    link->call->tapped = true;
    call_trace(link->call, link, "tap", "on=1");
}
