/* The engine whole: real workers and UDP sockets on the loopback, phones told apart by the tone each of them
 * sends. */
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

#define HEARD_MAX 80000
#define PACKET_MS 20
#define PIECE 400 /* samples */
#define DTMF_PT 101

/* A far side: PCMU, 20 ms, one tone. */
struct phone {
    int fd, rtcp_fd;
    port_id port;
    struct sockaddr_in to;
    struct media_format format;
    double hz, amplitude;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    unsigned at; /* samples sent */
    int16_t heard[HEARD_MAX];
    unsigned heard_count, packets;
    uint8_t last[600]; /* the last packet, as it came */
    size_t last_length;
    unsigned events, reports;
    uint8_t sent[40][172]; /* of the last packets: payloads */
    bool silent;
    uint8_t pt;
};

static struct mixer *mixer;
static const char *io; /* the way packets go */
static struct phone phones[4];
static struct mixer_event events[200];
static unsigned event_count;

static uint8_t ulaw(int v) /* ITU-T G.711 */
{
    int sign = v < 0 ? 0x80 : 0, segment = 7;

    v = v < 0 ? -v : v;
    v = (v > 32635 ? 32635 : v) + 132;
    for (int mask = 0x4000; !(v & mask) && segment > 0; mask >>= 1)
        segment--;
    return (uint8_t) ~(sign | segment << 4 | ((v >> (segment + 3)) & 15));
}

static int16_t linear(uint8_t u)
{
    u = (uint8_t)~u;
    int v = (((u & 15) << 3) + 132) << ((u >> 4) & 7);
    return (int16_t)(u & 0x80 ? 132 - v : v - 132);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Amplitude of one frequency in what was heard from sample `from` on (Goertzel): the median of pieces of 50 ms, in
 * which frequencies 20 Hz apart do not touch. On a busy machine a packet may be late, and the phase jumps. */
static double tone_in(const struct phone *p, double hz, unsigned from)
{
    double levels[HEARD_MAX / PIECE], w = 2 * M_PI * hz / 8000;
    unsigned count = 0;

    ck_assert_uint_gt(p->heard_count, from + 1600);
    for (; from + PIECE <= p->heard_count; from += PIECE) {
        double a = 0, b = 0;
        for (unsigned i = 0; i < PIECE; i++) {
            double c = p->heard[from + i] + 2 * cos(w) * a - b;
            b = a;
            a = c;
        }
        levels[count++] = 2 * sqrt(a * a + b * b - 2 * cos(w) * a * b) / PIECE;
    }
    qsort(levels, count, sizeof(levels[0]), compare);
    return levels[count / 2];
}

static int bind_local(struct sockaddr_in *out)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(local);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, length), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&local, &length), 0);
    *out = local;
    return fd;
}

static struct media_format format_of(struct phone *p, enum codec codec)
{
    struct media_format f = {.codecs = {{codec, codec_static_pt(codec), codec_static_pt(codec)}},
                             .codec_count = 1,
                             .ptime_ms = PACKET_MS,
                             .dtmf_pt_send = DTMF_PT,
                             .dtmf_pt_receive = DTMF_PT,
                             .dtmf_rate = 8000,
                             .send = true,
                             .receive = true};
    struct sockaddr_in address;
    socklen_t length = sizeof(address);

    ck_assert_int_eq(getsockname(p->fd, (struct sockaddr *)&address, &length), 0);
    memcpy(&f.rtp, &address, sizeof(address));
    ck_assert_int_eq(getsockname(p->rtcp_fd, (struct sockaddr *)&address, &length), 0);
    memcpy(&f.rtcp, &address, sizeof(address));
    return f;
}

static void phone_open(struct phone *p, double hz)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, own;
    uint16_t rtp_port;

    memset(p, 0, sizeof(*p));
    p->fd = bind_local(&own);
    p->rtcp_fd = bind_local(&own);
    p->hz = hz;
    p->amplitude = 8000;
    p->ssrc = (uint32_t)(0x1000 + hz);
    p->sequence = (uint16_t)(65530 + p->ssrc); /* wraps early */
    p->timestamp = 4294967000U;
    ck_assert_int_eq(port_open(mixer, (struct sockaddr *)&local, &p->port, &rtp_port), 0);
    p->to = local;
    p->to.sin_port = htons(rtp_port);
    p->format = format_of(p, CODEC_PCMU);
    ck_assert_int_eq(port_set_format(mixer, p->port, &p->format), 0);
}

static void phone_send(struct phone *p, uint8_t pt, bool marker, uint32_t timestamp, const uint8_t *payload,
                       size_t length)
{
    struct rtp_packet h = {p->ssrc, timestamp, p->sequence++, pt, marker, NULL, 0};
    uint8_t data[400];

    rtp_build(data, &h);
    memcpy(data + RTP_HEADER, payload, length);
    (void)!sendto(p->fd, data, RTP_HEADER + length, 0, (struct sockaddr *)&p->to, sizeof(p->to));
}

static void phone_talk(struct phone *p)
{
    uint8_t payload[160];

    if (p->silent)
        return;
    for (unsigned i = 0; i < 160; i++)
        payload[i] = ulaw((int)lrint(p->amplitude * sin(2 * M_PI * p->hz * p->at++ / 8000)));
    memcpy(p->sent[p->sequence % 40], payload, 160);
    phone_send(p, 0, false, p->timestamp, payload, 160);
    p->timestamp += 160;
}

static void phone_listen(struct phone *p)
{
    struct rtp_packet rtp;
    struct rtcp_seen seen;
    uint8_t report[600];
    ssize_t got;

    while ((got = recv(p->fd, p->last, sizeof(p->last), 0)) > 0) {
        p->last_length = (size_t)got;
        ck_assert(rtp_parse(&rtp, p->last, (size_t)got));
        p->packets++;
        if (rtp.payload_type == DTMF_PT) {
            p->events++;
            continue;
        }
        p->pt = rtp.payload_type;
        for (size_t i = 0; i < rtp.length && p->heard_count < HEARD_MAX; i++)
            p->heard[p->heard_count++] = linear(rtp.payload[i]);
    }
    while ((got = recv(p->rtcp_fd, report, sizeof(report), 0)) > 0) {
        ck_assert(rtcp_parse(&seen, report, (size_t)got, p->ssrc));
        p->reports++;
    }
}

static void take_events(void)
{
    while (event_count < 200 && mixer_next_event(mixer, &events[event_count]))
        event_count++;
}

/* All phones talk and listen for a while. */
static void run(unsigned count, unsigned ms)
{
    struct timespec next;

    clock_gettime(CLOCK_MONOTONIC, &next);
    for (unsigned t = 0; t < ms; t += PACKET_MS) {
        for (unsigned i = 0; i < count; i++) {
            phone_talk(&phones[i]);
            phone_listen(&phones[i]);
        }
        take_events();
        next.tv_nsec += PACKET_MS * 1000000;
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}

static unsigned count_events(enum mixer_event_type type, port_id port)
{
    unsigned n = 0;

    for (unsigned i = 0; i < event_count; i++)
        n += events[i].type == type && events[i].port == port;
    return n;
}

/* Until the event has come, at most five seconds. */
static void wait_event(enum mixer_event_type type, port_id port)
{
    for (unsigned i = 0; i < 250 && !count_events(type, port); i++)
        run(0, PACKET_MS);
    ck_assert_uint_gt(count_events(type, port), 0);
}

static void setup(void)
{
    struct mixer_config config = {.workers = 2,
                                  .rtp_port_low = 30000 + (unsigned)getpid() % 200 * 100,
                                  .rtp_port_high = 30099 + (unsigned)getpid() % 200 * 100,
                                  .max_ports = 8,
                                  .max_rooms = 2,
                                  .rtp_timeout_s = 1,
                                  .io = io};

    event_count = 0;
    ck_assert_int_eq(mixer_start(&mixer, &config), 0);
    for (unsigned i = 0; i < 4; i++)
        phone_open(&phones[i], 400 + 300 * i);
}

static void setup_plain(void)
{
    io = "plain";
    setup();
}

static void setup_uring(void)
{
    io = "uring";
    setup();
}

static void teardown(void)
{
    mixer_stop(mixer);
    for (unsigned i = 0; i < 4; i++) {
        close(phones[i].fd);
        close(phones[i].rtcp_fd);
    }
}

START_TEST(echo_returns_the_tone)
{
    ck_assert_int_eq(port_connect_echo(mixer, phones[0].port), 0);
    run(1, 1000);
    double level = tone_in(&phones[0], 400, phones[0].heard_count / 2);
    ck_assert_double_gt(level, 7500);
    ck_assert_double_lt(level, 8500);
    ck_assert_uint_eq(count_events(EVENT_MEDIA, phones[0].port), 1);
}
END_TEST

START_TEST(unconnected_port_sends_nothing)
{
    run(1, 300);
    ck_assert_uint_eq(phones[0].packets, 0);
}
END_TEST

/* Two ports open on different workers; the bridge brings them together and leaves every byte but the type
 * alone. */
START_TEST(bridge_relays_packets_as_they_are)
{
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    run(2, 1000);
    struct rtp_packet rtp;
    ck_assert_uint_ge(phones[1].packets, 35);
    ck_assert(rtp_parse(&rtp, phones[1].last, phones[1].last_length));
    ck_assert_uint_eq(rtp.ssrc, phones[0].ssrc);
    ck_assert_uint_lt((uint16_t)(phones[0].sequence - rtp.sequence), 40);
    ck_assert_uint_eq(rtp.timestamp - 4294967000U,
                      160U * (uint16_t)(rtp.sequence - (uint16_t)(65530 + phones[0].ssrc)));
    ck_assert_uint_eq(rtp.length, 160);
    ck_assert_mem_eq(rtp.payload, phones[0].sent[rtp.sequence % 40], 160);
    ck_assert_double_gt(tone_in(&phones[0], 700, phones[0].heard_count / 2), 7500);
    ck_assert_double_lt(tone_in(&phones[0], 400, phones[0].heard_count / 2), 100);
}
END_TEST

/* RFC 3264 §5.1: each side has its own number for the same thing; the event is told to signalling as well. */
START_TEST(bridge_maps_payload_types_of_events)
{
    struct media_format f = phones[1].format;
    uint8_t payload[4] = {1, 0x8a, 3, 0x20};

    f.dtmf_pt_send = f.dtmf_pt_receive = 96;
    ck_assert_int_eq(port_set_format(mixer, phones[1].port, &f), 0);
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    run(2, 200);
    phones[1].pt = 0;
    phone_send(&phones[0], DTMF_PT, true, phones[0].timestamp, payload, 4);
    run(0, 60);
    phone_listen(&phones[1]);
    ck_assert_uint_eq(phones[1].pt, 96);
    ck_assert_uint_eq(phones[1].last_length, RTP_HEADER + 4);
    ck_assert_mem_eq(phones[1].last + RTP_HEADER, payload, 4);
    ck_assert_uint_eq(count_events(EVENT_DIGIT, phones[0].port), 1);
}
END_TEST

/* Where nothing can be relayed, a key press is sent anew on the other side, in its own manner. */
START_TEST(transcoding_bridge_sends_the_digit_anew)
{
    struct media_format f = format_of(&phones[1], CODEC_PCMA);
    uint8_t payload[4] = {1, 0x8a, 3, 0x20};

    ck_assert_int_eq(port_set_format(mixer, phones[1].port, &f), 0);
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    phones[1].silent = true;
    run(2, 200);
    phone_send(&phones[0], DTMF_PT, true, phones[0].timestamp, payload, 4);
    run(2, 400);
    ck_assert_uint_ge(phones[1].events, 6);
    ck_assert_uint_eq(count_events(EVENT_DIGIT, phones[0].port), 1);
}
END_TEST

START_TEST(rtcp_is_relayed_with_the_stream)
{
    struct sockaddr_in to = phones[0].to;
    uint8_t data[RTCP_MAX];
    size_t length = rtcp_build(data, phones[0].ssrc, NULL, NULL, NULL, "phone", false);

    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    run(2, 200);
    to.sin_port = htons((uint16_t)(ntohs(to.sin_port) + 1));
    (void)!sendto(phones[0].rtcp_fd, data, length, 0, (struct sockaddr *)&to, sizeof(to));
    run(2, 100);
    ck_assert_uint_eq(phones[1].reports, 1);
    ck_assert_uint_eq(phones[0].reports, 0);
}
END_TEST

/* RFC 3550 §6.2: the first report within 3.75 s. */
START_TEST(reports_are_sent)
{
    ck_assert_int_eq(port_connect_echo(mixer, phones[0].port), 0);
    run(1, 4000);
    ck_assert_uint_ge(phones[0].reports, 1);
}
END_TEST

/* RFC 3550 §6.4.1, from the other side: what the phone reports of our stream, and how long the way there and back
 * is, is in the port's record. */
START_TEST(what_the_far_side_reports_is_kept)
{
    struct rtcp_report report = {.lost = 77, .fraction = 12, .jitter = 160, .since_sr = 65536 / 100};
    struct sockaddr_in to = phones[0].to;
    uint8_t data[RTCP_MAX], sent[600];
    struct rtcp_seen seen = {0};
    struct rtp_packet rtp;

    to.sin_port = htons((uint16_t)(ntohs(to.sin_port) + 1));
    ck_assert_int_eq(port_connect_echo(mixer, phones[0].port), 0);
    for (unsigned i = 0; i < 250 && !seen.sender; i++) {
        ssize_t got = recv(phones[0].rtcp_fd, sent, sizeof(sent), 0);
        if (got > 0)
            ck_assert(rtcp_parse(&seen, sent, (size_t)got, phones[0].ssrc));
        if (!seen.sender)
            run(1, PACKET_MS);
    }
    ck_assert(seen.sender && seen.about_us);
    ck_assert_int_eq(seen.report.lost, 0);
    ck_assert(rtp_parse(&rtp, phones[0].last, phones[0].last_length));
    report.ssrc = rtp.ssrc;
    report.last_sr = seen.ntp_middle;
    size_t length = rtcp_build(data, phones[0].ssrc, NULL, &report, NULL, "phone", false);
    run(1, 100);
    (void)!sendto(phones[0].rtcp_fd, data, length, 0, (struct sockaddr *)&to, sizeof(to));
    run(1, 100);
    port_close(mixer, phones[0].port);
    wait_event(EVENT_PORT_CLOSED, phones[0].port);
    const struct port_stats *s = NULL;
    for (unsigned i = 0; i < event_count; i++)
        s = events[i].type == EVENT_PORT_CLOSED ? &events[i].stats : s;
    ck_assert_ptr_nonnull(s);
    ck_assert(s->reported);
    ck_assert_uint_eq(s->remote_lost, 77);
    ck_assert_uint_eq(s->remote_jitter_us, 20000);
    ck_assert_int_ge(s->round_trip_us, 89000); /* it lay here for 100 ms, and said 10 */
    ck_assert_int_lt(s->round_trip_us, 5000000);
    ck_assert_uint_gt(s->r, 0);
}
END_TEST

/* Orders in any sequence, ports moving between workers all the while; afterwards all is well. */
START_TEST(connections_change_at_random)
{
    struct play_item item = {.hz1 = 500, .level_dbov = -20, .ms = 50};
    room_id room = 0;

    for (unsigned i = 0; i < 600; i++) {
        struct phone *p = &phones[(unsigned)rand() % 4], *q = &phones[(unsigned)rand() % 4];
        struct media_format f = format_of(p, (enum codec)((unsigned)rand() % 3));
        switch (rand() % 8) {
        case 0:
            (void)!port_connect_bridge(mixer, p->port, q->port);
            break;
        case 1:
            (void)!port_connect_none(mixer, p->port);
            break;
        case 2:
            (void)!port_connect_echo(mixer, p->port);
            break;
        case 3:
            (void)!port_set_format(mixer, p->port, &f);
            break;
        case 4:
            if (room && rand() % 4 == 0) {
                room_close(mixer, room);
                room = 0;
            } else if (!room) {
                (void)!room_open(mixer, 0, &room);
            }
            break;
        case 5:
            (void)!port_play(mixer, p->port, i, &item, 1, false);
            break;
        default:
            (void)!port_connect_room(mixer, p->port, room);
        }
        if (i % 4 == 0) {
            for (unsigned k = 0; k < 4; k++) {
                phone_talk(&phones[k]);
                phone_listen(&phones[k]);
                phones[k].heard_count = 0;
            }
            struct timespec t = {.tv_nsec = 5000000};
            nanosleep(&t, NULL);
        }
        event_count = 0;
        take_events();
    }
    ck_assert_int_eq(port_set_format(mixer, phones[0].port, &phones[0].format), 0);
    ck_assert_int_eq(port_connect_echo(mixer, phones[0].port), 0);
    run(1, 600);
    ck_assert_double_gt(tone_in(&phones[0], 400, phones[0].heard_count - 1700), 7000);
}
END_TEST

START_TEST(bridge_transcodes_between_codecs)
{
    struct media_format f = format_of(&phones[1], CODEC_PCMA);

    /* The second phone speaks A-law: what it hears is decoded here as such. */
    ck_assert_int_eq(port_set_format(mixer, phones[1].port, &f), 0);
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    phones[1].silent = true;
    run(2, 1000);
    struct decoder *d;
    struct rtp_packet rtp;
    int16_t sound[160];
    ck_assert_uint_ge(phones[1].packets, 30);
    ck_assert_uint_eq(phones[1].pt, 8);
    ck_assert(rtp_parse(&rtp, phones[1].last, phones[1].last_length));
    ck_assert_uint_ne(rtp.ssrc, phones[0].ssrc);
    ck_assert_int_eq(decoder_new(&d, CODEC_PCMA, 8000), 0);
    ck_assert_uint_eq(decoder_decode(d, rtp.payload, rtp.length, sound, 160), 160);
    decoder_free(d);
    unsigned loud = frame_level(sound, 160);
    /* 8000 of 32768, as a sine: -15 dBov; less when the packet before was late and this one is half made up. */
    ck_assert_uint_le(loud, 22);
    ck_assert_uint_ge(loud, 13);
}
END_TEST

START_TEST(bridge_transcodes_between_rates)
{
    struct media_format f = format_of(&phones[1], CODEC_OPUS);

    f.codecs[0].pt_send = f.codecs[0].pt_receive = 96;
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    ck_assert_int_eq(port_set_format(mixer, phones[1].port, &f), 0);
    phones[1].silent = true;
    run(2, 1000);
    struct decoder *d;
    struct rtp_packet rtp;
    int16_t sound[960];
    ck_assert(rtp_parse(&rtp, phones[1].last, phones[1].last_length));
    ck_assert_uint_eq(rtp.payload_type, 96);
    ck_assert_int_eq(decoder_new(&d, CODEC_OPUS, 48000), 0);
    ck_assert_uint_eq(decoder_decode(d, rtp.payload, rtp.length, sound, 960), 960);
    decoder_free(d);
    ck_assert_uint_lt(frame_level(sound + 480, 480), 25);
}
END_TEST

/* RFC 3264 §6.1: what is recvonly gets nothing from us. */
START_TEST(held_side_is_sent_nothing)
{
    struct media_format f = phones[1].format;

    f.send = false;
    ck_assert_int_eq(port_set_format(mixer, phones[1].port, &f), 0);
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    run(2, 300);
    ck_assert_uint_eq(phones[1].packets, 0);
    ck_assert_uint_gt(phones[0].packets, 5);
}
END_TEST

START_TEST(room_gives_each_the_others_and_not_himself)
{
    room_id room;

    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
    run(3, 1500);
    for (unsigned i = 0; i < 3; i++) {
        unsigned from = phones[i].heard_count - 6400;
        for (unsigned k = 0; k < 3; k++) {
            double level = tone_in(&phones[i], phones[k].hz, from);
            if (k == i)
                ck_assert_double_lt(level, 80);
            else
                ck_assert_double_gt(level, 7500);
        }
    }
}
END_TEST

/* Nobody decodes a silent member; when he speaks after a while, his first sound arrives from its beginning.
 */
START_TEST(first_syllable_is_whole)
{
    double energy = 0, sent = 100 * 8 * 8000.0 * 8000.0 / 2;
    room_id room;

    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    ck_assert_int_eq(port_connect_room(mixer, phones[0].port, room), 0);
    ck_assert_int_eq(port_connect_room(mixer, phones[1].port, room), 0);
    phones[0].amplitude = phones[1].amplitude = 0;
    run(2, 1600);
    unsigned from = phones[1].heard_count;
    phones[0].amplitude = 8000;
    run(2, 100);
    phones[0].amplitude = 0;
    run(2, 400);
    for (unsigned i = from; i < phones[1].heard_count; i++)
        energy += (double)phones[1].heard[i] * phones[1].heard[i];
    /* A busy machine is an unsteady network, and time is stretched a little; a packet would be a fifth. */
    ck_assert_double_gt(energy, 0.83 * sent);
    ck_assert_double_lt(energy, 1.17 * sent);
}
END_TEST

/* What the far side says is in the file although its packets only pass by. */
START_TEST(relayed_side_is_recorded)
{
    char path[] = "/tmp/confab-engine-XXXXXX";
    struct record_limits limits = {.max_ms = 500};
    int16_t samples[4000];

    close(mkstemp(path));
    unlink(path);
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    run(2, 200);
    ck_assert_int_eq(port_record(mixer, phones[0].port, 3, path, &limits), 0);
    run(2, 800);
    wait_event(EVENT_RECORDED, phones[0].port);
    for (unsigned i = 0; i < event_count; i++) {
        if (events[i].type == EVENT_RECORDED)
            ck_assert_int_eq(events[i].end, RECORD_TOO_LONG);
    }
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, -8000, SEEK_END), 0);
    phones[3].heard_count = (unsigned)fread(samples, 2, 4000, file);
    fclose(file);
    unlink(path);
    memcpy(phones[3].heard, samples, sizeof(samples));
    ck_assert_double_gt(tone_in(&phones[3], 400, 1000), 7500);
    ck_assert_uint_ge(phones[1].packets, 40);
}
END_TEST

START_TEST(room_of_two_rates_mixes_wide)
{
    struct media_format f = format_of(&phones[2], CODEC_G722);
    room_id room;

    ck_assert_int_eq(port_set_format(mixer, phones[2].port, &f), 0);
    phones[2].silent = true;
    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
    run(3, 1500);
    unsigned from = phones[0].heard_count - 6400;
    ck_assert_double_gt(tone_in(&phones[0], 700, from), 7000);
    ck_assert_double_lt(tone_in(&phones[0], 400, from), 80);
    ck_assert_uint_eq(phones[2].pt, 9);
    ck_assert_uint_ge(phones[2].packets, 50);
}
END_TEST

START_TEST(muted_member_is_not_heard)
{
    room_id room;

    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
    run(3, 600);
    ck_assert_int_eq(port_set_mute(mixer, phones[0].port, true), 0);
    run(3, 1200);
    unsigned from = phones[1].heard_count - 6400;
    ck_assert_double_lt(tone_in(&phones[1], 400, from), 80);
    ck_assert_double_gt(tone_in(&phones[1], 1000, from), 7500);
    ck_assert_double_gt(tone_in(&phones[0], 700, phones[0].heard_count - 6400), 7500);
}
END_TEST

START_TEST(gains_and_deaf_act_on_one_member)
{
    room_id room;

    ck_assert_int_eq(room_open(mixer, 8000, &room), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
    ck_assert_int_eq(port_set_gains(mixer, phones[0].port, -6, 0), 0);
    ck_assert_int_eq(port_set_gains(mixer, phones[1].port, 0, -12), 0);
    ck_assert_int_eq(port_set_deaf(mixer, phones[2].port, true), 0);
    ck_assert_int_eq(port_set_gains(mixer, phones[2].port, 0, 31), EINVAL);
    run(3, 1500);
    double level = tone_in(&phones[1], 400, phones[1].heard_count - 6400); /* -18 dB of 8000 */
    ck_assert_double_gt(level, 900);
    ck_assert_double_lt(level, 1100);
    ck_assert_double_lt(tone_in(&phones[2], 700, phones[2].heard_count - 6400), 20);
    ck_assert_uint_ge(phones[2].packets, 50); /* silence is sent all the same */
}
END_TEST

/* RFC 4733 §2.5.1.4: the end is sent three times and is one key press; the room hears nothing of it. */
START_TEST(digit_is_told_once)
{
    uint8_t payload[4] = {5, 10, 0, 0};
    room_id room;

    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    ck_assert_int_eq(port_connect_room(mixer, phones[0].port, room), 0);
    ck_assert_int_eq(port_connect_room(mixer, phones[1].port, room), 0);
    run(2, 200);
    for (unsigned i = 1; i <= 7; i++) {
        payload[1] = i >= 5 ? 0x8a : 10;
        payload[2] = (uint8_t)((i > 5 ? 5 : i) * 160 >> 8);
        payload[3] = (uint8_t)((i > 5 ? 5 : i) * 160);
        phone_send(&phones[0], DTMF_PT, i == 1, phones[0].timestamp, payload, 4);
        run(0, PACKET_MS);
    }
    wait_event(EVENT_DIGIT, phones[0].port);
    run(2, 300);
    ck_assert_uint_eq(count_events(EVENT_DIGIT, phones[0].port), 1);
    for (unsigned i = 0; i < event_count; i++) {
        if (events[i].type == EVENT_DIGIT) {
            ck_assert_int_eq(events[i].digit, '5');
            ck_assert_uint_eq(events[i].ms, 100);
        }
    }
}
END_TEST

START_TEST(digit_is_sent_as_event)
{
    ck_assert_int_eq(port_connect_echo(mixer, phones[0].port), 0);
    run(1, 100);
    ck_assert_int_eq(port_send_digit(mixer, phones[0].port, '7', 100), 0);
    ck_assert_int_eq(port_send_digit(mixer, phones[0].port, 'x', 100), EINVAL);
    run(1, 500);
    ck_assert_uint_ge(phones[0].events, 7); /* five packets and two repeats of the end */
}
END_TEST

/* The play goes to one side only; the other hears its peer again afterwards. */
START_TEST(play_replaces_the_bridge)
{
    struct play_item item = {.hz1 = 2000, .level_dbov = -12, .ms = 600};

    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    run(2, 100);
    ck_assert_int_eq(port_play(mixer, phones[1].port, 7, &item, 1, false), 0);
    run(2, 60);
    unsigned from = phones[1].heard_count;
    run(2, 400);
    ck_assert_double_gt(tone_in(&phones[1], 2000, from), 5000);
    ck_assert_double_lt(tone_in(&phones[1], 400, from), 200);
    wait_event(EVENT_PLAYED, phones[1].port);
    run(2, 100);
    from = phones[1].heard_count;
    run(2, 500);
    ck_assert_double_gt(tone_in(&phones[1], 400, from), 7000);
}
END_TEST

START_TEST(room_play_is_heard_by_all)
{
    struct play_item item = {.hz1 = 2000, .level_dbov = -20, .ms = 3000};
    room_id room;

    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    ck_assert_int_eq(port_connect_room(mixer, phones[0].port, room), 0);
    ck_assert_int_eq(port_connect_room(mixer, phones[1].port, room), 0);
    ck_assert_int_eq(room_play(mixer, room, &item, 1), 0);
    run(2, 1200);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_double_gt(tone_in(&phones[i], 2000, phones[i].heard_count - 4800), 2500);
    room_close(mixer, room);
    ck_assert_int_eq(port_connect_room(mixer, phones[0].port, room), ENOENT);
    run(2, 100);
    unsigned packets = phones[0].packets;
    run(2, 200);
    ck_assert_uint_eq(phones[0].packets, packets);
}
END_TEST

/* What was recorded is on disk before the port's last event. */
START_TEST(recording_ends_before_the_port)
{
    char path[] = "/tmp/confab-engine-XXXXXX";
    struct record_limits limits = {.max_ms = 10000};

    close(mkstemp(path));
    unlink(path);
    ck_assert_int_eq(port_record(mixer, phones[0].port, 3, path, &limits), 0);
    run(1, 600);
    ck_assert_uint_gt(phones[0].packets, 10); /* silence keeps the way open */
    port_close(mixer, phones[0].port);
    ck_assert_int_eq(port_connect_echo(mixer, phones[0].port), ENOENT);
    wait_event(EVENT_PORT_CLOSED, phones[0].port);
    const struct mixer_event *last = &events[event_count - 1], *recorded = NULL;
    for (unsigned i = 0; i < event_count; i++) {
        if (events[i].type == EVENT_RECORDED)
            recorded = &events[i];
    }
    ck_assert_ptr_nonnull(recorded);
    ck_assert_int_eq(last->type, EVENT_PORT_CLOSED);
    ck_assert_uint_eq(recorded->serial, 3);
    ck_assert_int_eq(recorded->end, RECORD_CLOSED);
    ck_assert_uint_gt(recorded->ms, 400);
    ck_assert_uint_gt(last->stats.packets_received, 20);
    ck_assert_uint_eq(last->stats.packets_lost, 0);
    unlink(path);
}
END_TEST

START_TEST(silence_times_out_once)
{
    wait_event(EVENT_TIMEOUT, phones[2].port);
    run(0, 500);
    ck_assert_uint_eq(count_events(EVENT_TIMEOUT, phones[2].port), 1);
}
END_TEST

/* RFC 4961: another address than the described one is learnt by two packets in a row, and then no third one
 * is believed. */
START_TEST(address_is_learnt_then_locked)
{
    struct phone *p = &phones[0], stranger = *p;
    struct sockaddr_in own;
    struct media_format f = p->format;

    ((struct sockaddr_in *)(void *)&f.rtp)->sin_port = htons(9);
    ck_assert_int_eq(port_set_format(mixer, p->port, &f), 0);
    ck_assert_int_eq(port_connect_echo(mixer, p->port), 0);
    run(1, 400);
    ck_assert_uint_gt(p->packets, 8);
    stranger.fd = bind_local(&own);
    unsigned packets = p->packets;
    for (unsigned i = 0; i < 10; i++) {
        phone_talk(&stranger);
        run(1, PACKET_MS);
    }
    ck_assert_int_eq(recv(stranger.fd, stranger.last, sizeof(stranger.last), 0), -1);
    ck_assert_uint_gt(p->packets, packets + 5);
    close(stranger.fd);
}
END_TEST

START_TEST(ports_are_used_again)
{
    for (unsigned round = 0; round < 10; round++) {
        port_id old = phones[3].port;
        port_close(mixer, old);
        event_count = 0;
        wait_event(EVENT_PORT_CLOSED, old);
        close(phones[3].fd);
        close(phones[3].rtcp_fd);
        phone_open(&phones[3], 1300);
        ck_assert_uint_ne(phones[3].port, old);
    }
    struct mixer_stats s;
    mixer_read_stats(mixer, &s);
    ck_assert_uint_eq(s.ports, 4);
    ck_assert_uint_gt(s.ticks, 0);
    ck_assert_uint_eq(s.commands_refused, 0);
}
END_TEST

/* All of it, whichever way packets go. */
static void add_tests(Suite *suite, const char *name, void (*begin)(void))
{
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, begin, teardown);
    tcase_add_test(tcase, echo_returns_the_tone);
    tcase_add_test(tcase, unconnected_port_sends_nothing);
    tcase_add_test(tcase, bridge_relays_packets_as_they_are);
    tcase_add_test(tcase, bridge_maps_payload_types_of_events);
    tcase_add_test(tcase, transcoding_bridge_sends_the_digit_anew);
    tcase_add_test(tcase, rtcp_is_relayed_with_the_stream);
    tcase_add_test(tcase, reports_are_sent);
    tcase_add_test(tcase, what_the_far_side_reports_is_kept);
    tcase_add_test(tcase, connections_change_at_random);
    tcase_add_test(tcase, bridge_transcodes_between_codecs);
    tcase_add_test(tcase, bridge_transcodes_between_rates);
    tcase_add_test(tcase, held_side_is_sent_nothing);
    tcase_add_test(tcase, room_gives_each_the_others_and_not_himself);
    tcase_add_test(tcase, first_syllable_is_whole);
    tcase_add_test(tcase, relayed_side_is_recorded);
    tcase_add_test(tcase, room_of_two_rates_mixes_wide);
    tcase_add_test(tcase, muted_member_is_not_heard);
    tcase_add_test(tcase, gains_and_deaf_act_on_one_member);
    tcase_add_test(tcase, digit_is_told_once);
    tcase_add_test(tcase, digit_is_sent_as_event);
    tcase_add_test(tcase, play_replaces_the_bridge);
    tcase_add_test(tcase, room_play_is_heard_by_all);
    tcase_add_test(tcase, recording_ends_before_the_port);
    tcase_add_test(tcase, silence_times_out_once);
    tcase_add_test(tcase, address_is_learnt_then_locked);
    tcase_add_test(tcase, ports_are_used_again);
    suite_add_tcase(suite, tcase);
}

int main(void)
{
    log_set_level(LEVEL_WARNING);
    Suite *suite = suite_create("mixer engine");
    struct io *tried;

    add_tests(suite, "plain", setup_plain);
    if (io_new(&tried, "uring", 2) == 0) { /* else the log has said why not */
        io_free(tried);
        add_tests(suite, "uring", setup_uring);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
