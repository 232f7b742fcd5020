/*
 * Loading, levelling and playing of sounds.
 */
#include "mixer/codec.h"
#include "mixer/files.h"
#include "mixer/sound_internal.h"
#include "tests/unit/mixer_double.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <unistd.h>

static struct mixer mixer;

static void set_up(void)
{
    folder_make();
    double_start(&mixer);
}

static void tear_down(void)
{
    double_stop(&mixer);
    folder_remove();
}

static void fill_sine(int16_t *out, size_t count, unsigned rate, double hz, double dbov)
{
    double amplitude = 32768 * M_SQRT2 * pow(10, dbov / 20);

    for (size_t i = 0; i < count; i++)
        out[i] = (int16_t)lrint(amplitude * sin(2 * M_PI * hz * (double)i / rate));
}

static double tone_level(const int16_t *in, size_t count, unsigned rate, double hz)
{
    double re = 0, im = 0;

    for (size_t i = 0; i < count; i++) {
        re += in[i] * cos(2 * M_PI * hz * (double)i / rate);
        im += in[i] * sin(2 * M_PI * hz * (double)i / rate);
    }
    return 10 *
           log10(fmax(2 * (re * re + im * im) / (double)count / (double)count, 1e-9) / 32768.0 / 32768.0);
}

static void wav_write(const char *name, const int16_t *frames, size_t count, unsigned rate, int channels)
{
    SF_INFO info = {
        .samplerate = (int)rate, .channels = channels, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(in_folder(name), SFM_WRITE, &info);

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(sf_writef_short(file, frames, (sf_count_t)count), (sf_count_t)count);
    sf_close(file);
}

static void bytes_write(const char *name, const void *bytes, size_t length)
{
    FILE *file = fopen(in_folder(name), "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static sound_id load_now(const char *name, bool level)
{
    sound_id id = 0;

    ck_assert_int_eq(double_load(&mixer, in_folder(name), level, &id), 0);
    ck_assert_uint_ne(id, 0);
    return id;
}

static void start(struct player *p, const struct play_item *items, unsigned count, bool repeat)
{
    ck_assert_int_eq(player_hold(mixer.sounds, items, count), 0);
    player_start(p, mixer.sounds, 7, items, count, repeat);
}

/* Renders to the end; returns the samples. */
static size_t render_all(struct player *p, unsigned rate, int16_t *out, size_t max)
{
    size_t count = 0;

    while (!player_ended(p)) {
        ck_assert_uint_le(count + rate / 100, max);
        ck_assert(player_render(p, rate, out + count));
        count += rate / 100;
    }
    return count;
}

/* -- loading
 * ----------------------------------------------------------------------------------------------------------
 */

static const struct {
    unsigned rate;
    int channels;
} files[] = {{8000, 1}, {16000, 1}, {44100, 1}, {48000, 2}, {11025, 1}, {6000, 1}};

/* Any rate and any number of channels ends up at both of ours, with its level and length. */
START_TEST(file_plays_at_every_rate)
{
    static const unsigned rates[] = {8000, 16000, 48000};
    static int16_t mono[48000], frames[96000], out[48000 + 480];
    unsigned rate = files[_i].rate;
    struct player p = {0};
    struct play_item item = {0};

    fill_sine(mono, rate, rate, 1000, -20);
    for (size_t i = 0; i < rate; i++) {
        for (int channel = 0; channel < files[_i].channels; channel++)
            frames[i * (size_t)files[_i].channels + (size_t)channel] = mono[i];
    }
    wav_write("tone.wav", frames, rate, rate, files[_i].channels);
    item.sound = load_now("tone.wav", false);
    for (int r = 0; r < 3; r++) {
        size_t count;

        start(&p, &item, 1, false);
        count = render_all(&p, rates[r], out, sizeof out / sizeof *out);
        ck_assert_uint_eq(count, rates[r]);
        ck_assert_uint_eq(p.played_ms, 1000);
        ck_assert_double_eq_tol(tone_level(out + rates[r] / 4, rates[r] / 2, rates[r], 1000), -20, 0.5);
        /* Nothing but the tone: no image of the interpolation, no alias. */
        ck_assert_double_ge(tone_level(out + rates[r] / 4, rates[r] / 2, rates[r], 1000) -
                                tone_level(out + rates[r] / 4, rates[r] / 2, rates[r], 3000),
                            40);
    }
}
END_TEST

START_TEST(interpolation_leaves_no_image)
{
    static int16_t in[16000], out[48000];
    struct player p = {0};
    struct play_item item = {0};

    fill_sine(in, 16000, 16000, 5000, -10);
    wav_write("tone.wav", in, 16000, 16000, 1);
    item.sound = load_now("tone.wav", false);
    start(&p, &item, 1, false);
    ck_assert_uint_eq(render_all(&p, 48000, out, 48000), 48000);
    ck_assert_double_eq_tol(tone_level(out + 12000, 24000, 48000, 5000), -10, 0.5);
    ck_assert_double_le(tone_level(out + 12000, 24000, 48000, 11000), -50);
    ck_assert_double_le(tone_level(out + 12000, 24000, 48000, 21000), -50);
}
END_TEST

START_TEST(g722_file_is_wideband)
{
    static int16_t in[16000], out[16000];
    static uint8_t coded[8000];
    struct player p = {0};
    struct play_item item = {0};
    struct encoder *e;

    fill_sine(in, 16000, 16000, 5000, -20);
    ck_assert_int_eq(encoder_new(&e, CODEC_G722, 16000, 20, false, false), 0);
    for (int i = 0; i < 50; i++)
        ck_assert_uint_eq(encoder_encode(e, in + i * 320, 320, coded + i * 160, 160), 160);
    encoder_free(e);
    bytes_write("tone.g722", coded, sizeof coded);
    item.sound = load_now("tone.g722", false);
    start(&p, &item, 1, false);
    ck_assert_uint_eq(render_all(&p, 16000, out, 16000), 16000);
    ck_assert_double_eq_tol(tone_level(out + 4000, 8000, 16000, 5000), -20, 1);
}
END_TEST

static void wait_for_count(unsigned wanted)
{
    while (sounds_count(mixer.sounds) != wanted)
        usleep(1000);
}

START_TEST(bad_files_are_told_apart)
{
    sound_id id = 0;

    bytes_write("text.wav", "this is no sound at all, is it", 30);
    bytes_write("empty.wav", "", 0);
    bytes_write("empty.g722", "", 0);
    ck_assert_int_eq(double_load(&mixer, in_folder("text.wav"), false, &id), EINVAL);
    ck_assert_int_eq(double_load(&mixer, in_folder("empty.wav"), false, &id), EINVAL);
    ck_assert_int_eq(double_load(&mixer, in_folder("empty.g722"), false, &id), EINVAL);
    ck_assert_int_eq(double_load(&mixer, in_folder("missing.wav"), false, &id), ENOENT);
    ck_assert_int_eq(double_load(&mixer, test_folder, false, &id), EINVAL);
    ck_assert_uint_eq(id, 0);
    wait_for_count(0);
}
END_TEST

/* Loads in the background tell their outcome, each once, in the order asked for. */
START_TEST(background_load_reports)
{
    int16_t in[8000] = {0};
    sound_id good = 0, missing = 0, bad = 0;
    struct mixer_event event;

    wav_write("half.wav", in, 4000, 8000, 1);
    bytes_write("text.wav", "nothing to hear", 15);
    ck_assert_int_eq(sound_load(&mixer, in_folder("half.wav"), false, &good), 0);
    ck_assert_int_eq(sound_load(&mixer, in_folder("missing.wav"), true, &missing), 0);
    ck_assert_int_eq(sound_load(&mixer, in_folder("text.wav"), true, &bad), 0);
    event = double_event(&mixer);
    ck_assert_int_eq(event.type, EVENT_SOUND_LOADED);
    ck_assert_uint_eq(event.sound, good);
    ck_assert_int_eq(event.error, 0);
    ck_assert_uint_eq(event.ms, 500);
    event = double_event(&mixer);
    ck_assert_uint_eq(event.sound, missing);
    ck_assert_int_eq(event.error, ENOENT);
    event = double_event(&mixer);
    ck_assert_uint_eq(event.sound, bad);
    ck_assert_int_eq(event.error, EINVAL);
    ck_assert_uint_eq(sounds_count(mixer.sounds), 3);
}
END_TEST

/* A dropped sound's id is an error, also when its slot is used again; what plays keeps its samples until it
 * ends. */
START_TEST(dropped_sound_lives_while_it_plays)
{
    static int16_t in[8000], out[8000];
    struct player p = {0};
    struct play_item item = {0};

    fill_sine(in, 8000, 8000, 500, -20);
    wav_write("tone.wav", in, 8000, 8000, 1);
    item.sound = load_now("tone.wav", false);
    start(&p, &item, 1, false);
    sound_drop(&mixer, item.sound);
    sound_drop(&mixer, item.sound); /* a stale id is nobody's */
    ck_assert_int_eq(player_hold(mixer.sounds, &item, 1), EINVAL);
    usleep(600000); /* a turn of the file thread, which must leave it alone */
    ck_assert_uint_eq(sounds_count(mixer.sounds), 1);
    ck_assert_uint_eq(render_all(&p, 8000, out, 8000), 8000);
    ck_assert_mem_eq(in, out, sizeof in);
    wait_for_count(0);
}
END_TEST

START_TEST(hold_is_all_or_nothing)
{
    struct play_item items[PLAY_ITEMS_MAX + 1] = {0};
    int16_t in[80] = {0};

    wav_write("short.wav", in, 80, 8000, 1);
    items[0].sound = load_now("short.wav", false);
    items[1].sound = items[0].sound + (1u << SOUNDS_INDEX_BITS);
    ck_assert_int_eq(player_hold(mixer.sounds, items, 2), EINVAL);
    items[1].sound = 0;
    ck_assert_int_eq(player_hold(mixer.sounds, items, PLAY_ITEMS_MAX + 1), EINVAL);
    ck_assert_int_eq(player_hold(mixer.sounds, items, PLAY_ITEMS_MAX), 0);
    player_release(mixer.sounds, items, PLAY_ITEMS_MAX);
    sound_drop(&mixer, items[0].sound);
    wait_for_count(0);
}
END_TEST

START_TEST(table_is_bounded)
{
    static sound_id ids[SOUNDS_MAX];
    int16_t in[2] = {0};
    sound_id more = 0;

    wav_write("tiny.wav", in, 2, 8000, 1);
    for (unsigned i = 0; i < SOUNDS_MAX; i++)
        ck_assert_int_eq(double_load(&mixer, in_folder("tiny.wav"), false, &ids[i]), 0);
    ck_assert_int_eq(double_load(&mixer, in_folder("tiny.wav"), false, &more), ENFILE);
    ck_assert_int_eq(sound_load(&mixer, in_folder("tiny.wav"), false, &more), ENFILE);
    sound_drop(&mixer, ids[100]);
    wait_for_count(SOUNDS_MAX - 1);
    ck_assert_int_eq(double_load(&mixer, in_folder("tiny.wav"), false, &more), 0);
    ck_assert_uint_ne(more, ids[100]);
}
END_TEST

/* -- levelling
 * -------------------------------------------------------------------------------------------------------- */

/* Bursts like words in long silence, at a given level: prompts come from many sessions. */
static size_t fill_words(int16_t *out, double dbov)
{
    size_t at = 4000;

    memset(out, 0, 48000 * sizeof *out);
    for (int word = 0; word < 5; word++, at += 6400)
        fill_sine(out + at, 3200, 16000, 300 + 50 * word, dbov);
    return 48000;
}

START_TEST(prompt_is_brought_to_one_level)
{
    static int16_t in[48000], out[48000];
    static float samples[48000];
    static const double levels[] = {-35, -26, -17.5, -12};
    struct player p = {0};
    struct play_item item = {0};
    size_t count = fill_words(in, levels[_i]);

    wav_write("words.wav", in, count, 16000, 1);
    item.sound = load_now("words.wav", true);
    start(&p, &item, 1, false);
    count = render_all(&p, 16000, out, 48000);
    /* Five words of 200 ms, four pauses of 200 ms, 30 ms of silence on each side. */
    ck_assert_uint_ge(count, 16 * 1860);
    ck_assert_uint_le(count, 16 * 1890);
    for (size_t i = 0; i < 16 * 20; i++)
        ck_assert_int_eq(out[i], 0);
    for (size_t i = 0; i < count; i++)
        samples[i] = (float)out[i] / 32768;
    ck_assert_double_eq_tol(speech_level(samples, count, 16000), -20, 0.5);
    item.sound = load_now("words.wav", false);
    start(&p, &item, 1, false);
    ck_assert_uint_eq(render_all(&p, 16000, out, 48000), 48000);
    ck_assert_mem_eq(in, out, sizeof in); /* without levelling it is played as it is */
}
END_TEST

/* A voice with sharp peaks: they are held below full scale instead of being cut off. */
START_TEST(peaks_are_limited_not_clipped)
{
    static float samples[32000];
    float peak = 0;
    unsigned flat = 0;
    size_t count;

    for (size_t i = 0; i < 32000; i++)
        samples[i] = (float)(0.02 * sin(2 * M_PI * 300 * (double)i / 16000));
    for (size_t i = 1000; i < 31000; i += 2000) {
        for (size_t k = 0; k < 40; k++)
            samples[i + k] += (float)(0.7 * sin(M_PI * (double)k / 40));
    }
    count = speech_normalise(samples, 32000, 16000);
    for (size_t i = 1; i < count; i++) {
        peak = fmaxf(peak, fabsf(samples[i]));
        flat += fabsf(samples[i]) > 0.94f && samples[i] == samples[i - 1];
    }
    ck_assert_float_le(peak, 0.951f);
    ck_assert_float_ge(peak, 0.5f);
    ck_assert_uint_eq(flat, 0);
}
END_TEST

START_TEST(silence_is_not_amplified)
{
    static float zero[16000], faint[16000];

    ck_assert_uint_eq(speech_normalise(zero, 16000, 16000), 16000);
    ck_assert_uint_eq(speech_normalise(zero, 0, 16000), 0);
    for (size_t i = 0; i < 16000; i++)
        faint[i] = (i & 1 ? 1 : -1) * 0.0005f;
    ck_assert_uint_eq(speech_normalise(faint, 16000, 16000), 16000);
    ck_assert_float_eq(fabsf(faint[8000]), 0.0005f);
}
END_TEST

/* -- playing
 * ----------------------------------------------------------------------------------------------------------
 */

/* 105 ms of one sound, 25 ms of silence, 40 ms of another, 30 ms of a tone: joined to the sample, odd lengths
 * and all. */
START_TEST(items_join_without_a_gap)
{
    static int16_t first[1680], second[640], out[6400], expected[6400];
    bool narrow = _i == 1;
    unsigned rate = narrow ? 8000 : 16000, per_ms = rate / 1000;
    struct player p = {0};
    struct play_item items[4] = {{0}, {.ms = 25}, {0}, {.hz1 = 1000, .level_dbov = -20, .ms = 30}};
    size_t count;

    for (size_t i = 0; i < 1680; i++)
        first[i] = (int16_t)(i * 7 - 5000);
    for (size_t i = 0; i < 640; i++)
        second[i] = (int16_t)(8000 - i * 11);
    wav_write("first.wav", first, 105 * per_ms, rate, 1);
    wav_write("second.wav", second, 40 * per_ms, rate, 1);
    items[0].sound = load_now("first.wav", false);
    items[2].sound = load_now("second.wav", false);
    memcpy(expected, first, 105 * per_ms * sizeof *first);
    memcpy(expected + 130 * per_ms, second, 40 * per_ms * sizeof *second);
    for (size_t i = 0; i < 30 * per_ms; i++)
        expected[170 * per_ms + i] =
            (int16_t)(32768 * M_SQRT2 * 0.1 * sin(2 * M_PI * 1000 * (double)i / rate));

    start(&p, items, 4, false);
    count = render_all(&p, rate, out, 6400);
    ck_assert_uint_eq(count, 200 * per_ms);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(abs(out[i] - expected[i]) <= (i >= 170 * per_ms ? 1 : 0), "sample %zu: %d for %d", i,
                      out[i], expected[i]);
    ck_assert_uint_eq(p.played_ms, 200);
    ck_assert(!p.failed);
    ck_assert(!player_ended(&p)); /* once */
    ck_assert(!player_render(&p, rate, out));
}
END_TEST

START_TEST(repeat_goes_round_to_the_sample)
{
    static int16_t in[400], out[4000];
    struct player p = {0};
    struct play_item item = {0};

    for (size_t i = 0; i < 400; i++)
        in[i] = (int16_t)(i + 1);
    wav_write("loop.wav", in, 400, 16000, 1);
    item.sound = load_now("loop.wav", false);
    start(&p, &item, 1, true);
    for (int i = 0; i < 25; i++) {
        ck_assert(!player_ended(&p));
        ck_assert(player_render(&p, 16000, out + 160 * i));
    }
    for (size_t i = 0; i < 4000; i++)
        ck_assert_int_eq(out[i], in[i % 400]);
    player_stop(&p);
    ck_assert(!player_render(&p, 16000, out));
}
END_TEST

/* A list in which nothing can be played must end, repeated or not. */
START_TEST(nothing_to_repeat_ends)
{
    struct player p = {0};
    struct play_item items[2] = {{0}, {0}};
    int16_t out[160];

    ck_assert_int_eq(sound_load(&mixer, in_folder("missing.wav"), false, &items[0].sound), 0);
    double_event(&mixer);
    start(&p, items, 2, true);
    ck_assert(!player_render(&p, 16000, out));
    ck_assert(player_ended(&p));
    ck_assert(p.failed);
    ck_assert(!player_ended(&p));
    start(&p, items, 0, true);
    ck_assert(player_ended(&p));
}
END_TEST

START_TEST(failed_sound_is_skipped)
{
    struct player p = {0};
    struct play_item items[3] = {{.ms = 10}, {0}, {.hz1 = 500, .level_dbov = -10, .ms = 10}};
    int16_t out[480];

    ck_assert_int_eq(sound_load(&mixer, in_folder("missing.wav"), false, &items[1].sound), 0);
    double_event(&mixer);
    start(&p, items, 3, false);
    ck_assert_uint_eq(render_all(&p, 16000, out, 480), 320);
    ck_assert(p.failed);
    ck_assert_uint_le(frame_level(out + 160, 160), 11);
}
END_TEST

/* A play may be ordered before the file is there: it waits, neither ending nor failing. */
START_TEST(play_waits_for_the_load)
{
    static int16_t in[16000], out[16000];
    struct player p = {0};
    struct play_item item = {0};
    size_t count = 0;

    for (size_t i = 0; i < 16000; i++)
        in[i] = (int16_t)(i + 1);
    wav_write("ramp.wav", in, 16000, 16000, 1);
    ck_assert_int_eq(sound_load(&mixer, in_folder("ramp.wav"), false, &item.sound), 0);
    start(&p, &item, 1, false);
    sound_drop(&mixer, item.sound); /* the play alone holds it now */
    while (!player_ended(&p)) {
        if (player_render(&p, 16000, out + count))
            count += 160;
        else
            usleep(100);
    }
    ck_assert_uint_eq(count, 16000);
    ck_assert(!p.failed);
    ck_assert_mem_eq(in, out, sizeof in);
    wait_for_count(0);
}
END_TEST

START_TEST(sound_can_be_cut_short)
{
    static int16_t in[16000], out[1600];
    struct player p = {0};
    struct play_item items[2] = {{.ms = 55}, {.ms = 45}};

    fill_sine(in, 16000, 16000, 500, -10);
    wav_write("tone.wav", in, 16000, 16000, 1);
    items[0].sound = load_now("tone.wav", false);
    start(&p, items, 2, false);
    ck_assert_uint_eq(render_all(&p, 16000, out, 1600), 1600);
    ck_assert_mem_eq(in, out, 880 * sizeof *in);
    for (size_t i = 880; i < 1600; i++)
        ck_assert_int_eq(out[i], 0);
}
END_TEST

/* A tone has its power at each of its two frequencies, at every rate. */
START_TEST(tone_has_its_level)
{
    static const unsigned rates[] = {8000, 16000, 48000};
    static int16_t out[48000];
    unsigned rate = rates[_i];
    struct player p = {0};
    struct play_item item = {.hz1 = 440, .hz2 = 620, .level_dbov = -24, .ms = 1000};

    start(&p, &item, 1, false);
    ck_assert_uint_eq(render_all(&p, rate, out, 48000), rate);
    ck_assert_double_eq_tol(tone_level(out + rate / 4, rate / 2, rate, 440), -24, 0.3);
    ck_assert_double_eq_tol(tone_level(out + rate / 4, rate / 2, rate, 620), -24, 0.3);
}
END_TEST

static void *play_many(void *argument)
{
    const struct play_item *items = argument;
    struct player p = {0};
    int16_t out[480];

    for (int round = 0; round < 20; round++) {
        player_start(&p, mixer.sounds, 1, items + round, 1, false);
        while (!player_ended(&p)) {
            if (!player_render(&p, round % 2 ? 8000 : 48000, out))
                usleep(50);
        }
    }
    return NULL;
}

/* Signalling loads and drops, two workers play, the file thread loads and frees: for the thread sanitizer. */
START_TEST(threads_share_sounds)
{
    static int16_t in[1600];
    static struct play_item items[2][20];
    pthread_t threads[2];

    wav_write("short.wav", in, 1600, 8000, 1);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(sound_load(&mixer, in_folder("short.wav"), true, &items[0][i].sound), 0);
        items[1][i].sound = items[0][i].sound;
    }
    for (int t = 0; t < 2; t++)
        ck_assert_int_eq(player_hold(mixer.sounds, items[t], 20), 0);
    for (int t = 0; t < 2; t++)
        ck_assert_int_eq(pthread_create(&threads[t], NULL, play_many, items[t]), 0);
    for (int i = 0; i < 20; i++)
        sound_drop(&mixer, items[0][i].sound);
    for (int t = 0; t < 2; t++)
        pthread_join(threads[t], NULL);
    wait_for_count(0);
}
END_TEST

static Suite *sound_suite(void)
{
    Suite *s = suite_create("sound");
    TCase *c = tcase_create("sound");

    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, file_plays_at_every_rate, 0, sizeof files / sizeof *files);
    tcase_add_test(c, interpolation_leaves_no_image);
    tcase_add_test(c, g722_file_is_wideband);
    tcase_add_test(c, bad_files_are_told_apart);
    tcase_add_test(c, background_load_reports);
    tcase_add_test(c, dropped_sound_lives_while_it_plays);
    tcase_add_test(c, hold_is_all_or_nothing);
    tcase_add_test(c, table_is_bounded);
    tcase_add_loop_test(c, prompt_is_brought_to_one_level, 0, 4);
    tcase_add_test(c, peaks_are_limited_not_clipped);
    tcase_add_test(c, silence_is_not_amplified);
    tcase_add_loop_test(c, items_join_without_a_gap, 0, 2);
    tcase_add_test(c, repeat_goes_round_to_the_sample);
    tcase_add_test(c, nothing_to_repeat_ends);
    tcase_add_test(c, failed_sound_is_skipped);
    tcase_add_test(c, play_waits_for_the_load);
    tcase_add_test(c, sound_can_be_cut_short);
    tcase_add_loop_test(c, tone_has_its_level, 0, 3);
    tcase_add_test(c, threads_share_sounds);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(sound_suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
