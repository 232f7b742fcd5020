/*
 * Do not disturb: the callee's phones stay silent, and his mailbox, which stands above, takes the call as it
 * does when he is away. {"allow": ["1002"]} names those who may disturb.
 */
#include "apps/service/service.h"

static void dnd_invited(struct link *link, const struct request *request)
{
    const json_t *service = link_service(link, "dnd");

    if (!service || (!request->anonymous && service_lists(service, "allow", request->caller.user)))
        link_continue(link);
    else
        link_reject(link, 480, "Do Not Disturb");
}

const struct app dnd_app = {.name = "dnd", .invited = dnd_invited};
