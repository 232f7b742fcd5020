/*
 * A ring after Dmitry Vyukov's bounded multi-producer queue: each slot carries a sequence number that says
 * whose turn it is, so a push or a pop is one compare-and-swap and no thread ever waits for another that was
 * put to sleep.
 */
#include "core/base/queue.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CACHE_LINE 64
#define CAPACITY_MAX (1u << 24)

struct queue {
    size_t item_size, stride, mask;
    unsigned char *slots; /* stride bytes each: an atomic sequence number, then the item */
    int fd;
    /* Producers and consumers write these at high rates: each has a cache line to itself. */
    _Alignas(CACHE_LINE) atomic_size_t push_at;
    _Alignas(CACHE_LINE) atomic_size_t pop_at;
    _Alignas(CACHE_LINE) atomic_uint_fast64_t refused;
    atomic_bool closed;
};

static atomic_size_t *slot_turn(const struct queue *q, size_t at)
{
    return (atomic_size_t *)(q->slots + (at & q->mask) * q->stride);
}

static void *slot_item(const struct queue *q, size_t at)
{
    return (unsigned char *)slot_turn(q, at) + sizeof(atomic_size_t);
}

int queue_new(struct queue **out, size_t item_size, size_t capacity)
{
    if (item_size == 0 || capacity == 0 || capacity > CAPACITY_MAX) {
        return EINVAL;
    }
    struct queue *q = aligned_alloc(CACHE_LINE, sizeof *q);
    if (q == NULL) {
        return ENOMEM;
    }
    memset(q, 0, sizeof *q);
    q->fd = -1;
    int error = ENOMEM;

    /* With one slot alone, "full" and "empty in the next round" would have the same sequence number. */
    size_t size = 2;
    while (size < capacity) {
        size *= 2;
    }
    q->item_size = item_size;
    q->mask = size - 1;
    q->stride =
        (sizeof(atomic_size_t) + item_size + sizeof(atomic_size_t) - 1) & ~(sizeof(atomic_size_t) - 1);
    q->slots = calloc(size, q->stride);
    if (q->slots == NULL) {
        goto out;
    }
    for (size_t i = 0; i < size; i++) {
        atomic_init(slot_turn(q, i), i);
    }
    q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    error = q->fd < 0 ? errno : 0;
out:
    if (error != 0) {
        queue_free(q);
        return error;
    }
    *out = q;
    return 0;
}

void queue_free(struct queue *q)
{
    if (q == NULL) {
        return;
    }
    if (q->fd >= 0) {
        close(q->fd);
    }
    free(q->slots);
    free(q);
}

/* Makes the descriptor readable. EAGAIN means that it is at its maximum, so readable already. */
static void queue_signal(struct queue *q)
{
    uint64_t one = 1;
    ssize_t written;
    do {
        written = write(q->fd, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
}

int queue_push_quiet(struct queue *q, const void *item)
{
    size_t at = atomic_load_explicit(&q->push_at, memory_order_relaxed);
    for (;;) {
        size_t turn = atomic_load_explicit(slot_turn(q, at), memory_order_acquire);
        ptrdiff_t ahead = (ptrdiff_t)(turn - at);
        if (ahead == 0) {
            /* On failure the exchange loads the new position into `at`. */
            if (atomic_compare_exchange_weak_explicit(&q->push_at, &at, at + 1, memory_order_relaxed,
                                                      memory_order_relaxed)) {
                break;
            }
        } else if (ahead < 0) {
            atomic_fetch_add_explicit(&q->refused, 1, memory_order_relaxed);
            return ENOBUFS;
        } else {
            at = atomic_load_explicit(&q->push_at, memory_order_relaxed);
        }
    }
    memcpy(slot_item(q, at), item, q->item_size);
    atomic_store_explicit(slot_turn(q, at), at + 1, memory_order_release);
    return 0;
}

int queue_push(struct queue *q, const void *item)
{
    int error = queue_push_quiet(q, item);
    if (error == 0) {
        queue_signal(q);
    }
    return error;
}

bool queue_pop(struct queue *q, void *item)
{
    size_t at = atomic_load_explicit(&q->pop_at, memory_order_relaxed);
    for (;;) {
        size_t turn = atomic_load_explicit(slot_turn(q, at), memory_order_acquire);
        ptrdiff_t ahead = (ptrdiff_t)(turn - (at + 1));
        if (ahead == 0) {
            if (atomic_compare_exchange_weak_explicit(&q->pop_at, &at, at + 1, memory_order_relaxed,
                                                      memory_order_relaxed)) {
                break;
            }
        } else if (ahead < 0) {
            return false;
        } else {
            at = atomic_load_explicit(&q->pop_at, memory_order_relaxed);
        }
    }
    memcpy(item, slot_item(q, at), q->item_size);
    /* The slot's next turn is a push, one round later. */
    atomic_store_explicit(slot_turn(q, at), at + q->mask + 1, memory_order_release);
    return true;
}

int queue_fd(const struct queue *q)
{
    return q->fd;
}

void queue_acknowledge(struct queue *q)
{
    uint64_t count;
    ssize_t got;
    do {
        got = read(q->fd, &count, sizeof count);
    } while (got < 0 && errno == EINTR);
}

/* True also while a producer has taken a slot that he has not filled yet. */
static bool queue_occupied(struct queue *q)
{
    return atomic_load(&q->pop_at) != atomic_load(&q->push_at);
}

bool queue_wait(struct queue *q, void *item)
{
    for (;;) {
        bool got = queue_pop(q, item);
        bool closed = atomic_load(&q->closed);
        if (got) {
            /* One waiter may have cleared the signals of several items: pass the word on for the rest. */
            if (queue_occupied(q)) {
                queue_signal(q);
            }
            return true;
        }
        if (closed && !queue_occupied(q)) {
            return false;
        }
        struct pollfd wait = {.fd = q->fd, .events = POLLIN};
        (void)poll(&wait, 1, -1);
        queue_acknowledge(q);
        if (atomic_load(&q->closed)) {
            queue_signal(q); /* every waiter must see the end */
        }
    }
}

void queue_close(struct queue *q)
{
    atomic_store(&q->closed, true);
    queue_signal(q);
}

uint64_t queue_refused(const struct queue *q)
{
    return atomic_load_explicit(&q->refused, memory_order_relaxed);
}
