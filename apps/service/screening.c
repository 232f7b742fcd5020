/*
 * Who may call: block {"numbers", "announce"} and allow {"numbers"}, reject-anonymous (RFC 5079), and screen
 * {"allow": […]}: the caller says his name, and the callee hears it and decides.
 */
#include "apps/service/service.h"
#include "core/call/media.h"
#include "storage/mailbox.h" /* cache_discard */

#include <stdio.h>
#include <stdlib.h>

#define NAME_MS 6000
#define NAME_SILENCE_MS 1500
#define NAME_LEAST_MS 300 /* less is a click */

struct screening {
    char path[512];
    bool asked;   /* he has said his name, or kept silent */
    bool refused; /* he is told so, and no more */
};

static void say_phrase(const struct link *link, struct list *list, const char *name)
{
    struct phrase phrase = {0};

    say(link_prompts(link), &phrase, name);
    list_phrase(list, &phrase);
}

/* -- lists --------------------------------------------------------------------------------------------- */

static bool screening_is_blocked(const struct link *link, const struct request *request)
{
    const json_t *allow = link_service(link, "allow"), *block = link_service(link, "block");
    const char *caller = request->caller.user;

    if (allow && (request->anonymous || !service_lists(allow, "numbers", caller)))
        return true;
    return !request->anonymous && service_lists(block, "numbers", caller);
}

static void screening_told(struct link *link)
{
    link_reject(link, 603, NULL);
}

/* Media comes before the refusal, so that he pays for none of it; who cannot hear it is refused at once. */
static void screening_block(struct link *link, struct screening *screening)
{
    bool announce = service_truth(link_service(link, "block"), "announce") ||
                    service_truth(link_service(link, "allow"), "announce");

    link_log(link, LEVEL_INFO, "blocked caller=%s", link_request(link)->caller.user);
    screening->refused = true;
    if (!announce || !link_early(link))
        link_reject(link, 603, NULL);
}

/* -- say your name ------------------------------------------------------------------------------------- */

static void screening_named(struct link *link, const struct recorded *result)
{
    struct screening *screening = link_state(link);
    struct list name = {0};

    screening->asked = true;
    if (result->end != RECORDED_FAILED && result->end != RECORDED_HUNG_UP &&
        result->speech_ms >= NAME_LEAST_MS) {
        list_file(link, &name, screening->path, true);
        *screening->path = '\0';
    }
    if (result->end != RECORDED_HUNG_UP)
        link_screen(link, &name);
}

static void screening_ask(struct link *link)
{
    const char *folder = link_settings(link)->cache_dir;
    struct screening *screening = link_state(link);

    snprintf(screening->path, sizeof screening->path, "%s/name-%s.wav", folder, link_request(link)->call);
    link_record(link, screening->path, NAME_MS, NAME_SILENCE_MS, "#", screening_named);
}

static void screening_answered(struct link *link)
{
    const struct screening *screening = link_state(link);
    struct list list = {0};

    if (screening->refused) {
        say_phrase(link, &list, "screen-blocked");
        link_play(link, &list, screening_told);
        return;
    }
    if (screening->asked)
        return;
    say_phrase(link, &list, "screen-say-name");
    list_beep(&list);
    link_play(link, &list, screening_ask);
}

/* The caller was answered and is given back: nobody has taken his call. */
static bool screening_failed(struct link *link, int status)
{
    const struct screening *screening = link_state(link);
    struct list list = {0};

    (void)status;
    if (!screening || !screening->asked)
        return false;
    say_phrase(link, &list, "screen-refused");
    link_play(link, &list, link_hangup);
    return true;
}

/* -- a call -------------------------------------------------------------------------------------------- */

static void screening_invited(struct link *link, const struct request *request)
{
    const json_t *screen = link_service(link, "screen");
    struct screening *screening;

    /* RFC 5079 §3 */
    if (request->anonymous && link_service(link, "reject-anonymous")) {
        link_reject(link, 433, "Anonymity Disallowed");
        return;
    }
    screening = calloc(1, sizeof *screening);
    if (!screening) {
        link_fail(link, "no memory");
        return;
    }
    link_set_state(link, screening);
    if (screening_is_blocked(link, request))
        screening_block(link, screening);
    else if (screen && !service_lists(screen, "allow", request->caller.user))
        link_answer(link);
    else
        link_continue(link);
}

static void screening_discarded(struct ticket ticket, int error)
{
    (void)ticket;
    (void)error; /* the cache's folder is swept at the next start */
}

static void screening_ended(struct link *link)
{
    struct screening *screening = link_state(link);

    if (screening && *screening->path &&
        cache_discard(server_storage(link_server(link)), screening->path, link_ticket(link),
                      screening_discarded))
        link_log(link, LEVEL_WARNING, "name-left path=%s", screening->path);
    free(screening);
}

const struct app screening_app = {
    .name = "screening",
    .invited = screening_invited,
    .failed = screening_failed,
    .answered = screening_answered,
    .ended = screening_ended,
};
