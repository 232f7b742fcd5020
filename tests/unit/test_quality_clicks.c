/* That nothing clicks: low tones are mixed, something changes, and above 2 kHz nothing louder than -50 dBFS
 * may be heard then. */
#include "tests/unit/stage.h"

#include <math.h>
#include <stdlib.h>

#define CLICK_DBFS (-50.0)
#define SETTLED_MS 1500

static room_id room;

static void begin(void)
{
    stage_begin("plain", 16);
    room = stage_room(0);
}

static struct member *talker(enum codec codec, double hz, double amplitude)
{
    struct member *m = member_join(codec, room);

    m->voice = voice_tone;
    m->hz = hz;
    m->amplitude = amplitude;
    return m;
}

/* From `ms` of the stage's time until now. */
static void heard_smoothly(const struct member *m, unsigned ms, const char *what)
{
    size_t from = (size_t)ms * m->rate / 1000, samples = m->heard.count - from;
    double click = sound_click(line_part(&m->heard, from, samples), samples, m->rate);

    ck_assert_msg(click < CLICK_DBFS, "%s (codec %d): a click of %.1f dBFS", what, (int)m->codec, click);
}

/* And never gone nor doubled: each 20 ms of a steady tone is as loud as it should be. */
static void heard_steadily(const struct member *m, unsigned ms, double dbfs, const char *what)
{
    size_t window = m->rate / 50;

    for (size_t at = (size_t)ms * m->rate / 1000; at + window <= m->heard.count; at += window) {
        double level = sound_level(m->heard.samples + at, window);
        if (fabs(level - dbfs) > 1.5)
            ck_abort_msg("%s (codec %d): %.1f dBFS at %zu ms", what, (int)m->codec, level,
                         at * 1000 / m->rate);
    }
}

static double dbfs_of(double amplitude)
{
    return 20 * log10(amplitude / 32768) - 3.01;
}

static int16_t voice_swell(struct member *m, uint64_t at)
{
    double seconds = (double)at / m->rate;

    return (int16_t)lrint(m->amplitude * pow(10, sin(seconds * (1 + 0.02 * m->hz)) - 1) *
                          sin(2 * M_PI * m->hz * seconds));
}

static unsigned speakers_set(void)
{
    unsigned set = 0;

    for (unsigned i = 0; i < ROOM_SLOTS; i++) {
        const struct room_entry *e = room_entry_find(stage, room);
        const struct port *p = shard_of(e, e->worker)->speakers[i].port;
        set |= p ? 1U << p->index : 0;
    }
    return set;
}

/* More talk than are heard, louder and softer in turns, so that they take places from each other. */
START_TEST(speakers_change_without_a_click)
{
    unsigned changes = 0, set = 0;
    struct member *listener = member_join((enum codec[]){CODEC_PCMU, CODEC_G722}[_i], room);

    for (unsigned i = 0; i < 10; i++) {
        struct member *m = talker(i % 2 ? CODEC_PCMU : CODEC_PCMA, 110 + 33 * i, 300);
        m->voice = voice_swell;
    }
    stage_run(SETTLED_MS);
    for (unsigned t = 0; t < 15000; t += TICK_MS) {
        stage_run(TICK_MS);
        changes += speakers_set() != set;
        set = speakers_set();
    }
    ck_assert_uint_gt(changes, 20);
    heard_smoothly(listener, SETTLED_MS, "changes of speakers");
}
END_TEST

/* In a room of both rates, so that resamplers lie between some of them. */
static struct member *ears[4];

static void ears_join(void)
{
    for (unsigned i = 0; i < 4; i++)
        ears[i] = member_join((enum codec[]){CODEC_PCMU, CODEC_PCMA, CODEC_G722, CODEC_OPUS}[i], room);
}

static void ears_heard_smoothly(unsigned ms, const char *what)
{
    for (unsigned i = 0; i < 4; i++)
        heard_smoothly(ears[i], ms, what);
}

START_TEST(members_come_and_go_without_a_click)
{
    ears_join();
    struct member *a = talker(CODEC_PCMU, 170, 500), *b = talker(CODEC_G722, 230, 500);
    stage_run(SETTLED_MS);
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_int_eq(port_connect_none(stage, a->port), 0);
        stage_run(330 + 10 * (i & 1));
        ck_assert_int_eq(port_connect_room(stage, a->port, room), 0);
        ck_assert_int_eq(port_connect_echo(stage, b->port), 0);
        stage_run(310);
        ck_assert_int_eq(port_connect_room(stage, b->port, room), 0);
        stage_run(100);
    }
    member_close(a);
    stage_run(300);
    member_close(b);
    stage_run(300);
    ears_heard_smoothly(SETTLED_MS, "coming and going");
}
END_TEST

START_TEST(mute_does_not_click)
{
    ears_join();
    struct member *a = talker(CODEC_PCMU, 170, 500);
    (void)talker(CODEC_G722, 230, 500);
    stage_run(SETTLED_MS);
    for (unsigned i = 0; i < 12; i++) {
        ck_assert_int_eq(port_set_mute(stage, a->port, i % 2 == 0), 0);
        stage_run(170 + 10 * (i & 3));
    }
    ears_heard_smoothly(SETTLED_MS, "mute");
}
END_TEST

START_TEST(gains_do_not_click)
{
    ears_join();
    struct member *a = talker(CODEC_PCMU, 170, 500), *b = talker(CODEC_OPUS, 230, 500);
    stage_run(SETTLED_MS);
    for (unsigned i = 0; i < 12; i++) {
        ck_assert_int_eq(port_set_gains(stage, a->port, i % 2 ? 6 : -20, 0), 0);
        ck_assert_int_eq(port_set_gains(stage, b->port, 0, i % 2 ? 6 : -20), 0);
        for (unsigned k = 0; k < 4; k++) {
            ck_assert_int_eq(port_set_gains(stage, ears[k]->port, 0, i % 3 ? -10 : 0), 0);
            ck_assert_int_eq(port_set_deaf(stage, ears[k]->port, i % 4 == 3), 0);
        }
        stage_run(170 + 10 * (i & 3));
    }
    ears_heard_smoothly(SETTLED_MS, "gains");
    heard_smoothly(b, SETTLED_MS, "own listening gain");
}
END_TEST

/* Each listener says a word now and then; what he hears of the other goes on as before. */
START_TEST(listener_begins_to_talk_without_a_click)
{
    (void)talker((enum codec[]){CODEC_PCMU, CODEC_G722}[_i], 250, 1000);
    ears_join();
    stage_run(SETTLED_MS);
    for (unsigned i = 0; i < 8; i++) {
        struct member *m = ears[i % 4];
        m->voice = voice_tone;
        m->hz = 190;
        m->amplitude = 800;
        unsigned began = stage_ticks * TICK_MS;
        stage_run(400 + 10 * i);
        m->voice = voice_silent;
        stage_run(1700);
        heard_smoothly(m, began, "a word of his own");
        heard_steadily(m, began, dbfs_of(1000), "a word of his own");
    }
}
END_TEST

START_TEST(first_wide_member_comes_without_a_click)
{
    struct member *listener = member_join(CODEC_PCMU, room);
    (void)talker(CODEC_PCMU, 250, 1000);
    stage_run(SETTLED_MS);
    struct member *wide = member_join(CODEC_G722, room);
    stage_run(500);
    struct member *wider = member_join(CODEC_OPUS, room);
    stage_run(500);
    member_close(wider);
    stage_run(500);
    member_close(wide);
    stage_run(500);
    heard_smoothly(listener, SETTLED_MS, "another rate");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quality: clicks");
    TCase *tcase = tcase_create("clicks");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, begin, stage_end);
    tcase_add_loop_test(tcase, speakers_change_without_a_click, 0, 2);
    tcase_add_test(tcase, members_come_and_go_without_a_click);
    tcase_add_test(tcase, mute_does_not_click);
    tcase_add_test(tcase, gains_do_not_click);
    tcase_add_loop_test(tcase, listener_begins_to_talk_without_a_click, 0, 2);
    tcase_add_test(tcase, first_wide_member_comes_without_a_click);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
