/*
 * The HTTP API: what programs and the console see of the server, and do with it (docs/http-api.md).
 *
 * Ownership: main owns it; it must end before the server does. Threads: signalling; libmicrohttpd's own
 * thread speaks HTTP and hands each request over. Failure: errno from the start, logged.
 */
#ifndef CONFAB_CONTROL_CONTROL_H
#define CONFAB_CONTROL_CONTROL_H

struct control;
struct loop;
struct server;
struct settings;

/* Listens where the settings say. EADDRINUSE; EINVAL: certificate or key cannot be used. *out is NULL where
 * http.port is 0. */
__attribute__((warn_unused_result)) int control_start(struct control **out, struct server *server,
                                                      struct loop *loop, const struct settings *settings);
/* Limits and origins are new at once; address, port and certificate at the next start. */
void control_reload(struct control *control, const struct settings *settings);
/* The server takes no new calls: who asks whether it is ready is told. */
void control_drain(struct control *control);
/* Who still waits for an answer gets 503; NULL is allowed. */
void control_stop(struct control *control);

#endif
