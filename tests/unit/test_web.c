/* The web client and the speaking thread against what real servers do: answer, be slow, be dead, talk
 * nonsense. */
#include "core/base/loop.h"
#include "core/base/speech.h"
#include "core/base/web.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct loop *loop;
static struct web *web;
static char url[64], answer[WEB_BODY_MAX + 4096], request[4096], path[64];
static size_t answer_length;
static int listener, replies, status, speech_error;
static bool fault, saved;
static size_t length;

/* Takes one connection, keeps the request's first bytes, answers, and closes. */
static void *server_run(void *arg)
{
    int peer = accept(listener, NULL, NULL);

    (void)arg;
    if (peer < 0)
        return NULL;
    if (read(peer, request, sizeof request - 1) > 0)
        for (size_t at = 0; at < answer_length;) {
            ssize_t sent = send(peer, answer + at, answer_length - at, MSG_NOSIGNAL);
            if (sent <= 0)
                break;
            at += (size_t)sent;
        }
    if (answer_length == 0) /* silent until who asks has gone */
        while (read(peer, request, sizeof request - 1) > 0) {
        }
    close(peer);
    return NULL;
}

static void replied(void *arg, const struct web_reply *reply)
{
    (void)arg;
    ck_assert_uint_eq(reply->ticket.owner, 7);
    replies++;
    status = reply->status;
    fault = *reply->fault != '\0';
    length = reply->length;
    saved = reply->saved != NULL;
}

static void setup(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    replies = 0;
    memset(request, 0, sizeof request);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/x", ntohs(address.sin_port));
    snprintf(path, sizeof path, "/tmp/test_web-%d.wav", (int)getpid());
    ck_assert_int_eq(loop_new(&loop), 0);
    ck_assert_int_eq(web_new(&web, loop, replied, NULL), 0);
}

static void teardown(void)
{
    web_free(web);
    loop_free(loop);
    close(listener);
    unlink(path);
}

static void ask(const char *body, const char *save, unsigned deadline_ms)
{
    const struct web_post post = {.ticket = {.owner = 7},
                                  .url = url,
                                  .body = body,
                                  .save = save,
                                  .headers = {"X-A: b"},
                                  .deadline_ms = deadline_ms};

    ck_assert_int_eq(web_post(web, &post), 0);
    for (int i = 0; i < 1000 && replies == 0; i++)
        loop_step(loop, 10);
    ck_assert_int_eq(replies, 1);
}

static void serve_and_ask(const char *text, size_t filler, const char *body, const char *save,
                          unsigned deadline_ms)
{
    pthread_t thread;

    answer_length = (size_t)snprintf(answer, sizeof answer, "%s", text);
    memset(answer + answer_length, 'a', filler);
    answer_length += filler;
    ck_assert_int_eq(pthread_create(&thread, NULL, server_run, NULL), 0);
    ask(body, save, deadline_ms);
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
}

START_TEST(test_an_answer_comes_back)
{
    serve_and_ask("HTTP/1.1 201 Fine\r\nContent-Length: 3\r\n\r\nabc", 0, "{}", NULL, 5000);
    ck_assert(status == 201 && !fault && length == 3);
    ck_assert(strncmp(request, "POST /x ", 8) == 0 && strstr(request, "X-A: b\r\n"));
}
END_TEST

START_TEST(test_no_redirect_is_followed)
{
    serve_and_ask("HTTP/1.1 302 There\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", 0, "{}", NULL, 5000);
    ck_assert_int_eq(status, 302);
}
END_TEST

START_TEST(test_what_is_no_answer_is_a_fault)
{
    serve_and_ask(_i == 0   ? ""
                  : _i == 1 ? "garbage\r\n\r\n"
                            : "HTTP/1.1 200 OK\r\n\r\n",
                  _i == 2 ? WEB_BODY_MAX + 1 : 0, "{}", NULL, _i == 0 ? 200 : 5000);
    ck_assert(status == 0 && fault);
}
END_TEST

START_TEST(test_a_dead_server_is_a_fault)
{
    close(listener);
    ask("{}", NULL, 5000);
    ck_assert(status == 0 && fault);
}
END_TEST

START_TEST(test_a_file_is_fetched_or_there_is_none)
{
    struct stat file;

    serve_and_ask(_i == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
                          : "HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\n",
                  9, NULL, path, 5000);
    ck_assert(strncmp(request, "GET /x ", 7) == 0);
    ck_assert(saved == (_i == 0));
    if (_i == 0)
        ck_assert(stat(path, &file) == 0 && file.st_size == 9);
    else
        ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(test_what_is_under_way_ends_with_the_client)
{
    const struct web_post post = {.url = url, .body = "{}", .deadline_ms = 60000};

    for (int i = 0; i < WEB_PENDING_MAX; i++)
        ck_assert_int_eq(web_post(web, &post), 0);
    ck_assert_int_eq(web_post(web, &post), ENOBUFS);
    ck_assert_int_eq(web_post(web, &(struct web_post){.url = "file:///etc/passwd", .body = ""}), EINVAL);
    /* teardown() frees it: no reply comes, and nothing is waited for */
}
END_TEST

static void spoke(void *arg, const struct speech_reply *reply)
{
    (void)arg;
    replies++;
    speech_error = reply->error;
}

START_TEST(test_a_text_becomes_a_file)
{
    struct speech *speech;
    struct stat file;

    ck_assert_int_eq(speech_new(&speech, loop, spoke, NULL), 0);
    ck_assert_int_eq(speech_say(speech, (struct ticket){0}, "en", "--help $(id); hello", path), 0);
    ck_assert_int_eq(speech_say(speech, (struct ticket){0}, "../en", "x", path), EINVAL);
    for (int i = 0; i < 1000 && replies == 0; i++)
        loop_step(loop, 10);
    ck_assert_int_eq(speech_error, 0);
    ck_assert(stat(path, &file) == 0 && file.st_size > 8000);
    unlink(path);
    ck_assert_int_eq(speech_say(speech, (struct ticket){0}, "en", "hello again", path), 0);
    speech_free(speech);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("web");
    TCase *tests = tcase_create("web");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_an_answer_comes_back);
    tcase_add_test(tests, test_no_redirect_is_followed);
    tcase_add_loop_test(tests, test_what_is_no_answer_is_a_fault, 0, 3);
    tcase_add_test(tests, test_a_dead_server_is_a_fault);
    tcase_add_loop_test(tests, test_a_file_is_fetched_or_there_is_none, 0, 2);
    tcase_add_test(tests, test_what_is_under_way_ends_with_the_client);
    tcase_add_test(tests, test_a_text_becomes_a_file);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
