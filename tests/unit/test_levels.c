/*
 * Levels, sources and talk: real workers and sockets, and phones that say how loud they are, truly or not,
 * and read what the mixer says of the others.
 */
#include "core/base/log.h"
#include "mixer/engine.h"

#include <arpa/inet.h>
#include <check.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PHONES 9
#define PACKET_MS 20
#define SAMPLES 160
#define LEVEL_ID 3
#define CSRC_LEVEL_ID 8
#define TRUTH (-1)
#define NOTHING (-2)

/* A far side with G.711 and packets of 20 ms; it sends a tone, noise, or silence. */
struct phone {
    int fd;
    port_id port;
    struct sockaddr_in to;
    struct media_format format;
    struct encoder *encoder;
    struct decoder *decoder;
    double hz, amplitude;
    bool hisses, paused; /* noise instead of the tone; no packets */
    int claim;           /* level that it tells, or TRUTH, or NOTHING */
    bool voice;          /* V bit */
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    unsigned at; /* samples sent */
    /* What came last */
    uint8_t last[600];
    size_t last_length;
    unsigned packets, csrc_count, level_count;
    uint32_t csrcs[15];
    uint8_t levels[15];
    int level; /* with the V bit; NOTHING */
    int16_t heard[SAMPLES];
};

static struct mixer *mixer;
static room_id room;
static struct phone phones[PHONES];
static struct mixer_event events[400];
static unsigned event_count;

/* -- phones
 * ------------------------------------------------------------------------------------------------------ */

static void phone_format(struct phone *p, enum codec codec, uint8_t level_id, uint8_t csrc_level_id)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);

    p->format = (struct media_format){.codecs = {{codec, codec_static_pt(codec), codec_static_pt(codec)}},
                                      .codec_count = 1,
                                      .ptime_ms = PACKET_MS,
                                      .dtmf_pt_send = 101,
                                      .dtmf_pt_receive = 101,
                                      .dtmf_rate = 8000,
                                      .send = true,
                                      .receive = true,
                                      .level = {level_id, level_id},
                                      .csrc_level = {csrc_level_id, csrc_level_id},
                                      .level_vad = level_id != 0};
    ck_assert_int_eq(getsockname(p->fd, (struct sockaddr *)&address, &length), 0);
    memcpy(&p->format.rtp, &address, sizeof(address));
    encoder_free(p->encoder);
    decoder_free(p->decoder);
    ck_assert_int_eq(encoder_new(&p->encoder, codec, 8000, PACKET_MS, false, false), 0);
    ck_assert_int_eq(decoder_new(&p->decoder, codec, 8000), 0);
    ck_assert_int_eq(port_set_format(mixer, p->port, &p->format), 0);
}

static void phone_open(struct phone *p, unsigned number)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                       own = local;
    uint16_t rtp_port;

    memset(p, 0, sizeof(*p));
    p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(p->fd, (struct sockaddr *)&own, sizeof(own)), 0);
    p->hz = 400 + 137 * number;
    p->ssrc = 0x1000 + number;
    p->claim = TRUTH;
    p->level = NOTHING;
    p->voice = true;
    ck_assert_int_eq(port_open(mixer, (struct sockaddr *)&local, &p->port, &rtp_port), 0);
    p->to = local;
    p->to.sin_port = htons(rtp_port);
    phone_format(p, CODEC_PCMU, LEVEL_ID, CSRC_LEVEL_ID);
}

static void phone_put(struct phone *p, const uint8_t *head, size_t head_length, const uint8_t *payload,
                      size_t length)
{
    uint8_t data[400];

    memcpy(data, head, head_length);
    memcpy(data + head_length, payload, length);
    (void)!sendto(p->fd, data, head_length + length, 0, (struct sockaddr *)&p->to, sizeof(p->to));
    p->sequence++;
}

static size_t phone_head(const struct phone *p, uint8_t *out, uint8_t pt, unsigned level)
{
    struct rtp_packet h = {
        .ssrc = p->ssrc, .timestamp = p->timestamp, .sequence = p->sequence, .payload_type = pt};
    struct rtp_mix mix = {.level = (uint8_t)level, .voice = p->voice};
    struct rtp_mix_reader reader = {.level_id = p->format.level.send, .vad = true};

    rtp_build(out, &h);
    return RTP_HEADER + (p->claim == NOTHING ? 0 : rtp_mix_write(out, &mix, &reader));
}

static void phone_talk(struct phone *p)
{
    uint8_t head[RTP_HEADER + RTP_SOURCES_SIZE], payload[SAMPLES];
    int16_t sound[SAMPLES];

    for (unsigned i = 0; i < SAMPLES; i++, p->at++)
        sound[i] = (int16_t)lrint(p->amplitude * (p->hisses ? 1.73 * ((rand() % 20001) / 10000.0 - 1)
                                                            : 1.41 * sin(2 * M_PI * p->hz * p->at / 8000)));
    if (!p->paused) {
        size_t length = encoder_encode(p->encoder, sound, SAMPLES, payload, sizeof(payload));
        unsigned level = p->claim == TRUTH ? frame_level(sound, SAMPLES) : (unsigned)p->claim;
        phone_put(p, head, phone_head(p, head, p->format.codecs[0].pt_send, level), payload, length);
    }
    p->timestamp += SAMPLES;
}

static void phone_read(struct phone *p)
{
    struct rtp_packet rtp;
    struct rtp_extension x;
    struct rtp_element e;

    ck_assert(rtp_parse(&rtp, p->last, p->last_length));
    p->packets++;
    p->csrc_count = p->last[0] & 15;
    for (unsigned i = 0; i < p->csrc_count; i++) {
        uint32_t big;
        memcpy(&big, p->last + RTP_HEADER + 4 * i, 4);
        p->csrcs[i] = ntohl(big);
    }
    bool has = rtp_extension(&x, p->last, p->last_length);
    p->level = has && p->format.level.send && rtpext_find(&x, p->format.level.send, &e) ? e.data[0] : NOTHING;
    p->level_count = 0;
    if (has && p->format.csrc_level.send && rtpext_find(&x, p->format.csrc_level.send, &e)) {
        p->level_count = (unsigned)e.length;
        memcpy(p->levels, e.data, e.length);
    }
    if (rtp.payload_type == p->format.codecs[0].pt_receive)
        (void)decoder_decode(p->decoder, rtp.payload, rtp.length, p->heard, SAMPLES);
}

static void phone_listen(struct phone *p)
{
    ssize_t got;

    while ((got = recv(p->fd, p->last, sizeof(p->last), 0)) > 0) {
        p->last_length = (size_t)got;
        phone_read(p);
    }
}

/* Its sources as a set: bit i for the phone i. */
static unsigned told(const struct phone *p)
{
    unsigned set = 0;

    for (unsigned i = 0; i < p->csrc_count; i++)
        set |= 1U << (p->csrcs[i] - 0x1000);
    return set;
}

static int told_level(const struct phone *p, const struct phone *of)
{
    for (unsigned i = 0; i < p->csrc_count && i < p->level_count; i++) {
        if (p->csrcs[i] == of->ssrc)
            return p->levels[i];
    }
    return NOTHING;
}

static bool between(int value, int low, int high)
{
    return value >= low && value <= high;
}

/* -- time
 * -------------------------------------------------------------------------------------------------------- */

static void step(void)
{
    static struct timespec next;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec > next.tv_sec + 1)
        next = now;
    for (unsigned i = 0; i < PHONES; i++) {
        phone_talk(&phones[i]);
        phone_listen(&phones[i]);
    }
    while (event_count < 400 && mixer_next_event(mixer, &events[event_count]))
        event_count++;
    next.tv_nsec += PACKET_MS * 1000000;
    if (next.tv_nsec >= 1000000000) {
        next.tv_nsec -= 1000000000;
        next.tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
}

static void run(unsigned ms)
{
    for (unsigned t = 0; t < ms; t += PACKET_MS)
        step();
}

#define UNTIL(condition)                                                                                     \
    do {                                                                                                     \
        for (unsigned t = 0; t < 10000 && !(condition); t += PACKET_MS)                                      \
            step();                                                                                          \
        ck_assert(condition);                                                                                \
    } while (0)

/* What was told last of a member's talk: 1 or 0, or -1 when nothing was. */
static int talk_of(const struct phone *p, bool muted)
{
    int talks = -1;

    for (unsigned i = 0; i < event_count; i++) {
        if (events[i].type == EVENT_TALK && events[i].port == p->port && events[i].muted == muted)
            talks = events[i].talking;
    }
    return talks;
}

static unsigned talk_changes(const struct phone *p)
{
    unsigned n = 0;

    for (unsigned i = 0; i < event_count; i++)
        n += events[i].type == EVENT_TALK && events[i].port == p->port;
    return n;
}

static uint64_t distrusted(void)
{
    struct mixer_stats s;

    mixer_read_stats(mixer, &s);
    return s.levels_distrusted;
}

static void setup(void)
{
    struct mixer_config config = {.workers = 2,
                                  .rtp_port_low = 10000 + (unsigned)getpid() % 50 * 200,
                                  .rtp_port_high = 10199 + (unsigned)getpid() % 50 * 200,
                                  .max_ports = PHONES,
                                  .max_rooms = 2,
                                  .io = "plain"};

    srand(7);
    event_count = 0;
    ck_assert_int_eq(mixer_start(&mixer, &config), 0);
    for (unsigned i = 0; i < PHONES; i++)
        phone_open(&phones[i], i);
}

static void setup_room(void)
{
    setup();
    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    for (unsigned i = 0; i < PHONES; i++)
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
}

static void teardown(void)
{
    mixer_stop(mixer);
    for (unsigned i = 0; i < PHONES; i++) {
        encoder_free(phones[i].encoder);
        decoder_free(phones[i].decoder);
        close(phones[i].fd);
    }
}

/* -- what a room tells
 * ------------------------------------------------------------------------------------------- */

/* RFC 6465 §3: the levels stand in the order of the CSRCs; nobody reads of himself. */
START_TEST(members_read_who_talks)
{
    struct phone *one = &phones[0], *two = &phones[1], *listener = &phones[2];

    one->amplitude = 6000; /* -14.7 dBov */
    two->amplitude = 1000; /* -30.3 */
    UNTIL(told(listener) == 3 && told(one) == 2 && told(two) == 1);
    UNTIL(between(told_level(listener, one), 14, 16) && between(told_level(listener, two), 29, 32) &&
          between(told_level(one, two), 29, 32) && between(told_level(two, one), 14, 16));
    /* RFC 6464: the mix as a whole, with a voice in it. */
    UNTIL(between(listener->level, 0x80 | 13, 0x80 | 16) && between(one->level, 0x80 | 29, 0x80 | 32));
    for (unsigned i = 0; i < 20; i++) {
        step();
        ck_assert_uint_eq(listener->level_count, listener->csrc_count);
        ck_assert(!(told(one) & 1) && !(told(two) & 2) && !(told(listener) & ~3U));
    }
    one->amplitude = 0;
    UNTIL(told(listener) == 2 && told(two) == 0);
    ck_assert_uint_eq(two->level_count, 0);
    ck_assert_int_eq(two->level, 127); /* and no voice */
    two->paused = true;
    UNTIL(told(listener) == 0);
    ck_assert_uint_eq(distrusted(), 0);
}
END_TEST

START_TEST(muted_and_deaf_are_left_out)
{
    phones[0].amplitude = phones[1].amplitude = 4000;
    UNTIL(told(&phones[2]) == 3);
    ck_assert_int_eq(port_set_mute(mixer, phones[0].port, true), 0);
    UNTIL(told(&phones[2]) == 2);
    for (unsigned i = 0; i < 25; i++) {
        step();
        ck_assert(!(told(&phones[2]) & 1));
    }
    ck_assert_int_eq(port_set_deaf(mixer, phones[2].port, true), 0); /* he hears nobody */
    UNTIL(told(&phones[2]) == 0 && phones[2].level == 127);
    ck_assert_uint_eq(told(&phones[3]), 2);
    ck_assert_int_eq(port_set_mute(mixer, phones[0].port, false), 0);
    UNTIL(told(&phones[3]) == 3);
}
END_TEST

/* Each gets what he negotiated, though all of them share one encoding; an old phone's packets are as ever. */
START_TEST(each_gets_what_he_negotiated)
{
    phone_format(&phones[3], CODEC_PCMU, 0, 0);
    phone_format(&phones[4], CODEC_PCMU, 11, 0);
    phone_format(&phones[5], CODEC_PCMU, 0, 1);
    phones[0].amplitude = 4000;
    UNTIL(told(&phones[2]) == 1 && told(&phones[5]) == 1);
    run(100);
    for (unsigned i = 2; i < 6; i++) {
        unsigned packets = phones[i].packets;
        UNTIL(phones[i].packets > packets);
    }
    ck_assert_uint_eq(phones[3].last_length, RTP_HEADER + SAMPLES);
    ck_assert_uint_eq(phones[3].last[0], 0x80);
    ck_assert_uint_eq(phones[4].csrc_count, 0);
    ck_assert_uint_eq(phones[4].last_length, RTP_HEADER + 8 + SAMPLES);
    ck_assert_int_eq(phones[4].level & 0x80, 0x80);
    ck_assert_uint_eq(phones[5].last_length, RTP_HEADER + 4 + 8 + SAMPLES);
    ck_assert_uint_eq(phones[2].last_length, RTP_HEADER + 4 + 8 + SAMPLES);
}
END_TEST

/* -- what is believed
 * -------------------------------------------------------------------------------------------- */

/* Six are heard at once. All are equally loud; who says that he is louder, within reason, takes a place. */
START_TEST(levels_choose_the_speakers)
{
    for (unsigned i = 0; i < 6; i++)
        phones[i].amplitude = 3000; /* -21 */
    UNTIL(told(&phones[8]) == 0x3F);
    phones[6].amplitude = phones[7].amplitude = 3000;
    phones[6].claim = 6;
    phones[7].claim = NOTHING;
    UNTIL(told(&phones[8]) & 1U << 6);
    run(500);
    ck_assert(told(&phones[8]) & 1U << 6);
    ck_assert(!(told(&phones[8]) & 1U << 7));
    ck_assert_uint_eq(phones[8].csrc_count, 6);
    ck_assert_uint_eq(distrusted(), 0);
}
END_TEST

/* A phone that always says "as loud as can be" holds a place only until it has been listened to. */
START_TEST(who_always_claims_to_be_loud_is_measured)
{
    for (unsigned i = 0; i < 6; i++)
        phones[i].amplitude = 3000;
    UNTIL(told(&phones[8]) == 0x3F);
    phones[6].claim = 0;
    UNTIL(distrusted() == 1);
    UNTIL(told(&phones[8]) == 0x3F);
    phones[6].ssrc = 0x1007; /* a new stream makes nobody honest */
    for (unsigned i = 0; i < 60; i++) {
        step();
        ck_assert(!(told(&phones[8]) & ~0x3FU));
    }
    phones[6].amplitude = 10000; /* what is true is heard all the same */
    UNTIL(told(&phones[8]) & 1U << 7);
    ck_assert_uint_eq(distrusted(), 1);
}
END_TEST

START_TEST(who_always_claims_silence_is_heard)
{
    phones[0].amplitude = 4000;
    phones[0].claim = 127;
    UNTIL(told(&phones[2]) == 1);
    ck_assert_uint_eq(distrusted(), 1);
}
END_TEST

/* An honest phone that speaks word by word, with silence between, stays believed. */
START_TEST(words_and_pauses_are_no_lie)
{
    for (unsigned word = 0; word < 12; word++) {
        phones[0].amplitude = word % 2 ? 0 : 6000;
        phones[0].paused = word % 4 == 3; /* some phones send nothing meanwhile */
        run(word % 3 ? 340 : 60);
    }
    ck_assert_uint_eq(distrusted(), 0);
}
END_TEST

/* -- talk
 * -------------------------------------------------------------------------------------------------------- */

START_TEST(talk_is_told_and_its_end)
{
    run(200);
    phones[0].amplitude = phones[1].amplitude = 4000;
    phones[1].claim = NOTHING;
    UNTIL(talk_of(&phones[0], false) == 1 && talk_of(&phones[1], false) == 1);
    phones[0].amplitude = 0;
    phones[1].paused = true;
    UNTIL(talk_of(&phones[0], false) == 0 && talk_of(&phones[1], false) == 0);
    ck_assert_uint_eq(talk_changes(&phones[0]), 2);
    ck_assert_uint_eq(talk_changes(&phones[1]), 2);
    /* Short words, one after another: no more than two changes a second. */
    phones[1].paused = false;
    for (unsigned i = 0; i < 12; i++) {
        phones[0].amplitude = phones[1].amplitude = i % 2 ? 0 : 4000;
        run(160);
    }
    ck_assert_uint_le(talk_changes(&phones[0]), 2 + 6);
    ck_assert_uint_le(talk_changes(&phones[1]), 2 + 6);
}
END_TEST

/* A fan beside the microphone, muted or not, with levels or without. */
START_TEST(steady_noise_is_no_talk)
{
    for (unsigned i = 0; i < 4; i++) {
        phones[i].hisses = true;
        phones[i].amplitude = i % 2 ? 100 : 300; /* -50 and -41 dBov */
        phones[i].claim = i < 2 ? TRUTH : NOTHING;
        ck_assert_int_eq(port_set_mute(mixer, phones[i].port, i == 2), 0);
    }
    run(2500);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(talk_changes(&phones[i]), 0);
    ck_assert(told(&phones[8]) & 1); /* but it is heard */
}
END_TEST

/* RFC 6464 §3: V says whether the phone takes it for speech. */
START_TEST(without_voice_nobody_talks_but_is_heard)
{
    run(200); /* its voice detector works, as can be seen */
    phones[0].voice = false;
    run(400);
    phones[0].amplitude = phones[1].amplitude = 4000;
    UNTIL(talk_of(&phones[1], false) == 1 && told(&phones[8]) == 3);
    run(500);
    ck_assert_int_eq(talk_of(&phones[0], false), -1);
    phones[0].voice = true;
    UNTIL(talk_of(&phones[0], false) == 1);
}
END_TEST

/* A phone that never sets it has no voice detector, whatever its SDP says. */
START_TEST(voice_bit_that_is_never_set_is_not_believed)
{
    phones[0].amplitude = 4000;
    phones[0].voice = false;
    UNTIL(talk_of(&phones[0], false) == 1);
}
END_TEST

START_TEST(talk_of_the_muted_is_told_apart)
{
    ck_assert_int_eq(port_set_mute(mixer, phones[0].port, true), 0);
    ck_assert_int_eq(port_set_mute(mixer, phones[1].port, true), 0);
    phones[1].claim = NOTHING;
    run(200);
    phones[0].amplitude = phones[1].amplitude = 4000;
    UNTIL(talk_of(&phones[0], true) == 1 && talk_of(&phones[1], true) == 1);
    phones[0].amplitude = 0;
    phones[1].paused = true;
    UNTIL(talk_of(&phones[0], true) == 0 && talk_of(&phones[1], true) == 0);
    ck_assert_int_eq(talk_of(&phones[0], false), -1);
    ck_assert_int_eq(talk_of(&phones[1], false), -1);
    ck_assert_uint_eq(told(&phones[2]), 0);
    ck_assert_uint_eq(talk_changes(&phones[0]), 2);
    /* No longer muted, he talks to the room; muted again, no longer. */
    phones[0].amplitude = 4000;
    UNTIL(talk_of(&phones[0], true) == 1);
    ck_assert_int_eq(port_set_mute(mixer, phones[0].port, false), 0);
    UNTIL(talk_of(&phones[0], true) == 0 && talk_of(&phones[0], false) == 1);
    ck_assert_int_eq(port_set_mute(mixer, phones[0].port, true), 0);
    UNTIL(talk_of(&phones[0], true) == 1 && talk_of(&phones[0], false) == 0);
}
END_TEST

/* -- bridges
 * ----------------------------------------------------------------------------------------------------- */

/* A packet with a CSRC, the level, the levels of sources, and an element that is nobody's business. */
static void phone_send_rich(struct phone *p)
{
    uint8_t head[RTP_HEADER + 4 + 12], payload[SAMPLES];
    struct rtp_packet h = {.ssrc = p->ssrc, .timestamp = p->timestamp, .sequence = p->sequence};
    const uint8_t rest[] = {
        0, 0, 0, 77, 0xBE, 0xDE, 0, 2, 0x90, 0x66, LEVEL_ID << 4, 0x99, CSRC_LEVEL_ID << 4, 33, 0, 0};

    rtp_build(head, &h);
    head[0] = 0x91;
    memcpy(head + RTP_HEADER, rest, sizeof(rest));
    memset(payload, 0x5A, sizeof(payload));
    phone_put(p, head, sizeof(head), payload, sizeof(payload));
    p->timestamp += SAMPLES;
}

/* RFC 8285 §5: identifiers mean something on the leg where they were negotiated, and there alone. */
START_TEST(bridges_translate_extensions)
{
    static const struct {
        uint8_t level_id, csrc_level_id;
        uint8_t bytes[12]; /* of the extension that comes out */
        size_t length;
    } rows[] = {
        {5, 6, {0xBE, 0xDE, 0, 1, 0x50, 0x99, 0x60, 33}, 8},
        {LEVEL_ID, CSRC_LEVEL_ID, {0xBE, 0xDE, 0, 1, LEVEL_ID << 4, 0x99, CSRC_LEVEL_ID << 4, 33}, 8},
        {0, 3, {0xBE, 0xDE, 0, 1, 0x30, 33, 0, 0}, 8}, /* 3 was the level's number on the other side */
        {0, 0, {0}, 0},
    };
    struct phone *from = &phones[0], *to = &phones[1];
    const uint8_t csrc[4] = {0, 0, 0, 77};

    for (unsigned i = 0; i < PHONES; i++)
        phones[i].paused = true;
    phone_format(to, CODEC_PCMU, rows[_i].level_id, rows[_i].csrc_level_id);
    ck_assert_int_eq(port_connect_bridge(mixer, from->port, to->port), 0);
    run(100);
    for (unsigned i = 0; i < 50 && !to->packets; i++) {
        phone_send_rich(from);
        step();
    }
    ck_assert_uint_gt(to->packets, 0);
    size_t head = RTP_HEADER + 4;
    ck_assert_uint_eq(to->last_length, head + rows[_i].length + SAMPLES);
    ck_assert_uint_eq(to->last[0], rows[_i].length ? 0x91 : 0x81);
    ck_assert_mem_eq(to->last + RTP_HEADER, csrc, 4);
    if (rows[_i].length)
        ck_assert_mem_eq(to->last + head, rows[_i].bytes, rows[_i].length);
    ck_assert_uint_eq(to->last[head + rows[_i].length], 0x5A);
}
END_TEST

/* Where the sound is made anew, so is its level. */
START_TEST(transcoding_bridges_tell_the_level)
{
    phone_format(&phones[1], CODEC_PCMA, 5, 0);
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    phones[0].amplitude = 4000; /* -18.3 */
    UNTIL(between(phones[1].level, 0x80 | 17, 0x80 | 20));
}
END_TEST

/* -- comfort noise
 * ----------------------------------------------------------------------------------------------- */

static void phone_send_noise(struct phone *p, uint8_t level)
{
    uint8_t head[RTP_HEADER + RTP_SOURCES_SIZE];

    phone_put(p, head, phone_head(p, head, RTP_COMFORT_NOISE, level), &level, 1);
}

/* RFC 3389: the pause sounds like the line and not like a dead one, until the next word. */
START_TEST(pauses_sound_like_the_line)
{
    struct phone *from = &phones[0], *to = &phones[1];
    unsigned soft = 0, loud = 0;

    phone_format(to, CODEC_PCMA, 0, 0);
    ck_assert_int_eq(port_connect_bridge(mixer, from->port, to->port), 0);
    from->amplitude = 4000;
    UNTIL(frame_level(to->heard, SAMPLES) < 25);
    from->paused = true;
    phone_send_noise(from, 50);
    UNTIL(frame_level(to->heard, SAMPLES) > 40);
    for (unsigned i = 0; i < 50; i++) {
        step();
        soft += frame_level(to->heard, SAMPLES) > 56;
        loud += frame_level(to->heard, SAMPLES) < 46;
    }
    ck_assert_uint_le(soft, 5); /* a busy machine may hold a packet back */
    ck_assert_uint_eq(loud, 0);
    phone_send_noise(from, 70); /* the line has become quieter */
    UNTIL(frame_level(to->heard, SAMPLES) > 62);
    from->paused = false;
    UNTIL(frame_level(to->heard, SAMPLES) < 25);
}
END_TEST

START_TEST(comfort_noise_makes_nobody_a_speaker)
{
    for (unsigned i = 0; i < 40; i++) {
        phones[0].paused = true;
        phone_send_noise(&phones[0], 20);
        step();
        ck_assert_uint_eq(told(&phones[2]), 0);
        ck_assert_uint_eq(frame_level(phones[2].heard, SAMPLES), 127);
    }
    ck_assert_uint_eq(talk_changes(&phones[0]), 0);
}
END_TEST

int main(void)
{
    log_set_level(LEVEL_WARNING);
    Suite *suite = suite_create("levels");
    TCase *members = tcase_create("room"), *pairs = tcase_create("bridge");

    tcase_set_timeout(members, 120);
    tcase_add_checked_fixture(members, setup_room, teardown);
    tcase_add_test(members, members_read_who_talks);
    tcase_add_test(members, muted_and_deaf_are_left_out);
    tcase_add_test(members, each_gets_what_he_negotiated);
    tcase_add_test(members, levels_choose_the_speakers);
    tcase_add_test(members, who_always_claims_to_be_loud_is_measured);
    tcase_add_test(members, who_always_claims_silence_is_heard);
    tcase_add_test(members, words_and_pauses_are_no_lie);
    tcase_add_test(members, talk_is_told_and_its_end);
    tcase_add_test(members, steady_noise_is_no_talk);
    tcase_add_test(members, without_voice_nobody_talks_but_is_heard);
    tcase_add_test(members, voice_bit_that_is_never_set_is_not_believed);
    tcase_add_test(members, talk_of_the_muted_is_told_apart);
    tcase_add_test(members, comfort_noise_makes_nobody_a_speaker);
    suite_add_tcase(suite, members);
    tcase_set_timeout(pairs, 120);
    tcase_add_checked_fixture(pairs, setup, teardown);
    tcase_add_loop_test(pairs, bridges_translate_extensions, 0, 4);
    tcase_add_test(pairs, transcoding_bridges_tell_the_level);
    tcase_add_test(pairs, pauses_sound_like_the_line);
    suite_add_tcase(suite, pairs);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
