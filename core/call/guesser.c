/* By what who types PINs is known again, whatever door he stands at. */
#include "core/call/app.h"

#include <stdio.h>

void link_guesser(const struct link *link, struct guesser *out)
{
    const struct request *request = link_request(link);

    *out = (struct guesser){.caller = ""};
    if (request->user)
        snprintf(out->caller, sizeof out->caller, "%s", request->user);
    else if (request->peer && *request->caller.user)
        snprintf(out->caller, sizeof out->caller, "%s@%s", request->caller.user, request->peer);
    for (char *c = out->caller; *c; c++)
        if (*c <= ' ' || *c > '~')
            *c = '?'; /* it is a key: one spelling, of one word */
    if (!settings_trusts(link_settings(link), request->peer))
        link_source(link, out->address, sizeof out->address);
}
