/* The thread that speaks: one text after another, for each takes less time than it takes to be heard. */
#define _GNU_SOURCE /* posix_spawn_file_actions_addclosefrom_np() */
#include "core/base/speech.h"

#include "core/base/loop.h"
#include "core/base/queue.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_MS 5000
#define CHECK_MS 5
#define EXIT_NO_PROGRAM 127 /* posix_spawn(3): the child could not become it */

extern char **environ;

struct spoken {
    struct ticket ticket;
    int error;
    char language[LANGUAGE_TEXT], text[SPEECH_TEXT], path[SPEECH_PATH];
};

struct speech {
    struct loop *loop;
    speech_done *done;
    void *arg;
    struct queue *jobs, *replies; /* of struct spoken * */
    unsigned pending;             /* taken and not yet handed back: so neither queue can be full */
    atomic_bool stops;
    pthread_t thread;
};

/* -- In the thread -----------------------------------------------------------------------------------------
 */

/* The file is made here, so that the child writes to what nobody else can have put there. */
static int spoken_spawn(const struct spoken *spoken, pid_t *child, int text_fd)
{
    char *argv[] = {"espeak-ng", "-v", (char *)(uintptr_t)spoken->language, "--stdin", "--stdout", NULL};
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return error;
    }
    error = posix_spawn_file_actions_adddup2(&actions, text_fd, STDIN_FILENO);
    if (error == 0) {
        error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, spoken->path,
                                                 O_WRONLY | O_CREAT | O_EXCL, 0600);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    }
    if (error == 0) {
        error = posix_spawnp(child, argv[0], &actions, NULL, argv, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* 0: it has spoken. A child that takes too long, or confabd's end, ends it. */
static int spoken_wait(const struct speech *speech, pid_t child)
{
    const struct timespec pause = {.tv_nsec = CHECK_MS * 1000000L};
    int status = 0;
    for (int ms = 0; ms < CHILD_MS && !atomic_load(&speech->stops); ms += CHECK_MS) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child) {
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                return 0;
            }
            return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PROGRAM ? ENOENT : EIO;
        }
        if (ended < 0 && errno != EINTR) {
            return errno;
        }
        nanosleep(&pause, NULL);
    }
    kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return ETIMEDOUT;
}

static int spoken_make(const struct speech *speech, const struct spoken *spoken)
{
    int ends[2];
    pid_t child = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return errno;
    }
    /* It fits into the pipe's buffer, so this waits for nobody. */
    size_t length = strlen(spoken->text);
    int error = write(ends[1], spoken->text, length) == (ssize_t)length ? 0 : EIO;
    close(ends[1]);
    if (error == 0) {
        error = spoken_spawn(spoken, &child, ends[0]);
    }
    close(ends[0]);
    if (error == 0) {
        error = spoken_wait(speech, child);
    }
    if (error != 0 && error != EEXIST) {
        unlink(spoken->path);
    }
    return error;
}

static void *speech_run(void *arg)
{
    struct speech *speech = arg;
    struct spoken *spoken;
    while (queue_wait(speech->jobs, &spoken)) {
        spoken->error = atomic_load(&speech->stops) ? ECANCELED : spoken_make(speech, spoken);
        while (queue_push(speech->replies, &spoken) != 0) { /* cannot be full, see `pending` */
        }
    }
    return NULL;
}

/* -- In the loop's thread ----------------------------------------------------------------------------------
 */

static void speech_replied(void *arg)
{
    struct speech *speech = arg;
    struct spoken *spoken;
    queue_acknowledge(speech->replies);
    while (queue_pop(speech->replies, &spoken)) {
        struct speech_reply reply = {.ticket = spoken->ticket, .path = spoken->path, .error = spoken->error};
        speech->pending--;
        speech->done(speech->arg, &reply);
        free(spoken);
    }
}

int speech_new(struct speech **out, struct loop *loop, speech_done *done, void *arg)
{
    struct speech *speech = calloc(1, sizeof *speech);
    if (speech == NULL) {
        return ENOMEM;
    }
    speech->loop = loop;
    speech->done = done;
    speech->arg = arg;
    int error = queue_new(&speech->jobs, sizeof(struct spoken *), SPEECH_PENDING_MAX);
    if (error == 0) {
        error = queue_new(&speech->replies, sizeof(struct spoken *), SPEECH_PENDING_MAX);
    }
    if (error == 0) {
        error = loop_watch(loop, queue_fd(speech->replies), speech_replied, speech);
    }
    if (error == 0) {
        error = pthread_create(&speech->thread, NULL, speech_run, speech);
        if (error != 0) {
            loop_unwatch(loop, queue_fd(speech->replies));
        }
    }
    if (error != 0) {
        queue_free(speech->jobs);
        queue_free(speech->replies);
        free(speech);
        return error;
    }
    *out = speech;
    return 0;
}

void speech_free(struct speech *speech)
{
    if (speech == NULL) {
        return;
    }
    struct spoken *spoken;
    atomic_store(&speech->stops, true);
    queue_close(speech->jobs);
    pthread_join(speech->thread, NULL);
    loop_unwatch(speech->loop, queue_fd(speech->replies));
    while (queue_pop(speech->replies, &spoken)) {
        if (spoken->error == 0) {
            unlink(spoken->path); /* nobody will play it */
        }
        free(spoken);
    }
    queue_free(speech->jobs);
    queue_free(speech->replies);
    free(speech);
}

bool speech_language_fits(const char *language)
{
    if (!isalpha((unsigned char)*language) || strlen(language) >= LANGUAGE_TEXT) {
        return false;
    }
    for (; *language != '\0'; language++) {
        if (!isalnum((unsigned char)*language) && *language != '-') {
            return false;
        }
    }
    return true;
}

int speech_say(struct speech *speech, struct ticket ticket, const char *language, const char *text,
               const char *path)
{
    if (!speech_language_fits(language) || strlen(text) >= SPEECH_TEXT || strlen(path) >= SPEECH_PATH) {
        return EINVAL;
    }
    if (speech->pending >= SPEECH_PENDING_MAX) {
        return ENOBUFS;
    }
    struct spoken *spoken = calloc(1, sizeof *spoken);
    if (spoken == NULL) {
        return ENOMEM;
    }
    spoken->ticket = ticket;
    snprintf(spoken->language, sizeof spoken->language, "%s", language);
    snprintf(spoken->text, sizeof spoken->text, "%s", text);
    snprintf(spoken->path, sizeof spoken->path, "%s", path);
    int error = queue_push(speech->jobs, &spoken);
    if (error != 0) {
        free(spoken);
        return error;
    }
    speech->pending++;
    return 0;
}
