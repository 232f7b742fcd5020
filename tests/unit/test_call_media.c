/* What an application says and hears: play, menus, questions, recordings, rooms, and a call that it sends on.
 */
#include "tests/unit/test_call_fakes.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFER fake_sdp(4000, "0 8 101", "sendrecv")

static struct session *a;
static struct link *host;
static char heard[64]; /* what the continuations got, in order */
static unsigned steps;
static struct recorded recorded;
static struct list speech;

static void answer_at_once(struct link *link, const struct request *request)
{
    (void)request;
    host = link;
    link_answer(link);
}

static void setup(void)
{
    struct phrase phrase = {.fragments = {0, 1}, .count = 2};

    fake_server_start();
    fake_probe.invited = answer_at_once;
    heard[0] = '\0';
    steps = 0;
    speech = (struct list){0};
    list_phrase(&speech, &phrase);
    a = fake_call("1001", "5000", OFFER);
    a->handlers->answered(a->owner, NULL);
    fake_settle();
    fake_media[0] = '\0';
}

static void finish(void)
{
    a->handlers->ended(a->owner, 200, NULL);
    fake_settle();
    fake_server_end();
}

static void key(char digit)
{
    fake_event(
        &(struct mixer_event){.type = EVENT_DIGIT, .port = fake_port_of(a), .digit = digit, .ms = 100});
    fake_settle();
}

static void keys(const char *digits)
{
    for (; *digits; digits++)
        key(*digits);
}

static void played(void)
{
    fake_event(&(struct mixer_event){
        .type = EVENT_PLAYED, .port = fake_port_of(a), .serial = fake_serial, .end = PLAY_DONE});
    fake_settle();
}

static void on_step(struct link *link)
{
    (void)link;
    steps++;
}

static void on_key(struct link *link, char digit)
{
    (void)link;
    snprintf(heard + strlen(heard), sizeof heard - strlen(heard), "%c", digit ? digit : '-');
}

static void on_digits(struct link *link, const char *digits)
{
    (void)link;
    snprintf(heard, sizeof heard, "<%s>", digits);
}

static void on_recorded(struct link *link, const struct recorded *result)
{
    (void)link;
    recorded = *result;
    steps++;
}

/* -- play and menus -------------------------------------------------------------------------------------- */

START_TEST(play_goes_on_when_it_is_over)
{
    link_play(host, &speech, on_step);
    ck_assert(fake_media_did("play1=2"));
    ck_assert_uint_eq(steps, 0);
    played();
    ck_assert_uint_eq(steps, 1);
    finish();
}
END_TEST

START_TEST(nothing_to_play_goes_on_too_but_not_at_once)
{
    struct list empty = {0};

    link_play(host, &empty, on_step);
    ck_assert_uint_eq(steps, 0);
    fake_settle();
    ck_assert_uint_eq(steps, 1);
    finish();
}
END_TEST

START_TEST(a_newer_play_replaces_the_older_continuation)
{
    uint32_t first;

    link_play(host, &speech, on_step);
    first = fake_serial;
    link_play(host, &speech, NULL);
    fake_event(&(struct mixer_event){
        .type = EVENT_PLAYED, .port = fake_port_of(a), .serial = first, .end = PLAY_DONE});
    fake_settle();
    ck_assert_uint_eq(steps, 0);
    finish();
}
END_TEST

START_TEST(menu_takes_its_keys_only_and_stops_the_play)
{
    link_menu(host, &speech, "12", 3000, on_key);
    key('9');
    ck_assert_str_eq(heard, "");
    key('2');
    ck_assert_str_eq(heard, "2");
    ck_assert(fake_media_did("stop1"));
    finish();
}
END_TEST

START_TEST(menu_without_a_key_is_over_after_the_wait)
{
    link_menu(host, &speech, "12", 3000, on_key);
    fake_later(5000); /* still playing */
    ck_assert_str_eq(heard, "");
    played();
    fake_later(3100);
    ck_assert_str_eq(heard, "-");
    finish();
}
END_TEST

START_TEST(live_keys_do_not_stop_the_play)
{
    link_menu_live(host, &speech, "7", "#*", 3000, on_key);
    keys("##*");
    ck_assert_str_eq(heard, "##*");
    ck_assert(!fake_media_did("stop1"));
    link_skip(host, -3000);
    ck_assert(fake_media_did("skip1=-3000"));
    link_play_seek(host, 1500);
    ck_assert(fake_media_did("seek1=1500"));
    link_play_speed(host, 150);
    ck_assert(fake_media_did("speed1=150"));
    link_play_gain(host, -6);
    ck_assert(fake_media_did("volume1=-6"));
    key('7');
    ck_assert_str_eq(heard, "##*7");
    finish();
}
END_TEST

START_TEST(keys_typed_ahead_choose_without_a_word_played)
{
    link_play(host, &speech, NULL);
    keys("31");
    fake_media[0] = '\0';
    link_menu(host, &speech, "12", 3000, on_key);
    ck_assert_str_eq(heard, "");
    fake_settle();
    ck_assert_str_eq(heard, "1"); /* the 3 is no choice */
    ck_assert(!fake_media_did("play1=2"));
    finish();
}
END_TEST

START_TEST(keys_that_fit_nothing_do_not_swallow_the_menu)
{
    link_play(host, &speech, NULL);
    keys("9");
    link_menu(host, &speech, "12", 3000, on_key);
    fake_media[0] = '\0';
    fake_settle();
    ck_assert(fake_media_did("play1=2"));
    ck_assert_str_eq(heard, "");
    finish();
}
END_TEST

/* -- questions ------------------------------------------------------------------------------------------- */

START_TEST(ask_ends_at_its_length)
{
    link_ask(host, &speech, 4, 2000, on_digits);
    keys("1234");
    ck_assert_str_eq(heard, "<1234>");
    finish();
}
END_TEST

START_TEST(ask_ends_at_the_pound_key)
{
    link_ask(host, &speech, 16, 2000, on_digits);
    keys("73#");
    ck_assert_str_eq(heard, "<73>");
    finish();
}
END_TEST

START_TEST(ask_ends_at_the_keys_it_is_told)
{
    link_ask_until(host, &speech, 16, 2000, "*9", on_digits);
    keys("7#3*");
    ck_assert_str_eq(heard, "<7#3>");
    heard[0] = '\0';
    link_ask_until(host, &speech, 3, 2000, "", on_digits);
    keys("*#7");
    ck_assert_str_eq(heard, "<*#7>");
    finish();
}
END_TEST

START_TEST(ask_ends_after_a_pause)
{
    link_ask(host, &speech, 16, 2000, on_digits);
    keys("73");
    fake_later(1500);
    ck_assert_str_eq(heard, "");
    key('9');
    fake_later(2100);
    ck_assert_str_eq(heard, "<739>");
    finish();
}
END_TEST

START_TEST(ask_with_no_answer_is_empty)
{
    link_ask(host, &speech, 16, 2000, on_digits);
    played();
    fake_later(2100);
    ck_assert_str_eq(heard, "<>");
    finish();
}
END_TEST

START_TEST(ask_takes_what_was_typed_ahead)
{
    link_play(host, &speech, NULL);
    keys("73");
    fake_media[0] = '\0';
    link_ask(host, &speech, 4, 2000, on_digits);
    fake_settle();
    ck_assert(!fake_media_did("play1=2"));
    keys("91");
    ck_assert_str_eq(heard, "<7391>");
    finish();
}
END_TEST

/* RFC 4733 and INFO of one press are one digit. */
START_TEST(doubled_digits_count_once)
{
    link_ask(host, &speech, 4, 2000, on_digits);
    key('5');
    a->handlers->digit(a->owner, '5', 160);
    key('5');
    a->handlers->digit(a->owner, '5', 160);
    fake_later(2100);
    ck_assert_str_eq(heard, "<55>");
    finish();
}
END_TEST

START_TEST(keys_that_nobody_takes_go_to_on_key)
{
    link_on_key(host, on_key);
    key('*');
    link_menu(host, &speech, "1", 3000, on_key);
    key('8');
    ck_assert_str_eq(heard, "*8");
    finish();
}
END_TEST

/* -- recordings ------------------------------------------------------------------------------------------ */

static void recording_ended(int end, int error)
{
    fake_event(&(struct mixer_event){.type = EVENT_RECORDED,
                                     .port = fake_port_of(a),
                                     .serial = fake_serial,
                                     .end = end,
                                     .error = error,
                                     .ms = 4000,
                                     .speech_ms = 3000});
    fake_settle();
}

START_TEST(recording_ends_with_a_key)
{
    link_record(host, "/tmp/x.wav", 60000, 5000, "#", on_recorded);
    key('1');
    ck_assert(!fake_media_did("recordstop1"));
    key('#');
    ck_assert(fake_media_did("recordstop1"));
    ck_assert_uint_eq(steps, 0); /* not before the file is complete */
    recording_ended(RECORD_STOPPED, 0);
    ck_assert_int_eq(recorded.end, RECORDED_KEY);
    ck_assert_int_eq(recorded.key, '#');
    ck_assert_uint_eq(recorded.speech_ms, 3000);
    finish();
}
END_TEST

/* A busy disk: he accepts what he has recorded before the file is complete. */
START_TEST(key_after_that_which_ends_a_recording_is_kept)
{
    link_record(host, "/tmp/x.wav", 60000, 5000, "#", on_recorded);
    key('1');
    key('#');
    key('3');
    recording_ended(RECORD_STOPPED, 0);
    ck_assert_int_eq(recorded.key, '#');
    link_menu(host, &speech, "123", 3000, on_key);
    fake_settle();
    ck_assert_str_eq(heard, "3");
    finish();
}
END_TEST

/* -- fax --------------------------------------------------------------------------------------------------
 */

static struct faxed faxed;
static const struct fax_most most = {.pages = 9};

static void on_faxed(struct link *link, const struct faxed *result)
{
    (void)link;
    faxed = *result;
    steps++;
}

static void fax_over(int end, unsigned pages)
{
    fake_event(
        &(struct mixer_event){.type = EVENT_RECORDED,
                              .port = fake_port_of(a),
                              .serial = fake_serial,
                              .end = end,
                              .error = pages ? 0 : ENODATA,
                              .is_fax = true,
                              .fax = {.pages = pages, .complete = end == RECORD_STOPPED, .sender = "+44"}});
    fake_settle();
}

#define T38                                                                                                  \
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"                              \
    "m=audio 0 RTP/AVP 0\r\nm=image 4500 udptl t38\r\na=T38FaxMaxDatagram:400\r\n"

#define SOUND                                                                                                \
    "v=0\r\no=- 1 3 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"                              \
    "m=audio 4500 RTP/AVP 0\r\n"

/* His tone is told once; a key that his modem seems to press is none. */
START_TEST(fax_tone_brings_a_fax)
{
    link_on_fax(host, on_step);
    ck_assert(fake_media_did("listenfax1"));
    fake_event(&(struct mixer_event){.type = EVENT_FAX_TONE, .port = fake_port_of(a)});
    fake_event(&(struct mixer_event){.type = EVENT_FAX_TONE, .port = fake_port_of(a)});
    fake_settle();
    ck_assert_uint_eq(steps, 1);
    link_receive_fax(host, "/tmp/x.tif", "5000", &most, on_faxed);
    key('5');
    ck_assert_uint_eq(steps, 1);
    fax_over(RECORD_STOPPED, 2);
    ck_assert_uint_eq(steps, 2);
    ck_assert_uint_eq(faxed.pages, 2);
    ck_assert(faxed.complete);
    ck_assert_str_eq(faxed.sender, "+44");
    finish();
}
END_TEST

/* An offer of T.38 waits until the application has a place for the pages; a second one is answered at once.
 */
START_TEST(t38_offer_waits_for_the_application)
{
    link_on_fax(host, on_step);
    a->handlers->offered(a->owner, T38);
    fake_settle();
    ck_assert_uint_eq(steps, 1);
    ck_assert(!fake_did(a, "reanswer200"));
    link_receive_fax(host, "/tmp/x.tif", "5000", &most, on_faxed);
    ck_assert(fake_did(a, "reanswer200"));
    ck_assert(fake_media_did("packets1"));
    fax_over(RECORD_STOPPED, 1);
    ck_assert_uint_eq(faxed.pages, 1);
    finish();
}
END_TEST

/* The tone has been told, and before the application is ready packets are offered, too: they wait. */
START_TEST(t38_offer_after_the_tone_waits)
{
    link_on_fax(host, on_step);
    fake_event(&(struct mixer_event){.type = EVENT_FAX_TONE, .port = fake_port_of(a)});
    a->handlers->offered(a->owner, T38);
    fake_settle();
    ck_assert_uint_eq(steps, 1);
    ck_assert(!fake_did(a, "reanswer200"));
    link_receive_fax(host, "/tmp/x.tif", "5000", &most, on_faxed);
    ck_assert(fake_media_did("fax1=/tmp/x.tif as 5000 pages=9"));
    ck_assert(fake_did(a, "reanswer200"));
    /* A refresh is answered; sound in place of packets is the end of the fax, and the call stands. */
    *a->log = '\0';
    a->handlers->offered(a->owner, T38);
    ck_assert(fake_did(a, "reanswer200"));
    ck_assert(!fake_media_did("faxstop1"));
    *a->log = '\0';
    a->handlers->offered(a->owner, SOUND);
    ck_assert(fake_did(a, "reanswer200"));
    ck_assert(fake_media_did("faxstop1"));
    fax_over(RECORD_CLOSED, 1);
    ck_assert_uint_eq(faxed.pages, 1);
    finish();
}
END_TEST

/* Who was told and takes no fax after all refuses what is offered meanwhile. */
START_TEST(t38_offer_is_refused_when_the_application_takes_none)
{
    link_on_fax(host, on_step);
    a->handlers->offered(a->owner, T38);
    link_on_fax(host, NULL);
    ck_assert(fake_did(a, "reanswer488"));
    finish();
}
END_TEST

/* Whoever waits for no fax refuses T.38, and the call goes on. */
START_TEST(t38_offer_to_nobody_is_refused)
{
    a->handlers->offered(a->owner, T38);
    fake_settle();
    ck_assert(fake_did(a, "reanswer488"));
    finish();
}
END_TEST

/* Who hangs up in the middle: the application hears what came before the call is over. */
START_TEST(fax_is_told_before_the_end)
{
    link_receive_fax(host, "/tmp/x.tif", "5000", &most, on_faxed);
    a->handlers->ended(a->owner, 200, NULL);
    ck_assert(fake_media_did("faxstop1"));
    ck_assert_uint_eq(steps, 0);
    fax_over(RECORD_CLOSED, 1);
    ck_assert_uint_eq(steps, 1);
    ck_assert(!faxed.complete);
    fake_server_end();
}
END_TEST

START_TEST(recording_ends_as_the_mixer_says)
{
    static const int ends[][2] = {{RECORD_SILENCE, RECORDED_SILENCE},
                                  {RECORD_TOO_LONG, RECORDED_TOO_LONG},
                                  {RECORD_CLOSED, RECORDED_HUNG_UP},
                                  {RECORD_FAILED, RECORDED_FAILED}};

    for (unsigned i = 0; i < 4; i++) {
        link_record(host, "/tmp/x.wav", 60000, 5000, "#", on_recorded);
        recording_ended(ends[i][0], 0);
        ck_assert_int_eq(recorded.end, ends[i][1]);
    }
    finish();
}
END_TEST

START_TEST(recording_that_cannot_begin_fails_later)
{
    link_record(host, "/full", 60000, 5000, "#", on_recorded);
    ck_assert_uint_eq(steps, 0);
    fake_settle();
    ck_assert_int_eq(recorded.end, RECORDED_FAILED);
    ck_assert_int_eq(recorded.error, ENOSPC);
    finish();
}
END_TEST

START_TEST(hang_up_finishes_the_recording_before_ended)
{
    link_record(host, "/tmp/x.wav", 60000, 5000, "#", on_recorded);
    a->handlers->ended(a->owner, 200, NULL);
    fake_settle();
    ck_assert(fake_media_did("recordstop1"));
    ck_assert(!fake_media_did("close1"));
    ck_assert_uint_eq(fake_probe.ended, 0);
    recording_ended(RECORD_STOPPED, 0);
    ck_assert_int_eq(recorded.end, RECORDED_HUNG_UP);
    ck_assert_uint_eq(fake_probe.ended, 1);
    ck_assert(fake_media_did("close1"));
    fake_server_end();
}
END_TEST

START_TEST(file_is_removed_once_it_is_loaded)
{
    struct list list = {0};

    list_file(host, &list, "/cache/greeting.wav", true);
    ck_assert_uint_eq(list.items[0].what, 900);
    ck_assert(!fake_media_did("discard=/cache/greeting.wav"));
    fake_event(&(struct mixer_event){.type = EVENT_SOUND_LOADED, .sound = 900});
    fake_settle();
    ck_assert(fake_media_did("discard=/cache/greeting.wav"));
    finish();
    ck_assert(fake_media_did("drop900"));
}
END_TEST

/* -- the call itself ------------------------------------------------------------------------------------- */

START_TEST(our_preference_decides_what_is_answered)
{
    struct session *late = fake_call("1001", "5000", NULL);

    ck_assert_ptr_nonnull(strstr(late->sent, "m=audio"));
    late->handlers->answered(late->owner, fake_sdp(4000, "0", "sendrecv"));
    fake_settle();
    ck_assert(fake_media_did("format2=PCMU/sr"));
    late->handlers->ended(late->owner, 200, NULL);
    finish();
}
END_TEST

START_TEST(hold_is_told_to_the_application)
{
    a->handlers->offered(a->owner, fake_sdp(4000, "0 101", "sendonly"));
    ck_assert(fake_did(a, "reanswer200"));
    ck_assert_uint_eq(fake_probe.held, 1);
    a->handlers->offered(a->owner, fake_sdp(4000, "0 101", "sendrecv"));
    ck_assert_uint_eq(fake_probe.resumed, 1);
    finish();
}
END_TEST

START_TEST(hangup_ends_the_application_before_it_returns)
{
    struct ticket ticket = link_ticket(host);

    link_play(host, &speech, on_step);
    ck_assert_ptr_eq(link_of(ticket), host);
    link_hangup(host);
    ck_assert_uint_eq(fake_probe.ended, 1);
    ck_assert_ptr_null(link_of(ticket));
    ck_assert_uint_eq(steps, 0);
    ck_assert(fake_did(a, "release200"));
    fake_server_end();
}
END_TEST

START_TEST(rooms_music_and_gains_reach_the_port)
{
    link_enter(host, 77);
    link_gains(host, 3, -3);
    link_mute(host, true);
    link_music(host);
    ck_assert(fake_media_did("room1-77"));
    ck_assert(fake_media_did("gains1=3,-3"));
    ck_assert(fake_media_did("mute1=1"));
    ck_assert(fake_media_did("loop1=2"));
    ck_assert_int_eq(link_soften(host, host, -6), 0);
    ck_assert_int_eq(link_whisper(host, host), 0);
    ck_assert_int_eq(link_whisper(host, NULL), 0);
    ck_assert(fake_media_did("softer1,1=-6"));
    ck_assert(fake_media_did("whisper1=1"));
    ck_assert(fake_media_did("whisper1=0"));
    link_quiet(host);
    ck_assert(fake_media_did("stop1"));
    link_enter(host, 0);
    ck_assert(fake_media_did("none1"));
    finish();
}
END_TEST

/* The member's name goes with his port; the file's name is fit for any shell. */
START_TEST(recording_of_a_room_reaches_the_engine)
{
    char file[RECORDING_NAME];

    link_enter(host, 77);
    ck_assert(fake_media_did("label1=1001"));
    ck_assert_int_eq(mix_record(link_server(host), 77, "a/b c", true, "opus", file, sizeof file), 0);
    ck_assert_ptr_nonnull(strstr(fake_media, " record77=a/b c/a_b_c/2/1"));
    finish();
}
END_TEST

START_TEST(answered_call_is_sent_on_to_a_phone)
{
    struct session *b;

    link_retarget(host, "1004", 302);
    fake_settle();
    b = fake_invited(0);
    b->handlers->progress(b->owner, 180, NULL, NULL);
    ck_assert(!fake_did(a, "ring180")); /* it was answered: the tone is ours */
    ck_assert(fake_media_did("loop1=2"));
    b->handlers->answered(b->owner, fake_sdp(5000, "0 101", "sendrecv"));
    ck_assert(fake_media_did("stop1"));
    ck_assert(fake_media_did("bridge1-2"));
    finish();
    ck_assert_uint_eq(fake_probe.ended, 1);
}
END_TEST

static bool take_back(struct link *link, int status)
{
    ck_assert_int_eq(status, 486);
    link_play(link, &speech, on_step);
    return true;
}

START_TEST(host_gets_the_caller_back_when_it_fails)
{
    fake_probe.failed = take_back;
    link_retarget(host, "1004", 302);
    fake_settle();
    fake_media[0] = '\0';
    fake_invited(0)->handlers->failed(fake_invited(0)->owner, 486, NULL, NULL);
    fake_settle();
    ck_assert(fake_media_did("play1=2"));
    played();
    ck_assert_uint_eq(steps, 1);
    finish();
}
END_TEST

START_TEST(host_that_does_not_care_loses_the_call)
{
    link_retarget(host, "4711", 302);
    fake_settle();
    ck_assert(a->let_go);
    ck_assert_uint_eq(fake_probe.ended, 1);
    fake_server_end();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("call_media");
    TCase *c = tcase_create("application");

    tcase_add_checked_fixture(c, setup, NULL);
    tcase_add_test(c, play_goes_on_when_it_is_over);
    tcase_add_test(c, nothing_to_play_goes_on_too_but_not_at_once);
    tcase_add_test(c, a_newer_play_replaces_the_older_continuation);
    tcase_add_test(c, menu_takes_its_keys_only_and_stops_the_play);
    tcase_add_test(c, menu_without_a_key_is_over_after_the_wait);
    tcase_add_test(c, live_keys_do_not_stop_the_play);
    tcase_add_test(c, keys_typed_ahead_choose_without_a_word_played);
    tcase_add_test(c, keys_that_fit_nothing_do_not_swallow_the_menu);
    tcase_add_test(c, ask_ends_at_its_length);
    tcase_add_test(c, ask_ends_at_the_pound_key);
    tcase_add_test(c, ask_ends_at_the_keys_it_is_told);
    tcase_add_test(c, ask_ends_after_a_pause);
    tcase_add_test(c, ask_with_no_answer_is_empty);
    tcase_add_test(c, ask_takes_what_was_typed_ahead);
    tcase_add_test(c, doubled_digits_count_once);
    tcase_add_test(c, keys_that_nobody_takes_go_to_on_key);
    tcase_add_test(c, recording_ends_with_a_key);
    tcase_add_test(c, key_after_that_which_ends_a_recording_is_kept);
    tcase_add_test(c, recording_ends_as_the_mixer_says);
    tcase_add_test(c, fax_tone_brings_a_fax);
    tcase_add_test(c, t38_offer_waits_for_the_application);
    tcase_add_test(c, t38_offer_to_nobody_is_refused);
    tcase_add_test(c, t38_offer_after_the_tone_waits);
    tcase_add_test(c, t38_offer_is_refused_when_the_application_takes_none);
    tcase_add_test(c, fax_is_told_before_the_end);
    tcase_add_test(c, recording_that_cannot_begin_fails_later);
    tcase_add_test(c, hang_up_finishes_the_recording_before_ended);
    tcase_add_test(c, file_is_removed_once_it_is_loaded);
    tcase_add_test(c, our_preference_decides_what_is_answered);
    tcase_add_test(c, hold_is_told_to_the_application);
    tcase_add_test(c, hangup_ends_the_application_before_it_returns);
    tcase_add_test(c, rooms_music_and_gains_reach_the_port);
    tcase_add_test(c, recording_of_a_room_reaches_the_engine);
    tcase_add_test(c, answered_call_is_sent_on_to_a_phone);
    tcase_add_test(c, host_gets_the_caller_back_when_it_fails);
    tcase_add_test(c, host_that_does_not_care_loses_the_call);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    int failed;

    log_set_level(LEVEL_ERROR);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
