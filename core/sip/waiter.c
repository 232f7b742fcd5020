/* Replies of storage find their askers by number. */
#include "core/sip/waiter.h"

#include <stddef.h>

#define CHAINS 1024

static struct waiter *chains[CHAINS];
static uint64_t last_id;

void waiter_add(struct waiter *w)
{
    w->id = ++last_id;
    w->next = chains[w->id % CHAINS];
    chains[w->id % CHAINS] = w;
}

void waiter_remove(struct waiter *w)
{
    struct waiter **place = &chains[w->id % CHAINS];

    while (*place && *place != w)
        place = &(*place)->next;
    if (*place)
        *place = w->next;
}

struct waiter *waiter_find(struct ticket ticket)
{
    struct waiter *w = chains[ticket.owner % CHAINS];

    while (w && w->id != ticket.owner)
        w = w->next;
    return w;
}

struct ticket waiter_ticket(const struct waiter *w)
{
    return (struct ticket){.owner = w->id};
}
