/* Who is let in by the HTTP API, and for how long, with a storage that answers what the test says. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/control/internal.h"

#define SECRET "0123456789abcdef"

static struct settings settings;
static struct control control;
static struct exchange *current; /* the one that storage is asked for */
static struct token token;
static struct mailbox box;
static int error;        /* storage's answer */
static bool silent;      /* it does not answer */
static unsigned asked;   /* it was, so often */
static uint64_t ended;   /* this session's streams were */
static unsigned handled; /* so many requests were let in */
static char cookie[SECRET_TEXT];

/* -- in place of what stands around --------------------------------------------------------------------- */

struct ticket exchange_ticket(const struct exchange *exchange)
{
    return (struct ticket){.owner = exchange->number};
}

struct exchange *exchange_of(struct ticket ticket)
{
    (void)ticket;
    return current;
}

void exchange_finish(struct exchange *exchange)
{
    (void)exchange;
}

void events_end_session(struct events *events, uint64_t session)
{
    (void)events;
    ended = session;
}

struct storage *server_storage(const struct server *server)
{
    (void)server;
    return NULL;
}

int token_find(struct storage *st, const char *sha256, struct ticket ticket, token_reply *reply)
{
    (void)st;
    ck_assert_uint_eq(strlen(sha256), SHA256_TEXT - 1);
    asked++;
    reply(ticket, error, error ? NULL : &token);
    return 0;
}

int mailbox_find(struct storage *st, const char *number, struct ticket ticket, mailbox_reply *reply)
{
    (void)st;
    ck_assert_str_eq(number, "1001");
    asked++;
    reply(ticket, error, error ? NULL : &box);
    return 0;
}

int mailbox_check_pin(struct storage *st, const char *number, const char *pin, const struct guesser *from,
                      struct ticket ticket, mailbox_reply *reply)
{
    (void)st;
    (void)number;
    (void)pin;
    (void)from;
    asked++;
    if (!silent)
        reply(ticket, error, error ? NULL : &box);
    return 0;
}

/* -- requests ------------------------------------------------------------------------------------------- */

static void handle(struct exchange *exchange)
{
    handled++;
    reply_none(exchange);
}

static const struct route look = {"GET", "/look", ACCESS_READ, BODY_NONE, handle};
static const struct route act = {"POST", "/act", ACCESS_ADMIN, BODY_JSON, handle};
static const struct route own = {"GET", "/own/{mailbox}", ACCESS_MAILBOX, BODY_NONE, handle};

/* Its status; a cookie that it was sent is kept. */
static unsigned ask(const struct route *route, const char *secret, const char *shown, json_t *body)
{
    struct exchange exchange = {
        .control = &control, .route = route, .path = (char *)(uintptr_t) "/", .body = body};
    unsigned status;

    current = &exchange;
    snprintf(exchange.method, sizeof exchange.method, "%s", route->method);
    snprintf(exchange.address, sizeof exchange.address, "192.0.2.1");
    snprintf(exchange.secret, sizeof exchange.secret, "%s", secret);
    snprintf(exchange.cookie, sizeof exchange.cookie, "%s", shown);
    snprintf(exchange.params.value[0], NUMBER_TEXT, "1001");
    access_check(&exchange);
    status = exchange.answer.status;
    for (unsigned i = 0; i < HEADERS_MAX && exchange.answer.headers[i].name != NULL; i++)
        if (strcmp(exchange.answer.headers[i].name, "Set-Cookie") == 0)
            snprintf(cookie, sizeof cookie, "%.64s", strchr(exchange.answer.headers[i].value, '=') + 1);
    answer_free(&exchange.answer);
    json_decref(body);
    return status;
}

static unsigned login(json_t *body)
{
    return ask(&session_routes[0], "", "", body);
}

static unsigned login_by_token(void)
{
    return login(json_pack("{s:s}", "token", SECRET));
}

static unsigned login_by_pin(void)
{
    return login(json_pack("{s:s, s:s}", "mailbox", "1001", "pin", "739146"));
}

static void minutes_pass(unsigned minutes)
{
    clock_advance(minutes * UINT64_C(60000001));
}

static void set_up(void)
{
    control = (struct control){.settings = &settings};
    token = (struct token){.name = "t", .role = "admin"};
    box = (struct mailbox){.number = "1001", .pin_set_us = 7};
    error = 0;
    silent = false;
    asked = handled = 0;
    ended = 0;
    ck_assert_int_eq(access_new(&control.access), 0);
}

static void tear_down(void)
{
    access_free(control.access);
}

/* -- */

START_TEST(sessions_end_with_their_token)
{
    ck_assert_uint_eq(login_by_token(), 201);
    ck_assert_uint_eq(ask(&act, "", cookie, NULL), 204);
    ck_assert_uint_eq(asked, 1); /* it is not looked up each time */
    minutes_pass(1);
    ck_assert_uint_eq(ask(&act, "", cookie, NULL), 204);
    ck_assert_uint_eq(asked, 2);
    minutes_pass(1);
    snprintf(token.role, sizeof token.role, "read-only");
    ck_assert_uint_eq(ask(&act, "", cookie, NULL), 403);
    ck_assert_uint_eq(ask(&look, "", cookie, NULL), 204);
    minutes_pass(1);
    error = ENOENT;
    ck_assert_uint_eq(ask(&look, "", cookie, NULL), 401);
    ck_assert_uint_eq(ended, 1);
    error = 0;
    ck_assert_uint_eq(ask(&look, "", cookie, NULL), 401);
}
END_TEST

START_TEST(sessions_end_with_their_pin)
{
    ck_assert_uint_eq(login_by_pin(), 201);
    minutes_pass(1);
    ck_assert_uint_eq(ask(&own, "", cookie, NULL), 204);
    minutes_pass(1);
    box.pin_set_us = 8;
    ck_assert_uint_eq(ask(&own, "", cookie, NULL), 401);
    ck_assert_uint_eq(ended, 1);
}
END_TEST

START_TEST(sessions_end_some_day)
{
    unsigned minutes = 0;

    ck_assert_uint_eq(login_by_token(), 201);
    for (; minutes < 11 * 60; minutes += 30) {
        ck_assert_uint_eq(ask(&act, "", cookie, NULL),
                          204); /* the cookie is sent anew, or it would be gone */
        minutes_pass(30);
    }
    for (; minutes <= 12 * 60; minutes += 30)
        minutes_pass(30);
    ck_assert_uint_eq(ask(&act, "", cookie, NULL), 401);
}
END_TEST

START_TEST(the_cookie_is_sent_again)
{
    char first[SECRET_TEXT];

    ck_assert_uint_eq(login_by_token(), 201);
    memcpy(first, cookie, sizeof first);
    *cookie = '\0';
    minutes_pass(20);
    ck_assert_uint_eq(ask(&act, "", first, NULL), 204);
    ck_assert_str_eq(cookie, "");
    minutes_pass(20);
    ck_assert_uint_eq(ask(&act, "", first, NULL), 204);
    ck_assert_str_eq(cookie, first);
}
END_TEST

START_TEST(the_database_away_leaves_looking_and_not_for_long)
{
    ck_assert_uint_eq(login_by_token(), 201);
    minutes_pass(2);
    error = ENOTCONN;
    ck_assert_uint_eq(ask(&look, SECRET, "", NULL), 204);
    ck_assert_uint_eq(ask(&look, "", cookie, NULL), 204);
    ck_assert_uint_eq(ask(&act, SECRET, "", NULL), 503);
    ck_assert_uint_eq(ask(&act, "", cookie, NULL), 503);
    ck_assert_uint_eq(login_by_token(), 503);
    error = EINVAL; /* that is no outage */
    ck_assert_uint_ge(ask(&look, SECRET, "", NULL), 400);
    error = ENOTCONN;
    minutes_pass(4);
    ck_assert_uint_eq(ask(&look, SECRET, "", NULL), 503);
    ck_assert_uint_eq(ask(&look, "", cookie, NULL), 503);
    error = 0;
    ck_assert_uint_eq(ask(&act, "", cookie, NULL), 204); /* it has not ended by that */
}
END_TEST

START_TEST(few_pins_are_checked_at_once)
{
    silent = true;
    ck_assert_uint_eq(login_by_pin(), 0);
    ck_assert_uint_eq(login_by_pin(), 0);
    ck_assert_uint_eq(login_by_pin(), 429);
    ck_assert_uint_eq(asked, 2);
    ck_assert_uint_eq(login_by_token(), 201);
}
END_TEST

START_TEST(known_secrets_are_not_barred)
{
    ck_assert_uint_eq(ask(&act, SECRET, "", NULL), 204);
    error = ENOENT;
    for (int i = 0; i < 20; i++)
        ck_assert_uint_eq(ask(&act, "another-one-0000", "", NULL), 401);
    ck_assert_uint_eq(ask(&act, "another-one-0000", "", NULL), 429);
    error = 0;
    ck_assert_uint_eq(ask(&act, "another-one-0001", "", NULL), 429);
    ck_assert_uint_eq(ask(&act, SECRET, "", NULL), 204);
    ck_assert_uint_eq(login_by_token(), 201);
    ck_assert_uint_eq(ask(&act, "", cookie, NULL), 204);
}
END_TEST

START_TEST(short_secrets_are_none)
{
    ck_assert_uint_eq(login(json_pack("{s:s}", "token", "")), 401);
    ck_assert_uint_eq(ask(&act, "0123456789abcde", "", NULL), 401);
    ck_assert_uint_eq(asked, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("control_access");
    TCase *tests = tcase_create("control_access");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, sessions_end_with_their_token);
    tcase_add_test(tests, sessions_end_with_their_pin);
    tcase_add_test(tests, sessions_end_some_day);
    tcase_add_test(tests, the_cookie_is_sent_again);
    tcase_add_test(tests, the_database_away_leaves_looking_and_not_for_long);
    tcase_add_test(tests, few_pins_are_checked_at_once);
    tcase_add_test(tests, known_secrets_are_not_barred);
    tcase_add_test(tests, short_secrets_are_none);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
