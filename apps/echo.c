/* Echo: the caller hears himself, and so how long the way to the server and back takes. */
#include "apps/apps.h"
#include "core/call/media.h"

static void echo_invited(struct link *link, const struct request *request)
{
    (void)request;
    link_answer(link);
}

static void echo_answered(struct link *link)
{
    link_echo(link);
}

static void echo_ended(struct link *link)
{
    (void)link; /* nothing hangs on it */
}

const struct app echo_app = {
    .name = "echo",
    .invited = echo_invited,
    .answered = echo_answered,
    .ended = echo_ended,
};
