/*
 * The formats of recordings: what other programs read from them, also after a kill, on a full disk and beyond
 * 4 GiB.
 */
#include "mixer/soundwriter.h"
#include "tests/unit/sound_reader.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HZ 500
#define AMPLITUDE 8000

static const unsigned rates[] = {8000, 16000, 48000};
static const int formats[RECORD_FORMATS] = {
    SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_OGG | SF_FORMAT_OPUS};
static char folder[64], path[128];

static void setup(void)
{
    strcpy(folder, "/tmp/confab-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a", folder);
}

static void teardown(void)
{
    unlink(path);
    rmdir(folder);
}

static int put_tone(struct sound_writer *w, unsigned rate, unsigned ms)
{
    int16_t frame[480];
    int error = 0;

    for (unsigned at = 0; at < ms && !error; at += 10) {
        for (unsigned i = 0; i < rate / 100; i++)
            frame[i] = (int16_t)lrint(AMPLITUDE * sin(2 * M_PI * HZ * i / rate)); /* 5 periods */
        error = sound_writer_put(w, frame, rate / 100);
    }
    return error;
}

static struct sound_writer *open_writer(enum record_format format, unsigned rate)
{
    struct sound_writer *w = NULL;

    ck_assert_int_eq(sound_writer_open(&w, path, format, rate), 0);
    return w;
}

/* i / 3 is the format, i % 3 the rate. */
START_TEST(holds_what_was_put)
{
    unsigned rate = rates[_i % 3];
    struct sound_writer *w = open_writer(_i / 3, rate);

    ck_assert_int_eq(put_tone(w, rate, 1000), 0);
    ck_assert_int_eq(sound_writer_silence(w, 2 * rate), 0);
    ck_assert_int_eq(put_tone(w, rate, 510), 0);
    ck_assert_int_eq(sound_writer_silence(w, rate / 100), 0);
    ck_assert_int_eq(sound_writer_close(w, false), 0);
    struct sound_read s = sound_read(path);
    ck_assert_int_eq(s.format, formats[_i / 3]);
    ck_assert_uint_eq(s.rate, rate);
    ck_assert_uint_eq(s.count, (size_t)352 * rate / 100);
    ck_assert_int_eq(s.told, (sf_count_t)s.count);
    ck_assert_double_gt(sound_tone(&s, HZ, 100, 900), 0.9 * AMPLITUDE);
    ck_assert_double_lt(sound_tone(&s, HZ, 1100, 2900), 20);
    ck_assert_double_gt(sound_tone(&s, HZ, 3050, 3450), 0.9 * AMPLITUDE);
    double onset = sound_first(&s, AMPLITUDE / 4, 2000);
    ck_assert_double_gt(onset, 2990);
    ck_assert_double_lt(onset, 3010);
    free(s.samples);
}
END_TEST

/* Twenty minutes before the first word are neither that much work nor that much size, and the word is where it
 * belongs. */
START_TEST(silence_is_cheap)
{
    static const enum record_format cheap[] = {RECORD_WAV, RECORD_OPUS};
    struct sound_writer *w = open_writer(cheap[_i], 16000);
    struct stat status;

    ck_assert_int_eq(sound_writer_silence(w, 16000ULL * 1200), 0);
    ck_assert_int_eq(put_tone(w, 16000, 1000), 0);
    ck_assert_int_eq(sound_writer_close(w, false), 0);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_lt(status.st_blocks * 512, 1 << 20);
    struct sound_read s = sound_read(path);
    ck_assert_uint_eq(s.count, 16000 * 1201);
    ck_assert_double_lt(fabs(sound_first(&s, AMPLITUDE / 4, 0) - 1200000), 10);
    ck_assert_double_gt(sound_tone(&s, HZ, 1200100, 1200900), 0.9 * AMPLITUDE);
    free(s.samples);
}
END_TEST

/* A process of its own is killed amid the work: what was put before the last sync plays, and its length is
 * told. */
START_TEST(survives_a_kill)
{
    unsigned rate = rates[_i % 3];
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct sound_writer *w = NULL;
        if (sound_writer_open(&w, path, _i / 3, rate) || put_tone(w, rate, 3000) ||
            sound_writer_sync(w, true) || put_tone(w, rate, 130))
            _exit(1);
        raise(SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    struct sound_read s = sound_read(path);
    ck_assert_double_gt(sound_ms(&s), _i / 3 == RECORD_FLAC ? 3000 - 4096.0 * 1000 / rate - 1 : 2950);
    ck_assert_int_ge(s.told, (sf_count_t)s.count - (sf_count_t)rate / 4);
    ck_assert_int_le(s.told, (sf_count_t)s.count);
    ck_assert_double_gt(sound_tone(&s, HZ, 100, sound_ms(&s) - 50), 0.9 * AMPLITUDE);
    free(s.samples);
}
END_TEST

/* The disk is full (here: the file may not grow): the errno comes at once and stays, and the file plays. */
START_TEST(full_disk_is_told)
{
    struct rlimit before, limit;
    int first = 0, again = 0, closed = 0;

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct sound_writer *w = open_writer(_i, 8000);
    limit = before;
    limit.rlim_cur = 20000;
    setrlimit(RLIMIT_FSIZE, &limit); /* Check writes a file at each assertion: none until it is gone again */
    for (unsigned i = 0; i < 100 && !first; i++) {
        first = put_tone(w, 8000, 1000);
        if (!first && i % 2)
            first = sound_writer_sync(w, false);
    }
    again = put_tone(w, 8000, 1000);
    closed = sound_writer_close(w, true);
    setrlimit(RLIMIT_FSIZE, &before);
    ck_assert_int_eq(first, EFBIG);
    ck_assert_int_eq(again, EFBIG);
    (void)closed; /* a WAV file's head could still be written */
    struct sound_read s = sound_read(path);
    ck_assert_double_gt(sound_ms(&s), 1000);
    ck_assert_double_gt(sound_tone(&s, HZ, 100, sound_ms(&s) - 50), 0.9 * AMPLITUDE);
    free(s.samples);
}
END_TEST

START_TEST(existing_file_is_left_alone)
{
    struct sound_writer *w = open_writer(_i, 8000);

    ck_assert_int_eq(sound_writer_close(w, false), 0);
    ck_assert_int_eq(sound_writer_open(&w, path, _i, 8000), EEXIST);
}
END_TEST

static uint64_t number_at(const uint8_t *data, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = bytes; i > 0; i--)
        value = value << 8 | data[i - 1];
    return value;
}

/* EBU Tech 3306 §3: RIFF with a JUNK chunk until it grows too large, then RF64 with ds64 in that chunk's
 * place. */
START_TEST(large_file_turns_into_rf64)
{
    struct sound_writer *w = open_writer(RECORD_WAV, 8000);
    uint8_t head[80];

    sound_writer_set_riff_max(w, 40000);
    ck_assert_int_eq(put_tone(w, 8000, 2000), 0);
    ck_assert_int_eq(sound_writer_sync(w, false), 0);
    struct sound_read s = sound_read(path);
    ck_assert_int_eq(s.format, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
    ck_assert_uint_eq(s.count, 16000);
    free(s.samples);
    ck_assert_int_eq(put_tone(w, 8000, 1000), 0);
    ck_assert_int_eq(sound_writer_close(w, false), 0);

    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(head, 1, sizeof head, file), sizeof head);
    fclose(file);
    ck_assert_mem_eq(head, "RF64\xff\xff\xff\xffWAVEds64", 16);
    ck_assert_uint_eq(number_at(head + 16, 4), 28);
    ck_assert_uint_eq(number_at(head + 20, 8), 72 + 48000);
    ck_assert_uint_eq(number_at(head + 28, 8), 48000);
    ck_assert_uint_eq(number_at(head + 36, 8), 24000);
    ck_assert_uint_eq(number_at(head + 44, 4), 0);
    ck_assert_mem_eq(head + 72, "data\xff\xff\xff\xff", 8);
    s = sound_read(path);
    ck_assert_int_eq(s.format, SF_FORMAT_RF64 | SF_FORMAT_PCM_16);
    ck_assert_uint_eq(s.count, 24000);
    ck_assert_double_gt(sound_tone(&s, HZ, 100, 2900), 0.9 * AMPLITUDE);
    free(s.samples);
}
END_TEST

/* And so, where the file system takes holes, does one that really is: an hour and a bit at 48 kHz many times
 * over. */
START_TEST(beyond_4_gib_it_is_read_to_its_end)
{
    struct sound_writer *w = open_writer(RECORD_WAV, 48000);
    SF_INFO info = {0};
    int16_t last[480];

    ck_assert_int_eq(sound_writer_silence(w, 2300000000ULL), 0);
    ck_assert_int_eq(put_tone(w, 48000, 1000), 0);
    ck_assert_int_eq(sound_writer_close(w, false), 0);
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(info.format, SF_FORMAT_RF64 | SF_FORMAT_PCM_16);
    ck_assert_int_eq(info.frames, 2300048000LL);
    ck_assert_int_eq(sf_seek(file, 2300000000LL + 48000 - 480, SEEK_SET), 2300000000LL + 48000 - 480);
    ck_assert_int_eq(sf_read_short(file, last, 480), 480);
    ck_assert_int_eq(last[24], AMPLITUDE);
    sf_close(file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sound writer");
    TCase *c = tcase_create("formats");

    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, holds_what_was_put, 0, 9);
    tcase_add_loop_test(c, silence_is_cheap, 0, 2);
    tcase_add_loop_test(c, survives_a_kill, 0, 9);
    tcase_add_loop_test(c, full_disk_is_told, 0, 3);
    tcase_add_loop_test(c, existing_file_is_left_alone, 0, 3);
    tcase_add_test(c, large_file_turns_into_rf64);
    tcase_add_test(c, beyond_4_gib_it_is_read_to_its_end);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
