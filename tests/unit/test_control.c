/* The HTTP API without a network: templates of paths, the description against the routes, limits, times. */
#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/control/files.h"
#include "core/control/wav.h"

static struct params params;

START_TEST(paths_fit_their_templates)
{
    ck_assert(route_fits("/api/v1/rooms/{room}", "/api/v1/rooms/3100", &params));
    ck_assert_str_eq(params.value[0], "3100");
    ck_assert(route_fits("/a/{x}/b/{y}", "/a/conf=a%2Fb/b/%C3%A9", &params));
    ck_assert_str_eq(params.value[0], "conf=a/b");
    ck_assert_str_eq(params.value[1], "\xC3\xA9");
    ck_assert(!route_fits("/a/{x}", "/a/", &params));
    ck_assert(!route_fits("/a/{x}", "/a", &params));
    ck_assert(!route_fits("/a/{x}", "/a/b/", &params));
    ck_assert(!route_fits("/a/{x}", "/a/b/c", &params));
    ck_assert(!route_fits("/a", "/ab", &params));
    ck_assert(!route_fits("/ab", "/a", &params));
    ck_assert(!route_fits("/a", "a", &params));
}
END_TEST

/* RFC 3986 §2.1: half an escape is none; a NUL names nothing. */
START_TEST(bad_segments_fit_nothing)
{
    char longest[NUMBER_TEXT + 8] = "/a/";

    ck_assert(!route_fits("/a/{x}", "/a/%", &params));
    ck_assert(!route_fits("/a/{x}", "/a/%4", &params));
    ck_assert(!route_fits("/a/{x}/b", "/a/%4/b", &params));
    ck_assert(!route_fits("/a/{x}", "/a/%zz", &params));
    ck_assert(!route_fits("/a/{x}", "/a/x%00", &params));
    memset(longest + 3, 'x', NUMBER_TEXT - 1);
    ck_assert(route_fits("/a/{x}", longest, &params));
    longest[3 + NUMBER_TEXT - 1] = 'x';
    ck_assert(!route_fits("/a/{x}", longest, &params));
    ck_assert(route_fits("/a/{file}", longest, &params));
    ck_assert_str_eq(params.file, longest + 3);
}
END_TEST

START_TEST(a_path_tells_what_may_be_done)
{
    const struct route *route = NULL;
    char allow[64];

    ck_assert_int_eq(route_find(&route, &params, "HEAD", "/api/v1/calls/x", allow, sizeof allow), 0);
    ck_assert_str_eq(route->method, "GET");
    ck_assert_int_eq(route_find(&route, &params, "PUT", "/api/v1/calls/x", allow, sizeof allow), EPERM);
    ck_assert_str_eq(allow, "GET, HEAD, DELETE");
    ck_assert_int_eq(route_find(&route, &params, "GET", "/api/v2", allow, sizeof allow), ENOENT);
}
END_TEST

static const json_t *described(const json_t *paths, const struct route *route)
{
    char method[8] = "";

    for (size_t i = 0; route->method[i]; i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    return json_object_get(json_object_get(paths, route->template), method);
}

/* Each route is described, with as much protection as it has, and nothing else is. */
START_TEST(the_description_is_that_of_the_routes)
{
    json_t *document = json_load_file(SOURCE_DIR "/core/control/openapi.json", 0, NULL);
    const json_t *paths = json_object_get(document, "paths");
    size_t routes = 0, operations = 0;
    const char *path;
    json_t *item;

    ck_assert_ptr_nonnull(paths);
    for (const struct route *const *table = route_tables; *table; table++)
        for (const struct route *route = *table; route->method; route++) {
            const json_t *operation = described(paths, route);

            ck_assert_msg(operation != NULL, "%s %s is not described", route->method, route->template);
            ck_assert_msg((json_object_get(operation, "security") != NULL) == (route->access == ACCESS_OPEN),
                          "%s %s: who may is described wrongly", route->method, route->template);
            ck_assert_msg((json_object_get(operation, "requestBody") != NULL) == (route->body != BODY_NONE),
                          "%s %s: its body is described wrongly", route->method, route->template);
            routes++;
        }
    json_object_foreach((json_t *)(uintptr_t)paths, path, item)
    {
        operations += json_object_size(item);
    }
    ck_assert_uint_eq(routes, operations);
    json_decref(document);
}
END_TEST

START_TEST(limits_fill_again)
{
    struct access_book *book;
    unsigned wait_s;

    ck_assert_int_eq(access_new(&book), 0);
    for (int i = 0; i < 60; i++)
        ck_assert_uint_eq(limit_take(book, "one", 60), 0);
    wait_s = limit_take(book, "one", 60);
    ck_assert_uint_ge(wait_s, 1);
    ck_assert_uint_eq(limit_take(book, "other", 60), 0);
    clock_advance(wait_s * UINT64_C(1000000));
    ck_assert_uint_eq(limit_take(book, "one", 60), 0);
    ck_assert_uint_eq(limit_take(book, "any", 0), 0); /* no limit */
    access_free(book);
}
END_TEST

START_TEST(failures_are_those_of_a_network)
{
    static const char *const cases[][2] = {{"192.0.2.7", "192.0.2.7"},
                                           {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
                                           {"2001:db8:1:2::", "2001:db8:1:2::"},
                                           {"::ffff:192.0.2.7", "::ffff:192.0.2.7"},
                                           {"", ""}};
    char network[ADDRESS_TEXT];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        network_text(network, cases[i][0]);
        ck_assert_str_eq(network, cases[i][1]);
    }
}
END_TEST

/* FIPS 180-2 appendix B.1. */
START_TEST(secrets_are_kept_as_digests)
{
    char text[SHA256_TEXT];

    sha256_text(text, "abc");
    ck_assert_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

/* RFC 9110 §14.1.2 and §14.2: what is no range of ours is ignored, whatever it began with. */
START_TEST(ranges_are_read_whole_or_not_at_all)
{
    static const struct {
        const char *text;
        bool known;
        uint64_t first, last;
    } cases[] = {
        {"bytes=0-", true, 0, 99},
        {"bytes=10-19", true, 10, 19},
        {"bytes=90-500", true, 90, 99},
        {"bytes=-10", true, 90, 99},
        {"bytes=-500", true, 0, 99},
        {"bytes=100-", true, 100, 99},
        {"bytes=-0", true, 100, 99},
        {"bytes=50-10", false, 0, 0},
        {"bytes=50-x", false, 0, 0},
        {"bytes=50-60x", false, 0, 0},
        {"bytes=50", false, 0, 0},
        {"bytes=-5x", false, 0, 0},
        {"bytes=1-2,4-5", false, 0, 0},
        {"bytes=-", false, 0, 0},
        {"bytes=", false, 0, 0},
        {"bytes=- 5", false, 0, 0},
        {"bytes=--5", false, 0, 0},
        {"lines=1-2", false, 0, 0},
        {"bytes=99999999999999999999-", true, UINT64_MAX, 99},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t first = 7, last = 8;

        ck_assert_msg(range_read(cases[i].text, 100, &first, &last) == cases[i].known, "%s", cases[i].text);
        ck_assert_uint_eq(first, cases[i].known ? cases[i].first : 7);
        ck_assert_uint_eq(last, cases[i].known ? cases[i].last : 8);
    }
}
END_TEST

START_TEST(words_are_always_json)
{
    json_t *words = json_words("Zo\xC3\xAB"), *bad = json_words("a\xFF\"b"), *never = json_moment(0);

    ck_assert_str_eq(json_string_value(words), "Zo\xC3\xAB");
    ck_assert_str_eq(json_string_value(bad), "a?\"b");
    ck_assert(json_is_null(never));
    json_decref(words);
    json_decref(bad);
    json_decref(never);
}
END_TEST

/* A file of this rate with so many samples that says of itself what is asked. */
static size_t wav_make(unsigned char *out, unsigned channels, unsigned bits, uint32_t rate, uint32_t bytes)
{
    const uint32_t fields[] = {1 | channels << 16, rate, rate * 2, 2 | bits << 16};

    memcpy(out, "RIFF\0\0\0\0WAVEfmt \x10\0\0", 19);
    out[19] = 0;
    for (unsigned i = 0; i < 16; i++)
        out[20 + i] = (unsigned char)(fields[i / 4] >> (8 * (i % 4)));
    memcpy(out + 36, "data", 4);
    for (unsigned i = 0; i < 4; i++)
        out[40 + i] = (unsigned char)(bytes >> (8 * i));
    return 44 + bytes;
}

START_TEST(only_sound_that_plays_is_taken)
{
    unsigned char *wav = calloc(1, 44 + 2 * 8000 * (SOUND_SECONDS + 1));
    size_t size = wav_make(wav, 1, 16, 8000, 1600);

    ck_assert_int_eq(wav_judge(wav, size), 0);
    for (size_t cut = 0; cut < size; cut++)
        ck_assert_int_eq(wav_judge(wav, cut), EINVAL);
    ck_assert_int_eq(wav_judge(wav, wav_make(wav, 1, 16, 48000, 2)), 0);
    ck_assert_int_eq(wav_judge(wav, wav_make(wav, 1, 16, 8000, 0)), EINVAL);
    ck_assert_int_eq(wav_judge(wav, wav_make(wav, 2, 16, 8000, 1600)), EINVAL);
    ck_assert_int_eq(wav_judge(wav, wav_make(wav, 1, 8, 8000, 1600)), EINVAL);
    ck_assert_int_eq(wav_judge(wav, wav_make(wav, 1, 16, 1, 1600)), EINVAL);
    ck_assert_int_eq(wav_judge(wav, wav_make(wav, 1, 16, 96000, 1600)), EINVAL);
    ck_assert_int_eq(wav_judge(wav, wav_make(wav, 1, 16, 8000, 16000 * SOUND_SECONDS)), 0);
    ck_assert_int_eq(wav_judge(wav, wav_make(wav, 1, 16, 8000, 16000 * SOUND_SECONDS + 2)), EFBIG);
    free(wav);
}
END_TEST

/* RFC 9110 §13.1.2; a path is looked up among those that were read, and reaches no file system. */
START_TEST(the_console_is_what_was_read)
{
    struct files *files = NULL, *none = NULL;
    struct answer answer = {0};
    char tag[HEADER_TEXT];

    ck_assert_int_eq(files_read(&files, SOURCE_DIR "/web"), 0);
    ck_assert(files_answer(files, "GET", "/", "", &answer));
    ck_assert_uint_eq(answer.status, 200);
    ck_assert_str_eq(answer.type, "text/html; charset=utf-8");
    ck_assert_ptr_nonnull(strstr(answer.text, "<!doctype html>"));
    ck_assert_str_eq(answer.headers[0].name, "ETag");
    snprintf(tag, sizeof tag, "%s", answer.headers[0].value);
    answer_free(&answer);
    ck_assert(files_answer(files, "GET", "/index.html", tag, &answer));
    ck_assert_uint_eq(answer.status, 304);
    answer_free(&answer);
    ck_assert(files_answer(files, "GET", "/views/room.js", tag, &answer));
    ck_assert_uint_eq(answer.status, 200);
    answer_free(&answer);
    ck_assert(!files_answer(files, "GET", "/views/../index.html", "", &answer));
    ck_assert(!files_answer(files, "GET", "/Makefile.inc", "", &answer));
    ck_assert(!files_answer(files, "GET", "", "", &answer));
    files_free(files);
    ck_assert_int_eq(files_read(&none, "/nowhere"), 0);
    ck_assert(!files_answer(none, "GET", "/", "", &answer));
    files_free(none);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("control");
    TCase *tests = tcase_create("control");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, paths_fit_their_templates);
    tcase_add_test(tests, bad_segments_fit_nothing);
    tcase_add_test(tests, a_path_tells_what_may_be_done);
    tcase_add_test(tests, the_description_is_that_of_the_routes);
    tcase_add_test(tests, limits_fill_again);
    tcase_add_test(tests, failures_are_those_of_a_network);
    tcase_add_test(tests, secrets_are_kept_as_digests);
    tcase_add_test(tests, ranges_are_read_whole_or_not_at_all);
    tcase_add_test(tests, words_are_always_json);
    tcase_add_test(tests, only_sound_that_plays_is_taken);
    tcase_add_test(tests, the_console_is_what_was_read);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
