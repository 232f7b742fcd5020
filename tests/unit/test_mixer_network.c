/*
 * Imperfect networks in virtual time: RTP packets go into a real port (port_receive) at any microsecond, and
 * its sound is taken out of it (port_hear) a tick at a time, as a worker would. An hour takes seconds, and
 * nothing depends on how busy the machine is.
 */
#include "mixer/engine.h"

#include <arpa/inet.h>
#include <check.h>
#include <math.h>
#include <netinet/in.h>
#include <opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE 64
#define START_US 50000000000LL
#define PT_OPUS 96
#define VOICE_S 4

struct flight {
    int64_t at; /* µs; arrival, 0: free */
    unsigned order;
    uint8_t data[IO_PACKET_MAX];
    size_t length;
};

static struct mixer *mixer;
static struct worker worker;
static struct port *port;
static struct flight queue[QUEUE];
static unsigned order, seed;
static struct sockaddr_storage far;

/* The sender. */
static enum codec codec;
static uint16_t sequence;
static uint32_t timestamp, ssrc;
static bool marker;
static uint64_t at; /* samples sent */
static OpusEncoder *opus;

/* The listener. */
static int16_t last;
static int worst_step;
static uint64_t heard_ticks, silent_ticks;

static double chance(void) /* 0 to 1 */
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8 & 0xffff) / 65536.0;
}

static void open_port(enum codec which, unsigned ptime)
{
    struct media_format f = {.codecs = {{which, which == CODEC_OPUS ? PT_OPUS : codec_static_pt(which),
                                         which == CODEC_OPUS ? PT_OPUS : codec_static_pt(which)}},
                             .codec_count = 1,
                             .ptime_ms = (uint8_t)ptime,
                             .dtmf_pt_send = 101,
                             .dtmf_pt_receive = 101,
                             .dtmf_rate = 8000,
                             .send = true,
                             .receive = true,
                             .opus_fec = true,
                             .rtp = far};

    codec = which;
    ck_assert_int_eq(kit_new(&port->kit, &f), 0);
    if (which == CODEC_OPUS) {
        int error;
        opus = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &error);
        ck_assert_ptr_nonnull(opus);
        opus_encoder_ctl(opus, OPUS_SET_BITRATE(32000));
        opus_encoder_ctl(opus, OPUS_SET_INBAND_FEC(1));
        opus_encoder_ctl(opus, OPUS_SET_PACKET_LOSS_PERC(10));
    }
}

static void setup(void)
{
    struct mixer_config config = {.workers = 1,
                                  .rtp_port_low = 20000,
                                  .rtp_port_high = 20098,
                                  .max_ports = 1,
                                  .max_rooms = 1,
                                  .io = "plain"};

    ck_assert_int_eq(mixer_start(&mixer, &config), 0);
    memset(&worker, 0, sizeof(worker));
    worker.mixer = mixer;
    worker.now_us = START_US;
    worker.tick = START_US / 10000;
    port = &mixer->ports[0];
    port->worker = &worker;
    port->mixer = mixer;
    port->round_trip_us = -1;
    port->jitter = calloc(1, sizeof(*port->jitter));
    ck_assert_ptr_nonnull(port->jitter);
    ((struct sockaddr_in *)(void *)&far)->sin_family = AF_INET;
    ((struct sockaddr_in *)(void *)&far)->sin_port = htons(4000);
    memset(queue, 0, sizeof(queue));
    sequence = 65000;
    timestamp = 4294000000U;
    ssrc = 0x1234;
    seed = 7;
    at = 0;
    order = 0;
    marker = false;
    last = 0;
    worst_step = 0;
    heard_ticks = silent_ticks = 0;
    opus = NULL;
}

static void teardown(void)
{
    kit_free(port->kit);
    free(port->jitter);
    port->kit = NULL;
    port->jitter = NULL;
    if (opus)
        opus_encoder_destroy(opus);
    mixer_stop(mixer);
}

static uint8_t ulaw(int v) /* ITU-T G.711 */
{
    int sign = v < 0 ? 0x80 : 0, segment = 7;

    v = v < 0 ? -v : v;
    v = (v > 32635 ? 32635 : v) + 132;
    for (int mask = 0x4000; !(v & mask) && segment > 0; mask >>= 1)
        segment--;
    return (uint8_t) ~(sign | segment << 4 | ((v >> (segment + 3)) & 15));
}

/* A voice: 120 to 150 Hz with its harmonics, syllables of 250 ms, a pause of a second every four. */
static int16_t voice(uint64_t n, unsigned rate)
{
    static int16_t table[VOICE_S * 48000];
    static unsigned table_rate;

    if (table_rate != rate) {
        for (unsigned i = 0; i < VOICE_S * rate; i++) {
            double t = (double)i / rate, sum = 0;
            double phase = 2 * M_PI * (135 * t + 15 / (2 * M_PI * 0.75) * sin(2 * M_PI * 0.75 * t));

            for (unsigned h = 1; h <= 12; h++)
                sum += sin(h * phase + h * h) / h;
            table[i] = t > 3 ? 0 : (int16_t)(4000 * sum * (0.5 - 0.5 * cos(2 * M_PI * t * 4)));
        }
        table_rate = rate;
    }
    return table[n % (VOICE_S * rate)];
}

static int16_t tone(uint64_t n, unsigned rate)
{
    return (int16_t)lrint(8000 * sin(2 * M_PI * 440 * (double)n / rate));
}

/* The sender's next packet, which arrives at `arrival` (µs); 0: it is lost. */
static void packet_make(unsigned ms, int16_t sound(uint64_t, unsigned), int64_t arrival)
{
    struct rtp_packet h = {ssrc, timestamp, sequence++, 0, marker, NULL, 0};
    unsigned rate = codec_rate(codec), count = ms * rate / 1000;
    int16_t samples[60 * 48];
    struct flight *f = NULL;
    uint8_t payload[IO_PACKET_MAX - RTP_HEADER];
    size_t length = count;

    for (unsigned i = 0; i < count; i++)
        samples[i] = sound ? sound(at + i, rate) : 0;
    if (codec == CODEC_OPUS) {
        int n = opus_encode(opus, samples, (int)count, payload, 400);
        ck_assert_int_gt(n, 0);
        length = (size_t)n;
        h.payload_type = PT_OPUS;
    } else {
        for (unsigned i = 0; i < count; i++)
            payload[i] = ulaw(samples[i]);
    }
    at += count;
    timestamp += ms * codec_clock(codec) / 1000;
    marker = false;
    if (!arrival)
        return;
    for (unsigned i = 0; i < QUEUE && !f; i++)
        f = queue[i].at ? NULL : &queue[i];
    ck_assert_ptr_nonnull(f);
    f->at = arrival;
    f->order = order++;
    rtp_build(f->data, &h);
    memcpy(f->data + RTP_HEADER, payload, length);
    f->length = RTP_HEADER + length;
}

static void deliver(const struct flight *f)
{
    struct io_packet p = {.from = &far, .arrival_us = f->at, .data = f->data, .length = f->length};

    port_receive(&worker, &p);
}

/* One tick: what has come is received, 10 ms are heard. */
static bool tick(void)
{
    worker.now_us += 10000;
    worker.tick++;
    for (;;) {
        struct flight *first = NULL;
        for (unsigned i = 0; i < QUEUE; i++) {
            struct flight *f = &queue[i];
            if (f->at && f->at <= worker.now_us &&
                (!first || f->at < first->at || (f->at == first->at && f->order < first->order)))
                first = f;
        }
        if (!first)
            break;
        deliver(first);
        first->at = 0;
    }
    bool got = port_hear(port);
    unsigned count = port->kit->rate / 100;
    for (unsigned i = 0; i < count; i++) {
        int16_t now = got ? port->kit->frame[i] : 0;
        int step = abs(now - last);
        if (step > worst_step)
            worst_step = step;
        last = now;
    }
    heard_ticks += got;
    silent_ticks += !got;
    return got;
}

/* A stream of packets of 20 ms for `ms`, each delayed by delay() µs or lost (-1), sent from `from` (µs after the
 * start) with a clock that is off by `ppm`. */
static int64_t clock_at; /* µs * 1e6: when the next packet is sent */
static void stream(unsigned ms, unsigned ptime, double ppm, int16_t sound(uint64_t, unsigned), int64_t delay(void))
{
    static double next;
    int64_t end = worker.now_us + (int64_t)ms * 1000;

    if (clock_at == 0)
        next = (double)worker.now_us;
    clock_at = 1;
    while (worker.now_us < end) {
        while (next <= (double)worker.now_us + 10000) {
            int64_t late = delay();
            packet_make(ptime, sound, late < 0 ? 0 : (int64_t)next + late);
            next += ptime * 1000 * (1 - ppm / 1e6);
        }
        (void)tick();
    }
}

static int64_t phase_us;
static int64_t clean(void)
{
    return phase_us + (int64_t)(300 * chance());
}

static unsigned lost;
#if 0
static unsigned lost;
static double loss;
static int64_t lossy(void)
{
    if (chance() < loss) {
        lost++;
        return -1;
    }
    return phase_us + (int64_t)(60000 * chance());
}

#endif
static void fresh(void)
{
    setup();
    clock_at = 0;
    phase_us = 3000;
    lost = 0;
}

/* How far what is heard now is behind the fastest packets. */
static int64_t delay_now(void)
{
    const struct kit *kit = port->kit;
    const struct jitter *j = port->jitter;

    return jitter_spare_us(j, worker.now_us) + jitter_target_us(j) +
           (int64_t)(kit->heard_end - kit->heard_at + kit->rate / 100) * 1000000 / kit->rate;
}

/* Clocks are 200 ppm apart for an hour: 720 ms of sound too much or too little. */
START_TEST(hour_of_drift_leaves_no_gap)
{
    int64_t longest = 0;
    int voiced = 0;

    open_port(CODEC_PCMU, 20);
    for (unsigned n = 0; n < 32000; n++)
        voiced = abs(voice(n, 8000) - voice(n + 1, 8000)) > voiced ? abs(voice(n, 8000) - voice(n + 1, 8000)) : voiced;
    for (unsigned minute = 0; minute < 60; minute++) {
        stream(60000, 20, _i & 1 ? 200 : -200, _i & 2 ? voice : tone, clean);
        if (delay_now() > longest)
            longest = delay_now();
    }
    struct port_stats s = {0};
    port_stats_fill(port, &s);
    ck_assert_uint_eq(s.concealed_ms, 0);
    ck_assert_uint_eq(s.packets_late, 0);
    ck_assert_uint_eq(s.packets_lost, 0);
    ck_assert_int_le(longest, 30000);
    printf("drift %d: longest %ld longer %u shorter %u step %d (%d) silent %lu\n", _i, longest, s.longer_ms,
           s.shorter_ms, worst_step, voiced, silent_ticks);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mixer network");
    TCase *tcase = tcase_create("network");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, fresh, teardown);
    tcase_add_loop_test(tcase, hour_of_drift_leaves_no_gap, 0, 4);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
