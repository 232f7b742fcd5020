/* SpanDSP as a fax machine that answers. */
#include "mixer/fax.h"

#include "mixer/udptl.h"

#include <errno.h>
#include <spandsp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SAMPLES_PER_MS 8
#define FAX_FRAME 160

struct fax_machine {
    char path[512], ident[21];
    struct fax_limits limits;
    fax_state_t *sound;            /* until the change */
    t38_terminal_state_t *packets; /* after it */
    struct udptl_sender sender;
    struct udptl_receiver receiver;
    unsigned max_datagram;
    fax_send *send;
    void *arg;
    bool ended, full; /* full: another page would be too much */
    struct fax_result result;
};

static t30_state_t *fax_t30(struct fax_machine *f)
{
    return f->packets ? t38_terminal_get_t30_state(f->packets) : fax_get_t30_state(f->sound);
}

/* What the other machine says of itself goes to logs and rows: nothing but what can be printed. */
static void fax_note(struct fax_machine *f)
{
    t30_state_t *t30 = fax_t30(f);
    t30_stats_t stats;
    size_t length = 0;

    t30_get_transfer_statistics(t30, &stats);
    f->result.pages = (unsigned)stats.pages_rx;
    const char *sender = t30_get_rx_ident(t30);
    for (; sender && *sender && length < sizeof f->result.sender - 1; sender++)
        if (*sender >= ' ' && *sender <= '~')
            f->result.sender[length++] = *sender;
    f->result.sender[length] = '\0';
}

static void fax_over(t30_state_t *t30, void *arg, int code)
{
    struct fax_machine *f = arg;

    (void)t30;
    f->ended = true;
    f->result.code = code;
    f->result.complete = code == T30_ERR_OK;
    fax_note(f);
}

/* Between two pages. The one that is announced is not taken (fax_settle()). */
static int fax_between(t30_state_t *t30, void *arg, int command)
{
    struct fax_machine *f = arg;
    t30_stats_t stats;
    struct stat file;

    t30_get_transfer_statistics(t30, &stats);
    if (command == T30_MPS || command == T30_EOM)
        f->full =
            (f->limits.pages > 0 && (unsigned)stats.pages_rx >= f->limits.pages) ||
            (f->limits.bytes > 0 && stat(f->path, &file) == 0 && (uint64_t)file.st_size >= f->limits.bytes);
    return T30_ERR_OK;
}

/* Not within SpanDSP's own call: it goes on with what it has in hand. */
static void fax_settle(struct fax_machine *f)
{
    if (f->full && !f->ended)
        t30_terminate(fax_t30(f));
}

static void fax_configure(struct fax_machine *f)
{
    t30_state_t *t30 = fax_t30(f);

    t30_set_tx_ident(t30, f->ident);
    t30_set_rx_file(t30, f->path, -1);
    t30_set_rx_encoding(t30, T4_COMPRESSION_ITU_T6);
    t30_set_ecm_capability(t30, TRUE);
    t30_set_supported_compressions(t30, T30_SUPPORT_T4_1D_COMPRESSION | T30_SUPPORT_T4_2D_COMPRESSION |
                                            T30_SUPPORT_T6_COMPRESSION);
    t30_set_supported_modems(t30, T30_SUPPORT_V27TER | T30_SUPPORT_V29 | T30_SUPPORT_V17);
    t30_set_phase_d_handler(t30, fax_between, f);
    t30_set_phase_e_handler(t30, fax_over, f);
}

int fax_machine_new(struct fax_machine **out, const char *path, const char *ident,
                    const struct fax_limits *limits)
{
    struct fax_machine *f = calloc(1, sizeof *f);

    if (!f)
        return ENOMEM;
    if (strlen(path) >= sizeof f->path) {
        free(f);
        return ENAMETOOLONG;
    }
    strcpy(f->path, path);
    strncpy(f->ident, ident, sizeof f->ident - 1);
    f->limits = *limits;
    f->sound = fax_init(NULL, FALSE);
    if (!f->sound) {
        free(f);
        return ENOMEM;
    }
    fax_set_transmit_on_idle(f->sound, TRUE);
    fax_configure(f);
    *out = f;
    return 0;
}

void fax_machine_free(struct fax_machine *f)
{
    if (!f)
        return;
    if (f->sound)
        fax_free(f->sound);
    if (f->packets)
        t38_terminal_free(f->packets);
    free(f);
}

void fax_machine_sound(struct fax_machine *f, const int16_t *in, int16_t *out, size_t samples)
{
    int16_t copy[FAX_FRAME]; /* SpanDSP may write into what it hears */
    size_t said = 0;

    while (samples > 0 && f->sound) {
        size_t some = samples < FAX_FRAME ? samples : FAX_FRAME;
        memcpy(copy, in, some * sizeof *in);
        fax_rx(f->sound, copy, (int)some);
        said = (size_t)fax_tx(f->sound, out, (int)some);
        memset(out + said, 0, (some - said) * sizeof *out);
        in += some;
        out += some;
        samples -= some;
        fax_settle(f);
    }
    memset(out, 0, samples * sizeof *out);
}

/* -- T.38
 * ---------------------------------------------------------------------------------------------------------
 */

/* `count`: how often it is to go out; the datagrams repeat by themselves what matters. */
static int fax_machine_emit(t38_core_state_t *core, void *arg, const uint8_t *packet, int length, int count)
{
    struct fax_machine *f = arg;
    uint8_t datagram[UDPTL_MOST];
    size_t size = udptl_write(&f->sender, packet, (size_t)length, datagram, f->max_datagram);

    (void)core;
    (void)count;
    if (size > 0)
        f->send(f->arg, datagram, size);
    return 0;
}

static int fax_machine_begin_packets(struct fax_machine *f, fax_send *send, void *arg)
{
    t38_terminal_state_t *packets = t38_terminal_init(NULL, FALSE, fax_machine_emit, f);

    if (!packets)
        return ENOMEM;
    fax_free(f->sound);
    f->sound = NULL;
    f->packets = packets;
    f->send = send;
    f->arg = arg;
    f->ended = f->full = false;
    fax_configure(f);
    return 0;
}

int fax_machine_change(struct fax_machine *f, const struct fax_t38 *format, fax_send *send, void *arg)
{
    int error = f->packets ? 0 : fax_machine_begin_packets(f, send, arg);

    if (error)
        return error;
    t38_core_state_t *core = t38_terminal_get_t38_core_state(f->packets);
    f->max_datagram =
        format->max_datagram && format->max_datagram < UDPTL_MOST ? format->max_datagram : UDPTL_MOST;
    t38_set_t38_version(core, (int)format->version);
    t38_set_fill_bit_removal(core, format->fill_bit_removal);
    t38_set_data_rate_management_method(core, format->local_tcf ? T38_DATA_RATE_MANAGEMENT_LOCAL_TCF
                                                                : T38_DATA_RATE_MANAGEMENT_TRANSFERRED_TCF);
    return 0;
}

static void fax_machine_take(void *arg, const uint8_t *packet, size_t length, uint16_t sequence)
{
    struct fax_machine *f = arg;

    t38_core_rx_ifp_packet(t38_terminal_get_t38_core_state(f->packets), packet, (int)length, sequence);
}

void fax_machine_packet(struct fax_machine *f, const uint8_t *datagram, size_t length)
{
    if (f->packets)
        udptl_read(&f->receiver, datagram, length, fax_machine_take, f);
    fax_settle(f);
}

void fax_machine_pass(struct fax_machine *f, unsigned ms)
{
    if (f->packets)
        t38_terminal_send_timeout(f->packets, (int)(ms * SAMPLES_PER_MS));
    fax_settle(f);
}

/* -- how it went
 * -------------------------------------------------------------------------------------------------- */

bool fax_machine_ended(const struct fax_machine *f)
{
    return f->ended;
}

/* A call that ends in the middle of a page: SpanDSP closes the file when T.30 is told so. */
void fax_machine_read(struct fax_machine *f, struct fax_result *out)
{
    if (!f->ended)
        t30_terminate(fax_t30(f));
    if (!f->ended)
        fax_note(f);
    *out = f->result;
}

/* -- CNG
 * ----------------------------------------------------------------------------------------------------------
 */

struct cng_detector {
    modem_connect_tones_rx_state_t *tones;
};

int cng_detector_new(struct cng_detector **out)
{
    struct cng_detector *d = calloc(1, sizeof *d);

    if (!d)
        return ENOMEM;
    d->tones = modem_connect_tones_rx_init(NULL, MODEM_CONNECT_TONES_FAX_CNG, NULL, NULL);
    if (!d->tones) {
        free(d);
        return ENOMEM;
    }
    *out = d;
    return 0;
}

void cng_detector_free(struct cng_detector *d)
{
    if (!d)
        return;
    modem_connect_tones_rx_free(d->tones);
    free(d);
}

bool cng_detect(struct cng_detector *d, const int16_t *frame, size_t samples)
{
    modem_connect_tones_rx(d->tones, frame, (int)samples);
    return modem_connect_tones_rx_get(d->tones) == MODEM_CONNECT_TONES_FAX_CNG;
}
