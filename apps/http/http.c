/*
 * An application that stands elsewhere: the call is posted to its URL as JSON, and the verbs that come back
 * are done one after another. Its argument is the URL.
 */
#define _GNU_SOURCE /* asprintf() */
#include "apps/apps.h"
#include "apps/http/verbs.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/web.h"
#include "core/call/media.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POSTS_MAX 100 /* of one call: an application whose verbs lead to itself ends some day */
#define CAUSE_DEFLECTED 302

struct http {
    struct verbs *verbs;
    size_t next;
    unsigned posts;
    bool posted;   /* a reply is awaited */
    bool answered; /* the caller hears us */
    bool dialled;  /* `dial` is under way */
};

static struct web *web; /* one thread for all calls, from the server's start to its end */

static void http_step(struct link *link);

/* -- asking ------------------------------------------------------------------------------------------------
 */

/* "t=SECONDS,v1=HEX": HMAC-SHA256 of "SECONDS.BODY", so that neither can be forged nor used again later. */
static bool http_sign(char *out, size_t size, const char *secret, const char *body)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned bytes = 0;
    char *text = NULL;
    long long seconds = (long long)clock_wall();
    int length = asprintf(&text, "%lld.%s", seconds, body), used;

    if (length < 0)
        return false;
    if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)text, (size_t)length, digest,
              &bytes))
        bytes = 0;
    free(text);
    used = snprintf(out, size, "X-Confab-Signature: t=%lld,v1=", seconds);
    for (unsigned i = 0; i < bytes && (size_t)used + 2 < size; i++)
        used += snprintf(out + used, size - (size_t)used, "%02x", digest[i]);
    return bytes > 0;
}

/* Takes `event`. The verbs so far are done with. */
static void http_ask(struct link *link, const char *url, json_t *event)
{
    const struct settings *settings = link_settings(link);
    struct http *http = link_state(link);
    char signature[160], call[64];
    char *body = event ? json_dumps(event, JSON_COMPACT) : NULL;
    struct web_post post = {.ticket = link_ticket(link),
                            .url = url,
                            .body = body,
                            .headers = {"Content-Type: application/json", call},
                            .deadline_ms = settings->webhook_deadline_ms};
    const char *fault = NULL;

    json_decref(event);
    snprintf(call, sizeof call, "X-Confab-Call: %s", link_request(link)->call);
    if (!body)
        fault = "the event cannot be written";
    else if (++http->posts > POSTS_MAX)
        fault = "too many requests in one call";
    else if (*settings->webhook_secret &&
             !http_sign(signature, sizeof signature, settings->webhook_secret, body))
        fault = "the event cannot be signed";
    if (!fault) {
        post.headers[2] = *settings->webhook_secret ? signature : NULL;
        fault = web_post(web, &post) ? "the request cannot be sent" : NULL;
    }
    free(body);
    if (fault) {
        link_fail(link, fault);
        return;
    }
    http->posted = true;
}

static void http_replied(void *arg, const struct web_reply *reply)
{
    struct link *link = link_of(reply->ticket);
    struct http *http = link ? link_state(link) : NULL;
    struct verbs *verbs = NULL;
    char why[300] = "";
    const char *fault;

    (void)arg;
    if (!http || !http->posted)
        return;
    http->posted = false;
    if (reply->status == 0)
        snprintf(why, sizeof why, "no answer: %s", reply->fault);
    else if (reply->status < 200 || reply->status > 299)
        snprintf(why, sizeof why, "HTTP status %d", reply->status);
    else if ((fault = verbs_read(&verbs, reply->body, reply->length)))
        snprintf(why, sizeof why, "the answer makes no sense: %s", fault);
    if (*why) {
        link_fail(link, why);
        return;
    }
    verbs_free(http->verbs);
    http->verbs = verbs;
    http->next = 0;
    http_step(link);
}

static json_t *party_event(const char *number, const char *name, bool anonymous)
{
    return json_pack("{s:s,s:s,s:b}", "number", number, "name", name, "anonymous", (int)anonymous);
}

static json_t *diversions_event(const struct request *request)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < request->diversion_count; i++)
        json_array_append_new(list, json_pack("{s:s,s:i}", "number", request->diversions[i].user, "cause",
                                              request->diversions[i].cause));
    return list;
}

/* -- verbs -------------------------------------------------------------------------------------------------
 */

static void http_list(struct link *link, const struct verb *verb, struct list *list)
{
    struct phrase phrase = {0};

    for (size_t i = 0; i < verb->prompt_count; i++)
        say(server_prompts(link_server(link)), &phrase, verb->prompts[i]);
    list_phrase(list, &phrase);
    if (verb->kind == VERB_PLAY && verb->number)
        list_tone(list, (unsigned)verb->number, (unsigned)verb->ms);
}

static void http_gathered(struct link *link, const char *digits)
{
    struct http *http = link_state(link);

    http_ask(
        link, http->verbs->list[http->next - 1].action,
        json_pack("{s:s,s:s,s:s}", "event", "gathered", "call", link_request(link)->call, "digits", digits));
}

static void http_redirect(struct link *link, const char *target)
{
    if (strncmp(target, "sip:", 4) == 0)
        link_redirect(link, target);
    else
        http_ask(link, target,
                 json_pack("{s:s,s:s}", "event", "redirected", "call", link_request(link)->call));
}

/* What only a caller who hears us may be given, and what only one who does not. */
static const char *http_misplaced(const struct http *http, const struct verb *verb)
{
    bool aloud = verb->kind == VERB_PLAY || verb->kind == VERB_GATHER || verb->kind == VERB_HANGUP;
    bool silent = verb->kind == VERB_ANSWER || verb->kind == VERB_REJECT || verb->kind == VERB_CONTINUE ||
                  (verb->kind == VERB_REDIRECT && strncmp(verb->text, "sip:", 4) == 0);

    if (aloud && !http->answered)
        return "a verb that needs an answered call";
    return silent && http->answered ? "a verb for a call that is not answered" : NULL;
}

/* Last in each case: what follows comes by a continuation, or the call is over by then. */
static void http_do(struct link *link, struct http *http, const struct verb *verb)
{
    struct list list = {0};

    switch (verb->kind) {
    case VERB_ANSWER:
        link_answer(link);
        break;
    case VERB_PLAY:
        http_list(link, verb, &list);
        link_play(link, &list, http_step);
        break;
    case VERB_GATHER:
        http_list(link, verb, &list);
        link_ask(link, &list, (unsigned)verb->number, (unsigned)verb->ms, http_gathered);
        break;
    case VERB_DIAL:
        http->dialled = true;
        link_retarget(link, verb->text, CAUSE_DEFLECTED);
        break;
    case VERB_REDIRECT:
        http_redirect(link, verb->text);
        break;
    case VERB_REJECT:
        link_reject(link, verb->number, verb->text);
        break;
    case VERB_PAUSE:
        link_after(link, (uint32_t)verb->ms, http_step);
        break;
    case VERB_HANGUP:
        link_hangup(link);
        break;
    case VERB_TAG:
        link_tag(link, verb->text, verb->action);
        http_step(link); /* as deep as there are verbs at most */
        break;
    case VERB_CONTINUE:
        link_continue(link);
        break;
    }
}

static void http_step(struct link *link)
{
    struct http *http = link_state(link);
    const struct verb *verb;
    const char *fault;

    if (http->next == http->verbs->count) {
        if (http->answered)
            link_hangup(link);
        else
            link_fail(link, "the answer ends without a decision");
        return;
    }
    verb = &http->verbs->list[http->next++];
    fault = http_misplaced(http, verb);
    if (fault)
        link_fail(link, fault);
    else
        http_do(link, http, verb);
}

/* -- the call ----------------------------------------------------------------------------------------------
 */

static void http_invited(struct link *link, const struct request *request)
{
    struct http *http = calloc(1, sizeof *http);
    const struct party *caller = &request->caller;

    if (!http) {
        link_fail(link, "no memory");
        return;
    }
    link_set_state(link, http);
    http_ask(
        link, request->argument,
        json_pack("{s:s,s:s,s:o,s:s,s:s,s:s,s:o,s:b}", "event", "invited", "call", request->call, "caller",
                  party_event(request->anonymous ? "" : caller->user,
                              request->anonymous ? "" : caller->display, request->anonymous),
                  "number", request->number, "callee_name", request->callee_name, "params", request->params,
                  "diversion", diversions_event(request), "emergency", (int)request->emergency));
}

/*
 * Where `dial` has failed, its action is asked, or the list goes on. Deferred: the failure is taken first,
 * and what follows may end the call.
 */
static void http_undialled(struct link *link)
{
    struct http *http = link_state(link);
    const struct verb *verb = &http->verbs->list[http->next - 1];

    if (verb->action)
        http_ask(link, verb->action,
                 json_pack("{s:s,s:s,s:i}", "event", "dialled", "call", link_request(link)->call, "status",
                           verb->ms));
    else
        http_step(link);
}

static bool http_failed(struct link *link, int status)
{
    struct http *http = link_state(link);
    struct verb *verb;

    if (!http || !http->dialled)
        return false;
    http->dialled = false;
    verb = &http->verbs->list[http->next - 1];
    if (!verb->action && http->next == http->verbs->count)
        return false;
    verb->ms = status;
    link_after(link, 1, http_undialled);
    return true;
}

static void http_answered(struct link *link)
{
    struct http *http = link_state(link);

    http->answered = true;
    http_step(link);
}

static void http_ended(struct link *link)
{
    struct http *http = link_state(link);

    if (http)
        verbs_free(http->verbs);
    free(http);
}

static int http_start(struct server *server)
{
    return web_new(&web, server_loop(server), http_replied, NULL);
}

static void http_stop(struct server *server)
{
    (void)server;
    web_free(web);
    web = NULL;
}

const struct app http_app = {
    .name = "http",
    .start = http_start,
    .stop = http_stop,
    .invited = http_invited,
    .failed = http_failed,
    .answered = http_answered,
    .ended = http_ended,
};
