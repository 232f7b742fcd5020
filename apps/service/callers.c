/*
 * Notes who calls a subscriber, for the code that calls him back; only where the number plan has such a code.
 * Who withholds his number is not noted, nor is what may not be dialled.
 */
#include "apps/service/service.h"
#include "storage/caller.h"

#include <string.h>

static bool callers_wanted(const struct settings *settings)
{
    for (size_t i = 0; i < settings->number_count; i++)
        if (strcmp(settings->numbers[i].application, "features") == 0 &&
            strcmp(settings->numbers[i].argument, "last-caller") == 0)
            return true;
    return false;
}

static void callers_noted(struct ticket ticket, int error)
{
    (void)ticket;
    (void)error; /* storage has logged it, and the call has gone on long since */
}

static void callers_invited(struct link *link, const struct request *request)
{
    if (request->callee && !request->anonymous && number_is_dialable(request->caller.user) &&
        callers_wanted(link_settings(link)) &&
        caller_note(server_storage(link_server(link)), request->callee->number, request->caller.user,
                    link_ticket(link), callers_noted))
        link_log(link, LEVEL_NOTICE, "caller-not-noted");
    link_continue(link);
}

const struct app callers_app = {.name = "callers", .invited = callers_invited};
