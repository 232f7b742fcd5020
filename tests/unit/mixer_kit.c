/* Phones for the tests of the engine: see mixer_kit.h. */
#include "tests/unit/mixer_kit.h"

#include "core/base/log.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct mixer *mixer;
static const char *io; /* the way packets go */
struct phone phones[PHONES];
struct mixer_event events[EVENTS_MAX];
unsigned event_count;
unsigned kit_wide_from;

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

double tone_in(const struct phone *p, double hz, unsigned from)
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

int bind_local(struct sockaddr_in *out)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(local);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, length), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&local, &length), 0);
    *out = local;
    return fd;
}

struct media_format format_of(struct phone *p, enum codec codec)
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

void phone_open(struct phone *p, double hz)
{
    /* An address of this process' own, where no other test has taken the ports. */
    struct sockaddr_in local = {.sin_family = AF_INET,
                                .sin_addr.s_addr =
                                    htonl(INADDR_LOOPBACK + ((unsigned)getpid() % 65000 << 8))},
                       own;
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

void phone_send(struct phone *p, uint8_t pt, bool marker, uint32_t timestamp, const uint8_t *payload,
                size_t length)
{
    struct rtp_packet h = {p->ssrc, timestamp, p->sequence++, pt, marker, NULL, 0};
    uint8_t data[400];

    rtp_build(data, &h);
    memcpy(data + RTP_HEADER, payload, length);
    (void)!sendto(p->fd, data, RTP_HEADER + length, 0, (struct sockaddr *)&p->to, sizeof(p->to));
}

void phone_talk(struct phone *p)
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

void phone_listen(struct phone *p)
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

void take_events(void)
{
    while (event_count < 200 && mixer_next_event(mixer, &events[event_count]))
        event_count++;
}

/* All phones talk and listen for a while. */
void run(unsigned count, unsigned ms)
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

unsigned count_events(enum mixer_event_type type, port_id port)
{
    unsigned n = 0;

    for (unsigned i = 0; i < event_count; i++)
        n += events[i].type == type && events[i].port == port;
    return n;
}

/* Until the event has come, at most five seconds. */
void wait_event(enum mixer_event_type type, port_id port)
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
                                  .io = io,
                                  .wide_from = kit_wide_from};

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

static void suite_add(Suite *suite, const char *name, void (*begin)(void), void (*add)(TCase *tcase))
{
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, begin, teardown);
    add(tcase);
    suite_add_tcase(suite, tcase);
}

/* All of it, whichever way packets go. */
int kit_main(const char *name, void (*add)(TCase *tcase))
{
    log_set_level(LEVEL_WARNING);
    Suite *suite = suite_create(name);
    struct io *tried;

    suite_add(suite, "plain", setup_plain, add);
    if (io_new(&tried, "uring", 2) == 0) { /* else the log has said why not */
        io_free(tried);
        suite_add(suite, "uring", setup_uring, add);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
