/* Transfers, Replaces and calls that are split, with written-down phones and mixer. */
#include "tests/unit/test_call_fakes.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFER fake_sdp(4000, "0 8 101", "sendrecv")
#define ANSWER fake_sdp(5000, "0 101", "sendrecv")

static struct session *a, *b; /* caller and callee of the first call */

static void setup(void)
{
    fake_server_start();
    a = b = NULL;
}

static void answer(struct session *s, const char *sdp)
{
    s->handlers->answered(s->owner, sdp);
    fake_settle();
}

static void refuse(struct session *s, int status)
{
    s->handlers->failed(s->owner, status, "No", NULL);
    fake_settle();
}

static void hang_up(struct session *s)
{
    s->handlers->ended(s->owner, 200, "");
    fake_settle();
}

/* Whose INVITE is the nth that went out; both talk. */
static void meet(const char *user, const char *number, unsigned n)
{
    a = fake_call(user, number, OFFER);
    b = fake_invited(n);
    ck_assert_ptr_nonnull(b);
    answer(b, ANSWER);
    answer(a, NULL);
}

static bool bridged(const struct session *one, const struct session *other)
{
    char word[32];

    snprintf(word, sizeof word, "bridge%u-%u", (unsigned)fake_port_of(one), (unsigned)fake_port_of(other));
    return fake_media_did(word);
}

static void probe_answers(struct link *link, const struct request *request)
{
    (void)request;
    link_answer(link);
}

static void name(struct dialog_name *out, const struct session *s)
{
    *out = (struct dialog_name){.to_tag = "own", .from_tag = "theirs"};
    snprintf(out->call_id, sizeof out->call_id, "%d", (int)(s - fake_sessions));
}

static void refer(struct session *s, const char *number, const struct session *named)
{
    struct referral referral = {.params = "", .attended = named != NULL};

    snprintf(referral.target.user, sizeof referral.target.user, "%s", number);
    if (named)
        name(&referral.replaces, named);
    s->handlers->referred(s->owner, &referral);
    fake_settle();
}

/* -- blind -------------------------------------------------------------------------------------------------
 */

START_TEST(blind_transfer_connects_the_one_who_remains)
{
    struct session *c;

    meet("1001", "1004", 0);
    refer(b, "0123", NULL);
    c = fake_invited(1);
    ck_assert_ptr_nonnull(c);
    ck_assert_str_eq(c->from.user, "1001");
    ck_assert_str_eq(c->referrer.user, "1004"); /* RFC 3892 */
    ck_assert(!b->let_go);
    c->handlers->progress(c->owner, 180, NULL, NULL);
    ck_assert(fake_did(b, "tell180"));
    answer(c, ANSWER);
    ck_assert(fake_did(b, "tell200"));
    ck_assert(fake_did(b, "release200"));
    ck_assert(bridged(a, c));
    hang_up(c);
    ck_assert(a->let_go);
    fake_server_end();
}
END_TEST

START_TEST(blind_transfer_in_vain_gives_the_call_back)
{
    meet("1001", "1004", 0);
    fake_media[0] = '\0';
    refer(a, "0123", NULL);
    ck_assert_str_eq(fake_invited(1)->from.user, "1004");
    refuse(fake_invited(1), 486);
    ck_assert(fake_did(a, "tell486"));
    ck_assert(!a->let_go && !b->let_go);
    ck_assert(bridged(a, b));
    hang_up(a);
    ck_assert(b->let_go);
    fake_server_end();
}
END_TEST

START_TEST(blind_transfer_outlives_the_transferor)
{
    meet("1001", "1004", 0);
    refer(b, "0123", NULL);
    hang_up(b);
    ck_assert(!a->let_go);
    answer(fake_invited(1), ANSWER);
    ck_assert(fake_did(b, "tell200"));
    hang_up(a);
    ck_assert(fake_invited(1)->let_go);
    fake_server_end();
}
END_TEST

START_TEST(recall_rings_who_has_transferred_and_gone)
{
    struct session *back;

    meet("1001", "1004", 0);
    refer(b, "0123", NULL);
    hang_up(b);
    refuse(fake_invited(1), 486);
    back = fake_invited(2);
    ck_assert_ptr_nonnull(back);
    ck_assert_str_eq(back->to.user, "1004");
    answer(back, ANSWER);
    ck_assert(!a->let_go);
    hang_up(back);
    ck_assert(a->let_go);
    fake_server_end();
}
END_TEST

START_TEST(recall_in_vain_ends_the_call)
{
    meet("1001", "1004", 0);
    refer(b, "0123", NULL);
    hang_up(b);
    refuse(fake_invited(1), 486);
    refuse(fake_invited(2), 486);
    ck_assert(a->let_go);
    fake_server_end();
}
END_TEST

START_TEST(remaining_party_leaves_during_a_transfer)
{
    meet("1001", "1004", 0);
    refer(b, "0123", NULL);
    hang_up(a);
    ck_assert(fake_did(b, "tell487"));
    ck_assert(b->let_go && fake_invited(1)->let_go);
    fake_server_end();
}
END_TEST

/* Storage has no say yet about what the transferor may dial. */
START_TEST(remaining_party_leaves_before_the_rights_are_known)
{
    struct referral referral = {.params = "", .target = {.user = "0123"}};

    meet("1001", "1004", 0);
    b->handlers->referred(b->owner, &referral);
    a->handlers->ended(a->owner, 200, "");
    fake_settle();
    ck_assert(a->let_go && b->let_go);
    ck_assert_ptr_null(fake_invited(1));
    fake_server_end();
}
END_TEST

START_TEST(storage_away_means_nothing_is_dialled_in_his_name)
{
    meet("1001", "1004", 0);
    fake_storage_error = EAGAIN;
    refer(b, "0123", NULL);
    ck_assert_ptr_null(fake_invited(1));
    ck_assert(fake_did(b, "tell503"));
    ck_assert(!a->let_go && !b->let_go);
    hang_up(a);
    fake_server_end();
}
END_TEST

START_TEST(application_that_answered_cannot_be_left_by_refer)
{
    struct session *s;

    fake_probe.invited = probe_answers;
    s = fake_call("1001", "5000", OFFER);
    answer(s, NULL);
    refer(s, "1004", NULL);
    ck_assert(fake_did(s, "refuse403"));
    hang_up(s);
    fake_server_end();
}
END_TEST

START_TEST(one_transfer_at_a_time)
{
    meet("1001", "1004", 0);
    refer(b, "0123", NULL);
    refer(b, "0124", NULL);
    ck_assert(fake_did(b, "refuse403"));
    hang_up(a);
    fake_server_end();
}
END_TEST

/* -- attended
 * ------------------------------------------------------------------------------------------------ */

START_TEST(attended_transfer_joins_the_two_others)
{
    struct session *rest, *first;

    meet("1001", "1004", 0);
    rest = a;
    first = b;
    meet("1004", "0123", 1);
    fake_media[0] = '\0';
    refer(first, "0123", a);
    ck_assert(fake_did(first, "tell200"));
    ck_assert(first->let_go && a->let_go);
    ck_assert(!rest->let_go && !b->let_go);
    ck_assert(bridged(rest, b));
    hang_up(b);
    ck_assert(rest->let_go);
    fake_server_end();
}
END_TEST

START_TEST(nobody_names_a_call_of_others)
{
    struct session *first;

    meet("1001", "1004", 0);
    first = b;
    meet("1002", "0123", 1);
    refer(first, "0123", a);
    ck_assert(fake_did(first, "refuse403"));
    ck_assert(!first->let_go && !a->let_go);
    hang_up(first);
    hang_up(a);
    fake_server_end();
}
END_TEST

START_TEST(what_rings_for_the_transferor_rings_on)
{
    for (int answered = 0; answered < 2; answered++) {
        struct session *rest, *first, *c;
        unsigned n = (unsigned)answered * 2;

        meet("1001", "1004", n);
        rest = a;
        first = b;
        a = fake_call("1004", "0123", OFFER);
        c = fake_invited(n + 1);
        refer(first, "0123", a);
        ck_assert(fake_did(a, "release487"));
        ck_assert(!c->let_go && !rest->let_go && !first->let_go);
        if (answered)
            answer(c, ANSWER);
        else
            refuse(c, 486);
        ck_assert(fake_did(first, answered ? "tell200" : "tell486"));
        ck_assert(bridged(rest, answered ? c : first));
        hang_up(rest);
        ck_assert(c->let_go && first->let_go);
    }
    fake_server_end();
}
END_TEST

/* -- Replaces
 * ------------------------------------------------------------------------------------------------ */

START_TEST(replaces_takes_the_place_of_the_named_leg)
{
    struct dialog_name named;
    struct session *c;

    meet("1001", "1004", 0);
    name(&named, b);
    c = fake_call_naming("1004", "1001", OFFER, &named, NULL);
    ck_assert(fake_did(c, "answer"));
    ck_assert(b->let_go && !a->let_go);
    answer(c, NULL);
    hang_up(c);
    ck_assert(a->let_go);
    fake_server_end();
}
END_TEST

START_TEST(replaces_without_the_right_or_a_dialog)
{
    struct dialog_name named;

    meet("1001", "1004", 0);
    name(&named, b);
    ck_assert(fake_did(fake_call_naming("1002", "1001", OFFER, &named, NULL), "reject403"));
    named.early_only = true;
    ck_assert(fake_did(fake_call_naming("1004", "1001", OFFER, &named, NULL), "reject486"));
    hang_up(a);
    ck_assert(fake_did(fake_call_naming("1004", "1001", OFFER, &named, NULL), "reject603"));
    snprintf(named.call_id, sizeof named.call_id, "%d", FAKE_SESSIONS - 1);
    fake_server_end();
}
END_TEST

START_TEST(replaces_picks_up_what_rings)
{
    struct dialog_name named;
    struct session *c;

    a = fake_call("1001", "1004", OFFER);
    b = fake_invited(0);
    name(&named, b);
    c = fake_call_naming("1004", "1004", OFFER, &named, NULL);
    ck_assert(fake_did(c, "answer") && fake_did(a, "answer"));
    ck_assert(fake_did(b, CAUSE_ELSEWHERE));
    answer(a, NULL);
    answer(c, NULL);
    hang_up(c);
    ck_assert(a->let_go);
    fake_server_end();
}
END_TEST

/* -- parting
 * --------------------------------------------------------------------------------------------------- */

/* Each has a call of his own, and a number is found for each. */
START_TEST(split_makes_two_calls_of_one)
{
    struct route_order order = {.number = "5000"};
    struct call *call;

    fake_probe.invited = probe_answers;
    meet("1001", "1004", 0);
    ck_assert_int_eq(call_split(&call, b->owner), 0);
    ck_assert_ptr_eq(call->caller, b->owner);
    ck_assert_str_eq(call->from.user, "1004");
    route_begin(call, &order);
    fake_settle();
    route_begin(((struct leg *)a->owner)->call, &order);
    fake_settle();
    hang_up(a);
    ck_assert(!b->let_go);
    hang_up(b);
    fake_server_end();
}
END_TEST

START_TEST(split_off_caller_leaves_the_callee_a_call)
{
    struct route_order order = {.number = "5000"};
    struct call *call, *rest;

    fake_probe.invited = probe_answers;
    meet("1001", "1004", 0);
    rest = ((struct leg *)a->owner)->call;
    ck_assert_int_eq(call_split(&call, a->owner), 0);
    ck_assert_ptr_eq(rest->caller, b->owner);
    route_begin(call, &order);
    route_begin(rest, &order);
    fake_settle();
    hang_up(b);
    ck_assert(!a->let_go);
    hang_up(a);
    fake_server_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transfer");
    TCase *blind = tcase_create("blind"), *named = tcase_create("named");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, blind);
    tcase_add_checked_fixture(blind, setup, NULL);
    tcase_add_test(blind, blind_transfer_connects_the_one_who_remains);
    tcase_add_test(blind, blind_transfer_in_vain_gives_the_call_back);
    tcase_add_test(blind, blind_transfer_outlives_the_transferor);
    tcase_add_test(blind, recall_rings_who_has_transferred_and_gone);
    tcase_add_test(blind, recall_in_vain_ends_the_call);
    tcase_add_test(blind, remaining_party_leaves_during_a_transfer);
    tcase_add_test(blind, remaining_party_leaves_before_the_rights_are_known);
    tcase_add_test(blind, storage_away_means_nothing_is_dialled_in_his_name);
    tcase_add_test(blind, application_that_answered_cannot_be_left_by_refer);
    tcase_add_test(blind, one_transfer_at_a_time);
    suite_add_tcase(suite, named);
    tcase_add_checked_fixture(named, setup, NULL);
    tcase_add_test(named, attended_transfer_joins_the_two_others);
    tcase_add_test(named, what_rings_for_the_transferor_rings_on);
    tcase_add_test(named, nobody_names_a_call_of_others);
    tcase_add_test(named, replaces_takes_the_place_of_the_named_leg);
    tcase_add_test(named, replaces_without_the_right_or_a_dialog);
    tcase_add_test(named, replaces_picks_up_what_rings);
    tcase_add_test(named, split_makes_two_calls_of_one);
    tcase_add_test(named, split_off_caller_leaves_the_callee_a_call);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
