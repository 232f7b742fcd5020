/*
 * Repeated times. Days are gone through one by one from the first: a rule of ten years has 3650 of them, and
 * COUNT cannot be told without them.
 */
#include "core/base/recurrence.h"

#include "core/base/zone.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400
#define INTERVAL_MAX 99
#define COUNT_MAX 9999
#define HORIZON_DAYS (20 * 366) /* past what was asked for: above the longest interval of months */
#define WEEKDAYS 7

enum frequency { FREQ_NONE, FREQ_DAILY, FREQ_WEEKLY, FREQ_MONTHLY };

/* BYDAY of one weekday: in each week or month, or the places in the month from its beginning (1 to 5) or its
 * end. */
struct places {
    bool every;
    unsigned char from_begin, from_end; /* bit n: the n-th */
};

struct rule {
    enum frequency frequency;
    unsigned interval, count; /* count 0: no end */
    bool by_day, placed;
    struct places days[WEEKDAYS]; /* Monday first */
    int week_start;
    char until; /* 'D' a date, 'L' local time, 'U' UTC; 0: none */
    int64_t until_s;
};

/* -- reading -------------------------------------------------------------------------------------------- */

static int weekday_read(const char *text)
{
    static const char names[WEEKDAYS][3] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};

    for (int i = 0; i < WEEKDAYS; i++) {
        if (strncmp(text, names[i], 2) == 0) {
            return i;
        }
    }
    return -1;
}

static bool number_read(const char *text, unsigned most, unsigned *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    *out = (unsigned)value;
    return isdigit((unsigned char)*text) && *end == '\0' && value >= 1 && value <= most;
}

/* "MO,-1FR"; RFC 5545 §3.3.10: places are for months. */
static bool by_day_read(struct rule *rule, char *text)
{
    char *rest = NULL;

    for (char *word = strtok_r(text, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        char *at = word;
        long place = strtol(word, &at, 10);
        int day = strlen(at) == 2 ? weekday_read(at) : -1;

        if (day < 0 || (at != word && (place == 0 || place < -5 || place > 5))) {
            return false;
        }
        rule->by_day = true;
        rule->placed = rule->placed || place != 0;
        if (place == 0) {
            rule->days[day].every = true;
        } else if (place > 0) {
            rule->days[day].from_begin |= (unsigned char)(1u << place);
        } else {
            rule->days[day].from_end |= (unsigned char)(1u << -place);
        }
    }
    return rule->by_day;
}

/* "20271231", "20271231T180000", "20271231T170000Z" */
static bool until_read(struct rule *rule, const char *text)
{
    struct tm tm = {0};
    char utc = '\0';
    int end = 0;
    int fields = sscanf(text, "%4d%2d%2d%nT%2d%2d%2d%n%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &end,
                        &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end, &utc);

    tm.tm_year -= 1900;
    tm.tm_mon--;
    rule->until_s = timegm(&tm);
    rule->until = fields == 3 ? 'D' : fields == 6 ? 'L' : 'U';
    if (fields == 7) {
        return utc == 'Z' && text[end + 1] == '\0';
    }
    return (fields == 3 || fields == 6) && text[end] == '\0';
}

static bool part_read(struct rule *rule, char *text)
{
    char *value = strchr(text, '=');

    if (value == NULL) {
        return false;
    }
    *value++ = '\0';
    if (strcmp(text, "FREQ") == 0) {
        rule->frequency = strcmp(value, "DAILY") == 0     ? FREQ_DAILY
                          : strcmp(value, "WEEKLY") == 0  ? FREQ_WEEKLY
                          : strcmp(value, "MONTHLY") == 0 ? FREQ_MONTHLY
                                                          : FREQ_NONE;
        return rule->frequency != FREQ_NONE;
    }
    if (strcmp(text, "INTERVAL") == 0) {
        return number_read(value, INTERVAL_MAX, &rule->interval);
    }
    if (strcmp(text, "COUNT") == 0) {
        return number_read(value, COUNT_MAX, &rule->count);
    }
    if (strcmp(text, "BYDAY") == 0) {
        return by_day_read(rule, value);
    }
    if (strcmp(text, "UNTIL") == 0) {
        return until_read(rule, value);
    }
    if (strcmp(text, "WKST") == 0) {
        rule->week_start = weekday_read(value);
        return rule->week_start >= 0 && value[2] == '\0';
    }
    return false;
}

static bool rule_read(struct rule *out, const char *text)
{
    struct rule rule = {.interval = 1};
    char copy[256], *rest = NULL;

    if (strlen(text) >= sizeof copy) {
        return false;
    }
    strcpy(copy, text);
    for (char *part = strtok_r(copy, ";", &rest); part != NULL; part = strtok_r(NULL, ";", &rest)) {
        if (!part_read(&rule, part)) {
            return false;
        }
    }
    *out = rule;
    return rule.frequency != FREQ_NONE && (!rule.placed || rule.frequency == FREQ_MONTHLY);
}

/* -- days ----------------------------------------------------------------------------------------------- */

/* A day by its number since 1970, its place in the month, and how long that is. */
struct day {
    int64_t number;
    int weekday; /* Monday is 0 */
    int month;   /* counted from the year 1900 */
    int in_month, month_length;
};

static int64_t divide_down(int64_t value, int64_t by)
{
    return value >= 0 ? value / by : -((by - 1 - value) / by);
}

static struct day day_of(int64_t number)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    time_t noon = (time_t)(number * DAY_S + DAY_S / 2);
    struct tm tm;

    gmtime_r(&noon, &tm);
    int year = tm.tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return (struct day){.number = number,
                        .weekday = (tm.tm_wday + 6) % WEEKDAYS,
                        .month = tm.tm_year * 12 + tm.tm_mon,
                        .in_month = tm.tm_mday,
                        .month_length = lengths[tm.tm_mon] + (tm.tm_mon == 1 && leap)};
}

static bool rule_has_weekday(const struct rule *rule, const struct day *day)
{
    const struct places *places = &rule->days[day->weekday];
    int from_begin = (day->in_month - 1) / WEEKDAYS + 1;
    int from_end = (day->month_length - day->in_month) / WEEKDAYS + 1;

    return places->every || (places->from_begin >> from_begin & 1) || (places->from_end >> from_end & 1);
}

static int64_t week_of(const struct rule *rule, const struct day *day)
{
    return divide_down(day->number + 3 - rule->week_start, WEEKDAYS); /* day 0 was a Thursday */
}

static bool rule_has(const struct rule *rule, const struct day *first, const struct day *day)
{
    switch (rule->frequency) {
    case FREQ_DAILY:
        return (day->number - first->number) % rule->interval == 0 &&
               (!rule->by_day || rule_has_weekday(rule, day));
    case FREQ_WEEKLY:
        return (week_of(rule, day) - week_of(rule, first)) % rule->interval == 0 &&
               (rule->by_day ? rule_has_weekday(rule, day) : day->weekday == first->weekday);
    case FREQ_MONTHLY:
        return (unsigned)(day->month - first->month) % rule->interval == 0 &&
               (rule->by_day ? rule_has_weekday(rule, day) : day->in_month == first->in_month);
    case FREQ_NONE:
        break;
    }
    return day->number == first->number;
}

/* Whether UNTIL, which is included, has passed. */
static bool rule_is_over(const struct rule *rule, int64_t local_s, time_t moment)
{
    switch (rule->until) {
    case 'D':
        return local_s >= rule->until_s + DAY_S;
    case 'L':
        return local_s > rule->until_s;
    case 'U':
        return moment > rule->until_s;
    default:
        return false;
    }
}

int recurrence_next(const struct recurrence *recurrence, time_t after, time_t *begins)
{
    struct rule rule = {.interval = 1, .count = 1};
    struct tm begin = recurrence->begins;
    int64_t first_s = timegm(&begin), lasts_s = (int64_t)recurrence->minutes * 60;
    struct day first = day_of(divide_down(first_s, DAY_S));
    int64_t of_day_s = first_s - first.number * DAY_S;
    int64_t from = divide_down((int64_t)after - lasts_s, DAY_S) - 2; /* no zone is two days away from UTC */
    int64_t last = (from > first.number ? from : first.number) + HORIZON_DAYS;
    unsigned count = 0;

    if (*recurrence->rule != '\0' && !rule_read(&rule, recurrence->rule)) {
        return EINVAL;
    }
    for (struct day day = first; day.number <= last; day = day_of(day.number + 1)) {
        if (!rule_has(&rule, &first, &day)) {
            continue;
        }
        if (rule.count > 0 && ++count > rule.count) {
            break;
        }
        if (day.number < from) {
            continue;
        }
        int64_t local_s = day.number * DAY_S + of_day_s;
        time_t moment = zones_moment(zones_shared(), recurrence->zone, (time_t)local_s);
        if (rule_is_over(&rule, local_s, moment)) {
            break;
        }
        if (moment + lasts_s > after) {
            *begins = moment;
            return 0;
        }
    }
    return ENOENT;
}
