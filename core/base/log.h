/*
 * One line an event, on standard error: time, level, module, call, event, key=value …
 *
 * Ownership: nothing is kept. Threads: any but a media worker (whose tick may do no I/O).
 * Failure: none is reported; a line that cannot be written is lost.
 */
#ifndef CONFAB_BASE_LOG_H
#define CONFAB_BASE_LOG_H

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_NOTICE, LEVEL_WARNING, LEVEL_ERROR };

/* Lines below `lowest` are dropped; the default is LEVEL_INFO. May be called again (SIGHUP). */
void log_set_level(enum log_level lowest);

/* Level of a name ("debug", "info", "notice", "warning", "error"); -1 if there is no such level. */
int log_level_from_name(const char *name);

/*
 * Writes one line. `module` is the room ("sip", "mixer", …); `call` is the id of the call the event belongs to,
 * or NULL. The text begins with the event's name, then key=value pairs; control characters in it are escaped,
 * so that input from the network cannot forge a line. Never pass secrets, PINs or digits that a caller dialled.
 */
void log_event(enum log_level level, const char *module, const char *call, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
