/* The fax machine that calls: see fax_far.h. */
#include "tests/unit/fax_far.h"

#include "mixer/udptl.h"

#include <check.h>
#include <spandsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>
#include <unistd.h>

#define WIDTH (8 * FAX_ROW)

char fax_sent[256], fax_came[64];
static char folder[] = "/tmp/confab-fax-XXXXXX";

/* faxer.c is no test of Check's, whose asserts end what is none. */
static void must(bool so)
{
    if (!so)
        abort();
}

/* Pages that cannot be taken for each other: bars whose place and width depend on page and row. */
void fax_row(unsigned page, unsigned row, uint8_t out[FAX_ROW])
{
    memset(out, 0, FAX_ROW);
    for (unsigned i = 0; i < 40; i++)
        out[(row / 7 * 3 + page * 31 + i * (page + 2)) % (FAX_ROW)] = 0xFF;
}

static void pages_write(void)
{
    uint8_t row[FAX_ROW];
    TIFF *tiff = TIFFOpen(fax_sent, "w");

    must(tiff != NULL);
    for (unsigned page = 0; page < FAX_PAGES; page++) {
        TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, WIDTH);
        TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, FAX_ROWS);
        TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 1);
        TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
        TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_CCITT_T6);
        TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
        TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, FAX_ROWS);
        TIFFSetField(tiff, TIFFTAG_XRESOLUTION, 204.0);
        TIFFSetField(tiff, TIFFTAG_YRESOLUTION, 98.0);
        TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH);
        TIFFSetField(tiff, TIFFTAG_PAGENUMBER, page, FAX_PAGES);
        for (unsigned i = 0; i < FAX_ROWS; i++) {
            fax_row(page, i, row);
            must(TIFFWriteScanline(tiff, row, i, 0) == 1);
        }
        TIFFWriteDirectory(tiff);
    }
    TIFFClose(tiff);
}

/* Every row of the first `pages` pages is as it was sent. */
void fax_pages_compare(unsigned pages)
{
    uint8_t want[FAX_ROW], got[FAX_ROW];
    TIFF *tiff = TIFFOpen(fax_came, "r");

    ck_assert_ptr_nonnull(tiff);
    for (unsigned page = 0; page < pages; page++) {
        uint32_t width = 0, rows = 0;
        uint16_t compression = 0;
        TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
        TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &rows);
        TIFFGetField(tiff, TIFFTAG_COMPRESSION, &compression);
        ck_assert_uint_eq(width, WIDTH);
        ck_assert_uint_eq(rows, FAX_ROWS);
        ck_assert_uint_eq(compression, COMPRESSION_CCITT_T6);
        for (unsigned i = 0; i < FAX_ROWS; i++) {
            fax_row(page, i, want);
            ck_assert_int_eq(TIFFReadScanline(tiff, got, i, 0), 1);
            ck_assert_mem_eq(got, want, sizeof got);
        }
        ck_assert_int_eq(TIFFReadDirectory(tiff), page + 1 < pages);
    }
    TIFFClose(tiff);
}

void fax_far_begin(void)
{
    must(mkdtemp(folder) != NULL);
    snprintf(fax_sent, sizeof fax_sent, "%s/sent.tif", folder);
    snprintf(fax_came, sizeof fax_came, "%s/came.tif", folder);
    pages_write();
}

void fax_far_end(void)
{
    unlink(fax_sent);
    unlink(fax_came);
    rmdir(folder);
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

static fax_state_t *modem;
static t38_terminal_state_t *terminal;
static void (*transmit)(const uint8_t *datagram, size_t length);
static struct udptl_sender udptl_out;
static struct udptl_receiver udptl_in;
static bool done;
static int verdict;

static t30_state_t *t30(void)
{
    return terminal ? t38_terminal_get_t30_state(terminal) : fax_get_t30_state(modem);
}

static void over(t30_state_t *state, void *arg, int code)
{
    (void)state;
    (void)arg;
    done = true;
    verdict = code;
}

static int packet_send(t38_core_state_t *core, void *arg, const uint8_t *packet, int length, int count)
{
    uint8_t datagram[UDPTL_MOST];
    size_t size = udptl_write(&udptl_out, packet, (size_t)length, datagram, sizeof datagram);

    (void)core;
    (void)arg;
    (void)count;
    must(size > 0);
    transmit(datagram, size);
    return 0;
}

void fax_far_call(void (*send)(const uint8_t *datagram, size_t length))
{
    done = false;
    transmit = send;
    udptl_out = (struct udptl_sender){0};
    udptl_in = (struct udptl_receiver){0};
    if (send) {
        terminal = t38_terminal_init(NULL, TRUE, packet_send, NULL);
    } else {
        modem = fax_init(NULL, TRUE);
        fax_set_transmit_on_idle(modem, TRUE);
    }
    t30_set_tx_ident(t30(), FAX_IDENT);
    t30_set_tx_file(t30(), fax_sent, -1, -1);
    t30_set_ecm_capability(t30(), TRUE);
    t30_set_supported_compressions(t30(), T30_SUPPORT_T4_1D_COMPRESSION | T30_SUPPORT_T4_2D_COMPRESSION |
                                              T30_SUPPORT_T6_COMPRESSION);
    t30_set_supported_modems(t30(), T30_SUPPORT_V27TER | T30_SUPPORT_V29 | T30_SUPPORT_V17);
    t30_set_phase_e_handler(t30(), over, NULL);
}

void fax_far_hang_up(void)
{
    if (terminal)
        t38_terminal_free(terminal);
    if (modem)
        fax_free(modem);
    terminal = NULL;
    modem = NULL;
}

void fax_far_say(int16_t *out, size_t samples)
{
    size_t count = (size_t)fax_tx(modem, out, (int)samples);

    memset(out + count, 0, (samples - count) * sizeof *out);
}

void fax_far_hear(const int16_t *in, size_t samples)
{
    int16_t copy[160];

    must(samples <= 160);
    memcpy(copy, in, samples * sizeof *in);
    fax_rx(modem, copy, (int)samples);
}

void fax_far_pass(unsigned ms)
{
    t38_terminal_send_timeout(terminal, (int)ms * 8);
}

static void packet_take(void *arg, const uint8_t *packet, size_t length, uint16_t sequence)
{
    (void)arg;
    t38_core_rx_ifp_packet(t38_terminal_get_t38_core_state(terminal), packet, (int)length, sequence);
}

void fax_far_take(const uint8_t *datagram, size_t length)
{
    udptl_read(&udptl_in, datagram, length, packet_take, NULL);
}

unsigned fax_far_sent(void)
{
    t30_stats_t stats;

    t30_get_transfer_statistics(t30(), &stats);
    return (unsigned)stats.pages_tx;
}

const char *fax_far_peer(void)
{
    return t30_get_rx_ident(t30());
}

bool fax_far_done(void)
{
    return done;
}

bool fax_far_content(void)
{
    return done && verdict == T30_ERR_OK;
}
