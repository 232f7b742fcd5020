/* core/base/recurrence: when the next one of a repeated time begins, by RFC 5545 §3.3.10, across changes of
 * the clocks. */
#include "core/base/recurrence.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "2026-11-26 10:00:00" */
static struct tm read_time(const char *text)
{
    struct tm tm = {0};

    ck_assert_int_eq(sscanf(text, "%d-%d-%d %d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                            &tm.tm_min, &tm.tm_sec),
                     6);
    tm.tm_year -= 1900;
    tm.tm_mon--;
    return tm;
}

static time_t utc(const char *text)
{
    struct tm tm = read_time(text);

    return timegm(&tm);
}

#define BERLIN "Europe/Berlin"
#define NEVER NULL

/* `begins` on the zone's clocks, `after` and `next` in UTC. 2026-11-26 is a Thursday. */
static const struct row {
    const char *begins;
    unsigned minutes;
    const char *zone, *rule, *after, *next;
} rows[] = {
    /* once */
    {"2026-11-26 10:00:00", 60, "", "", "2026-11-01 00:00:00", "2026-11-26 10:00:00"},
    {"2026-11-26 10:00:00", 60, "", "", "2026-11-26 10:59:59", "2026-11-26 10:00:00"},
    {"2026-11-26 10:00:00", 60, "", "", "2026-11-26 11:00:00", NEVER},
    {"2026-11-26 23:30:00", 60, "", "", "2026-11-27 00:10:00", "2026-11-26 23:30:00"},
    /* daily */
    {"2026-11-26 10:00:00", 60, "", "FREQ=DAILY", "2026-11-26 11:00:00", "2026-11-27 10:00:00"},
    {"2026-11-26 10:00:00", 60, "", "FREQ=DAILY;INTERVAL=3", "2026-11-26 11:00:00", "2026-11-29 10:00:00"},
    {"2026-11-26 10:00:00", 60, "", "FREQ=DAILY;COUNT=3", "2026-11-27 11:00:00", "2026-11-28 10:00:00"},
    {"2026-11-26 10:00:00", 60, "", "FREQ=DAILY;COUNT=3", "2026-11-28 11:00:00", NEVER},
    {"2026-11-26 10:00:00", 60, "", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "2026-11-27 11:00:00",
     "2026-11-30 10:00:00"},
    {"2026-11-26 10:00:00", 60, "", "FREQ=DAILY", "2036-02-28 11:00:00", "2036-02-29 10:00:00"},
    /* one that lasts longer than its interval is still the earlier one */
    {"2026-11-26 10:00:00", 2880, "", "FREQ=DAILY", "2026-11-29 09:59:59", "2026-11-27 10:00:00"},
    /* weekly */
    {"2026-11-26 10:00:00", 60, "", "FREQ=WEEKLY", "2026-11-26 11:00:00", "2026-12-03 10:00:00"},
    {"2026-11-26 10:00:00", 60, "", "FREQ=WEEKLY;BYDAY=MO,TH", "2026-11-26 11:00:00", "2026-11-30 10:00:00"},
    {"2026-11-26 10:00:00", 60, "", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", "2026-11-26 11:00:00",
     "2026-12-07 10:00:00"},
    {"2026-11-24 10:00:00", 60, "", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=MO", "2026-11-24 11:00:00",
     "2026-11-29 10:00:00"},
    {"2026-11-24 10:00:00", 60, "", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=SU", "2026-11-24 11:00:00",
     "2026-12-06 10:00:00"},
    /* the first one counts only where the rule has it */
    {"2026-11-26 10:00:00", 60, "", "FREQ=WEEKLY;BYDAY=MO;COUNT=1", "2026-11-01 00:00:00",
     "2026-11-30 10:00:00"},
    /* monthly */
    {"2026-11-26 10:00:00", 60, "", "FREQ=MONTHLY", "2026-11-26 11:00:00", "2026-12-26 10:00:00"},
    {"2026-01-31 10:00:00", 60, "", "FREQ=MONTHLY", "2026-01-31 11:00:00", "2026-03-31 10:00:00"},
    {"2026-11-26 10:00:00", 60, "", "FREQ=MONTHLY;INTERVAL=3", "2026-11-26 11:00:00", "2027-02-26 10:00:00"},
    {"2026-11-06 10:00:00", 60, "", "FREQ=MONTHLY;BYDAY=1FR", "2026-11-06 11:00:00", "2026-12-04 10:00:00"},
    {"2026-11-27 10:00:00", 60, "", "FREQ=MONTHLY;BYDAY=-1FR", "2026-11-27 11:00:00", "2026-12-25 10:00:00"},
    {"2026-11-05 10:00:00", 60, "", "FREQ=MONTHLY;BYDAY=5TH", "2026-11-05 11:00:00", "2026-12-31 10:00:00"},
    {"2026-11-02 10:00:00", 60, "", "FREQ=MONTHLY;BYDAY=MO", "2026-11-02 11:00:00", "2026-11-09 10:00:00"},
    /* until: included */
    {"2026-11-26 10:00:00", 60, "", "FREQ=DAILY;UNTIL=20261127", "2026-11-26 11:00:00",
     "2026-11-27 10:00:00"},
    {"2026-11-26 10:00:00", 60, "", "FREQ=DAILY;UNTIL=20261127", "2026-11-27 11:00:00", NEVER},
    {"2026-11-26 10:00:00", 60, BERLIN, "FREQ=DAILY;UNTIL=20261127T090000Z", "2026-11-26 11:00:00",
     "2026-11-27 09:00:00"},
    {"2026-11-26 10:00:00", 60, BERLIN, "FREQ=DAILY;UNTIL=20261127T085959Z", "2026-11-26 11:00:00", NEVER},
    {"2026-11-26 10:00:00", 60, BERLIN, "FREQ=DAILY;UNTIL=20261127T100000", "2026-11-26 11:00:00",
     "2026-11-27 09:00:00"},
    {"2026-11-26 10:00:00", 60, BERLIN, "FREQ=DAILY;UNTIL=20261127T095959", "2026-11-26 11:00:00", NEVER},
    /* ten o'clock stays ten o'clock when the clocks change */
    {"2026-10-20 10:00:00", 60, BERLIN, "FREQ=WEEKLY", "2026-10-19 00:00:00", "2026-10-20 08:00:00"},
    {"2026-10-20 10:00:00", 60, BERLIN, "FREQ=WEEKLY", "2026-10-21 00:00:00", "2026-10-27 09:00:00"},
    {"2026-10-20 10:00:00", 60, "America/New_York", "FREQ=WEEKLY", "2026-10-28 00:00:00",
     "2026-11-03 15:00:00"},
    {"2026-10-20 23:30:00", 60, "America/New_York", "FREQ=WEEKLY;COUNT=1", "2026-10-21 03:31:00",
     "2026-10-21 03:30:00"},
    /* half past two comes twice on 25 October, and not at all on 28 March */
    {"2026-10-24 02:30:00", 30, BERLIN, "FREQ=DAILY", "2026-10-24 12:00:00", "2026-10-25 00:30:00"},
    {"2027-03-27 02:30:00", 30, BERLIN, "FREQ=DAILY", "2027-03-27 12:00:00", "2027-03-28 01:30:00"},
    {"2027-03-27 02:30:00", 30, BERLIN, "FREQ=DAILY", "2027-03-28 12:00:00", "2027-03-29 00:30:00"},
};

START_TEST(next_one)
{
    const struct row *row = &rows[_i];
    const struct recurrence recurrence = {
        .begins = read_time(row->begins), .minutes = row->minutes, .zone = row->zone, .rule = row->rule};
    time_t next = 0;
    int error = recurrence_next(&recurrence, utc(row->after), &next);

    ck_assert_int_eq(error, row->next ? 0 : ENOENT);
    if (row->next)
        ck_assert_msg(next == utc(row->next), "%s after %s: %+ld s off", row->rule, row->after,
                      (long)(next - utc(row->next)));
}
END_TEST

static const char *const unread[] = {
    "DAILY",
    "FREQ",
    "FREQ=",
    "FREQ=YEARLY",
    "FREQ=DAILY;INTERVAL=0",
    "FREQ=DAILY;INTERVAL=100",
    "FREQ=DAILY;INTERVAL=x",
    "FREQ=DAILY;COUNT=",
    "FREQ=DAILY;BYDAY=",
    "FREQ=WEEKLY;BYDAY=XX",
    "FREQ=WEEKLY;BYDAY=1MO",
    "FREQ=MONTHLY;BYDAY=6MO",
    "FREQ=MONTHLY;BYDAY=0MO",
    "FREQ=DAILY;UNTIL=2027",
    "FREQ=DAILY;UNTIL=20271231T1",
    "FREQ=DAILY;UNTIL=20271231T120000X",
    "FREQ=DAILY;UNTIL=20271231T120000ZZ",
    "FREQ=DAILY;WKST=M",
    "FREQ=DAILY;BYSETPOS=1",
    "INTERVAL=2",
};

START_TEST(rule_that_cannot_be_read)
{
    const struct recurrence recurrence = {
        .begins = read_time("2026-11-26 10:00:00"), .minutes = 60, .zone = "", .rule = unread[_i]};
    time_t next;

    ck_assert_msg(recurrence_next(&recurrence, 0, &next) == EINVAL, "%s", unread[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recurrence");
    TCase *tc = tcase_create("recurrence");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(tc, next_one, 0, sizeof rows / sizeof rows[0]);
    tcase_add_loop_test(tc, rule_that_cannot_be_read, 0, sizeof unread / sizeof unread[0]);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
