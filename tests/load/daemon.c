/* The server that is measured: started anew for each part, so that its memory is that of the part alone. */
#define _GNU_SOURCE
#include "tests/load/bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_S 60
#define REST_US 15000 /* of CPU in 300 ms: no more than its ticks take */
#define STOP_S 10

static pid_t pid; /* 0: none runs */
static const char *log_path;
static struct {
    uint64_t machine, ours, at; /* µs */
} watched;

long daemon_log_end(void)
{
    struct stat s;

    return stat(log_path, &s) == 0 ? (long)s.st_size : 0;
}

/* Waits for a whole line with `words`, behind `from` in the log. */
static bool log_wait(long from, const char *words, char *line, size_t size, unsigned seconds)
{
    for (uint64_t until = now_us() + seconds * 1000000ull; now_us() < until; usleep(20000)) {
        FILE *f = fopen(log_path, "r");
        bool found = false;
        if (!f)
            continue;
        for (fseek(f, from, SEEK_SET); !found && fgets(line, (int)size, f);)
            found = strstr(line, words) && strchr(line, '\n');
        fclose(f);
        if (found)
            return true;
        if (waitpid(pid, NULL, WNOHANG) == pid)
            break;
    }
    return false;
}

unsigned daemon_log_lines(long from, const char *words, void (*fn)(void *arg, const char *line), void *arg)
{
    char line[1024];
    unsigned count = 0;
    FILE *f = fopen(log_path, "r");

    if (!f)
        die(log_path);
    for (fseek(f, from, SEEK_SET); fgets(line, sizeof line, f);) {
        if (!strstr(line, words))
            continue;
        count++;
        if (fn)
            fn(arg, line);
    }
    fclose(f);
    return count;
}

/* Music is loaded beside the first calls: it is not their cost. */
static void daemon_rest(void)
{
    uint64_t before = 0, until = now_us() + START_S * 1000000ull;

    for (uint64_t cpu = daemon_cpu(); cpu - before > REST_US && now_us() < until; cpu = daemon_cpu()) {
        before = cpu;
        usleep(300000);
    }
}

void daemon_start(const struct daemon_files *files)
{
    char line[1024];

    log_path = files->log;
    long from = daemon_log_end();
    pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        int fd = open(files->log, O_WRONLY | O_APPEND | O_CREAT, 0600);
        if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
            _exit(126);
        (void)setpgid(0, 0); /* Ctrl-C is the bench's */
        execl(files->program, files->program, "-c", files->configuration, (char *)NULL);
        _exit(127);
    }
    if (!log_wait(from, " main ready", line, sizeof line, START_S)) {
        fprintf(stderr, "bench: the server does not start: see %s\n", files->log);
        exit(1);
    }
    daemon_rest();
}

/* The first signal lets calls end, the second ends them. */
void daemon_stop(void)
{
    for (unsigned tries = 0; pid > 0 && tries < 3; tries++) {
        kill(pid, tries < 2 ? SIGTERM : SIGKILL);
        for (uint64_t until = now_us() + STOP_S * 1000000ull; pid > 0 && now_us() < until; usleep(20000)) {
            if (waitpid(pid, NULL, WNOHANG) == pid)
                pid = 0;
            else if (tries == 0 && now_us() + (STOP_S - 1) * 1000000ull > until)
                break; /* a second is enough for the first */
        }
    }
}

uint64_t process_cpu(int process)
{
    char path[64], file[512];
    uint64_t total = 0;

    snprintf(path, sizeof path, "/proc/%d/task", process);
    DIR *tasks = opendir(path);
    if (!tasks)
        die(path);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        unsigned long long ns = 0;
        snprintf(file, sizeof file, "/proc/%d/task/%s/schedstat", process, task->d_name);
        FILE *f = task->d_name[0] == '.' ? NULL : fopen(file, "r");
        if (f && fscanf(f, "%llu", &ns) == 1)
            total += ns / 1000;
        if (f)
            fclose(f);
    }
    closedir(tasks);
    return total;
}

uint64_t daemon_cpu(void)
{
    return process_cpu(pid);
}

unsigned long daemon_memory(void)
{
    char path[64], line[256];
    unsigned long kib = 0;

    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    while (f && !kib && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %lu", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

static unsigned long figure(const char *line, const char *name)
{
    const char *at = strstr(line, name);

    return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

struct tick_figures daemon_ticks(void)
{
    char line[1024];
    long from = daemon_log_end();

    kill(pid, SIGUSR1);
    if (!log_wait(from, "media-stats ", line, sizeof line, START_S)) {
        fprintf(stderr, "bench: the server says no media-stats\n");
        exit(1);
    }
    return (struct tick_figures){figure(line, " ticks="),   figure(line, " overruns="),
                                 figure(line, " p50_us="),  figure(line, " p99_us="),
                                 figure(line, " p999_us="), figure(line, " most_us=")};
}

/* -- who else was there
 * -------------------------------------------------------------------------------------------------------
 */

static uint64_t machine_busy(void)
{
    unsigned long long v[8] = {0};
    FILE *f = fopen("/proc/stat", "r");

    /* user nice system idle iowait irq softirq steal, in hundredths of a second */
    if (f && fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", v, v + 1, v + 2, v + 3, v + 4, v + 5,
                    v + 6, v + 7) != 8)
        memset(v, 0, sizeof v);
    if (f)
        fclose(f);
    return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static uint64_t ours_busy(void)
{
    return process_cpu(getpid()) + (pid > 0 ? process_cpu(pid) : 0);
}

void machine_watch(void)
{
    watched.machine = machine_busy();
    watched.ours = ours_busy();
    watched.at = now_us();
}

double machine_others(void)
{
    double others = (double)(machine_busy() - watched.machine) - (double)(ours_busy() - watched.ours);

    return others > 0 ? 100 * others / (double)(now_us() - watched.at) : 0;
}
