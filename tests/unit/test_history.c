/* Who sent a call on: History-Info (RFC 7044) and Diversion (RFC 5806), read and written, with several hops.
 */
#include "core/sip/session_internal.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "1001/302 1002/486": who, and why. '!' behind a name: he is not to be named. */
static const char *told(const struct diversion *hops, unsigned count)
{
    static char text[1024];
    size_t used = 0;

    *text = '\0';
    for (unsigned i = 0; i < count; i++) {
        ck_assert(hops[i].heard);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s/%d", i ? " " : "", hops[i].user,
                                 hops[i].secret ? "!" : "", hops[i].cause);
    }
    return text;
}

static const struct row {
    const char *clause, *text, *hops; /* hops NULL: refused */
} histories[] = {
    {"nobody has diverted it", "<sip:1@x>;index=1", ""},
    {"RFC 4458 §2: the cause in the new URI", "<sip:1@x>;index=1, <sip:2@x;cause=302>;index=1.1;mp=1",
     "1/302"},
    {"§5.1: the reason in the one that was left",
     "<sip:1@x?Reason=SIP%3Bcause%3D486>;index=1,<sip:2@x>;index=1.1;mp=1", "1/486"},
    {"two hops, the first first",
     "<sip:1@x>;index=1, <sip:2@x;cause=408>;index=1.1;mp=1, <sip:3@x;cause=486>;index=1.1.1;mp=1.1",
     "1/408 2/486"},
    {"§5.1: a contact's failure, and its owner sends on",
     "<sip:1@x>;index=1, <sip:abc@192.0.2.4?Reason=SIP%3Bcause%3D408>;index=1.1;rc=1, "
     "<sip:3@x>;index=1.2;mp=1",
     "1/408"},
    {"§5.1: it was the contact that sent it on",
     "<sip:1@x>;index=1, <sip:abc@192.0.2.4>;index=1.1;rc=1, <sip:3@x;cause=302>;index=1.1.1;mp=1.1",
     "1/302"},
    {"a branch that has failed is no hop",
     "<sip:1@x>;index=1, <sip:2@x;cause=302>;index=1.1;mp=1, <sip:3@x;cause=408>;index=1.2;mp=1", "1/408"},
    {"§4.3: nothing has changed", "<sip:1@x>;index=1, <sip:1@y>;index=1.1;np=1", ""},
    {"a contact is no hop", "<sip:1@x>;index=1, <sip:z@192.0.2.7>;index=1.1;rc=1", ""},
    {"RFC 4244: without rc and mp",
     "<sip:1@x?Reason=SIP%3Bcause%3D408>;index=1, <sip:2@x>;index=1.1, <sip:3@x>;index=1.1.1", "1/408 2/0"},
    {"RFC 4244: a sibling",
     "<sip:1@x>;index=1, <sip:1@192.0.2.4?Reason=SIP%3Bcause%3D302>;index=1.1, <sip:3@x>;index=1.2", "1/302"},
    {"§10.1: who wants no name", "<sip:1@x?Privacy=history>;index=1, <sip:2@x;cause=302>;index=1.1;mp=1",
     "1!/302"},
    {"RFC 3323 §4.2: who wants one",
     "<sip:1@x?Reason=SIP%3Bcause%3D486&Privacy=none>;index=1, <sip:2@x>;index=1.1;mp=1", "1/486"},
    {"names with commas, brackets and quotes",
     "\"A, <b> \\\" c\" <sip:1@x>;index=1 , \"\"<sip:2@x;cause=302>; index = 1.1 ;mp=1", "1/302"},
    {"extensions with commas", "<sip:1@x>;foo=\"a;mp=7, <b>\";index=1, <sip:2@x;cause=302>;index=1.1;mp=1",
     "1/302"},
    {"it names none that is there", "<sip:1@x>;index=1, <sip:2@x;cause=302>;index=1.1;mp=7.7", "1/302"},
    {"it names itself", "<sip:1@x>;index=1, <sip:2@x;cause=302>;index=1;mp=1", "1/302"},
    {"without any index", "<sip:1@x>, <sip:2@x;cause=302>;mp, <sip:3@x;cause=486>;mp=", "1/302 2/486"},
    {"no brackets", "sip:1@x;index=1, sip:2@x;index=1.1;mp=1", "1/0"},
    {"a telephone", "<tel:+4930123>;index=1, <sip:2@x;cause=302>;index=1.1;mp=1", "+4930123/302"},
    {"causes that are none", "<sip:1@x>;index=1, <sip:2@x;cause=99999999999>;index=1.1;mp=1", "1/0"},
    {"causes that are none", "<sip:1@x?Reason=cause%3D-1>;index=1, <sip:2@x;cause=-7>;index=1.1;mp=1", "1/0"},
    {"a name that is none", "<sip:1%00@x>;index=1, <sip:2@x;cause=302>;index=1.1;mp=1", ""},
    {"a line break in a name", "<sip:1%0d%0aVia@x>;index=1, <sip:2@x;cause=302>;index=1.1;mp=1", ""},
    {"nothing", "", NULL},
    {"nothing", " ,, , ", NULL},
    {"a quote without end", "\"A <sip:1@x>;index=1, <sip:2@x;cause=302>;index=1.1;mp=1", NULL},
    {"a quote without end", "<sip:1@x>;index=1, <sip:2@x;cause=302>;index=\"1.1;mp=1", NULL},
    {"an escape at the end", "<sip:1@x>;index=1, \"a\\", NULL},
    {"a bracket without end", "<sip:1@x>;index=1, <sip:2@x;cause=302;index=1.1;mp=1", NULL},
    {"no address", "<>;index=1, <sip:2@x>;index=1.1", NULL},
    {"a bracket behind what is no name", "x;y=<a\"b>;index=1, \"c\" <sip:2@x>;index=1.1", ""},
};

START_TEST(history_of_several_hops)
{
    const struct row *row = &histories[_i];
    struct diversion hops[DIVERSIONS_MAX];
    unsigned count = 99;
    int error = history_read(row->text, hops, &count);

    if (!row->hops) {
        ck_assert_msg(error == EINVAL && count == 0, "%s: %s", row->clause, row->text);
        return;
    }
    ck_assert_msg(error == 0, "%s: %s", row->clause, row->text);
    ck_assert_msg(strcmp(told(hops, count), row->hops) == 0, "%s: %s", row->clause, told(hops, count));
}
END_TEST

static const struct row diversions[] = {
    {"quotes in which the parameters seem to begin", "\"a;b\"", ""},
    {"the same, and a bracket without its end", "\"a;<b\"", ""},
    {"§4: the newest first", "<sip:2@x>;reason=user-busy;counter=1, <sip:1@x>;reason=no-answer",
     "1/408 2/486"},
    {"§6: more parameters",
     "\"B, b\" <sip:1@x> ; privacy=\"full\" ; limit=5;reason=\"unconditional\";screen=yes", "1!/302"},
    {"§4: it may be named", "<sip:1@x>;privacy=off;reason=x-moon", "1/0"},
    {"no brackets", "sip:1@x;reason=unavailable", "1/503"},
    {"what names nobody is passed over", "<sip:@x>;reason=away, <sip:1@x>;reason=away", "1/480"},
    {"a quote without end", "\"B <sip:1@x>", NULL},
    {"a bracket without end", "<sip:1@x", NULL},
    {"nothing", ",", NULL},
};

START_TEST(diversion_of_several_hops)
{
    const struct row *row = &diversions[_i];
    struct diversion hops[DIVERSIONS_MAX];
    unsigned count = 99;
    int error = diverted_read(row->text, hops, &count);

    ck_assert_msg((error == 0) == (row->hops != NULL), "%s: %s", row->clause, row->text);
    ck_assert_msg(strcmp(told(hops, count), row->hops ? row->hops : "") == 0, "%s: %s", row->clause,
                  told(hops, count));
}
END_TEST

#define PILOT "sip:7000@confab"
#define TO "To: <sip:7000@confab>\r\n"

/* All headers of an INVITE together: hops ("!" now for whom the Request-URI names), and whom else it was for.
 */
static const struct {
    const char *clause, *uri, *headers, *hops, *called;
    bool untrusted;
} invites[] = {
    {"nobody has diverted it", PILOT, TO, "", ""},
    {"RFC 4458 §2", PILOT ";target=sip%3a1%40x;cause=486", TO, "1!/486", ""},
    {"from whomever: he could dial it as well", PILOT ";target=sip%3a1%40x;cause=486", TO, "1!/486", "",
     true},
    {"a telephone", PILOT ";target=tel:+4930123;cause=408", TO, "+4930123!/408", ""},
    {"its target goes before the history", PILOT ";target=sip:2@x;cause=486",
     TO "History-Info: <sip:1@x>;index=1, <sip:2@x;cause=408>;index=1.1;mp=1, "
        "<sip:7000@confab;cause=486>;index=1.1.1;mp=1.1\r\n",
     "2!/486 1/408", ""},
    {"and before Diversion", PILOT ";target=sip:1@x", TO "Diversion: <sip:2@x>;reason=no-answer\r\n",
     "1!/0 2/408", ""},
    {"RFC 7544 §3: history before Diversion", PILOT,
     TO "Diversion: <sip:9@x>;reason=away\r\n"
        "History-Info: <sip:1@x>;index=1\r\nHistory-Info: <sip:7000@confab;cause=408>;index=1.1;mp=1\r\n",
     "1/408", ""},
    {"Diversion where the history tells no hop", PILOT,
     TO
     "Diversion: <sip:2@x>;reason=user-busy;counter=2;limit=5\r\nDiversion: <sip:1@x>;reason=time-of-day\r\n"
     "History-Info: <sip:7000@confab>;index=1\r\n",
     "1/404 2/486", ""},
    {"and where it is nonsense", PILOT,
     TO "Diversion: <sip:2@x>;reason=do-not-disturb;privacy=full\r\nHistory-Info: <sip:1@x;index=1\r\n",
     "2!/486", ""},
    {"only To still tells", PILOT, "To: <sip:1@x>\r\n", "", "1"},
    {"RFC 3455 §4.2", PILOT, "To: <sip:1@x>\r\nP-Called-Party-ID: \"A, B\" <sip:2@x>\r\n", "", "2"},
    {"it is the same address", PILOT, "To: <sip:1@x>\r\nP-Called-Party-ID: <sip:7000@x>\r\n", "", "1"},
    {"RFC 7044 §9.1: its last entry is not yet ours", PILOT,
     "To: <sip:2@x>\r\nHistory-Info: <sip:1@x>;index=1\r\n", "", "1"},
    {"what strangers say of others is not believed", PILOT,
     "To: <sip:1@x>\r\nP-Called-Party-ID: <sip:2@x>\r\nDiversion: <sip:1@x>;reason=away\r\n"
     "History-Info: <sip:1@x>;index=1, <sip:7000@confab;cause=408>;index=1.1;mp=1\r\n",
     "", "", true},
};

START_TEST(headers_of_an_invite)
{
    struct invitation invitation = {0};
    char text[2048], hops[256] = "";

    snprintf(text, sizeof text,
             "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:5@x>;tag=1\r\n"
             "Call-ID: 1\r\nCSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n",
             invites[_i].uri, invites[_i].headers);
    msg_t *msg = msg_make(sip_default_mclass(), 0, text, (ssize_t)strlen(text));
    ck_assert_ptr_nonnull(msg);
    diversions_read(&invitation, msg_home(msg), sip_object(msg), !invites[_i].untrusted);
    for (unsigned i = 0; i < invitation.diversion_count; i++) {
        const struct diversion *hop = &invitation.diversions[i];

        snprintf(hops + strlen(hops), sizeof hops - strlen(hops), "%s%s%s/%d", i ? " " : "", hop->user,
                 hop->owner || hop->secret ? "!" : "", hop->cause);
    }
    ck_assert_msg(strcmp(hops, invites[_i].hops) == 0, "%s: %s", invites[_i].clause, hops);
    ck_assert_msg(strcmp(invitation.called, invites[_i].called) == 0, "%s: %s", invites[_i].clause,
                  invitation.called);
    msg_destroy(msg);
}
END_TEST

/* A thousand entries are no call's; a long history is read to its first and its latest. */
START_TEST(many_entries)
{
    static char history[100000], diverted[100000];
    struct diversion hops[DIVERSIONS_MAX];
    size_t used = 0, more = 0;
    unsigned count;

    for (int i = 1; i <= 1000; i++) {
        used += (size_t)sprintf(history + used, "%s<sip:%d@x;cause=302>;index=%d;mp=%d", i > 1 ? "," : "", i,
                                i, i - 1);
        more += (size_t)sprintf(diverted + more, "%s<sip:%d@x>;reason=user-busy", i > 1 ? "," : "", i);
        if (i != 200)
            continue;
        ck_assert_int_eq(history_read(history, hops, &count), 0);
        ck_assert_str_eq(told(hops, count), "1/302 193/302 194/302 195/302 196/302 197/302 198/302 199/302");
        ck_assert_int_eq(diverted_read(diverted, hops, &count), 0);
        ck_assert_str_eq(told(hops, count), "200/486 7/486 6/486 5/486 4/486 3/486 2/486 1/486");
    }
    ck_assert_int_eq(history_read(history, hops, &count), EINVAL);
    ck_assert_int_eq(diverted_read(diverted, hops, &count), EINVAL);
}
END_TEST

/* Every beginning of a good one, and every byte of it another. */
START_TEST(mutilated)
{
    static const char good[] =
        "\"A, \\\" b\" <sip:1@x?Reason=SIP%3Bcause%3D486&Privacy=history>;index=1;foo=\"<,>\", "
        "<sip:2@x;cause=408>;index=1.1;mp=1";
    static const char junk[] = "\"<>,;=%\\?\1 ";
    struct diversion hops[DIVERSIONS_MAX];
    char bad[sizeof good];
    unsigned count;

    for (size_t i = 0; i + 1 < sizeof good; i++)
        for (size_t k = 0; k < sizeof junk; k++) {
            memcpy(bad, good, sizeof good);
            bad[i] = junk[k]; /* the last one is its end */
            (void)!history_read(bad, hops, &count);
            ck_assert_uint_le(count, DIVERSIONS_MAX);
            (void)!diverted_read(bad, hops, &count);
            ck_assert_uint_le(count, DIVERSIONS_MAX);
        }
}
END_TEST

/* -- writing --------------------------------------------------------------------------------------------- */

#define H1                                                                                                   \
    {                                                                                                        \
        .user = "1001", .host = "confab", .cause = 486                                                       \
    }
#define H2                                                                                                   \
    {                                                                                                        \
        .user = "1002", .host = "confab", .cause = 302                                                       \
    }
#define HEARD                                                                                                \
    {                                                                                                        \
        .user = "9001", .host = "pbx", .cause = 408, .heard = true                                           \
    }
#define CAME "\"Nine\" <sip:9001@pbx>;index=1;x=\"y, z\", <sip:1001@confab;cause=408>;index=1.1;mp=1"

static const struct written {
    struct session_target target;
    bool outside;
    const char *lines;
} written[] = {
    {{.to = {.user = "1003", .host = "confab"}}, false, ""},
    {{.to = {.user = "1003", .host = "confab"}, .diversions = {H1, H2}, .diversion_count = 2},
     true,
     "Diversion: <sip:1002@confab>;reason=unconditional;counter=1, "
     "<sip:1001@confab>;reason=user-busy;counter=1\r\n"
     "History-Info: <sip:1001@confab?Reason=SIP%3Bcause%3D486>;index=1, "
     "<sip:1002@confab;cause=486>;index=1.1;mp=1, "
     "<sip:1003@confab;cause=302>;index=1.1.1;mp=1.1\r\n"},
    /* What others wrote stays, to the byte; of Diversion, which did not come, all is written. */
    {{.to = {.user = "1003", .host = "confab"},
      .diversions = {HEARD, H1},
      .diversion_count = 2,
      .history = CAME},
     false,
     "Diversion: <sip:1001@confab>;reason=user-busy;counter=1, <sip:9001@pbx>;reason=no-answer;counter=1\r\n"
     "History-Info: " CAME ", <sip:1003@confab;cause=486>;index=1.1.1;mp=1.1\r\n"},
    {{.to = {.user = "1003", .host = "confab"},
      .diversions = {HEARD, H1},
      .diversion_count = 2,
      .diverted = "<sip:9001@pbx>;reason=no-answer;limit=4;x=\"1, 2\""},
     false,
     "Diversion: <sip:1001@confab>;reason=user-busy;counter=1;limit=4, "
     "<sip:9001@pbx>;reason=no-answer;limit=4;x=\"1, 2\"\r\n"
     "History-Info: <sip:9001@pbx?Reason=SIP%3Bcause%3D408>;index=1, "
     "<sip:1001@confab;cause=408?Reason=SIP%3Bcause%3D486>;index=1.1;mp=1, "
     "<sip:1003@confab;cause=486>;index=1.1.1;mp=1.1\r\n"},
    /* Nobody has sent it on here. */
    {{.to = {.user = "1001", .host = "confab"}, .diversions = {HEARD}, .diversion_count = 1, .history = CAME},
     false,
     "Diversion: <sip:9001@pbx>;reason=no-answer;counter=1\r\n"
     "History-Info: " CAME ", <sip:1001@confab>;index=1.1.1;np=1.1\r\n"},
    /* The last entry is another number of the same user. */
    {{.to = {.user = "1003", .host = "confab"},
      .diversions = {H1},
      .diversion_count = 1,
      .history = "<sip:+49301001@pbx>;index=1"},
     false,
     "Diversion: <sip:1001@confab>;reason=user-busy;counter=1\r\n"
     "History-Info: <sip:+49301001@pbx>;index=1, <sip:1001@confab?Reason=SIP%3Bcause%3D486>;index=1.1;rc=1, "
     "<sip:1003@confab;cause=486>;index=1.1.1;mp=1.1\r\n"},
    /* Outside the trust domain nobody is named who asks not to be. */
    {{.to = {.user = "1002", .host = "confab"},
      .diversions = {HEARD},
      .diversion_count = 1,
      .history =
          "\"Nine\" <sip:9001@pbx?Privacy=history>;index=1, <sip:1002@confab;cause=408>;index=1.1;mp=1",
      .diverted = "\"Nine\" <sip:9001@pbx>;privacy=full, <sip:9002@pbx>"},
     true,
     "Diversion: <sip:9002@pbx>\r\n"
     "History-Info: <sip:anonymous@anonymous.invalid>;index=1, <sip:1002@confab;cause=408>;index=1.1;mp=1, "
     "<sip:1002@confab>;index=1.1.1;np=1.1\r\n"},
    {{.to = {.user = "1002", .host = "confab"},
      .diversions = {{.user = "9001", .host = "pbx", .cause = 302, .secret = true}},
      .diversion_count = 1},
     true,
     "History-Info: <sip:anonymous@anonymous.invalid>;index=1, "
     "<sip:1002@confab;cause=302>;index=1.1;mp=1\r\n"},
    {{.to = {.user = "1002", .host = "confab"},
      .diversions = {{.user = "9001", .host = "pbx", .cause = 486, .secret = true}},
      .diversion_count = 1},
     false,
     "Diversion: <sip:9001@pbx>;reason=user-busy;counter=1;privacy=full\r\n"
     "History-Info: <sip:9001@pbx?Reason=SIP%3Bcause%3D486&Privacy=history>;index=1, "
     "<sip:1002@confab;cause=486>;index=1.1;mp=1\r\n"},
    /* RFC 7044 §10.1.2: the caller wants nothing told of the way. */
    {{.to = {.user = "1003", .host = "confab"},
      .privacy = PRIVACY_HISTORY,
      .diversions = {HEARD, H1},
      .diversion_count = 2,
      .history = "<sip:9001@pbx>;index=1, <sip:1001@confab;cause=408>;index=1.1;mp=1",
      .diverted = "<sip:9001@pbx>"},
     true,
     "History-Info: <sip:anonymous@anonymous.invalid>;index=1, "
     "<sip:anonymous@anonymous.invalid>;index=1.1;mp=1, "
     "<sip:anonymous@anonymous.invalid;cause=486>;index=1.1.1;mp=1.1\r\n"},
    /* Names are escaped, hosts that are none are not written. */
    {{.to = {.user = "a>;b", .host = "confab"},
      .diversions = {{.user = "1\r\nVia: x", .host = "x>\r\nVia: y"}},
      .diversion_count = 1},
     false,
     "Diversion: <sip:1%0D%0AVia%3A%20x@invalid>;reason=unknown;counter=1\r\n"
     "History-Info: <sip:1%0D%0AVia%3A%20x@invalid>;index=1, <sip:a%3E%3Bb@confab>;index=1.1;mp=1\r\n"},
};

START_TEST(hops_are_written_behind_what_others_wrote)
{
    const struct written *w = &written[_i];
    char text[2048] = "";
    struct lines l = {text, sizeof text, 0};

    diversions_write(&l, &w->target, !w->outside);
    ck_assert_str_eq(text, w->lines);
}
END_TEST

/* What is written is read as it was, hop by hop; the longest fits. */
START_TEST(full_list_there_and_back)
{
    struct session_target target = {.to = {.user = "1000", .host = "confab"},
                                    .diversion_count = DIVERSIONS_MAX};
    static const int causes[] = {486, 302, 408, 503, 480};
    struct diversion hops[DIVERSIONS_MAX];
    char text[HEADERS_TEXT] = "";
    struct lines l = {text, sizeof text, 0};
    char *history, *diversion = text + strlen("Diversion: ");
    unsigned count;

    for (unsigned i = 0; i < DIVERSIONS_MAX; i++) {
        struct diversion *d = &target.diversions[i];

        memset(d->user, '#', sizeof d->user - 2);
        d->user[sizeof d->user - 2] = (char)('a' + i);
        memset(d->host, 'h', sizeof d->host - 1);
        d->cause = causes[i % 5];
        d->secret = true;
    }
    diversions_write(&l, &target, true);
    ck_assert_uint_lt(l.used + HISTORY_TEXT + DIVERTED_TEXT + 4096, sizeof text);
    history = strstr(text, "\r\nHistory-Info: ");
    ck_assert_ptr_nonnull(history);
    *history = '\0';
    history += strlen("\r\nHistory-Info: ");
    history[strcspn(history, "\r\n")] = '\0';
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(k ? history_read(history, hops, &count) : diverted_read(diversion, hops, &count), 0);
        ck_assert_uint_eq(count, DIVERSIONS_MAX);
        for (unsigned i = 0; i < count; i++) {
            ck_assert_str_eq(hops[i].user, target.diversions[i].user);
            ck_assert_str_eq(hops[i].host, target.diversions[i].host);
            ck_assert_int_eq(hops[i].cause, target.diversions[i].cause);
            ck_assert(hops[i].secret);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    TCase *reading = tcase_create("reading"), *writing = tcase_create("writing");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_loop_test(reading, history_of_several_hops, 0, sizeof histories / sizeof *histories);
    tcase_add_loop_test(reading, headers_of_an_invite, 0, sizeof invites / sizeof *invites);
    tcase_add_loop_test(reading, diversion_of_several_hops, 0, sizeof diversions / sizeof *diversions);
    tcase_add_test(reading, many_entries);
    tcase_add_test(reading, mutilated);
    tcase_add_loop_test(writing, hops_are_written_behind_what_others_wrote, 0,
                        sizeof written / sizeof *written);
    tcase_add_test(writing, full_list_there_and_back);
    suite_add_tcase(suite, reading);
    suite_add_tcase(suite, writing);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
