/* Faxes as documents: see document.h. */
#include "storage/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_MOST 5000
#define POINTS_PER_INCH 72.0

enum tag {
    TAG_WIDTH = 256,
    TAG_ROWS = 257,
    TAG_COMPRESSION = 259,
    TAG_FILL_ORDER = 266,
    TAG_STRIPS = 273,
    TAG_LENGTHS = 279,
    TAG_X_RESOLUTION = 282,
    TAG_Y_RESOLUTION = 283,
    TAG_UNIT = 296
};

struct tiff {
    const uint8_t *bytes;
    size_t size;
    bool big; /* byte order */
};

struct page {
    uint32_t width, rows;
    double x_dpi, y_dpi;
    bool low_first; /* bits of a byte */
    const uint8_t *data;
    size_t length;
};

/* -- reading (TIFF 6.0) */

static uint32_t get(const struct tiff *t, size_t at, unsigned bytes)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | t->bytes[t->big ? at + i : at + bytes - 1 - i];
    return value;
}

static bool within(const struct tiff *t, size_t at, size_t length)
{
    return at <= t->size && length <= t->size - at;
}

/* The first value of the entry at `at`: SHORT, LONG, or a RATIONAL as a quotient. */
static bool entry_value(const struct tiff *t, size_t at, double *out)
{
    uint32_t type = get(t, at + 2, 2), count = get(t, at + 4, 4), place = at + 8;

    if (count == 0)
        return false;
    if (type == 5) {
        place = get(t, at + 8, 4);
        if (!within(t, place, 8) || get(t, place + 4, 4) == 0)
            return false;
        *out = (double)get(t, place, 4) / get(t, place + 4, 4);
        return true;
    }
    if (type != 3 && type != 4)
        return false;
    if (count * (type == 3 ? 2 : 4) > 4 && !within(t, place = get(t, at + 8, 4), 4))
        return false;
    *out = get(t, place, type == 3 ? 2 : 4);
    return true;
}

static bool directory_value(const struct tiff *t, size_t directory, enum tag tag, double *out)
{
    unsigned count = get(t, directory, 2);

    for (unsigned i = 0; i < count; i++) {
        size_t at = directory + 2 + 12 * (size_t)i;
        if (get(t, at, 2) == tag)
            return entry_value(t, at, out);
    }
    return false;
}

static bool directory_whole(const struct tiff *t, size_t directory)
{
    return within(t, directory, 2) && within(t, directory + 2, 12 * (size_t)get(t, directory, 2) + 4);
}

/* One strip a page, as fax machines and SpanDSP write them. */
static int page_read(const struct tiff *t, size_t directory, struct page *out)
{
    double width, rows, compression, at, length, order = 1, unit = 2;
    const double most = 100000;

    *out = (struct page){.x_dpi = 204, .y_dpi = 98};
    if (!directory_value(t, directory, TAG_WIDTH, &width) ||
        !directory_value(t, directory, TAG_ROWS, &rows) ||
        !directory_value(t, directory, TAG_COMPRESSION, &compression) ||
        !directory_value(t, directory, TAG_STRIPS, &at) ||
        !directory_value(t, directory, TAG_LENGTHS, &length))
        return EINVAL;
    if (compression != 4 || width < 1 || rows < 1 || width > most || rows > most ||
        !within(t, (size_t)at, (size_t)length))
        return EINVAL;
    (void)directory_value(t, directory, TAG_FILL_ORDER, &order);
    (void)directory_value(t, directory, TAG_UNIT, &unit);
    if (directory_value(t, directory, TAG_X_RESOLUTION, &out->x_dpi) && unit == 3)
        out->x_dpi *= 2.54;
    if (directory_value(t, directory, TAG_Y_RESOLUTION, &out->y_dpi) && unit == 3)
        out->y_dpi *= 2.54;
    if (out->x_dpi < 10 || out->y_dpi < 10)
        return EINVAL;
    out->width = (uint32_t)width;
    out->rows = (uint32_t)rows;
    out->low_first = order == 2;
    out->data = t->bytes + (size_t)at;
    out->length = (size_t)length;
    return 0;
}

bool document_is_tiff(const uint8_t *bytes, size_t size)
{
    return size >= 8 && (memcmp(bytes, "II*\0", 4) == 0 || memcmp(bytes, "MM\0*", 4) == 0);
}

/* Calls `fn` for each page that is whole; the chain of pages may be a circle in a file that means ill. */
static int pages_walk(const uint8_t *bytes, size_t size, int (*fn)(void *arg, const struct page *page),
                      void *arg, unsigned *pages)
{
    struct tiff t = {bytes, size, bytes[0] == 'M'};
    int error = 0;

    *pages = 0;
    if (!document_is_tiff(bytes, size))
        return EINVAL;
    for (size_t directory = get(&t, 4, 4); directory != 0 && !error && *pages < PAGES_MOST;) {
        struct page page;
        if (!directory_whole(&t, directory) || page_read(&t, directory, &page) != 0)
            break;
        error = fn ? fn(arg, &page) : 0;
        directory = get(&t, directory + 2 + 12 * (size_t)get(&t, directory, 2), 4);
        ++*pages;
    }
    if (*pages == 0)
        return get(&t, 4, 4) == 0 || get(&t, 4, 4) >= size ? ENODATA : EINVAL;
    return error;
}

int document_pages(const uint8_t *bytes, size_t size, unsigned *pages)
{
    return size < 8 ? EINVAL : pages_walk(bytes, size, NULL, NULL, pages);
}

/* -- PDF
 * ----------------------------------------------------------------------------------------------------------
 */

/* Objects: 1 the catalogue, 2 the list of pages, then for each page itself, what it draws, and its image. */
#define OBJECTS_BEFORE 2
#define OBJECTS_A_PAGE 3

struct pdf {
    FILE *file;
    size_t *offsets;
    unsigned objects, pages;
};

__attribute__((format(printf, 2, 3))) static void pdf_object(struct pdf *pdf, const char *format, ...)
{
    va_list arguments;

    pdf->offsets[pdf->objects] = (size_t)ftell(pdf->file);
    fprintf(pdf->file, "%u 0 obj\n", ++pdf->objects);
    va_start(arguments, format);
    vfprintf(pdf->file, format, arguments);
    va_end(arguments);
}

static uint8_t reversed(uint8_t byte)
{
    byte = (uint8_t)((byte & 0xF0) >> 4 | (byte & 0x0F) << 4);
    byte = (uint8_t)((byte & 0xCC) >> 2 | (byte & 0x33) << 2);
    return (uint8_t)((byte & 0xAA) >> 1 | (byte & 0x55) << 1);
}

static int pdf_page(void *arg, const struct page *page)
{
    struct pdf *pdf = arg;
    double width = page->width * POINTS_PER_INCH / page->x_dpi,
           height = page->rows * POINTS_PER_INCH / page->y_dpi;
    unsigned first = OBJECTS_BEFORE + OBJECTS_A_PAGE * pdf->pages++ + 1;
    char draw[96];

    snprintf(draw, sizeof draw, "%.2f 0 0 %.2f 0 0 cm /I Do", width, height);
    pdf_object(pdf,
               "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.2f %.2f] /Contents %u 0 R "
               "/Resources << /XObject << /I %u 0 R >> >> >>\nendobj\n",
               width, height, first + 1, first + 2);
    pdf_object(pdf, "<< /Length %zu >>\nstream\n%s\nendstream\nendobj\n", strlen(draw), draw);
    pdf_object(
        pdf,
        "<< /Type /XObject /Subtype /Image /Width %u /Height %u /ColorSpace /DeviceGray /BitsPerComponent 1 "
        "/Filter /CCITTFaxDecode /DecodeParms << /K -1 /Columns %u /Rows %u >> /Length %zu >>\nstream\n",
        page->width, page->rows, page->width, page->rows, page->length);
    for (size_t i = 0; i < page->length; i++)
        putc(page->low_first ? reversed(page->data[i]) : page->data[i], pdf->file);
    fprintf(pdf->file, "\nendstream\nendobj\n");
    return 0;
}

/* The table at the end says where each object stands, in lines of exactly 20 bytes (section 7.5.4). */
static void pdf_end(struct pdf *pdf)
{
    size_t table = (size_t)ftell(pdf->file);

    fprintf(pdf->file, "xref\n0 %u\n0000000000 65535 f \n", pdf->objects + 1);
    for (unsigned i = 0; i < pdf->objects; i++)
        fprintf(pdf->file, "%010zu 00000 n \n", pdf->offsets[i]);
    fprintf(pdf->file, "trailer\n<< /Size %u /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n", pdf->objects + 1,
            table);
}

int document_pdf(const uint8_t *bytes, size_t size, uint8_t **out, size_t *out_size)
{
    struct pdf pdf = {0};
    char *text = NULL;
    size_t length = 0;
    unsigned pages;
    int error = document_pages(bytes, size, &pages);

    if (error)
        return error;
    pdf.offsets = calloc(OBJECTS_BEFORE + OBJECTS_A_PAGE * (size_t)pages, sizeof *pdf.offsets);
    pdf.file = open_memstream(&text, &length);
    error = ENOMEM;
    if (!pdf.offsets || !pdf.file)
        goto out;
    fprintf(pdf.file, "%%PDF-1.4\n%%\xE2\xE3\xCF\xD3\n");
    pdf_object(&pdf, "<< /Type /Catalog /Pages 2 0 R >>\nendobj\n");
    pdf_object(&pdf, "<< /Type /Pages /Count %u /Kids [", pages);
    for (unsigned i = 0; i < pages; i++)
        fprintf(pdf.file, "%s%u 0 R", i ? " " : "", OBJECTS_BEFORE + OBJECTS_A_PAGE * i + 1);
    fprintf(pdf.file, "] >>\nendobj\n");
    error = pages_walk(bytes, size, pdf_page, &pdf, &pages);
    if (!error)
        pdf_end(&pdf);
out:
    if (pdf.file && fclose(pdf.file) != 0 && !error)
        error = ENOMEM;
    free(pdf.offsets);
    if (error) {
        free(text);
        return error;
    }
    *out = (uint8_t *)text;
    *out_size = length;
    return 0;
}
