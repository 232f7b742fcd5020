/*
 * Barring: what a user may dial. {"block": ["00."], "allow": ["0033."]}: what `allow` names is allowed, what
 * `block` names is not; without `block` only what `allow` names is.
 */
#include "apps/service/service.h"

static void outgoing_invited(struct link *link, const struct request *request)
{
    const json_t *service = link_service(link, "outgoing");
    bool allowed = service_lists(service, "allow", request->number);
    bool blocked = service_has_list(service, "block") ? service_lists(service, "block", request->number)
                                                      : service_has_list(service, "allow");

    if (blocked && !allowed) {
        link_log(link, LEVEL_INFO, "barred number=%s", request->number);
        link_reject(link, 403, "Barred");
    } else {
        link_continue(link);
    }
}

const struct app outgoing_app = {.name = "outgoing", .invited = outgoing_invited};
