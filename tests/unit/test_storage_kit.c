#include "tests/unit/test_storage_kit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/log.h"

struct kit kit;
struct answer answer;

/* -- replies
 * ------------------------------------------------------------------------------------------------------------
 */

static void answered(struct ticket ticket, int error)
{
    ck_assert_uint_eq(ticket.owner, 7);
    ck_assert_uint_eq(ticket.epoch, 3);
    answer.ticket = ticket;
    answer.error = error;
    answer.count++;
}

void subscriber_answered(struct ticket ticket, int error, const struct subscriber *subscriber)
{
    if (error == 0) {
        answer.subscriber = *subscriber;
        if (answer.count < 8) {
            strcpy(answer.numbers[answer.count], subscriber->number);
        }
    } else {
        ck_assert_ptr_null(subscriber);
    }
    answered(ticket, error);
}

void credentials_answered(struct ticket ticket, int error, const struct credentials *credentials)
{
    if (error == 0) {
        answer.credentials = *credentials;
    }
    answered(ticket, error);
}

void mailbox_answered(struct ticket ticket, int error, const struct mailbox *mailbox)
{
    if (error == 0) {
        answer.mailbox = *mailbox;
    }
    answered(ticket, error);
}

void first_answered(struct ticket ticket, int error, size_t which, const struct mailbox *mailbox)
{
    answer.which = which;
    mailbox_answered(ticket, error, mailbox);
}

void counts_answered(struct ticket ticket, int error, const struct mailbox_counts *counts)
{
    if (error == 0) {
        answer.counts = *counts;
    }
    answered(ticket, error);
}

void entries_answered(struct ticket ticket, int error, const struct entry_list *list)
{
    if (error == 0) {
        answer.entry_count = list->count;
        for (size_t i = 0; i < list->count && i < 32; i++) {
            answer.entries[i] = list->entries[i];
        }
        if (list->count > 0) {
            answer.last = list->entries[list->count - 1];
        }
    }
    answered(ticket, error);
}

void entry_answered(struct ticket ticket, int error, const struct entry *entry)
{
    if (error == 0) {
        answer.entry = *entry;
    }
    answered(ticket, error);
}

void file_answered(struct ticket ticket, int error, const char *path)
{
    if (error == 0) {
        snprintf(answer.path, sizeof answer.path, "%s", path);
    }
    answered(ticket, error);
}

void room_answered(struct ticket ticket, int error, const struct room_row *room)
{
    if (error == 0) {
        answer.room = *room;
    }
    answered(ticket, error);
}

void door_answered(struct ticket ticket, int error, const struct room_row *room, const struct door *door)
{
    if (error == 0) {
        answer.room = *room;
        answer.door = *door;
    }
    answered(ticket, error);
}

void person_answered(struct ticket ticket, int error, const struct door_person *person)
{
    answer.person = error == 0 ? *person : (struct door_person){0};
    answered(ticket, error);
}

void done_answered(struct ticket ticket, int error)
{
    answered(ticket, error);
}

void kit_clear(void)
{
    memset(&answer, 0, sizeof answer);
}

int kit_wait(int replies)
{
    time_t end = time(NULL) + 20;

    while (answer.count < replies) {
        ck_assert_msg(time(NULL) < end, "no reply");
        loop_step(kit.loop, 20);
    }
    return answer.error;
}

int kit_result(int asked, int replies)
{
    ck_assert_int_eq(asked, 0);
    return kit_wait(replies);
}

/* -- fixture
 * ------------------------------------------------------------------------------------------------------------
 */

void kit_path(char *out, size_t size, const char *format, ...)
{
    va_list arguments;
    int used = snprintf(out, size, "%s/", kit.folder);

    va_start(arguments, format);
    vsnprintf(out + used, size - (size_t)used, format, arguments);
    va_end(arguments);
}

bool kit_has(const char *format, ...)
{
    char path[512];
    va_list arguments;
    int used = snprintf(path, sizeof path, "%s/", kit.folder);

    va_start(arguments, format);
    vsnprintf(path + used, sizeof path - (size_t)used, format, arguments);
    va_end(arguments);
    return access(path, F_OK) == 0;
}

long kit_sql(const char *sql)
{
    return pg_number(kit.conninfo, sql);
}

static void complain(const char *line, void *arg)
{
    (void)arg;
    ck_abort_msg("%s", line);
}

static void settings_write(const char *path)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fprintf(file,
            "database {\n connection = \"%s\"\n connections = 3\n migrations = \"%s/sql\"\n}\n"
            "voicemail {\n spool = \"%s/spool\"\n cache = \"%s/cache\"\n}\n",
            kit.conninfo, SOURCE_DIR, kit.folder, kit.folder);
    fclose(file);
}

void kit_prepare(void)
{
    char path[128], name[32];
    static int serial;

    log_set_level(LEVEL_ERROR);
    snprintf(kit.folder, sizeof kit.folder, "%s/kit-XXXXXX", pg_folder(kit.pg));
    ck_assert_ptr_nonnull(mkdtemp(kit.folder));
    snprintf(name, sizeof name, "t%d_%d", (int)getpid(), serial++);
    pg_database(kit.pg, name, kit.conninfo, sizeof kit.conninfo);
    kit_path(path, sizeof path, "confab.conf");
    settings_write(path);
    ck_assert_int_eq(settings_load(&kit.settings, path, complain, NULL), 0);
    ck_assert_int_eq(loop_new(&kit.loop), 0);
}

void kit_start(void)
{
    ck_assert_int_eq(storage_start(&kit.st, kit.settings, kit.loop), 0);
}

void kit_stop(void)
{
    storage_stop(kit.st);
    kit.st = NULL;
}

void kit_restart(void)
{
    kit_stop();
    kit_start();
}

static void demo_load(void)
{
    static char text[65536];
    FILE *file = fopen(SOURCE_DIR "/sql/demo.sql", "r");

    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    free(pg_query(kit.conninfo, text));
}

void kit_setup(void)
{
    kit_prepare();
    kit_start();
    demo_load();
}

void kit_teardown(void)
{
    char command[128];

    kit_stop();
    loop_free(kit.loop);
    settings_free(kit.settings);
    snprintf(command, sizeof command, "rm -rf %s", kit.folder);
    ck_assert_int_eq(system(command), 0);
}

static void put(FILE *file, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        fputc((int)(value >> (8 * i) & 0xFF), file);
    }
}

void wav_write(const char *path, unsigned ms, unsigned header_ms)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs("RIFF", file);
    put(file, 36 + header_ms * 16, 4);
    fputs("WAVEfmt ", file);
    put(file, 16, 4);
    put(file, 1, 2);     /* linear PCM */
    put(file, 1, 2);     /* channels */
    put(file, 8000, 4);  /* samples a second */
    put(file, 16000, 4); /* bytes a second */
    put(file, 2, 2);     /* bytes a frame */
    put(file, 16, 2);    /* bits */
    fputs("data", file);
    put(file, header_ms * 16, 4);
    for (unsigned i = 0; i < ms * 8; i++) {
        put(file, i * 37, 2);
    }
    fclose(file);
}

int kit_main(Suite *suite)
{
    kit.pg = pg_new();
    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pg_free(kit.pg);
    return failed == 0 ? 0 : 1;
}
