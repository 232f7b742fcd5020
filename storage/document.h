/*
 * Faxes as documents: the TIFF file that a fax machine has left (TIFF-F, RFC 2306, pages in T.6), and the
 * same pages as PDF.
 *
 * Ownership: the caller's, results too (free()). Threads: any. Failure: EINVAL for what is no such file,
 * ENOMEM.
 */
#ifndef CONFAB_STORAGE_DOCUMENT_H
#define CONFAB_STORAGE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By its first bytes. */
bool document_is_tiff(const uint8_t *bytes, size_t size);
/* Whole pages; a file that was cut off has those that were finished. ENODATA: it ends before the first one.
 */
__attribute__((warn_unused_result)) int document_pages(const uint8_t *bytes, size_t size, unsigned *pages);
/* Each page of the size it had on paper, losslessly (ISO 32000-1 section 7.4.6). */
__attribute__((warn_unused_result)) int document_pdf(const uint8_t *bytes, size_t size, uint8_t **out,
                                                     size_t *out_size);

#endif
