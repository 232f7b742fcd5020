/* Calls that are over, what would become of one, and what another system has left: by the database. */
#include "core/call/path.h"
#include "core/ctl/ctl.h"
#include "core/ladder.h"
#include "storage/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* NULL after a complaint. */
static struct history *history_begin(const struct command *c)
{
    struct history *history = NULL;
    int error = history_open(&history, c->settings);

    if (error != 0) {
        complain("the database cannot be reached: %s", strerror(error));
    }
    return history;
}

/* -- trace ---------------------------------------------------------------------------------------------- */

static enum exit_code trace_one(const struct command *c, struct history *history)
{
    json_t *record = NULL;
    char missing[160];
    int error = history_record(history, c->words[1], &record);

    snprintf(missing, sizeof missing, "no call has the id, Session-ID or Call-ID \"%.80s\"", c->words[1]);
    if (error == 0 && c->json) {
        json_print(record);
    } else if (error == 0) {
        ladder_print(stdout, record);
    }
    json_decref(record);
    return outcome(error, missing);
}

static enum exit_code trace_newest(const struct command *c, struct history *history)
{
    json_t *records = NULL, *record;
    int error = history_newest(history, c->last, &records);
    size_t i;

    if (error == 0 && json_array_size(records) == 0) {
        error = ENOENT;
    }
    if (error == 0 && c->json) {
        json_print(records);
    } else if (error == 0) {
        json_array_foreach(records, i, record)
        {
            if (i > 0) {
                putchar('\n');
            }
            ladder_print(stdout, record);
        }
    }
    json_decref(records);
    return outcome(error, "there are no calls yet");
}

static enum exit_code trace(const struct command *c)
{
    struct history *history = history_begin(c);
    enum exit_code code = TROUBLE;

    if (history != NULL) {
        code = c->newest ? trace_newest(c, history) : trace_one(c, history);
    }
    history_close(history);
    return code;
}

/* "--last 3": the number is a word of its own, as the option may stand alone. */
static bool count_check(struct command *c, unsigned usual)
{
    c->last = c->count == 2 ? (unsigned)strtoul(c->words[1], NULL, 10) : usual;
    return c->count <= 2 && c->last > 0 && c->last <= 1000;
}

static bool trace_check(struct command *c)
{
    return c->newest ? count_check(c, 1) : c->count == 2;
}

/* -- calls ---------------------------------------------------------------------------------------------- */

static int started_text(char *out, size_t size, const json_t *value)
{
    return snprintf(out, size, "%.19s", json_string_value(value) != NULL ? json_string_value(value) : "-");
}

static enum exit_code calls_over(const struct command *c)
{
    static const struct column columns[] = {
        {"call", "id", NULL},          {"started", "started", started_text},
        {"from", "caller", NULL},      {"to", "number", NULL},
        {"status", "status", NULL},    {"talk s", "talk_ms", seconds_text},
        {"ended by", "hung_up", NULL}, {0}};
    struct history *history = history_begin(c);
    json_t *rows = NULL;
    int error;

    if (history == NULL) {
        return TROUBLE;
    }
    error = history_calls(history, c->since_s, c->last, &rows);
    history_close(history);
    if (error == 0 && c->json) {
        json_print(rows);
    } else if (error == 0) {
        table_print(stdout, rows, columns, 0);
    }
    json_decref(rows);
    return outcome(error, "");
}

static enum exit_code calls(const struct command *c)
{
    return c->live ? calls_live(c) : calls_over(c);
}

static bool calls_check(struct command *c)
{
    if (c->live) {
        return c->count == 1 && !c->newest;
    }
    return count_check(c, 100) && (c->newest || c->count == 1) && c->since_s > 0;
}

/* -- explain
 * --------------------------------------------------------------------------------------------------------------
 */

static void line_print(const char *text, void *arg)
{
    (void)arg;
    puts(text);
}

static int explain_json(const struct path_question *question)
{
    json_t *links = json_array(), *whole;
    struct path path;
    char why[PATH_LINE_TEXT];
    int error = path_find(&path, question);

    for (size_t i = 0; error == 0 && i < path.count; i++) {
        const struct link_settings *link = path.links[i].settings;

        path_reason_text(why, sizeof why, &path.links[i], question);
        json_array_append_new(links, json_pack("{s:s, s:s, s:s, s:i, s:b, s:s, s:b}", "link", link->name,
                                               "application", link->application, "region",
                                               region_name(link->region), "order", link->order, "in",
                                               path.links[i].reason == PATH_IN, "why", why, "breaker_unknown",
                                               path_breaker_unknown(&path.links[i], question)));
    }
    whole = json_pack("{s:s, s:s, s:b, s:o}", "from", question->caller_number, "to", question->number,
                      "emergency", error == 0 && path.emergency, "links", links);
    if (error == 0) {
        json_print(whole);
    }
    json_decref(whole);
    return error;
}

/* A number is taken for a subscriber's where the number plan would; who is none is NULL. */
static int subscriber_of(struct history *history, const char *number, struct subscriber *room,
                         const struct subscriber **out)
{
    int error = history_subscriber(history, number, room);

    *out = error == 0 ? room : NULL;
    return error == ENOENT ? 0 : error;
}

/* "2026-12-24 18:00", in this machine's zone. */
static int time_read(const char *text, time_t *out)
{
    struct tm tm = {.tm_isdst = -1};
    char rest;

    if (sscanf(text, "%d-%d-%d%*1[ T]%d:%d%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
               &rest) != 5) {
        return EINVAL;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *out = mktime(&tm);
    return *out == (time_t)-1 ? EINVAL : 0;
}

static enum exit_code explain(const struct command *c)
{
    static struct subscriber caller, callee; /* large */
    const struct number_settings *row = settings_number(c->settings, c->to);
    struct path_question question = {.settings = c->settings,
                                     .caller_number = c->from,
                                     .number = c->to,
                                     .first = true,
                                     .leaves = row != NULL && strcmp(row->application, "peer") == 0,
                                     .when = time(NULL)};
    struct history *history;
    int error = 0;

    if (c->at != NULL && time_read(c->at, &question.when) != 0) {
        complain("--at: \"%s\" is no time such as \"2026-12-24 18:00\"", c->at);
        return USAGE;
    }
    if (c->peer != NULL && settings_peer_named(c->settings, c->peer) == NULL) {
        complain("--peer: %s has no peer \"%s\"", c->file, c->peer);
        return USAGE;
    }
    history = history_begin(c);
    if (history == NULL) {
        return TROUBLE;
    }
    /* Whom a peer names as the caller is no subscriber of ours who has proved it. */
    if (c->peer == NULL) {
        error = subscriber_of(history, c->from, &caller, &question.caller);
    }
    if (error == 0 && (row == NULL || strcmp(row->application, "user") == 0)) {
        error = subscriber_of(history, c->to, &callee, &question.callee);
    }
    if (error == 0) {
        error = c->json ? explain_json(&question) : path_explain(&question, line_print, NULL);
    }
    history_close(history);
    return outcome(error, "");
}

static bool explain_check(struct command *c)
{
    return c->count == 1 && c->from != NULL && c->to != NULL;
}

/* -- import
 * ------------------------------------------------------------------------------------------------------------
 */

static enum exit_code import(const struct command *c)
{
    int error = c->importer(c->settings, &c->import);

    if (error == ENODATA) {
        return NOTHING;
    }
    if (error == ENOENT || error == EACCES || error == EINVAL) {
        complain("there is nothing to import: %s", strerror(error));
        return TROUBLE;
    }
    return outcome(error, "");
}

/* "import asterisk FOLDER --conf FILE", "import freeswitch FOLDER". */
static bool import_check(struct command *c)
{
    if (c->count != 3 || c->json) {
        return false;
    }
    c->import.folder = c->words[2];
    if (strcmp(c->words[1], "asterisk") == 0) {
        c->importer = import_asterisk;
        return c->import.conf != NULL;
    }
    c->importer = import_freeswitch;
    return strcmp(c->words[1], "freeswitch") == 0 && c->import.conf == NULL;
}

const struct verb record_verbs[] = {
    {"trace", trace_check, trace},
    {"calls", calls_check, calls},
    {"explain", explain_check, explain},
    {"import", import_check, import},
    {0},
};
