/* Audio levels in offer and answer: tables of a=extmap lines and what must come of them. */
#include "core/sip/offer.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "v=0\r\no=far 77 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
#define PCMU "m=audio 4000 RTP/AVP 0\r\n"
#define LEVEL "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
#define CSRC_LEVEL "urn:ietf:params:rtp-hdrext:csrc-audio-level"
#define OTHER "urn:ietf:params:rtp-hdrext:toffset"

static struct media_capabilities own_make(void)
{
    struct media_capabilities own = {
        .codecs = {CODEC_PCMU}, .codec_count = 1, .ptime_ms = 20, .dtmf = true, .levels = true};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&own.rtp;

    v4->sin_family = AF_INET;
    v4->sin_port = htons(30000);
    inet_pton(AF_INET, "198.51.100.1", &v4->sin_addr);
    return own;
}

/* "level 1/1 vad csrc 2/2": send and receive. */
static const char *levels_text(const struct media_format *f)
{
    static char out[80];

    snprintf(out, sizeof out, "level %u/%u%s csrc %u/%u", f->level.send, f->level.receive,
             f->level_vad ? " vad" : "", f->csrc_level.send, f->csrc_level.receive);
    return out;
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, word)) != NULL; p += strlen(word))
        n++;
    return n;
}

/* -- answers
 * ----------------------------------------------------------------------------------------------------- */

static const struct answer_row {
    const char *clause, *offer;
    const char *levels;
    const char *holds[3]; /* the a=extmap lines of the answer, all of them */
} answer_rows[] = {
    {"a phone that knows nothing of it", HEAD PCMU, "level 0/0 csrc 0/0", {NULL}},
    {"RFC 8285 §6: his identifiers",
     HEAD PCMU "a=extmap:7 " LEVEL "\r\na=extmap:3 " CSRC_LEVEL "\r\n",
     "level 7/7 vad csrc 3/3",
     {"a=extmap:7 " LEVEL "\r\n", "a=extmap:3 " CSRC_LEVEL "\r\n"}},
    {"§6: what we do not know is not answered",
     HEAD PCMU "a=extmap:1 " OTHER "\r\na=extmap:2 " LEVEL "\r\n",
     "level 2/2 vad csrc 0/0",
     {"a=extmap:2 " LEVEL "\r\n"}},
    {"RFC 6465 §4: a phone only reads the levels of sources",
     HEAD PCMU "a=extmap:1/sendonly " LEVEL "\r\na=extmap:2/recvonly " CSRC_LEVEL "\r\n",
     "level 0/1 vad csrc 2/0",
     {"a=extmap:1/recvonly " LEVEL "\r\n", "a=extmap:2/sendonly " CSRC_LEVEL "\r\n"}},
    {"§6: inactive stays so",
     HEAD PCMU "a=extmap:1/inactive " LEVEL "\r\n",
     "level 0/0 vad csrc 0/0",
     {"a=extmap:1/inactive " LEVEL "\r\n"}},
    {"RFC 6464 §4: vad=off",
     HEAD PCMU "a=extmap:1 " LEVEL " vad=off\r\n",
     "level 1/1 csrc 0/0",
     {"a=extmap:1 " LEVEL " vad=off\r\n"}},
    {"RFC 6464 §4: vad=on",
     HEAD PCMU "a=extmap:1 " LEVEL " vad=on\r\n",
     "level 1/1 vad csrc 0/0",
     {"a=extmap:1 " LEVEL "\r\n"}},
    {"§6: a line of the session holds for its streams",
     HEAD "a=extmap:4 " LEVEL "\r\n" PCMU,
     "level 4/4 vad csrc 0/0",
     {"a=extmap:4 " LEVEL "\r\n"}},
    {"a stream's own line comes before the session's",
     HEAD "a=extmap:4 " LEVEL "\r\na=extmap:6 " CSRC_LEVEL "\r\n" PCMU "a=extmap:5/sendonly " LEVEL "\r\n",
     "level 0/5 vad csrc 6/6",
     {"a=extmap:5/recvonly " LEVEL "\r\n", "a=extmap:6 " CSRC_LEVEL "\r\n"}},
    {"§5: a number above 4095 is ours to choose, one that is free",
     HEAD PCMU "a=extmap:1 " OTHER "\r\na=extmap:4096 " LEVEL "\r\na=extmap:4097 " CSRC_LEVEL "\r\n",
     "level 2/2 vad csrc 3/3",
     {"a=extmap:2 " LEVEL "\r\n", "a=extmap:3 " CSRC_LEVEL "\r\n"}},
    {"§4.2: 15 is no number of the one-byte form",
     HEAD PCMU "a=extmap:15 " LEVEL "\r\na=extmap:16 " CSRC_LEVEL "\r\n",
     "level 0/0 csrc 0/0",
     {NULL}},
    {"§5: 14 is",
     HEAD PCMU "a=extmap:14 " LEVEL "\r\n",
     "level 14/14 vad csrc 0/0",
     {"a=extmap:14 " LEVEL "\r\n"}},
    {"§6: one number with two meanings has the first",
     HEAD PCMU "a=extmap:1 " OTHER "\r\na=extmap:1 " LEVEL "\r\n",
     "level 0/0 csrc 0/0",
     {NULL}},
    {"two numbers with one meaning: the first",
     HEAD PCMU "a=extmap:2 " LEVEL " vad=off\r\na=extmap:1 " LEVEL "\r\n",
     "level 2/2 csrc 0/0",
     {"a=extmap:2 " LEVEL " vad=off\r\n"}},
    {"lines that say nothing",
     HEAD PCMU "a=extmap:\r\na=extmap:0 " LEVEL "\r\na=extmap:-1 " LEVEL "\r\na=extmap:1" LEVEL
               "\r\na=extmap:1/both " LEVEL "\r\na=extmap:99999999999999999999 " LEVEL "\r\na=extmap:1 " LEVEL
               "x\r\na=extmap:2\r\na=extmap:3 \r\n",
     "level 0/0 csrc 0/0",
     {NULL}},
    {"a second stream's lines are not ours",
     HEAD PCMU "m=video 4002 RTP/AVP 99\r\na=extmap:1 " LEVEL "\r\n",
     "level 0/0 csrc 0/0",
     {NULL}},
};

START_TEST(answers_follow_the_table)
{
    const struct answer_row *row = &answer_rows[_i];
    struct media_capabilities own = own_make();
    char out[SDP_TEXT], again[SDP_TEXT];
    struct media_format f;
    struct negotiation *n;
    unsigned lines = 0;

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_answer(n, row->offer, &own, true, true, out, sizeof out, &f), 0);
    ck_assert_msg(strcmp(levels_text(&f), row->levels) == 0, "%s: %s", row->clause, levels_text(&f));
    for (; lines < 3 && row->holds[lines]; lines++)
        ck_assert_msg(strstr(out, row->holds[lines]), "%s: %s", row->clause, out);
    ck_assert_msg(count(out, "a=extmap") == lines, "%s: %s", row->clause, out);
    /* RFC 6337 §3.1.1: the same offer, the same answer. */
    ck_assert_int_eq(negotiation_answer(n, row->offer, &own, true, true, again, sizeof again, &f), 0);
    ck_assert_str_eq(out, again);
    negotiation_free(n);
}
END_TEST

/* Who does not want levels gets an SDP without a trace of them. */
START_TEST(unwanted_levels_leave_no_trace)
{
    struct media_capabilities own = own_make();
    char out[SDP_TEXT];
    struct media_format f;
    struct negotiation *n;

    own.levels = false;
    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(
        negotiation_answer(n, HEAD PCMU "a=extmap:1 " LEVEL "\r\n", &own, true, true, out, sizeof out, &f),
        0);
    ck_assert_str_eq(levels_text(&f), "level 0/0 csrc 0/0");
    ck_assert_uint_eq(count(out, "extmap"), 0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_uint_eq(count(out, "extmap"), 0);
    negotiation_free(n);
}
END_TEST

/* -- offers
 * ------------------------------------------------------------------------------------------------------ */

static const struct accept_row {
    const char *clause, *answer, *levels;
} accept_rows[] = {
    {"he knows both", HEAD PCMU "a=extmap:1 " LEVEL "\r\na=extmap:2 " CSRC_LEVEL "\r\n",
     "level 1/1 vad csrc 2/2"},
    {"he knows none", HEAD PCMU, "level 0/0 csrc 0/0"},
    {"RFC 8285 §6: he only sends, he only reads",
     HEAD PCMU "a=extmap:1/sendonly " LEVEL "\r\na=extmap:2/recvonly " CSRC_LEVEL "\r\n",
     "level 0/1 vad csrc 2/0"},
    {"RFC 6464 §4: he has no voice detector", HEAD PCMU "a=extmap:1 " LEVEL " vad=off\r\n",
     "level 1/1 csrc 0/0"},
    {"§6: other numbers than the offer's mean nothing",
     HEAD PCMU "a=extmap:2 " LEVEL "\r\na=extmap:1 " CSRC_LEVEL "\r\n", "level 0/0 csrc 0/0"},
    {"§6: what was not offered means nothing", HEAD PCMU "a=extmap:5 " OTHER "\r\n", "level 0/0 csrc 0/0"},
};

START_TEST(accepted_answers_follow_the_table)
{
    const struct accept_row *row = &accept_rows[_i];
    struct media_capabilities own = own_make();
    char out[SDP_TEXT];
    struct media_format f;
    struct negotiation *n;

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "a=extmap:1 " LEVEL "\r\na=extmap:2 " CSRC_LEVEL "\r\n"));
    ck_assert_int_eq(negotiation_accept(n, row->answer, &f), 0);
    ck_assert_msg(strcmp(levels_text(&f), row->levels) == 0, "%s: %s", row->clause, levels_text(&f));
    negotiation_free(n);
}
END_TEST

/* RFC 8285 §5: a number keeps its meaning for the whole session, whoever gave it. */
START_TEST(numbers_keep_their_meaning)
{
    struct media_capabilities own = own_make();
    char out[SDP_TEXT], first[SDP_TEXT];
    struct media_format f;
    struct negotiation *n;

    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_answer(n,
                                        HEAD PCMU "a=extmap:9 " LEVEL "\r\na=extmap:1 " OTHER
                                                  "\r\na=extmap:2 " OTHER "2\r\n",
                                        &own, true, true, out, sizeof out, &f),
                     0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, first, sizeof first), 0);
    ck_assert_ptr_nonnull(strstr(first, "a=extmap:9 " LEVEL "\r\na=extmap:3 " CSRC_LEVEL "\r\n"));
    ck_assert_int_eq(negotiation_accept(n, HEAD PCMU "a=extmap:3 " CSRC_LEVEL "\r\n", &f), 0);
    ck_assert_str_eq(levels_text(&f), "level 0/0 csrc 3/3");
    /* RFC 3264 §8: nothing has changed, so the version has not either. */
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_str_eq(out, first);
    /* He gives one of our numbers another meaning: then ours gets another number. */
    ck_assert_int_eq(
        negotiation_answer(n, HEAD PCMU "a=extmap:3 " LEVEL "\r\n", &own, true, true, out, sizeof out, &f),
        0);
    ck_assert_str_eq(levels_text(&f), "level 3/3 vad csrc 0/0");
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr(out, "a=extmap:3 " LEVEL "\r\na=extmap:4 " CSRC_LEVEL "\r\n"));
    negotiation_free(n);
}
END_TEST

/* With all fourteen in use there is none left to offer, and no number above them either. */
START_TEST(numbers_run_out)
{
    struct media_capabilities own = own_make();
    char offer[SDP_TEXT] = HEAD PCMU, out[SDP_TEXT];
    struct media_format f;
    struct negotiation *n;

    for (unsigned id = 1; id <= 14; id++)
        sprintf(offer + strlen(offer), "a=extmap:%u " OTHER "%u\r\n", id, id);
    strcat(offer, "a=extmap:4096 " LEVEL "\r\n");
    ck_assert_int_eq(negotiation_new(&n), 0);
    ck_assert_int_eq(negotiation_answer(n, offer, &own, true, true, out, sizeof out, &f), 0);
    ck_assert_str_eq(levels_text(&f), "level 0/0 csrc 0/0");
    ck_assert_uint_eq(count(out, "extmap"), 0);
    ck_assert_int_eq(negotiation_offer(n, &own, true, true, out, sizeof out), 0);
    ck_assert_uint_eq(count(out, "extmap"), 0);
    negotiation_free(n);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("extmap");
    TCase *tcase = tcase_create("tables");

    tcase_add_loop_test(tcase, answers_follow_the_table, 0, sizeof answer_rows / sizeof *answer_rows);
    tcase_add_test(tcase, unwanted_levels_leave_no_trace);
    tcase_add_loop_test(tcase, accepted_answers_follow_the_table, 0,
                        sizeof accept_rows / sizeof *accept_rows);
    tcase_add_test(tcase, numbers_keep_their_meaning);
    tcase_add_test(tcase, numbers_run_out);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
