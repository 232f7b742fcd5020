/* The engine driven by hand, and its members: see stage.h. */
#include "tests/unit/stage.h"

#include "core/base/log.h"

#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPUS_PT 96
#define DTMF_PT 101
#define HIGH_HZ 2000.0

struct mixer *stage;
struct member cast[MEMBERS_MAX];
unsigned stage_ticks, stage_events[EVENT_PORT_CLOSED + 1];
struct mixer_event stage_recorded;
static unsigned cast_count;
static uint64_t first_tick;

/* -- the stage
 * -------------------------------------------------------------------------------------------------------- */

void stage_begin(const char *io, unsigned ports)
{
    struct mixer_config config = {.workers = 1,
                                  .rtp_port_low = 20000,
                                  .rtp_port_high = 29999,
                                  .max_ports = ports,
                                  .max_rooms = 4,
                                  .io = io,
                                  .manual = true};

    log_set_level(LEVEL_WARNING);
    memset(cast, 0, sizeof(cast));
    memset(stage_events, 0, sizeof(stage_events));
    cast_count = stage_ticks = 0;
    ck_assert_int_eq(mixer_start(&stage, &config), 0);
    first_tick = stage->workers[0].tick + 1;
}

static void member_forget(struct member *m)
{
    close(m->fd);
    encoder_free(m->encoder);
    decoder_free(m->decoder);
    free(m->said.samples);
    free(m->heard.samples);
    m->open = false;
}

void stage_end(void)
{
    mixer_stop(stage);
    for (unsigned i = 0; i < cast_count; i++) {
        if (cast[i].open)
            member_forget(&cast[i]);
    }
}

struct sockaddr_in stage_address(void)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + ((unsigned)getpid() % 65000 << 8)),
    };
}

room_id stage_room(unsigned rate)
{
    room_id room;

    ck_assert_int_eq(room_open(stage, rate, &room), 0);
    return room;
}

/* -- members
 * ----------------------------------------------------------------------------------------------------------
 */

struct member *member_open(enum codec codec)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                       local = stage_address();
    socklen_t length = sizeof(own);
    struct member *m = &cast[cast_count++];
    uint8_t pt = codec == CODEC_OPUS ? OPUS_PT : codec_static_pt(codec);
    uint16_t rtp_port;

    ck_assert_uint_le(cast_count, MEMBERS_MAX);
    m->open = true;
    m->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(m->fd, (struct sockaddr *)&own, length), 0);
    ck_assert_int_eq(getsockname(m->fd, (struct sockaddr *)&own, &length), 0);
    m->codec = codec;
    m->rate = codec_rate(codec);
    m->ticks = 2;
    m->voice = voice_silent;
    m->ssrc = 0x1000 + cast_count;
    m->sequence = (uint16_t)(65500 + cast_count); /* wraps early */
    m->format = (struct media_format){.codecs = {{codec, pt, pt}},
                                      .codec_count = 1,
                                      .ptime_ms = 20,
                                      .dtmf_pt_send = DTMF_PT,
                                      .dtmf_pt_receive = DTMF_PT,
                                      .dtmf_rate = codec_clock(codec),
                                      .send = true,
                                      .receive = true,
                                      .rtcp_mux = true};
    memcpy(&m->format.rtp, &own, sizeof(own));
    ck_assert_int_eq(encoder_new(&m->encoder, codec, m->rate, 20, false, false), 0);
    ck_assert_int_eq(decoder_new(&m->decoder, codec, m->rate), 0);
    ck_assert_int_eq(port_open(stage, (struct sockaddr *)&local, &m->port, &rtp_port), 0);
    m->to = local;
    m->to.sin_port = htons(rtp_port);
    ck_assert_int_eq(port_set_format(stage, m->port, &m->format), 0);
    return m;
}

struct member *member_join(enum codec codec, room_id room)
{
    struct member *m = member_open(codec);

    ck_assert_int_eq(port_connect_room(stage, m->port, room), 0);
    return m;
}

struct port *member_port(const struct member *m)
{
    return &stage->ports[m->port % stage->config.max_ports];
}

void member_close(struct member *m)
{
    port_close(stage, m->port);
    m->mute = m->deaf = true;
}

void member_send(struct member *m, const void *data, size_t length)
{
    (void)!sendto(m->fd, data, length, 0, (struct sockaddr *)&m->to, sizeof(m->to));
}

/* Makes room, silent, up to `end`. */
static int16_t *line_reach(struct line *l, size_t end)
{
    if (end > l->room) {
        size_t room = 2 * end + 8000;
        l->samples = realloc(l->samples, room * sizeof(int16_t));
        if (!l->samples)
            ck_abort_msg("no memory");
        memset(l->samples + l->room, 0, (room - l->room) * sizeof(int16_t));
        l->room = room;
    }
    l->count = end > l->count ? end : l->count;
    return l->samples;
}

static void member_talk(struct member *m)
{
    size_t frame = m->rate / TICKS_A_SECOND, at = (size_t)stage_ticks * frame;
    int16_t *line = line_reach(&m->said, at + frame);
    uint8_t data[RTP_HEADER + PAYLOAD_MAX];

    for (size_t i = at; i < at + frame; i++)
        line[i] = m->voice(m, i);
    if ((stage_ticks + 1 + m->phase) % m->ticks != 0 || stage_ticks + 1 < m->ticks)
        return;
    if (m->mute)
        return;
    size_t samples = m->ticks * frame, begin = at + frame - samples;
    size_t length = encoder_encode(m->encoder, line + begin, samples, data + RTP_HEADER, PAYLOAD_MAX);
    struct rtp_packet h = {.ssrc = m->ssrc,
                           .timestamp = (uint32_t)(begin * codec_clock(m->codec) / m->rate) - 5000,
                           .sequence = m->sequence,
                           .payload_type = m->format.codecs[0].pt_send};
    if (length == 0)
        return;
    m->sequence++;
    rtp_build(data, &h);
    member_send(m, data, RTP_HEADER + length);
    /* A busy kernel may put the packet off; the tick must find it there. */
    struct pollfd there = {.fd = member_port(m)->rtp_fd, .events = POLLIN};
    (void)poll(&there, 1, 1000);
}

static void digest_add(struct member *m, const void *data, size_t length)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < length; i++)
        m->digest = (m->digest ^ bytes[i]) * 0x100000001b3U; /* FNV-1a */
}

static void member_hear(struct member *m, const struct rtp_packet *rtp)
{
    const struct port *p = member_port(m);
    uint32_t clock = codec_clock(m->codec);
    int32_t since =
        (int32_t)(rtp->timestamp - p->timestamp - (uint32_t)(first_tick * (clock / TICKS_A_SECOND)));
    size_t at = (size_t)since / (clock / 1000) * (m->rate / 1000);
    int16_t sound[PACKET_MS_MAX * 48];

    m->packets++;
    m->octets += (unsigned)rtp->length;
    digest_add(m, &since, sizeof(since));
    digest_add(m, rtp->payload, rtp->length);
    if (rtp->payload_type != m->format.codecs[0].pt_receive || rtp->ssrc != p->ssrc)
        return; /* a digit; or relayed, on a time line of the other side's */
    size_t samples = decoder_decode(m->decoder, rtp->payload, rtp->length, sound, PACKET_MS_MAX * 48);
    if (since >= 0) /* else it began before the stage did */
        memcpy(line_reach(&m->heard, at + samples) + at, sound, samples * sizeof(*sound));
}

static void member_listen(struct member *m)
{
    struct rtp_packet rtp;
    uint8_t data[2000];
    ssize_t got;

    while ((got = recv(m->fd, data, sizeof(data), 0)) > 0) {
        if (!rtp_is_rtcp(data, (size_t)got) && rtp_parse(&rtp, data, (size_t)got))
            member_hear(m, &rtp);
    }
}

void stage_run(unsigned ms)
{
    struct mixer_event event;

    for (unsigned t = 0; t < ms; t += TICK_MS, stage_ticks++) {
        for (unsigned i = 0; i < cast_count; i++)
            member_talk(&cast[i]);
        mixer_tick(stage);
        while (mixer_next_event(stage, &event)) {
            stage_events[event.type]++;
            if (event.type == EVENT_RECORDED)
                stage_recorded = event;
        }
        for (unsigned i = 0; i < cast_count; i++) {
            if (!cast[i].deaf)
                member_listen(&cast[i]);
        }
    }
    for (unsigned i = 0; i < cast_count; i++) { /* and what the kernel has put off */
        struct pollfd late = {.fd = cast[i].fd, .events = POLLIN};
        if (!cast[i].deaf && poll(&late, 1, 0) > 0)
            member_listen(&cast[i]);
    }
}

/* -- voices
 * -----------------------------------------------------------------------------------------------------------
 */

int16_t voice_silent(struct member *m, uint64_t at)
{
    (void)m;
    (void)at;
    return 0;
}

int16_t voice_tone(struct member *m, uint64_t at)
{
    return (int16_t)lrint(m->amplitude * sin(2 * M_PI * m->hz * (double)at / m->rate));
}

int16_t voice_noise(struct member *m, uint64_t at)
{
    uint64_t x = (at + 1) * 0x9e3779b97f4a7c15U + m->ssrc * 0xbf58476d1ce4e5b9U; /* splitmix64 */

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return (int16_t)lrint(m->amplitude * ((double)(int32_t)(x >> 32) / 2147483648.0));
}

int16_t voice_square(struct member *m, uint64_t at)
{
    return (int16_t)(voice_noise(m, at / 23) > 0 ? m->amplitude : -m->amplitude);
}

/* -- what is in a sound
 * ------------------------------------------------------------------------------------------------ */

const int16_t *line_part(const struct line *l, size_t from, size_t samples)
{
    ck_assert_uint_ge(l->count, from + samples);
    return l->samples + from;
}

double sound_level(const int16_t *sound, size_t samples)
{
    double energy = 0;

    for (size_t i = 0; i < samples; i++)
        energy += (double)sound[i] * sound[i];
    return 10 * log10(energy / (double)samples / (32768.0 * 32768.0) + 1e-12);
}

double sound_tone(const int16_t *sound, size_t samples, unsigned rate, double hz)
{
    double real = 0, imaginary = 0, weight = 0;

    for (size_t i = 0; i < samples; i++) { /* a Hann window keeps the neighbours out */
        double w = 0.5 - 0.5 * cos(2 * M_PI * (double)i / (double)samples);
        double angle = 2 * M_PI * hz * (double)i / rate;
        real += w * sound[i] * cos(angle);
        imaginary += w * sound[i] * sin(angle);
        weight += w;
    }
    return 2 * hypot(real, imaginary) / weight;
}

double sound_click(const int16_t *sound, size_t samples, unsigned rate)
{
    int half = (int)rate / 250; /* 8 ms of a windowed sinc */
    double *taps = calloc((size_t)(2 * half + 1), sizeof(*taps)), peak = 0, unity = 0;

    ck_assert_uint_gt(samples, (size_t)(2 * half));
    for (int k = -half; k <= half; k++) {
        double x = 2 * HIGH_HZ / rate * k;
        taps[k + half] = (k == 0 ? 1 : sin(M_PI * x) / (M_PI * x)) * (0.5 + 0.5 * cos(M_PI * k / (half + 1)));
        unity += taps[k + half];
    }
    for (size_t i = (size_t)half; i + (size_t)half < samples; i++) {
        double low = 0;
        for (int k = -half; k <= half; k++)
            low += taps[k + half] * sound[(ptrdiff_t)i + k];
        peak = fmax(peak, fabs(sound[i] - low / unity));
    }
    free(taps);
    return 20 * log10(peak / 32768 + 1e-9);
}

double sound_snr(const int16_t *ideal, const int16_t *sound, size_t samples)
{
    double signal = 0, noise = 0;

    for (size_t i = 0; i < samples; i++) {
        signal += (double)ideal[i] * ideal[i];
        noise += ((double)ideal[i] - sound[i]) * ((double)ideal[i] - sound[i]);
    }
    return 10 * log10(signal / (noise + 1e-9));
}
