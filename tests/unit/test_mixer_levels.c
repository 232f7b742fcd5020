/* What a listener of a room hears how loud: the engine whole, with phones on the loopback that speak in
 * syllables of one pitch each. */
#include "core/base/log.h"
#include "mixer/engine.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PHONES 7
#define LISTENER 0
#define PACKET_MS 20
#define HEARD_MAX (60 * 8000)
#define SYLLABLE_MS 280 /* and its pause of 120 ms */
#define CYCLE_MS 400
#define NOTHING (-99.0)

struct phone {
    int fd;
    port_id port;
    struct sockaddr_in to, own;
    struct media_format format;
    struct encoder *encoder;
    unsigned rate;
    double hz, level, noise; /* of its syllables in dBov, and of what is behind them; NOTHING: none */
    bool hums;               /* without pauses */
    uint16_t sequence;
    uint32_t timestamp;
    unsigned ms; /* sent */
};

static struct mixer *mixer;
static room_id room;
static struct phone phones[PHONES];
static struct decoder *ear;
static int16_t heard[HEARD_MAX];
static unsigned heard_count;
static uint32_t dice;

static double factor(double db)
{
    return pow(10, db / 20);
}

static double decibel(double factor_of)
{
    return 20 * log10(factor_of + 1e-9);
}

static void phone_speak_codec(struct phone *p, enum codec codec)
{
    encoder_free(p->encoder);
    p->encoder = NULL;
    p->rate = codec_rate(codec);
    ck_assert_int_eq(encoder_new(&p->encoder, codec, p->rate, PACKET_MS, false, false), 0);
    p->format = (struct media_format){.codecs = {{codec, codec_static_pt(codec), codec_static_pt(codec)}},
                                      .codec_count = 1,
                                      .ptime_ms = PACKET_MS,
                                      .dtmf_pt_send = 101,
                                      .dtmf_pt_receive = 101,
                                      .dtmf_rate = 8000,
                                      .send = true,
                                      .receive = true};
    memcpy(&p->format.rtp, &p->own, sizeof(p->own));
    ck_assert_int_eq(port_set_format(mixer, p->port, &p->format), 0);
}

static void phone_open(struct phone *p, double hz)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(p->own);
    uint16_t rtp_port;

    *p = (struct phone){.hz = hz, .level = NOTHING, .noise = NOTHING, .to = local};
    p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(p->fd, (struct sockaddr *)&local, sizeof(local)), 0);
    ck_assert_int_eq(getsockname(p->fd, (struct sockaddr *)&p->own, &length), 0);
    ck_assert_int_eq(port_open(mixer, (struct sockaddr *)&local, &p->port, &rtp_port), 0);
    p->to.sin_port = htons(rtp_port);
    phone_speak_codec(p, CODEC_PCMU);
    ck_assert_int_eq(port_connect_room(mixer, p->port, room), 0);
}

static void phone_talk(struct phone *p)
{
    int16_t frame[PACKET_MS * 16];
    size_t samples = PACKET_MS * p->rate / 1000;
    struct rtp_packet h = {
        (uint32_t)p->hz, p->timestamp, p->sequence++, p->format.codecs[0].pt_send, false, NULL, 0};
    uint8_t data[400];

    for (size_t i = 0; i < samples; i++) {
        double ms = p->ms + (double)i * 1000 / p->rate, at = fmod(ms, CYCLE_MS), v = 0;
        if (p->hums || at < SYLLABLE_MS)
            v = factor(p->level) * sqrt(2) * 32768 * sin(2 * M_PI * p->hz * ms / 1000) *
                (p->hums ? 1 : fmin(1, fmin(at, SYLLABLE_MS - at) / 30));
        dice = dice * 1664525 + 1013904223;
        v += factor(p->noise) * sqrt(3) * 32768 * ((double)(int32_t)dice / 2147483648.0);
        frame[i] = (int16_t)lrint(fmax(-32768, fmin(32767, v)));
    }
    rtp_build(data, &h);
    size_t length = encoder_encode(p->encoder, frame, samples, data + RTP_HEADER, sizeof(data) - RTP_HEADER);
    (void)!sendto(p->fd, data, RTP_HEADER + length, 0, (struct sockaddr *)&p->to, sizeof(p->to));
    p->timestamp += 160; /* of both codecs: RFC 3551 §4.5.2 */
    p->ms += PACKET_MS;
}

static void phone_listen(struct phone *p)
{
    struct rtp_packet rtp;
    uint8_t data[1500];
    ssize_t got;

    while ((got = recv(p->fd, data, sizeof(data), 0)) > 0) {
        if (p != &phones[LISTENER])
            continue;
        ck_assert(rtp_parse(&rtp, data, (size_t)got));
        if (heard_count + 480 < HEARD_MAX)
            heard_count += decoder_decode(ear, rtp.payload, rtp.length, heard + heard_count, 480);
    }
}

static void run(unsigned ms)
{
    struct timespec next;
    struct mixer_event event;

    clock_gettime(CLOCK_MONOTONIC, &next);
    for (unsigned t = 0; t < ms; t += PACKET_MS) {
        for (unsigned i = 0; i < PHONES; i++) {
            phone_talk(&phones[i]);
            phone_listen(&phones[i]);
        }
        while (mixer_next_event(mixer, &event))
            ;
        next.tv_nsec += PACKET_MS * 1000000;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}

/* Level of a phone's syllables in dBov in the last 2.4 s that were heard: its pitch in each 20 ms, and of
 * these the median of the louder half, which a late packet here and there does not change. */
static int greater_first(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static double level_of(const struct phone *p)
{
    enum { FRAMES = 120, SIZE = 160 };
    double levels[FRAMES];

    ck_assert_uint_gt(heard_count, FRAMES * SIZE);
    for (unsigned f = 0; f < FRAMES; f++) {
        const int16_t *frame = heard + heard_count - (FRAMES - f) * SIZE;
        double w = 2 * M_PI * p->hz / 8000, re = 0, im = 0;
        for (unsigned i = 0; i < SIZE; i++) {
            double window = 1 - cos(2 * M_PI * i / SIZE); /* mean 1 */
            re += frame[i] * window * cos(w * i);
            im += frame[i] * window * sin(w * i);
        }
        levels[f] = sqrt(re * re + im * im) * 2 / SIZE / sqrt(2) / 32768;
    }
    qsort(levels, FRAMES, sizeof(*levels), greater_first);
    return decibel(levels[FRAMES / 4]);
}

static void setup(void)
{
    struct mixer_config config = {.workers = 1,
                                  .rtp_port_low = 30000 + (unsigned)getpid() % 200 * 100,
                                  .rtp_port_high = 30099 + (unsigned)getpid() % 200 * 100,
                                  .max_ports = 8,
                                  .max_rooms = 2};

    heard_count = 0;
    dice = 1;
    ck_assert_int_eq(mixer_start(&mixer, &config), 0);
    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    ck_assert_int_eq(decoder_new(&ear, CODEC_PCMU, 8000), 0);
    for (unsigned i = 0; i < PHONES; i++)
        phone_open(&phones[i], 400 + 300 * i);
}

static void teardown(void)
{
    mixer_stop(mixer);
    decoder_free(ear);
    for (unsigned i = 0; i < PHONES; i++) {
        encoder_free(phones[i].encoder);
        close(phones[i].fd);
    }
}

START_TEST(without_loudness_each_is_as_loud_as_he_is)
{
    phones[1].level = -40;
    phones[2].level = -15;
    run(5000);
    ck_assert_double_eq_tol(level_of(&phones[1]), -40, 0.5);
    ck_assert_double_eq_tol(level_of(&phones[2]), -15, 0.5);
}
END_TEST

START_TEST(with_loudness_quiet_and_loud_are_alike)
{
    ck_assert_int_eq(room_set_loudness(mixer, room, true), 0);
    phones[1].level = -40;
    phones[2].level = -15;
    run(7000);
    double quiet = level_of(&phones[1]), loud = level_of(&phones[2]);
    ck_assert_double_eq_tol(quiet, loud, 3);
    ck_assert_double_eq_tol(quiet, -26, 4);
    /* The member's own gain comes on top, and nothing takes it back. */
    ck_assert_int_eq(port_set_gains(mixer, phones[1].port, -12, 0), 0);
    run(6000);
    ck_assert_double_eq_tol(level_of(&phones[1]), quiet - 12, 2);
    /* Off again, each is what he was. */
    ck_assert_int_eq(port_set_gains(mixer, phones[1].port, 0, 0), 0);
    ck_assert_int_eq(room_set_loudness(mixer, room, false), 0);
    run(3500);
    ck_assert_double_eq_tol(level_of(&phones[1]), -40, 0.5);
    ck_assert_double_eq_tol(level_of(&phones[2]), -15, 0.5);
    ck_assert_int_eq(room_set_loudness(mixer, room + 1, true), ENOENT);
}
END_TEST

/* A quiet caller who pauses and comes back is not learnt anew. */
START_TEST(level_is_kept_over_a_pause_and_a_change_of_codec)
{
    ck_assert_int_eq(room_set_loudness(mixer, room, true), 0);
    phones[1].level = -40;
    run(5000);
    double before = level_of(&phones[1]);
    phones[1].level = NOTHING;
    run(3000); /* long enough to lose his place among the speakers */
    phone_speak_codec(&phones[1], CODEC_G722);
    phones[1].level = -40;
    unsigned from = heard_count;
    run(2800);
    ck_assert_uint_gt(heard_count, from);
    ck_assert_double_eq_tol(level_of(&phones[1]), before, 1.5);
}
END_TEST

START_TEST(six_shouting_do_not_clip)
{
    int most = 0;

    ck_assert_int_eq(room_set_loudness(mixer, room, true), 0);
    for (unsigned i = 1; i < PHONES; i++) {
        phones[i].level = -3.1;
        phones[i].hums = true;
    }
    run(1500);
    for (unsigned i = 0; i < heard_count; i++)
        most = abs(heard[i]) > most ? abs(heard[i]) : most;
    ck_assert_int_gt(most, 16000);
    ck_assert_int_le(most, 29948); /* PCMU's next step above -1 dB: clipped samples would be 32124 */
}
END_TEST

/* The noise in the pauses of one who talks. */
static double noise_heard(void)
{
    double least = 1e9;

    /* The softest 100 ms of the last 2.4 s. */
    for (unsigned at = heard_count - 19200; at + 800 <= heard_count; at += 80) {
        double power = 0;
        for (unsigned i = at; i < at + 800; i++)
            power += (double)heard[i] * heard[i];
        least = fmin(least, power / 800);
    }
    return 10 * log10(least / (32768.0 * 32768.0) + 1e-12);
}

START_TEST(noise_suppression_is_asked_for_and_outlives_a_format)
{
    phones[1].level = -20;
    phones[1].noise = -45;
    run(3500);
    double before = noise_heard(), voice = level_of(&phones[1]);
    ck_assert_double_eq_tol(before, -45, 1.5);
    ck_assert_int_eq(port_set_denoise(mixer, phones[1].port, true), 0);
    run(5000);
    ck_assert_double_lt(noise_heard(), before - 6);
    ck_assert_double_eq_tol(level_of(&phones[1]), voice, 3);
    phone_speak_codec(&phones[1], CODEC_G722); /* another rate: another of its kind */
    run(5000);
    ck_assert_double_lt(noise_heard(), before - 6);
    phone_speak_codec(&phones[1], CODEC_PCMU);
    ck_assert_int_eq(port_set_denoise(mixer, phones[1].port, false), 0);
    run(3500);
    ck_assert_double_eq_tol(noise_heard(), before, 1.5);
    ck_assert_int_eq(port_set_denoise(mixer, phones[1].port, true), 0); /* and is freed with the port */
}
END_TEST

int main(void)
{
    log_set_level(LEVEL_WARNING);
    Suite *suite = suite_create("mixer levels");
    TCase *tcase = tcase_create("levels");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, without_loudness_each_is_as_loud_as_he_is);
    tcase_add_test(tcase, with_loudness_quiet_and_loud_are_alike);
    tcase_add_test(tcase, level_is_kept_over_a_pause_and_a_change_of_codec);
    tcase_add_test(tcase, six_shouting_do_not_clip);
    tcase_add_test(tcase, noise_suppression_is_asked_for_and_outlives_a_format);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
