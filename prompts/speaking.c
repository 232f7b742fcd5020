/* Numbers, dates, times and counts: what is told is worked out here, how it is said stands in the language's
 * grammar. */
#include "prompts/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 999999999L

/* -- numbers
 * -------------------------------------------------------------------------------------------------------- */

void say_number(const struct prompts *p, struct phrase *to, long number)
{
    char text[32];

    if (number < 0)
        say(p, to, "digits/minus");
    /* Nobody follows billions by ear: the digits, then. */
    if (number >= -NUMBER_MAX && number <= NUMBER_MAX &&
        grammar_say(prompts_grammar(p), p, to, "number", labs(number), NULL))
        return;
    snprintf(text, sizeof text, "%ld", number);
    say_digits(p, to, text + (number < 0));
}

void say_ordinal(const struct prompts *p, struct phrase *to, int number)
{
    /* There are no recordings of higher ones. */
    if (number < 1 || number > 99 || !grammar_say(prompts_grammar(p), p, to, "ordinal", number, NULL))
        say_number(p, to, number);
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
            char name[] = "digits/?";
            name[sizeof name - 2] = (char)c;
            say(p, to, name);
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

static void fields_of_time(long fields[FIELD_COUNT], const struct tm *tm)
{
    fields[FIELD_HOUR] = tm->tm_hour;
    fields[FIELD_MINUTE] = tm->tm_min;
    fields[FIELD_WEEKDAY] = tm->tm_wday;
    fields[FIELD_MONTH] = tm->tm_mon;
    fields[FIELD_DAY] = tm->tm_mday;
    fields[FIELD_YEAR] = tm->tm_year + 1900L;
}

/* Without such a set nothing is said of it. */
static void say_fields(const struct prompts *p, struct phrase *to, const char *set, const long *fields)
{
    (void)grammar_say(prompts_grammar(p), p, to, set, 0, fields);
}

/* Nearness is by the calendar of the zone, not by hours: 23:45 is yesterday a quarter of an hour past
 * midnight. */
void say_when(const struct prompts *p, struct phrase *to, time_t when, time_t now, const char *zone)
{
    long fields[FIELD_COUNT] = {0};
    struct tm then, today;

    zones_local(prompts_zones(p), zone, when, &then);
    zones_local(prompts_zones(p), zone, now, &today);
    fields_of_time(fields, &then);
    long ago = day_number(&today) - day_number(&then);
    fields[FIELD_NEAR] = ago == 0                        ? NEAR_TODAY
                         : ago == 1                      ? NEAR_YESTERDAY
                         : ago == -1                     ? NEAR_TOMORROW
                         : ago > 1 && ago < 7            ? NEAR_WEEK
                         : then.tm_year == today.tm_year ? NEAR_YEAR
                                                         : NEAR_FAR;
    say_fields(p, to, "when", fields);
}

void say_time(const struct prompts *p, struct phrase *to, time_t when, const char *zone)
{
    long fields[FIELD_COUNT] = {0};
    struct tm tm;

    zones_local(prompts_zones(p), zone, when, &tm);
    fields_of_time(fields, &tm);
    say_fields(p, to, "time", fields);
}

void say_date(const struct prompts *p, struct phrase *to, time_t when, const char *zone)
{
    long fields[FIELD_COUNT] = {0};
    struct tm tm;

    zones_local(prompts_zones(p), zone, when, &tm);
    fields_of_time(fields, &tm);
    say_fields(p, to, "date", fields);
}

/* -- counts
 * ---------------------------------------------------------------------------------------------------------
 */

void say_duration(const struct prompts *p, struct phrase *to, uint32_t seconds)
{
    const long fields[FIELD_COUNT] = {
        [FIELD_HOURS] = seconds / 3600,
        [FIELD_MINUTES] = seconds / 60 % 60,
        [FIELD_SECONDS] = seconds % 60,
    };

    say_fields(p, to, "duration", fields);
}

void say_message_count(const struct prompts *p, struct phrase *to, unsigned fresh, unsigned old)
{
    const long fields[FIELD_COUNT] = {[FIELD_FRESH] = fresh, [FIELD_OLD] = old};

    say_fields(p, to, "messages", fields);
}
