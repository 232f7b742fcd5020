/*
 * Sound files of all kinds and rates: each becomes the same sound at both of our rates.
 */
#include "mixer/codec.h"
#include "mixer/sound_internal.h"
#include "tests/unit/mixer_double.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <unistd.h>

#define TONE_DBOV (-20.0)
#define ALIAS_DBOV (-50.0)

static void set_up(void)
{
    folder_make();
}

static void tear_down(void)
{
    folder_remove();
}

/* Power of one frequency in dBov, away from the ends. */
static double tone_level(const int16_t *in, size_t count, unsigned rate, double hz)
{
    size_t from = count / 4, n = count / 2;
    double re = 0, im = 0;

    for (size_t i = from; i < from + n; i++) {
        /* A window, so that a strong tone does not hide a weak one. */
        double window = 1 - cos(2 * M_PI * (double)(i - from) / (double)n);

        re += in[i] * window * cos(2 * M_PI * hz * (double)i / rate);
        im += in[i] * window * sin(2 * M_PI * hz * (double)i / rate);
    }
    return 10 * log10(fmax(2 * (re * re + im * im) / (double)n / (double)n, 1e-9) / 32768.0 / 32768.0);
}

/* All but one frequency, in dBov: whatever a resampler or a codec has added. */
static double rest_level(const int16_t *in, size_t count, unsigned rate, double hz)
{
    size_t from = count / 4, n = count / 2;
    double re = 0, im = 0, power = 0;

    for (size_t i = from; i < from + n; i++) {
        re += in[i] * cos(2 * M_PI * hz * (double)i / rate) * 2 / (double)n;
        im += in[i] * sin(2 * M_PI * hz * (double)i / rate) * 2 / (double)n;
    }
    for (size_t i = from; i < from + n; i++) {
        double rest =
            in[i] - re * cos(2 * M_PI * hz * (double)i / rate) - im * sin(2 * M_PI * hz * (double)i / rate);

        power += rest * rest;
    }
    return 10 * log10(fmax(power / (double)n, 1e-9) / 32768.0 / 32768.0);
}

/* One second (or more) of a tone, in all channels alike. */
static void tone_write(const char *name, unsigned rate, int channels, int format, double hz, unsigned seconds)
{
    SF_INFO info = {.samplerate = (int)rate, .channels = channels, .format = format};
    SNDFILE *file = sf_open(in_folder(name), SFM_WRITE, &info);
    double amplitude = M_SQRT2 * pow(10, TONE_DBOV / 20);
    float *frames = malloc(sizeof *frames * rate * (size_t)channels);

    ck_assert_msg(file != NULL, "%s: %s", name, sf_strerror(NULL));
    ck_assert_ptr_nonnull(frames);
    for (unsigned second = 0; second < seconds; second++) {
        for (size_t i = 0; i < rate; i++) {
            for (int channel = 0; channel < channels; channel++)
                frames[i * (size_t)channels + (size_t)channel] =
                    (float)(amplitude * sin(2 * M_PI * hz * (double)i / rate));
        }
        ck_assert_int_eq(sf_writef_float(file, frames, rate), rate);
    }
    free(frames);
    sf_close(file);
}

static const struct {
    unsigned rate;
    int channels;
} rates[] = {{8000, 1},  {11025, 1}, {12000, 2}, {16000, 1}, {16000, 12}, {22050, 2}, {24000, 1},
             {32000, 1}, {37123, 1}, {44100, 2}, {48000, 6}, {96000, 1},  {192000, 2}};

/* The level within 0.5 dB, the length to the sample, and nothing beside the tone. */
START_TEST(every_rate_keeps_the_tone)
{
    unsigned rate = rates[_i].rate;
    struct samples s;

    tone_write("tone.wav", rate, rates[_i].channels, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1000, 1);
    ck_assert_int_eq(samples_load(&s, in_folder("tone.wav"), false, NULL, NULL), 0);
    ck_assert_uint_eq(s.length, 16000);
    ck_assert_double_eq_tol(tone_level(s.wide, 16000, 16000, 1000), TONE_DBOV, 0.5);
    ck_assert_double_eq_tol(tone_level(s.narrow, 8000, 8000, 1000), TONE_DBOV, 0.5);
    ck_assert_double_le(rest_level(s.wide, 16000, 16000, 1000), ALIAS_DBOV);
    ck_assert_double_le(rest_level(s.narrow, 8000, 8000, 1000), ALIAS_DBOV);
    samples_free(&s);
}
END_TEST

static const struct {
    unsigned rate;
    double hz;           /* in the file */
    double wide, narrow; /* what it must not come back as; 0: it is to be heard there */
} aliases[] = {{16000, 5000, 0, 3000},     {44100, 5500, 0, 2500},     {44100, 12000, 4000, 4000 - 1},
               {48000, 10000, 6000, 2000}, {48000, 17000, 1000, 1000}, {192000, 31000, 1000, 1000},
               {22050, 9500, 6500, 1500}};

/* What a lower rate cannot carry is gone, not folded back. */
START_TEST(nothing_is_folded_back)
{
    struct samples s;

    tone_write("high.wav", aliases[_i].rate, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16, aliases[_i].hz, 1);
    ck_assert_int_eq(samples_load(&s, in_folder("high.wav"), false, NULL, NULL), 0);
    if (aliases[_i].wide == 0) {
        ck_assert_double_eq_tol(tone_level(s.wide, 16000, 16000, aliases[_i].hz), TONE_DBOV, 0.5);
    } else {
        ck_assert_double_le(tone_level(s.wide, 16000, 16000, aliases[_i].wide), ALIAS_DBOV);
        ck_assert_double_le(rest_level(s.wide, 16000, 16000, 100), ALIAS_DBOV);
    }
    ck_assert_double_le(tone_level(s.narrow, 8000, 8000, aliases[_i].narrow), ALIAS_DBOV);
    ck_assert_double_le(rest_level(s.narrow, 8000, 8000, 100), ALIAS_DBOV);
    samples_free(&s);
}
END_TEST

static const struct {
    const char *name;
    int format;
    unsigned rate;
    double noise_dbov; /* what its codec may add */
} formats[] = {{"tone.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, -70},
               {"deep.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 96000, -70},
               {"vorbis.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 44100, -45},
               {"opus.ogg", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, -45},
               {"tone.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 22050, -70},
               {"tone.rf64", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 48000, -70},
               {"tone.au", SF_FORMAT_AU | SF_FORMAT_ULAW, 8000, -50},
               {"ulaw.wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, -50},
               {"alaw.wav", SF_FORMAT_WAV | SF_FORMAT_ALAW, 8000, -50},
               {"gsm.wav", SF_FORMAT_WAV | SF_FORMAT_GSM610, 8000, -30},
               {"float.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 48000, -70},
               {"bytes.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 11025, -50}};

START_TEST(every_format_keeps_the_tone)
{
    struct samples s;

    tone_write(formats[_i].name, formats[_i].rate, 1, formats[_i].format, 1000, 1);
    ck_assert_int_eq(samples_load(&s, in_folder(formats[_i].name), false, NULL, NULL), 0);
    ck_assert_uint_ge(s.length, 16000);
    ck_assert_uint_le(s.length, 16000 + 640); /* codecs fill up their last frame */
    ck_assert_double_eq_tol(tone_level(s.wide, 16000, 16000, 1000), TONE_DBOV, 0.5);
    ck_assert_double_eq_tol(tone_level(s.narrow, 8000, 8000, 1000), TONE_DBOV, 0.5);
    ck_assert_double_le(rest_level(s.wide, 16000, 16000, 1000), formats[_i].noise_dbov);
    samples_free(&s);
}
END_TEST

/* Raw G.722, as Debian ships voices and music. */
START_TEST(raw_g722_is_wideband)
{
    static int16_t in[16000];
    static uint8_t coded[8000];
    struct encoder *e;
    struct samples s;
    FILE *file;

    for (int i = 0; i < 16000; i++)
        in[i] = (int16_t)lrint(4634 * sin(2 * M_PI * 5000 * i / 16000));
    ck_assert_int_eq(encoder_new(&e, CODEC_G722, 16000, 20, false, false), 0);
    for (int i = 0; i < 50; i++)
        ck_assert_uint_eq(encoder_encode(e, in + i * 320, 320, coded + i * 160, 160), 160);
    encoder_free(e);
    file = fopen(in_folder("tone.g722"), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(coded, 1, sizeof coded, file), sizeof coded);
    fclose(file);
    ck_assert_int_eq(samples_load(&s, in_folder("tone.g722"), false, NULL, NULL), 0);
    ck_assert_uint_eq(s.length, 16000);
    ck_assert_double_eq_tol(tone_level(s.wide, 16000, 16000, 5000), TONE_DBOV, 1);
    samples_free(&s);
}
END_TEST

START_TEST(channels_are_averaged)
{
    SF_INFO info = {.samplerate = 16000, .channels = 4, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    static const int16_t frames[3][4] = {{4000, 8000, 0, 0}, {-400, -400, -400, -400}, {100, -100, 50, -50}};
    SNDFILE *file = sf_open(in_folder("four.wav"), SFM_WRITE, &info);
    struct samples s;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(sf_writef_short(file, frames[0], 3), 3);
    sf_close(file);
    ck_assert_int_eq(samples_load(&s, in_folder("four.wav"), false, NULL, NULL), 0);
    ck_assert_uint_eq(s.length, 4); /* kept even */
    ck_assert_int_eq(s.wide[0], 3000);
    ck_assert_int_eq(s.wide[1], -400);
    ck_assert_int_eq(s.wide[2], 0);
    samples_free(&s);
}
END_TEST

static void count_call(void *arg)
{
    ++*(unsigned *)arg;
}

/* An hour is taken, more is refused by its own error; whoever waits meanwhile is served. */
START_TEST(length_is_bounded)
{
    unsigned calls = 0;
    struct samples s = {0};

    tone_write("hour.wav", 8000, 1, SF_FORMAT_WAV | SF_FORMAT_ULAW, 1000, 3600);
    ck_assert_int_eq(samples_load(&s, in_folder("hour.wav"), false, count_call, &calls), 0);
    ck_assert_uint_eq(s.length, 3600U * 16000);
    ck_assert_uint_ge(calls, 60);
    samples_free(&s);
    tone_write("longer.wav", 8000, 1, SF_FORMAT_WAV | SF_FORMAT_ULAW, 1000, 3601);
    ck_assert_int_eq(samples_load(&s, in_folder("longer.wav"), false, NULL, NULL), EFBIG);
    ck_assert_ptr_null(s.wide);
}
END_TEST

START_TEST(rates_out_of_reason_are_refused)
{
    struct samples s = {0};

    tone_write("slow.wav", 2000, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 100, 1);
    ck_assert_int_eq(samples_load(&s, in_folder("slow.wav"), false, NULL, NULL), EINVAL);
    tone_write("fast.wav", 384000, 1, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 100, 1);
    ck_assert_int_eq(samples_load(&s, in_folder("fast.wav"), false, NULL, NULL), EINVAL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soundfile");
    TCase *c = tcase_create("soundfile");
    SRunner *runner;
    int failed;

    tcase_set_timeout(c, 300);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, every_rate_keeps_the_tone, 0, sizeof rates / sizeof *rates);
    tcase_add_loop_test(c, nothing_is_folded_back, 0, sizeof aliases / sizeof *aliases);
    tcase_add_loop_test(c, every_format_keeps_the_tone, 0, sizeof formats / sizeof *formats);
    tcase_add_test(c, raw_g722_is_wideband);
    tcase_add_test(c, channels_are_averaged);
    tcase_add_test(c, length_is_bounded);
    tcase_add_test(c, rates_out_of_reason_are_refused);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
