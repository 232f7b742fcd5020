/* A fax machine calls ours, over sound and over T.38 with loss, without waiting for real time. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/fax.h"
#include "mixer/udptl.h"
#include "tests/unit/fax_far.h"

#define FRAME 160
#define PATIENCE_S 180 /* of the line's time */

static const struct fax_limits no_limits;

/* Sound both ways until both are done, or for `ms`. */
static void talk(struct fax_machine *machine, unsigned ms)
{
    int16_t there[FRAME], back[FRAME] = {0};

    for (unsigned at = 0; at < ms && !(fax_far_done() && fax_machine_ended(machine)); at += FRAME / 8) {
        fax_far_say(there, FRAME);
        fax_machine_sound(machine, there, back, FRAME);
        fax_far_hear(back, FRAME);
    }
}

/* T.30 over the sound of a call. */
START_TEST(sound_brings_all_pages)
{
    struct fax_machine *machine;
    struct fax_result result;

    fax_far_call(NULL);
    ck_assert_int_eq(fax_machine_new(&machine, fax_came, "1001", &no_limits), 0);
    talk(machine, PATIENCE_S * 1000);
    ck_assert(fax_far_content() && fax_machine_ended(machine));
    ck_assert_str_eq(fax_far_peer(), "1001");
    fax_machine_read(machine, &result);
    ck_assert(result.complete);
    ck_assert_uint_eq(result.pages, FAX_PAGES);
    ck_assert_str_eq(result.sender, FAX_IDENT);
    fax_machine_free(machine);
    fax_far_hang_up();
    fax_pages_compare(FAX_PAGES);
}
END_TEST

/* He hangs up in the middle: what has come is kept, and is told to be a part. */
START_TEST(hang_up_keeps_whole_pages)
{
    struct fax_machine *machine;
    struct fax_result result;

    fax_far_call(NULL);
    ck_assert_int_eq(fax_machine_new(&machine, fax_came, "1001", &no_limits), 0);
    while (fax_far_sent() < 1 && !fax_far_done())
        talk(machine, 100);
    talk(machine, 3000); /* the second page has begun */
    ck_assert(!fax_far_done());
    fax_pages_compare(1); /* as a machine would find it that dies now */
    fax_machine_read(machine, &result);
    ck_assert(!result.complete);
    ck_assert_uint_eq(result.pages, 1);
    fax_machine_free(machine);
    fax_far_hang_up();
    fax_pages_compare(1);
}
END_TEST

/* One page, or as many bytes as a page certainly has: the second is not taken, and the first is whole. */
static const struct fax_limits small[] = {{.pages = 1}, {.bytes = 100}};

START_TEST(limit_ends_it_after_a_page)
{
    struct fax_machine *machine;
    struct fax_result result;

    fax_far_call(NULL);
    ck_assert_int_eq(fax_machine_new(&machine, fax_came, "1001", &small[_i]), 0);
    talk(machine, PATIENCE_S * 1000);
    ck_assert(fax_machine_ended(machine) && !fax_far_content());
    fax_machine_read(machine, &result);
    ck_assert(!result.complete);
    ck_assert_uint_eq(result.pages, 1);
    fax_machine_free(machine);
    fax_far_hang_up();
    fax_pages_compare(1);
}
END_TEST

/* -- T.38 */

#define LINE_MOST 4000

/* Datagrams on their way, with every `lose`th lost (0: none). */
struct line {
    unsigned count, lose, seen;
    struct {
        size_t length;
        uint8_t bytes[UDPTL_MOST];
    } datagrams[LINE_MOST];
};

static struct line to_machine, to_far;

static void line_put(struct line *line, const uint8_t *datagram, size_t length)
{
    if (line->lose && ++line->seen % line->lose == 0)
        return;
    ck_assert_uint_lt(line->count, LINE_MOST);
    memcpy(line->datagrams[line->count].bytes, datagram, length);
    line->datagrams[line->count++].length = length;
}

static void machine_sends(void *arg, const uint8_t *datagram, size_t length)
{
    line_put(arg, datagram, length);
}

static void far_sends(const uint8_t *datagram, size_t length)
{
    line_put(&to_machine, datagram, length);
}

/* A call that began with sound goes on with packets (T.38 Annex D), of which some are lost both ways. */
static void packets_bring_all_pages(unsigned lose, bool again)
{
    /* Sound that was on its way when the change came: RTP, with what T.38 would call "V.21 preamble" in it.
     */
    uint8_t sound[172] = {0x80, 0x00, 0x01, 0x06, 0x00};
    struct fax_t38 format = {.version = 0, .max_datagram = 400};
    struct fax_machine *machine;
    struct fax_result result;
    int16_t quiet[FRAME] = {0}, ced[FRAME];

    to_machine = to_far = (struct line){.lose = lose};
    fax_far_call(far_sends);
    ck_assert_int_eq(fax_machine_new(&machine, fax_came, "1001", &no_limits), 0);
    for (int i = 0; i < 50; i++)
        fax_machine_sound(machine, quiet, ced, FRAME);
    ck_assert_int_eq(fax_machine_change(machine, &format, machine_sends, &to_far), 0);
    for (int i = 0; i < 3; i++)
        fax_machine_packet(machine, sound, sizeof sound);
    for (unsigned ms = 0; ms < PATIENCE_S * 1000 && !(fax_far_done() && fax_machine_ended(machine));
         ms += 20) {
        if (ms == 4000)
            fax_machine_packet(machine, sound, sizeof sound);
        fax_far_pass(20);
        fax_machine_pass(machine, 20);
        if (again && ms % 5000 == 0)
            ck_assert_int_eq(fax_machine_change(machine, &format, machine_sends, &to_far), 0);
        for (unsigned i = 0; i < to_machine.count; i++)
            fax_machine_packet(machine, to_machine.datagrams[i].bytes, to_machine.datagrams[i].length);
        for (unsigned i = 0; i < to_far.count; i++) {
            ck_assert_uint_le(to_far.datagrams[i].length, format.max_datagram);
            fax_far_take(to_far.datagrams[i].bytes, to_far.datagrams[i].length);
        }
        to_machine.count = to_far.count = 0;
    }
    ck_assert(fax_far_content() && fax_machine_ended(machine));
    fax_machine_read(machine, &result);
    ck_assert(result.complete);
    ck_assert_uint_eq(result.pages, FAX_PAGES);
    fax_machine_free(machine);
    fax_far_hang_up();
    fax_pages_compare(FAX_PAGES);
}

START_TEST(t38_brings_all_pages)
{
    packets_bring_all_pages(0, false);
}
END_TEST

START_TEST(t38_bears_loss)
{
    packets_bring_all_pages(7, false);
}
END_TEST

/* The same offer as a refresh begins nothing anew (RFC 3264 section 8). */
START_TEST(t38_goes_on_when_offered_again)
{
    packets_bring_all_pages(0, true);
}
END_TEST

/* What is no UDPTL, or ends too early, harms nothing: every cut of a good datagram, and noise. */
static void count_packet(void *arg, const uint8_t *packet, size_t length, uint16_t sequence)
{
    (void)packet;
    (void)length;
    (void)sequence;
    ++*(unsigned *)arg;
}

START_TEST(udptl_takes_no_harm)
{
    struct udptl_sender sender = {0};
    uint8_t datagram[UDPTL_MOST], packet[200];
    unsigned count;

    memset(packet, 0x55, sizeof packet);
    for (int i = 0; i < 4; i++) {
        size_t length = udptl_write(&sender, packet, sizeof packet, datagram, sizeof datagram);
        ck_assert_uint_gt(length, sizeof packet);
        for (size_t cut = 0; cut <= length; cut++) {
            struct udptl_receiver receiver = {0};
            uint8_t *exact = malloc(cut ? cut : 1); /* so that a sanitizer sees what is read beyond */
            memcpy(exact, datagram, cut);
            count = 0;
            udptl_read(&receiver, exact, cut, count_packet, &count);
            ck_assert_uint_eq(count, cut >= 4 + sizeof packet ? 1 : 0);
            free(exact);
        }
    }
    srand(1);
    for (int i = 0; i < 20000; i++) {
        struct udptl_receiver receiver = {.begun = true, .expected = (uint16_t)rand()};
        size_t length = (size_t)(rand() % 40);
        uint8_t *noise = malloc(length ? length : 1);
        for (size_t at = 0; at < length; at++)
            noise[at] = (uint8_t)rand();
        udptl_read(&receiver, noise, length, count_packet, &count);
        free(noise);
    }
}
END_TEST

/* Three lost in a row are there all the same, each once and in order; what comes late again is left out. */
static uint16_t order[8];
static unsigned ordered;

static void note_packet(void *arg, const uint8_t *packet, size_t length, uint16_t sequence)
{
    (void)arg;
    ck_assert_uint_eq(length, 2);
    ck_assert_uint_eq(packet[0], sequence & 0xFF);
    order[ordered++] = sequence;
}

START_TEST(udptl_makes_loss_good)
{
    struct udptl_sender sender = {.next = 65534};
    struct udptl_receiver receiver = {0};
    uint8_t datagrams[6][UDPTL_MOST];
    size_t lengths[6];

    for (unsigned i = 0; i < 6; i++) {
        uint8_t packet[2] = {(uint8_t)(65534 + i), 0};
        lengths[i] = udptl_write(&sender, packet, sizeof packet, datagrams[i], UDPTL_MOST);
    }
    ordered = 0;
    udptl_read(&receiver, datagrams[0], lengths[0], note_packet, NULL);
    udptl_read(&receiver, datagrams[4], lengths[4], note_packet, NULL);
    udptl_read(&receiver, datagrams[2], lengths[2], note_packet, NULL);
    udptl_read(&receiver, datagrams[4], lengths[4], note_packet, NULL);
    udptl_read(&receiver, datagrams[5], lengths[5], note_packet, NULL);
    ck_assert_uint_eq(ordered, 6);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_eq(order[i], (uint16_t)(65534 + i));
}
END_TEST

/* CNG is known in noise and after speech-like sound; neither a 1000 Hz beep nor keys are taken for it. */
static bool hears(double hz, double other, unsigned ms)
{
    struct cng_detector *detector;
    bool heard = false;
    int16_t frame[80];

    ck_assert_int_eq(cng_detector_new(&detector), 0);
    for (unsigned at = 0; at < ms * 8; at += 80) {
        for (unsigned i = 0; i < 80; i++) {
            double t = (double)(at + i) / 8000;
            frame[i] = (int16_t)(3000 * sin(2 * M_PI * hz * t) +
                                 (other ? 3000 * sin(2 * M_PI * other * t) : 0) + (rand() % 200 - 100));
        }
        heard |= cng_detect(detector, frame, 80);
    }
    cng_detector_free(detector);
    return heard;
}

START_TEST(cng_is_known)
{
    ck_assert(hears(1100, 0, 500));
    ck_assert(!hears(1000, 0, 500));
    ck_assert(!hears(941, 1209, 500));
    ck_assert(!hears(440, 350, 2000));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fax");
    TCase *tests = tcase_create("fax");

    tcase_add_checked_fixture(tests, fax_far_begin, fax_far_end);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, sound_brings_all_pages);
    tcase_add_test(tests, hang_up_keeps_whole_pages);
    tcase_add_test(tests, t38_brings_all_pages);
    tcase_add_test(tests, t38_bears_loss);
    tcase_add_test(tests, t38_goes_on_when_offered_again);
    tcase_add_loop_test(tests, limit_ends_it_after_a_page, 0, 2);
    tcase_add_test(tests, udptl_takes_no_harm);
    tcase_add_test(tests, udptl_makes_loss_good);
    tcase_add_test(tests, cng_is_known);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
