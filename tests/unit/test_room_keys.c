/* apps/conference: what members are told, names, the waiting room, recording by hosts, and farewells in
 * groups. */
#include "apps/apps.h"
#include "apps/conference/act.h"
#include "core/base/loop.h"
#include "storage/mailbox.h"
#include "storage/subscriber.h"
#include "tests/unit/room_double.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char discarded[64];

int subscriber_find(struct storage *st, const char *number, struct ticket ticket, subscriber_reply *reply)
{
    (void)st;
    (void)number;
    (void)ticket;
    (void)reply;
    return ENOTSUP;
}

int cache_discard(struct storage *st, const char *path, struct ticket ticket, storage_done *reply)
{
    (void)st;
    (void)ticket;
    (void)reply;
    snprintf(discarded, sizeof discarded, "%s", path);
    return 0;
}

static void setup(void)
{
    room_double_begin();
    ck_assert_int_eq(loop_new(&server.loop), 0);
    settings.max_rooms = 2;
    settings.max_room_members = LINKS;
}

/* A call as far as the room's words on entry. */
static struct link *enter(const struct room_row *row)
{
    struct link *link = call(&conference_app, row->number, "", "");

    door_says(0, row, NULL);
    *link->told = '\0';
    link->app->answered(link);
    return link;
}

static void words_over(struct link *link)
{
    if (link->played)
        play_over(link);
    *link->told = *server.told = '\0';
}

static struct member *member_of(const struct link *link)
{
    return link_state(link);
}

/* As the interface for programs would, with a host's rights. */
static int act_by_program(enum act act, const struct link *on)
{
    const struct actor actor = {.host = true, .name = "test", .source = "api"};
    const struct act_order order = {.act = act, .member = on ? member_of(on) : NULL};

    return room_act(conference_first(), &actor, &order);
}

/* Another phone has taken his seat (RFC 3891). */
static void replaced(struct link *link)
{
    const struct news news = {.kind = NEWS_TRANSFERRED, .by_caller = true};

    link->played = NULL;
    link->app->heard(link, &news);
}

static const struct room_row row = {.number = "3000", .music = true};

/* -- what one is told of others' doings -------------------------------------------------------------------
 */

START_TEST(notice_waits_for_the_end_of_menu_and_words)
{
    struct link *link = enter(&row);

    words_over(link);
    press(link, '*');
    *link->told = '\0';
    ck_assert_int_eq(act_by_program(ACT_MUTE, link), 0);
    ck_told(link, "mute=1");
    press(link, '8');
    ck_told(link, "play=conf-muted");
    ck_assert_int_eq(act_by_program(ACT_UNMUTE, link), 0);
    ck_told(link, "mute=0");
    play_over(link);
    ck_told(link, "play=conf-unmuted");
    play_over(link);
    ck_told(link, "music");
}
END_TEST

START_TEST(who_talks_while_muted_is_told_so_now_and_then)
{
    struct link *link = enter(&row);

    words_over(link);
    enter(&row);
    press(link, '*');
    press(link, '1');
    press(link, '8');
    *link->told = '\0';
    link->app->talks(link, true, true);
    ck_told(link, "play=conf-you-are-muted");
    words_over(link);
    link->app->talks(link, false, true);
    link->app->talks(link, true, true); /* not again so soon */
    ck_told(link, "");
    link->app->held(link, true);
    member_of(link)->muted_told_us = 0;
    link->app->talks(link, true, true); /* his phone plays music, and he hears nothing */
    ck_told(link, "");
}
END_TEST

START_TEST(lecture_tells_once_how_to_ask_for_the_floor)
{
    struct link *link = enter(&row);

    words_over(link);
    enter(&row);
    words_over(link);
    ck_assert_int_eq(act_by_program(ACT_LECTURE, NULL), 0);
    ck_told(&server, "conf-lecture");
    ck_told(link, "mute=1");
    link->app->talks(link, true, true);
    ck_told(link, "play=conf-lecture+conf-ask-floor+digits/star+digits/5");
    words_over(link);
    link->app->talks(link, true, true);
    ck_told(link, "");
    ck_assert_int_eq(act_by_program(ACT_GIVE_FLOOR, link), 0);
    ck_told(link, "mute=0 play=conf-floor-yours");
}
END_TEST

/* -- before the room --------------------------------------------------------------------------------------
 */

START_TEST(who_waits_is_in_no_mix_and_has_no_keys)
{
    const struct room_row admit = {.number = "3000", .music = true, .waiting = WAITING_ADMIT};
    struct link *link = enter(&admit);

    ck_told(link, "play=conf-wait-admit");
    play_over(link);
    ck_told(link, "music");
    press(link, '*');
    ck_told(link, "");
    ck_assert_int_eq(act_by_program(ACT_ADMIT, link), 0);
    ck_told(link, "enter=1 play=conf-placeintoconf");
    ck_assert_int_eq(act_by_program(ACT_ADMIT, link), EALREADY);
}
END_TEST

START_TEST(who_becomes_host_lets_all_in)
{
    const struct room_row host = {.number = "3000", .music = true, .waiting = WAITING_HOST};
    struct link *first = enter(&host), *second = enter(&host);

    ck_told(first, "play=conf-waitforleader");
    ck_told(second, "play=conf-waitforleader");
    ck_assert_int_eq(act_by_program(ACT_MAKE_HOST, first), 0);
    ck_told(first, "enter=1 play=conf-placeintoconf"); /* and that he is host, after it */
    ck_told(second, "enter=1 play=conf-placeintoconf");
    play_over(first);
    ck_told(first, "play=conf-host-now");
}
END_TEST

START_TEST(host_who_comes_hears_who_waits)
{
    const struct room_row admit = {
        .number = "3000", .music = true, .has_moderator_pin = true, .waiting = WAITING_ADMIT};
    struct link *first = enter(&admit), *host;

    type(first, ""); /* an ordinary member */
    type(enter(&admit), "");
    host = enter(&admit);
    *host->told = '\0';
    type(host, "1");
    pin_says(0, ROLE_HOST, "");
    ck_told(host, "enter=1 play=conf-onlyperson");
    play_over(host);
    ck_told(host, "play=digits/2+conf-people-wait+conf-to-admit+digits/star+digits/5+digits/1");
    play_over(host);
    ck_told(host, "music");
    press(host, '*');
    press(host, '5');
    *first->told = *host->told = '\0';
    press(host, '1'); /* who has waited longest */
    ck_told(first, "enter=1 play=conf-placeintoconf");
    ck_assert_ptr_nonnull(
        strstr(host->told, "menu=msg-anonymous")); /* whom: there is neither name nor number */
    press(host, '2');
    *host->told = '\0';
    press(host, '1');
    ck_told(host, "menu=conf-nobody");
}
END_TEST

START_TEST(host_drops_whom_he_called)
{
    const struct room_row own = {.number = "3000", .music = true, .has_moderator_pin = true};
    struct link *host = enter(&own), *other = enter(&own), *last = enter(&own);

    type(host, "1");
    pin_says(0, ROLE_HOST, "");
    type(other, "");
    type(last, "");
    strcpy(member_of(host)->dialled, "1005");
    strcpy(member_of(other)->caller, "1005");
    press(host, '*');
    press(host, '5');
    *last->told = *other->told = '\0';
    press(host, '7');
    ck_told(other, "enter=0 play=conf-kicked");
    ck_told(last, "");
    *host->told = '\0';
    press(host, '7'); /* he is on his way already */
    ck_told(host, "menu=conf-nobody");
}
END_TEST

START_TEST(who_is_refused_hears_so)
{
    const struct room_row admit = {.number = "3000", .music = true, .waiting = WAITING_ADMIT};
    struct link *link = enter(&admit);

    *link->told = '\0';
    ck_assert_int_eq(act_by_program(ACT_KICK, link), 0);
    ck_told(link, "play=conf-not-admitted");
    ck_assert_int_eq(act_by_program(ACT_ADMIT, link), ENOENT);
    ck_assert_int_eq(act_by_program(ACT_ADMIT_ALL, NULL), ENOENT);
    ck_assert_int_eq(act_by_program(ACT_MAKE_HOST, link), ENOENT);
    ck_told(link, "");
    replaced(link); /* the other phone has not heard it yet */
    ck_told(link, "play=conf-not-admitted");
    play_over(link);
    play_over(link);
    ck_told(link, "play=vm-goodbye hangup");
}
END_TEST

/* -- names ------------------------------------------------------------------------------------------------
 */

static const struct room_row names = {.number = "3000", .music = true, .announce = ANNOUNCE_NAMES};

START_TEST(name_is_asked_once_and_said_to_the_room)
{
    struct link *first = enter(&names), *second;

    ck_told(first, "play=screen-say-name+1000Hz");
    play_over(first);
    ck_told(first, "record=#");
    record(first, RECORDED_SILENCE, 1500, 0); /* he said nothing */
    ck_told(first, "enter=1 play=conf-onlyperson");
    ck_assert_str_eq(discarded, "/cache/member-test.wav");
    second = enter(&names);
    *server.told = '\0';
    play_over(second);
    *second->told = '\0';
    record(second, RECORDED_KEY, 2000, 900);
    ck_assert_ptr_nonnull(strstr(second->told, "file=/cache/member-test.wav!"));
    /* The double counts no sounds: what was loaded has no number. */
    member_of(second)->said.what = 1;
    *server.told = '\0';
    hang_up(second);
    ck_told(&server, "file+conf-hasleft");
}
END_TEST

START_TEST(name_of_who_hangs_up_is_thrown_away)
{
    struct link *link = enter(&names);

    play_over(link);
    *discarded = '\0';
    record_hang_up(link, 1000, 900);
    ck_assert_str_eq(discarded, "/cache/member-test.wav");
    ck_told(&server, ""); /* no room was made */
}
END_TEST

START_TEST(full_room_asks_for_no_name)
{
    settings.max_room_members = 1;
    words_over(enter(&row));
    ck_told(enter(&names), "play=conf-full");
}
END_TEST

/* -- recording --------------------------------------------------------------------------------------------
 */

START_TEST(recording_is_begun_paused_and_stopped_once_each)
{
    words_over(enter(&row));
    ck_assert_int_eq(act_by_program(ACT_PAUSE_RECORDING, NULL), EALREADY);
    ck_assert_int_eq(act_by_program(ACT_STOP_RECORDING, NULL), EALREADY);
    ck_assert_int_eq(act_by_program(ACT_RECORD, NULL), 0);
    ck_told(&server, "record=1/3000/mix/flac conf-now-recording");
    ck_assert_int_eq(act_by_program(ACT_RECORD, NULL), EALREADY);
    ck_assert_int_eq(act_by_program(ACT_PAUSE_RECORDING, NULL), 0);
    ck_assert_int_eq(act_by_program(ACT_PAUSE_RECORDING, NULL), EALREADY);
    ck_told(&server, "record-pause conf-recording-paused");
    ck_told(enter(&row), "enter=1"); /* who comes meanwhile is not recorded */
    *server.told = '\0';
    ck_assert_int_eq(act_by_program(ACT_RECORD, NULL), 0);
    ck_told(&server, "record-resume conf-now-recording");
    ck_assert_int_eq(act_by_program(ACT_STOP_RECORDING, NULL), 0);
    ck_told(&server, "record-stop conf-recording-stopped");
    server.record_error = EIO;
    ck_assert_int_eq(act_by_program(ACT_RECORD, NULL), EIO);
    ck_told(&server, "");
    server.record_error = 0;
}
END_TEST

/* What a host has stopped does not begin again because all went out for a moment. */
START_TEST(recording_begins_by_itself_but_once)
{
    const struct room_row recorded_room = {.number = "3000", .waiting = WAITING_ADMIT, .record = "mix"};
    struct link *first = enter(&recorded_room), *second = enter(&recorded_room);

    ck_assert_int_eq(act_by_program(ACT_ADMIT, first), 0);
    ck_assert_ptr_nonnull(strstr(server.told, "record=1/3000/mix"));
    ck_assert_int_eq(act_by_program(ACT_STOP_RECORDING, NULL), 0);
    hang_up(first);
    *server.told = '\0';
    ck_assert_int_eq(act_by_program(ACT_ADMIT, second), 0);
    ck_told(&server, "");
}
END_TEST

/* -- farewells --------------------------------------------------------------------------------------------
 */

static unsigned sent_away(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < call_count; i++)
        count += strstr(calls[i].told, "enter=0 play=confbridge-conf-end") != NULL;
    return count;
}

START_TEST(all_are_sent_away_in_groups)
{
    for (unsigned i = 0; i < LINKS; i++)
        words_over(enter(&row));
    ck_assert_int_eq(act_by_program(ACT_END, NULL), 0);
    ck_assert_int_eq(act_by_program(ACT_END, NULL), EALREADY);
    unsigned first = sent_away();
    ck_assert(first > 0 && first < LINKS);
    for (unsigned i = 0; i < 1000 && sent_away() < LINKS; i++)
        loop_step(server.loop, 10);
    ck_assert_uint_eq(sent_away(), LINKS);
}
END_TEST

/* The room, and with it the timer, is gone before the next group's turn. */
START_TEST(room_that_empties_by_itself_meanwhile_does_no_harm)
{
    for (unsigned i = 0; i < LINKS; i++)
        words_over(enter(&row));
    ck_assert_int_eq(act_by_program(ACT_KICK_ALL, NULL), 0);
    for (unsigned i = 0; i < LINKS; i++)
        hang_up(&calls[i]);
    ck_assert_ptr_null(conference_first());
    for (unsigned i = 0; i < 10; i++)
        loop_step(server.loop, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("room_keys");
    TCase *tc = tcase_create("conference");

    tcase_add_checked_fixture(tc, setup, double_end);
    tcase_add_test(tc, notice_waits_for_the_end_of_menu_and_words);
    tcase_add_test(tc, who_talks_while_muted_is_told_so_now_and_then);
    tcase_add_test(tc, lecture_tells_once_how_to_ask_for_the_floor);
    tcase_add_test(tc, who_waits_is_in_no_mix_and_has_no_keys);
    tcase_add_test(tc, who_becomes_host_lets_all_in);
    tcase_add_test(tc, host_who_comes_hears_who_waits);
    tcase_add_test(tc, host_drops_whom_he_called);
    tcase_add_test(tc, who_is_refused_hears_so);
    tcase_add_test(tc, name_is_asked_once_and_said_to_the_room);
    tcase_add_test(tc, name_of_who_hangs_up_is_thrown_away);
    tcase_add_test(tc, full_room_asks_for_no_name);
    tcase_add_test(tc, recording_is_begun_paused_and_stopped_once_each);
    tcase_add_test(tc, recording_begins_by_itself_but_once);
    tcase_add_test(tc, all_are_sent_away_in_groups);
    tcase_add_test(tc, room_that_empties_by_itself_meanwhile_does_no_harm);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
