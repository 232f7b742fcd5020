/* prompts/: how each language says numbers, dates, times and counts, and what it does without files. */
#include "prompts/internal.h"

#include "core/base/log.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct prompts *prompts;

static void setup(void)
{
    const struct prompts_config config = {SOUNDS_DIR, TEST_VOICES, "en", NULL, 0};

    ck_assert_int_eq(prompts_load(&prompts, &config), 0);
}

static void teardown(void)
{
    prompts_free(prompts);
}

/* The file of a fragment without the folders and ending: "digits/20/et", "hours". */
static const char *word(const struct prompts *p, uint16_t fragment)
{
    const char *path = prompts_path(p, fragment), *end = strrchr(path, '.'), *name = end;
    static char text[64];

    while (name > path && name[-1] != '/')
        name--;
    snprintf(text, sizeof text, "%.*s", (int)(end - name), name);
    return text;
}

static const char *words(const struct prompts *p, const struct phrase *phrase)
{
    static char text[2048];

    *text = '\0';
    for (unsigned i = 0; i < phrase->count; i++) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "%s%s", i ? " " : "", word(p, phrase->fragments[i]));
    }
    return text;
}

/* -- numbers ------------------------------------------------------------------------------------------- */

static const struct truth {
    const char *language, *set;
    long number;
    const char *said;
} numbers[] = {
    {"en", "number", 71, "70 1"},
    {"en", "number", 1999, "1 thousand 9 hundred 90 9"},
    {"en", "number", 999999, "9 hundred 90 9 thousand 9 hundred 90 9"},
    {"en", "ordinal", 31, "30 h-1"},
    {"es", "number", 1, "1"},
    {"es", "number", 21, "21"},
    {"es", "number_m", 21, "21M"},
    {"es", "number_f", 21, "21F"},
    {"es", "number_f", 31, "30 and 1F"},
    {"es", "number_m", 31, "30 and 1M"},
    {"es", "number", 30, "30"},
    {"es", "number", 55, "50 and 5"},
    {"es", "number", 100, "hundred"},
    {"es", "number", 101, "100-and 1"},
    {"es", "number_f", 101, "100-and 1F"},
    {"es", "number_f", 200, "200F"},
    {"es", "number", 500, "500"},
    {"es", "number", 999, "900 90 and 9"},
    {"es", "number", 1000, "thousand"},
    {"es", "number", 1999, "thousand 900 90 and 9"},
    {"es", "number", 21000, "21M thousand"},
    {"es", "number", 100000, "hundred thousand"},
    {"es", "number", 1000000, "1M million"},
    {"es", "number", 2000000, "2 millions"},
    {"fr", "number", 17, "17"},
    {"fr", "number", 21, "20 et 1"},
    {"fr", "number_f", 21, "20 et 1F"},
    {"fr", "number", 22, "20 2"},
    {"fr", "number", 70, "70"},
    {"fr", "number", 71, "60 et 11"},
    {"fr", "number", 77, "60 17"},
    {"fr", "number", 80, "80"},
    {"fr", "number", 81, "80 1"},
    {"fr", "number_f", 81, "80 1F"},
    {"fr", "number", 90, "90"},
    {"fr", "number", 91, "80 11"},
    {"fr", "number", 99, "80 19"},
    {"fr", "number", 100, "hundred"},
    {"fr", "number", 200, "2 hundred"},
    {"fr", "number", 1000, "thousand"},
    {"fr", "number", 1999, "thousand 9 hundred 80 19"},
    {"fr", "number", 80000, "80 thousand"},
    {"fr", "number", 1000000, "1 million"},
    {"it", "number", 21, "21"},
    {"it", "number", 22, "20 2"},
    {"it", "number", 28, "28"},
    {"it", "number", 29, "20 9"},
    {"it", "number", 88, "88"},
    {"it", "number", 100, "hundred"},
    {"it", "number", 121, "hundred 21"},
    {"it", "number", 200, "2 hundred"},
    {"it", "number", 1000, "thousand"},
    {"it", "number", 2000, "2 thousands"},
    {"it", "number_m", 1, "un"},
    {"it", "number", 1000000, "un million-one"},
    {"ru", "number", 1, "1"},
    {"ru", "number_f", 1, "1f"},
    {"ru", "number_n", 21, "20 1n"},
    {"ru", "number_f", 22, "20 2f"},
    {"ru", "number_f", 12, "12"},
    {"ru", "number", 40, "40"},
    {"ru", "number", 200, "200"},
    {"ru", "number", 999, "900 90 9"},
    {"ru", "number", 1000, "thousand"},
    {"ru", "number", 2000, "2f thousands-few"},
    {"ru", "number", 5000, "5 thousands"},
    {"ru", "number", 11000, "11 thousands"},
    {"ru", "number", 21000, "20 1f thousand"},
    {"ru", "number", 112000, "hundred 12 thousands"},
    {"ru", "number", 1000000, "1 million"},
    {"ru", "number", 3000000, "3 millions-few"},
    {"ru", "message", 0, "vm-messagex2"},
    {"ru", "message", 1, "vm-message"},
    {"ru", "message", 2, "vm-messagex1"},
    {"ru", "message", 5, "vm-messagex2"},
    {"ru", "message", 11, "vm-messagex2"},
    {"ru", "message", 14, "vm-messagex2"},
    {"ru", "message", 21, "vm-message"},
    {"ru", "message", 22, "vm-messagex1"},
    {"ru", "message", 25, "vm-messagex2"},
    {"ru", "message", 101, "vm-message"},
    {"ru", "message", 111, "vm-messagex2"},
    {"ru", "message", 1002, "vm-messagex1"},
    {"ru", "minute", 32, "minutes-few"},
};

START_TEST(numbers_are_words_of_the_language)
{
    const struct truth *truth = &numbers[_i];
    const struct prompts *p = prompts_in(prompts, truth->language);
    struct phrase phrase = {0};

    ck_assert_ptr_nonnull(p);
    ck_assert(grammar_say(prompts_grammar(p), p, &phrase, truth->set, truth->number, NULL));
    ck_assert_msg(!strcmp(words(p, &phrase), truth->said), "%s %s %ld: \"%s\", not \"%s\"", truth->language,
                  truth->set, truth->number, words(p, &phrase), truth->said);
}
END_TEST

/* -- dates, times, durations, counts ------------------------------------------------------------------- */

#define NOON_TUESDAY 1751371200 /* 2025-07-01 12:00:00 UTC */
#define AT(days, hours, minutes) (NOON_TUESDAY + (days)*86400 + ((hours)-12) * 3600 + (minutes)*60)

static const struct moment {
    const char *language;
    time_t when;
    const char *time, *date, *relative; /* as heard at NOON_TUESDAY */
} moments[] = {
    {"en", AT(0, 9, 5), "9 oh 5 a-m", "day-2 mon-6 h-1 20 20 5", "today at 9 oh 5 a-m"},
    {"es", AT(0, 13, 0), "1F oclock p-m", "day-2 h-1 es-de mon-6 es-de 2 thousand 25",
     "today at-one 1F oclock p-m"},
    {"es", AT(-1, 15, 21), "3 and 21 p-m", "day-1 30 es-de mon-5 es-de 2 thousand 25",
     "yesterday at 3 and 21 p-m"},
    {"es", AT(0, 0, 0), "12 oclock a-m", "day-2 h-1 es-de mon-6 es-de 2 thousand 25",
     "today at 12 oclock a-m"},
    {"fr", AT(0, 21, 1), "20 et 1F hours 1F", "day-2 h-1 mon-6 2 thousand 20 5",
     "today at 20 et 1F hours 1F"},
    {"fr", AT(1, 1, 0), "1F oclock", "day-3 2 mon-6 2 thousand 20 5", "tomorrow at 1F oclock"},
    {"fr", AT(-3, 0, 45), "0 oclock 40 5", "day-6 20 8 mon-5 2 thousand 20 5", "day-6 at 0 oclock 40 5"},
    {"it", AT(0, 0, 30), "ore-mezzanotte e 30", "day-2 h-1 mon-6 ore-2000 20 5",
     "today a ore-mezzanotte e 30"},
    {"it", AT(-10, 1, 28), "ore-una e 28", "day-6 21 mon-5 ore-2000 20 5",
     "day-6 21 mon-5 at-one ore-una e 28"},
    {"it", AT(-400, 21, 0), "21", "day-1 20 7 mon-4 ore-2000 20 4", "day-1 20 7 mon-4 ore-2000 20 4 at 21"},
    {"ru", AT(0, 1, 1), "1 hour 1f minute", "day-2 day-of-month-1 mon-6 2f thousands-few 20 5",
     "today at 1 hour 1f minute"},
    {"ru", AT(-1, 22, 42), "20 2 hours-few 40 2f minutes-few",
     "day-1 day-of-month-30 mon-5 2f thousands-few 20 5", "yesterday at 20 2 hours-few 40 2f minutes-few"},
    {"ru", AT(30, 11, 0), "11 hours", "day-4 30 day-of-month-1 mon-6 2f thousands-few 20 5",
     "day-4 30 day-of-month-1 mon-6 at 11 hours"},
};

START_TEST(moments_as_the_language_tells_them)
{
    const struct moment *moment = &moments[_i];
    const struct prompts *p = prompts_in(prompts, moment->language);
    struct phrase time = {0}, date = {0}, relative = {0};

    say_time(p, &time, moment->when, "");
    ck_assert_str_eq(words(p, &time), moment->time);
    say_date(p, &date, moment->when, "");
    ck_assert_str_eq(words(p, &date), moment->date);
    say_when(p, &relative, moment->when, NOON_TUESDAY, "");
    ck_assert_str_eq(words(p, &relative), moment->relative);
}
END_TEST

static const struct count {
    const char *language;
    unsigned fresh, old;
    const char *said;
} counts[] = {
    {"en", 2, 1, "vm-youhave 2 vm-INBOX vm-and 1 vm-Old vm-message"},
    {"es", 0, 0, "vm-youhaveno vm-messages"},
    {"es", 1, 0, "vm-youhave 1M vm-message vm-INBOXs"},
    {"es", 21, 1, "vm-youhave 21M vm-messages vm-INBOX vm-and 1M vm-message vm-Olds"},
    {"es", 0, 2, "vm-youhave 2 vm-messages vm-Old"},
    {"fr", 0, 0, "vm-youhave vm-no vm-message"},
    {"fr", 1, 2, "vm-youhave 1 vm-INBOX vm-message vm-and 2 vm-Old vm-messages"},
    {"it", 0, 0, "vm-no vm-message"},
    {"it", 1, 8, "vm-youhave un vm-message vm-nuovo vm-and 8 vm-messages vm-vecchi"},
    {"it", 0, 1, "vm-youhave un vm-message vm-vecchio"},
    {"ru", 0, 0, "vm-youhave vm-no vm-messages"},
    {"ru", 1, 0, "vm-youhave 1n vm-newn vm-message"},
    {"ru", 2, 5, "vm-youhave 2n vm-newx vm-messagex1 vm-and 5 vm-oldx vm-messagex2"},
    {"ru", 11, 21, "vm-youhave 11 vm-newx vm-messagex2 vm-and 20 1n vm-oldn vm-message"},
    {"ru", 0, 112, "vm-youhave hundred 12 vm-oldx vm-messagex2"},
};

START_TEST(counts_agree_with_their_nouns)
{
    const struct count *count = &counts[_i];
    const struct prompts *p = prompts_in(prompts, count->language);
    struct phrase phrase = {0};

    say_message_count(p, &phrase, count->fresh, count->old);
    ck_assert_str_eq(words(p, &phrase), count->said);
}
END_TEST

static const struct span {
    const char *language;
    uint32_t seconds;
    const char *said;
} spans[] = {
    {"es", 61, "1M minute 1M second"},
    {"es", 21 * 3600, "21F hours"},
    {"fr", 0, "0 second"},
    {"fr", 3600 + 21 * 60, "1F oclock 20 et 1F minutes"},
    {"it", 3600 + 60, "un hour un minute"},
    {"it", 62, "un minute 2 seconds"},
    {"ru", 21, "20 1f second"},
    {"ru", 2 * 3600 + 22 * 60, "2 hours-few 20 2f minutes-few"},
    {"ru", 5 * 60 + 11, "5 minutes 11 seconds"},
};

START_TEST(durations_agree_with_their_nouns)
{
    const struct span *span = &spans[_i];
    const struct prompts *p = prompts_in(prompts, span->language);
    struct phrase phrase = {0};

    say_duration(p, &phrase, span->seconds);
    ck_assert_str_eq(words(p, &phrase), span->said);
}
END_TEST

/* -- everything has a file ----------------------------------------------------------------------------- */

static const char *const languages[] = {"en", "es", "fr", "it", "ru"};

static int name_has_a_file(void *arg, const char *name)
{
    struct phrase phrase = {0};

    ck_assert_msg(prompts_say(arg, &phrase, name), "%s has no %s", prompts_language(arg), name);
    return 0;
}

START_TEST(every_name_is_said_in_the_language_itself)
{
    const struct prompts *p = prompts_in(prompts, languages[_i]);

    ck_assert_ptr_nonnull(p);
    ck_assert_str_eq(prompts_language(p), languages[_i]);
    for (size_t i = 0; english_recorded[i]; i++)
        (void)name_has_a_file((void *)(uintptr_t)p, english_recorded[i]);
    for (size_t i = 0; english_synthesised[i]; i++)
        (void)name_has_a_file((void *)(uintptr_t)p, english_synthesised[i]);
    ck_assert_int_eq(grammar_names(prompts_grammar(p), name_has_a_file, (void *)(uintptr_t)p), 0);
}
END_TEST

/* Two that sound alike would be one too few. */
START_TEST(every_number_to_9999_is_said_and_no_two_alike)
{
    const struct prompts *p = prompts_in(prompts, languages[_i]);
    char **said = calloc(10000, sizeof *said);

    ck_assert_ptr_nonnull(said);
    for (long n = 0; n <= 9999; n++) {
        struct phrase phrase = {0};
        say_number(p, &phrase, n);
        ck_assert_uint_gt(phrase.count, 0);
        said[n] = strdup(words(p, &phrase));
    }
    for (long n = 1; n <= 9999; n++) /* neighbours, and those a factor of ten away: where grammars go wrong */
        for (long step = 1; step <= n; step *= 10)
            ck_assert_msg(strcmp(said[n], said[n - step]) != 0, "%s: %ld and %ld", languages[_i], n,
                          n - step);
    for (long n = 0; n <= 9999; n++)
        free(said[n]);
    free(said);
}
END_TEST

START_TEST(every_date_and_minute_is_said)
{
    const struct prompts *p = prompts_in(prompts, languages[_i]);

    for (time_t day = 0; day < 366; day++) {
        struct phrase date = {0}, when = {0};
        time_t at = 1704067200 + day * 86400; /* 2024 is a leap year */
        say_date(p, &date, at, "");
        ck_assert_uint_ge(date.count, 4);
        say_when(p, &when, at, at + 10 * 86400, "");
        ck_assert_uint_ge(when.count, 4);
    }
    for (time_t minute = 0; minute < 1440; minute++) {
        struct phrase time = {0};
        say_time(p, &time, minute * 60, "");
        ck_assert_uint_ge(time.count, 1);
        ck_assert_uint_le(time.count, 7);
    }
}
END_TEST

/* -- which language ------------------------------------------------------------------------------------ */

static const char *chosen(const char *wanted)
{
    const struct prompts *p = prompts_in(prompts, wanted);

    return p ? prompts_language(p) : "none";
}

START_TEST(language_is_the_best_that_is_spoken)
{
    ck_assert_str_eq(chosen("fr"), "fr");
    ck_assert_str_eq(chosen("FR-ca"), "fr");
    ck_assert_str_eq(chosen("de, it;q=0.5, fr;q=0.8, en;q=0.1"), "fr");
    ck_assert_str_eq(chosen("ru;q=0, es ; q=0.2"), "es");
    ck_assert_str_eq(chosen("de"), "none");
    ck_assert_str_eq(chosen("fra"), "none");
    ck_assert_str_eq(chosen(""), "none");
    ck_assert_str_eq(chosen(NULL), "none");
    ck_assert_str_eq(chosen(",,;q=,-"), "none");
    ck_assert_str_eq(prompts_language(prompts), "en");
}
END_TEST

START_TEST(only_what_is_configured_is_spoken)
{
    char *const wanted[] = {(char *)(uintptr_t) "it", (char *)(uintptr_t) "xx"};
    const struct prompts_config config = {SOUNDS_DIR, TEST_VOICES, "ru", wanted, 2};
    struct prompts *p;

    ck_assert_int_eq(prompts_load(&p, &config), 0);
    ck_assert_str_eq(prompts_language(p), "ru");
    ck_assert_ptr_nonnull(prompts_in(p, "it"));
    ck_assert_ptr_nonnull(prompts_in(p, "en"));
    ck_assert_ptr_null(prompts_in(p, "fr"));
    ck_assert_ptr_null(prompts_in(p, "xx"));
    prompts_free(p);
}
END_TEST

/* -- what is missing ----------------------------------------------------------------------------------- */

static char base[64];

static void file_make(const char *name, const char *text)
{
    char path[256], command[512];

    snprintf(path, sizeof path, "%s/%s", base, name);
    snprintf(command, sizeof command, "mkdir -p $(dirname %s)", path);
    ck_assert_int_eq(system(command), 0);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void folder_make(void)
{
    strcpy(base, "/tmp/test_languages_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(base));
}

static void folder_remove(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", base);
    ck_assert_int_eq(system(command), 0);
}

static struct prompts *load_from_folder(void)
{
    char voices[128];
    const struct prompts_config config = {base, voices, "en", NULL, 0};
    struct prompts *p;

    snprintf(voices, sizeof voices, "%s/voices", base);
    ck_assert_int_eq(prompts_load(&p, &config), 0);
    return p;
}

START_TEST(missing_words_fall_back)
{
    struct phrase phrase = {0};

    folder_make();
    file_make("voices/fr.grammar", "number\n 0 digits/%\n 20/10 digits/% >number\n 30 digits/thirty\n");
    file_make("sounds/fr_XX/digits/1.wav", "x");
    file_make("sounds/fr_XX/digits/2.wav", "x");
    file_make("sounds/fr_XX/digits/3.wav", ""); /* empty: as if it were not there */
    file_make("sounds/fr_XX/hours.wav", "x");
    file_make("sounds/fr_XX/vm-goodbye.wav", "x");
    file_make("voices/fr/vm-goodbye.wav", "x");
    file_make("sounds/en_XX/digits/3.wav", "x");
    file_make("sounds/en_XX/vm-intro.wav", "x");
    struct prompts *all = load_from_folder();
    const struct prompts *p = prompts_in(all, "fr");
    ck_assert_ptr_nonnull(p);
    say_number(p, &phrase, 21); /* no "twenty": the digits */
    ck_assert_str_eq(words(p, &phrase), "2 1");
    phrase.count = 0;
    say_number(p, &phrase, 23); /* of which one is there in English only */
    ck_assert_str_eq(words(p, &phrase), "2 3");
    ck_assert_ptr_nonnull(strstr(prompts_path(p, phrase.fragments[1]), "en_XX"));
    phrase.count = 0;
    say(p, &phrase, "hour");       /* another form */
    say(p, &phrase, "vm-intro");   /* English */
    say(p, &phrase, "vm-goodbye"); /* made at build, for the recording says something else */
    say(p, &phrase, "vm-from");    /* nowhere: left out */
    ck_assert_str_eq(words(p, &phrase), "hours vm-intro vm-goodbye");
    ck_assert_ptr_nonnull(strstr(prompts_path(p, phrase.fragments[2]), "voices/fr"));
    prompts_free(all);
    folder_remove();
}
END_TEST

/* Where there is nothing of a language, it is not spoken at all. */
START_TEST(language_without_voice_is_not_spoken)
{
    folder_make();
    file_make("voices/fr.grammar", "number\n 0\n");
    file_make("sounds/es_XX/hours.wav", "x");
    struct prompts *all = load_from_folder();
    ck_assert_ptr_null(prompts_in(all, "fr"));
    ck_assert_ptr_null(prompts_in(all, "es"));
    ck_assert_str_eq(prompts_language(all), "en");
    prompts_free(all);
    folder_remove();
}
END_TEST

static const char *const wrong_grammars[] = {
    " 0 x\n",                       /* a rule of no set */
    "number\n x y\n",               /* no number */
    "number\n 5 x\n 5 y\n",         /* not above the last */
    "number\n 0/0 x\n",             /* no base */
    "number\n 0 =nothing\n",        /* no such set */
    "number\n 0 weather:number\n",  /* no such field */
    "number\n 0 digits/%\n",        /* without end */
    "number\n 0 x\nnumber\n 0 x\n", /* twice */
    "number\n 0 a b c d e f g h i j k l m\n",
};

START_TEST(grammar_with_a_fault_is_refused)
{
    struct grammar *g = NULL;
    char path[256];

    folder_make();
    file_make("xx.grammar", wrong_grammars[_i]);
    snprintf(path, sizeof path, "%s/xx.grammar", base);
    log_set_level(LEVEL_ERROR + 1);
    ck_assert_int_ne(grammar_load(&g, path), 0);
    ck_assert_ptr_null(g);
    folder_remove();
}
END_TEST

/* A set that calls itself for the same number ends all the same. */
START_TEST(endless_grammar_ends)
{
    struct phrase phrase = {0};

    folder_make();
    file_make("voices/en.grammar", "number\n 0 digits/1 =number\n");
    file_make("sounds/en_XX/digits/1.wav", "x");
    struct prompts *all = load_from_folder();
    say_number(all, &phrase, 1);
    ck_assert_uint_gt(phrase.count, 0);
    prompts_free(all);
    folder_remove();
}
END_TEST

#define COUNT_OF(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("languages");
    TCase *tc = tcase_create("languages");
    SRunner *runner = srunner_create(suite);

    log_set_level(LEVEL_ERROR);
    tcase_set_timeout(tc, 120);
    tcase_add_unchecked_fixture(tc, setup, teardown); /* nobody changes it */
    tcase_add_loop_test(tc, numbers_are_words_of_the_language, 0, COUNT_OF(numbers));
    tcase_add_loop_test(tc, moments_as_the_language_tells_them, 0, COUNT_OF(moments));
    tcase_add_loop_test(tc, counts_agree_with_their_nouns, 0, COUNT_OF(counts));
    tcase_add_loop_test(tc, durations_agree_with_their_nouns, 0, COUNT_OF(spans));
    tcase_add_loop_test(tc, every_name_is_said_in_the_language_itself, 0, COUNT_OF(languages));
    tcase_add_loop_test(tc, every_number_to_9999_is_said_and_no_two_alike, 0, COUNT_OF(languages));
    tcase_add_loop_test(tc, every_date_and_minute_is_said, 0, COUNT_OF(languages));
    tcase_add_test(tc, language_is_the_best_that_is_spoken);
    tcase_add_test(tc, only_what_is_configured_is_spoken);
    tcase_add_test(tc, missing_words_fall_back);
    tcase_add_test(tc, language_without_voice_is_not_spoken);
    tcase_add_loop_test(tc, grammar_with_a_fault_is_refused, 0, COUNT_OF(wrong_grammars));
    tcase_add_test(tc, endless_grammar_ends);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
