/*
 * A play as its listener hears it: places, pauses, speed, and packets cut from what is encoded already.
 */
#include "tests/unit/player_kit.h"

#define RAMP_STEP 4 /* samples at 16 kHz for each step of a ramp, so that a sample's value is its place */

/* Its value tells the place: up to eight seconds. */
static sound_id ramp_of(const char *name, unsigned seconds, int first)
{
    static int16_t in[16000 * 8];

    for (size_t i = 0; i < 16000 * seconds; i++)
        in[i] = (int16_t)(first + (int)(i / RAMP_STEP));
    return sound_of(name, in, 16000 * seconds, 16000);
}

/* The ramp's place, in ms, at the end of the next 10 ms, by which a leap's blend is over. */
static double place_in(struct player *p, int first)
{
    int16_t out[160];

    ck_assert(player_render(p, 16000, out));
    return (out[159] - first) * RAMP_STEP / 16.0 - 10;
}

/* -- places
 * -----------------------------------------------------------------------------------------------------------
 */

/* To whichever item, with the count of what was played, for a sound of any codec. */
START_TEST(seek_lands_in_any_item)
{
    static const unsigned places[] = {0, 700, 1980, 2000, 2043, 4100, 6500, 7000, 3};
    struct player p = {0};
    struct play_item items[] = {{0}, {.ms = 100}, {0}, {0}};

    items[0].sound = ramp_of("a.wav", 2, -30000);
    items[2].sound = ramp_of("b.wav", 2, -20000);
    items[3].sound = ramp_of("c.wav", 4, 0);
    start(&p, items, 4, false);
    p.kind = _i ? ENCODING_OPUS : ENCODING_NONE;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        double wanted = places[i], place;

        player_seek(&p, places[i]);
        ck_assert_double_eq_tol(p.played_ms, wanted, 10);
        if (wanted < 2000) {
            place = place_in(&p, -30000);
        } else if (wanted < 2100) {
            ck_assert_uint_eq(p.at, 1);
            continue;
        } else if (wanted < 4100) {
            place = 2100 + place_in(&p, -20000);
        } else {
            place = 4100 + place_in(&p, 0);
        }
        ck_assert_double_eq_tol(place, wanted, 10);
        ck_assert_double_eq_tol(p.played_ms, place + 10, 1);
    }
    player_seek(&p, 8101);
    ck_assert(player_ended(&p));
    ck_assert_uint_eq(p.played_ms, 8100);
}
END_TEST

START_TEST(skip_crosses_items_both_ways)
{
    int16_t out[480];
    struct player p = {0};
    struct play_item items[] = {{0}, {0}, {.ms = 50}};

    items[0].sound = ramp_of("a.wav", 2, -30000);
    items[1].sound = ramp_of("b.wav", 2, 0);
    start(&p, items, 3, false);
    player_skip(&p, 500);
    ck_assert_double_eq_tol(place_in(&p, -30000), 500, 1);
    ck_assert_uint_eq(p.played_ms, 510);
    player_skip(&p, 2000);
    ck_assert_double_eq_tol(place_in(&p, 0), 510, 1);
    ck_assert_uint_eq(p.played_ms, 2520);
    player_skip(&p, -1000);
    ck_assert_double_eq_tol(place_in(&p, -30000), 1520, 1);
    player_skip(&p, INT32_MIN);
    ck_assert_double_eq_tol(place_in(&p, -30000), 0, 1);
    ck_assert_uint_eq(p.played_ms, 10);
    player_skip(&p, 4000); /* 10 ms into the silence */
    ck_assert(player_render(&p, 16000, out));
    ck_assert(player_render(&p, 16000, out));
    for (int i = 0; i < 160; i++)
        ck_assert_int_eq(out[i], 0);
    ck_assert_uint_eq(p.played_ms, 4030);
    player_skip(&p, 60000);
    ck_assert(player_ended(&p));
    ck_assert_uint_eq(p.played_ms, 4050);
}
END_TEST

/* "From … received …", then the message: skipping back stays in the message, skipping on misses none of it.
 */
START_TEST(skip_stops_at_a_chapter)
{
    struct player p = {0};
    struct play_item items[] = {{0}, {0}, {.chapter = true}, {0}};

    items[0].sound = ramp_of("a.wav", 2, -30000);
    items[1].sound = ramp_of("b.wav", 2, -20000);
    items[2].sound = ramp_of("c.wav", 2, 0);
    items[3].sound = ramp_of("d.wav", 2, 10000);
    start(&p, items, 4, false);
    player_skip(&p, 3000);
    ck_assert_double_eq_tol(place_in(&p, -20000), 1000, 1);
    player_skip(&p, 3000);
    ck_assert_double_eq_tol(place_in(&p, 0), 0, 1);
    player_skip(&p, 3000);
    ck_assert_double_eq_tol(place_in(&p, 10000), 1010, 1);
    player_skip(&p, -3000);
    ck_assert_double_eq_tol(place_in(&p, 0), 20, 1);
    player_skip(&p, -3000);
    ck_assert_double_eq_tol(place_in(&p, 0), 0, 1);
    ck_assert_uint_eq(p.played_ms, 4010);
    player_skip(&p, INT32_MIN);
    ck_assert_double_eq_tol(place_in(&p, 0), 0, 1);
    player_stop(&p);
}
END_TEST

/* -- without a click
 * ------------------------------------------------------------------------------------------------- */

/* The steepest bend of a curve; a tone's own is amplitude times (2 pi f / rate) squared. */
static double bend(const int16_t *in, size_t count)
{
    double most = 0;

    for (size_t i = 2; i < count; i++)
        most = fmax(most, fabs((double)in[i] - 2.0 * in[i - 1] + in[i - 2]));
    return most;
}

static double tone_bend(double hz, unsigned rate)
{
    return 8000 * (2 * M_PI * hz / rate) * (2 * M_PI * hz / rate);
}

static const unsigned all_rates[] = {8000, 16000, 48000};

START_TEST(pause_comes_and_goes_softly)
{
    static int16_t out[48000];
    unsigned rate = all_rates[_i], frame = rate / 100;
    struct play_item item = {.sound = tone_of(300, 2)};
    struct player p = {0};
    size_t n;
    uint32_t place;

    start(&p, &item, 1, false);
    n = render(&p, rate, out, 20);
    player_pause(&p, true);
    n += render(&p, rate, out + n, 1); /* fades */
    place = p.position;
    for (int i = 0; i < 10; i++) {
        ck_assert(!player_render(&p, rate, out + n));
        ck_assert(!player_ended(&p));
        memset(out + n, 0, frame * sizeof *out);
        n += frame;
    }
    ck_assert_uint_eq(p.position, place);
    ck_assert_uint_eq(p.played_ms, 210);
    player_pause(&p, false);
    n += render(&p, rate, out + n, 20);
    ck_assert_uint_eq(p.position, place + 20 * 160);
    /* A cut of this tone would bend by thousands. */
    ck_assert_double_le(bend(out + frame, n - frame), 1.5 * tone_bend(300, rate) + 40);
    player_stop(&p);
}
END_TEST

/* A play that is paused before its first sound is not heard at all until it goes on. */
START_TEST(pause_before_the_beginning)
{
    struct play_item item = {.sound = tone_of(300, 2)};
    struct player p = {0};
    int16_t out[160];

    start(&p, &item, 1, false);
    player_pause(&p, true);
    ck_assert(!player_render(&p, 16000, out));
    player_pause(&p, false);
    ck_assert(player_render(&p, 16000, out));
    player_stop(&p);
}
END_TEST

static unsigned crossings(const int16_t *in, size_t count)
{
    unsigned n = 0;

    for (size_t i = 1; i < count; i++)
        n += in[i - 1] < 0 && in[i] >= 0;
    return n;
}

static const struct {
    unsigned percent, rate;
    double hz;
} speeds[] = {{75, 8000, 440},   {200, 8000, 440},   {75, 16000, 440},  {200, 16000, 440}, {150, 16000, 130},
              {125, 48000, 700}, {200, 48000, 1000}, {100, 16000, 440}, {80, 8000, 90}};

/* Another length, the same pitch, nowhere a click. */
START_TEST(speed_keeps_the_pitch)
{
    static int16_t out[48000 * 14];
    unsigned rate = speeds[_i].rate;
    double hz = speeds[_i].hz, wanted = 8.0 * 100 / speeds[_i].percent;
    struct play_item item = {.sound = tone_of(hz, 8)};
    struct player p = {0};
    size_t n = 0;

    start(&p, &item, 1, false);
    player_speed(&p, speeds[_i].percent);
    while (!player_ended(&p))
        n += render(&p, rate, out + n, 1);
    ck_assert_double_eq_tol((double)n / rate, wanted, 0.02 * wanted);
    ck_assert_uint_eq(p.played_ms, 8000);
    n -= rate / 20;
    ck_assert_double_eq_tol(crossings(out, n) * (double)rate / (double)n, hz, 0.01 * hz);
    ck_assert_double_le(bend(out + rate / 100, n - rate / 100), 2 * tone_bend(hz, rate) + 60);
}
END_TEST

/* Changes at any time, and back, act at once; the place counts in the sound's own time. */
START_TEST(speed_changes_softly)
{
    static const unsigned steps[] = {100, 200, 75, 100, 133, 100, 180};
    static int16_t out[48000 * 8];
    struct play_item item = {.sound = tone_of(300, 20)};
    struct player p = {0};
    double wanted = 0;
    size_t n = 0;

    start(&p, &item, 1, false);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        player_speed(&p, steps[i]);
        n += render(&p, 16000, out + n, 37);
        wanted += 370 * steps[i] / 100.0;
        /* Back at normal speed it may be some milliseconds ahead or behind, up to a leap's reach. */
        ck_assert_double_eq_tol(p.played_ms, wanted, 40);
    }
    ck_assert_double_le(bend(out + 160, n - 160), 2 * tone_bend(300, 16000) + 60);
    player_stop(&p);
}
END_TEST

START_TEST(leaps_are_blended)
{
    static int16_t out[16000];
    struct play_item item = {.sound = tone_of(300, 20)};
    struct player p = {0};
    size_t n;

    start(&p, &item, 1, false);
    n = render(&p, 16000, out, 10);
    player_skip(&p, 3001);
    n += render(&p, 16000, out + n, 10);
    player_seek(&p, 0);
    n += render(&p, 16000, out + n, 10);
    player_skip(&p, 1235);
    n += render(&p, 16000, out + n, 10);
    ck_assert_double_le(bend(out + 160, n - 160), 2 * tone_bend(300, 16000) + 60);
    player_stop(&p);
}
END_TEST

static double power_db(const int16_t *in, size_t count)
{
    double power = 0;

    for (size_t i = 0; i < count; i++)
        power += (double)in[i] * in[i];
    return 10 * log10(power / (double)count + 1e-9);
}

START_TEST(gain_changes_softly)
{
    static int16_t out[48000];
    struct play_item item = {.sound = tone_of(300, 4)};
    struct player p = {0};
    size_t n;

    start(&p, &item, 1, false);
    n = render(&p, 16000, out, 50);
    player_gain(&p, gain_q12(6));
    n += render(&p, 16000, out + n, 50);
    player_gain(&p, gain_q12(-12));
    n += render(&p, 16000, out + n, 50);
    ck_assert_double_eq_tol(power_db(out + 8800, 6400) - power_db(out + 800, 6400), 6, 0.1);
    ck_assert_double_eq_tol(power_db(out + 16800, 6400) - power_db(out + 800, 6400), -12, 0.1);
    ck_assert_double_le(bend(out, n), 2 * tone_bend(300, 16000) * 2 + 60);
    player_stop(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("player");
    TCase *c = tcase_create("player");
    SRunner *runner;
    int failed;

    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, player_begin, player_end);
    tcase_add_loop_test(c, seek_lands_in_any_item, 0, 2);
    tcase_add_test(c, skip_crosses_items_both_ways);
    tcase_add_test(c, skip_stops_at_a_chapter);
    tcase_add_loop_test(c, pause_comes_and_goes_softly, 0, 3);
    tcase_add_test(c, pause_before_the_beginning);
    tcase_add_loop_test(c, speed_keeps_the_pitch, 0, sizeof speeds / sizeof *speeds);
    tcase_add_test(c, speed_changes_softly);
    tcase_add_test(c, leaps_are_blended);
    tcase_add_test(c, gain_changes_softly);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
