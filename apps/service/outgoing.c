/* Barring: what a user may dial (service_bars()). */
#include "apps/service/service.h"

static void outgoing_invited(struct link *link, const struct request *request)
{
    if (service_bars(link_service(link, BARRING_SERVICE), request->number)) {
        link_log(link, LEVEL_INFO, "barred number=%s", request->number);
        link_reject(link, 403, "Barred");
    } else {
        link_continue(link);
    }
}

const struct app outgoing_app = {.name = "outgoing", .invited = outgoing_invited};
