/*
 * Codecs, loudness and resampling.
 */
#include "mixer/codec.h"
#include "mixer/g711.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <spandsp.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_MAX 48000

static void fill_sine(int16_t *out, size_t count, unsigned rate, double hz, double dbov)
{
    double amplitude = 32768 * M_SQRT2 * pow(10, dbov / 20);

    for (size_t i = 0; i < count; i++)
        out[i] = (int16_t)lrint(amplitude * sin(2 * M_PI * hz * (double)i / rate));
}

/* Power of one frequency in a stretch of whole periods, in dBov; and of all the rest. */
static double tone_level(const int16_t *in, size_t count, unsigned rate, double hz, double *rest)
{
    double re = 0, im = 0, all = 0, power;

    for (size_t i = 0; i < count; i++) {
        double angle = 2 * M_PI * hz * (double)i / rate;

        re += in[i] * cos(angle);
        im += in[i] * sin(angle);
        all += (double)in[i] * in[i];
    }
    power = 2 * (re * re + im * im) / (double)count / (double)count;
    if (rest)
        *rest = 10 * log10(fmax(all / (double)count - power, 1e-9) / 32768.0 / 32768.0);
    return 10 * log10(fmax(power, 1e-9) / 32768.0 / 32768.0);
}

struct path {
    enum codec codec;
    unsigned rate;
    double hz, snr_db, level_error_db;
};

/* What a codec is for must come through: G.711 with some 38 dB of signal to noise, G.722 in both its bands.
 */
static const struct path paths[] = {
    {CODEC_PCMU, 8000, 1000, 33, 0.3},  {CODEC_PCMA, 8000, 1000, 33, 0.3},
    {CODEC_PCMU, 8000, 3000, 33, 0.3},  {CODEC_G722, 16000, 1000, 30, 0.5},
    {CODEC_G722, 16000, 5000, 15, 1.0}, {CODEC_OPUS, 8000, 1000, 15, 1.0},
    {CODEC_OPUS, 16000, 1000, 15, 1.0}, {CODEC_OPUS, 16000, 440, 15, 1.0},
    {CODEC_OPUS, 48000, 1000, 15, 1.0},
};

START_TEST(tone_survives_round_trip)
{
    const struct path *p = &paths[_i];
    static int16_t in[SECOND_MAX], out[SECOND_MAX];
    size_t step = p->rate / 50, from = p->rate / 2;
    struct encoder *e;
    struct decoder *d;
    double rest, level;

    ck_assert_int_eq(encoder_new(&e, p->codec, p->rate, 20, false, false), 0);
    ck_assert_int_eq(decoder_new(&d, p->codec, p->rate), 0);
    fill_sine(in, p->rate, p->rate, p->hz, -20);
    for (size_t at = 0; at < p->rate; at += step) {
        uint8_t payload[PAYLOAD_MAX];
        size_t length = encoder_encode(e, in + at, step, payload, sizeof payload);

        ck_assert_uint_gt(length, 0);
        ck_assert_uint_eq(payload_ms(p->codec, payload, length), 20);
        ck_assert_uint_eq(decoder_decode(d, payload, length, out + at, step), step);
    }
    level = tone_level(out + from, from, p->rate, p->hz, &rest);
    ck_assert_double_eq_tol(level, -20, p->level_error_db);
    ck_assert_double_ge(level - rest, p->snr_db);
    encoder_free(e);
    decoder_free(d);
}
END_TEST

/* One encoder takes over from another: its next packets are those that the other would have made. */
/* ITU-T G.711 for every number there is: our tables are SpanDSP's companding. */
START_TEST(g711_tables_are_exact)
{
    for (int v = INT16_MIN; v <= INT16_MAX; v++) {
        if (g711_code(&g711_tables[0], (int16_t)v) != linear_to_ulaw(v) ||
            g711_code(&g711_tables[1], (int16_t)v) != linear_to_alaw(v))
            ck_abort_msg("%d is coded otherwise", v);
    }
    for (int i = 0; i < 256; i++) {
        ck_assert_int_eq(g711_tables[0].linear[i], ulaw_to_linear((uint8_t)i));
        ck_assert_int_eq(g711_tables[1].linear[i], alaw_to_linear((uint8_t)i));
    }
}
END_TEST

START_TEST(encoder_goes_on_where_another_was)
{
    static int16_t in[48000];
    enum codec codec = (enum codec)_i;
    unsigned rate = codec_rate(codec);
    size_t step = rate / 50, differ = 0;
    struct encoder *old, *new;
    uint8_t a[PAYLOAD_MAX], b[PAYLOAD_MAX];

    ck_assert_int_eq(encoder_new(&old, codec, rate, 20, false, false), 0);
    ck_assert_int_eq(encoder_new(&new, codec, rate, 20, false, false), 0);
    fill_sine(in, rate, rate, 700, -12);
    for (size_t at = 0; at < rate / 2; at += step)
        ck_assert_uint_gt(encoder_encode(old, in + at, step, a, sizeof(a)), 0);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t at = rate / 2; at < rate; at += step) {
            size_t length = encoder_encode(old, in + at, step, a, sizeof(a));
            if (round == 0)
                continue;
            ck_assert_uint_eq(encoder_encode(new, in + at, step, b, sizeof(b)), length);
            differ += memcmp(a, b, length) != 0;
        }
        encoder_follow(new, old);
    }
    ck_assert_uint_eq(differ, 0);
    encoder_free(old);
    encoder_free(new);
}
END_TEST

START_TEST(opus_takes_its_own_packet_times)
{
    static const struct {
        unsigned ms;
        int error;
    } times[] = {{10, 0}, {20, 0}, {30, EINVAL}, {40, 0}, {50, EINVAL}, {60, 0}, {5, EINVAL}, {140, EINVAL}};
    struct encoder *e;

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int16_t in[48 * 60] = {0};
        uint8_t payload[PAYLOAD_MAX];
        size_t length;

        ck_assert_int_eq(encoder_new(&e, CODEC_OPUS, 48000, times[i].ms, false, false), times[i].error);
        if (times[i].error)
            continue;
        length = encoder_encode(e, in, times[i].ms * 48, payload, sizeof payload);
        ck_assert_uint_eq(payload_ms(CODEC_OPUS, payload, length), times[i].ms);
        encoder_free(e);
    }
    ck_assert_int_eq(encoder_new(&e, CODEC_OPUS, 44100, 20, false, false), EINVAL);
}
END_TEST

/* RFC 7587 §3.1.3: in silence nothing is sent, but now and then a packet to refresh the noise. */
START_TEST(opus_dtx_leaves_silence_out)
{
    int16_t silence[320] = {0};
    uint8_t payload[PAYLOAD_MAX];
    struct encoder *e;
    int sent = 0;

    ck_assert_int_eq(encoder_new(&e, CODEC_OPUS, 16000, 20, false, true), 0);
    for (int i = 0; i < 100; i++) {
        if (encoder_encode(e, silence, 320, payload, sizeof payload) > 0 && i >= 50)
            sent++;
    }
    ck_assert_int_le(sent, 5);
    encoder_free(e);
}
END_TEST

/* RFC 6716 §2.1.7: a packet lost is rebuilt from the next one, better than guessed from those before. */
START_TEST(opus_fec_rebuilds_a_lost_packet)
{
    static int16_t in[16000], guessed[320], rebuilt[320];
    uint8_t payload[50][PAYLOAD_MAX];
    size_t length[50];
    struct encoder *e;
    struct decoder *guess, *fec;
    double at_new;

    ck_assert_int_eq(encoder_new(&e, CODEC_OPUS, 16000, 20, true, false), 0);
    ck_assert_int_eq(decoder_new(&guess, CODEC_OPUS, 16000), 0);
    ck_assert_int_eq(decoder_new(&fec, CODEC_OPUS, 16000), 0);
    /* The tone changes just where the packet is lost: no guess can know the new one. */
    fill_sine(in, 16000, 16000, 400, -15);
    fill_sine(in + 40 * 320, 10 * 320, 16000, 1100, -15);
    for (int i = 0; i < 50; i++)
        length[i] = encoder_encode(e, in + i * 320, 320, payload[i], PAYLOAD_MAX);
    for (int i = 0; i < 41; i++) {
        int16_t out[320];

        ck_assert_uint_eq(decoder_decode(guess, payload[i], length[i], out, 320), 320);
        ck_assert_uint_eq(decoder_decode(fec, payload[i], length[i], out, 320), 320);
    }
    decoder_conceal(guess, NULL, 0, guessed, 320);
    decoder_conceal(fec, payload[42], length[42], rebuilt, 320);
    at_new = tone_level(rebuilt, 320, 16000, 1100, NULL);
    ck_assert_double_ge(at_new, -21);
    encoder_free(e);
    decoder_free(guess);
    decoder_free(fec);
}
END_TEST

static const struct path concealing[] = {
    {CODEC_PCMU, 8000, 400, 0, 0},  {CODEC_PCMA, 8000, 400, 0, 0},  {CODEC_G722, 16000, 400, 0, 0},
    {CODEC_OPUS, 16000, 400, 0, 0}, {CODEC_OPUS, 48000, 400, 0, 0},
};

/* A gap is filled at nearly full level at first and is silent after 60 ms. */
START_TEST(concealment_fades_to_silence)
{
    const struct path *p = &concealing[_i];
    static int16_t in[SECOND_MAX], out[SECOND_MAX];
    size_t step = p->rate / 50, tick = p->rate / 100;
    uint8_t payload[PAYLOAD_MAX];
    struct encoder *e;
    struct decoder *d;
    unsigned before;

    ck_assert_int_eq(encoder_new(&e, p->codec, p->rate, 20, false, false), 0);
    ck_assert_int_eq(decoder_new(&d, p->codec, p->rate), 0);
    fill_sine(in, p->rate, p->rate, p->hz, -15);
    for (size_t at = 0; at < p->rate / 2; at += step) {
        size_t length = encoder_encode(e, in + at, step, payload, sizeof payload);

        ck_assert_uint_eq(decoder_decode(d, payload, length, out, step), step);
    }
    before = frame_level(out, step);
    for (int i = 0; i < 10; i++) {
        decoder_conceal(d, NULL, 0, out, tick);
        if (i == 0)
            ck_assert_uint_le(frame_level(out, tick), before + 6);
        if (i >= 6)
            ck_assert_uint_eq(frame_level(out, tick), 127);
    }
    encoder_free(e);
    decoder_free(d);
}
END_TEST

/* The sound after a gap is the sound that was sent: concealment may blend only its first few milliseconds. */
START_TEST(decoding_goes_on_after_a_gap)
{
    static int16_t in[8000], out[160];
    uint8_t payload[160];
    struct encoder *e;
    struct decoder *d;

    ck_assert_int_eq(encoder_new(&e, CODEC_PCMA, 8000, 20, false, false), 0);
    ck_assert_int_eq(decoder_new(&d, CODEC_PCMA, 8000), 0);
    fill_sine(in, 8000, 8000, 300, -15);
    for (size_t at = 0; at < 8000; at += 160) {
        bool lost = at == 3200 || at == 3360;
        size_t length = encoder_encode(e, in + at, 160, payload, sizeof payload);

        if (lost)
            decoder_conceal(d, NULL, 0, out, 160);
        else
            ck_assert_uint_eq(decoder_decode(d, payload, length, out, 160), 160);
        for (size_t i = at == 3520 ? 60 : 0; !lost && i < 160; i++)
            ck_assert_int_le(abs(out[i] - in[at + i]), 400);
    }
    encoder_free(e);
    decoder_free(d);
}
END_TEST

START_TEST(bad_payloads_are_refused)
{
    static const uint8_t broken[] = {0x03, 0xFF,
                                     0xFF}; /* code 3 with 63 frames in no bytes (RFC 6716 §3.2.5) */
    int16_t out[5760];
    struct decoder *d;

    ck_assert_int_eq(decoder_new(&d, CODEC_OPUS, 48000), 0);
    ck_assert_uint_eq(decoder_decode(d, broken, sizeof broken, out, 5760), 0);
    ck_assert_uint_eq(decoder_decode(d, broken, 0, out, 5760), 0);
    ck_assert_uint_eq(payload_ms(CODEC_OPUS, broken, 0), 0);
    ck_assert_uint_eq(payload_ms(CODEC_PCMU, broken, 3), 0);
    ck_assert_uint_eq(payload_ms(CODEC_PCMU, broken, 1400), 0);
    decoder_free(d);
    ck_assert_int_eq(decoder_new(&d, CODEC_OPUS, 44100), EINVAL);
}
END_TEST

/* Output is cut at the caller's room. */
START_TEST(decoder_keeps_to_its_room)
{
    uint8_t payload[160];
    int16_t out[101];
    struct decoder *d;

    memset(payload, 0x55, sizeof payload);
    for (int codec = CODEC_PCMU; codec <= CODEC_G722; codec++) {
        ck_assert_int_eq(decoder_new(&d, (enum codec)codec, 8000), 0);
        out[100] = 12345;
        ck_assert_uint_eq(decoder_decode(d, payload, sizeof payload, out, 100), 100);
        ck_assert_int_eq(out[100], 12345);
        decoder_free(d);
    }
}
END_TEST

static unsigned coded_level(enum codec codec, unsigned rate, const int16_t *in, size_t count)
{
    uint8_t payload[PAYLOAD_MAX];
    size_t length = 0, step = rate / 50;
    struct encoder *e;

    ck_assert_int_eq(encoder_new(&e, codec, rate, 20, false, false), 0);
    for (size_t at = 0; at + step <= count; at += step)
        length = encoder_encode(e, in + at, step, payload, sizeof payload);
    encoder_free(e);
    return payload_level(codec, payload, length);
}

/* RFC 6464 loudness from the payload: within 2 dB for G.711, a rough but monotonous figure for G.722. */
START_TEST(payload_level_follows_loudness)
{
    static int16_t in[48000];
    unsigned last = 0;

    for (int db = -10; db >= -40; db -= 10) {
        unsigned level;

        fill_sine(in, 8000, 8000, 1000, db);
        ck_assert_int_le(abs((int)coded_level(CODEC_PCMU, 8000, in, 8000) + db), 2);
        ck_assert_int_le(abs((int)coded_level(CODEC_PCMA, 8000, in, 8000) + db), 2);
        fill_sine(in, 16000, 16000, 1000, db);
        level = coded_level(CODEC_G722, 16000, in, 16000);
        ck_assert_int_le(abs((int)level + db), 10);
        ck_assert_uint_gt(level, last);
        last = level;
        ck_assert_uint_le(coded_level(CODEC_OPUS, 16000, in, 16000), 45);
    }
    memset(in, 0, sizeof in);
    ck_assert_uint_ge(coded_level(CODEC_PCMU, 8000, in, 8000), 70);
    ck_assert_uint_ge(coded_level(CODEC_PCMA, 8000, in, 8000), 65); /* A-law has no zero */
    ck_assert_uint_eq(coded_level(CODEC_G722, 16000, in, 16000), 127);
    ck_assert_uint_eq(coded_level(CODEC_OPUS, 16000, in, 16000), 127);
    ck_assert_uint_eq(coded_level(CODEC_OPUS, 48000, in, 48000), 127);
}
END_TEST

static const struct {
    unsigned from, to;
    double hz;
} rates[] = {
    {8000, 16000, 1000},  {8000, 48000, 1000}, {16000, 8000, 1000},  {16000, 48000, 1000},
    {16000, 48000, 5000}, {48000, 8000, 1000}, {48000, 16000, 5000}, {8000, 8000, 1000},
};

/* Each frame of 10 ms gives exactly one, from the first on; a tone keeps its level and gets no image. */
START_TEST(resampler_is_exact)
{
    static int16_t in[SECOND_MAX], out[SECOND_MAX + 1];
    unsigned from = rates[_i].from, to = rates[_i].to;
    struct resampler *r;
    double level, rest;

    ck_assert_int_eq(resampler_new(&r, from, to), 0);
    fill_sine(in, from, from, rates[_i].hz, -12);
    for (unsigned tick = 0; tick < 100; tick++) {
        int16_t *at = out + tick * to / 100;

        at[to / 100] = 0x5A5A; /* the first sample that is not the frame's */
        at[to / 100 - 1] = 0x7FFF;
        resampler_run(r, in + tick * from / 100, at);
        ck_assert_int_eq(at[to / 100], 0x5A5A);
        ck_assert_int_ne(at[to / 100 - 1], 0x7FFF);
    }
    level = tone_level(out + to / 2, to / 2, to, rates[_i].hz, &rest);
    ck_assert_double_eq_tol(level, -12, 0.5);
    ck_assert_double_ge(level - rest, 40);
    resampler_reset(r);
    resampler_free(r);
}
END_TEST

START_TEST(resampler_refuses_other_rates)
{
    struct resampler *r;

    ck_assert_int_eq(resampler_new(&r, 44100, 8000), EINVAL);
    ck_assert_int_eq(resampler_new(&r, 8000, 0), EINVAL);
}
END_TEST

/* RFC 6464: 0 dBov is a full-scale square wave, 127 silence. */
START_TEST(frame_level_is_dbov)
{
    int16_t frame[480];

    for (int i = 0; i < 480; i++)
        frame[i] = i & 1 ? INT16_MIN : INT16_MAX;
    ck_assert_uint_eq(frame_level(frame, 480), 0);
    fill_sine(frame, 480, 48000, 1000, -26);
    ck_assert_uint_eq(frame_level(frame, 480), 26);
    memset(frame, 0, sizeof frame);
    ck_assert_uint_eq(frame_level(frame, 480), 127);
}
END_TEST

START_TEST(gain_clips_once)
{
    int16_t frame[] = {0, 100, -100, 20000, -20000, INT16_MAX, INT16_MIN};

    ck_assert_int_eq(gain_q12(0), 4096);
    frame_apply_gain(frame, 7, gain_q12(6));
    ck_assert_int_eq(frame[1], 200);
    ck_assert_int_eq(frame[2], -200);
    ck_assert_int_eq(frame[3], INT16_MAX);
    ck_assert_int_eq(frame[4], INT16_MIN);
    frame_apply_gain(frame + 5, 2, gain_q12(30));
    ck_assert_int_eq(frame[5], INT16_MAX);
    ck_assert_int_eq(frame[6], INT16_MIN);
}
END_TEST

static unsigned frames_of_voice(struct voice_detector *v, unsigned frames, double hz, double dbov, int noise)
{
    int16_t frame[80];
    unsigned voiced = 0;

    for (unsigned i = 0; i < frames; i++) {
        fill_sine(frame, 80, 8000, hz, dbov);
        for (int k = 0; noise > 0 && k < 80; k++)
            frame[k] = (int16_t)(rand() % (2 * noise + 1) - noise);
        voiced += voice_detect(v, frame, 80) ? 1 : 0;
    }
    return voiced;
}

/* Two that have had the same last frame go on alike, whatever was before. */
START_TEST(resampler_catches_up)
{
    int16_t in[FRAME_MAX * 3], out[FRAME_MAX], late[FRAME_MAX];
    struct resampler *always, *joins;

    ck_assert_int_eq(resampler_new(&always, 48000, 8000), 0);
    ck_assert_int_eq(resampler_new(&joins, 48000, 8000), 0);
    fill_sine(in, FRAME_MAX * 3, 48000, 440, -6);
    resampler_run(always, in, out);
    resampler_run(always, in + FRAME_MAX, out);
    resampler_catch_up(joins, in + FRAME_MAX);
    resampler_run(always, in + 2 * FRAME_MAX, out);
    resampler_run(joins, in + 2 * FRAME_MAX, late);
    ck_assert_mem_eq(out, late, 80 * sizeof(*out));
    resampler_free(always);
    resampler_free(joins);
}
END_TEST

/* No step anywhere: it begins at one gain and has the other at its end. */
START_TEST(gain_ramps_over_the_frame)
{
    int16_t frame[80];

    for (unsigned i = 0; i < 80; i++)
        frame[i] = 8000;
    frame_ramp_gain(frame, 80, 4096, 2048);
    for (unsigned i = 1; i < 80; i++)
        ck_assert_int_le(abs(frame[i] - frame[i - 1]), 51);
    ck_assert_int_ge(frame[0], 7949);
    ck_assert_int_eq(frame[79], 4000);
}
END_TEST

/* Recordings of test tones and held vowels must not end as silence, however long they last. */
START_TEST(steady_tone_stays_voice)
{
    struct voice_detector v = {0};

    ck_assert_uint_eq(frames_of_voice(&v, 6000, 440, -20, 0), 6000);
    ck_assert_uint_eq(frames_of_voice(&v, 6000, 440, -34, 0), 6000);
}
END_TEST

START_TEST(silence_and_faint_noise_are_silence)
{
    struct voice_detector v = {0};
    int16_t zero[80] = {0};

    for (int i = 0; i < 500; i++)
        ck_assert(!voice_detect(&v, zero, 80));
    ck_assert_uint_eq(frames_of_voice(&v, 1000, 440, -20, 150), 0); /* uniform noise at about -51.5 dBov */
    ck_assert_uint_gt(frames_of_voice(&v, 10, 440, -30, 0), 8);
    ck_assert_uint_le(frames_of_voice(&v, 100, 440, -20, 150), 20); /* the hang, no more */
}
END_TEST

static Suite *codec_suite(void)
{
    Suite *s = suite_create("codec");
    TCase *c = tcase_create("codec");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, tone_survives_round_trip, 0, sizeof paths / sizeof *paths);
    tcase_add_test(c, g711_tables_are_exact);
    tcase_add_loop_test(c, encoder_goes_on_where_another_was, 0, CODEC_COUNT);
    tcase_add_test(c, opus_takes_its_own_packet_times);
    tcase_add_test(c, opus_dtx_leaves_silence_out);
    tcase_add_test(c, opus_fec_rebuilds_a_lost_packet);
    tcase_add_loop_test(c, concealment_fades_to_silence, 0, sizeof concealing / sizeof *concealing);
    tcase_add_test(c, decoding_goes_on_after_a_gap);
    tcase_add_test(c, bad_payloads_are_refused);
    tcase_add_test(c, decoder_keeps_to_its_room);
    tcase_add_test(c, payload_level_follows_loudness);
    tcase_add_loop_test(c, resampler_is_exact, 0, sizeof rates / sizeof *rates);
    tcase_add_test(c, resampler_refuses_other_rates);
    tcase_add_test(c, frame_level_is_dbov);
    tcase_add_test(c, gain_clips_once);
    tcase_add_test(c, resampler_catches_up);
    tcase_add_test(c, gain_ramps_over_the_frame);
    tcase_add_test(c, steady_tone_stays_voice);
    tcase_add_test(c, silence_and_faint_noise_are_silence);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(codec_suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
