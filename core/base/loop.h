/*
 * The signalling thread's event loop: timers, descriptors, and a stop. It is Sofia's su_root_t underneath.
 *
 * Ownership: the caller owns loop and timers. Threads: all functions belong to the loop's own thread, but
 * loop_stop(), which any thread and a signal handler may call. Failure: errno values from creation only.
 */
#ifndef CONFAB_BASE_LOOP_H
#define CONFAB_BASE_LOOP_H

#include <stdint.h>

struct loop;
struct timer;

__attribute__((warn_unused_result)) int loop_new(struct loop **out);
void loop_free(struct loop *loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Runs what is due and returns after at most `ms` milliseconds: for tests. */
void loop_step(struct loop *loop, unsigned ms);

/* Sofia's su_root_t *, for core/sip alone. */
void *loop_root(struct loop *loop);

/* Calls fn(arg) whenever fd is readable, until loop_unwatch(). */
__attribute__((warn_unused_result)) int loop_watch(struct loop *loop, int fd, void (*fn)(void *arg), void *arg);
void loop_unwatch(struct loop *loop, int fd);

/*
 * Calls fn(arg) once after `ms` milliseconds. A timer already in *timer is stopped first. Before fn is called
 * *timer is NULL again, so fn may start it anew. ENOMEM.
 */
__attribute__((warn_unused_result)) int timer_start(struct loop *loop, struct timer **timer, uint32_t ms,
                                                    void (*fn)(void *arg), void *arg);
/* Stops and forgets; *timer may be NULL, and is afterwards. */
void timer_stop(struct timer **timer);

#endif
