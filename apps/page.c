/*
 * Paging: `application = "page" argument = "1002,1003"` calls these phones into a room of their own in which
 * the caller alone is heard. Those that can (RFC 5373, or Call-Info) answer by themselves.
 */
#include "apps/apps.h"

static void page_invited(struct link *link, const struct request *request)
{
    if (link_ends(link) && *request->argument)
        link_handover(link, "conference", "=page", request->number);
    else
        link_reject(link, 404, NULL);
}

const struct app page_app = {.name = "page", .invited = page_invited};
