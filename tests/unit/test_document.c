/* Faxes as documents: pages are counted, and a PDF shows them as they were drawn, by another reader's eye
 * (poppler). */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/document.h"
#include "tests/unit/fax_far.h"

static uint8_t *tiff;
static size_t size;

static void setup(void)
{
    fax_far_begin();
    FILE *file = fopen(fax_sent, "rb");
    ck_assert_ptr_nonnull(file);
    tiff = malloc(1 << 20);
    size = fread(tiff, 1, 1 << 20, file);
    fclose(file);
}

static void finish(void)
{
    free(tiff);
    fax_far_end();
}

START_TEST(pages_are_counted)
{
    unsigned pages;

    ck_assert(document_is_tiff(tiff, size));
    ck_assert_int_eq(document_pages(tiff, size, &pages), 0);
    ck_assert_uint_eq(pages, FAX_PAGES);
    ck_assert(!document_is_tiff((const uint8_t *)"RIFF____WAVE", 12));
    ck_assert_int_eq(document_pages((const uint8_t *)"RIFF____WAVE", 12, &pages), EINVAL);
}
END_TEST

/* Cut anywhere and changed anywhere: never more pages than there are, nothing read beyond the end. */
START_TEST(damage_does_no_harm)
{
    unsigned pages;
    uint8_t *out;
    size_t out_size;

    for (size_t cut = 0; cut < size; cut += 1 + cut / 97) {
        uint8_t *part = malloc(cut ? cut : 1);
        memcpy(part, tiff, cut);
        if (document_pages(part, cut, &pages) == 0)
            ck_assert_uint_le(pages, FAX_PAGES);
        free(part);
    }
    srand(3);
    for (int i = 0; i < 3000; i++) {
        uint8_t *bad = malloc(size);
        memcpy(bad, tiff, size);
        for (int k = 0; k < 4; k++)
            bad[i % 2 ? size - 1 - (size_t)rand() % 400 : (size_t)rand() % size] = (uint8_t)rand();
        if (document_pdf(bad, size, &out, &out_size) == 0)
            free(out);
        free(bad);
    }
    /* A page that follows itself. */
    uint32_t first =
        (uint32_t)tiff[4] | (uint32_t)tiff[5] << 8 | (uint32_t)tiff[6] << 16 | (uint32_t)tiff[7] << 24;
    size_t next = first + 2 + 12 * (size_t)(tiff[first] | tiff[first + 1] << 8);
    memcpy(tiff + next, &first, 4);
    ck_assert_int_eq(document_pages(tiff, size, &pages), 0);
}
END_TEST

/* pdfimages (poppler) gives the pixels of each page: they are those that were drawn. */
START_TEST(pdf_shows_the_pages)
{
    uint8_t *out, want[FAX_ROW], got[FAX_ROW];
    size_t out_size;
    char name[100], command[300];

    ck_assert_int_eq(document_pdf(tiff, size, &out, &out_size), 0);
    snprintf(name, sizeof name, "%s.pdf", fax_came);
    FILE *file = fopen(name, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(out, 1, out_size, file), out_size);
    fclose(file);
    free(out);
    snprintf(command, sizeof command, "pdfimages %s %s", name, name);
    ck_assert_int_eq(system(command), 0);
    unlink(name);
    for (unsigned page = 0; page < FAX_PAGES; page++) {
        snprintf(name, sizeof name, "%s.pdf-%03u.pbm", fax_came, page);
        file = fopen(name, "rb");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(fseek(file, -(long)FAX_ROW * FAX_ROWS, SEEK_END), 0);
        for (unsigned row = 0; row < FAX_ROWS; row++) {
            fax_row(page, row, want);
            ck_assert_uint_eq(fread(got, 1, FAX_ROW, file), FAX_ROW);
            ck_assert_mem_eq(got, want, FAX_ROW);
        }
        fclose(file);
        unlink(name);
    }
    snprintf(name, sizeof name, "%s.pdf-%03u.pbm", fax_came, FAX_PAGES);
    ck_assert_int_ne(access(name, F_OK), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("document");
    TCase *tests = tcase_create("document");

    tcase_add_checked_fixture(tests, setup, finish);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, pages_are_counted);
    tcase_add_test(tests, damage_does_no_harm);
    tcase_add_test(tests, pdf_shows_the_pages);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
