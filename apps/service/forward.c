/*
 * Call forwarding. forward-always {"to"}, forward-schedule {"rules": [{"when", "to"}]}, forward-busy {"to"},
 * forward-no-answer {"to", "after"} and forward-unreachable {"to"}; the causes are those of RFC 4458 §2.
 */
#include "apps/service/service.h"
#include "core/base/clock.h"
#include "core/base/schedule.h"

#include <string.h>

#define AFTER_MAX_S 120

enum { CAUSE_ALWAYS = 302, CAUSE_BUSY = 486, CAUSE_NO_ANSWER = 408, CAUSE_UNREACHABLE = 503 };

/* NULL: it is off, or has nowhere to go. To oneself is nowhere. */
static const char *forward_target(const struct link *link, const char *service)
{
    const char *to = service_text(link_service(link, service), "to");

    return number_is_dialable(to) && strcmp(to, link_request(link)->number) != 0 ? to : NULL;
}

static const char *forward_scheduled(const struct link *link)
{
    const json_t *rules = json_object_get(link_service(link, "forward-schedule"), "rules");
    const struct subscriber *subscriber = link_subscriber(link);

    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        const char *when = service_text(rule, "when"), *to = service_text(rule, "to");

        if (*when && schedule_matches(when, subscriber ? subscriber->zone : "", clock_wall()))
            return number_is_dialable(to) && strcmp(to, link_request(link)->number) != 0 ? to : NULL;
    }
    return NULL;
}

/* His own ringing time holds only where nothing below rings others for him. */
static void forward_ring(struct link *link)
{
    long after = service_number(link_service(link, "forward-no-answer"), "after", 0);
    struct fork_target own = {.own = true, .ring_s = (unsigned)after};

    if (after < 1 || after > AFTER_MAX_S || !forward_target(link, "forward-no-answer"))
        link_continue(link);
    else
        link_fork(link, &own, 1, 0);
}

static void forward_invited(struct link *link, const struct request *request)
{
    const char *to = forward_target(link, "forward-always");

    (void)request;
    if (!to)
        to = forward_scheduled(link);
    if (to)
        link_retarget(link, to, CAUSE_ALWAYS);
    else
        forward_ring(link);
}

static bool forward_to(struct link *link, const char *service, int cause)
{
    const char *to = forward_target(link, service);

    if (to)
        link_retarget(link, to, cause);
    return to != NULL;
}

/* A phone that does not answer its INVITE at all and one that rings in vain both come as 408: where both
 * services are on, it has rung. */
static bool forward_failed(struct link *link, int status)
{
    const struct subscriber *callee = link_request(link)->callee;
    bool nowhere = callee && callee->binding_count == 0;

    if (status == 486 || status == 600)
        return forward_to(link, "forward-busy", CAUSE_BUSY);
    if (status == 480 || nowhere)
        return forward_to(link, "forward-unreachable", CAUSE_UNREACHABLE) ||
               (!nowhere && forward_to(link, "forward-no-answer", CAUSE_NO_ANSWER));
    if (status == 408)
        return forward_to(link, "forward-no-answer", CAUSE_NO_ANSWER) ||
               forward_to(link, "forward-unreachable", CAUSE_UNREACHABLE);
    return false;
}

const struct app forward_app = {.name = "forward", .invited = forward_invited, .failed = forward_failed};
