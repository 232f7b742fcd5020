/*
 * confabctl: shows what a server does and what became of calls, acts on both, and keeps subscribers,
 * mailboxes and tokens. What lies in tables it reads and writes by itself, with and without a confabd beside
 * it; what lives in a server it asks of the HTTP API.
 */
#include "config.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/ctl/ctl.h"

static const struct verb *const verb_tables[] = {record_verbs, live_verbs, top_verbs, table_verbs};

static void help(FILE *to)
{
    fprintf(to, "Usage: confabctl [OPTION]... COMMAND\n"
                "Shows and steers a server, what became of its calls, and who its users are.\n"
                "\n"
                "A server that runs, by its HTTP API:\n"
                "  status                 calls, rooms, media and storage in a few lines\n"
                "  top [--once]           the same with all calls and rooms, each second; q ends it\n"
                "  calls --live           calls that stand\n"
                "  hangup CALL            ends one\n"
                "  dial USER NUMBER       rings the phones of USER, then calls NUMBER\n"
                "  rooms                  rooms in which there is somebody\n"
                "  rooms ROOM ACT         lock, unlock, lecture, discuss, mute-all, unmute-all, record, "
                "pause, stop, end,\n"
                "                         or invite NUMBER\n"
                "  members ROOM           who is in it\n"
                "  members ROOM ACT N     mute, unmute, deaf, undeaf, admit, kick (and minutes of a ban), "
                "move (and a\n"
                "                         room), make-host, make-member; N is the member's number\n"
                "\n");
    fprintf(to,
            "What is in the database, also without a server:\n"
            "  trace CALL             the call as a ladder: SIP messages, and what each link decided. CALL "
            "is its\n"
            "                         id in the log, a Session-ID or a SIP Call-ID\n"
            "  trace --last [N]       the same of the newest call, or the newest N\n"
            "  calls [--since 2h]     calls of the last hours (m, h or d; 1d when not given), at most --last "
            "[N]\n"
            "  explain --from A --to B [--at \"2026-12-24 18:00\"] [--peer NAME]\n"
            "                         the links that a call from A to B would go through, and why others are "
            "out\n"
            "  subscribers            who may register\n"
            "  subscribers add NUMBER [--name NAME] [--mailbox BOX]\n"
            "  subscribers passwd NUMBER, subscribers remove NUMBER\n"
            "  mailboxes, messages BOX\n"
            "  pin BOX                gives a mailbox a new PIN, and ends a lock\n"
            "  tokens                 who may use the HTTP API\n"
            "  tokens add NAME [--role admin|read-only|host|owner] [--subject ROOM-OR-BOX] [--expires 30d]\n"
            "                         prints its secret, this once\n"
            "  tokens remove ID-OR-NAME\n"
            "  db check, db migrate   whether the schema is up to date; brings it up to date\n"
            "  import asterisk SPOOL --conf VOICEMAIL.CONF, import freeswitch FOLDER\n"
            "                         mailboxes, greetings and messages of another system; again brings what "
            "is new.\n"
            "                         --context NAME takes one context or domain, --dry-run writes nothing\n"
            "\n");
    fprintf(to,
            "  -c, --config FILE      confabd's configuration [%s]\n"
            "      --token-file FILE  an administrator's token, instead of http { token_file }\n"
            "      --json             for programs\n"
            "      --version          print the version, and exit\n"
            "      --help             print this, and exit\n"
            "\n"
            "Passwords and PINs are asked for, or read from stdin. A record is there about a second after "
            "the end of\n"
            "its call, a trace for records { trace_keep_days }.\n"
            "Exit status: 0 done; 1 there is nothing of that name, it is so already, or something was not "
            "imported; 2 the\n"
            "command line or a value makes no sense; 3 the configuration, the database or the server cannot "
            "be used.\n",
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

static const struct verb *verb_named(const char *name)
{
    for (size_t t = 0; t < sizeof verb_tables / sizeof verb_tables[0]; t++) {
        for (const struct verb *verb = verb_tables[t]; verb->name != NULL; verb++) {
            if (strcmp(verb->name, name) == 0) {
                return verb;
            }
        }
    }
    return NULL;
}

/* Why, and where more stands: the whole help would push it off the screen. */
static enum exit_code misuse(const char *word)
{
    if (word == NULL) {
        help(stderr);
    } else {
        complain("\"%s\" makes no sense like that; see confabctl --help", word);
    }
    return USAGE;
}

static bool words_take(struct command *c, char **words, int count)
{
    int most = (int)(sizeof c->words / sizeof c->words[0]);

    for (c->count = 0; c->count < count && c->count < most; c->count++) {
        c->words[c->count] = words[c->count];
    }
    return count <= most;
}

static void fault_print(const char *line, void *arg)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static enum exit_code run(struct command *c, const struct verb *verb)
{
    enum exit_code code;

    log_set_level(LEVEL_ERROR);
    if (settings_load(&c->settings, c->file, fault_print, NULL) != 0) {
        complain("%s cannot be used", c->file);
        return TROUBLE;
    }
    code = verb->run(c);
    settings_free(c->settings);
    return code;
}

enum {
    OPTION_JSON = 256,
    OPTION_LAST,
    OPTION_LIVE,
    OPTION_ONCE,
    OPTION_DRY_RUN,
    OPTION_SINCE,
    OPTION_EXPIRES,
    OPTION_VERSION,
    OPTION_HELP,
    OPTION_TEXT /* and the index of its place in the command */
};

/* Those that are text, by their place. */
static const char **text_place(struct command *c, int option)
{
    const char **const places[] = {&c->from,           &c->to,   &c->at,   &c->peer,    &c->import.conf,
                                   &c->import.context, &c->name, &c->role, &c->mailbox, &c->subject,
                                   &c->token_file};

    return places[option - OPTION_TEXT];
}

/* False: it is one that getopt_long() has complained about. */
static bool option_take(struct command *c, int option, const char *value)
{
    switch (option) {
    case 'c':
        c->file = value;
        return true;
    case OPTION_JSON:
        c->json = true;
        return true;
    case OPTION_LAST:
        c->newest = true;
        return true;
    case OPTION_LIVE:
        c->live = true;
        return true;
    case OPTION_ONCE:
        c->once = true;
        return true;
    case OPTION_DRY_RUN:
        c->import.dry = true;
        return true;
    case OPTION_SINCE:
        c->since_s = duration_read(value);
        return true;
    case OPTION_EXPIRES:
        c->expires_s = duration_read(value);
        return c->expires_s > 0;
    default:
        if (option < OPTION_TEXT) {
            return false;
        }
        *text_place(c, option) = value;
        return true;
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, OPTION_JSON},
        {"last", no_argument, NULL, OPTION_LAST},
        {"live", no_argument, NULL, OPTION_LIVE},
        {"once", no_argument, NULL, OPTION_ONCE},
        {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
        {"since", required_argument, NULL, OPTION_SINCE},
        {"expires", required_argument, NULL, OPTION_EXPIRES},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, OPTION_HELP},
        {"from", required_argument, NULL, OPTION_TEXT},
        {"to", required_argument, NULL, OPTION_TEXT + 1},
        {"at", required_argument, NULL, OPTION_TEXT + 2},
        {"peer", required_argument, NULL, OPTION_TEXT + 3},
        {"conf", required_argument, NULL, OPTION_TEXT + 4},
        {"context", required_argument, NULL, OPTION_TEXT + 5},
        {"name", required_argument, NULL, OPTION_TEXT + 6},
        {"role", required_argument, NULL, OPTION_TEXT + 7},
        {"mailbox", required_argument, NULL, OPTION_TEXT + 8},
        {"subject", required_argument, NULL, OPTION_TEXT + 9},
        {"token-file", required_argument, NULL, OPTION_TEXT + 10},
        {NULL, 0, NULL, 0},
    };
    struct command c = {.file = CONFIG_FILE, .since_s = 86400};
    const struct verb *verb;

    for (int option; (option = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
        if (option == OPTION_VERSION) {
            printf("confabctl %s\n", PACKAGE_VERSION);
            return DONE;
        }
        if (option == OPTION_HELP) {
            help(stdout);
            return DONE;
        }
        if (!option_take(&c, option, optarg)) {
            return misuse(option == OPTION_EXPIRES ? "--expires" : NULL);
        }
    }
    if (optind == argc) {
        return misuse(NULL);
    }
    verb = verb_named(argv[optind]);
    if (verb == NULL || !words_take(&c, argv + optind, argc - optind) || !verb->check(&c)) {
        return misuse(argv[optind]);
    }
    return run(&c, verb);
}
