/* apps/voicemail: what leaves a mailbox: forwarding, lists, replies, calls back. */
#include "tests/unit/voicemail_double.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(message_is_forwarded)
{
    struct mailbox full = plain;
    struct link *link = listens();

    *link->told = '\0';
    press(link, '8');
    ck_told(link, "ask=msg-enter-recipients");
    type(link, "1003");
    ck_told(&asked, "recipient=1003");
    asked.mailbox(asked.ticket, ENOENT, NULL);
    play_over(link);
    ck_told(link, "play=vm-nobox " MESSAGE_MENU("vm-delete"));
    full.message_count = full.max_messages;
    press(link, '8');
    type(link, "1002");
    *link->told = '\0';
    asked.mailbox(asked.ticket, 0, &full);
    play_over(link);
    ck_told(link, "play=vm-mailboxfull " MESSAGE_MENU("vm-delete"));
    press(link, '8');
    type(link, "1002");
    *link->told = *asked.told = '\0';
    asked.mailbox(asked.ticket, 0, &plain);
    ck_told(link, "menu=vm-forwardoptions");
    press(link, '2');
    ck_told(&asked, "send=one/1002/1002");
    *link->told = '\0';
    asked.sent(asked.ticket, 0, &(struct sent){.placed = 1});
    play_over(link);
    ck_told(link, "play=vm-msgforwarded " MESSAGE_MENU("vm-delete"));
    press(link, '8');
    *link->told = '\0';
    type(link, "");
    ck_told(link, MESSAGE_MENU("vm-delete"));
}
END_TEST

/* Several become a list; who has not got it is named, and why. */
START_TEST(message_is_forwarded_to_several)
{
    struct mailbox other = plain;
    struct sent sent = {.placed = 1, .missed = 1, .misses = {{.mailbox = "3", .full = true}}};
    char wanted[128];
    struct link *link = listens();

    press(link, '8');
    type(link, "1003*4*1002");
    ck_told(&asked, "recipient=1003");
    snprintf(other.number, sizeof other.number, "1003");
    asked.mailbox(asked.ticket, 0, &other);
    ck_told(&asked, "recipient=4");
    *link->told = '\0';
    asked.mailbox(asked.ticket, EACCES, NULL);
    ck_told(link, "play=msg-not-permitted");
    play_over(link);
    ck_told(&asked, "recipient=1002");
    asked.mailbox(asked.ticket, 0, &plain);
    ck_told(&asked, "recipients=1003/1002");
    asked.done(asked.ticket, 0);
    press(link, '1'); /* with words of his own before it */
    play_over(link);
    play_over(link);
    record(link, RECORDED_KEY, 2000, 1500);
    *asked.told = '\0';
    press(link, '1');
    snprintf(wanted, sizeof wanted, "send=one/%s/1002/introduced", asked.list);
    ck_told(&asked, wanted);
    *link->told = '\0';
    asked.sent(asked.ticket, 0, &sent);
    ck_told(link, "play=vm-msgforwarded+msg-not-reached+digits/1+vm-extension+digits/3+vm-mailboxfull");
}
END_TEST

START_TEST(private_message_stays)
{
    struct link *link = listens();

    press(link, '8');
    type(link, "1002");
    asked.mailbox(asked.ticket, 0, &plain);
    press(link, '2');
    *link->told = '\0';
    asked.sent(asked.ticket, EPERM, NULL);
    ck_told(link, "play=msg-is-private");
}
END_TEST

/* What was said before it is heard first. */
START_TEST(introduction_comes_first)
{
    struct entry introduced = entries[0];
    struct link *link = visit();

    introduced.introduced = true;
    press(link, '1');
    *asked.told = '\0';
    list_entries(1, &introduced);
    ck_told(&asked, "introduction=one");
    asked.file(asked.ticket, 0, "/cache/before.wav");
    ck_told(&asked, "fetch=one");
    *link->told = '\0';
    asked.file(asked.ticket, 0, "/cache/one.wav");
    ck_assert_ptr_nonnull(strstr(link->told, "before.wav"));
    ck_assert_ptr_nonnull(strstr(strstr(link->told, "before.wav"), "one.wav"));
}
END_TEST

START_TEST(team_member_takes_care)
{
    struct entry entry = entries[0];
    struct link *link = visit();

    snprintf(entry.mailbox, sizeof entry.mailbox, "5");
    snprintf(entry.claimed_by, sizeof entry.claimed_by, "7");
    press(link, '1');
    list_entries(1, &entry);
    *link->told = '\0';
    asked.file(asked.ticket, 0, "/cache/one.wav");
    ck_assert_ptr_nonnull(strstr(link->told, "msg-team+digits/5+msg-claimed-by+digits/7"));
    press(link, '3');
    *asked.told = '\0';
    press(link, '8');
    ck_told(&asked, "claim=one");
    snprintf(asked.wanted.claimed_by, sizeof entry.claimed_by, "1002");
    *link->told = '\0';
    updated();
    ck_told(link, "play=msg-claimed-by-you");
}
END_TEST

START_TEST(lists_are_made_by_phone)
{
    struct link *link = visit();

    press(link, '0');
    *link->told = '\0';
    press(link, '8');
    ck_told(link, "ask=msg-list-number");
    type(link, "12");
    ck_told(link, "menu=msg-list-menu");
    press(link, '1');
    *asked.told = '\0';
    type(link, "1003");
    ck_told(&asked, "list-change=1002/12/+1003");
    *link->told = '\0';
    asked.done(asked.ticket, 0);
    ck_told(link, "play=msg-list-added");
    play_over(link);
    press(link, '2');
    *asked.told = '\0';
    type(link, "1004");
    ck_told(&asked, "list-change=1002/12/-1004");
    *link->told = '\0';
    asked.done(asked.ticket, ENOENT);
    ck_told(link, "play=vm-nobox");
}
END_TEST

/* Two of that name: the second is chosen, and a third may follow by number. */
START_TEST(recipient_is_found_by_name)
{
    const struct found_list found = {
        .count = 2, .found = {{.number = "3", .name = "al"}, {.number = "4", .name = "al", .spoken = true}}};
    struct link *link = listens();

    press(link, '8');
    type(link, "*");
    *link->told = *asked.told = '\0';
    type(link, "25");
    ck_told(&asked, "directory=25");
    asked.found(asked.ticket, 0, &found);
    ck_told(link, "menu=letters/a+letters/l+vm-extension+digits/3+dir-instr");
    press(link, '*');
    ck_told(&asked, "greeting=name");
    *link->told = '\0';
    asked.file(asked.ticket, 0, "/cache/name.wav");
    ck_told(link, "file=/cache/name.wav! menu=file+vm-extension+digits/4+dir-instr");
    press(link, '1');
    ck_told(&asked, "recipient=4");
    *link->told = '\0';
    asked.mailbox(asked.ticket, 0, &plain);
    ck_told(link, "ask=msg-more-recipients");
    type(link, "");
    ck_told(link, "menu=vm-forwardoptions");
}
END_TEST

/* Both talk in a room; when he who was called hangs up, the owner is in his box again. */
START_TEST(owner_calls_back)
{
    struct request request = {.call = "test", .number = "1002", .params = ""};
    const struct call_leave leave = {.id = 9, .user = "1002"};
    struct link *link = listens(), *other;

    press(link, '3');
    *asked.told = '\0';
    press(link, '2');
    ck_told(&asked, "call-out=1002/1001/20");
    ck_assert(asked.leave(asked.ticket, EPERM, NULL));
    play_over(link);
    press(link, '3');
    press(link, '2');
    *asked.told = *link->told = '\0';
    ck_assert(asked.leave(asked.ticket, 0, &leave));
    ck_told(link, "menu=425Hz+4000ms");
    ck_assert_str_eq(server.made.number, "1001");
    ck_assert_str_eq(server.made.user, "1002");
    request.argument = server.made.argument;
    other = call_with(&voicemail_app, &request);
    answer(other);
    server.made.done(server.made.arg, 200);
    ck_assert_ptr_nonnull(strstr(link->told, "enter=1"));
    ck_assert_ptr_nonnull(strstr(other->told, "enter=1"));
    *link->told = '\0';
    hang_up(other);
    ck_told(&asked, "call-over=9/200");
    ck_assert_ptr_nonnull(strstr(link->told, "enter=0"));
    ck_assert_ptr_nonnull(strstr(link->told, MESSAGE_MENU("vm-delete")));
}
END_TEST

/* Up to the talk: what the owner's link is, and the other's. */
static struct link *talks(struct link **other)
{
    struct request request = {.call = "test", .number = "1002", .params = ""};
    const struct call_leave leave = {.id = 9, .user = "1002"};
    struct link *link = listens();

    press(link, '3');
    press(link, '2');
    ck_assert(asked.leave(asked.ticket, 0, &leave));
    request.argument = server.made.argument;
    *other = call_with(&voicemail_app, &request);
    answer(*other);
    server.made.done(server.made.arg, 200);
    *asked.told = *link->told = '\0';
    return link;
}

START_TEST(call_has_a_longest_time)
{
    struct link *other, *link = talks(&other);

    ck_assert_uint_eq(link->timer_ms, 120 * 60000);
    link->timer(link);
    ck_told(&asked, "call-over=9/200");
    ck_assert_ptr_nonnull(strstr(other->told, "hangup"));
    ck_assert_ptr_nonnull(strstr(link->told, "enter=0"));
    ck_assert_ptr_nonnull(strstr(link->told, "play=msg-call-too-long"));
    play_over(link);
    ck_assert_ptr_nonnull(strstr(link->told, MESSAGE_MENU("vm-delete")));
}
END_TEST

/* Whoever is called back within it has no timer of the call that is over. */
START_TEST(call_that_is_over_has_no_time)
{
    struct link *other, *link = talks(&other);

    press(link, '*');
    ck_told(&asked, "call-over=9/200");
    ck_assert_ptr_null(link->timer);
}
END_TEST

START_TEST(leave_for_who_has_gone_is_given_back)
{
    const struct call_leave leave = {.id = 9, .user = "1002"};
    struct link *link = listens();

    press(link, '3');
    press(link, '2');
    hang_up(link);
    *asked.told = '\0';
    ck_assert(!asked.leave(asked.ticket, 0, &leave));
    ck_told(&asked, "");
}
END_TEST

START_TEST(call_that_fails_is_told)
{
    const struct call_leave leave = {.id = 9};
    struct link *link = listens();

    press(link, '3');
    press(link, '4');
    type(link, "0170");
    *asked.told = '\0';
    ck_assert(asked.leave(asked.ticket, 0, &leave));
    *link->told = '\0';
    server.made.done(server.made.arg, 486);
    ck_told(&asked, "call-over=9/486");
    ck_assert_ptr_nonnull(strstr(link->told, "play=msg-call-failed"));
}
END_TEST

static void is_found(const char *number, enum mailbox_kind kind)
{
    struct mailbox box = plain;

    snprintf(box.number, sizeof box.number, "%s", number);
    box.kind = kind;
    asked.mailbox(asked.ticket, 0, &box);
}

/* From the menu of a message: numbers are typed, of which the first is looked up. */
static struct link *composes(const char *numbers)
{
    struct link *link = listens();

    press(link, '3');
    press(link, '5');
    *link->told = *asked.told = *logged = '\0';
    type(link, numbers);
    return link;
}

/* A message is spoken and sent; what is told behind it is up to the test. */
static void sends(struct link *link)
{
    press(link, '#');
    open_deposit();
    play_over(link);
    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '1');
    asked.done(asked.ticket, 0);
    *asked.told = *link->told = '\0';
    play_over(link);
}

/* How many of a list it has missed, and why; the main menu follows. */
START_TEST(composer_hears_whom_it_missed)
{
    const struct sent sent = {
        .missed = 5,
        .misses = {{.mailbox = "3", .full = true}, {"4", false}, {"5", false}, {"6", false}, {"7", false}}};
    struct link *link = composes("800");

    is_found("list", MAILBOX_LIST);
    sends(link);
    ck_told(&asked, "undelivered=deposit");
    asked.sent(asked.ticket, 0, &sent);
    ck_told(link,
            "play=msg-not-reached+digits/5+vm-extension+digits/3+vm-mailboxfull"
            "+vm-extension+digits/4+vm-nobox+vm-extension+digits/5+vm-nobox+vm-extension+digits/6+vm-nobox");
    play_over(link);
    ck_told(link, MAIN_MENU("vm-INBOX"));
}
END_TEST

START_TEST(composer_hears_nothing_when_all_have_it)
{
    const struct sent sent = {0};
    struct link *link = composes("1003*1004");

    is_found("1003", MAILBOX_PERSON);
    is_found("1004", MAILBOX_PERSON);
    asked.done(asked.ticket, 0);
    sends(link);
    ck_told(&asked, "undelivered=deposit");
    asked.sent(asked.ticket, 0, &sent);
    ck_told(link, MAIN_MENU("vm-INBOX"));
}
END_TEST

/* Each with its reason; what is nobody's may be a PIN. */
START_TEST(receivers_that_are_left_out_are_logged)
{
    struct mailbox full = plain;
    struct link *link = composes("739146*1003*899");

    asked.mailbox(asked.ticket, ENOENT, NULL);
    play_over(link);
    full.message_count = full.max_messages = 1;
    asked.mailbox(asked.ticket, 0, &full);
    play_over(link);
    asked.mailbox(asked.ticket, EACCES, NULL);
    ck_assert_ptr_nonnull(strstr(logged, "number=- reason=unknown"));
    ck_assert_ptr_nonnull(strstr(logged, "number=1003 reason=full"));
    ck_assert_ptr_nonnull(strstr(logged, "number=899 reason=not-permitted"));
    ck_assert_ptr_null(strstr(logged, "739146"));
}
END_TEST

START_TEST(too_many_receivers_are_told)
{
    struct link *link = composes("1*2*3*4*5*6*7*8*9*10*11*12*13*1");

    for (int i = 0; i < SEND_MAX; i++)
        is_found("1003", MAILBOX_PERSON);
    *asked.told = *link->told = '\0';
    is_found("13", MAILBOX_PERSON);
    ck_told(link, "play=msg-too-many-recipients");
    play_over(link);
    ck_assert_int_eq(strncmp(asked.told, "recipients=1003/", 16), 0);
}
END_TEST

/* More keys than one question takes are one answer all the same. */
START_TEST(long_list_of_receivers_is_whole)
{
    struct link *link = composes("*1003*1004*1005*1006*1007*1008*1");

    ck_told(&asked, "");
    ck_told(link, "ask=");
    type(link, "009");
    for (int i = 3; i < 9; i++)
        is_found("1003", MAILBOX_PERSON);
    ck_assert_ptr_nonnull(strstr(asked.told, "recipient=1008 recipient=1009"));
    ck_assert_ptr_null(strstr(asked.told, "recipient=1 "));
}
END_TEST

/* One may have it when the database is back; several are a list, of which nobody would know. */
START_TEST(database_away_leaves_out_no_receiver)
{
    struct link *link = composes("1003");

    asked.mailbox(asked.ticket, EIO, NULL);
    ck_told(link, "menu=vm-intro");
    hang_up(link);
    *asked.told = '\0';
    link = composes("1003*1004");
    asked.mailbox(asked.ticket, EIO, NULL);
    ck_told(link, "play=msg-trouble");
}
END_TEST

/* A reply goes to the caller's box with that box's limit, and ends at the main menu, not with the call. */
START_TEST(reply_and_back)
{
    struct mailbox other = plain;
    struct link *link = listens();

    snprintf(other.number, sizeof other.number, "1001");
    other.max_message_s = 20;
    press(link, '3');
    *link->told = '\0';
    press(link, '1');
    ck_told(&asked, "recipient=1001");
    asked.mailbox(asked.ticket, 0, &other);
    ck_told(link, "menu=vm-intro");
    press(link, '#');
    ck_told(&asked, "open=1001");
    ck_assert_int_eq(asked.deposit.cause, DEPOSIT_DIRECT);
    open_deposit();
    play_over(link);
    ck_assert_uint_eq(link->max_ms, 20000);
    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '1');
    ck_told(&asked, "commit=normal");
    *link->told = '\0';
    asked.done(asked.ticket, 0);
    play_over(link);
    ck_told(link, "play=vm-msgsaved " MAIN_MENU("vm-INBOX"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("voicemail_sending");
    TCase *tc = tcase_create("voicemail_sending");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, voicemail_begin, double_end);
    tcase_add_test(tc, message_is_forwarded);
    tcase_add_test(tc, message_is_forwarded_to_several);
    tcase_add_test(tc, private_message_stays);
    tcase_add_test(tc, introduction_comes_first);
    tcase_add_test(tc, team_member_takes_care);
    tcase_add_test(tc, lists_are_made_by_phone);
    tcase_add_test(tc, recipient_is_found_by_name);
    tcase_add_test(tc, owner_calls_back);
    tcase_add_test(tc, call_that_fails_is_told);
    tcase_add_test(tc, call_has_a_longest_time);
    tcase_add_test(tc, call_that_is_over_has_no_time);
    tcase_add_test(tc, leave_for_who_has_gone_is_given_back);
    tcase_add_test(tc, composer_hears_whom_it_missed);
    tcase_add_test(tc, composer_hears_nothing_when_all_have_it);
    tcase_add_test(tc, receivers_that_are_left_out_are_logged);
    tcase_add_test(tc, too_many_receivers_are_told);
    tcase_add_test(tc, long_list_of_receivers_is_whole);
    tcase_add_test(tc, database_away_leaves_out_no_receiver);
    tcase_add_test(tc, reply_and_back);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
