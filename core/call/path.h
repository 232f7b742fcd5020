/*
 * The service path as a computation: which links a call is led through, in which order, and why each is in or
 * out. The server builds its calls' paths by it, and `confabctl explain` shows them without a call.
 *
 * Ownership: values; what they point to is the settings' and the subscribers' and must outlive them. Threads:
 * any. Failure: ENOSPC when there are more links than PATH_LINKS_MAX.
 */
#ifndef CONFAB_CALL_PATH_H
#define CONFAB_CALL_PATH_H

#include "core/base/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct subscriber;

#define PATH_LINKS_MAX 128
#define PATH_LINE_TEXT 320

/* Why a link is in (PATH_IN) or out, by the first guard that says no, in this order. */
enum path_reason {
    PATH_IN,
    PATH_NO_APPLICATION, /* this build has no application of that name */
    PATH_EMERGENCY,      /* an emergency number, and the link is not mandatory */
    PATH_NOBODY,         /* an originating or terminating link, and nobody whom it would serve */
    PATH_NO_SERVICE,     /* the served user has none of its services switched on */
    PATH_CALLER,         /* the calling number fits no pattern of `callers` */
    PATH_NUMBER,         /* the dialled number fits no pattern of `numbers` */
    PATH_TIME,           /* `when` does not fit */
    PATH_BREAKER,        /* it has failed too often of late */
};

/* What is asked. */
struct path_question {
    const struct settings *settings;
    const struct subscriber
        *caller; /* whom the originating region serves: the caller, or who diverted the call; or NULL */
    const struct subscriber *callee; /* whom the terminating region serves; or NULL */
    const char *caller_number;       /* "" when unknown */
    const char *number;              /* as dialled */
    bool first;  /* the call's first route, no retarget: neutral links are in these only */
    bool leaves; /* by a peer: egress links are in these only */
    time_t when;
    /* Whether there is an application of that name; NULL: every name is believed. URLs are "isc" and "http".
     */
    bool (*exists)(const char *application);
    /* Whether the breaker of the link with that name keeps it out now; NULL: none does. */
    bool (*is_open)(const struct link_settings *link, void *arg);
    void *arg;
};

struct path_link {
    const struct link_settings *settings;
    const struct subscriber *served; /* NULL in the neutral and egress regions */
    enum path_reason reason;
};

/* Every link of the regions that the call goes through, those that are out, too, in the order of the path. */
struct path {
    struct path_link links[PATH_LINKS_MAX];
    size_t count;
    bool emergency;
};
__attribute__((warn_unused_result)) int path_find(struct path *out, const struct path_question *question);

/* "no service block allow of 1002", for people. */
void path_reason_text(char *out, size_t size, const struct path_link *link,
                      const struct path_question *question);

/* Whether the link may be out all the same, for nobody could be asked about its breaker. */
bool path_breaker_unknown(const struct path_link *link, const struct path_question *question);

/* The application that a link's `application` stands for: its own name, or "isc" or "http" for a URL. */
const char *path_application(const char *application);

/*
 * The path in lines of text, one a link ("in   terminating  150  voicemail   for 1002") after a heading that
 * names the row of the number plan and before one that names the target. Errors as path_find().
 */
__attribute__((warn_unused_result)) int path_explain(const struct path_question *question,
                                                     void (*line)(const char *text, void *arg), void *arg);

#endif
