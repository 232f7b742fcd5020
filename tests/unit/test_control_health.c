/* Whoever asks whether the server is ready, storage is looked at once at a time. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/control/internal.h"

#define ASKERS 5

static struct control control;
static struct exchange exchanges[ASKERS];
static health_reply *answer; /* of the look that is under way */
static struct ticket first;
static unsigned looks, finished;

/* -- in place of what stands around --------------------------------------------------------------------- */

struct ticket exchange_ticket(const struct exchange *exchange)
{
    return (struct ticket){.owner = exchange->number};
}

struct exchange *exchange_of(struct ticket ticket)
{
    return &exchanges[ticket.owner];
}

void exchange_finish(struct exchange *exchange)
{
    (void)exchange;
    finished++;
}

struct storage *server_storage(const struct server *server)
{
    (void)server;
    return NULL;
}

int storage_examine(struct storage *st, struct ticket ticket, health_reply *reply)
{
    (void)st;
    looks++;
    first = ticket;
    answer = reply;
    return 0;
}

void server_read_stats(const struct server *server, struct server_stats *out)
{
    (void)server;
    *out = (struct server_stats){0};
}

void server_read_media(const struct server *server, struct media_stats *out)
{
    (void)server;
    *out = (struct media_stats){0};
}

void storage_read_stats(const struct storage *st, struct storage_stats *out)
{
    (void)st;
    *out = (struct storage_stats){0};
}

uint64_t access_failures(const struct access_book *book)
{
    (void)book;
    return 0;
}

unsigned events_listeners(const struct events *events)
{
    (void)events;
    return 0;
}

const char *call_state_text(unsigned state)
{
    (void)state;
    return "";
}

/* -- */

static void ask(unsigned i)
{
    exchanges[i] = (struct exchange){.control = &control, .number = i};
    health_routes[1].handle(&exchanges[i]); /* GET /ready */
}

START_TEST(many_who_ask_are_answered_by_one_look)
{
    struct storage_health health = {.database_error = ENOTCONN};

    for (unsigned i = 0; i < ASKERS; i++)
        ask(i);
    ck_assert_uint_eq(looks, 1);
    ck_assert_uint_eq(finished, 0);
    clock_advance(UINT64_C(5000000)); /* however long it takes */
    answer(first, &health);
    ck_assert_uint_eq(finished, ASKERS);
    for (unsigned i = 0; i < ASKERS; i++) {
        ck_assert_uint_eq(exchanges[i].answer.status, 503);
        answer_free(&exchanges[i].answer);
    }
    ask(0); /* it has just been looked at */
    ck_assert_uint_eq(looks, 1);
    answer_free(&exchanges[0].answer);
    clock_advance(UINT64_C(1000001));
    ask(0);
    ck_assert_uint_eq(looks, 2);
    health.database_error = 0;
    answer(first, &health);
    ck_assert_uint_eq(exchanges[0].answer.status, 200);
    answer_free(&exchanges[0].answer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("control_health");
    TCase *tests = tcase_create("control_health");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, many_who_ask_are_answered_by_one_look);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
