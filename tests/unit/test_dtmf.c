/*
 * Digits: RFC 4733 events in and out, and their tones.
 */
#include "mixer/codec.h"
#include "mixer/files.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* One packet, or with `ticks` the passing of so many ticks; `reported` is what must come of it. */
struct step {
    uint32_t timestamp;
    int event;
    bool end;
    uint16_t duration;
    unsigned ticks;
    const char *reported;
};

struct story {
    const char *name;
    const struct step *steps;
};

#define PACKET(ts, ev, e, dur, out)                                                                          \
    {                                                                                                        \
        .timestamp = (ts), .event = (ev), .end = (e), .duration = (dur), .reported = (out)                   \
    }
#define TICKS(n, out)                                                                                        \
    {                                                                                                        \
        .ticks = (n), .reported = (out)                                                                      \
    }
#define STOP                                                                                                 \
    {                                                                                                        \
        .reported = NULL                                                                                     \
    }

static const struct story stories[] = {
    {"a plain press with three ends (RFC 4733 2.5.1.4)",
     (const struct step[]){PACKET(1000, 5, false, 160, ""), PACKET(1000, 5, false, 320, ""),
                           PACKET(1000, 5, true, 480, "5"), PACKET(1000, 5, true, 480, ""),
                           PACKET(1000, 5, true, 480, ""), TICKS(100, ""), STOP}},
    {"the start is lost",
     (const struct step[]){PACKET(1000, 11, true, 800, "#"), PACKET(1000, 11, true, 800, ""), STOP}},
    {"the end is lost", (const struct step[]){PACKET(1000, 10, false, 160, ""), TICKS(9, ""), TICKS(1, "*"),
                                              TICKS(100, ""), STOP}},
    {"the end comes after it was given up",
     (const struct step[]){PACKET(1000, 1, false, 160, ""), TICKS(20, "1"), PACKET(1000, 1, true, 800, ""),
                           STOP}},
    {"a long press, packets every 50 ms",
     (const struct step[]){PACKET(1000, 1, false, 400, ""), TICKS(5, ""), PACKET(1000, 1, false, 800, ""),
                           TICKS(5, ""), PACKET(1000, 1, false, 1200, ""), TICKS(5, ""),
                           PACKET(1000, 1, true, 1600, "1"), STOP}},
    {"an update overtaken by the end",
     (const struct step[]){PACKET(1000, 2, false, 160, ""), PACKET(1000, 2, true, 480, "2"),
                           PACKET(1000, 2, false, 320, ""), TICKS(100, ""), STOP}},
    {"the same digit twice",
     (const struct step[]){PACKET(1000, 3, true, 400, "3"), PACKET(1000, 3, true, 400, ""), TICKS(4, ""),
                           PACKET(1800, 3, false, 160, ""), PACKET(1800, 3, true, 400, "3"), STOP}},
    {"the next press shows that the last one's end was lost",
     (const struct step[]){PACKET(1000, 4, false, 160, ""), PACKET(2000, 6, false, 160, "4"),
                           PACKET(2000, 6, true, 400, "6"), STOP}},
    {"both ends come, the first press's was lost",
     (const struct step[]){PACKET(1000, 4, false, 160, ""), PACKET(2000, 6, true, 160, "4"),
                           PACKET(2000, 6, true, 160, "6"), PACKET(2000, 6, true, 160, ""), STOP}},
    {"a late repeat of the press before",
     (const struct step[]){PACKET(1000, 7, true, 400, "7"), PACKET(2000, 8, false, 160, ""),
                           PACKET(1000, 7, true, 400, ""), PACKET(2000, 8, true, 400, "8"), STOP}},
    {"a press longer than a packet can tell (RFC 4733 2.5.1.3)",
     (const struct step[]){PACKET(1000, 9, false, 65535, ""), PACKET(66535, 9, false, 160, ""),
                           PACKET(66535, 9, true, 800, "9"), PACKET(66535, 9, true, 800, ""), STOP}},
    {"the timestamp wraps", (const struct step[]){PACKET(0xFFFFFF00, 0, true, 400, "0"),
                                                  PACKET(0x00000200, 0, true, 400, "0"), STOP}},
    {"a new stream begins lower", (const struct step[]){PACKET(900000, 1, true, 400, "1"), TICKS(60, ""),
                                                        PACKET(500, 1, true, 400, "1"), STOP}},
    {"letters and other events",
     (const struct step[]){PACKET(1000, 12, true, 400, "A"), PACKET(3000, 15, true, 400, "D"),
                           PACKET(5000, 16, true, 400, ""), STOP}},
};

START_TEST(each_press_is_one_digit)
{
    struct digit_receiver r = {0};

    for (const struct step *s = stories[_i].steps; s->reported; s++) {
        char got[16] = "";
        unsigned ms = 0;

        if (s->ticks == 0) {
            uint8_t payload[4] = {(uint8_t)s->event, s->end ? 0x8A : 0x0A, (uint8_t)(s->duration >> 8),
                                  (uint8_t)s->duration};
            char digit = digit_packet(&r, s->timestamp, payload, 4, 8000, &ms);

            if (digit)
                strncat(got, &digit, 1);
        }
        for (unsigned i = 0; i < s->ticks; i++) {
            char digit = digit_tick(&r, 8000, &ms);

            if (digit)
                strncat(got, &digit, 1);
        }
        ck_assert_msg(strcmp(got, s->reported) == 0, "%s, step %d: \"%s\" for \"%s\"", stories[_i].name,
                      (int)(s - stories[_i].steps), got, s->reported);
    }
}
END_TEST

START_TEST(length_is_in_milliseconds)
{
    struct digit_receiver r = {0};
    uint8_t payload[4] = {1, 0x80, 4800 >> 8, 4800 & 0xFF}, more[4] = {2, 0, 0xFF, 0xFF};
    unsigned ms = 0;

    ck_assert_int_eq(digit_packet(&r, 100, payload, 4, 48000, &ms), '1');
    ck_assert_uint_eq(ms, 100);
    ck_assert_int_eq(digit_packet(&r, 9000, more, 4, 8000, &ms), 0);
    more[1] = 0x80;
    more[2] = 800 >> 8;
    more[3] = 800 & 0xFF;
    ck_assert_int_eq(digit_packet(&r, 9000 + 65535, more, 4, 8000, &ms), '2');
    ck_assert_uint_eq(ms, (65535 + 800) / 8);
    ck_assert_int_eq(digit_packet(&r, 200000, payload, 3, 8000, &ms), 0); /* too short to be one */
}
END_TEST

/* What is sent must be what the standard says: marker, growing duration, three ends with the full one. */
START_TEST(sender_follows_rfc_4733)
{
    struct digit_sender s;
    uint8_t payload[4];
    bool marker;
    unsigned packets = 0, ends = 0, last = 0;

    digit_send(&s, '#', 100, 8000, 4321);
    ck_assert_uint_eq(s.timestamp, 4321);
    while (digit_send_packet(&s, 20, 8000, payload, &marker)) {
        unsigned duration = (unsigned)payload[2] << 8 | payload[3];

        ck_assert_int_eq(payload[0], 11);
        ck_assert(marker == (packets == 0));
        ck_assert_uint_ge(duration, last);
        ends += payload[1] >> 7;
        if (payload[1] & 0x80)
            ck_assert_uint_eq(duration, 800);
        ck_assert_int_eq(payload[1] & 0x40, 0);
        last = duration;
        packets++;
    }
    ck_assert_uint_eq(packets, 5 + 2);
    ck_assert_uint_eq(ends, 3);
    ck_assert(!digit_send_packet(&s, 20, 8000, payload, &marker));
}
END_TEST

START_TEST(sender_and_receiver_agree)
{
    static const char digits[] = "0123456789*#ABCD";
    struct digit_receiver r = {0};
    uint32_t timestamp = 0;

    for (const char *d = digits; *d; d++, timestamp += 9600) {
        struct digit_sender s;
        uint8_t payload[4];
        bool marker;
        char got[8] = "";
        unsigned ms = 0;

        digit_send(&s, *d, 120, 48000, timestamp);
        while (digit_send_packet(&s, 20, 48000, payload, &marker)) {
            char digit = digit_packet(&r, s.timestamp, payload, 4, 48000, &ms);

            if (digit)
                strncat(got, &digit, 1);
        }
        ck_assert_int_eq(got[0], *d);
        ck_assert_int_eq(got[1], 0);
        ck_assert_uint_eq(ms, 120);
    }
}
END_TEST

START_TEST(sender_ignores_what_is_no_digit)
{
    struct digit_sender s;
    uint8_t payload[4];
    bool marker;

    digit_send(&s, 'x', 100, 8000, 0);
    ck_assert(!digit_send_packet(&s, 20, 8000, payload, &marker));
    digit_send(&s, 0, 100, 8000, 0);
    ck_assert(!digit_send_packet(&s, 20, 8000, payload, &marker));
}
END_TEST

/* ITU-T Q.24: 16 keys, 100 ms on and off, heard once each; made at any rate. */
START_TEST(tones_are_heard_as_digits)
{
    static const unsigned rates[] = {8000, 16000, 48000};
    static const char digits[] = "0123456789*#ABCD";
    unsigned rate = rates[_i];
    struct tone_detector *detector;
    struct resampler *down;
    char got[64] = "";

    ck_assert_int_eq(tone_detector_new(&detector), 0);
    ck_assert_int_eq(resampler_new(&down, rate, 8000), 0);
    for (const char *d = digits; *d; d++) {
        for (unsigned tick = 0; tick < 20; tick++) {
            int16_t frame[480] = {0}, narrow[80];
            char digit;

            if (tick < 10)
                digit_tone(*d, rate, tick * rate / 100, frame, rate / 100);
            resampler_run(down, frame, narrow);
            digit = tone_detect(detector, narrow, 80);
            if (digit)
                strncat(got, &digit, 1);
        }
    }
    ck_assert_str_eq(got, digits);
    resampler_free(down);
    tone_detector_free(detector);
}
END_TEST

static Suite *dtmf_suite(void)
{
    Suite *s = suite_create("dtmf");
    TCase *c = tcase_create("dtmf");

    tcase_add_loop_test(c, each_press_is_one_digit, 0, sizeof stories / sizeof *stories);
    tcase_add_test(c, length_is_in_milliseconds);
    tcase_add_test(c, sender_follows_rfc_4733);
    tcase_add_test(c, sender_and_receiver_agree);
    tcase_add_test(c, sender_ignores_what_is_no_digit);
    tcase_add_loop_test(c, tones_are_heard_as_digits, 0, 3);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(dtmf_suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
