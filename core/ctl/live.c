/* What a server does that runs: by its HTTP API, and so only while it runs. */
#include "core/ctl/ctl.h"

#include <stdlib.h>
#include <string.h>

#define PATH_TEXT 512

/* A number as it stands in a command; 0: it is none. */
static unsigned number_of(const char *text)
{
    size_t length = strlen(text);

    return length < 10 && strspn(text, "0123456789") == length ? (unsigned)strtoul(text, NULL, 10) : 0;
}

/* One question; as JSON, or told by `show`. */
static enum exit_code ask_and_show(const struct command *c, const char *before, const char *name,
                                   const char *after, void (*show)(const json_t *answer))
{
    struct client *client = client_new(c);
    enum exit_code code = TROUBLE;
    json_t *answer = NULL;
    char path[PATH_TEXT];

    if (client != NULL) {
        client_path(client, path, sizeof path, before, name, after);
        code = client_ask(client, &answer, "GET", path, NULL);
    }
    if (code == DONE && c->json) {
        const json_t *items = json_object_get(answer, "items");

        json_print(items != NULL ? items : answer);
    } else if (code == DONE) {
        show(answer);
    }
    json_decref(answer);
    client_free(client);
    return code;
}

/* One deed; what it made is shown as JSON where that is wanted. */
static enum exit_code ask_and_do(const struct command *c, const char *method, const char *before,
                                 const char *name, const char *after, json_t *body)
{
    struct client *client = client_new(c);
    enum exit_code code = TROUBLE;
    json_t *answer = NULL;
    char path[PATH_TEXT];

    if (client != NULL) {
        client_path(client, path, sizeof path, before, name, after);
        code = client_ask(client, &answer, method, path, json_incref(body));
    }
    if (code == DONE && c->json) {
        json_t *empty = json_object();

        json_print(answer != NULL ? answer : empty);
        json_decref(empty);
    } else if (code == DONE && *json_word(answer, "id") != '\0') {
        puts(json_word(answer, "id"));
    }
    json_decref(answer);
    json_decref(body);
    client_free(client);
    return code;
}

/* -- status --------------------------------------------------------------------------------------------- */

static json_int_t figure(const json_t *answer, const char *part, const char *key)
{
    return json_integer_value(json_object_get(part != NULL ? json_object_get(answer, part) : answer, key));
}

static void status_show(const json_t *answer)
{
    char started[32];

    (void)moment_text(started, sizeof started, json_object_get(answer, "started"));
    printf("confab %s, since %s%s\n", json_word(answer, "version"), started,
           json_is_true(json_object_get(answer, "draining")) ? ", takes no new calls: it is being stopped"
                                                             : "");
    printf("calls    %lld (%lld since the start, %lld refused), %lld legs, %lld ports\n",
           (long long)figure(answer, NULL, "calls"), (long long)figure(answer, NULL, "calls_total"),
           (long long)figure(answer, NULL, "calls_refused"), (long long)figure(answer, NULL, "legs"),
           (long long)figure(answer, NULL, "ports"));
    printf("rooms    %lld\nwatchers %lld by SIP, %lld by HTTP\n", (long long)figure(answer, NULL, "rooms"),
           (long long)figure(answer, NULL, "subscriptions"), (long long)figure(answer, NULL, "listeners"));
    printf(
        "media    tick %lld us (median), %lld us (99 %%), %lld us (longest); %lld of %lld late; "
        "%lld packets in, %lld out\n",
        (long long)figure(answer, "media", "tick_p50_us"), (long long)figure(answer, "media", "tick_p99_us"),
        (long long)figure(answer, "media", "tick_most_us"), (long long)figure(answer, "media", "overruns"),
        (long long)figure(answer, "media", "ticks"), (long long)figure(answer, "media", "packets_received"),
        (long long)figure(answer, "media", "packets_sent"));
    printf("storage  %lld jobs, %lld failed, %lld wait; %lld deposits on disk; %lld reconnects\n",
           (long long)figure(answer, "storage", "jobs"), (long long)figure(answer, "storage", "jobs_failed"),
           (long long)figure(answer, "storage", "waiting"), (long long)figure(answer, "storage", "spooled"),
           (long long)figure(answer, "storage", "reconnects"));
}

static enum exit_code status(const struct command *c)
{
    return ask_and_show(c, "status", "", "", status_show);
}

static bool alone_check(struct command *c)
{
    return c->count == 1;
}

/* -- calls ---------------------------------------------------------------------------------------------- */

static void calls_show(const json_t *answer)
{
    static const struct column columns[] = {{"call", "id", NULL},
                                            {"state", "state", NULL},
                                            {"from", "caller", NULL},
                                            {"to", "number", NULL},
                                            {"where", "application", NULL},
                                            {"legs", "legs", NULL},
                                            {"since", "started", moment_text},
                                            {0}};

    table_print(stdout, json_object_get(answer, "items"), columns, 0);
}

enum exit_code calls_live(const struct command *c)
{
    return ask_and_show(c, "calls", "", "", calls_show);
}

static enum exit_code hangup(const struct command *c)
{
    return ask_and_do(c, "DELETE", "calls/", c->words[1], "", NULL);
}

static bool hangup_check(struct command *c)
{
    return c->count == 2;
}

static enum exit_code dial(const struct command *c)
{
    return ask_and_do(c, "POST", "calls", "", "",
                      json_pack("{s:s, s:s}", "user", c->words[1], "number", c->words[2]));
}

static bool dial_check(struct command *c)
{
    return c->count == 3;
}

/* -- rooms ---------------------------------------------------------------------------------------------- */

static void rooms_show(const json_t *answer)
{
    static const struct column columns[] = {
        {"room", "room", NULL},         {"name", "name", NULL},          {"members", "members", NULL},
        {"waiting", "waiting", NULL},   {"hosts", "hosts", NULL},        {"locked", "locked", NULL},
        {"recorded", "recorded", NULL}, {"since", "began", moment_text}, {0}};

    table_print(stdout, json_object_get(answer, "items"), columns, 0);
}

/* Short words for the longer ones of room menus. */
static const char *act_of(const char *word)
{
    static const char *const short_words[][2] = {{"pause", "pause-recording"}, {"stop", "stop-recording"}};

    for (size_t i = 0; i < sizeof short_words / sizeof short_words[0]; i++) {
        if (strcmp(short_words[i][0], word) == 0) {
            return short_words[i][1];
        }
    }
    return word;
}

static enum exit_code rooms(const struct command *c)
{
    if (c->count == 1) {
        return ask_and_show(c, "rooms", "", "", rooms_show);
    }
    return ask_and_do(
        c, "POST", "rooms/", c->words[1], "/acts",
        json_pack("{s:s, s:s}", "act", act_of(c->words[2]), "text", c->words[3] != NULL ? c->words[3] : ""));
}

/* "rooms", "rooms ROOM ACT", "rooms ROOM invite NUMBER". */
static bool rooms_check(struct command *c)
{
    return c->count == 1 || c->count == 3 || c->count == 4;
}

static void members_show(const json_t *answer)
{
    static const struct column columns[] = {{"member", "member", NULL},       {"caller", "caller", NULL},
                                            {"name", "name", NULL},           {"role", "role", NULL},
                                            {"seat", "seat", NULL},           {"muted", "muted", NULL},
                                            {"talks", "talks", NULL},         {"hand", "hand", NULL},
                                            {"since", "joined", moment_text}, {0}};

    table_print(stdout, json_object_get(answer, "items"), columns, 0);
}

/* What follows is a number for most acts (minutes of a ban, decibels), a room for a move. */
static enum exit_code members(const struct command *c)
{
    json_t *body;
    char *end;
    long value;

    if (c->count == 2) {
        return ask_and_show(c, "rooms/", c->words[1], "/members", members_show);
    }
    body = json_pack("{s:s, s:i}", "act", c->words[2], "member", (int)number_of(c->words[3]));
    if (c->words[4] != NULL) {
        value = strtol(c->words[4], &end, 10);
        json_object_set_new(body, "text", json_string(c->words[4]));
        if (*end == '\0' && value >= -100000 && value <= 100000 && strcmp(c->words[2], "move") != 0) {
            json_object_set_new(body, "value", json_integer(value));
        }
    }
    return ask_and_do(c, "POST", "rooms/", c->words[1], "/acts", body);
}

/* "members ROOM", "members ROOM mute 2", "members ROOM kick 2 10". */
static bool members_check(struct command *c)
{
    return c->count == 2 || (c->count >= 4 && number_of(c->words[3]) > 0);
}

const struct verb live_verbs[] = {
    {"status", alone_check, status},  {"rooms", rooms_check, rooms}, {"members", members_check, members},
    {"hangup", hangup_check, hangup}, {"dial", dial_check, dial},    {0},
};
