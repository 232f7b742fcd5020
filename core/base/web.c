/* The thread that posts to web servers. Jobs go to it and come back as pointers that change their owner. */
#include "core/base/web.h"

#include "core/base/loop.h"
#include "core/base/queue.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64 /* at a time */
#define CONNECTIONS_A_HOST 16
#define POLL_MS 1000

struct job {
    struct job *next;
    struct ticket ticket;
    char *url, *sent, *save;
    int file;  /* of `save` while it is written; -1 */
    bool made; /* `save` exists, and is ours to remove */
    long saved_bytes;
    struct curl_slist *headers;
    unsigned deadline_ms;
    CURL *easy;
    long status;
    char fault[CURL_ERROR_SIZE];
    size_t length;
    char body[WEB_BODY_MAX + 1];
};

struct web {
    struct loop *loop;
    web_done *done;
    void *arg;
    struct queue *jobs, *replies; /* of struct job * */
    unsigned pending;             /* taken and not yet handed back: so neither queue can be full */
    CURLM *multi;
    struct job *running; /* the thread's, and web_free()'s once it has ended */
    atomic_bool stops;
    pthread_t thread;
};

static void job_free(struct job *job)
{
    if (job == NULL) {
        return;
    }
    if (job->easy != NULL) {
        curl_easy_cleanup(job->easy);
    }
    if (job->file >= 0) {
        close(job->file);
    }
    if (job->made) {
        unlink(job->save);
    }
    curl_slist_free_all(job->headers);
    free(job->url);
    free(job->save);
    free(job->sent);
    free(job);
}

/* -- In the thread -----------------------------------------------------------------------------------------
 */

static size_t job_save(struct job *job, const char *data, size_t bytes)
{
    if (job->file < 0) {
        job->file = open(job->save, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        job->made = job->file >= 0;
    }
    job->saved_bytes += (long)bytes;
    if (job->file < 0 || job->saved_bytes > WEB_FILE_MAX) {
        return 0;
    }
    return write(job->file, data, bytes) == (ssize_t)bytes ? bytes : 0;
}

static size_t job_receive(char *data, size_t size, size_t count, void *arg)
{
    struct job *job = arg;
    size_t bytes = size * count;
    if (job->save != NULL) {
        return job_save(job, data, bytes);
    }
    if (bytes > WEB_BODY_MAX - job->length) {
        return 0; /* ends the transfer with a fault */
    }
    memcpy(job->body + job->length, data, bytes);
    job->length += bytes;
    return bytes;
}

static void web_reply_with(struct web *web, struct job *job)
{
    job->body[job->length] = '\0';
    while (queue_push(web->replies, &job) != 0) { /* cannot be full, see `pending` */
    }
}

static void web_fail(struct web *web, struct job *job, const char *fault)
{
    job->status = 0;
    if (job->fault[0] == '\0') {
        snprintf(job->fault, sizeof job->fault, "%s", fault);
    }
    web_reply_with(web, job);
}

static void job_begin(struct web *web, struct job *job)
{
    CURL *easy = job->easy = curl_easy_init();
    if (easy == NULL) {
        web_fail(web, job, "no memory");
        return;
    }
    int bad = 0;
    bad |= curl_easy_setopt(easy, CURLOPT_URL, job->url);
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* what the environment says is not the configuration */
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)job->deadline_ms);
    if (job->sent != NULL) {
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, job->sent);
    }
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, job->headers);
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "confab");
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job->fault);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, job_receive);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)job);
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)job);
    if (bad != 0 || curl_multi_add_handle(web->multi, easy) != CURLM_OK) {
        web_fail(web, job, "cannot be posted");
        return;
    }
    job->next = web->running;
    web->running = job;
}

static void web_forget(struct web *web, const struct job *job)
{
    struct job **at = &web->running;
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
}

static void web_collect(struct web *web)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(web->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        CURLcode result = message->data.result;
        struct job *job = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &job->status);
        curl_multi_remove_handle(web->multi, job->easy);
        web_forget(web, job);
        if (result == CURLE_OK) {
            job->fault[0] = '\0';
            web_reply_with(web, job);
        } else {
            web_fail(web, job, curl_easy_strerror(result));
        }
    }
}

static void *web_run(void *arg)
{
    struct web *web = arg;
    while (!atomic_load(&web->stops)) {
        struct job *job;
        int running;
        while (queue_pop(web->jobs, &job)) {
            job_begin(web, job);
        }
        (void)curl_multi_perform(web->multi, &running);
        web_collect(web);
        (void)curl_multi_poll(web->multi, NULL, 0, POLL_MS, NULL); /* web_post() wakes it */
    }
    return NULL;
}

/* -- In the loop's thread ----------------------------------------------------------------------------------
 */

static void web_replied(void *arg)
{
    struct web *web = arg;
    struct job *job;
    queue_acknowledge(web->replies);
    while (queue_pop(web->replies, &job)) {
        bool saved = job->made && job->status == 200;
        struct web_reply reply = {.ticket = job->ticket,
                                  .status = (int)job->status,
                                  .fault = job->fault,
                                  .body = job->body,
                                  .length = job->length,
                                  .fetched = job->save != NULL,
                                  .saved = saved ? job->save : NULL};
        job->made = job->made && !saved;
        web->pending--;
        web->done(web->arg, &reply);
        job_free(job);
    }
}

int web_new(struct web **out, struct loop *loop, web_done *done, void *arg)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return ENOMEM;
    }
    struct web *web = calloc(1, sizeof *web);
    if (web == NULL) {
        return ENOMEM;
    }
    web->loop = loop;
    web->done = done;
    web->arg = arg;
    web->multi = curl_multi_init();
    int error = web->multi != NULL ? 0 : ENOMEM;
    if (error == 0) {
        curl_multi_setopt(web->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
        curl_multi_setopt(web->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS_A_HOST);
        error = queue_new(&web->jobs, sizeof(struct job *), WEB_PENDING_MAX);
    }
    if (error == 0) {
        error = queue_new(&web->replies, sizeof(struct job *), WEB_PENDING_MAX);
    }
    if (error == 0) {
        error = loop_watch(loop, queue_fd(web->replies), web_replied, web);
    }
    if (error == 0) {
        error = pthread_create(&web->thread, NULL, web_run, web);
        if (error != 0) {
            loop_unwatch(loop, queue_fd(web->replies));
        }
    }
    if (error != 0) {
        queue_free(web->jobs);
        queue_free(web->replies);
        if (web->multi != NULL) {
            curl_multi_cleanup(web->multi);
        }
        free(web);
        return error;
    }
    *out = web;
    return 0;
}

static void jobs_free(struct queue *queue)
{
    struct job *job;
    while (queue_pop(queue, &job)) {
        job_free(job);
    }
    queue_free(queue);
}

/* What is under way is broken off: at the server's end nobody waits for a reply any more. */
static void web_abandon(struct web *web)
{
    while (web->running != NULL) {
        struct job *job = web->running;
        web->running = job->next;
        curl_multi_remove_handle(web->multi, job->easy);
        job_free(job);
    }
}

void web_free(struct web *web)
{
    if (web == NULL) {
        return;
    }
    atomic_store(&web->stops, true);
    curl_multi_wakeup(web->multi);
    pthread_join(web->thread, NULL);
    loop_unwatch(web->loop, queue_fd(web->replies));
    web_abandon(web);
    jobs_free(web->jobs);
    jobs_free(web->replies);
    curl_multi_cleanup(web->multi);
    free(web);
}

int web_post(struct web *web, const struct web_post *post)
{
    if (strncmp(post->url, "http://", 7) != 0 && strncmp(post->url, "https://", 8) != 0) {
        return EINVAL;
    }
    if (web->pending >= WEB_PENDING_MAX) {
        return ENOBUFS;
    }
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return ENOMEM;
    }
    job->file = -1;
    job->ticket = post->ticket;
    job->deadline_ms = post->deadline_ms;
    job->url = strdup(post->url);
    job->sent = post->body != NULL ? strdup(post->body) : NULL;
    job->save = post->save != NULL ? strdup(post->save) : NULL;
    int error = job->url == NULL || !job->sent != !post->body || !job->save != !post->save ? ENOMEM : 0;
    for (size_t i = 0; error == 0 && i < sizeof post->headers / sizeof *post->headers; i++) {
        if (post->headers[i] != NULL) {
            struct curl_slist *longer = curl_slist_append(job->headers, post->headers[i]);
            error = longer != NULL ? 0 : ENOMEM;
            job->headers = longer != NULL ? longer : job->headers;
        }
    }
    if (error == 0) {
        error = queue_push(web->jobs, &job);
    }
    if (error != 0) {
        job_free(job);
        return error;
    }
    web->pending++;
    curl_multi_wakeup(web->multi);
    return 0;
}
