/*
 * Pickup (RFC 5359 §2.16): takes a call that rings at another phone. The plan's argument is "group" (what has
 * rung longest in the caller's own pickup group), "direct" (what rings at the number behind the code, for the
 * same group) or "any" (as direct, for everybody).
 */
#include "apps/apps.h"

#include "storage/subscriber.h"

#include <errno.h>
#include <string.h>

/* "**1006" is 1006. */
static const char *pickup_number(const struct request *request)
{
    return request->number + strspn(request->number, "*#");
}

static void pickup_found(struct ticket ticket, int error, const struct subscriber *taker)
{
    struct link *link = link_of(ticket);
    const struct request *request = link ? link_request(link) : NULL;
    bool group;

    if (!link)
        return;
    if (error) {
        link_reject(link, error == ENOENT ? 403 : 503, NULL);
        return;
    }
    group = strcmp(request->argument, "group") == 0;
    if (!link_pick(link, taker, group ? NULL : pickup_number(request), strcmp(request->argument, "any") == 0))
        link_reject(link, 480, "Nothing Rings There");
}

static void pickup_invited(struct link *link, const struct request *request)
{
    if (!request->user)
        link_reject(link, 403, NULL);
    else if (subscriber_find(server_storage(link_server(link)), request->user, link_ticket(link),
                             pickup_found))
        link_reject(link, 503, NULL);
}

const struct app pickup_app = {
    .name = "pickup",
    .invited = pickup_invited,
};
