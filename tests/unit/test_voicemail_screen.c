/* apps/voicemail: who is called to listen while a message is left, when, and for how long. */
#include "tests/unit/voicemail_double.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct mailbox screened(void)
{
    struct mailbox box = plain;

    box.screen = true;
    return box;
}

/* Storage tells who has the mailbox and a phone. */
static void owners(const char *const *numbers)
{
    for (; *numbers; numbers++) {
        struct subscriber *owner = calloc(1, sizeof *owner);

        strcpy(owner->number, *numbers);
        strcpy(owner->mailbox, "1002");
        asked.subscriber(asked.ticket, 0, owner);
        free(owner);
    }
    asked.subscriber(asked.ticket, ENOENT, NULL);
}

static struct link *leaves(void)
{
    struct mailbox box = screened();
    struct link *link = call_deposit(408, &box);

    ck_told(&asked, "");
    press(link, '#');
    ck_told(&asked, "open=1002 owners=1002");
    return link;
}

/* Not during the greeting, at which most hang up; not the mailbox's number, which may be nobody's phone. */
START_TEST(who_has_the_mailbox_is_called)
{
    struct link *link = leaves();

    ck_told(&server, "");
    owners((const char *const[]){"1005", "1006", NULL});
    ck_told(&server, "call=1005/phones call=1006/phones");
    ck_assert_str_eq(server.made.argument, "=screen");
    hang_up(link);
    ck_told(&server, "cancel");
}
END_TEST

START_TEST(no_more_than_a_few_are_called)
{
    leaves();
    owners((const char *const[]){"1003", "1004", "1005", "1006", "1007", NULL});
    ck_told(&server, "call=1003/phones call=1004/phones call=1005/phones call=1006/phones");
}
END_TEST

/* Several may have one mailbox: who leaves a message in it himself is on the phone already. */
START_TEST(who_speaks_is_not_called)
{
    struct mailbox box = screened();
    const struct request request = {
        .call = "test", .number = "*991002", .argument = "deposit", .params = "", .user = "1005"};
    static const struct number_settings row = {.pattern = "*99.", .application = "voicemail"};
    struct link *link;

    settings.numbers = (struct number_settings *)(uintptr_t)&row;
    settings.number_count = 1;
    link = call_with(&voicemail_app, &request);
    ck_told(&asked, "find=1002");
    asked.mailbox(asked.ticket, 0, &box);
    answer(link);
    press(link, '#');
    owners((const char *const[]){"1005", "1006", NULL});
    ck_told(&server, "call=1006/phones");
    settings.numbers = NULL;
    settings.number_count = 0;
}
END_TEST

/* The second recording is the same call's. */
START_TEST(they_are_called_once)
{
    struct link *link = leaves();

    owners((const char *const[]){"1005", NULL});
    open_deposit();
    play_over(link);
    record(link, RECORDED_KEY, 2000, 1500);
    press(link, '3');
    ck_assert_ptr_nonnull(strstr(asked.told, "discard=deposit open=1002"));
    ck_assert_ptr_null(strstr(asked.told, "owners"));
}
END_TEST

/* No phone rings for a caller who only hears that there is no room, or what the box has to say; and there is
 * nobody to listen to. */
START_TEST(nobody_is_called_without_a_message)
{
    struct mailbox full = screened(), greeting = screened();
    struct link *owner;

    full.message_count = full.max_messages = 2;
    greeting.kind = MAILBOX_GREETING;
    call_deposit(408, &full);
    call_deposit(408, &greeting);
    ck_told(&asked, "");
    owner = call(&voicemail_app, "1002", "=screen", "");
    answer(owner);
    ck_assert_ptr_nonnull(strstr(owner->told, "play=conf-nobody"));
}
END_TEST

/* Who listens stops the others' phones; they are not called for a caller whom somebody hears already. */
START_TEST(the_first_who_listens_is_enough)
{
    struct link *caller = leaves(), *owner;

    owners((const char *const[]){"1005", "1006", NULL});
    *server.told = '\0';
    owner = call(&voicemail_app, "1002", "=screen", "");
    answer(owner);
    ck_assert_ptr_nonnull(strstr(server.told, "cancel"));
    *server.told = '\0';
    hang_up(caller);
    ck_assert_ptr_null(strstr(server.told, "cancel"));

    *asked.told = '\0';
    caller = leaves();
    owner = call(&voicemail_app, "1002", "=screen", "");
    answer(owner);
    *server.told = '\0';
    asked.ticket = link_ticket(caller);
    owners((const char *const[]){"1005", NULL});
    ck_assert_ptr_null(strstr(server.told, "call="));
}
END_TEST

/* The box says nothing of it: nobody is asked for. */
START_TEST(only_where_the_box_wants_it)
{
    struct link *link = call_deposit(408, &plain);

    press(link, '#');
    ck_told(&asked, "open=1002");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("voicemail_screen");
    TCase *tc = tcase_create("voicemail_screen");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, voicemail_begin, double_end);
    tcase_add_test(tc, who_has_the_mailbox_is_called);
    tcase_add_test(tc, no_more_than_a_few_are_called);
    tcase_add_test(tc, who_speaks_is_not_called);
    tcase_add_test(tc, they_are_called_once);
    tcase_add_test(tc, nobody_is_called_without_a_message);
    tcase_add_test(tc, the_first_who_listens_is_enough);
    tcase_add_test(tc, only_where_the_box_wants_it);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
