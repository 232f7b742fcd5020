/*
 * Which PINs will do, and how text from the network is made fit for a row.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/internal.h"
#include "storage/mailbox.h"

static const struct {
    const char *pin, *number;
    int error;
} judged[] = {
    {"739146", "1001", 0},
    {"246810", "3900", 0},
    {"7391460739146073", "1001", EPERM}, /* a group of seven, the last time in part */
    {"7391460258173946", "1001", 0},     /* PIN_MAX digits */
    {"73914602581739460", "1001", EINVAL},
    {"73914", "1001", EINVAL},
    {"", "1001", EINVAL},
    {"73914a", "1001", EINVAL},
    {"739 46", "1001", EINVAL},
    {"777777", "1001", EPERM},
    {"123456", "1001", EPERM},
    {"890123", "1001", EPERM}, /* a run goes round at 9 */
    {"987654", "1001", EPERM},
    {"210987", "1001", EPERM},
    {"123457", "1001", 0},
    {"121212", "1001", EPERM},
    {"123123", "1001", EPERM},
    {"1231231", "1001", EPERM},
    {"481001", "1001", EPERM}, /* ends with the extension */
    {"100148", "1001", EPERM},
    {"481001", "100", EPERM},
    {"739146", "739146", EPERM},
    {"739146", "9", 0}, /* an extension of one or two digits is in half of all PINs */
    {"739146", "91", 0},
    {"739146", "", 0},
};

START_TEST(pin_judge_knows_trivial_pins)
{
    ck_assert_msg(pin_judge(judged[_i].pin, judged[_i].number) == judged[_i].error, "%s", judged[_i].pin);
}
END_TEST

static const struct {
    const char *text, *copy;
} copies[] = {
    {"Zo\xC3\xAB", "Zo\xC3\xAB"},
    {"bad \xFF\xC3", "bad ??"},
    {"\xC0\x80", "??"},           /* NUL in a longer form than it needs */
    {"\xED\xA0\x80", "???"},      /* a UTF-16 surrogate */
    {"\xF4\x90\x80\x80", "????"}, /* above U+10FFFF */
    {"\xF0\x9F\x93\x9E", "\xF0\x9F\x93\x9E"},
    {"a\r\nb\x7F", "a??b?"},
    {"123456789012345", "123456789012345"},
    {"1234567890123456", "123456789012345"},      /* cut */
    {"12345678901234\xC3\xAB", "12345678901234"}, /* not in the middle of a character */
};

START_TEST(text_copy_gives_utf8)
{
    char out[16];

    text_copy(out, sizeof out, copies[_i].text);
    ck_assert_str_eq(out, copies[_i].copy);
}
END_TEST

START_TEST(key_copy_never_cuts)
{
    char out[5];

    key_copy(out, sizeof out, "1001");
    ck_assert_str_eq(out, "1001");
    key_copy(out, sizeof out, "10010");
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(uuid_valid_lets_no_path_through)
{
    char id[UUID_TEXT];

    uuid_make(id);
    ck_assert(uuid_valid(id));
    ck_assert(!uuid_valid(""));
    ck_assert(!uuid_valid("../../../../../../../../etc/passwd00"));
    ck_assert(!uuid_valid("01234567-0123-4123-8123-0123456789AB"));
    ck_assert(!uuid_valid("01234567-0123-4123-8123-0123456789ab0"));
    id[20] = '/';
    ck_assert(!uuid_valid(id));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pin");
    TCase *tc = tcase_create("pin");

    tcase_add_loop_test(tc, pin_judge_knows_trivial_pins, 0, sizeof judged / sizeof judged[0]);
    tcase_add_loop_test(tc, text_copy_gives_utf8, 0, sizeof copies / sizeof copies[0]);
    tcase_add_test(tc, key_copy_never_cuts);
    tcase_add_test(tc, uuid_valid_lets_no_path_through);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
