/*
 * confabctl: shows what became of calls, and what would become of one, and brings in what another voicemail
 * system has kept. It reads confab.conf and the database itself, so it works with and without a confabd
 * beside it.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/settings.h"
#include "core/call/path.h"
#include "core/import.h"
#include "core/ladder.h"
#include "storage/history.h"

enum exit_code { DONE, NOTHING, USAGE, TROUBLE };

struct command {
    const char *file, *name, *call, *from, *to, *at, *peer;
    unsigned last;    /* --last; 0: not given */
    unsigned since_s; /* --since */
    bool json, newest;
    struct import_order import;
    int (*importer)(const struct settings *settings, const struct import_order *order);
    const struct settings *settings;
    struct history *history;
};

static void complain(const char *line, void *arg)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static void json_print(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}

/* What a question to the database came to. */
static enum exit_code outcome(int error, const char *missing)
{
    if (error == ENOENT) {
        fprintf(stderr, "confabctl: %s\n", missing);
        return NOTHING;
    }
    if (error != 0) {
        fprintf(stderr, "confabctl: the database does not answer as it should: %s\n", strerror(error));
        return TROUBLE;
    }
    return DONE;
}

/* -- trace, calls
 * -------------------------------------------------------------------------------------------------------- */

static enum exit_code trace_one(const struct command *c)
{
    json_t *record = NULL;
    char missing[160];
    int error = history_record(c->history, c->call, &record);

    snprintf(missing, sizeof missing, "no call has the id, Session-ID or Call-ID \"%.80s\"", c->call);
    if (error == 0 && c->json) {
        json_print(record);
    } else if (error == 0) {
        ladder_print(stdout, record);
    }
    json_decref(record);
    return outcome(error, missing);
}

static enum exit_code trace_newest(const struct command *c)
{
    json_t *records = NULL, *record;
    int error = history_newest(c->history, c->last, &records);
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
    return c->newest ? trace_newest(c) : trace_one(c);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static enum exit_code calls(const struct command *c)
{
    json_t *rows = NULL, *row;
    int error = history_calls(c->history, c->since_s, c->last, &rows);
    size_t i;

    if (error == 0 && c->json) {
        json_print(rows);
    } else if (error == 0) {
        printf("%-16s  %-19s  %-15s  %-15s  %-6s  %8s  %s\n", "call", "started", "from", "to", "status",
               "talk s", "ended by");
        json_array_foreach(rows, i, row)
        {
            printf("%-16s  %-19.19s  %-15s  %-15s  %-6d  %8.1f  %s\n", text_of(row, "id"),
                   text_of(row, "started"), text_of(row, "caller"), text_of(row, "number"),
                   (int)json_integer_value(json_object_get(row, "status")),
                   (double)json_integer_value(json_object_get(row, "talk_ms")) / 1000,
                   text_of(row, "hung_up"));
        }
    }
    json_decref(rows);
    return outcome(error, "");
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
static int subscriber_of(const struct command *c, const char *number, struct subscriber *room,
                         const struct subscriber **out)
{
    int error = history_subscriber(c->history, number, room);

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
    int error = 0;

    if (c->at != NULL && time_read(c->at, &question.when) != 0) {
        fprintf(stderr, "confabctl: --at: \"%s\" is no time such as \"2026-12-24 18:00\"\n", c->at);
        return USAGE;
    }
    if (c->peer != NULL && settings_peer_named(c->settings, c->peer) == NULL) {
        fprintf(stderr, "confabctl: --peer: %s has no peer \"%s\"\n", c->file, c->peer);
        return USAGE;
    }
    /* Whom a peer names as the caller is no subscriber of ours who has proved it. */
    if (c->peer == NULL) {
        error = subscriber_of(c, c->from, &caller, &question.caller);
    }
    if (error == 0 && (row == NULL || strcmp(row->application, "user") == 0)) {
        error = subscriber_of(c, c->to, &callee, &question.callee);
    }
    if (error == 0) {
        error = c->json ? explain_json(&question) : path_explain(&question, line_print, NULL);
    }
    return outcome(error, "");
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
        fprintf(stderr, "confabctl: there is nothing to import: %s\n", strerror(error));
        return TROUBLE;
    }
    return outcome(error, "");
}

/* "import asterisk FOLDER --conf FILE", "import freeswitch FOLDER". */
static bool import_check(struct command *c, char **words, int count)
{
    if (count != 3 || c->json) {
        return false;
    }
    c->import.folder = words[2];
    if (strcmp(words[1], "asterisk") == 0) {
        c->importer = import_asterisk;
        return c->import.conf != NULL;
    }
    c->importer = import_freeswitch;
    return strcmp(words[1], "freeswitch") == 0 && c->import.conf == NULL;
}

/* -- command line
 * -------------------------------------------------------------------------------------------------------- */

static void help(FILE *to)
{
    fprintf(
        to,
        "Usage: confabctl [OPTION]... COMMAND\n"
        "Shows what became of calls, and what would become of one; brings in voicemail of other systems.\n"
        "\n"
        "  trace CALL             the call as a ladder: SIP messages, and what each link decided. CALL "
        "is its id\n"
        "                         in the log, a Session-ID or a SIP Call-ID\n"
        "  trace --last [N]       the same of the newest call, or the newest N\n"
        "  calls [--since 2h]     calls of the last hours (m, h or d; 1d when not given), at most --last "
        "[N]\n"
        "  explain --from A --to B [--at \"2026-12-24 18:00\"] [--peer NAME]\n"
        "                         the links that a call from A to B would go through, and why others are "
        "out\n"
        "  import asterisk SPOOL --conf VOICEMAIL.CONF\n"
        "  import freeswitch FOLDER\n"
        "                         mailboxes, greetings and messages of another system; again brings what is "
        "new.\n"
        "                         --context NAME takes one context or domain, --dry-run writes nothing\n"
        "\n"
        "  -c, --config FILE      confabd's configuration [%s]\n"
        "      --json             for programs\n"
        "      --version          print the version, and exit\n"
        "      --help             print this, and exit\n"
        "\n"
        "A record is there about a second after the end of its call, a trace for records { "
        "trace_keep_days }.\n"
        "Exit status: 0 done; 1 there is no such call, or something was not imported; 2 the command line "
        "makes no sense; 3 the\n"
        "configuration or the database cannot be read.\n",
        CONFIG_FILE);
}

/* "90m" → seconds; 0: it makes no sense. */
static unsigned duration_read(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    unsigned unit = *end == '\0' || strcmp(end, "s") == 0 ? 1
                    : strcmp(end, "m") == 0               ? 60
                    : strcmp(end, "h") == 0               ? 3600
                    : strcmp(end, "d") == 0               ? 86400
                                                          : 0;

    return end == text || number > 100000000 / (unit > 0 ? unit : 1) ? 0 : (unsigned)number * unit;
}

/* The command's words make sense together. */
static bool command_check(struct command *c, char **words, int count)
{
    c->name = count > 0 ? words[0] : "";
    if (strcmp(c->name, "trace") == 0) {
        /* "--last 3": the number is a word of its own, as the option may stand alone. */
        const char *word = count > 1 ? words[1] : NULL;

        if (c->newest && word != NULL) {
            c->last = (unsigned)strtoul(word, NULL, 10);
        } else {
            c->call = word;
            c->last = 1;
        }
        return count <= 2 && c->last > 0 && c->last <= 1000 && (c->newest || c->call != NULL);
    }
    if (strcmp(c->name, "calls") == 0) {
        c->last = c->newest && count == 2 ? (unsigned)strtoul(words[1], NULL, 10) : 100;
        return c->last > 0 && c->since_s > 0 && count <= (c->newest ? 2 : 1);
    }
    if (strcmp(c->name, "import") == 0) {
        return import_check(c, words, count);
    }
    return strcmp(c->name, "explain") == 0 && count == 1 && c->from != NULL && c->to != NULL;
}

static enum exit_code run(struct command *c)
{
    enum exit_code code = TROUBLE;
    int error;

    log_set_level(LEVEL_ERROR);
    if (settings_load(&c->settings, c->file, complain, NULL) != 0) {
        fprintf(stderr, "confabctl: %s cannot be used\n", c->file);
        return TROUBLE;
    }
    if (c->importer != NULL) {
        code = import(c);
        settings_free(c->settings);
        return code;
    }
    error = history_open(&c->history, c->settings);
    if (error != 0) {
        fprintf(stderr, "confabctl: the database cannot be reached: %s\n", strerror(error));
    } else {
        code = strcmp(c->name, "trace") == 0   ? trace(c)
               : strcmp(c->name, "calls") == 0 ? calls(c)
                                               : explain(c);
    }
    history_close(c->history);
    settings_free(c->settings);
    return code;
}

int main(int argc, char **argv)
{
    enum {
        OPTION_JSON = 256,
        OPTION_LAST,
        OPTION_SINCE,
        OPTION_FROM,
        OPTION_TO,
        OPTION_AT,
        OPTION_PEER,
        OPTION_CONF,
        OPTION_CONTEXT,
        OPTION_DRY_RUN,
        OPTION_VERSION,
        OPTION_HELP
    };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},       {"json", no_argument, NULL, OPTION_JSON},
        {"last", no_argument, NULL, OPTION_LAST},       {"since", required_argument, NULL, OPTION_SINCE},
        {"from", required_argument, NULL, OPTION_FROM}, {"to", required_argument, NULL, OPTION_TO},
        {"at", required_argument, NULL, OPTION_AT},     {"peer", required_argument, NULL, OPTION_PEER},
        {"conf", required_argument, NULL, OPTION_CONF}, {"context", required_argument, NULL, OPTION_CONTEXT},
        {"dry-run", no_argument, NULL, OPTION_DRY_RUN}, {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, OPTION_HELP},       {NULL, 0, NULL, 0},
    };
    struct command c = {.file = CONFIG_FILE, .since_s = 86400};

    for (int option; (option = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            c.file = optarg;
            break;
        case OPTION_JSON:
            c.json = true;
            break;
        case OPTION_LAST:
            c.newest = true;
            break;
        case OPTION_SINCE:
            c.since_s = duration_read(optarg);
            break;
        case OPTION_FROM:
            c.from = optarg;
            break;
        case OPTION_TO:
            c.to = optarg;
            break;
        case OPTION_AT:
            c.at = optarg;
            break;
        case OPTION_PEER:
            c.peer = optarg;
            break;
        case OPTION_CONF:
            c.import.conf = optarg;
            break;
        case OPTION_CONTEXT:
            c.import.context = optarg;
            break;
        case OPTION_DRY_RUN:
            c.import.dry = true;
            break;
        case OPTION_VERSION:
            printf("confabctl %s\n", PACKAGE_VERSION);
            return DONE;
        case OPTION_HELP:
            help(stdout);
            return DONE;
        default:
            help(stderr);
            return USAGE;
        }
    }
    if (!command_check(&c, argv + optind, argc - optind)) {
        help(stderr);
        return USAGE;
    }
    return run(&c);
}
