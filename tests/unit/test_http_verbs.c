/* What HTTP applications answer: what is understood, and that nothing else is. */
#include "apps/http/verbs.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *fault_of(const char *json)
{
    struct verbs *verbs = NULL;
    const char *fault = verbs_read(&verbs, json, strlen(json));

    verbs_free(verbs);
    return fault;
}

START_TEST(test_verbs_are_read_in_order)
{
    const char *json = "{\"verbs\":[{\"tag\":{\"key\":\"a\",\"value\":\"b\"}},{\"answer\":{}},"
                       "{\"play\":{\"tone\":440,\"ms\":300}},"
                       "{\"gather\":{\"max\":4,\"timeout\":2000,\"prompts\":[\"vm-password\"],"
                       "\"action\":\"http://x/\"}},{\"dial\":{\"number\":\"1002\"}},{\"hangup\":{}}]}";
    struct verbs *verbs;

    ck_assert_ptr_null(verbs_read(&verbs, json, strlen(json)));
    ck_assert_uint_eq(verbs->count, 6);
    ck_assert_str_eq(verbs->list[0].action, "b");
    ck_assert_int_eq(verbs->list[1].kind, VERB_ANSWER);
    ck_assert_int_eq(verbs->list[2].number, 440);
    ck_assert_int_eq(verbs->list[2].ms, 300);
    ck_assert_int_eq(verbs->list[3].number, 4);
    ck_assert_str_eq(verbs->list[3].prompts[0], "vm-password");
    ck_assert_str_eq(verbs->list[3].action, "http://x/");
    ck_assert_str_eq(verbs->list[3].text, "#");
    ck_assert_str_eq(verbs->list[4].numbers[0], "1002");
    verbs_free(verbs);
    ck_assert_ptr_null(fault_of("[]"));
}
END_TEST

/* The document's is for all that is said; a text may have another. */
START_TEST(test_language_is_read)
{
    const char *json = "{\"language\":\"fr\",\"verbs\":[{\"say\":{\"text\":\"a\"}},"
                       "{\"say\":{\"text\":\"b\",\"language\":\"de\"}}]}";
    struct verbs *verbs;

    ck_assert_ptr_null(verbs_read(&verbs, json, strlen(json)));
    ck_assert_str_eq(verbs->language, "fr");
    ck_assert_ptr_null(verbs->list[0].language);
    ck_assert_str_eq(verbs->list[1].language, "de");
    verbs_free(verbs);
    ck_assert_ptr_null(verbs_read(&verbs, "[]", 2));
    ck_assert_ptr_null(verbs->language);
    verbs_free(verbs);
}
END_TEST

static const char *const bad[] = {
    "",
    "x",
    "7",
    "null",
    "{}",
    "{\"verbs\":{}}",
    "[7]",
    "[{}]",
    "[{\"fly\":{}}]",
    "[{\"answer\":7}]",
    "[{\"answer\":{\"x\":1}}]",
    "[{\"answer\":{},\"hangup\":{}}]",
    "[{\"play\":{}}]",
    "[{\"play\":{\"tone\":\"high\"}}]",
    "[{\"play\":{\"tone\":9}}]",
    "[{\"play\":{\"prompts\":\"x\"}}]",
    "[{\"play\":{\"prompts\":[7]}}]",
    "[{\"play\":{\"prompts\":[\"x\"],\"tone\":440}}]",
    "[{\"gather\":{\"max\":3}}]",
    "[{\"gather\":{\"finish_on\":\"*x\",\"action\":\"http://x/\"}}]",
    "[{\"gather\":{\"max\":99,\"action\":\"http://x/\"}}]",
    "[{\"gather\":{\"action\":\"file:///etc/passwd\"}}]",
    "[{\"dial\":{}}]",
    "[{\"dial\":{\"number\":\"\"}}]",
    "[{\"dial\":{\"number\":\"1\\r\\nX: y\"}}]",
    "[{\"dial\":{\"number\":1002}}]",
    "[{\"dial\":{\"numbers\":[]}}]",
    "[{\"dial\":{\"numbers\":[7]}}]",
    "[{\"dial\":{\"number\":\"1\",\"numbers\":[\"2\"]}}]",
    "[{\"dial\":{\"number\":\"1\",\"timeout\":9999}}]",
    "[{\"say\":{}}]",
    "[{\"say\":{\"text\":\"x\",\"language\":\"../x\"}}]",
    "[{\"say\":{\"text\":\"x\",\"language\":\"-q\"}}]",
    "[{\"play\":{\"url\":\"file:///x\"}}]",
    "[{\"play\":{\"url\":\"http://x\",\"prompts\":[]}}]",
    "[{\"record\":{\"max_s\":0}}]",
    "[{\"record\":{\"finish_on\":\"x\"}}]",
    "[{\"record\":{\"action\":\"x\"}}]",
    "[{\"conference\":{}}]",
    "[{\"voicemail\":{\"mailbox\":7}}]",
    "{\"verbs\":[],\"status_callback\":\"x\"}",
    "{\"verbs\":[],\"language\":7}",
    "{\"verbs\":[],\"language\":\"../x\"}",
    "{\"verbs\":[],\"status_callback\":\"http://x\",\"status_events\":[\"x\"]}",
    "[{\"redirect\":{}}]",
    "[{\"redirect\":{\"uri\":\"sip:a@b>,<sip:c@d\"}}]",
    "[{\"redirect\":{\"url\":\"ftp://x\"}}]",
    "[{\"reject\":{\"status\":200}}]",
    "[{\"reject\":{\"reason\":\"a\\nb\"}}]",
    "[{\"pause\":{\"ms\":0}}]",
    "[{\"pause\":{\"ms\":99999999999}}]",
    "[{\"tag\":{\"key\":\"a\"}}]",
    "[{\"hangup\":{}}",
    "[{\"hangup\":{}}]x",
};

START_TEST(test_what_is_not_understood_is_refused)
{
    ck_assert_msg(fault_of(bad[_i]) != NULL, "%s was taken", bad[_i]);
}
END_TEST

START_TEST(test_a_list_has_an_end)
{
    char json[65 * 14 + 8] = "[";

    for (int i = 0; i < 65; i++)
        strcat(json, i ? ",{\"answer\":{}}" : "{\"answer\":{}}");
    strcat(json, "]");
    ck_assert_str_eq(fault_of(json), "too many verbs");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http verbs");
    TCase *tests = tcase_create("verbs");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tests, test_verbs_are_read_in_order);
    tcase_add_test(tests, test_language_is_read);
    tcase_add_loop_test(tests, test_what_is_not_understood_is_refused, 0, (int)(sizeof bad / sizeof *bad));
    tcase_add_test(tests, test_a_list_has_an_end);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
