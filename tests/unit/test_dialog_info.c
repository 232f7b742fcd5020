/* The XML of RFC 4235. */
#include "core/sip/dialog_info.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct dialog_entry entry(void)
{
    return (struct dialog_entry){.id = 7,
                                 .state = DIALOG_EARLY,
                                 .call_id = "abc@192.0.2.1",
                                 .local_tag = "theirs",
                                 .remote_tag = "ours",
                                 .remote = {.user = "1001", .host = "confab", .display = "Ada"}};
}

/* §4.1: nothing goes on. */
START_TEST(idle_is_an_empty_document)
{
    char *text = dialog_info_write("1002", "confab", 0, NULL, 0);

    ck_assert_str_eq(text,
                     "<?xml version=\"1.0\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" "
                     "version=\"0\" state=\"full\" entity=\"sip:1002@confab\">\r\n</dialog-info>\r\n");
    free(text);
}
END_TEST

START_TEST(a_ringing_phone_can_be_picked_up_by_what_is_said)
{
    struct dialog_entry one = entry();
    char *text = dialog_info_write("1002", "confab", 3, &one, 1);

    ck_assert_ptr_nonnull(strstr(text, "version=\"3\" state=\"full\""));
    ck_assert_ptr_nonnull(strstr(text, "<dialog id=\"d7\" call-id=\"abc@192.0.2.1\" local-tag=\"theirs\" "
                                       "remote-tag=\"ours\" direction=\"recipient\">"));
    ck_assert_ptr_nonnull(strstr(text, "<state>early</state>"));
    ck_assert_ptr_nonnull(strstr(text, "<local><identity>sip:1002@confab</identity>"
                                       "<target uri=\"sip:1002@confab\"/></local>"));
    ck_assert_ptr_nonnull(strstr(text, "<remote><identity display=\"Ada\">sip:1001@confab</identity>"));
    free(text);
}
END_TEST

START_TEST(who_is_not_named_is_left_out)
{
    struct dialog_entry one = entry();
    char *text;

    memset(&one.remote, 0, sizeof one.remote);
    one.local_tag[0] = '\0';
    one.initiator = true;
    text = dialog_info_write("1002", "confab", 0, &one, 1);
    ck_assert_ptr_null(strstr(text, "remote>"));
    ck_assert_ptr_null(strstr(text, "local-tag"));
    ck_assert_ptr_nonnull(strstr(text, "direction=\"initiator\""));
    free(text);
}
END_TEST

/* Names and tags are what strangers send. */
START_TEST(names_cannot_break_out)
{
    struct dialog_entry one = entry();
    char *text;

    strcpy(one.remote.display, "\"><state>confirmed</state>&\x01");
    strcpy(one.call_id, "a\"b<c");
    /* "Zoë" in Latin-1, half a character, a surrogate, and what is fine: "ë€😀". */
    strcpy(one.local_tag, "Zo\xEB|\xE2\x82|\xED\xA0\x80|\xC3\xAB\xE2\x82\xAC\xF0\x9F\x98\x80");
    strcpy(one.remote.user, "Zo\xEB|\xC3\xAB&");
    text = dialog_info_write("1002", "confab", 0, &one, 1);
    ck_assert_ptr_nonnull(strstr(text, "display=\"&quot;&gt;&lt;state&gt;confirmed&lt;/state&gt;&amp;?\""));
    ck_assert_ptr_nonnull(strstr(text, "call-id=\"a&quot;b&lt;c\""));
    ck_assert_ptr_nonnull(strstr(text, "local-tag=\"Zo?|??|???|\xC3\xAB\xE2\x82\xAC\xF0\x9F\x98\x80\""));
    ck_assert_ptr_nonnull(strstr(text, "sip:Zo%EB%7C%C3%AB&amp;@")); /* a URI is ASCII (RFC 3261 §25.1) */
    free(text);
}
END_TEST

START_TEST(twenty_of_the_longest_fit)
{
    struct dialog_entry many[DIALOGS_MAX];
    char *text;

    for (size_t i = 0; i < DIALOGS_MAX; i++) {
        many[i] = entry();
        memset(many[i].call_id, '"', sizeof many[i].call_id - 1);
        memset(many[i].local_tag, '&', sizeof many[i].local_tag - 1);
        memset(many[i].remote_tag, '"', sizeof many[i].remote_tag - 1);
        memset(many[i].remote.user, '"', sizeof many[i].remote.user - 1);
        memset(many[i].remote.host, '"', sizeof many[i].remote.host - 1);
        memset(many[i].remote.display, '"', sizeof many[i].remote.display - 1);
    }
    text = dialog_info_write("\"\"\"\"\"\"", "confab", 0, many, DIALOGS_MAX);
    ck_assert_ptr_nonnull(strstr(text, "</dialog>\r\n</dialog-info>\r\n"));
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dialog_info");
    TCase *tcase = tcase_create("xml");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, idle_is_an_empty_document);
    tcase_add_test(tcase, a_ringing_phone_can_be_picked_up_by_what_is_said);
    tcase_add_test(tcase, who_is_not_named_is_left_out);
    tcase_add_test(tcase, names_cannot_break_out);
    tcase_add_test(tcase, twenty_of_the_longest_fit);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
