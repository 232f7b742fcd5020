/*
 * storage/ against a real PostgreSQL: each question's answer and each of its documented errors.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "storage/caller.h"
#include "storage/internal.h"
#include "storage/send.h"
#include "tests/unit/test_storage_kit.h"

/* -- subscribers
 * ----------------------------------------------------------------------------------------------------------
 */

static const struct guesser nobody;

START_TEST(demo_has_what_the_manual_promises)
{
    ck_assert_int_eq(kit_sql("select count(*) from subscriber"), 10);
    ck_assert_int_eq(ASK(credentials_find(kit.st, "1001", "confab", TICKET, credentials_answered)), 0);
    /* printf 1001:confab:confab-1001 | md5sum, sha256sum */
    ck_assert_str_eq(answer.credentials.ha1_md5, "c93c48e6e2e5cd8a234e7ed6cf1704d4");
    ck_assert_str_eq(answer.credentials.ha1_sha256,
                     "6bd0727fe91de1c7d35158a106c84bc59da6f13ac0956ea5075b74141c2e45f6");
    ck_assert_int_eq(ASK(mailbox_check_pin(kit.st, "1010", "739146", &nobody, TICKET, mailbox_answered)), 0);
    ck_assert_str_eq(answer.mailbox.number, "1010");
    const struct door_caller caller = {.number = "3900"};
    ck_assert_int_eq(ASK(door_check_pin(kit.st, &caller, "246810", TICKET, person_answered)), 0);
    ck_assert(answer.person.role == ROLE_MEMBER);
    ck_assert_int_eq(ASK(door_check_pin(kit.st, &caller, "135791", TICKET, person_answered)), 0);
    ck_assert(answer.person.role == ROLE_HOST);
}
END_TEST

START_TEST(credentials_of_nobody)
{
    ck_assert_int_eq(ASK(credentials_find(kit.st, "2001", "confab", TICKET, credentials_answered)), ENOENT);
    ck_assert_int_eq(ASK(credentials_find(kit.st, "1001", "elsewhere", TICKET, credentials_answered)),
                     ENOENT);
    ck_assert_int_eq(ASK(credentials_find(kit.st, "1001' or '1'='1", "confab", TICKET, credentials_answered)),
                     ENOENT);
    ck_assert_int_eq(ASK(credentials_find(kit.st, "10\xFF", "confab", TICKET, credentials_answered)), ENOENT);
}
END_TEST

START_TEST(subscriber_found)
{
    kit_sql("update subscriber set ring_s = 33, zone = 'Europe/Paris' where number = '1002'");
    ck_assert_int_eq(ASK(subscriber_find(kit.st, "1002", TICKET, subscriber_answered)), 0);
    ck_assert_str_eq(answer.subscriber.name, "Ben Baxter");
    ck_assert_str_eq(answer.subscriber.mailbox, "1002");
    ck_assert_str_eq(answer.subscriber.zone, "Europe/Paris");
    ck_assert_uint_eq(answer.subscriber.ring_s, 33);
    ck_assert_uint_eq(answer.subscriber.binding_count, 0);
    ck_assert_int_eq(ASK(subscriber_find(kit.st, "2002", TICKET, subscriber_answered)), ENOENT);
}
END_TEST

static void caller_answered(struct ticket ticket, int error, const char *number)
{
    snprintf(answer.path, sizeof answer.path, "%s", error ? "" : number);
    done_answered(ticket, error);
}

START_TEST(newest_caller_is_kept_for_each_subscriber)
{
    ck_assert_int_eq(ASK(caller_last(kit.st, "1002", TICKET, caller_answered)), ENOENT);
    ck_assert_int_eq(ASK(caller_note(kit.st, "1002", "1001", TICKET, done_answered)), 0);
    ck_assert_int_eq(ASK(caller_note(kit.st, "1002", "+4930123", TICKET, done_answered)), 0);
    ck_assert_int_eq(ASK(caller_last(kit.st, "1002", TICKET, caller_answered)), 0);
    ck_assert_str_eq(answer.path, "+4930123");
    ck_assert_int_eq(ASK(caller_last(kit.st, "1001", TICKET, caller_answered)), ENOENT);
    ck_assert_int_eq(ASK(caller_note(kit.st, "2002", "1001", TICKET, done_answered)), ENOENT);
}
END_TEST

static struct binding_change one_contact(const char *number, const char *contact, uint32_t cseq, int seconds)
{
    struct binding_change change = {.count = 1};
    struct binding *b = &change.bindings[0];

    strcpy(change.number, number);
    strcpy(b->contact, contact);
    strcpy(b->path, "<sip:edge.example;lr>");
    strcpy(b->call_id, "call-a");
    strcpy(b->received, "udp:192.0.2.7:5060");
    strcpy(b->user_agent, "Phone \xFF");
    b->cseq = cseq;
    b->q_milli = 500;
    b->expires = seconds == 0 ? 0 : clock_wall() + seconds;
    return change;
}

static int apply(const struct binding_change *change)
{
    return ASK(binding_update(kit.st, change, TICKET, subscriber_answered));
}

START_TEST(bindings_are_added_refreshed_and_removed)
{
    struct binding_change change = one_contact("1001", "sip:1001@192.0.2.7", 1, 60);

    ck_assert_int_eq(apply(&change), 0);
    change = one_contact("1001", "sip:1001@192.0.2.8", 2, 60);
    change.bindings[0].q_milli = 900;
    ck_assert_int_eq(apply(&change), 0);
    ck_assert_uint_eq(answer.subscriber.binding_count, 2);
    ck_assert_str_eq(answer.subscriber.bindings[0].contact, "sip:1001@192.0.2.8"); /* highest q first */
    ck_assert_str_eq(answer.subscriber.bindings[1].path, "<sip:edge.example;lr>");
    ck_assert_str_eq(answer.subscriber.bindings[1].user_agent, "Phone ?");
    ck_assert_uint_eq(answer.subscriber.bindings[1].cseq, 1);

    kit_restart(); /* they outlive the daemon */
    change = one_contact("1001", "sip:1001@192.0.2.7", 3, 600);
    ck_assert_int_eq(apply(&change), 0);
    ck_assert_uint_eq(answer.subscriber.binding_count, 2);
    ck_assert_int_eq(answer.subscriber.bindings[1].expires, change.bindings[0].expires);

    change = one_contact("1001", "sip:1001@192.0.2.8", 4, 0);
    ck_assert_int_eq(apply(&change), 0);
    ck_assert_uint_eq(answer.subscriber.binding_count, 1);
}
END_TEST

START_TEST(rfc3261_10_3_late_register_changes_nothing)
{
    struct binding_change change = one_contact("1001", "sip:a@192.0.2.7", 5, 60);

    ck_assert_int_eq(apply(&change), 0);
    ck_assert_int_eq(apply(&change), ESTALE); /* the same CSeq */
    change = one_contact("1001", "sip:new@192.0.2.9", 4, 60);
    change.bindings[1] = one_contact("1001", "sip:a@192.0.2.7", 4, 0).bindings[0];
    change.count = 2;
    ck_assert_int_eq(apply(&change), ESTALE);
    ck_assert_int_eq(kit_sql("select count(*) from binding"), 1); /* all or none */
    strcpy(change.bindings[1].call_id, "call-b"); /* another Call-ID: a phone that was restarted */
    ck_assert_int_eq(apply(&change), 0);
    ck_assert_uint_eq(answer.subscriber.binding_count, 1);
    ck_assert_str_eq(answer.subscriber.bindings[0].contact, "sip:new@192.0.2.9");
}
END_TEST

START_TEST(rfc3261_10_3_star_removes_all_unless_late)
{
    struct binding_change change = one_contact("1001", "sip:a@192.0.2.7", 5, 60);

    ck_assert_int_eq(apply(&change), 0);
    struct binding_change all = {.number = "1001", .remove_all = true};
    strcpy(all.bindings[0].call_id, "call-a");
    all.bindings[0].cseq = 5;
    ck_assert_int_eq(apply(&all), ESTALE);
    all.bindings[0].cseq = 6;
    ck_assert_int_eq(apply(&all), 0);
    ck_assert_uint_eq(answer.subscriber.binding_count, 0);
}
END_TEST

START_TEST(bindings_have_a_limit)
{
    struct binding_change change = {0};
    char contact[64];

    for (uint32_t i = 0; i < BINDINGS_MAX; i++) {
        snprintf(contact, sizeof contact, "sip:1001@192.0.2.%u", i);
        change.bindings[i] = one_contact("1001", contact, 1, 60).bindings[0];
    }
    strcpy(change.number, "1001");
    change.count = BINDINGS_MAX;
    ck_assert_int_eq(apply(&change), 0);
    ck_assert_uint_eq(answer.subscriber.binding_count, BINDINGS_MAX);
    struct binding_change more = one_contact("1001", "sip:1001@198.51.100.1", 2, 60);
    ck_assert_int_eq(apply(&more), ENOSPC);
    ck_assert_int_eq(kit_sql("select count(*) from binding"), BINDINGS_MAX);
    /* one for another is no more than before */
    more.bindings[1] = one_contact("1001", "sip:1001@192.0.2.0", 2, 0).bindings[0];
    more.count = 2;
    ck_assert_int_eq(apply(&more), 0);
    more = one_contact("2001", "sip:x@192.0.2.1", 1, 60);
    ck_assert_int_eq(apply(&more), ENOENT);
}
END_TEST

START_TEST(expired_bindings_are_ignored_and_swept)
{
    struct binding_change change = one_contact("1001", "sip:a@192.0.2.7", 5, 60);

    ck_assert_int_eq(apply(&change), 0);
    clock_advance(UINT64_C(61000000));
    ck_assert_int_eq(ASK(subscriber_find(kit.st, "1001", TICKET, subscriber_answered)), 0);
    ck_assert_uint_eq(answer.subscriber.binding_count, 0);
    change = one_contact("1001", "sip:a@192.0.2.7", 1, 60); /* its CSeq went with it */
    ck_assert_int_eq(apply(&change), 0);
    clock_advance(UINT64_C(61000000));
    ck_assert_int_eq(ASK(spool_sweep(kit.st, TICKET, done_answered)), 0);
    ck_assert_int_eq(kit_sql("select count(*) from binding"), 0);
}
END_TEST

START_TEST(each_bound_is_told_then_the_end)
{
    struct binding_change change = one_contact("1003", "sip:c@192.0.2.7", 1, 60);

    ck_assert_int_eq(apply(&change), 0);
    change = one_contact("1001", "sip:a@192.0.2.7", 1, 60);
    change.bindings[1] = one_contact("1001", "sip:a@192.0.2.8", 1, 60).bindings[0];
    change.count = 2;
    ck_assert_int_eq(apply(&change), 0);
    ck_assert_int_eq(ASK_FOR(3, subscriber_each_bound(kit.st, TICKET, subscriber_answered)), ENOENT);
    ck_assert_str_eq(answer.numbers[0], "1001");
    ck_assert_str_eq(answer.numbers[1], "1003");

    kit_sql("update subscriber set mailbox = '1001' where number = '1003'");
    ck_assert_int_eq(ASK_FOR(3, subscriber_each_of_mailbox(kit.st, "1001", TICKET, subscriber_answered)),
                     ENOENT);
    ck_assert_int_eq(ASK_FOR(1, subscriber_each_of_mailbox(kit.st, "1002", TICKET, subscriber_answered)),
                     ENOENT);
    ck_assert_int_eq(ASK_FOR(1, subscriber_each_of_mailbox(kit.st, "", TICKET, subscriber_answered)), ENOENT);
}
END_TEST

START_TEST(more_replies_than_the_queue_holds_all_arrive)
{
    kit_sql("insert into subscriber (number) select 'n' || n from generate_series(1, 3000) n");
    kit_sql(
        "insert into binding (subscriber, contact, call_id, cseq, expires) select number, 'sip:x', 'c', 1, "
        "now() + interval '1 hour' from subscriber where number like 'n%'");
    kit_clear();
    ck_assert_int_eq(subscriber_each_bound(kit.st, TICKET, subscriber_answered), 0);
    usleep(700000); /* the loop is busy: the queue of replies fills up */
    ck_assert_int_eq(kit_wait(3001), ENOENT);
}
END_TEST

/* -- PINs
 * -------------------------------------------------------------------------------------------------------------------
 */

static int try_pin(const char *number, const char *pin)
{
    return ASK(mailbox_check_pin(kit.st, number, pin, &nobody, TICKET, mailbox_answered));
}

START_TEST(wrong_unknown_and_overlong_look_alike)
{
    ck_assert_int_eq(try_pin("1001", "111111"), EACCES);
    ck_assert_int_eq(try_pin("2001", "739146"), EACCES);
    ck_assert_int_eq(try_pin("1001", ""), EACCES);
    ck_assert_int_eq(try_pin("1001", "73914673914673914673914"), EACCES);
    kit_sql("update mailbox set pin_hash = null where number = '1002'");
    ck_assert_int_eq(try_pin("1002", "739146"), EACCES);
    ck_assert_int_eq(try_pin("1002", ""), EACCES);
    ck_assert_int_eq(try_pin("1001", "739146"), 0);
    ck_assert_int_eq(kit_sql("select pin_failed from mailbox where number = '1001'"), 0); /* forgotten */
}
END_TEST

START_TEST(ten_wrong_pins_lock_over_a_restart)
{
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(try_pin("1001", "111111"), EACCES);
        if (i == 5) {
            kit_restart();
        }
    }
    ck_assert_int_eq(try_pin("1001", "739146"), EACCES);
    ck_assert_int_eq(try_pin("1002", "739146"), 0);
    kit_restart();
    ck_assert_int_eq(try_pin("1001", "739146"), EACCES);
    clock_advance(UINT64_C(14) * 60 * 1000000);
    ck_assert_int_eq(try_pin("1001", "739146"), EACCES); /* nor do guesses meanwhile prolong it */
    clock_advance(UINT64_C(61) * 1000000);
    ck_assert_int_eq(try_pin("1001", "111111"), EACCES);
    ck_assert_int_eq(try_pin("1001", "739146"), 0);
}
END_TEST

START_TEST(guesses_side_by_side_are_all_counted)
{
    kit_clear();
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(mailbox_check_pin(kit.st, "1001", "111111", &nobody, TICKET, mailbox_answered), 0);
    }
    kit_wait(10);
    ck_assert_int_eq(try_pin("1001", "739146"), EACCES);
}
END_TEST

START_TEST(pin_is_set_after_it_was_judged)
{
    kit_sql("update mailbox set pin_must_change = true where number = '1001'");
    ck_assert_int_eq(ASK(mailbox_set_pin(kit.st, "1001", "12345", TICKET, done_answered)), EINVAL);
    ck_assert_int_eq(ASK(mailbox_set_pin(kit.st, "1001", "123456", TICKET, done_answered)), EPERM);
    ck_assert_int_eq(ASK(mailbox_set_pin(kit.st, "2001", "580274", TICKET, done_answered)), ENOENT);
    ck_assert_int_eq(try_pin("1001", "739146"), 0);
    ck_assert(answer.mailbox.pin_must_change);
    ck_assert_int_eq(ASK(mailbox_set_pin(kit.st, "1001", "580274", TICKET, done_answered)), 0);
    ck_assert_int_eq(try_pin("1001", "739146"), EACCES);
    ck_assert_int_eq(try_pin("1001", "580274"), 0);
    ck_assert(!answer.mailbox.pin_must_change);
    ck_assert_int_eq(kit_sql("select (pin_hash like '$y$%')::int from mailbox where number = '1001'"), 1);
}
END_TEST

/* A lock lasts twice as long as the one before, until a right PIN; the owner is told how many were wrong. */
START_TEST(locks_grow_until_a_right_pin)
{
    for (int lock = 0; lock < 2; lock++) {
        for (int i = 0; i < 10; i++) {
            ck_assert_int_eq(try_pin("1001", "111111"), EACCES);
        }
        clock_advance(UINT64_C(901) * 1000000);
        if (lock == 1) {
            ck_assert_int_eq(try_pin("1001", "739146"), EACCES);
            clock_advance(UINT64_C(901) * 1000000);
        }
    }
    ck_assert_int_eq(try_pin("1001", "739146"), 0);
    ck_assert_uint_eq(answer.mailbox.pin_refused, 20);
    ck_assert_int_eq(try_pin("1001", "739146"), 0);
    ck_assert_uint_eq(answer.mailbox.pin_refused, 0);
    ck_assert_int_eq(kit_sql("select count(*) from audit where mailbox = '1001' and act = 'login'"), 2);
    ck_assert_int_eq(kit_sql("select count(*) from audit where mailbox = '1001' and act = 'login-refused'"),
                     21);
}
END_TEST

/* Six wrong ones, each for another mailbox: he is locked out of all, and locks nobody else out. */
START_TEST(guesser_goes_from_box_to_box)
{
    const struct guesser from = {.caller = "1009", .address = "192.0.2.7"};
    const struct guesser beside = {.caller = "1008", .address = "192.0.2.7"};
    char number[8];

    for (int i = 1; i <= 6; i++) {
        snprintf(number, sizeof number, "100%d", i);
        ck_assert_int_eq(ASK(mailbox_check_pin(kit.st, number, "111111", &from, TICKET, mailbox_answered)),
                         EACCES);
    }
    kit_restart();
    for (int i = 0; i < 12; i++) {
        ck_assert_int_eq(ASK(mailbox_check_pin(kit.st, "1009", "739146", &from, TICKET, mailbox_answered)),
                         EACCES);
    }
    ck_assert_int_eq(ASK(mailbox_check_pin(kit.st, "1009", "739146", &beside, TICKET, mailbox_answered)), 0);
    clock_advance(UINT64_C(901) * 1000000);
    ck_assert_int_eq(ASK(mailbox_check_pin(kit.st, "1009", "739146", &from, TICKET, mailbox_answered)), 0);
}
END_TEST

START_TEST(pins_come_back_only_after_five_others)
{
    static const char *const pins[] = {"580274", "591385", "602496", "714607", "825718"};

    ck_assert_int_eq(ASK(mailbox_set_pin(kit.st, "1001", "739146", TICKET, done_answered)), EPERM);
    for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++) {
        ck_assert_int_eq(ASK(mailbox_set_pin(kit.st, "1001", pins[i], TICKET, done_answered)), 0);
        ck_assert_int_eq(ASK(mailbox_set_pin(kit.st, "1001", pins[0], TICKET, done_answered)), EPERM);
    }
    ck_assert_int_eq(ASK(mailbox_set_pin(kit.st, "1001", "739146", TICKET, done_answered)), 0);
    ck_assert_int_eq(kit_sql("select count(*) from audit where act = 'pin-changed'"), 6);
    ck_assert_int_eq(kit_sql("select count(*) from audit where detail like '%$y$%'"), 0);
}
END_TEST

START_TEST(phone_is_trusted_where_its_box_says_so)
{
    ck_assert_int_eq(ASK(mailbox_trust(kit.st, "1001", &nobody, TICKET, mailbox_answered)), EACCES);
    ck_assert_int_eq(ASK(mailbox_trust(kit.st, "4711", &nobody, TICKET, mailbox_answered)), EACCES);
    kit_sql("update mailbox set trusted_phone = true where number = '1001'");
    kit_sql("insert into subscriber (number, mailbox) values ('1001', '1001'), ('1002', '1002') "
            "on conflict (number) do update set mailbox = excluded.mailbox");
    ck_assert_int_eq(ASK(mailbox_trust(kit.st, "1001", &nobody, TICKET, mailbox_answered)), EACCES);
    /* Another one's phone has proved who he is, and not that the box is his. */
    ck_assert_int_eq(
        ASK(mailbox_trust(kit.st, "1001", &(struct guesser){.caller = "1002"}, TICKET, mailbox_answered)),
        EACCES);
    ck_assert_int_eq(
        ASK(mailbox_trust(kit.st, "1001", &(struct guesser){.caller = "1001"}, TICKET, mailbox_answered)), 0);
    ck_assert_str_eq(answer.mailbox.number, "1001");
}
END_TEST

START_TEST(room_found)
{
    ck_assert_int_eq(ASK(room_find(kit.st, "3900", TICKET, room_answered)), 0);
    ck_assert(answer.room.has_pin && answer.room.has_moderator_pin);
    ck_assert_uint_eq(answer.room.max_members, 0);
    ck_assert(answer.room.loudness == ROOM_AS_SERVER && answer.room.denoise == ROOM_AS_SERVER);
    kit_sql("update room set loudness = false, denoise = true where number = '3900'");
    ck_assert_int_eq(ASK(room_find(kit.st, "3900", TICKET, room_answered)), 0);
    ck_assert(answer.room.loudness == ROOM_NO && answer.room.denoise == ROOM_YES);
    ck_assert_str_eq(answer.room.record, "");
    kit_sql("update room set record = 'tracks', record_format = 'opus' where number = '3900'");
    ck_assert_int_eq(ASK(room_find(kit.st, "3900", TICKET, room_answered)), 0);
    ck_assert_str_eq(answer.room.record, "tracks");
    ck_assert_str_eq(answer.room.record_format, "opus");
    ck_assert_int_eq(ASK(room_find(kit.st, "3000", TICKET, room_answered)), ENOENT);
}
END_TEST

START_TEST(full_queue_refuses_at_once)
{
    struct storage_stats stats;
    int asked = 0, error = 0;

    kit_clear();
    while (error == 0 && asked < 100000) {
        error = mailbox_find(kit.st, "1001", TICKET, mailbox_answered);
        asked += error == 0;
    }
    ck_assert_int_eq(error, ENOBUFS);
    storage_read_stats(kit.st, &stats);
    ck_assert_uint_eq(stats.jobs_refused, 1);
    ck_assert_int_eq(kit_wait(asked), 0); /* each of those taken is answered */
    storage_read_stats(kit.st, &stats);
    ck_assert_uint_eq(stats.waiting, 0);
    ck_assert_uint_ge(stats.jobs, (uint64_t)asked);
    ck_assert_uint_eq(stats.jobs_failed, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage");
    TCase *tc = tcase_create("rows");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, kit_setup, kit_teardown);
    tcase_add_test(tc, demo_has_what_the_manual_promises);
    tcase_add_test(tc, credentials_of_nobody);
    tcase_add_test(tc, subscriber_found);
    tcase_add_test(tc, newest_caller_is_kept_for_each_subscriber);
    tcase_add_test(tc, bindings_are_added_refreshed_and_removed);
    tcase_add_test(tc, rfc3261_10_3_late_register_changes_nothing);
    tcase_add_test(tc, rfc3261_10_3_star_removes_all_unless_late);
    tcase_add_test(tc, bindings_have_a_limit);
    tcase_add_test(tc, expired_bindings_are_ignored_and_swept);
    tcase_add_test(tc, each_bound_is_told_then_the_end);
    tcase_add_test(tc, more_replies_than_the_queue_holds_all_arrive);
    tcase_add_test(tc, wrong_unknown_and_overlong_look_alike);
    tcase_add_test(tc, ten_wrong_pins_lock_over_a_restart);
    tcase_add_test(tc, guesses_side_by_side_are_all_counted);
    tcase_add_test(tc, locks_grow_until_a_right_pin);
    tcase_add_test(tc, guesser_goes_from_box_to_box);
    tcase_add_test(tc, pins_come_back_only_after_five_others);
    tcase_add_test(tc, phone_is_trusted_where_its_box_says_so);
    tcase_add_test(tc, pin_is_set_after_it_was_judged);
    tcase_add_test(tc, room_found);
    tcase_add_test(tc, full_queue_refuses_at_once);
    suite_add_tcase(suite, tc);
    return kit_main(suite);
}
