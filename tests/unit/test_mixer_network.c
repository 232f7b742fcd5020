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
    port->rtp_fd = -1;
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

typedef int16_t sound_of(uint64_t n, unsigned rate);

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

/* The widest step from one sample to the next; what is heard may have no wider one. */
static double steepest(sound_of *sound, unsigned rate)
{
    double most = 0;

    for (unsigned n = 0; n < VOICE_S * rate; n++)
        most = fmax(most, fabs((double)sound(n + 1, rate) - sound(n, rate)));
    return most;
}

/* The sender's next packet, which arrives at `arrival` (µs); 0: it is lost. */
static void packet_make(unsigned ms, sound_of *sound, int64_t arrival)
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
    silent_ticks += !got || port->noise.sounding;
    return got;
}

/* A stream of packets of 20 ms for `ms`, each delayed by delay() µs or lost (-1), sent from `from` (µs after
 * the start) with a clock that is off by `ppm`. */
static double send_at; /* µs: when the next packet is sent */
static void stream(unsigned ms, unsigned ptime, double ppm, sound_of *sound, int64_t delay(void))
{
    int64_t end = worker.now_us + (int64_t)ms * 1000;

    while (worker.now_us < end) {
        while (send_at <= (double)worker.now_us + 10000) {
            int64_t late = delay();
            packet_make(ptime, sound, late < 0 ? 0 : (int64_t)send_at + late);
            send_at += ptime * 1000 * (1 - ppm / 1e6);
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

static void fresh(void)
{
    setup();
    send_at = START_US;
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
    sound_of *sound = _i & 2 ? voice : tone;

    open_port(CODEC_PCMU, 20);
    for (unsigned minute = 0; minute < 60; minute++) {
        stream(60000, 20, _i & 1 ? 200 : -200, sound, clean);
        if (delay_now() > longest)
            longest = delay_now();
    }
    struct port_stats s = {0};
    port_stats_fill(port, &s);
    ck_assert_uint_eq(s.concealed_ms, 0);
    ck_assert_uint_eq(s.packets_late, 0);
    ck_assert_uint_eq(s.packets_lost, 0);
    ck_assert_int_le(longest, 30000);
    ck_assert_uint_le(silent_ticks, 3); /* before the first packet */
    ck_assert_uint_ge(_i & 1 ? s.shorter_ms : s.longer_ms, 700);
    ck_assert_int_le(worst_step, 1.1 * steepest(sound, 8000));
}
END_TEST

static int64_t onset_us; /* when the first packet of the burst came */
static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Sends `packets` of silence or a tone; calls back each tick with whether it is heard. Returns the delay in
 * µs from the arrival of the first packet of the tone to the tick that has its first sample. */
static int64_t burst_delay(bool lazy, double *energy)
{
    int64_t next = worker.now_us + phase_us, delay = -1;

    for (unsigned n = 0; n < 200; n++, next += 20000) {
        bool loud = n >= 150 && n < 155;
        int64_t arrival = next + (int64_t)(300 * chance());
        if (n == 150) {
            onset_us = arrival;
            at = 0;
        }
        packet_make(20, loud ? tone : NULL, arrival);
        for (unsigned i = 0; i < 2; i++) {
            if (lazy && (!onset_us || worker.now_us + 10000 < onset_us)) {
                /* Nobody hears him yet: packets are only kept. */
                worker.now_us += 10000;
                worker.tick++;
                for (unsigned k = 0; k < QUEUE; k++) {
                    if (queue[k].at && queue[k].at <= worker.now_us) {
                        deliver(&queue[k]);
                        queue[k].at = 0;
                    }
                }
                continue;
            }
            if (!tick())
                continue;
            for (unsigned k = 0; k < 80; k++) {
                *energy += (double)port->kit->frame[k] * port->kit->frame[k];
                if (delay < 0 && abs(port->kit->frame[k]) > 1000)
                    delay = worker.now_us - onset_us;
            }
        }
    }
    return delay;
}

/* What DESIGN promises of a clean network: from the arrival of a sound's first packet to the sending of the
 * first one with it at most 15 ms in the median and 25 in 99 of 100, wherever in a tick packets come. A
 * listener's packet of 20 ms ends in the tick that hears the sound or in the next. A member of a room whom
 * nobody decoded till then is heard as soon, and whole. */
START_TEST(clean_network_adds_a_tick)
{
    int64_t delays[400], count = 0;

    for (unsigned n = 0; n < 200; n++) {
        if (n > 0) {
            kit_free(port->kit);
            memset(port->jitter, 0, sizeof(*port->jitter));
            memset(&port->source, 0, sizeof(port->source));
        }
        double energy = 0;
        onset_us = 0;
        open_port(CODEC_PCMU, 20);
        phase_us = 50 * n;
        int64_t d = burst_delay(_i, &energy);
        ck_assert_int_ge(d, 0);
        ck_assert_double_gt(energy, 0.95 * 800 * 8000.0 * 8000 / 2);
        ck_assert_double_lt(energy, 1.05 * 800 * 8000.0 * 8000 / 2);
        delays[count++] = d;
        delays[count++] = d + 10000;
    }
    qsort(delays, 400, sizeof(delays[0]), compare);
    ck_assert_int_le(delays[200], 15000);
    ck_assert_int_le(delays[396], 25000);
}
END_TEST

/* Jitter of 60 ms and every twentieth or tenth packet lost: what is made up is what was lost, hardly more.
 * Each tick has sound, and no click. */
START_TEST(loss_is_concealed_and_nothing_else)
{
    struct port_stats s = {0};

    open_port(_i & 2 ? CODEC_OPUS : CODEC_PCMU, 20);
    loss = _i & 1 ? 0.10 : 0.05;
    stream(120000, 20, 0, voice, lossy);
    port_stats_fill(port, &s);
    ck_assert_uint_ge(s.packets_lost + 3, lost); /* the last ones are not yet missed */
    ck_assert_uint_le(s.packets_lost, lost + 5); /* nor have all that were sent arrived */
    ck_assert_uint_le(s.packets_late, 20);       /* until the delay fits this network */
    ck_assert_uint_ge(s.concealed_ms, lost * 20 - 100);
    ck_assert_uint_le(s.concealed_ms, (lost + s.packets_late) * 20 + 200);
    ck_assert_uint_le(s.longer_ms + s.shorter_ms, 300);
    ck_assert_int_ge(delay_now(), 50000);
    ck_assert_int_le(delay_now(), 80000);
    ck_assert_uint_le(silent_ticks, 10);
    if (codec == CODEC_PCMU)
        ck_assert_int_le(worst_step, 1.1 * steepest(voice, 8000));
    ck_assert_uint_ge(s.r, loss > 0.07 ? 55 : 68);
    ck_assert_uint_le(s.r, loss > 0.07 ? 75 : 85);
}
END_TEST

/* Up with the first packets that come late, down when the network has been calm for some seconds; no step in
 * the sound either way. */
START_TEST(delay_follows_the_network_both_ways)
{
    open_port(CODEC_PCMU, 20);
    stream(10000, 20, 0, tone, clean);
    ck_assert_int_le(delay_now(), 15000);
    ck_assert_uint_eq(port->jitter->concealed_ms, 0);
    loss = 0;
    stream(2000, 20, 0, tone, lossy);
    uint64_t concealed = port->jitter->concealed_ms;
    ck_assert_uint_le(concealed, 300);
    ck_assert_int_ge(delay_now(), 50000);
    stream(20000, 20, 0, tone, lossy);
    ck_assert_uint_le(port->jitter->concealed_ms, concealed + 60);
    ck_assert_int_le(delay_now(), 80000);
    concealed = port->jitter->concealed_ms;
    stream(4000, 20, 0, tone, clean);
    ck_assert_int_ge(delay_now(), 50000); /* one calm moment means nothing */
    stream(6000, 20, 0, tone, clean);
    ck_assert_int_le(delay_now(), 15000);
    ck_assert_uint_eq(port->jitter->concealed_ms, concealed);
    ck_assert_uint_ge(port->shorter_us, 40000);
    ck_assert_int_le(worst_step, 1.25 * steepest(tone, 8000));
}
END_TEST

static int64_t hiccup(void)
{
    return worker.tick % 800 < 2 ? 70000 : clean();
}

/* One packet in eight seconds that comes 70 ms late is not worth 70 ms of delay for all the others. */
START_TEST(lone_hiccup_is_not_paid_for)
{
    open_port(CODEC_PCMU, 20);
    stream(40000, 20, 0, tone, hiccup);
    ck_assert_uint_le(port->jitter->concealed_ms, 5 * 30);
    ck_assert_int_le(delay_now(), 15000);
}
END_TEST

static int64_t stall(void)
{
    uint64_t in = worker.tick % 800;

    return clean() + (in < 6 ? 10000 * (6 - (int64_t)in) : 0);
}

/* Held up for 60 ms, then all at once: everything is heard, a little later, and the delay is soon what it
 * was. */
START_TEST(stall_takes_no_syllable)
{
    struct port_stats s = {0};

    open_port(CODEC_PCMU, 20);
    stream(41000, 20, 0, tone, stall);
    port_stats_fill(port, &s);
    ck_assert_uint_eq(s.packets_late, 0);
    ck_assert_uint_ge(s.concealed_ms, 4 * 30);
    ck_assert_uint_le(s.concealed_ms, 6 * 80);
    ck_assert_int_le(delay_now(), 20000);
}
END_TEST

/* G.711 with silence suppression (RFC 3551 §4.1, RFC 3389), and Opus with DTX: packets stop, timestamps go
 * on. */
START_TEST(pause_of_the_sender_is_no_loss)
{
    struct port_stats s = {0};

    open_port(_i ? CODEC_OPUS : CODEC_PCMU, 20);
    for (unsigned n = 0; n < 10; n++) {
        stream(1000, 20, 0, tone, clean);
        if (!_i) { /* a silence descriptor ends the talkspurt */
            uint8_t noise = 60;
            struct flight f = {.at = worker.now_us, .length = RTP_HEADER + 1};
            struct rtp_packet h = {ssrc, timestamp, sequence++, RTP_COMFORT_NOISE, false, NULL, 0};
            rtp_build(f.data, &h);
            f.data[RTP_HEADER] = noise;
            deliver(&f);
        }
        uint64_t silent = silent_ticks;
        unsigned pause = 400 + 130 * n;
        for (unsigned i = 0; i < pause; i += 10)
            (void)tick();
        ck_assert_uint_ge(silent_ticks - silent, pause / 10 - 20);
        timestamp += pause * codec_clock(codec) / 1000;
        send_at += pause * 1000;
        marker = !_i;
    }
    stream(1000, 20, 0, tone, clean);
    port_stats_fill(port, &s);
    ck_assert_uint_eq(s.packets_lost, 0);
    ck_assert_uint_eq(s.packets_late, 0);
    ck_assert_uint_eq(s.concealed_ms, 0);
    ck_assert_int_le(delay_now(), 25000);
}
END_TEST

/* A sender that stops its clock while it is silent; with the marker bit it should set, and without. */
START_TEST(sender_that_stops_its_clock_is_followed)
{
    open_port(CODEC_PCMU, 20);
    for (unsigned n = 0; n < 5; n++) {
        stream(1000, 20, 0, tone, clean);
        for (unsigned i = 0; i < 30; i++)
            (void)tick();
        send_at += 300000;
        marker = _i;
    }
    uint64_t silent = silent_ticks;
    stream(2000, 20, 0, tone, clean);
    ck_assert_uint_le(silent_ticks - silent, _i ? 3 : 13);
    ck_assert_uint_le(port->jitter->late, _i ? 0 : 5 * 4);
    ck_assert_int_le(delay_now(), 25000);
}
END_TEST

START_TEST(packet_time_changes_in_the_midst)
{
    static const unsigned ptimes[] = {10, 20, 30, 40, 60, 20, 60, 10, 30};
    struct port_stats s = {0};

    open_port(CODEC_PCMU, 20);
    stream(1000, 20, 0, tone, clean);
    for (unsigned n = 0; n < sizeof(ptimes) / sizeof(ptimes[0]); n++) {
        stream(1200, ptimes[n], 0, tone, clean);
        ck_assert_int_le(delay_now(), 95000);
    }
    port_stats_fill(port, &s);
    ck_assert_uint_eq(s.packets_lost, 0);
    ck_assert_uint_eq(s.packets_late, 0);
    ck_assert_uint_le(s.concealed_ms, 0);
    ck_assert_int_le(worst_step, 1.1 * steepest(tone, 8000));
}
END_TEST

/* RFC 3550 §8.2: another SSRC, with numbers and times of its own. One packet at most is missed, nothing
 * counted before is forgotten, and no more delay than before. */
START_TEST(new_source_is_followed)
{
    struct port_stats s = {0};

    open_port(CODEC_PCMU, 20);
    stream(3000, 20, 0, tone, clean);
    sequence += 5; /* five are lost */
    timestamp += 5 * 160;
    send_at += 100000;
    stream(3000, 20, 0, tone, clean);
    uint64_t silent = silent_ticks, received = port->received;
    ssrc = 0x9999;
    sequence = 17;
    timestamp = 99;
    stream(2000, 20, 0, tone, clean);
    ck_assert_uint_eq(silent_ticks, silent);
    port_stats_fill(port, &s);
    ck_assert_uint_eq(s.packets_lost, 5);
    ck_assert_uint_eq(s.packets_received - received, 100);
    ck_assert_uint_le(s.concealed_ms, 100 + 40);
    ck_assert_uint_le(s.packets_discarded, 1);
    ck_assert_int_le(delay_now(), 25000);
}
END_TEST

/* Who sends as another source in between, as fast or faster, is not heard, and nobody misses anything. */
START_TEST(forger_is_not_followed)
{
    struct flight f = {.length = RTP_HEADER + 160};
    struct rtp_packet h = {0xbad, 5000, 100, 0, false, NULL, 0};
    struct port_stats s = {0};

    open_port(CODEC_PCMU, 20);
    stream(1000, 20, 0, tone, clean);
    for (unsigned n = 0; n < 200; n++) {
        for (unsigned i = 0; i < 4; i++, h.sequence++, h.timestamp += 160) {
            f.at = worker.now_us;
            rtp_build(f.data, &h);
            memset(f.data + RTP_HEADER, 0x80, 160); /* full scale */
            deliver(&f);
        }
        stream(20, 20, 0, tone, clean);
    }
    port_stats_fill(port, &s);
    ck_assert_uint_eq(s.packets_lost, 0);
    ck_assert_uint_eq(s.concealed_ms, 0);
    ck_assert_uint_eq(s.packets_discarded, 800);
    ck_assert_uint_eq(port->source.ssrc, ssrc);
    ck_assert_int_le(worst_step, 1.1 * steepest(tone, 8000));
}
END_TEST

static unsigned packets;
static int64_t reordered(void)
{
    return packets++ % 10 == 3 ? phase_us + 45000 : clean();
}

/* Every packet comes twice and one in ten after its successors, over a wrap of the numbers: all are heard
 * once. */
START_TEST(disorder_and_duplicates_are_repaired)
{
    struct port_stats s = {0};

    open_port(CODEC_PCMU, 20);
    packets = 0;
    stream(1000, 20, 0, tone, reordered); /* by then the delay fits */
    uint64_t late = port->jitter->late, concealed = port->jitter->concealed_ms;
    for (unsigned n = 0; n < 1000; n++) {
        stream(20, 20, 0, tone, reordered);
        for (unsigned i = 0; i < QUEUE; i++) {
            if (!queue[i].at)
                continue;
            struct flight *twin = NULL;
            for (unsigned k = 0; k < QUEUE && !twin; k++)
                twin = queue[k].at ? NULL : &queue[k];
            bool twice = false;
            for (unsigned k = 0; k < QUEUE; k++)
                twice = twice || (k != i && queue[k].at && !memcmp(queue[k].data, queue[i].data, RTP_HEADER));
            if (twin && !twice) {
                *twin = queue[i];
                twin->at += 1000;
            }
        }
    }
    port_stats_fill(port, &s);
    ck_assert_uint_eq(s.packets_lost, 0);
    ck_assert_uint_eq(s.packets_late, late);
    ck_assert_uint_eq(s.concealed_ms, concealed);
    ck_assert_uint_ge(s.packets_repeated, 900);
    ck_assert_int_le(worst_step, 1.25 * steepest(tone, 8000));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mixer network");
    TCase *tcase = tcase_create("network");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, fresh, teardown);
    tcase_add_loop_test(tcase, hour_of_drift_leaves_no_gap, 0, 4);
    tcase_add_loop_test(tcase, clean_network_adds_a_tick, 0, 2);
    tcase_add_loop_test(tcase, loss_is_concealed_and_nothing_else, 0, 4);
    tcase_add_test(tcase, delay_follows_the_network_both_ways);
    tcase_add_test(tcase, lone_hiccup_is_not_paid_for);
    tcase_add_test(tcase, stall_takes_no_syllable);
    tcase_add_loop_test(tcase, pause_of_the_sender_is_no_loss, 0, 2);
    tcase_add_loop_test(tcase, sender_that_stops_its_clock_is_followed, 0, 2);
    tcase_add_test(tcase, packet_time_changes_in_the_midst);
    tcase_add_test(tcase, new_source_is_followed);
    tcase_add_test(tcase, forger_is_not_followed);
    tcase_add_test(tcase, disorder_and_duplicates_are_repaired);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
