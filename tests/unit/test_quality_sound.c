/* What a room leaves of a voice: its level, its first syllable, its place among the loudest; and how fast
 * orders act and how often it is encoded. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "tests/unit/stage.h"

#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SETTLED_MS 1500
#define BURST_MS 120
#define LISTENERS 1000

static const enum codec codecs[] = {CODEC_PCMU, CODEC_PCMA, CODEC_G722, CODEC_OPUS};
static room_id room;

/* -- in the libraries' place, to count
 * ------------------------------------------------------------------------------------ */

static unsigned opus_encodings, resamplings;

#pragma GCC visibility push(default)
int32_t opus_encode(void *encoder, const int16_t *pcm, int samples, uint8_t *data, int32_t max);
int32_t opus_encode(void *encoder, const int16_t *pcm, int samples, uint8_t *data, int32_t max)
{
    static __typeof__(opus_encode) *real;

    if (!real)
        real = (__typeof__(real))dlsym(RTLD_NEXT, "opus_encode");
    opus_encodings++;
    return real(encoder, pcm, samples, data, max);
}

int speex_resampler_process_int(void *state, uint32_t channel, const int16_t *in, uint32_t *taken,
                                int16_t *out, uint32_t *given);
int speex_resampler_process_int(void *state, uint32_t channel, const int16_t *in, uint32_t *taken,
                                int16_t *out, uint32_t *given)
{
    static __typeof__(speex_resampler_process_int) *real;

    if (!real)
        real = (__typeof__(real))dlsym(RTLD_NEXT, "speex_resampler_process_int");
    resamplings++;
    return real(state, channel, in, taken, out, given);
}
#pragma GCC visibility pop

/* -- the room
 * -------------------------------------------------------------------------------------------------------------
 */

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

/* Within 0.5 dB, from any codec to any other, whatever rates lie between them. */
START_TEST(level_of_a_tone_is_kept)
{
    struct member *ears[4], *m = talker(codecs[_i], 1000, 6000);

    for (unsigned i = 0; i < 4; i++)
        ears[i] = member_join(codecs[i], room);
    stage_run(SETTLED_MS + 1000);
    for (unsigned i = 0; i < 4; i++) {
        unsigned rate = ears[i]->rate;
        size_t from = SETTLED_MS * (size_t)rate / 1000;
        double got = sound_tone(line_part(&ears[i]->heard, from, rate / 2), rate / 2, rate, 1000);
        double db = 20 * log10(got / m->amplitude);
        ck_assert_msg(fabs(db) < 0.5, "from codec %d to %d: %.2f dB", (int)m->codec, (int)ears[i]->codec, db);
    }
}
END_TEST

/* What one talker's packets say comes out again to the bit, so that the room adds no noise to the codec's. */
START_TEST(single_talker_is_as_clear_as_his_codec)
{
    struct member *m = member_join(CODEC_PCMU, room), *ear = member_join(CODEC_PCMU, room);
    int16_t companded[8000];
    uint8_t payload[8000];
    double best = -100;

    m->voice = voice_noise;
    m->amplitude = 9000;
    stage_run(SETTLED_MS + 1500);
    const int16_t *said = line_part(&m->said, SETTLED_MS * 8, 8000);
    ck_assert_uint_eq(encoder_encode(m->encoder, said, 8000, payload, sizeof(payload)), 8000);
    ck_assert_uint_eq(decoder_decode(ear->decoder, payload, 8000, companded, 8000), 8000);
    for (unsigned delay = 0; delay < 200 * 8; delay++)
        best = fmax(best, sound_snr(said, ear->heard.samples + SETTLED_MS * 8 + delay, 8000));
    ck_assert_double_gt(best, 30);
    ck_assert_double_ge(best, sound_snr(said, companded, 8000) - 0.001);
}
END_TEST

/* -- first syllables
 * -------------------------------------------------------------------------------------------------- */

static size_t burst_from, burst_to; /* samples at the talker's rate */

static int16_t voice_burst(struct member *m, uint64_t at)
{
    return at >= burst_from && at < burst_to ? voice_tone(m, at) : 0;
}

/* Where sound begins and ends, in ms: a quarter of the burst's loudness is the border. */
static bool burst_find(const int16_t *sound, size_t samples, unsigned rate, double border, double ms[2])
{
    size_t window = rate / 500;
    bool found = false;

    for (size_t at = 0; at + window <= samples; at += rate / 1000) {
        if (sound_level(sound + at, window) < border)
            continue;
        if (!found)
            ms[0] = (double)at * 1000 / rate;
        ms[1] = (double)(at + window) * 1000 / rate;
        found = true;
    }
    return found;
}

/* [codec][2 s, 30 s][silence is sent, nothing is sent] */
START_TEST(first_syllable_is_whole)
{
    enum codec codec = codecs[_i / 4];
    unsigned pause = _i & 2 ? 30000 : 2000;
    bool sends = !(_i & 1);
    struct member *m = member_join(codec, room), *ear = member_join(codec, room);
    double ms[2] = {0, 0}, sent[2];

    m->hz = 400;
    m->amplitude = 8000;
    m->voice = voice_tone; /* he has spoken before */
    stage_run(1000);
    m->voice = voice_burst;
    stage_run(300); /* DTX sends the beginning of a silence */
    m->mute = !sends;
    stage_run(pause);
    m->mute = false;
    unsigned began = stage_ticks * TICK_MS;
    burst_from = (size_t)(began + 7) * m->rate / 1000; /* amid a packet */
    burst_to = burst_from + (size_t)BURST_MS * m->rate / 1000;
    stage_run(BURST_MS + 20);
    m->mute = !sends;
    stage_run(500);
    size_t from = (size_t)began * m->rate / 1000, samples = ear->heard.count - from;
    double border = 20 * log10(m->amplitude / 32768) - 15;
    ck_assert(burst_find(m->said.samples + from, m->said.count - from, m->rate, border, sent));
    ck_assert(burst_find(line_part(&ear->heard, from, samples), samples, m->rate, border, ms));
    /* Where nothing tells a pause from a loss, the last sound is drawn out a little. */
    double longer = (ms[1] - ms[0]) - (sent[1] - sent[0]);
    ck_assert_msg(longer >= -5 && longer <= (sends ? 5 : 15), "codec %d: %.0f ms of %.0f", (int)codec,
                  ms[1] - ms[0], sent[1] - sent[0]);
    double energy = sound_level(ear->heard.samples + from, samples) + 10 * log10((double)samples);
    double wanted = sound_level(m->said.samples + from, m->said.count - from) +
                    10 * log10((double)(m->said.count - from));
    ck_assert_msg(fabs(energy - wanted) < (codec == CODEC_OPUS ? 1.5
                                           : sends             ? 0.5
                                                               : 1),
                  "codec %d: %.2f dB", (int)codec, energy - wanted);
}
END_TEST

/* -40 dBov, beside one who speaks up. */
START_TEST(quiet_speaker_is_not_lost)
{
    struct member *quiet = talker(codecs[_i], 700, 32768 * pow(10, -40.0 / 20) * M_SQRT2);
    struct member *ear = member_join(CODEC_G722, room);

    (void)talker(CODEC_PCMU, 300, 8000);
    stage_run(SETTLED_MS + 1000);
    double got = sound_tone(line_part(&ear->heard, SETTLED_MS * 16, 8000), 8000, 16000, 700);
    ck_assert_double_gt(got, quiet->amplitude * 0.85);
    ck_assert_double_lt(got, quiet->amplitude * 1.15);
}
END_TEST

/* -- who is heard
 * ------------------------------------------------------------------------------------------------------ */

static bool is_heard(const struct member *m)
{
    return member_port(m)->speaker != NULL;
}

/* Seven of one loudness for six places: those who have them keep them. */
START_TEST(equal_speakers_do_not_take_turns)
{
    unsigned changes = 0, heard = 0;

    for (unsigned i = 0; i < ROOM_SPEAKERS + 2; i++) {
        struct member *m = member_join(CODEC_PCMU, room);
        m->voice = voice_noise;
        m->amplitude = 3000 + 150 * i; /* within 3 dB of each other */
    }
    stage_run(SETTLED_MS);
    for (unsigned t = 0; t < 10000; t += TICK_MS) {
        unsigned now = 0;
        stage_run(TICK_MS);
        for (unsigned i = 0; i < ROOM_SPEAKERS + 2; i++)
            now |= is_heard(&cast[i]) ? 1U << i : 0;
        changes += t > 0 && now != heard;
        heard = now;
    }
    ck_assert_int_eq(__builtin_popcount(heard), ROOM_SPEAKERS);
    ck_assert_uint_eq(changes, 0);
    /* But one who is clearly louder is heard soon. */
    struct member *loud = &cast[0];
    for (unsigned i = 0; i < ROOM_SPEAKERS + 2; i++)
        loud = is_heard(&cast[i]) ? loud : &cast[i];
    loud->amplitude = 20000;
    stage_run(100);
    ck_assert(is_heard(loud));
}
END_TEST

/* -- orders
 * ----------------------------------------------------------------------------------------------------------
 */

static double frame_dbfs(const struct member *m, unsigned tick)
{
    size_t frame = m->rate / TICKS_A_SECOND;

    return sound_level(line_part(&m->heard, tick * frame, frame), frame);
}

/* The tick that carries an order out fades, the next one has it whole. */
START_TEST(orders_act_within_a_tick)
{
    struct member *m = talker(CODEC_PCMU, 200, 8000), *ear = member_join(CODEC_PCMU, room);

    stage_run(SETTLED_MS + 10);
    unsigned at = stage_ticks;
    ck_assert_int_eq(port_set_mute(stage, m->port, true), 0);
    stage_run(200);
    ck_assert_double_gt(frame_dbfs(ear, at - 1), -16);
    ck_assert_double_lt(frame_dbfs(ear, at + 1), -75);
    unsigned unmuted = stage_ticks;
    ck_assert_int_eq(port_set_mute(stage, m->port, false), 0);
    stage_run(210);
    ck_assert_double_lt(frame_dbfs(ear, unmuted - 1), -75);
    ck_assert_double_gt(frame_dbfs(ear, unmuted + 1), -16);
    unsigned talk = stage_ticks;
    ck_assert_int_eq(port_set_gains(stage, m->port, -20, 0), 0);
    stage_run(200);
    ck_assert_double_gt(frame_dbfs(ear, talk - 1), -16);
    ck_assert_double_lt(fabs(frame_dbfs(ear, talk + 1) - frame_dbfs(ear, talk - 1) + 20), 0.3);
    unsigned listen = stage_ticks;
    ck_assert_int_eq(port_set_gains(stage, ear->port, 0, 12), 0);
    stage_run(210);
    ck_assert_double_lt(fabs(frame_dbfs(ear, listen + 1) - frame_dbfs(ear, listen - 1) - 12), 0.3);
}
END_TEST

/* -- work
 * ------------------------------------------------------------------------------------------------------------
 */

/* A thousand listeners, half of them with Opus: each packet is encoded once for all who get it in one phase,
 * and the mix changes its rate once, not once a member. All are sent to one address. */
START_TEST(listeners_share_one_encoding)
{
    struct member *sink = member_join(CODEC_OPUS, room);
    struct sockaddr_in local = stage_address();

    (void)talker(CODEC_PCMU, 300, 8000);
    for (unsigned i = 0; i < LISTENERS; i++) {
        port_id port;
        uint16_t rtp_port;
        struct media_format f = sink->format;
        if (i % 2)
            f.codecs[0] = (struct media_codec){CODEC_PCMU, 0, 0};
        ck_assert_int_eq(port_open(stage, (struct sockaddr *)&local, &port, &rtp_port), 0);
        ck_assert_int_eq(port_set_format(stage, port, &f), 0);
        ck_assert_int_eq(port_connect_room(stage, port, room), 0);
    }
    sink->mute = sink->deaf = true;
    stage_run(1000);
    struct mixer_stats before, after;
    mixer_read_stats(stage, &before);
    opus_encodings = resamplings = 0;
    stage_run(1000);
    mixer_read_stats(stage, &after);
    ck_assert_uint_ge(after.packets_sent - before.packets_sent, 50 * LISTENERS);
    ck_assert_uint_eq(opus_encodings, 2 * 50); /* two phases in 20 ms */
    /* The talker's sound up once, the mix down once, and his own mix down. */
    ck_assert_uint_le(resamplings, 3 * TICKS_A_SECOND);
}
END_TEST

static void begin_large(void)
{
    struct rlimit files;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
    stage_begin("plain", LISTENERS + 10);
    room = stage_room(0);
}

int main(void)
{
    Suite *suite = suite_create("quality: sound");
    TCase *tcase = tcase_create("sound"), *large = tcase_create("large");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, begin, stage_end);
    tcase_add_loop_test(tcase, level_of_a_tone_is_kept, 0, 4);
    tcase_add_test(tcase, single_talker_is_as_clear_as_his_codec);
    tcase_add_loop_test(tcase, first_syllable_is_whole, 0, 16);
    tcase_add_loop_test(tcase, quiet_speaker_is_not_lost, 0, 4);
    tcase_add_test(tcase, equal_speakers_do_not_take_turns);
    tcase_add_test(tcase, orders_act_within_a_tick);
    suite_add_tcase(suite, tcase);
    tcase_set_timeout(large, 300);
    tcase_add_checked_fixture(large, begin_large, stage_end);
    tcase_add_test(large, listeners_share_one_encoding);
    suite_add_tcase(suite, large);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
