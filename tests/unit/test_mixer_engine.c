/* Ports and bridges: echo, relaying, transcoding, addresses, digits. */
#include "tests/unit/mixer_kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* Whether it passes packets on or decodes them: who wants a key for himself decides about it alone. */
START_TEST(bridge_keeps_digits_when_told)
{
    struct media_format f = format_of(&phones[1], CODEC_PCMA);
    uint8_t payload[4] = {1, 0x8a, 3, 0x20};

    ck_assert_int_eq(port_keep_digits(mixer, phones[0].port, true), 0);
    ck_assert_int_eq(port_connect_bridge(mixer, phones[0].port, phones[1].port), 0);
    run(2, 200);
    phone_send(&phones[0], DTMF_PT, true, phones[0].timestamp, payload, 4);
    run(2, 400);
    ck_assert_int_eq(port_set_format(mixer, phones[1].port, &f), 0);
    run(2, 200);
    phone_send(&phones[0], DTMF_PT, true, phones[0].timestamp, payload, 4);
    run(2, 400);
    ck_assert_uint_eq(phones[1].events, 0);
    ck_assert_uint_eq(count_events(EVENT_DIGIT, phones[0].port), 2);
    ck_assert_int_eq(port_keep_digits(mixer, phones[0].port, false), 0);
    run(2, 200);
    phone_send(&phones[0], DTMF_PT, true, phones[0].timestamp, payload, 4);
    run(2, 400);
    ck_assert_uint_gt(phones[1].events, 0);
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

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, echo_returns_the_tone);
    tcase_add_test(tcase, unconnected_port_sends_nothing);
    tcase_add_test(tcase, bridge_relays_packets_as_they_are);
    tcase_add_test(tcase, bridge_maps_payload_types_of_events);
    tcase_add_test(tcase, transcoding_bridge_sends_the_digit_anew);
    tcase_add_test(tcase, bridge_keeps_digits_when_told);
    tcase_add_test(tcase, rtcp_is_relayed_with_the_stream);
    tcase_add_test(tcase, reports_are_sent);
    tcase_add_test(tcase, what_the_far_side_reports_is_kept);
    tcase_add_test(tcase, connections_change_at_random);
    tcase_add_test(tcase, bridge_transcodes_between_codecs);
    tcase_add_test(tcase, bridge_transcodes_between_rates);
    tcase_add_test(tcase, held_side_is_sent_nothing);
    tcase_add_test(tcase, digit_is_sent_as_event);
    tcase_add_test(tcase, silence_times_out_once);
    tcase_add_test(tcase, address_is_learnt_then_locked);
    tcase_add_test(tcase, ports_are_used_again);
}

int main(void)
{
    return kit_main("mixer engine", add_tests);
}
