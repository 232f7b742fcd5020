/* core/call/path: which links a call is led through, why each is in or out, and what `explain` says about it.
 */
#include "core/call/path.h"
#include "storage/subscriber.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char file[] = "/tmp/confab-test-path-XXXXXX";
static const struct settings *settings;
static struct subscriber ada, ben;
static struct path_question question;
static struct path path;

static void note(const char *line, void *arg)
{
    (void)arg;
    ck_abort_msg("%s", line);
}

static void begin(const char *text)
{
    FILE *f = fopen(file, "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    settings_free(settings);
    ck_assert_int_eq(settings_load(&settings, file, note, NULL), 0);
    ada = (struct subscriber){.number = "1001", .zone = "Europe/London"};
    ben =
        (struct subscriber){.number = "1002", .zone = "Europe/Berlin", .mailbox = "1002", .binding_count = 1};
    question = (struct path_question){.settings = settings,
                                      .caller = &ada,
                                      .callee = &ben,
                                      .caller_number = "1001",
                                      .number = "1002",
                                      .first = true,
                                      .when = 1795694400}; /* Thursday 2026-11-26 12:00 UTC */
}

static void end(void)
{
    settings_free(settings);
    settings = NULL;
    unlink(file);
}

/* The names of those that are in. */
static const char *names(void)
{
    static char text[512];

    ck_assert_int_eq(path_find(&path, &question), 0);
    text[0] = '\0';
    for (size_t i = 0; i < path.count; i++)
        if (path.links[i].reason == PATH_IN)
            strcat(strcat(text, " "), path.links[i].settings->name);
    return text;
}

static enum path_reason reason_of(const char *name)
{
    ck_assert_int_eq(path_find(&path, &question), 0);
    for (size_t i = 0; i < path.count; i++)
        if (strcmp(path.links[i].settings->name, name) == 0)
            return path.links[i].reason;
    return (enum path_reason) - 1;
}

START_TEST(services_bring_the_built_in_links_in)
{
    begin("");
    ck_assert_str_eq(names(), " callers voicemail");
    strcpy(ada.services, "{\"outgoing\": {}, \"dnd\": {}}");
    strcpy(ben.services, "{\"forward-busy\": {\"to\": \"1003\"}, \"block\": {}, \"outgoing\": {}}");
    ck_assert_str_eq(names(), " outgoing screening callers voicemail forward");
    ck_assert_ptr_eq(path.links[0].served, &ada);
    ck_assert_ptr_eq(path.links[1].served, &ben);
    ck_assert_int_eq(reason_of("dnd"), PATH_NO_SERVICE);
    ben.mailbox[0] = '\0';
    ck_assert_int_eq(reason_of("voicemail"), PATH_NO_SERVICE);
    strcpy(ben.services, "not JSON");
    ck_assert_str_eq(names(), " outgoing callers");
    question.callee = NULL;
    ck_assert_int_eq(reason_of("screening"), PATH_NOBODY);
    end();
}
END_TEST

#define FOUR                                                                                                 \
    "link \"n\" { application = \"echo\" region = \"neutral\" }\n"                                           \
    "link \"e\" { application = \"echo\" region = \"egress\" }\n"                                            \
    "link \"t\" { application = \"echo\" region = \"terminating\" order = 1 }\n"                             \
    "link \"o\" { application = \"echo\" region = \"originating\" }\n"

START_TEST(regions_come_in_the_order_of_the_way)
{
    begin(FOUR);
    ck_assert_str_eq(names(), " n o t callers voicemail");
    question.leaves = true;
    question.callee = NULL;
    ck_assert_str_eq(names(), " n o e");
    question.first = false; /* a retarget: neutral links have seen the call already */
    ck_assert_str_eq(names(), " o e");
    question.caller = NULL;
    ck_assert_str_eq(names(), " e");
    end();
}
END_TEST

START_TEST(guards_keep_a_link_out)
{
    begin("link \"x\" { application = \"echo\" callers = {\"10XX\"} numbers = {\"1002\", \"2.\"} when = "
          "\"thu 12:30-13:30\" }\n");
    /* 12:00 UTC is 13:00 where Ben lives, whom the link serves. */
    ck_assert_int_eq(reason_of("x"), PATH_IN);
    strcpy(ben.zone, "Europe/London");
    ck_assert_int_eq(reason_of("x"), PATH_TIME);
    question.number = "1003";
    ck_assert_int_eq(reason_of("x"), PATH_NUMBER);
    question.caller_number = "";
    ck_assert_int_eq(reason_of("x"), PATH_CALLER);
    end();
}
END_TEST

START_TEST(emergency_calls_see_mandatory_links_only)
{
    begin("link \"x\" { application = \"echo\" region = \"originating\" }\n"
          "link \"y\" { application = \"echo\" region = \"originating\" mandatory = true }\n");
    question.callee = NULL;
    ck_assert_str_eq(names(), " x y");
    ck_assert(!path.emergency);
    question.number = "112";
    ck_assert_str_eq(names(), " y");
    ck_assert(path.emergency);
    ck_assert_int_eq(reason_of("x"), PATH_EMERGENCY);
    end();
}
END_TEST

static bool exists(const char *application)
{
    return strcmp(application, "http") == 0 || strcmp(application, "voicemail") == 0;
}

static bool is_open(const struct link_settings *link, void *arg)
{
    (void)arg;
    return link->name[0] == 'w';
}

START_TEST(missing_applications_and_open_breakers_are_left_out)
{
    begin("link \"web\" { application = \"https://crm.example/x\" }\n"
          "link \"web2\" { application = \"https://crm.example/x\" mandatory = true }\n"
          "link \"as\" { application = \"sip:127.0.0.3\" }\n");
    question.exists = exists;
    ck_assert_str_eq(names(), " voicemail web web2");
    ck_assert_int_eq(reason_of("as"), PATH_NO_APPLICATION);
    question.is_open = is_open;
    ck_assert_str_eq(names(), " voicemail web2");
    ck_assert_int_eq(reason_of("web"), PATH_BREAKER);
    end();
}
END_TEST

static char lines[4096];

static void line_add(const char *text, void *arg)
{
    (void)arg;
    strcat(strcat(lines, text), "\n");
}

/* Where no link that is in has a breaker that counts, or somebody can be asked, there is nothing to be unsure
 * of. */
START_TEST(explain_tells_of_breakers_where_it_cannot_know)
{
    begin("number \"10XX\" { application = \"user\" }\n"
          "link \"callers\" { breaker_failures = 0 }\n"
          "link \"voicemail\" { mandatory = true }\n");
    lines[0] = '\0';
    strcpy(ben.services, "{}");
    ck_assert_int_eq(path_explain(&question, line_add, NULL), 0);
    ck_assert_ptr_nonnull(strstr(lines, "\nin   terminating    150  voicemail "));
    ck_assert_ptr_null(strstr(lines, "breaker"));
    strcpy(ben.services, "{\"dnd\": {}}");
    ck_assert_int_eq(path_explain(&question, line_add, NULL), 0);
    ck_assert_ptr_nonnull(strstr(lines, "breaker is open"));
    lines[0] = '\0';
    question.is_open = is_open;
    ck_assert_int_eq(path_explain(&question, line_add, NULL), 0);
    ck_assert_ptr_null(strstr(lines, "breaker"));
    end();
}
END_TEST

START_TEST(explain_says_why)
{
    begin("number \"10XX\" { application = \"user\" }\n"
          "link \"crm\" { application = \"http://127.0.0.1:1/\" when = \"sun\" }\n");
    lines[0] = '\0';
    strcpy(ben.services, "{\"dnd\": {}}");
    ck_assert_int_eq(path_explain(&question, line_add, NULL), 0);
    ck_assert_ptr_nonnull(strstr(lines, "1002: number \"10XX\" (line 1): user\n"));
    ck_assert_ptr_nonnull(strstr(lines, "\nin   terminating    150  voicemail                 for 1002\n"));
    ck_assert_ptr_nonnull(strstr(lines, "\nin   terminating    200  dnd "));
    ck_assert_ptr_nonnull(strstr(lines, "it is not \"sun\" in Europe/Berlin\n"));
    ck_assert_ptr_nonnull(strstr(
        lines, "out  originating    100  outgoing                  1001 has none of these on: outgoing\n"));
    ck_assert_ptr_nonnull(strstr(lines, "\nthen 1 contact of 1002\n"));
    ck_assert_ptr_nonnull(strstr(lines, "breaker is open"));
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("path");
    TCase *c = tcase_create("path");
    SRunner *runner;
    int failed, fd = mkstemp(file);

    if (fd < 0)
        return EXIT_FAILURE;
    close(fd);
    tcase_add_test(c, services_bring_the_built_in_links_in);
    tcase_add_test(c, regions_come_in_the_order_of_the_way);
    tcase_add_test(c, guards_keep_a_link_out);
    tcase_add_test(c, emergency_calls_see_mandatory_links_only);
    tcase_add_test(c, missing_applications_and_open_breakers_are_left_out);
    tcase_add_test(c, explain_says_why);
    tcase_add_test(c, explain_tells_of_breakers_where_it_cannot_know);
    suite_add_tcase(suite, c);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    unlink(file);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
