/* storage/audio_opus: a recording that leaves as Ogg Opus is the same sound, and much smaller. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/rows.h"

#define SECONDS 4
#define TONE_HZ 700.0

static char path[64];

static void set_up(void)
{
    strcpy(path, "/tmp/confab-opus-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void tear_down(void)
{
    unlink(path);
}

/* A tone in the file, as a recorder leaves it; into memory as storage reads it. */
static struct audio recording(int rate)
{
    SF_INFO info = {.samplerate = rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    struct audio audio;

    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < SECONDS * rate; i++) {
        int16_t sample = (int16_t)lrint(8000 * sin(2 * M_PI * TONE_HZ * i / rate));
        ck_assert_int_eq(sf_writef_short(file, &sample, 1), 1);
    }
    sf_close(file);
    ck_assert_int_eq(audio_load(&audio, AT_FDCWD, path), 0);
    return audio;
}

/* The share of the tone in what `count` samples hold: 1 is nothing but it. */
static double purity(const int16_t *in, size_t count, int rate)
{
    double sine = 0, cosine = 0, all = 0;

    for (size_t i = 0; i < count; i++) {
        double turn = 2 * M_PI * TONE_HZ * (double)i / rate;
        sine += in[i] * sin(turn);
        cosine += in[i] * cos(turn);
        all += (double)in[i] * in[i];
    }
    return 2 * (sine * sine + cosine * cosine) / ((double)count * all);
}

static const int rates[] = {8000, 16000};

START_TEST(opus_is_the_same_sound)
{
    static int16_t heard[SECONDS * 48000 + 48000];
    int rate = rates[_i];
    struct audio wav = recording(rate), opus, again;
    SF_INFO info = {.format = 0};

    ck_assert_int_eq(audio_convert(&opus, SOUND_OPUS, wav.bytes, wav.size), 0);
    ck_assert_uint_eq(opus.duration_ms, SECONDS * 1000);
    ck_assert_int_eq(audio_convert(&again, SOUND_OPUS, wav.bytes, wav.size), 0);
    ck_assert_uint_eq(again.size, opus.size); /* parts of both fit together */
    ck_assert_int_eq(memcmp(again.bytes, opus.bytes, opus.size), 0);
    free(again.bytes);
    ck_assert_uint_lt(opus.size, SECONDS * 6000); /* at most 48 kbit/s */
    ck_assert_int_eq(memcmp(opus.bytes, "OggS", 4), 0);
    ck_assert_int_eq(memcmp(opus.bytes + 28, "OpusHead", 8), 0); /* RFC 7845 §5.1 */
    FILE *file = fopen(path, "w");
    ck_assert_uint_eq(fwrite(opus.bytes, 1, opus.size, file), opus.size);
    fclose(file);
    SNDFILE *played = sf_open(path, SFM_READ, &info);
    ck_assert_ptr_nonnull(played);
    ck_assert_int_eq(info.channels, 1);
    sf_count_t count = sf_readf_short(played, heard, (sf_count_t)(sizeof heard / sizeof *heard));
    sf_close(played);
    ck_assert_int_ge(count, (sf_count_t)SECONDS * info.samplerate - info.samplerate / 50);
    ck_assert_int_le(count, (sf_count_t)SECONDS * info.samplerate + info.samplerate / 50);
    ck_assert_double_gt(purity(heard + info.samplerate / 2, (size_t)(2 * info.samplerate), info.samplerate),
                        0.95);
    free(wav.bytes);
    free(opus.bytes);
}
END_TEST

START_TEST(flac_is_the_very_same_sound)
{
    static int16_t before[SECONDS * 11025], after[SECONDS * 11025 + 1];
    struct audio wav = recording(11025), flac;
    SF_INFO info = {.format = 0};
    SNDFILE *played = sf_open(path, SFM_READ, &info);

    ck_assert_int_eq(sf_readf_short(played, before, SECONDS * 11025), SECONDS * 11025);
    sf_close(played);
    ck_assert_int_eq(audio_convert(&flac, SOUND_FLAC, wav.bytes, wav.size), 0);
    ck_assert_int_eq(memcmp(flac.bytes, "fLaC", 4), 0); /* RFC 9639 §6 */
    ck_assert_uint_lt(flac.size, wav.size);
    FILE *file = fopen(path, "w");
    ck_assert_uint_eq(fwrite(flac.bytes, 1, flac.size, file), flac.size);
    fclose(file);
    played = sf_open(path, SFM_READ, &info);
    ck_assert_ptr_nonnull(played);
    ck_assert_int_eq(sf_readf_short(played, after, SECONDS * 11025 + 1), SECONDS * 11025);
    sf_close(played);
    ck_assert_int_eq(memcmp(before, after, sizeof before), 0);
    free(wav.bytes);
    free(flac.bytes);
}
END_TEST

/* What Opus does not take leaves as it is: the sender is told. */
START_TEST(other_sound_is_refused)
{
    static const char garbage[] = "II*\0a fax, for one";
    struct audio wav = recording(11025), opus;

    ck_assert_int_eq(audio_convert(&opus, SOUND_OPUS, wav.bytes, wav.size), EINVAL);
    ck_assert_int_eq(audio_convert(&opus, SOUND_OPUS, garbage, sizeof garbage), EINVAL);
    ck_assert_int_eq(audio_convert(&opus, SOUND_OPUS, wav.bytes, 0), EINVAL);
    ck_assert_int_eq(audio_convert(&opus, SOUND_OPUS, wav.bytes, 44), EINVAL);
    free(wav.bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audio_opus");
    TCase *tc = tcase_create("audio_opus");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, opus_is_the_same_sound, 0, sizeof rates / sizeof *rates);
    tcase_add_test(tc, flac_is_the_very_same_sound);
    tcase_add_test(tc, other_sound_is_refused);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
