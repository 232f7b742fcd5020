/*
 * Music on hold: while one side of a call holds, the other hears our music (RFC 5359 §2.1, RFC 7088 §2 made
 * by the server). It takes the place of whatever the holder sends, and the held side is told sendonly even
 * where the holder said inactive, so that it listens.
 */
#include "core/call/internal.h"

#include <string.h>

#define SERVICE "hold-music"

/* For all calls, or where the holder has the service. */
static bool hold_has_music(const struct leg *holder)
{
    const struct call *call = holder->call;
    const struct route *route = call->routes;

    if (!call->server->voice.music_count)
        return false;
    if (call->settings->hold_music)
        return true;
    if (holder == call->caller)
        return call->caller_music;
    return route && route->callee && subscriber_service(route->callee, SERVICE, NULL, NULL, 0);
}

bool hold_service(const struct subscriber *subscriber)
{
    return subscriber_service(subscriber, SERVICE, NULL, NULL, 0);
}

bool hold_plays(const struct leg *leg, const struct leg *other)
{
    return other->declines && !leg->declines && hold_has_music(other);
}

bool hold_would_play(const struct leg *leg, const struct leg *other)
{
    return !leg->declines && hold_has_music(other);
}

static void hold_set(struct leg *leg, bool on)
{
    struct mixer *mixer = leg->call->server->mixer;
    struct play_item items[PLAY_ITEMS_MAX];
    int error = 0;

    if (on == leg->music)
        return;
    leg->music = on;
    if (on)
        error = port_play(mixer, leg->port, ++leg->call->serial, items,
                          voice_music(&leg->call->server->voice, items), true);
    else if (leg->port && !leg->closing)
        port_play_stop(mixer, leg->port);
    if (error)
        leg->music = false;
    log_event(error ? LEVEL_WARNING : LEVEL_INFO, "call", leg->call->id,
              "hold-music leg=%s on=%d error=\"%s\"", leg == leg->call->caller ? "caller" : "callee", (int)on,
              strerror(error));
}

/* Both hold: nobody listens, and nothing plays. */
void hold_update(struct call *call)
{
    struct leg *a = call->caller, *b = call->callee;

    if (call->state != CALL_BRIDGED || !a || !b)
        return;
    hold_set(a, hold_plays(a, b) && a->described && a->format.send);
    hold_set(b, hold_plays(b, a) && b->described && b->format.send);
}

void hold_silence(struct leg *leg)
{
    hold_set(leg, false);
}

void hold_forget(struct leg *leg)
{
    hold_silence(leg);
    leg->declines = false;
}
