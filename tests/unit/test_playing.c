/*
 * Playing by real ports: what many are told alike costs its encoding once, and each of them hears it.
 */
#include "mixer/codec.h"
#include "mixer/event.h"
#include "mixer/rtp.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PHONES 50
#define HEARD_MAX (48000 * 4)

/* A far side that only listens. */
struct phone {
    int fd;
    port_id port;
    struct decoder *decoder;
    unsigned packets;
    int16_t *heard;
    size_t heard_count;
};

static struct mixer *mixer;
static struct phone phones[PHONES];
static struct mixer_event played; /* the last EVENT_PLAYED */
static unsigned played_count;
static char path[64];

static void set_up(void)
{
    const struct mixer_config config = {
        .workers = 2, .rtp_port_low = 34000, .rtp_port_high = 39999, .max_ports = PHONES + 2, .max_rooms = 1};

    strcpy(path, "/tmp/confab-playing-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    memset(phones, 0, sizeof phones);
    played_count = 0;
    ck_assert_int_eq(mixer_start(&mixer, &config), 0);
}

static void tear_down(void)
{
    mixer_stop(mixer);
    for (int i = 0; i < PHONES; i++) {
        if (!phones[i].heard)
            continue;
        close(phones[i].fd);
        decoder_free(phones[i].decoder);
        free(phones[i].heard);
    }
    unlink(path);
}

/* Seconds of one tone, then as many of another. */
static sound_id sound_make(unsigned seconds, double hz, double then_hz)
{
    SF_INFO info = {.samplerate = 16000, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    struct pollfd wait = {.fd = mixer_event_fd(mixer), .events = POLLIN};
    struct mixer_event event;
    sound_id id;

    ck_assert_ptr_nonnull(file);
    for (unsigned i = 0; i < 2 * 16000 * seconds; i++) {
        int16_t value =
            (int16_t)lrint(8000 * sin(2 * M_PI * (i < 16000 * seconds ? hz : then_hz) * (double)i / 16000));

        ck_assert_int_eq(sf_writef_short(file, &value, 1), 1);
    }
    sf_close(file);
    ck_assert_int_eq(sound_load(mixer, path, false, &id), 0);
    do
        while (!mixer_next_event(mixer, &event))
            poll(&wait, 1, -1);
    while (event.type != EVENT_SOUND_LOADED || event.sound != id);
    ck_assert_int_eq(event.error, 0);
    return id;
}

static void phone_open(struct phone *p, enum codec codec)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const uint8_t types[CODEC_COUNT] = {0, 8, 9, 96};
    struct media_format f = {.codecs = {{codec, types[codec], types[codec]}},
                             .codec_count = 1,
                             .ptime_ms = 20,
                             .dtmf_pt_send = 101,
                             .dtmf_pt_receive = 101,
                             .dtmf_rate = 8000,
                             .send = true,
                             .receive = true};
    socklen_t length = sizeof local;
    uint16_t rtp_port;

    p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(p->fd, (struct sockaddr *)&local, sizeof local), 0);
    ck_assert_int_eq(port_open(mixer, (struct sockaddr *)&local, &p->port, &rtp_port), 0);
    ck_assert_int_eq(getsockname(p->fd, (struct sockaddr *)&local, &length), 0);
    memcpy(&f.rtp, &local, sizeof local);
    memcpy(&f.rtcp, &local, sizeof local);
    ck_assert_int_eq(decoder_new(&p->decoder, codec, codec_rate(codec)), 0);
    p->heard = calloc(HEARD_MAX, sizeof *p->heard);
    ck_assert_ptr_nonnull(p->heard);
    ck_assert_int_eq(port_set_format(mixer, p->port, &f), 0);
}

static void phone_listen(struct phone *p, unsigned rate)
{
    uint8_t data[1600];
    struct rtp_packet rtp;
    ssize_t got;

    while ((got = recv(p->fd, data, sizeof data, 0)) > 0) {
        if (!rtp_parse(&rtp, data, (size_t)got) || rtp.payload_type == 72) /* an RTCP report */
            continue;
        p->packets++;
        if (p->heard_count + rate / 50 > HEARD_MAX) { /* the newest part is what counts */
            memmove(p->heard, p->heard + HEARD_MAX / 2, HEARD_MAX / 2 * sizeof *p->heard);
            p->heard_count -= HEARD_MAX / 2;
        }
        p->heard_count +=
            decoder_decode(p->decoder, rtp.payload, rtp.length, p->heard + p->heard_count, rate / 50);
    }
}

static void listen_all(enum codec codec)
{
    struct mixer_event event;

    for (int i = 0; i < PHONES; i++) {
        if (phones[i].heard)
            phone_listen(&phones[i], codec_rate(codec));
    }
    while (mixer_next_event(mixer, &event)) {
        if (event.type == EVENT_PLAYED) {
            played = event;
            played_count++;
        }
    }
    usleep(2000);
}

/* Amplitude of a tone in the last 200 ms. */
static double tone_now(const struct phone *p, unsigned rate, double hz)
{
    size_t n = rate / 5, from = p->heard_count - n;
    double re = 0, im = 0;

    ck_assert_uint_ge(p->heard_count, n);
    for (size_t i = 0; i < n; i++) {
        re += p->heard[from + i] * cos(2 * M_PI * hz * (double)i / rate);
        im += p->heard[from + i] * sin(2 * M_PI * hz * (double)i / rate);
    }
    return 2 * sqrt(re * re + im * im) / (double)n;
}

static struct mixer_stats stats_now(void)
{
    struct mixer_stats stats;

    mixer_read_stats(mixer, &stats);
    return stats;
}

/* Until so many more packets were sent. */
static void run_packets(enum codec codec, uint64_t packets)
{
    uint64_t until = stats_now().packets_sent + packets;

    while (stats_now().packets_sent < until)
        listen_all(codec);
}

/* Callers on hold, of any codec: two have the music encoded, the others find it so. */
START_TEST(many_ports_cost_one_encoding)
{
    enum codec codec = (enum codec)_i;
    struct play_item item = {.sound = sound_make(10, 440, 440)};
    struct mixer_stats before, after;
    double fewest = INFINITY;

    for (int i = 0; i < PHONES; i++) {
        phone_open(&phones[i], codec);
        ck_assert_int_eq(port_play(mixer, phones[i].port, 1, &item, 1, true), 0);
        while (i == 1 && stats_now().encoded_bytes == 0)
            listen_all(codec);
    }
    /* A worker that was held up leaves ticks out, and packets under way with them: the best of many seconds.
     */
    for (int second = 0; second < 30; second++) {
        before = stats_now();
        run_packets(codec, 50 * PHONES);
        after = stats_now();
        fewest = fmin(fewest, (double)(after.encodings - before.encodings));
        if (second >= 1 && fewest <= PHONES)
            break;
    }
    ck_assert_double_le(fewest, PHONES);
    for (int i = 0; i < PHONES; i++)
        ck_assert_double_ge(tone_now(&phones[i], codec_rate(codec), 440), 4000);
}
END_TEST

/* Each caller has his own place in the music. */
START_TEST(two_ports_play_at_their_own_places)
{
    struct play_item item = {.sound = sound_make(60, 500, 900)};

    for (int i = 0; i < 2; i++) {
        phone_open(&phones[i], CODEC_PCMU);
        ck_assert_int_eq(port_play(mixer, phones[i].port, 1, &item, 1, true), 0);
    }
    while (stats_now().encoded_bytes == 0)
        listen_all(CODEC_PCMU);
    ck_assert_int_eq(port_play_seek(mixer, phones[1].port, 61000), 0);
    run_packets(CODEC_PCMU, 100);
    ck_assert_double_ge(tone_now(&phones[0], 8000, 500), 7000);
    ck_assert_double_ge(tone_now(&phones[1], 8000, 900), 7000);
    ck_assert_double_le(tone_now(&phones[0], 8000, 900), 100);
    ck_assert_double_le(tone_now(&phones[1], 8000, 500), 100);
}
END_TEST

/* From encoded once to what is made for one port: gain and speed act, and normal ones cost nothing again. */
START_TEST(gain_and_speed_act_at_once)
{
    struct play_item item = {.sound = sound_make(60, 500, 500)};
    struct mixer_stats before, after;

    phone_open(&phones[0], CODEC_PCMU);
    phone_open(&phones[1], CODEC_PCMU);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(port_play(mixer, phones[i].port, 1, &item, 1, true), 0);
    while (stats_now().encoded_bytes == 0)
        listen_all(CODEC_PCMU);
    ck_assert_int_eq(port_play_gain(mixer, phones[0].port, 31), EINVAL);
    ck_assert_int_eq(port_play_speed(mixer, phones[0].port, 74), EINVAL);
    ck_assert_int_eq(port_play_speed(mixer, phones[0].port, 201), EINVAL);
    ck_assert_int_eq(port_play_gain(mixer, phones[0].port, -6), 0);
    ck_assert_int_eq(port_play_speed(mixer, phones[0].port, 200), 0);
    run_packets(CODEC_PCMU, 100);
    ck_assert_double_eq_tol(tone_now(&phones[0], 8000, 500), 4000, 300);
    ck_assert_double_eq_tol(tone_now(&phones[1], 8000, 500), 8000, 400);
    ck_assert_int_eq(port_play_gain(mixer, phones[0].port, 0), 0);
    ck_assert_int_eq(port_play_speed(mixer, phones[0].port, 100), 0);
    for (int second = 0; second < 30; second++) {
        before = stats_now();
        run_packets(CODEC_PCMU, 100);
        after = stats_now();
        if (second >= 1 && after.encodings == before.encodings)
            break;
    }
    ck_assert_uint_eq(after.encodings, before.encodings);
    ck_assert_double_eq_tol(tone_now(&phones[0], 8000, 500), 8000, 400);
}
END_TEST

/* The event comes after the last packet, with the whole length; a digit in between is sent all the same. */
START_TEST(play_ends_when_all_is_sent)
{
    static const enum codec codecs[] = {CODEC_PCMU, CODEC_OPUS};
    enum codec codec = codecs[_i];
    struct play_item item = {.sound = sound_make(1, 440, 440)};
    unsigned length = 2000, packets;

    for (int i = 0; i < 3; i++)
        phone_open(&phones[i], codec);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(port_play(mixer, phones[i].port, 1, &item, 1, true), 0);
    while (stats_now().encoded_bytes == 0)
        listen_all(codec);
    for (int i = 0; i < 2; i++)
        port_play_stop(mixer, phones[i].port);
    while (played_count < 2)
        listen_all(codec);
    ck_assert_int_eq(port_play(mixer, phones[2].port, 9, &item, 1, false), 0);
    while (played_count < 3)
        listen_all(codec);
    listen_all(codec);
    ck_assert_uint_eq(played.serial, 9);
    ck_assert_int_eq(played.end, PLAY_DONE);
    ck_assert_uint_eq(played.ms, length);
    packets = phones[2].packets;
    ck_assert_uint_ge(packets, length / 20);
    ck_assert_uint_le(packets, length / 20 + 1);
}
END_TEST

/* Dropped, its owner gone, while fifty play it encoded: they play on, and then all memory comes back. */
START_TEST(dropped_sound_plays_to_its_end)
{
    struct play_item item = {.sound = sound_make(1, 440, 440)};

    for (int i = 0; i < 10; i++) {
        phone_open(&phones[i], CODEC_PCMA);
        ck_assert_int_eq(port_play(mixer, phones[i].port, 1, &item, 1, false), 0);
    }
    while (stats_now().encoded_bytes == 0)
        listen_all(CODEC_PCMA);
    sound_drop(mixer, item.sound);
    while (played_count < 10)
        listen_all(CODEC_PCMA);
    ck_assert_int_eq(played.end, PLAY_DONE);
    ck_assert_uint_eq(played.ms, 2000);
    while (stats_now().sounds > 0)
        usleep(1000);
    ck_assert_uint_eq(stats_now().encoded_bytes, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("playing");
    TCase *c = tcase_create("playing");
    SRunner *runner;
    int failed;

    tcase_set_timeout(c, 300);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, many_ports_cost_one_encoding, 0, CODEC_COUNT);
    tcase_add_test(c, two_ports_play_at_their_own_places);
    tcase_add_test(c, gain_and_speed_act_at_once);
    tcase_add_loop_test(c, play_ends_when_all_is_sent, 0, 2);
    tcase_add_test(c, dropped_sound_plays_to_its_end);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
