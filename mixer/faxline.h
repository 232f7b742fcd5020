/*
 * Fax machines on ports: between a worker, which has the packets, and the fax thread, which runs the modems
 * and writes the pages.
 *
 * Ownership: signalling makes a line, its port's worker lets it go, the fax thread frees it. Threads: as said
 * at each function. Failure: a fax thread that is late is heard as silence, which T.30's repetitions make
 * good.
 */
#ifndef CONFAB_MIXER_FAXLINE_H
#define CONFAB_MIXER_FAXLINE_H

#include "mixer/fax.h"

#include <sys/socket.h>

/* What a modem hears comes so late that a network's hiccups are hardly ever gaps, which it bears badly. T.30
 * has seconds for an answer. */
#define FAX_DELAY_MS 120

struct mixer;
struct io_packet;
struct port;
struct faxes;
struct fax_line;

/* Signalling. The thread begins with the first line. */
__attribute__((warn_unused_result)) int faxes_new(struct faxes **out, struct mixer *m);
void faxes_free(struct faxes *faxes); /* all lines have been let go */
__attribute__((warn_unused_result)) int fax_line_new(struct fax_line **out, struct faxes *faxes,
                                                     uint32_t port, uint32_t serial, const char *path,
                                                     const char *ident, const struct fax_limits *limits);
/* Tests, in a mixer that is driven by hand: what the thread does. */
void faxes_service(struct faxes *faxes);

/* Worker: a tick of a port with a line, instead of port_speak(); a packet for it; T.38 from now on. */
void port_fax_tick(struct port *p);
void port_fax_receive(struct port *p, const struct io_packet *in);
bool port_fax_has_packets(const struct port *p);
void port_fax_change(struct port *p, const struct fax_t38 *format, const struct sockaddr_storage *remote);
/* Worker: no more comes. EVENT_RECORDED follows, unless it has come. */
void port_fax_end(struct port *p);
/* Signalling: a line that no worker has taken. */
void fax_line_drop(struct fax_line *line);

#endif
