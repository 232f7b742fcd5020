/* apps/: conference, announcement, IVR and echo, each led by a core that only writes down what it is told. */
#include "apps/apps.h"
#include "apps/conference/act.h"
#include "core/base/loop.h"
#include "storage/mailbox.h"
#include "storage/room.h"
#include "storage/subscriber.h"
#include "tests/unit/room_double.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static subscriber_reply *asked_subscriber;

int subscriber_find(struct storage *st, const char *number, struct ticket ticket, subscriber_reply *reply)
{
    (void)st;
    snprintf(asked.key, sizeof asked.key, "%s", number);
    asked.ticket = ticket;
    asked_subscriber = reply;
    return asked.refuse;
}

int cache_discard(struct storage *st, const char *path, struct ticket ticket, storage_done *reply)
{
    (void)st;
    (void)ticket;
    (void)reply;
    snprintf(asked.key, sizeof asked.key, "discard %s", strrchr(path, '/') + 1);
    return 0;
}

static void setup(void)
{
    room_double_begin();
    ck_assert_int_eq(loop_new(&server.loop), 0);
    settings.max_rooms = 2;
    settings.max_room_members = 3;
    settings.pin_tries = 3;
}

/* A call into a room of which storage says `error` or `row`, up to its answer. */
static struct link *call_room(const char *number, int error, const struct room_row *row)
{
    struct link *link = call(&conference_app, number, "", "");

    ck_assert_str_eq(asked.key, number);
    door_says(error, row, NULL);
    if (!strcmp(link->told, "answer")) {
        *link->told = '\0';
        link->app->answered(link);
    }
    return link;
}

static struct link *enter_open(const char *number)
{
    return call_room(number, 0, NULL);
}

#define JOIN_TONE "1175Hz+1480Hz"
#define LEAVE_TONE "1480Hz+1175Hz"

/* -- conference
 * ----------------------------------------------------------------------------------------------- */

START_TEST(room_lives_from_first_to_last_member)
{
    struct link *first = enter_open("3000");
    ck_told(first, "enter=1 play=conf-onlyperson");
    ck_told(&server, "open");
    play_over(first);
    ck_told(first, "music");

    struct link *second = enter_open("3000");
    ck_told(first, "quiet");
    ck_told(second, "enter=1");
    ck_told(&server, JOIN_TONE);

    struct link *third = enter_open("3000");
    ck_told(third, "enter=1");
    ck_told(first, "");
    ck_told(second, "");
    ck_told(&server, JOIN_TONE);

    hang_up(second);
    ck_told(&server, LEAVE_TONE);
    ck_told(first, "");
    ck_told(third, "");
    hang_up(first);
    ck_told(&server, LEAVE_TONE);
    ck_told(third, "music"); /* and no words again */
    hang_up(third);
    ck_told(&server, "close");

    enter_open("3000");
    ck_told(&server, "open"); /* a new one */
}
END_TEST

/* Row before settings; a room without a row is as the settings say. */
START_TEST(room_sounds_as_its_row_or_the_settings_say)
{
    const struct room_row row = {.number = "3001", .music = true, .loudness = ROOM_NO, .denoise = ROOM_YES};
    const struct room_row other = {.number = "3002", .music = true, .loudness = ROOM_YES, .denoise = ROOM_NO};

    settings.room_loudness = true;
    settings.room_denoise = false;
    struct link *link = enter_open("3000");
    ck_told(link, "enter=1 play=conf-onlyperson");
    ck_told(&server, "open loudness1=1");
    hang_up(link);
    ck_told(&server, "close");
    link = call_room("3001", 0, &row);
    ck_told(link, "enter=2 denoise=1 play=conf-onlyperson");
    ck_told(&server, "open");
    hang_up(link);
    ck_told(&server, "close");

    settings.room_loudness = false;
    settings.room_denoise = true;
    link = call_room("3002", 0, &other);
    ck_told(link, "enter=3 play=conf-onlyperson");
    ck_told(&server, "open loudness3=1");
    hang_up(link);
    ck_told(&server, "close");
    link = enter_open("3003");
    ck_told(link, "enter=4 denoise=1 play=conf-onlyperson");
    ck_told(&server, "open");
}
END_TEST

START_TEST(rooms_are_apart)
{
    struct link *first = enter_open("3000"), *other = enter_open("3001");

    ck_told(first, "enter=1 play=conf-onlyperson");
    ck_told(other, "enter=2 play=conf-onlyperson");
    ck_told(&server, "open open");
}
END_TEST

START_TEST(words_for_the_lonely_end_when_somebody_comes)
{
    struct link *first = enter_open("3000");

    *first->told = '\0';
    enter_open("3000");
    ck_told(first, "quiet");
    ck_assert(first->played == NULL);
}
END_TEST

START_TEST(three_wrong_pins_end_the_call)
{
    const struct room_row row = {.number = "3900", .music = true, .has_pin = true, .has_moderator_pin = true};
    struct link *link = call_room("3900", 0, &row);

    ck_told(link, "ask=conf-getpin");
    for (int i = 0; i < 3; i++) {
        *asked.pin_typed = '\0';
        type(link, i == 1 ? "" : "111111");
        if (i == 1)
            ck_assert_str_eq(asked.pin_typed, ""); /* nothing was guessed: storage is not asked */
        else
            pin_says(EACCES, ROLE_MEMBER, "");
        ck_told(link, "play=conf-invalidpin");
        play_over(link);
        ck_told(link, i < 2 ? "ask=conf-getpin" : "play=vm-goodbye");
    }
    play_over(link);
    ck_told(link, "hangup");
    ck_told(&server, ""); /* no room was ever made */
}
END_TEST

START_TEST(right_pin_opens)
{
    const struct room_row row = {.number = "3900", .music = true, .has_pin = true};
    struct link *link = call_room("3900", 0, &row);

    *link->told = '\0';
    type(link, "246810");
    ck_assert_str_eq(asked.pin_typed, "246810");
    pin_says(0, ROLE_MEMBER, "");
    ck_told(link, "enter=1 play=conf-onlyperson");
}
END_TEST

START_TEST(only_moderators_need_a_pin)
{
    const struct room_row row = {.number = "3901", .music = true, .has_moderator_pin = true};
    struct link *link = call_room("3901", 0, &row);

    ck_told(link, "ask=conf-getpin");
    type(link, "");
    ck_told(link, "enter=1 play=conf-onlyperson");
}
END_TEST

START_TEST(trouble_with_the_pin_is_told)
{
    const struct room_row row = {.number = "3900", .music = true, .has_pin = true};
    struct link *link = call_room("3900", 0, &row);

    *link->told = '\0';
    type(link, "246810");
    pin_says(ENOTCONN, ROLE_MEMBER, "");
    ck_told(link, "play=conf-unavailable");
    play_over(link);
    play_over(link);
    ck_told(link, "play=vm-goodbye hangup");
}
END_TEST

START_TEST(full_room_is_polite)
{
    const struct room_row row = {.number = "3900", .music = true, .has_pin = true, .max_members = 1};

    for (int i = 0; i < 3; i++)
        enter_open("3000");
    struct link *fourth = enter_open("3000"); /* max_room_members of the settings */
    ck_told(fourth, "play=conf-full");
    play_over(fourth);
    play_over(fourth);
    ck_told(fourth, "play=vm-goodbye hangup");

    struct link *first = call_room("3900", 0, &row);
    type(first, "246810");
    pin_says(0, ROLE_MEMBER, "");
    struct link *second = call_room("3900", 0, &row); /* the row's own limit; no PIN is asked for in vain */
    ck_told(second, "play=conf-full");
}
END_TEST

START_TEST(no_more_rooms_is_503_before_the_answer)
{
    enter_open("3000");
    enter_open("3001");
    struct link *third = call_room("3002", 0, NULL);
    ck_told(third, "reject=503");
    struct link *guest = enter_open("3001");
    ck_told(guest, "enter=2");
}
END_TEST

START_TEST(engine_without_rooms_is_told)
{
    server.mix_error = EAGAIN;
    struct link *link = enter_open("3000");
    ck_told(link, "play=conf-unavailable");
    hang_up(link);
    ck_told(&server, "");
}
END_TEST

/* A room that might ask for a PIN stays shut while nobody can say whether it does. */
START_TEST(database_away_opens_no_unknown_room)
{
    const struct room_row row = {.number = "3900", .music = true, .has_pin = true};

    ck_told(call_room("3000", ENOTCONN, NULL), "reject=503");
    asked.refuse = ENOBUFS;
    ck_told(call(&conference_app, "3000", "", ""), "reject=503");
    asked.refuse = 0;
    enter_open("3000");
    ck_told(call_room("3000", ENOTCONN, NULL), "enter=1");
    type(call_room("3900", 0, &row), "246810");
    pin_says(0, ROLE_MEMBER, "");
    ck_told(call_room("3900", ENOTCONN, NULL), "reject=503");
}
END_TEST

START_TEST(late_replies_are_dropped)
{
    const struct room_row row = {.number = "3900", .music = true, .has_pin = true};
    struct link *link = call(&conference_app, "3000", "", "");

    hang_up(link);
    door_says(0, NULL, NULL);
    ck_told(link, "");
    link = call_room("3900", 0, &row);
    *link->told = '\0';
    type(link, "246810");
    hang_up(link);
    pin_says(0, ROLE_MEMBER, "");
    ck_told(link, "");
    ck_told(&server, "");
}
END_TEST

/* The room's row goes before the settings; who comes in is told, alone or not. */
START_TEST(recorded_room_says_so)
{
    const struct room_row tracks = {.number = "3001", .music = true, .record = "tracks"},
                          off = {.number = "3002", .music = true, .record = "off"};
    struct link *link;

    settings.max_rooms = 4;
    link = enter_open("3000");
    ck_told(&server, "open");
    ck_told(link, "enter=1 play=conf-onlyperson");
    settings.room_record = (char[]){"mix"};
    link = enter_open("3003");
    ck_told(&server, "open record=2/3003/mix/flac");
    ck_told(link, "enter=2 play=conf-now-recording+conf-onlyperson");
    hang_up(call_room("3002", 0, &off));
    ck_told(&server, "open close");
    settings.room_record = (char[]){"off"};
    hang_up(link);
    *server.told = '\0';
    link = call_room("3001", 0, &tracks);
    ck_told(&server, "open record=4/3001/tracks/flac");
    ck_told(link, "enter=4 play=conf-now-recording+conf-onlyperson");
    link = call_room("3001", 0, &tracks);
    ck_told(link, "enter=4 play=conf-now-recording");
    play_over(link);
    ck_told(link, "quiet");
}
END_TEST

/* Where no recording came about, nobody is told of one, and the room goes on. */
START_TEST(room_stands_without_its_recording)
{
    const struct room_row row = {.number = "3001", .music = true, .record = "mix", .record_format = "opus"};

    server.record_error = ENFILE;
    struct link *link = call_room("3001", 0, &row);
    ck_told(link, "enter=1 play=conf-onlyperson");
    ck_told(&server, "open");
    server.record_error = 0;
}
END_TEST

/* RFC 4240 §5: the room's name follows "conf=". */
START_TEST(conference_service_names_its_room)
{
    char number[5 + NUMBER_TEXT + 1] = "conf=";

    call(&conference_app, "conf=board", "service", "");
    ck_assert_str_eq(asked.key, "board");
    ck_told(call(&conference_app, "conf=", "service", ""), "reject=404");
    ck_told(call(&conference_app, "board", "service", ""), "reject=404");
    memset(number + 5, 'x', NUMBER_TEXT);
    ck_told(call(&conference_app, number, "service", ""), "reject=404");
    call(&conference_app, "8000", "3000", ""); /* a row of the number plan that names a room */
    ck_assert_str_eq(asked.key, "3000");
}
END_TEST

/* A conference's URI leads to it again; a factory needs a row by which others come into what it makes. */
START_TEST(conference_names_itself_as_it_was_dialled)
{
    ck_assert_str_eq(call(&conference_app, "3000", "", "")->focus, "3000");
    ck_assert_str_eq(call(&conference_app, "conf=board", "service", "")->focus, "conf=board");
    ck_assert_str_eq(call(&conference_app, "8000", "3000", "")->focus, "8000");
    ck_told(call(&conference_app, "3998", "factory", ""), "reject=503");
}
END_TEST

static void ck_roster(const char *expected)
{
    ck_assert_str_eq(server.roster, expected);
    *server.roster = '\0';
}

/* RFC 4575: what changes for one is told of him, what changes for all of each. */
START_TEST(the_roster_hears_what_happens_in_a_room)
{
    const struct actor host = {.host = true, .name = "test", .source = "phone"};
    struct link *first = enter_open("3000"), *second;

    ck_roster("count=0 put=1/connected count=1");
    second = enter_open("3000");
    ck_roster("put=2/connected count=2");
    second->app->held(second, true);
    ck_roster("put=2/on-hold count=2");
    second->app->talks(second, true, false);
    ck_roster("");
    struct room *room = conference_room("3000");
    ck_assert_int_eq(room_act(room, &host, &(struct act_order){.act = ACT_LOCK}), 0);
    ck_roster("put=2/on-hold put=1/connected count=2/locked");
    ck_assert_int_eq(room_act(room, &host, &(struct act_order){.act = ACT_LECTURE}), 0);
    ck_roster("put=2/on-hold put=1/muted count=2/locked");
    ck_assert_int_eq(
        room_act(room, &host, &(struct act_order){.act = ACT_MAKE_HOST, .member = room_member(room, 1)}), 0);
    ck_roster("put=1/connected/host count=2/locked");
    hang_up(second);
    ck_roster("drop=2 count=1/locked");
    hang_up(first);
    ck_roster("drop=1 count=0/locked count=0/locked/over");
}
END_TEST

START_TEST(who_waits_is_pending)
{
    struct room_row row = {.number = "3000", .waiting = WAITING_HOST};
    struct link *link = call_room("3000", 0, &row);

    ck_roster("count=0 put=1/pending count=0");
    hang_up(link);
}
END_TEST

START_TEST(menu_mutes_and_unmutes)
{
    struct link *link = enter_open("3000");

    enter_open("3000");
    *link->told = '\0';
    press(link, '5');
    ck_told(link, ""); /* other keys mean nothing */
    press(link, '*');
    ck_told(link, "menu=conf-usermenu+conf-usermenu-more");
    press(link, '1');
    ck_told(link, "mute=1 menu=conf-muted");
    press(link, '1');
    ck_told(link, "mute=0 menu=conf-unmuted");
    press(link, '*');
    ck_told(link, "menu=conf-usermenu+conf-usermenu-more");
    press(link, '8');
    ck_told(link, "quiet");
    press(link, '*');
    press(link, 0); /* nothing pressed for a while */
    ck_told(link, "menu=conf-usermenu+conf-usermenu-more quiet");
}
END_TEST

START_TEST(menu_turns_gains_within_bounds)
{
    struct link *link = enter_open("3000");

    press(link, '*');
    *link->told = '\0';
    press(link, '6');
    ck_told(link, "gains=0/3 menu=800Hz");
    press(link, '4');
    press(link, '4');
    ck_told(link, "gains=0/0 menu=800Hz gains=0/-3 menu=800Hz");
    press(link, '7');
    ck_told(link, "gains=-3/-3 menu=800Hz");
    for (int i = 0; i < 5; i++)
        press(link, '9');
    ck_assert_ptr_nonnull(strstr(link->told, "gains=12/-3 menu=800Hz"));
    *link->told = '\0';
    press(link, '9');
    ck_told(link, "menu=400Hz");
    for (int i = 0; i < 3; i++)
        press(link, '4');
    *link->told = '\0';
    press(link, '4');
    ck_told(link, "menu=400Hz");
}
END_TEST

START_TEST(menu_is_not_cut_by_who_comes_or_goes)
{
    struct link *link = enter_open("3000");

    play_over(link);
    press(link, '*');
    *link->told = '\0';
    struct link *second = enter_open("3000");
    ck_told(link, "");
    press(link, '8');
    ck_told(link, "quiet");
    press(link, '*');
    *link->told = '\0';
    hang_up(second);
    ck_told(link, "");
    press(link, '8');
    ck_told(link, "music");
}
END_TEST

/* A phone's own music on hold must not reach the room; his own mute outlives the hold. */
START_TEST(hold_mutes)
{
    struct link *link = enter_open("3000");

    *link->told = '\0';
    link->app->held(link, true);
    link->app->held(link, false);
    ck_told(link, "mute=1 mute=0");
    press(link, '*');
    press(link, '1');
    *link->told = '\0';
    link->app->held(link, true);
    link->app->held(link, false);
    ck_told(link, ""); /* nothing to be done */
}
END_TEST

/* -- announcement: RFC 4240 §3
 * ---------------------------------------------------------------------------------- */

static struct link *announce(const char *params)
{
    return call(&announcement_app, "annc", "", params);
}

START_TEST(announcement_plays_once_and_hangs_up)
{
    struct link *link = announce("transport=udp;play=hello-world");

    ck_told(link, "answer");
    link->app->answered(link);
    ck_told(link, "play=hello-world");
    play_over(link);
    ck_told(link, "hangup");
}
END_TEST

START_TEST(announcement_repeats_with_delay_for_a_duration)
{
    struct link *link = announce("Play=digits%2F1;repeat=3;delay=1500;duration=20000");

    link->app->answered(link);
    play_over(link);
    play_over(link);
    play_over(link);
    ck_told(link, "answer play=digits/1 play=1500ms+digits/1 play=1500ms+digits/1 hangup");
    ck_assert_uint_eq(link->timer_ms, 20000);
    ck_assert(link->timer == link_hangup);
}
END_TEST

START_TEST(announcement_forever_is_bounded)
{
    struct link *link = announce("play=beep;repeat=forever");

    link->app->answered(link);
    for (int i = 0; i < 20; i++) {
        *link->told = '\0';
        play_over(link);
        ck_assert_str_eq(link->told, "play=20ms+beep");
    }
    ck_assert(link->timer == link_hangup);
    ck_assert_uint_eq(link->timer_ms, 30 * 60 * 1000);
}
END_TEST

START_TEST(announcement_names)
{
    static const char *const same[] = {"play=file:///digits/1.wav", "play=/digits/1", "play=digits/1.g722"};

    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct link *link = announce(same[i]);
        link->app->answered(link);
        ck_told(link, "answer play=digits/1");
    }
}
END_TEST

START_TEST(announcement_refuses)
{
    static const struct {
        const char *params;
        const char *told;
    } cases[] = {
        {"", "reject=400"},
        {"display=hello-world", "reject=400"},
        {"play", "reject=400"},
        {"play=%00", "reject=400"},
        {"play=hello%2", "reject=400"},
        {"play=hello%zz", "reject=400"},
        {"play=", "reject=404"},
        {"play=../../../../etc/passwd", "reject=404"},
        {"play=%2e%2e/moh/macroform-cold_day", "reject=404"},
        {"play=http://192.0.2.1/a.wav", "reject=404"},
        {"play=beep;repeat=-1", "reject=400"},
        {"play=beep;repeat=", "reject=400"},
        {"play=beep;delay=9999999999", "reject=400"},
        {"play=beep;duration=1s", "reject=400"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct link *link = announce(cases[i].params);
        ck_told(link, cases[i].told);
        hang_up(link);
        call_count--;
        calls[call_count] = (struct link){0};
    }
}
END_TEST

/* -- IVR and echo
 * --------------------------------------------------------------------------------------------- */

static struct link *call_ivr(void)
{
    struct link *link = call(&ivr_app, "5000", "", "");

    link->app->answered(link);
    play_over(link);
    ck_told(link, "answer play=ivr-welcome menu=ivr-menu");
    return link;
}

/* RFC 4240 §4: VoiceXML is not spoken here. */
START_TEST(dialog_service_is_refused)
{
    ck_told(call(&ivr_app, "dialog", "dialog", "voicexml=http://192.0.2.1/a.vxml"), "reject=501");
}
END_TEST

START_TEST(ivr_gives_up_on_who_presses_nothing)
{
    struct link *link = call_ivr();

    press(link, 0);
    press(link, 0);
    ck_told(link, "menu=ivr-menu menu=ivr-menu");
    press(link, 0);
    play_over(link);
    ck_told(link, "play=vm-goodbye hangup");
}
END_TEST

START_TEST(ivr_echo_and_back)
{
    struct link *link = call_ivr();

    press(link, '1');
    play_over(link);
    ck_told(link, "play=demo-echotest echo");
    press(link, '5');
    ck_told(link, "");
    press(link, '#');
    play_over(link);
    ck_told(link, "enter=0 play=demo-echodone menu=ivr-menu");
    ck_assert(link->on_key == NULL);
}
END_TEST

START_TEST(ivr_tells_the_time_in_the_callers_zone)
{
    struct subscriber subscriber = {.number = "1001", .zone = "Europe/Paris"};
    struct link *link = call_ivr();

    link->request.user = "1001";
    press(link, '2');
    ck_assert_str_eq(asked.key, "1001");
    asked_subscriber(asked.ticket, 0, &subscriber);
    ck_assert_int_eq(strncmp(link->told, "play=digits/day-", 16), 0);
    ck_assert_ptr_nonnull(strstr(link->told, "+digits/at+"));
    play_over(link);
    link->request.user = NULL; /* a stranger */
    *link->told = '\0';
    press(link, '2');
    ck_assert_int_eq(strncmp(link->told, "play=digits/day-", 16), 0);
}
END_TEST

START_TEST(ivr_sends_on_to_a_conference)
{
    struct link *link = call_ivr();

    press(link, '3');
    ck_told(link, "retarget=3000");
    ck_assert(link->app->failed(link, 503));
    play_over(link);
    ck_told(link, "play=conf-unavailable menu=ivr-menu");
    press(link, '*');
    play_over(link);
    ck_told(link, "play=vm-goodbye hangup");
}
END_TEST

START_TEST(echo_echoes)
{
    struct link *link = call(&echo_app, "9196", "", "");

    link->app->answered(link);
    ck_told(link, "answer echo");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("apps");
    TCase *tc = tcase_create("apps");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, setup, double_end);
    tcase_add_test(tc, room_lives_from_first_to_last_member);
    tcase_add_test(tc, room_sounds_as_its_row_or_the_settings_say);
    tcase_add_test(tc, rooms_are_apart);
    tcase_add_test(tc, words_for_the_lonely_end_when_somebody_comes);
    tcase_add_test(tc, three_wrong_pins_end_the_call);
    tcase_add_test(tc, right_pin_opens);
    tcase_add_test(tc, only_moderators_need_a_pin);
    tcase_add_test(tc, trouble_with_the_pin_is_told);
    tcase_add_test(tc, full_room_is_polite);
    tcase_add_test(tc, no_more_rooms_is_503_before_the_answer);
    tcase_add_test(tc, engine_without_rooms_is_told);
    tcase_add_test(tc, database_away_opens_no_unknown_room);
    tcase_add_test(tc, late_replies_are_dropped);
    tcase_add_test(tc, conference_service_names_its_room);
    tcase_add_test(tc, recorded_room_says_so);
    tcase_add_test(tc, room_stands_without_its_recording);
    tcase_add_test(tc, conference_names_itself_as_it_was_dialled);
    tcase_add_test(tc, the_roster_hears_what_happens_in_a_room);
    tcase_add_test(tc, who_waits_is_pending);
    tcase_add_test(tc, menu_mutes_and_unmutes);
    tcase_add_test(tc, menu_turns_gains_within_bounds);
    tcase_add_test(tc, menu_is_not_cut_by_who_comes_or_goes);
    tcase_add_test(tc, hold_mutes);
    tcase_add_test(tc, announcement_plays_once_and_hangs_up);
    tcase_add_test(tc, announcement_repeats_with_delay_for_a_duration);
    tcase_add_test(tc, announcement_forever_is_bounded);
    tcase_add_test(tc, announcement_names);
    tcase_add_test(tc, announcement_refuses);
    tcase_add_test(tc, dialog_service_is_refused);
    tcase_add_test(tc, ivr_gives_up_on_who_presses_nothing);
    tcase_add_test(tc, ivr_echo_and_back);
    tcase_add_test(tc, ivr_tells_the_time_in_the_callers_zone);
    tcase_add_test(tc, ivr_sends_on_to_a_conference);
    tcase_add_test(tc, echo_echoes);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
