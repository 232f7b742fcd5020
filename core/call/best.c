/*
 * Which failure of a fork is the caller's answer: RFC 3261 §16.7 step 6.
 */
#include "core/call/internal.h"

/* Lower is better. A 6xx speaks for the user on all his phones; then the lowest class; in 4xx what says most.
 */
static int failure_rank(int status)
{
    if (status >= 600)
        return 0;
    switch (status) {
    case 415:
    case 420:
    case 484: /* tell the caller how to ask better, as step 6 wants */
        return 400;
    case 486:
        return 401;
    case 488:
        return 402;
    case 480:
    case 408:
        return 403;
    case 401:
    case 407: /* nobody above could answer a challenge meant for us */
        return 499;
    default:
        if (status >= 400 && status < 500)
            return 410;
        return status / 100 * 100;
    }
}

const struct failure *best_failure(const struct failure *const *failures, size_t count)
{
    const struct failure *best = NULL;

    for (size_t i = 0; i < count; i++)
        if (!best || failure_rank(failures[i]->status) < failure_rank(best->status))
            best = failures[i];
    return best;
}

/*
 * A challenge that we could not answer is our trouble with the next hop: 502. A 503 is not passed on, for it
 * would speak for all of us (step 6): from a trunk it becomes 500; a phone that cannot be reached is just not
 * available.
 */
int failure_status(int status, bool to_user)
{
    if (status == 401 || status == 407)
        return 502;
    if (status == 503)
        return to_user ? 480 : 500;
    return status;
}
