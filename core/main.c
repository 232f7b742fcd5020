/*
 * confabd: reads the command line and the configuration, starts the server, and turns signals into reload,
 * figures in the log, drain and stop.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/base/settings.h"
#include "core/call/app.h"
#include "core/call/path.h"
#include "core/call/server.h"
#include "core/control/control.h"
#include "storage/storage.h"

/* How long calls may go on after the first SIGTERM; systemd's TimeoutStopSec in confabd.service is above it.
 */
#define DRAIN_S 30

enum action { SERVE, CHECK, MIGRATE };

struct daemon {
    const char *file;
    struct loop *loop;
    struct server *server;
    struct control *control; /* NULL: it is switched off */
    int signals;             /* signalfd */
    bool draining;
    uint32_t watchdog_ms; /* between pings; 0: systemd wants none */
    struct timer *watchdog;
};

/* -- Configuration
 * ------------------------------------------------------------------------------------------------- */

static void complain_on_stderr(const char *line, void *arg)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static void complain_in_log(const char *line, void *arg)
{
    (void)arg;
    log_event(LEVEL_ERROR, "main", NULL, "configuration fault=\"%s\"", line);
}

static bool application_exists(const char *name)
{
    for (const struct app *const *app = applications; *app != NULL; app++) {
        if (strcmp((*app)->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Those that the file names; a built-in link without its application is left out of the path. */
static int links_check(const struct settings *settings, const char *file,
                       void (*complain)(const char *line, void *arg))
{
    int error = 0;
    for (size_t i = 0; i < settings->link_count; i++) {
        const struct link_settings *link = &settings->links[i];
        const char *application = path_application(link->application);
        const char *missing = link->line > 0 && !application_exists(application)              ? application
                              : link->fallback != NULL && !application_exists(link->fallback) ? link->fallback
                                                                                              : NULL;
        if (missing != NULL) {
            char line[512];
            snprintf(line, sizeof line, "%s:%d: link \"%s\": there is no application \"%s\"", file,
                     link->line, link->name, missing);
            complain(line, NULL);
            error = EINVAL;
        }
    }
    return error;
}

struct judged {
    const char *file;
    void (*complain)(const char *line, void *arg);
    int error;
};

static void application_complained(int line, const char *what, void *arg)
{
    struct judged *judged = arg;
    char text[512];
    snprintf(text, sizeof text, "%s:%d: %s", judged->file, line, what);
    judged->complain(text, NULL);
    judged->error = EINVAL;
}

/* Of what an application alone knows. */
static int applications_judge(const struct settings *settings, const char *file,
                              void (*complain)(const char *line, void *arg))
{
    struct judged judged = {file, complain, 0};
    for (const struct app *const *app = applications; *app != NULL; app++) {
        if ((*app)->judge != NULL) {
            (*app)->judge(settings, application_complained, &judged);
        }
    }
    return judged.error;
}

/* settings_load(), and what core/base cannot know: which applications there are. */
static int configuration_read(const struct settings **out, const char *file,
                              void (*complain)(const char *line, void *arg))
{
    const struct settings *settings;
    int error = settings_load(&settings, file, complain, NULL);
    if (error != 0) {
        return error;
    }
    for (size_t i = 0; i < settings->number_count; i++) {
        const struct number_settings *row = &settings->numbers[i];
        bool known = strcmp(row->application, "user") == 0 || strcmp(row->application, "peer") == 0 ||
                     application_exists(row->application);
        if (!known) {
            char line[512];
            snprintf(line, sizeof line, "%s:%d: number \"%s\": there is no application \"%s\"", file,
                     row->line, row->pattern, row->application);
            complain(line, NULL);
            error = EINVAL;
        }
    }
    if (error == 0) {
        error = links_check(settings, file, complain);
    }
    if (error == 0) {
        error = applications_judge(settings, file, complain);
    }
    if (error != 0) {
        settings_free(settings);
        return error;
    }
    *out = settings;
    return 0;
}

static void reload(struct daemon *d)
{
    const struct settings *settings;
    /* sd_notify(3): the manager wants to know when the reload began, to tell it from an older one. */
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_now_us());
    int error = configuration_read(&settings, d->file, complain_in_log);
    if (error == 0) {
        log_set_level((enum log_level)settings->log_level);
        server_reload(d->server, settings);
        control_reload(d->control, settings);
        settings_free(settings);
        log_event(LEVEL_NOTICE, "main", NULL, "reloaded file=%s", d->file);
    } else {
        log_event(LEVEL_ERROR, "main", NULL, "reload_refused file=%s error=\"%s\" kept=old", d->file,
                  strerror(error));
    }
    sd_notify(0, "READY=1");
}

/* -- Signals
 * ------------------------------------------------------------------------------------------------------- */

static void drained(void *arg)
{
    struct daemon *d = arg;
    loop_stop(d->loop);
}

static void signal_came(void *arg)
{
    struct daemon *d = arg;
    struct signalfd_siginfo info;
    while (read(d->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            reload(d);
        } else if (info.ssi_signo == SIGUSR1) {
            server_log_media(d->server);
            server_log_stats(d->server);
            storage_log_stats(server_storage(d->server));
        } else if (!d->draining) {
            d->draining = true;
            sd_notify(0, "STOPPING=1");
            log_event(LEVEL_NOTICE, "main", NULL, "draining seconds=%d", DRAIN_S);
            control_drain(d->control);
            server_drain(d->server, DRAIN_S, drained, d);
        } else {
            log_event(LEVEL_NOTICE, "main", NULL, "stopping calls=hung_up");
            loop_stop(d->loop);
        }
    }
}

/* Before any thread is made, so that all of them have the signals blocked and only the descriptor hears them.
 */
static int signals_take(struct daemon *d)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
        return errno;
    }
    d->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return d->signals < 0 ? errno : 0;
}

/* -- Serving
 * ------------------------------------------------------------------------------------------------------- */

/* The ping comes from the signalling thread's own loop: if that hangs, systemd restarts us. */
static void watchdog_ping(void *arg)
{
    struct daemon *d = arg;
    sd_notify(0, "WATCHDOG=1");
    if (timer_start(d->loop, &d->watchdog, d->watchdog_ms, watchdog_ping, d) != 0) {
        log_event(LEVEL_ERROR, "main", NULL, "watchdog_lost");
    }
}

static void watchdog_begin(struct daemon *d)
{
    uint64_t us = 0;
    if (sd_watchdog_enabled(0, &us) > 0) {
        d->watchdog_ms = (uint32_t)(us / 2000); /* half of the interval */
        watchdog_ping(d);
    }
}

/* Every port of a call needs two descriptors: take as many as the administrator lets us have. */
static void descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The allocator gives memory back as soon as the heap's end is free, and takes it again for the next call:
 * each page of it costs a fault and is cleared anew. What a busy second needs stays ours instead; once these
 * are set, the allocator does not move them by itself any more (mallopt(3)). */
static void heap_prepare(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, 32 * 1024 * 1024);
    (void)mallopt(M_TOP_PAD, 1024 * 1024);
    (void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
}

static int serve(const char *file)
{
    struct daemon d = {.file = file, .signals = -1};
    const struct settings *settings = NULL;

    heap_prepare();
    int error = configuration_read(&settings, file, complain_on_stderr);
    if (error != 0) {
        return error;
    }
    log_set_level((enum log_level)settings->log_level);
    log_event(LEVEL_NOTICE, "main", NULL, "starting version=%s file=%s", PACKAGE_VERSION, file);
    descriptors_raise();
    error = signals_take(&d);
    if (error == 0) {
        error = loop_new(&d.loop);
    }
    if (error == 0) {
        error = loop_watch(d.loop, d.signals, signal_came, &d);
    }
    if (error == 0) {
        error = server_start(&d.server, d.loop, settings);
    }
    if (error == 0) {
        error = control_start(&d.control, d.server, d.loop, settings);
        if (error != 0) {
            server_stop(d.server);
        }
    }
    if (error != 0) {
        log_event(LEVEL_ERROR, "main", NULL, "start_failed error=\"%s\"", strerror(error));
        goto out;
    }
    (void)malloc_trim(0); /* reading the prompts took much that nobody needs any more */
    watchdog_begin(&d);
    sd_notify(0, "READY=1");
    log_event(LEVEL_NOTICE, "main", NULL, "ready");

    loop_run(d.loop);

    timer_stop(&d.watchdog);
    control_stop(d.control);
    server_stop(d.server);
    log_event(LEVEL_NOTICE, "main", NULL, "stopped");
out:
    loop_free(d.loop);
    if (d.signals >= 0) {
        close(d.signals);
    }
    settings_free(settings);
    return error;
}

static int check(const char *file)
{
    const struct settings *settings;
    int error = configuration_read(&settings, file, complain_on_stderr);
    if (error == 0) {
        printf("%s: no faults\n", file);
        settings_free(settings);
    }
    return error;
}

static int migrate(const char *file)
{
    const struct settings *settings;
    int error = configuration_read(&settings, file, complain_on_stderr);
    if (error == 0) {
        log_set_level((enum log_level)settings->log_level);
        error = storage_migrate(settings);
        settings_free(settings);
    }
    return error;
}

/* -- Command line
 * -------------------------------------------------------------------------------------------------- */

static void help(FILE *to)
{
    fprintf(to,
            "Usage: confabd [OPTION]...\n"
            "The confab SIP application server, in the foreground; it logs to standard error.\n"
            "\n"
            "  -c, --config FILE  configuration [%s]\n"
            "      --check        report every fault of the configuration by file and line, and exit\n"
            "      --migrate      bring the database's schema up to date, and exit\n"
            "      --version      print the version, and exit\n"
            "      --help         print this, and exit\n"
            "\n"
            "SIGHUP reads the configuration again, for new calls. SIGUSR1 logs what calls, dialogs and\n"
            "transactions there are, and how long the media workers' ticks took since it last did. SIGTERM "
            "and SIGINT take no new calls and wait up to %d seconds\n"
            "for those that stand; a second one ends them at once.\n",
            CONFIG_FILE, DRAIN_S);
}

int main(int argc, char **argv)
{
    enum { OPTION_CHECK = 256, OPTION_MIGRATE, OPTION_VERSION, OPTION_HELP };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},       {"check", no_argument, NULL, OPTION_CHECK},
        {"migrate", no_argument, NULL, OPTION_MIGRATE}, {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, OPTION_HELP},       {NULL, 0, NULL, 0},
    };
    const char *file = CONFIG_FILE;
    enum action action = SERVE;

    for (int option; (option = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            file = optarg;
            break;
        case OPTION_CHECK:
            action = CHECK;
            break;
        case OPTION_MIGRATE:
            action = MIGRATE;
            break;
        case OPTION_VERSION:
            printf("confabd %s\n", PACKAGE_VERSION);
            return EXIT_SUCCESS;
        case OPTION_HELP:
            help(stdout);
            return EXIT_SUCCESS;
        default:
            help(stderr);
            return 2;
        }
    }
    if (optind < argc) {
        help(stderr);
        return 2;
    }
    int error = action == CHECK ? check(file) : action == MIGRATE ? migrate(file) : serve(file);
    return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
