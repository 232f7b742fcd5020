/* prompts/: every phrase of the grammar is made of files that exist, in the order in which a person says
 * them. */
#include "prompts/internal.h"

#include "core/base/log.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct prompts *prompts;

static void setup(void)
{
    char *const languages[] = {(char *)(uintptr_t) "en"};
    const struct prompts_config config = {SOUNDS_DIR, TEST_VOICES, "en", languages, 1};

    ck_assert_int_eq(prompts_load(&prompts, &config), 0);
}

static void teardown(void)
{
    prompts_free(prompts);
}

/* The files of a phrase without folder of the voice and ending, with blanks between. */
static const char *words(const struct phrase *phrase)
{
    static char text[4096];

    *text = '\0';
    for (unsigned i = 0; i < phrase->count; i++) {
        const char *path = prompts_path(prompts, phrase->fragments[i]);
        ck_assert_ptr_nonnull(path);
        const char *name = strstr(path, "Allison/") ? strstr(path, "Allison/") + 8 : strstr(path, "/en/") + 4;
        size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "%s%.*s", i ? " " : "", (int)strcspn(name, "."), name);
    }
    return text;
}

#define ck_says(call, expected)                                                                              \
    do {                                                                                                     \
        struct phrase said = {0};                                                                            \
        struct phrase *to = &said;                                                                           \
        call;                                                                                                \
        ck_assert_str_eq(words(to), expected);                                                               \
    } while (0)

/* -- catalogue ----------------------------------------------------------------------------------------------
 */

START_TEST(every_listed_name_has_a_file)
{
    size_t n = 0;

    for (size_t i = 0; english_recorded[i]; i++, n++)
        ck_says(say(prompts, to, english_recorded[i]), english_recorded[i]);
    for (size_t i = 0; english_synthesised[i]; i++, n++)
        ck_says(say(prompts, to, english_synthesised[i]), english_synthesised[i]);
    ck_assert_uint_eq(prompts_count(prompts), n);
    ck_assert_ptr_null(prompts_path(prompts, n));
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(access(prompts_path(prompts, i), R_OK), 0);
}
END_TEST

START_TEST(substitutes_name_what_is_listed)
{
    for (const struct substitute *s = english_substitutes; s->name; s++) {
        ck_says(say(prompts, to, s->name), s->name);
        ck_says(say(prompts, to, s->other), s->other);
    }
}
END_TEST

START_TEST(texts_to_speak_are_those_listed)
{
    FILE *file = fopen(TEST_PHRASES, "r");
    char line[512], name[64], text[400];
    size_t n = 0;

    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        if (*line == '#')
            continue;
        ck_assert_int_eq(sscanf(line, "%63s %399[^\n]", name, text), 2);
        ck_assert_str_eq(name, english_synthesised[n++]);
    }
    ck_assert_ptr_null(english_synthesised[n]);
    fclose(file);
}
END_TEST

START_TEST(recordings_are_wideband_and_music_is_there)
{
    struct phrase phrase = {0};

    say(prompts, &phrase, "vm-password");
    ck_assert_str_eq(strrchr(prompts_path(prompts, phrase.fragments[0]), '.'), ".g722");
    ck_assert_ptr_nonnull(prompts_music(prompts, 0));
    size_t n = 0;
    while (prompts_music(prompts, n))
        ck_assert_int_eq(access(prompts_music(prompts, n++), R_OK), 0);
}
END_TEST

START_TEST(unknown_name_adds_nothing)
{
    ck_says(say(prompts, to, "no-such-prompt"), "");
    ck_says(say(prompts, to, "../../../moh/x"), "");
    ck_says(say(prompts, to, "vm-login"), ""); /* speaks a brand */
}
END_TEST

START_TEST(full_phrase_takes_no_more)
{
    struct {
        struct phrase phrase;
        unsigned char guard[64];
    } memory;

    memset(&memory, 0, sizeof memory.phrase);
    memset(memory.guard, 0xa5, sizeof memory.guard);
    for (int i = 0; i < 40; i++) {
        say_number(prompts, &memory.phrase, -987654321);
        say_digits(prompts, &memory.phrase,
                   "0123456789*#+abcdefghijklmnopqrstuvwxyz0123456789012345678901234567");
        say_when(prompts, &memory.phrase, 0, 1000000000, "Europe/Paris");
    }
    ck_assert_uint_eq(memory.phrase.count, FRAGMENTS_MAX);
    for (size_t i = 0; i < sizeof memory.guard; i++)
        ck_assert_uint_eq(memory.guard[i], 0xa5);
}
END_TEST

/* -- numbers ------------------------------------------------------------------------------------------------
 */

START_TEST(every_number_to_9999_is_said)
{
    for (long i = 0; i <= 9999; i++) {
        struct phrase phrase = {0};
        long thousands = 0, value = 0, part = 0;
        say_number(prompts, &phrase, i);
        /* Read it back as a person would. */
        for (unsigned k = 0; k < phrase.count; k++) {
            const char *word = strrchr(prompts_path(prompts, phrase.fragments[k]), '/') + 1;
            if (!strncmp(word, "hundred.", 8))
                part *= 100;
            else if (!strncmp(word, "thousand.", 9))
                thousands = part, part = 0;
            else
                part += atol(word);
        }
        value = thousands * 1000 + part;
        ck_assert_int_eq(value, i);
    }
}
END_TEST

START_TEST(numbers_at_the_edges)
{
    ck_says(say_number(prompts, to, 0), "digits/0");
    ck_says(say_number(prompts, to, 19), "digits/19");
    ck_says(say_number(prompts, to, 20), "digits/20");
    ck_says(say_number(prompts, to, 21), "digits/20 digits/1");
    ck_says(say_number(prompts, to, 100), "digits/1 digits/hundred");
    ck_says(say_number(prompts, to, 999), "digits/9 digits/hundred digits/90 digits/9");
    ck_says(say_number(prompts, to, 1000), "digits/1 digits/thousand");
    ck_says(say_number(prompts, to, 10013), "digits/10 digits/thousand digits/13");
    ck_says(say_number(prompts, to, 1000000), "digits/1 digits/million");
    ck_says(say_number(prompts, to, -5), "digits/minus digits/5");
    ck_says(say_number(prompts, to, 999999999), "digits/9 digits/hundred digits/90 digits/9 digits/million "
                                                "digits/9 digits/hundred digits/90 digits/9 digits/thousand "
                                                "digits/9 digits/hundred digits/90 digits/9");
    ck_says(say_number(prompts, to, 1000000000),
            "digits/1 digits/0 digits/0 digits/0 digits/0 digits/0 digits/0 digits/0 digits/0 digits/0");
    ck_says(say_number(prompts, to, -1000000001), "digits/minus digits/1 digits/0 digits/0 digits/0 digits/0 "
                                                  "digits/0 digits/0 digits/0 digits/0 digits/1");
}
END_TEST

START_TEST(ordinals)
{
    ck_says(say_ordinal(prompts, to, 1), "digits/h-1");
    ck_says(say_ordinal(prompts, to, 20), "digits/h-20");
    ck_says(say_ordinal(prompts, to, 21), "digits/20 digits/h-1");
    ck_says(say_ordinal(prompts, to, 30), "digits/h-30");
    ck_says(say_ordinal(prompts, to, 31), "digits/30 digits/h-1");
    for (int i = 1; i <= 99; i++) {
        struct phrase phrase = {0};
        say_ordinal(prompts, &phrase, i);
        ck_assert_uint_eq(phrase.count, i <= 20 || i % 10 == 0 ? 1 : 2);
    }
    ck_says(say_ordinal(prompts, to, 100), "digits/1 digits/hundred");
}
END_TEST

START_TEST(digits_signs_and_letters)
{
    ck_says(say_digits(prompts, to, "1002"), "digits/1 digits/0 digits/0 digits/2");
    ck_says(say_digits(prompts, to, "+33*#"), "letters/plus digits/3 digits/3 digits/star digits/pound");
    ck_says(say_digits(prompts, to, "Az.-_@/ %"),
            "letters/a letters/z letters/dot letters/dash letters/ascii95 letters/at letters/slash");
    ck_says(say_digits(prompts, to, "\xc3\xa9"), "");
}
END_TEST

/* -- dates and times ----------------------------------------------------------------------------------------
 */

#define SUMMER 1782906300 /* Wednesday 2026-07-01 11:45:00 UTC */

START_TEST(times_follow_summer_time)
{
    /* Europe/Paris went from +1 to +2 on 2026-03-29 at 01:00 UTC, and goes back on 2026-10-25 at 01:00 UTC.
     */
    ck_says(say_time(prompts, to, 1774745999, "Europe/Paris"), "digits/1 digits/50 digits/9 digits/a-m");
    ck_says(say_time(prompts, to, 1774746000, "Europe/Paris"), "digits/3 digits/oclock digits/a-m");
    ck_says(say_time(prompts, to, 1792889999, "Europe/Paris"), "digits/2 digits/50 digits/9 digits/a-m");
    ck_says(say_time(prompts, to, 1792890000, "Europe/Paris"), "digits/2 digits/oclock digits/a-m");
    ck_says(say_time(prompts, to, SUMMER, "Europe/Paris"), "digits/1 digits/40 digits/5 digits/p-m");
    ck_says(say_time(prompts, to, SUMMER, "America/New_York"), "digits/7 digits/40 digits/5 digits/a-m");
    ck_says(say_time(prompts, to, SUMMER, "Asia/Kolkata"), "digits/5 digits/15 digits/p-m");
    ck_says(say_time(prompts, to, SUMMER, ""), "digits/11 digits/40 digits/5 digits/a-m");
}
END_TEST

START_TEST(clock_at_noon_midnight_and_after)
{
    ck_says(say_time(prompts, to, 0, ""), "digits/12 digits/oclock digits/a-m");
    ck_says(say_time(prompts, to, 12 * 3600, ""), "digits/12 digits/oclock digits/p-m");
    ck_says(say_time(prompts, to, 13 * 3600 + 5 * 60, ""), "digits/1 digits/oh digits/5 digits/p-m");
    ck_says(say_time(prompts, to, 23 * 3600 + 59 * 60, ""), "digits/11 digits/50 digits/9 digits/p-m");
}
END_TEST

START_TEST(dates_and_years)
{
    ck_says(say_date(prompts, to, SUMMER, "Europe/Paris"),
            "digits/day-3 digits/mon-6 digits/h-1 digits/20 digits/20 digits/6");
    ck_says(say_date(prompts, to, 946684800, ""),
            "digits/day-6 digits/mon-0 digits/h-1 digits/2 digits/thousand");
    ck_says(say_date(prompts, to, 1199059200, ""),
            "digits/day-1 digits/mon-11 digits/30 digits/h-1 digits/2 digits/thousand digits/7");
    ck_says(say_date(prompts, to, 0, ""), "digits/day-4 digits/mon-0 digits/h-1 digits/19 digits/70");
    /* 23:30 UTC is the next day in Paris. */
    ck_says(say_date(prompts, to, 1783380600, "Europe/Paris"),
            "digits/day-2 digits/mon-6 digits/h-7 digits/20 digits/20 digits/6");
}
END_TEST

START_TEST(when_as_a_person_would_say)
{
    const time_t day = 86400, now = SUMMER;
    const char *zone = "Europe/Paris";
    const char *clock = " digits/at digits/1 digits/40 digits/5 digits/p-m";
    char expected[200];
    const struct {
        time_t when;
        const char *said;
    } cases[] = {
        {now, "digits/today"},
        {now - day, "digits/yesterday"},
        {now + day, "digits/tomorrow"},
        {now - 2 * day, "digits/day-1"},
        {now - 6 * day, "digits/day-4"},
        {now - 7 * day, "digits/day-3 digits/mon-5 digits/20 digits/h-4"},
        {now - 365 * day, "digits/day-2 digits/mon-6 digits/h-1 digits/20 digits/20 digits/5"},
        {now + 3 * day, "digits/day-6 digits/mon-6 digits/h-4"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(expected, sizeof expected, "%s%s", cases[i].said, clock);
        ck_says(say_when(prompts, to, cases[i].when, now, zone), expected);
    }
    /* Yesterday is by the calendar of the zone: 00:15 in Paris, and a quarter of an hour before midnight. */
    ck_says(say_when(prompts, to, 1782855900, 1782857700, zone),
            "digits/yesterday digits/at digits/11 digits/40 digits/5 digits/p-m");
    ck_says(say_when(prompts, to, 1782855900, 1782857700, ""),
            "digits/today digits/at digits/9 digits/40 digits/5 digits/p-m");
    /* The clock goes forward: 23:30 in winter time, and 13 hours later; and back: 00:30 of a day of 25 hours.
     */
    ck_says(say_when(prompts, to, 1774737000, 1774783800, "Europe/London"),
            "digits/yesterday digits/at digits/10 digits/30 digits/p-m");
    ck_says(say_when(prompts, to, 1792884600, 1792970999, "Europe/London"),
            "digits/today digits/at digits/12 digits/30 digits/a-m");
    ck_says(say_when(prompts, to, 1792884600, 1792974601, "Europe/London"),
            "digits/yesterday digits/at digits/12 digits/30 digits/a-m");
    /* New Year's Eve is yesterday on New Year's Day. */
    ck_says(say_when(prompts, to, 1767222000, 1767225600, ""),
            "digits/yesterday digits/at digits/11 digits/oclock digits/p-m");
}
END_TEST

/* RFC 8536: what the C library makes of the same file, over 200 years and each change of the clocks. */
START_TEST(zones_agree_with_the_library)
{
    static const char *const names[] = {
        "Europe/Paris",
        "Europe/Dublin",
        "America/New_York",
        "America/Santiago",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "America/Nuuk",
        "Antarctica/Troll",
        "Pacific/Chatham",
        "America/Sao_Paulo",
        "Asia/Jerusalem",
        "Africa/Cairo",
        "Pacific/Apia",
        "Asia/Tehran",
        "UTC",
        "Etc/GMT+12",
        "Asia/Gaza",
        "Europe/London",
    };
    struct zones *zones;

    ck_assert_int_eq(zones_new(&zones), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv("TZ", names[i], 1);
        tzset();
        /* 7 h 13 min steps from 1905 to 2105 fall on every hour of the day. */
        for (time_t when = -2051222400; when < 4260211200; when += 25980) {
            struct tm ours, theirs;
            zones_local(zones, names[i], when, &ours);
            localtime_r(&when, &theirs);
            if (ours.tm_hour != theirs.tm_hour || ours.tm_min != theirs.tm_min ||
                ours.tm_yday != theirs.tm_yday || ours.tm_year != theirs.tm_year ||
                ours.tm_wday != theirs.tm_wday)
                ck_abort_msg("%s at %ld: %02d:%02d, not %02d:%02d", names[i], (long)when, ours.tm_hour,
                             ours.tm_min, theirs.tm_hour, theirs.tm_min);
        }
    }
    zones_free(zones);
}
END_TEST

START_TEST(unknown_zone_is_utc)
{
    static const char *const names[] = {
        "Mars/Olympus",
        "../../../etc/passwd",
        "/etc/localtime",
        "Europe",
        "zone.tab",
        "tzdata.zi",
        "A_name_that_is_longer_than_any_name_of_a_time_zone_may_be_in_this_world/Paris",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_says(say_time(prompts, to, SUMMER, names[i]), "digits/11 digits/40 digits/5 digits/a-m");
}
END_TEST

static void *zone_reader(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        struct tm tm;
        zones_local(arg, i % 2 ? "Europe/Paris" : "America/New_York", SUMMER, &tm);
        if (tm.tm_hour != (i % 2 ? 13 : 7))
            return arg;
    }
    return NULL;
}

START_TEST(zones_are_for_any_thread)
{
    pthread_t threads[4];
    struct zones *zones;
    void *failed;

    ck_assert_int_eq(zones_new(&zones), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, zone_reader, zones), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    zones_free(zones);
}
END_TEST

/* -- counts -------------------------------------------------------------------------------------------------
 */

START_TEST(durations)
{
    ck_says(say_duration(prompts, to, 0), "digits/0 seconds");
    ck_says(say_duration(prompts, to, 1), "digits/1 second");
    ck_says(say_duration(prompts, to, 60), "digits/1 minute");
    ck_says(say_duration(prompts, to, 125), "digits/2 minutes digits/5 seconds");
    ck_says(say_duration(prompts, to, 3600), "digits/1 hour");
    ck_says(say_duration(prompts, to, 7384), "digits/2 hours digits/3 minutes");
}
END_TEST

START_TEST(message_counts)
{
    ck_says(say_message_count(prompts, to, 0, 0), "vm-youhave vm-no vm-messages");
    ck_says(say_message_count(prompts, to, 1, 0), "vm-youhave digits/1 vm-INBOX vm-message");
    ck_says(say_message_count(prompts, to, 2, 0), "vm-youhave digits/2 vm-INBOX vm-messages");
    ck_says(say_message_count(prompts, to, 0, 1), "vm-youhave digits/1 vm-Old vm-message");
    ck_says(say_message_count(prompts, to, 2, 1),
            "vm-youhave digits/2 vm-INBOX vm-and digits/1 vm-Old vm-message");
    ck_says(say_message_count(prompts, to, 1, 25),
            "vm-youhave digits/1 vm-INBOX vm-and digits/20 digits/5 vm-Old vm-messages");
}
END_TEST

/* -- what is missing ----------------------------------------------------------------------------------------
 */

static void file_make(const char *folder, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs("sound", file);
    fclose(file);
}

/* A voice of four files: the narrowband form is taken, another form replaces, the rest is left out. */
START_TEST(missing_files_fall_back)
{
    char base[] = "/tmp/test_prompts_XXXXXX", folder[128], command[160];
    const struct prompts_config config = {base, "/nonexistent", "en", NULL, 0};
    struct prompts *whole = prompts;

    ck_assert_ptr_nonnull(mkdtemp(base));
    snprintf(folder, sizeof folder, "%s/sounds", base);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    snprintf(folder, sizeof folder, "%s/sounds/en_GB_f_Allison", base);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    snprintf(folder, sizeof folder, "%s/sounds/en_US_f_Allison", base);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    file_make(folder, "hours.wav");
    file_make(folder, "goodbye.g722");
    file_make(folder, "goodbye.wav");
    file_make(folder, "vm-password.wav");
    file_make(folder, "vm-unlisted.wav");
    snprintf(folder, sizeof folder, "%s/moh", base);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    file_make(folder, "b.g722");
    file_make(folder, "a.g722");
    file_make(folder, "readme.txt");
    ck_assert_int_eq(prompts_load(&prompts, &config), 0);
    ck_assert_uint_eq(prompts_count(prompts), 3);
    ck_says(say(prompts, to, "vm-password"), "vm-password");
    ck_says(say(prompts, to, "vm-goodbye"), "goodbye");
    ck_says(say(prompts, to, "hour"), "hours");
    ck_says(say(prompts, to, "vm-intro"), "");
    ck_says(say_number(prompts, to, 1234), "");
    ck_assert_ptr_nonnull(strstr(prompts_music(prompts, 0), "/moh/a.g722"));
    ck_assert_ptr_nonnull(strstr(prompts_music(prompts, 1), "/moh/b.g722"));
    ck_assert_ptr_null(prompts_music(prompts, 2));
    prompts_free(prompts);
    prompts = whole;
    snprintf(command, sizeof command, "rm -r %s", base);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(no_voice_at_all_is_not_fatal)
{
    const struct prompts_config config = {"/nonexistent", "/nonexistent", "fr", NULL, 0};
    struct prompts *none;
    struct phrase phrase = {0};

    ck_assert_int_eq(prompts_load(&none, &config), 0);
    ck_assert_uint_eq(prompts_count(none), 0);
    say_when(none, &phrase, SUMMER, SUMMER, "Europe/Paris");
    say_message_count(none, &phrase, 1, 1);
    ck_assert_uint_eq(phrase.count, 0);
    prompts_free(none);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prompts");
    TCase *tc = tcase_create("prompts");
    SRunner *runner = srunner_create(suite);

    log_set_level(LEVEL_ERROR);
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, every_listed_name_has_a_file);
    tcase_add_test(tc, substitutes_name_what_is_listed);
    tcase_add_test(tc, texts_to_speak_are_those_listed);
    tcase_add_test(tc, recordings_are_wideband_and_music_is_there);
    tcase_add_test(tc, unknown_name_adds_nothing);
    tcase_add_test(tc, full_phrase_takes_no_more);
    tcase_add_test(tc, every_number_to_9999_is_said);
    tcase_add_test(tc, numbers_at_the_edges);
    tcase_add_test(tc, ordinals);
    tcase_add_test(tc, digits_signs_and_letters);
    tcase_add_test(tc, times_follow_summer_time);
    tcase_add_test(tc, clock_at_noon_midnight_and_after);
    tcase_add_test(tc, dates_and_years);
    tcase_add_test(tc, when_as_a_person_would_say);
    tcase_add_test(tc, zones_agree_with_the_library);
    tcase_add_test(tc, unknown_zone_is_utc);
    tcase_add_test(tc, zones_are_for_any_thread);
    tcase_add_test(tc, durations);
    tcase_add_test(tc, message_counts);
    tcase_add_test(tc, missing_files_fall_back);
    tcase_add_test(tc, no_voice_at_all_is_not_fatal);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
