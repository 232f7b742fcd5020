/*
 * Deposits: each state that a crash, a full disk or a database outage can leave ends in exactly one message,
 * or in none where nothing was said.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "storage/deposits.h"
#include "tests/unit/test_storage_kit.h"

static char id[UUID_TEXT];

static struct deposit deposit_of(const char *mailbox)
{
    struct deposit d = {.cause = DEPOSIT_BUSY, .started_us = INT64_C(1767323045123456)};

    uuid_make(id);
    strcpy(d.id, id);
    strcpy(d.mailbox, mailbox);
    strcpy(d.caller, "2001");
    strcpy(d.caller_name, "Zo\xC3\xAB \xFF");
    strcpy(d.call, "call-1");
    return d;
}

static int open_deposit(const char *mailbox)
{
    struct deposit d = deposit_of(mailbox);

    return ASK(deposit_open(kit.st, &d, TICKET, file_answered));
}

static int commit(bool urgent)
{
    return ASK(deposit_commit(kit.st, id, urgent, TICKET, done_answered));
}

static int sweep(void)
{
    return ASK(spool_sweep(kit.st, TICKET, done_answered));
}

static long messages(void)
{
    return kit_sql(
        "select count(*) from entry e join message m on m.id = e.message join blob b on b.id = m.blob");
}

static uint64_t deposits(void)
{
    struct storage_stats stats;

    storage_read_stats(kit.st, &stats);
    return stats.deposits;
}

static bool spool_is_empty(void)
{
    char path[256], command[600];

    kit_path(path, sizeof path, "spool");
    snprintf(command, sizeof command, "test -z \"$(find %s/open %s/ready -type f)\"", path, path);
    return system(command) == 0;
}

/* -- without mishap
 * ------------------------------------------------------------------------------------------------------------
 */

START_TEST(deposit_becomes_a_message)
{
    ck_assert_int_eq(open_deposit("1001"), 0);
    ck_assert(kit_has("spool/open/%s.json", id));
    ck_assert(!kit_has("spool/open/%s.wav", id)); /* the recorder makes it anew */
    wav_write(answer.path, 3000, 3000);
    ck_assert_uint_eq(deposits(), 0);
    ck_assert_int_eq(commit(true), 0);
    ck_assert_uint_eq(deposits(), 1);
    ck_assert(spool_is_empty());
    ck_assert_int_eq(ASK(entries_list(kit.st, "1001", &(struct entry_query){.folder = FOLDER_INBOX}, TICKET,
                                      entries_answered)),
                     0);
    ck_assert_uint_eq(answer.entry_count, 1);
    ck_assert_uint_eq(answer.entries[0].duration_ms, 3000);
    ck_assert(answer.entries[0].urgent && !answer.entries[0].heard);
    ck_assert_str_eq(answer.entries[0].caller, "2001");
    ck_assert_str_eq(answer.entries[0].caller_name, "Zo\xC3\xAB ?");
    ck_assert_int_eq(answer.entries[0].left, 1767323045);
    ck_assert_int_eq(kit_sql("select count(*) from outbox"), 0);
    ck_assert_int_eq(kit_sql("select (extract(epoch from started) * 1000000)::bigint % 1000000 from message"),
                     123456);

    ck_assert_int_eq(ASK(entry_fetch(kit.st, "1001", answer.entries[0].id, TICKET, file_answered)), 0);
    struct stat stat_;
    ck_assert_int_eq(stat(answer.path, &stat_), 0);
    ck_assert_int_eq(stat_.st_size, 44 + 48000);
}
END_TEST

/* -- a message that goes on
 * ---------------------------------------------------------------------------------------------------------
 */

static char begun[UUID_TEXT], cut[UUID_TEXT];

static void cut_answered(struct ticket ticket, int error, const char *found)
{
    snprintf(cut, sizeof cut, "%s", error ? "" : found);
    done_answered(ticket, error);
}

static int find_cut(const char *caller)
{
    return ASK(deposit_find_cut(kit.st, "1001", caller, TICKET, cut_answered));
}

/* A message of 3 s that was cut off, and 2 s more in the spool. */
static void go_on(void)
{
    ck_assert_int_eq(open_deposit("1001"), 0);
    strcpy(begun, id);
    wav_write(answer.path, 3000, 3000);
    ck_assert_int_eq(ASK(deposit_commit(kit.st, id, DEPOSIT_CUT, TICKET, done_answered)), 0);
    struct deposit more = deposit_of("1001");
    strcpy(more.continues, begun);
    ck_assert_int_eq(ASK(deposit_open(kit.st, &more, TICKET, file_answered)), 0);
    wav_write(answer.path, 2000, 2000);
}

START_TEST(second_part_is_added_once)
{
    go_on();
    ck_assert_int_eq(find_cut("2001"), 0);
    ck_assert_str_eq(cut, begun);
    ck_assert_int_eq(find_cut("2002"), ENOENT);
    ck_assert_int_eq(ASK(deposit_commit(kit.st, id, DEPOSIT_PRIVATE, TICKET, done_answered)), 0);
    ck_assert(spool_is_empty());
    ck_assert_int_eq(messages(), 1);
    ck_assert_int_eq(kit_sql("select count(*) from blob"), 1);
    ck_assert_int_eq(kit_sql("select duration_ms from message where private and not cut"), 5000);
    ck_assert_int_eq(kit_sql("select octet_length(audio) from blob"), 44 + 80000);
    ck_assert_int_eq(kit_sql("select count(*) from blob where sha256 = sha256(audio)"), 1);
    ck_assert_int_eq(find_cut("2001"), ENOENT); /* he has said all */
    /* A replay of what a crash left: it is there already. */
    struct deposit again = deposit_of("1001");
    kit_sql("update message set cut = true");
    strcpy(again.continues, begun);
    ck_assert_int_eq(ASK(deposit_open(kit.st, &again, TICKET, file_answered)), 0);
    wav_write(answer.path, 1000, 1000);
    char insert[200];
    snprintf(insert, sizeof insert, "insert into message_part (id, message) values ('%s', '%s')", again.id,
             begun);
    kit_sql(insert);
    ck_assert_int_eq(commit(false), 0);
    ck_assert_int_eq(kit_sql("select duration_ms from message"), 5000);
    ck_assert(spool_is_empty());
}
END_TEST

START_TEST(second_part_stands_alone_once_the_first_was_heard)
{
    go_on();
    kit_sql("update entry set heard = true");
    ck_assert_int_eq(find_cut("2001"), ENOENT);
    ck_assert_int_eq(commit(false), 0);
    ck_assert_int_eq(messages(), 2);
    ck_assert_int_eq(kit_sql("select sum(duration_ms) from message"), 5000);
}
END_TEST

/* With the database away at its end it waits in the spool, and the sweeper knows what it belongs to. */
START_TEST(second_part_waits_for_the_sweep)
{
    go_on();
    kit_sql("alter table message_part rename to away");
    log_set_level(LEVEL_ERROR + 1);
    ck_assert_int_eq(commit(false), EINPROGRESS);
    ck_assert_int_eq(messages(), 1);
    kit_sql("alter table away rename to message_part");
    ck_assert_int_eq(sweep(), 0);
    ck_assert(spool_is_empty());
    ck_assert_int_eq(kit_sql("select duration_ms from message"), 5000);
}
END_TEST

/* Parts of different calls may differ in rate: the higher one is kept. */
START_TEST(parts_of_two_rates_are_joined)
{
    for (int wide = 0; wide < 2; wide++) {
        struct audio one, two;
        char path[256];

        kit_path(path, sizeof path, "part.wav");
        wav_write(path, 1000, 1000);
        ck_assert_int_eq(audio_load(&one, AT_FDCWD, path), 0);
        ck_assert_int_eq(audio_load(&two, AT_FDCWD, path), 0);
        struct audio *high = wide ? &one : &two;
        high->bytes[24] = (uint8_t)(16000 & 0xFF);
        high->bytes[25] = 16000 >> 8;
        high->bytes[28] = (uint8_t)(32000 & 0xFF);
        high->bytes[29] = 32000 >> 8;
        high->duration_ms = 500;
        ck_assert_int_eq(audio_join(&one, &two), 0);
        ck_assert_uint_eq(one.duration_ms, 1500);
        ck_assert_uint_eq(one.size, 44 + 48000);
        one.bytes[22] = 2; /* of two channels */
        ck_assert_int_eq(audio_join(&one, &two), EINVAL);
        free(one.bytes);
        free(two.bytes);
        unlink(path);
    }
}
END_TEST

START_TEST(mail_is_queued_with_the_message)
{
    kit_sql("update mailbox set email = 'alice@example.com' where number = '1001'");
    ck_assert_int_eq(open_deposit("1001"), 0);
    wav_write(answer.path, 3000, 3000);
    ck_assert_int_eq(commit(false), 0);
    ck_assert_int_eq(kit_sql("select count(*) from outbox join entry on entry.id::text = payload->>'entry' "
                             "where kind = 'mail' and payload->>'to' = 'alice@example.com'"),
                     1);
}
END_TEST

START_TEST(discarded_deposit_leaves_nothing)
{
    ck_assert_int_eq(open_deposit("1001"), 0);
    wav_write(answer.path, 3000, 3000);
    ck_assert_int_eq(ASK(deposit_discard(kit.st, id, TICKET, done_answered)), 0);
    ck_assert(spool_is_empty());
    ck_assert_int_eq(ASK(deposit_discard(kit.st, id, TICKET, done_answered)), ENOENT);
    ck_assert_int_eq(commit(false), ENOENT);
    ck_assert_int_eq(messages(), 0);
}
END_TEST

START_TEST(commit_says_what_was_not_saved)
{
    struct deposit d = deposit_of("1001");

    log_set_level(LEVEL_ERROR + 1);
    strcpy(d.id, "../../../../../../../../etc/passwd00");
    ck_assert_int_eq(ASK(deposit_open(kit.st, &d, TICKET, file_answered)), EINVAL);
    ck_assert_int_eq(open_deposit("1001"), 0);
    ck_assert_int_eq(commit(false), ENOENT); /* nothing was recorded */
    ck_assert_int_eq(open_deposit("1001"), 0);
    FILE *file = fopen(answer.path, "w");
    for (int i = 0; i < 100; i++) {
        fputs("no sound at all", file);
    }
    fclose(file);
    ck_assert_int_eq(commit(false), EIO);
    ck_assert(kit_has("spool/broken/%s.wav", id));
    ck_assert(kit_has("spool/broken/%s.json", id));
    ck_assert_int_eq(messages(), 0);
}
END_TEST

START_TEST(deposit_for_a_mailbox_that_is_gone_is_kept)
{
    ck_assert_int_eq(open_deposit("2001"), 0);
    wav_write(answer.path, 3000, 3000);
    ck_assert_int_eq(commit(false), ENOENT);
    ck_assert_int_eq(sweep(), 0);
    ck_assert(kit_has("spool/ready/%s.wav", id));
    kit_sql("insert into mailbox (number) values ('2001')");
    ck_assert_int_eq(sweep(), 0);
    ck_assert_int_eq(messages(), 1);
    ck_assert(spool_is_empty());
}
END_TEST

/* Nobody of a list has got it: it is not saved, and it is kept until somebody can have it. */
START_TEST(deposit_for_a_list_that_reaches_nobody_is_kept)
{
    kit_sql("with d as (insert into distribution (number) values ('800') returning id) "
            "insert into distribution_member (list, number) select id, '4711' from d");
    ck_assert_int_eq(open_deposit("800"), 0);
    wav_write(answer.path, 3000, 3000);
    ck_assert_int_eq(commit(false), ENOENT);
    ck_assert_int_eq(messages(), 0);
    kit_sql("insert into mailbox (number) values ('4711')");
    ck_assert_int_eq(sweep(), 0);
    ck_assert_int_eq(messages(), 1);
    ck_assert_int_eq(kit_sql("select count(*) from entry where mailbox = '4711'"), 1);
    ck_assert(spool_is_empty());
}
END_TEST

START_TEST(deposit_in_hand_is_not_swept)
{
    ck_assert_int_eq(open_deposit("1001"), 0);
    wav_write(answer.path, 3000, 3000);
    clock_advance(UINT64_C(3600000000));
    ck_assert_int_eq(sweep(), 0);
    ck_assert_int_eq(messages(), 0);
    ck_assert_int_eq(commit(false), 0);
    ck_assert_int_eq(messages(), 1);
}
END_TEST

/* -- every state a crash can leave
 * ------------------------------------------------------------------------------------------------ */

enum audio_state { NO_AUDIO, EMPTY, WHOLE, CUT, AHEAD, SHORT, GARBAGE };

static const struct {
    const char *what;
    const char *json, *wav; /* folder, or NULL */
    enum audio_state audio;
    bool delivered; /* the row was written before the crash */
    bool tmp;       /* a sidecar half written lies beside */
    int rows, ms;
    bool broken;
} states[] = {
    {"the sidecar's first writing", NULL, NULL, NO_AUDIO, .tmp = true},
    {"before the first sound", "open", NULL, NO_AUDIO},
    {"the recorder has made its file", "open", "open", EMPTY},
    {"less than a message was said", "open", "open", SHORT},
    {"recording: the header is behind", "open", "open", CUT, .rows = 1, .ms = 3000},
    {"recording: the header is ahead", "open", "open", AHEAD, .rows = 1, .ms = 3000},
    {"recorded, not accepted", "open", "open", WHOLE, .rows = 1, .ms = 3000},
    {"the sidecar's second writing", "open", "open", WHOLE, .tmp = true, .rows = 1, .ms = 3000},
    {"between the renames", "open", "ready", WHOLE, .rows = 1, .ms = 3000},
    {"accepted", "ready", "ready", WHOLE, .rows = 1, .ms = 3000},
    {"accepted, though short", "ready", "ready", SHORT, .rows = 1, .ms = 500},
    {"the transaction is done", "ready", "ready", WHOLE, .delivered = true, .rows = 1, .ms = 3000},
    {"between the unlinks", "ready", NULL, NO_AUDIO, .delivered = true, .rows = 1, .ms = 3000},
    {"the unlinks in another order", NULL, "ready", WHOLE, .delivered = true, .rows = 1, .ms = 3000},
    {"the disk lost the audio", "ready", NULL, NO_AUDIO, .broken = true},
    {"the disk lost the sidecar", NULL, "ready", WHOLE, .broken = true},
    {"audio without a sidecar", NULL, "open", WHOLE, .broken = true},
    {"garbage was accepted", "ready", "ready", GARBAGE, .broken = true},
    {"garbage was recorded", "open", "open", GARBAGE, .broken = true},
};

static void audio_make(const char *folder, enum audio_state state)
{
    char path[256];

    kit_path(path, sizeof path, "spool/%s/%s.wav", folder, id);
    switch (state) {
    case NO_AUDIO:
        break;
    case WHOLE:
        wav_write(path, 3000, 3000);
        break;
    case CUT:
        wav_write(path, 3000, 2000);
        break;
    case AHEAD:
        wav_write(path, 3000, 4000);
        break;
    case SHORT:
        wav_write(path, 500, 500);
        break;
    case EMPTY:
    case GARBAGE:
        wav_write(path, 3000, 3000);
        ck_assert_int_eq(truncate(path, state == EMPTY ? 20 : 30000), 0);
        if (state == GARBAGE) {
            int fd = open(path, O_WRONLY);
            ck_assert_int_eq(write(fd, "XXXX", 4), 4);
            close(fd);
        }
        break;
    }
}

/* Leaves the files as a process would that died there; storage does not run meanwhile. */
static void state_make(int i)
{
    char folder[256], path[512];

    kit_start(); /* for the schema and the folders */
    kit_sql("insert into mailbox (number) values ('1001') on conflict do nothing");
    struct deposit d = deposit_of("1001");
    if (states[i].delivered) {
        ck_assert_int_eq(ASK(deposit_open(kit.st, &d, TICKET, file_answered)), 0);
        wav_write(answer.path, 3000, 3000);
        ck_assert_int_eq(commit(false), 0);
    }
    kit_stop();
    if (states[i].json != NULL) {
        text_copy(d.caller_name, sizeof d.caller_name, "Anna");
        kit_path(folder, sizeof folder, "spool/%s", states[i].json);
        int fd = open(folder, O_RDONLY | O_DIRECTORY);
        ck_assert_int_eq(sidecar_write(fd, &d), 0);
        close(fd);
    }
    if (states[i].wav != NULL) {
        audio_make(states[i].wav, states[i].audio);
    }
    if (states[i].tmp) {
        kit_path(path, sizeof path, "spool/open/%s.json.tmp", id);
        FILE *file = fopen(path, "w");
        fputs("{\"format\":1,", file);
        fclose(file);
    }
}

static void state_check(int i)
{
    ck_assert_msg(messages() == states[i].rows, "%s: %ld rows", states[i].what, messages());
    ck_assert_msg(spool_is_empty(), "%s: files are left", states[i].what);
    ck_assert_msg((kit_has("spool/broken/%s.wav", id) || kit_has("spool/broken/%s.json", id)) ==
                      states[i].broken,
                  "%s: broken", states[i].what);
    ck_assert_int_eq(kit_sql("select coalesce(max(duration_ms), 0) from message"), states[i].ms);
    ck_assert_int_eq(kit_sql("select count(*) from blob"), states[i].rows);
}

START_TEST(every_state_ends_in_one_message_or_none)
{
    state_make(_i);
    log_set_level(LEVEL_ERROR + 1);
    kit_start();
    ck_assert_int_eq(sweep(), 0);
    state_check(_i);
    ck_assert_int_eq(sweep(), 0);
    kit_restart();
    ck_assert_int_eq(sweep(), 0);
    state_check(_i);
}
END_TEST

/* The audio that comes out must have a header that tells its true length. */
START_TEST(cut_header_is_mended)
{
    unsigned char header[44];

    state_make(4);
    kit_start();
    ck_assert_int_eq(sweep(), 0);
    ck_assert_int_eq(ASK(entries_list(kit.st, "1001", &(struct entry_query){.folder = FOLDER_INBOX}, TICKET,
                                      entries_answered)),
                     0);
    ck_assert_int_eq(ASK(entry_fetch(kit.st, "1001", answer.entries[0].id, TICKET, file_answered)), 0);
    int fd = open(answer.path, O_RDONLY);
    ck_assert_int_eq(read(fd, header, sizeof header), (int)sizeof header);
    close(fd);
    ck_assert_int_eq(header[40] | header[41] << 8 | header[42] << 16, 48000);
    ck_assert_int_eq(header[4] | header[5] << 8 | header[6] << 16, 48036);
}
END_TEST

START_TEST(many_sweeps_at_a_time_deliver_once)
{
    state_make(9);
    kit_start();
    kit_clear();
    for (int i = 0; i < 12; i++) {
        ck_assert_int_eq(spool_sweep(kit.st, TICKET, done_answered), 0);
    }
    kit_wait(12);
    state_check(9);
}
END_TEST

START_TEST(stop_finishes_commits_that_wait)
{
    char ids[5][UUID_TEXT];

    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(open_deposit("1001"), 0);
        strcpy(ids[i], id);
        wav_write(answer.path, 3000, 3000);
    }
    kit_clear();
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(deposit_commit(kit.st, ids[i], false, TICKET, done_answered), 0);
    }
    kit_stop();
    ck_assert_int_eq(answer.count, 0); /* no reply any more */
    ck_assert_int_eq(messages(), 5);
    ck_assert(spool_is_empty());
}
END_TEST

/* -- trouble from outside
 * -----------------------------------------------------------------------------------------------------------
 */

START_TEST(half_a_record_goes_with_the_first_sweep)
{
    char path[512];

    ck_assert_int_eq(open_deposit("1001"), 0);
    wav_write(answer.path, 3000, 3000);
    kit_path(path, sizeof path, "spool/open/%s.json.tmp", id);
    FILE *half = fopen(path, "w");
    ck_assert_ptr_nonnull(half);
    fputs("{", half);
    fclose(half);
    kit_restart();
    ck_assert_int_eq(sweep(), 0);
    ck_assert_int_eq(messages(), 1);
    ck_assert(spool_is_empty());
}
END_TEST

START_TEST(sound_of_no_length_is_no_message)
{
    ck_assert_int_eq(open_deposit("1001"), 0);
    wav_write(answer.path, 0, 0);
    ck_assert_int_eq(commit(false), EIO);
    ck_assert_int_eq(messages(), 0);
    ck_assert(spool_is_empty());
}
END_TEST

/* Nobody takes replies here, so the threads stand still once those have filled their queue. How many were
 * asked until then. */
static int fill_queue(void)
{
    int asked = 0;

    kit_clear();
    for (int refused = 0; refused < 200;) {
        if (mailbox_count(kit.st, "1001", TICKET, counts_answered) == 0) {
            asked++;
            refused = 0;
        } else {
            refused++;
            nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
        }
    }
    return asked;
}

/* With all that was said of it; also when the server stops before the next sweep. */
START_TEST(commit_that_finds_no_place_is_the_sweepers)
{
    ck_assert_int_eq(open_deposit("1001"), 0);
    wav_write(answer.path, 3000, 3000);
    int asked = fill_queue();
    ck_assert_int_eq(
        deposit_commit_fax(kit.st, id, DEPOSIT_URGENT | DEPOSIT_PRIVATE, "+44 20", TICKET, done_answered),
        ENOBUFS);
    ck_assert_int_eq(kit_wait(asked), 0);
    ck_assert_int_eq(messages(), 0);
    if (_i) {
        kit_restart();
    }
    ck_assert_int_eq(sweep(), 0);
    ck_assert_int_eq(kit_sql("select count(*) from entry e join message m on m.id = e.message "
                             "where e.urgent and m.private and m.sender = '+44 20'"),
                     1);
    ck_assert_int_eq(messages(), 1);
    ck_assert_uint_eq(deposits(), !_i);
    ck_assert(spool_is_empty());
}
END_TEST

/* What its caller has thrown away becomes no message, and does not stay for ever. */
START_TEST(discard_that_finds_no_place_is_the_sweepers)
{
    ck_assert_int_eq(open_deposit("1001"), 0);
    wav_write(answer.path, 3000, 3000);
    int asked = fill_queue();
    ck_assert_int_eq(deposit_discard(kit.st, id, TICKET, done_answered), ENOBUFS);
    ck_assert_int_eq(kit_wait(asked), 0);
    ck_assert(!spool_is_empty());
    if (_i) {
        kit_restart();
    }
    ck_assert_int_eq(sweep(), 0);
    ck_assert(spool_is_empty());
    clock_advance(UINT64_C(121000000));
    ck_assert_int_eq(sweep(), 0);
    ck_assert_int_eq(messages(), 0);
}
END_TEST

/* Nor when its opening still waits for its turn. */
START_TEST(discard_overtakes_the_opening)
{
    const struct deposit d = deposit_of("1001");

    if (_i) {
        ck_assert_int_eq(ASK(deposit_discard(kit.st, id, TICKET, done_answered)), ENOENT);
    } else {
        live_discard(kit.st->spool, id);
    }
    ck_assert_int_eq(sweep(), 0);
    ck_assert_int_eq(ASK(deposit_open(kit.st, &d, TICKET, file_answered)), ECANCELED);
    ck_assert(spool_is_empty());
    ck_assert(!live_has(kit.st->spool, id));
}
END_TEST

START_TEST(without_database_a_message_is_safe_and_comes_later)
{
    struct storage_stats stats;

    ck_assert_int_eq(open_deposit("1001"), 0);
    wav_write(answer.path, 3000, 3000);
    log_set_level(LEVEL_ERROR + 1);
    pg_halt(kit.pg);
    ck_assert_int_eq(commit(false), EINPROGRESS);
    ck_assert(kit_has("spool/ready/%s.json", id));
    ck_assert(kit_has("spool/ready/%s.wav", id));
    storage_read_stats(kit.st, &stats);
    ck_assert_uint_eq(stats.spooled, 1);
    ck_assert_int_eq(sweep(), ENOTCONN);
    char first[UUID_TEXT];
    strcpy(first, id);
    ck_assert_int_eq(open_deposit("1002"), 0); /* the next caller is served too */
    wav_write(answer.path, 3000, 3000);
    ck_assert_int_eq(commit(false), EINPROGRESS);
    storage_read_stats(kit.st, &stats);
    ck_assert_uint_eq(stats.spooled, 2);
    pg_resume(kit.pg);
    clock_advance(UINT64_C(10000000)); /* past the back-off */
    ck_assert_int_eq(sweep(), 0);
    ck_assert_int_eq(messages(), 2);
    ck_assert(spool_is_empty());
    storage_read_stats(kit.st, &stats);
    ck_assert_uint_eq(stats.spooled, 0);
}
END_TEST

START_TEST(sweep_comes_every_minute)
{
    ck_assert_int_eq(open_deposit("2001"), 0);
    wav_write(answer.path, 3000, 3000);
    ck_assert_int_eq(commit(false), ENOENT);
    kit_sql("insert into mailbox (number) values ('2001')");
    clock_advance(UINT64_C(61000000));
    for (int i = 0; i < 500 && kit_has("spool/ready/%s.wav", id); i++) {
        loop_step(kit.loop, 20);
    }
    ck_assert_int_eq(messages(), 1);
}
END_TEST

/* A spool of 64 kB in memory, where the kernel allows it. */
START_TEST(full_disk_is_told)
{
    char spool[256], filler[512];

    kit_path(spool, sizeof spool, "spool");
    ck_assert_int_eq(mkdir(spool, 0700), 0);
    if (mount("confab-test", spool, "tmpfs", 0, "size=64k") != 0) {
        fprintf(stderr, "full_disk_is_told: mount is not permitted: skipped\n");
        kit_start();
        return;
    }
    kit_start();
    kit_sql("insert into mailbox (number) values ('1001')");
    log_set_level(LEVEL_ERROR + 1);
    ck_assert_int_eq(open_deposit("1001"), 0);
    wav_write(answer.path, 2000, 2000);
    kit_path(filler, sizeof filler, "spool/filler");
    FILE *file = fopen(filler, "w");
    while (fputc('x', file) != EOF && fflush(file) == 0) {
    }
    fclose(file);
    char first[UUID_TEXT];
    strcpy(first, id);
    ck_assert_int_eq(open_deposit("1001"), ENOSPC);
    ck_assert(!kit_has("spool/open/%s.json", id));
    strcpy(id, first);
    int error = commit(true); /* no room for the flag: the message counts for more */
    long rows = messages();
    kit_stop();
    ck_assert_int_eq(umount(spool), 0);
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(rows, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spool");
    TCase *full = tcase_create("deposits"), *bare = tcase_create("crashes");

    tcase_set_timeout(full, 60);
    tcase_add_checked_fixture(full, kit_setup, kit_teardown);
    tcase_add_test(full, deposit_becomes_a_message);
    tcase_add_test(full, mail_is_queued_with_the_message);
    tcase_add_test(full, second_part_is_added_once);
    tcase_add_test(full, second_part_stands_alone_once_the_first_was_heard);
    tcase_add_test(full, second_part_waits_for_the_sweep);
    tcase_add_test(full, parts_of_two_rates_are_joined);
    tcase_add_test(full, discarded_deposit_leaves_nothing);
    tcase_add_test(full, commit_says_what_was_not_saved);
    tcase_add_test(full, deposit_for_a_mailbox_that_is_gone_is_kept);
    tcase_add_test(full, deposit_for_a_list_that_reaches_nobody_is_kept);
    tcase_add_test(full, deposit_in_hand_is_not_swept);
    tcase_add_test(full, stop_finishes_commits_that_wait);
    tcase_add_test(full, half_a_record_goes_with_the_first_sweep);
    tcase_add_test(full, sound_of_no_length_is_no_message);
    tcase_add_loop_test(full, commit_that_finds_no_place_is_the_sweepers, 0, 2);
    tcase_add_loop_test(full, discard_that_finds_no_place_is_the_sweepers, 0, 2);
    tcase_add_loop_test(full, discard_overtakes_the_opening, 0, 2);
    tcase_add_test(full, without_database_a_message_is_safe_and_comes_later);
    tcase_add_test(full, sweep_comes_every_minute);
    suite_add_tcase(suite, full);
    tcase_set_timeout(bare, 60);
    tcase_add_checked_fixture(bare, kit_prepare, kit_teardown);
    tcase_add_loop_test(bare, every_state_ends_in_one_message_or_none, 0, sizeof states / sizeof states[0]);
    tcase_add_test(bare, cut_header_is_mended);
    tcase_add_test(bare, many_sweeps_at_a_time_deliver_once);
    tcase_add_test(bare, full_disk_is_told);
    suite_add_tcase(suite, bare);
    return kit_main(suite);
}
