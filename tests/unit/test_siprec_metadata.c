/* The metadata of a recording session: whatever people are called, and however many there are. */
#include "core/call/siprec_internal.h"

#include <check.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CROWD 1000
#define MOST 49152

static struct settings settings = {.realm = (char *)"confab"};
static struct server server = {.settings = &settings};
static struct siprec siprec;

static void setup(void)
{
    siprec = (struct siprec){.server = &server};
    random_hex(siprec.id, 16);
    random_hex(siprec.group, 16);
    for (unsigned i = 0; i < SIPREC_STREAMS; i++)
        siprec.streams[i].label = i + 1;
}

static void teardown(void)
{
    while (siprec.persons) {
        struct siprec_person *person = siprec.persons;

        siprec.persons = person->next;
        free(person);
    }
}

static struct siprec_person *person_add(const char *user, const char *name)
{
    struct siprec_person *person = calloc(1, sizeof *person);

    ck_assert_ptr_nonnull(person);
    snprintf(person->user, sizeof person->user, "%s", user);
    snprintf(person->name, sizeof person->name, "%s", name);
    random_hex(person->id, 16);
    person->next = siprec.persons;
    siprec.persons = person;
    return person;
}

static void stream_add(unsigned place, struct siprec_person *person)
{
    siprec.streams[place].person = person;
    siprec.streams[place].used = true;
    person->stream = &siprec.streams[place];
    random_hex(siprec.streams[place].id, 16);
}

/* That it can be read at all is looked at here. */
static char *document(void)
{
    char *text = NULL;
    xmlDoc *read;

    ck_assert_int_eq(metadata_write(&text, &siprec), 0);
    read = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR);
    ck_assert_msg(read != NULL, "%s", text);
    xmlFreeDoc(read);
    return text;
}

static unsigned times(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}

START_TEST(names_are_text_and_no_more)
{
    char *text;

    person_add("1001\"><x a=\"", "</name><participant participant_id=\"x\">\r\n--boundary");
    person_add("10 02@h?a=b\n", "caf\xc3\xa9 \xff\xc3 \xed\xa0\x80\x01");
    person_add("", "");
    text = document();
    ck_assert_uint_eq(times(text, "<participant "), 3);
    ck_assert_ptr_nonnull(strstr(text, "sip:1001%22%3E%3Cx%20a=%22@confab"));
    ck_assert_ptr_nonnull(strstr(text, "sip:10%2002%40h%3Fa=b%0A@confab"));
    ck_assert_ptr_nonnull(strstr(text, "caf\xc3\xa9 ??"));
    ck_assert_ptr_nonnull(strstr(text, "sip:anonymous@anonymous.invalid"));
    free(text);
}
END_TEST

/* RFC 7865 §8: the schema is a sequence. */
START_TEST(elements_stand_in_the_order_of_the_schema)
{
    static const char *const order[] = {"<datamode",
                                        "<group ",
                                        "<session ",
                                        "<participant ",
                                        "<stream ",
                                        "<sessionrecordingassoc ",
                                        "<participantsessionassoc ",
                                        "<participantstreamassoc "};
    char *text;

    stream_add(0, person_add("1001", "One"));
    stream_add(1, person_add("1002", "Two"));
    text = document();
    for (size_t i = 1; i < sizeof order / sizeof *order; i++) {
        const char *last = NULL;

        for (const char *at = strstr(text, order[i - 1]); at; at = strstr(at + 1, order[i - 1]))
            last = at;
        ck_assert_msg(last && strstr(text, order[i]) > last, "%s", order[i]);
    }
    free(text);
}
END_TEST

/* It is to go through as a message: those who speak are told of, and as many others as there is room for. */
START_TEST(a_crowd_does_not_burst_it)
{
    char *text, *again, name[128];
    unsigned told;

    memset(name, '&', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (unsigned i = 0; i < SIPREC_STREAMS; i++)
        stream_add(i, person_add("1001", name));
    for (unsigned i = 0; i < CROWD; i++)
        person_add("1002", "Somebody");
    text = document();
    told = times(text, "<participant ");
    ck_assert_uint_lt(strlen(text), MOST);
    ck_assert_uint_gt(told, SIPREC_STREAMS + 20);
    ck_assert_uint_eq(times(text, "<participantsessionassoc "), told);
    ck_assert_uint_eq(times(text, "<participantstreamassoc "), SIPREC_STREAMS);
    /* Who has been told of stays, whoever comes; until he begins to speak or goes. */
    person_add("1003", "New");
    again = document();
    ck_assert_ptr_null(strstr(again, "sip:1003@"));
    ck_assert_uint_eq(times(again, "<participant "), told);
    free(again);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("siprec_metadata");
    TCase *tcase = tcase_create("metadata");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, names_are_text_and_no_more);
    tcase_add_test(tcase, elements_stand_in_the_order_of_the_schema);
    tcase_add_test(tcase, a_crowd_does_not_burst_it);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
