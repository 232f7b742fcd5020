/*
 * The file side of a room's recording without a room: a disk that stands still, a voice that comes late, many
 * voices.
 */
#include "core/base/clock.h"
#include "mixer/tape_internal.h"
#include "tests/unit/mixer_double.h"
#include "tests/unit/sound_reader.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#define RATE 8000
#define LEVEL 5000 /* of a voice: one value, so that each sample tells */

static struct mixer mixer;

static void setup(void)
{
    folder_make();
    double_start(&mixer);
}

static void teardown(void)
{
    double_stop(&mixer);
    folder_remove();
}

static struct tape *open_tape(enum record_format format, bool tracks)
{
    struct room_recording what = {
        .folder = test_folder, .name = "r", .title = "3001", .format = format, .tracks = tracks};
    struct tape *t = NULL;

    ck_assert_int_eq(tape_open(&t, mixer.sounds, 5, 6, &what, RATE), 0);
    return t;
}

static bool give(struct tape *t, enum tape_kind kind, uint32_t frame, uint32_t port, int16_t level)
{
    struct tape_slot *slot = tape_take(t, kind, frame);

    if (!slot)
        return false;
    slot->port = port;
    slot->visit = 1;
    slot->talking = false;
    slot->label = (struct port_label){0};
    for (unsigned i = 0; i < RATE / 100; i++)
        slot->samples[i] = level;
    tape_give(t);
    return true;
}

static struct mixer_event recorded(void)
{
    struct mixer_event event = double_event(&mixer);

    ck_assert_int_eq(event.type, EVENT_RECORDED);
    ck_assert_uint_eq(event.room, 5);
    ck_assert_uint_eq(event.serial, 6);
    return event;
}

static int at_frame(const struct sound_read *s, unsigned frame)
{
    ck_assert_uint_lt(frame * (RATE / 100), s->count);
    return s->samples[frame * (RATE / 100)];
}

/* Frames that find no place are silence; what comes after them is where it belongs; a pause is told all the
 * same. */
START_TEST(disk_that_stands_still_leaves_a_gap)
{
    struct tape *t;
    sound_id sound;
    unsigned taken = 0;

    pthread_mutex_lock(&mixer.gate);
    ck_assert_int_eq(sound_load(&mixer, in_folder("missing.wav"), false, &sound), 0);
    t = open_tape(RECORD_WAV, false);
    for (unsigned frame = 0; frame < 1000; frame++)
        taken += give(t, TAPE_MIX, frame, 0, LEVEL);
    ck_assert_uint_lt(taken, 1000);
    ck_assert_uint_gt(taken, 400);
    ck_assert(give(t, TAPE_PAUSE, 1000, 0, 0));
    ck_assert(give(t, TAPE_RESUME, 1000, 0, 0));
    pthread_mutex_unlock(&mixer.gate);
    ck_assert_int_eq(double_event(&mixer).type, EVENT_SOUND_LOADED);
    while (!give(t, TAPE_MIX, 1000, 0, LEVEL))
        usleep(10000);
    ck_assert(tape_advance(t, 1010));
    tape_close(t, RECORD_STOPPED);
    struct mixer_event event = recorded();
    ck_assert_int_eq(event.end, RECORD_STOPPED);
    ck_assert_int_eq(event.error, EIO);
    ck_assert_uint_eq(event.ms, 10100);
    struct sound_read mix = sound_read(in_folder("r.wav"));
    ck_assert_uint_eq(mix.count, 1010 * RATE / 100);
    ck_assert_int_eq(at_frame(&mix, taken - 1), LEVEL);
    ck_assert_int_eq(at_frame(&mix, taken), 0);
    ck_assert_int_eq(at_frame(&mix, 999), 0);
    ck_assert_int_eq(at_frame(&mix, 1000), LEVEL);
    ck_assert_int_eq(at_frame(&mix, 1001), 0);
    json_t *json = json_load_file(in_folder("r.json"), 0, NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "pauses")), 1);
    ck_assert_int_ge(json_integer_value(json_object_get(json, "lost_ms")), (1000 - taken) * 10);
    json_decref(json);
    free(mix.samples);
}
END_TEST

/* Silence before a late first word is written bit by bit where it must be encoded, and what is said meanwhile
 * waits. */
START_TEST(late_voice_waits_for_its_silence)
{
    uint64_t slot[(sizeof(struct tape_slot) + RATE / 100 * 2) / 8 + 1] = {0};
    struct tape_slot *frame = (struct tape_slot *)(void *)slot;
    struct track *track = NULL;
    unsigned rounds = 0;
    int error;

    ck_assert_int_eq(track_open(&track, test_folder, strdup("late.flac"), RECORD_FLAC, RATE, sizeof slot), 0);
    for (unsigned i = 0; i < RATE / 100; i++)
        frame->samples[i] = LEVEL;
    for (unsigned i = 0; i < 3; i++) {
        frame->frame = 6000 + 2 * i;
        ck_assert_int_eq(track_add(track, frame), 0);
    }
    while ((error = track_write(track, 6010, clock_now_us())) == EAGAIN) {
        rounds++;
        if (rounds == 2) {
            frame->frame = 6006;
            ck_assert_int_eq(track_add(track, frame), 0);
        }
    }
    ck_assert_int_eq(error, 0);
    ck_assert_uint_ge(rounds, 5);
    ck_assert_int_eq(track_close(track, false), 0);
    track_free(track);
    struct sound_read s = sound_read(in_folder("late.flac"));
    ck_assert_uint_eq(s.count, 6010 * RATE / 100);
    ck_assert_double_eq(sound_first(&s, 0, 0), 60000);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_eq(at_frame(&s, 6000 + i), i <= 6 && i % 2 == 0 ? LEVEL : 0);
    free(s.samples);
}
END_TEST

/* Beyond the most there may be, who speaks is in the mix only, which the timeline tells. */
START_TEST(too_many_voices_stay_in_the_mix)
{
    struct tape *t = open_tape(RECORD_WAV, true);

    for (unsigned port = 1; port <= 260; port++) {
        while (!give(t, TAPE_MIX, port, 0, LEVEL) || !give(t, TAPE_TRACK, port, port, LEVEL))
            usleep(10000);
        ck_assert(tape_advance(t, port + 1));
    }
    tape_close(t, RECORD_CLOSED);
    struct mixer_event event = recorded();
    ck_assert_int_eq(event.end, RECORD_CLOSED);
    ck_assert_int_eq(event.error, 0);
    json_t *json = json_load_file(in_folder("r.json"), 0, NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "tracks")), 256);
    ck_assert_int_eq(json_integer_value(json_object_get(json, "tracks_left_out")), 4);
    json_decref(json);
    struct sound_read mix = sound_read(in_folder("r.wav")), last = sound_read(in_folder("r-256.wav"));
    ck_assert_int_eq(at_frame(&mix, 260), LEVEL);
    ck_assert_uint_eq(last.count, mix.count);
    ck_assert_int_eq(at_frame(&last, 256), LEVEL);
    free(mix.samples);
    free(last.samples);
}
END_TEST

/* The files and the timeline are true while the recording goes on: what a kill leaves. */
START_TEST(sync_comes_every_two_seconds)
{
    struct tape *t = open_tape(_i, true);
    json_int_t ms = 0;

    for (unsigned frame = 0; frame < 200; frame++) {
        while (!give(t, TAPE_MIX, frame, 0, LEVEL) || !give(t, TAPE_TRACK, frame, 1, LEVEL))
            usleep(10000);
        ck_assert(tape_advance(t, frame + 1));
    }
    while (ms < 2000) {
        clock_advance(2000000);
        usleep(10000);
        json_t *json = json_load_file(in_folder("r.json"), 0, NULL);
        ms = json_integer_value(json_object_get(json, "ms"));
        if (json)
            ck_assert_str_eq(json_string_value(json_object_get(json, "state")), "recording");
        json_decref(json);
    }
    for (unsigned i = 0; i < 2; i++) {
        char name[20];
        snprintf(name, sizeof name, "r%s.%s", i ? "-1" : "", record_format_names[_i]);
        struct sound_read s = sound_read(in_folder(name));
        ck_assert_double_gt(sound_ms(&s), _i == RECORD_FLAC ? 2000 - 4096 * 1000 / RATE - 1 : 1960);
        free(s.samples);
    }
    tape_close(t, RECORD_STOPPED);
    ck_assert_int_eq(recorded().error, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tape");
    TCase *c = tcase_create("tape");

    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, disk_that_stands_still_leaves_a_gap);
    tcase_add_test(c, late_voice_waits_for_its_silence);
    tcase_add_test(c, too_many_voices_stay_in_the_mix);
    tcase_add_loop_test(c, sync_comes_every_two_seconds, 0, RECORD_FORMATS);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
