/*
 * The server: its parts put together, and its calls. main() starts one.
 *
 * Ownership: main owns it; it owns mixer, agent, storage and prompts. Threads: signalling. Failure: errno
 * from the start, logged with the part that failed.
 */
#ifndef CONFAB_CALL_SERVER_H
#define CONFAB_CALL_SERVER_H

#include "core/base/histogram.h"
#include "core/base/loop.h"
#include "core/base/settings.h"

#include <stddef.h>
#include <stdint.h>

struct server;

/* Starts storage (with migrations), prompts, mixer, applications, then the SIP agent: calls come once it
 * returns. */
__attribute__((warn_unused_result)) int server_start(struct server **out, struct loop *loop,
                                                     const struct settings *settings);
/* New calls take these settings; calls that stand keep theirs. */
void server_reload(struct server *server, const struct settings *settings);
/* No new calls; `done` is called when the last has ended or after `seconds`, when what is left is hung up. */
void server_drain(struct server *server, unsigned seconds, void (*done)(void *arg), void *arg);
void server_stop(struct server *server);

/* How calls ended, by the status of RFC 3261 that stands for it. */
enum ending { ENDED_ANSWERED, ENDED_REDIRECTED, ENDED_CLIENT, ENDED_SERVER, ENDED_GLOBAL, ENDINGS };
#define CALL_STATE_COUNT 6

struct server_stats {
    unsigned calls, legs, ports, rooms;
    unsigned in_state[CALL_STATE_COUNT]; /* calls; call_state_text() names each */
    uint64_t ended[ENDINGS];
    uint64_t requests, challenged, refused, failed_logins; /* of the agent, since the start */
    uint64_t calls_total, calls_refused;
    unsigned sessions, dialogs, subscriptions;  /* of the agent */
    unsigned transactions_in, transactions_out; /* nta keeps finished ones for some 32 s */
    uint64_t mwi_lag_us[HISTOGRAM_BUCKETS], mwi_lag_sum_us;
};
void server_read_stats(const struct server *server, struct server_stats *out);
const char *call_state_text(unsigned state); /* "ringing" */
/* Since the start, all workers together. */
struct media_stats {
    uint64_t packets_lost, packets_late, concealed_ms; /* of legs that are over */
    uint64_t ticks, overruns, commands_refused, events_refused, packets_received, packets_sent;
    uint64_t tick_us[HISTOGRAM_BUCKETS];
};
void server_read_media(const struct server *server, struct media_stats *out);
/* One line of what the media workers did since the last such line: how long their ticks took, how many began
 * late. */
void server_log_media(struct server *server);
/* One line of what there is by now: all of it is back at 0 when nobody has called for a while. */
void server_log_stats(const struct server *server);

#endif
