/* Digest: the vectors of the RFCs, odd headers, and the life of a nonce. */
#include "core/base/clock.h"
#include "core/sip/digest.h"
#include "core/sip/nonce.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 7616 §3.9.1 (RFC 8760 §2.4 changes names and numbers, not the arithmetic): one password, two
 * algorithms. */
static const struct vector {
    enum digest_algorithm algorithm;
    const char *name, *response;
} vectors[] = {
    {DIGEST_MD5, "MD5", "8ca523f5e9506fed4657c9700eebdbec"},
    {DIGEST_SHA256, "SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
};

START_TEST(response_is_that_of_rfc_7616)
{
    const struct vector *v = &vectors[_i];
    char ha1[DIGEST_TEXT], response[DIGEST_TEXT], algorithm[40], given[100];
    const char *params[] = {"username=\"Mufasa\"",
                            "realm=\"http-auth@example.org\"",
                            "uri=\"/dir/index.html\"",
                            algorithm,
                            "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"",
                            "nc=00000001",
                            "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\"",
                            "qop=auth",
                            given,
                            "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
                            NULL};
    struct digest_credentials c;

    snprintf(algorithm, sizeof algorithm, "algorithm=%s", v->name);
    snprintf(given, sizeof given, "response=\"%s\"", v->response);
    ck_assert_int_eq(digest_parse(&c, params), 0);
    ck_assert_int_eq(c.algorithm, v->algorithm);
    ck_assert_int_eq(digest_ha1(c.algorithm, "Mufasa", c.realm, "Circle of Life", ha1), 0);
    ck_assert_int_eq(digest_response(&c, ha1, "GET", response), 0);
    ck_assert_str_eq(response, v->response);
    ck_assert(digest_equal(response, c.response));
    ck_assert_int_eq(digest_response(&c, ha1, "PUT", response), 0);
    ck_assert(!digest_equal(response, c.response));
}
END_TEST

/* The same vector from the client's end, and RFC 2617 §3.5's way without qop. */
START_TEST(answer_is_that_of_rfc_7616)
{
    const struct vector *v = &vectors[_i];
    char algorithm[40], response[100], out[DIGEST_ANSWER_TEXT];
    const char *params[] = {"realm=\"http-auth@example.org\"",
                            "qop=\"auth-int, auth\"",
                            algorithm,
                            "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"",
                            "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
                            "stale=TRUE",
                            NULL};
    struct digest_challenge c;

    snprintf(algorithm, sizeof algorithm, "algorithm=%s", v->name);
    snprintf(response, sizeof response, "response=\"%s\"", v->response);
    ck_assert_int_eq(digest_challenge_parse(&c, params), 0);
    ck_assert(c.qop && c.stale);
    ck_assert_int_eq(digest_answer(&c, "Mufasa", "Circle of Life", "GET", "/dir/index.html",
                                   "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", 1, out),
                     0);
    ck_assert_ptr_nonnull(strstr(out, response));
    ck_assert_ptr_nonnull(strstr(out, "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""));
    ck_assert_ptr_nonnull(strstr(out, "nc=00000001"));
    ck_assert_ptr_null(strstr(out, "Circle"));
    params[1] = params[5];
    ck_assert_int_eq(digest_challenge_parse(&c, params), 0);
    ck_assert(!c.qop);
    ck_assert_int_eq(digest_answer(&c, "Mufasa", "Circle of Life", "GET", "/dir/index.html", "x", 1, out), 0);
    ck_assert_ptr_null(strstr(out, "cnonce"));
    ck_assert_ptr_null(strstr(out, response));
}
END_TEST

START_TEST(hashes_of_other_lengths_differ)
{
    ck_assert(!digest_equal("abcd", "abc"));
    ck_assert(!digest_equal("", "a"));
    ck_assert(digest_equal("abc", "abc"));
}
END_TEST

/* What headers may look like, and what must be refused. Row 0 is the pattern; each other row replaces one of
 * it. */
#define GOOD                                                                                                 \
    "username=\"u\"", "realm=\"r\"", "nonce=\"n\"", "uri=\"sip:x\"", "response=\"AB\"", "cnonce=\"c\""
static const struct header_row {
    const char *why;
    int error;
    const char *params[12];
} header_rows[] = {
    {"the pattern", 0, {GOOD, "nc=00000010", "qop=auth"}},
    {"RFC 7616 §3.4: qop and algorithm may be quoted by old clients",
     0,
     {GOOD, "nc=00000010", "qop=\"auth\"", "algorithm=\"MD5\""}},
    {"spaces around =", 0, {GOOD, "nc = 00000010", "qop= auth"}},
    {"RFC 7616 §3.4: names are case-insensitive", 0, {GOOD, "NC=00000010", "QOP=auth", "Algorithm=md5"}},
    {"RFC 2069 style without qop has no nonce count", EINVAL, {GOOD, "nc=00000010"}},
    {"auth-int was not offered", EINVAL, {GOOD, "nc=00000010", "qop=auth-int"}},
    {"nc is missing", EINVAL, {GOOD, "qop=auth"}},
    {"nc is short", EINVAL, {GOOD, "nc=10", "qop=auth"}},
    {"nc is no number", EINVAL, {GOOD, "nc=0000001x", "qop=auth"}},
    {"an algorithm that was not offered", EINVAL, {GOOD, "nc=00000010", "qop=auth", "algorithm=SHA-512-256"}},
    {"-sess was not offered", EINVAL, {GOOD, "nc=00000010", "qop=auth", "algorithm=MD5-sess"}},
    {"a quote that does not end", EINVAL, {GOOD, "nc=00000010", "qop=auth", "realm=\"r"}},
    {"a lone quote", EINVAL, {GOOD, "nc=00000010", "qop=auth", "realm=\""}},
    {"an empty user name", EINVAL, {GOOD, "nc=00000010", "qop=auth", "username=\"\""}},
    {"nothing", EINVAL, {NULL}},
};

START_TEST(headers_follow_the_table)
{
    struct digest_credentials c;

    ck_assert_msg(digest_parse(&c, header_rows[_i].params) == header_rows[_i].error, "%s",
                  header_rows[_i].why);
    if (header_rows[_i].error == 0) {
        ck_assert_uint_eq(c.nc, 16);
        ck_assert_str_eq(c.response, "ab");
        ck_assert_int_eq(c.algorithm, DIGEST_MD5);
    }
}
END_TEST

static const struct header_row challenge_rows[] = {
    {"the pattern", 0, {"realm=\"r\"", "nonce=\"n\""}},
    {"an empty realm is one", 0, {"realm=\"\"", "nonce=\"n\"", "qop=auth"}},
    {"no realm", EINVAL, {"nonce=\"n\""}},
    {"no nonce", EINVAL, {"realm=\"r\""}},
    {"auth-int alone", EINVAL, {"realm=\"r\"", "nonce=\"n\"", "qop=\"auth-int\""}},
    {"-sess", EINVAL, {"realm=\"r\"", "nonce=\"n\"", "algorithm=MD5-sess"}},
    {"another hash", EINVAL, {"realm=\"r\"", "nonce=\"n\"", "algorithm=SHA-512-256"}},
    {"nothing", EINVAL, {NULL}},
};

START_TEST(challenges_follow_the_table)
{
    struct digest_challenge c;

    ck_assert_msg(digest_challenge_parse(&c, challenge_rows[_i].params) == challenge_rows[_i].error, "%s",
                  challenge_rows[_i].why);
}
END_TEST

START_TEST(next_nonce_is_read)
{
    const char *params[] = {"qop=auth", "nextnonce=\"abc\"", NULL},
               *none[] = {"nextnonce=\"abcdefgh\"", NULL};
    char nonce[8];

    ck_assert_int_eq(digest_next_nonce(nonce, sizeof nonce, params), 0);
    ck_assert_str_eq(nonce, "abc");
    ck_assert_int_eq(digest_next_nonce(nonce, sizeof nonce, none), ENOENT);
    ck_assert_int_eq(digest_next_nonce(nonce, sizeof nonce, NULL), ENOENT);
}
END_TEST

START_TEST(long_values_are_refused)
{
    char user[400] = "username=\"";
    const char *params[] = {user,       "realm=r",     "nonce=n",  "uri=x", "response=a",
                            "cnonce=c", "nc=00000001", "qop=auth", NULL};
    struct digest_credentials c;

    memset(user + 10, 'a', 300);
    user[310] = '"';
    ck_assert_int_eq(digest_parse(&c, params), EINVAL);
    user[20] = '"';
    user[21] = '\0';
    ck_assert_int_eq(digest_parse(&c, params), 0);
}
END_TEST

/* -- nonces
 * -----------------------------------------------------------------------------------------------------------
 */

/* RFC 7616 §3.4: each count once; a window lets requests overtake each other. */
START_TEST(counts_are_good_once)
{
    char nonce[NONCE_TEXT];
    struct nonces *n;

    ck_assert_int_eq(nonces_new(&n, 16), 0);
    nonce_make(n, nonce);
    ck_assert_int_eq(nonce_use(n, nonce, 0), NONCE_REPLAYED);
    ck_assert_int_eq(nonce_use(n, nonce, 1), NONCE_GOOD);
    ck_assert_int_eq(nonce_use(n, nonce, 1), NONCE_REPLAYED);
    ck_assert_int_eq(nonce_use(n, nonce, 3), NONCE_GOOD);
    ck_assert_int_eq(nonce_use(n, nonce, 2), NONCE_GOOD);
    ck_assert_int_eq(nonce_use(n, nonce, 2), NONCE_REPLAYED);
    ck_assert_int_eq(nonce_use(n, nonce, 67), NONCE_GOOD);
    ck_assert_int_eq(nonce_use(n, nonce, 3), NONCE_REPLAYED);
    ck_assert_int_eq(nonce_use(n, nonce, 4), NONCE_GOOD);
    ck_assert_int_eq(nonce_use(n, nonce, 0xffffffff), NONCE_GOOD);
    ck_assert_int_eq(nonce_use(n, nonce, 67), NONCE_REPLAYED);
    nonces_free(n);
}
END_TEST

/* RFC 7616 §3.3: an old nonce, one of another process, and a forged one are stale. */
START_TEST(nonces_grow_stale)
{
    char nonce[NONCE_TEXT];
    struct nonces *n, *other;

    ck_assert_int_eq(nonces_new(&n, 16), 0);
    ck_assert_int_eq(nonces_new(&other, 16), 0);
    nonce_make(n, nonce);
    ck_assert_int_eq(nonce_use(other, nonce, 1), NONCE_STALE);
    ck_assert_int_eq(nonce_use(n, "", 1), NONCE_STALE);
    nonce[3] ^= 1;
    ck_assert_int_eq(nonce_use(n, nonce, 1), NONCE_STALE);
    nonce[3] ^= 1;
    ck_assert_int_eq(nonce_use(n, nonce, 1), NONCE_GOOD);
    clock_advance((uint64_t)(NONCE_LIFE_S + 1) * 1000000);
    ck_assert_int_eq(nonce_use(n, nonce, 2), NONCE_STALE);
    nonces_free(n);
    nonces_free(other);
}
END_TEST

/* RFC 7616 §5.4: a full book forgets the oldest, but a forgotten nonce does not become good again. */
START_TEST(forgotten_nonces_stay_used)
{
    char nonces[20][NONCE_TEXT];
    struct nonces *n;

    ck_assert_int_eq(nonces_new(&n, 16), 0);
    for (int i = 0; i < 20; i++) {
        nonce_make(n, nonces[i]);
        ck_assert_int_eq(nonce_use(n, nonces[i], 1), NONCE_GOOD);
        clock_advance(1000000);
    }
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(nonce_use(n, nonces[i], 1), i < 4 ? NONCE_STALE : NONCE_REPLAYED);
    nonces_free(n);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("digest");
    TCase *digest = tcase_create("digest"), *nonces = tcase_create("nonces");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(digest, response_is_that_of_rfc_7616, 0, 2);
    tcase_add_loop_test(digest, answer_is_that_of_rfc_7616, 0, 2);
    tcase_add_loop_test(digest, challenges_follow_the_table, 0,
                        sizeof challenge_rows / sizeof *challenge_rows);
    tcase_add_test(digest, next_nonce_is_read);
    tcase_add_loop_test(digest, headers_follow_the_table, 0, sizeof header_rows / sizeof *header_rows);
    tcase_add_test(digest, hashes_of_other_lengths_differ);
    tcase_add_test(digest, long_values_are_refused);
    tcase_add_test(nonces, counts_are_good_once);
    tcase_add_test(nonces, nonces_grow_stale);
    tcase_add_test(nonces, forgotten_nonces_stay_used);
    suite_add_tcase(suite, digest);
    suite_add_tcase(suite, nonces);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
