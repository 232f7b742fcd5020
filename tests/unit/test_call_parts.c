/* The parts of the call layer that need no call: limits, the number plan, the best failure, lists, tables. */
#include "tests/unit/test_call_fakes.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -- best.c ---------------------------------------------------------------------------------------------- */

static int best_of(int a, int b, int c)
{
    struct failure failures[] = {{.status = a}, {.status = b}, {.status = c}};
    const struct failure *list[] = {&failures[0], &failures[1], &failures[2]};

    return best_failure(list, 3)->status;
}

/* RFC 3261 §16.7 step 6. */
START_TEST(best_failure_is_6xx_then_the_lowest_class)
{
    ck_assert_int_eq(best_of(486, 603, 302), 603);
    ck_assert_int_eq(best_of(486, 500, 302), 302);
    ck_assert_int_eq(best_of(500, 486, 503), 486);
    ck_assert_int_eq(best_of(404, 486, 480), 486);
    ck_assert_int_eq(best_of(480, 484, 486), 484);
    ck_assert_int_eq(best_of(401, 404, 407), 404);
    ck_assert_int_eq(best_of(486, 486, 486), 486);
    ck_assert_ptr_null(best_failure(NULL, 0));
}
END_TEST

START_TEST(challenge_and_overload_of_the_next_hop_are_not_passed_on)
{
    ck_assert_int_eq(failure_status(401, true), 502);
    ck_assert_int_eq(failure_status(407, false), 502);
    ck_assert_int_eq(failure_status(503, false), 500);
    ck_assert_int_eq(failure_status(503, true), 480);
    ck_assert_int_eq(failure_status(486, true), 486);
}
END_TEST

/* -- limits.c -------------------------------------------------------------------------------------------- */

START_TEST(calls_a_second_are_a_bucket)
{
    const struct settings settings = {.max_calls = 100, .max_calls_a_second = 2};
    struct limits limits = {0};
    uint64_t now = 5000000;

    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(limits_refuse(&limits, &settings, 0, now), 0);
        limits_take(&limits);
    }
    ck_assert_uint_ge(limits_refuse(&limits, &settings, 0, now), 2);
    ck_assert_uint_ge(limits_refuse(&limits, &settings, 0, now + 499000), 2);
    ck_assert_uint_eq(limits_refuse(&limits, &settings, 0, now + 500000), 0);
    limits_take(&limits);
    ck_assert_uint_ge(limits_refuse(&limits, &settings, 0, now + 600000), 2);
    /* An idle hour fills the bucket once, not 7200 times. */
    now += 3600000000u;
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(limits_refuse(&limits, &settings, 0, now), 0);
        limits_take(&limits);
    }
    ck_assert_uint_ge(limits_refuse(&limits, &settings, 0, now), 2);
}
END_TEST

START_TEST(calls_at_a_time_are_limited_and_the_wait_varies)
{
    const struct settings settings = {.max_calls = 3, .max_calls_a_second = 1000};
    struct limits limits = {0};
    unsigned first = limits_refuse(&limits, &settings, 3, 1), other = 0;

    ck_assert_uint_eq(limits_refuse(&limits, &settings, 2, 1), 0);
    for (int i = 0; i < 200; i++) {
        unsigned seconds = limits_refuse(&limits, &settings, 3, 1);

        ck_assert_uint_ge(seconds, 2);
        ck_assert_uint_le(seconds, 10);
        other += seconds != first;
    }
    ck_assert_uint_gt(other, 0);
}
END_TEST

/* -- route.c --------------------------------------------------------------------------------------------- */

START_TEST(number_plan_leads_to_user_peer_and_application)
{
    struct server *server = fake_server_start();
    const struct app *app;
    const char *argument;

    ck_assert_int_eq(plan_find(server->settings, "1001", &argument, &app), PLAN_USER);
    ck_assert_int_eq(plan_find(server->settings, "0123", &argument, &app), PLAN_PEER);
    ck_assert_str_eq(argument, "pbx");
    ck_assert_int_eq(plan_find(server->settings, "5000", &argument, &app), PLAN_APP);
    ck_assert_str_eq(app->name, "probe");
    ck_assert_str_eq(argument, "five");
    ck_assert_int_eq(plan_find(server->settings, "6000", &argument, &app), PLAN_NOWHERE);
    /* No row: he may be a subscriber all the same. */
    ck_assert_int_eq(plan_find(server->settings, "ada", &argument, &app), PLAN_USER);
    ck_assert_ptr_null(app);
    fake_server_end();
}
END_TEST

START_TEST(trunk_uri_is_the_peers_with_the_number)
{
    char uri[64];

    ck_assert_int_eq(peer_target_uri(uri, sizeof uri, "sip:pbx.example:5070;transport=tcp", "123"), 0);
    ck_assert_str_eq(uri, "sip:123@pbx.example:5070;transport=tcp");
    ck_assert_int_eq(peer_target_uri(uri, sizeof uri, "sips:old@[::1]", "+49*1#"), 0);
    ck_assert_str_eq(uri, "sips:+49*1%23@[::1]"); /* RFC 3261 §25.1 */
    ck_assert_int_eq(peer_target_uri(uri, sizeof uri, "http://x", "1"), EINVAL);
    ck_assert_int_eq(peer_target_uri(uri, 20, "sip:pbx.example", "123456789"), ENOSPC);
}
END_TEST

START_TEST(user_part_of_uris)
{
    char user[8];

    ck_assert(uri_user("sip:1001@host;x=y", user, sizeof user));
    ck_assert_str_eq(user, "1001");
    ck_assert(uri_user("tel:+4930;phone-context=x", user, sizeof user));
    ck_assert_str_eq(user, "+4930");
    ck_assert(!uri_user("sip:host", user, sizeof user));
    ck_assert(!uri_user("sip:12345678@host", user, sizeof user));
    ck_assert(!uri_user("mailto:a@b", user, sizeof user));
    ck_assert(!uri_user("", user, sizeof user));
}
END_TEST

/* -- list.c ---------------------------------------------------------------------------------------------- */

START_TEST(list_becomes_what_the_mixer_plays)
{
    sound_id fragments[] = {11, 0, 13};
    struct voice voice = {.fragments = fragments, .fragment_count = 3};
    struct phrase phrase = {.fragments = {0, 1, 2, 99}, .count = 4};
    struct play_item items[PLAY_ITEMS_MAX];
    struct list list = {0};

    list_phrase(&list, &phrase);
    list_silence(&list, 200);
    list_beep(&list);
    /* A fragment that has not been said yet is loaded; one that is none is left out. */
    ck_assert_uint_eq(list_items(&list, &voice, items), 5);
    ck_assert_uint_eq(items[0].sound, 11);
    ck_assert_uint_eq(items[1].sound, 800);
    ck_assert_uint_eq(fragments[1], 800);
    ck_assert_uint_eq(items[2].sound, 13);
    ck_assert_uint_eq(items[3].ms, 200);
    ck_assert_uint_eq(items[3].hz1, 0);
    ck_assert_uint_eq(items[4].hz1, 1000);
    ck_assert_uint_eq(items[4].ms, 250);
    ck_assert_int_lt(items[4].level_dbov, 0);
}
END_TEST

START_TEST(list_never_overflows)
{
    struct list list = {0};

    for (int i = 0; i < LIST_MAX + 20; i++)
        list_tone(&list, 440, 10);
    ck_assert_uint_eq(list.count, LIST_MAX);
}
END_TEST

START_TEST(typed_keys_keep_their_order_and_their_bound)
{
    struct typed typed = {0};

    ck_assert_int_eq(typed_take(&typed), 0);
    for (int i = 0; i < TYPED_MAX + 5; i++)
        typed_add(&typed, (char)('0' + i % 10));
    for (int i = 0; i < TYPED_MAX; i++)
        ck_assert_int_eq(typed_take(&typed), '0' + i % 10);
    ck_assert_int_eq(typed_take(&typed), 0);
}
END_TEST

/* -- leg_media.c, table.c -------------------------------------------------------------------------------- */

START_TEST(codecs_first_theirs_then_ours)
{
    const struct settings settings = {.codecs = {CODEC_OPUS, CODEC_G722, CODEC_PCMA}, .codec_count = 3};
    const enum codec theirs[] = {CODEC_PCMU, CODEC_PCMA, CODEC_PCMA};
    struct codec_list list;

    /* PCMU is not allowed here. */
    codecs_order(&list, &settings, theirs, 3);
    ck_assert_uint_eq(list.count, 3);
    ck_assert_int_eq(list.codecs[0], CODEC_PCMA);
    ck_assert_int_eq(list.codecs[1], CODEC_OPUS);
    ck_assert_int_eq(list.codecs[2], CODEC_G722);
    /* An answer of our own: in the offer's order (RFC 3264 §6.1), as far as it is allowed. */
    codecs_prefer(&list, &settings, fake_sdp(4000, "0 8 9", "sendrecv"), SRTP_OFF, NULL);
    ck_assert_int_eq(list.codecs[0], CODEC_PCMA);
    ck_assert_int_eq(list.codecs[1], CODEC_G722);
    /* Beside a callee who chose: his codec, else the first of ours that was offered. */
    codecs_prefer(&list, &settings, fake_sdp(4000, "8 9", "sendrecv"), SRTP_OFF, &theirs[0]);
    ck_assert_int_eq(list.codecs[0], CODEC_G722);
    codecs_prefer(&list, &settings, fake_sdp(4000, "8 9", "sendrecv"), SRTP_OFF, &theirs[1]);
    ck_assert_int_eq(list.codecs[0], CODEC_PCMA);
    ck_assert_uint_eq(list.count, 3);
}
END_TEST

START_TEST(table_keeps_what_shares_a_bucket)
{
    struct table table = {0};
    int values[3];

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(table_put(&table, 5 + (uint64_t)i * TABLE_BUCKETS, &values[i]), 0);
    table_remove(&table, 5 + TABLE_BUCKETS);
    table_remove(&table, 6);
    ck_assert_ptr_eq(table_get(&table, 5), &values[0]);
    ck_assert_ptr_null(table_get(&table, 5 + TABLE_BUCKETS));
    ck_assert_ptr_eq(table_get(&table, 5 + 2 * TABLE_BUCKETS), &values[2]);
    ck_assert_uint_eq(table.count, 2);
    table_clear(&table);
    ck_assert_uint_eq(table.count, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("call_parts");
    TCase *c = tcase_create("parts");
    SRunner *runner = srunner_create(s);
    int failed;

    log_set_level(LEVEL_ERROR);
    tcase_add_test(c, best_failure_is_6xx_then_the_lowest_class);
    tcase_add_test(c, challenge_and_overload_of_the_next_hop_are_not_passed_on);
    tcase_add_test(c, calls_a_second_are_a_bucket);
    tcase_add_test(c, calls_at_a_time_are_limited_and_the_wait_varies);
    tcase_add_test(c, number_plan_leads_to_user_peer_and_application);
    tcase_add_test(c, trunk_uri_is_the_peers_with_the_number);
    tcase_add_test(c, user_part_of_uris);
    tcase_add_test(c, list_becomes_what_the_mixer_plays);
    tcase_add_test(c, list_never_overflows);
    tcase_add_test(c, typed_keys_keep_their_order_and_their_bound);
    tcase_add_test(c, codecs_first_theirs_then_ours);
    tcase_add_test(c, table_keeps_what_shares_a_bucket);
    suite_add_tcase(s, c);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
