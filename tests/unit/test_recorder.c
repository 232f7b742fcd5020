/*
 * Recordings: what is in the file, when they end, and what a power cut or a full disk leaves of them.
 */
#include "core/base/clock.h"
#include "mixer/codec.h"
#include "mixer/files.h"
#include "tests/unit/mixer_double.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sndfile.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLES_MAX (16000 * 60)
#define PORT 42
#define SERIAL 9

static struct mixer mixer;
static int16_t heard[SAMPLES_MAX];

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

static struct recorder *open_recorder(const char *name, unsigned rate, struct record_limits limits)
{
    struct recorder *r = NULL;

    ck_assert_int_eq(recorder_open(&r, mixer.sounds, PORT, SERIAL, in_folder(name), rate, &limits), 0);
    return r;
}

/* The frames of a 500 Hz tone at -20 dBov, which fits into 10 ms without a rest. */
static const int16_t *tone_frame(unsigned rate)
{
    static int16_t frame[160];

    for (unsigned i = 0; i < rate / 100; i++)
        frame[i] = (int16_t)lrint(3276.8 * M_SQRT2 * sin(2 * M_PI * 500 * i / rate));
    return frame;
}

/* Writes `ms` of tone, or of missing packets; returns how much was taken before a limit. */
static unsigned write_ms(struct recorder *r, unsigned rate, unsigned ms, bool tone)
{
    for (unsigned done = 0; done < ms; done += 10) {
        if (!recorder_write(r, tone ? tone_frame(rate) : NULL))
            return done + 10;
        /* A ring holds 8 s; here a minute passes in no time, so the file thread is let catch up. */
        if (done % 2000 == 1990)
            usleep(150000);
    }
    return ms;
}

static struct mixer_event recorded(void)
{
    struct mixer_event event = double_event(&mixer);

    ck_assert_int_eq(event.type, EVENT_RECORDED);
    ck_assert_uint_eq(event.port, PORT);
    ck_assert_uint_eq(event.serial, SERIAL);
    return event;
}

/* Reads a file as any other program would; -1 when it is no sound file. */
static long file_frames(const char *path, unsigned rate)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    sf_count_t count;

    if (!file)
        return -1;
    ck_assert_int_eq(info.samplerate, (int)rate);
    ck_assert_int_eq(info.channels, 1);
    ck_assert_int_eq(info.format, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
    count = sf_readf_short(file, heard, SAMPLES_MAX);
    ck_assert_int_eq(count, info.frames);
    sf_close(file);
    return (long)count;
}

static void check_tone(unsigned rate, size_t from, size_t to)
{
    const int16_t *frame = tone_frame(rate);

    for (size_t i = from; i < to; i++)
        ck_assert_int_eq(heard[i], frame[i % (rate / 100)]);
}

START_TEST(file_holds_what_was_heard)
{
    static const unsigned rates[] = {8000, 16000};
    unsigned rate = rates[_i];
    struct recorder *r = open_recorder("a.wav", rate, (struct record_limits){0});
    struct mixer_event event;
    struct stat status;

    ck_assert_uint_eq(write_ms(r, rate, 1000, true), 1000);
    ck_assert_uint_eq(write_ms(r, rate, 500, false), 500);
    ck_assert_uint_eq(write_ms(r, rate, 500, true), 500);
    recorder_close(r, RECORD_STOPPED);
    event = recorded();
    ck_assert_int_eq(event.end, RECORD_STOPPED);
    ck_assert_int_eq(event.error, 0);
    ck_assert_uint_eq(event.ms, 2000);
    ck_assert_uint_ge(event.speech_ms, 1500);
    ck_assert_uint_le(event.speech_ms, 1500 + 200);
    ck_assert_int_eq(file_frames(in_folder("a.wav"), rate), 2 * rate);
    check_tone(rate, 0, rate);
    for (size_t i = rate; i < rate + rate / 2; i++)
        ck_assert_int_eq(heard[i], 0);
    check_tone(rate, rate + rate / 2, 2 * rate);
    ck_assert_int_eq(stat(in_folder("a.wav"), &status), 0);
    ck_assert_int_eq(status.st_mode & 0077, 0); /* somebody's private words */
    ck_assert_int_eq(status.st_size, 44 + 4 * (long)rate);
}
END_TEST

START_TEST(longest_length_ends_it)
{
    struct recorder *r = open_recorder("a.wav", 8000, (struct record_limits){.max_ms = 3000});
    struct mixer_event event;

    ck_assert_uint_eq(write_ms(r, 8000, 5000, true), 3000);
    ck_assert(!recorder_write(r, tone_frame(8000)));
    recorder_close(r, RECORD_STOPPED);
    event = recorded();
    ck_assert_int_eq(event.end, RECORD_TOO_LONG);
    ck_assert_uint_eq(event.ms, 3000);
    ck_assert_int_eq(file_frames(in_folder("a.wav"), 8000), 24000);
}
END_TEST

/* Silence ends it; cut, the file stops shortly after the last word, else it holds all that was heard. */
START_TEST(silence_ends_it)
{
    bool cut = _i == 1;
    struct recorder *r =
        open_recorder("a.wav", 16000, (struct record_limits){.silence_ms = 2000, .cut_silence = cut});
    struct mixer_event event;
    unsigned taken;

    ck_assert_uint_eq(write_ms(r, 16000, 1000, true), 1000);
    ck_assert_uint_eq(write_ms(r, 16000, 1500, false), 1500); /* a pause to think is none */
    ck_assert_uint_eq(write_ms(r, 16000, 1000, true), 1000);
    taken = write_ms(r, 16000, 5000, false);
    ck_assert_uint_ge(taken, 2000);
    ck_assert_uint_le(taken, 2300);
    recorder_close(r, RECORD_CLOSED);
    event = recorded();
    ck_assert_int_eq(event.end, RECORD_SILENCE);
    ck_assert_int_eq(event.error, 0);
    ck_assert_uint_eq(event.ms, (uint32_t)file_frames(in_folder("a.wav"), 16000) / 16);
    ck_assert_uint_ge(event.ms, cut ? 3500 : 5500);
    ck_assert_uint_le(event.ms, cut ? 3900 : 5800);
    check_tone(16000, 0, 16000);
}
END_TEST

START_TEST(nothing_said_is_no_speech)
{
    struct recorder *r =
        open_recorder("a.wav", 8000, (struct record_limits){.silence_ms = 3000, .cut_silence = true});
    struct mixer_event event;

    ck_assert_uint_eq(write_ms(r, 8000, 9000, false), 3000);
    recorder_close(r, RECORD_STOPPED);
    event = recorded();
    ck_assert_int_eq(event.end, RECORD_SILENCE);
    ck_assert_uint_eq(event.speech_ms, 0);
    ck_assert_uint_eq(event.ms, 0);
    ck_assert_int_eq(file_frames(in_folder("a.wav"), 8000), 0);
}
END_TEST

START_TEST(steady_tone_is_not_silence)
{
    struct recorder *r = open_recorder("a.wav", 8000, (struct record_limits){.silence_ms = 2000});
    struct mixer_event event;

    ck_assert_uint_eq(write_ms(r, 8000, 40000, true), 40000);
    recorder_close(r, RECORD_STOPPED);
    event = recorded();
    ck_assert_int_eq(event.end, RECORD_STOPPED);
    ck_assert_uint_eq(event.speech_ms, 40000);
}
END_TEST

static void copy_file(const char *from, const char *to)
{
    char block[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    size_t n;

    ck_assert_ptr_nonnull(out);
    while (in && (n = fread(block, 1, sizeof block, in)) > 0)
        ck_assert_uint_eq(fwrite(block, 1, n, out), n);
    if (in)
        fclose(in);
    fclose(out);
}

/* At whatever moment the machine stops, what is on the disk plays up to the last sync. */
/* `ms` of a tone of `hz` and `also` (0: none), at -20 dBov each. */
static void write_signal(struct recorder *r, unsigned hz, unsigned also, unsigned ms)
{
    static unsigned at;

    for (unsigned done = 0; done < ms; done += 10) {
        int16_t frame[80];

        for (unsigned i = 0; i < 80; i++, at++)
            frame[i] = (int16_t)lrint(
                4000 * (sin(2 * M_PI * hz * at / 8000) + (also ? sin(2 * M_PI * also * at / 8000) : 0)));
        if (!recorder_write(r, hz ? frame : (int16_t[80]){0}))
            return;
    }
}

static const struct record_limits message = {.silence_ms = 5000, .cut_silence = true};

/* Words (here: 700 Hz), then the exchange says that the far side has gone (ITU-T E.180). */
START_TEST(exchange_tones_at_the_end_are_cut)
{
    static const struct {
        unsigned hz, also, on_ms, off_ms, times;
    } cases[] = {
        {425, 0, 500, 500, 3}, {480, 620, 250, 250, 4}, {350, 440, 2000, 0, 1}, {400, 0, 380, 380, 2}};
    struct recorder *r = open_recorder("a.wav", 8000, message);

    write_signal(r, 700, 0, 2000);
    write_signal(r, 0, 0, 600);
    for (unsigned i = 0; i < cases[_i].times; i++) {
        write_signal(r, cases[_i].hz, cases[_i].also, cases[_i].on_ms);
        write_signal(r, 0, 0, cases[_i].off_ms);
    }
    recorder_close(r, RECORD_STOPPED);
    struct mixer_event event = recorded();
    ck_assert_uint_ge(event.ms, 2000);
    ck_assert_uint_le(event.ms, 2400);
    ck_assert_uint_ge(event.speech_ms, 1900);
}
END_TEST

START_TEST(only_tones_are_no_speech)
{
    struct recorder *r = open_recorder("a.wav", 8000, message);

    for (unsigned i = 0; i < 4; i++) {
        write_signal(r, 425, 0, 500);
        write_signal(r, 0, 0, 500);
    }
    recorder_close(r, RECORD_STOPPED);
    ck_assert_uint_eq(recorded().speech_ms, 0);
}
END_TEST

START_TEST(endless_tones_end_it)
{
    struct recorder *r = open_recorder("a.wav", 8000, message);

    write_signal(r, 700, 0, 1000);
    for (unsigned i = 0; i < 7; i++) {
        write_signal(r, 425, 0, 500);
        write_signal(r, 0, 0, 500);
    }
    recorder_close(r, RECORD_STOPPED);
    struct mixer_event event = recorded();
    ck_assert_int_eq(event.end, RECORD_SILENCE);
    ck_assert_uint_le(event.ms, 1300);
}
END_TEST

/* What is followed by words was none of an exchange's last words; other tones are as good as words. */
START_TEST(other_tones_stay)
{
    struct recorder *r = open_recorder("a.wav", 8000, message);

    write_signal(r, 425, 0, 500);
    write_signal(r, 0, 0, 500);
    write_signal(r, 425, 0, 500);
    write_signal(r, 700, 0, 1000);
    write_signal(r, 0, 0, 300);
    write_signal(r, 440, 0, 2000);
    recorder_close(r, RECORD_STOPPED);
    ck_assert_uint_ge(recorded().ms, 4790);
}
END_TEST

START_TEST(gap_is_no_silence_before_its_time)
{
    struct recorder *r =
        open_recorder("a.wav", 8000, (struct record_limits){.silence_ms = 1000, .gap_ms = 3000});

    write_signal(r, 700, 0, 1000);
    ck_assert_uint_eq(write_ms(r, 8000, 2500, false), 2500);
    write_signal(r, 700, 0, 1000);
    ck_assert_uint_eq(write_ms(r, 8000, 4000, false), 3000);
    recorder_close(r, RECORD_STOPPED);
    struct mixer_event event = recorded();
    ck_assert_int_eq(event.end, RECORD_SILENCE);
    ck_assert_uint_eq(event.ms, 7500);
}
END_TEST

START_TEST(more_is_added_to_a_file)
{
    struct record_limits more = {.append = true, .silence_ms = 1000, .cut_silence = true};
    struct recorder *r = open_recorder("a.wav", 8000, (struct record_limits){0});

    write_ms(r, 8000, 1000, true);
    recorder_close(r, RECORD_STOPPED);
    ck_assert_uint_eq(recorded().ms, 1000);
    r = open_recorder("a.wav", 8000, more);
    write_ms(r, 8000, 500, true);
    recorder_close(r, RECORD_STOPPED);
    ck_assert_uint_eq(recorded().ms, 1500);
    r = open_recorder("a.wav", 8000, more); /* nothing is said: it is as it was */
    write_ms(r, 8000, 2000, false);
    recorder_close(r, RECORD_STOPPED);
    ck_assert_uint_eq(recorded().ms, 1500);
    ck_assert_int_eq(file_frames(in_folder("a.wav"), 8000), 12000);
    check_tone(8000, 0, 12000);
    r = open_recorder("a.wav", 16000, more);
    recorder_close(r, RECORD_STOPPED);
    ck_assert_int_eq(recorded().end, RECORD_FAILED);
    ck_assert_int_eq(file_frames(in_folder("a.wav"), 8000), 12000);
}
END_TEST

START_TEST(file_plays_while_it_is_recorded)
{
    struct recorder *r = open_recorder("a.wav", 16000, (struct record_limits){0});

    for (unsigned second = 1; second <= 3; second++) {
        long frames = -1;

        ck_assert_uint_eq(write_ms(r, 16000, 1000, true), 1000);
        /* Until the last sync has come, the file holds what one before said: nothing, or a beginning of it
         * all. */
        for (;;) {
            copy_file(in_folder("a.wav"), in_folder("copy.wav"));
            frames = file_frames(in_folder("copy.wav"), 16000);
            if (frames > 0)
                check_tone(16000, 0, (size_t)frames);
            if (frames == 16000 * (long)second)
                break;
            ck_assert_int_lt(frames, 16000 * (long)second);
            clock_advance(2000000);
            usleep(10000);
        }
    }
    recorder_close(r, RECORD_CLOSED);
    ck_assert_int_eq(recorded().end, RECORD_CLOSED);
    ck_assert_int_eq(file_frames(in_folder("a.wav"), 16000), 48000);
}
END_TEST

/* An existing file is somebody's message: it is never overwritten. */
START_TEST(existing_file_is_left_alone)
{
    struct recorder *r;
    struct mixer_event event;
    FILE *file = fopen(in_folder("a.wav"), "wb");

    ck_assert_ptr_nonnull(file);
    fputs("precious", file);
    fclose(file);
    r = open_recorder("a.wav", 8000, (struct record_limits){0});
    while (recorder_write(r, tone_frame(8000)))
        usleep(1000);
    recorder_close(r, RECORD_STOPPED);
    event = recorded();
    ck_assert_int_eq(event.end, RECORD_FAILED);
    ck_assert_int_eq(event.error, EEXIST);
    ck_assert_uint_eq(event.ms, 0);
    file = fopen(in_folder("a.wav"), "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(heard, 1, 100, file), 8);
    ck_assert_mem_eq(heard, "precious", 8);
    fclose(file);
}
END_TEST

START_TEST(missing_folder_fails)
{
    struct recorder *r = open_recorder("none/a.wav", 8000, (struct record_limits){0});
    struct mixer_event event;

    recorder_close(r, RECORD_STOPPED);
    event = recorded();
    ck_assert_int_eq(event.end, RECORD_FAILED);
    ck_assert_int_eq(event.error, ENOENT);
}
END_TEST

/* The disk is full (here: the file may not grow): the worker is told, the event too, and what was written
 * still plays. */
START_TEST(full_disk_ends_it)
{
    struct rlimit before, limit;
    struct recorder *r;
    struct mixer_event event;
    long frames;

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 40000;
    r = open_recorder("a.wav", 8000, (struct record_limits){0});
    /* Check writes a file of its own at each assertion: none until the limit is gone again. */
    setrlimit(RLIMIT_FSIZE, &limit);
    while (recorder_write(r, tone_frame(8000)))
        usleep(2000);
    setrlimit(RLIMIT_FSIZE, &before);
    recorder_close(r, RECORD_STOPPED);
    event = recorded();
    ck_assert_int_eq(event.end, RECORD_FAILED);
    ck_assert_int_eq(event.error, EFBIG);
    frames = file_frames(in_folder("a.wav"), 8000);
    ck_assert_int_gt(frames, 0);
    ck_assert_uint_eq(event.ms, (uint32_t)frames / 8);
    check_tone(8000, 0, (size_t)frames);
}
END_TEST

/* The disk stands still for longer than the ring: what fitted is kept, and the loss is told. */
START_TEST(overflow_is_told)
{
    struct recorder *r;
    struct mixer_event event;
    sound_id sound;

    pthread_mutex_lock(&mixer.gate);
    ck_assert_int_eq(sound_load(&mixer, in_folder("missing.wav"), false, &sound), 0);
    r = open_recorder("a.wav", 16000, (struct record_limits){0});
    for (int i = 0; i < 1000; i++)
        ck_assert(recorder_write(r, tone_frame(16000)));
    recorder_close(r, RECORD_STOPPED);
    pthread_mutex_unlock(&mixer.gate);
    ck_assert_int_eq(double_event(&mixer).type, EVENT_SOUND_LOADED);
    event = recorded();
    ck_assert_int_eq(event.end, RECORD_STOPPED);
    ck_assert_int_eq(event.error, EIO);
    ck_assert_uint_eq(event.ms, 8190);
    ck_assert_int_eq(file_frames(in_folder("a.wav"), 16000), 8190 * 16);
    check_tone(16000, 0, 8190 * 16);
}
END_TEST

START_TEST(other_rates_are_refused)
{
    struct record_limits limits = {0};
    struct recorder *r;

    ck_assert_int_eq(recorder_open(&r, mixer.sounds, PORT, SERIAL, in_folder("a.wav"), 48000, &limits),
                     EINVAL);
}
END_TEST

/* At shutdown what is being recorded is finished, closed by its owner or not. */
START_TEST(shutdown_finishes_recordings)
{
    struct recorder *open, *closed;

    folder_make();
    double_start(&mixer);
    open = open_recorder("open.wav", 8000, (struct record_limits){0});
    closed = open_recorder("closed.wav", 8000, (struct record_limits){0});
    ck_assert_uint_eq(write_ms(open, 8000, 1000, true), 1000);
    ck_assert_uint_eq(write_ms(closed, 8000, 1000, true), 1000);
    recorder_close(closed, RECORD_STOPPED);
    sounds_stop(mixer.sounds);
    ck_assert_uint_eq(mixer.count, 2);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(recorded().error, 0);
    ck_assert_int_eq(file_frames(in_folder("open.wav"), 8000), 8000);
    ck_assert_int_eq(file_frames(in_folder("closed.wav"), 8000), 8000);
    folder_remove();
}
END_TEST

static void *record_some(void *argument)
{
    struct recorder *r = argument;

    for (int i = 0; i < 700; i++)
        ck_assert(recorder_write(r, tone_frame(8000)));
    recorder_close(r, RECORD_STOPPED);
    return NULL;
}

/* A worker fills while the file thread empties: for the thread sanitizer. */
START_TEST(worker_and_file_thread_share_a_ring)
{
    char name[2][16] = {"0.wav", "1.wav"};

    tone_frame(8000);
    for (int i = 0; i < 2; i++) {
        struct recorder *r = open_recorder(name[i], 8000, (struct record_limits){0});
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, record_some, r), 0);
        pthread_join(thread, NULL);
    }
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(recorded().ms, 7000);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(file_frames(in_folder(name[i]), 8000), 56000);
        check_tone(8000, 0, 56000);
    }
}
END_TEST

static Suite *recorder_suite(void)
{
    Suite *s = suite_create("recorder");
    TCase *c = tcase_create("recorder"), *bare = tcase_create("shutdown");

    tcase_set_timeout(c, 120);
    tcase_set_timeout(bare, 120);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, file_holds_what_was_heard, 0, 2);
    tcase_add_test(c, longest_length_ends_it);
    tcase_add_loop_test(c, silence_ends_it, 0, 2);
    tcase_add_test(c, nothing_said_is_no_speech);
    tcase_add_test(c, steady_tone_is_not_silence);
    tcase_add_test(c, file_plays_while_it_is_recorded);
    tcase_add_loop_test(c, exchange_tones_at_the_end_are_cut, 0, 4);
    tcase_add_test(c, only_tones_are_no_speech);
    tcase_add_test(c, endless_tones_end_it);
    tcase_add_test(c, other_tones_stay);
    tcase_add_test(c, gap_is_no_silence_before_its_time);
    tcase_add_test(c, more_is_added_to_a_file);
    tcase_add_test(c, existing_file_is_left_alone);
    tcase_add_test(c, missing_folder_fails);
    tcase_add_test(c, full_disk_ends_it);
    tcase_add_test(c, overflow_is_told);
    tcase_add_test(c, other_rates_are_refused);
    tcase_add_test(c, worker_and_file_thread_share_a_ring);
    tcase_add_test(bare, shutdown_finishes_recordings);
    suite_add_tcase(s, c);
    suite_add_tcase(s, bare);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(recorder_suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
