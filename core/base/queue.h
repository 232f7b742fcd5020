/*
 * Bounded queue of plain values between threads: many may push, many may pop, nobody waits for a lock.
 *
 * Ownership: items are copied in and out. Threads: any. Failure: a full queue refuses the item and counts it.
 */
#ifndef CONFAB_BASE_QUEUE_H
#define CONFAB_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;

/* Room for `capacity` (rounded up to a power of two) items of `item_size` bytes. ENOMEM or an eventfd errno. */
__attribute__((warn_unused_result)) int queue_new(struct queue **out, size_t item_size, size_t capacity);
void queue_free(struct queue *q);

/* Copies one item in. ENOBUFS when full: counted, and the item is the caller's loss to report. Never blocks. */
__attribute__((warn_unused_result)) int queue_push(struct queue *q, const void *item);

/* As queue_push(), but leaves the descriptor alone: for a reader that polls anyway (a media worker's tick). */
__attribute__((warn_unused_result)) int queue_push_quiet(struct queue *q, const void *item);

/* Copies the oldest item out; false when there is none. Never blocks. */
bool queue_pop(struct queue *q, void *item);

/* Readable while there may be items: for loop_watch(), or poll() before popping. */
int queue_fd(const struct queue *q);

/* Clears the descriptor; call it before popping until empty, so that a later push makes it readable again. */
void queue_acknowledge(struct queue *q);

/* Blocks until an item is there (copied to `item`, true) or queue_close() was called and all are gone (false). */
bool queue_wait(struct queue *q, void *item);
void queue_close(struct queue *q);

/* How many items were refused since the start. */
uint64_t queue_refused(const struct queue *q);

#endif
