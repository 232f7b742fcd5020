/*
 * Faxes as deposits: pages take the way of sound, through the spool to a row, whatever a crash leaves; and
 * owners are told how many there are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "storage/deposits.h"
#include "tests/unit/test_storage_kit.h"

#define PAGE 140 /* bytes of a page in the file: a strip of 8, then its directory */
#define TAGS 9

static char id[UUID_TEXT];

/* -- a TIFF file such as the fax machine leaves
 * --------------------------------------------------------------------------------- */

static void put(uint8_t *at, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static void tag_put(uint8_t *at, uint32_t tag, uint32_t value)
{
    put(at, tag, 2);
    put(at + 2, 4, 2); /* LONG */
    put(at + 4, 1, 4);
    put(at + 8, value, 4);
}

/* `pages` of them, one blank row each in T.6 (an EOFB does it), and `bytes` of the file. */
static void tiff_write(const char *path, unsigned pages, size_t bytes)
{
    static const uint32_t tags[TAGS][2] = {{256, 1728}, {257, 1}, {258, 1},  {259, 4},
                                           {262, 0},    {278, 1}, {282, 204}};
    uint8_t file[8 + 4 * PAGE] = "II*";

    put(file + 4, pages > 0 ? 8 + 8 : 0, 4);
    for (unsigned page = 0; page < pages; page++) {
        uint8_t *strip = file + 8 + page * PAGE, *directory = strip + 8;
        memcpy(strip, "\x00\x10\x01", 3);
        put(directory, TAGS, 2);
        for (unsigned i = 0; i < TAGS - 2; i++) {
            tag_put(directory + 2 + 12 * i, tags[i][0], tags[i][1]);
        }
        tag_put(directory + 2 + 12 * (TAGS - 2), 273, (uint32_t)(strip - file));
        tag_put(directory + 2 + 12 * (TAGS - 1), 279, 3);
        put(directory + 2 + 12 * TAGS, page + 1 < pages ? (uint32_t)(directory - file) + PAGE : 0, 4);
    }
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(file, 1, bytes, out), bytes);
    fclose(out);
}

static size_t whole(unsigned pages)
{
    return 8 + (size_t)pages * PAGE;
}

/* -- without mishap
 * ------------------------------------------------------------------------------------------------------------
 */

static struct deposit fax_of(const char *mailbox)
{
    struct deposit d = {.cause = DEPOSIT_BUSY, .kind = DEPOSIT_FAX, .started_us = INT64_C(1767323045123456)};

    uuid_make(id);
    strcpy(d.id, id);
    strcpy(d.mailbox, mailbox);
    strcpy(d.caller, "2001");
    strcpy(d.call, "call-1");
    return d;
}

static void open_fax(void)
{
    struct deposit d = fax_of("1001");

    ck_assert_int_eq(ASK(deposit_open(kit.st, &d, TICKET, file_answered)), 0);
}

static int commit(unsigned marks)
{
    return ASK(deposit_commit_fax(kit.st, id, marks, "+44 20", TICKET, done_answered));
}

static long faxes(const char *condition)
{
    char sql[512];

    snprintf(sql, sizeof sql,
             "select count(*) from entry e join message m on m.id = e.message join blob b on b.id = m.blob "
             "where m.kind = 'fax' and %s",
             condition);
    return kit_sql(sql);
}

static bool spool_is_empty(void)
{
    char path[256], command[600];

    kit_path(path, sizeof path, "spool");
    snprintf(command, sizeof command, "test -z \"$(find %s/open %s/ready -type f)\"", path, path);
    return system(command) == 0;
}

static void list(void)
{
    ck_assert_int_eq(ASK(entries_list(kit.st, "1001", &(struct entry_query){.folder = FOLDER_INBOX}, TICKET,
                                      entries_answered)),
                     0);
}

START_TEST(fax_becomes_a_message)
{
    kit_sql("insert into outbox_event (event) values ('message-new'), ('transcript')");
    kit_sql("update mailbox set email = 'alice@example.com' where number = '1001'");
    open_fax();
    ck_assert_str_eq(answer.path + strlen(answer.path) - 4, ".tif");
    tiff_write(answer.path, 3, whole(3));
    ck_assert_int_eq(commit(0), 0);
    ck_assert(spool_is_empty());
    list();
    ck_assert_uint_eq(answer.entry_count, 1);
    ck_assert(answer.entries[0].fax && !answer.entries[0].cut);
    ck_assert_uint_eq(answer.entries[0].pages, 3);
    ck_assert_str_eq(answer.entries[0].caller, "2001");
    ck_assert_int_eq(faxes("m.sender = '+44 20' and m.duration_ms = 0 and b.sha256 = sha256(b.audio)"), 1);
    ck_assert_int_eq(ASK(mailbox_count(kit.st, "1001", TICKET, counts_answered)), 0);
    ck_assert_uint_eq(answer.counts.fax_fresh, 1);
    ck_assert_uint_eq(answer.counts.fresh, 0);
    ck_assert_int_eq(kit_sql("select count(*) from outbox where kind = 'mail'"), 1);
    ck_assert_int_eq(
        kit_sql("select count(*) from outbox where kind = 'webhook' and payload->>'kind' = 'fax' and "
                "(payload->>'pages')::int = 3 and payload->>'sender' = '+44 20' and "
                "(payload->>'complete')::boolean"),
        1);
    ck_assert_int_eq(kit_sql("select count(*) from outbox where kind = 'transcript'"), 0);
}
END_TEST

static void cut_answered(struct ticket ticket, int error, const char *found)
{
    (void)found;
    done_answered(ticket, error);
}

/* Who calls back goes on with words, not with pages. */
START_TEST(incomplete_fax_is_marked_and_not_gone_on_with)
{
    open_fax();
    tiff_write(answer.path, 2, whole(2) - 20);
    ck_assert_int_eq(commit(DEPOSIT_CUT), 0);
    list();
    ck_assert_uint_eq(answer.entries[0].pages, 1);
    ck_assert(answer.entries[0].cut);
    ck_assert_int_eq(ASK(deposit_find_cut(kit.st, "1001", "2001", TICKET, cut_answered)), ENOENT);
}
END_TEST

START_TEST(fax_of_nothing_leaves_nothing)
{
    open_fax();
    tiff_write(answer.path, 0, 8);
    ck_assert_int_eq(commit(DEPOSIT_CUT), EIO);
    ck_assert(spool_is_empty());
    ck_assert(!kit_has("spool/broken/%s.tif", id));
    open_fax();
    tiff_write(answer.path, 1, whole(1));
    ck_assert_int_eq(ASK(deposit_discard(kit.st, id, TICKET, done_answered)), 0);
    ck_assert(spool_is_empty());
    ck_assert_int_eq(faxes("true"), 0);
}
END_TEST

START_TEST(mailbox_tells_whether_it_takes_faxes)
{
    static const char *const columns[] = {"null", "true", "false"};
    char sql[128];

    for (int fax = FAX_AS_SERVER; fax <= FAX_REFUSED; fax++) {
        snprintf(sql, sizeof sql, "update mailbox set fax = %s where number = '1001'", columns[fax]);
        kit_sql(sql);
        ck_assert_int_eq(ASK(mailbox_find(kit.st, "1001", TICKET, mailbox_answered)), 0);
        ck_assert_int_eq((int)answer.mailbox.fax, fax);
    }
}
END_TEST

/* -- every state a crash can leave
 * ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *what, *json, *tif; /* folders, or NULL */
    unsigned pages;                /* that were begun … */
    int missing;                   /* … and how many bytes of them are not there */
    unsigned came;                 /* as the row says; 0: no row */
    bool cut, broken, delivered;
} states[] = {
    {"before the first page", "open", NULL, 0, 0, 0},
    {"the file is made", "open", "open", 0, 8, 0},
    {"its header is written", "open", "open", 0, 0, 0},
    {"within the first page", "open", "open", 1, 132, 0},
    {"within the second page", "open", "open", 2, 20, 1, .cut = true},
    {"all pages, not accepted", "open", "open", 2, 0, 2, .cut = true},
    {"between the renames", "open", "ready", 2, 0, 2},
    {"accepted", "ready", "ready", 2, 0, 2},
    {"the transaction is done", "ready", "ready", 2, 0, 2, .delivered = true},
    {"between the unlinks", "ready", NULL, 0, 0, 2, .delivered = true},
    {"the disk lost the sidecar", NULL, "ready", 2, 0, 0, .broken = true},
    {"garbage was accepted", "ready", "ready", 9, 0, 0, .broken = true},
    {"garbage was received", "open", "open", 9, 0, 0, .broken = true},
};

static void state_make(int i)
{
    char path[256];

    kit_start(); /* for the schema and the folders */
    kit_sql("insert into mailbox (number) values ('1001') on conflict do nothing");
    struct deposit d = fax_of("1001");
    if (states[i].delivered) {
        ck_assert_int_eq(ASK(deposit_open(kit.st, &d, TICKET, file_answered)), 0);
        tiff_write(answer.path, 2, whole(2));
        ck_assert_int_eq(commit(0), 0);
    }
    kit_stop();
    if (states[i].json != NULL) {
        kit_path(path, sizeof path, "spool/%s", states[i].json);
        int fd = open(path, O_RDONLY | O_DIRECTORY);
        ck_assert_int_eq(sidecar_write(fd, &d), 0);
        close(fd);
    }
    if (states[i].tif != NULL) {
        kit_path(path, sizeof path, "spool/%s/%s.tif", states[i].tif, id);
        if (states[i].pages == 9) {
            wav_write(path, 3000, 3000); /* sound is no page */
        } else {
            tiff_write(path, states[i].pages, whole(states[i].pages) - (size_t)states[i].missing);
        }
    }
}

static void state_check(int i)
{
    char condition[64];

    snprintf(condition, sizeof condition, "m.pages = %u and m.cut = %s", states[i].came,
             states[i].cut ? "true" : "false");
    ck_assert_msg(faxes(condition) == (states[i].came > 0), "%s: %ld rows", states[i].what, faxes("true"));
    ck_assert_int_eq(kit_sql("select count(*) from message"), states[i].came > 0);
    ck_assert_msg(spool_is_empty(), "%s: files are left", states[i].what);
    ck_assert_msg(kit_has("spool/broken/%s.tif", id) == states[i].broken, "%s: broken", states[i].what);
}

START_TEST(every_state_ends_in_one_fax_or_none)
{
    state_make(_i);
    log_set_level(LEVEL_ERROR + 1);
    kit_start();
    ck_assert_int_eq(ASK(spool_sweep(kit.st, TICKET, done_answered)), 0);
    state_check(_i);
    ck_assert_int_eq(ASK(spool_sweep(kit.st, TICKET, done_answered)), 0);
    state_check(_i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spool-fax");
    TCase *full = tcase_create("faxes"), *bare = tcase_create("crashes");

    tcase_set_timeout(full, 60);
    tcase_add_checked_fixture(full, kit_setup, kit_teardown);
    tcase_add_test(full, fax_becomes_a_message);
    tcase_add_test(full, incomplete_fax_is_marked_and_not_gone_on_with);
    tcase_add_test(full, fax_of_nothing_leaves_nothing);
    tcase_add_test(full, mailbox_tells_whether_it_takes_faxes);
    suite_add_tcase(suite, full);
    tcase_set_timeout(bare, 60);
    tcase_add_checked_fixture(bare, kit_prepare, kit_teardown);
    tcase_add_loop_test(bare, every_state_ends_in_one_fax_or_none, 0, sizeof states / sizeof states[0]);
    suite_add_tcase(suite, bare);
    return kit_main(suite);
}
