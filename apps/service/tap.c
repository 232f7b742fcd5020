/* Records the calls of who has switched the service "record" on, both sides. */
#include "apps/service/service.h"

static void tap_invited(struct link *link, const struct request *request)
{
    (void)request;
    link_tap(link);
    link_continue(link);
}

const struct app tap_app = {.name = "tap", .invited = tap_invited};
