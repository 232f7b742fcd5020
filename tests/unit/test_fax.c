/* A fax machine calls ours: SpanDSP's sender, over sound and over T.38 with loss, without waiting for real time. */
#include <check.h>
#include <math.h>
#include <spandsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>
#include <unistd.h>

#include "mixer/fax.h"
#include "mixer/udptl.h"

#define WIDTH 1728
#define ROWS 300
#define PAGES 2
#define FRAME 160
#define PATIENCE_S 180 /* of the line's time */

static char folder[] = "/tmp/confab-fax-XXXXXX", sent[64], came[64];

/* Pages that cannot be taken for each other: bars whose place and width depend on page and row. */
static void row_draw(unsigned page, unsigned row, uint8_t out[WIDTH / 8])
{
    memset(out, 0, WIDTH / 8);
    for (unsigned i = 0; i < 40; i++)
        out[(row / 7 * 3 + page * 31 + i * (page + 2)) % (WIDTH / 8)] = 0xFF;
}

static void pages_write(void)
{
    uint8_t row[WIDTH / 8];
    TIFF *tiff = TIFFOpen(sent, "w");

    ck_assert_ptr_nonnull(tiff);
    for (unsigned page = 0; page < PAGES; page++) {
        TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, WIDTH);
        TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, ROWS);
        TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 1);
        TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
        TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_CCITT_T6);
        TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
        TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, ROWS);
        TIFFSetField(tiff, TIFFTAG_XRESOLUTION, 204.0);
        TIFFSetField(tiff, TIFFTAG_YRESOLUTION, 98.0);
        TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH);
        TIFFSetField(tiff, TIFFTAG_PAGENUMBER, page, PAGES);
        for (unsigned i = 0; i < ROWS; i++) {
            row_draw(page, i, row);
            ck_assert_int_eq(TIFFWriteScanline(tiff, row, i, 0), 1);
        }
        TIFFWriteDirectory(tiff);
    }
    TIFFClose(tiff);
}

/* Every row of the first `pages` pages is as it was sent. */
static void pages_compare(unsigned pages)
{
    uint8_t want[WIDTH / 8], got[WIDTH / 8];
    TIFF *tiff = TIFFOpen(came, "r");

    ck_assert_ptr_nonnull(tiff);
    for (unsigned page = 0; page < pages; page++) {
        uint32_t width = 0, rows = 0;
        uint16_t compression = 0;
        TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
        TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &rows);
        TIFFGetField(tiff, TIFFTAG_COMPRESSION, &compression);
        ck_assert_uint_eq(width, WIDTH);
        ck_assert_uint_eq(rows, ROWS);
        ck_assert_uint_eq(compression, COMPRESSION_CCITT_T6);
        for (unsigned i = 0; i < ROWS; i++) {
            row_draw(page, i, want);
            ck_assert_int_eq(TIFFReadScanline(tiff, got, i, 0), 1);
            ck_assert_mem_eq(got, want, sizeof got);
        }
        ck_assert_int_eq(TIFFReadDirectory(tiff), page + 1 < pages);
    }
    TIFFClose(tiff);
}

static void begin(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(sent, sizeof sent, "%s/sent.tif", folder);
    snprintf(came, sizeof came, "%s/came.tif", folder);
    pages_write();
}

static void end(void)
{
    unlink(sent);
    unlink(came);
    rmdir(folder);
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

static bool sender_done;
static int sender_code;

static void sender_over(t30_state_t *t30, void *arg, int code)
{
    (void)t30;
    (void)arg;
    sender_done = true;
    sender_code = code;
}

static void sender_configure(t30_state_t *t30)
{
    sender_done = false;
    t30_set_tx_ident(t30, "+44 20 7946 0018");
    t30_set_tx_file(t30, sent, -1, -1);
    t30_set_ecm_capability(t30, TRUE);
    t30_set_supported_compressions(t30, T30_SUPPORT_T4_1D_COMPRESSION | T30_SUPPORT_T4_2D_COMPRESSION |
                                            T30_SUPPORT_T6_COMPRESSION);
    t30_set_supported_modems(t30, T30_SUPPORT_V27TER | T30_SUPPORT_V29 | T30_SUPPORT_V17);
    t30_set_phase_e_handler(t30, sender_over, NULL);
}

/* Sound both ways until the sender is done, or for `ms`. */
static void talk(fax_state_t *sender, struct fax_machine *machine, unsigned ms)
{
    int16_t there[FRAME], back[FRAME] = {0};

    for (unsigned at = 0; at < ms && !(sender_done && fax_machine_ended(machine)); at += FRAME / 8) {
        int said = fax_tx(sender, there, FRAME);
        memset(there + said, 0, (size_t)(FRAME - said) * sizeof *there);
        fax_machine_sound(machine, there, back, FRAME);
        fax_rx(sender, back, FRAME);
    }
}

/* T.30 over the sound of a call. */
START_TEST(sound_brings_all_pages)
{
    fax_state_t *sender = fax_init(NULL, TRUE);
    struct fax_machine *machine;
    struct fax_result result;

    fax_set_transmit_on_idle(sender, TRUE);
    sender_configure(fax_get_t30_state(sender));
    ck_assert_int_eq(fax_machine_new(&machine, came, "1001"), 0);
    talk(sender, machine, PATIENCE_S * 1000);
    ck_assert(sender_done && fax_machine_ended(machine));
    ck_assert_int_eq(sender_code, T30_ERR_OK);
    ck_assert_str_eq(t30_get_rx_ident(fax_get_t30_state(sender)), "1001");
    fax_machine_read(machine, &result);
    ck_assert(result.complete);
    ck_assert_uint_eq(result.pages, PAGES);
    ck_assert_str_eq(result.sender, "+44 20 7946 0018");
    fax_machine_free(machine);
    fax_free(sender);
    pages_compare(PAGES);
}
END_TEST

/* He hangs up in the middle: what has come is kept, and is told to be a part. */
START_TEST(hang_up_keeps_whole_pages)
{
    fax_state_t *sender = fax_init(NULL, TRUE);
    struct fax_machine *machine;
    struct fax_result result;

    fax_set_transmit_on_idle(sender, TRUE);
    sender_configure(fax_get_t30_state(sender));
    ck_assert_int_eq(fax_machine_new(&machine, came, "1001"), 0);
    do {
        t30_stats_t stats;
        talk(sender, machine, 100);
        t30_get_transfer_statistics(fax_get_t30_state(sender), &stats);
        if (stats.pages_tx == 1)
            break;
    } while (!sender_done);
    talk(sender, machine, 3000); /* the second page has begun */
    ck_assert(!sender_done);
    fax_machine_read(machine, &result);
    ck_assert(!result.complete);
    ck_assert_uint_eq(result.pages, 1);
    fax_machine_free(machine);
    fax_free(sender);
    pages_compare(1);
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

static struct line to_machine, to_sender;
static struct udptl_sender udptl_out;

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

static int sender_sends(t38_core_state_t *core, void *arg, const uint8_t *packet, int length, int count)
{
    uint8_t datagram[UDPTL_MOST];
    size_t size = udptl_write(&udptl_out, packet, (size_t)length, datagram, sizeof datagram);

    (void)core;
    (void)count;
    ck_assert_uint_gt(size, 0);
    line_put(arg, datagram, size);
    return 0;
}

static void sender_takes(void *arg, const uint8_t *packet, size_t length, uint16_t sequence)
{
    t38_core_rx_ifp_packet(t38_terminal_get_t38_core_state(arg), packet, (int)length, sequence);
}

/* A call that began with sound goes on with packets (T.38 Annex D), of which some are lost both ways. */
static void packets_bring_all_pages(unsigned lose)
{
    t38_terminal_state_t *sender = t38_terminal_init(NULL, TRUE, sender_sends, &to_machine);
    struct fax_t38 format = {.version = 0, .max_datagram = 400};
    struct udptl_receiver from_machine = {0};
    struct fax_machine *machine;
    struct fax_result result;
    int16_t quiet[FRAME] = {0}, ced[FRAME];

    udptl_out = (struct udptl_sender){0};
    to_machine = to_sender = (struct line){.lose = lose};
    sender_configure(t38_terminal_get_t30_state(sender));
    ck_assert_int_eq(fax_machine_new(&machine, came, "1001"), 0);
    for (int i = 0; i < 50; i++)
        fax_machine_sound(machine, quiet, ced, FRAME);
    ck_assert_int_eq(fax_machine_change(machine, &format, machine_sends, &to_sender), 0);
    for (unsigned ms = 0; ms < PATIENCE_S * 1000 && !(sender_done && fax_machine_ended(machine)); ms += 20) {
        t38_terminal_send_timeout(sender, FRAME);
        fax_machine_pass(machine, 20);
        for (unsigned i = 0; i < to_machine.count; i++)
            fax_machine_packet(machine, to_machine.datagrams[i].bytes, to_machine.datagrams[i].length);
        for (unsigned i = 0; i < to_sender.count; i++) {
            ck_assert_uint_le(to_sender.datagrams[i].length, format.max_datagram);
            udptl_read(&from_machine, to_sender.datagrams[i].bytes, to_sender.datagrams[i].length, sender_takes, sender);
        }
        to_machine.count = to_sender.count = 0;
    }
    ck_assert(sender_done && fax_machine_ended(machine));
    fax_machine_read(machine, &result);
    ck_assert_int_eq(sender_code, T30_ERR_OK);
    ck_assert(result.complete);
    ck_assert_uint_eq(result.pages, PAGES);
    fax_machine_free(machine);
    t38_terminal_free(sender);
    pages_compare(PAGES);
}

START_TEST(t38_brings_all_pages)
{
    packets_bring_all_pages(0);
}
END_TEST

START_TEST(t38_bears_loss)
{
    packets_bring_all_pages(7);
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
            frame[i] = (int16_t)(3000 * sin(2 * M_PI * hz * t) + (other ? 3000 * sin(2 * M_PI * other * t) : 0) +
                                 (rand() % 200 - 100));
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

    tcase_add_checked_fixture(tests, begin, end);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, sound_brings_all_pages);
    tcase_add_test(tests, hang_up_keeps_whole_pages);
    tcase_add_test(tests, t38_brings_all_pages);
    tcase_add_test(tests, t38_bears_loss);
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
