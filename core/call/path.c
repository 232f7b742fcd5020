/*
 * Which links a call is led through. Nothing is asked of a server here: settings, rows and a time in, a list
 * out.
 */
#include "core/call/path.h"

#include "core/base/schedule.h"
#include "storage/subscriber.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

const char *path_application(const char *application)
{
    if (strncmp(application, "sip:", 4) == 0 || strncmp(application, "sips:", 5) == 0)
        return "isc";
    if (strncmp(application, "http://", 7) == 0 || strncmp(application, "https://", 8) == 0)
        return "http";
    return application;
}

/* -- guards -------------------------------------------------------------------------------------------- */

/* A user's services, parsed once a question; both may be the same row. */
struct services {
    json_t *caller, *callee;
};

static json_t *services_parse(const struct subscriber *subscriber)
{
    return subscriber && *subscriber->services ? json_loads(subscriber->services, 0, NULL) : NULL;
}

/* `names`: one of them is enough. */
static bool service_is_on(const char *names, const struct subscriber *served, const json_t *services)
{
    char name[64];

    while (*names) {
        size_t length = strcspn(names, " ");

        snprintf(name, sizeof name, "%.*s", (int)length, names);
        if (strcmp(name, SERVICE_MAILBOX) == 0 ? *served->mailbox != '\0'
                                               : json_object_get(services, name) != NULL)
            return true;
        names += length + strspn(names + length, " ");
    }
    return false;
}

static bool in_region(enum region region, const struct path_question *question)
{
    return (region != REGION_NEUTRAL || question->first) && (region != REGION_EGRESS || question->leaves);
}

static const struct subscriber *served_in(enum region region, const struct path_question *question)
{
    return region == REGION_ORIGINATING   ? question->caller
           : region == REGION_TERMINATING ? question->callee
                                          : NULL;
}

/* The cheap ones first; the breaker last, for the question to it counts as a trial of the link. */
static enum path_reason guard(const struct path_link *link, const struct path_question *question,
                              bool emergency, const json_t *services)
{
    const struct link_settings *settings = link->settings;
    bool serves = settings->region == REGION_ORIGINATING || settings->region == REGION_TERMINATING;

    if (question->exists && !question->exists(path_application(settings->application)))
        return PATH_NO_APPLICATION;
    if (emergency && !settings->mandatory)
        return PATH_EMERGENCY;
    if (serves && !link->served)
        return PATH_NOBODY;
    if (serves && *settings->service && !service_is_on(settings->service, link->served, services))
        return PATH_NO_SERVICE;
    if (!settings_any_pattern(settings->callers, settings->caller_count, question->caller_number))
        return PATH_CALLER;
    if (!settings_any_pattern(settings->numbers, settings->number_count, question->number))
        return PATH_NUMBER;
    if (!schedule_matches(settings->when, link->served ? link->served->zone : "", question->when))
        return PATH_TIME;
    if (!settings->mandatory && question->is_open && question->is_open(settings, question->arg))
        return PATH_BREAKER;
    return PATH_IN;
}

int path_find(struct path *out, const struct path_question *question)
{
    const struct settings *settings = question->settings;
    struct services services = {services_parse(question->caller), services_parse(question->callee)};
    int error = 0;

    out->count = 0;
    out->emergency = settings_is_emergency(settings, question->number);
    for (size_t i = 0; !error && i < settings->link_count; i++) {
        enum region region = settings->links[i].region;
        struct path_link *link = &out->links[out->count];

        if (!in_region(region, question))
            continue;
        if (out->count == PATH_LINKS_MAX) {
            error = ENOSPC;
            break;
        }
        *link = (struct path_link){.settings = &settings->links[i], .served = served_in(region, question)};
        link->reason = guard(link, question, out->emergency,
                             region == REGION_ORIGINATING ? services.caller : services.callee);
        out->count++;
    }
    json_decref(services.caller);
    json_decref(services.callee);
    return error;
}

/* -- for people ---------------------------------------------------------------------------------------- */

void path_reason_text(char *out, size_t size, const struct path_link *link,
                      const struct path_question *question)
{
    const struct link_settings *settings = link->settings;
    bool caller = settings->region == REGION_ORIGINATING;

    switch (link->reason) {
    case PATH_IN:
        snprintf(out, size, "%s%s", link->served ? "for " : "", link->served ? link->served->number : "");
        break;
    case PATH_NO_APPLICATION:
        snprintf(out, size, "there is no application \"%s\"", path_application(settings->application));
        break;
    case PATH_EMERGENCY:
        snprintf(out, size, "%s is an emergency number, and the link is not mandatory", question->number);
        break;
    case PATH_NOBODY:
        snprintf(out, size, caller ? "the caller is no subscriber" : "the callee is no subscriber");
        break;
    case PATH_NO_SERVICE:
        snprintf(out, size, "%s has none of these on: %s", link->served->number, settings->service);
        break;
    case PATH_CALLER:
        snprintf(out, size, "the caller \"%s\" fits none of callers", question->caller_number);
        break;
    case PATH_NUMBER:
        snprintf(out, size, "the number \"%s\" fits none of numbers", question->number);
        break;
    case PATH_TIME:
        snprintf(out, size, "it is not \"%s\"%s%s", settings->when, link->served ? " in " : "",
                 link->served ? link->served->zone : "");
        break;
    case PATH_BREAKER:
        snprintf(out, size, "it has failed %u times in a row and is left out for %u s",
                 settings->breaker_failures, settings->breaker_s);
        break;
    }
}

static void explain_link(const struct path_link *link, const struct path_question *question,
                         void (*line)(const char *text, void *arg), void *arg)
{
    const struct link_settings *settings = link->settings;
    char why[PATH_LINE_TEXT / 2], text[PATH_LINE_TEXT], name[64];

    path_reason_text(why, sizeof why, link, question);
    if (strcmp(settings->name, settings->application) == 0)
        snprintf(name, sizeof name, "%s", settings->name);
    else
        snprintf(name, sizeof name, "%s (%s)", settings->name, settings->application);
    snprintf(text, sizeof text, "%-3s  %-11s  %5d  %-24s  %s", link->reason == PATH_IN ? "in" : "out",
             region_name(settings->region), settings->order, name, why);
    line(text, arg);
}

bool path_breaker_unknown(const struct path_link *link, const struct path_question *question)
{
    const struct link_settings *settings = link->settings;

    return link->reason == PATH_IN && !question->is_open && !settings->mandatory &&
           settings->breaker_failures > 0;
}

int path_explain(const struct path_question *question, void (*line)(const char *text, void *arg), void *arg)
{
    const struct number_settings *row = settings_number(question->settings, question->number);
    char text[PATH_LINE_TEXT];
    struct path path;
    int error = path_find(&path, question);
    bool unknown = false;

    if (error)
        return error;
    if (row)
        snprintf(text, sizeof text, "%s: number \"%s\" (line %d): %s%s%s%s", question->number, row->pattern,
                 row->line, row->application, *row->argument ? " " : "", row->argument,
                 path.emergency ? "; an emergency number" : "");
    else
        snprintf(text, sizeof text, "%s: in no row of the number plan, taken for a subscriber%s",
                 question->number, path.emergency ? "; an emergency number" : "");
    line(text, arg);
    for (size_t i = 0; i < path.count; i++) {
        explain_link(&path.links[i], question, line, arg);
        unknown = unknown || path_breaker_unknown(&path.links[i], question);
    }
    if (unknown)
        line("(whether a link that is in has failed so often that its breaker is open is for the server to "
             "know: "
             "\"breaker-open\" in its log)",
             arg);
    if (question->callee)
        snprintf(text, sizeof text, "then %zu contact%s of %s", question->callee->binding_count,
                 question->callee->binding_count == 1 ? "" : "s", question->callee->number);
    else if (row && strcmp(row->application, "user") != 0)
        snprintf(text, sizeof text, "then %s%s%s", row->application, *row->argument ? " " : "",
                 row->argument);
    else
        snprintf(text, sizeof text, "then nobody: %s is no subscriber (404)", question->number);
    line(text, arg);
    return 0;
}
