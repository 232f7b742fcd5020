/* Talkers brought to one level, a mix kept from clipping, and noise taken out: by real speech, measured by a
 * meter of the test's own. */
#include "mixer/codec.h"
#include "mixer/denoise.h"
#include "mixer/limiter.h"
#include "mixer/loudness.h"
#include "mixer/mix.h"
#include "mixer/sound_internal.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE 8000
#define FRAME 80
#define SECONDS_MOST 80
#define CURVE_ONE 65536

static int16_t speech[SECONDS_MOST * RATE], line[SECONDS_MOST * RATE];
static size_t speech_samples;
static uint32_t dice;

static double decibel(double power)
{
    return 10 * log10(power + 1e-13);
}

static double power_of(const int16_t *samples, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)samples[i] * samples[i];
    return sum / ((double)count * 32768 * 32768);
}

/*
 * Active speech level by ITU-T P.56's method B: an envelope with a time constant of 30 ms twice, thresholds a
 * factor of two apart, 200 ms of hangover, and the level at which it stands 15.9 dB above its own threshold.
 */
static double active_level(const int16_t *samples, size_t count, unsigned rate)
{
    double g = exp(-1 / (0.03 * rate)), p = 0, q = 0, total = 0, before_level = 0, before_excess = 0;
    size_t active[16] = {0}, hang[16];

    for (unsigned j = 0; j < 16; j++)
        hang[j] = rate; /* none */
    for (size_t i = 0; i < count; i++) {
        double v = samples[i] / 32768.0;
        total += v * v;
        p = g * p + (1 - g) * fabs(v);
        q = g * q + (1 - g) * p;
        for (unsigned j = 0; j < 16; j++) {
            hang[j] = q >= ldexp(1, -(int)j) ? 0 : hang[j] + 1;
            active[j] += hang[j] < rate / 5;
        }
    }
    for (unsigned j = 0; j < 16; j++) {
        if (active[j] == 0)
            continue;
        double level = decibel(total / (double)active[j]), excess = level - 20 * log10(ldexp(1, -(int)j));
        if (excess >= 15.9) {
            if (before_excess == 0)
                return level;
            double part = (15.9 - before_excess) / (excess - before_excess);
            return before_level + part * (level - before_level);
        }
        before_level = level;
        before_excess = excess;
    }
    return before_level;
}

static int16_t clip(double v)
{
    return (int16_t)lrint(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

static double roll(void) /* -1 to 1 */
{
    dice = dice * 1664525 + 1013904223;
    return (double)(int32_t)dice / 2147483648.0;
}

/* Speech at a level, as much of it as there is, on a line with noise of `noise` dBov. */
static size_t line_make(double level, double noise)
{
    double factor = pow(10, (level - active_level(speech, speech_samples, RATE)) / 20);
    double amplitude = pow(10, noise / 20) * 32768 * sqrt(3);

    for (size_t i = 0; i < speech_samples; i++)
        line[i] = clip(speech[i] * factor + roll() * amplitude);
    return speech_samples;
}

/* What a room does with a talker's frames; the gain after each frame goes into `gains` (may be NULL). */
static void line_level(struct leveller *l, int16_t *samples, size_t count, unsigned rate, float *gains)
{
    size_t frame = rate / 100;

    for (size_t at = 0; at + frame <= count; at += frame) {
        leveller_run(l, true, samples + at, frame, frame_energy(samples + at, frame));
        if (gains)
            gains[at / frame] = l->gain;
    }
}

/* A woman's recorded voice, more than a minute of it; a synthetic one where that is not installed. */
static void speech_load(void)
{
    const char *paths[] = {TEST_SOUNDS "/sounds/en_US_f_Allison/demo-instruct.g722",
                           TEST_VOICES "/en/ivr-menu.wav"};
    struct samples loaded;

    for (unsigned i = 0; i < 2 && speech_samples == 0; i++) {
        if (samples_load(&loaded, paths[i], false, NULL, NULL) != 0)
            continue;
        size_t length = loaded.length / 2;
        while (speech_samples + length <= SECONDS_MOST * RATE) { /* a short one is said again */
            memcpy(speech + speech_samples, loaded.narrow, length * sizeof(*speech));
            speech_samples += length;
        }
        samples_free(&loaded);
    }
    ck_assert_uint_gt(speech_samples, 40 * RATE);
    dice = 1;
}

static float gains[SECONDS_MOST * 100];

/* -- one talker
 * -------------------------------------------------------------------------------------------------- */

START_TEST(talker_comes_to_the_target)
{
    static const double levels[] = {-46, -36, -26, -16, -6};
    struct leveller l;
    size_t count = line_make(levels[_i], -85), settled = 5 * RATE;
    double before = active_level(line, count, RATE), wanted = fmax(fmin(-26, before + 18), before - 18);

    ck_assert_double_eq_tol(before, levels[_i], 1.5); /* the meter, and what clips at -6 */
    leveller_init(&l);
    line_level(&l, line, count, RATE, gains);
    ck_assert_double_eq_tol(active_level(line + settled, count - settled, RATE), wanted, 3);
    for (size_t i = 0; i < count / FRAME; i++) {
        ck_assert_double_le(decibel(gains[i] * gains[i]), 18.01);
        ck_assert_double_ge(decibel(gains[i] * gains[i]), -18.01);
    }
}
END_TEST

START_TEST(every_rate_is_levelled_alike)
{
    static const unsigned rates[] = {16000, 48000};
    static int16_t wide[20 * 48000];
    unsigned rate = rates[_i];
    struct resampler *up;
    struct leveller l;

    line_make(-40, -85);
    ck_assert_int_eq(resampler_new(&up, RATE, rate), 0);
    for (size_t i = 0; i < 20 * 100; i++)
        resampler_run(up, line + i * FRAME, wide + i * rate / 100);
    resampler_free(up);
    leveller_init(&l);
    line_level(&l, wide, (size_t)20 * rate, rate, NULL);
    ck_assert_double_eq_tol(active_level(wide + 5 * rate, (size_t)15 * rate, rate), -26, 3);
}
END_TEST

START_TEST(quiet_caller_is_understood_soon)
{
    struct leveller l;
    size_t count = line_make(-44, -80);

    leveller_init(&l);
    line_level(&l, line, count, RATE, gains);
    ck_assert_double_gt(active_level(line + 3 * RATE / 2, 2 * RATE, RATE), -33);
}
END_TEST

/* After its first second a gain is no quicker than it says, so that nobody hears it move. */
START_TEST(gain_moves_slowly)
{
    struct leveller l;
    size_t frames = line_make(-40, -70) / FRAME;

    for (size_t i = 30 * RATE; i < frames * FRAME; i++) /* he leans over the microphone */
        line[i] = clip(line[i] * 10.0);
    leveller_init(&l);
    line_level(&l, line, frames * FRAME, RATE, gains);
    for (size_t i = 400; i + 100 < frames; i++) {
        double second = decibel(gains[i + 100] * gains[i + 100]) - decibel(gains[i] * gains[i]);
        ck_assert_double_lt(second, 3);
        ck_assert_double_gt(second, -6);
    }
    ck_assert_double_eq_tol(active_level(line + 40 * RATE, 20 * RATE, RATE), -26, 3);
}
END_TEST

#define TALK 300 /* frames */
#define PAUSE 200

/* Talk and pauses in turn; true in a pause, once the last word has died away. */
static bool in_pause(size_t frame)
{
    return frame % (TALK + PAUSE) >= TALK + 30;
}

static size_t line_with_pauses(double level, double noise)
{
    static int16_t voice[SECONDS_MOST * RATE];
    size_t at = 0, frames = 40 * 100;

    line_make(level, -90);
    memcpy(voice, line, sizeof(voice));
    for (size_t i = 0; i < frames * FRAME; i++) {
        bool talks = i / FRAME % (TALK + PAUSE) < TALK;
        line[i] = clip((talks ? voice[at++] : 0) + roll() * pow(10, noise / 20) * 32768 * sqrt(3));
    }
    return frames;
}

START_TEST(no_pumping)
{
    static const double levels[] = {-40, -26, -14};
    struct leveller l;
    size_t frames = line_with_pauses(levels[_i], -65), settled = 8 * 100;
    double least = 99, most = -99;

    leveller_init(&l);
    line_level(&l, line, frames * FRAME, RATE, gains);
    for (size_t i = settled; i < frames; i++) {
        double gain = decibel(gains[i] * gains[i]);
        least = fmin(least, gain);
        most = fmax(most, gain);
        if (in_pause(i))
            ck_assert_float_eq(gains[i], gains[i - 1]);
    }
    ck_assert_double_lt(most - least, 3);
}
END_TEST

START_TEST(noise_of_a_quiet_line_stays_low)
{
    struct leveller l;
    size_t frames = line_with_pauses(-46, -60);
    double noise = 0;

    leveller_init(&l);
    line_level(&l, line, frames * FRAME, RATE, NULL);
    for (size_t i = 500; i < frames; i++)
        if (in_pause(i))
            noise = fmax(noise, power_of(line + i * FRAME, FRAME));
    ck_assert_double_lt(decibel(noise), -42); /* of the loudest 10 ms */
    ck_assert_double_lt(active_level(line + 5 * RATE, frames * FRAME - 5 * RATE, RATE), -26);
    ck_assert_double_gt(active_level(line + 5 * RATE, frames * FRAME - 5 * RATE, RATE), -37);
}
END_TEST

START_TEST(noise_alone_is_not_raised)
{
    static const double levels[] = {-70, -60, -50, -47};
    struct leveller l;

    for (size_t i = 0; i < 20 * RATE; i++)
        line[i] = clip(roll() * pow(10, levels[_i] / 20) * 32768 * sqrt(3));
    leveller_init(&l);
    line_level(&l, line, 20 * RATE, RATE, gains);
    for (size_t i = 0; i < 2000; i++)
        ck_assert_float_eq(gains[i], 1);
}
END_TEST

/* He listens for half a minute, and a television talks behind him. */
START_TEST(voices_behind_the_talker_stay_behind)
{
    struct leveller l;

    line_make(-24, -80);
    for (size_t i = 20 * RATE; i < 50 * RATE; i++)
        line[i] = clip(line[i] * 0.05); /* -50 dBov */
    leveller_init(&l);
    line_level(&l, line, 60 * RATE, RATE, NULL);
    ck_assert_double_lt(active_level(line + 21 * RATE, 29 * RATE, RATE), -42);
    ck_assert_double_eq_tol(active_level(line + 53 * RATE, 7 * RATE, RATE), -26, 3);
}
END_TEST

/* Nobody can tell a tone from noise by its level: it is raised little, and slowly. */
START_TEST(steady_sound_is_adapted_slowly)
{
    static const double levels[] = {-40, -6};
    struct leveller l;

    for (size_t i = 0; i < 20 * RATE; i++)
        line[i] = clip(sin((double)i * 0.4) * pow(10, levels[_i] / 20) * 32768 * sqrt(2));
    leveller_init(&l);
    line_level(&l, line, 20 * RATE, RATE, gains);
    double after = decibel(power_of(line + 15 * RATE, 5 * RATE));
    ck_assert_double_eq_tol(after, _i == 0 ? -34 : -24, 1.5);
    for (size_t i = 0; i < 1900; i++)
        ck_assert_double_lt(fabs(decibel(gains[i + 100] / gains[i])), 1.5); /* of power: 3 dB a second */
}
END_TEST

START_TEST(gain_is_kept_without_sound)
{
    struct leveller l;
    size_t count = line_make(-40, -80);
    int16_t silence[FRAME] = {0};

    leveller_init(&l);
    line_level(&l, line, count / FRAME * FRAME, RATE, NULL);
    float gain = l.gain;
    ck_assert_double_gt(decibel(gain * gain), 10);
    for (unsigned i = 0; i < 60 * 100; i++)
        leveller_run(&l, true, silence, FRAME, 0);
    ck_assert_float_eq(l.gain, gain);
}
END_TEST

START_TEST(off_is_bit_exact_and_switched_without_a_step)
{
    struct leveller l;
    int16_t frame[FRAME], last = 0;
    size_t count = line_make(-40, -80);

    leveller_init(&l);
    for (size_t at = 0; at + FRAME <= count; at += FRAME) {
        memcpy(frame, line + at, sizeof(frame));
        leveller_run(&l, false, frame, FRAME, frame_energy(frame, FRAME));
        ck_assert_mem_eq(frame, line + at, sizeof(frame));
    }
    line_level(&l, line, count / FRAME * FRAME, RATE, NULL);
    ck_assert_double_gt(decibel(l.gain * l.gain), 10);
    /* A constant shows the gain itself: from 1000 times it to 1000 in 80 even steps. */
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < FRAME; k++)
            frame[k] = 1000;
        leveller_run(&l, false, frame, FRAME, 0);
        for (unsigned k = 0; k < FRAME; k++) {
            if (i + k > 0)
                ck_assert_int_le(abs(frame[k] - last), 100);
            last = frame[k];
        }
    }
    ck_assert_int_eq(frame[0], 1000);
    ck_assert_int_eq(last, 1000);
}
END_TEST

/* A gain made for a whisper meets a shout: neither clips nor stays. */
START_TEST(shout_of_a_quiet_talker_does_not_clip)
{
    struct leveller l;
    size_t count = line_make(-44, -80) / FRAME * FRAME, shout = 20 * RATE + 33;

    for (size_t i = shout; i < shout + RATE / 2; i++)
        line[i] = clip(sin((double)i * 0.35) * 25000);
    leveller_init(&l);
    line_level(&l, line, count, RATE, gains);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_le(abs(line[i]), LIMITER_PEAK + 2);
    ck_assert_double_eq_tol(active_level(line + 30 * RATE, count - 30 * RATE, RATE), -27, 4);
}
END_TEST

/* -- the mix
 * ----------------------------------------------------------------------------------------------------- */

#define VOICES 6

static int16_t voices[VOICES][480];

/* Frame `at` of six sines at full scale, begun `late` samples into the first. */
static void voices_make(unsigned at, unsigned samples, unsigned late, double amplitude, int32_t *sum)
{
    memset(sum, 0, samples * sizeof(*sum));
    for (unsigned v = 0; v < VOICES; v++) {
        for (unsigned i = 0; i < samples; i++) {
            unsigned n = at * samples + i;
            voices[v][i] =
                n < late ? 0 : clip(sin(M_PI * 2 * (150 + 190 * v) * n / (samples * 100)) * amplitude);
        }
        mix_add(sum, voices[v], samples);
    }
}

START_TEST(six_at_full_scale_do_not_clip)
{
    static const unsigned sizes[] = {80, 160, 480};
    unsigned samples = sizes[_i % 3], late = (unsigned)_i * 7;
    struct limiter l = {0};
    int32_t sum[480], curve[480], before = CURVE_ONE;
    int16_t out[480], share[480];

    for (unsigned at = 0; at < 200; at++) {
        voices_make(at, samples, late, 32767, sum);
        ck_assert(limiter_curve(&l, sum, samples, curve));
        limiter_share(sum, NULL, curve, out, samples);
        limiter_share(sum, voices[2], curve, share, samples);
        for (unsigned i = 0; i < samples; i++) {
            ck_assert_int_le(abs(out[i]), LIMITER_PEAK + 4);
            int64_t exact = ((int64_t)(sum[i] - voices[2][i]) * curve[i] + 32768) >> 16;
            ck_assert_int_eq(share[i], exact > 32767 ? 32767 : exact < -32768 ? -32768 : exact);
            /* The gain takes a millisecond at least for all of its way, and in the long run hardly moves. */
            int32_t step = abs(curve[i] - before);
            if (i > samples / 10) /* else a peak may have been met where it stood */
                ck_assert_int_le(step, CURVE_ONE / (int)(samples / 10));
            if (at > 5)
                ck_assert_int_le(step, CURVE_ONE / 100 * 80 / (int)samples);
            before = curve[i];
        }
    }
}
END_TEST

START_TEST(limited_sum_is_still_the_sum)
{
    struct limiter l = {0};
    int32_t sum[80], curve[80];
    int16_t out[80];
    double signal = 0, error = 0;

    for (unsigned at = 0; at < 100; at++) {
        voices_make(at, 80, 0, 12000, sum);
        bool limited = limiter_curve(&l, sum, 80, curve);
        for (unsigned i = 0; i < 80 && !limited; i++)
            curve[i] = CURVE_ONE;
        limiter_share(sum, NULL, curve, out, 80);
        for (unsigned i = 0; i < 80 && at > 20; i++) {
            double held = (double)sum[i] * LIMITER_PEAK / 64000; /* about what a gain at rest makes of it */
            signal += held * out[i];
            error += held * held;
        }
    }
    /* One factor explains the whole of it: what is left over is no distortion worth the name. */
    double factor = signal / error, left = 0, all = 0;
    for (unsigned at = 100; at < 200; at++) {
        voices_make(at, 80, 0, 12000, sum);
        ck_assert(limiter_curve(&l, sum, 80, curve));
        limiter_share(sum, NULL, curve, out, 80);
        for (unsigned i = 0; i < 80; i++) {
            double held = (double)sum[i] * LIMITER_PEAK / 64000 * factor;
            left += (out[i] - held) * (out[i] - held);
            all += held * held;
        }
    }
    ck_assert_double_lt(decibel(left / all), -30);
}
END_TEST

START_TEST(nothing_is_touched_where_nothing_is_needed)
{
    struct limiter l = {0};
    int32_t sum[80], curve[80];
    int16_t out[80], exact[80];
    unsigned frames = 0;

    for (unsigned i = 0; i < 80; i++)
        sum[i] = i % 2 ? LIMITER_PEAK : -LIMITER_PEAK;
    ck_assert(!limiter_curve(&l, sum, 80, curve));
    sum[40] = 100000;
    ck_assert(limiter_curve(&l, sum, 80, curve));
    sum[40] = 0;
    while (limiter_curve(&l, sum, 80, curve)) {
        ck_assert_uint_lt(++frames, 15); /* 11 dB are given back within 150 ms */
        for (unsigned i = 1; i < 80; i++)
            ck_assert_int_ge(curve[i], curve[i - 1]);
        /* Where the gain is 1 again within a frame, the sum is itself. */
        limiter_share(sum, voices[0], curve, out, 80);
        mix_share(sum, voices[0], exact, 80);
        for (unsigned i = 0; i < 80; i++)
            if (curve[i] == CURVE_ONE)
                ck_assert_int_eq(out[i], exact[i]);
    }
    ck_assert_uint_gt(frames, 5);
}
END_TEST

/* -- noise
 * ------------------------------------------------------------------------------------------------------- */

START_TEST(noise_is_suppressed_and_the_voice_is_not)
{
    static const unsigned rates[] = {8000, 16000, 48000};
    static int16_t noisy[20 * 48000], wide[20 * 48000];
    unsigned rate = rates[_i], frame = rate / 100;
    struct resampler *up;
    struct denoiser *d;
    size_t frames = 20 * 100;
    double before = 0, after = 0;

    line_with_pauses(-26, -90);
    ck_assert_int_eq(resampler_new(&up, RATE, rate), 0);
    ck_assert_int_eq(denoiser_new(&d, rate), 0);
    for (size_t i = 0; i < frames; i++) {
        resampler_run(up, line + i * FRAME, wide + i * frame);
        for (size_t k = i * frame; k < (i + 1) * frame; k++)
            noisy[k] = wide[k] = clip(wide[k] + roll() * pow(10, -50 / 20.0) * 32768 * sqrt(3));
        ck_assert(denoiser_run(d, wide + i * frame, frame, 1000 + i));
        ck_assert(!denoiser_run(d, wide, rate == 8000 ? 160 : 80, 1000 + i)); /* another rate: left alone */
        if (i > 500 && in_pause(i)) {
            before += power_of(noisy + i * frame, frame);
            after += power_of(wide + i * frame, frame);
        }
    }
    ck_assert_double_gt(decibel(before) - decibel(after), 6);
    ck_assert_double_eq_tol(active_level(wide + 5 * rate, (size_t)15 * rate, rate),
                            active_level(noisy + 5 * rate, (size_t)15 * rate, rate), 3);
    denoiser_free(d);
    resampler_free(up);
}
END_TEST

START_TEST(noise_suppression_of_no_rate_is_refused)
{
    struct denoiser *d = NULL;

    ck_assert_int_eq(denoiser_new(&d, 44100), EINVAL);
    ck_assert_ptr_null(d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mixer loudness");
    TCase *tcase = tcase_create("loudness");

    tcase_set_timeout(tcase, 120);
    tcase_add_unchecked_fixture(tcase, speech_load, NULL);
    tcase_add_loop_test(tcase, talker_comes_to_the_target, 0, 5);
    tcase_add_loop_test(tcase, every_rate_is_levelled_alike, 0, 2);
    tcase_add_test(tcase, quiet_caller_is_understood_soon);
    tcase_add_test(tcase, gain_moves_slowly);
    tcase_add_loop_test(tcase, no_pumping, 0, 3);
    tcase_add_test(tcase, noise_of_a_quiet_line_stays_low);
    tcase_add_loop_test(tcase, noise_alone_is_not_raised, 0, 4);
    tcase_add_test(tcase, voices_behind_the_talker_stay_behind);
    tcase_add_loop_test(tcase, steady_sound_is_adapted_slowly, 0, 2);
    tcase_add_test(tcase, gain_is_kept_without_sound);
    tcase_add_test(tcase, off_is_bit_exact_and_switched_without_a_step);
    tcase_add_test(tcase, shout_of_a_quiet_talker_does_not_clip);
    tcase_add_loop_test(tcase, six_at_full_scale_do_not_clip, 0, 12);
    tcase_add_test(tcase, limited_sum_is_still_the_sum);
    tcase_add_test(tcase, nothing_is_touched_where_nothing_is_needed);
    tcase_add_loop_test(tcase, noise_is_suppressed_and_the_voice_is_not, 0, 3);
    tcase_add_test(tcase, noise_suppression_of_no_rate_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
