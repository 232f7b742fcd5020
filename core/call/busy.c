/*
 * Whom each user last found busy, for automatic redial (RFC 5359 §2.18). In memory: after a restart nobody
 * was busy.
 */
#include "core/call/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct busy {
    struct busy *next;
    char user[NUMBER_TEXT], number[NUMBER_TEXT];
};

/* One a user at most, so there are never more than subscribers. */
static struct busy *busy_find(const struct server *server, const char *user)
{
    struct busy *busy = server->busy;

    while (busy && strcmp(busy->user, user) != 0)
        busy = busy->next;
    return busy;
}

/* What he dialled counts, wherever it was led; and only a user's phones can be watched until they are free.
 */
void busy_note(const struct call *call, int status)
{
    struct server *server = call->server;
    const struct route *first = call->routes;
    struct busy *busy;

    if ((status != 486 && status != 600) || !call->has_user || !first || originate_rings(call))
        return;
    while (first->next)
        first = first->next;
    if (first->plan != PLAN_USER)
        return;
    busy = busy_find(server, call->user);
    if (!busy) {
        busy = calloc(1, sizeof *busy);
        if (!busy)
            return;
        snprintf(busy->user, sizeof busy->user, "%s", call->user);
        busy->next = server->busy;
        server->busy = busy;
    }
    snprintf(busy->number, sizeof busy->number, "%s", first->number);
}

void busy_free(struct server *server)
{
    while (server->busy) {
        struct busy *busy = server->busy;

        server->busy = busy->next;
        free(busy);
    }
}

const char *server_last_busy(const struct server *server, const char *user)
{
    const struct busy *busy = busy_find(server, user);

    return busy ? busy->number : NULL;
}

bool server_number_is_idle(struct server *server, const char *number)
{
    struct dialog_list list = {.count = 0};

    watch_list(server, number, &list);
    return list.count == 0;
}
