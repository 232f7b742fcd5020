/*
 * Schedules. An item is read anew at each question: it is a few words, and nothing has to be kept or freed.
 */
#include "core/base/schedule.h"

#include "core/base/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DAY_MINUTES 1440
#define ITEM_TEXT 96

struct item {
    bool has_days, has_dates, has_times;
    int first_day, last_day;   /* 0 is Sunday; the first may be above the last */
    int first_date, last_date; /* year × 10000 + month × 100 + day */
    int from, to;              /* minutes of the day */
};

/* -- reading
 * ------------------------------------------------------------------------------------------------------- */

/* "mon" at `*at`, which is moved behind it; -1: no day. */
static int day_read(const char **at)
{
    static const char days[7][4] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

    for (int i = 0; i < 7; i++) {
        if (strncasecmp(*at, days[i], 3) == 0) {
            *at += 3;
            return i;
        }
    }
    return -1;
}

/* `digits` digits; -1 when there are fewer. */
static int digits_read(const char **at, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (!isdigit((unsigned char)**at)) {
            return -1;
        }
        value = value * 10 + (**at - '0');
    }
    return value;
}

static bool mark_read(const char **at, const char *mark)
{
    size_t length = strlen(mark);
    if (strncmp(*at, mark, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

static int date_read(const char **at)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = digits_read(at, 4);
    int month = year >= 0 && mark_read(at, "-") ? digits_read(at, 2) : -1;
    int day = month >= 0 && mark_read(at, "-") ? digits_read(at, 2) : -1;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (month < 1 || month > 12 || day < 1 || day > days[month - 1] + (month == 2 && leap)) {
        return -1;
    }
    return year * 10000 + month * 100 + day;
}

static int minute_read(const char **at)
{
    int hour = digits_read(at, 2);
    int minute = hour >= 0 && mark_read(at, ":") ? digits_read(at, 2) : -1;

    return minute < 0 || minute > 59 || hour * 60 + minute > DAY_MINUTES ? -1 : hour * 60 + minute;
}

static const char *days_take(struct item *out, const char *word)
{
    if (out->has_days) {
        return "names days twice in one item";
    }
    out->has_days = true;
    out->first_day = out->last_day = day_read(&word);
    if (mark_read(&word, "-")) {
        out->last_day = day_read(&word);
    }
    return out->first_day < 0 || out->last_day < 0 || *word != '\0'
               ? "has a day that is none: write \"mon-fri\""
               : NULL;
}

static const char *dates_take(struct item *out, const char *word)
{
    if (out->has_dates) {
        return "names dates twice in one item";
    }
    out->has_dates = true;
    out->first_date = out->last_date = date_read(&word);
    if (mark_read(&word, "..")) {
        out->last_date = date_read(&word);
    }
    if (out->first_date < 0 || out->last_date < 0 || *word != '\0') {
        return "has a date that is none: write \"2026-12-24..2026-12-26\"";
    }
    return out->first_date <= out->last_date ? NULL : "has dates that end before they begin";
}

static const char *times_take(struct item *out, const char *word)
{
    if (out->has_times) {
        return "names times twice in one item";
    }
    out->has_times = true;
    out->from = minute_read(&word);
    out->to = mark_read(&word, "-") ? minute_read(&word) : -1;
    return out->from < 0 || out->from == DAY_MINUTES || out->to < 0 || *word != '\0'
               ? "has a time that is none: write \"08:00-18:00\""
               : NULL;
}

static const char *word_take(struct item *out, const char *word)
{
    if (isalpha((unsigned char)*word)) {
        return days_take(out, word);
    }
    return strlen(word) > 2 && word[2] == ':' ? times_take(out, word) : dates_take(out, word);
}

/* Reads the item at `*at` and moves that behind the item's end; NULL, or what is wrong. */
static const char *item_read(struct item *out, const char **at)
{
    size_t length = strcspn(*at, ",;");
    char text[ITEM_TEXT], *save = NULL;
    const char *fault = NULL;

    *out = (struct item){0};
    if (length >= sizeof text) {
        return "has an item that is too long";
    }
    snprintf(text, sizeof text, "%.*s", (int)length, *at);
    *at += length + ((*at)[length] != '\0');
    for (char *word = strtok_r(text, " \t\n", &save); word != NULL && fault == NULL;
         word = strtok_r(NULL, " \t\n", &save)) {
        fault = word_take(out, word);
    }
    if (fault == NULL && !out->has_days && !out->has_dates && !out->has_times) {
        fault = "has an empty item";
    }
    return fault;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\n")] == '\0';
}

const char *schedule_fault(const char *text)
{
    struct item item;
    const char *fault = NULL;

    while (fault == NULL && !is_blank(text)) {
        fault = item_read(&item, &text);
    }
    return fault;
}

/* -- asking
 * -------------------------------------------------------------------------------------------------------- */

static bool item_has_day(const struct item *item, const struct tm *day)
{
    int date = (day->tm_year + 1900) * 10000 + (day->tm_mon + 1) * 100 + day->tm_mday;
    bool within = item->first_day <= item->last_day
                      ? day->tm_wday >= item->first_day && day->tm_wday <= item->last_day
                      : day->tm_wday >= item->first_day || day->tm_wday <= item->last_day;

    return (!item->has_days || within) &&
           (!item->has_dates || (date >= item->first_date && date <= item->last_date));
}

/* What runs past midnight belongs to the day on which it began. */
static bool item_matches(const struct item *item, const struct tm *today, const struct tm *yesterday)
{
    int minute = today->tm_hour * 60 + today->tm_min;

    if (!item->has_times) {
        return item_has_day(item, today);
    }
    if (item->from < item->to) {
        return minute >= item->from && minute < item->to && item_has_day(item, today);
    }
    return (minute >= item->from && item_has_day(item, today)) ||
           (minute < item->to && item_has_day(item, yesterday));
}

bool schedule_matches(const char *text, const char *zone, time_t when)
{
    struct tm today, yesterday;
    struct item item;

    if (is_blank(text)) {
        return true;
    }
    zones_local(zones_shared(), zone, when, &today);
    /* By the calendar, not by 24 hours: a day on which the clocks change is longer or shorter. */
    yesterday = today;
    yesterday.tm_mday--;
    yesterday.tm_hour = 12;
    (void)timegm(&yesterday);
    while (!is_blank(text)) {
        if (item_read(&item, &text) == NULL && item_matches(&item, &today, &yesterday)) {
            return true;
        }
    }
    return false;
}
