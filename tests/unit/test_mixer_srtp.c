/* SRTP through the whole engine: workers and UDP sockets on the loopback, and phones whose SRTP is
 * libsrtp2's. */
#include "core/base/log.h"
#include "mixer/engine.h"
#include "tests/unit/srtp_far.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MS 20
#define PAYLOAD 160
#define PACKET 400
#define KEPT 1024 /* packets whose payloads are remembered */
#define PHONES 3

/* A far side: PCMU, 20 ms, one tone. */
struct phone {
    int fd, rtcp_fd;
    port_id port;
    struct sockaddr_in to;
    struct media_format format;
    srtp_t seals, opens; /* NULL: plain RTP */
    double hz;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    unsigned at; /* samples sent */
    uint8_t sent[KEPT][PAYLOAD];
    unsigned sent_count;
    uint8_t wire[PACKET]; /* what it sent last, as it went */
    size_t wire_length;
    uint8_t heard[KEPT][PAYLOAD];
    uint16_t numbers[KEPT]; /* of what it heard */
    unsigned heard_count, bad, reports;
    uint32_t heard_ssrc;
};

static struct mixer *mixer;
static struct phone phones[PHONES];
static struct port_stats last_stats;

static uint8_t ulaw(int v) /* ITU-T G.711 */
{
    int sign = v < 0 ? 0x80 : 0, segment = 7;

    v = (v < 0 ? -v : v) + 132;
    for (int mask = 0x4000; !(v & mask) && segment > 0; mask >>= 1)
        segment--;
    return (uint8_t) ~(sign | segment << 4 | ((v >> (segment + 3)) & 15));
}

static int linear(uint8_t u)
{
    u = (uint8_t)~u;
    int v = (((u & 15) << 3) + 132) << ((u >> 4) & 7);
    return u & 0x80 ? 132 - v : v - 132;
}

/* Amplitude of a frequency in the last 40 packets (Goertzel). */
static double tone_in(const struct phone *p, double hz)
{
    double w = 2 * M_PI * hz / 8000, a = 0, b = 0;

    ck_assert_uint_gt(p->heard_count, 40);
    for (unsigned i = p->heard_count - 40; i < p->heard_count; i++) {
        for (unsigned k = 0; k < PAYLOAD; k++) {
            double c = linear(p->heard[i % KEPT][k]) + 2 * cos(w) * a - b;
            b = a;
            a = c;
        }
    }
    return 2 * sqrt(a * a + b * b - 2 * cos(w) * a * b) / (40 * PAYLOAD);
}

static int bind_local(struct sockaddr_storage *out)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(local);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, length), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&local, &length), 0);
    memcpy(out, &local, sizeof local);
    return fd;
}

/* Keys that differ by `number`; the phone's contexts and the port's format get them. */
static void phone_key(struct phone *p, enum srtp_suite suite, uint8_t number)
{
    p->format.srtp = suite;
    for (unsigned i = 0; i < SRTP_KEY_MAX; i++) {
        p->format.key_send[i] = (uint8_t)(number + 3 * i);
        p->format.key_receive[i] = (uint8_t)(number + 5 * i);
    }
    p->seals = suite ? far_new(suite, p->format.key_receive, ssrc_any_outbound) : NULL;
    p->opens = suite ? far_new(suite, p->format.key_send, ssrc_any_inbound) : NULL;
}

static void phone_apply(struct phone *p)
{
    ck_assert_int_eq(port_set_format(mixer, p->port, &p->format), 0);
}

static void phone_open(struct phone *p, double hz, enum srtp_suite suite)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint16_t rtp_port;

    memset(p, 0, sizeof(*p));
    p->format = (struct media_format){.codecs = {{CODEC_PCMU, 0, 0}},
                                      .codec_count = 1,
                                      .ptime_ms = PACKET_MS,
                                      .dtmf_pt_send = MEDIA_NO_PT,
                                      .dtmf_pt_receive = MEDIA_NO_PT,
                                      .send = true,
                                      .receive = true};
    p->fd = bind_local(&p->format.rtp);
    p->rtcp_fd = bind_local(&p->format.rtcp);
    p->hz = hz;
    p->ssrc = (uint32_t)(0x1000 + hz);
    p->sequence = 65500; /* wraps after a good half second */
    ck_assert_int_eq(port_open(mixer, (struct sockaddr *)&local, &p->port, &rtp_port), 0);
    p->to = local;
    p->to.sin_port = htons(rtp_port);
    phone_key(p, suite, (uint8_t)hz);
    phone_apply(p);
}

static void phone_put(struct phone *p, int fd, const uint8_t *data, size_t length)
{
    (void)!sendto(fd, data, length, 0, (struct sockaddr *)&p->to, sizeof(p->to));
}

static void phone_talk(struct phone *p)
{
    struct rtp_packet h = {p->ssrc, p->timestamp, p->sequence++, 0, false, NULL, 0};
    uint8_t *payload = p->sent[p->sent_count++ % KEPT];
    int length = RTP_HEADER + PAYLOAD;

    for (unsigned i = 0; i < PAYLOAD; i++)
        payload[i] = ulaw((int)lrint(8000 * sin(2 * M_PI * p->hz * p->at++ / 8000)));
    rtp_build(p->wire, &h);
    memcpy(p->wire + RTP_HEADER, payload, PAYLOAD);
    if (p->seals)
        ck_assert_int_eq(srtp_protect(p->seals, p->wire, &length), srtp_err_status_ok);
    p->wire_length = (size_t)length;
    phone_put(p, p->fd, p->wire, p->wire_length);
    p->timestamp += PAYLOAD;
}

static void phone_listen(struct phone *p)
{
    _Alignas(8) uint8_t data[PACKET];
    struct rtp_packet rtp;
    struct rtcp_seen seen;
    ssize_t got;

    while ((got = recv(p->fd, data, sizeof(data), 0)) > 0) {
        int length = (int)got;
        if (p->opens && srtp_unprotect(p->opens, data, &length) != srtp_err_status_ok) {
            p->bad++;
            continue;
        }
        ck_assert(rtp_parse(&rtp, data, (size_t)length));
        if (rtp.length != PAYLOAD)
            continue;
        memcpy(p->heard[p->heard_count % KEPT], rtp.payload, PAYLOAD);
        p->numbers[p->heard_count++ % KEPT] = rtp.sequence;
        p->heard_ssrc = rtp.ssrc;
    }
    while ((got = recv(p->rtcp_fd, data, sizeof(data), 0)) > 0) {
        int length = (int)got;
        if (p->opens)
            ck_assert_int_eq(srtp_unprotect_rtcp(p->opens, data, &length), srtp_err_status_ok);
        ck_assert(rtcp_parse(&seen, data, (size_t)length, p->ssrc));
        p->reports++;
    }
}

static void take_events(void)
{
    struct mixer_event event;

    while (mixer_next_event(mixer, &event))
        if (event.type == EVENT_PORT_CLOSED)
            last_stats = event.stats;
}

static void pass(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    nanosleep(&t, NULL);
}

/* The first `count` phones talk and listen for a while; between their packets `disturb` may do something. */
static void run(unsigned count, unsigned ms, void (*disturb)(struct phone *))
{
    struct timespec next;

    clock_gettime(CLOCK_MONOTONIC, &next);
    for (unsigned t = 0; t < ms; t += PACKET_MS) {
        for (unsigned i = 0; i < count; i++) {
            phone_talk(&phones[i]);
            phone_listen(&phones[i]);
        }
        if (disturb)
            disturb(&phones[0]);
        take_events();
        /* To the moment, not for as long: a busy machine would make of it a clock that is slow, and stretched
         * sound. */
        next.tv_nsec += PACKET_MS * 1000000L;
        next.tv_sec += next.tv_nsec / 1000000000L;
        next.tv_nsec %= 1000000000L;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    for (unsigned i = 0; i < count; i++)
        phone_listen(&phones[i]);
}

/* Closes the port and returns its figures. */
static struct port_stats phone_close(struct phone *p)
{
    memset(&last_stats, 0, sizeof last_stats);
    port_close(mixer, p->port);
    for (unsigned i = 0; i < 250 && !last_stats.packets_received && !last_stats.packets_forged; i++) {
        pass(PACKET_MS);
        take_events();
    }
    return last_stats;
}

/*
 * All that `to` heard is what `from` said, byte for byte, in its order and once; at least `least` packets of
 * it. Packets carry tones whose samples do not repeat within a second, so each is known by what is in it.
 */
static void heard_exactly(const struct phone *to, const struct phone *from, unsigned least)
{
    unsigned next = 0, found = 0;

    ck_assert_uint_lt(to->heard_count, KEPT);
    for (unsigned i = 0; i < to->heard_count; i++) {
        while (next < from->sent_count && memcmp(to->heard[i], from->sent[next], PAYLOAD) != 0)
            next++;
        ck_assert_msg(next < from->sent_count, "packet %u is none of those sent", i);
        next++;
        found++;
    }
    ck_assert_uint_ge(found, least);
    ck_assert_uint_eq(to->bad, 0);
}

static void setup(enum srtp_suite a, enum srtp_suite b, enum srtp_suite c)
{
    struct mixer_config config = {.workers = 2,
                                  .rtp_port_low = 30000 + (unsigned)getpid() % 200 * 100,
                                  .rtp_port_high = 30099 + (unsigned)getpid() % 200 * 100,
                                  .max_ports = 8,
                                  .max_rooms = 2,
                                  .rtp_timeout_s = 30};

    ck_assert_int_eq(srtp_init(), srtp_err_status_ok);
    ck_assert_int_eq(mixer_start(&mixer, &config), 0);
    phone_open(&phones[0], 401.3, a);
    phone_open(&phones[1], 700.7, b);
    phone_open(&phones[2], 1001.9, c);
}

static void finish(void)
{
    mixer_stop(mixer);
    for (unsigned i = 0; i < PHONES; i++) {
        close(phones[i].fd);
        close(phones[i].rtcp_fd);
        if (phones[i].seals) {
            srtp_dealloc(phones[i].seals);
            srtp_dealloc(phones[i].opens);
        }
    }
}

/* Joins the first two before a word is said, so that all is relayed from the first packet on. */
static void bridge(void)
{
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    pass(200);
}

/* -- rooms and bridges
 * ---------------------------------------------------------------------------------------------- */

START_TEST(members_with_and_without_srtp_hear_each_other)
{
    static const enum srtp_suite suites[] = {SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_AES_CM_128_HMAC_SHA1_32,
                                             SUITE_AEAD_AES_128_GCM, SUITE_AEAD_AES_256_GCM};
    room_id room;

    setup(suites[_i], suites[(_i + 1) % 4], SUITE_NONE);
    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    for (unsigned i = 0; i < PHONES; i++)
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
    run(PHONES, 2000, NULL);
    for (unsigned i = 0; i < PHONES; i++) {
        for (unsigned k = 0; k < PHONES; k++) {
            if (k == i)
                ck_assert_double_lt(tone_in(&phones[i], phones[k].hz), 400);
            else
                ck_assert_double_gt(tone_in(&phones[i], phones[k].hz), 6000);
        }
        ck_assert_uint_eq(phones[i].bad, 0);
        ck_assert_uint_eq(phone_close(&phones[i]).packets_forged, 0);
    }
    finish();
}
END_TEST

/* One leg is protected and the other is not; both have one stream of ours each, and reports of ours. */
START_TEST(bridge_protects_one_leg)
{
    setup(SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_NONE, SUITE_NONE);
    bridge();
    run(2, 4400, NULL); /* RFC 3550 §6.2: the first report within 3.75 s */
    heard_exactly(&phones[1], &phones[0], 150);
    heard_exactly(&phones[0], &phones[1], 150);
    ck_assert_uint_ne(phones[0].heard_ssrc, phones[1].ssrc);
    ck_assert_uint_ne(phones[1].heard_ssrc, phones[0].ssrc);
    ck_assert_uint_ge(phones[0].reports, 1);
    ck_assert_uint_ge(phones[1].reports, 1);
    finish();
}
END_TEST

/* What we say ourselves in between belongs to the same stream: no number comes twice, which libsrtp would
 * refuse. */
START_TEST(play_and_bridge_share_one_stream)
{
    struct play_item item = {.hz1 = 2000, .level_dbov = -12, .ms = 400};
    unsigned before;

    setup(SUITE_AEAD_AES_256_GCM, SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_NONE);
    bridge();
    run(2, 400, NULL);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(port_play(mixer, phones[1].port, i, &item, 1, false), 0);
        run(2, 900, NULL);
    }
    ck_assert_uint_eq(phones[1].bad, 0);
    ck_assert_double_gt(tone_in(&phones[1], 401.3), 1500);
    before = phones[1].heard_count;
    run(2, 1000, NULL);
    ck_assert_uint_ge(phones[1].heard_count, before + 25);
    ck_assert_double_gt(tone_in(&phones[1], 401.3), 7000);
    for (unsigned i = 1; i < phones[1].heard_count; i++)
        ck_assert_uint_lt((uint16_t)(phones[1].numbers[i] - phones[1].numbers[i - 1]), 1000);
    finish();
}
END_TEST

/* -- what is not the far side's
 * ------------------------------------------------------------------------------------- */

static unsigned injected;

/* After each packet: the same once more, the same with another bit, and one in the clear with a number to
 * come. */
static void inject(struct phone *p)
{
    struct rtp_packet h = {p->ssrc, p->timestamp, p->sequence, 0, false, NULL, 0};
    uint8_t plain[RTP_HEADER + PAYLOAD], forged[PACKET];

    phone_put(p, p->fd, p->wire, p->wire_length);
    memcpy(forged, p->wire, p->wire_length);
    forged[20 + injected % 100] ^= 1;
    phone_put(p, p->fd, forged, p->wire_length);
    rtp_build(plain, &h);
    memset(plain + RTP_HEADER, 0x80, PAYLOAD);
    phone_put(p, p->fd, plain, sizeof plain);
    injected += 3;
}

START_TEST(forged_packets_change_nothing)
{
    struct port_stats stats;

    setup(SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_NONE, SUITE_NONE);
    bridge();
    injected = 0;
    run(2, 2000, inject);
    heard_exactly(&phones[1], &phones[0], 60);
    stats = phone_close(&phones[0]);
    ck_assert_uint_ge(stats.packets_forged,
                      injected / 2); /* a machine that stalls may drop some of either kind */
    ck_assert_uint_le(stats.packets_forged, injected);
    ck_assert_uint_le(stats.packets_received, phones[0].sent_count);
    ck_assert_uint_eq(stats.packets_discarded, 0);
    finish();
}
END_TEST

/* Nothing is learnt from a stranger: neither his address (RFC 4961), nor that the far side is alive. */
START_TEST(strangers_teach_no_address)
{
    struct sockaddr_storage own;
    struct phone *p, stranger;
    uint8_t data[PACKET];

    setup(SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_NONE, SUITE_NONE);
    p = &phones[0];
    ((struct sockaddr_in *)(void *)&p->format.rtp)->sin_port = htons(9);
    phone_apply(p);
    ck_assert_int_eq(port_connect_echo(mixer, p->port), 0);
    stranger = *p;
    stranger.fd = bind_local(&own);
    stranger.seals = NULL;
    for (unsigned i = 0; i < 10; i++) {
        phone_talk(&stranger);
        pass(PACKET_MS);
    }
    ck_assert_int_eq(recv(stranger.fd, data, sizeof data, 0), -1);
    run(1, 800, NULL);
    ck_assert_uint_ge(p->heard_count, 15);
    for (unsigned i = 0; i < 10; i++) {
        phone_talk(&stranger);
        pass(PACKET_MS);
    }
    ck_assert_int_eq(recv(stranger.fd, data, sizeof data, 0), -1);
    ck_assert_uint_ge(phone_close(p).packets_forged, 5); /* later ones the kernel keeps away */
    close(stranger.fd);
    finish();
}
END_TEST

/* -- keys that change and keys that stay
 * ----------------------------------------------------------------------------- */

/* Both keys change in the middle of speech, with packets under the old one still on their way. */
START_TEST(new_keys_leave_no_gap)
{
    srtp_t old_seals, old_opens;
    unsigned before;

    setup(SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_NONE, SUITE_NONE);
    bridge();
    run(2, 800, NULL);
    old_seals = phones[0].seals;
    old_opens = phones[0].opens;
    ck_assert_uint_eq(phones[0].bad, 0);
    phone_key(&phones[0], _i ? SUITE_AEAD_AES_128_GCM : SUITE_AES_CM_128_HMAC_SHA1_80, 99);
    srtp_t new_seals = phones[0].seals;
    phones[0].seals = old_seals;
    phone_apply(&phones[0]);
    before = phones[1].heard_count;
    run(2, 200, NULL); /* he has not heard of it yet */
    phones[0].seals = new_seals;
    run(2, 800, NULL);
    ck_assert_uint_ge(phones[1].heard_count, before + 40);
    heard_exactly(&phones[1], &phones[0], 80);
    before = phones[0].bad; /* ours that were on their way */
    ck_assert_uint_le(before, 3);
    run(2, 600, NULL);
    ck_assert_uint_eq(phones[0].bad, before);
    /* A second and more after the first packet under the new key the old one is worth nothing. */
    before = phones[1].heard_count;
    phones[0].seals = old_seals;
    run(1, 400, NULL);
    phone_listen(&phones[1]);
    ck_assert_uint_le(phones[1].heard_count, before + 2); /* those that were still on their way */
    phones[0].seals = new_seals;
    ck_assert_uint_ge(phone_close(&phones[0]).packets_forged, 10);
    srtp_dealloc(old_seals);
    srtp_dealloc(old_opens);
    finish();
}
END_TEST

/* With the same keys a new format leaves counters and replay window alone. */
START_TEST(same_keys_keep_their_state)
{
    uint8_t old[PACKET];
    size_t length;
    unsigned before;

    setup(SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_NONE, SUITE_NONE);
    bridge();
    run(2, 1200, NULL); /* his numbers have wrapped */
    memcpy(old, phones[0].wire, length = phones[0].wire_length);
    phones[0].format.ptime_ms = 40;
    phone_apply(&phones[0]);
    phones[0].format.ptime_ms = 20;
    phone_apply(&phones[0]);
    pass(100);
    phone_listen(&phones[1]);
    before = phones[1].heard_count;
    phone_put(&phones[0], phones[0].fd, old, length);
    pass(100);
    phone_listen(&phones[1]);
    ck_assert_uint_eq(phones[1].heard_count, before);
    run(2, 600, NULL);
    ck_assert_uint_ge(phones[1].heard_count, before + 20);
    ck_assert_uint_eq(phones[0].bad, 0);
    ck_assert_uint_eq(phone_close(&phones[0]).packets_forged, 1);
    finish();
}
END_TEST

/* SRTP may end and begin within a call; what is then on its way under the old key is not taken for sound. */
START_TEST(protection_comes_and_goes)
{
    srtp_t seals, opens;

    setup(SUITE_AES_CM_128_HMAC_SHA1_80, SUITE_NONE, SUITE_NONE);
    bridge();
    run(2, 600, NULL);
    seals = phones[0].seals;
    opens = phones[0].opens;
    phones[0].format.srtp = SUITE_NONE;
    phone_apply(&phones[0]);
    pass(40);
    phone_listen(&phones[0]);
    phones[0].opens = NULL;
    run(2, 200, NULL); /* still protects */
    phones[0].seals = NULL;
    run(2, 600, NULL);
    heard_exactly(&phones[1], &phones[0], 50);
    phone_key(&phones[0], SUITE_AEAD_AES_128_GCM, 7);
    phone_apply(&phones[0]);
    run(2, 800, NULL);
    ck_assert_uint_le(phones[0].bad, 2); /* in the clear, on their way */
    phones[0].bad = 0;
    heard_exactly(&phones[1], &phones[0], 80);
    srtp_dealloc(seals);
    srtp_dealloc(opens);
    finish();
}
END_TEST

START_TEST(bad_formats_are_refused)
{
    setup(SUITE_NONE, SUITE_NONE, SUITE_NONE);
    phones[0].format.srtp = SUITE_COUNT;
    ck_assert_int_eq(port_set_format(mixer, phones[0].port, &phones[0].format), EINVAL);
    ck_assert_int_eq(port_connect_echo(mixer, phones[0].port), 0);
    run(1, 600, NULL);
    ck_assert_uint_ge(phones[0].heard_count, 10);
    finish();
}
END_TEST

int main(void)
{
    log_set_level(LEVEL_WARNING);
    Suite *suite = suite_create("mixer srtp");
    TCase *tcase = tcase_create("engine");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, members_with_and_without_srtp_hear_each_other, 0, 4);
    tcase_add_test(tcase, bridge_protects_one_leg);
    tcase_add_test(tcase, play_and_bridge_share_one_stream);
    tcase_add_test(tcase, forged_packets_change_nothing);
    tcase_add_test(tcase, strangers_teach_no_address);
    tcase_add_loop_test(tcase, new_keys_leave_no_gap, 0, 2);
    tcase_add_test(tcase, same_keys_keep_their_state);
    tcase_add_test(tcase, protection_comes_and_goes);
    tcase_add_test(tcase, bad_formats_are_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
