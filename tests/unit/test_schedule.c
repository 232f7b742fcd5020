/* core/base/schedule: when a schedule fits, in the zone of him whom it serves, and what is wrong with one
 * that cannot be read. */
#include "core/base/schedule.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static time_t at(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};

    return timegm(&tm);
}

#define BERLIN "Europe/Berlin"

/* 2026-11-26 is a Thursday. Times are UTC; Berlin is an hour ahead in winter, two in summer. */
static const struct when {
    const char *text, *zone;
    int year, month, day, hour, minute;
    bool fits;
} whens[] = {
    {"", "", 2026, 11, 26, 3, 0, true},
    {"  ", "", 2026, 11, 26, 3, 0, true},
    {"mon-fri 08:00-18:00", "", 2026, 11, 26, 8, 0, true},
    {"mon-fri 08:00-18:00", "", 2026, 11, 26, 7, 59, false},
    {"mon-fri 08:00-18:00", "", 2026, 11, 26, 17, 59, true},
    {"mon-fri 08:00-18:00", "", 2026, 11, 26, 18, 0, false},
    {"mon-fri 08:00-18:00", "", 2026, 11, 28, 12, 0, false},
    {"08:00-18:00 Mon-Fri", "", 2026, 11, 26, 12, 0, true},
    {"mon-fri 08:00-18:00, sat 09:00-12:00", "", 2026, 11, 28, 9, 30, true},
    {"mon-fri 08:00-18:00; sat 09:00-12:00", "", 2026, 11, 28, 12, 0, false},
    {"fri-mon", "", 2026, 11, 29, 12, 0, true},
    {"fri-mon", "", 2026, 11, 26, 12, 0, false},
    {"sun", "", 2026, 11, 29, 0, 0, true},
    {"2026-12-24..2026-12-26", "", 2026, 12, 26, 23, 59, true},
    {"2026-12-24..2026-12-26", "", 2026, 12, 27, 0, 0, false},
    {"2026-12-24", "", 2026, 12, 23, 23, 59, false},
    {"2028-02-29", "", 2028, 2, 29, 1, 0, true},
    {"thu 2026-11-23..2026-11-29 10:00-11:00", "", 2026, 11, 26, 10, 30, true},
    {"thu 2026-11-23..2026-11-29 10:00-11:00", "", 2026, 11, 27, 10, 30, false},
    {"00:00-24:00", "", 2026, 11, 26, 23, 59, true},
    /* Past midnight: Friday's night ends on Saturday morning, Saturday's own does not begin on Saturday
       morning. */
    {"fri 22:00-06:00", "", 2026, 11, 28, 5, 59, true},
    {"fri 22:00-06:00", "", 2026, 11, 28, 6, 0, false},
    {"fri 22:00-06:00", "", 2026, 11, 27, 5, 0, false},
    {"fri 22:00-06:00", "", 2026, 11, 27, 22, 0, true},
    {"2026-12-31 22:00-06:00", "", 2027, 1, 1, 3, 0, true},
    /* The zone decides, and its summer time. */
    {"08:00-09:00", BERLIN, 2026, 11, 26, 7, 30, true},
    {"08:00-09:00", BERLIN, 2026, 11, 26, 8, 30, false},
    {"08:00-09:00", BERLIN, 2026, 7, 1, 6, 30, true},
    {"08:00-09:00", BERLIN, 2026, 7, 1, 7, 30, false},
    {"fri", BERLIN, 2026, 11, 26, 23, 30, true},
    {"thu", "America/New_York", 2026, 11, 27, 3, 0, true},
};

START_TEST(fits_as_written)
{
    const struct when *w = &whens[_i];

    ck_assert_ptr_null(schedule_fault(w->text));
    ck_assert_msg(schedule_matches(w->text, w->zone, at(w->year, w->month, w->day, w->hour, w->minute)) ==
                      w->fits,
                  "\"%s\" in \"%s\" on %d-%d-%d %d:%d", w->text, w->zone, w->year, w->month, w->day, w->hour,
                  w->minute);
}
END_TEST

static const struct fault {
    const char *text, *words;
} faults[] = {
    {"monday", "day"},
    {"mon-", "day"},
    {"mon-xyz", "day"},
    {"someday", "day"},
    {"8:00-18:00", "date"},
    {"08:00", "time"},
    {"08:60-18:00", "time"},
    {"08:00-24:01", "time"},
    {"24:00-08:00", "time"},
    {"2026-02-29", "date"},
    {"2026-13-01", "date"},
    {"2026-1-1", "date"},
    {"2026-12-26..2026-12-24", "end before they begin"},
    {"mon tue", "twice"},
    {"08:00-09:00 10:00-11:00", "twice"},
    {"mon,,tue", "empty"},
    {";", "empty"},
    {"mon                                                                                               tue",
     "long"},
};

START_TEST(faults_are_told_and_never_fit)
{
    const char *fault = schedule_fault(faults[_i].text);

    ck_assert_msg(fault && strstr(fault, faults[_i].words), "\"%s\": %s", faults[_i].text,
                  fault ? fault : "taken");
}
END_TEST

/* What a subscriber's row holds was not checked by the settings' reader: it must not fit by accident. */
START_TEST(what_cannot_be_read_never_fits)
{
    ck_assert(!schedule_matches("someday", "", at(2026, 11, 26, 12, 0)));
    ck_assert(!schedule_matches("25:00-26:00", "", at(2026, 11, 26, 12, 0)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *c = tcase_create("schedule");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(c, fits_as_written, 0, sizeof whens / sizeof whens[0]);
    tcase_add_loop_test(c, faults_are_told_and_never_fit, 0, sizeof faults / sizeof faults[0]);
    tcase_add_test(c, what_cannot_be_read_never_fits);
    suite_add_tcase(suite, c);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
