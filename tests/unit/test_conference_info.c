/* Rosters and the documents of RFC 4575 that tell them. */
#include "core/sip/conference_roster.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 1000
#define MOST ROSTER_TEXT_MIN

static struct roster *roster;
static struct roster_reader reader;

static void setup(void)
{
    ck_assert_int_eq(roster_new(&roster, "confab"), 0);
    reader = (struct roster_reader){.full = true};
}

static void teardown(void)
{
    roster_free(roster);
}

static struct conference_member member(unsigned id, const char *user, const char *name)
{
    struct conference_member m = {
        .id = id, .status = CONFERENCE_CONNECTED, .speaks = true, .hears = true, .since_s = 5};

    snprintf(m.who.user, sizeof m.who.user, "%s", user);
    snprintf(m.who.host, sizeof m.who.host, "%s", *user ? "confab" : "");
    snprintf(m.who.display, sizeof m.who.display, "%s", name);
    return m;
}

static bool put(unsigned id, const char *user, const char *name)
{
    struct conference_member m = member(id, user, name);

    return roster_put(roster, &m);
}

static char *document(void)
{
    return roster_document(roster, &reader, "3000", "192.0.2.1:5060", MOST);
}

static bool has(const char *text, const char *what)
{
    return strstr(text, what) != NULL;
}

static unsigned times(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}

/* A document for the schema of RFC 4575 §8 to judge: its folder is looked at by valid(). */
static char folder[] = "/tmp/confab-conference-XXXXXX";

static void keep(const char *text)
{
    static unsigned count;
    char path[sizeof folder + 32];
    FILE *file;

    if (count == 0)
        ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/%u.xml", folder, count++);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static bool valid(void)
{
    char command[512];
    int status;

    snprintf(command, sizeof command,
             "xmllint --noout --nonet --schema %s %s/*.xml >%s/said 2>&1 || { cat %s/said; exit 1; }",
             TEST_SCHEMA, folder, folder, folder);
    status = system(command);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 && status == 0;
}

START_TEST(nobody_is_in_it)
{
    char *text = document();

    ck_assert(has(text, "entity=\"sip:3000@192.0.2.1:5060\" state=\"full\" version=\"0\""));
    ck_assert(has(text, "<user-count>0</user-count><active>false</active>"));
    ck_assert(!has(text, "<user "));
    ck_assert(!roster_has_news(roster, &reader));
    keep(text);
    free(text);
    ck_assert(valid());
}
END_TEST

/* §5.6: names come from the network; who withholds his is told apart from others who do, and no more. */
START_TEST(names_are_escaped_or_withheld)
{
    char *text;

    put(1, "1001", "A<b>&\"c\x01\xff");
    put(2, "", "Secret");
    put(3, "", "");
    put(4, "a&\"b", "");
    text = document();
    ck_assert(has(text, "<display-text>A&lt;b&gt;&amp;&quot;c?"
                        "?</display-text>"));
    ck_assert(has(text, "<user entity=\"sip:anonymous-2@anonymous.invalid\">"));
    ck_assert(has(text, "<user entity=\"sip:anonymous-3@anonymous.invalid\">"));
    ck_assert(has(text, "<user entity=\"sip:a&amp;%22b@confab\">"));
    ck_assert(!has(text, "Secret"));
    keep(text);
    free(text);
    ck_assert(valid());
}
END_TEST

/* §5.6.6: a user with two phones has two endpoints, each with an entity of its own. */
START_TEST(two_phones_are_one_user)
{
    char *text;

    put(1, "1001", "Ada");
    put(2, "1001", "Ada");
    text = document();
    ck_assert_uint_eq(times(text, "<user "), 1);
    ck_assert(has(text, "<endpoint entity=\"sip:1001@confab;seat=1\">"));
    ck_assert(has(text, "<endpoint entity=\"sip:1001@confab;seat=2\">"));
    free(text);
    roster_drop(roster, 1);
    text = document();
    ck_assert(has(text, "state=\"partial\" version=\"1\""));
    ck_assert(has(text, "<user entity=\"sip:1001@confab\">") && !has(text, "seat=1"));
    free(text);
    roster_drop(roster, 2);
    text = document();
    ck_assert(has(text, "<user entity=\"sip:1001@confab\" state=\"deleted\"/>"));
    free(text);
}
END_TEST

/* A trunk may call with one number for all: no user grows beyond what a document holds. */
START_TEST(one_number_for_all_is_several_users)
{
    unsigned users = 0, endpoints = 0;

    for (unsigned i = 1; i <= 50; i++)
        put(i, "5550100", "Main");
    do {
        char *text = document();

        ck_assert_uint_le(strlen(text), MOST);
        users += times(text, "<user ");
        endpoints += times(text, "<endpoint ");
        free(text);
    } while (roster_has_news(roster, &reader));
    ck_assert_uint_eq(endpoints, 50);
    ck_assert_uint_gt(users, 1);
}
END_TEST

START_TEST(only_what_is_new_is_told)
{
    struct conference_member m = member(2, "1002", "Bob");
    struct conference_state state = {.name = "Board", .count = 2, .most = 30, .active = true};
    char *text;

    put(1, "1001", "Ada");
    put(2, "1002", "Bob");
    roster_describe(roster, &state);
    free(document());
    ck_assert(!put(2, "1002", "Bob"));
    ck_assert(!roster_describe(roster, &state));
    ck_assert(!roster_has_news(roster, &reader));
    m.status = CONFERENCE_MUTED;
    m.speaks = false;
    ck_assert(roster_put(roster, &m));
    text = document();
    ck_assert(has(text, "<status>muted-via-focus</status>") && has(text, "<status>recvonly</status>"));
    ck_assert(!has(text, "1001") && !has(text, "conference-state"));
    keep(text);
    free(text);
    state.locked = true;
    ck_assert(roster_describe(roster, &state));
    text = document();
    ck_assert(has(text, "<locked>true</locked>") && has(text, "<subject>Board</subject>"));
    ck_assert(!has(text, "<user "));
    keep(text);
    free(text);
    put(3, "1003", "");
    roster_drop(roster, 3);
    text = document();
    ck_assert(!has(text, "1003")); /* came and went between two documents */
    free(text);
    roster_drop(roster, 1);
    put(4, "1001", "Ada");
    text = document();
    ck_assert(has(text, "<user entity=\"sip:1001@confab\">") && has(text, "seat=4") && !has(text, "deleted"));
    free(text);
    ck_assert(valid());
}
END_TEST

/* Those who have left are forgotten once all have heard of it. */
START_TEST(who_has_left_is_forgotten)
{
    for (unsigned i = 1; i <= 10; i++) {
        char user[16];

        snprintf(user, sizeof user, "%u", i);
        put(i, user, "");
    }
    free(document());
    for (unsigned i = 1; i <= 10; i++)
        roster_drop(roster, i);
    ck_assert_uint_eq(roster_left_count(roster), 10);
    roster_forget(roster, reader.told);
    ck_assert_uint_eq(roster_left_count(roster), 10); /* he has not been told */
    free(document());
    roster_forget(roster, reader.told);
    ck_assert_uint_eq(roster_left_count(roster), 0);
    ck_assert(!roster_has_news(roster, &reader));
}
END_TEST

/* What a watcher makes of the documents. */
static bool model[MANY + 1];

static void model_take(const char *text)
{
    if (has(text, "state=\"full\" version"))
        memset(model, 0, sizeof model);
    for (const char *at = strstr(text, "<user entity=\"sip:"); at;
         at = strstr(at + 1, "<user entity=\"sip:")) {
        const char *end = strchr(at + 14, '"');
        unsigned number = (unsigned)strtoul(at + strlen("<user entity=\"sip:"), NULL, 10);

        ck_assert_uint_le(number, MANY);
        model[number] = strncmp(end, "\" state=\"deleted\"", 17) != 0;
    }
}

static unsigned model_size(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i <= MANY; i++)
        count += model[i];
    return count;
}

/* A thousand, of whom some come, change and leave while the roster is still being told. */
START_TEST(a_thousand_are_told_piece_by_piece)
{
    size_t most = _i ? 49152 : MOST;
    unsigned documents = 0;

    for (unsigned i = 1; i <= MANY; i++) {
        char user[16], name[32];

        snprintf(user, sizeof user, "%u", i);
        snprintf(name, sizeof name, "Member <%u>", i);
        put(i, user, name);
    }
    memset(model, 0, sizeof model);
    do {
        char *text = roster_document(roster, &reader, "3000", "192.0.2.1:5060", most);

        ck_assert_uint_lt(strlen(text), most);
        ck_assert_uint_eq(reader.version, documents + 1);
        ck_assert(has(text, documents ? "state=\"partial\" version" : "state=\"full\" version"));
        model_take(text);
        keep(text);
        free(text);
        if (++documents == 3) {
            for (unsigned i = 1; i <= 5; i++)
                roster_drop(roster, i); /* told already */
            for (unsigned i = MANY; i > MANY - 5; i--)
                roster_drop(roster, i); /* not yet */
            put(500, "500", "Another name");
        }
    } while (roster_has_news(roster, &reader));
    ck_assert_uint_gt(documents, 3);
    ck_assert_uint_eq(model_size(), MANY - 10);
    for (unsigned i = 6; i <= MANY - 5; i++)
        ck_assert_msg(model[i], "%u", i);
    ck_assert(valid());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conference-info");
    TCase *c = tcase_create("documents");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, nobody_is_in_it);
    tcase_add_test(c, names_are_escaped_or_withheld);
    tcase_add_test(c, two_phones_are_one_user);
    tcase_add_test(c, one_number_for_all_is_several_users);
    tcase_add_test(c, only_what_is_new_is_told);
    tcase_add_test(c, who_has_left_is_forgotten);
    tcase_add_loop_test(c, a_thousand_are_told_piece_by_piece, 0, 2);
    suite_add_tcase(suite, c);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
