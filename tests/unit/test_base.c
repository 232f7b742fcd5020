/*
 * core/base: queue, clock, loop, ids, log, codec facts, histogram.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sofia-sip/su_wait.h>

#include "core/base/clock.h"
#include "core/base/histogram.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/base/media.h"
#include "core/base/queue.h"

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* -- queue
 * ---------------------------------------------------------------------------------------------------------
 */

START_TEST(queue_keeps_order_and_refuses_when_full)
{
    struct queue *q;
    ck_assert_int_eq(queue_new(&q, sizeof(int), 5), 0); /* rounded up to 8 */
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 8; i++) {
            ck_assert_int_eq(queue_push(q, &i), 0);
        }
        int extra = 99;
        ck_assert_int_eq(queue_push(q, &extra), ENOBUFS);
        ck_assert_uint_eq(queue_refused(q), (unsigned)round + 1);
        int got;
        for (int i = 0; i < 8; i++) {
            ck_assert(queue_pop(q, &got));
            ck_assert_int_eq(got, i);
        }
        ck_assert(!queue_pop(q, &got));
    }
    queue_free(q);
}
END_TEST

START_TEST(queue_descriptor_tells_of_items_but_not_of_quiet_ones)
{
    struct queue *q;
    int item = 1;
    ck_assert_int_eq(queue_new(&q, sizeof item, 4), 0);
    ck_assert(!readable(queue_fd(q)));
    ck_assert_int_eq(queue_push_quiet(q, &item), 0);
    ck_assert(!readable(queue_fd(q)));
    ck_assert_int_eq(queue_push(q, &item), 0);
    ck_assert(readable(queue_fd(q)));
    queue_acknowledge(q);
    ck_assert(!readable(queue_fd(q)));
    ck_assert(queue_pop(q, &item) && queue_pop(q, &item) && !queue_pop(q, &item));
    queue_free(q);
}
END_TEST

START_TEST(queue_refuses_nonsense_sizes)
{
    struct queue *q = NULL;
    ck_assert_int_eq(queue_new(&q, 0, 4), EINVAL);
    ck_assert_int_eq(queue_new(&q, 4, 0), EINVAL);
    ck_assert_ptr_null(q);
}
END_TEST

#define PRODUCERS 4
#define CONSUMERS 3
#define ITEMS 20000

struct stress {
    struct queue *q;
    unsigned producer;
    uint64_t seen[PRODUCERS]; /* how many of each producer this consumer got */
    bool ordered;
};
struct stress_item {
    unsigned producer;
    uint32_t number, check;
};

static void *produce(void *arg)
{
    struct stress *s = arg;
    for (uint32_t i = 1; i <= ITEMS; i++) {
        struct stress_item item = {s->producer, i, i ^ 0x5a5a5a5a};
        while (queue_push(s->q, &item) == ENOBUFS) {
            sched_yield();
        }
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct stress *s = arg;
    uint32_t last[PRODUCERS] = {0};
    struct stress_item item;
    s->ordered = true;
    while (queue_wait(s->q, &item)) {
        /* What one producer pushed comes in his order, whoever takes it; and whole. */
        s->ordered &= item.number > last[item.producer] && item.check == (item.number ^ 0x5a5a5a5a);
        last[item.producer] = item.number;
        s->seen[item.producer]++;
    }
    return NULL;
}

START_TEST(queue_loses_and_doubles_nothing_between_threads)
{
    struct queue *q;
    ck_assert_int_eq(queue_new(&q, sizeof(struct stress_item), 64), 0);
    pthread_t producers[PRODUCERS], consumers[CONSUMERS];
    struct stress in[PRODUCERS] = {0}, out[CONSUMERS] = {0};
    for (unsigned i = 0; i < CONSUMERS; i++) {
        out[i].q = q;
        ck_assert_int_eq(pthread_create(&consumers[i], NULL, consume, &out[i]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        in[i].q = q;
        in[i].producer = i;
        ck_assert_int_eq(pthread_create(&producers[i], NULL, produce, &in[i]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i], NULL);
    }
    queue_close(q); /* what was pushed before is still delivered */
    for (unsigned i = 0; i < CONSUMERS; i++) {
        pthread_join(consumers[i], NULL);
        ck_assert(out[i].ordered);
    }
    for (unsigned p = 0; p < PRODUCERS; p++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < CONSUMERS; i++) {
            sum += out[i].seen[p];
        }
        ck_assert_uint_eq(sum, ITEMS);
    }
    queue_free(q);
}
END_TEST

START_TEST(queue_close_ends_a_wait_after_the_last_item)
{
    struct queue *q;
    int item = 7;
    ck_assert_int_eq(queue_new(&q, sizeof item, 4), 0);
    ck_assert_int_eq(queue_push(q, &item), 0);
    queue_close(q);
    item = 0;
    ck_assert(queue_wait(q, &item));
    ck_assert_int_eq(item, 7);
    ck_assert(!queue_wait(q, &item));
    ck_assert(!queue_wait(q, &item)); /* and stays closed */
    queue_free(q);
}
END_TEST

/* -- loop and clock
 * ------------------------------------------------------------------------------------------------ */

struct probe {
    struct loop *loop;
    struct timer *timer, *other;
    unsigned calls, restarts;
    char order[16];
};

static void count_call(void *arg)
{
    ((struct probe *)arg)->calls++;
}

static void note_a(void *arg)
{
    strcat(((struct probe *)arg)->order, "a");
}

static void note_b(void *arg)
{
    strcat(((struct probe *)arg)->order, "b");
}

static void note_c(void *arg)
{
    strcat(((struct probe *)arg)->order, "c");
}

static void advance_ms(uint64_t ms)
{
    clock_advance(ms * 1000);
}

START_TEST(timer_runs_once_and_an_hour_passes_in_a_moment)
{
    struct probe p = {0};
    ck_assert_int_eq(loop_new(&p.loop), 0);
    ck_assert_int_eq(timer_start(p.loop, &p.timer, 3600000, count_call, &p), 0);
    loop_step(p.loop, 0);
    ck_assert_uint_eq(p.calls, 0);
    ck_assert_ptr_nonnull(p.timer);
    advance_ms(3600000);
    loop_step(p.loop, 0);
    ck_assert_uint_eq(p.calls, 1);
    ck_assert_ptr_null(p.timer);
    advance_ms(3600000);
    loop_step(p.loop, 0);
    ck_assert_uint_eq(p.calls, 1);
    loop_free(p.loop);
}
END_TEST

START_TEST(timers_run_in_the_order_of_their_moments_then_of_their_starts)
{
    struct probe p = {0};
    struct timer *t[3] = {NULL};
    ck_assert_int_eq(loop_new(&p.loop), 0);
    ck_assert_int_eq(timer_start(p.loop, &t[0], 90000, note_c, &p), 0);
    ck_assert_int_eq(timer_start(p.loop, &t[1], 30000, note_a, &p), 0);
    ck_assert_int_eq(timer_start(p.loop, &t[2], 60000, note_b, &p), 0);
    advance_ms(100000);
    loop_step(p.loop, 0);
    ck_assert_str_eq(p.order, "abc");
    loop_free(p.loop);
}
END_TEST

START_TEST(timer_that_is_stopped_or_started_anew_does_not_run_twice)
{
    struct probe p = {0};
    ck_assert_int_eq(loop_new(&p.loop), 0);
    ck_assert_int_eq(timer_start(p.loop, &p.timer, 1000, count_call, &p), 0);
    ck_assert_int_eq(timer_start(p.loop, &p.timer, 60000, count_call, &p), 0);
    advance_ms(2000);
    loop_step(p.loop, 0);
    ck_assert_uint_eq(p.calls, 0);
    timer_stop(&p.timer);
    ck_assert_ptr_null(p.timer);
    timer_stop(&p.timer); /* allowed */
    advance_ms(60000);
    loop_step(p.loop, 0);
    ck_assert_uint_eq(p.calls, 0);
    loop_free(p.loop);
}
END_TEST

static void restart_at_once(void *arg)
{
    struct probe *p = arg;
    ck_assert_ptr_null(p->timer);
    p->restarts++;
    ck_assert_int_eq(timer_start(p->loop, &p->timer, 0, restart_at_once, p), 0);
}

static void stop_the_other(void *arg)
{
    struct probe *p = arg;
    timer_stop(&p->other);
}

START_TEST(timer_may_start_itself_anew_and_starves_nobody)
{
    struct probe p = {0};
    ck_assert_int_eq(loop_new(&p.loop), 0);
    ck_assert_int_eq(timer_start(p.loop, &p.timer, 0, restart_at_once, &p), 0);
    for (int i = 0; i < 3; i++) {
        loop_step(p.loop, 0); /* would not return otherwise */
    }
    ck_assert_uint_ge(p.restarts, 3);
    ck_assert_uint_le(p.restarts, 6);
    timer_stop(&p.timer);
    loop_free(p.loop);
}
END_TEST

START_TEST(timer_may_stop_one_that_is_due_at_the_same_moment)
{
    struct probe p = {0};
    ck_assert_int_eq(loop_new(&p.loop), 0);
    ck_assert_int_eq(timer_start(p.loop, &p.timer, 1000, stop_the_other, &p), 0);
    ck_assert_int_eq(timer_start(p.loop, &p.other, 1001, count_call, &p), 0);
    advance_ms(5000);
    loop_step(p.loop, 0);
    ck_assert_uint_eq(p.calls, 0);
    loop_free(p.loop);
}
END_TEST

#define MANY 500

START_TEST(timers_in_any_number_keep_their_order_when_some_are_stopped)
{
    static struct timer *timers[MANY];
    struct probe p = {0};
    ck_assert_int_eq(loop_new(&p.loop), 0);
    for (unsigned i = 0; i < MANY; i++) {
        uint32_t ms = 1000 * (1 + (i * 7919u) % MANY); /* every second from 1 to MANY, once */
        ck_assert_int_eq(timer_start(p.loop, &timers[i], ms, count_call, &p), 0);
    }
    for (unsigned i = 0; i < MANY; i += 2) {
        timer_stop(&timers[i]);
    }
    advance_ms(MANY * 500); /* half of the time */
    loop_step(p.loop, 0);
    unsigned expected = 0;
    for (unsigned i = 1; i < MANY; i += 2) {
        expected += 1 + (i * 7919u) % MANY <= MANY / 2;
        ck_assert_int_eq(timers[i] == NULL, 1 + (i * 7919u) % MANY <= MANY / 2);
    }
    ck_assert_uint_eq(p.calls, expected);
    loop_free(p.loop); /* frees the rest: the sanitizer run would tell */
    for (unsigned i = 0; i < MANY; i++) {
        ck_assert_ptr_null(timers[i]);
    }
}
END_TEST

static void sofia_timer_ran(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
    (void)magic;
    (void)timer;
    ((struct probe *)arg)->calls++;
}

START_TEST(sofias_timers_follow_our_clock)
{
    struct probe p = {0};
    ck_assert_int_eq(loop_new(&p.loop), 0);
    su_timer_t *timer = su_timer_create(su_root_task(loop_root(p.loop)), 3600000);
    ck_assert_int_eq(su_timer_set(timer, sofia_timer_ran, (su_timer_arg_t *)&p), 0);
    loop_step(p.loop, 0);
    ck_assert_uint_eq(p.calls, 0);
    advance_ms(3600001);
    loop_step(p.loop, 0);
    ck_assert_uint_eq(p.calls, 1);
    su_timer_destroy(timer);
    loop_free(p.loop);
}
END_TEST

struct watched {
    struct loop *loop;
    int fd;
    unsigned calls;
};

static void watched_ready(void *arg)
{
    struct watched *w = arg;
    w->calls++;
    loop_unwatch(w->loop, w->fd);
}

START_TEST(watch_calls_until_unwatched_even_from_inside)
{
    struct watched w = {0};
    ck_assert_int_eq(loop_new(&w.loop), 0);
    w.fd = eventfd(1, EFD_NONBLOCK);
    ck_assert_int_eq(loop_watch(w.loop, w.fd, watched_ready, &w), 0);
    loop_step(w.loop, 100);
    loop_step(w.loop, 0);
    ck_assert_uint_eq(w.calls, 1);
    loop_unwatch(w.loop, w.fd); /* not watched any more: nothing happens */
    loop_free(w.loop);
    close(w.fd);
}
END_TEST

static void *stop_from_aside(void *arg)
{
    loop_stop(arg);
    return NULL;
}

START_TEST(loop_stops_from_another_thread_and_can_run_again)
{
    struct loop *loop;
    pthread_t thread;
    ck_assert_int_eq(loop_new(&loop), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, stop_from_aside, loop), 0);
        loop_run(loop);
        pthread_join(thread, NULL);
    }
    loop_free(loop);
}
END_TEST

START_TEST(clock_text_is_that_of_its_second)
{
    ck_assert_str_eq(clock_text(0), "1970-01-01T00:00:00");
    ck_assert_str_eq(clock_text(1767323045), "2026-01-02T03:04:05");
    ck_assert_str_eq(clock_text(1767323045), "2026-01-02T03:04:05");
    ck_assert_str_eq(clock_text(1767323046), "2026-01-02T03:04:06");
    ck_assert_str_eq(clock_text(0), "1970-01-01T00:00:00");
    ck_assert_str_eq(clock_text((time_t)INT64_MAX), "");
    ck_assert_str_eq(clock_text(1767323045), "2026-01-02T03:04:05");
}
END_TEST

START_TEST(clock_moves_both_times_alike)
{
    uint64_t monotonic = clock_now_us();
    time_t wall = clock_wall();
    clock_advance(86400ull * 1000000);
    ck_assert_uint_ge(clock_now_us(), monotonic + 86400ull * 1000000);
    ck_assert_int_ge(clock_wall(), wall + 86400);
    ck_assert_int_lt(clock_wall_us() / 1000000, wall + 2 * 86400);
}
END_TEST

/* -- ids
 * -----------------------------------------------------------------------------------------------------------
 */

START_TEST(uuid_has_version_4_and_its_variant)
{
    char a[UUID_TEXT], b[UUID_TEXT];
    uuid_make(a);
    uuid_make(b);
    ck_assert_str_ne(a, b);
    ck_assert_uint_eq(strlen(a), 36);
    ck_assert_uint_eq(strspn(a, "0123456789abcdef-"), 36);
    ck_assert(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
    ck_assert_int_eq(a[14], '4');                 /* RFC 9562 §5.4 */
    ck_assert_ptr_nonnull(strchr("89ab", a[19])); /* RFC 9562 §4.1 */
}
END_TEST

START_TEST(random_hex_fills_every_length)
{
    char out[2 * 100 + 2];
    for (size_t bytes = 0; bytes <= 100; bytes++) {
        memset(out, 'z', sizeof out);
        random_hex(out, bytes);
        ck_assert_uint_eq(strlen(out), 2 * bytes);
        ck_assert_uint_eq(strspn(out, "0123456789abcdef"), 2 * bytes);
        ck_assert_int_eq(out[2 * bytes + 1], 'z');
    }
}
END_TEST

/* Small draws come out of a pool, each thread's own: none comes twice, whatever their lengths are. */
static void *names_draw(void *arg)
{
    unsigned char(*names)[16] = arg;

    for (size_t i = 0; i < 1000; i++) {
        unsigned char between[70];
        random_fill(between, i % sizeof between);
        random_fill(names[i], sizeof names[i]);
    }
    return NULL;
}

static int name_compare(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

START_TEST(random_names_never_come_twice)
{
    static unsigned char names[3000][16];
    pthread_t others[2];

    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&others[i], NULL, names_draw, names + 1000 * i), 0);
    names_draw(names + 2000);
    for (size_t i = 0; i < 2; i++)
        pthread_join(others[i], NULL);
    qsort(names, 3000, sizeof names[0], name_compare);
    for (size_t i = 1; i < 3000; i++)
        ck_assert_int_ne(memcmp(names[i - 1], names[i], 16), 0);
}
END_TEST

START_TEST(random_below_stays_below_and_reaches_all)
{
    unsigned seen[5] = {0};
    for (int i = 0; i < 1000; i++) {
        uint32_t drawn = random_below(5);
        ck_assert_uint_lt(drawn, 5);
        seen[drawn]++;
    }
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_gt(seen[i], 0);
    }
    ck_assert_uint_eq(random_below(1), 0);
    ck_assert_uint_eq(random_below(0), 0);
}
END_TEST

/* -- log
 * -----------------------------------------------------------------------------------------------------------
 */

static char logged[8192];

/* Runs fn with standard error sent to a file; `logged` is what it wrote. */
static void capture(void (*fn)(void))
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
    fn();
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    logged[fread(logged, 1, sizeof logged - 1, file)] = '\0';
    fclose(file);
}

static void log_forged(void)
{
    log_event(LEVEL_INFO, "sip", "ab\ncd", "refused from=\"%s\"", "x\r\n2026 info sip accepted\x7f\x1b[0m");
}

START_TEST(log_input_cannot_forge_a_line)
{
    capture(log_forged);
    ck_assert_ptr_eq(strchr(logged, '\n'), logged + strlen(logged) - 1);
    ck_assert_ptr_nonnull(strstr(logged, " info sip call=ab\\x0acd refused from=\"x\\x0d\\x0a2026 info"));
    ck_assert_ptr_nonnull(strstr(logged, "\\x7f\\x1b[0m\"\n"));
    ck_assert_int_eq(logged[10], 'T');
}
END_TEST

static void log_long(void)
{
    static char text[5000];
    memset(text, '\n', sizeof text - 1);
    log_event(LEVEL_ERROR, "base", NULL, "%s", text);
}

START_TEST(log_line_too_long_is_cut_but_ends)
{
    capture(log_long);
    ck_assert_uint_le(strlen(logged), 2048);
    ck_assert_ptr_eq(strchr(logged, '\n'), logged + strlen(logged) - 1);
}
END_TEST

static void log_below(void)
{
    log_set_level(LEVEL_WARNING);
    log_event(LEVEL_NOTICE, "base", NULL, "unseen");
    log_event(LEVEL_WARNING, "base", NULL, "seen");
    log_set_level(LEVEL_INFO);
    log_event(LEVEL_DEBUG, "base", NULL, "unseen");
}

START_TEST(log_level_drops_what_is_below)
{
    capture(log_below);
    ck_assert_ptr_null(strstr(logged, "unseen"));
    ck_assert_ptr_nonnull(strstr(logged, " warning base seen\n"));
    ck_assert_int_eq(log_level_from_name("Notice"), LEVEL_NOTICE);
    ck_assert_int_eq(log_level_from_name("loud"), -1);
}
END_TEST

/* -- media
 * ---------------------------------------------------------------------------------------------------------
 */

START_TEST(codec_facts_are_those_of_the_rfcs)
{
    ck_assert_int_eq(codec_from_name("g722"), CODEC_G722);
    ck_assert_int_eq(codec_from_name("OPUS"), CODEC_OPUS);
    ck_assert_int_eq(codec_from_name("G729"), -1);
    ck_assert_uint_eq(codec_static_pt(CODEC_PCMU), 0); /* RFC 3551 §6 */
    ck_assert_uint_eq(codec_static_pt(CODEC_PCMA), 8);
    ck_assert_uint_eq(codec_static_pt(CODEC_G722), 9);
    ck_assert_uint_eq(codec_static_pt(CODEC_OPUS), MEDIA_NO_PT);
    ck_assert_uint_eq(codec_clock(CODEC_G722), 8000); /* RFC 3551 §4.5.2 */
    ck_assert_uint_eq(codec_rate(CODEC_G722), 16000);
    ck_assert_uint_eq(codec_clock(CODEC_OPUS), 48000); /* RFC 7587 §4.1 */
    ck_assert_str_eq(codec_name(CODEC_PCMA), "PCMA");
}
END_TEST

START_TEST(histogram_knows_every_duration_to_an_eighth)
{
    unsigned last = 0;

    for (uint64_t us = 0; us < 4000000; us += 1 + us / 100) {
        unsigned bucket = histogram_bucket(us);
        ck_assert_uint_ge(bucket, last);
        ck_assert_uint_lt(bucket, HISTOGRAM_BUCKETS);
        ck_assert_uint_ge(histogram_limit(bucket), us);
        ck_assert_uint_le(histogram_limit(bucket), us + us / 8);
        if (bucket > 0)
            ck_assert_uint_lt(histogram_limit(bucket - 1), us);
        last = bucket;
    }
    ck_assert_uint_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}
END_TEST

START_TEST(histogram_quantiles_are_those_of_a_sorted_list)
{
    uint64_t counts[HISTOGRAM_BUCKETS] = {0};

    ck_assert_uint_eq(histogram_quantile(counts, 500), 0);
    for (uint64_t us = 1; us <= 1000; us++)
        counts[histogram_bucket(us)]++;
    for (unsigned parts = 1; parts <= 1000; parts += 27)
        ck_assert_uint_eq(histogram_quantile(counts, parts), histogram_limit(histogram_bucket(parts)));
    ck_assert_uint_eq(histogram_quantile(counts, 1000), histogram_limit(histogram_bucket(1000)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *c = tcase_create("base");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, queue_keeps_order_and_refuses_when_full);
    tcase_add_test(c, queue_descriptor_tells_of_items_but_not_of_quiet_ones);
    tcase_add_test(c, queue_refuses_nonsense_sizes);
    tcase_add_test(c, queue_loses_and_doubles_nothing_between_threads);
    tcase_add_test(c, queue_close_ends_a_wait_after_the_last_item);
    tcase_add_test(c, timer_runs_once_and_an_hour_passes_in_a_moment);
    tcase_add_test(c, timers_run_in_the_order_of_their_moments_then_of_their_starts);
    tcase_add_test(c, timer_that_is_stopped_or_started_anew_does_not_run_twice);
    tcase_add_test(c, timer_may_start_itself_anew_and_starves_nobody);
    tcase_add_test(c, timer_may_stop_one_that_is_due_at_the_same_moment);
    tcase_add_test(c, timers_in_any_number_keep_their_order_when_some_are_stopped);
    tcase_add_test(c, sofias_timers_follow_our_clock);
    tcase_add_test(c, watch_calls_until_unwatched_even_from_inside);
    tcase_add_test(c, loop_stops_from_another_thread_and_can_run_again);
    tcase_add_test(c, clock_moves_both_times_alike);
    tcase_add_test(c, clock_text_is_that_of_its_second);
    tcase_add_test(c, uuid_has_version_4_and_its_variant);
    tcase_add_test(c, random_hex_fills_every_length);
    tcase_add_test(c, random_names_never_come_twice);
    tcase_add_test(c, random_below_stays_below_and_reaches_all);
    tcase_add_test(c, log_input_cannot_forge_a_line);
    tcase_add_test(c, log_line_too_long_is_cut_but_ends);
    tcase_add_test(c, log_level_drops_what_is_below);
    tcase_add_test(c, codec_facts_are_those_of_the_rfcs);
    tcase_add_test(c, histogram_knows_every_duration_to_an_eighth);
    tcase_add_test(c, histogram_quantiles_are_those_of_a_sorted_list);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
