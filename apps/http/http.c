/*
 * An application that stands elsewhere: the call is posted to its URL as JSON, and the verbs that come back
 * are done one after another. Its argument is the URL.
 */
#define _GNU_SOURCE /* asprintf() */
#include "apps/apps.h"
#include "apps/http/verbs.h"
#include "core/base/clock.h"
#include "core/base/courier.h"
#include "core/base/log.h"
#include "core/base/speech.h"
#include "core/base/web.h"
#include "core/call/media.h"
#include "storage/subscriber.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POSTS_MAX 100 /* of one call: an application whose verbs lead to itself ends some day */
#define CAUSE_DEFLECTED 302
#define URL_MAX 600
#define PATH_MAX_TEXT 256

struct http {
    struct verbs *verbs;
    char language[LANGUAGE_TEXT]; /* of texts that say nothing else */
    size_t next;
    unsigned posts;
    uint32_t awaited; /* the reply that the call waits for; 0: none */
    uint32_t serial;  /* of replies */
    bool answered;    /* the caller hears us */
    bool dialled;     /* the call is with somebody else */
    int status;       /* how that has failed */
    unsigned recordings;
    char recording[PATH_MAX_TEXT];
    char status_url[URL_MAX]; /* "": nobody wants to know */
    bool tell_ringing, tell_answered, tell_ended;
    uint64_t talks_us; /* since when somebody talks with the caller; 0: nobody has */
};

/*
 * One thread each for all calls, from the server's start to its end. What comes back carries a ticket: a call
 * that has ended meanwhile is not found by it, and one that has moved on awaits another number. Settings are
 * those of the call (link_settings()), so a reload changes nothing for it. At confabd's end the calls end
 * first, then web_free() and speech_free() break off what is under way, and no reply comes any more; a
 * recording that ends after that finds no client and is told to nobody.
 */
static struct web *web;
static struct speech *speech;

static void http_step(struct link *link);

/* -- asking ------------------------------------------------------------------------------------------------
 */

/* Takes `event`. NULL, or why it cannot be sent. */
static const char *http_send(struct link *link, const char *url, json_t *event, uint32_t serial)
{
    const struct settings *settings = link_settings(link);
    struct http *http = link_state(link);
    char signature[160], call[64];
    char *body = event ? json_dumps(event, JSON_COMPACT) : NULL;
    struct web_post post = {.ticket = {.owner = link_ticket(link).owner, .epoch = serial},
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
             !courier_sign(signature, sizeof signature, settings->webhook_secret, body))
        fault = "the event cannot be signed";
    if (!fault) {
        post.headers[2] = *settings->webhook_secret ? signature : NULL;
        fault = !web || web_post(web, &post) ? "the request cannot be sent" : NULL;
    }
    free(body);
    return fault;
}

/* The verbs so far are done with. */
static void http_ask(struct link *link, const char *url, json_t *event)
{
    struct http *http = link_state(link);
    uint32_t serial = ++http->serial;
    const char *fault = http_send(link, url, event, serial);

    if (fault)
        link_fail(link, fault);
    else
        http->awaited = serial;
}

/* Sends what nobody answers; what became of it is in the log. */
static void http_tell(struct link *link, const char *url, json_t *event)
{
    const char *fault = http_send(link, url, event, 0);

    if (fault)
        link_log(link, LEVEL_WARNING, "untold why=\"%s\"", fault);
}

static void http_adopt(struct link *link, struct verbs *verbs)
{
    struct http *http = link_state(link);

    verbs_free(http->verbs);
    http->verbs = verbs;
    http->next = 0;
    if (verbs->language) {
        snprintf(http->language, sizeof http->language, "%s", verbs->language);
        link_set_language(link, verbs->language);
    }
    if (!verbs->status_url)
        return;
    snprintf(http->status_url, sizeof http->status_url, "%s", verbs->status_url);
    http->tell_ringing = verbs->tell_ringing;
    http->tell_answered = verbs->tell_answered;
    http->tell_ended = verbs->tell_ended;
}

static void http_sounded(struct link *link, const char *path);

/* Whose call has ended, or who has failed meanwhile (the link's deadline), is not waiting for it. */
static struct link *http_waiting(struct ticket ticket)
{
    struct link *link = link_of(ticket);
    struct http *http = link ? link_state(link) : NULL;

    if (!http || ticket.epoch == 0 || http->awaited != ticket.epoch)
        return NULL;
    http->awaited = 0;
    return link_acts(link) ? link : NULL;
}

static void http_fetched(struct link *link, const struct web_reply *reply)
{
    if (!link) {
        if (reply->saved)
            unlink(reply->saved);
        return;
    }
    if (!reply->saved)
        link_log(link, LEVEL_WARNING, "unfetched status=%d why=\"%s\"", reply->status, reply->fault);
    http_sounded(link, reply->saved);
}

static void http_replied(void *arg, const struct web_reply *reply)
{
    struct link *link = http_waiting(reply->ticket);
    struct verbs *verbs = NULL;
    char why[300] = "";
    const char *fault;

    (void)arg;
    if (reply->fetched) {
        http_fetched(link, reply);
        return;
    }
    if (!link) {
        if (reply->ticket.epoch == 0 && (reply->status < 200 || reply->status > 299))
            log_event(LEVEL_WARNING, "http", NULL, "callback-failed status=%d why=\"%s\"", reply->status,
                      reply->fault);
        return;
    }
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
    http_adopt(link, verbs);
    http_step(link);
}

static void http_spoken(void *arg, const struct speech_reply *reply)
{
    struct link *link = http_waiting(reply->ticket);

    (void)arg;
    if (link && reply->error)
        link_log(link, LEVEL_WARNING, "unspoken error=\"%s\"", strerror(reply->error));
    if (link)
        http_sounded(link, reply->error ? NULL : reply->path);
    else if (!reply->error)
        unlink(reply->path);
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
        say(link_prompts(link), &phrase, verb->prompts[i]);
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

/* What a verb plays is there; what could not be had (path NULL) is left out. */
static void http_sounded(struct link *link, const char *path)
{
    struct http *http = link_state(link);
    const struct verb *verb = &http->verbs->list[http->next - 1];
    struct list list = {0};

    http_list(link, verb, &list);
    if (path)
        list_file(link, &list, path, true);
    if (verb->kind == VERB_PLAY)
        link_play(link, &list, http_step);
    else
        link_ask_until(link, &list, (unsigned)verb->number, (unsigned)verb->ms, verb->text, http_gathered);
}

/* The cache's sweep removes what nobody unlinked (*.wav). */
static void http_sound(struct link *link, struct http *http, const struct verb *verb)
{
    const struct settings *settings = link_settings(link);
    struct ticket ticket = {.owner = link_ticket(link).owner, .epoch = ++http->serial};
    char path[PATH_MAX_TEXT], name[17];
    int error = 0;

    if (!verb->url && !verb->say) {
        http_sounded(link, NULL);
        return;
    }
    random_hex(name, 8);
    snprintf(path, sizeof path, "%s/http-%s.wav", settings->cache_dir, name);
    if (verb->say)
        error = speech_say(speech, ticket, verb->language ? verb->language : http->language, verb->say, path);
    else
        error = web_post(web, &(struct web_post){.ticket = ticket,
                                                 .url = verb->url,
                                                 .save = path,
                                                 .deadline_ms = settings->webhook_deadline_ms});
    if (error) {
        link_log(link, LEVEL_WARNING, "sound-unusable error=\"%s\"", strerror(error));
        http_sounded(link, NULL);
        return;
    }
    http->awaited = ticket.epoch;
}

static void http_recorded(struct link *link, const struct recorded *result)
{
    static const char *const ends[] = {"key", "silence", "too-long", "hung-up", "failed"};
    struct http *http = link_state(link);
    const struct verb *verb = &http->verbs->list[http->next - 1];
    json_t *event;

    if (!verb->action) {
        if (result->end != RECORDED_HUNG_UP)
            http_step(link);
        return;
    }
    event = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "event", "recorded", "call", link_request(link)->call,
                      "file", http->recording, "end", ends[result->end], "ms", (json_int_t)result->ms,
                      "speech_ms", (json_int_t)result->speech_ms);
    if (result->end == RECORDED_HUNG_UP) /* nobody is left to do verbs for */
        http_tell(link, verb->action, event);
    else
        http_ask(link, verb->action, event);
}

static void http_record(struct link *link)
{
    struct http *http = link_state(link);
    const struct verb *verb = &http->verbs->list[http->next - 1];

    snprintf(http->recording, sizeof http->recording, "%s/%s-%u.wav", link_settings(link)->recordings_dir,
             link_request(link)->call, ++http->recordings);
    link_record(link, http->recording, (uint32_t)verb->ms, (uint32_t)verb->silence_ms, verb->text,
                http_recorded);
}

static void http_dial(struct link *link, const struct verb *verb)
{
    struct fork_target targets[NUMBERS_MAX] = {0};

    if (verb->number_count == 1 && !verb->number && !verb->confirm) {
        link_retarget(link, verb->numbers[0], CAUSE_DEFLECTED);
        return;
    }
    for (size_t i = 0; i < verb->number_count; i++) {
        snprintf(targets[i].number, sizeof targets[i].number, "%s", verb->numbers[i]);
        targets[i].ring_s = (unsigned)verb->number;
        targets[i].confirm = verb->confirm;
    }
    link_fork(link, targets, verb->number_count, CAUSE_DEFLECTED);
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
    bool aloud = verb->kind == VERB_PLAY || verb->kind == VERB_GATHER || verb->kind == VERB_RECORD ||
                 verb->kind == VERB_HANGUP;
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
    case VERB_GATHER:
        http_sound(link, http, verb);
        break;
    case VERB_RECORD:
        list_beep(&list);
        link_play(link, &list, http_record);
        break;
    case VERB_DIAL:
        http->dialled = true;
        http_dial(link, verb);
        break;
    case VERB_CONFERENCE:
        http->dialled = true;
        link_handover(link, "conference", "", verb->text);
        break;
    case VERB_VOICEMAIL:
        http->dialled = true;
        link_handover(link, "voicemail", "mailbox", verb->text);
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
    snprintf(http->language, sizeof http->language, "en");
    link_set_state(link, http);
    http_ask(link, request->argument,
             json_pack("{s:s,s:s,s:s,s:s,s:o,s:s,s:s?,s:s,s:s,s:o,s:b}", "event", "invited", "call",
                       request->call, "session", request->session, "link", link_name(link), "caller",
                       party_event(request->anonymous ? "" : caller->user,
                                   request->anonymous ? "" : caller->display, request->anonymous),
                       "number", request->number, "callee", request->callee ? request->callee->number : NULL,
                       "callee_name", request->callee_name, "params", request->params, "diversion",
                       diversions_event(request), "emergency", (int)request->emergency));
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
                           http->status));
    else
        http_step(link);
}

static bool http_failed(struct link *link, int status)
{
    struct http *http = link_state(link);
    const struct verb *verb;

    if (http)
        http->status = status;
    if (!http || !http->dialled)
        return false;
    http->dialled = false;
    verb = &http->verbs->list[http->next - 1];
    if (!verb->action && http->next == http->verbs->count)
        return false;
    link_after(link, 1, http_undialled);
    return true;
}

static void http_status(struct link *link, const char *event, int status, unsigned seconds)
{
    const struct http *http = link_state(link);

    http_tell(link, http->status_url,
              json_pack("{s:s,s:s,s:i,s:i}", "event", event, "call", link_request(link)->call, "status",
                        status, "seconds", (int)seconds));
}

static bool http_heard(struct link *link, const struct news *news)
{
    struct http *http = link_state(link);

    if (!http)
        return false;
    if (news->kind == NEWS_PROGRESS && http->tell_ringing && news->status == 180) {
        http->tell_ringing = false;
        http_status(link, "ringing", news->status, 0);
    } else if (news->kind == NEWS_ANSWERED && !http->talks_us) {
        http->talks_us = clock_now_us();
        if (http->tell_answered)
            http_status(link, "answered", 200, 0);
    }
    return false;
}

static void http_answered(struct link *link)
{
    struct http *http = link_state(link);

    http->answered = true;
    http->status = 0;
    if (!http->talks_us) {
        http->talks_us = clock_now_us();
        if (http->tell_answered)
            http_status(link, "answered", 200, 0);
    }
    http_step(link);
}

static void http_ended(struct link *link)
{
    struct http *http = link_state(link);
    uint64_t us;

    if (!http)
        return;
    us = http->talks_us ? clock_now_us() - http->talks_us : 0;
    if (http->tell_ended)
        http_status(link, "ended", http->talks_us ? 200 : http->status, (unsigned)(us / 1000000));
    verbs_free(http->verbs);
    free(http);
}

static int http_start(struct server *server)
{
    const char *folder = server_settings(server)->recordings_dir;
    int error;

    if (mkdir(folder, 0700) && errno != EEXIST)
        log_event(LEVEL_INFO, "http", NULL, "recordings-unusable folder=%s error=\"%s\"", folder,
                  strerror(errno));
    error = web_new(&web, server_loop(server), http_replied, NULL);
    if (error)
        return error;
    error = speech_new(&speech, server_loop(server), http_spoken, NULL);
    if (error) {
        web_free(web);
        web = NULL;
    }
    return error;
}

static void http_stop(struct server *server)
{
    (void)server;
    web_free(web);
    speech_free(speech);
    web = NULL;
    speech = NULL;
}

const struct app http_app = {
    .name = "http",
    .start = http_start,
    .stop = http_stop,
    .invited = http_invited,
    .failed = http_failed,
    .heard = http_heard,
    .answered = http_answered,
    .ended = http_ended,
};
