/*
 * A fax machine that calls: SpanDSP's sender, and the pages it sends, which can be known again row by row.
 *
 * Ownership: one set of pages at a time, below /tmp. Threads: the test's. Failure: the case fails.
 */
#ifndef CONFAB_TESTS_FAX_FAR_H
#define CONFAB_TESTS_FAX_FAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAX_PAGES 2
#define FAX_ROW 216 /* bytes of a row: eight pixels each, the first one highest, black is 1 */
#define FAX_ROWS 300
#define FAX_IDENT "+44 20 7946 0018"

extern char fax_sent[256], fax_came[64]; /* TIFF files: what it sends, and where that is to come */

void fax_far_begin(void); /* writes the pages */
void fax_far_end(void);

/* It calls, over sound at 8 kHz or, with `send`, over UDPTL. */
void fax_far_call(void (*send)(const uint8_t *datagram, size_t length));
void fax_far_hang_up(void);
void fax_far_say(int16_t *out, size_t samples);
void fax_far_hear(const int16_t *in, size_t samples);
void fax_far_pass(unsigned ms);
void fax_far_take(const uint8_t *datagram, size_t length);

unsigned fax_far_sent(void);    /* pages so far */
const char *fax_far_peer(void); /* what the other side calls itself */
bool fax_far_done(void);        /* T.30 has ended */
bool fax_far_content(void);     /* and all has been received, as it was told */

/* A row of a page as it was drawn. */
void fax_row(unsigned page, unsigned row, uint8_t out[FAX_ROW]);
/* The first `pages` pages came as they were sent, and no more. */
void fax_pages_compare(unsigned pages);

#endif
