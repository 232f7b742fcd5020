/* A screen of what a server does, drawn anew each second: plain ANSI, as any terminal has it. */
#include "core/ctl/ctl.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define PERIOD_MS 1000
#define HEAD_ROWS 8
#define ROWS_WITHOUT_TERMINAL 1000

struct view {
    json_t *status, *calls, *rooms;
    double database_up, latency_s;
};

static volatile sig_atomic_t ended;

static void end_catch(int number)
{
    (void)number;
    ended = 1;
}

static double metric_read(const char *text, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ') {
            return strtod(line + length + 1, NULL);
        }
    }
    return 0;
}

static void view_free(struct view *view)
{
    json_decref(view->status);
    json_decref(view->calls);
    json_decref(view->rooms);
    *view = (struct view){0};
}

static enum exit_code view_read(struct view *view, struct client *client)
{
    char *metrics = NULL;
    enum exit_code code = client_ask(client, &view->status, "GET", "/api/v1/status", NULL);

    if (code == DONE) {
        code = client_ask(client, &view->calls, "GET", "/api/v1/calls", NULL);
    }
    if (code == DONE) {
        code = client_ask(client, &view->rooms, "GET", "/api/v1/rooms", NULL);
    }
    if (code == DONE) {
        code = client_read(client, &metrics, "/metrics");
    }
    view->database_up = metric_read(metrics, "confab_database_up");
    view->latency_s = metric_read(metrics, "confab_database_latency_seconds");
    free(metrics);
    return code;
}

static long long figure(const struct view *view, const char *part, const char *key)
{
    const json_t *object = part != NULL ? json_object_get(view->status, part) : view->status;

    return (long long)json_integer_value(json_object_get(object, key));
}

/* In a second, from one view to the next; -1: there is none before. */
static long long rate(const struct view *now, const struct view *before, const char *part, const char *key)
{
    return before->status != NULL ? figure(now, part, key) - figure(before, part, key)
                                  : figure(now, part, key);
}

static void view_print(FILE *to, const struct view *view, const struct view *before, size_t rows)
{
    static const struct column room_columns[] = {{"room", "room", NULL},
                                                 {"name", "name", NULL},
                                                 {"members", "members", NULL},
                                                 {"waiting", "waiting", NULL},
                                                 {"locked", "locked", NULL},
                                                 {"recorded", "recorded", NULL},
                                                 {0}};
    static const struct column call_columns[] = {{"call", "id", NULL},
                                                 {"state", "state", NULL},
                                                 {"from", "caller", NULL},
                                                 {"to", "number", NULL},
                                                 {"where", "application", NULL},
                                                 {"since", "started", moment_text},
                                                 {0}};
    const char *per = before->status != NULL ? "/s" : "";
    const json_t *rooms = json_object_get(view->rooms, "items");
    size_t room_rows = json_array_size(rooms) < rows / 3 ? json_array_size(rooms) : rows / 3;

    fprintf(to, "confab %s%s\n", json_word(view->status, "version"),
            json_is_true(json_object_get(view->status, "draining")) ? "  (takes no new calls)" : "");
    fprintf(to, "calls %lld  legs %lld  rooms %lld  ports %lld  refused %lld\n", figure(view, NULL, "calls"),
            figure(view, NULL, "legs"), figure(view, NULL, "rooms"), figure(view, NULL, "ports"),
            figure(view, NULL, "calls_refused"));
    fprintf(to, "ticks %lld%s, late %lld%s  median %lld us, 99 %% %lld us, longest %lld us\n",
            rate(view, before, "media", "ticks"), per, rate(view, before, "media", "overruns"), per,
            figure(view, "media", "tick_p50_us"), figure(view, "media", "tick_p99_us"),
            figure(view, "media", "tick_most_us"));
    fprintf(to, "packets %lld%s in, %lld%s out\n", rate(view, before, "media", "packets_received"), per,
            rate(view, before, "media", "packets_sent"), per);
    fprintf(to, "database %s, %.1f ms  jobs %lld%s, %lld wait, %lld failed; deposits on disk %lld\n\n",
            view->database_up > 0 ? "up" : "AWAY", view->latency_s * 1000,
            rate(view, before, "storage", "jobs"), per, figure(view, "storage", "waiting"),
            figure(view, "storage", "jobs_failed"), figure(view, "storage", "spooled"));
    if (room_rows > 0) {
        table_print(to, rooms, room_columns, room_rows);
        fputc('\n', to);
        rows -= room_rows + 2;
    }
    table_print(to, json_object_get(view->calls, "items"), call_columns, rows);
}

static enum exit_code top_once(const struct command *c, struct client *client)
{
    struct view view = {0}, none = {0};
    enum exit_code code = view_read(&view, client);

    if (code == DONE && c->json) {
        json_t *whole =
            json_pack("{s:O, s:O, s:O, s:{s:b, s:f}}", "status", view.status, "calls",
                      json_object_get(view.calls, "items"), "rooms", json_object_get(view.rooms, "items"),
                      "database", "up", view.database_up > 0, "latency_s", view.latency_s);

        json_print(whole);
        json_decref(whole);
    } else if (code == DONE) {
        view_print(stdout, &view, &none, ROWS_WITHOUT_TERMINAL);
    }
    view_free(&view);
    return code;
}

/* At least one row of each table. */
static size_t rows_free(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < HEAD_ROWS + 6) {
        return 6;
    }
    return size.ws_row - HEAD_ROWS;
}

/* Lines end at the screen's edge (DECAWM off); each is cleared to its end, and so is what is below. */
static void screen_draw(const struct view *view, const struct view *before)
{
    char *text = NULL;
    size_t length;
    FILE *to = open_memstream(&text, &length);

    if (to == NULL) {
        return;
    }
    view_print(to, view, before, rows_free());
    if (fclose(to) == 0) {
        fputs("\033[H", stdout);
        for (const char *c = text; *c != '\0'; c++) {
            if (*c == '\n') {
                fputs("\033[K", stdout);
            }
            putchar(*c);
        }
        fputs("\033[J", stdout);
        fflush(stdout);
    }
    free(text);
}

/* Until the next second is due; true: he wants no more. */
static bool key_wait(void)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    char key = 0;

    if (poll(&keys, 1, PERIOD_MS) <= 0) {
        return ended;
    }
    return read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || ended;
}

static enum exit_code top_live(struct client *client)
{
    struct sigaction action = {.sa_handler = end_catch};
    struct termios old, raw;
    struct view view = {0}, before = {0};
    enum exit_code code = DONE;

    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &old) != 0) {
        complain("top needs a terminal; --once prints one view");
        return USAGE;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    raw = old;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    fputs("\033[?1049h\033[?25l\033[?7l", stdout); /* another screen, no cursor, no wrapping */
    do {
        view_free(&before);
        before = view;
        view = (struct view){0};
        code = view_read(&view, client);
        if (code == DONE) {
            screen_draw(&view, &before);
        }
    } while (code == DONE && !key_wait());
    fputs("\033[?7h\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &old);
    view_free(&before);
    view_free(&view);
    return code == DONE ? DONE : view_read(&view, client); /* says again here why, where it stays */
}

static enum exit_code top(const struct command *c)
{
    struct client *client = client_new(c);
    enum exit_code code = TROUBLE;

    if (client != NULL) {
        code = c->once ? top_once(c, client) : top_live(client);
    }
    client_free(client);
    return code;
}

static bool top_check(struct command *c)
{
    return c->count == 1 && (c->once || !c->json);
}

const struct verb top_verbs[] = {{"top", top_check, top}, {0}};
