/* English: how numbers, dates, times and counts are put together from the fragments of the voice. */
#include "prompts/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 999999999L

/* A name with a number in it: "digits/mon-%ld". */
static void say_numbered(const struct prompts *p, struct phrase *to, const char *format, long number)
{
    char name[32];

    snprintf(name, sizeof name, format, number);
    say(p, to, name);
}

/* -- numbers
 * -------------------------------------------------------------------------------------------------------- */

/* Largest first: "2 million 31 thousand 4 hundred". */
static const struct scale {
    long value;
    const char *name;
} scales[] = {
    {1000000, "digits/million"},
    {1000, "digits/thousand"},
    {100, "digits/hundred"},
};

/* 1 … NUMBER_MAX. A factor before a scale is below 1000, so this calls itself twice at most. */
static void say_positive(const struct prompts *p, struct phrase *to, long number)
{
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        if (number >= scales[i].value) {
            say_positive(p, to, number / scales[i].value);
            say(p, to, scales[i].name);
            number %= scales[i].value;
        }
    }
    if (number >= 20) {
        say_numbered(p, to, "digits/%ld", number / 10 * 10);
        number %= 10;
    }
    if (number > 0)
        say_numbered(p, to, "digits/%ld", number);
}

void say_number(const struct prompts *p, struct phrase *to, long number)
{
    if (number < 0)
        say(p, to, "digits/minus");
    if (number < -NUMBER_MAX || number > NUMBER_MAX) {
        /* Nobody follows billions by ear: the digits, then. */
        char text[32];
        snprintf(text, sizeof text, "%ld", number);
        say_digits(p, to, text + (number < 0));
    } else if (number == 0) {
        say(p, to, "digits/0");
    } else {
        say_positive(p, to, labs(number));
    }
}

/* Days of the month are "third", the thirty-first is "30 first". */
void say_ordinal(const struct prompts *p, struct phrase *to, int number)
{
    if (number < 1 || number > 99) {
        say_number(p, to, number); /* there are no recordings of higher ones */
    } else if (number <= 20 || number % 10 == 0) {
        say_numbered(p, to, "digits/h-%ld", number);
    } else {
        say_numbered(p, to, "digits/%ld", number / 10 * 10);
        say_numbered(p, to, "digits/h-%ld", number % 10);
    }
}

void say_digits(const struct prompts *p, struct phrase *to, const char *text)
{
    static const struct {
        char sign;
        const char *name;
    } signs[] = {
        {'*', "digits/star"},  {'#', "digits/pound"}, {'+', "letters/plus"},  {'.', "letters/dot"},
        {'-', "letters/dash"}, {'@', "letters/at"},   {'/', "letters/slash"}, {'_', "letters/ascii95"},
    };

    /* Text may be of any length, a phrase may not: beyond its end there is nothing to do. */
    for (; *text && to->count < FRAGMENTS_MAX; text++) {
        unsigned char c = *text;
        if (c >= '0' && c <= '9') {
            say_numbered(p, to, "digits/%ld", c - '0');
        } else if (c < 128 && isalpha(c)) {
            char name[] = "letters/?";
            name[sizeof name - 2] = (char)tolower(c);
            say(p, to, name);
        } else {
            for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
                if (signs[i].sign == (char)c)
                    say(p, to, signs[i].name);
            }
        }
    }
}

/* -- dates and times
 * ------------------------------------------------------------------------------------------------ */

/* "19 90 9", "2 thousand 7", "20 26": years are said in pairs, but for the first ten of a millennium. */
static void say_year(const struct prompts *p, struct phrase *to, int year)
{
    int century = year / 100, rest = year % 100;

    if (year % 1000 < 10 || year < 1000 || year > 9999) {
        say_number(p, to, year);
        return;
    }
    say_number(p, to, century);
    if (rest == 0)
        say(p, to, "digits/hundred");
    else if (rest < 10)
        say(p, to, "digits/oh");
    if (rest > 0)
        say_number(p, to, rest);
}

/* Twelve hours, as the voice has no word for "hundred hours": midnight is 12 a m, noon 12 p m. */
static void say_clock(const struct prompts *p, struct phrase *to, const struct tm *tm)
{
    say_number(p, to, (tm->tm_hour + 11) % 12 + 1);
    if (tm->tm_min == 0)
        say(p, to, "digits/oclock");
    else if (tm->tm_min < 10)
        say(p, to, "digits/oh");
    if (tm->tm_min > 0)
        say_number(p, to, tm->tm_min);
    say(p, to, tm->tm_hour < 12 ? "digits/a-m" : "digits/p-m");
}

static void say_day(const struct prompts *p, struct phrase *to, const struct tm *tm)
{
    say_numbered(p, to, "digits/day-%ld", tm->tm_wday);
    say_numbered(p, to, "digits/mon-%ld", tm->tm_mon);
    say_ordinal(p, to, tm->tm_mday);
}

/* Days since the first of March of year 0, so that days of different years can be subtracted. */
static long day_number(const struct tm *tm)
{
    long year = tm->tm_year + 1900L, month = tm->tm_mon + 1;

    if (month < 3) {
        year--;
        month += 12;
    }
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + tm->tm_mday;
}

/* Nearness is by the calendar of the zone, not by hours: 23:45 is yesterday a quarter of an hour past
 * midnight. */
void say_when(const struct prompts *p, struct phrase *to, time_t when, time_t now, const char *zone)
{
    struct tm then, today;

    zones_local(prompts_zones(p), zone, when, &then);
    zones_local(prompts_zones(p), zone, now, &today);
    long ago = day_number(&today) - day_number(&then);
    if (ago == 0) {
        say(p, to, "digits/today");
    } else if (ago == 1) {
        say(p, to, "digits/yesterday");
    } else if (ago == -1) {
        say(p, to, "digits/tomorrow");
    } else if (ago > 1 && ago < 7) {
        say_numbered(p, to, "digits/day-%ld", then.tm_wday);
    } else {
        say_day(p, to, &then);
        if (then.tm_year != today.tm_year)
            say_year(p, to, then.tm_year + 1900);
    }
    say(p, to, "digits/at");
    say_clock(p, to, &then);
}

void say_time(const struct prompts *p, struct phrase *to, time_t when, const char *zone)
{
    struct tm tm;

    zones_local(prompts_zones(p), zone, when, &tm);
    say_clock(p, to, &tm);
}

void say_date(const struct prompts *p, struct phrase *to, time_t when, const char *zone)
{
    struct tm tm;

    zones_local(prompts_zones(p), zone, when, &tm);
    say_day(p, to, &tm);
    say_year(p, to, tm.tm_year + 1900);
}

/* -- counts
 * ---------------------------------------------------------------------------------------------------------
 */

static void say_counted(const struct prompts *p, struct phrase *to, uint32_t number, const char *one,
                        const char *many)
{
    say_number(p, to, number);
    say(p, to, number == 1 ? one : many);
}

void say_duration(const struct prompts *p, struct phrase *to, uint32_t seconds)
{
    uint32_t hours = seconds / 3600, minutes = seconds / 60 % 60;

    seconds %= 60;
    if (hours > 0)
        say_counted(p, to, hours, "hour", "hours");
    if (minutes > 0)
        say_counted(p, to, minutes, "minute", "minutes");
    /* Nobody wants the seconds of an hour; but nothing at all is no answer. */
    if (hours == 0 && (seconds > 0 || minutes == 0))
        say_counted(p, to, seconds, "second", "seconds");
}

/* "You have 2 new and 1 old message": the noun goes with the number that stands before it. */
void say_message_count(const struct prompts *p, struct phrase *to, unsigned fresh, unsigned old)
{
    say(p, to, "vm-youhave");
    if (fresh == 0 && old == 0) {
        say(p, to, "vm-no");
        say(p, to, "vm-messages");
        return;
    }
    if (fresh > 0) {
        say_number(p, to, fresh);
        say(p, to, "vm-INBOX");
    }
    if (fresh > 0 && old > 0)
        say(p, to, "vm-and");
    if (old > 0) {
        say_number(p, to, old);
        say(p, to, "vm-Old");
    }
    say(p, to, (old > 0 ? old : fresh) == 1 ? "vm-message" : "vm-messages");
}
