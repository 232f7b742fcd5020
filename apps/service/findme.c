/*
 * Simultaneous ringing and find me (RFC 5359 §2.14).
 *
 * simring {"numbers": ["1003", "0170…"], "confirm": true, "delay": 5}: the user's own phones, and those after
 * `delay`. find-me {"own": 15, "steps": [{"number", "delay", "ring", "confirm"}]}: his own phones for `own`
 * seconds, then one step after the other; with `delay` a step comes that many seconds after the call's
 * beginning instead. The number "own" is a step of his own phones.
 */
#include "apps/service/service.h"

#include <stdio.h>
#include <string.h>

#define RING_S 15 /* where a step does not say */
#define RING_MAX_S 180
#define CAUSE_SIMRING 302
#define CAUSE_FIND_ME 408

static unsigned seconds_of(const json_t *service, const char *key, long otherwise)
{
    long seconds = service_number(service, key, otherwise);

    return seconds < 0 ? 0 : seconds > RING_MAX_S ? RING_MAX_S : (unsigned)seconds;
}

static bool target_set(struct fork_target *target, const char *number)
{
    target->own = strcmp(number, "own") == 0;
    if (!target->own && !number_is_dialable(number))
        return false;
    snprintf(target->number, sizeof target->number, "%s", target->own ? "" : number);
    return true;
}

static size_t simring_targets(const json_t *service, struct fork_target targets[FORK_MAX])
{
    const json_t *numbers = json_object_get(service, "numbers");
    size_t count = 0;

    targets[count++] = (struct fork_target){.own = true};
    for (size_t i = 0; i < json_array_size(numbers) && count < FORK_MAX; i++) {
        const char *number = json_string_value(json_array_get(numbers, i));
        struct fork_target target = {.delay_s = seconds_of(service, "delay", 0),
                                     .confirm = service_truth(service, "confirm")};

        if (number && target_set(&target, number))
            targets[count++] = target;
    }
    return count;
}

static size_t find_me_targets(const json_t *service, struct fork_target targets[FORK_MAX])
{
    const json_t *steps = json_object_get(service, "steps");
    unsigned own = seconds_of(service, "own", RING_S), at = own;
    size_t count = 0;

    if (own)
        targets[count++] = (struct fork_target){.own = true, .ring_s = own};
    for (size_t i = 0; i < json_array_size(steps) && count < FORK_MAX; i++) {
        const json_t *step = json_array_get(steps, i);
        struct fork_target target = {.delay_s = seconds_of(step, "delay", (long)at),
                                     .ring_s = seconds_of(step, "ring", RING_S),
                                     .confirm = service_truth(step, "confirm")};

        if (!target_set(&target, service_text(step, "number")))
            continue;
        at = target.delay_s + target.ring_s;
        targets[count++] = target;
    }
    return count;
}

static void findme_invited(struct link *link, const struct request *request)
{
    const json_t *find_me = link_service(link, "find-me"), *simring = link_service(link, "simring");
    struct fork_target targets[FORK_MAX];
    size_t count = find_me   ? find_me_targets(find_me, targets)
                   : simring ? simring_targets(simring, targets)
                             : 0;

    (void)request;
    if (count > 0)
        link_fork(link, targets, count, find_me ? CAUSE_FIND_ME : CAUSE_SIMRING);
    else
        link_continue(link);
}

const struct app findme_app = {.name = "findme", .invited = findme_invited};
